"""What the plan compares of making and buying is told by item, and refused where there is none."""

from __future__ import annotations

import pytest
from tests.unit.plan.supply.test_make_or_buy import WEEKS, _company
from tests.unit.plan.supply.test_planning import AS_OF, plan

from fivefold.cycle.explain import why
from fivefold.cycle.plans import Plan
from fivefold.cycle.sourcing import ways_compared
from fivefold.errors import NotFoundError


@pytest.fixture(scope="module")
def made() -> Plan:
    outcome = plan(_company(0.5), periods=WEEKS)
    assert outcome.explanations is not None
    return Plan(
        plan="P1",
        as_of=AS_OF,
        status="feasible",
        tables={**outcome.tables, "explanations": outcome.explanations},
        dataset_fingerprint="",
        params={},
    )


def test_one_item_is_told_with_all_its_reasons(made: Plan) -> None:
    found = ways_compared(made, ("MUG",))
    assert set(found["make_or_buy"]["kind"]) == {"make", "buy"}
    assert found.explanations is not None
    assert set(found.explanations["subject"]) == {"make_or_buy:MUG@PLANT1"}
    assert ways_compared(made)["make_or_buy"].height == 4


def test_an_item_that_is_only_bought_is_refused_with_what_it_takes(made: Plan) -> None:
    with pytest.raises(NotFoundError, match="nothing of CLAY: an item needs a bill of material"):
        ways_compared(made, ("CLAY",))


def test_why_an_item_shows_both_ways(made: Plan) -> None:
    told = why(made, "MUG")
    assert told.rows["make_or_buy"].height == 2
    assert any("is bought from SUP" in text for text in told.because["text"])
    by_name = why(made, "MUG@PLANT1")
    assert by_name.name == "make_or_buy:MUG@PLANT1"
