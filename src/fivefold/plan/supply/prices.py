"""Prices of shared limits: raised until items planned alone keep within them together.

Dantzig-Wolfe decomposition, the dual of raising prices: every group of items offers its own
plans, one for each set of prices it was asked at; a small linear master mixes them so that the
shared limits hold, and its duals are the next prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.supply.network import Floats, Ints, Pieces, SupplyNetwork

#: Groups of items that offer plans of their own.
MOST_GROUPS = 32
#: Nodes from which prices are first found on a sample, and how much smaller that sample is.
SAMPLED_FROM = 4_000
SAMPLE_PART = 8
#: Nodes valued and answered together, few enough that their figures stay in the cache.
BLOCK_NODES = 64
#: How far above the best prices so far the next ones may lie, and above nothing, as a share of
#: the dearest.
BOX = 1.3
FLOOR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDemand:
    """Demand as one number a node and period, and what a unit of it is worth.

    Attributes
    ----------
    units : float array, shape (nodes, periods)
    worth, late_cost : float arrays, shape (nodes,)
    late_periods : int array, shape (nodes,)
    """

    units: Floats
    worth: Floats
    late_cost: Floats
    late_periods: Ints

    def part(self, nodes: Ints) -> NodeDemand:
        """Return the demand of some nodes."""
        return NodeDemand(
            units=self.units[nodes],
            worth=self.worth[nodes],
            late_cost=self.late_cost[nodes],
            late_periods=self.late_periods[nodes],
        )

    @classmethod
    def of(cls, network: SupplyNetwork, pieces: Pieces) -> NodeDemand:
        """Return pieces summed by node and period; worth and lateness are their means."""
        shape = (network.nodes, network.periods)
        units = np.zeros(shape)
        np.add.at(units, (pieces.node, np.maximum(pieces.period, 0)), pieces.quantity)
        weight = np.bincount(pieces.node, pieces.quantity, network.nodes)
        safe = np.maximum(weight, 1e-12)
        worth = np.bincount(pieces.node, pieces.quantity * pieces.worth, network.nodes) / safe
        late = np.bincount(pieces.node, pieces.quantity * pieces.late_cost, network.nodes) / safe
        for n in network.topology[::-1].tolist():
            # What a node without demand of its own feeds is what a unit there is worth.
            for w in range(int(network.way_from[n]), int(network.way_from[n + 1])):
                for i in range(int(network.in_from[w]), int(network.in_from[w + 1])):
                    origin = int(network.in_node[i])
                    if weight[origin] <= 0:
                        fed = worth[n] / network.in_quantity[i]
                        worth[origin] = max(worth[origin], fed)
        most = np.zeros(network.nodes, np.int64)
        np.maximum.at(most, pieces.node, pieces.late_periods)
        return cls(units=units, worth=worth, late_cost=late, late_periods=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How all items answer to prices.

    Attributes
    ----------
    cost : float array, shape (groups,)
        What each group costs, prices apart.
    used : float array, shape (groups, slots)
    value : float array, shape (nodes, periods + 1)
        Priced cost of replacing a unit taken at t, at index t + 1.
    way_cost : float array, shape (ways, periods)
    hold_cum : float array, shape (nodes, periods + 1)
    flow : float array, shape (ways, periods)
        Units by due period.
    """

    price: Floats
    cost: Floats
    used: Floats
    flow: Floats
    value: Floats
    way_cost: Floats
    hold_cum: Floats

    def bound(self, capacity: Floats) -> float:
        """Return the Lagrangian value at its prices."""
        return float(self.cost.sum() + self.price @ (self.used.sum(axis=0) - capacity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices found and what they prove.

    Attributes
    ----------
    price : float array, shape (slots,)
    bound, cost : float
        Best Lagrangian value, and cost of the mix of plans that keeps the limits.
    answer : Answer
        At `price`.
    flow : float array, shape (ways, periods)
        The mix itself: units of each way by due period, not rounded to lots.
    steps : int
        Answers asked for.
    """

    price: Floats
    bound: float
    cost: float
    answer: Answer
    flow: Floats
    steps: int

    @property
    def gap(self) -> float:
        """Relative distance of the mix from the bound."""
        return (self.cost - self.bound) / max(1e-9, abs(self.cost))


def components_of(network: SupplyNetwork) -> Ints:
    """Return the number of each node's component; nodes that supply each other share one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    target = np.repeat(network.way_node, np.diff(network.in_from))
    shape = (network.nodes, network.nodes)
    links = coo_matrix((np.ones(len(target), np.int8), (network.in_node, target)), shape=shape)
    part: Ints = connected_components(links, directed=False)[1].astype(np.int64)
    return part


class _Items:
    """Answers of the items to prices; arrays are kept from one question to the next.

    Working arrays hold one block of whole components at a time, or all nodes where `whole`.
    """

    def __init__(
        self, network: SupplyNetwork, demand: NodeDemand, groups: Ints, *, whole: bool = False
    ) -> None:
        self.network, self.demand, self.groups = network, demand, groups
        self.count = int(groups.max(initial=0)) + 1
        n, w, t = network.nodes, network.ways, network.periods
        if whole:
            self.topology, self.block_from = network.topology, np.array([0, n], np.int64)
            self.node_at, self.way_at = np.arange(n), np.arange(w)
        else:
            self._lay_out()
            n = int(self.node_at.max(initial=-1)) + 1
            w = int(self.way_at.max(initial=-1)) + 1
        self.way_cost, self.hold_cum = np.empty((w, t)), np.empty((n, t + 1))
        self.value, self.need = np.empty((n, t + 1)), np.empty((n, t))
        self.source_due, self.source_way = np.empty((n, t), np.int64), np.empty((n, t), np.int64)
        self.has_stock = network.supply.any(axis=1)

    def _lay_out(self) -> None:
        """Order nodes by component, sources first, and cut them into blocks."""
        net = self.network
        part = components_of(net)
        self.topology = net.topology[np.argsort(part[net.topology], kind="stable")]
        parts = part[self.topology]
        ends = np.append(np.flatnonzero(parts[1:] != parts[:-1]) + 1, net.nodes)
        # The last component that ends within each stretch of nodes closes a block.
        last = np.append(ends[1:] // BLOCK_NODES != ends[:-1] // BLOCK_NODES, True)
        self.block_from = np.concatenate([[0], ends[last]]).astype(np.int64)
        sizes = np.diff(self.block_from)
        self.node_at = np.empty(net.nodes, np.int64)
        self.node_at[self.topology] = np.arange(net.nodes) - np.repeat(self.block_from[:-1], sizes)
        ways = np.diff(net.way_from)[self.topology]
        before = np.concatenate([[0], ways.cumsum()])
        first = np.empty(net.nodes, np.int64)
        first[self.topology] = before[:-1] - np.repeat(before[self.block_from[:-1]], sizes)
        self.way_at = np.arange(net.ways) + np.repeat(
            first - net.way_from[:-1], np.diff(net.way_from)
        )

    def ask(self, price: Floats) -> tuple[Floats, Floats, Floats]:
        """Return cost by group, use by group and slot, and flow by way and due period."""
        from fivefold.plan.supply import kernels

        net, demand = self.network, self.demand
        used, cost = np.zeros((self.count, len(net.capacity))), np.zeros(self.count)
        flow: Floats = np.zeros((net.ways, net.periods), np.float32)
        kernels.respond_in_blocks(
            self.block_from, self.topology, net.way_from, net.way_class, net.start_of,
            net.in_from, net.in_node, net.in_quantity, net.use_from, net.use_group,
            net.use_amount, net.use_at_due, net.use_lag, net.slot_of, net.node_store,
            net.node_cube, net.base_cost, net.hold, net.supply, self.has_stock, demand.units,
            demand.worth, demand.late_periods, demand.late_cost, price, self.groups,
            self.node_at, self.way_at, self.way_cost, self.hold_cum, self.value, self.source_due,
            self.source_way, self.need, used, cost, flow,
        )  # fmt: skip
        return cost, used, flow


def answer_to(network: SupplyNetwork, demand: NodeDemand, price: Floats) -> Answer:
    """Return how items planned alone answer to prices of the slots."""
    items = _Items(network, demand, np.zeros(network.nodes, np.int64), whole=True)
    cost, used, flow = items.ask(price)
    return Answer(
        price=price,
        cost=cost,
        used=used,
        flow=flow,
        value=items.value,
        way_cost=items.way_cost,
        hold_cum=items.hold_cum,
    )


def raise_prices(
    network: SupplyNetwork,
    demand: NodeDemand,
    *,
    steps: int = 60,
    tolerance: float = 5e-4,
    groups: int = MOST_GROUPS,
) -> Prices:
    """Return prices at which the items' own plans keep within the shared limits.

    Parameters
    ----------
    steps : int
        Most questions asked of all items.
    tolerance : float
        Relative gap between the mix of plans and the Lagrangian bound at which it stops.
    groups : int
        Groups of items that offer plans of their own.

    Notes
    -----
    Of a large catalogue a sample is priced first, its limits scaled to its share of use; the
    catalogue is then asked at the prices that mattered to the sample.

    References
    ----------
    .. [1] Dantzig, Wolfe (1960), "Decomposition principle for linear programs", Oper. Res. 8(1).
    .. [2] Wentges (1997), "Weighted Dantzig-Wolfe decomposition for linear mixed-integer
       programming", Int. Trans. Oper. Res. 4(2): the next prices lie between the master's and
       the best so far.
    """
    found = _mix_plans(network, demand, steps, tolerance, groups)
    answer = answer_to(network, demand, found.price)
    return Prices(
        price=found.price,
        bound=found.bound,
        cost=found.cost,
        answer=answer,
        flow=found.flow,
        steps=found.steps,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixed:
    """End of the decomposition; `trail` holds the prices whose plans are in the mix, best last."""

    price: Floats
    bound: float
    cost: float
    flow: Floats
    steps: int
    trail: list[Floats]


def _mix_plans(
    network: SupplyNetwork, demand: NodeDemand, steps: int, tolerance: float, groups: int
) -> _Mixed:
    capacity = network.capacity
    part = components_of(network)
    items = _Items(network, demand, part % groups)
    master = _Master(capacity, dearest_prices(network, demand))
    asked_at: list[Floats] = []
    flows: list[Floats] = []

    def ask(price: Floats) -> float:
        cost, used, flow = items.ask(price)
        asked_at.append(price)
        flows.append(flow)
        master.offer(cost, used)
        return float(cost.sum() + price @ (used.sum(axis=0) - capacity))

    best = np.zeros(len(capacity))
    bound = ask(best)
    if not master.over().any():
        return _Mixed(price=best, bound=bound, cost=bound, flow=flows[0], steps=1, trail=[best])
    # Prices beyond any worth make every group keep to what it has: the mix is never empty.
    ask(np.full(len(capacity), 1e9))
    sampled = _sampled(network, demand, part, flows[0], steps, tolerance, groups)
    for price in sampled:
        value = ask(price)
        if value > bound:
            best, bound = price, value
    cost, price = master.mix(best if sampled else None)
    trust = 0.5
    while len(asked_at) < steps and cost - bound > tolerance * abs(cost):
        between = trust * best + (1.0 - trust) * price
        value = ask(between)
        if value > bound:
            best, bound = between, value
            trust = max(0.3, trust - 0.1)
        else:
            trust = min(0.9, trust + 0.1)
        cost, price = master.mix(best if sampled else None)
    weights = master.weights()
    flow = np.zeros((network.ways, network.periods))
    for weight, offered in zip(weights, flows, strict=True):
        if weight.any():
            flow += offered * weight[items.groups[network.way_node]][:, None]
    trail = [asked for asked, weight in zip(asked_at, weights, strict=True) if weight.any()]
    return _Mixed(
        price=best, bound=bound, cost=cost, flow=flow, steps=len(asked_at), trail=[*trail, best]
    )


def dearest_prices(network: SupplyNetwork, demand: NodeDemand) -> Floats:
    """Return the price of each slot beyond which nothing that draws on it is worth having.

    Twice what the best use of it is worth. Where stock at hand already breaks a limit, no
    price could hold it, and this one stands.
    """
    groups = network.slot_of.shape[0]
    most = np.zeros(groups)
    way = np.repeat(np.arange(network.ways), np.diff(network.use_from))
    drawn = network.use_amount > 0
    worth = demand.worth[network.way_node[way[drawn]]] / network.use_amount[drawn]
    np.maximum.at(most, network.use_group[drawn], worth)
    stored = (network.node_store >= 0) & (network.node_cube > 0)
    held = demand.worth[stored] / network.node_cube[stored]
    np.maximum.at(most, network.node_store[stored], held)
    prices = np.zeros(len(network.capacity))
    inside = network.slot_of >= 0
    rows = np.broadcast_to(np.arange(groups)[:, None], network.slot_of.shape)
    prices[network.slot_of[inside]] = 2.0 * np.maximum(most[rows[inside]], 1e-6)
    return prices


def _sampled(
    network: SupplyNetwork,
    demand: NodeDemand,
    part: Ints,
    flow: Floats,
    steps: int,
    tolerance: float,
    groups: int,
) -> list[Floats]:
    """Return prices that mattered to a sample of a large catalogue, the best last."""
    if network.nodes < SAMPLED_FROM:
        return []
    worth = np.bincount(part, demand.units.sum(axis=1) * demand.worth)
    # Every eighth component by worth, so that large and small items keep their shares.
    chosen = np.zeros(len(worth), bool)
    chosen[np.argsort(-worth, kind="stable")[SAMPLE_PART // 2 :: SAMPLE_PART]] = True
    nodes = np.flatnonzero(chosen[part])
    share = _share_of_use(network, demand, nodes, flow)
    rows = np.broadcast_to(np.arange(len(share))[:, None], network.slot_of.shape)
    scale = np.ones(len(network.capacity))
    inside = network.slot_of >= 0
    scale[network.slot_of[inside]] = share[rows[inside]]
    small = network.part(nodes).with_changes(capacity=network.capacity * scale)
    found = _mix_plans(small, demand.part(nodes), steps, tolerance / 3.0, groups)
    return found.trail[-16:]


def _share_of_use(network: SupplyNetwork, demand: NodeDemand, nodes: Ints, flow: Floats) -> Floats:
    """Return the share of each limit group's use that falls to some nodes."""
    groups = network.slot_of.shape[0]
    inside = np.zeros(network.nodes, bool)
    inside[nodes] = True
    way = np.repeat(np.arange(network.ways), np.diff(network.use_from))
    use = network.use_amount * flow.sum(axis=1)[way]
    total = np.bincount(network.use_group, use, groups)
    mine = np.bincount(network.use_group, use * inside[network.way_node[way]], groups)
    stores = np.flatnonzero(network.node_store >= 0)
    cube = network.node_cube[stores] * demand.units[stores].sum(axis=1)
    total += np.bincount(network.node_store[stores], cube, groups)
    mine += np.bincount(network.node_store[stores], cube * inside[stores], groups)
    usual = len(nodes) / max(1, network.nodes)
    share: Floats = np.divide(mine, total, out=np.full(groups, usual), where=total > 0)
    return share


@dataclass(slots=True)
class _Master:
    """The linear program that mixes the groups' plans; limits nobody runs into stay out.

    min Σ cost θ + dearest v   with   Σ used θ − v ≤ capacity,  Σ θ = 1 in each group.
    """

    capacity: Floats
    dearest: Floats
    costs: list[Floats] = field(default_factory=list)
    uses: list[Floats] = field(default_factory=list)
    active: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    highs: object = None
    held: int = 0
    over_units: float = 0.0
    theta: Floats = field(default_factory=lambda: np.zeros(0))

    def offer(self, cost: Floats, used: Floats) -> None:
        """Add one plan of every group."""
        self.costs.append(cost)
        self.uses.append(used)

    def over(self) -> NDArray[np.bool_]:
        """Tell which limits some set of plans has run over."""
        found = np.zeros(len(self.capacity), bool)
        for used in self.uses:
            found |= used.sum(axis=0) > self.capacity + 1e-9 * np.maximum(1.0, self.capacity)
        return found

    def mix(self, around: Floats | None) -> tuple[float, Floats]:
        """Return the cost of the best mix and the prices to ask at next.

        Around prices that are good already, few plans can meet the limits but at absurd prices.
        The next ones then stay within reach: plans made at them are the ones that are missing.
        """
        active = np.flatnonzero(self.over())
        if self.highs is None or len(active) != len(self.active):
            self._begin(active)
        for k in range(self.held, len(self.costs)):
            self._add(k)
        self.held = len(self.costs)
        reach = self.dearest if around is None else BOX * around + FLOOR * self.dearest
        price = self._solved(np.minimum(self.dearest, reach))
        if around is not None and self.over_units > 0.0:
            self._solved(self.dearest)
        return float(self.highs.getInfo().objective_function_value), price  # type: ignore[attr-defined]

    def _solved(self, penalty: Floats) -> Floats:
        """Return the duals with a price on what runs over the limits."""
        slots = len(self.active)
        which = np.arange(slots, dtype=np.int32)
        self.highs.changeColsCost(slots, which, penalty[self.active])  # type: ignore[attr-defined]
        self.highs.run()  # type: ignore[attr-defined]
        solution = self.highs.getSolution()  # type: ignore[attr-defined]
        price = np.zeros(len(self.capacity))
        price[self.active] = np.maximum(0.0, -np.array(solution.row_dual)[:slots])
        values = np.array(solution.col_value)
        self.over_units, self.theta = float(values[:slots].sum()), values[slots:]
        return price

    def weights(self) -> list[Floats]:
        """Return the weights of the groups' plans in the last mix, one array a question."""
        groups = len(self.costs[0])
        return [self.theta[k * groups : (k + 1) * groups] for k in range(len(self.costs))]

    def _begin(self, active: Ints) -> None:
        import highspy

        groups, slots = len(self.costs[0]), len(active)
        self.active, self.held = active, 0
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("solver", "simplex")
        # New columns leave the last mix feasible, so the primal simplex goes on from it.
        highs.setOptionValue("simplex_strategy", 4)
        lower = np.concatenate([np.full(slots, -highspy.kHighsInf), np.ones(groups)])
        upper = np.concatenate([self.capacity[active], np.ones(groups)])
        none = np.zeros(0, np.int32)
        highs.addRows(
            slots + groups, lower, upper, 0, np.zeros(slots + groups, np.int32), none, np.zeros(0)
        )
        highs.addCols(
            slots, self.dearest[active], np.zeros(slots), np.full(slots, highspy.kHighsInf), slots,
            np.arange(slots, dtype=np.int32), np.arange(slots, dtype=np.int32),
            np.full(slots, -1.0),
        )  # fmt: skip
        self.highs = highs

    def _add(self, k: int) -> None:
        groups, slots = len(self.costs[k]), len(self.active)
        entries = np.hstack([self.uses[k][:, self.active], np.ones((groups, 1))])
        rows = np.hstack(
            [np.tile(np.arange(slots), (groups, 1)), (slots + np.arange(groups))[:, None]]
        )
        kept = entries != 0.0
        starts = np.concatenate([[0], kept.sum(axis=1).cumsum()[:-1]]).astype(np.int32)
        self.highs.addCols(  # type: ignore[attr-defined]
            groups, self.costs[k], np.zeros(groups), np.full(groups, np.inf), int(kept.sum()),
            starts, rows[kept].astype(np.int32), entries[kept],
        )  # fmt: skip
