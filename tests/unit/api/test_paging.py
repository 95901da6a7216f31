"""Pages of tables: the same rows a plain loop would pick, a million of them too."""

from __future__ import annotations

import operator
import time
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.api.paging import Page, matching, plain
from fivefold.api.problems import ProblemError

OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def _page(where: tuple[str, ...] = (), sort: tuple[str, ...] = (), search: str = "") -> Page:
    return Page(
        offset=0, limit=10, sort=sort, where=where, columns=(), search=search, form="records"
    )


@given(
    st.lists(st.tuples(st.integers(-5, 5) | st.none(), st.text("aAé.(", max_size=3)), max_size=20),
    st.sampled_from(sorted(OPERATORS)),
    st.integers(-5, 5),
    st.text("aAé.(", max_size=2),
)
def test_rows_are_those_a_plain_loop_picks(
    rows: list[tuple[int | None, str]], name: str, value: int, search: str
) -> None:
    types = {"n": pl.Int64, "s": pl.String}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    found = matching(frame, _page(where=(f"n:{name}:{value}",), sort=("-n",), search=search))
    wanted = [
        number
        for number, (n, s) in enumerate(rows)
        if n is not None and OPERATORS[name](n, value) and search.lower() in s.lower()
    ]
    assert sorted(found.to_list()) == wanted
    picked = [rows[number][0] for number in found.to_list()]
    assert picked == sorted(picked, reverse=True)  # type: ignore[type-var]


def test_a_page_of_a_million_rows_costs_little() -> None:
    count = 1_000_000
    frame = pl.DataFrame(
        {"n": pl.Series(range(count)).shuffle(seed=1), "s": pl.Series(["a", "b"] * (count // 2))}
    )
    started = time.process_time()
    found = matching(frame, _page(where=("s:eq:a",), sort=("-n",)))
    first = frame[found[:100]]
    assert time.process_time() - started < 2.0
    assert first["n"].is_sorted(descending=True)
    assert len(found) == count // 2


def test_values_become_what_json_holds() -> None:
    frame = pl.DataFrame(
        {
            "day": [date(2026, 11, 22)],
            "at": [datetime(2026, 11, 22, 5, tzinfo=UTC)],
            "x": [float("nan")],
            "y": [float("inf")],
            "z": [1.5],
        }
    )
    assert plain(frame).row(0) == ("2026-11-22", "2026-11-22T05:00:00Z", None, None, 1.5)


@pytest.mark.parametrize("where", ["n", "n:", "n:eq", "n:eq:x", "m:eq:1", "n:gt:1e5"])
def test_a_condition_that_cannot_be_read_is_refused(where: str) -> None:
    frame = pl.DataFrame({"n": [1]})
    with pytest.raises(ProblemError, match=r"column|value"):
        matching(frame, _page(where=(where,)))
