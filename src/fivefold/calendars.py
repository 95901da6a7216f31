"""Periods of a plan and working days.

Knows dates only. The clock is never read here: "today" comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """A row of equal periods.

    Parameters
    ----------
    start : date
        First day of the first period.
    days : int
        Length of a period in days; 7 is a week.
    count : int
        How many periods.

    Examples
    --------
    >>> weeks = Periods(start=date(2026, 11, 23), days=7, count=4)
    >>> weeks.index(date(2026, 12, 1)), weeks.starts()[-1]
    (1, datetime.date(2026, 12, 14))
    """

    start: date
    days: int = 7
    count: int = 26

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days must be at least 1, found {self.days}")
        if self.count < 0:
            raise ValueError(f"count must not be negative, found {self.count}")

    @property
    def end(self) -> date:
        """The first day after the last period."""
        return self.start + timedelta(days=self.days * self.count)

    def starts(self) -> list[date]:
        """Return the first day of every period."""
        return [self.start + timedelta(days=self.days * i) for i in range(self.count)]

    def index(self, day: date) -> int:
        """Return the number of the period of `day`; one outside is below 0 or past the end."""
        return (day - self.start).days // self.days


def monday_of(day: date) -> date:
    """Return the Monday of the week of `day`.

    >>> monday_of(date(2026, 11, 22))
    datetime.date(2026, 11, 16)
    """
    return day - timedelta(days=day.weekday())


def next_monday(day: date) -> date:
    """Return the first Monday on or after `day`.

    >>> next_monday(date(2026, 11, 22))
    datetime.date(2026, 11, 23)
    """
    return day + timedelta(days=-day.weekday() % 7)


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Days on which a place works.

    Parameters
    ----------
    weekdays : frozenset of int
        Open weekdays, Monday is 0.
    closures : frozenset of date
        Closed days besides, public holidays among them.
    """

    weekdays: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    closures: frozenset[date] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.weekdays:
            raise ValueError("a calendar needs at least one open weekday")

    def is_open(self, day: date) -> bool:
        """Tell whether `day` is worked."""
        return day.weekday() in self.weekdays and day not in self.closures

    def next_open(self, day: date) -> date:
        """Return `day` or the first open day after it."""
        return self._seek(day, 1)

    def previous_open(self, day: date) -> date:
        """Return `day` or the last open day before it."""
        return self._seek(day, -1)

    def add(self, day: date, open_days: int) -> date:
        """Return the day that is `open_days` working days after `day` (before, where negative).

        >>> WorkCalendar().add(date(2026, 11, 20), 1)
        datetime.date(2026, 11, 23)
        """
        step = 1 if open_days >= 0 else -1
        current = self._seek(day, step)
        for _ in range(abs(open_days)):
            current = self._seek(current + timedelta(days=step), step)
        return current

    def open_days(self, start: date, end: date) -> int:
        """Return how many open days lie in [start, end)."""
        return sum(self.is_open(start + timedelta(days=i)) for i in range((end - start).days))

    def _seek(self, day: date, step: int) -> date:
        for _ in range(3700):
            if self.is_open(day):
                return day
            day += timedelta(days=step)
        raise ValueError(f"no open day within ten years of {day}")


ALWAYS = WorkCalendar(weekdays=frozenset(range(7)))


def public_holidays(country: str, years: Iterable[int]) -> frozenset[date]:
    """Return the public holidays of a country in the given years.

    Raises
    ------
    ValueError
        If the country is not known to the `holidays` library.
    """
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=list(years)))
    except NotImplementedError as error:
        raise ValueError(f"country {country!r} has no holiday calendar") from error
