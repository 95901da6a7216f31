"""What a unit is worth where it stands, against the dual of the transportation program."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from fivefold.deliver.order_sourcing import source_orders
from fivefold.deliver.price_kernel import TRUST_UNITS, clearing_prices
from fivefold.deliver.stock_prices import PriceParams, price_stock
from fivefold.model import Dataset, schema

TODAY = date(2026, 11, 23)
WEST, EAST = "92335", "07101"


def company(west: int, east: int, *, codes: tuple[str, ...] = (WEST, EAST)) -> Dataset:
    """Return a warehouse on each coast, customers of both, 400 units expected."""
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    past = [
        {
            "order": f"P{n}", "line": 1, "item": "A", "channel": "FBM", "quantity": 1,
            "ordered_at": at, "status": "shipped", "ship_postal_code": codes[n % len(codes)],
        }
        for n in range(200)
    ]  # fmt: skip
    tables = {
        "items": [{"item": "A", "weight_kg": 2.0, "unit_cost": 5.0}],
        "locations": [
            {"location": "W", "kind": "warehouse", "postal_code": WEST},
            {"location": "E", "kind": "warehouse", "postal_code": EAST},
        ],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "W"}],
        "inventory": [
            {"item": "A", "location": "W", "on_hand": west},
            {"item": "A", "location": "E", "on_hand": east},
        ],
        "orders": past,
        "forecast_means": [
            {
                "item": "A",
                "location": "W",
                "period_start": TODAY + timedelta(days=7 * week),
                "units_mean": 100.0,
            }
            for week in range(4)
        ],
    }
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})


def prices(dataset: Dataset) -> dict[str, float]:
    found = price_stock(dataset, PriceParams(strength=1.0), as_of=TODAY)["stock_prices"]
    return dict(found.select("location", "price").iter_rows())


def test_a_unit_is_dearer_where_fewer_stand_near_as_many_customers() -> None:
    found = prices(company(west=100, east=400))
    assert found["W"] > 1.0
    assert found["E"] == pytest.approx(0.0, abs=0.2)


def test_where_there_is_enough_everywhere_no_unit_has_a_price() -> None:
    assert prices(company(west=900, east=900)) == pytest.approx({"W": 0.0, "E": 0.0}, abs=0.05)


def test_where_too_few_orders_say_where_customers_are_nothing_is_priced() -> None:
    assert prices(company(west=100, east=400, codes=("",))) == {}
    few = price_stock(company(100, 400), PriceParams(fewest_orders=1000), as_of=TODAY)
    assert few["stock_prices"].height == 0


def test_a_price_keeps_scarce_stock_for_those_who_live_near_it() -> None:
    dataset = company(west=100, east=400)
    middle = {
        "order": "NEW", "line": 1, "item": "A", "channel": "FBM", "quantity": 1, "status": "open",
        "ordered_at": datetime(2026, 11, 23, 6, tzinfo=UTC), "ship_postal_code": "80202",
    }  # fmt: skip
    asked = dataset.with_tables(orders=schema("orders").frame([middle]))
    worth = price_stock(dataset, PriceParams(strength=1.0), as_of=TODAY)["stock_prices"]
    priced = asked.with_tables(stock_prices=worth)
    assert source_orders(asked, as_of=TODAY)["promises"]["location"].to_list() == ["W"]
    assert source_orders(priced, as_of=TODAY)["promises"]["location"].to_list() == ["E"]


def test_prices_are_the_dual_of_the_transportation_program() -> None:
    rng = np.random.default_rng(4)
    regions, places, demand = 12, 4, 50_000.0
    share = rng.dirichlet(np.ones(regions))
    zone = rng.integers(2, 9, (regions, places)).astype(np.int8)
    rates = np.zeros((9, 3))
    rates[:, 1:] = np.arange(9)[:, None] * 1.0 + 3.0
    units = (rng.dirichlet(np.ones(places) * 3) * demand * 1.1).astype(np.int64)
    found = np.zeros(places, np.float32)
    clearing_prices(
        np.array([0, places]), np.arange(places, dtype=np.int32), units, np.array([0.9]),
        np.array([demand]), share, zone, np.zeros(places), rates, 40.0, 4000, found,
    )  # fmt: skip
    cost = rates[zone, 2].ravel()
    serve = np.kron(np.eye(regions), np.ones(places))
    hold = np.tile(np.eye(places), regions)
    best = linprog(cost, A_ub=hold, b_ub=units, A_eq=serve, b_eq=share * demand)
    dual = -best.ineqlin.marginals
    trust = demand / (demand + TRUST_UNITS)
    # At clearing prices the bound of the dual is the optimum: they need not be the same vertex.
    worth = found / trust
    least = (rates[zone, 2] + worth).min(axis=1) @ (share * demand) - worth @ units
    assert dual.max() > 0.5
    assert least == pytest.approx(best.fun, rel=0.01)
    assert pl.Series(worth).min() == pytest.approx(0.0, abs=1e-6)
