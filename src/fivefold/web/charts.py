"""Charts drawn as SVG text: the same functions serve reports, pages and notebooks.

Colours are CSS variables with a fallback, so one chart serves light and dark. Every chart
carries a title and a description for people who do not see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from fivefold.web.scales import Scale, month_ticks, round_ticks, short

#: Fallback colours of the tokens, as in the light theme.
COLOURS = {
    "ink": "#111827",
    "muted": "#5b6476",
    "line": "#e2e6ee",
    "accent": "#3b5bdb",
    "band": "#c5d0f5",
    "band-wide": "#e3e9fb",
    "good": "#0b7a6f",
    "bad": "#c92a4b",
    "warn": "#b45309",
    "violet": "#6d3fc4",
    "surface": "#ffffff",
}


def colour(name: str) -> str:
    """Return a colour token with its fallback."""
    return f"var(--{name},{COLOURS[name]})"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn chart; shows itself in a notebook."""

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.svg


@dataclass(slots=True)
class _Canvas:
    width: int
    height: int
    title: str
    description: str

    def __post_init__(self) -> None:
        self.parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        token: str = "muted",
        size: float = 11,
        weight: int = 400,
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{colour(token)}">{escape(words)}</text>'
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, *, token: str, dash: str = ""
    ) -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour(token)}"{dashed}/>'
        )

    def path(
        self, points: Sequence[tuple[float, float]], *, token: str, width: float = 1.6
    ) -> None:
        if not points:
            return
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{steps}" fill="none" stroke="{colour(token)}" stroke-width="{width}" '
            f'stroke-linejoin="round"/>'
        )

    def area(self, points: Sequence[tuple[float, float]], *, token: str) -> None:
        if not points:
            return
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{steps}Z" fill="{colour(token)}"/>')

    def bar(
        self, x: float, y: float, width: float, height: float, *, token: str, tip: str = ""
    ) -> None:
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.5, width):.1f}" '
            f'height="{max(0.5, height):.1f}" rx="2" fill="{colour(token)}">{told}</rect>'
        )

    def dot(self, x: float, y: float, *, token: str, radius: float = 4, tip: str = "") -> None:
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour(token)}">{told}</circle>'
        )

    def figure(self) -> Figure:
        return Figure(
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}. {escape(self.description)}" '
            f'style="width:100%;height:auto;font-family:inherit" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(self.parts)}</svg>'
        )


def _value_axis(
    canvas: _Canvas, scale: Scale, ticks: Sequence[float], left: float, right: float, unit: str
) -> None:
    for tick in ticks:
        y = scale(tick)
        canvas.line(left, y, right, y, token="line")
        canvas.text(left - 6, y + 4, short(tick, unit=unit), anchor="end")


def fan(
    *,
    title: str,
    history: Sequence[tuple[date, float]],
    quantiles: Mapping[float, Sequence[tuple[date, float]]],
    censored: Sequence[date] = (),
    width: int = 640,
    height: int = 240,
) -> Figure:
    """Return history as a line and a forecast as a fan of quantiles.

    Parameters
    ----------
    title : str
    history : sequence of (date, value)
        By period; a period in `censored` is shaded, because the item could not be bought.
    quantiles : mapping of level to sequence of (date, value)
        Pairs such as 0.1 and 0.9 become bands, 0.5 the middle line.
    """
    levels = sorted(quantiles)
    days = [day for day, _ in history] + [
        day for day, _ in (quantiles[levels[0]] if levels else [])
    ]
    top = max(
        [value for _, value in history] + [v for q in levels for _, v in quantiles[q]] + [1.0]
    )
    canvas = _Canvas(width, height, title, f"{len(history)} periods of history and a forecast")
    ticks = round_ticks(0.0, top)
    across = Scale(0, max(1, len(days) - 1), 48, width - 12)
    up = Scale(0.0, ticks[-1], height - 26, 14)
    _value_axis(canvas, up, ticks, 48, width - 12, "")
    for position, label in month_ticks(days):
        canvas.text(across(position), height - 8, label, anchor="middle")
    shaded = set(censored)
    step = across(1) - across(0)
    for position, (day, _) in enumerate(history):
        if day in shaded:
            canvas.bar(
                across(position) - step / 2,
                14,
                step,
                height - 40,
                token="line",
                tip=f"{day}: out of stock, demand estimated",
            )
    start = len(history)
    for low, high in zip(levels, reversed(levels), strict=True):
        if low >= 0.5:
            break
        lower = [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[low])]
        upper = [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[high])]
        canvas.area(lower + upper[::-1], token="band" if low >= 0.2 else "band-wide")
    canvas.path([(across(i), up(v)) for i, (_, v) in enumerate(history)], token="ink", width=1.3)
    if 0.5 in quantiles:
        canvas.path(
            [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[0.5])],
            token="accent",
            width=2,
        )
    if history:
        canvas.line(
            across(start - 0.5), 14, across(start - 0.5), height - 26, token="muted", dash="3 3"
        )
    return canvas.figure()


