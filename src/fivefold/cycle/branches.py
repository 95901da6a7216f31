"""Scenarios: named, branched from a plan or from one another, kept as differences in the books.

A scenario is what its facts say: the plan it stands on and its changes as people write them.
Merging one turns its changes into data, with who did it and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import polars as pl

from fivefold.connect.tables import write_parquet
from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.changes import Change, applied, parsed
from fivefold.cycle.importing import import_files
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.scoped import Question, answered, asked
from fivefold.cycle.workspace import Workspace
from fivefold.errors import DataError, FivefoldError, NotFoundError, Problem
from fivefold.ledger import events
from fivefold.model import Dataset

MADE = "scenario.made"
RAN = "scenario.ran"
DROPPED = "scenario.dropped"
MERGED = "scenario.merged"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
#: Tables whose rows a merge writes as an import; orders on their way change by facts.
_MERGED_TABLES = (
    "forecast_overrides",
    "limits_rules",
    "limits",
    "items",
    "offers",
    "supplier_offers",
)


class NotMergedError(FivefoldError):
    """The scenario cannot become data; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A world that is not, as differences from what is known.

    Parameters
    ----------
    name : str
    base : str
        Plan it stands on.
    parent : str
        Scenario it was branched from; its changes come first. Empty for none.
    changes : tuple of str
        All that is different, as people write it.
    author, reason : str
    plan : str
        Plan made for it last; empty before it ran.
    status : {'open', 'merged'}
    """

    name: str
    base: str
    parent: str = ""
    changes: tuple[str, ...] = ()
    author: str = ""
    reason: str = ""
    made_on: str = ""
    plan: str = ""
    status: str = "open"
    merged: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        return asdict(self)


def scenarios(workspace: Workspace) -> dict[str, Scenario]:
    """Return all scenarios that stand, by name, the oldest first."""
    found: dict[str, dict[str, Any]] = {}
    for fact in workspace.recorded(MADE, RAN, DROPPED, MERGED):
        if fact.kind == MADE:
            found.pop(fact.subject, None)
            found[fact.subject] = dict(fact.body)
        elif fact.subject not in found:
            continue
        elif fact.kind == RAN:
            found[fact.subject]["plan"] = fact.body["plan"]
        elif fact.kind == MERGED:
            found[fact.subject] |= {"status": "merged", "merged": dict(fact.body)}
        else:
            found.pop(fact.subject)
    return {
        name: Scenario(name=name, **{**body, "changes": tuple(body["changes"])})
        for name, body in found.items()
    }


def scenario(workspace: Workspace, name: str) -> Scenario:
    """Return a scenario.

    Raises
    ------
    NotFoundError
        If there is none of the name.
    """
    known = scenarios(workspace)
    if name not in known:
        raise NotFoundError(
            f"there is no scenario {name!r}; there is {', '.join(known) or 'none yet'}"
        )
    return known[name]


def branch(
    workspace: Workspace,
    name: str,
    changes: Sequence[str],
    *,
    actor: str,
    reason: str = "",
    on: str | None = None,
) -> Scenario:
    """Return a new scenario, kept by its name.

    Parameters
    ----------
    changes : sequence of str
        As `fivefold.cycle.changes` reads them.
    on : str, optional
        Plan or scenario it is branched from; default the plan made last.

    Raises
    ------
    ValueError
        If the name or a change is not understood, or the name is taken.
    NotFoundError
        If it stands on nothing, or changes what is not there.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a scenario's name is of a-z, 0-9, - and _, at most 40, found {name!r}")
    known = scenarios(workspace)
    if name in known:
        raise ValueError(f"there is a scenario {name!r} already; drop it or take another name")
    parent = known.get(on or "")
    base = workspace.plan_named(parent.base if parent else on)
    words = [str(change) for change in parsed(changes)]
    every = (*(parent.changes if parent else ()), *words)
    if not every:
        raise ValueError("a scenario changes something; name at least one change")
    # What a change names must be there; the answer itself is not wanted yet.
    applied(workspace.dataset(as_of=base.as_of), parsed(every), as_of=base.as_of)
    body = {
        "base": base.plan,
        "parent": parent.name if parent else "",
        "changes": list(every),
        "author": actor,
        "reason": reason,
        "made_on": base.as_of.isoformat(),
    }
    _write(workspace, MADE, name, body, actor=actor, on=base.as_of)
    return scenario(workspace, name)


def changes_of(one: Scenario) -> tuple[Change, ...]:
    """Return the changes of a scenario."""
    return parsed(one.changes)


def question_of(workspace: Workspace, one: Scenario, dataset: Dataset | None = None) -> Question:
    """Return the scenario as a question to the plan it stands on."""
    return asked(workspace, workspace.plan_named(one.base), changes_of(one), dataset)


