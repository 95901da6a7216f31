from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from fivefold.deliver.last_mile.drone import DroneInstance, best_split, truck_and_drone


def drawn(count: int, seed: int) -> DroneInstance:
    xy = np.random.default_rng(seed).uniform(0, 100, (count, 2))
    apart = np.sqrt(((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2))
    return DroneInstance(truck=apart, drone=apart * 0.5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_order_of_six_places_splits_into_less_time(seed: int) -> None:
    instance = drawn(6, seed)
    least = min(best_split(instance, [0, *rest])[0] for rest in permutations(range(1, 6)))
    assert truck_and_drone(instance, seed=1).cost == pytest.approx(least)


def test_operations_visit_every_stop_once_and_cost_what_they_say() -> None:
    tour = truck_and_drone(drawn(9, 4))
    ends = [operation.end for operation in tour.operations]
    inner = [stop for operation in tour.operations for stop in operation.drives]
    flown = [operation.flies for operation in tour.operations if operation.flies is not None]
    assert sorted([*ends, *inner, *flown]) == list(range(9))
    assert sum(operation.cost for operation in tour.operations) == pytest.approx(tour.cost)
    assert tour.cost < tour.truck_only_cost


def test_a_drone_that_may_land_nowhere_leaves_the_trucks_tour() -> None:
    free = drawn(7, 5)
    tied = DroneInstance(truck=free.truck, drone=free.drone, may_fly=np.zeros(7, dtype=bool))
    tour = truck_and_drone(tied)
    assert all(operation.flies is None for operation in tour.operations)
    assert tour.cost <= tour.truck_only_cost + 1e-9
