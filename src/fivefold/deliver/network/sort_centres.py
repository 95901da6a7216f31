"""Sorting in waves: which parcels are sorted when and to which chute, by how many people.

Parcels arrive with trucks and must be sorted in time for theirs. Sorting what leaves first first
misses no truck that any order would make; the tightest stretch of hours sets the least rate.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import figures
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Floats = NDArray[np.float64]
#: Days played one after the other; the one before the last is told, when days repeat.
_DAYS = 5
_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Parcels of one arrival for one departure; hours count from midnight of the day they come."""

    destination: str
    mode: str
    service_days: int
    parcels: float
    arrives: float
    departs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """The least rate of sorting at which all is in time, and the stretch that asks for it."""

    rate: float
    from_hour: float
    to_hour: float


def plan_sorting(dataset: Dataset, *, as_of: date) -> Outcome:
    """Plan the sorting of every sort centre for a day that repeats.

    Parameters
    ----------
    dataset : Dataset
        network_flows, linehaul_trips, buildings, network_figures.
    as_of : date
        Day of the plan.

    Returns
    -------
    Outcome
        sort_plan and sort_crews; `objective` is the labour of the day in hours. `notes`:
        parcels, late_parcels, heads, centres.

    Notes
    -----
    Earliest deadline first with preemption is optimal for one machine with release times (Horn
    1974, "Some simple scheduling algorithms", *Naval Research Logistics* 21, 177-185). A rate is
    enough if no stretch of hours is asked for more than it can: the critical interval of Yao,
    Demers, Shenker (1995, "A scheduling model for reduced CPU energy").
    """
    known = figures(dataset)
    batches = sort_batches(dataset)
    rooms = dict(
        dataset["buildings"]
        .filter(pl.col("building_type") == "sort_centre")
        .select("location", pl.struct("capacity_parcels_per_day", "chutes"))
        .iter_rows()
    )
    plan: list[dict[str, object]] = []
    crews: list[dict[str, object]] = []
    for place in sorted(batches):
        room = rooms[place]
        rows, crew = _sort_place(
            place, batches[place], room["capacity_parcels_per_day"], room["chutes"], known
        )
        plan.extend(rows)
        crews.append(crew)
    table = schema("sort_plan").frame(plan).sort("decision")
    people = schema("sort_crews").frame(crews).sort("location")
    late = float(people["late_parcels"].sum())
    return Outcome(
        tables={"sort_plan": table, "sort_crews": people},
        status="feasible",
        objective=float(people["labour_hours"].sum()),
        explanations=explanations_frame(_reasons(people)),
        notes={
            "centres": people.height,
            "parcels": float(people["parcels"].sum()),
            "late_parcels": late,
            "heads": int(people["heads"].sum()),
            "by_hand": int(table["chute"].null_count()),
        },
    )


def sort_batches(dataset: Dataset) -> dict[str, list[Batch]]:
    """Return what passes each sort centre: who comes with which truck and leaves with which."""
    centres = dataset["buildings"].filter(pl.col("building_type") == "sort_centre")["location"]
    flows = dataset["network_flows"].filter(pl.col("path").str.count_matches(" -") > 1)
    if flows.height == 0:
        return {}
    legs = (
        flows.with_row_index("flow")
        .select(
            "flow",
            "service_days",
            "parcels",
            leg=pl.col("path").str.split(" -"),
            hour=pl.col("trips").str.split(" "),
        )
        .with_columns(
            place=pl.col("leg").list.eval(pl.element().str.split("> ").list.last()),
            mode=pl.col("leg").list.slice(1).list.eval(pl.element().str.split("> ").list.first()),
        )
        .with_columns(
            origin=pl.col("place").list.head(pl.col("place").list.len() - 1),
            destination=pl.col("place").list.slice(1),
        )
        .select("flow", "service_days", "parcels", "origin", "destination", "mode", "hour")
        .explode("origin", "destination", "mode", "hour")
        .with_columns(pl.col("hour").cast(pl.Float64))
    )
    hours = dataset["linehaul_trips"].select(
        "origin",
        "destination",
        "mode",
        slot=pl.col("departs_hour").cast(pl.Int64),
        on_the_way=pl.col("arrives_hour") - pl.col("departs_hour"),
    )
    timed = (
        legs.with_columns(slot=pl.col("hour").cast(pl.Int64) % 24)
        .join(
            hours, on=["origin", "destination", "mode", "slot"], how="left", maintain_order="left"
        )
        .with_columns(
            came=(pl.col("hour") + pl.col("on_the_way")).shift(1).over("flow"),
        )
        .filter(pl.col("came").is_not_null() & pl.col("origin").is_in(centres.implode()))
        .with_columns(arrives=pl.col("came") % 24)
        .with_columns(departs=pl.col("arrives") + pl.col("hour") - pl.col("came"))
        .with_columns(pl.col("arrives", "departs").round(4))
        .group_by("origin", "destination", "mode", "service_days", "arrives", "departs")
        .agg(pl.col("parcels").sum())
        .sort("origin", "arrives", "departs", "destination", "mode", "service_days")
    )
    found: dict[str, list[Batch]] = {}
    for row in timed.iter_rows(named=True):
        found.setdefault(row["origin"], []).append(
            Batch(
                destination=row["destination"],
                mode=row["mode"],
                service_days=row["service_days"],
                parcels=row["parcels"],
                arrives=row["arrives"],
                departs=row["departs"],
            )
        )
    return found


