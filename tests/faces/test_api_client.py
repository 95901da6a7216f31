"""The client does what a person would do by hand, and tells errors as exceptions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
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


def test_a_strange_file_is_mapped_once_previewed_loaded_and_taken_back(client: Client) -> None:
    header = ("Article", "Cost", "Shelf")
    content = b"Article,Cost,Shelf\nBOWL-1,2.5,A3\n"
    assert client.import_files([("ware.csv", content)])["files"][0]["status"] == "refused"
    found = client.suggest_mapping(header, table="items")
    assert found["columns"] == {"Article": "item", "Cost": "unit_cost", "Shelf": ""}
    kept = client.remember_mapping(header, "items", found["columns"])
    assert [each["mapping"] for each in client.mappings()] == [kept["mapping"]]
    shown = client.import_files([("ware.csv", content)], dry_run=True)
    assert [(c["change"], c["key"]) for c in shown["changes"]] == [("new", "BOWL-1")]
    assert client.import_files([("ware.csv", content)])["files"][0]["status"] == "loaded"

    edited = client.import_files(
        [("items.csv", b"item,unit_cost\nBOWL-1,3\n")], dry_run=True, changes_only=True
    )
    assert [(c["column"], c["old"], c["new"]) for c in edited["changes"]] == [
        ("unit_cost", "2.5", "3.0")
    ]
    assert client.undo_import() == ["ware.csv"]
    assert client.rows("items", where=["item:eq:BOWL-1"]).height == 0
    client.forget_mapping(kept["mapping"])
    assert client.mappings() == []


def test_it_takes_workbooks_and_figures_along(client: Client) -> None:
    assert client.template("items").startswith(b"PK")
    assert client.export("items", file_format="csv").startswith(b"item,")
    assert client.plans()[0]["plan"] == client.show()["plan"]
    assert client.check()["plan"] == client.show()["plan"]
    assert client.changes()["plan"] == client.show()["plan"]


def test_it_reads_channels_and_books(client: Client) -> None:
    assert client.channels()
    assert client.item_channels("LAMP-01")
    assert client.goods()[0]["item"]
    assert isinstance(client.contribution(), list)


def test_it_forecasts_any_series(client: Client) -> None:
    days = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(30)]
    frame = pl.DataFrame({"series": "A", "date": days, "value": [5.0 + n % 4 for n in range(30)]})
    made = client.forecast(frame, horizon=4)
    assert made["step"].to_list() == [1, 2, 3, 4]
    assert "q0.5" in made.columns


def test_it_asks_what_if_and_keeps_scenarios_and_reviews(client: Client) -> None:
    client.plan(periods=4)
    told = client.what_if("demand=+20%")
    assert {row["measure"] for row in told["figures"]} >= {"units_demanded", "margin"}
    made = client.new_scenario("fair", "demand=+20%", reason="a fair")
    assert made["changes"] == ["demand=+20%"]
    assert client.plan_scenario("fair")["plan"]
    assert [one["name"] for one in client.scenarios()] == ["fair"]
    review = client.review(scenarios={"fair": ["demand=+20%"]}, replications=0)
    assert [one["name"] for one in review["scenarios"]] == ["fair"]
    assert "Customers" in client.review_pack()
    assert client.drop_scenario("fair", reason="over")["dropped"]
    assert client.scenarios() == []
    with pytest.raises(ApiError, match="fair"):
        client.scenario("fair")
