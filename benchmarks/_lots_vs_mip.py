"""Small random companies with lots and shared limits, beside one MIP of the same model."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.model import Dataset
from fivefold.plan.supply import SupplyParams, plan_supply
from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.planning import as_one_program
from fivefold.plan.supply.reading import read_supply

AS_OF = date(2026, 11, 22)
PERIODS = 6


def company(seed: int) -> Dataset:
    """Return two to four items through one warehouse: smallest lots, multiples, shared capacity.

    A lot is a week to a month of demand; the supplier's capacity or the week's cash holds back
    from nothing to half of what is wanted.
    """
    rng = np.random.default_rng([seed, 20261122])
    names = [f"A{i}" for i in range(int(rng.integers(2, 5)))]
    rate = {name: int(rng.integers(4, 16)) for name in names}
    price = {name: float(rng.integers(3, 15)) for name in names}
    wanted = sum(rate.values())
    cash = sum(rate[name] * price[name] for name in names)
    tight = bool(rng.integers(0, 2))
    monday = AS_OF + timedelta(days=1)
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [
            {
                "item": name,
                "unit_cost": price[name],
                "price": price[name] * float(rng.uniform(1.8, 4.0)),
            }
            for name in names
        ],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse"},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        "suppliers": [
            {
                "supplier": "SUP",
                "capacity_units_per_week": float(wanted * rng.uniform(0.5, 2)) if tight else None,
            }
        ],
        "settings": []
        if tight
        else [{"name": "budget", "value": str(round(cash * float(rng.uniform(0.5, 2))))}],
        "supplier_offers": [
            {
                "supplier": "SUP",
                "item": name,
                "unit_price": price[name],
                "minimum_quantity": int(rate[name] * rng.uniform(1, 4)),
                "order_multiple": int(rng.integers(1, 7)),
                "lead_time_days_mean": float(rng.integers(0, 12)),
            }
            for name in names
        ],
        "lanes": [
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 3.0}
            for o, d in (("SUP", "WH1"), ("WH1", "FBA-US"))
        ],
        "inventory": [
            {"item": name, "location": place, "on_hand": int(rng.integers(0, 3 * rate[name]))}
            for name in names
            for place in ("WH1", "FBA-US")
        ],
        "forecast_means": [
            {
                "item": name,
                "location": "FBA-US",
                "period_start": monday + timedelta(days=7 * week),
                "units_mean": float(rng.poisson(rate[name])),
            }
            for name in names
            for week in range(PERIODS)
        ],
    }
    return Dataset({name: pl.DataFrame(rows) for name, rows in tables.items() if rows})


def compared(seed: int, *, seconds: float = 10.0) -> dict[str, float]:
    """Return the plan's cost, the MIP's, its bound, and the gap as a share of what is at stake.

    At stake is what doing nothing costs, so that the gap of a company whose stock serves nearly
    all is not a share of next to nothing.
    """
    dataset, params = company(seed), SupplyParams(periods=PERIODS, reasons=False)
    ours = plan_supply(dataset, params, as_of=AS_OF).objective
    model = read_supply(dataset, params, AS_OF)
    network, demand = as_one_program(model)
    exact = solve_exact(network, demand, lots=True, seconds=seconds, gap=1e-4)
    stake = float((demand.units * demand.worth[:, None]).sum())
    assert ours is not None
    return {
        "seed": float(seed),
        "plan": float(ours),
        "mip": exact.cost,
        "bound": exact.bound,
        "gap": (float(ours) - exact.bound) / stake,
    }
