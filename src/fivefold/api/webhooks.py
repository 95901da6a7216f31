"""Telling other programs what happened: signed, tried again, each outcome a fact in the books.

An event that is due is a fact before it is sent, so a restart forgets none. It may arrive
twice; `id` tells the receiver. This is the only place from which the server asks another one.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any
from urllib.parse import SplitResult, urlsplit

from fivefold.api.access import Access, Webhook
from fivefold.api.companies import Company
from fivefold.api.problems import ProblemError
from fivefold.errors import FivefoldError
from fivefold.ledger import events

#: What can be told.
EVENTS = (
    "import.loaded",
    "job.ended",
    "order.cancelled",
    "order.shipped",
    "order.taken",
    "plan.accepted",
    "plan.proposed",
    "return.received",
    "supply.changed",
    "supply.received",
)
DUE, DELIVERED, FAILED = "webhook.due", "webhook.delivered", "webhook.failed"
#: Seconds before each further try.
WAITS = (2.0, 10.0, 60.0, 600.0)
TIMEOUT_SECONDS = 10.0


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the header that proves who sent a body and when.

    >>> signature("s", 1, b"{}")[:8]
    't=1,v1=b'
    """
    mark = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mark}"


def is_signed(secret: str, header: str, body: bytes, *, now: float, within: float = 300) -> bool:
    """Return whether a body carries a signature of the secret that is not older than `within`."""
    stated, _, _ = header.removeprefix("t=").partition(",")
    if not stated.isdigit() or abs(now - int(stated)) > within:
        return False
    return hmac.compare_digest(signature(secret, int(stated), body), header)


