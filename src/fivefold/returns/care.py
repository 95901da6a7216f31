"""Customer care: a case with its clock, what is overdue, and who learns from a reason.

Knows working hours, the reason codes of returns and which part of the chain each points to.
Writes to no customer.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from fivefold.calendars import WorkCalendar
from fivefold.model import Dataset, schema

CaseKind = Literal["issue", "complaint", "return", "question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHours:
    """When cases are worked and how fast an answer is due.

    Parameters
    ----------
    opens, closes : time
        Local, on every day the calendar is open; `closes` later than `opens`.
    timezone : str
    calendar : WorkCalendar
    answer_hours : mapping of str to float
        Working hours to the answer, by kind of case.
    """

    opens: time = time(9, 0)
    closes: time = time(17, 0)
    timezone: str = "America/New_York"
    calendar: WorkCalendar = field(default_factory=WorkCalendar)
    answer_hours: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"opens must be before closes, found {self.opens} and {self.closes}")

    def hours_for(self, kind: str) -> float:
        """Return working hours to the answer; complaints 4, issues 8, others 16 by default."""
        given = self.answer_hours or {"complaint": 4.0, "issue": 8.0}
        return given.get(kind, 16.0)


def answer_due(opened_at: datetime, *, hours: float, service: ServiceHours) -> datetime:
    """Return the instant at which `hours` working hours have passed since `opened_at`.

    Parameters
    ----------
    opened_at : datetime
        With a time zone.
    hours : float
        Not negative.
    service : ServiceHours

    Raises
    ------
    ValueError
        If `opened_at` has no time zone or `hours` is negative.

    Examples
    --------
    Opened on a Friday at 16:00 in New York, four hours: one is left that day, three on Monday.

    >>> friday = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    >>> answer_due(friday, hours=4, service=ServiceHours()).isoformat()
    '2026-11-23T17:00:00+00:00'
    """
    if opened_at.tzinfo is None:
        raise ValueError(f"opened_at must have a time zone, found {opened_at}")
    if hours < 0:
        raise ValueError(f"hours must not be negative, found {hours}")
    zone = ZoneInfo(service.timezone)
    day = opened_at.astimezone(zone).date()
    left = timedelta(hours=hours)
    while True:
        day = service.calendar.next_open(day)
        # Instants, not wall clocks, so that a change to summer time takes or gives its hour.
        begin = max(datetime.combine(day, service.opens, zone).astimezone(UTC), opened_at)
        end = datetime.combine(day, service.closes, zone).astimezone(UTC)
        if begin + left <= end:
            return (begin + left).astimezone(UTC)
        left -= max(end - begin, timedelta())
        day += timedelta(days=1)


def case_number(
    *, kind: str, order: str | None, item: str | None, opened_at: datetime, reason: str | None
) -> str:
    """Return the number of a case: the same content always has the same one.

    >>> opened = datetime(2026, 1, 5, tzinfo=UTC)
    >>> case_number(kind="return", order="1", item="A", opened_at=opened, reason=None)
    'CASE-20260105-183828ec'
    """
    content = "|".join(
        [kind, order or "", item or "", opened_at.astimezone(UTC).isoformat(), reason or ""]
    )
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return f"CASE-{opened_at.astimezone(UTC):%Y%m%d}-{digest}"


def open_case(
    *,
    kind: CaseKind,
    opened_at: datetime,
    order: str | None = None,
    item: str | None = None,
    reason: str | None = None,
    note: str | None = None,
    service: ServiceHours | None = None,
) -> dict[str, object]:
    """Return a row of the table cases, its answer due by the working hours of the service."""
    hours = service or ServiceHours()
    return {
        "case": case_number(kind=kind, order=order, item=item, opened_at=opened_at, reason=reason),
        "kind": kind,
        "order": order,
        "item": item,
        "opened_at": opened_at.astimezone(UTC),
        "answer_due_at": answer_due(opened_at, hours=hours.hours_for(kind), service=hours),
        "closed_at": None,
        "reason": reason,
        "satisfaction": None,
        "note": note,
    }


def cases_from_returns(
    dataset: Dataset, *, as_of: date, days: int = 30, service: ServiceHours | None = None
) -> pl.DataFrame:
    """Return a case for every return of the last days whose reason blames someone.

    Returns that a customer only changed his mind on open none; a return already in the
    table `cases` (same order, item and reason) opens no second one.
    """
    owners = reasons()
    known = {(row["order"], row["item"], row["reason"]) for row in dataset["cases"].to_dicts()}
    day = pl.col("returned_at").dt.date()
    recent = dataset["returns"].filter((day > as_of - timedelta(days=days)) & (day <= as_of))
    rows: list[dict[str, object]] = []
    for row in recent.sort("returned_at", "return_id").iter_rows(named=True):
        key = (row["order"], row["item"], row["reason"])
        blame = owners.get(_code(row["reason"]))
        if blame is None or blame.owner == "none" or key in known:
            continue
        known.add(key)
        rows.append(
            open_case(
                kind="return",
                opened_at=row["returned_at"],
                order=row["order"],
                item=row["item"],
                reason=row["reason"],
                note=row["comment"],
                service=service,
            )
        )
    return schema("cases").frame(rows)


def cases_from_reviews(
    dataset: Dataset,
    *,
    as_of: date,
    days: int = 30,
    most_stars: int = 2,
    service: ServiceHours | None = None,
) -> pl.DataFrame:
    """Return a complaint for every review of the last days with few stars.

    A review that a case of the same order, item and instant already answers opens none.
    """
    known = {(r["order"], r["item"], r["opened_at"]) for r in dataset["cases"].to_dicts()}
    day = pl.col("reviewed_at").dt.date()
    recent = dataset["reviews"].filter(
        (day > as_of - timedelta(days=days)) & (day <= as_of) & (pl.col("stars") <= most_stars)
    )
    named = dataset["orders"].join(recent.select("order").unique(), on="order")
    ordered = dict(
        named.group_by("order")
        .agg(pl.col("item").unique())
        .filter(pl.col("item").list.len() == 1)
        .select("order", pl.col("item").list.first())
        .iter_rows()
    )
    rows: list[dict[str, object]] = []
    for row in recent.sort("reviewed_at", "review").iter_rows(named=True):
        item = row["item"] or ordered.get(row["order"])
        if (row["order"], item, row["reviewed_at"]) in known:
            continue
        told = " – ".join(text for text in (row["title"], row["comment"]) if text)
        rows.append(
            open_case(
                kind="complaint",
                opened_at=row["reviewed_at"],
                order=row["order"],
                item=item,
                reason=row["reason"],
                note=f"{row['stars']} of 5 stars" + (f": {told}" if told else ""),
                service=service,
            )
        )
    return schema("cases").frame(rows).unique("case", maintain_order=True)


def close_case(
    cases: pl.DataFrame,
    case: str,
    *,
    closed_at: datetime,
    satisfaction: int | None = None,
    minutes: float | None = None,
) -> pl.DataFrame:
    """Return the cases with one closed.

    Raises
    ------
    ValueError
        If there is no such open case, it closes before it opened, satisfaction is not 1 to 5,
        or minutes are negative.
    """
    row = cases.filter((pl.col("case") == case) & pl.col("closed_at").is_null())
    if row.height != 1:
        raise ValueError(f"there is no open case {case!r}")
    if closed_at < row["opened_at"][0]:
        raise ValueError(f"case {case} cannot close at {closed_at}, before it was opened")
    if satisfaction is not None and not 1 <= satisfaction <= 5:
        raise ValueError(f"satisfaction must be 1 to 5, found {satisfaction}")
    if minutes is not None and minutes < 0:
        raise ValueError(f"minutes must not be negative, found {minutes}")
    mine = pl.col("case") == case
    return cases.with_columns(
        pl.when(mine)
        .then(pl.lit(closed_at.astimezone(UTC)))
        .otherwise(pl.col("closed_at"))
        .cast(pl.Datetime("us", "UTC"))
        .alias("closed_at"),
        pl.when(mine)
        .then(pl.lit(satisfaction, dtype=pl.Int64()))
        .otherwise(pl.col("satisfaction"))
        .alias("satisfaction"),
        pl.when(mine)
        .then(pl.lit(minutes, dtype=pl.Float64()))
        .otherwise(pl.col("minutes"))
        .alias("minutes"),
    )


def overdue(cases: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Return open cases whose answer was due before `now`, the longest overdue first."""
    late = pl.lit(now.astimezone(UTC)).cast(pl.Datetime("us", "UTC")) - pl.col("answer_due_at")
    return (
        cases.filter(pl.col("closed_at").is_null() & pl.col("answer_due_at").is_not_null())
        .with_columns((late.dt.total_seconds() / 3600.0).alias("hours_overdue"))
        .filter(pl.col("hours_overdue") > 0)
        .sort("hours_overdue", "case", descending=[True, False])
    )