def least_rate(release: Floats, due: Floats, parcels: Floats) -> Crew:
    """Return the least parcels an hour at which everything can be sorted, days repeating.

    Parameters
    ----------
    release, due : ndarray
        Hours of a day from and by which each batch may be sorted; due may lie on later days.
    parcels : ndarray

    Examples
    --------
    >>> least_rate(np.array([0.0, 1.0]), np.array([4.0, 2.0]), np.array([60.0, 100.0])).rate
    100.0
    """
    shifts = 24.0 * np.arange(_DAYS)
    starts = (release[None, :] + shifts[:, None]).ravel()
    ends = (due[None, :] + shifts[:, None]).ravel()
    size = np.tile(parcels, _DAYS)
    order = np.argsort(ends, kind="stable")
    starts, ends, size = starts[order], ends[order], size[order]
    best = Crew(rate=float(parcels.sum()) / 24.0, from_hour=0.0, to_hour=24.0)
    for begin in np.unique(release):
        inside = starts >= begin - 1e-9
        asked = np.cumsum(np.where(inside, size, 0.0))
        length = ends - begin
        able = inside & (length > 1e-9)
        # Of batches that end together the last has all of them.
        rate = np.where(able, asked / np.maximum(length, 1e-9), 0.0)
        top = int(rate.argmax())
        if rate[top] > best.rate + 1e-9:
            best = Crew(rate=float(rate[top]), from_hour=float(begin), to_hour=float(ends[top]))
    return best


