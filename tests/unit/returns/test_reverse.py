"""The way back: best cycle by search, shipments against parcels, visits that fetch returns."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.returns.breakdown import returns_by_reason
from fivefold.returns.reverse import ReverseParams, best_cycle, consolidate, pick_ups

AS_OF = date(2026, 11, 22)


def test_the_cycle_costs_least_of_all_searched() -> None:
    fixed, units, wait = 45.0, 38.0, 0.07
    found = best_cycle(
        fixed_cost=fixed, units_per_week=units, wait_cost_per_unit_week=wait, longest=99
    )
    grid = np.arange(0.05, 60.0, 0.01)
    cost = fixed / grid + wait * units * grid / 2.0
    assert found == pytest.approx(grid[cost.argmin()], abs=0.01)
    capped = best_cycle(fixed_cost=45, units_per_week=1, wait_cost_per_unit_week=0.01, longest=8)
    assert capped == 8


def company(units: float) -> Dataset:
    item = {"item": "A", "unit_cost": 10.0, "weight_kg": 0.5, "length_cm": 20.0, "width_cm": 10.0,
            "height_cm": 5.0}  # fmt: skip
    return Dataset(
        {
            "items": pl.DataFrame([item]),
            "locations": pl.DataFrame(
                {"location": ["FBA-US", "WH1"], "kind": ["fulfilment_network", "warehouse"]}
            ),
            "channels": pl.DataFrame(
                {"channel": ["FBA", "MCF"], "kind": ["fba", "mcf"], "location": ["FBA-US"] * 2}
            ),
            "lanes": pl.DataFrame(
                [{"origin": "WH1", "destination": "FBA-US", "mode": "parcel",
                  "transit_time_days_mean": 5.0, "cost_per_shipment": 40.0, "cost_per_kg": 0.4}]
            ),
            "returns_forecast": pl.DataFrame(
                [{"item": "A", "location": "FBA-US", "period_start": start, "units_mean": units,
                  "sellable_units_mean": units / 2}
                 for start in (date(2026, 11, 23), date(2026, 11, 30))]
            ),
            "orders": pl.DataFrame(
                [{"order": f"O{n}", "line": 1, "item": "A", "channel": channel, "quantity": 3,
                  "ordered_at": datetime(2026, 10, 1, tzinfo=UTC), "status": "shipped",
                  "ship_postal_code": "10001"}
                 for n, channel in enumerate(("FBA", "FBA", "FBA", "MCF"))]
            ),
            "returns": pl.DataFrame(
                [{"return_id": f"R{n}", "item": "A", "quantity": 1, "reason": reason,
                  "returned_at": datetime(2026, 11, 1, tzinfo=UTC)}
                 for n, reason in enumerate(("DEFECTIVE", "DEFECTIVE", "unwanted item"))]
            ),
        }
    )  # fmt: skip


def test_many_units_travel_together_and_few_by_parcel() -> None:
    (row,) = consolidate(company(80.0), as_of=AS_OF)["return_consolidations"].to_dicts()
    # 40 worn units a week; sqrt(2 x 40 / (0.1 x 40)) weeks.
    assert row["weeks_between"] == pytest.approx(20**0.5)
    weeks = row["weeks_between"]
    cost = 0.4 * 0.5 + 40 / (40 * weeks) + 0.1 * weeks / 2
    assert row["cost_per_unit"] == pytest.approx(cost)
    assert (row["source"], row["destination"]) == ("FBA-US", "WH1")
    few = consolidate(company(0.2), as_of=AS_OF)["return_consolidations"].to_dicts()[0]
    assert (few["weeks_between"], few["cost_per_unit"]) == (0.0, ReverseParams().parcel_cost)


def test_returns_by_reason_and_channel_add_up_to_the_forecast() -> None:
    found = returns_by_reason(company(80.0), as_of=AS_OF)
    assert found["units_mean"].sum() == pytest.approx(160.0)
    by_channel = dict(found.group_by("channel").agg(pl.col("units_mean").sum()).iter_rows())
    assert by_channel == pytest.approx({"FBA": 120.0, "MCF": 40.0})
    shares = dict(found.filter(pl.col("channel") == "FBA").select("reason", "share").iter_rows())
    assert shares == pytest.approx({"DEFECTIVE": 2 / 3, "UNWANTED_ITEM": 1 / 3})
    owners = dict(found.select("reason", "owner").iter_rows())
    assert owners["DEFECTIVE"] == "inspection"


def test_a_return_is_fetched_where_the_vans_go_anyway() -> None:
    visits = pl.DataFrame(
        [{"delivery": f"D{n}", "station": "DS1", "deliver_on": AS_OF, "latitude": 40.0 + n,
          "longitude": -73.0, "postal_code": "10001"} for n in range(2)]
    )  # fmt: skip
    announced = pl.DataFrame(
        [
            {"rma": "RMA-1", "order": "O0", "item": "A", "quantity": 2, "way_back": "pick_up"},
            {"rma": "RMA-2", "order": "O1", "item": "A", "quantity": 1, "way_back": "drop_off"},
        ]
    )
    dataset = company(1.0).with_tables(deliveries=visits)
    (row,) = pick_ups(dataset, announced, deliver_on=date(2026, 11, 23)).to_dicts()
    assert (row["delivery"], row["kind"], row["station"]) == ("RMA-1", "return", "DS1")
    assert (row["latitude"], row["weight_kg"], row["volume_m3"]) == (40.5, 1.0, 0.002)
