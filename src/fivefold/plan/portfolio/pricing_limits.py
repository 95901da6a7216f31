"""Groups that share limits, solved by prices of the limits, with a proven bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.portfolio.states import Group

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_CUTS = 80
#: Prices are raised so much before room left is filled: where one group is much of all, the best
#: answer is not near the best prices.
_DEARER = (1.0, 1.05, 1.2, 1.5, 2.5, 10.0)

#: Up to so many groups one of them may be much of all.
_FEW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A choice of a state for every group.

    Parameters
    ----------
    states : ndarray of int, shape (n_groups,)
    value, bound : float
        What the choice earns a year, and what no choice within the limits can exceed.
    prices : ndarray, shape (n_limits,)
        What one unit more of each limit would be worth a year.
    usage : ndarray, shape (n_limits,)
    feasible : bool
        False where even offering least breaks a limit.
    """

    states: IntArray
    value: float
    bound: float
    prices: FloatArray
    usage: FloatArray
    feasible: bool

    @property
    def gap(self) -> float:
        """Distance to the bound as a share of it."""
        return max(0.0, self.bound - self.value) / max(1e-9, abs(self.bound))


def choose_states(groups: Sequence[Group], limits: FloatArray) -> Range:
    """Return the choice of most value within the limits, and the bound of the dual.

    Parameters
    ----------
    groups : sequence of Group
    limits : ndarray, shape (n_limits,)
        Infinite where there is none.

    Notes
    -----
    The dual min over prices p >= 0 of p L + sum_g max_s (v_gs - p u_gs) is minimised by
    cutting planes [1]_; groups then take their best state at those prices, states are given
    up where a limit is broken at the least loss for what they free, and room left is filled
    with what it is worth most for. The bound is the dual's value.

    References
    ----------
    .. [1] Kelley (1960), The cutting-plane method for solving convex programs; Geoffrion
       (1974), Lagrangean relaxation for integer programming, for the bound.
    """
    table = _Table(groups)
    held = np.flatnonzero(np.isfinite(limits))
    if len(held) == 0:
        states = table.best(np.zeros(table.usage.shape[1]))
        return _answer(table, states, np.zeros(len(limits)), limits, bound=None)
    prices, bound = _dual(table, limits, held)
    tried = (
        _filled(table, _repaired(table, table.best(prices * dearer), limits), limits)
        for dearer in (_DEARER if len(groups) <= _FEW else _DEARER[:1])
    )
    answers = [_answer(table, states, prices, limits, bound=bound) for states in tried]
    return max(answers, key=lambda answer: (answer.feasible, answer.value))


class _Table:
    """States of all groups behind one another, so that they are judged at once."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.value = np.concatenate([group.value for group in groups])
        self.usage = np.concatenate([group.usage for group in groups])
        sizes = np.array([len(group.value) for group in groups])
        self.start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.group = np.repeat(np.arange(len(groups)), sizes)

    def best(self, prices: FloatArray) -> IntArray:
        """Return the best row of each group at prices; of equals the first."""
        net = self.value - self.usage @ prices
        top = np.maximum.reduceat(net, self.start)
        rows = np.flatnonzero(net >= top[self.group] - 1e-9)
        _, first = np.unique(self.group[rows], return_index=True)
        return np.asarray(rows[first], dtype=np.int64)


def _dual(table: _Table, limits: FloatArray, held: IntArray) -> tuple[FloatArray, float]:
    """Return the prices that minimise the dual, and its least value."""
    from scipy.optimize import linprog

    count = len(limits)
    prices, best_prices, bound = np.zeros(count), np.zeros(count), np.inf
    top = _dearest(table, held)
    rows, sides = [], []
    for _ in range(_CUTS):
        states = table.best(prices)
        used = table.usage[states].sum(axis=0)
        slack = limits[held] - used[held]
        value = float(table.value[states].sum() + prices[held] @ slack)
        if value < bound:
            bound, best_prices = value, prices.copy()
        # value + slack (p - prices) is below the dual everywhere.
        rows.append(np.append(slack, -1.0))
        sides.append(float(prices[held] @ slack) - value)
        answer = linprog(
            np.append(np.zeros(len(held)), 1.0),
            A_ub=np.array(rows),
            b_ub=np.array(sides),
            bounds=[*((0.0, float(t)) for t in top), (None, None)],
        )
        if answer.status != 0 or bound - answer.fun <= 1e-7 * max(1.0, abs(bound)):
            break
        prices = np.zeros(count)
        prices[held] = answer.x[:-1]
    return best_prices, bound


def _dearest(table: _Table, held: IntArray) -> FloatArray:
    """Return a price of each limit at which nothing would be offered for its own sake."""
    found = []
    for limit in held:
        used = table.usage[:, limit]
        share = np.divide(table.value, used, out=np.zeros_like(used), where=used > 1e-9)
        found.append(max(1.0, 2.0 * float(share.max(initial=0.0))))
    return np.array(found)


def _repaired(table: _Table, states: IntArray, limits: FloatArray) -> IntArray:
    """Return states within the limits: given up where that costs least for what it frees."""
    states = states.copy()
    used = table.usage[states].sum(axis=0)
    for _ in range(len(states) * 4):
        over = np.maximum(0.0, used - limits)
        over[~np.isfinite(limits)] = 0.0
        if (over <= 1e-9 * np.maximum(1.0, np.abs(limits))).all():
            break
        current = states[table.group]
        change = table.usage - table.usage[current]
        then = np.maximum(0.0, over[None, :] + change) * np.isfinite(limits)
        weight = 1.0 / np.maximum(1e-9, np.where(np.isfinite(limits), limits, 1.0))
        freed = ((over[None, :] - then) * weight).sum(axis=1)
        lost = table.value[current] - table.value
        ratio = np.where(freed > 1e-12, np.maximum(lost, 0.0) / np.maximum(freed, 1e-12), np.inf)
        pick = int(ratio.argmin())
        if not np.isfinite(ratio[pick]):
            break
        used = used + change[pick]
        states[table.group[pick]] = pick
    return states


def _filled(table: _Table, states: IntArray, limits: FloatArray) -> IntArray:
    """Return states improved one group at a time while something better still fits."""
    states = states.copy()
    used = table.usage[states].sum(axis=0)
    for _ in range(len(states)):
        current = states[table.group]
        gain = table.value - table.value[current]
        change = table.usage - table.usage[current]
        fits = ((used + change) <= limits * (1 + 1e-12) + 1e-9).all(axis=1)
        gain = np.where(fits, gain, 0.0)
        pick = int(gain.argmax())
        if gain[pick] <= 1e-9:
            break
        used = used + change[pick]
        states[table.group[pick]] = pick
    return states


def _answer(
    table: _Table, states: IntArray, prices: FloatArray, limits: FloatArray, bound: float | None
) -> Range:
    used = table.usage[states].sum(axis=0)
    value = float(table.value[states].sum())
    fits = bool((used <= limits * (1 + 1e-9) + 1e-6).all())
    return Range(
        states=np.asarray(states - table.start, dtype=np.int64),
        value=value,
        bound=value if bound is None else max(bound, value if fits else bound),
        prices=prices,
        usage=used,
        feasible=fits,
    )
