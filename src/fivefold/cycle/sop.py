"""The monthly cycle of sales and operations planning: steps, days, agendas, decisions.

Five steps in their order (product, demand, supply, money, executive); an agenda is written from
what is out of line in the plan, and a decision is a fact with who took it and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.assumptions import assumptions
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.branches import scenarios
from fivefold.cycle.budget import against_budget
from fivefold.cycle.effects import gap_options
from fivefold.cycle.families import family_volumes
from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import version_of
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError
from fivefold.ledger import events
from fivefold.model import Dataset

DECIDED = "sop.decided"
CLOSED = "sop.closed"
#: Topics of one agenda at most, the most money first.
MOST_TOPICS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One meeting of the cycle.

    Parameters
    ----------
    step : str
    title : str
    chair : str
        Role that leads it.
    roles : tuple of str
        Who takes part.
    working_day : int
        Day of the month, working days counted from 1.
    question : str
        What it settles.
    """

    step: str
    title: str
    chair: str
    roles: tuple[str, ...]
    working_day: int
    question: str


#: Steps, days and roles as Wallace and Stahl, Sales & Operations Planning, 3rd ed., lay them out.
STEPS: tuple[Step, ...] = (
    Step(
        step="product",
        title="Product review",
        chair="portfolio manager",
        roles=("portfolio manager", "marketing", "supply planner"),
        working_day=2,
        question="What is launched, kept and ended, and where?",
    ),
    Step(
        step="demand",
        title="Demand review",
        chair="demand planner",
        roles=("demand planner", "sales", "marketing"),
        working_day=5,
        question="What will be wanted, by family, and on which assumptions?",
    ),
    Step(
        step="supply",
        title="Supply review",
        chair="supply planner",
        roles=("supply planner", "buyer", "production", "logistics"),
        working_day=9,
        question="What can be supplied, what binds, and which ways out are there?",
    ),
    Step(
        step="money",
        title="Money reconciliation",
        chair="finance",
        roles=("finance", "demand planner", "supply planner"),
        working_day=12,
        question="What does the plan earn and tie up, against the budget?",
    ),
    Step(
        step="executive",
        title="Executive review",
        chair="general manager",
        roles=("general manager", "finance", "sales", "supply planner"),
        working_day=15,
        question="Which plan do we run, and which gaps do we close how?",
    ),
)
_BY_NAME = {step.step: step for step in STEPS}


class OutOfOrderError(FivefoldError):
    """A step is closed before those it builds on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One line of an agenda: what is out of line, the money at stake, what is asked."""

    topic: str
    why: str
    money: float | None
    about: str
    ask: str


def calendar(month: date, holidays: Sequence[date] = ()) -> list[dict[str, Any]]:
    """Return the steps of a month's cycle with the day of each.

    >>> [row["day"].isoformat() for row in calendar(date(2026, 12, 1))]
    ['2026-12-02', '2026-12-07', '2026-12-11', '2026-12-16', '2026-12-21']
    """
    first = month.replace(day=1)
    days = [first + timedelta(days=number) for number in range(31)]
    working = [day for day in days if day.weekday() < 5 and day not in set(holidays)]
    return [
        {**asdict(step), "roles": list(step.roles), "day": working[step.working_day - 1]}
        for step in STEPS
    ]


def cycle_of(day: date) -> str:
    """Return the cycle a day belongs to: the month that follows it is agreed in it.

    >>> cycle_of(date(2026, 11, 22))
    '2026-12'
    """
    after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return f"{after:%Y-%m}"


def agenda(workspace: Workspace, plan: Plan, dataset: Dataset, step: str) -> list[Topic]:
    """Return what a step has to speak about, written from the plan, the most money first.

    Raises
    ------
    ValueError
        If there is no such step.
    """
    if step not in _BY_NAME:
        raise ValueError(f"a step is one of {', '.join(_BY_NAME)}, found {step!r}")
    topics = {
        "product": lambda: _product(plan, dataset),
        "demand": lambda: _demand(workspace, plan, dataset),
        "supply": lambda: _supply(plan, dataset),
        "money": lambda: _money(workspace, plan, dataset),
        "executive": lambda: _executive(workspace, plan, dataset),
    }[step]()
    topics.sort(key=lambda one: (one.money is None, -abs(one.money or 0.0), one.topic))
    return topics[:MOST_TOPICS]


