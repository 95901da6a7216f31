"""The supply plan as one linear or mixed-integer program: the bound, and the truth on small cases.

| symbol | column | unit |
| --- | --- | --- |
| x[w, s] | units of way w due in period s | units |
| y[n, t] | stock of node n at the end of period t | units |
| u[n, t] | demand of node n and period t that is lost | units |
| b[n, t] | demand of node n that waits at the end of period t | units |
| z[w, s], m[w, s] | whether way w is used, and multiples of its lot | – |

    min  Σ c x + Σ h y + Σ p u + Σ l b
    y[n,t-1] + supply + Σ x[·,t] + b[n,t] − b[n,t-1] + u = demand + Σ q x[drawn at t] + y[n,t]
    Σ a x + Σ v y ≤ capacity of each slot
    x = multiple · m,  minimum · z ≤ x ≤ M · z          (with lots)

Stock is not followed by age here, so shelf life is relaxed. Stock before the first period counts
as there in it, unless a way starts before it; such starts draw on stock at hand alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.plan.supply.network import NEVER, Floats, Ints, SupplyNetwork
from fivefold.plan.supply.prices import NodeDemand


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Optimum of the program: cost, bound, units of ways by due period, duals of the slots."""

    cost: float
    bound: float
    flow: Floats
    lost: Floats
    price: Floats
    status: str


@dataclass(slots=True)
class _Columns:
    """Columns as they are laid out: first index of each block."""

    flow: Ints
    stock: int
    lost: int
    waits: int
    count: int


def solve_exact(
    network: SupplyNetwork,
    demand: NodeDemand,
    *,
    lots: bool = False,
    solver: str = "choose",
    seconds: float = 60.0,
    gap: float = 1e-9,
) -> Exact:
    """Return the optimum of the whole plan as one program.

    Parameters
    ----------
    lots : bool
        With minimum quantities and multiples, as a mixed-integer program.
    solver : {'choose', 'simplex', 'ipm'}
        For the linear program.
    seconds, gap : float
        Time limit and relative gap of the mixed-integer program.

    Raises
    ------
    ValueError
        If the solver stops without an answer.
    """
    import highspy
    from scipy.sparse import csc_matrix

    columns = _layout(network, demand)
    rows, entries = _matrix(network, demand, columns)
    matrix = csc_matrix(entries, shape=(len(rows[0]), columns.count))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns.count, len(rows[0])
    cost, upper = _costs(network, demand, columns)
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(columns.count), upper
    model.row_lower_, model.row_upper_ = rows
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    highs = highspy.Highs()
    options: dict[str, Any] = {"output_flag": False, "threads": 1, "solver": solver}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(model)
    if lots:
        _add_lots(highs, network, columns, demand)
        highs.setOptionValue("time_limit", seconds)
        highs.setOptionValue("mip_rel_gap", gap)
    highs.run()
    status = highs.modelStatusToString(highs.getModelStatus())
    info, solution = highs.getInfo(), highs.getSolution()
    values = np.array(solution.col_value)
    if len(values) == 0 or not np.isfinite(info.objective_function_value):
        raise ValueError(f"the solver stopped without an answer: {status}")
    flow = np.zeros((network.ways, network.periods))
    valid = columns.flow >= 0
    flow[valid] = values[columns.flow[valid]]
    nodes, periods = network.nodes, network.periods
    lost = values[columns.lost : columns.lost + nodes * periods].reshape(nodes, periods)
    slots = len(network.capacity)
    price = np.zeros(slots)
    if not lots and slots:
        price = np.maximum(0.0, -np.array(solution.row_dual)[len(rows[0]) - slots :])
    objective = float(info.objective_function_value)
    bound = float(info.mip_dual_bound) if lots else objective
    return Exact(cost=objective, bound=bound, flow=flow, lost=lost, price=price, status=status)


def _layout(network: SupplyNetwork, demand: NodeDemand) -> _Columns:
    valid = network.start_of[network.way_class] != NEVER
    flow = np.full(valid.shape, -1, np.int64)
    flow[valid] = np.arange(int(valid.sum()))
    cells = network.nodes * network.periods
    stock = int(valid.sum())
    lost = stock + cells
    waits = lost + cells
    late = bool((demand.late_periods > 0).any())
    return _Columns(
        flow=flow, stock=stock, lost=lost, waits=waits, count=waits + (cells if late else 0)
    )


