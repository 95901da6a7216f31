"""Any long table gets forecasts in its own times, or one error that says what is wrong where."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.errors import DataError
from fivefold.plan.demand import SeriesParams, forecast_series
from fivefold.plan.demand import series_times as times

UNITS = np.random.default_rng(1).poisson(20, 120).astype(float)
DAYS = [date(2025, 1, 1) + timedelta(days=k) for k in range(120)]


def _table(**columns: object) -> pl.DataFrame:
    return pl.DataFrame({"series": "A", **columns}, strict=False)


def test_a_time_that_stands_twice_is_named() -> None:
    table = _table(date=[*DAYS, DAYS[0]], y=[*UNITS, 5.0])
    with pytest.raises(DataError, match=r"\[A\] date: found 2025-01-01 in 1 row.*one row a"):
        forecast_series(table)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"date": ["2025-01-01", "01/02/2025"], "y": [1.0, 2.0]}, "found '01/02/2025'.*YYYY-MM-DD"),
        ({"t": [1, 2], "y": [1.0, 1e300]}, "found 1e\\+300.*up to 1e\\+100"),
        ({"t": [1, 2], "y": [1.0, float("nan")]}, "found nan.*finite"),
        ({"t": [1, 2], "y": [1.0, 2.0], "season": [0, 0]}, "season: found 0.*from 1 on"),
        ({"t": [1, 2], "y": [None, None]}, "no value at all"),
    ],
)
def test_what_cannot_be_read_is_named(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        forecast_series(_table(**columns))


def test_a_row_without_its_series_is_named() -> None:
    table = pl.DataFrame({"series": ["A", None], "t": [1, 2], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="name of a series"):
        forecast_series(table)


def test_all_faults_of_a_table_are_told_at_once() -> None:
    table = _table(date=["2025-01-01", "x"], y=[float("inf"), 2.0])
    with pytest.raises(DataError) as caught:
        forecast_series(table)
    assert {problem.code for problem in caught.value.problems} == {"not_finite", "no_time"}


def test_the_day_of_a_clock_time_is_that_of_its_zone() -> None:
    late = pl.Series([datetime(2025, 1, 1, 23) + timedelta(days=k) for k in range(120)])
    zoned = _table(date=late.dt.replace_time_zone("America/New_York"), y=UNITS)
    plain = forecast_series(_table(date=DAYS, y=UNITS))
    found = forecast_series(zoned)
    assert found["mean"].to_list() == plain["mean"].to_list()
    assert found["date"].dt.date().to_list() == plain["date"].to_list()
    assert found["date"].dtype == zoned["date"].dtype
    text = _table(date=[f"{day}T23:00:00+02:00" for day in DAYS], y=UNITS)
    assert forecast_series(text)["mean"].to_list() == plain["mean"].to_list()


def test_hours_stay_hours() -> None:
    hours = [datetime(2025, 1, 1) + timedelta(hours=k) for k in range(240)]
    day = 20 + 10 * np.sin(2 * np.pi * np.arange(240) / 24)
    found = forecast_series(_table(date=hours, y=day))
    assert found.height == 48
    assert found["date"][0] == datetime(2025, 1, 11, 0)
    assert found["date"][1] == datetime(2025, 1, 11, 1)
    assert found["mean"].to_numpy() == pytest.approx(np.tile(day[:24], 2), rel=0.05)


def test_months_written_as_numbers_go_on_after_december() -> None:
    months = [202301 + 100 * (k // 12) + k % 12 for k in range(36)]
    found = forecast_series(_table(month=months, y=UNITS[:36]), SeriesParams(horizon=2))
    assert found["month"].to_list() == [202601, 202602]


def test_series_of_days_and_of_weeks_each_keep_their_step() -> None:
    weeks = [DAYS[0] + timedelta(weeks=k) for k in range(40)]
    table = pl.concat(
        [
            _table(date=DAYS, y=UNITS),
            _table(date=weeks, y=UNITS[:40] * 7).with_columns(series=pl.lit("B")),
        ]
    )
    found = forecast_series(table)
    first = dict(found.filter(pl.col("step") == 1).select("series", "date").rows())
    assert first == {"A": DAYS[-1] + timedelta(days=1), "B": weeks[-1] + timedelta(weeks=1)}
    assert dict(found.group_by("series").len().rows()) == {"A": 28, "B": 13}


def test_periods_that_are_missing_between_others_count_as_zero() -> None:
    keys = ["series"]
    months = pl.DataFrame(
        {"series": "A", "_time": [date(2025, m, 1) for m in (1, 2, 4)], "_y": [5.0, 6.0, 7.0]}
    )
    assert times.filled(months, keys, "MONTHLY")["_y"].to_list() == [5.0, 6.0, 0.0, 7.0]
    numbers = pl.DataFrame({"series": "A", "_time": [10, 20, 50], "_y": [1.0, 2.0, 3.0]})
    assert times.filled(numbers, keys, "OTHER")["_y"].to_list() == [1.0, 2.0, 0.0, 0.0, 3.0]
    uneven = pl.DataFrame({"series": "A", "_time": [1, 3, 6], "_y": [1.0, 2.0, 3.0]})
    assert times.filled(uneven, keys, "OTHER").equals(uneven)


@pytest.mark.parametrize("values", [[5.0], [0.0] * 60, list(UNITS - 30), list(UNITS * 1e15)])
def test_odd_values_get_finite_rising_quantiles(values: list[float]) -> None:
    found = forecast_series(_table(date=DAYS[: len(values)], y=values), SeriesParams(horizon=3))
    levels = [name for name in found.columns if name.startswith("q0.")]
    numbers = found.select(levels).to_numpy()
    assert np.isfinite(numbers).all()
    assert (np.diff(numbers, axis=1) >= -1e-9).all()
