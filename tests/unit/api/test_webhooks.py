"""Events told to others: signed, tried again, each outcome a fact, none forgotten."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fivefold.api.access import Access
from fivefold.api.companies import Company
from fivefold.api.problems import ProblemError
from fivefold.api.webhooks import Webhooks, checked_url, is_signed, post, signature


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path / "books", "default")
    yield made
    made.journal.close()


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "access.db")


class Receiver:
    """Answers with the statuses it is given, then 200; remembers what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.came = list(statuses), []
        self.done = threading.Event()

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool
    ) -> int:
        self.came.append((url, body, dict(headers)))
        if self.statuses:
            return self.statuses.pop(0)
        self.done.set()
        return 200


def _outcomes(company: Company, kind: str) -> list[Mapping[str, Any]]:
    return [fact.body for fact in company.recorded(kind)]


def test_an_event_is_signed_tried_again_and_its_delivery_is_a_fact(
    access: Access, company: Company
) -> None:
    made = access.add_webhook("default", "https://example.org/in", ["order.taken"])
    receiver = Receiver(500, 503)
    sender = Webhooks(access, send=receiver, waits=(0.0, 0.0, 0.0))
    sender.tell(company, "plan.accepted", {"plan": "P1"})
    sender.tell(company, "order.taken", {"order": "SO-1"})
    assert receiver.done.wait(10)
    sender.close()
    assert len(receiver.came) == 3
    url, body, headers = receiver.came[-1]
    assert url == made.url
    assert json.loads(body)["data"] == {"order": "SO-1"}
    header = headers["Fivefold-Signature"]
    assert is_signed(made.secret, header, body, now=time.time())
    assert not is_signed("other", header, body, now=time.time())
    assert not is_signed(made.secret, header, body + b" ", now=time.time())
    assert not is_signed(made.secret, header, body, now=time.time() + 1000)
    assert len({body for _, body, _ in receiver.came}) == 1
    assert _outcomes(company, "webhook.delivered")[0]["tries"] == 3


def test_a_receiver_that_never_answers_is_given_up_as_a_fact(
    access: Access, company: Company
) -> None:
    access.add_webhook("default", "https://example.org/in", ["order.taken"])
    receiver = Receiver(500, 500)
    sender = Webhooks(access, send=receiver, waits=(0.0,))
    sender.tell(company, "order.taken", {})
    for _ in range(1000):
        if _outcomes(company, "webhook.failed"):
            break
        threading.Event().wait(0.01)
    sender.close()
    assert _outcomes(company, "webhook.failed")[0]["why"] == "answered 500"


def test_what_was_due_at_a_stop_is_sent_after_the_next_start(
    access: Access, company: Company
) -> None:
    access.add_webhook("default", "https://example.org/in", ["order.taken"])
    stopped = Webhooks(access, send=Receiver())
    stopped.close()
    stopped.tell(company, "order.taken", {"order": "SO-2"})
    assert _outcomes(company, "webhook.delivered") == []
    receiver = Receiver()
    started = Webhooks(access, send=receiver)
    started.resume(company)
    assert receiver.done.wait(10)
    started.close()
    assert json.loads(receiver.came[0][1])["data"] == {"order": "SO-2"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.8/",
        "http://localhost:8080/",
        "https://user:word@example.org/",
        "http:///nothing",
        "http://example.org:99999/",
    ],
)
def test_a_webhook_cannot_lead_into_the_own_network(url: str) -> None:
    with pytest.raises(ProblemError, match=r"URL|network|port"):
        checked_url(url, allow_private=False)


def test_a_name_that_resolves_into_the_own_network_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    def resolved(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(OSError, match="within this network"):
        post("http://example.org/", b"{}", {}, allow_private=False)


def test_a_body_arrives_over_a_real_socket_and_a_redirect_is_not_followed() -> None:
    came: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/in?x=1"
        assert post(url, b"{}", {"A": "b"}, allow_private=True) == 302
    finally:
        server.shutdown()
        server.server_close()
    assert came == [b"{}"]
    assert signature("s", 5, b"{}").startswith("t=5,v1=")
