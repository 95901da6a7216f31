"""The day's routes drawn from their tables: a map of the stops, and bars of each route's day."""

from __future__ import annotations

import math

import polars as pl

from fivefold.deliver.last_mile.arrivals import clock_text
from fivefold.web.drawing import Canvas, Figure, nothing, shortened
from fivefold.web.scales import Scale

TOKENS = ("accent", "good", "violet", "warn", "bad")
#: Stops drawn as dots at most; lines are drawn for all.
MOST_DOTS = 1500
ROW = 26.0
#: Routes whose day is drawn as a bar at most.
MOST_BARS = 60


def _placed(stops: pl.DataFrame) -> pl.DataFrame:
    return stops.filter(pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null())


def routes_map(routes: pl.DataFrame, stops: pl.DataFrame, *, width: int = 760) -> Figure:
    """Return a map of routes: one line a route, a square where the station stands."""
    title = "Map of the day's routes"
    placed = _placed(stops).sort("route", "sequence")
    if placed.height == 0:
        return nothing(title, "No route has been made.", width=width)
    south, north = _ends(placed, "latitude")
    west, east = _ends(placed, "longitude")
    across = math.cos(math.radians((south + north) / 2.0))
    wide, high = max(1e-6, (east - west) * across), max(1e-6, north - south)
    height = min(width * 0.9, max(width * 0.45, width * high / wide))
    per_degree = min((width - 24) / wide, (height - 24) / high)
    spare = (width - wide * per_degree) / 2.0
    x = Scale(west, east, spare, spare + wide * per_degree)
    top = (height - high * per_degree) / 2.0
    y = Scale(north, south, top, top + high * per_degree)
    visited = placed.filter(pl.col("delivery").is_not_null()).height
    canvas = Canvas(width, round(height), title, f"{routes.height} routes, {visited} visits")
    for number, route in enumerate(routes.sort("route")["route"]):
        own = placed.filter(pl.col("route") == route)
        points = [(x(b), y(a)) for a, b in own.select("latitude", "longitude").iter_rows()]
        token = TOKENS[number % len(TOKENS)]
        canvas.path(points, token=token, width=1.2)
        if visited <= MOST_DOTS:
            for row in own.filter(pl.col("delivery").is_not_null()).iter_rows(named=True):
                tip = f"{row['delivery']}, {clock_text(row['starts_minute'])}, {route}"
                at = (x(row["longitude"]), y(row["latitude"]))
                canvas.dot(*at, token=token, radius=2.4, tip=tip)
    stations = placed.filter(pl.col("kind") == "depart").unique(["latitude", "longitude"])
    for a, b in stations.select("latitude", "longitude").iter_rows():
        canvas.bar(x(b) - 5, y(a) - 5, 10, 10, token="ink", tip="Station")
    return canvas.figure()


def _ends(frame: pl.DataFrame, column: str) -> tuple[float, float]:
    return float(str(frame[column].min())), float(str(frame[column].max()))


def routes_bars(
    routes: pl.DataFrame, stops: pl.DataFrame, *, width: int = 760, most: int = MOST_BARS
) -> Figure:
    """Return each route's day as a bar: stops as ticks, windows behind them, breaks lighter."""
    title = "Routes through the day"
    shown = routes.sort("starts_minute", "route").head(most)
    if shown.height == 0:
        return nothing(title, "No route has been made.", width=width)
    room = min(220.0, width * 0.3)
    first = math.floor(float(str(shown["starts_minute"].min())) / 60.0)
    last = math.ceil(float(str(shown["ends_minute"].max())) / 60.0)
    scale = Scale(first * 60.0, last * 60.0, room, width - 12.0)
    height = ROW * shown.height + 30
    said = f"{shown.height} of {routes.height} routes between {first} and {last} o'clock"
    canvas = Canvas(width, round(height), title, said)
    every = 1 if width > 500 else 3
    for hour in range(first, last + 1, every):
        canvas.line(scale(hour * 60.0), 18, scale(hour * 60.0), height - 4, token="line")
        canvas.text(scale(hour * 60.0), 12, f"{hour}", anchor="middle", size=10)
    for number, row in enumerate(shown.iter_rows(named=True)):
        _bar(canvas, scale, row, stops.filter(pl.col("route") == row["route"]), 20 + ROW * number)
        name = shortened(row["route"], room - 10)
        canvas.text(4, 20 + ROW * number + 15, name, token="ink", size=11)
    return canvas.figure()


def _bar(
    canvas: Canvas, scale: Scale, row: dict[str, object], stops: pl.DataFrame, top: float
) -> None:
    """Draw one route: its windows, its time out, its breaks, its stops."""
    starts, ends = float(str(row["starts_minute"])), float(str(row["ends_minute"]))
    windows = stops.filter(pl.col("window_end_minute").is_not_null()).unique(
        ["window_start_minute", "window_end_minute"], maintain_order=True
    )
    for a, b in windows.select("window_start_minute", "window_end_minute").iter_rows():
        begin = max(scale.low, starts if a is None else float(a))
        end = min(scale.high, float(b))
        if end > begin:
            tip = f"Window {clock_text(begin)} to {clock_text(float(b))}"
            canvas.bar(scale(begin), top, scale(end) - scale(begin), ROW - 6, token="warn",
                       tip=tip, opacity=0.25)  # fmt: skip
    tip = (
        f"{row['route']}: {clock_text(starts)} to {clock_text(ends)}, {row['stops']} stops, "
        f"{row['parcels']} parcels"
    )
    canvas.bar(scale(starts), top + 6, scale(ends) - scale(starts), ROW - 18, token="accent",
               tip=tip, opacity=0.55)  # fmt: skip
    for step in stops.iter_rows(named=True):
        at = scale(step["starts_minute"])
        if step["kind"] == "break":
            canvas.bar(at, top + 6, scale(step["leaves_minute"]) - at, ROW - 18, token="surface",
                       tip="Break")  # fmt: skip
        elif step["delivery"] is not None:
            canvas.line(at, top + 4, at, top + ROW - 10, token="accent", width=0.8)
