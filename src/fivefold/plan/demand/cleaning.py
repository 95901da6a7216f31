"""What demand was, where the records show less or more: stock-outs and freak days.

A day without stock sells nothing whatever was wanted: its demand is censored, not zero
[1]_, and is estimated from the open days around it, by weekday. A single day far beyond
what the series and its neighbours do is drawn back to the edge of the plausible; days on
which the whole catalogue rose, promotions and lasting surges are left.

References
----------
.. [1] Nahmias (1994), "Demand estimation in lost sales inventory systems", Naval Research
   Logistics 41, 739-757.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.history import KEY

#: Days on either side from which the level of a day is taken; wider where few are open.
REACH_DAYS, WIDE_REACH_DAYS = 28, 120
#: Open days that make a level worth trusting.
ENOUGH_DAYS = 10
#: Standard deviations beyond which a lone day is a freak.
FREAK_SD = 6.0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Daily demand as it was wanted.

    `keys` names the rows; `first` is the date of column 0; `units` what was recorded and
    `wanted` what is believed, shape (n_series, n_days), NaN before a series begins;
    `censored` and `freak` flag the days that were changed; `price` and `promotion` as
    recorded.
    """

    keys: pl.DataFrame
    first: date
    units: Floats
    wanted: Floats
    censored: NDArray[np.bool_]
    freak: NDArray[np.bool_]
    price: Floats
    promotion: NDArray[np.bool_]

    def uncut(self) -> Floats:
        """Return what was wanted with its freak days: what means and quantiles answer for."""
        found: Floats = np.where(self.freak, self.units, self.wanted)
        return found


def clean(daily: pl.DataFrame, *, as_of: date) -> Cleaned:
    """Return demand as it was wanted, from the shape of sales_history with every day present.

    Parameters
    ----------
    daily : polars.DataFrame
        As `daily_demand` returns it.
    as_of : date
        First day that is not history.
    """
    keys = daily.select(KEY).unique(maintain_order=True)
    first = daily["date"].to_list()[int(daily["date"].arg_min() or 0)]
    days = (as_of - first).days
    row = daily.join(keys.with_row_index("row"), on=KEY, how="left", maintain_order="left")[
        "row"
    ].to_numpy()
    column = (daily["date"] - first).dt.total_days().to_numpy()
    shape = (keys.height, days)

    def grid(values: NDArray[np.generic], empty: float) -> Floats:
        found = np.full(shape, empty)
        found[row, column] = values
        return found

    units = grid(daily["units"].to_numpy().astype(float), np.nan)
    share = grid(daily["in_stock_share"].fill_null(1.0).to_numpy(), 1.0)
    price = grid(daily["price"].cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan)
    promotion = grid(daily["is_promotion"].to_numpy().astype(float), 0.0) > 0
    weekday = (np.arange(days) + first.weekday()) % 7
    sold = np.where(share < 0.999, np.nan, units)
    expected = _expected(sold, weekday)
    freak = _freaks(sold, expected, promotion)
    limit = _limit(sold, expected)
    calm = np.where(freak, np.minimum(sold, limit), sold)
    expected = _expected(calm, weekday)
    censored = np.isfinite(units) & (share < 0.999)
    wanted = np.where(freak, np.minimum(units, _limit(calm, expected)), units)
    lost = (1.0 - share) * np.nan_to_num(expected)
    wanted = np.where(censored, np.maximum(units, units + lost), wanted)
    return Cleaned(keys, first, units, wanted, censored, freak, price, promotion)


