"""The client does what a person would do by hand, and tells errors as exceptions."""

from __future__ import annotations

from typing import Any

import pytest

from fivefold.api.client import ApiError, Client


@pytest.fixture(scope="module")
def client(api: Any) -> Client:
    return Client(token=api.tokens["default", "admin"], http=api.client)


def test_it_imports_plans_and_explains(client: Client) -> None:
    report = client.import_files([("items.csv", b"item,title\nCUP-1,Cup\n")])
    assert report["files"][0]["status"] == "loaded"
    steps: list[str] = []
    plan = client.plan(periods=6, progress=lambda step, share: steps.append(step))
    assert "plan supply" in steps
    targets = client.rows("stock_targets", plan=plan["plan"], page_rows=7)
    assert targets.height > 7
    assert client.why(targets["item"][0])["plan"] == plan["plan"]


def test_pages_of_a_table_come_back_as_one(client: Client) -> None:
    whole = client.rows("orders")
    parts = client.rows("orders", page_rows=100)
    assert parts.equals(whole)
    assert client.rows("orders", where=["item:eq:DESK-7"])["item"].unique().to_list() == ["DESK-7"]
    assert client.rows("returns").height == 0


def test_it_serves_an_order(client: Client) -> None:
    taken = client.order([{"item": "LAMP-01", "quantity": 1}], key="mine")
    assert client.order([{"item": "LAMP-01", "quantity": 1}], key="mine") == taken
    assert client.ship(taken["order"])["status"] == "ok"
    assert client.take_back("R-1", "LAMP-01", order=taken["order"])["refund"] == 20.0
    assert client.receive("PO-1", {"LAMP-01": 10}, note="D-1")["status"] == "ok"
    command = {"kind": "count", "location": "WH1", "item": "LAMP-01", "quantity": 2}
    assert client.command(command)["receipt"] == "ok"
    assert client.verify()["ok"]


def test_a_refusal_is_an_exception_with_its_code(client: Client) -> None:
    order, seen = client.supply_order("PO-1")
    line = {"line": order["lines"][0]["line"], "quantity": 130}
    client.change_supply_order("PO-1", [line], seen=seen)
    with pytest.raises(ApiError, match="changed since you read it") as told:
        client.change_supply_order("PO-1", [{**line, "quantity": 140}], seen=seen)
    assert told.value.status == 412
    assert told.value.problem["changes"][0]["to"] == 130
    with pytest.raises(ApiError, match="not_found") as lost:
        client.why("NOBODY", plan="P20200101-000000")
    assert lost.value.code == "not_found"
