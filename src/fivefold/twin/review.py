"""The review of a plan: versions side by side, scenarios played, risk, decisions, flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from fivefold.cycle.assumptions import assumptions
from fivefold.cycle.budget import against_budget
from fivefold.cycle.caring import care_record
from fivefold.cycle.changes import parsed
from fivefold.cycle.effects import Effect, effect_of, gap_options
from fivefold.cycle.offering import offering
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, part_of, silent
from fivefold.cycle.scoped import Question, answered, asked
from fivefold.cycle.versions import FIGURES, Version, differences, version_of
from fivefold.cycle.workspace import Workspace
from fivefold.model import Dataset
from fivefold.twin.worlds import Played, play_world

#: Days from the plan in which a decision is to be taken now.
RELEASE_DAYS = 7
#: Decisions told, the largest first.
MOST_DECISIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A scenario of the review: its plan in figures, what it does, and how it was played."""

    name: str
    changes: tuple[str, ...]
    plan: Plan
    version: Version
    effect: Effect
    played: Played | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All that the executive meeting looks at.

    Parameters
    ----------
    new : Plan
    last : Plan or None
        The plan accepted last; None where none was.
    versions : tuple of Version
        Last where there is one, new, then the scenarios.
    played : Played or None
        The new plan against the last one, days of cover where there is none, as things are.
    worlds : tuple of World
    """

    company: str
    currency: str
    new: Plan
    last: Plan | None
    versions: tuple[Version, ...]
    played: Played | None
    worlds: tuple[World, ...]
    decisions: list[dict[str, Any]]
    options: list[dict[str, Any]]
    assumptions: list[dict[str, Any]]
    budget: list[dict[str, Any]]
    offer: dict[str, Any]
    care: dict[str, Any]
    flows: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        new = next(v for v in self.versions if v.plan == self.new.plan)
        return {
            "company": self.company,
            "currency": self.currency,
            "as_of": self.new.as_of,
            "plan": self.new.plan,
            "last_plan": self.last.plan if self.last else None,
            "legal": self.new.is_legal,
            "definitions": {name: words for name, _, _, words in FIGURES},
            "versions": [version.record() for version in self.versions],
            "against_last": differences(new, self.versions[0]) if self.last else None,
            "risk": self.played.record() if self.played else None,
            "scenarios": [
                {
                    "name": world.name,
                    "changes": list(world.changes),
                    "plan": world.plan.plan,
                    "legal": world.plan.is_legal,
                    "effect": world.effect.record(),
                    "risk": world.played.record() if world.played else None,
                }
                for world in self.worlds
            ],
            "decisions": self.decisions,
            "options": self.options,
            "assumptions": self.assumptions,
            "budget": self.budget,
            **self.offer,
            "care": self.care,
            "flows": self.flows,
        }


def main_supplier(plan: Plan) -> str | None:
    """Return the supplier that most of the plan's purchases come from; None without any."""
    buys = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "buy")
        .group_by("source")
        .agg(pl.col("value").sum())
        .sort("value", "source", descending=[True, False])
    )
    return str(buys["source"][0]) if buys.height else None


