"""The command that holds new facts against the plan that stands, before anyone asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.watching import Proposal


def watch_command(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """Find what new facts touch of the accepted plan; replan it, tell its money, keep a proposal.

    The forecast stands as the plan made it: `fivefold plan` makes another.
    """
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.watching import watch
    from fivefold.cycle.workspace import Workspace

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        found = watch(store, actor=ACTOR, progress=progress)
    emit(
        {"proposal": None if found is None else found.record()},
        as_json=as_json,
        show=lambda out: show_proposal(out, found),
    )


def show_proposal(out: Console, found: Proposal | None) -> None:
    """Print what new facts do to the plan."""
    from fivefold.cli.what_if import show_effect

    if found is None:
        out.print("Nothing new touches the accepted plan, or no plan is accepted.")
        return
    out.print(f"New facts touch {', '.join(found.causes)}.")
    show_effect(out, found.effect, "the new facts", found.made)
    out.print(f"Kept as {found.plan}; `fivefold accept {found.plan}` takes it.")


COMMANDS = (("watch", watch_command),)
