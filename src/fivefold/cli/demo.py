"""The main job on the example: build it, import, check, plan, prove, report."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.data import ACTOR
from fivefold.cli.output import BAD_DATA, INFEASIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from fivefold.cycle.importing import ImportReport
    from fivefold.cycle.plans import Plan
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.experiment import Proof

EXAMPLES = ("seller", "maker", "network", "retailer")


def demo_command(
    example: Annotated[str, typer.Argument(help="Which example.")] = "seller",
    workspace: WorkspaceOption = WORKSPACE,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")] = Path("report"),
    replications: Annotated[int, typer.Option(help="Replications in the twin.", min=2)] = 4,
    days: Annotated[int, typer.Option(help="Days played in the twin.", min=7, max=364)] = 182,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the books that are there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the example company and run the loop on it: import, plan, check, prove, report.

    The books of an earlier demo in the same workspace are begun anew unless --keep is given;
    a workspace that the demo did not make is never touched.
    """
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.workspace import Workspace

    if example not in EXAMPLES:
        raise usage_error(f"there is no example {example!r}; there is {', '.join(EXAMPLES)}")
    _make_room(workspace, keep=keep)
    if example == "maker":
        from fivefold.cli.demo_maker import run_maker

        run_maker(workspace, out, days=min(days, 14), as_json=as_json)
        return
    if example == "retailer":
        from fivefold.cli.demo_retailer import run_retailer

        run_retailer(workspace, as_json=as_json)
        return
    if example == "network":
        from fivefold.cli.demo_network import run_network

        run_network(workspace, out, as_json=as_json)
        return
    with told_errors(as_json=as_json):
        files = _write_example(workspace)
        with Workspace(workspace) as store, shown_progress(quiet=as_json) as progress:
            (workspace / "made-by-demo").touch()
            report, plan, proof, written, verdict = _run(
                store, files, replications, days, out, progress
            )
    emit(
        _record(report, plan, proof, written, verdict),
        as_json=as_json,
        show=lambda console: _show(console, report, plan, proof, written, verdict),
    )
    if not verdict.ok or report.has_errors:
        raise typer.Exit(BAD_DATA)
    if plan.status == "infeasible" or not plan.is_legal:
        raise typer.Exit(INFEASIBLE)


def _make_room(workspace: Path, *, keep: bool) -> None:
    if not workspace.exists() or keep:
        return
    if (workspace / "made-by-demo").is_file():
        shutil.rmtree(workspace)
    elif any(workspace.iterdir()):
        raise usage_error(
            f"{workspace} holds books the demo did not make; name another with --workspace"
        )


def _write_example(workspace: Path) -> list[tuple[str, bytes]]:
    from fivefold.twin.companies.seller import write_company

    paths = write_company(workspace / "files")
    return [(path.name, path.read_bytes()) for path in paths]


def _run(
    store: Workspace,
    files: list[tuple[str, bytes]],
    replications: int,
    days: int,
    out: Path,
    progress: Callable[[str, float], None],
) -> tuple[ImportReport, Plan, Proof, list[str], Any]:
    from fivefold.cli.proof import write_report
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.planning import plan
    from fivefold.ledger.verify import verify
    from fivefold.twin.companies.seller import AS_OF
    from fivefold.twin.experiment import prove

    def within(first: float, last: float) -> Callable[[str, float], None]:
        return lambda step, share: progress(step, first + share * (last - first))

    report = import_files(store, files, actor=ACTOR, as_of=AS_OF, progress=within(0.1, 0.4))
    day: date = store.imported().plan_date() or AS_OF
    dataset = store.dataset(as_of=day)
    made = plan(dataset, as_of=day, progress=within(0.4, 0.65))
    proof = prove(
        made,
        dataset,
        store.journal,
        days=days,
        replications=replications,
        progress=within(0.65, 0.9),
    )
    made = made.with_tables(proof=proof.table())
    store.plans.save(made)
    progress("write the report", 0.92)
    written = write_report(store, made.plan, out)
    progress("verify the books", 0.96)
    return report, made, proof, written, verify(store.journal)


def _record(
    report: ImportReport, plan: Plan, proof: Proof, written: list[str], verdict: Any
) -> dict[str, Any]:
    from fivefold.cycle.records import plan_record

    return {
        "imported_files": len(report.files),
        "commands_written": report.commands_written,
        "plan": plan_record(plan),
        "proof": proof.record(),
        "books_whole": verdict.ok,
        "files": written,
    }


def _show(
    out: Console, report: ImportReport, plan: Plan, proof: Proof, written: list[str], verdict: Any
) -> None:
    from fivefold.cli.planning import show_plan
    from fivefold.cli.proof import show_proof

    rows = sum(file.rows_read for file in report.files)
    out.print(
        f"Imported {len(report.files)} files, {rows:,} rows; "
        f"{report.commands_written:,} facts in the books."
    )
    show_plan(out, plan)
    out.print()
    show_proof(out, proof)
    whole = "[green]whole[/green]" if verdict.ok else "[red]not whole[/red]"
    out.print(f"Books {whole}: goods and money sum to zero over {verdict.commands:,} commands.")
    out.print(f"Wrote {' and '.join(written)}.")
    out.print(
        "Next: `fivefold why ORDER`, `fivefold show purchase_orders`, `fivefold accept`, "
        "`fivefold measures`."
    )


COMMANDS = (("demo", demo_command),)
