"""What people know of an item's life and of the days ahead, from the tables to the forecast."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.plan.demand import DemandParams, forecast

AS_OF = date(2026, 11, 23)
DAYS = 750
DATES = [AS_OF - timedelta(days=DAYS - i) for i in range(DAYS)]


def company(history: list[pl.DataFrame], **more: pl.DataFrame) -> Dataset:
    sales = pl.concat(history, how="diagonal")
    names = sales["item"].unique().sort().to_list()
    return Dataset(
        {
            "items": pl.DataFrame(
                {"item": names, "category": ["home"] * len(names), "price": [10.0] * len(names)}
            ),
            "calendars": pl.DataFrame({"calendar": ["c"]}),
            "locations": pl.DataFrame(
                {"location": ["W"], "kind": ["warehouse"], "calendar": ["c"], "country": ["US"]}
            ),
            "channels": pl.DataFrame({"channel": ["w"], "kind": ["fbm"], "location": ["W"]}),
            "sales_history": sales,
            **more,
        }
    )


def sold(item: str, rate: object, seed: int, days: int = DAYS, **more: object) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    units = rng.poisson(np.broadcast_to(np.asarray(rate, dtype=float), (DAYS,)))[-days:]
    frame = pl.DataFrame({"item": item, "location": "W", "date": DATES[-days:], "units": units})
    return frame.with_columns(**{k: pl.Series(k, v) for k, v in more.items()})


def weekly(outcome: object, item: str) -> np.ndarray:
    means = outcome["forecast_means"].filter(pl.col("item") == item)  # type: ignore[index]
    return np.asarray(means.sort("period_start")["units_mean"].to_numpy())


def test_an_heir_begins_where_the_item_it_replaces_left_off() -> None:
    others = [sold(f"S{k}", 3.0, k) for k in range(8)]
    history = [*others, sold("OLD", 20.0, 90), sold("HEIR", 20.0, 91, days=14)]
    made = company(history)
    items = made["items"].with_columns(
        replaces_item=pl.when(pl.col("item") == "HEIR").then(pl.lit("OLD")),
        status=pl.when(pl.col("item") == "OLD").then(pl.lit("ended")).otherwise(pl.lit("active")),
    )
    found = forecast(made.with_tables(items=items), as_of=AS_OF)
    assert weekly(found, "HEIR").mean() == pytest.approx(140, rel=0.1)
    assert "OLD" not in found["forecast_means"]["item"]
    texts = " ".join(found.why("forecast:HEIR@W")["text"])
    assert "OLD" in texts
    # Without the word of it, two weeks are two weeks and the others are what it is like.
    alone = forecast(made, as_of=AS_OF)
    assert "OLD" not in " ".join(alone.why("forecast:HEIR@W")["text"]).split("most alike")[0]


def test_a_planned_promotion_and_a_price_cut_are_named_and_lift_demand() -> None:
    rng = np.random.default_rng(3)
    history = []
    for k in range(8):
        promoted = np.zeros(DAYS, dtype=bool)
        for start in rng.choice(np.arange(30, DAYS - 30), 9, replace=False):
            promoted[start : start + 7] = True
        rate = np.where(promoted, 18.0, 6.0)
        price = np.where(promoted, 8.0, 10.0)
        history.append(sold(f"S{k}", rate, k, is_promotion=promoted, price=price))
    made = company(history)
    week = [AS_OF + timedelta(days=14 + i) for i in range(7)]
    coming = pl.DataFrame(
        {
            "item": ["S0"] * 7,
            "location": ["W"] * 7,
            "date": week,
            "price": [8.0] * 7,
            "is_promotion": [True] * 7,
        }
    )
    told = made.with_tables(forecast_inputs=coming)
    found = forecast(told, DemandParams(periods=8), as_of=AS_OF)
    path = weekly(found, "S0")
    assert path[2] > 1.5 * np.delete(path, 2).mean()
    assert max(weekly(found, "S1")) < 1.3 * weekly(found, "S1").mean()
    texts = " ".join(found.why("forecast:S0@W")["text"])
    assert "promotion" in texts.lower()
    assert "promotion" not in " ".join(found.why("forecast:S1@W")["text"]).lower()


def test_a_season_that_two_years_agree_on_comes_again() -> None:
    month = np.array([day.month for day in DATES])
    rate = np.where(month == 12, 14.0, 5.0)
    found = forecast(company([sold(f"S{k}", rate, k) for k in range(12)]), as_of=AS_OF)
    mean = sum(weekly(found, f"S{k}") for k in range(12))
    december, spring = mean[1:5].mean(), mean[12:].mean()
    assert december > 1.8 * spring
    assert "time of the year" in " ".join(found.why("forecast:S3@W")["text"])


def test_a_peak_of_one_year_alone_is_not_taken_for_a_season() -> None:
    last = np.array([day.year == 2025 and day.month == 12 for day in DATES])
    rate = np.where(last, 14.0, 5.0)
    found = forecast(company([sold(f"S{k}", rate, k) for k in range(12)]), as_of=AS_OF)
    assert "time of the year" not in " ".join(found.explanations["text"])


def test_public_holidays_are_heard_in_daily_forecasts() -> None:
    import holidays

    free = holidays.country_holidays("US", years=[2024, 2025, 2026], observed=False)
    rate = np.array([1.0 if day in free else 12.0 for day in DATES])
    found = forecast(
        company([sold(f"S{k}", rate, k) for k in range(8)]),
        DemandParams(periods=42, period_days=1),
        as_of=AS_OF,
    )
    means = found["forecast_means"].group_by("period_start").agg(pl.col("units_mean").sum())
    by_day = dict(means.iter_rows())
    christmas = by_day[date(2026, 12, 25)]
    usual = np.mean([by_day[date(2026, 12, d)] for d in (11, 18)])
    assert christmas < 0.75 * usual
    assert "Christmas" in " ".join(found.why("forecast:S0@W")["text"])
