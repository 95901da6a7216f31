"""S&OP: scenarios and plans side by side with intervals, what differs, who agrees and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.cycle import notes
from fivefold.cycle.branches import Scenario, question_of, scenarios
from fivefold.cycle.comparisons import kept_review, played_worlds
from fivefold.cycle.plans import Plan
from fivefold.cycle.review import changed_since
from fivefold.cycle.versions import BETTER, UNITS, Version, version_of
from fivefold.web import summaries, words
from fivefold.web.charts import interval, intervals
from fivefold.web.tower.grids import Grid, column, schema_columns, shown
from fivefold.web.tower.rooms import sop_plan
from fivefold.web.tower.state import State

#: Plans side by side at most.
MOST = 5
_LABELS = {
    "units_demanded": "Units wanted",
    "units_served": "Units served",
    "service": "Service",
    "units_uneconomic": "Not worth serving",
    "revenue": "Revenue",
    "margin": "Margin",
    "purchases": "Purchases",
    "cash_flow": "Cash flow",
    "least_cash": "Lowest cash",
    "working_capital": "Working capital",
    "inventory_days": "Inventory days",
    "capacity_use": "Use of the tightest limit",
    "co2e_kg": "CO2e of carriage, kg",
}
_UNITS = {
    "currency": "money",
    "share": "share",
    "units": "count",
    "days": "number",
    "kg": "count",
}
_TABS = {
    "": "Scenarios",
    "cycle": "Cycle",
    "months": "Months and capacity",
    "flows": "Three flows",
    "gap": "Budget and gap",
}
_FURTHER = {
    "cycle": sop_plan.cycle,
    "months": sop_plan.months,
    "flows": sop_plan.flows,
    "gap": sop_plan.gap,
}


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows: the tab the address names."""
    tab = query.get("tab", "")
    tab = tab if tab in _TABS else ""
    accepted = state.workspace.current_plan()
    told = {
        "tab": tab,
        "tabs": list(_TABS.items()),
        "accepted": accepted.plan if accepted else "",
        "legal": state.made.is_legal,
        "heat": sop_plan.heat,
    }
    if tab:
        return {**told, "template": "sop_more.html", **_FURTHER[tab](state, query)}
    return {**told, **_side_by_side(state, query, accepted)}


def _side_by_side(state: State, query: Mapping[str, str], accepted: Plan | None) -> dict[str, Any]:
    standing = scenarios(state.workspace)
    plans = _chosen(state, query, accepted, standing)
    proof = state.made.tables.get("proof")
    names = {one.plan: one for one in standing.values() if one.plan}
    played = played_worlds(state.workspace)
    return {
        "plans": [
            {
                "plan": plan.plan,
                "name": _named(plan, names),
                "changes": _changes(plan, names),
                "legal": plan.is_legal,
            }
            for plan in plans
        ],
        "rows": _compared(state, plans, names),
        "comments": notes.comments(state.workspace, state.made.plan),
        "signatures": notes.signatures(state.workspace, state.made.plan),
        "functions": notes.FUNCTIONS,
        "others": [head for head in state.heads if head.plan not in {plan.plan for plan in plans}][
            :20
        ],
        "scenarios": [
            {**one.record(), "played": one.plan in played}
            for one in reversed(list(standing.values()))
        ],
        "open_names": [one.name for one in standing.values() if one.status == "open"][-MOST:],
        "worlds": _worlds(state, plans, names, played),
        "proof": _proof(state, proof) if proof is not None and proof.height else None,
        "violations": state.made["violations"].height,
        "rules": broken_rules(state.made),
        "changes": changed_since(state.made, state.before).height if state.before else 0,
        "before": state.before.plan if state.before else "",
        "limits": summaries.binding_limits(state.made).head(8).to_dicts(),
        "assumptions": _assumptions(plans, names),
        "reviewed": kept_review(state.workspace, state.made) is not None,
    }


