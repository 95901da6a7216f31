"""The description of the API: OpenAPI, and a page of it that needs nothing from anywhere."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse

from fivefold.api.context import VERB, verb
from fivefold.api.problems import MEDIA_TYPE, TITLES

router = APIRouter(tags=["description"])

DESCRIPTION = (
    "Every use case of Fivefold over HTTP. Send `Authorization: Bearer TOKEN`. Long work is a "
    "job: 202, then `GET /api/v1/jobs/{job}` or its events. Writing requests take an "
    "`Idempotency-Key`. Errors are `application/problem+json` with a fixed `code`."
)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
#: Errors that any operation may answer with.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
    for status in (400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 428, 429)
}
_STYLE = """:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:60rem;padding:0 1rem}summary{cursor:pointer;padding:.4rem 0}code{font-family:ui-monospace,
monospace}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;
border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent);vertical-align:top}
.m{display:inline-block;min-width:4.5rem;font-weight:600}pre{overflow:auto}"""


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        made["components"]["securitySchemes"] = {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token, as `fivefold token` makes one.",
            }
        }
        for operations in made["paths"].values():
            for operation in operations.values():
                public = operation.get(VERB) == "public"
                operation["security"] = [] if public else [{"token": []}]
        app.openapi_schema = made
    return app.openapi_schema


@router.get("/openapi.json", include_in_schema=False, openapi_extra=verb("public"))
async def openapi(request: Request) -> JSONResponse:
    """Return the OpenAPI description."""
    return JSONResponse(described(request.app))


@router.get("/docs", include_in_schema=False, openapi_extra=verb("public"))
def docs(request: Request) -> HTMLResponse:
    """Show the description as a page without scripts."""
    found = described(request.app)
    groups: dict[str, list[str]] = {}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(shown)}" for tag, shown in groups.items())
    codes = "".join(
        f"<tr><td>{status}</td><td>{escape(title)}</td></tr>" for status, title in TITLES.items()
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fivefold API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>"
        f"<h1>Fivefold API {escape(found['info']['version'])}</h1>"
        f"<p>{escape(DESCRIPTION)}</p><p><a href='/openapi.json'>openapi.json</a></p>"
        f"{sections}<h2>Status codes</h2><table>{codes}</table></main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    body = operation.get("requestBody", {}).get("content", {})
    takes = ", ".join(
        f"{kind} {escape(str(one.get('schema', {}).get('$ref', '')).rsplit('/', 1)[-1])}"
        for kind, one in body.items()
    )
    table = f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""
    return (
        f"<details><summary><span class='m'>{method.upper()}</span> <code>{escape(path)}</code>"
        f"</summary><p>{escape(operation.get('description', ''))}</p>"
        f"<p>Verb: <code>{escape(str(operation.get(VERB, '')))}</code>"
        f"{'; takes ' + takes if takes else ''}</p>{table}</details>"
    )
