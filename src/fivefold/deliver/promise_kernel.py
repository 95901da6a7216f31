"""Days promised, compiled: when goods are there with a given chance. Arrays in and out."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def promise_days(  # type: ignore[no-untyped-def]
    ship, work_days, delay, transit, confidence, days, chances, sooner, sooner_chances
):
    """Fill the first day on which goods are there with `confidence`, and the day before it.

    Parameters
    ----------
    ship : int64 array, shape (n_calendars, n_days)
        Day goods ready on a day leave.
    work_days : int64 array, shape (n_days + slack, n_transit)
        Day reached after that many working days of the carrier.
    delay : float64 array, shape (n_spreads, n_delays)
        Probability of being ready `k - n_delays // 2` days late.
    transit : float64 array, shape (n_zones, n_transit)
        Probability of that many working days.
    confidence : float
    days, chances, sooner, sooner_chances : arrays, shape (n_calendars, n_spreads, n_days, n_zones)
        Filled: day and its chance; the last day before it with another chance, and that one.
    """
    calendars, ready_days = ship.shape
    middle = delay.shape[1] // 2
    limit = work_days[-1, -1] + 2
    mass = np.zeros(limit)
    for calendar in range(calendars):
        for spread in range(delay.shape[0]):
            for ready in range(ready_days):
                for zone in range(transit.shape[0]):
                    low, high = limit, 0
                    for late in range(delay.shape[1]):
                        share = delay[spread, late]
                        if share <= 0.0:
                            continue
                        when = min(max(ready + late - middle, 0), ready_days - 1)
                        gone = ship[calendar, when]
                        for step in range(transit.shape[1]):
                            part = share * transit[zone, step]
                            if part > 0.0:
                                day = work_days[gone, step]
                                mass[day] += part
                                low, high = min(low, day), max(high, day)
                    total, before, last = 0.0, -1, 0.0
                    found = False
                    for day in range(low, high + 1):
                        part = mass[day]
                        mass[day] = 0.0
                        if found or part == 0.0:
                            continue
                        total += part
                        if total >= confidence - 1e-9 or day == high:
                            days[calendar, spread, ready, zone] = day
                            chances[calendar, spread, ready, zone] = min(total, 1.0)
                            sooner[calendar, spread, ready, zone] = before if before >= 0 else day
                            sooner_chances[calendar, spread, ready, zone] = last
                            found = True
                        before, last = day, total
