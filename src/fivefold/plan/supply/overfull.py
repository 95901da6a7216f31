"""Places fuller than they may be: nothing new comes to lie there while old units of it do.

Stock of before may pass the cube of a place; a plan may send goods through it, not add to them.
The pegging kernel counts a unit as gone when the demand it is pegged to takes it, so that a new
unit for this week may leave an old one lying; seen first in, first out, the new one lies there.
Such units are put off until the old ones are used up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.flows import flows_of
from fivefold.plan.supply.network import NEVER, Committed, Floats, SupplyNetwork
from fivefold.plan.supply.reading import SupplyModel
from fivefold.plan.supply.reference import Kept, slots_of
from fivefold.plan.supply.replanning import Draft

#: Times that units are put off; each time they may come to lie in a place further up.
ROUNDS = 8


def within_cube(draft: Draft) -> Draft:
    """Return the plan in which nothing is added to a place that is overfull already."""
    for number in range(ROUNDS):
        allowed = most_decided(draft.model, draft.network, draft.committed)
        new = _new(draft.network, draft.committed)
        soon = (new > EPS) & (new.cumsum(axis=1) > allowed + EPS)
        if not soon.any():
            break
        own = without_arrivals(draft.own or draft.network, soon)
        if number < ROUNDS - 2:
            draft = replace(draft, own=own).made_around(_put_off(draft, allowed))
        else:
            kept = draft.kept
            here = soon[draft.network.way_node[kept.way], kept.due]
            draft = replace(draft, own=own, kept=kept.only(~here | kept.firm)).made_again()
    return draft


def most_decided(model: SupplyModel, network: SupplyNetwork, committed: Committed) -> Floats:
    """Return the most that may have been decided to arrive, in all up to each period.

    Shape (nodes, periods); infinite where no overfull week follows. What has been decided up
    to an overfull week may not exceed what would be lacking without it.
    """
    allowed = np.full((network.nodes, network.periods), np.inf)
    over = committed.remaining < -EPS
    if not over.any():
        return allowed
    closing = flows_of(model, network, committed).closing
    new = _new(network, committed)
    for n in np.flatnonzero(new.any(axis=1)).tolist():
        store = int(network.node_store[n])
        if store < 0 or network.node_cube[n] <= 0:
            continue
        slots = network.slot_of[store]
        full = (slots >= 0) & over[slots]
        if full.any():
            allowed[n] = _lacking_when_full(closing[n], new[n], full)
    return allowed


def without_arrivals(network: SupplyNetwork, shut: NDArray[np.bool_]) -> SupplyNetwork:
    """Return the network in which nothing new comes to some nodes in some periods."""
    some: NDArray[np.bool_] = np.logical_or.reduce(shut, axis=1)
    ways = np.flatnonzero(some[network.way_node])
    rows = network.start_of[network.way_class[ways]].copy()
    rows[shut[network.way_node[ways]]] = NEVER
    way_class = network.way_class.copy()
    way_class[ways] = len(network.start_of) + np.arange(len(ways))
    return network.with_changes(start_of=np.vstack([network.start_of, rows]), way_class=way_class)


def _new(network: SupplyNetwork, committed: Committed) -> Floats:
    """Return the units decided to arrive, by node and period."""
    new: Floats = np.zeros((network.nodes, network.periods))
    at = (network.way_node[committed.order_way], committed.order_due)
    np.add.at(new, at, committed.order_quantity)
    return new


def _lacking_when_full(closing: Floats, new: Floats, full: NDArray[np.bool_]) -> Floats:
    """Return what would be lacking without new units by the next overfull week.

    Examples
    --------
    Ten old units and four new ones, of which twelve are used in the second period:

    >>> import numpy as np
    >>> full = np.array([True, True, False])
    >>> _lacking_when_full(np.array([14.0, 2.0, 2.0]), np.array([4.0, 0.0, 0.0]), full).tolist()
    [0.0, 2.0, inf]
    """
    lacking = np.maximum(0.0, np.maximum.accumulate(new.cumsum() - closing))
    following: Floats = np.minimum.accumulate(np.where(full, lacking, np.inf)[::-1])[::-1]
    return following


def _put_off(draft: Draft, allowed: Floats) -> Kept:
    """Return all decisions, what comes too soon put off to the week in which it is lacked.

    Firm decisions, and lots that cannot be split, stay; what finds no room later is left out.
    """
    network = draft.network
    kept = draft.decisions()
    left = draft.committed.remaining.copy()
    rows: list[tuple[int, int, float, bool]] = []
    decided = np.zeros(network.nodes)
    for i in np.lexsort((~kept.firm, kept.due)).tolist():
        w, s, units = int(kept.way[i]), int(kept.due[i]), float(kept.quantity[i])
        n = int(network.way_node[w])
        before = decided[n]
        decided[n] += units
        if kept.firm[i] or decided[n] <= allowed[n, s] + EPS:
            rows.append((w, s, units, bool(kept.firm[i])))
            continue
        now = max(0.0, float(np.floor(allowed[n, s] - before + EPS)))
        whole = max(network.minimum[w], network.multiple[w]) > 1
        if whole:
            now = 0.0
        if now > EPS:
            rows.append((w, s, now, False))
        _change(network, left, w, s, units - now)
        waiting = units - now
        given = before + now
        for later in range(s + 1, network.periods):
            room = allowed[n, later] - given
            part = waiting if whole else min(waiting, np.floor(room + EPS))
            if waiting <= EPS or part <= EPS or part > room + EPS:
                continue
            if network.start_of[network.way_class[w], later] != NEVER and _fits(
                network, left, w, later, part
            ):
                _change(network, left, w, later, -part)
                rows.append((w, later, part, False))
                given, waiting = given + part, waiting - part
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    return Kept(
        way=np.array(columns[0], np.int64),
        due=np.array(columns[1], np.int64),
        quantity=np.array(columns[2], np.float64),
        firm=np.array(columns[3], bool),
    )


def _change(network: SupplyNetwork, left: Floats, w: int, s: int, units: float) -> None:
    for slot, amount in slots_of(network, w, s, int(network.start_of[network.way_class[w], s])):
        left[slot] += amount * units


def _fits(network: SupplyNetwork, left: Floats, w: int, s: int, units: float) -> bool:
    start = int(network.start_of[network.way_class[w], s])
    return all(
        amount * units <= left[slot] + EPS for slot, amount in slots_of(network, w, s, start)
    )
