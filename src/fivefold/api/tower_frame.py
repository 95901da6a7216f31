"""What every page of the control tower stands in: whose it is, from which plan, who may act."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response

from fivefold.api.asked import look_for_news
from fivefold.api.companies import Company
from fivefold.api.context import Context
from fivefold.api.jobs import ENDED
from fivefold.api.problems import ProblemError, of_error
from fivefold.cycle import adjusting, notes
from fivefold.errors import FivefoldError
from fivefold.web.tower import rendering
from fivefold.web.tower.state import State, state_of


class Frame:
    """The company, the plan and the caller behind a request, and the frame around a page."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def company(self, request: Request) -> Company:
        """Return the company of who asks."""
        return self._context.company(request)

    def tenant(self, request: Request) -> str:
        """Return the name of the company of who asks."""
        return self._context.caller(request).tenant

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

    def author(self, request: Request) -> str:
        """Return who asks, as others know them."""
        caller = self._context.caller(request)
        return caller.label or caller.role

    def actor(self, request: Request) -> str:
        """Return who asks, as the books write them."""
        return self._context.caller(request).actor

    def look_for_news(self, request: Request) -> None:
        """Hold what was just written against the accepted plan, before anyone asks."""
        look_for_news(self._context, self.company(request), self.actor(request))

    async def acted(
        self, request: Request, work_: Callable[[Request, Mapping[str, Any]], Response]
    ) -> Response:
        """Read the body, do the work in a thread, and tell a refusal as 409."""
        body = await body_of(request)
        try:
            return await run_in_threadpool(work_, request, body)
        except (ValueError, TypeError) as error:
            return JSONResponse({"detail": str(error)}, 422)
        except adjusting.NotMovableError as error:
            return JSONResponse({"detail": str(error)}, 409)

    def page(
        self, request: Request, state: State, path: str, template: str, values: Mapping[str, Any]
    ) -> Response:
        """Return a page in its frame."""
        return html(request, rendering.render(template, self.values(request, state, path, values)))

    def values(
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
                "sop": caller.may("sop.decide"),
            },
            "state": state,
            "views": notes.views(state.workspace),
            **values,
        }

    def refused(self, request: Request, path: str, error: FivefoldError) -> Response:
        """Return a page that says why there is nothing to show."""
        company: Company = self._context.company(request)
        state = state_of(company, None, today=company.today())
        status, _, _ = of_error(error)
        values = {"title": "Not found" if status == 404 else "Not possible", "words": str(error)}
        told = rendering.render("refused.html", self.values(request, state, path, values))
        return html(request, told, status)


async def body_of(request: Request) -> dict[str, Any]:
    """Return what a form sent as an object; nothing is an empty one.

    Raises
    ------
    ProblemError
        400 or 422, if it is no JSON, or no object.
    """
    content = await request.body()
    if not content:
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise ProblemError(400, "not_json", "the body is not JSON") from None
    if not isinstance(body, dict):
        raise ProblemError(422, "no_object", "an object is expected")
    return body


def html(request: Request, text: str, status: int = 200) -> Response:
    """Return a page as an answer."""
    made = packed(request, text.encode(), "text/html; charset=utf-8")
    made.status_code = status
    return made


def packed(request: Request, content: bytes, media_type: str) -> Response:
    """Return an answer, packed where the browser can unpack it."""
    headers = {"Vary": "Accept-Encoding, Cookie, X-Fragment", "Cache-Control": "no-store"}
    if len(content) > 1000 and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, 4)
    if media_type.startswith("text/html"):
        return HTMLResponse(content, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
