"""Stock that expires serves until its day and is not counted on after it."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from tests.unit.plan.supply.test_planning import MONDAY, plan, rules_broken, small_company, week

from fivefold.model import Dataset


def company(*lots: tuple[int, date | None]) -> Dataset:
    """Return the company that sells ten a week, with lots of stock at the network."""
    return small_company(
        inventory=[
            {
                "item": "MUG",
                "location": "FBA-US",
                "lot": f"L{n}",
                "on_hand": units,
                "expires_on": ends,
            }
            for n, (units, ends) in enumerate(lots)
        ]
    )


@pytest.mark.parametrize("weeks", [1, 2, 3, 5])
def test_stock_serves_until_it_expires_and_not_after(weeks: int) -> None:
    # Two hundred would last for twenty weeks; new goods take four.
    dataset = company((200, MONDAY + timedelta(days=7 * weeks)))
    outcome = plan(dataset)

    stock = outcome["projected_stock"].filter(pl.col("location") == "FBA-US")
    bought = outcome["supply_plan"].filter(pl.col("kind") == "buy")["quantity"].sum()
    served = (stock["demand"] - stock["unmet"]).sum()
    # By hand: ten a week until it ends; everything served later was bought.
    assert served - 10 * weeks <= bought
    assert stock["closing"][-1] >= 200 - 10 * weeks
    assert stock.filter(pl.col("period_start") < week(weeks))["unmet"].sum() == 0
    assert rules_broken(dataset, outcome) == []


def test_what_expires_first_is_sold_first() -> None:
    dataset = company((30, MONDAY + timedelta(days=21)), (60, None))
    outcome = plan(dataset)

    assert outcome["unmet_demand"].height == 0
    lasting = plan(company((90, None)))
    assert outcome["supply_plan"]["quantity"].sum() == lasting["supply_plan"]["quantity"].sum()
    assert rules_broken(dataset, outcome) == []


def test_a_plan_that_sells_what_has_expired_is_found() -> None:
    lasting = company((200, None))
    outcome = plan(lasting)
    assert rules_broken(lasting, outcome) == []

    ending = company((200, MONDAY + timedelta(days=14)))
    found = {row["rule"] for row in rules_broken(ending, outcome)}
    assert found == {"expired_stock_serves_nobody"}
