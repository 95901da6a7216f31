"""Who may do what: verbs, roles, and the table of both. What the table does not grant is denied."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["viewer", "operator", "planner", "buyer", "admin", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)

#: Every verb a route may ask for, and what it lets one do.
VERBS: dict[str, str] = {
    "data.read": "see tables, files, templates, exports and live changes",
    "data.import": "import files, edit rows, undo an import",
    "plan.read": "see plans, explanations, reports and measures",
    "plan.run": "make and prove plans, cancel one's own work",
    "plan.accept": "release a plan into orders",
    "sop.decide": "decide and close steps of the S&OP cycle, name assumptions",
    "supply.edit": "change supply orders that are placed",
    "purchase.approve": "approve and pay purchase orders, within the limit of the role",
    "goods.receive": "receive and inspect supply orders, send goods back",
    "work.report": "release, issue, report and finish work orders, hold and free goods",
    "orders.serve": "take, promise and ship customer orders, take goods back",
    "books.read": "see balances, trial balance and traces of goods and money",
    "books.write": "write reservations, releases and count differences",
    "books.verify": "verify the books",
    "jobs.read": "see jobs and their events",
    "pages.read": "open the pages",
    "session.own": "see and end one's own session",
    "access.manage": "make and revoke tokens",
    "webhooks.manage": "add, see and remove webhooks",
}

#: A viewer sees everything, books too, and changes nothing.
_SEEING = frozenset(
    {"data.read", "plan.read", "books.read", "jobs.read", "pages.read", "session.own"}
)

#: Verbs of each role.
GRANTED: dict[Role, frozenset[str]] = {
    "viewer": _SEEING,
    "operator": _SEEING | {"goods.receive", "work.report", "orders.serve", "books.write"},
    "planner": _SEEING
    | {
        "data.import",
        "plan.run",
        "plan.accept",
        "sop.decide",
        "supply.edit",
        "purchase.approve",
        "goods.receive",
        "work.report",
    },
    "buyer": _SEEING
    | {"supply.edit", "purchase.approve", "goods.receive", "plan.run", "sop.decide"},
    "auditor": _SEEING | {"books.verify"},
    "admin": frozenset(VERBS),
}


def may(role: str, verb: str, scopes: frozenset[str] | None = None) -> bool:
    """Return whether a role, narrowed by the scopes of its token, grants a verb.

    >>> may("viewer", "plan.read"), may("viewer", "plan.run"), may("nobody", "plan.read")
    (True, False, False)
    >>> may("admin", "plan.run", frozenset({"plan.read"}))
    False
    """
    granted = verb in GRANTED.get(role, frozenset())  # type: ignore[call-overload]
    return granted and (scopes is None or verb in scopes)
