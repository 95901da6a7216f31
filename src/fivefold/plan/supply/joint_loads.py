"""Loads that pay: what a plan buys by container or truck, judged by the whole load's cost.

A way's unit cost holds a share of its load's fixed cost, as if the load were as full as usual.
Here the loads a plan really starts are counted. Loads that cost more than they save are taken
out of the plan, so that their goods come with a fuller one, by another mode, or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fivefold.model.outcome import Reason
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.network import NEVER, Floats, SupplyNetwork
from fivefold.plan.supply.reading import SupplyModel
from fivefold.plan.supply.reference import Kept
from fivefold.plan.supply.replanning import Draft
from fivefold.plan.supply.smallest_orders import cost_with_rest, used_up_in
from fivefold.plan.supply.ways import LoadTerms

#: Most times that the plan is made again without some loads, or with some joined; fewer where
#: so many pieces of demand make each of them long.
MOST_TRIES = 12
MOST_PIECES_TRIED = 600_000
LEAST_TRIES = 6
#: Times in a quick answer, which keeps most of what was decided before: only what promises most.
QUICK_TRIES = 1
#: Most single loads joined with others, or left out, one by one.
MOST_SINGLE = 6
#: Part of a load's cost that its goods' shares must cover for it to stand without a trial.
WELL_FILLED_SHARE = 0.8
#: Loss on a lane's loads, as a part of what their goods cost, above which it is left out at once.
HOPELESS_SHARE = 0.25
#: Loss below which nothing is left out for it, as a part of what the goods cost.
SMALL_SHARE = 0.04
#: Part of a load that is filled where goods wait for one, so that lots do not start another.
FILLED_AT_MOST = 0.95

Lane = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Buys that travel together: one lane, due in one period, started on one day."""

    lane: Lane
    due: int
    start: int
    orders: tuple[tuple[int, float], ...]
    kept: bool

    @property
    def sort_key(self) -> tuple[Lane, int, int]:
        """Order in which loads are looked at where nothing else decides."""
        return (self.lane, self.due, self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A plan whose loads pay, and what that changed.

    Attributes
    ----------
    before, after : float
        Fixed cost of all loads new to the plan.
    moved : dict of (way, due period) to (way, due period) it was taken from
    left_out : dict of lane to due periods in which no load goes
    """

    draft: Draft
    before: float = 0.0
    after: float = 0.0
    moved: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    left_out: dict[Lane, set[int]] = field(default_factory=dict)


def with_loads_that_pay(
    draft: Draft,
    settle: Callable[[Draft], Draft],
    *,
    holds: Callable[[Draft], bool],
    left_out: Iterable[tuple[Lane, tuple[int, ...]]] = (),
    quick: bool = False,
) -> Loaded:
    """Return the plan in which no load could be spared at a gain.

    Parameters
    ----------
    draft : Draft
        Decisions carried over stay in it, and what is new may join their loads.
    settle : callable
        Brings a plan that was made again within machine hours and cube.
    holds : callable
        Tells whether it could: runs carried over leave no way to save set-ups.
    left_out : iterable of (lane, periods), optional
        What a plan just made leaves out, in place of looking for it again.
    quick : bool
        Try only what promises most.

    Notes
    -----
    Local search with the cost of the whole plan as its judge, loads at what they really cost:
    a lane is left out on the days on which it would be nearly empty, or sails only once enough
    has come together; then single loads are joined with earlier ones or go by another mode in
    time. Every trial is a whole plan, with all limits kept.
    """
    if not any(way.load is not None for way in draft.model.ways):
        return Loaded(draft=draft)
    search = _Search(draft, settle, holds, quick=quick)
    return search.result({lane: set(periods) for lane, periods in left_out})


def reasons_of(found: Loaded, names: dict[tuple[int, int], str]) -> list[Reason]:
    """Return why decisions go by another load than alone they would; `names` by way and due."""
    reasons, model = [], found.draft.model
    starts = model.periods.starts()
    for (w, due), (old, before) in sorted(found.moved.items()):
        if (w, due) not in names:
            continue
        way, other = model.ways[w], model.ways[old]
        assert other.load is not None
        how = f"by {way.mode}" if way.mode != other.mode else f"with what is due {starts[due]}"
        reasons.append(
            Reason(
                subject=names[w, due],
                reason_code="next_best",
                reference=f"{other.source}:{other.mode}",
                price=other.load.cost,
                text=f"It comes {how}: a load by {other.mode} due {starts[before]} would cost "
                f"{other.load.cost:,.0f} for little else.",
            )
        )
    return reasons


def loads_of(draft: Draft, kept: Kept) -> list[Load]:
    """Return the loads a plan starts; one that holds any decision of `kept` is marked."""
    model, network = draft.model, draft.network
    carried = set(zip(kept.way.tolist(), kept.due.tolist(), strict=True))
    found: dict[tuple[Lane, int, int], list[tuple[int, float]]] = {}
    for w, s, units in zip(
        draft.committed.order_way.tolist(),
        draft.committed.order_due.tolist(),
        draft.committed.order_quantity.tolist(),
        strict=True,
    ):
        way = model.ways[w]
        if way.load is None or round(units) < 1:
            continue
        day = model.starts[int(network.way_class[w])][s]
        key = ((way.source, way.node[1], way.mode), s, 0 if day is None else day.toordinal())
        found.setdefault(key, []).append((w, units))
    return [
        Load(
            lane=lane,
            due=due,
            start=start,
            orders=tuple(orders),
            kept=any((w, due) in carried for w, _units in orders),
        )
        for (lane, due, start), orders in sorted(found.items())
    ]


def fixed_cost(model: SupplyModel, load: Load) -> float:
    """Return what a load costs whatever is in it: each started container or truck is paid."""
    terms = model.ways[load.orders[0][0]].load
    assert terms is not None
    return terms.cost * terms.started(_volume(model, load.orders))


def shares(model: SupplyModel, orders: Iterable[tuple[int, float]]) -> float:
    """Return what the unit costs of some orders hold of the cost of loads."""
    total = 0.0
    for w, units in orders:
        terms = model.ways[w].load
        total += units * (terms.share if terms else 0.0)
    return total


def _volume(model: SupplyModel, orders: Iterable[tuple[int, float]]) -> float:
    total = 0.0
    for w, units in orders:
        terms = model.ways[w].load
        total += units * (terms.unit_m3 if terms else 0.0)
    return total


def closed_at(network: SupplyNetwork, shut: dict[int, frozenset[int]]) -> SupplyNetwork:
    """Return the network in which some ways never come in some periods; `shut` by way."""
    if not shut:
        return network
    rows = [network.start_of]
    code: dict[tuple[int, frozenset[int]], int] = {}
    way_class = network.way_class.copy()
    for w, periods in shut.items():
        key = (int(way_class[w]), periods)
        if key not in code:
            row = network.start_of[key[0]].copy()
            row[sorted(periods)] = NEVER
            code[key] = len(network.start_of) + len(rows) - 1
            rows.append(row[None, :])
        way_class[w] = code[key]
    return network.with_changes(start_of=np.vstack(rows), way_class=way_class)


class _Search:
    """The plan as it gets better, and what it is judged by."""

    def __init__(
        self,
        draft: Draft,
        settle: Callable[[Draft], Draft],
        holds: Callable[[Draft], bool],
        *,
        quick: bool = False,
    ) -> None:
        self.first, self.settle, self.holds = draft, settle, holds
        self.kept = draft.kept
        self.used_up: Floats = used_up_in(draft)
        self.best, self.score = draft, self._score(draft)
        pieces = max(1, len(draft.model.pieces))
        self.tries = max(LEAST_TRIES, min(MOST_TRIES, MOST_PIECES_TRIED // pieces))
        if quick:
            self.tries = QUICK_TRIES
        self.moved: dict[tuple[int, int], tuple[int, int]] = {}
        self.shut: dict[Lane, set[int]] = {}
        self.modes: dict[tuple[str, str], dict[str, LoadTerms]] = {}
        for way in draft.model.ways:
            if way.load is not None:
                own = self.modes.setdefault((way.source, way.node[1]), {})
                own.setdefault(way.mode, way.load)

    def result(self, known: dict[Lane, set[int]]) -> Loaded:
        """Return the plan; what is known to be left out need not be looked for."""
        if known:
            self._try_with({lane: known[lane] & self._free(lane) for lane in sorted(known)})
        else:
            self._leave_out_empty()
            self._one_mode_a_pair()
            self._leave_out_lanes()
            self._leave_out_pairs()
        self._join_loads()
        if self._leave_out_loads():
            self._join_loads()
        return Loaded(
            draft=self.best,
            before=self._fixed(self.first),
            after=self._fixed(self.best),
            moved=self.moved,
            left_out={lane: periods for lane, periods in self.shut.items() if periods},
        )

    def _new_loads(self) -> list[Load]:
        return [load for load in loads_of(self.best, self.kept) if not load.kept]

    def _fixed(self, draft: Draft) -> float:
        return sum(fixed_cost(draft.model, load) for load in loads_of(draft, self.kept))

    def _score(self, draft: Draft) -> float:
        """Return what a plan costs, its loads as they are and not as usual."""
        loads = loads_of(draft, self.kept)
        extra = sum(fixed_cost(draft.model, x) - shares(draft.model, x.orders) for x in loads)
        return cost_with_rest(draft, self.used_up) + extra

    def _loss(self, load: Load) -> float:
        """Return what a load costs beyond the shares that its goods bear."""
        return fixed_cost(self.best.model, load) - shares(self.best.model, load.orders)

    def _by_lane(self) -> dict[Lane, list[Load]]:
        """Return the new loads of each lane, the lane that loses most first."""
        found: dict[Lane, list[Load]] = {}
        for load in self._new_loads():
            found.setdefault(load.lane, []).append(load)
        losses = {lane: sum(map(self._loss, loads)) for lane, loads in found.items()}
        return {lane: found[lane] for lane in sorted(found, key=lambda x: (-losses[x], x))}

    def _free(self, lane: Lane) -> set[int]:
        """Return the periods in which a lane may be left out: no decision carried over is in it."""
        standing = {x.due for x in loads_of(self.best, self.kept) if x.lane == lane and x.kept}
        return set(range(self.best.network.periods)) - standing

    def _leave_out_empty(self) -> None:
        """Leave out, all at once, the lanes whose loads cost far more than others beside them."""
        part = {lane: self._lost_share(loads) for lane, loads in self._by_lane().items()}
        least: dict[tuple[str, str], float] = {}
        for lane, lost in part.items():
            least[lane[:2]] = min(least.get(lane[:2], math.inf), lost)
        empty = {
            lane: self._free(lane)
            for lane, lost in part.items()
            if lost > HOPELESS_SHARE and lost > least[lane[:2]]
        }
        if empty:
            self._try_with(empty)

    def _lost_share(self, loads: list[Load]) -> float:
        """Return the loss on some loads, as a part of what their goods cost."""
        base = self.best.network.base_cost
        goods = sum(units * float(base[w]) for load in loads for w, units in load.orders)
        return sum(map(self._loss, loads)) / max(goods, EPS)

    def _one_mode_a_pair(self) -> None:
        """Let all goods of a supplier for a place come by one mode, on its cycle, where it pays.

        Modes that are quicker stay for what cannot wait, and are tried without too.
        """
        pairs: dict[tuple[str, str], list[Load]] = {}
        for load in self._new_loads():
            pairs.setdefault(load.lane[:2], []).append(load)
        for pair in sorted(pairs, key=lambda x: (-self._lost_share(pairs[x]), x)):
            loads = [load for load in self._new_loads() if load.lane[:2] == pair]
            if len(self.modes[pair]) < 2 or not loads or self._lost_share(loads) <= SMALL_SHARE:
                continue
            now = sum(map(self._cost_now, loads))
            guesses = {mode: self._cost_by(mode, loads) for mode in self.modes[pair]}
            for mode in sorted(guesses, key=lambda x: (guesses[x], x)):
                if guesses[mode] < now:
                    self._try_with(self._only(mode, loads, quicker=True))
            least = min(guesses, key=lambda x: (guesses[x], x))
            if guesses[least] < now:
                self._try_with(self._only(least, loads, quicker=False))

    def _cost_now(self, load: Load) -> float:
        """Return what a load costs with the goods in it."""
        base = self.best.network.base_cost
        return self._loss(load) + sum(units * float(base[w]) for w, units in load.orders)

    def _cost_by(self, mode: str, loads: list[Load]) -> float:
        """Return what the goods of some loads would cost by one mode, sailing at its cycle."""
        network, model = self.best.network, self.best.model
        terms = self.modes[loads[0].lane[:2]][mode]
        cost = volume = 0.0
        for w, units in ((w, units) for load in loads for w, units in load.orders):
            other = self._by_mode(w, mode)
            if other is None:
                return math.inf
            own = model.ways[other].load
            assert own is not None
            cost += units * (float(network.base_cost[other]) - own.share)
            volume += units * own.unit_m3
        first = min(load.due for load in loads)
        cycle, held = self._cycle(terms, loads)
        sails = max(1.0, (network.periods - first) / cycle)
        waits = held * sails * cycle * (cycle - 1) / 2.0
        return cost + waits + terms.cost * max(sails, volume / terms.room_m3)

    def _only(self, mode: str, loads: list[Load], *, quicker: bool) -> dict[Lane, set[int]]:
        """Return what is left out where goods come by one mode on its cycle, or by quicker ones."""
        pair, model, network = loads[0].lane[:2], self.best.model, self.best.network
        days = {
            way.mode: way.lead_days
            for way in model.ways
            if way.load is not None and (way.source, way.node[1]) == pair
        }
        shut: dict[Lane, set[int]] = {}
        for other in self.modes[pair]:
            lane = (*pair, other)
            if other == mode:
                first = min(load.due for load in loads)
                cycle, _held = self._cycle(self.modes[pair][mode], loads)
                sails = set(range(first, network.periods, cycle))
                shut[lane] = self._free(lane) - sails if cycle > 1 else set()
            elif not quicker or days[other] >= days[mode]:
                shut[lane] = self._free(lane)
        return shut

    def _by_mode(self, w: int, mode: str) -> int | None:
        """Return the way that brings the same from the same supplier by a mode."""
        network, model = self.best.network, self.best.model
        n = int(network.way_node[w])
        for other in range(int(network.way_from[n]), int(network.way_from[n + 1])):
            way = model.ways[other]
            if (way.kind, way.source, way.mode) == ("buy", model.ways[w].source, mode):
                return other if way.load is not None else None
        return None

    def _leave_out_lanes(self) -> None:
        """Leave lanes out on the days on which they would be nearly empty."""
        seen: set[Lane] = set()
        while self.tries > 0:
            lanes = [lane for lane in self._by_lane() if lane not in seen]
            if not lanes:
                return
            seen.add(lanes[0])
            loads = self._by_lane()[lanes[0]]
            if self._lost_share(loads) > SMALL_SHARE:
                for shut in self._closings(lanes[0], loads):
                    self._try_with({lanes[0]: shut})

    def _leave_out_pairs(self) -> None:
        """Leave out all that comes from a supplier to a place, by whatever mode."""
        loads: dict[tuple[str, str], list[Load]] = {}
        for load in self._new_loads():
            loads.setdefault(load.lane[:2], []).append(load)
        lost = {pair: self._lost_share(own) for pair, own in loads.items()}
        for pair in sorted(lost, key=lambda x: (-lost[x], x)):
            if lost[pair] > SMALL_SHARE:
                lanes = [(*pair, mode) for mode in sorted(self.modes[pair])]
                self._try_with({lane: self._free(lane) for lane in lanes})

    def _closings(self, lane: Lane, loads: list[Load]) -> list[set[int]]:
        """Return periods to leave a lane out in: where it is empty, until full, but each cycle."""
        every, out = self._free(lane), self.shut.get(lane, set())
        model = self.best.model
        good = {
            load.due
            for load in loads
            if shares(model, load.orders) >= WELL_FILLED_SHARE * fixed_cost(model, load)
        }
        found = [every - good]
        sailings = [self._when_full(loads), self._each_cycle(loads)]
        found += [out | (every - sails) for sails in sailings if sails]
        return [shut for shut in found if any(load.due in shut for load in loads)]

    def _when_full(self, loads: list[Load]) -> set[int]:
        """Return the periods in which a lane sails if it waits until a load is full."""
        model = self.best.model
        terms = model.ways[loads[0].orders[0][0]].load
        if terms is None or math.isinf(terms.room_m3):
            return set()
        sails: set[int] = set()
        waiting = math.inf
        for load in loads:
            if waiting >= terms.room_m3:
                sails.add(load.due)
                waiting = 0.0
            waiting += _volume(model, load.orders)
        return sails

    def _each_cycle(self, loads: list[Load]) -> set[int]:
        """Return the periods in which a lane sails at the economic cycle of its loads."""
        pair, mode = loads[0].lane[:2], loads[0].lane[2]
        cycle, _held = self._cycle(self.modes[pair][mode], loads)
        first, last = loads[0].due, self.best.network.periods
        return set(range(first, last, cycle)) if cycle > 1 else set()

    def _cycle(self, terms: LoadTerms, loads: list[Load]) -> tuple[int, float]:
        """Return periods between loads that cost least, and what a period's goods cost to hold.

        √(2 K / Σ h d) for all goods at once: the common cycle of joint replenishment where all
        are in every order [1]_; sooner where a load is full sooner.

        References
        ----------
        .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
           Chains*, 4th ed., §10.4.1, all multiples one and no cost of a line.
        """
        network, model = self.best.network, self.best.model
        weeks = max(1, network.periods - min(load.due for load in loads))
        orders = [order for load in loads for order in load.orders]
        hold = network.hold[network.way_node]
        held = sum(units * float(hold[w]) for w, units in orders) / weeks
        cycle = math.sqrt(2.0 * terms.cost / held) if held > 0 else weeks
        volume = _volume(model, orders) / weeks
        if volume > 0:
            # Lots are rounded up, and a load a little too full is two.
            cycle = min(cycle, FILLED_AT_MOST * terms.room_m3 // volume)
        return max(1, min(weeks, round(cycle))), held

    def _try_with(self, shut: dict[Lane, set[int]]) -> bool:
        """Make the plan again with lanes left out in some periods; keep it if it costs less."""
        wanted = {**self.shut, **shut}
        if self.tries <= 0 or wanted == self.shut:
            return False
        self.tries -= 1
        draft = self.best
        periods = {lane: frozenset(when) for lane, when in wanted.items() if when}
        ways = {
            w: periods[way.source, way.node[1], way.mode]
            for w, way in enumerate(draft.model.ways)
            if way.load is not None and (way.source, way.node[1], way.mode) in periods
        }
        own = closed_at(self.first.own or self.first.network, ways)
        trial = self.settle(replace(draft, own=own).made_around(self._kept_without(ways)))
        if not self._better(trial):
            return False
        self.shut = wanted
        return True

    def _kept_without(self, ways: dict[int, frozenset[int]]) -> Kept:
        """Return what a trial starts from: once loads are joined, all but what is left out."""
        if not self.moved:
            return self.kept
        every = self.best.decisions()
        out = [
            not firm and s in ways.get(w, ())
            for w, s, firm in zip(
                every.way.tolist(), every.due.tolist(), every.firm.tolist(), strict=True
            )
        ]
        return every.only(~np.array(out, bool))

    def _better(self, trial: Draft) -> bool:
        score = self._score(trial)
        if score >= self.score - EPS or not self.holds(trial):
            return False
        self.best, self.score = trial, score
        return True

    def _join_loads(self) -> None:
        """Put loads into earlier ones or on another mode in time, the emptiest first."""
        tried: set[tuple[Lane, int, int]] = set()
        left = MOST_SINGLE
        while left and self.tries > 0:
            loads = [load for load in self._new_loads() if load.sort_key not in tried]
            load = max(loads, key=lambda x: (self._loss(x), x.sort_key), default=None)
            if load is None:
                return
            tried.add(load.sort_key)
            target = self._best_target(load)
            if target is not None:
                left -= 1
                self._try_joined(load, target)

    def _best_target(self, load: Load) -> dict[int, tuple[int, int]] | None:
        """Return where each order of a load would go for least cost; None where that is dearer."""
        model = self.best.model
        others: dict[tuple[str, int], list[Load]] = {}
        for other in loads_of(self.best, self.kept):
            if other.lane[:2] == load.lane[:2] and other.sort_key != load.sort_key:
                others.setdefault((other.lane[2], other.due), []).append(other)
        modes = {key[0] for key in others} | {
            way.mode
            for way in model.ways
            if way.load is not None and (way.source, way.node[1]) == load.lane[:2]
        }
        places = {(mode, load.due) for mode in modes} | {
            key for key in others if key[1] <= load.due
        }
        places.discard((load.lane[2], load.due))
        best: tuple[float, dict[int, tuple[int, int]]] | None = None
        for mode, due in sorted(places):
            moves = self._moves(load, mode, due)
            if moves is None:
                continue
            gain = self._gain(load, moves, others.get((mode, due), []))
            if gain > EPS and (best is None or gain > best[0]):
                best = (gain, moves)
        return None if best is None else best[1]

    def _moves(self, load: Load, mode: str, due: int) -> dict[int, tuple[int, int]] | None:
        """Return the way and due period of every order by another mode, None where one has none."""
        network = self.best.network
        own = self.first.own or network
        moves: dict[int, tuple[int, int]] = {}
        for w, _units in load.orders:
            other = self._by_mode(w, mode)
            keeps = due + int(network.node_shelf[network.way_node[w]]) > load.due
            if other is None or not keeps or own.start_of[own.way_class[other], due] == NEVER:
                return None
            moves[w] = (other, due)
        return moves

    def _gain(self, load: Load, moves: dict[int, tuple[int, int]], others: list[Load]) -> float:
        """Return what is saved by moving a load, before any limit is looked at."""
        network, model = self.best.network, self.best.model
        joined = [(moves[w][0], units) for w, units in load.orders]
        gain = fixed_cost(model, load) - shares(model, load.orders)
        for (w, units), (other, _same) in zip(load.orders, joined, strict=True):
            n = int(network.way_node[w])
            gain += units * float(network.base_cost[w] - network.base_cost[other])
            gain -= units * float(network.hold[n]) * (load.due - moves[w][1])
        lane = (load.lane[0], load.lane[1], model.ways[joined[0][0]].mode)
        before = max(others, key=lambda x: x.start, default=None)
        whole = Load(
            lane=lane,
            due=moves[load.orders[0][0]][1],
            start=0,
            orders=(*(before.orders if before else ()), *joined),
            kept=False,
        )
        gain -= fixed_cost(model, whole) - shares(model, joined)
        if before is not None:
            gain += fixed_cost(model, before)
        return gain

    def _try_joined(self, load: Load, moves: dict[int, tuple[int, int]]) -> None:
        self.tries -= 1
        every = self.best.decisions()
        taken = np.array(
            [
                not firm and due == load.due and w in moves
                for w, due, firm in zip(
                    every.way.tolist(), every.due.tolist(), every.firm.tolist(), strict=True
                )
            ],
            bool,
        )
        way = np.array(
            [moves[w][0] if t else w for w, t in zip(every.way.tolist(), taken, strict=True)],
            np.int64,
        )
        due = np.array(
            [
                moves[w][1] if t else s
                for w, s, t in zip(every.way.tolist(), every.due.tolist(), taken, strict=True)
            ],
            np.int64,
        )
        trial = self.settle(self.best.made_around(_summed(replace(every, way=way, due=due))))
        if not _within_limits(trial, self.best) or not self._better(trial):
            return
        for w, target in moves.items():
            self.moved[target] = self.moved.pop((w, load.due), (w, load.due))

    def _leave_out_loads(self) -> bool:
        """Leave out single loads that cost more than they bring; tell whether any was."""
        found = False
        tried: set[tuple[Lane, int, int]] = set()
        for _ in range(MOST_SINGLE):
            loads = [load for load in self._new_loads() if load.sort_key not in tried]
            load = max(loads, key=lambda x: (self._loss(x), x.sort_key), default=None)
            if load is None or self._lost_share([load]) <= SMALL_SHARE:
                break
            tried.add(load.sort_key)
            found |= self._try_with({load.lane: self.shut.get(load.lane, set()) | {load.due}})
        return found


def _summed(kept: Kept) -> Kept:
    """Return decisions with those of one way and period made one; firm ones stay apart."""
    units: dict[tuple[bool, int, int], float] = {}
    for firm, w, s, quantity in zip(
        kept.firm.tolist(),
        kept.way.tolist(),
        kept.due.tolist(),
        kept.quantity.tolist(),
        strict=True,
    ):
        key = (not firm, w, s)
        units[key] = units.get(key, 0.0) + quantity
    keys = sorted(units)
    return Kept(
        way=np.array([w for _later, w, _s in keys], np.int64),
        due=np.array([s for _later, _w, s in keys], np.int64),
        quantity=np.array([units[key] for key in keys], np.float64),
        firm=np.array([not later for later, _w, _s in keys], bool),
    )


def _within_limits(trial: Draft, before: Draft) -> bool:
    """Tell whether no limit is overdrawn that was not before."""
    left: NDArray[np.float64] = trial.committed.remaining
    floor = np.minimum(before.committed.remaining, 0.0)
    return bool((left >= floor - 1e-6).all())