def _product(plan: Plan, dataset: Dataset) -> list[Topic]:
    units = plan["forecast_means"].group_by("item").agg(units=pl.col("units_mean").sum())
    losing = (
        plan["channel_choices"]
        .filter(pl.col("is_today") & (pl.col("contribution") < 0))
        .join(units, on="item")
        .with_columns(money=pl.col("contribution") * pl.col("units"))
        .sort("money", "item")
    )
    topics = [
        Topic(
            topic=f"{row['item']} loses money on {row['channel']}",
            why=f"Each unit brings {row['contribution']:,.2f}; {row['units']:,.0f} are expected.",
            money=row["money"],
            about=row["item"],
            ask="End it there, raise its price, or say why it stays.",
        )
        for row in losing.head(6).iter_rows(named=True)
    ]
    changing = dataset["items"].filter(pl.col("status").is_in(["new", "ending"]))
    topics += [
        Topic(
            topic=f"{row['item']} is {row['status']}",
            why=f"{row['title'] or row['item']}: launched {row['launched_on'] or 'not known'}, "
            f"ends {row['ends_on'] or 'open'}.",
            money=None,
            about=row["item"],
            ask="Confirm its dates and the range it belongs to.",
        )
        for row in changing.head(6).iter_rows(named=True)
    ]
    return topics


def _demand(workspace: Workspace, plan: Plan, dataset: Dataset) -> list[Topic]:
    price = dataset["items"].select("item", "price")
    weight = (
        plan["forecast_means"]
        .group_by("item", "location")
        .agg(units=pl.col("units_mean").sum())
        .join(price, on="item", how="left")
        .with_columns(money=pl.col("units") * pl.col("price"))
    )
    off = (
        plan["forecast_accuracy"]
        .filter(pl.col("chosen") & pl.col("bias").is_not_null())
        .group_by("item", "location")
        .agg(pl.col("bias").mean())
        .join(weight, on=["item", "location"])
        .with_columns(stake=pl.col("money") * pl.col("bias"))
        .sort(pl.col("stake").abs(), descending=True, nulls_last=True)
    )
    topics = [
        Topic(
            topic=f"Forecast of {row['item']} at {row['location']} is "
            f"{'high' if row['bias'] > 0 else 'low'} by {abs(row['bias']):.0%}",
            why=f"In held-out weeks; {row['units']:,.0f} units are expected now.",
            money=row["stake"],
            about=f"{row['item']}@{row['location']}",
            ask="Keep the forecast or set an override with a reason.",
        )
        for row in off.head(6).iter_rows(named=True)
    ]
    topics += _moved_families(workspace, plan, dataset)
    held = dataset["forecast_overrides"].filter(pl.col("author").is_not_null())
    if held.height:
        names = ", ".join(sorted(set(held["author"].to_list()))[:4])
        topics.append(
            Topic(
                topic=f"{held.height} overrides act on the forecast",
                why=f"Made by {names}.",
                money=None,
                about="forecast_overrides",
                ask="Keep them or let them expire.",
            )
        )
    return topics


def _moved_families(workspace: Workspace, plan: Plan, dataset: Dataset) -> list[Topic]:
    """Return families whose volume is another than in the plan accepted last."""
    last = workspace.current_plan()
    if last is None or last.plan == plan.plan:
        return []
    keys = ["family", "month"]
    both = (
        family_volumes(plan, dataset)
        .join(family_volumes(last, dataset), on=keys, suffix="_before")
        .group_by("family")
        .agg(pl.col("units").sum(), pl.col("units_before").sum())
        .with_columns(change=pl.col("units") - pl.col("units_before"))
        .filter(pl.col("change").abs() > 0.05 * pl.col("units_before"))
        .sort(pl.col("change").abs(), descending=True)
    )
    return [
        Topic(
            topic=f"{row['family']} moved by {row['change']:+,.0f} units",
            why=f"{row['units_before']:,.0f} in the plan agreed on, {row['units']:,.0f} now.",
            money=None,
            about=row["family"],
            ask="Agree to the volume of the family or set another.",
        )
        for row in both.head(4).iter_rows(named=True)
    ]


