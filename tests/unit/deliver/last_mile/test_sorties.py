from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest
from tests.unit.deliver.last_mile.conftest import DAY, station_dataset

from fivefold.check import check_plan
from fivefold.deliver.last_mile.decompose import route_cost
from fivefold.deliver.last_mile.insertion import without
from fivefold.deliver.last_mile.legs import Speed, StraightLegs
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.problem import Route, RoutingProblem, Vehicle
from fivefold.deliver.last_mile.routes import route_day
from fivefold.deliver.last_mile.sorties import hand_over
from fivefold.deliver.last_mile.timing import fits, timeline
from fivefold.model import Dataset, schema

HOUR = 3600
VAN = Vehicle(available=1, capacity=(99, 99), fixed_cost=3_000_000, cost_per_metre=35,
              cost_per_second=694, late=20 * HOUR)  # fmt: skip
DRONE = Vehicle(available=0, sorties=2, capacity=(3, 1), cost_per_trip=150_000, cost_per_metre=5,
                early=8 * HOUR, late=20 * HOUR, trip_metres=15_000, trips=20,
                load_seconds=300, profile=1)  # fmt: skip


def doors(count: int, seed: int, *, drone: Vehicle = DRONE) -> RoutingProblem:
    """Return doors of which one in three is too heavy to fly, some with a window."""
    rng = np.random.default_rng(seed)
    early = np.where(rng.random(count) < 0.3, 12 * HOUR, 8 * HOUR)
    return RoutingProblem(
        legs=StraightLegs(
            latitude=30.3 + rng.normal(0, 0.04, count + 1),
            longitude=-97.7 + rng.normal(0, 0.04, count + 1),
            circuity=1.2,
            speeds=[Speed(street=8.0, stem=16.0), Speed(street=22.0, stem=22.0, straight=True)],
        ),
        delivery=np.column_stack(
            [rng.choice([1, 2, 9], count), np.ones(count, dtype=np.int64)]
        ).astype(np.int64),
        pickup=np.zeros((count, 2), dtype=np.int64),
        service=np.full(count, 120),
        early=early,
        late=np.where(early == 12 * HOUR, 13 * HOUR, 20 * HOUR),
        release=np.zeros(count, dtype=np.int64),
        miss_cost=np.full(count, 20_000_000),
        vehicles=[VAN, drone],
    )


def in_order(problem: RoutingProblem) -> Route:
    """Return a van's route by the hour of windows, which fits whatever is taken off it."""
    order = sorted(range(problem.size), key=lambda v: (int(problem.late[v]) > 13 * HOUR, v))
    return Route(vehicle=0, trips=(tuple(order),))


def least_of_all_splits(problem: RoutingProblem, route: Route) -> int:
    """Return the least cost over every way of giving stops to a drone that is never busy."""
    best = route_cost(problem, route)
    alone = [Route(vehicle=1, trips=((v,),)) for v in range(problem.size)]
    price = [route_cost(problem, r) if fits(problem, r) else None for r in alone]
    for taken in product([False, True], repeat=problem.size):
        flown = [price[v] for v in range(problem.size) if taken[v]]
        if None in flown:
            continue
        rest = without(route, {v for v in range(problem.size) if taken[v]})
        van = route_cost(problem, rest) if rest.trips else 0
        best = min(best, van + sum(p for p in flown if p is not None))
    return best


def total(problem: RoutingProblem, routes: list[Route]) -> int:
    return sum(route_cost(problem, route) for route in routes)


def test_stops_go_to_drones_nearly_as_the_best_of_all_splits() -> None:
    found, best, alone = [], [], []
    for seed in range(12):
        problem = doors(8, seed)
        route = in_order(problem)
        routes, left = hand_over(problem, [route], [])
        assert left == []
        found.append(total(problem, routes))
        best.append(least_of_all_splits(problem, route))
        alone.append(route_cost(problem, route))
    # No split can beat the best; greedy leaves little of it, and gains where there is a gain.
    assert all(f >= b for f, b in zip(found, best, strict=True))
    assert sum(found) <= 1.02 * sum(best)
    assert sum(found) < sum(alone)


