"""Files into the workspace: recognised, read, checked together, kept once, booked once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from fivefold.connect.files import read_file
from fivefold.connect.loaded import Loaded
from fivefold.connect.merge import check_tables, merge
from fivefold.connect.settings import ImportSettings
from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon, settlement_commands, stock_commands
from fivefold.cycle.documents import Recorded
from fivefold.cycle.mapping import mappings
from fivefold.cycle.previewing import Preview, differences, only_changes
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError, Problem
from fivefold.ledger import events
from fivefold.ledger.events import Command
from fivefold.model import Dataset

#: Commands submitted at once.
BATCH = 1000
#: Tables whose rows are booked; what the others say of them (a cost, a channel) counts when a
#: row is booked and changes nothing that is.
BOOKED = ("inventory", "supply_orders", "settlements")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of one file.

    `status` is loaded, already_loaded (the same bytes were imported before), refused (a
    problem stands against it; nothing of it was kept), unchanged (it says what stands already,
    and only changes were wanted) or not_used.
    """

    name: str
    kind: str
    status: str
    understood: str
    rows_read: int
    rows_kept: dict[str, int]
    columns_kept: tuple[str, ...]
    columns_missing: tuple[str, ...]
    encoding: str
    sha256: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of all files, and what was written into the books."""

    files: tuple[FileReport, ...]
    notes: tuple[Problem, ...] = ()
    commands_written: int = 0
    commands_known: int = 0
    dry_run: bool = False
    refused_commands: tuple[str, ...] = field(default_factory=tuple)
    preview: Preview | None = None

    @property
    def has_errors(self) -> bool:
        """Whether any file was refused."""
        return any(file.status == "refused" for file in self.files)


def import_files(
    workspace: Workspace,
    files: Iterable[tuple[str, bytes]],
    *,
    actor: str,
    as_of: date,
    settings: ImportSettings | None = None,
    dry_run: bool = False,
    skip_bad_rows: bool = False,
    changes_only: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Return what became of each file; those without an error are kept and booked.

    Parameters
    ----------
    workspace : Workspace
    files : iterable of (name, bytes)
    actor : str
    as_of : date
        Day of reports that carry no date.
    settings : ImportSettings, optional
    dry_run : bool
        Say what would happen and change nothing.
    skip_bad_rows : bool
        Keep the good rows of a file that has bad ones; each row left out is told.
    changes_only : bool
        Keep of a file only rows that say something else than what stands, as from a workbook
        that was exported, edited and brought back. Cells of columns it lacks stay as they are.
    """
    known = {fact.subject for fact in workspace.imports()}
    chosen = settings or ImportSettings(as_of=as_of)
    chosen = replace(chosen, mappings=(*chosen.mappings, *mappings(workspace)))
    listed = list(files)
    loads: list[Loaded] = []
    for number, (name, content) in enumerate(listed):
        progress(f"read {name[:40]}", 0.6 * number / max(1, len(listed)))
        load = read_file(name, content, settings=chosen)
        loads.append(load.without_bad_rows() if skip_bad_rows else load)
    progress("check together", 0.6)
    standing = workspace.dataset(as_of=as_of) if changes_only or dry_run else None
    preview = (
        differences((load for load in loads if load.sha256 not in known), standing)
        if standing is not None
        else None
    )
    same: set[str] = set()
    if changes_only and standing is not None:
        fewer = [only_changes(load, standing) for load in loads]
        same = {b.sha256 for a, b in zip(loads, fewer, strict=True) if a.tables and not b.tables}
        loads = fewer
    fresh = _first_of_each(load for load in loads if load.sha256 not in known)
    dataset, refused, notes, changed = _fit_together(workspace, fresh)
    reports = tuple(_report(load, known, refused, fresh, same) for load in loads)
    if dry_run:
        return ImportReport(files=reports, notes=notes, dry_run=True, preview=preview)
    kept = [load for load in fresh if load.sha256 not in refused and load.tables]
    progress("keep", 0.7)
    workspace.denominate(dataset.setting("currency", "USD") or "USD")
    touched = set() if kept and not _unbooked(workspace) else set(BOOKED)
    for load in kept:
        _keep(workspace, load, actor=actor, as_of=as_of)
        touched.update(load.tables)
    if kept:
        names = [fact.subject for fact in workspace.imports()]
        workspace.keep_imported(names, dataset, changed=changed)
    progress("book", 0.8)
    written, already, short = (
        _book(workspace, dataset, touched, actor=actor, as_of=as_of)
        if kept or _unbooked(workspace)
        else (0, 0, ())
    )
    return ImportReport(
        files=reports,
        notes=notes,
        commands_written=written + len(kept),
        commands_known=already,
        refused_commands=short,
        preview=preview,
    )


