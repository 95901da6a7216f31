"""Plans as immutable, versioned result tables beside the books."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome, schema, table_names

#: Tables a plan is made from that it keeps, so that it can be shown and proved later.
KEPT_INPUTS = ("sales_history",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan: what it was made from, what it says, and why.

    Parameters
    ----------
    plan : str
        Name, from the content it was made from: equal inputs give an equal name.
    as_of : date
        Day the plan was made for.
    status : str
        Worst status of its engines.
    tables : mapping of str to polars.DataFrame
        Result tables by schema name, explanations and violations among them.
    dataset_fingerprint, params : str, dict
        What it was made from.
    seconds : dict
        CPU seconds of each step.
    scenario : str
        Name of the scenario; `baseline` unless data or parameters were changed.
    notes : dict
        Figures the engines report besides, by engine.
    """

    plan: str
    as_of: date
    status: str
    tables: Mapping[str, pl.DataFrame]
    dataset_fingerprint: str
    params: dict[str, object]
    seconds: dict[str, float] = field(default_factory=dict)
    scenario: str = "baseline"
    notes: dict[str, object] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pl.DataFrame:
        """Return a result table; an empty one of the right shape where none was made."""
        found = self.tables.get(table)
        return schema(table).empty() if found is None else found

    def over(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the plan's tables laid over it, as rooms read them.

        What is kept beside the plan and is no table of the schema, such as its proof, is left
        out.
        """
        known = set(table_names())
        return dataset.with_tables(**{n: f for n, f in self.tables.items() if n in known})

    @property
    def is_legal(self) -> bool:
        """Whether the independent checker found nothing."""
        return self["violations"].height == 0

    def why(self, subject: str) -> pl.DataFrame:
        """Return the reasons for a decision, in reading order."""
        return self["explanations"].filter(pl.col("subject") == subject).sort("sequence")

    def with_tables(self, **tables: pl.DataFrame) -> Plan:
        """Return this plan with some tables added or replaced."""
        return replace(self, tables={**self.tables, **tables})

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td>{frame.height:,}</td></tr>"
            for name, frame in sorted(self.tables.items())
            if frame.height
        )
        legal = "legal" if self.is_legal else f"{self['violations'].height} violations"
        return (
            f"<h4>Plan {self.plan} of {self.as_of}</h4><p>{self.status}, {legal}, "
            f"scenario {self.scenario}</p><table><tr><th>table</th><th>rows</th></tr>{rows}</table>"
        )


def plan_name(*, as_of: date, fingerprint: str, params: Mapping[str, object], scenario: str) -> str:
    """Return the name of a plan made from these inputs."""
    text = json.dumps([fingerprint, params, scenario], sort_keys=True, default=str)
    return f"P{as_of:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def checked_plan(
    dataset: Dataset,
    outcome: Outcome,
    check: Callable[..., pl.DataFrame],
    *,
    as_of: date,
    said: Mapping[str, object],
    scenario: str,
    step: str,
    begun: float,
    given: Dataset | None = None,
) -> Plan:
    """Return one engine's answer as a plan, checked by the rules written for it.

    Parameters
    ----------
    check : callable
        ``check(dataset, as_of=…)`` returning `violations`.
    said : mapping
        What was asked; with the dataset's fingerprint it makes the plan's name.
    step : str
        What the seconds since `begun` (process time) are told under.
    given : Dataset, optional
        What the engine and the rules saw, where that is more than `dataset`.
    """
    reasons = outcome.explanations
    tables = {
        **outcome.tables,
        "explanations": schema("explanations").empty() if reasons is None else reasons,
    }
    tables["violations"] = check((given or dataset).with_tables(**tables), as_of=as_of)
    fingerprint = dataset.fingerprint()
    return Plan(
        plan=plan_name(as_of=as_of, fingerprint=fingerprint, params=said, scenario=scenario),
        as_of=as_of,
        status=outcome.status,
        tables=tables,
        dataset_fingerprint=fingerprint,
        params=dict(said),
        seconds={step: time.process_time() - begun},
        scenario=scenario,
        notes={
            "objective": outcome.objective,
            "bound": outcome.bound,
            "gap": outcome.gap,
            **outcome.notes,
        },
    )


def is_what_if(scenario: str, params: Mapping[str, object]) -> bool:
    """Tell whether a plan is of a world that is not: demand scaled, or data changed for it."""
    asked = bool(params.get("changes")) or scenario.partition("=")[0] == "demand"
    return asked or params.get("demand_factor", 1.0) != 1.0


@dataclass(frozen=True, slots=True)
class PlanStore:
    """Plans in a folder, one sub-folder each, written whole or not at all."""

    folder: Path

    def save(self, plan: Plan, *, keep_place: bool = False) -> Path:
        """Write a plan; the same plan again replaces its own files.

        With `keep_place` a plan that is there keeps its place among the others, as when a
        table is added to it; otherwise it is now the one made last.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / plan.plan
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
        for name, frame in plan.tables.items():
            frame.write_parquet(draft / f"{name}.parquet")
        head = {k: v for k, v in asdict(replace(plan, tables={})).items() if k != "tables"}
        (draft / "plan.json").write_text(json.dumps(head, indent=1, default=str), encoding="utf-8")
        if target.exists():
            if keep_place:
                made = (target / "plan.json").stat()
                os.utime(draft / "plan.json", ns=(made.st_atime_ns, made.st_mtime_ns))
            retired = draft.with_name(draft.name + "-old")
            target.rename(retired)
            draft.rename(target)
            shutil.rmtree(retired)
        else:
            draft.rename(target)
        return target

    def load(self, plan: str) -> Plan:
        """Return a plan by name.

        Raises
        ------
        NotFoundError
            If there is no such plan.
        """
        folder = self.folder / plan
        if not (folder / "plan.json").is_file() or os.sep in plan:
            known = ", ".join(self.names()) or "none yet"
            raise NotFoundError(f"there is no plan {plan!r}; known are: {known}")
        head = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        tables = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
        head["as_of"] = date.fromisoformat(head["as_of"])
        return Plan(tables=tables, **head)

    def latest(self) -> str | None:
        """Return the plan made last, what-ifs left out; None where there is none."""
        for name in reversed(self.names()):
            head = json.loads((self.folder / name / "plan.json").read_text(encoding="utf-8"))
            if not is_what_if(head["scenario"], head["params"]):
                return name
        return None

    def newest(self, otherwise: str) -> Plan:
        """Return the plan made last.

        Raises
        ------
        NotFoundError
            Saying `otherwise`, if there is none.
        """
        name = self.latest()
        if name is None:
            raise NotFoundError(otherwise)
        return self.load(name)

    def names(self) -> list[str]:
        """Return the names of all plans, oldest first."""
        if not self.folder.is_dir():
            return []
        made = list(self.folder.glob("P*/plan.json"))
        return [path.parent.name for path in sorted(made, key=lambda p: p.stat().st_mtime_ns)]
