"""What a unit short and a unit held cost, item by item and place by place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model.dataset import Dataset

FloatArray: TypeAlias = NDArray[np.float64]

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Costs per unit at places, arrays of shape (n_places,).

    short : margin lost with a sale, and what it costs beyond. [p]
    held_per_day : capital, storage and risk of holding one unit a day. [h]
    left : loss on a unit still there when sale ends; NaN where sale goes on.
    value : what a unit cost. [c]
    given : service level a planner insists on; NaN where margin decides.
    known : whether the margin is known.
    margin_from : where the margin comes from, a sentence part each.
    """

    short: FloatArray
    held_per_day: FloatArray
    left: FloatArray
    value: FloatArray
    volume_m3: FloatArray
    given: FloatArray
    known: NDArray[np.bool_]
    margin_from: tuple[str, ...]
    ends_on: tuple[date | None, ...]


def unit_costs(
    dataset: Dataset,
    keys: list[tuple[str, str]],
    bought_at: FloatArray,
    *,
    capital_share_per_year: float,
    risk_share_per_year: float,
    referral_share: float,
) -> UnitCosts:
    """Return the costs of every (item, location) of `keys`.

    Parameters
    ----------
    dataset : Dataset
        Read: items, offers, channels, channel_choices, locations.
    keys : list of (item, location)
    bought_at : ndarray, shape (n_places,)
        Cost of a unit by the way that fills the place; stands in where an item has no cost.
    capital_share_per_year, risk_share_per_year, referral_share : float
        Shares of the unit's cost that capital, and loss and obsolescence, take a year; of
        the price that the marketplace takes where no channel choice says better.
    """
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
    margins = _contributions(dataset)
    prices = _prices(dataset)
    count = len(keys)
    short, held, left, value, volume, given = (np.full(count, np.nan) for _ in range(6))
    known = np.zeros(count, dtype=np.bool_)
    margin_from: list[str] = []
    ends_on: list[date | None] = []
    for i, (item, location) in enumerate(keys):
        row: dict[str, Any] = items.get(item, {})
        cost = row.get("unit_cost")
        value[i] = cost if cost is not None else bought_at[i]
        volume[i] = _volume_m3(row)
        beyond = row.get("lost_sale_cost") or 0.0
        if (item, location) in margins:
            short[i], known[i] = margins[item, location] + beyond, True
            margin_from.append("contribution of the channel")
        else:
            price, share = prices.get((item, location), (row.get("price"), referral_share))
            if price is not None:
                short[i], known[i] = price * (1 - share) - value[i] + beyond, True
                margin_from.append(f"price {price:.2f} less {share:.0%} fee and unit cost")
            else:
                margin_from.append("no price known")
        storage = (places.get(location, {}).get("storage_cost_per_m3_month") or 0.0) * volume[i]
        yearly = (capital_share_per_year + risk_share_per_year) * value[i] + 12.0 * storage
        held[i] = yearly / DAYS_PER_YEAR
        if row.get("ends_on") is not None or row.get("status") in ("phase_out", "ended"):
            left[i] = value[i] - (row.get("salvage_value") or 0.0)
        ends_on.append(row.get("ends_on"))
        if row.get("service_level_share") is not None:
            given[i] = row["service_level_share"]
    return UnitCosts(
        short, held, left, value, volume, given, known, tuple(margin_from), tuple(ends_on)
    )


def _volume_m3(row: dict[str, Any]) -> float:
    sides = (row.get("length_cm"), row.get("width_cm"), row.get("height_cm"))
    return float(np.prod([side or 0.0 for side in sides])) / 1e6


def _contributions(dataset: Dataset) -> dict[tuple[str, str], float]:
    """Return the contribution of a unit by item and place, of the best channel it serves."""
    found = (
        dataset["channel_choices"]
        .filter(pl.col("eligible") & pl.col("contribution").is_not_null())
        .join(dataset["channels"].select("channel", "location"), on="channel")
        .group_by("item", "location")
        .agg(pl.col("contribution").max())
    )
    return {(item, place): value for item, place, value in found.iter_rows()}


def _prices(dataset: Dataset) -> dict[tuple[str, str], tuple[float, float]]:
    """Return price and referral share by item and place, means over the channels it serves."""
    offers = (
        dataset["offers"]
        .filter(pl.col("active"))
        .join(dataset["channels"].select("channel", "location", "referral_applies"), on="channel")
        .join(dataset["items"].select("item", pl.col("price").alias("list_price")), on="item")
        .with_columns(pl.coalesce("price", "list_price").alias("price"))
        .filter(pl.col("price").is_not_null())
        .group_by("item", "location")
        .agg(pl.col("price").mean(), pl.col("referral_applies").any())
    )
    return {
        (item, place): (price, 0.15 if referral else 0.0)
        for item, place, price, referral in offers.iter_rows()
    }
