"""Orders by day over a distribution network: which are on time, from what, and how few can be late.

The network is the kernels' own, in days: a source place buys under minimum and multiple, and
sends on. Orders are served whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
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
from fivefold.plan.supply.order_bound import ItemOrders, LateBound, fewest_late

Rule = Literal["fewest_late", "priority"]
#: Cost of a day late beside a way's 1, and the ceiling that only what is on time stays below.
DAY_LATE, ON_TIME = 10.0, 5.0
DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """What the items of a day plan share.

    Attributes
    ----------
    receipts_per_day : dict of location to float
        Units each place can take in a day.
    storage_m3 : dict of location to float
        Cube each place can hold at the end of a day.
    cash_per_week : float, optional
        Money for buys, paid when they are ordered, in days 0–6, 7–13, ….
    items : DataFrame, optional
        item, unit_cost, unit_cube_m3; needed for storage and cash.
    """

    receipts_per_day: dict[str, float] = field(default_factory=dict)
    storage_m3: dict[str, float] = field(default_factory=dict)
    cash_per_week: float | None = None
    items: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        if (self.storage_m3 or self.cash_per_week is not None) and self.items is None:
            raise ValueError("items with unit_cost and unit_cube_m3 are needed for storage or cash")

    def __bool__(self) -> bool:
        return bool(self.receipts_per_day or self.storage_m3 or self.cash_per_week is not None)


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
    built = _Built.of(on_hand, offers, lanes, orders, shared)
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
    built: _Built, offers: pl.DataFrame, limits: OrderLimits
) -> tuple[LateBound, np.ndarray, Floats] | None:
    """Return the bound, which orders it keeps on time and what each costs at its prices.

    None where items are not bought at one place from one supplier each and sent on from there.
    """
    roots = offers["location"].unique()
    if len(roots) != 1 or offers["item"].is_duplicated().any() or len(built.due) == 0:
        return None
    if set(limits.storage_m3) - {str(roots[0])}:
        return None
    parent, transit = _parents(built)
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
    built: _Built,
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
    parent, transit = _parents(built)
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


def _item_terms(built: _Built, offers: pl.DataFrame, limits: OrderLimits) -> pl.DataFrame:
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


def _parents(built: _Built) -> tuple[Ints, Ints]:
    """Return the node each node is sent from, −1 where none, and the days that takes."""
    network = built.network
    parent, transit = np.full(network.nodes, -1, np.int64), np.zeros(network.nodes, np.int64)
    moved = np.flatnonzero(np.diff(network.in_from) > 0)
    to = network.way_node[moved]
    parent[to] = network.in_node[network.in_from[moved]]
    transit[to] = built.ways["days"].to_numpy()[moved]
    return parent, transit


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
        limits: OrderLimits,
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
        shared = _Shared.of(limits, nodes, ways, horizon)
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
            use_from=shared.use_from,
            use_group=shared.use_group,
            use_amount=shared.use_amount,
            use_at_due=shared.use_at_due,
            use_lag=np.zeros(len(shared.use_group), np.int64),
            slot_of=shared.slot_of,
            capacity=shared.capacity,
            hold=np.full(nodes.height, 1e-3),
            node_store=shared.node_store,
            node_cube=shared.node_cube,
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
            late_cost=np.full(count, DAY_LATE),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """Shared limits as the network's arrays."""

    slot_of: Ints
    capacity: Floats
    use_from: Ints
    use_group: Ints
    use_amount: Floats
    use_at_due: np.ndarray
    node_store: Ints
    node_cube: Floats

    @classmethod
    def of(
        cls, limits: OrderLimits, nodes: pl.DataFrame, ways: pl.DataFrame, horizon: int
    ) -> _Shared:
        """Return a group for the receipts and for the storage of each place, and one for cash."""
        takes, stores = sorted(limits.receipts_per_day), sorted(limits.storage_m3)
        rows = len(takes) + len(stores)
        slots = np.arange(rows * horizon, dtype=np.int64).reshape(rows, horizon)
        daily = [limits.receipts_per_day[p] for p in takes] + [limits.storage_m3[p] for p in stores]
        capacity = np.repeat(np.array(daily, np.float64), horizon)
        terms = nodes.select("item")
        if limits.items is not None:
            terms = terms.join(limits.items, on="item", how="left", maintain_order="left")
        if limits.cash_per_week is not None:
            weeks = np.arange(horizon) // DAYS_PER_WEEK
            slots = np.vstack([slots, rows * horizon + weeks])
            capacity = np.append(capacity, np.full(weeks[-1] + 1, limits.cash_per_week))
        place, way_node = nodes["location"], ways["node"].to_numpy()
        taking = place.replace_strict({p: g for g, p in enumerate(takes)}, default=-1).to_numpy()
        storing = place.replace_strict(
            {p: len(takes) + g for g, p in enumerate(stores)}, default=-1
        ).to_numpy()
        cube = terms["unit_cube_m3"].fill_null(0.0).to_numpy() if stores else np.zeros(len(place))
        receives = np.flatnonzero(taking[way_node] >= 0)
        way, group = [receives], [taking[way_node][receives]]
        amount, at_due = [np.ones(len(receives))], [np.ones(len(receives), bool)]
        if limits.cash_per_week is not None:
            pays = np.flatnonzero(ways["buy"].to_numpy())
            way.append(pays)
            group.append(np.full(len(pays), rows))
            amount.append(terms["unit_cost"].fill_null(0.0).to_numpy()[way_node[pays]])
            at_due.append(np.zeros(len(pays), bool))
        order = np.argsort(np.concatenate(way), kind="stable")
        uses = np.bincount(np.concatenate(way), minlength=ways.height)
        return cls(
            slot_of=slots,
            capacity=capacity,
            use_from=np.concatenate([[0], uses.cumsum()]).astype(np.int64),
            use_group=np.concatenate(group)[order].astype(np.int64),
            use_amount=np.concatenate(amount)[order].astype(np.float64),
            use_at_due=np.concatenate(at_due)[order],
            node_store=storing.astype(np.int64),
            node_cube=np.where(storing >= 0, cube, 0.0).astype(np.float64),
        )


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
    parent, transit = _parents(built)
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
