"""Who may do what: every route × every caller × the ids of another company, and holes found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from fastapi import APIRouter, Request

from fivefold.api.context import context_of, verb
from fivefold.api.door import Limits

ALL = {"viewer", "operator", "planner", "buyer", "admin", "auditor"}
BOOKS = ALL
#: Who may call each route. Written by hand beside the code's own table: a route that is not
#: here, or that lets in another caller than these, is a finding.
ALLOWED: dict[str, set[str] | None] = {
    "GET /api/v1/tables": ALL,
    "GET /api/v1/schema": ALL,
    "GET /api/v1/schema/{table}": ALL,
    "GET /api/v1/tables/{table}/rows": ALL,
    "PATCH /api/v1/tables/{table}/rows": {"planner", "admin"},
    "POST /api/v1/imports": {"planner", "admin"},
    "GET /api/v1/files": ALL,
    "DELETE /api/v1/files/{sha256}": {"planner", "admin"},
    "GET /api/v1/retailers": ALL,
    "GET /api/v1/orders/{order}/routing": ALL,
    "POST /api/v1/orders/{order}/labels": {"operator", "admin"},
    "POST /api/v1/orders/{order}/ship-notice": {"operator", "admin"},
    "POST /api/v1/orders/{order}/chargebacks": {"planner", "buyer", "admin"},
    "GET /api/v1/orders/open": ALL,
    "GET /api/v1/orders/shortage": ALL,
    "POST /api/v1/orders/shortage/reservations": {"operator", "admin"},
    "GET /api/v1/orders/{order}": ALL,
    "POST /api/v1/orders/{order}/reservation": {"operator", "admin"},
    "POST /api/v1/orders/{order}/lines/{line}/place": {"operator", "admin"},
    "POST /api/v1/orders/{order}/lines/{line}/substitute": {"operator", "admin"},
    "GET /api/v1/channels/comparison": ALL,
    "GET /api/v1/channels/mix": ALL,
    "GET /api/v1/placement": ALL,
    "GET /api/v1/channels/items/{item}": ALL,
    "GET /api/v1/channels/items/{item}/break-even": ALL,
    "GET /api/v1/prices/proposals": ALL,
    "GET /api/v1/prices/items/{item}": ALL,
    "GET /api/v1/prices/tests": ALL,
    "GET /api/v1/portfolio/choices": ALL,
    "GET /api/v1/portfolio/items/{item}": ALL,
    "GET /api/v1/inbound/shipments": ALL,
    "GET /api/v1/inbound/reconciliation": ALL,
    "POST /api/v1/inbound/claims/{shipment}": {"planner", "buyer", "admin"},
    "GET /api/v1/routes": ALL,
    "GET /api/v1/routes/stops": ALL,
    "GET /api/v1/arrivals": ALL,
    "GET /api/v1/partners": ALL,
    "GET /api/v1/mappings": ALL,
    "POST /api/v1/mappings/suggestion": ALL,
    "POST /api/v1/mappings": {"planner", "admin"},
    "DELETE /api/v1/mappings/{mapping}": {"planner", "admin"},
    "POST /api/v1/forecasts": {"planner", "buyer", "admin"},
    "GET /api/v1/purchase-orders": ALL,
    "POST /api/v1/purchase-orders": {"planner", "buyer", "admin"},
    "GET /api/v1/purchase-orders/{order}": ALL,
    "GET /api/v1/purchase-orders/{order}/sample": ALL,
    "POST /api/v1/purchase-orders/{order}/approval": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/sending": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/acknowledgement": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/ship-notice": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/invoices": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/payment": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/closing": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/cancellation": {"planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/inspections": {"operator", "planner", "buyer", "admin"},
    "POST /api/v1/purchase-orders/{order}/returns": {"operator", "planner", "buyer", "admin"},
    "GET /api/v1/suppliers/scores": ALL,
    "GET /api/v1/suppliers/lead-times": ALL,
    "GET /api/v1/suppliers/awards": {"planner", "buyer", "admin"},
    "GET /api/v1/template": ALL,
    "GET /api/v1/export": ALL,
    "GET /api/v1/plans": ALL,
    "POST /api/v1/plans": {"planner", "buyer", "admin"},
    "GET /api/v1/plans/{plan}": ALL,
    "GET /api/v1/plans/{plan}/tables/{table}/rows": ALL,
    "GET /api/v1/plans/{plan}/why/{name}": ALL,
    "GET /api/v1/plans/{plan}/changes": ALL,
    "GET /api/v1/plans/{plan}/check": ALL,
    "POST /api/v1/plans/{plan}/proof": {"planner", "buyer", "admin"},
    "POST /api/v1/plans/{plan}/acceptance": {"planner", "admin"},
    "GET /api/v1/plans/{plan}/report": ALL,
    "POST /api/v1/what-ifs": {"planner", "buyer", "admin"},
    "GET /api/v1/scenarios": ALL,
    "POST /api/v1/scenarios": {"planner", "buyer", "admin"},
    "GET /api/v1/scenarios/{name}": ALL,
    "POST /api/v1/scenarios/{name}/plan": {"planner", "buyer", "admin"},
    "POST /api/v1/scenarios/{name}/merge": {"planner", "admin"},
    "POST /api/v1/scenarios/{name}/drop": {"planner", "buyer", "admin"},
    "POST /api/v1/comparisons": {"planner", "buyer", "admin"},
    "POST /api/v1/plans/{plan}/review": {"planner", "buyer", "admin"},
    "GET /api/v1/plans/{plan}/review": ALL,
    "GET /api/v1/plans/{plan}/review.html": ALL,
    "GET /api/v1/proposals": ALL,
    "POST /api/v1/proposals": {"planner", "buyer", "admin"},
    "GET /api/v1/demand/consensus": ALL,
    "GET /api/v1/demand/value-added": ALL,
    "GET /api/v1/sop": ALL,
    "GET /api/v1/sop/steps/{step}": ALL,
    "POST /api/v1/sop/steps/{step}/decisions": {"planner", "buyer", "admin"},
    "POST /api/v1/sop/steps/{step}/closing": {"planner", "buyer", "admin"},
    "POST /api/v1/sop/assumptions": {"planner", "buyer", "admin"},
    "GET /api/v1/sop/families": ALL,
    "POST /api/v1/sop/families/{family}/{month}": {"planner", "admin"},
    "GET /api/v1/budget": ALL,
    "GET /api/v1/measures": ALL,
    "GET /api/v1/jobs": ALL,
    "GET /api/v1/jobs/{job}": ALL,
    "DELETE /api/v1/jobs/{job}": {"planner", "buyer", "admin"},
    "GET /api/v1/jobs/{job}/events": ALL,
    "GET /api/v1/events": ALL,
    "GET /api/v1/supply-orders/{order}": ALL,
    "PATCH /api/v1/supply-orders/{order}": {"planner", "buyer", "admin"},
    "POST /api/v1/supply-orders/{order}/receipts": {"operator", "planner", "buyer", "admin"},
    "POST /api/v1/orders": {"operator", "admin"},
    "POST /api/v1/promises": ALL,
    "POST /api/v1/orders/{order}/cancellation": {"operator", "admin"},
    "POST /api/v1/orders/{order}/shipment": {"operator", "admin"},
    "PUT /api/v1/returns/{return_id}": {"operator", "admin"},
    "GET /api/v1/returns/plan": ALL,
    "POST /api/v1/returns": {"operator", "admin"},
    "POST /api/v1/returns/{return_id}/receipt": {"operator", "admin"},
    "GET /api/v1/cases": ALL,
    "GET /api/v1/care/figures": ALL,
    "POST /api/v1/cases/gathering": {"operator", "admin"},
    "POST /api/v1/cases": {"operator", "admin"},
    "GET /api/v1/cases/{case}/trail": ALL,
    "POST /api/v1/cases/{case}/closing": {"operator", "admin"},
    "GET /api/v1/care/causes": ALL,
    "GET /api/v1/care/staff": ALL,
    "GET /api/v1/plans/{plan}/schedule": ALL,
    "POST /api/v1/plans/{plan}/schedule": {"planner", "buyer", "admin"},
    "POST /api/v1/plans/{plan}/lots": {"planner", "buyer", "admin"},
    "POST /api/v1/plans/{plan}/schedule/moves": {"planner", "buyer", "admin"},
    "POST /api/v1/plans/{plan}/what-if": {"planner", "buyer", "admin"},
    "GET /api/v1/work-orders": ALL,
    "GET /api/v1/work-orders/{order}": ALL,
    "POST /api/v1/work-orders/{order}/release": {"operator", "planner", "admin"},
    "POST /api/v1/work-orders/{order}/issues": {"operator", "planner", "admin"},
    "POST /api/v1/work-orders/{order}/reports": {"operator", "planner", "admin"},
    "POST /api/v1/work-orders/{order}/rework": {"operator", "planner", "admin"},
    "POST /api/v1/work-orders/{order}/finish": {"operator", "planner", "admin"},
    "POST /api/v1/quality/holds": {"operator", "planner", "admin"},
    "POST /api/v1/quality/releases": {"operator", "planner", "admin"},
    "GET /api/v1/buildings/{building}/shifts": ALL,
    "GET /api/v1/buildings/{building}/slots": ALL,
    "GET /api/v1/buildings/{building}/waves": ALL,
    "POST /api/v1/buildings/{building}/shifts": {"planner", "buyer", "admin"},
    "POST /api/v1/buildings/{building}/slots": {"planner", "buyer", "admin"},
    "POST /api/v1/buildings/{building}/waves": {"planner", "buyer", "admin"},
    "GET /api/v1/network": ALL,
    "GET /api/v1/network/lastmile": ALL,
    "GET /api/v1/network/sites": ALL,
    "GET /api/v1/network/sort": ALL,
    "GET /api/v1/network/tables/{table}/rows": ALL,
    "GET /api/v1/network/why": ALL,
    "GET /api/v1/workforce": ALL,
    "GET /api/v1/workforce/why": ALL,
    "POST /api/v1/network/lastmile": {"planner", "buyer", "admin"},
    "POST /api/v1/network/plans": {"planner", "buyer", "admin"},
    "POST /api/v1/network/sites": {"planner", "buyer", "admin"},
    "POST /api/v1/workforce/plans": {"planner", "buyer", "admin"},
    "GET /api/v1/parcels": ALL,
    "GET /api/v1/parcels/claims": ALL,
    "GET /api/v1/parcels/{parcel}": ALL,
    "GET /api/v1/parcels/{parcel}/label": ALL,
    # Name and street are printed and not kept; rates are only asked.
    "POST /api/v1/parcels/{parcel}/label": ALL,
    "POST /api/v1/parcels/rates": ALL,
    "POST /api/v1/parcels/{parcel}/events": {"operator", "admin"},
    "PUT /api/v1/parcels/{parcel}/tracking": {"operator", "admin"},
    "POST /api/v1/parcels/{parcel}/claim": {"operator", "admin"},
    "POST /api/v1/parcels/{parcel}/claim/grant": {"planner", "buyer", "admin"},
    "GET /api/v1/ledger/goods": BOOKS,
    "GET /api/v1/ledger/value": BOOKS,
    "GET /api/v1/ledger/reservations": BOOKS,
    "GET /api/v1/ledger/money": BOOKS,
    "GET /api/v1/ledger/trial-balance": BOOKS,
    "GET /api/v1/ledger/contribution": BOOKS,
    "GET /api/v1/ledger/trace/goods": BOOKS,
    "GET /api/v1/ledger/trace/money": BOOKS,
    "POST /api/v1/ledger/verification": {"auditor", "admin"},
    "POST /api/v1/ledger/commands": {"operator", "admin"},
    "POST /api/v1/ledger/commands/batch": {"operator", "admin"},
    "GET /api/v1/session": ALL,
    "GET /api/v1/roles": ALL,
    "POST /logout": ALL,
    "GET /api/v1/tokens": {"admin"},
    "POST /api/v1/tokens": {"admin"},
    "DELETE /api/v1/tokens/{token}": {"admin"},
    "GET /api/v1/webhooks": {"admin"},
    "POST /api/v1/webhooks": {"admin"},
    "GET /api/v1/webhooks/deliveries": {"admin"},
    "DELETE /api/v1/webhooks/{webhook}": {"admin"},
    # Anybody, without a token too.
    "GET /api/v1/health": None,
    "GET /login": None,
    "POST /login": None,
    "GET /openapi.json": None,
    "GET /docs": None,
}
#: No limit on rates, which would hide what stands behind them.
UNHURRIED = Limits(failures_per_second=1e9, failure_burst=1e9)
#: A word that stands only in the first company's data.
MARK = "ONLY-OURS"


def routes_of(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield method and path of everything that is served, whatever kind of route it is."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner.routes)
            continue
        methods = getattr(route, "methods", None) or {"GET"}
        for method in sorted(methods - {"HEAD", "OPTIONS"}):
            yield method, str(getattr(route, "path", route))


def sweep(served: Any, ids: dict[str, str]) -> list[str]:
    """Return every route that lets in whom it should not, or shows another company's data.

    Parameters
    ----------
    served
        The app with callers of every role in two companies.
    ids : dict of str to str
        By path parameter, an id of the first company.
    """
    findings = []
    for method, path in sorted(set(routes_of(served.app.routes))):
        name = f"{method} {path}"
        if name not in ALLOWED:
            findings.append(f"{name}: nobody has said who may")
        allowed = ALLOWED.get(name, set())
        filled = path
        for parameter, value in ids.items():
            filled = filled.replace("{" + parameter + "}", value)
        findings += _strangers(served, name, method, filled, allowed)
        for role in sorted(ALL):
            status = _asked(served, method, filled, served.tokens["default", role]).status_code
            let_in = status not in (401, 403)
            if allowed is not None and let_in != (role in allowed):
                findings.append(f"{name}: {role} got {status}")
        if allowed is not None:
            findings += _swapped(served, name, method, path, filled, ids)
    return findings


def _strangers(
    served: Any, name: str, method: str, path: str, allowed: set[str] | None
) -> list[str]:
    found = []
    for what, secret in (("no token", ""), ("a wrong token", "fft_wrong"), ("an ended one", "end")):
        status = _asked(served, method, path, secret).status_code
        if (status == 401) != (allowed is not None) and name != "POST /login":
            found.append(f"{name}: {what} got {status}")
    return found


def _swapped(
    served: Any, name: str, method: str, path: str, filled: str, ids: dict[str, str]
) -> list[str]:
    """Ask as the other company's admin with this company's ids, in path and query."""
    secret = served.tokens["other", "admin"]
    found = []
    queries: tuple[dict[str, str], ...] = ({}, {"tenant": "default"}, {"company": "default"})
    for query in (*queries, ids):
        answer = _asked(served, method, filled, secret, query)
        if MARK in answer.text and MARK not in filled:
            found.append(f"{name}: shows another company's data for {sorted(query)}")
        owned = {"job", "plan", "token", "webhook", "sha256", "order"} & {
            part[1:-1] for part in path.split("/") if part.startswith("{")
        }
        if owned and "/ledger/" not in path and answer.status_code not in (404, 409, 422, 428):
            found.append(f"{name}: another company's {sorted(owned)} got {answer.status_code}")
    return found


_BODIES: dict[str, Any] = {
    "/proof": {"days": 7, "replications": 2},
    "/ship-notice": {"note": "ASN-1"},
    "/inspections": {"defects": 0},
    "/returns": {"item": "LAMP-01"},
    "/invoices": {"number": "I-1"},
    "/commands": {
        "kind": "count",
        "location": "WH1",
        "item": "LAMP-01",
        "quantity": 1,
    },
}


def _asked(
    served: Any, method: str, path: str, secret: str, query: dict[str, str] | None = None
) -> Any:
    headers = {"Idempotency-Key": "sweep", "If-Match": '"none"'}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    body = None
    if method in ("POST", "PUT", "PATCH") and path != "/api/v1/plans":
        body = next((b for end, b in _BODIES.items() if path.endswith(end)), {})
    if path == "/api/v1/plans" and method == "POST":
        body = {"periods": 1}
    limited = {**(query or {}), **({"seconds": "0"} if path.endswith("/events") else {})}
    return served.client.request(
        method, path, headers=headers, json=body, params=limited, follow_redirects=False
    )


def furnish(served: Any) -> dict[str, str]:
    """Make things of every kind in the first company; return their ids by path parameter."""
    # The second file is the one that admins of the sweep undo.
    for text in (f"item,title\nOURS-1,{MARK}\n", f"item,title\nOURS-2,{MARK}\n"):
        file = ("files", ("items.csv", text.encode()))
        job = served.wait(served.ask("POST", "/imports", files=[file]))
    order = {"order": f"SO-{MARK}", "lines": [{"item": "LAMP-01", "quantity": 1}]}
    assert served.ask("POST", "/orders", json=order).status_code == 200
    token = served.ask("POST", "/tokens", json={"role": "viewer", "label": MARK}).json()
    served.ask("DELETE", f"/tokens/{token['token']}")
    webhook = served.ask(
        "POST",
        "/webhooks",
        json={"url": f"https://example.org/{MARK}", "events": ["plan.accepted"]},
    ).json()
    return {
        "table": "items",
        "sha256": job["result"]["files"][0]["sha256"],
        "plan": "P20261122-abcdef",
        "name": "OURS-1",
        "job": job["job"],
        "order": f"SO-{MARK}",
        "return_id": "RMA-9",
        "case": "CASE-9",
        "parcel": f"SO-{MARK}",
        "building": "WH1",
        "token": token["token"],
        "webhook": webhook["id"],
    }


def test_every_route_lets_in_whom_it_should_and_nobody_sees_another_company(serve: Any) -> None:
    served = serve(limits=UNHURRIED)
    assert sweep(served, furnish(served)) == []
    covered = {f"{method} {path}" for method, path in routes_of(served.app.routes)}
    assert covered == set(ALLOWED)


def _holes() -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/hole/unguarded")
    async def unguarded() -> dict[str, str]:
        return {"closed": "by default"}

    @router.get("/hole/public", openapi_extra=verb("public"))
    async def public() -> dict[str, str]:
        return {"open": "to all"}

    @router.delete("/hole/plans/{plan}", openapi_extra=verb("plan.read"))
    async def weak(plan: str) -> dict[str, str]:
        return {"deleted": plan}

    @router.get("/hole/jobs/{job}", openapi_extra=verb("jobs.read"))
    async def swapped(job: str, request: Request) -> dict[str, str]:
        return {"job": context_of(request).jobs._jobs[job].job}

    @router.get("/hole/tables", openapi_extra=verb("data.read"))
    def asked_tenant(request: Request, tenant: str = "other") -> dict[str, Any]:
        items = context_of(request).companies.company(tenant).table("items")[0]
        return {"titles": items["title"].to_list()}

    return router


def test_seeded_holes_are_found_by_the_sweep(serve: Any) -> None:
    served = serve(extra_routers=[_holes()], limits=UNHURRIED)
    found = sweep(served, furnish(served))
    for hole in (
        # The door closes a path that is not public, so this hole is open to callers only.
        "GET /api/v1/hole/public: viewer got 200",
        "DELETE /api/v1/hole/plans/{plan}: viewer got 200",
        "GET /api/v1/hole/jobs/{job}: another company's ['job'] got 200",
        "GET /api/v1/hole/tables: shows another company's data for ['tenant']",
    ):
        assert hole in found
    assert not any("unguarded: viewer" in one for one in found), "closed by default"
    assert "GET /api/v1/hole/unguarded: nobody has said who may" in found


def test_pages_are_closed_to_strangers_and_written_only_with_the_verb(serve: Any) -> None:
    if find_spec("fivefold.api.pages") is None:
        pytest.skip("the pages are not installed")
    served = serve(with_pages=True, limits=UNHURRIED)
    pages = {
        (method, path)
        for method, path in routes_of(served.app.routes)
        if f"{method} {path}" not in ALLOWED
    }
    assert len(pages) > 5
    for method, path in sorted(pages):
        if path.startswith("/static/"):
            continue
        assert _asked(served, method, path, "").status_code == 401, path
        if method != "GET":
            answer = _asked(served, method, path, served.tokens["default", "viewer"])
            assert answer.status_code == 403, f"{method} {path}"
    browser = served.client.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (browser.status_code, browser.headers["location"]) == (303, "/login?next=/")


def test_a_revoked_and_an_expired_token_are_worthless(serve: Any) -> None:
    served = serve()
    made = served.ask("POST", "/tokens", json={"role": "viewer"}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert served.client.get("/api/v1/tables", headers=headers).status_code == 200
    assert served.ask("DELETE", f"/tokens/{made['token']}").status_code == 200
    gone = served.client.get("/api/v1/tables", headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (401, "unknown_caller")
    listed = served.ask("GET", "/tokens").text
    assert made["secret"] not in listed
    assert made["token"] in listed


def test_scopes_narrow_a_role(serve: Any) -> None:
    served = serve()
    made = served.ask("POST", "/tokens", json={"role": "admin", "scopes": ["plan.read"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert served.client.get("/api/v1/plans", headers=headers).status_code == 200
    assert served.client.get("/api/v1/tables", headers=headers).status_code == 403
    wrong = served.ask("POST", "/tokens", json={"role": "admin", "scopes": ["everything"]})
    assert wrong.status_code == 422


def test_a_browser_session_needs_its_own_word_to_write(serve: Any) -> None:
    served = serve()
    client = served.client
    entered = client.post(
        "/login",
        data={"token": served.tokens["default", "admin"], "next": "//elsewhere.example"},
        follow_redirects=False,
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    csrf = client.get("/api/v1/session").json()["csrf"]
    body = {"role": "viewer"}
    forged = client.post("/api/v1/tokens", json=body)
    assert (forged.status_code, forged.json()["code"]) == (403, "forged")
    honest = client.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": csrf})
    assert honest.status_code == 201
    left = client.post("/logout", headers={"X-CSRF-Token": csrf}, follow_redirects=False)
    assert left.status_code == 303
    client.cookies.clear()
    assert client.get("/api/v1/session").status_code == 401


def test_a_wrong_login_tells_nothing_and_is_slowed_down(serve: Any) -> None:
    # The allowance grows by so little that a slow machine does not give it back meanwhile.
    served = serve(limits=Limits(failures_per_second=0.001))
    answers = [
        served.client.post("/login", data={"token": f"fft_{n}"}).status_code for n in range(60)
    ]
    assert answers[0] == 401
    assert 429 in answers
