"""The journal against a model of a page that knows nothing of how the journal is built."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fivefold.ledger import balances, events, money
from fivefold.ledger.events import Command, Line, SaleLine
from fivefold.ledger.journal import Journal
from fivefold.ledger.verify import verify

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
ITEMS = st.sampled_from(["A", "B"])
PLACES = st.sampled_from(["WH1", "WH2"])
ORDERS = st.sampled_from(["O1", "O2"])
UNITS = st.integers(1, 6)
CENTS = st.integers(0, 999)


class Model:
    """Units by (item, kind, location), reservations by order, value by (item, location)."""

    def __init__(self) -> None:
        self.units: Counter[tuple[str, str, str]] = Counter()
        self.held: Counter[tuple[str, str, str]] = Counter()
        self.value: Counter[tuple[str, str]] = Counter()
        self.last: dict[tuple[str, str], tuple[int, int]] = {}
        self.cost_of_goods = 0
        self.lost = 0
        self.variance = 0
        self.revenue: Counter[str] = Counter()

    def owned(self, item: str, location: str) -> int:
        kinds = ("available", "reserved", "quarantine")
        return sum(self.units[item, kind, location] for kind in kinds)

    def draw(self, item: str, location: str, units: int) -> int:
        """Take units out of a place's value at its average; call before the units move."""
        there, value = self.owned(item, location), self.value[item, location]
        exact = Decimal(value * units) / Decimal(there)
        cost = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        self.value[item, location] -= cost
        self.last[item, location] = self.last[item, ""] = (cost, units)
        return cost

    def put_back(self, item: str, location: str, units: int) -> int:
        """Add units that come back or are found, at the average; call before they move."""
        there, value = self.owned(item, location), self.value[item, location]
        if not there:
            value, there = self.last.get((item, location)) or self.last.get((item, "")) or (0, 1)
        exact = Decimal(value * units) / Decimal(there)
        cost = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        self.value[item, location] += cost
        return cost


