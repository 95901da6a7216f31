"""Placement over fulfilment centres with finite room: cost, proven gap, seconds; exact beside.

    python -m benchmarks.placement [--suite scale|exact|all] [--seed N] [--quick] --json

`scale` draws a catalogue whose customers lie all over the country and centres whose storage and
receipts are tight; it states the cost, the bound no placement can pass, and the seconds. `exact`
places small companies and solves the same as a mixed-integer program with HiGHS.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from scipy import optimize, sparse

from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.deliver.placement import PlacementParams, place_items, place_network, total_cost
from fivefold.deliver.placement_kernel import FAR
from fivefold.deliver.placement_world import PlacementWorld, order_lines, read_network
from fivefold.deliver.zones import zip_coordinates
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
WEEKS = 52


def company(
    *,
    items: int,
    centres: int,
    lines: int,
    seed: int,
    storage: float,
    receipts: float,
    pieces: int = 1,
) -> Dataset:
    """Draw a company with own centres, orders of one line each, and room that is tight.

    Parameters
    ----------
    storage, receipts : float
        Room of each centre, as a part of what each would take were every item in one of them.
    pieces : int
        Units an order is multiplied by: faster items.
    """
    rng = np.random.default_rng(seed)
    zips = [f"{k:03d}01" for k in range(10, 999) if zip_coordinates(f"{k:03d}01")]
    weight = rng.lognormal(0.0, 1.0, len(zips))
    homes = rng.choice(zips, centres, replace=False)
    share = rng.pareto(1.2, items) + 0.05
    sides = rng.uniform(5, 60, (items, 3))
    names = [f"I{k:05d}" for k in range(items)]
    picked = np.concatenate([np.arange(items), rng.choice(items, lines, p=share / share.sum())])
    count = len(picked)
    units = rng.geometric(0.4, count) * pieces
    per_week = np.bincount(picked, units, items) / WEEKS
    cube = sides.prod(axis=1) / 1e6
    held = cube * np.ceil(per_week + 1.28 * np.sqrt(per_week))
    frames: dict[str, list[dict[str, Any]]] = {
        "items": [
            {
                "item": name,
                "unit_cost": float(rng.uniform(2, 60)),
                "weight_kg": float(rng.uniform(0.1, 8)),
                **dict(zip(("length_cm", "width_cm", "height_cm"), side, strict=True)),
            }
            for name, side in zip(names, sides.tolist(), strict=True)
        ],
        "locations": [
            {"location": "NET", "kind": "fulfilment_network"},
            *(
                {
                    "location": f"C{k:02d}",
                    "kind": "fulfilment_centre",
                    "parent_location": "NET",
                    "postal_code": str(code),
                    "receiving_cost_per_unit": float(rng.uniform(0.1, 0.6)),
                    "storage_capacity_m3": float(storage * held.sum() / centres),
                    "receipts_capacity_units_per_day": float(
                        receipts * per_week.sum() / centres / 7.0
                    ),
                }
                for k, code in enumerate(homes)
            ),
        ],
        "channels": [{"channel": "SHOP", "kind": "web", "location": "NET"}],
        "lanes": [
            {
                "origin": "NET",
                "destination": f"C{k:02d}",
                "mode": "ltl",
                "transit_time_days_mean": 3.0,
                "cost_per_shipment": 0.5,
            }
            for k in range(centres)
        ],
    }
    orders = pl.DataFrame(
        {
            "order": [f"O{k}" for k in range(count)],
            "line": np.ones(count, np.int64),
            "item": np.array(names)[picked],
            "channel": ["SHOP"] * count,
            "quantity": units.astype(np.int64),
            "ordered_at": [datetime(2026, 11, 1) - timedelta(days=int(d)) for d in
                           rng.integers(0, 300, count)],
            "ship_postal_code": rng.choice(zips, count, p=weight / weight.sum()),
        }
    )  # fmt: skip
    tables = {name: schema(name).frame(rows) for name, rows in frames.items()}
    tables["orders"] = schema("orders").frame(orders.to_dicts())
    return Dataset(tables)


def world_of(dataset: Dataset, params: PlacementParams) -> PlacementWorld:
    """Return the arrays of the one network."""
    centres = dataset["locations"].filter(pl.col("kind") == "fulfilment_centre").sort("location")
    lines = order_lines(dataset, "NET", params, AS_OF)
    return read_network(dataset, "NET", centres, lines, params, AS_OF)


def exact_cost(world: PlacementWorld, *, most: int, seconds: float = 60.0) -> float:
    """Return the least cost of a placement within the room, by HiGHS; infinite where none fits.

    Minimise  sum_prc serve_pc x_pc + sum_ic opening_ic y_ic + sum_ik pooled_i sqrt(k) z_ik

    | symbol | what | unit |
    | --- | --- | --- |
    | x_pc | share of an item's demand in a region served by a centre | share |
    | y_ic | the item is held at the centre | 0, 1 |
    | z_ik | it is held at k centres | 0, 1 |
    | n_ic | whole units held, at least x + safety / sqrt(k) where held | units |
    """
    a, item = world.arrays, world.item_of_pair
    pairs, items, centres = len(item), len(world.items), len(world.centres)
    most = min(most, centres)
    x, y = 0, pairs * centres
    z = y + items * centres
    n = z + items * most
    width = n + items * centres
    places = np.arange(1, most + 1)
    cost = np.zeros(width)
    cost[x:y] = world.pair_serve().ravel()
    cost[y:z] = a.opening.ravel()
    cost[z:n] = (a.pooled[:, None] * np.sqrt(places)).ravel()
    rows: list[tuple[dict[int, float], float, float]] = []
    for p in range(pairs):
        rows.append(({x + p * centres + c: 1.0 for c in range(centres)}, 1.0, 1.0))
        for c in range(centres):
            rows.append(({x + p * centres + c: 1.0, y + item[p] * centres + c: -1.0}, -np.inf, 0.0))
    for i in range(items):
        count = {z + i * most + k: 1.0 for k in range(most)}
        rows.append((count, 1.0, 1.0))
        held = {y + i * centres + c: 1.0 for c in range(centres)}
        rows.append((held | {z + i * most + k: -float(k + 1) for k in range(most)}, 0.0, 0.0))
        for c in range(centres):
            mine = {
                x + p * centres + c: -float(a.pair_units[p]) * a.review_weeks
                for p in np.flatnonzero(item == i)
            }
            part = {z + i * most + k: -float(a.safety[i] / np.sqrt(k + 1)) for k in range(most)}
            safety = float(a.safety[i])
            holds = {n + i * centres + c: 1.0, y + i * centres + c: -safety}
            rows.append((holds | mine | part, -safety - 1e-7, np.inf))
    for c in range(centres):
        if world.room_m3[c] < FAR:
            cube = {n + i * centres + c: float(a.m3[i]) for i in range(items)}
            rows.append((cube, -np.inf, float(world.room_m3[c])))
        if world.room_units[c] < FAR:
            taken = {x + p * centres + c: float(a.pair_units[p]) for p in range(pairs)}
            rows.append((taken, -np.inf, float(world.room_units[c])))
    at = [(r, column, value) for r, (row, _, _) in enumerate(rows) for column, value in row.items()]
    matrix = sparse.csr_array(
        ([v for _, _, v in at], ([r for r, _, _ in at], [c for _, c, _ in at])),
        shape=(len(rows), width),
    )
    whole = np.zeros(width)
    whole[y:] = 1
    high = np.ones(width)
    high[n:] = np.inf
    found = optimize.milp(
        cost,
        constraints=optimize.LinearConstraint(
            matrix, [low for _, low, _ in rows], [top for _, _, top in rows]
        ),
        bounds=optimize.Bounds(0, high),
        integrality=whole,
        options={"time_limit": seconds, "mip_rel_gap": 1e-6},
    )
    return float(found.fun) if found.status == 0 else float("inf")


def _scale(options: Options) -> dict[str, Any]:
    items, centres, lines = (1_000, 8, 20_000) if options.quick else (10_000, 20, 300_000)
    dataset = company(items=items, centres=centres, lines=lines, seed=options.seed, storage=1.3,
                      receipts=1.3, pieces=20)  # fmt: skip
    params = PlacementParams(split_rounds=0)
    warm = company(items=5, centres=3, lines=40, seed=1, storage=1.2, receipts=1.3)
    place_items(warm, params, as_of=AS_OF)  # the machine code, compiled once
    with cpu_timer() as timer:
        outcome = place_items(dataset, params, as_of=AS_OF)
    limits = outcome["placement_limits"]
    return {
        "case": f"{items} items, {centres} centres",
        "cost_per_week": outcome.objective,
        "bound": outcome.bound,
        "gap": outcome.gap,
        "unplaced_units_per_week": outcome.notes["unplaced_units_per_week"],
        "limits_with_a_price": limits.filter(pl.col("price") > 0).height,
        "item_places": outcome["placement"].height,
        "cpu_s": timer.cpu_s,
    }


def _exact(options: Options) -> tuple[list[dict[str, Any]], float, float]:
    """Return a row a small company: ours, bound, exact; and seconds of both roads."""
    rows, ours_s, exact_s = [], 0.0, 0.0
    params = PlacementParams(split_rounds=0, most_centres=2)
    for seed in range(3 if options.quick else 12):
        dataset = company(items=5, centres=3, lines=40, seed=options.seed + seed, storage=1.6,
                          receipts=1.3, pieces=4)  # fmt: skip
        world = world_of(dataset, params)
        with cpu_timer() as timer:
            placed = place_network(world, params)
        ours_s += timer.cpu_s
        with cpu_timer() as timer:
            best = exact_cost(world, most=2)
        exact_s += timer.cpu_s
        cost = total_cost(world, placed, splits=False) if placed.unserved.sum() == 0 else None
        rows.append(
            {
                "case": f"small {seed}",
                "cost_per_week": cost,
                "bound": placed.bound,
                "exact": best,
                "above_exact": None if cost is None else cost / best - 1.0,
            }
        )
    return rows, ours_s, exact_s


def measure(options: Options) -> Measured:
    """Place at scale and beside an exact program."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    if options.suite in ("scale", "all"):
        scale = _scale(options)
        rows.append(scale)
        summary |= {"gap_to_bound": scale["gap"], "scale_cpu_s": scale["cpu_s"]}
    if options.suite in ("exact", "all"):
        small, ours_s, exact_s = _exact(options)
        rows += small
        above = [row["above_exact"] for row in small if row["above_exact"] is not None]
        summary |= {
            "exact_cases": len(above),
            "above_exact_mean": float(np.mean(above)),
            "above_exact_most": float(np.max(above)),
            "small_cpu_s": ours_s,
        }
        peer = peer_of("scipy", {"method": "HiGHS MIP", "cpu_s": exact_s})
    return Measured(rows=rows, summary=summary, peer=peer)


if __name__ == "__main__":
    run("placement", measure, suites=("all", "scale", "exact"))
