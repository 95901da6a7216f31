"""Which methods to trust: rolling origins, a combination for the group, a tilt for the series.

The combination is made in two steps. Over all series of a group, methods are added one at
a time, with replacement, whichever lowers the loss of the average most [1]_: many series
vote, so noise of one decides little, and an average of good methods beats the best of them
[2]_. Then each series tilts these weights by its own errors, as strongly as pays at the
latest origin when weights come from the earlier ones.

References
----------
.. [1] Caruana, Niculescu-Mizil, Crew, Ksikes (2004), "Ensemble selection from libraries of
   models", ICML.
.. [2] Petropoulos, Svetunkov (2020), "A simple combination of univariate models", Int. J.
   Forecasting 36, 110-115.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Loss = Literal["absolute", "squared", "counts"]
Floats = NDArray[np.floating]

ROUNDS = 12
#: Series that vote on the group's combination; more change nothing and cost time.
VOTERS = 1500
TILTS = (0.0, 0.5, 1.0, 2.0)
#: Past errors at which a series' own record counts half.
TILT_EVIDENCE = 8.0


@dataclass(frozen=True, slots=True)
class Backtest:
    """Forecasts made at past origins, and what came.

    `forecasts` has shape (n_series, n_origins, n_methods, horizon), origin 0 the latest;
    `actual` (n_series, n_origins, horizon), NaN where not known; `scales` (n_series,
    n_origins), the in-sample error of the naive method.
    """

    forecasts: Floats
    actual: Floats
    scales: Floats


def origins(
    lengths: NDArray[np.int64], *, horizon: int, count: int, stride: int, least: int
) -> NDArray[np.int64]:
    """Return how much of each series is known at each origin: column 0 all of it, then backwards.

    An origin that leaves fewer than `least` values is dropped (0); a series too short for
    any keeps one that leaves two thirds of it.

    >>> origins(np.array([30, 8]), horizon=6, count=2, stride=3, least=6).tolist()
    [[30, 24, 21], [8, 5, 0]]
    """
    cuts = np.zeros((len(lengths), count + 1), dtype=np.int64)
    cuts[:, 0] = lengths
    for k in range(count):
        cut = lengths - horizon - k * stride
        cuts[:, k + 1] = np.where(cut >= least, cut, 0)
    short = cuts[:, 1] == 0
    cuts[short, 1] = np.where(lengths[short] >= 4, np.maximum(3, lengths[short] * 2 // 3), 0)
    return cuts


def held_out(
    values: Floats, starts: NDArray[np.int64], cuts: NDArray[np.int64], horizon: int
) -> Floats:
    """Return what followed each past origin, shape (n_series, n_origins, horizon)."""
    ends = starts[1:]
    at = starts[:-1, None, None] + cuts[:, 1:, None] + np.arange(horizon)[None, None, :]
    known = (at < ends[:, None, None]) & (cuts[:, 1:, None] > 0)
    found = np.full(at.shape, np.nan)
    found[known] = values[at[known]]
    return found


def losses(forecast: Floats, test: Backtest, loss: Loss) -> Floats:
    """Return the loss of each series at each origin, shape (n_series, n_origins); NaN if unknown.

    absolute: half the symmetric relative error, half the error scaled by the naive one, each
    against its typical size, as the M4 competition weighs them. squared: root of the mean
    squared scaled error. counts: mean squared error, scaled towards the group, for series
    whose own scale is little more than noise.
    """
    actual = test.actual
    error = np.abs(forecast - actual)
    scale = np.maximum(test.scales, 1e-9)[:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        if loss == "counts":
            known = test.scales[np.isfinite(test.scales)]
            typical = float(np.median(known)) if known.size else 1.0
            return _mean(error**2 / (scale**2 + typical**2))
        if loss == "squared":
            root: Floats = np.sqrt(_mean((error / scale) ** 2))
            return root
        relative = error / (np.abs(forecast) + np.abs(actual) + 1e-9)
        blend: Floats = 10.0 * _mean(relative) + 0.5 * _mean(np.minimum(error / scale, 50.0))
        return blend


def _mean(values: Floats) -> Floats:
    """Mean over the horizon of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=2)
    total = np.where(known, values, 0.0).sum(axis=2)
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def group_weights(test: Backtest, loss: Loss, prior: Floats) -> Floats:
    """Return one weight per method for the whole group, summing to 1.

    Parameters
    ----------
    test : Backtest
    loss : {'absolute', 'squared'}
    prior : ndarray, shape (n_methods,)
        Weights to believe before any evidence; few series leave much of them.
    """
    usable = np.isfinite(test.actual).any(axis=(1, 2))
    voters = np.flatnonzero(usable)
    if len(voters) == 0:
        believed: Floats = prior / prior.sum()
        return believed
    voters = voters[:: max(1, len(voters) // VOTERS)]
    part = Backtest(test.forecasts[voters], test.actual[voters], test.scales[voters])
    pseudo = 8.0 / (1.0 + len(voters) / 6.0)
    counts = prior / prior.sum() * pseudo
    total = np.einsum("skmh,m->skh", part.forecasts, counts, optimize=True)
    size = pseudo
    for _ in range(ROUNDS):
        best, chosen = np.inf, 0
        for method in range(prior.size):
            trial = (total + part.forecasts[:, :, method]) / (size + 1.0)
            value = float(np.nanmean(losses(trial, part, loss)))
            if value < best - 1e-12:
                best, chosen = value, method
        total = total + part.forecasts[:, :, chosen]
        counts[chosen] += 1.0
        size += 1.0
    found: Floats = counts / counts.sum()
    return found


def series_weights(test: Backtest, loss: Loss, group: Floats) -> tuple[Floats, Floats]:
    """Return weights per series, and per series and origin as if that origin were not known.

    Returns
    -------
    weights : ndarray, shape (n_series, n_methods)
    apart : ndarray, shape (n_series, n_origins, n_methods)
        For errors that are to be those of forecasts yet to come: each origin is combined by
        weights from the other ones.
    """
    support = np.flatnonzero(group > 0)
    own = np.stack([losses(test.forecasts[:, :, m], test, loss) for m in support], axis=2)
    evidence = np.isfinite(test.actual).sum(axis=2)
    strength = _tilt_strength(test, loss, group, support)
    count, origins = own.shape[:2]
    weights = np.zeros((count, group.size))
    weights[:, support] = _tilted(
        _over_origins(own), evidence.sum(axis=1), group[support], strength
    )
    apart = np.zeros((count, origins, group.size))
    for k in range(origins):
        others = np.delete(own, k, axis=1)
        seen = np.delete(evidence, k, axis=1).sum(axis=1)
        apart[:, k, support] = _tilted(_over_origins(others), seen, group[support], strength)
    return weights, apart


def _over_origins(own: Floats) -> Floats:
    """Mean over origins of what is known, shape (n_series, n_methods); NaN where nothing is."""
    known = np.isfinite(own)
    count = known.sum(axis=1)
    total = np.where(known, own, 0.0).sum(axis=1)
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _tilted(own: Floats, evidence: NDArray[np.int64], group: Floats, strength: float) -> Floats:
    """Weights times the inverse of own losses to a power that grows with the evidence."""
    known = np.isfinite(own)
    total = np.where(known, own, 0.0).sum(axis=1, keepdims=True)
    typical = total / np.maximum(known.sum(axis=1, keepdims=True), 1)
    relative = np.where(known & (typical > 0), own / np.maximum(typical, 1e-12), 1.0)
    trust = (evidence / (evidence + TILT_EVIDENCE))[:, None]
    raw = group * (relative + 0.1) ** (-strength * trust)
    tilted: Floats = raw / raw.sum(axis=1, keepdims=True)
    return tilted


def _tilt_strength(test: Backtest, loss: Loss, group: Floats, support: NDArray[np.int64]) -> float:
    """How strongly to trust a series' own errors, by the latest origin alone."""
    if test.actual.shape[1] < 2 or len(support) < 2:
        return 0.0
    early = Backtest(test.forecasts[:, 1:], test.actual[:, 1:], test.scales[:, 1:])
    late = Backtest(test.forecasts[:, :1], test.actual[:, :1], test.scales[:, :1])
    both = np.isfinite(early.actual).any(axis=(1, 2)) & np.isfinite(late.actual).any(axis=(1, 2))
    if both.sum() < 10:
        return 0.0
    own = np.stack([losses(early.forecasts[:, :, m], early, loss) for m in support], axis=2)
    own = _over_origins(own)
    seen = np.isfinite(early.actual).sum(axis=(1, 2))
    best, chosen = np.inf, 0.0
    for strength in TILTS:
        weights = _tilted(own, seen, group[support], strength)
        path = np.einsum("skmh,sm->skh", late.forecasts[:, :, support], weights, optimize=True)
        value = float(np.nanmean(losses(path, late, loss)[both]))
        if value < best * (1 - 1e-4):
            best, chosen = value, strength
    return chosen


def pooled_line(tested: Floats, actual: Floats, scales: Floats) -> tuple[float, float]:
    """Return offset and slope of the line from past forecasts to what came, over a group.

    A slope below one draws extreme forecasts of sparse series towards the group's mean, as
    an empirical Bayes estimate does (Efron, Morris 1975). It is used only where a line fitted
    to the earlier origins would have helped at the latest.

    Parameters
    ----------
    tested, actual : ndarray, shape (n_series, n_origins, horizon)
    scales : ndarray, shape (n_series,)

    Returns
    -------
    offset, slope : float
        0 and 1 where nothing is to be gained.
    """
    if tested.shape[0] < 50 or tested.shape[1] < 2:
        return 0.0, 1.0
    weights = 1.0 / (scales**2 + float(np.nanmedian(scales)) ** 2 + 1e-12)
    offset, slope = _line(tested[:, 1:], actual[:, 1:], weights)
    known = np.isfinite(actual[:, 0])
    w = np.broadcast_to(weights[:, None], known.shape)[known]
    a, f = actual[:, 0][known], tested[:, 0][known]
    if a.size == 0:
        return 0.0, 1.0
    if (w * (a - offset - slope * f) ** 2).sum() >= (w * (a - f) ** 2).sum():
        return 0.0, 1.0
    return _line(tested, actual, weights)


def _line(tested: Floats, actual: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted least squares with an offset that cannot be negative."""
    known = np.isfinite(actual) & np.isfinite(tested)
    if not known.any():
        return 0.0, 1.0
    w = np.broadcast_to(weights[:, None, None], known.shape)[known]
    f, a = tested[known], actual[known]
    w = w / w.sum()
    centre_f, centre_a = (w * f).sum(), (w * a).sum()
    spread = (w * (f - centre_f) ** 2).sum()
    slope = (w * (f - centre_f) * (a - centre_a)).sum() / spread if spread > 0 else 1.0
    slope = float(np.clip(slope, 0.3, 1.2))
    return max(0.0, float(centre_a - slope * centre_f)), slope
