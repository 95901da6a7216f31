"""What the tables say of each item before a channel is chosen: demand, time held, returns, places.

Knows how to read them; where a table is silent it says that an assumption stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from fivefold.deliver.zones import great_circle_miles, zip_coordinates, zones_of
from fivefold.model import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Figures by item, each with where it comes from.

    Parameters
    ----------
    units_per_year : mapping of str to float
        Demand by item over all channels.
    days_held : mapping of (item, location) to float
        Time a unit waits in stock, by Little's law.
    return_share : mapping of str to float
        Share of units sold that come back.
    sellable_share : mapping of str to float
        Share of those that can be sold again.
    zone_mix : mapping of str to dict
        By origin: share of parcels per carrier zone.
    today : mapping of str to str
        Channel that sells most of the item now.
    actual_fees : mapping of (item, fee) to (amount, source, grade)
        What was charged or stated, a unit.
    """

    units_per_year: Mapping[str, float]
    days_held: Mapping[tuple[str, str], float]
    return_share: Mapping[str, float]
    sellable_share: Mapping[str, float]
    zone_mix: Mapping[str, Mapping[int, float]]
    today: Mapping[str, str]
    actual_fees: Mapping[tuple[str, str], tuple[float, str, str]] = field(default_factory=dict)


def units_per_year(dataset: Dataset, *, as_of: date) -> dict[str, float]:
    """Return demand a year by item: the forecast scaled to 365 days, else the orders of the last.

    The forecast counts from `as_of` on; orders that were cancelled do not count.
    """
    found = _ordered_last_year(dataset, as_of)
    means = dataset["forecast_means"].filter(pl.col("period_start") >= as_of)
    if means.height:
        starts = means["period_start"].unique().sort()
        step = (starts[1] - starts[0]).days if len(starts) > 1 else 7
        days = step * len(starts)
        totals = means.group_by("item").agg(pl.col("units_mean").sum())
        for item, units in totals.iter_rows():
            found[item] = float(units) * 365.0 / days
    return found


def _ordered_last_year(dataset: Dataset, as_of: date) -> dict[str, float]:
    orders = _orders_since(dataset, as_of, days=365)
    totals = orders.group_by("item").agg(pl.col("quantity").sum())
    return {item: float(units) for item, units in totals.iter_rows()}


def _orders_since(dataset: Dataset, as_of: date, *, days: int) -> pl.DataFrame:
    placed = pl.col("ordered_at").dt.date()
    return dataset["orders"].filter(
        (pl.col("status") != "cancelled")
        & (placed > as_of - timedelta(days=days))
        & (placed <= as_of)
    )


def days_held(
    dataset: Dataset, *, as_of: date, longest_days: float = 730.0
) -> dict[tuple[str, str], float]:
    """Return the mean time a unit waits at a place: mean stock over what leaves it (Little's law).

    Mean stock is that of the projection, else the middle of the stock targets, else what is
    on hand now. What leaves is demand there and, where a plan tells, moves to other places: a
    warehouse that feeds the fulfilment network does not hold that stock for its own orders.
    """
    stock: dict[tuple[str, str], float] = {}
    for table, expression in (
        ("inventory", pl.col("on_hand").sum()),
        ("stock_targets", ((pl.col("safety_stock") + _order_up_to()) / 2.0).mean()),
        ("projected_stock", pl.col("closing").clip(lower_bound=0.0).mean()),
    ):
        frame = dataset[table]
        if table == "inventory":
            frame = frame.filter(pl.col("condition") == "sellable")
        means = frame.group_by("item", "location").agg(expression.alias("stock"))
        for item, location, units in means.iter_rows():
            stock[item, location] = float(units)
    found: dict[tuple[str, str], float] = {}
    for item, location, daily in _leaving_a_day(dataset, as_of).iter_rows():
        if daily > 0 and (item, location) in stock:
            found[item, location] = min(stock[item, location] / daily, longest_days)
    return found


def _leaving_a_day(dataset: Dataset, as_of: date) -> pl.DataFrame:
    """Return item, location, units a day: demand there and moves from there over the horizon."""
    means = dataset["forecast_means"].filter(pl.col("period_start") >= as_of)
    days = 7.0 * max(means["period_start"].n_unique(), 1)
    demand = means.select("item", "location", units="units_mean")
    moved = (
        dataset["supply_plan"]
        .filter((pl.col("kind") == "move") & pl.col("source").is_not_null())
        .select("item", location="source", units=pl.col("quantity").cast(pl.Float64))
    )
    return (
        pl.concat([demand, moved])
        .group_by("item", "location")
        .agg(daily=pl.col("units").sum() / days)
        .sort("item", "location")
    )


def _order_up_to() -> pl.Expr:
    return pl.coalesce("order_up_to", "reorder_point", "safety_stock")


