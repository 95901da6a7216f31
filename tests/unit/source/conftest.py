"""A small importer: two suppliers of boxes and cups, one overseas through a port."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset

AS_OF = date(2026, 11, 22)
MONDAYS = [date(2026, 11, 23) + timedelta(days=7 * week) for week in range(26)]


@pytest.fixture
def importer() -> Dataset:
    return Dataset(
        {
            "settings": pl.DataFrame(
                {"name": ["cost_of_capital_share_per_year"], "value": ["0.10"]}
            ),
            "items": pl.DataFrame(
                {
                    "item": ["BOX", "CUP"],
                    "price": [5.0, 9.0],
                    "hs_code": ["4819.10", "6912.00"],
                    "length_cm": [50.0, 20.0],
                    "width_cm": [40.0, 10.0],
                    "height_cm": [10.0, 10.0],
                    "weight_kg": [0.5, 0.25],
                }
            ),
            "locations": pl.DataFrame(
                {
                    "location": ["FAR", "NEAR", "PORT", "WH1", "FBA-US"],
                    "kind": ["supplier", "supplier", "port", "warehouse", "fulfilment_network"],
                    "country": ["CN", "US", "US", "US", "US"],
                    "processing_time_days": [0.0, 0.0, 0.0, 2.0, 0.0],
                }
            ),
            "suppliers": pl.DataFrame(
                {
                    "supplier": ["FAR", "NEAR"],
                    "deposit_share": [0.3, 0.0],
                    "payment_days": [0, 30],
                    "minimum_order_value": [1000.0, 0.0],
                    "defect_share": [0.02, 0.0],
                    "failure_probability_per_year": [0.10, 0.0],
                }
            ),
            "supplier_offers": pl.DataFrame(
                {
                    "supplier": ["FAR", "FAR", "NEAR"],
                    "item": ["BOX", "CUP", "BOX"],
                    "unit_price": [1.0, 2.0, 1.9],
                    "minimum_quantity": [100, 50, 10],
                    "order_multiple": [10, 12, 10],
                    "lead_time_days_mean": [20.0, 20.0, 3.0],
                    "lead_time_days_sd": [4.0, 4.0, 1.0],
                }
            ),
            "price_breaks": pl.DataFrame(
                {
                    "supplier": ["FAR"],
                    "item": ["BOX"],
                    "from_quantity": [500],
                    "unit_price": [0.9],
                }
            ),
            "duties": pl.DataFrame(
                {
                    "hs_code": ["4819", "6912"],
                    "origin_country": ["CN", "CN"],
                    "destination_country": ["US", "US"],
                    "effective_from": [date(2025, 1, 1), date(2025, 1, 1)],
                    "duty_share": [0.10, 0.25],
                }
            ),
            "lanes": pl.DataFrame(
                {
                    "origin": ["FAR", "PORT", "FAR", "NEAR", "WH1"],
                    "destination": ["PORT", "WH1", "WH1", "WH1", "FBA-US"],
                    "mode": ["fcl", "ftl", "air", "ltl", "ltl"],
                    "transit_time_days_mean": [28.0, 2.0, 4.0, 2.0, 3.0],
                    "transit_time_days_sd": [3.0, 0.0, 1.0, 0.5, 1.0],
                    "cost_per_shipment": [1500.0, 300.0, 0.0, 60.0, 40.0],
                    "cost_per_kg": [0.0, 0.0, 6.0, 0.0, 0.0],
                    "cost_per_m3": [0.0, 10.0, 0.0, 0.0, 0.0],
                }
            ),
            "forecast_means": pl.DataFrame(
                {
                    "item": ["BOX"] * 26 + ["CUP"] * 26,
                    "location": ["FBA-US"] * 52,
                    "period_start": MONDAYS * 2,
                    "units_mean": [140.0] * 26 + [70.0] * 26,
                    "units_sd": [30.0] * 26 + [20.0] * 26,
                }
            ),
        }
    )
