"""Plans with lots and shared limits beside one mixed-integer program of the same model."""

import numpy as np
import pytest
from benchmarks._lots_vs_mip import AS_OF, PERIODS, company, compared

from fivefold.plan.supply import SupplyParams, plan_supply


@pytest.fixture(scope="module")
def gaps() -> np.ndarray:
    return np.array([compared(seed, seconds=5.0)["gap"] for seed in range(24)])


def test_no_plan_beats_the_bound_of_the_program(gaps: np.ndarray) -> None:
    assert gaps.min() >= -1e-6


def test_half_the_plans_are_within_five_hundredths_and_all_within_a_quarter(
    gaps: np.ndarray,
) -> None:
    assert np.median(gaps) <= 0.05
    assert np.quantile(gaps, 0.9) <= 0.15
    assert gaps.max() <= 0.25


@pytest.mark.parametrize("seed", [2, 5, 11, 21])
def test_a_price_is_never_more_than_a_relaxed_optimum_gains(seed: int) -> None:
    from fivefold.plan.supply.exact import solve_exact
    from fivefold.plan.supply.planning import as_one_program
    from fivefold.plan.supply.reading import read_supply

    params = SupplyParams(periods=PERIODS, reasons=False)
    dataset = company(seed)
    outcome = plan_supply(dataset, params, as_of=AS_OF)
    model = read_supply(dataset, params, AS_OF)
    network, demand = as_one_program(model)
    prices = outcome["limit_prices"]
    starts = model.periods.starts()
    tried = prices["found_by"] == "blocked lot"
    for row in prices.filter(tried).iter_rows(named=True):
        assert row["note"]
        more = 0.1 * row["amount"]
        capacity = network.capacity.copy()
        for number, slot in enumerate(model.limits.slots):
            if slot.limit == row["limit"] and starts[slot.period] == row["period_start"]:
                # Steps tried are a tenth of the limit at most, or one lot.
                capacity[number] += max(more, 200.0 if row["kind"] != "cash" else 5e3)
        relaxed = solve_exact(
            network.with_changes(capacity=capacity), demand, lots=True, seconds=5.0, gap=1e-4
        )
        assert outcome.objective is not None
        least = 0.01 * row["amount"]
        assert outcome.objective - relaxed.bound >= row["price"] * least - 1e-6


def test_what_has_room_for_every_lot_has_no_price() -> None:
    params = SupplyParams(periods=PERIODS, reasons=False)
    for seed in range(12):
        prices = plan_supply(company(seed), params, as_of=AS_OF)["limit_prices"]
        slack = prices.filter(prices["found_by"] == "room is left")
        assert (slack["price"] == 0).all()
        assert (prices["price"] >= 0).all()
