"""The board of work: bars on machines over working time, drawn once and then moved by hand.

Nights and closed days take no room: a day is as wide as its working hours. The island
`board.js` reads the days and the bars from the drawing itself.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from fivefold.web.drawing import Figure, colour, shortened, text_width

_HEAD, _LANE, _BAR, _LOAD, _GAP = 30, 34, 26, 26, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One work order on its machine."""

    order: str
    label: str
    resource: str
    start: datetime
    finish: datetime
    tone: str
    tip: str
    frozen: bool = False
    moved: bool = False
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Days:
    """Working days as spans of time laid side by side.

    Parameters
    ----------
    spans : sequence of (datetime, datetime)
        Opening and closing of each day, ascending, UTC.
    left, width_per_hour : float
        In pixels.
    """

    spans: tuple[tuple[datetime, datetime], ...]
    left: float
    width_per_hour: float

    def x(self, at: datetime) -> float:
        """Return where an instant lies; one outside working time at the edge of its day."""
        number = bisect_right([start for start, _ in self.spans], at) - 1
        if number < 0:
            return self.left
        start, end = self.spans[number]
        before = sum((e - s).total_seconds() for s, e in self.spans[:number])
        within = (min(at, end) - start).total_seconds()
        return self.left + (before + within) / 3600 * self.width_per_hour

    @property
    def right(self) -> float:
        """Where the last day ends."""
        return self.x(self.spans[-1][1]) if self.spans else self.left


def board(
    bars: Sequence[Bar],
    days: Sequence[tuple[datetime, datetime]],
    *,
    names: Mapping[str, str],
    loads: Mapping[tuple[str, int], float],
    links: Sequence[tuple[str, str]] = (),
    width: int,
    day_names: Sequence[str],
) -> Figure:
    """Return the board as a drawing whose bars can be reached one by one.

    Parameters
    ----------
    bars : sequence of Bar
    days : sequence of (datetime, datetime)
        Working days shown.
    names : mapping of resource to words
        Rows, in order.
    loads : mapping of (resource, day number) to share
        Load of a machine on a day; above 1 more is asked than there is.
    links : sequence of (order, order)
        Drawn as curves from the end of the first to the start of the second.
    width : int
        Pixels at least.
    day_names : sequence of str
        Words over each day.
    """
    left = min(150.0, 20 + max((text_width(n, 12.5) for n in names.values()), default=60))
    hours = sum((end - start).total_seconds() for start, end in days) / 3600 or 1.0
    across = Days(tuple(days), left, max((width - left - 8) / hours, 86 / 8))
    parts: list[str] = []
    at: dict[str, tuple[float, float, float]] = {}
    y = float(_HEAD)
    rows: list[dict[str, object]] = []
    for resource, words in names.items():
        own = sorted((b for b in bars if b.resource == resource), key=lambda b: (b.start, b.order))
        lanes = _lanes(own)
        tall = _LANE * max(1, len(set(lanes.values()))) + _LOAD + _GAP
        parts.append(_row(words, left, y, tall, across.right))
        for bar in own:
            top = y + 4 + _LANE * lanes[bar.order]
            x1, x2 = across.x(bar.start), across.x(bar.finish)
            at[bar.order] = (x1, max(x1 + 3, x2), top + _BAR / 2)
            parts.append(_drawn(bar, x1, top, max(3.0, x2 - x1 - 1)))
        parts.append(_histogram(resource, loads, across, y + tall - _LOAD - 3))
        rows.append({"resource": resource, "top": y, "bottom": y + tall})
        y += tall
    head = _heads(across, day_names, y)
    curves = "".join(_curve(at[a], at[b]) for a, b in links if a in at and b in at)
    scale = {
        "left": across.left,
        "perHour": across.width_per_hour,
        "days": [[s.timestamp(), e.timestamp()] for s, e in days],
        "rows": rows,
    }
    wide, high = across.right + 8, y + 4
    said = f"{len(bars)} work orders on {len(names)} machines"
    svg = (
        f'<svg class="board" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" '
        f'height="{high:.0f}" role="group" aria-label="{said}" font-family="inherit" '
        f"data-scale='{escape(json.dumps(scale), quote=True)}' "
        f'xmlns="http://www.w3.org/2000/svg">{head}{"".join(parts)}'
        f'<g class="links" fill="none">{curves}</g></svg>'
    )
    return Figure(svg)


