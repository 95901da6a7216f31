"""Collects what is wrong with a file, each finding with its row, none repeated without end."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from fivefold.errors import Problem

#: Findings of one code in one column that are listed one by one; the rest are counted.
SHOWN_PER_RULE = 50
#: Characters of a cell that a message repeats.
SHOWN_CHARACTERS = 40


def shown(value: object) -> str:
    """Return a value as a message repeats it: quoted, and not longer than a line bears.

    >>> shown("1O"), len(shown("x" * 1000))
    ("'1O'", 43)
    """
    text = str(value)
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


class Findings:
    """The problems of one file, in the order found.

    Parameters
    ----------
    file : str
        Name of the file.
    table : str
        What the file is taken for, once that is known.

    Attributes
    ----------
    bad_rows : set of int
        Every row with an error, those not listed one by one included.
    """

    def __init__(self, file: str, table: str = "") -> None:
        self.file = file
        self.table = table or file
        self.bad_rows: set[int] = set()
        self._found: list[Problem] = []

    def say(
        self,
        code: str,
        message: str,
        *,
        row: int | None = None,
        column: str = "",
        key: str = "",
        severity: str = "error",
    ) -> None:
        """Add one finding."""
        if severity == "error" and row is not None:
            self.bad_rows.add(row)
        self._found.append(
            Problem(
                table=self.table,
                file=self.file,
                code=code,
                message=message,
                row=row,
                column=column,
                key=key,
                severity=severity,
            )
        )

    def say_rows(
        self,
        code: str,
        rows: list[int],
        values: list[object],
        message: Callable[[object], str],
        *,
        column: str = "",
        severity: str = "error",
    ) -> None:
        """Add a finding for each row, the first ones by name and the rest as a count."""
        if severity == "error":
            self.bad_rows.update(rows)
        for row, value in zip(rows[:SHOWN_PER_RULE], values[:SHOWN_PER_RULE], strict=True):
            self.say(code, message(value), row=row, column=column, severity=severity)
        if len(rows) > SHOWN_PER_RULE:
            more = len(rows) - SHOWN_PER_RULE
            last = rows[-1]
            self.say(
                code,
                f"and {more:,} more rows with the same problem, the last one row {last}",
                column=column,
                severity=severity,
            )

    def say_frame(
        self,
        code: str,
        bad: pl.DataFrame,
        value_column: str,
        message: Callable[[object], str],
        *,
        column: str = "",
        severity: str = "error",
    ) -> None:
        """Add a finding for each row of `bad`, whose file row stands in `_row`."""
        if bad.height:
            self.say_rows(
                code,
                bad["_row"].to_list(),
                bad[value_column].to_list(),
                message,
                column=column,
                severity=severity,
            )

    @property
    def has_errors(self) -> bool:
        """Whether anything found stops the load."""
        return any(problem.severity == "error" for problem in self._found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was found."""
        return tuple(self._found)
