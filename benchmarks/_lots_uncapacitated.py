"""One item without a capacity: the linear-time exact method, the rules, and what rules cost.

`exact_cost` is a plain recursion over all pairs of periods, and shares no code with the method
it checks. Stockpyl's `wagner_whitin` solves the smaller cases in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks._form import Measured, Options, cpu_timer, peer_of
from benchmarks._lot_family import Family
from fivefold.source.lots import periods_of_supply, silver_meal, wagner_whitin

#: Longest horizon the quadratic reference and the peer are asked for.
REFERENCE_PERIODS = 400
PEER_PERIODS = 100


def exact_cost(demand: Sequence[float], order_cost: float, hold_cost: float) -> float:
    """Return the least ordering and holding cost by trying every pair of order periods."""
    count = len(demand)
    best = [0.0] * (count + 1)
    for end in range(1, count + 1):
        costs = []
        held = 0.0
        units = 0.0
        for start in range(end - 1, -1, -1):
            # Units of the periods after `start` are kept one period longer.
            held += hold_cost * units
            units += demand[start]
            costs.append(best[start] + (order_cost if units else 0.0) + held)
        best[end] = min(costs)
    return best[count]


def drawn_demand(rng: np.random.Generator, periods: int) -> list[float]:
    """Return lumpy demand of whole units: some periods want nothing."""
    units = rng.integers(1, 200, size=periods) * (rng.random(periods) > 0.25)
    return [float(value) for value in units]


def measure(options: Options) -> Measured:
    """Compare exact, rule and peer; time growing horizons."""
    rng = np.random.default_rng(options.seed)
    rows: list[dict[str, Any]] = []
    cases = 20 if options.quick else 60
    ours_cpu = peer_cpu = 0.0
    for number in range(cases):
        periods = int(rng.choice([12, 26, 52, PEER_PERIODS, REFERENCE_PERIODS]))
        demand = drawn_demand(rng, periods)
        order_cost = float(rng.integers(50, 3000))
        expected = exact_cost(demand, order_cost, 1.0)
        started = time.process_time()
        plan = wagner_whitin(demand, ordering_cost=order_cost, holding_cost_per_unit=1.0)
        spent = time.process_time() - started
        rule = silver_meal(demand, ordering_cost=order_cost, holding_cost_per_unit=1.0)
        rhythm = periods_of_supply(demand, ordering_cost=order_cost, holding_cost_per_unit=1.0)
        row: dict[str, Any] = {
            "family": FAMILY.name,
            "case": f"{number:02d}-{periods}",
            "periods": periods,
            "gap": _gap(plan.cost, expected),
            "silver_meal_gap": _gap(rule.cost, expected),
            "periods_of_supply_gap": _gap(rhythm.cost, expected),
            "cpu_s": spent,
        }
        if periods <= PEER_PERIODS and sum(demand) > 0:
            started = time.process_time()
            row["peer_gap"] = _gap(_peer_cost(demand, order_cost), expected)
            peer_cpu += time.process_time() - started
            ours_cpu += spent
        rows.append(row)
    times = {}
    for periods in (10_000, 100_000):
        demand = drawn_demand(rng, periods)
        with cpu_timer() as timer:
            wagner_whitin(demand, ordering_cost=700.0, holding_cost_per_unit=1.0)
        times[f"cpu_s_{periods}"] = timer.cpu_s
    summary = {
        "max_gap": max(abs(row["gap"]) for row in rows),
        "periods_of_supply_mean_gap": fmean(row["periods_of_supply_gap"] for row in rows),
        "silver_meal_mean_gap": fmean(row["silver_meal_gap"] for row in rows),
        "cpu_s": ours_cpu,
        **times,
    }
    told = [row["peer_gap"] for row in rows if "peer_gap" in row]
    peer = peer_of("stockpyl", {"max_gap": max(told), "cpu_s": peer_cpu, "cases": len(told)})
    return Measured(rows=rows, summary=summary, peer=peer)


def _gap(cost: float, best: float) -> float:
    return cost / best - 1 if best else cost


def _peer_cost(demand: Sequence[float], order_cost: float) -> float:
    from stockpyl.wagner_whitin import wagner_whitin as peer

    # Its lists begin with the period 1 at index 0; demand must be positive somewhere.
    found = peer(len(demand), 1.0, order_cost, list(demand))
    return float(found[1])


FAMILY = Family(name="uncapacitated", measure=measure)
