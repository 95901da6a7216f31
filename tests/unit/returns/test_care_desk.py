"""The desk: skills, prepared answers, steps up, satisfaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fivefold.returns.care import reasons
from fivefold.returns.care_desk import (
    SKILLS,
    DeskParams,
    escalation,
    macro_for,
    macros,
    satisfaction,
    skill_of,
    time_cost_of,
)

DUE = datetime(2026, 11, 20, 17, tzinfo=UTC)


def case(**more: Any) -> dict[str, Any]:
    return {"case": "C", "kind": "complaint", "reason": "DEFECTIVE", "note": None,
            "answer_due_at": DUE, "closed_at": None, **more}  # fmt: skip


def test_every_reason_has_a_skill_that_takes_it() -> None:
    owners = {entry.owner for entry in reasons().values()}
    assert owners - {"none"} <= set(SKILLS)
    assert skill_of("question", None) == "sales"


def test_a_case_goes_up_with_its_time_and_at_once_where_somebody_may_be_hurt() -> None:
    assert escalation(case(), now=DUE)[0] == "desk"
    assert escalation(case(), now=DUE + timedelta(hours=1))[0] == "lead"
    assert escalation(case(), now=DUE + timedelta(hours=9))[0] == "manager"
    assert escalation(case(note="It began to SMOKE"), now=DUE - timedelta(hours=9))[0] == "safety"
    assert escalation(case(closed_at=DUE), now=DUE + timedelta(hours=99))[0] == "desk"


def test_the_prepared_answer_is_that_of_the_cause_and_names_the_order() -> None:
    name, text = macro_for("complaint", "SWITCHEROO", {"order": "113-1"})
    assert name == "wrong_item"
    assert "113-1" in text
    assert macro_for("return", "UNWANTED_ITEM", {})[0] == "return_plain"
    assert macro_for("question", None, {"item": "A"})[0] == "question"
    for reason in reasons():
        assert "{" not in macro_for("return", reason, {})[1]
    assert len({row["macro"] for row in macros()}) == len(macros())


def test_satisfaction_is_counted_by_hand() -> None:
    found = satisfaction([5] * 50 + [4] * 30 + [3] * 5 + [1] * 15)
    assert (found.csat, found.nps, found.mean) == (0.8, 30.0, pytest.approx(4.0))
    # Wilson's interval of 80 of 100 is 71.1 % to 86.7 %.
    assert found.csat_low == pytest.approx(0.711, abs=0.0005)
    assert found.csat_high == pytest.approx(0.867, abs=0.0005)
    assert satisfaction([]).csat is None
    with pytest.raises(ValueError, match="1 to 5"):
        satisfaction([6])


def test_a_case_costs_the_time_of_its_skill_where_an_hour_has_a_price() -> None:
    assert time_cost_of(case()) is None
    desk = DeskParams(handle_minutes={"quality": 10.0}, cost_per_hour=24.0)
    assert time_cost_of(case(), desk) == pytest.approx(10 / 60 * 24)
    assert time_cost_of(case(minutes=30.0), desk) == pytest.approx(12.0)
