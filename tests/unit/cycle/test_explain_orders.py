"""Why an order is as it is: followed through moves and buys down to what it stands on."""

from __future__ import annotations

from datetime import date

from fivefold.cycle.explain import why
from fivefold.cycle.plans import Plan
from fivefold.model import Reason, explanations_frame, schema

DAY = date(2026, 11, 23)


def test_an_order_is_followed_down_to_its_sources() -> None:
    rows = [
        ("O1/1", "order", "FBA-US", "decision", "move:1"),
        ("move:1", "supply", "WH1", "decision", "buy:1"),
        ("move:1", "supply", "WH1", "stock", ""),
        ("O10/1", "order", "FBA-US", "stock", ""),
    ]
    pegging = schema("pegging").frame(
        [
            {
                "consumer": consumer,
                "consumer_kind": kind,
                "item": "MUG",
                "location": place,
                "origin_kind": source,
                "origin": origin,
                "available_on": DAY,
                "units": 5.0,
            }
            for consumer, kind, place, source, origin in rows
        ]
    )
    reasons = explanations_frame(
        [Reason(subject="buy:1", reason_code="lead_time", text="It takes two weeks.")]
    )
    plan = Plan(
        plan="P1",
        as_of=DAY,
        status="feasible",
        tables={"pegging": pegging, "explanations": reasons},
        dataset_fingerprint="",
        params={},
        seconds={},
        scenario="baseline",
        notes={},
    )
    found = why(plan, "O1")
    told = found.rows["pegging"].select("level", "consumer", "origin").rows()
    assert told == [(1, "O1/1", "move:1"), (2, "move:1", "buy:1"), (2, "move:1", "")]
    assert found.because["subject"].to_list() == ["buy:1"]
