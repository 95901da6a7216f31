"""The example seller's two years as one object, from which every file is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from fivefold.twin.companies.catalogue import Catalogue, Ints, make_catalogue
from fivefold.twin.companies.demand import Demand, Lives, make_demand, make_lives
from fivefold.twin.companies.habits import Habits
from fivefold.twin.companies.stock import Position, Stock, mean_units_per_day
from fivefold.twin.companies.terms import Terms, make_terms

#: How long before the end the older of the two inventory reports was taken.
OLDER_REPORT_DAYS = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A company and what happened to it; day 0 is `start`, the last is the day before `as_of`.

    `opening` holds sellable units at FBA when day 0 began, shape (n_finished, n_centres);
    `events` the columns of the ledger; `positions` the stock at the end of some days, the
    last day's last.
    """

    seed: int
    start: date
    as_of: date
    days: int
    catalogue: Catalogue
    lives: Lives
    demand: Demand
    terms: Terms
    stock: Stock
    opening: Ints
    events: dict[str, Ints]
    positions: tuple[Position, ...]

    def rng(self, purpose: int) -> np.random.Generator:
        """Return a generator of its own for one kind of file, so that none shifts another."""
        return np.random.default_rng([self.seed, purpose])

    def day(self, number: int) -> date:
        """Return the date of a day's number."""
        return self.start + timedelta(days=number)

    @property
    def closing(self) -> Position:
        """The stock at the end of the last day."""
        return self.positions[-1]


def make_history(*, seed: int, items: int, days: int, as_of: date) -> History:
    """Return two years (or `days`) of an invented seller with `items` finished goods.

    Raises
    ------
    ValueError
        If `items` is below 1 or `days` below 120.
    """
    if days < 120:
        raise ValueError(f"days must be at least 120, found {days}")
    start = as_of - timedelta(days=days)
    draws = [np.random.default_rng([seed, part]) for part in range(6)]
    catalogue = make_catalogue(draws[0], items=items)
    lives = make_lives(draws[1], items=items, days=days)
    demand = make_demand(draws[2], catalogue, lives, start=start, days=days)
    daily = np.zeros(len(catalogue))
    daily[:items] = mean_units_per_day(demand, items)
    np.add.at(
        daily,
        catalogue.bom_component,
        daily[catalogue.bom_product] * catalogue.bom_quantity,
    )
    terms = make_terms(draws[3], catalogue, daily)
    stock = Stock(catalogue, demand, days, draws[4])
    habits = Habits(stock, terms, lives, start, draws[5])
    habits.open_books()
    opening = stock.fulfillable.copy()
    positions = []
    for day in range(days):
        stock.run_day(day)
        habits.decide(day)
        if day == days - OLDER_REPORT_DAYS or day == days - 1:
            positions.append(stock.position(day))
    return History(
        seed=seed,
        start=start,
        as_of=as_of,
        days=days,
        catalogue=catalogue,
        lives=lives,
        demand=demand,
        terms=terms,
        stock=stock,
        opening=opening,
        events=stock.log.columns(),
        positions=tuple(positions),
    )
