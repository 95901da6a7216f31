"""The cards of the package against the collected facts and the changes Amazon announced."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

import polars as pl
import pytest

from fivefold.deliver.fee_cards import fee_cards

FACTS = Path(__file__).parents[3] / ".." / "shared" / "facts" / "amazon" / "fees"


def facts(name: str) -> Any:
    path = FACTS / f"us_{name}.json"
    if not path.exists():
        pytest.skip(f"the collected facts are not here: {path.name}")
    return json.loads(path.read_text(encoding="utf-8"))


def rows(card: str, season: str, price: float) -> dict[tuple[str, float], float]:
    """Return amounts of bands without steps by tier and upper weight, for a price."""
    cards = fee_cards().filter(
        (pl.col("card") == card)
        & (pl.col("season") == season)
        & (pl.col("product_class") == "non_apparel")
        & pl.col("amount_per_step").is_null()
        & pl.col("amount").is_not_null()
        & (pl.col("price_from").is_null() | (pl.col("price_from") <= price))
        & (pl.col("price_to").is_null() | (pl.col("price_to") >= price))
    )
    return {
        (row["size_tier"], row["to_value"]): row["amount"] for row in cards.iter_rows(named=True)
    }


@pytest.mark.parametrize(
    ("name", "tier", "price"),
    [
        ("small_standard_10_50", "small_standard", 25.0),
        ("small_standard_gt50", "small_standard", 60.0),
        ("small_standard_lt10", "small_standard", 8.0),
        ("large_standard_10_50", "large_standard", 25.0),
        ("large_standard_gt50", "large_standard", 60.0),
        ("large_standard_lt10", "large_standard", 8.0),
    ],
)
def test_the_mean_change_from_2025_to_2026_is_the_one_announced(
    name: str, tier: str, price: float
) -> None:
    check = facts("consistency_check_2026_vs_2025_mean_change")
    new = rows("us_fba_fulfilment_2026", "off_peak", price)
    old = rows("us_fba_fulfilment_2024", "off_peak", price)
    changes = [new[key] - old[key] for key in new if key[0] == tier and key in old]
    assert len(changes) >= 8
    assert mean(changes) == pytest.approx(check["computed"][name], abs=6e-4)
    # Amazon's own means are weighted by volume; rows weigh equal here.
    assert mean(changes) == pytest.approx(check["announced"][name], abs=0.03)


def test_every_figure_of_the_2026_card_is_carried_digit_for_digit() -> None:
    table = facts("fulfilment_2026")["tables"]
    prices = {"lt10": 5.0, "10_50": 30.0, "gt50": 80.0}
    compared = 0
    for season, name in (("off_peak", "nonpeak"), ("peak", "peak")):
        for band, price in prices.items():
            ours = rows("us_fba_fulfilment_2026", season, price)
            for tier in ("small_standard", "large_standard"):
                for row in table[name][tier]["rows"]:
                    assert ours[tier, row["max"] / 16] == row["usd"][band]
                    compared += 1
    assert compared == 120


def test_the_card_of_2024_is_carried_digit_for_digit() -> None:
    table = facts("fulfilment_2024_04_to_2026_01_14")["tables"]
    ours = rows("us_fba_fulfilment_2024", "off_peak", 25.0)
    for tier in ("small_standard", "large_standard"):
        for row in table["non_apparel"][tier]:
            assert ours[tier, row["max_lb"]] == row["usd"]


def test_peak_raises_every_figure_of_2026() -> None:
    for price in (5.0, 30.0, 80.0):
        off = rows("us_fba_fulfilment_2026", "off_peak", price)
        peak = rows("us_fba_fulfilment_2026", "peak", price)
        assert all(peak[key] > amount for key, amount in off.items() if key in peak)


def test_no_day_since_april_2024_is_without_a_fulfilment_card() -> None:
    cards = fee_cards().filter(pl.col("fee_type") == "BASE_FBA_FULFILLMENT_FEE")
    spans = cards.select("card", "effective_from", "effective_to").unique().sort("effective_from")
    assert spans["effective_from"].to_list() == [date(2024, 4, 15), date(2026, 1, 15)]
    assert spans["effective_to"].to_list() == [date(2026, 1, 14), None]
