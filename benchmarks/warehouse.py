"""Warehouse: batching and routing of pickers, packing of containers and boxes.

    python -m benchmarks.warehouse [--suite all|picking|packing|boxes] [--quick] [--json]

`picking` reads the order-batching instances in the form "Order n number of articles m" (aisle
and location a line). They come without a published best, so gaps are to the shortest batches
anyone found here: the best of all ways in this run, ours with ten times the steps among them.
Routes need no such stand-in: S-shape and largest gap are held against the shortest walk.
`packing` fills the 587 x 233 x 220 container of BR1 to BR3 and compares the volume with the
best published per instance. `boxes` packs drawn orders of real products (sides and weights)
into eight cartons, beside the rule "smallest single box whose volume, filled to 70 %, and
whose sides take each thing, else the largest; what does not go in is boxed by the rule again".
"""

from __future__ import annotations

import csv
import re
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import (
    SHARED_DATA,
    DataMissingError,
    Measured,
    Options,
    cpu_timer,
    run,
)
from fivefold.deliver.warehouse.batching import Batch, by_savings, improve, in_turn
from fivefold.deliver.warehouse.packing import Box, Thing, choose_boxes, fill
from fivefold.deliver.warehouse.picker_routes import (
    Block,
    by_aisle,
    largest_gap,
    s_shape,
    shortest,
)

#: Inner sides in cm; sizes step up as those of a packing station do.
CARTONS = [
    Box(name=name, sides_cm=sides, most_kg=30.0)
    for name, sides in (
        ("A", (22.0, 16.0, 8.0)),
        ("B", (30.0, 22.0, 10.0)),
        ("C", (34.0, 26.0, 16.0)),
        ("D", (40.0, 30.0, 20.0)),
        ("E", (46.0, 36.0, 26.0)),
        ("F", (56.0, 40.0, 34.0)),
        ("G", (66.0, 50.0, 44.0)),
        ("H", (100.0, 60.0, 60.0)),
    )
]


