"""Where safety stock should stand in a network whose stages quote service times.

The guaranteed-service model: each stage promises its customers a service time and holds
what demand can reach, up to a bound, during its net replenishment time. Exact on trees by
dynamic programming, on other acyclic networks by branch and bound on Lagrangian bounds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivefold.maths.graphs import low_level_codes
from fivefold.plan.stock import tree_kernels as kernels

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

#: Steps a unit of time may be cut into, so that all times are whole.
FINEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNetwork:
    """Stages that quote service times to each other.

    Parameters
    ----------
    processing_time : array_like, shape (n,)
        From having all inputs to having the output; rational with a denominator up to 1000.
    holding_cost : array_like, shape (n,)
        Cost of holding a unit of the stage's output for a period. [h]
    demand_bound : array_like, shape (n,)
        Units above the mean that the bound on demand allows in one period; over t periods
        it is this times t ** `bound_exponent`. Usually z times sigma. [k sigma]
    arcs : sequence of (supplier, customer)
        Numbers of stages.
    longest_service_time : array_like, shape (n,)
        Longest service time a stage may quote; NaN where it is free. Stages without
        customers must have one.
    bound_exponent : float
        In (0, 1]; 0.5 for independent periods.
    """

    processing_time: ArrayLike
    holding_cost: ArrayLike
    demand_bound: ArrayLike
    arcs: Sequence[tuple[int, int]]
    longest_service_time: ArrayLike
    bound_exponent: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Service times and the safety stock they need.

    Attributes
    ----------
    quoted, incoming, net_time : ndarray, shape (n,)
        Service time to customers, from the slowest supplier, and the time to bridge from
        stock: incoming + processing - quoted.
    safety_stock : ndarray, shape (n,)
        Units.
    cost, bound : float
        Holding cost of the safety stock a period; proven lower bound on it.
    branches : int
        Subproblems bounded; 0 on trees.
    """

    quoted: FloatArray
    incoming: FloatArray
    net_time: FloatArray
    safety_stock: FloatArray
    cost: float
    bound: float
    branches: int

    @property
    def gap(self) -> float:
        """Relative distance from cost to bound."""
        return (self.cost - self.bound) / max(1e-12, abs(self.cost))


