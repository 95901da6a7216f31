"""Where the example seller works: its places, suppliers, lanes and its customers' ZIPs.

Places are real towns; the company in them is invented. Coordinates come from the
`zipcodes` library, codes and ZIPs of Amazon's centres from MIT-licensed public lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt
from typing import Any

import numpy as np

from fivefold.twin.companies.catalogue import Floats, Ints

WAREHOUSE, PLANT, POOL = "WH1", "PLANT1", "FBA-US"
WAREHOUSE_ZIP, PLANT_ZIP = "89506", "89431"
#: Amazon centre and its ZIP, in the order in which the simulation numbers them.
CENTRES = {
    "ONT8": "92551",
    "LAS1": "89115",
    "FTW1": "75241",
    "MDW2": "60433",
    "IND9": "46143",
    "ABE8": "08518",
}
#: Share of receipts each centre takes.
CENTRE_SHARES = np.array([0.22, 0.14, 0.20, 0.17, 0.12, 0.15])

#: Resident population by state in thousands, US Census Bureau, 2020 Census (public domain).
STATE_POPULATION = {
    "AL": 5024, "AK": 733, "AZ": 7152, "AR": 3012, "CA": 39538, "CO": 5774, "CT": 3606,
    "DE": 990, "DC": 690, "FL": 21538, "GA": 10712, "HI": 1455, "ID": 1839, "IL": 12813,
    "IN": 6786, "IA": 3190, "KS": 2938, "KY": 4506, "LA": 4658, "ME": 1362, "MD": 6177,
    "MA": 7030, "MI": 10077, "MN": 5706, "MS": 2961, "MO": 6155, "MT": 1084, "NE": 1962,
    "NV": 3105, "NH": 1378, "NJ": 9289, "NM": 2118, "NY": 20201, "NC": 10439, "ND": 779,
    "OH": 11799, "OK": 3959, "OR": 4237, "PA": 13003, "RI": 1097, "SC": 5118, "SD": 887,
    "TN": 6911, "TX": 29146, "UT": 3272, "VT": 643, "VA": 8631, "WA": 7705, "WV": 1794,
    "WI": 5894, "WY": 577,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Terms of one invented supplier; lead time is order to ready, transit comes with a lane."""

    code: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    timezone: str
    lead_time_days_mean: float
    lead_time_days_sd: float
    #: Lane the seller uses by habit: mode, mean and deviation of its days.
    mode: str
    transit_time_days_mean: float
    transit_time_days_sd: float
    minimum_order_value: float
    minimum_units: int
    payment_days: int
    deposit_share: float
    on_time_share: float | None
    incoterm: str


SUPPLIERS = (
    Supplier(
        code="SUP-CN",
        name="Lantian Housewares (invented)",
        city="Ningbo",
        country="CN",
        latitude=29.868,
        longitude=121.544,
        timezone="Asia/Shanghai",
        lead_time_days_mean=28.0,
        lead_time_days_sd=6.0,
        mode="fcl",
        transit_time_days_mean=33.0,
        transit_time_days_sd=6.5,
        minimum_order_value=5000.0,
        minimum_units=200,
        payment_days=0,
        deposit_share=0.3,
        on_time_share=0.78,
        incoterm="FOB",
    ),
    Supplier(
        code="SUP-VN",
        name="Sao Mai Craft (invented)",
        city="Hai Phong",
        country="VN",
        latitude=20.845,
        longitude=106.688,
        timezone="Asia/Ho_Chi_Minh",
        lead_time_days_mean=32.0,
        lead_time_days_sd=8.0,
        mode="lcl",
        transit_time_days_mean=41.0,
        transit_time_days_sd=8.0,
        minimum_order_value=3000.0,
        minimum_units=150,
        payment_days=15,
        deposit_share=0.3,
        on_time_share=None,
        incoterm="FOB",
    ),
    Supplier(
        code="SUP-US",
        name="Prairie Goods (invented)",
        city="Dallas",
        country="US",
        latitude=32.7767,
        longitude=-96.797,
        timezone="America/Chicago",
        lead_time_days_mean=9.0,
        lead_time_days_sd=2.5,
        mode="ltl",
        transit_time_days_mean=4.0,
        transit_time_days_sd=1.0,
        minimum_order_value=400.0,
        minimum_units=36,
        payment_days=30,
        deposit_share=0.0,
        on_time_share=0.94,
        incoterm="DDP",
    ),
)
SUPPLIER_BY_CODE = {supplier.code: supplier for supplier in SUPPLIERS}

