"""The middle mile of a day: which way each flow takes, and which trucks and aircraft leave when.

A multi-commodity flow over time with whole vehicles. Flows are put on their cheapest way one by
one, taken off and put back while the cost of a vehicle that is not full counts in part; that
part falls from the vehicle's share to the whole vehicle, so flows gather where they fill it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import origin_destination, sites
from fivefold.deliver.network.paths import (
    ANY_NUMBER,
    MODES,
    Lanes,
    Network,
    Paths,
    make_network,
    make_paths,
)
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MiddleMileParams:
    """How the middle mile is planned.

    Parameters
    ----------
    slot_hours : int
        Trucks leave every so many hours; divides 24. [hours]
    clock : str
        Time zone of all hours that are told.
    blurs : tuple of float
        How much of a vehicle's room must be taken before it counts whole, pass by pass; the
        last must be 0, which is the true cost.
    exact_passes : int
        Most passes at the true cost; they end when nothing moves.
    hub : str
        Airport through which aircraft may connect.
    gateways : int
        Sort centres that take what comes from afar for many stations.
    """

    slot_hours: int = 2
    clock: str = "America/New_York"
    blurs: tuple[float, ...] = (0.01, 0.0)
    exact_passes: int = 6
    hub: str = "AIR-CVG"
    gateways: int = 16

    def __post_init__(self) -> None:
        """Check what was asked."""
        if self.slot_hours < 1 or 24 % self.slot_hours:
            raise ValueError(f"slot_hours must divide 24, got {self.slot_hours}")
        if not self.blurs or self.blurs[-1] != 0.0 or not all(0 <= b <= 1 for b in self.blurs):
            raise ValueError(f"blurs must lie in [0, 1] and end with 0, got {self.blurs}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commodities:
    """Flows to be carried: pair of places, when ready, when due, how many parcels."""

    pair: Ints
    ready_hour: Ints
    due_hour: Floats
    service_days: Ints
    parcels: Floats


@dataclass(slots=True, kw_only=True)
class Carried:
    """Which path each flow takes, when it leaves on each lane, and what is aboard.

    `load` is parcels aboard by lane and slot of the day.
    """

    path: Ints
    departs: Ints
    load: Floats
    other: Ints
    extra: Floats


def plan_middle_mile(
    dataset: Dataset, params: MiddleMileParams | None = None, *, as_of: date
) -> Outcome:
    """Plan the day's linehaul from fulfilment centres to delivery stations.

    Parameters
    ----------
    dataset : Dataset
        buildings, locations, demand_zones; mode_cards and network_figures, the package's own
        where empty; forecast_means of the regions where there are any.
    params : MiddleMileParams
    as_of : date
        Day that is planned; sets the time zones.

    Returns
    -------
    Outcome
        Tables network_flows and linehaul_trips. `objective` is the cost of the day, `bound` a
        proven lower bound (see Notes). `notes`: trucks, flights, trucks_direct, carrier_parcels,
        sorting_cost, unserved_parcels.

    Notes
    -----
    Bound: every parcel pays on each lane at least cost / min(room of a vehicle, all parcels of
    the day that could ever take that lane), since a lane that is used costs a vehicle at least.
    The linear program with these prices falls apart into cheapest paths. The gradual
    sharpening of the vehicle cost follows slope scaling (Kim, Pardalos 1999, "A solution
    approach to the fixed charge network flow problem using a dynamic slope scaling procedure",
    *Operations Research Letters* 24, 195-203), with marginal in place
    of average cost.
    """
    params = params or MiddleMileParams()
    known = figures(dataset)
    centres, stations = sites(dataset, "fulfilment"), sites(dataset, "delivery_station")
    if centres.height == 0 or stations.height == 0:
        why = Reason(
            subject="middle mile",
            reason_code="infeasible",
            text=f"{centres.height} fulfilment centres and {stations.height} delivery stations "
            "have coordinates; it takes one of each.",
        )
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([why]))
    others = sites(dataset, "sort_centre", "airport")
    places = pl.concat([centres, stations, others])
    network = make_network(
        places,
        cards(dataset),
        hub=params.hub,
        gateways=params.gateways,
        sort_cost=known["sort_cost_per_parcel"],
        parcel_kg=known["parcel_kg"],
    )
    parcels = origin_destination(dataset, centres, stations)
    o, d = np.nonzero(parcels)
    paths, lanes = make_paths(network, o.astype(np.int64), (d + centres.height).astype(np.int64))
    offsets = hour_offsets(places, clock=params.clock, day=as_of)
    flows = make_commodities(paths, lanes, parcels[o, d], offsets, known, params)
    carried = carry(paths, lanes, flows, known, params)
    bound = lower_bound(paths, lanes, flows, known, params)
    trips = _trips(network, lanes, carried, params)
    table = _flows(network, paths, lanes, flows, carried, params)
    handled = handled_cost(paths, lanes, flows, carried)
    paid = float((carried.load.sum(axis=1) * (lanes.handling - sorting(network, lanes))).sum())
    sorted_for = handled - paid
    cost = float(trips["cost"].sum()) + sorted_for
    done = carried.path >= 0
    direct = int(np.ceil(parcels[o, d] / known["truck_parcels"]).sum())
    by_mode = dict(trips.group_by("mode").agg(pl.col("vehicles").sum()).iter_rows())
    return Outcome(
        tables={"network_flows": table, "linehaul_trips": trips},
        status="feasible" if done.all() else "infeasible",
        objective=cost,
        bound=bound,
        explanations=explanations_frame(
            [*_trip_reasons(network, lanes, trips), *_late_reasons(flows, done)]
        ),
        notes={
            "trucks": int(sum(by_mode.get(m, 0) for m in ("truck", "team_truck", "rail"))),
            "flights": int(by_mode.get("air", 0)),
            "trucks_direct": direct,
            "parcels": float(flows.parcels.sum()),
            "sorting_cost": sorted_for,
            "carrier_parcels": float(
                trips.filter(pl.col("mode") == "air_carrier")["parcels"].sum()
            ),
            "unserved_parcels": float(flows.parcels[~done].sum()),
            "flows": len(flows.pair),
        },
    )


def hour_offsets(places: pl.DataFrame, *, clock: str, day: date) -> Floats:
    """Return for each place how many hours its clock is behind the network's clock."""
    noon = datetime.combine(day, time(12), tzinfo=UTC)
    base = noon.astimezone(ZoneInfo(clock)).utcoffset()
    assert base is not None
    found = []
    for zone in places["timezone"].to_list():
        there = noon.astimezone(ZoneInfo(zone or clock)).utcoffset()
        assert there is not None
        found.append((base - there).total_seconds() / 3600)
    return np.array(found)


