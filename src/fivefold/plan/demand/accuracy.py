"""Measures of forecast accuracy, each defined once.

All take arrays and return a number; a share is a share (0.1 is 10 %), except the symmetric
percentage error, which is by definition a figure from 0 to 200.

References
----------
.. [1] Hyndman, Koehler (2006), "Another look at measures of forecast accuracy", Int. J.
   Forecasting 22, 679-688 (mase).
.. [2] Makridakis, Spiliotis, Assimakopoulos (2020), "The M4 competition", Int. J. Forecasting
   36, 54-74, section 2.2 (smape, mase, owa).
.. [3] Makridakis, Spiliotis, Assimakopoulos (2022), "The M5 competition", Int. J. Forecasting
   38, 1346-1364, eq. (1)-(2) (rmsse, wrmsse); and the companion on uncertainty, 1365-1385
   (scaled pinball loss).
.. [4] Makridakis, Hibon (2000), "The M3-Competition", Int. J. Forecasting 16, 451-476 (smape).
.. [5] Kolassa, Schütz (2007), "Advantages of the MAD/mean ratio over the MAPE", Foresight 6
   (wape).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _pair(
    actual: ArrayLike, forecast: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a = np.asarray(actual, dtype=float)
    f = np.asarray(forecast, dtype=float)
    if a.shape != f.shape:
        raise ValueError(f"actual has shape {a.shape}, forecast {f.shape}; they must agree")
    return a, f


def bias(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Return the sum of errors over the sum of demand; positive is too high.

    >>> bias([10, 10], [11, 12])
    0.15
    """
    a, f = _pair(actual, forecast)
    total = float(np.abs(a).sum())
    return float((f - a).sum()) / total if total > 0 else float("nan")


def wape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Return the sum of absolute errors over the sum of demand (MAD/mean) [5].

    >>> wape([10, 0, 10], [8, 1, 11])
    0.2
    """
    a, f = _pair(actual, forecast)
    total = float(np.abs(a).sum())
    return float(np.abs(f - a).sum()) / total if total > 0 else float("nan")


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Return the symmetric mean absolute percentage error, 0 to 200 [2, 4].

    200 |a - f| / (|a| + |f|), averaged; 0 where both are zero.

    >>> round(smape([100, 200], [110, 180]), 4)
    10.0251
    """
    a, f = _pair(actual, forecast)
    below = np.abs(a) + np.abs(f)
    parts = np.divide(200 * np.abs(a - f), below, out=np.zeros_like(below), where=below > 0)
    return float(parts.mean())


def mase(actual: ArrayLike, forecast: ArrayLike, known: ArrayLike, *, season: int = 1) -> float:
    """Return the mean absolute error over that of the seasonal naive method in `known` [1, 2].

    >>> mase([5, 6], [5, 5], [1, 2, 3, 4], season=1)
    0.5
    """
    a, f = _pair(actual, forecast)
    scale = naive_error(known, season=season, power=1)
    return float(np.abs(a - f).mean()) / scale if scale > 0 else float("nan")


def rmsse(actual: ArrayLike, forecast: ArrayLike, known: ArrayLike) -> float:
    """Return the root mean squared scaled error [3].

    Squared error over the mean squared one-step naive error within `known`, counted from
    its first value that is not zero.

    >>> rmsse([4, 4], [4, 2], [0, 0, 1, 3, 5])
    0.7071067811865476
    """
    a, f = _pair(actual, forecast)
    history = np.asarray(known, dtype=float)
    sold = np.flatnonzero(history != 0)
    history = history[sold[0] :] if len(sold) else history
    scale = naive_error(history, season=1, power=2)
    return float(np.sqrt(((a - f) ** 2).mean() / scale)) if scale > 0 else float("nan")


def naive_error(known: ArrayLike, *, season: int, power: int) -> float:
    """Return the mean |y(t) - y(t - season)|^power within `known`; nan where it is too short."""
    y = np.asarray(known, dtype=float)
    if len(y) <= season:
        return float("nan")
    return float((np.abs(y[season:] - y[:-season]) ** power).mean())


def owa(*, smape_own: float, mase_own: float, smape_naive2: float, mase_naive2: float) -> float:
    """Return the overall weighted average of the M4 competition: 1 is as good as Naive2 [2].

    >>> round(owa(smape_own=9.012, mase_own=2.685, smape_naive2=9.161, mase_naive2=2.777), 3)
    0.975
    """
    return 0.5 * (smape_own / smape_naive2 + mase_own / mase_naive2)


def pinball_loss(actual: ArrayLike, forecast: ArrayLike, levels: ArrayLike) -> float:
    """Return the mean quantile loss.

    Parameters
    ----------
    actual : array, shape (...,)
    forecast : array, shape (..., n_levels)
    levels : array, shape (n_levels,)

    Notes
    -----
    level (a - q) where the demand is above the quantile, (1 - level)(q - a) where below.

    >>> pinball_loss([10.0], [[8.0, 12.0]], [0.25, 0.75])
    0.5
    """
    q = np.asarray(forecast, dtype=float)
    a = np.asarray(actual, dtype=float)[..., None]
    tau = np.asarray(levels, dtype=float)
    if q.shape[-1] != tau.size:
        raise ValueError(f"forecast has {q.shape[-1]} quantiles, levels {tau.size}")
    return float(np.maximum(tau * (a - q), (tau - 1) * (a - q)).mean())


def coverage(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Return the share of `actual` within [low, high].

    >>> coverage([1, 2, 3, 4], [0, 0, 0, 0], [3, 3, 3, 3])
    0.75
    """
    a = np.asarray(actual, dtype=float)
    inside = (a >= np.asarray(low, dtype=float)) & (a <= np.asarray(high, dtype=float))
    return float(inside.mean())


def weighted(scores: ArrayLike, weights: ArrayLike) -> float:
    """Return the mean of scores weighted by, for example, turnover (wrmsse of [3])."""
    s, w = _pair(scores, weights)
    known = np.isfinite(s)
    return float((s[known] * w[known]).sum() / w[known].sum())
