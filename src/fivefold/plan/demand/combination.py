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
from typing import Any, Literal

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


def group_weights(
    test: Backtest, loss: Loss, prior: Floats, strength: float | None = None
) -> Floats:
    """Return one weight per method for the whole group, summing to 1.

    Parameters
    ----------
    test : Backtest
    loss : {'absolute', 'squared'}
    prior : ndarray, shape (n_methods,)
        Weights to believe before any evidence; few series leave much of them.
    strength : float, optional
        Rounds of evidence that the prior counts as; less the more series vote by default.
    """
    usable = np.isfinite(test.actual).any(axis=(1, 2))
    voters = np.flatnonzero(usable)
    if len(voters) == 0:
        believed: Floats = prior / prior.sum()
        return believed
    voters = voters[:: max(1, len(voters) // VOTERS)]
    part = Backtest(test.forecasts[voters], test.actual[voters], test.scales[voters])
    pseudo = 8.0 / (1.0 + len(voters) / 6.0) if strength is None else strength
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


@dataclass(frozen=True, slots=True)
class Curve:
    """What came on average where a level was forecast: a rising line through `came` at `said`."""

    said: Floats
    came: Floats

    def factors(self, level: Floats) -> Floats:
        """Return by how much to multiply forecasts whose mean over the horizon is `level`."""
        top, bottom = self.said[-1], self.said[0]
        inside = np.interp(level, self.said, self.came)
        beyond = level * (self.came[-1] / top if top > 0 else 1.0)
        wanted = np.where(level > top, beyond, inside)
        wanted = np.where((level < bottom) & (len(self.said) == 1), beyond, wanted)
        found: Floats = wanted / np.maximum(level, 1e-12)
        return np.where(level > 1e-12, found, 1.0)


def level_curve(tested: Floats, actual: Floats, *, pieces: int = 12) -> Curve:
    """Return the curve that makes means of forecasts means of what comes, at every level.

    Combinations chosen by absolute errors, on logarithms or in favour of the many small
    series say less than the mean of skewed demand; and the lowest (highest) of many noisy
    forecasts are too low (high), as Efron and Morris have it. Series are put into groups of
    like forecast level; in each the mean of what came takes the place of the mean of what was
    said [1]_, as far as it differs by more than chance, and the level as a whole as far as all
    origins tell the same.

    Parameters
    ----------
    tested, actual : ndarray, shape (n_series, n_origins, horizon)
        Not negative; NaN where unknown.
    pieces : int
        Groups at most; one of fewer than 60 series is too small.

    References
    ----------
    .. [1] Mincer, Zarnowitz (1969), "The evaluation of economic forecasts", in *Economic
       Forecasts and Expectations* (a forecast is unbiased where the mean outcome given the
       forecast is the forecast); isotonic fit of Barlow and others (1972).
    """
    known = np.isfinite(actual) & np.isfinite(tested)
    count = known.sum(axis=2)
    said = np.where(known, tested, 0.0).sum(axis=2)
    came = np.where(known, actual, 0.0).sum(axis=2)
    if not known.any() or said.sum() <= 0:
        return Curve(np.ones(1), np.ones(1))
    overall = came.sum() / said.sum()
    seen = said.sum(axis=0) > 0
    ratios = came.sum(axis=0)[seen] / said.sum(axis=0)[seen]
    series = np.flatnonzero(count.any(axis=1))
    own = (came - overall * said).sum(axis=1)[series]
    chance = (own.std() * np.sqrt(len(series)) / said.sum()) ** 2
    chance += ratios.var() / len(ratios) if len(ratios) > 1 else (0.5 * (overall - 1.0)) ** 2
    believed = 1.0 + (overall - 1.0) * _evident(overall - 1.0, chance)
    flat = count > 0
    x, y = (said[flat] / count[flat]), (came[flat] / count[flat]) / max(overall, 1e-12)
    order = np.argsort(x, kind="stable")
    # Origins of one series overlap: they are not so many times the evidence.
    groups = np.array_split(order, int(np.clip(len(series) // 60, 1, pieces)))
    points = np.array([x[g].mean() for g in groups])
    means = np.array([y[g].mean() for g in groups])
    if len(groups) > 1:
        gaps = means - points
        spread = np.array([(y[g] - x[g]).var() / max(1.0, len(g) / seen.sum()) for g in groups])
        means = points + gaps * _evident(gaps, spread)
    else:
        means = points.copy()
    return Curve(points, _rising(means, np.array([len(g) for g in groups])) * believed)


def _evident(difference: Any, variance: Any) -> Any:
    """Share of a difference that is more than chance."""
    square = np.asarray(difference) ** 2
    return square / np.maximum(square + variance, 1e-18)


def _rising(values: Floats, weights: NDArray[np.int64]) -> Floats:
    """Least-squares rising line through values: pool adjacent violators."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, float(weight), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last = blocks.pop()
            total = blocks[-1][1] + last[1]
            mean = (blocks[-1][0] * blocks[-1][1] + last[0] * last[1]) / total
            blocks[-1] = [mean, total, blocks[-1][2] + last[2]]
    return np.concatenate([np.full(int(size), value) for value, _, size in blocks])
