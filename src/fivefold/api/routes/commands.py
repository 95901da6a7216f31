"""One command to the ledger: the route that is asked a thousand times a second."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import LedgerCommand
from fivefold.api.context import Key, caller, context_of, guard, needed, verb
from fivefold.api.problems import ProblemError
from fivefold.ledger.journal import Receipt

_STATUS = {"ok": 201, "duplicate": 200, "conflict": 409, "short": 409, "rejected": 422}
_COMMAND: TypeAdapter[Any] = TypeAdapter(LedgerCommand)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Straight(APIRoute):
    """A route that reads key and body itself where both are right, at a third of the cost.

    Whatever is not right takes the usual way, which says what is wrong. The guard is the same.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        usual = super().get_route_handler()

        async def answer(request: Request) -> Response:
            headers = request.headers
            key = headers.get("idempotency-key", "")
            body = request.scope["state"].get("body")
            plain = headers.get("content-type", "").partition(";")[0] == "application/json"
            if not body or not plain or not _KEY.fullmatch(key):
                return await usual(request)
            try:
                asked = _COMMAND.validate_json(body)
            except ValidationError:
                return await usual(request)
            await guard(request)
            return await command(request, asked, key)

        return answer


router = APIRouter(prefix="/api/v1/ledger", tags=["ledger"], route_class=Straight)


@router.post("/commands", status_code=201, openapi_extra=verb("books.write"))
async def command(request: Request, body: LedgerCommand, key: Key = None) -> Response:
    """Write one command under the Idempotency-Key; answered when it is durable.

    201 written now, 200 written before, 409 in conflict or short of units, 422 not possible.
    """
    context = context_of(request)
    desk = context.desks.of(context.company(request))
    name = needed(key, "commands need a key")
    receipt = await desk.submit(name, caller(request).actor, body)
    if receipt.written:
        return JSONResponse(receipt_record(receipt), _STATUS[receipt.status])
    status = _STATUS[receipt.status]
    raise ProblemError(status, receipt.status, receipt.reason, **receipt_record(receipt))


def receipt_record(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as a record."""
    return {
        "key": receipt.key.removeprefix("http:"),
        "receipt": receipt.status,
        "seq": receipt.seq,
        "reason": receipt.reason,
    }
