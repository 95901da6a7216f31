"""Split awards: allowed, as cheap as the exact programme or nearly, and priced from their units."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from fivefold.source.tenders import Bid, Tender, best_split, evaluate
from fivefold.source.tenders_exact import exact_split


def tender(bids: dict[tuple[int, int], Bid], demand: list[float], **more: object) -> Tender:
    suppliers = 1 + max(s for _, s in bids)
    known: dict[str, object] = {
        "demand": np.array(demand),
        "bids": bids,
        "suppliers": suppliers,
        "fixed_cost": np.zeros(suppliers),
        "minimum_spend": np.zeros(suppliers),
        "capacity": np.full(suppliers, np.inf),
        "loss_cost": np.zeros((len(demand), suppliers)),
        "short_cost": np.full(len(demand), 1000.0),
    }
    return Tender(**{**known, **more})  # type: ignore[arg-type]


def flat(price: float, **more: float) -> Bid:
    return Bid(steps=((0.0, price, 0.0),), **more)


def test_without_risk_all_goes_to_the_cheapest() -> None:
    split = best_split(tender({(0, 0): flat(5), (0, 1): flat(4)}, [100]))
    assert split.quantities == {(0, 1): 100.0}
    assert split.cost == pytest.approx(400)


def test_the_price_of_a_lost_supplier_splits_the_award() -> None:
    bids = {(0, 0): flat(4.1), (0, 1): flat(4.0)}
    # Exposed are q − 0.25 (100 − q) units: none up to 20.
    split = best_split(tender(bids, [100], loss_cost=np.full((1, 2), 1.0)))
    assert split.quantities[0, 0] == pytest.approx(20)
    assert split.quantities[0, 1] == pytest.approx(80)


def test_an_all_unit_break_is_worth_reaching_and_an_incremental_one_costs_its_first_units() -> None:
    steps = ((0.0, 5.0, 0.0), (60.0, 4.0, 0.0))
    assert Bid(steps=steps).goods(59) == pytest.approx(295)
    assert Bid(steps=steps).goods(60) == pytest.approx(240)
    by_part = Bid(steps=((0.0, 5.0, 0.0), (60.0, 4.0, 60.0)))
    assert by_part.goods(100) == pytest.approx(60 * 5 + 40 * 4)


def test_capacity_minimum_and_minimum_spend_hold() -> None:
    bids = {(0, 0): flat(4, capacity=70), (0, 1): flat(5, minimum=40)}
    split = best_split(tender(bids, [100]))
    assert split.quantities == {(0, 0): pytest.approx(60), (0, 1): pytest.approx(40)}
    wants = tender({(0, 0): flat(4), (0, 1): flat(5)}, [100], minimum_spend=np.array([500.0, 0]))
    assert best_split(wants).used == {1}, "400 at the first is below what it takes"


def test_what_fits_nowhere_is_left_short_and_paid() -> None:
    split = best_split(tender({(0, 0): flat(4, capacity=70)}, [100]))
    assert split.short.tolist() == [30.0]
    assert split.cost == pytest.approx(280 + 30_000)


def drawn(seed: int, *, items: int = 3, suppliers: int = 3) -> Tender:
    rng = np.random.default_rng(seed)
    demand = rng.integers(20, 100, size=items).astype(float)
    bids = {}
    for item, supplier in itertools.product(range(items), range(suppliers)):
        price = rng.uniform(4, 6)
        cheaper = price * 0.95
        start = float(rng.integers(5, 60))
        fixed = (price - cheaper) * start if rng.random() < 0.5 else 0.0
        bids[item, supplier] = Bid(
            steps=((0.0, price, 0.0), (start, cheaper, fixed)),
            unit_cost=rng.uniform(0, 0.5),
            minimum=float(rng.choice([0, 5])),
            capacity=float(rng.integers(30, 100)),
        )
    return Tender(
        demand=demand,
        bids=bids,
        suppliers=suppliers,
        fixed_cost=rng.uniform(0, 30, size=suppliers),
        minimum_spend=rng.choice([0.0, 80.0], size=suppliers),
        capacity=rng.uniform(60, 200, size=suppliers),
        loss_cost=rng.uniform(0, 0.5, size=(items, suppliers)),
        short_cost=np.full(items, 100.0),
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_fast_split_is_allowed_and_close_to_the_exact_one(seed: int) -> None:
    case = drawn(seed)
    fast, exact = best_split(case), exact_split(case)
    assert exact.is_optimal
    assert fast.problems == exact.split.problems == 0
    assert exact.split.cost <= fast.cost + 1e-6
    assert fast.cost <= exact.split.cost * 1.05
    assert exact.bound == pytest.approx(exact.split.cost, rel=1e-5)
    for (item, supplier), units in fast.quantities.items():
        bid = case.bids[item, supplier]
        assert bid.minimum - 1e-6 <= units <= bid.capacity + 1e-6
    loads = np.zeros(case.suppliers)
    for (_, supplier), units in fast.quantities.items():
        loads[supplier] += units
    assert (loads <= case.capacity + 1e-6).all()
    assert evaluate(case, fast.quantities).cost == pytest.approx(fast.cost)


def test_the_exact_split_agrees_with_trying_every_whole_unit() -> None:
    case = replace(
        drawn(3, items=1, suppliers=2),
        demand=np.array([30.0]),
        minimum_spend=np.zeros(2),
        most_sources=2,
    )
    best = min(
        split.cost
        for a in range(31)
        for b in range(31 - a)
        if _allowed(case, a, b)
        for split in [evaluate(case, {(0, 0): float(a), (0, 1): float(b)})]
    )
    exact = exact_split(case)
    assert exact.split.cost <= best + 1e-6
    assert exact.split.cost == pytest.approx(best, rel=0.01)


def _allowed(case: Tender, *units: int) -> bool:
    return all(
        q == 0 or case.bids[0, s].minimum <= q <= min(case.bids[0, s].capacity, case.capacity[s])
        for s, q in enumerate(units)
    )
