"""Orders taken from files: every problem named, all or none, each order once.

An import of the table orders is history; here the same rows are customers who ask, and each is
promised and reserved for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from fivefold.connect.files import read_file
from fivefold.connect.loaded import Loaded
from fivefold.cycle.order_records import order_records
from fivefold.cycle.ordering import ON_REQUEST, OrderTaken, take_order
from fivefold.cycle.workspace import Workspace
from fivefold.errors import DataError, Problem

#: What of a row the customer asks for.
ASKED = ("line", "item", "quantity", "unit_price", *ON_REQUEST)
#: States of an order that still asks for something.
OPEN = ("pending", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What became of the orders of files; `passed_over` lines ask for nothing any more."""

    taken: tuple[OrderTaken, ...]
    passed_over: int


def take_orders(
    workspace: Workspace, files: Iterable[tuple[str, bytes]], *, actor: str, at: datetime
) -> Intake:
    """Return the answer to every open order of these files, oldest first.

    Rows are of the table orders, or of a marketplace's report of orders. Lines shipped,
    delivered, cancelled or returned are passed over. The same order again gives the same answer.

    Raises
    ------
    DataError
        If anything is wrong with any row; then no order is taken.
    """
    loads = [read_file(name, content) for name, content in files]
    problems = [
        problem for load in loads for problem in load.problems if problem.severity == "error"
    ]
    problems += [_no_orders(load) for load in loads if load.accepted and not _orders_in(load)]
    if problems:
        raise DataError(problems)
    frames = [load.tables["orders"] for load in loads]
    rows = [row for frame in frames for row in frame.iter_rows(named=True)]
    asked = [row for row in rows if row["status"] in OPEN]
    problems = list(_unknown(workspace, asked, at))
    orders: dict[str, list[dict[str, Any]]] = {}
    for row in asked:
        orders.setdefault(row["order"], []).append(row)
    for lines in orders.values():
        lines.sort(key=lambda row: row["line"])
    problems += _clashing(workspace, orders, at)
    if problems:
        raise DataError(problems)
    ordered = sorted(orders.items(), key=lambda pair: (pair[1][0]["ordered_at"], pair[0]))
    taken = [
        take_order(
            workspace,
            [{name: row[name] for name in ASKED} for row in lines],
            actor=actor,
            at=at,
            order=name,
            channel=lines[0]["channel"],
            postal_code=lines[0]["ship_postal_code"] or "",
        )
        for name, lines in ordered
    ]
    return Intake(taken=tuple(taken), passed_over=len(rows) - len(asked))


def _orders_in(load: Loaded) -> bool:
    return "orders" in load.tables


def _no_orders(load: Loaded) -> Problem:
    return Problem(
        table="orders",
        file=load.name,
        code="no_orders",
        message=f"holds no orders but {', '.join(sorted(load.tables)) or 'nothing'}; "
        "`fivefold import` takes other tables",
    )


def _problem(row: dict[str, Any], column: str, code: str, message: str) -> Problem:
    return Problem(
        table="orders",
        file=row["_file"],
        row=row["_row"],
        key=row["order"],
        column=column,
        code=code,
        message=message,
    )


def _unknown(
    workspace: Workspace, rows: Sequence[dict[str, Any]], at: datetime
) -> Iterator[Problem]:
    """Yield items and channels nobody knows, and lines that ask for nothing."""
    dataset = workspace.dataset(as_of=at.date())
    items = set(dataset["items"]["item"].to_list())
    channels = dataset["channels"]["channel"].to_list()
    for row in rows:
        if row["item"] not in items:
            yield _problem(
                row, "item", "unknown", f"found {row['item']!r}, which is no item; correct it"
            )
        if row["channel"] not in channels:
            known = ", ".join(channels)
            yield _problem(
                row, "channel", "unknown", f"found {row['channel']!r}, expected one of {known}"
            )
        if row["quantity"] < 1:
            yield _problem(
                row, "quantity", "minimum", f"found {row['quantity']}, expected 1 or more"
            )


def _clashing(
    workspace: Workspace, orders: dict[str, list[dict[str, Any]]], at: datetime
) -> list[Problem]:
    """Return orders whose number stands for something else, or that have left already."""
    found = []
    before = {order: record.asked for order, record in order_records(workspace).items()}
    imported = workspace.imported()["orders"]
    gone = set(imported.filter(~pl.col("status").is_in(OPEN))["order"].to_list())
    for name, lines in orders.items():
        first = lines[0]
        if len({row["channel"] for row in lines}) > 1:
            found.append(
                _problem(first, "channel", "mixed", "an order is of one channel; split it")
            )
        now = [(row["item"], row["quantity"], row["channel"]) for row in lines]
        if name in before and before[name] != now:
            told = ", ".join(f"{units} × {item} by {by}" for item, units, by in before[name])
            found.append(
                _problem(
                    first, "order", "conflict",
                    f"was taken before with other lines ({told}); give the new one another number",
                )
            )  # fmt: skip
        elif name not in before and name in gone:
            found.append(
                _problem(
                    first, "order", "gone",
                    "was imported as shipped or cancelled; take the row out of the file",
                )
            )  # fmt: skip
    return found
