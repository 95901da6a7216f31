"""A company small enough to check by hand: two things sold, one of them made from the other.

MUG is bought from SUP1, sold through FBA and from the own warehouse; GIFT is made at PLANT1 of
two MUG and one BOX and sold from the own warehouse.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("FIVEFOLD_ENGINE", "serial")

AS_OF = date(2026, 11, 22)
Tables = dict[str, list[dict[str, Any]]]


def small_tables(**settings: str) -> Tables:
    """Return the rows of every table of the company; settings by name."""
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    return {
        "settings": [
            {"name": name, "value": value}
            for name, value in {"plan_date": AS_OF.isoformat(), **settings}.items()
        ],
        "calendars": [{"calendar": "WORK"}],
        "locations": [
            {"location": "SUP1", "kind": "supplier", "country": "CN", "calendar": "WORK"},
            {
                "location": "WH1",
                "kind": "warehouse",
                "country": "US",
                "postal_code": "43004",
                "storage_cost_per_m3_month": 12.0,
                "calendar": "WORK",
            },
            {
                "location": "PLANT1",
                "kind": "plant",
                "country": "US",
                "postal_code": "43004",
                "calendar": "WORK",
            },
            {
                "location": "FBA-US",
                "kind": "fulfilment_network",
                "country": "US",
                "calendar": "WORK",
            },
        ],
        "items": [
            _item("MUG", 5.0, 24.0),
            _item("GIFT", 12.0, 60.0),
            {**_item("BOX", 1.0, None), "item_kind": "packaging"},
        ],
        "suppliers": [{"supplier": "SUP1", "payment_days": 30, "deposit_share": 0.3}],
        "supplier_offers": [
            _offer("MUG", 4.0, minimum_quantity=50, order_multiple=10),
            _offer("BOX", 0.5, minimum_quantity=100, order_multiple=50),
        ],
        "lanes": [
            _lane("SUP1", "WH1", "lcl", 21.0, 3.0),
            _lane("SUP1", "PLANT1", "lcl", 21.0, 3.0),
            _lane("WH1", "FBA-US", "ltl", 5.0, 1.0),
            _lane("WH1", "PLANT1", "ltl", 1.0, 0.0),
            _lane("PLANT1", "WH1", "ltl", 1.0, 0.0),
        ],
        "channels": [
            {"channel": "FBA", "kind": "fba", "location": "FBA-US"},
            {"channel": "FBM", "kind": "fbm", "location": "WH1"},
        ],
        "offers": [
            {"item": "MUG", "channel": "FBA", "price": 24.0},
            {"item": "MUG", "channel": "FBM", "price": 25.0},
            {"item": "GIFT", "channel": "FBM", "price": 60.0},
        ],
        "bills_of_material": [
            {"product": "GIFT", "component": "MUG", "quantity_per": 2.0},
            {"product": "GIFT", "component": "BOX", "quantity_per": 1.0},
        ],
        "resources": [
            {
                "resource": "BENCH",
                "location": "PLANT1",
                "hours_per_day": 8.0,
                "cost_per_hour": 30.0,
                "calendar": "WORK",
            }
        ],
        "operations": [
            {
                "product": "GIFT",
                "operation": 10,
                "resource": "BENCH",
                "location": "PLANT1",
                "run_time_hours_per_unit": 0.1,
            }
        ],
        "inventory": [
            {"item": item, "location": place, "on_hand": units, "as_of": noon}
            for item, place, units in (
                ("MUG", "WH1", 200),
                ("MUG", "FBA-US", 120),
                ("MUG", "PLANT1", 60),
                ("BOX", "PLANT1", 40),
                ("GIFT", "WH1", 20),
            )
        ],
        "orders": _orders(),
    }


def _item(item: str, cost: float, price: float | None) -> dict[str, Any]:
    return {
        "item": item,
        "title": f"Example {item.lower()}",
        "category": "Kitchen",
        "status": "active",
        "unit_cost": cost,
        "price": price,
        "length_cm": 12.0,
        "width_cm": 10.0,
        "height_cm": 10.0,
        "weight_kg": 0.4,
        "case_quantity": 10,
        "case_length_cm": 50.0,
        "case_width_cm": 30.0,
        "case_height_cm": 25.0,
        "case_weight_kg": 4.5,
    }


def _offer(item: str, price: float, **more: Any) -> dict[str, Any]:
    return {
        "supplier": "SUP1",
        "item": item,
        "unit_price": price,
        "lead_time_days_mean": 14.0,
        "lead_time_days_sd": 2.0,
        **more,
    }


def _lane(origin: str, destination: str, mode: str, mean: float, sd: float) -> dict[str, Any]:
    return {
        "origin": origin,
        "destination": destination,
        "mode": mode,
        "transit_time_days_mean": mean,
        "transit_time_days_sd": sd,
        "cost_per_unit": 0.2,
        "calendar": "WORK",
    }


def _orders() -> list[dict[str, Any]]:
    """Return 200 days of order lines: MUG 4 a day by FBA and 2 from WH1, GIFT 1, with a pulse."""
    rows = []
    for back in range(200, 0, -1):
        day = AS_OF - timedelta(days=back)
        pulse = (0, 1, -1, 2, -2, 1, -1)[(back * 5 + back // 7) % 7]
        for channel, item, units in (
            ("FBA", "MUG", 4 + pulse),
            ("FBM", "MUG", 2 + max(-1, pulse // 2)),
            ("FBM", "GIFT", 1 if back % 3 else 2),
        ):
            rows.append(
                {
                    "order": f"{item}-{channel}-{day:%Y%m%d}",
                    "line": 1,
                    "item": item,
                    "channel": channel,
                    "quantity": units,
                    "unit_price": {"FBA": 24.0, "FBM": 25.0}[channel] if item == "MUG" else 60.0,
                    "ordered_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
                    "shipped_on": day,
                    "delivered_on": day + timedelta(days=2),
                    "status": "delivered",
                    "ship_postal_code": "10001",
                    "ship_country": "US",
                }
            )
    return rows


def as_files(tables: Tables) -> list[tuple[str, bytes]]:
    """Return tables as CSV files with the columns that are used, one a table."""
    import polars as pl

    from fivefold.connect.tables import write_csv
    from fivefold.model import schema

    found = []
    for name, rows in tables.items():
        used = list(dict.fromkeys(column for row in rows for column in row))
        frame = schema(name).frame(rows).select(pl.col(used))
        found.append((f"{name}.csv", write_csv(frame)))
    return found


class Company:
    """The small company: its rows, its files, and a folder with them imported and planned."""

    as_of = AS_OF

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def tables(**settings: str) -> Tables:
        """Return fresh rows, to change before they are made files."""
        return small_tables(**settings)

    @staticmethod
    def files(tables: Tables | None = None) -> list[tuple[str, bytes]]:
        """Return the files of these rows, of the unchanged company by default."""
        return as_files(small_tables() if tables is None else tables)

    def make(self, folder: Path, tables: Tables | None = None) -> Any:
        """Return an open workspace with these rows imported; the caller closes it."""
        from fivefold.cycle.importing import import_files
        from fivefold.cycle.workspace import Workspace

        store = Workspace(folder)
        report = import_files(store, self.files(tables), actor="test", as_of=AS_OF)
        assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
        assert not report.refused_commands
        return store


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Return the small company, imported and planned once for the whole session."""
    from fivefold.cycle.planning import plan

    made = Company(tmp_path_factory.mktemp("company") / "books")
    with made.make(made.folder) as store:
        store.plans.save(plan(store.dataset(as_of=AS_OF), as_of=AS_OF))
    return made


@pytest.fixture
def books(company: Company, tmp_path: Path) -> Path:
    """Return a folder of its own with the small company, imported and planned."""
    target = tmp_path / "books"
    shutil.copytree(company.folder, target)
    return target


@pytest.fixture
def store(books: Path) -> Iterator[Any]:
    """Return an open workspace of its own with the small company, imported and planned."""
    from fivefold.cycle.workspace import Workspace

    with Workspace(books) as opened:
        yield opened
