"""Quantiles that hold what they promise: spread from past errors, levels made right by them.

Series with much demand get their quantiles from the errors of the combination at past
origins, grown to today's level, scaled by the series' own spread and pooled over the group
(split conformal prediction with a normalised score [1]_). Small counts get a negative binomial
distribution whose levels are moved to where past demand actually fell (recalibration [2]_).

References
----------
.. [1] Lei, G'Sell, Rinaldo, Tibshirani, Wasserman (2018), "Distribution-free predictive
   inference for regression", J. Am. Stat. Assoc. 113, 1094-1111, section 5.2 (locally
   weighted split conformal).
.. [2] Kuleshov, Fenner, Ermon (2018), "Accurate uncertainties for deep learning using
   calibrated regression", ICML, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats

#: Errors of the group that weigh as much as the series' own in its spread.
PRIOR_ERRORS = 6.0
#: Power of the level with which the spread of errors grows (Taylor 1961: between a half, as
#: counts have it, and one, as percentages have it).
LEVEL_POWER = 0.75
#: Errors at which the growth they show with the horizon counts half, that of a walk the rest.
POWER_EVIDENCE = 10.0
#: How much wider quantiles are of errors that all come from one origin.
ONE_ORIGIN = 1.1


def scaled_error_quantiles(
    *,
    forecast: Floats,
    tested: Floats,
    actual: Floats,
    scales: Floats,
    levels: Floats,
    nonnegative: bool,
    came: Floats | None = None,
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Return quantiles of smooth demand, the standard deviation of its error, and their quality.

    Parameters
    ----------
    forecast : ndarray, shape (n_series, horizon)
    tested, actual : ndarray, shape (n_series, n_origins, horizon)
        What the combination said at past origins, and what came; NaN where unknown.
    scales : ndarray, shape (n_series,)
        A spread to believe where a series has few errors, in units.
    levels : ndarray, shape (n_levels,)
    nonnegative : bool
    came : ndarray, optional
        What came with its freaks, where `actual` is without: one freak must not widen the
        spread of its series, but all of them together are part of what may come.

    Returns
    -------
    quantiles : ndarray, shape (n_series, horizon, n_levels)
    sd : ndarray, shape (n_series, horizon)
    quality : tuple of ndarray, shape (n_series,)
        Mean pinball loss and share within the 90 % interval at past origins.
    """
    came = actual if came is None else came
    lift = _lifts(forecast, tested, nonnegative=nonnegative)
    error = (actual - tested) * lift
    known = np.isfinite(error)
    size = np.where(known, np.abs(error), 0.0)
    growth = _growth(size, known, scales)
    rebased = size / growth
    totals, counts = rebased.sum(axis=2), known.sum(axis=2)
    ratio = _pooled_ratio(totals.sum(axis=1), counts.sum(axis=1), scales)
    # The errors of an origin are scored by the spread of the others: seen by itself, an
    # outlier would hide in its own scale.
    others = _blend(
        totals.sum(axis=1, keepdims=True) - totals,
        counts.sum(axis=1, keepdims=True) - counts,
        (ratio * scales)[:, None],
    )
    # What comes is scaled as the past was: with no more evidence than the scores had, or a
    # series that was lucky once would be believed to be calm.
    seen = counts > 0
    spread = np.where(
        seen.any(axis=1),
        np.where(seen, others, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1),
        np.maximum(ratio * scales, 1e-9),
    )
    with np.errstate(invalid="ignore"):
        scores = (came - tested) * lift / (others[:, :, None] * growth)
    cut = conformal_quantiles(scores[known], levels)
    middle = float(np.median(scores[known])) if known.any() else 0.0
    cut = middle + (cut - middle) * _stretch(scores, known)
    typical = float(np.sqrt((np.clip(scores[known], -8, 8) ** 2).mean())) if known.any() else 1.25
    width = spread[:, None] * growth
    found = forecast[:, :, None] + width[:, :, None] * cut
    if nonnegative:
        found = np.maximum(found, 0.0)
    past = others[:, :, None] * growth / lift

    def at(q: int) -> Floats:
        path: Floats = tested + past * cut[q]
        return np.maximum(path, 0.0) if nonnegative else path

    quality = _quality(at, came, levels)
    return np.maximum.accumulate(found, axis=2), width * typical, quality


