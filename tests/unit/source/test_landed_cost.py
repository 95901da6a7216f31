from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.model import schema
from fivefold.source.landed_cost import (
    Line,
    allocate,
    allocation_weights,
    defect_unit_cost,
    duty_table,
    financing_unit_cost,
    unit_volume_m3,
    unit_weight_kg,
)
from fivefold.units import to_minor

TODAY = date(2026, 11, 22)


def _duty(code: str, since: date, share: float, origin: str = "CN") -> dict[str, object]:
    return {
        "hs_code": code,
        "origin_country": origin,
        "destination_country": "US",
        "effective_from": since,
        "duty_share": share,
    }


DUTIES = duty_table(
    schema("duties").frame(
        [
            _duty("8708", date(2020, 1, 1), 0.025),
            _duty("8708", date(2026, 6, 1), 0.275),
            _duty("8708.29", date(2021, 1, 1), 0.10),
            _duty("8708", date(2020, 1, 1), 0.0, origin="MX"),
        ]
    )
)


def test_the_longest_prefix_of_the_tariff_code_sets_the_duty() -> None:
    assert DUTIES.share("8708.29.50", origin="CN", destination="US", on=TODAY) == 0.10


def test_the_rate_in_force_on_the_day_is_used() -> None:
    before = DUTIES.share("870810", origin="CN", destination="US", on=date(2026, 5, 31))
    after = DUTIES.share("870810", origin="CN", destination="US", on=date(2026, 6, 1))

    assert (before, after) == (0.025, 0.275)


def test_a_prefix_not_yet_in_force_leaves_the_shorter_one() -> None:
    share = DUTIES.share("870829", origin="CN", destination="US", on=date(2020, 6, 1))

    assert share == 0.025


def test_there_is_no_duty_inside_a_country_and_a_free_rate_is_known_to_be_zero() -> None:
    assert DUTIES.share(None, origin="US", destination="US", on=TODAY) == 0.0
    assert DUTIES.share("8708", origin="MX", destination="US", on=TODAY) == 0.0


@pytest.mark.parametrize(
    ("code", "origin"), [(None, "CN"), ("9999", "CN"), ("8708", "VN"), ("8708", None)]
)
def test_a_duty_that_nothing_tells_is_unknown_not_zero(
    code: str | None, origin: str | None
) -> None:
    assert DUTIES.share(code, origin=origin, destination="US", on=TODAY) is None


def test_a_deposit_costs_money_and_supplier_credit_earns_it() -> None:
    deposit = financing_unit_cost(
        unit_price=100,
        deposit_share=1.0,
        lead_time_days=36.5,
        payment_days=30,
        cost_of_capital_share_per_year=0.10,
    )
    credit = financing_unit_cost(
        unit_price=100,
        deposit_share=0.0,
        lead_time_days=36.5,
        payment_days=36.5,
        cost_of_capital_share_per_year=0.10,
    )

    assert deposit == pytest.approx(1.0)
    assert credit == pytest.approx(-1.0)


def test_defects_cost_the_units_bought_for_nothing() -> None:
    # 100 units at 9.50 of which 5 are bad: 950 for 95 good ones, 10.00 each.
    assert 9.5 + defect_unit_cost(landed_unit_cost=9.5, defect_share=0.05) == pytest.approx(10.0)
    with pytest.raises(ValueError, match="defect_share"):
        defect_unit_cost(landed_unit_cost=1, defect_share=1.0)


@given(
    st.integers(0, 10_000_000),
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=12),
)
def test_an_allocated_cost_adds_up_to_the_cent(cents: int, weights: list[float]) -> None:
    parts = allocate(cents / 100, weights)

    assert sum(to_minor(part) for part in parts) == to_minor(cents / 100)
    assert len(parts) == len(weights)


@given(st.integers(1, 1_000_000), st.lists(st.integers(1, 1000), min_size=2, max_size=8))
def test_a_part_is_within_a_cent_of_its_exact_share(cents: int, weights: list[int]) -> None:
    for part, weight in zip(allocate(cents / 100, weights), weights, strict=True):
        assert abs(part - cents / 100 * weight / sum(weights)) < 0.01 + 1e-9


def test_a_currency_without_cents_is_split_in_whole_units() -> None:
    assert allocate(100, [1, 1, 1], currency="JPY") == [34.0, 33.0, 33.0]


def test_costs_are_shared_by_the_first_measure_that_every_line_has() -> None:
    full = [
        Line(value=10, weight_kg=2, volume_m3=0.3),
        Line(value=30, weight_kg=6, volume_m3=0.1),
    ]
    no_cube = [full[0], Line(value=30, weight_kg=6, volume_m3=None)]
    nothing = [full[0], Line(value=30, weight_kg=None, volume_m3=None)]

    assert allocation_weights(full) == ("volume", [0.3, 0.1])
    assert allocation_weights(no_cube) == ("weight", [2, 6])
    assert allocation_weights(nothing) == ("value", [10, 30])


def test_a_unit_travels_as_its_share_of_a_carton() -> None:
    item: dict[str, object] = {
        "length_cm": 10,
        "width_cm": 10,
        "height_cm": 10,
        "weight_kg": 1.0,
        "case_quantity": 10,
        "case_length_cm": 50,
        "case_width_cm": 25,
        "case_height_cm": 12,
        "case_weight_kg": 11,
    }
    loose = {name: value for name, value in item.items() if not name.startswith("case")}

    assert math.isclose(unit_volume_m3(item) or 0, 0.0015)
    assert math.isclose(unit_weight_kg(item) or 0, 1.1)
    assert math.isclose(unit_volume_m3(loose) or 0, 0.001)
    assert unit_weight_kg(loose) == 1.0
    assert unit_volume_m3({}) is None
    assert unit_weight_kg({}) is None
