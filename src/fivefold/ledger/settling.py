"""Commands for the marketplace's money: settlements, reimbursements, storage, payouts.

Knows which account each amount of a settlement (flat file V2) belongs to. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fivefold.ledger.entries import Command, Fact, Posting
from fivefold.ledger.selling import signed_posting
from fivefold.units import to_minor

_SHIPPING = frozenset({"shipping", "shippingcharge", "giftwrap", "delivery", "deliverycharge"})
_REIMBURSED = frozenset(
    {
        "balanceadjustment",
        "compensated_clawback",
        "cs_error_items",
        "cs_error_non_itemized",
        "free_replacement_refund_items",
        "incorrect_fees_items",
        "incorrect_fees_non_itemized",
        "missing_from_inbound",
        "missing_from_inbound_clawback",
        "removal_order_lost",
        "reversal_reimbursement",
        "warehouse_damage",
        "warehouse_lost",
    }
)
_RESERVE = frozenset({"current reserve amount", "previous reserve amount balance"})
_BANK = ("payable to amazon", "successful charge", "transfer of funds unsuccessful")
_STORAGE = (
    "storage fee",
    "storagerenewalbilling",
    "storagebilling",
    "storage overage",
    "long-term",
)
_CARRIAGE = (
    "transportation",
    "international freight",
    "shipping label",
    "fbainternationalinboundfreight",
)


def settlement_account(
    *, transaction_type: str, amount_type: str, amount_description: str, positive: bool
) -> str:
    """Return the account an amount of a settlement belongs to.

    Fees, storage, carriage and reimbursements keep Amazon's own description as their
    fee type. What is not known is a fee where it is charged and other income where it is
    paid, under its description, so that nothing is left out.

    >>> settlement_account(
    ...     transaction_type="Order", amount_type="ItemPrice",
    ...     amount_description="Principal", positive=True,
    ... )
    'revenue'
    """
    transaction, kind = transaction_type.strip().lower(), amount_type.strip().lower()
    name = amount_description.strip().lower()
    if kind == "itemwithheldtax" or (kind == "itemprice" and "tax" in name):
        return "tax"
    if kind in ("itemprice", "directpayment"):
        if "refund" in transaction or "chargeback" in transaction or name == "goodwill":
            return "refunds"
        return "shipping_revenue" if name in _SHIPPING else "revenue"
    if kind == "promotion":
        return "promotions"
    if kind == "itemfees":
        return "marketplace_fees"
    if "advertising" in kind:
        return "advertising"
    if name in _RESERVE:
        return "marketplace_reserve"
    if name.startswith(_BANK):
        return "cash"
    if kind == "fba inventory reimbursement" or name in _REIMBURSED:
        return "reimbursements"
    if "liquidation" in kind or "liquidation" in transaction:
        return "marketplace_fees" if "fee" in name else "liquidation_revenue"
    if any(word in name for word in _STORAGE):
        return "storage_fees"
    if any(word in name for word in _CARRIAGE):
        return "carriage"
    return "other_income" if positive else "marketplace_fees"


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value)


def settlement_line(
    row: Mapping[str, object],
    *,
    actor: str,
    effective_at: datetime,
    channel: str = "",
    accrued_minor: int = 0,
    currency: str = "USD",
) -> Command | None:
    """Return one line of a settlement as a command, None where its amount is 0.

    Parameters
    ----------
    row : mapping
        Of the table `settlements`: settlement, line, transaction_type, order, item,
        amount_type, amount_description, amount (signed, main unit), currency.
    actor, effective_at
        As everywhere.
    channel : str
        Channel it is booked to.
    accrued_minor : int
        What `ship_order` or `refund` accrued for the same account and dimensions, signed
        as income (see `money.accrued`). That much is taken back and the settled amount
        booked in its place, so that nothing counts twice.
    currency : str
        Where the row has none.

    Notes
    -----
    The key is `settlement:<number>:<line>`: the same report twice changes nothing.
    """
    money = _text(row, "currency") or currency
    amount = to_minor(_text(row, "amount") or 0, money)
    description = _text(row, "amount_description")
    account = settlement_account(
        transaction_type=_text(row, "transaction_type"),
        amount_type=_text(row, "amount_type"),
        amount_description=description,
        positive=amount > 0,
    )
    order = _text(row, "order")
    labelled = account not in ("revenue", "shipping_revenue", "refunds", "promotions", "tax")
    of = {
        "currency": money,
        "fee_type": description if labelled else "",
        "item": _text(row, "item"),
        "order": order,
        "channel": channel,
    }
    postings = signed_posting(account, "marketplace_accrued", -accrued_minor, **of)
    postings += signed_posting(account, "marketplace", amount, **of)
    if not postings:
        return None
    return Command(
        key=f"settlement:{_text(row, 'settlement')}:{_text(row, 'line')}",
        kind="settlement_line",
        actor=actor,
        effective_at=effective_at,
        postings=tuple(postings),
        ref=order or _text(row, "settlement"),
        channel=channel,
    )


def marketplace_payout(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    settlement: str,
    amount_minor: int,
    currency: str = "USD",
) -> Command:
    """Return what the marketplace paid out; negative where it collected."""
    return Command(
        key=key,
        kind="marketplace_payout",
        actor=actor,
        effective_at=effective_at,
        postings=tuple(
            signed_posting("marketplace", "cash", amount_minor, currency=currency, order=settlement)
        ),
        facts=(Fact("settlement_paid", settlement, {"amount_minor": amount_minor}),),
        ref=settlement,
    )


def reimbursement(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    item: str,
    amount_minor: int,
    reason: str,
    order: str = "",
    channel: str = "",
    settled_through: str = "marketplace_accrued",
    currency: str = "USD",
) -> Command:
    """Return what the marketplace granted for lost or damaged goods; negative takes it back.

    Accrued until the settlement line for it comes. The goods themselves leave by
    `stock_difference`.
    """
    return Command(
        key=key,
        kind="reimbursement",
        actor=actor,
        effective_at=effective_at,
        postings=tuple(
            signed_posting(
                "reimbursements",
                settled_through,
                amount_minor,
                currency=currency,
                fee_type=reason,
                item=item,
                order=order,
                channel=channel,
            )
        ),
        ref=order,
        channel=channel,
    )


def storage_charge(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    item: str,
    amount_minor: int,
    fee_type: str = "StorageFee",
    channel: str = "",
    settled_through: str = "marketplace_accrued",
    currency: str = "USD",
) -> Command:
    """Return storage charged for an item."""
    posting = Posting(
        debit="storage_fees",
        credit=settled_through,
        amount_minor=amount_minor,
        currency=currency,
        fee_type=fee_type,
        item=item,
        channel=channel,
    )
    return Command(
        key=key,
        kind="storage_charge",
        actor=actor,
        effective_at=effective_at,
        postings=(posting,),
        channel=channel,
    )