def _supply(plan: Plan, dataset: Dataset) -> list[Topic]:
    topics = [
        Topic(
            topic=row["option"],
            why=row["why"],
            money=row["net"],
            about=row["kind"],
            ask="Take it, leave it, or say who finds out what is missing.",
        )
        for row in gap_options(plan, dataset).head(8).iter_rows(named=True)
    ]
    over = plan["resource_loads"].filter(pl.col("load_share") > 1.0)
    if over.height:
        first: date = over.select(pl.col("period_start").min()).item()
        hours = over.select((pl.col("load_hours") - pl.col("available_hours")).sum()).item()
        topics.append(
            Topic(
                topic=f"{over['resource'].n_unique()} machines are over their hours",
                why=f"{hours:,.0f} hours over, first in the week of {first:%d %b}.",
                money=float(over["overtime_value"].fill_null(0.0).sum()),
                about="resource_loads",
                ask="Agree to the overtime or move work.",
            )
        )
    return topics


def _money(workspace: Workspace, plan: Plan, dataset: Dataset) -> list[Topic]:
    now = version_of(plan, dataset)
    topics = [
        Topic(
            topic=f"Cash runs down by {-row['cash_flow']:,.0f} in {row['month']:%B %Y}",
            why=f"{row['cash_in']:,.0f} comes in, {row['purchases_paid']:,.0f} is paid for goods.",
            money=row["cash_flow"],
            about=f"{row['month']:%Y-%m}",
            ask="Agree, or hold back purchases.",
        )
        for row in now.by_month.filter(pl.col("cash_flow") < 0).iter_rows(named=True)
    ]
    budget = against_budget(plan, dataset).filter(pl.col("gap_revenue").is_not_null())
    topics += [
        Topic(
            topic=f"Revenue of {row['month']:%B %Y} is {row['gap_revenue']:+,.0f} on the budget",
            why=f"{row['budget_revenue']:,.0f} was agreed.",
            money=row["gap_revenue"],
            about=f"{row['month']:%Y-%m}",
            ask="Change the plan, or the forecast of the year.",
        )
        for row in budget.iter_rows(named=True)
        if row["gap_revenue"]
    ]
    if not budget.height:
        topics.append(_missing("No budget is known", "budget", "Import the table budget."))
    topics += [
        _missing(f"{row['name'].capitalize()} is not known", row["name"], "Say what it is.")
        for row in assumptions(workspace, plan, dataset)
        if row["source"] == "not known"
    ]
    return topics


def _missing(topic: str, about: str, ask: str) -> Topic:
    return Topic(topic=topic, why="The figure is missing.", money=None, about=about, ask=ask)


def _executive(workspace: Workspace, plan: Plan, dataset: Dataset) -> list[Topic]:
    topics = [
        Topic(
            topic=f"{row['topic']}: {row['outcome']}",
            why=f"{row['step']} review, {row['who']}: {row['why']}",
            money=None,
            about=row["topic"],
            ask="Confirm.",
        )
        for row in decisions(workspace, cycle_of(plan.as_of))
        if row["step"] != "executive"
    ]
    topics += [
        Topic(
            topic=row["option"],
            why=row["why"],
            money=row["net"],
            about=row["kind"],
            ask="Decide.",
        )
        for row in gap_options(plan, dataset).head(4).iter_rows(named=True)
    ]
    topics += [
        Topic(
            topic=f"Scenario {one.name}: {', '.join(one.changes)}",
            why=one.reason or "No reason was given.",
            money=None,
            about=one.name,
            ask="Merge it, keep it, or drop it.",
        )
        for one in scenarios(workspace).values()
        if one.status == "open"
    ]
    topics.append(
        Topic(
            topic=f"Accept plan {plan.plan}",
            why="All rules are kept."
            if plan.is_legal
            else f"It breaks {plan['violations'].height} rules and cannot be accepted.",
            money=None,
            about=plan.plan,
            ask="Accept the plan; what starts within a week becomes orders.",
        )
    )
    return topics


