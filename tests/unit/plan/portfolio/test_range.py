"""The range: prices against branch and bound and brute force, and choices that tell why."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from fivefold.model import Dataset, schema
from fivefold.plan.portfolio import RangeParams, choose_range
from fivefold.plan.portfolio.exact import solve_exactly
from fivefold.plan.portfolio.pricing_limits import choose_states
from fivefold.plan.portfolio.states import Candidate, Option, all_states
from fivefold.plan.portfolio.views import abc, pareto, xyz

AS_OF = date(2026, 6, 1)


def _random_groups(seed: int, *, groups: int = 4, items: int = 3) -> list[list[Candidate]]:
    rng = np.random.default_rng(seed)
    return [
        [
            Candidate(
                item=f"{g}-{i}",
                demand=float(rng.uniform(20, 200)),
                options=tuple(
                    Option(
                        channel=f"C{k}",
                        contribution=float(rng.uniform(-3, 9)),
                        fixed=float(rng.uniform(20, 300)),
                        per_unit=rng.uniform(0.5, 2.0, 2),
                    )
                    for k in range(2)
                ),
            )
            for i in range(items)
        ]
        for g in range(groups)
    ]


def _limits(candidates: list[list[Candidate]], share: float) -> np.ndarray:
    groups = [all_states(group, transfer=0.3, limits=2) for group in candidates]
    free = choose_states(groups, np.array([np.inf, np.inf]))
    return free.usage * share


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("share", [0.4, 0.7, 2.0])
def test_prices_come_close_to_branch_and_bound_and_their_bound_holds(
    seed: int, share: float
) -> None:
    candidates = _random_groups(seed)
    limits = _limits(candidates, share)
    groups = [all_states(group, transfer=0.3, limits=2) for group in candidates]
    ours = choose_states(groups, limits)
    exact = solve_exactly(candidates, limits, transfer=0.3)
    assert exact.status == "optimal"
    assert ours.feasible
    assert (ours.usage <= limits + 1e-6).all()
    assert ours.value <= exact.value + 1e-5
    assert exact.value <= ours.bound + 1e-5
    if share == 2.0:
        assert ours.value == pytest.approx(exact.value)


def test_branch_and_bound_is_brute_force_over_all_states() -> None:
    candidates = _random_groups(11, groups=2)
    limits = _limits(candidates, 0.6)
    one, two = (all_states(group, transfer=0.3, limits=2) for group in candidates)
    best = max(
        one.value[a] + two.value[b]
        for a in range(len(one.value))
        for b in range(len(two.value))
        if (one.usage[a] + two.usage[b] <= limits + 1e-9).all()
    )
    assert solve_exactly(candidates, limits, transfer=0.3).value == pytest.approx(best)


def test_demand_that_goes_over_is_what_the_model_says() -> None:
    option = (Option(channel="C", contribution=1.0, fixed=0.0, per_unit=np.zeros(1)),)
    three = [
        Candidate(item=c, demand=d, options=option)
        for c, d in zip("abc", (10, 30, 60), strict=True)
    ]
    group = all_states(three, transfer=0.5, limits=1)
    sold = group.sold[group.state([0, 1, 1])]
    assert sold == pytest.approx([0.0, 30 + 0.5 * 10 * 30 / 90, 60 + 0.5 * 10 * 60 / 90])


def test_a_limit_nothing_can_keep_is_told() -> None:
    groups = [all_states(g, transfer=0.3, limits=2) for g in _random_groups(1)]
    assert not choose_states(groups, np.array([-1.0, 5.0])).feasible


def _dataset(figures: dict[str, tuple[float, float, str]], **more: object) -> Dataset:
    """Return items (contribution, weekly demand, status), of the family of their first letter."""
    weeks = [AS_OF + timedelta(weeks=w) for w in range(52)]
    items = [
        {"item": code, "family": code[0], "status": status, "item_kind": "finished",
         "unit_of_measure": "each", "unit_cost": 5.0, "length_cm": 10.0, "width_cm": 10.0,
         "height_cm": 10.0}
        for code, (_, _, status) in figures.items()
    ]  # fmt: skip
    selling = [code for code, (_, _, status) in figures.items() if status == "active"]
    tables = {
        "items": items,
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "W", "marketplace": "US"}],
        "locations": [{"location": "W", "kind": "warehouse", "country": "US"}],
        "offers": [{"item": c, "channel": "FBM", "price": 20.0, "active": True} for c in selling],
        "forecast_means": [
            {"item": c, "location": "W", "period_start": w, "units_mean": weekly, "units_sd": 1.0}
            for c, (_, weekly, _) in figures.items()
            for w in weeks
            if weekly > 0
        ],
        "channel_choices": [
            {"item": c, "channel": "FBM", "price": 20.0, "contribution": left, "eligible": True,
             "is_today": c in selling}
            for c, (left, _, _) in figures.items()
        ],
        "projected_stock": [
            {"item": c, "location": "W", "period_start": weeks[0], "opening": 0.0, "receipts": 0.0,
             "issues": 0.0, "demand": 0.0, "unmet": 0.0, "closing": 100.0}
            for c in selling
        ],
        **more,
    }  # fmt: skip
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})


def _actions(dataset: Dataset, params: RangeParams | None = None) -> dict[str, str]:
    table = choose_range(dataset, params, as_of=AS_OF)["portfolio_choices"]
    return dict(table.select("item", "action").iter_rows())


def test_what_earns_is_kept_what_loses_is_ended_and_what_would_earn_is_brought_in() -> None:
    dataset = _dataset(
        {
            "A1": (5, 10, "active"),
            "A2": (-2, 10, "active"),
            "A3": (5, 8, "ended"),
            "A4": (5, 0, "new"),
        }
    )
    assert _actions(dataset) == {"A1": "keep", "A2": "end", "A3": "relaunch", "A4": "launch"}


def test_a_newcomer_is_read_off_its_family_with_its_spread() -> None:
    dataset = _dataset({"A1": (5, 4, "active"), "A2": (5, 16, "active"), "A3": (5, 0, "new")})
    outcome = choose_range(dataset, as_of=AS_OF)
    row = outcome["portfolio_choices"].filter(item="A3").row(0, named=True)
    assert row["units_low"] < 8 * 52 < row["units_high"]
    assert "read off 2 items" in " ".join(outcome.why("range:A3")["text"])


def test_short_cash_keeps_what_earns_most_for_its_cash_and_prices_it() -> None:
    dataset = _dataset({"A1": (9, 10, "active"), "B1": (5, 10, "active"), "C1": (7, 10, "active")})
    outcome = choose_range(dataset, RangeParams(cash_limit=1000.0), as_of=AS_OF)
    table = outcome["portfolio_choices"]
    assert dict(table.select("item", "action").iter_rows())["B1"] == "end"
    assert outcome.status == "optimal"
    assert outcome.why("range:A1").filter(reason_code="constraint_price").height == 1


def test_a_substitute_that_takes_over_makes_a_small_item_worth_less() -> None:
    alone = _dataset({"A1": (5, 0.6, "active"), "B1": (5, 30, "active")})
    beside = _dataset({"A1": (5, 0.6, "active"), "A2": (5, 30, "active")})
    params = RangeParams(transfer_share=0.5)
    assert _actions(alone, params)["A1"] == "keep"
    assert _actions(beside, params)["A1"] == "end"


def test_every_choice_has_a_next_best_and_views_are_there() -> None:
    dataset = _dataset({"A1": (5, 10, "active"), "A2": (-2, 10, "active")})
    outcome = choose_range(dataset, as_of=AS_OF)
    for row in outcome["portfolio_choices"].iter_rows(named=True):
        assert outcome.why(row["decision"]).filter(reason_code="next_best").height == 1
        assert row["abc_class"] in "ABC"
        assert row["xyz_class"] in "XYZ"


def test_nothing_to_judge_is_told() -> None:
    outcome = choose_range(Dataset({}), as_of=AS_OF)
    assert outcome.status == "infeasible"


def test_views_are_the_textbooks() -> None:
    worth = np.array([5.0, 80.0, 15.0])
    assert abc(worth) == ["C", "A", "B"]
    assert pareto(worth) == pytest.approx([1.0, 0.8, 0.95])
    assert xyz(np.array([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]])) == ["X", "Y", "Z"]


@pytest.mark.parametrize(
    "wrong", [{"transfer_share": 2.0}, {"most_in_group": 9}, {"cash_limit": -1.0}]
)
def test_a_parameter_out_of_range_is_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RangeParams(**wrong)  # type: ignore[arg-type]
