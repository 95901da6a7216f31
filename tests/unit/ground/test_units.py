"""Units are exact ratios; money splits without losing a cent."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.units import (
    CUBIC_FOOT_M3,
    from_minor,
    length_factor_cm,
    minor_digits,
    split_minor,
    to_minor,
    volume_factor_m3,
    weight_factor_kg,
)


def test_the_international_yard_and_pound_agreement_of_1959_is_met_exactly() -> None:
    assert length_factor_cm("in") == Fraction("2.54")
    assert length_factor_cm(" Feet ") == Fraction("30.48")
    assert weight_factor_kg("pounds") == Fraction("0.45359237")
    assert weight_factor_kg("oz") * 16 == weight_factor_kg("lb")
    assert volume_factor_m3("ft3") == CUBIC_FOOT_M3 == Fraction("0.028316846592")
    assert volume_factor_m3("in3") * 1728 == CUBIC_FOOT_M3


def test_an_unknown_unit_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"unit of length 'cubit' is not known; known are .*cm"):
        length_factor_cm("cubit")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (0.29, "USD", 29),
        (1.005, "USD", 100),
        ("0.125", "USD", 12),
        ("0.135", "USD", 14),
        (-2.5, "JPY", -2),
        (1.2345, "KWD", 1234),
        (Decimal("1e3"), "EUR", 100_000),
    ],
)
def test_money_is_rounded_half_to_even_at_its_smallest_unit(
    amount: Decimal | float | str, currency: str, minor: int
) -> None:
    assert to_minor(amount, currency) == minor


def test_currencies_know_their_digits() -> None:
    assert [minor_digits(c) for c in ("USD", "jpy", "BHD", "XXX")] == [2, 0, 3, 2]


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD"]))
def test_an_amount_goes_to_its_main_unit_and_back(minor: int, currency: str) -> None:
    assert to_minor(from_minor(minor, currency), currency) == minor


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_parts_add_up_and_none_is_a_unit_from_its_share(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    if total == 0:
        with pytest.raises(ValueError, match="weights must sum to more than zero"):
            split_minor(amount, list(weights))
        return
    parts = split_minor(amount, list(weights))
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, total)) < 1
