"""Tokens, sessions and roles, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from fivefold.api.access import SESSION_SECONDS, Access
from fivefold.api.roles import GRANTED, ROLES, VERBS, may
from fivefold.errors import NotFoundError


@pytest.fixture
def now() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def access(tmp_path: Path, now: list[float]) -> Access:
    return Access(tmp_path / "access.db", clock=lambda: now[0])


def test_a_token_is_long_random_and_kept_only_as_its_hash(access: Access, tmp_path: Path) -> None:
    secret, name = access.new_token("default", "viewer")
    assert len(secret) >= 4 + 43
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
    caller = access.caller(secret)
    assert caller is not None
    assert (caller.token, caller.role, caller.tenant) == (name, "viewer", "default")
    assert access.caller(secret + "x") is None
    assert (tmp_path / "access.db").stat().st_mode & 0o077 == 0


def test_a_token_ends_with_its_time(access: Access, now: list[float]) -> None:
    secret, _ = access.new_token("default", "viewer", days=1)
    assert access.caller(secret)
    now[0] += 86401
    assert access.caller(secret) is None
    assert not access.has_tokens()


def test_a_revocation_by_another_process_is_heard_soon(
    access: Access, now: list[float], tmp_path: Path
) -> None:
    secret, name = access.new_token("default", "viewer")
    assert access.caller(secret)
    other = Access(tmp_path / "access.db", clock=lambda: now[0])
    other.revoke("default", name)
    now[0] += 2.1
    assert access.caller(secret) is None


def test_another_company_cannot_revoke_or_see(access: Access) -> None:
    _, name = access.new_token("default", "admin")
    with pytest.raises(NotFoundError, match="there is no token"):
        access.revoke("other", name)
    assert access.tokens("other") == []


def test_a_session_ends_with_its_time_and_with_its_token(access: Access, now: list[float]) -> None:
    secret, name = access.new_token("default", "viewer")
    caller = access.caller(secret)
    assert caller is not None
    session = access.new_session(caller)
    found = access.session(session)
    assert found is not None
    assert len(found.csrf) == 64
    assert access.session("other") is None
    access.revoke("default", name)
    assert access.session(session) is None
    again, _ = access.new_token("default", "viewer")
    caller = access.caller(again)
    assert caller is not None
    session = access.new_session(caller)
    now[0] += SESSION_SECONDS + 1
    assert access.session(session) is None


@pytest.mark.parametrize(
    ("tenant", "role", "more"),
    [
        ("../up", "viewer", {}),
        ("UP", "viewer", {}),
        ("", "viewer", {}),
        ("a", "king", {}),
        ("a", "viewer", {"days": 0}),
        ("a", "viewer", {"scopes": ["all"]}),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    access: Access, tenant: str, role: str, more: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"must be|scopes are"):
        access.new_token(tenant, role, **more)  # type: ignore[arg-type]


def test_roles_grant_only_verbs_that_exist_and_the_unknown_nothing() -> None:
    assert set(GRANTED) == set(ROLES)
    for verbs in GRANTED.values():
        assert verbs <= set(VERBS)
    assert not any(may("nobody", name) for name in VERBS)
    assert not may("admin", "everything")
    assert not may("auditor", "books.write")
