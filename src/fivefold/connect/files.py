"""From the bytes of a file to tables of the schema: what is it, and what is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath

import polars as pl

from fivefold.connect import excel
from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.readers import READERS
from fivefold.connect.amazon.report import ReportKind, report_kinds, typed_report
from fivefold.connect.findings import Findings
from fivefold.connect.loaded import MET, OWN, STATED, Loaded
from fivefold.connect.mapping import mapping_for
from fivefold.connect.rows import check_rows, conformed
from fivefold.connect.settings import ImportSettings
from fivefold.connect.tables import UNREADABLE, read_cells, read_parquet
from fivefold.connect.text import Sheet, folded, read_header, read_sheet
from fivefold.errors import Problem
from fivefold.model.schema import schema, table_names

#: Share of a header that must be known before a file is taken for that kind.
SURE_ENOUGH = 0.4
#: Reports that show a moment and do not say which; a day in the file's name does.
UNDATED = ("fba_inventory", "afn_inventory", "reserved_inventory", "restock", "estimated_fees")
_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a file is taken for.

    Parameters
    ----------
    kind : str
        `amazon:<report>`, `table:<name>`, `workbook`, or empty where it is not known.
    confidence : float
        From 0 to 1: share of what was found and of what was expected that agree.
    title : str
        Name a person reads.
    header : tuple of str
        As written; of a workbook the names of its sheets.
    alternatives : tuple of str
        Other kinds that fit as well.
    """

    kind: str
    confidence: float
    title: str = ""
    header: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()


def recognise(name: str, content: bytes) -> Recognition:
    r"""Return what a file is taken for, from its name and its header alone.

    >>> recognise("items.csv", b"item,title\nA,Mug\n").kind
    'table:items'
    >>> recognise("x.txt", b"sku\tfnsku\tafn-fulfillable-quantity\nA\tX\t1\n").kind
    'amazon:fba_inventory'
    """
    if content.startswith(b"PK\x03\x04"):
        return Recognition(kind="workbook", confidence=1.0, title="Excel workbook")
    if content.startswith(b"PAR1"):
        return _recognise_parquet(name, content)
    header = read_header(content)
    if header is None:
        return Recognition(kind="", confidence=0.0)
    return recognise_header(name, header)


def recognise_header(name: str, header: tuple[str, ...]) -> Recognition:
    """Return what a table with this header is taken for."""
    scored = sorted([*_table_scores(name, header), *_report_scores(name, header)], reverse=True)
    if not scored or scored[0][0] < SURE_ENOUGH:
        return Recognition(kind="", confidence=scored[0][0] if scored else 0.0, header=header)
    best, kind = scored[0]
    equal = tuple(other for score, other in scored[1:] if score > best - 0.02)
    return Recognition(
        kind=kind,
        confidence=min(1.0, best) / (1 + len(equal)),
        title=_title(kind),
        header=header,
        alternatives=equal,
    )


def _recognise_parquet(name: str, content: bytes) -> Recognition:
    try:
        header = tuple(pl.read_parquet_schema(content))
    except UNREADABLE:
        header = ()
    return recognise_header(name, header)


def _stem(name: str) -> str:
    return folded(PurePath(name.replace("\\", "/").replace("[", "/").rstrip("]")).stem)


def _table_scores(name: str, header: tuple[str, ...]) -> list[tuple[float, str]]:
    names = {folded(column) for column in header} - {""}
    found = []
    for table in table_names():
        known = schema(table)
        shared = names & set(known.names)
        if not shared:
            continue
        needed = {c.name for c in known.columns if c.required and not c.default}
        if _stem(name) == table:
            # A report may be called orders.txt, so a name alone is a weak hint.
            score = 2.0 if needed <= names else SURE_ENOUGH + 0.1 * len(shared) / len(names)
            found.append((score, f"table:{table}"))
            continue
        if not needed <= names:
            continue
        found.append((_agreement(len(shared), len(names), len(needed)), f"table:{table}"))
    return found


