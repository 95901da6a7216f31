"""The flows of a day that are carried together: from where to where, when ready and when due.

Knows clocks, promises and how long lanes and ways take. Chooses no way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.paths import MODES, Lanes, Paths

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPrices:
    """What holds the limits: money a parcel by place, share by which flights are dearer, left over.

    `parcels_over` is what is still too much by place, `flights_over` flights too many.
    """

    a_parcel: Floats
    a_flight: float
    parcels_over: Floats
    flights_over: float

    @property
    def kept(self) -> bool:
        """Return whether all fits."""
        return bool(self.parcels_over.max() <= 0.5 and self.flights_over <= 0)


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
    *,
    slot_hours: int,
) -> Commodities:
    """Split the day's parcels by the hour they are ready and find the days each can be promised.

    A flow is promised the fewest days in which a way without waiting gets it there by the hour
    its station must have it.
    """
    hours = np.array([12, 18, 22])
    share = np.array([known[f"ready_{hour}_share"] for hour in hours])
    cut = np.rint(np.cumsum(share / share.sum()) * parcels[:, None]).astype(np.int64)
    split = np.diff(cut, axis=1, prepend=0)
    needed = path_slots(paths, lanes, known, slot_hours)
    ready_of = hours[None, :] + offsets[paths.origin][:, None]
    station_of = known["station_due_hour"] + offsets[paths.destination]
    fastest = np.minimum.reduceat(needed, paths.first)
    by_road = np.minimum.reduceat(_without_air(paths, lanes, needed), paths.first)
    size = slot_hours

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
    # Full trucks and what is left over, so that the rest alone looks for company.
    pieces = np.maximum(1, np.ceil(volume / known["truck_parcels"])).astype(np.int64)
    again = np.repeat(np.arange(len(pair)), pieces)
    sizes = np.full(len(again), known["truck_parcels"])
    sizes[np.cumsum(pieces) - 1] = volume - known["truck_parcels"] * (pieces - 1)
    return Commodities(
        pair=pair[again].astype(np.int64),
        ready_hour=ready[again],
        due_hour=(24.0 * days + station)[again],
        service_days=days[again],
        parcels=sizes,
    )


def _without_air(paths: Paths, lanes: Lanes, needed: Ints) -> Ints:
    """Return slots each path takes, far too many for those that fly."""
    flies = np.where(paths.lanes >= 0, lanes.mode[paths.lanes] >= MODES.index("air"), False)
    return np.where(flies.any(axis=1), 10_000, needed)


def lane_slots(lanes: Lanes, slot_hours: int) -> Ints:
    """Return how many slots each lane takes from departure to arrival."""
    return np.ceil(lanes.hours / slot_hours - 1e-9).astype(np.int64)


def dwell_slots(known: Mapping[str, float], slot_hours: int) -> int:
    """Return slots between arrival at a sort centre or airport and the next departure."""
    return int(np.ceil(known["sort_dwell_hours"] / slot_hours - 1e-9))


def path_slots(paths: Paths, lanes: Lanes, known: Mapping[str, float], slot_hours: int) -> Ints:
    """Return slots each path takes where nothing waits."""
    held = paths.lanes >= 0
    travel = np.where(held, lane_slots(lanes, slot_hours)[paths.lanes], 0).sum(axis=1)
    return np.asarray(travel + (held.sum(axis=1) - 1) * dwell_slots(known, slot_hours))


def in_slots(flows: Commodities, slot_hours: int) -> tuple[Ints, Ints]:
    """Return the first slot in which each flow may leave and the last in which it may arrive."""
    ready = -(-flows.ready_hour // slot_hours)
    return ready.astype(np.int64), np.floor(flows.due_hour / slot_hours + 1e-9).astype(np.int64)
