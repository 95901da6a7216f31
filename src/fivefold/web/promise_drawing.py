"""A promise drawn as a line of days: ordered, leaves, there; promised beside expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fivefold.web import words
from fivefold.web.drawing import Canvas, Figure, nothing, text_width
from fivefold.web.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Units on their way to a customer; `waits` are not set aside yet."""

    label: str
    ship_on: date | None
    deliver_on: date | None
    waits: bool = False


def promise_line(
    journeys: Sequence[Journey],
    *,
    ordered_on: date,
    today: date,
    promised_on: date | None = None,
    width: int = 560,
) -> Figure:
    """Return journeys over days: waiting thin, carriage thick, the day promised as a flag."""
    known = [one for one in journeys if one.deliver_on is not None]
    title = "Promise and outlook"
    if not known:
        return nothing(title, "Nothing can be there.", width=width)
    ends = [one.deliver_on for one in known if one.deliver_on]
    first = min([ordered_on, today])
    last = max([*ends, promised_on or today])
    last += timedelta(days=max(1, (last - first).days // 12))
    row, top = 38, 44
    height = top + row * len(journeys) + 26
    said = _said(journeys, promised_on)
    canvas = Canvas(width, height, title, said)
    label = min(width * 0.3, 12 + max(text_width(one.label, 12) for one in journeys))
    across = Scale(0, (last - first).days or 1, label + 12, width - 26)

    def at(day: date) -> float:
        return float(across((day - first).days))

    _days(canvas, across, first, last, height, top)
    for name, day, token in (("ordered", ordered_on, "muted"), ("today", today, "ink")):
        if name == "today" and ordered_on == today:
            continue
        canvas.line(at(day), top - 8, at(day), height - 22, token=token, dash="2 3")
        canvas.text(at(day), top - 12, name, anchor="middle", token=token, size=11)
    if promised_on is not None:
        x = at(promised_on)
        canvas.line(x, 20, x, height - 22, token="accent", width=2)
        words_ = f"promised {words.short_day(promised_on)}"
        room = text_width(words_, 12) * 0.56
        middle = min(max(x, label + room), width - 6 - room)
        canvas.text(middle, 14, words_, anchor="middle", token="accent", weight=650)
    for number, one in enumerate(journeys):
        y = top + row * number + 16
        canvas.text(label, y + 4, one.label, anchor="end", token="ink")
        _journey(canvas, at, one, y, ordered_on, promised_on)
    return canvas.figure()


def _journey(
    canvas: Canvas, at: object, one: Journey, y: float, ordered_on: date, promised_on: date | None
) -> None:
    assert callable(at)
    if one.deliver_on is None:
        canvas.text(at(ordered_on) + 8, y + 4, "cannot be served", token="bad", weight=600)
        return
    late = promised_on is not None and one.deliver_on > promised_on
    token = "bad" if late else "warn" if one.waits else "good"
    ship = one.ship_on or ordered_on
    canvas.line(
        at(ordered_on), y, at(ship), y, token="rule", width=2, dash="3 3" if one.waits else ""
    )
    canvas.bar(at(ship), y - 4, at(one.deliver_on) - at(ship), 8, token=token, radius=4)
    leaves = f"leaves {words.short_day(ship)}"
    there = f"there {words.short_day(one.deliver_on)}"
    canvas.dot(at(ship), y, token=token, radius=5, tip=leaves)
    canvas.mark(
        at(one.deliver_on),
        y,
        "stock-out" if late else "at risk" if one.waits else "healthy",
        size=7,
        tip=there,
    )
    if at(one.deliver_on) - at(ship) > text_width(leaves, 11) / 2 + text_width(there, 11) / 2 + 10:
        canvas.text(at(ship), y + 18, leaves, anchor="middle", size=11, halo=True)
    canvas.text(at(one.deliver_on), y + 18, there, anchor="middle", token="ink", size=11, halo=True)


def _days(
    canvas: Canvas, across: Scale, first: date, last: date, height: float, top: float
) -> None:
    span = (last - first).days
    most = max(2.0, (across(span) - across(0)) / 62)
    step = next((n for n in (1, 2, 7, 14, 28, 56) if span / n <= most), 84)
    for day in range(0, span + 1, step):
        x = across(day)
        canvas.line(x, top - 4, x, height - 20, token="line")
        when = first + timedelta(days=day)
        canvas.text(x, height - 6, words.short_day(when), anchor="middle", size=11)


def _said(journeys: Sequence[Journey], promised_on: date | None) -> str:
    told = [
        f"{one.label} there {words.day(one.deliver_on)}"
        if one.deliver_on
        else f"{one.label} cannot be served"
        for one in journeys
    ]
    flag = f"Promised {words.day(promised_on)}. " if promised_on else ""
    return flag + "; ".join(told) + "."
