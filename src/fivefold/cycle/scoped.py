"""A plan replanned on top of another for what changed: in seconds, the rest as it stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from fivefold.cycle.changes import Change, applied, demand_factors
from fivefold.cycle.planning import replan
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.standing import Standing, standing_plan, told_to
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError
from fivefold.model import Dataset

#: Engines before supply that each lever asks again.
_ASKS = {
    "demand": ("returns", "stock"),
    "cash": (),
    "limit": (),
    "supplier": (),
    "lead_time": ("sourcing", "stock"),
    "price": ("channels", "stock"),
}


class NoPlanToStandOnError(FivefoldError):
    """The plan has no answer of its own, so nothing can be planned on top of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A plan, the data it stands in, and that data as it would be.

    Parameters
    ----------
    base : Standing
        The plan asked about, with what it was told.
    dataset, world : Dataset
        As known, and with the changes.
    changes : tuple of Change
    """

    base: Standing
    dataset: Dataset
    world: Dataset
    changes: tuple[Change, ...]

    @property
    def demand_times(self) -> dict[str, float]:
        """What the demand of each item is multiplied by."""
        return demand_factors(self.changes, self.dataset["items"]["item"].to_list())


def asked(
    workspace: Workspace, base: Plan, changes: Sequence[Change], dataset: Dataset | None = None
) -> Question:
    """Return the question what would become of a plan.

    Raises
    ------
    NoPlanToStandOnError
        If the plan has no answer itself.
    NotFoundError
        If a change names what is not there.
    """
    if base.status == "infeasible":
        raise NoPlanToStandOnError(f"plan {base.plan} has no answer to stand on; plan anew first")
    known = workspace.dataset(as_of=base.as_of) if dataset is None else dataset
    world = applied(known, changes, as_of=base.as_of)
    return Question(
        base=as_standing(workspace, base, known),
        dataset=known,
        world=world,
        changes=tuple(changes),
    )


def as_standing(workspace: Workspace, base: Plan, dataset: Dataset) -> Standing:
    """Return a plan as one to stand on; the accepted one with what of it is ordered."""
    accepted = standing_plan(workspace)
    if accepted is not None and accepted.plan.plan == base.plan:
        placed, released = accepted.placed, accepted.released
    else:
        placed, released = frozenset[str](), frozenset[str]()
    facts = told_to(base, dataset)
    return Standing(plan=base.with_tables(accepted_facts=facts), released=released, placed=placed)


def answered(
    question: Question,
    *,
    scenario: str | None = None,
    quick: bool = True,
    progress: Progress = silent,
) -> Plan:
    """Return the plan for the data as it would be, on top of the plan asked about.

    Quick, what is touched is planned once, and limits are not held against the orders of the
    week; in full, the best of several plans is taken and they are.
    """
    levers = {change.lever for change in question.changes}
    again = {engine for lever in levers for engine in _ASKS[lever]}
    words = [str(change) for change in question.changes]
    return replan(
        question.world,
        question.base,
        as_of=question.base.plan.as_of,
        again=again,
        tables=_expected(question),
        scenario=scenario or ", ".join(words) or "no change",
        params={"changes": words},
        releasable=not quick,
        progress=progress,
    )


def _expected(question: Question) -> dict[str, pl.DataFrame]:
    """Return the forecasts of the plan with the demand that would be.

    Quantiles and scatter grow with the mean: what multiplies demand multiplies its error too.
    """
    factors = question.demand_times
    if not factors:
        return {}
    base = question.base.plan
    times = pl.col("item").replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    return {
        "forecasts": base["forecasts"].with_columns(pl.col("units") * times),
        "forecast_means": base["forecast_means"].with_columns(
            pl.col("units_mean") * times, pl.col("units_sd") * times
        ),
    }
