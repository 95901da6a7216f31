"""Scenarios by command: made, listed, planned, compared on the same luck, merged, dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from fivefold.cycle.branches import Scenario

NameArgument = Annotated[str, typer.Argument(help="Name of the scenario.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.")]
#: Scenarios side by side at most.
MOST = 5


def new_command(
    name: NameArgument,
    changes: Annotated[
        list[str],
        typer.Argument(
            help="What is different, such as demand=+60%, supplier=SUP-CN lost=6w, cash=-30%."
        ),
    ],
    on: Annotated[
        str | None,
        typer.Option("--on", help="Plan or scenario to branch from. [default: the plan made last]"),
    ] = None,
    reason: ReasonOption = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Make a scenario: a name for what is different from a plan, or from another scenario."""
    from fivefold.cli.output import emit
    from fivefold.cli.what_if import rewritten
    from fivefold.cycle.branches import branch
    from fivefold.cycle.workspace import Workspace

    words = rewritten(changes)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        try:
            made = branch(store, name, words, actor=ACTOR, reason=reason, on=on)
        except ValueError as error:
            raise usage_error(str(error)) from None
    emit(
        made.record(),
        as_json=as_json,
        show=lambda out: out.print(
            f"Scenario {made.name} on plan {made.base}: {', '.join(made.changes)}."
        ),
    )


def list_command(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """List the scenarios that stand."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.branches import scenarios
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = [one.record() for one in scenarios(store).values()]
    columns = ("name", "base", "parent", "changes", "plan", "status", "author")
    shown = [{**row, "changes": ", ".join(row["changes"])} for row in found]
    emit(
        {"scenarios": found},
        as_json=as_json,
        show=lambda out: table(out, "Scenarios", shown, columns=columns),
    )


def show_command(
    name: NameArgument, workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False
) -> None:
    """Show a scenario: its differences, who made it, and the figures of its plan."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.branches import question_of, scenario
    from fivefold.cycle.versions import version_of
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        one = scenario(store, name)
        figures: dict[str, Any] | None = None
        if one.plan:
            world = question_of(store, one).world
            figures = dict(version_of(store.plans.load(one.plan), world, name=name).figures)
    shown = [{"of": key, "is": str(value)} for key, value in one.record().items() if value]
    shown += [{"of": key, "is": value} for key, value in (figures or {}).items()]
    emit(
        {**one.record(), "figures": figures},
        as_json=as_json,
        show=lambda out: table(out, f"Scenario {name}", shown, most=40),
    )


def run_command(
    name: NameArgument, workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False
) -> None:
    """Plan a scenario in full on top of its plan; tell the effect and keep the plan."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.what_if import show_effect
    from fivefold.cycle.branches import run
    from fivefold.cycle.effects import effect_of
    from fivefold.cycle.workspace import Workspace

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        made, question = run(store, name, actor=ACTOR, progress=progress)
    base = question.base
    effect = effect_of(
        made, base.plan, world=question.world, known=question.dataset, released=base.released
    )
    emit(
        {"scenario": name, **effect.record(), "legal": made.is_legal},
        as_json=as_json,
        show=lambda out: show_effect(out, effect, name, made),
    )


def compare_command(
    names: Annotated[list[str], typer.Argument(help="Scenarios, at most five.")],
    workspace: WorkspaceOption = WORKSPACE,
    days: Annotated[int, typer.Option(help="Days played.", min=14, max=364)] = 91,
    replications: Annotated[
        int, typer.Option(help="Replications; 0 plays nothing.", min=0, max=200)
    ] = 4,
    seed: Annotated[int, typer.Option(help="Seed of the luck all share.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Compare scenarios side by side, each played in the twin on the same luck."""
    from fivefold.cli.output import emit, shown_progress, table
    from fivefold.cycle.comparisons import keep_comparison
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.comparing import compare

    if len(names) > MOST:
        raise usage_error(f"at most {MOST} scenarios stand side by side, found {len(names)}")
    if replications == 1:
        raise usage_error("an interval wants two replications at least; 0 plays nothing")
    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        found = compare(
            store,
            names,
            actor=ACTOR,
            days=days,
            replications=replications,
            seed=seed,
            progress=progress,
        )
        keep_comparison(store, found, actor=ACTOR)
    rows = [
        {"figure": name, **{v["name"]: v["figures"][name] for v in found["versions"]}}
        for name in found["versions"][0]["figures"]
    ]
    risks = [{"world": world["world"], **risk} for world in found["risk"] for risk in world["risk"]]

    def show(out: Any) -> None:
        table(out, "Scenarios side by side", rows)
        table(out, "Profit in the twin, 95 % intervals, the same luck", risks)

    emit(found, as_json=as_json, show=show)


def merge_command(
    name: NameArgument,
    reason: ReasonOption,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Make the differences of a scenario data: overrides, limits, prices, with who and why."""
    from fivefold.cli.output import emit
    from fivefold.cycle.branches import merge
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = merge(store, name, actor=ACTOR, reason=reason)
    rows = ", ".join(f"{count} rows of {table}" for table, count in done["rows"].items())
    emit(
        {"scenario": name, **done},
        as_json=as_json,
        show=lambda out: out.print(
            f"Scenario {name} is data now: {rows or 'no rows'}, {len(done['orders'])} orders "
            "changed. `fivefold plan` plans with it."
        ),
    )


def drop_command(
    name: NameArgument,
    reason: ReasonOption = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Drop a scenario; its name is free again."""
    from fivefold.cli.output import emit
    from fivefold.cycle.branches import drop, scenario
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        one: Scenario = scenario(store, name)
        drop(store, name, actor=ACTOR, reason=reason)
    emit(
        {"scenario": one.name, "dropped": True},
        as_json=as_json,
        show=lambda out: out.print(f"Scenario {one.name} is dropped."),
    )


GROUP = (
    "scenario",
    "Worlds that are not: made, planned, compared, merged.",
    (
        ("new", new_command),
        ("list", list_command),
        ("show", show_command),
        ("run", run_command),
        ("compare", compare_command),
        ("merge", merge_command),
        ("drop", drop_command),
    ),
)
