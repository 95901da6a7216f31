"""What holds demand back that is not served: no source, time, money, a limit, or a lot.

Reads a finished plan; changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil

import numpy as np

from fivefold.plan.supply.limit_worth import LimitWorth
from fivefold.plan.supply.network import NEVER, Committed, SupplyNetwork
from fivefold.plan.supply.reading import ORDER, SupplyModel

#: Reason code, sentence, price of what holds it.
Held = tuple[str, str, float]
#: Supplier, place and mode.
Lane = tuple[str, str, str]


def blockers(
    model: SupplyModel,
    network: SupplyNetwork,
    worth: LimitWorth,
    committed: Committed,
    refused: dict[str, str] | None = None,
    left_out: Mapping[Lane, Collection[int]] | None = None,
) -> dict[int, Held]:
    """Return what holds each piece that is short or late, by piece.

    Parameters
    ----------
    refused : dict of str to str, optional
        Suppliers that are not asked for anything, and a sentence why.
    left_out : mapping of (supplier, place, mode) to periods, optional
        Where no load is sent because it would not pay.
    """
    pieces = model.pieces
    reader = _Reader(model, network, worth, committed, refused or {}, left_out or {})
    short = committed.served < pieces.quantity - 0.5
    late = (pieces.kind == ORDER) & ~short
    return {
        c: reader.why(int(pieces.node[c]), int(pieces.period[c]))
        for c in np.flatnonzero(short | late).tolist()
    }


def landed_costs(model: SupplyModel, network: SupplyNetwork) -> np.ndarray:
    """Return the cost of a unit of each way, components and upstream goods at standard cost."""
    landed = network.base_cost.copy()
    landed -= np.array([way.risk_cost for way in model.ways]) if model.ways else 0.0
    ways = np.repeat(np.arange(network.ways), np.diff(network.in_from))
    np.add.at(landed, ways, network.in_quantity * model.unit_cost[network.in_node])
    return landed


class _Reader:
    """Looks up once what many pieces wait for."""

    def __init__(
        self,
        model: SupplyModel,
        network: SupplyNetwork,
        worth: LimitWorth,
        committed: Committed,
        refused: dict[str, str],
        left_out: Mapping[Lane, Collection[int]],
    ) -> None:
        self.model, self.network, self.worth = model, network, worth
        self.left, self.refused = committed.remaining, refused
        self.left_out = left_out
        self.landed = landed_costs(model, network)
        self.starts = model.periods.starts()
        self.wanted = np.bincount(model.pieces.node, minlength=network.nodes) > 0
        self.running = set(
            zip(committed.order_way.tolist(), committed.order_due.tolist(), strict=True)
        )
        self._known: dict[tuple[int, int], Held] = {}

    def why(self, n: int, t: int) -> Held:
        """Return why node n cannot get more by period t."""
        if (n, t) not in self._known:
            self._known[n, t] = self._found(n, t)
        return self._known[n, t]

    def _found(self, n: int, t: int) -> Held:
        model, network = self.model, self.network
        item, place = model.nodes[n]
        first, last = int(network.way_from[n]), int(network.way_from[n + 1])
        if first == last:
            why = model.missing.get((item, place), "")
            told = f"its source has none: {why}" if why else "nobody is known to supply it there"
            return "eligibility", f"{item} at {place} has no way of supply; {told}.", 0.0
        ways = range(first, last)
        reach, way = min((int(network.first_due[network.way_class[w]]), w) for w in ways)
        if reach > t:
            days = model.ways[way].lead_days
            text = f"The quickest way to {place} takes {days} days, too long for this week."
            return "lead_time", text, 0.0
        spared = self._spared(n, t)
        if spared is not None:
            return "uneconomic", spared, 0.0
        for w in ways:
            if model.ways[w].kind == "buy" and model.ways[w].source in self.refused:
                return "lot_rule", self.refused[model.ways[w].source], 0.0
        cheapest = float(self.landed[first:last].min())
        if cheapest >= model.worth[n] and self.wanted[n]:
            told = f"A unit more costs {cheapest:,.2f} and brings {model.worth[n]:,.2f}"
            return "uneconomic", f"{told}; it is not bought, made or moved again.", 0.0
        full = self._full(n, t)
        if full:
            return self._limited(full)
        for w in ways:
            for i in range(int(network.in_from[w]), int(network.in_from[w + 1])):
                k = int(network.start_of[network.way_class[w], t])
                if k >= -1:
                    source = int(network.in_node[i])
                    code, text, price = self.why(source, max(k, 0))
                    origin = f"{model.nodes[source][0]} at {model.nodes[source][1]}"
                    return code, f"It waits for {origin}. {text}", price
        return "lot_rule", "The smallest lot would cost more than serving it is worth.", 0.0

    def _spared(self, n: int, t: int) -> str | None:
        """Return a sentence where all that could come by period t are loads that do not pay."""
        cheapest: tuple[float, int] | None = None
        for w in range(int(self.network.way_from[n]), int(self.network.way_from[n + 1])):
            way = self.model.ways[w]
            starts = self.network.start_of[self.network.way_class[w], : t + 1]
            open_in = set(np.flatnonzero(starts != NEVER).tolist())
            out = self.left_out.get((way.source, way.node[1], way.mode), ())
            if way.load is None or not out:
                out = ()
            if open_in - set(out):
                return None
            if open_in and way.load is not None:
                cheapest = min(cheapest or (np.inf, w), (way.load.cost, w))
        if cheapest is None:
            return None
        way, cost = self.model.ways[cheapest[1]], cheapest[0]
        told = f"A load from {way.source} by {way.mode} costs {cost:,.0f} whatever is in it"
        return f"{told}; all that would come with it brings less, so none is sent."

    def _full(self, n: int, t: int) -> list[int]:
        """Return the limits that keep any way from bringing its smallest lot by period t.

        Empty where some way has room in some week; else those of the way and week that lack
        the fewest, dearest first.
        """
        best: tuple[tuple[int, float, int], list[int]] | None = None
        network = self.network
        for w in range(int(network.way_from[n]), int(network.way_from[n + 1])):
            earliest = max(
                int(network.first_due[network.way_class[w]]), t - int(network.node_shelf[n])
            )
            for s in range(earliest, t + 1):
                if network.start_of[network.way_class[w], s] < -1:
                    continue
                full = self._full_for(n, w, s, t)
                if not full:
                    return []
                rank = (len(full), -max(float(self.worth.price[slot]) for slot in full), -s)
                if best is None or rank < best[0]:
                    best = (rank, full)
        return [] if best is None else sorted(best[1], key=lambda slot: -self.worth.price[slot])

    def _full_for(self, n: int, w: int, s: int, t: int) -> list[int]:
        """Return the limits that have no room for a smallest lot of way w due at s."""
        network = self.network
        lot = max(1.0, float(network.multiple[w]))
        if (w, s) not in self.running:
            lot *= max(1, ceil(float(network.minimum[w]) / lot - 1e-6))
        k = int(network.start_of[network.way_class[w], s])
        taken: dict[int, float] = {}
        for u in range(int(network.use_from[w]), int(network.use_from[w + 1])):
            at = (s if network.use_at_due[u] else max(k, 0)) + int(network.use_lag[u])
            slot = int(network.slot_of[network.use_group[u], at]) if at < network.periods else -1
            if slot >= 0:
                taken[slot] = taken.get(slot, 0.0) + float(network.use_amount[u]) * lot
        store = int(network.node_store[n])
        if store >= 0:
            for p in range(s, min(t + 1, network.periods)):
                slot = int(network.slot_of[store, p])
                # One of the lot leaves in period t.
                stays = lot - (1.0 if p >= t else 0.0)
                if slot >= 0:
                    taken[slot] = float(network.node_cube[n]) * stays
        return [slot for slot, amount in taken.items() if amount > max(0.0, self.left[slot]) + 1e-9]

    def _limited(self, full: list[int]) -> Held:
        """Return a sentence that names the limits, their weeks and what more would be worth."""
        price = float(self.worth.price[full[0]])
        if price > 0:
            text = f"{self._limit(full[0])} is used up; one more would be worth {price:,.2f}."
            return "capacity", text, price
        if len(full) > 1:
            told = "; ".join(self._limit(slot) for slot in full[:2])
            text = (
                f"It needs more of {len(full)} limits at once, so none alone has a price: {told}."
            )
            return "capacity", text, 0.0
        note = self.worth.note[full[0]]
        why = note or "with room for its smallest lot that would bring less than it costs."
        return "lot_rule", f"{self._limit(full[0])} has no room for the smallest lot: {why}", 0.0

    def _limit(self, slot: int) -> str:
        limit = self.model.limits.slots[slot]
        of = f" of {limit.subject}" if limit.subject else ""
        amount = self.network.capacity[slot]
        week = self.starts[limit.period]
        return f"The limit {limit.limit} ({limit.kind}{of}) of {amount:,.6g} in the week of {week}"
