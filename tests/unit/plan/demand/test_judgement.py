from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from fivefold.plan.demand.judgement import (
    consensus,
    consensus_weights,
    override_factors,
    track_records,
    value_added,
)

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


def _said(source: str, errors: np.ndarray, item: str = "A") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source": source,
            "item": item,
            "location": "",
            "scale": 1.0,
            "said": 10.0 + errors,
            "came": 10.0,
        }
    )


def _weights(record: pl.DataFrame, sources: list[str], **more: float) -> dict[str, float]:
    streams = pl.DataFrame({"source": sources, "item": "A", "location": ""})
    found = consensus_weights(streams, record, **more)
    return dict(found.select("source", "weight").iter_rows())


def test_weights_are_inverse_to_the_squared_error_as_bates_and_granger_have_it() -> None:
    rng = np.random.default_rng(3)
    record = pl.concat(
        [_said("good", rng.normal(0, 1, 4000)), _said("bad", rng.normal(0, 2, 4000))]
    )
    found = _weights(record, ["good", "bad"])
    # k = s2^2 / (s1^2 + s2^2) where errors are independent.
    assert found["good"] == pytest.approx(0.8, abs=0.02)


def test_a_consensus_errs_as_little_as_theory_says() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.normal(0, 1, 20_000), rng.normal(0, 2, 20_000)
    weight = _weights(pl.concat([_said("one", one[:500]), _said("two", two[:500])]), ["one", "two"])
    both = weight["one"] * one[500:] + weight["two"] * two[500:]
    # Variance of the best combination of independent errors: s1^2 s2^2 / (s1^2 + s2^2).
    assert (both**2).mean() == pytest.approx(0.8, rel=0.03)


def test_without_a_record_all_weigh_alike_and_few_spans_say_little() -> None:
    nothing = _said("good", np.ones(1)).head(0)
    assert _weights(nothing, ["good", "bad"]) == pytest.approx({"good": 0.5, "bad": 0.5})
    few = pl.concat([_said("good", np.array([1.0])), _said("bad", np.array([3.0]))])
    many = pl.concat([_said("good", np.full(50, 1.0)), _said("bad", np.full(50, 3.0))])
    little, much = _weights(few, ["good", "bad"]), _weights(many, ["good", "bad"])
    assert 0.5 < little["good"] < 0.62
    assert much["good"] > 0.85


def test_a_source_is_weighed_by_its_record_elsewhere_where_it_has_none() -> None:
    record = pl.concat([_said("good", np.full(60, 0.5), "B"), _said("bad", np.full(60, 4.0), "B")])
    assert _weights(record, ["good", "bad"])["good"] > 0.8


def test_who_is_silent_about_a_period_is_left_out_of_it() -> None:
    opinions = pl.concat(
        [
            _means([100.0, 100.0]).with_columns(source=pl.lit("sales"), weight=pl.lit(0.75)),
            _means([200.0, 200.0])
            .head(1)
            .with_columns(source=pl.lit("marketing"), weight=pl.lit(0.25)),
        ]
    )
    found = consensus(opinions)
    assert found["units_mean"].to_list() == pytest.approx([125.0, 100.0])
    assert found["sources"].to_list() == [2, 1]


def test_a_record_is_told_by_stream_and_over_all() -> None:
    record = pl.concat([_said("sales", np.array([2.0, -1.0])), _said("sales", np.ones(1), "B")])
    found = track_records(record)
    own = found.filter(pl.col("item") == "A").row(0, named=True)
    assert (own["spans"], own["wape"], own["bias"]) == (2, 0.15, pytest.approx(0.05))
    assert found.filter(pl.col("item").is_null())["wape"][0] == pytest.approx(4 / 30)
