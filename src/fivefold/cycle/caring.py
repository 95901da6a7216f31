"""Customer care on live books: open and close cases, see their clocks, follow them to a cause.

Order of calls and facts written; clocks, causes and queues are those of the room of returns.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.channel_advice import planned_dataset
from fivefold.cycle.fulfilment import is_written, operations_of
from fivefold.cycle.workspace import Workspace
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.model import Dataset
from fivefold.returns.breakdown import returns_by_reason
from fivefold.returns.care import (
    CaseKind,
    ServiceHours,
    cases_from_returns,
    cases_from_reviews,
    close_case,
    open_case,
)
from fivefold.returns.care_desk import (
    DeskParams,
    desk_params,
    escalation,
    macro_for,
    satisfaction,
    skill_of,
    time_cost_of,
)
from fivefold.returns.care_figures import CareFigureParams, care_figures
from fivefold.returns.causes import find_causes, trail
from fivefold.returns.staffing import StaffParams, staff_plan

#: Contacts that are no return, for each unit sold: an assumption.
QUESTIONS_PER_UNIT = 0.03
WORKING_DAYS = 20


def open_customer_case(
    workspace: Workspace,
    *,
    kind: CaseKind,
    actor: str,
    at: datetime,
    order: str = "",
    item: str = "",
    reason: str = "",
    note: str = "",
) -> dict[str, Any]:
    """Return a case that was opened, or the one that stands with the same content.

    Raises
    ------
    NotFoundError
        If the order or item is not known.
    """
    dataset = workspace.dataset(as_of=at.date())
    if item and item not in dataset["items"]["item"]:
        raise NotFoundError(f"there is no item {item!r}")
    lines = dataset["orders"].filter(pl.col("order") == order) if order else None
    if lines is not None and lines.height == 0:
        raise NotFoundError(f"there is no order {order!r}")
    if lines is not None and not item and lines["item"].n_unique() == 1:
        item = str(lines["item"][0])
    case = open_case(
        kind=kind,
        opened_at=at,
        order=order or None,
        item=item or None,
        reason=reason or None,
        note=note or None,
    )
    key = f"case:{case['case']}"
    if is_written(workspace.journal, key):
        return {**_seen(dataset, str(case["case"]), at), "status": "duplicate"}
    operations_of(workspace, dataset, actor=actor).write(_opening(case, actor, at))
    return {**_with_desk(case, at, desk_params(dataset)), "status": "ok"}


def _opening(case: dict[str, Any], actor: str, at: datetime) -> events.Command:
    row = {k: v.isoformat() if isinstance(v, datetime | date) else v for k, v in case.items()}
    return events.record(
        key=f"case:{case['case']}",
        actor=actor,
        effective_at=at,
        kind=documents.CASE_OPENED,
        subject=str(case["case"]),
        body={"row": row},
    )


def gather_cases(
    workspace: Workspace, *, actor: str, at: datetime, days: int = 30
) -> list[dict[str, Any]]:
    """Return the cases opened for returns that blame somebody and for reviews of few stars.

    What a case was opened for before opens none, so that this may be asked every day.
    """
    dataset = workspace.dataset(as_of=at.date())
    desk = operations_of(workspace, dataset, actor=actor)
    found = [
        *cases_from_returns(dataset, as_of=at.date(), days=days).iter_rows(named=True),
        *cases_from_reviews(dataset, as_of=at.date(), days=days).iter_rows(named=True),
    ]
    opened = [case for case in found if desk.write(_opening(case, actor, at)).status == "ok"]
    return [_with_desk(case, at, desk_params(dataset)) for case in opened]


def close_customer_case(
    workspace: Workspace,
    case: str,
    *,
    actor: str,
    at: datetime,
    stars: int | None = None,
    minutes: float | None = None,
) -> dict[str, Any]:
    """Return a case that was closed, with what the customer said of it and the time it took.

    Raises
    ------
    NotFoundError
        If there is no such case.
    ConflictError
        If it is closed already, or would close before it was opened.
    ValueError
        If the stars are not 1 to 5, or the minutes negative.
    """
    dataset = workspace.dataset(as_of=at.date())
    row = _case(dataset, case)
    if stars is not None and not 1 <= stars <= 5:
        raise ValueError(f"stars must be 1 to 5, found {stars}")
    if row["closed_at"] is not None:
        raise ConflictError(f"case {case} was closed on {row['closed_at']:%Y-%m-%d}")
    if at < row["opened_at"]:
        raise ConflictError(f"case {case} was opened after {at:%Y-%m-%d}")
    after = close_case(dataset["cases"], case, closed_at=at, satisfaction=stars, minutes=minutes)
    operations_of(workspace, dataset, actor=actor).write(
        events.record(
            key=f"case-closed:{case}",
            actor=actor,
            effective_at=at,
            kind=documents.CASE_CLOSED,
            subject=case,
            body={"at": at.isoformat(), "satisfaction": stars, "minutes": minutes},
        )
    )
    row = after.filter(pl.col("case") == case).row(0, named=True)
    return _with_desk(row, at, desk_params(dataset))


def _case(dataset: Dataset, case: str) -> dict[str, Any]:
    found = dataset["cases"].filter(pl.col("case") == case)
    if found.height == 0:
        raise NotFoundError(f"there is no case {case!r}; `fivefold care list` names them")
    return found.row(0, named=True)


def _seen(dataset: Dataset, case: str, at: datetime) -> dict[str, Any]:
    return _with_desk(_case(dataset, case), at, desk_params(dataset))


def _with_desk(case: dict[str, Any], now: datetime, desk: DeskParams) -> dict[str, Any]:
    """Return a case with its skill, step, answer prepared and what people's time for it costs."""
    level, why = escalation(case, now=now, params=desk)
    due = case.get("answer_due_at")
    known = {
        "order": case.get("order") or "",
        "item": case.get("item") or "",
        "due": f"{due:%d %B}" if due else "",
        "refund": "" if case.get("refund") is None else f"{case['refund']:,.2f}",
    }
    macro, text = macro_for(str(case["kind"]), case.get("reason"), known)
    hours = None if due is None else (due - now).total_seconds() / 3600.0
    return {
        **case,
        "skill": skill_of(str(case["kind"]), case.get("reason")),
        "level": level,
        "level_because": why,
        "hours_left": hours if case.get("closed_at") is None else None,
        "macro": macro,
        "answer": text,
        "time_cost": time_cost_of(case, desk),
    }


