"""The ways a parcel may take from a centre to a station, and the lanes they consist of.

Straight by truck; over the sort centre near the one, near the other, or both; over a gateway, a
sort centre that takes what comes from afar for many stations; the long leg by truck, by a team
of drivers or by rail; by air, through the hub or past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.driving import elapsed_hours
from fivefold.deliver.network.places import great_circle_km, road_km

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MODES = ("truck", "team_truck", "rail", "air", "air_carrier")
#: A carrier takes as many as there are and is paid by the parcel.
ANY_NUMBER = 1e9
#: Most lanes of a path: centre, airport, hub, airport, station.
LONGEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Lanes as arrays, one entry each.

    `vehicle_parcels` is what one vehicle takes, `cost` and `co2e_kg` what one costs and emits,
    `handling` what a parcel costs at the place the lane ends (0 at a station).
    """

    origin: Ints
    destination: Ints
    mode: Ints
    km: Floats
    driving_hours: Floats
    hours: Floats
    vehicle_parcels: Floats
    cost: Floats
    handling: Floats
    co2e_kg_a_vehicle: Floats
    co2e_kg_a_parcel: Floats
    drivers: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Paths of every pair of centre and station.

    Those of pair k are rows `first[k]` to `last[k] - 1` of `lanes`, which holds lane numbers
    and -1 after the last lane.
    """

    origin: Ints
    destination: Ints
    first: Ints
    last: Ints
    lanes: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Places of the middle mile in one numbering, their distances and the means between them."""

    places: pl.DataFrame
    kinds: NDArray[np.str_]
    km: Floats
    air_km: Floats
    cards: dict[str, dict[str, float | None]]
    gateways: Ints
    hub: int
    sort_cost: float
    parcel_kg: float


def make_network(
    places: pl.DataFrame,
    cards: pl.DataFrame,
    *,
    hub: str,
    gateways: int,
    sort_cost: float,
    parcel_kg: float,
    roads: pl.DataFrame | None = None,
) -> Network:
    """Return the network over these places with each means' own card, a carrier's where none."""
    ordered = cards.filter(pl.col("leg") == "line").sort(
        pl.col("owner").replace_strict({"own": 0, "partner": 1, "carrier": 2}, default=3)
    )
    by_mode: dict[str, dict[str, float | None]] = {}
    for row in ordered.iter_rows(named=True):
        by_mode.setdefault(row["mode"], row)
        if row["mode"] == "air" and row["owner"] != "own":
            by_mode.setdefault("air_carrier", row)
    names = places["location"].to_list()
    latitude, longitude = places["latitude"].to_numpy(), places["longitude"].to_numpy()
    kinds = places["building_type"].to_numpy().astype(str)
    km = road_km(places, places, roads)
    return Network(
        places=places,
        kinds=kinds,
        km=km,
        gateways=choose_gateways(
            km, kinds, places["capacity_parcels_per_day"].to_numpy(), most=gateways
        ),
        air_km=great_circle_km(
            latitude[:, None], longitude[:, None], latitude[None, :], longitude[None, :]
        ),
        cards=by_mode,
        hub=names.index(hub) if hub in names else -1,
        sort_cost=sort_cost,
        parcel_kg=parcel_kg,
    )


def choose_gateways(km: Floats, kinds: NDArray[np.str_], capacity: Floats, *, most: int) -> Ints:
    """Return the sort centres that lie best for all stations together, by capacity.

    Greedy for the p-median problem: each next one is the centre that shortens the way to the
    stations most (Kuehn, Hamburger 1963, *Management Science* 9, 643-666).
    """
    centres = np.flatnonzero(kinds == "sort_centre")
    stations = np.flatnonzero(kinds == "delivery_station")
    away = km[np.ix_(centres, stations)] * capacity[stations]
    chosen: list[int] = []
    nearest = np.full(len(stations), np.inf)
    while len(chosen) < min(most, len(centres)):
        total = np.minimum(away, nearest[None, :]).sum(axis=1)
        total[chosen] = np.inf
        best = int(total.argmin())
        chosen.append(best)
        nearest = np.minimum(nearest, away[best])
    return centres[np.array(sorted(chosen), dtype=np.int64)]


def make_paths(network: Network, origin: Ints, destination: Ints) -> tuple[Paths, Lanes]:
    """Return every path of each pair and the lanes they use."""
    size = len(network.places)
    legs: list[Ints] = []
    for stops, modes in _ways(network, origin, destination):
        legs.append(_encode(network, stops, modes, size))
    codes = np.stack(legs, axis=1)
    usable = codes[:, :, 0] >= 0
    codes = codes[usable]
    per_pair = usable.sum(axis=1)
    last = np.cumsum(per_pair)
    used = np.unique(codes[codes >= 0])
    lanes = np.full(codes.shape, -1, np.int32)
    lanes[codes >= 0] = np.searchsorted(used, codes[codes >= 0])
    return (
        Paths(
            origin=origin,
            destination=destination,
            first=(last - per_pair).astype(np.int64),
            last=last.astype(np.int64),
            lanes=lanes,
        ),
        _lanes(network, used, size),
    )


