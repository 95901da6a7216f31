"""The day's work: nothing is received, promised, shipped or taken back twice or from thin air."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle import fulfilment, ordering, receiving, shipping
from fivefold.cycle.importing import import_files
from fivefold.cycle.ordering import take_order
from fivefold.cycle.receiving import OverReceiptError, receive
from fivefold.cycle.shipping import ship
from fivefold.cycle.taking_back import take_back
from fivefold.cycle.workspace import Workspace
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.money import balances, contribution
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def with_orders(company: Any, folder: Path, *orders: Mapping[str, Any]) -> Workspace:
    tables = company.tables()
    tables["supply_orders"] = [
        {
            "line": 1,
            "kind": "buy",
            "source": "SUP1",
            "destination": "WH1",
            "ordered_on": date(2026, 11, 1),
            "expected_on": date(2026, 12, 1),
            "status": "confirmed",
            **order,
        }
        for order in orders
    ]
    opened: Workspace = company.make(folder, tables)
    return opened


def units(store: Workspace, item: str, place: str, kind: str = "on_hand") -> int:
    rows = on_hand(store.journal).filter((pl.col("item") == item) & (pl.col("location") == place))
    return int(rows[kind].sum())


def amount(store: Workspace, account: str) -> int:
    return int(balances(store.journal).filter(pl.col("account") == account)["amount_minor"].sum())


def row_of(store: Workspace, order: str) -> dict[str, Any]:
    rows = store.dataset(as_of=AS_OF)["supply_orders"].filter(pl.col("order") == order)
    return rows.row(0, named=True)


BOUGHT = {"order": "PO1", "item": "MUG", "quantity": 100, "unit_price": 4.0}


def test_goods_arrive_in_parts_and_the_order_ends_when_all_is_there(
    company: Any, tmp_path: Path
) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        first = receive(store, "PO1", {"MUG": 60}, actor="t", on=AS_OF)
        assert (first.status, first.open_units) == ("ok", 40)
        assert row_of(store, "PO1")["status"] == "confirmed"
        second = receive(store, "PO1", None, actor="t", on=AS_OF)
        assert (second.status, second.open_units) == ("ok", 0)
        assert row_of(store, "PO1")["status"] == "received"
        assert units(store, "MUG", "WH1") == 300
        assert receive(store, "PO1", None, actor="t", on=AS_OF).status == "nothing_open"
        assert units(store, "MUG", "WH1") == 300
        assert verify(store.journal).ok


def test_a_delivery_note_counts_once_even_when_nothing_is_open_any_more(
    company: Any, tmp_path: Path
) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        receive(store, "PO1", {"MUG": 100}, actor="t", on=AS_OF, receipt="N1")
        again = receive(store, "PO1", {"MUG": 100}, actor="t", on=AS_OF, receipt="N1")
        assert (again.status, again.lines, again.open_units) == ("duplicate", (), 0)
        assert units(store, "MUG", "WH1") == 300


def test_more_than_five_in_a_hundred_too_much_is_refused_and_nothing_is_booked(
    company: Any, tmp_path: Path
) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        seq = store.journal.seq
        with pytest.raises(OverReceiptError, match=r"106 arrived, 100 were ordered.*at most 105"):
            receive(store, "PO1", {"MUG": 106}, actor="t", on=AS_OF)
        assert store.journal.seq == seq
        assert receive(store, "PO1", {"MUG": 105}, actor="t", on=AS_OF).open_units == 0
        with pytest.raises(OverReceiptError, match="at most 0 more"):
            receive(store, "PO1", {"MUG": 1}, actor="t", on=AS_OF)


@pytest.mark.parametrize("ordered", [20, 60, 100, 140, 220, 460, 1000])
def test_the_tolerance_is_not_lost_in_binary_fractions(
    company: Any, tmp_path: Path, ordered: int
) -> None:
    rows = pl.DataFrame(
        {
            "order": "P",
            "line": 1,
            "item": "MUG",
            "quantity": ordered,
            "quantity_received": 0,
            "status": "sent",
        }
    )
    assert receiving._arrived(rows, {"MUG": ordered * 21 // 20}, 0.05) == {1: ordered * 21 // 20}


def test_an_order_that_was_closed_short_takes_nothing_more_by_itself(
    company: Any, tmp_path: Path
) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        done = receive(store, "PO1", {"MUG": 90}, actor="t", on=AS_OF, closes=True)
        assert done.open_units == 0
        assert receive(store, "PO1", None, actor="t", on=AS_OF).status == "nothing_open"
        assert units(store, "MUG", "WH1") == 290


def test_one_item_on_two_lines_is_received_line_by_line(company: Any, tmp_path: Path) -> None:
    two = ({**BOUGHT, "quantity": 10}, {**BOUGHT, "line": 2, "quantity": 20})
    with with_orders(company, tmp_path / "w", *two) as store:
        done = receive(store, "PO1", {"MUG": 25}, actor="t", on=AS_OF)
        assert [(line["line"], line["quantity"]) for line in done.lines] == [(1, 10), (2, 15)]
        assert done.open_units == 5


def test_a_receipt_of_what_nobody_ordered_names_what_was(company: Any, tmp_path: Path) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        with pytest.raises(NotFoundError, match="has no item GIFT; it has MUG"):
            receive(store, "PO1", {"GIFT": 1}, actor="t", on=AS_OF)
        with pytest.raises(NotFoundError, match="near to it: PO1"):
            receive(store, "PO-1", None, actor="t", on=AS_OF)


def test_a_purchase_is_valued_at_its_price_and_owed(company: Any, tmp_path: Path) -> None:
    with with_orders(company, tmp_path / "w", BOUGHT) as store:
        before = amount(store, "inventory")
        receive(store, "PO1", {"MUG": 60}, actor="t", on=AS_OF, quarantine=True)
        assert amount(store, "inventory") - before == 60 * 400
        assert amount(store, "payable") == -60 * 400
        assert units(store, "MUG", "WH1", "quarantine") == 60
        assert units(store, "MUG", "WH1") == 200


def test_a_move_nobody_told_had_left_leaves_its_origin_when_it_arrives(
    company: Any, tmp_path: Path
) -> None:
    move = {
        "order": "M1",
        "kind": "move",
        "item": "MUG",
        "source": "WH1",
        "destination": "FBA-US",
        "quantity": 30,
        "status": "approved",
    }
    with with_orders(company, tmp_path / "w", move) as store:
        receive(store, "M1", {"MUG": 20}, actor="t", on=AS_OF)
        assert units(store, "MUG", "WH1") == 170
        assert units(store, "MUG", "FBA-US") == 140
        assert units(store, "MUG", "FBA-US", "in_transit") == 10
        receive(store, "M1", None, actor="t", on=AS_OF)
        assert units(store, "MUG", "FBA-US") == 150
        assert units(store, "MUG", "FBA-US", "in_transit") == 0


def test_a_run_made_in_two_parts_uses_its_components_once(store: Any) -> None:
    from fivefold.cycle.fulfilment import Operations, SupplyLine, SupplyOrder

    run = SupplyOrder(
        order="WO1",
        kind="make",
        source="PLANT1",
        destination="PLANT1",
        ordered_on=AS_OF,
        expected_on=AS_OF,
        labour_per_unit=3.0,
        lines=(SupplyLine(line=1, item="GIFT", quantity=10),),
        components={"MUG": 2.0, "BOX": 1.0},
    )
    operations = Operations(store.journal, actor="t")
    operations.write(operations.place_supply(run, at=NOON))
    receive(store, "WO1", {"GIFT": 4}, actor="t", on=AS_OF)
    assert (units(store, "MUG", "PLANT1"), units(store, "BOX", "PLANT1")) == (52, 36)
    receive(store, "WO1", {"GIFT": 5}, actor="t", on=AS_OF, closes=True)
    # Nine came out good; all ten were started and used up.
    assert (units(store, "MUG", "PLANT1"), units(store, "BOX", "PLANT1")) == (40, 30)
    assert units(store, "GIFT", "PLANT1") == 9
    assert amount(store, "payable") == -10 * 300
    gift = 2 * 20 * 500 // 2 + 10 * 100 + 10 * 300
    value = balances(store.journal).filter(
        (pl.col("account") == "inventory")
        & (pl.col("item") == "GIFT")
        & (pl.col("location") == "PLANT1")
    )
    assert value["amount_minor"].sum() == gift
    assert verify(store.journal).ok


def leave(store: Workspace, item: str, place: str, on: int) -> None:
    """Count a place down to these units."""
    text = (
        "item,location,lot,condition,on_hand,as_of\n"
        f"{item},{place},,sellable,{on},2026-11-22T09:00:00Z\n"
    )
    report = import_files(store, [(f"{item}.csv", text.encode())], actor="t", as_of=AS_OF)
    assert not report.refused_commands


def on_hand_legs(taken: Any) -> int:
    return sum(leg["quantity"] for leg in taken.legs if leg["basis"] == "on_hand")


def test_three_wanted_where_two_lie_gives_one_clear_answer(store: Any) -> None:
    leave(store, "GIFT", "WH1", 2)
    taken = take_order(store, [{"item": "GIFT", "quantity": 3}], actor="t", at=NOON, order="G1")
    assert taken.status == "ok"
    assert sum(leg["quantity"] for leg in taken.legs) == 3
    assert on_hand_legs(taken) == 2
    (rest,) = [leg for leg in taken.legs if leg["basis"] != "on_hand"]
    assert rest["quantity"] == 1
    assert (rest["location"] is None) == (rest["basis"] == "none")
    assert units(store, "GIFT", "WH1", "reserved") == 2
    # The next customer is promised nothing of these two.
    second = take_order(store, [{"item": "GIFT", "quantity": 2}], actor="t", at=NOON, order="G2")
    assert on_hand_legs(second) == 0


def test_the_same_order_number_gives_the_same_answer_and_other_lines_are_a_conflict(
    store: Any,
) -> None:
    wanted = [{"item": "GIFT", "quantity": 3}]
    first = take_order(store, wanted, actor="t", at=NOON, order="G1")
    seq = store.journal.seq
    again = take_order(store, wanted, actor="t", at=NOON + timedelta(hours=2), order="G1")
    assert again.status == "duplicate"
    assert [(x["location"], x["quantity"]) for x in again.legs] == [
        (x["location"], x["quantity"]) for x in first.legs
    ]
    with pytest.raises(ConflictError, match="taken before with other lines: 3 × GIFT through FBM"):
        take_order(store, [{"item": "GIFT", "quantity": 4}], actor="t", at=NOON, order="G1")
    assert store.journal.seq == seq
    assert units(store, "GIFT", "WH1", "reserved") == 3


def test_two_customers_without_a_number_are_two_orders(store: Any) -> None:
    wanted = [{"item": "GIFT", "quantity": 1}]
    first = take_order(store, wanted, actor="t", at=NOON)
    second = take_order(store, wanted, actor="t", at=NOON)
    assert first.order != second.order
    assert units(store, "GIFT", "WH1", "reserved") == 2


def test_coming_supply_is_promised_to_one_customer_only(company: Any, tmp_path: Path) -> None:
    coming = {**BOUGHT, "order": "PO2", "item": "GIFT", "quantity": 5}
    with with_orders(company, tmp_path / "w", coming) as store:
        leave(store, "GIFT", "WH1", 0)
        first = take_order(store, [{"item": "GIFT", "quantity": 4}], actor="t", at=NOON, order="A")
        second = take_order(store, [{"item": "GIFT", "quantity": 4}], actor="t", at=NOON, order="B")
        promised = [
            leg
            for taken in (first, second)
            for leg in taken.legs
            if leg["basis"] not in ("none", "capable")
        ]
        assert sum(leg["quantity"] for leg in promised) == 5


def test_planned_supply_that_became_an_order_is_promised_once(store: Any) -> None:
    from fivefold.cycle.review import accept

    made = store.latest_plan()
    plan = made.with_tables(violations=made["violations"].clear())
    accept(store, plan, actor="t", release_days=200)
    leave(store, "GIFT", "WH1", 0)
    coming = (
        plan["supply_plan"]
        .filter((pl.col("item") == "GIFT") & (pl.col("destination") == "WH1"))["quantity"]
        .sum()
    )
    assert coming > 0
    taken = take_order(
        store, [{"item": "GIFT", "quantity": int(coming) + 1000}], actor="t", at=NOON, order="BIG"
    )
    at_warehouse = [leg for leg in taken.legs if leg["location"] == "WH1"]
    assert sum(leg["quantity"] for leg in at_warehouse) <= coming


def test_of_two_who_ask_for_the_last_unit_at_once_one_gets_it(store: Any) -> None:
    leave(store, "GIFT", "WH1", 1)
    gate = threading.Barrier(2)
    answers: dict[str, Any] = {}

    def ask(name: str) -> None:
        gate.wait()
        answers[name] = take_order(
            store, [{"item": "GIFT", "quantity": 1}], actor=name, at=NOON, order=name
        )

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("A", "B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["A", "B"], "both are answered"
    assert sorted(on_hand_legs(taken) for taken in answers.values()) == [0, 1]
    assert units(store, "GIFT", "WH1", "reserved") == 1


def test_units_taken_between_the_look_and_the_promise_make_it_look_again(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(store, "GIFT", "WH1", 1)
    real = ordering.source_orders
    calls = []

    def slow(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        calls.append(1)
        if len(calls) == 1:
            take_order(store, [{"item": "GIFT", "quantity": 1}], actor="x", at=NOON, order="FAST")
        return found

    monkeypatch.setattr(ordering, "source_orders", slow)
    taken = take_order(store, [{"item": "GIFT", "quantity": 1}], actor="t", at=NOON, order="SLOW")
    assert on_hand_legs(taken) == 0
    assert len(calls) == 3


def test_unknown_items_and_channels_are_named(store: Any) -> None:
    with pytest.raises(NotFoundError, match="there is no item 'MUGG'"):
        take_order(store, [{"item": "MUGG", "quantity": 1}], actor="t", at=NOON)
    with pytest.raises(NotFoundError, match="no channel 'EBAY'; known are FBA, FBM"):
        take_order(store, [{"item": "MUG", "quantity": 1}], actor="t", at=NOON, channel="EBAY")


def test_shipping_books_revenue_fees_carriage_and_cost_of_goods(store: Any) -> None:
    fees = store.latest_plan()["channel_fees"].filter(
        (pl.col("item") == "GIFT") & (pl.col("channel") == "FBM")
    )
    charged = fees.filter(pl.col("line").is_in(shipping.CHARGED_PER_SALE))["counted"].sum()
    handled = fees.filter(pl.col("line").is_in(shipping.WITHOUT_PARCELS))["counted"].sum()
    take_order(store, [{"item": "GIFT", "quantity": 2}], actor="t", at=NOON, order="G1")

    done = ship(store, "G1", actor="t", at=NOON)
    # Two units share a parcel, whose cost is the carrier's and not twice that of one unit.
    spent = handled + sum(parcel["cost"] for parcel in done.parcels) / 2

    assert (done.status, done.revenue, done.waiting_units) == ("ok", 120.0, 0)
    assert units(store, "GIFT", "WH1") == 18
    assert amount(store, "revenue") == -12000
    assert amount(store, "cost_of_goods_sold") == 2 * 1200
    assert amount(store, "marketplace_fees") == pytest.approx(200 * charged, abs=1)
    assert amount(store, "carriage") == pytest.approx(200 * spent, abs=1)
    assert charged > 0
    assert spent > 0
    row = contribution(store.journal, by="order").filter(pl.col("order") == "G1")
    assert row["contribution_minor"].item() == pytest.approx(
        12000 - 2400 - 200 * (charged + spent), abs=2
    )
    orders = store.dataset(as_of=AS_OF)["orders"].filter(pl.col("order") == "G1")
    assert orders["status"].to_list() == ["shipped"]


def test_an_order_ships_once(store: Any) -> None:
    take_order(store, [{"item": "GIFT", "quantity": 2}], actor="t", at=NOON, order="G1")
    ship(store, "G1", actor="t", at=NOON)
    seq = store.journal.seq
    again = ship(store, "G1", actor="t", at=NOON + timedelta(days=1))
    assert (again.status, again.lines) == ("duplicate", ())
    assert store.journal.seq == seq
    with pytest.raises(NotFoundError, match="was not taken here"):
        ship(store, "G9", actor="t", at=NOON)


def test_a_complete_line_is_shipped_though_another_line_of_its_order_waits(store: Any) -> None:
    leave(store, "GIFT", "WH1", 0)
    take_order(
        store,
        [{"item": "MUG", "quantity": 1}, {"item": "GIFT", "quantity": 1}],
        actor="t",
        at=NOON,
        order="MIX",
    )
    done = ship(store, "MIX", actor="t", at=NOON)
    assert done.waiting_units == 1
    rows = store.dataset(as_of=AS_OF)["orders"].filter(pl.col("order") == "MIX").sort("line")
    assert rows["status"].to_list() == ["shipped", "open"]


def test_a_shipment_cut_off_between_two_places_goes_on_where_it_stopped(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(store, "MUG", "WH1", 30)
    taken = take_order(store, [{"item": "MUG", "quantity": 80}], actor="t", at=NOON, order="TWO")
    assert {leg["location"] for leg in taken.legs if leg["basis"] == "on_hand"} == {"PLANT1", "WH1"}
    real = fulfilment.Operations.write
    written = []

    def stop_after_one(self: Any, command: Any, *facts: Any) -> Any:
        if written:
            raise KeyboardInterrupt
        written.append(command.key)
        return real(self, command, *facts)

    with monkeypatch.context() as patch:
        patch.setattr(fulfilment.Operations, "write", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            ship(store, "TWO", actor="t", at=NOON)
    assert ship(store, "TWO", actor="t", at=NOON).status == "ok"
    assert amount(store, "revenue") == -80 * 2500
    assert ship(store, "TWO", actor="t", at=NOON).status == "duplicate"


def test_a_return_counts_once_and_books_refund_disposition_and_case(store: Any) -> None:
    take_order(store, [{"item": "GIFT", "quantity": 1}], actor="t", at=NOON, order="G1")
    ship(store, "G1", actor="t", at=NOON)
    back = NOON + timedelta(days=5)

    done = take_back(store, "R1", actor="t", at=back, item="GIFT", order="G1", reason="DEFECTIVE")

    assert (done.status, done.refund) == ("ok", 60.0)
    assert amount(store, "refunds") == 6000
    assert done.options.filter(pl.col("chosen"))["option"].to_list() == [done.chosen]
    best = done.options.filter(pl.col("allowed") & pl.col("value").is_not_null())
    assert best.sort("value", descending=True)["option"][0] == done.chosen
    assert done.answer_due_at is not None
    assert done.answer_due_at > back
    assert units(store, "GIFT", "WH1", "quarantine") == 0, "what came back was treated"
    assert verify(store.journal).ok

    seq = store.journal.seq
    again = take_back(store, "R1", actor="t", at=back + timedelta(days=9), item="GIFT", order="G1")
    assert (again.status, again.chosen, again.refund, again.case) == (
        "duplicate",
        done.chosen,
        60.0,
        done.case,
    )
    assert store.journal.seq == seq
    dataset = store.dataset(as_of=AS_OF + timedelta(days=9))
    assert dataset["returns"]["return_id"].to_list() == ["R1"]
    assert dataset["cases"].height == 1
    with pytest.raises(ConflictError, match="taken in before with 1 × GIFT"):
        take_back(store, "R1", actor="t", at=back, item="MUG")
