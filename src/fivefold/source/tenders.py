"""Splitting demand over suppliers: what a split costs, and a fast method that finds a good one.

Knows numbers by item and supplier. Never reads a table.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Money that no plan pays, to keep what is not allowed apart.
_NEVER = 1e18


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """What a supplier asks for an item over the term.

    Parameters
    ----------
    steps : tuple of (float, float, float)
        From which quantity, price a unit, and a fixed amount, ascending: q units cost
        price × q + fixed of the last step reached. All-units breaks have fixed 0;
        incremental ones carry what the first units cost more. [(l_k, c_k, f_k)]
    unit_cost : float
        Carriage, duty, expected lateness and defects a unit. [a]
    minimum, capacity : float
        Smallest award where there is one, largest. [m, u]
    """

    steps: tuple[tuple[float, float, float], ...]
    unit_cost: float = 0.0
    minimum: float = 0.0
    capacity: float = math.inf

    def goods(self, quantity: float) -> float:
        """Return what the goods cost."""
        if quantity <= 0:
            return 0.0
        step = self.steps[0]
        for other in self.steps:
            if other[0] <= quantity + 1e-9:
                step = other
        return step[1] * quantity + step[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """Items to buy over a term, and what each supplier bids.

    Parameters
    ----------
    demand : ndarray, shape (n_items,)
        Units over the term. [D]
    bids : dict of (item, supplier) to Bid
        By position.
    suppliers : int
    fixed_cost, minimum_spend, capacity : ndarray, shape (n_suppliers,)
        Cost of having a supplier, least goods value where it is used, largest units over all
        items. [F, M, U]
    loss_cost : ndarray, shape (n_items, n_suppliers)
        Expected cost of a unit of the award that is lost with its supplier and that nobody
        makes up for: chance × time without × margin. [e]
    flex_share : float
        Share by which the other suppliers of an item can raise theirs when one is lost. [φ]
    short_cost : ndarray, shape (n_items,)
        Cost of a unit that nobody supplies. [p]
    most_sources : int
        Suppliers of one item at most.
    """

    demand: Floats
    bids: dict[tuple[int, int], Bid]
    suppliers: int
    fixed_cost: Floats
    minimum_spend: Floats
    capacity: Floats
    loss_cost: Floats
    short_cost: Floats
    flex_share: float = 0.25
    most_sources: int = 3

    def exposure(self, item: int, quantity: float) -> float:
        """Return the units of an item that would be missing if their supplier were lost.

        What the other suppliers of the item can add is a share of theirs:
        max(0, q − φ (D − q)).
        """
        demand = float(self.demand[item])
        return max(0.0, quantity - self.flex_share * max(0.0, demand - quantity))

    def bid_cost(self, item: int, supplier: int, quantity: float) -> float:
        """Return what an award costs with its risk, without what suppliers cost themselves."""
        if quantity <= 0:
            return 0.0
        bid = self.bids[item, supplier]
        return (
            bid.goods(quantity)
            + bid.unit_cost * quantity
            + float(self.loss_cost[item, supplier]) * self.exposure(item, quantity)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Units by item and supplier, units nobody supplies, and what it all costs.

    `problems` counts suppliers used below their minimum spend; 0 for a split that is allowed.
    """

    quantities: dict[tuple[int, int], float]
    short: Floats
    cost: float
    goods: Floats = field(default_factory=lambda: np.zeros(0))
    problems: int = 0

    @property
    def used(self) -> frozenset[int]:
        """Suppliers that are given something."""
        return frozenset(s for (_, s), q in self.quantities.items() if q > 0)


def evaluate(tender: Tender, quantities: dict[tuple[int, int], float]) -> Split:
    """Return a split with everything it costs, from nothing but its quantities."""
    kept = {key: q for key, q in quantities.items() if q > 1e-9}
    given = np.zeros(len(tender.demand))
    goods = np.zeros(tender.suppliers)
    cost = 0.0
    for (item, supplier), quantity in kept.items():
        given[item] += quantity
        goods[supplier] += tender.bids[item, supplier].goods(quantity)
        cost += tender.bid_cost(item, supplier, quantity)
    short = np.maximum(0.0, tender.demand - given)
    used = sorted({supplier for _, supplier in kept})
    cost += float(tender.fixed_cost[used].sum()) + float(short @ tender.short_cost)
    below = int((goods[used] < tender.minimum_spend[used] - 1e-6).sum())
    return Split(quantities=kept, short=short, cost=cost, goods=goods, problems=below)


