"""Proposals: within the rules, sure enough, and told why."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.plan.price.ladder import allowed, bounds, rungs
from fivefold.plan.price.proposals import PriceParams, propose_prices

AS_OF = date(2026, 6, 1)


def _dataset(
    *,
    price: float = 20.0,
    contribution: float = 4.0,
    weekly: float = 30.0,
    stock: int = 200,
    elasticity: float = -1.5,
    sd: float = 0.2,
    rule: dict[str, float] | None = None,
    old: int = 0,
    status: str = "active",
) -> Dataset:
    """Return one item of constant elasticity, 15 % of whose price goes to the marketplace."""
    weeks = [AS_OF + timedelta(weeks=w) for w in range(26)]
    rows: dict[str, list[dict[str, object]]] = {
        "items": [{"item": "A", "family": "F", "price": price, "unit_cost": 8.0, "status": status,
                   "item_kind": "finished", "unit_of_measure": "each", "salvage_value": 1.0}],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "W"}],
        "locations": [{"location": "W", "kind": "warehouse"}],
        "offers": [{"item": "A", "channel": "FBM", "price": price, "active": True}],
        "forecast_means": [
            {"item": "A", "location": "W", "period_start": w, "units_mean": weekly, "units_sd": 6.0}
            for w in weeks
        ],
        "inventory": [{"item": "A", "location": "W", "lot": "", "condition": "sellable",
                       "on_hand": stock, "allocated": 0}],
        "channel_choices": [{"item": "A", "channel": "FBM", "price": price, "is_today": True,
                             "contribution": contribution}],
        "channel_fees": [
            {"item": "A", "channel": "FBM", "line": "REFERRAL_FEES", "counted": 0.15 * price},
            {"item": "A", "channel": "FBM", "line": "UNIT_COST", "counted": 8.0},
        ],
        "price_elasticities": [{"item": "A", "with_item": "", "elasticity": elasticity,
                                "elasticity_sd": sd}],
    }  # fmt: skip
    if rule is not None:
        rows["price_rules"] = [{"item": "A", "channel": "", **rule}]
    if old:
        rows["inventory_ages"] = [
            {"item": "A", "location": "W", "age_from_days": 181, "quantity": old}
        ]
    return Dataset({name: schema(name).frame(some) for name, some in rows.items()})


def _only(dataset: Dataset, params: PriceParams | None = None) -> dict[str, object]:
    table = propose_prices(dataset, params, as_of=AS_OF)["price_proposals"]
    assert table.height == 1
    return table.row(0, named=True)


def test_an_item_that_is_too_cheap_is_raised_by_the_largest_step_and_says_so() -> None:
    row = _only(_dataset())
    assert row["action"] == "raise"
    assert row["price"] == 21.99
    assert row["bound_by"] == "largest step"
    assert row["gain"] > 0


def test_an_item_that_is_too_dear_is_lowered() -> None:
    # Variable cost 5 and elasticity -4: the best price is 5 / 0.85 * 4 / 3 = 7.84.
    assert _only(_dataset(contribution=12.0, elasticity=-4.0))["action"] == "lower"


def test_the_free_price_is_the_textbooks_monopoly_price() -> None:
    # Cost of a unit besides the fee on the price: 20 - 4 - 3 = 13; elasticity -3.
    row = _only(_dataset(elasticity=-3.0, sd=1e-4))
    assert row["free_price"] == pytest.approx(13.0 / 0.85 * 3.0 / 2.0, abs=0.2)


def test_a_change_that_is_not_sure_enough_is_not_proposed() -> None:
    unsure = _dataset(contribution=6.0, elasticity=-2.9, sd=2.0)
    assert _only(unsure)["action"] == "keep"
    assert _only(unsure, PriceParams(confidence=0.0))["action"] != "keep"


def test_short_stock_makes_a_higher_price_worth_more() -> None:
    plenty = _only(_dataset(contribution=6.0, elasticity=-3.0), PriceParams(days=28))
    short = _only(_dataset(contribution=6.0, elasticity=-3.0, stock=40), PriceParams(days=28))
    assert short["price"] > plenty["price"]


@pytest.mark.parametrize(
    ("rule", "elasticity", "expected", "bound"),
    [
        ({"minimum_advertised_price": 18.2}, -4.0, 18.49, "minimum advertised price"),
        ({"ceiling_price": 20.5}, -1.5, 20.49, "ceiling"),
        ({"competitor_price": 19.49}, -4.0, 19.49, "competitor's price"),
    ],
)
def test_rules_hold_the_price_and_are_named(
    rule: dict[str, float], elasticity: float, expected: float, bound: str
) -> None:
    contribution = 12.0 if elasticity < -3 else 4.0
    row = _only(_dataset(rule=rule, elasticity=elasticity, contribution=contribution))
    assert (row["price"], row["bound_by"]) == (expected, bound)


def test_a_price_below_what_may_be_advertised_moves_up_at_once() -> None:
    row = _only(_dataset(rule={"minimum_advertised_price": 25.0}, elasticity=-4.0, contribution=12))
    assert 25.0 <= row["price"] <= 27.5


def test_rules_that_contradict_each_other_are_told_and_the_price_is_kept() -> None:
    dataset = _dataset(rule={"minimum_advertised_price": 25.0, "ceiling_price": 22.0})
    outcome = propose_prices(dataset, as_of=AS_OF)
    row = outcome["price_proposals"].row(0, named=True)
    assert (row["action"], row["bound_by"]) == ("keep", "rules contradict each other")
    assert "25.00" in outcome.why(row["decision"]).filter(reason_code="constraint_bound")["text"][0]


def test_a_margin_floor_stops_a_cut() -> None:
    rule = {"margin_floor_share": 0.59}
    row = _only(_dataset(contribution=12.0, elasticity=-4.0, rule=rule))
    assert row["price"] * 0.59 <= row["contribution"] + 0.01


def test_stock_that_is_left_of_an_ending_item_is_marked_down_week_by_week() -> None:
    dataset = _dataset(status="phase_out", stock=300, weekly=8.0, elasticity=-3.0, old=100)
    outcome = propose_prices(dataset, as_of=AS_OF)
    row = outcome["price_proposals"].row(0, named=True)
    assert row["action"] == "markdown"
    assert row["price"] < 20.0
    path = outcome["markdown_paths"].sort("week_start")
    assert path["stock_units_mean"].is_sorted(descending=True)
    assert "salvage" in outcome.why(row["decision"]).filter(reason_code="disposition")["text"][0]


def test_stock_nobody_wants_goes_at_once() -> None:
    row = _only(_dataset(status="ended", stock=50, weekly=0.001, elasticity=-1.0))
    assert row["action"] == "remove"


def test_without_offers_there_is_a_reason_and_no_answer() -> None:
    outcome = propose_prices(
        Dataset({"items": schema("items").frame([{"item": "A"}])}), as_of=AS_OF
    )
    assert outcome.status == "infeasible"


def test_every_proposal_tells_demand_elasticity_and_the_next_best() -> None:
    outcome = propose_prices(_dataset(), as_of=AS_OF)
    codes = set(outcome.why("price:A:FBM")["reason_code"])
    assert {"demand_served", "forecast_method", "next_best", "constraint_bound"} <= codes


def test_what_substitutes_gain_is_counted() -> None:
    alone = _only(_dataset())
    two = _dataset()
    more = {
        name: pl.concat([two[name], two[name].with_columns(item=pl.lit("B"))])
        for name in (
            "items",
            "offers",
            "forecast_means",
            "inventory",
            "channel_choices",
            "channel_fees",
        )
    }
    cross = schema("price_elasticities").frame(
        [
            {"item": "A", "with_item": "", "elasticity": -1.5, "elasticity_sd": 0.2},
            {"item": "B", "with_item": "A", "elasticity": 0.5, "elasticity_sd": 0.1},
        ]
    )
    both = propose_prices(two.with_tables(**more, price_elasticities=cross), as_of=AS_OF)
    assert both["price_proposals"].filter(item="A")["gain"][0] > alone["gain"]


def test_a_ladder_ends_in_the_digits_asked_for() -> None:
    assert all(round(p % 1, 2) in (0.49, 0.99) for p in rungs(179.99, max_step_share=0.2))
    assert max(rungs(179.99, max_step_share=0.1)) <= 179.99 * 1.1 + 0.01


def test_a_price_that_may_be_asked_keeps_all_bounds() -> None:
    held = bounds(
        20, {"floor_price": 19, "ceiling_price": 21}, max_step_share=0.2, undercut_share=0
    )
    asked = allowed(20, held, max_step_share=0.2, endings=(0.49, 0.99))
    assert min(asked) >= 19
    assert max(asked) <= 21


@pytest.mark.parametrize("wrong", [{"days": 3}, {"confidence": 2.0}, {"clear_weeks": 0}])
def test_a_parameter_out_of_range_is_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PriceParams(**wrong)  # type: ignore[arg-type]
