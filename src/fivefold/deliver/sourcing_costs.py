"""What serving a line from a place costs and when it is there: small formulas, compiled.

Costs are those of the parcel, of days, and of taking a unit from where it stands. Bounds are
costs that serving from a place cannot be below, told without looking at its buckets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from fivefold.deliver.sourcing_tables import Array


class Setting(NamedTuple):
    """What does not change while lines are served, as the compiled functions take it.

    `rates` (n_steps, n_zones); `soonest` (n_releases, n_zones) is the first day promised
    anywhere by day released; `used` tells which zones there are; `least_pick` is the least a
    pick costs anywhere and `latest` the latest cut-off.
    """

    picks: Array
    allowed: Array
    zones: Array
    room: Array
    ships: Array
    promised: Array
    rates: Array
    soonest: Array
    used: Array
    late: float
    wait: float
    split: float
    most_legs: int
    least_pick: float
    latest: int


class Scratch(NamedTuple):
    """Room to work in: costs by zone, bounds by holder, marks and orders sent by place."""

    carried: Array
    least: Array
    dues: Array
    bounds: Array
    marks: Array
    sent: Array


#: References to arrays are not counted (`_nrt`): nothing here makes an array or keeps one, and
#: counting those of a tuple at every look took half of the time.
_HOW: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def compiled(function: Any) -> Any:
    """Compile; the machine code is kept between runs."""
    return numba.njit(**_HOW)(function)


def inlined(function: Any) -> Any:
    """Compile into the caller: handing two dozen arrays over costs more than a leg does."""
    return numba.njit(**_HOW, inline="always")(function)


@compiled
def half_pounds(weight_lb):  # type: ignore[no-untyped-def]
    """Return a weight in started half pounds."""
    return int(np.ceil(weight_lb * 2.0 - 1e-9))


@compiled
def carriage(rates, zone, weight_lb):  # type: ignore[no-untyped-def]
    """Return the carriage of a weight, in parcels of at most the heaviest the table knows."""
    if weight_lb <= 0.0:
        return 0.0
    heaviest = rates.shape[0] - 1
    steps = half_pounds(weight_lb)
    if steps <= heaviest:
        return rates[steps, zone]
    parcels = (steps + heaviest - 1) // heaviest
    return (parcels - 1) * rates[heaviest, zone] + rates[steps - (parcels - 1) * heaviest, zone]


@compiled
def release(ordered_minute, cut_off):  # type: ignore[no-untyped-def]
    """Return the day from which an order is worked: today, or later if the cut-off has passed."""
    if ordered_minute < cut_off:
        return 0
    return (ordered_minute - cut_off) // 1440 + 1


@compiled
def dates(ready, units, place, spread, zone, sites, room, ships, promised):  # type: ignore[no-untyped-def]
    """Return the day ready, shipped and promised, past days whose room is taken."""
    calendar = sites[place].calendar
    last = ships.shape[1] - 1
    ready = min(ready, last)
    ship = ships[calendar, ready]
    if sites[place].daily > 0:
        need = min(units, sites[place].daily)
        while ship < last and room[place, ship] < need:
            ready = ship + 1
            ship = ships[calendar, ready]
    return ready, ship, promised[calendar, spread, ready, zone]


@compiled
def units_at(holder, free):  # type: ignore[no-untyped-def]
    """Return the units a holder has."""
    return free[holder] if free[holder] >= 0 else -1 - free[holder]


@compiled
def worth(holder, taken, holders, free):  # type: ignore[no-untyped-def]
    """Return what `taken` units are worth where they stand, more so below what is kept."""
    value = holders[holder].unit_price * taken
    if holders[holder].short_price > 0.0 and holders[holder].safety > 0.0:
        below = holders[holder].safety - (units_at(holder, free) - taken)
        if below > 0.0:
            value += min(below, float(taken)) * holders[holder].short_price
    return value


@compiled
def days_cost(day, deadline, late, wait):  # type: ignore[no-untyped-def]
    """Return what a unit there on `day` costs in lateness, or in waiting where none is due."""
    if deadline < 0:
        return wait * day
    return late * max(day - deadline, 0)


@compiled
def fill_carriage(rates, weight_lb, into):  # type: ignore[no-untyped-def]
    """Fill the carriage of a weight by zone."""
    steps = half_pounds(weight_lb)
    if 0 < steps < rates.shape[0]:
        for zone in range(rates.shape[1]):
            into[zone] = rates[steps, zone]
        return
    for zone in range(rates.shape[1]):
        into[zone] = carriage(rates, zone, weight_lb)


@compiled
def fill_least_each(rates, weight_lb, units, into):  # type: ignore[no-untyped-def]
    """Fill by zone the least carriage a unit, in a parcel of its own of any number of units."""
    fill_carriage(rates, weight_lb, into)
    for part in range(2, units + 1):
        for zone in range(rates.shape[1]):
            into[zone] = min(into[zone], carriage(rates, zone, weight_lb * part) / part)


@compiled
def add_days(ordered_minute, deadline, units, soonest, latest, late, wait, into):  # type: ignore[no-untyped-def]
    """Add by zone what days cost that units cannot be there before, wherever they come from."""
    if deadline < 0 and wait == 0.0:
        return
    day = min(release(ordered_minute, latest), soonest.shape[0] - 1)
    for zone in range(soonest.shape[1]):
        into[zone] += units * days_cost(soonest[day, zone], deadline, late, wait)


@compiled
def holder_at(place, first, last, homes):  # type: ignore[no-untyped-def]
    """Return the holder at a place among `first` to `last`, -1 where there is none."""
    end = last
    while first < last:
        middle = (first + last) // 2
        if homes[middle] < place:
            first = middle + 1
        else:
            last = middle
    return first if first < end and homes[first] == place else -1


@inlined
def whole_from(line, holder, lines, stock, sites, setting):  # type: ignore[no-untyped-def]
    """Return what a holder serves a line for, whole, but carriage; infinite where it cannot.

    Where no day is due it must be there today; where one is, days late are paid for.
    """
    place = stock.homes[holder]
    need, deadline = lines[line].units, lines[line].deadline
    first, last = stock.holders[holder].bucket, stock.holders[holder + 1].bucket
    if not setting.allowed[lines[line].group, place] or units_at(holder, stock.free) < need:
        last = first
    total, cost = 0, np.inf
    for bucket in range(first, last):
        total += stock.buckets[bucket].units
        if total < need:
            continue
        if deadline < 0 and stock.buckets[bucket].day > 0:
            break
        ready = max(
            stock.buckets[bucket].day, release(lines[line].ordered_minute, sites[place].cut_off)
        )
        _r, _ship, day = dates(
            ready,
            need,
            place,
            stock.buckets[bucket].spread,
            setting.zones[lines[line].destination, place],
            sites,
            setting.room,
            setting.ships,
            setting.promised,
        )
        each = setting.picks[place] + days_cost(day, deadline, setting.late, setting.wait)
        cost = need * each + worth(holder, need, stock.holders, stock.free)
        break
    return cost
