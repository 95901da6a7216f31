"""Commands for goods on their way in: opening, counting, buying, inspecting, moving, making.

Each function is pure and returns one command with its goods and its money. What units
cost when they leave a place is not said here: the books know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fivefold.ledger.accounts import inventory_account
from fivefold.ledger.entries import Command, Fact, Move, Place, Posting
from fivefold.units import split_minor

#: Where goods without a supplier or a customer of their own are said to be.
OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Units of an item, and what they cost in all where the document says so."""

    item: str
    quantity: int
    lot: str = ""
    value_minor: int = 0


def stock_postings(
    lines: Sequence[Line],
    amount_minor: int,
    *,
    place: Place,
    credit: str,
    currency: str,
    order: str,
    fee_type: str = "",
) -> list[Posting]:
    """Return postings that add an amount to the value of goods, shared by value, else by units.

    The remainder of a cent goes where the share was cut most, so that nothing is lost.
    """
    if amount_minor == 0:
        return []
    weights: list[int] = [line.value_minor for line in lines]
    if not any(weights):
        weights = [line.quantity for line in lines]
    shares = split_minor(amount_minor, [*weights])
    return [
        _into_stock(line.item, share, place, credit, currency, order, fee_type)
        for line, share in zip(lines, shares, strict=True)
        if share
    ]


def _into_stock(
    item: str, amount: int, place: Place, credit: str, currency: str, order: str, fee_type: str = ""
) -> Posting:
    return Posting(
        debit=inventory_account(place.kind),
        credit=credit,
        amount_minor=amount,
        currency=currency,
        fee_type=fee_type,
        item=item,
        order=order,
        location=place.location,
    )


def _bought(
    lines: Sequence[Line], place: Place, credit: str, currency: str, order: str
) -> list[Posting]:
    return [
        _into_stock(line.item, line.value_minor, place, credit, currency, order)
        for line in lines
        if line.value_minor
    ]


def _moves(lines: Iterable[Line], src: Place, dst: Place) -> list[Move]:
    return [Move(line.item, line.lot, src, dst, line.quantity) for line in lines]


def record(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    kind: str,
    subject: str,
    body: Mapping[str, object],
) -> Command:
    """Return a command that only states a fact, such as a plan accepted or a case opened."""
    return Command(
        key=key,
        kind=kind,
        actor=actor,
        effective_at=effective_at,
        facts=(Fact(kind, subject, body),),
        ref=subject,
    )


def opening_stock(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    location: str,
    lines: Sequence[Line],
    kind: str = "available",
    currency: str = "USD",
) -> Command:
    """Return the stock the books open with; each line's value is what it cost in all."""
    place = Place(kind, location)
    return Command(
        key=key,
        kind="opening_stock",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(_moves(lines, Place("opening", OUTSIDE), place)),
        postings=tuple(_bought(lines, place, "opening_equity", currency, "")),
    )


def stock_difference(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    location: str,
    item: str,
    quantity: int,
    lot: str = "",
    kind: str = "available",
    reason: str = "count",
    ref: str = "",
) -> Command:
    """Return what a count found (positive) or lost (negative) against the books.

    Found units are valued at the average of the goods there, lost ones leave at it.

    Raises
    ------
    ValueError
        If the quantity is zero: a count that agrees changes nothing.
    """
    if quantity == 0:
        raise ValueError("quantity must not be 0: a count that agrees changes nothing")
    here, beyond = Place(kind, location), Place("adjust", reason)
    src, dst = (beyond, here) if quantity > 0 else (here, beyond)
    return Command(
        key=key,
        kind="stock_difference",
        actor=actor,
        effective_at=effective_at,
        moves=(Move(item, lot, src, dst, abs(quantity)),),
        ref=ref,
    )


def place_purchase(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    supplier: str,
    lines: Sequence[Line],
    deposit_minor: int = 0,
    currency: str = "USD",
    details: Mapping[str, object] | None = None,
) -> Command:
    """Return a purchase order placed, with the deposit paid on it."""
    body = {
        "supplier": supplier,
        "currency": currency,
        "deposit_minor": deposit_minor,
        "lines": [
            {"item": line.item, "quantity": line.quantity, "value_minor": line.value_minor}
            for line in lines
        ],
        **(details or {}),
    }
    deposit = (
        Posting(
            debit="prepaid",
            credit="cash",
            amount_minor=deposit_minor,
            currency=currency,
            order=order,
        )
        if deposit_minor
        else None
    )
    return Command(
        key=key,
        kind="place_purchase",
        actor=actor,
        effective_at=effective_at,
        facts=(Fact("purchase_order_placed", order, body),),
        postings=(deposit,) if deposit else (),
        ref=order,
    )


