"""Commands for data: import, undo, template, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    read_files,
    told_errors,
    usage_error,
)
from fivefold.cli.output import BAD_DATA

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.importing import FileReport, ImportReport

ACTOR = "cli"


def import_command(
    files: Annotated[list[Path], typer.Argument(help="Reports, tables, workbooks or folders.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
    ] = False,
    skip_bad_rows: Annotated[
        bool,
        typer.Option("--skip-bad-rows", help="Keep the good rows of a file that has bad ones."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import Seller Central reports, tables or workbooks; each exactly once, all or nothing.

    The kind of a file is recognised by its header. A file with a problem is refused whole and
    every problem is named with its row and column; the other files are imported.
    """
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.when import day_of
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.workspace import Workspace

    content = read_files(files)
    with (
        told_errors(as_json=as_json),
        Workspace(workspace) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        report = import_files(
            store,
            content,
            actor=ACTOR,
            as_of=day_of(as_of),
            dry_run=dry_run,
            skip_bad_rows=skip_bad_rows,
            progress=progress,
        )
    emit(import_record(report), as_json=as_json, show=lambda out: show_import(out, report))
    if report.has_errors:
        raise typer.Exit(BAD_DATA)


def import_record(report: ImportReport) -> dict[str, Any]:
    """Return an import as a record."""
    from dataclasses import asdict

    from fivefold.cli.output import problem_record

    return {
        "status": "refused_some" if report.has_errors else "done",
        "dry_run": report.dry_run,
        "files": [
            {**asdict(file), "problems": [problem_record(p) for p in file.problems]}
            for file in report.files
        ],
        "notes": [problem_record(note) for note in report.notes],
        "commands_written": report.commands_written,
        "commands_known": report.commands_known,
        "commands_refused": list(report.refused_commands),
    }


_MARKS = {
    "loaded": "[green]✓[/green]",
    "already_loaded": "[dim]=[/dim]",
    "refused": "[red]✗[/red]",
    "not_used": "[yellow]·[/yellow]",
}
_WORDS = {
    "already_loaded": "already imported; nothing was added",
    "refused": "refused; nothing of it was kept",
    "not_used": "not used",
}


def show_import(out: Console, report: ImportReport) -> None:
    """Print what became of each file."""
    from rich.markup import escape

    from fivefold.cli.output import problems_table

    for file in report.files:
        out.print(
            f"{_MARKS[file.status]} [bold]{escape(file.name)}[/bold]  "
            f"{escape(_WORDS.get(file.status, file.understood))}",
            soft_wrap=True,
        )
        _show_details(out, file)
        problems_table(out, file.problems, most=8)
    if report.notes:
        out.print(f"[dim]{len(report.notes)} differences between files, the newer word won:[/dim]")
        problems_table(out, report.notes, most=3)
    if report.dry_run:
        out.print("[yellow]Dry run: nothing was changed.[/yellow]")
        return
    for line in report.refused_commands[:5]:
        out.print(f"[red]not booked[/red] {escape(line)}")
    out.print(
        f"{report.commands_written:,} facts written, {report.commands_known:,} were known before."
    )


def _show_details(out: Console, file: FileReport) -> None:
    if file.status == "already_loaded":
        return
    if file.columns_kept:
        out.print(f"    [dim]kept, not understood: {', '.join(file.columns_kept[:8])}[/dim]")
    if file.columns_missing and file.status == "loaded" and len(file.columns_missing) <= 6:
        out.print(f"    [dim]usual columns it lacks: {', '.join(file.columns_missing)}[/dim]")
    if file.encoding and file.encoding.lower() not in ("utf-8", "excel workbook", "parquet"):
        out.print(f"    [dim]read as {file.encoding}[/dim]")


def files_command(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """List the imported files."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        records = [
            {
                "hash": fact.subject[:12],
                "name": fact.body["name"],
                "kind": fact.body["kind"],
                "rows": sum(fact.body["rows"].values()),
            }
            for fact in store.imports()
        ]
    emit(
        {"files": records},
        as_json=as_json,
        show=lambda out: table(out, "Imported files", records, most=200),
    )


def undo_import_command(
    file: Annotated[str, typer.Argument(help="Hash of the file, or its beginning.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an imported file back out of the tables."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import day_of
    from fivefold.cycle.importing import undo_import
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        name = undo_import(store, file, actor=ACTOR, as_of=day_of(as_of))
    emit({"undone": name}, as_json=as_json, show=lambda out: out.print(f"{name} was taken back."))


def template_command(
    out_file: Annotated[Path, typer.Argument(help="Workbook to write.")] = Path(
        "fivefold-template.xlsx"
    ),
    as_json: JsonOption = False,
) -> None:
    """Write an Excel workbook with a sheet for each table and every column explained."""
    from fivefold.cli.output import emit
    from fivefold.connect.template import template_workbook

    out_file.write_bytes(template_workbook())
    emit(
        {"file": str(out_file)},
        as_json=as_json,
        show=lambda out: out.print(
            f"Wrote {out_file}. Fill items, offers, orders and inventory first; "
            f"then `fivefold import {out_file}`."
        ),
    )


def export_command(
    target: Annotated[Path, typer.Argument(help="Workbook (.xlsx) or folder to write.")],
    workspace: WorkspaceOption = WORKSPACE,
    tables: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only these tables.")
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="csv or parquet, for a folder.")
    ] = "csv",
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export what is known as Excel, CSV or Parquet; importing it again changes nothing."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.connect.excel import write_workbook
    from fivefold.connect.tables import write_csv, write_parquet
    from fivefold.cycle.importing import tables_for_export
    from fivefold.cycle.workspace import Workspace

    if file_format not in ("csv", "parquet"):
        raise usage_error(f"--format must be csv or parquet, found {file_format!r}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = tables_for_export(store.dataset(as_of=plan_day(store, as_of)))
    if tables:
        unknown = sorted(set(tables) - set(found))
        if unknown:
            raise usage_error(f"no rows in {', '.join(unknown)}; known are {', '.join(found)}")
        found = {name: found[name] for name in tables}
    written = []
    if target.suffix == ".xlsx":
        target.write_bytes(write_workbook(found))
        written.append(str(target))
    else:
        target.mkdir(parents=True, exist_ok=True)
        for name, frame in found.items():
            path = target / f"{name}.{file_format}"
            path.write_bytes(write_csv(frame) if file_format == "csv" else write_parquet(frame))
            written.append(str(path))
    emit(
        {"files": written, "rows": {name: frame.height for name, frame in found.items()}},
        as_json=as_json,
        show=lambda out: out.print(f"Wrote {len(found)} tables to {target}."),
    )


COMMANDS = (
    ("import", import_command),
    ("files", files_command),
    ("undo-import", undo_import_command),
    ("template", template_command),
    ("export", export_command),
)