def _lanes(own: Sequence[Bar]) -> dict[str, int]:
    """Return the first lane that is free for each bar."""
    ends: list[datetime] = []
    found = {}
    for bar in own:
        lane = next((i for i, end in enumerate(ends) if end <= bar.start), len(ends))
        if lane == len(ends):
            ends.append(bar.finish)
        ends[lane] = max(bar.finish, ends[lane]) if ends[lane] > bar.start else bar.finish
        found[bar.order] = lane
    return found


def _row(words: str, left: float, y: float, tall: float, right: float) -> str:
    name = escape(shortened(words, left - 12, 12.5))
    return (
        f'<line x1="0" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="{colour("line")}"/>'
        f'<text x="2" y="{y + 22:.1f}" font-size="12.5" font-weight="600" '
        f'fill="{colour("ink")}">{name}</text>'
        f'<text x="2" y="{y + tall - 12:.1f}" font-size="11" fill="{colour("muted")}">load</text>'
    )


def _drawn(bar: Bar, x: float, y: float, wide: float) -> str:
    classes = " ".join(
        name
        for name, wanted in (
            ("op", True),
            (bar.tone, True),
            ("frozen", bar.frozen),
            ("moved", bar.moved),
            ("chained", bar.chained),
        )
        if wanted
    )
    room = wide - (20 if bar.frozen else 8)
    label = escape(shortened(bar.label, room, 11)) if wide > 24 else ""
    lock = (
        f'<path class="lock" d="M{x + wide - 13:.1f} {y + 12:.1f}'
        'v-2a3 3 0 0 1 6 0v2m-7 0h8v6h-8z"/>'
        if bar.frozen and wide > 18
        else ""
    )
    return (
        f'<g class="{classes}" tabindex="-1" role="button" data-order="{escape(bar.order)}" '
        f'data-resource="{escape(bar.resource)}" data-start="{bar.start.timestamp():.0f}" '
        f'data-finish="{bar.finish.timestamp():.0f}" aria-label="{escape(bar.tip)}">'
        f"<title>{escape(bar.tip)}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_BAR}" rx="5"/>'
        f'<text x="{x + 5:.1f}" y="{y + 17:.1f}" font-size="11">{label}</text>{lock}</g>'
    )


def _histogram(
    resource: str, loads: Mapping[tuple[str, int], float], across: Days, y: float
) -> str:
    told = []
    for number, (start, end) in enumerate(across.spans):
        share = loads.get((resource, number), 0.0)
        x1, x2 = across.x(start), across.x(end)
        high = min(1.25, share) / 1.25 * _LOAD
        token = "bad" if share > 1.001 else "band"
        told.append(
            f'<rect x="{x1 + 1:.1f}" y="{y + _LOAD - high:.1f}" '
            f'width="{max(1.0, x2 - x1 - 2):.1f}" height="{max(0.5, high):.1f}" '
            f'fill="{colour(token)}" rx="1.5">'
            f"<title>{share:.0%} of its hours</title></rect>"
        )
    full = y + _LOAD - _LOAD / 1.25
    told.append(
        f'<line x1="{across.left:.1f}" y1="{full:.1f}" x2="{across.right:.1f}" y2="{full:.1f}" '
        f'stroke="{colour("rule")}" stroke-dasharray="3 3"/>'
    )
    return "".join(told)


def _heads(across: Days, names: Sequence[str], bottom: float) -> str:
    told = []
    last = -100.0
    for (start, _), words in zip(across.spans, names, strict=True):
        x = across.x(start)
        told.append(
            f'<line x1="{x:.1f}" y1="18" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour("line")}"/>'
        )
        if x - last > text_width(words, 11.5) + 12:
            told.append(
                f'<text x="{x + 3:.1f}" y="14" font-size="11.5" '
                f'fill="{colour("muted")}">{escape(words)}</text>'
            )
            last = x
    return "".join(told)


def _curve(a: tuple[float, float, float], b: tuple[float, float, float]) -> str:
    bend = max(24.0, abs(b[0] - a[1]) / 2)
    return (
        f'<path d="M{a[1]:.1f} {a[2]:.1f}C{a[1] + bend:.1f} {a[2]:.1f} '
        f'{b[0] - bend:.1f} {b[2]:.1f} {b[0]:.1f} {b[2]:.1f}"/>'
    )


def span_names(days: Sequence[tuple[datetime, datetime]]) -> list[str]:
    """Return words over each day."""
    return [f"{start:%a %d %b}" for start, _ in days]


def shown_days(
    days: Sequence[tuple[datetime, datetime]], first: datetime, weeks: int
) -> list[tuple[datetime, datetime]]:
    """Return the working days within so many weeks from an instant."""
    last = first + timedelta(weeks=weeks)
    return [(start, end) for start, end in days if start < last and end > first]
