"""The door every request passes first: host, rate, who asks, size, depth, time; headers out.

A path that is not public needs a caller, whatever stands behind it, so a route that somebody
forgets to guard is still closed to strangers.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fivefold.api.access import Access, Caller
from fivefold.api.problems import ProblemError, problem

SESSION_COOKIE = "fivefold_session"
#: Paths anybody may ask for; with a / at the end, all below.
PUBLIC = ("/api/v1/health", "/login", "/openapi.json", "/docs", "/static/", "/favicon.ico")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "testserver"})
SECURITY_HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        # Styles may stand in the page, because pictures drawn as SVG carry theirs; scripts may not.
        "content-security-policy": "default-src 'none'; script-src 'self'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }.items()
)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one request and one caller may ask.

    Parameters
    ----------
    body_bytes, upload_bytes : int
        Size of a body, and of one that brings files.
    upload_paths : tuple of str
        Paths that take files.
    depth : int
        Nesting of a JSON body.
    body_seconds : float
        Time in which a body must have arrived.
    page_rows : int
        Rows of one page.
    per_second, burst : float
        Requests of one token.
    failures_per_second, failure_burst : float
        Requests of one address without a valid token.
    waiting_jobs : int
        Jobs of one company that may wait or run.
    """

    body_bytes: int = 1024 * 1024
    upload_bytes: int = 256 * 1024 * 1024
    upload_paths: tuple[str, ...] = ("/api/v1/imports", "/data/look")
    depth: int = 16
    body_seconds: float = 30.0
    page_rows: int = 10_000
    per_second: float = 3000.0
    burst: float = 6000.0
    failures_per_second: float = 5.0
    failure_burst: float = 50.0
    waiting_jobs: int = 16


