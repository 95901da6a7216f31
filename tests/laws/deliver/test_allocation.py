"""In a shortage all that is free is given, nobody gets more than wanted, shares are fair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.deliver.allocation import Request, allocate

requests = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([1, 2, None]), st.floats(-5, 20)), max_size=6
).map(
    lambda rows: [
        Request(name=str(n), units=u, priority=p, margin=m) for n, (u, p, m) in enumerate(rows)
    ]
)


@given(wanted=requests, free=st.integers(0, 120))
@pytest.mark.parametrize("rule", ["priority", "fair_share", "margin"])
def test_all_that_is_free_is_given_and_no_more(rule: str, wanted: list[Request], free: int) -> None:
    got = allocate(free, wanted, rule)  # type: ignore[arg-type]
    assert sum(got.values()) == min(free, sum(one.units for one in wanted))
    assert all(0 <= got[one.name] <= one.units for one in wanted)


@given(wanted=requests, free=st.integers(0, 120))
def test_a_fair_share_is_within_a_unit_of_the_part_wanted(wanted: list[Request], free: int) -> None:
    total = sum(one.units for one in wanted)
    got = allocate(free, wanted, "fair_share")
    for one in wanted:
        exact = one.units if total <= free else one.units * free / total
        assert abs(got[one.name] - exact) < 1.0


@given(wanted=requests, free=st.integers(0, 120))
def test_nobody_goes_without_while_a_lesser_one_gets_units(
    wanted: list[Request], free: int
) -> None:
    got = allocate(free, wanted, "margin")
    for better in wanted:
        for worse in wanted:
            if better.margin > worse.margin and got[worse.name]:
                assert got[better.name] == better.units