def undo_last_import(workspace: Workspace, *, actor: str, as_of: date) -> list[str]:
    """Take back every file of the import made last that still stands; return their names.

    Raises
    ------
    NotFoundError
        If no imported file stands.
    """
    standing = {fact.seq: fact for fact in workspace.imports()}
    loads: list[list[Recorded]] = [[]]
    for fact in workspace.recorded(documents.FILE_LOADED, documents.IMPORTS_BOOKED):
        if fact.kind == documents.IMPORTS_BOOKED:
            loads.append([])
        elif fact.seq in standing:
            loads[-1].append(fact)
    last = next((files for files in reversed(loads) if files), None)
    if last is None:
        raise NotFoundError("no imported file stands, so there is nothing to take back")
    return [undo_import(workspace, fact.subject, actor=actor, as_of=as_of) for fact in last]


def undo_import(workspace: Workspace, sha256: str, *, actor: str, as_of: date) -> str:
    """Take an imported file back, by hash or its beginning; return its name.

    Its rows leave the tables; what was booked from it stays and is corrected by the next
    count or by reversing commands, because facts are never removed.

    Raises
    ------
    NotFoundError
        If no imported file has that hash.
    """
    found = [fact for fact in workspace.imports() if fact.subject.startswith(sha256)]
    if len(found) != 1:
        raise NotFoundError(f"{len(found)} imported files have a hash that begins with {sha256!r}")
    fact = found[0]
    workspace.journal.submit(
        events.record(
            key=f"undo-import:{fact.subject}:{fact.seq}",
            actor=actor,
            effective_at=at_noon(as_of),
            kind=documents.FILE_UNDONE,
            subject=fact.subject,
            body={"name": fact.body["name"]},
        )
    )
    return str(fact.body["name"])


def _first_of_each(loads: Iterable[Loaded]) -> list[Loaded]:
    seen: dict[str, Loaded] = {}
    for load in loads:
        seen.setdefault(load.sha256, load)
    return list(seen.values())


def _fit_together(
    workspace: Workspace, fresh: Sequence[Loaded]
) -> tuple[Dataset, dict[str, list[Problem]], tuple[Problem, ...], Set[str] | None]:
    """Return the tables of all files that fit together, and what stands against the others.

    Then what was noted, and which tables alone have changed where that is known.

    A file with an error in itself, or a row that refers to what no file brings, is left out
    whole; what then no longer fits is left out too, until the rest fits.
    """
    refused: dict[str, list[Problem]] = {load.sha256: [] for load in fresh if not load.accepted}
    while True:
        taken = [load for load in fresh if load.sha256 not in refused]
        dataset, found, told, changed = _together(workspace, taken)
        names = {load.name: load.sha256 for load in taken}
        bad: dict[str, list[Problem]] = {}
        for problem in found:
            sha256 = names.get(problem.file) or names.get(_workbook_of(problem.file))
            if problem.severity == "error" and sha256 is not None:
                bad.setdefault(sha256, []).append(problem)
        if not bad:
            own = {id(problem) for load in fresh for problem in load.problems}
            return dataset, refused, tuple(p for p in told if id(p) not in own), changed
        refused.update(bad)


def _together(
    workspace: Workspace, taken: Sequence[Loaded]
) -> tuple[Dataset, tuple[Problem, ...], tuple[Problem, ...], Set[str] | None]:
    """Return the tables with more files in them, what is wrong, what was noted, what changed."""
    extended = workspace.extended(taken)
    if extended is not None:
        return extended.dataset, extended.problems, extended.notes, set(extended.changed)
    tables, told = merge([*workspace.loads(), *taken])
    dataset, found = check_tables(tables)
    return dataset, found, told, None


