"""A supplier that takes no order below a value is asked for that much, or for nothing."""

from __future__ import annotations

import polars as pl
import pytest
from tests.unit.plan.supply.test_planning import plan, rules_broken, small_company, week


def company(minimum_order_value: float, units_a_week: float):
    return small_company(
        suppliers=[{"supplier": "SUP", "minimum_order_value": minimum_order_value}],
        forecast_means=[
            {
                "item": "MUG",
                "location": "FBA-US",
                "period_start": week(t),
                "units_mean": units_a_week,
            }
            for t in range(26)
        ],
    )


def test_what_is_worth_less_than_the_smallest_order_is_raised_to_it() -> None:
    usual = plan(company(0.0, 10.0), periods=26)
    spent = usual["supply_plan"].filter(pl.col("kind") == "buy")["quantity"].sum() * 4.0
    minimum = spent + 100.0

    outcome = plan(company(minimum, 10.0), periods=26)

    bought = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    assert minimum <= bought["quantity"].sum() * 4.0 < minimum + 12 * 4.0
    assert (bought["quantity"] % 12 == 0).all()
    reasons = outcome.explanations
    assert reasons is not None
    told = reasons.filter(pl.col("reference") == "minimum_order_value:SUP")
    assert set(told["subject"]) <= set(bought["decision"])
    assert told["quantity"].sum() == pytest.approx(bought["quantity"].sum() - spent / 4.0)
    assert not rules_broken(company(minimum, 10.0), outcome)


def test_nothing_is_bought_where_the_smallest_order_would_lie_for_years() -> None:
    outcome = plan(company(50_000.0, 10.0), periods=26)

    assert outcome["supply_plan"].filter(pl.col("kind") == "buy").height == 0
    assert outcome["unmet_demand"]["units"].sum() > 0
    assert set(outcome["unmet_demand"]["reason_code"]) <= {"lot_rule", "lead_time"}
    reasons = outcome.explanations
    assert reasons is not None
    assert reasons["text"].str.contains("SUP takes no order below 50,000").any()


def test_a_plan_that_buys_enough_is_left_as_it_is() -> None:
    usual, with_rule = (plan(company(value, 10.0), periods=26) for value in (0.0, 200.0))

    assert usual["supply_plan"].equals(with_rule["supply_plan"])
