"""Elasticities: what a made record holds comes out of it, and families lend what is missing."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.plan.price.elasticity import ElasticityParams, estimate_elasticities
from fivefold.plan.price.poisson_fit import fit_poisson
from fivefold.plan.price.shrinkage import shrink

AS_OF = date(2026, 6, 1)
WEEKS = 60


def _dataset(elasticities: dict[str, float], *, moves: set[str], seed: int = 1) -> Dataset:
    rng = np.random.default_rng(seed)
    rows, items = [], []
    for item, elasticity in elasticities.items():
        items.append(
            {"item": item, "family": item[0], "item_kind": "finished", "unit_of_measure": "each"}
        )
        price = np.full(WEEKS, 20.0)
        if item in moves:
            price = 20.0 * np.exp(rng.normal(0, 0.15, WEEKS).round(2))
        season = 1.0 + 0.3 * np.sin(np.arange(WEEKS) / 52 * 2 * np.pi)
        mean = 60.0 * season * (price / 20.0) ** elasticity
        for week in range(WEEKS):
            day = AS_OF - timedelta(weeks=WEEKS - week)
            rows.append(
                {
                    "item": item,
                    "location": "W",
                    "date": day,
                    "units": int(rng.poisson(mean[week])),
                    "price": float(price[week]),
                    "is_promotion": False,
                }
            )
    return Dataset(
        {
            "items": schema("items").frame(items),
            "sales_history": schema("sales_history").frame(rows),
        }
    )


def _own(dataset: Dataset) -> dict[str, dict[str, float]]:
    table = estimate_elasticities(dataset, as_of=AS_OF)["price_elasticities"]
    return {row["item"]: row for row in table.filter(with_item="").to_dicts()}


def test_the_elasticity_put_in_comes_out_within_its_interval() -> None:
    truth = {"A1": -1.0, "A2": -2.0, "B1": -3.0, "B2": -2.5}
    found = _own(_dataset(truth, moves=set(truth)))
    for item, elasticity in truth.items():
        row = found[item]
        assert abs(row["elasticity"] - elasticity) < 3.0 * row["elasticity_sd"]
        assert row["own_share"] > 0.5


def test_an_item_whose_price_never_moved_takes_its_familys_answer_and_is_less_sure() -> None:
    truth = {"A1": -2.0, "A2": -2.0, "A3": -2.0, "B1": -4.0}
    found = _own(_dataset(truth, moves={"A1", "A2", "B1"}))
    lent = found["A3"]
    assert lent["own_estimate"] is None
    assert lent["own_share"] == 0.0
    assert lent["elasticity"] == pytest.approx(lent["family_mean"])
    assert lent["elasticity_sd"] > found["A1"]["elasticity_sd"]


def test_without_any_move_of_a_price_the_published_mean_is_all_there_is() -> None:
    found = _own(_dataset({"A1": -2.0, "A2": -1.0}, moves=set()))
    assert found["A1"]["elasticity"] == pytest.approx(-2.62, abs=0.01)
    assert found["A1"]["elasticity_sd"] > 1.4


def test_without_a_record_there_is_no_answer_but_a_reason() -> None:
    empty = Dataset({"items": schema("items").frame([{"item": "A"}])})
    outcome = estimate_elasticities(empty, as_of=AS_OF)
    assert outcome.status == "infeasible"
    assert outcome.explanations is not None
    assert outcome.explanations["reason_code"].to_list() == ["unknown_figure"]


def test_every_estimate_has_a_reason_that_names_it() -> None:
    outcome = estimate_elasticities(_dataset({"A1": -1.5, "A2": -2}, moves={"A1"}), as_of=AS_OF)
    table = outcome["price_elasticities"].filter(with_item="")
    for item in table["item"]:
        assert outcome.why(f"elasticity:{item}").height == 1


def test_weeks_without_stock_do_not_count() -> None:
    dataset = _dataset({"A1": -2.0}, moves={"A1"})
    history = dataset["sales_history"].with_columns(
        in_stock_share=pl.when(pl.col("date") < AS_OF - timedelta(weeks=20))
        .then(0.2)
        .otherwise(1.0)
    )
    table = estimate_elasticities(dataset.with_tables(sales_history=history), as_of=AS_OF)
    assert table["price_elasticities"].filter(with_item="")["periods"].to_list() == [20]


def test_the_regression_is_that_of_a_library_written_by_others() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 2))
    y = rng.poisson(np.exp(1.0 + x @ np.array([0.5, -0.8]))).astype(float)
    columns = np.column_stack([np.ones(80), x])
    ours = fit_poisson(
        y[None], columns[None], counts=np.ones((1, 80)), precision=np.zeros(3), lags=4
    )
    theirs = statsmodels.GLM(y, columns, family=statsmodels.families.Poisson()).fit(
        cov_type="HAC", cov_kwds={"maxlags": 4}
    )
    assert ours.coefficients[0] == pytest.approx(theirs.params, abs=1e-6)
    # Theirs has no small-sample factor and no floor at the model's own variance.
    robust = np.sqrt(np.diag(ours.covariance[0]))
    assert (robust >= theirs.bse * 0.99).all()


def test_shrinkage_of_one_level_is_the_textbooks() -> None:
    # Gelman et al. (2013), eq. 5.17: precision-weighted mean of estimate and family mean.
    estimates, errors = np.array([1.0, 2.0, 3.0, 9.0]), np.array([0.1, 0.1, 0.1, 4.0])
    got = shrink(estimates, errors, np.zeros(4, dtype=np.int64), prior_mean=0.0, prior_sd=100.0)
    tau = got.spread_within
    weight = tau**2 / (tau**2 + errors**2)
    assert got.own_share == pytest.approx(weight)
    assert got.mean == pytest.approx(weight * estimates + (1 - weight) * got.family_mean[0])
    assert abs(got.mean[3] - got.family_mean[0]) < abs(9.0 - got.family_mean[0])


@pytest.mark.parametrize("wrong", [{"weeks": 5}, {"harmonics": 9}, {"trend_sd": 0.0}])
def test_a_parameter_out_of_range_is_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ElasticityParams(**wrong)  # type: ignore[arg-type]
