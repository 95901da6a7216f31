"""A Gantt chart: tasks on resources over time, late ones marked, load under each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fivefold.web.drawing import Canvas, Figure, nothing, shortened, text_width
from fivefold.web.scales import Scale

_ROW = 46
_HEAD = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work on a resource from start to finish; `late_days` above zero marks it.

    `setup_hours` at its start are drawn paler.
    """

    name: str
    resource: str
    start: datetime
    finish: datetime
    late_days: float = 0.0
    tip: str = ""
    setup_hours: float = 0.0


def gantt(
    *,
    title: str,
    tasks: Sequence[Task],
    names: dict[str, str] | None = None,
    width: int = 1080,
    lanes: int = 1,
) -> Figure:
    """Return tasks as bars on the row of their resource.

    Parameters
    ----------
    title : str
    tasks : sequence of Task
    names : dict, optional
        Name to show for a resource.
    width : int
    lanes : int
        Rows a resource is spread over, where its tasks are many: tasks take turns.
    """
    if not tasks:
        return nothing(title, "No work is planned.", width=width)
    known = names or {}
    ordered = sorted(tasks, key=lambda task: (task.resource, task.start, task.name))
    resources = list(dict.fromkeys(task.resource for task in ordered))
    first = min(task.start for task in tasks)
    last = max(task.finish for task in tasks)
    late = sum(task.late_days > 0 for task in tasks)
    said = f"{len(tasks)} pieces of work on {len(resources)} resources, {late} late, "
    tall = 12 + 30 * lanes
    canvas = Canvas(
        width,
        _HEAD + tall * len(resources) + 26,
        title,
        said + f"{first:%d %b %Y} to {last:%d %b %Y}.",
    )
    room = max(text_width(known.get(name, name), 12) for name in resources) + 14
    left = min(room, width * 0.24)
    start = datetime.combine(first.date(), datetime.min.time(), first.tzinfo)
    hours = max(1.0, (last - start).total_seconds() / 3600)
    across = Scale(0.0, hours, left, width - 6)
    _days(canvas, start, last, across, _HEAD + tall * len(resources))
    for number, resource in enumerate(resources):
        top = _HEAD + tall * number
        canvas.line(0, top, width, top, token="line")
        label = shortened(known.get(resource, resource), left - 8)
        canvas.text(2, top + 24, label, token="ink", weight=600)
        own = [task for task in ordered if task.resource == resource]
        for turn, task in enumerate(own):
            _bar(canvas, task, start, across, top + 6 + 30 * (turn % lanes))
    bottom = _HEAD + tall * len(resources)
    canvas.line(0, bottom, width, bottom, token="line")
    _key(canvas, left, bottom + 17)
    return canvas.figure()


def _bar(canvas: Canvas, task: Task, start: datetime, across: Scale, y: float) -> None:
    x = across((task.start - start).total_seconds() / 3600)
    wide = across((task.finish - start).total_seconds() / 3600) - x
    late = task.late_days > 0
    tip = task.tip or f"{task.name}: {task.start:%d %b %H:%M} to {task.finish:%d %b %H:%M}"
    canvas.bar(x, y, max(2.0, wide - 1.5), 24, token="bad" if late else "good", radius=4, tip=tip)
    if task.setup_hours > 0:
        until = min(task.finish, task.start + timedelta(hours=task.setup_hours))
        paid = across((until - start).total_seconds() / 3600) - x
        if paid >= 1.5:
            canvas.bar(x, y, paid, 24, token="rule", radius=2, tip=f"Set-up. {tip}")
    words = shortened(task.name, wide - (24 if late else 10), 11)
    if late and wide > 14:
        canvas.text(x + 5, y + 16, "▲", token="surface", size=10)
    if len(words) >= 4:
        canvas.text(x + (18 if late else 5), y + 16, words, token="surface", size=11)


def _days(canvas: Canvas, start: datetime, last: datetime, across: Scale, bottom: float) -> None:
    """Draw days where there is room, else weeks from Monday, else months."""
    day_wide = across(24) - across(0)
    count = (last.date() - start.date()).days + 1
    shown_to = -1e9
    for offset in range(count):
        day: date = start.date() + timedelta(days=offset)
        x = across(24.0 * offset)
        if day_wide >= 40:
            label = f"{day:%a %d %b}" if day_wide >= 74 else f"{day:%d %b}"
        elif day_wide * 7 >= 44 and day.weekday() == 0:
            label = f"{day:%d %b}"
        elif day_wide * 7 < 44 and day.day == 1:
            label = f"{day:%b %Y}"
        else:
            continue
        canvas.line(x, 20, x, bottom, token="line")
        if x >= shown_to and x + 4 + text_width(label, 11.5) < canvas.width:
            canvas.text(x + 4, 22, label, size=11.5)
            shown_to = x + text_width(label, 11.5) + 12


def _key(canvas: Canvas, x: float, y: float) -> None:
    canvas.bar(x, y - 9, 14, 11, token="good", radius=3)
    canvas.text(x + 19, y, "on time")
    canvas.bar(x + 76, y - 9, 14, 11, token="bad", radius=3)
    canvas.text(x + 95, y, "▲ late")
