"""Demand expected per item, place and period, as quantiles, with the reasons.

The order of calls only; each step stands in its own module: history, cleaning, panel,
newcomers, judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import Periods, next_monday
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.demand import accuracy
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.history import KEY, daily_demand
from fivefold.plan.demand.panel import PanelForecast, forecast_panel

#: 0.05 to 0.95 and the tails that stock for costly shortages needs.
LEVELS = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandParams:
    """What a forecast is to cover.

    Parameters
    ----------
    start : date, optional
        First day of the first period; the first Monday on or after `as_of` by default.
    period_days : int
        Length of a period: 1, 7, 28 or 30 as a rule. [days]
    periods : int
        How many periods ahead.
    levels : tuple of float
        Quantile levels, rising, each between 0 and 1.
    origins : int
        Past origins of the back-test.
    history_days : int
        How much history is read at most. [days]
    """

    start: date | None = None
    period_days: int = 7
    periods: int = 26
    levels: tuple[float, ...] = LEVELS
    origins: int = 3
    history_days: int = 1100

    def __post_init__(self) -> None:
        if self.period_days < 1:
            raise ValueError(f"period_days must be at least 1, found {self.period_days}")
        if self.periods < 1:
            raise ValueError(f"periods must be at least 1, found {self.periods}")
        if self.origins < 1:
            raise ValueError(f"origins must be at least 1, found {self.origins}")
        if self.history_days < 28:
            raise ValueError(f"history_days must be at least 28, found {self.history_days}")
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if not self.levels or not rising or self.levels[0] <= 0 or self.levels[-1] >= 1:
            raise ValueError(f"levels must rise between 0 and 1, found {self.levels}")

    def horizon(self, as_of: date) -> Periods:
        """Return the periods to forecast."""
        start = self.start or next_monday(as_of)
        return Periods(start=start, days=self.period_days, count=self.periods)


DEFAULT = DemandParams()


def season_of(period_days: int) -> int:
    """Return how many periods make a season: a week of days, a year of longer periods.

    >>> season_of(1), season_of(7), season_of(30)
    (7, 52, 12)
    """
    return 7 if period_days < 7 else max(1, round(365.25 / period_days))


def forecast(
    dataset: Dataset,
    params: DemandParams = DEFAULT,
    *,
    as_of: date,
    rng: np.random.Generator | None = None,
) -> Outcome:
    """Return demand forecasts per item, place and period.

    Parameters
    ----------
    dataset : Dataset
        Reads what `daily_demand` reads.
    params : DemandParams
    as_of : date
        First day that is not history.
    rng : numpy.random.Generator, optional
        Not needed: nothing here is random. Taken so that all engines are called alike.

    Returns
    -------
    Outcome
        Tables forecasts, forecast_means, forecast_accuracy; explanations with subjects
        `forecast:ITEM@LOCATION`. Infeasible where there is no demand to learn from.
    """
    del rng
    daily = daily_demand(dataset, as_of=as_of).filter(
        pl.col("date") >= as_of - timedelta(days=params.history_days)
    )
    periods = params.horizon(as_of)
    if daily.height == 0 or periods.start < as_of:
        return _no_answer(daily, periods, as_of)
    keys, values, starts = blocks(daily, as_of=as_of, days=params.period_days)
    gap = (periods.start - as_of).days
    horizon = periods.count + -(-gap // periods.days)
    made = forecast_panel(
        values,
        starts,
        season=season_of(params.period_days),
        horizon=horizon,
        levels=np.array(params.levels),
        loss="squared",
        origins=params.origins,
    )
    return _outcome(keys, made, periods, gap)


def blocks(
    daily: pl.DataFrame, *, as_of: date, days: int
) -> tuple[pl.DataFrame, Floats, NDArray[np.int64]]:
    """Return demand summed over blocks of `days` days that end the day before `as_of`.

    A block that begins before the first day of its series is left out unless it is the only
    one. Returns the keys, the values end to end and where each series starts.
    """
    back = (pl.lit(as_of) - pl.col("date")).dt.total_days() - 1
    summed = (
        daily.with_columns((back // days).alias("block"))
        .group_by([*KEY, "block"])
        .agg(pl.col("units").sum().cast(pl.Float64), pl.len().alias("length"))
        .sort([*KEY, "block"], descending=[False, False, True])
        .filter((pl.col("length") == days) | (pl.col("block") == 0))
    )
    counted = summed.group_by(KEY, maintain_order=True).agg(pl.len().alias("count"))
    starts = np.concatenate([[0], np.cumsum(counted["count"].to_numpy())]).astype(np.int64)
    return counted.select(KEY), summed["units"].to_numpy().astype(float), starts


def shift(paths: Floats, *, gap: int, days: int, count: int) -> Floats:
    """Return forecasts by block after `as_of` as forecasts by period that starts `gap` days later.

    A period that lies across two blocks takes its share of each. Axis 1 is the horizon.

    >>> shift(np.array([[7.0, 14.0]]), gap=1, days=7, count=1).round(6).tolist()
    [[8.0]]
    """
    whole, part = divmod(gap, days)
    share = part / days
    first = paths[:, whole : whole + count]
    if part == 0:
        return first
    found: Floats = (1 - share) * first + share * paths[:, whole + 1 : whole + 1 + count]
    return found


def _no_answer(daily: pl.DataFrame, periods: Periods, as_of: date) -> Outcome:
    text = (
        f"The first period starts {periods.start}, before the plan's day {as_of}."
        if daily.height
        else "There is no sale to learn from: neither orders nor sales_history before this day."
    )
    reason = Reason(subject="forecast", reason_code="infeasible", text=text)
    return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))


def _outcome(keys: pl.DataFrame, made: PanelForecast, periods: Periods, gap: int) -> Outcome:
    count = periods.count
    mean = shift(made.mean, gap=gap, days=periods.days, count=count)
    sd = shift(made.sd, gap=gap, days=periods.days, count=count)
    quantiles = shift(made.quantiles, gap=gap, days=periods.days, count=count)
    methods = made.method_names()
    means = (
        _long(keys, periods)
        .with_columns(
            pl.Series("units_mean", mean.ravel()),
            pl.Series("units_sd", sd.ravel()),
            pl.Series("method", np.repeat(methods, count)),
        )
        .select(schema("forecast_means").names)
    )
    levels = made.levels
    forecasts = (
        _long(keys, periods)
        .select(pl.all().repeat_by(levels.size).explode())
        .with_columns(
            pl.Series("quantile", np.tile(levels, mean.size)),
            pl.Series("units", quantiles.ravel()),
        )
        .select(schema("forecasts").names)
    )
    return Outcome(
        tables={
            "forecasts": forecasts,
            "forecast_means": means,
            "forecast_accuracy": accuracy_table(keys, made),
        },
        explanations=explanations_frame(_reasons(keys, made, mean)),
        notes={"series": keys.height},
    )


def _long(keys: pl.DataFrame, periods: Periods) -> pl.DataFrame:
    starts = pl.DataFrame({"period_start": periods.starts()})
    return keys.join(starts, how="cross")


def accuracy_table(keys: pl.DataFrame, made: PanelForecast) -> pl.DataFrame:
    """Return how each method did at past origins, per item and place, and the one used.

    The row `combination` is what was used; single methods are chosen where they carry weight.
    """
    rows: list[dict[str, object]] = []
    scale = np.maximum(made.scales, 1e-9)
    for i, (item, location) in enumerate(keys.iter_rows()):
        actual = made.actual[i]
        known = np.isfinite(actual)
        if not known.any():
            continue
        total = np.abs(actual[known]).sum()
        paths = {"combination": made.tested[i]}
        for m in np.flatnonzero(made.weights[i] > 0.02):
            paths[made.methods[m]] = made.method_tested[i, :, m]
        for name, path in paths.items():
            error = (path - actual)[known]
            rows.append(
                {
                    "item": item,
                    "location": location,
                    "method": name,
                    "chosen": True,
                    "wape": float(np.abs(error).sum() / total) if total > 0 else None,
                    "bias": float(error.sum() / total) if total > 0 else None,
                    "mase": float(np.abs(error).mean() / scale[i]),
                }
            )
    return schema("forecast_accuracy").frame(rows)


def _reasons(keys: pl.DataFrame, made: PanelForecast, mean: Floats) -> list[Reason]:
    reasons = []
    names = made.method_names()
    for i, (item, location) in enumerate(keys.iter_rows()):
        known = np.isfinite(made.actual[i])
        error = (
            accuracy.wape(made.actual[i][known], made.tested[i][known]) if known.any() else np.nan
        )
        told = f", off by {error:.0%} in the back-test" if np.isfinite(error) else ""
        reasons.append(
            Reason(
                subject=f"forecast:{item}@{location}",
                reason_code="forecast_method",
                reference=names[i],
                quantity=float(mean[i].sum()),
                text=f"Demand is {made.kind[i]}; forecast by {names[i]}{told}.",
            )
        )
    return reasons
