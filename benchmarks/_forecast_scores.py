"""How forecasts are held out, scored and set beside the naive methods and a library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import DataMissingError, Options, cpu_timer
from fivefold.plan.demand import accuracy


@dataclass(frozen=True, slots=True)
class Split:
    """What is known and what came: one row per series and time, columns series, step, y."""

    known: pl.DataFrame
    came: pl.DataFrame
    keys: list[str]
    time: str
    value: str


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
