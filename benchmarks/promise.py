"""Promises: lines a CPU-second at 100,000 items and 200 places, and the share that is kept.

    python -m benchmarks.promise [--suite all|speed|kept] [--quick] [--json]

`speed` builds one world from tables (stock and coming supply of 100,000 items over 200 places)
and asks it line by line, each answer taking its units, then all lines in one batch.
`kept` draws a company with a past. Truth is not what planning knows: carriage takes a number
of working days drawn from a skewed law by zone, which planning sees only through past
deliveries; supply comes early or late by a normal law whose spread planning is told. Each leg
promised is then played: ready, shipped on the next working day, carried. A promise is kept
where it arrives by its day. `kept_share_at_*` is with days levelled over all promises
(`on_average`); rows give it too for promises that each hold the chance, and the chance stated.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, run
from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.deliver.sourcing_world import World
from fivefold.model import Dataset

TODAY = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ZIPS = ("60601", "94103", "02108", "75201", "30301", "98101", "80202", "33101", "10001", "92335")


def places_frame(count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return warehouses at ZIP codes all over the country."""
    prefixes = rng.choice(np.arange(10, 990), count, replace=False)
    return pl.DataFrame(
        {
            "location": [f"W{n:03d}" for n in range(count)],
            "kind": ["warehouse"] * count,
            "calendar": ["week"] * count,
            "postal_code": [f"{p:03d}01" for p in prefixes],
            "picking_cost_per_unit": rng.uniform(0.8, 2.0, count).round(2),
        }
    )


def base_tables(items: list[str], places: pl.DataFrame, weight: Any) -> dict[str, pl.DataFrame]:
    """Return the tables every case shares."""
    return {
        "items": pl.DataFrame({"item": items, "weight_kg": weight}),
        "locations": places,
        "calendars": pl.DataFrame({"calendar": ["week"], "cut_off_time": ["14:00"]}),
        "channels": pl.DataFrame({"channel": ["FBM"], "kind": ["fbm"], "location": ["W000"]}),
    }


def large_dataset(*, items: int, places: int, holders: int, seed: int) -> Dataset:
    """Return stock of every item at `holders` places, and coming supply at two of them."""
    rng = np.random.default_rng(seed)
    names = np.array([f"I{n:06d}" for n in range(items)])
    where = np.array([f"W{n:03d}" for n in range(places)])
    item = np.repeat(np.arange(items), holders)
    start = np.repeat(rng.integers(0, places, items), holders)
    place = (start + np.tile(np.arange(holders), items) * 7) % places
    coming = rng.integers(0, items, 2 * items)
    tables = base_tables(
        names.tolist(), places_frame(places, rng), rng.uniform(0.1, 5.0, items).round(2)
    )
    tables["inventory"] = pl.DataFrame(
        {
            "item": names[item],
            "location": where[place],
            "on_hand": rng.integers(0, 12, len(item)),
        }
    )
    tables["supply_orders"] = pl.DataFrame(
        {
            "order": [f"S{n}" for n in range(2 * items)],
            "line": [1] * (2 * items),
            "kind": ["buy"] * (2 * items),
            "item": names[coming],
            "destination": where[rng.integers(0, places, 2 * items)],
            "quantity": rng.integers(5, 60, 2 * items),
            "expected_on": [TODAY + timedelta(days=int(d)) for d in rng.integers(1, 90, 2 * items)],
            "status": ["in_transit"] * (2 * items),
        }
    )
    return Dataset(tables)


