"""Lot sizing as a mixed-integer program, and the inequalities that tighten it.

Knows rows and columns. Never decides how the program is solved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.make.lot_problem import FloatArray, LotPlan, LotProblem

INFINITY = 1e30


@dataclass(slots=True)
class LotModel:
    """Columns and rows of the program, and where the set-ups stand in it.

    Parameters
    ----------
    starts, setups : array of int, shape (n, T)
        Column of each; -1 where a product cannot be made.
    carried : array of int, shape (n, T)
        Column of each carried state; -1 where there is none.
    binary : list of int
        Columns that are 0 or 1, each with its product and period in `place`.
    """

    problem: LotProblem
    cost: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    entries: tuple[list[int], list[int], list[float]] = field(default_factory=lambda: ([], [], []))
    binary: list[int] = field(default_factory=list)
    place: list[tuple[int, int]] = field(default_factory=list)
    starts: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))
    setups: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))
    carried: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))

    def column(self, cost: float = 0.0, lower: float = 0.0, upper: float = INFINITY) -> int:
        """Add a column and return its number."""
        self.cost.append(cost)
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.cost) - 1

    def row(self, terms: Iterable[tuple[int, float]], lower: float, upper: float) -> None:
        """Add a row; terms of column -1 are left out."""
        number = len(self.row_lower)
        rows, columns, values = self.entries
        for column, value in terms:
            if column >= 0 and value != 0.0:
                rows.append(number)
                columns.append(column)
                values.append(value)
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def decision(self, product: int, period: int, cost: float) -> int:
        """Add a column that is 0 or 1."""
        column = self.column(cost, 0.0, 1.0)
        self.binary.append(column)
        self.place.append((product, period))
        return column

    def passed(self) -> Any:
        """Return the program as HiGHS takes it, no column integer yet."""
        import highspy
        from scipy.sparse import csc_matrix

        rows, columns, values = self.entries
        shape = (len(self.row_lower), len(self.cost))
        matrix = csc_matrix((values, (rows, columns)), shape=shape)
        program = highspy.HighsLp()
        program.num_row_, program.num_col_ = shape
        program.col_cost_ = np.array(self.cost)
        program.col_lower_, program.col_upper_ = np.array(self.lower), np.array(self.upper)
        program.row_lower_, program.row_upper_ = np.array(self.row_lower), np.array(self.row_upper)
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
        program.a_matrix_.value_ = matrix.data
        return program

    def plan(self, values: FloatArray, *, bound: float, status: str) -> LotPlan:
        """Return the plan of lots a solution stands for, its cost that of the solution."""
        made = np.where(self.starts >= 0, values[np.maximum(self.starts, 0)], 0.0)
        setups = np.where(self.setups >= 0, values[np.maximum(self.setups, 0)], 0.0) > 0.5
        carried = np.where(self.carried >= 0, values[np.maximum(self.carried, 0)], 0.0) > 0.5
        return LotPlan(
            starts=np.where(made < 1e-7, 0.0, made),
            setups=setups,
            carried=carried,
            cost=float(np.dot(self.cost, values)),
            bound=bound,
            status=status,
        )


def build_model(problem: LotProblem) -> LotModel:
    """Return the program of a problem: stocks, set-ups, capacity, linked lots or change-overs.

    Its relaxation hardly pays for set-ups; `violated` finds the rows that make it.

    References
    ----------
    .. [1] Billington, McClain, Thomas (1983), Mathematical programming approaches to
       capacity-constrained MRP systems, *Management Science* 29(10), 1126–1141.
    .. [2] Suerie, Stadtler (2003), The capacitated lot-sizing problem with linked lot sizes,
       *Management Science* 49(8), 1039–1054.
    .. [3] Pochet, Wolsey (2006), *Production Planning by Mixed Integer Programming*, ch. 10:
       change-overs as a unit flow.
    """
    model = LotModel(problem=problem)
    n, periods = problem.products, problem.periods
    # Before a receipt comes, more may be made early than will be missing.
    most = _most_starts(problem, problem.required_starts(gross=problem.has_later_receipts))
    model.starts = np.full((n, periods), -1)
    model.setups = np.full((n, periods), -1)
    model.carried = np.full((n, periods), -1)
    cost = np.zeros(n) if problem.changeover_cost is not None else problem.setup_cost
    pacing = problem.pacing()
    linked = problem.carry_over and problem.changeover_cost is None
    for product in np.flatnonzero(problem.can_make):
        for period in range(periods):
            model.starts[product, period] = model.column(upper=most[product, period])
            column = model.decision(int(product), period, float(cost[product]))
            model.setups[product, period] = column
            if linked and period and pacing[product] >= 0:
                model.carried[product, period] = model.decision(int(product), period, 0.0)
    _stocks(model)
    _capacity(model, pacing)
    for product, period in np.argwhere(model.starts >= 0):
        state = [(model.setups[product, period], -most[product, period])]
        state.append((model.carried[product, period], -most[product, period]))
        model.row([(model.starts[product, period], 1.0), *state], -INFINITY, 0.0)
    if linked:
        _linked_lots(model, pacing)
    if problem.changeover_cost is not None:
        _changeovers(model, problem.changeover_cost, pacing)
    return model


def _most_starts(problem: LotProblem, required: FloatArray) -> FloatArray:
    """Return the most units worth starting: all that is still asked, within the hours there are."""
    late = _may_follow(problem)
    rest = required[:, ::-1].cumsum(axis=1)[:, ::-1]
    most = np.where(late[:, None], required.sum(axis=1)[:, None], rest)
    ceiling = problem.hours + problem.overtime_hours
    for resource in range(problem.resources):
        rate = problem.hours_per_unit[resource]
        for product in np.flatnonzero(rate > 0):
            most[product] = np.minimum(most[product], ceiling[resource] / rate[product])
    return np.maximum(most, 0.0)


def _may_follow(problem: LotProblem) -> NDArray[np.bool_]:
    """Return which products may be started late: those of whose users one may be late."""
    late = np.isfinite(problem.late_cost)
    for _ in range(problem.products):
        before = late.copy()
        for component, product, _units in problem.needs:
            late[component] |= late[product]
        if np.array_equal(before, late):
            break
    return late


def _stocks(model: LotModel) -> None:
    """Add stocks, lateness and their balance."""
    problem = model.problem
    n, periods = problem.products, problem.periods
    users: dict[int, list[tuple[int, float]]] = {}
    for component, product, units in problem.needs:
        users.setdefault(component, []).append((product, units))
    for product in range(n):
        stock = late = -1
        lead = int(problem.lead_periods[product])
        for period in range(periods):
            before, late_before = stock, late
            stock = model.column(float(problem.hold_cost[product]))
            if np.isfinite(problem.late_cost[product]):
                late = model.column(float(problem.late_cost[product]))
            started = model.starts[product, period - lead] if period >= lead else -1
            terms = [(int(started), 1.0), (before, 1.0), (stock, -1.0)]
            terms += [(late, 1.0), (late_before, -1.0)]
            terms += [(int(model.starts[user, period]), -units)
                      for user, units in users.get(product, [])]  # fmt: skip
            wanted = float(problem.demand[product, period])
            model.row(terms, wanted, wanted)


def _capacity(model: LotModel, pacing: NDArray[np.int64]) -> None:
    problem = model.problem
    for resource in range(problem.resources):
        for period in range(problem.periods):
            over = -1
            if problem.overtime_hours[resource, period] > 0:
                most = float(min(problem.overtime_hours[resource, period], INFINITY))
                over = model.column(float(problem.overtime_cost[resource]), 0.0, most)
            terms = [(over, -1.0)]
            for product in range(problem.products):
                setup = float(problem.setup_hours[resource, product])
                terms.append((int(model.starts[product, period]),
                              float(problem.hours_per_unit[resource, product])))  # fmt: skip
                terms.append((int(model.setups[product, period]), setup))
                if pacing[product] != resource:
                    terms.append((int(model.carried[product, period]), setup))
            model.row(terms, -INFINITY, float(problem.hours[resource, period]))


def _linked_lots(model: LotModel, pacing: NDArray[np.int64]) -> None:
    """Add the rules of states carried over the end of a period."""
    problem = model.problem
    for resource in range(problem.resources):
        here = [p for p in np.flatnonzero(pacing == resource) if problem.can_make[p]]
        for period in range(1, problem.periods):
            model.row([(model.carried[p, period], 1.0) for p in here], -INFINITY, 1.0)
            # Only one product is made in the period where a state passes right through it.
            alone = model.column(upper=1.0)
            for product in here:
                now, later = model.carried[product, period], -1
                if period + 1 < problem.periods:
                    later = model.carried[product, period + 1]
                before = [(model.setups[product, period - 1], -1.0),
                          (model.carried[product, period - 1], -1.0)]  # fmt: skip
                model.row([(now, 1.0), *before], -INFINITY, 0.0)
                model.row([(model.setups[product, period], 1.0), (alone, 1.0)], -INFINITY, 1.0)
                model.row([(now, 1.0), (later, 1.0), (alone, -1.0)], -INFINITY, 1.0)
                # A product carried in is not set up again.
                model.row([(model.setups[product, period], 1.0), (now, 1.0)], -INFINITY, 1.0)


def _changeovers(model: LotModel, table: FloatArray, pacing: NDArray[np.int64]) -> None:
    """Add one state a resource and period, and what turning from one to the next costs."""
    problem = model.problem
    for resource in range(problem.resources):
        here = [int(p) for p in np.flatnonzero(pacing == resource) if problem.can_make[p]]
        for period in range(problem.periods):
            model.row([(model.setups[p, period], 1.0) for p in here], 1.0, 1.0)
        for period in range(problem.periods - 1):
            turns = {(a, b): model.column(float(table[a, b]), 0.0, 1.0) for a in here for b in here}
            for one in here:
                out = [(turns[one, other], 1.0) for other in here]
                into = [(turns[other, one], 1.0) for other in here]
                model.row([*out, (model.setups[one, period], -1.0)], 0.0, 0.0)
                model.row([*into, (model.setups[one, period + 1], -1.0)], 0.0, 0.0)


def violated(
    model: LotModel, values: FloatArray, *, tolerance: float = 1e-4
) -> list[tuple[list[int], list[float], float]]:
    """Return (l, S) inequalities a solution breaks: columns, factors and least sum of each.

    Of every product and period l: units started in periods outside S, plus for each set-up in a
    period t of S all that is newly required from t to l, are no fewer than all required by l.
    Required is echelon demand, so that all levels are held. Worst S: where the second is less.

    References
    ----------
    .. [1] Barany, Van Roy, Wolsey (1984), Strong formulations for multi-item capacitated lot
       sizing, *Management Science* 30(10), 1255–1261.
    """
    problem = model.problem
    required = problem.required_starts()
    late = _may_follow(problem)
    found = []
    for product in np.flatnonzero(problem.can_make & ~late):
        starts, setups, carried = (
            table[product] for table in (model.starts, model.setups, model.carried)
        )
        made = values[starts]
        state = values[setups] + np.where(carried >= 0, values[np.maximum(carried, 0)], 0.0)
        total = np.cumsum(required[product])
        before = total - required[product]
        for last in np.flatnonzero(required[product] > 1e-9):
            span = total[last] - before[: last + 1]
            by_state = span * state[: last + 1] < made[: last + 1]
            held = np.where(by_state, span * state[: last + 1], made[: last + 1]).sum()
            if held >= total[last] - tolerance * max(1.0, total[last]):
                continue
            columns: list[int] = []
            factors: list[float] = []
            for period in range(int(last) + 1):
                if not by_state[period]:
                    columns.append(int(starts[period]))
                    factors.append(1.0)
                elif span[period] > 0:
                    states = [int(setups[period])]
                    states += [int(carried[period])] if carried[period] >= 0 else []
                    columns += states
                    factors += [float(span[period])] * len(states)
            found.append((columns, factors, float(total[last])))
    return found