def _ways(
    network: Network, origin: Ints, destination: Ints
) -> Iterator[tuple[list[Ints], list[str]]]:
    """Yield the stops and means of each kind of path, for all pairs at once."""
    yield [origin, destination], ["truck"]
    if "air_carrier" in network.cards:
        yield [origin, destination], ["air_carrier"]
    centres = np.flatnonzero(network.kinds == "sort_centre")
    if centres.size:
        near = centres[np.argsort(network.km[:, centres], axis=1)]
        mine, other = near[origin, 0], near[origin, min(1, centres.size - 1)]
        theirs = near[destination, 0]
        yield [origin, theirs, destination], ["truck", "truck"]
        yield [origin, mine, destination], ["truck", "truck"]
        yield [origin, mine, theirs, destination], ["truck", "truck", "truck"]
        yield [origin, other, theirs, destination], ["truck", "truck", "truck"]
        for means in ("team_truck", "rail"):
            if means in network.cards:
                yield [origin, mine, theirs, destination], ["truck", means, "truck"]
        if "team_truck" in network.cards:
            yield [origin, theirs, destination], ["team_truck", "truck"]
    if network.gateways.size:
        wide = network.gateways[np.argsort(network.km[:, network.gateways], axis=1)]
        enter, out_of = wide[destination, 0], wide[origin, 0]
        yield [origin, enter, destination], ["truck", "truck"]
        yield [origin, out_of, enter, destination], ["truck", "truck", "truck"]
        for means in ("team_truck", "rail"):
            if means in network.cards:
                yield [origin, enter, destination], [means, "truck"]
                yield [origin, out_of, enter, destination], ["truck", means, "truck"]
    ports = np.flatnonzero(network.kinds == "airport")
    if ports.size > 1 and "air" in network.cards:
        near_port = ports[network.km[:, ports].argmin(axis=1)]
        out, into = near_port[origin], near_port[destination]
        yield [origin, out, into, destination], ["truck", "air", "truck"]
        if network.hub >= 0:
            hub = np.full(len(origin), network.hub)
            yield [origin, out, hub, into, destination], ["truck", "air", "air", "truck"]


def _encode(network: Network, stops: list[Ints], modes: list[str], size: int) -> Ints:
    """Return lane codes (n_pairs, LONGEST); -1 throughout where the path makes no sense."""
    codes = np.full((len(stops[0]), LONGEST), -1, np.int64)
    good = np.ones(len(stops[0]), dtype=bool)
    for j, mode in enumerate(modes):
        here, there = stops[j], stops[j + 1]
        card = network.cards[mode]
        km = (network.air_km if mode.startswith("air") else network.km)[here, there]
        good &= (here != there) & (km >= (card["least_km"] or 0.0))
        if card["radius_km"] is not None:
            good &= km <= card["radius_km"]
        codes[:, j] = (here * size + there) * len(MODES) + MODES.index(mode)
    codes[~good] = -1
    return codes


def _lanes(network: Network, codes: Ints, size: int) -> Lanes:
    mode = codes % len(MODES)
    origin, destination = (codes // len(MODES)) // size, (codes // len(MODES)) % size
    many = len(codes)
    filled = {
        name: np.zeros(many)
        for name in ("km", "driving", "hours", "most", "cost", "vehicle", "parcel", "drivers")
    }
    handling = np.where(network.kinds[destination] == "delivery_station", 0.0, network.sort_cost)
    for number, name in enumerate(MODES):
        rows = np.flatnonzero(mode == number)
        if not rows.size:
            continue
        card = {key: value for key, value in network.cards[name].items() if value is not None}
        table = network.air_km if name.startswith("air") else network.km
        km = table[origin[rows], destination[rows]]
        driving = km / float(card["speed_kmh"])
        spell = card.get("driving_hours_a_spell")
        on_the_way = elapsed_hours(
            driving,
            spell_hours=None if spell is None else float(spell),
            rest_hours=float(card.get("rest_hours", 0.0)),
        )
        filled["km"][rows] = km
        filled["driving"][rows] = driving
        filled["hours"][rows] = on_the_way + float(card.get("hours_fixed", 0.0))
        filled["most"][rows] = (
            ANY_NUMBER if name == "air_carrier" else float(card["capacity_parcels"])
        )
        filled["cost"][rows] = km * float(card["cost_per_km"]) + float(card["cost_per_trip"])
        filled["vehicle"][rows] = km * float(card["co2e_kg_per_km"])
        filled["parcel"][rows] = km * float(card["co2e_kg_per_tonne_km"]) * network.parcel_kg / 1000
        shifts = 1.0 if spell is None else np.ceil(driving / float(spell) - 1e-9)
        filled["drivers"][rows] = float(card.get("drivers", 0.0)) * np.maximum(shifts, 1.0)
        handling[rows] += float(card.get("cost_per_parcel", 0.0))
    return Lanes(
        origin=origin,
        destination=destination,
        mode=mode,
        km=filled["km"],
        driving_hours=filled["driving"],
        hours=filled["hours"],
        vehicle_parcels=filled["most"],
        cost=filled["cost"],
        handling=handling,
        co2e_kg_a_vehicle=filled["vehicle"],
        co2e_kg_a_parcel=filled["parcel"],
        drivers=filled["drivers"],
    )
