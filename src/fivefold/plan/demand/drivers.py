"""What moves demand besides its own past: weekday, date, holiday, season, price, promotion.

The effects are multipliers, estimated in logarithms by ridge regression. A group of series
is estimated first; each member departs from its group only as far as its own data insist
[1]_. Taking the effects out leaves a calmer series for the compiled methods; putting the
effects of the coming days back in gives the forecast.

References
----------
.. [1] Gelman, Hill (2007), *Data Analysis Using Regression and Multilevel Models*, section
   12.2 (partial pooling); the ridge towards the group is its penalised form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats

#: Observations that a group's estimate is worth against a member's own, and zero against a
#: group's.
OWN_RIDGE, GROUP_RIDGE = 12.0, 3.0
#: Waves of the yearly profile at most.
WAVES = 5
#: No effect is believed beyond these multiples.
LARGEST = np.log(6.0)


@dataclass(frozen=True, slots=True)
class Drivers:
    """Features of every period, past and coming.

    shared : ndarray, shape (n_past + horizon, n_shared)
        Alike for all series: weekday, day of the month, holiday.
    own : ndarray, shape (n_series, n_past + horizon, n_own)
        Of each series: price, promotion, local event.
    yearly : ndarray, shape (n_past + horizon, 2 * waves)
        Sines and cosines of the time of the year.
    groups : ndarray of int, shape (n_series,)
        Series of one group share their estimate.
    current : ndarray of bool, shape (n_series,)
        Series whose past ends with the table's; the others are left alone.
    window : int
        Periods of the moving average from which short effects are measured; odd.
    """

    shared: Floats
    own: Floats
    yearly: Floats
    groups: NDArray[np.int64]
    current: NDArray[np.bool_]
    window: int


def calendar_features(
    starts: list[date], days: int, holidays: Mapping[date, str]
) -> tuple[Floats, Floats]:
    """Return shared and yearly features of periods of `days` days.

    Weekday and day of the month for days; for each named holiday the share of it that falls
    into the period, and for days also the two days before.
    """
    columns: list[Floats] = []
    if days == 1:
        weekday = np.array([day.weekday() for day in starts])
        month_day = np.array([day.day for day in starts])
        columns += [(weekday == k).astype(float) for k in range(7)]
        columns += [(month_day == k).astype(float) for k in range(1, 32)]
    names = sorted(set(holidays.values()))
    index = {name: k for k, name in enumerate(names)}
    hits = np.zeros((len(starts), len(names)))
    before = np.zeros((len(starts), len(names)))
    for i, start in enumerate(starts):
        for offset in range(days):
            name = holidays.get(start + timedelta(days=offset))
            if name is not None:
                hits[i, index[name]] = 1.0
        for ahead in (1, 2) if days == 1 else (days,):
            name = holidays.get(start + timedelta(days=ahead))
            if name is not None:
                before[i, index[name]] = 1.0
    columns += [*hits.T, *before.T]
    shared = np.column_stack(columns) if columns else np.zeros((len(starts), 0))
    middle = np.array([(start - date(2000, 1, 1)).days + days / 2 for start in starts])
    angle = 2 * np.pi * middle / 365.25
    waves = [f(k * angle) for k in range(1, WAVES + 1) for f in (np.sin, np.cos)]
    return shared, np.column_stack(waves)


def named_holidays(country: str, years: Iterable[int]) -> dict[date, str]:
    """Return public holidays with their names, observed days left out."""
    import holidays

    found = holidays.country_holidays(country, years=list(years), observed=False)
    return {day: str(name) for day, name in sorted(found.items())}


def effects(demand: Floats, drivers: Drivers, *, known: int, yearly: bool) -> Floats:
    """Return the logarithm of what the drivers multiply demand by, past and coming.

    Parameters
    ----------
    demand : ndarray, shape (n_series, n_past)
        In units; NaN before the first day of a series.
    drivers : Drivers
    known : int
        Only the first `known` periods are looked at: the origin of a back-test.
    yearly : bool
        Whether the yearly profile is among the effects.

    Returns
    -------
    ndarray, shape (n_series, n_past + horizon)
    """
    count = demand.shape[0]
    total = drivers.shared.shape[0]
    found = np.zeros((count, total))
    for group in np.unique(drivers.groups):
        rows = np.flatnonzero(drivers.groups == group)
        seen = demand[rows, :known]
        short = _short_effects(seen, drivers, rows)
        found[rows] = short
        if yearly:
            found[rows] += _yearly_effects(seen, short[:, :known], drivers.yearly)
    return np.clip(found, -LARGEST, LARGEST)


def _short_effects(seen: Floats, drivers: Drivers, rows: NDArray[np.int64]) -> Floats:
    """Weekday, holiday, price and the like: what differs from the weeks around."""
    known = seen.shape[1]
    total = drivers.shared.shape[0]
    width = drivers.shared.shape[1] + drivers.own.shape[2]
    if width == 0 or known < 2 * drivers.window:
        return np.zeros((len(rows), total))
    volume = np.nansum(seen, axis=1) / np.maximum(np.isfinite(seen).sum(axis=1), 1)
    pooled = _log_ratio(np.nansum(seen, axis=0)[None, :], drivers.window)[0]
    weight = volume / max(volume.sum(), 1e-12)
    mixed = np.ascontiguousarray(np.einsum("s,stf->tf", weight, drivers.own[rows]))
    group = _ridge(drivers.shared, mixed, pooled, GROUP_RIDGE)
    ratios = _log_ratio(seen, drivers.window)
    found = np.zeros((len(rows), total))
    together, flags = drivers.shared, drivers.shared.shape[1]
    for i, row in enumerate(rows):
        fitted = together @ group[:flags] + drivers.own[row] @ group[flags:]
        usable = np.isfinite(ratios[i])
        if usable.sum() >= 2 * drivers.window:
            # Counts of a few units are noise in logarithms; they follow their group.
            ridge = OWN_RIDGE * (1.0 + 20.0 / max(volume[i], 0.1))
            own = _ridge(drivers.shared, drivers.own[row], ratios[i] - fitted[:known], ridge)
            fitted = fitted + together @ own[:flags] + drivers.own[row] @ own[flags:]
        found[i] = fitted
    return found


def _yearly_effects(seen: Floats, short: Floats, yearly: Floats) -> Floats:
    """The group's profile of the year, from a regression with a trend."""
    known = seen.shape[1]
    total = np.nansum(seen * np.exp(-short), axis=0)
    present = np.isfinite(seen).sum(axis=0)
    # Members that come and go must not look like a season: per member and period.
    level = np.log1p(np.where(present > 0, total / np.maximum(present, 1), 0.0))
    usable = present >= max(1, present.max() // 2)
    span = float(usable.sum()) / max(1.0, _year_length(yearly))
    waves = min(WAVES, int(span * 2.5))
    if waves < 1 or span < 0.9:
        return np.zeros((1, yearly.shape[0]))
    profile = yearly[:, : 2 * waves]
    clock = np.linspace(-1, 1, known)
    trend = np.column_stack([np.ones(known), clock])
    x = np.concatenate([profile[:known], trend], axis=1)[usable]
    penalty = np.full(x.shape[1], 0.02 * len(x) / max(1.0, span - 0.5))
    penalty[-2:] = 1e-6 * len(x)
    coefficients = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ level[usable])
    found: Floats = (profile @ coefficients[: 2 * waves])[None, :]
    return found


