"""The pages of the control tower: addresses, the frame around each, and what forms do.

What a page shows is worked out in `fivefold.web.tower`; what a form does, in `fivefold.cycle`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import polars as pl
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.context import Context, verb
from fivefold.api.tower_files import XLSX, FilesDesk
from fivefold.api.tower_frame import Frame, body_of, html, packed
from fivefold.api.tower_settings import SettingsDesk
from fivefold.api.tower_work import WorkDesk
from fivefold.connect.excel import write_workbook
from fivefold.connect.tables import write_csv, write_parquet
from fivefold.cycle import notes
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.decisions import QuantityEdit, edit_quantities, release, snooze
from fivefold.cycle.taking_back import take_back
from fivefold.errors import DataError, FivefoldError, NotFoundError
from fivefold.web.tower import grids, rendering
from fivefold.web.tower.grids import Grid, filtered, grid_query, page
from fivefold.web.tower.rooms import baskets, registry, search, why
from fivefold.web.words import many, money, plain_name

_MEDIA = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8", "parquet": "application/octet-stream"}
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
    router.add_api_route("/jobs", desk.jobs, methods=["GET"])
    router.add_api_route(
        "/jobs/{job}/cancel", desk.cancel, methods=["POST"], openapi_extra=verb("plan.run")
    )
    loads = verb("data.import")
    for path, handler in (
        ("/data/look", desk.files.look),
        ("/data/fix/{stage}", desk.files.fix),
        ("/data/load/{stage}", desk.files.load),
        ("/data/map/{stage}", desk.files.map),
        ("/data/drop/{stage}", desk.files.drop),
        ("/data/undo/{sha256}", desk.files.undo),
        ("/demand/override", desk.settings.override),
        ("/inventory/policy", desk.settings.policy),
    ):
        router.add_api_route(path, handler, methods=["POST"], openapi_extra=loads)
    router.add_api_route(
        "/data/marked/{stage}.xlsx", desk.files.marked, methods=["GET"], openapi_extra=loads
    )
    router.add_api_route(
        "/demand/orders/{look}", desk.settings.orders_of, methods=["GET"], openapi_extra=loads
    )
    router.add_api_route("/why", desk.why, methods=["GET"])
    router.add_api_route("/search", desk.search, methods=["GET"])
    router.add_api_route("/grid/{name}", desk.grid, methods=["GET"])
    router.add_api_route("/export/{name}.{kind}", desk.export, methods=["GET"])
    router.add_api_route(
        "/grid/{name}", desk.edit, methods=["POST"], openapi_extra=verb("plan.accept")
    )
    for path, handler in (
        ("/make/look", desk.work.look_at_move),
        ("/make/move", desk.work.move),
        ("/make/undo", desk.work.move_back),
        ("/make/freeze", desk.work.freeze),
        ("/order/fill", desk.fill),
        ("/sop/comment", desk.comment),
        ("/sop/sign", desk.sign),
        ("/views", desk.keep_view),
    ):
        router.add_api_route(path, handler, methods=["POST"], openapi_extra=verb("plan.accept"))
    router.add_api_route(
        "/returns/receive",
        desk.take_back,
        methods=["POST"],
        openapi_extra=verb("orders.serve"),
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


class Desk(Frame):
    """Answers for the pages of one server."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.files = FilesDesk(self)
        self.settings = SettingsDesk(self, self.files)
        self.work = WorkDesk(self)

    def room(self, room: registry.Room) -> Callable[[Request], Response]:
        """Return the handler of a room."""

        def answer(request: Request) -> Response:
            query = dict(request.query_params)
            try:
                state = self.state(request)
                values = room.values(state, query)
                if room.path == "/data" and query.get("stage"):
                    values["review"] = self.files.review(request, query["stage"])
            except FivefoldError as error:
                return self.refused(request, room.path, error)
            template = values.get("template", room.template)
            return self.page(request, state, room.path, template, values)

        return answer

    def jobs(self, request: Request) -> Response:
        """Return the page of long work."""
        caller = self._context.caller(request)
        known = [job.record() for job in self._context.jobs.of(caller.tenant)]
        values = {"title": "Jobs", "jobs": known}
        return self.page(request, self.state(request), "/jobs", "jobs.html", values)

    def cancel(self, request: Request, job: str) -> Response:
        """End long work."""
        self._context.jobs.job(self._context.caller(request).tenant, job).cancel()
        return JSONResponse({"message": "Cancelled; nothing of it is kept."})

    def why(self, request: Request) -> Response:
        """Return what the drawer says about a name."""
        state = self.state(request)
        try:
            told = why.view(state, request.query_params.get("name", ""))
        except NotFoundError as error:
            values = {"words": str(error)}
            return html(request, rendering.render("why_missing.html", values))
        return html(
            request,
            rendering.render(
                "why.html", self.values(request, state, "", {"told": told, "title": "Why"})
            ),
        )

    def search(self, request: Request) -> Response:
        """Return what is found for a few letters, as a list."""
        found = search.find(self.state(request), request.query_params.get("q", ""))
        return html(request, rendering.render("found.html", {"found": found}))

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
        return packed(request, json.dumps(told).encode(), "application/json")

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

        body = await body_of(request)
        return await run_in_threadpool(self._edit, request, name, body)

    def _edit(self, request: Request, name: str, body: Mapping[str, Any]) -> Response:
        if name not in registry.EDITABLE:
            return JSONResponse({"detail": "nothing in this list can be changed"}, 409)
        if name == "weeks":
            try:
                return self.settings.edit_weeks(request, body)
            except ValueError as error:
                return JSONResponse({"detail": f"Nothing was changed: {error}."}, 422)
        try:
            edits = [_quantity_edit(each) for each in body.get("edits", [])]
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 422)
        company, state = self._context.company(request), self.state(request)
        try:
            with company.writing:
                count = edit_quantities(
                    company, state.made, edits, actor=self.actor(request), today=state.today
                )
        except DataError as error:
            told = "; ".join(
                f"{p.key.split(':')[1] if ':' in p.key else p.key}: {p.message}"
                for p in error.problems[:3]
            )
            return JSONResponse({"detail": f"Nothing was changed. {told}."}, 422)
        told = "1 quantity changed" if count == 1 else f"{count} quantities changed"
        return JSONResponse({"message": f"{told}. Ctrl+Z takes it back."})

    async def fill(self, request: Request) -> Response:
        """Fill the container of an order with what is on it, or take that back."""
        return await self.acted(request, self._fill)

    def _fill(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        name, back = str(body.get("name") or ""), body.get("do") == "reset"
        edits = baskets.as_planned(state, name) if back else baskets.filling(state, name)
        if not edits:
            return JSONResponse({"detail": f"There is nothing to change on {name}."}, 409)
        with company.writing:
            count = edit_quantities(
                company, state.made, edits, actor=self.actor(request), today=state.today
            )
        does = "as planned again" if back else "fill the container"
        return JSONResponse({"message": f"{many(count, 'line')} {does}."})

    async def decide(self, request: Request) -> Response:
        """Accept a decision, or put it off."""
        from starlette.concurrency import run_in_threadpool

        body = await body_of(request)
        return await run_in_threadpool(self._decide, request, body)

    def _decide(self, request: Request, body: Mapping[str, Any]) -> Response:
        company = self._context.company(request)
        name, does = str(body.get("name", "")), body.get("do")
        plan = company.plan_named(str(body.get("plan") or "") or None)
        actor, today = self.actor(request), plan.as_of
        with company.writing:
            if does == "snooze":
                asked = str(body.get("days") or SNOOZE_DAYS)
                days = int(asked) if asked.isdigit() and 0 < int(asked) <= 366 else SNOOZE_DAYS
                until = today + timedelta(days=days)
                snooze(company, plan, name, until=until, actor=actor, today=today)
                return JSONResponse({"message": f"Put off until {until:%d %b}."})
            if does != "accept":
                return JSONResponse({"detail": "accept or snooze is asked"}, 422)
            done = release(company, plan, [name], actor=actor, today=today)
        if done.refused:
            return JSONResponse({"detail": "; ".join(done.refused)}, 409)
        told = "is placed" if done.placed else "was placed before; nothing was added"
        return JSONResponse({"message": f"{name} {told}."})

    async def take_back(self, request: Request) -> Response:
        """Take goods back that were valued: stock, refund, case."""
        return await self.acted(request, self._take_back)

    def _take_back(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        lines = state.dataset["orders"].filter(pl.col("order") == str(body.get("order") or ""))
        own = lines.filter(pl.col("item") == str(body.get("item")))
        with company.writing:
            done = take_back(
                company,
                str(body.get("id") or ""),
                actor=self.actor(request),
                at=at_noon(state.today),
                item=str(body.get("item") or ""),
                quantity=int(str(body.get("units") or 1)),
                order=str(body.get("order") or ""),
                channel=str(own["channel"][0] or "") if own.height else "",
                reason=str(body.get("reason") or ""),
                condition=str(body.get("condition") or "SELLABLE"),
                way=str(body.get("way") or ""),
            )
        refund = money(done.refund, state.sign, cents=True)
        told = (
            f"Was taken in before; {refund} were refunded then."
            if done.status == "duplicate"
            else f"Taken in: {plain_name(done.chosen).lower()}, {refund} refunded, "
            f"case {done.case} opened."
        )
        plan = f"?plan={body['plan']}" if body.get("plan") else ""
        return JSONResponse({"message": told, "go": f"/returns{plan}"})

    async def comment(self, request: Request) -> Response:
        """Write a comment on a plan."""
        return await self.acted(request, self._comment)

    def _comment(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        author, actor = self.author(request), self.actor(request)
        with company.writing:
            notes.comment(company, made, str(body.get("text", "")), author=author, actor=actor)
        return JSONResponse({"message": "Written."})

    async def sign(self, request: Request) -> Response:
        """Agree to a plan for a function, or take that back."""
        return await self.acted(request, self._sign)

    def _sign(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        agrees, function = body.get("agrees") == "yes", str(body.get("function", ""))
        author, actor = self.author(request), self.actor(request)
        with company.writing:
            notes.sign(company, made, function, agrees=agrees, author=author, actor=actor)
        told = "agrees" if agrees else "no longer agrees"
        return JSONResponse({"message": f"{plain_name(function)} {told}."})

    async def keep_view(self, request: Request) -> Response:
        """Keep an address under a name."""
        return await self.acted(request, self._keep_view)

    def _keep_view(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        name, address = str(body.get("name", "")), str(body.get("address", ""))
        author, actor = self.author(request), self.actor(request)
        with company.writing:
            notes.keep_view(company, made, name, address, author=author, actor=actor)
        return JSONResponse({"message": f"Kept as {name.strip()}, under Views."})


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