def ship_purchase(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    supplier: str,
    destination: str,
    lines: Sequence[Line],
    currency: str = "USD",
) -> Command:
    """Return goods a supplier handed over, now ours and on their way to `destination`.

    A line's value is what the supplier is owed for it; leave it 0 where ownership passes
    only on receipt, and state it there.
    """
    place = Place("in_transit", destination)
    return Command(
        key=key,
        kind="ship_purchase",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(_moves(lines, Place("supplier", supplier), place)),
        postings=tuple(_bought(lines, place, "payable", currency, order)),
        ref=order,
    )


def receive_purchase(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    supplier: str,
    location: str,
    lines: Sequence[Line],
    from_transit: bool = True,
    into: str = "available",
    freight_minor: int = 0,
    duty_minor: int = 0,
    other_minor: int = 0,
    invoice_minor: int | None = None,
    deposit_minor: int = 0,
    currency: str = "USD",
) -> Command:
    """Return goods received from a supplier, and what bringing them here added to their cost.

    Parameters
    ----------
    key, actor, effective_at, order, supplier, location, currency
        As everywhere.
    lines : sequence of Line
        Their value is what the supplier is owed on receipt: all of it where the goods
        were not valued on shipment.
    from_transit : bool
        Whether they were shipped into `in_transit` before; else they come straight from
        the supplier.
    into : {'available', 'quarantine'}
        Quarantine where they are to be inspected.
    freight_minor, duty_minor, other_minor : int
        Shared over the lines by value (by units where no line has one) into stock.
    invoice_minor : int, optional
        Total of the supplier's invoice; a difference of up to half a cent a line from
        the lines' sum goes to rounding.
    deposit_minor : int
        Deposit used up by this receipt.

    Raises
    ------
    ValueError
        If the invoice differs from its lines by more than rounding.
    """
    place = Place(into, location)
    src = Place("in_transit", location) if from_transit else Place("supplier", supplier)
    postings = _bought(lines, place, "payable", currency, order)
    for amount in (freight_minor, duty_minor, other_minor):
        postings += stock_postings(
            lines, amount, place=place, credit="payable", currency=currency, order=order
        )
    if invoice_minor is not None:
        postings += _rounding(lines, invoice_minor, currency, order)
    if deposit_minor:
        postings.append(
            Posting(
                debit="payable",
                credit="prepaid",
                amount_minor=deposit_minor,
                currency=currency,
                order=order,
            )
        )
    body = {
        "supplier": supplier,
        "location": location,
        "lines": [{"item": line.item, "quantity": line.quantity} for line in lines],
        "freight_minor": freight_minor,
        "duty_minor": duty_minor,
        "other_minor": other_minor,
    }
    return Command(
        key=key,
        kind="receive_purchase",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(_moves(lines, src, place)),
        postings=tuple(postings),
        facts=(Fact("purchase_order_received", order, body),),
        ref=order,
    )


def _rounding(
    lines: Sequence[Line], invoice_minor: int, currency: str, order: str
) -> list[Posting]:
    difference = invoice_minor - sum(line.value_minor for line in lines)
    if 2 * abs(difference) > max(2, len(lines)):
        raise ValueError(
            f"invoice_minor {invoice_minor} differs from its lines by {difference}, "
            f"more than rounding"
        )
    if difference == 0:
        return []
    debit, credit = ("rounding", "payable") if difference > 0 else ("payable", "rounding")
    return [
        Posting(
            debit=debit,
            credit=credit,
            amount_minor=abs(difference),
            currency=currency,
            order=order,
        )
    ]


def inspect(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    location: str,
    accepted: Sequence[Line] = (),
    rejected: Sequence[Line] = (),
    cost_minor: int = 0,
    currency: str = "USD",
    ref: str = "",
    outcome: Mapping[str, object] | None = None,
) -> Command:
    """Return an inspection: accepted goods leave quarantine, rejected ones are scrapped."""
    quarantine = Place("quarantine", location)
    moves = _moves(accepted, quarantine, Place("available", location))
    moves += _moves(rejected, quarantine, Place("scrap", location))
    cost = (
        Posting(
            debit="inspection",
            credit="payable",
            amount_minor=cost_minor,
            currency=currency,
            order=ref,
        )
        if cost_minor
        else None
    )
    body = {
        "accepted_units": sum(line.quantity for line in accepted),
        "rejected_units": sum(line.quantity for line in rejected),
        **(outcome or {}),
    }
    return Command(
        key=key,
        kind="inspect",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(moves),
        postings=(cost,) if cost else (),
        facts=(Fact("inspected", ref or key, body),),
        ref=ref,
    )


