"""A small delivery station with vans and cargo bicycles, its doors drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from fivefold.model import Dataset, schema

DAY = date(2026, 11, 23)
Station = Callable[..., Dataset]


def station_dataset(
    visits: int, *, vans: int = 3, bicycles: int = 1, seed: int = 1, **van: Any
) -> Dataset:
    """Return a station with `visits` doors around it: some windows, some returns, one locker."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(visits):
        evening, locker = rng.random() < 0.1, rng.random() < 0.08
        rows.append(
            {
                "delivery": f"P{number:05d}",
                "station": "DAU1",
                "deliver_on": DAY,
                "kind": "return" if rng.random() < 0.1 else "delivery",
                "latitude": 30.30 if locker else 30.3 + float(rng.normal(0, 0.05)),
                "longitude": -97.70 if locker else -97.7 + float(rng.normal(0, 0.05)),
                "pickup_point": "LOCKER1" if locker else None,
                "parcels": int(1 + rng.poisson(0.4)),
                "weight_kg": float(rng.gamma(1.0, 1.5)),
                "volume_m3": float(rng.gamma(1.0, 0.008)),
                "window_start_minute": 1020.0 if evening and not locker else None,
                "window_end_minute": 1200.0 if evening and not locker else None,
            }
        )
    vehicles = [
        {
            "vehicle_type": "VAN",
            "station": "DAU1",
            "number_available": vans,
            "capacity_kg": 900.0,
            "capacity_m3": 9.0,
            "stops_at_most": 190,
            "cost_per_day": 60.0,
            "stem_speed_kmh": 60.0,
            "range_km": 200.0,
            **van,
        },
        {
            "vehicle_type": "BICYCLE",
            "station": "DAU1",
            "kind": "bicycle",
            "number_available": bicycles,
            "capacity_kg": 120.0,
            "capacity_m3": 1.5,
            "stops_at_most": 30,
            "trips_at_most": 3,
            "cost_per_day": 10.0,
            "cost_per_km": 0.05,
            "speed_kmh": 16.0,
            "range_km": 60.0,
        },
    ]
    place = {
        "location": "DAU1",
        "kind": "delivery_station",
        "latitude": 30.24,
        "longitude": -97.66,
    }
    return Dataset(
        {
            "deliveries": schema("deliveries").frame(rows),
            "vehicles": schema("vehicles").frame(vehicles),
            "locations": schema("locations").frame([place]),
        }
    )


@pytest.fixture
def station() -> Station:
    return station_dataset
