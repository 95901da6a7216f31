"""What people write beside a plan: comments, their agreement, and views they want to see again.

Each is a fact with its author; nothing is ever written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import events

COMMENTED = "plan.commented"
SIGNED = "plan.signed"
VIEW_KEPT = "view.kept"
#: Those who agree to a plan before it is published.
FUNCTIONS = ("demand", "supply", "finance")
_MOST_LETTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words of a person on a plan."""

    author: str
    text: str
    about: str = ""


def comment(workspace: Workspace, plan: Plan, text: str, *, author: str, actor: str) -> None:
    """Write a comment on a plan.

    Raises
    ------
    ValueError
        If it is empty or longer than 2,000 letters.
    """
    words = text.strip()
    if not words or len(words) > _MOST_LETTERS:
        raise ValueError(f"a comment has 1 to {_MOST_LETTERS:,} letters, found {len(words):,}")
    _write(workspace, plan, COMMENTED, plan.plan, {"text": words, "author": author}, actor)


def comments(workspace: Workspace, plan: str) -> list[Note]:
    """Return the comments on a plan, the newest first."""
    found = [
        Note(author=fact.body["author"], text=fact.body["text"])
        for fact in workspace.recorded(COMMENTED)
        if fact.subject == plan
    ]
    return found[::-1]


def sign(
    workspace: Workspace, plan: Plan, function: str, *, agrees: bool, author: str, actor: str
) -> None:
    """Write that a function agrees to a plan, or no longer does.

    Raises
    ------
    ValueError
        If there is no such function, or the plan breaks a rule.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"function must be one of {', '.join(FUNCTIONS)}, found {function!r}")
    if agrees and not plan.is_legal:
        raise ValueError(f"plan {plan.plan} breaks rules; nobody can agree to it")
    body = {"function": function, "agrees": agrees, "author": author}
    _write(workspace, plan, SIGNED, plan.plan, body, actor)


def signatures(workspace: Workspace, plan: str) -> dict[str, str]:
    """Return who agreed to a plan, by function."""
    found: dict[str, str] = {}
    for fact in workspace.recorded(SIGNED):
        if fact.subject != plan:
            continue
        if fact.body["agrees"]:
            found[fact.body["function"]] = fact.body["author"]
        else:
            found.pop(fact.body["function"], None)
    return found


def keep_view(
    workspace: Workspace, plan: Plan, name: str, address: str, *, author: str, actor: str
) -> None:
    """Keep an address of a page under a name; an empty address drops it.

    Raises
    ------
    ValueError
        If the name is empty or the address is none of this server.
    """
    words = name.strip()
    if not words or len(words) > 80:
        raise ValueError(f"a view has a name of 1 to 80 letters, found {len(words)}")
    if address and (not address.startswith("/") or address.startswith("//")):
        raise ValueError(f"a view is a page of this server, found {address!r}")
    _write(workspace, plan, VIEW_KEPT, words, {"address": address, "author": author}, actor)


def views(workspace: Workspace) -> dict[str, str]:
    """Return kept views by name: their addresses."""
    found: dict[str, str] = {}
    for fact in workspace.recorded(VIEW_KEPT):
        found.pop(fact.subject, None)
        if fact.body["address"]:
            found[fact.subject] = fact.body["address"]
    return found


def _write(
    workspace: Workspace,
    plan: Plan,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    actor: str,
) -> None:
    count = len(workspace.recorded(kind))
    workspace.journal.submit(
        [
            events.record(
                key=f"{kind}:{subject}:{count}",
                actor=actor,
                effective_at=at_noon(plan.as_of),
                kind=kind,
                subject=subject,
                body=dict(body),
            )
        ],
        wait=True,
    )
