"""The schedule drawn from its tables: a Gantt of steps by machine, and the load of each week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from fivefold.web.drawing import Figure, colour
from fivefold.web.gantt import Task, gantt


def step_tasks(
    steps: pl.DataFrame,
    orders: pl.DataFrame,
    *,
    from_at: datetime | None = None,
    weeks: float = 2.0,
) -> list[Task]:
    """Return the steps that run within some weeks as bars; those of late orders are marked.

    Parameters
    ----------
    steps, orders : polars.DataFrame
        Tables work_operations and work_orders.
    from_at : datetime, optional
        First moment drawn; the first start where none is given.
    weeks : float
    """
    if steps.height == 0:
        return []
    late = dict(orders.select("order", "late_days").iter_rows())
    first = from_at or steps["start_at"].min()
    assert isinstance(first, datetime)
    last = first + timedelta(weeks=weeks)
    soon = steps.filter((pl.col("start_at") < last) & (pl.col("finish_at") > first))
    return [
        Task(
            name=row["product"],
            resource=row["resource"] + (f" #{row['unit']}" if (row["unit"] or 1) > 1 else ""),
            start=max(row["start_at"], first),
            finish=min(row["finish_at"], last),
            late_days=late.get(row["order"]) or 0.0,
            setup_hours=row["setup_hours"] or 0.0,
            tip=f"{row['order']} step {row['operation']}: {row['quantity']:,.0f} on "
            f"{row['resource']}, {row['start_at']:%d %b %H:%M} to {row['finish_at']:%d %b %H:%M}"
            f" UTC, set-up {row['setup_hours'] or 0:.2f} h",
        )
        for row in soon.sort("resource", "start_at").iter_rows(named=True)
    ]


def schedule_figure(
    steps: pl.DataFrame,
    orders: pl.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    weeks: float = 2.0,
    width: int = 1080,
) -> Figure:
    """Return the Gantt of the steps that run within some weeks, a row a machine."""
    tasks = step_tasks(steps, orders, weeks=weeks)
    return gantt(title="Steps by machine", tasks=tasks, names=dict(names or {}), width=width)


def standalone_svg(figure: Figure) -> str:
    """Return a drawing as an SVG file of its own, on the surface of the light theme."""
    svg = figure.svg
    if 'xmlns="' not in svg[:400]:
        svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, body = svg.partition(">")
    paper = f'<rect width="100%" height="100%" fill="{colour("surface")}"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{paper}{body}\n'
