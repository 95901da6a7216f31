"""Every way to offer a group of substitutes: what it earns and what it takes of shared limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One channel in which an item could be offered.

    Parameters
    ----------
    channel : str
    contribution : float
        What a unit leaves.
    fixed : float
        Cost a year however little is sold; a change of channel included.
    per_unit : ndarray, shape (n_limits,)
        What a unit a year takes of each shared limit.
    """

    channel: str
    contribution: float
    fixed: float
    per_unit: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An item that may be offered: what would be asked of it were all offered, and its options."""

    item: str
    demand: float
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All states of a group of substitutes.

    Parameters
    ----------
    items : tuple of Candidate
    option : ndarray of int, shape (n_states, n_items)
        0 is not offered, k the item's k-th option.
    value : ndarray, shape (n_states,)
        Contribution a year less fixed costs.
    usage : ndarray, shape (n_states, n_limits)
    sold : ndarray, shape (n_states, n_items)
        Units a year, transferred demand included.
    """

    items: tuple[Candidate, ...]
    option: IntArray
    value: FloatArray
    usage: FloatArray
    sold: FloatArray

    def state(self, options: Sequence[int]) -> int:
        """Return the number of the state with these options."""
        return int(np.flatnonzero((self.option == np.asarray(options)).all(axis=1))[0])


def transfer_shares(demand: FloatArray) -> FloatArray:
    """Return where demand for an item not offered goes: shape (n, n), row to column.

    In proportion to the demand of the others, each customer trying once: what meets another
    item that is not offered is lost.

    Examples
    --------
    >>> import numpy as np
    >>> transfer_shares(np.array([10.0, 30.0, 10.0]))[0].round(2)
    array([0.  , 0.75, 0.25])
    """
    weight = np.tile(np.asarray(demand, dtype=np.float64), (len(demand), 1))
    np.fill_diagonal(weight, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    shares = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return np.asarray(shares, dtype=np.float64)


def all_states(candidates: Sequence[Candidate], *, transfer: float, limits: int) -> Group:
    """Return every state of a group.

    Parameters
    ----------
    candidates : sequence of Candidate
        At most a handful: states multiply.
    transfer : float
        Share of the demand for an item not offered that tries a substitute. [theta]
    limits : int
        Number of shared limits.

    Notes
    -----
    sold_j = D_j + theta sum_i (1 - x_i) D_i s_ij for an item offered: the exogenous model of
    demand with proportional substitution and one attempt [1]_.

    References
    ----------
    .. [1] Kok, Fisher (2007), Demand estimation and assortment optimization under
       substitution, Operations Research 55(6), section 2.
    """
    sizes = [len(candidate.options) + 1 for candidate in candidates]
    option = np.indices(sizes).reshape(len(sizes), -1).T.astype(np.int64)
    demand = np.array([candidate.demand for candidate in candidates])
    offered = option > 0
    missing = np.where(offered, 0.0, demand)
    sold = np.where(offered, demand + transfer * (missing @ transfer_shares(demand)), 0.0)
    value = np.zeros(len(option))
    usage = np.zeros((len(option), limits))
    for column, candidate in enumerate(candidates):
        for number, one in enumerate(candidate.options, start=1):
            here = option[:, column] == number
            units = sold[here, column]
            value[here] += one.contribution * units - one.fixed
            usage[here] += units[:, None] * one.per_unit[None, :]
    return Group(items=tuple(candidates), option=option, value=value, usage=usage, sold=sold)
