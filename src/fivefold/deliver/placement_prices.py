"""Prices of room in centres: raised until items placed alone keep within it together.

The dual of placing all items within storage and receipts (Fisher 1981): at a price for a cubic
metre and for a unit received, every item chooses its own centres; the prices of what is overfull
rise, those of what is left fall. What all items then cost, less the prices times the room, no
placement can go below.

References
----------
.. [1] Fisher (1981), "The Lagrangian relaxation method for solving integer programming problems",
   Manage. Sci. 27(1): the bound.
.. [2] Marsten, Hogan, Blankenship (1975), "The boxstep method for large-scale optimization",
   Oper. Res. 23(3): cutting planes within a box around the best prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.placement_kernel import FAR, HAIR, answer_prices
from fivefold.deliver.placement_mix import Answer, mixed
from fivefold.deliver.placement_rooms import fit_rooms

if TYPE_CHECKING:
    from fivefold.deliver.placement_world import PlacementWorld

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Relative gap below which prices are not raised further.
CLOSE = 1e-4
#: Times what all items cost where room is free that all room of a centre may cost at most: where
#: no price makes all fit, prices would rise without end.
DEAREST = 20.0
#: Times the box around prices is widened where nothing better lies within it.
WIDEN = 8
#: Groups of items whose answers are remembered apart.
GROUPS = 16
#: Answers, the last ones, of which each item may take one.
REMEMBERED = 16
#: Times every item is lifted out and put back where that is cheaper.
LIFTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where all items of a network lie.

    Attributes
    ----------
    sets : int array, shape (items, most), sizes : int array, shape (items,)
        Centres of each item in the first `sizes` places.
    share : float array, shape (pairs, most)
        Of the demand of an item in a region, the share each centre of its set serves.
    unserved : float array, shape (items,)
        Units a week that find no room.
    price_m3, price_units : float array, shape (centres,)
        Worth a week of a further cubic metre, of a further unit received a week.
    bound : float
        What no placement can cost less than, further parcels of split orders left out.
    proven : bool
        Whether each item's set is the best of all sets at the prices.
    """

    sets: Ints
    sizes: Ints
    share: Floats
    unserved: Floats
    price_m3: Floats
    price_units: Floats
    bound: float
    proven: bool

    @property
    def is_held(self) -> NDArray[np.bool_]:
        """Whether a place of a set is used, shape (items, most)."""
        return np.asarray(np.arange(self.sets.shape[1])[None, :] < self.sizes[:, None])

    def serves(self, world: PlacementWorld) -> Ints:
        """Return the centre that serves most of each region of an item."""
        return np.asarray(self.sets[world.item_of_pair, self.share.argmax(axis=1)], np.int64)

    def weekly(self, world: PlacementWorld) -> Floats:
        """Return units a week by item and place in its set."""
        weekly = np.zeros(self.sets.shape)
        np.add.at(weekly, world.item_of_pair, self.share * world.arrays.pair_units[:, None])
        return weekly

    def units(self, world: PlacementWorld) -> Floats:
        """Return whole units held by item and place in its set; 0 beyond its size."""
        safety = world.arrays.safety / np.sqrt(np.maximum(self.sizes, 1))
        wanted = self.weekly(world) * world.arrays.review_weeks + safety[:, None]
        return np.where(self.is_held, np.ceil(wanted - HAIR), 0.0)

    def used(self, world: PlacementWorld) -> tuple[Floats, Floats]:
        """Return cubic metres stored and units a week received, by centre."""
        m3, units = np.zeros(len(world.centres)), np.zeros(len(world.centres))
        held = self.is_held
        cube = self.units(world) * world.arrays.m3[:, None]
        np.add.at(m3, self.sets[held], cube[held])
        np.add.at(units, self.sets[held], self.weekly(world)[held])
        return m3, units


