"""The example that sells through retailers: tableware by the case, two retailers with guides.

Everything in it is made up; figures of guides and chargebacks are examples, graded as assumed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from fivefold.connect.tables import write_csv
from fivefold.model import schema

AS_OF = date(2026, 11, 22)
#: Orders the demo takes: number, retailer, days until it must be there, lines.
ASKED = (
    ("PO-88121", "BIGMART", 12, (("MUG", 240), ("BOWL", 120))),
    ("PO-88122", "BIGMART", 3, (("MUG", 120),)),
    ("PO-5501", "HOMELY", 14, (("PLATE", 600),)),
)
_SOURCE = "made up for the example"
_ITEMS = (
    # item, title, unit cost, list price, sides and weight of a unit, units in a case
    ("MUG", "Stoneware mug", 2.9, 14.0, (12.0, 10.0, 10.0), 0.45, 24),
    ("BOWL", "Stoneware bowl", 3.6, 18.0, (16.0, 16.0, 8.0), 0.62, 12),
    ("PLATE", "Stoneware plate", 3.2, 16.0, (27.0, 27.0, 3.0), 0.78, 20),
)
_CASE_SIDES = {"MUG": (50.0, 40.0, 25.0), "BOWL": (50.0, 34.0, 26.0), "PLATE": (56.0, 30.0, 30.0)}
_RATES = (
    ("BIGMART", "late", "share_of_value", 0.03, None),
    ("BIGMART", "early", "share_of_value", 0.03, None),
    ("BIGMART", "short", "share_of_value", 0.03, None),
    ("BIGMART", "no_asn", "order", 150.0, None),
    ("BIGMART", "late_asn", "order", 75.0, None),
    ("BIGMART", "wrong_label", "carton", 2.5, 100.0),
    ("BIGMART", "wrong_multiple", "order", 100.0, None),
    ("HOMELY", "late", "order", 200.0, None),
    ("HOMELY", "short", "unit", 1.5, None),
    ("HOMELY", "no_asn", "order", None, None),
)

Rows = list[dict[str, Any]]


def company_rows() -> dict[str, Rows]:
    """Return the tables of the company."""
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    return {
        "settings": [
            {"name": "plan_date", "value": AS_OF.isoformat()},
            {"name": "currency", "value": "USD"},
            {"name": "company_name", "value": "Fivefold Example Tableware (synthetic)"},
            # The prefix GS1 uses in its own examples.
            {"name": "gs1_company_prefix", "value": "0614141"},
        ],
        "calendars": [{"calendar": "WORK"}],
        "locations": [
            {"location": "SUP", "kind": "supplier", "country": "CN", "calendar": "WORK"},
            _warehouse("WH1", "89506"),
            _warehouse("WH2", "43004"),
        ],
        "items": [_item(*row) for row in _ITEMS],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {"supplier": "SUP", "item": item, "unit_price": cost * 0.8, "lead_time_days_mean": 30.0}
            for item, _, cost, *_ in _ITEMS
        ],
        "lanes": [
            {"origin": "SUP", "destination": place, "mode": "fcl", "transit_time_days_mean": 32.0}
            for place in ("WH1", "WH2")
        ],
        "channels": [
            {"channel": "BIGMART", "name": "Bigmart", "kind": "retail", "location": "WH1",
             "referral_applies": False},
            {"channel": "HOMELY", "name": "Homely", "kind": "retail", "location": "WH2",
             "referral_applies": False},
            {"channel": "WEB", "name": "Own shop", "kind": "web", "location": "WH1",
             "referral_applies": False},
        ],
        "offers": [
            {"item": item, "channel": channel, "price": round(price * share, 2)}
            for item, _, _, price, *_ in _ITEMS
            for channel, share in (("BIGMART", 0.5), ("HOMELY", 0.52), ("WEB", 1.0))
        ],
        "routing_guides": [
            {"channel": "BIGMART", "window": "must_arrive_by", "days_early": 3,
             "order_multiple": "case", "least_fill_share": 0.98, "cancel_short": True,
             "asn_hours": 4, "label": "gs1_128", "most_pallet_height_cm": 150.0,
             "most_pallet_weight_kg": 680.0, "payment_days": 60, "grade": "assumed",
             "source": _SOURCE},
            {"channel": "HOMELY", "window": "ship_window", "days_early": 7,
             "order_multiple": "case", "least_fill_share": 0.9, "cancel_short": False,
             "asn_hours": 24, "label": "none", "payment_days": 30, "grade": "assumed",
             "source": _SOURCE},
        ],
        "chargeback_rates": [
            {"channel": channel, "kind": kind, "effective_from": date(2026, 1, 1), "basis": basis,
             "amount": amount, "minimum_amount": least,
             "grade": "unknown" if amount is None else "assumed", "source": _SOURCE}
            for channel, kind, basis, amount, least in _RATES
        ],
        "inventory": [
            {"item": item, "location": place, "on_hand": units, "as_of": noon}
            for item, place, units in (
                ("MUG", "WH1", 480), ("BOWL", "WH1", 108), ("PLATE", "WH2", 560),
                ("PLATE", "WH1", 200), ("MUG", "WH2", 240),
            )
        ],
        "orders": _history(),
    }  # fmt: skip


def _warehouse(location: str, postal_code: str) -> dict[str, Any]:
    return {
        "location": location,
        "kind": "warehouse",
        "country": "US",
        "postal_code": postal_code,
        "picking_cost_per_unit": 0.35,
        "calendar": "WORK",
    }


def _item(
    item: str,
    title: str,
    cost: float,
    price: float,
    sides: tuple[float, float, float],
    weight: float,
    case: int,
) -> dict[str, Any]:
    long, wide, high = _CASE_SIDES[item]
    return {
        "item": item,
        "title": title,
        "category": "Kitchen",
        "unit_cost": cost,
        "price": price,
        "length_cm": sides[0],
        "width_cm": sides[1],
        "height_cm": sides[2],
        "weight_kg": weight,
        "case_quantity": case,
        "case_length_cm": long,
        "case_width_cm": wide,
        "case_height_cm": high,
        "case_weight_kg": round(weight * case + 0.6, 2),
    }


def _history() -> Rows:
    """Return half a year of orders of retailers and of the own shop, all shipped."""
    rows: Rows = []
    for week in range(26, 0, -1):
        day = AS_OF - timedelta(weeks=week)
        for number, (channel, item, units, price) in enumerate(
            (("BIGMART", "MUG", 120, 7.0), ("HOMELY", "PLATE", 80, 8.32), ("WEB", "BOWL", 9, 18.0))
        ):
            late = channel == "BIGMART" and week % 9 == 0
            rows.append(
                {
                    "order": f"H-{week:02d}-{number}",
                    "line": 1,
                    "item": item,
                    "channel": channel,
                    "quantity": units + 12 * (week % 3),
                    "unit_price": price,
                    "ordered_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
                    "status": "delivered",
                    "shipped_on": day + timedelta(days=2),
                    "delivered_on": day + timedelta(days=13 if late else 8),
                    "requested_by": None if channel == "WEB" else day + timedelta(days=10),
                    "ship_postal_code": {"BIGMART": "72712", "HOMELY": "28117"}.get(
                        channel, "60601"
                    ),
                    "ship_country": "US",
                }
            )
    return rows


def write_company(folder: Path) -> list[Path]:
    """Write the company as files and return them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in company_rows().items():
        used = list(dict.fromkeys(column for row in rows for column in row))
        frame = schema(name).frame(rows).select(pl.col(used))
        path = folder / f"{name}.csv"
        path.write_bytes(write_csv(frame))
        written.append(path)
    return written
