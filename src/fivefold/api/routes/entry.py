"""Who is let in: health, session, login, tokens, webhooks, and the description of all this."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from fivefold.api.bodies import NewToken, NewWebhook
from fivefold.api.context import Asking, Books, Ctx, verb
from fivefold.api.door import SESSION_COOKIE
from fivefold.api.problems import ProblemError
from fivefold.api.roles import GRANTED, VERBS
from fivefold.api.webhooks import EVENTS, checked_url
from fivefold.web.tower import rendering

router = APIRouter(tags=["access"])
Name = Annotated[str, Path(max_length=80)]


@router.get("/api/v1/health", openapi_extra=verb("public"))
async def health() -> dict[str, str]:
    """Say that the server answers; nothing about anybody's books."""
    return {"status": "ok"}


@router.get("/api/v1/session", openapi_extra=verb("session.own"))
async def session(asking: Asking) -> dict[str, Any]:
    """Return who one is to this server, and the token a page must send back."""
    return {
        "tenant": asking.tenant,
        "role": asking.role,
        "label": asking.label,
        "verbs": sorted(name for name in VERBS if asking.may(name)),
        "csrf": asking.csrf or None,
    }


@router.get("/api/v1/roles", openapi_extra=verb("session.own"))
async def roles() -> dict[str, Any]:
    """Return the table of roles and verbs."""
    granted = {role: sorted(verbs) for role, verbs in GRANTED.items()}
    return {"verbs": VERBS, "roles": granted}


def _login_page(next_path: str, told: str = "", status: int = 200) -> HTMLResponse:
    values = {"told": told, "next": _local(next_path)}
    return HTMLResponse(rendering.render("login.html", values), status)


def _local(path: str) -> str:
    """Return a path of this server; anything that leads elsewhere becomes the first page."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe and "\\" not in path else "/"


@router.get("/login", response_class=HTMLResponse, openapi_extra=verb("public"))
async def login_page(next: str = "/") -> HTMLResponse:  # noqa: A002 - the word of the query
    """Show the page that asks for a token."""
    return _login_page(next)


@router.post(
    "/login",
    response_class=Response,
    openapi_extra=verb(
        "public",
        requestBody={
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["token"],
                        "properties": {"token": {"type": "string"}, "next": {"type": "string"}},
                    }
                }
            }
        },
    ),
)
async def login(request: Request, context: Ctx) -> Response:
    """Begin a session in a browser with a token."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise ProblemError(415, "not_a_form", "send a form")
    form = await request.form()
    secret, next_path = str(form.get("token", "")), str(form.get("next", "/"))
    caller = context.access.caller(secret.strip())
    if caller is None:
        return _login_page(next_path, "This token is not known, revoked or past its time.", 401)
    answer = RedirectResponse(_local(next_path), 303)
    answer.set_cookie(
        SESSION_COOKIE,
        context.access.new_session(caller),
        max_age=12 * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return answer


@router.post("/logout", response_class=Response, openapi_extra=verb("session.own"))
async def logout(request: Request, context: Ctx) -> Response:
    """End the session of this browser."""
    context.access.end_session(request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


@router.get("/api/v1/tokens", openapi_extra=verb("access.manage"))
def tokens(asking: Asking, context: Ctx) -> list[dict[str, Any]]:
    """Return the tokens of one's company, without their secrets."""
    return context.access.tokens(asking.tenant)


@router.post("/api/v1/tokens", status_code=201, openapi_extra=verb("access.manage"))
def new_token(body: NewToken, asking: Asking, context: Ctx) -> JSONResponse:
    """Make a token for one's own company; it is shown this once."""
    try:
        secret, name = context.access.new_token(
            asking.tenant,
            body.role,
            label=body.label,
            scopes=body.scopes,
            days=body.days,
        )
    except ValueError as error:
        raise ProblemError(422, "invalid", str(error)) from None
    return JSONResponse({"token": name, "secret": secret, "role": body.role}, 201)


@router.delete("/api/v1/tokens/{token}", openapi_extra=verb("access.manage"))
def revoke(token: Name, asking: Asking, context: Ctx) -> dict[str, str]:
    """Revoke a token of one's company; its sessions end with it."""
    context.access.revoke(asking.tenant, token)
    return {"revoked": token}


@router.get("/api/v1/webhooks", openapi_extra=verb("webhooks.manage"))
def webhooks(asking: Asking, context: Ctx) -> list[dict[str, Any]]:
    """Return the webhooks of one's company, without their secrets."""
    return [
        {name: value for name, value in asdict(one).items() if name not in ("secret", "tenant")}
        for one in context.access.webhooks(asking.tenant)
    ]


@router.post("/api/v1/webhooks", status_code=201, openapi_extra=verb("webhooks.manage"))
def new_webhook(body: NewWebhook, asking: Asking, context: Ctx) -> JSONResponse:
    """Add a webhook; the secret that signs its events is shown this once."""
    unknown = sorted(set(body.events) - set(EVENTS))
    if unknown:
        raise ProblemError(
            422, "unknown_event", f"{unknown[0][:80]!r} is not told; told are {', '.join(EVENTS)}"
        )
    checked_url(body.url, allow_private=context.webhooks.allow_private)
    if len(context.access.webhooks(asking.tenant)) >= 20:
        raise ProblemError(409, "too_many", "a company has at most 20 webhooks; remove one")
    made = context.access.add_webhook(asking.tenant, body.url, body.events)
    return JSONResponse({"id": made.id, "secret": made.secret, "events": list(made.events)}, 201)


@router.get("/api/v1/webhooks/deliveries", openapi_extra=verb("webhooks.manage"))
def deliveries(company: Books) -> list[dict[str, Any]]:
    """Return what was told to whom, the newest first, as the books have it."""
    told = company.recorded("webhook.due", "webhook.delivered", "webhook.failed")[-200:]
    return [
        {"event": fact.subject, "outcome": fact.kind.removeprefix("webhook."), **fact.body}
        for fact in reversed(told)
    ]


@router.delete("/api/v1/webhooks/{webhook}", openapi_extra=verb("webhooks.manage"))
def remove_webhook(webhook: Name, asking: Asking, context: Ctx) -> dict[str, str]:
    """Tell a webhook nothing more."""
    context.access.remove_webhook(asking.tenant, webhook)
    return {"removed": webhook}
