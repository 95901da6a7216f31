"""The bench against brute force and an exact solver on small pools."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fivefold.returns import bench
from fivefold.returns.bench import BenchJob, bench_price, choose


def drawn(rng: np.random.Generator, jobs: int) -> list[BenchJob]:
    return [
        BenchJob(
            values=(float(rng.uniform(-3, 5)), *rng.uniform(-2, 40, 2).tolist()),
            minutes=(0.0, float(rng.integers(3, 12)), float(rng.integers(10, 40))),
        )
        for _ in range(jobs)
    ]


def brute(jobs: list[BenchJob], capacity: float) -> float:
    best = -np.inf
    for ways in itertools.product(*(range(len(job.values)) for job in jobs)):
        if sum(job.minutes[w] for job, w in zip(jobs, ways, strict=True)) <= capacity:
            best = max(best, sum(job.values[w] for job, w in zip(jobs, ways, strict=True)))
    return best


@pytest.mark.parametrize("seed", range(8))
def test_the_choice_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs = drawn(rng, 7)
    capacity = float(rng.integers(0, 120))
    found = choose(jobs, capacity)
    assert found.proved
    assert found.minutes <= capacity
    assert found.value == pytest.approx(brute(jobs, capacity))


def test_the_price_road_keeps_to_the_bench_and_comes_close(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = drawn(np.random.default_rng(3), 400)
    exact = choose(jobs, 1500.0)
    monkeypatch.setattr(bench, "MOST_CELLS", 0)
    fast = choose(jobs, 1500.0)
    assert not fast.proved
    assert fast.minutes <= 1500.0
    assert exact.value * 0.998 <= fast.value <= exact.value + 1e-9


def test_the_price_bounds_the_choice_from_above() -> None:
    jobs = drawn(np.random.default_rng(5), 60)
    price = bench_price(jobs, 300.0)
    bound = price * 300.0 + sum(
        max(v - price * m for v, m in zip(job.values, job.minutes, strict=True)) for job in jobs
    )
    assert choose(jobs, 300.0).value <= bound + 1e-6


def test_work_that_only_the_bench_can_do_waits_where_it_does_not_fit() -> None:
    only = BenchJob(values=(5.0,), minutes=(10.0,))
    found = choose([only, BenchJob(values=(7.0,), minutes=(10.0,))], 12.0)
    assert found.ways == (None, 0)
    assert choose([only], 0.0).ways == (None,)
    assert choose([], 5.0).ways == ()


def test_a_bench_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        choose([], -1.0)
