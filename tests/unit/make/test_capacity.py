from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.calendars import WorkCalendar
from fivefold.errors import DataError
from fivefold.make.capacity import WorkTime, resources, steps
from fivefold.make.loads import measure_loads
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)


def _plant(**tables: pl.DataFrame) -> Dataset:
    base = {
        "calendars": pl.DataFrame(
            {
                "calendar": ["WEEK", "SIX"],
                "saturday": [False, True],
                "holidays_country": ["US", None],
            }
        ),
        "calendar_closures": pl.DataFrame(
            {"calendar": ["WEEK"], "date": [date(2026, 11, 27)], "reason": ["stocktaking"]}
        ),
        "locations": pl.DataFrame(
            {
                "location": ["PLANT1"],
                "kind": ["plant"],
                "timezone": ["America/Chicago"],
                "calendar": ["WEEK"],
            }
        ),
        "resources": pl.DataFrame(
            {
                "resource": ["LINE", "PACK"],
                "location": ["PLANT1", "PLANT1"],
                "count": [1, 2],
                "hours_per_day": [8.0, 10.0],
                "calendar": [None, "SIX"],
            }
        ),
        "operations": pl.DataFrame(
            {
                "product": ["KIT", "KIT"],
                "operation": [10, 20],
                "location": ["PLANT1", "PLANT1"],
                "resource": ["LINE", "PACK"],
                "setup_time_hours": [2.0, 0.5],
                "run_time_hours_per_unit": [0.10, 0.02],
                "yield_share": [0.8, 0.5],
            }
        ),
    }
    return Dataset(base | tables)


def test_available_hours_leave_out_holidays_closures_and_closed_days() -> None:
    known = resources(_plant(), as_of=AS_OF)

    # The week of Thanksgiving 2026: Thursday is a holiday, Friday closed for stocktaking.
    assert known["LINE"].available_hours(date(2026, 11, 23), 7) == 3 * 8
    # Its own calendar knows neither; two units, six days of ten hours.
    assert known["PACK"].available_hours(date(2026, 11, 23), 7) == 6 * 10 * 2


def test_an_unknown_time_zone_is_bad_data() -> None:
    places = pl.DataFrame({"location": ["PLANT1"], "kind": ["plant"], "timezone": ["Mars/Olympus"]})
    with pytest.raises(DataError, match="Mars/Olympus"):
        resources(_plant(locations=places), as_of=AS_OF)


def test_a_calendar_without_an_open_day_is_bad_data() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    closed = pl.DataFrame({"calendar": ["NEVER"]} | {day: [False] for day in days})
    with pytest.raises(DataError, match="open weekday"):
        resources(_plant(calendars=closed), as_of=AS_OF)


def test_shifts_start_at_local_time_also_when_clocks_change() -> None:
    # Clocks in Chicago go back on 1 November 2026: 8:00 is 13:00 UTC before, 14:00 after.
    time = WorkTime.of(
        WorkCalendar(), first=date(2026, 10, 30), days=2, hours_per_day=8, zone="America/Chicago"
    )

    assert time.opens_at == (
        datetime(2026, 10, 30, 13, tzinfo=UTC),
        datetime(2026, 11, 2, 14, tzinfo=UTC),
    )


def test_a_long_day_starts_early_enough_to_hold_its_hours() -> None:
    time = WorkTime.of(
        WorkCalendar(), first=date(2026, 11, 23), days=1, hours_per_day=20, zone="UTC"
    )

    assert time.opens_at[0].hour == 4
    with pytest.raises(ValueError, match="hours_per_day"):
        WorkTime.of(WorkCalendar(), first=AS_OF, days=1, hours_per_day=25, zone="UTC")


def test_hours_and_instants_lead_back_to_each_other() -> None:
    time = WorkTime.of(
        WorkCalendar(), first=date(2026, 11, 23), days=10, hours_per_day=7.5, zone="UTC"
    )

    for hour in (0.0, 3.25, 7.4, 7.5, 30.0, 74.0):
        at = time.instant(hour)
        shift = time.shift(hour)
        inside = (at - time.opens_at[shift]).total_seconds() / 3600
        assert shift * 7.5 + inside == pytest.approx(hour)
        assert 0 <= inside < 7.5
    assert time.instant(7.5, ends=True).date() == date(2026, 11, 23)
    assert time.instant(7.5).date() == date(2026, 11, 24)


def test_the_units_entering_a_step_survive_all_steps_from_it_on() -> None:
    first, second = steps(_plant())["KIT"]

    assert first.start_factor == pytest.approx(1 / 0.4)
    assert second.start_factor == pytest.approx(1 / 0.5)
    # 10 good kits: 25 enter the line, 20 the packing.
    assert first.hours(10) == pytest.approx(2 + 25 * 0.10)
    assert second.hours(10, with_setup=False) == pytest.approx(20 * 0.02)


def test_rough_cut_sets_hours_asked_against_hours_there() -> None:
    plan = schema("supply_plan").frame(
        [
            {
                "decision": f"m{number}",
                "kind": "make",
                "item": "KIT",
                "source": "PLANT1",
                "destination": "PLANT1",
                "quantity": 100,
                "start_on": start,
                "due_on": date(2026, 12, 20),
            }
            for number, start in enumerate(
                [date(2026, 11, 22), date(2026, 11, 24), date(2026, 12, 1)]
            )
        ]
    )
    table = measure_loads(_plant(supply_plan=plan), as_of=AS_OF, periods=2)["resource_loads"]

    line = table.filter(pl.col("resource") == "LINE")
    assert line["load_hours"].to_list() == pytest.approx([2 * (2 + 25), 2 + 25])
    assert line["available_hours"].to_list() == [24, 40]
    assert line["load_share"].to_list() == pytest.approx([54 / 24, 27 / 40])


def test_rough_cut_falls_back_on_requirements() -> None:
    needs = schema("requirements").frame(
        [
            {
                "item": "KIT",
                "location": "PLANT1",
                "period_start": date(2026, 11, 30),
                "level": 0,
                "gross": 10.0,
                "net": 10.0,
                "planned_releases": 10.0,
            }
        ]
    )
    table = measure_loads(_plant(requirements=needs), as_of=AS_OF, periods=2)["resource_loads"]

    loads = table.filter(pl.col("resource") == "PACK")["load_hours"].to_list()
    assert loads == pytest.approx([0.0, 0.5 + 20 * 0.02])