class Buckets:
    """Token buckets by name: so many at once, refilled so many a second.

    >>> now = 0.0
    >>> buckets = Buckets(per_second=1, burst=2, clock=lambda: now)
    >>> [buckets.take("a"), buckets.take("a"), buckets.take("a")]
    [True, True, False]
    """

    def __init__(
        self, *, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> bool:
        """Return whether one more is allowed now."""
        now = self._clock()
        left, since = self._left.get(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if len(self._left) > 50_000:
            self._left.clear()
        self._left[name] = (left - 1 if left >= 1 else left, now)
        return left >= 1


def depth_of(body: bytes) -> int:
    """Return how deeply brackets nest outside of strings.

    >>> depth_of(b'{"a": [[1], "]]]["]}')
    3
    """
    deep = deepest = 0
    for found in _BRACKET.finditer(_STRING.sub(b"", body)):
        deep += 1 if found.group() in b"[{" else -1
        deepest = max(deepest, deep)
    return deepest


class Door:
    """ASGI middleware in front of every route.

    Parameters
    ----------
    app : ASGIApp
    access : Access
    limits : Limits
    hosts : iterable of str, optional
        Names under which the server may be asked, without port; guards against a page on
        the web that resolves its own name to this machine. None takes any.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        limits: Limits,
        hosts: Iterable[str] | None = LOCAL_HOSTS,
    ) -> None:
        self._app = app
        self._access = access
        self._limits = limits
        self._hosts = None if hosts is None else frozenset(hosts)
        # A number names a request as well as chance does, and costs no system call.
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._served = Buckets(per_second=limits.per_second, burst=limits.burst)
        self._refused = Buckets(per_second=limits.failures_per_second, burst=limits.failure_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request_id = f"{self._mark}{next(self._numbers):x}"
        answered = _with_headers(send, request_id)
        headers = dict(scope["headers"])
        refusal = self._admit(scope, headers)
        if refusal is None:
            try:
                receive = await self._body(scope, headers, receive)
                refusal = self._forged(scope, headers)
            except ProblemError as error:
                refusal = problem(error.status, error.code, error.detail, headers=error.headers)
        if refusal is not None:
            await refusal(scope, receive, answered)
            return
        await self._app(scope, receive, answered)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        """Return why a request is not let in; None where it is, with its caller in the scope."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if self._hosts is not None and name not in self._hosts:
            return problem(400, "wrong_host", "this server is not asked under that name")
        caller, told = self._caller(headers)
        scope.setdefault("state", {})["caller"] = caller
        if caller is not None:
            if self._served.take(caller.token):
                return None
            return _slow_down("more requests than one token may make")
        address = str((scope.get("client") or ("unknown", 0))[0])
        path = scope["path"]
        if _is_public(path) and not (path == "/login" and scope["method"] == "POST"):
            return None
        if not self._refused.take(address):
            return _slow_down("more requests without a valid token than are listened to")
        if path == "/login":
            return None
        accepts = headers.get(b"accept", b"")
        if scope["method"] == "GET" and b"text/html" in accepts and not path.startswith("/api/"):
            return RedirectResponse(f"/login?next={quote(path, safe='/')}", 303)
        why = "this token is not known, revoked or past its time" if told else "a token is needed"
        return problem(
            401,
            "unknown_caller" if told else "no_caller",
            f"{why}; send `Authorization: Bearer TOKEN`",
            headers={"WWW-Authenticate": 'Bearer realm="fivefold"'},
        )

    def _caller(self, headers: dict[bytes, bytes]) -> tuple[Caller | None, bool]:
        """Return who asks, and whether he tried to say."""
        bearer = headers.get(b"authorization", b"").decode("latin-1")
        if bearer:
            scheme, _, secret = bearer.partition(" ")
            known = scheme.lower() == "bearer" and self._access.caller(secret.strip())
            return (known or None), True
        session = _cookie(headers)
        return (self._access.session(session), True) if session else (None, False)

    async def _body(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """Return a `receive` whose body is within the limits."""
        limits = self._limits
        upload = scope["path"] in limits.upload_paths
        most = limits.upload_bytes if upload else limits.body_bytes
        stated = headers.get(b"content-length", b"")
        if stated and (not stated.isdigit() or int(stated) > most):
            raise ProblemError(413, "too_large", f"a body here has at most {most:,} bytes")
        if upload:
            return _counted(receive, most)
        if stated in (b"", b"0") and b"transfer-encoding" not in headers:
            scope["state"]["body"] = b""
            return receive
        try:
            async with asyncio.timeout(limits.body_seconds):
                body = await _whole(receive, most)
        except TimeoutError:
            raise ProblemError(408, "too_slow", "the body did not arrive in time") from None
        if body.count(b"[") + body.count(b"{") > limits.depth and depth_of(body) > limits.depth:
            message = f"a body here nests at most {limits.depth} deep"
            raise ProblemError(400, "too_deep", message)
        scope["state"]["body"] = body
        return _replayed(body, receive)

    def _forged(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        """Return a refusal where a browser's cookie acts without the page's own token."""
        caller = scope["state"]["caller"]
        if caller is None or not caller.csrf or scope["method"] in SAFE:
            return None
        sent = headers.get(b"x-csrf-token", b"").decode("latin-1")
        form = headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded")
        if not sent and form:
            fields = parse_qs(scope["state"].get("body", b"").decode("latin-1"))
            sent = fields.get("csrf", [""])[0]
        if hmac.compare_digest(sent.encode(), caller.csrf.encode()):
            return None
        return problem(403, "forged", "a page must send the token of its session as X-CSRF-Token")


def _slow_down(why: str) -> Response:
    return problem(429, "too_many", f"{why}; wait a second", headers={"Retry-After": "1"})


def _is_public(path: str) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in PUBLIC)


def _cookie(headers: dict[bytes, bytes]) -> str:
    text = headers.get(b"cookie", b"").decode("latin-1")
    if SESSION_COOKIE not in text:
        return ""
    try:
        found = SimpleCookie(text).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def _whole(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise ProblemError(413, "too_large", f"a body here has at most {most:,} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


def _counted(receive: Receive, most: int) -> Receive:
    """Return a `receive` that refuses once more than `most` bytes have come."""
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise ProblemError(413, "too_large", f"a body here has at most {most:,} bytes")
        return message

    return counting


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once, then what comes after it."""
    given = False

    async def replaying() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replaying


def _with_headers(send: Send, request_id: str) -> Send:
    mark = (b"x-request-id", request_id.encode())

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Any] = list(message.get("headers", ()))
            have = {name for name, _ in headers}
            headers.extend(pair for pair in SECURITY_HEADERS if pair[0] not in have)
            if b"cache-control" not in have:
                headers.append((b"cache-control", b"no-store"))
            headers.append(mark)
            message = {**message, "headers": headers}
        await send(message)

    return sending
