"""What customers want: rates by day, prices, promotions, and every line they would order.

The lines are the truth. Those that meet an empty shelf never become orders, so the files
show less than was wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from fivefold.twin.companies.catalogue import Catalogue, Floats, Ints

Bools = NDArray[np.bool_]

#: Bumps of a season: day of the year of the top, width in days, height above the rest.
SEASONS: dict[str, tuple[tuple[int, float, float], ...]] = {
    "flat": (),
    "q4": ((345, 26.0, 1.3),),
    "toys": ((343, 24.0, 2.6),),
    "summer": ((188, 42.0, 2.0),),
    "school": ((226, 20.0, 1.4),),
    "winter": ((12, 34.0, 1.2),),
    "spring": ((118, 32.0, 1.2),),
}
WEEKDAYS = np.array([1.10, 1.05, 1.02, 0.99, 0.94, 0.90, 1.00])
#: Order lines a finished item and day, on average over the catalogue.
LINES_PER_ITEM_DAY = 0.76
CANCELLED_SHARE = 0.025
EVENT_LIFT = 1.75
ELASTICITY = 1.7
#: Amazon's clock is read as UTC here; a line before this hour ships the same day.
SAME_DAY_HOUR = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """When items are on sale: first and last day as numbers of days, and who follows whom."""

    launch: Ints
    end: Ints
    replaces: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """All lines customers would order, sorted by day, channel, item and second of the day.

    `rate`, `price` and `discount` have shape (n_finished, n_days); the rest has one entry a
    line. `fbm` marks lines for the seller's own fulfilment.
    """

    rate: Floats
    price: Floats
    discount: Floats
    day: Ints
    item: Ints
    second: Ints
    quantity: Ints
    fbm: Bools
    cancelled: Bools
    business: Bools


def make_lives(rng: np.random.Generator, *, items: int, days: int) -> Lives:
    """Return launches within the time (8 % of items), endings (6 %), and one replacement."""
    launch = np.zeros(items, dtype=np.int64)
    end = np.full(items, days + 10_000, dtype=np.int64)
    order = rng.permutation(items)
    new = order[: max(1, round(0.08 * items))]
    old = order[len(new) : len(new) + max(1, round(0.06 * items))]
    launch[new] = rng.integers(int(days * 0.15), max(int(days * 0.95), 2), size=len(new))
    end[old] = rng.integers(int(days * 0.5), days + 60, size=len(old))
    replaces: dict[int, int] = {}
    if items > 20:
        # One old item is followed by one new one, a month of both on sale.
        replaces[int(new[0])] = int(old[0])
        end[old[0]] = int(days * 0.72)
        launch[new[0]] = end[old[0]] - 30
    return Lives(launch=launch, end=end, replaces=replaces)


def make_demand(
    rng: np.random.Generator, catalogue: Catalogue, lives: Lives, *, start: date, days: int
) -> Demand:
    """Return every line customers would order from `start` on, for `days` days."""
    price, discount = _prices(rng, catalogue.price[: catalogue.finished], days)
    rate = _rates(rng, catalogue, lives, start, days)
    lift = (price / price[:, -1:]) ** -ELASTICITY * (1 - discount) ** (-2 * ELASTICITY)
    rate = rate * lift
    rate *= LINES_PER_ITEM_DAY * rate.size / rate.sum()
    lines = rng.poisson(rate)
    item, day = (codes.astype(np.int64) for codes in np.nonzero(lines))
    repeat = lines[item, day]
    item, day = np.repeat(item, repeat), np.repeat(day, repeat)
    n = len(item)
    # Orders rise through the day and peak in the evening.
    second = (86_400 * rng.beta(2.2, 1.6, size=n)).astype(np.int64)
    quantity, business = _quantities(rng, catalogue, item)
    fbm = rng.random(n) < _fbm_share(rng, catalogue)[item]
    cancelled = rng.random(n) < CANCELLED_SHARE
    order = np.lexsort((second, item, fbm, day))
    return Demand(
        rate=rate,
        price=price,
        discount=discount,
        day=day[order],
        item=item[order],
        second=second[order],
        quantity=quantity[order],
        fbm=fbm[order],
        cancelled=cancelled[order],
        business=business[order],
    )


def season_profile(name: str, start: date, days: int) -> Floats:
    """Return the season's factor a day, mean 1 over a year, shape (n_days,)."""
    year_day = np.arange(1, 366)
    profile = np.ones(365)
    for top, width, height in SEASONS[name]:
        away = np.abs(year_day - top)
        away = np.minimum(away, 365 - away)
        profile += height * np.exp(-((away / width) ** 2))
    profile /= profile.mean()
    index = [min((start + timedelta(days=d)).timetuple().tm_yday, 365) - 1 for d in range(days)]
    chosen: Floats = profile[index]
    return chosen


