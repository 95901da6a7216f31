"""The use cases over HTTP, each as a caller meets it."""

from __future__ import annotations

import io
import shutil
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.api.app import create_app

with warnings.catch_warnings():
    # It asks for another HTTP library of the same make.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


def test_without_a_token_nothing_is_told(api: Any) -> None:
    answer = api.client.get("/api/v1/tables")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "no_caller"
    assert api.client.get("/api/v1/health").json() == {"status": "ok"}


def test_a_table_is_paged_filtered_and_sorted_on_the_server(api: Any) -> None:
    answer = api.ask(
        "GET",
        "/tables/orders/rows",
        params={"where": ["item:eq:DESK-7", "quantity:ge:2"], "sort": "-quantity", "limit": 5},
    )
    found = answer.json()
    assert found["count"] > 5
    assert [row["quantity"] for row in found["rows"]] == [3] * 5
    assert {row["item"] for row in found["rows"]} == {"DESK-7"}
    whole = api.ask("GET", "/tables/orders/rows", params={"form": "columns", "limit": 1000}).json()
    assert len(whole["columns"]["order"]) == whole["count"] == 296


def test_a_page_that_is_known_already_is_not_sent_again(api: Any) -> None:
    first = api.ask("GET", "/tables/items/rows")
    again = api.ask("GET", "/tables/items/rows", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = api.ask("GET", "/tables/items/rows", params={"limit": 1})
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    "query",
    [
        {"where": "nothing:eq:1"},
        {"where": "quantity:like:1"},
        {"where": "quantity:gt:many"},
        {"sort": "nothing"},
        {"columns": "nothing"},
        {"limit": "-1"},
        {"offset": "x"},
    ],
)
def test_a_wrong_query_is_refused_with_its_place(api: Any, query: dict[str, str]) -> None:
    answer = api.ask("GET", "/tables/orders/rows", params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_an_import_is_previewed_then_loaded_once_and_undone(api: Any) -> None:
    text = b"item,title,unit_cost,price\nFAN-3,Fan,4.0,15.0\n"
    before = api.ask("GET", "/tables/items/rows").json()["count"]
    files = [("files", ("items.csv", text))]
    preview = api.wait(api.ask("POST", "/imports?dry_run=true", files=files))
    assert preview["result"]["files"][0]["rows_kept"] == {"items": 1}
    assert api.ask("GET", "/tables/items/rows").json()["count"] == before
    loaded = api.wait(api.ask("POST", "/imports", files=files))
    assert loaded["result"]["files"][0]["status"] == "loaded"
    again = api.wait(api.ask("POST", "/imports", files=files))
    assert again["result"]["files"][0]["status"] == "already_loaded"
    assert api.ask("GET", "/tables/items/rows").json()["count"] == before + 1
    sha256 = loaded["result"]["files"][0]["sha256"]
    assert api.ask("DELETE", f"/files/{sha256}").status_code == 200
    assert api.ask("GET", "/tables/items/rows").json()["count"] == before
    assert api.ask("DELETE", f"/files/{sha256}").status_code == 404


def test_a_bad_file_is_refused_with_row_and_column(api: Any) -> None:
    text = b"item,title,unit_cost\nBAD-1,Bad,1O\n"
    done = api.wait(api.ask("POST", "/imports", files=[("files", ("items.csv", text))]))
    file = done["result"]["files"][0]
    assert file["status"] == "refused"
    problem = next(p for p in file["problems"] if p["severity"] == "error")
    assert (problem["row"], problem["column"]) == (2, "unit_cost")


def test_rows_are_edited_in_place_and_a_stale_edit_is_refused(api: Any) -> None:
    tags = {one["table"]: one["etag"] for one in api.ask("GET", "/tables").json()}
    change = {"rows": [{"item": "LAMP-01", "price": 21.5}], "reason": "season"}
    done = api.ask("PATCH", "/tables/items/rows", json=change, headers={"If-Match": tags["items"]})
    assert done.status_code == 200, done.text
    rows = api.ask("GET", "/tables/items/rows?where=item:eq:LAMP-01").json()["rows"]
    assert (rows[0]["price"], rows[0]["title"]) == (21.5, "Lamp")
    stale = api.ask("PATCH", "/tables/items/rows", json=change, headers={"If-Match": tags["items"]})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    "row",
    [
        {"price": 3},
        {"item": "LAMP-01", "nothing": 1},
        {"item": "LAMP-01", "price": "dear"},
        {"item": "LAMP-01", "price": True},
        {"item": ["LAMP-01"], "price": 1},
        {"item": "LAMP-01", "launched_on": "yesterday"},
    ],
)
def test_rows_that_do_not_fit_the_schema_are_refused(api: Any, row: dict[str, Any]) -> None:
    assert api.ask("PATCH", "/tables/items/rows", json={"rows": [row]}).status_code == 422


