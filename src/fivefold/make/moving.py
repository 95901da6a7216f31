"""Work that a person moves: what gives way to it, what that makes late, and at what cost.

Every order keeps the working hours it has in the table; what a new neighbour saves or asks in
set-up comes with the next schedule. Never decides that something is moved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.make.capacity import WorkTime, resources
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Working days laid out after the last order, so that what is pushed has room.
_ROOM_DAYS = 260
#: Levels of pegging that are followed from an order to the demand it ends in.
_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An order on its resource, in working hours from the first shift on."""

    order: str
    resource: str
    start: float
    hours: float


def move_work(
    dataset: Dataset,
    starts: Mapping[str, datetime],
    *,
    frozen: Collection[str] = (),
    as_of: date,
) -> Outcome:
    """Return the work orders after some were put elsewhere, and what follows from it.

    An order that is moved starts where it is put, or at the next working moment. Others on
    its resource keep their places; one that would overlap waits until a unit of the resource
    is free, and so on down the line. What is frozen gives way to nobody: where only that is in
    the way, the moved order itself waits.

    Parameters
    ----------
    dataset : Dataset
        Reads work_orders, resources, locations, calendars, calendar_closures, pegging, items.
    starts : mapping of str to datetime
        Wanted start of each order that is moved, UTC.
    frozen : collection of str
        Orders that stay where they are.
    as_of : date
        Nothing starts before the first shift of that day.

    Returns
    -------
    Outcome
        `work_orders` as they would stand; `notes["moved"]` lists order, from, to, late days
        before and after and working hours of those that differ, `notes["clashes"]` the orders
        that overlap a frozen one, `notes["late"]` the demand that would be served later than it
        is wanted, with the money of its price. Infeasible where an order would start before
        its components are there; the explanations say which.

    Raises
    ------
    ValueError
        If an order is not known, or is frozen.

    References
    ----------
    .. [1] Vieira, Herrmann, Lin (2003), "Rescheduling manufacturing systems", Journal of
       Scheduling 6, 39-62: right-shift repair.
    """
    orders = dataset["work_orders"]
    rows = {row["order"]: row for row in orders.iter_rows(named=True)}
    for name in starts:
        if name not in rows:
            raise ValueError(f"there is no work order {name!r}")
        if name in frozen:
            raise ValueError(f"work order {name!r} is frozen; free it first")
    early = list(_too_early(dataset, rows, starts))
    if early:
        return Outcome(
            tables={"work_orders": orders},
            status="infeasible",
            explanations=explanations_frame(early),
            notes={"moved": [], "clashes": [], "late": []},
        )
    machines = resources(dataset, as_of=as_of)
    changed: dict[str, tuple[datetime, datetime]] = {}
    clashes: list[str] = []
    for name in sorted({rows[order]["resource"] for order in starts}):
        if name not in machines:
            continue
        own = [row for row in rows.values() if row["resource"] == name]
        time = _work_time(machines[name], own, as_of)
        blocks = [_block(row, time) for row in own]
        wanted = {o: _hour(time, at) for o, at in starts.items() if rows[o]["resource"] == name}
        placed = _repaired(blocks, wanted, frozen=frozenset(frozen), units=machines[name].count)
        clashes += _overlaps(blocks, placed, frozen, machines[name].count)
        for block in blocks:
            at = placed[block.order]
            if abs(at - block.start) > 1e-6:
                changed[block.order] = (
                    time.instant(at),
                    time.instant(at + block.hours, ends=True),
                )
    table = _with_times(orders, changed)
    late = {row["order"]: row["late_days"] or 0.0 for row in table.iter_rows(named=True)}
    moved = [
        {
            "order": order,
            "product": rows[order]["product"],
            "from": rows[order]["start_at"],
            "to": start,
            "late_before": rows[order]["late_days"] or 0.0,
            "late_after": late[order],
        }
        for order, (start, _) in sorted(changed.items(), key=lambda pair: (pair[1][0], pair[0]))
    ]
    delays = {
        row["decision"]: (changed[row["order"]][1].date() - row["finish_at"].date()).days
        for row in rows.values()
        if row["order"] in changed and row["decision"]
    }
    return Outcome(
        tables={"work_orders": table},
        status="feasible",
        explanations=explanations_frame(_reasons(moved, starts)),
        notes={
            "moved": moved,
            "clashes": sorted(clashes),
            "late": late_demand(dataset, delays),
        },
    )


