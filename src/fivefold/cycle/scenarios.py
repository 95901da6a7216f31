"""Datasets as they would be: a budget, a machine, a supplier changed. Pure; nothing is kept."""

from __future__ import annotations

import polars as pl

from fivefold.model import Dataset


def with_budget(dataset: Dataset, cash_per_week: float) -> Dataset:
    """Return the dataset with this much cash for purchases a week, in place of any other.

    Raises
    ------
    ValueError
        If the budget is negative.
    """
    if cash_per_week < 0:
        raise ValueError(f"cash_per_week must not be negative, found {cash_per_week}")
    rules = dataset["limits_rules"].filter(pl.col("kind") != "cash")
    rule = pl.DataFrame(
        {
            "limit": ["CASH"],
            "kind": ["cash"],
            "subject": [""],
            "amount_per_week": [float(cash_per_week)],
            "source": ["given for this plan"],
        }
    )
    return dataset.with_tables(
        limits_rules=pl.concat([rules, rule], how="diagonal"),
        limits=dataset["limits"].filter(pl.col("kind") != "cash"),
    )


def scale_demand(dataset: Dataset, factor: float) -> Dataset:
    """Return the dataset with every forecast, mean and quantile, times a factor."""
    if factor <= 0:
        raise ValueError(f"factor must be above 0, found {factor}")
    return dataset.with_tables(
        forecasts=dataset["forecasts"].with_columns(pl.col("units") * factor),
        forecast_means=dataset["forecast_means"].with_columns(
            pl.col("units_mean") * factor, pl.col("units_sd") * factor
        ),
    )
