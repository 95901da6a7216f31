"""Carrying out: orders placed and received, customers served, goods taken back.

Every verb writes one command, so it happens whole or not at all, and the same request twice
changes nothing. The twin calls these same verbs on forked books; nothing here can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from fivefold.cycle import documents
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Command, Fact, Line
from fivefold.ledger.journal import Journal, Receipt
from fivefold.model import Dataset
from fivefold.units import split_minor, to_minor


class RefusedError(FivefoldError):
    """The books refused a command; nothing of it was written.

    Attributes
    ----------
    receipt : Receipt
        short, conflict or rejected, with the reason.
    """

    def __init__(self, receipt: Receipt) -> None:
        self.receipt = receipt
        super().__init__(f"{receipt.status}: {receipt.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyLine:
    """One line of a supply order; `unit_price` and the rest in the main unit of the currency."""

    line: int
    item: str
    quantity: int
    unit_price: float = 0.0
    freight: float = 0.0
    duty: float = 0.0
    other: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyOrder:
    """A buy, move or make to place.

    `deposit` is paid when it is placed; `components` are what one unit of a make consumes.
    """

    order: str
    kind: str
    source: str
    destination: str
    ordered_on: date
    expected_on: date
    lines: tuple[SupplyLine, ...]
    mode: str = ""
    deposit: float = 0.0
    freight: float = 0.0
    labour_per_unit: float = 0.0
    components: Mapping[str, float] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()


class Operations:
    """The verbs of execution over one journal.

    Parameters
    ----------
    journal : Journal
        Live books, or a fork of them.
    actor : str
        Who acts, written beside each command.
    currency : str
        Of all amounts.
    """

    def __init__(self, journal: Journal, *, actor: str, currency: str = "USD") -> None:
        self.journal = journal
        self.actor = actor
        self.currency = currency

    def write(self, command: Command, *facts: Fact) -> Receipt:
        """Write one command with these facts beside it.

        Raises
        ------
        RefusedError
            If the books refuse it.
        """
        receipt = self.submit([self.with_facts(command, *facts)])[0]
        if not receipt.written:
            raise RefusedError(receipt)
        return receipt

    def submit(self, commands: Iterable[Command]) -> list[Receipt]:
        """Write several commands, each on its own; the caller reads the receipts."""
        return self.journal.submit(commands, wait=True)

    @staticmethod
    def with_facts(command: Command, *facts: Fact) -> Command:
        """Return a command that states these facts too."""
        return replace(command, facts=(*command.facts, *facts)) if facts else command

    def cents(self, amount: float) -> int:
        """Return an amount in minor units of the company's currency."""
        return to_minor(amount, self.currency)

    def place_supply(self, order: SupplyOrder, *, at: datetime) -> Command:
        """Return the command that places a supply order, a buy with its deposit."""
        fact = Fact(documents.SUPPLY_PLACED, order.order, supply_body(order))
        if order.kind == "buy":
            placed = events.place_purchase(
                key=f"place:{order.order}",
                actor=self.actor,
                effective_at=at,
                order=order.order,
                supplier=order.source,
                lines=[self._bought(line, line.quantity) for line in order.lines],
                deposit_minor=self.cents(order.deposit),
                currency=self.currency,
            )
            return self.with_facts(placed, fact)
        return Command(
            key=f"place:{order.order}",
            kind=f"place_{order.kind}",
            actor=self.actor,
            effective_at=at,
            facts=(fact,),
            ref=order.order,
        )

    def ship_move(self, order: SupplyOrder, *, at: datetime) -> Command:
        """Return the command by which the goods of a move leave for their destination."""
        shipped = events.transfer_ship(
            key=f"ship:{order.order}",
            actor=self.actor,
            effective_at=at,
            order=order.order,
            source=order.source,
            destination=order.destination,
            lines=[Line(item=line.item, quantity=line.quantity) for line in order.lines],
            freight_minor=self.cents(order.freight),
            currency=self.currency,
        )
        body = {"on": at.date().isoformat()}
        return self.with_facts(shipped, Fact(documents.SUPPLY_SHIPPED, order.order, body))

    def receive_supply(
        self,
        order: SupplyOrder,
        quantities: Mapping[int, int],
        *,
        at: datetime,
        key: str = "",
        into: str = "available",
        closes: bool = False,
        started: tuple[int, int] | None = None,
        damaged: Mapping[int, int] | None = None,
    ) -> Command:
        """Return the command that takes in what arrived of a supply order.

        Parameters
        ----------
        order : SupplyOrder
        quantities : mapping of line to units
            What arrived; lines not named did not.
        key : str
            Name of the receipt; the same receipt twice counts once.
        into : {'available', 'quarantine'}
        closes : bool
            Nothing more is expected, whatever is missing.
        started : (int, int), optional
            Units of a make used up before and after this receipt; default is none before and
            the whole order after, so that bad units use components too.
        damaged : mapping of line to units, optional
            Of what arrived; these units end in quarantine.
        """
        lines = [line for line in order.lines if quantities.get(line.line)]
        receipt_key = key or f"receive:{order.order}"
        if order.kind == "make":
            command = self._made(order, quantities, at, receipt_key, started)
        elif order.kind == "move":
            command = events.transfer_receive(
                key=receipt_key,
                actor=self.actor,
                effective_at=at,
                order=order.order,
                destination=order.destination,
                lines=[Line(item=x.item, quantity=quantities[x.line]) for x in lines],
                into=into,
                currency=self.currency,
            )
        else:
            command = self._received_purchase(order, lines, quantities, at, receipt_key, into)
        bad = damaged or {}
        if bad and into == "available":
            command = replace(command, moves=(*command.moves, *_set_aside(order, lines, bad)))
        body = {
            "on": at.date().isoformat(),
            "closes": closes,
            "receipt": receipt_key.removeprefix(f"receive:{order.order}:"),
            "into": into,
            "lines": [
                {
                    "line": x.line,
                    "item": x.item,
                    "quantity": quantities[x.line],
                    **({"damaged": bad[x.line]} if bad.get(x.line) else {}),
                }
                for x in lines
            ],
        }
        return self.with_facts(command, Fact(documents.SUPPLY_RECEIVED, order.order, body))

    def _bought(self, line: SupplyLine, quantity: int) -> Line:
        value = self.cents(line.unit_price * quantity)
        return Line(item=line.item, quantity=quantity, value_minor=value)

    def _received_purchase(
        self,
        order: SupplyOrder,
        lines: Sequence[SupplyLine],
        quantities: Mapping[int, int],
        at: datetime,
        key: str,
        into: str,
    ) -> Command:
        bought = [self._bought(line, quantities[line.line]) for line in lines]
        value = sum(line.value_minor for line in bought)
        ordered = sum(self.cents(line.unit_price * line.quantity) for line in order.lines)
        deposit = self.cents(order.deposit)
        used = split_minor(deposit, [value, max(0, ordered - value)])[0] if ordered else 0
        extra = {
            name: sum(self.cents(getattr(line, name) * quantities[line.line]) for line in lines)
            for name in ("freight", "duty", "other")
        }
        return events.receive_purchase(
            key=key,
            actor=self.actor,
            effective_at=at,
            order=order.order,
            supplier=order.source,
            location=order.destination,
            lines=bought,
            from_transit=False,
            into=into,
            freight_minor=extra["freight"],
            duty_minor=extra["duty"],
            other_minor=extra["other"],
            deposit_minor=min(used, value),
            currency=self.currency,
        )

    def _made(
        self,
        order: SupplyOrder,
        quantities: Mapping[int, int],
        at: datetime,
        key: str,
        started: tuple[int, int] | None,
    ) -> Command:
        line = order.lines[0]
        made = quantities.get(line.line, 0)
        before, after = started or (0, line.quantity)
        used = [
            Line(item=component, quantity=units)
            for component, per_unit in sorted(order.components.items())
            if (units := _whole_units(per_unit * after) - _whole_units(per_unit * before)) > 0
        ]
        return events.issue_and_make(
            key=key,
            actor=self.actor,
            effective_at=at,
            order=order.order,
            location=order.destination,
            components=used,
            product=line.item,
            quantity=made,
            labour_minor=self.cents(order.labour_per_unit * (after - before)),
            currency=self.currency,
        )