def _too_early(
    dataset: Dataset, rows: Mapping[str, Mapping[str, Any]], starts: Mapping[str, datetime]
) -> Iterator[Reason]:
    """Yield orders that would start before what they are made of is there."""
    fed = dataset["pegging"].filter(pl.col("consumer_kind") == "supply")
    ready = dict(fed.group_by("consumer").agg(pl.col("available_on").max()).iter_rows())
    for order, at in starts.items():
        row = rows[order]
        there = ready.get(row["decision"])
        # What the schedule itself did not hold back is not held back here.
        if there is None or there > row["start_at"].date() or at.date() >= there:
            continue
        yield Reason(
            subject=order,
            reason_code="constraint_bound",
            reference=row["product"],
            text=f"What {order} is made of is there from {there:%d %b %Y}; "
            f"it cannot start on {at:%d %b %Y}.",
        )


def _work_time(resource: Any, own: list[dict[str, Any]], as_of: date) -> WorkTime:
    first = min([as_of, *(row["start_at"].date() for row in own)])
    last = max([as_of, *(row["finish_at"].date() for row in own)])
    days = (last - first).days + _ROOM_DAYS
    found: WorkTime = resource.work_time(first=first, days=days, shift_start_hour=8.0)
    return found


def _hour(time: WorkTime, at: datetime) -> float:
    """Return the working hour of an instant; between two shifts, that of the next one."""
    number = bisect_right(time.opens_at, at) - 1
    if number < 0:
        return 0.0
    within = (at - time.opens_at[number]).total_seconds() / 3600
    return number * time.hours_per_day + min(within, time.hours_per_day)


def _block(row: Mapping[str, Any], time: WorkTime) -> Block:
    start, finish = _hour(time, row["start_at"]), _hour(time, row["finish_at"])
    return Block(
        order=row["order"],
        resource=row["resource"],
        start=start,
        hours=max(0.0, finish - start),
    )


def _repaired(
    blocks: list[Block], wanted: Mapping[str, float], *, frozen: frozenset[str], units: int
) -> dict[str, float]:
    """Return starts after those that are wanted are put there and others are pushed right."""
    hours = {block.order: block.hours for block in blocks}
    settled: list[tuple[float, float]] = []
    placed: dict[str, float] = {}
    for block in blocks:
        if block.order in frozen:
            placed[block.order] = block.start
            settled.append((block.start, block.start + block.hours))
    # At equal starts the one that was put there goes first.
    queue = sorted(
        (block for block in blocks if block.order not in frozen),
        key=lambda b: (wanted.get(b.order, b.start), b.order not in wanted, b.start, b.order),
    )
    for block in queue:
        start = _first_room(
            settled, wanted.get(block.order, block.start), hours[block.order], units
        )
        placed[block.order] = start
        settled.append((start, start + block.hours))
    return placed


def _first_room(
    settled: list[tuple[float, float]], start: float, hours: float, units: int
) -> float:
    """Return the first hour from `start` on at which a unit is free for so long."""
    slack = 1e-6
    ends = sorted({end for _, end in settled if end > start + slack})
    for at in [start, *ends]:
        busy = [(a, b) for a, b in settled if a < at + hours - slack and b > at + slack]
        if len(busy) < units or _depth(busy, at, at + hours) < units:
            return at
    return start


def _depth(spans: list[tuple[float, float]], first: float, last: float) -> int:
    """Return how many spans run at the same time at most, between two hours."""
    slack = 1e-6
    return max(
        (
            sum(1 for a, b in spans if a <= at + slack and b > at + slack)
            for at in [first, *(a for a, _ in spans if first < a < last)]
        ),
        default=0,
    )


