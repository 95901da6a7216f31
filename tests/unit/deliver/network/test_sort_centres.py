"""Sorting in waves against a linear program, worked examples and planted faults."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from fivefold.check.network_plan import check_network
from fivefold.check.sorting import check_sorting
from fivefold.deliver.network.middle_mile import plan_middle_mile
from fivefold.deliver.network.sort_centres import (
    give_chutes,
    least_rate,
    plan_sorting,
    sort_in_turn,
)
from fivefold.model import Dataset
from fivefold.twin.companies.operator import AS_OF, make_tables


@pytest.fixture(scope="module")
def sorted_day() -> Dataset:
    dataset = Dataset(make_tables(scale=0.05))
    carried = dataset.with_tables(**plan_middle_mile(dataset, as_of=AS_OF).tables)
    return carried.with_tables(**plan_sorting(carried, as_of=AS_OF).tables)


def rate_by_program(release: list[int], due: list[int], parcels: list[float]) -> float:
    """Return the least rate with whole hours of a day that repeats as a linear program."""
    count = len(parcels)
    cost = np.zeros(count * 24 + 1)
    cost[-1] = 1.0
    sorts, held = np.zeros((count, count * 24 + 1)), np.zeros((24, count * 24 + 1))
    most = np.zeros(count * 24 + 1)
    most[-1] = np.inf
    for j in range(count):
        for hour in range(release[j], due[j]):
            at = j * 24 + hour % 24
            sorts[j, at] = 1.0
            held[hour % 24, at] = 1.0
            most[at] = np.inf
    held[:, -1] = -1.0
    found = linprog(
        cost, A_ub=held, b_ub=np.zeros(24), A_eq=sorts, b_eq=parcels,
        bounds=np.column_stack([np.zeros(len(most)), most]),
    )  # fmt: skip
    return float(found.fun)


@pytest.mark.parametrize("seed", range(6))
def test_the_least_rate_is_that_of_the_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    release = rng.integers(0, 24, 9)
    due = release + rng.integers(1, 16, 9)
    parcels = rng.uniform(100, 900, 9).round()
    mine = least_rate(release.astype(float), due.astype(float), parcels).rate
    assert mine == pytest.approx(
        rate_by_program(release.tolist(), due.tolist(), parcels.tolist()), rel=1e-6
    )


@pytest.mark.parametrize("seed", range(4))
def test_at_the_least_rate_nothing_is_late_and_a_little_slower_something_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    release = rng.uniform(0, 24, 12)
    due = release + rng.uniform(2, 9, 12)
    parcels = rng.uniform(100, 900, 12)
    rate = least_rate(release, due, parcels).rate
    start, end, late = sort_in_turn(release, due, parcels, rate * (1 + 1e-9))
    assert late.sum() == pytest.approx(0.0, abs=1e-3)
    assert (start >= release - 1e-9).all()
    assert (end <= due + 1e-6).all()
    if rate > parcels.sum() / 24 + 1e-6:
        assert sort_in_turn(release, due, parcels, rate * 0.98)[2].sum() > 0


def test_three_directions_at_once_take_three_chutes_and_one_is_left_for_hands() -> None:
    begin, end = np.array([1.0, 2.0, 3.0, 7.0]), np.array([5.0, 6.0, 4.0, 9.0])
    given, most = give_chutes(begin, end, None)
    assert most == 3
    assert len(set(given[:3].tolist())) == 3
    assert give_chutes(begin, end, 2)[0].tolist().count(0) == 1


def test_a_chute_held_over_midnight_is_not_given_twice() -> None:
    given, most = give_chutes(np.array([-4.0, 19.0]), np.array([2.0, 23.0]), None)
    assert most == 2
    assert given[0] != given[1]


def test_a_sorted_day_breaks_no_rule(sorted_day: Dataset) -> None:
    assert sorted_day["sort_plan"].height > 0
    assert check_network(sorted_day, as_of=AS_OF).height == 0


def test_what_is_sorted_is_what_the_trucks_take(sorted_day: Dataset) -> None:
    out = sorted_day["linehaul_trips"].filter(pl.col("origin").str.starts_with("SC-"))
    assert float(sorted_day["sort_plan"]["parcels"].sum()) == pytest.approx(
        float(out["parcels"].sum()), rel=1e-6
    )


@pytest.mark.parametrize(
    ("column", "change", "rule"),
    [
        ("sort_ends_hour", 30.0, "sorted_in_time"),
        ("sort_starts_hour", -30.0, "sorted_after_arrival"),
        ("parcels", 999.0, "sorted_as_carried"),
    ],
)
def test_planted_faults_are_found(
    sorted_day: Dataset, column: str, change: float, rule: str
) -> None:
    wrong = sorted_day["sort_plan"].with_columns((pl.col(column) + change).alias(column))
    found = pl.concat(list(check_sorting(sorted_day.with_tables(sort_plan=wrong))))
    assert rule in set(found["rule"])


def test_two_directions_on_a_chute_are_found(sorted_day: Dataset) -> None:
    wrong = sorted_day["sort_plan"].with_columns(chute=pl.lit(1).cast(pl.Int64))
    found = pl.concat(list(check_sorting(sorted_day.with_tables(sort_plan=wrong))))
    assert "one_chute_one_direction" in set(found["rule"])


def test_a_slow_sorter_says_what_misses_its_truck(sorted_day: Dataset) -> None:
    slow = sorted_day["buildings"].with_columns(
        capacity_parcels_per_day=pl.when(pl.col("building_type") == "sort_centre")
        .then(500.0)
        .otherwise(pl.col("capacity_parcels_per_day"))
    )
    outcome = plan_sorting(sorted_day.with_tables(buildings=slow), as_of=AS_OF)
    assert outcome.notes["late_parcels"] > 0
    assert any("miss their truck" in text for text in outcome.explanations["text"])
