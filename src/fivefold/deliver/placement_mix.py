"""Of several answers of each item, the mix that costs least within the room: one linear program.

All but as many items as there are full rooms take one answer whole (a basic solution has no more
fractions than rows), so the mix is nearly a placement, and whole units are counted in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.placement_kernel import FAR, HAIR

if TYPE_CHECKING:
    from fivefold.deliver.placement_world import PlacementWorld

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Sets, their sizes, and the centre of each region, of all items.
Answer = tuple[Ints, Ints, Ints]
#: Times the price of room that the mix may buy more at, where it cannot do without.
DEAR = 20.0
#: Weight from which an answer counts as taken whole.
WHOLE = 1.0 - 1e-6


def mixed(
    world: PlacementWorld, penalty: Floats, answers: list[Answer], price: Floats
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """Return the answer each item has most of in the best mix, and whether it has it whole.

    Parameters
    ----------
    penalty : float array, shape (pairs, centres) or (0, 0)
    answers : list
        Each of all items.
    price : float array, shape (2 * centres,)
        Prices of room, storage first, which tell how dear more of it is in the mix.

    Returns
    -------
    sets, sizes, near, is_whole
    """
    items, slots = len(world.items), np.flatnonzero(_room(world) < FAR)
    kept, item, cost, use = _columns(world, penalty, answers, slots)
    room = _room(world)[slots]
    alone = np.bincount(item, minlength=items) == 1
    fixed = alone[item]
    left = room - use[fixed].sum(axis=0)
    free = np.flatnonzero(~fixed)
    weight = np.ones(len(item))
    if len(free):
        weight[free] = _mix(item[free], cost[free], use[free], left, price[slots], room)
    best = np.zeros(items, np.int64)
    heaviest = np.full(items, -1.0)
    for k in np.argsort(weight, kind="stable"):
        best[item[k]], heaviest[item[k]] = k, weight[k]
    turn = kept[best]
    sets = np.stack([a[0] for a in answers])[turn, np.arange(items)]
    sizes = np.stack([a[1] for a in answers])[turn, np.arange(items)]
    near = np.stack([a[2] for a in answers])[
        turn[world.item_of_pair], np.arange(len(world.item_of_pair))
    ]
    return sets, sizes, near, heaviest >= WHOLE


def _room(world: PlacementWorld) -> Floats:
    return np.concatenate([world.room_m3, world.room_units])


def _columns(
    world: PlacementWorld, penalty: Floats, answers: list[Answer], slots: Ints
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return the different answers of each item: of which round, whose, cost and use of room."""
    a, pairs, centres = world.arrays, world.item_of_pair, len(world.centres)
    items = np.arange(len(world.items))
    mark = np.random.default_rng(0).random(len(pairs))
    serve = world.pair_serve()
    if penalty.size:
        serve = serve + penalty
    seen: dict[tuple[int, float], int] = {}
    turns, whose, costs, uses = [], [], [], []
    for turn, (sets, sizes, near) in enumerate(answers):
        held = np.zeros((len(items), centres), np.bool_)
        is_used = np.arange(sets.shape[1])[None, :] < sizes[:, None]
        held[np.nonzero(is_used)[0], sets[is_used]] = True
        # Two answers of an item are the same where all regions have the same centres.
        sign = np.bincount(pairs, mark * (near + 1.0), minlength=len(items))
        sign = np.round(sign + held @ (np.arange(centres) + 2.0) ** 0.5, 9)
        fresh = np.array([seen.setdefault((i, s), turn) == turn for i, s in enumerate(sign)])
        weekly = np.zeros((len(items), centres))
        np.add.at(weekly, (pairs, near), a.pair_units)
        root = np.sqrt(sizes)[:, None]
        units = np.ceil(weekly * a.review_weeks + a.safety[:, None] / root - HAIR)
        use = np.hstack([np.where(held, units, 0.0) * a.m3[:, None], weekly])[:, slots]
        cost = np.bincount(pairs, serve[np.arange(len(pairs)), near], minlength=len(items))
        cost = cost + (a.opening * held).sum(axis=1) + a.pooled * root[:, 0]
        turns.append(np.full(int(fresh.sum()), turn))
        whose.append(items[fresh])
        costs.append(cost[fresh])
        uses.append(use[fresh])
    return (
        np.concatenate(turns).astype(np.int64),
        np.concatenate(whose),
        np.concatenate(costs),
        np.vstack(uses),
    )


def _mix(
    item: Ints, cost: Floats, use: Floats, room: Floats, price: Floats, whole: Floats
) -> Floats:
    """Return the weight of each answer in the cheapest mix; more room is dear, not forbidden."""
    _, row = np.unique(item, return_inverse=True)
    count, slots = len(cost), len(room)
    scale = np.maximum(whole, 1e-9)
    typical = float(np.abs(cost).sum()) / max(1, slots)
    dear = DEAR * (price * scale + typical / 10.0)
    from scipy import optimize, sparse

    found = optimize.linprog(
        np.concatenate([cost, dear]),
        A_ub=sparse.hstack(
            [sparse.csr_array((use / scale).T), -sparse.eye_array(slots)], format="csr"
        ),
        b_ub=room / scale,
        A_eq=sparse.csr_array(
            (np.ones(count), (row, np.arange(count))), shape=(row.max() + 1, count + slots)
        ),
        b_eq=np.ones(row.max() + 1),
        bounds=(0, None),
        method="highs",
    )
    return np.ones(count) if found.x is None else np.asarray(found.x[:count])
