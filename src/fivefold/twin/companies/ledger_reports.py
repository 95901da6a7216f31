"""Amazon's inventory ledger: every movement, and the daily balances they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.twin.companies.catalogue import Ints
from fivefold.twin.companies.history import History
from fivefold.twin.companies.network import CENTRES
from fivefold.twin.companies.order_lines import named
from fivefold.twin.companies.report_files import (
    LEDGER_DETAIL,
    LEDGER_SUMMARY,
    american_date,
    write_report,
)
from fivefold.twin.companies.stock import ADJUSTMENTS, DISPOSITIONS, EVENT_TYPES

#: The detail view reaches back seven months, the summary eighteen.
DETAIL_DAYS, SUMMARY_DAYS = 213, 548
#: Column of the summary each event type and adjustment code falls in.
SUMMARY_COLUMNS = (
    "Receipts",
    "Customer Shipments",
    "Customer Returns",
    "Vendor Returns",
    "Warehouse Transfer In/Out",
    "Found",
    "Lost",
    "Damaged",
)
_COLUMN_OF_TYPE = (0, 1, 2, -1, 4, 3)
_COLUMN_OF_REASON = (-1, 6, 5, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """Daily sums of movements and the balances after them, from day 0 on.

    `moved` has shape (n_columns, n_days, n_finished, n_dispositions), `closing` (n_days,
    n_finished, n_dispositions); `transit` (n_days, n_finished) are units between centres.
    """

    moved: NDArray[np.int32]
    closing: NDArray[np.int32]
    transit: NDArray[np.int32]


def make_balances(history: History) -> Balances:
    """Return the daily balances that the events add up to."""
    events, n = history.events, history.catalogue.finished
    shape = (len(SUMMARY_COLUMNS), history.days, n, len(DISPOSITIONS))
    column = np.array(_COLUMN_OF_TYPE)[events["kind"]]
    adjusted = events["kind"] == ADJUSTMENTS
    column[adjusted] = np.array(_COLUMN_OF_REASON)[events["reason"][adjusted]]
    moved = np.zeros(shape, np.int32)
    place = (column, events["day"], events["item"], events["disposition"])
    np.add.at(moved, place, events["quantity"].astype(np.int32))
    closing = moved.sum(axis=0, dtype=np.int32).cumsum(axis=0, dtype=np.int32)
    closing[:, :, 0] += history.opening.sum(axis=1).astype(np.int32)
    transit = -moved[SUMMARY_COLUMNS.index("Warehouse Transfer In/Out"), :, :, 0].cumsum(
        axis=0, dtype=np.int32
    )
    return Balances(moved=moved, closing=closing, transit=transit)


def write_ledger(directory: Path, history: History, balances: Balances) -> list[Path]:
    """Write the detail view of seven months and the daily summary of eighteen."""
    first = max(0, history.days - DETAIL_DAYS)
    detail = write_report(
        directory, LEDGER_DETAIL, _detail(history, first), name=f"{history.day(first):%Y%m%d}"
    )
    first = max(0, history.days - SUMMARY_DAYS)
    frame = _summary(history, balances, first)
    summary = write_report(directory, LEDGER_SUMMARY, frame, name=f"{history.day(first):%Y%m%d}")
    return [detail, summary]


def _item_columns(history: History, item: Ints) -> dict[str, pl.Series]:
    """Return the four columns that name an item, one entry an entry of `item`."""
    catalogue = history.catalogue
    n = range(catalogue.finished)
    return {
        "FNSKU": named([catalogue.fnsku(i) for i in n], item),
        "ASIN": named([catalogue.asin(i) for i in n], item),
        "MSKU": named(catalogue.item, item),
        "Title": named(catalogue.title, item),
    }


def _detail(history: History, first: int) -> pl.DataFrame:
    """Return the movements from day `first` on, newest first as Amazon sorts them."""
    events = history.events
    rows = np.flatnonzero((events["day"] >= first) & (events["day"] < history.days))[::-1]
    chosen = {name: values[rows] for name, values in events.items()}
    numbers = np.array([s.number for s in history.stock.shipments] + [0])
    reference = [f"FBA15K{numbers[r]:07d}" if r >= 0 else "" for r in chosen["reference"].tolist()]
    days = [american_date(history.day(d)) for d in range(history.days)]
    instants = [f"{history.day(d)}T12:00:00+0000" for d in range(history.days)]
    lost = chosen["reason"] == 1
    return pl.DataFrame(
        {
            "Date": named(days, chosen["day"]),
            **_item_columns(history, chosen["item"]),
            "Event Type": named(list(EVENT_TYPES), chosen["kind"]),
            "Reference ID": reference,
            "Quantity": chosen["quantity"],
            "Fulfillment Center": named(list(CENTRES), chosen["centre"]),
            "Disposition": named(list(DISPOSITIONS), chosen["disposition"]),
            "Reason": named(history.stock.log.reasons, chosen["reason"]),
            "Country": pl.repeat("US", len(rows), eager=True),
            "Reconciled Quantity": np.where(lost, 0, np.abs(chosen["quantity"])),
            "Unreconciled Quantity": np.where(lost, np.abs(chosen["quantity"]), 0),
            "Date and Time": named(instants, chosen["day"]),
        }
    )


def _summary(history: History, balances: Balances, first: int) -> pl.DataFrame:
    """Return the balances a day, item and disposition for the country.

    A sellable row stands for every day since the item first came to FBA, also when nothing
    is there; another disposition only where it has or moves units.
    """
    moved, closing = balances.moved[:, first:], balances.closing[first:]
    opening = np.concatenate(
        [balances.closing[first - 1 : first], closing[:-1]]
        if first
        else [_opening(history)[None], closing[:-1]]
    )
    touched = (closing != 0) | (opening != 0) | (moved != 0).any(axis=0)
    known = np.maximum.accumulate(touched[:, :, 0], axis=0)
    touched[:, :, 0] = known
    day, item, state = np.nonzero(touched)
    days = [american_date(history.day(first + d)) for d in range(closing.shape[0])]
    place = (day, item, state)
    sellable = state == 0
    transit = balances.transit[first:]
    return pl.DataFrame(
        {
            "Date": named(days, day),
            **_item_columns(history, item),
            "Disposition": named(list(DISPOSITIONS), state),
            "Starting Warehouse Balance": opening[place],
            "In Transit Between Warehouses": np.where(sellable, transit[day, item], 0),
            **{name: moved[(k, *place)] for k, name in enumerate(SUMMARY_COLUMNS)},
            "Disposed": np.zeros(len(day), np.int32),
            "Other Events": np.zeros(len(day), np.int32),
            "Ending Warehouse Balance": closing[place],
            "Unknown Events": np.zeros(len(day), np.int32),
            "Location": pl.repeat("US", len(day), eager=True),
        }
    )


def _opening(history: History) -> NDArray[np.int32]:
    """Return the balances before day 0, shape (n_finished, n_dispositions)."""
    start = np.zeros((history.catalogue.finished, len(DISPOSITIONS)), np.int32)
    start[:, 0] = history.opening.sum(axis=1)
    return start
