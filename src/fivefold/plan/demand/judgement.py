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
        item, location, period_start, units; columns besides tell periods apart further.

    Returns
    -------
    polars.DataFrame
        step, wape, bias, value_added: the fall of wape against the step before; negative
        means that the step did harm.
    """
    keys = [name for name in actual.columns if name != "units"]
    rows: list[dict[str, object]] = []
    before: float | None = None
    for name, table in steps.items():
        both = actual.join(table, on=keys, how="inner").sort(keys)
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


def track_records(record: pl.DataFrame) -> pl.DataFrame:
    """Return how each source did where it spoke, for each stream and in all.

    Parameters
    ----------
    record : polars.DataFrame
        source, item, location, said, came; one row per past span of time. [units]

    Returns
    -------
    polars.DataFrame
        source, item, location, spans, wape, bias; item and location null over all of a source.
    """
    error, whole = pl.col("said") - pl.col("came"), pl.col("came").sum()
    told = [
        pl.len().cast(pl.Int64).alias("spans"),
        pl.when(whole > 0).then(error.abs().sum() / whole).alias("wape"),
        pl.when(whole > 0).then(error.sum() / whole).alias("bias"),
    ]
    each = record.group_by("source", "item", "location").agg(told)
    over = record.group_by("source").agg(told)
    return pl.concat([each, over], how="diagonal").sort(
        "source", "item", "location", nulls_last=True
    )


def consensus_weights(
    streams: pl.DataFrame, record: pl.DataFrame, *, believed_spans: float = 6.0
) -> pl.DataFrame:
    """Return what each source weighs for each stream, by how wrong it was before.

    Parameters
    ----------
    streams : polars.DataFrame
        source, item, location: who is to be weighed for what.
    record : polars.DataFrame
        source, item, location, scale, said, came; one row per past span. Errors are counted
        in `scale`, the usual demand of such a span, so that large streams do not drown small
        ones.
    believed_spans : float
        Spans of time for which a source is taken to be as good as all together, and a source
        on a stream as good as it is elsewhere, before its own record counts.

    Returns
    -------
    polars.DataFrame
        source, item, location, weight: the weights of a stream sum to 1.

    Notes
    -----
    Weights are inverse to the mean squared error [2]_, errors taken to be independent (eq. 5
    of Bates and Granger with a correlation of zero). Means of few errors are drawn to those of
    the wider circle, so that without any record all weigh alike.
    """
    square = ((pl.col("said") - pl.col("came")) / pl.col("scale")) ** 2
    judged = record.filter(pl.col("scale") > 0).with_columns(square.alias("square"))
    spans, total = float(judged.height), float(judged["square"].sum())
    overall = total / spans if spans else 1.0
    # Nobody is ever wholly right: even who was so far is a little wrong.
    overall = max(overall, 1e-6)
    by_source = judged.group_by("source").agg(
        pl.col("square").sum().alias("source_total"), pl.len().alias("source_spans")
    )
    keys = ["source", "item", "location"]
    by_stream = judged.group_by(keys).agg(
        pl.col("square").sum().alias("own_total"), pl.len().alias("own_spans")
    )
    own = (
        streams.select(keys)
        .unique()
        .join(by_source, on="source", how="left")
        .join(by_stream, on=keys, how="left")
        .with_columns(pl.col("source_total", "source_spans", "own_total", "own_spans").fill_null(0))
    )
    of_source = (pl.col("source_total") + believed_spans * overall) / (
        pl.col("source_spans") + believed_spans
    )
    of_stream = (pl.col("own_total") + believed_spans * pl.col("of_source")) / (
        pl.col("own_spans") + believed_spans
    )
    return (
        own.with_columns(of_source.alias("of_source"))
        .with_columns((1.0 / of_stream).alias("raw"))
        .with_columns(
            (pl.col("raw") / pl.col("raw").sum().over("item", "location")).alias("weight")
        )
        .select(*keys, "weight")
        .sort("item", "location", "source")
    )


def consensus(opinions: pl.DataFrame) -> pl.DataFrame:
    """Return one forecast out of several sources' by their weights.

    Parameters
    ----------
    opinions : polars.DataFrame
        source, item, location, period_start, units_mean, weight; weights need not sum to 1,
        so that who is silent about a period is left out of it.

    Returns
    -------
    polars.DataFrame
        item, location, period_start, units_mean, sources (how many).
    """
    product = pl.col("units_mean") * pl.col("weight")
    return (
        opinions.group_by(PERIOD_KEY)
        .agg(
            (product.sum() / pl.col("weight").sum()).alias("units_mean"),
            pl.col("source").n_unique().alias("sources"),
        )
        .sort(PERIOD_KEY)
    )
