"""Distances, driving hours, the middle mile, means and sites on small made-up networks."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from fivefold.check.flights import check_flights
from fivefold.check.network_plan import check_network
from fivefold.deliver.network.driving import elapsed_hours
from fivefold.deliver.network.facility import (
    Facilities,
    Transport,
    bound_at_prices,
    open_greedily,
    solve_exact,
)
from fivefold.deliver.network.figures import package_table
from fivefold.deliver.network.middle_mile import MiddleMileParams, plan_middle_mile
from fivefold.deliver.network.modes import choose_modes
from fivefold.deliver.network.places import great_circle_km, zones
from fivefold.model import Dataset, schema
from fivefold.twin.companies.operator import AS_OF, by_state, make_tables


@pytest.fixture(scope="module")
def small() -> Dataset:
    return Dataset(make_tables(scale=0.05))


@pytest.fixture(scope="module")
def carried(small: Dataset) -> Dataset:
    outcome = plan_middle_mile(small, as_of=AS_OF)
    assert outcome.bound is not None
    assert outcome.bound <= outcome.objective
    return small.with_tables(**outcome.tables)


def drawn(seed: int, sites: int = 7, customers: int = 12) -> Facilities:
    rng = np.random.default_rng(seed)
    site, customer = np.divmod(np.arange(sites * customers), customers)
    return Facilities(
        site=site,
        customer=customer,
        unit_cost=rng.uniform(1, 10, sites * customers),
        demand=rng.uniform(1, 5, customers),
        capacity=rng.uniform(8, 20, sites),
        fixed_cost=rng.uniform(5, 30, sites),
        outside=40.0,
    )


def cost_of(problem: Facilities, chosen: tuple[int, ...]) -> float:
    is_open = np.zeros(len(problem.capacity), dtype=bool)
    is_open[list(chosen)] = True
    return Transport(problem, is_open).cost + float(problem.fixed_cost[is_open].sum())


def test_a_quarter_of_the_equator_is_ten_thousand_kilometres() -> None:
    assert float(great_circle_km(0, 0, 0, 90)) == pytest.approx(10_007.557, abs=0.01)


def test_a_driver_rests_ten_hours_after_eleven() -> None:
    hours = elapsed_hours([8, 8.5, 11, 11.5, 22], spell_hours=11, rest_hours=10)
    assert hours.tolist() == [8, 9, 11.5, 22, 33]


def test_california_and_texas_have_the_centres_they_are_told_to_have() -> None:
    known = dict(package_table("network_figures").select("figure", "value").iter_rows())
    states = by_state(known, 175)
    assert (states["CA"], states["TX"], sum(states.values())) == (21, 14, 175)


def test_every_figure_has_a_source_and_a_grade() -> None:
    table = package_table("network_figures")
    assert table["source"].null_count() == table["grade"].null_count() == 0
    assert set(table["grade"]) <= set("O2SMRA")


def test_zones_hold_the_people_of_the_census_but_for_alaska_and_hawaii() -> None:
    assert float(zones()["population"].sum()) == pytest.approx(
        331.45e6 - 0.733e6 - 1.455e6, rel=1e-3
    )


def test_a_carried_day_breaks_no_rule(carried: Dataset) -> None:
    assert check_network(carried, as_of=AS_OF).height == 0


def test_the_cost_of_flows_is_the_cost_of_trips_and_sorting(small: Dataset) -> None:
    outcome = plan_middle_mile(small, as_of=AS_OF)
    assert float(outcome["network_flows"]["cost"].sum()) == pytest.approx(
        outcome.objective, rel=1e-6
    )


def test_an_overloaded_truck_and_a_late_flow_are_found(carried: Dataset) -> None:
    trips = carried["linehaul_trips"].with_columns(vehicles=pl.lit(0).cast(pl.Int64))
    flows = carried["network_flows"].with_columns(due_hour=pl.lit(0.0))
    rules = check_network(
        carried.with_tables(linehaul_trips=trips, network_flows=flows), as_of=AS_OF
    )["rule"]
    assert {"load", "in_time"} <= set(rules)


def test_a_sort_centre_that_is_full_is_gone_around(small: Dataset, carried: Dataset) -> None:
    busiest, parcels = (
        carried["linehaul_trips"]
        .filter(pl.col("destination").str.starts_with("SC-"))
        .group_by("destination")
        .agg(pl.col("parcels").sum())
        .sort("parcels")
        .row(-1)
    )
    half = pl.when(pl.col("location") == busiest).then(parcels / 2)
    buildings = small["buildings"].with_columns(
        half.otherwise(pl.col("capacity_parcels_per_day")).alias("capacity_parcels_per_day")
    )
    tight = small.with_tables(buildings=buildings)
    assert "sort_capacity" in set(
        check_network(carried.with_tables(buildings=buildings), as_of=AS_OF)["rule"]
    )
    outcome = plan_middle_mile(tight, as_of=AS_OF)
    assert outcome.status == "feasible"
    assert check_network(tight.with_tables(**outcome.tables), as_of=AS_OF).height == 0
    assert busiest in set(outcome.explanations["subject"])


def test_slots_that_do_not_divide_the_day_are_refused() -> None:
    with pytest.raises(ValueError, match="slot_hours must divide 24"):
        MiddleMileParams(slot_hours=5)


def test_the_means_chosen_is_the_cheapest_that_may(carried: Dataset) -> None:
    table = choose_modes(carried, as_of=AS_OF)["mode_choices"]
    second = table.filter(pl.col("next_best_extra_cost").is_not_null())
    assert (second["next_best_extra_cost"] >= 0).all()
    drones = table.filter(pl.col("mode") == "drone")
    assert (drones["distance_km"] <= 12 * 1.3).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_exact_answer_is_that_of_trying_every_set(seed: int) -> None:
    problem = drawn(seed)
    sets = (c for n in range(8) for c in combinations(range(7), n))
    best = min(cost_of(problem, chosen) for chosen in sets)
    assert solve_exact(problem, seconds=10).cost == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_choice_of_as_many_sites_beats_the_bound(seed: int) -> None:
    problem = drawn(seed)
    none = np.zeros(7, dtype=bool)
    steps, found, _ = open_greedily(problem, standing=none, most=3)
    best = min(cost_of(problem, c) for n in range(4) for c in combinations(range(7), n))
    assert found.bound <= best + 1e-6 <= found.cost + 2e-6
    assert all(step.gain <= step.gain_bound + 1e-6 for step in steps)


def test_any_prices_bound_the_cost() -> None:
    problem = drawn(9)
    prices = np.random.default_rng(1).uniform(0, 40, 12)
    none = np.zeros(7, dtype=bool)
    bound = bound_at_prices(problem, prices, standing=none, most=7)
    assert bound <= solve_exact(problem, seconds=10).cost + 1e-6


def flown(**columns: object) -> Dataset:
    """Return one flight from the hub to Fort Worth with the figures that bound it."""
    tables = make_tables(scale=0.05, days=14)
    trip = {
        "decision": "AIR-CVG>AIR-AFW air 2h", "origin": "AIR-CVG", "destination": "AIR-AFW",
        "mode": "air", "departs_hour": 2, "arrives_hour": 6.0, "distance_km": 1300.0,
        "driving_hours": 1.7, "vehicles": 1, "capacity_parcels": 6600.0, "parcels": 6600.0,
        "drivers": 2.0, "cost": 20_000.0,
    }  # fmt: skip
    trips = schema("linehaul_trips").frame([{**trip, **columns}])
    return Dataset({**tables, "linehaul_trips": trips})


def rules_of_flights(dataset: Dataset) -> set[str]:
    return {rule for frame in check_flights(dataset) for rule in frame["rule"].to_list()}


def test_a_flight_within_its_containers_and_hours_breaks_no_rule() -> None:
    assert rules_of_flights(flown()) == set()


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("flies_between_airports", {"destination": "DS-001"}),
        ("containers_hold", {"parcels": 6700.0, "capacity_parcels": 9000.0}),
        ("aircraft_exist", {"vehicles": 209}),
        ("flight_takes_its_time", {"arrives_hour": 3.0}),
    ],
)
def test_the_checker_names_what_a_flight_may_not(rule: str, columns: dict[str, object]) -> None:
    assert rules_of_flights(flown(**columns)) == {rule}
