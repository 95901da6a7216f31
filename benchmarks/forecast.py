"""Forecast accuracy on real series, with the last horizon held out, beside statsforecast.

    python -m benchmarks.forecast --suite m3|m4|m5|intermittent|retail|speed [--data PATH] --json

`--data` is a folder (or file) in the form of the suite's default:

| suite | training file | columns |
| --- | --- | --- |
| m3 | `m3*train.parquet` | series, period (YEARLY, QUARTERLY, MONTHLY, OTHER), t, y |
| m4 | `*train.parquet` | series (W1, D1, …), t, y |
| m5 | `store_dept_daily*.parquet`, `calendar.parquet` | store_id, dept_id, date, sales |
| intermittent | `carparts*.parquet` | series, month, y |
| retail | `*.parquet` of walmart2014 | Store, Dept, Date, Weekly_Sales |
| retail | `*.parquet` of online_retail | InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice |

Where a file `*test*.parquet` of the same columns stands beside the training file, all of the
training file is used to forecast and the test file to score; otherwise the last horizon of the
training file is held out. Nothing is chosen by the held-out part: methods, weights and
quantiles come from back-tests inside what is left.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import (
    DataMissingError,
    Measured,
    Options,
    cpu_timer,
    peak_megabytes,
    peer_of,
    run,
)
from fivefold.plan.demand import SeriesParams, accuracy, forecast_series

M5_KEYS = ["store_id", "dept_id"]


@dataclass(frozen=True, slots=True)
class Split:
    """What is known and what came: one row per series and time, columns series, step, y."""

    known: pl.DataFrame
    came: pl.DataFrame
    keys: list[str]
    time: str
    value: str


def measure(options: Options) -> Measured:
    """Run the suite asked for."""
    suites = {
        "m3": m3,
        "m4": m4,
        "m5": m5,
        "intermittent": intermittent,
        "retail": retail,
        "speed": speed,
    }
    return suites[options.suite](options)


def read_pair(
    options: Options, default: str, pattern: str
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the training table and, where one stands beside it, the test table."""
    folder = options.folder(default)
    found = [folder] if folder.is_file() else sorted(folder.rglob(pattern))
    train = next((path for path in found if "test" not in path.name), None)
    if train is None:
        raise DataMissingError(f"forecast: no {pattern} in data folder {folder}")
    prefix = train.name.split("train")[0] if "train" in train.name else ""
    beside = [
        path for path in sorted(train.parent.glob(f"{prefix}*test*.parquet")) if path != train
    ]
    return pl.read_parquet(train), pl.read_parquet(beside[0]) if beside else None


def split(
    train: pl.DataFrame,
    test: pl.DataFrame | None,
    *,
    keys: list[str],
    time: str,
    value: str,
    horizon: pl.Expr,
) -> Split:
    """Hold out the last `horizon` values of each series, or take the test table as it is."""
    train = train.filter(
        pl.col(value).is_not_null().cum_sum(reverse=True).over(keys, order_by=time) > 0
    ).sort([*keys, time])
    if test is not None:
        came = test.filter(pl.col(value).is_not_null()).sort([*keys, time])
        known = train.join(came.select(keys).unique(), on=keys, how="semi", maintain_order="left")
        came = came.join(known.select(keys).unique(), on=keys, how="semi", maintain_order="left")
    else:
        back = pl.int_range(pl.len(), 0, -1).over(keys)
        known = train.filter(back > horizon)
        came = train.filter(back <= horizon).join(
            known.select(keys).unique(), on=keys, how="semi", maintain_order="left"
        )
    came = came.with_columns((pl.int_range(pl.len()).over(keys) + 1).alias("step"))
    return Split(known, came, keys, time, value)


