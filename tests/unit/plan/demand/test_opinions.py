from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.plan.demand import forecast, judge_steps

AS_OF = date(2026, 11, 23)
DAYS = 560


def _company(**more: pl.DataFrame) -> Dataset:
    rng = np.random.default_rng(11)
    dates = [AS_OF - timedelta(days=DAYS - i) for i in range(DAYS)]
    history = [
        pl.DataFrame({"item": item, "location": place, "date": dates}).with_columns(
            pl.Series("units", rng.poisson(rate, DAYS))
        )
        for item, place, rate in (("A", "W", 6.0), ("A", "V", 2.0), ("B", "W", 9.0), ("C", "W", 4))
    ]
    return Dataset(
        {
            "items": pl.DataFrame(
                {"item": ["A", "B", "C"], "category": ["home", "home", "toys"], "price": [9.0] * 3}
            ),
            "calendars": pl.DataFrame({"calendar": ["c"]}),
            "locations": pl.DataFrame(
                {"location": ["W", "V"], "kind": ["warehouse"] * 2, "calendar": ["c"] * 2}
            ),
            "channels": pl.DataFrame(
                {"channel": ["w", "v"], "kind": ["fbm", "fbm"], "location": ["W", "V"]}
            ),
            "sales_history": pl.concat(history),
            **more,
        }
    )


def _opinion(
    units: float, start: date, *, days: int = 28, source: str = "sales", item: str = "A", **more
) -> dict[str, object]:
    return {
        "source": source,
        "item": item,
        "location": "",
        "starts_on": start,
        "ends_on": start + timedelta(days=days - 1),
        "units": units,
        "author": "Ann",
        "reason": "new shop",
        "made_on": min(start - timedelta(days=7), AS_OF),
        "expires_on": None,
        **more,
    }


def _opinions(*rows: dict[str, object]) -> pl.DataFrame:
    kinds = {"expires_on": pl.Date, "made_on": pl.Date, "starts_on": pl.Date, "ends_on": pl.Date}
    return pl.DataFrame(list(rows), schema_overrides=kinds)


def _past(company: Dataset, source: str, factor: float, count: int = 12) -> list[dict[str, object]]:
    """Opinions of past spans of four weeks, each so many times what came."""
    history = company["sales_history"].filter(pl.col("item") == "A")
    rows = []
    for k in range(1, count + 1):
        start = AS_OF - timedelta(days=28 * k)
        span = pl.col("date").is_between(start, start + timedelta(days=27))
        came = history.filter(span)["units"].sum()
        rows.append(_opinion(factor * came, start, source=source))
    return rows


@pytest.fixture(scope="module")
def plain():
    return forecast(_company(), as_of=AS_OF)


def _units(outcome, item: str, weeks: int = 4) -> float:
    means = outcome["forecast_means"].filter(pl.col("item") == item)
    last = AS_OF + timedelta(days=7 * weeks)
    return float(means.filter(pl.col("period_start") < last)["units_mean"].sum())


def test_an_opinion_without_a_record_counts_as_much_as_the_statistics(plain) -> None:
    before = _units(plain, "A")
    told = _opinions(_opinion(2 * before, AS_OF))
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)
    weights = dict(found["forecast_sources"].select("source", "weight").iter_rows())
    expected = before * (weights["statistics"] + 2 * weights["sales"])
    assert _units(found, "A") == pytest.approx(expected, rel=1e-6)
    assert weights["sales"] == pytest.approx(0.5, abs=0.25)
    # What it does not speak of stays as it was.
    assert _units(found, "B") == pytest.approx(_units(plain, "B"))
    later = pl.col("period_start") >= AS_OF + timedelta(days=28)
    assert found["forecast_means"].filter(later)["units_mean"].sum() == pytest.approx(
        plain["forecast_means"].filter(later)["units_mean"].sum()
    )


def test_all_places_of_an_item_keep_their_mix_and_the_reasons_name_who_said_what(plain) -> None:
    told = _opinions(_opinion(2 * _units(plain, "A"), AS_OF))
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)
    both = found["forecast_means"].join(
        plain["forecast_means"], on=["item", "location", "period_start"], suffix="_before"
    )
    first = both.filter((pl.col("item") == "A") & (pl.col("period_start") == AS_OF))
    ratios = (first["units_mean"] / first["units_mean_before"]).to_list()
    assert ratios[0] == pytest.approx(ratios[1])
    assert ratios[0] > 1.2
    texts = " ".join(found.why("forecast:A@W")["text"])
    assert "sales (Ann" in texts
    assert "Consensus of statistics" in texts
    assert "new shop" in texts


def test_who_was_right_before_weighs_more_than_who_was_not(plain) -> None:
    company = _company()
    double = 2 * _units(plain, "A")
    told = _opinions(
        *_past(company, "sales", 1.02),
        *_past(company, "marketing", 1.9),
        _opinion(double, AS_OF),
        _opinion(double, AS_OF, source="marketing"),
    )
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)["forecast_sources"]
    row = {one["source"]: one for one in found.iter_rows(named=True)}
    assert row["sales"]["weight"] > 4 * row["marketing"]["weight"]
    assert row["marketing"]["bias"] == pytest.approx(0.9, abs=0.01)
    assert row["sales"]["spans"] == row["marketing"]["spans"] == 12
    assert row["statistics"]["spans"] > 0
    assert sum(one["weight"] for one in row.values()) == pytest.approx(1.0)


