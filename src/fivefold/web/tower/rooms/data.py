"""Data: files that were brought, what is in them, and what is wrong with those just dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import polars as pl

from fivefold.cycle.importing import FileReport, ImportReport
from fivefold.cycle.mapping import suggested
from fivefold.errors import Problem
from fivefold.model import schema, table_names
from fivefold.web import words
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State

#: Problems shown of one file.
SHOWN = 30
#: Cells that would change which are listed.
MOST_CHANGES = 60
_STATUS = {
    "loaded": ("good", "●", "ready to load"),
    "already_loaded": ("muted", "=", "loaded before; nothing to add"),
    "refused": ("bad", "▲", "refused whole"),
    "not_used": ("warn", "◆", "not recognised"),
}


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    table = query.get("table", "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for name in table_names(role="input"):
        about = schema(name)
        rows = state.dataset[name].height
        groups.setdefault(about.group, []).append(
            {"name": name, "rows": rows, "description": about.description}
        )
    return {
        "files": files(state),
        "groups": groups,
        "tables_known": sorted(table_names(role="input")),
        "table": table if table in table_names(role="input") else "",
        "about": schema(table).description if table in table_names(role="input") else "",
        "tables_with_rows": sum(each["rows"] > 0 for rows in groups.values() for each in rows),
        "tables_empty": [each for rows in groups.values() for each in rows if not each["rows"]],
        "review": None,
    }


def files(state: State) -> list[dict[str, Any]]:
    """Return the imported files, the newest first."""
    return [
        {
            "hash": fact.subject,
            "name": fact.body["name"],
            "words": _understood(fact.body["kind"]),
            "rows": sum(fact.body["rows"].values()),
            "tables": ", ".join(words.plain_name(n).lower() for n in fact.body["rows"]),
        }
        for fact in reversed(state.workspace.imports())
    ]


def _understood(kind: str) -> str:
    """Return what a file was taken for, in words."""
    origin, _, report = kind.partition(":")
    return f"{words.plain_name(origin)} {words.plain_name(report).lower()}" if report else origin


def table(state: State, query: Mapping[str, str]) -> Grid:
    """Return the rows of an input table.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    name = query.get("table", "")
    if name not in table_names(role="input"):
        raise ValueError(f"there is no table {name!r}")
    frame = state.dataset[name].with_row_index("row_number")
    named = schema(name).columns[0].name
    return Grid(
        name=name,
        frame=frame,
        key="row_number",
        sign=state.sign,
        columns=schema_columns(name, frame, first=(column(named, width=150),)),
    )


def review(report: ImportReport, stage: str) -> dict[str, Any]:
    """Return what became of files that were looked at, nothing of them loaded yet."""
    told = [_file(each) for each in report.files]
    counts = Counter(each.status for each in report.files)
    return {
        "stage": stage,
        "files": told,
        "ready": counts["loaded"],
        "refused": counts["refused"],
        "known": counts["already_loaded"],
        "unused": counts["not_used"],
        "errors": sum(each["errors"] for each in told),
        "notes": [_problem(note) for note in report.notes[:SHOWN]],
        "note_count": len(report.notes),
        "preview": _preview(report),
    }


def _preview(report: ImportReport) -> dict[str, Any] | None:
    """Return what would change against what stands, by table and cell by cell."""
    if report.preview is None:
        return None
    rows, same = report.preview.changes, report.preview.unchanged_rows
    counts = {
        name: {"new": 0, "changed": 0, "same": same.get(name, 0)}
        for name in sorted({*same, *rows["table"].unique().to_list()})
    }
    for name, change, count in rows.group_by("table", "change").len().iter_rows():
        counts[name][change] = count
    return {
        "tables": [{"name": name, **told} for name, told in counts.items()],
        "cells": rows.filter(pl.col("change") == "changed").head(MOST_CHANGES).to_dicts(),
        "changed": sum(told["changed"] for told in counts.values()),
        "new": sum(told["new"] for told in counts.values()),
        "same": sum(told["same"] for told in counts.values()),
    }


def strangers(
    files: Sequence[tuple[str, bytes]], report: ImportReport, table: str = ""
) -> list[dict[str, Any]]:
    """Return for each file that was not recognised what its columns may stand for."""
    unknown = {
        each.name for each in report.files if any(p.code == "unknown_kind" for p in each.problems)
    }
    found = []
    for name, content in files:
        if name not in unknown:
            continue
        for header, proposal in suggested(name, content, table=table or None):
            chosen = proposal.table
            about = schema(chosen) if chosen else None
            found.append(
                {
                    "file": name,
                    "table": chosen,
                    "header": [{"name": n, "column": proposal.columns.get(n, "")} for n in header],
                    "columns": [] if about is None else list(about.names),
                    "missing": list(proposal.missing),
                }
            )
    return found


