"""A unit is promised once, a line is answered in full, and the choice is close to the best."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.deliver.fee_cards import FeeBook, fee_cards
from fivefold.deliver.order_sourcing import SourcingParams, carriage_rates, source_orders
from fivefold.deliver.zones import ground_days
from fivefold.model import Dataset

TODAY = date(2026, 11, 23)
ZIPS = {"WH1": "60601", "WH2": "90210", "WH3": "10001"}
ITEMS = ("A", "B")


def world(
    stock: dict[tuple[str, str], int],
    orders: list[dict[str, object]],
    coming: list[tuple[str, str, int, int]] = (),  # type: ignore[assignment]
) -> Dataset:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    lines = [
        {"line": 1, "channel": "FBM", "ordered_at": at, "status": "open", **order}
        for order in orders
    ]
    tables = {
        "items": pl.DataFrame({"item": ITEMS, "weight_kg": [0.9, 0.3], "unit_cost": [5.0, 2.0]}),
        "locations": pl.DataFrame(
            {
                "location": list(ZIPS),
                "kind": ["warehouse"] * 3,
                "calendar": ["all"] * 3,
                "postal_code": list(ZIPS.values()),
                "picking_cost_per_unit": [1.0, 1.2, 0.9],
            }
        ),
        "calendars": pl.DataFrame({"calendar": ["all"]}),
        "channels": pl.DataFrame({"channel": ["FBM"], "kind": ["fbm"], "location": ["WH1"]}),
        "inventory": pl.DataFrame(
            [
                {"item": item, "location": place, "on_hand": units}
                for (item, place), units in stock.items()
            ]
        ),
        "orders": pl.DataFrame(lines, infer_schema_length=None),
    }
    if coming:
        tables["supply_orders"] = pl.DataFrame(
            [
                {
                    "order": f"S{number}",
                    "line": 1,
                    "kind": "buy",
                    "item": item,
                    "destination": place,
                    "quantity": units,
                    "expected_on": TODAY + timedelta(days=days),
                    "status": "in_transit",
                }
                for number, (item, place, units, days) in enumerate(coming)
            ]
        )
    return Dataset(tables)


wanted = st.lists(
    st.fixed_dictionaries(
        {
            "order": st.sampled_from(["O1", "O2", "O3", "O4"]),
            "item": st.sampled_from(ITEMS),
            "quantity": st.integers(1, 6),
            "ship_postal_code": st.sampled_from(["94103", "02108", "75201", None]),
            "priority": st.sampled_from([1, 2, None]),
        }
    ),
    min_size=1,
    max_size=8,
)
held = st.dictionaries(
    st.tuples(st.sampled_from(ITEMS), st.sampled_from(sorted(ZIPS))), st.integers(0, 8), min_size=1
)
arriving = st.lists(
    st.tuples(
        st.sampled_from(ITEMS), st.sampled_from(sorted(ZIPS)), st.integers(1, 5), st.integers(1, 30)
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(orders=wanted, stock=held, coming=arriving)
def test_no_unit_is_promised_twice_and_every_line_is_answered(
    orders: list[dict[str, object]],
    stock: dict[tuple[str, str], int],
    coming: list[tuple[str, str, int, int]],
) -> None:
    for number, order in enumerate(orders, start=1):
        order["line"] = number
    found = source_orders(world(stock, orders, coming), as_of=TODAY)["promises"]
    answered = found.group_by("line").agg(pl.col("quantity").sum()).sort("line")
    assert answered["quantity"].to_list() == [order["quantity"] for order in orders]
    served = found.filter(pl.col("basis") != "none")
    given_out = served.group_by("item", "location").agg(pl.col("quantity").sum())
    for item, place, units in given_out.iter_rows():
        free = stock.get((item, place), 0)
        free += sum(q for i, p, q, _days in coming if (i, p) == (item, place))
        assert units <= free
    on_hand = served.filter(pl.col("basis") == "on_hand")
    for item, place, units in (
        on_hand.group_by("item", "location").agg(pl.col("quantity").sum()).iter_rows()
    ):
        assert units <= stock.get((item, place), 0)
    # Units stay unserved only where no place has any left.
    for item, units in (
        found.filter(pl.col("basis") == "none").group_by("item").agg(pl.col("quantity").sum())
    ).iter_rows():
        total = sum(q for (i, _p), q in stock.items() if i == item)
        total += sum(q for i, _p, q, _d in coming if i == item)
        want = sum(int(str(o["quantity"])) for o in orders if o["item"] == item)
        assert units == want - total
    assert (served["deliver_on"] >= served["ship_on"]).all()
    assert (served["ship_on"] >= TODAY).all()


def exact_cost(stock: dict[str, int], quantity: int, params: SourcingParams) -> float:
    """Return the least cost of one line over all splits, recomputed without the engine."""
    book = FeeBook(fee_cards(), day=TODAY)
    rates = carriage_rates(book)
    # To 94103: Chicago is zone 8, Beverly Hills zone 4, New York zone 8 by distance.
    zone = {"WH1": 8, "WH2": 4, "WH3": 8}
    pick = {"WH1": 1.0, "WH2": 1.2, "WH3": 0.9}
    pounds = 0.9 / 0.45359237
    days = {place: ground_days(book, zone[place]) for place in zone}
    best = np.inf
    arrival = {place: working_day(days[place]) for place in zone}
    fastest = min(arrival[place] for place in stock if stock[place] > 0)
    for split in product(*[range(min(units, quantity) + 1) for units in stock.values()]):
        if sum(split) != quantity:
            continue
        cost = 0.0
        for place, units in zip(stock, split, strict=True):
            if units:
                cost += pick[place] * units + rates[zone[place], int(np.ceil(2 * pounds * units))]
                cost += params.wait_cost_per_unit_day * units * max(arrival[place] - fastest, 0)
                cost += params.split_cost
        best = min(best, cost - params.split_cost)
    return best


def working_day(days: int) -> int:
    """Return the calendar days that `days` working days after Monday take."""
    return days + 2 * (days // 5)


def judged_cost(found: pl.DataFrame, stock: dict[str, int], params: SourcingParams) -> float:
    """Return the cost of the engine's legs, waits counted from the fastest place with stock."""
    book = FeeBook(fee_cards(), day=TODAY)
    zone = {"WH1": 8, "WH2": 4, "WH3": 8}
    fastest = min(
        working_day(ground_days(book, zone[place])) for place in stock if stock[place] > 0
    )
    days = [(day - TODAY).days for day in found["deliver_on"]]
    waits = sum(units * (day - fastest) for units, day in zip(found["quantity"], days, strict=True))
    return (
        float(found["cost"].sum())
        + params.wait_cost_per_unit_day * waits
        + params.split_cost * (found.height - 1)
    )


