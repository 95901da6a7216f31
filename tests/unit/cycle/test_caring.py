"""Care on live books: a case opens once, closes once, and its people can be planned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fivefold.cycle.caring import (
    care_staff,
    case_trail,
    causes,
    close_customer_case,
    list_cases,
    open_customer_case,
)
from fivefold.errors import ConflictError, NotFoundError

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 23, 16, tzinfo=UTC)


def opened(store: Any, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"kind": "complaint", "item": "GIFT", "reason": "DEFECTIVE", **more}
    return open_customer_case(store, actor="t", at=NOON, **given)


def test_a_case_opens_once_closes_once_and_tells_what_was_said_of_it(store: Any) -> None:
    first = opened(store)
    seq = store.journal.seq
    assert opened(store)["status"] == "duplicate"
    assert store.journal.seq == seq
    assert (first["skill"], first["level"], first["macro"]) == ("quality", "desk", "defect")
    late = list_cases(store, now=NOON + timedelta(days=2))
    assert late["open"] == 1
    assert late["cases"][0]["level"] == "manager"
    done = close_customer_case(
        store, first["case"], actor="t", at=NOON + timedelta(hours=2), stars=4
    )
    assert done["satisfaction"] == 4
    with pytest.raises(ConflictError, match="was closed"):
        close_customer_case(store, first["case"], actor="t", at=NOON + timedelta(hours=3))
    told = list_cases(store, now=NOON + timedelta(days=2), all_cases=True)
    assert (told["open"], told["closed"], told["in_time_share"]) == (0, 1, 1.0)
    assert told["satisfaction"]["csat"] == 1.0


def test_what_is_not_known_is_refused_by_name(store: Any) -> None:
    with pytest.raises(NotFoundError, match="no item"):
        opened(store, item="NOPE")
    with pytest.raises(NotFoundError, match="no order"):
        opened(store, order="NOPE")
    with pytest.raises(NotFoundError, match="care list"):
        case_trail(store, "NOPE", as_of=AS_OF)
    case = opened(store)["case"]
    with pytest.raises(ValueError, match="1 to 5"):
        close_customer_case(store, case, actor="t", at=NOON, stars=6)
    with pytest.raises(ConflictError, match="opened after"):
        close_customer_case(store, case, actor="t", at=NOON - timedelta(days=1))


def test_a_case_is_followed_and_the_desk_is_staffed(store: Any) -> None:
    case = opened(store)["case"]
    found = case_trail(store, case, as_of=date(2026, 11, 24))
    assert found["trail"][0]["step"] == "complaint"
    assert found["trail"][-1]["step"] == "action"
    assert causes(store, otherwise=AS_OF)["actions"] == []
    staff = care_staff(store, otherwise=AS_OF)
    assert {row["hour"] for row in staff["rows"]} == set(range(9, 17))
    assert staff["agent_hours_per_day"] == sum(row["agents"] for row in staff["rows"])
    # Nobody told what an hour costs.
    assert staff["cost_per_day"] is None
