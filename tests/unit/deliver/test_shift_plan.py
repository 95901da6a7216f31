"""Shifts: the textbook's least cost, all ways tried on small days, legal plans, saturation."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from tests.unit.deliver.warehouse_company import DAY, PLACE, warehouse

from fivefold.check import check_plan
from fivefold.deliver.warehouse.shift_cover import Shift, cover_work
from fivefold.deliver.warehouse.shift_plan import ShiftParams, plan_shifts
from fivefold.model import Dataset, Outcome


def test_union_airways_costs_what_the_textbook_says() -> None:
    # Hillier, Lieberman, 10th ed., sec. 3.4: agents needed from 6:00 in steps of two hours, and
    # the night; shifts of eight hours.
    need = np.array([*np.repeat([48, 79, 65, 87, 64, 73, 82, 43, 52], 2), *[15] * 6], float)
    starts = (("6", 0, 170), ("8", 2, 160), ("12", 6, 175), ("16", 10, 180), ("22", 16, 195))
    shifts = [
        Shift(name=name, works=tuple(range(at, at + 8)), tasks=(0,), cost=cost)
        for name, at, cost in starts
    ]
    found = cover_work(need[:, None], need[:, None], shifts, [None])
    assert found.people == (48, 31, 39, 43, 15)
    assert found.cost == pytest.approx(30_610)
    assert found.gap == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_the_people_are_the_cheapest_of_all_ways(seed: int) -> None:
    # One task and no waiting longer than the work lasts: people of each hour must cover a
    # running sum, which can be tried by hand.
    rng = np.random.default_rng(seed)
    arrives = rng.integers(0, 3, (4, 1)).astype(float)
    due = np.zeros((4, 1))
    due[1], due[3] = arrives[:2].sum(), arrives[2:].sum()
    shifts = [
        Shift(name="a", works=(0, 1), tasks=(0,), cost=3.0),
        Shift(name="b", works=(1, 2, 3), tasks=(0,), cost=4.0),
        Shift(name="c", works=(2, 3), tasks=(0,), cost=2.5),
    ]
    found = cover_work(arrives, due, shifts, [None])

    def does(people: tuple[int, ...]) -> bool:
        left = done = came = owed = 0.0
        for hour in range(4):
            came, owed = came + arrives[hour, 0], owed + due[hour, 0]
            there = sum(n for n, s in zip(people, shifts, strict=True) if hour in s.works)
            left = min(came - done, there)
            done += left
            if done < owed - 1e-9:
                return False
        return True

    best = min(
        sum(n * s.cost for n, s in zip(people, shifts, strict=True))
        for people in product(range(7), repeat=3)
        if does(people)
    )
    assert found.cost == pytest.approx(best)


def shifts_of(dataset: Dataset, **how: float) -> Outcome:
    return plan_shifts(dataset, ShiftParams(location=PLACE, days=7, **how), as_of=DAY)  # type: ignore[arg-type]


def broken(dataset: Dataset, found: Outcome) -> pl.DataFrame:
    rows = check_plan(
        dataset.with_tables(**found.tables, explanations=found.explanations), as_of=DAY
    )
    return rows.filter(pl.col("table").is_in(["shift_plan", "staff_hours", "station_loads"]))


def test_a_week_of_shifts_is_legal_proved_and_explained() -> None:
    dataset = warehouse()
    found = shifts_of(dataset)
    assert found.status == "optimal"
    assert broken(dataset, found).height == 0
    assert found.objective == pytest.approx(float(found["shift_plan"]["cost"].sum()))
    assert found.notes["gap"] < 1e-6
    assert (
        found["station_loads"]
        .group_by("day")
        .agg(pl.col("is_bottleneck").sum())["is_bottleneck"]
        .to_list()
        == [1] * found["station_loads"]["day"].n_unique()
    )


def test_a_surge_beyond_the_stations_is_told_as_hours_that_nobody_does() -> None:
    dataset = warehouse()
    found = shifts_of(dataset, volume_share=60.0)
    assert found.status == "infeasible"
    assert found.notes["hours_short"] > 1
    assert broken(dataset, found).height == 0
    told = found.explanations.filter(pl.col("reason_code") == "infeasible")
    assert told["text"].str.contains("add people to a pattern").all()


def test_more_work_never_costs_less() -> None:
    dataset = warehouse()
    costs = [shifts_of(dataset, volume_share=share).objective for share in (0.5, 1.0, 2.0, 4.0)]
    assert costs == sorted(costs)


FAULTS = {
    "people_there": ("shift_plan", pl.lit(500).alias("people")),
    "cost_recomputed": ("shift_plan", (pl.col("cost") * 0.9).alias("cost")),
    "pattern_exists": ("shift_plan", pl.lit("NIGHT").alias("pattern")),
    "people_on_shift": ("staff_hours", (pl.col("done_hours") + 9).alias("done_hours")),
    "done_after_it_came": ("staff_hours", (pl.col("arrives_hours") * 0.1).alias("arrives_hours")),
    "done_in_time": ("staff_hours", (pl.col("done_hours") * 0.1).alias("done_hours")),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_checker_finds_what_is_wrong_with_shifts(rule: str) -> None:
    dataset = warehouse()
    found = shifts_of(dataset, volume_share=4.0)
    table, wrong = FAULTS[rule]
    patterns = dataset["shift_patterns"].with_columns(people_most=pl.lit(20))
    spoilt = {**found.tables, table: found[table].with_columns(wrong)}
    rows = check_plan(dataset.with_tables(**spoilt, shift_patterns=patterns), as_of=DAY)
    assert rule in set(rows["rule"])
