"""What a careless or hostile caller sends: refused in words, never a crash."""

from __future__ import annotations

import json
import time
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase

from fivefold.api.door import Limits
from fivefold.api.routes import plans
from fivefold.api.worker import WorkerFailedError


def _post(api: Any, body: bytes, kind: str = "application/json") -> Any:
    headers = {"Content-Type": kind, "Idempotency-Key": "abuse"}
    return api.ask("POST", "/orders", content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"nonsense", 400),
        (b"\xff\xfe{}", 400),
        (b"[" * 5000 + b"]" * 5000, 400),
        (b'{"lines": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}", 400),
        (b'{"lines": []}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": 1e400}]}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": NaN}]}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": "1"}]}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": true}]}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": -1}]}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": 1, "discount": 1}]}', 422),
        (b'{"lines": [{"item": "a\\u0000b", "quantity": 1}]}', 422),
        (b'{"lines": [{"item": "\\ud800", "quantity": 1}]}', 422),
        (b'{"lines": [{"item": "NOBODY", "quantity": 1}]}', 404),
        (b'{"lines": [{"item": "LAMP-01", "quantity": ' + b"9" * 5000 + b"}]}", 400),
        (b'{"lines": [{"item": "LAMP-01", "quantity": 1}], "on": 5}', 422),
        (b'{"lines": [{"item": "LAMP-01", "quantity": 1}], "on": "0001-01-01"}', 422),
    ],
)
def test_a_body_that_cannot_be_right_is_refused(api: Any, body: bytes, status: int) -> None:
    answer = _post(api, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    json.loads(answer.text)


def test_a_body_too_large_is_refused_before_it_is_read(serve: Any) -> None:
    served = serve(limits=Limits(body_bytes=1000, upload_bytes=5000))
    assert _post(served, b" " * 1001).status_code == 413

    def trickle() -> Any:
        for _ in range(20):
            yield b" " * 100

    headers = {"Content-Type": "application/json"}
    assert served.ask("POST", "/orders", content=trickle(), headers=headers).status_code == 413
    files = [("files", ("items.csv", b"x" * 6000))]
    assert served.ask("POST", "/imports", files=files).status_code == 413
    lying = {"Content-Length": "-5", "Content-Type": "application/json"}
    assert served.ask("POST", "/orders", content=b"{}", headers=lying).status_code == 413


def test_a_wrong_form_is_refused(api: Any) -> None:
    assert api.ask("POST", "/imports", json={}).status_code == 415
    broken = {"Content-Type": "multipart/form-data"}
    assert api.ask("POST", "/imports", content=b"--x", headers=broken).status_code == 400
    assert api.ask("POST", "/imports", data={"a": "b"}, files={}).status_code in (415, 422)


def test_another_host_name_is_refused(api: Any) -> None:
    answer = api.ask("GET", "/tables", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_host")


def test_one_caller_cannot_take_all(serve: Any) -> None:
    served = serve(limits=Limits(per_second=1, burst=10))
    answers = [served.ask("GET", "/session") for _ in range(20)]
    assert [one.status_code for one in answers[:10]] == [200] * 10
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"
    assert served.ask("GET", "/session", role="viewer").status_code == 200


def test_every_answer_carries_the_security_headers(api: Any) -> None:
    for answer in (
        api.client.get("/api/v1/health"),
        api.client.get("/api/v1/tables"),
        api.client.get("/docs"),
        api.client.get("/no/such/page"),
        api.ask("GET", "/no-such-route"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/plans/..",
        "/plans/%2e%2e",
        "/plans/%2e%2e%2fimports",
        "/plans/a%00b",
        "/plans/latest/tables/%2e%2e/rows",
        "/supply-orders/%00",
        "/files/%2e%2e%2f%2e%2e",
        "/jobs/%ff%fe",
        "/schema/..%5c..",
    ],
)
def test_a_path_leads_nowhere_else(api: Any, path: str) -> None:
    assert api.ask("GET", path).status_code in (404, 405, 422)


def fuzz(served: Any, cases: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what came of that many cases an operation, made from the description."""

    def not_here(folder: Any, job: Any) -> Any:
        raise WorkerFailedError("no planning while fuzzing")

    monkeypatch.setattr(plans, "in_process", not_here)
    described = schemathesis.openapi.from_asgi("/openapi.json", served.app)
    known = {"table": "items", "plan": "latest", "order": "PO-1", "name": "LAMP-01"}
    headers = {"Authorization": f"Bearer {served.tokens['default', 'admin']}"}
    found: dict[str, Any] = {"cases": 0, "broken": [], "slow": [], "statuses": {}}
    for result in described.get_all_operations():
        operation = result.ok()

        def one(case: Any) -> None:
            found["cases"] += 1
            if found["cases"] % 2:
                for name in set(known) & set(case.path_parameters or {}):
                    case.path_parameters[name] = known[name]
            if case.path.endswith("/events"):
                case.query = {**(case.query or {}), "seconds": 0}
            started = time.process_time()
            sent = {**(case.headers or {}), **headers, "Host": "testserver"}
            arguments = case.as_transport_kwargs(base_url="http://testserver", headers=sent)
            arguments.pop("cookies", None)
            answer = _sent(served, arguments)
            if answer is None:
                found["cases"] -= 1
                return
            seconds = time.process_time() - started
            status = answer.status_code
            found["statuses"][status] = found["statuses"].get(status, 0) + 1
            if status >= 500:
                found["broken"].append((case.method, case.path, status, answer.text[:300]))
            if seconds > 5:
                found["slow"].append((case.method, case.path, seconds))

        run = hypothesis.given(operation.as_strategy())(one)
        hypothesis.settings(
            max_examples=cases,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(run)()
    return found


def _sent(served: Any, arguments: dict[str, Any]) -> Any:
    """Send what was made; None where it is no HTTP request at all."""
    try:
        request = served.client.build_request(**arguments)
        request.read()
    except (UnicodeEncodeError, AttributeError, TypeError, ValueError):
        # A header that is not latin-1, a file that is a number: it never leaves a client.
        return None
    return served.client.send(request)


def test_nothing_made_from_the_description_breaks_the_server(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fuzz(serve(), 6, monkeypatch)
    assert found["broken"] == []
    assert found["slow"] == []
    assert found["cases"] >= 200
    assert found["statuses"].get(200, 0) > 20, "the fuzz must reach the use cases too"


def test_points_that_lie_ages_apart_are_refused_before_the_gap_is_filled(api: Any) -> None:
    days = ("1990-01-01", "1990-01-02", "2199-01-01")
    points = [{"series": f"s{n}", "date": day, "value": 1.0} for n in range(30) for day in days]
    started = time.process_time()
    answer = api.ask("POST", "/forecasts", json={"points": points})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_far_apart"), answer.text
    assert time.process_time() - started < 2
    # Years that lie as far apart are few periods.
    yearly = [{"series": "a", "date": f"{1990 + n}-01-01", "value": 5.0} for n in range(0, 200, 10)]
    assert api.ask("POST", "/forecasts", json={"points": yearly}).status_code == 200


@pytest.mark.slow
def test_six_thousand_cases_break_nothing(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fuzz(serve(), 115, monkeypatch)
    assert found["broken"] == []
    assert found["slow"] == []
    assert found["cases"] >= 6000, f"not run: {found['cases']} cases"


def test_the_fuzz_finds_a_seeded_crash(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import APIRouter

    from fivefold.api.context import verb

    router = APIRouter(prefix="/api/v1")

    @router.get("/crash", openapi_extra=verb("data.read"))
    async def crash(number: int) -> float:
        """Crash on 0 and below."""
        return 1 / max(0, number)

    found = fuzz(serve(extra_routers=[router]), 3, monkeypatch)
    assert any(path == "/api/v1/crash" for _, path, _, _ in found["broken"])
