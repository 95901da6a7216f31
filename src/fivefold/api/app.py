"""The app: routes, door, errors and life cycle put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from fivefold import __version__
from fivefold.api import documentation, problems
from fivefold.api.access import Access
from fivefold.api.companies import Companies
from fivefold.api.context import Context, guard
from fivefold.api.desk import Desks
from fivefold.api.door import LOCAL_HOSTS, Door, Limits
from fivefold.api.jobs import Job, Jobs
from fivefold.api.routes import (
    books,
    building,
    care,
    channels,
    commands,
    data,
    demand,
    entry,
    execution,
    floor,
    last_mile,
    network,
    orders,
    parcels,
    plans,
    portfolio,
    prices,
    purchasing,
    retail,
    scenarios,
    sop,
    work,
)
from fivefold.api.webhooks import Webhooks

#: Routers of the API in the order in which a path is looked for, the busiest first.
ROUTERS: tuple[APIRouter, ...] = (
    # First, because its one route is asked a thousand times a second.
    commands.router,
    books.router,
    data.router,
    plans.router,
    work.router,
    execution.router,
    orders.router,
    floor.router,
    purchasing.router,
    retail.router,
    channels.router,
    parcels.router,
    last_mile.router,
    building.router,
    network.router,
    care.router,
    demand.router,
    prices.router,
    portfolio.router,
    scenarios.router,
    sop.router,
    entry.router,
    documentation.router,
)


def create_app(
    workspace_folder: Path,
    *,
    limits: Limits | None = None,
    hosts: Iterable[str] | None = LOCAL_HOSTS,
    webhooks: Webhooks | None = None,
    private_webhooks: bool = False,
    extra_routers: Iterable[APIRouter] = (),
    with_pages: bool = True,
) -> FastAPI:
    """Return the app over a folder of workspaces.

    Parameters
    ----------
    workspace_folder : Path
        The server's own company lies in it, others below `tenants/`; tokens in `access.db`.
    limits : Limits, optional
    hosts : iterable of str, optional
        Names under which it may be asked; None takes any.
    webhooks : Webhooks, optional
        Another sender, for tests.
    private_webhooks : bool
        Let webhooks lead to this machine and its network.
    extra_routers : iterable of APIRouter
    with_pages : bool
        Serve the pages too, where they are installed.
    """
    chosen = limits or Limits()
    access = Access(workspace_folder / "access.db")
    sender = webhooks or Webhooks(access, allow_private=private_webhooks)
    companies = Companies(workspace_folder, on_open=sender.resume)

    def on_end(job: Job) -> None:
        told = {"job": job.job, "kind": job.kind, "state": job.state}
        sender.tell(companies.company(job.tenant), "job.ended", told)

    context = Context(
        companies=companies,
        access=access,
        jobs=Jobs(most=chosen.waiting_jobs, on_end=on_end),
        webhooks=sender,
        desks=Desks(),
        limits=chosen,
    )

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        close(app)

    app = FastAPI(
        title="Fivefold",
        version=__version__,
        description=documentation.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(guard)],
        responses=documentation.RESPONSES,
        lifespan=life,
        separate_input_output_schemas=False,
        redirect_slashes=False,
    )
    app.state.context = context
    problems.install(app)
    for router in (*ROUTERS, *extra_routers):
        app.include_router(router)
    if with_pages and find_spec("fivefold.api.pages") is not None:
        _include_pages(app, context)
    app.add_middleware(Door, access=access, limits=chosen, hosts=hosts)
    return app


def _include_pages(app: FastAPI, context: Context) -> None:
    pages = import_module("fivefold.api.pages")
    app.include_router(pages.make_router(context), include_in_schema=False)


def close(app: FastAPI) -> None:
    """End jobs, write what waits and close all books. Closing twice is harmless."""
    context: Any = app.state.context
    context.jobs.close()
    context.webhooks.close()
    context.desks.close()
    context.companies.close()
    context.access.close()
