"""The competitions whose series have nothing but their past: M3, M4, car parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from benchmarks._forecast_scores import Split, compare, figures, merge, read_pair, scored, split
from benchmarks._form import Measured, Options, cpu_timer, peer_of
from fivefold.plan.demand import SeriesParams, accuracy, forecast_series

#: sMAPE over all series of the theta forecasts submitted to M3, on the competition's own test
#: part (Makridakis and Hibon 2000, Int. J. Forecasting 16, 451-476). On another split only the
#: ratio to theta run there can be set beside it.
THETA_PUBLISHED = 13.051


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
    found = competition(options, train, test, groups, every=40 if options.quick else 10)
    told = {
        "smape_over_theta": found.summary["smape"] / found.summary["smape_theta"],
        "smape_theta_published": THETA_PUBLISHED,
    }
    return replace(found, summary={**found.summary, **told})


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