def scored(parts: Split, forecasts: pl.DataFrame, *, season: int) -> pl.DataFrame:
    """Return one row per series: smape, mase, rmsse, pinball, coverage, smape_step1."""
    levels = [name for name in forecasts.columns if name.startswith("q0.")]
    taus = np.array([float(name[1:]) for name in levels])
    joined = parts.came.select(*parts.keys, "step", pl.col(parts.value).alias("y")).join(
        forecasts.drop(parts.time, strict=False), on=[*parts.keys, "step"], how="inner"
    )
    known = parts.known.group_by(parts.keys, maintain_order=True).agg(
        pl.col(parts.value).drop_nulls().alias("history")
    )
    rows = []
    grouped = joined.sort([*parts.keys, "step"]).partition_by(parts.keys, as_dict=True)
    for key, history in zip(known.select(parts.keys).iter_rows(), known["history"], strict=True):
        part = grouped.get(key)
        if part is None:
            continue
        actual, mean = part["y"].to_numpy(), part["mean"].to_numpy()
        past = history.to_numpy()
        row: dict[str, Any] = dict(zip(parts.keys, key, strict=True))
        row |= {
            "n": len(actual),
            "smape": accuracy.smape(actual, mean),
            "smape_step1": accuracy.smape(actual[:1], mean[:1]),
            "mase": accuracy.mase(actual, mean, past, season=season),
            "rmsse": accuracy.rmsse(actual, mean, past),
            "se": float(((actual - mean) ** 2).sum()),
            "ae": float(np.abs(actual - mean).sum()),
            "error": float((mean - actual).sum()),
            "units": float(np.abs(actual).sum()),
        }
        if levels:
            found = part.select(levels).to_numpy()
            scale = accuracy.naive_error(past, season=1, power=1)
            loss = accuracy.pinball_loss(actual, found, taus)
            low, high = found[:, levels.index("q0.05")], found[:, levels.index("q0.95")]
            row |= {
                "pinball": loss,
                "scaled_pinball": loss / scale if scale > 0 else None,
                "inside": float(accuracy.coverage(actual, low, high)) * len(actual),
            }
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def figures(table: pl.DataFrame) -> dict[str, Any]:
    """Return the figures over all series; points weigh alike, as in the M3 and M4 papers."""
    points = table["n"].sum()
    finite = {
        name: table.filter(pl.col(name).is_finite() & pl.col(name).is_not_null())[name].mean()
        for name in ("mase", "rmsse", "scaled_pinball")
        if name in table.columns
    }
    found: dict[str, Any] = {
        "series": table.height,
        "smape": (table["smape"] * table["n"]).sum() / points,
        "smape_step1": table["smape_step1"].mean(),
        "rmse": float(np.sqrt(table["se"].sum() / points)),
        "wape": table["ae"].sum() / table["units"].sum(),
        "bias": table["error"].sum() / table["units"].sum(),
        **finite,
    }
    if "inside" in table.columns:
        found["coverage_90"] = table["inside"].sum() / points
        found["pinball"] = (table["pinball"] * table["n"]).sum() / points
    return found


def naive_forecasts(parts: Split, *, season: int, horizon: int, method: str) -> pl.DataFrame:
    """Return forecasts of a simple method; naive2 takes out a tested season first.

    `theta` is the method that won the M3 competition, as the control of what a combination adds.
    """
    from fivefold.plan.demand.kernels import panel, seasons

    rows = []
    theta = np.array([panel.THETA])
    grouped = parts.known.group_by(parts.keys, maintain_order=True).agg(
        pl.col(parts.value).drop_nulls().alias("history")
    )
    for key, history in zip(
        grouped.select(parts.keys).iter_rows(), grouped["history"], strict=True
    ):
        y = history.to_numpy().astype(float)
        steps = np.arange(horizon)
        if method == "seasonal_naive" and len(y) >= season:
            path = y[len(y) - season + steps % season]
        elif method == "naive2" and season > 1 and y.min() > 0 and seasons.is_seasonal(y, season):
            terms = seasons.indices(y, season, True, False)
            n = len(y)
            path = y[-1] / terms[(n - 1) % season] * terms[(n + steps) % season]
        elif method == "theta":
            ends = np.array([0, len(y)])
            made, _ = panel.run(y, ends, ends[None, 1:], theta, season, horizon, y.min() >= 0)
            path = made[0, 0, 0].astype(float)
        elif method == "weekday_mean":
            path = y[-56:].reshape(8, 7).mean(axis=0)[steps % 7]
        elif method == "ses_0.1":
            level = y[:12].mean()
            for value in y:
                level += 0.1 * (value - level)
            path = np.full(horizon, level)
        else:
            path = np.full(horizon, y[-1])
        rows.append(
            pl.DataFrame({"step": steps + 1, "mean": path}).with_columns(
                *[pl.lit(value).alias(name) for name, value in zip(parts.keys, key, strict=True)]
            )
        )
    return pl.concat(rows)


