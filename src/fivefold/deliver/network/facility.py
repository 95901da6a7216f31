"""Where to have facilities: capacitated facility location, exactly or greedily with a bound.

Customers may be served from several facilities. What no facility serves costs `outside` a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facilities:
    """A facility location problem over arcs.

    Parameters
    ----------
    site, customer : ndarray, shape (n_arcs,)
        Ends of each arc that may be used.
    unit_cost : ndarray, shape (n_arcs,)
        Cost of a unit over it.
    demand : ndarray, shape (n_customers,)
    capacity, fixed_cost : ndarray, shape (n_sites,)
    outside : float
        Cost of a unit no site serves; infinite where all must be served.
    """

    site: Ints
    customer: Ints
    unit_cost: Floats
    demand: Floats
    capacity: Floats
    fixed_cost: Floats
    outside: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """An answer: cost, a proven bound, who is open, what flows on each arc."""

    cost: float
    bound: float
    open: NDArray[np.bool_]
    units: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One step of the greedy choice, with the proof that no site was worth more."""

    site: int
    gain: float
    gain_bound: float
    next_best: int
    next_best_gain_bound: float
    units: Floats


def solve_exact(problem: Facilities, *, seconds: float, gap: float = 1e-6) -> Located:
    """Return the best set of sites by HiGHS within a time limit, with the bound it proved.

    Notes
    -----
    ==================  ================================================  ========
    symbol              column                                            unit
    ==================  ================================================  ========
    y_i                 site i is open, 0 or 1                            sites
    x_ij                what customer j gets from i, at most min(d_j, K_i)  units
    ==================  ================================================  ========

    with x_ij <= d_j y_i beside the capacity rows: the strong formulation (Krarup, Pruzan 1983).
    """
    import highspy
    from scipy.sparse import csr_matrix, vstack

    sites, customers, arcs = len(problem.capacity), len(problem.demand), len(problem.site)
    served = np.isfinite(problem.outside)
    columns = sites + arcs + (customers if served else 0)
    arc = np.arange(arcs)
    most = np.minimum(problem.demand[problem.customer], problem.capacity[problem.site])
    meets = csr_matrix((np.ones(arcs), (problem.customer, sites + arc)), (customers, columns))
    if served:
        meets = meets + csr_matrix(
            (np.ones(customers), (np.arange(customers), sites + arcs + np.arange(customers))),
            (customers, columns),
        )
    holds = csr_matrix(
        (
            np.concatenate([np.ones(arcs), -problem.capacity]),
            (
                np.concatenate([problem.site, np.arange(sites)]),
                np.concatenate([sites + arc, np.arange(sites)]),
            ),
        ),
        (sites, columns),
    )
    links = csr_matrix(
        (
            np.concatenate([np.ones(arcs), -most]),
            (np.concatenate([arc, arc]), np.concatenate([sites + arc, problem.site])),
        ),
        (arcs, columns),
    )
    matrix = vstack([meets, holds, links]).tocsr()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, matrix.shape[0]
    outside = np.full(customers, problem.outside) if served else np.zeros(0)
    model.col_cost_ = np.concatenate([problem.fixed_cost, problem.unit_cost, outside])
    model.col_lower_ = np.zeros(columns)
    model.col_upper_ = np.concatenate(
        [np.ones(sites), most, problem.demand if served else np.zeros(0)]
    )
    model.row_lower_ = np.concatenate([problem.demand, np.full(sites + arcs, -np.inf)])
    model.row_upper_ = np.concatenate([problem.demand, np.zeros(sites + arcs)])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    model.integrality_ = [highspy.HighsVarType.kInteger] * sites + [
        highspy.HighsVarType.kContinuous
    ] * (columns - sites)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", float(seconds))
    solver.setOptionValue("mip_rel_gap", gap)
    solver.passModel(model)
    solver.run()
    found = solver.getInfo()
    values = np.array(solver.getSolution().col_value)
    if values.size == 0 or not np.isfinite(found.objective_function_value):
        nothing = np.zeros(sites, dtype=bool)
        return Located(cost=np.inf, bound=-np.inf, open=nothing, units=np.zeros(arcs))
    return Located(
        cost=float(found.objective_function_value),
        bound=float(found.mip_dual_bound),
        open=values[:sites] > 0.5,
        units=values[sites : sites + arcs],
    )


