"""How far a sequence of stops is from the one a driver drove: the last-mile challenge's score.

The score of a route is the sequence deviation times the edit distance with real penalty, over
the number of edits (Merchán and others 2022, "2021 Amazon Last Mile Routing Research Challenge:
Data Set", Transportation Science 58(1), 8-11, and its scoring code). 0 is the driver's own
sequence; a random one comes to about 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def sequence_score(
    actual: Sequence[int], proposed: Sequence[int], seconds: npt.NDArray[np.float64]
) -> float:
    """Return the score of a proposed sequence; 0 is the actual one.

    Parameters
    ----------
    actual, proposed : sequence of int
        The same stops in two orders, each starting at the station; the return to it is implied.
    seconds : ndarray, shape (n, n)
        Travel times between stops, not normalised.

    Raises
    ------
    ValueError
        If the two do not start at the same place and visit the same stops.

    Examples
    --------
    >>> line = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    >>> sequence_score([0, 1, 2, 3], [0, 1, 2, 3], line)
    0.0
    >>> sequence_score([0, 1, 2, 3], [0, 2, 1, 3], line) > 0
    True
    """
    if actual[0] != proposed[0] or sorted(actual) != sorted(proposed):
        raise ValueError("both sequences must start at the station and visit the same stops")
    gap, edits = edit_distance(actual[1:], proposed[1:], normalised(seconds))
    deviation = sequence_deviation(actual[1:], proposed[1:])
    return deviation * gap / edits if edits else 0.0


def normalised(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return times as standard scores, moved so that the smallest is 0.

    The mean and deviation are those of all entries, the zero diagonal included, as in the
    challenge's own code.
    """
    spread = float(seconds.std())
    scores = (seconds - seconds.mean()) / (spread or 1.0)
    shifted: npt.NDArray[np.float64] = scores - scores.min()
    return shifted


def sequence_deviation(actual: Sequence[int], proposed: Sequence[int]) -> float:
    """Return how far stops that follow each other in `actual` are apart in `proposed`.

    2 / (n (n - 1)) times the sum of |difference of proposed positions| - 1.

    Examples
    --------
    >>> sequence_deviation([1, 2, 3], [1, 2, 3]), sequence_deviation([1, 2, 3], [1, 3, 2])
    (0.0, 0.3333333333333333)
    """
    count = len(actual)
    if count < 2:
        return 0.0
    where = {stop: position for position, stop in enumerate(actual)}
    positions = np.array([where[stop] for stop in proposed])
    return float((np.abs(np.diff(positions)) - 1).sum() * 2.0 / (count * (count - 1)))


def edit_distance(
    actual: Sequence[int],
    proposed: Sequence[int],
    cost: npt.NDArray[np.float64],
    *,
    gap: float = 1000.0,
) -> tuple[float, int]:
    """Return the edit distance with real penalty and how many edits it takes.

    A replaced stop costs the normalised time between the two; a stop inserted or deleted costs
    `gap`, so both together never pay (Chen and Ng 2004, VLDB, eq. 6, with the challenge's gap).
    Ties take the replacement.

    Examples
    --------
    >>> edit_distance([1, 2], [1, 2], np.ones((3, 3)))
    (0.0, 0)
    """
    first, second = np.asarray(actual), np.asarray(proposed)
    rows, columns = len(first), len(second)
    total = np.zeros((rows + 1, columns + 1))
    edits = np.zeros((rows + 1, columns + 1), dtype=np.int64)
    total[:, 0] = gap * np.arange(rows + 1)
    total[0, :] = gap * np.arange(columns + 1)
    edits[:, 0], edits[0, :] = np.arange(rows + 1), np.arange(columns + 1)
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            same = first[i - 1] == second[j - 1]
            swap = 0.0 if same else float(cost[first[i - 1], second[j - 1]])
            ways = (
                (total[i - 1, j - 1] + swap, edits[i - 1, j - 1] + (0 if same else 1)),
                (total[i - 1, j] + gap, edits[i - 1, j] + 1),
                (total[i, j - 1] + gap, edits[i, j - 1] + 1),
            )
            total[i, j], edits[i, j] = min(ways, key=lambda way: way[0])
    return float(total[rows, columns]), int(edits[rows, columns])
