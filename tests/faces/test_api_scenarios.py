"""Scenarios, reviews, proposals and the S&OP cycle over the API: worked out apart, kept once."""

from __future__ import annotations

from typing import Any

import pytest

from fivefold.api.access import OWN
from fivefold.api.door import Limits

#: One customer orders 450 lamps at once.
SPIKE = b"""order,line,item,channel,quantity,unit_price,ordered_at,status,location
O-BIG,1,LAMP-01,FBM,450,20.0,2026-11-22T07:00:00Z,open,WH1
"""


@pytest.fixture(scope="module")
def planned(serve: Any) -> Any:
    served = serve(limits=Limits(failures_per_second=1e9, failure_burst=1e9))
    made = served.wait(served.ask("POST", "/plans", json={"periods": 8}))
    assert made["state"] == "done", made
    return served


def done(served: Any, answer: Any) -> dict[str, Any]:
    job = served.wait(answer)
    assert job["state"] == "done", job
    result: dict[str, Any] = job["result"]
    return result


def test_a_what_if_is_answered_and_nothing_is_kept_unless_asked(planned: Any) -> None:
    plans = len(planned.ask("GET", "/plans").json())
    told = done(planned, planned.ask("POST", "/what-ifs", json={"changes": "demand=+60%"}))
    figures = {row["measure"]: row for row in told["figures"]}
    # Weeks are whole units.
    before, after = (figures["units_demanded"][when] for when in ("before", "after"))
    assert after == pytest.approx(1.6 * before, rel=0.02)
    assert told["kept_as"] is None
    assert len(planned.ask("GET", "/plans").json()) == plans
    asked = {"changes": ["supplier:SUP=lost 6w"], "keep": True}
    kept = done(planned, planned.ask("POST", "/what-ifs", json=asked))
    assert kept["kept_as"] in {head["plan"] for head in planned.ask("GET", "/plans").json()}
    latest = planned.ask("GET", "/plans/latest").json()
    assert latest["scenario"] == "baseline", "a what-if is not what people look at by itself"


def test_a_scenario_is_made_planned_played_merged_and_dropped(planned: Any) -> None:
    body = {"name": "fair", "changes": "demand=+30%, cash=-10%", "reason": "a fair"}
    without = planned.ask("POST", "/scenarios", json={**body, "changes": "weather=bad"})
    assert without.status_code == 422
    assert "weather" in without.json()["detail"]
    body["changes"] = "demand=+30%"
    made = planned.ask("POST", "/scenarios", json=body).json()
    assert made["changes"] == ["demand=+30%"]
    assert planned.ask("POST", "/scenarios", json=body).status_code == 422, "the name is taken"
    child = {"name": "fairer", "changes": ["price=-10%"], "on": "fair"}
    assert planned.ask("POST", "/scenarios", json=child).json()["parent"] == "fair"
    ran = done(planned, planned.ask("POST", "/scenarios/fair/plan"))
    assert planned.ask("GET", "/scenarios/fair").json()["plan"] == ran["plan"]
    asked = {"names": ["fair", "fairer"], "days": 14, "replications": 2}
    told = done(planned, planned.ask("POST", "/comparisons", json=asked))
    assert len(told["versions"]) == 3
    known = {one["name"]: one for one in planned.ask("GET", "/scenarios").json()}
    for name in ("fair", "fairer"):
        played = known[name]["played"]
        assert played["plan"] == known[name]["plan"]
        profit = [row for row in played["measures"] if row["measure"] == "profit"]
        assert {row["policy"] for row in profit} == {"kept", "replanned"}
        risk = {row["policy"]: row for row in played["risk"]}
        for row in profit:
            assert row["low"] <= row["mean"] <= row["high"]
            assert row["mean"] == pytest.approx(risk[row["policy"]]["mean"])
            assert row["low"] == pytest.approx(risk[row["policy"]]["low"])
    why = planned.ask("POST", "/scenarios/fair/merge", json={})
    assert why.status_code == 422
    merged = planned.ask("POST", "/scenarios/fair/merge", json={"reason": "the fair is on"})
    assert merged.json()["rows"] == {"forecast_overrides": 2}
    overrides = planned.ask("GET", "/tables/forecast_overrides/rows").json()["rows"]
    assert {row["action"] for row in overrides} == {"multiply"}
    assert planned.ask("POST", "/scenarios/fairer/drop", json={}).json()["dropped"] is True
    assert planned.ask("GET", "/scenarios/fairer").status_code == 404


