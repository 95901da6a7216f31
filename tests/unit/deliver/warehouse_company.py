"""A small warehouse for tests: four aisles, items picked often and seldom, a day of orders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from fivefold.model import Dataset, schema

DAY = date(2026, 11, 23)
PLACE = "WH1"


def tables(*, items: int = 16, orders: int = 20, seed: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a warehouse whose item `n` sells the more the smaller `n` is."""
    rng = np.random.default_rng(seed)
    names = [f"I{n:02d}" for n in range(items)]
    weight = 1.0 / (1.0 + np.arange(items))
    weight /= weight.sum()
    noon = datetime(2026, 11, 23, 6, tzinfo=UTC)
    past = [
        {
            "order": f"P{day}-{n}", "line": 1, "item": str(rng.choice(names, p=weight)),
            "channel": "FBM", "quantity": 1, "ordered_at": noon - timedelta(days=day, hours=n),
            "status": "shipped", "location": PLACE,
        }
        for day in range(1, 120)
        for n in range(3)
    ]  # fmt: skip
    fresh = []
    for number in range(orders):
        for line in range(1, 1 + int(rng.integers(1, 4))):
            fresh.append(
                {
                    "order": f"O{number:03d}", "line": line,
                    "item": str(rng.choice(names, p=weight)), "channel": "FBM",
                    "quantity": int(rng.integers(1, 3)), "ordered_at": noon,
                    "status": "open", "ship_postal_code": "89101",
                }
            )  # fmt: skip
    return {
        "items": [
            {"item": name, "title": name, "length_cm": 20.0 - n % 5, "width_cm": 12.0,
             "height_cm": 4.0 + n % 3, "weight_kg": 0.5 + 0.1 * n, "fragile": n % 7 == 3}
            for n, name in enumerate(names)
        ],
        "locations": [{"location": PLACE, "kind": "warehouse"}],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": PLACE}],
        "inventory": [
            {"item": name, "location": PLACE, "lot": "", "on_hand": 40, "as_of": noon}
            for name in names
        ],
        "orders": past + fresh,
        "promises": [
            {"order": row["order"], "line": row["line"], "leg": 1, "item": row["item"],
             "quantity": row["quantity"], "location": PLACE, "ship_on": DAY,
             "deliver_on": DAY + timedelta(days=3), "basis": "on_hand"}
            for row in fresh
        ],
        "forecast_means": [
            {"item": name, "location": PLACE, "period_start": DAY + timedelta(days=7 * week),
             "units_mean": 200.0 * float(share)}
            for name, share in zip(names, weight, strict=True)
            for week in range(3)
        ],
        "building_layouts": [
            {"location": PLACE, "aisles": 4, "aisle_distance_m": 4.0, "aisle_length_m": 20.0,
             "depot_aisle": 2, "walk_metres_per_second": 1.0, "cart_orders": 5}
        ],
        "slots": [
            {"location": PLACE, "slot": f"{aisle}-{bay:02d}", "aisle": aisle,
             "depth_m": 2.0 * bay - 1.0, "level": 1, "volume_m3": 0.5, "most_kg": 200.0}
            for aisle in range(1, 5)
            for bay in range(1, 11)
        ],
        "labour_standards": [
            {"location": PLACE, "task": task, "per_hour": rate, "people_most": most,
             "grade": "assumed", "source": "test"}
            for task, rate, most in (
                ("receive", 200.0, 2), ("stow", 150.0, 2), ("pick", 100.0, 3),
                ("pack", 30.0, 2), ("load", 120.0, 1),
            )
        ],
        "shift_patterns": [
            {"location": PLACE, "pattern": "DAY", "tasks": "pick,pack,load",
             "starts_time": "08:00", "hours": 8, "break_after_hours": 4, "cost_per_hour": 20.0},
            {"location": PLACE, "pattern": "HALF", "tasks": "receive,stow,pick,pack,load",
             "starts_time": "12:00", "hours": 4, "cost_per_hour": 22.0, "people_most": 5},
        ],
        "departures": [
            {"location": PLACE, "departure": "NOON", "carrier": "USPS", "leaves_time": "12:00",
             "load_minutes": 30, "parcels_most": 10},
            {"location": PLACE, "departure": "EVENING", "carrier": "UPS", "leaves_time": "16:30",
             "load_minutes": 30},
        ],
        "packages": [
            {"location": PLACE, "package": "BAG", "kind": "bag", "length_cm": 36.0,
             "width_cm": 28.0, "most_kg": 2.0, "cost": 0.1},
            {"location": PLACE, "package": "S", "length_cm": 24.0, "width_cm": 16.0,
             "height_cm": 10.0, "most_kg": 6.0, "cost": 0.4},
            {"location": PLACE, "package": "L", "length_cm": 40.0, "width_cm": 30.0,
             "height_cm": 24.0, "most_kg": 15.0, "cost": 1.0},
        ],
    }  # fmt: skip


def warehouse(**how: Any) -> Dataset:
    """Return the warehouse as a dataset."""
    return Dataset({name: schema(name).frame(rows) for name, rows in tables(**how).items()})