def _year_length(yearly: Floats) -> float:
    """Periods in a year, from the turning of the first wave."""
    angle = np.unwrap(np.arctan2(yearly[:, 0], yearly[:, 1]))
    turned = abs(angle[-1] - angle[0])
    return float(2 * np.pi * (len(angle) - 1) / turned) if turned > 0 else 1.0


def _log_ratio(demand: Floats, window: int) -> Floats:
    """Logarithm of demand over its centred moving average; NaN where unknown."""
    z = np.log1p(demand)
    known = np.isfinite(z)
    filled = np.where(known, z, 0.0)
    half = window // 2
    pad = ((0, 0), (half + 1, half))
    total = np.cumsum(np.pad(filled, pad), axis=1)
    count = np.cumsum(np.pad(known.astype(float), pad), axis=1)
    sums = total[:, window:] - total[:, :-window]
    counts = count[:, window:] - count[:, :-window]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Floats = np.where(known & (counts > 0), z - sums / counts, np.nan)
    return ratio


def _ridge(shared: Floats, own: Floats, target: Floats, ridge: float) -> Floats:
    """Coefficients of shared and own columns; rows without a target are left out."""
    from fivefold.plan.demand.kernels import regression

    gram, right = regression.normal_equations(shared, own, target)
    found: Floats = np.linalg.solve(gram + ridge * np.eye(len(right)), right)
    return found
