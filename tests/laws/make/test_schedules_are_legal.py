"""Any schedule keeps its capacity, its hours and its releases, and is nearly the best there is."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.check import check_plan
from fivefold.make.capacity import resources
from fivefold.make.schedule import Params, schedule_work
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
PRODUCTS = ["P0", "P1", "P2"]

makes = st.lists(
    st.tuples(
        st.sampled_from(PRODUCTS), st.integers(1, 90), st.integers(0, 20), st.integers(1, 15)
    ),
    min_size=1,
    max_size=9,
)


def plant(drawn: list[tuple[str, int, int, int]], *, machines: int, hours: float) -> Dataset:
    """Return a plant with one line of identical machines and drawn makes."""
    plan = [
        {
            "decision": f"m{number}",
            "kind": "make",
            "item": product,
            "source": "PLANT1",
            "destination": "PLANT1",
            "quantity": units,
            "start_on": AS_OF + timedelta(days=start),
            "due_on": AS_OF + timedelta(days=start + span),
        }
        for number, (product, units, start, span) in enumerate(drawn)
    ]
    return Dataset(
        {
            "items": pl.DataFrame({"item": PRODUCTS, "price": [10.0, 20.0, 40.0]}),
            "locations": pl.DataFrame(
                {"location": ["PLANT1"], "kind": ["plant"], "timezone": ["America/New_York"]}
            ),
            "resources": pl.DataFrame(
                {
                    "resource": ["LINE"],
                    "location": ["PLANT1"],
                    "count": [machines],
                    "hours_per_day": [hours],
                    "cost_per_hour": [25.0],
                }
            ),
            "operations": pl.DataFrame(
                {
                    "product": PRODUCTS,
                    "operation": [10] * 3,
                    "location": ["PLANT1"] * 3,
                    "resource": ["LINE"] * 3,
                    "setup_time_hours": [1.0, 2.0, 0.5],
                    "run_time_hours_per_unit": [0.1, 0.05, 0.2],
                    "yield_share": [0.9, 1.0, 0.95],
                }
            ),
            "supply_plan": schema("supply_plan").frame(plan),
        }
    )


@settings(max_examples=60, deadline=None)
@given(makes, st.integers(1, 3), st.sampled_from([8.0, 7.5, 16.0]))
def test_no_two_orders_share_a_machine_and_all_run_within_hours(
    drawn: list[tuple[str, int, int, int]], machines: int, hours: float
) -> None:
    dataset = plant(drawn, machines=machines, hours=hours)
    orders = schedule_work(dataset, as_of=AS_OF)["work_orders"]
    line = resources(dataset, as_of=AS_OF)["LINE"]
    time = line.work_time(first=AS_OF, days=400, shift_start_hour=8.0)
    opens = [at.timestamp() for at in time.opens_at]

    assert orders.height == len(drawn)
    spans = []
    for row in orders.iter_rows(named=True):
        ends = []
        for instant, is_end in ((row["start_at"], False), (row["finish_at"], True)):
            at = instant.timestamp()
            shift = np.searchsorted(opens, at, side="left" if is_end else "right") - 1
            inside = (at - opens[shift]) / 3600
            assert -1e-9 <= inside <= hours + 1e-3
            ends.append(shift * hours + inside)
        # Working hours between start and finish hold at least the run time.
        needed = {"P0": 0.1 / 0.9, "P1": 0.05, "P2": 0.2 / 0.95}[row["product"]] * row["quantity"]
        assert ends[1] - ends[0] >= needed - 2e-3
        spans.append(ends)
        earliest = AS_OF + timedelta(days=0)
        assert row["start_at"].date() >= earliest
    for start, _ in spans:
        running = sum(1 for s, e in spans if s <= start + 1e-9 and start < e - 2e-3)
        assert running <= machines


@settings(max_examples=30, deadline=None)
@given(makes, st.integers(1, 2))
def test_the_independent_checker_finds_nothing_wrong_with_the_work(
    drawn: list[tuple[str, int, int, int]], machines: int
) -> None:
    dataset = plant(drawn, machines=machines, hours=8.0)
    outcome = schedule_work(dataset, as_of=AS_OF)
    found = check_plan(
        dataset.with_tables(work_orders=outcome["work_orders"], explanations=outcome.explanations),
        as_of=AS_OF,
    )

    assert found.filter(pl.col("table") == "work_orders").is_empty()


def _cost(dataset: Dataset, sequence: tuple[dict[str, object], ...], *, hours: float) -> float:
    """Return the cost of running makes one after the other on one machine, day by day."""
    line = resources(dataset, as_of=AS_OF)["LINE"]
    days = line.work_time(first=AS_OF, days=400, shift_start_hour=8.0).days
    setups = {"P0": 1.0, "P1": 2.0, "P2": 0.5}
    run = {"P0": 0.1 / 0.9, "P1": 0.05, "P2": 0.2 / 0.95}
    price = {"P0": 10.0, "P1": 20.0, "P2": 40.0}
    clock, before, cost = 0.0, "", 0.0
    for make in sequence:
        product, units = str(make["item"]), int(str(make["quantity"]))
        start_on, due_on = make["start_on"], make["due_on"]
        assert isinstance(start_on, date)
        assert isinstance(due_on, date)
        earliest = max(AS_OF, start_on - timedelta(days=7))
        free = sum(1 for day in days if day < earliest) * hours
        setup = 0.0 if product == before else setups[product]
        clock = max(clock, free) + setup + run[product] * units
        finished = days[int((clock - 1e-9) // hours)]
        late = max(0, (finished - due_on).days)
        cost += late * units * price[product] * 0.01 + 25.0 * setup
        before = product
    return cost


def _drawn_makes(seed: int, count: int) -> list[tuple[str, int, int, int]]:
    rng = np.random.default_rng(seed)
    return [
        (
            str(rng.choice(PRODUCTS)),
            int(rng.integers(10, 90)),
            int(rng.integers(0, 5)),
            int(rng.integers(1, 8)),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_the_schedule_of_six_makes_is_the_best_of_all_sequences(seed: int) -> None:
    dataset = plant(_drawn_makes(seed, 6), machines=1, hours=8.0)
    rows = dataset["supply_plan"].rows(named=True)

    best = min(_cost(dataset, sequence, hours=8.0) for sequence in itertools.permutations(rows))
    found = schedule_work(dataset, as_of=AS_OF)

    assert found.status == "optimal"
    assert found.objective == pytest.approx(best)


@pytest.mark.parametrize("seed", range(12))
def test_without_its_proof_the_search_is_near_the_best(seed: int) -> None:
    dataset = plant(_drawn_makes(seed, 6), machines=1, hours=8.0)
    exact = schedule_work(dataset, as_of=AS_OF).objective
    searched = schedule_work(dataset, Params(nodes_at_most=0), as_of=AS_OF)

    assert exact is not None
    assert searched.objective is not None
    assert exact - 1e-6 <= searched.objective <= exact * 1.06 + 1e-6
    assert searched.status == "feasible" or exact == 0
    assert searched.bound is not None
    assert searched.bound <= exact + 1e-6


def test_the_stated_cost_is_that_of_the_stated_sequence() -> None:
    dataset = plant(_drawn_makes(99, 9), machines=1, hours=8.0)
    outcome = schedule_work(dataset, as_of=AS_OF)
    by_name = {row["decision"]: row for row in dataset["supply_plan"].rows(named=True)}
    ordered = outcome["work_orders"].sort("start_at")["decision"]

    assert outcome.objective == pytest.approx(
        _cost(dataset, tuple(by_name[name] for name in ordered), hours=8.0)
    )


def test_the_schedule_does_not_depend_on_the_order_of_rows() -> None:
    dataset = plant(_drawn_makes(7, 9), machines=2, hours=8.0)
    reversed_rows = dataset.with_tables(supply_plan=dataset["supply_plan"].reverse())

    one, other = schedule_work(dataset, as_of=AS_OF), schedule_work(reversed_rows, as_of=AS_OF)
    assert one["work_orders"].equals(other["work_orders"])
