"""Planning again, calmly: what no new fact touches is carried over from the accepted plan.

Touched items keep their decisions and add to them, or are planned afresh where that gains
more than `calm_share` of what their demand is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.plan.supply.changes import propose_changes, with_changes_made
from fivefold.plan.supply.flows import flows_of, node_costs
from fivefold.plan.supply.network import NEVER, Committed, Floats, Ints, SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.passes import better_commit, closed, commit_plan, without_idle_lots
from fivefold.plan.supply.prices import NodeDemand, Prices, answer_to, components_of
from fivefold.plan.supply.reading import FORECAST, ORDER, SupplyModel
from fivefold.plan.supply.reference import (
    Kept,
    Reference,
    broken,
    folded,
    slots_of,
    with_kept,
)

Bools = NDArray[np.bool_]
Pricing = Callable[[SupplyModel, SupplyParams], tuple[Prices, SupplyNetwork]]

#: Times that decisions which lost an input are looked for; each time some items are freed.
MOST_ROUNDS = 6


def nothing_kept() -> Kept:
    """Return no decision carried over."""
    none = np.zeros(0, np.int64)
    return Kept(way=none, due=none, quantity=np.zeros(0), firm=np.zeros(0, bool))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan in the making, and all that is needed to make it again.

    Attributes
    ----------
    model : SupplyModel
        With the proposed changes made, without the decisions carried over.
    committed : Committed
        Those carried over among the rest.
    renewed : bool array, shape (parts,)
        Parts of the network planned afresh; empty where there was no plan before.
    own : SupplyNetwork, optional
        With the dates and nodes taken out that nothing new is planned for.
    """

    model: SupplyModel
    network: SupplyNetwork
    prices: Prices
    committed: Committed
    held_last: bool
    changes: pl.DataFrame
    kept: Kept = field(default_factory=nothing_kept)
    renewed: Bools = field(default_factory=lambda: np.zeros(0, bool))
    own: SupplyNetwork | None = None
    notes: dict[str, object] = field(default_factory=dict)

    def made_again(self) -> Draft:
        """Return the plan committed again, as after a change of its model or network."""
        return self.made_around(self.kept)

    def made_around(self, kept: Kept) -> Draft:
        """Return the plan committed around decisions, less those that lose an input."""
        for _ in range(MOST_ROUNDS):
            committed, lost, _held_last = commit_around(
                self.model, self.own or self.network, self.prices, kept, held_last=self.held_last
            )
            if not lost.any():
                break
            kept = kept.only(~lost)
        return replace(self, committed=committed, kept=kept)

    def decisions(self) -> Kept:
        """Return all decisions of the plan as ones to carry over, firm ones apart."""
        committed, firm = self.committed, self.kept.only(self.kept.firm)
        rest = {
            (w, s): units
            for w, s, units in zip(
                committed.order_way.tolist(),
                committed.order_due.tolist(),
                committed.order_quantity.tolist(),
                strict=True,
            )
        }
        for w, s, units in zip(
            firm.way.tolist(), firm.due.tolist(), firm.quantity.tolist(), strict=True
        ):
            rest[w, s] = rest.get((w, s), 0.0) - units
        others = [(w, s, units) for (w, s), units in rest.items() if units > 1e-7]
        columns = list(zip(*others, strict=True)) if others else [()] * 3
        return Kept(
            way=np.concatenate([firm.way, np.array(columns[0], np.int64)]),
            due=np.concatenate([firm.due, np.array(columns[1], np.int64)]),
            quantity=np.concatenate([firm.quantity, np.array(columns[2], np.float64)]),
            firm=np.arange(len(firm) + len(others)) < len(firm),
        )


def barred(network: SupplyNetwork, nodes: Bools) -> SupplyNetwork:
    """Return the network without new supply at some nodes."""
    return closed(network, nodes[network.way_node])


