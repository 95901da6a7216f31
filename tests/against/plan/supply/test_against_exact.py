"""The price road and the order rule, against one linear program and against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.network import SupplyNetwork
from fivefold.plan.supply.order_level import plan_orders
from fivefold.plan.supply.prices import NodeDemand, raise_prices


def one_source_each(
    seed: int, *, items: int = 40, periods: int = 10
) -> tuple[SupplyNetwork, NodeDemand]:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(1, 20, items)
    units = rng.integers(0, 30, (items, periods)).astype(float)
    receipts = units.sum(axis=0).mean()
    cash = (units * cost[:, None]).sum(axis=0).mean()
    zero = np.zeros(items, np.int64)
    network = SupplyNetwork(
        way_from=np.arange(items + 1),
        way_class=zero,
        start_of=np.arange(periods, dtype=np.int64)[None],
        base_cost=cost,
        minimum=np.zeros(items),
        multiple=np.zeros(items),
        economic=np.zeros(items),
        in_from=np.zeros(items + 1, np.int64),
        in_node=np.zeros(0, np.int64),
        in_quantity=np.zeros(0),
        use_from=np.arange(items + 1) * 2,
        use_group=np.tile([0, 1], items),
        use_amount=np.stack([cost, np.ones(items)], 1).ravel(),
        use_at_due=np.ones(2 * items, bool),
        use_lag=np.zeros(2 * items, np.int64),
        slot_of=np.arange(2 * periods, dtype=np.int64).reshape(2, periods),
        capacity=np.concatenate([np.full(periods, cash * 0.9), np.full(periods, receipts)]),
        hold=cost * rng.uniform(0.003, 0.02, items),
        node_store=zero - 1,
        node_cube=np.zeros(items),
        node_shelf=zero + periods,
        topology=np.arange(items),
        supply=np.zeros((items, periods)),
    )
    worth = cost * rng.uniform(1.1, 4, items)
    demand = NodeDemand(
        units=units, worth=worth, late_cost=worth * 0.04, late_periods=zero + periods
    )
    return network, demand


@pytest.mark.parametrize("seed", range(5))
def test_the_mix_of_plans_costs_no_more_than_a_thousandth_above_the_linear_program(
    seed: int,
) -> None:
    network, demand = one_source_each(seed)
    optimum = solve_exact(network, demand).cost
    found = raise_prices(network, demand, steps=200, tolerance=1e-4)
    assert found.bound <= optimum * (1 + 1e-7)
    assert optimum * (1 - 1e-7) <= found.cost <= optimum * 1.001
    used = np.concatenate(
        [(found.flow * network.base_cost[:, None]).sum(axis=0), found.flow.sum(axis=0)]
    )
    assert (used <= network.capacity * (1 + 1e-6)).all()


@pytest.mark.parametrize("seed", range(3))
def test_tightening_a_limit_never_lowers_the_cost(seed: int) -> None:
    network, demand = one_source_each(seed, items=15, periods=6)
    tight = network.with_changes(capacity=network.capacity * 0.8)
    loose = raise_prices(network, demand, steps=200, tolerance=1e-5)
    assert raise_prices(tight, demand, steps=200, tolerance=1e-5).cost >= loose.bound
    assert solve_exact(tight, demand).cost >= solve_exact(network, demand).cost - 1e-6


def test_twice_the_demand_under_twice_the_limits_costs_twice_as_much() -> None:
    network, demand = one_source_each(7)
    double = NodeDemand(
        units=demand.units * 2,
        worth=demand.worth,
        late_cost=demand.late_cost,
        late_periods=demand.late_periods,
    )
    once = raise_prices(network, demand, steps=200, tolerance=1e-4)
    twice = raise_prices(
        network.with_changes(capacity=network.capacity * 2), double, steps=200, tolerance=1e-4
    )
    assert twice.cost == pytest.approx(2 * once.cost, rel=5e-4)


def small_network(seed: int) -> dict[str, pl.DataFrame]:
    """One item, three centres, a supplier too far for most of the orders."""
    rng = np.random.default_rng(seed)
    centres = ["F0", "F1", "F2"]
    count = 9
    return {
        "on_hand": pl.DataFrame(
            {
                "item": ["I"] * 3,
                "location": ["C", "F0", "F1"],
                "on_hand_units": rng.integers(0, 25, 3),
            }
        ),
        "offers": pl.DataFrame(
            {
                "item": ["I"],
                "supplier": ["S"],
                "location": ["C"],
                "lead_time_days": [20],
                "order_minimum_units": [50],
                "order_multiple_units": [10],
            }
        ),
        "lanes": pl.DataFrame(
            {
                "item": ["I"] * 3,
                "origin": ["C"] * 3,
                "destination": centres,
                "transit_time_days": rng.integers(1, 5, 3),
            }
        ),
        "orders": pl.DataFrame(
            {
                "order": [f"D{i}" for i in range(count)],
                "item": ["I"] * count,
                "location": rng.choice(centres, count),
                "due_day": rng.integers(0, 30, count),
                "quantity_units": rng.integers(1, 12, count),
                "priority": rng.integers(1, 5, count),
            }
        ),
    }


def fewest_late(tables: dict[str, pl.DataFrame]) -> int:
    """Try every set of orders on time."""
    stock = dict(tables["on_hand"].select("location", "on_hand_units").iter_rows())
    transit = dict(tables["lanes"].select("destination", "transit_time_days").iter_rows())
    orders = tables["orders"].to_dicts()
    early = [o for o in orders if o["due_day"] < 20 + transit[o["location"]]]
    for size in range(len(early), -1, -1):
        for chosen in combinations(early, size):
            drawn, fits = 0.0, True
            for place, days in transit.items():
                own = stock.get(place, 0)
                mine = [o for o in chosen if o["location"] == place]
                local = sum(o["quantity_units"] for o in mine if o["due_day"] < days)
                fits &= local <= own
                drawn += max(0, sum(o["quantity_units"] for o in mine) - own)
            if fits and drawn <= stock["C"]:
                return len(early) - size
    raise AssertionError("the empty set always fits")


@pytest.mark.parametrize("seed", range(40))
def test_no_plan_makes_fewer_orders_late(seed: int) -> None:
    tables = small_network(seed)
    plan = plan_orders(**tables)
    assert plan.late == plan.fewest == fewest_late(tables)
