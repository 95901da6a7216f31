from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from fivefold.deliver.last_mile.arrivals import ArrivalParams, expect_arrivals
from fivefold.deliver.partners.assignment import AssignmentParams, assign_routes
from fivefold.deliver.partners.economics import PartnerParams, businesses
from fivefold.deliver.partners.territories import (
    TerritoryParams,
    draw_territories,
    evened,
    in_one_piece,
    neighbours,
)
from fivefold.model import Dataset, schema

DAY = date(2026, 11, 23)


@pytest.mark.parametrize("fixed_share", [0.15, 0.35])
def test_at_break_even_revenue_covers_costs(fixed_share: float) -> None:
    for business in businesses(PartnerParams()):
        routes = business.break_even_routes(fixed_share)
        fixed = fixed_share * business.cost_per_route * business.routes_per_day
        own = (1 - fixed_share) * business.cost_per_route * routes
        assert business.payment_per_route * routes == pytest.approx(fixed + own)


def test_a_payment_below_the_cost_of_a_route_never_breaks_even() -> None:
    _small, large = businesses(PartnerParams(payment_per_route=100.0))
    assert large.break_even_routes(0.2) == float("inf")


def city(seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(6):
        for j in range(6):
            for n in range(int(rng.integers(5, 60))):
                at = rng.uniform(-0.01, 0.01, 2)
                rows.append(
                    {
                        "delivery": f"{i}{j}-{n}",
                        "station": "S",
                        "deliver_on": DAY,
                        "postal_code": f"78{i}{j}0",
                        "latitude": 30.3 + 0.02 * i + float(at[0]),
                        "longitude": -97.7 + 0.02 * j + float(at[1]),
                    }
                )
    place = {"location": "S", "kind": "delivery_station", "latitude": 30.3, "longitude": -97.7}
    return Dataset(
        {
            "deliveries": schema("deliveries").frame(rows),
            "locations": schema("locations").frame([place]),
        }
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_territories_are_even_and_hold_every_postal_code_once(seed: int) -> None:
    outcome = draw_territories(city(seed), TerritoryParams(territories=4), as_of=DAY)
    table = outcome["territories"]
    assert table["postal_code"].n_unique() == table.height == 36
    assert outcome.objective is not None
    assert outcome.objective < 1.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_evening_out_never_splits_a_piece_that_was_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (40, 2))
    hours = rng.uniform(1, 5, 40)
    touching = neighbours(points)
    before = (points[:, 0] > 0.7).astype(np.int64)
    whole = [in_one_piece(set(np.flatnonzero(before == g).tolist()), touching) for g in (0, 1)]
    after = evened(before, hours, touching)
    work = [np.bincount(group, weights=hours) for group in (before, after)]
    assert np.ptp(work[1]) <= np.ptp(work[0])
    for g in (0, 1):
        if whole[g]:
            assert in_one_piece(set(np.flatnonzero(after == g).tolist()), touching)


def test_routes_go_to_partners_who_know_the_streets_within_what_was_agreed() -> None:
    routes = schema("routes").frame(
        [
            {
                "route": name, "station": "S", "deliver_on": DAY, "vehicle_type": "VAN",
                "stops": 10, "deliveries": 10, "parcels": 10, "starts_minute": 480.0,
                "ends_minute": 960.0, "drive_minutes": 100.0, "service_minutes": 100.0,
                "distance_km": 50.0, "cost": 100.0,
            }
            for name in ("R1", "R2", "R3")
        ]
    )  # fmt: skip
    home = {"R1": "A", "R2": "B", "R3": "A"}
    stops = pl.DataFrame(
        {"route": [r for r in home for _ in range(10)],
         "delivery": [f"{r}-{n}" for r in home for n in range(10)]}
    )  # fmt: skip
    visits = stops.select("delivery", postal_code=pl.col("route"))
    territories = pl.DataFrame({"postal_code": list(home), "partner": list(home.values())})
    params = AssignmentParams(routes_agreed={"A": 1, "B": 1}, hours_before={})
    given = assign_routes(routes, stops, visits, territories, params)["routes"]
    partner = dict(given.select("route", "partner").rows())
    assert partner["R2"] == "B"
    assert sorted(str(partner[r]) for r in ("R1", "R3")) == ["A", "None"]


def test_ninety_percent_of_arrivals_fall_into_their_interval() -> None:
    """Draws days from the model's own assumptions: quantiles must cover what they say."""
    params = ArrivalParams(spread=0.5, route_spread=0.08)
    rng = np.random.default_rng(3)
    rows, clock = [], 480.0
    for n in range(40):
        rows.append({"route": "R", "sequence": n + 1, "kind": "depart" if n == 0 else "delivery",
                     "delivery": None if n == 0 else f"P{n}", "arrives_minute": clock,
                     "starts_minute": clock, "leaves_minute": clock + 2.0})  # fmt: skip
        clock += 7.0
    stops = schema("route_stops").frame(rows)
    expected = expect_arrivals(stops, schema("tracking_events").empty(), params)["arrivals"]
    expected = expected.sort("planned_minute")
    low, high = (expected[c].to_numpy() for c in ("earliest_minute", "latest_minute"))
    covered = []
    for _ in range(300):
        pace = rng.normal(1.0, params.route_spread)
        travel = 5.0 * (pace + params.spread * rng.normal(size=39))
        service = 2.0 * (pace + params.spread * rng.normal(size=39))
        arrivals = 480.0 + np.cumsum(service) + np.cumsum(travel)
        covered.append(((arrivals >= low) & (arrivals <= high)).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)
