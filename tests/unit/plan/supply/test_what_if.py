from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.model.outcome import Outcome
from fivefold.plan.supply.what_if import breaks_first, scale_demand


def test_sixty_per_cent_more_demand_is_sixty_per_cent_more_in_every_week() -> None:
    rows = [
        {"item": "A", "location": "W", "period_start": date(2026, 11, 23), "units_mean": 5.0},
        {"item": "B", "location": "W", "period_start": date(2026, 11, 30), "units_mean": 10.0},
    ]
    scaled = scale_demand(Dataset({"forecast_means": pl.DataFrame(rows)}), 1.6)
    assert scaled["forecast_means"]["units_mean"].to_list() == [8.0, 16.0]


def test_demand_cannot_be_scaled_below_nothing() -> None:
    with pytest.raises(ValueError, match="factor must not be negative"):
        scale_demand(Dataset(), -0.1)


def test_the_first_limit_with_a_price_is_named_not_one_with_room() -> None:
    prices = schema("limit_prices").frame(
        [
            {
                "limit": name,
                "kind": "cash",
                "subject": "",
                "period_start": day,
                "amount": 100.0,
                "used": used,
                "price": price,
            }
            for name, day, used, price in (
                ("roomy", date(2026, 11, 23), 50.0, 0.0),
                ("tight", date(2026, 12, 7), 100.0, 0.4),
                ("later", date(2026, 12, 14), 100.0, 0.9),
            )
        ]
    )
    found = breaks_first(Outcome(tables={"limit_prices": prices}))
    assert found["limit"]["limit"] == "tight"  # type: ignore[index]
    assert found["unmet"] is None
