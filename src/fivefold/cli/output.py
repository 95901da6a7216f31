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
    """Return where tables are printed; 80 columns where there is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 100, highlight=False)


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
) -> None:
    """Print records as a table, numbers to the right, telling how many more there are."""
    from rich.markup import escape
    from rich.table import Table

    if not records:
        out.print(f"[dim]{title}: none[/dim]")
        return
    names = list(columns or records[0])
    drawn = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )
    for name in names:
        numeric = any(
            isinstance(record.get(name), int | float) and not isinstance(record.get(name), bool)
            for record in records
        )
        drawn.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for record in records[:most]:
        # A name in brackets is no mark-up.
        drawn.add_row(*(escape(cell(record.get(name))) for name in names))
    out.print(drawn)
    if len(records) > most:
        out.print(f"[dim]… and {len(records) - most:,} more[/dim]")


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
