"""A supply order changed by a person: which version he saw, what changed since, what he changes.

A version is what the facts up to it add up to; its mark is a hash of that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import RefusedError
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger import events

_CLOSED = ("received", "closed", "cancelled")


class ChangedSinceError(FivefoldError):
    """Somebody changed the document after the version this change was made against.

    Attributes
    ----------
    current : SupplyDocument
    changes : tuple of dict
        line, column, from, to: what differs between the version seen and the current one;
        empty where the version seen is not known.
    """

    def __init__(self, current: SupplyDocument, changes: Sequence[Mapping[str, Any]]) -> None:
        self.current = current
        self.changes = tuple(dict(change) for change in changes)
        told = "; ".join(
            f"line {c['line']} {c['column']} {c['from']} → {c['to']}" for c in self.changes[:5]
        )
        super().__init__(
            f"order {current.order} was changed since you read it"
            + (f": {told}" if told else "; read it again")
        )


class NotAmendableError(FivefoldError):
    """The order cannot be changed like that any more; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyDocument:
    """A supply order as it stands, with the mark of its version."""

    order: str
    version: str
    lines: tuple[dict[str, Any], ...]


def supply_document(workspace: Workspace, order: str) -> SupplyDocument:
    """Return a supply order as it stands.

    Raises
    ------
    NotFoundError
        If there is no such order.
    """
    return _versions(workspace, order)[-1]


def _versions(workspace: Workspace, order: str) -> list[SupplyDocument]:
    """Return every version of an order, oldest first."""
    imported = workspace.imported()["supply_orders"].filter(pl.col("order") == order)
    told = [fact for fact in workspace.recorded(*documents.SUPPLY_FACTS) if fact.subject == order]
    found = []
    for number in range(len(told) + 1):
        rows = documents.supply_orders(imported, told[:number]).sort("line").to_dicts()
        if rows:
            text = json.dumps(rows, default=str, sort_keys=True)
            mark = hashlib.sha256(text.encode()).hexdigest()[:32]
            found.append(SupplyDocument(order=order, version=mark, lines=tuple(rows)))
    if not found:
        raise NotFoundError(f"there is no supply order {order!r}")
    return found


def amend_supply_order(
    workspace: Workspace,
    order: str,
    lines: Mapping[int, Mapping[str, Any]],
    *,
    seen: str,
    actor: str,
    on: date,
    reason: str = "",
) -> SupplyDocument:
    """Return a supply order after a person's change; nothing is overwritten unseen.

    Parameters
    ----------
    workspace : Workspace
    order : str
    lines : mapping of int to mapping
        By line: `quantity` and `expected_on`, each only where it changes.
    seen : str
        Version the change was made against.
    on : date
    reason : str

    Raises
    ------
    NotFoundError
        If there is no such order or line.
    ChangedSinceError
        If the order has another version by now.
    NotAmendableError
        If the order is closed, less is wanted than was received, or nothing changes.
    """
    versions = _versions(workspace, order)
    current = versions[-1]
    if seen != current.version:
        base = next((v for v in versions if v.version == seen), None)
        raise ChangedSinceError(current, _differences(base, current) if base else ())
    rows = {row["line"]: row for row in current.lines}
    changed = [_changed(order, rows, number, change, on) for number, change in lines.items()]
    told = [line for line in changed if len(line) > 1]
    if not told:
        raise NotAmendableError(f"nothing changes on order {order}; give another quantity or day")
    receipt = workspace.journal.submit(
        events.record(
            # The version makes the key: two changes of one version cannot both be written.
            key=f"amend:{order}:{seen}",
            actor=actor,
            effective_at=at_noon(on),
            kind=documents.SUPPLY_CHANGED,
            subject=order,
            body={"lines": told, "reason": reason},
        )
    )[0]
    if not receipt.written:
        raise RefusedError(receipt)
    return supply_document(workspace, order)


def _changed(
    order: str,
    rows: Mapping[int, Mapping[str, Any]],
    number: int,
    change: Mapping[str, Any],
    on: date,
) -> dict[str, Any]:
    row = rows.get(number)
    if row is None:
        raise NotFoundError(f"order {order} has no line {number}; it has {sorted(rows)}")
    if row["status"] in _CLOSED:
        raise NotAmendableError(f"line {number} of order {order} is {row['status']}")
    told: dict[str, Any] = {"line": number}
    quantity, day = change.get("quantity"), change.get("expected_on")
    if quantity is not None and quantity != row["quantity"]:
        if quantity < row["quantity_received"]:
            raise NotAmendableError(
                f"line {number} of order {order}: {row['quantity_received']} were received, "
                f"the quantity cannot be {quantity}"
            )
        if row["kind"] == "move" and row["shipped_on"] is not None:
            raise NotAmendableError(
                f"line {number} of order {order} left on {row['shipped_on']}; what is on its way "
                "cannot become another quantity"
            )
        told["quantity"] = quantity
    if day is not None and day != row["expected_on"]:
        if day < on:
            raise NotAmendableError(f"line {number} of order {order}: {day} is before {on}")
        told["expected_on"] = day.isoformat()
    return told


def _differences(old: SupplyDocument, new: SupplyDocument) -> list[dict[str, Any]]:
    before = {row["line"]: row for row in old.lines}
    return [
        {"line": row["line"], "column": column, "from": before[row["line"]][column], "to": value}
        for row in new.lines
        if row["line"] in before
        for column, value in row.items()
        if value != before[row["line"]][column]
    ]
