"""When a building saturates: stations of people in a row, each a queue with several servers.

Knows arrivals an hour, the stations each order or unit passes and how many it passes each time,
and people at each. Stations are an open Jackson network: each behaves as an M/M/c queue of its own.
Decides nothing; says waiting, load, which station gives way first and at what arrival rate.

References
----------
.. [1] Jackson (1957), "Networks of waiting lines", Operations Research 5(4), 518-521.
.. [2] Hillier, Lieberman (2015), *Introduction to Operations Research*, 10th ed., sec. 17.6:
   the M/M/s queue and P0, Lq, Wq used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """People who do one kind of work.

    Parameters
    ----------
    name : str
    people : int
        Working side by side.
    per_hour : float
        Orders that one of them does in an hour when never waiting.
    visits : float
        Times an arriving order passes, from routing: 1.1 where one in ten comes back.
    """

    name: str
    people: int
    per_hour: float
    visits: float = 1.0

    def __post_init__(self) -> None:
        if self.people < 1 or self.per_hour <= 0 or self.visits < 0:
            raise ValueError(
                f"station {self.name!r} needs a person, a rate above 0 and no negative visits"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a station is like at a rate of arrivals; waiting is None where it saturates."""

    station: str
    load_share: float
    wait_chance: float | None
    wait_hours: float | None
    waiting_orders: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """What the building does: stations in the order given, and what gives way first."""

    loads: tuple[Load, ...]
    hours_in_building: float | None
    saturates_at_per_hour: float
    bottleneck: str


def wait_chance(offered: float, people: int) -> float:
    """Return the chance that an arrival finds all people busy (Erlang's C).

    Parameters
    ----------
    offered : float
        Arrivals an hour times hours of work each, below `people`.
    people : int

    Examples
    --------
    >>> round(wait_chance(0.8, 1), 3)
    0.8
    >>> round(wait_chance(1.6, 2), 4)
    0.7111
    """
    if not 0 <= offered < people:
        raise ValueError(f"offered work must be from 0 to below {people}, found {offered}")
    blocked = 1.0
    for busy in range(1, people + 1):
        # Erlang's B by its recursion, which never overflows.
        blocked = offered * blocked / (busy + offered * blocked)
    share = offered / people
    return blocked / (1.0 - share * (1.0 - blocked))


def throughput(stations: Sequence[Station], *, per_hour: float) -> Throughput:
    """Return waiting at each station and the arrivals at which the first one saturates.

    Parameters
    ----------
    stations : sequence of Station
    per_hour : float
        Orders that arrive in an hour, by a Poisson process.

    Raises
    ------
    ValueError
        If there is no station, or arrivals are negative.
    """
    if not stations or per_hour < 0:
        raise ValueError("at least one station, and arrivals that are not negative, are needed")
    loads, hours = [], 0.0
    for station in stations:
        arrivals = per_hour * station.visits
        offered = arrivals / station.per_hour
        share = offered / station.people
        if share >= 1.0:
            hours = float("inf")
            loads.append(_saturated(station.name, share))
            continue
        chance = wait_chance(offered, station.people)
        wait = chance / (station.people * station.per_hour - arrivals)
        hours += station.visits * (wait + 1.0 / station.per_hour)
        loads.append(
            Load(
                station=station.name,
                load_share=share,
                wait_chance=chance,
                wait_hours=wait,
                waiting_orders=wait * arrivals,
            )
        )
    limits = {
        station.name: station.people * station.per_hour / station.visits
        for station in stations
        if station.visits > 0
    }
    first = min(limits, key=lambda name: limits[name]) if limits else ""
    return Throughput(
        loads=tuple(loads),
        hours_in_building=hours if np.isfinite(hours) else None,
        saturates_at_per_hour=limits.get(first, float("inf")),
        bottleneck=first,
    )


def _saturated(name: str, share: float) -> Load:
    return Load(
        station=name, load_share=share, wait_chance=None, wait_hours=None, waiting_orders=None
    )