def lines(
    *,
    title: str,
    days: Sequence[date],
    series: Mapping[str, Sequence[float]],
    limit: Sequence[float] | None = None,
    unit: str = "",
    width: int = 640,
    height: int = 220,
) -> Figure:
    """Return one or more lines over time, with a dashed limit where there is one."""
    values = [value for row in series.values() for value in row] + list(limit or [])
    ticks = round_ticks(min([0.0, *values]), max([1e-9, *values]))
    canvas = _Canvas(width, height, title, ", ".join(series))
    across = Scale(0, max(1, len(days) - 1), 56, width - 12)
    up = Scale(ticks[0], ticks[-1], height - 26, 26)
    _value_axis(canvas, up, ticks, 56, width - 12, unit)
    for position, label in month_ticks(days):
        canvas.text(across(position), height - 8, label, anchor="middle")
    tokens = ("accent", "warn", "good", "violet", "ink")
    x = 56.0
    for (name, row), token in zip(series.items(), tokens, strict=False):
        canvas.path([(across(i), up(v)) for i, v in enumerate(row)], token=token, width=2)
        canvas.bar(x, 8, 10, 4, token=token)
        canvas.text(x + 14, 14, name)
        x += 26 + 6.2 * len(name)
    if limit:
        canvas.path([(across(i), up(v)) for i, v in enumerate(limit)], token="bad", width=1)
        canvas.text(width - 12, up(limit[-1]) - 4, "limit", anchor="end", token="bad")
    return canvas.figure()


def bars(
    *,
    title: str,
    rows: Sequence[tuple[str, float]],
    unit: str = "",
    width: int = 640,
    token: str = "accent",
) -> Figure:
    """Return horizontal bars, one a row, negative ones to the left in red."""
    height = 24 * max(1, len(rows)) + 12
    values = [value for _, value in rows] or [0.0]
    label = min(260.0, 20 + 6.4 * max((len(name) for name, _ in rows), default=0))
    canvas = _Canvas(width, height, title, f"{len(rows)} bars")
    across = Scale(min(0.0, *values, 0.0), max(0.0, *values, 0.0) or 1.0, label + 48, width - 72)
    zero = across(0.0)
    for position, (name, value) in enumerate(rows):
        y = 6 + 24 * position
        canvas.text(label, y + 15, name[:40], anchor="end", token="ink", size=12)
        x = across(value)
        canvas.bar(
            min(zero, x),
            y + 3,
            abs(x - zero),
            16,
            token="bad" if value < 0 else token,
            tip=f"{name}: {value:,.2f}",
        )
        words = short(value, unit=unit)
        if value < 0:
            canvas.text(x - 5, y + 15, words, anchor="end", size=12)
        else:
            canvas.text(x + 5, y + 15, words, size=12)
    canvas.line(zero, 4, zero, height - 6, token="muted")
    return canvas.figure()


def intervals(
    *,
    title: str,
    rows: Sequence[tuple[str, float, float, float]],
    unit: str = "",
    width: int = 640,
) -> Figure:
    """Return means with their intervals as dots on a line about zero: (name, mean, low, high)."""
    height = 28 * max(1, len(rows)) + 34
    ends = [value for _, _, low, high in rows for value in (low, high)] + [0.0]
    ticks = round_ticks(min(ends), max(ends))
    label = min(260.0, 20 + 6.4 * max((len(row[0]) for row in rows), default=0))
    canvas = _Canvas(width, height, title, f"{len(rows)} differences with intervals")
    across = Scale(ticks[0], ticks[-1], label + 12, width - 20)
    for tick in ticks:
        canvas.line(across(tick), 6, across(tick), height - 24, token="line")
        canvas.text(across(tick), height - 8, short(tick, unit=unit), anchor="middle")
    canvas.line(across(0.0), 6, across(0.0), height - 24, token="muted")
    for position, (name, mean, low, high) in enumerate(rows):
        y = 20 + 28 * position
        token = "good" if low > 0 else "bad" if high < 0 else "muted"
        canvas.text(label, y + 4, name[:40], anchor="end", token="ink", size=12)
        canvas.path([(across(low), y), (across(high), y)], token=token, width=3)
        canvas.dot(
            across(mean),
            y,
            token=token,
            radius=5,
            tip=f"{name}: {mean:,.2f} ({low:,.2f} to {high:,.2f})",
        )
    return canvas.figure()


def waterfall(
    *, title: str, rows: Sequence[tuple[str, float]], unit: str = "$", width: int = 640
) -> Figure:
    """Return a running sum as steps; the last row is drawn as the total."""
    height = 250
    running, tops = 0.0, [0.0]
    for _, value in rows[:-1]:
        running += value
        tops.append(running)
    tops.append(rows[-1][1] if rows else 0.0)
    ticks = round_ticks(min(tops), max(tops))
    canvas = _Canvas(width, height, title, f"from {rows[0][0]} to {rows[-1][0]}" if rows else "")
    up = Scale(ticks[0], ticks[-1], height - 44, 14)
    _value_axis(canvas, up, ticks, 56, width - 8, unit)
    step = (width - 70) / max(1, len(rows))
    before = 0.0
    for position, (name, value) in enumerate(rows):
        last = position == len(rows) - 1
        start, end = (0.0, value) if last or position == 0 else (before, before + value)
        x = 60 + step * position
        token = "accent" if last or position == 0 else "good" if value >= 0 else "bad"
        canvas.bar(
            x,
            min(up(start), up(end)),
            step * 0.72,
            abs(up(start) - up(end)),
            token=token,
            tip=f"{name}: {value:,.2f}",
        )
        canvas.text(
            x + step * 0.36, height - 28 + 12 * (position % 2), name[:18], anchor="middle", size=10
        )
        canvas.text(
            x + step * 0.36,
            min(up(start), up(end)) - 4,
            short(value, unit=unit),
            anchor="middle",
            token="ink",
            size=10,
        )
        before = end
    return canvas.figure()
