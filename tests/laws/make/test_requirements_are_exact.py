"""The compiled explosion equals a slow one on dictionaries and fractions."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from benchmarks.requirements import AS_OF, START, largest_error, small_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.make.requirements import Params, explode
from fivefold.model import Dataset


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_every_figure_equals_the_reference(seed: int) -> None:
    assert largest_error(small_dataset(seed)) < 1e-8


def test_the_comparison_sees_a_wrong_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = small_dataset(3)

    def wrong(given: Dataset, params: Params, *, as_of: object) -> object:
        scrapless = given["bills_of_material"].with_columns(pl.lit(0.0).alias("scrap_share"))
        return explode(given.with_tables(bills_of_material=scrapless), params, as_of=AS_OF)

    monkeypatch.setattr("benchmarks.requirements.explode", wrong)
    assert largest_error(dataset) > 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_stock_and_receipts_cover_every_need(seed: int) -> None:
    table = explode(small_dataset(seed), Params(demand="forecast"), as_of=AS_OF)["requirements"]

    for _, rows in table.sort("period_start").group_by("item", "location"):
        balance = rows["available"][0]
        for row in rows.iter_rows(named=True):
            assert row["available"] == pytest.approx(balance, abs=1e-6)
            balance += row["scheduled"] + row["planned_receipts"] - row["gross"]
            assert balance > -1e-6
            assert row["planned_receipts"] >= row["net"] - 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_all_that_is_released_is_received_within_the_horizon(seed: int) -> None:
    table = explode(small_dataset(seed), Params(demand="forecast"), as_of=AS_OF)["requirements"]

    sums = table.group_by("item").agg(pl.col("planned_receipts", "planned_releases").sum())
    assert sums["planned_receipts"].to_list() == pytest.approx(sums["planned_releases"].to_list())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_needs_scale_with_demand_where_nothing_is_in_stock_and_no_lots_bind(
    seed: int, factor: int
) -> None:
    drawn = small_dataset(seed)
    bare = Dataset(
        {
            "items": drawn["items"].with_columns(
                pl.lit(1, dtype=pl.Int64).alias("make_minimum_quantity"),
                pl.lit(1, dtype=pl.Int64).alias("make_multiple"),
            ),
            "locations": drawn["locations"],
            "operations": drawn["operations"],
            "bills_of_material": drawn["bills_of_material"].filter(~pl.col("is_by_product")),
            "forecast_means": drawn["forecast_means"],
        }
    )
    more = bare.with_tables(
        forecast_means=bare["forecast_means"].with_columns(pl.col("units_mean") * factor)
    )

    once, often = (explode(d, Params(demand="forecast"), as_of=AS_OF) for d in (bare, more))
    assert often["requirements"]["gross"].to_list() == pytest.approx(
        (once["requirements"]["gross"] * factor).to_list()
    )


def test_demand_past_the_horizon_is_left_for_a_later_run() -> None:
    drawn = small_dataset(1)
    later = drawn["forecast_means"].with_columns(pl.lit(START + timedelta(days=400)).alias(
        "period_start"
    )).unique(["item", "location", "period_start"])  # fmt: skip
    outcome = explode(
        drawn.with_tables(forecast_means=later), Params(demand="forecast"), as_of=AS_OF
    )

    assert outcome["requirements"]["gross"].sum() == pytest.approx(
        outcome["requirements"].filter(pl.col("level") > 0)["gross"].sum()
    )
