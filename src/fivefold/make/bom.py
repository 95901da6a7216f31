"""Bills of material as a network of items at places.

Knows what is made where, of what, and how goods come from the plant to where they are
needed. Never nets anything.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import polars as pl

from fivefold.maths.graphs import find_cycles
from fivefold.model import Dataset

#: Kinds of places at which things can be made where nothing says otherwise, best first.
MAKING_KINDS = ("plant", "warehouse", "fulfilment_centre")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Where each product is made.

    Parameters
    ----------
    table : polars.DataFrame
        Columns product, location: one row a product of the bill of material.
    assumed : tuple of str
        Products without an operation, placed at the only or first plant.
    """

    table: pl.DataFrame
    assumed: tuple[str, ...]


def making_sites(dataset: Dataset) -> Sites | None:
    """Return where each product of the bill of material is made; None where no place can.

    The place of a product is that of its first operation, else the first plant by name,
    else the first warehouse.
    """
    products = dataset["bills_of_material"].select("product").unique()
    made_at = (
        dataset["operations"]
        .sort("product", "operation")
        .group_by("product", maintain_order=True)
        .agg(pl.col("location").first())
    )
    joined = products.join(made_at, on="product", how="left").sort("product")
    lost = joined.filter(pl.col("location").is_null())["product"]
    places = dataset["locations"].select("location", "kind").sort("location")
    fallback = next(
        (
            location
            for kind in MAKING_KINDS
            for location in places.filter(pl.col("kind") == kind)["location"]
        ),
        None,
    )
    if len(lost) and fallback is None:
        return None
    table = joined.with_columns(pl.col("location").fill_null(pl.lit(fallback, dtype=pl.String)))
    return Sites(table=table, assumed=tuple(lost))


def cycles(dataset: Dataset) -> list[list[str]]:
    """Return every circle in the bill of material, by-products left aside.

    >>> from fivefold.model import Dataset
    >>> rows = {"product": ["kit", "part"], "component": ["part", "kit"], "quantity_per": [1, 1]}
    >>> cycles(Dataset({"bills_of_material": pl.DataFrame(rows)}))
    [['kit', 'part', 'kit']]
    """
    lines = dataset["bills_of_material"].filter(~pl.col("is_by_product"))
    edges: list[tuple[str, str]] = (
        lines.select("product", "component").unique().sort("product", "component").rows()
    )
    return find_cycles(edges)


def yields(operations: pl.DataFrame) -> dict[str, float]:
    """Return the share of good units over all steps of each product.

    >>> from fivefold.model import schema
    >>> steps = [
    ...     {"product": "A", "operation": n, "location": "P", "resource": "R", "yield_share": y}
    ...     | {"run_time_hours_per_unit": 0.1}
    ...     for n, y in ((10, 0.9), (20, 0.8))
    ... ]
    >>> {name: round(y, 2) for name, y in yields(schema("operations").frame(steps)).items()}
    {'A': 0.72}
    """
    through = operations.group_by("product").agg(pl.col("yield_share").fill_null(1.0).product())
    return dict(through.sort("product").iter_rows())


def issue_per_start() -> pl.Expr:
    """Return units issued for one unit started: quantity per unit over the share not lost."""
    kept = 1 - pl.col("scrap_share").fill_null(0.0)
    return pl.col("quantity_per") / pl.when(kept > 0).then(kept).otherwise(1.0)


def upstream(dataset: Dataset, site: str) -> dict[str, tuple[str, float]]:
    """Return, for every place that can be reached from `site`, the place before it.

    Along the quickest chain of lanes; the number is the transit time of the last lane in
    days.
    """
    onward: dict[str, list[tuple[str, float]]] = {}
    lanes = dataset["lanes"].sort("origin", "destination", "transit_time_days_mean")
    for origin, destination, days in lanes.select(
        "origin", "destination", "transit_time_days_mean"
    ).iter_rows():
        onward.setdefault(origin, []).append((destination, days))
    came_from: dict[str, tuple[str, float]] = {}
    settled: set[str] = set()
    frontier: list[tuple[float, str, str, float]] = [(0.0, site, "", 0.0)]
    while frontier:
        distance, place, before, last = heapq.heappop(frontier)
        if place in settled:
            continue
        settled.add(place)
        if before:
            came_from[place] = (before, last)
        for target, days in onward.get(place, []):
            if target not in settled:
                heapq.heappush(frontier, (distance + days, target, place, days))
    return came_from
