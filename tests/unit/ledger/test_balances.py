from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from fivefold import Dataset
from fivefold.ledger import balances, events, money
from fivefold.ledger.journal import Journal
from fivefold.model.schema import schema


def _later(command: events.Command, days: int) -> events.Command:
    return replace(command, effective_at=command.effective_at + timedelta(days=days))


@pytest.fixture(params=["memory", "file"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    if request.param == "memory":
        return Journal.in_memory()
    return Journal.open(tmp_path / "books.db")


def test_inventory_is_what_planning_reads(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(), _later(company.reserve("r", 3), 1)])
    journal.submit(_later(company.ship("s", 2), 2))
    table = balances.inventory_table(journal, date(2026, 11, 22))
    assert dict(table.schema) == schema("inventory").polars_schema()
    assert table.select("item", "location", "condition", "on_hand", "allocated").rows() == [
        ("A", "WH1", "sellable", 8, 1)
    ]
    assert Dataset({"inventory": table})["inventory"].height == 1
    journal.close()


@pytest.mark.parametrize(
    ("day", "on_hand", "allocated"), [(1, 10, 0), (2, 10, 3), (3, 8, 1), (9, 8, 1)]
)
def test_inventory_of_an_earlier_day_leaves_out_what_came_later(
    journal: Journal, company: ModuleType, day: int, on_hand: int, allocated: int
) -> None:
    journal.submit([company.opening(), _later(company.reserve("r", 3), 1)])
    journal.submit(_later(company.ship("s", 2), 2))
    table = balances.inventory_table(journal, date(2026, 11, day))
    assert table.select("on_hand", "allocated").rows() == [(on_hand, allocated)]
    journal.close()


def test_an_instant_is_exact(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.opening())
    before = balances.inventory_table(journal, datetime(2026, 11, 1, 11, 59, tzinfo=UTC))
    assert before["on_hand"].to_list() == [0]
    at = balances.inventory_table(journal, company.WHEN)
    assert at["on_hand"].to_list() == [10]
    journal.close()


def test_quarantine_stands_apart_and_empty_lots_are_left_out(
    journal: Journal, company: ModuleType
) -> None:
    of = {"actor": "t", "effective_at": company.WHEN, "location": "WH1"}
    journal.submit(
        [
            events.opening_stock(
                key="1",
                **of,
                lines=[company.line("A", 5, 50), company.line("A", 2, 20, lot="L1")],
            ),
            events.opening_stock(
                key="2", **of, kind="quarantine", lines=[company.line("A", 1, 10)]
            ),
            events.stock_difference(key="3", **of, item="A", lot="L1", quantity=-2),
            events.stock_difference(key="4", **of, item="A", quantity=-5),
        ]
    )
    table = balances.inventory_table(journal, date(2026, 11, 22))
    assert table.select("lot", "condition", "on_hand").rows() == [
        ("", "quarantine", 1),
        ("", "sellable", 0),
    ]
    journal.close()


def test_on_hand_adds_up(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.year())
    table = balances.on_hand(journal)
    assert table.filter(pl.col("on_hand") != pl.col("available") + pl.col("reserved")).height == 0
    assert table.filter((pl.col("item") == "A") & (pl.col("location") == "FBA-US")).row(0)[2] == 4
    journal.close()


def test_facts_are_found_by_kind_and_subject(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.year())
    assert balances.facts(journal, kind="plan_accepted")["body"].to_list() == ['{"units":5}']
    about = balances.facts(journal, subject="PO1")
    assert about["kind"].to_list() == [
        "purchase_order_placed",
        "purchase_order_received",
        "inspected",
    ]
    assert about["effective_at"].to_list() == [company.WHEN] * 3
    journal.close()


def test_value_of_an_account_is_the_sum_of_its_goods(journal: Journal, company: ModuleType) -> None:
    journal.submit(company.year())
    values = balances.inventory_value(journal)
    for account in ("inventory", "inventory_in_transit"):
        total = values.filter(pl.col("account") == account)["value_minor"].sum()
        assert total == money.account_balance(journal, account)
    journal.close()
