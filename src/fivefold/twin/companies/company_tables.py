"""What Amazon does not know of the example seller: the tables of its own workbook."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from fivefold.model.schema import schema
from fivefold.twin.companies.history import History
from fivefold.twin.companies.network import (
    PLANT,
    POOL,
    SUPPLIER_BY_CODE,
    SUPPLIERS,
    WAREHOUSE,
    calendar_rows,
    lane_rows,
    location_rows,
)
from fivefold.twin.companies.seller_building import building_tables
from fivefold.twin.companies.stock import SupplyOrder
from fivefold.twin.companies.terms import LINE_HOURS_PER_DAY, PRICE_BREAKS, SETUP_HOURS

Row = dict[str, object]

LINE, CELL = "KIT-LINE", "PACK-CELL"
LIMITS_SOURCE = "owner, planning meeting of 2026-11-02 (invented)"
#: Share of customs value by origin and beginning of the tariff code; invented round figures.
DUTIES = {
    "CN": {"": 0.25, "95": 0.20, "48": 0.25, "94": 0.28},
    "VN": {"": 0.12, "94": 0.10, "95": 0.10},
}
SALVAGE_SHARE = 0.25
#: The owner wants so much more than a year before, and so much of it as margin.
BUDGET_GROWTH, BUDGET_MARGIN_SHARE = 0.08, 0.15


def make_company_tables(history: History) -> dict[str, pl.DataFrame]:
    """Return the workbook's tables by schema name, typed, unknown figures empty."""
    rows: dict[str, list[Row]] = {
        "settings": _settings(history),
        "items": _items(history),
        "locations": location_rows(warehouse_m3=1.25 * _cubic_metres(history)),
        "calendars": calendar_rows(),
        "calendar_closures": _closures(history),
        "lanes": lane_rows(),
        "suppliers": _suppliers(),
        "supplier_offers": _supplier_offers(history),
        "price_breaks": _price_breaks(history),
        "duties": _duties(history),
        "bills_of_material": _bills_of_material(history),
        "operations": _operations(history),
        "resources": _resources(),
        "channels": _channels(),
        "offers": _offers(history),
        "limits_rules": _limits_rules(history),
        "budget": _budget(history),
        "inventory": _inventory(history),
        "supply_orders": _supply_orders(history),
        **building_tables(),
    }
    return {name: schema(name).frame(table) for name, table in rows.items()}


def _cubic_metres(history: History) -> float:
    """Return the cube in the warehouse as the record ends, at least 50 m3."""
    held = float((history.closing.warehouse * history.catalogue.volume_m3).sum())
    return max(50.0, held)


def _settings(history: History) -> list[Row]:
    values = {
        "plan_date": (history.as_of.isoformat(), ""),
        "currency": ("USD", ""),
        "company_name": ("Fivefold Example Goods (synthetic)", ""),
        "marketplace": ("US", ""),
        "cost_of_capital_share_per_year": ("0.14", "bank line, 2026"),
        "cash_budget_per_week": (f"{_weekly_spend(history) * 1.15:.0f}", LIMITS_SOURCE),
        "care_cost_per_hour": ("26", "payroll of the desk, 2026 (invented)"),
        "opening_cash": (f"{_weekly_spend(history) * 9:.0f}", "bank statement of 2026-11-20"),
    }
    return [{"name": k, "value": v, "source": s or None} for k, (v, s) in values.items()]


def _weekly_spend(history: History) -> float:
    """Return what goods bought cost a week over the last year."""
    spent = sum(
        order.quantity * order.unit_price
        for order in history.stock.orders
        if order.supplier and order.ordered >= history.days - 364
    )
    return max(1000.0, spent / min(52.0, history.days / 7))


def _date_or_none(history: History, day: int, *, known: bool) -> date | None:
    return history.day(day) if known else None


