"""Questions to a company's plans, worked out on a copy of it in a process of its own, as jobs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fivefold.api.companies import Company
from fivefold.api.context import Context
from fivefold.api.handed import hand_over
from fivefold.api.jobs import ENDED, Job
from fivefold.api.worker import answered_in_process, cleared
from fivefold.cycle import watching
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.standing import standing_plan

#: Takes what was answered and the plans made on the way; keeps what is to be kept.
Keep = Callable[[dict[str, Any], PlanStore], Mapping[str, Any]]


def ask(
    context: Context,
    company: Company,
    actor: str,
    kind: str,
    task: Mapping[str, Any],
    *,
    on: Iterable[Plan],
    plans: Iterable[str] = (),
    keep: Keep,
) -> Job:
    """Start work on a copy of the company and keep what it found.

    Parameters
    ----------
    kind : str
        What the list of jobs calls it.
    task : mapping
        As `fivefold.api.handed.hand_over` takes it.
    on : iterable of Plan
        Plans it stands on; the data of their days are handed over too.
    plans : iterable of str
        Further plans it reads.
    keep : callable
        Runs in this process, while nobody else writes; from then on the job cannot be cancelled.
    """
    standing = list(on)

    def work(job: Job) -> Mapping[str, Any]:
        folder = Path(tempfile.mkdtemp(prefix="fivefold-"))
        accepted = company.current_plan()
        stands = [*standing, *([accepted] if accepted else [])]
        names = [*(plan.plan for plan in stands), *plans]
        try:
            hand_over(folder, task, company, plans=names, days={plan.as_of for plan in stands})
            told = answered_in_process(folder, job)
            job.keep()
            with company.writing:
                return keep(told, PlanStore(folder / "plans"))
        finally:
            cleared(folder)

    return context.jobs.start(company.tenant, kind, actor, work, heavy=True)


def look_for_news(context: Context, company: Company, actor: str) -> Job | None:
    """Start a job that holds new facts against the accepted plan and keeps what it proposes.

    None where no plan is accepted. A job that still waits will see the facts too, and is
    returned instead of a second one.
    """
    for job in context.jobs.of(company.tenant):
        if job.kind == "watch" and job.state not in ENDED and job.started_at is None:
            return job
    standing = standing_plan(company)
    if standing is None:
        return None

    def keep(told: dict[str, Any], made: PlanStore) -> Mapping[str, Any]:
        if told["fact"] is not None:
            plan = made.load(told["proposal"]["plan"])
            company.plans.save(plan)
            watching.tell(company, plan, told["fact"], actor=actor)
            news = {"plan": plan.plan, "causes": told["proposal"]["causes"]}
            context.webhooks.tell(company, "plan.proposed", news)
        return {"proposal": told["proposal"]}

    return ask(context, company, actor, "watch", {"verb": "watch"}, on=[standing.plan], keep=keep)
