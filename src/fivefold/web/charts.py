"""Charts drawn as SVG text: the same functions serve reports, pages and notebooks.

Each takes plain sequences and returns a `Figure`; none computes anything but positions.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from fivefold.web.drawing import (
    COLOURS,
    MARKS,
    Canvas,
    Figure,
    colour,
    nothing,
    shortened,
    text_width,
)
from fivefold.web.gantt import Task, gantt
from fivefold.web.network_map import Flow, Site, network_map
from fivefold.web.scales import Scale, month_ticks, round_ticks, short

__all__ = [
    "COLOURS",
    "MARKS",
    "Figure",
    "Flow",
    "Site",
    "Task",
    "bars",
    "colour",
    "curves",
    "fan",
    "gantt",
    "interval",
    "intervals",
    "lines",
    "network_map",
    "shares",
    "waterfall",
]

#: Order in which lines of one chart take colours, with the dash that tells them apart in grey.
LINE_STYLES = (("accent", ""), ("warn", "6 3"), ("good", "2 3"), ("violet", "8 3 2 3"), ("ink", ""))


def fan(
    *,
    title: str,
    history: Sequence[tuple[date, float]],
    quantiles: Mapping[float, Sequence[tuple[date, float]]],
    censored: Sequence[date] = (),
    prior: Mapping[date, float] | None = None,
    marks: Sequence[tuple[date, str]] = (),
    width: int = 560,
    height: int = 230,
) -> Figure:
    """Return history as a line and a forecast as a fan of quantiles.

    Parameters
    ----------
    title : str
    history : sequence of (date, value)
        By period; a period in `censored` is shaded, because the item could not be bought.
    quantiles : mapping of level to sequence of (date, value)
        Pairs such as 0.1 and 0.9 become bands, 0.5 the middle line.
    censored : sequence of date
        Periods of the history in which demand was not fully seen.
    prior : mapping of date to value, optional
        What the forecast before this one expected, drawn thin and dashed.
    marks : sequence of (date, words)
        Periods that something stands on, such as a promotion or a change people made.
    """
    levels = sorted(quantiles)
    ahead = list(quantiles[levels[0]]) if levels else []
    days = [day for day, _ in history] + [day for day, _ in ahead]
    if not days:
        return nothing(title, "No history and no forecast.", width=width)
    values = [value for _, value in history] + [v for q in levels for _, v in quantiles[q]]
    ticks = round_ticks(0.0, max([1.0, *(v for v in values if math.isfinite(v))]), count=4)
    canvas = Canvas(width, height, title, _fan_words(history, quantiles, censored))
    left, right, top, bottom = 8 + _axis_room(ticks, ""), width - 10, 28, height - 24
    across = Scale(0, max(1, len(days) - 1), left + 4, right)
    up = Scale(0.0, ticks[-1], bottom, top)
    _shade(canvas, across, history, set(censored), top, bottom)
    _value_axis(canvas, up, ticks, left, right, "")
    _months(canvas, across, days, bottom, count=max(3, width // 95))
    start = len(history)
    _bands(canvas, levels, quantiles, across, up, start)
    canvas.path([(across(i), up(v)) for i, (_, v) in enumerate(history)], token="ink", width=1.4)
    if 0.5 in quantiles:
        middle = [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[0.5])]
        canvas.path(middle, token="accent", width=2.2)
    place = {day: i for i, day in enumerate(days)}
    earlier = [
        (across(place[day]), up(min(value, ticks[-1])))
        for day, value in sorted((prior or {}).items())
        if day in place
    ]
    canvas.path(earlier, token="violet", width=1.5, dash="4 3")
    for day, words in marks:
        if day in place:
            canvas.mark(across(place[day]), top + 5, "at risk", size=5, tip=f"{day}: {words}")
    if history and ahead:
        x = across(start - 0.5)
        canvas.line(x, top, x, bottom, token="muted", dash="3 3")
    shown = [("history", "ink")] if history else []
    shown += [("median", "accent")] if 0.5 in quantiles else []
    shown += [("before", "violet")] if earlier else []
    _legend(canvas, left, shown)
    # On a telephone the two legends would meet; what is shaded is told where a finger rests.
    taken = left + sum(36 + text_width(name, 12) for name, _ in shown)
    _band_legend(canvas, levels, right, bool(censored) and right - taken > 210)
    return canvas.figure()


def _fan_words(
    history: Sequence[tuple[date, float]],
    quantiles: Mapping[float, Sequence[tuple[date, float]]],
    censored: Sequence[date],
) -> str:
    """Return a fan in words: last period seen, first and last forecast with their range."""
    words = []
    if history:
        words.append(f"History of {len(history)} periods, last {history[-1][1]:,.0f}.")
    middle = quantiles.get(0.5)
    if middle:
        low, high = quantiles[min(quantiles)], quantiles[max(quantiles)]
        words.append(
            f"Median forecast {middle[0][1]:,.0f} from {middle[0][0]} "
            f"(between {low[0][1]:,.0f} and {high[0][1]:,.0f}), "
            f"{middle[-1][1]:,.0f} by {middle[-1][0]}."
        )
    if censored:
        words.append(f"{len(censored)} periods were partly out of stock.")
    return " ".join(words)


def _shade(
    canvas: Canvas,
    across: Scale,
    history: Sequence[tuple[date, float]],
    censored: set[date],
    top: float,
    bottom: float,
) -> None:
    step = across(1) - across(0)
    for position, (day, _) in enumerate(history):
        if day in censored:
            x = across(position) - step / 2
            tip = f"{day}: partly out of stock, demand not fully seen"
            canvas.bar(x, top, step, bottom - top, token="line", tip=tip, radius=0)


def _bands(
    canvas: Canvas,
    levels: Sequence[float],
    quantiles: Mapping[float, Sequence[tuple[date, float]]],
    across: Scale,
    up: Scale,
    start: int,
) -> None:
    for low, high in zip(levels, reversed(levels), strict=True):
        if low >= 0.5:
            break
        lower = [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[low])]
        upper = [(across(start + i), up(v)) for i, (_, v) in enumerate(quantiles[high])]
        canvas.area(lower + upper[::-1], token="band" if low >= 0.2 else "band-wide")


def _band_legend(canvas: Canvas, levels: Sequence[float], right: float, shaded: bool) -> None:
    x = right
    for low, high in zip(levels, reversed(levels), strict=True):
        if low >= 0.5:
            break
        words = f"{round((high - low) * 100)} %"
        x -= text_width(words, 12)
        canvas.text(x, 16, words)
        x -= 15
        canvas.bar(x, 7, 11, 11, token="band" if low >= 0.2 else "band-wide")
        x -= 10
    if shaded:
        words = "out of stock"
        x -= text_width(words, 12)
        canvas.text(x, 16, words)
        canvas.bar(x - 15, 7, 11, 11, token="line")


def lines(
    *,
    title: str,
    days: Sequence[date],
    series: Mapping[str, Sequence[float]],
    limit: Sequence[float] | None = None,
    limit_name: str = "limit",
    unit: str = "",
    width: int = 560,
    height: int = 220,
) -> Figure:
    """Return one or more lines over time, with a dashed red limit where there is one."""
    given = [value for row in series.values() for value in row] + list(limit or [])
    values = [value for value in given if value is not None and math.isfinite(value)]
    if not days or not values:
        return nothing(title, "Nothing to draw.", width=width)
    ticks = round_ticks(min([0.0, *values]), max([1e-9, *values]), count=4)
    said = ", ".join(
        f"{name} from {short(row[0], unit=unit)} to {short(row[-1], unit=unit)}"
        for name, row in series.items()
        if len(row)
    )
    canvas = Canvas(width, height, title, f"{said}, {days[0]} to {days[-1]}.")
    left, right = 8 + _axis_room(ticks, unit), width - 12
    shown = [(name, token) for name, (token, _) in zip(series, LINE_STYLES, strict=False)]
    shown += [(limit_name, "bad")] if limit else []
    rows = _legend_places(left, width, shown)[-1][1] + 1 if len(shown) > 1 else 0
    top, bottom = 12 + 18 * rows, height - 24
    across = Scale(0, max(1, len(days) - 1), left + 4, right)
    up = Scale(ticks[0], ticks[-1], bottom, top)
    _value_axis(canvas, up, ticks, left, right, unit)
    _months(canvas, across, days, bottom, count=max(3, width // 95))
    for (_, row), (token, dash) in zip(series.items(), LINE_STYLES, strict=False):
        canvas.path(
            [(across(i), up(v)) for i, v in enumerate(row)], token=token, dash=dash, width=2
        )
    if limit:
        points = [(across(i), up(v)) for i, v in enumerate(limit)]
        canvas.path(points, token="bad", width=1.4, dash="5 4")
    if len(shown) > 1:
        _legend(canvas, left, shown)
    return canvas.figure()


def curves(
    *,
    title: str,
    values: Sequence[float],
    series: Mapping[str, Sequence[float]],
    today: float | None = None,
    crossings: Mapping[float, str] | None = None,
    unit: str = "",
    width: int = 560,
    height: int = 230,
) -> Figure:
    """Return lines over a number, with a mark for today and one at each point they cross.

    Parameters
    ----------
    values : (n,)
        Rising values of the horizontal axis.
    series : mapping of name to (n,)
    today : float, optional
    crossings : mapping of value to words, optional
    """
    given = [value for row in series.values() for value in row if math.isfinite(value)]
    if len(values) < 2 or not given:
        return nothing(title, "Nothing to draw.", width=width)
    ticks = round_ticks(min([0.0, *given]), max([1e-9, *given]), count=4)
    marks = dict(crossings or {})
    said = "; ".join(marks.values()) or "no crossing"
    canvas = Canvas(width, height, title, f"{', '.join(series)} along a lever: {said}.")
    left, right = 8 + _axis_room(ticks, unit), width - 12
    shown = [(name, token) for name, (token, _) in zip(series, LINE_STYLES, strict=False)]
    top, bottom = 12 + 18 * (_legend_places(left, width, shown)[-1][1] + 1), height - 24
    across = Scale(values[0], values[-1], left + 4, right)
    up = Scale(ticks[0], ticks[-1], bottom, top)
    _value_axis(canvas, up, ticks, left, right, unit)
    for tick in round_ticks(values[0], values[-1], count=5):
        if values[0] <= tick <= values[-1]:
            canvas.line(across(tick), bottom, across(tick), bottom + 4, token="rule")
            canvas.text(across(tick), bottom + 18, short(tick), anchor="middle")
    if today is not None and values[0] <= today <= values[-1]:
        canvas.line(across(today), top, across(today), bottom, token="rule")
        canvas.text(across(today) + 4, top + 10, "today")
    for (_, row), (token, dash) in zip(series.items(), LINE_STYLES, strict=False):
        points = [(across(x), up(y)) for x, y in zip(values, row, strict=True)]
        canvas.path(points, token=token, dash=dash, width=2)
    for value, words in marks.items():
        best = max(_between(values, row, value) for row in series.values())
        canvas.dot(across(value), up(best), token="ink", tip=words)
    _legend(canvas, left, shown)
    return canvas.figure()


def _between(values: Sequence[float], row: Sequence[float], value: float) -> float:
    """Return the height of a line at a value between its points."""
    at = max(1, bisect_left(values, value, hi=len(values) - 1))
    share = (value - values[at - 1]) / (values[at] - values[at - 1])
    return row[at - 1] + share * (row[at] - row[at - 1])


def bars(
    *,
    title: str,
    rows: Sequence[tuple[str, float]],
    unit: str = "",
    width: int = 560,
    token: str = "accent",
) -> Figure:
    """Return horizontal bars, one a row, negative ones to the left in red."""
    if not rows:
        return nothing(title, "Nothing to draw.", width=width)
    height = 26 * len(rows) + 10
    values = [value for _, value in rows]
    label = _label_room([name for name, _ in rows], width)
    said = "; ".join(f"{name} {short(value, unit=unit)}" for name, value in rows[:12])
    canvas = Canvas(width, height, title, said + ".")
    room = 10 + max(text_width(short(value, unit=unit), 12) for value in values)
    left = label + (room if min(values) < 0 else 8)
    across = Scale(min(0.0, *values, 0.0), max(0.0, *values, 0.0) or 1.0, left, width - room)
    zero = across(0.0)
    for position, (name, value) in enumerate(rows):
        y = 5 + 26 * position
        canvas.text(label - 4, y + 17, shortened(name, label - 6), anchor="end", token="ink")
        x = across(value)
        tip = f"{name}: {value:,.2f}"
        drawn = "bad" if value < 0 else token
        canvas.bar(min(zero, x), y + 4, abs(x - zero), 17, token=drawn, tip=tip)
        words = short(value, unit=unit)
        if value < 0:
            canvas.text(x - 5, y + 17, words, anchor="end", token="ink")
        else:
            canvas.text(x + 5, y + 17, words, token="ink")
    canvas.line(zero, 4, zero, height - 4, token="rule")
    return canvas.figure()


def shares(
    *,
    title: str,
    rows: Sequence[tuple[str, float, str]],
    width: int = 560,
) -> Figure:
    """Return one bar divided among rows of (name, amount, status), with marks in the legend."""
    total = sum(amount for _, amount, _ in rows)
    if total <= 0:
        return nothing(title, "Nothing to draw.", width=width)
    said = "; ".join(f"{name} {amount:,.0f} ({amount / total:.0%})" for name, amount, _ in rows)
    per_row = 4 if width >= 480 else 2
    height = 36 + 22 * math.ceil(len(rows) / per_row)
    canvas = Canvas(width, height, title, said + ".")
    x = 0.0
    for name, amount, status in rows:
        wide = width * amount / total
        if wide > 0:
            tip = f"{name}: {amount:,.0f}"
            canvas.bar(x, 2, max(1.0, wide - 2), 20, token=MARKS[status][0], tip=tip, radius=3)
        x += wide
    for number, (name, amount, status) in enumerate(rows):
        at_x = 6 + (number % per_row) * width / per_row
        at_y = 40 + 22 * (number // per_row)
        canvas.mark(at_x, at_y, status)
        canvas.text(at_x + 12, at_y + 4, f"{name} {amount:,.0f}", token="ink", size=12.5)
    return canvas.figure()


def interval(
    *,
    title: str,
    mean: float,
    low: float,
    high: float,
    better: str = "higher",
    width: int = 190,
) -> Figure:
    """Return one difference with its interval on an axis of its own, zero marked."""
    if not all(math.isfinite(v) for v in (mean, low, high)):
        return nothing(title, "not known", width=width)
    reach = max(abs(low), abs(high), abs(mean), 1e-12) * 1.12
    canvas = Canvas(
        width, 28, title, f"Difference {mean:,.4g}, 95 % interval {low:,.4g} to {high:,.4g}."
    )
    across = Scale(-reach, reach, 8, width - 8)
    token = _told(low, high, better)
    canvas.line(8, 14, width - 8, 14, token="line")
    canvas.line(across(0), 3, across(0), 25, token="rule", width=1.5)
    canvas.path([(across(low), 14), (across(high), 14)], token=token, width=4)
    for end in (low, high):
        canvas.line(across(end), 9, across(end), 19, token=token, width=2)
    canvas.dot(across(mean), 14, token=token, radius=5)
    return canvas.figure()


def intervals(
    *,
    title: str,
    rows: Sequence[tuple[str, float, float, float]],
    unit: str = "",
    width: int = 560,
) -> Figure:
    """Return means with their intervals as dots on a line about zero: (name, mean, low, high)."""
    if not rows:
        return nothing(title, "Nothing to draw.", width=width)
    height = 28 * len(rows) + 34
    ends = [value for _, _, low, high in rows for value in (low, high)] + [0.0]
    label = _label_room([row[0] for row in rows], width)
    ticks = round_ticks(min(ends), max(ends), count=max(2, min(5, int((width - label) / 64))))
    said = "; ".join(
        f"{n} {short(m, unit=unit)} ({short(lo, unit=unit)} to {short(hi, unit=unit)})"
        for n, m, lo, hi in rows
    )
    canvas = Canvas(width, height, title, said + ".")
    across = Scale(ticks[0], ticks[-1], label + 14, width - 24)
    for tick in ticks:
        canvas.line(across(tick), 6, across(tick), height - 24, token="line")
        canvas.text(across(tick), height - 8, short(tick, unit=unit), anchor="middle")
    canvas.line(across(0.0), 6, across(0.0), height - 24, token="muted")
    for position, (name, mean, low, high) in enumerate(rows):
        y = 20 + 28 * position
        token = _told(low, high, "higher")
        canvas.text(label, y + 4, shortened(name, label - 4), anchor="end", token="ink")
        canvas.path([(across(low), y), (across(high), y)], token=token, width=3)
        tip = f"{name}: {mean:,.2f} ({low:,.2f} to {high:,.2f})"
        canvas.dot(across(mean), y, token=token, radius=5, tip=tip)
    return canvas.figure()


def waterfall(
    *,
    title: str,
    rows: Sequence[tuple[str, float]],
    unit: str = "$",
    width: int = 560,
    told: Callable[[float], str] | None = None,
) -> Figure:
    """Return a running sum read from top to bottom; the first and last rows are totals.

    The last row is drawn from zero as given, so a sum that does not meet it is seen. `told`
    writes the figures; they are shortened where it is not given.
    """
    say = told or (lambda value: short(value, unit=unit))
    if not rows:
        return nothing(title, "Nothing to draw.", width=width)
    edges, running = [0.0], 0.0
    for _, value in rows[:-1]:
        running += value
        edges.append(running)
    edges.append(rows[-1][1])
    height = 28 * len(rows) + 8
    label = _label_room([name for name, _ in rows], width)
    room = 16 + max(text_width(say(v), 12) for _, v in rows)
    said = "; ".join(f"{name} {say(value)}" for name, value in rows)
    canvas = Canvas(width, height, title, said + ".")
    left = label + (room if min(edges) < 0 else 8)
    across = Scale(min(0.0, *edges), max(0.0, *edges) or 1.0, left, width - room)
    canvas.line(across(0.0), 2, across(0.0), height - 4, token="rule")
    before = 0.0
    for position, (name, value) in enumerate(rows):
        total = position in (0, len(rows) - 1)
        start, end = (0.0, value) if total else (before, before + value)
        y = 4 + 28 * position
        low, high = sorted((across(start), across(end)))
        token = "accent" if total else "good" if value >= 0 else "bad"
        weight = 600 if total else 400
        canvas.text(
            label - 4, y + 17, shortened(name, label - 6), anchor="end", token="ink", weight=weight
        )
        canvas.bar(low, y + 3, high - low, 19, token=token, tip=f"{name}: {value:,.2f}")
        if position < len(rows) - 1:
            canvas.line(across(end), y + 22, across(end), y + 31, token="rule")
        words = say(value) if total or value <= 0 else f"+{say(value)}"
        canvas.text(high + 5, y + 17, words, token="ink", weight=weight)
        before = end
    return canvas.figure()


def _told(low: float, high: float, better: str) -> str:
    """Return the colour of a difference: muted where its interval holds zero."""
    if low <= 0.0 <= high:
        return "muted"
    return "good" if (low > 0) == (better == "higher") else "bad"


def _label_room(names: Sequence[str], width: int) -> float:
    """Return the pixels for row labels, bold ones too, at most nine twentieths of the width."""
    return min(0.45 * width, 12 + max((text_width(name, 12.8) for name in names), default=0.0))


def _axis_room(ticks: Sequence[float], unit: str) -> float:
    """Return the pixels the labels of a value axis need."""
    return max(text_width(short(tick, unit=unit), 12) for tick in ticks) + 4


def _value_axis(
    canvas: Canvas, scale: Scale, ticks: Sequence[float], left: float, right: float, unit: str
) -> None:
    for tick in ticks:
        y = scale(tick)
        canvas.line(left, y, right, y, token="line")
        canvas.text(left - 5, y + 4, short(tick, unit=unit), anchor="end")


def _months(
    canvas: Canvas, across: Scale, days: Sequence[date], bottom: float, *, count: int
) -> None:
    for position, label in month_ticks(days, count=count):
        x = across(position)
        canvas.line(x, bottom, x, bottom + 4, token="rule")
        half = text_width(label, 12) / 2
        canvas.text(max(half, min(canvas.width - half, x)), bottom + 18, label, anchor="middle")


def _legend(canvas: Canvas, left: float, shown: Sequence[tuple[str, str]]) -> None:
    for (name, token), (x, row) in zip(
        shown, _legend_places(left, canvas.width, shown), strict=True
    ):
        canvas.line(x, 12 + 18 * row, x + 14, 12 + 18 * row, token=token, width=2.4)
        canvas.text(x + 19, 16 + 18 * row, name)


def _legend_places(
    left: float, width: float, shown: Sequence[tuple[str, str]]
) -> list[tuple[float, int]]:
    """Return where each entry of a legend begins: pixels from the left, and its row."""
    places, x, row = [], left, 0
    for name, _ in shown:
        wide = 33 + text_width(name, 12)
        if x > left and x + wide - 14 > width:
            x, row = left, row + 1
        places.append((x, row))
        x += wide
    return places
