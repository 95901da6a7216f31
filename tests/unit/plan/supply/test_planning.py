from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.model import Dataset, Outcome
from fivefold.plan.supply import SupplyParams, plan_supply

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def week(number: int) -> date:
    return MONDAY + timedelta(days=7 * number)


def small_company(**more: list[dict[str, Any]]) -> Dataset:
    """One item, ten a week at the fulfilment network, bought through one warehouse."""
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [
            {
                "item": "MUG",
                "unit_cost": 4.0,
                "price": 15.0,
                "length_cm": 10.0,
                "width_cm": 10.0,
                "height_cm": 10.0,
            }
        ],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse"},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {
                "supplier": "SUP",
                "item": "MUG",
                "unit_price": 4.0,
                "minimum_quantity": 50,
                "order_multiple": 12,
                "lead_time_days_mean": 14.0,
            }
        ],
        "lanes": [
            {
                "origin": "SUP",
                "destination": "WH1",
                "mode": "ltl",
                "transit_time_days_mean": 3.0,
                "cost_per_unit": 0.2,
            },
            {
                "origin": "WH1",
                "destination": "FBA-US",
                "mode": "ltl",
                "transit_time_days_mean": 5.0,
                "cost_per_unit": 0.4,
            },
        ],
        "inventory": [{"item": "MUG", "location": "FBA-US", "on_hand": 60}],
        "forecast_means": [
            {"item": "MUG", "location": "FBA-US", "period_start": week(t), "units_mean": 10.0}
            for t in range(26)
        ],
    }
    tables |= more
    return Dataset({name: pl.DataFrame(rows) for name, rows in tables.items() if rows})


def plan(dataset: Dataset, **params: Any) -> Outcome:
    return plan_supply(dataset, SupplyParams(**params), as_of=AS_OF)


def rules_broken(dataset: Dataset, outcome: Outcome) -> list[dict[str, Any]]:
    from fivefold.check import check_plan

    assert outcome.explanations is not None
    done = dataset.with_tables(explanations=outcome.explanations, **outcome.tables)
    return check_plan(done, as_of=AS_OF).to_dicts()


def test_all_demand_is_served_where_stock_lasts_until_the_first_buy() -> None:
    dataset = small_company()
    outcome = plan(dataset)
    assert outcome.status == "feasible"
    assert outcome["unmet_demand"].height == 0
    assert rules_broken(dataset, outcome) == []
    assert outcome["supply_plan"]["start_on"].min() >= AS_OF


def test_buys_keep_minimum_and_multiple() -> None:
    buys = plan(small_company())["supply_plan"].filter(pl.col("kind") == "buy")
    assert buys.height
    assert (buys["quantity"] >= 50).all()
    assert (buys["quantity"] % 12 == 0).all()


def test_every_decision_says_why_in_sentences() -> None:
    outcome = plan(small_company())
    for decision in outcome["supply_plan"]["decision"]:
        told = outcome.why(decision)
        assert {"demand_served", "stock_on_hand", "lead_time", "next_best"} <= set(
            told["reason_code"]
        )
        assert all(text.endswith(".") for text in told["text"])


def test_the_same_input_gives_the_same_plan_whatever_the_order_of_rows() -> None:
    dataset = small_company()
    turned = Dataset({name: frame.reverse() for name, frame in dataset.tables.items()})
    first, second = plan(dataset), plan(turned)
    assert first["supply_plan"].equals(second["supply_plan"])
    assert first.objective == pytest.approx(second.objective)


def test_a_plan_whose_orders_were_accepted_proposes_nothing_new() -> None:
    dataset = small_company()
    outcome = plan(dataset)
    accepted = outcome["supply_plan"].select(
        "kind",
        "item",
        "source",
        "destination",
        "quantity",
        order="decision",
        line=pl.lit(1),
        ordered_on="start_on",
        expected_on="due_on",
        status=pl.lit("approved"),
        unit_price="unit_cost",
    )
    again = plan(dataset.with_tables(supply_orders=accepted))
    assert again["supply_plan"].height == 0
    assert again["supply_changes"].height == 0
    assert again["unmet_demand"].height == 0


