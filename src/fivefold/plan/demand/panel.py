"""Forecast many series of one season and horizon: back-test, combine, calibrate.

Knows arrays only. Series are told apart by how demand comes (Syntetos, Boylan, Croston
2005: average interval between demands and squared variation of their size), because what
is good for smooth demand is bad for intermittent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand import calibration, combination
from fivefold.plan.demand.combination import Backtest, Floats, Loss
from fivefold.plan.demand.drivers import Drivers, effects

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


#: Methods tried on series whose calendar effects were taken out.
CALM_POOL = (
    "ses",
    "ses_05",
    "ses_10",
    "ses_20",
    "damped",
    "optimised_theta",
    "seasonal_mean",
    "recent_mean",
    "shrunk_theta",
)


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """Forecasts of many series.

    mean (n_series, horizon), sd the same, quantiles (n_series, horizon, n_levels), weights
    (n_series, n_methods) of the methods in `methods`, kind (n_series,) the class of demand,
    tested and actual (n_series, n_origins, horizon), method_tested (n_series, n_origins,
    n_methods, horizon) as float32; pinball and coverage_90 (n_series,) at past origins.
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
    drivers : Drivers, optional
        Features of all periods, where all series end at the same one.
    """
    kind = classify(values, starts)
    rare = np.isin(kind, ("intermittent", "lumpy"))
    lengths = np.diff(starts)
    stride = stride or max(1, horizon // 3)
    cuts = combination.origins(
        lengths,
        horizon=horizon,
        count=origins,
        stride=stride,
        least=max(5, min(2 * season + 2, int(np.median(lengths)) // 2)),
    )
    actual = combination.held_out(values, starts, cuts, horizon)
    parts = []
    for chosen, counting in ((~rare, False), (rare, True)):
        rows = np.flatnonzero(chosen)
        if len(rows) == 0:
            continue
        names, made, scale = _candidates(
            *take(values, starts, rows),
            cuts[rows],
            pool=COUNT_POOL if counting else SMOOTH_POOL,
            season=season,
            horizon=horizon,
            drivers=_driven(drivers, rows),
        )
        prior = np.isin(names, COUNT_PRIOR if counting else SMOOTH_PRIOR).astype(float)
        test = Backtest(made[:, 1:], actual[rows], scale[:, 1:])
        wanted: Loss = "counts" if counting else loss
        own, apart = combination.series_weights(
            test, wanted, combination.group_weights(test, wanted, prior)
        )
        mean = np.einsum("smh,sm->sh", made[:, 0], own, optimize=True)
        tested = np.einsum("skmh,skm->skh", made[:, 1:], apart, optimize=True)
        part_values, part_starts = take(values, starts, rows)
        if counting:
            offset, slope = combination.pooled_line(tested, actual[rows], scale[:, 0])
            sold = np.array([v.max() > 0 for v in np.split(part_values, part_starts[1:-1])])
            mean = np.where(sold[:, None], offset + slope * mean, 0.0)
            tested = offset + slope * tested
            quantiles, sd, quality = calibration.count_quantiles(
                forecast=mean,
                tested=tested,
                actual=actual[rows],
                dispersions=dispersions(part_values, part_starts),
                levels=levels,
            )
        else:
            quantiles, sd, quality = calibration.scaled_error_quantiles(
                forecast=mean,
                tested=tested,
                actual=actual[rows],
                scales=scale[:, 0],
                levels=levels,
                nonnegative=bool(part_values.min() >= 0),
            )
        parts.append(
            (rows, names, own, mean, sd, quantiles, tested, made[:, 1:], scale[:, 0], quality)
        )
    return _gather(parts, kind, actual, levels, horizon)


def _gather(
    parts: list[tuple[Any, ...]],
    kind: NDArray[np.str_],
    actual: Floats,
    levels: Floats,
    horizon: int,
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
    )
    for rows, names, own, mean, sd, quantiles, tested, method_tested, scale, quality in parts:
        columns = np.array([methods.index(name) for name in names])
        found.weights[np.ix_(rows, columns)] = own
        found.mean[rows], found.sd[rows], found.quantiles[rows] = mean, sd, quantiles
        found.tested[rows], found.scales[rows] = tested, scale
        found.pinball[rows], found.coverage_90[rows] = quality
        found.method_tested[np.ix_(rows, np.arange(origins), columns)] = method_tested
    return found


def _driven(drivers: Drivers | None, rows: NDArray[np.int64]) -> Drivers | None:
    if drivers is None:
        return None
    return replace(
        drivers, own=drivers.own[rows], groups=drivers.groups[rows], current=drivers.current[rows]
    )


def _candidates(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    *,
    pool: tuple[str, ...],
    season: int,
    horizon: int,
    drivers: Drivers | None,
) -> tuple[list[str], Floats, Floats]:
    """Return names, forecasts (n_series, n_origins + 1, n_methods, horizon) and scales."""
    from fivefold.plan.demand.kernels import panel as kernels

    codes = np.array([kernels.NAMES.index(name) for name in pool], dtype=np.int64)
    positive = bool(values.min() >= 0)
    made, scale = kernels.run(values, starts, cuts, codes, season, horizon, positive)
    names, all_made = list(pool), [made]
    # A few corrections below zero do not make a series that can be negative.
    if drivers is not None and (values < 0).mean() < 0.02:
        daily = season == 7
        variants = [("year", True, season if daily else 1)]
        if daily or drivers.own.shape[2]:
            variants.append(("calendar", False, season))
        plain = made.mean(axis=2, keepdims=True)
        for label, yearly, inner in variants:
            names += [f"{label}_{name}" for name in CALM_POOL]
            all_made.append(
                _calm(
                    np.maximum(values, 0.0),
                    starts,
                    cuts,
                    inner,
                    horizon,
                    drivers,
                    yearly=yearly,
                    plain=plain,
                )
            )
    return names, np.concatenate(all_made, axis=2), scale


def _calm(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    season: int,
    horizon: int,
    drivers: Drivers,
    *,
    yearly: bool,
    plain: Floats,
) -> Floats:
    """Forecast without the effects of the drivers, then put them back; origin by origin."""
    from fivefold.plan.demand.kernels import panel as kernels

    codes = np.array([kernels.NAMES.index(name) for name in CALM_POOL], dtype=np.int64)
    past = drivers.shared.shape[0] - horizon
    demand = aligned(values, starts, past)
    demand[~drivers.current] = np.nan
    lengths = np.diff(starts)
    found = np.repeat(plain, len(codes), axis=2)
    for k in range(cuts.shape[1]):
        usable = (cuts[:, k] > 0) & drivers.current
        if not usable.any():
            continue
        # The usual distance of this origin; series too short for it have another.
        back = int(np.bincount((lengths - cuts[:, k])[usable]).argmax())
        # Only series that share the origin share what is known of the calendar.
        shared = (lengths - cuts[:, k] == back) & usable
        known = past - back
        moved = effects(demand, drivers, known=known, yearly=yearly)
        calm = np.nan_to_num(demand * np.exp(-moved[:, :past]))
        flat = np.concatenate([calm[i, past - n :] for i, n in enumerate(lengths)])
        column = np.where(shared, cuts[:, k], 0)[:, None]
        made, _ = kernels.run(flat, starts, column, codes, season, horizon, True)
        ahead = np.exp(moved[shared, known : known + horizon])
        found[shared, k] = made[shared, 0] * ahead[:, None, :]
    return found


def aligned(values: Floats, starts: NDArray[np.int64], past: int) -> Floats:
    """Return series as rows that end together, NaN before their first value."""
    found = np.full((len(starts) - 1, past), np.nan)
    for i in range(len(found)):
        y = values[starts[i] : starts[i + 1]][-past:]
        found[i, past - len(y) :] = y
    return found


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
