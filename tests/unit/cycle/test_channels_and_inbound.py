from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.channel_advice import advise, item_records, only, planned_dataset
from fivefold.cycle.fulfilment import SupplyLine, SupplyOrder, operations_of
from fivefold.cycle.inbound import ClaimRules, claim, reconcile
from fivefold.cycle.receiving import receive
from fivefold.cycle.review import accept
from fivefold.errors import ConflictError, NotFoundError

AS_OF = date(2026, 11, 22)


def test_a_change_of_channel_is_worth_the_difference_times_the_year(store: Any) -> None:
    dataset, day = planned_dataset(store, None, otherwise=AS_OF)
    found = advise(dataset, as_of=day)
    assert found.gain_per_year == pytest.approx(found.changes["gain_per_year"].sum())
    assert 0.0 <= found.sure_gain_per_year <= found.gain_per_year
    for record in item_records(found):
        for channel in record["channels"]:
            counted = sum(line["counted"] or 0.0 for line in channel["lines"])
            if channel["contribution"] is not None:
                assert channel["contribution"] == pytest.approx(channel["price"] - counted)


def test_a_channel_can_be_thought_of_before_it_is_there(store: Any) -> None:
    dataset, day = planned_dataset(store, None, otherwise=AS_OF)
    item = dataset["items"].filter(pl.col("item_kind") == "finished")["item"][0]
    narrow = only(dataset, item)
    kinds = set(dataset["channels"]["kind"])
    assert "awd" not in kinds
    if "fba" not in kinds:
        with pytest.raises(NotFoundError, match="needs a channel of kind fba"):
            advise(narrow, as_of=day, also=["awd"])
        return
    found = advise(narrow, as_of=day, also=["awd"])
    lines = found.fees.filter(pl.col("channel") == "AWD")["line"].to_list()
    assert {"AWD_PROCESSING_FEE", "AWD_STORAGE_FEE", "AWD_TRANSPORTATION_FEE"} <= set(lines)


def test_an_item_that_is_not_there_is_told_with_near_ones(store: Any) -> None:
    dataset, _ = planned_dataset(store, None, otherwise=AS_OF)
    known = dataset["items"]["item"][0]
    with pytest.raises(NotFoundError, match=f"near: .*{known}"):
        only(dataset, known[:-1])


def _a_move(store: Any) -> tuple[str, date, int]:
    """Return a shipment to the fulfilment network that has left: number, arrival, units."""
    accept(store, store.latest_plan(), actor="t", release_days=60)
    orders = store.dataset(as_of=AS_OF)["supply_orders"]
    moves = orders.filter((pl.col("kind") == "move") & (pl.col("destination") == "FBA-US"))
    row = moves.sort("order", "line").row(0, named=True)
    lines = moves.filter(pl.col("order") == row["order"]).sort("line")
    supply = SupplyOrder(
        order=row["order"],
        kind="move",
        source=row["source"],
        destination=row["destination"],
        ordered_on=AS_OF,
        expected_on=row["expected_on"],
        lines=tuple(
            SupplyLine(line=line["line"], item=line["item"], quantity=line["quantity"])
            for line in lines.iter_rows(named=True)
        ),
    )
    operations = operations_of(store, store.dataset(as_of=AS_OF), actor="t")
    at = datetime.combine(AS_OF, time(12), tzinfo=UTC)
    assert operations.write(operations.ship_move(supply, at=at)).status == "ok"
    return row["order"], row["expected_on"], int(lines["quantity"].sum())


def test_missing_units_are_waited_for_then_claimed_once_then_lapse(store: Any) -> None:
    shipment, expected, shipped = _a_move(store)
    rules = ClaimRules(settle_days=10, window_days=30)

    def state(day: date) -> set[str]:
        lines = reconcile(store, as_of=day, rules=rules)
        return set(lines.filter(pl.col("shipment") == shipment)["state"])

    assert state(expected) == {"in_transit"}
    assert state(expected + timedelta(days=1)) == {"waiting"}
    with pytest.raises(ConflictError, match="late receipts are waited for until"):
        claim(store, shipment, actor="t", on=expected + timedelta(days=1), rules=rules)
    assert state(expected + timedelta(days=31)) == {"lapsed"}
    day = expected + timedelta(days=10)
    assert state(day) == {"claimable"}
    claimed = claim(store, shipment, actor="t", on=day, rules=rules)
    assert claimed["missing"].sum() == shipped
    assert state(day) == {"claimed"}
    with pytest.raises(ConflictError, match="its lines are claimed"):
        claim(store, shipment, actor="t", on=day, rules=rules)


def test_what_is_received_is_not_missing(store: Any) -> None:
    shipment, expected, _ = _a_move(store)
    receive(store, shipment, None, actor="t", on=expected)
    lines = reconcile(store, as_of=expected).filter(pl.col("shipment") == shipment)
    assert lines["missing"].sum() == 0
    assert set(lines["state"]) == {"complete"}
    with pytest.raises(NotFoundError, match="no shipment 'GONE'"):
        claim(store, "GONE", actor="t", on=AS_OF)
