"""Data on stdout, progress on stderr; the same answer as a table or as JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from fivefold.errors import Problem

SCHEMA_VERSION = 1

DONE = 0
INFEASIBLE = 1
USAGE = 2
BAD_DATA = 3


def console(*, stderr: bool = False) -> Console:
    """Return where tables are printed; `COLUMNS` or 80 wide where there is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def emit(payload: dict[str, Any], *, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print the answer: JSON with its schema version, or what `show` draws."""
    if as_json:
        answer = finite({"schema_version": SCHEMA_VERSION, **payload})
        print(json.dumps(answer, default=plain, indent=1, allow_nan=False))
    else:
        show(console())


def finite(value: object) -> object:
    """Return a value with null for every number JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: object) -> object:
    """Return a value JSON can hold."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, frozenset | set | tuple):
        return list(value)
    return str(value)


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of records."""
    return frame.to_dicts()


def cell(value: object) -> str:
    """Return a value as a person reads it; absent is a dash, never a zero."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value != value:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def table(
    out: Console,
    title: str,
    records: Sequence[dict[str, Any]],
    *,
    columns: Sequence[str] | None = None,
    most: int = 20,
    total: int | None = None,
) -> None:
    """Print records as a table, numbers to the right, telling how many more there are.

    `total` is how many there are where `records` holds only the first of them.
    Nothing but sentences is broken over lines: a column that does not fit is left out and named.
    """
    from rich.markup import escape
    from rich.table import Table

    if not records:
        out.print(f"[dim]{title}: none[/dim]")
        return
    names = list(columns or records[0])
    told = {name: [cell(record.get(name)) for record in records[:most]] for name in names}
    fitting = _fitting(told, out.width)
    drawn = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name, width in fitting.items():
        numeric = any(
            isinstance(record.get(name), int | float) and not isinstance(record.get(name), bool)
            for record in records
        )
        drawn.add_column(
            name.replace("_", " "), justify="right" if numeric else "left", width=width
        )
    for row in zip(*(told[name] for name in fitting), strict=True):
        # A name in brackets is no mark-up.
        drawn.add_row(*(escape(value) for value in row))
    out.print(drawn)
    if (total or len(records)) > most:
        out.print(f"[dim]… and {(total or len(records)) - most:,} more[/dim]")
    if left_out := [name.replace("_", " ") for name in names if name not in fitting]:
        out.print(f"[dim]Not shown for want of width: {', '.join(left_out)}.[/dim]")


#: Least characters a column of sentences is drawn to, where there is no room for more.
_SENTENCE = 24


def _fitting(told: dict[str, list[str]], room: int) -> dict[str, int]:
    """Return the columns that fit into `room` characters, each with its width.

    The first always fits, and what explains the row (`text`) comes before what is only beside
    it. Room that is left goes to sentences, then to headings.
    """
    longest = {name: max(len(value) for value in cells) for name, cells in told.items()}
    first = next(iter(told))
    wraps = {
        name
        for name, cells in told.items()
        if name != first and longest[name] > _SENTENCE and any(" " in value for value in cells)
    }
    least = {
        name: max(
            max(len(word) for word in name.split("_")),
            _SENTENCE if name in wraps else longest[name],
        )
        for name in told
    }
    kept = {first}
    for name in sorted(told, key=lambda one: one != "text"):
        if sum(least[one] + 1 for one in kept | {name}) <= room:
            kept.add(name)
    widths = {name: least[name] for name in told if name in kept}
    wanted = {name: longest[name] for name in widths if name in wraps}
    for wish in (wanted, {name: len(name) for name in widths}):
        for name, width in wish.items():
            left = room - sum(widths.values()) - len(widths)
            widths[name] += max(0, min(width - widths[name], left))
    return widths


def problems_table(out: Console, problems: Sequence[Problem], *, most: int = 15) -> None:
    """Print what is wrong with people's data, each with its place."""
    from rich.markup import escape

    marks = {"error": "[red]✗[/red]", "warning": "[yellow]![/yellow]", "note": "[dim]·[/dim]"}
    for problem in problems[:most]:
        mark = marks.get(problem.severity, "·")
        out.print(f"{mark} {escape(str(problem))}", soft_wrap=True, markup=True)
    if len(problems) > most:
        out.print(f"[dim]… and {len(problems) - most:,} more[/dim]")


def problem_record(problem: Problem) -> dict[str, object]:
    """Return a problem as a record."""
    from dataclasses import asdict

    return asdict(problem)


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that tells a step and its share on stderr; nothing where quiet."""
    if quiet or not sys.stderr.isatty():
        last = ""

        def tell_line(step: str, share: float) -> None:
            nonlocal last
            if not quiet and step != last:
                print(f"  {share:4.0%} {step}", file=sys.stderr, flush=True)
                last = step

        yield tell_line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def tell_bar(step: str, share: float) -> None:
            bar.update(task, description=step, completed=share)

        yield tell_bar
