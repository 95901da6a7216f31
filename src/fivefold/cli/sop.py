"""The S&OP cycle by command: calendar and agenda, decisions, assumptions, volumes in families."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.data import ACTOR
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

StepArgument = Annotated[str, typer.Argument(help="product, demand, supply, money or executive.")]
WhoOption = Annotated[str, typer.Option("--who", help="Who decides.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why.")]


def status_command(
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show the cycle: its steps, days and roles, agendas and what was decided."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.sop import state
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        told = state(store, plan, store.dataset(as_of=plan.as_of))

    def show(out: Console) -> None:
        rows = [
            {
                "step": row["title"],
                "day": row["day"],
                "chair": row["chair"],
                "topics": len(row["agenda"]),
                "decisions": len(row["decisions"]),
                "done": row["done"],
            }
            for row in told["steps"]
        ]
        table(out, f"S&OP cycle {told['cycle']} on plan {told['plan']}", rows)

    emit(told, as_json=as_json, show=show)


def agenda_command(
    step: StepArgument,
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write the agenda of a step from what is out of line, the most money first."""
    from dataclasses import asdict

    from fivefold.cli.output import emit, table
    from fivefold.cycle.sop import agenda
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        try:
            found = agenda(store, plan, store.dataset(as_of=plan.as_of), step)
        except ValueError as error:
            raise usage_error(str(error)) from None
    rows = [asdict(topic) for topic in found]
    emit(
        {"step": step, "plan": plan.plan, "agenda": rows},
        as_json=as_json,
        show=lambda out: table(out, f"Agenda of the {step} review", rows, most=12),
    )


def decide_command(
    step: StepArgument,
    topic: Annotated[str, typer.Argument(help="What it is about.")],
    outcome: Annotated[str, typer.Argument(help="What is decided.")],
    why: WhyOption,
    who: WhoOption = ACTOR,
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a decision with who took it and why."""
    from fivefold.cycle.sop import decide

    _written(
        lambda store, plan: decide(
            store, plan, step, topic, outcome, who=who, why=why, actor=ACTOR
        ),
        {"step": step, "topic": topic, "outcome": outcome, "who": who, "why": why},
        f"{who} decided on {topic}: {outcome}.",
        workspace=workspace,
        plan_name=plan_name,
        as_json=as_json,
    )


def close_command(
    step: StepArgument,
    who: WhoOption = ACTOR,
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a step; those before it must be closed."""
    from fivefold.cycle.sop import close_step

    _written(
        lambda store, plan: close_step(store, plan, step, who=who, actor=ACTOR),
        {"step": step, "who": who, "closed": True},
        f"The {step} review is closed by {who}.",
        workspace=workspace,
        plan_name=plan_name,
        as_json=as_json,
    )


def assume_command(
    name: Annotated[str, typer.Argument(help="Name of the assumption.")],
    text: Annotated[str, typer.Argument(help="What is assumed; empty drops it.")],
    who: WhoOption = ACTOR,
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name an assumption of the plan, so that it is shown and tracked."""
    from fivefold.cycle.assumptions import assume

    _written(
        lambda store, plan: assume(store, plan, name, text, author=who, actor=ACTOR),
        {"name": name, "text": text, "who": who},
        f"{who} assumes {name}: {text or 'dropped'}.",
        workspace=workspace,
        plan_name=plan_name,
        as_json=as_json,
    )


def _written(
    write: Any,
    record: dict[str, Any],
    words: str,
    *,
    workspace: Any,
    plan_name: str | None,
    as_json: bool,
) -> None:
    """Write a fact about a plan and tell it."""
    from fivefold.cli.output import emit
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        try:
            write(store, plan)
        except ValueError as error:
            raise usage_error(str(error)) from None
    emit({"plan": plan.plan, **record}, as_json=as_json, show=lambda out: out.print(words))


def families_command(
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show expected volume by family and month."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.families import family_volumes
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        found = family_volumes(plan, store.dataset(as_of=plan.as_of)).to_dicts()
    emit(
        {"plan": plan.plan, "families": found},
        as_json=as_json,
        show=lambda out: table(out, f"Volume in families, plan {plan.plan}", found, most=60),
    )


def volume_command(
    family: Annotated[str, typer.Argument(help="Planning family.")],
    month: Annotated[str, typer.Argument(help="Month, as 2026-12.")],
    units: Annotated[float, typer.Argument(help="Units the family is to sell.")],
    why: WhyOption,
    who: WhoOption = ACTOR,
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Set a family's volume of a month; it is put on its items by their mix, adding up."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.families import set_volume
    from fivefold.cycle.workspace import Workspace

    try:
        day = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise usage_error(f"{month!r} is no month; write it as 2026-12") from None
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        try:
            made = set_volume(store, plan, family, day, units, author=who, reason=why)
        except ValueError as error:
            raise usage_error(str(error)) from None
    rows = [
        {"item": item, "units": float(part["units"].sum())}
        for (item,), part in made.sort("item").partition_by("item", as_dict=True).items()
    ]
    emit(
        {"family": family, "month": day, "units": units, "items": rows},
        as_json=as_json,
        show=lambda out: table(out, f"{family} in {month}: {units:,.0f} units", rows),
    )


GROUP = (
    "sop",
    "The S&OP cycle: calendar, agendas, decisions, assumptions, families.",
    (
        ("status", status_command),
        ("agenda", agenda_command),
        ("decide", decide_command),
        ("close", close_command),
        ("assume", assume_command),
        ("families", families_command),
        ("volume", volume_command),
    ),
)
