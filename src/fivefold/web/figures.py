"""Figures of plans, forecasts and proofs for notebooks and pages: functions that return a chart.

A figure shows itself in a notebook, and `figure.svg` is its text. What it draws is what the
report and the pages draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset, Outcome
from fivefold.twin.experiment import Proof
from fivefold.web.charts import fan, intervals, lines, waterfall
from fivefold.web.drawing import Figure
from fivefold.web.summaries import contribution_steps, weekly_history
from fivefold.web.tower.drawings import StockWeek, projected_stock

#: Levels drawn where they were forecast, mirrored about the middle.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def forecast_figure(
    made: Plan | Outcome,
    item: str,
    location: str | None = None,
    *,
    levels: Sequence[float] = LEVELS,
    width: int = 640,
) -> Figure:
    """Return history and quantiles of an item's demand, week by week.

    Parameters
    ----------
    made : Plan or Outcome
        With the tables forecasts and, of a plan, the history it was made from.
    item : str
    location : str, optional
        Default the place where most is expected.
    levels : sequence of float
        Quantiles wanted; those that were not forecast are left out.

    Raises
    ------
    KeyError
        If nothing was forecast for the item there.
    """
    table, place = _of(made, "forecasts", item, location)
    quantiles = {}
    for level in levels:
        own = table.filter((pl.col("quantile") - level).abs() < 1e-9).sort("period_start")
        if own.height:
            quantiles[level] = list(own.select("period_start", "units").iter_rows())
    mirrored = {a: rows for a, rows in quantiles.items() if _has_mirror(a, quantiles)}
    past = weekly_history(made, item, place) if isinstance(made, Plan) else None
    history: list[tuple[date, float]] = []
    censored: list[date] = []
    if past is not None and past.height:
        history = list(past.select("week", "units").iter_rows())
        censored = past.filter("censored")["week"].to_list()
    return fan(
        title=f"Weekly demand of {item} at {place}",
        history=history,
        quantiles=mirrored,
        censored=censored,
        width=width,
    )


def _has_mirror(level: float, levels: dict[float, list[tuple[date, float]]]) -> bool:
    return any(abs(1 - level - other) < 1e-9 for other in levels)


def stock_figure(
    made: Plan | Outcome, item: str, location: str | None = None, *, width: int = 640
) -> Figure:
    """Return an item's stock as a plan projects it: ends of weeks, receipts, target, shortage.

    Raises
    ------
    KeyError
        If the plan holds no stock of the item there.
    """
    table, place = _of(made, "projected_stock", item, location)
    rows = table.sort("period_start").select(
        "period_start", "closing", "receipts", "unmet", "target"
    )
    weeks = [
        StockWeek(
            start=start,
            closing=closing or 0.0,
            receipts=receipts or 0.0,
            unmet=unmet or 0.0,
            target=target,
        )
        for start, closing, receipts, unmet, target in rows.iter_rows()
    ]
    return projected_stock(weeks, title=f"Projected stock of {item} at {place}", width=width)


def _of(
    made: Plan | Outcome, table: str, item: str, location: str | None
) -> tuple[pl.DataFrame, str]:
    rows = made[table].filter(pl.col("item") == item)
    if location is None and rows.height:
        wanted = pl.col("units" if "units" in rows.columns else "demand").sum()
        most = rows.group_by("location").agg(wanted=wanted)
        most = most.sort("wanted", "location", descending=[True, False])
        location = str(most["location"][0])
    if location is not None:
        rows = rows.filter(pl.col("location") == location)
    if not rows.height:
        raise KeyError(f"{table} has no rows of {item!r} at {location!r}")
    assert location is not None, "rows are of one place by now"
    return rows, location


def proof_figure(proof: Proof, *, unit: str = "currency", width: int = 640) -> Figure:
    """Return what a plan changes against the policy before it, with 95 % intervals.

    Parameters
    ----------
    proof : Proof
    unit : str
        Only measures of this unit share an axis: currency, share, units, days. A measure of
        which less is better is drawn with its sign turned, so that right is better everywhere.
    """
    rows = []
    for figure in proof.figures:
        if figure.unit != unit:
            continue
        name = figure.measure.replace("_", " ")
        told = (figure.difference, figure.low, figure.high)
        if figure.better != "higher":
            name, told = f"{name} (saved)", (-told[0], -told[2], -told[1])
        rows.append((name, *told))
    shown = "$" if unit == "currency" else ""
    return intervals(
        title=f"{proof.new} against {proof.old}, {proof.days} days",
        rows=rows,
        unit=shown,
        width=width,
    )


def contribution_figure(plan: Plan, dataset: Dataset, *, width: int = 640) -> Figure:
    """Return from revenue to contribution, fee by fee."""
    return waterfall(
        title="From revenue to contribution", rows=contribution_steps(plan, dataset), width=width
    )


def stock_lines(
    made: Plan | Outcome, items: Sequence[str], location: str, *, width: int = 640
) -> Figure:
    """Return the projected stock of several items in one place."""
    series: dict[str, list[float]] = {}
    days: list[date] = []
    for item in items:
        rows = _of(made, "projected_stock", item, location)[0].sort("period_start")
        days = rows["period_start"].to_list()
        series[item] = rows["closing"].to_list()
    return lines(title=f"Projected stock at {location}", days=days, series=series, width=width)
