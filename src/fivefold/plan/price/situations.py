"""What prices have to know of each item in each channel, read from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset

FloatArray = NDArray[np.float64]
#: Lines of `channel_fees` that go with the price.
WITH_PRICE = frozenset({"REFERRAL_FEES", "REFUNDS", "REFUND_ADMINISTRATION_FEE"})
#: Lines that are spent when a unit stands in stock, or that time in stock costs.
SPENT = frozenset(
    {
        "UNIT_COST",
        "INBOUND_FREIGHT",
        "FBA_INBOUND_PLACEMENT_SERVICE_FEE",
        "CAPITAL",
        "STORAGE",
        "BASE_MONTHLY_STORAGE_FEE",
        "STORAGE_UTILIZATION_SURCHARGE",
        "AGED_INVENTORY_SURCHARGE",
    }
)
#: Days until a new order could arrive, where no target tells. [assumed]
LEAD_DAYS = 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """One item in one channel.

    Parameters
    ----------
    item, channel, location : str
    price : float
        Price asked today.
    curve : (ndarray, ndarray) or None
        Prices in ascending order and what a unit leaves at each; None where it is not known.
    weekly, weekly_sd : ndarray, shape (n_weeks,)
        Demand forecast by week in this channel at today's price, and its spread.
    lead_weeks : int
        Whole weeks before a new order could arrive.
    stock, coming : float
        Units there, and coming before a new order could; this channel's share.
    spent : float
        Costs of a unit that are spent once it stands in stock.
    rule : mapping
        Row of `price_rules`, or empty.
    """

    item: str
    channel: str
    location: str
    price: float
    curve: tuple[FloatArray, FloatArray] | None
    weekly: FloatArray
    weekly_sd: FloatArray
    lead_weeks: int
    stock: float
    coming: float
    spent: float
    rule: Mapping[str, Any]

    def contribution(self, price: FloatArray) -> FloatArray:
        """Return what a unit leaves at prices, straight lines between the points known."""
        assert self.curve is not None
        known, left = self.curve
        inside = np.interp(price, known, left)
        if len(known) < 2:
            return np.asarray(inside)
        low = (left[1] - left[0]) / (known[1] - known[0])
        high = (left[-1] - left[-2]) / (known[-1] - known[-2])
        inside = np.where(price < known[0], left[0] + (price - known[0]) * low, inside)
        return np.asarray(
            np.where(price > known[-1], left[-1] + (price - known[-1]) * high, inside)
        )


def read_sold(dataset: Dataset, *, as_of: date) -> list[Sold]:
    """Return every active offer with a price and a forecast, by item and channel.

    Parameters
    ----------
    dataset : Dataset
        offers (else channel_choices), channels, forecast_means; and where there: price_points,
        channel_fees, channel_choices, stock_targets, projected_stock, inventory, orders,
        price_rules.
    """
    locations = dict(dataset["channels"].select("channel", "location").iter_rows())
    prices = _prices(dataset)
    forecast = _forecast(dataset)
    shares = _channel_shares(dataset, locations, as_of)
    curves = _curves(dataset)
    spent = _spent(dataset)
    leads = _leads(dataset)
    stock = _stock(dataset)
    receipts = _receipts(dataset)
    rules = {(r["item"], r["channel"]): r for r in dataset["price_rules"].iter_rows(named=True)}
    found = []
    for (item, channel), price in sorted(prices.items()):
        location = locations.get(channel, "")
        if (item, location) not in forecast:
            continue
        mean, sd = forecast[item, location]
        share = shares.get(
            (item, channel), 1.0 if _alone(item, channel, prices, locations) else 0.0
        )
        weeks = max(1, round(leads.get((item, location), LEAD_DAYS) / 7.0))
        coming = receipts.get((item, location), np.zeros(0))[:weeks].sum()
        found.append(
            Sold(
                item=item,
                channel=channel,
                location=location,
                price=price,
                curve=curves.get((item, channel)),
                weekly=mean * share,
                weekly_sd=sd * share,
                lead_weeks=weeks,
                stock=stock.get((item, location), 0.0) * share,
                coming=float(coming) * share,
                spent=spent.get((item, channel), 0.0),
                rule=rules.get((item, channel)) or rules.get((item, "")) or {},
            )
        )
    return found


def _prices(dataset: Dataset) -> dict[tuple[str, str], float]:
    listed = dict(dataset["items"].select("item", "price").iter_rows())
    offers = dataset["offers"].filter(pl.col("active").fill_null(value=True))
    rows = offers.select("item", "channel", "price").rows()
    if not rows:
        today = dataset["channel_choices"].filter(pl.col("is_today").fill_null(value=False))
        rows = today.select("item", "channel", "price").rows()
    kept = {}
    for item, channel, price in rows:
        asked = listed.get(item) if price is None else price
        if asked:
            kept[item, channel] = float(asked)
    return kept


def _alone(
    item: str, channel: str, prices: Mapping[tuple[str, str], float], places: Mapping[str, str]
) -> bool:
    """Return whether no other offer of the item is served from the same place."""
    here = places.get(channel)
    return all(
        code != item or other == channel or places.get(other) != here for code, other in prices
    )


def _forecast(dataset: Dataset) -> dict[tuple[str, str], tuple[FloatArray, FloatArray]]:
    found = {}
    means = dataset["forecast_means"].sort("item", "location", "period_start")
    for key, rows in means.group_by("item", "location", maintain_order=True):
        mean = rows["units_mean"].to_numpy().astype(np.float64)
        sd = rows["units_sd"].cast(pl.Float64).to_numpy().copy()
        found[str(key[0]), str(key[1])] = (mean, np.where(np.isfinite(sd), sd, np.sqrt(mean)))
    return found


def _channel_shares(
    dataset: Dataset, places: Mapping[str, str], as_of: date
) -> dict[tuple[str, str], float]:
    """Return each channel's share of the last year's units of an item at its place."""
    recent = dataset["orders"].filter(
        pl.col("ordered_at").dt.date().is_between(as_of - timedelta(days=364), as_of)
        & (pl.col("status").fill_null("") != "cancelled")
    )
    sums = recent.group_by("item", "channel").agg(units=pl.col("quantity").sum()).rows()
    total: dict[tuple[str, str], float] = {}
    for item, channel, units in sums:
        key = (item, places.get(channel, ""))
        total[key] = total.get(key, 0.0) + units
    return {
        (item, channel): units / total[item, places.get(channel, "")]
        for item, channel, units in sums
        if total[item, places.get(channel, "")] > 0
    }


def _curves(dataset: Dataset) -> dict[tuple[str, str], tuple[FloatArray, FloatArray]]:
    """Return contribution along price: the points told, else today's lines drawn on."""
    found: dict[tuple[str, str], tuple[FloatArray, FloatArray]] = {}
    moving = (
        dataset["channel_fees"]
        .filter(pl.col("line").is_in(sorted(WITH_PRICE)))
        .group_by("item", "channel")
        .agg(moving=pl.col("counted").sum())
    )
    choices = dataset["channel_choices"].join(moving, on=["item", "channel"], how="left")
    for row in choices.iter_rows(named=True):
        price, left = row["price"], row["contribution"]
        if not price or left is None:
            continue
        keep = 1.0 - (row["moving"] or 0.0) / price
        ends = np.array([0.5 * price, 1.5 * price])
        found[row["item"], row["channel"]] = (ends, left + (ends - price) * keep)
    points = dataset["price_points"].sort("item", "channel", "price")
    for key, rows in points.group_by("item", "channel", maintain_order=True):
        found[str(key[0]), str(key[1])] = (
            rows["price"].to_numpy().astype(np.float64),
            rows["contribution"].to_numpy().astype(np.float64),
        )
    return found


