"""Open orders looked at together: never dearer, never fewer units, nothing given twice."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.deliver.sourcing_kernel import source
from fivefold.deliver.sourcing_tables import (
    BUCKET,
    HOLDER,
    LINE,
    SITE,
    Lines,
    Places,
    Stock,
    Terms,
    Times,
    lay_out,
    records,
)
from fivefold.deliver.waves import serve_wave

SHIP = np.arange(30, dtype=np.int64)[None, :]
TIMES = Times(ship=SHIP, arrive=np.repeat(SHIP[:, None, :, None], 9, axis=3))
RATES = np.zeros((9, 41))
RATES[:, 1:] = 3.0 + np.arange(9)[:, None]
TERMS = Terms(RATES, 5.0, 0.0, 2.0, 4)


def world(units: np.ndarray, zone: np.ndarray, wanted: np.ndarray) -> tuple[Lines, Stock, Places]:
    """Return orders of one line, one item at every place; row r of `zone` is order r's."""
    orders, places = zone.shape
    lines = Lines(
        np.arange(orders + 1),
        records(
            LINE,
            units=wanted,
            destination=np.arange(orders),
            deadline=np.full(orders, -1),
            weight_lb=np.full(orders, 0.4),
        ),
    )
    stock = lay_out(
        np.array([0, places]),
        records(HOLDER, bucket=np.arange(places + 1), place=np.append(np.arange(places), 0)),
        records(BUCKET, units=units),
    )
    sites = Places(
        records(SITE, pick=np.ones(places), cut_off=np.full(places, 840)),
        np.ones((1, places), np.bool_),
        zone.astype(np.int8),
        np.zeros((places, 30), np.int64),
    )
    return lines, stock, sites


def test_the_first_order_gives_way_to_one_that_has_more_to_lose() -> None:
    # Both are nearest to place 0, which has one unit; elsewhere the second pays six more, the
    # first one.
    args = (np.array([1, 5]), np.array([[2, 3], [2, 8]]), np.array([1, 1]))
    lines, stock, places = world(*args)
    greedy = source(lines, stock, places, TIMES, TERMS)
    assert greedy.place.tolist() == [0, 1]
    lines, stock, places = world(*args)
    wave = serve_wave(lines, stock, places, TIMES, TERMS, rounds=10)
    assert wave.place.tolist() == [1, 0]
    assert wave.cost.sum() == pytest.approx(greedy.cost.sum() - 5.0)
    assert stock.buckets["units"].tolist() == [0, 4]


@pytest.mark.parametrize("seed", range(8))
def test_a_wave_costs_no_more_than_greedy_and_takes_from_nobody(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units, zone = rng.integers(0, 7, 5), rng.integers(2, 9, (12, 5))
    args = (units, zone, rng.integers(1, 4, 12))
    lines, stock, places = world(*args)
    greedy = source(lines, stock, places, TIMES, TERMS)
    lines, stock, places = world(*args)
    wave = serve_wave(lines, stock, places, TIMES, TERMS, rounds=12)
    given = np.bincount(wave.place[wave.place >= 0], wave.units[wave.place >= 0], 5)
    assert (given + stock.buckets["units"] == units).all()
    assert (np.bincount(wave.line, wave.units, 12) == args[2]).all()
    unmet = [np.bincount(x.line[x.place < 0], x.units[x.place < 0], 12) for x in (wave, greedy)]
    assert (unmet[0] <= unmet[1]).all()
    if unmet[1].sum() == unmet[0].sum():
        cost = [
            x.cost.sum() + 2.0 * ((x.place >= 0).sum() - len(np.unique(x.line[x.place >= 0])))
            for x in (wave, greedy)
        ]
        assert cost[0] <= cost[1] + 1e-6


def test_without_rounds_the_answer_is_the_greedy_one() -> None:
    args = (np.array([1, 5]), np.array([[2, 3], [2, 8]]), np.array([1, 1]))
    lines, stock, places = world(*args)
    wave = serve_wave(lines, stock, places, TIMES, TERMS, rounds=0)
    assert wave.place.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_tries_bring_a_wave_nearer_to_the_least_cost_of_all_ways(seed: int) -> None:
    # Orders of one unit of one item: an assignment, which can be solved exactly.
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(seed)
    zone = rng.integers(2, 9, (10, 4))
    units = rng.integers(1, 5, 4)
    units[0] += max(0, 10 - int(units.sum()))
    wanted = np.ones(10, np.int64)

    def cost(tries: int) -> float:
        lines, stock, sites = world(units, zone, wanted)
        legs = serve_wave(lines, stock, sites, TIMES, TERMS, rounds=5, tries=tries)
        assert (legs.place >= 0).all()
        assert int(stock.buckets["units"].sum()) == int(units.sum()) - 10
        return float(legs.cost.sum())

    seats = np.repeat(np.arange(4), units)
    each = 1.0 + RATES[zone, 1][:, seats]
    best = float(each[linear_sum_assignment(each)].sum())
    assert cost(400) <= cost(0) + 1e-9
    assert cost(400) == pytest.approx(best)
