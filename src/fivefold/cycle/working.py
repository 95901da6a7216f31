"""Work orders carried out: released, components issued, units reported, finished; goods held.

Writes into the books; what is issued and not yet used up stands in `wip` at its plant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from fivefold.cycle import documents
from fivefold.cycle.documents import Recorded
from fivefold.cycle.fulfilment import (
    Operations,
    SupplyOrder,
    operations_of,
    supply_order_of,
)
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.entries import Fact, Move, Place, Posting
from fivefold.ledger.events import Command

RELEASED = "work_order.released"
ISSUED = "work_order.issued"
REPORTED = documents.WORK_REPORTED
REWORKED = documents.WORK_REWORKED
FINISHED = "work_order.finished"
HELD = "quality.held"
FREED = "quality.freed"
FACTS = (RELEASED, ISSUED, REPORTED, REWORKED, FINISHED)


class NotWorkableError(FivefoldError):
    """A step of work that cannot be done as things stand; nothing was booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """A work order as it stands.

    Parameters
    ----------
    order, product, location : str
    status : str
        placed, released, started, finished.
    quantity : int
        Good units wanted.
    good, scrap, rework : int
        Units reported so far; rework still waits to be worked on again.
    needed, issued, used : mapping of component to units
        Asked by the bill, taken to the floor, used up.
    """

    order: str
    product: str
    location: str
    status: str
    quantity: int
    good: int
    scrap: int
    rework: int
    needed: Mapping[str, int]
    issued: Mapping[str, int]
    used: Mapping[str, int]

    @property
    def in_process(self) -> dict[str, int]:
        """Units of components that lie on the floor."""
        left = {name: units - self.used.get(name, 0) for name, units in self.issued.items()}
        return {name: units for name, units in left.items() if units}


def work_order(workspace: Workspace, order: str) -> WorkOrder:
    """Return a work order as its facts tell it.

    Raises
    ------
    NotFoundError
        If no work order of that name was placed.
    """
    told = [f for f in workspace.recorded(*FACTS, documents.SUPPLY_PLACED) if f.subject == order]
    placed = next((fact for fact in told if fact.kind == documents.SUPPLY_PLACED), None)
    if placed is None or placed.body["kind"] != "make":
        raise NotFoundError(
            f"there is no work order {order!r} in the books; `fivefold accept` places those of a "
            "plan"
        )
    return _folded(supply_order_of(order, placed.body), told)


def work_orders(workspace: Workspace) -> list[WorkOrder]:
    """Return every work order that was placed, by name."""
    told: dict[str, list[Recorded]] = {}
    for fact in workspace.recorded(*FACTS, documents.SUPPLY_PLACED):
        told.setdefault(fact.subject, []).append(fact)
    found = []
    for order, facts in sorted(told.items()):
        placed = next((one for one in facts if one.kind == documents.SUPPLY_PLACED), None)
        if placed is not None and placed.body["kind"] == "make":
            found.append(_folded(supply_order_of(order, placed.body), facts))
    return found


def _folded(supply: SupplyOrder, told: Iterable[Recorded]) -> WorkOrder:
    line = supply.lines[0]
    needed = {name: _whole(per * line.quantity) for name, per in sorted(supply.components.items())}
    status, good, scrap, rework = "placed", 0, 0, 0
    issued: dict[str, int] = {}
    used: dict[str, int] = {}
    for fact in told:
        body = fact.body
        if fact.kind == RELEASED:
            status = "released"
        elif fact.kind == ISSUED:
            status = "started"
            _add(issued, body["components"])
        elif fact.kind == REPORTED:
            status = "started"
            good, scrap = good + body["good"], scrap + body["scrap"]
            rework += body["rework"]
            _add(used, body["used"])
        elif fact.kind == REWORKED:
            good, scrap = good + body["good"], scrap + body["scrap"]
            rework -= body["good"] + body["scrap"]
        elif fact.kind == FINISHED:
            status = "finished"
            _add(issued, {name: -units for name, units in body["returned"].items()})
    return WorkOrder(
        order=supply.order,
        product=line.item,
        location=supply.destination,
        status=status,
        quantity=line.quantity,
        good=good,
        scrap=scrap,
        rework=rework,
        needed=needed,
        issued=issued,
        used=used,
    )


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, units in more.items():
        total[name] = total.get(name, 0) + units


