"""A plan of one item, built by hand, passes; its planted faults are found."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import polars as pl

import fivefold.check
from fivefold.check import check_plan
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
WEEKS = (date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 7))


def small_plan() -> Dataset:
    """Ten on hand, sales of 4, 8 and 5; twelve are bought on the 23rd and come on the 30th."""
    stock = ((10.0, 0.0, 4.0, 6.0), (6.0, 12.0, 8.0, 10.0), (10.0, 0.0, 5.0, 5.0))
    rows: dict[str, list[dict[str, object]]] = {
        "items": [{"item": "MUG", "unit_cost": 2.0}],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH", "kind": "warehouse"},
        ],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {
                "supplier": "SUP",
                "item": "MUG",
                "unit_price": 2.0,
                "minimum_quantity": 12,
                "order_multiple": 6,
                "lead_time_days_mean": 7.0,
            }
        ],
        "inventory": [{"item": "MUG", "location": "WH", "on_hand": 10}],
        "forecast_means": [
            {"item": "MUG", "location": "WH", "period_start": week, "units_mean": wanted}
            for week, (_, _, wanted, _) in zip(WEEKS, stock, strict=True)
        ],
        "supply_plan": [
            {
                "decision": "buy:MUG",
                "kind": "buy",
                "item": "MUG",
                "source": "SUP",
                "destination": "WH",
                "quantity": 12,
                "start_on": WEEKS[0],
                "due_on": WEEKS[1],
                "unit_cost": 2.0,
                "value": 24.0,
            }
        ],
        "projected_stock": [
            {
                "item": "MUG",
                "location": "WH",
                "period_start": week,
                "opening": opening,
                "receipts": receipts,
                "issues": 0.0,
                "demand": wanted,
                "unmet": 0.0,
                "closing": closing,
            }
            for week, (opening, receipts, wanted, closing) in zip(WEEKS, stock, strict=True)
        ],
        "explanations": [
            {
                "subject": "buy:MUG",
                "sequence": 1,
                "reason_code": "demand_served",
                "text": "It serves the week of 30 November.",
            }
        ],
    }
    return Dataset({name: schema(name).frame(part) for name, part in rows.items()})


def rules_broken(dataset: Dataset) -> set[str]:
    return set(check_plan(dataset, as_of=AS_OF)["rule"])


def changed(**values: object) -> Dataset:
    plan = small_plan()
    row = [pl.lit(value).alias(name) for name, value in values.items()]
    return plan.with_tables(supply_plan=plan["supply_plan"].with_columns(row))


def test_the_small_plan_is_legal() -> None:
    assert check_plan(small_plan(), as_of=AS_OF)["text"].to_list() == []


def test_an_empty_dataset_is_legal() -> None:
    assert check_plan(Dataset(), as_of=AS_OF).height == 0


def test_a_planted_late_delivery_is_found() -> None:
    found = check_plan(changed(due_on=WEEKS[2]), as_of=AS_OF)
    late = found.filter(pl.col("rule") == "receipts_follow_from_decisions").row(0, named=True)
    assert late["key"] == "MUG→WH→2026-11-30"
    assert (late["found"], late["expected"]) == ("12.0", "0.0 to 0.0")


def test_a_broken_minimum_is_found() -> None:
    assert "minimum_quantity" in rules_broken(changed(quantity=6, value=12.0))


def test_a_quantity_that_is_no_multiple_is_found() -> None:
    assert "order_multiple" in rules_broken(changed(quantity=13, value=26.0))


def test_a_lead_time_is_broken_by_one_day_only_when_it_is() -> None:
    assert "lead_time" not in rules_broken(changed(start_on=WEEKS[0]))
    assert "lead_time" in rules_broken(changed(start_on=date(2026, 11, 24)))


def test_a_planted_negative_balance_is_found() -> None:
    plan = small_plan()
    sunk = plan["projected_stock"].with_columns(pl.col("closing") - 11.0)
    found = check_plan(plan.with_tables(projected_stock=sunk), as_of=AS_OF)
    keys = found.filter(pl.col("rule") == "closing_not_negative")["key"].to_list()
    assert keys == ["MUG→WH→2026-11-23", "MUG→WH→2026-11-30", "MUG→WH→2026-12-07"]


def test_demand_nobody_serves_or_explains_is_found() -> None:
    plan = small_plan()
    lost = plan.with_tables(projected_stock=plan["projected_stock"].head(0))
    silent = plan["projected_stock"].with_columns(
        unmet=pl.col("demand"),
        closing=pl.col("closing") + pl.col("demand").cum_sum(),
        opening=pl.col("opening") + pl.col("demand").cum_sum() - pl.col("demand"),
    )
    assert check_plan(lost, as_of=AS_OF).height == 0  # no plan of stock, nothing to hold it to
    assert rules_broken(plan.with_tables(projected_stock=silent)) == {"unmet_has_reason"}


def test_a_receipt_in_mid_week_may_count_in_that_week_or_the_next() -> None:
    plan = changed(due_on=date(2026, 12, 2))
    assert "receipts_follow_from_decisions" not in rules_broken(plan)
    moved = plan["projected_stock"].with_columns(
        receipts=pl.Series([0.0, 0.0, 12.0]),
        unmet=pl.Series([0.0, 2.0, 0.0]),
        closing=pl.Series([6.0, 0.0, 7.0]),
        opening=pl.Series([10.0, 6.0, 0.0]),
    )
    broken = rules_broken(plan.with_tables(projected_stock=moved))
    assert broken == {"unmet_has_reason"}


def test_the_checker_imports_no_engine() -> None:
    folder = Path(fivefold.check.__file__).parent
    engines = {f"fivefold.{room}" for room in ("plan", "source", "make", "deliver", "returns")}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not any(
                    node.module == engine or node.module.startswith(f"{engine}.")
                    for engine in engines
                ), path.name
