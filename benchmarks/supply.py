"""Supply: price-directed plans against one linear program, and orders of a whole network by day.

Suites: `all`; `catalogue` (made items × 26 weeks under shared cash, cube and receipts); `orders`
(55,000 item-places and 50,000 orders, and networks of the same shape from 1 k to 1 M);
`lots_vs_mip` (small random companies with lots and shared limits beside one MIP of their model).
"""

from __future__ import annotations

from collections import defaultdict
from math import log
from typing import Any

import numpy as np
import polars as pl

from benchmarks import _lots_vs_mip
from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.network import SupplyNetwork
from fivefold.plan.supply.order_level import OrderLimits, OrderPlan, plan_orders
from fivefold.plan.supply.prices import NodeDemand, raise_prices

PERIODS = 26
#: A well-known open planner on the same 55,000 item-places, as the data's index tells.
KNOWN_PLANNER = {"late_orders_55k": 2561, "cpu_s_55k": 210.0}


def catalogue(items: int, seed: int) -> tuple[SupplyNetwork, NodeDemand]:
    """Return a made catalogue: one source an item, weekly cash, cube and receipts for all.

    Demand has seasons at different weeks, limits hold back 15 % of an average week's cash and
    10 % of its receipts; holding is a quarter of cost a year, so that weeks tie, as they do for
    a real seller. Demand may wait for 5 % of its worth a week.
    """
    rng = np.random.default_rng(seed)
    cost = rng.lognormal(2.0, 0.8, items)
    cube, worth = rng.lognormal(-5.0, 0.8, items), cost * rng.uniform(1.2, 3.0, items)
    base, phase = rng.lognormal(2.5, 1.0, items), rng.random((items, 1))
    season = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(PERIODS)[None] / PERIODS + phase))
    units = base[:, None] * season * rng.uniform(0.7, 1.3, (items, PERIODS))
    swing = 1 + 0.3 * np.sin(np.arange(PERIODS) / 3)
    cash, receipts = (cost[:, None] * units).sum(0).mean(), units.sum(0).mean()
    stored = (cube[:, None] * units).sum() / PERIODS
    capacity = np.concatenate(
        [cash * 0.85 * swing, np.full(PERIODS, stored * 1.2), np.full(PERIODS, receipts * 0.9)]
    )
    none, zero = np.zeros(0, np.int64), np.zeros(items, np.int64)
    network = SupplyNetwork(
        way_from=np.arange(items + 1),
        way_class=zero,
        start_of=np.arange(PERIODS, dtype=np.int64)[None],
        base_cost=cost,
        minimum=np.zeros(items),
        multiple=np.zeros(items),
        economic=np.zeros(items),
        in_from=np.zeros(items + 1, np.int64),
        in_node=none,
        in_quantity=np.zeros(0),
        use_from=np.arange(items + 1) * 2,
        use_group=np.tile([0, 2], items),
        use_amount=np.stack([cost, np.ones(items)], 1).ravel(),
        use_at_due=np.ones(2 * items, bool),
        use_lag=np.zeros(2 * items, np.int64),
        slot_of=np.arange(3 * PERIODS, dtype=np.int64).reshape(3, PERIODS),
        capacity=capacity,
        hold=cost * 0.25 / 52,
        node_store=zero + 1,
        node_cube=cube,
        node_shelf=zero + PERIODS,
        topology=np.arange(items),
        supply=np.zeros((items, PERIODS)),
    )
    demand = NodeDemand(
        units=units, worth=worth, late_cost=worth * 0.05, late_periods=zero + PERIODS
    )
    return network, demand


def over_use(network: SupplyNetwork, demand: NodeDemand, flow: np.ndarray) -> float:
    """Return the largest share by which units a week pass cash or receipts, added up anew."""
    cash = (flow * network.base_cost[:, None]).sum(axis=0) / network.capacity[:PERIODS]
    receipts = flow.sum(axis=0) / network.capacity[2 * PERIODS :]
    return float(max(cash.max(), receipts.max()) - 1.0)


