"""Hours that resources have and hours that are asked of them.

Knows shifts as local hours on working days. Never puts work in order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fivefold.calendars import WorkCalendar, public_holidays
from fivefold.errors import DataError, Problem
from fivefold.make.bom import yields
from fivefold.model import Dataset

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKING_WEEK = WorkCalendar()


def calendars(dataset: Dataset, *, years: range) -> dict[str, WorkCalendar]:
    """Return every calendar of the dataset with its closures and public holidays.

    Raises
    ------
    DataError
        If a calendar has no open weekday or a country that has no holiday calendar.
    """
    closures: dict[str, set[date]] = {}
    for name, day in dataset["calendar_closures"].select("calendar", "date").iter_rows():
        closures.setdefault(name, set()).add(day)
    found: dict[str, WorkCalendar] = {}
    problems: list[Problem] = []
    for row in dataset["calendars"].iter_rows(named=True):
        name, country = row["calendar"], row["holidays_country"]
        closed = frozenset(closures.get(name, set()))
        try:
            if country:
                closed |= public_holidays(country, years)
            found[name] = WorkCalendar(
                weekdays=frozenset(n for n, day in enumerate(WEEKDAYS) if row[day]),
                closures=closed,
            )
        except ValueError as error:
            problems.append(Problem(table="calendars", key=name, message=str(error)))
    if problems:
        raise DataError(problems)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTime:
    """Working hours of a resource laid end to end, and back to instants.

    Hour 0 is the first working moment. Work pauses where a shift ends and goes on in the
    next one.

    Parameters
    ----------
    days : tuple of date
        Working days, ascending.
    hours_per_day : float
        Working hours of each of them.
    opens_at : tuple of datetime
        UTC instant at which each day's shift starts.

    Examples
    --------
    >>> time = WorkTime.of(
    ...     WorkCalendar(), first=date(2026, 11, 20), days=3, hours_per_day=8.0, zone="UTC"
    ... )
    >>> time.instant(9.0)
    datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.timezone.utc)
    >>> time.instant(8.0, ends=True)
    datetime.datetime(2026, 11, 20, 16, 0, tzinfo=datetime.timezone.utc)
    >>> time.hour_of_day_start(date(2026, 11, 22)), time.hour_of_day_end(date(2026, 11, 22))
    (8.0, 8.0)
    """

    days: tuple[date, ...]
    hours_per_day: float
    opens_at: tuple[datetime, ...]

    @classmethod
    def of(
        cls,
        calendar: WorkCalendar,
        *,
        first: date,
        days: int,
        hours_per_day: float,
        zone: str,
        shift_start_hour: float = 8.0,
    ) -> WorkTime:
        """Return the working time of so many working days from `first` on.

        A shift starts at `shift_start_hour` local time, earlier where the day would
        otherwise not hold its hours. Elapsed hours are counted, so a night in which clocks
        change is neither longer nor shorter for the work.
        """
        if not 0 < hours_per_day <= 24:
            raise ValueError(f"hours_per_day must lie in (0, 24], found {hours_per_day}")
        local = ZoneInfo(zone)
        start = min(shift_start_hour, 24 - hours_per_day)
        whole, minutes = int(start), round((start - int(start)) * 60)
        opened: list[date] = []
        day = calendar.next_open(first)
        for _ in range(days):
            opened.append(day)
            day = calendar.next_open(day + timedelta(days=1))
        return cls(
            days=tuple(opened),
            hours_per_day=hours_per_day,
            opens_at=tuple(
                datetime.combine(one, time(whole, minutes), tzinfo=local).astimezone(UTC)
                for one in opened
            ),
        )

    @property
    def hours(self) -> float:
        """All working hours there are."""
        return self.hours_per_day * len(self.days)

    def shift(self, hour: float, *, ends: bool = False) -> int:
        """Return the number of the shift an hour lies in; an end belongs to the shift it closes."""
        slack = -1e-9 if ends else 1e-9
        number = int((hour + slack) // self.hours_per_day)
        return min(max(number, 0), len(self.days) - 1)

    def instant(self, hour: float, *, ends: bool = False) -> datetime:
        """Return the UTC instant of a working hour, to the second."""
        number = self.shift(hour, ends=ends)
        seconds = round((hour - number * self.hours_per_day) * 3600)
        return self.opens_at[number] + timedelta(seconds=seconds)

    def hour_of_day_start(self, day: date) -> float:
        """Return the working hour at which `day`, or the next working day after it, starts."""
        position = bisect_right(self.days, day - timedelta(days=1))
        return position * self.hours_per_day

    def hour_of_day_end(self, day: date) -> float:
        """Return the working hour at which `day`, or the last working day before it, ends."""
        return bisect_right(self.days, day) * self.hours_per_day

    def moved(self, hours: float, hour: float) -> float:
        """Return an hour moved by some, kept inside the time there is."""
        return min(max(hour + hours, 0.0), self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A machine, line or crew with its calendar."""

    resource: str
    location: str
    count: int
    hours_per_day: float
    cost_per_hour: float
    is_bottleneck: bool
    overtime_hours_per_week: float
    overtime_cost_per_hour: float | None
    zone: str
    calendar: WorkCalendar = field(default_factory=WorkCalendar)

    def available_hours(self, start: date, days: int) -> float:
        """Return working hours of all its units in `days` days from `start` on."""
        opened = self.calendar.open_days(start, start + timedelta(days=days))
        return opened * self.hours_per_day * self.count

    def work_time(self, *, first: date, days: int, shift_start_hour: float) -> WorkTime:
        """Return its working hours laid end to end."""
        return WorkTime.of(
            self.calendar,
            first=first,
            days=days,
            hours_per_day=self.hours_per_day,
            zone=self.zone,
            shift_start_hour=shift_start_hour,
        )


