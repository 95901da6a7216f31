"""What became of one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from fivefold.errors import Problem

#: Strength of what a person wrote, of what a report states, of what was merely met there.
OWN, STATED, MET = 3, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file, read: its tables, and everything that is to be said about it.

    A file with an error gives no tables, so nothing is half imported; `readable` still holds
    the rows that could be read, for a preview or for `without_bad_rows`.

    Parameters
    ----------
    name : str
        Name of the file.
    kind : str
        `amazon:<report>`, `table:<name>`, `workbook`, or empty where it is not known.
    tables, readable : mapping of str to polars.DataFrame
        By schema name. Besides the schema's columns each has `_file` and `_row`, and unknown
        columns under their own name (a report's under `extra_<name>`).
    problems : tuple of Problem
        Errors, warnings and notes, in the order found.
    rows_read : int
        Rows of the file below its header.
    columns_understood, columns_kept, columns_missing : tuple of str
        Columns that were used, that were kept without being understood, and that the kind of
        file usually has.
    columns_written : mapping of str to tuple of str
        By table, the columns of the schema that the file has.
    header : tuple of str
        As written.
    encoding, sha256, understood : str
        Encoding found, hash of the bytes, and one sentence on what was understood.
    strength : int
        `OWN`, `STATED` or `MET`: who speaks with more right where two files differ.
    """

    name: str
    kind: str
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    readable: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    rows_read: int = 0
    columns_understood: tuple[str, ...] = ()
    columns_kept: tuple[str, ...] = ()
    columns_missing: tuple[str, ...] = ()
    columns_written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    encoding: str = ""
    sha256: str = ""
    understood: str = ""
    strength: int = STATED

    @property
    def accepted(self) -> bool:
        """Whether nothing stands against importing the file."""
        return all(problem.severity != "error" for problem in self.problems)

    def without_bad_rows(self) -> Loaded:
        """Return this file as if the rows in trouble had not stood in it.

        A person's choice: the errors remain as warnings, so that it can be seen what was left
        out. A file that could not be read at all stays without tables, and its errors stay.
        """
        if self.accepted or not self.readable:
            return self
        told = tuple(
            replace(problem, severity="warning", message=f"{problem.message} (row left out)")
            if problem.severity == "error" and (problem.row or 0) > 1
            else problem
            for problem in self.problems
        )
        # What counts the rows beyond those listed has no row of its own.
        counted = tuple(
            replace(problem, severity="warning")
            if problem.severity == "error" and problem.message.startswith("and ")
            else problem
            for problem in told
        )
        fit = all(problem.severity != "error" for problem in counted)
        return replace(self, tables=self.readable if fit else {}, problems=counted)
