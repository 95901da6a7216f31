"""The made-up world draws what history says: level, season, scatter, lead times."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.twin.world import demand_model, lead_time_days

AS_OF = date(2026, 11, 22)


def history(units: dict[str, list[float]], *, days: int) -> Dataset:
    """Return a company whose items sold these units, repeated week after week."""
    rows = [
        {
            "item": item,
            "location": "W",
            "date": AS_OF - timedelta(days=back),
            "units": week[(AS_OF - timedelta(days=back)).weekday()],
            "in_stock_share": 1.0,
        }
        for item, week in units.items()
        for back in range(days, 0, -1)
    ]
    items = [{"item": item, "category": "C", "status": "active"} for item in units]
    return Dataset({"sales_history": pl.DataFrame(rows), "items": pl.DataFrame(items)})


def test_the_mean_of_demand_is_that_of_the_history_it_goes_on_from() -> None:
    week = [4.0, 4.0, 4.0, 4.0, 4.0, 8.0, 0.0]
    model = demand_model(
        history({"A": week, "B": [2 * u for u in week]}, days=728), as_of=AS_OF, days=28
    )
    assert model.mean_units.mean(axis=1) == pytest.approx([4.0, 8.0], rel=0.02)
    saturday = (5 - AS_OF.weekday()) % 7
    assert model.mean_units[0, saturday] == pytest.approx(8.0, rel=0.03)


def test_draws_have_the_mean_and_the_scatter_of_the_model() -> None:
    dataset = history({"A": [5.0] * 7}, days=400)
    model = demand_model(dataset, as_of=AS_OF, days=50)
    rng = np.random.default_rng(11)
    draws = np.concatenate([model.draw(rng) for _ in range(800)], axis=1)
    # A level drawn once a replication: its spread over 800 of them bounds what the mean can miss.
    assert draws.mean() == pytest.approx(5.0, rel=0.03)
    doubled = np.concatenate(
        [model.draw(np.random.default_rng(i), factor=2.0) for i in range(200)], axis=1
    )
    assert doubled.mean() == pytest.approx(10.0, rel=0.05)


def test_days_out_of_stock_do_not_pull_the_level_down() -> None:
    dataset = history({"A": [6.0] * 7}, days=300)
    rows = dataset["sales_history"].with_columns(
        units=pl.when(pl.col("date").dt.day() <= 10).then(0.0).otherwise("units"),
        in_stock_share=pl.when(pl.col("date").dt.day() <= 10).then(0.0).otherwise(1.0),
    )
    model = demand_model(dataset.with_tables(sales_history=rows), as_of=AS_OF, days=14)
    assert model.mean_units.mean() == pytest.approx(6.0, rel=0.05)


def test_a_weekday_without_records_is_taken_for_an_ordinary_one() -> None:
    dataset = history({"A": [10.0] * 7}, days=200)
    rows = dataset["sales_history"].filter(pl.col("date").dt.weekday() != 7)
    model = demand_model(dataset.with_tables(sales_history=rows), as_of=AS_OF, days=14)
    assert model.mean_units.ravel() == pytest.approx([10.0] * 14, rel=0.02)


def test_what_has_ended_is_not_wanted_any_more() -> None:
    dataset = history({"A": [5.0] * 7, "B": [5.0] * 7, "N": [5.0] * 7}, days=120)
    items = pl.DataFrame(
        {
            "item": ["A", "B", "N"],
            "category": ["C"] * 3,
            "status": ["ended", "active", "active"],
            "ends_on": [None, AS_OF + timedelta(days=2), None],
            "launched_on": [None, None, AS_OF + timedelta(days=3)],
        }
    )
    model = demand_model(dataset.with_tables(items=items), as_of=AS_OF, days=7)
    assert ((model.mean_units > 0).tolist()) == [
        [False] * 7,
        [True] * 3 + [False] * 4,
        [False] * 3 + [True] * 4,
    ]


def test_no_history_is_no_demand() -> None:
    model = demand_model(Dataset({}), as_of=AS_OF, days=7)
    assert model.draw(np.random.default_rng(1)).shape == (0, 7)


def test_lead_times_have_the_mean_and_deviation_asked_for() -> None:
    uniforms = np.random.default_rng(5).uniform(1e-9, 1 - 1e-9, size=40_000)
    days = lead_time_days(uniforms, mean=30.0, sd=6.0)
    assert days.mean() == pytest.approx(30.0, abs=0.1)
    # Rounding to whole days adds a twelfth to the variance.
    assert days.std() == pytest.approx((36 + 1 / 12) ** 0.5, abs=0.1)
    assert days.min() >= 0


def test_a_lead_time_without_deviation_is_its_mean_and_luck_is_monotone() -> None:
    assert lead_time_days(np.array([0.01, 0.99]), mean=12.0, sd=0.0).tolist() == [12, 12]
    many = lead_time_days(np.linspace(0.01, 0.99, 99), mean=20.0, sd=5.0)
    assert (np.diff(many) >= 0).all()
