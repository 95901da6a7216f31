"""Directed graphs: cycles named, levels counted. Iterative, so depth is no limit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def strongly_connected(edges: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Return the strongly connected components of a graph, sinks first.

    Parameters
    ----------
    edges : iterable of (from, to)

    Returns
    -------
    list of list of Node
        In reverse topological order of the condensed graph.

    References
    ----------
    .. [1] Tarjan (1972), "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2);
       written with an explicit stack.

    Examples
    --------
    >>> strongly_connected([("a", "b"), ("b", "a"), ("b", "c")])
    [['c'], ['a', 'b']]
    """
    successors: dict[Node, list[Node]] = {}
    for origin, target in edges:
        successors.setdefault(origin, []).append(target)
        successors.setdefault(target, [])
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    on_stack: set[Node] = set()
    stack: list[Node] = []
    components: list[list[Node]] = []
    for root in successors:
        if root in index:
            continue
        work: list[tuple[Node, int]] = [(root, 0)]
        while work:
            node, child = work.pop()
            if child == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            descended = False
            for position in range(child, len(successors[node])):
                target = successors[node][position]
                if target not in index:
                    work.append((node, position + 1))
                    work.append((target, 0))
                    descended = True
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            if descended:
                continue
            if low[node] == index[node]:
                component: list[Node] = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    component.append(member)
                    if member == node:
                        break
                components.append(component[::-1])
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[node])
    return components


def find_cycles(edges: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Return one closed walk for each group of nodes that lead back to themselves.

    Each walk starts and ends with the same node.

    Examples
    --------
    >>> find_cycles([("kit", "part"), ("part", "kit"), ("kit", "box")])
    [['kit', 'part', 'kit']]
    """
    listed = list(edges)
    cycles: list[list[Node]] = []
    for component in strongly_connected(listed):
        members = set(component)
        inside: dict[Node, list[Node]] = {}
        for origin, target in listed:
            if origin in members and target in members:
                inside.setdefault(origin, []).append(target)
        if len(component) > 1 or component[0] in inside.get(component[0], []):
            cycles.append(_closed_walk(component[0], inside))
    return cycles


def _closed_walk(start: Node, successors: dict[Node, list[Node]]) -> list[Node]:
    """Return a shortest walk from `start` back to it; the component has one."""
    came_from: dict[Node, Node] = {}
    frontier = [start]
    while frontier:
        following: list[Node] = []
        for node in frontier:
            for target in successors.get(node, []):
                if target == start:
                    walk = [node]
                    while walk[-1] != start:
                        walk.append(came_from[walk[-1]])
                    return [*walk[::-1], start]
                if target not in came_from:
                    came_from[target] = node
                    following.append(target)
        frontier = following
    raise AssertionError(f"{start!r} does not lead back to itself")


def low_level_codes(edges: Iterable[tuple[Node, Node]]) -> dict[Node, int]:
    """Return the longest distance of every node from a node nothing leads to.

    With (product, component) edges this is the low-level code of requirements planning.

    Raises
    ------
    ValueError
        If the graph has a cycle; the message names one.

    Examples
    --------
    >>> low_level_codes([("bike", "wheel"), ("wheel", "spoke"), ("bike", "spoke")])
    {'bike': 0, 'wheel': 1, 'spoke': 2}
    """
    listed = list(edges)
    for cycle in find_cycles(listed):
        raise ValueError("the graph has a cycle: " + " → ".join(str(node) for node in cycle))
    codes: dict[Node, int] = {}
    successors: dict[Node, list[Node]] = {}
    for origin, target in listed:
        successors.setdefault(origin, []).append(target)
    for component in reversed(strongly_connected(listed)):
        node = component[0]
        codes.setdefault(node, 0)
        for target in successors.get(node, []):
            codes[target] = max(codes.get(target, 0), codes[node] + 1)
    return codes
