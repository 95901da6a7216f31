"""Books: every unit and every cent traced, and the proof that they add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.ledger import balances, log, money, verify
from fivefold.units import from_minor
from fivefold.web import words
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.state import State

TABS = (("", "Balances"), ("unit", "Trace a unit"), ("cent", "Trace a cent"), ("verify", "Verify"))


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    tab = query.get("tab", "")
    if query.get("order") or query.get("item"):
        tab = tab or "unit"
    journal = state.workspace.journal
    currency = state.dataset.setting("currency", "USD") or "USD"
    asked = query.get("order", "").strip(), query.get("item", "").strip()
    trial = money.trial_balance(journal).filter(pl.col("amount_minor") != 0)
    rows = [
        {
            "account": row["account"],
            "label": words.plain_name(row["account"]),
            "side": row["side"],
            "amount": float(from_minor(row["amount_minor"], row["currency"])),
        }
        for row in trial.iter_rows(named=True)
    ]
    return {
        "tab": tab if tab in {name for name, _ in TABS} else "",
        "tabs": TABS,
        "trial": rows,
        "total": sum(row["amount"] for row in rows),
        "commands": journal.seq,
        "account": query.get("account", ""),
        "accounts": [row["account"] for row in rows],
        "order": asked[0],
        "item": asked[1],
        "goods": goods_total(state) if tab in ("", "unit") else [],
        "steps": order_story(state, asked[0]) if asked[0] else None,
        "report": verified(state) if tab == "verify" and query.get("now") else None,
        "currency": currency,
    }


def goods_total(state: State) -> list[dict[str, Any]]:
    """Return units by kind of place; over all kinds an item sums to zero."""
    rows = balances.goods_frame(state.workspace.journal).group_by("kind").agg(pl.col("units").sum())
    return rows.filter(pl.col("units") != 0).sort("kind").to_dicts()


def order_story(state: State, order: str) -> dict[str, Any]:
    """Return what happened to an order: its facts, its goods and its money in order."""
    journal = state.workspace.journal
    told = log.facts(journal, subject=order).sort("seq").head(50)
    moves = balances.trace(journal, order=order)
    legs = money.trace(journal, order=order)
    by_account = (
        legs.filter(pl.col("account").is_in(list(money.FLOWS)))
        .group_by("account", "fee_type", maintain_order=True)
        .agg(-pl.col("amount_minor").sum())
    )
    currency = state.dataset.setting("currency", "USD") or "USD"
    flows = [
        (
            words.plain_name(row["fee_type"] or row["account"]),
            float(from_minor(row["amount_minor"], currency)),
        )
        for row in by_account.iter_rows(named=True)
    ]
    return {
        "facts": told.select("kind", "effective_at", "actor").to_dicts(),
        "moves": moves.head(100).to_dicts(),
        "flows": flows,
        "left": sum(value for _, value in flows),
        "lines": state.dataset["orders"].filter(pl.col("order") == order).head(20).to_dicts(),
        "is_known": told.height + moves.height + legs.height > 0,
    }


def verified(state: State) -> dict[str, Any]:
    """Return what folding the books anew from nothing finds."""
    report = verify.verify(state.workspace.journal)
    return {
        "ok": report.ok,
        "commands": report.commands,
        "events": report.events,
        "postings": report.postings,
        "goods_sum": report.goods_sum,
        "money_sum": report.money_sum,
        "chain_ok": report.chain_ok,
        "head": report.head,
        "problems": [str(problem) for problem in report.problems[:20]],
    }


def moves(state: State, query: Mapping[str, str]) -> Grid:
    """Return every movement of goods, those of an item or an order where one is named."""
    known = state.once("moves", lambda: log.events_frame(state.workspace.journal))
    frame = _asked(known, query, order="ref").with_columns(
        source=pl.concat_str(["src_kind", "src_location"], separator=" · ", ignore_nulls=True),
        target=pl.concat_str(["dst_kind", "dst_location"], separator=" · ", ignore_nulls=True),
        key_=pl.col("event").cast(pl.String),
    )
    return Grid(
        name="moves",
        frame=frame,
        key="key_",
        sign=state.sign,
        sort="-effective_at",
        columns=(
            column("effective_at", "When", "moment"),
            column("item", "Item", width=120),
            column("quantity", "Units", "count", width=80),
            column("source", "From", width=210),
            column("target", "To", width=210),
            column("command_kind", "By", width=150),
            column("ref", "Document", width=210),
            column("actor", "Who", width=130),
        ),
    )


def legs(state: State, query: Mapping[str, str]) -> Grid:
    """Return every posting's legs, of an account, an item or an order where one is named."""
    known = state.once("legs", lambda: log.legs_frame(state.workspace.journal))
    frame = _asked(known, query, order="order")
    if query.get("account"):
        frame = frame.filter(pl.col("account") == query["account"])
    frame = frame.with_columns(
        amount=pl.col("amount_minor") / 100.0, key_=pl.col("posting").cast(pl.String)
    )
    return Grid(
        name="legs",
        frame=frame,
        key="key_",
        sign=state.sign,
        sort="-effective_at",
        columns=(
            column("effective_at", "When", "moment"),
            column("account", "Account", "choice", width=190),
            column("against", "Against", "choice", width=190),
            column("amount", "Amount", "cents", width=110),
            column("fee_type", "Fee", "choice", width=190),
            column("item", "Item", width=110),
            column("order", "Order", width=190),
            column("command_kind", "By", width=150),
        ),
    )


def _asked(frame: pl.DataFrame, query: Mapping[str, str], *, order: str) -> pl.DataFrame:
    if query.get("order"):
        frame = frame.filter(pl.col(order) == query["order"])
    if query.get("item"):
        frame = frame.filter(pl.col("item") == query["item"])
    return frame
