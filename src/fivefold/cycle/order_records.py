"""How a customer order taken here stands: its lines, what is set aside for each, what has left.

Folded from facts. An order is never stored; it is what was taken, reserved, moved to another
place, put in another item's stead, put together, shipped and cancelled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.documents import Recorded
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema

#: Facts that say how a customer order stands.
FACTS = (
    documents.ORDER_TAKEN,
    documents.ORDER_PROMISED,
    documents.ORDER_RESERVED,
    documents.ORDER_MOVED,
    documents.ORDER_SUBSTITUTED,
    documents.ORDER_ASSEMBLED,
    documents.ORDER_SHIPPED,
    documents.ORDER_CUT,
    documents.ORDER_CANCELLED,
)

#: Component, units and lot.
Part = tuple[str, int, str]


@dataclass(slots=True, kw_only=True)
class KitHeld:
    """Kits of a line that are set aside as their components at a place, not yet put together."""

    line: int
    location: str
    units: int
    parts: tuple[Part, ...]


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """One order taken here.

    Attributes
    ----------
    order, channel : str
    lines : dict of int to dict
        Lines as they stand; what another item took the place of is taken off.
    asked : list of tuple
        (item, units, channel) as the customer asked first.
    held : dict
        Units ever set aside by line, place and lot, shipped or not; kits count as the kit.
    kits : list of KitHeld
        What of it is still components.
    shipped : dict
        Units that left by line and place.
    promised : list of dict
        What the customer was told, leg by leg.
    reservations : int
        How often something was set aside after the order was taken.
    """

    order: str
    channel: str
    lines: dict[int, dict[str, Any]]
    asked: list[tuple[str, int, str]]
    seq: int
    held: dict[tuple[int, str, str], int] = field(default_factory=lambda: defaultdict(int))
    kits: list[KitHeld] = field(default_factory=list)
    shipped: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    promised: list[dict[str, Any]] = field(default_factory=list)
    shipped_on: str = ""
    cancelled: bool = False
    reservations: int = 0
    last_line: int = 0

    def held_units(self, line: int) -> int:
        """Return the units ever set aside for a line."""
        return sum(units for (number, _, _), units in self.held.items() if number == line)

    def shipped_units(self, line: int) -> int:
        """Return the units of a line that left."""
        return sum(units for (number, _), units in self.shipped.items() if number == line)

    def waiting(self, line: int) -> int:
        """Return the units of a line for which nothing is set aside yet."""
        return 0 if self.cancelled else int(self.lines[line]["quantity"]) - self.held_units(line)

    def unshipped(self) -> dict[tuple[int, str, str], int]:
        """Return units set aside and not shipped by line, place and lot, kits as the kit."""
        gone = dict(self.shipped)
        left: dict[tuple[int, str, str], int] = {}
        for (line, place, lot), units in sorted(self.held.items()):
            used = min(gone.get((line, place), 0), units)
            if used:
                gone[line, place] -= used
            if units > used:
                left[line, place, lot] = units - used
        return {} if self.cancelled else left

    def kit_units(self, line: int, place: str) -> int:
        """Return the kits of a line at a place that are still components."""
        return sum(kit.units for kit in self.kits if (kit.line, kit.location) == (line, place))

    def kits_at(self, place: str) -> list[KitHeld]:
        """Return the kits at a place that are still components, one a line."""
        found: dict[int, KitHeld] = {}
        for kit in self.kits:
            if kit.location != place:
                continue
            before = found.get(kit.line)
            found[kit.line] = KitHeld(
                line=kit.line,
                location=place,
                units=kit.units + (before.units if before else 0),
                parts=(*(before.parts if before else ()), *kit.parts),
            )
        return list(found.values())

    @property
    def state(self) -> str:
        """Return cancelled, shipped, part_shipped, ready, part_ready or waiting."""
        if self.cancelled:
            return "cancelled"
        wanted = sum(row["quantity"] for row in self.lines.values())
        gone = sum(self.shipped.values())
        if gone >= wanted:
            return "shipped"
        ready = sum(self.held.values()) - gone
        if ready == 0:
            return "part_shipped" if gone else "waiting"
        return "ready" if gone + ready >= wanted else "part_ready"


def fold(facts: Iterable[Recorded]) -> dict[str, OrderRecord]:
    """Return orders as their facts add up, in the order in which they were taken."""
    found: dict[str, OrderRecord] = {}
    for fact in facts:
        if fact.kind == documents.ORDER_TAKEN:
            found[fact.subject] = _taken(fact)
            continue
        record = found.get(fact.subject)
        if record is None:
            continue
        body = fact.body
        if fact.kind == documents.ORDER_PROMISED:
            record.promised = list(body["legs"])
        elif fact.kind == documents.ORDER_RESERVED:
            record.reservations += 1
            for line in body["lines"]:
                _hold(record, line["line"], line)
        elif fact.kind == documents.ORDER_MOVED:
            for place, units, lot in body["from"]:
                record.held[body["line"], place, lot] -= units
            record.kits = [
                kit
                for kit in record.kits
                if kit.line != body["line"] or kit.location == body["kept_at"]
            ]
            _hold(record, body["line"], body)
        elif fact.kind == documents.ORDER_SUBSTITUTED:
            record.lines[body["line"]]["quantity"] -= body["units"]
            _add_line(record, body["new"])
        elif fact.kind == documents.ORDER_ASSEMBLED:
            record.kits = [
                kit
                for kit in record.kits
                if (kit.line, kit.location) != (body["line"], body["location"])
            ]
        elif fact.kind == documents.ORDER_SHIPPED:
            record.shipped_on = str(body["on"])
            for line in body["lines"]:
                record.shipped[line["line"], line["location"]] += line["quantity"]
        elif fact.kind == documents.ORDER_CUT:
            record.lines[body["line"]]["quantity"] -= body["units"]
            record.last_line = max(record.last_line, body["new_line"])
        elif fact.kind == documents.ORDER_CANCELLED:
            record.cancelled = True
    return found


def _taken(fact: Recorded) -> OrderRecord:
    lines = fact.body["lines"]
    told = [(row["item"], row["quantity"], row["channel"]) for row in lines]
    record = OrderRecord(
        order=fact.subject,
        channel=str(lines[0]["channel"]),
        lines={},
        asked=[(item, units, channel) for item, units, channel in fact.body.get("asked", told)],
        seq=fact.seq,
    )
    for row in lines:
        _add_line(record, row)
    return record


def _add_line(record: OrderRecord, row: Mapping[str, Any]) -> None:
    record.last_line = max(record.last_line, row["line"])
    record.lines[row["line"]] = {k: v for k, v in row.items() if k not in ("legs", "kits")}
    _hold(record, row["line"], row)


def _hold(record: OrderRecord, line: int, row: Mapping[str, Any]) -> None:
    for leg in row.get("legs", ()):
        place, units, lot = (*leg, "")[:3]
        record.held[line, place, lot] += units
    for place, units, parts in row.get("kits", ()):
        record.held[line, place, ""] += units
        named = tuple((str(item), int(count), str(lot)) for item, count, lot in parts)
        record.kits.append(KitHeld(line=line, location=place, units=units, parts=named))


def order_records(workspace: Workspace) -> dict[str, OrderRecord]:
    """Return every order taken here as it stands, in the order in which they were taken."""
    return fold(workspace.recorded(*FACTS))


def order_record(workspace: Workspace, order: str) -> OrderRecord:
    """Return one order as it stands.

    Raises
    ------
    NotFoundError
        If it was not taken here.
    """
    found = fold([fact for fact in workspace.recorded(*FACTS) if fact.subject == order])
    if order not in found:
        raise NotFoundError(f"order {order!r} was not taken here; `fivefold order` takes one")
    return found[order]


def waiting_rows(workspace: Workspace, dataset: Dataset) -> list[dict[str, Any]]:
    """Return order lines taken here with the units promised and not reserved yet.

    In the order in which they were taken, so that who asks later on the same day stands behind.
    """
    records = order_records(workspace)
    place = {order: number for number, order in enumerate(records)}
    rows = []
    names = schema("orders").names
    for row in dataset["orders"].filter(pl.col("status") == "open").iter_rows(named=True):
        record = records.get(row["order"])
        if record is None or row["line"] not in record.lines:
            continue
        waits = record.waiting(row["line"])
        if waits > 0:
            rows.append({**{name: row[name] for name in names}, "quantity": waits})
    return sorted(rows, key=lambda row: (place[row["order"]], row["line"]))


def lots_at(
    free: pl.DataFrame, dataset: Dataset, wanted: Sequence[tuple[str, str, int]]
) -> list[list[tuple[str, int]]]:
    """Return lots and units for each (item, location, units), what expires first going first.

    Parameters
    ----------
    free : polars.DataFrame
        What the books hold: item, location, lot, kind and units.
    dataset : Dataset
        inventory tells when lots expire.
    wanted : sequence of (item, location, units)

    Notes
    -----
    Nothing is taken twice over all that is wanted. Where the books hold too little the rest
    names no lot, so that the books refuse it.
    """
    expiry = {
        (item, place, lot or ""): day
        for item, place, lot, day in dataset["inventory"]
        .select("item", "location", "lot", "expires_on")
        .iter_rows()
    }
    stock: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    for item, place, lot, units in (
        free.filter((pl.col("kind") == "available") & (pl.col("units") > 0))
        .sort("item", "location", "lot")
        .select("item", "location", "lot", "units")
        .iter_rows()
    ):
        stock[item, place].append([lot, units])
    for (item, place), lots in stock.items():
        known = [
            (expiry.get((item, place, lot)) is None, expiry.get((item, place, lot)))
            for lot, _ in lots
        ]
        order = sorted(range(len(lots)), key=lambda n, k=known: (k[n][0], str(k[n][1]), n))  # type: ignore[misc]
        stock[item, place] = [lots[n] for n in order]
    found = []
    for item, place, units in wanted:
        legs = []
        for lot in stock.get((item, place), []):
            used = min(lot[1], units)
            if used > 0:
                legs.append((lot[0], used))
                lot[1] -= used
                units -= used
        found.append([*legs, ("", units)] if units else legs)
    return found
