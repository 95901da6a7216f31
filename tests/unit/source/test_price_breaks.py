from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.model import Dataset
from fivefold.source.price_breaks import PriceList, price_lists

ALL_UNITS = PriceList(unit_price=10.0, breaks=((100, 9.0), (500, 8.0)))
INCREMENTAL = PriceList(unit_price=10.0, breaks=((101, 9.0), (501, 8.0)), kind="incremental")


@pytest.mark.parametrize(
    ("quantity", "total"), [(1, 10), (99, 990), (100, 900), (499, 4491), (500, 4000)]
)
def test_an_all_units_price_holds_for_every_unit(quantity: int, total: float) -> None:
    assert ALL_UNITS.total(quantity) == total


@pytest.mark.parametrize(
    ("quantity", "total"), [(100, 1000), (101, 1009), (500, 4600), (501, 4608), (600, 5400)]
)
def test_an_incremental_price_holds_for_the_units_from_the_break_on(
    quantity: int, total: float
) -> None:
    assert INCREMENTAL.total(quantity) == pytest.approx(total)


@given(st.integers(1, 2000))
def test_incremental_totals_equal_adding_unit_by_unit(quantity: int) -> None:
    unit_by_unit = sum(
        8.0 if n >= 501 else 9.0 if n >= 101 else 10.0 for n in range(1, quantity + 1)
    )

    assert INCREMENTAL.total(quantity) == pytest.approx(unit_by_unit)


def test_the_break_reached_and_the_next_one_are_told() -> None:
    assert ALL_UNITS.taken_break(99) is None
    assert ALL_UNITS.taken_break(100) == (100, 9.0)
    assert ALL_UNITS.next_break(100) == (500, 8.0)
    assert ALL_UNITS.next_break(500) is None


def test_breaks_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        PriceList(unit_price=1.0, breaks=((100, 0.9), (50, 0.8)))


def test_price_lists_are_read_from_tables_and_converted() -> None:
    dataset = Dataset(
        {
            "supplier_offers": pl.DataFrame(
                {"supplier": ["S", "T"], "item": ["A", "A"], "unit_price": [10.0, 5.0]}
            ),
            "price_breaks": pl.DataFrame(
                {
                    "supplier": ["S", "S", "T"],
                    "item": ["A", "A", "A"],
                    "from_quantity": [500, 100, 1],
                    "unit_price": [8.0, 9.0, 4.0],
                    "kind": ["incremental", "incremental", "all_units"],
                }
            ),
        }
    )

    found = price_lists(
        dataset["supplier_offers"], dataset["price_breaks"], exchange_rates={"S": 2.0}
    )

    assert found["S", "A"] == PriceList(
        unit_price=20.0, breaks=((100, 18.0), (500, 16.0)), kind="incremental"
    )
    assert found["T", "A"].total(10) == 40.0
