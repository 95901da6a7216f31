"""Calm: what of the accepted plan stands, and that planning again proposes nothing new."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from fivefold.cycle.importing import import_files
from fivefold.cycle.planning import plan
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.review import accept, supply_orders
from fivefold.cycle.standing import Standing, decisions_of, nervousness, standing_plan
from fivefold.cycle.workspace import Workspace
from fivefold.model import schema

AS_OF = date(2026, 11, 22)


def supply(**quantities: int) -> pl.DataFrame:
    rows = [
        {
            "decision": name,
            "kind": "buy",
            "item": name,
            "source": "S",
            "destination": "W",
            "quantity": units,
            "start_on": AS_OF,
            "due_on": AS_OF + timedelta(days=8),
        }
        for name, units in quantities.items()
    ]
    return schema("supply_plan").frame(rows)


def made(name: str, table: pl.DataFrame, **params: object) -> Plan:
    return Plan(
        plan=name,
        as_of=AS_OF,
        status="feasible",
        tables={"supply_plan": table},
        dataset_fingerprint="",
        params=dict(params),
        scenario=str(params.get("scenario", "baseline")),
    )


def test_nervousness_counts_units_and_decisions_but_no_order_placed() -> None:
    old = made("P1", supply(a=10, b=20, c=30))
    standing = Standing(plan=old, released=frozenset({"c"}), placed=frozenset())
    told = nervousness(supply(a=10, b=25), standing)
    assert (told["decisions"], told["decisions_changed"], told["units_changed"]) == (2, 1, 5)
    assert told["share"] == pytest.approx(5 / 65)


def test_a_plan_after_one_of_nothing_is_all_new() -> None:
    nothing = Standing(plan=made("P1", supply()), released=frozenset(), placed=frozenset())
    told = nervousness(supply(a=10), nothing)
    assert (told["decisions_changed"], told["units_changed"], told["share"]) == (1, 10, 1.0)


def test_a_what_if_is_never_the_plan_made_last(tmp_path: Path) -> None:
    store = PlanStore(tmp_path / "plans")
    store.save(made("P20261122-aaaaaa", supply(a=1)))
    what_if = made("P20261122-bbbbbb", supply(a=2), demand_factor=1.6, scenario="demand=+60%")
    store.save(what_if)
    assert store.names()[-1] == "P20261122-bbbbbb"
    assert store.latest() == "P20261122-aaaaaa"


def test_a_row_of_several_decisions_names_them_all() -> None:
    rows = pl.DataFrame({"decision": ["b", "c d"], "decisions": ["a b", None]})
    assert decisions_of(rows, "decisions") == ("a", "b", "c", "d")


@pytest.mark.slow
def test_a_second_run_on_the_example_proposes_nothing_new(tmp_path: Path) -> None:
    from fivefold.twin.companies.seller import write_company

    write_company(tmp_path / "files")
    files = [(path.name, path.read_bytes()) for path in sorted((tmp_path / "files").iterdir())]
    with Workspace(tmp_path / "books") as books:
        import_files(books, files, actor="test", as_of=AS_OF)
        first = plan(books.dataset(as_of=AS_OF), as_of=AS_OF)
        books.plans.save(first)
        accept(books, first, actor="test")
        standing = standing_plan(books)
        assert standing is not None
        second = plan(books.dataset(as_of=AS_OF), as_of=AS_OF, standing=standing)
        assert second.is_legal
        assert second["supply_changes"].is_empty()
        week = AS_OF + timedelta(days=7)
        assert supply_orders(second, books.dataset(as_of=AS_OF), until=week) == []
        columns = ["decision", "quantity", "start_on", "due_on"]
        now = second["supply_plan"].select(columns).sort("decision")
        assert now.equals(standing.decisions.select(columns).sort("decision"))
        assert nervousness(second["supply_plan"], standing)["units_changed"] == 0
