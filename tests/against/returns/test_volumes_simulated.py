"""Known shares and delays, drawn by chance, are found again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.returns.volumes import (
    VolumeParams,
    forecast_returns,
    lag_distribution,
    prior_weight,
    return_shares,
)

AS_OF = date(2026, 11, 22)
TRUE = {"A": 0.12, "B": 0.03}


def sold_and_returned(rng: np.random.Generator, days: int = 120, a_day: int = 25) -> Dataset:
    start = AS_OF - timedelta(days=days - 1)
    orders, back = [], []
    for item, share in TRUE.items():
        for day in range(days):
            for number in range(a_day):
                name = f"{item}-{day}-{number}"
                on = datetime.combine(start, datetime.min.time(), UTC) + timedelta(days=day)
                orders.append((name, 1, item, "FBA", 1, on, "delivered"))
                if rng.random() < share:
                    came = on + timedelta(days=int(rng.poisson(20)))
                    if came.date() <= AS_OF:
                        back.append((f"R{name}", name, item, came, 1, "SELLABLE"))
    weeks = [AS_OF + timedelta(days=1 + 7 * week) for week in range(26)]
    return Dataset(
        {
            "items": pl.DataFrame({"item": ["A", "B"], "category": ["x", "y"]}),
            "channels": pl.DataFrame({"channel": ["FBA"], "kind": ["fba"], "location": ["NET"]}),
            "orders": pl.DataFrame(
                orders,
                schema=["order", "line", "item", "channel", "quantity", "ordered_at", "status"],
                orient="row",
            ),
            "returns": pl.DataFrame(
                back,
                schema=["return_id", "order", "item", "returned_at", "quantity", "disposition"],
                orient="row",
            ),
            "forecast_means": pl.DataFrame(
                [
                    {"item": item, "location": "NET", "period_start": week, "units_mean": 175.0}
                    for item in TRUE
                    for week in weeks
                ]
            ),
        }
    )


def test_shares_of_young_sales_are_not_pulled_down() -> None:
    dataset = sold_and_returned(np.random.default_rng(5))
    outcome = forecast_returns(dataset, as_of=AS_OF)
    found = outcome.notes["return_share"]
    assert isinstance(found, dict)
    for item, share in TRUE.items():
        spread = np.sqrt(share * (1 - share) / 2500)
        assert abs(found[item] - share) < 4 * spread
    # Counting returns over all sales, as if all had had their time, is too low by a sixth.
    naive = dataset["returns"].filter(pl.col("item") == "A").height / 3000
    assert abs(found["A"] - 0.12) < abs(naive - 0.12)


def test_returns_of_sales_before_the_history_do_not_raise_the_share() -> None:
    dataset = sold_and_returned(np.random.default_rng(10), days=120)
    short = forecast_returns(dataset, VolumeParams(history_days=60), as_of=AS_OF)
    found = short.notes["return_share"]
    assert isinstance(found, dict)
    # About 1,500 units of which two thirds have had their time.
    assert abs(found["A"] - 0.12) < 4 * np.sqrt(0.12 * 0.88 / 1000)
    came = dataset["returns"].filter(
        (pl.col("item") == "A") & (pl.col("returned_at").dt.date() > AS_OF - timedelta(days=60))
    )
    assert came.height / 1000 > found["A"] + 0.03


def test_in_the_long_run_returns_are_share_times_sales() -> None:
    outcome = forecast_returns(sold_and_returned(np.random.default_rng(6)), as_of=AS_OF)
    later = outcome["returns_forecast"].filter(pl.col("period_start") >= AS_OF + timedelta(days=91))
    for item, share in TRUE.items():
        weekly = later.filter(pl.col("item") == item)["units_mean"].mean()
        assert weekly == pytest.approx(175 * share, rel=0.25)
    assert (later["sellable_units_mean"] <= later["units_mean"] + 1e-9).all()


def test_the_delay_is_found_through_right_truncation() -> None:
    rng = np.random.default_rng(7)
    lag = rng.geometric(1 / 15, 80_000) - 1
    lag = lag[lag <= 60]
    seen = rng.integers(0, 61, len(lag))
    kept = lag <= seen
    found = lag_distribution(lag[kept], seen[kept], np.ones(kept.sum()), longest_days=60)
    mean = float((np.arange(61) * found).sum())
    assert found.sum() == pytest.approx(1.0)
    assert mean == pytest.approx(lag.mean(), abs=0.5)
    # The delays that could be seen alone are far too short.
    assert lag[kept].mean() < 0.8 * lag.mean()


def test_the_prior_of_a_category_is_found_from_many_items() -> None:
    rng = np.random.default_rng(8)
    shares = rng.beta(8.0, 92.0, 4000)
    sold = np.full(4000, 200)
    assert prior_weight(sold, rng.binomial(sold, shares), mean=0.08) == pytest.approx(100, rel=0.15)


def test_drawn_shares_are_closer_to_the_truth_than_own_ones() -> None:
    rng = np.random.default_rng(9)
    true = rng.beta(4.0, 46.0, 300)
    sold = rng.integers(5, 60, 300)
    back = rng.binomial(sold, true)
    counts = pl.DataFrame(
        {
            "item": [f"{n:03}" for n in range(300)],
            "category": ["c"] * 300,
            "sold": sold.astype(float),
            "returned": back.astype(float),
        }
    )
    drawn = return_shares(counts, VolumeParams())["share"].to_numpy()
    own = back / sold
    assert ((drawn - true) ** 2).mean() < 0.5 * ((own - true) ** 2).mean()
