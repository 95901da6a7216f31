from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fivefold.deliver.last_mile.driver_knowledge import (
    DrivenRoute,
    learn_sequences,
    propose_sequence,
)
from fivefold.deliver.last_mile.sequence_score import edit_distance, sequence_score


def zone_by_zone(seed: int) -> DrivenRoute:
    """Return a route of three zones that lie mixed on the map; the driver finishes each."""
    rng = np.random.default_rng(seed)
    xy = np.concatenate([[[0.0, 0.0]], rng.uniform(5, 10, (18, 2))])
    seconds = 60 * np.sqrt(((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2))
    zones = [None, *(f"A-1.1{'ABC'[i % 3]}" for i in range(18))]
    order = [0]
    for zone in range(3):
        left = {i + 1 for i in range(18) if i % 3 == zone}
        while left:
            nearest = min(left, key=lambda stop: (seconds[order[-1], stop], stop))
            order.append(nearest)
            left.remove(nearest)
    return DrivenRoute(seconds=seconds, zones=zones, order=tuple(order))


def test_learnt_sequences_finish_a_zone_before_the_next() -> None:
    knowledge = learn_sequences([zone_by_zone(seed) for seed in range(1, 6)])
    route = zone_by_zone(9)
    proposed = propose_sequence(route, knowledge, iterations=200)
    quickest = propose_sequence(route, None, iterations=200)

    def changes(order: tuple[int, ...]) -> int:
        zones = [route.zones[place] for place in order[1:]]
        return sum(a != b for a, b in pairwise(zones))

    assert changes(proposed) == 2
    assert changes(quickest) > 2
    assert sequence_score(route.order, proposed, route.seconds) < sequence_score(
        route.order, quickest, route.seconds
    )


def test_learning_needs_an_order_driven() -> None:
    route = zone_by_zone(1)
    with pytest.raises(ValueError, match="found none"):
        learn_sequences([DrivenRoute(seconds=route.seconds, zones=route.zones)])


def test_the_score_of_the_drivers_own_sequence_and_of_its_reverse_is_nothing() -> None:
    route = zone_by_zone(2)
    assert sequence_score(route.order, route.order, route.seconds) == 0.0
    # Stops that follow each other still do when driven backwards: the deviation is nothing.
    backwards = (0, *route.order[:0:-1])
    assert sequence_score(route.order, backwards, route.seconds) == pytest.approx(0.0)


def test_the_edit_distance_counts_what_it_replaces() -> None:
    cost = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    assert edit_distance([1, 2, 3, 4], [1, 3, 2, 4], cost) == (2.0, 2)


def test_sequences_of_other_stops_are_refused() -> None:
    with pytest.raises(ValueError, match="same stops"):
        sequence_score([0, 1, 2], [0, 1, 3], np.ones((4, 4)))