def network_of_size(places: int, seed: int) -> dict[str, pl.DataFrame]:
    """Return a distribution network of the shape of `distribution_scale` with about `places`."""
    rng = np.random.default_rng(seed)
    items = max(1, places // 11)
    orders = items * 10
    item = np.arange(items)
    centre = np.tile(np.arange(10), items)
    lanes = pl.DataFrame({"i": np.repeat(item, 10), "c": centre}).select(
        item=pl.format("I{}", "i"),
        origin=pl.lit("CDC"),
        destination=pl.format("FC{}", "c"),
        transit_time_days=pl.Series(rng.integers(1, 5, items * 10)),
    )
    offers = pl.DataFrame({"i": item}).select(
        item=pl.format("I{}", "i"),
        supplier=pl.format("S{}", pl.col("i") % 100),
        location=pl.lit("CDC"),
        lead_time_days=pl.Series(rng.integers(7, 46, items)),
        order_minimum_units=pl.lit(50),
        order_multiple_units=pl.lit(10),
    )
    held = pl.DataFrame({"i": np.tile(item, 3), "c": rng.integers(0, 10, 3 * items)}).unique()
    stock = pl.concat(
        [
            held.sort("i", "c").select(item=pl.format("I{}", "i"), location=pl.format("FC{}", "c")),
            pl.DataFrame({"i": item}).select(item=pl.format("I{}", "i"), location=pl.lit("CDC")),
        ]
    )
    amount = np.where(
        stock["location"].to_numpy() == "CDC",
        rng.integers(0, 101, stock.height),
        rng.integers(0, 31, stock.height),
    )
    placed = pl.DataFrame(
        {"i": rng.integers(0, items, orders), "c": rng.integers(0, 10, orders)}
    ).select(
        order=pl.format("D{}", pl.int_range(pl.len())),
        item=pl.format("I{}", "i"),
        location=pl.format("FC{}", "c"),
        due_day=pl.Series(rng.integers(1, 121, orders)),
        quantity_units=pl.Series(rng.integers(1, 21, orders)),
        priority=pl.Series(rng.integers(1, 6, orders)),
    )
    return {
        "on_hand": stock.with_columns(on_hand_units=pl.Series(amount)),
        "offers": offers,
        "lanes": lanes,
        "orders": placed,
    }


def shared_limits(tables: dict[str, pl.DataFrame], seed: int, *, slack: float = 2.0) -> OrderLimits:
    """Return limits all items share: receipts a day, cash a week, cube at the source.

    Units the places and the source lack, item by item, spread over the days to the last order,
    times `slack`; smallest buys make a plan take about half more than it lacks. Places take a
    mean day of all orders; the source holds 1.1 times what lies there. Cost and cube are drawn.
    """
    rng = np.random.default_rng(seed)
    count = tables["offers"].height
    items = (
        tables["offers"]
        .select("item")
        .with_columns(
            unit_cost=pl.Series(rng.lognormal(2.0, 0.8, count)),
            unit_cube_m3=pl.Series(rng.lognormal(-5.0, 0.8, count)),
        )
    )
    source = str(tables["offers"]["location"][0])
    held = tables["on_hand"]
    lacking = (
        tables["orders"]
        .group_by("item", "location")
        .agg(units=pl.col("quantity_units").sum())
        .join(held, on=["item", "location"], how="left")
        .with_columns(units=(pl.col("units") - pl.col("on_hand_units").fill_null(0)).clip(0))
        .group_by("item")
        .agg(pl.col("units").sum())
        .join(
            held.filter(pl.col("location") == source).select("item", there="on_hand_units"),
            on="item",
            how="left",
        )
        .join(items, on="item")
        .with_columns(units=(pl.col("units") - pl.col("there").fill_null(0)).clip(0))
    )
    days = float(tables["orders"]["due_day"].max())  # type: ignore[arg-type]
    places = tables["orders"]["location"].unique().sort()
    mean = float(tables["orders"]["quantity_units"].sum()) / days / len(places)
    cube = held.filter(pl.col("location") == source).join(items, on="item")
    return OrderLimits(
        receipts_per_day={
            source: slack * float(lacking["units"].sum()) / days,
            **dict.fromkeys(places.to_list(), mean),
        },
        cash_per_week=slack * 7.0 / days * float((lacking["units"] * lacking["unit_cost"]).sum()),
        storage_m3={source: 1.1 * float((cube["on_hand_units"] * cube["unit_cube_m3"]).sum())},
        items=items,
    )


def limits_kept(
    tables: dict[str, pl.DataFrame], limits: OrderLimits, plan: OrderPlan
) -> tuple[int, dict[str, int]]:
    """Return how often limits are passed, and how often they are used to 98 %, from the tables."""
    assert limits.items is not None
    source = str(tables["offers"]["location"][0])
    comes = pl.concat(
        [
            plan.buys.select("location", "due_day", "units"),
            plan.moves.select("due_day", "units", location="destination").select(
                "location", "due_day", "units"
            ),
        ]
    )
    taken = comes.group_by("location", "due_day").agg(pl.col("units").sum())
    most = taken["location"].replace_strict(limits.receipts_per_day, default=np.inf)
    paid = (
        plan.buys.join(limits.items, on="item")
        .group_by(pl.col("order_day") // 7)
        .agg(money=(pl.col("units") * pl.col("unit_cost")).sum())["money"]
    )
    change = pl.concat(
        [
            tables["on_hand"]
            .filter(pl.col("location") == source)
            .select(
                "item", day=pl.lit(0, pl.Int64), units=pl.col("on_hand_units").cast(pl.Float64)
            ),
            plan.buys.select("item", day="due_day", units="units"),
            plan.moves.select("item", day="ship_day", units=-pl.col("units")),
            plan.deliveries.filter(pl.col("location") == source).select(
                "item", "day", units=-pl.col("units")
            ),
        ]
    ).join(limits.items, on="item")
    held = (
        change.group_by("day")
        .agg(cube=(pl.col("units") * pl.col("unit_cube_m3")).sum())
        .sort("day")["cube"]
        .cum_sum()
    )
    cash, room = limits.cash_per_week or np.inf, limits.storage_m3[source]
    over = (taken["units"] > most + 1e-6).sum() + (paid > cash + 1e-6).sum()
    over += (held > room + 1e-6).sum()
    full = {
        "receipts": (taken["units"] > 0.98 * most).sum(),
        "cash": (paid > 0.98 * cash).sum(),
        "storage": (held > 0.98 * room).sum(),
    }
    return int(over), full


def verify(tables: dict[str, pl.DataFrame], plan: OrderPlan) -> tuple[int, int]:
    """Return (rules broken, orders late), from the tables alone, row by row.

    Every unit a place sends or delivers must have come by that day; buys keep lead time,
    minimum and multiple; moves keep transit time; no order gets more than it wants.
    """
    broken = 0
    offers = {(r["item"], r["supplier"]): r for r in tables["offers"].iter_rows(named=True)}
    lanes = {
        (r["item"], r["origin"], r["destination"]): r["transit_time_days"]
        for r in tables["lanes"].iter_rows(named=True)
    }
    change: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for r in tables["on_hand"].iter_rows(named=True):
        change[r["item"], r["location"]][0] += r["on_hand_units"]
    for r in plan.buys.iter_rows(named=True):
        offer = offers.get((r["item"], r["supplier"]))
        if offer is None or offer["location"] != r["location"]:
            broken += 1
            continue
        broken += r["order_day"] < 0 or r["due_day"] < r["order_day"] + offer["lead_time_days"]
        broken += r["units"] < offer["order_minimum_units"]
        broken += r["units"] % offer["order_multiple_units"] != 0
        change[r["item"], r["location"]][r["due_day"]] += r["units"]
    for r in plan.moves.iter_rows(named=True):
        transit = lanes.get((r["item"], r["origin"], r["destination"]))
        broken += transit is None or r["due_day"] - r["ship_day"] < transit or r["ship_day"] < 0
        change[r["item"], r["origin"]][r["ship_day"]] -= r["units"]
        change[r["item"], r["destination"]][r["due_day"]] += r["units"]
    wanted = {r["order"]: r for r in tables["orders"].iter_rows(named=True)}
    got: dict[str, float] = defaultdict(float)
    last: dict[str, int] = defaultdict(lambda: -1)
    for r in plan.deliveries.iter_rows(named=True):
        order = wanted[r["order"]]
        broken += (order["item"], order["location"]) != (r["item"], r["location"])
        got[r["order"]] += r["units"]
        last[r["order"]] = max(last[r["order"]], r["day"])
        change[r["item"], r["location"]][r["day"]] -= r["units"]
    for days in change.values():
        level = 0.0
        for day in sorted(days):
            level += days[day]
            if level < -1e-6:
                broken += 1
                break
    late = 0
    for name, order in wanted.items():
        broken += got[name] > order["quantity_units"] + 1e-6
        late += got[name] < order["quantity_units"] - 1e-6 or last[name] > order["due_day"]
    return int(broken), int(late)


def _catalogue_rows(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any], Any]:
    """Return rows against the linear program and at catalogue sizes."""
    raise_prices(*catalogue(50, 0), steps=3)
    network, demand = catalogue(1_000, options.seed)
    with cpu_timer() as ours:
        found = raise_prices(network, demand, steps=120, tolerance=4e-4)
    with cpu_timer() as theirs:
        optimum = solve_exact(network, demand, solver="ipm")
    gap = found.cost / optimum.cost - 1.0
    rows = [
        {
            "case": "1k items, linear program",
            "gap_to_bound": gap,
            "gap_own_bound": found.gap,
            "cpu_s": ours.cpu_s,
            "peer_cpu_s": theirs.cpu_s,
            "times_faster": theirs.cpu_s / ours.cpu_s,
            "over_use": over_use(network, demand, found.flow),
            "steps": found.steps,
        }
    ]
    summary = {"gap_to_bound": gap, "gap_to_own_bound_1k": found.gap}
    for items in (10_000,) if options.quick else (10_000, 100_000):
        network, demand = catalogue(items, options.seed)
        with cpu_timer() as timer:
            found = raise_prices(network, demand, steps=80, tolerance=9e-4)
        rows.append(
            {
                "case": f"{items // 1000}k items",
                "gap_own_bound": found.gap,
                "cpu_s": timer.cpu_s,
                "over_use": over_use(network, demand, found.flow),
                "steps": found.steps,
            }
        )
        summary[f"gap_to_own_bound_{items // 1000}k"] = found.gap
        summary[f"cpu_s_{items // 1000}k"] = timer.cpu_s
    peer = peer_of("highspy", {"cpu_s_1k": theirs.cpu_s, "cost_1k": optimum.cost})
    return rows, summary, peer


def _order_rows(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rows of the given network and of made ones of the same shape."""
    folder = options.folder("distribution_scale")
    files = {"on_hand": "on_hand", "offers": "supplier_offers", "lanes": "lanes"}
    tables = {key: pl.read_parquet(folder / f"{name}.parquet") for key, name in files.items()}
    tables["orders"] = pl.read_parquet(folder / "orders.parquet")
    plan_orders(**network_of_size(500, 0))
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for rule in ("fewest_late", "priority"):
        with cpu_timer() as timer:
            plan = plan_orders(**tables, rule=rule)  # type: ignore[arg-type]
        broken, late = verify(tables, plan)
        rows.append(
            {
                "case": f"given network, {rule}",
                "late": late,
                "fewest_possible": plan.fewest,
                "violations": broken,
                "cpu_s": timer.cpu_s,
            }
        )
        if rule == "fewest_late":
            summary |= {
                "cpu_s_55k": timer.cpu_s,
                "late_orders_55k": late,
                "late_orders_bound_55k": plan.fewest,
                "checker_violations": broken,
            }
    plan_orders(**network_of_size(300, 0), limits=shared_limits(network_of_size(300, 0), 0))
    for slack in (2.0, 1.5):
        limits = shared_limits(tables, options.seed, slack=slack)
        with cpu_timer() as timer:
            plan = plan_orders(**tables, limits=limits)
        broken, late = verify(tables, plan)
        over, full = limits_kept(tables, limits, plan)
        rows.append(
            {
                "case": f"given network, cash, cube and receipts limited, slack {slack}",
                "late": late,
                "fewest_possible": plan.fewest,
                "violations": broken + over,
                "full_receipt_days": full["receipts"],
                "full_cash_weeks": full["cash"],
                "full_storage_days": full["storage"],
                "cpu_s": timer.cpu_s,
            }
        )
        summary["checker_violations"] += rows[-1]["violations"]
        if slack == 2.0:
            summary |= {
                "cpu_s_55k_finite": timer.cpu_s,
                "late_orders_55k_finite": late,
                "late_orders_bound_55k_finite": plan.fewest,
            }
    sizes = (
        (1_000, 10_000, 55_000, 200_000) if options.quick else (1_000, 10_000, 100_000, 1_000_000)
    )
    spent = []
    for places in sizes:
        made = network_of_size(places, options.seed)
        with cpu_timer() as timer:
            plan = plan_orders(**made)
        spent.append(timer.cpu_s)
        rows.append(
            {
                "case": f"made, {places:,} item-places",
                "late": plan.late,
                "fewest_possible": plan.fewest,
                "cpu_s": timer.cpu_s,
            }
        )
    finite = []
    for places in sizes:
        made = network_of_size(places, options.seed)
        limits = shared_limits(made, options.seed)
        with cpu_timer() as timer:
            plan = plan_orders(**made, limits=limits)
        finite.append(timer.cpu_s)
        rows.append(
            {
                "case": f"made, {places:,} item-places, shared limits",
                "late": plan.late,
                "fewest_possible": plan.fewest,
                "cpu_s": timer.cpu_s,
            }
        )
    summary["scaling_exponent_finite"] = log(finite[-1] / finite[-3]) / log(sizes[-1] / sizes[-3])
    # The smallest size is mostly set-up; the slope is taken over the last two steps.
    summary["scaling_exponent"] = log(spent[-1] / spent[-3]) / log(sizes[-1] / sizes[-3])
    return rows, summary


def _lot_rows(options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return how far plans with lots lie above the MIP's bound, as shares of what is at stake."""
    with cpu_timer() as timer:
        found = [
            _lots_vs_mip.compared(seed, seconds=options.seconds or 10.0)
            for seed in range(20 if options.quick else 100)
        ]
    gaps = np.array([row["gap"] for row in found])
    row = {
        "case": "lots_vs_mip",
        "companies": len(found),
        "gap_median": float(np.median(gaps)),
        "gap_p90": float(np.quantile(gaps, 0.9)),
        "gap_worst": float(gaps.max()),
        "optimal_share": float((gaps < 1e-4).mean()),
        "cpu_s": timer.cpu_s,
    }
    return [row], {"lots_gap_median": row["gap_median"], "lots_gap_p90": row["gap_p90"]}


def measure(options: Options) -> Measured:
    """Measure the chosen suite."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    if options.suite in ("all", "orders"):
        order_rows, order_summary = _order_rows(options)
        rows += order_rows
        summary |= order_summary
        rows.append({"case": "known open planner, as told with the data", **KNOWN_PLANNER})
    if options.suite in ("all", "catalogue"):
        found, figures, peer = _catalogue_rows(options)
        rows += found
        summary |= figures
    if options.suite in ("all", "lots_vs_mip"):
        lot_rows, lot_summary = _lot_rows(options)
        rows += lot_rows
        summary |= lot_summary
    return Measured(rows=rows, summary=summary, peer=peer)


if __name__ == "__main__":
    run("supply", measure, suites=("all", "catalogue", "orders", "lots_vs_mip"))