def test_a_supplier_without_capacity_leaves_demand_unmet_with_the_limit_as_reason() -> None:
    dataset = small_company(suppliers=[{"supplier": "SUP", "capacity_units_per_week": 0.0}])
    outcome = plan(dataset)
    assert outcome.status == "feasible"
    assert outcome["supply_plan"].filter(pl.col("kind") == "buy").height == 0
    unmet = outcome["unmet_demand"]
    assert unmet["units"].sum() == pytest.approx(200)
    assert "capacity" in set(unmet["reason_code"])
    assert rules_broken(dataset, outcome) == []


def test_an_item_nobody_supplies_is_unmet_and_named() -> None:
    dataset = small_company(supplier_offers=[])
    outcome = plan(dataset)
    assert outcome.status == "feasible"
    assert outcome["unmet_demand"]["units"].sum() == pytest.approx(200)
    assert set(outcome["unmet_demand"]["reason_code"]) == {"eligibility"}


def test_a_bill_that_leads_back_to_itself_is_infeasible_and_names_the_circle() -> None:
    dataset = small_company(
        items=[{"item": "MUG", "unit_cost": 4.0}, {"item": "BOX", "unit_cost": 1.0}],
        bills_of_material=[
            {"product": "MUG", "component": "BOX", "quantity_per": 1.0},
            {"product": "BOX", "component": "MUG", "quantity_per": 1.0},
        ],
    )
    outcome = plan(dataset)
    assert outcome.status == "infeasible"
    assert outcome.explanations is not None
    assert "MUG → BOX → MUG" in outcome.explanations["text"][0] or (
        "BOX → MUG → BOX" in outcome.explanations["text"][0]
    )


def test_a_budget_is_kept_and_what_it_does_not_buy_is_unmet() -> None:
    dataset = small_company(settings=[{"name": "budget", "value": "600"}])
    outcome = plan(dataset)
    buys = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    assert 0 < (buys["quantity"] * 4.2).sum() <= 600
    assert outcome["unmet_demand"]["units"].sum() > 0
    budget = outcome["limit_prices"].filter(pl.col("limit") == "budget")
    assert (budget["used"] <= budget["amount"] + 1e-6).all()
    assert rules_broken(dataset, outcome) == []


def test_a_second_supplier_takes_over_when_the_first_has_no_room() -> None:
    dataset = small_company(
        locations=[
            {"location": "SUP", "kind": "supplier"},
            {"location": "NEAR", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse"},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        suppliers=[
            {"supplier": "SUP", "capacity_units_per_week": 0.0},
            {"supplier": "NEAR", "capacity_units_per_week": None},
        ],
        supplier_offers=[
            {"supplier": "SUP", "item": "MUG", "unit_price": 4.0, "lead_time_days_mean": 14.0},
            {"supplier": "NEAR", "item": "MUG", "unit_price": 6.0, "lead_time_days_mean": 4.0},
        ],
        lanes=[
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 3.0}
            for o, d in (("SUP", "WH1"), ("NEAR", "WH1"), ("WH1", "FBA-US"))
        ],
    )
    outcome = plan(dataset)
    buys = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    assert set(buys["source"]) == {"NEAR"}
    assert outcome["unmet_demand"].height == 0


