"""A schedule is mended with least change, is legal, and says what moves and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from fivefold.check.steps import check_steps
from fivefold.make.reschedule import Jump, Move, Stop, move_operation, reschedule
from fivefold.make.schedule import schedule_work
from fivefold.make.schedule_params import Params
from fivefold.model import Dataset, Outcome, schema

AS_OF = date(2026, 11, 22)
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
QUICK = Params(trials=500)


def _plant(*makes: tuple[str, str, int, int], **tables: pl.DataFrame) -> Dataset:
    """Return two mills that can do each other's work and one oven; eight hours a day, UTC."""
    plan = [
        {
            "decision": name,
            "kind": "make",
            "item": product,
            "source": "PLANT1",
            "destination": "PLANT1",
            "quantity": units,
            "start_on": date(2026, 11, 23),
            "due_on": date(2026, 11, 23) + timedelta(days=due),
        }
        for name, product, units, due in makes
    ]
    base = {
        "items": pl.DataFrame({"item": ["A", "B"], "price": [10.0, 10.0]}),
        "locations": pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"]}),
        "resources": pl.DataFrame(
            {
                "resource": ["M1", "M2", "OVEN"],
                "location": ["PLANT1"] * 3,
                "cost_per_hour": [1.0] * 3,
            }
        ),
        "operations": pl.DataFrame(
            {
                "product": ["A", "A", "B"],
                "operation": [10, 20, 10],
                "location": ["PLANT1"] * 3,
                "resource": ["M1", "OVEN", "M2"],
                "setup_time_hours": [0.0, 0.0, 0.0],
                "run_time_hours_per_unit": [0.1, 0.05, 0.1],
            }
        ),
        "operation_alternatives": pl.DataFrame(
            {"product": ["A", "B"], "operation": [10, 10], "resource": ["M2", "M1"]}
        ),
        "supply_plan": schema("supply_plan").frame(plan),
    }
    return Dataset(base | tables)


def _scheduled(dataset: Dataset) -> Dataset:
    return dataset.with_tables(**schedule_work(dataset, QUICK, as_of=AS_OF).tables)


def _steps(outcome: Outcome) -> dict[tuple[str, int], dict[str, object]]:
    rows = outcome["work_operations"].iter_rows(named=True)
    return {(row["order"].split("-")[1], row["operation"]): row for row in rows}


def _illegal(dataset: Dataset, outcome: Outcome) -> list[str]:
    checked = dataset.with_tables(**outcome.tables)
    return [text for frame in check_steps(checked) for text in frame["text"]]


def test_every_step_runs_on_a_machine_that_can_do_it_after_the_one_before() -> None:
    dataset = _plant(("a", "A", 40, 4), ("b", "B", 60, 4))
    outcome = schedule_work(dataset, QUICK, as_of=AS_OF)

    steps = _steps(outcome)
    assert steps["A", 10]["start_at"] == MONDAY
    assert steps["A", 20]["start_at"] >= steps["A", 10]["finish_at"]  # type: ignore[operator]
    assert outcome["work_orders"]["late_days"].to_list() == [0.0, 0.0]
    assert _illegal(dataset, outcome) == []


def test_a_stop_moves_the_work_of_that_machine_and_nothing_else() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 4), ("b", "B", 40, 4)))
    stop = Stop(
        resource="M1", starts_at=MONDAY - timedelta(hours=8), ends_at=MONDAY + timedelta(days=2)
    )
    outcome = reschedule(dataset, [stop], QUICK, as_of=AS_OF)

    moved = {row["order"].split("-")[1] for row in outcome["schedule_changes"].to_dicts()}
    assert "A" in moved
    assert outcome["work_orders"]["late_days"].to_list() == [0.0, 0.0]
    told = outcome.explanations
    assert told is not None
    assert set(told["reason_code"]) == {"change"}
    assert "M1 stands still" in told.filter(pl.col("subject").str.contains("-A-"))["text"][0]


