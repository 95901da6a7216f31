"""Money as tables: balances, contribution, what is accrued, and how each cent got there.

Reads a journal, writes nothing. Amounts are whole minor units; debits are positive in
balances, and income is positive in contributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from fivefold.ledger.accounts import ACCOUNTS
from fivefold.ledger.log import legs_frame

if TYPE_CHECKING:
    from fivefold.ledger.journal import Journal

_DIMENSIONS = ("account", "currency", "fee_type", "item", "channel", "location")

#: Accounts of income and expense in the order of a contribution statement.
FLOWS: tuple[str, ...] = tuple(
    account for account, (side, _) in ACCOUNTS.items() if side in ("income", "expense")
)


def balances(journal: Journal) -> pl.DataFrame:
    """Return every balance: account, currency, fee_type, item, channel, location, amount_minor."""
    with journal.reading() as books:
        keys, money = books.money_keys[:], books.money[:]
    data: dict[str, list[object]] = {
        name: [key[at] for key in keys] for at, name in enumerate(_DIMENSIONS)
    }
    types: dict[str, type[pl.DataType]] = dict.fromkeys(_DIMENSIONS, pl.String)
    return pl.DataFrame(
        {**data, "amount_minor": money}, schema={**types, "amount_minor": pl.Int64}
    ).sort(_DIMENSIONS)


def trial_balance(journal: Journal) -> pl.DataFrame:
    """Return one row an account and currency; the amounts of a currency sum to zero.

    Returns
    -------
    DataFrame, columns account, side, currency, amount_minor
        In the order of the chart.
    """
    order = {account: number for number, account in enumerate(ACCOUNTS)}
    sides = {account: side for account, (side, _) in ACCOUNTS.items()}
    return (
        balances(journal)
        .group_by("account", "currency")
        .agg(pl.col("amount_minor").sum())
        .with_columns(
            side=pl.col("account").replace_strict(sides, return_dtype=pl.String),
            place=pl.col("account").replace_strict(order, return_dtype=pl.Int64),
        )
        .sort("currency", "place")
        .select("account", "side", "currency", "amount_minor")
    )


def account_balance(journal: Journal, account: str, currency: str | None = None) -> int:
    """Return the balance of an account, in the books' own currency unless another is named.

    Raises
    ------
    ValueError
        If the account is not in the chart.
    """
    if account not in ACCOUNTS:
        raise ValueError(f"account {account!r} is not in the chart")
    with journal.reading() as books:
        wanted = (account, currency or books.currency)
        return sum(
            amount
            for key, amount in zip(books.money_keys, books.money, strict=True)
            if key[:2] == wanted
        )


def contribution(journal: Journal, by: str | Sequence[str] = "item") -> pl.DataFrame:
    """Return what each item, channel or order brought and cost, and what remains.

    Parameters
    ----------
    journal : Journal
    by : str or sequence of {'item', 'channel', 'order'}
        By item and channel it is read from balances; by order the log is folded.

    Returns
    -------
    DataFrame, columns by…, currency, one an account of income or expense, contribution_minor
        Income positive, cost negative, so that the columns of a row sum to its
        contribution. What is not kept by a dimension stands under "".

    Raises
    ------
    ValueError
        If a dimension is not known.
    """
    keys = [by] if isinstance(by, str) else list(by)
    unknown = sorted(set(keys) - {"item", "channel", "order"})
    if unknown or not keys:
        raise ValueError(f"by must name item, channel or order, found {unknown or by!r}")
    flows = legs_frame(journal) if "order" in keys else balances(journal)
    flows = flows.filter(pl.col("account").is_in(FLOWS))
    columns = [
        (-pl.col("amount_minor").filter(pl.col("account") == account).sum()).alias(account)
        for account in FLOWS
    ]
    return (
        flows.group_by(*keys, "currency")
        .agg(*columns, contribution_minor=-pl.col("amount_minor").sum())
        .sort(*keys, "currency")
    )


def fees(journal: Journal, by: str | Sequence[str] = "item") -> pl.DataFrame:
    """Return fees by the marketplace's own type: by…, currency, account, fee_type, amount_minor.

    Storage, carriage and advertising that name a type are among them; a cost is positive.

    Raises
    ------
    ValueError
        If a dimension is not known.
    """
    keys = [by] if isinstance(by, str) else list(by)
    if not set(keys) <= {"item", "channel", "order"}:
        raise ValueError(f"by must name item, channel or order, found {by!r}")
    flows = legs_frame(journal) if "order" in keys else balances(journal)
    expense = [account for account in FLOWS if ACCOUNTS[account][0] == "expense"]
    return (
        flows.filter(pl.col("account").is_in(expense) & (pl.col("fee_type") != ""))
        .group_by(*keys, "currency", "account", "fee_type")
        .agg(pl.col("amount_minor").sum())
        .sort(*keys, "currency", "account", "fee_type")
    )


def accrued(journal: Journal, order: str | None = None) -> pl.DataFrame:
    """Return what was booked at shipment and no settlement has replaced yet.

    Returns
    -------
    DataFrame, columns order, item, channel, account, fee_type, currency, amount_minor
        Signed as income: what `settlement_line` takes as `accrued_minor`. Their sum is
        the balance of marketplace_accrued.
    """
    legs = legs_frame(journal).filter(pl.col("against") == "marketplace_accrued")
    if order is not None:
        legs = legs.filter(pl.col("order") == order)
    keys = ("order", "item", "channel", "account", "fee_type", "currency")
    return (
        legs.group_by(keys)
        .agg(-pl.col("amount_minor").sum())
        .filter(pl.col("amount_minor") != 0)
        .sort(keys)
    )


def trace(
    journal: Journal,
    *,
    account: str | None = None,
    item: str | None = None,
    order: str | None = None,
    channel: str | None = None,
    fee_type: str | None = None,
) -> pl.DataFrame:
    """Return every leg that made up an amount, oldest first, with the account on its other side.

    The `amount_minor` of the rows sums to the balance of what was asked for.

    Raises
    ------
    ValueError
        If nothing is asked for.
    """
    wanted = {
        "account": account,
        "item": item,
        "order": order,
        "channel": channel,
        "fee_type": fee_type,
    }
    if all(value is None for value in wanted.values()):
        raise ValueError("trace needs an account, item, order, channel or fee type")
    found = legs_frame(journal)
    for column, value in wanted.items():
        if value is not None:
            found = found.filter(pl.col(column) == value)
    return found
