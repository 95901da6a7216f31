"""Lot sizes under capacity: what is asked, what a plan of lots is, what it costs.

Periods and products are numbers. Knows no dataset and no solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotProblem:
    """Products of several levels on shared resources, n products, m resources, T periods.

    Parameters
    ----------
    demand : array, shape (n, T)
        Units wanted in each period from outside; below 0 it is a receipt.
    setup_cost, hold_cost : array, shape (n,)
        Money a set-up; money a unit kept over the end of a period.
    needs : list of (component, product, units)
        Units of a component that one started unit of a product takes.
    lead_periods : array of int, shape (n,)
        Periods from a start until its units are there.
    hours_per_unit, setup_hours : array, shape (m, n)
    hours : array, shape (m, T)
        Regular capacity.
    overtime_cost : array, shape (m,)
        Money an hour beyond capacity.
    overtime_hours : array, shape (m, T)
        Most hours beyond capacity; infinite where only its price limits it.
    late_cost : array, shape (n,)
        Money a unit of outside demand served a period late; infinite where it must be in time.
    can_make : array of bool, shape (n,)
        False for what is only bought: its receipts stand in `demand`.
    carry_over : bool
        A product set up last in a period goes on in the next without a set-up (linked lots).
    changeover_cost : array, shape (n, n), optional
        With it each resource holds one product a period, and turning from one to another costs
        this much (discrete lot sizing); `setup_cost` is then not charged.
    """

    demand: FloatArray
    setup_cost: FloatArray
    hold_cost: FloatArray
    hours_per_unit: FloatArray
    setup_hours: FloatArray
    hours: FloatArray
    overtime_cost: FloatArray
    overtime_hours: FloatArray
    late_cost: FloatArray
    can_make: BoolArray
    lead_periods: NDArray[np.int64]
    needs: list[tuple[int, int, float]] = field(default_factory=list)
    carry_over: bool = False
    changeover_cost: FloatArray | None = None

    @property
    def products(self) -> int:
        """Number of products."""
        return int(self.demand.shape[0])

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.demand.shape[1])

    @property
    def resources(self) -> int:
        """Number of resources."""
        return int(self.hours.shape[0])

    def pacing(self) -> NDArray[np.int64]:
        """Return the resource whose set-up a product can carry over: its longest, else busiest."""
        if not self.resources:
            return np.full(self.products, -1)
        weight = self.setup_hours * 1e6 + self.hours_per_unit
        return np.where(weight.max(axis=0) > 0, weight.argmax(axis=0), -1)

    @property
    def has_later_receipts(self) -> bool:
        """Whether stock comes in after the first period: more may be made early than is missing."""
        return bool(np.any(self.demand[:, 1:] < 0))

    def required_starts(self, *, gross: bool = False) -> FloatArray:
        """Return the units of each product whose start is newly required by each period.

        Echelon demand: what the product and everything made of it needs, netted period by
        period against receipts, moved forward by lead times. Infinite late cost or not, no plan
        serves all demand in time with fewer; `gross` leaves receipts out. Shape (n, T).

        References
        ----------
        .. [1] Afentakis, Gavish (1986), Optimal lot-sizing algorithms for complex product
           structures, *Operations Research* 34(2), 237–249: echelon demand.
        """
        users: dict[int, list[tuple[int, float]]] = {}
        for component, product, units in self.needs:
            users.setdefault(component, []).append((product, units))
        found: dict[int, FloatArray] = {}

        def starts(product: int) -> FloatArray:
            if product not in found:
                wanted = self.demand[product].astype(np.float64).copy()
                if gross:
                    wanted = np.maximum(wanted, 0.0)
                for user, units in users.get(product, []):
                    wanted += units * starts(user)
                total = np.maximum.accumulate(np.maximum(np.cumsum(wanted), 0.0))
                lead = int(self.lead_periods[product])
                if lead:
                    total = np.concatenate([total[lead:], np.full(lead, total[-1])])
                found[product] = np.diff(total, prepend=0.0)
            return found[product]

        return np.array([starts(product) for product in range(self.products)])


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPlan:
    """Units started, set-ups paid and states carried, each of shape (n, T)."""

    starts: FloatArray
    setups: BoolArray
    carried: BoolArray
    cost: float
    bound: float
    status: str


def cost_of(problem: LotProblem, plan: LotPlan, *, tolerance: float = 1e-4) -> float:
    """Return the cost of a plan, worked out anew from starts and set-ups alone.

    Raises
    ------
    ValueError
        If the plan breaks a rule of the problem; the first found is named.
    """
    n, periods = problem.products, problem.periods
    active = plan.setups | plan.carried
    if np.any((plan.starts > tolerance) & ~active):
        raise ValueError("units are started without a set-up")
    coming = np.zeros_like(plan.starts)
    for product in range(n):
        lead = int(problem.lead_periods[product])
        if lead < periods:
            coming[product, lead:] = plan.starts[product, : periods - lead]
    flow = coming - problem.demand
    for component, product, units in problem.needs:
        flow[component] -= units * plan.starts[product]
    level = np.cumsum(flow, axis=1)
    scale = 1.0 + np.abs(problem.demand).sum()
    may_be_late = np.isfinite(problem.late_cost)
    if np.any((level < -tolerance * scale) & ~may_be_late[:, None]):
        raise ValueError("a product is short that must not be late")
    cost = float((problem.hold_cost[:, None] * np.maximum(level, 0.0)).sum())
    late = np.where(may_be_late, problem.late_cost, 0.0)
    cost += float((late[:, None] * np.maximum(-level, 0.0)).sum())
    cost += _turning_cost(problem, plan)
    return cost + _overtime_cost(problem, plan, tolerance * scale)


def _turning_cost(problem: LotProblem, plan: LotPlan) -> float:
    """Return the price of set-ups, or of change-overs in the sequence of what is made."""
    table = problem.changeover_cost
    if table is None:
        _check_carried(problem, plan)
        return float((problem.setup_cost[:, None] * plan.setups).sum())
    total = 0.0
    pacing = problem.pacing()
    for resource in range(problem.resources):
        here = np.flatnonzero(pacing == resource)
        made = plan.starts[here] > 1e-6
        if np.any(made.sum(axis=0) > 1):
            raise ValueError("two products share a period of a resource that holds one")
        sequence = [int(here[column.argmax()]) for column in made.T if column.any()]
        total += sum(table[one, other] for one, other in pairwise(sequence))
    return float(total)


def _check_carried(problem: LotProblem, plan: LotPlan) -> None:
    """Hold carried states to their rules: one a resource, from a period in which it was set up."""
    if not plan.carried.any():
        return
    if not problem.carry_over:
        raise ValueError("a set-up is carried over where none may be")
    pacing = problem.pacing()
    for product, period in np.argwhere(plan.carried):
        mates = pacing == pacing[product]
        if period == 0 or plan.carried[mates, period].sum() > 1:
            raise ValueError("two set-ups are carried over on one resource")
        before = period - 1
        if not plan.setups[product, before] and not (
            plan.carried[product, before] and not plan.setups[mates, before].any()
        ):
            raise ValueError("a set-up is carried over that did not stand last")


def _overtime_cost(problem: LotProblem, plan: LotPlan, slack: float) -> float:
    used = problem.hours_per_unit @ plan.starts + problem.setup_hours @ plan.setups
    pacing = problem.pacing()
    for product, period in np.argwhere(plan.carried & ~plan.setups):
        for resource in range(problem.resources):
            if resource != pacing[product]:
                used[resource, period] += problem.setup_hours[resource, product]
    over = np.maximum(used - problem.hours, 0.0)
    if np.any(over > problem.overtime_hours + slack):
        raise ValueError("a resource works more hours than it has")
    return float((problem.overtime_cost[:, None] * np.minimum(over, problem.overtime_hours)).sum())
