"""Does the checker find what is wrong, keep still where nothing is, and how fast is it?

    python -m benchmarks.checker [--suite all|faults|clean|speed] [--seed N] [--quick] [--json]

`faults` puts each kind of fault into random rows of random legal plans (50 a kind, 5 when
quick) and counts those named with the right rule and row. `clean` checks legal plans nobody
spoilt (1,000, 30 when quick); every violation is a false alarm. `speed` checks one large plan
and counts the rows of its result tables and the input rows they rest on a CPU-second. The
catalogue of rules comes along with --json. Plans are made by `benchmarks._legal_plans`, which
calls no engine.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np

from benchmarks._faults import FAULTS, Fault, is_named
from benchmarks._form import Measured, Options, cpu_timer, run
from benchmarks._legal_plans import AS_OF, legal_plan
from fivefold.check import check_plan, rules

#: Faults put into one plan at once, each in a row of its own.
AT_ONCE = 5


def measure_fault(fault: Fault, count: int, seed: int) -> dict[str, Any]:
    """Put `count` faults of one kind into plans and count those that are named."""
    rng = np.random.default_rng(seed)
    injected = named = plans = 0
    while injected < count and plans < 20 * count:
        plans += 1
        plan = legal_plan(int(rng.integers(2**31)))
        spoilt = fault.inject(plan, rng, rows=min(AT_ONCE, count - injected))
        if spoilt is None:
            continue
        dataset, wanted = spoilt
        found = check_plan(dataset, as_of=AS_OF)
        injected += len(wanted)
        named += sum(is_named(found, one) for one in wanted)
    return {
        "suite": "faults",
        "case": fault.kind,
        "rule": f"{fault.reported or fault.table}.{fault.rule}",
        "injected": injected,
        "named": named,
    }


def measure_clean(count: int, seed: int) -> dict[str, Any]:
    """Check plans nobody spoilt."""
    alarms: list[str] = []
    with cpu_timer() as timer:
        for number in range(count):
            plan = legal_plan(seed * 1_000_003 + number)
            alarms += check_plan(plan, as_of=AS_OF)["text"].to_list()
    return {
        "suite": "clean",
        "case": f"{count} legal plans",
        "plans": count,
        "false_alarms": len(alarms),
        "first": alarms[0] if alarms else "",
        "cpu_s": timer.cpu_s,
    }


def measure_speed(items: int, seed: int) -> dict[str, Any]:
    """Check one large plan twice; the second run counts."""
    plan = legal_plan(seed, items=items, weeks=26)
    check_plan(plan, as_of=AS_OF)
    with cpu_timer() as timer:
        found = check_plan(plan, as_of=AS_OF)
    count = sum(frame.height for frame in plan.tables.values())
    return {
        "suite": "speed",
        "case": f"{items} items, 26 weeks",
        "rows": count,
        "violations": found.height,
        "cpu_s": timer.cpu_s,
        "rows_per_cpu_s": count / timer.cpu_s,
    }


def measure(options: Options) -> Measured:
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {"rules": len(rules())}
    if options.suite in ("all", "faults"):
        count = AT_ONCE if options.quick else 50
        each = [measure_fault(fault, count, options.seed + n) for n, fault in enumerate(FAULTS)]
        rows += each
        summary["fault_kinds"] = len(each)
        summary["fault_kinds_all_caught"] = sum(
            row["named"] == row["injected"] >= count for row in each
        )
        summary["faults_injected"] = sum(row["injected"] for row in each)
        summary["faults_caught"] = sum(row["named"] for row in each)
    if options.suite in ("all", "clean"):
        clean = measure_clean(30 if options.quick else 1000, options.seed)
        rows.append(clean)
        summary["clean_plans"] = clean["plans"]
        summary["false_alarms"] = clean["false_alarms"]
    if options.suite in ("all", "speed"):
        speed = measure_speed(150 if options.quick else 400, options.seed)
        rows.append(speed)
        summary["rows"] = speed["rows"]
        summary["rows_per_cpu_s"] = speed["rows_per_cpu_s"]
    rows += [{"suite": "rules", **asdict(rule)} for rule in rules()]
    return Measured(rows=rows, summary=summary)


if __name__ == "__main__":
    run("checker", measure, suites=("all", "faults", "clean", "speed"))
