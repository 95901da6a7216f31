"""Terms of sale that several engines of this room read: currencies, margins, usual sizes.

Knows tables. Never ranks or orders anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from fivefold.model import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRates:
    """Main currency per unit of a supplier's currency, and currencies without a rate."""

    known: dict[str, float]
    missing: dict[str, str]


def exchange_rates(dataset: Dataset) -> ExchangeRates:
    """Return exchange rates by supplier from the settings `exchange_rate_<CURRENCY>`."""
    main = dataset.setting("currency", "USD")
    known: dict[str, float] = {}
    missing: dict[str, str] = {}
    for supplier, currency in dataset["suppliers"].select("supplier", "currency").iter_rows():
        if currency in (None, "", main):
            continue
        if dataset.setting(f"exchange_rate_{currency}") is None:
            missing[supplier] = currency
        else:
            known[supplier] = dataset.setting_number(f"exchange_rate_{currency}", 1.0)
    return ExchangeRates(known=known, missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a unit of an item brings when it is there to be sold or built in.

    Parameters
    ----------
    prices : dict of str to float
        Selling price of items that are sold.
    through_products : dict of str to float
        Margin of the dearest use of a component, a unit of the component.
    """

    prices: dict[str, float]
    through_products: dict[str, float]

    def margin(self, item: str, unit_price: float) -> float | None:
        """Return what is lost when a unit is missing; None where nothing tells.

        >>> values = Values(prices={"A": 10.0}, through_products={"B": 4.0})
        >>> values.margin("A", 6.0), values.margin("B", 1.0), values.margin("C", 1.0)
        (4.0, 4.0, None)
        """
        if item in self.prices:
            return max(0.0, self.prices[item] - unit_price)
        return self.through_products.get(item)


def item_values(dataset: Dataset) -> Values:
    """Return what items bring: the mean price of active offers, else the list price.

    A component that is not sold itself stops its product when it is missing, so it is worth
    the product's margin over standard cost, divided by the units that go in.
    """
    prices: dict[str, float] = dict(
        dataset["items"].filter(pl.col("price").is_not_null()).select("item", "price").iter_rows()
    )
    offered = (
        dataset["offers"]
        .filter(pl.col("price").is_not_null() & pl.col("active"))
        .group_by("item")
        .agg(pl.col("price").mean())
    )
    prices.update(offered.select("item", "price").iter_rows())
    costs = dict(dataset["items"].select("item", "unit_cost").iter_rows())
    through: dict[str, float] = {}
    lines = dataset["bills_of_material"].filter(
        ~pl.col("is_by_product") & (pl.col("quantity_per") > 0)
    )
    for product, component, per in lines.select("product", "component", "quantity_per").iter_rows():
        price, cost = prices.get(product), costs.get(product)
        if price is not None and cost is not None:
            through[component] = max(through.get(component, 0.0), (price - cost) / per)
    return Values(prices=prices, through_products=through)


def usual_quantity(
    *, units_per_day: float, review_days: int, minimum_quantity: int, order_multiple: int
) -> int:
    """Return the demand of a review period, raised to the minimum and to the multiple.

    >>> usual_quantity(
    ...     units_per_day=3.2, review_days=28, minimum_quantity=50, order_multiple=12
    ... )
    96
    """
    wanted = max(units_per_day * review_days, minimum_quantity, 1)
    return math.ceil(wanted / order_multiple - 1e-9) * order_multiple


def number(row: Mapping[str, object], name: str) -> float:
    """Return a number of a row, 0 where the cell is empty."""
    value = row.get(name)
    return 0.0 if value is None else float(str(value))


def integer(row: Mapping[str, object], name: str) -> int:
    """Return a whole number of a row that is at least 1."""
    return max(1, int(number(row, name)))


def cell_text(row: Mapping[str, object], name: str) -> str | None:
    """Return a text of a row; None where the cell is empty."""
    value = row.get(name)
    return None if value is None else str(value)
