"""Counts and settlements become bookings: what is found or lost, what replaces what was accrued."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from fivefold.cycle.importing import import_files
from fivefold.cycle.ordering import take_order
from fivefold.cycle.shipping import ship
from fivefold.cycle.workspace import Workspace
from fivefold.ledger.balances import goods_frame, on_hand
from fivefold.ledger.money import accrued, balances, contribution
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNT = "item,location,lot,condition,on_hand,as_of\n"


def count(store: Workspace, *rows: str, on: date = AS_OF) -> Any:
    text = COUNT + "\n".join(rows) + "\n"
    report = import_files(store, [("inventory.csv", text.encode())], actor="test", as_of=on)
    assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
    assert report.refused_commands == ()
    return report


def units(store: Workspace, item: str, place: str, kind: str = "on_hand") -> int:
    rows = on_hand(store.journal).filter((pl.col("item") == item) & (pl.col("location") == place))
    return int(rows[kind].sum())


def amount(store: Workspace, account: str) -> int:
    return int(balances(store.journal).filter(pl.col("account") == account)["amount_minor"].sum())


def test_a_recount_books_what_was_found_and_lost(store: Any) -> None:
    count(
        store,
        "MUG,WH1,,sellable,190,2026-11-29T12:00:00Z",
        "GIFT,WH1,,sellable,23,2026-11-29T12:00:00Z",
    )
    assert units(store, "MUG", "WH1") == 190
    assert units(store, "GIFT", "WH1") == 23
    # Ten mugs at 5 lost, three gifts at 12 found.
    assert amount(store, "inventory_adjustment") == 10 * 500 - 3 * 1200
    assert verify(store.journal).ok


def test_a_count_older_than_the_last_one_changes_nothing(store: Any) -> None:
    seq = store.journal.seq
    count(store, "MUG,WH1,,sellable,1,2026-11-01T12:00:00Z")
    assert units(store, "MUG", "WH1") == 200
    assert store.journal.seq - seq == 2, "the file and that it was booked, nothing else"


def test_an_item_that_was_not_counted_again_keeps_what_happened_since(store: Any) -> None:
    take_order(store, [{"item": "GIFT", "quantity": 5}], actor="t", at=NOON, order="G1")
    ship(store, "G1", actor="t", at=NOON)
    count(store, "MUG,WH1,,sellable,199,2026-11-29T12:00:00Z", on=AS_OF + timedelta(days=7))
    assert units(store, "MUG", "WH1") == 199
    assert units(store, "GIFT", "WH1") == 15


def test_a_count_is_compared_with_the_books_of_its_own_moment(store: Any) -> None:
    later = NOON + timedelta(days=3)
    take_order(store, [{"item": "GIFT", "quantity": 8}], actor="t", at=later, order="M1")
    ship(store, "M1", actor="t", at=later)
    count(store, "GIFT,WH1,,sellable,18,2026-11-23T12:00:00Z", on=AS_OF + timedelta(days=4))
    assert units(store, "GIFT", "WH1") == 20 - 2 - 8


def test_reserved_units_are_counted_among_what_lies_there(store: Any) -> None:
    take_order(store, [{"item": "GIFT", "quantity": 8}], actor="t", at=NOON, order="M1")
    count(store, "GIFT,WH1,,sellable,20,2026-11-29T12:00:00Z")
    assert units(store, "GIFT", "WH1") == 20
    assert units(store, "GIFT", "WH1", "reserved") == 8


def test_lots_of_an_item_are_counted_each_by_itself(company: Any, tmp_path: Path) -> None:
    tables = company.tables()
    tables["inventory"] = [
        {"item": "MUG", "location": "WH1", "lot": lot, "on_hand": on, "as_of": NOON}
        for lot, on in (("L1", 5), ("L2", 7))
    ]
    with company.make(tmp_path / "w", tables) as store:
        count(
            store,
            "MUG,WH1,L1,sellable,5,2026-11-29T12:00:00Z",
            "MUG,WH1,L2,sellable,6,2026-11-29T12:00:00Z",
        )
        lots = goods_frame(store.journal).filter(
            (pl.col("location") == "WH1") & (pl.col("kind") == "available")
        )
        assert dict(lots.select("lot", "units").iter_rows()) == {"L1": 5, "L2": 6}


def test_unsellable_units_stand_in_quarantine(store: Any) -> None:
    count(store, "MUG,WH1,,unsellable,4,2026-11-29T12:00:00Z")
    assert units(store, "MUG", "WH1", "quarantine") == 4
    assert units(store, "MUG", "WH1") == 200


def test_a_place_first_counted_empty_finds_goods_later_and_does_not_open_with_them(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables()
    tables["inventory"] = [{"item": "MUG", "location": "WH1", "on_hand": 0, "as_of": NOON}]
    with company.make(tmp_path / "w", tables) as store:
        count(store, "MUG,WH1,,sellable,6,2026-11-29T12:00:00Z")
        assert units(store, "MUG", "WH1") == 6
        assert amount(store, "opening_equity") == 0


def test_goods_on_their_way_open_in_transit_once_whatever_arrives_later(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables()
    move = {
        "order": "FBA1",
        "line": 1,
        "kind": "move",
        "item": "MUG",
        "source": "WH1",
        "destination": "FBA-US",
        "quantity": 30,
        "shipped_on": date(2026, 11, 20),
        "expected_on": date(2026, 11, 26),
        "status": "in_transit",
    }
    tables["supply_orders"] = [move]
    with company.make(tmp_path / "w", tables) as store:
        assert units(store, "MUG", "FBA-US", "in_transit") == 30
        tables["supply_orders"] = [{**move, "quantity_received": 12}]
        again = [f for f in company.files(tables) if f[0] == "supply_orders.csv"]
        report = import_files(store, again, actor="test", as_of=AS_OF + timedelta(days=2))
        assert report.refused_commands == ()
        assert units(store, "MUG", "FBA-US", "in_transit") == 30


SETTLEMENT = (
    "settlement,line,transaction_type,order,item,amount_type,amount_description,amount,"
    "currency,quantity,fulfilment,posted_at\n"
)


def settle(store: Workspace, *rows: str, name: str = "settlements.csv") -> Any:
    text = SETTLEMENT + "\n".join(rows) + "\n"
    report = import_files(
        store, [(name, text.encode())], actor="test", as_of=AS_OF + timedelta(days=14)
    )
    assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
    assert report.refused_commands == ()
    return report


def sold(order: str, item: str, price: float, line: int, when: str = "2026-12-05T00:00:00Z") -> str:
    return f"S1,{line},Order,{order},{item},ItemPrice,Principal,{price:.2f},USD,1,MFN,{when}"


def test_a_settlement_replaces_what_was_accrued_and_does_not_double_it(store: Any) -> None:
    take_order(store, [{"item": "MUG", "quantity": 1}], actor="t", at=NOON, order="M1")
    ship(store, "M1", actor="t", at=NOON)
    assert amount(store, "revenue") == -2500
    assert accrued(store.journal, "M1").height > 0

    settle(
        store,
        sold("M1", "MUG", 25.0, 1),
        "S1,2,Order,M1,MUG,ItemFees,Commission,-3.75,USD,1,MFN,2026-12-05T00:00:00Z",
    )

    assert amount(store, "revenue") == -2500
    assert amount(store, "marketplace_fees") == 375
    assert accrued(store.journal, "M1").height == 0
    assert amount(store, "marketplace_accrued") == 0
    assert amount(store, "marketplace") == 2500 - 375
    # Its goods left these books when it shipped: no second cost of goods.
    assert amount(store, "cost_of_goods_sold") == 500
    assert verify(store.journal).ok


def test_goods_of_a_sale_before_the_books_opened_are_costed_with_its_settlement(
    store: Any,
) -> None:
    stock = amount(store, "inventory")
    settle(store, sold("OLD-1", "GIFT", 60.0, 1, "2026-11-10T00:00:00Z"))
    assert amount(store, "revenue") == -6000
    assert amount(store, "cost_of_goods_sold") == 1200
    assert amount(store, "inventory") == stock, "those goods were gone before the first count"
    table = contribution(store.journal, by="item").filter(pl.col("item") == "GIFT")
    assert table["contribution_minor"].sum() == 6000 - 1200


def test_a_settlement_that_comes_again_in_another_file_is_booked_once(
    store: Any, company: Any
) -> None:
    row = sold("OLD-1", "GIFT", 60.0, 1, "2026-11-10T00:00:00Z")
    settle(store, row)
    again = settle(store, row, "", name="settlement again.csv")
    assert again.files[0].status == "loaded", "other bytes are another file"
    assert amount(store, "revenue") == -6000


def test_a_cost_that_changed_since_does_not_rewrite_what_was_booked(
    store: Any, company: Any
) -> None:
    settle(store, sold("OLD-1", "GIFT", 60.0, 1, "2026-11-10T00:00:00Z"))
    tables = company.tables()
    tables["items"][1]["unit_cost"] = 13.0
    files = [f for f in company.files(tables) if f[0] == "items.csv"]
    report = import_files(store, files, actor="test", as_of=AS_OF + timedelta(days=20))
    assert report.refused_commands == ()
    assert amount(store, "cost_of_goods_sold") == 1200
