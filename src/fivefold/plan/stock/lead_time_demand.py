"""Mean and variance of what is wanted during a lead time, itself random.

Demand is a row of periods with mean and standard deviation of forecast error each; a
window of periods ends at the end of a period and has a random length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

#: Lead times one distribution is represented by.
NODES = 7
#: Periods of the forecast whose mean stands in beyond its end.
TAIL_PERIODS = 13


@dataclass(frozen=True, slots=True)
class Curves:
    """Demand added up since the start, so that any window is a difference of two look-ups.

    Each array has the shape (n_streams, n_knots); knot `origin` is the start of the plan.
    Before the plan the first periods' demand is assumed, beyond its end that of the last 13.
    """

    mean: FloatArray
    variance: FloatArray
    sd: FloatArray
    origin: int
    correlation: float

    @classmethod
    def build(cls, mean: FloatArray, sd: FloatArray, *, margin: int, correlation: float) -> Curves:
        """Add up demand of shape (n_streams, n_periods), padded by `margin` periods each side."""

        def padded(values: FloatArray, power: float) -> FloatArray:
            # Variances, not standard deviations, are averaged where periods are made up.
            raised = values**power
            before = raised[:, :4].mean(axis=1, keepdims=True) ** (1 / power)
            after = raised[:, -TAIL_PERIODS:].mean(axis=1, keepdims=True) ** (1 / power)
            return np.concatenate(
                [np.repeat(before, margin, axis=1), values, np.repeat(after, margin, axis=1)],
                axis=1,
            )

        def added(values: FloatArray) -> FloatArray:
            zero = np.zeros((values.shape[0], 1))
            return np.concatenate([zero, np.cumsum(values, axis=1)], axis=1)

        means, sds = padded(mean, 1.0), padded(sd, 2.0)
        return cls(added(means), added(sds**2), added(sds), margin, correlation)

    def window(
        self, stream: IntArray, start: FloatArray, end: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of demand from `start` to `end`, in periods of the plan.

        `stream` broadcasts against `start` and `end`. Errors of two periods correlate by
        `correlation`: Var = (1 - rho) * sum of variances + rho * (sum of deviations)^2.
        """
        mean = self._at(self.mean, stream, end) - self._at(self.mean, stream, start)
        variance = self._at(self.variance, stream, end) - self._at(self.variance, stream, start)
        sd = self._at(self.sd, stream, end) - self._at(self.sd, stream, start)
        rho = self.correlation
        return mean, (1 - rho) * variance + rho * sd**2

    def _at(self, curve: FloatArray, stream: IntArray, time: FloatArray) -> FloatArray:
        knot = np.clip(time + self.origin, 0.0, curve.shape[1] - 1.000001)
        low = knot.astype(np.int64)
        share = knot - low
        flat = curve.ravel()
        place = stream * curve.shape[1] + low
        return np.asarray(flat[place] * (1 - share) + flat[place + 1] * share)


def lead_time_nodes(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return equally likely lead times with the given mean and standard deviation.

    Quantiles of the gamma distribution at the middles of `NODES` equal slices, stretched
    to the exact two moments; never below zero.

    Parameters
    ----------
    mean, sd : ndarray, shape (n,)
        In any unit of time.

    Returns
    -------
    ndarray, shape (n, NODES)
    """
    levels = (np.arange(NODES) + 0.5) / NODES
    spread = (sd > 1e-9 * np.maximum(mean, 1e-9)) & (mean > 0)
    safe_mean, safe_sd = np.where(spread, mean, 1.0), np.where(spread, sd, 0.1)
    shape = (safe_mean / safe_sd) ** 2
    drawn = special.gammaincinv(shape[:, None], levels[None, :]) * (safe_sd**2 / safe_mean)[:, None]
    centre = drawn.mean(axis=1, keepdims=True)
    width = drawn.std(axis=1, keepdims=True)
    stretched = safe_mean[:, None] + (drawn - centre) * (safe_sd[:, None] / width)
    nodes = np.where(spread[:, None], stretched, mean[:, None])
    return np.maximum(nodes, 0.0)


@dataclass(frozen=True, slots=True)
class Draws:
    """Which streams of demand reach which place: quantity each, and how long after.

    A unit wanted of stream `stream` draws `quantity` units at place `place`, `ahead` periods
    before it is wanted. Arrays of shape (n_draws,).
    """

    place: IntArray
    stream: IntArray
    quantity: FloatArray
    ahead: FloatArray


def window_moments(
    curves: Curves,
    draws: Draws,
    lengths: FloatArray,
    *,
    periods: int,
    echelon: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of demand at each place in windows that end with each period.

    Var(D) = E[Var(D | L)] + Var(E[D | L]) over the random length L, which for demand
    without trend is E[L] sigma^2 + mu^2 Var(L) [1]_. The length is the same for all
    streams of a place, so their means move together while their errors do not.

    Parameters
    ----------
    curves, draws
    lengths : ndarray, shape (n_places, n_nodes)
        Equally likely lengths, in periods.
    periods : int
        Windows end at the ends of periods 0 .. periods - 1.
    echelon : bool
        Whether the window goes on until the goods reach the stream, `ahead` periods more.

    Returns
    -------
    mean, variance : ndarray, shape (n_places, periods)

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., eq. (6.45)-(6.46).
    """
    n_places, n_nodes = lengths.shape
    ends = np.arange(1, periods + 1, dtype=np.float64)[None, :]
    total = np.zeros((n_nodes, n_places, periods))
    spread = np.zeros((n_places, periods))
    ahead = draws.ahead[:, None]
    end = np.broadcast_to(ends + ahead, (draws.place.size, periods))
    for node in range(n_nodes):
        length = lengths[draws.place, node][:, None]
        start = ends - length + (0.0 if echelon else ahead)
        mean, variance = curves.window(draws.stream[:, None], start, end)
        np.add.at(total[node], draws.place, draws.quantity[:, None] * mean)
        np.add.at(spread, draws.place, draws.quantity[:, None] ** 2 * variance / n_nodes)
    return total.mean(axis=0), spread + total.var(axis=0)
