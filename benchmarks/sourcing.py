"""Order sourcing: lines a CPU-second, cost against nearest-with-stock and the exact optimum.

    python -m benchmarks.sourcing [--suite all|kernel|exact|ledger] [--quick] [--json]

Orders are drawn: customers and 200 buildings at real ZIP codes, items by popularity, stock
uneven, orders of one to five lines. `kernel` serves them one after the other in arrival
order, with prices a unit has where it stands and without; the rate is the second of two runs
(the first compiles). The peer is the rule "nearest building with stock" on the same orders.
Customers are promised three working days; every working day later costs LATE a unit, for every
rule alike, in what the kernel minimises and in the cost told. Prices are learnt from a day of
orders drawn from the same law with another seed: of some strengths, none among them, the one
that would have cost least on that day is used on the day measured.
`exact` knows all orders of a small company in advance: an integer program over every way to
serve each order, solved by HiGHS. `ledger` lets eight writers, each with its own stale view of the
stock, reserve the same units through one journal on disk.
"""

from __future__ import annotations

import tempfile
import threading
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numba
import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_seconds, cpu_timer, run
from benchmarks._orders import (
    Company,
    FloatArray,
    IntArray,
    draw_company,
    draw_orders,
    places_of,
    stock_of,
    terms_of,
    times_of,
)
from fivefold.deliver.price_kernel import clearing_prices
from fivefold.deliver.sourcing_kernel import source
from fivefold.deliver.sourcing_tables import Legs, Lines, Stock, with_buckets
from fivefold.deliver.waves import serve_wave

#: What a unit nobody serves costs: as much for every rule and for the optimum.
UNSERVED = 40.0
SPLIT = 2.0
#: Working days that customers are promised, and the cost of a unit a day after that.
SERVICE_DAYS = 3
LATE = 5.0
#: Parts of the clearing price that are tried on the day that prices are learnt from.
STRENGTHS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
#: Share of orders that come after the hour until which a building works them on the day.
AFTER_CUT_OFF = 10 / 24
WRITERS = 8


def regions_of(company: Company, count: int) -> tuple[IntArray, FloatArray]:
    """Return the regions with most people, and the share of demand of each."""
    chosen = np.argsort(-company.people, kind="stable")[:count]
    share = company.people[chosen]
    return chosen, share / share.sum()


def prices_of(company: Company, *, units: float, regions: int = 60, rounds: int = 40) -> Any:
    """Return the price of a unit at each holder, from what demand is expected to be."""
    chosen, share = regions_of(company, regions)
    days = times_of().arrive[0, 0, 0]
    late = (1 - AFTER_CUT_OFF) * np.maximum(days - SERVICE_DAYS, 0)
    late += AFTER_CUT_OFF * np.maximum(days + 1 - SERVICE_DAYS, 0)
    price = np.zeros(len(company.item), np.float32)
    clearing_prices(
        stock_of(company).holder_first,
        company.place,
        company.units,
        company.weight_lb,
        company.popularity * units,
        share,
        np.ascontiguousarray(company.zone[chosen]),
        company.pick,
        company.rates + LATE * late[:, None],
        UNSERVED,
        rounds,
        price,
    )
    return price


@numba.njit(cache=True)
def nearest(order_first, item, units, destination, holder_first, place, left, miles):  # type: ignore[no-untyped-def]
    """Serve each line from the nearest building that has it whole, else nearest first."""
    size = units.sum()
    out = np.empty((4, size), np.int64)
    at = 0
    for line in range(len(item)):
        need = units[line]
        while need > 0:
            best, whole = -1, False
            for holder in range(holder_first[item[line]], holder_first[item[line] + 1]):
                if left[holder] == 0:
                    continue
                has = left[holder] >= need
                far = miles[destination[line], place[holder]]
                if (
                    best < 0
                    or (has and not whole)
                    or (has == whole and far < miles[destination[line], place[best]])
                ):
                    best, whole = holder, has
            taken = need if best < 0 else min(need, left[best])
            out[0, at], out[2, at] = line, taken
            out[1, at] = -1 if best < 0 else place[best]
            if best >= 0:
                left[best] -= taken
            need -= taken
            at += 1
    return out[:, :at]


