"""Prices of shared limits: raised until items planned alone keep within them together.

Lagrangian relaxation of the shared limits. The concave dual is maximised by cutting planes
in a box around the best prices so far; the linear master is small, one row a cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivefold.plan.supply.network import Floats, Ints, Pieces, SupplyNetwork


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
    late_periods: np.ndarray

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
        most = np.zeros(network.nodes, np.int64)
        np.maximum.at(most, pieces.node, pieces.late_periods)
        return cls(units=units, worth=worth, late_cost=late, late_periods=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How all items answer to prices: what they cost, what they use, what a unit is worth."""

    cost: float
    used: Floats
    flow: Floats
    value: Floats
    way_cost: Floats
    hold_cum: Floats

    def bound(self, price: Floats, capacity: Floats) -> float:
        """Return the Lagrangian value at `price`."""
        return self.cost + float(price @ (self.used - capacity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices found, the bound they prove and how it was reached."""

    price: Floats
    bound: float
    answer: Answer
    steps: int


def answer_to(network: SupplyNetwork, demand: NodeDemand, price: Floats) -> Answer:
    """Return how items planned alone answer to prices of the slots."""
    from fivefold.plan.supply import kernels

    n, w, t = network.nodes, network.ways, network.periods
    way_cost, hold_cum = np.empty((w, t)), np.empty((n, t + 1))
    value = np.empty((n, t + 1))
    source_due, source_way = np.empty((n, t), np.int64), np.empty((n, t), np.int64)
    ways = (network.way_from, network.way_class, network.start_of)
    inputs = (network.in_from, network.in_node, network.in_quantity)
    uses = (
        network.use_from,
        network.use_group,
        network.use_amount,
        network.use_at_due,
        network.use_lag,
        network.slot_of,
    )
    store = (network.node_store, network.node_cube)
    kernels.value_units(
        network.topology, *ways, network.base_cost, *inputs, *uses, price, network.hold, *store,
        network.supply.any(axis=1), way_cost, hold_cum, value, source_due, source_way,
    )  # fmt: skip
    used, flow = np.zeros(len(network.capacity)), np.zeros((w, t))
    cost = kernels.respond(
        network.topology, *ways, *inputs, *uses, *store, network.base_cost, network.hold,
        network.supply, demand.units,
        demand.worth, demand.late_periods, demand.late_cost, way_cost, hold_cum, value,
        source_due, source_way, np.zeros((n, t)), used, flow,
    )  # fmt: skip
    return Answer(
        cost=cost, used=used, flow=flow, value=value, way_cost=way_cost, hold_cum=hold_cum
    )


def raise_prices(
    network: SupplyNetwork,
    demand: NodeDemand,
    *,
    steps: int = 60,
    tolerance: float = 1e-4,
    start: Floats | None = None,
) -> Prices:
    """Return prices at which the items' own plans keep, nearly, within the shared limits.

    Parameters
    ----------
    steps : int
        Most answers asked for.
    tolerance : float
        Relative distance of the master's promise to the best bound at which it stops.

    References
    ----------
    .. [1] Marsten, Hogan, Blankenship (1975), "The Boxstep method for large-scale optimization",
       Oper. Res. 23(3): cutting planes in a box that moves.
    """
    capacity = network.capacity
    price = np.zeros(len(capacity)) if start is None else start.copy()
    answer = answer_to(network, demand, price)
    best, best_price, best_answer = answer.bound(price, capacity), price, answer
    asked = 1
    # Limits nobody has run into yet keep the price 0 and stay out of the master.
    active = (answer.used > capacity + 1e-9) | (price > 0)
    cuts = [(best, answer.used - capacity, price)]
    reach = _first_reach(network, demand, answer)
    while asked < steps and active.any():
        price, promise = _master(cuts, best_price, reach, np.flatnonzero(active))
        if promise - best <= tolerance * max(1.0, abs(best)):
            if (np.abs(price - best_price) < reach - 1e-12)[active].all():
                break
            reach = reach * 2.0
            asked += 1
            continue
        answer = answer_to(network, demand, price)
        asked += 1
        active |= answer.used > capacity + 1e-9
        bound = answer.bound(price, capacity)
        cuts.append((bound, answer.used - capacity, price))
        if bound < best + 0.1 * (promise - best):
            reach = reach * 0.5
        elif bound > best + 0.5 * (promise - best):
            reach = reach * 1.5
        if bound > best:
            best, best_price, best_answer = bound, price, answer
    return Prices(price=best_price, bound=best, answer=best_answer, steps=asked)


def _first_reach(network: SupplyNetwork, demand: NodeDemand, answer: Answer) -> Floats:
    """Return how far each price may move at first: a tenth of what its typical use is worth."""
    total = float((demand.units.sum(axis=1) * demand.worth).sum())
    amount = np.maximum(np.maximum(answer.used, network.capacity), 1e-9)
    return 0.1 * total / max(1, network.periods) / amount


def _master(
    cuts: list[tuple[float, Floats, Floats]], centre: Floats, reach: Floats, active: Ints
) -> tuple[Floats, float]:
    """Return the prices in the box that promise most by the cuts, and that promise."""
    import highspy

    slots = len(active)
    model = highspy.HighsLp()
    model.num_col_ = slots + 1
    model.num_row_ = len(cuts)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.append(np.zeros(slots), 1.0)
    model.col_lower_ = np.append(np.maximum(0.0, (centre - reach)[active]), -1e30)
    model.col_upper_ = np.append((centre + reach)[active], 1e30)
    slopes = np.array([slope[active] for _bound, slope, _at in cuts])
    rights = np.array([bound - float(slope @ at) for bound, slope, at in cuts])
    model.row_lower_ = np.full(len(cuts), -1e30)
    model.row_upper_ = rights
    matrix = np.hstack([-slopes, np.ones((len(cuts), 1))])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.arange(len(cuts) + 1) * (slots + 1)
    model.a_matrix_.index_ = np.tile(np.arange(slots + 1), len(cuts))
    model.a_matrix_.value_ = matrix.ravel()
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.passModel(model)
    solver.run()
    solution = np.array(solver.getSolution().col_value)
    price = np.zeros_like(centre)
    price[active] = np.maximum(0.0, solution[:slots])
    return price, float(solution[slots])
