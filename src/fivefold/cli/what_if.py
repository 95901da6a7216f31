"""The command that answers what would happen: a machine stops, an order jumps the queue."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from fivefold.cycle.plans import Plan
    from fivefold.make.reschedule import Jump, Stop
    from fivefold.model import Dataset

_KNOWN = "write machine=M3 down=2d [from=2026-11-24], or order=NAME jump=yes"


def what_if_command(
    changes: Annotated[
        list[str], typer.Argument(help="What happens: machine=M3 down=2d, or order=NAME jump=yes.")
    ],
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the answer as a plan of its own.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Replan with least change after something happens; say which orders move and why."""
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


def _told(changes: list[str]) -> dict[str, str]:
    told = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in ("machine", "down", "from", "order", "jump") or not value:
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
