"""A building drawn from its tables: slots from above, a walk through them, work against people."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import polars as pl

from fivefold.deliver.warehouse.picker_routes import Block, by_aisle, shortest_tour
from fivefold.web.drawing import Canvas, Figure, nothing
from fivefold.web.scales import Scale

#: Colour of a slot by the class of its item.
CLASSES = {"A": "accent", "B": "band", "C": "band-wide"}
TASKS = {"receive": "violet", "stow": "warn", "pick": "accent", "pack": "good", "load": "bad"}


def floor_plan(
    layout: dict[str, float],
    slots: pl.DataFrame,
    slotted: pl.DataFrame,
    walk: pl.DataFrame,
    *,
    width: int = 760,
) -> Figure:
    """Return the aisles from above, slots shaded by class, and one walk of a picker.

    Parameters
    ----------
    layout : dict
        A row of building_layouts.
    slots, slotted, walk : polars.DataFrame
        Rows of slots, of slotting, and the picks of one walk (or none).
    """
    title = "Floor of the building"
    if slots.height == 0:
        return nothing(title, "No slots are known.", width=width)
    aisles, length = int(layout["aisles"]), float(layout["aisle_length_m"])
    apart = float(layout["aisle_distance_m"])
    per_metre = (width - 60) / max(apart * aisles, 1.0)
    tall = min(max(length * per_metre, 160.0), 420.0)
    y = Scale(0.0, length, tall + 34.0, 34.0)

    def x(aisle: float) -> float:
        return 30.0 + per_metre * apart * (aisle - 0.5)

    used = slotted.select("slot", "item", "class", "picks_per_week")
    known = slots.join(used, on="slot", how="left").sort("aisle", "depth_m", "level")
    levels = int(str(known["level"].max()))
    depths = sorted(set(known["depth_m"]))
    step = min((b - a for a, b in itertools.pairwise(depths)), default=length / 4)
    high = max(3.0, abs(y(0.0) - y(step)) - 2.0)
    cell = max(3.0, min(0.7 * per_metre * apart / max(levels, 1), 16.0))
    said = f"{aisles} aisles, {slots.height} slots, {slotted.height} items"
    canvas = Canvas(width, round(tall + 70), title, said)
    for aisle in range(1, aisles + 1):
        canvas.text(x(aisle), 22, f"{aisle}", anchor="middle", size=10)
    for row in known.iter_rows(named=True):
        left = x(row["aisle"]) + (row["level"] - 1 - levels / 2.0) * cell
        tip = f"{row['slot']}: free"
        if row["item"] is not None:
            tip = f"{row['slot']}: {row['item']}, {row['picks_per_week']:.1f} picks a week"
        token = CLASSES.get(row["class"] or "", "shade")
        canvas.bar(left, y(row["depth_m"]) - high / 2.0, cell - 1.0, high, token=token, tip=tip)
    depot = int(layout["depot_aisle"] or 1)
    canvas.bar(x(depot) - 24, tall + 46, 48, 12, token="ink", tip="Pack stations")
    canvas.text(x(depot) + 30, tall + 56, "pack stations", size=10)
    if walk.height:
        block = Block(
            aisles=aisles, aisle_distance=apart, length=length, depot_aisle=float(depot - 1)
        )
        stops = [(int(a) - 1, float(d)) for a, d in walk.select("aisle", "depth_m").iter_rows()]
        _length, places = shortest_tour(block, by_aisle(stops))
        points = _corners([(depot - 1, 0.0), *places, (depot - 1, 0.0)], length)
        canvas.path([(x(a + 1), y(d)) for a, d in points], token="bad", width=1.8)
        for number, (aisle, depth) in enumerate(places, start=1):
            canvas.dot(x(aisle + 1), y(depth), token="bad", radius=3.2, tip=f"Stop {number}")
    return canvas.figure()


def _corners(places: Sequence[tuple[int, float]], length: float) -> list[tuple[int, float]]:
    """Return places with the corners a picker turns at between aisles."""
    points = [places[0]]
    for (aisle, depth), (other, there) in itertools.pairwise(places):
        if other != aisle:
            side = 0.0 if depth + there <= 2 * length - depth - there else length
            points += [(aisle, side), (other, side)]
        points.append((other, there))
    return points


def work_and_people(hours: pl.DataFrame, *, width: int = 560) -> Figure:
    """Return a day's work done by hour, stacked by task, with what waits as a line."""
    title = "Work and people by hour"
    if hours.height == 0:
        return nothing(title, "No shifts are planned.", width=width)
    by_hour = hours.group_by("hour").agg(
        done=pl.col("done_hours").sum(), waiting=pl.col("waiting_hours").sum()
    )
    first, last = int(str(hours["hour"].min())), int(str(hours["hour"].max())) + 1
    top = max(float(str(by_hour["done"].max())), float(str(by_hour["waiting"].max())), 0.5)
    height = 230
    x = Scale(float(first), float(last), 40.0, width - 12.0)
    y = Scale(0.0, top, height - 26.0, 34.0)
    said = f"at most {top:.1f} hours of work in an hour"
    canvas = Canvas(width, height, title, said)
    for part in range(5):
        value = top * part / 4
        canvas.line(40, y(value), width - 12, y(value), token="line")
        canvas.text(34, y(value) + 3, f"{value:.1f}", anchor="end", size=10)
    wide = max(4.0, x(first + 1.0) - x(float(first)) - 4.0)
    for hour in range(first, last):
        bottom = 0.0
        for task, token in TASKS.items():
            row = hours.filter((pl.col("hour") == hour) & (pl.col("task") == task))
            done = float(row["done_hours"].sum())
            if done > 1e-6:
                canvas.bar(
                    x(float(hour)) + 2, y(bottom + done), wide, y(bottom) - y(bottom + done),
                    token=token, tip=f"{hour}:00 {task}: {done:.2f} hours",
                )  # fmt: skip
                bottom += done
        canvas.text(x(hour + 0.5), height - 10, f"{hour}", anchor="middle", size=10)
    waiting = dict(by_hour.select("hour", "waiting").iter_rows())
    points = [(x(hour + 1.0), y(float(waiting.get(hour, 0.0)))) for hour in range(first, last)]
    canvas.path(points, token="ink", width=1.5)
    at = 40.0
    for task, token in [*TASKS.items(), ("left waiting", "ink")]:
        canvas.bar(at, 10, 9, 9, token=token)
        canvas.text(at + 13, 18, task, size=10)
        at += (20 if width > 400 else 17) + 5.6 * len(task)
    return canvas.figure()
