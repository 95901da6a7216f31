"""Textbook numbers, stockpyl and published chains; own figures are pinned nowhere."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from fivefold.plan.stock import base_stock, continuous_review, min_max
from fivefold.plan.stock.guaranteed_service import place_safety_stock

ROOT = Path(__file__).parents[4]
SHARED = ROOT / ".." / "shared" / "data"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the benchmark, whose readers of the data the tests share."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.stock")


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"shared data folder {name} is missing")
    return folder


def test_textbook_figures_are_met_to_six_digits(bench: ModuleType) -> None:
    rows = bench.measure_textbook(_folder("stockpyl"))
    assert len(rows) >= 40
    assert [row for row in rows if row["rel_difference"] > 1e-6] == []


def test_chains_on_which_two_solvers_agree_are_met_within_a_thousandth(
    bench: ModuleType,
) -> None:
    rows = bench.measure_chains(_folder("willems"), 15.0, only=(1, 2, 4, 6, 13, 15))
    assert len(rows) == 6
    for row in rows:
        assert row["hard_target"], row["case"]
        assert abs(row["rel_difference"]) <= 1e-3
        assert row["gap"] <= 1e-5


def test_brute_force_and_published_solutions_of_stage_files_are_met(bench: ModuleType) -> None:
    files = bench.texts(_folder("gsm_tests"), ".txt", ".json")
    rows = bench.measure_stage_files(files, seconds=10)
    assert len(rows) == 9
    for row in rows:
        # The paper's two large examples come with costs rounded stage by stage.
        rounded = row["case"].endswith(("battery_solution", "bulldozer_solution"))
        assert abs(row["rel_difference"]) <= (3e-4 if rounded else 1e-9), row["case"]


@pytest.mark.parametrize("name", ["example_6_5", "problem_6_9", "figure_6_14"])
def test_trees_cost_what_stockpyl_finds(bench: ModuleType, name: str) -> None:
    gsm_tree = pytest.importorskip("stockpyl.gsm_tree")
    from stockpyl.instances import load_instance

    _, cost = gsm_tree.optimize_committed_service_times(load_instance(name))
    known = bench.instances(_folder("stockpyl"))
    assert place_safety_stock(bench.instance_network(known[name])).cost == pytest.approx(cost)


@pytest.mark.parametrize(
    ("h", "p", "fixed", "rate", "lead"),
    [(20, 150, 100, 1.5, 2), (4, 28, 4, 12, 0.5), (1, 9, 30, 5, 1)],
)
def test_the_exact_poisson_reorder_policy_is_that_of_stockpyl(
    h: float, p: float, fixed: float, rate: float, lead: float
) -> None:
    rq = pytest.importorskip("stockpyl.rq")
    r, q, cost = rq.r_q_poisson_exact(h, p, fixed, rate, lead)
    ours = continuous_review.best_reorder_policy_poisson(
        continuous_review.ReviewCosts(
            cost_per_order=fixed, holding_cost=h, shortage_cost=p, demand_mean=rate, lead_time=lead
        )
    )
    assert ours.cost == pytest.approx(cost)
    assert (ours.reorder_point, ours.order_quantity) == (r, q)


@pytest.mark.parametrize(("h", "p", "fixed", "mean"), [(1, 4, 5, 6), (40, 125, 150, 4)])
def test_the_exact_min_max_policy_is_that_of_stockpyl(
    h: float, p: float, fixed: float, mean: float
) -> None:
    ss = pytest.importorskip("stockpyl.ss")
    from scipy.stats import poisson

    s, top, cost = ss.s_s_discrete_exact(h, p, fixed, True, mean)
    chance = poisson(mean).pmf(range(100))
    ours = min_max.best_min_max(
        demand_chance=chance / chance.sum(), cost_per_order=fixed, holding_cost=h, shortage_cost=p
    )
    assert ours.cost == pytest.approx(cost, rel=1e-8)
    assert (ours.reorder_level, ours.order_up_to) == (s, top)


def test_erlang_loss_is_the_table_value() -> None:
    # 10 servers, 5 erlangs: blocking 1.84 % in every table of Erlang's B.
    assert base_stock.lost_sales_share(10, lead_time_demand=5) == pytest.approx(0.0184, abs=5e-5)
