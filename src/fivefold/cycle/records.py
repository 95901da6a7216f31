"""What use cases answer, as records: the one form that the command line and the API both print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from fivefold.cycle.explain import Why
from fivefold.cycle.importing import ImportReport
from fivefold.cycle.plans import Plan
from fivefold.cycle.previewing import Preview

#: Lines of a preview, limits and reasons that a record holds at most; its counts are of all.
MOST_CHANGES, MOST_LIMITS, MOST_REASONS = 10_000, 100, 20


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
    by_kind = (
        plan["supply_plan"]
        .group_by("kind")
        .agg(count=pl.len(), units=pl.col("quantity").sum(), value=pl.col("value").sum())
        .sort("kind")
    )
    tables = plan.tables
    return {
        **plan_head(plan, accepted=accepted),
        "rows": {name: frame.height for name, frame in sorted(tables.items())},
        "decisions": {row.pop("kind"): row for row in by_kind.to_dicts()},
        "binding_limits": binding_limits(plan).head(MOST_LIMITS).to_dicts(),
        "unmet": unmet_by_reason(plan).to_dicts(),
        "reasons": _told(plan, "infeasible"),
        "frontier": tables["stock_frontier"].to_dicts() if "stock_frontier" in tables else [],
        "changes_to_orders": plan["supply_changes"].to_dicts(),
        "breaks_first": _breaks_first(plan),
        "proof": tables["proof"].to_dicts() if "proof" in tables else [],
        "seconds": plan.seconds,
    }


def binding_limits(plan: Plan) -> pl.DataFrame:
    """Return the limits that bind, dearest first."""
    return (
        plan["limit_prices"]
        .filter(pl.col("price") > 1e-6)
        .sort("price", descending=True)
        .select("limit", "kind", "subject", "period_start", "amount", "used", "reserved", "price")
    )


def unmet_by_reason(plan: Plan) -> pl.DataFrame:
    """Return demand that is not served by why, the most valuable first."""
    return (
        plan["unmet_demand"]
        .group_by("reason_code")
        .agg(
            items=pl.col("item").n_unique(),
            units=pl.col("units").sum(),
            value=pl.col("value").sum(),
        )
        .sort("value", "reason_code", descending=[True, False])
    )


def _told(plan: Plan, reason_code: str) -> list[str]:
    found = plan["explanations"].filter(pl.col("reason_code") == reason_code)
    return list(dict.fromkeys(found["text"].to_list()))[:MOST_REASONS]


def _breaks_first(plan: Plan) -> str | None:
    found = plan["explanations"].filter(pl.col("subject") == "breaks_first")
    return str(found["text"][0]) if found.height else None


def why_record(found: Why) -> dict[str, Any]:
    """Return the reasons of one name as a record."""
    return {
        "name": found.name,
        "plan": found.plan,
        "rows": {table: frame.to_dicts() for table, frame in found.rows.items()},
        "reasons": found.reasons.to_dicts(),
        "because": found.because.to_dicts(),
    }


def import_record(report: ImportReport) -> dict[str, Any]:
    """Return an import as a record; a dry run tells the cells it would change."""
    record = {
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
    return record | (preview_record(report.preview) if report.preview is not None else {})


def preview_record(preview: Preview) -> dict[str, Any]:
    """Return what files would change as a record."""
    counts = preview.changes.group_by("table", "change").agg(count=pl.len())
    return {
        "changes": preview.changes.head(MOST_CHANGES).to_dicts(),
        "changes_count": preview.changes.height,
        "changes_by_table": counts.sort("table", "change").to_dicts(),
        "unchanged_rows": preview.unchanged_rows,
    }
