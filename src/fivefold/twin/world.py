"""What reality would do: draws of demand, lead times, yield and returns, apart from any forecast.

The draws never see the plan's own forecast: demand is replayed from cleaned history by level,
season and weekday with its own scatter, so that a plan is not marked by the model that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.model import Dataset

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Days of history that set the level of a stream.
LEVEL_DAYS = 91


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandModel:
    """Daily demand of every stream as reality would draw it.

    Parameters
    ----------
    streams : polars.DataFrame
        item, location; one row a stream, sorted.
    mean_units : ndarray, shape (n_streams, n_days)
        Expected units of each day.
    variance_ratio : ndarray, shape (n_streams,)
        Variance over mean of a day's demand, at least 1.
    level_sd : ndarray, shape (n_streams,)
        Standard deviation of the logarithm of the level over the whole horizon.
    shock_sd : float
        The same for a shock that all streams share.
    """

    streams: pl.DataFrame
    mean_units: Floats
    variance_ratio: Floats
    level_sd: Floats
    shock_sd: float

    def times(self, factors: Sequence[float]) -> DemandModel:
        """Return the model with the mean of each stream, shape (n_streams,), times a factor."""
        return replace(self, mean_units=self.mean_units * np.asarray(factors)[:, None])

    def draw(self, rng: np.random.Generator, *, factor: float = 1.0) -> Integers:
        """Return units wanted, shape (n_streams, n_days), for one replication."""
        streams, days = self.mean_units.shape
        shock = rng.normal(0.0, self.shock_sd)
        level = rng.normal(0.0, 1.0, size=streams) * self.level_sd
        scale = np.exp(level + shock - (self.level_sd**2 + self.shock_sd**2) / 2)
        mean = self.mean_units * scale[:, None] * factor
        excess = np.maximum(self.variance_ratio - 1.0, 1e-3)[:, None]
        # A negative binomial is a Poisson whose rate is gamma: shape mean/excess, scale excess.
        rate = rng.gamma(np.maximum(mean, 1e-12) / excess, 1.0, size=(streams, days)) * excess
        return rng.poisson(np.where(mean > 0, rate, 0.0)).astype(np.int64)


def demand_model(dataset: Dataset, *, as_of: date, days: int) -> DemandModel:
    """Return how demand would go on from cleaned history.

    Parameters
    ----------
    dataset : Dataset
        With sales_history (item, location, date, units, in_stock_share) and items.
    as_of : date
        First day drawn.
    days : int
        Days drawn.

    Notes
    -----
    Mean = level × season × weekday. The level is the mean of the last 91 days on which the
    item could be bought, shrunk to that of the last year; the season is the week-of-year
    profile of the item's category over the last two years; the weekday profile is shared by all.
    Scatter: variance over mean of weekly units around level × season. Level uncertainty: spread
    of the ratio of one quarter's mean to the one before.
    """
    history = _in_stock_history(dataset, as_of)
    streams = history.select("item", "location").unique().sort("item", "location")
    if streams.height == 0:
        return DemandModel(
            streams=streams,
            mean_units=np.zeros((0, days)),
            variance_ratio=np.ones(0),
            level_sd=np.zeros(0),
            shock_sd=0.0,
        )
    season = _season_by_category(history)
    level = _levels(history, streams, season, as_of)
    weekday = _weekday_profile(history)
    mean = np.empty((streams.height, days))
    rows = _season_rows(streams, dataset, season)
    for offset in range(days):
        day = as_of + timedelta(days=offset)
        mean[:, offset] = level * rows[:, _week(day)] * weekday[day.weekday()]
    mean *= _on_sale(streams, dataset, as_of, days)
    ratio, level_sd = _scatter(history, streams)
    return DemandModel(
        streams=streams, mean_units=mean, variance_ratio=ratio, level_sd=level_sd, shock_sd=0.05
    )


def _week(day: date) -> int:
    """Return the week of the year, 0 to 52, counted from 1 January."""
    return min(52, (day.timetuple().tm_yday - 1) // 7)


def _in_stock_history(dataset: Dataset, as_of: date) -> pl.DataFrame:
    """Return the last two years of days on which an item could be bought, with its category."""
    categories = dataset["items"].select("item", pl.col("category").fill_null(""))
    return (
        dataset["sales_history"]
        .filter(
            (pl.col("date") < as_of)
            & (pl.col("date") >= as_of - timedelta(days=730))
            & (pl.col("in_stock_share").fill_null(1.0) > 0.5)
        )
        .join(categories, on="item", how="left")
        .with_columns(
            category=pl.col("category").fill_null(""),
            week=((pl.col("date").dt.ordinal_day() - 1) // 7).clip(upper_bound=52),
        )
    )


def _season_by_category(history: pl.DataFrame) -> dict[str, Floats]:
    """Return, for each category, mean 1 over the year, a factor for each of 53 weeks.

    Each item is scaled to its own mean first, so that a launch does not look like a season.
    """
    profiles: dict[str, Floats] = {}
    scaled = history.with_columns(
        share=pl.col("units") / pl.col("units").mean().over("item", "location").clip(1e-9),
        weight=pl.col("units").mean().over("item", "location"),
    )
    weekly = scaled.group_by("category", "week").agg(
        factor=(pl.col("share") * pl.col("weight")).sum() / pl.col("weight").sum().clip(1e-9),
        days=pl.len(),
    )
    for (category,), rows in weekly.partition_by("category", as_dict=True).items():
        factor = np.ones(53)
        factor[rows["week"].to_numpy()] = rows["factor"].to_numpy()
        padded = np.concatenate([factor[-1:], factor, factor[:1]])
        smooth = np.convolve(padded, [0.25, 0.5, 0.25], mode="valid")
        profiles[str(category)] = smooth / max(smooth.mean(), 1e-9)
    return profiles


def _season_rows(streams: pl.DataFrame, dataset: Dataset, season: dict[str, Floats]) -> Floats:
    category = dict(dataset["items"].select("item", pl.col("category").fill_null("")).iter_rows())
    flat = np.ones(53)
    return np.stack([season.get(category.get(item, ""), flat) for item in streams["item"]])


def _levels(
    history: pl.DataFrame, streams: pl.DataFrame, season: dict[str, Floats], as_of: date
) -> Floats:
    """Return deseasonalised mean units a day of each stream."""
    factors = pl.DataFrame(
        [
            {"category": category, "week": week, "factor": float(factor)}
            for category, profile in season.items()
            for week, factor in enumerate(profile)
        ],
        schema={"category": pl.String, "week": pl.Int64, "factor": pl.Float64},
    )
    flat = history.with_columns(pl.col("week").cast(pl.Int64)).join(
        factors, on=["category", "week"], how="left"
    )
    recent = pl.col("date") >= as_of - timedelta(days=LEVEL_DAYS)
    year = pl.col("date") >= as_of - timedelta(days=364)
    sums = flat.group_by("item", "location").agg(
        near=pl.col("units").filter(recent).sum() / pl.col("factor").filter(recent).sum(),
        near_days=pl.col("units").filter(recent).len(),
        far=pl.col("units").filter(year).sum() / pl.col("factor").filter(year).sum(),
    )
    # A quarter in stock speaks for itself; a few days in stock lean on the year.
    weight = pl.col("near_days") / (pl.col("near_days") + 28)
    level = sums.with_columns(
        level=pl.when(pl.col("near").is_nan() | pl.col("near").is_null())
        .then(pl.col("far"))
        .otherwise(
            weight * pl.col("near")
            + (1 - weight) * pl.when(pl.col("far").is_nan()).then(pl.col("near")).otherwise("far")
        )
    )
    joined = streams.join(level, on=["item", "location"], how="left")
    return joined["level"].fill_null(0.0).fill_nan(0.0).to_numpy().copy()


def _weekday_profile(history: pl.DataFrame) -> Floats:
    daily = (
        history.group_by(pl.col("date").dt.weekday().alias("weekday"))
        .agg(pl.col("units").mean())
        .sort("weekday")
    )
    if daily.height == 0:
        return np.ones(7)
    # A weekday nobody kept a record of is taken for an ordinary one.
    profile = np.full(7, float(daily["units"].to_numpy().mean()))
    profile[daily["weekday"].to_numpy() - 1] = daily["units"].to_numpy()
    return np.asarray(profile / max(profile.mean(), 1e-9))


def _on_sale(streams: pl.DataFrame, dataset: Dataset, as_of: date, days: int) -> Floats:
    """Return 1 while an item is on sale and 0 once it has ended."""
    items = dataset["items"].select("item", "status", "ends_on", "launched_on")
    rows = streams.join(items, on="item", how="left")
    mask = np.ones((streams.height, days))
    for row, (status, ends_on, launched_on) in enumerate(
        rows.select("status", "ends_on", "launched_on").iter_rows()
    ):
        if status == "ended":
            mask[row] = 0.0
        if ends_on is not None:
            mask[row, max(0, (ends_on - as_of).days + 1) :] = 0.0
        if launched_on is not None:
            mask[row, : max(0, (launched_on - as_of).days)] = 0.0
    return mask


def _scatter(history: pl.DataFrame, streams: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return variance over mean of a day, and the spread of a quarter's level to the next."""
    keys = ["item", "location"]
    daily = history.with_columns(
        quarter=(pl.col("date") - pl.date(2000, 1, 1)).dt.total_days() // 91,
    )
    within = (
        daily.group_by(*keys, "quarter")
        .agg(mean=pl.col("units").mean(), var=pl.col("units").var(), days=pl.len())
        .filter(pl.col("days") >= 28)
        .sort(*keys, "quarter")
    )
    ratio = within.group_by(keys).agg(
        ratio=(pl.col("var") * pl.col("days")).sum()
        / (pl.col("mean") * pl.col("days")).sum().clip(1e-9)
    )
    steps = within.with_columns(
        step=((pl.col("mean") + 0.05) / (pl.col("mean").shift(1).over(keys) + 0.05)).log()
    ).drop_nulls("step")
    spread_of_all = steps["step"].to_numpy().std(ddof=1) if steps.height > 1 else 0.2
    pooled = float(spread_of_all) or 0.2
    spread = steps.group_by(keys).agg(sd=pl.col("step").std(), count=pl.len())
    joined = streams.join(ratio, on=keys, how="left").join(spread, on=keys, how="left")
    own = joined["sd"].fill_null(pooled).fill_nan(pooled).to_numpy()
    count = joined["count"].fill_null(0).to_numpy()
    # Season and noise of a short count stand in a quarter's step too: half of it is level.
    level_sd = 0.5 * np.sqrt((count * own**2 + 4 * pooled**2) / (count + 4))
    return (
        np.clip(joined["ratio"].fill_null(1.0).fill_nan(1.0).to_numpy(), 1.001, 50.0),
        np.clip(level_sd, 0.05, 0.6),
    )


def lead_time_days(uniforms: Floats, *, mean: Floats | float, sd: Floats | float) -> Integers:
    """Return whole days of lead time, gamma with the given mean and deviation.

    Parameters
    ----------
    uniforms : ndarray
        Draws from (0, 1); the same draw gives the same luck to every policy.
    mean, sd : float or ndarray
        Days. A deviation of zero gives the mean.
    """
    from scipy.stats import gamma

    mean_days = np.asarray(mean, dtype=float)
    sd_days = np.asarray(sd, dtype=float)
    varied = (sd_days > 0) & (mean_days > 0)
    safe_mean = np.where(varied, mean_days, 1.0)
    safe_sd = np.where(varied, sd_days, 1.0)
    drawn = gamma.ppf(uniforms, (safe_mean / safe_sd) ** 2, scale=safe_sd**2 / safe_mean)
    return np.maximum(0, np.rint(np.where(varied, drawn, mean_days))).astype(np.int64)
