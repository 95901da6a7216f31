"""Whatever the plan buys, orders buy it: nothing lost, nothing late for being joined."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivefold.check import check_plan
from fivefold.model import Dataset, schema
from fivefold.source.purchasing import Params, propose_orders

AS_OF = date(2026, 11, 22)
ITEMS = ["A", "B", "C"]

buys = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.sampled_from(["S1", "S2"]),
        st.integers(1, 400),
        st.integers(-5, 60),
        st.integers(5, 60),
    ),
    max_size=14,
)


def company(drawn: list[tuple[str, str, int, int, int]], minimum: float) -> Dataset:
    """Return a company with two suppliers of three items and a drawn plan."""
    plan = [
        {
            "decision": f"d{number:02}",
            "kind": "buy",
            "item": item,
            "source": supplier,
            "destination": "WH1",
            "quantity": -(-max(quantity, 20) // 4) * 4,
            "start_on": max(AS_OF, AS_OF + timedelta(days=start)),
            "due_on": AS_OF + timedelta(days=max(start, 0) + lead),
            "mode": "ltl",
        }
        for number, (item, supplier, quantity, start, lead) in enumerate(drawn)
    ]
    return Dataset(
        {
            "items": pl.DataFrame(
                {
                    "item": ITEMS,
                    "weight_kg": [1.0, 2.0, None],
                    "length_cm": [10.0, 20.0, 30.0],
                    "width_cm": [10.0, 10.0, 10.0],
                    "height_cm": [10.0, 5.0, 10.0],
                }
            ),
            "locations": pl.DataFrame(
                {
                    "location": ["S1", "S2", "WH1"],
                    "kind": ["supplier", "supplier", "warehouse"],
                    "country": ["US", "US", "US"],
                }
            ),
            "suppliers": pl.DataFrame(
                {"supplier": ["S1", "S2"], "minimum_order_value": [minimum, 0.0]}
            ),
            "supplier_offers": pl.DataFrame(
                [
                    {
                        "supplier": supplier,
                        "item": item,
                        "unit_price": 1.37 + number,
                        "minimum_quantity": 20,
                        "order_multiple": 4,
                        "lead_time_days_mean": 5.0,
                    }
                    for supplier in ("S1", "S2")
                    for number, item in enumerate(ITEMS)
                ]
            ),
            "lanes": pl.DataFrame(
                {
                    "origin": ["S1", "S2"],
                    "destination": ["WH1", "WH1"],
                    "mode": ["ltl", "ltl"],
                    "transit_time_days_mean": [2.0, 2.0],
                    "cost_per_shipment": [77.77, 10.01],
                    "cost_per_unit": [0.013, 0.0],
                }
            ),
            "supply_plan": schema("supply_plan").frame(plan),
        }
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(buys, st.sampled_from([0.0, 900.0]), st.integers(0, 9))
def test_every_buy_is_ordered_in_full_no_later_than_planned(
    drawn: list[tuple[str, str, int, int, int]], minimum: float, days: int
) -> None:
    dataset = company(drawn, minimum)
    outcome = propose_orders(dataset, Params(consolidate_days=days), as_of=AS_OF)
    orders, lines = outcome["purchase_orders"], outcome["purchase_order_lines"]

    wanted = dataset["supply_plan"].group_by("item", "source").agg(pl.col("quantity").sum())
    ordered = (
        lines.join(orders, on="order")
        .group_by("item", pl.col("supplier").alias("source"))
        .agg(pl.col("quantity").sum())
    )
    assert ordered.sort("item", "source").equals(wanted.sort("item", "source"))

    assert outcome.explanations is not None
    served = outcome.explanations.filter(pl.col("reason_code") == "demand_served").join(
        orders, left_on="subject", right_on="order"
    )
    plan = dataset["supply_plan"].join(served, left_on="decision", right_on="reference")
    assert plan.height == dataset["supply_plan"].height
    assert (plan["ordered_on"] <= plan["start_on"]).all()
    assert (plan["expected_on"] <= plan["due_on"]).all()
    assert (orders["ordered_on"] >= AS_OF).all()
    assert lines.filter((pl.col("quantity") < 20) | (pl.col("quantity") % 4 != 0)).is_empty()


@settings(max_examples=60, deadline=None)
@given(buys)
def test_the_independent_checker_finds_nothing_wrong_with_the_orders(
    drawn: list[tuple[str, str, int, int, int]],
) -> None:
    dataset = company(drawn, 500.0)
    outcome = propose_orders(dataset, as_of=AS_OF)

    found = check_plan(
        dataset.with_tables(
            purchase_orders=outcome["purchase_orders"],
            purchase_order_lines=outcome["purchase_order_lines"],
            explanations=outcome.explanations,
        ),
        as_of=AS_OF,
    )
    # Buys that are too few in all for a supplier's minimum stay below it, and say so.
    broken = found.filter(pl.col("table").str.starts_with("purchase_order"))
    # A drawn buy may be faster than its supplier; that is the plan's fault, not the order's.
    drawn_with = ["minimum_order_value", "lead_time"]
    assert broken.filter(~pl.col("rule").is_in(drawn_with)).is_empty()
    below = broken.filter(pl.col("rule") == "minimum_order_value")["key"].to_list()
    for order in below:
        assert outcome.why(order)["text"].str.contains("below the").any()


@settings(max_examples=30, deadline=None)
@given(buys, st.randoms(use_true_random=False))
def test_orders_do_not_depend_on_the_order_of_rows(
    drawn: list[tuple[str, str, int, int, int]], random: object
) -> None:
    dataset = company(drawn, 900.0)
    rows = dataset["supply_plan"].rows(named=True)
    random.shuffle(rows)  # type: ignore[attr-defined]
    shuffled = dataset.with_tables(supply_plan=schema("supply_plan").frame(rows))

    one, other = propose_orders(dataset, as_of=AS_OF), propose_orders(shuffled, as_of=AS_OF)
    assert one["purchase_orders"].equals(other["purchase_orders"])
    assert one["purchase_order_lines"].equals(other["purchase_order_lines"])