def _set_aside(
    order: SupplyOrder, lines: Sequence[SupplyLine], damaged: Mapping[int, int]
) -> list[events.Move]:
    """Return the moves of damaged units from where they were received into quarantine."""
    return [
        events.Move(
            line.item,
            "",
            events.Place("available", order.destination),
            events.Place("quarantine", order.destination),
            damaged[line.line],
        )
        for line in lines
        if damaged.get(line.line)
    ]


def _whole_units(units: float) -> int:
    """Return units rounded up, a hair above a whole number counting as that number."""
    return int(-(-(units - 1e-9) // 1))


def supply_body(order: SupplyOrder) -> dict[str, Any]:
    """Return what a fact says of a supply order; `supply_order_of` reads it back."""
    return {
        "kind": order.kind,
        "source": order.source,
        "destination": order.destination,
        "ordered_on": order.ordered_on.isoformat(),
        "expected_on": order.expected_on.isoformat(),
        "mode": order.mode,
        "deposit": order.deposit,
        "freight": order.freight,
        "labour_per_unit": order.labour_per_unit,
        "components": dict(order.components),
        "decisions": list(order.decisions),
        "lines": [
            {
                "line": line.line,
                "item": line.item,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "freight": line.freight,
                "duty": line.duty,
                "other": line.other,
            }
            for line in order.lines
        ],
    }


def supply_order_of(order: str, body: Mapping[str, Any]) -> SupplyOrder:
    """Return the supply order a `supply_order.placed` fact states."""
    return SupplyOrder(
        order=order,
        kind=body["kind"],
        source=body["source"],
        destination=body["destination"],
        ordered_on=date.fromisoformat(body["ordered_on"]),
        expected_on=date.fromisoformat(body["expected_on"]),
        lines=tuple(SupplyLine(**line) for line in body["lines"]),
        mode=body.get("mode", ""),
        deposit=body.get("deposit", 0.0),
        freight=body.get("freight", 0.0),
        labour_per_unit=body.get("labour_per_unit", 0.0),
        components=body.get("components", {}),
        decisions=tuple(body.get("decisions", ())),
    )


def operations_of(workspace: Workspace, dataset: Dataset, *, actor: str) -> Operations:
    """Return the verbs over the live books in the company's currency."""
    currency = dataset.setting("currency", "USD") or "USD"
    return Operations(workspace.journal, actor=actor, currency=currency)


def is_written(journal: Journal, key: str) -> bool:
    """Return whether a command of this key stands in the books."""
    try:
        journal.find(key)
    except NotFoundError:
        return False
    return True
