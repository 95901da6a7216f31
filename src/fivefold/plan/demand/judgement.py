"""What people know and the past does not: overrides, their value, and a consensus of forecasts.

Pure functions over tables. An override has an author, a reason and a last day, so that
nobody's hunch outlives its cause; what each step adds is measured against the step before
(forecast value added [1]_); several forecasters are weighed by their record [2]_.

References
----------
.. [1] Gilliland (2010), *The Business Forecasting Deal*, ch. 4.
.. [2] Bates, Granger (1969), "The combination of forecasts", Operational Research Quarterly
   20, 451-468 (weights inverse to the squared error).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.plan.demand import accuracy

PERIOD_KEY = ["item", "location", "period_start"]


def active_overrides(overrides: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Return the overrides that hold on a day: made before, not expired."""
    return overrides.filter(
        (pl.col("made_on").is_null() | (pl.col("made_on") <= as_of))
        & (pl.col("expires_on").is_null() | (pl.col("expires_on") >= as_of))
    )


def override_factors(
    means: pl.DataFrame, overrides: pl.DataFrame, *, as_of: date, period_days: int
) -> pl.DataFrame:
    """Return by how much active overrides multiply each period's forecast.

    Parameters
    ----------
    means : polars.DataFrame
        As forecast_means.
    overrides : polars.DataFrame
        As forecast_overrides: action set (units a period), multiply or add, from `starts_on`
        up to and with `ends_on`; an empty location means all places, an addition is split
        over them in proportion.
    as_of : date
    period_days : int

    Returns
    -------
    polars.DataFrame
        item, location, period_start, units_before, units_after, factor, override, author,
        reason; one row per period changed. Overrides act in order of their name.
    """
    held = active_overrides(overrides, as_of=as_of).sort("override")
    state = means.select(*PERIOD_KEY, pl.col("units_mean").alias("units_before")).with_columns(
        pl.col("units_before").alias("units_after"),
        pl.lit(None, pl.String).alias("override"),
        pl.lit(None, pl.String).alias("author"),
        pl.lit(None, pl.String).alias("reason"),
    )
    last = pl.col("period_start") + pl.duration(days=period_days - 1)
    for row in held.iter_rows(named=True):
        hit = pl.col("item") == row["item"]
        if row["location"] is not None:
            hit = hit & (pl.col("location") == row["location"])
        if row["starts_on"] is not None:
            hit = hit & (last >= row["starts_on"])
        if row["ends_on"] is not None:
            hit = hit & (pl.col("period_start") <= row["ends_on"])
        units = pl.col("units_after")
        of_places = units.filter(hit).sum().over("period_start")
        count = hit.sum().over("period_start")
        share = pl.when(of_places > 0).then(units / of_places).otherwise(1.0 / count)
        value = float(row["value"])
        changed = {
            "set": share * value,
            "multiply": units * value,
            "add": (units + share * value).clip(lower_bound=0.0),
        }[row["action"]]
        state = state.with_columns(
            pl.when(hit).then(changed).otherwise(units).alias("units_after"),
            *[
                pl.when(hit).then(pl.lit(row[name], pl.String)).otherwise(pl.col(name)).alias(name)
                for name in ("override", "author", "reason")
            ],
        )
    before = pl.col("units_before")
    return state.filter(pl.col("override").is_not_null()).with_columns(
        pl.when(before > 0).then(pl.col("units_after") / before).otherwise(None).alias("factor")
    )


def value_added(steps: dict[str, pl.DataFrame], actual: pl.DataFrame) -> pl.DataFrame:
    """Return the error of each step of a forecast and what it added over the step before.

    Parameters
    ----------
    steps : dict of str to polars.DataFrame
        In the order in which they were made, such as naive, statistical, overridden; each
        with item, location, period_start, units_mean.
    actual : polars.DataFrame
        item, location, period_start, units.

    Returns
    -------
    polars.DataFrame
        step, wape, bias, value_added: the fall of wape against the step before; negative
        means that the step did harm.
    """
    rows: list[dict[str, object]] = []
    before: float | None = None
    for name, table in steps.items():
        both = actual.join(table, on=PERIOD_KEY, how="inner").sort(PERIOD_KEY)
        error = accuracy.wape(both["units"].to_numpy(), both["units_mean"].to_numpy())
        rows.append(
            {
                "step": name,
                "wape": error,
                "bias": accuracy.bias(both["units"].to_numpy(), both["units_mean"].to_numpy()),
                "value_added": None if before is None else before - error,
            }
        )
        before = error
    kinds = {"step": pl.String, "wape": pl.Float64, "bias": pl.Float64, "value_added": pl.Float64}
    return pl.DataFrame(rows, schema=kinds)


def consensus(
    opinions: pl.DataFrame, record: pl.DataFrame, *, believed_periods: float = 6.0
) -> pl.DataFrame:
    """Return one forecast out of several people's, weighed by how they did.

    Parameters
    ----------
    opinions : polars.DataFrame
        author, item, location, period_start, units_mean.
    record : polars.DataFrame
        author, units_mean (said), units (came), one row per past period.
    believed_periods : float
        Periods for which everybody is taken to be as good as the average before the own
        record counts.

    Returns
    -------
    polars.DataFrame
        item, location, period_start, units_mean, authors.

    Notes
    -----
    Weights are inverse to the mean squared error, errors taken to be independent.
    """
    errors = record.group_by("author").agg(
        ((pl.col("units_mean") - pl.col("units")) ** 2).sum().alias("total"), pl.len()
    )
    overall = float(errors["total"].sum()) / max(1, int(errors["len"].sum()))
    overall = overall if overall > 0 else 1.0
    weights = errors.select(
        "author",
        ((pl.col("len") + believed_periods) / (pl.col("total") + believed_periods * overall)).alias(
            "weight"
        ),
    )
    weighed = opinions.join(weights, on="author", how="left").with_columns(
        pl.col("weight").fill_null(1.0 / overall)
    )
    product = pl.col("units_mean") * pl.col("weight")
    return (
        weighed.group_by(PERIOD_KEY)
        .agg(
            (product.sum() / pl.col("weight").sum()).alias("units_mean"),
            pl.col("author").n_unique().alias("authors"),
        )
        .sort(PERIOD_KEY)
    )
