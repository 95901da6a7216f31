"""A promise on coming goods is a reservation: they are set aside the moment they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.backorders import cancel_order, fill_backorders
from fivefold.cycle.order_records import order_record
from fivefold.cycle.ordering import take_order
from fivefold.cycle.receiving import receive
from fivefold.cycle.serving import quote, source_open
from fivefold.cycle.shipping import ship
from fivefold.errors import ConflictError, DataError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.events import Line, opening_stock
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def held(store: Any, item: str, kind: str) -> int:
    rows = on_hand(store.journal).filter((pl.col("item") == item) & (pl.col("location") == "WH1"))
    return int(rows[kind].sum())


@pytest.fixture
def shop(company: Any, tmp_path: Path) -> Iterator[Any]:
    tables = company.tables()
    tables["supply_orders"] = [
        {
            "order": "PO1", "line": 1, "kind": "buy", "item": "MUG", "source": "SUP1",
            "destination": "WH1", "quantity": 50, "ordered_on": date(2026, 11, 1),
            "expected_on": date(2026, 12, 1), "status": "confirmed", "unit_price": 4.0,
        }
    ]  # fmt: skip
    with company.make(tmp_path / "w", tables) as store:
        yield store


def ask(store: Any, order: str, units: int) -> Any:
    wanted = [{"item": "MUG", "quantity": units}]
    return take_order(store, wanted, actor="t", at=NOON, order=order)


def test_goods_that_arrive_go_to_who_was_promised_them_not_to_who_asks_next(shop: Any) -> None:
    everything = held(shop, "MUG", "available")
    others = int(
        on_hand(shop.journal)
        .filter((pl.col("item") == "MUG") & (pl.col("location") == "PLANT1"))["available"]
        .sum()
    )
    first = ask(shop, "FIRST", everything + others + 3)
    assert {leg["basis"] for leg in first.legs} == {"on_hand", "in_transit"}
    receive(shop, "PO1", {"MUG": 2}, actor="t", on=AS_OF)
    assert held(shop, "MUG", "available") == 0, "both units are FIRST's already"
    later = ask(shop, "LATER", 1)
    assert [leg["basis"] for leg in later.legs] == ["in_transit"]
    receive(shop, "PO1", {"MUG": 2}, actor="t", on=AS_OF)
    assert held(shop, "MUG", "available") == 0, "one each"
    receive(shop, "PO1", {"MUG": 5}, actor="t", on=AS_OF)
    assert held(shop, "MUG", "available") == 5
    assert ship(shop, "FIRST", actor="t", at=NOON).waiting_units == 0
    assert ship(shop, "LATER", actor="t", at=NOON).waiting_units == 0
    assert held(shop, "MUG", "reserved") == 0
    assert verify(shop.journal).ok


def test_what_came_later_ships_after_what_shipped_first(shop: Any) -> None:
    stock = held(shop, "MUG", "available") + 60
    ask(shop, "O", stock + 1)
    assert ship(shop, "O", actor="t", at=NOON).waiting_units == 1
    assert ship(shop, "O", actor="t", at=NOON).status == "duplicate"
    receive(shop, "PO1", {"MUG": 1}, actor="t", on=AS_OF)
    done = ship(shop, "O", actor="t", at=NOON + timedelta(days=1))
    assert (done.status, sum(line["quantity"] for line in done.lines)) == ("ok", 1)
    row = shop.dataset(as_of=AS_OF)["orders"].filter(pl.col("order") == "O").row(0, named=True)
    assert row["status"] == "shipped"


def test_a_cancelled_order_gives_its_units_to_who_waits(shop: Any) -> None:
    stock = held(shop, "MUG", "available") + 60
    ask(shop, "HAS", stock)
    ask(shop, "WAITS", 2)
    done = cancel_order(shop, "HAS", actor="t", at=NOON)
    assert (done.status, done.released_units) == ("ok", stock)
    assert [(f.order, f.quantity) for f in done.passed_on] == [("WAITS", 2)]
    assert cancel_order(shop, "HAS", actor="t", at=NOON).status == "duplicate"
    assert fill_backorders(shop, actor="t", at=NOON) == []
    ship(shop, "WAITS", actor="t", at=NOON)
    with pytest.raises(ConflictError, match="has shipped"):
        cancel_order(shop, "WAITS", actor="t", at=NOON)


def test_an_order_takes_units_of_the_lots_that_are_there(shop: Any) -> None:
    shop.journal.submit(
        [
            opening_stock(
                key="lots", actor="t", effective_at=NOON, location="WH1", kind="available",
                lines=[Line(item="GIFT", lot="L1", quantity=3, value_minor=30)], currency="USD",
            )
        ],
        wait=True,
    )  # fmt: skip
    before = held(shop, "GIFT", "available")
    taken = take_order(
        shop, [{"item": "GIFT", "quantity": before}], actor="t", at=NOON, order="LOTS"
    )
    assert {leg["basis"] for leg in taken.legs} == {"on_hand"}
    assert held(shop, "GIFT", "reserved") == before
    assert ship(shop, "LOTS", actor="t", at=NOON).waiting_units == 0
    assert held(shop, "GIFT", "reserved") == 0


def test_asking_reserves_nothing_and_answers_as_taking_would(shop: Any) -> None:
    seq = shop.journal.seq
    wanted = [{"item": "MUG", "quantity": held(shop, "MUG", "available") + 61}]
    asked = quote(shop, wanted, at=NOON)["promises"]
    assert shop.journal.seq == seq
    taken = take_order(shop, wanted, actor="t", at=NOON, order="SAME")
    names = ("quantity", "location", "deliver_on", "basis")
    assert asked.select(names).rows() == [tuple(leg[n] for n in names) for leg in taken.legs]
    assert asked["quantity"].sum() == wanted[0]["quantity"]


def test_open_orders_are_sourced_with_those_who_wait(shop: Any) -> None:
    ask(shop, "O", held(shop, "MUG", "available") + 61)
    found = source_open(shop, at=NOON)["promises"]
    assert found.filter(pl.col("order") == "O")["quantity"].to_list() == [1]


def test_a_shortage_can_be_shared_instead_of_given_to_the_first(shop: Any) -> None:
    stock = held(shop, "MUG", "available") + 60
    ask(shop, "HAS", stock)
    ask(shop, "ONE", 6)
    ask(shop, "TWO", 6)
    shop.journal.submit(
        [
            opening_stock(
                key="found", actor="t", effective_at=NOON, location="WH1", kind="available",
                lines=[Line(item="MUG", quantity=4, value_minor=0)], currency="USD",
            )
        ],
        wait=True,
    )  # fmt: skip
    filled = fill_backorders(shop, actor="t", at=NOON, rule="fair_share")
    assert sorted((f.order, f.quantity) for f in filled) == [("ONE", 2), ("TWO", 2)]


def test_goods_that_arrive_are_shared_by_the_companys_own_rule(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables(allocation_rule="fair_share")
    tables["supply_orders"] = [
        {
            "order": "PO1", "line": 1, "kind": "buy", "item": "MUG", "source": "SUP1",
            "destination": "WH1", "quantity": 50, "ordered_on": date(2026, 11, 1),
            "expected_on": date(2026, 12, 1), "status": "confirmed", "unit_price": 4.0,
        }
    ]  # fmt: skip
    with company.make(tmp_path / "w", tables) as store:
        ask(store, "HAS", held(store, "MUG", "available") + 60)
        ask(store, "ONE", 6)
        ask(store, "TWO", 6)
        receive(store, "PO1", {"MUG": 6}, actor="t", on=AS_OF)
        assert [order_record(store, order).held_units(1) for order in ("ONE", "TWO")] == [3, 3]
        assert verify(store.journal).ok


def test_a_rule_nobody_knows_is_named(company: Any, tmp_path: Path) -> None:
    tables = company.tables(allocation_rule="loudest")
    with (
        company.make(tmp_path / "w", tables) as store,
        pytest.raises(DataError, match="loudest"),
    ):
        fill_backorders(store, actor="t", at=NOON)