@dataclass(frozen=True, slots=True)
class ReasonOwner:
    """What a reason code means, who learns from it and whose fault it is as a rule."""

    meaning: str
    owner: str
    fault: str


@cache
def reasons() -> dict[str, ReasonOwner]:
    """Return Amazon's reason codes with their meaning, owner and usual fault.

    Owners: inspection, packing, pick, listing, pricing, promise, carrier, none.

    >>> reasons()["DEFECTIVE"].owner, reasons()["SWITCHEROO"].owner
    ('inspection', 'pick')
    """
    text = (files("fivefold.returns") / "reasons.csv").read_text(encoding="utf-8")
    return {
        row["reason"]: ReasonOwner(row["meaning"], row["owner"], row["fault"])
        for row in csv.DictReader(text.splitlines())
    }


def _code(reason: str | None) -> str:
    return (reason or "").strip().upper().replace("-", "_").replace(" ", "_")


def feedback(dataset: Dataset, *, as_of: date, days: int = 90) -> pl.DataFrame:
    """Return what each owner has to learn: units returned by item, owner and reason.

    Returns
    -------
    polars.DataFrame
        item, owner, reason, meaning, units, share (of the item's returns in the time), most
        units first. A reason that is not on the list is owned by `unknown`.
    """
    owners = reasons()
    day = pl.col("returned_at").dt.date()
    recent = dataset["returns"].filter((day > as_of - timedelta(days=days)) & (day <= as_of))
    counted: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for item, reason, units in recent.select("item", "reason", "quantity").iter_rows():
        counted[item, _code(reason)] = counted.get((item, _code(reason)), 0) + units
        totals[item] = totals.get(item, 0) + units
    unknown = ReasonOwner("not on the list of reasons", "unknown", "unknown")
    rows = [
        {
            "item": item,
            "owner": owners.get(code, unknown).owner,
            "reason": code,
            "meaning": owners.get(code, unknown).meaning,
            "units": units,
            "share": units / totals[item],
        }
        for (item, code), units in counted.items()
    ]
    columns = {
        "item": pl.String(),
        "owner": pl.String(),
        "reason": pl.String(),
        "meaning": pl.String(),
        "units": pl.Int64(),
        "share": pl.Float64(),
    }
    return pl.DataFrame(rows, schema=columns, orient="row").sort(
        "units", "item", "reason", descending=[True, False, False]
    )
