from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fivefold.plan.demand import SeriesParams, forecast_series
from fivefold.plan.demand.temporal import Level, agreeing, blocked


def _level(periods: int, means: list[float], sd: float) -> Level:
    mean = np.array([means])
    return Level(periods, mean, np.full(mean.shape, sd), mean[:, :, None] + np.array([-1.0, 1.0]))


def test_two_periods_and_their_sum_agree_as_least_squares_have_it() -> None:
    day, sum_ = agreeing([_level(1, [4.0, 6.0], 1.0), _level(2, [13.0], 2.0)], nonnegative=True)
    # By hand: the gap of 3 is shared as the variances are, 4 for the sum, 1 for each part.
    assert day.mean[0] == pytest.approx([4.5, 6.5], abs=1e-4)
    assert sum_.mean[0] == pytest.approx([11.0], abs=1e-4)
    assert sum_.quantiles[0, 0] == pytest.approx([10.0, 12.0], abs=1e-4)


def test_the_result_is_the_weighted_projection() -> None:
    rng = np.random.default_rng(1)
    levels = [
        _level(1, rng.uniform(5, 9, 8).tolist(), 1.0),
        _level(2, rng.uniform(10, 18, 4).tolist(), 1.5),
        _level(4, rng.uniform(20, 36, 2).tolist(), 2.5),
    ]
    found = agreeing(levels, nonnegative=False)
    s = np.vstack([np.kron(np.eye(2), np.ones(4)), np.kron(np.eye(4), np.ones(2)), np.eye(8)])
    y = np.concatenate([levels[2].mean[0], levels[1].mean[0], levels[0].mean[0]])
    w = np.diag([1 / 2.5**2] * 2 + [1 / 1.5**2] * 4 + [1.0] * 8)
    by_hand = np.linalg.lstsq(np.sqrt(w) @ s, np.sqrt(w) @ y, rcond=None)[0]
    assert found[0].mean[0] == pytest.approx(by_hand, rel=1e-4)


def test_what_agrees_already_is_left_alone() -> None:
    levels = [_level(1, [1.0, 2.0, 3.0, 4.0], 1.0), _level(2, [3.0, 7.0], 1.0)]
    found = agreeing(levels, nonnegative=True)
    assert found[0].mean == pytest.approx(levels[0].mean)


def test_levels_that_do_not_fill_the_horizon_are_refused() -> None:
    with pytest.raises(ValueError, match="1 blocks of 2 periods are not 3 periods"):
        agreeing([_level(1, [1.0, 1, 1], 1.0), _level(2, [2.0], 1.0)], nonnegative=True)
    with pytest.raises(ValueError, match="each a multiple of the one before"):
        SeriesParams(also=(7, 30))


def test_blocks_end_with_the_last_period() -> None:
    sums, starts = blocked(np.arange(1.0, 8.0), np.array([0, 3, 7]), 2)
    assert sums.tolist() == [5.0, 9.0, 13.0]
    assert starts.tolist() == [0, 1, 3]


@pytest.fixture(scope="module")
def days() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    n = 240
    week = 1 + 0.5 * np.sin(2 * np.pi * np.arange(n) / 7)
    return pl.concat(
        [
            pl.DataFrame({"series": name, "t": np.arange(n), "y": rng.poisson(rate * week)})
            for name, rate in (("slow", 0.3), ("steady", 6.0), ("fast", 40.0))
        ]
    ).with_columns(pl.col("y").cast(pl.Float64))


def test_day_week_and_month_say_the_same(days: pl.DataFrame) -> None:
    found = forecast_series(days, SeriesParams(horizon=30, season=7, also=(7, 28)))
    one = found.filter(pl.col("periods") == 1)
    assert one.group_by("series").len()["len"].to_list() == [30] * 3
    for periods, blocks in ((7, 4), (28, 1)):
        sums = (
            one.with_columns(block=(pl.col("step") - 1) // periods + 1)
            .group_by("series", "block")
            .agg(pl.col("mean").sum(), pl.col("t").min())
        )
        told = found.filter(pl.col("periods") == periods)
        assert told.height == 3 * blocks
        both = told.join(sums, left_on=["series", "step"], right_on=["series", "block"])
        assert both["mean"].to_numpy() == pytest.approx(both["mean_right"].to_numpy(), rel=1e-9)
        assert both["t"].to_list() == both["t_right"].to_list()
    levels = [name for name in found.columns if name.startswith("q0")]
    rising = found.select(levels).to_numpy()
    assert (np.diff(rising, axis=1) >= -1e-9).all()
    assert (rising >= 0).all()


def test_a_series_too_short_for_sums_is_forecast_in_periods_alone(days: pl.DataFrame) -> None:
    short = pl.concat(
        [
            days,
            days.filter(pl.col("t") > 200, pl.col("series") == "fast").with_columns(
                series=pl.lit("young")
            ),
        ]
    )
    found = forecast_series(short, SeriesParams(horizon=28, season=7, also=(7, 28)))
    assert found.filter(pl.col("series") == "young")["periods"].unique().to_list() == [1]
    assert found.filter(pl.col("series") == "fast")["periods"].n_unique() == 3
