"""Charts of the tower that the reports do not have: projected stock, cash by week, bubbles, bands.

Positions only; what is drawn comes as plain sequences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fivefold.web.drawing import Canvas, Figure, nothing, shortened, text_width
from fivefold.web.scales import Scale, month_ticks, round_ticks, short


@dataclass(frozen=True, slots=True, kw_only=True)
class StockWeek:
    """One week of projected stock in units."""

    start: date
    closing: float
    receipts: float
    unmet: float
    target: float | None = None


def projected_stock(
    weeks: Sequence[StockWeek], *, title: str, width: int = 560, height: int = 190
) -> Figure:
    """Return stock at each week's end as bars, what comes in as dots, shortage in red below."""
    if not weeks:
        return nothing(title, "Nothing is projected.", width=width)
    high = max([1.0, *(w.closing for w in weeks), *(w.target or 0.0 for w in weeks)])
    low = -max(w.unmet for w in weeks)
    ticks = round_ticks(low, high, count=4)
    said = (
        f"{weeks[0].closing:,.0f} units at the end of the first week, "
        f"{weeks[-1].closing:,.0f} at the end of the last; "
        f"{sum(w.unmet for w in weeks):,.0f} units of demand not served."
    )
    canvas = Canvas(width, height, title, said)
    left = 12 + max(text_width(short(t), 12) for t in ticks)
    right, top, bottom = width - 8, 28, height - 24
    up = Scale(ticks[0], ticks[-1], bottom, top)
    step = (right - left) / len(weeks)
    for tick in ticks:
        canvas.line(left, up(tick), right, up(tick), token="line")
        canvas.text(left - 6, up(tick) + 4, short(abs(tick)), anchor="end")
    for number, week in enumerate(weeks):
        x = left + number * step
        tip = f"Week of {week.start}: {week.closing:,.0f} at its end, {week.receipts:,.0f} come in"
        if week.unmet > 0:
            tip += f", {week.unmet:,.0f} not served"
            canvas.bar(x + 1.5, up(0), step - 3, up(-week.unmet) - up(0), token="bad", tip=tip)
        if week.closing > 0:
            canvas.bar(
                x + 1.5, up(week.closing), step - 3, up(0) - up(week.closing), token="band", tip=tip
            )
    targets = [(left + (i + 0.5) * step, up(w.target)) for i, w in enumerate(weeks) if w.target]
    canvas.path(targets, token="violet", width=1.6, dash="5 3")
    for number, week in enumerate(weeks):
        if week.receipts > 0:
            y = up(week.closing) - 5
            canvas.mark(
                left + (number + 0.5) * step,
                max(top, y),
                "healthy",
                size=3.4,
                tip=f"{week.receipts:,.0f} units come in the week of {week.start}",
            )
    canvas.line(left, up(0), right, up(0), token="rule")
    for position, label in month_ticks([w.start for w in weeks], count=max(3, width // 110)):
        x = left + position * step
        canvas.text(min(x + 2, right - text_width(label, 12)), bottom + 18, label)
    x = left
    keys = [("stock", "band"), ("comes in", "good")]
    keys += [("target", "violet")] if targets else []
    keys += [("not served", "bad")] if low < 0 else []
    for name, token in keys:
        canvas.bar(x, 7, 11, 11, token=token)
        canvas.text(x + 16, 16, name)
        x += 32 + text_width(name, 12)
    return canvas.figure()


def columns(
    rows: Sequence[tuple[date, float]],
    *,
    title: str,
    limit: Sequence[float] | None = None,
    limit_name: str = "limit",
    unit: str = "",
    token: str = "accent",
    width: int = 560,
    height: int = 200,
) -> Figure:
    """Return upright bars by week, with a stepped dashed limit where there is one."""
    if not rows:
        return nothing(title, "Nothing to draw.", width=width)
    ticks = round_ticks(0.0, max([1.0, *(v for _, v in rows), *(limit or [])]), count=4)
    most = max(rows, key=lambda row: row[1])
    canvas = Canvas(
        width,
        height,
        title,
        f"{len(rows)} weeks, the most {short(most[1], unit=unit)} in the week of {most[0]}.",
    )
    left = 12 + max(text_width(short(t, unit=unit), 12) for t in ticks)
    right, top, bottom = width - 8, 26, height - 24
    up = Scale(0.0, ticks[-1], bottom, top)
    step = (right - left) / len(rows)
    for tick in ticks:
        canvas.line(left, up(tick), right, up(tick), token="line")
        canvas.text(left - 6, up(tick) + 4, short(tick, unit=unit), anchor="end")
    for number, (start, value) in enumerate(rows):
        over = limit is not None and value > limit[number] * 1.0001
        if value > 0:
            canvas.bar(
                left + number * step + 1.5,
                up(value),
                step - 3,
                bottom - up(value),
                token="bad" if over else token,
                tip=f"Week of {start}: {unit}{value:,.0f}",
            )
    if limit:
        points = [
            (left + (i + end) * step, up(value)) for i, value in enumerate(limit) for end in (0, 1)
        ]
        canvas.path(points, token="bad", width=1.5, dash="5 4")
        canvas.line(left, 12, left + 14, 12, token="bad", dash="5 4", width=1.5)
        canvas.text(left + 19, 16, limit_name)
    for position, label in month_ticks([start for start, _ in rows], count=max(3, width // 110)):
        x = left + position * step
        canvas.text(min(x + 2, right - text_width(label, 12)), bottom + 18, label)
    return canvas.figure()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One item: across, up, size from 0 to 1, colour and words."""

    name: str
    x: float
    y: float
    size: float
    token: str
    tip: str


def bubbles(
    points: Sequence[Bubble],
    *,
    title: str,
    across_name: str,
    up_name: str,
    width: int = 760,
    height: int = 380,
) -> Figure:
    """Return items as bubbles: a log axis across, a linear one of per cent upwards."""
    drawn = [p for p in points if p.x > 0 and math.isfinite(p.y)]
    if not drawn:
        return nothing(title, "Nothing to draw.", width=width)
    low, high = min(p.x for p in drawn), max(p.x for p in drawn)
    ups = sorted(p.y for p in drawn)
    # A few wild margins would flatten all others; they are drawn at the edge.
    floor_, ceiling = max(ups[0], ups[len(ups) // 50] - 10), ups[-1]
    ticks = round_ticks(min(0.0, floor_), max(10.0, ceiling), count=5)
    canvas = Canvas(
        width,
        height,
        title,
        f"{len(drawn)} items; {up_name} from {ups[0]:,.0f} % to {ups[-1]:,.0f} %.",
    )
    left, right, top, bottom = 52, width - 14, 14, height - 40
    across = Scale(math.log10(low) - 0.05, math.log10(high * 1.15), left, right)
    up = Scale(ticks[0], ticks[-1], bottom, top)
    for tick in ticks:
        canvas.line(left, up(tick), right, up(tick), token="rule" if tick == 0 else "line")
        canvas.text(left - 6, up(tick) + 4, short(tick, unit="%"), anchor="end")
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = across(power)
        canvas.line(x, top, x, bottom, token="line")
        canvas.text(x, bottom + 17, short(10.0**power), anchor="middle")
    for p in sorted(drawn, key=lambda q: -q.size):
        y = up(max(ticks[0], min(ticks[-1], p.y)))
        canvas.parts.append("<g opacity='.72'>")
        canvas.dot(
            across(math.log10(p.x)),
            y,
            token=p.token,
            radius=round(3 + 15 * math.sqrt(p.size), 1),
            tip=p.tip,
        )
        canvas.parts.append("</g>")
    taken: list[tuple[float, float]] = []
    for p in sorted(drawn, key=lambda q: -q.size)[:14]:
        x, y = across(math.log10(p.x)), up(max(ticks[0], min(ticks[-1], p.y)))
        if all(abs(x - a) > 110 or abs(y - b) > 15 for a, b in taken):
            taken.append((x, y))
            name = shortened(p.name, 130, 11)
            away = 6 + 15 * math.sqrt(p.size)
            # At the right edge a name stands before its bubble, so that none is cut off.
            fits = x + away + text_width(name, 11) < width - 4
            canvas.text(
                x + away if fits else x - away,
                y + 4,
                name,
                anchor="start" if fits else "end",
                token="ink",
                size=11,
                halo=True,
            )
    canvas.text((left + right) / 2, height - 6, across_name, anchor="middle")
    return canvas.figure()


def cover_band(
    weeks: float | None, *, low: float, high: float, title: str, width: int = 180
) -> Figure:
    """Return weeks of cover as a dot on a band that is green between two bounds."""
    canvas = Canvas(width, 22, title, "no demand" if weeks is None else f"{weeks:.1f} weeks")
    most = max(high * 1.4, 1.0)
    across = Scale(0.0, most, 6, width - 6)
    canvas.bar(6, 8, across(low) - 6, 6, token="bad", opacity=0.35, radius=3)
    canvas.bar(across(low), 8, across(high) - across(low), 6, token="good", opacity=0.4, radius=0)
    canvas.bar(across(high), 8, width - 6 - across(high), 6, token="violet", opacity=0.35, radius=3)
    if weeks is not None:
        token = "bad" if weeks < low else "violet" if weeks > high else "good"
        canvas.dot(across(min(most, weeks)), 11, token=token, radius=5)
    return canvas.figure()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A point of a curve; one with a name is marked beside it."""

    x: float
    y: float
    name: str = ""
    tip: str = ""


def curve(
    points: Sequence[Curve],
    *,
    title: str,
    across_unit: str = "",
    up_unit: str = "",
    width: int = 640,
    height: int = 300,
) -> Figure:
    """Return points joined by a line, and named points beside it."""
    if not points:
        return nothing(title, "Nothing to draw.", width=width)
    ups = round_ticks(min(p.y for p in points), max(p.y for p in points), count=5)
    overs = round_ticks(0.0, max(p.x for p in points), count=5)
    named = ", ".join(
        f"{p.name} at {short(p.x, unit=across_unit)} and {p.y:.1f}{up_unit}"
        for p in points
        if p.name
    )
    canvas = Canvas(width, height, title, f"{len(points)} points. {named}")
    room = text_width(short(overs[-1], unit=across_unit), 12) / 2 + 4
    left, right, top, bottom = 54, width - max(18, room), 12, height - 28
    across, up = Scale(overs[0], overs[-1], left, right), Scale(ups[0], ups[-1], bottom, top)
    for tick in ups:
        canvas.line(left, up(tick), right, up(tick), token="line")
        canvas.text(left - 6, up(tick) + 4, short(tick, unit=up_unit), anchor="end")
    for tick in overs:
        canvas.text(across(tick), bottom + 18, short(tick, unit=across_unit), anchor="middle")
    along = sorted((p for p in points if not p.name), key=lambda p: p.x)
    canvas.path([(across(p.x), up(p.y)) for p in along], token="accent", width=2)
    for p in along:
        canvas.dot(across(p.x), up(p.y), token="accent", radius=3.5, tip=p.tip)
    taken: list[tuple[float, float]] = []
    for p in points:
        if p.name:
            canvas.mark(across(p.x), up(p.y), "at risk", size=7, tip=p.tip)
            y = up(p.y) + 4
            # Names of points that lie on each other are written one under the other.
            while any(abs(y - b) < 14 and abs(across(p.x) - a) < 150 for a, b in taken):
                y += 14
            taken.append((across(p.x), y))
            canvas.text(
                across(p.x) - 12,
                y,
                p.name,
                anchor="end",
                token="ink",
                weight=600,
                halo=True,
            )
    return canvas.figure()