def _chosen(
    state: State,
    query: Mapping[str, str],
    accepted: Plan | None,
    standing: Mapping[str, Scenario],
) -> list[Plan]:
    """Return the plans side by side: this one, those asked for, else scenarios and the last."""
    known = {head.plan for head in state.heads}
    asked = [name for name in query.get("with", "").split(",") if name in known]
    if not asked:
        asked = [accepted.plan] if accepted else []
        asked += [one.plan for one in reversed(list(standing.values())) if one.plan in known][
            : MOST - 2
        ]
        asked += [head.plan for head in state.heads][: max(0, 3 - len({*asked, state.made.plan}))]
    names = list(dict.fromkeys([state.made.plan, *asked]))
    return [state.workspace.plan_named(name) for name in names[:MOST]]


def _named(plan: Plan, names: Mapping[str, Scenario]) -> str:
    if plan.plan in names:
        return names[plan.plan].name
    return "Baseline" if plan.scenario == "baseline" else plan.scenario


def _changes(plan: Plan, names: Mapping[str, Scenario]) -> list[str]:
    """Return what is different in a plan's world, as people write it."""
    if plan.plan in names:
        return list(names[plan.plan].changes)
    told = plan.params.get("changes")
    if isinstance(told, list):
        return [str(change) for change in told]
    factor = float(str(plan.params.get("demand_factor", 1.0)))
    return [f"demand=times {factor:g}"] if factor != 1.0 else []


def _version(state: State, plan: Plan, names: Mapping[str, Scenario]) -> Version:
    """Return a plan in figures, each in the world it was made for."""

    def made() -> Version:
        if plan.plan in names:
            return version_of(plan, question_of(state.workspace, names[plan.plan]).world)
        return version_of(plan, state.workspace.dataset(as_of=plan.as_of))

    return state.once(f"version:{plan.plan}", made)


def _compared(
    state: State, plans: list[Plan], names: Mapping[str, Scenario]
) -> list[dict[str, Any]]:
    told = [_version(state, plan, names).figures for plan in plans]
    rows = []
    for name, label in _LABELS.items():
        own = [figures_[name] for figures_ in told]
        known = [value for value in own if value is not None]
        best = None
        if BETTER[name] and len({round(value, 6) for value in known}) > 1:
            best = max(known) if BETTER[name] == "higher" else min(known)
        kind = _UNITS[UNITS[name]]
        rows.append(
            {
                "label": label,
                "cells": [
                    {
                        "value": shown(kind, value, state.sign),
                        "best": best is not None and value == best,
                        "change": _change(kind, value, own[0], state.sign) if number else "",
                    }
                    for number, value in enumerate(own)
                ],
            }
        )
    rules = [plan["violations"].height for plan in plans]
    rows.append(
        {
            "label": "Rules broken",
            "cells": [{"value": f"{count:,}", "best": False, "change": ""} for count in rules],
        }
    )
    return rows


def _change(kind: str, value: float | None, first: float | None, sign: str) -> str:
    """Return by how much a figure differs from the first plan's, empty where it does not."""
    if value is None or first is None or abs(value - first) < 1e-9:
        return ""
    return words.signed(shown(kind, value - first, sign))


def _worlds(
    state: State,
    plans: list[Plan],
    names: Mapping[str, Scenario],
    played: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any] | None:
    """Return profit in the twin of each world that was played, with intervals and risk."""
    rows, drawn = [], []
    first: Mapping[str, Any] = {}
    for plan in plans:
        world = played.get(plan.plan)
        if world is None:
            continue
        first = first or world
        service = {row["policy"]: row for row in world["measures"] if row["measure"] == "fill_rate"}
        difference = next((f for f in world["figures"] if f["measure"] == "profit"), None)
        for risk in world["risk"]:
            how = "planned for it" if risk["policy"] == "replanned" else "plan kept"
            name = f"{_named(plan, names)}, {how}"
            drawn.append((name, risk["mean"], risk["low"], risk["high"]))
            fill = service.get(risk["policy"])
            rows.append(
                {
                    "name": name,
                    "profit": shown("money", risk["mean"], state.sign),
                    "between": _between("money", risk["low"], risk["high"], state.sign),
                    "risk": shown("money", risk["value_at_risk"], state.sign),
                    "risk_between": _between(
                        "money", risk["var_low"], risk["var_high"], state.sign
                    ),
                    "fill": shown("share", fill["mean"], state.sign) if fill else words.DASH,
                    "fill_between": _between("share", fill["low"], fill["high"], state.sign)
                    if fill
                    else words.DASH,
                    "verdict": difference["verdict"]
                    if difference and risk["policy"] == "replanned"
                    else "",
                }
            )
    if not rows:
        return None
    return {
        "rows": rows,
        "draw": lambda width: intervals(
            title="Profit in the digital twin, 95 % intervals",
            rows=drawn,
            unit=state.sign if len(state.sign) == 1 else "",
            width=width,
        ),
        **{name: first[name] for name in ("days", "replications", "seed")},
    }