def reference(
    parts: Split, *, season: int, horizon: int, every: int, models: list[str]
) -> tuple[pl.DataFrame, dict[str, float], list[str]]:
    """Return forecasts of statsforecast on every `every`-th series, and its CPU-seconds."""
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast import models as known_models

    series = parts.known.select(parts.keys).unique(maintain_order=True)[::every]
    known = parts.known.join(series, on=parts.keys, how="semi", maintain_order="left").drop_nulls(
        parts.value
    )
    names = pl.concat_str([pl.col(key).cast(pl.String) for key in parts.keys], separator="|")
    table = pd.DataFrame(
        {
            "unique_id": known.select(names.alias("id"))["id"].to_numpy(),
            "ds": known.select(pl.int_range(pl.len()).over(parts.keys).alias("t"))["t"].to_numpy(),
            "y": known[parts.value].to_numpy().astype(float),
        }
    )
    columns = series.select(*parts.keys, names.alias("unique_id"))
    merged, times = None, {}
    for name in models:
        with cpu_timer() as timer:
            model = getattr(known_models, name)(season_length=season)
            engine = StatsForecast(models=[model], freq=1, n_jobs=1)
            found = pl.DataFrame(engine.forecast(df=table, h=horizon).to_dict(orient="list"))
        times[name] = timer.cpu_s
        column = next(column for column in found.columns if column not in ("unique_id", "ds"))
        found = found.select(
            "unique_id",
            (pl.int_range(pl.len()).over("unique_id") + 1).alias("step"),
            pl.col(column).alias(name),
        )
        merged = found if merged is None else merged.join(found, on=["unique_id", "step"])
    assert merged is not None
    return merged.join(columns, on="unique_id").drop("unique_id"), times, models


def compare(
    parts: Split,
    forecasts: pl.DataFrame,
    *,
    season: int,
    horizon: int,
    scale_season: int,
    group: str,
    every: int,
    models: list[str],
    naive: list[str],
    cpu_s: float,
) -> tuple[list[dict[str, Any]], dict[str, pl.DataFrame]]:
    """Return rows of ours, the naive methods and the reference library for one group of series."""
    tables = {"fivefold": scored(parts, forecasts, season=scale_season)}
    rows = [{"case": group, "method": "fivefold", "cpu_s": cpu_s, **figures(tables["fivefold"])}]
    for method in naive:
        path = naive_forecasts(parts, season=season, horizon=horizon, method=method)
        tables[method] = scored(parts, path, season=scale_season)
        rows.append({"case": group, "method": method, **figures(tables[method])})
    if models and every:
        paths, times, names = reference(
            parts, season=season, horizon=horizon, every=every, models=models
        )
        for name in names:
            path = paths.select(*parts.keys, "step", pl.col(name).alias("mean"))
            key = f"statsforecast {name}"
            tables[key] = scored(parts, path, season=scale_season)
            rows.append(
                {"case": group, "method": key, "cpu_s": times[name], **figures(tables[key])}
            )
        sample = tables["fivefold"].join(
            tables[f"statsforecast {names[0]}"].select(parts.keys), on=parts.keys, how="semi"
        )
        tables["fivefold same series"] = sample
        if "naive2" in tables:
            tables["naive2 same series"] = tables["naive2"].join(
                sample.select(parts.keys), on=parts.keys, how="semi"
            )
        rows.append({"case": group, "method": "fivefold same series", **figures(sample)})
    return rows, tables


def merge(parts: list[dict[str, pl.DataFrame]], method: str) -> dict[str, Any]:
    """Return the figures of a method over all groups."""
    return figures(pl.concat([tables[method] for tables in parts], how="diagonal_relaxed"))


