"""Schedule, work orders and quality holds over the interface, by role, once a key."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import SupplyLine, SupplyOrder, operations_of
from fivefold.cycle.plans import Plan
from fivefold.model import schema

ON = date(2026, 11, 23)


@pytest.fixture
def floor(serve: Any) -> Any:
    """Return a served company with a work order for ten desks of two lamps each."""
    served = serve()
    company = served.app.state.context.companies.company(OWN)
    on = company.today()
    operations = operations_of(company, company.dataset(as_of=on), actor="test")
    order = SupplyOrder(
        order="WO-1", kind="make", source="WH1", destination="WH1", ordered_on=on, expected_on=on,
        lines=(SupplyLine(line=1, item="DESK-7", quantity=10),), components={"LAMP-01": 2.0},
    )  # fmt: skip
    operations.write(operations.place_supply(order, at=at_noon(on)))
    return served


def post(served: Any, path: str, key: str, role: str = "operator", **body: Any) -> Any:
    headers = {"Idempotency-Key": key}
    return served.ask("POST", path, json=body, role=role, headers=headers)


def test_a_work_order_is_released_issued_reported_reworked_and_finished(floor: Any) -> None:
    assert post(floor, "/work-orders/WO-1/release", "k1").json()["status"] == "released"
    issued = post(floor, "/work-orders/WO-1/issues", "k2").json()
    assert issued["in_process"] == {"LAMP-01": 20}
    body = {"good": 8, "scrap": 1, "rework": 1}
    told = post(floor, "/work-orders/WO-1/reports", "k3", **body).json()
    again = post(floor, "/work-orders/WO-1/reports", "k3", **body)
    assert again.json() == told
    assert (told["good"], told["scrap"], told["rework"]) == (8, 1, 1)
    assert post(floor, "/work-orders/WO-1/finish", "k4").status_code == 409
    assert post(floor, "/work-orders/WO-1/rework", "k5", good=1).json()["good"] == 9
    done = post(floor, "/work-orders/WO-1/finish", "k6").json()
    assert (done["status"], done["in_process"]) == ("finished", {})
    listed = floor.ask("GET", "/work-orders?status=finished", role="viewer").json()["work_orders"]
    assert [one["order"] for one in listed] == ["WO-1"]


def test_what_cannot_be_worked_is_refused_with_the_reason_and_books_nothing(floor: Any) -> None:
    refused = post(floor, "/work-orders/WO-1/reports", "k1", good=5)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_workable")
    assert "issue" in refused.json()["detail"]
    assert floor.ask("GET", "/work-orders/WO-1").json()["status"] == "placed"
    assert floor.ask("GET", "/work-orders/WO-2").status_code == 404
    without = floor.ask("POST", "/work-orders/WO-1/reports", json={"good": 1}, role="operator")
    assert without.status_code in (400, 422, 428)


@pytest.mark.parametrize("role", ["viewer", "auditor", "buyer"])
def test_who_may_not_work_is_refused(floor: Any, role: str) -> None:
    hold = {"item": "LAMP-01", "location": "WH1", "quantity": 1, "reason": "scratched"}
    for path, body in (
        ("/work-orders/WO-1/release", {}),
        ("/work-orders/WO-1/issues", {}),
        ("/work-orders/WO-1/reports", {"good": 1}),
        ("/quality/holds", hold),
        ("/quality/releases", hold),
    ):
        assert post(floor, path, f"{role}{path}", role=role, **body).status_code == 403


def test_held_units_are_not_promised_until_they_are_freed(floor: Any) -> None:
    wanted = {"lines": [{"item": "LAMP-01", "quantity": 3}], "postal_code": "60601"}

    def basis() -> set[str]:
        legs = floor.ask("POST", "/promises", json=wanted).json()["legs"]
        return {leg["basis"] for leg in legs}

    assert basis() == {"on_hand"}
    company = floor.app.state.context.companies.company(OWN)
    stock = company.dataset(as_of=company.today())["inventory"]
    here = stock.filter((pl.col("item") == "LAMP-01") & (pl.col("location") == "WH1"))
    units = int((here["on_hand"] - here["allocated"]).sum())
    hold = {"item": "LAMP-01", "location": "WH1", "quantity": units, "reason": "lot in doubt"}
    assert post(floor, "/quality/holds", "h1", **hold).status_code == 200
    assert post(floor, "/quality/holds", "h1", **hold).status_code == 200
    assert "on_hand" not in basis()
    more = post(floor, "/quality/holds", "h2", **{**hold, "quantity": 1})
    assert more.status_code == 409
    assert post(floor, "/quality/releases", "h3", **hold).status_code == 200
    assert basis() == {"on_hand"}


def step(order: str, resource: str, start: int) -> dict[str, Any]:
    return {
        "order": order,
        "operation": 10,
        "product": "DESK-7",
        "location": "WH1",
        "resource": resource,
        "quantity": 5.0,
        "run_hours": 2.0,
        "start_at": datetime(2026, 11, 24, start, tzinfo=UTC),
        "finish_at": datetime(2026, 11, 24, start + 2, tzinfo=UTC),
    }


def test_the_schedule_of_a_plan_is_read_by_resource_and_order(floor: Any) -> None:
    company = floor.app.state.context.companies.company(OWN)
    rows = [step("WO-A", "M1", 8), step("WO-B", "M2", 8), step("WO-C", "M1", 10)]
    plan = Plan(
        plan="P-floor", as_of=company.today(), status="feasible", dataset_fingerprint="x",
        params={}, seconds={}, scenario="floor", notes={},
        tables={"work_operations": schema("work_operations").frame(rows),
                "violations": schema("violations").empty()},
    )  # fmt: skip
    company.plans.save(plan)
    found = floor.ask("GET", "/plans/P-floor/schedule?resource=M1", role="viewer").json()
    assert [one["order"] for one in found["steps"]] == ["WO-A", "WO-C"]
    one = floor.ask("GET", "/plans/P-floor/schedule?order=WO-B").json()
    assert [row["resource"] for row in one["steps"]] == ["M2"]


def test_a_question_without_an_event_or_of_an_unknown_machine_is_refused(floor: Any) -> None:
    post_ = {"json": {}, "role": "planner"}
    assert floor.ask("POST", "/plans/latest/what-if", **post_).status_code == 422
    both = {"machine": "M1", "order": "WO-1", "down_hours": 4}
    assert floor.ask("POST", "/plans/latest/what-if", json=both, role="planner").status_code == 422
    viewer = floor.ask("POST", "/plans/latest/what-if", json={"order": "WO-1"}, role="viewer")
    assert viewer.status_code == 403
