"""Queues against published figures, the birth-and-death chain, and a simulation."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

from fivefold.returns.staffing import StaffParams, agents_needed, queue_figures, staff_plan


def test_erlang_c_and_a_are_those_of_the_call_centre_tutorial() -> None:
    # Gans, Koole & Mandelbaum (2003), table 1: 48 calls a minute of one minute, 50 agents;
    # Erlang C: 20.8 s, queue 17, 96 %; patience of two minutes: 3.1 %, 3.7 s, queue 3, 93 %;
    # Erlang C with 3.1 % fewer calls: 8.8 s, queue 7, 93 %.
    c = queue_figures(per_hour=2880, handle_minutes=1, agents=50)
    assert c.wait_minutes * 60 == pytest.approx(20.8, abs=0.05)
    assert c.queue == pytest.approx(17, abs=0.5)
    assert c.utilisation == pytest.approx(0.96, abs=0.005)
    a = queue_figures(per_hour=2880, handle_minutes=1, agents=50, patience_minutes=2)
    assert a.abandon_share == pytest.approx(0.031, abs=0.0005)
    assert a.wait_minutes * 60 == pytest.approx(3.7, abs=0.05)
    assert a.queue == pytest.approx(3, abs=0.5)
    assert a.utilisation == pytest.approx(0.93, abs=0.005)
    fewer = queue_figures(per_hour=2880 * 0.969, handle_minutes=1, agents=50)
    assert fewer.wait_minutes * 60 == pytest.approx(8.8, abs=0.1)
    assert fewer.queue == pytest.approx(7, abs=0.5)


def test_erlang_c_of_ten_erlangs_and_fourteen_agents() -> None:
    # 200 calls an hour of three minutes: 17.4 % wait, 88.8 % within 20 s, 7.8 s in the mean.
    found = queue_figures(per_hour=200, handle_minutes=3, agents=14, within_minutes=20 / 60)
    assert found.wait_share == pytest.approx(0.1741, abs=0.0001)
    assert found.answered_within_share == pytest.approx(0.888, abs=0.0005)
    assert found.wait_minutes * 60 == pytest.approx(7.8, abs=0.05)


@pytest.mark.parametrize(
    ("per_hour", "agents", "patience"), [(30, 3, 4.0), (90, 9, 2.0), (120, 9, 3.0), (5, 1, 10.0)]
)
def test_erlang_a_is_the_birth_and_death_chain(
    per_hour: float, agents: int, patience: float
) -> None:
    handle = 6.0
    chances = [1.0]
    for state in range(1, 400):
        out = min(state, agents) / handle + max(state - agents, 0) / patience
        chances.append(chances[-1] * per_hour / 60 / out)
    p = np.array(chances) / sum(chances)
    waiting = np.maximum(np.arange(400) - agents, 0)
    queue = float((p * waiting).sum())
    found = queue_figures(
        per_hour=per_hour, handle_minutes=handle, agents=agents, patience_minutes=patience
    )
    assert found.queue == pytest.approx(queue, rel=1e-4)
    assert found.abandon_share == pytest.approx(queue / patience / (per_hour / 60), rel=1e-4)
    assert found.wait_share == pytest.approx(float(p[agents:].sum()), rel=1e-4)


def test_erlang_a_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(7)
    calls, agents, handle, patience, within = 120_000, 5, 5.0, 3.0, 0.5
    came = np.cumsum(rng.exponential(60 / 66, calls))
    talk, waits_for = rng.exponential(handle, calls), rng.exponential(patience, calls)
    free = [0.0] * agents
    gone = in_time = 0
    for at, minutes, patient in zip(came, talk, waits_for, strict=True):
        wait = max(free[0] - at, 0.0)
        if wait > patient:
            gone += 1
            continue
        in_time += wait <= within
        heapq.heapreplace(free, at + wait + minutes)
    found = queue_figures(
        per_hour=66, handle_minutes=handle, agents=agents, patience_minutes=patience,
        within_minutes=within,
    )  # fmt: skip
    assert found.abandon_share == pytest.approx(gone / calls, abs=0.006)
    assert found.answered_within_share == pytest.approx(in_time / calls, abs=0.012)


def test_the_fewest_agents_are_enough_and_one_less_is_not() -> None:
    asked = {"per_hour": 90.0, "handle_minutes": 7.0, "patience_minutes": 4.0}
    agents, found = agents_needed(**asked)
    assert found.answered_within_share >= 0.8
    assert found.abandon_share <= 0.05
    less = queue_figures(**asked, agents=agents - 1)
    assert less.answered_within_share < 0.8 or less.abandon_share > 0.05


def test_a_queue_that_never_ends_is_refused_and_an_empty_one_waits_for_nobody() -> None:
    with pytest.raises(ValueError, match="never get through"):
        queue_figures(per_hour=60, handle_minutes=2, agents=2)
    assert queue_figures(per_hour=0, handle_minutes=2, agents=2).wait_share == 0.0
    with pytest.raises(ValueError, match="below 1"):
        agents_needed(per_hour=1, handle_minutes=1, patience_minutes=1, answered_share=1.0)


def test_a_staff_plan_has_a_row_a_skill_and_hour() -> None:
    params = StaffParams(handle_minutes={"quality": 10.0, "": 5.0}, cost_per_hour=24.0)
    rows = staff_plan({"quality": 40.0, "sales": 0.0}, [0.75, 0.25], params)
    assert len(rows) == 4
    quality = [row for row in rows if row["skill"] == "quality"]
    assert quality[0]["agents"] > quality[1]["agents"]  # type: ignore[operator]
    assert all(math.isclose(row["cost"], row["agents"] * 24.0) for row in rows)  # type: ignore[operator,arg-type]
