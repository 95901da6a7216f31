"""The cards of the package against the collected facts and the changes Amazon announced."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

import polars as pl
import pytest

from fivefold.deliver.fee_cards import FeeBook, fee_cards
from fivefold.deliver.fees import fulfilment
from fivefold.deliver.size_tiers import size_tier

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


def test_storage_and_its_utilisation_ladder_are_carried_digit_for_digit() -> None:
    told = facts("storage")
    base = fee_cards().filter(pl.col("card") == "us_storage_2024")
    for name, seasons in told["base"].items():
        goods = "dangerous_goods" if name.startswith("dangerous_goods") else ""
        tier = name.removeprefix("dangerous_goods_")
        for season, amount in seasons.items():
            own = base.filter(
                (pl.col("product_class") == goods)
                & (pl.col("size_tier") == tier)
                & (pl.col("season") == season)
            )
            assert own["amount"].to_list() == [amount]
    ladder = fee_cards().filter(
        (pl.col("card") == "us_storage_utilisation_2024")
        & (pl.col("size_tier") == "standard")
        & (pl.col("season") == "jan_sep")
    )
    steps = told["utilization_surcharge_standard_jan_sep"]
    assert ladder.sort("from_value")["amount"].to_list() == [step["add"] for step in steps]


def test_too_little_stock_costs_what_was_told_by_days_of_cover() -> None:
    told = facts("low_inventory_level_fee")["table_2024_2025"]
    cards = fee_cards().filter(pl.col("card") == "us_low_inventory_2024")
    spans = {"0-14": 0.0, "14-21": 14.0, "21-28": 21.0}
    compared = 0
    for row in told:
        tier = "small_standard" if row["tier"] == "small_standard" else "large_standard"
        heavy = 3.0 if row["tier"].endswith("3_20lb") else 0.0
        for span, first in spans.items():
            own = cards.filter(
                (pl.col("size_tier") == tier)
                & (pl.col("from_value") == first)
                & (pl.col("weight_from_lb").fill_null(0.0) == heavy)
            )
            assert own["amount"].to_list() == [row[span]]
            compared += 1
    assert compared == 9


def test_placement_of_2024_is_carried_by_region_and_weight() -> None:
    told = facts("inbound_placement")["by_region_2024"]
    cards = fee_cards().filter(pl.col("card") == "us_placement_2024")
    compared = 0
    for option in ("minimal", "partial"):
        regions = told[option]
        for region, tiers in regions.items():
            for tier, amounts in tiers.items():
                own = cards.filter(
                    (pl.col("option") == option)
                    & (pl.col("region") == region)
                    & (pl.col("size_tier") == tier)
                ).sort("from_value")
                wanted = amounts if isinstance(amounts, list) else [amounts]
                assert own["amount"].to_list() == wanted
                compared += len(wanted)
    assert compared == 60


def test_every_referral_rate_and_its_least_fee_is_carried() -> None:
    told = facts("referral")["categories"]
    cards = fee_cards().filter(pl.col("card") == "us_referral_2025")
    compared = 0
    for category in told:
        own = cards.filter(pl.col("product_class") == category["category"]).sort("from_value")
        if own.height == 0 or own["note"].str.contains("Sources differ").any():
            # Where two sources contradict each other the card says so and is graded single.
            assert set(own["grade"]) <= {"single"}
            continue
        assert own["amount"].to_list() == [tier["rate"] for tier in category["tiers"]]
        least = own["minimum_amount"].fill_null(0.0).unique().to_list()
        assert least == [category["min_fee"] or 0.0]
        compared += 1
    assert compared >= 0.9 * len(told)


def test_a_unit_pays_what_its_weight_and_price_say_by_the_facts() -> None:
    """Every band of the 2026 card, asked as a seller would: a size, a weight, a price."""
    table = facts("fulfilment_2026")["tables"]
    prices = {"lt10": 5.0, "10_50": 30.0, "gt50": 80.0}
    for season, day in (("nonpeak", date(2026, 6, 1)), ("peak", date(2026, 11, 1))):
        book = FeeBook(fee_cards(), day=day)
        for tier in ("small_standard", "large_standard"):
            sides = (10.0, 8.0, 0.5) if tier == "small_standard" else (10.0, 8.0, 1.0)
            for row in table[season][tier]["rows"]:
                pounds = row["max"] / 16 - 0.001
                size = size_tier(
                    length_cm=sides[0] * 2.54,
                    width_cm=sides[1] * 2.54,
                    height_cm=sides[2] * 2.54,
                    weight_kg=pounds * 0.45359237,
                    day=day,
                )
                if size.tier != tier or size.shipping_weight_lb > row["max"] / 16:
                    # Its volume weighs more than the band: another band holds.
                    continue
                for band, price in prices.items():
                    line = fulfilment(
                        book, size=size, product_class="non_apparel", price=price, older=book
                    )
                    assert line.amount == row["usd"][band], (season, tier, row["max"], band)