class Transport:
    """The flow at least cost for the sites that are open, solved again as sites open."""

    def __init__(self, problem: Facilities, is_open: NDArray[np.bool_]) -> None:
        import highspy
        from scipy.sparse import csc_matrix

        if not np.isfinite(problem.outside):
            raise ValueError("Transport needs a finite outside cost")
        self.problem = problem
        arcs, customers, sites = len(problem.site), len(problem.demand), len(problem.capacity)
        rows = np.concatenate([problem.customer, customers + problem.site, np.arange(customers)])
        cols = np.concatenate([np.arange(arcs), np.arange(arcs), arcs + np.arange(customers)])
        matrix = csc_matrix(
            (np.ones(len(rows)), (rows, cols)), (customers + sites, arcs + customers)
        )
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = arcs + customers, customers + sites
        model.col_cost_ = np.concatenate([problem.unit_cost, np.full(customers, problem.outside)])
        model.col_lower_ = np.zeros(arcs + customers)
        model.col_upper_ = np.full(arcs + customers, np.inf)
        model.row_lower_ = np.concatenate([problem.demand, np.full(sites, -np.inf)])
        model.row_upper_ = np.concatenate(
            [problem.demand, np.where(is_open, problem.capacity, 0.0)]
        )
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("threads", 1)
        self._solver.passModel(model)
        self.units = np.zeros(arcs)
        self.prices = np.zeros(customers)
        self.cost = self.solve()

    def solve(self) -> float:
        """Return the cost of the flow; `units` and the customers' `prices` are kept."""
        self._solver.run()
        arcs, customers = len(self.problem.site), len(self.problem.demand)
        solution = self._solver.getSolution()
        self.units = np.array(solution.col_value)[:arcs]
        self.prices = np.array(solution.row_dual)[:customers]
        self.cost = float(self._solver.getInfo().objective_function_value)
        return self.cost

    def set_open(self, site: int, *, is_open: bool) -> None:
        """Open or close a site for the next `solve`."""
        row = len(self.problem.demand) + site
        self._solver.changeRowBounds(
            row, -np.inf, float(self.problem.capacity[site]) if is_open else 0.0
        )

    def set_room(self, site: int, units: float) -> None:
        """Give a site other capacity for the next `solve`."""
        self._solver.changeRowBounds(len(self.problem.demand) + site, -np.inf, float(units))


def worth_at_prices(problem: Facilities, prices: Floats) -> Floats:
    """Return what each site would earn at most at the customers' prices, its fixed cost apart.

    A fractional knapsack for each site: it serves whom it pays most to serve until it is full.
    By linear duality no set of sites with this one added costs less than the same set without
    it by more than this, prices being an optimal dual of the set without.
    """
    margin = prices[problem.customer] - problem.unit_cost
    good = np.flatnonzero(margin > 1e-9)
    order = good[np.lexsort((-margin[good], problem.site[good]))]
    site = problem.site[order]
    units = problem.demand[problem.customer[order]]
    total = np.cumsum(units)
    first = np.r_[True, site[1:] != site[:-1]] if site.size else np.zeros(0, dtype=bool)
    before = np.maximum.accumulate(np.where(first, total - units, 0.0))
    room = problem.capacity[site] - (total - units - before)
    taken = np.clip(room, 0.0, units)
    earned = np.bincount(site, weights=taken * margin[order], minlength=len(problem.capacity))
    return earned.astype(float)


def bound_at_prices(
    problem: Facilities, prices: Floats, *, standing: NDArray[np.bool_], most: int
) -> float:
    """Return a lower bound on the cost of the standing sites with any `most` others.

    Lagrangian relaxation of the demand rows: Cornuejols, Sridharan, Thizy (1991), "A comparison
    of heuristics and relaxations for the capacitated plant location problem", *EJOR* 50, 280-297.
    """
    capped = np.clip(prices, None, problem.outside)
    worth = worth_at_prices(problem, capped)
    gain = worth - problem.fixed_cost
    others = np.sort(np.maximum(gain[~standing], 0.0))[::-1][:most]
    kept = (problem.fixed_cost - worth)[standing].sum()
    return float((problem.demand * capped).sum() + kept - others.sum())


def open_greedily(
    problem: Facilities, *, standing: NDArray[np.bool_], most: int, tries: int = 3
) -> tuple[list[Opening], Located, Floats]:
    """Open `most` sites one by one, each time the one that saves most.

    Parameters
    ----------
    standing : ndarray of bool
        Sites that are open already and stay.
    tries : int
        Sites tried at each step, those whose bound is highest first; it ends sooner where one
        saves at least what the next can save at most.

    Returns
    -------
    list of Opening
    Located
        With the bound over every choice of `most` sites.
    ndarray
        Flow before anything was opened.
    """
    is_open = standing.copy()
    transport = Transport(problem, is_open)
    before = transport.units.copy()
    bound = bound_at_prices(problem, transport.prices, standing=standing, most=most)
    steps: list[Opening] = []
    for _ in range(most):
        cost = transport.cost
        limit = worth_at_prices(problem, transport.prices) - problem.fixed_cost
        limit[is_open] = -np.inf
        order: Sequence[int] = np.argsort(-limit, kind="stable")[: tries + 1].tolist()
        if not np.isfinite(limit[order[0]]):
            break
        gains: dict[int, float] = {}
        for k, site in enumerate(order[:tries]):
            transport.set_open(site, is_open=True)
            gains[site] = cost - transport.solve() - float(problem.fixed_cost[site])
            transport.set_open(site, is_open=False)
            if k + 1 < len(order) and max(gains.values()) >= limit[order[k + 1]]:
                break
        best = max(gains, key=lambda s: (gains[s], -s))
        others = [site for site in order if site != best and np.isfinite(limit[site])]
        second = others[0] if others else -1
        transport.set_open(best, is_open=True)
        transport.solve()
        is_open[best] = True
        bound = max(bound, bound_at_prices(problem, transport.prices, standing=standing, most=most))
        steps.append(
            Opening(
                site=best,
                gain=gains[best],
                gain_bound=float(limit[order[0]]),
                next_best=second,
                next_best_gain_bound=float(gains.get(second, limit[second]))
                if second >= 0
                else 0.0,
                units=transport.units.copy(),
            )
        )
    total = transport.cost + float(problem.fixed_cost[is_open].sum())
    return steps, Located(cost=total, bound=bound, open=is_open, units=transport.units), before
