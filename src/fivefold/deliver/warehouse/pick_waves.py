"""A day's orders into waves: which pick-up they make, who walks where, when it must start.

Knows what must leave today from a building, its pick-ups and cut-offs, slots, people and labour
standards. Pickers and packers are two stations one after the other: a wave is packed once it is
picked, and the next wave is picked meanwhile. Decides nothing about where orders ship from.

References
----------
.. [1] De Koster, Le-Duc, Roodbergen (2007), "Design and control of warehouse order picking: a
   literature review", EJOR 182(2): waves are sets of orders released together for a common
   departure (sec. 5.3); batches within them, and routes within batches.
.. [2] Jackson (1955): waves in the order in which they are due keep the greatest lateness of a
   station least; the same order at both stations keeps it for the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from fivefold.deliver.promise import work_calendar
from fivefold.deliver.warehouse.batching import Batch, by_savings, improve, in_turn
from fivefold.deliver.warehouse.building import Building, Departure, Slot, read_building
from fivefold.deliver.warehouse.parcels import Parcel, packed_rows, parcels_of
from fivefold.deliver.warehouse.picker_routes import by_aisle, shortest, shortest_tour
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Orders up to which batches are merged by savings; more are filled in turn of their slots.
MOST_BY_SAVINGS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveParams:
    """How waves are formed.

    Parameters
    ----------
    location : str
        The building.
    wave_orders : int
        Orders in a wave at most.
    opens_minute : int
        Minute of the day at which picking may begin, where no shift pattern tells.
    people : int or None
        People there for picking and packing; None is those of the shift plan of the day, else
        as many as the labour standards let work side by side, else one each.
    steps : int
        Moves and swaps tried to shorten the walks of a wave.
    """

    location: str
    wave_orders: int = 60
    opens_minute: int = 480
    people: int | None = None
    steps: int = 1500

    def __post_init__(self) -> None:
        if self.wave_orders < 1 or self.steps < 0:
            raise ValueError("wave_orders must be at least 1 and steps not negative")
        if self.people is not None and self.people < 1:
            raise ValueError(f"people must be at least 1, found {self.people}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """One order to pick: its lines with slot and units, and its parcels."""

    name: str
    lines: tuple[tuple[int, str, int], ...]
    stops: tuple[Slot, ...]
    parcels: tuple[Parcel, ...]
    volume_m3: float
    postal_code: str

    @property
    def units(self) -> int:
        return sum(units for _line, _item, units in self.lines)


@dataclass(slots=True)
class _Day:
    """The clock of pickers and packers, and what was decided so far."""

    building: Building
    pickers: int
    packers: int
    shared: bool
    picked_at: float
    packed_at: float
    waves: list[dict[str, Any]] = field(default_factory=list)
    picks: list[dict[str, Any]] = field(default_factory=list)
    manifest: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wave:
    """Orders picked together, walks through them and the work it is."""

    orders: tuple[_Order, ...]
    batches: tuple[Batch, ...]
    walk_m: float
    alone_m: float
    pick_hours: float
    pack_hours: float
    load_hours: float

    @property
    def parcels(self) -> int:
        return sum(len(order.parcels) for order in self.orders)


def plan_waves(
    dataset: Dataset, params: WaveParams, *, as_of: date, rng: np.random.Generator
) -> Outcome:
    """Return the waves of a day: walks, parcels, the manifest of each pick-up, and who waits.

    Parameters
    ----------
    dataset : Dataset
        promises (what leaves from where and when), orders, items, slotting, shift_plan, and the
        tables of the building.
    params : WaveParams
    as_of : date
        The day; what should have left before goes too, first.
    rng : numpy.random.Generator

    Returns
    -------
    Outcome
        `pick_waves`, `picks`, `manifest`, `packed_items`, `held_back`. Infeasible where an
        order that should leave cannot.
    """
    building = read_building(dataset, params.location)
    due = _due(dataset, params.location, as_of)
    orders, held = _orders(dataset, building, due)
    day = _clock(dataset, building, params, orders, as_of)
    waiting = list(orders)
    reasons: list[Reason] = []
    why: dict[str, str] = {}
    for departure in building.departures:
        waiting, late = _fill_departure(day, departure, waiting, params, as_of, rng, reasons)
        why |= late
    if not building.departures:
        why = {order.name: "no pick-up is known (table departures)" for order in waiting}
    held += [_held(order, params.location, why.get(order.name, ""), row) for order in waiting
             for row in order.lines]  # fmt: skip
    made = {
        "pick_waves": schema("pick_waves").frame(day.waves),
        "picks": schema("picks").frame(day.picks),
        "manifest": schema("manifest").frame(day.manifest),
        "packed_items": schema("packed_items").frame(day.pieces),
        "held_back": schema("held_back").frame(held),
    }
    reasons += [
        Reason(
            subject=f"held:{row['order']}:{row['line']}",
            reason_code="capacity",
            text=f"It does not leave today: {row['reason']}.",
            quantity=float(row["quantity"]),
        )
        for row in held
    ]
    return Outcome(
        tables=made,
        status="infeasible" if held else "feasible",
        objective=float(made["pick_waves"]["walk_m"].sum()),
        explanations=explanations_frame(reasons),
        notes={
            "orders": len(orders) - len(waiting),
            "held_back": len(held),
            "pickers": day.pickers,
            "packers": day.packers,
            "walk_m": float(made["pick_waves"]["walk_m"].sum()),
            "walk_one_by_one_m": float(made["pick_waves"]["walk_one_by_one_m"].sum()),
            "lacking": ", ".join(building.lacking),
        },
    )


def _due(dataset: Dataset, location: str, as_of: date) -> pl.DataFrame:
    """Return the lines to be worked on the day, the most urgent orders first.

    A place that takes a day from order to dock works today what leaves on the next working day.
    """
    place = dataset["locations"].filter(pl.col("location") == location).to_dicts()[0]
    calendar, _cut_off = work_calendar(dataset, place["calendar"], as_of=as_of)
    until = calendar.add(as_of, round(place["processing_time_days"] or 0.0))
    promises = dataset["promises"].filter(
        (pl.col("location") == location)
        & (pl.col("ship_on") <= until)
        & (pl.col("basis") == "on_hand")
    )
    known = dataset["orders"].select("order", "line", "ordered_at", "priority", "ship_postal_code")
    urgency = [
        pl.col(name).min().over("order").alias(f"_{name}")
        for name in ("priority", "deliver_on", "ordered_at")
    ]
    return (
        promises.group_by("order", "line", "item", maintain_order=True)
        .agg(pl.col("quantity").sum(), pl.col("deliver_on").min())
        .join(known, on=["order", "line"], how="left")
        .with_columns(pl.col("priority").fill_null(1_000_000))
        .with_columns(urgency)
        .sort("_priority", "_deliver_on", "_ordered_at", "order", "line")
    )


def _orders(
    dataset: Dataset, building: Building, due: pl.DataFrame
) -> tuple[list[_Order], list[dict[str, Any]]]:
    """Return the orders that can be picked, and rows of those with an item without a slot."""
    slots = {slot.name: slot for slot in building.slots}
    at = {
        row["item"]: slots.get(row["slot"])
        for row in dataset["slotting"].filter(pl.col("location") == building.location).to_dicts()
    }
    items = {row["item"]: row for row in dataset["items"].to_dicts()}
    orders, held = [], []
    for (name,), rows in due.group_by("order", maintain_order=True):
        lines = [(int(r["line"]), str(r["item"]), int(r["quantity"])) for r in rows.to_dicts()]
        homeless = sorted({item for _line, item, _units in lines if at.get(item) is None})
        if homeless:
            text = f"{', '.join(homeless)} has no slot; slot the building again"
            held += [
                {"order": name, "line": line, "item": item, "quantity": units,
                 "location": building.location, "reason": text}
                for line, item, units in lines
            ]  # fmt: skip
            continue
        wanted: dict[str, int] = {}
        for _line, item, units in lines:
            wanted[item] = wanted.get(item, 0) + units
        volume = sum(_volume(items[item]) * units for item, units in wanted.items())
        orders.append(
            _Order(
                name=str(name),
                lines=tuple(lines),
                stops=tuple(slot for _l, item, _u in lines if (slot := at[item]) is not None),
                parcels=tuple(parcels_of(str(name), wanted, items, building)),
                volume_m3=volume,
                postal_code=rows["ship_postal_code"][0] or "",
            )
        )
    return orders, held


def _volume(item: dict[str, Any]) -> float:
    sides = [item[name] or 0.0 for name in ("length_cm", "width_cm", "height_cm")]
    return float(np.prod(sides)) / 1e6


def _clock(
    dataset: Dataset,
    building: Building,
    params: WaveParams,
    orders: Sequence[_Order],
    as_of: date,
) -> _Day:
    """Return the day with its people: pickers and packers as their work asks."""
    opens = min((60 * p.starts_hour for p in building.patterns), default=params.opens_minute)
    pick = [order.units / _rate(building, "pick") + sum(s.walk_m for s in order.stops)
            / building.pace / 3600.0 for order in orders]  # fmt: skip
    pack = sum(len(order.parcels) for order in orders) / _rate(building, "pack")
    people = params.people or _people(dataset, building, as_of)
    most_pick, most_pack = (_most(building, task) for task in ("pick", "pack"))
    if people is None:
        pickers, packers = most_pick or 1, most_pack or 1
    elif people == 1:
        pickers, packers = 1, 1
    else:
        share = sum(pick) / max(sum(pick) + pack, 1e-9)
        pickers = min(max(1, min(people - 1, round(people * share))), most_pick or people)
        packers = min(people - pickers, most_pack or people)
    start = float(opens)
    return _Day(
        building=building,
        pickers=pickers,
        packers=packers,
        shared=people == 1,
        picked_at=start,
        packed_at=start,
    )


def _people(dataset: Dataset, building: Building, as_of: date) -> int | None:
    """Return the people the shift plan of the day has for picking or packing; None without one."""
    able = [p.name for p in building.patterns if {"pick", "pack"} & set(p.tasks)]
    plan = dataset["shift_plan"].filter(
        (pl.col("location") == building.location)
        & (pl.col("day") == as_of)
        & pl.col("pattern").is_in(able)
    )
    return int(plan["people"].sum()) if plan.height else None


def _most(building: Building, task: str) -> int | None:
    standard = building.standards.get(task)
    return standard.people_most if standard else None


def _rate(building: Building, task: str) -> float:
    """Return what one person does in an hour; endless where no standard is known."""
    standard = building.standards.get(task)
    return standard.per_hour if standard else float("inf")


def _fill_departure(
    day: _Day,
    departure: Departure,
    waiting: list[_Order],
    params: WaveParams,
    as_of: date,
    rng: np.random.Generator,
    reasons: list[Reason],
) -> tuple[list[_Order], dict[str, str]]:
    """Put orders on a pick-up, wave by wave, while they can be packed in time; return the rest."""
    room = departure.parcels_most
    last = ""
    while waiting:
        most = min(params.wave_orders, len(waiting))
        if room is not None:
            counts = np.cumsum([len(order.parcels) for order in waiting[:most]])
            most = int((counts <= room).sum())
            if most == 0:
                last = f"{departure.name} is full with {departure.parcels_most} parcels"
                break
        wave = _wave_in_time(day, departure, waiting[:most], rng)
        if wave is None:
            last = (
                f"{_hour(departure.due_minute)} for {departure.name} cannot be met by "
                f"{day.pickers} picking and {day.packers} packing"
            )
            break
        number = len(day.waves) + 1
        name = f"W-{day.building.location}-{as_of:%Y%m%d}-{number}"
        better = _batched(day.building, wave.orders, rng, steps=params.steps)
        _write(day, name, better, departure, as_of, reasons)
        waiting = waiting[len(wave.orders) :]
        if room is not None:
            room -= wave.parcels
    return waiting, {order.name: last for order in waiting}


def _wave_in_time(
    day: _Day, departure: Departure, orders: Sequence[_Order], rng: np.random.Generator
) -> _Wave | None:
    """Return a wave of as many of the orders, the first ones, as are packed in time."""
    low, high, best = 0, len(orders), None
    while low < high:
        count = (low + high + 1) // 2 if best or low else high
        wave = _batched(day.building, orders[:count], rng, steps=0)
        if _packed_at(day, wave)[1] <= departure.due_minute + 1e-9:
            low, best = count, wave
        else:
            high = count - 1
    return best


def _packed_at(day: _Day, wave: _Wave) -> tuple[float, float]:
    """Return when a wave put on now would be picked and packed."""
    picked = day.picked_at + 60.0 * wave.pick_hours / day.pickers
    packed = max(picked, day.packed_at) + 60.0 * wave.pack_hours / day.packers
    return picked, packed


def _batched(
    building: Building, orders: Sequence[_Order], rng: np.random.Generator, *, steps: int
) -> _Wave:
    """Return orders as walks: by savings, then moved and swapped for `steps`."""
    known: dict[Batch, float] = {}

    def walk(batch: Batch) -> float:
        if batch not in known:
            stops = [(s.aisle, s.depth_m) for one in batch for s in orders[one].stops]
            known[batch] = shortest(building.block, by_aisle(stops))
        return known[batch]

    sizes, capacity = _sizes(building, orders)
    if len(orders) > MOST_BY_SAVINGS:
        batches = in_turn(sizes, capacity)
    else:
        batches = by_savings(sizes, capacity, walk)
    if steps:
        batches = improve(batches, sizes, capacity, walk, rng=rng, steps=steps)
    metres = sum(walk(batch) for batch in batches)
    units = sum(order.units for order in orders)
    parcels = sum(len(order.parcels) for order in orders)
    return _Wave(
        orders=tuple(orders),
        batches=tuple(sorted(batches, key=sorted)),
        walk_m=metres,
        alone_m=sum(walk(frozenset([one])) for one in range(len(orders))),
        pick_hours=metres / building.pace / 3600.0 + units / _rate(building, "pick"),
        pack_hours=parcels / _rate(building, "pack"),
        load_hours=parcels / _rate(building, "load"),
    )


def _sizes(building: Building, orders: Sequence[_Order]) -> tuple[list[float], float]:
    """Return the part of a cart each order takes, by number or by volume, the larger."""
    sizes = []
    for order in orders:
        by_count = 1.0 / building.cart_orders if building.cart_orders else 0.0
        by_volume = order.volume_m3 / building.cart_m3 if building.cart_m3 else 0.0
        sizes.append(max(by_count, by_volume))
    return sizes, 1.0 + 1e-9


def _write(
    day: _Day,
    name: str,
    wave: _Wave,
    departure: Departure,
    as_of: date,
    reasons: list[Reason],
) -> None:
    """Write a wave down and move the clocks on."""
    building = day.building
    begins = day.picked_at
    picked, packed = _packed_at(day, wave)
    day.picked_at, day.packed_at = (packed if day.shared else picked), packed
    saved = 1.0 - wave.walk_m / wave.alone_m if wave.alone_m else 0.0
    because = (
        f"{len(wave.orders)} orders for {departure.name} ({departure.carrier}, leaves "
        f"{_hour(departure.leaves_minute)}): packed {_hour(packed)}, due "
        f"{_hour(departure.due_minute)}; walking {saved:.0%} less than one by one."
    )
    day.waves.append(
        {
            "location": building.location, "wave": name, "day": as_of,
            "departure": departure.name, "starts_minute": begins, "picked_minute": picked,
            "packed_minute": packed, "due_minute": departure.due_minute,
            "orders": len(wave.orders), "units": sum(o.units for o in wave.orders),
            "parcels": wave.parcels, "walks": len(wave.batches), "walk_m": wave.walk_m,
            "walk_one_by_one_m": wave.alone_m, "pick_hours": wave.pick_hours,
            "pack_hours": wave.pack_hours, "load_hours": wave.load_hours, "because": because,
        }
    )  # fmt: skip
    reasons.append(
        Reason(
            subject=f"wave:{name}",
            reason_code="capacity",
            text=because,
            reference=departure.name,
            quantity=wave.pick_hours + wave.pack_hours,
        )
    )
    for number, batch in enumerate(wave.batches, start=1):
        _write_walk(day, name, f"{name}/{number}", [wave.orders[one] for one in sorted(batch)])
    for order in wave.orders:
        for parcel in order.parcels:
            _write_parcel(day, name, order, parcel, departure)


def _write_walk(day: _Day, wave: str, walk: str, orders: Sequence[_Order]) -> None:
    """Write the picks of a walk in the order of its shortest tour."""
    stops = [
        (slot, order.name, line)
        for order in orders
        for slot, line in zip(order.stops, order.lines, strict=True)
    ]
    _length, places = shortest_tour(
        day.building.block, by_aisle([(slot.aisle, slot.depth_m) for slot, _o, _l in stops])
    )
    turn = {place: number for number, place in enumerate(places)}
    stops.sort(key=lambda stop: (turn[stop[0].aisle, stop[0].depth_m], stop[0].name, stop[1]))
    for sequence, (slot, order, (line, item, units)) in enumerate(stops, start=1):
        day.picks.append(
            {
                "location": day.building.location, "walk": walk, "sequence": sequence,
                "wave": wave, "slot": slot.name, "aisle": slot.aisle + 1,
                "depth_m": slot.depth_m, "item": item, "quantity": units, "order": order,
                "line": line,
            }
        )  # fmt: skip


def _write_parcel(
    day: _Day, wave: str, order: _Order, parcel: Parcel, departure: Departure
) -> None:
    building, packed = day.building, parcel.packed
    day.pieces += packed_rows(parcel)
    day.manifest.append(
        {
            "location": building.location, "parcel": parcel.name, "order": order.name,
            "wave": wave, "departure": departure.name, "carrier": departure.carrier,
            "package": packed.box.name if packed else None,
            "units": sum(parcel.units.values()),
            "weight_kg": parcel.weight_kg,
            "fill_share": packed.fill_share if packed else None,
            "package_cost": building.package_costs.get(packed.box.name) if packed else None,
            "ship_postal_code": order.postal_code or None,
        }
    )  # fmt: skip


def _held(order: _Order, location: str, reason: str, line: tuple[int, str, int]) -> dict[str, Any]:
    number, item, units = line
    return {
        "order": order.name, "line": number, "item": item, "quantity": units,
        "location": location, "reason": reason or "no pick-up is left today",
    }  # fmt: skip


def _hour(minute: float) -> str:
    """Return a minute of the day as HH:MM."""
    whole = int(np.ceil(minute - 1e-9))
    return f"{whole // 60:02d}:{whole % 60:02d}"