def _workbook_of(name: str) -> str:
    """Return the workbook a row came from, without the sheet that stands behind it."""
    return name.rpartition("[")[0]


def _report(
    load: Loaded,
    known: set[str],
    refused: dict[str, list[Problem]],
    fresh: Sequence[Loaded],
    same: Set[str],
) -> FileReport:
    if load.sha256 in known or all(load is not other for other in fresh):
        status = "already_loaded"
    elif load.sha256 in refused:
        status = "refused"
    elif load.sha256 in same:
        status = "unchanged"
    else:
        status = "loaded" if load.tables else "not_used"
    kept = {name: frame.height for name, frame in load.tables.items()}
    return FileReport(
        name=load.name,
        kind=load.kind,
        status=status,
        understood=load.understood,
        rows_read=load.rows_read,
        rows_kept=kept if status == "loaded" else {},
        columns_kept=load.columns_kept,
        columns_missing=load.columns_missing,
        encoding=load.encoding,
        sha256=load.sha256,
        problems=(*load.problems, *refused.get(load.sha256, [])),
    )


def _keep(workspace: Workspace, load: Loaded, *, actor: str, as_of: date) -> None:
    """Keep the tables of a file, then state the fact that makes them count."""
    workspace.save_import(load.sha256, dict(load.tables))
    body = {
        "name": load.name,
        "kind": load.kind,
        "strength": load.strength,
        "rows": {name: frame.height for name, frame in load.tables.items()},
        "encoding": load.encoding,
    }
    again = sum(fact.subject == load.sha256 for fact in workspace.recorded(documents.FILE_LOADED))
    workspace.journal.submit(
        events.record(
            key=f"import:{load.sha256}:{again}",
            actor=actor,
            effective_at=at_noon(as_of),
            kind=documents.FILE_LOADED,
            subject=load.sha256,
            body=body,
        )
    )


def _unbooked(workspace: Workspace) -> bool:
    """Tell whether a file was kept and its booking stopped half way, as by a power cut."""
    told = workspace.recorded(documents.FILE_LOADED, documents.IMPORTS_BOOKED)
    return bool(told) and told[-1].kind == documents.FILE_LOADED


def _book(
    workspace: Workspace, dataset: Dataset, touched: Set[str], *, actor: str, as_of: date
) -> tuple[int, int, tuple[str, ...]]:
    """Write what the tables touched say happened; return how many were new, how many known."""
    currency = dataset.setting("currency", "USD") or "USD"
    journal = workspace.journal
    commands: Iterable[Command] = itertools.chain(
        stock_commands(dataset, journal, actor=actor, as_of=as_of, currency=currency)
        if touched & {"inventory", "supply_orders"}
        else (),
        settlement_commands(dataset, journal, actor=actor, currency=currency)
        if "settlements" in touched
        else (),
    )
    written = known = 0
    short: list[str] = []
    for batch in _batches(commands):
        # What is in the books stays as it was booked: a cost that changed since, or goods that
        # arrived since, do not rewrite it.
        with journal.reading():
            there = journal.log.known([command.key for command in batch])
        known += sum(command.key in there for command in batch)
        for receipt in journal.submit([c for c in batch if c.key not in there], wait=True):
            written += receipt.status == "ok"
            known += receipt.status == "duplicate"
            if not receipt.written:
                short.append(f"{receipt.key}: {receipt.status}, {receipt.reason}")
    _say_booked(workspace, actor=actor, as_of=as_of)
    return written, known, tuple(short)


def _say_booked(workspace: Workspace, *, actor: str, as_of: date) -> None:
    last = workspace.recorded(documents.FILE_LOADED)[-1]
    workspace.journal.submit(
        events.record(
            key=f"booked:{last.seq}",
            actor=actor,
            effective_at=at_noon(as_of),
            kind=documents.IMPORTS_BOOKED,
            subject=last.subject,
            body={},
        )
    )


def _batches(commands: Iterable[Command]) -> Iterable[tuple[Command, ...]]:
    waiting = iter(commands)
    while batch := tuple(itertools.islice(waiting, BATCH)):
        yield batch


def tables_for_export(dataset: Dataset) -> dict[str, pl.DataFrame]:
    """Return the tables that hold rows, in the order of the schema."""
    return {name: frame for name, frame in dataset.tables.items() if frame.height}
