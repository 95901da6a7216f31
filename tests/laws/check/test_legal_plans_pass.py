"""A plan that is legal by construction raises no alarm."""

from __future__ import annotations

import pytest
from benchmarks._legal_plans import AS_OF, legal_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivefold.check import check_plan


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**31), items=st.integers(1, 3), weeks=st.integers(4, 12))
def test_random_legal_plans_raise_no_alarm(seed: int, items: int, weeks: int) -> None:
    found = check_plan(legal_plan(seed, items=items, weeks=weeks), as_of=AS_OF)
    assert found["text"].to_list() == []


@pytest.mark.slow
def test_a_thousand_legal_plans_raise_no_alarm() -> None:
    for seed in range(1000):
        assert check_plan(legal_plan(seed), as_of=AS_OF).height == 0
