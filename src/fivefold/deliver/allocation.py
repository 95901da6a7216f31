"""Who gets units that do not suffice for all: by priority, in fair shares, or by margin.

Knows what is free and who wants it. It reserves nothing.

References
----------
.. [1] Fair shares are the largest-remainder method of apportionment (Hamilton) capped at what
   each wants: Balinski, Young (2001), *Fair Representation*, 2nd ed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Rule = Literal["priority", "fair_share", "margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Units one customer or channel wants of an item.

    Parameters
    ----------
    name : str
    units : int
    priority : int or None
        Lower goes first; None goes last.
    margin : float
        Money a unit earns there.
    """

    name: str
    units: int
    priority: int | None = None
    margin: float = 0.0


def allocate(free: int, requests: Sequence[Request], rule: Rule = "priority") -> dict[str, int]:
    """Return the units each request gets; in sum no more than `free`, each no more than wanted.

    Parameters
    ----------
    free : int
    requests : sequence of Request
        In the order in which they came, which breaks ties.
    rule : {'priority', 'fair_share', 'margin'}

    Raises
    ------
    ValueError
        If `free` or a request is negative, two share a name, or the rule is not known.

    Examples
    --------
    >>> wanted = [Request(name="A", units=6), Request(name="B", units=3, priority=1)]
    >>> allocate(6, wanted), allocate(6, wanted, "fair_share")
    ({'A': 3, 'B': 3}, {'A': 4, 'B': 2})
    """
    if free < 0 or any(one.units < 0 for one in requests):
        raise ValueError("units must not be negative")
    if len({one.name for one in requests}) != len(requests):
        raise ValueError("each request needs a name of its own")
    if rule == "fair_share":
        return _shared(free, requests)
    if rule == "priority":
        ranked = sorted(requests, key=lambda one: (one.priority is None, one.priority or 0))
    elif rule == "margin":
        ranked = sorted(requests, key=lambda one: -one.margin)
    else:
        raise ValueError(f"rule must be priority, fair_share or margin, found {rule!r}")
    given = {one.name: 0 for one in requests}
    for one in ranked:
        given[one.name] = min(one.units, free)
        free -= given[one.name]
    return given


def _shared(free: int, requests: Sequence[Request]) -> dict[str, int]:
    wanted = sum(one.units for one in requests)
    if wanted <= free:
        return {one.name: one.units for one in requests}
    # Whole numbers throughout: the share is units * free / wanted, its remainder over wanted.
    given = {one.name: one.units * free // wanted for one in requests}
    left = free - sum(given.values())
    by_rest = sorted(requests, key=lambda one: -(one.units * free % wanted))
    for one in by_rest[:left]:
        given[one.name] += 1
    return given
