"""Hours of a resource as spans of time: its shifts on open days, less what stands still.

Knows calendars, shifts and stops. Never puts work in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fivefold.make.capacity import WEEKDAYS, Resource
from fivefold.model import Dataset

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift: its local start on a day of the week and how many hours it lasts."""

    weekday: int
    starts: time
    hours: float


class ShiftPlan:
    """Shifts and stops of all resources.

    Parameters
    ----------
    dataset : Dataset
        Reads resource_shifts and resource_stops.
    shift_start_hour : float
        Local hour at which the shift of a resource without shifts of its own begins, earlier
        where its hours would not fit into the day.
    """

    def __init__(self, dataset: Dataset, *, shift_start_hour: float = 8.0) -> None:
        self.shift_start_hour = shift_start_hour
        self.shifts: dict[str, list[Shift]] = {}
        self.stops: dict[str, list[tuple[Span, int | None]]] = {}
        for row in dataset["resource_shifts"].iter_rows(named=True):
            shift = Shift(
                weekday=WEEKDAYS.index(row["weekday"]),
                starts=time.fromisoformat(row["starts_time"]),
                hours=row["hours"],
            )
            self.shifts.setdefault(row["resource"], []).append(shift)
        for row in dataset["resource_stops"].sort("resource", "starts_at").iter_rows(named=True):
            span = (row["starts_at"], row["ends_at"])
            self.stops.setdefault(row["resource"], []).append((span, row["units"]))

    def spans(self, resource: Resource, *, first: date, days: int, unit: int = 1) -> list[Span]:
        """Return the working spans of one unit of a resource, ascending, in UTC.

        Parameters
        ----------
        resource : Resource
        first : date
            Shifts that start on this local day or later.
        days : int
            How many calendar days are laid out.
        unit : int
            From 1; a stop of some units takes the first ones.
        """
        local = ZoneInfo(resource.zone)
        own = self.shifts.get(resource.resource)
        found: list[Span] = []
        for offset in range(days):
            day = first + timedelta(days=offset)
            if not resource.calendar.is_open(day):
                continue
            for shift in own if own is not None else [self._plain(resource, day)]:
                if shift.weekday == day.weekday():
                    opens = datetime.combine(day, shift.starts, tzinfo=local).astimezone(UTC)
                    found.append((opens, opens + timedelta(hours=shift.hours)))
        stopped = [
            span
            for span, units in self.stops.get(resource.resource, [])
            if units is None or unit <= units
        ]
        return _less(_merged(found), _merged(stopped))

    def _plain(self, resource: Resource, day: date) -> Shift:
        start = min(self.shift_start_hour, 24 - resource.hours_per_day)
        whole, minutes = int(start), round((start - int(start)) * 60)
        return Shift(
            weekday=day.weekday(), starts=time(whole, minutes), hours=resource.hours_per_day
        )

    def hours(self, resource: Resource, *, start: date, days: int) -> float:
        """Return the working hours of all its units in so many days from `start` on."""
        total = 0.0
        for unit in range(1, resource.count + 1):
            for opens, closes in self.spans(resource, first=start, days=days, unit=unit):
                total += (closes - opens).total_seconds() / 3600
        return total


def _merged(spans: list[Span]) -> list[Span]:
    """Return spans ascending, those that touch or overlap as one."""
    found: list[Span] = []
    for opens, closes in sorted(spans):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], closes))
        elif closes > opens:
            found.append((opens, closes))
    return found


def _less(spans: list[Span], stops: list[Span]) -> list[Span]:
    """Return spans without the time of the stops; both ascending and apart."""
    found: list[Span] = []
    for opens, closes in spans:
        start = opens
        for stop, again in stops:
            if again <= start or stop >= closes:
                continue
            if stop > start:
                found.append((start, stop))
            start = max(start, again)
        if start < closes:
            found.append((start, closes))
    return found