def return_shares(dataset: Dataset, *, as_of: date, prior_units: float) -> dict[str, float]:
    """Return the share of units that come back, by item.

    The forecast of returns over the forecast of demand where both are there. Else units
    returned over units ordered in the last year, drawn to the share of all items with the
    weight of `prior_units` units. Where nothing ever came back, nothing is said.
    """
    sold = _ordered_last_year(dataset, as_of)
    back = dataset["returns"].filter(
        (pl.col("returned_at").dt.date() > as_of - timedelta(days=365))
        & (pl.col("returned_at").dt.date() <= as_of)
    )
    returned = dict(back.group_by("item").agg(pl.col("quantity").sum()).iter_rows())
    if not returned:
        return _forecast_return_shares(dataset, as_of)
    total = sum(sold.values())
    mean = sum(returned.values()) / total if total else 0.0
    shares = {
        item: min((returned.get(item, 0) + prior_units * mean) / (units + prior_units), 1.0)
        for item, units in sold.items()
        if units + prior_units > 0
    }
    shares |= _forecast_return_shares(dataset, as_of)
    return shares


def _forecast_return_shares(dataset: Dataset, as_of: date) -> dict[str, float]:
    expected = dataset["returns_forecast"].filter(pl.col("period_start") >= as_of)
    wanted = dataset["forecast_means"].filter(
        pl.col("period_start").is_in(expected["period_start"].unique().implode())
    )
    joined = (
        expected.group_by("item")
        .agg(pl.col("units_mean").sum().alias("back"))
        .join(wanted.group_by("item").agg(pl.col("units_mean").sum().alias("sold")), on="item")
        .filter(pl.col("sold") > 0)
    )
    return {item: min(float(back) / float(sold), 1.0) for item, back, sold in joined.iter_rows()}


def sellable_shares(dataset: Dataset, *, as_of: date) -> dict[str, float]:
    """Return the share of returned units found sellable, by item; forecast first, then history."""
    back = dataset["returns"].filter(
        pl.col("disposition").is_not_null() & (pl.col("returned_at").dt.date() <= as_of)
    )
    history = back.group_by("item").agg(
        pl.col("quantity").sum().alias("all"),
        pl.col("quantity")
        .filter(pl.col("disposition").str.to_uppercase() == "SELLABLE")
        .sum()
        .alias("good"),
    )
    shares = {item: good / units for item, units, good in history.iter_rows()}
    totals = (
        dataset["returns_forecast"]
        .group_by("item")
        .agg(pl.col("units_mean").sum(), pl.col("sellable_units_mean").sum())
        .filter(pl.col("units_mean") > 0)
    )
    shares |= {item: float(good) / float(units) for item, units, good in totals.iter_rows()}
    return shares


def zone_mix(dataset: Dataset, *, as_of: date) -> dict[str, dict[int, float]]:
    """Return the share of parcels in each carrier zone, by origin warehouse or plant.

    Parcels are the order lines of the last year that name a ZIP code. An origin without a
    known ZIP code, and any origin where no order names one, is left out.
    """
    orders = _orders_since(dataset, as_of, days=365)
    codes = (
        orders.filter(pl.col("ship_postal_code").is_not_null())
        .group_by(pl.col("ship_postal_code").str.slice(0, 5).alias("code"))
        .agg(pl.len().alias("parcels"))
    )
    points = [
        (*point, parcels)
        for code, parcels in codes.iter_rows()
        if (point := zip_coordinates(code)) is not None
    ]
    if not points:
        return {}
    latitude, longitude, parcels = np.array(points, dtype=np.float64).T
    mixes: dict[str, dict[int, float]] = {}
    origins = dataset["locations"].filter(pl.col("kind").is_in(["warehouse", "plant", "store"]))
    for row in origins.iter_rows(named=True):
        place = location_point(row)
        if place is None:
            continue
        zones = zones_of(great_circle_miles(place[0], place[1], latitude, longitude))
        weights = np.bincount(zones, weights=parcels, minlength=9)
        mixes[row["location"]] = {
            zone: float(weights[zone] / weights.sum()) for zone in range(2, 9) if weights[zone] > 0
        }
    return mixes


def location_point(row: Mapping[str, object]) -> tuple[float, float] | None:
    """Return where a location lies: its own coordinates, else those of its ZIP code."""
    latitude, longitude = row["latitude"], row["longitude"]
    if isinstance(latitude, float) and isinstance(longitude, float):
        return latitude, longitude
    code = row["postal_code"]
    return zip_coordinates(code) if isinstance(code, str) else None


def channels_today(dataset: Dataset, *, as_of: date) -> dict[str, str]:
    """Return the channel that sells an item now: most units of 90 days among active offers.

    Where nothing was sold it is the first active offer by the channel's code.
    """
    offers = dataset["offers"].filter(pl.col("active")).select("item", "channel")
    sold = (
        _orders_since(dataset, as_of, days=90)
        .group_by("item", "channel")
        .agg(pl.col("quantity").sum().alias("units"))
    )
    ranked = (
        offers.join(sold, on=["item", "channel"], how="left")
        .with_columns(pl.col("units").fill_null(0))
        .sort(["item", "units", "channel"], descending=[False, True, False])
    )
    return dict(
        ranked.unique(subset="item", keep="first", maintain_order=True)
        .select("item", "channel")
        .iter_rows()
    )


