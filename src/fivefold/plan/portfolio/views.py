"""ABC by contribution, XYZ by steadiness, and Pareto: ways to look, not reasons to act."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def pareto(worth: FloatArray) -> FloatArray:
    """Return the share of all worth up to each item, the largest first; losses count as none.

    Examples
    --------
    >>> import numpy as np
    >>> pareto(np.array([10.0, 70.0, 20.0])).round(2)
    array([1. , 0.7, 0.9])
    """
    gain = np.maximum(np.asarray(worth, dtype=np.float64), 0.0)
    order = np.argsort(-gain, kind="stable")
    share = np.cumsum(gain[order]) / max(float(gain.sum()), 1e-12)
    answer = np.empty_like(share)
    answer[order] = share
    return answer


def abc(worth: FloatArray, *, a_share: float = 0.8, b_share: float = 0.95) -> list[str]:
    """Return A for the items that bring the first 80 % of worth, B up to 95 %, C the rest.

    Examples
    --------
    >>> import numpy as np
    >>> abc(np.array([10.0, 70.0, 20.0]))
    ['C', 'A', 'B']
    """
    gain = np.maximum(np.asarray(worth, dtype=np.float64), 0.0)
    before = pareto(gain) - gain / max(float(gain.sum()), 1e-12)
    # An item is in a class by where its own worth ends, the first always in A.
    share = pareto(gain)
    return [
        "A" if s <= a_share or b <= 1e-12 else "B" if s <= b_share else "C"
        for s, b in zip(share.tolist(), before.tolist(), strict=True)
    ]


def xyz(weekly: FloatArray, *, x_ratio: float = 0.5, y_ratio: float = 1.0) -> list[str]:
    """Return X, Y or Z by the coefficient of variation of weekly demand, shape (n, weeks).

    Examples
    --------
    >>> import numpy as np
    >>> xyz(np.array([[5.0, 5.0, 6.0], [0.0, 0.0, 9.0]]))
    ['X', 'Z']
    """
    mean = weekly.mean(axis=1)
    ratio = np.divide(weekly.std(axis=1), mean, out=np.full(len(mean), np.inf), where=mean > 0)
    return ["X" if r <= x_ratio else "Y" if r <= y_ratio else "Z" for r in ratio.tolist()]
