"""The orders customers placed: numbers, buyers, times and states of the lines that exist."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fivefold.twin.companies.catalogue import Ints
from fivefold.twin.companies.demand import SAME_DAY_HOUR, Bools, Demand
from fivefold.twin.companies.history import History
from fivefold.twin.companies.network import draw_customers, make_customers

JOINED_SHARE = 0.09
SALES_TAX = 0.07
STATES_WITHOUT_SALES_TAX = ("OR", "NH", "MT", "DE", "AK")
#: A prime that shares no factor with 10^14: number times it walks through all 14 digits.
_STRIDE = 73_856_093_331_019


def make_order_lines(history: History) -> pl.DataFrame:
    """Return one row an order line, in order of time.

    Columns: row (of the demand), order, day, item, sku, title, asin, quantity, price (a
    unit), discount (of the line), tax, purchased, settled (when it shipped or was
    cancelled), status (Shipped, Cancelled, Pending, Unshipped), fbm, business, city, state,
    postal_code, promotion, service.
    """
    demand, stock, rng = history.demand, history.stock, history.rng(100)
    rows = np.flatnonzero(stock.listed)
    rows = rows[np.lexsort((demand.second[rows], demand.day[rows]))]
    item, day, second = demand.item[rows], demand.day[rows], demand.second[rows]
    cancelled, fbm = demand.cancelled[rows], demand.fbm[rows]
    n = len(rows)
    joined = _joined(rng, demand, rows)
    order = np.cumsum(~joined) - 1
    customers = make_customers()
    buyer = draw_customers(rng, customers, int(order[-1]) + 1 if n else 0)[order]
    second = np.maximum.accumulate(np.where(joined, 0, day * 86_400 + second))
    settled = _settled(rng, second, cancelled, fbm)
    end = history.days * 86_400
    open_line = (settled >= end) & ~cancelled
    settled = np.minimum(np.where(open_line, second + 1_800, settled), end - 1)
    state_of_line = np.where(cancelled, 1, np.where(open_line, np.where(fbm, 3, 2), 0))
    status = named(["Shipped", "Cancelled", "Pending", "Unshipped"], state_of_line)
    catalogue = history.catalogue
    quantity = np.where(cancelled, 0, demand.quantity[rows])
    price = demand.price[item, day]
    discount = (price * demand.quantity[rows] * demand.discount[item, day]).round(2)
    state = named(customers.state, buyer)
    taxed = ~state.is_in(list(STATES_WITHOUT_SALES_TAX)).to_numpy()
    prefix = 111 + (order % 4)
    number = (order.astype(object) * _STRIDE + 27_182_818_284_590 + history.seed) % 10**14
    return pl.DataFrame(
        {
            "row": rows,
            "order": [
                f"{p}-{k // 10**7:07d}-{k % 10**7:07d}" for p, k in zip(prefix, number, strict=True)
            ],
            "day": day,
            "item": item,
            "sku": named(catalogue.item, item),
            "title": named(catalogue.title, item),
            "asin": named([catalogue.asin(i) for i in range(catalogue.finished)], item),
            "quantity": quantity,
            "price": price,
            "discount": np.where(cancelled, 0.0, discount),
            "tax": np.where(taxed, (price * quantity * SALES_TAX), 0.0).round(2),
            "fbm": fbm,
            "business": demand.business[rows],
            "status": status,
            "city": named(customers.city, buyer),
            "state": state,
            "postal_code": named(customers.postal_code, buyer),
            "promotion": named(
                ["", *(f"PLM-{i}" for i in range(catalogue.finished))],
                np.where(discount > 0, item + 1, 0),
            ),
            "service": named(
                ["Standard", "SecondDay", "Expedited", "NextDay"],
                rng.choice(4, size=n, p=[0.34, 0.38, 0.2, 0.08]),
            ),
            "purchased": _instants(history.start, second),
            "settled": _instants(history.start, settled),
        },
        schema_overrides={"order": pl.String, "promotion": pl.String},
    )


def _joined(rng: np.random.Generator, demand: Demand, rows: Ints) -> Bools:
    """Return which lines belong to the order of the line before: one buyer, two items."""
    wish: Bools = rng.random(len(rows)) < JOINED_SHARE
    wish[:1] = False
    early = demand.second[rows] < SAME_DAY_HOUR * 3600
    for column in (demand.day[rows], demand.fbm[rows], early):
        wish[1:] &= column[1:] == column[:-1]
    cancelled, item = demand.cancelled[rows], demand.item[rows]
    wish[1:] &= (item[1:] != item[:-1]) & ~cancelled[1:] & ~cancelled[:-1]
    # No third line: a line that joined is joined by none.
    wish[1:] &= ~wish[:-1]
    return wish


def _settled(rng: np.random.Generator, second: Ints, cancelled: Bools, fbm: Bools) -> Ints:
    """Return the second each line shipped or was cancelled, counted from day 0."""
    n = len(second)
    day, clock = second // 86_400, second % 86_400
    early = clock < SAME_DAY_HOUR * 3600
    same_day = np.minimum(clock + rng.integers(3_600, 21_600, size=n), 86_399) + day * 86_400
    next_day = (day + 1) * 86_400 + rng.integers(18_000, 72_000, size=n)
    by_amazon = np.where(early, same_day, next_day)
    by_seller = (day + 1) * 86_400 + rng.integers(50_000, 140_000, size=n)
    called_off = second + rng.integers(600, 50_000, size=n)
    settled: Ints = np.where(cancelled, called_off, np.where(fbm, by_seller, by_amazon))
    return settled


def _instants(start: date, seconds: Ints) -> pl.Series:
    moments = np.datetime64(start, "us") + seconds.astype("timedelta64[s]")
    return pl.Series(moments).dt.replace_time_zone("UTC")


def named(names: list[str], rows: Ints) -> pl.Series:
    """Return `names[row]` for each row, as text; quicker than arrays of text for many rows."""
    return pl.Series(names, dtype=pl.String).gather(rows)