def make_commodities(
    paths: Paths,
    lanes: Lanes,
    parcels: Ints,
    offsets: Floats,
    known: Mapping[str, float],
    params: MiddleMileParams,
) -> Commodities:
    """Split the day's parcels by the hour they are ready and find the days each can be promised.

    A flow is promised the fewest days in which a way without waiting gets it there by the hour
    its station must have it.
    """
    hours = np.array([12, 18, 22])
    share = np.array([known[f"ready_{hour}_share"] for hour in hours])
    cut = np.rint(np.cumsum(share / share.sum()) * parcels[:, None]).astype(np.int64)
    split = np.diff(cut, axis=1, prepend=0)
    needed = path_slots(paths, lanes, known, params)
    ready_of = hours[None, :] + offsets[paths.origin][:, None]
    station_of = known["station_due_hour"] + offsets[paths.destination]
    fastest = np.minimum.reduceat(needed, paths.first)
    by_road = np.minimum.reduceat(_without_air(paths, lanes, needed), paths.first)
    size = params.slot_hours

    def days_from(ready: Floats, slots: Ints, station: Floats) -> Floats:
        arrives = (np.ceil(ready / size - 1e-9) + slots) * size
        return np.asarray(np.maximum(1.0, np.ceil((arrives - station) / 24 - 1e-9)))

    # One day is promised where trucks keep it. What has longer waits for the last wave, so that
    # a centre's trucks to far places leave together.
    next_day = days_from(ready_of, by_road[:, None], station_of[:, None]) <= 1
    later = np.where(next_day, 0, split).sum(axis=1)
    split = np.where(next_day, split, 0)
    pair, wave = np.nonzero(split)
    far = np.flatnonzero(later)
    last = ready_of[far, -1]
    days = np.concatenate(
        [np.ones(len(pair)), np.maximum(2.0, days_from(last, fastest[far], station_of[far]))]
    ).astype(np.int64)
    volume = np.concatenate([split[pair, wave], later[far]]).astype(float)
    ready = np.concatenate([ready_of[pair, wave], last]).astype(np.int64)
    pair = np.concatenate([pair, far])
    station = station_of[pair]
    pieces = np.maximum(1, np.ceil(volume / known["truck_parcels"])).astype(np.int64)
    again = np.repeat(np.arange(len(pair)), pieces)
    return Commodities(
        pair=pair[again].astype(np.int64),
        ready_hour=ready[again],
        due_hour=(24.0 * days + station)[again],
        service_days=days[again],
        parcels=(volume / pieces)[again],
    )


