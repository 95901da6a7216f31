"""Critical moves: the same times as the layout, never illegal, and as good as what is proved."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fivefold.make.schedule_params import Params
from fivefold.make.shop import FOREVER, Mode, Shop, Task, build
from fivefold.make.shop_kernels import working_end
from fivefold.make.shop_net import working_start
from fivefold.make.shop_search import has_chains, improve_by_tabu, search
from fivefold.make.shop_solver import least_cost, solve
from fivefold.make.timetable import Timetable, find


def _flexible(seed: int, *, jobs: int = 5, steps: int = 3, machines: int = 3) -> Shop:
    """Return a flexible job shop without hours, makespan its cost."""
    rng = np.random.default_rng(seed)
    tasks: list[Task] = []
    for job in range(jobs):
        for step in range(steps):
            able = rng.choice(machines, int(rng.integers(1, machines + 1)), replace=False)
            modes = [Mode(machine=int(one), run=int(rng.integers(2, 20))) for one in able]
            tasks.append(Task(order=job, modes=modes, before=[(len(tasks) - 1, 0)] if step else []))
    return build(tasks=tasks, machines=machines, makespan_cost=1.0)


def _with_hours(seed: int) -> Shop:
    """Return a shop with shifts that differ, a tool, change-overs, due days and lateness."""
    rng = np.random.default_rng(seed)
    tasks: list[Task] = []
    for job in range(8):
        for step in range(2):
            modes = [
                Mode(machine=one, run=int(rng.integers(1, 6)) * 3600, setup=1800)
                for one in (0, 1)[: 1 + int(rng.integers(2))]
            ]
            tasks.append(
                Task(
                    order=job,
                    modes=modes,
                    before=[(len(tasks) - 1, 600)] if step else [],
                    needs=[(0, 1)] if rng.random() < 0.3 else [],
                    family=job % 3,
                )
            )
    day = 86_400
    first = [(one * day + 6 * 3600, one * day + 14 * 3600) for one in range(60)]
    second = [(one * day + 8 * 3600, one * day + 20 * 3600) for one in range(60)]
    return build(
        tasks=tasks,
        machines=2,
        hours=[first, second],
        tool_units=[1],
        changeovers={0: rng.integers(0, 4, (3, 3)) * 900},
        setup_cost=[0.002, 0.001],
        due=[int(rng.integers(1, 4)) * day for _ in range(8)],
        late_cost=rng.integers(1, 9, 8).astype(float).tolist(),
    )


@pytest.mark.parametrize("seed", range(8))
def test_critical_moves_reach_what_the_solver_proves(seed: int) -> None:
    shop = _flexible(seed)
    first = find(shop, Params(trials=0))
    proved = solve(shop, first, seconds=20.0)
    assert proved.proved

    found = improve_by_tabu(shop, first, steps=20_000, goal=least_cost(shop))
    assert found.cost == proved.times.cost


@pytest.mark.parametrize("seed", range(6))
def test_with_hours_tools_and_changeovers_moves_never_cost_more_and_mostly_less(seed: int) -> None:
    shop = _with_hours(seed)
    rules = find(shop, Params(trials=0))
    found = improve_by_tabu(shop, rules, steps=4_000)

    assert found.cost <= rules.cost
    again = Timetable.of(shop, found.sequence, found.chosen, found.not_before)
    assert again.cost == pytest.approx(found.cost)
    by_machine = sorted(zip(found.machine, found.start, found.finish, strict=True))
    for one, other in itertools.pairwise(by_machine):
        assert one[0] != other[0] or one[2] <= other[1]


def test_of_shops_with_hours_most_are_improved_beyond_annealing() -> None:
    gains = []
    for seed in range(6):
        shop = _with_hours(seed)
        annealed = find(shop, Params(trials=2_000))
        gains.append(annealed.cost - search(shop, Params(trials=4_000)).cost)
    assert sum(gains) > 0
    assert sum(gain < -1e-9 for gain in gains) <= 1


def test_one_seed_gives_one_schedule() -> None:
    shop = _with_hours(3)
    one, other = (search(shop, Params(trials=2_000, seed=7)) for _ in range(2))
    assert one.start.tolist() == other.start.tolist()


def test_the_latest_begin_undoes_the_end_of_work() -> None:
    hours = [(10, 20), (30, 50), (60, 61), (70, 90)]
    shop = build(tasks=[Task(order=0, modes=[Mode(machine=0, run=1)])], machines=1, hours=[hours])
    for start, work in itertools.product(range(60), range(1, 12)):
        begins, ends = working_end(shop, 0, start, work)
        assert ends < FOREVER
        latest = _latest(shop, ends, work)
        # It ends then as well, and a second later it does not.
        assert working_end(shop, 0, latest, work)[1] == ends
        assert latest >= begins
        assert working_end(shop, 0, latest + 1, work)[1] > ends
    assert _latest(shop, 12, 5) < 0


def _latest(shop: Shop, end: int, work: int) -> int:
    """Return what the compiled function gives, run as it is written."""
    return int(working_start.py_func(shop, 0, end, work))


def test_a_shop_of_tools_alone_has_nothing_to_move_on_machines() -> None:
    tasks = [Task(order=0, modes=[Mode(machine=-1, run=3)], needs=[(0, 1)]) for _ in range(4)]
    shop = build(tasks=tasks, machines=0, tool_units=[2], makespan_cost=1.0)
    assert not has_chains(shop)
    assert search(shop, Params(trials=200)).cost == 6


def test_effort_by_a_clock_ends_when_the_clock_says() -> None:
    shop, ticks = _flexible(1, jobs=8), itertools.count()
    solved = solve(
        shop, find(shop, Params(trials=0)), seconds=5.0, clock=lambda: float(next(ticks))
    )
    assert least_cost(shop) <= solved.bound <= solved.times.cost