def judged(company: Company, lines: Lines, line: Any, place: Any, units: Any) -> dict[str, float]:
    """Return what legs cost, recomputed from the tables alone, and how far they go."""
    order_of = np.repeat(np.arange(len(lines.order_first) - 1), np.diff(lines.order_first))
    served = place >= 0
    unserved = int(units[~served].sum())
    late = days_late(company, lines, line[served], place[served])
    lateness = LATE * float(late @ units[served])
    line, place, units = line[served], place[served], units[served]
    parcel, index = np.unique(order_of[line] * 1000 + place, return_inverse=True)
    weight = np.bincount(index, weights=lines.rows["weight_lb"][line] * units)
    first = np.zeros(len(parcel), np.int64)
    first[index] = line
    home = parcel % 1000
    region = lines.rows["destination"][first]
    step = np.ceil(weight * 2.0 - 1e-9).astype(np.int64)
    heaviest = company.rates.shape[1] - 1
    zone = company.zone[region, home]
    whole, rest = np.divmod(np.maximum(step - 1, 0), heaviest)
    carriage = whole * company.rates[zone, heaviest] + company.rates[zone, rest + 1]
    orders = len(np.unique(parcel // 1000))
    cost = company.pick[place] @ units + carriage.sum() + SPLIT * (len(parcel) - orders)
    return {
        "cost": float(cost) + lateness + UNSERVED * unserved,
        "cost_of_lateness": lateness,
        "parcels": float(len(parcel)),
        "split_share": (len(parcel) - orders) / max(orders, 1),
        "miles_per_parcel": float(company.miles[region, home].mean()),
        "unserved_units": float(unserved),
    }


def serve(company: Company, lines: Lines, price: Any = None, wait: float = 0.0) -> Legs:
    """Return the legs of the kernel on fresh stock."""
    return source(
        lines,
        stock_of(company, price),
        places_of(company),
        times_of(),
        terms_of(company, wait=wait),
    )


def oversold(company: Company, lines: Lines, line: Any, place: Any, units: Any) -> int:
    """Return units given out beyond what stood there."""
    served = place >= 0
    key = lines.rows["item"][line[served]] * 1000 + place[served]
    held = company.item * 1000 + company.place
    out = np.bincount(np.searchsorted(held, key), weights=units[served], minlength=len(held))
    return int(np.maximum(out - company.units, 0).sum())


def days_late(company: Company, lines: Lines, line: Any, place: Any) -> Any:
    """Return by how many working days legs that are served miss the days promised."""
    zone = company.zone[lines.rows["destination"][line], place]
    days = times_of().arrive[0, 0, 0][zone] + (lines.rows["ordered_minute"][line] >= 14 * 60)
    return np.maximum(days - SERVICE_DAYS, 0)


def late_share(company: Company, lines: Lines, line: Any, place: Any) -> float:
    """Return the share of legs that take longer than the days promised."""
    served = place >= 0
    return float((days_late(company, lines, line[served], place[served]) > 0).mean())


def promised(lines: Lines) -> Lines:
    """Return lines with the day by which they are promised."""
    rows = lines.rows.copy()
    rows["deadline"] = SERVICE_DAYS
    return lines._replace(rows=rows)


def strength_of(company: Company, learnt_from: Lines, price: Any) -> float:
    """Return the strength of prices that costs least on a day that is not the one measured."""
    costs = {}
    for strength in STRENGTHS:
        legs = serve(company, learnt_from, price * np.float32(strength))
        costs[strength] = judged(company, learnt_from, legs.line, legs.place, legs.units)["cost"]
    return min(costs, key=lambda strength: costs[strength])


def measure_kernel(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Return rates and cost over a large company, ours and nearest-with-stock."""
    count = 300_000 if options.quick else 1_000_000
    company = draw_company(
        items=100_000, buildings=200, holders=40, cover=1.15, lines=count, seed=options.seed
    )
    # The day before tells what demand to expect; the day itself is not looked at.
    lines = promised(draw_orders(company, lines=count, seed=options.seed + 1))
    serve(company, promised(draw_orders(company, lines=1000, seed=0)))
    before = promised(draw_orders(company, lines=count, seed=options.seed + 1001))
    with cpu_timer() as pricing:
        price = prices_of(company, units=count * 1.33)
        strength = strength_of(company, before, price)
        price *= np.float32(strength)
    rows, found = [], {}
    for name, used in (("greedy", None), ("greedy_with_prices", price)):
        with cpu_timer() as timer:
            legs = serve(company, lines, used)
        figures = judged(company, lines, legs.line, legs.place, legs.units)
        figures |= {
            "late_share": late_share(company, lines, legs.line, legs.place),
            "oversold": oversold(company, lines, legs.line, legs.place, legs.units),
            "cpu_s": timer.cpu_s,
            "lines_per_cpu_s": count / timer.cpu_s,
        }
        found[name] = figures
        rows.append({"case": f"kernel_{name}", "lines": count, "buildings": 200, **figures})
    stock = stock_of(company)
    args = (lines.order_first, lines.rows["item"], lines.rows["units"], lines.rows["destination"])
    nearest(
        *(part[:2] for part in args),
        stock.holder_first,
        company.place,
        company.units.copy(),
        company.miles,
    )
    with cpu_timer() as timer:
        line, place, units, _ = nearest(
            *args, stock.holder_first, company.place, company.units.copy(), company.miles
        )
    peer = judged(company, lines, line, place, units)
    peer |= {
        "late_share": late_share(company, lines, line, place),
        "cpu_s": timer.cpu_s,
        "lines_per_cpu_s": count / timer.cpu_s,
    }
    ours = found["greedy_with_prices"]
    summary = {
        "lines_per_cpu_s": ours["lines_per_cpu_s"],
        "pricing_cpu_s": pricing.cpu_s,
        "price_strength": strength,
        "cost_ratio_to_nearest": ours["cost"] / peer["cost"],
        "cost_ratio_to_nearest_without_prices": found["greedy"]["cost"] / peer["cost"],
        "split_share": ours["split_share"],
        "miles_per_parcel": ours["miles_per_parcel"],
        "late_share": ours["late_share"],
        "oversold": ours["oversold"],
    }
    return rows, summary, peer


def exact_cost(company: Company, lines: Lines) -> float:
    """Return the least cost with all orders known: HiGHS over every way to serve each."""
    import highspy

    stock = stock_of(company)
    columns: list[tuple[float, dict[int, int]]] = []
    owner: list[int] = []
    for order in range(len(lines.order_first) - 1):
        span = range(lines.order_first[order], lines.order_first[order + 1])
        ways = [_ways(lines, stock, company, line) for line in span]
        best: dict[tuple[tuple[int, int], ...], float] = {}
        for combination in product(*ways):
            used: dict[int, int] = {}
            weight: dict[int, float] = {}
            cost = 0.0
            for line, way in zip(span, combination, strict=True):
                for holder, units in way:
                    if holder < 0:
                        cost += UNSERVED * units
                        continue
                    home = int(company.place[holder])
                    used[holder] = used.get(holder, 0) + units
                    weight[home] = (
                        weight.get(home, 0.0) + float(lines.rows["weight_lb"][line]) * units
                    )
                    cost += float(company.pick[home]) * units
                    cost += (
                        LATE
                        * units
                        * int(days_late(company, lines, np.array([line]), np.array([home]))[0])
                    )
            region = lines.rows["destination"][span[0]]
            for home, pounds in weight.items():
                cost += company.rates[company.zone[region, home], int(np.ceil(pounds * 2 - 1e-9))]
            cost += SPLIT * max(0, len(weight) - 1)
            key = tuple(sorted(used.items()))
            best[key] = min(best.get(key, np.inf), float(cost))
        for used_key, cost in best.items():
            columns.append((cost, dict(used_key)))
            owner.append(order)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 1e-6)
    solver.setOptionValue("threads", 1)
    solver.addVars(len(columns), np.zeros(len(columns)), np.ones(len(columns)))
    solver.changeColsCost(
        len(columns), np.arange(len(columns), dtype=np.int32), np.array([c for c, _ in columns])
    )
    solver.changeColsIntegrality(
        len(columns),
        np.arange(len(columns), dtype=np.int32),
        np.full(len(columns), highspy.HighsVarType.kInteger),
    )
    by_order: dict[int, list[int]] = {}
    by_holder: dict[int, list[tuple[int, int]]] = {}
    for column, (order, (_, taken)) in enumerate(zip(owner, columns, strict=True)):
        by_order.setdefault(order, []).append(column)
        for holder, units in taken.items():
            by_holder.setdefault(holder, []).append((column, units))
    for own in by_order.values():
        solver.addRow(1.0, 1.0, len(own), np.array(own, np.int32), np.ones(len(own)))
    for holder, uses in by_holder.items():
        index = np.array([c for c, _ in uses], np.int32)
        value = np.array([float(u) for _, u in uses])
        solver.addRow(-np.inf, float(company.units[holder]), len(uses), index, value)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)


def _ways(lines: Lines, stock: Any, company: Company, line: int) -> list[list[tuple[int, int]]]:
    """Return every way to serve a line: from one holder or two, or not at all."""
    need = int(lines.rows["units"][line])
    item = lines.rows["item"][line]
    holders = range(stock.holder_first[item], stock.holder_first[item + 1])
    ways = [[(h, need)] for h in holders if company.units[h] >= need]
    for units in range(1, need):
        ways += [
            [(a, units), (b, need - units)]
            for a in holders
            for b in holders
            if a != b and company.units[a] >= units and company.units[b] >= need - units
        ]
        ways += [[(a, units), (-1, need - units)] for a in holders if company.units[a] >= units]
    return [*ways, [(-1, need)]]


def measure_exact(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the gap to the optimum that knows all orders in advance."""
    rows = []
    for sample in range(3 if options.quick else 10):
        seed = options.seed * 1000 + sample
        company = draw_company(items=40, buildings=20, holders=8, cover=1.15, lines=240, seed=seed)
        drawn = draw_orders(company, lines=240, seed=seed + 1)
        lines = _short_orders(promised(drawn))
        best = exact_cost(company, lines)
        price = prices_of(company, units=240 * 1.33)
        price *= np.float32(strength_of(company, _days_before(company, seed), price))
        figures: dict[str, Any] = {"case": f"exact_{sample}", "best": best}
        for name, used in (("gap", price), ("gap_without_prices", None)):
            legs = serve(company, lines, used)
            cost = judged(company, lines, legs.line, legs.place, legs.units)["cost"]
            figures[name] = cost / best - 1.0
        stock = stock_of(company)
        wave = serve_wave(
            lines, stock, places_of(company), times_of(), terms_of(company), rounds=20
        )
        cost = judged(company, lines, wave.line, wave.place, wave.units)["cost"]
        figures["gap_wave"] = cost / best - 1.0
        line, place, units, _ = nearest(
            lines.order_first,
            lines.rows["item"],
            lines.rows["units"],
            lines.rows["destination"],
            stock.holder_first,
            company.place,
            company.units.copy(),
            company.miles,
        )
        figures["gap_nearest"] = judged(company, lines, line, place, units)["cost"] / best - 1.0
        rows.append(figures)
    summary = {
        "mean_gap_to_exact": float(np.mean([row["gap"] for row in rows])),
        "mean_gap_to_exact_without_prices": float(
            np.mean([row["gap_without_prices"] for row in rows])
        ),
        "mean_gap_to_exact_of_wave": float(np.mean([row["gap_wave"] for row in rows])),
        "mean_gap_to_exact_of_nearest": float(np.mean([row["gap_nearest"] for row in rows])),
    }
    return rows, summary


def _days_before(company: Company, seed: int) -> Lines:
    """Return one day of orders as large as the one measured, drawn with another seed."""
    return _short_orders(promised(draw_orders(company, lines=240, seed=seed + 100_001)))


def _short_orders(lines: Lines) -> Lines:
    """Return the same lines in orders of at most two, so that every way can be listed."""
    first = [0]
    for begin, end in zip(lines.order_first, lines.order_first[1:], strict=False):
        first += [*range(int(begin) + 2, int(end), 2), int(end)]
    return lines._replace(order_first=np.array(first, np.int64))


def measure_ledger(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rate through a journal on disk with eight writers, and units oversold."""
    from fivefold.ledger.balances import on_hand
    from fivefold.ledger.events import Command, Line, Move, Place, opening_stock
    from fivefold.ledger.journal import Journal

    count = 8_000 if options.quick else 40_000
    company = draw_company(
        items=500, buildings=20, holders=8, cover=0.9, lines=count, seed=options.seed
    )
    lines = draw_orders(company, lines=count, seed=options.seed + 5)
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder) / "books.db")
        for home in range(20):
            mine = company.place == home
            held = [
                Line(item=f"I{i}", quantity=int(q), value_minor=0)
                for i, q in zip(company.item[mine], company.units[mine], strict=True)
            ]
            journal.submit(
                [
                    opening_stock(
                        key=f"open:{home}", actor="b", effective_at=at, location=f"P{home}",
                        lines=held, kind="available", currency="USD",
                    )
                ],
                wait=True,
            )  # fmt: skip
        orders = len(lines.order_first) - 1
        parts = np.array_split(np.arange(orders), WRITERS)
        told = {"reserved": 0, "short": 0, "looks": 0}
        lock = threading.Lock()

        def write(writer: int) -> None:
            world = stock_of(company)
            todo = [int(order) for order in parts[writer]]
            turn = 0
            while todo:
                batch, todo = todo[:200], todo[200:]
                ours = _orders(lines, batch)
                legs = source(ours, world, places_of(company), times_of(), terms_of(company))
                moves: dict[int, list[Any]] = {}
                owner = np.searchsorted(ours.order_first, legs.line, side="right") - 1
                taken: dict[int, int] = {}
                for leg in range(len(legs.line)):
                    if legs.place[leg] < 0:
                        continue
                    order = batch[owner[leg]]
                    there = f"P{legs.place[leg]}"
                    moves.setdefault(order, []).append(
                        Move(
                            f"I{ours.rows['item'][legs.line[leg]]}", "", Place("available", there),
                            Place("reserved", there), int(legs.units[leg]),
                        )
                    )  # fmt: skip
                    taken[order] = taken.get(order, 0) + int(legs.units[leg])
                commands = [
                    Command(
                        key=f"order:{order}:{turn}", kind="take_order", actor=f"w{writer}",
                        effective_at=at, moves=tuple(own), ref=f"O{order}",
                    )
                    for order, own in moves.items()
                ]  # fmt: skip
                receipts = journal.submit(commands, wait=True) if commands else []
                short = [o for o, r in zip(moves, receipts, strict=True) if r.status == "short"]
                done = sum(
                    taken[o] for o, r in zip(moves, receipts, strict=True) if r.status == "ok"
                )
                if short:
                    world = _look_again(world, company, on_hand(journal))
                    todo = short + todo
                turn += 1
                with lock:
                    told["reserved"] += done
                    told["short"] += len(short)
                    told["looks"] += bool(short)

        before = cpu_seconds()
        threads = [threading.Thread(target=write, args=(w,)) for w in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = cpu_seconds() - before
        held_now = on_hand(journal)
        out = held_now.group_by("item", "location").agg(
            left=pl.col("available").sum(),
            held=pl.col("reserved").sum(),
        )
        start = {
            (f"I{i}", f"P{p}"): int(q)
            for i, p, q in zip(company.item, company.place, company.units, strict=True)
        }
        wrong = sum(
            max(0, held - start[item, there]) + max(0, -left)
            for item, there, left, held in out.select(
                "item", "location", "left", "held"
            ).iter_rows()
        )
        booked = int(held_now["reserved"].sum())
        journal.close()
    row = {
        "case": "ledger_8_writers", "lines": count, "cpu_s": spent, "units_reserved": booked,
        "refused_and_sourced_again": told["short"], "oversold": wrong,
        "reserved_twice_or_lost": abs(booked - told["reserved"]),
    }  # fmt: skip
    return [row], {
        "ledger_lines_per_cpu_s": count / spent,
        "oversold": wrong + abs(booked - told["reserved"]),
    }


def _orders(lines: Lines, chosen: list[int]) -> Lines:
    """Return some orders of many."""
    spans = [np.arange(lines.order_first[o], lines.order_first[o + 1]) for o in chosen]
    rows = np.concatenate(spans)
    first = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
    return Lines(first, lines.rows[rows])


def _look_again(world: Stock, company: Company, held: Any) -> Stock:
    """Return a writer's view of the stock as the books tell it."""
    now = {
        (item, place): units
        for item, place, units in held.select("item", "location", "available").iter_rows()
    }
    buckets = world.buckets.copy()
    for holder, (item, place) in enumerate(zip(company.item, company.place, strict=True)):
        buckets["units"][holder] = now.get((f"I{item}", f"P{place}"), 0)
    return with_buckets(world, buckets)


def measure(options: Options) -> Measured:
    """Measure what the suite asks for."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    if options.suite in ("all", "kernel"):
        found, figures, nearest_figures = measure_kernel(options)
        rows += found
        summary |= figures
        peer = {"name": "nearest building with stock", "version": "", "summary": nearest_figures}
    if options.suite in ("all", "exact"):
        found, figures = measure_exact(options)
        rows += found
        summary |= figures
    if options.suite in ("all", "ledger"):
        found, figures = measure_ledger(options)
        rows += found
        summary |= {**figures, "oversold": figures["oversold"] + summary.get("oversold", 0)}
    return Measured(rows=rows, summary=summary, peer=peer)


if __name__ == "__main__":
    run("sourcing", measure, suites=("all", "kernel", "exact", "ledger"))