def test_template_and_export_can_be_read_back(api: Any) -> None:
    template = api.ask("GET", "/template", params={"table": ["items"]})
    assert template.content[:2] == b"PK"
    csv = api.ask("GET", "/export", params={"table": "offers", "format": "csv"})
    assert pl.read_csv(io.BytesIO(csv.content))["item"].sort().to_list() == ["DESK-7", "LAMP-01"]
    assert api.ask("GET", "/export", params={"format": "csv"}).status_code == 422
    assert api.ask("GET", "/export").content[:2] == b"PK"


def test_an_order_is_promised_once_whatever_is_sent_again(api: Any) -> None:
    body = {"lines": [{"item": "LAMP-01", "quantity": 3}]}
    assert api.ask("POST", "/orders", json=body).json()["code"] == "idempotency_key_missing"
    key = {"Idempotency-Key": "first"}
    first = api.ask("POST", "/orders", json=body, headers=key)
    again = api.ask("POST", "/orders", json=body, headers=key)
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = api.ask(
        "POST", "/orders", json={"lines": [{"item": "LAMP-01", "quantity": 4}]}, headers=key
    )
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    held = api.ask("GET", "/ledger/reservations").json()["rows"]
    assert [row["units"] for row in held if row["ref"] == first.json()["order"]] == [3]


def test_a_restart_forgets_neither_key_nor_token(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path, dirs_exist_ok=True)
    body = {"lines": [{"item": "LAMP-01", "quantity": 2}]}
    answers = []
    secret = ""
    for _ in range(2):
        app = create_app(tmp_path, with_pages=False)
        secret = secret or app.state.context.access.new_token("default", "admin")[0]
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "kept"}
        with TestClient(app) as client:
            answers.append(client.post("/api/v1/orders", json=body, headers=headers))
    assert answers[0].status_code == 200
    assert answers[1].content == answers[0].content
    assert answers[1].headers["idempotent-replayed"] == "true"