def list_cases(workspace: Workspace, *, now: datetime, all_cases: bool = False) -> dict[str, Any]:
    """Return open cases by urgency, and how satisfied those were who told."""
    dataset = workspace.dataset(as_of=now.date())
    desk = desk_params(dataset)
    rows = [_with_desk(row, now, desk) for row in dataset["cases"].iter_rows(named=True)]
    shown = [row for row in rows if all_cases or row["closed_at"] is None]
    levels = ("safety", "manager", "lead", "desk")
    shown.sort(key=lambda r: (levels.index(r["level"]), r["hours_left"] or 0.0, r["case"]))
    stars = [row["satisfaction"] for row in rows if row["satisfaction"] is not None]
    closed = [row for row in rows if row["closed_at"] is not None]
    in_time = [r for r in closed if r["answer_due_at"] and r["closed_at"] <= r["answer_due_at"]]
    return {
        "cases": shown,
        "open": sum(row["closed_at"] is None for row in rows),
        "closed": len(closed),
        "in_time_share": len(in_time) / len(closed) if closed else None,
        "satisfaction": asdict(satisfaction(stars)),
    }


def case_trail(workspace: Workspace, case: str, *, as_of: date) -> dict[str, Any]:
    """Return the way from a complaint to its cause and the action on it.

    Raises
    ------
    NotFoundError
        If there is no such case.
    """
    dataset, day = planned_dataset(workspace, as_of, otherwise=as_of)
    row = _case(dataset, case)
    now = datetime.combine(day, datetime.max.time(), UTC)
    steps = trail(dataset, row, as_of=day)
    return {
        "case": _with_desk(row, now, desk_params(dataset)),
        "trail": [asdict(step) for step in steps],
    }