class _Dual:
    """The best prices so far, and what answers at other prices tell of those not yet asked.

    Every answer of a group of items, cost and use, bounds from above what the group can cost at
    any prices. The next prices are those where these bounds together are highest, within a box
    around the best ones that grows while they foretell well.
    """

    def __init__(self, world: PlacementWorld) -> None:
        room = np.concatenate([world.room_m3, world.room_units])
        self.slots = np.flatnonzero(room < FAR)
        self.room = room[self.slots]
        # A price is measured by what all the room of a centre would cost.
        self.scale = np.maximum(self.room, 1e-9)
        self.price = np.zeros(len(room))
        self.best_price = self.price.copy()
        self.bound, self.foretold = -np.inf, np.inf
        self.box, self.dearest = 0.0, np.inf
        self.rows: list[Floats] = []
        self.costs: list[Floats] = []

    def begin_again(self) -> None:
        """Ask the best prices anew, with nothing proven; what was learnt of others is kept."""
        self.price = self.best_price.copy()
        self.bound = -np.inf

    def learn(self, lower: float, costs: Floats, used: Floats) -> None:
        """Take what all cost at least at the prices asked; what groups cost there and use."""
        price = self.price[self.slots]
        value = lower - float(price @ self.room)
        used = used[:, self.slots]
        self.costs.append(costs - used @ price)
        self.rows.append(used)
        if self.box == 0.0:
            self.box = 0.05 * abs(value) / max(1, len(self.slots)) + 1e-6
            self.dearest = DEAREST * abs(value) + 1e-3
        elif not np.isfinite(self.bound):
            self.box *= 0.5
        elif value > self.bound + 0.3 * (self.foretold - self.bound):
            self.box *= 2.0
        else:
            self.box *= 0.6
        if value > self.bound:
            self.bound, self.best_price = value, self.price.copy()

    def ask_next(self) -> bool:
        """Set the prices to ask next; return whether they may bring more than is known."""
        for _ in range(WIDEN):
            at_edge = self._highest_within_box()
            if self.foretold > self.bound + CLOSE * abs(self.bound):
                return True
            if not at_edge:
                return False
            self.box *= 4.0
        return False

    def _highest_within_box(self) -> bool:
        """Set the prices where the bounds are highest; return whether the box holds them back."""
        groups, slots = len(self.costs[0]), len(self.slots)
        best = self.best_price[self.slots] * self.scale
        low = np.maximum(0.0, best - self.box)
        high = np.minimum(best + self.box, self.dearest)
        from scipy import optimize, sparse

        of_group = sparse.csr_array(np.tile(np.eye(groups), (len(self.rows), 1)))
        use = sparse.csr_array(-np.vstack(self.rows) / self.scale[None, :])
        found = optimize.linprog(
            np.concatenate([self.room / self.scale, -np.ones(groups)]),
            A_ub=sparse.hstack([use, of_group], format="csr"),
            b_ub=np.concatenate(self.costs),
            bounds=[*zip(low, high, strict=True), *[(None, None)] * groups],
            method="highs",
        )
        if found.x is None:
            # Figures too far apart for the solver: the best prices so far stand.
            self.foretold = self.bound
            return False
        told = found.x[:slots]
        self.foretold = -float(found.fun)
        self.price[self.slots] = np.maximum(0.0, told) / self.scale
        near = 1e-6 * self.box
        held_low = (told < low + near) & (low > 0)
        held_high = (told > high - near) & (high < self.dearest)
        return bool((held_low | held_high).any())


def place_within(
    world: PlacementWorld,
    penalty: Floats,
    *,
    most: int,
    rounds: int,
    most_nodes: int,
    begin: Placed | None = None,
) -> Placed:
    """Return where items lie so that no centre holds or receives more than it can.

    Parameters
    ----------
    world : PlacementWorld
    penalty : float array, shape (pairs, centres) or (0, 0)
        What serving a region of an item from a centre costs beside, such as further parcels.
    most : int
        Centres an item may lie in.
    rounds : int
        Times prices are changed.
    most_nodes : int
        Sets looked at for one item; with more its best set is not proven.
    begin : Placed, optional
        Prices and sets to begin with; its prices and its bound stay as they are.
    """
    most = min(most, len(world.centres))
    search = _Search(world, penalty, most, most_nodes)
    dual = _Dual(world)
    if begin is not None:
        dual.price = dual.best_price = np.concatenate([begin.price_m3, begin.price_units])
        search.sets, search.sizes = begin.sets.copy(), begin.sizes.copy()
    search.answer(np.zeros(len(dual.price)))
    search.cheapest = search.lower
    search.answer(dual.price)
    alone = search.alone(dual.price, float(search.lower.sum()))
    if not dual.price.any() and world.has_room(*alone.used(world)):
        return alone if begin is None else replace(alone, bound=begin.bound)
    if begin is None:
        # Answers by exchanges alone are nearly the best, and cuts as true; the last are proven.
        for nodes in (0, most_nodes):
            search.most_nodes = nodes
            dual.begin_again()
            for _ in range(rounds):
                costs, used = search.answer(dual.price)
                search.remember()
                # What exchanges alone reach counts for the best until it is proven.
                least = search.lower if nodes == most_nodes else costs
                dual.learn(float(least.sum()), costs, used)
                if not dual.ask_next():
                    break
    best = search.fitted(dual.best_price)
    half = len(world.centres)
    return replace(
        best,
        price_m3=dual.best_price[:half],
        price_units=dual.best_price[half:],
        bound=dual.bound if begin is None else begin.bound,
        proven=search.proven,
    )


