"""A building as its tables tell it: aisles, slots, labour standards, shifts, pick-ups, packages.

Turns rows into what the engines of a building work on. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from fivefold.deliver.warehouse.packing import Box
from fivefold.deliver.warehouse.picker_routes import Block
from fivefold.model import Dataset

#: Work in a building, in the order in which an item and then an order goes through it.
TASKS = ("receive", "stow", "pick", "pack", "load")
#: Share of a slot that goods fill, the rest is air and hands. [assumed]
SLOT_FILL_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place on the racks; `walk_m` is the way from the depot and back."""

    name: str
    aisle: int
    depth_m: float
    volume_m3: float
    most_kg: float | None
    walk_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What one person does in an hour, and how many can work side by side (None: any number)."""

    task: str
    per_hour: float
    people_most: int | None
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A shift: hours of the day on which its people work, and what they can do."""

    name: str
    tasks: tuple[str, ...]
    starts_hour: int
    hours: int
    works: tuple[int, ...]
    cost_per_hour: float
    people_most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A pick-up; parcels must be packed by `due_minute` after midnight."""

    name: str
    carrier: str
    leaves_minute: float
    due_minute: float
    parcels_most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """One building; `pace` in metres a second, `lacking` the tables it has no rows in."""

    location: str
    block: Block
    pace: float
    cart_orders: int | None
    cart_m3: float | None
    slots: tuple[Slot, ...]
    standards: Mapping[str, Standard]
    patterns: tuple[Pattern, ...]
    departures: tuple[Departure, ...]
    packages: tuple[Box, ...]
    package_costs: Mapping[str, float | None]
    lacking: tuple[str, ...]


TABLES = (
    "building_layouts",
    "slots",
    "labour_standards",
    "shift_patterns",
    "departures",
    "packages",
)


def buildings_of(dataset: Dataset) -> list[str]:
    """Return the locations whose inside is known, by name."""
    return sorted(dataset["building_layouts"]["location"].to_list())


def read_building(dataset: Dataset, location: str) -> Building:
    """Return a building.

    Raises
    ------
    ValueError
        If its aisles are not known, or a time is not HH:MM.
    """
    own = {name: dataset[name].filter(pl.col("location") == location) for name in TABLES}
    layouts = own["building_layouts"].to_dicts()
    if not layouts:
        raise ValueError(f"the aisles of {location} are not known (table building_layouts)")
    layout = layouts[0]
    block = Block(
        aisles=layout["aisles"],
        aisle_distance=layout["aisle_distance_m"],
        length=layout["aisle_length_m"],
        depot_aisle=float((layout["depot_aisle"] or 1) - 1),
    )
    packages = own["packages"].sort("package").to_dicts()
    return Building(
        location=location,
        block=block,
        pace=layout["walk_metres_per_second"],
        cart_orders=layout["cart_orders"],
        cart_m3=layout["cart_volume_m3"],
        slots=tuple(_slot(row, block) for row in own["slots"].sort("slot").iter_rows(named=True)),
        standards={
            row["task"]: Standard(
                task=row["task"],
                per_hour=row["per_hour"],
                people_most=row["people_most"],
                grade=row["grade"],
            )
            for row in own["labour_standards"].to_dicts()
        },
        patterns=tuple(_pattern(row) for row in own["shift_patterns"].sort("pattern").to_dicts()),
        departures=tuple(
            sorted(
                (_departure(row) for row in own["departures"].to_dicts()),
                key=lambda one: (one.due_minute, one.name),
            )
        ),
        packages=tuple(_package(row) for row in packages),
        package_costs={row["package"]: row["cost"] for row in packages},
        lacking=tuple(name for name in TABLES if own[name].height == 0),
    )


def minute_of_day(text: str) -> int:
    """Return HH:MM as minutes after midnight.

    >>> minute_of_day("14:30")
    870
    """
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes[:2].isdigit()):
        raise ValueError(f"a time is HH:MM, found {text!r}")
    return int(hours) * 60 + int(minutes[:2])


def _slot(row: Mapping[str, Any], block: Block) -> Slot:
    aisle = row["aisle"] - 1
    across = abs(aisle - block.depot_aisle) * block.aisle_distance
    return Slot(
        name=row["slot"],
        aisle=aisle,
        depth_m=min(row["depth_m"], block.length),
        volume_m3=row["volume_m3"],
        most_kg=row["most_kg"],
        walk_m=2.0 * (across + min(row["depth_m"], block.length)),
    )


def _pattern(row: Mapping[str, Any]) -> Pattern:
    first = minute_of_day(row["starts_time"]) // 60
    off = row["break_after_hours"]
    works = tuple(first + n for n in range(row["hours"]) if off is None or n != off)
    return Pattern(
        name=row["pattern"],
        tasks=tuple(sorted({part.strip() for part in row["tasks"].split(",")} & set(TASKS))),
        starts_hour=first,
        hours=row["hours"],
        works=works,
        cost_per_hour=row["cost_per_hour"],
        people_most=row["people_most"],
    )


def _departure(row: Mapping[str, Any]) -> Departure:
    leaves = float(minute_of_day(row["leaves_time"]))
    return Departure(
        name=row["departure"],
        carrier=row["carrier"],
        leaves_minute=leaves,
        due_minute=leaves - (row["load_minutes"] or 0),
        parcels_most=row["parcels_most"],
    )


def _package(row: Mapping[str, Any]) -> Box:
    height = 0.0 if row["kind"] == "bag" else row["height_cm"]
    return Box(
        name=row["package"],
        sides_cm=(row["length_cm"], row["width_cm"], height),
        most_kg=row["most_kg"],
        cost=row["cost"] or 0.0,
    )
