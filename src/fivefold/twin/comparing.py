"""Scenarios side by side: planned, in figures, and played on common random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fivefold.cycle.branches import question_of, run, scenario
from fivefold.cycle.effects import effect_of
from fivefold.cycle.progress import Progress, part_of, silent
from fivefold.cycle.versions import version_of
from fivefold.cycle.workspace import Workspace
from fivefold.twin.worlds import play_world


def compare(
    workspace: Workspace,
    names: Sequence[str],
    *,
    actor: str,
    days: int = 91,
    replications: int = 4,
    seed: int = 7,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return scenarios beside the plans they stand on, each played on the same luck.

    A scenario that has not run is planned first. Keeping the plan it stands on is played
    against the plan made for it, in its world.

    Raises
    ------
    NotFoundError
        If there is no scenario of a name.
    """
    chosen = [scenario(workspace, name) for name in names]
    versions: dict[str, dict[str, Any]] = {}
    worlds, effects = [], []
    share = 1.0 / max(1, len(chosen))
    for number, one in enumerate(chosen):
        progress(f"plan {one.name}", number * share)
        if one.plan:
            question, made = question_of(workspace, one), workspace.plans.load(one.plan)
        else:
            planning = part_of(progress, number * share, 0.4 * share)
            made, question = run(workspace, one.name, actor=actor, progress=planning)
        base = question.base
        if base.plan.plan not in versions:
            told = version_of(base.plan, question.dataset, name=f"plan {base.plan.plan}")
            versions[base.plan.plan] = told.record()
        versions[one.name] = version_of(made, question.world, name=one.name).record()
        effects.append(
            {
                "scenario": one.name,
                **effect_of(
                    made,
                    base.plan,
                    world=question.world,
                    known=question.dataset,
                    released=base.released,
                ).record(),
            }
        )
        if replications:
            playing = part_of(progress, (number + 0.4) * share, 0.6 * share)
            worlds.append(
                play_world(
                    question,
                    made,
                    workspace.journal,
                    world=one.name,
                    old=base.plan,
                    days=days,
                    replications=replications,
                    seed=seed,
                    progress=playing,
                ).record()
                | {"plan": made.plan, "base": base.plan.plan}
            )
    return {"versions": list(versions.values()), "risk": worlds, "effects": effects}
