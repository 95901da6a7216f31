from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fivefold.twin.benefits import BENEFITS, _found, _lot_share, prove_benefits


@pytest.fixture(scope="module")
def proof(company: Any) -> Any:
    with company.make(company.folder) as store:
        plan = store.latest_plan()
        return prove_benefits(
            plan, store.dataset(as_of=plan.as_of), store.journal, days=28, replications=3
        )


def test_there_are_nine_each_with_its_definition_and_interval(proof: Any) -> None:
    assert len(BENEFITS) == 9
    assert [figure.measure for figure in proof.figures] == [one.measure for one in BENEFITS]
    for figure in proof.figures:
        if figure.difference == figure.difference:
            assert figure.low <= figure.difference <= figure.high
    assert all(one.definition for one in BENEFITS)


def test_figures_agree_with_each_other(proof: Any) -> None:
    values = {
        (row["policy"], row["replication"], row["measure"]): row["value"]
        for row in proof.by_replication.iter_rows(named=True)
    }
    for (policy, replication, measure), value in values.items():
        if measure == "worst_week":
            assert value <= values[policy, replication, "fill_rate"] + 1e-12


def test_sampling_takes_out_a_bad_lot_and_leaves_most_of_a_good_one() -> None:
    assert _found(0.5, 500, 250) == 250
    assert _found(0.5, 500, 1) <= 1
    assert _found(0.5, 500, 0) == 0


def test_lots_scatter_around_the_share_of_their_supplier() -> None:
    shares = [_lot_share((k + 0.5) / 2000, 0.02) for k in range(2000)]
    assert sum(shares) / len(shares) == pytest.approx(0.02, rel=0.03)
    assert min(shares) < 0.005 < 0.05 < max(shares)


def test_the_page_defines_each_as_the_program_does() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "benefits.md"
    text = page.read_text(encoding="utf-8")
    for one in BENEFITS:
        assert f"| {one.benefit} | `{one.measure}` | {one.unit} | {one.better} |" in text
        assert one.definition in text
