"""Orders by day over a distribution network: which are on time, from what, and how few can be late.

The network is the kernels' own, in days: a source place buys under minimum and multiple, and
sends on. Orders are served whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import polars as pl

from fivefold.plan.supply.commit import commit
from fivefold.plan.supply.network import (
    Committed,
    Floats,
    Ints,
)
from fivefold.plan.supply.order_bound import ItemOrders, LateBound, fewest_late
from fivefold.plan.supply.order_days import DAYS_PER_WEEK, OrderDays, OrderLimits, sent_from
from fivefold.plan.supply.stock_alone import most_on_time

Rule = Literal["fewest_late", "priority"]
#: Ceiling of cost that only what is on time stays below.
ON_TIME = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """A day plan of orders.

    Attributes
    ----------
    deliveries : DataFrame
        order, item, location, day, units: what each order gets and when.
    buys, moves : DataFrame
        item, supplier, location, order_day, due_day, units · item, origin, destination,
        ship_day, due_day, units.
    late : int
        Orders of which any part comes after its due day or never.
    fewest : int
        Proven least number of late orders, shared limits or none.
    remaining : float array, shape (slots,)
        What is left of shared limits: receipts and storage by place and day, cash by week.
    """

    deliveries: pl.DataFrame
    buys: pl.DataFrame
    moves: pl.DataFrame
    late: int
    fewest: int
    remaining: Floats


def plan_orders(
    *,
    on_hand: pl.DataFrame,
    offers: pl.DataFrame,
    lanes: pl.DataFrame,
    orders: pl.DataFrame,
    rule: Rule = "fewest_late",
    limits: OrderLimits | None = None,
) -> OrderPlan:
    """Return a day plan that serves every order, on time where it can be.

    Parameters
    ----------
    on_hand : DataFrame
        item, location, on_hand_units, there on day 0.
    offers : DataFrame
        item, supplier, location, lead_time_days, order_minimum_units, order_multiple_units.
    lanes : DataFrame
        item, origin, destination, transit_time_days.
    orders : DataFrame
        order, item, location, due_day, quantity_units, priority (lower is more urgent).
    rule : {'fewest_late', 'priority'}
        Which orders scarce stock goes to: those that make the fewest late, or the most urgent.
    limits : OrderLimits, optional
        What the items share.

    Notes
    -----
    An order due after its place can be replenished from a supplier is never late without shared
    limits. The others compete for stock of their item, at their place and where it is sent
    from; the largest number of them is found exactly, item by item (see `most_on_time`).
    Under shared limits prices say which orders to keep on time (`order_bound.fewest_late`, which
    proves the bound too); they are served first, then whatever else still fits on time, then the
    rest as soon as can be.
    """
    shared = limits or OrderLimits()
    built = OrderDays.of(on_hand, offers, lanes, orders, shared)
    early, chosen = most_on_time(built)
    fewest = int((early & ~chosen).sum())
    due, priority = built.due, orders["priority"].to_numpy()
    quantity = built.pieces.quantity
    rank = np.where(early, np.where(chosen, 0, 2), 1)
    steer = np.zeros(len(due))
    bound = _bound(built, offers, shared) if shared else None
    if bound is not None:
        found, kept, cost = bound
        fewest = max(fewest, ceil(found.fewest - 1e-6))
        # What pays at the prices comes first; the dearest to keep on time comes last.
        rank = np.where(kept, np.where(early, 0, 1), 2)
        steer = np.where(kept, 0.0, np.minimum(cost, 1e9))
    if rule == "fewest_late":
        sequence = np.lexsort((quantity, priority, due, steer, rank))
    else:
        # Stock in hand is for those that nothing else can serve in time, the urgent first.
        sequence = np.lexsort((quantity, due, priority, ~early))
    sequence = sequence.astype(np.int64)
    if bound is not None:
        return _one_source(built, orders, offers, shared, sequence, kept, fewest)
    plain = (np.ones((built.network.ways, 1)), np.full((built.network.nodes, 1), 1e-3))
    passes = [(sequence, np.full(len(due), 1e12), *plain, False)]
    if shared:
        passes.insert(0, (sequence, np.full(len(due), ON_TIME), *plain, False))
    committed = commit(built.network, built.pieces, built.receipts, passes=passes)
    return _told(built, committed, orders, fewest)


def _bound(
    built: OrderDays, offers: pl.DataFrame, limits: OrderLimits
) -> tuple[LateBound, np.ndarray, Floats] | None:
    """Return the bound, which orders it keeps on time and what each costs at its prices.

    None where items are not bought at one place from one supplier each and sent on from there.
    """
    roots = offers["location"].unique()
    if len(roots) != 1 or offers["item"].is_duplicated().any() or len(built.due) == 0:
        return None
    if set(limits.storage_m3) - {str(roots[0])}:
        return None
    parent, transit = sent_from(built)
    root = np.where(parent >= 0, parent, np.arange(built.network.nodes))
    if (parent[root] >= 0).any():
        return None
    terms = _item_terms(built, offers, limits)
    node = built.pieces.node
    leave = built.due - transit[node]
    draws = leave >= 0
    quantity = np.floor(built.pieces.quantity + 1e-9).astype(np.int64)
    order = np.lexsort((np.where(draws, leave, quantity), draws, node, root[node]))
    where = root[node[order]]
    items, counts = np.unique(where, return_counts=True)
    lead = terms["lead_time_days"].to_numpy()[items].astype(np.int64)
    multiple = np.maximum(1, terms["order_multiple_units"].to_numpy()[items])
    minimum = terms["order_minimum_units"].to_numpy()[items]
    stock = np.ceil(built.stock - 1e-9).astype(np.int64)
    days = int(built.due.max()) + 1
    table = ItemOrders(
        item_from=np.concatenate([[0], counts.cumsum()]).astype(np.int64),
        place=node[order],
        due=np.where(draws, leave, -1)[order],
        quantity=quantity[order],
        local=np.where(parent[node] >= 0, stock[node], 0)[order],
        ready=lead,
        minimum=(-(-minimum // multiple) * multiple).astype(np.int64),
        stock=stock[items],
        unit_cost=terms["unit_cost"].to_numpy()[items],
        lead=lead,
    )
    receipts = np.full(days, limits.receipts_per_day.get(str(roots[0]), np.inf))
    weeks = days // DAYS_PER_WEEK + 1
    cash = np.full(weeks, np.inf if limits.cash_per_week is None else limits.cash_per_week)
    found = fewest_late(table, receipts, cash)
    kept, cost = np.zeros(len(order), bool), np.zeros(len(order))
    kept[order], cost[order] = found.on_time, found.cost
    return found, kept, cost


def _one_source(
    built: OrderDays,
    orders: pl.DataFrame,
    offers: pl.DataFrame,
    limits: OrderLimits,
    sequence: Ints,
    keep: np.ndarray,
    fewest: int,
) -> OrderPlan:
    """Return the plan of a network that buys at one place, by the kernel made for it."""
    from fivefold.plan.supply import order_kernels

    source = str(offers["location"][0])
    parent, transit = sent_from(built)
    node = built.pieces.node
    root = np.where(parent[node] >= 0, parent[node], node)
    items, item = np.unique(root, return_inverse=True)
    terms = _item_terms(built, offers, limits)[items.tolist()]
    count, horizon = len(node), built.network.periods
    places = sorted(set(limits.receipts_per_day) - {source})
    code = {name: k for k, name in enumerate(places)}
    place = built.nodes["location"].replace_strict(code, default=-1).to_numpy()[node]
    held = np.where(parent >= 0, built.stock, 0.0)
    at_source = built.stock[items]
    cube = terms["unit_cube_m3"].to_numpy() if source in limits.storage_m3 else np.zeros(len(items))
    storage = np.full(horizon, limits.storage_m3.get(source, np.inf))
    if source in limits.storage_m3:
        every = _item_terms(built, offers, limits)
        storage -= float(
            (every["unit_cube_m3"].to_numpy() * np.where(parent < 0, built.stock, 0)).sum()
        )
    weeks = horizon // DAYS_PER_WEEK + 1
    cash = np.inf if limits.cash_per_week is None else limits.cash_per_week
    room = order_kernels.Room(
        np.full(horizon, limits.receipts_per_day.get(source, np.inf)),
        storage,
        np.full(weeks, cash),
        np.repeat([limits.receipts_per_day[p] for p in places], horizon).reshape(-1, horizon)
        * np.ones((len(places), horizon)),
    )
    on_time = np.bincount(node, built.pieces.quantity * keep, built.network.nodes)
    short = np.maximum(0.0, on_time - held)
    owner = np.zeros(built.network.nodes, np.int64)
    owner[node] = item
    wanted = np.bincount(owner, short, len(items)) - at_source
    most = 4 * count + len(items)
    ints = [np.zeros(most, np.int64) for _ in range(6)]
    floats = [np.zeros(most) for _ in range(4)]
    head = np.arange(len(items))
    floats[0][: len(items)] = at_source
    ints[0][:] = -1
    decided = order_kernels.Decided(
        head, ints[0], ints[1], floats[0], ints[2], ints[3], floats[1], ints[4], floats[2],
        ints[5], np.zeros(most, np.int64), floats[3], wanted, np.array([len(items), 0, 0, 0]),
    )  # fmt: skip
    served = np.zeros(count)
    order_kernels.serve_orders(
        room,
        order_kernels.Terms(
            terms["lead_time_days"].to_numpy().astype(np.int64),
            terms["order_minimum_units"].to_numpy().astype(np.float64),
            terms["order_multiple_units"].to_numpy().astype(np.float64),
            terms["unit_cost"].to_numpy(),
            cube,
        ),
        decided, sequence, item, node, place.astype(np.int64), transit[node], built.due,
        built.pieces.quantity, held, served,
    )  # fmt: skip
    _, buys, owns, moves = decided.count.tolist()
    moved, day = decided.move_order[:moves], decided.move_day[:moves]
    row = np.concatenate([decided.own_order[:owns], moved])
    arrives = day + transit[node[moved]]
    when = np.concatenate([built.due[decided.own_order[:owns]], np.maximum(arrives, 0)])
    # What comes before its due day waits at the place; what is late goes when it comes.
    when = np.maximum(when, built.due[row])
    last = np.full(count, -1, np.int64)
    np.maximum.at(last, row, when)
    late = (served < built.pieces.quantity - 1e-6) | (last > built.due)
    deliveries = (
        orders[row]
        .select("order", "item", "location")
        .with_columns(
            day=pl.Series(when),
            units=pl.Series(np.concatenate([decided.own_units[:owns], decided.move_units[:moves]])),
        )
    )
    bought = decided.buy_item[:buys]
    lead = terms["lead_time_days"].to_numpy().astype(np.int64)[bought]
    elsewhere = parent[node[moved]] >= 0
    return OrderPlan(
        deliveries=deliveries,
        buys=terms[bought.tolist()]
        .select("item", "location", "supplier")
        .with_columns(
            due_day=pl.Series(decided.buy_day[:buys]),
            units=pl.Series(decided.buy_units[:buys]),
            order_day=pl.Series(decided.buy_day[:buys] - lead),
        ),
        moves=orders[moved]
        .select("item", destination="location")
        .with_columns(
            origin=pl.lit(source),
            ship_day=pl.Series(day),
            due_day=pl.Series(arrives),
            units=pl.Series(decided.move_units[:moves]),
        )
        .filter(pl.Series(elsewhere)),
        late=int(late.sum()),
        fewest=fewest,
        remaining=np.concatenate([room.receipts, room.storage, room.cash, room.place.ravel()]),
    )


def _item_terms(built: OrderDays, offers: pl.DataFrame, limits: OrderLimits) -> pl.DataFrame:
    """Return the offer, cost and cube of every node, as its code tells."""
    terms = built.nodes.join(offers, on=["item", "location"], how="left", maintain_order="left")
    if limits.items is None:
        terms = terms.with_columns(unit_cost=pl.lit(0.0), unit_cube_m3=pl.lit(0.0))
    else:
        terms = terms.join(limits.items, on="item", how="left", maintain_order="left")
    return terms.with_columns(
        pl.col("unit_cost", "unit_cube_m3").cast(pl.Float64).fill_null(0.0),
        pl.col("lead_time_days").fill_null(10**6),
        pl.col("order_minimum_units").fill_null(0),
        pl.col("order_multiple_units").fill_null(1),
    )


def _told(built: OrderDays, committed: Committed, orders: pl.DataFrame, fewest: int) -> OrderPlan:
    """Return the plan as frames."""
    mine = (committed.peg_consumer >= 0) & (committed.peg_quantity > 1e-7)
    piece, day = committed.peg_consumer[mine], committed.peg_period[mine]
    # What comes before its due day waits at the place; what is late comes when it can.
    deliveries = (
        orders[piece]
        .select("order", "item", "location")
        .with_columns(
            day=pl.Series(day, dtype=pl.Int64),
            units=pl.Series(committed.peg_quantity[mine]),
        )
    )
    last = np.full(len(built.due), -1, np.int64)
    np.maximum.at(last, piece, day)
    full = committed.served >= built.pieces.quantity - 1e-6
    late = int((~full | (last > built.due)).sum())
    kept = np.flatnonzero(committed.order_quantity > 1e-7)
    ways, due = committed.order_way[kept], committed.order_due[kept]
    table = built.ways[ways].with_columns(
        due_day=pl.Series(due, dtype=pl.Int64),
        start_day=pl.Series(due - built.ways["days"].to_numpy()[ways], dtype=pl.Int64),
        units=pl.Series(committed.order_quantity[kept]),
    )
    buys = table.filter("buy").select(
        "item", "location", "due_day", "units", supplier="source", order_day="start_day"
    )
    moves = table.filter(~pl.col("buy")).select(
        "item", "due_day", "units", origin="source", destination="location", ship_day="start_day"
    )
    return OrderPlan(
        deliveries=deliveries,
        buys=buys,
        moves=moves,
        late=late,
        fewest=fewest,
        remaining=committed.remaining,
    )


__all__ = ["OrderLimits", "OrderPlan", "plan_orders"]
