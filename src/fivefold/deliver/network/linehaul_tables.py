"""What a carried day is told as: its departures, its flows, and why they are as they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.commodities import Carried, Commodities, LimitPrices
from fivefold.deliver.network.paths import ANY_NUMBER, MODES, Lanes, Network, Paths
from fivefold.model import Reason, schema

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def handled_cost(paths: Paths, lanes: Lanes, flows: Commodities, carried: Carried) -> float:
    """Return what sorting, and whatever else is paid by the parcel, costs."""
    done = carried.path >= 0
    taken = paths.lanes[carried.path[done]]
    per_parcel = np.where(taken >= 0, lanes.handling[taken], 0.0).sum(axis=1)
    return float((per_parcel * flows.parcels[done]).sum())


def sorting(network: Network, lanes: Lanes) -> Floats:
    """Return what sorting costs a parcel where each lane ends; nothing at a station."""
    return np.where(network.kinds[lanes.destination] == "delivery_station", 0.0, network.sort_cost)


def trips_table(
    network: Network, lanes: Lanes, carried: Carried, *, slot_hours: int
) -> pl.DataFrame:
    """Return linehaul_trips: every departure of the day with what is aboard."""
    lane, slot = np.nonzero(carried.load > 1e-6)
    aboard = carried.load[lane, slot]
    vehicles = np.ceil(aboard / lanes.vehicle_parcels[lane] - 1e-6).astype(np.int64)
    names = network.places["location"].to_numpy()
    by_parcel = lanes.handling[lane] - sorting(network, lanes)[lane]
    departs = slot * slot_hours
    frame = pl.DataFrame(
        {
            "origin": names[lanes.origin[lane]],
            "destination": names[lanes.destination[lane]],
            "mode": np.array(MODES)[lanes.mode[lane]],
            "departs_hour": departs,
            "arrives_hour": departs + lanes.hours[lane],
            "distance_km": lanes.km[lane],
            "driving_hours": lanes.driving_hours[lane],
            "vehicles": vehicles,
            "capacity_parcels": np.where(
                lanes.vehicle_parcels[lane] >= ANY_NUMBER, aboard, lanes.vehicle_parcels[lane]
            ),
            "parcels": aboard,
            "drivers": vehicles * lanes.drivers[lane],
            "cost": vehicles * lanes.cost[lane] + by_parcel * aboard,
            "co2e_kg": vehicles * lanes.co2e_kg_a_vehicle[lane]
            + aboard * lanes.co2e_kg_a_parcel[lane],
        }
    ).with_columns(
        pl.format("{}>{} {} {}h", "origin", "destination", "mode", pl.col("departs_hour")).alias(
            "decision"
        )
    )
    return _shaped("linehaul_trips", frame.sort("decision"))


def flows_table(
    network: Network,
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    carried: Carried,
    *,
    slot_hours: int,
) -> pl.DataFrame:
    """Return network_flows: the way of every flow, its share of the cost, and the next best."""
    names = network.places["location"].to_numpy()
    done = np.flatnonzero(carried.path >= 0)
    told = path_names(network, lanes, paths.lanes)
    taken = paths.lanes[carried.path[done]]
    held = taken >= 0
    slots = 24 // slot_hours
    departs = carried.departs[done]
    load = carried.load[np.where(held, taken, 0), departs % slots]
    vehicles = np.ceil(load / lanes.vehicle_parcels[taken] - 1e-6)
    a_parcel = np.where(held, vehicles * lanes.cost[taken] / np.maximum(load, 1e-9), 0.0)
    emitted = np.where(
        held,
        vehicles * lanes.co2e_kg_a_vehicle[taken] / np.maximum(load, 1e-9)
        + lanes.co2e_kg_a_parcel[taken],
        0.0,
    )
    handled = np.where(held, lanes.handling[taken], 0.0)
    final = held.sum(axis=1) - 1
    row = np.arange(len(done))
    arrives = departs[row, final] * slot_hours + lanes.hours[taken[row, final]]
    origin = names[paths.origin[flows.pair[done]]]
    destination = names[paths.destination[flows.pair[done]]]
    other = carried.other[done]
    frame = pl.DataFrame(
        {
            "origin": origin,
            "destination": destination,
            "service_days": flows.service_days[done],
            "ready_hour": flows.ready_hour[done],
            "due_hour": flows.due_hour[done],
            "parcels": flows.parcels[done],
            "path": told[carried.path[done]],
            "trips": _hours_told(departs * slot_hours, held),
            "arrives_hour": arrives,
            "cost": (a_parcel + handled).sum(axis=1) * flows.parcels[done],
            "co2e_kg": emitted.sum(axis=1) * flows.parcels[done],
            "next_best_path": pl.Series(np.where(other >= 0, told[other], "")).replace({"": None}),
            "next_best_extra_cost": pl.Series(carried.extra[done]).fill_nan(None),
        }
    ).with_columns(
        pl.int_range(pl.len()).over("origin", "destination", "ready_hour").alias("piece")
    )
    frame = frame.with_columns(
        pl.format(
            "{}>{} {}h{}",
            "origin",
            "destination",
            "ready_hour",
            pl.when(pl.col("piece") == 0)
            .then(pl.lit(""))
            .otherwise(pl.format(" part {}", pl.col("piece") + 1)),
        ).alias("decision")
    )
    return _shaped("network_flows", frame.sort("decision"))


def path_names(network: Network, lanes: Lanes, rows: NDArray[np.int32]) -> NDArray[np.object_]:
    """Return each path as a person reads it: FC-CA01 -truck> SC-001 -truck> DS-010."""
    names = network.places["location"].to_list()
    step = np.array(
        [
            f" -{MODES[m]}> {names[d]}"
            for m, d in zip(lanes.mode.tolist(), lanes.destination.tolist(), strict=True)
        ],
        dtype=object,
    )
    start = np.array([names[o] for o in lanes.origin.tolist()], dtype=object)
    found = start[rows[:, 0]]
    for j in range(rows.shape[1]):
        found = found + np.where(rows[:, j] >= 0, step[rows[:, j]], "")
    return np.asarray(found)


def _hours_told(departs: Ints, held: NDArray[np.bool_]) -> list[str]:
    text = np.where(held, departs.astype(str), "")
    return [" ".join(part for part in row if part) for row in text.tolist()]


def trip_reasons(
    network: Network, lanes: Lanes, trips: pl.DataFrame, *, most: int = 4000
) -> Iterator[Reason]:
    """Say of the departures that carry most what they carry and what one more parcel costs."""
    for row in (
        trips.filter(pl.col("vehicles") > 0)
        .sort("parcels", "decision", descending=[True, False])
        .head(most)
        .iter_rows(named=True)
    ):
        room = row["vehicles"] * row["capacity_parcels"]
        yield Reason(
            subject=row["decision"],
            reason_code="demand_served",
            quantity=row["parcels"],
            text=f"{row['parcels']:,.0f} parcels in {row['vehicles']} of {row['mode']}, "
            f"{row['parcels'] / room:.0%} full.",
        )
        yield Reason(
            subject=row["decision"],
            reason_code="capacity",
            quantity=room - row["parcels"],
            price=row["cost"] / row["vehicles"],
            text=f"Room for {room - row['parcels']:,.0f} more at no cost; then another vehicle "
            f"for {row['cost'] / row['vehicles']:,.0f}.",
        )


def late_reasons(flows: Commodities, done: NDArray[np.bool_]) -> Iterator[Reason]:
    """Say how much has no way that arrives in time."""
    if not done.all():
        left = float(flows.parcels[~done].sum())
        yield Reason(
            subject="middle mile",
            reason_code="infeasible",
            quantity=left,
            text=f"{left:,.0f} parcels have no way that arrives in time.",
        )


def limit_reasons(network: Network, held: LimitPrices) -> Iterator[Reason]:
    """Say which sort centre or fleet is full, what that costs, and what does not fit."""
    names = network.places["location"].to_list()
    for place in np.flatnonzero((held.a_parcel > 0) | (held.parcels_over > 0.5)).tolist():
        left = held.parcels_over[place]
        yield Reason(
            subject=names[place],
            reason_code="infeasible" if left > 0.5 else "capacity",
            quantity=left,
            price=held.a_parcel[place],
            text=f"{names[place]} sorts all it can: flows pay up to {held.a_parcel[place]:.2f} a "
            "parcel to go around it" + (f"; {left:,.0f} still do not fit." if left > 0.5 else "."),
        )
    if held.a_flight > 0:
        yield Reason(
            subject="aircraft",
            reason_code="infeasible" if held.flights_over > 0 else "capacity",
            quantity=held.flights_over,
            price=held.a_flight,
            text=f"All aircraft fly: a flight is worth {held.a_flight:.0%} more than it costs"
            + (f"; {held.flights_over:,.0f} flights too many." if held.flights_over > 0 else "."),
        )


def _shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    shape = schema(table).polars_schema()
    return frame.select(pl.col(name).cast(kind) for name, kind in shape.items())