def best_split(tender: Tender, *, rounds: int = 8) -> Split:
    """Return a good split, fast: items in turn within a set of suppliers that is improved.

    Within a set, each item in turn is split exactly, given what the others leave of each
    supplier's capacity: costs are linear between breakpoints, so some best split has at most
    one supplier between two of its breakpoints [1]_, and those are few enough to try. Around
    this, suppliers are dropped, added and exchanged while it pays; a supplier below its
    minimum spend is filled up or dropped.

    Parameters
    ----------
    tender : Tender
    rounds : int
        Passes over the items, and over the set of suppliers, at most.

    References
    ----------
    .. [1] Chaudhry, Forst, Zydiak (1993), "Vendor selection with price breaks", European
       Journal of Operational Research 70(1): extreme points of piecewise linear awards.
    """
    search = _Search(tender, rounds)
    everyone = frozenset(supplier for _, supplier in tender.bids)
    best = search.within(everyone)
    for _ in range(rounds):
        moves = [best.used - {one} for one in sorted(best.used)]
        moves += [best.used | {one} for one in sorted(everyone - best.used)]
        moves += [
            (best.used - {out}) | {into}
            for out, into in itertools.product(sorted(best.used), sorted(everyone - best.used))
        ]
        found = min((search.within(frozenset(move)) for move in moves), key=_rank, default=best)
        if _rank(found) >= _rank(best):
            break
        best = found
    return search.polished(best, everyone)


def _rank(split: Split) -> tuple[int, float]:
    return split.problems, round(split.cost, 9)


