"""What a page is drawn from: one plan, the one it is compared with, the data and the books."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset
from fivefold.web import words

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """A plan in the list of plans, without its tables."""

    plan: str
    as_of: date
    status: str
    scenario: str
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class State:
    """A workspace as the pages see it; what was worked out once is kept.

    Parameters
    ----------
    workspace : Workspace
    plan : Plan or None
        The plan that is looked at.
    before : Plan or None
        The accepted plan, else the plan made before this one.
    dataset : Dataset
    today : date
    """

    workspace: Workspace
    plan: Plan | None
    before: Plan | None
    dataset: Dataset
    today: date
    heads: tuple[PlanHead, ...] = ()
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what was worked out under this name, or work it out now."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[no-any-return]

    @property
    def made(self) -> Plan:
        """The plan that is looked at.

        Raises
        ------
        NotFoundError
            If there is none yet.
        """
        if self.plan is None:
            raise NotFoundError("there is no plan yet; Run plan makes one")
        return self.plan

    @cached_property
    def sign(self) -> str:
        """Sign of the company's currency."""
        return words.symbol(self.dataset.setting("currency", "USD") or "USD")

    @cached_property
    def titles(self) -> dict[str, str]:
        """Title of each item."""
        return dict(self.dataset["items"].select("item", "title").drop_nulls().iter_rows())

    @cached_property
    def places(self) -> dict[str, str]:
        """Name of each place."""
        return dict(self.dataset["locations"].select("location", "name").drop_nulls().iter_rows())

    def title(self, item: str | None) -> str:
        """Return what people call an item."""
        return self.titles.get(item or "", item or "")

    def place(self, location: str | None) -> str:
        """Return what people call a place."""
        return self.places.get(location or "", location or "")

    @cached_property
    def age(self) -> list[tuple[str, str]]:
        """How old the data are: what, and up to when."""
        told: list[tuple[str, str]] = []
        orders = self.dataset["orders"]
        if orders.height:
            last = orders["ordered_at"].max()
            if isinstance(last, datetime):
                told.append(("Sales to", words.short_day(last.date())))
        counted = self.dataset["inventory"]
        if counted.height:
            seen = counted["as_of"].max()
            if isinstance(seen, datetime):
                told.append(("Stock of", words.short_day(seen.date())))
        return told


def plan_heads(workspace: Workspace) -> tuple[PlanHead, ...]:
    """Return the plans of a workspace, the newest first."""
    found = []
    for name in reversed(workspace.plans.names()):
        text = (Path(workspace.plans.folder) / name / "plan.json").read_text(encoding="utf-8")
        head = json.loads(text)
        found.append(
            PlanHead(
                plan=name,
                as_of=date.fromisoformat(head["as_of"]),
                status=head["status"],
                scenario=head["scenario"],
                seconds=head.get("seconds", {}),
            )
        )
    return tuple(found)


def state_of(workspace: Workspace, name: str | None, *, today: date) -> State:
    """Return the state of a workspace with the plan of that name, the newest where none is given.

    Raises
    ------
    NotFoundError
        If there is no plan of that name.
    """
    heads = plan_heads(workspace)
    if name is not None and all(head.plan != name for head in heads):
        raise NotFoundError(f"there is no plan {name!r}")
    chosen = name or workspace.plans.latest() or (heads[0].plan if heads else None)
    plan = workspace.plan_named(chosen) if chosen else None
    before = _before(workspace, chosen, heads) if chosen else None
    day = plan.as_of if plan else today
    return State(
        workspace=workspace,
        plan=plan,
        before=before,
        dataset=workspace.dataset(as_of=day),
        today=day,
        heads=heads,
    )


def _before(workspace: Workspace, chosen: str, heads: tuple[PlanHead, ...]) -> Plan | None:
    accepted = workspace.current_plan()
    if accepted is not None and accepted.plan != chosen:
        return accepted
    at = next(i for i, head in enumerate(heads) if head.plan == chosen)
    older = heads[at + 1 :]
    same = [head for head in older if head.scenario == heads[at].scenario]
    found = next(iter([*same, *older]), None)
    return workspace.plan_named(found.plan) if found else None


def of_item(frame: pl.DataFrame, item: str, location: str | None = None) -> pl.DataFrame:
    """Return the rows of an item, at a place where one is named."""
    kept = frame.filter(pl.col("item") == item)
    return kept.filter(pl.col("location") == location) if location else kept
