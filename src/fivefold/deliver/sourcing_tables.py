"""What the sourcing kernel works on: order lines, stock, places, days and terms as arrays.

Tables are arrays of records, so that what is looked at together lies together. No names here:
everything is a code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: A line: `deadline` in days after today, -1 where none; `ordered_minute` after the first
#: minute of today in UTC.
LINE = np.dtype(
    [
        ("item", np.int64),
        ("units", np.int64),
        ("destination", np.int64),
        ("group", np.int64),
        ("deadline", np.int64),
        ("ordered_minute", np.int64),
        ("weight_lb", np.float64),
    ]
)
#: A holder of an item: its place, its first bucket, units it should keep and what a unit
#: below that is worth, and what any unit there is worth beyond its cost.
HOLDER = np.dtype(
    [
        ("place", np.int32),
        ("bucket", np.int32),
        ("unit_price", np.float32),
        ("safety", np.float32),
        ("short_price", np.float32),
    ]
)
#: Units free from a day on; `spread` is the class of their delay.
BUCKET = np.dtype(
    [("units", np.int64), ("day", np.int32), ("basis", np.int16), ("spread", np.int16)]
)
#: A place: cost of a pick, class of working days, minute of today (UTC) until which orders
#: are worked today, units that may leave a day (0 is no limit); the rest is for the kernel.
SITE = np.dtype(
    [
        ("pick", np.float64),
        ("cut_off", np.int64),
        ("daily", np.int64),
        ("calendar", np.int64),
        ("sent_on", np.int64),
        ("sent_lb", np.float64),
    ]
)


class Lines(NamedTuple):
    """What is wanted: `rows` (n_lines,) of LINE, those of an order together.

    Order `o` has rows `order_first[o]` to `order_first[o + 1]`.
    """

    order_first: Array
    rows: Array


class Stock(NamedTuple):
    """Item `i` is held by `holders[holder_first[i]:holder_first[i + 1]]`, by place.

    A holder has buckets from its `bucket` to that of the next, by day; one row of HOLDER more
    than holders ends the last. `homes`, `prices` and `free` repeat what is looked at of every
    holder, close together: place, price of a unit, and units there. `free` of a holder with
    one bucket is its units; of one with several it is -1 less its units, so below 0.
    """

    holder_first: Array
    holders: Array
    buckets: Array
    homes: Array
    prices: Array
    free: Array


def lay_out(holder_first: Array, holders: Array, buckets: Array) -> Stock:
    """Return stock with the columns of its holders that are looked at most."""
    return Stock(
        holder_first,
        holders,
        buckets,
        np.ascontiguousarray(holders["place"]),
        np.ascontiguousarray(holders["unit_price"]),
        _free(holders, buckets),
    )


def with_buckets(stock: Stock, buckets: Array) -> Stock:
    """Return the same holders with other units in their buckets."""
    return stock._replace(buckets=buckets, free=_free(stock.holders, buckets))


def priced(stock: Stock, price: Array) -> Stock:
    """Return stock on which a unit of each holder is worth `price` more."""
    holders = stock.holders.copy()
    holders["unit_price"] += price
    return stock._replace(holders=holders, prices=np.ascontiguousarray(holders["unit_price"]))


def units_held(holders: Array, buckets: Array) -> Array:
    """Return the units of each holder, all its buckets together."""
    before = np.append(0, np.cumsum(buckets["units"]))
    ends = holders["bucket"].astype(np.int64)
    held: Array = before[ends[1:]] - before[ends[:-1]]
    return held


def _free(holders: Array, buckets: Array) -> Array:
    held = units_held(holders, buckets)
    several = np.diff(holders["bucket"]) != 1
    return np.append(np.where(several, -1 - held, held), 0).astype(np.int32)


class Places(NamedTuple):
    """Places by code, who may be served from where, carrier zones, and room to ship.

    `sites` (n_places,) of SITE; `allowed` (n_groups, n_places); `zone` (n_destinations,
    n_places) int8; `room` (n_places, n_days) units that may still leave on a day.
    """

    sites: Array
    allowed: Array
    zone: Array
    room: Array


class Times(NamedTuple):
    """Days after today on which goods leave, and which is promised.

    `ship` (n_calendars, n_days) by day ready; `arrive` (n_calendars, n_spreads, n_days,
    n_zones) by day the goods should be there.
    """

    ship: Array
    arrive: Array


class Terms(NamedTuple):
    """Carriage by zone and half pound, and what being late, waiting and splitting cost."""

    rates: Array
    late: float
    wait: float
    split: float
    most_legs: int


class Legs(NamedTuple):
    """Answers, one a leg; place -1 for units nothing can serve."""

    line: Array
    place: Array
    units: Array
    ready: Array
    ship: Array
    arrive: Array
    basis: Array
    spread: Array
    cost: Array
    more: Array
    other: Array


def records(dtype: Any, **columns: Any) -> Array:
    """Return columns as records, those not given 0."""
    made = np.zeros(len(next(iter(columns.values()))), dtype=dtype)
    for name, column in columns.items():
        made[name] = column
    return made
