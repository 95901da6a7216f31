"""Makes of a plan drawn into lots: never later, within hours, components in time, cheaper."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.make.capacitated_lots import LotParams, size_lots
from fivefold.make.lots_of_makes import lot_starts
from fivefold.make.schedule import Params, schedule_work
from fivefold.model import Dataset, Outcome, schema

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def make(week: int, product: str, units: int) -> dict[str, Any]:
    start = MONDAY + timedelta(weeks=week)
    return {
        "decision": f"{product}-{week}",
        "kind": "make",
        "item": product,
        "source": "PLANT1",
        "destination": "PLANT1",
        "quantity": units,
        "start_on": start,
        "due_on": start + timedelta(days=4),
    }


def plant(*makes: dict[str, Any], box_stock: float = 1000.0, setup: float = 2.0) -> Dataset:
    weeks = [MONDAY + timedelta(weeks=week) for week in range(-1, 8)]
    stock = [
        {"item": "BOX", "location": "PLANT1", "period_start": week, "closing": box_stock}
        | {"opening": box_stock, "receipts": 0.0, "issues": 0.0, "demand": 0.0, "unmet": 0.0}
        for week in weeks
    ]
    return Dataset(
        {
            "items": pl.DataFrame({"item": ["KIT", "SET", "BOX"], "unit_cost": [10.0, 8.0, 1.0]}),
            "locations": pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"]}),
            "resources": pl.DataFrame(
                {
                    "resource": ["LINE"],
                    "location": ["PLANT1"],
                    "hours_per_day": [8.0],
                    "cost_per_hour": [30.0],
                    "overtime_cost_per_hour": [45.0],
                    "overtime_hours_per_week": [10.0],
                }
            ),
            "operations": pl.DataFrame(
                {
                    "product": ["KIT", "SET"],
                    "operation": [10, 10],
                    "location": ["PLANT1"] * 2,
                    "resource": ["LINE"] * 2,
                    "setup_time_hours": [setup] * 2,
                    "run_time_hours_per_unit": [0.1] * 2,
                }
            ),
            "bills_of_material": pl.DataFrame(
                {"product": ["KIT", "SET"], "component": ["BOX", "BOX"], "quantity_per": [1.0, 2.0]}
            ),
            "projected_stock": schema("projected_stock").frame(stock),
            "supply_plan": schema("supply_plan").frame(list(makes)),
        }
    )


def sized(dataset: Dataset, **params: Any) -> Outcome:
    chosen = LotParams(**{"seconds": 4.0, **params})
    return size_lots(dataset, chosen, as_of=AS_OF, clock=time.process_time)


def lots_of(outcome: Outcome, product: str) -> list[tuple[date, int]]:
    rows = outcome["lot_sizes"].filter((pl.col("product") == product) & (pl.col("quantity") > 0))
    return list(rows.sort("period_start").select("period_start", "quantity").iter_rows())


def test_small_makes_of_several_weeks_become_one_lot() -> None:
    makes = [make(week, "KIT", 20) for week in range(1, 5)]
    linked = sized(plant(*makes))
    # A line that goes on with what it was set up for needs one set-up and no stock.
    assert linked.notes["set_ups"] == 1
    assert len(lots_of(linked, "KIT")) == 4
    outcome = sized(plant(*makes), carry_over=False)
    assert lots_of(outcome, "KIT") == [(MONDAY + timedelta(weeks=1), 80)]
    # One set-up of 60 against 20 × (1 + 2 + 3) weeks at 10 × 15 % × 7/365.
    kept = 120 * 10 * 0.15 * 7 / 365
    assert outcome.objective == pytest.approx(60 + kept + cost_of_boxes(120), rel=0.05)
    assert outcome.notes["set_ups_as_planned"] == 4
    assert outcome.status == "optimal"


def cost_of_boxes(unit_weeks: float) -> float:
    """Return what boxes used earlier no longer cost; their stock is in the objective."""
    return -unit_weeks * 1.0 * 0.15 * 7 / 365 + 1000.0 * 6 * 0.15 * 7 / 365


def test_what_cannot_be_kept_for_less_than_a_set_up_stays() -> None:
    outcome = sized(plant(make(0, "KIT", 300), make(4, "KIT", 300), setup=0.05))
    assert [units for _, units in lots_of(outcome, "KIT")] == [300, 300]
    told = outcome.explanations
    assert told is not None
    assert told.filter(pl.col("subject") != "lots").height == 0


def test_components_that_are_not_there_yet_hold_a_lot_back() -> None:
    makes = [make(week, "KIT", 20) for week in range(1, 5)]
    outcome = sized(plant(*makes, box_stock=20.0), carry_over=False)
    total = 0
    planned = {MONDAY + timedelta(weeks=week): 20 * week for week in range(1, 5)}
    for start, units in lots_of(outcome, "KIT"):
        total += units
        assert total <= planned[start] + 20


def test_hours_hold_a_lot_back_and_overtime_is_told() -> None:
    # 40 hours a week hold 380 units and a set-up; two weeks' makes do not fit into one.
    makes = [make(week, product, 180) for week in range(3) for product in ("KIT", "SET")]
    outcome = sized(plant(*makes))
    hours = (
        outcome["lot_sizes"]
        .group_by("period_start")
        .agg(hours=pl.col("setup_hours").sum() + pl.col("run_hours").sum())
    )
    assert hours["hours"].max() <= 40.0 + outcome.notes["overtime_hours"] + 1e-6  # type: ignore[operator]
    assert outcome.objective <= outcome.notes["cost_as_planned"] + 1e-6  # type: ignore[operator]


def test_no_make_is_later_and_nothing_is_lost() -> None:
    makes = [make(week, p, 40 + 7 * week) for week in range(6) for p in ("KIT", "SET")]
    outcome = sized(plant(*makes), carry_over=False)
    for product in ("KIT", "SET"):
        lots = dict(lots_of(outcome, product))
        done = wanted = 0
        for week in range(6):
            done = sum(lots[day] for day in lots if day <= MONDAY + timedelta(weeks=week))
            wanted += 40 + 7 * week
            assert done >= wanted
        assert done == wanted


def test_work_that_runs_in_a_lot_may_start_with_it() -> None:
    dataset = plant(*(make(week, "KIT", 20) for week in range(1, 5)))
    lots = sized(dataset, carry_over=False)["lot_sizes"]
    starts = lot_starts(lots, dataset["supply_plan"])
    assert set(starts.values()) == {MONDAY + timedelta(weeks=1)}
    free = schedule_work(
        dataset.with_tables(lot_sizes=lots), Params(method="steps", trials=2000), as_of=AS_OF
    )
    bound = schedule_work(dataset, Params(method="steps", trials=2000), as_of=AS_OF)
    assert free["work_operations"]["setup_hours"].sum() == pytest.approx(2.0)
    assert bound["work_operations"]["setup_hours"].sum() >= 2.0
    assert free["work_orders"]["late_days"].sum() == 0


def test_without_makes_there_is_nothing_to_size() -> None:
    outcome = sized(plant())
    assert (outcome.status, outcome["lot_sizes"].height) == ("optimal", 0)


def test_effort_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="seconds"):
        LotParams(seconds=0)
