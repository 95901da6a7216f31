"""Worked examples, computed by hand from the cards."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.deliver import fees, stock_fees
from fivefold.deliver.fee_cards import FeeBook, cards_with, fee_cards
from fivefold.deliver.size_tiers import SizeTier, size_tier
from fivefold.model import Dataset

IN, LB = 2.54, 0.45359237
PEAK, OFF_PEAK, BEFORE = date(2026, 11, 22), date(2026, 6, 1), date(2025, 6, 1)


def book(day: date) -> FeeBook:
    return FeeBook(fee_cards(), day=day)


def sized(length: float, width: float, height: float, pounds: float, day: date) -> SizeTier:
    return size_tier(
        length_cm=length * IN,
        width_cm=width * IN,
        height_cm=height * IN,
        weight_kg=pounds * LB,
        day=day,
    )


def fulfilment(size: SizeTier, day: date, price: float, kind: str = "non_apparel") -> float | None:
    return fees.fulfilment(book(day), size=size, product_class=kind, price=price).amount


@pytest.mark.parametrize(
    ("day", "price", "expected"),
    [
        (OFF_PEAK, 9.99, 2.43), (OFF_PEAK, 10.0, 3.32), (OFF_PEAK, 50.0, 3.32),
        (OFF_PEAK, 50.01, 3.58), (PEAK, 25.0, 3.51), (BEFORE, 25.0, 3.06), (BEFORE, 9.99, 2.29),
    ],
)  # fmt: skip
def test_two_ounces_small_standard_by_season_and_price(
    day: date, price: float, expected: float
) -> None:
    assert fulfilment(sized(10, 8, 0.5, 2 / 16, day), day, price) == expected


def test_a_tail_counts_every_started_four_ounces_above_three_pounds() -> None:
    # 3.3 lb: base 6.97, 0.3 lb are two started quarters of a pound: 6.97 + 2 x 0.08.
    size = sized(6, 4, 3, 3.3, OFF_PEAK)
    assert fulfilment(size, OFF_PEAK, 25.0) == pytest.approx(7.13)
    assert fulfilment(sized(6, 4, 3, 3.0, OFF_PEAK), OFF_PEAK, 25.0) == 6.67


def test_bulky_counts_every_started_pound_above_the_first() -> None:
    # 10 lb: 9.35 + 9 x 0.38 in 2026, 9.61 + 9 x 0.38 before.
    assert fulfilment(sized(40, 8, 3, 10, OFF_PEAK), OFF_PEAK, 25.0) == pytest.approx(12.77)
    assert fulfilment(sized(40, 8, 3, 10, BEFORE), BEFORE, 25.0) == pytest.approx(13.03)


def test_apparel_of_2026_is_a_range_and_never_a_figure() -> None:
    size = sized(10, 8, 2, 0.9, OFF_PEAK)
    line = fees.fulfilment(
        book(OFF_PEAK), size=size, product_class="apparel", price=25.0, older=book(BEFORE)
    )
    # 160 / 139 = 1.151 lb: other goods 5.04; before, 5.90 against 4.99: 5.04 x 5.90 / 4.99.
    assert line.amount is None
    assert (line.low, line.high) == (5.04, 5.96)
    assert line.grade == "unknown"


def test_dangerous_goods_have_no_upper_end() -> None:
    line = fees.fulfilment(
        book(OFF_PEAK), size=sized(10, 8, 2, 0.9, OFF_PEAK), product_class="dangerous_goods",
        price=25.0,
    )  # fmt: skip
    assert (line.amount, line.high) == (None, None)


def test_the_fuel_surcharge_began_on_17_april_2026() -> None:
    size = sized(10, 8, 0.5, 0.125, OFF_PEAK)
    line = fees.fulfilment(book(OFF_PEAK), size=size, product_class="non_apparel", price=25.0)
    assert fees.fuel_surcharge(book(date(2026, 4, 16)), line).amount == 0.0
    after = fees.fuel_surcharge(book(date(2026, 4, 17)), line)
    assert after.amount == pytest.approx(3.32 * 0.035)


def test_storage_goes_by_the_season_of_the_days_it_is_stored() -> None:
    # One cubic foot from 16 September 2026: 15 days at 0.78, 15 days at 2.40.
    size = sized(12, 12, 12, 5, OFF_PEAK)
    assert size.group == "oversize"
    standard = sized(18, 12, 8, 5, OFF_PEAK)
    assert standard.volume_cuft == pytest.approx(1.0)
    line = stock_fees.storage(
        book(date(2026, 9, 16)), size=standard, product_class="non_apparel", days_held=30
    )
    assert line.amount == pytest.approx((15 * 0.78 + 15 * 2.40) / (365 / 12), abs=1e-3)


def test_aged_inventory_takes_the_greater_of_cube_and_unit() -> None:
    # 0.01 cu ft: at 391 days 6.90 x 0.01 = 0.069 is below the 0.30 a unit.
    tiny = sized(4, 2.16, 2, 0.2, OFF_PEAK)
    assert tiny.volume_cuft == pytest.approx(0.01)
    line = stock_fees.aged_inventory(book(OFF_PEAK), size=tiny, item_class="", cover_days=392)
    by_age = {181: 0.5, 211: 1.0, 241: 1.5, 271: 5.45, 301: 5.7, 331: 5.9, 361: 5.9}
    expected = sum(rate * 0.01 * (392 - age) / 392 for age, rate in by_age.items())
    expected += 0.30 * (392 - 391) / 392
    assert line.amount == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("cover", "expected"), [(13.9, 0.97), (14, 0.70), (27.9, 0.36), (28, 0)])
def test_low_inventory_fee_ends_at_28_days(cover: float, expected: float) -> None:
    size = sized(10, 8, 2, 0.9, OFF_PEAK)
    line = stock_fees.low_inventory(book(OFF_PEAK), size=size, cover_days=cover, units_per_week=50)
    assert line.amount == expected
    assert stock_fees.low_inventory(
        book(OFF_PEAK), size=size, cover_days=5, units_per_week=19
    ).amount == 0.0  # fmt: skip


def test_placement_of_2026_is_a_range_and_the_optimised_option_is_free() -> None:
    size = sized(10, 8, 2, 0.9, OFF_PEAK)
    line = stock_fees.placement(book(OFF_PEAK), size=size, option="minimal")
    assert (line.amount, line.low, line.high) == (None, 0.22, 0.46)
    assert stock_fees.placement(book(OFF_PEAK), size=size, option="amazon_optimized").amount == 0.0
    in_west = stock_fees.placement(
        book(date(2024, 9, 1)), size=size, option="minimal", region="west"
    )
    assert in_west.amount == 0.41


@pytest.mark.parametrize(
    ("category", "price", "expected"),
    [
        ("Kitchen", 20.0, 3.0), ("Kitchen", 1.0, 0.30), ("Beauty", 10.0, 0.80),
        ("Beauty", 10.01, 1.5015), ("Clothing & Accessories", 15.0, 0.75),
        ("Clothing & Accessories", 16.0, 1.60), ("Clothing & Accessories", 100.0, 17.0),
        ("Furniture & Decor", 250.0, 35.0), ("Watches", 2000.0, 255.0),
        ("Electronics Accessories", 150.0, 19.0),
    ],
)  # fmt: skip
def test_referral_by_whole_price_or_by_portions(
    category: str, price: float, expected: float
) -> None:
    line = fees.referral(book(OFF_PEAK), category=category, price=price)
    assert line.amount == pytest.approx(expected)


def test_a_category_nobody_knows_is_an_assumption() -> None:
    line = fees.referral(book(OFF_PEAK), category="Widgets", price=20.0)
    assert (line.amount, line.grade) == (3.0, "assumed")


def test_computers_carry_both_sources_as_ends() -> None:
    line = fees.referral(book(OFF_PEAK), category="Computers", price=100.0)
    assert (line.amount, line.low, line.high) == (8.0, 6.0, 8.0)


def test_what_nobody_found_has_no_amount() -> None:
    unknown = fee_cards().filter(pl.col("grade") == "unknown")
    assert unknown["amount"].is_null().all()
    known = fee_cards().filter(pl.col("amount").is_null())
    # A figure without an amount is unknown, or a range that a source gives as a range.
    assert known.filter((pl.col("grade") != "unknown") & pl.col("amount_low").is_null()).height == 0
    for fee in ("MCF_FULFILLMENT_FEE", "FBA_ONSITE_DISCOUNT"):
        assert book(PEAK).find(fee).amount is None  # type: ignore[union-attr]
    assert fees.return_processing(
        book(PEAK), size=sized(10, 8, 2, 0.9, PEAK), product_class="apparel",
        before=book(date(2024, 5, 1)),
    ).amount is None  # fmt: skip


def test_every_figure_of_the_package_fits_the_schema_and_names_its_source() -> None:
    cards = fee_cards()
    assert Dataset({"fee_cards": cards}).problems() == []
    assert cards["source"].str.len_chars().min() > 3
    assert set(cards["grade"]) == {"official", "secondary", "single", "assumed", "unknown"}


def test_no_two_figures_of_a_fulfilment_card_hold_at_once() -> None:
    for day in (OFF_PEAK, PEAK, BEFORE, date(2025, 12, 1)):
        shelf = book(day)
        for pounds in (0.1, 0.9, 1.0, 2.9, 3.0, 12.0):
            for price in (5.0, 10.0, 30.0, 60.0):
                for kind in ("non_apparel", "apparel"):
                    found = shelf.find_all(
                        "BASE_FBA_FULFILLMENT_FEE", size_tier="large_standard",
                        product_class=kind, value=pounds, price=price,
                    )  # fmt: skip
                    assert len({figure.amount for figure in found}) <= 1


def test_a_company_card_of_the_same_name_takes_the_place_of_the_package_one() -> None:
    own = fee_cards().filter(pl.col("card") == "assumed_parcel_rates").head(1).with_columns(
        pl.lit(1.0).alias("amount")
    )  # fmt: skip
    merged = cards_with(own)
    assert merged.filter(pl.col("card") == "assumed_parcel_rates")["amount"].to_list() == [1.0]
    assert merged.filter(pl.col("card") == "us_storage_2024").height > 0
