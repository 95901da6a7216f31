"""HTML built from values that are escaped on their way in.

Everything is `markupsafe.Markup`: whatever is formatted into it is escaped unless it is Markup
itself, so a name such as ``<script>`` never becomes a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from fivefold.web.drawing import MARKS, Figure

#: Width of a chart beside another, alone, and on a telephone, in pixels.
WIDE, FULL, NARROW = 560, 1000, 318


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand to the right."""

    name: str
    numeric: bool = False


def join(parts: Iterable[object]) -> Markup:
    """Return parts one after another, escaped where they are not Markup."""
    return Markup("").join(escape(part) for part in parts)


def chart(make: Callable[[int], Figure], *, wide: int = WIDE, caption: str = "") -> Markup:
    """Return a chart drawn twice, for a wide page and for a telephone; one of them is shown."""
    told = Markup("<figcaption>{}</figcaption>").format(caption) if caption else Markup("")
    return Markup(
        '<figure><div class="wide">{}</div><div class="narrow">{}</div>{}</figure>'
    ).format(Markup(make(wide).svg), Markup(make(NARROW).svg), told)


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    *,
    caption: str,
    stacked: bool = False,
    more: Markup | str = "",
) -> Markup:
    """Return a table; its first column heads each row.

    Parameters
    ----------
    columns, rows
        Cells are escaped unless they are Markup.
    caption : str
        What the table shows; read out, not seen.
    stacked : bool
        On a telephone each row becomes a card; else the table scrolls sideways.
    more : str
        How many rows are not shown and where they are.
    """
    if not rows:
        return Markup("")
    heads = join(
        Markup('<th scope="col" role="columnheader"{}>{}</th>').format(_side(c), c.name)
        for c in columns
    )
    body = join(_row(columns, row) for row in rows)
    drawn = Markup(
        '<table role="table"{}><caption>{}</caption><thead role="rowgroup"><tr role="row">{}</tr>'
        '</thead><tbody role="rowgroup">{}</tbody></table>'
    ).format(Markup(' class="stack"') if stacked else "", caption, heads, body)
    frame = (
        Markup('<div class="table">{}</div>')
        if stacked
        else Markup(
            '<div class="table scroll" tabindex="0" role="region" aria-label="{1}">{0}</div>'
        )
    )
    after = Markup('<p class="more">{}</p>').format(more) if more else Markup("")
    return frame.format(drawn, caption) + after


def _row(columns: Sequence[Column], row: Sequence[object]) -> Markup:
    cells = [Markup('<th scope="row" role="rowheader">{}</th>').format(row[0])]
    for column, value in zip(columns[1:], row[1:], strict=True):
        cells.append(
            Markup('<td role="cell" data-label="{}"{}>{}</td>').format(
                column.name, _side(column), value
            )
        )
    return Markup('<tr role="row">{}</tr>').format(join(cells))


def _side(column: Column) -> Markup:
    return Markup(' class="n"') if column.numeric else Markup("")


def mark(status: str, words: str = "") -> Markup:
    """Return a status with its shape and colour."""
    token, shape = MARKS[status]
    return Markup('<span class="mark {}"><span aria-hidden="true">{}</span> {}</span>').format(
        token, shape, words or status
    )


def verdict(words: str, token: str, shape: str) -> Markup:
    """Return a word with a shape in a colour."""
    return Markup('<span class="mark {}"><span aria-hidden="true">{}</span> {}</span>').format(
        token, shape, words
    )


def section(name: str, title: str, lead: object, *parts: Markup) -> Markup:
    """Return a chapter with its heading, a sentence that says the most, and its parts."""
    said = Markup('<p class="lead">{}</p>').format(lead) if lead else Markup("")
    return Markup(
        '<section id="{}" aria-labelledby="{}-h"><h2 id="{}-h">{}</h2>{}{}</section>'
    ).format(name, name, name, title, said, join(parts))


def card(title: str, *parts: object, note: object = "") -> Markup:
    """Return a box with a heading of the third level."""
    told = Markup('<p class="note">{}</p>').format(note) if note else Markup("")
    return Markup('<div class="card"><h3>{}</h3>{}{}</div>').format(title, told, join(parts))


def pair(*parts: Markup) -> Markup:
    """Return boxes side by side where there is room."""
    return Markup('<div class="pair">{}</div>').format(join(parts))


def bullets(lines: Iterable[object]) -> Markup:
    """Return a list of sentences; nothing where there are none."""
    items = join(Markup("<li>{}</li>").format(line) for line in lines)
    return Markup('<ul class="sentences">{}</ul>').format(items) if items else Markup("")


def folded(summary: object, *parts: object) -> Markup:
    """Return what opens on a click."""
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, join(parts))


def code(words: str) -> Markup:
    """Return words in a fixed-width face."""
    return Markup("<code>{}</code>").format(words)


def where(hidden: int, noun: str, command: str, *, worth: str = "") -> Markup:
    """Return how many more there are and the command that lists them."""
    listed = code(f"fivefold show {command}")
    if hidden <= 0:
        return Markup("All are shown; {} lists them with every column.").format(listed)
    told = f"{hidden:,} more {noun}{f', {worth}' if worth else ''}"
    return Markup("{}; {} lists them all.").format(told, listed)
