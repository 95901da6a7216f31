"""Measures against published figures and worked examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fivefold.plan.demand import accuracy

DATA = Path(__file__).parents[4] / ".." / "shared" / "data"


def test_owa_of_m4_weekly_submissions_is_the_published_one() -> None:
    path = DATA / "best_known" / "m4_weekly.csv"
    if not path.exists():
        pytest.skip("shared data best_known/m4_weekly.csv is missing")
    table = pl.read_csv(path)
    naive2 = table.row(by_predicate=pl.col("method") == "Naive2", named=True)
    for row in table.iter_rows(named=True):
        found = accuracy.owa(
            smape_own=row["sMAPE"],
            mase_own=row["MASE"],
            smape_naive2=naive2["sMAPE"],
            mase_naive2=naive2["MASE"],
        )
        assert found == pytest.approx(row["OWA"], abs=0.0011)


def test_m3_over_all_horizons_weighs_points_alike() -> None:
    path = DATA / "best_known" / "m3_smape_published.csv"
    if not path.exists():
        pytest.skip("shared data best_known/m3_smape_published.csv is missing")
    table = pl.read_csv(path)
    points = {"YEARLY": 645 * 6, "QUARTERLY": 756 * 8, "MONTHLY": 1428 * 18, "OTHER": 174 * 8}
    for name in ("THETA", "DAMPEN", "NAIVE2"):
        row = table.row(by_predicate=pl.first() == name, named=True)
        scores, weights = zip(*((row[k], v) for k, v in points.items()), strict=True)
        assert accuracy.weighted(scores, weights) == pytest.approx(row["ALL"], abs=0.01)


def test_rmsse_follows_its_definition_by_hand() -> None:
    # M5 guide: leading zeros are left out; scale is the mean squared one-step difference.
    known = [0, 0, 2, 4, 3, 5]
    scale = ((4 - 2) ** 2 + (3 - 4) ** 2 + (5 - 3) ** 2) / 3
    expected = np.sqrt(((6 - 5) ** 2 + (2 - 5) ** 2) / 2 / scale)
    assert accuracy.rmsse([6, 2], [5, 5], known) == pytest.approx(expected)


def test_pinball_loss_is_least_at_the_quantile() -> None:
    rng = np.random.default_rng(0)
    y = rng.exponential(10, 20_000)
    tries = np.linspace(5, 40, 351)
    losses = [accuracy.pinball_loss(y, np.full((len(y), 1), q), [0.8]) for q in tries]
    assert tries[int(np.argmin(losses))] == pytest.approx(-10 * np.log(0.2), rel=0.03)


def test_a_forecast_of_the_seasonal_naive_error_has_mase_one() -> None:
    known = np.array([1.0, 5, 2, 6, 3, 7])
    assert accuracy.mase([10.0], [11.0], known, season=2) == pytest.approx(1.0)


def test_measures_refuse_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match="must agree"):
        accuracy.wape([1.0, 2.0], [1.0])