def measure_speed(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return lines a CPU-second, one by one and in a batch."""
    items = 20_000 if options.quick else 100_000
    dataset = large_dataset(items=items, places=200, holders=20, seed=options.seed)
    rng = np.random.default_rng(options.seed + 1)
    with cpu_timer() as building:
        world = World(dataset, SourcingParams(), TODAY)
    asked = rng.integers(0, items, 20_000)
    units = rng.integers(1, 4, len(asked))
    codes = rng.choice(ZIPS, len(asked))
    world.ask(world.items[0], 1, postal_code=ZIPS[0], channel="FBM")
    with cpu_timer() as single:
        for item, quantity, code in zip(asked, units, codes, strict=True):
            world.ask(world.items[item], int(quantity), postal_code=code, channel="FBM")
    count = 50_000 if options.quick else 300_000
    batch = pl.DataFrame(
        {
            "order": [f"O{n}" for n in range(count)],
            "line": [1] * count,
            "item": np.array(world.items)[rng.integers(0, items, count)],
            "channel": ["FBM"] * count,
            "quantity": rng.integers(1, 4, count),
            "ordered_at": [AT] * count,
            "ship_postal_code": rng.choice(ZIPS, count),
            "promised_on": pl.Series([None] * count, dtype=pl.Date()),
        }
    )
    with cpu_timer() as many:
        lines, places = world.lines_of(batch)
        legs = world.serve(lines, places)
    row = {
        "case": "speed",
        "items": items,
        "places": 200,
        "buckets": len(world.stock.buckets),
        "build_cpu_s": building.cpu_s,
        "cpu_ms_per_line": 1000.0 * single.cpu_s / len(asked),
        "lines_per_cpu_s_one_by_one": len(asked) / single.cpu_s,
        "lines_per_cpu_s": count / many.cpu_s,
        "legs": len(legs.line),
    }
    return [row], {
        name: row[name] for name in ("lines_per_cpu_s", "cpu_ms_per_line", "build_cpu_s")
    }


def true_transit(zone: int, rng: np.random.Generator, size: int) -> Any:
    """Return working days of carriage as they really are: skewed, longer by zone."""
    return 1 + rng.negative_binomial(2 + zone // 2, 0.62, size)


def company(seed: int, *, lines: int) -> tuple[Dataset, Any]:
    """Return a company with 4,000 past deliveries, half of its orders on coming supply."""
    rng = np.random.default_rng(seed)
    names = [f"I{n:03d}" for n in range(300)]
    places = places_frame(12, rng)
    tables = base_tables(names, places, rng.uniform(0.2, 3.0, 300).round(2))
    where = places["location"].to_list()
    tables["inventory"] = pl.DataFrame(
        [
            {"item": item, "location": str(rng.choice(where)), "on_hand": int(rng.integers(0, 9))}
            for item in names
        ]
    )
    tables["lanes"] = pl.DataFrame(
        {
            "origin": ["PORT"] * 12,
            "destination": where,
            "transit_time_days_mean": [20.0] * 12,
            "transit_time_days_sd": rng.uniform(1.5, 6.0, 12).round(2),
        }
    )
    tables["supply_orders"] = pl.DataFrame(
        [
            {
                "order": f"S{n}", "line": 1, "kind": "move", "item": item, "source": "PORT",
                "destination": str(rng.choice(where)), "quantity": 40,
                "expected_on": TODAY + timedelta(days=int(rng.integers(15, 60))),
                "shipped_on": TODAY - timedelta(days=2), "status": "in_transit",
            }
            for n, item in enumerate(names)
        ]
    )  # fmt: skip
    order = {"channel": "FBM", "quantity": 1, "line": 1}
    asked = [
        {
            **order, "order": f"O{n:05d}", "item": str(rng.choice(names)), "status": "open",
            "ordered_at": AT, "ship_postal_code": str(rng.choice(ZIPS)), "priority": n,
        }
        for n in range(lines)
    ]  # fmt: skip
    frame = Dataset({**tables, "orders": pl.DataFrame(asked)})
    world = World(frame, SourcingParams(), TODAY)
    past = []
    for n in range(4000):
        code, home = str(rng.choice(ZIPS)), int(rng.integers(12))
        zone = int(world.zones_to(code)[home])
        gone = TODAY - timedelta(days=int(rng.integers(40, 400)))
        gone += timedelta(days=(7 - gone.weekday()) % 7 if gone.weekday() > 4 else 0)
        there = after(gone, int(true_transit(zone, rng, 1)[0]))
        past.append(
            {
                **order, "order": f"P{n}", "item": names[0], "status": "delivered",
                "ordered_at": AT - timedelta(days=500), "location": where[home],
                "ship_postal_code": code, "shipped_on": gone, "delivered_on": there,
            }
        )  # fmt: skip
    orders = pl.concat([pl.DataFrame(asked), pl.DataFrame(past)], how="diagonal")
    return frame.with_tables(orders=orders), world


def after(day: date, working_days: int) -> date:
    """Return the day so many days from Monday to Friday after another."""
    for _ in range(working_days):
        day += timedelta(days=3 if day.weekday() == 4 else 2 if day.weekday() == 5 else 1)
    return day


def played(found: pl.DataFrame, dataset: Dataset, world: Any, rng: np.random.Generator) -> Any:
    """Return which legs arrive by the day promised when supply and carriage are drawn."""
    sd = dict(dataset["lanes"].select("destination", "transit_time_days_sd").iter_rows())
    codes = dict(dataset["orders"].select("order", "ship_postal_code").iter_rows())
    due: dict[tuple[str, str], date] = {
        (item, place): day
        for item, place, day in dataset["supply_orders"]
        .select("item", "destination", "expected_on")
        .iter_rows()
    }
    kept = []
    for leg in found.iter_rows(named=True):
        gone = leg["ship_on"]
        if leg["basis"] == "in_transit":
            place = leg["location"]
            late = int(np.ceil(rng.normal(0.0, sd[place])))
            gone = max(TODAY, due[leg["item"], place] + timedelta(days=late))
            if gone.weekday() > 4:
                gone += timedelta(days=7 - gone.weekday())
        zone = int(world.zones_to(codes[leg["order"]])[world.place_code[leg["location"]]])
        kept.append(after(gone, int(true_transit(zone, rng, 1)[0])) <= leg["deliver_on"])
    return np.array(kept)


def measure_kept(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the share of promises kept at three confidences, levelled and each on its own."""
    rows, summary = [], {}
    worlds = [
        company(options.seed * 100 + n, lines=1500 if options.quick else 3000)
        for n in range(2 if options.quick else 4)
    ]
    for share in (0.90, 0.95, 0.99):
        for levelled in (True, False):
            kept, stated, stands = [], [], []
            for n, (dataset, world) in enumerate(worlds):
                params = SourcingParams(confidence_share=share, on_average=levelled, capable=False)
                found = source_orders(dataset, params, as_of=TODAY)["promises"]
                found = found.filter(pl.col("basis") != "none")
                rng = np.random.default_rng([options.seed, n, int(100 * share)])
                kept.append(played(found, dataset, world, rng))
                stated.append(found["on_time_share"].to_numpy())
                stands.append((found["basis"] == "in_transit").to_numpy())
            all_kept, coming = np.concatenate(kept), np.concatenate(stands)
            row = {
                "case": f"kept_{share:.0%}_{'levelled' if levelled else 'each'}",
                "promises": len(all_kept),
                "kept_share": float(all_kept.mean()),
                "stated_share": float(np.concatenate(stated).mean()),
                "kept_share_on_hand": float(all_kept[~coming].mean()),
                "kept_share_coming": float(all_kept[coming].mean()),
            }
            rows.append(row)
            if levelled:
                summary[f"kept_share_at_{share * 100:.0f}"] = row["kept_share"]
            else:
                gap = abs(row["kept_share"] - row["stated_share"])
                summary[f"stated_less_kept_at_{share * 100:.0f}"] = gap
    return rows, summary


def measure(options: Options) -> Measured:
    """Measure what the suite asks for."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for name, part in (("speed", measure_speed), ("kept", measure_kept)):
        if options.suite in ("all", name):
            found, figures = part(options)
            rows += found
            summary |= figures
    return Measured(rows=rows, summary=summary, peer=None)


if __name__ == "__main__":
    run("promise", measure, suites=("all", "speed", "kept"))