def run(
    workspace: Workspace,
    name: str,
    *,
    actor: str,
    quick: bool = False,
    progress: Progress = silent,
) -> tuple[Plan, Question]:
    """Plan a scenario in full, keep the plan, and return it with what was asked."""
    one = scenario(workspace, name)
    question = question_of(workspace, one)
    made = answered(question, scenario=name, quick=quick, progress=progress)
    keep_run(workspace, name, made, actor=actor)
    return made, question


def keep_run(workspace: Workspace, name: str, made: Plan, *, actor: str) -> None:
    """Keep the plan made for a scenario, and that it is the scenario's."""
    workspace.plans.save(made)
    _write(workspace, RAN, name, {"plan": made.plan}, actor=actor, on=made.as_of)


def drop(workspace: Workspace, name: str, *, actor: str, reason: str = "") -> None:
    """Drop a scenario; its facts and plans stay, its name is free."""
    one = scenario(workspace, name)
    day = date.fromisoformat(one.made_on)
    _write(workspace, DROPPED, name, {"reason": reason}, actor=actor, on=day)


def merge(workspace: Workspace, name: str, *, actor: str, reason: str) -> dict[str, Any]:
    """Make the changes of a scenario data, and return what was written where.

    Overrides and limits are named after the scenario and carry author and reason; the rows
    are an import of their own, undone like one. Orders on their way change by facts.

    Raises
    ------
    NotMergedError
        If there is no reason, or it was merged already.
    DataError
        If the rows do not fit the data; nothing is written.
    """
    one = scenario(workspace, name)
    if not reason.strip():
        raise NotMergedError("say why the scenario becomes data")
    if one.status == "merged":
        raise NotMergedError(f"scenario {name} was merged already")
    as_of = workspace.plan_named(one.base).as_of
    known = workspace.dataset(as_of=as_of)
    world = applied(known, changes_of(one), as_of=as_of)
    told = f"scenario {name}, {actor}: {reason.strip()}"
    rows = {
        table: _signed(table, _changed_rows(world[table], known[table]), one, actor, told)
        for table in _MERGED_TABLES
    }
    files = [(f"{table}.parquet", write_parquet(own)) for table, own in rows.items() if own.height]
    if files:
        report = import_files(workspace, files, actor=actor, as_of=as_of)
        if report.has_errors:
            raise DataError(p for file in report.files for p in _problems(file))
    orders = _change_orders(workspace, world, known, told, actor=actor, as_of=as_of)
    body = {
        "author": actor,
        "reason": reason.strip(),
        "rows": {table: own.height for table, own in rows.items() if own.height},
        "orders": orders,
    }
    _write(workspace, MERGED, name, body, actor=actor, on=as_of)
    return body


def _problems(file: Any) -> list[Problem]:
    return [problem for problem in file.problems if problem.severity == "error"]


def _changed_rows(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    return now.join(before, on=now.columns, how="anti", nulls_equal=True)


def _signed(table: str, rows: pl.DataFrame, one: Scenario, actor: str, told: str) -> pl.DataFrame:
    """Return rows with who merged them and why, where the table has room for it."""
    if table == "forecast_overrides":
        return rows.with_columns(
            override=pl.format("~{}-{}", pl.lit(one.name), pl.col("item")),
            author=pl.lit(actor),
            reason=pl.format("{} ({})", pl.lit(told), pl.col("reason")),
        )
    if table == "limits_rules":
        return rows.with_columns(source=pl.lit(told))
    return rows


def _change_orders(
    workspace: Workspace,
    world: Dataset,
    known: Dataset,
    told: str,
    *,
    actor: str,
    as_of: date,
) -> list[str]:
    changed = _changed_rows(world["supply_orders"], known["supply_orders"]).sort("order", "line")
    names = []
    for (order,), rows in changed.partition_by("order", as_dict=True, maintain_order=True).items():
        lines = [
            {"line": line, "expected_on": day.isoformat()}
            for line, day in rows.select("line", "expected_on").iter_rows()
        ]
        body = {"lines": lines, "reason": told}
        _write(workspace, documents.SUPPLY_CHANGED, str(order), body, actor=actor, on=as_of)
        names.append(str(order))
    return names


def _write(
    workspace: Workspace, kind: str, subject: str, body: dict[str, Any], *, actor: str, on: date
) -> None:
    count = len(workspace.recorded(kind))
    workspace.journal.submit(
        [
            events.record(
                key=f"{kind}:{subject}:{count}",
                actor=actor,
                effective_at=at_noon(on),
                kind=kind,
                subject=subject,
                body=body,
            )
        ],
        wait=True,
    )
