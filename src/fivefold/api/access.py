"""Tokens, sessions and webhooks in one small database beside the books.

Secrets are 256 random bits, shown once and kept as SHA-256: of a secret that long a slow
hash guards nothing more. Knows who a caller is; what he may do stands in `roles`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fivefold.api.roles import ROLES, VERBS, may
from fivefold.errors import NotFoundError

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
#: The company whose books lie in the workspace folder itself.
OWN = "default"
SESSION_SECONDS = 12 * 3600
#: Another process that revokes a token is heard within this many seconds.
REMEMBERED_SECONDS = 2.0

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS token (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE,
tenant TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT, label TEXT NOT NULL, made_at REAL NOT NULL,
expires_at REAL, revoked_at REAL)""",
    """CREATE TABLE IF NOT EXISTS session (hash TEXT PRIMARY KEY, token TEXT NOT NULL,
expires_at REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS webhook (id TEXT PRIMARY KEY, tenant TEXT NOT NULL,
url TEXT NOT NULL, events TEXT NOT NULL, secret TEXT NOT NULL, made_at REAL NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS own (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the token's name, company, role and scopes, and whether by a browser's cookie."""

    token: str
    tenant: str
    role: str
    label: str
    scopes: frozenset[str] | None = None
    csrf: str = ""

    @property
    def actor(self) -> str:
        """How the books name him."""
        return f"{self.label or self.role} ({self.token})"

    def may(self, verb: str) -> bool:
        """Return whether he may."""
        return may(self.role, verb, self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where to tell which events, and the secret that signs them."""

    id: str
    tenant: str
    url: str
    events: tuple[str, ...]
    secret: str


def hashed(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Access:
    """The tokens, sessions and webhooks of all companies of one server.

    Parameters
    ----------
    path : Path
        SQLite file, made where it does not exist, readable by its owner alone.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._clock = clock
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=WAL")
        for statement in _SCHEMA:
            self._base.execute(statement)
        self._base.execute("INSERT OR IGNORE INTO own VALUES ('key', ?)", (secrets.token_hex(32),))
        self._key = bytes.fromhex(self._rows("SELECT value FROM own WHERE name='key'")[0][0])
        self._known: dict[str, tuple[float, Caller | None]] = {}

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._base.execute(statement, values).fetchall()

    def new_token(
        self,
        tenant: str,
        role: str,
        *,
        label: str = "",
        scopes: Iterable[str] | None = None,
        days: float | None = None,
    ) -> tuple[str, str]:
        """Return a new token and its name; the token itself is never shown again.

        Raises
        ------
        ValueError
            If tenant, role, a scope or the days are not valid.
        """
        if not TENANT.fullmatch(tenant):
            raise ValueError(f"tenant must be a-z, 0-9 and -, at most 40, found {tenant!r}")
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, found {role!r}")
        chosen = None if scopes is None else sorted(set(scopes))
        unknown = set(chosen or ()) - set(VERBS)
        if unknown:
            raise ValueError(f"scopes are verbs; unknown: {', '.join(sorted(unknown))}")
        if days is not None and not 0 < days <= 3660:
            raise ValueError(f"days must be above 0 and at most 3660, found {days}")
        secret, name = f"fft_{secrets.token_urlsafe(32)}", f"T-{secrets.token_hex(4)}"
        now = self._clock()
        self._rows(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            name,
            hashed(secret),
            tenant,
            role,
            None if chosen is None else json.dumps(chosen),
            label,
            now,
            None if days is None else now + days * 86400,
        )
        return secret, name

    def has_tokens(self) -> bool:
        """Return whether any token can still be used."""
        return bool(
            self._rows(
                "SELECT 1 FROM token WHERE revoked_at IS NULL AND "
                "(expires_at IS NULL OR expires_at > ?) LIMIT 1",
                self._clock(),
            )
        )

    def tokens(self, tenant: str) -> list[dict[str, Any]]:
        """Return the tokens of a company, without secrets."""
        names = ("token", "role", "scopes", "label", "made_at", "expires_at", "revoked_at")
        rows = self._rows(
            "SELECT id, role, scopes, label, made_at, expires_at, revoked_at FROM token "
            "WHERE tenant = ? ORDER BY made_at",
            tenant,
        )
        return [
            {
                **dict(zip(names, row, strict=True)),
                "scopes": None if row[2] is None else json.loads(row[2]),
                **{n: _instant(v) for n, v in zip(names[4:], row[4:], strict=True)},
            }
            for row in rows
        ]

    def revoke(self, tenant: str, token: str) -> None:
        """Make a token useless from now on, and end its sessions.

        Raises
        ------
        NotFoundError
            If the company has no such token.
        """
        found = self._rows(
            "UPDATE token SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND tenant = ? "
            "RETURNING id",
            self._clock(),
            token,
            tenant,
        )
        if not found:
            raise NotFoundError(f"there is no token {token!r}")
        self._rows("DELETE FROM session WHERE token = ?", token)
        self._known.clear()

    def caller(self, secret: str) -> Caller | None:
        """Return whose token this is; None where it is unknown, revoked or past its time."""
        mark, now = hashed(secret), self._clock()
        known = self._known.get(mark)
        if known is not None and known[0] > now:
            return known[1]
        found = self._caller("token.hash = ?", mark, now)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[mark] = (now + REMEMBERED_SECONDS, found)
        return found

    def _caller(self, where: str, value: str, now: float) -> Caller | None:
        rows = self._rows(
            "SELECT id, tenant, role, label, scopes FROM token WHERE revoked_at IS NULL AND "
            f"(expires_at IS NULL OR expires_at > ?) AND {where}",
            now,
            value,
        )
        if not rows:
            return None
        name, tenant, role, label, scopes = rows[0]
        return Caller(
            token=name,
            tenant=tenant,
            role=role,
            label=label,
            scopes=None if scopes is None else frozenset(json.loads(scopes)),
        )

    def new_session(self, caller: Caller) -> str:
        """Return the secret of a new browser session of a caller."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        self._rows("DELETE FROM session WHERE expires_at < ?", now)
        self._rows(
            "INSERT INTO session VALUES (?, ?, ?)",
            hashed(secret),
            caller.token,
            now + SESSION_SECONDS,
        )
        return secret

    def session(self, secret: str) -> Caller | None:
        """Return who a session belongs to, with its CSRF token; None where it has ended."""
        now = self._clock()
        rows = self._rows(
            "SELECT token FROM session WHERE hash = ? AND expires_at > ?", hashed(secret), now
        )
        found = self._caller("id = ?", rows[0][0], now) if rows else None
        if found is None:
            return None
        return Caller(
            token=found.token,
            tenant=found.tenant,
            role=found.role,
            label=found.label,
            scopes=found.scopes,
            csrf=hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest(),
        )

    def end_session(self, secret: str) -> None:
        """End a session; harmless where there is none."""
        self._rows("DELETE FROM session WHERE hash = ?", hashed(secret))

    def add_webhook(self, tenant: str, url: str, events: Iterable[str]) -> Webhook:
        """Return a new webhook with its secret."""
        made = Webhook(
            id=f"W-{secrets.token_hex(4)}",
            tenant=tenant,
            url=url,
            events=tuple(sorted(set(events))),
            secret=f"ffw_{secrets.token_urlsafe(32)}",
        )
        self._rows(
            "INSERT INTO webhook VALUES (?, ?, ?, ?, ?, ?)",
            made.id,
            tenant,
            url,
            json.dumps(made.events),
            made.secret,
            self._clock(),
        )
        return made

    def webhooks(self, tenant: str) -> list[Webhook]:
        """Return the webhooks of a company."""
        return [
            Webhook(id=name, tenant=tenant, url=url, events=tuple(json.loads(told)), secret=secret)
            for name, url, told, secret in self._rows(
                "SELECT id, url, events, secret FROM webhook WHERE tenant = ? ORDER BY made_at",
                tenant,
            )
        ]

    def remove_webhook(self, tenant: str, webhook: str) -> None:
        """Tell a webhook nothing more.

        Raises
        ------
        NotFoundError
            If the company has no such webhook.
        """
        if not self._rows(
            "DELETE FROM webhook WHERE id = ? AND tenant = ? RETURNING id", webhook, tenant
        ):
            raise NotFoundError(f"there is no webhook {webhook!r}")


def _instant(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