def competition(
    options: Options,
    train: pl.DataFrame,
    test: pl.DataFrame | None,
    groups: list[tuple[str, pl.Expr, int, int, int]],
    *,
    every: int,
) -> Measured:
    """Score groups (name, filter, season, horizon, season of the MASE) of one competition."""
    models = ["AutoETS", "AutoTheta"]
    rows: list[dict[str, Any]] = []
    parts: list[dict[str, pl.DataFrame]] = []
    total = 0.0
    count = 0
    for name, chosen, season, horizon, scale_season in groups:
        mine = train.filter(chosen)
        if mine.height == 0:
            continue
        other = None
        if test is not None:
            other = test.join(mine.select("series").unique(), on="series", how="semi")
        held = split(mine, other, keys=["series"], time="t", value="y", horizon=pl.lit(horizon))
        with cpu_timer() as timer:
            found = forecast_series(held.known, SeriesParams(season=season, horizon=horizon))
        total += timer.cpu_s
        count += held.known["series"].n_unique()
        some, tables = compare(
            held,
            found,
            season=scale_season,
            horizon=horizon,
            scale_season=scale_season,
            group=name,
            every=every,
            models=models,
            naive=["theta", "naive2", "seasonal_naive", "naive"],
            cpu_s=timer.cpu_s,
        )
        rows += some
        parts.append(tables)
    summary = merge(parts, "fivefold")
    naive2 = merge(parts, "naive2")
    summary["owa"] = _owa(summary, naive2)
    theta = merge(parts, "theta")
    summary |= {f"{name}_theta": theta[name] for name in ("smape", "smape_step1", "mase")}
    summary["coverage_90_by_group"] = {
        row["case"]: row["coverage_90"] for row in rows if row["method"] == "fivefold"
    }
    summary |= {"cpu_s": total, "series_per_cpu_s": count / max(total, 1e-9)}
    summary["held_out"] = "test file" if test is not None else "last horizon of the training file"
    peer = {}
    for model in models:
        key = f"statsforecast {model}"
        found_peer = merge(parts, key)
        peer[model] = {
            name: found_peer[name] for name in ("series", "smape", "mase", "smape_step1")
        }
        peer[model]["owa"] = _owa(found_peer, merge(parts, "naive2 same series"))
        peer[model]["cpu_s"] = sum(row.get("cpu_s", 0) for row in rows if row["method"] == key)
    peer["fivefold on the same series"] = {
        name: merge(parts, "fivefold same series")[name]
        for name in ("series", "smape", "mase", "smape_step1")
    }
    peer["naive2"] = {name: naive2[name] for name in ("smape", "mase", "smape_step1")}
    return Measured(rows=rows, summary=summary, peer=peer_of("statsforecast", peer))


def _owa(own: dict[str, Any], naive2: dict[str, Any]) -> float:
    return accuracy.owa(
        smape_own=own["smape"],
        mase_own=own["mase"],
        smape_naive2=naive2["smape"],
        mase_naive2=naive2["mase"],
    )


def m3(options: Options) -> Measured:
    """M3: 3,003 series, yearly to monthly."""
    train, test = read_pair(options, "m3", "m3*train.parquet")
    groups = [
        (name, pl.col("period") == name, season, horizon, season)
        for name, season, horizon in (
            ("YEARLY", 1, 6),
            ("QUARTERLY", 4, 8),
            ("MONTHLY", 12, 18),
            ("OTHER", 1, 8),
        )
    ]
    return competition(options, train, test, groups, every=40 if options.quick else 10)


def m4(options: Options) -> Measured:
    """M4: weekly (13 ahead, MASE and Naive2 without a season, as the competition had it)."""
    train, test = read_pair(options, "m4", "*train.parquet")
    first = pl.col("series").str.slice(0, 1)
    groups = [
        (name, first == letter, season, horizon, scale)
        for name, letter, season, horizon, scale in (
            ("WEEKLY", "W", 52, 13, 1),
            ("YEARLY", "Y", 1, 6, 1),
            ("QUARTERLY", "Q", 4, 8, 4),
            ("MONTHLY", "M", 12, 18, 12),
            ("DAILY", "D", 7, 14, 1),
            ("HOURLY", "H", 24, 48, 24),
        )
    ]
    return competition(options, train, test, groups, every=60 if options.quick else 12)


def intermittent(options: Options) -> Measured:
    """Car parts: the last 6 months of the series without a missing value."""
    train, test = read_pair(options, "intermittent", "carparts*.parquet")
    holes = train.filter(pl.col("y").is_null())["series"].unique()
    train = train.filter(~pl.col("series").is_in(holes.implode()))
    held = split(train, test, keys=["series"], time="month", value="y", horizon=pl.lit(6))
    with cpu_timer() as timer:
        found = forecast_series(held.known, SeriesParams(horizon=6, season=12))
    rows, tables = compare(
        held,
        found,
        season=12,
        horizon=6,
        scale_season=1,
        group="carparts",
        every=1,
        models=[],
        naive=["ses_0.1", "naive", "seasonal_naive"],
        cpu_s=timer.cpu_s,
    )
    with cpu_timer() as peer_timer:
        peer = _intermittent_peer(held)
    summary = figures(tables["fivefold"])
    count = held.known["series"].n_unique()
    summary |= {"cpu_s": timer.cpu_s, "series_per_cpu_s": count / timer.cpu_s}
    summary["rmse_ses_0.1"] = figures(tables["ses_0.1"])["rmse"]
    peer["cpu_s"] = peer_timer.cpu_s
    return Measured(rows=rows, summary=summary, peer=peer_of("statsforecast", peer))


