"""Errors as the caller sees them: one object, `application/problem+json`, whatever went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fivefold.cycle.fulfilment import RefusedError
from fivefold.cycle.progress import CancelledError
from fivefold.cycle.receiving import OverReceiptError
from fivefold.cycle.review import NotReleasedError
from fivefold.errors import ConflictError, DataError, FivefoldError, NotFoundError
from fivefold.ledger.journal import BusyError, JournalFailedError
from fivefold.ledger.sqlite_store import LockedError

MEDIA_TYPE = "application/problem+json"

#: Title of each status this API answers with.
TITLES = {
    400: "The request cannot be read",
    401: "Who is asking?",
    403: "Not allowed",
    404: "Not found",
    405: "Not a method of this path",
    406: "Not a form this can take",
    408: "The request took too long to arrive",
    409: "In conflict with what stands",
    412: "Changed since you read it",
    413: "Too large",
    415: "Not a media type this reads",
    422: "Not valid",
    428: "Say which version you change",
    429: "Too much at once",
    500: "Our mistake",
    503: "The books are closed",
}


class ProblemError(Exception):
    """An error a route raises on purpose.

    Parameters
    ----------
    status : int
        HTTP status, one of `TITLES`.
    code : str
        Fixed word that programs can test.
    detail : str
        What was found and what to do.
    headers : mapping of str to str, optional
    more : values
        Further members of the object.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return an error as a response."""
    body = {
        # No page of its own stands behind a problem; `code` tells which one it is.
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    # ASCII only: what was asked may hold half a character that UTF-8 cannot write.
    text = json.dumps(body, default=str, allow_nan=False)
    return Response(text, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


#: Errors of the rooms that are the caller's to mend: status and code.
_KNOWN: tuple[tuple[type[FivefoldError], int, str], ...] = (
    (NotFoundError, 404, "not_found"),
    (ConflictError, 409, "conflict"),
    (OverReceiptError, 409, "over_receipt"),
    (NotReleasedError, 409, "not_released"),
    (CancelledError, 409, "cancelled"),
    (BusyError, 429, "busy"),
    (LockedError, 409, "locked"),
    (JournalFailedError, 503, "books_closed"),
)


def of_error(error: FivefoldError) -> tuple[int, str, dict[str, Any]]:
    """Return status, code and further members for an error of the rooms."""
    if isinstance(error, DataError):
        shown = [asdict(found) for found in error.problems[:200]]
        return 422, "bad_data", {"problems": shown, "problem_count": len(error.problems)}
    if isinstance(error, RefusedError):
        receipt = error.receipt
        status = 422 if receipt.status == "rejected" else 409
        return status, receipt.status, {"key": receipt.key}
    for kind, status, code in _KNOWN:
        if isinstance(error, kind):
            return status, code, {}
    return 422, "refused", {}


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem object."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return problem(error.status, error.code, error.detail, headers=error.headers, **error.more)

    async def on_known(request: Request, error: Exception) -> Response:
        assert isinstance(error, FivefoldError)
        status, code, more = of_error(error)
        headers = {"Retry-After": "1"} if status in (429, 503) else None
        return problem(status, code, str(error), headers=headers, **more)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [
            {
                "where": [str(part) for part in one["loc"]],
                "message": one["msg"],
                "code": one["type"],
            }
            for one in error.errors()[:100]
        ]
        malformed = any(one["code"] == "json_invalid" for one in found)
        status, code = (400, "malformed") if malformed else (422, "invalid")
        told = "; ".join(f"{'.'.join(one['where'])}: {one['message']}" for one in found[:3])
        return problem(status, code, told, problems=found)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code
        code = {404: "not_found", 405: "no_such_method", 400: "malformed", 413: "too_large"}
        return problem(
            status,
            code.get(status, "refused"),
            str(error.detail),
            headers=error.headers,
        )

    async def on_ours(request: Request, error: Exception) -> Response:
        return problem(500, "ours", "something broke here; the log of the server says what")

    app.add_exception_handler(Exception, on_ours)
    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(FivefoldError, on_known)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
