from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.plan.demand import DemandParams, forecast

AS_OF = date(2026, 11, 22)
DAYS = 500


def _bag(**more: pl.DataFrame) -> Dataset:
    rng = np.random.default_rng(7)
    dates = [AS_OF - timedelta(days=DAYS - i) for i in range(DAYS)]
    history = []
    for k in range(12):
        for place, share in (("FBA-US", 0.7), ("WH1", 0.3)):
            units = rng.poisson((2 + k) * share, DAYS)
            history.append(
                pl.DataFrame(
                    {"item": f"S{k:02d}", "location": place, "date": dates, "units": units}
                )
            )
    names = [f"S{k:02d}" for k in range(12)]
    tables = {
        "items": pl.DataFrame(
            {
                "item": [*names, "NEW", "BOLT"],
                "category": ["home"] * 14,
                "price": [10.0 + k for k in range(12)] + [15.0, 0.1],
                "item_kind": ["finished"] * 13 + ["component"],
            }
        ),
        "calendars": pl.DataFrame({"calendar": ["c"]}),
        "locations": pl.DataFrame(
            {
                "location": ["FBA-US", "WH1"],
                "kind": ["fulfilment_network", "warehouse"],
                "calendar": ["c", "c"],
                "country": ["US", "US"],
            }
        ),
        "channels": pl.DataFrame(
            {"channel": ["FBA", "FBM"], "kind": ["fba", "fbm"], "location": ["FBA-US", "WH1"]}
        ),
        "offers": pl.DataFrame({"item": ["NEW"], "channel": ["FBA"]}),
        "sales_history": pl.concat(history),
    }
    return Dataset({**tables, **more})


@pytest.fixture(scope="module")
def outcome():
    return forecast(_bag(), as_of=AS_OF)


def test_every_item_place_and_period_has_rising_quantiles_and_a_mean(outcome) -> None:
    means, quantiles = outcome["forecast_means"], outcome["forecasts"]
    assert means.height == 25 * 26
    assert means["period_start"].min() == date(2026, 11, 23)
    assert quantiles["quantile"].n_unique() >= 19
    rising = quantiles.group_by("item", "location", "period_start").agg(
        (pl.col("units").sort_by("quantile").diff().drop_nulls() >= -1e-9).all()
    )
    assert rising["units"].all()


def test_the_result_tables_keep_the_schema(outcome) -> None:
    assert _bag().with_tables(**outcome.tables).validate()


def test_the_mean_is_near_the_rate_that_made_the_history(outcome) -> None:
    weekly = outcome["forecast_means"].filter(pl.col("item") != "NEW")["units_mean"].sum() / 26
    assert weekly == pytest.approx(7 * sum(2 + k for k in range(12)), rel=0.06)


def test_components_have_no_forecast_of_their_own(outcome) -> None:
    assert "BOLT" not in outcome["forecast_means"]["item"]


def test_an_offer_that_never_sold_is_expected_to_do_as_alike_items_do(outcome) -> None:
    new = outcome["forecast_means"].filter(pl.col("item") == "NEW")
    assert new["method"].unique().to_list() == ["analogue"]
    assert 10 < new["units_mean"][0] < 60
    assert "S05" in outcome.why("forecast:NEW@FBA-US")["text"][0]


def test_every_forecast_says_its_method_and_the_next_best(outcome) -> None:
    codes = outcome.why("forecast:S03@WH1")["reason_code"].to_list()
    assert codes[:2] == ["forecast_method", "next_best"]


def test_the_same_data_gives_the_same_forecast(outcome) -> None:
    again = forecast(_bag(), as_of=AS_OF)
    assert again["forecasts"].equals(outcome["forecasts"])


def test_demand_ends_with_the_last_day_on_sale() -> None:
    items = _bag()["items"].with_columns(
        pl.when(pl.col("item") == "S01").then(pl.lit(date(2026, 12, 10))).alias("ends_on")
    )
    found = forecast(_bag(items=items), as_of=AS_OF)
    one = found["forecast_means"].filter((pl.col("item") == "S01") & (pl.col("location") == "WH1"))
    assert (one["units_mean"].to_numpy()[:3] > 0).all()
    assert (one["units_mean"].to_numpy()[3:] == 0).all()
    assert "rule" in found.why("forecast:S01@WH1")["reason_code"]


def test_an_override_moves_the_forecast_until_it_expires(outcome) -> None:
    override = pl.DataFrame(
        {
            "override": ["o1", "o2"],
            "item": ["S02", "S02"],
            "location": ["WH1", "WH1"],
            "starts_on": [date(2026, 11, 23)] * 2,
            "ends_on": [date(2026, 11, 29)] * 2,
            "action": ["multiply", "multiply"],
            "value": [2.0, 100.0],
            "author": ["Ann", "Bob"],
            "reason": ["show", "old"],
            "expires_on": [None, date(2026, 1, 1)],
        }
    )
    found = forecast(_bag(forecast_overrides=override), as_of=AS_OF)
    where = (pl.col("item") == "S02") & (pl.col("location") == "WH1")
    before = outcome["forecast_means"].filter(where)["units_mean"].to_numpy()
    after = found["forecast_means"].filter(where)["units_mean"].to_numpy()
    assert after[0] == pytest.approx(2 * before[0])
    assert after[1:] == pytest.approx(before[1:])
    assert "Ann" in " ".join(found.why("forecast:S02@WH1")["text"])


def test_no_history_is_an_answer_and_not_an_error() -> None:
    found = forecast(Dataset(), as_of=AS_OF)
    assert found.status == "infeasible"
    assert found.explanations is not None


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="periods must be at least 1, found 0"):
        DemandParams(periods=0)
    with pytest.raises(ValueError, match="levels must rise"):
        DemandParams(levels=(0.9, 0.1))


def test_a_planned_promotion_lifts_demand_as_past_ones_did() -> None:
    bag = _bag()
    rng = np.random.default_rng(1)
    # Three weeks of eleven: no whole number of them makes a year, so the season cannot tell.
    weeks = (pl.col("date") - date(2025, 1, 6)).dt.total_days() // 7
    promoted = (weeks * 4 % 11) < 3
    history = bag["sales_history"].with_columns(promoted.alias("is_promotion"))
    history = history.with_columns(
        pl.when("is_promotion")
        .then(pl.Series(rng.poisson(history["units"].to_numpy() * 2.0)))
        .otherwise("units")
        .alias("units")
    )
    coming = pl.DataFrame(
        {
            "item": "S05",
            "location": "FBA-US",
            "date": [date(2026, 12, 7) + timedelta(days=i) for i in range(7)],
            "is_promotion": True,
        }
    )
    found = forecast(_bag(sales_history=history, forecast_inputs=coming), as_of=AS_OF)
    path = (
        found["forecast_means"]
        .filter((pl.col("item") == "S05") & (pl.col("location") == "FBA-US"))["units_mean"]
        .to_numpy()
    )
    assert path[2] > 1.25 * path[[0, 1, 4, 5]].mean()