def sort_in_turn(
    release: Floats, due: Floats, parcels: Floats, rate: float
) -> tuple[Floats, Floats, Floats]:
    """Sort what leaves first first; return start and end of each batch and what is late of it.

    Hours are those of the told day: a batch that waits ends later than its due hour.
    """
    count = len(parcels)
    turn = np.argsort(np.tile(release, _DAYS) + 24.0 * np.repeat(np.arange(_DAYS), count))
    left = np.tile(parcels, _DAYS)
    start, end = np.full(len(left), np.nan), np.full(len(left), np.nan)
    late = np.zeros(len(left))
    waiting: list[tuple[float, int]] = []
    now, k = 0.0, 0
    while k < len(turn) or waiting:
        if not waiting:
            j = int(turn[k])
            now = max(now, release[j % count] + 24.0 * (j // count))
        while k < len(turn):
            j = int(turn[k])
            if release[j % count] + 24.0 * (j // count) > now + 1e-12:
                break
            heapq.heappush(waiting, (due[j % count] + 24.0 * (j // count), j))
            k += 1
        deadline, j = waiting[0]
        until = np.inf
        if k < len(turn):
            n = int(turn[k])
            until = release[n % count] + 24.0 * (n // count)
        if np.isnan(start[j]):
            start[j] = now
        done = now + left[j] / rate
        stop = min(done, until)
        late[j] += rate * max(0.0, stop - max(now, deadline))
        left[j] -= rate * (stop - now)
        now = stop
        if done <= until:
            heapq.heappop(waiting)
            left[j] = 0.0
            end[j] = now
    told = slice(_TOLD * count, (_TOLD + 1) * count)
    away = 24.0 * _TOLD
    return start[told] - away, end[told] - away, np.minimum(late[told], parcels)


def give_chutes(begin: Floats, end: Floats, chutes: int | None) -> tuple[NDArray[np.int64], int]:
    """Return a chute for each stretch of hours, 0 where none is left, and most stretches at once.

    Stretches repeat daily and end within the day; one that begins before midnight has a negative
    beginning. Those have a chute each; the others take, by their beginnings, the first that is
    free until they end, which uses no more than overlap where none crosses midnight.
    """
    most = max((int(_covers(begin, end, at).sum()) for at in begin % 24.0), default=0)
    given = np.zeros(len(begin), np.int64)
    free_from: list[float] = []
    free_until: list[float] = []
    for j in np.lexsort((end, np.maximum(begin, 0.0))).tolist():
        start = max(float(begin[j]), 0.0)
        until = float(begin[j]) + 24.0 if begin[j] < 0 else np.inf
        for chute in range(len(free_from)):
            if (
                free_from[chute] <= start + 1e-9
                and free_until[chute] >= end[j] - 1e-9
                and (begin[j] >= 0)
            ):
                free_from[chute] = float(end[j])
                given[j] = chute + 1
                break
        else:
            if chutes is None or len(free_from) < chutes:
                free_from.append(float(end[j]))
                free_until.append(until)
                given[j] = len(free_from)
    return given, most


def _covers(begin: Floats, end: Floats, at: float) -> NDArray[np.bool_]:
    """Return which stretches an hour of the day lies in, or that hour of the day before."""
    inside = (begin <= at + 1e-9) & (at < end - 1e-9)
    before = (begin <= at - 24.0 + 1e-9) & (at - 24.0 < end - 1e-9)
    return np.asarray(inside | before)


def _sort_place(
    place: str,
    batches: list[Batch],
    capacity: float,
    chutes: int | None,
    known: dict[str, float],
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Return the plan of one sort centre and its crew."""
    parcels = np.array([b.parcels for b in batches])
    arrives = np.array([b.arrives for b in batches])
    departs = np.array([b.departs for b in batches])
    release, due = arrives + known["unload_hours"], departs - known["load_hours"]
    needed = least_rate(release, due, parcels)
    most = capacity / known["sort_hours_per_day"]
    a_head = known["parcels_per_hour_sort"] * known.get("productive_share", 1.0)
    heads = int(np.ceil(min(needed.rate, most) / a_head - 1e-9))
    rate = max(min(heads * a_head, most), min(needed.rate, most))
    start, end, late = sort_in_turn(release, due, parcels, rate)
    keys = [(b.destination, b.mode, b.service_days, round(b.departs % 24, 4)) for b in batches]
    directions = sorted(set(keys), key=lambda key: (key[3], key[0], key[1], key[2]))
    code = {key: i for i, key in enumerate(directions)}
    of = np.array([code[key] for key in keys])
    hours = sorted({key[3] for key in directions})
    # A departure is told on the day it leaves after its last arrival.
    shift = 24.0 * np.floor(departs / 24.0)
    rows: list[dict[str, object]] = []
    opens, closes = np.empty(len(directions)), np.empty(len(directions))
    for i in range(len(directions)):
        mine = of == i
        opens[i] = (start[mine] - shift[mine]).min()
        closes[i] = directions[i][3]
    base = min(0.0, float(opens.min()))
    lift = 24.0 * np.ceil(-base / 24.0)
    # No direction holds a chute beyond a day: it is then held all the time.
    given, taken = give_chutes(np.maximum(opens, closes - 24.0), closes, chutes)
    for i, (destination, mode, days, leaves) in enumerate(directions):
        mine = of == i
        back = shift[mine]
        rows.append(
            {
                "decision": f"{place} {leaves:g}h {destination} {mode} {days}d",
                "location": place,
                "wave": hours.index(leaves) + 1,
                "destination": destination,
                "mode": mode,
                "service_days": days,
                "parcels": float(parcels[mine].sum()),
                "first_arrival_hour": lift + float((arrives[mine] - back).min()),
                "last_arrival_hour": lift + float((arrives[mine] - back).max()),
                "sort_starts_hour": lift + float(opens[i]),
                "sort_ends_hour": lift + float((end[mine] - back).max()),
                "departs_hour": lift + leaves,
                "dwell_hours_mean": float(
                    ((departs - arrives)[mine] * parcels[mine]).sum() / parcels[mine].sum()
                ),
                "chute": int(given[i]) or None,
                "late_parcels": float(late[mine].sum()),
            }
        )
    crew: dict[str, object] = {
        "location": place,
        "parcels": float(parcels.sum()),
        "waves": len(hours),
        "directions": len(directions),
        "rate_needed_per_hour": needed.rate,
        "rate_most_per_hour": most,
        "rate_per_hour": rate,
        "heads": heads,
        "labour_hours": float(parcels.sum()) / a_head,
        "chutes_needed": taken,
        "chutes_most": chutes,
        "dwell_hours_mean": float(((departs - arrives) * parcels).sum() / parcels.sum()),
        "late_parcels": float(late.sum()),
        "tightest_from_hour": needed.from_hour,
        "tightest_to_hour": needed.to_hour,
    }
    return rows, crew


def _reasons(people: pl.DataFrame) -> Iterator[Reason]:
    """Say of each sort centre which hours set its crew, and what misses its truck."""
    for row in people.iter_rows(named=True):
        yield Reason(
            subject=f"sort {row['location']}",
            reason_code="constraint_bound",
            quantity=row["rate_needed_per_hour"],
            text=f"From {row['tightest_from_hour']:.1f} h to {row['tightest_to_hour']:.1f} h "
            f"{row['rate_needed_per_hour']:,.0f} parcels an hour must be sorted: {row['heads']} "
            "people at the sorter.",
        )
        if row["late_parcels"] > 0.5:
            yield Reason(
                subject=f"sort {row['location']}",
                reason_code="capacity",
                quantity=row["late_parcels"],
                text=f"{row['late_parcels']:,.0f} parcels miss their truck: the sorter does "
                f"{row['rate_most_per_hour']:,.0f} an hour of the "
                f"{row['rate_needed_per_hour']:,.0f} needed.",
            )
        if row["chutes_most"] is not None and row["chutes_needed"] > row["chutes_most"]:
            yield Reason(
                subject=f"sort {row['location']}",
                reason_code="capacity",
                reference="chutes",
                quantity=row["chutes_needed"] - row["chutes_most"],
                text=f"{row['chutes_needed']} directions at a time for {row['chutes_most']} "
                "chutes: the rest is sorted by hand.",
            )
