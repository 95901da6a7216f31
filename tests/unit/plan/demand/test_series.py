from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from fivefold.errors import DataError
from fivefold.plan.demand import SeriesParams, forecast_series


def test_frequency_column_sets_season_and_horizon() -> None:
    table = pl.DataFrame(
        {
            "series": ["N1"] * 40 + ["N2"] * 60,
            "period": ["QUARTERLY"] * 40 + ["MONTHLY"] * 60,
            "t": [*range(1, 41), *range(1, 61)],
            "y": [float(10 + k % 4) for k in range(40)] + [float(20 + k % 12) for k in range(60)],
        }
    )
    found = forecast_series(table)
    lengths = dict(found.group_by("series").len().rows())
    assert lengths == {"N1": 8, "N2": 18}
    last = found.filter(pl.col("series") == "N1")["mean"].to_numpy()
    assert last == pytest.approx([10, 11, 12, 13, 10, 11, 12, 13], rel=0.02)


def test_months_are_named_onwards_and_m4_letters_are_known() -> None:
    months = [f"{2000 + k // 12}-{k % 12 + 1:02d}" for k in range(36)]
    table = pl.DataFrame({"series": "a", "month": months, "y": [float(k % 12) for k in range(36)]})
    found = forecast_series(table, SeriesParams(horizon=2))
    assert found["month"].to_list() == ["2003-01", "2003-02"]
    weekly = pl.DataFrame({"series": "W7", "t": range(120), "y": np.arange(120.0)})
    assert forecast_series(weekly).height == 13


def test_empty_values_at_the_end_are_cut_and_missing_days_are_zero() -> None:
    table = pl.DataFrame(
        {
            "series": ["a"] * 6,
            "date": [date(2026, 1, d) for d in (1, 2, 3, 8, 9, 10)],
            "y": [4.0, 4.0, 4.0, 4.0, 4.0, None],
        }
    )
    found = forecast_series(table, SeriesParams(horizon=1, season=1))
    assert found["date"].to_list() == [date(2026, 1, 10)]
    assert found["mean"][0] < 4.0


def test_a_column_known_ahead_is_used() -> None:
    rng = np.random.default_rng(5)
    days = pl.date_range(date(2025, 1, 1), date(2025, 12, 31), eager=True)
    event = rng.random(len(days)) < 0.1
    event[-28:] = False
    event[-20] = True
    units = rng.poisson(np.where(event, 150, 50)).astype(float)
    table = pl.DataFrame({"series": "a", "date": days, "y": units, "event": event.astype(float)})
    known = table.with_columns(
        pl.when(pl.int_range(pl.len()) < len(days) - 28).then("y").alias("y")
    )
    mean = forecast_series(known, SeriesParams(horizon=28, season=7, loss="squared"))["mean"]
    assert mean[8] > 1.7 * mean.median()


def test_a_table_that_cannot_be_read_says_what_is_missing() -> None:
    with pytest.raises(DataError, match="no value column"):
        forecast_series(pl.DataFrame({"series": ["a"], "t": [1]}))


def test_forecasts_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(2)
    table = pl.DataFrame(
        {
            "series": np.repeat([f"s{k}" for k in range(12)], 50),
            "t": np.tile(np.arange(50), 12),
            "y": rng.gamma(5, 10, 600),
        }
    )
    first = forecast_series(table, SeriesParams(horizon=4, season=4))
    again = forecast_series(
        table.sample(fraction=1.0, shuffle=True, seed=1), SeriesParams(horizon=4, season=4)
    )
    assert first.equals(again)