def test_no_sortie_is_too_heavy_too_far_or_late() -> None:
    problem = doors(15, 3)
    routes, _left = hand_over(problem, [in_order(problem)], [])
    flown = [route for route in routes if route.vehicle == 1]
    assert flown
    assert len(flown) <= 2
    for route in flown:
        assert fits(problem, route)
        assert all(len(trip) == 1 and problem.delivery[trip[0]][0] <= 3 for trip in route.trips)
        run = timeline(problem, route)
        # It waits at the station: at the door it begins as it arrives.
        assert all(step.begin == step.arrive for step in run.steps if step.visit >= 0)


def test_what_no_van_can_visit_flies_where_it_can() -> None:
    problem = doors(6, 1)
    light = next(v for v in range(6) if problem.delivery[v][0] < 9)
    kept = without(in_order(problem), {light})
    routes, left = hand_over(problem, [kept], [light])
    assert left == []
    assert sorted(v for r in routes for v in r.visits) == list(range(6))


def test_a_drone_out_of_reach_changes_nothing() -> None:
    problem = doors(8, 2, drone=replace(DRONE, trip_metres=10))
    assert hand_over(problem, [in_order(problem)], []) == ([in_order(problem)], [])


def with_drones(**drone: float) -> Dataset:
    dataset = station_dataset(60, vans=3, seed=5)
    row = {
        "vehicle_type": "DRONE", "station": "DAU1", "kind": "drone", "number_available": 2,
        "capacity_kg": 2.3, "range_km": 24.0, "speed_kmh": 80.0, "trips_at_most": 40,
        "reload_minutes": 5.0, "cost_per_hour": 0.0, "cost_per_km": 0.05, "cost_per_trip": 0.4,
    }  # fmt: skip
    more = schema("vehicles").frame([row | drone])
    return dataset.with_tables(vehicles=pl.concat([dataset["vehicles"], more]))


def broken(dataset: Dataset) -> set[str]:
    found = check_plan(dataset, as_of=DAY)
    return set(found.filter(pl.col("table").is_in(["routes", "route_stops"]))["rule"])


def test_a_day_with_drones_keeps_every_rule_and_costs_less() -> None:
    dataset = with_drones()
    made = route_day(dataset, Params(iterations=60), as_of=DAY)
    without_drones = route_day(station_dataset(60, vans=3, seed=5), Params(iterations=60),
                               as_of=DAY)  # fmt: skip
    assert "DRONE" in made["routes"]["vehicle_type"].to_list()
    assert broken(dataset.with_tables(**made.tables)) == set()
    assert made.objective is not None
    assert without_drones.objective is not None
    assert made.objective < without_drones.objective


@pytest.mark.parametrize("rule", ["range", "one_stop_a_sortie", "load"])
def test_the_checker_names_what_a_drone_may_not(rule: str) -> None:
    dataset = with_drones()
    made = route_day(dataset, Params(iterations=60), as_of=DAY)
    is_drone = pl.col("vehicle_type") == "DRONE"
    change = {"range": ("range_km", 0.5), "load": ("capacity_kg", 0.01)}
    if rule in change:
        column, value = change[rule]
        spoilt = dataset["vehicles"].with_columns(
            pl.when(is_drone).then(value).otherwise(pl.col(column)).alias(column)
        )
        assert rule in broken(dataset.with_tables(**made.tables, vehicles=spoilt))
        return
    as_bicycle = dataset["vehicles"].with_columns(
        kind=pl.when(pl.col("vehicle_type") == "VAN").then(pl.lit("drone")).otherwise("kind")
    )
    assert rule in broken(dataset.with_tables(**made.tables, vehicles=as_bicycle))