def place_safety_stock(
    network: ServiceNetwork,
    *,
    relative_gap: float = 1e-6,
    branches: int = 100_000,
    stop: Callable[[], bool] | None = None,
) -> Placement:
    """Return service times of least safety-stock cost.

    Parameters
    ----------
    network : ServiceNetwork
        Acyclic; it may fall into parts.
    relative_gap : float
        Ends when cost and bound are this close.
    branches : int
        Ends after this many subproblems; the bound stays valid.
    stop : callable, optional
        Asked before each subproblem; True ends the search, for callers with a clock.

    Raises
    ------
    ValueError
        If the arcs form a circle, a stage without customers has no longest service time, a
        figure is negative, or times have no common step.

    References
    ----------
    .. [1] Graves, Willems (2000), "Optimizing strategic safety stock placement in supply
       chains", M&SOM 2(1): the dynamic programme on trees.
    .. [2] Humair, Willems (2011), "Optimizing strategic safety stock placement in general
       acyclic networks", Operations Research 59(3): branch and bound on trees. Here the
       arcs outside the tree are priced (Lagrange) instead of left out.

    Examples
    --------
    >>> chain = ServiceNetwork(
    ...     processing_time=[4, 1], holding_cost=[1, 2], demand_bound=[10, 10],
    ...     arcs=[(0, 1)], longest_service_time=[float("nan"), 0],
    ... )
    >>> place_safety_stock(chain).quoted.tolist()
    [0.0, 0.0]
    """
    problem = _Problem.build(network)
    n = problem.time.size
    quoted = np.zeros(n, dtype=np.int64)
    bound, count = 0.0, 0
    for part in problem.parts():
        search = _Search(problem, part)
        search.run(relative_gap=relative_gap, branches=branches - count, stop=stop)
        quoted[part] = search.best_quoted
        bound += search.bound
        count += search.branches
    incoming = np.zeros(n, dtype=np.int64)
    kernels.repair(
        problem.order, quoted, problem.time, problem.starts, problem.suppliers,
        problem.highest, incoming,
    )  # fmt: skip
    net = incoming + problem.time - quoted
    cost = float(kernels.total_cost(problem.cost, quoted, incoming, problem.time))
    return Placement(
        quoted=quoted / problem.steps,
        incoming=incoming / problem.steps,
        net_time=net / problem.steps,
        safety_stock=problem.units[np.arange(n), net],
        cost=cost,
        bound=min(cost, bound),
        branches=count,
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """The network in whole steps: arrays of shape (n,), cost and units of shape (n, m)."""

    time: IntArray
    highest: IntArray
    cost: FloatArray
    units: FloatArray
    arc_from: IntArray
    arc_to: IntArray
    order: IntArray
    starts: IntArray
    suppliers: IntArray
    steps: int

    @classmethod
    def build(cls, network: ServiceNetwork) -> _Problem:
        times = np.asarray(network.processing_time, dtype=np.float64)
        longest = np.asarray(network.longest_service_time, dtype=np.float64)
        held = np.asarray(network.holding_cost, dtype=np.float64)
        bounds = np.asarray(network.demand_bound, dtype=np.float64)
        n = times.size
        for name, values in (
            ("processing_time", times),
            ("holding_cost", held),
            ("demand_bound", bounds),
        ):
            if values.shape != (n,) or np.any(values < 0) or not np.all(np.isfinite(values)):
                raise ValueError(f"{name} must be {n} finite figures of at least 0")
        arcs = sorted(set(network.arcs))
        selling = {supplier for supplier, _ in arcs}
        open_ended = [i for i in range(n) if i not in selling and np.isnan(longest[i])]
        if open_ended:
            raise ValueError(f"stages {open_ended} have no customer and no longest service time")
        codes = low_level_codes([*arcs, *((i, "end") for i in range(n))])
        order = np.array(sorted(range(n), key=lambda i: codes[i]), dtype=np.int64)
        steps = _steps(np.concatenate([times, longest[~np.isnan(longest)]]))
        time = np.rint(times * steps).astype(np.int64)
        by_customer: list[list[int]] = [[] for _ in range(n)]
        for supplier, customer in arcs:
            by_customer[customer].append(supplier)
        reach = time.copy()
        for i in order:
            reach[i] += max((reach[j] for j in by_customer[i]), default=0)
        limit = np.where(np.isnan(longest), np.inf, np.rint(longest * steps))
        highest = np.minimum(reach, limit).astype(np.int64)
        width = int(reach.max()) + 1
        units = bounds[:, None] * (np.arange(width)[None, :] / steps) ** network.bound_exponent
        return cls(
            time=time,
            highest=highest,
            cost=held[:, None] * units,
            units=units,
            arc_from=np.array([arc[0] for arc in arcs], dtype=np.int64),
            arc_to=np.array([arc[1] for arc in arcs], dtype=np.int64),
            order=order,
            starts=np.concatenate([[0], np.cumsum([len(js) for js in by_customer])]).astype(
                np.int64
            ),
            suppliers=np.array([j for js in by_customer for j in js], dtype=np.int64),
            steps=steps,
        )

    def parts(self) -> list[IntArray]:
        """Return the stages of each connected part."""
        label = np.arange(self.time.size)

        def root(i: int) -> int:
            while label[i] != i:
                label[i] = label[label[i]]
                i = int(label[i])
            return i

        for supplier, customer in zip(self.arc_from, self.arc_to, strict=True):
            label[root(int(supplier))] = root(int(customer))
        roots = np.array([root(i) for i in range(self.time.size)], dtype=np.int64)
        return [np.flatnonzero(roots == name) for name in np.unique(roots)]

    def part(self, stages: IntArray) -> _Problem:
        """Return one connected part as a problem of its own."""
        if stages.size == self.time.size:
            return self
        number = np.full(self.time.size, -1, dtype=np.int64)
        number[stages] = np.arange(stages.size)
        inside = number[self.arc_from] >= 0
        lists = [
            number[self.suppliers[self.starts[i] : self.starts[i + 1]]].tolist() for i in stages
        ]
        return _Problem(
            time=self.time[stages],
            highest=self.highest[stages],
            cost=self.cost[stages],
            units=self.units[stages],
            arc_from=number[self.arc_from[inside]],
            arc_to=number[self.arc_to[inside]],
            order=number[self.order[number[self.order] >= 0]],
            starts=np.concatenate([[0], np.cumsum([len(js) for js in lists])]).astype(np.int64),
            suppliers=np.array([j for js in lists for j in js], dtype=np.int64),
            steps=self.steps,
        )


def _steps(times: FloatArray) -> int:
    """Return into how many steps a unit of time must be cut for all times to be whole."""
    steps = 1
    for time in np.unique(times):
        fraction = Fraction(float(time)).limit_denominator(FINEST)
        if abs(float(fraction) - time) > 1e-9:
            raise ValueError(f"time {time} has no denominator up to {FINEST}")
        steps = int(np.lcm(steps, fraction.denominator))
    if steps > FINEST:
        raise ValueError(f"times have no common step; 1/{steps} would be needed")
    return steps


@dataclass(order=True, slots=True)
class _Branch:
    """A subproblem: bound, number, domains (4, n), prices, and service times at the bound."""

    bound: float
    number: int
    domains: IntArray = field(compare=False)
    price: FloatArray = field(compare=False)
    quoted: IntArray = field(compare=False)
    incoming: IntArray = field(compare=False)


class _Search:
    """Branch and bound on one connected part."""

    def __init__(self, whole: _Problem, stages: IntArray) -> None:
        self.problem = problem = whole.part(stages)
        n = problem.time.size
        self.order, self.parent, self.towards, loose = _spanning_tree(problem)
        self.loose_from, self.loose_to = problem.arc_from[loose], problem.arc_to[loose]
        self.best_quoted = np.where(
            np.isin(np.arange(n), problem.arc_from), 0, problem.highest
        ).astype(np.int64)
        self.cost = kernels.INFINITE
        self.bound = -kernels.INFINITE
        self.branches = 0

    def run(self, *, relative_gap: float, branches: int, stop: Callable[[], bool] | None) -> None:
        """Search until the gap is closed, or the branches or the caller's time are used up."""
        problem = self.problem
        n = problem.time.size
        domains = np.zeros((4, n), dtype=np.int64)
        domains[1] = problem.highest
        domains[3] = problem.cost.shape[1] - 1
        tree = self.loose_from.size == 0
        if not tree:
            self._try(self.best_quoted)
        root = self._bounded(domains, np.zeros(self.loose_from.size), 1 if tree else 400, 1.0)
        if root is None:
            raise AssertionError("the whole domain always has a solution")
        if tree:
            self.bound = self.cost
            return
        heap = [root]
        while heap:
            self.bound = min(heap[0].bound, self.cost)
            enough = self.bound >= self.cost * (1 - relative_gap) - 1e-9
            if enough or self.branches >= branches or (stop is not None and stop()):
                return
            branch = heapq.heappop(heap)
            for child in self._split(branch):
                if child.bound < self.cost * (1 - relative_gap) - 1e-9:
                    heapq.heappush(heap, child)
        self.bound = self.cost

    def _bounded(
        self, domains: IntArray, price: FloatArray, rounds: int, step: float
    ) -> _Branch | None:
        """Return a subproblem with its bound; None where its domains are empty."""
        problem = self.problem
        self.branches += self.loose_from.size > 0
        if not kernels.tighten(
            problem.arc_from, problem.arc_to, problem.starts, problem.suppliers,
            problem.order, problem.time, domains[0], domains[1], domains[2], domains[3],
        ):  # fmt: skip
            return None
        met = self.best_quoted.copy()
        price = price.copy()
        bound, found, quoted, incoming = kernels.raise_bound(
            self.order, self.parent, self.towards, problem.time, problem.cost,
            domains[0], domains[1], domains[2], domains[3],
            self.loose_from, self.loose_to, price, rounds, self.cost, step,
            problem.order, problem.starts, problem.suppliers, problem.highest, met,
        )  # fmt: skip
        if found < self.cost:
            self.cost, self.best_quoted = found, met
            if self.loose_from.size:
                self._try(met)
        if bound >= kernels.INFINITE:
            return None
        return _Branch(bound, self.branches, domains, price, quoted, incoming)

    def _try(self, quoted: IntArray) -> None:
        """Improve service times locally and keep them where they are the best so far."""
        problem = self.problem
        trial, incoming = quoted.copy(), np.zeros_like(quoted)
        cost = kernels.improve(
            problem.order, trial, problem.time, problem.starts, problem.suppliers,
            problem.highest, problem.cost, incoming,
        )  # fmt: skip
        if cost < self.cost:
            self.cost, self.best_quoted = cost, trial

    def _split(self, branch: _Branch) -> list[_Branch]:
        """Return the two halves of a subproblem, cut where an arc outside the tree fails."""
        slack = branch.quoted[self.loose_from] - branch.incoming[self.loose_to]
        q_low, q_high = branch.domains[0], branch.domains[1]
        free = q_high[self.loose_from] > q_low[self.loose_from]
        harm = np.where(free, np.abs(slack) * (branch.price + 1e-9), -1.0)
        if harm.max() > 0:
            arc = int(np.argmax(harm))
            stage = int(self.loose_from[arc])
            middle = (branch.quoted[stage] + branch.incoming[self.loose_to[arc]]) // 2
        else:
            width = q_high - q_low
            stage = int(np.argmax(width))
            if width[stage] == 0:
                return []
            middle = (q_low[stage] + q_high[stage]) // 2
        middle = int(np.clip(middle, q_low[stage], q_high[stage] - 1))
        halves = []
        for row, value in ((1, middle), (0, middle + 1)):
            domains = branch.domains.copy()
            domains[row, stage] = value
            child = self._bounded(domains, branch.price, 40, 0.3)
            if child is not None:
                child.bound = max(child.bound, branch.bound)
                halves.append(child)
        return halves


def _spanning_tree(
    problem: _Problem,
) -> tuple[IntArray, IntArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (order, parent, towards customer) of a tree of the costliest arcs; arcs left out."""
    n, m = problem.time.size, problem.arc_from.size
    weight = problem.cost[:, -1]
    gain = weight[problem.arc_from] + weight[problem.arc_to]
    label = list(range(n))

    def root(i: int) -> int:
        while label[i] != i:
            label[i] = label[label[i]]
            i = label[i]
        return i

    loose = np.ones(m, dtype=np.bool_)
    near: list[list[tuple[int, bool]]] = [[] for _ in range(n)]
    for arc in np.argsort(-gain, kind="stable"):
        supplier, customer = int(problem.arc_from[arc]), int(problem.arc_to[arc])
        if root(supplier) == root(customer):
            continue
        label[root(supplier)] = root(customer)
        loose[arc] = False
        near[supplier].append((customer, True))
        near[customer].append((supplier, False))
    parent = np.full(n, -1, dtype=np.int64)
    towards = np.zeros(n, dtype=np.bool_)
    visited = [0]
    for i in visited:
        for j, i_supplies in near[i]:
            if j != parent[i]:
                parent[j] = i
                towards[j] = not i_supplies
                visited.append(j)
    return np.array(visited[::-1], dtype=np.int64), parent, towards, loose