def _intermittent_peer(held: Split) -> dict[str, Any]:
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast.models import ADIDA, IMAPA, TSB, CrostonSBA, SimpleExponentialSmoothing

    table = pd.DataFrame(
        {
            "unique_id": held.known["series"].to_numpy(),
            "ds": held.known.select(pl.int_range(pl.len()).over("series").alias("t"))[
                "t"
            ].to_numpy(),
            "y": held.known["y"].to_numpy(),
        }
    )
    models = [
        SimpleExponentialSmoothing(alpha=0.1),
        CrostonSBA(),
        TSB(alpha_d=0.1, alpha_p=0.1),
        ADIDA(),
        IMAPA(),
    ]
    engine = StatsForecast(models=models, freq=1, n_jobs=1)
    found = pl.DataFrame(engine.forecast(df=table, h=6).to_dict(orient="list"))
    found = found.rename({"unique_id": "series"}).with_columns(
        (pl.int_range(pl.len()).over("series") + 1).alias("step")
    )
    names = [name for name in found.columns if name not in ("series", "ds", "step")]
    return {
        name: {
            key: figures(
                scored(held, found.select("series", "step", pl.col(name).alias("mean")), season=1)
            )[key]
            for key in ("rmse", "bias", "mase")
        }
        for name in names
    }


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


def speed(options: Options) -> Measured:
    """20,000 made-up daily series of 730 days, quantiles and choice by back-test.

    Seconds are from table to table on all processors, CPU-seconds those of all processes;
    memory is the most of this process and, beside it, of one worker.
    """
    count = 1000 if options.quick else 20_000
    rng = np.random.default_rng(options.seed)
    days = np.arange(730)
    rate = np.exp(rng.normal(0.3, 1.3, count))[:, None]
    week = 1 + 0.3 * np.sin(2 * np.pi * (days % 7) / 7)
    year = 1 + 0.3 * np.sin(2 * np.pi * days / 365 + rng.uniform(0, 6, count)[:, None])
    units = rng.poisson(rng.gamma(2, rate * week * year / 2)).astype(float)
    table = pl.DataFrame(
        {"series": np.repeat(np.arange(count), 730), "t": np.tile(days, count), "y": units.ravel()}
    )
    before = _own_peak(resource.RUSAGE_SELF)
    with cpu_timer() as timer:
        found = forecast_series(table, SeriesParams(horizon=28, season=7))
        # Workers are children of the fork server; their seconds count once it is gone.
        forkserver._forkserver._stop()  # type: ignore[attr-defined]
    peak, worker = _own_peak(resource.RUSAGE_SELF), _own_peak(resource.RUSAGE_CHILDREN)
    parts = Split(table, table.head(0), ["series"], "t", "y")
    sample = 20 if options.quick else 100
    _, times, names = reference(
        parts, season=7, horizon=28, every=count // sample, models=["AutoETS", "AutoTheta"]
    )
    ours = count / timer.cpu_s
    rows: list[dict[str, Any]] = [
        {
            "case": f"{count} x 730",
            "method": "fivefold",
            "cpu_s": timer.cpu_s,
            "wall_s": timer.wall_s,
        }
        | {"series_per_cpu_s": ours, "peak_mb": peak, "peak_mb_before": before}
        | {"peak_mb_worker": worker, "rows": found.height}
    ]
    peer: dict[str, Any] = {"peak_mb_with_all": peak_megabytes()}
    for name in names:
        rows.append({"case": f"{sample} x 730", "method": name, "cpu_s": times[name]})
        peer[name] = {
            "series_per_cpu_s": sample / times[name],
            "cpu_s_for_all": times[name] * count / sample,
        }
    return Measured(
        rows=rows,
        summary={"series_per_cpu_s": ours, "cpu_s": timer.cpu_s, "wall_s": timer.wall_s}
        | {"peak_mb": peak, "peak_mb_worker": worker},
        peer=peer_of("statsforecast", peer),
    )


def _own_peak(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 2**10


if __name__ == "__main__":
    run(
        "forecast",
        measure,
        suites=("m3", "m4", "m5", "intermittent", "retail", "speed"),
        seconds=120,
    )