def decide(
    workspace: Workspace,
    plan: Plan,
    step: str,
    topic: str,
    outcome: str,
    *,
    who: str,
    why: str,
    actor: str,
) -> None:
    """Write a decision of a step as a fact.

    Raises
    ------
    ValueError
        If the step is none, or topic, outcome, person or reason is missing or too long.
    """
    if step not in _BY_NAME:
        raise ValueError(f"a step is one of {', '.join(_BY_NAME)}, found {step!r}")
    told = {"topic": topic, "outcome": outcome, "who": who, "why": why}
    for name, text in told.items():
        if not text.strip() or len(text) > 500:
            raise ValueError(f"a decision has a {name} of 1 to 500 letters")
    body = {**{name: text.strip() for name, text in told.items()}, "step": step, "plan": plan.plan}
    _write(workspace, DECIDED, cycle_of(plan.as_of), body, plan, actor)


def decisions(workspace: Workspace, cycle: str) -> list[dict[str, Any]]:
    """Return the decisions of a cycle in the order they were taken."""
    return [
        {"seq": fact.seq, **fact.body}
        for fact in workspace.recorded(DECIDED)
        if fact.subject == cycle
    ]


def close_step(workspace: Workspace, plan: Plan, step: str, *, who: str, actor: str) -> None:
    """Write that a step is done.

    Raises
    ------
    OutOfOrderError
        If a step before it is still open.
    ValueError
        If there is no such step.
    """
    if step not in _BY_NAME:
        raise ValueError(f"a step is one of {', '.join(_BY_NAME)}, found {step!r}")
    cycle = cycle_of(plan.as_of)
    done = closed(workspace, cycle)
    names = list(_BY_NAME)
    waiting = [name for name in names[: names.index(step)] if name not in done]
    if waiting:
        raise OutOfOrderError(f"{step} builds on {', '.join(waiting)}; close that first")
    _write(workspace, CLOSED, cycle, {"step": step, "who": who, "plan": plan.plan}, plan, actor)


def closed(workspace: Workspace, cycle: str) -> dict[str, dict[str, Any]]:
    """Return the steps of a cycle that are done, with who closed them on which plan."""
    return {
        fact.body["step"]: dict(fact.body)
        for fact in workspace.recorded(CLOSED)
        if fact.subject == cycle
    }


def state(workspace: Workspace, plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """Return the cycle a plan belongs to: its steps with days and agendas, its decisions."""
    cycle = cycle_of(plan.as_of)
    done = closed(workspace, cycle)
    taken = decisions(workspace, cycle)
    return {
        "cycle": cycle,
        "plan": plan.plan,
        "steps": [
            {
                **row,
                "done": row["step"] in done,
                "closed_by": done.get(row["step"], {}).get("who"),
                "agenda": [asdict(t) for t in agenda(workspace, plan, dataset, row["step"])],
                "decisions": [one for one in taken if one["step"] == row["step"]],
            }
            for row in calendar(date.fromisoformat(f"{cycle}-01"))
        ],
    }


def _write(
    workspace: Workspace, kind: str, subject: str, body: dict[str, Any], plan: Plan, actor: str
) -> None:
    count = len(workspace.recorded(kind))
    workspace.journal.submit(
        [
            events.record(
                key=f"{kind}:{subject}:{count}",
                actor=actor,
                effective_at=at_noon(plan.as_of),
                kind=kind,
                subject=subject,
                body=body,
            )
        ],
        wait=True,
    )
