"""A marketplace report as its header describes it: columns by name, typed, with their rows.

Which columns a report has and what they are stands in `columns.csv`; which reports there are
in `reports.csv`. Order, case and punctuation of a header do not matter, unknown columns are
kept, and every column may be missing except the few without which a row means nothing.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

from fivefold.connect.cells import typed_column
from fivefold.connect.findings import Findings
from fivefold.connect.settings import ImportSettings
from fivefold.connect.text import Sheet, folded
from fivefold.model.schema import polars_type

#: Columns that name a person or say where one lives; no plan needs them.
_PRIVATE = re.compile(r"^(buyer|recipient|rater|bill)_|^ship_(address|phone)|(^|_)(phone|e_?mail)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumn:
    """One column of a report.

    `use` is required (no row means anything without it), required_column (it must be there and
    may be empty), used, kept (carried along as text) or private (a person's data, dropped).
    """

    name: str
    type: str
    use: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKind:
    """A kind of report: its marketplace names, its title, the tables it feeds, its columns."""

    kind: str
    report_types: tuple[str, ...]
    title: str
    tables: tuple[str, ...]
    columns: tuple[ReportColumn, ...]

    @property
    def needed(self) -> tuple[ReportColumn, ...]:
        """Columns without which it is another report, or none."""
        return tuple(column for column in self.columns if column.use.startswith("required"))

    def matched(self, header: tuple[str, ...]) -> dict[int, ReportColumn]:
        """Return which place of the header holds which column; the first of a name counts."""
        by_name = {column.name: column for column in self.columns}
        for column in self.columns:
            for alias in column.aliases:
                by_name.setdefault(alias, column)
        found: dict[int, ReportColumn] = {}
        taken: set[str] = set()
        for place, name in enumerate(header):
            named = by_name.get(folded(name))
            if named is not None and named.name not in taken:
                found[place] = named
                taken.add(named.name)
        return found


@cache
def report_kinds() -> dict[str, ReportKind]:
    """Return every kind of report that is known, by name."""
    columns: dict[str, list[ReportColumn]] = {}
    for row in _data("columns.csv"):
        columns.setdefault(row["kind"], []).append(
            ReportColumn(
                name=row["column"],
                type=row["type"],
                use=row["use"],
                aliases=tuple(name for name in row["aliases"].split("|") if name),
            )
        )
    return {
        row["kind"]: ReportKind(
            kind=row["kind"],
            report_types=tuple(row["report_types"].split()),
            title=row["title"],
            tables=tuple(row["tables"].split()),
            columns=tuple(columns[row["kind"]]),
        )
        for row in _data("reports.csv")
    }


def _data(name: str) -> list[dict[str, str]]:
    text = (files("fivefold.connect.amazon") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The rows of a report, typed.

    Parameters
    ----------
    frame : polars.DataFrame
        Every used column of the kind under its folded name, null where the file has none,
        `extra_<name>` for what is kept, and `_row`.
    present : frozenset of str
        Used columns that the file has.
    """

    kind: ReportKind
    frame: pl.DataFrame
    present: frozenset[str]
    understood: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]
    settings: ImportSettings
    findings: Findings

    @property
    def extras(self) -> list[str]:
        """Names of the columns that are carried along."""
        return [name for name in self.frame.columns if name.startswith("extra_")]


def typed_report(
    kind: ReportKind, sheet: Sheet, settings: ImportSettings, findings: Findings
) -> Report | None:
    """Return the report's rows; None where a column is missing that it cannot do without."""
    matched = kind.matched(sheet.header)
    found = {column.name: place for place, column in matched.items()}
    lost = [column.name for column in kind.needed if column.name not in found]
    if lost:
        findings.say(
            "missing_column",
            f"the header has no column {', '.join(lost)}; download the report again with all its "
            "columns",
            row=1,
        )
        return None
    columns = [sheet.cells["_row"]]
    for column in kind.columns:
        if column.use in ("kept", "private"):
            continue
        if column.name not in found:
            empty = pl.Series(column.name, [None], dtype=polars_type(column.type))
            columns.append(empty.new_from_index(0, sheet.cells.height))
            continue
        place = found[column.name]
        columns.append(
            typed_column(
                sheet.cells[f"c{place}"],
                column.type,
                rows=sheet.cells["_row"],
                column=sheet.header[place],
                findings=findings,
                order=settings.date_order,
            ).alias(column.name)
        )
    extras, kept = _extras(sheet, matched, findings)
    frame = pl.DataFrame([*columns, *extras])
    for column in kind.needed:
        if column.use == "required":
            empty_rows = frame.filter(
                pl.col(column.name).is_null() & ~pl.col("_row").is_in(sorted(findings.bad_rows))
            )
            findings.say_frame(
                "missing",
                empty_rows,
                column.name,
                lambda _value: "is empty; the row means nothing without it, correct or delete it",
                column=sheet.header[found[column.name]],
            )
    used = {c.name for c in kind.columns if c.use not in ("kept", "private")}
    return Report(
        kind=kind,
        frame=frame.filter(~pl.col("_row").is_in(sorted(findings.bad_rows))),
        present=frozenset(used & set(found)),
        understood=tuple(sheet.header[place] for place, c in matched.items() if c.name in used),
        kept=kept,
        missing=tuple(sorted(used - set(found))),
        settings=settings,
        findings=findings,
    )


def _extras(
    sheet: Sheet, matched: dict[int, ReportColumn], findings: Findings
) -> tuple[list[pl.Series], tuple[str, ...]]:
    """Return the columns to carry along; those with people's data and empty ones are left."""
    extras: dict[str, pl.Series] = {}
    kept: list[str] = []
    private: list[str] = []
    for place, name in enumerate(sheet.header):
        column = matched.get(place)
        if column is not None and column.use not in ("kept", "private"):
            continue
        values = sheet.cells[f"c{place}"]
        if values.null_count() == len(values):
            continue
        if _PRIVATE.search(folded(name)) or (column is not None and column.use == "private"):
            private.append(name)
            continue
        target = f"extra_{folded(name) or place + 1}"
        if target in extras:
            target = f"{target}_{place + 1}"
        extras[target] = values.alias(target)
        kept.append(name)
    if private:
        findings.say(
            "private_data",
            f"columns {', '.join(private)} hold people's data and were not kept",
            severity="note",
        )
    return list(extras.values()), tuple(kept)
