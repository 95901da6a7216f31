"""Sequences against a published example and against an exact solver."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.make.schedule import schedule_work
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)

#: Pinedo (2016), *Scheduling*, 5th ed., example of the dynamic program for total tardiness:
#: five jobs, the optimum is 370.
PROCESSING = [121, 79, 147, 83, 130]
DUE = [260, 266, 266, 336, 337]


def one_hour_a_day(processing: list[int], due: list[int], weights: list[float]) -> Dataset:
    """Return jobs on a line that works one hour a day, so that a day late is a unit late."""
    items = [f"J{n}" for n in range(len(processing))]
    every = ["saturday", "sunday"]
    return Dataset(
        {
            "items": pl.DataFrame({"item": items, "price": [100.0 * w for w in weights]}),
            "calendars": pl.DataFrame({"calendar": ["ALL"]} | {day: [True] for day in every}),
            "locations": pl.DataFrame(
                {"location": ["PLANT1"], "kind": ["plant"], "calendar": ["ALL"]}
            ),
            "resources": pl.DataFrame(
                {"resource": ["LINE"], "location": ["PLANT1"], "hours_per_day": [1.0]}
            ),
            "operations": pl.DataFrame(
                {
                    "product": items,
                    "operation": [10] * len(items),
                    "location": ["PLANT1"] * len(items),
                    "resource": ["LINE"] * len(items),
                    "run_time_hours_per_unit": [float(p) for p in processing],
                }
            ),
            "supply_plan": schema("supply_plan").frame(
                [
                    {
                        "decision": item,
                        "kind": "make",
                        "item": item,
                        "source": "PLANT1",
                        "destination": "PLANT1",
                        "quantity": 1,
                        "start_on": AS_OF,
                        # Day 1 is today, so due in d days is d − 1 days from today.
                        "due_on": AS_OF + timedelta(days=due[number] - 1),
                    }
                    for number, item in enumerate(items)
                ]
            ),
        }
    )


def test_the_example_of_pinedo_is_370_days_late_in_all() -> None:
    dataset = one_hour_a_day(PROCESSING, DUE, [1.0] * 5)

    outcome = schedule_work(dataset, as_of=AS_OF)

    assert outcome["work_orders"]["late_days"].sum() == 370
    assert outcome.objective == pytest.approx(370)


def _exact(processing: list[int], due: list[int], weights: list[int]) -> int:
    """Return the least total weighted tardiness, proved by a constraint solver."""
    from ortools.sat.python import cp_model

    model, horizon = cp_model.CpModel(), sum(processing)
    tardy, intervals = [], []
    for number, hours in enumerate(processing):
        end = model.new_int_var(hours, horizon, f"end{number}")
        start = model.new_int_var(0, horizon, f"start{number}")
        intervals.append(model.new_interval_var(start, hours, end, f"job{number}"))
        late = model.new_int_var(0, horizon, f"late{number}")
        model.add(late >= end - due[number])
        tardy.append(weights[number] * late)
    model.add_no_overlap(intervals)
    model.minimize(sum(tardy))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 20
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


@pytest.mark.parametrize("seed", range(4))
def test_ten_weighted_jobs_equal_the_constraint_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    processing = [int(p) for p in rng.integers(1, 12, size=10)]
    due = [int(d) for d in rng.integers(5, 45, size=10)]
    weights = [int(w) for w in rng.integers(1, 6, size=10)]
    dataset = one_hour_a_day(processing, due, [float(w) for w in weights])

    found = schedule_work(dataset, as_of=AS_OF).objective

    exact = _exact(processing, due, weights)
    assert found == pytest.approx(exact)
