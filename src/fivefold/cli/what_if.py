"""The command that answers what would happen: a supplier is lost, demand jumps, a machine stops."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from fivefold.cycle.effects import Effect
    from fivefold.cycle.plans import Plan
    from fivefold.make.reschedule import Jump, Stop
    from fivefold.model import Dataset

_KNOWN = "write machine=M3 down=2d [from=2026-11-24], or order=NAME jump=yes"
_ON_THE_FLOOR = ("machine", "down", "from", "order", "jump")


def what_if_command(
    changes: Annotated[
        list[str],
        typer.Argument(
            help="What happens: supplier=SUP-CN lost=6w, demand=+60%, cash=-30%, price:ITEM=-5%, "
            "limit:NAME=+25%, lead_time:SUP-CN=+14d, machine=M3 down=2d, or order=NAME jump=yes."
        ),
    ],
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the answer as a plan of its own.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Replan what a change touches; say what it does to units, money and orders, and what to do."""
    if not _is_of_the_floor(changes):
        _what_if_of_plan(changes, workspace, plan_name, keep=keep, as_json=as_json)
        return
    from fivefold.cli.schedule import tell_changes
    from fivefold.cycle.scheduling import after_events, rescheduled_plan
    from fivefold.cycle.workspace import Workspace
    from fivefold.make.reschedule import Stop

    told = _told(changes)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
        dataset = store.dataset(as_of=made.as_of)
        event = _event(told, dataset, made)
        try:
            outcome = after_events(dataset, made, [event])
        except ValueError as error:
            raise usage_error(str(error)) from None
        name = None
        if keep:
            kept = rescheduled_plan(
                dataset,
                made,
                outcome,
                scenario=" ".join(changes),
                stops=[event] if isinstance(event, Stop) else [],
            )
            store.plans.save(kept)
            name = kept.plan
    tell_changes(outcome, as_json=as_json, head=str(event), plan=name)


def _is_of_the_floor(changes: list[str]) -> bool:
    """Tell whether a machine stops or an order jumps; all else is a change of the data."""
    return any(change.partition("=")[0] in ("machine", "order") for change in changes)


def rewritten(words: list[str]) -> list[str]:
    """Return changes as `fivefold.cycle.changes` reads them.

    >>> rewritten(["supplier=SUP-CN", "lost=6w", "demand=+60%"])
    ['supplier:SUP-CN=lost 6w', 'demand=+60%']
    """
    found: list[str] = []
    waiting = ""
    for word in words:
        name, _, value = word.partition("=")
        if name == "supplier" and value and not value.startswith("lost"):
            waiting = value
        elif name in ("lost", "later") and waiting:
            lever, given = ("supplier", "lost ") if name == "lost" else ("lead_time", "+")
            found.append(f"{lever}:{waiting}={given}{value}")
            waiting = ""
        else:
            found.append(word)
    if waiting:
        raise usage_error(f"say what becomes of {waiting}: lost=6w or later=14d")
    return found


def _what_if_of_plan(
    words: list[str], workspace: Path, plan_name: str | None, *, keep: bool, as_json: bool
) -> None:
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.changes import parsed
    from fivefold.cycle.effects import effect_of
    from fivefold.cycle.scoped import answered, asked
    from fivefold.cycle.workspace import Workspace

    try:
        changes = parsed(rewritten(words))
    except ValueError as error:
        raise usage_error(str(error)) from None
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        question = asked(store, store.plan_named(plan_name), changes)
        with shown_progress(quiet=as_json) as progress:
            made = answered(question, progress=progress)
        if keep:
            store.plans.save(made)
    effect = effect_of(
        made,
        question.base.plan,
        world=question.world,
        known=question.dataset,
        released=question.base.released,
    )
    emit(
        {
            "asked": [str(change) for change in changes],
            **effect.record(),
            "kept_as": made.plan if keep else None,
            "legal": made.is_legal,
            "violations": made["violations"].to_dicts(),
            "seconds": sum(made.seconds.values()),
        },
        as_json=as_json,
        show=lambda out: show_effect(out, effect, ", ".join(map(str, changes)), made),
    )


def show_effect(out: Console, effect: Effect, asked: str, plan: Plan) -> None:
    """Print what a change does, figures first, then what to do, then what differs."""
    from rich.markup import escape

    from fivefold.cli.output import table

    out.print(f"\n[bold]What if {escape(asked)}[/bold], on plan {effect.before.plan}")
    for text in effect.breaks_first:
        out.print(f"[yellow]Breaks first:[/yellow] {escape(text)}")
    shown = [
        {k: row[k] for k in ("measure", "before", "after", "difference", "verdict")}
        for row in effect.figures
    ]
    table(out, "Effect", shown)
    columns = ("option", "worth", "cost", "why")
    table(
        out, "What to do, the most worth first", effect.options.to_dicts(), columns=columns, most=8
    )
    table(out, "Purchase orders that differ, soonest first", effect.orders.to_dicts(), most=8)
    told = ("decision", "change", "from_quantity", "to_quantity", "value", "why")
    table(
        out,
        f"{effect.changed_decisions:,} decisions differ, dearest first",
        effect.decisions.to_dicts(),
        columns=told,
        most=8,
    )
    if not plan.is_legal:
        out.print(
            f"[red]{plan['violations'].height} rules broken[/red] in this quick answer; "
            "`fivefold scenario run` plans it in full."
        )
    total = sum(plan.seconds.values())
    out.print(f"[dim]{total:.1f} CPU-seconds; nothing is ordered by it.[/dim]")


def _told(changes: list[str]) -> dict[str, str]:
    told = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in _ON_THE_FLOOR or not value:
            raise usage_error(f"{change!r} is not known; {_KNOWN}")
        told[name] = value
    if ("machine" in told) == ("order" in told) or ("machine" in told and "down" not in told):
        raise usage_error(f"say what happens: {_KNOWN}")
    return told


def _event(told: dict[str, str], dataset: Dataset, plan: Plan) -> Stop | Jump:
    from fivefold.cycle.scheduling import machine_stop
    from fivefold.make.reschedule import Jump

    if "order" in told:
        return Jump(order=told["order"])
    try:
        first = date.fromisoformat(told["from"]) if "from" in told else plan.as_of
    except ValueError:
        raise usage_error(f"{told['from']!r} is no day; write 2026-11-24") from None
    return machine_stop(dataset, told["machine"], first=first, hours=hours(told["down"]))


def hours(text: str) -> float:
    """Return the hours a length of time stands for.

    >>> hours("2d"), hours("6h"), hours("1w")
    (48.0, 6.0, 168.0)
    """
    units = {"h": 1.0, "d": 24.0, "w": 168.0}
    try:
        length = float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise usage_error(f"{text!r} is no length of time; write 6h, 2d or 1w") from None
    if length <= 0:
        raise usage_error(f"a length of time is above 0, found {text!r}")
    return length


COMMANDS = (("what-if", what_if_command),)
