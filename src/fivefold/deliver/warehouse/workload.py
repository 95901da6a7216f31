"""How much work a building has hour by hour: orders expected, goods that come, moves that leave.

Knows the forecast, when customers order, what an order is like, and labour standards. Says
person-hours by hour and task; decides nothing about people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.calendars import WorkCalendar
from fivefold.deliver.warehouse.building import TASKS, Building, minute_of_day
from fivefold.model import Dataset

FloatArray = npt.NDArray[np.float64]
HOURS = 24
#: Orders that must be known before their hours are believed; fewer are spread over the day.
ENOUGH_ORDERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What orders of a building are like.

    `by_hour` (24,) is the share that comes in each local hour, `by_weekday` (7,) Monday first;
    `walk_m` the way a unit is picked for; `known` the orders that tell.
    """

    by_hour: FloatArray
    by_weekday: FloatArray
    units: float
    parcels: float
    walk_m: float
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Person-hours of a day, (24, n_tasks): what comes in, what is due; and orders by hour.

    `each` is the hours an order takes by task.
    """

    day: date
    arrives: FloatArray
    due: FloatArray
    orders: FloatArray
    each: Mapping[str, float]
    without_standard: tuple[str, ...]


def orders_of(
    dataset: Dataset, building: Building, timezone: str | None, *, as_of: date, days: int = 182
) -> Orders:
    """Return what orders of the last days were like.

    A unit's way is that of the walks planned last where there are any, else there and back to
    its slot divided by the orders of a cart.
    """
    past = dataset["orders"].filter(
        (pl.col("location") == building.location)
        & (pl.col("status") != "cancelled")
        & (pl.col("ordered_at").dt.date() < as_of)
        & (pl.col("ordered_at").dt.date() >= as_of - timedelta(days=days))
    )
    zone = str(ZoneInfo(timezone or "UTC"))
    whole = past.group_by("order").agg(
        pl.col("ordered_at").min().dt.convert_time_zone(zone), pl.col("quantity").sum()
    )
    by_hour, by_weekday = np.full(HOURS, 1.0 / HOURS), np.full(7, 1.0 / 7)
    if whole.height >= ENOUGH_ORDERS:
        by_hour = np.bincount(whole["ordered_at"].dt.hour().to_numpy(), minlength=HOURS)
        by_weekday = np.bincount(whole["ordered_at"].dt.weekday().to_numpy() - 1, minlength=7)
        by_hour, by_weekday = by_hour / by_hour.sum(), by_weekday / by_weekday.sum()
    units = float(whole["quantity"].sum()) / whole.height if whole.height else 1.0
    waves = dataset["pick_waves"].filter(pl.col("location") == building.location)
    parcels, walk = 1.0, _walk_without_waves(dataset, building)
    if waves.height:
        parcels = float(waves["parcels"].sum()) / float(waves["orders"].sum())
        walk = float(waves["walk_m"].sum()) / float(waves["units"].sum())
    return Orders(
        by_hour=by_hour, by_weekday=by_weekday, units=max(units, 1e-9), parcels=parcels,
        walk_m=walk, known=whole.height,
    )  # fmt: skip


def _walk_without_waves(dataset: Dataset, building: Building) -> float:
    slotted = dataset["slotting"].filter(pl.col("location") == building.location)
    carts = building.cart_orders or 1
    if slotted.height and float(slotted["picks_per_week"].sum()) > 0:
        ways = slotted["walk_m"].to_numpy() @ slotted["picks_per_week"].to_numpy()
        return float(ways) / float(slotted["picks_per_week"].sum()) / carts
    if building.slots:
        return float(np.mean([slot.walk_m for slot in building.slots])) / carts
    return 0.0


def work_of_days(
    dataset: Dataset,
    building: Building,
    orders: Orders,
    calendar: WorkCalendar,
    *,
    cut_off: str,
    first: date,
    days: int,
) -> list[Work]:
    """Return the work of every working day.

    Orders that come after the cut-off, or on a day on which nobody works, are there when
    the next working day begins. Each order is due with the first pick-up it can make; goods
    that come in are there when the day begins, and must be received and stowed within it.
    """
    per_day = _units_by_day(dataset, building, orders, first, days)
    inbound, outbound = _moves(dataset, building, first, days)
    last_due = max((one.due_minute for one in building.departures), default=HOURS * 60.0)
    if cut_off:
        last_due = min(last_due, float(minute_of_day(cut_off)))
    opens = min((p.starts_hour for p in building.patterns), default=8)
    waiting, goods, cases = 0.0, 0.0, 0.0
    found = []
    for number in range(days):
        day = first + timedelta(days=number)
        units = per_day[number] * orders.by_hour
        goods += inbound.get(day, 0.0)
        cases += outbound.get(day, 0.0)
        if not calendar.is_open(day):
            waiting += float(units.sum())
            continue
        in_time = np.array([60.0 * (hour + 1) <= last_due for hour in range(HOURS)])
        today = np.where(in_time, units, 0.0)
        late = float(units.sum() - today.sum())
        early = float(today[: opens + 1].sum())
        today[:opens] = 0.0
        today[opens] = early + waiting
        found.append(_work(building, orders, day, today, (opens, goods, cases)))
        waiting, goods, cases = late, 0.0, 0.0
    return found


def _work(
    building: Building,
    orders: Orders,
    day: date,
    units: FloatArray,
    moved: tuple[int, float, float],
) -> Work:
    opens, goods, cases = moved
    arrives, due = np.zeros((HOURS, len(TASKS))), np.zeros((HOURS, len(TASKS)))
    each = {
        "pick": _each(building, "pick") + orders.walk_m / building.pace / 3600.0,
        "pack": _each(building, "pack") * orders.parcels / orders.units,
        "load": _each(building, "load") * orders.parcels / orders.units,
    }
    ends = max((max(p.works) + 1 for p in building.patterns if p.works), default=18)
    dues = sorted({int(one.due_minute // 60) for one in building.departures}) or [ends]
    for task, hours in each.items():
        t = TASKS.index(task)
        arrives[:, t] += units * hours
        for hour in np.flatnonzero(units):
            # Due by the end of the last full hour before the first pick-up it can make.
            at = next((h for h in dues if h > hour), dues[-1])
            due[max(min(at, HOURS) - 1, int(hour)), t] += units[hour] * hours
    for task, amount in (("receive", goods), ("stow", goods), ("pick", cases), ("load", cases)):
        t = TASKS.index(task)
        arrives[opens, t] += amount * _each(building, task)
        due[min(ends, HOURS) - 1, t] += amount * _each(building, task)
    lacking = tuple(task for task in TASKS if task not in building.standards)
    return Work(
        day=day,
        arrives=arrives,
        due=due,
        orders=units / orders.units,
        each={task: hours * orders.units for task, hours in each.items()},
        without_standard=lacking,
    )


def _each(building: Building, task: str) -> float:
    """Return the hours a unit or parcel takes; 0 where no standard is known."""
    standard = building.standards.get(task)
    return 1.0 / standard.per_hour if standard else 0.0


def _units_by_day(
    dataset: Dataset, building: Building, orders: Orders, first: date, days: int
) -> FloatArray:
    """Return units expected on each day: the week's forecast by weekday as orders come."""
    weeks = (
        dataset["forecast_means"]
        .filter(pl.col("location") == building.location)
        .group_by("period_start")
        .agg(pl.col("units_mean").sum())
    )
    by_week: dict[date, float] = dict(weeks.iter_rows())
    found = np.zeros(days)
    for number in range(days):
        day = first + timedelta(days=number)
        monday = day - timedelta(days=day.weekday())
        near = by_week.get(monday, by_week.get(monday + timedelta(days=7), 0.0))
        found[number] = float(near) * orders.by_weekday[day.weekday()]
    return found


def _moves(
    dataset: Dataset, building: Building, first: date, days: int
) -> tuple[dict[date, float], dict[date, float]]:
    """Return units that come in, and cases that leave by plan, by day."""
    last = first + timedelta(days=days)
    cases = pl.col("case_quantity").fill_null(1)
    plan = dataset["supply_plan"].join(
        dataset["items"].select("item", "case_quantity"), on="item", how="left"
    )
    leaves = plan.filter(
        (pl.col("source") == building.location)
        & (pl.col("kind") == "move")
        & pl.col("start_on").is_between(first, last, closed="left")
    )
    outbound = leaves.group_by("start_on").agg((pl.col("quantity") / cases).ceil().sum())
    comes = pl.concat(
        [
            plan.select("destination", day="due_on", units="quantity"),
            dataset["supply_orders"].select(
                "destination",
                day="expected_on",
                units=pl.col("quantity") - pl.col("quantity_received").fill_null(0),
            ),
        ]
    ).filter(
        (pl.col("destination") == building.location)
        & pl.col("day").is_between(first, last, closed="left")
    )
    inbound = comes.group_by("day").agg(pl.col("units").sum().cast(pl.Float64))
    return dict(inbound.iter_rows()), dict(outbound.iter_rows())
