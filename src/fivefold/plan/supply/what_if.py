"""What if demand were otherwise: a dataset with its demand scaled, and what gives way first."""

from __future__ import annotations

import polars as pl

from fivefold.model import Dataset
from fivefold.model.outcome import Outcome


def scale_demand(dataset: Dataset, factor: float) -> Dataset:
    """Return the dataset with every forecast multiplied.

    Standard deviations grow with the root of the factor, as for demand that is a sum of more
    independent customers.

    Raises
    ------
    ValueError
        If the factor is negative.

    Examples
    --------
    >>> from datetime import date
    >>> row = {"item": "A", "location": "W", "period_start": date(2026, 11, 23), "units_mean": 10.0}
    >>> bag = Dataset({"forecast_means": pl.DataFrame([row])})
    >>> scale_demand(bag, 1.6)["forecast_means"]["units_mean"].to_list()
    [16.0]
    """
    if factor < 0:
        raise ValueError(f"factor must not be negative, found {factor}")
    means = dataset["forecast_means"].with_columns(
        pl.col("units_mean") * factor, pl.col("units_sd") * factor**0.5
    )
    quantiles = dataset["forecasts"].with_columns(pl.col("units") * factor)
    return dataset.with_tables(forecast_means=means, forecasts=quantiles)


def breaks_first(outcome: Outcome) -> dict[str, object]:
    """Return the first limit that binds at a price and the first demand not served.

    Returns
    -------
    dict
        `limit` (limit, kind, subject, period_start, amount, price) and `unmet` (item, location,
        period_start, units, reason_code, value), each None where nothing gives way.
    """
    bound = outcome["limit_prices"].filter(pl.col("price") > 0)
    priced = bound.sort(["period_start", "price", "limit"], descending=[False, True, False])
    unmet = outcome["unmet_demand"].sort(
        ["period_start", "value", "item", "location"], descending=[False, True, False, False]
    )
    limit = ("limit", "kind", "subject", "period_start", "amount", "price")
    return {
        "limit": priced.select(limit).row(0, named=True) if priced.height else None,
        "unmet": unmet.row(0, named=True) if unmet.height else None,
    }
