"""The command that measures the nine benefits against a naive policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.twin.experiment import Proof


def benefits_command(
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    days: Annotated[int, typer.Option(help="Days played.", min=14, max=364)] = 91,
    replications: Annotated[int, typer.Option(help="Replications.", min=2)] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the luck both policies share.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Measure nine benefits of a plan in the twin, beside days of cover on the same luck."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.benefits import BENEFITS, prove_benefits

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        dataset = store.dataset(as_of=plan.as_of)
        with shown_progress(quiet=as_json) as progress:
            proof = prove_benefits(
                plan,
                dataset,
                store.journal,
                days=days,
                replications=replications,
                seed=seed,
                progress=progress,
            )
    rows = [
        {
            "benefit": one.benefit,
            **{key: proof_value(proof, one.measure, key) for key in _SHOWN},
            "unit": one.unit,
            "better": one.better,
            "definition": one.definition,
        }
        for one in BENEFITS
    ]
    emit(
        {
            "plan": plan.plan,
            "naive": proof.old,
            "days": days,
            "replications": replications,
            "seed": seed,
            "benefits": rows,
        },
        as_json=as_json,
        show=lambda out: _show(out, proof, rows),
    )


_SHOWN = ("measure", "old", "new", "difference", "low", "high", "verdict")


def proof_value(proof: Proof, measure: str, key: str) -> object:
    """Return one value of a measure; none where it is not a number."""
    value = getattr(proof.figure(measure), key)
    return None if isinstance(value, float) and value != value else value


def _show(out: Console, proof: Proof, rows: list[dict[str, object]]) -> None:
    from fivefold.cli.output import table

    shown = [
        {
            "benefit": row["benefit"],
            "measure": row["measure"],
            "naive": row["old"],
            "plan": row["new"],
            "low": row["low"],
            "difference": row["difference"],
            "high": row["high"],
            "verdict": row["verdict"],
        }
        for row in rows
    ]
    table(out, f"Nine benefits of {proof.new} against {proof.old}", shown)
    out.print(
        f"[dim]{proof.replications} replications of {proof.days} days on the same luck; "
        "low and high are the 95 % interval of the difference.[/dim]"
    )
    for row in rows:
        out.print(f"[dim]{row['measure']}: {row['definition']}[/dim]", soft_wrap=True)


COMMANDS = (("benefits", benefits_command),)
