"""Jobs and what happens now: progress, events, an end on request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import JSONResponse, StreamingResponse

from fivefold.api.companies import Company
from fivefold.api.context import Asking, Books, Ctx, jsonable, verb
from fivefold.api.jobs import ENDED, Job, Jobs

router = APIRouter(prefix="/api/v1", tags=["jobs"])

JobName = Annotated[str, Path(max_length=80)]
#: Seconds between two looks at what changed, and between two signs of life.
LOOK, ALIVE = 0.1, 15.0


@router.get("/jobs", openapi_extra=verb("jobs.read"))
async def jobs(company: Books, context: Ctx) -> list[dict[str, Any]]:
    """Return jobs, the newest first, without their results."""
    found = [job.record() for job in context.jobs.of(company.tenant)]
    return [jsonable({k: v for k, v in job.items() if k != "result"}) for job in found]


@router.get("/jobs/{job}", openapi_extra=verb("jobs.read"))
async def one_job(job: JobName, company: Books, context: Ctx) -> JSONResponse:
    """Return how far a job is, and its result once it is done."""
    return JSONResponse(jsonable(context.jobs.job(company.tenant, job).record()))


@router.delete("/jobs/{job}", openapi_extra=verb("plan.run"))
def cancel(job: JobName, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """End a job now. What it made so far is not kept; the plan before it stands."""
    found = context.jobs.job(company.tenant, job)
    found.cancel()
    return JSONResponse(jsonable(found.record()))


@router.get("/jobs/{job}/events", response_class=StreamingResponse, openapi_extra=verb("jobs.read"))
async def job_events(
    job: JobName,
    company: Books,
    context: Ctx,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
) -> StreamingResponse:
    """Stream a job's progress as server-sent events until it ends."""
    found = context.jobs.job(company.tenant, job)
    seen = int(last) if last.isascii() and last.isdigit() else 0
    return _stream(_told(found, seen))


async def _told(job: Job, seen: int) -> AsyncIterator[str]:
    quiet = 0.0
    while True:
        # Read the state first: a change that comes after it is told in the next round.
        ended = job.state in ENDED
        for change in job.since(seen):
            seen, quiet = change["number"], 0.0
            yield f"id: {seen}\nevent: progress\ndata: {json.dumps(change)}\n\n"
        if ended:
            record = jsonable({k: v for k, v in job.record().items() if k != "result"})
            yield f"event: ended\ndata: {json.dumps(record)}\n\n"
            return
        if quiet >= ALIVE:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(LOOK)
        quiet += LOOK


@router.get("/events", response_class=StreamingResponse, openapi_extra=verb("data.read"))
async def live(
    company: Books,
    context: Ctx,
    seconds: Annotated[float, Query(ge=0, le=3600, description="How long to listen.")] = 600,
) -> StreamingResponse:
    """Stream what changes in the company: books, plans, jobs; `seconds=0` tells once."""
    return _stream(_live(company, context.jobs, time.monotonic() + seconds))


async def _live(company: Company, jobs_: Jobs, until: float) -> AsyncIterator[str]:
    told: dict[str, Any] = {}
    quiet = 0.0
    while True:
        now = await asyncio.to_thread(_state, company, jobs_)
        if now != told:
            changed = {name: value for name, value in now.items() if told.get(name) != value}
            told, quiet = now, 0.0
            yield f"event: changed\ndata: {json.dumps(changed)}\n\n"
        if time.monotonic() >= until:
            return
        if quiet >= ALIVE:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(1.0)
        quiet += 1.0


def _state(company: Company, jobs_: Jobs) -> dict[str, Any]:
    names = company.plans.names()
    return {
        "books": company.journal.seq,
        "plans": len(names),
        "latest_plan": names[-1] if names else None,
        "jobs": {
            job.job: [job.kind, job.state, job.step, round(job.share, 3)]
            for job in jobs_.of(company.tenant)[:20]
        },
    }


def _stream(told: AsyncIterator[str]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)
