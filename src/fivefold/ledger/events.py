"""The front door to what can be written: the nouns of an entry and the verbs of the business.

Every verb is pure and returns one `Command` with its goods and its money.
"""

from __future__ import annotations

from fivefold.ledger.entries import Command, Fact, Move, Place, Posting, fingerprint
from fivefold.ledger.selling import (
    Disposition,
    SaleLine,
    carrier_claim,
    deliver,
    dispose,
    refund,
    release,
    reserve,
    return_receive,
    ship_order,
)
from fivefold.ledger.settling import (
    marketplace_payout,
    reimbursement,
    settlement_account,
    settlement_line,
    storage_charge,
)
from fivefold.ledger.supplying import (
    Line,
    inspect,
    issue_and_make,
    opening_stock,
    pay,
    place_purchase,
    receive_purchase,
    record,
    reverse,
    ship_purchase,
    stock_difference,
    transfer_receive,
    transfer_ship,
)

__all__ = [
    "Command",
    "Disposition",
    "Fact",
    "Line",
    "Move",
    "Place",
    "Posting",
    "SaleLine",
    "carrier_claim",
    "deliver",
    "dispose",
    "fingerprint",
    "inspect",
    "issue_and_make",
    "marketplace_payout",
    "opening_stock",
    "pay",
    "place_purchase",
    "receive_purchase",
    "record",
    "refund",
    "reimbursement",
    "release",
    "reserve",
    "return_receive",
    "reverse",
    "settlement_account",
    "settlement_line",
    "ship_order",
    "ship_purchase",
    "stock_difference",
    "storage_charge",
    "transfer_receive",
    "transfer_ship",
]
