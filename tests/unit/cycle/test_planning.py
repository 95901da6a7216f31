"""A plan of the small company, end to end: legal, repeatable, calm, plain where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.explain import why
from fivefold.cycle.planning import PlanParams, plan
from fivefold.cycle.plans import PlanStore
from fivefold.cycle.review import NotReleasedError, accept, changed_since
from fivefold.cycle.scenarios import scale_demand, with_budget
from fivefold.errors import NotFoundError
from fivefold.ledger.balances import goods_frame
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)


def cleared(made: Any) -> Any:
    """Return a plan as if the checker had found nothing, where its verdict is not the question."""
    return made.with_tables(violations=made["violations"].clear())


@pytest.fixture
def made(store: Any) -> Any:
    return store.latest_plan()


def test_a_plan_of_the_small_company_is_legal(made: Any) -> None:
    assert made.status in ("optimal", "feasible")
    assert made["violations"].rows() == []
    assert set(made["supply_plan"]["kind"]) == {"buy", "move", "make"}


def test_equal_inputs_give_an_equal_plan_by_name_and_by_row(store: Any, made: Any) -> None:
    again = plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
    assert again.plan == made.plan
    assert sorted(again.tables) == sorted(made.tables)
    for name, frame in again.tables.items():
        assert frame.equals(made[name], null_equal=True), name


def test_another_question_has_another_name(store: Any, made: Any) -> None:
    dataset = store.dataset(as_of=AS_OF)
    other = plan(dataset, PlanParams(periods=8), as_of=AS_OF)
    assert other.plan != made.plan
    assert other["forecast_means"]["period_start"].n_unique() == 8


def test_every_decision_has_reasons_and_demand_behind_it(made: Any) -> None:
    explained = set(made["explanations"]["subject"])
    assert set(made["supply_plan"]["decision"]) <= explained
    numbered = (
        made["explanations"].group_by("subject").agg(pl.col("sequence").sort(), count=pl.len())
    )
    assert all(s == list(range(1, n + 1)) for s, n in numbered.select("sequence", "count").rows())


def test_accepting_places_what_starts_within_a_week_and_nothing_twice(
    store: Any, made: Any
) -> None:
    plan_ = cleared(made)
    first = accept(store, plan_, actor="t")
    assert first.placed
    assert first.refused == ()
    facts = store.recorded("supply_order.placed")
    assert {f.subject for f in facts} == set(first.placed)
    assert all(date.fromisoformat(f.body["ordered_on"]) <= AS_OF + timedelta(days=7) for f in facts)
    supply = store.dataset(as_of=AS_OF)["supply_orders"]
    seq = store.journal.seq

    second = accept(store, plan_, actor="t")

    assert second.placed == ()
    assert set(second.known) == set(first.placed)
    assert second.value == 0
    assert store.journal.seq == seq
    assert store.dataset(as_of=AS_OF)["supply_orders"].equals(supply)
    assert store.current_plan().plan == made.plan
    assert verify(store.journal).ok


def test_a_deposit_is_paid_when_a_purchase_is_placed(store: Any, made: Any) -> None:
    from fivefold.ledger.money import account_balance

    done = accept(store, cleared(made), actor="t")
    goods = made["purchase_orders"].filter(pl.col("order").is_in(list(done.placed)))["goods_value"]
    assert account_balance(store.journal, "prepaid") == round(30 * goods.sum())
    assert done.value == pytest.approx(goods.sum())


def test_a_second_plan_after_accepting_is_calm(store: Any, made: Any) -> None:
    done = accept(store, cleared(made), actor="t")
    again = plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
    last = AS_OF + timedelta(days=7)
    new = again["supply_plan"].filter((pl.col("start_on") <= last) & (pl.col("kind") == "buy"))
    assert new.rows() == [], "what was to start this week was placed a moment ago"
    moved = again["supply_changes"].filter(pl.col("change") != "keep")
    assert moved.filter(pl.col("order").is_in(list(done.placed))).rows() == []


def test_a_plan_that_breaks_a_rule_is_never_released(store: Any, made: Any) -> None:
    broken = made.with_tables(
        violations=pl.DataFrame([{"table": "x", "key": "k", "rule": "late", "text": "planted"}])
    )
    seq = store.journal.seq
    with pytest.raises(NotReleasedError, match="breaks 1 rules"):
        accept(store, broken, actor="t")
    assert store.journal.seq == seq


def test_the_plan_of_a_what_if_is_never_released(store: Any, made: Any) -> None:
    asked = replace(made, params={**made.params, "demand_factor": 1.6}, scenario="demand=+60%")
    seq = store.journal.seq
    with pytest.raises(NotReleasedError, match=r"demand=\+60%.*nothing of it is ordered"):
        accept(store, cleared(asked), actor="t")
    assert store.journal.seq == seq


def test_a_planted_late_delivery_is_found_by_the_checker(store: Any, made: Any) -> None:
    from fivefold.check import check_plan

    dataset = store.dataset(as_of=AS_OF).with_tables(**made.tables)
    before = check_plan(dataset, as_of=AS_OF).height
    supply = made["supply_plan"].with_columns(
        due_on=pl.when(pl.int_range(pl.len()) == 0)
        .then(pl.col("start_on") + pl.duration(days=1))
        .otherwise("due_on")
    )
    found = check_plan(dataset.with_tables(supply_plan=supply), as_of=AS_OF)
    assert found.height > before


def test_a_budget_too_small_is_feasible_and_says_what_is_not_met_and_why(store: Any) -> None:
    made = plan(with_budget(store.dataset(as_of=AS_OF), 20.0), as_of=AS_OF)
    assert made.status in ("optimal", "feasible", "time_limit")
    assert made["unmet_demand"]["units"].sum() > 0
    assert made["unmet_demand"]["reason_code"].null_count() == 0
    said = made["explanations"].filter(pl.col("subject").str.starts_with("unmet:"))["text"]
    assert said.str.contains("CASH").any(), "what is not served names the limit that held it"


def test_a_bill_of_material_that_leads_back_to_itself_is_named(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables()
    tables["bills_of_material"].append({"product": "MUG", "component": "GIFT", "quantity_per": 1.0})
    tables["operations"].append({**tables["operations"][0], "product": "MUG"})
    with company.make(tmp_path / "w", tables) as store:
        made = plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
    assert made.status == "infeasible"
    texts = made["explanations"].filter(pl.col("reason_code") == "infeasible")["text"].to_list()
    assert any("GIFT" in text and "MUG" in text and "→" in text for text in texts), texts


def test_a_supplier_without_capacity_leaves_demand_unmet_with_reasons(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables()
    for offer in tables["supplier_offers"]:
        offer["capacity_units_per_week"] = 0.0
    with company.make(tmp_path / "w", tables) as store:
        made = plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
    assert made["supply_plan"].filter(pl.col("kind") == "buy").height == 0
    unmet = made["unmet_demand"]
    assert unmet["units"].sum() > 100
    assert unmet["reason_code"].null_count() == 0


def test_a_jump_in_demand_names_what_breaks_first(store: Any, made: Any) -> None:
    jumped = plan(
        store.dataset(as_of=AS_OF), PlanParams(demand_factor=1.6, scenario="jump"), as_of=AS_OF
    )
    assert jumped["forecast_means"]["units_mean"].sum() == pytest.approx(
        1.6 * made["forecast_means"]["units_mean"].sum()
    )
    said = jumped.why("breaks_first")
    assert said.height >= 1
    assert said["text"][0]


def test_parameters_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="periods must be from 4 to 104, found 3"):
        PlanParams(periods=3)
    with pytest.raises(ValueError, match="demand_factor"):
        PlanParams(demand_factor=0)
    with pytest.raises(ValueError, match="demand_factor"):
        PlanParams(demand_factor=float("nan"))


def test_scenarios_change_what_they_name_and_nothing_else(store: Any, made: Any) -> None:
    dataset = store.dataset(as_of=AS_OF)
    budget = with_budget(with_budget(dataset, 100.0), 200.0)
    assert budget["limits_rules"].select("kind", "amount_per_week").rows() == [("cash", 200.0)]
    with pytest.raises(ValueError, match="cash_per_week"):
        with_budget(dataset, -1)
    with pytest.raises(ValueError, match="factor"):
        scale_demand(dataset, 0)
    doubled = scale_demand(dataset.with_tables(**made.tables), 2.0)
    assert doubled["forecasts"]["units"].sum() == 2 * made["forecasts"]["units"].sum()


def test_why_is_told_for_orders_shipments_work_channels_and_items(made: Any) -> None:
    order = made["purchase_orders"]["order"][0]
    told = why(made, order)
    assert "purchase_orders" in told.rows
    assert "purchase_order_lines" in told.rows
    assert told.because.height > 0, "the decisions it carries out"
    assert "demand_served" in set(told.because["reason_code"]) | set(told.reasons["reason_code"])

    work = why(made, made["work_orders"]["order"][0])
    assert work.because.height > 0
    for shipment in made["inbound_shipments"]["shipment"]:
        assert why(made, shipment).because.height > 0
    channel = why(made, made["channel_choices"]["decision"][0])
    assert channel.reasons.height > 0
    item = why(made, "GIFT")
    assert {"supply_plan", "stock_targets"} <= set(item.rows)
    assert item.because.height > 0
    decision = why(made, made["supply_plan"]["decision"][0].upper())
    assert decision.name == made["supply_plan"]["decision"][0]


def test_why_of_a_limit_tells_its_weeks_the_dearest_first_and_what_it_bound(made: Any) -> None:
    prices = made["limit_prices"]
    limit = prices.sort("price", descending=True)["limit"][0]
    told = why(made, limit.lower())
    assert told.name == limit
    weeks = told.rows["limit_prices"]
    assert weeks.height == prices.filter(pl.col("limit") == limit).height
    assert weeks["price"].to_list() == sorted(weeks["price"], reverse=True)
    assert set(told.because["reference"]) <= {limit}


def test_why_of_an_unknown_name_tells_near_ones(made: Any) -> None:
    order = made["purchase_orders"]["order"][0]
    with pytest.raises(NotFoundError, match=f"near to it: .*{order}"):
        why(made, order[:-1] + "?")


def test_changes_between_plans_are_told_row_by_row(made: Any) -> None:
    supply = made["supply_plan"]
    first, second = supply["decision"][0], supply["decision"][1]
    old = made.with_tables(
        supply_plan=supply.filter(pl.col("decision") != first).with_columns(
            quantity=pl.when(pl.col("decision") == second)
            .then(pl.col("quantity") + 5)
            .otherwise("quantity")
        )
    )
    told = changed_since(made, old)
    assert dict(told.select("decision", "change").iter_rows()) == {
        first: "added",
        second: "changed",
    }
    assert changed_since(made, made).height == 0
    assert changed_since(made, None).height == supply.height


def test_cancelling_one_line_leaves_the_others_of_its_order(company: Any, tmp_path: Path) -> None:
    from fivefold.cycle.fulfilment import operations_of
    from fivefold.cycle.review import _change_orders

    tables = company.tables()
    tables["supply_orders"] = [
        {
            "order": "PO1",
            "line": line,
            "kind": "buy",
            "item": item,
            "source": "SUP1",
            "destination": "WH1",
            "quantity": 10,
            "expected_on": date(2026, 12, 5),
            "status": "confirmed",
        }
        for line, item in ((1, "MUG"), (2, "BOX"))
    ]
    with company.make(tmp_path / "w", tables) as store:
        made = plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
        change = made["supply_changes"].clear()
        row = {
            "order": "PO1",
            "line": 2,
            "item": "BOX",
            "change": "cancel",
            "from_quantity": 10,
            "to_quantity": 0,
        }
        known = {k: v for k, v in row.items() if k in change.columns}
        changes = pl.concat(
            [change, pl.DataFrame([known]).cast({k: change.schema[k] for k in known})],
            how="diagonal",
        )
        operations = operations_of(store, store.dataset(as_of=AS_OF), actor="t")
        told = _change_orders(operations, made.with_tables(supply_changes=changes))
        assert told == ["PO1"]
        rows = store.dataset(as_of=AS_OF)["supply_orders"].sort("line")
        assert rows["status"].to_list() == ["confirmed", "cancelled"]
        assert _change_orders(operations, made.with_tables(supply_changes=changes)) == []


def test_a_plan_is_kept_whole_found_by_name_and_not_reordered_by_a_proof(
    made: Any, tmp_path: Path
) -> None:
    shelf = PlanStore(tmp_path / "plans")
    assert shelf.names() == []
    shelf.save(made)
    shelf.save(replace(made, plan="P20261122-later"))
    assert shelf.names() == [made.plan, "P20261122-later"]
    shelf.save(made.with_tables(proof=pl.DataFrame({"a": [1]})), keep_place=True)
    assert shelf.names() == [made.plan, "P20261122-later"]
    loaded = shelf.load(made.plan)
    assert loaded["supply_plan"].equals(made["supply_plan"])
    assert loaded.as_of == AS_OF
    with pytest.raises(NotFoundError, match="known are: P2026"):
        shelf.load("P1")
    with pytest.raises(NotFoundError, match="there is no plan"):
        shelf.load("../plans")
    assert not list((tmp_path / "plans").glob(".draft*"))


def test_planning_touches_nothing_in_the_books(store: Any) -> None:
    before = store.journal.seq, goods_frame(store.journal).rows()
    plan(store.dataset(as_of=AS_OF), as_of=AS_OF)
    assert (store.journal.seq, goods_frame(store.journal).rows()) == before
