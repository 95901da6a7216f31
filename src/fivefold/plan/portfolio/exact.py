"""The choice as a mixed-integer programme over items and transfers, solved to the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.portfolio.states import Candidate, transfer_shares

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Options chosen (0 is not offered) by group and item, value a year, and its bound."""

    options: tuple[tuple[int, ...], ...]
    value: float
    bound: float
    status: str


def solve_exactly(
    groups: Sequence[Sequence[Candidate]],
    limits: FloatArray,
    *,
    transfer: float,
    seconds: float = 60.0,
) -> Exact:
    """Return the best choice by branch and bound (HiGHS).

    It shares no code with the way prices solve it: no state is enumerated.

    Parameters
    ----------
    groups : sequence of sequences of Candidate
    limits : ndarray, shape (n_limits,)
    transfer : float
    seconds : float
        Time limit; `status` is then time_limit.

    Notes
    -----
    ========= ============================================== =====
    symbol    column                                         unit
    ========= ============================================== =====
    x_jk      item j offered by its option k                 0/1
    y_ijk     demand of i, not offered, goes to j by k       0..1
    ========= ============================================== =====

    max sum m_jk (D_j x_jk + theta D_i s_ij y_ijk) - F_jk x_jk, with sum_k x_jk <= 1,
    y_ijk <= x_jk, sum_k y_ijk <= 1 - sum_k x_ik, and y_ijk >= x_jk - sum_k x_ik, so that
    what a loss-making item would take over is counted too.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    model = _Model(len(limits))
    for group in groups:
        model.add(group, transfer)
    held = [number for number, limit in enumerate(limits) if np.isfinite(limit)]
    for number in held:
        model.row(dict(_that_use(model.usage, number)), float(limits[number]))
    size = len(model.cost)
    matrix = csr_array((model.data, (model.rows, model.columns)), shape=(len(model.upper), size))
    answer = milp(
        -np.array(model.cost),
        integrality=np.array(model.integer),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(matrix, -np.inf, np.array(model.upper)),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return Exact(options=(), value=-np.inf, bound=np.inf, status="infeasible")
    options = tuple(
        tuple(
            next((k + 1 for k, column in enumerate(columns) if answer.x[column] > 0.5), 0)
            for columns in group
        )
        for group in model.offered
    )
    return Exact(
        options=options,
        value=-float(answer.fun),
        bound=-float(answer.mip_dual_bound),
        status="optimal" if answer.status == 0 else "time_limit",
    )


def _that_use(usage: list[FloatArray], limit: int) -> list[tuple[int, float]]:
    """Return the columns that use a limit, and how much."""
    return [(column, float(u[limit])) for column, u in enumerate(usage) if u[limit] != 0.0]


class _Model:
    """Columns and rows as they are added."""

    def __init__(self, limits: int) -> None:
        self._none = np.zeros(limits)
        self.cost: list[float] = []
        self.integer: list[int] = []
        self.usage: list[FloatArray] = []
        self.offered: list[list[list[int]]] = []
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.data: list[float] = []
        self.upper: list[float] = []

    def column(self, cost: float, usage: FloatArray, *, integer: bool) -> int:
        self.cost.append(cost)
        self.usage.append(usage)
        self.integer.append(int(integer))
        return len(self.cost) - 1

    def row(self, entries: dict[int, float], upper: float) -> None:
        for column, value in entries.items():
            self.rows.append(len(self.upper))
            self.columns.append(column)
            self.data.append(value)
        self.upper.append(upper)

    def add(self, group: Sequence[Candidate], transfer: float) -> None:
        demand = np.array([candidate.demand for candidate in group])
        shares = transfer_shares(demand)
        x = [
            [
                self.column(
                    option.contribution * candidate.demand - option.fixed,
                    option.per_unit * candidate.demand,
                    integer=True,
                )
                for option in candidate.options
            ]
            for candidate in group
        ]
        self.offered.append(x)
        for columns in x:
            self.row(dict.fromkeys(columns, 1.0), 1.0)
        for i, candidate in enumerate(group):
            for j, other in enumerate(group):
                units = transfer * candidate.demand * shares[i, j]
                if i == j or units == 0.0:
                    continue
                taken = []
                for k, option in enumerate(other.options):
                    y = self.column(
                        option.contribution * units, option.per_unit * units, integer=False
                    )
                    taken.append(y)
                    self.row({y: 1.0, x[j][k]: -1.0}, 0.0)
                    here = {x[j][k]: 1.0, y: -1.0}
                    self.row({**here, **dict.fromkeys(x[i], -1.0)}, 0.0)
                self.row({**dict.fromkeys(taken, 1.0), **dict.fromkeys(x[i], 1.0)}, 1.0)
