"""Forecasts of sums and of their parts that agree.

Optimal reconciliation with diagonal error variances (WLS, the sparse member of MinT [1]_):
the parts are moved so that they add up, each the more the less certain it is.

| symbol | meaning | shape |
| --- | --- | --- |
| S | which part belongs to which sum, ones and zeros | (n_all, n_parts) |
| W | error variances of the base forecasts | (n_all,) |
| y | base forecasts | (n_all, horizon) |
| b | (S' W⁻¹ S)⁻¹ S' W⁻¹ y | (n_parts, horizon) |

References
----------
.. [1] Wickramasuriya, Athanasopoulos, Hyndman (2019), "Optimal forecast reconciliation for
   hierarchical and grouped time series through trace minimization", J. Am. Stat. Assoc. 114,
   804-819, eq. (9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def summing_matrix(levels: list[NDArray[np.int64]], parts: int) -> csr_array:
    """Return which part belongs to which sum: the rows of each level, then the parts.

    Parameters
    ----------
    levels : list of ndarray of int, shape (n_parts,)
        For each level the number of the sum each part belongs to, from 0 without gaps; -1
        is none.
    parts : int

    Examples
    --------
    >>> summing_matrix([np.array([0, 0])], 2).toarray().tolist()
    [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    from scipy import sparse

    rows = []
    for codes in levels:
        known = np.flatnonzero(codes >= 0)
        shape = (int(codes.max()) + 1, parts)
        ones = np.ones(len(known))
        rows.append(sparse.csr_array((ones, (codes[known], known)), shape=shape))
    return sparse.csr_array(sparse.vstack([*rows, sparse.eye_array(parts)], format="csr"))


def reconcile(base: Floats, summing: csr_array, variances: Floats) -> Floats:
    """Return forecasts of the parts that agree with all sums as well as may be, none below zero.

    Parameters
    ----------
    base : ndarray, shape (n_all, horizon)
        Sums first, parts last, in the order of `summing`.
    summing : sparse array, shape (n_all, n_parts)
    variances : ndarray, shape (n_all,)
        Error variances, positive.

    Returns
    -------
    ndarray, shape (n_parts, horizon)

    Raises
    ------
    ValueError
        If shapes disagree or a variance is not positive.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    if base.shape[0] != summing.shape[0] or variances.shape != (summing.shape[0],):
        raise ValueError(
            f"base {base.shape}, variances {variances.shape} and summing {summing.shape} disagree"
        )
    if not (variances > 0).all():
        raise ValueError(f"variances must be positive, found {variances.min()}")
    weighted = summing.T @ sparse.diags_array(1.0 / variances)
    solver = splu(sparse.csc_array(weighted @ summing))
    found: Floats = np.maximum(solver.solve(np.asarray(weighted @ base)), 0.0)
    return found


def sum_of_quantiles(
    quantiles: Floats, means: Floats, codes: NDArray[np.int64], *, correlation: float
) -> Floats:
    """Return quantiles of sums of parts whose errors correlate alike.

    Distances of quantiles from the mean add up in full where errors move together and by
    the root of their squares where they are independent; in between, squared distances are
    blended: exact for normal errors, close for others.

    Parameters
    ----------
    quantiles : ndarray, shape (n_parts, horizon, n_levels)
    means : ndarray, shape (n_parts, horizon)
    codes : ndarray of int, shape (n_parts,)
        The sum each part belongs to, from 0 without gaps.
    correlation : float
        0 independent, 1 together.

    Raises
    ------
    ValueError
        If the correlation is not within 0 and 1.
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation must lie within 0 and 1, found {correlation}")
    count = int(codes.max()) + 1
    away = quantiles - means[:, :, None]
    together = np.zeros((count, *away.shape[1:]))
    squares = np.zeros((count, *away.shape[1:]))
    total = np.zeros((count, means.shape[1]))
    np.add.at(together, codes, away)
    np.add.at(squares, codes, away * np.abs(away))
    np.add.at(total, codes, means)
    apart = np.sign(squares) * np.sqrt(np.abs(squares))
    mixed = correlation * together * np.abs(together) + (1 - correlation) * apart * np.abs(apart)
    found: Floats = total[:, :, None] + np.sign(mixed) * np.sqrt(np.abs(mixed))
    return np.maximum.accumulate(np.maximum(found, 0.0), axis=2)
