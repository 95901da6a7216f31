"""Waves as rows: walks, picks, parcels, what is held back; and the day they are written into.

Knows the shape of what is told; decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from fivefold.deliver.warehouse.batching import Batch
from fivefold.deliver.warehouse.building import Building, Departure, Slot
from fivefold.deliver.warehouse.parcels import Parcel, packed_rows
from fivefold.deliver.warehouse.picker_routes import by_aisle, shortest_tour
from fivefold.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order to pick: its lines with slot and units, and its parcels."""

    name: str
    lines: tuple[tuple[int, str, int], ...]
    stops: tuple[Slot, ...]
    parcels: tuple[Parcel, ...]
    volume_m3: float
    postal_code: str

    @property
    def units(self) -> int:
        """Units of the order."""
        return sum(units for _line, _item, units in self.lines)


@dataclass(slots=True)
class Day:
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
class Wave:
    """Orders picked together, walks through them and the work it is."""

    orders: tuple[Order, ...]
    batches: tuple[Batch, ...]
    walk_m: float
    alone_m: float
    pick_hours: float
    pack_hours: float
    load_hours: float

    @property
    def parcels(self) -> int:
        """Parcels of all orders of the wave."""
        return sum(len(order.parcels) for order in self.orders)


def packed_at(day: Day, wave: Wave) -> tuple[float, float]:
    """Return when a wave put on now would be picked and packed."""
    picked = day.picked_at + 60.0 * wave.pick_hours / day.pickers
    packed = max(picked, day.packed_at) + 60.0 * wave.pack_hours / day.packers
    return picked, packed


def write_wave(
    day: Day,
    name: str,
    wave: Wave,
    departure: Departure,
    as_of: date,
    reasons: list[Reason],
) -> None:
    """Write a wave down and move the clocks on."""
    building = day.building
    begins = day.picked_at
    picked, packed = packed_at(day, wave)
    day.picked_at, day.packed_at = (packed if day.shared else picked), packed
    saved = 1.0 - wave.walk_m / wave.alone_m if wave.alone_m else 0.0
    because = (
        f"{len(wave.orders)} orders for {departure.name} ({departure.carrier}, leaves "
        f"{hour_of(departure.leaves_minute)}): packed {hour_of(packed)}, due "
        f"{hour_of(departure.due_minute)}; walking {saved:.0%} less than one by one."
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


def _write_walk(day: Day, wave: str, walk: str, orders: Sequence[Order]) -> None:
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


def _write_parcel(day: Day, wave: str, order: Order, parcel: Parcel, departure: Departure) -> None:
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


def held_back(
    order: Order, location: str, reason: str, line: tuple[int, str, int]
) -> dict[str, Any]:
    """Return a line that leaves in no wave, and why, as a row."""
    number, item, units = line
    return {
        "order": order.name, "line": number, "item": item, "quantity": units,
        "location": location, "reason": reason or "no pick-up is left today",
    }  # fmt: skip


def hour_of(minute: float) -> str:
    """Return a minute of the day as HH:MM."""
    whole = int(np.ceil(minute - 1e-9))
    return f"{whole // 60:02d}:{whole % 60:02d}"
