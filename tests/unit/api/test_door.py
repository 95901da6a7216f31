"""Limits and depth, without a server."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fivefold.api.door import Buckets, depth_of

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\ab'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def _depth(value: object) -> int:
    if isinstance(value, list):
        return 1 + max((_depth(one) for one in value), default=0)
    if isinstance(value, dict):
        return 1 + max((_depth(one) for one in value.values()), default=0)
    return 0


@given(VALUES)
def test_depth_is_that_of_the_value_whatever_its_text_holds(value: object) -> None:
    assert depth_of(json.dumps(value).encode()) == _depth(value)


def test_a_bucket_refills_with_time() -> None:
    now = [0.0]
    buckets = Buckets(per_second=2, burst=4, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(5)] == [True] * 4 + [False]
    assert buckets.take("b")
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
