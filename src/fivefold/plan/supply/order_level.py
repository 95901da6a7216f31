"""Orders by day over a distribution network: which are on time, from what, and how few can be late.

The network is the kernels' own, in days: a source place buys under minimum and multiple, and
sends on. Orders are served whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
import polars as pl

from fivefold.plan.supply.commit import commit
from fivefold.plan.supply.network import (
    NEVER,
    Committed,
    Floats,
    Ints,
    Pieces,
    Receipts,
    SupplyNetwork,
    topological_nodes,
)

Rule = Literal["fewest_late", "priority"]


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
        Proven least number of late orders where nothing is shared between items.
    remaining : float array, shape (groups, days) or empty
        What is left of shared daily capacities.
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
    receipts_per_day: dict[str, float] | None = None,
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
    receipts_per_day : dict of location to float, optional
        Units each place can take in a day.

    Notes
    -----
    An order due after its place can be replenished from a supplier is never late without shared
    capacities. The others compete for stock of their item, at their place and where it is sent
    from; the largest number of them is found exactly, item by item (see `most_on_time`).
    """
    built = _Built.of(on_hand, offers, lanes, orders, receipts_per_day or {})
    early, chosen = most_on_time(built)
    due, priority = built.due, orders["priority"].to_numpy()
    quantity = built.pieces.quantity
    if rule == "fewest_late":
        rank = np.where(early, np.where(chosen, 0, 2), 1)
        sequence = np.lexsort((quantity, priority, due, rank))
    else:
        # Stock in hand is for those that nothing else can serve in time, the urgent first.
        sequence = np.lexsort((quantity, due, priority, ~early))
    plain = (np.ones((built.network.ways, 1)), np.full((built.network.nodes, 1), 1e-3))
    ceiling = np.full(len(due), 1e12)
    committed = commit(
        built.network,
        built.pieces,
        built.receipts,
        passes=[(sequence.astype(np.int64), ceiling, *plain)],
    )
    return _told(built, committed, orders, int((early & ~chosen).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """The network in days with the frames that name its codes."""

    network: SupplyNetwork
    pieces: Pieces
    receipts: Receipts
    nodes: pl.DataFrame
    ways: pl.DataFrame
    due: Ints
    stock: Floats
    ready: Ints

    @classmethod
    def of(
        cls,
        on_hand: pl.DataFrame,
        offers: pl.DataFrame,
        lanes: pl.DataFrame,
        orders: pl.DataFrame,
        receipts_per_day: dict[str, float],
    ) -> _Built:
        ways = _way_table(offers, lanes)
        nodes = _node_table(ways, on_hand, orders)
        code = nodes.select("item", "location", "node")
        ways = (
            ways.join(code, on=["item", "location"])
            .join(
                code.rename({"location": "source", "node": "source_node"}),
                on=["item", "source"],
                how="left",
            )
            .sort("node", "buy", "source")
        )
        leads = ways["days"].to_numpy().astype(np.int64)
        horizon = _horizon(ways, orders)
        classes, way_class = np.unique(leads, return_inverse=True)
        starts = np.arange(horizon)[None, :] - classes[:, None]
        counts = np.bincount(ways["node"].to_numpy(), minlength=nodes.height)
        way_from = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
        moved = ~ways["buy"].to_numpy()
        in_from = np.concatenate([[0], moved.cumsum()]).astype(np.int64)
        in_node = ways.filter(~pl.col("buy"))["source_node"].to_numpy().astype(np.int64)
        slot_of, capacity, group_of = _capacities(receipts_per_day, horizon)
        taking = nodes["location"].replace_strict(group_of, default=-1).to_numpy()
        way_group = taking[ways["node"].to_numpy()] if len(group_of) else np.full(ways.height, -1)
        used = way_group >= 0
        network = SupplyNetwork(
            way_from=way_from,
            way_class=way_class.astype(np.int64),
            start_of=np.where(starts >= 0, starts, NEVER).astype(np.int64),
            base_cost=np.ones(ways.height),
            minimum=ways["minimum"].to_numpy().astype(np.float64),
            multiple=ways["multiple"].to_numpy().astype(np.float64),
            economic=np.zeros(ways.height),
            in_from=in_from,
            in_node=in_node,
            in_quantity=np.ones(len(in_node)),
            use_from=np.concatenate([[0], used.cumsum()]).astype(np.int64),
            use_group=way_group[used].astype(np.int64),
            use_amount=np.ones(int(used.sum())),
            use_at_due=np.ones(int(used.sum()), bool),
            use_lag=np.zeros(int(used.sum()), np.int64),
            slot_of=slot_of,
            capacity=capacity,
            hold=np.full(nodes.height, 1e-3),
            node_store=np.full(nodes.height, -1, np.int64),
            node_cube=np.zeros(nodes.height),
            node_shelf=np.full(nodes.height, horizon + 1, np.int64),
            topology=topological_nodes(nodes.height, way_from, in_from, in_node),
            supply=np.zeros((nodes.height, 1)),
        )
        held = on_hand.join(code, on=["item", "location"]).sort("node")
        there = held["node"].to_numpy().astype(np.int64)
        units = held["on_hand_units"].to_numpy().astype(np.float64)
        zero = np.zeros(len(there), np.int64)
        receipts = Receipts(
            node=there, due=zero, ship=zero, expire=zero + horizon + 1, quantity=units
        )
        placed = orders.join(code, on=["item", "location"], how="left", maintain_order="left")
        due = placed["due_day"].to_numpy().astype(np.int64)
        count = len(due)
        pieces = Pieces(
            node=placed["node"].to_numpy().astype(np.int64),
            period=np.minimum(due, horizon - 1),
            until=np.minimum(due, horizon - 1),
            quantity=placed["quantity_units"].to_numpy().astype(np.float64),
            worth=np.full(count, 1e12),
            late_periods=np.full(count, horizon, np.int64),
            late_cost=np.ones(count),
            whole=np.ones(count, bool),
            kind=np.ones(count, np.int64),
        )
        stock = np.bincount(there, units, nodes.height).astype(np.float64)
        return cls(
            network=network,
            pieces=pieces,
            receipts=receipts,
            nodes=nodes,
            ways=ways,
            due=due,
            stock=stock,
            ready=_first_supply(network, leads),
        )


def _way_table(offers: pl.DataFrame, lanes: pl.DataFrame) -> pl.DataFrame:
    buys = offers.select(
        "item",
        "location",
        source="supplier",
        days=pl.col("lead_time_days").cast(pl.Int64),
        minimum=pl.col("order_minimum_units").cast(pl.Int64),
        multiple=pl.col("order_multiple_units").cast(pl.Int64),
        buy=pl.lit(True),
    )
    moves = lanes.select(
        "item",
        location="destination",
        source="origin",
        days=pl.col("transit_time_days").cast(pl.Int64),
        minimum=pl.lit(1, pl.Int64),
        multiple=pl.lit(1, pl.Int64),
        buy=pl.lit(False),
    )
    return pl.concat([buys, moves])


def _node_table(ways: pl.DataFrame, on_hand: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    parts = [
        ways.select("item", "location"),
        ways.filter(~pl.col("buy")).select("item", location="source"),
        on_hand.select("item", "location"),
        orders.select("item", "location"),
    ]
    table = pl.concat(parts).unique().sort("item", "location")
    return table.with_row_index("node").with_columns(pl.col("node").cast(pl.Int64))


def _horizon(ways: pl.DataFrame, orders: pl.DataFrame) -> int:
    """Return the days to plan: to the last order, and long enough to replenish everything."""
    leads = ways.group_by("buy").agg(pl.col("days").max())["days"].sum()
    return int(max(orders["due_day"].max() or 0, 0) + 2 * (leads or 0) + 2)  # type: ignore[operator]


def _capacities(
    receipts_per_day: dict[str, float], horizon: int
) -> tuple[Ints, Floats, dict[str, int]]:
    places = sorted(receipts_per_day)
    slot_of = np.arange(len(places) * horizon, dtype=np.int64).reshape(len(places), horizon)
    capacity = np.repeat([receipts_per_day[place] for place in places], horizon).astype(np.float64)
    return slot_of, capacity, {place: group for group, place in enumerate(places)}


def _first_supply(network: SupplyNetwork, leads: Ints) -> Ints:
    """Return the first day new supply can reach each node; very late where it never can."""
    ready = np.full(network.nodes, 10**9, np.int64)
    _spread(network.topology, network.way_from, network.in_from, network.in_node, leads, ready)
    return ready


@numba.njit(cache=True)
def _spread(topology, way_from, in_from, in_node, leads, ready):  # type: ignore[no-untyped-def]
    for n in topology:
        for w in range(way_from[n], way_from[n + 1]):
            begin = 0
            for i in range(in_from[w], in_from[w + 1]):
                begin = max(begin, ready[in_node[i]])
            ready[n] = min(ready[n], begin + leads[w])


def most_on_time(built: _Built) -> tuple[np.ndarray, np.ndarray]:
    """Return which orders only stock can serve in time, and a largest set of them that it can.

    Notes
    -----
    At one place an exchange argument shows that a largest set takes the smallest orders first,
    those that cannot wait for a move and those that can each in order of size; what the place's
    own stock does not cover is drawn from the place it is sent from. A dynamic program over the
    places of an item finds the least that a given number of orders on time must draw there.
    Exact for items with one source place that is not itself sent to.
    """
    due, node = built.due, built.pieces.node
    early = due < built.ready[node]
    network = built.network
    parent = np.full(network.nodes, -1, np.int64)
    transit = np.zeros(network.nodes, np.int64)
    way_node = network.way_node
    moved = np.flatnonzero(np.diff(network.in_from) > 0)
    parent[way_node[moved]] = network.in_node[network.in_from[moved]]
    transit[way_node[moved]] = built.ways["days"].to_numpy()[moved]
    root = np.where(parent >= 0, parent, np.arange(network.nodes))
    rows = np.flatnonzero(early)
    quantity = built.pieces.quantity
    # An order at the source place itself can always draw on its stock.
    can_draw = (due >= transit[node])[rows]
    order = np.lexsort((quantity[rows], ~can_draw, node[rows], root[node[rows]]))
    rows = rows[order]
    chosen = np.zeros(len(due), bool)
    _choose_orders(
        rows, root[node[rows]], node[rows], can_draw[order], quantity[rows], built.stock, chosen
    )
    return early, chosen


@numba.njit(cache=True)
def _choose_orders(rows, root, node, can_draw, quantity, stock, chosen):  # type: ignore[no-untyped-def]
    count = rows.shape[0]
    begin = 0
    while begin < count:
        end = begin
        while end < count and root[end] == root[begin]:
            end += 1
        _choose_item(rows, begin, end, node, can_draw, quantity, stock, root[begin], chosen)
        begin = end


@numba.njit(cache=True)
def _choose_item(rows, begin, end, node, can_draw, quantity, stock, source, chosen):  # type: ignore[no-untyped-def]
    """Choose a largest set of one item's orders; rows are by place, then who can draw, by size."""
    total = end - begin
    inf = 1e18
    least = np.full(total + 1, inf)
    least[0] = 0.0
    places = 0
    for r in range(begin, end):
        if r == begin or node[r] != node[r - 1]:
            places += 1
    taken_local = np.zeros((places, total + 1), np.int64)
    taken_draw = np.zeros((places, total + 1), np.int64)
    first_of = np.zeros(places + 1, np.int64)
    place = 0
    r = begin
    while r < end:
        first_of[place] = r
        stop = r
        while stop < end and node[stop] == node[r]:
            stop += 1
        drawers = 0
        for j in range(r, stop):
            if can_draw[j]:
                drawers += 1
        own = 0.0 if node[r] == source else stock[node[r]]
        fresh = np.full(total + 1, inf)
        local_sum = 0.0
        for local in range(stop - r - drawers + 1):
            if local > 0:
                local_sum += quantity[r + drawers + local - 1]
            if local_sum > own:
                break
            draw_sum = 0.0
            for draw in range(drawers + 1):
                if draw > 0:
                    draw_sum += quantity[r + draw - 1]
                needs = max(0.0, local_sum + draw_sum - own)
                for before in range(total + 1 - local - draw):
                    if least[before] + needs < fresh[before + local + draw]:
                        fresh[before + local + draw] = least[before] + needs
                        taken_local[place, before + local + draw] = local
                        taken_draw[place, before + local + draw] = draw
        least = fresh
        place += 1
        r = stop
    first_of[places] = end
    best = 0
    for number in range(total + 1):
        if least[number] <= stock[source]:
            best = number
    for place in range(places - 1, -1, -1):
        draw = taken_draw[place, best]
        local = taken_local[place, best]
        drawers = 0
        for j in range(first_of[place], first_of[place + 1]):
            if can_draw[j]:
                drawers += 1
        for j in range(draw):
            chosen[rows[first_of[place] + j]] = True
        for j in range(local):
            chosen[rows[first_of[place] + drawers + j]] = True
        best -= draw + local


def _told(built: _Built, committed: Committed, orders: pl.DataFrame, fewest: int) -> OrderPlan:
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
