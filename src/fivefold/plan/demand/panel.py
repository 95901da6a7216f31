"""Forecast many series of one season and horizon: back-test, combine, calibrate.

Knows arrays only. Series are told apart by how demand comes (Syntetos, Boylan, Croston
2005: average interval between demands and squared variation of their size), because what
is good for smooth demand is bad for intermittent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand import calibration, combination
from fivefold.plan.demand.combination import Backtest, Floats, Loss

#: Mean interval between demands and squared coefficient of variation that part the classes.
INTERVAL_LIMIT, VARIATION_LIMIT = 1.32, 0.49

SMOOTH_POOL = (
    "naive",
    "seasonal_naive",
    "seasonal_mean",
    "drift",
    "ses",
    "holt",
    "damped",
    "theta",
    "optimised_theta",
    "ar_level",
    "ar_difference",
    "log_damped",
    "log_theta",
    "holt_winters",
    "log_holt_winters",
    "ar_long",
    "recent_mean",
    "shrunk_damped",
    "shrunk_theta",
    "log_optimised_theta",
    "seasonal_naive_drift",
    "log_seasonal_ses",
)
SMOOTH_PRIOR = ("ses", "damped", "optimised_theta", "log_theta")
COUNT_POOL = (
    "seasonal_mean",
    "ses",
    "croston",
    "sba",
    "tsb",
    "tsb_slow",
    "ses_05",
    "ses_10",
    "ses_20",
    "mean",
    "recent_mean",
    "shrunk_theta",
)
COUNT_PRIOR = ("ses_05", "ses_10", "tsb_slow", "recent_mean")


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """Forecasts of many series.

    mean (n_series, horizon), sd the same, quantiles (n_series, horizon, n_levels), weights
    (n_series, n_methods) of the methods in `methods`, kind (n_series,) the class of demand,
    tested and actual (n_series, n_origins, horizon), method_tested (n_series, n_origins,
    n_methods, horizon) as float32.
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
    by_class: bool = True,
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
        Periods between them; a third of the horizon by default.
    by_class : bool
        Treat intermittent demand apart.
    """
    from fivefold.plan.demand.kernels import panel as kernels

    kind = classify(values, starts)
    rare = np.isin(kind, ("intermittent", "lumpy")) if by_class else np.zeros(len(kind), bool)
    cuts = combination.origins(
        np.diff(starts),
        horizon=horizon,
        count=origins,
        stride=stride or max(1, horizon // 3),
        least=max(5, min(2 * season + 2, int(np.median(np.diff(starts))) // 2)),
    )
    count = len(kind)
    methods = kernels.NAMES
    mean, sd = np.zeros((count, horizon)), np.zeros((count, horizon))
    quantiles = np.zeros((count, horizon, levels.size))
    weights = np.zeros((count, len(methods)))
    actual = combination.held_out(values, starts, cuts, horizon)
    tested = np.full(actual.shape, np.nan)
    method_tested = np.full((count, origins, len(methods), horizon), np.nan, dtype=np.float32)
    scales = np.zeros(count)
    for chosen, names, prior_names in (
        (~rare, SMOOTH_POOL, SMOOTH_PRIOR),
        (rare, COUNT_POOL, COUNT_PRIOR),
    ):
        rows = np.flatnonzero(chosen)
        if len(rows) == 0:
            continue
        counting = names is COUNT_POOL
        pool = np.array([methods.index(name) for name in names], dtype=np.int64)
        part_values, part_starts = take(values, starts, rows)
        made, scale = kernels.run(
            part_values, part_starts, cuts[rows], pool, season, horizon, part_values.min() >= 0
        )
        test = Backtest(made[:, 1:], actual[rows], scale[:, 1:])
        prior = np.array([float(name in prior_names) for name in names])
        wanted: Loss = "squared" if counting else loss
        group = combination.group_weights(test, wanted, prior)
        own, _ = combination.series_weights(test, wanted, group)
        weights[np.ix_(rows, pool)] = own
        mean[rows] = np.einsum("smh,sm->sh", made[:, 0], own, optimize=True)
        tested[rows] = np.einsum("skmh,sm->skh", made[:, 1:], own, optimize=True)
        method_tested[np.ix_(rows, np.arange(origins), pool)] = made[:, 1:]
        scales[rows] = scale[:, 0]
        if counting:
            quantiles[rows], sd[rows] = calibration.count_quantiles(
                forecast=mean[rows],
                tested=tested[rows],
                actual=actual[rows],
                dispersions=dispersions(part_values, part_starts),
                levels=levels,
            )
        else:
            quantiles[rows], sd[rows] = calibration.scaled_error_quantiles(
                forecast=mean[rows],
                tested=tested[rows],
                actual=actual[rows],
                scales=scale[:, 0],
                levels=levels,
                nonnegative=bool(part_values.min() >= 0),
            )
    return PanelForecast(
        mean, sd, quantiles, levels, methods, weights, kind, tested, actual, method_tested, scales
    )


def take(
    values: Floats, starts: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """Return some of the series, end to end."""
    parts = [values[starts[i] : starts[i + 1]] for i in rows]
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


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