def resources(dataset: Dataset, *, as_of: date, years: int = 3) -> dict[str, Resource]:
    """Return every resource that can work, by name.

    Its calendar is its own, else that of its place, else Monday to Friday. Its zone is that
    of its place, else UTC.

    Raises
    ------
    DataError
        If a time zone or calendar is not known.
    """
    known = calendars(dataset, years=range(as_of.year, as_of.year + years))
    places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
    problems: list[Problem] = []
    found: dict[str, Resource] = {}
    for row in dataset["resources"].sort("resource").iter_rows(named=True):
        place = places.get(row["location"], {})
        zone = place.get("timezone") or "UTC"
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            message = f"found {zone!r}, expected an IANA time zone such as America/Chicago"
            problems.append(
                Problem(table="locations", key=row["location"], column="timezone", message=message)
            )
            continue
        hours, count = row["hours_per_day"], row["count"]
        if not hours or not count:
            continue
        name = row["calendar"] or place.get("calendar")
        found[row["resource"]] = Resource(
            resource=row["resource"],
            location=row["location"],
            count=count,
            hours_per_day=min(24.0, hours),
            cost_per_hour=row["cost_per_hour"] or 0.0,
            is_bottleneck=bool(row["is_bottleneck"]),
            overtime_hours_per_week=row["overtime_hours_per_week"] or 0.0,
            overtime_cost_per_hour=row["overtime_cost_per_hour"],
            zone=zone,
            calendar=known.get(name or "", WORKING_WEEK),
        )
    if problems:
        raise DataError(problems)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a product; `start_factor` units enter it for one good unit at the end.

    With `batch_units` a part batch takes the time of a full one.
    """

    product: str
    operation: int
    resource: str
    setup_hours: float
    run_hours_per_unit: float
    start_factor: float
    setup_family: str = ""
    wait_hours: float = 0.0
    batch_units: int | None = None

    def entering(self, quantity: float) -> float:
        """Return the units that enter the step for so many good ones at the end."""
        return quantity * self.start_factor

    def hours(self, quantity: float, *, with_setup: bool = True) -> float:
        """Return the hours of a batch of so many good units."""
        units = self.entering(quantity)
        if self.batch_units:
            units = math.ceil(units / self.batch_units - 1e-9) * self.batch_units
        return self.run_hours_per_unit * units + (self.setup_hours if with_setup else 0.0)


def steps(dataset: Dataset) -> dict[str, list[Step]]:
    """Return the operations of each product in sequence, yields of later steps counted in."""
    through = yields(dataset["operations"])
    found: dict[str, list[Step]] = {}
    lost: dict[str, float] = {}
    for row in dataset["operations"].sort("product", "operation").iter_rows(named=True):
        product, share = row["product"], row["yield_share"]
        # Units entering a step are those that survive all steps from it on.
        before = lost.get(product, 1.0)
        remaining = through[product] / before if through[product] > 0 else 1.0
        found.setdefault(product, []).append(
            Step(
                product=product,
                operation=row["operation"],
                resource=row["resource"],
                setup_hours=row["setup_time_hours"] or 0.0,
                run_hours_per_unit=row["run_time_hours_per_unit"],
                start_factor=1.0 / remaining if remaining > 0 else 1.0,
                setup_family=row["setup_family"] or product,
                wait_hours=row["wait_hours"] or 0.0,
                batch_units=row["batch_units"],
            )
        )
        lost[product] = before * (1.0 if share is None else share)
    return found