def test_a_line_costs_little_more_than_the_best_of_all_splits() -> None:
    rng = np.random.default_rng(11)
    params = SourcingParams(confidence_share=0.5, stock_value_share=0.0)
    gaps = []
    for _ in range(30):
        stock = {place: int(rng.integers(0, 4)) for place in ZIPS}
        quantity = int(rng.integers(1, max(2, sum(stock.values()) + 1)))
        if sum(stock.values()) < quantity:
            continue
        order = {"order": "O", "item": "A", "quantity": quantity, "ship_postal_code": "94103"}
        dataset = world({("A", place): units for place, units in stock.items()}, [order])
        found = source_orders(dataset, params, as_of=TODAY)["promises"]
        best = exact_cost(stock, quantity, params)
        gaps.append(judged_cost(found, stock, params) / best - 1.0)
    assert len(gaps) > 15
    assert min(gaps) > -1e-9
    assert float(np.mean(gaps)) < 0.03
    assert max(gaps) < 0.25


def test_an_order_for_three_where_two_exist_names_the_day_of_the_third() -> None:
    order = {"order": "O", "item": "A", "quantity": 3, "ship_postal_code": "60601"}
    dataset = world({("A", "WH1"): 2}, [order], [("A", "WH1", 5, 14)])
    params = SourcingParams(confidence_share=0.5)
    found = source_orders(dataset, params, as_of=TODAY)["promises"].sort("leg")
    assert found["quantity"].to_list() == [2, 1]
    assert found["basis"].to_list() == ["on_hand", "in_transit"]
    # Two working days in zone 2: Monday 23 November and Monday 7 December.
    assert found["deliver_on"].to_list() == [date(2026, 11, 25), date(2026, 12, 9)]


def test_what_nothing_can_serve_is_said_so() -> None:
    order = {"order": "O", "item": "A", "quantity": 2, "ship_postal_code": "60601"}
    outcome = source_orders(world({("B", "WH1"): 9}, [order]), as_of=TODAY)
    row = outcome["promises"].to_dicts()[0]
    assert (row["basis"], row["location"], row["quantity"]) == ("none", None, 2)
    assert "No place that may serve FBM" in row["because"]
    assert outcome.explanations is not None
    assert outcome.explanations["reason_code"].to_list() == ["unmet"]


def test_lines_of_one_order_travel_together_where_one_place_has_all() -> None:
    orders = [
        {"order": "O", "line": 1, "item": "A", "quantity": 1, "ship_postal_code": "94103"},
        {"order": "O", "line": 2, "item": "B", "quantity": 1, "ship_postal_code": "94103"},
    ]
    # WH2 is nearest but has no B; WH1 has both.
    dataset = world({("A", "WH2"): 5, ("A", "WH1"): 5, ("B", "WH1"): 5}, orders)  # type: ignore[arg-type]
    assert set(source_orders(dataset, as_of=TODAY)["promises"]["location"]) == {"WH1"}


def test_goods_planned_to_move_are_promised_at_one_end_only() -> None:
    dataset = world({("A", "WH1"): 4}, [
        {"order": "O", "item": "A", "quantity": 9, "ship_postal_code": "60601"}
    ])  # fmt: skip
    plan = pl.DataFrame(
        [
            {
                "decision": "m",
                "kind": "move",
                "item": "A",
                "source": "WH1",
                "destination": "WH2",
                "quantity": 3,
                "start_on": TODAY + timedelta(days=2),
                "due_on": TODAY + timedelta(days=6),
            }
        ]
    )
    found = source_orders(dataset.with_tables(supply_plan=plan), as_of=TODAY)["promises"]
    assert found.filter(pl.col("basis") != "none")["quantity"].sum() == 4


def test_a_higher_confidence_never_promises_an_earlier_day() -> None:
    order = {"order": "O", "item": "A", "quantity": 1, "ship_postal_code": "60601"}
    dataset = world({("A", "WH1"): 1}, [order])
    days = [
        source_orders(dataset, SourcingParams(confidence_share=share), as_of=TODAY)["promises"][
            "deliver_on"
        ][0]
        for share in (0.5, 0.8, 0.95, 0.999)
    ]
    assert days == sorted(days)
    with pytest.raises(ValueError, match="confidence_share"):
        SourcingParams(confidence_share=1.0)