def _items(history: History) -> list[Row]:
    catalogue, lives, rows = history.catalogue, history.lives, []
    for i in range(len(catalogue)):
        finished = i < catalogue.finished
        case = int(catalogue.case_quantity[i])
        side = (float(catalogue.volume_m3[i]) * case * 1.08 * 1e6) ** (1 / 3)
        row: Row = {
            "item": catalogue.item[i],
            "title": catalogue.title[i],
            "category": catalogue.category[i],
            "family": catalogue.family[i],
            "item_kind": catalogue.kind[i],
            "hs_code": catalogue.hs_code[i],
            "length_cm": float(catalogue.sides_cm[i, 0]),
            "width_cm": float(catalogue.sides_cm[i, 1]),
            "height_cm": float(catalogue.sides_cm[i, 2]),
            "weight_kg": float(catalogue.weight_kg[i]),
            "case_quantity": case,
            "case_length_cm": round(side * 1.2, 1),
            "case_width_cm": round(side, 1),
            "case_height_cm": round(side / 1.2, 1),
            "case_weight_kg": round(float(catalogue.weight_kg[i]) * case + 0.6, 2),
            "unit_cost": float(catalogue.unit_cost[i]),
            "currency": "USD",
        }
        if finished:
            launch, end = int(lives.launch[i]), int(lives.end[i])
            row |= {
                "brand": catalogue.brand[i],
                "asin": catalogue.asin(i),
                "fnsku": catalogue.fnsku(i),
                "price": float(catalogue.price[i]),
                "status": _status(history, i),
                "launched_on": _date_or_none(history, launch, known=launch > 0),
                "ends_on": _date_or_none(history, end, known=end < history.days + 365),
                "replaces_item": catalogue.item[lives.replaces[i]] if i in lives.replaces else None,
                "fragile": catalogue.hs_code[i][:2] in ("69", "70"),
                "salvage_value": round(float(catalogue.unit_cost[i]) * SALVAGE_SHARE, 2),
            }
        rows.append(row)
    return rows


def _status(history: History, i: int) -> str:
    launch, end = int(history.lives.launch[i]), int(history.lives.end[i])
    if end < history.days:
        return "ended"
    if end < history.days + 365:
        return "phase_out"
    return "new" if launch > history.days - 90 else "active"


def _closures(history: History) -> list[Row]:
    """Return the lunar new year shut-downs that public holidays understate."""
    rows: list[Row] = []
    for first in (date(2025, 1, 25), date(2026, 2, 12), date(2027, 2, 2)):
        for k in range(14):
            day = first + timedelta(days=k)
            if day >= history.as_of:
                rows += [
                    {"calendar": f"FACTORY-{c}", "date": day, "reason": "lunar new year"}
                    for c in ("CN", "VN")
                ]
    return rows


def _suppliers() -> list[Row]:
    return [
        {
            "supplier": s.code,
            "currency": "USD",
            "payment_days": s.payment_days,
            "deposit_share": s.deposit_share,
            "minimum_order_value": s.minimum_order_value,
            "ordering_cost": 45.0 if s.country == "US" else 160.0,
            "on_time_share": s.on_time_share,
            "defect_share": 0.004 if s.country == "US" else 0.012,
            "failure_probability_per_year": 0.01 if s.country == "US" else 0.03,
            "incoterm": s.incoterm,
        }
        for s in SUPPLIERS
    ]


def _bought(history: History) -> list[int]:
    """Return the rows of items that are bought and have not ended."""
    bought = np.flatnonzero(history.terms.minimum_quantity > 0).tolist()
    n = history.catalogue.finished
    return [i for i in bought if i >= n or _status(history, i) != "ended"]


def _supplier_offers(history: History) -> list[Row]:
    rows: list[Row] = []
    for i in _bought(history):
        code = history.catalogue.supplier[i]
        own, price = SUPPLIER_BY_CODE[code], float(history.terms.unit_price[i])
        base: Row = {
            "item": history.catalogue.item[i],
            "order_multiple": int(history.terms.order_multiple[i]),
        }
        rows.append(
            base
            | {
                "supplier": code,
                "unit_price": price,
                "minimum_quantity": int(history.terms.minimum_quantity[i]),
                "lead_time_days_mean": own.lead_time_days_mean,
                "lead_time_days_sd": own.lead_time_days_sd,
                "priority": 1,
            }
        )
        if code == "SUP-CN" and i % 4 == 0:
            # A quarter of the Chinese range has a second quotation from Viet Nam.
            rows.append(_second_offer(history, i, "SUP-VN", base, price * 1.07, 1.0))
        elif code != "SUP-US" and i % 9 == 0:
            rows.append(_second_offer(history, i, "SUP-US", base, price * 1.55, 0.25))
    return rows