def _expected(sold: Floats, weekday: NDArray[np.int64]) -> Floats:
    """Level around each day from open days, times the weekday's factor."""
    factor = _weekday_factors(sold, weekday)[:, weekday]
    level_sum, count = _around(sold / factor, REACH_DAYS)
    wide_sum, wide_count = _around(sold / factor, WIDE_REACH_DAYS)
    known = np.isfinite(sold)
    whole = np.where(known, sold / factor, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    wide = np.where(wide_count >= ENOUGH_DAYS, wide_sum / np.maximum(wide_count, 1), whole[:, None])
    level = np.where(count >= ENOUGH_DAYS, level_sum / np.maximum(count, 1), wide)
    found: Floats = level * factor
    return found


def _weekday_factors(sold: Floats, weekday: NDArray[np.int64]) -> Floats:
    """Share of each weekday against the mean day, drawn to that of all series; (n_series, 7)."""
    totals = np.zeros((sold.shape[0], 7))
    counts = np.zeros((sold.shape[0], 7))
    for k in range(7):
        part = sold[:, weekday == k]
        counts[:, k] = np.isfinite(part).sum(axis=1)
        totals[:, k] = np.nansum(part, axis=1)
    overall = totals.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    overall = overall / overall.mean() if overall.mean() > 0 else np.ones(7)
    overall = np.maximum(overall, 0.05)
    mean = totals.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    believed = 30.0
    expected = mean * counts
    found: Floats = (totals + believed * overall) / (expected + believed)
    return np.maximum(found, 0.05)


def _around(values: Floats, reach: int) -> tuple[Floats, Floats]:
    """Sum and count of what is known within `reach` days of each day."""
    known = np.isfinite(values)
    n = values.shape[1]
    total = np.cumsum(np.pad(np.where(known, values, 0.0), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(known.astype(float), ((0, 0), (1, 0))), axis=1)
    low = np.maximum(np.arange(n) - reach, 0)
    high = np.minimum(np.arange(n) + reach + 1, n)
    return total[:, high] - total[:, low], count[:, high] - count[:, low]


def _limit(sold: Floats, expected: Floats) -> Floats:
    """The edge of the plausible: some standard deviations above what is expected."""
    error = np.where(np.isfinite(sold), (sold - expected) ** 2, np.nan)
    ratio = error / np.maximum(expected, 0.05)
    cap = np.nanquantile(np.nan_to_num(ratio, nan=0.0), 0.98, axis=1, keepdims=True)
    dispersion = np.maximum(
        1.0, np.where(np.isfinite(ratio), np.minimum(ratio, cap), 0.0).mean(axis=1, keepdims=True)
    )
    found: Floats = expected + FREAK_SD * np.sqrt(np.maximum(expected, 0.05) * dispersion) + 2.0
    return found


def _freaks(sold: Floats, expected: Floats, promotion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Lone days beyond the limit, without promotion, on days when the catalogue was calm."""
    beyond = np.isfinite(sold) & (sold > _limit(sold, expected)) & ~promotion
    if not beyond.any():
        return beyond
    total_sold = np.where(np.isfinite(sold) & ~beyond, sold, 0.0).sum(axis=0)
    total_expected = np.where(np.isfinite(sold) & ~beyond, expected, 0.0).sum(axis=0)
    busy = total_sold > 1.4 * np.maximum(total_expected, 1e-9)
    near_sum, near_count = _around(np.where(beyond, np.nan, sold), 2)
    surge = near_sum > 2.5 * np.maximum(expected, 0.2) * np.maximum(near_count, 1)
    neighbours = np.pad(beyond, ((0, 0), (1, 1)))
    repeated = neighbours[:, :-2] | neighbours[:, 2:]
    found: NDArray[np.bool_] = beyond & ~busy[None, :] & ~surge & ~repeated
    return found


def inherit(daily: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Give an item the history of the item it replaces, up to its own first day.

    The history of the replaced item stays with it too: its own forecast ends by its own
    status and last day.
    """
    heirs = items.filter(pl.col("replaces_item").is_not_null()).select(
        pl.col("item").alias("heir"), pl.col("replaces_item").alias("item"), "launched_on"
    )
    if heirs.height == 0:
        return daily
    own_first = (
        daily.filter(pl.col("units") > 0).group_by(KEY).agg(pl.col("date").min().alias("own_first"))
    )
    old = (
        daily.join(heirs, on="item", how="inner")
        .join(own_first.rename({"item": "heir"}), on=["heir", "location"], how="left")
        .with_columns(pl.coalesce("own_first", "launched_on").alias("until"))
        .filter(pl.col("until").is_null() | (pl.col("date") < pl.col("until")))
        .with_columns(pl.col("heir").alias("item"))
        .select(daily.columns)
    )
    kept = daily.join(old.select(*KEY, "date"), on=[*KEY, "date"], how="anti")
    return pl.concat([kept, old]).sort([*KEY, "date"])