def _costs(network: SupplyNetwork, demand: NodeDemand, columns: _Columns) -> tuple[Floats, Floats]:
    """Return costs and upper bounds of the columns."""
    cost, upper = np.zeros(columns.count), np.full(columns.count, np.inf)
    w, s = np.nonzero(columns.flow >= 0)
    cost[columns.flow[w, s]] = network.base_cost[w]
    periods, cells = network.periods, network.nodes * network.periods
    cost[columns.stock : columns.stock + cells] = np.repeat(network.hold, periods)
    cost[columns.lost : columns.lost + cells] = np.repeat(demand.worth, periods)
    upper[columns.lost : columns.lost + cells] = demand.units.ravel()
    if columns.count > columns.waits:
        cost[columns.waits :] = np.repeat(demand.late_cost, periods)
        # What waits at the end of the horizon is lost, so none may wait there.
        most = np.where(np.repeat(demand.late_periods > 0, periods), np.inf, 0.0)
        most[periods - 1 :: periods] = 0.0
        upper[columns.waits :] = most
    return cost, upper


def _matrix(
    network: SupplyNetwork, demand: NodeDemand, columns: _Columns
) -> tuple[tuple[Floats, Floats], tuple[Floats, tuple[Ints, Ints]]]:
    """Return row limits and the entries (value, (row, column)): balances, then slots."""
    periods, cells = network.periods, network.nodes * network.periods
    at = np.arange(cells)
    first = at % periods == 0
    parts: list[tuple[Ints, Ints, Floats]] = []

    def put(row: Ints, column: Ints, value: Floats | float) -> None:
        parts.append((row, column, np.broadcast_to(np.asarray(value, np.float64), row.shape)))

    put(at, columns.stock + at, -1.0)
    put(at[~first], columns.stock + at[~first] - 1, 1.0)
    put(at, columns.lost + at, 1.0)
    if columns.count > columns.waits:
        put(at, columns.waits + at, 1.0)
        put(at[~first], columns.waits + at[~first] - 1, -1.0)
    w, s = np.nonzero(columns.flow >= 0)
    x = columns.flow[w, s]
    put(network.way_node[w] * periods + s, x, 1.0)
    starts = network.start_of[network.way_class[w], s]
    counts = np.diff(network.in_from)[w]
    which = np.repeat(np.arange(len(w)), counts)
    entry = np.repeat(network.in_from[w], counts) + _within(counts)
    drawn = network.in_node[entry] * periods + np.maximum(starts[which], 0)
    put(drawn, x[which], -network.in_quantity[entry])
    counts = np.diff(network.use_from)[w]
    which = np.repeat(np.arange(len(w)), counts)
    entry = np.repeat(network.use_from[w], counts) + _within(counts)
    when = np.where(network.use_at_due[entry], s[which], np.maximum(starts[which], 0))
    when = when + network.use_lag[entry]
    inside = when < periods
    slot = network.slot_of[network.use_group[entry[inside]], when[inside]]
    limited = slot >= 0
    put(
        cells + slot[limited],
        x[which[inside][limited]],
        network.use_amount[entry[inside][limited]],
    )
    stored = np.flatnonzero(network.node_store >= 0)
    if len(stored):
        slot = network.slot_of[network.node_store[stored]]
        n, t = np.nonzero(slot >= 0)
        node = stored[n]
        put(cells + slot[n, t], columns.stock + node * periods + t, network.node_cube[node])
    rows, cols, values = (np.concatenate([part[i] for part in parts]) for i in range(3))
    right = (demand.units - network.supply).ravel()
    lower = np.concatenate([right, np.full(len(network.capacity), -np.inf)])
    upper = np.concatenate([right, network.capacity])
    return (lower, upper), (values, (rows, cols))


def _add_lots(highs: Any, network: SupplyNetwork, columns: _Columns, demand: NodeDemand) -> None:
    """Add multiples and minimum quantities of ways as integer columns."""
    import highspy

    inf = highspy.kHighsInf
    most = float(demand.units.sum() * max(1.0, network.in_quantity.max(initial=1.0)))
    for w, s in zip(*np.nonzero(columns.flow >= 0), strict=True):
        x = int(columns.flow[w, s])
        multiple, minimum = float(network.multiple[w]), float(network.minimum[w])
        if multiple > 0:
            highs.addVar(0.0, inf)
            m = highs.getNumCol() - 1
            highs.changeColIntegrality(m, highspy.HighsVarType.kInteger)
            highs.addRow(0.0, 0.0, 2, np.array([x, m]), np.array([1.0, -multiple]))
        if minimum > max(multiple, 0.0):
            highs.addVar(0.0, 1.0)
            z = highs.getNumCol() - 1
            highs.changeColIntegrality(z, highspy.HighsVarType.kInteger)
            top = most + minimum + multiple
            highs.addRow(-inf, 0.0, 2, np.array([x, z]), np.array([1.0, -top]))
            highs.addRow(0.0, inf, 2, np.array([x, z]), np.array([1.0, -minimum]))


def _within(counts: Ints) -> Ints:
    """Return 0, 1, … within each group of the given sizes."""
    total = int(counts.sum())
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return np.arange(total) - starts
