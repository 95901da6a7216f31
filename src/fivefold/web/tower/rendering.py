"""Pages from templates: the frame, the figures in them, and the files a browser needs."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fivefold.web import words
from fivefold.web.drawing import MARKS, Figure
from fivefold.web.tower import grids

#: Files of the folder `static`, with their media type.
STATIC = {
    "tower.css": "text/css; charset=utf-8",
    "tower.js": "text/javascript; charset=utf-8",
    "grid.js": "text/javascript; charset=utf-8",
    "drop.js": "text/javascript; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "login.js": "text/javascript; charset=utf-8",
    "logo.svg": "image/svg+xml",
}
#: Rooms in the order of the rail: address, title, icon as the d of a path of 24 by 24.
ROOMS: tuple[tuple[str, str, str], ...] = (
    ("/", "Home", "M4 11l8-7 8 7v9h-5v-6H9v6H4z"),
    ("/demand", "Demand", "M3 17l5-6 4 4 4-8 5 5M3 21h18"),
    (
        "/supply",
        "Supply",
        "M3 7h11v10H3zM14 10h4l3 4v3h-7zM7 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
        "M17 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
    ),
    ("/make", "Make", "M3 21V11l5 3v-3l5 3v-3l4 2V4h4v17z"),
    ("/inventory", "Inventory", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"),
    ("/orders", "Orders", "M6 3h9l3 3v15H6zM9 10h6M9 14h6M9 18h3"),
    (
        "/network",
        "Network",
        "M5 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM19 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
        "M9 21a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
        "M7 5.4l10 2M5.7 7l2.6 10M17.6 9.6L10.5 17.6",
    ),
    ("/building", "Building", "M3 21V9l9-5 9 5v12M7 21v-8h10v8M7 17h10"),
    ("/routes", "Routes", "M6 21V9a4 4 0 0 1 8 0v6a3 3 0 0 0 6 0V5M4 21h4M18 5h4"),
    ("/returns", "Returns", "M9 6L4 11l5 5M4 11h10a6 6 0 0 1 6 6v2"),
    ("/sop", "S&OP", "M5 21V10M12 21V4M19 21v-8M3 21h18"),
    (
        "/portfolio",
        "Portfolio",
        "M7 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM17 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
        "M16 20a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
    ),
    ("/books", "Books", "M4 5a2 2 0 0 1 2-2h14v18H6a2 2 0 0 1-2-2zM4 17a2 2 0 0 1 2-2h14M9 7h7"),
    ("/data", "Data", "M12 15V4M8 8l4-4 4 4M4 15v5h16v-5"),
    ("/jobs", "Jobs", "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2"),
)


@cache
def static_file(name: str) -> bytes:
    """Return a file a browser needs.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    if name not in STATIC:
        raise KeyError(name)
    return files("fivefold.web.tower").joinpath("static", name).read_bytes()


@cache
def packed_file(name: str) -> bytes:
    """Return the same file as gzip."""
    return gzip.compress(static_file(name), 6, mtime=0)


@cache
def version() -> str:
    """Return a word that changes when one of the files does; it stands in their addresses."""
    digest = hashlib.sha256(b"".join(static_file(name) for name in sorted(STATIC)))
    return digest.hexdigest()[:10]


def chart(make: Callable[[int], Figure], *, wide: int = 560, narrow: int = 330) -> Markup:
    """Return a chart drawn for a wide page and for a telephone; one of them is shown."""
    return Markup(
        '<div class="chartbox only-wide">{}</div><div class="chartbox only-narrow">{}</div>'
    ).format(_svg(make(wide)), _svg(make(narrow)))


def _svg(figure: Figure) -> Markup:
    # What a drawing says of its own size in a style stands in the style sheet here.
    return Markup(figure.svg.replace(' style="max-width:100%;height:auto"', ""))


def mark(status: str, said: str = "") -> Markup:
    """Return a status as shape, colour and words."""
    token, shape = MARKS[status]
    return Markup('<span class="mark {}"><i aria-hidden="true">{}</i>{}</span>').format(
        token, shape, said or status
    )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("fivefold.web.tower", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        money=words.money,
        number=words.number,
        share=words.share,
        day=words.day,
        short_day=words.short_day,
        moment=words.moment,
        signed=words.signed,
        plain=words.plain_name,
        many=words.many,
        text=words.text,
        said=words.said,
        slack=words.slack,
        pegged=words.pegged,
        shown=lambda value, kind, sign="$": grids.shown(kind, value, sign),
    )
    found.globals.update(
        svg=_svg, chart=chart, mark=mark, rooms=ROOMS, version=version, MARKS=MARKS
    )
    return found


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page."""
    return _environment().get_template(template).render(values)