class _Search:
    """Items and their sets, asked again and again at prices."""

    def __init__(self, world: PlacementWorld, penalty: Floats, most: int, most_nodes: int) -> None:
        self.world, self.penalty, self.most, self.most_nodes = world, penalty, most, most_nodes
        self.sets = np.zeros((len(world.items), most), np.int64)
        self.sizes = np.zeros(len(world.items), np.int64)
        self.near = np.zeros(len(world.item_of_pair), np.int64)
        self.proven = True
        self.lower = self.cheapest = np.zeros(len(world.items))
        self.answers: list[Answer] = []

    def answer(self, price: Floats, second: Ints | None = None) -> tuple[Floats, Floats]:
        """Choose the best set of each item at prices; return what groups cost, and use."""
        half = len(self.world.centres)
        wanted = np.zeros((len(self.sizes), 0), np.int64) if second is None else second
        self.lower, reached, self.more, exact, m3, units = answer_prices(
            self.world.arrays, price[:half], price[half:], self.penalty, self.most, self.sets,
            self.sizes, self.near, wanted, self.most_nodes, GROUPS,
        )  # fmt: skip
        self.proven = exact == len(self.sizes)
        group = np.arange(len(self.sizes)) % GROUPS
        costs = np.bincount(group, reached, minlength=GROUPS).astype(np.float64)
        return costs, np.concatenate([m3, units], axis=1)

    def alone(self, price: Floats, lower: float) -> Placed:
        """Return the answers as they are, whether they fit or not."""
        half = len(self.world.centres)
        is_near = self.sets[self.world.item_of_pair] == self.near[:, None]
        is_near &= np.arange(self.most) < self.sizes[self.world.item_of_pair][:, None]
        return Placed(
            sets=self.sets.copy(),
            sizes=self.sizes.copy(),
            share=is_near.astype(np.float64),
            unserved=np.zeros(len(self.sizes)),
            price_m3=price[:half],
            price_units=price[half:],
            bound=lower,
            proven=self.proven,
        )

    def remember(self) -> None:
        """Keep the answers of all items, to mix of them what has room."""
        self.answers.append((self.sets.copy(), self.sizes.copy(), self.near.copy()))
        del self.answers[:-REMEMBERED]

    def fitted(self, price: Floats) -> Placed:
        """Return a placement that keeps within the room.

        Items begin with the answer that a mix of all answers within the room gives them; those
        the mix leaves undecided choose last.
        """
        world, half = self.world, len(self.world.centres)
        if not self.answers:
            self.answer(price)
            self.remember()
        wanted, sizes, near, is_whole = mixed(world, self.penalty, self.answers, price)
        sets, sizes, share, unserved, _ = fit_rooms(
            np.argsort(~is_whole, kind="stable"), world.arrays, price[:half], price[half:],
            self.penalty, self.most, world.room_m3, world.room_units, self.most_nodes, LIFTS,
            self.cheapest, wanted, sizes, near,
        )  # fmt: skip
        return Placed(
            sets=sets,
            sizes=sizes,
            share=share,
            unserved=unserved,
            price_m3=price[:half],
            price_units=price[half:],
            bound=-np.inf,
            proven=self.proven,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NextBest:
    """The next best set of each item at the prices of room, and where it would lie were room free.

    Attributes
    ----------
    sets : int array, shape (items, most), sizes : int array, shape (items,)
    more : float array, shape (items,)
        What the next best set would cost more a week at the prices; 0 at least.
    alone, alone_sizes : int arrays, shapes as above
        The best set of the item without prices.
    """

    sets: Ints
    sizes: Ints
    more: Floats
    alone: Ints
    alone_sizes: Ints
    placed: Placed

    def centres(self, item: int) -> list[int]:
        """Return the next best set of an item, ascending."""
        return sorted(int(c) for c in self.sets[item, : self.sizes[item]])

    def crowded_out(self, item: int) -> list[int]:
        """Return the centres that would hold an item were room free, and do not."""
        held = set(self.placed.sets[item, : self.placed.sizes[item]].tolist())
        alone = self.alone[item, : self.alone_sizes[item]].tolist()
        return sorted(int(c) for c in alone if c not in held)


def next_best(world: PlacementWorld, placed: Placed, most_nodes: int) -> NextBest:
    """Return the set each item would take next, beside the one it has."""
    none = np.zeros((0, 0))
    most = placed.sets.shape[1]
    search = _Search(world, none, most, most_nodes)
    search.answer(np.zeros(2 * len(world.centres)))
    alone, alone_sizes = search.sets.copy(), search.sizes.copy()
    search.sets, search.sizes = placed.sets.copy(), placed.sizes.copy()
    second = np.zeros_like(search.sets)
    price = np.concatenate([placed.price_m3, placed.price_units])
    search.answer(price, second)
    is_same = (np.sort(_masked(search.sets, search.sizes), axis=1) ==
               np.sort(_masked(placed.sets, placed.sizes), axis=1)).all(axis=1)  # fmt: skip
    # Where room made an item take another set than its best at the prices, that one is next.
    sizes = np.where(is_same, np.nan_to_num(search.more[:, 1]), search.sizes).astype(np.int64)
    return NextBest(
        sets=np.where(is_same[:, None], second, search.sets),
        sizes=sizes,
        more=np.where(is_same, np.nan_to_num(search.more[:, 0]), 0.0),
        alone=alone,
        alone_sizes=alone_sizes,
        placed=placed,
    )


def _masked(sets: Ints, sizes: Ints) -> Ints:
    """Return sets with what lies beyond their sizes set to -1."""
    return np.where(np.arange(sets.shape[1])[None, :] < sizes[:, None], sets, -1)
