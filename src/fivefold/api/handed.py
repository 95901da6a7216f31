"""A workspace handed to a process of its own: a copy of the books, its plans, its data as known.

Scenarios, what-ifs, comparisons, reviews and proposals for new facts are worked out on it. What
it writes stays in the copy; whoever handed it over keeps what is to be kept.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from fivefold.api.context import jsonable
from fivefold.cycle.branches import run as run_scenario
from fivefold.cycle.changes import parsed
from fivefold.cycle.effects import effect_of
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress
from fivefold.cycle.scoped import Question, answered, asked
from fivefold.cycle.watching import proposal_fact, watch
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset

ANSWER = "answer.json"
#: Who writes into the copy of the books; nobody ever reads it there.
_NOBODY = "worker"


class Handed(Workspace):
    """A workspace whose data were worked out by who handed it over, for each day that matters."""

    def dataset(self, *, as_of: date) -> Dataset:
        """Return all that was known on a day.

        Raises
        ------
        NotFoundError
            If the day was not handed over.
        """
        folder = self.folder / "days" / as_of.isoformat()
        if not folder.is_dir():
            raise NotFoundError(f"the data of {as_of} are not known here")
        return Dataset({path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*"))})


def copy_books(books: Path, folder: Path) -> None:
    """Copy live books as of their last commit into a folder."""
    source = sqlite3.connect(f"{books.resolve().as_uri()}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(folder / "books.db")) as copy:
        source.backup(copy)


def hand_over(
    folder: Path,
    task: Mapping[str, Any],
    workspace: Workspace,
    *,
    plans: Iterable[str],
    days: Iterable[date],
) -> None:
    """Write a workspace for a task into an empty folder.

    Parameters
    ----------
    task : mapping
        `verb`, one of `VERBS`, and what it takes.
    workspace : Workspace
        Whose books are copied.
    plans : iterable of str
        Names of the plans it stands on.
    days : iterable of date
        Days whose data it reads.
    """
    copy_books(workspace.folder / "books.db", folder)
    for name in dict.fromkeys(plans):
        shutil.copytree(workspace.plans.folder / name, folder / "plans" / name)
    for day in set(days):
        target = folder / "days" / day.isoformat()
        target.mkdir(parents=True)
        for name, frame in workspace.dataset(as_of=day).tables.items():
            frame.write_parquet(target / f"{name}.parquet", compression="uncompressed")
    (folder / "task.json").write_text(json.dumps(dict(task), default=str), encoding="utf-8")


def answer(folder: Path, task: Mapping[str, Any], progress: Progress) -> None:
    """Do the work of a handed workspace and write what it answers."""
    with Handed(folder, create=False) as store:
        told = VERBS[str(task["verb"])](store, task, progress)
    text = json.dumps(jsonable(told), allow_nan=False)
    (folder / ANSWER).write_text(text, encoding="utf-8")


def _effect(made: Plan, question: Question) -> dict[str, Any]:
    base = question.base
    effect = effect_of(
        made, base.plan, world=question.world, known=question.dataset, released=base.released
    )
    return {**effect.record(), "legal": made.is_legal}


def _what_if(store: Workspace, task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    changes = parsed(task["changes"])
    question = asked(store, store.plans.load(task["plan"]), changes)
    made = answered(question, progress=progress)
    store.plans.save(made)
    told = {"asked": [str(change) for change in changes], **_effect(made, question)}
    return {**told, "violations": made["violations"].head(100).to_dicts()}


def _scenario(store: Workspace, task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    made, question = run_scenario(store, task["name"], actor=_NOBODY, progress=progress)
    return {"scenario": task["name"], **_effect(made, question)}


def _comparison(store: Workspace, task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from fivefold.cycle.branches import scenario
    from fivefold.twin.comparing import compare

    found = compare(
        store,
        task["names"],
        actor=_NOBODY,
        days=task["days"],
        replications=task["replications"],
        seed=task["seed"],
        progress=progress,
    )
    return {**found, "plans": {name: scenario(store, name).plan for name in task["names"]}}


def _review(store: Workspace, task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from fivefold.twin.review import review

    made = review(
        store,
        store.plans.load(task["plan"]),
        scenarios=None
        if task["scenarios"] is None
        else {name: tuple(changes) for name, changes in task["scenarios"].items()},
        days=task["days"],
        replications=task["replications"],
        seed=task["seed"],
        progress=progress,
    )
    return made.record()


def _watch(store: Workspace, task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    found = watch(store, actor=_NOBODY, progress=progress)
    if found is None:
        return {"proposal": None, "fact": None}
    return {"proposal": found.record(), "fact": proposal_fact(found)}


#: What may be asked of a handed workspace.
VERBS: dict[str, Callable[[Workspace, Mapping[str, Any], Progress], dict[str, Any]]] = {
    "what-if": _what_if,
    "scenario": _scenario,
    "comparison": _comparison,
    "review": _review,
    "watch": _watch,
}