def _report_scores(name: str, header: tuple[str, ...]) -> list[tuple[float, str]]:
    names = {folded(column) for column in header} - {""}
    found = []
    for kind in report_kinds().values():
        matched = kind.matched(header)
        if not matched:
            continue
        have = {column.name for column in matched.values()}
        # Names of reports begin alike, so the longest one that fits counts.
        named = max(
            (len(word) for word in kind.report_types if word.lower() in name.lower()), default=0
        )
        needed = [column.name for column in kind.needed]
        if named:
            found.append(
                (
                    (1.5 if set(needed) <= have else SURE_ENOUGH) + named * 1e-3,
                    f"amazon:{kind.kind}",
                )
            )
        elif set(needed) <= have:
            # Without columns it needs, a report is known by most of those it has.
            expected = max(len(needed), min(4, len(kind.columns)))
            expected = expected if needed else max(3, len(kind.columns) * 2 // 3)
            score = _agreement(len(have), len(names), expected)
            # A report that is read with fewer columns of its own is the better fit.
            found.append((score - len(kind.columns) * 1e-5, f"amazon:{kind.kind}"))
    return found


def _agreement(shared: int, found: int, expected: int) -> float:
    """Return how much of what was found is known, less if little of it was found."""
    return shared / found * min(1.0, shared / max(1, expected))


def _title(kind: str) -> str:
    family, _, name = kind.partition(":")
    if family == "amazon":
        return f"Amazon: {report_kinds()[name].title}"
    return f"Table {name}" if family == "table" else ""


def read_names(name: str, content: bytes) -> list[tuple[str, ...]]:
    """Return the header of a file, or of each sheet of a workbook; none where it has none."""
    findings = Findings(name, "")
    if content.startswith(b"PK\x03\x04"):
        sheets = excel.read_sheets(content, ImportSettings().limits, findings)
        return [sheet.header for sheet in sheets.values()]
    header = recognise(name, content).header
    return [header] if header else []


def read_file(name: str, content: bytes, *, settings: ImportSettings | None = None) -> Loaded:
    r"""Return the tables of one file and every problem found in it.

    Bytes in, never a path. The same bytes always give the same answer.

    Parameters
    ----------
    name : str
        Name of the file, for messages and as a hint of its kind.
    content : bytes
    settings : ImportSettings or None
        What no file says; the defaults where None.

    Examples
    --------
    >>> loaded = read_file("items.csv", b"item,unit_cost\nA,1O\n")
    >>> loaded.accepted, str(loaded.problems[0])
    (False, "items.csv row 2 unit_cost: '1O' is not a number. Did you mean 10?")
    """
    settings = settings or ImportSettings()
    seen = recognise(name, content)
    findings = Findings(name, seen.kind.partition(":")[2])
    if seen.kind == "workbook":
        loaded = _read_workbook(name, content, settings, findings)
    elif content.startswith(b"PAR1"):
        loaded = _read_parquet(name, content, seen, settings, findings)
    else:
        sheet = read_sheet(content, settings.limits, findings)
        loaded = (
            _refused(name, seen, findings)
            if sheet is None
            else _read_sheet(name, sheet, seen, settings, findings)
        )
    return replace(loaded, sha256=hashlib.sha256(content).hexdigest())


def _refused(name: str, seen: Recognition, findings: Findings) -> Loaded:
    return Loaded(
        name=name,
        kind=seen.kind,
        header=seen.header,
        problems=findings.problems,
        understood=f"{name}: not read",
    )


def _read_sheet(
    name: str,
    sheet: Sheet,
    seen: Recognition,
    settings: ImportSettings,
    findings: Findings,
    *,
    escaped: bool = True,
) -> Loaded:
    """Return the tables of one sheet of text cells."""
    seen = seen if seen.header == sheet.header else recognise_header(name, sheet.header)
    mapping = mapping_for(sheet.header, settings.mappings)
    if mapping is not None:
        seen = Recognition(kind=f"table:{mapping.table}", confidence=1.0, header=sheet.header)
        sheet = mapping.renamed(sheet)
    family, _, kind = seen.kind.partition(":")
    findings.table = kind or name
    if family == "amazon":
        return _read_report(name, sheet, report_kinds()[kind], settings, findings)
    if family != "table" or seen.alternatives:
        _say_unknown(seen, findings)
        return replace(
            _refused(name, seen, findings), header=sheet.header, rows_read=sheet.cells.height
        )
    read = read_cells(schema(kind), sheet, findings, escaped=escaped)
    return _loaded(
        name,
        seen.kind,
        {kind: read.frame},
        findings,
        strength=OWN,
        rows_read=sheet.cells.height,
        columns_understood=read.understood,
        columns_kept=read.kept,
        columns_missing=read.missing,
        columns_written={kind: read.understood},
        header=seen.header,
        encoding=sheet.encoding,
    )


def _say_unknown(seen: Recognition, findings: Findings) -> None:
    if seen.alternatives:
        kinds = ", ".join(sorted(_title(kind) for kind in (seen.kind, *seen.alternatives)))
        findings.say(
            "ambiguous_kind",
            f"the header fits more than one kind: {kinds}; name the file after its table",
            row=1,
        )
        return
    findings.say(
        "unknown_kind",
        "the header is neither that of a known Seller Central report nor of a table of Fivefold; "
        f"found the columns {', '.join(seen.header[:8]) or '(none)'}; name the file after its "
        "table, use the template, or say what its columns are (`fivefold map`)",
        row=1,
    )


def _dated(
    name: str, kind: ReportKind, settings: ImportSettings, findings: Findings
) -> ImportSettings:
    """Return settings with the day that the file's name states, if the report has none."""
    if kind.kind not in UNDATED:
        return settings
    found = _DAY_IN_NAME.findall(PurePath(name.replace("\\", "/")).name)
    if not found:
        return settings
    try:
        day = date(*map(int, found[-1]))
    except ValueError:
        return settings
    if settings.as_of is not None and day >= settings.as_of:
        return settings
    findings.say(
        "day_from_name",
        f"the report has no date of its own and is taken as of {day}, as its name says",
        severity="note",
    )
    return replace(settings, as_of=day)


def _read_report(
    name: str, sheet: Sheet, kind: ReportKind, settings: ImportSettings, findings: Findings
) -> Loaded:
    if kind.kind not in READERS:
        findings.say(
            "not_used",
            f"this is the report {kind.title}, which Fivefold does not use; nothing was imported",
            severity="warning",
        )
        return Loaded(
            name=name,
            kind=f"amazon:{kind.kind}",
            problems=findings.problems,
            rows_read=sheet.cells.height,
            header=sheet.header,
            encoding=sheet.encoding,
            understood=f"{kind.title}: recognised and not used",
        )
    settings = _dated(name, kind, settings, findings)
    report = typed_report(kind, sheet, settings, findings)
    tables: dict[str, pl.DataFrame] = {}
    if report is not None:
        made = READERS[kind.kind](report)
        if "locations" in made:
            made["calendars"] = discovered.calendars(made["locations"])
        for table, frame in made.items():
            if frame.height:
                typed = conformed(schema(table), frame)
                check_rows(schema(table), typed, findings)
                tables[table] = typed
        bad = sorted(findings.bad_rows)
        tables = {n: f.filter(~pl.col("_row").is_in(bad)) for n, f in tables.items()}
    return _loaded(
        name,
        f"amazon:{kind.kind}",
        tables,
        findings,
        strength=MET if kind.kind == "all_orders" else STATED,
        rows_read=sheet.cells.height,
        columns_understood=report.understood if report else (),
        columns_kept=report.kept if report else (),
        columns_missing=report.missing if report else (),
        header=sheet.header,
        encoding=sheet.encoding,
    )


def _loaded(
    name: str,
    kind: str,
    tables: dict[str, pl.DataFrame],
    findings: Findings,
    *,
    strength: int,
    **facts: object,
) -> Loaded:
    marked = {
        table: frame.with_columns(_file=pl.lit(name))
        for table, frame in tables.items()
        if frame.height
    }
    counts = ", ".join(f"{frame.height:,} {table}" for table, frame in marked.items())
    return Loaded(
        name=name,
        kind=kind,
        tables={} if findings.has_errors else marked,
        readable=marked,
        problems=findings.problems,
        understood=f"{_title(kind)}: {counts or 'no rows'}",
        strength=strength,
        **facts,  # type: ignore[arg-type]
    )


def _read_parquet(
    name: str, content: bytes, seen: Recognition, settings: ImportSettings, findings: Findings
) -> Loaded:
    family, _, kind = seen.kind.partition(":")
    if family != "table" or seen.alternatives:
        if seen.header:
            _say_unknown(seen, findings)
        else:
            findings.say("broken_file", "the file is not readable as Parquet; write it again")
        return _refused(name, seen, findings)
    read = read_parquet(schema(kind), content, settings.limits, findings)
    if read is None:
        return _refused(name, seen, findings)
    return _loaded(
        name,
        seen.kind,
        {kind: read.frame},
        findings,
        strength=OWN,
        rows_read=read.frame.height,
        columns_understood=read.understood,
        columns_kept=read.kept,
        columns_missing=read.missing,
        columns_written={kind: read.understood},
        header=seen.header,
        encoding="Parquet",
    )


def _read_workbook(
    name: str, content: bytes, settings: ImportSettings, findings: Findings
) -> Loaded:
    """Return the tables of all sheets of a workbook; sheets that explain are passed over."""
    sheets = excel.read_sheets(content, settings.limits, findings)
    parts: list[Loaded] = []
    for sheet_name, sheet in sheets.items():
        part_name = f"{name}[{sheet_name}]"
        parts.append(
            _read_sheet(
                part_name,
                sheet,
                recognise_header(part_name, sheet.header),
                settings,
                Findings(part_name, sheet_name),
                escaped=False,
            )
        )
    problems: tuple[Problem, ...] = findings.problems + tuple(
        problem for part in parts for problem in part.problems
    )
    tables: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        for table, frame in part.readable.items():
            tables.setdefault(table, []).append(frame)
    readable: Mapping[str, pl.DataFrame] = {
        table: pl.concat(frames, how="diagonal_relaxed") for table, frames in tables.items()
    }
    fit = all(problem.severity != "error" for problem in problems)
    return Loaded(
        name=name,
        kind="workbook",
        tables=readable if fit else {},
        readable=readable,
        problems=problems,
        rows_read=sum(part.rows_read for part in parts),
        columns_understood=tuple(c for part in parts for c in part.columns_understood),
        columns_kept=tuple(c for part in parts for c in part.columns_kept),
        columns_missing=(),
        columns_written={
            table: names for part in parts for table, names in part.columns_written.items()
        },
        header=tuple(sheets),
        encoding="Excel workbook",
        understood="Excel workbook: "
        + (", ".join(f"{f.height:,} {t}" for t, f in readable.items()) or "no rows"),
        strength=max((part.strength for part in parts), default=STATED),
    )
