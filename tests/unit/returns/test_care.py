from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.calendars import WorkCalendar
from fivefold.model import Dataset, schema
from fivefold.returns.care import (
    ServiceHours,
    answer_due,
    cases_from_returns,
    cases_from_reviews,
    close_case,
    feedback,
    open_case,
    overdue,
    reasons,
)


def test_the_clock_stops_at_night_at_weekends_and_on_closed_days() -> None:
    closed = WorkCalendar(closures=frozenset({date(2026, 11, 26)}))
    service = ServiceHours(calendar=closed)
    # Wednesday 16:30 in New York is 21:30 UTC; half an hour that day, Thursday is closed.
    opened = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
    assert answer_due(opened, hours=1, service=service) == datetime(
        2026, 11, 27, 14, 30, tzinfo=UTC
    )
    saturday = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    assert answer_due(saturday, hours=8, service=service) == datetime(
        2026, 11, 30, 22, 0, tzinfo=UTC
    )


def test_the_clock_keeps_local_hours_over_a_change_of_summer_time() -> None:
    # Friday 30 October 2026, 16:00 EDT is 20:00 UTC; Monday 10:00 EST is 15:00 UTC.
    opened = datetime(2026, 10, 30, 20, 0, tzinfo=UTC)
    assert answer_due(opened, hours=2, service=ServiceHours()) == datetime(
        2026, 11, 2, 15, 0, tzinfo=UTC
    )


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        answer_due(datetime(2026, 1, 1), hours=1, service=ServiceHours())


def test_overdue_lists_open_cases_the_longest_first() -> None:
    early = open_case(kind="complaint", opened_at=datetime(2026, 11, 16, 14, tzinfo=UTC), order="1")
    late = open_case(kind="question", opened_at=datetime(2026, 11, 17, 14, tzinfo=UTC), order="2")
    cases = pl.DataFrame([early, late])
    dataset = Dataset({"cases": cases})
    now = datetime(2026, 11, 20, 22, tzinfo=UTC)
    found = overdue(dataset["cases"], now=now)
    assert found["order"].to_list() == ["1", "2"]
    closed = close_case(dataset["cases"], str(early["case"]), closed_at=now, satisfaction=4)
    assert overdue(closed, now=now)["order"].to_list() == ["2"]
    with pytest.raises(ValueError, match="no open case"):
        close_case(closed, str(early["case"]), closed_at=now)


def test_reasons_reach_the_part_of_the_chain_that_can_mend_them() -> None:
    wanted = {
        "DEFECTIVE": "inspection",
        "DAMAGED_BY_CARRIER": "packing",
        "SWITCHEROO": "pick",
        "NOT_AS_DESCRIBED": "listing",
    }
    assert {code: reasons()[code].owner for code in wanted} == wanted
    assert len(reasons()) == 45


def company() -> Dataset:
    at = datetime(2026, 11, 10, tzinfo=UTC)
    return Dataset(
        {
            "returns": pl.DataFrame(
                {
                    "return_id": ["1", "2", "3"],
                    "order": ["a", "b", "c"],
                    "item": ["A", "A", "A"],
                    "quantity": [3, 1, 1],
                    "returned_at": [at] * 3,
                    "reason": ["defective", "UNWANTED_ITEM", "MADE-UP"],
                }
            )
        }
    )


def test_feedback_counts_units_by_owner() -> None:
    found = feedback(company(), as_of=date(2026, 11, 22)).to_dicts()
    assert [(row["owner"], row["units"], row["share"]) for row in found] == [
        ("inspection", 3, 0.6),
        ("unknown", 1, 0.2),
        ("none", 1, 0.2),
    ]


def test_a_return_that_blames_someone_opens_one_case_and_only_once() -> None:
    cases = cases_from_returns(company(), as_of=date(2026, 11, 22))
    assert cases["order"].to_list() == ["a"]
    again = cases_from_returns(company().with_tables(cases=cases), as_of=date(2026, 11, 22))
    assert again.height == 0


def test_a_review_of_few_stars_opens_one_complaint_about_the_only_item_of_its_order() -> None:
    said = datetime(2026, 11, 20, 10, tzinfo=UTC)
    given = company().with_tables(
        orders=schema("orders").frame(
            [{"order": "o", "line": 1, "item": "A", "channel": "FBM", "quantity": 1,
              "ordered_at": said}]
        ),
        reviews=schema("reviews").frame(
            [{"review": "bad", "order": "o", "stars": 1, "reviewed_at": said, "comment": "Broken"},
             {"review": "good", "order": "o", "stars": 5, "reviewed_at": said}]
        ),
    )  # fmt: skip
    cases = cases_from_reviews(given, as_of=date(2026, 11, 22))
    assert cases.select("kind", "item", "note").row(0) == ("complaint", "A", "1 of 5 stars: Broken")
    again = cases_from_reviews(given.with_tables(cases=cases), as_of=date(2026, 11, 22))
    assert again.height == 0
