"""Single decisions of a plan: changed by a person, put off, or released on their own.

A change and a delay are facts with an author; the plan itself stays as it was made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.adjusting import (
    EDITED,
    adjusted_plan,
    edited_quantities,
    with_quantities,
)
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import operations_of
from fivefold.cycle.plans import Plan
from fivefold.cycle.review import NotReleasedError, supply_orders
from fivefold.cycle.workspace import Workspace
from fivefold.errors import DataError, NotFoundError, Problem
from fivefold.ledger import events
from fivefold.model import Dataset

SNOOZED = "decision.snoozed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityEdit:
    """A quantity a person wants in place of the plan's; `expected` is the one he saw."""

    decision: str
    quantity: int
    expected: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was placed of a plan, and what was not and why."""

    placed: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[str, ...]
    value: float


def edit_quantities(
    workspace: Workspace, plan: Plan, edits: Iterable[QuantityEdit], *, actor: str, today: date
) -> int:
    """Write new quantities for decisions, all or none; return how many.

    Raises
    ------
    DataError
        If one breaks a lot rule, or was changed by somebody else since it was seen; every
        such edit is listed.
    """
    wanted = list(edits)
    standing = edited_quantities(workspace, plan)
    rows = {row["decision"]: row for row in plan["supply_plan"].iter_rows(named=True)}
    dataset = workspace.dataset(as_of=plan.as_of)
    problems: list[Problem] = []
    for edit in wanted:
        row = rows.get(edit.decision)
        told = (
            "is not a decision of this plan"
            if row is None
            else _stale(edit, standing.get(edit.decision, row["quantity"]))
            or lot_problem(dataset, row, edit.quantity)
        )
        if told:
            problems.append(
                Problem(table="supply_plan", key=edit.decision, column="quantity", message=told)
            )
    if problems:
        raise DataError(problems)
    count = len(workspace.recorded(EDITED))
    workspace.journal.submit(
        [
            events.record(
                key=f"edit:{plan.plan}:{edit.decision}:{count + number}",
                actor=actor,
                effective_at=at_noon(today),
                kind=EDITED,
                subject=edit.decision,
                body={"plan": plan.plan, "quantity": edit.quantity, "reason": edit.reason},
            )
            for number, edit in enumerate(wanted)
        ],
        wait=True,
    )
    return len(wanted)


def _stale(edit: QuantityEdit, stands: int) -> str:
    if edit.expected is None or edit.expected == stands:
        return ""
    return f"was changed to {stands} by somebody else; look at it again before changing it"


def lot_problem(dataset: Dataset, decision: Mapping[str, Any], quantity: int) -> str:
    """Return which lot rule a quantity breaks, empty where it breaks none; 0 drops the decision."""
    if quantity < 0:
        return f"found {quantity}, expected 0 or more"
    least, multiple = lot_rule(dataset, decision)
    if quantity == 0:
        return ""
    if quantity < least:
        return f"found {quantity}, the least is {least}; 0 drops it"
    if quantity % multiple:
        low = max(least, quantity - quantity % multiple)
        high = quantity - quantity % multiple + multiple
        return f"found {quantity}, lots are multiples of {multiple}; {low} or {high} would do"
    return ""


def lot_rule(dataset: Dataset, decision: Mapping[str, Any]) -> tuple[int, int]:
    """Return the least quantity and the multiple of a buy, make or move."""
    if decision["kind"] == "buy":
        offers = dataset["supplier_offers"].filter(
            (pl.col("supplier") == decision["source"]) & (pl.col("item") == decision["item"])
        )
        columns = ("minimum_quantity", "order_multiple")
    elif decision["kind"] == "make":
        offers = dataset["items"].filter(pl.col("item") == decision["item"])
        columns = ("make_minimum_quantity", "make_multiple")
    else:
        return 1, 1
    if offers.height == 0:
        return 1, 1
    least, multiple = offers.select(columns).row(0)
    return max(1, int(least or 1)), max(1, int(multiple or 1))


def snooze(
    workspace: Workspace, plan: Plan, name: str, *, until: date, actor: str, today: date
) -> None:
    """Put a decision off until a day; it comes back then, or when a new plan dates it earlier."""
    if until <= today:
        raise ValueError(f"until must be after {today}, found {until}")
    count = len(workspace.recorded(SNOOZED))
    workspace.journal.submit(
        [
            events.record(
                key=f"snooze:{name}:{count}",
                actor=actor,
                effective_at=at_noon(today),
                kind=SNOOZED,
                subject=name,
                body={"plan": plan.plan, "until": until.isoformat()},
            )
        ],
        wait=True,
    )


def snoozed(workspace: Workspace, *, today: date) -> dict[str, date]:
    """Return what is put off beyond today, with the day it comes back."""
    found: dict[str, date] = {}
    for fact in workspace.recorded(SNOOZED):
        found[fact.subject] = date.fromisoformat(fact.body["until"])
    return {name: until for name, until in found.items() if until > today}


def release(
    workspace: Workspace, plan: Plan, orders: Collection[str], *, actor: str, today: date
) -> Released:
    """Place some orders of a plan, with the quantities people gave.

    Raises
    ------
    NotReleasedError
        If the plan has no answer or breaks a rule.
    NotFoundError
        If the plan has no such order.
    """
    if plan.status == "infeasible" or not plan.is_legal:
        count = plan["violations"].height
        raise NotReleasedError(
            f"plan {plan.plan} breaks {count} rules; a plan that breaks a rule is never released"
            if count
            else f"plan {plan.plan} has no answer; nothing can be released"
        )
    dataset = workspace.dataset(as_of=plan.as_of)
    stands = adjusted_plan(workspace, plan)
    until = plan.as_of + timedelta(365)
    known = {o.order: o for o in supply_orders(stands, dataset, until=until)}
    missing = sorted(set(orders) - set(known))
    if missing:
        raise NotFoundError(f"plan {plan.plan} has no order {', '.join(missing)}")
    chosen = with_quantities(workspace, plan, (known[name] for name in sorted(orders)))
    empty = [order.order for order in chosen if not order.lines]
    operations = operations_of(workspace, dataset, actor=actor)
    at = at_noon(today)
    placed = [order for order in chosen if order.lines]
    receipts = operations.submit([operations.place_supply(order, at=at) for order in placed])
    pairs = list(zip(placed, receipts, strict=True))
    return Released(
        placed=tuple(o.order for o, r in pairs if r.status == "ok"),
        known=tuple(o.order for o, r in pairs if r.status == "duplicate"),
        refused=(
            *(f"{o.order}: {r.reason}" for o, r in pairs if not r.written),
            *(f"{name}: all its quantities were set to 0" for name in empty),
        ),
        value=sum(x.unit_price * x.quantity for o, r in pairs if r.status == "ok" for x in o.lines),
    )


def placed_orders(workspace: Workspace) -> frozenset[str]:
    """Return the supply orders that were placed here."""
    return frozenset(fact.subject for fact in workspace.recorded(documents.SUPPLY_PLACED))