def _between(kind: str, low: float, high: float, sign: str) -> str:
    return f"{shown(kind, low, sign)} to {shown(kind, high, sign)}"


def _assumptions(plans: list[Plan], names: Mapping[str, Scenario]) -> list[tuple[str, list[str]]]:
    """Return what the plans take differently: each lever a scenario pulls, and parameters."""
    told = [dict(change.split("=", 1) for change in _changes(plan, names)) for plan in plans]
    levers = dict.fromkeys(lever for each in told for lever in each)
    rows = [
        (_lever_name(lever), [each.get(lever, "as known") for each in told]) for lever in levers
    ]
    for name in sorted({name for plan in plans for name in plan.params}):
        values = [str(plan.params.get(name, "–")) for plan in plans]
        if len(set(values)) > 1 and name not in ("scenario", "changes", "on"):
            rows.append((words.plain_name(name), values))
    return rows


def _lever_name(lever: str) -> str:
    kind, _, subject = lever.partition(":")
    return f"{words.plain_name(kind)} {subject}".strip()


def _proof(state: State, proof: pl.DataFrame) -> dict[str, Any]:
    first = proof.row(0, named=True)
    rows = []
    for row in proof.iter_rows(named=True):
        kind = _UNITS.get(row["unit"], "number")
        told = {"better": ("good", "●"), "worse": ("bad", "▲")}.get(row["verdict"], ("muted", "◆"))
        rows.append(
            {
                "measure": row["measure"],
                "old": shown(kind, row["old"], state.sign),
                "new": shown(kind, row["new"], state.sign),
                "difference": shown(kind, row["difference"], state.sign),
                "range": " to ".join(shown(kind, row[end], state.sign) for end in ("low", "high")),
                "verdict": row["verdict"],
                "tone": told[0],
                "shape": told[1],
                "draw": interval(
                    title=row["measure"],
                    mean=row["difference"],
                    low=row["low"],
                    high=row["high"],
                    better=row["better"],
                ),
            }
        )
    return {
        "rows": rows,
        **{k: first[k] for k in ("old_name", "new_name", "replications", "days", "seed")},
    }


def broken_rules(plan: Plan) -> list[dict[str, Any]]:
    """Return the rules a plan breaks, with one example of each."""
    if plan["violations"].height == 0:
        return []
    rows = (
        plan["violations"]
        .group_by("rule", maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("text").first())
    )
    return rows.to_dicts()


def violations(state: State, query: Mapping[str, str]) -> Grid:
    """Return every rule that is broken."""
    frame = state.made["violations"]
    first = (column("rule", width=230), column("text", "What is wrong", width=520))
    return Grid(
        name="violations",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=schema_columns("violations", frame, first=first),
    )


def changes(state: State, query: Mapping[str, str]) -> Grid:
    """Return what differs from the plan before."""
    frame = changed_since(state.made, state.before).with_columns(
        title=pl.col("item").replace(state.titles)
    )
    return Grid(
        name="plan_changes",
        frame=frame,
        key="decision",
        sign=state.sign,
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=240),
            column("kind", width=70),
            column("change", width=90),
            column("from_quantity", "Before", "count"),
            column("to_quantity", "Now", "count"),
            column("from_due", "Due before", "day"),
            column("to_due", "Due now", "day"),
            column("decision", width=320),
        ),
    )
