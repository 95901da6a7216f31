"""Which lot each make of a plan runs in.

Knows lots and makes by day. Never sizes a lot.
"""

from __future__ import annotations

from datetime import date

import polars as pl

#: An item at a place.
Node = tuple[str, str]


def lot_starts(lots: pl.DataFrame, makes: pl.DataFrame) -> dict[str, date]:
    """Return, by decision, the first day of the lot its first unit is made in.

    Units of lots go to the makes of a product in the order in which these start.
    """
    by_node: dict[Node, list[tuple[date, int]]] = {}
    ordered = lots.filter(pl.col("quantity") > 0).sort("product", "location", "period_start")
    for row in ordered.iter_rows(named=True):
        key = (row["product"], row["location"])
        by_node.setdefault(key, []).append((row["period_start"], row["quantity"]))
    found: dict[str, date] = {}
    used: dict[Node, int] = {}
    for row in makes.sort("start_on", "due_on", "decision").iter_rows(named=True):
        key = (row["item"], row["destination"])
        first = used.get(key, 0)
        used[key] = first + row["quantity"]
        total = 0
        for start, units in by_node.get(key, []):
            total += units
            if total > first:
                found[row["decision"]] = start
                break
    return found
