"""Commands of a small company, handed to the tests of the ledger as `company`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType

import pytest

from fivefold.ledger import events
from fivefold.ledger.events import Command, Line, SaleLine

WHEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def company() -> ModuleType:
    return sys.modules[__name__]


def line(item: str, quantity: int, value_minor: int = 0, lot: str = "") -> Line:
    return Line(item=item, quantity=quantity, value_minor=value_minor, lot=lot)


def opening(key: str = "open", item: str = "A", units: int = 10, value: int = 1000) -> Command:
    return events.opening_stock(
        key=key, actor="t", effective_at=WHEN, location="WH1", lines=[line(item, units, value)]
    )


def reserve(key: str, units: int, *, item: str = "A", order: str = "O1") -> Command:
    return events.reserve(
        key=key,
        actor="t",
        effective_at=WHEN,
        order=order,
        location="WH1",
        lines=[line(item, units)],
    )


def release(key: str, units: int, *, item: str = "A", order: str = "O1") -> Command:
    return events.release(
        key=key,
        actor="t",
        effective_at=WHEN,
        order=order,
        location="WH1",
        lines=[line(item, units)],
        expired=True,
    )


def ship(key: str, units: int, *, item: str = "A", order: str = "O1", revenue: int = 0) -> Command:
    return events.ship_order(
        key=key,
        actor="t",
        effective_at=WHEN,
        order=order,
        location="WH1",
        channel="FBM",
        lines=[SaleLine(item=item, quantity=units, revenue_minor=revenue)],
    )


def year(currency: str = "USD") -> Iterator[Command]:
    """Yield one of every verb, in an order that works."""
    of = {"actor": "t", "effective_at": WHEN}
    yield events.opening_stock(
        key="1", **of, location="WH1", lines=[line("A", 10, 1000), line("B", 30, 333)]
    )
    yield events.stock_difference(key="2", **of, location="WH1", item="A", quantity=-1)
    yield events.place_purchase(
        key="3",
        **of,
        order="PO1",
        supplier="S",
        lines=[line("C", 100, 5000)],
        deposit_minor=1500,
    )
    yield events.ship_purchase(
        key="4", **of, order="PO1", supplier="S", destination="WH1", lines=[line("C", 100, 5000)]
    )
    yield events.receive_purchase(
        key="5",
        **of,
        order="PO1",
        supplier="S",
        location="WH1",
        lines=[line("C", 100)],
        into="quarantine",
        freight_minor=701,
        duty_minor=99,
        deposit_minor=1500,
    )
    yield events.inspect(
        key="6",
        **of,
        location="WH1",
        accepted=[line("C", 90)],
        rejected=[line("C", 10)],
        cost_minor=50,
        ref="PO1",
    )
    yield events.transfer_ship(
        key="7",
        **of,
        order="TO1",
        source="WH1",
        destination="FBA-US",
        lines=[line("A", 4)],
        freight_minor=40,
    )
    yield events.transfer_receive(
        key="8", **of, order="TO1", destination="FBA-US", lines=[line("A", 4)], freight_minor=7
    )
    yield events.issue_and_make(
        key="9",
        **of,
        order="WO1",
        location="WH1",
        components=[line("B", 10), line("C", 5)],
        product="KIT",
        quantity=5,
        labour_minor=250,
    )
    yield events.reserve(
        key="10", **of, order="O1", location="WH1", lines=[line("KIT", 2)], expires_at=WHEN
    )
    yield events.ship_order(
        key="11",
        **of,
        order="O1",
        location="WH1",
        channel="FBM",
        lines=[
            SaleLine(
                item="KIT",
                quantity=2,
                revenue_minor=4000,
                promotion_minor=100,
                fees_minor={"Commission": 600},
            )
        ],
        shipping_minor=300,
        tax_minor=50,
        carriage_minor=450,
    )
    yield events.deliver(key="12", **of, order="O1", channel="FBM", lines=[line("KIT", 2)])
    yield events.return_receive(
        key="13",
        **of,
        order="O1",
        location="WH1",
        channel="FBM",
        lines=[line("KIT", 1)],
        reason="DEFECTIVE",
    )
    yield events.refund(
        key="14",
        **of,
        order="O1",
        channel="FBM",
        lines=[
            SaleLine(
                item="KIT",
                quantity=1,
                revenue_minor=2000,
                promotion_minor=50,
                fees_minor={"Commission": -300, "RefundCommission": 60},
            )
        ],
    )
    yield events.dispose(
        key="15",
        **of,
        location="WH1",
        lines=[line("KIT", 1)],
        option="liquidate",
        revenue_minor=500,
        cost_minor=20,
        ref="O1",
        channel="FBM",
    )
    settled = events.settlement_line(
        {
            "settlement": "S1",
            "line": 1,
            "transaction_type": "Order",
            "order": "O1",
            "item": "KIT",
            "amount_type": "ItemPrice",
            "amount_description": "Principal",
            "amount": 39.95,
            "currency": currency,
        },
        **of,
        channel="FBM",
        accrued_minor=4000,
    )
    assert settled is not None
    yield settled
    yield events.reimbursement(
        key="17", **of, item="A", amount_minor=120, reason="WAREHOUSE_LOST", channel="FBA"
    )
    yield events.storage_charge(key="18", **of, item="A", amount_minor=12, channel="FBA")
    yield events.marketplace_payout(key="19", **of, settlement="S1", amount_minor=3995)
    yield events.pay(key="20", **of, amount_minor=3500, order="PO1")
    yield events.record(key="21", **of, kind="plan_accepted", subject="PLAN1", body={"units": 5})
    yield events.reserve(
        key="22", **of, order="O2", location="WH1", lines=[line("A", 1), line("C", 3)]
    )
    yield events.release(
        key="23", **of, order="O2", location="WH1", lines=[line("A", 1)], expired=True
    )