def commit_around(
    model: SupplyModel,
    network: SupplyNetwork,
    prices: Prices,
    kept: Kept,
    *,
    held_last: bool | None,
) -> tuple[Committed, Bools, bool]:
    """Return a plan around decisions carried over, which of those lost an input, and its order.

    With `held_last` None both orders of safety stock are tried and the cheaper is kept.
    """
    if not len(kept):
        if held_last is None:
            committed, chosen = better_commit(model, network, prices)
            return committed, np.zeros(0, bool), chosen
        committed = commit_plan(model, network, prices, held_last=held_last)
        return committed, np.zeros(0, bool), held_last
    held = with_kept(model, kept)
    around = network.with_changes(supply=held.network.supply)
    if held_last is None:
        committed, chosen = better_commit(held, around, prices)
    else:
        committed, chosen = commit_plan(held, around, prices, held_last=held_last), held_last
    return folded(model, kept, committed), broken(model, kept, committed), chosen


def replan(
    model: SupplyModel,
    reference: Reference,
    params: SupplyParams,
    pricing: Pricing,
    agreed: pl.DataFrame,
) -> Draft:
    """Return a plan that differs from the accepted one only where new facts touch it.

    Parameters
    ----------
    model : SupplyModel
        With the changes agreed already made.
    agreed : polars.DataFrame
        Changes to existing orders that stand, in the shape of supply_changes; where there are
        any no other is proposed.
    """
    return _Replanner(model, reference, params, pricing, agreed).draft()


