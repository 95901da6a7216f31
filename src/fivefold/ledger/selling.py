"""Commands for goods on their way out and back: promise, ship, deliver, take back.

Each function is pure and returns one command with its goods and its money. What units
cost is not said here: the books know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from fivefold.ledger.entries import Command, Fact, Move, Place, Posting, to_microseconds
from fivefold.ledger.supplying import OUTSIDE, Line

Disposition = Literal["restock", "refurbish", "liquidate", "scrap", "return_to_vendor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """Units sold, what they brought in all, and the marketplace's fees by its own type.

    A fee is positive where it is charged and negative where it is given back.
    """

    item: str
    quantity: int
    lot: str = ""
    revenue_minor: int = 0
    promotion_minor: int = 0
    fees_minor: Mapping[str, int] = field(default_factory=dict)


def signed_posting(
    account: str,
    against: str,
    amount_minor: int,
    *,
    currency: str,
    fee_type: str = "",
    item: str = "",
    order: str = "",
    channel: str = "",
) -> list[Posting]:
    """Return the posting that credits `account` with a signed amount, none where it is 0.

    >>> signed_posting("refunds", "receivable", -250, currency="USD")[0].debit
    'refunds'
    """
    if amount_minor == 0:
        return []
    debit, credit = (against, account) if amount_minor > 0 else (account, against)
    return [
        Posting(
            debit=debit,
            credit=credit,
            amount_minor=abs(amount_minor),
            currency=currency,
            fee_type=fee_type,
            item=item,
            order=order,
            channel=channel,
        )
    ]


def reserve(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    location: str,
    lines: Sequence[Line],
    channel: str = "",
    expires_at: datetime | None = None,
) -> Command:
    """Return units set aside for an order, all lines or none.

    What is reserved for one order cannot be shipped or released for another. Expiry does
    not happen by itself: it is a `release` with `expired`, see `balances.reservations`.
    """
    here, held = Place("available", location), Place("reserved", location)
    facts: tuple[Fact, ...] = ()
    if expires_at is not None:
        facts = (Fact("reservation", order, {"expires_us": to_microseconds(expires_at)}),)
    return Command(
        key=key,
        kind="reserve",
        actor=actor,
        effective_at=effective_at,
        moves=tuple([Move(line.item, line.lot, here, held, line.quantity) for line in lines]),
        facts=facts,
        ref=order,
        channel=channel,
    )


def release(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    location: str,
    lines: Sequence[Line],
    expired: bool = False,
) -> Command:
    """Return reserved units given free again, because of a cancellation or an expiry."""
    here, held = Place("available", location), Place("reserved", location)
    return Command(
        key=key,
        kind="expire_reservation" if expired else "release",
        actor=actor,
        effective_at=effective_at,
        moves=tuple([Move(line.item, line.lot, held, here, line.quantity) for line in lines]),
        ref=order,
    )


def ship_order(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    location: str,
    channel: str,
    lines: Sequence[SaleLine],
    shipping_minor: int = 0,
    tax_minor: int = 0,
    carriage_minor: int = 0,
    from_kind: str = "reserved",
    to_kind: Literal["delivering", "customer"] = "delivering",
    settled_through: Literal["marketplace_accrued", "receivable", "cash"] = "marketplace_accrued",
    currency: str = "USD",
) -> Command:
    """Return an order shipped: goods leave, revenue, fees, carriage and cost of goods are booked.

    Parameters
    ----------
    key, actor, effective_at, order, location, channel, currency
        As everywhere.
    lines : sequence of SaleLine
        Revenue and fees as known at shipment.
    shipping_minor, tax_minor : int
        Paid by the customer besides.
    carriage_minor : int
        Owed to the carrier, shared over the lines by units.
    from_kind : {'reserved', 'available'}
        Available where the order was never reserved, as when history is imported.
    to_kind : {'delivering', 'customer'}
        Delivering where its delivery will be told.
    settled_through : {'marketplace_accrued', 'receivable', 'cash'}
        Who owes the money. What is accrued at shipment is replaced by the figures of the
        settlement when it comes, see `settlement_line`.
    """
    here = Place(from_kind, location)
    beyond = Place(to_kind, channel or OUTSIDE)
    postings: list[Posting] = []
    units = sum(line.quantity for line in lines)
    carried = 0
    for line in lines:
        of = {"currency": currency, "item": line.item, "order": order, "channel": channel}
        postings += signed_posting("revenue", settled_through, line.revenue_minor, **of)
        postings += signed_posting("promotions", settled_through, -line.promotion_minor, **of)
        for fee_type, amount in line.fees_minor.items():
            postings += signed_posting(
                "marketplace_fees", settled_through, -amount, fee_type=fee_type, **of
            )
        before, carried = carried, carried + line.quantity
        share = carriage_minor * carried // units - carriage_minor * before // units
        postings += signed_posting("carriage", "payable", -share, **of)
    of = {"currency": currency, "order": order, "channel": channel}
    postings += signed_posting("shipping_revenue", settled_through, shipping_minor, **of)
    postings += signed_posting("tax", settled_through, tax_minor, **of)
    return Command(
        key=key,
        kind="ship_order",
        actor=actor,
        effective_at=effective_at,
        moves=tuple([Move(line.item, line.lot, here, beyond, line.quantity) for line in lines]),
        postings=tuple(postings),
        ref=order,
        channel=channel,
    )


def deliver(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    channel: str,
    lines: Sequence[Line],
) -> Command:
    """Return goods handed over to the customer."""
    src, dst = Place("delivering", channel or OUTSIDE), Place("customer", channel or OUTSIDE)
    return Command(
        key=key,
        kind="deliver",
        actor=actor,
        effective_at=effective_at,
        moves=tuple([Move(line.item, line.lot, src, dst, line.quantity) for line in lines]),
        ref=order,
        channel=channel,
    )


def return_receive(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    location: str,
    channel: str,
    lines: Sequence[Line],
    carriage_minor: int = 0,
    reason: str = "",
    undelivered: bool = False,
    currency: str = "USD",
) -> Command:
    """Return goods a customer sent back, into quarantine until it is decided what they are.

    They come back at the average cost of the goods there and lower the cost of goods sold.
    `undelivered` is for parcels that never reached the customer.
    """
    src = Place("delivering" if undelivered else "customer", channel or OUTSIDE)
    dst = Place("quarantine", location)
    postings = signed_posting(
        "carriage",
        "payable",
        -carriage_minor,
        currency=currency,
        item=lines[0].item if lines else "",
        order=order,
        channel=channel,
    )
    return Command(
        key=key,
        kind="return_receive",
        actor=actor,
        effective_at=effective_at,
        moves=tuple([Move(line.item, line.lot, src, dst, line.quantity) for line in lines]),
        postings=tuple(postings),
        facts=(Fact("returned", order, {"reason": reason}),) if reason and order else (),
        ref=order,
        channel=channel,
    )


def dispose(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    location: str,
    lines: Sequence[Line],
    option: Disposition,
    revenue_minor: int = 0,
    cost_minor: int = 0,
    from_kind: str = "quarantine",
    partner: str = OUTSIDE,
    channel: str = "",
    ref: str = "",
    currency: str = "USD",
) -> Command:
    """Return what became of returned or aged goods, with what it brought and cost.

    Restocked and refurbished goods are available again; liquidated ones are sold to
    `partner`; scrapped ones are a loss; those returned to the vendor bring its credit.

    Raises
    ------
    ValueError
        If the option is not known, or brings money that it cannot bring.
    """
    places = {
        "restock": Place("available", location),
        "refurbish": Place("available", location),
        "liquidate": Place("customer", partner),
        "scrap": Place("scrap", location),
        "return_to_vendor": Place("supplier", partner),
    }
    if option not in places:
        raise ValueError(f"option {option!r} is not known: {sorted(places)}")
    if revenue_minor and option not in ("liquidate", "return_to_vendor"):
        raise ValueError(f"option {option!r} brings no money, found {revenue_minor}")
    src = Place(from_kind, location)
    of = {
        "currency": currency,
        "item": lines[0].item if lines else "",
        "order": ref,
        "channel": channel,
    }
    postings: list[Posting] = []
    if option == "liquidate":
        postings += signed_posting("liquidation_revenue", "receivable", revenue_minor, **of)
    elif option == "return_to_vendor":
        postings += signed_posting("purchase_returns", "payable", revenue_minor, **of)
    cost = "refurbishment" if option in ("restock", "refurbish") else "other_cost"
    postings += signed_posting(cost, "payable", -cost_minor, fee_type=option, **of)
    return Command(
        key=key,
        kind=f"dispose_{option}",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(
            [Move(line.item, line.lot, src, places[option], line.quantity) for line in lines]
        ),
        postings=tuple(postings),
        ref=ref,
        channel=channel,
    )


def refund(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    channel: str,
    lines: Sequence[SaleLine],
    settled_through: Literal["marketplace_accrued", "receivable", "cash"] = "marketplace_accrued",
    currency: str = "USD",
) -> Command:
    """Return money given back: `revenue_minor` of each line is what the customer gets.

    Fees the marketplace gives back are negative in `fees_minor`, those it keeps for the
    refund positive. Goods come back by `return_receive`, or not at all.
    """
    postings: list[Posting] = []
    for line in lines:
        of = {"currency": currency, "item": line.item, "order": order, "channel": channel}
        postings += signed_posting("refunds", settled_through, -line.revenue_minor, **of)
        postings += signed_posting("promotions", settled_through, line.promotion_minor, **of)
        for fee_type, amount in line.fees_minor.items():
            postings += signed_posting(
                "marketplace_fees", settled_through, -amount, fee_type=fee_type, **of
            )
    return Command(
        key=key,
        kind="refund",
        actor=actor,
        effective_at=effective_at,
        postings=tuple(postings),
        ref=order,
        channel=channel,
    )


def carrier_claim(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    channel: str,
    amounts_minor: Mapping[str, int],
    currency: str = "USD",
) -> Command:
    """Return what a carrier grants for goods it lost or damaged, by item, owed by it.

    The goods went to the customer when they shipped; nothing moves.
    """
    postings: list[Posting] = []
    for item, amount in amounts_minor.items():
        postings += signed_posting(
            "reimbursements",
            "receivable",
            amount,
            currency=currency,
            fee_type="carrier_claim",
            item=item,
            order=order,
            channel=channel,
        )
    return Command(
        key=key,
        kind="carrier_claim",
        actor=actor,
        effective_at=effective_at,
        postings=tuple(postings),
        ref=order,
        channel=channel,
    )
