"""Periods and working days, counted by hand and by brute force."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.calendars import (
    ALWAYS,
    Periods,
    WorkCalendar,
    monday_of,
    next_monday,
    public_holidays,
)

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@given(DAYS)
def test_mondays_lie_around_every_day(day: date) -> None:
    before, after = monday_of(day), next_monday(day)
    assert before.weekday() == after.weekday() == 0
    assert before <= day <= after
    assert (after - before).days == (0 if day.weekday() == 0 else 7)


def test_periods_know_where_a_day_falls_also_outside() -> None:
    weeks = Periods(start=date(2026, 11, 23), count=2)
    assert weeks.end == date(2026, 12, 7)
    assert [weeks.index(date(2026, 11, d)) for d in (22, 23, 29, 30)] == [-1, 0, 0, 1]
    assert weeks.index(date(2026, 12, 7)) == 2
    with pytest.raises(ValueError, match="days must be at least 1, found 0"):
        Periods(start=date(2026, 1, 1), days=0)
    with pytest.raises(ValueError, match="count must not be negative"):
        Periods(start=date(2026, 1, 1), count=-1)


@given(DAYS, st.integers(0, 60), st.sets(st.integers(0, 6), min_size=1))
def test_adding_working_days_agrees_with_counting_them(
    day: date, days: int, weekdays: set[int]
) -> None:
    calendar = WorkCalendar(weekdays=frozenset(weekdays))
    end = calendar.add(day, days)
    assert calendar.is_open(end)
    assert calendar.open_days(calendar.next_open(day), end) == days
    assert calendar.add(end, -days) == calendar.next_open(day)


def test_closures_are_stepped_over_both_ways() -> None:
    thanksgiving = date(2026, 11, 26)
    calendar = WorkCalendar(closures=frozenset({thanksgiving}))
    assert not calendar.is_open(thanksgiving)
    assert calendar.next_open(thanksgiving) == date(2026, 11, 27)
    assert calendar.previous_open(thanksgiving) == date(2026, 11, 25)
    assert calendar.add(date(2026, 11, 25), 2) == date(2026, 11, 30)
    assert ALWAYS.add(thanksgiving, 3) == thanksgiving + timedelta(days=3)


def test_a_calendar_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one open weekday"):
        WorkCalendar(weekdays=frozenset())
    mondays = frozenset(date(2026, 1, 5) + timedelta(days=7 * week) for week in range(600))
    shut = WorkCalendar(weekdays=frozenset({0}), closures=mondays)
    with pytest.raises(ValueError, match="no open day within ten years"):
        shut.next_open(date(2026, 1, 1))


def test_public_holidays_are_those_of_the_country() -> None:
    assert date(2026, 7, 4) in public_holidays("US", [2026])
    with pytest.raises(ValueError, match="country 'ZZ' has no holiday calendar"):
        public_holidays("ZZ", [2026])
