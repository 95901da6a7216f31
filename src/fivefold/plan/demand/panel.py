"""Forecast many series of one season and horizon: back-test, combine, calibrate.

Knows arrays only. Series are told apart by how demand comes (Syntetos, Boylan, Croston
2005: average interval between demands and squared variation of their size), because what
is good for smooth demand is bad for intermittent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.compute import map_partitions
from fivefold.plan.demand import boosting as boosting_model
from fivefold.plan.demand import calibration, candidates, combination
from fivefold.plan.demand.boosting import Boosting
from fivefold.plan.demand.candidates import drivers_of, take
from fivefold.plan.demand.combination import Backtest, Floats, Loss
from fivefold.plan.demand.drivers import Drivers

#: Mean interval between demands and squared coefficient of variation that part the classes.
INTERVAL_LIMIT, VARIATION_LIMIT = 1.32, 0.49
#: Series of a piece of a large panel, forecast by itself on one processor.
PIECE = 10_000
#: Series that try all methods; of more than three times as many the others run what these chose.
VOTERS = 600
#: Run for every series, for comparison.
REFERENCE = "seasonal_naive"
#: What a panel's forecast holds a row of for every series.
PER_SERIES = (
    "mean",
    "sd",
    "quantiles",
    "weights",
    "kind",
    "tested",
    "actual",
    "method_tested",
    "scales",
    "pinball",
    "coverage_90",
    "cuts",
)


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """Forecasts of many series.

    mean (n_series, horizon), sd the same, quantiles (n_series, horizon, n_levels), weights
    (n_series, n_methods) of the methods in `methods`, kind (n_series,) the class of demand,
    tested and actual (n_series, n_origins, horizon), method_tested (n_series, n_origins,
    n_methods, horizon) as float32; pinball and coverage_90 (n_series,) at past origins; cuts
    (n_series, n_origins) how much of each series was known at each of them, 0 for none.
    """

    mean: Floats
    sd: Floats
    quantiles: Floats
    levels: Floats
    methods: tuple[str, ...]
    weights: Floats
    kind: NDArray[np.str_]
    tested: Floats
    actual: Floats
    method_tested: Floats
    scales: Floats
    pinball: Floats
    coverage_90: Floats
    cuts: NDArray[np.int64]

    def times(self, factors: Floats, told: Floats) -> PanelForecast:
        """Return forecasts of series whose profile was taken out, with it put back.

        Parameters
        ----------
        factors : ndarray, shape (n_series, horizon)
            Of the periods ahead.
        told : ndarray, shape (n_series, n_origins, horizon)
            Of the periods after each past origin.
        """
        return replace(
            self,
            mean=self.mean * factors,
            sd=self.sd * factors,
            quantiles=self.quantiles * factors[:, :, None],
            tested=self.tested * told,
            method_tested=(self.method_tested * told[:, :, None]).astype(np.float32),
        )

    def method_names(self) -> list[str]:
        """Return the largest weights of each series as text, such as `0.6 damped + 0.4 theta`."""
        found = []
        for row in self.weights:
            order = np.argsort(-row, kind="stable")[:3]
            found.append(
                " + ".join(f"{row[i]:.2f} {self.methods[i]}" for i in order if row[i] > 0.05)
            )
        return found


def classify(values: Floats, starts: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return smooth, erratic, intermittent or lumpy for each series.

    >>> classify(np.array([5.0, 6, 5, 0, 0, 4, 0]), np.array([0, 3, 7])).tolist()
    ['smooth', 'intermittent']
    """
    found = []
    for i in range(len(starts) - 1):
        y = values[starts[i] : starts[i + 1]]
        sizes = y[y > 0]
        if len(sizes) == 0 or (y < 0).any():
            found.append("smooth" if len(sizes) or (y < 0).any() else "intermittent")
            continue
        interval = len(y) / len(sizes)
        varied = (sizes.std() / sizes.mean()) ** 2
        rare = interval > INTERVAL_LIMIT
        if varied > VARIATION_LIMIT:
            found.append("lumpy" if rare else "erratic")
        else:
            found.append("intermittent" if rare else "smooth")
    return np.array(found, dtype=np.str_)


