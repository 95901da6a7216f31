"""Commands for data: import, undo, template, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from fivefold.cycle.previewing import Preview

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
    preview: Annotated[
        bool, typer.Option("--preview", help="Show every cell that would change; change nothing.")
    ] = False,
    changes_only: Annotated[
        bool,
        typer.Option("--changes-only", help="Apply only rows that say otherwise than what stands."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import Seller Central reports, tables or workbooks; each exactly once, all or nothing.

    The kind of a file is recognised by its header. A file with a problem is refused whole and
    every problem is named with its row and column; the other files are imported. A workbook
    that was exported and edited comes back with --preview, then with --changes-only.
    """
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.watch import show_proposal
    from fivefold.cli.when import day_of
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.records import import_record
    from fivefold.cycle.watching import watch
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
            dry_run=dry_run or preview,
            skip_bad_rows=skip_bad_rows,
            changes_only=changes_only or preview,
            progress=progress,
        )
        # What is new is held against the accepted plan before anyone asks.
        proposal = None
        if report.commands_written and not (dry_run or preview):
            proposal = watch(store, actor=ACTOR, progress=progress)

    def show(out: Console) -> None:
        show_import(out, report)
        if proposal is not None:
            show_proposal(out, proposal)

    told = {"proposal": proposal.record()} if proposal is not None else {}
    emit({**import_record(report), **told}, as_json=as_json, show=show)
    if report.has_errors:
        raise typer.Exit(BAD_DATA)


_MARKS = {
    "loaded": "[green]✓[/green]",
    "already_loaded": "[dim]=[/dim]",
    "refused": "[red]✗[/red]",
    "not_used": "[yellow]·[/yellow]",
    "unchanged": "[dim]=[/dim]",
}
_WORDS = {
    "already_loaded": "already imported; nothing was added",
    "refused": "refused; nothing of it was kept",
    "not_used": "not used",
    "unchanged": "says what stands already",
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
    if report.preview is not None:
        _show_changes(out, report.preview)
    if report.dry_run:
        out.print("[yellow]Dry run: nothing was changed.[/yellow]")
        return
    for line in report.refused_commands[:5]:
        out.print(f"[red]not booked[/red] {escape(line)}")
    out.print(
        f"{report.commands_written:,} facts written, {report.commands_known:,} were known before."
    )


def _show_changes(out: Console, preview: Preview) -> None:
    from fivefold.cli.output import table

    changes = preview.changes
    for name in changes["table"].unique(maintain_order=True):
        mine = changes.filter(changes["table"] == name)
        new = mine.filter(mine["change"] == "new").height
        cells = mine.filter(mine["change"] == "changed")
        same = preview.unchanged_rows.get(name, 0)
        title = f"{name}: {new:,} new rows, {cells.height:,} cells change, {same:,} rows as before"
        if cells.height:
            shown = cells.select("key", "column", "old", "new").to_dicts()
            table(out, title, shown, most=20)
        else:
            out.print(title)
    if not changes.height:
        out.print("Nothing would change: the files say what stands.")


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
    file: Annotated[
        str, typer.Argument(help="Hash of the file, or its beginning; `last` is the last import.")
    ] = "last",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an imported file back out of the tables, or all files of the last import."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import day_of
    from fivefold.cycle.importing import undo_import, undo_last_import
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        names = (
            undo_last_import(store, actor=ACTOR, as_of=day_of(as_of))
            if file == "last"
            else [undo_import(store, file, actor=ACTOR, as_of=day_of(as_of))]
        )
    emit(
        {"undone": names},
        as_json=as_json,
        show=lambda out: out.print(f"{', '.join(names)} taken back."),
    )


def map_command(
    file: Annotated[Path, typer.Argument(help="File whose header is not known.")],
    table_name: Annotated[
        str | None, typer.Option("--table", "-t", help="Table it is. [default: the likeliest]")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="'Name in the file=column'; empty leaves it out."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Remember it; the file can be imported then.")
    ] = False,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say what the columns of a file are: a proposal, your corrections, remembered with --keep."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import day_of
    from fivefold.connect.mapping import ColumnMapping
    from fivefold.cycle.mapping import remember_mapping, suggested
    from fivefold.cycle.workspace import Workspace

    ((name, content),) = read_files([file])
    try:
        found = suggested(name, content, table=table_name)
        if not found:
            raise usage_error(f"{file} has no header that could be read")
        given = dict(text.rsplit("=", 1) for text in columns or [])
        made = []
        for header, proposal in found:
            if not proposal.table:
                continue
            chosen = {**proposal.columns, **{n: c for n, c in given.items() if n in header}}
            made.append(ColumnMapping(header=header, table=proposal.table, columns=chosen))
    except (ValueError, KeyError) as error:
        raise usage_error(f"{error}; --column is 'Name in the file=column'") from None
    if not made:
        raise usage_error("no table fits this header; name one with --table")
    if keep:
        with told_errors(as_json=as_json), Workspace(workspace) as store:
            for mapping in made:
                remember_mapping(store, mapping, actor=ACTOR, as_of=day_of(None))
    rows = [
        {"table": m.table, "in the file": name, "column": column or "left out"}
        for m in made
        for name, column in m.columns.items()
    ]
    emit(
        {
            "kept": keep,
            "mappings": [
                {"mapping": m.mark, "table": m.table, "columns": dict(m.columns)} for m in made
            ],
        },
        as_json=as_json,
        show=lambda out: table(
            out, "Remembered" if keep else "Proposed; --keep remembers it", rows, most=200
        ),
    )


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
    ("map", map_command),
    ("template", template_command),
    ("export", export_command),
)