def usual_scenarios(plan: Plan, dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Return the scenarios every review looks at: demand up, main supplier lost, less cash."""
    found: dict[str, tuple[str, ...]] = {"demand +60 %": ("demand=+60%",)}
    supplier = main_supplier(plan)
    if supplier:
        found[f"{supplier} lost for 6 weeks"] = (f"supplier:{supplier}=lost 6w",)
    kinds = [*dataset["limits_rules"]["kind"].to_list(), *dataset["limits"]["kind"].to_list()]
    if "cash" in kinds:
        found["cash -30 %"] = ("cash=-30%",)
    return found


def review(
    workspace: Workspace,
    plan: Plan,
    *,
    scenarios: dict[str, tuple[str, ...]] | None = None,
    days: int = 91,
    replications: int = 4,
    seed: int = 7,
    progress: Progress = silent,
) -> Review:
    """Return the review of a plan.

    Parameters
    ----------
    plan : Plan
        The new plan.
    scenarios : dict of name to changes, optional
        Default `usual_scenarios`.
    days, replications, seed : int
        Of the twin, the same luck in every world; replications 0 plays nothing.
    """
    dataset = workspace.dataset(as_of=plan.as_of)
    last = workspace.current_plan()
    last = None if last is None or last.plan == plan.plan else last
    asked_for = usual_scenarios(plan, dataset) if scenarios is None else scenarios
    calm = asked(workspace, plan, (), dataset)
    step = 1.0 / (len(asked_for) + 1)
    luck: dict[str, Any] = {"days": days, "replications": replications, "seed": seed}
    played = None
    if replications:
        progress("play the plan", 0.0)
        played = play_world(
            calm,
            plan,
            workspace.journal,
            world="as known",
            old=last,
            progress=part_of(progress, 0.0, step),
            **luck,
        )
    worlds = []
    for number, (name, changes) in enumerate(asked_for.items(), start=1):
        progress(f"plan {name}", number * step)
        question = asked(workspace, plan, parsed(changes), dataset)
        own = part_of(progress, number * step, step)
        worlds.append(_world(workspace, name, changes, question, luck, own))
    now = version_of(plan, dataset, name="new plan")
    before = [version_of(last, dataset, name="last plan")] if last else []
    return Review(
        company=dataset.setting("company_name", "") or "",
        currency=dataset.setting("currency", "USD") or "USD",
        new=plan,
        last=last,
        versions=(*before, now, *(world.version for world in worlds)),
        played=played,
        worlds=tuple(worlds),
        decisions=decisions_now(plan),
        options=gap_options(plan, dataset).to_dicts(),
        assumptions=assumptions(workspace, plan, dataset),
        budget=against_budget(plan, dataset).to_dicts(),
        offer=offering(plan, dataset),
        care=care_record(workspace, as_of=plan.as_of),
        flows=three_flows(plan, dataset, now),
    )


def _world(
    workspace: Workspace,
    name: str,
    changes: tuple[str, ...],
    question: Question,
    luck: dict[str, Any],
    progress: Progress,
) -> World:
    made = answered(question, scenario=name, quick=False, progress=part_of(progress, 0.0, 0.4))
    base = question.base
    played = None
    if luck["replications"]:
        progress(f"play {name}", 0.4)
        played = play_world(
            question,
            made,
            workspace.journal,
            world=name,
            old=base.plan,
            progress=part_of(progress, 0.4, 0.6),
            **luck,
        )
    effect = effect_of(
        made, base.plan, world=question.world, known=question.dataset, released=base.released
    )
    return World(
        name=name,
        changes=changes,
        plan=made,
        version=version_of(made, question.world, name=name),
        effect=effect,
        played=played,
    )


def decisions_now(plan: Plan) -> list[dict[str, Any]]:
    """Return what is to be decided within the week, the most money first, each with its reasons."""
    last = plan.as_of + timedelta(days=RELEASE_DAYS)
    rows: list[dict[str, Any]] = [
        {
            "decision": row["order"],
            "kind": "buy",
            "words": f"Order from {row['supplier']} for {row['destination']}",
            "by": row["ordered_on"],
            "value": row["landed_value"],
        }
        for row in plan["purchase_orders"].filter(pl.col("ordered_on") <= last).to_dicts()
    ]
    rows += [
        {
            "decision": f"change:{row['order']}/{row['line']}",
            "kind": "change",
            "words": f"{row['change'].capitalize()} line {row['line']} of {row['order']}, "
            f"{row['item']}",
            "by": plan.as_of,
            "value": row["value"],
        }
        for row in plan["supply_changes"].filter(pl.col("change") != "keep").to_dicts()
    ]
    rows += [
        {
            "decision": row["shipment"],
            "kind": "move",
            "words": f"Send {row['units']:,} units from {row['origin']} to {row['destination']}",
            "by": row["ship_on"],
            "value": row["freight_value"],
        }
        for row in plan["inbound_shipments"].filter(pl.col("ship_on") <= last).to_dicts()
    ]
    rows.sort(key=lambda row: (-(row["value"] or 0.0), row["decision"]))
    for rank, row in enumerate(rows[:MOST_DECISIONS], start=1):
        row |= {"rank": rank, "why": _why(plan, row["decision"])}
    return rows[:MOST_DECISIONS]


def _why(plan: Plan, subject: str) -> list[str]:
    """Return the reasons of a decision, those of what it carries out where it has few."""
    own = plan.why(subject)["text"].to_list()
    lines = plan["purchase_order_lines"].filter(pl.col("order") == subject)
    if lines.height:
        dearest = lines.with_columns(v=pl.col("quantity") * pl.col("unit_price")).sort(
            "v", descending=True
        )
        own = [*own[:2], *plan.why(dearest["decision"][0])["text"].to_list()]
    return [str(text) for text in own[:5]]


def three_flows(plan: Plan, dataset: Dataset, version: Version) -> dict[str, Any]:
    """Return materials, information and money of a plan on one page."""
    goods = (
        plan["supply_plan"]
        .group_by("kind", "source", "destination")
        .agg(decisions=pl.len(), units=pl.col("quantity").sum(), value=pl.col("value").sum())
        .sort(["value", "kind", "source", "destination"], descending=[True, False, False, False])
    )
    facts: Sequence[tuple[str, int]] = (
        ("order lines read", dataset["orders"].height),
        ("days of demand cleaned", plan["sales_history"].height),
        ("forecasts", plan["forecast_means"].height),
        ("decisions", plan["supply_plan"].height),
        ("reasons", plan["explanations"].height),
        ("rules broken", plan["violations"].height),
    )
    return {
        "materials": goods.head(12).to_dicts(),
        "information": [{"what": what, "count": count} for what, count in facts],
        "money": version.by_month.to_dicts(),
    }
