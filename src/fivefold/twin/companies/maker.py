"""The example maker's files: a chain of the literature dressed as two plants and three centres.

Figures of shape (which stage feeds which, stage times, value added, mean demand) are those of
chain 6 of Willems (2008); names, machines, shifts, set-ups and history are invented and drawn.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fivefold.connect import write_workbook
from fivefold.connect.tables import write_csv
from fivefold.model.schema import schema
from fivefold.twin.companies.maker_chain import (
    CENTRES,
    COLOURS,
    DAILY_DEMAND,
    DOLLARS_PER_COST,
    MODULES,
    PARTS,
    UNITS_PER_DEMAND,
    finished_goods,
    part_of,
    unit_costs,
)
from fivefold.twin.companies.maker_floor import PLANT_A, PLANT_B, floor_rows

AS_OF = date(2026, 11, 22)
WORKBOOK = "maker.xlsx"
README = """\
SYNTHETIC. Every company, order and person in this folder is invented.

Made by fivefold.twin.companies.maker (seed {seed}, {days} days up to {as_of}). The shape of the
chain - six modules, four products, three centres, which feeds which, stage times in days, value
added and mean demand - is that of chain 6 in S. P. Willems (2008), "Data Set - Real-World
Multiechelon Supply Chains Used for Inventory Optimization", Manufacturing & Service Operations
Management 10(1), 19-23, https://doi.org/10.1287/msom.1070.0176; costs times {dollars:g}, demand
times {units:g}. Colours, parts, suppliers, machines, shifts and set-ups are invented.
"""

Row = dict[str, object]


def write_company(
    directory: Path, *, seed: int = 2026, days: int = 400, as_of: date = AS_OF
) -> list[Path]:
    """Write the files of an invented maker and return their paths; same arguments, same bytes.

    Parameters
    ----------
    directory : Path
        Made where it does not exist; files of the same name are replaced.
    seed : int
        Seed of the demand history.
    days : int
        Length of the history, ending the day before `as_of`.
    as_of : date
        Day on which stock is counted.

    Raises
    ------
    ValueError
        If `days` is below 120.
    """
    if days < 120:
        raise ValueError(f"days must be at least 120, found {days}")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "README.md").write_text(
        README.format(
            seed=seed, days=days, as_of=as_of, dollars=DOLLARS_PER_COST, units=UNITS_PER_DEMAND
        ),
        encoding="utf-8",
    )
    workbook = directory / WORKBOOK
    tables = company_tables(as_of=as_of)
    workbook.write_bytes(write_workbook(tables))
    paths = [workbook]
    for name, rows in {
        "sales_history": _history(np.random.default_rng(seed), days, as_of),
        "inventory": _inventory(as_of),
        "supply_orders": _supply_orders(as_of),
        "orders": _orders(np.random.default_rng(seed + 1), as_of),
    }.items():
        path = directory / f"{name}.csv"
        frame = schema(name).frame(rows)
        told = [column for column in frame.columns if frame[column].null_count() < frame.height]
        path.write_bytes(write_csv(frame.select(told)))
        paths.append(path)
    return paths


def company_tables(*, as_of: date = AS_OF) -> dict[str, pl.DataFrame]:
    """Return the company's own tables by schema name."""
    rows: dict[str, list[Row]] = {
        "settings": _settings(as_of),
        "items": _items(),
        "locations": _locations(),
        "calendars": [{"calendar": "WEEK"}],
        "lanes": _lanes(),
        "suppliers": _suppliers(),
        "supplier_offers": _offers(),
        "bills_of_material": _bills(),
        "channels": [
            {
                "channel": f"SALES-{centre.code}",
                "kind": "retail",
                "location": centre.code,
                "referral_applies": False,
            }
            for centre in CENTRES
        ],
        **floor_rows(),
    }
    return {name: schema(name).frame(table) for name, table in rows.items()}


