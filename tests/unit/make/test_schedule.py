from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from fivefold.make.schedule import Params, schedule_work
from fivefold.model import Dataset, Outcome, schema

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def _make(
    decision: str, product: str, units: int, due_on: date, *, start_on: date = MONDAY
) -> dict[str, object]:
    return {
        "decision": decision,
        "kind": "make",
        "item": product,
        "source": "PLANT1",
        "destination": "PLANT1",
        "quantity": units,
        "start_on": start_on,
        "due_on": due_on,
    }


def _plant(*makes: dict[str, object], **tables: pl.DataFrame) -> Dataset:
    base = {
        "items": pl.DataFrame(
            {"item": ["KIT", "SET", "BOX", "TIN"], "price": [20.0, 10.0, None, None]}
        ),
        "locations": pl.DataFrame(
            {"location": ["PLANT1"], "kind": ["plant"], "timezone": ["America/Chicago"]}
        ),
        "resources": pl.DataFrame(
            {
                "resource": ["LINE", "PACK"],
                "location": ["PLANT1", "PLANT1"],
                "hours_per_day": [8.0, 8.0],
                "cost_per_hour": [30.0, 20.0],
                "is_bottleneck": [True, False],
            }
        ),
        "operations": pl.DataFrame(
            {
                "product": ["KIT", "KIT", "SET"],
                "operation": [10, 20, 10],
                "location": ["PLANT1"] * 3,
                "resource": ["LINE", "PACK", "LINE"],
                "setup_time_hours": [1.0, 0.0, 1.0],
                "run_time_hours_per_unit": [0.1, 0.01, 0.1],
                "yield_share": [1.0, 0.8, 1.0],
            }
        ),
        "bills_of_material": pl.DataFrame(
            {
                "product": ["KIT", "SET"],
                "component": ["BOX", "BOX"],
                "quantity_per": [1.0, 2.0],
                "scrap_share": [0.2, 0.0],
            }
        ),
        "supply_plan": schema("supply_plan").frame(list(makes)),
    }
    return Dataset(base | tables)


def _rows(outcome: Outcome) -> dict[str, dict[str, object]]:
    return {row["decision"]: row for row in outcome["work_orders"].iter_rows(named=True)}


def test_a_make_runs_in_local_shift_hours_on_the_bottleneck() -> None:
    outcome = schedule_work(_plant(_make("m", "KIT", 80, MONDAY + timedelta(days=4))), as_of=AS_OF)

    order = _rows(outcome)["m"]
    # 80 good kits need 100 starts: 10 hours and 1 of set-up, from 8:00 in Chicago.
    assert order["order"] == "WO-KIT-PLANT1-20261127"
    assert order["resource"] == "LINE"
    assert order["start_quantity"] == 100
    assert order["start_at"] == datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    assert order["finish_at"] == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    assert order["late_days"] == 0
    assert order["available_on"] == date(2026, 11, 24)


def test_components_are_issued_for_units_started_with_scrap() -> None:
    outcome = schedule_work(_plant(_make("m", "KIT", 80, MONDAY + timedelta(days=4))), as_of=AS_OF)

    assert outcome["work_order_components"].rows() == [("WO-KIT-PLANT1-20261127", "BOX", 125)]


def test_two_batches_of_one_product_share_a_set_up() -> None:
    due = MONDAY + timedelta(days=11)
    outcome = schedule_work(
        _plant(
            _make("k1", "KIT", 40, due), _make("s1", "SET", 50, due), _make("k2", "KIT", 40, due)
        ),
        as_of=AS_OF,
    )

    # 5 + 5 hours of kits with one set-up, 5 of sets with one.
    assert outcome.objective == pytest.approx(2 * 30.0)
    last = max(row["finish_at"] for row in outcome["work_orders"].iter_rows(named=True))
    assert last == datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    assert outcome.notes["cost_by_due_date"] == pytest.approx(3 * 30.0) or (
        outcome.notes["cost_by_due_date"] == pytest.approx(2 * 30.0)
    )


def test_work_that_cannot_be_in_time_is_late_and_says_what_hours_are_worth() -> None:
    dataset = _plant(
        _make("m1", "SET", 150, MONDAY + timedelta(days=1)),
        _make("m2", "KIT", 80, MONDAY + timedelta(days=2)),
        resources=pl.DataFrame(
            {
                "resource": ["LINE", "PACK"],
                "location": ["PLANT1", "PLANT1"],
                "hours_per_day": [8.0, 8.0],
                "is_bottleneck": [True, False],
                "overtime_hours_per_week": [10.0, 0.0],
                "overtime_cost_per_hour": [5.0, None],
            }
        ),
    )
    outcome = schedule_work(dataset, as_of=AS_OF)

    late = _rows(outcome)["m2"]
    # 16 hours of sets, then 11 of kits and 1 of packing: on the fourth day, one day late.
    assert late["late_days"] == 1
    why = outcome.why(str(late["order"]))
    price = why.filter(pl.col("reason_code") == "constraint_price").row(0, named=True)
    assert price["quantity"] == pytest.approx(27 + 1 - 24)
    assert price["price"] == pytest.approx(80 * 20 * 0.01 / 4)
    assert "Overtime costs 5.00 an hour" in price["text"]
    assert "not worth it" in price["text"]


