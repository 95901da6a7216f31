"""Problems say where they stand; circles are named; work that splits comes back in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.compute import map_partitions, processors
from fivefold.errors import DataError, Problem
from fivefold.maths.graphs import find_cycles, low_level_codes, strongly_connected

EDGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=24)


def test_a_problem_says_file_row_key_and_column() -> None:
    problem = Problem(
        table="lanes", file="lanes.csv", row=41, key="DC1→S07", column="days", message="found -2"
    )
    assert str(problem) == "lanes.csv row 41 [DC1→S07] days: found -2"
    assert str(Problem(table="lanes", column="days", message="bad")) == "lanes.days: bad"
    assert str(Problem(table="lanes", message="bad")) == "lanes: bad"


def test_all_problems_are_kept_and_the_first_twenty_shown() -> None:
    error = DataError(Problem(table="t", message=f"number {i}") for i in range(25))
    assert len(error.problems) == 25
    assert "number 19" in str(error)
    assert "number 20" not in str(error)
    assert str(error).endswith("… and 5 more")


def reaches(edges: list[tuple[int, int]], start: int) -> set[int]:
    found: set[int] = set()
    frontier = {b for a, b in edges if a == start}
    while frontier:
        found |= frontier
        frontier = {b for a, b in edges if a in frontier} - found
    return found


@given(EDGES)
def test_components_are_who_reach_each_other_sinks_first(edges: list[tuple[int, int]]) -> None:
    nodes = {n for edge in edges for n in edge}
    to = {n: reaches(edges, n) for n in nodes}
    components = strongly_connected(edges)
    assert sorted(n for c in components for n in c) == sorted(nodes)
    place = {n: i for i, c in enumerate(components) for n in c}
    for a in nodes:
        for b in nodes - {a}:
            assert (place[a] == place[b]) == (b in to[a] and a in to[b])
    assert all(place[b] <= place[a] for a, b in edges)


@given(EDGES)
def test_each_circle_told_is_one_and_none_is_missed(edges: list[tuple[int, int]]) -> None:
    nodes = {n for edge in edges for n in edge}
    cycles = find_cycles(edges)
    for walk in cycles:
        assert walk[0] == walk[-1]
        assert all(step in set(edges) for step in pairwise(walk))
    assert bool(cycles) == any(n in reaches(edges, n) for n in nodes)


@given(EDGES)
def test_low_level_codes_are_longest_distances_from_the_top(edges: list[tuple[int, int]]) -> None:
    down = [(a, b) for a, b in edges if a < b]
    codes = low_level_codes(down)
    for node in codes:
        above = [codes[a] + 1 for a, b in down if b == node]
        assert codes[node] == max(above, default=0)
    if any(a == b for a, b in edges):
        with pytest.raises(ValueError, match="the graph has a cycle: "):
            low_level_codes(edges)


def test_depth_is_no_limit() -> None:
    codes = low_level_codes([(i, i + 1) for i in range(5000)])
    assert codes[5000] == 5000


def test_partitions_come_back_in_order_wherever_they_ran() -> None:
    parts = [3, -1, 2, -5]
    assert list(map_partitions(abs, parts, engine="serial")) == [3, 1, 2, 5]
    assert list(map_partitions(abs, parts, engine="processes", workers=2)) == [3, 1, 2, 5]
    assert list(map_partitions(abs, [])) == []
    assert processors() >= 1
    with pytest.raises(ValueError, match="engine 'magic' is not known"):
        list(map_partitions(abs, parts, engine="magic"))  # type: ignore[arg-type]