def _lifts(forecast: Floats, tested: Floats, *, nonnegative: bool) -> Floats:
    """By how much errors of each past origin grow to be errors at the level that is forecast now.

    The spread of a quantity goes with a power of its mean; a series that has doubled since an
    origin errs by more than it did there.
    """
    if not nonnegative:
        return np.ones((*tested.shape[:2], 1))
    known = np.isfinite(tested)
    there = np.where(known, tested, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    here = np.broadcast_to(forecast.mean(axis=1)[:, None], there.shape)
    ratio = np.divide(here, there, out=np.ones_like(there), where=(there > 0) & (here > 0))
    found: Floats = np.clip(ratio, 0.25, 4.0)[:, :, None] ** LEVEL_POWER
    return found


def _stretch(scores: Floats, known: NDArray[np.bool_]) -> float:
    """By how much quantiles of few origins are too narrow, as errors of one origin go together.

    The mean of an origin varies around that of all origins; of an origin to come it does so by
    (n + 1) / (n - 1) times what n of them show. One origin shows nothing of it.
    """
    kept = np.where(known, np.clip(scores, -8, 8), 0.0)
    counts = known.sum(axis=(0, 2)).astype(float)
    seen = counts > 0
    origins = int(seen.sum())
    if origins < 2:
        return ONE_ORIGIN
    shares = counts[seen] / counts.sum()
    means = kept.sum(axis=(0, 2))[seen] / counts[seen]
    overall = float(shares @ means)
    between = float(shares @ (means - overall) ** 2)
    total = float((kept**2).sum() / counts.sum()) - overall**2
    more = (origins + 1) / (origins - 1) - 1
    return float(np.sqrt(1.0 + more * between / total)) if total > 0 else 1.0


def _quality(at: Callable[[int], Floats], actual: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Mean pinball loss and coverage of the 90 % interval per series; `at(q)` gives a quantile."""
    known = np.isfinite(actual)
    count = np.maximum(known.sum(axis=(1, 2)), 1)
    loss = np.zeros(len(actual))
    for q, level in enumerate(levels):
        gap = np.where(known, actual - at(q), 0.0)
        loss += np.maximum(level * gap, (level - 1) * gap).sum(axis=(1, 2))
    low, high = int(np.abs(levels - 0.05).argmin()), int(np.abs(levels - 0.95).argmin())
    with np.errstate(invalid="ignore"):
        inside = known & (actual >= at(low)) & (actual <= at(high))
    empty = ~known.any(axis=(1, 2))
    pinball = np.where(empty, np.nan, loss / count / len(levels))
    return pinball, np.where(empty, np.nan, inside.sum(axis=(1, 2)) / count)


def conformal_quantiles(scores: Floats, levels: Floats) -> Floats:
    """Return score quantiles with the finite-sample step outwards of split conformal prediction.

    Fewer than 20 scores say little: normal quantiles for a mean absolute error of one.

    >>> conformal_quantiles(np.zeros(5), np.array([0.05, 0.5, 0.95])).round(3).tolist()
    [-2.062, 0.0, 2.062]
    """
    from scipy.special import ndtri

    normal: Floats = ndtri(levels) * np.sqrt(np.pi / 2)
    n = len(scores)
    if n < 20:
        return normal
    rank = np.where(levels >= 0.5, np.ceil((n + 1) * levels), np.floor((n + 1) * levels))
    ordered = np.sort(scores)
    empirical = ordered[np.clip(rank.astype(int) - 1, 0, n - 1)]
    # The outermost levels of a small sample are extremes, not quantiles.
    trust = n / (n + 30.0)
    blended: Floats = np.maximum.accumulate(trust * empirical + (1 - trust) * normal)
    return blended


def _growth(size: Floats, known: NDArray[np.bool_], scales: Floats) -> Floats:
    """How the error grows with the horizon, rising, 1 on average of what is known; (horizon,)."""
    base = np.maximum(scales, 1e-9)[:, None, None]
    capped = np.minimum(size / base, 20.0)
    count = known.sum(axis=(0, 1)).astype(float)
    steps = np.arange(1, size.shape[2] + 1)
    # A single series has few errors of each step, but enough of all to tell a curve by.
    seen = np.flatnonzero(count >= np.clip(count.max(initial=1.0), 1.0, 10.0))
    power = 0.5
    if len(seen) >= 2:
        mean = np.where(known, capped, 0.0).sum(axis=(0, 1))[seen] / count[seen]
        x, y, w = np.log(steps[seen]), np.log(np.maximum(mean, 1e-9)), np.sqrt(count[seen])
        x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
        power = float((w * x * y).sum() / max((w * x * x).sum(), 1e-12))
        trust = count.sum() / (count.sum() + POWER_EVIDENCE)
        power = trust * power + (1.0 - trust) * 0.5
    # A curve through all steps says what steps without a past error may expect.
    curve = steps.astype(float) ** np.clip(power, 0.0, 1.0)
    if len(seen) >= 2:
        curve *= np.average(mean, weights=w) / np.average(curve[seen], weights=w)
        own = np.where(known, capped, 0.0).sum(axis=(0, 1)) / np.maximum(count, 1)
        curve = (own * count + curve * 200.0) / (count + 200.0)
    rising = np.maximum.accumulate(_smooth(curve))
    weight = count if count.sum() > 0 else np.ones(len(steps))
    scaled: Floats = np.maximum(rising / max(np.average(rising, weights=weight), 1e-12), 1e-3)
    return scaled


def _smooth(values: Floats) -> Floats:
    padded = np.pad(values, 1, mode="edge")
    found: Floats = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return found


def _pooled_ratio(totals: Floats, counts: Floats, scales: Floats) -> float:
    usable = (counts > 0) & (scales > 0)
    if not usable.any():
        return 1.0
    return float(np.median(totals[usable] / counts[usable] / scales[usable]))


def _blend(totals: Floats, counts: Floats, prior: Floats) -> Floats:
    found: Floats = (totals + PRIOR_ERRORS * prior) / (counts + PRIOR_ERRORS)
    return np.maximum(found, 1e-9)


def count_quantiles(
    *, forecast: Floats, tested: Floats, actual: Floats, dispersions: Floats, levels: Floats
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Return quantiles of small counts, their standard deviation and their quality.

    Parameters
    ----------
    forecast, tested, actual, levels
        As in `scaled_error_quantiles`.
    dispersions : ndarray, shape (n_series,)
        Variance over mean of each series' demand a period, at least 1.

    Returns
    -------
    quantiles : ndarray, shape (n_series, horizon, n_levels)
    sd : ndarray, shape (n_series, horizon)
    quality : tuple of ndarray, shape (n_series,)
        As in `scaled_error_quantiles`; the past mean of each origin is taken over its horizon.
    """
    from fivefold.plan.demand.kernels import counts

    known = np.isfinite(actual) & np.isfinite(tested)
    flat = np.maximum(np.nan_to_num(tested).mean(axis=2), 0.0)
    seen: NDArray[np.bool_] = np.asarray(known.any(axis=2))
    bands = _bands(flat, seen)
    spread = np.broadcast_to(dispersions[:, None, None], actual.shape)
    path = np.maximum(np.nan_to_num(tested), 0.0).astype(float)
    moved = np.empty((len(bands) + 1, levels.size))
    band_of = np.searchsorted(bands, flat)
    for band in range(len(bands) + 1):
        mine = known & (band_of == band)[:, :, None]
        at = np.flatnonzero(mine.ravel())
        at = at[:: max(1, len(at) // 100_000)]
        means = path.ravel()[at]
        low, high = counts.probabilities(means, means * spread.ravel()[at], actual.ravel()[at])
        moved[band] = recalibrated_levels(low, high, levels)
    mean = np.maximum(forecast, 0.0)
    variance = mean * dispersions[:, None]
    found = np.zeros((mean.size, levels.size))
    mine = np.searchsorted(bands, mean.mean(axis=1))
    counts.quantiles(
        mean.ravel(), variance.ravel(), np.repeat(moved[mine], mean.shape[1], axis=0), found
    )
    past = np.zeros((flat.size, levels.size))
    counts.quantiles(
        flat.ravel(),
        (flat * dispersions[:, None]).ravel(),
        moved[band_of.ravel()],
        past,
    )
    past = past.reshape(*flat.shape, levels.size)
    quality = _quality(lambda q: past[:, :, q, None], actual, levels)
    return found.reshape(*mean.shape, levels.size), np.sqrt(variance), quality


def _bands(flat: Floats, known: NDArray[np.bool_]) -> Floats:
    """Edges of the demand a period by which series are calibrated apart: thirds, if many."""
    means = flat[known]
    if len(means) < 600:
        return np.zeros(0)
    return np.unique(np.quantile(means, (1 / 3, 2 / 3)))


def recalibrated_levels(low: Floats, high: Floats, levels: Floats) -> Floats:
    """Return the levels at which to read a distribution so that demand keeps the given ones.

    `low` and `high` are the probabilities below and up to each past demand. Spread evenly
    between them (the non-randomised probability integral transform of [1]_), they would be
    uniform over all were the distribution right, and nothing would move.

    References
    ----------
    .. [1] Czado, Gneiting, Held (2009), "Predictive model assessment for count data",
       Biometrics 65, 1254-1261.

    Examples
    --------
    >>> even = np.linspace(0, 1, 101)
    >>> recalibrated_levels(even[:-1], even[1:], np.array([0.1, 0.9])).round(2).tolist()
    [0.1, 0.9]
    """
    n = len(low)
    if n < 50:
        return levels
    trust = n / (n + 200.0)
    inside = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    spread = low[:, None] + (high - low)[:, None] * inside
    found: Floats = trust * np.quantile(spread, levels) + (1 - trust) * levels
    return np.clip(np.maximum.accumulate(found), 1e-4, 1 - 1e-5)
