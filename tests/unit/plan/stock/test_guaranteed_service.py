from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fivefold.plan.stock.guaranteed_service import ServiceNetwork, place_safety_stock

FREE = float("nan")


def _brute_force(network: ServiceNetwork) -> float:
    """Try every whole service time of every stage."""
    times = np.asarray(network.processing_time, dtype=int)
    longest = np.asarray(network.longest_service_time, dtype=float)
    reach = int(times.sum())
    ranges = [
        range(int(longest[i]) + 1) if not math.isnan(longest[i]) else range(reach + 1)
        for i in range(times.size)
    ]
    best = math.inf
    for quoted in itertools.product(*ranges):
        cost = 0.0
        for i in range(times.size):
            waits = max((quoted[s] for s, c in network.arcs if c == i), default=0)
            net = waits + times[i] - quoted[i]
            if net < 0:
                cost = math.inf
                break
            cost += network.holding_cost[i] * network.demand_bound[i] * math.sqrt(net)
        best = min(best, cost)
    return best


def _random_network(seed: int, *, tree: bool) -> ServiceNetwork:
    rng = np.random.default_rng(seed)
    n = 4
    arcs = {(int(rng.integers(0, k)), k) for k in range(1, n)}
    if not tree:
        arcs |= {(0, 3), (1, 3), (0, 2)}
    suppliers = {supplier for supplier, _ in arcs}
    return ServiceNetwork(
        processing_time=rng.integers(0, 4, n),
        holding_cost=rng.uniform(0.5, 5, n),
        demand_bound=rng.uniform(0.5, 5, n),
        arcs=sorted(arcs),
        longest_service_time=[FREE if k in suppliers else float(k % 2) for k in range(n)],
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tree", [True, False])
def test_no_whole_service_times_cost_less(seed: int, tree: bool) -> None:
    network = _random_network(seed, tree=tree)
    answer = place_safety_stock(network)
    assert answer.cost == pytest.approx(_brute_force(network), rel=1e-9)
    assert answer.gap <= 2e-6


def test_service_times_hold_on_every_arc_and_the_cost_is_that_of_the_stock() -> None:
    network = _random_network(3, tree=False)
    answer = place_safety_stock(network)
    for supplier, customer in network.arcs:
        assert answer.quoted[supplier] <= answer.incoming[customer] + 1e-12
    assert np.all(answer.net_time >= 0)
    assert answer.cost == pytest.approx((answer.safety_stock * network.holding_cost).sum())


def test_parts_without_a_common_arc_are_solved_apart() -> None:
    both = ServiceNetwork(
        processing_time=[4, 9],
        holding_cost=[1, 2],
        demand_bound=[1, 1],
        arcs=[],
        longest_service_time=[0, 0],
    )
    assert place_safety_stock(both).cost == pytest.approx(2 + 6)


def test_times_in_tenths_are_exact() -> None:
    network = ServiceNetwork(
        processing_time=[1.3, 0.7],
        holding_cost=[1, 10],
        demand_bound=[1, 1],
        arcs=[(0, 1)],
        longest_service_time=[FREE, 0],
    )
    answer = place_safety_stock(network)
    assert answer.cost == pytest.approx(math.sqrt(1.3) + 10 * math.sqrt(0.7))


def test_a_stop_leaves_a_bound_that_holds() -> None:
    network = _random_network(5, tree=False)
    stopped = place_safety_stock(network, stop=lambda: True)
    assert stopped.bound <= place_safety_stock(network).cost + 1e-9
    assert stopped.cost >= stopped.bound


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"processing_time": [-1, 1]}, "processing_time"),
        ({"longest_service_time": [FREE, FREE]}, "no customer"),
        ({"arcs": [(0, 1), (1, 0)]}, "cycle"),
        ({"processing_time": [math.pi / 7, 1]}, "denominator"),
    ],
)
def test_a_wrong_call_names_what_is_wrong(change: dict[str, object], message: str) -> None:
    figures: dict[str, object] = {
        "processing_time": [1, 1],
        "holding_cost": [1, 1],
        "demand_bound": [1, 1],
        "arcs": [(0, 1)],
        "longest_service_time": [0, 0],
    }
    with pytest.raises(ValueError, match=message):
        place_safety_stock(ServiceNetwork(**{**figures, **change}))  # type: ignore[arg-type]