def _settings(as_of: date) -> list[Row]:
    values = {
        "plan_date": as_of.isoformat(),
        "currency": "USD",
        "company_name": "Fivefold Example Makers (synthetic)",
        "cost_of_capital_share_per_year": "0.20",
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _items() -> list[Row]:
    costs, rows = unit_costs(), []
    for good in finished_goods():
        rows.append(
            {
                "item": good.item,
                "title": f"{good.product.title}, {good.colour.lower()}",
                "family": good.product.code,
                "item_kind": "finished",
                "unit_cost": round(costs[good.item], 2),
                "price": round(costs[good.item] * 1.7, 0),
                "make_lead_time_days": float(good.product.days),
                "make_minimum_quantity": 20,
                "make_multiple": 10,
                "length_cm": 40.0,
                "width_cm": 30.0,
                "height_cm": 20.0,
                "weight_kg": 6.0,
            }
        )
    for module in MODULES:
        rows.append(
            {
                "item": module.code,
                "title": module.title,
                "item_kind": "component",
                "unit_cost": round(costs[module.code], 2),
                "make_lead_time_days": float(module.make_days),
                "make_minimum_quantity": 100,
                "make_multiple": 50,
                "length_cm": 20.0,
                "width_cm": 15.0,
                "height_cm": 10.0,
                "weight_kg": 1.5,
            }
        )
    for part in PARTS:
        rows.append(
            {
                "item": part.code,
                "title": part.title,
                "item_kind": "material",
                "unit_cost": round(costs[part.code], 2),
                "length_cm": 10.0,
                "width_cm": 8.0,
                "height_cm": 5.0,
                "weight_kg": 0.5,
            }
        )
    return rows


def _locations() -> list[Row]:
    plants: list[Row] = [
        {
            "location": PLANT_A,
            "name": "Module plant",
            "kind": "plant",
            "city": "Dayton",
            "state": "OH",
            "postal_code": "45402",
            "country": "US",
            "timezone": "America/New_York",
            "calendar": "WEEK",
        },
        {
            "location": PLANT_B,
            "name": "Finishing plant",
            "kind": "plant",
            "city": "Louisville",
            "state": "KY",
            "postal_code": "40202",
            "country": "US",
            "timezone": "America/New_York",
            "calendar": "WEEK",
        },
    ]
    centres: list[Row] = [
        {
            "location": centre.code,
            "name": centre.title,
            "kind": "warehouse",
            "city": centre.city,
            "country": centre.country,
            "timezone": centre.zone,
        }
        for centre in CENTRES
    ]
    suppliers: list[Row] = [
        {"location": code, "kind": "supplier", "country": "US"}
        for code in [*dict.fromkeys(part.supplier for part in PARTS), "S-CONTRACT"]
    ]
    return plants + centres + suppliers


def _lanes() -> list[Row]:
    # The literature gives each module its own carriage; one lane carries their mean.
    rows: list[Row] = [
        _lane(PLANT_A, PLANT_B, "ftl", 2, cost=0.08 * DOLLARS_PER_COST),
        _lane("S-CONTRACT", PLANT_B, "ftl", 4, cost=0.5),
    ]
    rows += [
        _lane(supplier, PLANT_A, "ftl", 3, cost=0.05)
        for supplier in dict.fromkeys(part.supplier for part in PARTS)
    ]
    rows += [
        _lane(PLANT_B, one.code, one.mode, one.days, cost=one.cost * DOLLARS_PER_COST)
        for one in CENTRES
    ]
    return rows


def _lane(origin: str, destination: str, mode: str, days: int, *, cost: float) -> Row:
    return {
        "origin": origin,
        "destination": destination,
        "mode": mode,
        "transit_time_days_mean": float(days),
        "transit_time_days_sd": round(days * 0.15, 2),
        "cost_per_unit": round(cost, 2),
    }


def _suppliers() -> list[Row]:
    names = [*dict.fromkeys(part.supplier for part in PARTS), "S-CONTRACT"]
    return [{"supplier": name, "currency": "USD", "ordering_cost": 60.0} for name in names]


def _offers() -> list[Row]:
    rows: list[Row] = [
        {
            "supplier": part.supplier,
            "item": part.code,
            "unit_price": round(unit_costs()[part.code], 2),
            "minimum_quantity": 200,
            "order_multiple": 100,
            "lead_time_days_mean": float(part.days),
            "lead_time_days_sd": round(part.days * 0.12, 1),
        }
        for part in PARTS
    ]
    # A contract maker offers two modules besides: one dearly, one below what making it costs.
    costs = unit_costs()
    for module, share in ((MODULES[0], 1.45), (MODULES[2], 0.6)):
        rows.append(
            {
                "supplier": "S-CONTRACT",
                "item": module.code,
                "unit_price": round(costs[module.code] * share, 2),
                "minimum_quantity": 100,
                "order_multiple": 50,
                "lead_time_days_mean": 21.0,
                "lead_time_days_sd": 3.0,
            }
        )
    return rows


def _bills() -> list[Row]:
    rows: list[Row] = [
        {"product": good.item, "component": module, "quantity_per": 1.0}
        for good in finished_goods()
        for module in good.product.modules
    ]
    for module in MODULES:
        rows += [
            {
                "product": module.code,
                "component": part.code,
                "quantity_per": 1.0,
                "scrap_share": 0.01,
            }
            for part in part_of(module)
        ]
    return rows


def _daily(item: str, centre: str) -> float:
    """Return mean demand a day of a finished good at a centre."""
    good = next(one for one in finished_goods() if one.item == item)
    whole = DAILY_DEMAND[good.product.code, centre] * UNITS_PER_DEMAND
    return whole * COLOURS[good.colour]


def _history(rng: np.random.Generator, days: int, as_of: date) -> list[Row]:
    """Return demand a day: a weekly rhythm, a yearly swing and negative binomial chance."""
    rows: list[Row] = []
    weekly = np.array([1.25, 1.2, 1.15, 1.15, 1.1, 0.65, 0.5])
    for good in finished_goods():
        for centre in CENTRES:
            mean = _daily(good.item, centre.code)
            for back in range(days, 0, -1):
                day = as_of - timedelta(days=back)
                season = 1 + 0.12 * np.sin(2 * np.pi * (day.timetuple().tm_yday - 80) / 365.25)
                expected = mean * weekly[day.weekday()] * season
                units = int(rng.negative_binomial(4, 4 / (4 + expected)))
                rows.append(
                    {
                        "item": good.item,
                        "location": centre.code,
                        "date": day,
                        "units": units,
                        "in_stock_share": 1.0,
                    }
                )
    return rows


def _inventory(as_of: date) -> list[Row]:
    """Return stock that covers the way to each centre, the finishing and the modules."""
    rows: list[Row] = []
    counted = datetime.combine(as_of, time(6), tzinfo=UTC)

    def row(item: str, place: str, units: float) -> Row:
        return {
            "item": item,
            "location": place,
            "on_hand": round(units / 10) * 10,
            "as_of": counted,
        }

    daily: dict[str, float] = {}
    for good in finished_goods():
        whole = 0.0
        for centre in CENTRES:
            mean = _daily(good.item, centre.code)
            whole += mean
            rows.append(row(good.item, centre.code, mean * (centre.days + 16)))
        rows.append(row(good.item, PLANT_B, whole * (good.product.days + 4)))
        for code in good.product.modules:
            daily[code] = daily.get(code, 0.0) + whole
    for module in MODULES:
        rows.append(row(module.code, PLANT_B, daily[module.code] * (module.make_days + 9)))
        rows += [row(part.code, PLANT_A, daily[module.code] * 12) for part in part_of(module)]
    return rows


def _supply_orders(as_of: date) -> list[Row]:
    """Return parts on their way: a week's use every week of the lead time."""
    daily: dict[str, float] = {}
    for good in finished_goods():
        whole = sum(_daily(good.item, centre.code) for centre in CENTRES)
        for code in good.product.modules:
            daily[code] = daily.get(code, 0.0) + whole
    rows: list[Row] = []
    for module in MODULES:
        for part in part_of(module):
            weeks = (part.days + 3) // 7
            for week in range(1, weeks + 1):
                rows.append(
                    {
                        "order": f"PO-{part.code}-{week}",
                        "line": 1,
                        "kind": "buy",
                        "item": part.code,
                        "source": part.supplier,
                        "destination": PLANT_A,
                        "quantity": max(100, round(daily[module.code] * 7.3 / 100) * 100),
                        "ordered_on": as_of - timedelta(days=part.days + 3 - 7 * week),
                        "expected_on": as_of + timedelta(days=7 * week - 3),
                        "status": "confirmed",
                        "unit_price": round(unit_costs()[part.code], 2),
                    }
                )
    return rows


def _orders(rng: np.random.Generator, as_of: date) -> list[Row]:
    """Return customers' orders that are open on the morning of the plan."""
    rows: list[Row] = []
    goods = finished_goods()
    for number in range(1, 41):
        centre = CENTRES[int(rng.integers(len(CENTRES)))]
        good = goods[int(rng.integers(len(goods)))]
        rows.append(
            {
                "order": f"SO-{number:04d}",
                "line": 1,
                "item": good.item,
                "channel": f"SALES-{centre.code}",
                "quantity": int(rng.integers(2, 15)),
                "unit_price": round(unit_costs()[good.item] * 1.7, 0),
                "ordered_at": datetime.combine(
                    as_of - timedelta(days=1), time(int(rng.integers(8, 18))), tzinfo=UTC
                ),
                "status": "open",
                "promised_on": as_of + timedelta(days=int(rng.integers(2, 6))),
                "location": centre.code,
            }
        )
    return rows