def _whole(units: float) -> int:
    return int(-(-(units - 1e-9) // 1))


def release(workspace: Workspace, order: str, *, actor: str, on: date) -> WorkOrder:
    """Return a work order released to the floor; released once, it stays so."""
    found = _open(workspace, order)
    if found.status == "placed":
        body = {"on": on.isoformat()}
        _write(workspace, actor, on, events.record(
            key=f"work:{order}:release", actor=actor, effective_at=_noon(on), kind=RELEASED,
            subject=order, body=body,
        ))  # fmt: skip
    return work_order(workspace, order)


def issue(
    workspace: Workspace,
    order: str,
    components: Mapping[str, int] | None = None,
    *,
    actor: str,
    on: date,
    note: str = "",
) -> WorkOrder:
    """Return a work order after components were taken to the floor: named, or all that is due.

    Raises
    ------
    NotWorkableError
        If a component is not in its bill, or more is asked than the order still needs.
    RefusedError
        If they are not there.
    """
    found = _open(workspace, order)
    due = {
        name: units - found.issued.get(name, 0)
        for name, units in found.needed.items()
        if units > found.issued.get(name, 0)
    }
    taken = dict(due if components is None else components)
    for name, units in taken.items():
        if name not in found.needed:
            raise NotWorkableError(f"{name} is not in the bill of {found.product}")
        if units > due.get(name, 0):
            raise NotWorkableError(
                f"{order} still needs {due.get(name, 0)} {name}, {units} were asked for"
            )
    taken = {name: units for name, units in taken.items() if units > 0}
    if not taken:
        return found
    number = note or str(1 + sum(1 for f in workspace.recorded(ISSUED) if f.subject == order))
    here = found.location
    _write(workspace, actor, on, Command(
        key=f"work:{order}:issue:{number}",
        kind="issue",
        actor=actor,
        effective_at=_noon(on),
        moves=tuple(
            Move(name, "", Place("available", here), Place("wip", here), units)
            for name, units in sorted(taken.items())
        ),
        facts=(Fact(ISSUED, order, {"on": on.isoformat(), "components": taken}),),
        ref=order,
    ))  # fmt: skip
    return work_order(workspace, order)


def report(
    workspace: Workspace,
    order: str,
    *,
    good: int,
    scrap: int = 0,
    rework: int = 0,
    defects: int | None = None,
    hours: float | None = None,
    actor: str,
    on: date,
    note: str = "",
    hold: bool = False,
) -> WorkOrder:
    """Return a work order after units were reported good, scrapped or to be reworked.

    Components for every unit that was started are used up from what was issued; good units go
    into stock (quarantine where held) with the cost of what went into them, scrap included.
    Units to be reworked stay in process.

    Raises
    ------
    NotWorkableError
        If nothing was reported, or fewer components were issued than the units took.
    """
    if min(good, scrap, rework) < 0 or good + scrap + rework == 0:
        raise NotWorkableError("report at least one unit, and none below 0")
    found = _open(workspace, order)
    number = note or str(1 + sum(1 for f in workspace.recorded(REPORTED) if f.subject == order))
    key = f"work:{order}:report:{number}"
    used = _used(found, good + scrap + rework)
    here, floor = found.location, Place("wip", found.location)
    made = Place("production", here)
    moves = [Move(name, "", floor, made, units) for name, units in sorted(used.items())]
    into = Place("quarantine" if hold else "available", here)
    moves += [Move(found.product, "", made, into, good)] if good else []
    moves += [Move(found.product, "", made, floor, rework)] if rework else []
    operations = _operations(workspace, actor, on)
    labour = operations.cents(_labour(workspace, order) * (good + scrap + rework))
    body = {
        "on": on.isoformat(),
        "report": number,
        "product": found.product,
        "location": here,
        "good": good,
        "scrap": scrap,
        "rework": rework,
        "defects": defects,
        "hours": hours,
        "used": used,
    }
    _write(workspace, actor, on, Command(
        key=key,
        kind="report_work",
        actor=actor,
        effective_at=_noon(on),
        moves=tuple(moves),
        postings=_owed(labour, operations.currency, found.product, order),
        facts=(Fact(REPORTED, order, body), *_received(order, found.product, good, number, on)),
        ref=order,
    ))  # fmt: skip
    return work_order(workspace, order)


def _used(found: WorkOrder, units: int) -> dict[str, int]:
    """Return components that so many more started units use up; refused where too few are there.

    Shares of the bill are counted on all units together, so that no rounding adds up.
    """
    started = max(1, found.quantity)
    before = found.good + found.scrap + found.rework
    used: dict[str, int] = {}
    lacking = []
    for name, whole in found.needed.items():
        after = min(whole, _whole(whole * (before + units) / started))
        more = max(0, after - found.used.get(name, 0))
        there = found.issued.get(name, 0) - found.used.get(name, 0)
        if more > there:
            lacking.append(f"{more - there} {name}")
        if more:
            used[name] = more
    if lacking:
        raise NotWorkableError(
            f"{units} units of {found.order} need {', '.join(lacking)} more on the floor; issue "
            "them first"
        )
    return used


def rework(
    workspace: Workspace, order: str, *, good: int, scrap: int = 0, actor: str, on: date
) -> WorkOrder:
    """Return a work order after units that waited for rework came good or were thrown away.

    Raises
    ------
    NotWorkableError
        If more are named than wait.
    """
    found = _open(workspace, order)
    if min(good, scrap) < 0 or not 0 < good + scrap <= found.rework:
        raise NotWorkableError(
            f"{found.rework} units of {order} wait for rework, {good + scrap} were named"
        )
    number = 1 + sum(1 for f in workspace.recorded(REWORKED) if f.subject == order)
    floor = Place("wip", found.location)
    moves = [
        Move(found.product, "", floor, Place(kind, found.location), units)
        for kind, units in (("available", good), ("scrap", scrap))
        if units
    ]
    body = {"on": on.isoformat(), "good": good, "scrap": scrap}
    _write(workspace, actor, on, Command(
        key=f"work:{order}:rework:{number}",
        kind="rework",
        actor=actor,
        effective_at=_noon(on),
        moves=tuple(moves),
        facts=(
            Fact(REWORKED, order, body),
            *_received(order, found.product, good, f"rework-{number}", on),
        ),
        ref=order,
    ))  # fmt: skip
    return work_order(workspace, order)


def finish(workspace: Workspace, order: str, *, actor: str, on: date) -> WorkOrder:
    """Return a work order that is done: what is left on the floor goes back into stock.

    Raises
    ------
    NotWorkableError
        If units still wait for rework.
    """
    found = work_order(workspace, order)
    if found.status == "finished":
        return found
    if found.rework:
        raise NotWorkableError(f"{found.rework} units of {order} still wait for rework")
    left, here = found.in_process, found.location
    _write(workspace, actor, on, Command(
        key=f"work:{order}:finish",
        kind="finish_work",
        actor=actor,
        effective_at=_noon(on),
        moves=tuple(
            Move(name, "", Place("wip", here), Place("available", here), units)
            for name, units in sorted(left.items())
        ),
        facts=(
            Fact(FINISHED, order, {"on": on.isoformat(), "returned": left}),
            *_received(order, found.product, 0, "finish", on, closes=True),
        ),
        ref=order,
    ))  # fmt: skip
    return work_order(workspace, order)


def hold(
    workspace: Workspace,
    item: str,
    location: str,
    quantity: int,
    *,
    reason: str,
    actor: str,
    on: date,
    lot: str = "",
) -> None:
    """Put units on a quality hold: nothing of them can be promised, sourced or shipped.

    Raises
    ------
    RefusedError
        If so many are not free.
    """
    _between(
        workspace, HELD, "available", "quarantine", item, location, quantity, lot, reason, actor, on
    )


def free(
    workspace: Workspace,
    item: str,
    location: str,
    quantity: int,
    *,
    reason: str,
    actor: str,
    on: date,
    lot: str = "",
    scrap: bool = False,
) -> None:
    """End a quality hold: the units are free again, or thrown away.

    Raises
    ------
    RefusedError
        If so many are not held.
    """
    into = "scrap" if scrap else "available"
    _between(workspace, FREED, "quarantine", into, item, location, quantity, lot, reason, actor, on)


def _between(
    workspace: Workspace,
    kind: str,
    source: str,
    target: str,
    item: str,
    location: str,
    quantity: int,
    lot: str,
    reason: str,
    actor: str,
    on: date,
) -> None:
    if quantity < 1:
        raise NotWorkableError(f"name at least one unit, found {quantity}")
    number = 1 + len(workspace.recorded(kind))
    body = {"on": on.isoformat(), "location": location, "units": quantity, "reason": reason,
            "lot": lot, "into": target}  # fmt: skip
    _write(workspace, actor, on, Command(
        key=f"{kind}:{item}:{location}:{number}",
        kind=kind.replace(".", "_"),
        actor=actor,
        effective_at=_noon(on),
        moves=(Move(item, lot, Place(source, location), Place(target, location), quantity),),
        facts=(Fact(kind, item, body),),
        ref=item,
    ))  # fmt: skip


def _received(
    order: str, product: str, good: int, number: str, on: date, *, closes: bool = False
) -> tuple[Fact, ...]:
    """Return the fact by which the supply order knows what came in."""
    if not good and not closes:
        return ()
    body = {
        "on": on.isoformat(),
        "closes": closes,
        "receipt": number,
        "into": "available",
        "lines": [{"line": 1, "item": product, "quantity": good}] if good else [],
    }
    return (Fact(documents.SUPPLY_RECEIVED, order, body),)


def _owed(labour: int, currency: str, product: str, order: str) -> tuple[Posting, ...]:
    if labour <= 0:
        return ()
    return (
        Posting(
            debit="production",
            credit="payable",
            amount_minor=labour,
            currency=currency,
            item=product,
            order=order,
        ),
    )


def _labour(workspace: Workspace, order: str) -> float:
    for fact in workspace.recorded(documents.SUPPLY_PLACED):
        if fact.subject == order:
            return supply_order_of(order, fact.body).labour_per_unit
    return 0.0


def _open(workspace: Workspace, order: str) -> WorkOrder:
    found = work_order(workspace, order)
    if found.status == "finished":
        raise NotWorkableError(f"work order {order} is finished")
    return found


def _operations(workspace: Workspace, actor: str, on: date) -> Operations:
    return operations_of(workspace, workspace.dataset(as_of=on), actor=actor)


def _write(workspace: Workspace, actor: str, on: date, command: Command) -> None:
    _operations(workspace, actor, on).write(command)


def _noon(on: date) -> datetime:
    return datetime.combine(on, time(12), tzinfo=UTC)
