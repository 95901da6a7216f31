"""Which function reads which kind of report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from fivefold.connect.amazon import (
    feedback,
    fees,
    inventory,
    listings,
    money,
    orders,
    planning,
    returns,
    stock_ledger,
)
from fivefold.connect.amazon.report import Report

READERS: Mapping[str, Callable[[Report], dict[str, pl.DataFrame]]] = MappingProxyType(
    {
        "all_orders": orders.read,
        "fba_inventory": inventory.read_fba_inventory,
        "afn_inventory": inventory.read_afn_inventory,
        "reserved_inventory": inventory.read_reserved,
        "inventory_planning": planning.read_planning,
        "restock": planning.read_restock,
        "ledger_detail": stock_ledger.read_detail,
        "ledger_summary": stock_ledger.read_summary,
        "fba_returns": returns.read_fba_returns,
        "fbm_returns": returns.read_fbm_returns,
        "estimated_fees": fees.read_fee_preview,
        "storage_fees": fees.read_storage_fees,
        "aged_inventory_charges": fees.read_aged_charges,
        "settlement": money.read_settlement,
        "settlement_wide": money.read_settlement_wide,
        "reimbursements": money.read_reimbursements,
        "listings": listings.read,
        "seller_feedback": feedback.read,
    }
)
