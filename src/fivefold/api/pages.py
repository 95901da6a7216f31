"""The pages of the control tower: addresses, the frame around each, and what forms do.

What a page shows is worked out in `fivefold.web.tower`; what a form does, in `fivefold.cycle`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from fivefold.api.companies import Company
from fivefold.api.context import Context, verb
from fivefold.api.jobs import ENDED
from fivefold.api.problems import of_error
from fivefold.connect.excel import write_workbook
from fivefold.connect.tables import write_csv, write_parquet
from fivefold.cycle.decisions import QuantityEdit, edit_quantities, release, snooze
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.web.tower import grids, rendering
from fivefold.web.tower.grids import Grid, filtered, grid_query, page
from fivefold.web.tower.rooms import registry, search, why
from fivefold.web.tower.state import State, state_of

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MEDIA = {"xlsx": _XLSX, "csv": "text/csv; charset=utf-8", "parquet": "application/octet-stream"}
#: Days a decision that is put off stays away.
SNOOZE_DAYS = 7
#: Rows written into one workbook at most.
MOST_EXPORTED = 1_000_000


def make_router(context: Context) -> APIRouter:
    """Return the routes of the pages.

    Parameters
    ----------
    context : Context
        Gives the company and the rights of who asks, and the jobs.
    """
    router = APIRouter(include_in_schema=False)
    desk = Desk(context)
    for room in registry.ROOMS:
        router.add_api_route(room.path, desk.room(room), methods=["GET"], name=f"room {room.path}")
    router.add_api_route("/why", desk.why, methods=["GET"])
    router.add_api_route("/search", desk.search, methods=["GET"])
    router.add_api_route("/grid/{name}", desk.grid, methods=["GET"])
    router.add_api_route("/export/{name}.{kind}", desk.export, methods=["GET"])
    router.add_api_route(
        "/grid/{name}", desk.edit, methods=["POST"], openapi_extra=verb("plan.accept")
    )
    router.add_api_route(
        "/decisions", desk.decide, methods=["POST"], openapi_extra=verb("plan.accept")
    )
    router.add_api_route(
        "/static/tower/{version}/{name}", static, methods=["GET"], openapi_extra=verb("public")
    )
    return router


def static(request: Request, version: str, name: str) -> Response:
    """Return a file a browser needs; its address changes when it does."""
    if name not in rendering.STATIC:
        return Response(status_code=404)
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if version == rendering.version():
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    packs = "gzip" in request.headers.get("accept-encoding", "")
    if packs:
        headers["Content-Encoding"] = "gzip"
    content = rendering.packed_file(name) if packs else rendering.static_file(name)
    return Response(content, media_type=rendering.STATIC[name], headers=headers)


class Desk:
    """Answers for the pages of one server."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def room(self, room: registry.Room) -> Callable[[Request], Response]:
        """Return the handler of a room."""

        def answer(request: Request) -> Response:
            query = dict(request.query_params)
            try:
                state = self.state(request)
                values = room.values(state, query)
            except FivefoldError as error:
                return self._refused(request, room.path, error)
            template = values.get("template", room.template)
            return self._page(request, state, room.path, template, values)

        return answer

    def state(self, request: Request) -> State:
        """Return what the pages of this request are drawn from."""
        company = self._context.company(request)
        name = request.query_params.get("plan") or None
        made = tuple(company.plans.names())
        stamp = (company.plans.folder / made[-1] / "plan.json").stat().st_mtime_ns if made else 0
        key = ("tower", company.journal.seq, made, stamp, name)
        return company.remembered(key, lambda: state_of(company, name, today=company.today()))

    def why(self, request: Request) -> Response:
        """Return what the drawer says about a name."""
        state = self.state(request)
        try:
            told = why.view(state, request.query_params.get("name", ""))
        except NotFoundError as error:
            values = {"words": str(error)}
            return _html(request, rendering.render("why_missing.html", values))
        return _html(
            request,
            rendering.render(
                "why.html", self._frame(request, state, "", {"told": told, "title": "Why"})
            ),
        )

    def search(self, request: Request) -> Response:
        """Return what is found for a few letters, as a list."""
        found = search.find(self.state(request), request.query_params.get("q", ""))
        return _html(request, rendering.render("found.html", {"found": found}))

    def _grid(self, request: Request, name: str) -> Grid:
        made = registry.GRIDS.get(name)
        if made is None:
            raise NotFoundError(f"there is no list {name!r}")
        return made(self.state(request), dict(request.query_params))

    def grid(self, request: Request, name: str) -> Response:
        """Return a page of rows."""
        try:
            wanted = grid_query(request.query_params)
            told = page(
                self._grid(request, name),
                offset=wanted.offset,
                limit=wanted.limit,
                sort=wanted.sort,
                filters=wanted.filters,
            )
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 422)
        return _packed(request, json.dumps(told).encode(), "application/json")

    def export(self, request: Request, name: str, kind: str) -> Response:
        """Return the rows a list shows, with its filters, as a file; a workbook says them too."""
        if kind not in _MEDIA:
            raise NotFoundError(f"there is no kind of file {kind!r}; csv, xlsx and parquet are")
        try:
            wanted = grid_query(request.query_params)
            grid = self._grid(request, name)
            rows = filtered(grid, wanted.filters, wanted.sort).select(c.name for c in grid.columns)
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 422)
        writers: dict[str, Callable[[], bytes]] = {
            "csv": lambda: write_csv(rows),
            "parquet": lambda: write_parquet(rows),
            "xlsx": lambda: write_workbook(
                {
                    name: rows.head(MOST_EXPORTED),
                    "notes": grids.notes(grid, wanted, self.state(request).plan),
                }
            ),
        }
        headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
        return Response(writers[kind](), media_type=_MEDIA[kind], headers=headers)

    async def edit(self, request: Request, name: str) -> Response:
        """Change quantities of decisions, all or none."""
        from starlette.concurrency import run_in_threadpool

        body = await request.json()
        return await run_in_threadpool(self._edit, request, name, body)

    def _edit(self, request: Request, name: str, body: Mapping[str, Any]) -> Response:
        if name not in registry.EDITABLE:
            return JSONResponse({"detail": "nothing in this list can be changed"}, 409)
        try:
            edits = [_quantity_edit(each) for each in body.get("edits", [])]
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 422)
        company, state = self._context.company(request), self.state(request)
        with company.writing:
            count = edit_quantities(
                company, state.made, edits, actor=self._actor(request), today=state.today
            )
        told = "1 quantity changed" if count == 1 else f"{count} quantities changed"
        return JSONResponse({"message": f"{told}. Ctrl+Z takes it back."})

    async def decide(self, request: Request) -> Response:
        """Accept a decision, or put it off."""
        from starlette.concurrency import run_in_threadpool

        body = await request.json()
        return await run_in_threadpool(self._decide, request, body)

    def _decide(self, request: Request, body: Mapping[str, Any]) -> Response:
        company = self._context.company(request)
        name, does = str(body.get("name", "")), body.get("do")
        plan = company.plan_named(str(body.get("plan") or "") or None)
        actor, today = self._actor(request), plan.as_of
        with company.writing:
            if does == "snooze":
                until = today + timedelta(days=SNOOZE_DAYS)
                snooze(company, plan, name, until=until, actor=actor, today=today)
                return JSONResponse({"message": f"Put off until {until:%d %b}."})
            if does != "accept":
                return JSONResponse({"detail": "accept or snooze is asked"}, 422)
            done = release(company, plan, [name], actor=actor, today=today)
        if done.refused:
            return JSONResponse({"detail": "; ".join(done.refused)}, 409)
        told = "is placed" if done.placed else "was placed before; nothing was added"
        return JSONResponse({"message": f"{name} {told}."})

    def _actor(self, request: Request) -> str:
        return self._context.caller(request).actor

    def _page(
        self, request: Request, state: State, path: str, template: str, values: Mapping[str, Any]
    ) -> Response:
        return _html(request, rendering.render(template, self._frame(request, state, path, values)))

    def _frame(
        self, request: Request, state: State, path: str, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the frame around a page needs, and the values of the page."""
        caller = self._context.caller(request)
        query = dict(request.query_params)
        keep = f"?{urlencode({'plan': query['plan']})}" if query.get("plan") else ""
        theme = request.cookies.get("theme", "")
        running = [
            job
            for job in self._context.jobs.of(caller.tenant)
            if job.state not in ENDED and job.kind in ("plan", "proof")
        ]

        def here(**changes: Any) -> str:
            told = {k: v for k, v in query.items() if k not in ("why",)}
            told.update({k: v for k, v in changes.items() if v is not None})
            for name, value in changes.items():
                if value is None:
                    told.pop(name, None)
            return f"{path}?{urlencode(told)}" if told else path

        return {
            "fragment": request.headers.get("x-fragment") == "1",
            "csrf": self._context.csrf(request),
            "theme": theme if theme in ("light", "dark") else "",
            "room": path,
            "keep": keep,
            "here": here,
            "query": query,
            "heads": state.heads,
            "plan_name": state.plan.plan if state.plan else "",
            "plan_day": state.today,
            "scenario": state.plan.scenario if state.plan else "baseline",
            "age": state.age,
            "sign": state.sign,
            "has_data": bool(state.dataset["items"].height),
            "job": running[0].job if running else "",
            "may": {
                "run": caller.may("plan.run"),
                "accept": caller.may("plan.accept"),
                "load": caller.may("data.import"),
                "prove": caller.may("plan.run"),
                "books": caller.may("books.read"),
            },
            "state": state,
            **values,
        }

    def _refused(self, request: Request, path: str, error: FivefoldError) -> Response:
        company: Company = self._context.company(request)
        state = state_of(company, None, today=company.today())
        status, _, _ = of_error(error)
        values = {"title": "Not found" if status == 404 else "Not possible", "words": str(error)}
        told = rendering.render("refused.html", self._frame(request, state, path, values))
        return _html(request, told, status)


def _quantity_edit(told: Mapping[str, Any]) -> QuantityEdit:
    text = str(told.get("to", "")).replace(",", "").strip()
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a whole number of units")
    seen = str(told.get("from", "")).replace(",", "").strip()
    return QuantityEdit(
        decision=str(told.get("key", "")),
        quantity=int(text),
        expected=int(seen) if seen.isascii() and seen.isdigit() else None,
    )


def _html(request: Request, text: str, status: int = 200) -> Response:
    packed = _packed(request, text.encode(), "text/html; charset=utf-8")
    packed.status_code = status
    return packed


def _packed(request: Request, content: bytes, media_type: str) -> Response:
    headers = {"Vary": "Accept-Encoding, Cookie, X-Fragment", "Cache-Control": "no-store"}
    if len(content) > 1000 and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, 4)
    if media_type.startswith("text/html"):
        return HTMLResponse(content, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
