"""New facts against the plan that stands: what they touch, a plan again for it, its money.

Nobody has to ask: an import or a write calls this, and what it finds is kept as a proposal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.effects import Effect, effect_of
from fivefold.cycle.planning import before_supply, replan
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.standing import Standing, standing_plan, told_to
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import events
from fivefold.model import Dataset

PROPOSED = "plan.proposed"
SCENARIO = "proposal"
#: Engines before supply whose answers new facts may change.
_AGAIN = ("returns", "sourcing", "channels", "stock")
#: Figures in money that a proposal tells.
_MONEY = ("margin", "revenue", "cash_flow", "working_capital")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What new facts do to a plan, and the plan proposed for them.

    Parameters
    ----------
    base, plan : str
        The plan that stands, and the one proposed.
    touched : tuple of str
        Items at places, or limits, that facts touch.
    causes : tuple of str
        What is new, in words.
    effect : Effect
    """

    base: str
    plan: str
    touched: tuple[str, ...]
    causes: tuple[str, ...]
    effect: Effect
    made: Plan

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        return {
            "base": self.base,
            "plan": self.plan,
            "touched": len(self.touched),
            "touched_first": list(self.touched[:20]),
            "causes": list(self.causes),
            "legal": self.made.is_legal,
            "effect": self.effect.record(),
        }


def watched_plan(workspace: Workspace) -> Standing | None:
    """Return the plan new facts are held against: accepted last, with what it was told."""
    return standing_plan(workspace)


def touched_by_facts(standing: Standing, dataset: Dataset) -> list[str]:
    """Return what of an accepted plan new facts touch: items at places, limits.

    Compares what the plan was told, as kept with it, with what the same plan would be told now.
    """
    now = told_to(standing.plan, dataset)
    before = dict(standing.plan["accepted_facts"].select("subject", "signature").iter_rows())
    after = dict(now.select("subject", "signature").iter_rows())
    names = [name for name in after if before.get(name) != after[name]]
    return sorted([*names, *(name for name in before if name not in after)])


def watch(workspace: Workspace, *, actor: str, progress: Progress = silent) -> Proposal | None:
    """Return a plan for what new facts touch, kept as a proposal; None where nothing is touched.

    The forecast stands: a changed forecast takes `fivefold plan`. The same facts again propose
    the same plan, which is told once.
    """
    standing = watched_plan(workspace)
    if standing is None:
        return None
    base = standing.plan
    dataset = workspace.dataset(as_of=base.as_of)
    again = before_supply(dataset, standing, _AGAIN)
    touched = touched_by_facts(
        Standing(
            plan=base.with_tables(**again),
            released=standing.released,
            placed=standing.placed,
        ),
        dataset,
    )
    if not touched:
        return None
    made = replan(
        dataset,
        standing,
        as_of=base.as_of,
        again=_AGAIN,
        scenario=SCENARIO,
        releasable=True,
        progress=progress,
    )
    effect = effect_of(made, base, world=dataset, known=dataset, released=standing.released)
    proposal = Proposal(
        base=base.plan,
        plan=made.plan,
        touched=tuple(touched),
        causes=tuple(causes(touched, dataset)),
        effect=effect,
        made=made,
    )
    workspace.plans.save(made)
    tell(workspace, made, proposal_fact(proposal), actor=actor)
    return proposal


def causes(touched: list[str], dataset: Dataset) -> list[str]:
    """Return what is new in words: how many items where, which limits."""
    places: dict[str, int] = {}
    limits: set[str] = set()
    for name in touched:
        if "|" in name:
            limits.add(name.split("|")[0])
        elif "@" in name:
            place = name.rpartition("@")[2]
            places[place] = places.get(place, 0) + 1
    found = [
        f"{count:,} {'item' if count == 1 else 'items'} at {place}"
        for place, count in sorted(places.items(), key=lambda pair: -pair[1])
    ]
    return [*found, *(f"limit {name}" for name in sorted(limits))]


def proposals(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what was proposed since the plan accepted last, the newest first."""
    facts = workspace.recorded(PROPOSED, documents.PLAN_ACCEPTED)
    found: list[dict[str, Any]] = []
    for fact in facts:
        if fact.kind == documents.PLAN_ACCEPTED:
            found.clear()
        else:
            found = [one for one in found if one["plan"] != fact.subject]
            found.append({"plan": fact.subject, **fact.body})
    return found[::-1]


def proposal_fact(proposal: Proposal) -> dict[str, Any]:
    """Return what the books keep of a proposal: causes, money, units, service, what breaks."""
    money: Mapping[str, float | None] = {name: proposal.effect.figure(name) for name in _MONEY}
    return {
        "base": proposal.base,
        "causes": list(proposal.causes),
        "touched": len(proposal.touched),
        "money": dict(money),
        "units": proposal.effect.figure("units_served"),
        "service": proposal.effect.figure("service"),
        "decisions": proposal.effect.changed_decisions,
        "breaks_first": list(proposal.effect.breaks_first),
        "legal": proposal.made.is_legal,
    }


def tell(workspace: Workspace, made: Plan, body: Mapping[str, Any], *, actor: str) -> None:
    """Write that a plan is proposed for new facts; the same proposal again is not told twice."""
    known = workspace.recorded(PROPOSED)
    if known and known[-1].subject == made.plan:
        return
    workspace.journal.submit(
        [
            events.record(
                key=f"{PROPOSED}:{made.plan}:{len(known)}",
                actor=actor,
                effective_at=at_noon(made.as_of),
                kind=PROPOSED,
                subject=made.plan,
                body=dict(body),
            )
        ],
        wait=True,
    )