def _overlaps(
    blocks: list[Block], placed: Mapping[str, float], frozen: Collection[str], units: int
) -> list[str]:
    spans = {b.order: (placed[b.order], placed[b.order] + b.hours) for b in blocks}
    kept = [spans[o] for o in spans if o in frozen]
    return [
        order
        for order, (a, b) in spans.items()
        if order not in frozen and kept and _depth([*kept, (a, b)], a, b) > units
    ]


def _with_times(
    orders: pl.DataFrame, changed: Mapping[str, tuple[datetime, datetime]]
) -> pl.DataFrame:
    """Return the table with other times, and what hangs on them moved by as many days."""
    rows = []
    for row in orders.iter_rows(named=True):
        if row["order"] in changed:
            start, finish = changed[row["order"]]
            days = timedelta(days=(finish.date() - row["finish_at"].date()).days)
            ahead = timedelta(days=(start.date() - row["start_at"].date()).days)
            there = row["available_on"] + days if row["available_on"] else None
            row |= {
                "start_at": start,
                "finish_at": finish,
                "available_on": there,
                "released_on": row["released_on"] + ahead if row["released_on"] else None,
                "late_days": float(max(0, ((there or finish.date()) - row["due_on"]).days)),
            }
        rows.append(row)
    return schema("work_orders").frame(rows) if rows else orders


def late_demand(dataset: Dataset, delays: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the demand that decisions which come later than planned serve too late.

    The slack between what comes and what takes it is used up first, link by link.

    Parameters
    ----------
    dataset : Dataset
        Reads pegging, supply_plan, items.
    delays : mapping of str to int
        Days by which each decision is available later.

    Returns
    -------
    list of dict
        consumer, kind, item, location, wanted_on, units, days, value: list price of the units.
    """
    takers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in dataset["pegging"].filter(pl.col("origin_kind") == "decision").iter_rows(named=True):
        takers[row["origin"]].append(row)
    begins = dict(dataset["supply_plan"].select("decision", "start_on").iter_rows())
    price = dict(dataset["items"].select("item", pl.col("price").fill_null(0.0)).iter_rows())
    found: dict[tuple[str, str, str], dict[str, Any]] = {}

    def follow(decision: str, days: int, depth: int) -> None:
        for row in takers.get(decision, ()):
            wanted = row["wanted_on"] or begins.get(row["consumer"])
            slack = (wanted - row["available_on"]).days if wanted else 0
            late = days - max(0, slack)
            if late <= 0:
                continue
            if row["consumer_kind"] == "supply":
                if depth < _DEPTH:
                    follow(row["consumer"], late, depth + 1)
            elif row["consumer_kind"] != "safety_stock":
                key = (row["consumer"], row["item"], row["location"])
                told = found.setdefault(
                    key,
                    {
                        "consumer": row["consumer"],
                        "kind": row["consumer_kind"],
                        "item": row["item"],
                        "location": row["location"],
                        "wanted_on": row["wanted_on"],
                        "units": 0.0,
                        "days": 0,
                        "value": 0.0,
                    },
                )
                told["units"] += row["units"]
                told["days"] = max(told["days"], late)
                told["value"] += row["units"] * price.get(row["item"], 0.0)

    for decision, days in delays.items():
        if days > 0:
            follow(decision, days, 0)
    return sorted(found.values(), key=lambda row: (-row["value"], row["consumer"]))


def _reasons(moved: list[dict[str, Any]], starts: Mapping[str, datetime]) -> list[Reason]:
    return [
        Reason(
            subject=row["order"],
            reason_code="constraint_bound",
            reference=next(iter(starts), ""),
            text=f"Put at {row['to']:%d %b %H:%M}."
            if row["order"] in starts
            else f"Gives way: {row['from']:%d %b %H:%M} to {row['to']:%d %b %H:%M}.",
        )
        for row in moved
    ]
