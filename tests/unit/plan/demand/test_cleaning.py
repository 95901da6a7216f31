from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from fivefold.plan.demand.cleaning import clean, inherit

FIRST = date(2025, 1, 1)
DAYS = 200
AS_OF = FIRST + timedelta(days=DAYS)


def _daily(units: np.ndarray, share: np.ndarray | None = None, item: str = "A") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item": item,
            "location": "W",
            "date": [FIRST + timedelta(days=i) for i in range(len(units))],
            "units": units.astype(np.int64),
            "in_stock_share": share if share is not None else np.ones(len(units)),
            "price": None,
            "is_promotion": False,
        }
    )


def test_days_out_of_stock_are_estimated_by_weekday_and_not_zero() -> None:
    week = np.array([10, 10, 10, 10, 10, 20, 30])
    units = np.tile(week, 30)[:DAYS].copy()
    share = np.ones(DAYS)
    truth = units.copy()
    share[100:121] = 0.0
    units[100:121] = 0
    found = clean(_daily(units, share), as_of=AS_OF)
    assert found.wanted[0, 100:121] == pytest.approx(truth[100:121], rel=0.1)
    assert found.censored[0].sum() == 21
    assert found.wanted[0, :100] == pytest.approx(truth[:100])


def test_a_lone_freak_day_is_cut_and_a_lasting_surge_is_not() -> None:
    rng = np.random.default_rng(3)
    units = rng.poisson(10, DAYS)
    units[60] = 500
    units[150:] = rng.poisson(40, DAYS - 150)
    found = clean(_daily(units), as_of=AS_OF)
    assert found.freak[0, 60]
    assert found.wanted[0, 60] < 80
    assert found.freak[0, 150:].sum() == 0


def test_a_day_on_which_the_whole_catalogue_rose_is_no_freak() -> None:
    rng = np.random.default_rng(4)
    parts = []
    for k in range(6):
        units = rng.poisson(10, DAYS)
        units[90] = 100
        parts.append(_daily(units, item=f"I{k}"))
    # The rise itself is beyond the limit for each; a calm item shows the difference.
    found = clean(pl.concat(parts), as_of=AS_OF)
    lone = clean(parts[0], as_of=AS_OF)
    assert lone.freak[0, 90]
    assert found.wanted[:, 90].sum() >= lone.wanted[0, 90] * 6 * 0.9


def test_a_replacement_inherits_the_history_of_what_it_replaces() -> None:
    old = _daily(np.full(100, 5), item="OLD")
    new = _daily(np.r_[np.zeros(100), np.full(50, 4)], item="NEW")
    items = pl.DataFrame(
        {
            "item": ["OLD", "NEW"],
            "replaces_item": [None, "OLD"],
            "launched_on": [None, FIRST + timedelta(days=100)],
        }
    )
    found = inherit(pl.concat([old, new]), items).filter(pl.col("item") == "NEW").sort("date")
    assert found["units"].to_list() == [5] * 100 + [4] * 50
