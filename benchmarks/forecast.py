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
from multiprocessing import forkserver
from typing import Any

import numpy as np
import polars as pl

from benchmarks._forecast_competitions import intermittent, m3, m4
from benchmarks._forecast_retail import m5, retail
from benchmarks._forecast_scores import Split, reference
from benchmarks._form import Measured, Options, cpu_timer, peak_megabytes, peer_of, run
from fivefold.plan.demand import SeriesParams, forecast_series


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
