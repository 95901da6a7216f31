from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.make.requirements import Params, explode
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def _company(**tables: pl.DataFrame) -> Dataset:
    base = {
        "items": pl.DataFrame({"item": ["KIT", "BOX", "CUP", "MUG", "DUST"]}),
        "locations": pl.DataFrame(
            {"location": ["PLANT1", "WH1", "FBA-US"], "kind": ["plant", "warehouse", "store"]}
        ),
        "lanes": pl.DataFrame(
            {
                "origin": ["PLANT1", "WH1"],
                "destination": ["WH1", "FBA-US"],
                "mode": ["van", "ltl"],
                "transit_time_days_mean": [1.0, 7.0],
            }
        ),
        "bills_of_material": pl.DataFrame(
            {
                "product": ["KIT", "KIT"],
                "component": ["BOX", "CUP"],
                "quantity_per": [1.0, 4.0],
                "scrap_share": [0.0, 0.2],
            }
        ),
    }
    return Dataset(base | tables)


def _make(decision: str, units: int, start_on: date, due_on: date) -> dict[str, object]:
    return {
        "decision": decision,
        "kind": "make",
        "item": "KIT",
        "source": "PLANT1",
        "destination": "PLANT1",
        "quantity": units,
        "start_on": start_on,
        "due_on": due_on,
    }


def _figure(table: pl.DataFrame, item: str, column: str, location: str = "PLANT1") -> list[float]:
    rows = table.filter((pl.col("item") == item) & (pl.col("location") == location))
    return [value for value in rows.sort("period_start")[column] if value]


def test_makes_of_the_plan_need_components_in_the_week_they_start() -> None:
    plan = schema("supply_plan").frame(
        [_make("m1", 80, MONDAY + timedelta(days=9), MONDAY + timedelta(days=16))]
    )
    operations = pl.DataFrame(
        {
            "product": ["KIT"],
            "operation": [10],
            "location": ["PLANT1"],
            "resource": ["LINE"],
            "run_time_hours_per_unit": [0.1],
            "yield_share": [0.8],
        }
    )
    table = explode(_company(supply_plan=plan, operations=operations), as_of=AS_OF)["requirements"]

    # 80 good kits need 100 starts; 4 cups each, a fifth of them lost: 500.
    assert _figure(table, "CUP", "gross") == pytest.approx([500])
    week = table.filter(pl.col("item") == "CUP")["period_start"].to_list()
    assert week == [MONDAY + timedelta(days=7)]
    assert _figure(table, "KIT", "planned_receipts") == [80]
    assert _figure(table, "KIT", "net") == []


def test_a_forecast_elsewhere_is_pulled_through_the_lanes_to_the_plant() -> None:
    means = pl.DataFrame(
        {
            "item": ["KIT"],
            "location": ["FBA-US"],
            "period_start": [MONDAY + timedelta(weeks=6)],
            "units_mean": [100.0],
        }
    )
    stock = pl.DataFrame(
        {"item": ["KIT", "KIT"], "location": ["WH1", "FBA-US"], "on_hand": [30, 20]}
    )
    table = explode(_company(forecast_means=means, inventory=stock), as_of=AS_OF)["requirements"]

    assert _figure(table, "KIT", "net", "FBA-US") == [80]
    assert _figure(table, "KIT", "net", "WH1") == [50]
    assert _figure(table, "KIT", "gross", "PLANT1") == [50]
    assert _figure(table, "BOX", "gross") == [50]


def test_a_circle_is_infeasible_and_named() -> None:
    bom = pl.DataFrame(
        {
            "product": ["KIT", "BOX", "CUP"],
            "component": ["BOX", "CUP", "BOX"],
            "quantity_per": [1.0, 1.0, 1.0],
        }
    )
    outcome = explode(_company(bills_of_material=bom), as_of=AS_OF)

    assert outcome.status == "infeasible"
    assert outcome["requirements"].is_empty()
    assert outcome.explanations is not None
    assert "BOX → CUP → BOX" in outcome.explanations["text"][0]


def test_a_by_product_that_feeds_its_own_making_is_named() -> None:
    bom = pl.DataFrame(
        {
            "product": ["KIT", "BOX"],
            "component": ["BOX", "KIT"],
            "quantity_per": [1.0, 1.0],
            "is_by_product": [False, True],
        }
    )
    outcome = explode(_company(bills_of_material=bom), as_of=AS_OF)

    assert outcome.status == "infeasible"
    assert outcome.explanations is not None
    assert "by-product" in outcome.explanations["text"][0]


def test_nowhere_to_make_things_is_infeasible() -> None:
    outcome = explode(_company(locations=schema("locations").empty()), as_of=AS_OF)

    assert outcome.status == "infeasible"


def test_an_alternate_is_used_while_the_preferred_component_is_out_of_force() -> None:
    bom = pl.DataFrame(
        {
            "product": ["KIT", "KIT"],
            "component": ["CUP", "MUG"],
            "quantity_per": [1.0, 2.0],
            "alternate_group": ["vessel", "vessel"],
            "priority": [1, 2],
            "effective_from": [MONDAY + timedelta(weeks=2), None],
        }
    )
    plan = schema("supply_plan").frame(
        [
            _make("early", 10, MONDAY, MONDAY + timedelta(days=7)),
            _make("late", 10, MONDAY + timedelta(weeks=2), MONDAY + timedelta(weeks=3)),
        ]
    )
    table = explode(_company(bills_of_material=bom, supply_plan=plan), as_of=AS_OF)["requirements"]

    assert _figure(table, "MUG", "gross") == [20]
    assert _figure(table, "CUP", "gross") == [10]


def test_what_a_batch_leaves_over_counts_as_supply() -> None:
    bom = pl.DataFrame(
        {
            "product": ["KIT", "KIT", "BOX"],
            "component": ["CUP", "DUST", "DUST"],
            "quantity_per": [1.0, 0.5, 1.0],
            "is_by_product": [False, True, False],
        }
    )
    plan = schema("supply_plan").frame([_make("m", 10, MONDAY, MONDAY)])
    table = explode(_company(bills_of_material=bom, supply_plan=plan), as_of=AS_OF)["requirements"]

    assert _figure(table, "DUST", "scheduled") == [5]


def test_an_item_without_an_operation_is_told() -> None:
    plan = schema("supply_plan").frame([_make("m", 10, MONDAY, MONDAY)])
    outcome = explode(_company(supply_plan=plan), as_of=AS_OF)

    assert outcome.why("requirements:KIT")["reason_code"].to_list() == ["unknown_figure"]


def test_no_bill_of_material_is_no_requirement() -> None:
    outcome = explode(Dataset(), as_of=AS_OF)

    assert outcome.status == "feasible"
    assert outcome["requirements"].columns == list(schema("requirements").names)


@pytest.mark.parametrize("bad", [{"periods": 0}, {"demand": "guess"}])
def test_params_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Params(**bad)  # type: ignore[arg-type]