def marked_rows(
    files: Sequence[tuple[str, bytes]], report: ImportReport
) -> dict[str, pl.DataFrame]:
    """Return the problems as a table, and each refused text file with its problems beside rows."""
    told = [p for each in report.files for p in each.problems if p.severity == "error"]
    tables = {
        "problems": pl.DataFrame(
            [
                {"file": p.file, "row": p.row, "column": p.column, "problem": p.message}
                for p in told
            ],
            schema={
                "file": pl.String,
                "row": pl.Int64,
                "column": pl.String,
                "problem": pl.String,
            },
        )
    }
    refused = {each.name for each in report.files if each.status == "refused"}
    for name, content in files:
        if name not in refused or not _fixable(name):
            continue
        lines = content.decode("utf-8-sig", "replace").splitlines()
        if not lines:
            continue
        mark = max("\t,;|", key=lines[0].count)
        heads = _cells(lines[0], mark)
        own: dict[int, list[str]] = {}
        for p in told:
            if p.file == name and p.row is not None:
                own.setdefault(p.row, []).append(f"{p.column}: {p.message}")
        rows = []
        for number, line in enumerate(lines[1:], start=2):
            cells = (_cells(line, mark) + [""] * len(heads))[: len(heads)]
            rows.append([*cells, "; ".join(own.get(number, []))])
        names = list(dict.fromkeys([*heads, "problem"]))
        if len(names) == len(heads) + 1:
            tables[PurePath(name).stem[:31]] = pl.DataFrame(
                rows, schema=dict.fromkeys(names, pl.String), orient="row"
            )
    return tables


def _file(report: FileReport) -> dict[str, Any]:
    tone, shape, words_ = _STATUS[report.status]
    errors = [p for p in report.problems if p.severity == "error"]
    others = [p for p in report.problems if p.severity != "error"]
    return {
        "name": report.name,
        "understood": report.understood or "not recognised",
        "status": report.status,
        "tone": tone,
        "shape": shape,
        "words": words_,
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "kept": report.columns_kept,
        "missing": report.columns_missing if len(report.columns_missing) <= 8 else (),
        "errors": len(errors),
        "problems": [_problem(p, fixable=_fixable(report.name)) for p in errors[:SHOWN]],
        "more": max(0, len(errors) - SHOWN),
        "warnings": [_problem(p) for p in others[:10]],
        "warning_count": len(others),
    }


def _fixable(name: str) -> bool:
    return PurePath(name).suffix.lower() in (".csv", ".txt", ".tsv")


def _problem(problem: Problem, *, fixable: bool = False) -> dict[str, Any]:
    where = [problem.file or problem.table]
    if problem.row is not None:
        where.append(f"row {problem.row}")
    if problem.column:
        where.append(f"column “{problem.column}”")
    return {
        "where": " › ".join(where),
        "message": problem.message,
        "file": problem.file,
        "row": problem.row,
        "column": problem.column,
        "fixable": fixable and problem.row is not None and bool(problem.column),
    }


def changed_cell(content: bytes, *, row: int, column: str, value: str) -> bytes:
    """Return the text of a table with one cell changed; every other byte stays.

    Parameters
    ----------
    row : int
        Line of the file, the header being 1.
    column : str
        Its title in the header.

    Raises
    ------
    ValueError
        If the file has no such cell, or the value would break the line.
    """
    if any(letter in value for letter in "\r\n\t\x00"):
        raise ValueError("a value holds no line ends and no tabs")
    text = content.decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    if not 2 <= row <= len(lines):
        raise ValueError(f"there is no row {row}")
    mark = max("\t,;|", key=lines[0].count)
    heads = _cells(lines[0], mark)
    if column not in heads:
        raise ValueError(f"there is no column {column!r}")
    ending = lines[row - 1][len(lines[row - 1].rstrip("\r\n")) :]
    cells = _cells(lines[row - 1], mark)
    if len(cells) <= heads.index(column):
        raise ValueError(f"row {row} has no column {column!r}")
    cells[heads.index(column)] = value
    lines[row - 1] = mark.join(_quoted(cell, mark) for cell in cells) + ending
    return "".join(lines).encode("utf-8")


def _cells(line: str, mark: str) -> list[str]:
    import csv

    return next(csv.reader([line.rstrip("\r\n")], delimiter=mark), [])


def _quoted(cell: str, mark: str) -> str:
    needs: Sequence[str] = (mark, '"')
    return '"' + cell.replace('"', '""') + '"' if any(x in cell for x in needs) else cell