def checked_url(url: str, *, allow_private: bool) -> SplitResult:
    """Return a webhook's URL in parts.

    Raises
    ------
    ProblemError
        422, if it is not http(s), carries a password, or names a place within this network.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ProblemError(422, "bad_url", f"{url[:200]!r} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ProblemError(422, "bad_url", "a webhook is an http or https URL without a password")
    if port == 0:
        raise ProblemError(422, "bad_url", "port 0 leads nowhere")
    if not allow_private:
        try:
            address = ipaddress.ip_address(parts.hostname)
        except ValueError:
            address = None
        if address is not None and not address.is_global:
            raise ProblemError(422, "private_url", f"{parts.hostname} is within this network")
        if parts.hostname == "localhost" or parts.hostname.endswith((".localhost", ".local")):
            raise ProblemError(422, "private_url", f"{parts.hostname} is within this network")
    return parts


def address_of(host: str, port: int, *, allow_private: bool) -> str:
    """Return the address of a name, which is then the one connected to.

    Raises
    ------
    OSError
        If there is none, or it lies within this network.
    """
    for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = str(place[0])
        if allow_private or ipaddress.ip_address(address).is_global:
            return address
    raise OSError(f"{host} lies within this network")


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> int:
    """Send a body and return the status; redirects are not followed.

    Raises
    ------
    OSError, http.client.HTTPException
        If it could not be sent.
    """
    parts = checked_url(url, allow_private=allow_private)
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = address_of(parts.hostname, port, allow_private=allow_private)
    link = http.client.HTTPConnection(parts.hostname, port, timeout=TIMEOUT_SECONDS)
    plain = socket.create_connection((address, port), TIMEOUT_SECONDS)
    try:
        link.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
            if parts.scheme == "https"
            else plain
        )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        link.request("POST", target, body=body, headers=dict(headers))
        return link.getresponse().status
    finally:
        link.close()
        plain.close()


@dataclass(frozen=True, slots=True)
class _Delivery:
    company: Company
    webhook: str
    event: str
    body: bytes
    tries: int = 0


class Webhooks:
    """Sends events to whom asked for them, in a thread of its own.

    Parameters
    ----------
    access : Access
    allow_private : bool
        Send to this machine and its network too.
    send : callable, optional
        `post`, or another of its shape.
    waits : tuple of float
        Seconds before each further try.
    """

    def __init__(
        self,
        access: Access,
        *,
        allow_private: bool = False,
        send: Callable[..., int] = post,
        waits: tuple[float, ...] = WAITS,
    ) -> None:
        self.allow_private = allow_private
        self._access, self._send, self._waits = access, send, waits
        self._due: list[tuple[float, int, _Delivery]] = []
        self._number = 0
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def tell(self, company: Company, kind: str, data: Mapping[str, Any]) -> None:
        """Tell all webhooks of a company that asked for this kind of event."""
        for webhook in self._access.webhooks(company.tenant):
            if kind not in webhook.events:
                continue
            event = f"E-{secrets.token_hex(8)}"
            at = datetime.now(UTC).isoformat(timespec="seconds")
            envelope = {"id": event, "kind": kind, "at": at, "data": data}
            text = json.dumps(envelope, default=str, sort_keys=True)
            self._note(company, DUE, event, webhook.id, {"body": text})
            self._add(_Delivery(company, webhook.id, event, text.encode()), 0.0)

    def resume(self, company: Company) -> None:
        """Send what was due when the server stopped."""
        open_: dict[str, Mapping[str, Any]] = {}
        for fact in company.recorded(DUE, DELIVERED, FAILED):
            if fact.kind == DUE:
                open_[fact.subject] = fact.body
            else:
                open_.pop(fact.subject, None)
        for event, body in open_.items():
            self._add(_Delivery(company, body["webhook"], event, body["body"].encode()), 0.0)

    def close(self) -> None:
        """Stop sending; what is due is sent after the next start."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _add(self, delivery: _Delivery, wait: float) -> None:
        with self._wake:
            self._number += 1
            heappush(self._due, (time.monotonic() + wait, self._number, delivery))
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            self._deliver(delivery)

    def _next(self) -> _Delivery | None:
        with self._wake:
            while not self._closing:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heappop(self._due)[2]
                self._wake.wait(wait)
        return None

    def _deliver(self, delivery: _Delivery) -> None:
        webhook = self._webhook(delivery)
        if webhook is None:
            self._end(delivery, FAILED, {"why": "the webhook was removed"})
            return
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fivefold",
            "Fivefold-Event": delivery.event,
            "Fivefold-Signature": signature(webhook.secret, int(time.time()), delivery.body),
        }
        try:
            status = self._send(
                webhook.url, delivery.body, headers, allow_private=self.allow_private
            )
            why = f"answered {status}"
        except (OSError, http.client.HTTPException, ProblemError) as error:
            status, why = 0, str(error)[:300]
        if 200 <= status < 300:
            self._end(delivery, DELIVERED, {"status": status, "tries": delivery.tries + 1})
        elif delivery.tries < len(self._waits):
            again = _Delivery(
                delivery.company,
                delivery.webhook,
                delivery.event,
                delivery.body,
                delivery.tries + 1,
            )
            self._add(again, self._waits[delivery.tries])
        else:
            self._end(delivery, FAILED, {"why": why, "tries": delivery.tries + 1})

    def _webhook(self, delivery: _Delivery) -> Webhook | None:
        known = self._access.webhooks(delivery.company.tenant)
        return next((one for one in known if one.id == delivery.webhook), None)

    def _end(self, delivery: _Delivery, kind: str, body: Mapping[str, Any]) -> None:
        try:
            self._note(delivery.company, kind, delivery.event, delivery.webhook, body)
        except FivefoldError:
            # The books are closed: the event stays due and is sent after the next start.
            self._closing = True

    @staticmethod
    def _note(
        company: Company, kind: str, event: str, webhook: str, body: Mapping[str, Any]
    ) -> None:
        company.journal.submit(
            events.record(
                key=f"{kind}:{event}",
                actor="webhooks",
                effective_at=datetime.now(UTC),
                kind=kind,
                subject=event,
                body={"webhook": webhook, **body},
            ),
            wait=True,
        )
