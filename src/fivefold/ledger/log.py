"""The log as tables: every command, event, posting and fact with its names instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from fivefold.ledger.journal import Journal

_INSTANT = pl.Datetime("us", "UTC")


def _names(keys: Sequence[tuple[str, ...]], columns: tuple[str, ...], prefix: str) -> pl.DataFrame:
    """Return account names by number, each column with a prefix."""
    data: dict[str, list[object]] = {prefix + "id": list(range(len(keys)))}
    for at, column in enumerate(columns):
        data[prefix + column] = [key[at] for key in keys]
    types: dict[str, pl.DataType | type[pl.DataType]] = {prefix + "id": pl.Int64}
    types |= {prefix + column: pl.String for column in columns}
    return pl.DataFrame(data, schema=types)


def commands_frame(journal: Journal) -> pl.DataFrame:
    """Return every command: seq, key, command_kind, actor, ref, channel, reverses, when."""
    with journal.reading() as books:
        last = books.command_seq
    rows = [row for row in journal.log.command_rows() if int(row[0]) <= last]  # type: ignore[call-overload]
    columns = {
        "seq": pl.Int64,
        "key": pl.String,
        "command_kind": pl.String,
        "actor": pl.String,
        "effective_us": pl.Int64,
        "ref": pl.String,
        "command_channel": pl.String,
        "reverses": pl.String,
        "recorded_us": pl.Int64,
    }
    picked = [
        (row[0], row[1], row[3], row[4], row[5], row[6], row[7], row[8], row[12]) for row in rows
    ]
    frame = pl.DataFrame(picked, schema=columns, orient="row")
    return frame.with_columns(
        effective_at=pl.col("effective_us").cast(_INSTANT),
        recorded_at=pl.col("recorded_us").cast(_INSTANT),
    ).drop("effective_us", "recorded_us")


def events_frame(journal: Journal) -> pl.DataFrame:
    """Return every movement of goods with from and to, the command that made it and when."""
    with journal.reading() as books:
        keys, last = books.place_keys[:], books.event_seq
    rows = journal.log.event_rows(1, last)
    types = dict.fromkeys(("event", "seq", "src_id", "dst_id", "quantity"), pl.Int64)
    frame = pl.DataFrame(rows, schema=types, orient="row")
    source = _names(keys, ("item", "lot", "kind", "location"), "src_")
    target = _names(keys, ("item", "lot", "kind", "location"), "dst_")
    return (
        frame.join(source, on="src_id", how="left", maintain_order="left")
        .join(target.drop("dst_item", "dst_lot"), on="dst_id", how="left", maintain_order="left")
        .join(commands_frame(journal), on="seq", how="left", maintain_order="left")
        .rename({"src_item": "item", "src_lot": "lot"})
        .select(
            "seq",
            "event",
            "key",
            "command_kind",
            "actor",
            "ref",
            "effective_at",
            "recorded_at",
            "item",
            "lot",
            "src_kind",
            "src_location",
            "dst_kind",
            "dst_location",
            "quantity",
        )
    )


def postings_frame(journal: Journal) -> pl.DataFrame:
    """Return every posting with both accounts and what each is kept by.

    `move` is the number of the movement a posting values, -1 where the command stated it,
    -2 the cost of what was made, -3 value taken out where no unit was left to carry it.
    """
    with journal.reading() as books:
        keys, last = books.money_keys[:], books.posting_seq
    types: dict[str, type[pl.DataType]] = {
        "posting": pl.Int64,
        "seq": pl.Int64,
        "debit_id": pl.Int64,
        "credit_id": pl.Int64,
        "amount_minor": pl.Int64,
        "order": pl.String,
        "move": pl.Int64,
    }
    frame = pl.DataFrame(journal.log.posting_rows(1, last), schema=types, orient="row")
    columns = ("account", "currency", "fee_type", "item", "channel", "location")
    for side in ("debit_", "credit_"):
        names = _names(keys, columns, side)
        frame = frame.join(names, on=side + "id", how="left", maintain_order="left")
    return (
        frame.join(commands_frame(journal), on="seq", how="left", maintain_order="left")
        .rename(
            {"debit_account": "debit", "credit_account": "credit", "debit_currency": "currency"}
        )
        .drop("debit_id", "credit_id", "credit_currency", "command_channel", "reverses")
    )


def legs_frame(journal: Journal) -> pl.DataFrame:
    """Return each leg of each posting: seq, account and what it is kept by, order, signed amount.

    Debits are positive; the legs of a currency sum to zero.
    """
    postings = postings_frame(journal)
    legs = []
    for side, sign in (("debit", 1), ("credit", -1)):
        legs.append(
            postings.select(
                "seq",
                "posting",
                "key",
                "command_kind",
                "effective_at",
                pl.col(side).alias("account"),
                "currency",
                pl.col(f"{side}_fee_type").alias("fee_type"),
                pl.col(f"{side}_item").alias("item"),
                "order",
                pl.col(f"{side}_channel").alias("channel"),
                pl.col(f"{side}_location").alias("location"),
                (sign * pl.col("amount_minor")).alias("amount_minor"),
                pl.col("credit" if side == "debit" else "debit").alias("against"),
            )
        )
    return pl.concat(legs).sort("posting", maintain_order=True)


def facts(journal: Journal, kind: str | None = None, subject: str | None = None) -> pl.DataFrame:
    """Return facts about documents in the order they were written, bodies as JSON text.

    Parameters
    ----------
    journal : Journal
    kind, subject : str, optional
        Only facts of this kind, about this document.
    """
    with journal.reading() as books:
        last = books.fact_seq
    types: dict[str, type[pl.DataType]] = {
        "fact": pl.Int64,
        "seq": pl.Int64,
        "kind": pl.String,
        "subject": pl.String,
        "body": pl.String,
    }
    frame = pl.DataFrame(journal.log.fact_rows(1, last), schema=types, orient="row")
    if kind is not None:
        frame = frame.filter(pl.col("kind") == kind)
    if subject is not None:
        frame = frame.filter(pl.col("subject") == subject)
    commands = commands_frame(journal).select(
        "seq", "key", "actor", "ref", "effective_at", "recorded_at"
    )
    return frame.join(commands, on="seq", how="left", maintain_order="left")