def transfer_ship(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    source: str,
    destination: str,
    lines: Sequence[Line],
    from_kind: str = "available",
    freight_minor: int = 0,
    currency: str = "USD",
) -> Command:
    """Return goods that leave one of our places for another; freight adds to their cost."""
    place = Place("in_transit", destination)
    return Command(
        key=key,
        kind="transfer_ship",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(_moves(lines, Place(from_kind, source), place)),
        postings=tuple(
            stock_postings(
                lines, freight_minor, place=place, credit="payable", currency=currency, order=order
            )
        ),
        ref=order,
    )


def transfer_receive(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    destination: str,
    lines: Sequence[Line],
    into: str = "available",
    freight_minor: int = 0,
    currency: str = "USD",
) -> Command:
    """Return goods that arrive from another of our places; freight adds to their cost."""
    place = Place(into, destination)
    return Command(
        key=key,
        kind="transfer_receive",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(_moves(lines, Place("in_transit", destination), place)),
        postings=tuple(
            stock_postings(
                lines, freight_minor, place=place, credit="payable", currency=currency, order=order
            )
        ),
        ref=order,
    )


def issue_and_make(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    order: str,
    location: str,
    components: Sequence[Line],
    product: str,
    quantity: int,
    lot: str = "",
    labour_minor: int = 0,
    into: str = "available",
    currency: str = "USD",
) -> Command:
    """Return a work order done: components are issued and consumed, the product is made.

    The product takes over what the components cost, and the labour, which is owed to those
    who did it. With a quantity of 0
    the whole run was lost and its cost is a loss.
    """
    wip, production = Place("wip", location), Place("production", location)
    moves = _moves(components, Place("available", location), wip)
    moves += _moves(components, wip, production)
    if quantity:
        moves.append(Move(product, lot, production, Place(into, location), quantity))
    labour = (
        Posting(
            debit="production",
            credit="payable",
            amount_minor=labour_minor,
            currency=currency,
            item=product,
            order=order,
        )
        if labour_minor
        else None
    )
    body = {"product": product, "quantity": quantity, "location": location}
    return Command(
        key=key,
        kind="issue_and_make",
        actor=actor,
        effective_at=effective_at,
        moves=tuple(moves),
        postings=(labour,) if labour else (),
        facts=(Fact("made", order, body),),
        ref=order,
    )


def pay(
    *,
    key: str,
    actor: str,
    effective_at: datetime,
    amount_minor: int,
    account: str = "payable",
    order: str = "",
    currency: str = "USD",
) -> Command:
    """Return money paid from the bank: to suppliers and carriers, or straight for a cost."""
    posting = Posting(
        debit=account, credit="cash", amount_minor=amount_minor, currency=currency, order=order
    )
    return Command(
        key=key,
        kind="pay",
        actor=actor,
        effective_at=effective_at,
        postings=(posting,),
        ref=order,
    )


def reverse(
    command: Command, *, key: str, actor: str, effective_at: datetime, reason: str
) -> Command:
    """Return the command that takes another one back, legs turned round in opposite order.

    The books also take back what the first one cost, to the cent.
    """
    return Command(
        key=key,
        kind=f"reverse_{command.kind}"[:500],
        actor=actor,
        effective_at=effective_at,
        moves=tuple(
            Move(move.item, move.lot, move.dst, move.src, move.quantity)
            for move in reversed(command.moves)
        ),
        postings=tuple(
            Posting(
                debit=posting.credit,
                credit=posting.debit,
                amount_minor=posting.amount_minor,
                currency=posting.currency,
                fee_type=posting.fee_type,
                item=posting.item,
                order=posting.order,
                channel=posting.channel,
                location=posting.location,
            )
            for posting in command.postings
        ),
        facts=(Fact("reversed", command.key, {"reason": reason}),),
        ref=command.ref,
        channel=command.channel,
        reverses=command.key,
    )
