"""What is wrong with people's data, said so that it can be mended.

Knows the shape of a problem and how a list of them is raised. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a table, a file or a row of it.

    Parameters
    ----------
    table : str
        Table or file in which it stands.
    message : str
        What was found, what was expected, what to do.
    code : str
        Kind of problem, a fixed word that programs can test.
    key : str
        Key of the row, as text; empty where the whole table is meant.
    column : str
        Column, empty where the whole row is meant.
    file : str
        File it came from, empty where there was none.
    row : int or None
        Row of the file, counted from 1 with the header as row 1.
    severity : {'error', 'warning', 'note'}
        An error stops the load; a warning and a note are told and kept.
    """

    table: str
    message: str
    code: str = "invalid"
    key: str = ""
    column: str = ""
    file: str = ""
    row: int | None = None
    severity: str = "error"

    def __str__(self) -> str:
        where = self.file or self.table
        if self.row is not None:
            where += f" row {self.row}"
        if self.key:
            where += f" [{self.key}]"
        if self.column:
            where += f".{self.column}" if self.row is None and not self.key else f" {self.column}"
        return f"{where}: {self.message}"


class FivefoldError(Exception):
    """Root of the errors that Fivefold raises on purpose."""


class DataError(FivefoldError):
    """Bad input, every problem of it collected.

    Attributes
    ----------
    problems : tuple of Problem
        All that was found, in order of file and row.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(str(problem) for problem in self.problems[:20])
        more = len(self.problems) - 20
        super().__init__(shown + (f"\n… and {more} more" if more > 0 else ""))


class ConflictError(FivefoldError):
    """The same key was used for another content."""


class NotFoundError(FivefoldError):
    """A name leads to nothing that is known."""


class IntegrityError(FivefoldError):
    """The books do not agree with themselves."""
