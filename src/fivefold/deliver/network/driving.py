"""How long a vehicle is on its way: driving, breaks and rests as the rules for drivers ask."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Half an hour's break after eight hours at the wheel: 49 CFR 395.3(a)(3)(ii).
BREAK_AFTER_HOURS, BREAK_HOURS = 8.0, 0.5


def elapsed_hours(
    driving_hours: ArrayLike, *, spell_hours: float | None, rest_hours: float
) -> NDArray[np.float64]:
    """Return hours from departure to arrival of a trip with so many hours at the wheel.

    Parameters
    ----------
    driving_hours : array_like
        Hours of driving.
    spell_hours : float or None
        Driving allowed between rests; None where drivers take turns or nobody drives.
    rest_hours : float
        Length of a rest.

    Notes
    -----
    A property-carrying driver may drive 11 hours after 10 hours off duty, with half an hour's
    break after 8 hours of driving: 49 CFR 395.3. The weekly limit of 60 or 70 hours is left to
    rostering.

    Examples
    --------
    >>> elapsed_hours([6, 11, 12, 23], spell_hours=11, rest_hours=10).tolist()
    [6.0, 11.5, 22.5, 44.0]
    """
    driving = np.asarray(driving_hours, dtype=float)
    if spell_hours is None:
        return driving
    rests = np.maximum(0.0, np.ceil(driving / spell_hours - 1e-9) - 1.0)
    last = driving - rests * spell_hours
    a_spell = BREAK_HOURS if spell_hours > BREAK_AFTER_HOURS else 0.0
    breaks = rests * a_spell + np.where(last > BREAK_AFTER_HOURS, BREAK_HOURS, 0.0)
    return np.asarray(driving + rests * rest_hours + breaks)
