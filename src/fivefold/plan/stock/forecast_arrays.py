"""The forecast as arrays: one row a place, one column a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import next_monday
from fivefold.maths.distributions import moments_of_quantiles
from fivefold.model.dataset import Dataset

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Demand:
    """Forecast demand by place and period: keys, starts of periods, mean and sd of each."""

    keys: list[tuple[str, str]]
    starts: list[date]
    days: int
    mean: FloatArray
    sd: FloatArray

    def units_per_week(self) -> dict[str, float]:
        """Return the mean demand of each item a week, over all places."""
        weekly: dict[str, float] = {}
        for (item, _), mean in zip(self.keys, self.mean.mean(axis=1), strict=True):
            weekly[item] = weekly.get(item, 0.0) + float(mean) * 7.0 / self.days
        return weekly


def read_demand(dataset: Dataset, as_of: date) -> Demand | None:
    """Return the forecast as arrays; None where there is none."""
    first = next_monday(as_of)
    means = (
        dataset["forecast_means"]
        .filter(pl.col("period_start") >= first)
        .select("item", "location", "period_start", "units_mean", "units_sd")
    )
    quantiles = dataset["forecasts"].filter(pl.col("period_start") >= first)
    if quantiles.height:
        means = _fill_from_quantiles(means, quantiles)
    if means.height == 0:
        return None
    starts = means["period_start"].unique().sort().to_list()
    days = (starts[1] - starts[0]).days if len(starts) > 1 else 7
    pairs = means.select("item", "location").unique().sort("item", "location")
    keys = [(item, location) for item, location in pairs.iter_rows()]
    coded = means.join(pairs.with_row_index("row"), on=["item", "location"]).join(
        pl.DataFrame({"period_start": starts}).with_row_index("column"), on="period_start"
    )
    mean = np.zeros((len(keys), len(starts)))
    # Where nothing is known of the error, demand is taken to come as in a Poisson process.
    sd = np.zeros_like(mean)
    rows, columns = coded["row"].to_numpy(), coded["column"].to_numpy()
    mean[rows, columns] = coded["units_mean"].to_numpy()
    told = coded.select(pl.col("units_sd").fill_null(pl.col("units_mean").sqrt()))
    sd[rows, columns] = told["units_sd"].to_numpy()
    return Demand(keys, starts, days, mean, sd)


def _fill_from_quantiles(means: pl.DataFrame, quantiles: pl.DataFrame) -> pl.DataFrame:
    """Return means with rows and deviations that only the quantiles know."""
    key = ["item", "location", "period_start"]
    lacking = quantiles.join(
        means.filter(pl.col("units_sd").is_not_null()).select(key), on=key, how="anti"
    )
    if lacking.height == 0:
        return means
    wide = lacking.sort("quantile").pivot("quantile", index=key, values="units")
    levels = sorted(float(name) for name in wide.columns if name not in key)
    names = sorted((name for name in wide.columns if name not in key), key=float)
    wide = wide.drop_nulls(names)
    if len(levels) < 2 or wide.height == 0:
        return means
    mean, sd = moments_of_quantiles(levels, wide.select(names).to_numpy())
    fitted = wide.select(key).with_columns(
        pl.Series("fitted_mean", mean), pl.Series("fitted_sd", sd)
    )
    return means.join(fitted, on=key, how="full", coalesce=True).select(
        *key,
        pl.coalesce("units_mean", "fitted_mean").alias("units_mean"),
        pl.coalesce("units_sd", "fitted_sd").alias("units_sd"),
    )
