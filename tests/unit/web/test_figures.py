"""Results show themselves in a notebook, and figures are drawn from their tables."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from fivefold.model import Dataset, Outcome
from fivefold.twin.experiment import Figure as Measure
from fivefold.twin.experiment import Proof
from fivefold.web.figures import forecast_figure, proof_figure, stock_figure, stock_lines

WEEKS = [date(2026, 11, 23) + timedelta(weeks=week) for week in range(8)]


@pytest.fixture
def outcome() -> Outcome:
    forecasts = pl.DataFrame(
        [
            {"item": "A", "location": place, "period_start": week, "quantile": level, "units": u}
            for place in ("WH1",)
            for week in WEEKS
            for level, u in ((0.05, 1.0), (0.5, 5.0), (0.9, 8.0), (0.95, 9.0))
        ]
    )
    stock = pl.DataFrame(
        {
            "item": "A",
            "location": "WH1",
            "period_start": WEEKS,
            "closing": [20.0, 15, 10, 5, 0, 0, 30, 25],
            "receipts": [0.0, 0, 0, 0, 0, 0, 35, 0],
            "demand": 5.0,
            "unmet": [0.0, 0, 0, 0, 0, 4, 0, 0],
            "target": 12.0,
        }
    )
    return Outcome(tables={"forecasts": forecasts, "projected_stock": stock})


def proof() -> Proof:
    cost = Measure(
        measure="holding_cost",
        unit="currency",
        old=120.0,
        new=100.0,
        difference=-20.0,
        low=-30.0,
        high=-10.0,
        better="lower",
    )
    served = Measure(
        measure="fill_rate",
        unit="share",
        old=0.9,
        new=0.95,
        difference=0.05,
        low=-0.01,
        high=0.11,
        better="higher",
    )
    return Proof(
        plan="P1",
        old="days of <cover>",
        new="plan",
        figures=(cost, served),
        replications=10,
        days=91,
        seed=7,
        by_replication=pl.DataFrame(),
        commands=5,
    )


def test_a_forecast_is_drawn_as_bands_that_have_their_mirror(outcome: Outcome) -> None:
    drawn = forecast_figure(outcome, "A")
    ElementTree.fromstring(drawn.svg)
    assert "Weekly demand of A at WH1" in drawn.svg
    assert drawn._repr_html_() == drawn.svg
    # 90 % has no 10 % beside it, so it is no band.
    assert forecast_figure(outcome, "A", levels=(0.05, 0.5, 0.9, 0.95)).svg == drawn.svg
    with pytest.raises(KeyError, match="no rows of 'B'"):
        forecast_figure(outcome, "B")


def test_stock_is_drawn_with_what_is_not_served(outcome: Outcome) -> None:
    drawn = stock_figure(outcome, "A", "WH1")
    ElementTree.fromstring(drawn.svg)
    assert "4 units of demand not served" in drawn.svg
    assert "<svg" in stock_lines(outcome, ["A"], "WH1").svg


def test_a_figure_is_saved_as_a_file_that_stands_alone(outcome: Outcome, tmp_path: Path) -> None:
    stock_figure(outcome, "A", "WH1").save(tmp_path / "stock.svg")
    assert ElementTree.parse(tmp_path / "stock.svg").getroot().tag.startswith("{http://www.w3.org")


def test_a_proof_is_drawn_so_that_right_is_better() -> None:
    drawn = proof_figure(proof())
    ElementTree.fromstring(drawn.svg)
    assert "holding cost (saved)" in drawn.svg
    assert "20" in drawn.svg
    assert "fill rate" not in drawn.svg
    assert "fill rate" in proof_figure(proof(), unit="share").svg


def test_results_show_themselves_and_nothing_in_them_runs() -> None:
    shown = proof()._repr_html_()
    assert "days of &lt;cover&gt;" in shown
    assert "not told from luck" in shown
    held = Dataset({"items": pl.DataFrame({"item": ["<b>"]})})._repr_html_()
    assert "<td>items</td><td>1</td>" in held
    assert proof().table()["measure"].to_list() == ["holding_cost", "fill_rate"]
    assert proof().record()["figures"][0]["verdict"] == "better"