def forecast_panel(
    values: Floats,
    starts: NDArray[np.int64],
    *,
    season: int,
    horizon: int,
    levels: Floats,
    loss: Loss = "absolute",
    origins: int = 3,
    stride: int | None = None,
    drivers: Drivers | None = None,
    truth: Floats | None = None,
    boosting: Boosting = "auto",
    workers: int | None = None,
) -> PanelForecast:
    """Return forecasts of all series, methods chosen by rolling-origin back-test.

    Parameters
    ----------
    values : ndarray
        All series end to end, no gaps.
    starts : ndarray, shape (n_series + 1,)
    season : int
        Periods in a season; 1 is none.
    horizon : int
    levels : ndarray
        Quantile levels, rising.
    loss : {'absolute', 'squared'}
        For series with demand in most periods; intermittent ones always use the squared
        loss, because the absolute one is least at zero.
    origins : int
        Past origins to test at.
    stride : int, optional
        Periods between them; a third of the horizon by default, up to all of it where the
        series are long.
    drivers : Drivers, optional
        Features of all periods, where all series end at the same one.
    truth : ndarray, optional
        What came, where `values` are calmer than it: means and quantiles answer for it.
    boosting : {'auto', 'always', 'never'}
        Whether the trees over all series are among the methods.
    workers : int, optional
        Processes for large panels; one a processor by default. The forecasts do not depend
        on it.
    """
    count = len(starts) - 1
    pieces = [np.arange(k, count, -(-count // PIECE)) for k in range(-(-count // PIECE))]
    tasks = []
    for rows in pieces:
        mine, begins = take(values, starts, rows)
        came = None if truth is None else take(truth, starts, rows)[0]
        tasks.append(
            _Task(mine, begins, came, drivers_of(drivers, rows), season, horizon, levels, loss)
            if len(pieces) > 1
            else _Task(values, starts, truth, drivers, season, horizon, levels, loss)
        )
    tasks = [replace(task, origins=origins, stride=stride, boosting=boosting) for task in tasks]
    if len(tasks) == 1:
        return _forecast_task(tasks[0])
    return _joined(pieces, list(map_partitions(_forecast_task, tasks, workers=workers)))


@dataclass(frozen=True, slots=True)
class _Task:
    """A panel, or a piece of a large one: every piece is back-tested and combined by itself."""

    values: Floats
    starts: NDArray[np.int64]
    truth: Floats | None
    drivers: Drivers | None
    season: int
    horizon: int
    levels: Floats
    loss: Loss
    origins: int = 3
    stride: int | None = None
    boosting: Boosting = "auto"


def _forecast_task(task: _Task) -> PanelForecast:
    kind = classify(task.values, task.starts)
    rare = np.isin(kind, ("intermittent", "lumpy"))
    lengths = np.diff(task.starts)
    horizon = task.horizon
    least = max(5, min(2 * task.season + 2, int(np.median(lengths)) // 2))
    cuts = combination.origins(
        lengths,
        horizon=horizon,
        count=task.origins,
        stride=task.stride or _stride(lengths, horizon, task.origins, least),
        least=least,
    )
    actual = combination.held_out(task.values, task.starts, cuts, horizon)
    came = actual
    if task.truth is not None:
        came = combination.held_out(task.truth, task.starts, cuts, horizon)
    parts = []
    for chosen, counting in ((~rare, False), (rare, True)):
        rows = np.flatnonzero(chosen)
        if len(rows):
            parts.append(
                _forecast_class(task, rows, cuts[rows], actual[rows], came[rows], counting)
            )
    return _gather(parts, kind, came, task.levels, horizon, cuts[:, 1:])


def _stride(lengths: NDArray[np.int64], horizon: int, origins: int, least: int) -> int:
    """Periods between origins: apart where the past is long, so that they tell different things."""
    room = int(np.median(lengths)) // 2 - horizon
    third = max(1, horizon // 3)
    return int(np.clip(room // max(1, origins - 1), third, max(third, horizon)))


def _forecast_class(
    task: _Task,
    rows: NDArray[np.int64],
    cuts: NDArray[np.int64],
    actual: Floats,
    came: Floats,
    counting: bool,
) -> tuple[Any, ...]:
    """Back-test, combine and calibrate the series of one class of demand."""
    values, starts = take(task.values, task.starts, rows)
    drivers = drivers_of(task.drivers, rows)
    wanted: Loss = "counts" if counting else task.loss
    booster = None
    if boosting_model.worthwhile(starts, task.boosting):
        booster = boosting_model.fit(
            values,
            starts,
            cuts,
            season=task.season,
            horizon=task.horizon,
            loss=wanted,
            drivers=drivers,
        )
    run = partial(candidates.forecasts, season=task.season, horizon=task.horizon, booster=booster)
    names = candidates.pool(
        values,
        counting=counting,
        season=task.season,
        drivers=drivers,
        booster=booster,
        starts=starts,
    )
    prior, strength = candidates.prior(names, counting=counting)
    some = np.arange(len(rows))
    if len(rows) > 3 * VOTERS:
        some = some[:: len(rows) // VOTERS]
    few_values, few_starts = take(values, starts, some)
    made, scale = run(few_values, few_starts, cuts[some], names, drivers=drivers_of(drivers, some))
    test = Backtest(made[:, 1:], actual[some], scale[:, 1:])
    # Where thousands vote, the evidence decides, and fewer methods are to be run on all.
    strength = strength if len(some) == len(rows) else None
    group = combination.group_weights(test, wanted, prior, strength)
    if len(some) < len(rows):
        # Where series are many, some vote, and only what they chose is run on all.
        kept = np.flatnonzero((group > 0.5 / combination.ROUNDS) | (np.array(names) == REFERENCE))
        names, group = tuple(names[i] for i in kept), group[kept] / group[kept].sum()
        made, scale = run(values, starts, cuts, names, drivers=drivers)
        test = Backtest(made[:, 1:], actual, scale[:, 1:])
    own, apart = combination.series_weights(test, wanted, group)
    mean = np.einsum("smh,sm->sh", made[:, 0], own, optimize=True)
    tested = np.einsum("skmh,skm->skh", made[:, 1:], apart, optimize=True)
    if counting:
        mean, tested = _levelled(mean, tested, came)
        quantiles, sd, quality = calibration.count_quantiles(
            forecast=mean,
            tested=tested,
            actual=came,
            dispersions=dispersions(values, starts),
            levels=task.levels,
        )
    else:
        # Where demand hardly varies, mean and median are the same.
        wild = classify(values, starts) == "erratic"
        if wild.any():
            mean[wild], tested[wild] = _levelled(mean[wild], tested[wild], came[wild])
        quantiles, sd, quality = calibration.scaled_error_quantiles(
            forecast=mean,
            tested=tested,
            actual=actual,
            came=came,
            scales=scale[:, 0],
            levels=task.levels,
            nonnegative=bool(values.min() >= 0),
        )
    return rows, names, own, mean, sd, quantiles, tested, made[:, 1:], scale[:, 0], quality


def _levelled(mean: Floats, tested: Floats, came: Floats) -> tuple[Floats, Floats]:
    """Forecasts, coming and past, whose means are means of what comes."""
    curve = combination.level_curve(tested, came)
    known = np.isfinite(came) & np.isfinite(tested)
    said = np.where(known, tested, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    return (
        mean * curve.factors(mean.mean(axis=1))[:, None],
        tested * curve.factors(said)[:, :, None],
    )


def _joined(pieces: list[NDArray[np.int64]], parts: list[PanelForecast]) -> PanelForecast:
    """Put the pieces of a large panel together again."""
    order = np.argsort(np.concatenate(pieces), kind="stable")
    methods = tuple(dict.fromkeys(name for part in parts for name in part.methods))
    spread = [_with_methods(part, methods) for part in parts]

    def all_of(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in spread])[order]

    return PanelForecast(
        levels=parts[0].levels,
        methods=methods,
        **{name: all_of(name) for name in PER_SERIES},
    )


def _with_methods(part: PanelForecast, methods: tuple[str, ...]) -> PanelForecast:
    if part.methods == methods:
        return part
    columns = np.array([methods.index(name) for name in part.methods])
    weights = np.zeros((len(part.weights), len(methods)))
    weights[:, columns] = part.weights
    shape = list(part.method_tested.shape)
    shape[2] = len(methods)
    tested = np.full(shape, np.nan, dtype=np.float32)
    tested[:, :, columns] = part.method_tested
    return replace(part, methods=methods, weights=weights, method_tested=tested)


def _gather(
    parts: list[tuple[Any, ...]],
    kind: NDArray[np.str_],
    actual: Floats,
    levels: Floats,
    horizon: int,
    cuts: NDArray[np.int64],
) -> PanelForecast:
    """Put the classes of demand back into one panel."""
    methods = tuple(dict.fromkeys(name for part in parts for name in part[1]))
    count, origins = actual.shape[:2]
    found = PanelForecast(
        mean=np.zeros((count, horizon)),
        sd=np.zeros((count, horizon)),
        quantiles=np.zeros((count, horizon, levels.size)),
        levels=levels,
        methods=methods,
        weights=np.zeros((count, len(methods))),
        kind=kind,
        tested=np.full(actual.shape, np.nan),
        actual=actual,
        method_tested=np.full((count, origins, len(methods), horizon), np.nan, dtype=np.float32),
        scales=np.zeros(count),
        pinball=np.full(count, np.nan),
        coverage_90=np.full(count, np.nan),
        cuts=cuts,
    )
    for rows, names, own, mean, sd, quantiles, tested, method_tested, scale, quality in parts:
        columns = np.array([methods.index(name) for name in names])
        found.weights[np.ix_(rows, columns)] = own
        found.mean[rows], found.sd[rows], found.quantiles[rows] = mean, sd, quantiles
        found.tested[rows], found.scales[rows] = tested, scale
        found.pinball[rows], found.coverage_90[rows] = quality
        found.method_tested[np.ix_(rows, np.arange(origins), columns)] = method_tested
    return found


def dispersions(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Return variance over mean of each series, drawn to the group's median, at least 1."""
    own = np.ones(len(starts) - 1)
    lengths = np.diff(starts)
    for i in range(len(own)):
        y = values[starts[i] : starts[i + 1]]
        mean = y.mean()
        own[i] = y.var() / mean if mean > 0 else np.nan
    typical = np.nanmedian(own) if np.isfinite(own).any() else 1.0
    own = np.where(np.isfinite(own), own, typical)
    found: Floats = np.maximum(1.0, (own * lengths + typical * 12) / (lengths + 12))
    return found
