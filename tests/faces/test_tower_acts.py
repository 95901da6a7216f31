"""What forms of the tower do over the tiny company: who may, what is written, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN
from fivefold.api.roles import GRANTED, ROLES

#: What each form of the tower asks for.
FORMS = {
    "/make/look": "plan.accept",
    "/make/move": "plan.accept",
    "/make/undo": "plan.accept",
    "/make/freeze": "plan.accept",
    "/sop/comment": "plan.accept",
    "/sop/sign": "plan.accept",
    "/views": "plan.accept",
    "/order/fill": "plan.accept",
    "/decisions": "plan.accept",
    "/grid/supply": "plan.accept",
    "/returns/receive": "orders.serve",
    "/demand/override": "data.import",
    "/inventory/policy": "data.import",
}


@pytest.fixture(scope="module")
def tower(serve: Any) -> Any:
    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 12, "demand_factor": 8.0}))
    assert made["state"] == "done", made
    return served


def ask(tower: Any, method: str, path: str, role: str = "admin", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {tower.tokens[OWN, role]}", "Accept": "text/html"}
    return tower.client.request(method, path, headers=headers, **more)


@pytest.mark.parametrize("role", ROLES)
def test_a_form_is_closed_to_roles_that_do_not_grant_it(tower: Any, role: str) -> None:
    for path, verb in FORMS.items():
        answer = ask(tower, "POST", path, role, json={})
        allowed = verb in GRANTED[role]
        assert (answer.status_code != 403) == allowed, (path, role, answer.status_code)
        assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("path", FORMS)
def test_a_form_answers_nonsense_without_breaking(tower: Any, path: str) -> None:
    for body in ({}, {"starts": {"W": "never"}}, {"orders": ["nobody"]}, {"edits": [{}]}):
        answer = ask(tower, "POST", path, json=body)
        assert 200 <= answer.status_code < 500, (path, body, answer.text)


@pytest.mark.parametrize("path", [*FORMS, "/data/fix/x", "/data/load/x", "/data/map/x"])
def test_a_form_without_a_body_or_with_a_broken_one_is_refused(tower: Any, path: str) -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'"x"'):
        answer = ask(tower, "POST", path, content=body)
        assert 200 <= answer.status_code < 500, (path, body, answer.status_code)


def test_goods_are_valued_then_taken_back_once(tower: Any) -> None:
    company = tower.app.state.context.companies.company(OWN)
    asked = "/returns?r_order=O-5-LAMP-01&r_item=LAMP-01&r_units=1&r_condition=SELLABLE"
    before = company.journal.seq
    page = ask(tower, "GET", asked).text
    assert "worth most" in page
    assert company.journal.seq == before, "valuing writes nothing"
    body = {
        "id": "R-1",
        "order": "O-5-LAMP-01",
        "item": "LAMP-01",
        "units": "1",
        "condition": "SELLABLE",
        "way": "restock",
    }
    first = ask(tower, "POST", "/returns/receive", json=body).json()
    assert "$20.00 refunded" in first["message"]
    seq = company.journal.seq
    again = ask(tower, "POST", "/returns/receive", json=body).json()
    assert "before" in again["message"]
    assert company.journal.seq == seq


def test_a_way_that_is_not_allowed_is_refused_and_nothing_is_written(tower: Any) -> None:
    company = tower.app.state.context.companies.company(OWN)
    before = company.journal.seq
    body = {"id": "R-2", "item": "LAMP-01", "units": "1", "condition": "DEFECTIVE"}
    answer = ask(tower, "POST", "/returns/receive", json={**body, "way": "restock"})
    assert answer.status_code == 422
    assert "not allowed" in answer.text
    assert company.journal.seq == before


def test_a_plan_is_commented_and_agreed_to_and_a_view_kept(tower: Any) -> None:
    ask(tower, "POST", "/sop/comment", json={"text": "Too <much>"})
    ask(tower, "POST", "/sop/sign", json={"function": "supply", "agrees": "yes"})
    ask(tower, "POST", "/views", json={"name": "Excess", "address": "/inventory?f.status=excess"})
    page = ask(tower, "GET", "/sop").text
    assert "Too &lt;much&gt;" in page
    assert "1 of 3 agree" in page
    assert 'href="/inventory?f.status=excess"' in page


def test_an_override_of_a_week_needs_a_reason_and_tells_what_changes(tower: Any) -> None:
    rows = ask(tower, "GET", "/grid/weeks?item=LAMP-01&place=WH1").json()
    key = rows["keys"][3]
    edit = {"edits": [{"key": key, "column": "override", "from": "", "to": "5000"}]}
    refused = ask(tower, "POST", "/grid/weeks", json=edit)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    told = ask(tower, "POST", "/grid/weeks", json={**edit, "reason": "Fair"}).json()
    assert "units</b> against the plan" in told["panel"], "what it is worth is told at once"
    assert "of sales at list price" in told["panel"]
    orders = ask(tower, "GET", told["then"])
    assert "orders of Lamp" in orders.text
    assert "buy" in orders.text.lower()
    assert ask(tower, "GET", told["then"]).status_code == 404, "told once, then forgotten"
    after = ask(tower, "GET", "/grid/weeks?item=LAMP-01&place=WH1").json()
    names = [column["name"] for column in after["columns"]]
    assert after["raw"][names.index("override")][3] == 5000
    for units in ("6000", "5000"):
        again = {"edits": [{**edit["edits"][0], "to": units}], "reason": "Fair"}
        assert ask(tower, "POST", "/grid/weeks", json=again).status_code == 200
    after = ask(tower, "GET", "/grid/weeks?item=LAMP-01&place=WH1").json()
    assert after["raw"][names.index("override")][3] == 5000, "what is said anew is the last word"


def test_an_order_opens_proposed_or_placed_and_an_unknown_one_is_not_found(tower: Any) -> None:
    assert "data-document" in ask(tower, "GET", "/order?name=PO-1").text
    assert ask(tower, "GET", "/order?name=NOBODY").status_code == 404


def company_of(tower: Any) -> Any:
    return tower.app.state.context.companies.company(OWN)


def test_a_service_level_is_tried_without_a_trace_then_kept_for_the_next_plan(tower: Any) -> None:
    company = company_of(tower)
    day, before = company.today(), company.journal.seq
    page = ask(tower, "GET", "/inventory?tab=policy&item=LAMP-01&level=97.5").text
    assert "Keep 97.5 % for 1 item" in page
    assert company.journal.seq == before
    asked = {"item": "LAMP-01", "circle": "item", "level": 97.5}
    answer = ask(tower, "POST", "/inventory/policy", json=asked)
    assert answer.status_code == 200, answer.text
    kept = dict(company.dataset(as_of=day)["items"].select("item", "service_level_share").rows())
    assert kept == {"LAMP-01": 0.975, "DESK-7": None}
    titles = dict(company.dataset(as_of=day)["items"].select("item", "title").rows())
    assert titles["LAMP-01"] == "Lamp", "nothing else of the item was touched"
    refused = ask(tower, "POST", "/inventory/policy", json={**asked, "level": 12})
    assert refused.status_code == 422
    assert "Leave 1 item to margin" in ask(tower, "GET", "/inventory?tab=policy&item=LAMP-01").text
    cleared = ask(tower, "POST", "/inventory/policy", json={**asked, "do": "clear"})
    assert cleared.status_code == 200, cleared.text
    kept = dict(company.dataset(as_of=day)["items"].select("item", "service_level_share").rows())
    assert kept == {"LAMP-01": None, "DESK-7": None}
    assert "Leave" not in ask(tower, "GET", "/inventory?tab=policy&item=LAMP-01").text


def test_a_total_is_spread_over_the_weeks_as_the_forecast_lies(tower: Any) -> None:
    company = company_of(tower)
    means = company.plan_named(None)["forecast_means"]
    own = means.filter(pl.col("item") == "DESK-7").sort("period_start")
    weeks = own["period_start"].to_list()
    whole = float(own["units_mean"][2:4].sum())
    body = {
        "item": "DESK-7",
        "location": own["location"][0],
        "circle": "stream",
        "action": "spread",
        "value": 3 * whole,
        "starts_on": str(weeks[2]),
        "ends_on": str(weeks[3]),
        "reason": "Three times as much",
    }
    answer = ask(tower, "POST", "/demand/override", json=body)
    assert answer.status_code == 200, answer.text
    rows = company.dataset(as_of=company.today())["forecast_overrides"]
    kept = rows.filter(pl.col("reason") == "Three times as much").row(0, named=True)
    assert kept["action"] == "multiply"
    assert kept["value"] == pytest.approx(3, abs=1e-5)


def test_a_forecast_that_is_held_stands_week_by_week_as_it_was(tower: Any) -> None:
    company = company_of(tower)
    means = company.plan_named(None)["forecast_means"]
    own = means.filter(pl.col("item") == "LAMP-01").sort("period_start")
    first, last = own["period_start"][4], own["period_start"][6]
    body = {
        "item": "LAMP-01",
        "location": own["location"][0],
        "action": "hold",
        "starts_on": str(first),
        "ends_on": str(last),
        "reason": "Agreed in the meeting",
    }
    assert ask(tower, "POST", "/demand/override", json=body).status_code == 200
    rows = company.dataset(as_of=company.today())["forecast_overrides"]
    kept = rows.filter(pl.col("reason") == "Agreed in the meeting").sort("starts_on")
    assert kept["starts_on"].to_list() == own["period_start"][4:7].to_list()
    assert kept["value"].to_list() == pytest.approx(own["units_mean"][4:7].to_list())
    nothing = {**body, "starts_on": "2040-01-01", "ends_on": "2040-02-01"}
    assert ask(tower, "POST", "/demand/override", json=nothing).status_code == 422


def test_weeks_of_the_past_are_copied_as_they_were_sold(tower: Any) -> None:
    company = company_of(tower)
    plan = company.plan_named(None)
    own = plan["forecast_means"].filter(pl.col("item") == "DESK-7").sort("period_start")
    first, last = own["period_start"][1], own["period_start"][2]
    back = company.today() - timedelta(days=35)
    body = {
        "item": "DESK-7",
        "location": "WH1",
        "action": "copy",
        "copied_from": str(back),
        "times": 2,
        "starts_on": str(first),
        "ends_on": str(last),
        "reason": "Fair as last month",
    }
    answer = ask(tower, "POST", "/demand/override", json=body)
    assert answer.status_code == 200, answer.text
    rows = company.dataset(as_of=company.today())["forecast_overrides"]
    kept = rows.filter(pl.col("reason") == "Fair as last month").sort("starts_on")
    sold = plan["sales_history"].filter(pl.col("item") == "DESK-7")
    wanted = [
        2 * sold.filter(pl.col("date").is_between(start, start + timedelta(days=6)))["units"].sum()
        for start in (back, back + timedelta(days=7))
    ]
    assert min(wanted) > 0
    assert kept["value"].to_list() == wanted
    future = {**body, "copied_from": str(company.today())}
    refused = ask(tower, "POST", "/demand/override", json=future)
    assert refused.status_code == 422
    assert "the record of sales holds" in refused.text


def test_a_new_item_is_forecast_like_another(tower: Any) -> None:
    company = company_of(tower)
    means = company.plan_named(None)["forecast_means"].sort("period_start")
    model = means.filter(pl.col("item") == "LAMP-01")
    first, last = model["period_start"][8], model["period_start"][9]
    body = {
        "item": "DESK-7",
        "location": "WH1",
        "action": "like",
        "like": "LAMP-01",
        "times": 0.5,
        "starts_on": str(first),
        "ends_on": str(last),
        "reason": "Half as good as the lamp",
    }
    assert ask(tower, "POST", "/demand/override", json=body).status_code == 200
    rows = company.dataset(as_of=company.today())["forecast_overrides"]
    kept = rows.filter(pl.col("reason") == "Half as good as the lamp").sort("starts_on")
    half = [0.5 * units for units in model["units_mean"][8:10].to_list()]
    assert kept["value"].to_list() == pytest.approx(half)
    refused = ask(tower, "POST", "/demand/override", json={**body, "like": "NOBODY"})
    assert refused.status_code == 422
    assert "no forecast of item" in refused.text


def test_a_plan_with_a_proof_beside_it_opens_in_every_room(tower: Any) -> None:
    company = company_of(tower)
    made = company.plan_named(None)
    company.plans.save(made.with_tables(proof=pl.DataFrame({"policy": ["plan"]})))
    try:
        for path in ("/portfolio", "/portfolio?tab=prices", "/make", "/inventory", "/supply"):
            assert ask(tower, "GET", path).status_code == 200, path
        for name in ("price_proposals", "range"):
            assert ask(tower, "GET", f"/grid/{name}").status_code == 200, name
    finally:
        company.plans.save(made)