class _Search:
    """Splits within sets of suppliers, each worked out once."""

    def __init__(self, tender: Tender, rounds: int) -> None:
        self.tender = tender
        self.rounds = rounds
        self.items = len(tender.demand)
        self.known: dict[frozenset[int], Split] = {}
        self.splits: dict[tuple[int, tuple[tuple[int, float], ...]], dict[int, float]] = {}
        self.points = {key: self._breakpoints(*key) for key in tender.bids}

    def _breakpoints(self, item: int, supplier: int) -> list[float]:
        """Return the quantities at which the cost of a bid bends or jumps, above 0."""
        bid, demand = self.tender.bids[item, supplier], float(self.tender.demand[item])
        kink = self.tender.flex_share * demand / (1 + self.tender.flex_share)
        points = {bid.minimum, demand, kink, bid.capacity}
        points |= {step[0] for step in bid.steps}
        return sorted(
            q for q in points if 1e-9 < q <= min(demand, bid.capacity) and q >= bid.minimum
        )

    def within(self, chosen: frozenset[int]) -> Split:
        """Return a good split that uses only these suppliers."""
        if chosen not in self.known:
            self.known[chosen] = self._solve(chosen)
        return self.known[chosen]

    def _solve(self, chosen: frozenset[int]) -> Split:
        by_size = sorted(
            range(self.items),
            key=lambda i: -float(self.tender.demand[i] * self.tender.short_cost[i]),
        )
        best: Split | None = None
        for order in (by_size, by_size[::-1]):
            found = self._filled(self._in_turn(chosen, order), chosen)
            if best is None or _rank(found) < _rank(best):
                best = found
        assert best is not None
        return best

    def _in_turn(self, chosen: frozenset[int], order: list[int]) -> dict[tuple[int, int], float]:
        """Return units after splitting the items in turn until nothing changes."""
        left = self.tender.capacity.copy()
        units: dict[tuple[int, int], float] = {}
        cost = math.inf
        for _ in range(self.rounds):
            for item in order:
                own = {s: units.pop((item, s)) for s in chosen if (item, s) in units}
                for supplier, quantity in own.items():
                    left[supplier] += quantity
                for supplier, quantity in self._item(item, chosen, left).items():
                    units[item, supplier] = quantity
                    left[supplier] -= quantity
            now = evaluate(self.tender, units).cost
            if now >= cost - 1e-9:
                break
            cost = now
        return units

    def polished(self, split: Split, chosen: frozenset[int]) -> Split:
        """Return a split after items, two at a time, gave their awards back and were split anew.

        Suppliers not used so far may come in. Pairs that want the same capacity are what
        items in turn get wrong.
        """
        for _ in range(self.rounds):
            improved = False
            shared = [i for i in range(self.items) if self._is_tight(split, i)]
            for pair in itertools.permutations(shared, 2):
                made = self._again(split, pair, chosen)
                if _rank(made) < _rank(split):
                    split, improved = made, True
            if not improved:
                break
        return split

    def _is_tight(self, split: Split, item: int) -> bool:
        """Tell whether an item could use a supplier of which others take the capacity."""
        used = np.zeros(self.tender.suppliers)
        for (_, supplier), quantity in split.quantities.items():
            used[supplier] += quantity
        own = (s for s in range(self.tender.suppliers) if (item, s) in self.tender.bids)
        demand = float(self.tender.demand[item])
        spends = self.tender.minimum_spend
        return any(self.tender.capacity[s] - used[s] < demand or spends[s] > 0 for s in own)

    def _again(self, split: Split, pair: tuple[int, int], chosen: frozenset[int]) -> Split:
        """Return a split after two items were taken out and put back in this order."""
        units = {key: q for key, q in split.quantities.items() if key[0] not in pair}
        left = self.tender.capacity.copy()
        for (_, supplier), quantity in units.items():
            left[supplier] -= quantity
        for item in pair:
            for supplier, quantity in self._item(item, chosen, left).items():
                units[item, supplier] = quantity
                left[supplier] -= quantity
        made = evaluate(self.tender, units)
        for supplier in sorted(made.used):
            if made.goods[supplier] < self.tender.minimum_spend[supplier] - 1e-6:
                made = self._raised(made, supplier)
        return made

    def _item(self, item: int, chosen: frozenset[int], left: Floats) -> dict[int, float]:
        """Return the best split of one item: all but one supplier at a breakpoint."""
        tender, demand = self.tender, float(self.tender.demand[item])
        able = {
            s: min(tender.bids[item, s].capacity, float(left[s]), demand)
            for s in sorted(chosen)
            if (item, s) in tender.bids
        }
        able = {s: most for s, most in able.items() if most >= max(1e-9, self._least(item, s))}
        # What others leave matters only where it is less than could be used.
        key = (item, tuple(able.items()))
        if key not in self.splits:
            self.splits[key] = self._best_of(item, able)
        return self.splits[key]

    def _best_of(self, item: int, able: dict[int, float]) -> dict[int, float]:
        """Return the best split of one item over suppliers with these largest awards."""
        tender, demand = self.tender, float(self.tender.demand[item])
        options = {s: self._options(item, s, most) for s, most in able.items()}
        best: tuple[float, dict[int, float]] = (demand * float(tender.short_cost[item]), {})
        for count in range(min(tender.most_sources, len(able))):
            for fixed in itertools.combinations(able, count):
                for picks in itertools.product(*(options[s] for s in fixed)):
                    given = sum(q for q, _ in picks)
                    if given >= demand - 1e-9:
                        continue
                    spent = sum(cost for _, cost in picks)
                    if spent >= best[0]:
                        continue
                    rest = demand - given
                    for free, most in able.items():
                        if free in fixed:
                            continue
                        quantity = min(rest, most)
                        if quantity < self._least(item, free) - 1e-9:
                            continue
                        cost = spent + tender.bid_cost(item, free, quantity)
                        cost += (rest - quantity) * float(tender.short_cost[item])
                        if cost < best[0] - 1e-9:
                            awards = {s: q for s, (q, _) in zip(fixed, picks, strict=True)}
                            best = (cost, {**awards, free: quantity})
        return best[1]

    def _least(self, item: int, supplier: int) -> float:
        return self.tender.bids[item, supplier].minimum

    def _options(self, item: int, supplier: int, most: float) -> list[tuple[float, float]]:
        """Return quantities at breakpoints within what is left, and their cost."""
        points = {q for q in self.points[item, supplier] if q <= most + 1e-9} | {most}
        return [(q, self.tender.bid_cost(item, supplier, q)) for q in sorted(points)]

    def _filled(self, units: dict[tuple[int, int], float], chosen: frozenset[int]) -> Split:
        """Return the split after suppliers below their minimum spend were filled up or dropped."""
        split = evaluate(self.tender, units)
        for supplier in sorted(split.used):
            lacks = float(self.tender.minimum_spend[supplier] - split.goods[supplier])
            if lacks > 1e-6:
                split = self._raised(split, supplier)
        if split.problems:
            below = {s for s in split.used if split.goods[s] < self.tender.minimum_spend[s] - 1e-6}
            fewer = chosen - below
            return self.within(fewer) if fewer else evaluate(self.tender, {})
        return split

    def _raised(self, split: Split, supplier: int) -> Split:
        """Return the split after a supplier took over whole awards, the cheapest ones first."""
        while split.goods[supplier] < self.tender.minimum_spend[supplier] - 1e-6:
            found: tuple[float, Split] | None = None
            for (item, other), quantity in split.quantities.items():
                if other == supplier or (item, supplier) not in self.tender.bids:
                    continue
                for moved in self._takeovers(split, item, other, supplier, quantity):
                    units = dict(split.quantities)
                    units[item, other] = quantity - moved
                    units[item, supplier] = units.get((item, supplier), 0.0) + moved
                    made = evaluate(self.tender, units)
                    gain = made.goods[supplier] - split.goods[supplier]
                    if gain <= 1e-9 or made.problems > split.problems:
                        continue
                    price = (made.cost - split.cost) / gain
                    if found is None or price < found[0]:
                        found = (price, made)
            if found is None:
                return split
            split = found[1]
        return split

    def _takeovers(
        self, split: Split, item: int, other: int, supplier: int, quantity: float
    ) -> list[float]:
        """Return how many units a supplier could take over from another one of an item."""
        bid, left = self.tender.bids[item, supplier], float(self.tender.capacity[supplier])
        used = sum(q for (_, s), q in split.quantities.items() if s == supplier)
        has = split.quantities.get((item, supplier), 0.0)
        most = min(quantity, left - used, bid.capacity - has)
        lacks = float(self.tender.minimum_spend[supplier] - split.goods[supplier])
        price = bid.goods(has + most) / (has + most) if has + most > 0 else 0.0
        wanted = {most}
        if price > 0:
            wanted.add(min(most, lacks / price * 1.0000001))
        sources = sum(1 for (i, _), q in split.quantities.items() if i == item and q > 0)
        found = []
        for units in wanted:
            rest = quantity - units
            keeps = rest <= 1e-9 or rest >= self._least(item, other) - 1e-9
            opens = has == 0 and rest > 1e-9 and sources >= self.tender.most_sources
            if units > 1e-9 and keeps and not opens and has + units >= bid.minimum - 1e-9:
                found.append(units)
        return found