#: Amazon's names of the same fee in reports and settlements, by our line.
FEE_NAMES: dict[str, str] = {
    "REFERRALFEES": "REFERRAL_FEES",
    "REFERRALFEE": "REFERRAL_FEES",
    "ESTIMATEDREFERRALFEEPERUNIT": "REFERRAL_FEES",
    "COMMISSION": "REFERRAL_FEES",
    "BASEFBAFULFILLMENTFEE": "BASE_FBA_FULFILLMENT_FEE",
    "FBAFULFILLMENTFEES": "BASE_FBA_FULFILLMENT_FEE",
    "FBAFULFILLMENTFEE": "BASE_FBA_FULFILLMENT_FEE",
    "FBAPERUNITFULFILLMENTFEE": "BASE_FBA_FULFILLMENT_FEE",
    "EXPECTEDFULFILLMENTFEEPERUNIT": "BASE_FBA_FULFILLMENT_FEE",
    "EXPECTEDDOMESTICFULFILMENTFEEPERUNIT": "BASE_FBA_FULFILLMENT_FEE",
    "FBAINBOUNDPLACEMENTSERVICEFEE": "FBA_INBOUND_PLACEMENT_SERVICE_FEE",
    "LOWINVENTORYLEVELFEE": "LOW_INVENTORY_LEVEL_FEE",
    "RETURNPROCESSINGFEE": "RETURN_PROCESSING_FEE",
    "CLOSINGFEES": "CLOSING_FEES",
    "ESTIMATEDVARIABLECLOSINGFEE": "CLOSING_FEES",
    "MCFFULFILLMENTFEE": "MCF_FULFILLMENT_FEE",
}
FULFILMENT_FEES = frozenset({"BASE_FBA_FULFILLMENT_FEE", "MCF_FULFILLMENT_FEE"})


def fee_name(text: str) -> str:
    """Return our line for a name of a fee as a report writes it; the name itself if new.

    >>> fee_name("FBAPerUnitFulfillmentFee"), fee_name("referral-fee")
    ('BASE_FBA_FULFILLMENT_FEE', 'REFERRAL_FEES')
    """
    return FEE_NAMES.get("".join(sign for sign in text.upper() if sign.isalnum()), text)


def actual_fees(
    dataset: Dataset, *, as_of: date, since: date, least_units: int
) -> dict[tuple[str, str, str], tuple[float, str, str]]:
    """Return fees a unit that were charged or stated since the card in force began.

    Parameters
    ----------
    since : date
        First day of the card and season in force; older charges are of another card.
    least_units : int
        Settled units below this are too few to stand for the fee.

    Returns
    -------
    dict of (item, channel, line) to (amount, source, grade)
        Settled charges carry the channel "" since they do not name one. Grades: actual from
        settlements, quote and listed from the table of listed fees.
    """
    found: dict[tuple[str, str, str], tuple[float, str, str]] = {}
    listed = dataset["listed_fees"].filter(
        pl.col("as_of").is_null() | ((pl.col("as_of") >= since) & (pl.col("as_of") <= as_of))
    )
    for row in listed.sort("as_of", nulls_last=False).iter_rows(named=True):
        source = row["source"] or "listed fees"
        grade = "quote" if "quote" in source.lower() else "listed"
        key = (row["item"], row["channel"], fee_name(row["fee_type"]))
        held = found.get(key)
        # What the seller's own report states goes before a quote; a later one replaces.
        if held is None or not (held[2] == "listed" and grade == "quote"):
            found[key] = (abs(row["amount"]), f"{source} of {row['as_of']}", grade)
    found |= _settled(dataset, as_of=as_of, since=since, least_units=least_units)
    return found


def _settled(
    dataset: Dataset, *, as_of: date, since: date, least_units: int
) -> dict[tuple[str, str, str], tuple[float, str, str]]:
    day = pl.col("posted_at").dt.date()
    lines = dataset["settlements"].filter(
        (pl.col("transaction_type").str.to_lowercase() == "order")
        & (day >= since)
        & (day <= as_of)
        & pl.col("item").is_not_null()
    )
    units = dict(
        lines.filter(pl.col("amount_description").str.to_lowercase() == "principal")
        .group_by("item")
        .agg(pl.col("quantity").sum())
        .iter_rows()
    )
    fees = (
        lines.filter(pl.col("amount_type").str.to_lowercase() == "itemfees")
        .group_by("item", "amount_description")
        .agg(pl.col("amount").sum())
        .sort("item", "amount_description")
    )
    found: dict[tuple[str, str, str], tuple[float, str, str]] = {}
    for item, description, amount in fees.iter_rows():
        count = units.get(item) or 0
        if count >= least_units:
            source = f"settlements since {since}, {count} units"
            found[item, "", fee_name(description)] = (abs(amount) / count, source, "actual")
    return found