class Books(RuleBasedStateMachine):
    """Random business on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.count = 0
        self.sent: list[Command] = []

    @initialize(durable=st.booleans())
    def start(self, durable: bool) -> None:
        self.folder = TemporaryDirectory() if durable else None
        self.open()

    def open(self) -> None:
        if self.folder is not None:
            self.journal = Journal.open(Path(self.folder.name) / "books.db")
        else:
            self.journal = Journal.in_memory()

    def send(self, command: Command, *, fits: bool) -> None:
        receipt = self.journal.submit(command)[0]
        assert receipt.status == ("ok" if fits else "short"), receipt
        if fits:
            self.sent.append(command)

    def of(self) -> dict[str, object]:
        self.count += 1
        return {"key": f"k{self.count}", "actor": "t", "effective_at": WHEN}

    @rule(item=ITEMS, place=PLACES, units=UNITS, cents=CENTS, freight=CENTS)
    def receive(self, item: str, place: str, units: int, cents: int, freight: int) -> None:
        lines = [Line(item=item, quantity=units, value_minor=cents)]
        self.send(
            events.receive_purchase(
                **self.of(),  # type: ignore[arg-type]
                order="PO",
                supplier="S",
                location=place,
                lines=lines,
                from_transit=False,
                freight_minor=freight,
            ),
            fits=True,
        )
        self.model.units[item, "available", place] += units
        self.model.value[item, place] += cents + freight

    @rule(item=ITEMS, place=PLACES, units=UNITS, order=ORDERS)
    def reserve(self, item: str, place: str, units: int, order: str) -> None:
        fits = self.model.units[item, "available", place] >= units
        lines = [Line(item=item, quantity=units)]
        self.send(
            events.reserve(**self.of(), order=order, location=place, lines=lines),  # type: ignore[arg-type]
            fits=fits,
        )
        if fits:
            self.model.units[item, "available", place] -= units
            self.model.units[item, "reserved", place] += units
            self.model.held[order, item, place] += units

    @rule(place=PLACES, first=UNITS, second=UNITS, order=ORDERS)
    def reserve_bundle(self, place: str, first: int, second: int, order: str) -> None:
        wanted = {"A": first, "B": second}
        fits = all(self.model.units[i, "available", place] >= n for i, n in wanted.items())
        lines = [Line(item=item, quantity=units) for item, units in wanted.items()]
        self.send(
            events.reserve(**self.of(), order=order, location=place, lines=lines),  # type: ignore[arg-type]
            fits=fits,
        )
        for item, units in wanted.items() if fits else ():
            self.model.units[item, "available", place] -= units
            self.model.units[item, "reserved", place] += units
            self.model.held[order, item, place] += units

    @rule(item=ITEMS, place=PLACES, units=UNITS, order=ORDERS)
    def release(self, item: str, place: str, units: int, order: str) -> None:
        fits = self.model.held[order, item, place] >= units
        lines = [Line(item=item, quantity=units)]
        self.send(
            events.release(**self.of(), order=order, location=place, lines=lines),  # type: ignore[arg-type]
            fits=fits,
        )
        if fits:
            self.model.units[item, "available", place] += units
            self.model.units[item, "reserved", place] -= units
            self.model.held[order, item, place] -= units

    @rule(item=ITEMS, place=PLACES, units=UNITS, order=ORDERS, cents=CENTS, back=st.booleans())
    def ship(self, item: str, place: str, units: int, order: str, cents: int, back: bool) -> None:
        fits = self.model.held[order, item, place] >= units
        command = events.ship_order(
            **self.of(),  # type: ignore[arg-type]
            order=order,
            location=place,
            channel="FBM",
            lines=[SaleLine(item=item, quantity=units, revenue_minor=cents)],
            to_kind="customer",
        )
        self.send(command, fits=fits)
        if not fits:
            return
        cost = self.model.draw(item, place, units)
        if back:
            reason = events.reverse(command, **self.of(), reason="wrong")  # type: ignore[arg-type]
            self.send(reason, fits=True)
            self.model.value[item, place] += cost
            return
        self.model.units[item, "reserved", place] -= units
        self.model.units[item, "customer", "FBM"] += units
        self.model.held[order, item, place] -= units
        self.model.cost_of_goods += cost
        self.model.revenue[item] += cents

    @rule(item=ITEMS, place=PLACES, units=UNITS)
    def take_back(self, item: str, place: str, units: int) -> None:
        lines = [Line(item=item, quantity=units)]
        self.send(
            events.return_receive(
                **self.of(),  # type: ignore[arg-type]
                order="O1",
                location=place,
                channel="FBM",
                lines=lines,
            ),
            fits=True,
        )
        self.model.cost_of_goods -= self.model.put_back(item, place, units)
        self.model.units[item, "customer", "FBM"] -= units
        self.model.units[item, "quarantine", place] += units

    @rule(item=ITEMS, place=PLACES, units=st.integers(-6, 6).filter(bool))
    def count_stock(self, item: str, place: str, units: int) -> None:
        fits = self.model.units[item, "available", place] + units >= 0
        self.send(
            events.stock_difference(
                **self.of(),  # type: ignore[arg-type]
                location=place,
                item=item,
                quantity=units,
            ),
            fits=fits,
        )
        if fits and units > 0:
            self.model.lost -= self.model.put_back(item, place, units)
        elif fits:
            self.model.lost += self.model.draw(item, place, -units)
        if fits:
            self.model.units[item, "available", place] += units
            self.model.units[item, "adjust", "count"] -= units

    @rule(item=ITEMS, units=UNITS)
    def transfer(self, item: str, units: int) -> None:
        fits = self.model.units[item, "available", "WH1"] >= units
        lines = [Line(item=item, quantity=units)]
        ship = events.transfer_ship(
            **self.of(),  # type: ignore[arg-type]
            order="TO",
            source="WH1",
            destination="WH2",
            lines=lines,
        )
        self.send(ship, fits=fits)
        if not fits:
            return
        receive = events.transfer_receive(
            **self.of(),  # type: ignore[arg-type]
            order="TO",
            destination="WH2",
            lines=lines,
        )
        self.send(receive, fits=True)
        cost = self.model.draw(item, "WH1", units)
        self.model.last[item, ""] = (cost, units)
        self.model.value[item, "WH2"] += cost
        self.model.units[item, "available", "WH1"] -= units
        self.model.units[item, "available", "WH2"] += units

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if not self.sent:
            return
        command = data.draw(st.sampled_from(self.sent))
        other = replace(command, ref=command.ref + "x")
        found = [receipt.status for receipt in self.journal.submit([command, other])]
        assert found == ["duplicate", "conflict"]

    @rule()
    def reopen(self) -> None:
        if self.folder is not None:
            self.journal.close()
            self.open()

    @rule()
    def go_on_in_a_fork(self) -> None:
        if self.folder is None:
            self.journal = self.journal.fork()

    @invariant()
    def balances_agree(self) -> None:
        if not hasattr(self, "journal"):
            return
        goods = balances.goods_frame(self.journal)
        for item, _, kind, location, units in goods.rows():
            if kind not in ("supplier", "in_transit"):
                assert units == self.model.units[item, kind, location], (item, kind, location)
        held = {row[0:2] + row[3:4]: row[4] for row in balances.reservations(self.journal).rows()}
        assert held == {key: units for key, units in self.model.held.items() if units}
        for item, location, account, _, value, _ in balances.inventory_value(self.journal).rows():
            if account == "inventory":
                assert value == self.model.value[item, location], (item, location)
            else:
                assert value == 0
        for account, wanted in (
            ("cost_of_goods_sold", self.model.cost_of_goods),
            ("inventory_adjustment", self.model.lost),
            ("inventory_variance", 0),
            ("revenue", -sum(self.model.revenue.values())),
        ):
            assert money.account_balance(self.journal, account) == wanted

    def teardown(self) -> None:
        if not hasattr(self, "journal"):
            return
        report = verify(self.journal)
        self.journal.close()
        assert report.ok, report.problems
        assert report.commands == len(self.sent)
        if self.folder is not None:
            self.folder.cleanup()


class BooksForLong(Books):
    """The same with more and longer runs."""


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

TestBooksForLong = pytest.mark.slow(BooksForLong.TestCase)
TestBooksForLong.settings = settings(TestBooks.settings, max_examples=5000, stateful_step_count=30)
