"""A metropolitan area's day drawn from its people, routed and checked."""

import numpy as np
import polars as pl
import pytest

from fivefold.cycle.metro import metro_record, metro_routing, plan_metro
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.network.figures import figures
from fivefold.deliver.network.metro import MetroParams, metro_day, middle_of
from fivefold.deliver.network.places import great_circle_km, zip_people
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome
from fivefold.twin.companies.operator import AS_OF, make_tables

QUICK = Params(iterations=8, workers=1)


@pytest.fixture(scope="module")
def network() -> Dataset:
    """Return the whole network's buildings with a twentieth of its parcels."""
    tables = make_tables(days=14)
    few = tables["demand_zones"].with_columns(pl.col("parcels_per_day") * 0.05)
    return Dataset({**tables, "demand_zones": few})


@pytest.fixture(scope="module")
def drawn(network: Dataset) -> Outcome:
    return metro_day(network, MetroParams(), as_of=AS_OF)


def expected_parcels(network: Dataset, params: MetroParams) -> float:
    """Return the area's mean parcels worked out by people, apart from the code under test."""
    middle = middle_of(params.city, params.state)
    assert middle is not None
    codes = zip_people().with_columns(zone=pl.col("zip").str.head(3))
    away = great_circle_km(codes["latitude"].to_numpy(), codes["longitude"].to_numpy(), *middle)
    near = codes.with_columns(near=pl.Series(away <= params.radius_km))
    shares = near.group_by("zone").agg(
        share=(pl.col("population") * pl.col("near")).sum() / pl.col("population").sum()
    )
    zones = network["demand_zones"].join(shares, on="zone")
    return float((zones["parcels_per_day"] * zones["share"]).sum())


def test_parcels_are_those_of_the_people_within_the_radius(
    network: Dataset, drawn: Outcome
) -> None:
    mean = expected_parcels(network, MetroParams())
    parcels = float(drawn["deliveries"]["parcels"].sum())
    assert abs(parcels - mean) < 5 * np.sqrt(mean)
    lockers = drawn["deliveries"].filter(pl.col("pickup_point").is_not_null())
    known = figures(network)
    assert lockers["parcels"].sum() / parcels == pytest.approx(
        known["pickup_point_share"], abs=0.02
    )
    at_doors = drawn["deliveries"].filter(pl.col("pickup_point").is_null())
    assert at_doors["parcels"].mean() == pytest.approx(known["parcels_per_visit"], rel=0.05)


def test_visits_carry_the_mean_weight_and_no_door_is_far_from_its_zip_code(
    drawn: Outcome, network: Dataset
) -> None:
    visits = drawn["deliveries"]
    each = float(visits["weight_kg"].sum()) / float(visits["parcels"].sum())
    assert each == pytest.approx(figures(network)["parcel_kg"], rel=0.1)
    placed = visits.join(
        zip_people().select("zip", la="latitude", lo="longitude"),
        left_on="postal_code",
        right_on="zip",
    )
    away = great_circle_km(
        placed["latitude"].to_numpy(), placed["longitude"].to_numpy(),
        placed["la"].to_numpy(), placed["lo"].to_numpy(),
    )  # fmt: skip
    assert away.max() < 12.1


def test_the_same_seed_draws_the_same_day(network: Dataset, drawn: Outcome) -> None:
    again = metro_day(network, MetroParams(), as_of=AS_OF)
    assert again["deliveries"].equals(drawn["deliveries"])
    other = metro_day(network, MetroParams(seed=2), as_of=AS_OF)
    assert not other["deliveries"].equals(drawn["deliveries"])


def test_an_area_is_routed_checked_and_told_by_vehicle(network: Dataset) -> None:
    made = plan_metro(network, MetroParams(radius_km=12), QUICK, as_of=AS_OF)
    assert made.is_legal
    record = metro_record(made)
    visits = made["deliveries"].height
    assert record["visits"] == visits
    assert sum(row["parcels"] for row in record["by_vehicle"]) == record["parcels"]
    assert record["cost"] == pytest.approx(sum(row["cost"] for row in record["by_vehicle"]))
    assert record["late"] == 0
    assert record["is_drawn"]
    assert record["cost_per_parcel"] > 0


def test_visits_of_the_day_are_taken_as_they_are(network: Dataset, drawn: Outcome) -> None:
    few = drawn["deliveries"].head(30)
    dataset = network.with_tables(deliveries=few, vehicles=drawn["vehicles"])
    made = plan_metro(dataset, params=QUICK, as_of=AS_OF)
    assert made["deliveries"].equals(few)
    assert not metro_record(made)["is_drawn"]


def test_a_city_that_is_nowhere_is_told_by_name(network: Dataset) -> None:
    with pytest.raises(NotFoundError, match="no city Atlantis, NE"):
        plan_metro(network, MetroParams(city="Atlantis"), metro_routing(seconds=1), as_of=AS_OF)