def event_days(start: date, days: int) -> Bools:
    """Return the days of the two great sales: four in July, Black Friday to Cyber Monday."""
    marked = np.zeros(days, dtype=np.bool_)
    for year in range(start.year, (start + timedelta(days=days)).year + 1):
        november = date(year, 11, 1)
        black_friday = november + timedelta(days=(3 - november.weekday()) % 7 + 22)
        july = date(year, 7, 1)
        summer = july + timedelta(days=(1 - july.weekday()) % 7 + 7)
        for first in (black_friday, summer):
            offset = (first - start).days
            marked[max(0, offset) : max(0, offset + 4)] = True
    return marked


def _rates(
    rng: np.random.Generator, catalogue: Catalogue, lives: Lives, start: date, days: int
) -> Floats:
    """Return lines a day before prices: size, season, weekday, trend, life and noise."""
    n = catalogue.finished
    rank = rng.permutation(n)
    size = (rank + 4.0) ** -1.05
    selling = np.array(catalogue.selling[:n])
    size[selling == "slow"] *= 0.18
    size[selling == "lumpy"] *= 0.30
    profiles = {name: season_profile(name, start, days) for name in SEASONS}
    season = np.stack([profiles[name] for name in catalogue.season[:n]])
    weekday = WEEKDAYS[(start.weekday() + np.arange(days)) % 7]
    event = np.where(event_days(start, days), EVENT_LIFT, 1.0)
    years = (np.arange(days) - days) / 365
    trend = np.exp(rng.normal(0.10, 0.18, size=n)[:, None] * years)
    # Weeks are good or bad for reasons of their own; that makes counts over-dispersed.
    weekly = rng.gamma(9.0, 1 / 9.0, size=(n, days // 7 + 2))
    noise = weekly[:, (np.arange(days) + start.weekday()) // 7]
    today = np.arange(days)[None, :]
    ramp = np.clip((today - lives.launch[:, None]) / 45, 0, 1) ** 0.7
    ramp[lives.launch == 0] = 1.0
    fade = np.clip((lives.end[:, None] - today) / 75, 0, 1)
    alive = (today >= lives.launch[:, None]) & (today <= lives.end[:, None])
    for new, old in lives.replaces.items():
        size[new] = size[old] = max(size[old], float(np.median(size)))
    rates: Floats = size[:, None] * season * weekday * event * trend * noise
    return rates * (0.15 + 0.85 * ramp) * fade * alive


def _prices(rng: np.random.Generator, final: Floats, days: int) -> tuple[Floats, Floats]:
    """Return list prices and promotion discounts, shape (n_finished, n_days) each."""
    n = len(final)
    price = np.repeat(final[:, None], days, axis=1)
    discount = np.zeros((n, days))
    for i in range(n):
        for change in np.sort(rng.integers(20, max(days, 21), size=int(rng.integers(0, 4))))[::-1]:
            # Read backwards: before each change the price was another one.
            earlier = np.floor(price[i, 0] * rng.uniform(0.88, 1.07)) + 0.99
            price[i, :change] = max(earlier, 5.99)
        for first in rng.integers(0, days, size=int(rng.integers(2, 7))):
            discount[i, first : first + int(rng.integers(4, 11))] = rng.choice([0.1, 0.15, 0.2])
    return price, discount


def _quantities(rng: np.random.Generator, catalogue: Catalogue, item: Ints) -> tuple[Ints, Bools]:
    """Return units a line and whether a business bought: mostly one, bulk for lumpy items."""
    n = len(item)
    units = 1 + np.searchsorted([0.885, 0.965, 0.987, 0.995], rng.random(n), side="right")
    lumpy = (np.array(catalogue.selling[: catalogue.finished]) == "lumpy")[item]
    bulk = lumpy & (rng.random(n) < 0.25)
    units[bulk] = 3 + rng.negative_binomial(1.3, 0.12, size=int(bulk.sum()))
    return units.astype(np.int64), bulk | (rng.random(n) < 0.04)


def _fbm_share(rng: np.random.Generator, catalogue: Catalogue) -> Floats:
    """Return the share of lines for own fulfilment: all of the largest, some of others."""
    n = catalogue.finished
    share = np.where(rng.random(n) < 0.16, rng.uniform(0.15, 0.4, size=n), 0.0)
    large = catalogue.sides_cm[:n, 0] > 95
    share[large & (rng.random(n) < 0.6)] = 1.0
    return share
