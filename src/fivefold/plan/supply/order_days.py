"""A distribution network in days as the kernels take it, with what its items share.

Reads orders, offers, lanes and stock; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
import polars as pl

from fivefold.plan.supply.network import (
    NEVER,
    Floats,
    Ints,
    Pieces,
    Receipts,
    SupplyNetwork,
    topological_nodes,
)

#: Cost of a day late beside a way's 1.
DAY_LATE = 10.0
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


def sent_from(built: OrderDays) -> tuple[Ints, Ints]:
    """Return the node each node is sent from, −1 where none, and the days that takes."""
    network = built.network
    parent, transit = np.full(network.nodes, -1, np.int64), np.zeros(network.nodes, np.int64)
    moved = np.flatnonzero(np.diff(network.in_from) > 0)
    to = network.way_node[moved]
    parent[to] = network.in_node[network.in_from[moved]]
    transit[to] = built.ways["days"].to_numpy()[moved]
    return parent, transit


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDays:
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
    ) -> OrderDays:
        """Return the network of some offers, lanes, stock and orders, with shared limits."""
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
            ready=first_supply(network, leads),
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


def first_supply(network: SupplyNetwork, leads: Ints) -> Ints:
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
