"""What people changed about a plan: quantities, the time of work, what stands fast.

A change is a fact with an author; the plan itself stays as it was made. What is released is
the plan with these changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import SupplyOrder
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger import events
from fivefold.make.moving import move_work
from fivefold.model import Dataset, Outcome

EDITED = "decision.edited"
MOVED = "work.moved"
FROZEN = "work.frozen"


class NotMovableError(FivefoldError):
    """The work cannot be put there; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What moving work did or would do: the orders that differ and the demand that gets late.

    `undo` gives the starts that bring back what stood before.
    """

    moved: tuple[dict[str, Any], ...]
    late: tuple[dict[str, Any], ...]
    clashes: tuple[str, ...]
    work_orders: pl.DataFrame
    undo: Mapping[str, datetime]


def edited_quantities(workspace: Workspace, plan: Plan) -> dict[str, int]:
    """Return the quantities people gave for decisions of this plan, the last one of each."""
    found: dict[str, int] = {}
    for fact in workspace.recorded(EDITED):
        if fact.body["plan"] == plan.plan:
            found[fact.subject] = int(fact.body["quantity"])
    return found


def frozen_work(workspace: Workspace) -> dict[str, datetime]:
    """Return work orders that stand fast, with their start."""
    found: dict[str, datetime] = {}
    for fact in workspace.recorded(FROZEN):
        if fact.body["frozen"]:
            found[fact.subject] = datetime.fromisoformat(fact.body["start_at"])
        else:
            found.pop(fact.subject, None)
    return found


def work_orders(workspace: Workspace, plan: Plan) -> pl.DataFrame:
    """Return the work orders of a plan as people moved them."""
    table = plan["work_orders"]
    times: dict[str, dict[str, Any]] = {}
    for fact in workspace.recorded(MOVED):
        if fact.subject == plan.plan:
            times |= fact.body["orders"]
    if not times:
        return table
    rows = [
        {**row, **{name: _read(value) for name, value in times.get(row["order"], {}).items()}}
        for row in table.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=table.schema)


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)


def look_at_move(
    workspace: Workspace, plan: Plan, starts: Mapping[str, datetime], *, dataset: Dataset
) -> Moved:
    """Return what would follow where work were put elsewhere; nothing is written.

    Raises
    ------
    NotMovableError
        If an order is frozen or its components are not there by then.
    NotFoundError
        If the plan has no such work order.
    """
    standing = work_orders(workspace, plan)
    known = dict(standing.select("order", "start_at").iter_rows())
    missing = sorted(set(starts) - set(known))
    if missing:
        raise NotFoundError(f"plan {plan.plan} has no work order {', '.join(missing)}")
    fast = set(frozen_work(workspace)) & set(known)
    if fast & set(starts):
        held = ", ".join(sorted(fast & set(starts)))
        raise NotMovableError(f"{held} is frozen; free it before it is moved")
    tables = {name: plan[name] for name in ("pegging", "supply_plan")}
    outcome: Outcome = move_work(
        dataset.with_tables(work_orders=standing, **tables), starts, frozen=fast, as_of=plan.as_of
    )
    if outcome.status == "infeasible":
        told = outcome.explanations
        raise NotMovableError("; ".join(told["text"].to_list()) if told is not None else "no")
    moved = outcome.notes["moved"]
    assert isinstance(moved, list)
    return Moved(
        moved=tuple(moved),
        late=tuple(outcome.notes["late"]),  # type: ignore[arg-type]
        clashes=tuple(outcome.notes["clashes"]),  # type: ignore[arg-type]
        work_orders=outcome["work_orders"],
        undo={row["order"]: row["from"] for row in moved},
    )


def move(
    workspace: Workspace,
    plan: Plan,
    starts: Mapping[str, datetime],
    *,
    dataset: Dataset,
    actor: str,
    reason: str = "",
) -> Moved:
    """Put work elsewhere and write all that moves with it as one fact."""
    told = look_at_move(workspace, plan, starts, dataset=dataset)
    names = [row["order"] for row in told.moved]
    rows = told.work_orders.filter(pl.col("order").is_in(names))
    _write_moved(workspace, plan, rows, actor=actor, reason=reason)
    return told


def restore(
    workspace: Workspace, plan: Plan, starts: Mapping[str, datetime], *, actor: str
) -> tuple[str, ...]:
    """Take back a move: each of these orders stands again as it did at that start.

    Raises
    ------
    NotMovableError
        If an order never stood there in this plan, or is frozen.
    """
    fast = frozen_work(workspace)
    versions: dict[tuple[str, datetime], dict[str, Any]] = {
        (row["order"], row["start_at"]): row for row in plan["work_orders"].iter_rows(named=True)
    }
    base = {row["order"]: row for row in plan["work_orders"].iter_rows(named=True)}
    for fact in workspace.recorded(MOVED):
        if fact.subject == plan.plan:
            for order, times in fact.body["orders"].items():
                row = {**base[order], **{n: _read(v) for n, v in times.items()}}
                versions[order, row["start_at"]] = row
    rows = []
    for order, start in starts.items():
        if order in fast:
            raise NotMovableError(f"{order} is frozen; free it before it is moved back")
        if (order, start) not in versions:
            raise NotMovableError(f"{order} never stood at {start:%d %b %H:%M}")
        rows.append(versions[order, start])
    frame = pl.DataFrame(rows, schema=plan["work_orders"].schema)
    _write_moved(workspace, plan, frame, actor=actor, reason="undone")
    return tuple(starts)


_TIMES = ("start_at", "finish_at", "available_on", "released_on", "late_days")


def _write_moved(
    workspace: Workspace, plan: Plan, rows: pl.DataFrame, *, actor: str, reason: str
) -> None:
    if rows.height == 0:
        return
    orders = {
        row["order"]: {
            name: row[name].isoformat() if isinstance(row[name], date) else row[name]
            for name in _TIMES
        }
        for row in rows.iter_rows(named=True)
    }
    _record(workspace, plan, MOVED, plan.plan, {"orders": orders, "reason": reason}, actor=actor)


def freeze(
    workspace: Workspace, plan: Plan, orders: Iterable[str], *, frozen: bool, actor: str
) -> tuple[str, ...]:
    """Make work stand fast where it is, or free it; return the orders.

    Raises
    ------
    NotFoundError
        If the plan has no such work order.
    """
    known = dict(work_orders(workspace, plan).select("order", "start_at").iter_rows())
    wanted = list(orders)
    missing = sorted(set(wanted) - set(known))
    if missing:
        raise NotFoundError(f"plan {plan.plan} has no work order {', '.join(missing)}")
    for order in wanted:
        body = {"plan": plan.plan, "frozen": frozen, "start_at": known[order].isoformat()}
        _record(workspace, plan, FROZEN, order, body, actor=actor)
    return tuple(wanted)


def _record(
    workspace: Workspace,
    plan: Plan,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    *,
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


def adjusted_plan(workspace: Workspace, plan: Plan) -> Plan:
    """Return the plan with work where people put it."""
    return plan.with_tables(work_orders=work_orders(workspace, plan))


def with_quantities(
    workspace: Workspace, plan: Plan, orders: Iterable[SupplyOrder]
) -> list[SupplyOrder]:
    """Return orders with the quantities people gave; a line of 0 is left out."""
    edits = edited_lines(workspace, plan)
    found = []
    for order in orders:
        lines = tuple(
            replace(line, quantity=edits.get((order.order, line.item), line.quantity))
            for line in order.lines
        )
        found.append(replace(order, lines=tuple(line for line in lines if line.quantity > 0)))
    return found


def edited_lines(workspace: Workspace, plan: Plan) -> dict[tuple[str, str], int]:
    """Return edited quantities by order and item."""
    edits = edited_quantities(workspace, plan)
    if not edits:
        return {}
    found: dict[tuple[str, str], int] = {}
    bought = plan["purchase_order_lines"].select("order", "item", "decision")
    made = plan["work_orders"].select("order", pl.col("product").alias("item"), "decision")
    moved = plan["supply_plan"].select(pl.col("decision").alias("order"), "item", "decision")
    for order, item, decision in pl.concat([bought, made, moved]).iter_rows():
        if decision in edits:
            found[order, item] = edits[decision]
    return found
