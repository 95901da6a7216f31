from __future__ import annotations

from datetime import date

import pytest

from fivefold.deliver.size_tiers import size_tier

D2025, D2026 = date(2025, 6, 1), date(2026, 6, 1)
IN, LB = 2.54, 0.45359237


def tier(length: float, width: float, height: float, pounds: float, day: date = D2026) -> str:
    return size_tier(
        length_cm=length * IN, width_cm=width * IN, height_cm=height * IN,
        weight_kg=pounds * LB, day=day,
    ).tier  # fmt: skip


@pytest.mark.parametrize(
    ("sides", "pounds", "expected"),
    [
        ((15, 12, 0.75), 1.0, "small_standard"),
        ((15, 12, 0.75), 1.001, "large_standard"),
        ((15.01, 12, 0.75), 0.5, "large_standard"),
        ((15, 12, 0.76), 0.5, "large_standard"),
        ((18, 14, 8), 20.0, "large_standard"),
        ((18, 14, 8), 20.01, "small_bulky"),
        ((18, 14, 8.01), 5.0, "small_bulky"),
        # By volume it weighs 137.9 lb, which no bulky tier takes.
        ((37, 28, 18.5), 50.0, "xl_70_150"),
        ((37, 20, 9), 50.0, "small_bulky"),
        ((37.01, 20, 9), 40.0, "large_bulky"),
        ((59, 20, 5), 50.0, "large_bulky"),
        ((59.01, 20, 5), 50.0, "xl_0_50"),
        ((59, 20, 5), 50.01, "xl_50_70"),
        ((59, 20, 5), 70.0, "xl_50_70"),
        ((59, 20, 5), 70.01, "xl_70_150"),
        ((59, 20, 5), 150.0, "xl_70_150"),
        ((59, 20, 5), 150.01, "xl_150_plus"),
    ],
)
def test_each_end_of_a_tier_of_2026_is_inclusive(
    sides: tuple[float, float, float], pounds: float, expected: str
) -> None:
    assert tier(*sides, pounds) == expected


def test_small_bulky_did_not_exist_before_2026() -> None:
    assert tier(18, 14, 8.01, 5.0, date(2026, 1, 14)) == "large_bulky"
    assert tier(18, 14, 8.01, 5.0, date(2026, 1, 15)) == "small_bulky"


def test_length_plus_girth_of_130_inches_is_the_end_of_bulky() -> None:
    # 50 + 2 (20 + 20) = 130, but its volume weight is 143.9 lb, so it is extra-large all the same.
    assert tier(50, 20, 20, 10.0) == "xl_70_150"
    light = size_tier(
        length_cm=52 * IN, width_cm=30 * IN, height_cm=4 * IN, weight_kg=5 * LB, day=D2026
    )
    assert light.length_plus_girth_in == pytest.approx(120.0)
    assert light.shipping_weight_lb == pytest.approx(52 * 30 * 4 / 139)
    assert light.tier == "large_bulky"


def test_a_thin_bulky_unit_counts_two_inches_in_its_volume() -> None:
    found = size_tier(
        length_cm=30 * IN, width_cm=10 * IN, height_cm=0.5 * IN, weight_kg=1 * LB, day=D2026
    )
    assert found.dimensional_weight_lb == pytest.approx(30 * 10 * 2 / 139)
    assert found.group == "oversize"


def test_small_standard_goes_by_unit_weight_and_large_by_the_greater() -> None:
    small = size_tier(
        length_cm=15 * IN, width_cm=12 * IN, height_cm=0.75 * IN, weight_kg=0.1 * LB, day=D2026
    )
    large = size_tier(
        length_cm=10 * IN, width_cm=10 * IN, height_cm=5 * IN, weight_kg=1 * LB, day=D2026
    )
    assert small.shipping_weight_lb == pytest.approx(0.1)
    assert large.shipping_weight_lb == pytest.approx(500 / 139)


def test_volume_alone_never_lifts_above_150_pounds() -> None:
    found = size_tier(
        length_cm=80 * IN, width_cm=40 * IN, height_cm=40 * IN, weight_kg=60 * LB, day=D2026
    )
    assert (found.tier, found.shipping_weight_lb) == ("xl_70_150", 150.0)
    assert found.is_overmax


def test_sides_may_come_in_any_order() -> None:
    assert tier(0.75, 15, 12, 0.5) == tier(12, 0.75, 15, 0.5) == "small_standard"


def test_a_side_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="sides must be more than 0"):
        size_tier(length_cm=0, width_cm=1, height_cm=1, weight_kg=1, day=D2026)
