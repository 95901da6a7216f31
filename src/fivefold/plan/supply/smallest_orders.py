"""Suppliers that take no order below a value: buy enough of them, or nothing.

What a plan buys of a supplier may be joined into one order, but not made more by it. Where all
of it is worth less than the supplier's smallest order, more of the same items is bought, for
later demand, or nothing at all, whichever costs less.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from fivefold.model import Dataset
from fivefold.model.outcome import Reason
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.flows import flows_of
from fivefold.plan.supply.network import Floats, SupplyNetwork
from fivefold.plan.supply.passes import closed, net_costs
from fivefold.plan.supply.reference import Kept, slots_of
from fivefold.plan.supply.replanning import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """Smallest order by supplier and lowest price by supplier and item, in its currency."""

    least: dict[str, float]
    price: dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smallest:
    """A plan that keeps the smallest orders, and what that changed.

    Attributes
    ----------
    raised : dict of (way, due period) to units bought more
    left_out : dict of supplier to what it would have been asked for, in its currency
    """

    draft: Draft
    raised: dict[tuple[int, int], float] = field(default_factory=dict)
    left_out: dict[str, float] = field(default_factory=dict)


def read_order_terms(dataset: Dataset) -> OrderTerms:
    """Return smallest orders and lowest prices; a price break may hold for any order."""
    terms = dataset["suppliers"].filter(pl.col("minimum_order_value").fill_null(0.0) > 0)
    columns = ["supplier", "item", "unit_price"]
    listed = pl.concat(
        [dataset["supplier_offers"].select(columns), dataset["price_breaks"].select(columns)]
    )
    lowest = listed.drop_nulls().group_by("supplier", "item").agg(pl.col("unit_price").min())
    return OrderTerms(
        least=dict(terms.select("supplier", "minimum_order_value").iter_rows()),
        price={(supplier, item): price for supplier, item, price in lowest.iter_rows()},
    )


def with_smallest_orders(
    draft: Draft, terms: OrderTerms, settle: Callable[[Draft], Draft]
) -> Smallest:
    """Return the plan in which every supplier is asked for its smallest order, or for nothing.

    Parameters
    ----------
    settle : callable
        Brings a plan that was made again within machine hours and cube.
    """
    found = Smallest(draft=draft)
    for _ in range(2 * len(terms.least)):
        asked = _asked(found.draft, terms)
        short = [s for s in sorted(asked) if EPS < asked[s] < terms.least[s] - EPS]
        if not short:
            break
        found = _settled_for(found, short[0], asked[short[0]], terms, settle)
    return found


def reasons_of(
    found: Smallest, terms: OrderTerms, names: dict[tuple[int, int], str]
) -> list[Reason]:
    """Return why decisions were raised; `names` by way and due period."""
    reasons = []
    for (w, due), units in sorted(found.raised.items()):
        supplier = found.draft.model.ways[w].source
        if (w, due) in names:
            reasons.append(
                Reason(
                    subject=names[w, due],
                    reason_code="lot_rule",
                    reference=f"minimum_order_value:{supplier}",
                    quantity=units,
                    text=f"{units:,.0f} more than needed now, for later demand: {supplier} takes "
                    f"no order below {terms.least[supplier]:,.0f}.",
                )
            )
    return reasons


def _asked(draft: Draft, terms: OrderTerms) -> dict[str, float]:
    """Return what the goods bought of each supplier with a smallest order cost."""
    asked: dict[str, float] = {}
    orders = draft.committed
    for w, units in zip(orders.order_way.tolist(), orders.order_quantity.tolist(), strict=True):
        way = draft.model.ways[w]
        if way.kind == "buy" and way.source in terms.least:
            price = terms.price.get((way.source, way.node[0]), 0.0)
            asked[way.source] = asked.get(way.source, 0.0) + price * round(units)
    return asked


def _settled_for(
    found: Smallest,
    supplier: str,
    asked: float,
    terms: OrderTerms,
    settle: Callable[[Draft], Draft],
) -> Smallest:
    """Return the cheaper of buying more of a supplier and of buying nothing."""
    draft = found.draft
    own = np.array([way.kind == "buy" and way.source == supplier for way in draft.model.ways], bool)
    rest = draft.kept.only(~own[draft.kept.way] | draft.kept.firm)
    without = settle(
        replace(draft, own=closed(draft.own or draft.network, own), kept=rest).made_again()
    )
    leaves = replace(found, draft=without, left_out={**found.left_out, supplier: asked})
    more = _more(draft, supplier, terms.least[supplier] - asked, terms)
    if not more:
        return leaves
    every = draft.decisions()
    columns = list(zip(*((w, s, units) for (w, s), units in more.items()), strict=True))
    raised = Kept(
        way=np.concatenate([every.way, np.array(columns[0], np.int64)]),
        due=np.concatenate([every.due, np.array(columns[1], np.int64)]),
        quantity=np.concatenate([every.quantity, np.array(columns[2], np.float64)]),
        firm=np.concatenate([every.firm, np.zeros(len(more), bool)]),
    )
    full = draft.made_around(raised)
    used_up = used_up_in(full)
    firm = bool((own[draft.kept.way] & draft.kept.firm).any())
    if firm or cost_with_rest(full, used_up) <= cost_with_rest(without, used_up):
        return replace(found, draft=full, raised={**found.raised, **more})
    return leaves


def used_up_in(draft: Draft) -> Floats:
    """Return the units of each node that a plan uses up within its horizon."""
    flows = flows_of(draft.model, draft.network, draft.committed)
    found: Floats = (flows.issues + flows.demand - flows.unmet).sum(axis=1)
    return found


def cost_with_rest(draft: Draft, used_up: Floats) -> float:
    """Return what a plan costs, what it leaves over worth its cost less its way to its use."""
    network, model = draft.network, draft.model
    flows = flows_of(model, network, draft.committed)
    left = np.maximum(flows.closing[:, -1], 0.0)
    # Half of what is left lies there until it is used up at the pace of the plan.
    pace = np.maximum(used_up / network.periods, EPS)
    lies = np.where(used_up > 0, network.hold * left * np.minimum(left / pace, 52.0) / 2.0, 0.0)
    return float((net_costs(model, network, draft.committed, used_up) + lies).sum())


def _more(
    draft: Draft, supplier: str, value: float, terms: OrderTerms
) -> dict[tuple[int, int], float]:
    """Return units to add to a supplier's last orders to be worth so much more; empty if none can.

    What is used up soonest is added first, and never more than another horizon uses up.
    """
    network, model, committed = draft.network, draft.model, draft.committed
    flows = flows_of(model, network, committed)
    used_up = (flows.issues + flows.demand - flows.unmet).sum(axis=1)
    left = committed.remaining.copy()
    last: dict[int, tuple[int, int]] = {}
    for w, s in zip(committed.order_way.tolist(), committed.order_due.tolist(), strict=True):
        way, n = model.ways[w], int(network.way_node[w])
        if way.kind == "buy" and way.source == supplier and not model.ending[n]:
            last[n] = max(last.get(n, (-1, -1)), (s, w))
    over = flows.closing[:, -1].copy()
    waiting = [
        (float(over[n] / used_up[n]), n)
        for n in sorted(last)
        if used_up[n] > 0 and terms.price.get((supplier, model.nodes[n][0]), 0.0) > 0
    ]
    heapq.heapify(waiting)
    more: dict[tuple[int, int], float] = {}
    while value > EPS and waiting:
        _cover, n = heapq.heappop(waiting)
        s, w = last[n]
        lot = max(1.0, float(network.multiple[w]))
        shelf = min(1.0, float(network.node_shelf[n]) / network.periods)
        if over[n] + lot > shelf * used_up[n] or not _fits(network, left, n, w, s, lot):
            continue
        for slot, amount in _taken(network, n, w, s):
            left[slot] -= amount * lot
        over[n] += lot
        more[w, s] = more.get((w, s), 0.0) + lot
        value -= lot * terms.price[supplier, model.nodes[n][0]]
        heapq.heappush(waiting, (float(over[n] / used_up[n]), n))
    return more if value <= EPS else {}


def _taken(network: SupplyNetwork, n: int, w: int, s: int) -> list[tuple[int, float]]:
    """Return what a unit that comes by a way takes of limits, and of the place where it stays."""
    taken = slots_of(network, w, s, int(network.start_of[network.way_class[w], s]))
    store = int(network.node_store[n])
    if store >= 0:
        cube = float(network.node_cube[n])
        taken += [(int(slot), cube) for slot in network.slot_of[store, s:] if slot >= 0]
    return taken


def _fits(network: SupplyNetwork, left: Floats, n: int, w: int, s: int, units: float) -> bool:
    return all(amount * units <= left[slot] + EPS for slot, amount in _taken(network, n, w, s))
