"""Every kind of fault, put into random rows of legal plans, is named with rule and row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from benchmarks._faults import FAULTS, Fault, is_named
from benchmarks._legal_plans import AS_OF, legal_plan

from fivefold.check import check_plan, rules

ROWS = 5


def _caught(fault: Fault, count: int) -> tuple[int, int]:
    injected = named = 0
    for seed in range(20 * count):
        plan = legal_plan(seed)
        spoilt = fault.inject(plan, np.random.default_rng(seed), rows=min(ROWS, count - injected))
        if spoilt is None:
            continue
        dataset, wanted = spoilt
        found = check_plan(dataset, as_of=AS_OF)
        injected += len(wanted)
        named += sum(is_named(found, one) for one in wanted)
        if injected >= count:
            break
    return injected, named


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
def test_each_kind_of_fault_is_named_in_five_random_rows(fault: Fault) -> None:
    assert _caught(fault, ROWS) == (ROWS, ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
def test_each_kind_of_fault_is_named_in_fifty_random_rows(fault: Fault) -> None:
    assert _caught(fault, 50) == (50, 50)


def test_there_are_at_least_thirty_kinds_of_faults_and_their_rules_are_in_the_catalogue() -> None:
    known = {(rule.table, rule.rule) for rule in rules()}
    used = {(fault.reported or fault.table, fault.rule) for fault in FAULTS}
    assert len({fault.kind for fault in FAULTS}) >= 30
    assert all(pair in known or ("*", pair[1]) in known for pair in used)


def test_a_fault_changes_only_the_rows_it_picks() -> None:
    fault = next(one for one in FAULTS if one.kind == "planted negative balance")
    plan = legal_plan(3)
    spoilt = fault.inject(plan, np.random.default_rng(3), rows=2)
    assert spoilt is not None
    before, after = plan["projected_stock"], spoilt[0]["projected_stock"]
    assert (before["closing"] != after["closing"]).sum() == 2
    assert before.drop("closing").equals(after.drop("closing"))


def test_violations_say_what_was_found_and_what_is_asked() -> None:
    plan = legal_plan(1)
    late = plan["projected_stock"].with_columns(
        closing=pl.when(pl.int_range(pl.len()) == 0).then(-7.0).otherwise("closing")
    )
    found = check_plan(plan.with_tables(projected_stock=late), as_of=AS_OF)
    row = found.filter(pl.col("rule") == "closing_not_negative").row(0, named=True)
    assert row["found"] == "-7.0"
    assert row["text"].endswith("stock is never below zero; found -7.0, expected ≥ 0")
