"""How a Seller Central report is written: its columns, tabs, line ends and encodings."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import polars as pl

Encoding = Literal["utf-8", "utf-8-sig", "cp1252"]

ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
INVENTORY = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
PLANNING = "GET_FBA_INVENTORY_PLANNING_DATA"
RESTOCK = "GET_RESTOCK_INVENTORY_RECOMMENDATIONS_REPORT"
LEDGER_DETAIL = "GET_LEDGER_DETAIL_VIEW_DATA"
LEDGER_SUMMARY = "GET_LEDGER_SUMMARY_VIEW_DATA"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
ESTIMATED_FEES = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"
STORAGE_FEES = "GET_FBA_STORAGE_FEE_CHARGES_DATA"
SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
REIMBURSEMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
RESERVED = "GET_RESERVED_INVENTORY_DATA"
FEEDBACK = "GET_SELLER_FEEDBACK_DATA"


@cache
def report_columns(report: str, *, later: bool = False) -> tuple[str, ...]:
    """Return the columns of a report in order, with those seen later where asked for.

    Raises
    ------
    KeyError
        If the report is not one of those written here.
    """
    text = (files("fivefold.twin.companies") / "report_columns.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if row["report"] == report]
    if not rows:
        raise KeyError(f"there are no columns for report {report!r}")
    return tuple(row["column"] for row in rows if later or row["seen_later"] == "no")


def write_report(
    directory: Path,
    report: str,
    frame: pl.DataFrame,
    *,
    name: str = "",
    later: bool = False,
    without: tuple[str, ...] = (),
    extra: tuple[str, ...] = (),
    encoding: Encoding = "utf-8",
    decimals: int = 2,
) -> Path:
    """Write a report and return its path; columns the frame lacks stay empty.

    Parameters
    ----------
    directory : Path
        Where it goes.
    report : str
        Report type, the start of the file's name.
    frame : polars.DataFrame
        Columns named as in the report, in any order.
    name : str
        What follows the report type in the file's name.
    later : bool
        Write the newer layout, with columns seen later.
    without, extra : tuple of str
        Columns left out and columns added at the end.
    encoding : {'utf-8', 'utf-8-sig', 'cp1252'}
        Seller Central mixes them.
    decimals : int
        Digits after the point of every number that is not whole.

    Raises
    ------
    ValueError
        If the frame has a column the report does not know.
    """
    columns = [c for c in report_columns(report, later=later) if c not in without] + list(extra)
    unknown = sorted(set(frame.columns) - set(columns) - set(without))
    if unknown:
        raise ValueError(f"{report} has no columns {unknown}")
    ordered = frame.select(
        pl.col(c) if c in frame.columns else pl.lit(None, pl.String).alias(c) for c in columns
    )
    text = ordered.write_csv(
        separator="\t", quote_style="never", line_terminator="\r\n", float_precision=decimals
    )
    path = directory / f"{report}{'_' + name if name else ''}.txt"
    path.write_bytes(text.encode(encoding))
    return path


def iso_instant(column: str) -> pl.Expr:
    """Return an instant column as Amazon prints it in most reports."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def american_date(day: date) -> str:
    """Return a date as the ledger prints it.

    >>> american_date(date(2026, 9, 20))
    '09/20/2026'
    """
    return day.strftime("%m/%d/%Y")
