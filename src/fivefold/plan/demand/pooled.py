"""The linear autoregression over all series as a candidate: when it is tried, and how far it looks.

Knows arrays only; the arithmetic is compiled in `kernels.pooled`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats

#: Names of its two forms: changes as they are, and over the size that is usual for the series.
POOLED, POOLED_SCALED = "pooled", "pooled_scaled"
NAMES = (POOLED, POOLED_SCALED)
#: Series and moments from which it earns trust.
ENOUGH_SERIES, ENOUGH_MOMENTS = 20, 400
#: Moments to learn from; more change nothing and cost time.
MOMENTS = 150_000
#: Changes looked back at, at most.
MOST_LAGS = 24


def lags(season: int) -> int:
    """Return how many changes are looked back at.

    >>> lags(1), lags(4), lags(12), lags(52)
    (5, 8, 12, 24)
    """
    if season < 3:
        return 5
    return 2 * season if season < 8 else min(season, MOST_LAGS)


def worthwhile(starts: NDArray[np.int64], *, season: int) -> bool:
    """Tell whether there is enough to learn from."""
    moments = np.maximum(np.diff(starts) - lags(season) - 1, 0).sum()
    return bool(len(starts) > ENOUGH_SERIES and moments >= ENOUGH_MOMENTS)


def forecasts(
    values: Floats,
    starts: NDArray[np.int64],
    cuts: NDArray[np.int64],
    *,
    season: int,
    horizon: int,
    scaled: bool,
) -> Floats:
    """Return forecasts from every origin, each learned from what was known at it alone.

    Returns
    -------
    ndarray, shape (n_series, n_cuts, horizon)
        NaN where too little is known.
    """
    from fivefold.plan.demand.kernels import pooled as kernels

    back = lags(season)
    found = np.empty((*cuts.shape, horizon))
    for k in range(cuts.shape[1]):
        moments = np.maximum(cuts[:, k] - back - 1, 0).sum()
        every = max(1, int(moments) // MOMENTS)
        found[:, k] = kernels.forecast(
            values, starts, cuts[:, k].copy(), season, horizon, back, scaled, every
        )
    return found
