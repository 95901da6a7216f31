"""Shops of the literature come out at their known best, by search, by solver, by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fivefold.make.schedule_params import Params
from fivefold.make.shop import Mode, Shop, Task, build
from fivefold.make.shop_solver import least_cost, solve
from fivefold.make.timetable import Timetable, find

# Fisher and Thompson (1963), 6 × 6: machine and time of each step; the best makespan is 55.
FT06 = (
    "2 1 0 3 1 6 3 7 5 3 4 6", "1 8 2 5 4 10 5 10 0 10 3 4", "2 5 3 4 5 8 0 9 1 1 4 7",
    "1 5 0 5 2 5 3 3 4 8 5 9", "2 9 1 3 4 5 5 4 0 3 3 1", "1 3 3 3 5 9 0 10 4 4 2 1",
)  # fmt: skip


def _ft06() -> Shop:
    tasks: list[Task] = []
    for job, line in enumerate(FT06):
        row = [int(word) for word in line.split()]
        for step in range(0, 12, 2):
            before = [(len(tasks) - 1, 0)] if step else []
            mode = Mode(machine=row[step], run=row[step + 1])
            tasks.append(Task(order=job, modes=[mode], before=before))
    return build(tasks=tasks, machines=6, makespan_cost=1.0)


def test_the_search_alone_solves_ft06() -> None:
    assert find(_ft06(), Params(trials=60_000)).cost == 55


def test_the_solver_proves_ft06() -> None:
    shop = _ft06()
    solved = solve(shop, find(shop, Params(trials=0)), seconds=20.0)

    assert solved.times.cost == 55
    assert solved.proved
    assert solved.bound == pytest.approx(55)


def test_a_solver_that_is_told_to_stop_still_answers() -> None:
    shop = _ft06()
    first = find(shop, Params(trials=0))
    solved = solve(shop, first, seconds=20.0, tell=lambda cost, bound: False)

    assert 55 <= solved.times.cost <= first.cost


@pytest.mark.parametrize("seed", range(6))
def test_five_jobs_with_changeovers_are_the_best_of_all_sequences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    change = rng.integers(1, 5, (3, 3)) * 600
    run = rng.integers(1, 6, 5) * 3600
    tasks = [
        Task(order=job, modes=[Mode(machine=0, run=int(run[job]), setup=900)], family=job % 3)
        for job in range(5)
    ]
    due = (rng.integers(0, 3, 5) * 43_200).tolist()
    shop = build(
        tasks=tasks, machines=1, changeovers={0: change}, due=due, late_cost=[10.0] * 5,
        setup_cost=[0.01],
    )  # fmt: skip

    def cost(sequence: tuple[int, ...]) -> float:
        clock, paid, late = 0, 0, 0.0
        for place, job in enumerate(sequence):
            ahead = sequence[place - 1] % 3
            setup = 900 if place == 0 else int(change[ahead, job % 3])
            paid += setup
            clock += setup + int(run[job])
            late += 10.0 * max(0, -(-(clock - due[job]) // 86_400))
        return late + 0.01 * paid

    best = min(cost(sequence) for sequence in itertools.permutations(range(5)))
    found = find(shop, Params(trials=5_000))
    assert found.cost == pytest.approx(best)
    assert least_cost(shop) <= best + 1e-9


def test_work_pauses_where_hours_end_and_tools_are_shared() -> None:
    tasks = [Task(order=job, modes=[Mode(machine=job, run=6)], needs=[(0, 1)]) for job in range(2)]
    shop = build(
        tasks=tasks, machines=2, hours=[[(0, 4), (10, 99)], [(0, 99)]], tool_units=[1],
        makespan_cost=1.0,
    )  # fmt: skip
    none = np.zeros(2, np.int64)
    times = Timetable.of(shop, np.array([0, 1]), none, none)

    assert (times.start.tolist(), times.finish.tolist()) == ([0, 12], [12, 18])


def test_a_circle_of_steps_is_refused() -> None:
    one = [Mode(machine=0, run=1)]
    with pytest.raises(ValueError, match="circle"):
        build(
            tasks=[
                Task(order=0, modes=one, before=[(1, 0)]),
                Task(order=0, modes=one, before=[(0, 0)]),
            ],
            machines=1,
        )
