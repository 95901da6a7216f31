"""What more of a limit is worth to the plan as it stands, lots and all.

The prices that steer the plan are of a divisible one. Here a little more of one limit is tried
on the finished plan: which lot that waits would fit then, and what would it bring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.supply.commit import EPS, serve_more
from fivefold.plan.supply.network import Committed, Floats, Ints, SupplyNetwork
from fivefold.plan.supply.prices import NodeDemand, Prices, answer_to
from fivefold.plan.supply.reading import FORECAST, ORDER, SupplyModel

#: Ways found by: a lot that waits was tried; the divisible plan; used up, yet nothing waits for
#: it; a lot more would fit.
TRIED, DIVISIBLE, UNASKED = "blocked lot", "divisible plan", "nothing waits"
SLACK = "room is left"
#: Item-places beyond which nothing is tried and the divisible plan's prices stand.
MOST_NODES = 5_000
#: Least share of a limit by which it is raised, so that a rounding is not taken for scarcity.
LEAST_STEP_SHARE = 0.01
#: Share of a limit by which it is raised at most, unless one lot needs more.
MOST_STEP_SHARE = 0.1
#: Sizes of lots tried on one limit in one week.
MOST_TRIALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWorth:
    """What one more unit of each slot is worth, how that was found, and a sentence on it."""

    price: Floats
    found_by: list[str]
    note: list[str]


def worth_of_limits(
    model: SupplyModel, network: SupplyNetwork, prices: Prices, committed: Committed
) -> LimitWorth:
    """Return prices of limits that hold for the plan with its lots.

    Where demand waits for a way that draws on a limit, and what is left is less than that way's
    smallest lot, the limit is raised by what is missing, but at least a hundredth of it, and by a
    tenth of it, and the waiting demand offered to the finished plan. The price is the most that
    brings a unit raised.
    A limit with room for every lot that waits has price 0. Where nothing waits, the divisible
    plan's price stands if not even the smallest lot would fit: there it says what dearer ways
    or earlier weeks cost.
    """
    count = len(model.limits.slots)
    price, found_by, note = np.zeros(count), [SLACK] * count, [""] * count
    if network.nodes > MOST_NODES:
        price = np.where(committed.remaining < LEAST_STEP_SHARE * network.capacity, prices.price, 0)
        found_by = [DIVISIBLE if found > 0 else SLACK for found in price.tolist()]
        return LimitWorth(price=price.astype(np.float64), found_by=found_by, note=note)
    trial = _Trial(model, network, committed)
    for slot in range(count):
        left = max(0.0, float(committed.remaining[slot]))
        if left >= trial.largest_use(slot):
            continue
        waiting, lots = trial.waiting_for(slot)
        if len(waiting):
            blocked = [lot for lot in lots if lot > left + EPS]
            if blocked and len(blocked) == len(lots):
                price[slot], note[slot] = trial.best(slot, waiting, left, blocked)
                found_by[slot] = TRIED
            continue
        if left >= trial.smallest_use(slot) - EPS:
            continue
        found_by[slot], note[slot] = UNASKED, "Used up, and nothing waits for more of it."
        if prices.price[slot] > 0:
            price[slot], found_by[slot] = float(prices.price[slot]), DIVISIBLE
            note[slot] = "Nothing waits for it; dearer ways or earlier weeks are used instead."
    return LimitWorth(price=price, found_by=found_by, note=note)


class _Trial:
    """The finished plan, to which more can be added; used once a plan."""

    def __init__(self, model: SupplyModel, network: SupplyNetwork, committed: Committed) -> None:
        self.model, self.network, self.committed = model, network, committed
        pieces = model.pieces
        sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
        self.short: Ints = np.flatnonzero(sold & (committed.served < pieces.quantity - 0.5))
        # The best paid first, so that the lot tried serves what is worth most.
        self.short = self.short[np.argsort(-pieces.worth[self.short], kind="stable")]
        nothing = np.zeros(len(network.capacity))
        flat = answer_to(network, NodeDemand.of(network, pieces), nothing)
        self.costs = (flat.way_cost, flat.hold_cum)
        self.use_way = np.repeat(np.arange(network.ways), np.diff(network.use_from))
        self.below = _reached_from(network)
        self.running = np.zeros((network.ways, network.periods))
        orders = (committed.order_way, committed.order_due)
        np.add.at(self.running, orders, committed.order_quantity)
        self.by_group: dict[int, tuple[Ints, Ints, Floats, Ints]] = {}

    def _draws(self, slot: int) -> tuple[Ints, Ints, Floats]:
        """Return ways, due periods and amounts a unit of what draws on a slot."""
        network = self.network
        parts: list[tuple[Ints, Ints, Floats]] = []
        for group in np.flatnonzero((network.slot_of == slot).any(axis=1)).tolist():
            if group not in self.by_group:
                self.by_group[group] = self._draws_on(group)
            w, s, amount, slots = self.by_group[group]
            own = slots == slot
            parts.append((w[own], s[own], amount[own]))
        if not parts:
            none = np.zeros(0, np.int64)
            return none, none, np.zeros(0)
        w, s, amount = (np.concatenate([part[i] for part in parts]) for i in range(3))
        return w, s, amount

    def _draws_on(self, group: int) -> tuple[Ints, Ints, Floats, Ints]:
        """Return ways, due periods, amounts a unit and slots of what draws on a group of slots."""
        network = self.network
        uses = np.flatnonzero((network.use_group == group) & (network.use_amount > 0))
        starts = network.start_of[network.way_class[self.use_way[uses]]]
        u, s = np.nonzero(starts >= -1)
        begun = np.maximum(starts[u, s], 0)
        at = np.where(network.use_at_due[uses[u]], s, begun) + network.use_lag[uses[u]]
        inside = at < network.periods
        u, s, at = u[inside], s[inside], at[inside]
        return (
            self.use_way[uses[u]],
            s.astype(np.int64),
            network.use_amount[uses[u]],
            network.slot_of[group, at],
        )

    def _least(self, way: Ints) -> Floats:
        """Return the smallest new lot of some ways: the minimum in whole multiples."""
        multiple = np.maximum(self.network.multiple[way], 1.0)
        least: Floats = np.maximum(np.ceil(self.network.minimum[way] / multiple - 1e-6), 1.0)
        return least * multiple

    def waiting_for(self, slot: int) -> tuple[Ints, list[float]]:
        """Return short pieces that a slot's ways could serve in time, and what their lots take."""
        if not len(self.short):
            return self.short, []
        pieces = self.model.pieces
        way, due, amount = self._draws(slot)
        running = self.running[way, due] > EPS
        least = np.where(running, np.maximum(self.network.multiple[way], 1.0), self._least(way))
        took = least * amount
        supplied = self.network.way_node[way]
        nodes = pieces.node[self.short]
        last = pieces.period[self.short] + pieces.late_periods[self.short]
        chosen = np.zeros(len(self.short), bool)
        wanted: set[float] = set()
        for n in np.unique(supplied).tolist():
            own = supplied == n
            here = self.below[n, nodes] & (last >= int(due[own].min()))
            if here.any():
                chosen |= here
                wanted.update(took[own].tolist())
        return self.short[chosen], sorted(wanted)

    def smallest_use(self, slot: int) -> float:
        """Return what the smallest lot of any way takes of a slot."""
        way, _due, amount = self._draws(slot)
        return float((self._least(way) * amount).min(initial=np.inf)) if len(way) else 0.0

    def largest_use(self, slot: int) -> float:
        """Return what the largest of the smallest lots takes of a slot."""
        way, _due, amount = self._draws(slot)
        return float((self._least(way) * amount).max(initial=0.0))

    def best(self, slot: int, waiting: Ints, left: float, lots: list[float]) -> tuple[float, str]:
        """Return the highest price of the smallest lots that do not fit, and a sentence."""
        given = self.model.limits.slots[slot]
        best, gained, step = 0.0, 0.0, 0.0
        steps = [max(lot - left, LEAST_STEP_SHARE * given.amount) for lot in lots[:MOST_TRIALS]]
        # What a lot waits for may itself come in lots, which only more than one lot pays for.
        for more in sorted({*steps, *(s for s in (MOST_STEP_SHARE * given.amount,) if s > 0)}):
            gain = self._gain(slot, waiting, more)
            if gain > best * more:
                best, gained, step = gain / more, gain, more
        told = f"{left:,.4g} are left, less than the smallest lot waiting takes, {lots[0]:,.4g}"
        if best <= 0:
            return 0.0, f"{told}; with room for it that lot would not pay."
        return best, f"{told}; {step:,.4g} more would bring {gained:,.2f}."

    def _gain(self, slot: int, waiting: Ints, more: float) -> float:
        """Return what waiting demand brings when a slot is raised, the plan else as it is."""
        left = self.committed.remaining.copy()
        left[slot] += more
        model, pieces = self.model, self.model.pieces
        served, spent = serve_more(
            self.network, pieces, model.receipts, self.committed, left, waiting, self.costs
        )
        return float((served * pieces.worth).sum()) - spent


def _reached_from(network: SupplyNetwork) -> NDArray[np.bool_]:
    """Tell which nodes each node supplies in the end, itself included."""
    reach = np.eye(network.nodes, dtype=bool)
    for n in network.topology[::-1].tolist():
        for w in range(int(network.way_from[n]), int(network.way_from[n + 1])):
            for i in range(int(network.in_from[w]), int(network.in_from[w + 1])):
                reach[network.in_node[i]] |= reach[n]
    return reach