def _spent(dataset: Dataset) -> dict[tuple[str, str], float]:
    rows = (
        dataset["channel_fees"]
        .filter(pl.col("line").is_in(sorted(SPENT)))
        .group_by("item", "channel")
        .agg(pl.col("counted").fill_null(0.0).sum())
    )
    return {(item, channel): float(amount) for item, channel, amount in rows.iter_rows()}


def _leads(dataset: Dataset) -> dict[tuple[str, str], float]:
    rows = dataset["stock_targets"].filter(pl.col("lead_time_days_mean").is_not_null())
    first = (
        rows.sort("period_start")
        .group_by("item", "location")
        .agg(pl.col("lead_time_days_mean").first())
    )
    return {(item, place): float(days) for item, place, days in first.iter_rows()}


def _stock(dataset: Dataset) -> dict[tuple[str, str], float]:
    planned = dataset["projected_stock"]
    if planned.height:
        first = (
            planned.sort("period_start").group_by("item", "location").agg(pl.col("opening").first())
        )
        return {(item, place): max(0.0, float(units or 0.0)) for item, place, units in first.rows()}
    held = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg((pl.col("on_hand") - pl.col("allocated").fill_null(0)).sum())
    )
    return {(item, place): max(0.0, float(units)) for item, place, units in held.iter_rows()}


def _receipts(dataset: Dataset) -> dict[tuple[str, str], FloatArray]:
    planned = dataset["projected_stock"].sort("item", "location", "period_start")
    return {
        (str(key[0]), str(key[1])): rows["receipts"].fill_null(0.0).to_numpy().astype(np.float64)
        for key, rows in planned.group_by("item", "location", maintain_order=True)
    }