def texts(folder: Path, ending: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of every file with an ending, archives opened."""
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    for path in files:
        if path.name.endswith(".tar.zst"):
            import subprocess

            raw = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True)
            import io

            with tarfile.open(fileobj=io.BytesIO(raw.stdout)) as archive:
                for member in sorted(archive.getmembers(), key=lambda m: m.name):
                    if member.isfile() and member.name.endswith(ending):
                        held = archive.extractfile(member)
                        assert held is not None
                        yield member.name, held.read().decode()
        elif path.is_file() and path.name.endswith(ending):
            yield path.name, path.read_text()


def read_orders(text: str) -> list[list[tuple[int, float]]]:
    """Return the picks of each order."""
    orders: list[list[tuple[int, float]]] = []
    for line in text.splitlines():
        if line.startswith("Order"):
            orders.append([])
        elif found := re.search(r"Aisle (\d+)\s+Location (\d+)", line):
            orders[-1].append((int(found[1]), float(found[2]) + 0.5))
    return [order for order in orders if order]


def measure_picking(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return gaps of batches and of routes over the instances."""
    folder = options.folder("orderbatching")
    rows = []
    steps = 1500 if options.quick else 8000
    found = [(n, t) for n, t in texts(folder, ".txt") if t.startswith("Order")]
    for name, text in found[: 4 if options.quick else None]:
        orders = read_orders(text)[: 25 if options.quick else 60]
        # Aisles five units apart, a location one unit long; the depot before the first aisle.
        last = max(aisle for order in orders for aisle, _ in order)
        block = Block(aisles=last + 1, aisle_distance=5.0, length=46.0)
        capacity = 24.0
        sizes = [float(len(order)) for order in orders]
        known: dict[Batch, float] = {}

        def picks(batch: Batch, orders: Any = orders) -> dict[int, list[float]]:
            return by_aisle([pick for order in batch for pick in orders[order]])

        def walk(batch: Batch, known: Any = known, picks: Any = picks, block: Any = block) -> float:
            if batch not in known:
                known[batch] = shortest(block, picks(batch))
            return float(known[batch])

        rng = np.random.default_rng(options.seed)
        with cpu_timer() as timer:
            saved = by_savings(sizes, capacity, walk)
            ours = improve(saved, sizes, capacity, walk, rng=rng, steps=steps)
        plain = in_turn(sizes, capacity)
        long_run = improve(ours, sizes, capacity, walk, rng=rng, steps=10 * steps)
        total = {
            "in_turn": sum(map(walk, plain)),
            "savings": sum(map(walk, saved)),
            "ours": sum(map(walk, ours)),
        }
        best = min(*total.values(), sum(map(walk, long_run)))
        routed = sum(map(walk, ours))
        rows.append(
            {
                "case": Path(name).stem,
                "orders": len(orders),
                "batches": len(ours),
                "cpu_s": timer.cpu_s,
                **{f"gap_{way}": length / best - 1.0 for way, length in total.items()},
                "s_shape_over_shortest": sum(s_shape(block, picks(b)) for b in ours) / routed - 1,
                "largest_gap_over_shortest": sum(largest_gap(block, picks(b)) for b in ours)
                / routed
                - 1,
            }
        )
    keys = {
        "batching_mean_gap": "gap_ours",
        "batching_mean_gap_savings": "gap_savings",
        "batching_mean_gap_in_turn": "gap_in_turn",
        "s_shape_over_shortest": "s_shape_over_shortest",
        "largest_gap_over_shortest": "largest_gap_over_shortest",
    }
    return rows, {k: float(np.mean([row[v] for row in rows])) for k, v in keys.items()}


def read_containers(text: str) -> list[tuple[tuple[float, ...], list[Thing]]]:
    """Return container and boxes of each instance of a BR file."""
    numbers = iter([int(word) for word in text.split()])
    found = []
    for _ in range(next(numbers)):
        next(numbers), next(numbers)
        sides = tuple(float(next(numbers)) for _ in range(3))
        things = []
        for _ in range(next(numbers)):
            row = [next(numbers) for _ in range(8)]
            things.append(
                Thing(
                    name=str(row[0]),
                    sides_cm=(float(row[1]), float(row[3]), float(row[5])),
                    upright=(row[2] == 1, row[4] == 1, row[6] == 1),
                    quantity=row[7],
                )
            )
        found.append((sides, things))
    return found


def measure_packing(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return volume used against the best published for each container."""
    folder = options.folder("boxes")
    path = SHARED_DATA / "best_known" / "br_container.csv"
    if not path.exists():
        raise DataMissingError(f"{options.name}: {path} is missing")
    with path.open() as file:
        known = {
            row["Path"]: float(row["Best known solution value"]) for row in csv.DictReader(file)
        }
    rows = []
    for name, text in texts(folder, ".txt"):
        stem = Path(name).stem
        if not stem.startswith("BR"):
            continue
        fills, gaps = [], []
        with cpu_timer() as timer:
            for number, (sides, things) in enumerate(read_containers(text), start=1):
                if number > (4 if options.quick else 100):
                    break
                placed, _left = fill(
                    sides, things, tries=1000 if options.quick else 4000, seed=options.seed
                )
                used = sum(float(np.prod(p.sides_cm)) for p in placed)
                fills.append(used / float(np.prod(sides)))
                best = known.get(f"bischoff1995/{stem}.txt_{number}")
                if best:
                    gaps.append(1.0 - used / best)
        rows.append(
            {
                "case": stem,
                "containers": len(fills),
                "fill": float(np.mean(fills)),
                "gap_to_best_known": float(np.mean(gaps)),
                "cpu_s": timer.cpu_s,
            }
        )
    return rows, {
        "packing_fill": float(np.mean([row["fill"] for row in rows])),
        "packing_gap_to_best_known": float(np.mean([row["gap_to_best_known"] for row in rows])),
    }


def by_rule(order: list[Thing]) -> tuple[int, float]:
    """Return boxes and their volume by the rule of the smallest single box.

    What turns out not to go in is boxed by the same rule again.
    """
    count, volume = 0, 0.0
    while order:
        wanted = sum(float(np.prod(t.sides_cm)) * t.quantity for t in order)
        fitting = [
            box
            for box in CARTONS
            if wanted <= 0.7 * box.volume_cm3 and all(_goes_in(t, box) for t in order)
        ]
        box = fitting[0] if fitting else CARTONS[-1]
        placed, left = fill(box.sides_cm, order, tries=1)
        count += 1
        volume += box.volume_cm3
        if not placed:
            break
        order = [replace(t, quantity=n) for t, n in zip(order, left, strict=True) if n]
    return count, volume


def _goes_in(thing: Thing, box: Box) -> bool:
    pairs = zip(sorted(thing.sides_cm), sorted(box.sides_cm), strict=True)
    return all(a <= b for a, b in pairs)


def measure_boxes(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return boxes and volume shipped, ours against the rule."""
    path = SHARED_DATA / "olist" / "products.parquet"
    if not path.exists():
        raise DataMissingError(f"{options.name}: {path} is missing")
    names = ["product_length_cm", "product_width_cm", "product_height_cm", "product_weight_g"]
    products = pl.read_parquet(path).select(names).drop_nulls().cast(pl.Float64)
    products = products.filter(pl.max_horizontal(names[:3]) <= 58, pl.col(names[3]) <= 20_000)
    rng = np.random.default_rng(options.seed)
    count = 400 if options.quick else 3000
    boxes = volume = rule_boxes = rule_volume = 0.0
    with cpu_timer() as timer:
        for _ in range(count):
            lines = int(rng.choice([1, 2, 3, 4, 6], p=[0.5, 0.22, 0.14, 0.09, 0.05]))
            chosen = products[rng.integers(0, products.height, lines)]
            order = [
                Thing(
                    name=str(n), sides_cm=(a, b, c), weight_kg=grams / 1000.0,
                    quantity=int(rng.choice([1, 2, 4], p=[0.75, 0.18, 0.07])),
                )
                for n, (a, b, c, grams) in enumerate(chosen.iter_rows())
            ]  # fmt: skip
            packed, loose = choose_boxes(order, CARTONS)
            by_hand = by_rule(order)
            boxes += len(packed) + len(loose)
            volume += sum(p.box.volume_cm3 for p in packed)
            rule_boxes += by_hand[0]
            rule_volume += by_hand[1]
    row = {
        "case": "boxes",
        "orders": count,
        "boxes": boxes,
        "boxes_by_rule": rule_boxes,
        "cpu_ms_per_order": 1000.0 * timer.cpu_s / count,
    }
    return [row], {
        "boxes_ratio": boxes / rule_boxes,
        "box_volume_ratio": volume / rule_volume,
    }


def measure(options: Options) -> Measured:
    """Measure what the suite asks for."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    parts = (("picking", measure_picking), ("packing", measure_packing), ("boxes", measure_boxes))
    for name, part in parts:
        if options.suite in ("all", name):
            found, figures = part(options)
            rows += found
            summary |= figures
    return Measured(rows=rows, summary=summary, peer=None)


if __name__ == "__main__":
    run("warehouse", measure, suites=("all", "picking", "packing", "boxes"))
