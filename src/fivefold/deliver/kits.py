"""Kits put together from their components when an order ships, where no kit is there in time.

Knows which kits may be, what goes into each, and how many the components left at a place make.
A component is given to one kit only, and only after those who asked for it as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from fivefold.deliver.promise import COMPONENTS, ON_HAND
from fivefold.model import Dataset

#: Units of each component in one kit.
Parts = Mapping[str, float]


def kit_parts(
    dataset: Dataset, items: Iterable[str], *, as_of: date
) -> dict[str, dict[str, float]]:
    """Return what goes into each kit of these items that may be put together for an order.

    Of components that replace each other the first choice counts; what comes out does not go in.

    Parameters
    ----------
    dataset : Dataset
        items (`assemble_to_order`), bills_of_material.
    items : iterable of str
    as_of : date
    """
    chosen = dataset["items"].filter(
        pl.col("assemble_to_order") & pl.col("item").is_in(list(items))
    )["item"]
    bill = dataset["bills_of_material"].filter(
        pl.col("product").is_in(chosen.to_list())
        & ~pl.col("is_by_product")
        & (pl.col("effective_from").is_null() | (pl.col("effective_from") <= as_of))
        & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= as_of))
    )
    alone = bill.filter(pl.col("alternate_group").is_null())
    first = (
        bill.filter(pl.col("alternate_group").is_not_null())
        .sort("product", "alternate_group", "priority", "component")
        .unique(["product", "alternate_group"], keep="first", maintain_order=True)
    )
    found: dict[str, dict[str, float]] = {}
    for product, component, each, scrap in (
        pl.concat([alone, first])
        .select("product", "component", "quantity_per", pl.col("scrap_share").fill_null(0.0))
        .sort("product", "component")
        .iter_rows()
    ):
        parts = found.setdefault(product, {})
        parts[component] = parts.get(component, 0.0) + each / max(1e-9, 1.0 - scrap)
    return found


def parts_for(parts: Parts, kits: int) -> dict[str, int]:
    """Return whole units of each component for so many kits.

    >>> parts_for({"MUG": 2.0, "FILM": 0.3}, 3)
    {'MUG': 6, 'FILM': 1}
    """
    return {item: math.ceil(each * kits - 1e-9) for item, each in parts.items()}


def most_kits(parts: Parts, free: Mapping[str, int]) -> int:
    """Return how many kits the free units make.

    >>> most_kits({"MUG": 2.0, "BOX": 1.0}, {"MUG": 7, "BOX": 9})
    3
    """
    if not parts:
        return 0
    return max(
        0, min(math.floor((free.get(item, 0) + 1e-9) / each) for item, each in parts.items())
    )


class PartsLeft:
    """Units of components on hand that nobody was promised yet, by place.

    Parameters
    ----------
    buckets : polars.DataFrame
        What is left, as `available_to_promise` has it; only what is on hand counts.
    """

    def __init__(self, buckets: pl.DataFrame) -> None:
        self._buckets = buckets
        self._taken: dict[tuple[str, str], int] = {}
        self._free: dict[str, dict[str, int]] = {}
        for item, place, units in (
            buckets.filter((pl.col("basis") == ON_HAND) & (pl.col("day") == 0))
            .group_by("item", "location")
            .agg(pl.col("quantity").sum())
            .sort("item", "location")
            .iter_rows()
        ):
            self._free.setdefault(place, {})[item] = units

    def kits(self, kit: str, parts: Parts) -> pl.DataFrame:
        """Return buckets of kits that the components left at each place make."""
        rows = [
            (kit, place, 0, units, COMPONENTS, 0.0)
            for place, free in sorted(self._free.items())
            if (units := most_kits(parts, free)) > 0
        ]
        return pl.DataFrame(
            rows,
            schema={
                "item": pl.String(),
                "location": pl.String(),
                "day": pl.Int64(),
                "quantity": pl.Int64(),
                "basis": pl.Int64(),
                "sd_days": pl.Float64(),
            },
            orient="row",
        )

    def take(self, place: str, parts: Parts, kits: int) -> None:
        """Take what goes into so many kits at a place."""
        for item, units in parts_for(parts, kits).items():
            self._free[place][item] -= units
            self._taken[item, place] = self._taken.get((item, place), 0) + units
            assert self._free[place][item] >= 0, "no component is given twice"

    def left(self) -> pl.DataFrame:
        """Return the buckets without what was taken."""
        rows = []
        taken = dict(self._taken)
        for row in self._buckets.iter_rows(named=True):
            key = (row["item"], row["location"])
            here = row["basis"] == ON_HAND and row["day"] == 0
            used = min(taken.get(key, 0), row["quantity"]) if here else 0
            if used:
                taken[key] -= used
            if row["quantity"] > used:
                rows.append({**row, "quantity": row["quantity"] - used})
        return pl.DataFrame(rows, schema=self._buckets.schema, orient="row")
