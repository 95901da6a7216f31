"""Drawn orders, buildings and stock for the benchmarks of sourcing and promises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.deliver.sourcing_tables import (
    BUCKET,
    HOLDER,
    LINE,
    SITE,
    Lines,
    Places,
    Stock,
    Terms,
    Times,
    lay_out,
    records,
)
from fivefold.deliver.zones import great_circle_miles, zones_of

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
#: Highest price a unit can have where it stands: none is dearer than the widest carriage.
STEPS = 301


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Buildings and customers on the map, items with weights, stock and orders, as arrays.

    `miles` is (n_regions, n_places); `popularity` the share of demand of each item, `people`
    that of each region.
    """

    miles: FloatArray
    zone: npt.NDArray[np.int8]
    pick: FloatArray
    weight_lb: FloatArray
    popularity: FloatArray
    people: FloatArray
    item: IntArray
    place: npt.NDArray[np.int32]
    units: npt.NDArray[np.int32]
    rates: FloatArray


def draw_company(
    *, items: int, buildings: int, holders: int, cover: float, lines: int, seed: int
) -> Company:
    """Return a company whose stock is `cover` times the units that `lines` lines will want.

    Buildings and customers stand at real ZIP codes, customers as often as their place has
    people would be: three in four at one of the building's metropolitan areas.
    """
    from fivefold.deliver.zones import _coordinates

    rng = np.random.default_rng(seed)
    points = np.array(sorted({v for k, v in _coordinates().items() if len(k) == 3}))
    homes = points[rng.choice(len(points), buildings, replace=False)]
    people = rng.pareto(1.2, len(points)) + 0.2
    people /= people.sum()
    miles = great_circle_miles(
        points[:, None, 0], points[:, None, 1], homes[None, :, 0], homes[None, :, 1]
    )
    rank = rng.permutation(items) + 1.0
    popularity = rank**-0.9
    popularity /= popularity.sum()
    weight = np.round(rng.lognormal(0.2, 0.8, items).clip(0.2, 40.0), 2)
    item, place, units = _draw_stock(rng, popularity, buildings, holders, cover * lines * 1.4)
    rates = np.zeros((9, STEPS))
    for zone in range(2, 9):
        pounds = np.arange(STEPS) / 2.0
        rates[zone] = np.where(pounds > 0, 4.2 + 0.35 * zone + (0.14 + 0.06 * zone) * pounds, 0.0)
    return Company(
        miles=miles,
        zone=zones_of(miles).astype(np.int8),
        pick=np.round(rng.uniform(0.8, 2.0, buildings), 2),
        weight_lb=weight,
        popularity=popularity,
        people=people,
        item=item,
        place=place,
        units=units,
        rates=rates,
    )


def _draw_stock(
    rng: np.random.Generator, popularity: FloatArray, buildings: int, holders: int, units: float
) -> tuple[IntArray, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return holders of each item: more for what sells more, their units uneven."""
    items = len(popularity)
    wanted = popularity * units
    count = np.clip((wanted / 2.0).astype(np.int64) + 1, 1, holders)
    item = np.repeat(np.arange(items), count)
    start = np.repeat(rng.integers(0, buildings, items), count)
    step = np.repeat(rng.integers(1, buildings, items), count)
    within = np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)
    # A walk with a step prime to the number of buildings visits each once.
    step = np.where(np.gcd(step, buildings) == 1, step, 1)
    place = ((start + within * step) % buildings).astype(np.int32)
    share = rng.gamma(2.0, 0.5, len(item))
    total = np.zeros(items)
    np.add.at(total, item, share)
    held = np.ceil(np.ceil(wanted)[item] * share / total[item]).astype(np.int32)
    order = np.lexsort((place, item))
    return item[order], place[order], np.maximum(held[order], 1)


def draw_orders(company: Company, *, lines: int, seed: int) -> Lines:
    """Return orders of one to five lines of one to three units; most have one line."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3, 4, 5], size=lines, p=[0.66, 0.2, 0.08, 0.04, 0.02])
    first = np.concatenate([[0], np.cumsum(sizes)])
    first = first[first <= lines]
    first = np.append(first, lines) if first[-1] != lines else first
    region = rng.choice(len(company.people), len(first) - 1, p=company.people)
    item = rng.choice(len(company.popularity), lines, p=company.popularity)
    rows = records(
        LINE,
        item=item,
        units=rng.choice([1, 2, 3], lines, p=[0.75, 0.17, 0.08]),
        destination=np.repeat(region, np.diff(first)),
        deadline=np.full(lines, -1),
        ordered_minute=rng.integers(0, 1440, lines),
        weight_lb=company.weight_lb[item],
    )
    return Lines(order_first=first.astype(np.int64), rows=rows)


def stock_of(company: Company, price: npt.NDArray[np.float32] | None = None) -> Stock:
    """Return fresh stock, one bucket a holder."""
    rows = len(company.item)
    return lay_out(
        holder_first=np.searchsorted(company.item, np.arange(len(company.popularity) + 1)).astype(
            np.int64
        ),
        holders=records(
            HOLDER,
            bucket=np.arange(rows + 1),
            place=np.append(company.place, 0),
            unit_price=np.zeros(rows + 1) if price is None else np.append(price, 0.0),
        ),
        buckets=records(BUCKET, units=company.units),
    )


def places_of(company: Company) -> Places:
    """Return buildings that work every order until two in the afternoon, without a limit."""
    count = len(company.pick)
    return Places(
        sites=records(SITE, pick=company.pick, cut_off=np.full(count, 14 * 60)),
        allowed=np.ones((1, count), np.bool_),
        zone=company.zone,
        room=np.zeros((count, 30), np.int64),
    )


def times_of() -> Times:
    """Return days: shipped on the day, there after the zone's usual days."""
    ship = np.arange(30, dtype=np.int64)[None, :]
    days = np.array([2, 0, 1, 2, 3, 4, 4, 5, 5])
    return Times(ship=ship, arrive=np.ascontiguousarray(ship[:, None, :, None] + days))


def terms_of(company: Company, *, wait: float = 0.0) -> Terms:
    """Return what carriage and a split cost."""
    return Terms(company.rates, 5.0, wait, 2.0, 4)
