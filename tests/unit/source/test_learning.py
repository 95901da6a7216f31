"""What receipts teach: few count a little, many count all, and the options plan with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from scipy.stats import gamma

from fivefold.model import Dataset
from fivefold.source.learning import delivered_lines, gamma_quantile, learn_lead_times
from fivefold.source.scorecard import drift, score_suppliers, wilson_interval
from fivefold.source.suppliers import rank_options

AS_OF = date(2026, 11, 22)


def receipts(leads: list[int], *, item: str = "A", supplier: str = "S", promised: int = 20) -> Any:
    start = AS_OF - timedelta(days=300)
    return [
        {
            "receipt": f"R{n}",
            "order": f"{item}{n}",
            "line": 1,
            "supplier": supplier,
            "item": item,
            "ordered_on": start + timedelta(days=5 * n),
            "promised_on": start + timedelta(days=5 * n + promised),
            "received_on": start + timedelta(days=5 * n + lead),
            "quantity_ordered": 10,
            "quantity_received": 10,
        }
        for n, lead in enumerate(leads)
    ]


def company(rows: list[dict[str, Any]]) -> Dataset:
    return Dataset(
        {
            "items": pl.DataFrame({"item": ["A"], "unit_cost": [4.0], "price": [9.0]}),
            "locations": pl.DataFrame({"location": ["S", "W"], "kind": ["supplier", "warehouse"]}),
            "suppliers": pl.DataFrame({"supplier": ["S"]}),
            "supplier_offers": pl.DataFrame(
                {
                    "supplier": ["S"],
                    "item": ["A"],
                    "unit_price": [4.0],
                    "lead_time_days_mean": [15.0],
                    "lead_time_days_sd": [1.0],
                }
            ),
            "lanes": pl.DataFrame(
                {
                    "origin": ["S"],
                    "destination": ["W"],
                    "mode": ["ltl"],
                    "transit_time_days_mean": [5.0],
                }
            ),
            **({"goods_receipts": pl.DataFrame(rows)} if rows else {}),
        }
    )


def option(rows: list[dict[str, Any]]) -> dict[str, Any]:
    table = rank_options(company(rows), as_of=AS_OF)["sourcing_options"]
    return table.row(0, named=True)


def test_without_receipts_the_stated_lead_time_stands() -> None:
    assert option([])["lead_time_days_mean"] == 20.0


def test_a_late_supplier_is_planned_later_the_more_receipts_say_so() -> None:
    two, many = option(receipts([32, 34])), option(receipts([32, 34] * 20))
    assert 20 < two["lead_time_days_mean"] < many["lead_time_days_mean"] <= 33
    assert many["lead_time_days_mean"] == pytest.approx(33, abs=0.2)
    assert many["lead_time_days_sd"] < two["lead_time_days_sd"]


def test_nobody_is_held_to_be_quicker_than_he_states() -> None:
    assert option(receipts([12] * 30))["lead_time_days_mean"] == 20.0


def test_later_receipts_are_not_known_yet() -> None:
    known = company(receipts([40] * 30))
    early = learn_lead_times(known, as_of=AS_OF - timedelta(days=299))
    assert early["learnt_lead_times"].height == 0


def test_a_line_counts_when_it_is_complete() -> None:
    rows = receipts([10])
    part = {**rows[0], "receipt": "R9", "received_on": rows[0]["received_on"] + timedelta(days=7)}
    rows[0]["quantity_received"], part["quantity_received"] = 6, 4
    frame = company([rows[0], part])["goods_receipts"]
    line = delivered_lines(frame).row(0, named=True)
    assert (line["lead_days"], line["is_complete"], line["quantity_received"]) == (17.0, True, 10)


@pytest.mark.parametrize(("mean", "sd", "share"), [(30, 6, 0.9), (5, 7, 0.1), (60, 2, 0.5)])
def test_quantiles_are_those_of_a_gamma(mean: float, sd: float, share: float) -> None:
    shape = (mean / sd) ** 2
    expected = gamma.ppf(share, shape, scale=mean / shape)
    assert gamma_quantile(mean, sd, share) == pytest.approx(expected, rel=1e-9)


def test_the_scorecard_counts_lines_defects_and_drift() -> None:
    rows = receipts([18, 19, 20, 21, 22, 23, 24, 25, 26, 27])
    rows[0]["quantity_damaged"] = 3
    found = score_suppliers(company(rows), as_of=AS_OF)["supplier_scores"].row(0, named=True)
    assert (found["lines"], found["otif_share"]) == (10, 0.3)
    assert found["defects_ppm"] == pytest.approx(30_000)
    assert found["lead_time_drift_days"] == pytest.approx(73)
    assert found["drift_is_sure"]
    assert found["next_step"] == "talk about lead time"


def test_the_interval_of_a_share_covers_it_and_narrows() -> None:
    low, high = wilson_interval(90, 100)
    lower, higher = wilson_interval(9, 10)
    assert lower < low < 0.9 < high < higher


def test_chance_is_not_called_a_drift() -> None:
    found = drift([0, 30, 60, 90, 120, 150], [20, 24, 19, 23, 21, 22])
    assert found is not None
    assert not found[1]
