"""Kits at order time, substitutes, other places: nothing is held twice and books stay whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.check.findings import none
from fivefold.check.selling import check_promises
from fivefold.cycle.backorders import cancel_order, fill_backorders
from fivefold.cycle.fulfilment import RefusedError
from fivefold.cycle.order_records import order_record
from fivefold.cycle.ordering import take_order
from fivefold.cycle.receiving import receive
from fivefold.cycle.resourcing import move_line, offers_of, options_of, substitute
from fivefold.cycle.serving import quote
from fivefold.cycle.shipping import ship
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.events import Line, opening_stock
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def tables_of(company: Any, **more: Any) -> Any:
    tables = company.tables()
    for item in tables["items"]:
        if item["item"] == "GIFT":
            item |= {"item_kind": "kit", "assemble_to_order": True}
    tables["items"].append({**tables["items"][0], "item": "CUP", "price": 20.0})
    tables["locations"].append({**tables["locations"][1], "location": "WH2"})
    noon = tables["inventory"][0]["as_of"]
    tables["inventory"] += [
        {"item": "CUP", "location": "WH1", "on_hand": 10, "as_of": noon},
        {"item": "MUG", "location": "WH2", "on_hand": 30, "as_of": noon},
    ]
    tables["substitutes"] = [
        {"item": "MUG", "substitute": "CUP", "reason": "Same glaze, other handle."}
    ]
    tables["supply_orders"] = [
        {
            "order": "PO1", "line": 1, "kind": "buy", "item": "MUG", "source": "SUP1",
            "destination": "WH1", "quantity": 50, "ordered_on": date(2026, 11, 1),
            "expected_on": date(2026, 12, 1), "status": "confirmed", "unit_price": 4.0,
        }
    ]  # fmt: skip
    return {**tables, **more}


@pytest.fixture
def shop(company: Any, tmp_path: Path) -> Iterator[Any]:
    with company.make(tmp_path / "w", tables_of(company)) as store:
        yield store


def free(store: Any, item: str, place: str = "", kind: str = "available") -> int:
    rows = on_hand(store.journal).filter(pl.col("item") == item)
    if place:
        rows = rows.filter(pl.col("location") == place)
    return int(rows.filter(pl.col("location") != "FBA-US")[kind].sum())


def ask(store: Any, order: str, item: str, units: int, **more: Any) -> Any:
    wanted = [{"item": item, "quantity": units, **more}]
    return take_order(store, wanted, actor="t", at=NOON, order=order, postal_code="60601")


def broken_rules(store: Any, promises: pl.DataFrame) -> set[str]:
    """Return the rules that promises break, by the checker."""
    dataset = store.dataset(as_of=AS_OF).with_tables(promises=promises)
    return set(pl.concat([none(), *check_promises(dataset, as_of=AS_OF)])["rule"])


def test_the_checker_finds_kits_of_components_that_are_not_there(shop: Any) -> None:
    asked = quote(shop, [{"item": "GIFT", "quantity": 25}], at=NOON)["promises"]
    components = pl.col("basis") == "components"
    more = asked.with_columns(
        quantity=pl.when(components).then(31).otherwise("quantity"),
    )
    assert "kits_within_components" in broken_rules(shop, more)
    other = asked.with_columns(item=pl.when(components).then(pl.lit("CUP")).otherwise("item"))
    assert "kit_may_be_put_together" in broken_rules(shop, other)


def test_a_kit_is_put_together_where_no_kit_is_there(shop: Any) -> None:
    asked = quote(shop, [{"item": "GIFT", "quantity": 25}], at=NOON)["promises"]
    assert broken_rules(shop, asked) <= {"promise_of_what_was_ordered", "no_more_than_ordered"}
    before = {item: free(shop, item, "PLANT1") for item in ("MUG", "BOX")}
    taken = ask(shop, "K", "GIFT", 25)
    assert [(leg["quantity"], leg["basis"], leg["location"]) for leg in taken.legs] == [
        (20, "on_hand", "WH1"),
        (5, "components", "PLANT1"),
    ]
    assert free(shop, "MUG", "PLANT1") == before["MUG"] - 10
    assert free(shop, "BOX", "PLANT1") == before["BOX"] - 5
    assert order_record(shop, "K").waiting(1) == 0
    done = ship(shop, "K", actor="t", at=NOON)
    assert sum(line["quantity"] for line in done.lines) == 25
    assert (done.waiting_units, free(shop, "GIFT", kind="reserved")) == (0, 0)
    assert free(shop, "MUG", "PLANT1", "reserved") == 0
    assert ship(shop, "K", actor="t", at=NOON).status == "duplicate"
    assert verify(shop.journal).ok


def test_a_cancelled_kit_gives_back_its_components(shop: Any) -> None:
    before = {item: free(shop, item, "PLANT1") for item in ("MUG", "BOX")}
    ask(shop, "K", "GIFT", 25)
    done = cancel_order(shop, "K", actor="t", at=NOON)
    assert done.released_units == 25
    assert {item: free(shop, item, "PLANT1") for item in ("MUG", "BOX")} == before
    assert free(shop, "GIFT", "WH1") == 20


def test_components_promised_as_such_are_in_no_kit(shop: Any) -> None:
    ask(shop, "M", "MUG", free(shop, "MUG") - 3)
    taken = ask(shop, "K", "GIFT", 30)
    kits = sum(leg["quantity"] for leg in taken.legs if leg["basis"] == "components")
    assert kits <= 1, "three mugs that may lie apart make one kit at most"
    assert verify(shop.journal).ok


def test_kits_wait_and_are_filled_from_components_that_come(shop: Any) -> None:
    most = free(shop, "MUG", "PLANT1") // 2
    taken = ask(shop, "K", "GIFT", 20 + most + 2)
    assert sum(leg["quantity"] for leg in taken.legs if leg["basis"] == "components") == most
    assert order_record(shop, "K").waiting(1) == 2
    noon = {"actor": "t", "effective_at": NOON, "currency": "USD"}
    more = Line(item="MUG", quantity=3, value_minor=1500)
    shop.journal.submit(
        [opening_stock(key="more", location="PLANT1", kind="available", lines=[more], **noon)],
        wait=True,
    )
    (filled,) = fill_backorders(shop, actor="t", at=NOON)
    assert (filled.item, filled.quantity) == ("GIFT", 1)
    assert ship(shop, "K", actor="t", at=NOON).waiting_units == 1
    assert verify(shop.journal).ok


def test_a_substitute_is_offered_with_reason_price_and_day(shop: Any) -> None:
    stock = free(shop, "MUG")
    taken = ask(shop, "S", "MUG", stock + 4)
    (offer,) = taken.offers
    assert (offer["substitute"], offer["quantity"], offer["substitute_quantity"]) == ("CUP", 4, 4)
    assert offer["requires_consent"]
    assert "Same glaze" in offer["because"]
    assert offer["unit_price"] == 20.0, "the lower of 25 and 20"
    assert offer["price_change"] == pytest.approx(4 * (20.0 - 25.0))
    assert offer["deliver_on"] < offer["otherwise_on"]
    assert free(shop, "CUP", kind="reserved") == 0, "asked first"
    done = substitute(shop, "S", 1, "CUP", actor="t", at=NOON)
    assert (done.status, done.replaced, done.new_line) == ("ok", 4, 2)
    record = order_record(shop, "S")
    assert (record.lines[1]["quantity"], record.lines[2]["quantity"]) == (stock, 4)
    assert record.state == "ready"
    rows = shop.dataset(as_of=AS_OF)["orders"].filter(pl.col("order") == "S").sort("line")
    assert rows["instead_of"].to_list() == [None, "MUG"]
    with pytest.raises(ConflictError, match="not offered"):
        substitute(shop, "S", 1, "CUP", actor="t", at=NOON)
    shipped = ship(shop, "S", actor="t", at=NOON)
    assert shipped.waiting_units == 0
    assert shipped.revenue == pytest.approx(stock * 25.0 + 4 * 20.0)
    assert verify(shop.journal).ok


def test_a_customer_who_agreed_beforehand_gets_it_at_once_and_the_answer_is_one(shop: Any) -> None:
    stock = free(shop, "MUG")
    taken = ask(shop, "S", "MUG", stock + 4, substitutes="accept")
    items = {leg["item"]: leg["basis"] for leg in taken.legs}
    assert items == {"MUG": "on_hand", "CUP": "on_hand"}
    assert free(shop, "CUP", kind="reserved") == 4
    again = ask(shop, "S", "MUG", stock + 4, substitutes="accept")
    assert (again.status, len(again.legs)) == ("duplicate", len(taken.legs))
    assert free(shop, "CUP", kind="reserved") == 4


def test_who_wants_no_substitute_is_offered_none(shop: Any) -> None:
    assert ask(shop, "S", "MUG", free(shop, "MUG") + 4, substitutes="no").offers == ()


def test_a_line_moves_to_another_place_and_back_whole(shop: Any) -> None:
    taken = ask(shop, "A", "MUG", 12)
    (home,) = {leg["location"] for leg in taken.legs}
    assert home != "WH2"
    dataset = shop.dataset(as_of=AS_OF)
    options = options_of(shop, dataset, order_record(shop, "A"), AS_OF)
    assert options.filter("is_chosen")["location"].to_list() == [home]
    assert options.filter(pl.col("location") == "WH2")["co2e_kg"][0] > 0
    moved = move_line(shop, "A", 1, "WH2", actor="t", at=NOON)
    assert (moved.units, free(shop, "MUG", "WH2")) == (12, 18)
    assert free(shop, "MUG", home, "reserved") == 0
    with pytest.raises(ConflictError, match="nothing set aside elsewhere"):
        move_line(shop, "A", 1, "WH2", actor="t", at=NOON)
    with pytest.raises(NotFoundError, match="no line 7"):
        move_line(shop, "A", 7, "WH1", actor="t", at=NOON)
    ask(shop, "B", "MUG", 150)
    with pytest.raises(ConflictError, match="has 18 of"):
        move_line(shop, "B", 1, "WH2", actor="t", at=NOON)
    done = ship(shop, "A", actor="t", at=NOON)
    assert {line["from"] for line in done.lines} == {"WH2"}
    assert verify(shop.journal).ok


def test_many_who_ask_for_kits_and_their_components_at_once_oversell_nothing(shop: Any) -> None:
    start = {item: free(shop, item) for item in ("MUG", "BOX", "GIFT")}
    failed: list[str] = []

    def customer(number: int) -> None:
        for turn in range(4):
            item = ("GIFT", "MUG")[(number + turn) % 2]
            try:
                ask(shop, f"O{number}-{turn}", item, 14)
            except RefusedError as error:
                failed.append(error.receipt.status)

    threads = [threading.Thread(target=customer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(failed) <= {"short", "conflict"}, "the books may say no, and nothing else"
    for item, units in start.items():
        assert free(shop, item) + free(shop, item, kind="reserved") == units
        assert free(shop, item) >= 0
    assert verify(shop.journal).ok


def test_waiting_units_have_offers_and_what_comes_fills_them(shop: Any) -> None:
    ask(shop, "S", "MUG", free(shop, "MUG") + 4)
    offers = offers_of(shop, shop.dataset(as_of=AS_OF), "S", AS_OF)
    assert offers["substitute"].to_list() == ["CUP"]
    receive(shop, "PO1", {"MUG": 4}, actor="t", on=AS_OF)
    assert offers_of(shop, shop.dataset(as_of=AS_OF), "S", AS_OF).height == 0
    assert fill_backorders(shop, actor="t", at=NOON) == []