def care_record(
    workspace: Workspace, *, as_of: date, days: int = 365, item: str = ""
) -> dict[str, Any]:
    """Return how satisfied customers are and what their cases cost, by item and cause.

    Parameters
    ----------
    item : str
        Only this item, where given.

    Raises
    ------
    NotFoundError
        If there is no such item.
    DataError
        If stars or a rate are no such number.
    """
    dataset = workspace.dataset(as_of=as_of)
    if item and item not in dataset["items"]["item"]:
        raise NotFoundError(f"there is no item {item!r}")
    outcome = care_figures(dataset, CareFigureParams(days=days), as_of=as_of)
    rows = outcome["care_figures"]
    whole = rows.filter(pl.col("subject") == "all").to_dicts()
    told = outcome.explanations
    return {
        "as_of": as_of,
        "days": days,
        "all": whole[0] if whole else None,
        "figures": rows.filter(pl.col("item") == item if item else True)
        .join(
            dataset["items"].select("item", "title"), on="item", how="left", maintain_order="left"
        )
        .to_dicts(),
        "unknown": [] if told is None else told["text"].to_list(),
    }


def causes(workspace: Workspace, day: date | None = None, *, otherwise: date) -> dict[str, Any]:
    """Return what customers' reasons ask each part of the chain to do, and why."""
    dataset, as_of = planned_dataset(workspace, day, otherwise=otherwise)
    outcome = find_causes(dataset, as_of=as_of)
    told = outcome.explanations
    return {
        "as_of": as_of,
        "actions": outcome["care_actions"].to_dicts(),
        "reasons": [] if told is None else told.to_dicts(),
    }


def care_staff(
    workspace: Workspace,
    day: date | None = None,
    *,
    otherwise: date,
    service: ServiceHours | None = None,
    growth: float = 1.0,
) -> dict[str, Any]:
    """Return how many people each skill needs by hour: expected contacts through the queue.

    Returns expected back each make a contact with the skill of their reason; questions come
    with sales. Hours of a day are shared as orders are.
    """
    dataset, as_of = planned_dataset(workspace, day, otherwise=otherwise)
    hours = service or ServiceHours()
    contacts: dict[str, float] = {}
    if "returns_forecast" in dataset:
        by_reason = returns_by_reason(dataset, as_of=as_of)
        for reason, units in by_reason.select("reason", "near_units_mean").iter_rows():
            skill = skill_of("return", reason)
            contacts[skill] = contacts.get(skill, 0.0) + units / WORKING_DAYS
    ahead = dataset["forecast_means"].filter(
        pl.col("period_start") < pl.lit(as_of).dt.offset_by("4w")
    )
    asked = float(ahead["units_mean"].sum()) * QUESTIONS_PER_UNIT / WORKING_DAYS
    contacts["sales"] = contacts.get("sales", 0.0) + asked
    contacts = {skill: units * growth for skill, units in contacts.items()}
    desk = desk_params(dataset)
    params = StaffParams(handle_minutes=desk.handle_minutes, cost_per_hour=desk.cost_per_hour)
    profile = _profile(dataset, hours)
    rows: list[dict[str, Any]] = [
        {**row, "hour": hours.opens.hour + index % len(profile)}
        for index, row in enumerate(staff_plan(contacts, profile, params))
    ]
    people = sum(int(row["agents"]) for row in rows)
    return {
        "as_of": as_of,
        "contacts_per_day": contacts,
        "rows": rows,
        "agent_hours_per_day": people,
        "cost_per_day": None if desk.cost_per_hour is None else people * desk.cost_per_hour,
        "service": {
            "answered_share": params.answered_share,
            "within_minutes": params.within_minutes,
            "patience_minutes": params.patience_minutes,
        },
    }


def _profile(dataset: Dataset, hours: ServiceHours) -> list[float]:
    """Return the share of a day's contacts by opening hour, as orders come."""
    span = range(hours.opens.hour, max(hours.closes.hour, hours.opens.hour + 1))
    zone = str(ZoneInfo(hours.timezone))
    came = dataset["orders"].select(
        pl.col("ordered_at").dt.convert_time_zone(zone).dt.hour().alias("hour")
    )
    counted = dict(came.group_by("hour").len().iter_rows())
    total = sum(counted.get(hour, 0) for hour in span)
    if total == 0:
        return [1.0 / len(span)] * len(span)
    return [counted.get(hour, 0) / total for hour in span]
