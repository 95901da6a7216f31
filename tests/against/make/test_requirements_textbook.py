"""Requirements planning against the worked example of a textbook."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.make.requirements import Params, explode
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
WEEK_1 = date(2026, 11, 23)

#: Heizer & Render, *Operations Management*, chapter on material requirements planning:
#: the Awesome speaker kit A, 50 wanted in week 8.
BILL = {"A": {"B": 2, "C": 3}, "B": {"D": 2, "E": 2}, "C": {"E": 2, "F": 2}, "F": {"D": 2, "G": 1}}
LEAD_WEEKS = {"A": 1, "B": 2, "C": 1, "D": 1, "E": 2, "F": 3, "G": 2}
ON_HAND = {"A": 10, "B": 15, "C": 20, "D": 10, "E": 10, "F": 5, "G": 0}


def _speaker_kit(on_hand: dict[str, int]) -> Dataset:
    made = set(BILL)
    return Dataset(
        {
            "items": pl.DataFrame(
                {
                    "item": list(LEAD_WEEKS),
                    "make_lead_time_days": [
                        7.0 * weeks if item in made else None for item, weeks in LEAD_WEEKS.items()
                    ],
                }
            ),
            "locations": pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"]}),
            "bills_of_material": pl.DataFrame(
                [
                    {"product": product, "component": component, "quantity_per": float(units)}
                    for product, line in BILL.items()
                    for component, units in line.items()
                ]
            ),
            "sourcing_options": schema("sourcing_options").frame(
                [
                    {
                        "item": item,
                        "supplier": "S",
                        "destination": "PLANT1",
                        "mode": "ltl",
                        "unit_price": 1.0,
                        "landed_unit_cost": 1.0,
                        "lead_time_days_mean": 7.0 * weeks,
                        "rank": 1,
                    }
                    for item, weeks in LEAD_WEEKS.items()
                    if item not in made
                ]
            ),
            "inventory": pl.DataFrame(
                {
                    "item": list(on_hand),
                    "location": ["PLANT1"] * len(on_hand),
                    "on_hand": list(on_hand.values()),
                }
            ),
            "forecast_means": pl.DataFrame(
                {
                    "item": ["A"],
                    "location": ["PLANT1"],
                    "period_start": [WEEK_1 + timedelta(weeks=7)],
                    "units_mean": [50.0],
                }
            ),
        }
    )


def _by_week(table: pl.DataFrame, column: str) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for item, start, units in table.select("item", "period_start", column).iter_rows():
        if units:
            found.setdefault(item, {})[(start - WEEK_1).days // 7 + 1] = units
    return found


def test_the_gross_requirements_plan_of_the_speaker_kit() -> None:
    nothing = dict.fromkeys(LEAD_WEEKS, 0)
    table = explode(_speaker_kit(nothing), Params(demand="forecast", periods=8), as_of=AS_OF)[
        "requirements"
    ]

    assert _by_week(table, "gross") == {
        "A": {8: 50},
        "B": {7: 100},
        "C": {7: 150},
        "E": {5: 200, 6: 300},
        "F": {6: 300},
        "D": {3: 600, 5: 200},
        "G": {3: 300},
    }
    assert _by_week(table, "planned_releases") == {
        "A": {7: 50},
        "B": {5: 100},
        "C": {6: 150},
        "E": {3: 200, 4: 300},
        "F": {3: 300},
        "D": {2: 600, 4: 200},
        "G": {1: 300},
    }


def test_the_net_requirements_plan_of_the_speaker_kit() -> None:
    outcome = explode(_speaker_kit(ON_HAND), Params(demand="forecast", periods=8), as_of=AS_OF)

    assert _by_week(outcome["requirements"], "net") == {
        "A": {8: 40},
        "B": {7: 65},
        "C": {7: 100},
        "E": {5: 120, 6: 200},
        "F": {6: 195},
        "D": {3: 380, 5: 130},
        "G": {3: 195},
    }
    assert _by_week(outcome["requirements"], "planned_releases")["D"] == {2: 380, 4: 130}
    levels = dict(outcome["requirements"].select("item", "level").unique().iter_rows())
    assert levels == {"A": 0, "B": 1, "C": 1, "E": 2, "F": 2, "D": 3, "G": 3}


def test_a_week_less_of_time_is_past_due_and_told() -> None:
    dataset = _speaker_kit(ON_HAND)
    sooner = dataset["forecast_means"].with_columns(pl.col("period_start") - timedelta(weeks=1))
    outcome = explode(
        dataset.with_tables(forecast_means=sooner),
        Params(demand="forecast", periods=8),
        as_of=AS_OF,
    )

    late = outcome["requirements"].filter(pl.col("past_due") > 0)
    assert late.select("item", "past_due").rows() == [("G", 195.0)]
    assert outcome.why("requirements:G@PLANT1")["quantity"].to_list() == pytest.approx([195.0])
