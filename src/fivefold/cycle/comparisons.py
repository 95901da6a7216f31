"""What playing worlds beside one another found, kept: comparisons in the books, reviews as files.

Nothing is worked out here; what was told once can be told again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import events

COMPARED = "scenario.compared"


def keep_comparison(workspace: Workspace, found: Mapping[str, Any], *, actor: str) -> None:
    """Keep how scenarios did in the twin: means, intervals and risk of each world.

    Parameters
    ----------
    found : mapping
        As `fivefold.twin.comparing.compare` returns it; one that played nothing is not kept.
    """
    worlds = list(found["risk"])
    if not worlds:
        return
    count = len(workspace.recorded(COMPARED))
    day = workspace.plans.load(worlds[0]["base"]).as_of
    kept = ("world", "plan", "base", "days", "replications", "seed", "risk", "measures", "figures")
    body = {"worlds": [{name: world[name] for name in kept} for world in worlds]}
    workspace.journal.submit(
        [
            events.record(
                key=f"{COMPARED}:{count}",
                actor=actor,
                effective_at=at_noon(day),
                kind=COMPARED,
                subject=str(worlds[0]["base"]),
                body=body,
            )
        ],
        wait=True,
    )


def played_worlds(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return how each plan of a world was played last, by the name of that plan."""
    found: dict[str, dict[str, Any]] = {}
    for fact in workspace.recorded(COMPARED):
        for world in fact.body["worlds"]:
            found[world["plan"]] = dict(world)
    return found


def keep_review(workspace: Workspace, plan: Plan, record: Mapping[str, Any]) -> Path:
    """Keep the review of a plan, in place of the one before, whole or not at all."""
    folder = workspace.folder / "reviews"
    folder.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(record, file, default=_written, allow_nan=False)
    return Path(draft).replace(folder / f"{plan.plan}.json")


def _written(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a review holds no {type(value).__name__}")


def kept_review(workspace: Workspace, plan: Plan) -> dict[str, Any] | None:
    """Return the review kept of a plan; None where it was not reviewed yet."""
    path = workspace.folder / "reviews" / f"{plan.plan}.json"
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record
