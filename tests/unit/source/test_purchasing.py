from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset, Outcome, schema
from fivefold.source.purchasing import Params, propose_orders
from fivefold.source.suppliers import rank_options
from fivefold.units import to_minor

AS_OF = date(2026, 11, 22)
DUE = date(2027, 2, 1)


def buy(
    decision: str,
    item: str,
    quantity: int,
    start_on: date,
    due_on: date,
    *,
    supplier: str = "FAR",
    mode: str | None = "fcl+ftl",
) -> dict[str, object]:
    """Return one buy of a supply plan."""
    return {
        "decision": decision,
        "kind": "buy",
        "item": item,
        "source": supplier,
        "destination": "WH1",
        "quantity": quantity,
        "start_on": start_on,
        "due_on": due_on,
        "mode": mode,
    }


def _orders(dataset: Dataset, *buys: dict[str, object], **params: object) -> Outcome:
    plan = schema("supply_plan").frame(list(buys))
    return propose_orders(
        dataset.with_tables(supply_plan=plan),
        Params(**params),  # type: ignore[arg-type]
        as_of=AS_OF,
    )


def test_near_buys_of_one_supplier_share_an_order_with_a_stable_number(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("b1", "BOX", 1000, date(2026, 12, 1), DUE),
        buy("b2", "CUP", 600, date(2026, 12, 3), DUE),
        buy("b3", "BOX", 2000, date(2026, 12, 20), DUE + timedelta(days=19)),
    )

    assert outcome["purchase_orders"]["order"].to_list() == [
        "PO-FAR-WH1-20261201-fcl+ftl",
        "PO-FAR-WH1-20261220-fcl+ftl",
    ]
    first = outcome["purchase_order_lines"].filter(pl.col("order") == "PO-FAR-WH1-20261201-fcl+ftl")
    assert first["item"].to_list() == ["BOX", "CUP"]
    assert first["decision"].to_list() == ["b1", "b2"]


def test_other_buys_do_not_change_an_orders_number(importer: Dataset) -> None:
    mine = buy("b1", "BOX", 1200, date(2026, 12, 1), DUE)
    other = buy("a0", "BOX", 50, date(2026, 11, 25), date(2026, 12, 2), supplier="NEAR", mode="ltl")

    alone = set(_orders(importer, mine)["purchase_orders"]["order"])
    together = set(_orders(importer, mine, other)["purchase_orders"]["order"])
    assert alone < together


def test_buys_are_not_joined_where_a_line_would_come_late(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("slow", "BOX", 1200, date(2026, 12, 1), date(2027, 2, 1)),
        buy("quick", "CUP", 600, date(2026, 12, 2), date(2026, 12, 31)),
    )

    expected = dict(
        outcome["purchase_order_lines"]
        .join(outcome["purchase_orders"], on="order")
        .select("decision", "expected_on")
        .iter_rows()
    )
    assert expected == {"slow": date(2027, 2, 1), "quick": date(2026, 12, 31)}


def test_two_orders_of_one_day_have_different_numbers(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("slow", "BOX", 1200, date(2026, 12, 1), date(2027, 2, 1)),
        buy("quick", "CUP", 600, date(2026, 12, 1), date(2026, 12, 31)),
    )

    assert outcome["purchase_orders"]["order"].n_unique() == 2


def test_an_order_of_the_past_is_placed_today(importer: Dataset) -> None:
    outcome = _orders(importer, buy("b1", "BOX", 1200, date(2026, 11, 1), date(2026, 12, 31)))

    order = outcome["purchase_orders"].row(0, named=True)
    assert order["ordered_on"] == AS_OF


def test_minimum_and_multiple_hold_for_the_items_of_an_order(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("b1", "CUP", 25, date(2026, 12, 1), DUE),
        buy("b2", "CUP", 30, date(2026, 12, 2), DUE),
        buy("b3", "BOX", 2000, date(2026, 12, 1), DUE),
    )

    cups = outcome["purchase_order_lines"].filter(pl.col("item") == "CUP")
    assert cups["quantity"].to_list() == [60]
    name = outcome["purchase_orders"]["order"][0]
    why = outcome.why(name)
    raised = why.filter((pl.col("reason_code") == "lot_rule") & (pl.col("reference") == "CUP"))
    assert raised["quantity"].to_list() == [5.0]
    served = why.filter(pl.col("reason_code") == "demand_served")["reference"]
    assert sorted(served) == ["b1", "b2", "b3"]


def test_the_break_reached_is_paid_and_the_next_is_weighed(importer: Dataset) -> None:
    outcome = _orders(importer, buy("b1", "BOX", 400, date(2026, 12, 1), DUE))

    line = outcome["purchase_order_lines"].row(0, named=True)
    assert line["unit_price"] == pytest.approx(1.0)
    why = outcome.why(line["order"])
    told = why.filter(pl.col("reference") == "price_break:BOX").row(0, named=True)
    # 100 units more save 10 % on 500 (50.00); they wait (400 + 50) / 20 = 22.5 days at
    # 10 % capital and 8 % storage.
    assert told["quantity"] == 100
    assert told["price"] == pytest.approx(50 - 0.18 * 0.9 * 100 * 22.5 / 365)
    assert "worth it" in told["text"]

    large = _orders(importer, buy("b1", "BOX", 600, date(2026, 12, 1), DUE))
    assert large["purchase_order_lines"]["unit_price"].to_list() == pytest.approx([0.9])


