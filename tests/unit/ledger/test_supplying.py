from __future__ import annotations

from types import ModuleType

import polars as pl
import pytest

from fivefold.ledger import balances, events, money
from fivefold.ledger.journal import Journal


@pytest.fixture
def journal() -> Journal:
    return Journal.in_memory()


def _value(journal: Journal, item: str, location: str, account: str = "inventory") -> int:
    table = balances.inventory_value(journal)
    return int(
        table.filter(
            (pl.col("item") == item)
            & (pl.col("location") == location)
            & (pl.col("account") == account)
        )["value_minor"].sum()
    )


def test_landed_cost_is_goods_freight_and_duty_by_value(
    journal: Journal, company: ModuleType
) -> None:
    of = {"actor": "t", "effective_at": company.WHEN, "order": "PO", "supplier": "S"}
    lines = [company.line("A", 10, 9000), company.line("B", 10, 1000)]
    journal.submit(
        [
            events.ship_purchase(key="1", **of, destination="WH1", lines=lines),
            events.receive_purchase(
                key="2",
                **of,
                location="WH1",
                lines=[company.line("A", 10), company.line("B", 10)],
            ),
        ]
    )
    assert (_value(journal, "A", "WH1"), _value(journal, "B", "WH1")) == (9000, 1000)
    journal.submit(
        events.receive_purchase(
            key="3",
            **of,
            location="WH1",
            from_transit=False,
            lines=lines,
            freight_minor=101,
            duty_minor=1000,
        )
    )
    # Freight 101 by value is 90.9 and 10.1; the cent goes where the share was cut most.
    assert _value(journal, "A", "WH1") == 18000 + 91 + 900
    assert _value(journal, "B", "WH1") == 2000 + 10 + 100
    assert money.account_balance(journal, "payable") == -(20000 + 1101)


def test_an_invoice_may_differ_from_its_lines_by_rounding_only(company: ModuleType) -> None:
    of = {
        "actor": "t",
        "effective_at": company.WHEN,
        "order": "PO",
        "supplier": "S",
        "location": "WH1",
        "from_transit": False,
        "lines": [company.line("A", 3, 100), company.line("B", 3, 100)],
    }
    journal = Journal.in_memory()
    journal.submit(events.receive_purchase(key="1", **of, invoice_minor=199))
    assert money.account_balance(journal, "payable") == -199
    assert money.account_balance(journal, "rounding") == -1
    with pytest.raises(ValueError, match="more than rounding"):
        events.receive_purchase(key="2", **of, invoice_minor=210)


def test_a_deposit_is_used_up_by_the_receipt(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.year())
    assert money.account_balance(journal, "prepaid") == 0


def test_found_units_come_in_at_the_average_and_lost_ones_leave_at_it(
    journal: Journal, company: ModuleType
) -> None:
    of = {"actor": "t", "effective_at": company.WHEN, "location": "WH1", "item": "A"}
    journal.submit(company.opening(units=10, value=1005))
    journal.submit(events.stock_difference(key="1", **of, quantity=-4))
    assert _value(journal, "A", "WH1") == 1005 - 402
    journal.submit(events.stock_difference(key="2", **of, quantity=-6))
    assert _value(journal, "A", "WH1") == 0
    journal.submit(events.stock_difference(key="3", **of, quantity=2))
    assert _value(journal, "A", "WH1") == 201, "603 over 6 units, the last that left"
    with pytest.raises(ValueError, match="must not be 0"):
        events.stock_difference(key="4", **of, quantity=0)


def test_what_is_made_costs_what_went_into_it(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(units=10, value=999), company.opening("b", "B", 4, 400)])
    of = {"actor": "t", "effective_at": company.WHEN, "order": "WO", "location": "WH1"}
    parts = [company.line("A", 5), company.line("B", 4)]
    journal.submit(
        events.issue_and_make(
            key="1", **of, components=parts, product="KIT", quantity=3, labour_minor=77
        )
    )
    assert _value(journal, "KIT", "WH1") == 500 + 400 + 77
    assert money.account_balance(journal, "production") == 0
    goods = balances.goods_frame(journal)
    assert goods.filter(pl.col("kind") == "wip")["units"].sum() == 0


def test_a_run_that_made_nothing_is_a_loss(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.opening(units=10, value=1000))
    of = {"actor": "t", "effective_at": company.WHEN, "order": "WO", "location": "WH1"}
    lost = events.issue_and_make(
        key="1", **of, components=[company.line("A", 5)], product="KIT", quantity=0, labour_minor=50
    )
    assert journal.submit(lost)[0].status == "ok"
    assert money.account_balance(journal, "scrap_loss") == 550
    assert money.account_balance(journal, "production") == 0


def test_components_that_are_not_there_make_nothing(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.opening(units=4))
    of = {"actor": "t", "effective_at": company.WHEN, "order": "WO", "location": "WH1"}
    short = events.issue_and_make(
        key="1", **of, components=[company.line("A", 5)], product="KIT", quantity=1
    )
    assert journal.submit(short)[0].status == "short"
    assert _value(journal, "A", "WH1") == 1000


def test_a_transfer_carries_its_cost_and_adds_its_freight(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit(company.opening(units=3, value=1000))
    of = {"actor": "t", "effective_at": company.WHEN, "order": "TO", "destination": "FBA-US"}
    lines = [company.line("A", 2)]
    journal.submit(events.transfer_ship(key="1", **of, source="WH1", lines=lines, freight_minor=50))
    assert _value(journal, "A", "WH1") == 333
    assert _value(journal, "A", "FBA-US", "inventory_in_transit") == 717
    journal.submit(events.transfer_receive(key="2", **of, lines=lines, freight_minor=3))
    assert _value(journal, "A", "FBA-US", "inventory_in_transit") == 0
    assert _value(journal, "A", "FBA-US") == 720


def test_freight_that_comes_when_the_goods_are_gone_is_a_variance(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit([company.opening(units=1, value=100), company.reserve("r", 1)])
    late = events.Posting(
        debit="inventory",
        credit="payable",
        amount_minor=30,
        currency="USD",
        item="A",
        location="WH1",
    )
    freight = events.Command(
        key="f", kind="freight", actor="t", effective_at=company.WHEN, postings=(late,)
    )
    journal.submit([company.ship("s", 1), freight])
    assert _value(journal, "A", "WH1") == 0
    assert money.account_balance(journal, "inventory_variance") == 30
