"""The day to promise for a wanted chance, from the chances of being ready and of the way.

Knows delays of supply by their spread, days of carriage by zone as a distribution (learnt
from deliveries where there are enough), working days of places and carriers. No money.

References
----------
.. [1] The chance of a day is the convolution of delay and carriage through both calendars,
   computed on whole days; no normal sum is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.calendars import WorkCalendar

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Fewer deliveries than this tell nothing of a zone.
ENOUGH = 30
#: Delays are told apart by this many days of standard deviation.
SPREAD_STEP_DAYS = 0.25
#: No promise is less sure than this, however sure the others are.
LEAST_CHANCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseDays:
    """Days promised by class of working days, class of delay, day ready and zone.

    `day` and `chance` are of the first day with the confidence wanted, `sooner_day` and
    `sooner_chance` of the last possible day before it. `ship` is the day goods leave.
    """

    ship: IntArray
    day: IntArray
    chance: FloatArray
    sooner_day: IntArray
    sooner_chance: FloatArray


def spread_classes(sd_days: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int16]]:
    """Return the classes of delay, rising and led by 0, and the class of each; rounded up.

    >>> spread_classes(np.array([0.0, 1.6, 1.7]))
    (array([0.  , 1.75]), array([0, 1, 1], dtype=int16))
    """
    # Adding nothing makes a negative zero an ordinary one.
    stepped = np.ceil(sd_days / SPREAD_STEP_DAYS - 1e-9) * SPREAD_STEP_DAYS + 0.0
    classes = np.union1d(stepped, [0.0])
    return classes, np.searchsorted(classes, stepped).astype(np.int16)


def delay_chances(sd_days: FloatArray) -> FloatArray:
    """Return the chance of each whole day of delay, shape (n_spreads, 2 * longest + 1).

    A delay is normal around 0 and counts from the day on which the goods are there, so that
    the chance of at most k days is Phi(k / sd).
    """
    longest = int(np.ceil(4.0 * sd_days.max(initial=0.0)))
    chances = np.zeros((len(sd_days), 2 * longest + 1))
    for row, sd in enumerate(sd_days):
        if sd == 0.0:
            chances[row, longest] = 1.0
            continue
        normal = NormalDist(0.0, float(sd))
        until = np.array([normal.cdf(day) for day in range(-longest, longest + 1)])
        until[-1] = 1.0
        chances[row] = np.diff(until, prepend=0.0)
    return chances


def card_transit(days: int, sd_days: float, longest: int) -> FloatArray:
    """Return the chance of each number of working days where only the card tells.

    The chance of at most `days + k` is Phi(k / sd), never less than one working day, none
    where `days` is 0.
    """
    chances = np.zeros(longest)
    if days == 0 or sd_days == 0.0:
        chances[days] = 1.0
        return chances
    normal = NormalDist(float(days), sd_days)
    until = np.array([normal.cdf(day) if day >= 1 else 0.0 for day in range(longest)])
    until[-1] = 1.0
    found: FloatArray = np.diff(until, prepend=0.0)
    return found


def learnt_transit(taken: IntArray, longest: int) -> FloatArray:
    """Return the chance of each number of working days from those of past deliveries.

    One part in n + 1 is left to a day later than any seen: the rank of the next one among
    n others is as likely to be the last as any other.
    """
    counts = np.bincount(np.clip(taken, 0, longest - 2), minlength=longest).astype(np.float64)
    counts[min(int(taken.max()) + 1, longest - 1)] += 1.0
    found: FloatArray = np.asarray(counts / counts.sum(), dtype=np.float64)
    return found


def working_days_taken(
    opening: npt.NDArray[np.bool_], start: date, shipped: Sequence[date], delivered: Sequence[date]
) -> IntArray:
    """Return the carrier's working days from shipping to delivery; a closed day counts as the next.

    `opening` tells of each day from `start` on whether it is worked.
    """
    until = np.concatenate([[0], np.cumsum(opening)])
    gone = np.array([(day - start).days for day in shipped])
    there = np.array([(day - start).days for day in delivered])
    closed = ~opening[there] & (there > gone)
    found: IntArray = (until[there + 1] - until[gone + 1] + closed).astype(np.int64)
    return found


def openings(calendar: WorkCalendar, start: date, count: int) -> npt.NDArray[np.bool_]:
    """Return for each day from `start` on whether it is worked."""
    return np.array([calendar.is_open(start + timedelta(days=day)) for day in range(count)])


def ship_days(calendar: WorkCalendar, processing_days: int, as_of: date, span: int) -> IntArray:
    """Return the day goods leave by the day they are ready, days after `as_of`."""
    open_days = np.flatnonzero(openings(calendar, as_of, span + 60 + 3 * processing_days))
    next_open = np.searchsorted(open_days, np.arange(span))
    return np.minimum(open_days[next_open + processing_days], span - 1).astype(np.int64)


def promise_days(
    *,
    ship: IntArray,
    carrier: WorkCalendar,
    as_of: date,
    spreads_sd_days: FloatArray,
    transit: FloatArray,
    confidence_share: float,
) -> PromiseDays:
    """Return the days to promise.

    Parameters
    ----------
    ship : ndarray, shape (n_calendars, n_days)
    carrier : WorkCalendar
    as_of : date
    spreads_sd_days : ndarray, shape (n_spreads,)
    transit : ndarray, shape (n_zones, n_transit)
        Chance of each number of working days.
    confidence_share : float
    """
    from fivefold.deliver import promise_kernel

    span, longest = ship.shape[1], transit.shape[1]
    open_days = np.flatnonzero(openings(carrier, as_of, span + 3 * longest + 30))
    first = np.searchsorted(open_days, np.arange(span), side="right")
    work_days = np.empty((span, longest), dtype=np.int64)
    work_days[:, 0] = np.arange(span)
    work_days[:, 1:] = open_days[first[:, None] + np.arange(longest - 1)[None, :]]
    shape = (len(ship), len(spreads_sd_days), span, len(transit))
    made: dict[str, Any] = {
        "day": np.zeros(shape, dtype=np.int64),
        "chance": np.zeros(shape),
        "sooner_day": np.zeros(shape, dtype=np.int64),
        "sooner_chance": np.zeros(shape),
    }
    promise_kernel.promise_days(
        ship,
        work_days,
        delay_chances(spreads_sd_days),
        transit,
        float(confidence_share),
        made["day"],
        made["chance"],
        made["sooner_day"],
        made["sooner_chance"],
    )
    return PromiseDays(ship=ship, **made)


def level_chances(
    chance: FloatArray, sooner_chance: FloatArray, confidence_share: float
) -> npt.NDArray[np.bool_]:
    """Return which promises may name the sooner day so that the share kept is as wanted.

    Whole days make each promise surer than asked. What is surer is carried forward and spent
    on the next promise it suffices for, so that the mean chance stays at or just above
    `confidence_share` while days are the soonest.
    """
    sooner = np.zeros(len(chance), dtype=np.bool_)
    credit = 0.0
    for row in range(len(chance)):
        if sooner_chance[row] >= LEAST_CHANCE and credit + sooner_chance[row] >= confidence_share:
            sooner[row] = True
            credit += sooner_chance[row] - confidence_share
        else:
            credit += chance[row] - confidence_share
    return sooner
