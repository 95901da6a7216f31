"""Exploding a bill of material of a million lines, and exactness against a slow reference.

    python -m benchmarks.requirements [--suite scale|exact|all] [--quick] [--json]

The large case is drawn: products in levels, each line to a component of a deeper level, so
that every part is shared by many products. `cpu_s` is the second of two runs of `explode`
from table to table: the first one also compiles. The reference works on dictionaries and
fractions straight from the tables and shares no code with the engine; it runs on small
draws with everything switched on: scrap, yield, alternates, effectivity, by-products, lots,
stock, orders on their way and lead times.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, run
from fivefold.make.requirements import Params, explode
from fivefold.model import Dataset

AS_OF = date(2026, 11, 22)
START = date(2026, 11, 23)
PERIODS = 26


def large_dataset(*, lines: int, seed: int, levels: int = 8) -> Dataset:
    """Return a drawn company with about `lines` lines in its bill of material."""
    rng = np.random.default_rng(seed)
    per_level = max(2, lines // 5 // levels)
    names = [np.char.add(f"L{level}-", np.arange(per_level).astype(str)) for level in range(levels)]
    parents, children = [], []
    for level in range(levels - 1):
        count = lines // (levels - 1)
        parents.append(names[level][rng.integers(per_level, size=count)])
        deeper = rng.integers(level + 1, levels, size=count)
        picked = rng.integers(per_level, size=count)
        table = np.array(names)
        children.append(table[deeper, picked])
    bom = (
        pl.DataFrame({"product": np.concatenate(parents), "component": np.concatenate(children)})
        .unique(["product", "component"])
        .sort("product", "component")
    )
    bom = bom.with_columns(
        pl.Series("quantity_per", rng.integers(1, 4, size=bom.height).astype(float)),
        pl.Series("scrap_share", rng.choice([0.0, 0.02, 0.05], size=bom.height)),
    )
    items = pl.concat([bom["product"], bom["component"]]).unique().sort()
    weeks = [START + timedelta(days=7 * week) for week in range(PERIODS)]
    tops = items.filter(items.str.starts_with("L0-"))
    demand = pl.DataFrame({"item": tops}).join(pl.DataFrame({"period_start": weeks}), how="cross")
    stocked = items.sample(fraction=0.5, seed=seed)
    return Dataset(
        {
            "items": pl.DataFrame(
                {
                    "item": items,
                    "make_lead_time_days": rng.integers(0, 3, size=len(items)) * 7.0,
                }
            ),
            "locations": pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"]}),
            "bills_of_material": bom,
            "inventory": pl.DataFrame(
                {
                    "item": stocked,
                    "location": ["PLANT1"] * len(stocked),
                    "on_hand": rng.integers(0, 500, size=len(stocked)),
                }
            ),
            "forecast_means": demand.with_columns(
                pl.lit("PLANT1").alias("location"),
                pl.Series("units_mean", rng.integers(0, 40, size=demand.height).astype(float)),
            ),
        }
    )


def small_dataset(seed: int) -> Dataset:
    """Return a drawn company of a few items with every rule in use."""
    rng = np.random.default_rng(seed)
    items = [f"I{n}" for n in range(int(rng.integers(4, 9)))]
    bom: list[dict[str, Any]] = []
    for parent in range(len(items) - 1):
        for child in range(parent + 1, len(items)):
            if rng.random() < 0.5:
                bom.append(_line(rng, items[parent], items[child]))
    if not bom:
        bom.append(_line(rng, items[0], items[1]))
    products = sorted({line["product"] for line in bom})
    steps = [
        {
            "product": product,
            "operation": step,
            "location": "PLANT1",
            "resource": "R",
            "run_time_hours_per_unit": 0.1,
            "yield_share": float(rng.choice([1.0, 0.9, 0.8])),
        }
        for product in products
        for step in (10, 20)
    ]
    weeks = [START + timedelta(days=7 * week) for week in range(PERIODS)]
    demand = [
        {"item": item, "location": "PLANT1", "period_start": week, "units_mean": float(units)}
        for item in items[:2]
        for week in weeks
        if (units := rng.integers(0, 30))
    ]
    orders = [
        {
            "order": f"O{n}",
            "line": 1,
            "kind": "buy",
            "item": str(rng.choice(items)),
            "destination": "PLANT1",
            "quantity": int(rng.integers(1, 80)),
            "expected_on": AS_OF + timedelta(days=int(rng.integers(-3, 120))),
            "status": str(rng.choice(["confirmed", "in_transit", "closed"])),
        }
        for n in range(6)
    ]
    return Dataset(
        {
            "items": pl.DataFrame(
                [
                    {
                        "item": item,
                        "make_lead_time_days": float(rng.choice([0, 7, 10, 21])),
                        "make_minimum_quantity": int(rng.choice([1, 25])),
                        "make_multiple": int(rng.choice([1, 8])),
                    }
                    for item in items
                ]
            ),
            "locations": pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"]}),
            "bills_of_material": pl.DataFrame(bom, infer_schema_length=None),
            "operations": pl.DataFrame(steps),
            "resources": pl.DataFrame({"resource": ["R"], "location": ["PLANT1"]}),
            "inventory": pl.DataFrame(
                {
                    "item": items,
                    "location": ["PLANT1"] * len(items),
                    "on_hand": rng.integers(0, 60, size=len(items)),
                }
            ),
            "stock_targets": pl.DataFrame(
                {
                    "item": items[:2],
                    "location": ["PLANT1"] * 2,
                    "period_start": [START] * 2,
                    "safety_stock": rng.integers(0, 10, size=2).astype(float),
                }
            ),
            "supply_orders": pl.DataFrame(orders),
            "forecast_means": pl.DataFrame(demand, infer_schema_length=None),
        }
    )


def _line(rng: np.random.Generator, product: str, component: str) -> dict[str, Any]:
    """Return one drawn line of a bill of material."""
    starts = START + timedelta(days=int(rng.integers(0, 100))) if rng.random() < 0.2 else None
    ends = START + timedelta(days=int(rng.integers(0, 150))) if rng.random() < 0.2 else None
    return {
        "product": product,
        "component": component,
        "quantity_per": float(rng.choice([1, 2, 0.5])),
        "scrap_share": float(rng.choice([0.0, 0.1, 0.25])),
        "effective_from": starts,
        "effective_to": ends,
        "alternate_group": str(rng.choice(["A", "B"])) if rng.random() < 0.4 else None,
        "priority": int(rng.integers(1, 4)),
        "is_by_product": bool(rng.random() < 0.1),
    }


Figures = dict[tuple[str, date], dict[str, Fraction]]


def reference_requirements(dataset: Dataset, *, periods: int = PERIODS) -> Figures:
    """Return gross, scheduled, net, receipts and releases by (item, period), exactly.

    One place, demand from the forecast. Items are taken in any order in which all that use
    them have been taken before.
    """
    start = START
    weeks = [start + timedelta(days=7 * week) for week in range(periods)]
    lines = dataset["bills_of_material"].rows(named=True)
    items = {row["item"]: row for row in dataset["items"].rows(named=True)}
    known = {line["product"] for line in lines} | {line["component"] for line in lines}
    products = {line["product"] for line in lines}
    gross: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * periods)
    coming: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * periods)
    for row in dataset["forecast_means"].rows(named=True):
        if row["item"] in known and (row["period_start"] - start).days < 7 * periods:
            gross[row["item"]][(row["period_start"] - start).days // 7] += Fraction(
                str(row["units_mean"])
            )
    for row in dataset["supply_orders"].rows(named=True):
        week = max(0, (row["expected_on"] - start).days // 7)
        if row["status"] not in ("closed", "received", "cancelled") and week < periods:
            coming[row["item"]][week] += row["quantity"] - row["quantity_received"]
    through: dict[str, Fraction] = defaultdict(lambda: Fraction(1))
    for row in dataset["operations"].rows(named=True):
        through[row["product"]] *= Fraction(str(row["yield_share"]))
    stock: dict[str, Fraction] = defaultdict(Fraction)
    for row in dataset["inventory"].rows(named=True):
        stock[row["item"]] += row["on_hand"] - row["allocated"]
    for row in dataset["stock_targets"].rows(named=True):
        stock[row["item"]] -= Fraction(str(row["safety_stock"]))
    found: Figures = {}
    todo = set(known)
    while todo:
        free = [
            i for i in todo if not any(u["component"] == i and u["product"] in todo for u in lines)
        ]
        item = min(free)
        todo.remove(item)
        made = item in products
        rule = items[item]
        lead = math.ceil(rule["make_lead_time_days"] / 7) if made else 0
        left = stock[item]
        releases, receipts = [Fraction(0)] * periods, [Fraction(0)] * periods
        for week in range(periods):
            left += coming[item][week]
            net = max(Fraction(0), gross[item][week] - left)
            lot = net
            if net > 0 and made:
                lot = max(lot, Fraction(rule["make_minimum_quantity"]))
                if rule["make_minimum_quantity"] <= 1:
                    lot = net
                if rule["make_multiple"] > 1:
                    lot = Fraction(math.ceil(lot / rule["make_multiple"]) * rule["make_multiple"])
            receipts[week] = lot
            releases[max(0, week - lead)] += lot
            left += lot - gross[item][week]
            found[item, weeks[week]] = {
                "gross": gross[item][week],
                "scheduled": coming[item][week],
                "net": net,
                "planned_receipts": lot,
            }
        for week in range(periods):
            found[item, weeks[week]]["planned_releases"] = releases[week]
            for line in _in_force(lines, item, weeks[week]):
                per = Fraction(str(line["quantity_per"]))
                kept = 1 - Fraction(str(line["scrap_share"]))
                if line["is_by_product"]:
                    coming[line["component"]][week] += receipts[week] * per * kept
                else:
                    gross[line["component"]][week] += releases[week] / through[item] * per / kept
    return found


def _in_force(lines: list[dict[str, Any]], product: str, day: date) -> list[dict[str, Any]]:
    """Return the lines of a product used on a day: of each group only the first by priority."""
    valid = [
        line
        for line in lines
        if line["product"] == product
        and (line["effective_from"] is None or line["effective_from"] <= day)
        and (line["effective_to"] is None or day <= line["effective_to"])
    ]
    used = [line for line in valid if line["alternate_group"] is None or line["is_by_product"]]
    groups = {line["alternate_group"] for line in valid if not line["is_by_product"]} - {None}
    for group in groups:
        rivals = [
            line for line in valid if line["alternate_group"] == group and not line["is_by_product"]
        ]
        used.append(min(rivals, key=lambda line: (line["priority"], line["component"])))
    return used


def largest_error(dataset: Dataset) -> float:
    """Return the largest difference between the engine and the reference, in units."""
    outcome = explode(dataset, Params(demand="forecast", periods=PERIODS), as_of=AS_OF)
    expected = reference_requirements(dataset)
    worst = 0.0
    seen = set()
    for row in outcome["requirements"].iter_rows(named=True):
        key = (row["item"], row["period_start"])
        seen.add(key)
        for name, value in expected[key].items():
            worst = max(worst, abs(row[name] - float(value)))
    for key, figures in expected.items():
        if key not in seen:
            worst = max(worst, *(float(abs(value)) for value in figures.values()))
    return worst


def measure(options: Options) -> Measured:
    """Time the large case and compare small ones."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    if options.suite in ("all", "scale"):
        dataset = large_dataset(lines=1_000_000, seed=options.seed)
        with cpu_timer() as first:
            explode(dataset, Params(demand="forecast", periods=PERIODS), as_of=AS_OF)
        with cpu_timer() as second:
            outcome = explode(dataset, Params(demand="forecast", periods=PERIODS), as_of=AS_OF)
        lines = dataset["bills_of_material"].height
        rows.append(
            {
                "case": "scale",
                "bom_lines": lines,
                "items": dataset["items"].height,
                "levels": outcome.notes["levels"],
                "periods": PERIODS,
                "result_rows": outcome["requirements"].height,
                "cpu_s_first": first.cpu_s,
                "cpu_s": second.cpu_s,
                "wall_s": second.wall_s,
            }
        )
        summary |= {"bom_lines": lines, "cpu_s": second.cpu_s}
    if options.suite in ("all", "exact"):
        seeds = range(options.seed, options.seed + (40 if options.quick else 400))
        errors = [largest_error(small_dataset(seed)) for seed in seeds]
        rows.append({"case": "exact", "datasets": len(errors), "max_abs_error": max(errors)})
        summary["max_abs_error"] = max(errors)
    return Measured(rows=rows, summary=summary)


if __name__ == "__main__":
    run("requirements", measure, suites=("all", "scale", "exact"), seconds=60.0)
