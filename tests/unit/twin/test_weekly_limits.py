"""The twin holds cash and hours as the plan and its checker count them: week by week."""

from __future__ import annotations

from typing import Any

import polars as pl

from fivefold.cycle.changes import applied, parsed
from fivefold.model import Dataset, schema
from fivefold.twin.experiment import Played, prove
from fivefold.twin.stages import stages_of

#: Money a week that pays for some of what is wanted, not all.
LITTLE = 400.0


def _with_cash(dataset: Dataset, amount: float) -> Dataset:
    rule = schema("limits_rules").frame(
        [{"limit": "CASH", "kind": "cash", "subject": "", "amount_per_week": amount}]
    )
    rules = dataset["limits_rules"].filter(pl.col("kind") != "cash")
    return dataset.with_tables(limits_rules=pl.concat([rules, rule], how="diagonal_relaxed"))


def test_no_week_pays_more_than_its_cash_and_none_is_carried_over(company: Any) -> None:
    with company.make(company.folder) as store:
        plan = store.latest_plan()
        known = store.dataset(as_of=plan.as_of)
        value: dict[float, float] = {}
        for amount in (LITTLE, 1e9):
            paid: list[float] = []

            def dearest(played: Played, paid: list[float] = paid) -> dict[str, float]:
                weekly: dict[int, float] = {}
                for stage, row in enumerate(played.stages.rows):
                    if row.kind != "buy":
                        continue
                    for week, units in enumerate(played.result.ordered[stage].tolist()):
                        billed = 7 * week + round(row.lead_time_days_mean) + row.payment_days
                        cost = row.landed_unit_cost * units
                        weekly[week] = weekly.get(week, 0.0) + row.deposit_share * cost
                        due = billed // 7
                        weekly[due] = weekly.get(due, 0.0) + (1 - row.deposit_share) * cost
                paid.append(max(weekly.values(), default=0.0))
                return {"value": sum(weekly.values())}

            told = {"days": 70, "replications": 1, "measures": (("value", "currency", "higher"),)}
            proof = prove(plan, _with_cash(known, amount), store.journal, measured=dearest, **told)
            value[amount] = proof.figure("value").old
            if amount < 1e9:
                assert max(paid) <= amount + 1e-6
    assert 0 < value[LITTLE] < value[1e9]


def test_a_rule_on_hours_goes_before_what_shifts_imply(company: Any) -> None:
    with company.make(company.folder) as store:
        plan = store.latest_plan()
        known = store.dataset(as_of=plan.as_of)
        resource = schema("resources").frame(
            [{"resource": "LINE", "location": "PLANT", "hours_per_day": 8.0, "count": 1}]
        )
        rule = schema("limits_rules").frame(
            [{"limit": "H", "kind": "resource_hours", "subject": "LINE", "amount_per_week": 30.0}]
        )
        told = known.with_tables(
            resources=resource, limits_rules=rule, sales_history=plan["sales_history"]
        )
        assert stages_of(plan, told).weekly_hours["LINE"] == 30.0
        more = applied(told, parsed(["limit:H=+50%"]), as_of=plan.as_of)
        assert stages_of(plan, more).weekly_hours["LINE"] == 45.0
        without = told.with_tables(limits_rules=rule.clear())
        assert stages_of(plan, without).weekly_hours["LINE"] == 40.0
