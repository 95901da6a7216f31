"""What every route may ask for: the caller, his company, the jobs; and the guard of all routes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.access import Access, Caller
from fivefold.api.companies import Companies, Company
from fivefold.api.desk import Desks
from fivefold.api.door import SAFE, Limits
from fivefold.api.jobs import Job, Jobs
from fivefold.api.problems import ProblemError
from fivefold.api.webhooks import Webhooks
from fivefold.cycle.bookkeeping import at_noon
from fivefold.errors import NotFoundError
from fivefold.ledger import events

#: Under this name a route states its verb.
VERB = "x-verb"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that the routes and pages of one server share.

    Attributes
    ----------
    companies : Companies
    access : Access
    jobs : Jobs
    webhooks : Webhooks
    desks : Desks
    limits : Limits
    """

    companies: Companies
    access: Access
    jobs: Jobs
    webhooks: Webhooks
    desks: Desks = field(default_factory=Desks)
    limits: Limits = field(default_factory=Limits)

    def caller(self, request: Request) -> Caller:
        """Return who asks."""
        return caller(request)

    def company(self, request: Request) -> Company:
        """Return the company of who asks; no path and no body can name another."""
        return self.companies.company(caller(request).tenant)

    def csrf(self, request: Request) -> str:
        """Return what a page must send back as X-CSRF-Token, or as form field `csrf`."""
        return caller(request).csrf


def verb(name: str, **more: Any) -> dict[str, Any]:
    """Return what a route gives as `openapi_extra` to state the verb it asks for."""
    return {VERB: name, **more}


def caller(request: Request) -> Caller:
    """Return who asks.

    Raises
    ------
    ProblemError
        401, if nobody known does.
    """
    found = request.scope["state"].get("caller")
    if found is None:
        raise ProblemError(401, "no_caller", "a token is needed")
    assert isinstance(found, Caller)
    return found


async def guard(request: Request) -> None:
    """Let a caller pass whom the role × verb table grants the route's verb; deny all others.

    A page that is only read may be opened by whoever may open pages; any other route that
    states no verb is closed to everybody.
    """
    route = request.scope.get("route")
    stated = (getattr(route, "openapi_extra", None) or {}).get(VERB)
    if stated == "public":
        return
    if stated is None and request.method in SAFE and not request.url.path.startswith("/api/"):
        stated = "pages.read"
    asking = caller(request)
    if stated is None or not asking.may(stated):
        raise ProblemError(
            403,
            "not_allowed",
            f"role {asking.role} does not grant {stated or 'this'}"
            + (" within the scopes of this token" if asking.scopes is not None else ""),
            verb=stated,
        )


def context_of(request: Request) -> Context:
    """Return the context of the server."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


# Dependencies are coroutines, because FastAPI gives each plain function to a thread.
async def _context(request: Request) -> Context:
    return context_of(request)


async def _caller(request: Request) -> Caller:
    return caller(request)


async def _company(request: Request) -> Company:
    return context_of(request).company(request)


Ctx = Annotated[Context, Depends(_context)]
Asking = Annotated[Caller, Depends(_caller)]
Books = Annotated[Company, Depends(_company)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any word of your own. The same request under the same key counts once and "
        "gets the same answer; another request under it is refused with 409.",
    ),
]


def needed(key: str | None, what: str) -> str:
    """Return the idempotency key, which this request cannot do without.

    Raises
    ------
    ProblemError
        400, if there is none.
    """
    if key is None:
        raise ProblemError(
            400,
            "idempotency_key_missing",
            f"{what}, or send an Idempotency-Key header, so that asking twice counts once",
        )
    return key


def once(
    request: Request, company: Company, key: str | None, work: Callable[[], Mapping[str, Any]]
) -> Response:
    """Return the answer to a request that writes; under a key it is done and kept once.

    The request and its answer stand in the books, so a restart forgets neither. Where the
    server stopped between the work and its answer, the work's own key in the books keeps it
    from being done twice.

    Raises
    ------
    ProblemError
        409, if the key was used for another request.
    """
    with company.writing:
        if key is None:
            return JSONResponse(jsonable(work()))
        print_ = _fingerprint(request)
        name = f"request:{key}"
        before = _answered(company, name)
        if before is not None:
            if before["fingerprint"] != print_:
                raise ProblemError(
                    409, "key_reused", f"Idempotency-Key {key!r} was used for another request"
                )
            return _answer(before["answer"], replayed=True)
        answer = jsonable(work())
        company.journal.submit(
            events.record(
                key=name,
                actor=caller(request).actor,
                effective_at=at_noon(company.today()),
                kind="request.answered",
                subject=name,
                body={"fingerprint": print_, "answer": answer},
            )
        )
        return _answer(answer, replayed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act that is asked for: by whom, in which company, done once, told to who listens.

    Attributes
    ----------
    request : Request
    context : Context
    company : Company
    asking : Caller
    key : str or None
        As the Idempotency-Key header named it.
    """

    request: Request
    context: Context
    company: Company
    asking: Caller
    key: str | None

    @property
    def actor(self) -> str:
        """Who acts, as the books write it."""
        return self.asking.actor

    def day(self, given: date | None) -> date:
        """Return the day that was given, else today."""
        return given or self.company.today()

    def once(self, work: Callable[[], Mapping[str, Any]]) -> Response:
        """Do it once under its key; see `once`."""
        return once(self.request, self.company, self.key, work)

    def tell(self, event: str, body: Mapping[str, Any]) -> None:
        """Tell the webhooks of the company."""
        self.context.webhooks.tell(self.company, event, dict(body))


async def _act(
    request: Request, company: Books, asking: Asking, context: Ctx, key: Key = None
) -> Act:
    return Act(request=request, context=context, company=company, asking=asking, key=key)


Acting = Annotated[Act, Depends(_act)]


def _answer(answer: Any, *, replayed: bool) -> Response:
    """Return an answer as it was kept: the same bytes every time."""
    text = json.dumps(answer, sort_keys=True, allow_nan=False)
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(text, headers=headers, media_type="application/json")


def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(request.scope["state"].get("body", b""))
    return digest.hexdigest()


def _answered(company: Company, name: str) -> dict[str, Any] | None:
    try:
        command = company.journal.find(name)
    except NotFoundError:
        return None
    return dict(command.facts[0].body)


def jsonable(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(inner) for inner in value]
    if isinstance(value, datetime):
        # As pages of tables write instants.
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def accepted_job(job: Job) -> JSONResponse:
    """Return the answer to whoever started a job: 202, the job, and where to look for it."""
    headers = {"Location": f"/api/v1/jobs/{job.job}"}
    return JSONResponse(jsonable(job.record()), 202, headers=headers)
