"""Open orders looked at together before they are released: who is served from where, again.

Greedy serves orders one after the other; an early order may take the unit that a later one
near by needs more. Here all are known. Prices of units where more is wanted than there is
(a Lagrangian relaxation of stock, by subgradients) tell who should give way; each round serves
the orders for real at those prices, those with most to lose first, and the best is kept.

References
----------
.. [1] Fisher (1981), "The Lagrangian relaxation method for solving integer programming
   problems", Management Science 27(1), 1-18: subgradient steps and a feasible answer each.
.. [2] Dueck, Scheuer (1990), "Threshold accepting", Journal of Computational Physics 90(1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.deliver.sourcing_kernel import source
from fivefold.deliver.sourcing_tables import (
    Legs,
    Lines,
    Places,
    Stock,
    Terms,
    Times,
    priced,
    units_held,
    with_buckets,
)

Array = npt.NDArray[Any]

#: What a unit not served counts as, against costs of parcels. [assumed]
UNSERVED = 1e4


#: Lines served again in all tries together, at most: a second or two of a processor.
TRIED_LINES = 400_000
#: Tries of another price or turn, at most.
MOST_TRIES = 1_500


def serve_wave(
    lines: Lines,
    stock: Stock,
    places: Places,
    times: Times,
    terms: Terms,
    *,
    rounds: int,
    tries: int | None = None,
) -> Legs:
    """Return the legs that cost least of all rounds; `stock.buckets` and `room` are used up.

    Parameters
    ----------
    lines, stock, places, times, terms
        As `source` takes them; orders in the order in which they would be served.
    rounds : int
        Rounds of prices; 0 is the greedy answer.
    tries : int, optional
        Other prices and turns tried from the best round on; default is as many as
        `TRIED_LINES` and `MOST_TRIES` allow.

    Notes
    -----
    No order gets fewer units than the greedy answer gives it: shortage is shared out there, by
    priority and age. Costs of legs are told without the prices of the rounds.
    """
    base = _Run(lines, stock, places, times, terms)
    best = base.serve(np.zeros(len(stock.prices), np.float32), None)
    fewest = best.unmet
    price = np.zeros(len(stock.prices))
    kept, turns = price.copy(), None
    scale = float(np.nanmean(best.legs.cost)) if len(best.legs.cost) else 0.0
    for turn in range(rounds):
        wanted, regret = base.wanted(price.astype(np.float32))
        over = wanted - base.held
        if turn and not (over > 0).any():
            break
        step = 0.5 * scale / (1.0 + 0.4 * turn)
        price = np.maximum(price + step * over / np.maximum(wanted + base.held, 1.0), 0.0)
        for order in (None, np.argsort(-regret, kind="stable")):
            found = base.serve(price.astype(np.float32), order)
            if found.cost < best.cost - 1e-9 and (found.unmet <= fewest).all():
                best, kept, turns = found, price.copy(), order
    if rounds:
        if tries is None:
            tries = min(MOST_TRIES, TRIED_LINES // max(len(lines.rows), 1))
        best = _search(base, best, kept, turns, fewest=fewest, tries=tries, scale=scale)
    stock.buckets[:] = best.buckets
    stock.free[:] = with_buckets(stock, best.buckets).free
    places.room[:] = best.room
    return best.legs


def _search(
    base: _Run,
    best: _Served,
    price: Array,
    order: Array | None,
    *,
    fewest: Array,
    tries: int,
    scale: float,
) -> _Served:
    """Return the best answer found by serving again at a changed price or in a changed turn.

    Threshold accepting [2]_: a change stays while it costs little more than what it replaces,
    less and less as tries go on.
    """
    orders = len(base.lines.order_first) - 1
    turns = np.arange(orders) if order is None else order.copy()
    wanted, _regret = base.wanted(np.zeros(len(price), np.float32))
    asked = np.flatnonzero(np.isin(base.item_of, base.lines.rows["item"]))
    # One holder alone has the item whatever its price.
    several = np.bincount(base.item_of, minlength=base.item_of.max(initial=0) + 1)[base.item_of] > 1
    short = asked[((wanted[asked] > base.held[asked]) | (price[asked] > 0)) & several[asked]]
    if len(short) == 0 or orders < 2:
        return best
    # Seeded by what is served, so that the same wave is answered the same way.
    rng = np.random.default_rng(len(base.lines.rows))
    now = best
    for step in range(tries):
        slack = 0.5 * scale * (1.0 - step / tries)
        trial, sequence = price, turns
        if rng.random() < 0.7:
            trial = price.copy()
            at = short[rng.integers(len(short))]
            trial[at] = max(0.0, trial[at] + rng.normal(0.0, 0.7 * scale))
        else:
            one, two = rng.integers(0, orders, 2)
            sequence = turns.copy()
            moved = sequence[one]
            sequence = np.insert(np.delete(sequence, one), two, moved)
        found = base.serve(trial.astype(np.float32), sequence)
        if (found.unmet > fewest).any() or found.cost > now.cost + slack:
            continue
        price, turns, now = trial, sequence, found
        if found.cost < best.cost - 1e-9:
            best = found
    return best


class _Served:
    """Legs with what they cost and leave."""

    def __init__(
        self, legs: Legs, cost: float, unmet: Array, *, buckets: Array, room: Array
    ) -> None:
        self.legs, self.cost, self.unmet = legs, cost, unmet
        self.buckets, self.room = buckets, room


class _Run:
    """The same orders, stock and places, served again and again."""

    def __init__(
        self, lines: Lines, stock: Stock, places: Places, times: Times, terms: Terms
    ) -> None:
        self.lines, self.stock, self.places = lines, stock, places
        self.times, self.terms = times, terms
        orders = len(lines.order_first) - 1
        self.order_of = np.repeat(np.arange(orders), np.diff(lines.order_first))
        self.held = np.append(units_held(stock.holders, stock.buckets), 0).astype(np.float64)
        self.item_of = np.repeat(
            np.arange(len(stock.holder_first) - 1), np.diff(stock.holder_first)
        )
        self.key = self.item_of * len(places.sites) + stock.homes[:-1]

    def wanted(self, price: Array) -> tuple[Array, Array]:
        """Return units wanted of each holder were there enough, and what each order would lose."""
        buckets = self.stock.buckets.copy()
        first = self.stock.holders["bucket"][:-1]
        # Only what is there: endless supply of tomorrow would take orders off today's.
        buckets["units"][first] = np.where(self.held[:-1] > 0, 1 << 30, 0)
        legs = self._legs(self.lines, buckets, self.places.room.copy(), price)
        served = legs.place >= 0
        units = np.bincount(
            self._holder(legs.line[served], legs.place[served]),
            weights=legs.units[served],
            minlength=len(price),
        )
        more = np.nan_to_num(np.where(np.isfinite(legs.more), legs.more, 1e6))
        regret = np.bincount(
            self.order_of[legs.line], weights=more, minlength=len(self.lines.order_first) - 1
        )
        return units, regret

    def serve(self, price: Array, order: Array | None) -> _Served:
        """Serve the orders at prices, in an order of theirs; the cost is told without prices."""
        lines, row = self.lines, None
        if order is not None:
            spans = [np.arange(lines.order_first[one], lines.order_first[one + 1]) for one in order]
            row = np.concatenate(spans)
            first = np.append(0, np.cumsum([len(span) for span in spans])).astype(np.int64)
            lines = Lines(first, lines.rows[row])
        buckets, room = self.stock.buckets.copy(), self.places.room.copy()
        legs = self._legs(lines, buckets, room, price)
        if row is not None:
            line = row[legs.line]
            back = np.argsort(line, kind="stable")
            legs = Legs(*(column[back] for column in legs._replace(line=line)))
        served = legs.place >= 0
        worth = np.zeros(len(legs.line))
        worth[served] = price[self._holder(legs.line[served], legs.place[served])]
        legs = legs._replace(cost=legs.cost - worth * legs.units)
        unmet = np.bincount(
            self.order_of[legs.line[~served]],
            weights=legs.units[~served],
            minlength=len(self.lines.order_first) - 1,
        )
        return _Served(legs, self._cost(legs, served, unmet), unmet, buckets=buckets, room=room)

    def _legs(self, lines: Lines, buckets: Array, room: Array, price: Array) -> Legs:
        stock = with_buckets(priced(self.stock, price), buckets)
        places = self.places._replace(sites=self.places.sites.copy(), room=room)
        return source(lines, stock, places, self.times, self.terms)

    def _holder(self, line: Array, place: Array) -> Array:
        key = self.lines.rows["item"][line] * len(self.places.sites) + place
        return np.searchsorted(self.key, key)

    def _cost(self, legs: Legs, served: Array, unmet: Array) -> float:
        """Return the cost of legs with parcels more than one, days late or waited, and unmet."""
        line = legs.line[served]
        order, arrive = self.order_of[line], legs.arrive[served].astype(np.int64)
        parcels = np.unique(np.column_stack([order, legs.place[served], legs.ship[served]]), axis=0)
        extra = len(parcels) - len(np.unique(order))
        due = self.lines.rows["deadline"][line]
        late = np.where(due < 0, self.terms.wait * arrive, 0.0)
        late += np.where(due >= 0, self.terms.late * np.maximum(arrive - due, 0), 0.0)
        return float(
            legs.cost[served].sum()
            + self.terms.split * extra
            + late @ legs.units[served]
            + UNSERVED * unmet.sum()
        )
