"""Goods that arrive: what a receipt books, what it may not exceed, and what it finds damaged.

Receives purchases, moves and work orders alike. Writes one command or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import fill_backorders
from fivefold.cycle.fulfilment import (
    Operations,
    SupplyLine,
    SupplyOrder,
    is_written,
    operations_of,
    supply_order_of,
)
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.model import Dataset

#: Share by which a receipt may pass what was ordered.
TOLERANCE_SHARE = 0.05


class OverReceiptError(FivefoldError):
    """More arrived than was ordered and tolerated; nothing was booked.

    Attributes
    ----------
    details : dict
        code, order, item, arrived, ordered, received_before, accepted_at_most and
        tolerance_share, for programs.
    """

    code = "over_receipt"

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        self.details = {"code": self.code, **details}
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a receipt booked."""

    order: str
    status: str
    lines: tuple[dict[str, Any], ...]
    open_units: int


def receive(
    workspace: Workspace,
    order: str,
    quantities: Mapping[str, int] | None,
    *,
    actor: str,
    on: date,
    receipt: str = "",
    quarantine: bool = False,
    closes: bool = False,
    tolerance_share: float | None = None,
    damaged: Mapping[str, int] | None = None,
) -> Received:
    """Return what was taken in of a supply order: all that is open, or units by item.

    Parameters
    ----------
    workspace : Workspace
    order : str
    quantities : mapping of item to units, optional
        Default is everything still open.
    on : date
    receipt : str
        Name of the delivery note; the same one twice counts once.
    quarantine : bool
        Hold it for inspection.
    closes : bool
        Nothing more is expected.
    tolerance_share : float, optional
        Share by which a line may pass what was ordered; default the setting
        `over_receipt_tolerance_share`, else 5 %.
    damaged : mapping of item to units, optional
        Units of those that arrived which are damaged: they are booked into quarantine.

    Raises
    ------
    NotFoundError
        If there is no such order, an item is not on it, or more of it is damaged than arrived.
    OverReceiptError
        If more arrived than is tolerated.
    """
    dataset = workspace.dataset(as_of=on)
    rows = dataset["supply_orders"].filter(pl.col("order") == order).sort("line")
    if rows.height == 0:
        raise NotFoundError(_no_order(order, dataset))
    supply = _stated_order(workspace, order) or _imported_order(rows, dataset)
    key = f"receive:{order}:{receipt or _number_of_receipts(workspace, order)}"
    if receipt and is_written(workspace.journal, key):
        left = sum(_open_units(rows).values())
        return Received(order=order, status="duplicate", lines=(), open_units=left)
    if tolerance_share is None:
        tolerance_share = dataset.setting_number("over_receipt_tolerance_share", TOLERANCE_SHARE)
    arrived = _arrived(rows, quantities, tolerance_share)
    if not any(arrived.values()):
        return Received(order=order, status="nothing_open", lines=(), open_units=0)
    operations = operations_of(workspace, dataset, actor=actor)
    at = datetime.combine(on, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    if supply.kind == "move" and rows["shipped_on"].null_count() == rows.height:
        _ship_first(operations, supply, rows, at)
    command = operations.receive_supply(
        supply,
        arrived,
        at=at,
        key=key,
        into="quarantine" if quarantine else "available",
        closes=closes,
        started=_started(rows, arrived, closes=closes) if supply.kind == "make" else None,
        damaged=_damaged(rows, arrived, damaged or {}),
    )
    written = operations.write(command)
    if not quarantine:
        # Those who were promised these goods have them before anybody who asks later.
        fill_backorders(workspace, actor=actor, at=at)
    open_units = sum(
        max(0, units - arrived.get(line, 0)) for line, units in _open_units(rows).items()
    )
    return Received(
        order=order,
        status=written.status,
        lines=tuple(
            {"line": r["line"], "item": r["item"], "quantity": arrived[r["line"]]}
            for r in rows.iter_rows(named=True)
            if arrived.get(r["line"])
        ),
        open_units=0 if closes else open_units,
    )


def _open_units(rows: pl.DataFrame) -> dict[int, int]:
    """Return units still to come by line; nothing more of what was closed or cancelled."""
    ended = ("received", "closed", "cancelled")
    return {
        row["line"]: 0
        if row["status"] in ended
        else max(0, row["quantity"] - row["quantity_received"])
        for row in rows.iter_rows(named=True)
    }


def _started(rows: pl.DataFrame, arrived: Mapping[int, int], *, closes: bool) -> tuple[int, int]:
    """Return the units of a run used up before this receipt, and after it."""
    row = rows.row(0, named=True)
    before = min(row["quantity_received"], row["quantity"])
    after = row["quantity"] if closes else before + arrived[row["line"]]
    return before, after


def _no_order(order: str, dataset: Dataset) -> str:
    from difflib import get_close_matches

    known = dataset["supply_orders"]["order"].unique().to_list()
    near = get_close_matches(order, known, n=3, cutoff=0.4)
    hint = f"; near to it: {', '.join(near)}" if near else ""
    return f"there is no supply order {order!r}{hint}"


def _stated_order(workspace: Workspace, order: str) -> SupplyOrder | None:
    for fact in workspace.recorded(documents.SUPPLY_PLACED):
        if fact.subject == order:
            return supply_order_of(order, fact.body)
    return None


def _imported_order(rows: pl.DataFrame, dataset: Dataset) -> SupplyOrder:
    head = rows.row(0, named=True)
    cost = dict(dataset["items"].select("item", "unit_cost").iter_rows())
    return SupplyOrder(
        order=head["order"],
        kind=head["kind"],
        source=head["source"] or "outside",
        destination=head["destination"],
        ordered_on=head["ordered_on"] or head["expected_on"],
        expected_on=head["expected_on"],
        lines=tuple(
            SupplyLine(
                line=row["line"],
                item=row["item"],
                quantity=row["quantity"],
                unit_price=row["unit_price"] or cost.get(row["item"]) or 0.0,
            )
            for row in rows.iter_rows(named=True)
        ),
    )


def _arrived(
    rows: pl.DataFrame, quantities: Mapping[str, int] | None, tolerance_share: float
) -> dict[int, int]:
    """Return units by line; a unit more than tolerated refuses the whole receipt."""
    open_units = _open_units(rows)
    if quantities is None:
        return open_units
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        lines.setdefault(row["item"], []).append(row)
    unknown = sorted(set(quantities) - set(lines))
    if unknown:
        raise NotFoundError(
            f"order {rows['order'][0]} has no item {', '.join(unknown)}; "
            f"it has {', '.join(sorted(lines))}"
        )
    arrived: dict[int, int] = {}
    for item, units in quantities.items():
        ordered = sum(row["quantity"] for row in lines[item])
        before = sum(row["quantity_received"] for row in lines[item])
        # A hair more, so that 5 % of 60 is 3 in binary too.
        most = max(0, int(ordered * (1 + tolerance_share) + 1e-9) - before)
        if units > most:
            raise OverReceiptError(
                f"{item} on {rows['order'][0]}: {units} arrived, {ordered} were ordered, "
                f"{before} came before; at most {most} more are accepted with "
                f"{tolerance_share:.0%} tolerance. Receive {most} and send the rest back, or have "
                "the order raised",
                {
                    "order": rows["order"][0],
                    "item": item,
                    "arrived": units,
                    "ordered": ordered,
                    "received_before": before,
                    "accepted_at_most": most,
                    "tolerance_share": tolerance_share,
                },
            )
        left = units
        for row in lines[item]:
            arrived[row["line"]] = min(left, open_units[row["line"]])
            left -= arrived[row["line"]]
        arrived[lines[item][-1]["line"]] += left
    return arrived


def _damaged(
    rows: pl.DataFrame, arrived: Mapping[int, int], damaged: Mapping[str, int]
) -> dict[int, int]:
    """Return damaged units by line, of the lines of an item the first ones first."""
    found: dict[int, int] = {}
    for item, units in damaged.items():
        left = units
        for line in rows.filter(pl.col("item") == item)["line"].to_list():
            found[line] = min(left, arrived.get(line, 0))
            left -= found[line]
        if left:
            raise NotFoundError(f"{units} units of {item} are damaged, {units - left} arrived")
    return {line: units for line, units in found.items() if units}


def _number_of_receipts(workspace: Workspace, order: str) -> int:
    return 1 + sum(f.subject == order for f in workspace.recorded(documents.SUPPLY_RECEIVED))


def _ship_first(
    operations: Operations, supply: SupplyOrder, rows: pl.DataFrame, at: datetime
) -> None:
    """Book the departure of a move whose departure nobody told."""
    if (rows["status"] == "in_transit").all():
        return
    operations.write(operations.ship_move(supply, at=at))