def _without_air(paths: Paths, lanes: Lanes, needed: Ints) -> Ints:
    """Return slots each path takes, far too many for those that fly."""
    flies = np.where(paths.lanes >= 0, lanes.mode[paths.lanes] >= MODES.index("air"), False)
    return np.where(flies.any(axis=1), 10_000, needed)


def lane_slots(lanes: Lanes, params: MiddleMileParams) -> Ints:
    """Return how many slots each lane takes from departure to arrival."""
    return np.ceil(lanes.hours / params.slot_hours - 1e-9).astype(np.int64)


def dwell_slots(known: Mapping[str, float], params: MiddleMileParams) -> int:
    """Return slots between arrival at a sort centre or airport and the next departure."""
    return int(np.ceil(known["sort_dwell_hours"] / params.slot_hours - 1e-9))


def path_slots(
    paths: Paths, lanes: Lanes, known: Mapping[str, float], params: MiddleMileParams
) -> Ints:
    """Return slots each path takes where nothing waits."""
    held = paths.lanes >= 0
    travel = np.where(held, lane_slots(lanes, params)[paths.lanes], 0).sum(axis=1)
    return np.asarray(travel + (held.sum(axis=1) - 1) * dwell_slots(known, params))


def carry(
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    known: Mapping[str, float],
    params: MiddleMileParams,
) -> Carried:
    """Put every flow on its way, again and again, until nothing is gained."""
    from fivefold.deliver.network import linehaul_kernels as kernels

    slots = 24 // params.slot_hours
    count = len(flows.pair)
    ready, due = _in_slots(flows, params)
    carried = Carried(
        path=np.full(count, -1, np.int64),
        departs=np.zeros((count, paths.lanes.shape[1]), np.int64),
        load=np.zeros((len(lanes.km), slots)),
        other=np.full(count, -1, np.int64),
        extra=np.full(count, np.nan),
    )
    # The large ones first: they choose where trucks run, the small ones join them.
    order = np.argsort(-flows.parcels, kind="stable")
    ways = (paths.lanes, lane_slots(lanes, params), dwell_slots(known, params), carried.load)
    prices = (lanes.vehicle_parcels, lanes.cost, lanes.handling)
    _, price = bound_prices(paths, lanes, flows, known, params)
    kernels.first_plan(
        paths.first, paths.last, flows.pair, ready, due, flows.parcels, *ways, price, slots,
        carried.path, carried.departs,
    )  # fmt: skip
    moved = count
    for turn, blur in enumerate((*params.blurs, *[0.0] * params.exact_passes)):
        if turn >= len(params.blurs) and moved < max(1, count // 2000):
            break
        moved = kernels.one_pass(
            order, paths.first, paths.last, flows.pair, ready, due, flows.parcels, *ways, *prices,
            blur, slots, carried.path, carried.departs,
        )  # fmt: skip
    kernels.next_best(
        paths.first, paths.last, flows.pair, ready, due, flows.parcels, *ways, *prices,
        slots, carried.path, carried.departs, carried.other, carried.extra,
    )  # fmt: skip
    return carried


def _in_slots(flows: Commodities, params: MiddleMileParams) -> tuple[Ints, Ints]:
    size = params.slot_hours
    ready = -(-flows.ready_hour // size)
    return ready.astype(np.int64), np.floor(flows.due_hour / size + 1e-9).astype(np.int64)


def lower_bound(
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    known: Mapping[str, float],
    params: MiddleMileParams,
) -> float:
    """Return what the day costs at least: the linear program's value, see `plan_middle_mile`."""
    from fivefold.deliver.network import linehaul_kernels as kernels

    enough, price = bound_prices(paths, lanes, flows, known, params)
    least = kernels.least_price(
        paths.first, paths.last, paths.lanes, enough, price, len(paths.first)
    )
    volume = np.bincount(flows.pair, weights=flows.parcels, minlength=len(paths.first))
    return float((least[volume > 0] * volume[volume > 0]).sum())


def bound_prices(
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    known: Mapping[str, float],
    params: MiddleMileParams,
) -> tuple[NDArray[np.bool_], Floats]:
    """Return which paths any flow of their pair has time for, and the price a parcel of lanes."""
    ready, due = _in_slots(flows, params)
    time_left = np.zeros(len(paths.first), np.int64)
    np.maximum.at(time_left, flows.pair, due - ready)
    pair_of = np.repeat(np.arange(len(paths.first)), paths.last - paths.first)
    enough = path_slots(paths, lanes, known, params) <= time_left[pair_of]
    volume = np.bincount(flows.pair, weights=flows.parcels, minlength=len(paths.first))
    could = np.zeros(len(lanes.km))
    # A pair counts once a lane, however many of its paths take it.
    held = (paths.lanes >= 0) & enough[:, None]
    keys = pair_of[:, None] * len(lanes.km) + paths.lanes
    once = np.unique(keys[held])
    np.add.at(could, once % len(lanes.km), volume[once // len(lanes.km)])
    room = np.minimum(lanes.vehicle_parcels, np.maximum(could, 1e-9))
    return enough, lanes.cost / room + lanes.handling


def handled_cost(paths: Paths, lanes: Lanes, flows: Commodities, carried: Carried) -> float:
    """Return what sorting, and whatever else is paid by the parcel, costs."""
    done = carried.path >= 0
    taken = paths.lanes[carried.path[done]]
    per_parcel = np.where(taken >= 0, lanes.handling[taken], 0.0).sum(axis=1)
    return float((per_parcel * flows.parcels[done]).sum())


def sorting(network: Network, lanes: Lanes) -> Floats:
    """Return what sorting costs a parcel where each lane ends; nothing at a station."""
    return np.where(network.kinds[lanes.destination] == "delivery_station", 0.0, network.sort_cost)


def _trips(
    network: Network, lanes: Lanes, carried: Carried, params: MiddleMileParams
) -> pl.DataFrame:
    lane, slot = np.nonzero(carried.load > 1e-6)
    aboard = carried.load[lane, slot]
    vehicles = np.ceil(aboard / lanes.vehicle_parcels[lane] - 1e-6).astype(np.int64)
    names = network.places["location"].to_numpy()
    by_parcel = lanes.handling[lane] - sorting(network, lanes)[lane]
    departs = slot * params.slot_hours
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


def _flows(
    network: Network,
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    carried: Carried,
    params: MiddleMileParams,
) -> pl.DataFrame:
    names = network.places["location"].to_numpy()
    done = np.flatnonzero(carried.path >= 0)
    told = path_names(network, lanes, paths.lanes)
    taken = paths.lanes[carried.path[done]]
    held = taken >= 0
    slots = 24 // params.slot_hours
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
    arrives = departs[row, final] * params.slot_hours + lanes.hours[taken[row, final]]
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
            "trips": _hours_told(departs * params.slot_hours, held),
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


def _trip_reasons(
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


def _late_reasons(flows: Commodities, done: NDArray[np.bool_]) -> Iterator[Reason]:
    if not done.all():
        left = float(flows.parcels[~done].sum())
        yield Reason(
            subject="middle mile",
            reason_code="infeasible",
            quantity=left,
            text=f"{left:,.0f} parcels have no way that arrives in time.",
        )


def _shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    shape = schema(table).polars_schema()
    return frame.select(pl.col(name).cast(kind) for name, kind in shape.items())