def test_an_order_waits_for_its_components() -> None:
    stock = pl.DataFrame({"item": ["BOX"], "location": ["PLANT1"], "on_hand": [100]})
    orders = schema("supply_orders").frame(
        [
            {
                "order": "P1",
                "line": 1,
                "kind": "buy",
                "item": "BOX",
                "destination": "PLANT1",
                "quantity": 100,
                "expected_on": MONDAY + timedelta(days=3),
            }
        ]
    )
    outcome = schedule_work(
        _plant(
            _make("first", "SET", 50, MONDAY + timedelta(days=1)),
            _make("second", "SET", 50, MONDAY + timedelta(days=2)),
            inventory=stock,
            supply_orders=orders,
        ),
        as_of=AS_OF,
    )

    rows = _rows(outcome)
    assert rows["first"]["start_at"] == datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    assert rows["second"]["start_at"] == datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
    held = outcome.why(str(rows["second"]["order"])).filter(
        pl.col("reason_code") == "constraint_bound"
    )
    assert held["reference"].to_list() == ["BOX"]


def test_components_that_nothing_covers_are_told() -> None:
    stock = pl.DataFrame({"item": ["BOX"], "location": ["PLANT1"], "on_hand": [70]})
    outcome = schedule_work(
        _plant(_make("m", "SET", 50, MONDAY + timedelta(days=3)), inventory=stock), as_of=AS_OF
    )

    why = outcome.why("WO-SET-PLANT1-20261126").filter(pl.col("reason_code") == "unmet")
    assert why.select("reference", "quantity").rows() == [("BOX", 30.0)]


def test_an_alternate_that_is_there_replaces_a_component_that_is_not() -> None:
    bom = pl.DataFrame(
        {
            "product": ["SET", "SET"],
            "component": ["BOX", "TIN"],
            "quantity_per": [1.0, 1.0],
            "alternate_group": ["case", "case"],
            "priority": [1, 2],
        }
    )
    stock = pl.DataFrame({"item": ["TIN"], "location": ["PLANT1"], "on_hand": [60]})
    outcome = schedule_work(
        _plant(
            _make("m", "SET", 50, MONDAY + timedelta(days=3)),
            bills_of_material=bom,
            inventory=stock,
        ),
        as_of=AS_OF,
    )

    assert outcome["work_order_components"]["component"].to_list() == ["TIN"]


def test_an_order_may_start_early_but_not_too_early() -> None:
    start = MONDAY + timedelta(days=14)
    dataset = _plant(_make("m", "SET", 50, start + timedelta(days=7), start_on=start))

    week = _rows(schedule_work(dataset, Params(early_days=7), as_of=AS_OF))["m"]
    never = _rows(schedule_work(dataset, Params(early_days=0), as_of=AS_OF))["m"]
    assert week["start_at"].date() == MONDAY + timedelta(days=7)  # type: ignore[attr-defined]
    assert never["start_at"].date() == start  # type: ignore[attr-defined]


def test_a_make_without_a_step_is_told_and_the_others_are_scheduled() -> None:
    due = MONDAY + timedelta(days=4)
    dataset = _plant(_make("known", "SET", 10, due), _make("lost", "TIN", 10, due))

    outcome = schedule_work(dataset, as_of=AS_OF)
    assert outcome.has_answer
    assert set(_rows(outcome)) == {"known"}
    assert outcome.why("lost")["reason_code"].to_list() == ["unmet"]


def test_a_make_is_not_put_on_a_machine_of_another_place() -> None:
    elsewhere = _make("far", "SET", 10, MONDAY) | {"source": "WH1", "destination": "WH1"}

    outcome = schedule_work(_plant(elsewhere), as_of=AS_OF)
    assert outcome["work_orders"].is_empty()
    assert outcome.why("far")["reason_code"].to_list() == ["unmet"]


def test_no_schedulable_make_at_all_is_infeasible() -> None:
    dataset = _plant(_make("lost", "TIN", 10, MONDAY))

    assert schedule_work(dataset, as_of=AS_OF).status == "infeasible"
    assert schedule_work(Dataset(), as_of=AS_OF).status == "optimal"


def test_the_busiest_resource_paces_where_none_is_marked() -> None:
    plain = _plant(
        _make("m", "KIT", 80, MONDAY + timedelta(days=4)),
        resources=pl.DataFrame(
            {"resource": ["LINE", "PACK"], "location": ["PLANT1"] * 2, "count": [30, 1]}
        ),
    )

    assert _rows(schedule_work(plain, as_of=AS_OF))["m"]["resource"] == "PACK"


def test_names_do_not_change_when_other_work_comes_or_goes() -> None:
    mine = _make("m", "SET", 50, MONDAY + timedelta(days=4))
    other = _make("a", "KIT", 50, MONDAY + timedelta(days=2))

    alone = set(schedule_work(_plant(mine), as_of=AS_OF)["work_orders"]["order"])
    together = set(schedule_work(_plant(other, mine), as_of=AS_OF)["work_orders"]["order"])
    assert alone < together


@pytest.mark.parametrize("bad", [{"early_days": -1}, {"shift_start_hour": 24.0}])
def test_params_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Params(**bad)  # type: ignore[arg-type]
