"""The checker on prices and the range: what breaks a rule is found, what keeps it is not."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from fivefold.check.prices import check_prices, check_range
from fivefold.model import Dataset, schema

AS_OF = date(2026, 6, 1)


def _proposal(**changed: Any) -> dict[str, Any]:
    row = {"item": "A", "channel": "C", "action": "lower", "price_now": 20.0, "price": 18.0}
    return {**row, **changed}


def _rules(rows: list[dict[str, Any]], rule: dict[str, Any]) -> set[str]:
    dataset = Dataset(
        {
            "price_proposals": schema("price_proposals").frame(rows),
            "price_rules": schema("price_rules").frame([{"item": "A", "channel": "", **rule}]),
        }
    )
    found = list(check_prices(dataset))
    return set(pl.concat(found)["rule"].to_list()) if found else set()


@pytest.mark.parametrize(
    ("changed", "rule", "broken"),
    [
        ({}, {"minimum_advertised_price": 17.0}, set()),
        ({}, {"minimum_advertised_price": 19.0}, {"not_below_floor"}),
        ({"action": "raise", "price": 22.0}, {"ceiling_price": 21.0}, {"not_above_ceiling"}),
        ({"price": 21.0}, {}, {"action_is_what_the_price_does"}),
        ({"action": "keep"}, {}, {"action_is_what_the_price_does"}),
        ({}, {"floor_price": 25.0, "ceiling_price": 22.0}, set()),
    ],
)
def test_a_price_that_breaks_a_rule_is_found(
    changed: dict[str, Any], rule: dict[str, Any], broken: set[str]
) -> None:
    assert _rules([_proposal(**changed)], rule) == broken


def test_a_range_that_contradicts_itself_is_found() -> None:
    row = {"item": "A", "channel": "C", "effective_on": AS_OF, "units_per_year": 10.0}
    rows = [
        {**row, "action": "end"},
        {**row, "item": "B", "action": "move"},
        {**row, "item": "D", "action": "keep", "effective_on": date(2026, 5, 1)},
    ]
    dataset = Dataset({"portfolio_choices": schema("portfolio_choices").frame(rows)})
    found = pl.concat(list(check_range(dataset, as_of=AS_OF)))
    assert set(found["rule"]) == {"not_offered_sells_nothing", "channel_is_open", "not_in_the_past"}
