"""Suppliers: where each purchase order stands, what comes next, and how suppliers did."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from fivefold.cycle.purchase_orders import all_orders, states
from fivefold.cycle.sourcing import scores
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State


def order_states(state: State, query: Mapping[str, str]) -> Grid:
    """Return purchase orders with their state and their next step, what is to be done first."""
    frame = states_frame(state)
    first = (
        column("order", "Order", width=250, why=True),
        column("name", "Supplier", width=190),
        column("state", "State", width=110),
        column("next_step", "Next step", width=150),
    )
    return Grid(
        name="purchase_order_states",
        frame=frame,
        key="order",
        sign=state.sign,
        sort="expected_on",
        columns=schema_columns("purchase_order_states", frame, first=first, hidden=("supplier",)),
    )


def states_frame(state: State) -> pl.DataFrame:
    """Return purchase orders proposed or placed here, those that have ended last."""
    known = state.once("purchase_orders", lambda: all_orders(state.workspace))
    frame = states(known.values())
    return frame.with_columns(name=pl.col("supplier").replace(state.places)).sort(
        pl.col("next_step") == "", "expected_on", maintain_order=True
    )


def supplier_scores(state: State, query: Mapping[str, str]) -> Grid:
    """Return how suppliers did over a year."""
    frame = scores_frame(state)
    first = (
        column("supplier", "Supplier", width=120, why=True),
        column("name", "Name", width=200),
        column("next_step", "Next step", width=190),
    )
    return Grid(
        name="supplier_scores",
        frame=frame,
        key="supplier",
        sign=state.sign,
        sort="otif_share",
        columns=schema_columns("supplier_scores", frame, first=first),
    )


def scores_frame(state: State) -> pl.DataFrame:
    """Return the scores of suppliers that delivered within a year."""
    found = state.once(
        "supplier_scores", lambda: scores(state.workspace, as_of=state.today)["supplier_scores"]
    )
    return found.with_columns(name=pl.col("supplier").replace(state.places))
