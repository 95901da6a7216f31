"""The example seller's files: what Seller Central would give, and the company's workbook."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from fivefold.connect import write_workbook
from fivefold.twin.companies.company_tables import make_company_tables
from fivefold.twin.companies.feedback_report import write_feedback
from fivefold.twin.companies.history import History, make_history
from fivefold.twin.companies.inventory_reports import write_inventory, write_stock_advice
from fivefold.twin.companies.ledger_reports import make_balances, write_ledger
from fivefold.twin.companies.money_reports import write_money
from fivefold.twin.companies.order_lines import make_order_lines
from fivefold.twin.companies.order_reports import make_returns, write_orders, write_returns

AS_OF = date(2026, 11, 22)
WORKBOOK = "company.xlsx"

README = """\
SYNTHETIC. Every company, customer, order and figure in this folder is invented.

Made by fivefold.twin.companies.seller (seed {seed}, {items} items, {days} days up to {as_of}).
The .txt files carry the real headers of Seller Central reports, so that they read like real
ones; ASINs and FNSKUs (B0SYN..., X00SYN...) do not exist. company.xlsx holds what Amazon does
not know; its sheets are named after Fivefold's tables. Towns and ZIPs are real, the suppliers
are not, and duties are invented round figures.

Conventions: days are UTC days; a line before 17:00 ships the same day, later ones the next.
Days before the fee card of 2026 are charged by it too (older invoices are not imitated).
"""


def write_company(
    directory: Path,
    *,
    seed: int = 2026,
    items: int = 300,
    days: int = 730,
    as_of: date = AS_OF,
) -> list[Path]:
    """Write the files of an invented seller and return their paths.

    The same arguments give the same bytes.

    Parameters
    ----------
    directory : Path
        Made where it does not exist; files of the same name are replaced.
    seed : int
        Seed of all chance.
    items : int
        Finished goods; components and packaging come on top. Order lines grow with it.
    days : int
        Length of the record, ending the day before `as_of`.
    as_of : date
        Day the reports are pulled.

    Returns
    -------
    list of Path
        The files to load, in the order written. The README that says that all is invented
        lies beside them and is not among them.

    Raises
    ------
    ValueError
        If `items` is below 1 or `days` below 120.
    """
    history = make_history(seed=seed, items=items, days=days, as_of=as_of)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "README.md").write_text(
        README.format(seed=seed, items=items, days=days, as_of=as_of), encoding="utf-8"
    )
    lines = make_order_lines(history)
    returned = make_returns(history, lines)
    balances = make_balances(history)
    return [
        *write_orders(directory, history, lines),
        *write_returns(directory, returned),
        *write_feedback(directory, history, lines, returned),
        *write_inventory(directory, history),
        *write_stock_advice(directory, history),
        *write_ledger(directory, history, balances),
        *write_money(directory, history, lines, returned, balances),
        write_company_workbook(directory / WORKBOOK, history),
    ]


def write_company_workbook(path: Path, history: History) -> Path:
    """Write the company's own tables as one workbook, a sheet a table; return its path."""
    path.write_bytes(write_workbook(make_company_tables(history)))
    return path