#: mode, mean days, deviation, money a shipment, a kg, a m3, capacity a week in m3, kg CO2e/t/km.
_LANES: dict[str, tuple[tuple[str, float, float, float, float, float, float | None, float], ...]]
_LANES = {
    "CN": (
        ("fcl", 33.0, 6.5, 3900.0, 0.0, 6.0, 134.0, 0.016),
        ("lcl", 39.0, 8.0, 180.0, 0.0, 92.0, None, 0.018),
        ("air", 8.0, 2.0, 140.0, 5.6, 0.0, None, 0.80),
    ),
    "VN": (
        ("fcl", 35.0, 7.0, 4300.0, 0.0, 6.0, 134.0, 0.016),
        ("lcl", 41.0, 8.0, 190.0, 0.0, 98.0, None, 0.018),
        ("air", 9.0, 2.5, 150.0, 6.1, 0.0, None, 0.80),
    ),
    "US": (
        ("ltl", 4.0, 1.0, 95.0, 0.16, 0.0, None, 0.10),
        ("parcel", 3.0, 0.7, 0.0, 1.35, 0.0, None, 0.25),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """ZIPs customers live in, with the weight of each; one entry a ZIP."""

    postal_code: list[str]
    city: list[str]
    state: list[str]
    weight: Floats


@cache
def _zips() -> tuple[dict[str, Any], ...]:
    import zipcodes

    return tuple(
        row
        for row in zipcodes.list_all()  # type: ignore[no-untyped-call]
        if row["active"] and row["zip_code_type"] == "STANDARD" and row["state"] in STATE_POPULATION
    )


def make_customers() -> Customers:
    """Return the ZIPs of the states and Washington DC with weights that sum to 1.

    A state weighs what its people do. Within a state a ZIP of a town of many ZIPs weighs
    more, by the square root of their number: towns are dense and the library carries no
    population by ZIP.
    """
    rows = _zips()
    towns: dict[tuple[str, str], int] = {}
    for row in rows:
        town = (row["state"], row["city"])
        towns[town] = towns.get(town, 0) + 1
    raw = np.array([sqrt(towns[row["state"], row["city"]]) for row in rows])
    state = [row["state"] for row in rows]
    names = list(STATE_POPULATION)
    code = np.array([names.index(name) for name in state])
    people = np.array(list(STATE_POPULATION.values()), dtype=np.float64)
    weight = people[code] * raw / np.bincount(code, raw)[code]
    return Customers(
        postal_code=[row["zip_code"] for row in rows],
        city=[row["city"].upper() for row in rows],
        state=state,
        weight=weight / weight.sum(),
    )


def draw_customers(rng: np.random.Generator, customers: Customers, count: int) -> Ints:
    """Return `count` rows of `customers`, drawn by weight."""
    cumulative = np.cumsum(customers.weight)
    drawn: Ints = np.searchsorted(cumulative, rng.random(count) * cumulative[-1])
    return drawn


def calendar_rows() -> list[dict[str, object]]:
    """Return the calendars of the company and its suppliers."""
    return [
        {"calendar": "OFFICE-US", "holidays_country": "US", "cut_off_time": "14:00"},
        {"calendar": "FACTORY-CN", "saturday": True, "holidays_country": "CN"},
        {"calendar": "FACTORY-VN", "saturday": True, "holidays_country": "VN"},
        {"calendar": "EVERY-DAY", "saturday": True, "sunday": True},
    ]


def location_rows(*, warehouse_m3: float) -> list[dict[str, object]]:
    """Return the seller's places, its suppliers and Amazon's centres."""
    rows: list[dict[str, object]] = [
        {
            **_at(WAREHOUSE_ZIP),
            "location": WAREHOUSE,
            "name": "Own warehouse",
            "kind": "warehouse",
            "calendar": "OFFICE-US",
            "storage_capacity_m3": round(warehouse_m3),
            "storage_cost_per_m3_month": 9.5,
            "receiving_cost_per_unit": 0.12,
            "picking_cost_per_unit": 1.35,
            "processing_time_days": 1.0,
        },
        {
            **_at(PLANT_ZIP),
            "location": PLANT,
            "name": "Kitting plant",
            "kind": "plant",
            "calendar": "OFFICE-US",
            "storage_cost_per_m3_month": 9.5,
        },
        {
            "location": POOL,
            "name": "Amazon FBA, United States",
            "kind": "fulfilment_network",
            "operated_by": "amazon",
            "country": "US",
            "calendar": "EVERY-DAY",
            "processing_time_days": 3.0,
        },
    ]
    for code, postal_code in CENTRES.items():
        rows.append(
            {
                **_at(postal_code),
                "location": code,
                "name": f"Amazon {code}",
                "kind": "fulfilment_centre",
                "parent_location": POOL,
                "operated_by": "amazon",
                "calendar": "EVERY-DAY",
            }
        )
    for supplier in SUPPLIERS:
        rows.append(
            {
                "location": supplier.code,
                "name": supplier.name,
                "kind": "supplier",
                "operated_by": "partner",
                "city": supplier.city,
                "country": supplier.country,
                "latitude": supplier.latitude,
                "longitude": supplier.longitude,
                "timezone": supplier.timezone,
                "calendar": _calendar_of(supplier),
            }
        )
    return rows


def lane_rows() -> list[dict[str, object]]:
    """Return all lanes: suppliers to warehouse and plant, plant to warehouse, warehouse to FBA."""
    rows: list[dict[str, object]] = []
    for supplier in SUPPLIERS:
        here = (supplier.latitude, supplier.longitude)
        for destination, postal_code in ((WAREHOUSE, WAREHOUSE_ZIP), (PLANT, PLANT_ZIP)):
            far = _kilometres(here, _coordinates(postal_code))
            for mode, mean, sd, fixed, per_kg, per_m3, capacity, carbon in _LANES[supplier.country]:
                rows.append(
                    {
                        "origin": supplier.code,
                        "destination": destination,
                        "mode": mode,
                        "transit_time_days_mean": mean,
                        "transit_time_days_sd": sd,
                        "cost_per_shipment": fixed,
                        "cost_per_kg": per_kg,
                        "cost_per_m3": per_m3,
                        "capacity_m3_per_week": capacity,
                        "distance_km": round(far),
                        "calendar": _calendar_of(supplier),
                        "co2e_kg_per_tonne_km": carbon,
                    }
                )
    own = _kilometres(_coordinates(PLANT_ZIP), _coordinates(WAREHOUSE_ZIP))
    rows.append(
        {
            "origin": PLANT,
            "destination": WAREHOUSE,
            "mode": "internal",
            "transit_time_days_mean": 1.0,
            "cost_per_shipment": 35.0,
            "cost_per_m3": 2.0,
            "distance_km": round(own),
            "calendar": "OFFICE-US",
        }
    )
    centre = _kilometres(_coordinates(WAREHOUSE_ZIP), _coordinates(CENTRES["MDW2"]))
    for mode, mean, sd, fixed, per_kg, carbon in (
        ("parcel", 8.0, 2.5, 0.0, 0.92, 0.25),
        ("ltl", 11.0, 3.5, 165.0, 0.31, 0.10),
    ):
        rows.append(
            {
                "origin": WAREHOUSE,
                "destination": POOL,
                "mode": mode,
                "transit_time_days_mean": mean,
                "transit_time_days_sd": sd,
                "cost_per_shipment": fixed,
                "cost_per_kg": per_kg,
                "distance_km": round(centre),
                "calendar": "OFFICE-US",
                "co2e_kg_per_tonne_km": carbon,
            }
        )
    return rows


def _calendar_of(supplier: Supplier) -> str:
    return "OFFICE-US" if supplier.country == "US" else f"FACTORY-{supplier.country}"


@cache
def _by_zip() -> dict[str, dict[str, Any]]:
    return {row["zip_code"]: row for row in _zips()}


def _coordinates(postal_code: str) -> tuple[float, float]:
    row = _by_zip()[postal_code]
    return float(row["lat"]), float(row["long"])


def _at(postal_code: str) -> dict[str, object]:
    row = _by_zip()[postal_code]
    latitude, longitude = _coordinates(postal_code)
    return {
        "city": row["city"],
        "state": row["state"],
        "postal_code": postal_code,
        "country": "US",
        "latitude": latitude,
        "longitude": longitude,
        "timezone": row["timezone"],
    }


def _kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance on a sphere of 6,371 km (haversine)."""
    (lat1, lon1), (lat2, lon2) = ((radians(x), radians(y)) for x, y in (a, b))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * asin(sqrt(half))
