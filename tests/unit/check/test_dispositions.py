"""Dispositions under a bench of so many hours: what is legal and what is not."""

from __future__ import annotations

import polars as pl

from fivefold.check.selling import check_dispositions
from fivefold.model import Dataset


def broken(*chosen: str, hours: float | None) -> set[str]:
    """Return the rules broken where the bench could mend two returns of 30 minutes each."""
    rows = [
        {
            "return_id": name,
            "option": option,
            "value": value,
            "allowed": True,
            "chosen": option == picked,
            "bench_minutes": minutes,
        }
        for name, picked in zip(("R1", "R2"), chosen, strict=True)
        for option, value, minutes in (("refurbish", 20.0, 30.0), ("liquidate", 2.0, 0.0))
    ]
    tables = {"dispositions": pl.DataFrame(rows)}
    if hours is not None:
        name = "refurbishing_bench_hours_per_week"
        tables["settings"] = pl.DataFrame([{"name": name, "value": str(hours)}])
    found = [frame for frame in check_dispositions(Dataset(tables)) if frame.height]
    return {rule for frame in found for rule in frame["rule"]}


def test_without_a_limit_the_best_way_is_the_only_legal_one() -> None:
    assert broken("refurbish", "refurbish", hours=None) == set()
    assert broken("refurbish", "liquidate", hours=None) == {"best_is_best"}


def test_a_full_bench_excuses_the_lesser_way_and_an_idle_one_does_not() -> None:
    assert broken("refurbish", "liquidate", hours=0.5) == set()
    assert broken("liquidate", "liquidate", hours=0.5) == {"best_is_best"}


def test_a_bench_asked_for_too_much_is_found() -> None:
    assert broken("refurbish", "refurbish", hours=0.5) == {"bench_capacity"}


def test_a_return_of_which_no_way_has_a_value_may_wait() -> None:
    row = {"return_id": "R", "option": "dispose", "value": None, "allowed": True, "chosen": False}
    frame = pl.DataFrame([row], schema_overrides={"value": pl.Float64()})
    assert all(not f.height for f in check_dispositions(Dataset({"dispositions": frame})))