def _second_offer(
    history: History, i: int, code: str, base: Row, price: float, smaller: float
) -> Row:
    own, multiple = SUPPLIER_BY_CODE[code], int(history.terms.order_multiple[i])
    minimum = -(-int(history.terms.minimum_quantity[i] * smaller) // multiple) * multiple
    return base | {
        "supplier": code,
        "unit_price": round(price, 2),
        "minimum_quantity": max(minimum, multiple),
        "lead_time_days_mean": own.lead_time_days_mean,
        "lead_time_days_sd": own.lead_time_days_sd,
        "priority": 2,
    }


def _price_breaks(history: History) -> list[Row]:
    return [
        {
            "supplier": history.catalogue.supplier[i],
            "item": history.catalogue.item[i],
            "from_quantity": times * int(history.terms.minimum_quantity[i]),
            "unit_price": round(float(history.terms.unit_price[i]) * (1 - share), 2),
        }
        for i in _bought(history)
        for times, share in PRICE_BREAKS
    ]


def _duties(history: History) -> list[Row]:
    codes = sorted(set(history.catalogue.hs_code))
    rows: list[Row] = []
    for country, shares in DUTIES.items():
        for code in codes:
            best = max((p for p in shares if code.startswith(p)), key=len)
            rows.append(
                {
                    "hs_code": code,
                    "origin_country": country,
                    "destination_country": "US",
                    "effective_from": history.start.replace(month=1, day=1),
                    "duty_share": shares[best],
                    "source": "invented for the example; not a tariff",
                    "grade": "assumed",
                }
            )
    return rows


def _bills_of_material(history: History) -> list[Row]:
    catalogue = history.catalogue
    lines = zip(
        catalogue.bom_product.tolist(),
        catalogue.bom_component.tolist(),
        catalogue.bom_quantity.tolist(),
        strict=True,
    )
    return [
        {
            "product": catalogue.item[p],
            "component": catalogue.item[c],
            "quantity_per": float(q),
            "scrap_share": 0.01 if catalogue.kind[c] == "packaging" else 0.0,
        }
        for p, c, q in lines
    ]


def _operations(history: History) -> list[Row]:
    rows: list[Row] = []
    for i in np.flatnonzero(history.catalogue.made).tolist():
        for number, resource, hours, setup, name in (
            (10, LINE, history.terms.line_hours[i], SETUP_HOURS, "Put the kit together"),
            (20, CELL, history.terms.pack_hours[i], 0.1, "Carton and label"),
        ):
            rows.append(
                {
                    "product": history.catalogue.item[i],
                    "operation": number,
                    "location": PLANT,
                    "resource": resource,
                    "setup_time_hours": setup,
                    "run_time_hours_per_unit": float(hours),
                    "yield_share": 1.0 if number == 20 else 0.995,
                    "name": name,
                }
            )
    return rows


def _resources() -> list[Row]:
    return [
        {
            "resource": LINE,
            "location": PLANT,
            "name": "Kitting line",
            "kind": "line",
            "hours_per_day": LINE_HOURS_PER_DAY,
            "calendar": "OFFICE-US",
            "cost_per_hour": 64.0,
            "overtime_hours_per_week": 12.0,
            "overtime_cost_per_hour": 96.0,
            "is_bottleneck": True,
        },
        {
            "resource": CELL,
            "location": PLANT,
            "name": "Packing cell",
            "kind": "crew",
            "hours_per_day": LINE_HOURS_PER_DAY,
            "calendar": "OFFICE-US",
            "cost_per_hour": 38.0,
        },
    ]


def _channels() -> list[Row]:
    return [
        {"channel": "FBA", "name": "Fulfilment by Amazon", "kind": "fba", "location": POOL},
        {"channel": "FBM", "name": "Fulfilment by us", "kind": "fbm", "location": WAREHOUSE},
        {"channel": "ONSITE", "name": "FBA Onsite", "kind": "fba_onsite", "location": WAREHOUSE},
    ]


def _offers(history: History) -> list[Row]:
    """Return FBA and FBM offers of the items that sell there; none at FBA Onsite yet."""
    catalogue, lines, rows = history.catalogue, history.demand, []
    for channel, own in (("FBA", False), ("FBM", True)):
        sells = np.bincount(lines.item[lines.fbm == own], minlength=catalogue.finished) > 0
        for i in np.flatnonzero(sells).tolist():
            rows.append(
                {
                    "item": catalogue.item[i],
                    "channel": channel,
                    "price": float(catalogue.price[i]),
                    "active": _status(history, i) != "ended",
                    "listed_on": _date_or_none(
                        history, int(history.lives.launch[i]), known=history.lives.launch[i] > 0
                    ),
                }
            )
    return rows


def _budget(history: History) -> list[Row]:
    """Return the owner's budget of this month and the seven after it: last year's, and more."""
    demand = history.demand
    sold = ~demand.cancelled
    days = pl.DataFrame(
        {
            "day": demand.day[sold],
            "units": demand.quantity[sold],
            "price": demand.price[demand.item[sold], demand.day[sold]],
        }
    ).with_columns(
        month=(pl.lit(history.start) + pl.duration(days="day")).cast(pl.Date).dt.truncate("1mo")
    )
    known = {
        month: (units, revenue)
        for month, units, revenue in days.group_by("month")
        .agg(pl.col("units").sum(), (pl.col("units") * pl.col("price")).sum().alias("revenue"))
        .iter_rows()
    }
    rows: list[Row] = []
    year, first = history.as_of.year, history.as_of.month
    for number in range(8):
        month = date(year + (first - 1 + number) // 12, (first - 1 + number) % 12 + 1, 1)
        before = known.get(month.replace(year=month.year - 1))
        if before is None:
            continue
        revenue = round(before[1] * (1 + BUDGET_GROWTH), -2)
        rows.append(
            {
                "month": month,
                "units": round(before[0] * (1 + BUDGET_GROWTH), -1),
                "revenue": revenue,
                "margin": round(revenue * BUDGET_MARGIN_SHARE, -2),
                "author": "owner",
                "source": "budget meeting of 2026-09 (invented)",
            }
        )
    return rows


def _limits_rules(history: History) -> list[Row]:
    at_fba = float(
        (
            history.closing.fulfillable.sum(axis=1)
            * history.catalogue.volume_m3[: history.catalogue.finished]
        ).sum()
    )
    return [
        {"limit": name, "kind": kind, "subject": subject, "amount_per_week": amount, "source": by}
        for name, kind, subject, amount, by in (
            ("CASH", "cash", "", round(_weekly_spend(history) * 1.15), LIMITS_SOURCE),
            (
                "WH1-SPACE",
                "storage_m3",
                WAREHOUSE,
                round(_cubic_metres(history) * 1.25),
                "lease",
            ),
            (
                "FBA-SPACE",
                "storage_m3",
                POOL,
                round(max(20.0, at_fba * 1.5)),
                "Amazon capacity manager, 2026-11 (invented)",
            ),
            ("KIT-HOURS", "resource_hours", LINE, LINE_HOURS_PER_DAY * 5, LIMITS_SOURCE),
        )
    ]


def _inventory(history: History) -> list[Row]:
    counted = datetime.combine(history.as_of, datetime.min.time(), UTC)
    closing = history.closing
    return [
        {
            "item": history.catalogue.item[i],
            "location": location,
            "on_hand": int(units[i]),
            "as_of": counted,
        }
        for location, units in ((WAREHOUSE, closing.warehouse), (PLANT, closing.plant))
        for i in np.flatnonzero(units).tolist()
    ]


def _supply_orders(history: History) -> list[Row]:
    """Return what is on its way: purchases, work orders, shipments to FBA."""
    end = history.days
    rows = [_order_row(history, o) for o in history.stock.orders if o.ordered < end <= o.arrives]
    for shipment in history.stock.shipments:
        received = sum(q for d, _, q in shipment.receipts if d < end)
        if shipment.receipts[-1][0] < end:
            continue
        left = shipment.shipped < end
        rows.append(
            {
                "order": f"FBA15K{shipment.number:07d}",
                "line": 1,
                "kind": "move",
                "item": history.catalogue.item[shipment.item],
                "source": WAREHOUSE,
                "destination": POOL,
                "quantity": shipment.quantity,
                "quantity_received": received,
                "ordered_on": history.day(shipment.created),
                "shipped_on": _date_or_none(history, shipment.shipped, known=left),
                "expected_on": history.day(max(end, shipment.shipped + 11)),
                "status": "in_transit" if left else "confirmed",
            }
        )
    return sorted(rows, key=lambda row: (str(row["order"]), str(row["line"])))


def _order_row(history: History, order: SupplyOrder) -> Row:
    gone, buy = order.shipped < history.days, order.supplier != ""
    return {
        "order": order.number,
        "line": order.line,
        "kind": "buy" if buy else "make",
        "item": history.catalogue.item[order.item],
        "source": order.supplier if buy else PLANT,
        "destination": order.destination,
        "quantity": order.quantity,
        "ordered_on": history.day(order.ordered),
        "shipped_on": _date_or_none(history, order.shipped, known=gone and buy),
        # The seller still believes the usual lead time; what is late is expected any day.
        "expected_on": history.day(max(history.days, order.expected)),
        "status": "in_transit" if gone and buy else "confirmed",
        "unit_price": order.unit_price if buy else None,
    }
