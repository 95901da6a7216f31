from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import permutations

import numpy as np
import polars as pl
import pytest

from fivefold.deliver.last_mile.decompose import route_cost, solve_day
from fivefold.deliver.last_mile.legs import Speed, StraightLegs
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.problem import Route, RoutingProblem, Vehicle
from fivefold.deliver.last_mile.routes import route_day
from fivefold.deliver.last_mile.solver import solve
from fivefold.deliver.last_mile.timing import fits
from fivefold.model import Dataset

DAY = date(2026, 11, 23)
QUICK = Params(iterations=60)


def doors(count: int, *, seed: int, vehicle: Vehicle, windows: bool = False) -> RoutingProblem:
    rng = np.random.default_rng(seed)
    early = np.full(count, 8 * 3600)
    late = np.full(count, 20 * 3600)
    if windows:
        early = early + rng.integers(0, 3, count) * 3600
        late = early + 2 * 3600
    return RoutingProblem(
        legs=StraightLegs(
            latitude=30.3 + rng.normal(0, 0.05, count + 1),
            longitude=-97.7 + rng.normal(0, 0.05, count + 1),
            circuity=1.2,
            speeds=[Speed(street=9.0, stem=16.0)],
        ),
        delivery=np.ones((count, 1), dtype=np.int64),
        pickup=np.zeros((count, 1), dtype=np.int64),
        service=np.full(count, 120),
        early=early,
        late=late,
        release=np.zeros(count, dtype=np.int64),
        miss_cost=np.full(count, -1),
        vehicles=[vehicle],
    )


VAN = Vehicle(
    available=1,
    capacity=(99,),
    fixed_cost=6_000_000,
    cost_per_metre=35,
    cost_per_second=694,
    early=8 * 3600,
    late=20 * 3600,
)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("windows", [False, True])
def test_one_van_drives_the_cheapest_of_all_orders(seed: int, windows: bool) -> None:
    problem = doors(6, seed=seed, vehicle=VAN, windows=windows)
    orders = (Route(vehicle=0, trips=(order,)) for order in permutations(range(6)))
    best = min(route_cost(problem, route) for route in orders if fits(problem, route))
    answer = solve(problem, iterations=200, seed=1)
    assert answer.is_feasible
    assert answer.cost == pytest.approx(best, rel=1e-9)


def test_two_vans_share_stops_as_well_as_brute_force_does() -> None:
    van = Vehicle(available=2, capacity=(3,), fixed_cost=1_000_000, cost_per_metre=35,
                  early=0, late=86_400)  # fmt: skip
    problem = doors(6, seed=5, vehicle=van)

    def shortest(stops: tuple[int, ...]) -> int:
        return min(
            route_cost(problem, Route(vehicle=0, trips=(order,))) for order in permutations(stops)
        )

    best = min(
        shortest(group) + shortest(tuple(sorted(set(range(6)) - set(group))))
        for group in {tuple(sorted(order[:3])) for order in permutations(range(6))}
    )
    assert solve(problem, iterations=300).cost == best


def test_every_visit_is_on_one_route_or_said_not_to_be(station: Callable[..., Dataset]) -> None:
    dataset = station(90)
    outcome = route_day(dataset, QUICK, as_of=DAY)
    on_routes = outcome["route_stops"]["delivery"].drop_nulls().to_list()
    assert sorted([*on_routes, *outcome["unrouted"]["delivery"]]) == (
        dataset["deliveries"]["delivery"].sort().to_list()
    )
    assert outcome["unrouted"].height == 0


def test_the_same_seed_gives_the_same_routes(station: Callable[..., Dataset]) -> None:
    first = route_day(station(40), QUICK, as_of=DAY)
    again = route_day(station(40), QUICK, as_of=DAY)
    assert first["route_stops"].equals(again["route_stops"])


def test_cost_is_that_of_its_tables(station: Callable[..., Dataset]) -> None:
    outcome = route_day(station(60, vans=1, hours_at_most=4.0, bicycles=0), QUICK, as_of=DAY)
    paid = float(outcome["routes"]["cost"].sum()) + float(outcome["unrouted"]["miss_cost"].sum())
    assert outcome["unrouted"].height > 0
    assert outcome.objective == pytest.approx(paid)


def test_a_break_is_taken_before_five_hours_are_over(station: Callable[..., Dataset]) -> None:
    outcome = route_day(station(110, vans=1, bicycles=0), QUICK, as_of=DAY)
    stops = outcome["route_stops"]
    assert float(outcome["routes"]["ends_minute"][0] - outcome["routes"]["starts_minute"][0]) > 300
    breaks = stops.filter(pl.col("kind") == "break")
    assert breaks.height >= 1
    assert float(breaks["arrives_minute"][0] - stops["starts_minute"][0]) <= 300


def test_visits_to_one_locker_are_one_stop(station: Callable[..., Dataset]) -> None:
    dataset = station(60)
    stops = route_day(dataset, QUICK, as_of=DAY)["route_stops"]
    at_locker = dataset["deliveries"].filter(pl.col("pickup_point") == "LOCKER1")["delivery"]
    rows = stops.filter(pl.col("delivery").is_in(at_locker.to_list()))
    assert rows.height > 1
    assert rows.select("route", "stop").unique().height == 1


def test_a_visit_too_heavy_for_all_says_so(station: Callable[..., Dataset]) -> None:
    dataset = station(10)
    heavy = dataset["deliveries"].with_columns(
        weight_kg=pl.when(pl.col("delivery") == "P00003").then(5000.0).otherwise("weight_kg")
    )
    outcome = route_day(dataset.with_tables(deliveries=heavy), QUICK, as_of=DAY)
    assert outcome["unrouted"].select("delivery", "reason").rows() == [("P00003", "weight")]


def test_visits_without_vehicles_are_no_error_but_infeasible(
    station: Callable[..., Dataset],
) -> None:
    dataset = station(5)
    outcome = route_day(dataset.with_tables(vehicles=dataset["vehicles"].clear()), QUICK, as_of=DAY)
    assert outcome.status == "infeasible"
    assert outcome["unrouted"].height == 5


def test_later_rounds_never_cost_more(station: Callable[..., Dataset]) -> None:
    problem = doors(60, seed=3, vehicle=Vehicle(available=12, capacity=(10,), cost_per_metre=1))
    costs = [
        solve_day(problem, seconds=1.0, iterations=40, part_stops=20, rounds=rounds, workers=1).cost
        for rounds in (0, 1, 2)
    ]
    assert costs[0] >= costs[1] >= costs[2]


def test_what_progress_raises_ends_the_work(station: Callable[..., Dataset]) -> None:
    def stop(_step: str, _share: float) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        route_day(station(30), Params(seconds=20), as_of=DAY, progress=stop)


def test_every_route_says_why(station: Callable[..., Dataset]) -> None:
    outcome = route_day(station(50), QUICK, as_of=DAY)
    assert outcome.explanations is not None
    for route in outcome["routes"]["route"]:
        codes = set(outcome.why(route)["reason_code"])
        assert {"demand_served", "next_best"} <= codes
