from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.deliver.evidence import days_held
from fivefold.model import Dataset

AS_OF = date(2026, 6, 1)


def test_stock_that_feeds_another_place_is_held_by_all_that_leaves() -> None:
    """700 units, 7 a week sold there and 63 a week sent on, wait 70 days; alone they wait 700."""
    tables = {
        "inventory": pl.DataFrame({"item": ["A"], "location": ["WH1"], "on_hand": [700]}),
        "forecast_means": pl.DataFrame(
            {
                "item": ["A"],
                "location": ["WH1"],
                "period_start": [AS_OF],
                "units_mean": [7.0],
            }
        ),
    }
    alone = days_held(Dataset(tables), as_of=AS_OF)
    assert alone["A", "WH1"] == pytest.approx(700.0)
    moved = pl.DataFrame(
        {
            "decision": ["move:A"],
            "kind": ["move"],
            "item": ["A"],
            "source": ["WH1"],
            "destination": ["FBA-US"],
            "quantity": [63],
            "start_on": [AS_OF],
            "due_on": [AS_OF],
        }
    )
    feeding = days_held(Dataset({**tables, "supply_plan": moved}), as_of=AS_OF)
    assert feeding["A", "WH1"] == pytest.approx(70.0)
