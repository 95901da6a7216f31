"""How fast items are used at each place, so that a usual order has a size.

Knows forecasts, lanes and bills of material. Never orders anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from fivefold.maths.graphs import find_cycles, low_level_codes
from fivefold.model import Dataset
from fivefold.source.routes import NEVER_BOUGHT_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Units a day, mean and variance of a day's units."""

    units_per_day: float
    variance_per_day: float


def daily_rates(dataset: Dataset, *, days: int) -> dict[tuple[str, str], Rate]:
    """Return the rate of use of each (item, location) over the first `days` of the forecast.

    A place also feels the demand of the places it feeds over lanes, and a place that makes
    a product feels its components at quantity per unit, scrap allowed for. Where several
    places can feed one, each feels all of it: the rate sizes an order from that place if
    it were chosen, it is no plan.

    Parameters
    ----------
    dataset : Dataset
        Tables `forecast_means`, `lanes`, `locations`, `bills_of_material`, `operations`.
    days : int
        How much of the forecast is looked at.
    """
    own = _own_rates(dataset["forecast_means"], days)
    fed = places_fed(dataset)
    by_item: dict[str, dict[str, Rate]] = {}
    for (item, location), rate in own.items():
        by_item.setdefault(item, {})[location] = rate
    rates: dict[tuple[str, str], Rate] = {}
    for item, here in by_item.items():
        rates.update(_felt(item, here, fed))
    _add_components(dataset, by_item, fed, rates)
    return rates


def _own_rates(means: pl.DataFrame, days: int) -> dict[tuple[str, str], Rate]:
    """Return the rate of each forecast itself."""
    if means.is_empty():
        return {}
    starts = means["period_start"].unique().sort()
    period_days = (starts[1] - starts[0]).days if len(starts) > 1 else 7
    count = max(1, -(-days // period_days))
    head = means.filter(pl.col("period_start").is_in(starts.head(count).implode()))
    summed = head.group_by("item", "location").agg(
        pl.col("units_mean").sum() / (count * period_days),
        (pl.col("units_sd").fill_null(0.0) ** 2).sum() / (count * period_days),
    )
    return {
        (item, location): Rate(units_per_day=mean, variance_per_day=variance)
        for item, location, mean, variance in summed.sort("item", "location").iter_rows()
    }


def places_fed(dataset: Dataset) -> dict[str, list[str]]:
    """Return, for every place, the places its goods can reach over lanes, itself first."""
    kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
    onward: dict[str, list[str]] = {}
    pairs = dataset["lanes"].select("origin", "destination").unique().sort("origin", "destination")
    for origin, destination in pairs.iter_rows():
        if kinds.get(destination) not in ("supplier", "scrap"):
            onward.setdefault(origin, []).append(destination)
    reach: dict[str, list[str]] = {}
    for place, kind in kinds.items():
        if kind in NEVER_BOUGHT_FOR:
            continue
        found = [place]
        for current in found:
            found.extend(p for p in onward.get(current, []) if p not in found)
        reach[place] = found
    return reach


def _felt(
    item: str, here: Mapping[str, Rate], fed: Mapping[str, list[str]]
) -> dict[tuple[str, str], Rate]:
    """Return the rate each place feels for one item."""
    felt: dict[tuple[str, str], Rate] = {}
    for place, reached in fed.items():
        rates = [here[target] for target in reached if target in here]
        if rates:
            felt[item, place] = Rate(
                units_per_day=sum(rate.units_per_day for rate in rates),
                variance_per_day=sum(rate.variance_per_day for rate in rates),
            )
    return felt


def _add_components(
    dataset: Dataset,
    by_item: dict[str, dict[str, Rate]],
    fed: Mapping[str, list[str]],
    rates: dict[tuple[str, str], Rate],
) -> None:
    """Add what making products uses, level by level; products in a circle are left out."""
    lines = dataset["bills_of_material"].filter(
        ~pl.col("is_by_product") & (pl.col("alternate_group").is_null() | (pl.col("priority") <= 1))
    )
    edges: list[tuple[str, str]] = lines.select("product", "component").rows()
    circling = {item for cycle in find_cycles(edges) for item in cycle}
    lines = lines.filter(~pl.col("product").is_in(list(circling)))
    made_at = dict(
        dataset["operations"].sort("operation").select("product", "location").iter_rows()
    )
    plants = dataset["locations"].filter(pl.col("kind") == "plant")["location"].to_list()
    only_plant = plants[0] if len(plants) == 1 else None
    by_product: dict[str, list[tuple[str, float]]] = {}
    kept = lines.select("product", "component", "quantity_per", "scrap_share").sort(
        "product", "component"
    )
    for product, component, quantity_per, scrap in kept.iter_rows():
        by_product.setdefault(product, []).append((component, quantity_per / (1 - (scrap or 0.0))))
    kept_edges: list[tuple[str, str]] = kept.select("product", "component").rows()
    codes = low_level_codes(kept_edges)
    for product in sorted(by_product, key=lambda item: (codes[item], item)):
        plant = made_at.get(product, only_plant)
        wanted = list(by_item.get(product, {}).values())
        if plant is None or not wanted:
            continue
        mean = sum(rate.units_per_day for rate in wanted)
        variance = sum(rate.variance_per_day for rate in wanted)
        for component, per_unit in by_product[product]:
            places = by_item.setdefault(component, {})
            before = places.get(plant, Rate(units_per_day=0.0, variance_per_day=0.0))
            places[plant] = Rate(
                units_per_day=before.units_per_day + mean * per_unit,
                variance_per_day=before.variance_per_day + variance * per_unit**2,
            )
            rates.update(_felt(component, places, fed))