def test_hindsight_is_no_record() -> None:
    company = _company()
    late = [
        {**one, "made_on": one["ends_on"] + timedelta(days=1)}
        for one in _past(company, "sales", 1.0)
    ]
    told = _opinions(*late, _opinion(500.0, AS_OF))
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)["forecast_sources"]
    assert found.filter(pl.col("source") == "sales")["spans"].to_list() == [0]


def test_opinions_that_expired_or_are_of_tomorrow_move_nothing(plain) -> None:
    told = _opinions(
        _opinion(9000.0, AS_OF, expires_on=AS_OF - timedelta(days=1)),
        _opinion(9000.0, AS_OF, item="B", made_on=AS_OF + timedelta(days=1)),
    )
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)
    assert found["forecast_means"].equals(plain["forecast_means"])
    assert found["forecast_sources"].height == 0


def test_an_opinion_about_nothing_that_is_forecast_is_named() -> None:
    told = _opinions(_opinion(50.0, AS_OF, location="Z"))
    found = forecast(_company(forecast_opinions=told), as_of=AS_OF)
    assert "no forecast" in found.why("forecast")["text"][0]


def test_an_override_has_the_last_word(plain) -> None:
    override = pl.DataFrame(
        {
            "override": ["o"],
            "item": ["A"],
            "location": ["W"],
            "starts_on": [AS_OF],
            "ends_on": [AS_OF + timedelta(days=6)],
            "action": ["set"],
            "value": [77.0],
            "author": ["Bea"],
            "reason": ["count"],
        }
    )
    told = _opinions(_opinion(2 * _units(plain, "A"), AS_OF))
    found = forecast(_company(forecast_opinions=told, forecast_overrides=override), as_of=AS_OF)
    steps = found["forecast_steps"].filter(pl.col("location") == "W", pl.col("item") == "A")
    row = steps.sort("period_start").row(0, named=True)
    assert row["units_overridden"] == pytest.approx(77.0)
    assert row["units_consensus"] > 1.2 * row["units_statistical"]
    assert row["units_naive"] is not None


def test_a_permutation_of_the_rows_changes_nothing(plain) -> None:
    rows = [
        *_past(_company(), "sales", 1.1),
        _opinion(400.0, AS_OF),
        _opinion(90.0, AS_OF, item="B"),
    ]
    one = forecast(_company(forecast_opinions=_opinions(*rows)), as_of=AS_OF)
    two = forecast(_company(forecast_opinions=_opinions(*reversed(rows))), as_of=AS_OF)
    assert one["forecast_means"].equals(two["forecast_means"])


def test_each_step_is_judged_by_what_came_since() -> None:
    past = AS_OF - timedelta(days=84)
    right = _opinions(*_past(_company(), "sales", 1.0, 3))
    wrong = pl.DataFrame(
        {
            "override": ["o"],
            "item": ["B"],
            "starts_on": [past],
            "action": ["multiply"],
            "value": [3.0],
            "author": ["Bea"],
            "reason": ["hope"],
        }
    )
    company = _company(forecast_opinions=right, forecast_overrides=wrong)
    made = forecast(company, as_of=past)["forecast_steps"]
    found = judge_steps(company.with_tables(forecast_steps=made), as_of=AS_OF)
    table = found["forecast_value_added"].filter(pl.col("category") == "")
    row = {one["step"]: one for one in table.iter_rows(named=True)}
    assert row["statistical"]["value_added"] > 0
    assert row["consensus"]["changed"] == 8
    assert row["overridden"]["value_added"] < -0.2
    assert row["overridden"]["wape"] == pytest.approx(
        row["consensus"]["wape"] - row["overridden"]["value_added"]
    )
    # By hand: the naive step of B, twelve weeks of it a year before.
    assert row["naive"]["periods"] == 48
    daily = company["sales_history"].filter(pl.col("date") >= past)
    came = daily.group_by(
        "item", "location", week=(pl.col("date") - past).dt.total_days() // 7
    ).agg(pl.col("units").sum())
    last_year = (
        company["sales_history"]
        .with_columns(pl.col("date") + timedelta(days=364))
        .filter(pl.col("date") >= past, pl.col("date") < AS_OF)
        .group_by("item", "location", week=(pl.col("date") - past).dt.total_days() // 7)
        .agg(naive=pl.col("units").sum())
    )
    both = came.join(last_year, on=["item", "location", "week"])
    by_hand = (both["units"] - both["naive"]).abs().sum() / both["units"].sum()
    assert row["naive"]["wape"] == pytest.approx(by_hand)


def test_nothing_that_is_over_is_an_answer_and_not_an_error(plain) -> None:
    company = _company(forecast_steps=plain["forecast_steps"])
    found = judge_steps(company, as_of=AS_OF)
    assert found.status == "infeasible"
    assert found.explanations is not None
