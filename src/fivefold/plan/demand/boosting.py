"""One model for all series: gradient-boosted trees over lags, calendar, price and promotion.

The model is global: each row is a series, an origin in its past and a step ahead; the target is
demand over the series' own level at the origin, so that small and large series teach each other
[1]_. Trees [2]_ forecast each step directly, with the step as a feature. Quantile loss gives the
median where errors are judged by their size, squared loss the mean where by their square; the
other quantiles come with those of the whole combination, in `calibration`.

References
----------
.. [1] Montero-Manso, Hyndman (2021), "Principles and algorithms for forecasting groups of time
   series: locality and globality", Int. J. Forecasting 37, 1632-1653.
.. [2] Ke and others (2017), "LightGBM: a highly efficient gradient boosting decision tree",
   NeurIPS 30.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats, Loss
from fivefold.plan.demand.drivers import Drivers

Boosting = Literal["auto", "always", "never"]

#: Known values, series and values a series from which the trees earn what they cost.
ENOUGH_VALUES, ENOUGH_SERIES, ENOUGH_LENGTH = 60_000, 30, 40
#: Rows to learn from; more change little and cost time.
ROWS = 80_000
TREES, LEAVES, RATE = 120, 24, 0.07
#: Windows over which recent demand is averaged, by season.
WINDOWS = {7: (1, 3, 7, 28, 91), 52: (1, 4, 13, 52), 12: (1, 3, 6, 12), 4: (1, 2, 4, 8)}


@dataclass(frozen=True, slots=True)
class Booster:
    """Fitted trees: `early` never saw the back-test, `late` saw all of the past."""

    early: Any
    late: Any
    season: int
    horizon: int

    def predict(
        self,
        values: Floats,
        starts: NDArray[np.int64],
        cuts: NDArray[np.int64],
        drivers: Drivers | None,
    ) -> Floats:
        """Return forecasts from every origin, shape (n_series, n_cuts, horizon); NaN if unknown."""
        found = np.full((*cuts.shape, self.horizon), np.nan)
        memory = _Memory.of(values, starts)
        steps = np.arange(1, self.horizon + 1)
        for k in range(cuts.shape[1]):
            rows = np.flatnonzero(cuts[:, k] >= _least(self.season))
            if len(rows) == 0:
                continue
            series, ahead = np.repeat(rows, self.horizon), np.tile(steps, len(rows))
            x, level = _features(
                memory, series, cuts[series, k], ahead, self.season, self.horizon, drivers
            )
            model = self.late if k == 0 else self.early
            said = model.predict(x, num_threads=1) * level
            found[rows, k] = said.reshape(len(rows), self.horizon)
        return found


def worthwhile(starts: NDArray[np.int64], boosting: Boosting) -> bool:
    """Tell whether the trees are to be tried on a panel."""
    lengths = np.diff(starts)
    if boosting == "never" or len(lengths) == 0:
        return False
    if boosting == "always":
        return bool((lengths >= 8).any())
    return bool(
        lengths.sum() >= ENOUGH_VALUES
        and len(lengths) >= ENOUGH_SERIES
        and np.median(lengths) >= ENOUGH_LENGTH
    )


def fit(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    *,
    season: int,
    horizon: int,
    loss: Loss,
    drivers: Drivers | None,
    threads: int = 1,
) -> Booster | None:
    """Return trees for all series, None where too little is known before the back-test.

    Parameters
    ----------
    values, starts
        All series end to end.
    cuts : ndarray of int, shape (n_series, n_origins + 1)
        How much is known at each origin; column 0 all.
    season, horizon : int
    loss : {'absolute', 'squared', 'counts'}
    drivers : Drivers, optional
    threads : int
        The same forecasts come out, bit for bit, whatever their number.
    """
    memory = _Memory.of(values, starts)
    past = np.where(cuts[:, 1:] > 0, cuts[:, 1:], np.iinfo(np.int64).max).min(axis=1)
    past = np.where(past == np.iinfo(np.int64).max, 0, past)
    models = []
    for known in (past, cuts[:, 0]):
        rows = _rows(known, horizon, _least(season))
        if len(rows[0]) < 500:
            return None
        models.append(_train(memory, rows, season, horizon, loss, drivers, threads))
    return Booster(models[0], models[1], season, horizon)


def _least(season: int) -> int:
    return max(6, min(season + 1, 14))


def _rows(
    known: NDArray[np.int64], horizon: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Series, origin and step of each row to learn from, spread evenly over the past."""
    room = np.maximum(known - least, 0)
    total = int(room.sum())
    steps = max(1, min(horizon, 6))
    stride = max(1, -(-total * steps // ROWS))
    series = np.repeat(np.arange(len(known)), room)
    back = np.arange(total) - np.repeat(np.cumsum(room) - room, room)
    origin = known[series] - 1 - back
    # Which origins and steps are taken follows from their numbers alone: no chance needed.
    kept = (back + series) % stride == 0
    series, origin = np.repeat(series[kept], steps), np.repeat(origin[kept], steps)
    spread = np.tile(np.arange(steps), len(series) // steps)
    turn = (series * 7 + origin * 3) % horizon
    step = (spread * horizon // steps + turn) % horizon + 1
    inside = origin + step <= known[series]
    return series[inside], origin[inside], step[inside]


def _train(
    memory: _Memory,
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    season: int,
    horizon: int,
    loss: Loss,
    drivers: Drivers | None,
    threads: int,
) -> Any:
    import lightgbm

    series, origin, step = rows
    x, level = _features(memory, series, origin, step, season, horizon, drivers)
    target = memory.values[memory.starts[series] + origin + step - 1] / level
    # A few wild rows must not teach the many.
    target = np.clip(target, -20.0, 20.0)
    typical = float(np.median(level))
    weight = level**2 / (level**2 + typical**2) if loss == "counts" else np.ones(len(level))
    objective = (
        {"objective": "quantile", "alpha": 0.5} if loss == "absolute" else {"objective": "l2"}
    )
    settings = objective | {
        "num_leaves": LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": max(20, len(level) // 1000),
        "feature_fraction": 0.7,
        "lambda_l2": 1.0,
        "max_bin": 127,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(x, label=target, weight=weight, free_raw_data=True)
    return lightgbm.train(settings, data, num_boost_round=TREES)


@dataclass(frozen=True, slots=True)
class _Memory:
    """All series end to end with their running sums."""

    values: Floats
    starts: NDArray[np.int64]
    sums: Floats
    squares: Floats
    zeros: Floats

    @classmethod
    def of(cls, values: Floats, starts: NDArray[np.int64]) -> _Memory:
        def running(x: Floats) -> Floats:
            return np.concatenate([[0.0], np.cumsum(x)])

        values = np.asarray(values, dtype=float)
        return cls(values, starts, running(values), running(values**2), running(values == 0))

    def over(
        self,
        totals: Floats,
        series: NDArray[np.int64],
        end: NDArray[np.int64],
        window: int,
    ) -> Floats:
        """Mean of the last `window` values before `end`, counted within the series."""
        first = self.starts[series]
        low = np.maximum(end - window, 0)
        count = np.maximum(end - low, 1)
        found: Floats = (totals[first + np.maximum(end, 0)] - totals[first + low]) / count
        return np.where(end > 0, found, np.nan)


def _features(
    memory: _Memory,
    series: NDArray[np.int64],
    origin: NDArray[np.int64],
    step: NDArray[np.int64],
    season: int,
    horizon: int,
    drivers: Drivers | None,
) -> tuple[Floats, Floats]:
    """Features of each row as float32, and the level by which demand is divided."""
    windows = WINDOWS.get(season, (1, 3, max(season, 6)))
    longest = 28 if season == 7 else max(season, 8)
    recent = memory.over(memory.sums, series, origin, longest)
    whole = memory.over(memory.sums, series, origin, 10**9)
    first = memory.starts[series]
    square = np.maximum(memory.over(memory.squares, series, origin, 10**9), 1e-18)
    level = np.maximum(np.abs(recent) + 0.1 * np.abs(whole), 0.02 * np.sqrt(square)) + 1e-9
    columns = [step.astype(float), np.log(level), np.minimum(origin, 400).astype(float)]
    for window in windows:
        columns.append(memory.over(memory.sums, series, origin, window) / level)
    mean = memory.over(memory.sums, series, origin, longest)
    variance = memory.over(memory.squares, series, origin, longest) - mean**2
    columns.append(np.sqrt(np.maximum(variance, 0.0)) / level)
    columns.append(memory.over(memory.zeros, series, origin, longest))
    columns.append(memory.over(memory.sums, series, origin - longest, longest) / level)
    if season > 1:
        target = origin + step - 1
        back = -(-step // season) * season
        phases = []
        for lap in range(4 if season <= 12 else 2):
            at = target - back - lap * season
            phases.append(np.where(at >= 0, memory.values[first + np.maximum(at, 0)], np.nan))
        columns += [phases[0] / level, _known_mean(phases) / level]
        base = memory.over(memory.sums, series, origin - back, max(2, season // 4))
        near = memory.over(memory.sums, series, np.minimum(target - back + 2, origin), 3)
        columns += [base / level, near / level]
    if drivers is not None:
        columns += _driven(memory, series, origin, step, season, horizon, drivers)
    return np.column_stack(columns).astype(np.float32), level


def _known_mean(parts: list[Floats]) -> Floats:
    stacked = np.stack(parts)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    found: Floats = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
    return found


def _driven(
    memory: _Memory,
    series: NDArray[np.int64],
    origin: NDArray[np.int64],
    step: NDArray[np.int64],
    season: int,
    horizon: int,
    drivers: Drivers,
) -> list[Floats]:
    """Calendar, price and promotion of the target, demand a year before, the group."""
    total = drivers.shared.shape[0]
    lengths = np.diff(memory.starts)
    # The series of a table end together, `horizon` periods before the drivers do.
    at = total - horizon - lengths[series] + origin + step - 1
    inside = drivers.current[series] & (at >= 0) & (at < total)
    index = np.clip(at, 0, total - 1)

    def told(column: Floats) -> Floats:
        return np.where(inside, column, np.nan)

    columns = [told(drivers.yearly[index, 0]), told(drivers.yearly[index, 1])]
    shared = drivers.shared
    for width, block in _blocks(shared, season):
        codes = np.where(block.any(axis=1), block.argmax(axis=1) + 1, 0).astype(float)
        columns.append(told(codes[index]))
        assert width > 0
    own = drivers.own
    plain = [j for j in range(own.shape[2]) if own.shape[2] <= 6 or not _flag(own[:, :, j])]
    flags = [j for j in range(own.shape[2]) if j not in plain]
    columns += [told(own[series, index, j]) for j in plain[:12]]
    if flags:
        marked = own[:, :, flags] > 0
        codes = np.where(marked.any(axis=2), marked.argmax(axis=2) + 1, 0).astype(float)
        columns.append(told(codes[series, index]))
    columns.append(drivers.groups[series].astype(float))
    if season in (7, 52):
        year = 364 if season == 7 else 52
        half = 3 if season == 7 else 0
        target = origin + step - 1 - year
        then = memory.over(memory.sums, series, np.minimum(target + half + 1, origin), 2 * half + 1)
        base = memory.over(memory.sums, series, origin - year, 28 if season == 7 else 8)
        columns.append(np.where(target + half < origin, then / np.maximum(base, 1e-9), np.nan))
        columns[-1] = np.clip(columns[-1], 0.0, 20.0)
    return columns


def _blocks(shared: Floats, season: int) -> list[tuple[int, Floats]]:
    """Weekday, day of the month and holidays as blocks of flags."""
    edges = [0, 7, 38, shared.shape[1]] if season == 7 else [0, shared.shape[1]]
    parts = [shared[:, a:b] for a, b in pairwise(edges) if b > a]
    return [(part.shape[1], part) for part in parts]


def _flag(column: Floats) -> bool:
    return bool(((column == 0) | (column == 1)).all())