def test_a_product_is_made_from_components_that_are_bought_first() -> None:
    dataset = small_company(
        items=[{"item": "MUG", "unit_cost": 5.0, "price": 20.0}, {"item": "CUP", "unit_cost": 2.0}],
        locations=[
            {"location": "SUP", "kind": "supplier"},
            {"location": "PLANT1", "kind": "plant"},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        supplier_offers=[
            {"supplier": "SUP", "item": "CUP", "unit_price": 2.0, "lead_time_days_mean": 7.0}
        ],
        lanes=[
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 2.0}
            for o, d in (("SUP", "PLANT1"), ("PLANT1", "FBA-US"))
        ],
        resources=[{"resource": "LINE", "location": "PLANT1", "hours_per_day": 8.0}],
        operations=[
            {
                "product": "MUG",
                "operation": 10,
                "location": "PLANT1",
                "resource": "LINE",
                "run_time_hours_per_unit": 0.1,
            }
        ],
        bills_of_material=[
            {"product": "MUG", "component": "CUP", "quantity_per": 2.0, "scrap_share": 0.0}
        ],
    )
    outcome = plan(dataset)
    assert outcome["unmet_demand"].height == 0
    made = outcome["supply_plan"].filter(pl.col("kind") == "make")["quantity"].sum()
    bought = outcome["supply_plan"].filter(pl.col("kind") == "buy")["quantity"].sum()
    assert made >= 200
    assert bought == 2 * made
    assert rules_broken(dataset, outcome) == []


def test_nothing_new_starts_in_the_frozen_days() -> None:
    starts = plan(small_company(), frozen_days=21)["supply_plan"]["start_on"]
    assert starts.min() >= AS_OF + timedelta(days=21)


def test_safety_stock_stands_at_the_end_of_every_week_once_it_can() -> None:
    targets = [{"item": "MUG", "location": "FBA-US", "period_start": MONDAY, "safety_stock": 20.0}]
    dataset = small_company(stock_targets=targets)
    stock = plan(dataset)["projected_stock"].filter(pl.col("location") == "FBA-US")
    assert (stock["closing"][5:] >= 20).all()


def test_an_order_nothing_needs_is_cancelled_and_its_money_told() -> None:
    order = {
        "order": "PO1",
        "line": 1,
        "kind": "buy",
        "item": "MUG",
        "source": "SUP",
        "destination": "WH1",
        "quantity": 120,
        "ordered_on": date(2026, 11, 1),
        "expected_on": week(3),
        "status": "confirmed",
        "unit_price": 4.0,
    }
    dataset = small_company(supply_orders=[order], forecast_means=[])
    change = plan(dataset)["supply_changes"].to_dicts()
    assert [row["change"] for row in change] == ["cancel"]
    assert change[0]["value"] >= 480


def test_an_order_that_would_save_sales_is_expedited() -> None:
    order = {
        "order": "PO1",
        "line": 1,
        "kind": "move",
        "item": "MUG",
        "source": "WH1",
        "destination": "FBA-US",
        "quantity": 40,
        "ordered_on": date(2026, 11, 1),
        "expected_on": week(4),
        "status": "confirmed",
        "unit_price": 4.0,
    }
    stock = [
        {"item": "MUG", "location": "FBA-US", "on_hand": 10},
        {"item": "MUG", "location": "WH1", "on_hand": 40},
    ]
    dataset = small_company(supply_orders=[order], inventory=stock, supplier_offers=[])
    change = plan(dataset)["supply_changes"].to_dicts()
    assert [row["change"] for row in change] == ["expedite"]
    assert change[0]["to_date"] < week(4)


def test_a_customer_order_is_pegged_to_what_serves_it() -> None:
    dataset = small_company(
        channels=[{"channel": "FBA", "kind": "fba", "location": "FBA-US"}],
        orders=[
            {
                "order": "C1",
                "line": 1,
                "item": "MUG",
                "channel": "FBA",
                "quantity": 7,
                "ordered_at": datetime(2026, 11, 20, tzinfo=UTC),
                "status": "open",
            }
        ],
    )
    pegs = plan(dataset)["pegging"].filter(pl.col("consumer") == "C1/1")
    assert pegs["units"].sum() == 7
    assert set(pegs["origin_kind"]) == {"stock"}


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="periods must be at least 1"):
        SupplyParams(periods=0)
    with pytest.raises(ValueError, match="fees_share must be from 0 to 1"):
        SupplyParams(fees_share=1.5)
