from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

import polars as pl
import pytest
from tests.unit.deliver.last_mile.conftest import station_dataset

from fivefold.check import check_plan
from fivefold.deliver.last_mile.dispatch import Upset, mend_day
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.routes import route_day
from fivefold.model import Dataset, schema

DAY = date(2026, 11, 23)
QUICK = Params(iterations=60)
Spoil = Callable[[Dataset], Dataset]


@cache
def day_of_routes(vans: int = 4) -> Dataset:
    dataset = station_dataset(140, vans=vans, seed=3)
    outcome = route_day(dataset, QUICK, as_of=DAY)
    assert outcome.explanations is not None
    return dataset.with_tables(**outcome.tables, explanations=outcome.explanations)


def rules_broken(dataset: Dataset) -> set[str]:
    found = check_plan(dataset, as_of=DAY)
    return set(found.filter(pl.col("table").is_in(["routes", "route_stops"]))["rule"])


def visit(dataset: Dataset, **columns: pl.Expr) -> Dataset:
    stops = dataset["route_stops"]
    first = stops.filter(pl.col("delivery").is_not_null())["delivery"][3]
    changed = {
        name: pl.when(pl.col("delivery") == first).then(value).otherwise(pl.col(name))
        for name, value in columns.items()
    }
    return dataset.with_tables(route_stops=stops.with_columns(**changed))


def vehicles(dataset: Dataset, **columns: float | int) -> Dataset:
    changed = dataset["vehicles"].with_columns(
        **{name: pl.lit(value).cast(dataset["vehicles"][name].dtype)
           for name, value in columns.items()}
    )  # fmt: skip
    return dataset.with_tables(vehicles=changed)


def test_the_checker_finds_nothing_wrong_with_routes_made() -> None:
    assert rules_broken(day_of_routes()) == set()


FAULTS: dict[str, Spoil] = {
    "each_visit_once": lambda d: d.with_tables(
        route_stops=d["route_stops"].filter(pl.col("delivery").fill_null("") != "P00007")
    ),
    "window": lambda d: d.with_tables(
        deliveries=d["deliveries"].with_columns(window_end_minute=pl.lit(500.0))
    ),
    "ready": lambda d: d.with_tables(
        deliveries=d["deliveries"].with_columns(ready_minute=pl.lit(1100.0))
    ),
    "load": lambda d: vehicles(d, capacity_kg=20.0),
    "stops_of_a_trip": lambda d: vehicles(d, stops_at_most=5),
    "hours": lambda d: vehicles(d, hours_at_most=1.0),
    "range": lambda d: vehicles(d, range_km=5.0),
    "vehicles_exist": lambda d: vehicles(d, number_available=0),
    "starts_within_shift": lambda d: vehicles(d, shift_end_minute=600.0),
    "break_in_time": lambda d: vehicles(d, break_after_hours=1.0),
    "cost_is_that_of_the_vehicle": lambda d: vehicles(d, cost_per_day=500.0),
    "time_flows": lambda d: visit(d, starts_minute=pl.lit(0.0)),
    "no_faster_than_the_vehicle": lambda d: visit(d, latitude=pl.lit(32.0)),
    "distance_is_the_sum": lambda d: visit(d, leg_km=pl.lit(77.0)),
    "stops_are_counted": lambda d: d.with_tables(
        routes=d["routes"].with_columns(stops=pl.col("stops") + 1)
    ),
    "trips": lambda d: d.with_tables(routes=d["routes"].with_columns(trips=pl.lit(9))),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_checker_names_each_fault(rule: str) -> None:
    assert rule in rules_broken(FAULTS[rule](day_of_routes()))


def test_a_van_that_fails_leaves_every_visit_made_or_said_not_to_be() -> None:
    dataset = day_of_routes()
    longest = dataset["routes"].sort("stops")["route"][-1]
    row = dataset["routes"].filter(pl.col("route") == longest)
    middle = float(row["starts_minute"][0] + row["ends_minute"][0]) / 2
    outcome = mend_day(dataset, Upset(minute=middle, failed_route=longest), QUICK, as_of=DAY)
    mended = dataset.with_tables(**outcome.tables)
    assert rules_broken(mended) == set()
    assert outcome.notes["moved_visits"] or outcome.notes["lost_visits"]
    past = dataset["route_stops"].filter(
        (pl.col("route") == longest)
        & (pl.col("leaves_minute") < middle)
        & pl.col("delivery").is_not_null()
    )
    after = outcome["route_stops"].filter(pl.col("route") == longest)
    assert set(past["delivery"]) <= set(after["delivery"].drop_nulls())


def test_a_return_called_in_moves_no_other_visit_to_another_vehicle() -> None:
    dataset = day_of_routes()
    call = schema("deliveries").frame(
        [
            {
                "delivery": "CALL1",
                "station": "DAU1",
                "deliver_on": DAY,
                "kind": "return",
                "latitude": 30.31,
                "longitude": -97.71,
            }
        ]
    )
    begin = float(dataset["routes"]["starts_minute"].min() or 0.0) + 90.0
    outcome = mend_day(dataset, Upset(minute=begin, new=call), QUICK, as_of=DAY)
    assert outcome.notes["moved_visits"] == 0
    assert "CALL1" in outcome["route_stops"]["delivery"].to_list()
    assert set(outcome["routes"]["route"]) >= set(dataset["routes"]["route"])


def test_a_route_that_is_not_there_cannot_fail() -> None:
    with pytest.raises(ValueError, match="no route 'X'"):
        mend_day(day_of_routes(), Upset(minute=600.0, failed_route="X"), QUICK, as_of=DAY)