class _Replanner:
    """Holds what every candidate plan is made from; used once."""

    def __init__(
        self,
        model: SupplyModel,
        reference: Reference,
        params: SupplyParams,
        pricing: Pricing,
        agreed: pl.DataFrame,
    ) -> None:
        self.agreed = agreed
        self.buying = model.network
        self.model, self.reference, self.params = model, reference, params
        self.part: Ints = components_of(model.network)
        self.parts = int(self.part.max(initial=-1)) + 1
        self.kept_part = self.part[model.network.way_node[reference.kept.way]]
        self.touched: Bools = np.zeros(self.parts, bool)
        self.touched[self.part[reference.touched]] = True
        self.over: Bools = np.zeros(self.parts, bool)
        self.pricing = pricing

    def draft(self) -> Draft:
        """Return the plan."""
        self._touch_by_limits()
        calm = self._carried_over()
        if calm is not None:
            return calm
        prices, network = self.pricing(self.model, self.params)
        if self.params.quick:
            # A plan without any purchase takes longer than all the rest of a quick answer.
            self.buying = network
            return self._with_changes(self._at_once(prices, network))
        self.buying = without_idle_lots(self.model, network, prices)
        added, lost = self._added_to(prices, network)
        fresh = self._candidate(prices, network, self.touched)
        stake = self._stake()
        gain = self._costs(added) - self._costs(fresh)
        # What draws on a limit that no longer holds has to change whatever it gains.
        forced = lost | self.over
        renewed = self.touched & ((gain > self.params.calm_share * stake) | forced)
        best = added if not forced.any() else None
        choices = [renewed, renewed | self._sharing(fresh)]
        for parts in choices:
            if best is not None and not parts.any():
                continue
            made = (
                fresh if (parts == self.touched).all() else self._candidate(prices, network, parts)
            )
            if best is None or self._score(made, stake) < self._score(best, stake):
                best = made
        assert best is not None
        return self._with_changes(best)

    def _touch_by_limits(self) -> None:
        """Mark what draws on a limit that grew where it was priced, or shrank below its use."""
        reference = self.reference
        room = with_kept(self.model, reference.kept).room
        eased = reference.eased & (reference.price > 0)
        if eased.any():
            self.touched |= self._drawing_on(eased)
        over = room < -1e-6
        # What stands in a store leaves again; only a plan tells whether it is too much.
        over[self.model.limits.store_slots()] = False
        self.over = self._using(over)
        self.touched |= self.over

    def _using(self, slots: Bools) -> Bools:
        """Tell which parts have decisions, not firm, that take of some slots."""
        found = np.zeros(self.parts, bool)
        network, kept = self.model.network, self.reference.kept
        if not slots.any():
            return found
        starts = network.start_of[network.way_class[kept.way], kept.due].tolist()
        for part, w, s, k, firm in zip(
            self.kept_part.tolist(),
            kept.way.tolist(),
            kept.due.tolist(),
            starts,
            kept.firm.tolist(),
            strict=True,
        ):
            if not firm and not found[part]:
                found[part] = any(slots[slot] for slot, _ in slots_of(network, w, s, k))
        return found

    def _drawing_on(self, slots: Bools) -> Bools:
        """Tell which parts have decisions or demand that draw on some slots."""
        network = self.model.network
        groups = np.flatnonzero([slots[row[row >= 0]].any() for row in network.slot_of])
        way = np.repeat(np.arange(network.ways), np.diff(network.use_from))
        found = np.zeros(self.parts, bool)
        found[self.part[network.way_node[way[np.isin(network.use_group, groups)]]]] = True
        found[self.part[np.isin(network.node_store, groups)]] = True
        return found

    def _carried_over(self) -> Draft | None:
        """Return the accepted plan as it stands, None where something has to be planned again."""
        if self.touched.any():
            return None
        model, price = self.model, self.reference.price
        free = model.network.with_changes(capacity=np.maximum(model.room_for_new, 0.0))
        answer = answer_to(free, NodeDemand.of(model.network, model.pieces), price)
        value = answer.bound(free.capacity)
        prices = Prices(
            price=price, bound=value, cost=value, answer=answer, flow=answer.flow, steps=0
        )
        network = barred(free, np.ones(free.nodes, bool))
        committed, lost, held_last = commit_around(
            model, network, prices, self.reference.kept, held_last=None
        )
        if lost.any():
            self.touched[self.kept_part[lost]] = True
            return None
        return Draft(
            model=model,
            network=free,
            prices=prices,
            committed=committed,
            held_last=held_last,
            changes=self.agreed,
            kept=self.reference.kept,
            own=network,
            renewed=np.zeros(self.parts, bool),
            notes=self._notes(np.zeros(self.parts, bool)),
        )

    def _at_once(self, prices: Prices, network: SupplyNetwork) -> Draft:
        """Return the plan in which what is touched is planned afresh, demand before stock."""
        for _ in range(MOST_ROUNDS):
            keep = ~self.touched[self.kept_part] | self.reference.kept.firm
            kept = self.reference.kept.only(keep)
            made, lost = self._made(prices, network, kept, self.touched, held_last=True)
            if not lost.any():
                break
            self.touched[self.kept_part[keep][lost]] = True
        return made

    def _added_to(self, prices: Prices, network: SupplyNetwork) -> tuple[Draft, Bools]:
        """Return the plan that only adds to decisions, and the parts that lost an input."""
        lost_parts = np.zeros(self.parts, bool)
        for _ in range(MOST_ROUNDS):
            keep = ~lost_parts[self.kept_part] | self.reference.kept.firm
            made, lost = self._made(prices, network, self.reference.kept.only(keep), lost_parts)
            if not lost.any():
                break
            more = np.zeros(self.parts, bool)
            more[self.kept_part[keep][lost]] = True
            lost_parts |= more
            self.touched |= more
        return made, lost_parts

    def _candidate(self, prices: Prices, network: SupplyNetwork, parts: Bools) -> Draft:
        """Return the plan in which some parts are planned afresh and the rest keeps its own."""
        keep = ~parts[self.kept_part] | self.reference.kept.firm
        kept = self.reference.kept.only(keep)
        return self._made(prices, network, kept, parts)[0]

    def _made(
        self,
        prices: Prices,
        network: SupplyNetwork,
        kept: Kept,
        renewed: Bools,
        *,
        held_last: bool | None = None,
    ) -> tuple[Draft, Bools]:
        quiet = ~(self.touched | renewed)[self.part]
        own = barred(self._bought_later(self.buying), quiet)
        committed, lost, held_last = commit_around(
            self.model, own, prices, kept, held_last=held_last
        )
        draft = Draft(
            model=self.model,
            network=network,
            prices=prices,
            committed=committed,
            held_last=held_last,
            changes=self.agreed,
            kept=kept,
            renewed=renewed,
            own=own,
        )
        return draft, lost

    def _bought_later(self, network: SupplyNetwork) -> SupplyNetwork:
        """Return the network in which new buys start after the days whose orders are drawn."""
        if not self.params.ordered_days:
            return network
        first = self.model.as_of + timedelta(days=self.params.ordered_days)
        drawn = np.array(
            [[day is None or day <= first for day in days] for days in self.model.starts], bool
        ).reshape(-1, network.periods)
        later = network.start_of.copy()
        later[: len(drawn)][drawn] = NEVER
        bought = np.array([way.kind == "buy" for way in self.model.ways], bool)
        return network.with_changes(
            start_of=np.vstack([network.start_of, later]),
            way_class=np.where(
                bought, network.way_class + len(network.start_of), network.way_class
            ),
        )

    def _with_changes(self, draft: Draft) -> Draft:
        """Return the plan with changes to existing orders of touched items, and made again."""
        model, network = draft.model, draft.network
        renewed = draft.renewed
        if self.agreed.height:
            return replace(draft, notes=self._notes(renewed))
        settled = ~renewed[self.part]
        flows = flows_of(model, network, draft.committed)
        changes = propose_changes(
            model,
            network,
            draft.committed,
            flows,
            self.params,
            settled,
            still=~(self.touched | renewed)[self.part],
        )
        draft = replace(draft, changes=changes, notes=self._notes(renewed))
        if not changes.height:
            return draft
        return replace(draft, model=with_changes_made(model, changes)).made_again()

    def _sharing(self, draft: Draft) -> Bools:
        """Tell which parts draw on a priced, used-up limit that holds touched demand back."""
        network = self.model.network
        short = draft.committed.served < self.model.pieces.quantity - 0.5
        waiting = np.zeros(self.parts, bool)
        waiting[self.part[self.model.pieces.node[short]]] = True
        waiting &= self.touched
        full = (draft.committed.remaining < 0.1 * network.capacity) & (draft.prices.price > 0)
        if not waiting.any() or not full.any():
            return np.zeros(self.parts, bool)
        held = np.zeros(len(full), bool)
        for w in np.flatnonzero(waiting[self.part[network.way_node]]).tolist():
            for s in range(network.periods):
                k = int(network.start_of[network.way_class[w], s])
                if k != NEVER:
                    held[[slot for slot, _amount in slots_of(network, w, s, k)]] = True
        return self._drawing_on(held & full)

    def _costs(self, draft: Draft) -> Floats:
        """Return what each part costs in a plan."""
        flows = flows_of(self.model, draft.network, draft.committed)
        costs = node_costs(self.model, draft.network, draft.committed, flows)
        return np.bincount(self.part, costs, self.parts).astype(np.float64)

    def _stake(self) -> Floats:
        """Return what the demand of each part is worth."""
        pieces = self.model.pieces
        sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
        worth = np.where(sold, pieces.worth * pieces.quantity, 0.0)
        return np.bincount(self.part[pieces.node], worth, self.parts).astype(np.float64)

    def _score(self, draft: Draft, stake: Floats) -> float:
        """Return the cost of a plan and of the unrest it brings."""
        unrest = self.params.calm_share * float(stake[draft.renewed].sum())
        return float(self._costs(draft).sum()) + unrest

    def _notes(self, renewed: Bools) -> dict[str, object]:
        return {
            "items_touched": int(self.touched[self.part].sum()),
            "items_planned_afresh": int(renewed[self.part].sum()),
            "decisions_accepted": len(self.reference.kept),
        }
