"""Search: rooms, items, orders, places and suppliers by a few letters."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import polars as pl

from fivefold.web.tower.rendering import ROOMS
from fivefold.web.tower.state import State

#: Things found of one kind, and of all.
_EACH, _ALL = 8, 24


def find(state: State, text: str) -> list[tuple[str, str, str]]:
    """Return (words, kind, address) of what matches, rooms first."""
    wanted = text.strip().lower()
    found = [(label, "room", path) for path, label, _ in ROOMS if wanted in label.lower()]
    if wanted:
        found += (
            list(_items(state, wanted))
            + list(_orders(state, wanted))
            + list(_places(state, wanted))
        )
    return found[:_ALL]


def _items(state: State, wanted: str) -> Iterator[tuple[str, str, str]]:
    words = pl.concat_str(["item", "title", "asin"], separator=" ", ignore_nulls=True)
    rows = state.dataset["items"].filter(
        words.str.to_lowercase().str.contains(wanted, literal=True)
    )
    for item, title in rows.select("item", "title").head(_EACH).iter_rows():
        yield f"{title or item} · {item}", "item", f"/demand?item={quote(item)}"


def _orders(state: State, wanted: str) -> Iterator[tuple[str, str, str]]:
    if state.plan is not None:
        for table, column in (
            ("purchase_orders", "order"),
            ("inbound_shipments", "shipment"),
            ("work_orders", "order"),
        ):
            names = state.plan[table][column]
            for name in names.filter(
                names.str.to_lowercase().str.contains(wanted, literal=True)
            ).head(4):
                yield name, table.replace("_", " "), f"/supply?why={quote(name)}"
    if len(wanted) >= 4:
        orders = state.dataset["orders"]["order"]
        known = orders.filter(orders.str.to_lowercase().str.starts_with(wanted)).unique().sort()
        for name in known.head(4):
            yield name, "customer order", f"/books?order={quote(name)}"


def _places(state: State, wanted: str) -> Iterator[tuple[str, str, str]]:
    for row in state.dataset["locations"].iter_rows(named=True):
        told = f"{row['name'] or ''} {row['location']} {row['city'] or ''}"
        if wanted in told.lower():
            yield (
                f"{row['name'] or row['location']} · {row['location']}",
                row["kind"] or "place",
                "/network",
            )
