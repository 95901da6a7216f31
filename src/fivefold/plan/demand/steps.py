"""The steps a forecast is made in, kept so that each can be judged by what came.

Naive, statistical, consensus, overridden: what each step adds over the one before is forecast
value added (Gilliland 2010, *The Business Forecasting Deal*, chapter 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from fivefold.calendars import Periods
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.demand import judgement
from fivefold.plan.demand.cleaning import clean
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.history import KEY, daily_demand

#: Steps in the order in which they are made, with the column each is kept in.
STEPS = {
    "naive": "units_naive",
    "statistical": "units_statistical",
    "consensus": "units_consensus",
    "overridden": "units_overridden",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepParams:
    """Which forecasts are judged.

    Parameters
    ----------
    lead_days : int
        Periods that begin at most so long after the day of the forecast. [days]
    """

    lead_days: int = 91

    def __post_init__(self) -> None:
        if self.lead_days < 1:
            raise ValueError(f"lead_days must be at least 1, found {self.lead_days}")


def naive_paths(wanted: Floats, *, season: int, horizon: int) -> Floats:
    """Return what came a season before each period ahead, else the last that came.

    Parameters
    ----------
    wanted : ndarray, shape (n_series, n_past)
        Demand by period, NaN before a series begins.
    season, horizon : int
        In periods.

    Examples
    --------
    >>> naive_paths(np.array([[1.0, 2.0, 3.0], [np.nan, 5.0, 6.0]]), season=3, horizon=4).tolist()
    [[1.0, 2.0, 3.0, 1.0], [6.0, 5.0, 6.0, 6.0]]
    """
    last = wanted[:, -1:]
    if wanted.shape[1] < season:
        return np.repeat(last, horizon, axis=1)
    found = wanted[:, -season:][:, np.arange(horizon) % season]
    return np.where(np.isfinite(found), found, last)


def steps_table(
    keys: pl.DataFrame, paths: dict[str, Floats], periods: Periods, *, as_of: date
) -> pl.DataFrame:
    """Return `forecast_steps` of one forecast; `paths` by column, rows as in `keys`."""
    starts = pl.DataFrame({"period_start": periods.starts()})
    return (
        keys.join(starts, how="cross")
        .with_columns(
            pl.lit(as_of).alias("made_on"),
            pl.lit(periods.days, pl.Int64).alias("period_days"),
            *[pl.Series(name, path.ravel()).fill_nan(None) for name, path in paths.items()],
        )
        .select(schema("forecast_steps").names)
        .sort("item", "location", "period_start")
    )


def judge_steps(dataset: Dataset, params: StepParams | None = None, *, as_of: date) -> Outcome:
    """Return what each step of past forecasts added, against the demand that came.

    Parameters
    ----------
    dataset : Dataset
        Reads forecast_steps of past days, items and what `daily_demand` reads.
    params : StepParams, optional
    as_of : date
        First day that is not known yet: only periods that ended before it are judged.

    Returns
    -------
    Outcome
        Table forecast_value_added, of all items and by category. Infeasible where no period
        of a kept forecast is over.

    Notes
    -----
    All steps are judged by the same periods: those for which every step said something.
    Demand is what was wanted, days out of stock made up for, as the forecast is of that.
    """
    chosen = params or StepParams()
    ends = pl.col("period_start") + pl.duration(days=pl.col("period_days"))
    ahead = (pl.col("period_start") - pl.col("made_on")).dt.total_days()
    steps = (
        dataset["forecast_steps"]
        .filter((ends <= as_of) & (ahead >= 0) & (ahead <= chosen.lead_days))
        .drop_nulls("units_naive")
    )
    came = _came(dataset, steps, as_of)
    both = steps.join(came, on=[*KEY, "period_start", "period_days"], how="inner").join(
        dataset["items"].select("item", pl.col("category").fill_null("–")), on="item", how="left"
    )
    if both.height == 0:
        reason = Reason(
            subject="forecast_value_added",
            reason_code="infeasible",
            text="No period of a kept forecast is over yet: what came is not known.",
        )
        return Outcome(
            tables={"forecast_value_added": schema("forecast_value_added").empty()},
            status="infeasible",
            explanations=explanations_frame([reason]),
        )
    groups = [("", both), *sorted((str(k[0]), p) for k, p in _by_category(both))]
    rows = pl.concat([_judged(category, part) for category, part in groups])
    days = both["made_on"].unique().sort().to_list()
    return Outcome(
        tables={"forecast_value_added": rows},
        notes={"forecasts": len(days), "first": days[0], "last": days[-1]},
    )


def _by_category(both: pl.DataFrame) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    return list(both.partition_by("category", as_dict=True).items())


def _came(dataset: Dataset, steps: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Units wanted in each period that is judged; none where a day of it is not known."""
    asked = steps.select(*KEY, "period_start", "period_days").unique()
    daily = daily_demand(dataset, as_of=as_of)
    if asked.height == 0 or daily.height == 0:
        return asked.head(0).with_columns(pl.lit(None, pl.Float64).alias("units"))
    cleaned = clean(daily, as_of=as_of)
    uncut = cleaned.uncut()
    begun = np.isnan(uncut).sum(axis=1)
    total = np.pad(np.cumsum(np.nan_to_num(uncut), axis=1), ((0, 0), (1, 0)))
    found = asked.join(cleaned.keys.with_row_index("row"), on=KEY, how="inner")
    row = found["row"].to_numpy()
    first = (found["period_start"] - cleaned.first).dt.total_days().to_numpy()
    last = first + found["period_days"].to_numpy()
    known = (first >= begun[row]) & (last < total.shape[1])
    units = np.full(len(row), np.nan)
    units[known] = total[row[known], last[known]] - total[row[known], first[known]]
    return (
        found.with_columns(pl.Series("units", units).fill_nan(None)).drop_nulls("units").drop("row")
    )


def _judged(category: str, both: pl.DataFrame) -> pl.DataFrame:
    """Return the steps of one group."""
    keys = [*judgement.PERIOD_KEY, "made_on"]
    tables = {
        name: both.select(*keys, pl.col(column).alias("units_mean"))
        for name, column in STEPS.items()
    }
    added = judgement.value_added(tables, both.select(*keys, "units"))
    columns = list(STEPS.values())
    changed = [both.height] + [
        both.filter((pl.col(after) - pl.col(before)).abs() > 1e-6).height
        for before, after in pairwise(columns)
    ]
    return added.with_columns(
        pl.lit(category).alias("category"),
        pl.lit(both.height, pl.Int64).alias("periods"),
        pl.Series("changed", changed, dtype=pl.Int64),
    ).select(schema("forecast_value_added").names)
