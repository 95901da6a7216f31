"""Day, week and month that say the same: forecasts of sums over time that agree with their parts.

Each series is also forecast as sums over blocks of periods, where season and level stand out
from noise; all are then moved so that they add up, each the more the less certain it is [1]_.

| symbol | meaning | shape |
| --- | --- | --- |
| S | which period belongs to which block, ones and zeros | (n_all, horizon) |
| W | error variances of one series, by level | (n_all,) |
| y | base forecasts, blocks first | (n_all,) |
| b | (S' W⁻¹ S)⁻¹ S' W⁻¹ y | (horizon,) |

References
----------
.. [1] Athanasopoulos, Hyndman, Kourentzes, Petropoulos (2017), "Forecasting with temporal
   hierarchies", European J. Operational Research 262, 60-74, section 3.2 (series variance
   scaling: one error variance a level).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.candidates import take
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.drivers import Drivers
from fivefold.plan.demand.panel import PanelForecast

#: Blocks of the longest level below which a series is too short to be forecast as sums.
LEAST_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Level:
    """Forecasts of many series in blocks of `periods` periods.

    mean (n_series, n_blocks), sd the same, quantiles (n_series, n_blocks, n_levels).
    """

    periods: int
    mean: Floats
    sd: Floats
    quantiles: Floats


def blocked(
    values: Floats, starts: NDArray[np.int64], periods: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Return sums over blocks that end with each series' last period, the rest at its begin left.

    >>> blocked(np.array([9.0, 1, 2, 3, 4]), np.array([0, 5]), 2)
    (array([3., 7.]), array([0, 2]))
    """
    parts = []
    for i in range(len(starts) - 1):
        own = values[starts[i] : starts[i + 1]]
        count = len(own) // periods
        parts.append(own[len(own) - count * periods :].reshape(count, periods).sum(axis=1))
    counts = [len(part) for part in parts]
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def agreeing(levels: list[Level], *, nonnegative: bool) -> list[Level]:
    """Return forecasts of all levels that add up.

    Parameters
    ----------
    levels : list of Level
        The single periods first; blocks of every level fill the same horizon.
    nonnegative : bool
        Whether nothing may be below zero.

    Raises
    ------
    ValueError
        If the first level is not of single periods or the horizons differ.

    Notes
    -----
    Quantiles keep their shape around the mean that is moved: their distance from it stays.
    """
    horizon = levels[0].mean.shape[1]
    if levels[0].periods != 1:
        raise ValueError(f"the first level must be single periods, found {levels[0].periods}")
    for level in levels:
        if level.periods * level.mean.shape[1] != horizon:
            raise ValueError(
                f"{level.mean.shape[1]} blocks of {level.periods} periods are not {horizon} periods"
            )
    order = [*levels[1:], levels[0]]
    summing = np.concatenate(
        [np.repeat(np.eye(level.mean.shape[1]), level.periods, axis=1) for level in order]
    )
    base = np.concatenate([level.mean for level in order], axis=1)
    # One variance a level: those of single blocks are too noisy to be told apart.
    scale = np.maximum(np.abs(levels[0].mean).mean(axis=1), 1e-9) ** 2
    weights = np.concatenate(
        [
            np.repeat(
                1.0 / ((level.sd**2).mean(axis=1, keepdims=True) + 1e-6 * scale[:, None]),
                level.mean.shape[1],
                axis=1,
            )
            for level in order
        ],
        axis=1,
    )
    # Only their ratios count, and kept near one they keep the equations well set.
    weights /= weights.max(axis=1, keepdims=True)
    normal = np.einsum("ap,na,aq->npq", summing, weights, summing, optimize=True)
    right = np.einsum("ap,na->np", summing, weights * base, optimize=True)
    parts = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    if nonnegative:
        parts = np.maximum(parts, 0.0)
    return [_moved(level, parts, nonnegative=nonnegative) for level in levels]


def _moved(level: Level, parts: Floats, *, nonnegative: bool) -> Level:
    """Return a level whose means are the sums of the parts."""
    mean = parts.reshape(len(parts), -1, level.periods).sum(axis=2)
    quantiles = level.quantiles + (mean - level.mean)[:, :, None]
    if nonnegative:
        quantiles = np.maximum(quantiles, 0.0)
    return Level(level.periods, mean, level.sd, quantiles)


def forecast_levels(
    run: Callable[..., PanelForecast],
    values: Floats,
    starts: NDArray[np.int64],
    *,
    season: int,
    horizon: int,
    also: tuple[int, ...],
    drivers: Drivers | None,
) -> list[tuple[int, NDArray[np.int64], PanelForecast]]:
    """Forecast periods and their sums, and make them agree.

    Parameters
    ----------
    run : callable
        `forecast_panel` with all but values, starts, season, horizon and drivers set.
    values, starts : ndarray
        All series end to end.
    season, horizon : int
        In periods; the horizon is a multiple of the longest block.
    also : tuple of int
        Periods of the blocks of each level, rising, each a multiple of the one before.
    drivers : Drivers, optional
        Of single periods.

    Returns
    -------
    list of (periods, rows, forecast)
        Single periods of all series first; of sums only the rows of series long enough.
    """
    every = np.arange(len(starts) - 1)
    single = run(values, starts, season=season, horizon=horizon, drivers=drivers)
    long = np.flatnonzero(np.diff(starts) >= LEAST_BLOCKS * also[-1])
    if len(long) == 0:
        return [(1, every, single)]
    some, begins = take(values, starts, long)
    sums = {}
    for periods in also:
        block, at = blocked(some, begins, periods)
        in_season = season // periods if season % periods == 0 else 1
        sums[periods] = run(block, at, season=max(1, in_season), horizon=horizon // periods)
    levels = [
        Level(1, single.mean[long], single.sd[long], single.quantiles[long]),
        *(Level(k, made.mean, made.sd, made.quantiles) for k, made in sums.items()),
    ]
    moved = agreeing(levels, nonnegative=bool(values.min() >= 0))
    mean, quantiles = single.mean.copy(), single.quantiles.copy()
    mean[long], quantiles[long] = moved[0].mean, moved[0].quantiles
    return [
        (1, every, replace(single, mean=mean, quantiles=quantiles)),
        *(
            (one.periods, long, replace(sums[one.periods], mean=one.mean, quantiles=one.quantiles))
            for one in moved[1:]
        ),
    ]
