"""The supply network as arrays: nodes, ways to supply them, what they share.

A node is an item at a place. A way brings units to one node: a buy, a make from components,
a move from another node. A limit is shared: its slots are amounts over one or more periods.
Knows shapes only; reads no table and takes no decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A due period that no start can meet, in `start_of`.
NEVER = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyNetwork:
    """Everything the kernels need to know, keyed by integer codes.

    Parameters
    ----------
    way_from : int array, shape (nodes + 1,)
        Ways of node n are way_from[n] … way_from[n+1] − 1.
    way_class : int array, shape (ways,)
        Row of `start_of` that dates the way.
    start_of : int array, shape (classes, periods)
        Period in which a way due at the start of a period starts; −1 for the days before
        the first period, −2 where it cannot be met.
    base_cost, minimum, multiple, economic : float arrays, shape (ways,)
        Cost a unit, smallest lot, lot multiple (0 is continuous), smallest sensible lot.
    in_from, in_node, in_quantity
        Nodes a way draws on, in compressed rows, and units of each for one unit made.
    use_from, use_group, use_amount, use_at_due, use_lag
        Limits a way draws on, in compressed rows: group, amount a unit, whether at its due
        or its start period, and periods after that.
    slot_of : int array, shape (groups, periods)
        Slot of a limit group in a period, −1 where unlimited.
    capacity : float array, shape (slots,)
    hold : float array, shape (nodes,)
        Cost of holding a unit at the end of a period.
    node_store, node_cube : int and float arrays, shape (nodes,)
        Limit group the stock of a node fills (−1 none) and how much one unit fills.
    node_shelf : int array, shape (nodes,)
        Periods a unit keeps; `periods` or more where it does not spoil.
    topology : int array, shape (nodes,)
        Nodes, sources before what they supply.
    supply : float array, shape (nodes, periods)
        Units at hand (period 0) and on the way.
    """

    way_from: Ints
    way_class: Ints
    start_of: Ints
    base_cost: Floats
    minimum: Floats
    multiple: Floats
    economic: Floats
    in_from: Ints
    in_node: Ints
    in_quantity: Floats
    use_from: Ints
    use_group: Ints
    use_amount: Floats
    use_at_due: NDArray[np.bool_]
    use_lag: Ints
    slot_of: Ints
    capacity: Floats
    hold: Floats
    node_store: Ints
    node_cube: Floats
    node_shelf: Ints
    topology: Ints
    supply: Floats

    @property
    def nodes(self) -> int:
        """How many item-places there are."""
        return len(self.way_from) - 1

    @property
    def ways(self) -> int:
        """How many ways of supply there are."""
        return len(self.way_class)

    @property
    def periods(self) -> int:
        """How many periods the plan has."""
        return int(self.start_of.shape[1])

    @property
    def way_node(self) -> Ints:
        """Node each way supplies, shape (ways,)."""
        return np.repeat(np.arange(self.nodes), np.diff(self.way_from))

    @property
    def first_due(self) -> Ints:
        """First period each class of ways can be due in; `periods` where there is none."""
        reachable = self.start_of != NEVER
        first = reachable.argmax(axis=1)
        return np.where(reachable.any(axis=1), first, self.periods).astype(np.int64)

    def part(self, nodes: Ints) -> SupplyNetwork:
        """Return the network of some nodes; whatever their ways draw on must be among them."""
        code = np.full(self.nodes, -1, np.int64)
        code[nodes] = np.arange(len(nodes))
        ways, way_from = _rows(self.way_from, nodes)
        entries, in_from = _rows(self.in_from, ways)
        uses, use_from = _rows(self.use_from, ways)
        order = self.topology[code[self.topology] >= 0]
        return self.with_changes(
            way_from=way_from,
            way_class=self.way_class[ways],
            base_cost=self.base_cost[ways],
            minimum=self.minimum[ways],
            multiple=self.multiple[ways],
            economic=self.economic[ways],
            in_from=in_from,
            in_node=code[self.in_node[entries]],
            in_quantity=self.in_quantity[entries],
            use_from=use_from,
            use_group=self.use_group[uses],
            use_amount=self.use_amount[uses],
            use_at_due=self.use_at_due[uses],
            use_lag=self.use_lag[uses],
            hold=self.hold[nodes],
            node_store=self.node_store[nodes],
            node_cube=self.node_cube[nodes],
            node_shelf=self.node_shelf[nodes],
            topology=code[order],
            supply=self.supply[nodes],
        )

    def with_changes(self, **changes: Any) -> SupplyNetwork:
        """Return the network with some arrays replaced."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Demand in pieces, each for one node and period.

    Parameters
    ----------
    node, period, until : int arrays, shape (pieces,)
        Where and when it is needed, and the period in which the units leave: the same for
        what is sold, later for safety stock that demand will use up, the number of periods
        for what is to stay.
    quantity, worth : float arrays, shape (pieces,)
        Units wanted and the cost of not serving one of them.
    late_periods : int array, shape (pieces,)
        Periods a piece may come late; 0 is never.
    late_cost : float array, shape (pieces,)
        Cost of one unit one period late.
    whole : bool array, shape (pieces,)
        On time only when all of it is.
    kind : int array, shape (pieces,)
        0 commitment, 1 customer order, 2 forecast, 3 safety stock.
    """

    node: Ints
    period: Ints
    until: Ints
    quantity: Floats
    worth: Floats
    late_periods: Ints
    late_cost: Floats
    whole: NDArray[np.bool_]
    kind: Ints

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Free units a plan starts from: stock, orders on the way, returns.

    `due` is the period they can serve demand in, `ship` the one they can be sent on or used
    up in, `expire` the first one they cannot be used in, all of shape (receipts,).
    """

    node: Ints
    due: Ints
    ship: Ints
    expire: Ints
    quantity: Floats

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What the kernel decided, as flat arrays.

    Attributes
    ----------
    served : float array, shape (pieces,)
    order_way, order_due, order_quantity
        New orders: way, due period, units.
    peg_consumer, peg_origin, peg_node, peg_period, peg_quantity
        Who takes units of whom: a consumer is a piece (≥ 0) or an order o as −1 − o; an origin
        is an order (≥ 0) or receipt r as −1 − r.
    remaining : float array, shape (slots,)
        Limits left over.
    """

    served: Floats
    order_way: Ints
    order_due: Ints
    order_quantity: Floats
    peg_consumer: Ints
    peg_origin: Ints
    peg_node: Ints
    peg_period: Ints
    peg_quantity: Floats
    remaining: Floats = field(repr=False)


def _rows(starts: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return the entries of some rows of a compressed table, and where each row then starts."""
    counts = (starts[1:] - starts[:-1])[rows]
    ends = counts.cumsum()
    within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
    return np.repeat(starts[rows], counts) + within, np.concatenate([[0], ends]).astype(np.int64)


def topological_nodes(nodes: int, way_from: Ints, in_from: Ints, in_node: Ints) -> Ints:
    """Return nodes so that whatever a way draws on stands before the node it supplies.

    Raises
    ------
    ValueError
        If the nodes supply one another in a circle.
    """
    children: list[list[int]] = [[] for _ in range(nodes)]
    waiting = np.zeros(nodes, np.int64)
    way_node = np.repeat(np.arange(nodes), np.diff(way_from))
    counts = np.diff(in_from)
    for origin, target in zip(in_node.tolist(), np.repeat(way_node, counts).tolist(), strict=True):
        children[origin].append(target)
        waiting[target] += 1
    order = [n for n in range(nodes) if waiting[n] == 0]
    for n in order:
        for target in children[n]:
            waiting[target] -= 1
            if waiting[target] == 0:
                order.append(target)
    if len(order) < nodes:
        raise ValueError("nodes supply one another in a circle")
    return np.array(order, np.int64)
