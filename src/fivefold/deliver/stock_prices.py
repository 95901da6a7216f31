"""What a unit is worth where it stands, so that one customer does not take another's from near by.

Knows where past customers are and what is free in each building. The price of a unit is what
the next customer near it would pay more if it were gone: the price that clears demand of the
regions over the buildings, less what all buildings have in common. Reserves nothing.

References
----------
.. [1] Acimovic, Graves (2015), "Making better fulfillment decisions on the fly in an online
   retail environment", M&SOM 17(1), 34-51: opportunity costs of stock from the dual of a
   transportation program over expected demand, as here; the program is solved by subgradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.deliver.price_kernel import clearing_prices
from fivefold.deliver.promise import ON_HAND
from fivefold.deliver.sourcing_world import CLOSED_CHANNELS, ZONES, SourcingParams, World
from fivefold.deliver.zones import ground_days
from fivefold.model import Dataset, Outcome, schema

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceParams:
    """How stock is priced.

    Parameters
    ----------
    days : int
        Demand of so many days is expected on what is free now. [assumed]
    regions : int
        Regions (three leading digits of the ZIP code) told apart, those with most orders.
    fewest_orders : int
        Orders with a ZIP code that must be known; with fewer nothing is priced.
    rounds : int
        Steps of the subgradient.
    most : float
        Highest price of a unit: what not serving a customer costs. [assumed]
    strength : float
        Part of the clearing price that counts; of those tried a quarter cost least on drawn
        days of training (`benchmarks.sourcing`).
    """

    days: int = 28
    regions: int = 60
    fewest_orders: int = 100
    rounds: int = 40
    most: float = 40.0
    strength: float = 0.25

    def __post_init__(self) -> None:
        if min(self.days, self.regions, self.fewest_orders) < 1 or self.rounds < 2:
            raise ValueError("days, regions and fewest_orders must be at least 1, rounds 2")
        if self.most < 0 or self.strength < 0:
            raise ValueError("most and strength must not be negative")


def price_stock(dataset: Dataset, params: PriceParams | None = None, *, as_of: date) -> Outcome:
    """Return the price of a unit of each item in each own building that holds it.

    Parameters
    ----------
    dataset : Dataset
        orders (past, with ZIP codes), forecast_means, inventory, items, locations, channels,
        lanes, fee_cards, calendars.
    params : PriceParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `stock_prices`, for items that two buildings or more hold. Empty where too few orders
        tell where customers are. `order_sourcing.source_orders` adds the price to the cost of
        taking a unit.
    """
    params = params or PriceParams()
    share = _regions(dataset, params, as_of)
    demand = _demand(dataset, params, as_of)
    if share.height == 0 or demand.height == 0:
        return _outcome(schema("stock_prices").empty())
    sourcing = SourcingParams()
    world = World(dataset, sourcing, as_of)
    free = (
        world.left()
        .filter((pl.col("basis") == ON_HAND) & (pl.col("quantity") > 0))
        .filter(~pl.col("location").is_in(_network(dataset)))
        .group_by("item", "location")
        .agg(pl.col("quantity").sum())
        .join(demand, on="item")
        .filter(pl.len().over("item") > 1)
        .sort("item", "location")
    )
    if free.height == 0:
        return _outcome(schema("stock_prices").empty())
    days = np.array([ground_days(world.book, zone) if zone > 1 else 0 for zone in range(ZONES)])
    rates = world.terms.rates + sourcing.wait_cost_per_unit_day * days[:, None]
    zone = np.array([world.zones_to(code) for code in share["zip"]], dtype=np.int8)
    item_rows = free.select("item", "units").unique("item", maintain_order=True)
    held = free.group_by("item", maintain_order=True).len()["len"].to_numpy()
    first = np.append(0, np.cumsum(held)).astype(np.int64)
    codes = [world.item_code[item] for item in item_rows["item"]]
    place = np.array([world.place_code[there] for there in free["location"]], dtype=np.int32)
    price = np.zeros(free.height, dtype=np.float32)
    clearing_prices(
        first,
        place,
        free["quantity"].to_numpy(),
        world.weight[codes],
        item_rows["units"].to_numpy(),
        share["share"].to_numpy(),
        zone,
        np.ascontiguousarray(world.sites.sites["pick"]),
        rates,
        params.most,
        params.rounds,
        price,
    )
    nearest = _nearest(first, place, zone, share["share"].to_numpy())
    found = free.select(
        "item",
        "location",
        pl.Series("price", price.astype(np.float64) * params.strength).round(4),
        (pl.col("units") * pl.Series(nearest)).round(3).alias("demand_units"),
        pl.col("quantity").alias("on_hand_units"),
    )
    return _outcome(schema("stock_prices").frame(found.to_dicts()))


def _outcome(prices: pl.DataFrame) -> Outcome:
    return Outcome(
        tables={"stock_prices": prices},
        status="feasible",
        objective=0.0,
        explanations=schema("explanations").empty(),
        notes={"priced": prices.height},
    )


def _network(dataset: Dataset) -> list[str]:
    closed = dataset["channels"].filter(pl.col("kind").is_in(list(CLOSED_CHANNELS)))
    kinds = dataset["locations"].filter(pl.col("kind") == "fulfilment_network")
    shared = dataset["channels"].filter(~pl.col("kind").is_in(list(CLOSED_CHANNELS)))
    return sorted(
        (set(closed["location"].drop_nulls()) - set(shared["location"].drop_nulls()))
        | set(kinds["location"])
    )


def _regions(dataset: Dataset, params: PriceParams, as_of: date) -> pl.DataFrame:
    """Return zip (a code of the region) and share of orders, of the regions with most."""
    midnight = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    codes = (
        dataset["orders"]
        .filter((pl.col("ordered_at") < midnight) & (pl.col("status") != "cancelled"))
        .select(zip=pl.col("ship_postal_code").str.slice(0, 5))
        .filter(pl.col("zip").str.contains(r"^\d{5}$"))
    )
    if codes.height < params.fewest_orders:
        return pl.DataFrame(schema={"zip": pl.String(), "share": pl.Float64()})
    found = (
        codes.group_by(region=pl.col("zip").str.slice(0, 3))
        .agg(pl.col("zip").mode().min(), orders=pl.len())
        .sort("orders", "region", descending=[True, False])
        .head(params.regions)
    )
    return found.select("zip", share=pl.col("orders") / pl.col("orders").sum())


def _demand(dataset: Dataset, params: PriceParams, as_of: date) -> pl.DataFrame:
    """Return the units of each item expected at places that serve any customer."""
    last = as_of + timedelta(days=params.days)
    network = _network(dataset)
    weeks = dataset["forecast_means"].filter(
        (pl.col("period_start") >= as_of - timedelta(days=6))
        & (pl.col("period_start") < last)
        & ~pl.col("location").is_in(network)
    )
    return weeks.group_by("item").agg(units=pl.col("units_mean").sum()).sort("item")


def _nearest(first: Array, place: Array, zone: Array, share: Array) -> Array:
    """Return for each holder the share of demand to which no holder of the item is nearer."""
    found = np.zeros(len(place))
    for begin, end in pairwise(first):
        near = zone[:, place[begin:end]]
        best = near == near.min(axis=1, keepdims=True)
        found[begin:end] = (best * (share / best.sum(axis=1))[:, None]).sum(axis=0)
    return found
