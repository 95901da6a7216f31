from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.plan.demand.judgement import consensus, override_factors, value_added

WEEKS = [date(2026, 1, 5), date(2026, 1, 12)]


def _means(units: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"item": "A", "location": "W", "period_start": WEEKS, "units_mean": units})


def test_an_addition_for_all_places_is_split_in_proportion() -> None:
    means = pl.concat(
        [_means([30.0, 30.0]), _means([10.0, 10.0]).with_columns(location=pl.lit("V"))]
    )
    override = pl.DataFrame(
        {
            "override": ["o"],
            "item": ["A"],
            "location": [None],
            "starts_on": [WEEKS[0]],
            "ends_on": [WEEKS[0]],
            "action": ["add"],
            "value": [20.0],
            "author": ["Ann"],
            "reason": ["fair"],
            "made_on": [None],
            "expires_on": [None],
        },
        schema_overrides={"location": pl.String, "made_on": pl.Date, "expires_on": pl.Date},
    )
    found = override_factors(means, override, as_of=WEEKS[0], period_days=7)
    assert sorted(found["units_after"].to_list()) == [15.0, 45.0]


def test_a_step_that_does_harm_has_negative_value() -> None:
    actual = _means([10.0, 10.0]).rename({"units_mean": "units"})
    steps = {
        "naive": _means([14.0, 6.0]),
        "model": _means([11.0, 9.0]),
        "boss": _means([20.0, 20.0]),
    }
    found = value_added(steps, actual)
    assert found["wape"].to_list() == pytest.approx([0.4, 0.1, 1.0])
    assert found["value_added"].to_list()[1:] == pytest.approx([0.3, -0.9])


def test_who_was_right_before_weighs_more() -> None:
    opinions = pl.concat(
        [
            _means([100.0, 100.0]).with_columns(author=pl.lit("good")),
            _means([200.0, 200.0]).with_columns(author=pl.lit("bad")),
        ]
    )
    record = pl.DataFrame(
        {
            "author": ["good"] * 20 + ["bad"] * 20,
            "units_mean": [11.0] * 20 + [20.0] * 20,
            "units": [10.0] * 40,
        }
    )
    found = consensus(opinions, record)
    assert 100 < found["units_mean"][0] < 130
    assert found["authors"].to_list() == [2, 2]