def test_a_break_far_beyond_need_is_not_worth_it(importer: Dataset) -> None:
    slow = importer.with_tables(
        forecast_means=importer["forecast_means"].with_columns(pl.col("units_mean") / 140)
    )
    outcome = _orders(slow, buy("b1", "BOX", 100, date(2026, 12, 1), DUE))

    told = outcome.why(outcome["purchase_orders"]["order"][0])
    text = told.filter(pl.col("reference") == "price_break:BOX")["text"][0]
    assert "not worth it" in text


def test_an_order_below_the_minimum_value_takes_in_the_next_need(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("b1", "BOX", 500, date(2026, 12, 1), DUE),
        buy("b2", "CUP", 300, date(2026, 12, 15), DUE + timedelta(days=14)),
        buy("b3", "CUP", 600, date(2026, 12, 29), DUE + timedelta(days=28)),
    )

    orders = outcome["purchase_orders"]
    first = outcome["purchase_order_lines"].filter(pl.col("order") == orders["order"][0])
    # 500 boxes at 0.90 are 450.00; 300 cups at 2.00 make it 1,050.00.
    assert first["decision"].to_list() == ["b1", "b2"]
    assert orders["goods_value"][0] == pytest.approx(1050)
    why = outcome.why(orders["order"][0])
    assert "1 later buys were ordered now" in " ".join(
        why.filter(pl.col("reason_code") == "constraint_bound")["text"]
    )


def test_an_order_that_stays_below_the_minimum_value_says_so(importer: Dataset) -> None:
    outcome = _orders(importer, buy("b1", "BOX", 500, date(2026, 12, 1), DUE))

    why = outcome.why(outcome["purchase_orders"]["order"][0])
    bound = why.filter(pl.col("reason_code") == "constraint_bound").row(0, named=True)
    assert bound["quantity"] == pytest.approx(550)


def test_landed_value_is_the_sum_of_its_lines_to_the_cent(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("b1", "BOX", 1130, date(2026, 12, 1), DUE),
        buy("b2", "CUP", 612, date(2026, 12, 1), DUE),
    )

    order = outcome["purchase_orders"].row(0, named=True)
    lines = outcome["purchase_order_lines"]
    landed = [
        to_minor(round(quantity * cost, 6))
        for quantity, cost in lines.select("quantity", "landed_unit_cost").iter_rows()
    ]
    assert sum(landed) == to_minor(order["landed_value"])
    assert order["landed_value"] == pytest.approx(
        order["goods_value"] + order["freight_value"] + order["duty_value"]
    )
    assert order["goods_value"] == pytest.approx(1130 * 0.9 + 612 * 2)
    assert order["duty_value"] == pytest.approx(1130 * 0.9 * 0.10 + 612 * 2 * 0.25, abs=0.01)
    cube = 1130 * 0.02 + 612 * 0.002
    assert order["freight_value"] == pytest.approx(1800 + 10 * cube, abs=0.02)


def test_the_next_best_supplier_is_named_with_its_extra_cost(importer: Dataset) -> None:
    options = rank_options(importer, as_of=AS_OF)["sourcing_options"]
    outcome = _orders(
        importer.with_tables(sourcing_options=options),
        buy("b1", "BOX", 300, date(2026, 12, 1), date(2026, 12, 8), supplier="NEAR", mode="ltl"),
    )

    why = outcome.why(outcome["purchase_orders"]["order"][0])
    told = why.filter(pl.col("reference") == "BOX:FAR").row(0, named=True)
    box = options.filter(pl.col("item") == "BOX").with_columns(
        (pl.col("landed_unit_cost") + pl.col("risk_cost_per_unit")).alias("total")
    )
    near = box.filter(pl.col("supplier") == "NEAR")["total"][0]
    far = box.filter(pl.col("supplier") == "FAR")["total"].min()
    assert told["price"] == pytest.approx(far - near)


def test_a_missing_offer_leaves_the_price_unknown_and_told(importer: Dataset) -> None:
    bare = importer.with_tables(supplier_offers=schema("supplier_offers").empty())
    outcome = _orders(bare, buy("b1", "BOX", 300, date(2026, 12, 1), DUE))

    codes = outcome.why(outcome["purchase_orders"]["order"][0])["reason_code"].to_list()
    assert "unknown_figure" in codes


def test_makes_moves_and_sent_buys_are_left_alone(importer: Dataset) -> None:
    sent = buy("b1", "BOX", 300, date(2026, 12, 1), DUE) | {"status": "sent"}
    move = buy("m1", "BOX", 300, date(2026, 12, 1), DUE) | {"kind": "move"}

    assert _orders(importer, sent, move)["purchase_orders"].is_empty()


def test_the_horizon_keeps_later_buys_out(importer: Dataset) -> None:
    outcome = _orders(
        importer,
        buy("b1", "BOX", 1200, date(2026, 12, 1), DUE),
        buy("b2", "BOX", 1200, date(2027, 2, 1), DUE + timedelta(days=60)),
        horizon_days=28,
    )

    assert outcome["purchase_order_lines"]["decision"].to_list() == ["b1"]


def test_nothing_to_buy_gives_no_orders() -> None:
    outcome = propose_orders(Dataset(), as_of=AS_OF)

    assert outcome["purchase_orders"].is_empty()
    assert outcome.objective == 0.0
