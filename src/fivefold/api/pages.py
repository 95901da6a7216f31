"""The pages of the control tower: addresses, the frame around each, and what forms do.

What a page shows is worked out in `fivefold.web.tower`; what a form does, in `fivefold.cycle`.
"""

from __future__ import annotations

import gzip
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

import polars as pl
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, JSONResponse, Response

from fivefold.api.companies import Company
from fivefold.api.context import Context, verb
from fivefold.api.jobs import ENDED
from fivefold.api.problems import of_error
from fivefold.connect.excel import write_workbook
from fivefold.connect.tables import write_csv, write_parquet
from fivefold.cycle import adjusting, notes
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.decisions import QuantityEdit, edit_quantities, release, snooze
from fivefold.cycle.execution import take_back
from fivefold.cycle.importing import import_files, undo_import
from fivefold.cycle.one_item import look_at_overrides
from fivefold.errors import DataError, FivefoldError, NotFoundError
from fivefold.model import schema
from fivefold.web.tower import grids, rendering
from fivefold.web.tower.grids import Grid, filtered, grid_query, page
from fivefold.web.tower.rooms import data, demand, registry, search, why, work
from fivefold.web.tower.state import State, state_of
from fivefold.web.words import many, money, plain_name

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
    router.add_api_route("/jobs", desk.jobs, methods=["GET"])
    router.add_api_route(
        "/jobs/{job}/cancel", desk.cancel, methods=["POST"], openapi_extra=verb("plan.run")
    )
    loads = verb("data.import")
    for path, handler in (
        ("/data/look", desk.look),
        ("/data/fix/{stage}", desk.fix),
        ("/data/load/{stage}", desk.load),
        ("/data/drop/{stage}", desk.drop),
        ("/data/undo/{sha256}", desk.undo),
        ("/demand/override", desk.override),
    ):
        router.add_api_route(path, handler, methods=["POST"], openapi_extra=loads)
    router.add_api_route("/why", desk.why, methods=["GET"])
    router.add_api_route("/search", desk.search, methods=["GET"])
    router.add_api_route("/grid/{name}", desk.grid, methods=["GET"])
    router.add_api_route("/export/{name}.{kind}", desk.export, methods=["GET"])
    router.add_api_route(
        "/grid/{name}", desk.edit, methods=["POST"], openapi_extra=verb("plan.accept")
    )
    for path, handler in (
        ("/make/look", desk.look_at_move),
        ("/make/move", desk.move),
        ("/make/undo", desk.move_back),
        ("/make/freeze", desk.freeze),
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


class Desk:
    """Answers for the pages of one server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stages = Stages()

    def room(self, room: registry.Room) -> Callable[[Request], Response]:
        """Return the handler of a room."""

        def answer(request: Request) -> Response:
            query = dict(request.query_params)
            try:
                state = self.state(request)
                values = room.values(state, query)
                if room.path == "/data" and query.get("stage"):
                    values["review"] = self._review(request, query["stage"])
            except FivefoldError as error:
                return self._refused(request, room.path, error)
            template = values.get("template", room.template)
            return self._page(request, state, room.path, template, values)

        return answer

    def state(self, request: Request, plan: str | None = None) -> State:
        """Return what the pages of this request are drawn from."""
        company = self._context.company(request)
        name = plan or request.query_params.get("plan") or None
        made = tuple(company.plans.names())
        stamp = (company.plans.folder / made[-1] / "plan.json").stat().st_mtime_ns if made else 0
        key = ("tower", company.journal.seq, made, stamp, name)
        return company.remembered(key, lambda: state_of(company, name, today=company.today()))

    def state_of(self, request: Request, body: Mapping[str, Any]) -> State:
        """Return the state for the plan a body names."""
        return self.state(request, str(body.get("plan") or "") or None)

    def jobs(self, request: Request) -> Response:
        """Return the page of long work."""
        caller = self._context.caller(request)
        known = [job.record() for job in self._context.jobs.of(caller.tenant)]
        values = {"title": "Jobs", "jobs": known}
        return self._page(request, self.state(request), "/jobs", "jobs.html", values)

    def cancel(self, request: Request, job: str) -> Response:
        """End long work."""
        self._context.jobs.job(self._context.caller(request).tenant, job).cancel()
        return JSONResponse({"message": "Cancelled; nothing of it is kept."})

    async def look(self, request: Request) -> Response:
        """Read files, say what is in them and what is wrong; nothing is loaded."""
        async with request.form(max_files=200, max_fields=4) as form:
            files = [
                (PurePath(part.filename or "file").name, await part.read())
                for _, part in form.multi_items()
                if isinstance(part, UploadFile)
            ]
        if not files:
            return JSONResponse({"detail": "no file was sent"}, 422)
        stage = self._stages.keep(self._context.caller(request).tenant, files)
        return JSONResponse({"go": f"/data?stage={stage}"})

    def _review(self, request: Request, stage: str) -> dict[str, Any] | None:
        files = self._stages.files(self._context.caller(request).tenant, stage)
        if files is None:
            return None
        company = self._context.company(request)
        day = company.today()
        report = import_files(company, files, actor=self._actor(request), as_of=day, dry_run=True)
        return data.review(report, stage)

    async def fix(self, request: Request, stage: str) -> Response:
        """Change one cell of a file that was looked at."""
        body = await request.json()
        tenant = self._context.caller(request).tenant
        files = self._stages.files(tenant, stage)
        if files is None:
            return _put_away()
        name = str(body.get("file", ""))
        try:
            self._stages.replace(
                tenant,
                stage,
                [
                    (
                        each,
                        data.changed_cell(
                            content,
                            row=int(body.get("row", 0)),
                            column=str(body.get("column", "")),
                            value=str(body.get("value", "")),
                        )
                        if each == name
                        else content,
                    )
                    for each, content in files
                ],
            )
        except ValueError as error:
            return JSONResponse({"detail": f"It cannot be mended here: {error}"}, 422)
        return JSONResponse({"message": "Changed; the file was read again."})

    def load(self, request: Request, stage: str) -> Response:
        """Load the files that were looked at; those with a problem are left out whole."""
        tenant = self._context.caller(request).tenant
        files = self._stages.files(tenant, stage)
        if files is None:
            return _put_away()
        told = self._import(request, files)
        self._stages.drop(tenant, stage)
        return JSONResponse({"message": told, "go": "/data"})

    def _import(self, request: Request, files: Sequence[tuple[str, bytes]]) -> str:
        company = self._context.company(request)
        with company.writing:
            report = import_files(company, files, actor=self._actor(request), as_of=company.today())
        loaded = sum(each.status == "loaded" for each in report.files)
        return f"{many(loaded, 'file')} loaded, {report.commands_written:,} facts written."

    def drop(self, request: Request, stage: str) -> Response:
        """Forget files that were looked at."""
        self._stages.drop(self._context.caller(request).tenant, stage)
        return JSONResponse({"message": "Put away; nothing was loaded.", "go": "/data"})

    def undo(self, request: Request, sha256: str) -> Response:
        """Take a loaded file back out of the tables."""
        company = self._context.company(request)
        with company.writing:
            name = undo_import(company, sha256, actor=self._actor(request), as_of=company.today())
        return JSONResponse({"message": f"{name} was taken back."})

    async def override(self, request: Request) -> Response:
        """Keep a change of the forecast as a table of one row, loaded like any other file."""
        from starlette.concurrency import run_in_threadpool

        body = await request.json()
        caller = self._context.caller(request)
        content = demand.override_table(
            body, author=caller.label or caller.role, today=date.today()
        )
        return await run_in_threadpool(self._overridden, request, str(body.get("item")), content)

    def _overridden(self, request: Request, item: str, content: bytes) -> Response:
        """Load changes of the forecast, and say what they do to the orders of the item."""
        files = [(f"forecast_overrides-{secrets.token_hex(4)}.csv", content)]
        company, actor = self._context.company(request), self._actor(request)
        day = company.today()
        looked = import_files(company, files, actor=actor, as_of=day, dry_run=True)
        problems = [str(p.message) for each in looked.files for p in each.problems]
        if looked.has_errors or looked.files[0].status != "loaded":
            return JSONResponse({"detail": "; ".join(problems) or "it was not understood"}, 422)
        state = self.state(request)
        rows = schema("forecast_overrides").frame(
            demand.overrides_of(content, state.dataset["forecast_overrides"])
        )
        weeks = max(4, min(104, state.made["forecast_means"]["period_start"].n_unique()))
        told = look_at_overrides(state.dataset, item, rows, as_of=state.made.as_of, periods=weeks)
        self._import(request, files)
        values = {
            "rows": told.changes.to_dicts(),
            "title": f"What this does to the orders of {state.title(item)}",
            "note": "Worked out for the item alone; Run plan weighs it against all others."
            + (
                f" {told.unserved_units:,.0f} units more go unserved."
                if told.unserved_units >= 1
                else ""
            ),
        }
        panel = rendering.render("orders_change.html", values)
        count = told.changes.height
        words_ = f"Kept. {many(count, 'order')} of it {'changes' if count == 1 else 'change'}."
        return JSONResponse({"message": words_, "panel": panel})

    def _edit_weeks(self, request: Request, body: Mapping[str, Any]) -> Response:
        reason = str(body.get("reason") or "").strip()
        if not reason:
            return JSONResponse({"detail": "Say why: a change of the forecast has a reason."}, 422)
        edits, streams = [], set()
        for each in body.get("edits", []):
            item, place, start = str(each.get("key", "")).split("@")
            streams.add((item, place))
            text = str(each.get("to", "")).replace(",", "").strip()
            edits.append((date.fromisoformat(start), float(text) if text else None))
        if len(streams) != 1:
            return JSONResponse({"detail": "weeks of one stream are changed at a time"}, 422)
        ((item, place),) = streams
        caller = self._context.caller(request)
        content = demand.week_table(
            item,
            place,
            edits,
            reason=reason,
            author=caller.label or caller.role,
            today=self._context.company(request).today(),
        )
        return self._overridden(request, item, content)

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
        if name == "weeks":
            try:
                return self._edit_weeks(request, body)
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
                    company, state.made, edits, actor=self._actor(request), today=state.today
                )
        except DataError as error:
            told = "; ".join(
                f"{p.key.split(':')[1] if ':' in p.key else p.key}: {p.message}"
                for p in error.problems[:3]
            )
            return JSONResponse({"detail": f"Nothing was changed. {told}."}, 422)
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

    async def look_at_move(self, request: Request) -> Response:
        """Say what would follow where work were put elsewhere."""
        return await self._acted(request, self._look_at_move)

    def _look_at_move(self, request: Request, body: Mapping[str, Any]) -> Response:
        state = self.state_of(request, body)
        starts = _starts(body)
        told = adjusting.look_at_move(state.workspace, state.made, starts, dataset=state.dataset)
        values = {"told": work.consequence(state, told, starts)}
        return _html(request, rendering.render("consequence.html", values))

    async def move(self, request: Request) -> Response:
        """Put work elsewhere, and freeze it there where that is asked."""
        return await self._acted(request, self._move)

    def _move(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        starts, actor = _starts(body), self._actor(request)
        with company.writing:
            told = adjusting.move(company, state.made, starts, dataset=state.dataset, actor=actor)
            if body.get("freeze"):
                adjusting.freeze(company, state.made, starts, frozen=True, actor=actor)
        undo = {order: at.isoformat() for order, at in told.undo.items()}
        words_ = f"{many(len(told.moved), 'work order')} moved" + (
            " and frozen." if body.get("freeze") else ". Undo takes it back."
        )
        return JSONResponse({"message": words_, "undo": undo})

    async def move_back(self, request: Request) -> Response:
        """Take back a move."""
        return await self._acted(request, self._move_back)

    def _move_back(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        with company.writing:
            names = adjusting.restore(
                company, state.made, _starts(body), actor=self._actor(request)
            )
        return JSONResponse({"message": f"{many(len(names), 'work order')} back where it was."})

    async def freeze(self, request: Request) -> Response:
        """Make work stand fast, or free it."""
        return await self._acted(request, self._freeze)

    def _freeze(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        frozen = body.get("frozen") is not False
        with company.writing:
            names = adjusting.freeze(
                company,
                state.made,
                [str(name) for name in body.get("orders", [])],
                frozen=frozen,
                actor=self._actor(request),
            )
        does = "frozen" if frozen else "free again"
        return JSONResponse({"message": f"{many(len(names), 'work order')} {does}."})

    async def take_back(self, request: Request) -> Response:
        """Take goods back that were valued: stock, refund, case."""
        return await self._acted(request, self._take_back)

    def _take_back(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._context.company(request), self.state_of(request, body)
        lines = state.dataset["orders"].filter(pl.col("order") == str(body.get("order") or ""))
        own = lines.filter(pl.col("item") == str(body.get("item")))
        with company.writing:
            done = take_back(
                company,
                str(body.get("id") or ""),
                actor=self._actor(request),
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
        return await self._acted(request, self._comment)

    def _comment(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        author, actor = self._author(request), self._actor(request)
        with company.writing:
            notes.comment(company, made, str(body.get("text", "")), author=author, actor=actor)
        return JSONResponse({"message": "Written."})

    async def sign(self, request: Request) -> Response:
        """Agree to a plan for a function, or take that back."""
        return await self._acted(request, self._sign)

    def _sign(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        agrees, function = body.get("agrees") == "yes", str(body.get("function", ""))
        author, actor = self._author(request), self._actor(request)
        with company.writing:
            notes.sign(company, made, function, agrees=agrees, author=author, actor=actor)
        told = "agrees" if agrees else "no longer agrees"
        return JSONResponse({"message": f"{plain_name(function)} {told}."})

    async def keep_view(self, request: Request) -> Response:
        """Keep an address under a name."""
        return await self._acted(request, self._keep_view)

    def _keep_view(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, made = self._context.company(request), self.state_of(request, body).made
        name, address = str(body.get("name", "")), str(body.get("address", ""))
        author, actor = self._author(request), self._actor(request)
        with company.writing:
            notes.keep_view(company, made, name, address, author=author, actor=actor)
        return JSONResponse({"message": f"Kept as {name.strip()}, under Views."})

    def _author(self, request: Request) -> str:
        caller = self._context.caller(request)
        return caller.label or caller.role

    async def _acted(
        self, request: Request, work_: Callable[[Request, Mapping[str, Any]], Response]
    ) -> Response:
        """Read the body, do the work in a thread, and tell a refusal as 409."""
        from starlette.concurrency import run_in_threadpool

        body = await request.json()
        if not isinstance(body, dict):
            return JSONResponse({"detail": "an object is expected"}, 422)
        try:
            return await run_in_threadpool(work_, request, body)
        except (ValueError, TypeError) as error:
            return JSONResponse({"detail": str(error)}, 422)
        except adjusting.NotMovableError as error:
            return JSONResponse({"detail": str(error)}, 409)

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
                "serve": caller.may("orders.serve"),
                "supply": caller.may("supply.edit"),
            },
            "state": state,
            "views": notes.views(state.workspace),
            **values,
        }

    def _refused(self, request: Request, path: str, error: FivefoldError) -> Response:
        company: Company = self._context.company(request)
        state = state_of(company, None, today=company.today())
        status, _, _ = of_error(error)
        values = {"title": "Not found" if status == 404 else "Not possible", "words": str(error)}
        told = rendering.render("refused.html", self._frame(request, state, path, values))
        return _html(request, told, status)


class Stages:
    """Files that were looked at and wait to be loaded, a few a company, in memory."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._files: OrderedDict[tuple[str, str], Sequence[tuple[str, bytes]]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, tenant: str, files: Sequence[tuple[str, bytes]]) -> str:
        """Return the name under which files wait; the oldest of a company make room."""
        name = secrets.token_hex(8)
        with self._lock:
            own = [key for key in self._files if key[0] == tenant]
            for key in own[: max(0, len(own) + 1 - self._most)]:
                del self._files[key]
            self._files[tenant, name] = files
        return name

    def files(self, tenant: str, stage: str) -> Sequence[tuple[str, bytes]] | None:
        """Return the files of a stage, None where they are gone."""
        with self._lock:
            return self._files.get((tenant, stage))

    def replace(self, tenant: str, stage: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Put other files in their place."""
        with self._lock:
            self._files[tenant, stage] = files

    def drop(self, tenant: str, stage: str) -> None:
        """Forget the files of a stage."""
        with self._lock:
            self._files.pop((tenant, stage), None)


def _put_away() -> Response:
    return JSONResponse({"detail": "These files are no longer kept; drop them again."}, 410)


def _starts(body: Mapping[str, Any]) -> dict[str, datetime]:
    """Return wanted starts by order.

    Raises
    ------
    ValueError
        If one is no instant with its zone.
    """
    told = body.get("starts")
    if not isinstance(told, dict) or not told:
        raise ValueError("starts is missing: an instant for each work order")
    found = {str(order): datetime.fromisoformat(str(at)) for order, at in told.items()}
    if any(at.tzinfo is None for at in found.values()):
        raise ValueError("a start needs its zone, as in 2026-12-01T16:00:00Z")
    return {order: at.astimezone(UTC) for order, at in found.items()}


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
