"""Which sites to open, grow and close in which quarter, with a proven bound.

Prices a parcel at each zone and quarter tell each site alone what it would best do; they move
until the sites together serve what is wanted. What they agree on most is then served exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.network.phase_search import PhaseFlows, Prices, agreed, improved
from fivefold.deliver.network.phasing import Phased

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An answer: modules by site and quarter (-1: not open), its cost, a bound, flows by quarter.

    `value` is what each site saves over the horizon at the prices of the bound; `flow_prices`
    are those of the flows, by zone and quarter.
    """

    modules: Ints
    cost: float
    bound: float
    units: Floats
    value: Floats
    prices: Floats
    flow_prices: Floats


def plan_phases(problem: Phased, *, steps: int = 250, tries: int = 400) -> Schedule:
    """Return a schedule of sites and no less than what any schedule costs.

    Notes
    -----
    Lagrangian relaxation of the demand rows, each site's part a dynamic program over quarters
    and sizes with a fractional knapsack inside (after Van Roy, Erlenkotter 1982, "A dual-based
    procedure for dynamic facility location", *Management Science* 28, 1091-1105; capacities
    as Cornuejols, Sridharan, Thizy 1991). Flows are then solved exactly, quarter by quarter, for
    the schedules on which the last steps agree most; the best is improved site by site, see
    `phase_search.improved`.
    """
    relaxed = Prices(problem)
    zones, quarters = problem.demand.shape
    flat = problem.sites

    now_open = np.where(problem.standing[:, None], 0, -1) * np.ones((1, quarters), np.int64)
    flows = PhaseFlows(problem, now_open)
    cost = flows.cost
    # First prices: the cheapest unit where a full site shares its standing cost out evenly.
    a_unit = (flat.fixed_cost + problem.opening / problem.days) / np.maximum(flat.capacity, 1e-9)
    cheapest = np.full(zones, flat.outside)
    np.minimum.at(cheapest, flat.customer, flat.unit_cost + a_unit[flat.site])
    price = np.repeat(cheapest[:, None], quarters, axis=1)
    best = now = relaxed.bound(price)
    best_price, best_value = price, relaxed.value.copy()
    kept: list[Ints] = []
    pace, failed = 1.0, 0
    toward = problem.demand - relaxed.served
    for step in range(steps):
        norm = float((toward * toward).sum())
        if norm <= 1e-12:
            break
        # Half way to the known cost at most, a twentieth above the best bound once that is near.
        reach = pace * max(min(cost, best + max(0.05 * abs(best), 0.02 * cost)) - now, 1e-4 * cost)
        price = np.clip(price + reach / (norm * problem.days) * toward, 0.0, flat.outside)
        now = relaxed.bound(price)
        if now > best + 1e-7 * abs(best):
            best, best_price, best_value, failed = now, price, relaxed.value.copy(), 0
        else:
            failed += 1
        if failed >= 6:
            pace, failed, price = pace * 0.7, 0, best_price
            now = relaxed.bound(price)
            toward = np.zeros_like(toward)
        if 2 * step >= steps:
            kept.append(relaxed.schedule.copy())
        toward = 0.6 * toward + 0.4 * (problem.demand - relaxed.served)
    best_schedule = now_open
    for tried in agreed(kept):
        flows.become(tried)
        if flows.cost < cost:
            cost, best_schedule = flows.cost, tried
        price = np.clip(flows.prices, 0.0, flat.outside)
        now = relaxed.bound(price)
        if now > best:
            best, best_price, best_value = now, price, relaxed.value.copy()
    flows.become(best_schedule)
    improved(problem, flows, relaxed, tries=tries)
    return Schedule(
        modules=flows.modules.copy(),
        cost=flows.cost,
        bound=min(best, flows.cost),
        units=flows.units.copy(),
        value=best_value,
        prices=best_price,
        flow_prices=flows.prices.copy(),
    )
