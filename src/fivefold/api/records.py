"""Answers of the use cases as records that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from fivefold.api.paging import records
from fivefold.cycle.explain import Why
from fivefold.cycle.importing import ImportReport
from fivefold.cycle.plans import Plan

if TYPE_CHECKING:
    from fivefold.twin.experiment import Proof


def plan_head(plan: Plan, *, accepted: str | None = None) -> dict[str, Any]:
    """Return the head of a plan: what it is, not what it says."""
    return {
        "plan": plan.plan,
        "as_of": plan.as_of,
        "status": plan.status,
        "scenario": plan.scenario,
        "legal": plan.is_legal,
        "accepted": plan.plan == accepted,
        "violations": plan["violations"].height,
        "params": plan.params,
    }


def plan_record(plan: Plan, *, accepted: str | None = None) -> dict[str, Any]:
    """Return a plan as a record: its figures, not its rows."""
    limits = plan["limit_prices"].filter(pl.col("price") > 1e-6).sort("price", descending=True)
    unmet = (
        plan["unmet_demand"]
        .group_by("reason_code")
        .agg(
            items=pl.col("item").n_unique(),
            units=pl.col("units").sum(),
            value=pl.col("value").sum(),
        )
    )
    by_kind = (
        plan["supply_plan"]
        .group_by("kind")
        .agg(count=pl.len(), units=pl.col("quantity").sum(), value=pl.col("value").sum())
    )
    why_not = plan["explanations"].filter(pl.col("reason_code") == "infeasible")["text"]
    return {
        **plan_head(plan, accepted=accepted),
        "rows": {name: frame.height for name, frame in sorted(plan.tables.items())},
        "decisions": records(by_kind.sort("kind")),
        "binding_limits": records(limits.head(100)),
        "unmet": records(unmet.sort("value", descending=True)),
        "reasons": list(dict.fromkeys(why_not.to_list()))[:20],
        "proof": records(plan.tables["proof"]) if "proof" in plan.tables else [],
        "seconds": plan.seconds,
    }


def why_record(found: Why) -> dict[str, Any]:
    """Return the reasons of one name as a record."""
    return {
        "name": found.name,
        "plan": found.plan,
        "rows": {table: records(frame) for table, frame in found.rows.items()},
        "reasons": records(found.reasons),
        "because": records(found.because),
    }


def import_record(report: ImportReport) -> dict[str, Any]:
    """Return an import as a record."""
    return {
        "status": "refused_some" if report.has_errors else "done",
        "dry_run": report.dry_run,
        "files": [
            {**asdict(file), "problems": [asdict(problem) for problem in file.problems]}
            for file in report.files
        ],
        "notes": [asdict(note) for note in report.notes],
        "commands_written": report.commands_written,
        "commands_known": report.commands_known,
        "commands_refused": list(report.refused_commands),
    }


def proof_table(proof: Proof) -> pl.DataFrame:
    """Return the figures of a proof as a table that is kept with its plan."""
    return pl.DataFrame(
        [
            {
                **asdict(figure),
                "verdict": figure.verdict,
                "old_name": proof.old,
                "new_name": proof.new,
                "replications": proof.replications,
                "days": proof.days,
                "seed": proof.seed,
            }
            for figure in proof.figures
        ]
    )