def test_a_review_is_kept_and_its_pack_can_be_read(planned: Any) -> None:
    assert planned.ask("GET", "/plans/latest/review").status_code == 404
    body = {"replications": 2, "days": 14, "scenarios": {"busy": "demand=+20%"}}
    told = done(planned, planned.ask("POST", "/plans/latest/review", json=body))
    record = planned.ask("GET", "/plans/latest/review").json()
    assert record["plan"] == told["plan"]
    assert [one["name"] for one in record["scenarios"]] == ["busy"]
    pack = planned.ask("GET", "/plans/latest/review.html")
    assert "<h1>" in pack.text
    assert "http://" not in pack.text.replace("http://www.w3.org", "")


def test_the_cycle_is_agreed_step_by_step_with_who_and_why(planned: Any) -> None:
    cycle = planned.ask("GET", "/sop").json()
    assert cycle["steps"][0]["step"] == "product"
    assert cycle["assumptions"]
    early = planned.ask("POST", "/sop/steps/supply/closing", json={})
    assert early.status_code == 409
    body = {"topic": "LAMP-01", "outcome": "keep it", "why": "it pays"}
    decided = planned.ask("POST", "/sop/steps/product/decisions", json=body, role="buyer").json()
    assert decided["who"] == f"buyer of {OWN}"
    refused = planned.ask("POST", "/sop/steps/product/decisions", json=body, role="operator")
    assert refused.status_code == 403
    for step in ("product", "demand"):
        closed = planned.ask("POST", f"/sop/steps/{step}/closing", json={"who": "Ada"})
        assert closed.json()["closed"] is True
    named = {"name": "fair", "text": "It takes place."}
    assert planned.ask("POST", "/sop/assumptions", json=named).status_code == 200
    again = planned.ask("GET", "/sop").json()
    product = again["steps"][0]
    assert (product["done"], product["closed_by"]) == (True, "Ada")
    assert [one["outcome"] for one in product["decisions"]] == ["keep it"]
    assert "fair" in {row["name"] for row in again["assumptions"]}
    one = planned.ask("GET", "/sop/steps/executive").json()
    assert any("keep it" in topic["topic"] for topic in one["agenda"])


def test_a_family_s_volume_lands_on_its_items_and_adds_up(planned: Any) -> None:
    rows = planned.ask("GET", "/sop/families").json()["families"]
    month = rows[1]
    path = f"/sop/families/{month['family']}/{month['month'][:7]}"
    asked = {"units": 2 * month["units"], "why": "gifts"}
    told = planned.ask("POST", path, json=asked).json()
    assert sum(row["units"] for row in told["items"]) == pytest.approx(2 * month["units"])
    months = planned.ask("GET", "/budget").json()["months"]
    assert all(row["budget_units"] is None for row in months)
    assert any(row["plan_units"] for row in months)


def test_new_facts_become_a_proposal_before_anyone_asks(serve: Any) -> None:
    served = serve(limits=Limits(failures_per_second=1e9, failure_burst=1e9))
    assert served.ask("POST", "/proposals").status_code == 409
    made = done(served, served.ask("POST", "/plans", json={"periods": 8}))
    accepted = served.ask("POST", f"/plans/{made['plan']}/acceptance", json={})
    assert accepted.status_code == 200, accepted.text
    quiet = done(served, served.ask("POST", "/proposals"))
    assert quiet["proposal"] is None
    served.wait(
        served.ask("POST", "/imports", files=[("files", ("orders.csv", SPIKE, "text/csv"))])
    )
    news = served.ask("GET", "/jobs").json()
    watching = [job for job in news if job["kind"] == "watch"]
    assert len(watching) == 2, news
    ended = served.ask("GET", f"/jobs/{watching[0]['job']}").json()
    while ended["state"] in ("waiting", "running"):
        ended = served.ask("GET", f"/jobs/{watching[0]['job']}").json()
    assert ended["state"] == "done", ended
    told = served.ask("GET", "/proposals").json()
    assert [row["plan"] for row in told] == [ended["result"]["proposal"]["plan"]]
    assert told[0]["base"] == made["plan"]
    assert told[0]["causes"]
    assert set(told[0]["money"]) == {"margin", "revenue", "cash_flow", "working_capital"}
    taken = served.ask("POST", f"/plans/{told[0]['plan']}/acceptance", json={})
    assert taken.status_code == 200, taken.text
    assert served.ask("GET", "/proposals").json() == []
