"""Series with a calendar and prices: Walmart and a web shop, and the M5 hierarchy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._forecast_scores import (
    Split,
    compare,
    figures,
    naive_forecasts,
    read_pair,
    reference,
    scored,
    split,
)
from benchmarks._form import DataMissingError, Measured, Options, cpu_timer, peer_of
from fivefold.plan.demand import SeriesParams, accuracy, forecast_series

M5_KEYS = ["store_id", "dept_id"]


def retail(options: Options) -> Measured:
    """Real retail: Walmart's weekly store-departments, then a web shop's daily items.

    The summary is Walmart's (the last 8 weeks, public holidays known ahead); the shop's, whose
    items are intermittent (the last 28 days), has `shop_` before its keys. With --data, only
    what is there.
    """
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    tables = _retail_tables(options)
    if not tables:
        raise DataMissingError("forecast: no train*.parquet of walmart2014 nor lines of a shop")
    for name, (held, params, season) in tables.items():
        with cpu_timer() as timer:
            found = forecast_series(held.known, params)
        assert params.horizon is not None
        some, scores = compare(
            held,
            found,
            season=season,
            horizon=params.horizon,
            scale_season=1,
            group=name,
            every=_every(held, options),
            models=["AutoTheta", "SeasonalNaive"],
            naive=["naive", "seasonal_naive"],
            cpu_s=timer.cpu_s,
        )
        rows += some
        own = figures(scores["fivefold"])
        count = held.known.select(held.keys).unique().height
        own |= {"cpu_s": timer.cpu_s, "series_per_cpu_s": count / timer.cpu_s}
        own["wape_seasonal_naive"] = figures(scores["seasonal_naive"])["wape"]
        prefix = "" if not summary else "shop_"
        summary |= {prefix + key: value for key, value in own.items()}
        peer |= {
            f"{name} {method}": {
                key: figures(table)[key] for key in ("series", "wape", "mase", "smape", "bias")
            }
            for method, table in scores.items()
            if method != "fivefold"
        }
    return Measured(rows=rows, summary=summary, peer=peer_of("statsforecast", peer))


def _every(held: Split, options: Options) -> int:
    """One series of so many is forecast by the reference library, too."""
    return max(1, held.known.select(held.keys).unique().height // (12 if options.quick else 60))


def _retail_tables(options: Options) -> dict[str, tuple[Split, SeriesParams, int]]:
    """The splits there is data for."""
    found = {}
    places = [options.folder("")] if options.data else [options.folder("walmart2014")]
    if not options.data and options.folder("").joinpath("online_retail").exists():
        places.append(options.folder("online_retail"))
    for place in places:
        files = [place] if place.is_file() else sorted(place.rglob("*.parquet"))
        for file in files:
            names = set(pl.read_parquet_schema(file))
            if {"Store", "Dept", "Weekly_Sales"} <= names and "test" not in file.name:
                found["walmart2014"] = _walmart(options, file)
            elif {"InvoiceNo", "StockCode", "Quantity"} <= names:
                found["online_retail"] = _shop(options, file)
    return found


def _walmart(options: Options, file: Path) -> tuple[Split, SeriesParams, int]:
    chosen = {"Store": "store", "Dept": "dept", "Date": "date", "Weekly_Sales": "sales"}
    train = pl.read_parquet(file).rename(chosen)
    beside = sorted(file.parent.glob("test*.parquet"))
    test = pl.read_parquet(beside[0]).rename(chosen) if beside else None
    if test is not None and "sales" not in test.columns:
        test = None
    if options.quick:
        train = train.filter(pl.col("store") % 5 == 1)
    keys = ["store", "dept"]
    end = train["date"].max()
    ends = train.group_by(keys).agg(pl.col("date").max().alias("last"), pl.len().alias("n"))
    alive = ends.filter((pl.col("last") == end) & (pl.col("n") >= 40)).select(keys)
    train = train.join(alive, on=keys, how="semi", maintain_order="left")
    held = split(
        train.select(*keys, "date", "sales"),
        None if test is None else test.select(*keys, "date", "sales"),
        keys=keys,
        time="date",
        value="sales",
        horizon=pl.lit(8),
    )
    return held, SeriesParams(horizon=8, season=52, country="US"), 52


def _shop(options: Options, file: Path) -> tuple[Split, SeriesParams, int]:
    """Units a day of every item sold at least 60 days before the last day, the last 28 held out."""
    lines = pl.read_parquet(file)
    sold = (
        lines.filter(
            (pl.col("Quantity") > 0)
            & (pl.col("UnitPrice") > 0)
            & ~pl.col("InvoiceNo").str.starts_with("C")
            & pl.col("StockCode").str.contains(r"^\d{5}")
        )
        .group_by(
            pl.col("StockCode").str.to_uppercase().alias("item"),
            pl.col("InvoiceDate").dt.date().alias("date"),
        )
        .agg(pl.col("Quantity").sum().cast(pl.Float64).alias("units"))
    )
    last = sold.select(pl.col("date").max()).item()
    first = sold.group_by("item").agg(pl.col("date").min().alias("first"))
    first = first.filter(pl.col("first") < last - timedelta(days=60)).sort("item")
    if options.quick:
        first = first[::4]
    table = (
        first.select("item", pl.date_ranges("first", pl.lit(last)).alias("date"))
        .explode("date")
        .join(sold, on=["item", "date"], how="left")
        .with_columns(pl.col("units").fill_null(0.0))
    )
    held = split(table, None, keys=["item"], time="date", value="units", horizon=pl.lit(28))
    return held, SeriesParams(horizon=28, season=7, country="GB"), 7


def m5_calendar(folder: Path) -> pl.DataFrame | None:
    """Events and benefit days by date and state, one column a kind of event."""
    found = sorted(folder.rglob("calendar.parquet"))
    if not found:
        return None
    table = pl.read_parquet(found[0]).with_columns(pl.col("date").cast(pl.String).str.to_date())
    return table.select(
        "date",
        pl.coalesce("event_name_1", pl.lit("none")).alias("event"),
        *[name for name in table.columns if name.startswith("snap_")],
    )


M5_LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("state",),
    ("store_id",),
    ("category",),
    ("dept_id",),
    ("state", "category"),
    ("state", "dept_id"),
    ("store_id", "category"),
    ("store_id", "dept_id"),
)


def m5(options: Options) -> Measured:
    """M5: store x department, 28 days, summed to the competition's levels 1 to 9.

    Weights are units of the last 28 known days: prices of departments are not in the data.
    """
    train, test = read_pair(options, "m5", "store_dept*.parquet")
    as_date = pl.col("date").cast(pl.Date)
    train = train.with_columns(as_date)
    test = test.with_columns(as_date) if test is not None else None
    held = split(train, test, keys=M5_KEYS, time="date", value="sales", horizon=pl.lit(28))
    folder = options.folder("m5")
    calendar = m5_calendar(folder if folder.is_dir() else folder.parent)
    table = held.known.select(*M5_KEYS, "date", "sales")
    if calendar is not None:
        future = held.came.select(*M5_KEYS, "date").with_columns(pl.lit(None).alias("sales"))
        table = pl.concat([table, future], how="vertical_relaxed").join(
            calendar, on="date", how="left"
        )
        state = pl.col("store_id").str.slice(0, 2)
        snaps = [name for name in calendar.columns if name.startswith("snap_")]
        table = table.with_columns(
            pl.sum_horizontal(
                [pl.col(name) * (state == name.removeprefix("snap_")) for name in snaps]
            ).alias("snap")
        ).drop(snaps)
    with cpu_timer() as timer:
        found = forecast_series(table, SeriesParams(horizon=28, season=7, loss="squared"))
    methods = {"fivefold": found}
    for name in ("weekday_mean", "seasonal_naive", "naive"):
        methods[name] = naive_forecasts(held, season=7, horizon=28, method=name)
    every = 0 if options.quick else 1
    times: dict[str, float] = {}
    if every:
        paths, times, names = reference(
            held, season=7, horizon=28, every=1, models=["AutoETS", "DynamicOptimizedTheta"]
        )
        for name in names:
            methods[name] = paths.select(*M5_KEYS, "step", pl.col(name).alias("mean"))
    rows = []
    means = {}
    for name, path in methods.items():
        scores = m5_levels(held, path)
        means[name] = float(np.mean(scores))
        rows.append(
            {"case": "store x department", "method": name, "wrmsse": means[name]}
            | {f"wrmsse_level_{i + 1}": score for i, score in enumerate(scores)}
            | ({"cpu_s": times[name]} if name in times else {})
        )
    summary = figures(scored(held, found, season=7))
    summary["wrmsse"] = means["fivefold"]
    summary |= {"cpu_s": timer.cpu_s, "series_per_cpu_s": 70 / timer.cpu_s}
    peer = {name: {"wrmsse": value} for name, value in means.items() if name != "fivefold"}
    return Measured(rows=rows, summary=summary, peer=peer_of("statsforecast", peer))


def m5_levels(held: Split, path: pl.DataFrame) -> list[float]:
    """Return the WRMSSE of levels 1 to 9, store-department forecasts summed up."""
    names = [
        pl.col("store_id").str.slice(0, 2).alias("state"),
        pl.col("dept_id").str.split("_").list.first().alias("category"),
    ]
    joined = held.came.select(*M5_KEYS, "step", pl.col("sales").alias("y")).join(
        path.select(*M5_KEYS, "step", "mean"), on=[*M5_KEYS, "step"]
    )
    joined = joined.with_columns(names)
    known = held.known.with_columns(names)
    last = known["date"].max()
    scores = []
    for level in M5_LEVELS:
        one = [*level] or [pl.lit(0).alias("all")]
        ahead = joined.group_by([*one, "step"]).agg(pl.col("y", "mean").sum())
        past = known.group_by([*one, "date"]).agg(pl.col("sales").sum()).sort("date")
        groups = [*level] or ["all"]
        total, weights = 0.0, 0.0
        futures = ahead.sort("step").partition_by(groups, as_dict=True)
        for key, history in sorted(past.partition_by(groups, as_dict=True).items()):
            future = futures[key]
            weight = float(
                history.filter(pl.col("date") > last - pl.duration(days=28))["sales"].sum()
            )
            score = accuracy.rmsse(future["y"], future["mean"], history["sales"])
            total += weight * score
            weights += weight
        scores.append(total / weights)
    return scores
