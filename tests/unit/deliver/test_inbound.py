from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.deliver.inbound import InboundParams, plan_shipments
from fivefold.model import Dataset

AS_OF = date(2026, 11, 22)


def company(quantity: int, *, lanes: pl.DataFrame | None = None) -> Dataset:
    tables = {
        "items": pl.DataFrame(
            {
                "item": ["LAMP"],
                "length_cm": [25.4],
                "width_cm": [20.32],
                "height_cm": [12.7],
                "weight_kg": [0.9],
                "unit_cost": [8.0],
                "case_quantity": [12],
                "case_length_cm": [60.0],
                "case_width_cm": [40.0],
                "case_height_cm": [40.0],
                "case_weight_kg": [12.0],
            }
        ),
        "locations": pl.DataFrame(
            {
                "location": ["WH1", "FBA-US"],
                "kind": ["warehouse", "fulfilment_network"],
                "operated_by": ["own", "amazon"],
                "calendar": ["c", "c"],
            }
        ),
        "supply_plan": pl.DataFrame(
            [
                {
                    "decision": "move:LAMP",
                    "kind": "move",
                    "item": "LAMP",
                    "source": "WH1",
                    "destination": "FBA-US",
                    "quantity": quantity,
                    "start_on": date(2026, 11, 24),
                    "due_on": date(2026, 12, 1),
                },
                {
                    "decision": "move:LAMP:later",
                    "kind": "move",
                    "item": "LAMP",
                    "source": "WH1",
                    "destination": "FBA-US",
                    "quantity": 5,
                    "start_on": date(2026, 12, 24),
                    "due_on": date(2026, 12, 31),
                },
            ]
        ),
    }
    if lanes is not None:
        tables["lanes"] = lanes
    return Dataset(tables)


def test_moves_of_a_week_make_one_shipment_named_by_what_it_is() -> None:
    outcome = plan_shipments(company(30), as_of=AS_OF)
    row = outcome["inbound_shipments"].to_dicts()[0]
    assert outcome["inbound_shipments"].height == 1
    assert row["shipment"] == "INB-WH1-FBA-US-20261123"
    assert (row["units"], row["cartons"]) == (30, 3)
    assert outcome["inbound_cartons"]["quantity"].sum() == 30
    assert row["placement_fee"] is None


def test_five_equal_cartons_make_placement_by_amazon_free() -> None:
    row = plan_shipments(company(60), as_of=AS_OF)["inbound_shipments"].to_dicts()[0]
    assert (row["placement"], row["placement_fee"], row["cartons"]) == ("amazon_optimized", 0.0, 5)
    other = plan_shipments(company(61), as_of=AS_OF)["inbound_shipments"].to_dicts()[0]
    assert other["placement"] != "amazon_optimized"


def test_the_cheaper_mode_carries_by_its_own_cost() -> None:
    lanes = pl.DataFrame(
        {
            "origin": ["WH1", "WH1"],
            "destination": ["FBA-US", "FBA-US"],
            "mode": ["parcel", "ltl"],
            "transit_time_days_mean": [3.0, 6.0],
            "cost_per_shipment": [0.0, 100.0],
            "cost_per_kg": [1.0, 0.1],
            "calendar": ["c", "c"],
        }
    )
    # 10 cases of 12 kg: parcel 120 against 5 x 100 + 12 to five places; one place 112, but
    # placement at minimal costs at least 0.27 for each of 120 units.
    params = InboundParams(placement_extra_days=dict.fromkeys(
        ("minimal", "partial", "amazon_optimized"), 0.0))  # fmt: skip
    row = plan_shipments(company(120, lanes=lanes), params, as_of=AS_OF)["inbound_shipments"]
    assert row["mode"].to_list() == ["parcel"]
    assert row["freight_value"].to_list() == [pytest.approx(120.0)]


def test_every_placement_is_compared_in_the_reasons() -> None:
    outcome = plan_shipments(company(30), as_of=AS_OF)
    assert outcome.explanations is not None
    codes = set(outcome.explanations["reason_code"])
    assert {"demand_served", "lot_rule", "fee_card", "next_best", "eligibility"} <= codes
    assert "unknown_figure" in codes


def test_no_move_makes_no_shipment_and_no_error() -> None:
    outcome = plan_shipments(Dataset(), as_of=AS_OF)
    assert outcome["inbound_shipments"].height == 0
    assert outcome.has_answer
