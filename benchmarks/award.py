"""Splitting awards over suppliers: the fast method against the exact one, and real awards.

    python -m benchmarks.award [--suite random|real|all] [--data PATH] [--seconds N] [--json]

`random` draws 50 tenders (10 when quick) with all-unit and incremental price breaks, minimum
awards, capacities by bid and by supplier, minimum spends and suppliers that may be lost, and
compares `best_split` with the mixed-integer programme of `exact_split` (HiGHS) on the same
costs. Gaps are to the best split known, and to the bound.

`real` takes the vendor lines of the public-health supply chain data (SCMS) bought from
vendors directly. What each vendor asks for an item and how late it is is learnt from lines
delivered before 2011; items bought in 2011 and later from items with two or more vendors are
awarded anew and compared with what was bought: prices of the vendors that sold in that time
are theirs of that time, others stand as they were learnt. Capacity of a vendor is 1.5 times
the most it ever delivered of the item in a year until then, a year judged, or what it delivered
in the time judged.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, peer_of, run
from fivefold.source.tenders import Bid, Tender, best_split, evaluate
from fivefold.source.tenders_exact import exact_split

#: First day of what is judged; all before teaches.
SPLIT_DAY = date(2011, 1, 1)
#: Chance a year of losing a vendor, months until another is qualified, margin of a unit as a
#: share of its price: assumptions of the comparison, the same before and after.
FAILURE, RECOVERY_SHARE, MARGIN_SHARE = 0.05, 0.5, 1.0
LATE_COST_SHARE_PER_DAY = 0.002


def drawn_tender(rng: np.random.Generator) -> Tender:
    """Return a random tender."""
    items, suppliers = int(rng.integers(4, 13)), int(rng.integers(3, 8))
    demand = rng.integers(200, 5000, size=items).astype(float)
    base = rng.uniform(2, 60, size=items)
    bids = {}
    for item in range(items):
        for supplier in range(suppliers):
            if rng.random() < 0.25 and supplier:
                continue
            bids[item, supplier] = _drawn_bid(rng, float(demand[item]), float(base[item]))
    spend = demand * base
    return Tender(
        demand=demand,
        bids=bids,
        suppliers=suppliers,
        fixed_cost=rng.uniform(0.002, 0.02, size=suppliers) * spend.sum(),
        minimum_spend=rng.choice([0.0, 0.05, 0.12], size=suppliers) * spend.sum(),
        capacity=rng.uniform(0.3, 1.2, size=suppliers) * demand.sum(),
        loss_cost=rng.uniform(0.0, 0.08, size=(items, suppliers)) * base[:, None],
        short_cost=base * 4,
    )


def _drawn_bid(rng: np.random.Generator, demand: float, base: float) -> Bid:
    price = base * rng.uniform(0.85, 1.2)
    starts = sorted(rng.uniform(0.1, 0.9, size=int(rng.integers(0, 4))) * demand)
    steps = [(0.0, price, 0.0)]
    incremental = rng.random() < 0.4
    for start in starts:
        lower = steps[-1][1] * rng.uniform(0.9, 0.99)
        fixed = steps[-1][2] + (steps[-1][1] - lower) * start if incremental else 0.0
        steps.append((round(start), lower, fixed))
    return Bid(
        steps=tuple(steps),
        unit_cost=base * rng.uniform(0.0, 0.15),
        minimum=float(rng.choice([0.0, 0.05, 0.1])) * demand,
        capacity=float(rng.choice([0.4, 0.7, 1.0, 1.5])) * demand,
    )


def random_rows(options: Options) -> list[dict[str, Any]]:
    """Return one row a drawn tender."""
    rng = np.random.default_rng(options.seed)
    rows = []
    for number in range(10 if options.quick else 50):
        tender = drawn_tender(rng)
        started = time.process_time()
        ours = best_split(tender)
        spent = time.process_time() - started
        started = time.process_time()
        exact = exact_split(tender, seconds=min(options.seconds, 5.0 if options.quick else 60.0))
        exact_spent = time.process_time() - started
        best = min(exact.split.cost if not exact.split.problems else np.inf, ours.cost)
        rows.append(
            {
                "case": f"tender-{number:02d}",
                "items": len(tender.demand),
                "suppliers": tender.suppliers,
                "gap": ours.cost / best - 1,
                "gap_to_bound": ours.cost / exact.bound - 1,
                "allowed": ours.problems == 0,
                "exact_proved": exact.is_optimal,
                "cpu_s": spent,
                "exact_cpu_s": exact_spent,
            }
        )
    return rows


def real_lines(path: Path) -> pl.DataFrame:
    """Return lines bought from vendors: item, vendor, day, units, price, days late."""
    frame = pl.read_parquet(path)
    day = pl.col("Delivered to Client Date").str.to_date("%d-%b-%y", strict=False)
    due = pl.col("Scheduled Delivery Date").str.to_date("%d-%b-%y", strict=False)
    return (
        frame.filter(pl.col("Fulfill Via") == "Direct Drop")
        .select(
            item=pl.concat_str("Item Description", "Dosage", separator=" "),
            vendor="Vendor",
            day=day,
            units=pl.col("Line Item Quantity").cast(pl.Float64),
            price=pl.col("Pack Price"),
            late=(day - due).dt.total_days(),
        )
        .filter((pl.col("units") > 0) & (pl.col("price") > 0))
        .drop_nulls()
        .sort("day", "item", "vendor")
    )


def real_tender(lines: pl.DataFrame) -> tuple[Tender, dict[tuple[int, int], float], dict[str, int]]:
    """Return the tender of what is judged, and how it was bought."""
    known = lines.filter(pl.col("day") < SPLIT_DAY)
    judged = lines.filter(pl.col("day") >= SPLIT_DAY)
    late = dict(known.group_by("vendor").agg(pl.col("late").clip(lower_bound=0).mean()).iter_rows())
    learnt = known.group_by("item", "vendor").agg(
        price=(pl.col("price") * pl.col("units")).sum() / pl.col("units").sum(),
    )
    yearly = (
        known.group_by("item", "vendor", year=pl.col("day").dt.year())
        .agg(pl.col("units").sum())
        .group_by("item", "vendor")
        .agg(most=pl.col("units").max())
    )
    last = judged["day"].max()
    assert isinstance(last, date)
    years = max(1.0, (last - SPLIT_DAY).days / 365)
    now = judged.group_by("item", "vendor").agg(
        units=pl.col("units").sum(),
        asked=(pl.col("price") * pl.col("units")).sum() / pl.col("units").sum(),
    )
    offers = (
        learnt.join(yearly, on=["item", "vendor"])
        .join(now, on=["item", "vendor"], how="full", coalesce=True)
        .with_columns(price=pl.coalesce("asked", "price"), units=pl.col("units").fill_null(0.0))
        .with_columns(
            most=pl.max_horizontal(pl.col("most").fill_null(0.0) * 1.5 * years, pl.col("units"))
        )
    )
    demand = offers.group_by("item").agg(pl.col("units").sum(), vendors=pl.len())
    contested = demand.filter((pl.col("units") > 0) & (pl.col("vendors") > 1)).sort("item")
    offers = offers.join(contested.select("item"), on="item", how="semi").sort("item", "vendor")
    items = {item: n for n, item in enumerate(contested["item"].to_list())}
    vendors = {v: n for n, v in enumerate(offers["vendor"].unique().sort().to_list())}
    usual = fmean(late.values()) if late else 0.0
    bids, before = {}, {}
    price = np.zeros(len(items))
    for row in offers.iter_rows(named=True):
        key = (items[row["item"]], vendors[row["vendor"]])
        days = late.get(row["vendor"], usual)
        bids[key] = Bid(
            steps=((0.0, row["price"], 0.0),),
            unit_cost=row["price"] * LATE_COST_SHARE_PER_DAY * days,
            capacity=row["most"],
        )
        price[key[0]] = max(price[key[0]], row["price"])
        if row["units"] > 0:
            before[key] = row["units"]
    tender = Tender(
        demand=contested["units"].to_numpy().astype(float),
        bids=bids,
        suppliers=len(vendors),
        fixed_cost=np.zeros(len(vendors)),
        minimum_spend=np.zeros(len(vendors)),
        capacity=np.full(len(vendors), np.inf),
        loss_cost=np.repeat(price[:, None], len(vendors), axis=1)
        * (FAILURE * RECOVERY_SHARE * MARGIN_SHARE),
        short_cost=price * 10,
        most_sources=6,
    )
    counts = {"items": len(items), "vendors": len(vendors), "lines_judged": judged.height}
    return tender, before, counts


def risk_of(tender: Tender, units: dict[tuple[int, int], float]) -> float:
    """Return the share of the goods that would be missing with the vendor that has them, mean."""
    exposed = sum(
        tender.exposure(i, q) * tender.bids[i, s].steps[0][1] for (i, s), q in units.items()
    )
    return exposed / sum(tender.bids[i, s].goods(q) for (i, s), q in units.items())


def real_row(options: Options) -> dict[str, Any]:
    """Return the comparison on real awards."""
    lines = real_lines(options.file("scms", "*.parquet"))
    tender, before, counts = real_tender(lines)
    started = time.process_time()
    after = best_split(tender, rounds=1)
    spent = time.process_time() - started
    was = evaluate(tender, before)
    goods_before, goods_after = float(was.goods.sum()), float(after.goods.sum())
    return {
        "case": "scms",
        **counts,
        "goods_before": goods_before,
        "goods_after": goods_after,
        "saving_share": 1 - goods_after / goods_before,
        "cost_before": was.cost,
        "cost_after": after.cost,
        "risk_before": risk_of(tender, was.quantities),
        "risk_after": risk_of(tender, after.quantities),
        "short_units": float(after.short.sum()),
        "cpu_s": spent,
    }


def measure(options: Options) -> Measured:
    """Measure the drawn tenders, the real awards or both."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    if options.suite in ("all", "random"):
        drawn = random_rows(options)
        rows += drawn
        summary |= {
            "mean_gap": fmean(row["gap"] for row in drawn),
            "max_gap": max(row["gap"] for row in drawn),
            "mean_gap_to_bound": fmean(row["gap_to_bound"] for row in drawn),
            "tenders": len(drawn),
            "all_allowed": all(row["allowed"] for row in drawn),
            "random_cpu_s": sum(row["cpu_s"] for row in drawn),
        }
        told = {
            "cpu_s": sum(row["exact_cpu_s"] for row in drawn),
            "proved": sum(row["exact_proved"] for row in drawn),
        }
        peer = peer_of("highspy", told, name="HiGHS")
    if options.suite in ("all", "real"):
        row = real_row(options)
        rows.append(row)
        names = ("saving_share", "risk_before", "risk_after")
        summary |= {name: row[name] for name in names}
    return Measured(rows=rows, summary=summary, peer=peer)


if __name__ == "__main__":
    run("award", measure, suites=("all", "random", "real"), seconds=60.0)