def test_twenty_callers_with_one_key_get_one_answer(api: Any) -> None:
    answers: list[Any] = []

    def order() -> None:
        body = {"lines": [{"item": "DESK-7", "quantity": 1}]}
        headers = {"Idempotency-Key": "crowd"}
        answers.append(api.ask("POST", "/orders", json=body, headers=headers))

    crowd = [threading.Thread(target=order) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len({answer.text for answer in answers}) == 1
    order_name = answers[0].json()["order"]
    held = api.ask("GET", f"/ledger/reservations?where=ref:eq:{order_name}").json()
    assert [row["units"] for row in held["rows"]] == [1]


def test_an_order_ships_and_comes_back_with_its_money(api: Any) -> None:
    body = {"order": "SO-77", "lines": [{"item": "DESK-7", "quantity": 2}]}
    assert api.ask("POST", "/orders", json=body).json()["status"] == "ok"
    shipped = api.ask("POST", "/orders/SO-77/shipment", json={}).json()
    assert (shipped["status"], shipped["revenue"]) == ("ok", 60.0)
    assert api.ask("POST", "/orders/SO-77/shipment", json={}).json()["status"] == "duplicate"
    back = api.ask("PUT", "/returns/RMA-1", json={"item": "DESK-7", "order": "SO-77"}).json()
    assert back["refund"] == 30.0
    assert back["case"]
    legs = api.ask("GET", "/ledger/trace/money?order=SO-77").json()["rows"]
    assert sum(leg["amount_minor"] for leg in legs) == 0
    moves = api.ask("GET", "/ledger/trace/goods?order=SO-77").json()["rows"]
    assert sum(move["quantity"] for move in moves if move["dst_kind"] == "customer") == 2


def test_two_editors_of_one_purchase_order_lose_nothing(api: Any) -> None:
    read = api.ask("GET", "/supply-orders/PO-1", role="buyer")
    tag = {"If-Match": read.headers["etag"]}
    assert api.ask("PATCH", "/supply-orders/PO-1", json={"lines": []}).status_code == 422
    mine = {"lines": [{"line": 1, "quantity": 120}]}
    assert api.ask("PATCH", "/supply-orders/PO-1", json=mine).status_code == 428
    first = api.ask("PATCH", "/supply-orders/PO-1", json=mine, headers=tag, role="buyer")
    assert first.status_code == 200, first.text
    theirs = {"lines": [{"line": 1, "expected_on": "2026-12-09"}]}
    second = api.ask("PATCH", "/supply-orders/PO-1", json=theirs, headers=tag, role="planner")
    assert second.status_code == 412
    told = second.json()
    assert told["changes"] == [{"line": 1, "column": "quantity", "from": 100, "to": 120}]
    assert told["current"][0]["quantity"] == 120
    merged = api.ask(
        "PATCH",
        "/supply-orders/PO-1",
        json=theirs,
        headers={"If-Match": second.headers["etag"]},
        role="planner",
    )
    line = merged.json()["lines"][0]
    assert (line["quantity"], line["expected_on"]) == (120, "2026-12-09")


def test_a_receipt_counts_once_and_no_more_than_is_tolerated(api: Any) -> None:
    much = {"quantities": {"LAMP-01": 900}, "note": "DN-1"}
    refused = api.ask("POST", "/supply-orders/PO-1/receipts", json=much)
    assert (refused.status_code, refused.json()["code"]) == (409, "over_receipt")
    part = {"quantities": {"LAMP-01": 40}, "note": "DN-1"}
    first = api.ask("POST", "/supply-orders/PO-1/receipts", json=part, role="operator")
    again = api.ask("POST", "/supply-orders/PO-1/receipts", json=part, role="operator")
    assert (first.json()["status"], again.json()["status"]) == ("ok", "duplicate")
    row = api.ask("GET", "/supply-orders/PO-1").json()["lines"][0]
    assert row["quantity_received"] == 40


def test_commands_with_keys_are_durable_once_each(api: Any) -> None:
    body = {
        "kind": "reserve",
        "order": "X-1",
        "location": "WH1",
        "lines": [{"item": "LAMP-01", "quantity": 5}],
    }
    key = {"Idempotency-Key": "cmd-1"}
    first = api.ask("POST", "/ledger/commands", json=body, headers=key)
    again = api.ask("POST", "/ledger/commands", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["seq"] == again.json()["seq"]
    other = api.ask("POST", "/ledger/commands", json={**body, "order": "X-2"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    body["lines"] = [{"item": "LAMP-01", "quantity": 10**6}]
    short = api.ask("POST", "/ledger/commands", json=body, headers={"Idempotency-Key": "cmd-2"})
    assert (short.status_code, short.json()["code"]) == (409, "short")
    batch = [
        {
            "key": f"b-{n}",
            "command": {"kind": "count", "location": "WH1", "item": "LAMP-01", "quantity": n},
        }
        for n in (1, -1, 2)
    ]
    receipts = api.ask("POST", "/ledger/commands/batch", json={"commands": batch}).json()
    assert [one["receipt"] for one in receipts["receipts"]] == ["ok"] * 3


def test_the_books_are_whole_after_all_this(api: Any) -> None:
    found = api.wait(api.ask("POST", "/ledger/verification", role="auditor"))
    assert found["state"] == "done"
    assert found["result"]["ok"]
    trial = api.ask("GET", "/ledger/trial-balance").json()
    assert {row["amount_minor"] for row in trial["sums"]} == {0}


def test_a_plan_is_made_looked_at_explained_and_compared(api: Any) -> None:
    made = api.wait(api.ask("POST", "/plans", json={"periods": 8}, role="planner"))
    assert made["state"] == "done", made["problem"]
    plan = made["result"]["plan"]
    assert api.ask("GET", "/plans/latest").json()["plan"] == plan
    assert api.ask("GET", "/plans").json()[0]["plan"] == plan
    rows = api.ask("GET", f"/plans/{plan}/tables/stock_targets/rows?limit=3").json()
    assert rows["count"] > 0
    item = rows["rows"][0]["item"]
    told = api.ask("GET", f"/plans/{plan}/why/{item}").json()
    assert told["because"] or told["reasons"]
    assert api.ask("GET", f"/plans/{plan}/why/nobody").status_code == 404
    assert api.ask("GET", f"/plans/{plan}/check").status_code == 200
    changes = api.ask("GET", f"/plans/{plan}/changes").json()
    assert changes["since"] is None
    assert api.ask("GET", "/plans/accepted").status_code == 404
    names = {row["measure"] for row in api.ask("GET", "/measures").json()["measures"]}
    assert "fill_rate" in names
    accepted = api.ask("POST", f"/plans/{plan}/acceptance", json={}, role="planner")
    legal = api.ask("GET", f"/plans/{plan}").json()["legal"]
    assert accepted.status_code == (200 if legal else 409), accepted.text


def test_after_acceptance_a_plan_changes_nothing_and_a_what_if_is_not_ordered(api: Any) -> None:
    first = api.wait(api.ask("POST", "/plans", json={"periods": 8}, role="planner"))
    name = first["result"]["plan"]
    accepted = api.ask("POST", f"/plans/{name}/acceptance", json={}, role="planner")
    assert accepted.status_code == 200, accepted.text
    second = api.wait(api.ask("POST", "/plans", json={"periods": 8}, role="planner"))["result"]
    assert second["replanning"]["decisions_changed"] == 0
    assert second["changes_since_accepted_plan"] == 0
    asked = {"periods": 8, "demand_factor": 2.0, "scenario": "demand=2"}
    what_if = api.wait(api.ask("POST", "/plans", json=asked, role="planner"))["result"]
    assert what_if["replanning"] is None
    refused = api.ask("POST", f"/plans/{what_if['plan']}/acceptance", json={}, role="planner")
    assert refused.status_code == 409
    assert "nothing of it is ordered" in refused.text


def test_a_job_that_is_cancelled_is_gone_within_a_second_and_the_old_plan_stands(
    api: Any,
) -> None:
    before = api.ask("GET", "/plans").json()
    answer = api.ask("POST", "/plans", json={"periods": 52, "scenario": "never"})
    job = answer.json()["job"]
    waiting = api.ask("POST", "/plans", json={"scenario": "waits"}).json()["job"]
    with api.client.stream(
        "GET",
        f"/api/v1/jobs/{job}/events",
        headers={"Authorization": f"Bearer {api.tokens['default', 'planner']}"},
    ) as told:
        for line in told.iter_lines():
            if '"running"' in line:
                break
    started = time.monotonic()
    assert api.ask("DELETE", f"/jobs/{waiting}").json()["state"] == "cancelled"
    assert api.ask("DELETE", f"/jobs/{job}").json()["state"] == "cancelled"
    assert time.monotonic() - started < 1.0
    assert api.ask("GET", "/plans").json() == before
    assert api.ask("DELETE", f"/jobs/{job}").status_code == 409


def test_live_changes_are_told(api: Any) -> None:
    told = api.ask("GET", "/events?seconds=0")
    assert told.headers["content-type"].startswith("text/event-stream")
    assert '"books"' in told.text


def test_the_description_and_its_page_need_nothing_from_anywhere(api: Any) -> None:
    found = api.client.get("/openapi.json").json()
    assert len(found["paths"]) > 40
    page = api.client.get("/docs").text
    assert "<script" not in page
    assert "https://" not in page
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation.get("x-verb"), f"{method} {path}"
            assert operation.get("description"), f"{method} {path}"


def test_channels_are_compared_and_claims_refused_in_words(api: Any) -> None:
    found = api.ask("GET", "/channels/comparison").json()
    assert {row["item"] for row in found["choices"]} == {"LAMP-01", "DESK-7"}
    one = api.ask("GET", "/channels/items/LAMP-01").json()
    assert one["item"]["best"] == one["item"]["today"]
    level = api.ask("GET", "/channels/items/LAMP-01/break-even", params={"lever": "price"})
    assert level.json()["crossings"] == []
    assert api.ask("GET", "/channels/items/GONE").status_code == 404
    assert len(api.ask("GET", "/channels/mix", params={"months": 2}).json()["rows"]) == 4
    assert api.ask("GET", "/inbound/reconciliation").json() == {"lines": []}
    assert api.ask("GET", "/inbound/shipments").json()["inbound_shipments"] == []
    refused = api.ask("POST", "/inbound/claims/GONE")
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "no shipment 'GONE' was sent to a fulfilment network",
    )
