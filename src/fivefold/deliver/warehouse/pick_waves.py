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
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from fivefold.deliver.promise import work_calendar
from fivefold.deliver.warehouse.batching import Batch, by_savings, improve, in_turn
from fivefold.deliver.warehouse.building import Building, Departure, read_building
from fivefold.deliver.warehouse.parcels import parcels_of
from fivefold.deliver.warehouse.picker_routes import by_aisle, shortest
from fivefold.deliver.warehouse.wave_rows import (
    Day,
    Order,
    Wave,
    held_back,
    hour_of,
    packed_at,
    write_wave,
)
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
    held += [held_back(order, params.location, why.get(order.name, ""), row) for order in waiting
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
) -> tuple[list[Order], list[dict[str, Any]]]:
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
            Order(
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
    orders: Sequence[Order],
    as_of: date,
) -> Day:
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
    return Day(
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
    day: Day,
    departure: Departure,
    waiting: list[Order],
    params: WaveParams,
    as_of: date,
    rng: np.random.Generator,
    reasons: list[Reason],
) -> tuple[list[Order], dict[str, str]]:
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
                f"{hour_of(departure.due_minute)} for {departure.name} cannot be met by "
                f"{day.pickers} picking and {day.packers} packing"
            )
            break
        number = len(day.waves) + 1
        name = f"W-{day.building.location}-{as_of:%Y%m%d}-{number}"
        better = _batched(day.building, wave.orders, rng, steps=params.steps)
        write_wave(day, name, better, departure, as_of, reasons)
        waiting = waiting[len(wave.orders) :]
        if room is not None:
            room -= wave.parcels
    return waiting, {order.name: last for order in waiting}


def _wave_in_time(
    day: Day, departure: Departure, orders: Sequence[Order], rng: np.random.Generator
) -> Wave | None:
    """Return a wave of as many of the orders, the first ones, as are packed in time."""
    low, high, best = 0, len(orders), None
    while low < high:
        count = (low + high + 1) // 2 if best or low else high
        wave = _batched(day.building, orders[:count], rng, steps=0)
        if packed_at(day, wave)[1] <= departure.due_minute + 1e-9:
            low, best = count, wave
        else:
            high = count - 1
    return best


def _batched(
    building: Building, orders: Sequence[Order], rng: np.random.Generator, *, steps: int
) -> Wave:
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
    return Wave(
        orders=tuple(orders),
        batches=tuple(sorted(batches, key=sorted)),
        walk_m=metres,
        alone_m=sum(walk(frozenset([one])) for one in range(len(orders))),
        pick_hours=metres / building.pace / 3600.0 + units / _rate(building, "pick"),
        pack_hours=parcels / _rate(building, "pack"),
        load_hours=parcels / _rate(building, "load"),
    )


def _sizes(building: Building, orders: Sequence[Order]) -> tuple[list[float], float]:
    """Return the part of a cart each order takes, by number or by volume, the larger."""
    sizes = []
    for order in orders:
        by_count = 1.0 / building.cart_orders if building.cart_orders else 0.0
        by_volume = order.volume_m3 / building.cart_m3 if building.cart_m3 else 0.0
        sizes.append(max(by_count, by_volume))
    return sizes, 1.0 + 1e-9