def test_a_stop_is_met_by_the_other_machine_where_waiting_would_be_late() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 1), ("b", "B", 20, 4)))
    stop = Stop(
        resource="M1", starts_at=MONDAY - timedelta(hours=8), ends_at=MONDAY + timedelta(days=9)
    )
    outcome = reschedule(dataset, [stop], QUICK, as_of=AS_OF)

    assert _steps(outcome)["A", 10]["resource"] == "M2"
    assert outcome.notes["late_orders"] == 0
    assert outcome.notes["cost_of_waiting_only"] > outcome.notes["cost_after"]


def test_nothing_moves_where_nothing_is_hit() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 4), ("b", "B", 40, 4)))
    later = MONDAY + timedelta(days=30)
    stop = Stop(resource="M1", starts_at=later, ends_at=later + timedelta(days=2))

    assert reschedule(dataset, [stop], QUICK, as_of=AS_OF)["schedule_changes"].height == 0


def test_an_order_that_jumps_runs_first() -> None:
    tight = {"operation_alternatives": schema("operation_alternatives").empty(),
             "resource_shifts": schema("resource_shifts").empty()}  # fmt: skip
    dataset = _plant(("x", "B", 60, 2), ("y", "B", 40, 9), **tight)
    params = Params(trials=500, method="steps")
    planned = dataset.with_tables(**schedule_work(dataset, params, as_of=AS_OF).tables)
    late = planned["work_orders"].sort("due_on")["order"][1]
    outcome = reschedule(planned, [Jump(order=late)], params, as_of=AS_OF)

    first = outcome["work_operations"].sort("start_at")["order"][0]
    assert first == late


def test_a_step_that_is_moved_starts_where_it_is_put_and_others_give_way() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 4), ("b", "B", 40, 4)))
    order = next(o for o in dataset["work_orders"]["order"] if "-A-" in o)
    move = Move(order=order, operation=10, start_at=MONDAY, resource="M2")
    outcome = move_operation(dataset, move, QUICK, as_of=AS_OF)

    steps = _steps(outcome)
    assert (steps["A", 10]["resource"], steps["A", 10]["start_at"]) == ("M2", MONDAY)
    assert steps["B", 10]["start_at"] == steps["A", 10]["finish_at"]
    assert [one["order"].split("-")[1] for one in outcome.notes["clashes"]].count("B") == 1
    assert _illegal(dataset, outcome) == []


def test_a_frozen_order_gives_way_to_nobody() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 4), ("b", "B", 40, 4)))
    orders = {o.split("-")[1]: o for o in dataset["work_orders"]["order"]}
    move = Move(order=orders["A"], operation=10, start_at=MONDAY, resource="M2")
    outcome = move_operation(dataset, move, QUICK, as_of=AS_OF, frozen=[orders["B"]])

    steps = _steps(outcome)
    assert steps["B", 10]["start_at"] == MONDAY
    assert steps["A", 10]["start_at"] >= steps["B", 10]["finish_at"]  # type: ignore[operator]
    with pytest.raises(ValueError, match="frozen"):
        move_operation(dataset, move, QUICK, as_of=AS_OF, frozen=[orders["A"]])


def test_a_machine_that_cannot_do_a_step_is_refused_by_name() -> None:
    dataset = _scheduled(_plant(("a", "A", 40, 4)))
    order = dataset["work_orders"]["order"][0]
    with pytest.raises(ValueError, match="can on M1, M2"):
        move_operation(
            dataset, Move(order=order, operation=10, start_at=MONDAY, resource="OVEN"), as_of=AS_OF
        )
    with pytest.raises(ValueError, match="no step 99"):
        move_operation(dataset, Move(order=order, operation=99, start_at=MONDAY), as_of=AS_OF)
    stop = Stop(resource="M9", starts_at=MONDAY, ends_at=MONDAY + timedelta(hours=1))
    with pytest.raises(ValueError, match="no resource"):
        reschedule(dataset, [stop], as_of=AS_OF)
