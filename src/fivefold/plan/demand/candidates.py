"""What the combination chooses from: compiled methods, plain or without the calendar, and trees.

Knows the names of the methods and how each makes its forecasts from every origin. A name with
`year_` or `calendar_` before it is the method on a series whose effects were taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand import pooled
from fivefold.plan.demand.boosting import Booster
from fivefold.plan.demand.combination import ROUNDS, Floats
from fivefold.plan.demand.drivers import Drivers, effects

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
    "longer_damped",
    "longer_theta",
)
SMOOTH_PRIOR = ("ses", "damped", "optimised_theta", "log_theta")
#: Good and unlike each other: what is believed of series about which no calendar is known.
WIDE_PRIOR = (
    "shrunk_damped",
    "log_damped",
    "log_theta",
    "log_optimised_theta",
    "shrunk_theta",
    "optimised_theta",
    "ar_long",
    "longer_damped",
    "longer_theta",
    *pooled.NAMES,
)
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
BOOSTED = "boosted"
#: What stands in where a method cannot say anything about a series.
FALLBACK = "shrunk_theta"


def driven(values: Floats, drivers: Drivers | None) -> bool:
    """Tell whether effects can be taken out: there are drivers and demand is a quantity.

    A few corrections below zero do not make a series that can be negative.
    """
    return drivers is not None and bool((values < 0).mean() < 0.02)


def pool(
    values: Floats,
    *,
    counting: bool,
    season: int,
    drivers: Drivers | None,
    booster: Booster | None,
    starts: NDArray[np.int64],
) -> tuple[str, ...]:
    """Return the names of all methods to try on series of one class of demand."""
    names = list(COUNT_POOL if counting else SMOOTH_POOL)
    if not counting and pooled.worthwhile(starts, season=season):
        names += pooled.NAMES
    if drivers is not None and driven(values, drivers):
        names += [f"year_{name}" for name in CALM_POOL]
        if season == 7 or drivers.own.shape[2]:
            names += [f"calendar_{name}" for name in CALM_POOL]
    if booster is not None:
        names.append(BOOSTED)
    return tuple(names)


def prior(names: Sequence[str], *, counting: bool) -> tuple[Floats, float | None]:
    """Return what to believe of the methods before any evidence, and how strongly.

    No strength means as `combination.group_weights` has it: less the more series vote. Where
    only the past of the series speaks, what was best at a few past origins is much chance, and
    a wide average is never far from the best; where the calendar speaks, the evidence decides.
    """
    told = any(name.startswith(("year_", "calendar_")) for name in names)
    if counting:
        return np.isin(names, COUNT_PRIOR).astype(float), None
    if told:
        return np.isin(names, SMOOTH_PRIOR).astype(float), None
    return np.isin(names, WIDE_PRIOR).astype(float), ROUNDS / 2


def forecasts(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    names: Sequence[str],
    *,
    season: int,
    horizon: int,
    drivers: Drivers | None,
    booster: Booster | None,
) -> tuple[Floats, Floats]:
    """Return forecasts by every method from every origin, and the scale of each.

    Returns
    -------
    made : ndarray of float32, shape (n_series, n_cuts, n_methods, horizon)
        In the order of `names`.
    scale : ndarray, shape (n_series, n_cuts)
        Mean absolute error of the seasonal naive method in the known part.
    """
    from fivefold.plan.demand.kernels import panel as kernels

    plain_names = [name for name in names if name in kernels.NAMES]
    asked = plain_names or [FALLBACK]
    codes = np.array([kernels.NAMES.index(name) for name in asked], dtype=np.int64)
    positive = bool(values.min() >= 0)
    plain, scale = kernels.run(values, starts, cuts, codes, season, horizon, positive)
    found = np.empty((*plain.shape[:2], len(names), horizon), dtype=np.float32)
    at = {name: i for i, name in enumerate(names)}
    for i, name in enumerate(plain_names):
        found[:, :, at[name]] = plain[:, :, i]
    middle = plain.mean(axis=2)
    for prefix, yearly in (("year_", True), ("calendar_", False)):
        own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        if not own:
            continue
        assert drivers is not None
        inner = 1 if yearly and season != 7 else season
        if not yearly:
            inner = season
        calm = _calm(
            np.maximum(values, 0.0), starts, cuts, own, inner, drivers, yearly=yearly, middle=middle
        )
        for i, name in enumerate(own):
            found[:, :, at[prefix + name]] = calm[:, :, i]
    for name in pooled.NAMES:
        if name not in at:
            continue
        said = pooled.forecasts(
            values,
            starts,
            cuts,
            season=season,
            horizon=horizon,
            scaled=name == pooled.POOLED_SCALED,
        )
        if positive:
            said = np.maximum(said, 0.0)
        found[:, :, at[name]] = np.where(np.isfinite(said), said, middle)
    if BOOSTED in at:
        assert booster is not None
        said = booster.predict(values, starts, cuts, drivers)
        if positive:
            said = np.maximum(said, 0.0)
        found[:, :, at[BOOSTED]] = np.where(np.isfinite(said), said, middle)
    return found, scale


def _calm(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    names: Sequence[str],
    season: int,
    drivers: Drivers,
    *,
    yearly: bool,
    middle: Floats,
) -> Floats:
    """Forecast without the effects of the drivers, then put them back; origin by origin."""
    from fivefold.plan.demand.kernels import panel as kernels

    horizon = middle.shape[2]
    codes = np.array([kernels.NAMES.index(name) for name in names], dtype=np.int64)
    past = drivers.shared.shape[0] - horizon
    demand = aligned(values, starts, past)
    demand[~drivers.current] = np.nan
    lengths = np.diff(starts)
    found = np.repeat(middle[:, :, None], len(codes), axis=2)
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


def drivers_of(drivers: Drivers | None, rows: NDArray[np.int64]) -> Drivers | None:
    """Return the drivers of some of the series."""
    if drivers is None:
        return None
    return replace(
        drivers, own=drivers.own[rows], groups=drivers.groups[rows], current=drivers.current[rows]
    )
