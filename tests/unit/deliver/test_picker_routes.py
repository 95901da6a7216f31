"""The shortest walk is the shortest: held against every order of visits by brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from fivefold.deliver.warehouse.batching import by_savings, improve, in_turn
from fivefold.deliver.warehouse.picker_routes import (
    Block,
    by_aisle,
    largest_gap,
    s_shape,
    shortest,
    shortest_tour,
)


def between(block: Block, a: tuple[int, float], b: tuple[int, float]) -> float:
    if a[0] == b[0]:
        return abs(a[1] - b[1])
    along = min(a[1] + b[1], 2 * block.length - a[1] - b[1])
    return along + abs(a[0] - b[0]) * block.aisle_distance


def brute_force(block: Block, picks: list[tuple[int, float]]) -> float:
    depot = (int(block.depot_aisle), 0.0)
    return min(
        sum(between(block, a, b) for a, b in zip((depot, *order), (*order, depot), strict=True))
        for order in permutations(picks)
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_shortest_walk_is_that_of_trying_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    aisles = int(rng.integers(2, 6))
    block = Block(
        aisles=aisles,
        aisle_distance=float(rng.integers(1, 6)),
        length=10.0,
        depot_aisle=float(rng.integers(aisles)),
    )
    picks = [
        (int(rng.integers(aisles)), float(rng.integers(1, 10)))
        for _ in range(int(rng.integers(1, 7)))
    ]
    best = brute_force(block, picks)
    assert shortest(block, by_aisle(picks)) == pytest.approx(best)
    length, walk = shortest_tour(block, by_aisle(picks))
    depot = (int(block.depot_aisle), 0.0)
    walked = zip((depot, *walk), (*walk, depot), strict=True)
    assert sorted(walk) == sorted(set(picks))
    assert length == pytest.approx(best)
    assert sum(between(block, a, b) for a, b in walked) == pytest.approx(best)
    assert s_shape(block, by_aisle(picks)) >= best - 1e-9
    assert largest_gap(block, by_aisle(picks)) >= best - 1e-9


def test_batches_keep_within_the_cart_and_lose_no_order() -> None:
    rng = np.random.default_rng(3)
    block = Block(aisles=6, aisle_distance=2.0, length=20.0)
    orders = [
        [(int(rng.integers(6)), float(rng.integers(1, 20))) for _ in range(int(rng.integers(1, 6)))]
        for _ in range(14)
    ]
    sizes = [len(order) for order in orders]

    def walk(batch: frozenset[int]) -> float:
        return shortest(block, by_aisle([pick for order in batch for pick in orders[order]]))

    plain = in_turn(sizes, 10)
    saved = by_savings(sizes, 10, walk)
    better = improve(saved, sizes, 10, walk, rng=rng, steps=500)
    for batches in (plain, saved, better):
        assert sorted(order for batch in batches for order in batch) == list(range(14))
        assert all(sum(sizes[order] for order in batch) <= 10 for batch in batches)
    assert sum(map(walk, better)) <= sum(map(walk, saved)) <= sum(map(walk, plain))
