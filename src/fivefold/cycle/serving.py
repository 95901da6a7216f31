"""What could be promised, who is served from where, and into which boxes it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from fivefold.cycle.documents import ORDER_TAKEN
from fivefold.cycle.order_records import waiting_rows
from fivefold.cycle.ordering import channel_of, order_rows, planned
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.alternatives import CompareParams, compare_places
from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.deliver.substitution import offer_substitutes
from fivefold.deliver.warehouse.packing import Box, Packed, Thing, choose_boxes
from fivefold.errors import NotFoundError
from fivefold.model import Outcome, schema

#: Name under which a question is asked; no order can be taken under it.
QUESTION = "QUESTION"
#: Rounds in which the orders of a wave are looked at together.
WAVE_ROUNDS = 20


def quote(
    workspace: Workspace,
    lines: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    channel: str = "",
    postal_code: str = "",
    confidence_share: float = 0.95,
) -> Outcome:
    """Return what a customer would be promised now; nothing is reserved.

    Those who wait are served first, as they would be. `promise_options` are the places that
    could serve each line, `substitution_offers` what could take the place of what is short.

    Raises
    ------
    NotFoundError
        If an item or the channel is not known.
    """
    dataset = workspace.dataset(as_of=at.date())
    rows = order_rows(dataset, lines, QUESTION, channel_of(dataset, channel), postal_code, at)
    known = dataset.with_tables(
        orders=schema("orders").frame([*waiting_rows(workspace, dataset), *rows]),
        **planned(workspace),
    )
    params = SourcingParams(confidence_share=confidence_share)
    found = source_orders(known, params, as_of=at.date())
    mine = found["promises"].filter(pl.col("order") == QUESTION)
    options = compare_places(
        known.with_tables(orders=_with_places(known["orders"], mine)),
        CompareParams(order=QUESTION, sourcing=params),
        as_of=at.date(),
    )
    offers = offer_substitutes(known.with_tables(promises=mine), as_of=at.date())
    reasons = (
        found.explanations if found.explanations is not None else schema("explanations").empty()
    )
    return Outcome(
        tables={"promises": mine, **options.tables, **offers.tables},
        status="infeasible" if (mine["basis"] == "none").all() else "feasible",
        objective=float(mine["cost"].sum()),
        explanations=reasons.filter(pl.col("subject").str.starts_with(f"promise:{QUESTION}:")),
    )


def _with_places(orders: pl.DataFrame, promises: pl.DataFrame) -> pl.DataFrame:
    """Return order rows with the place each is promised from, that of most units."""
    first = (
        promises.filter(pl.col("location").is_not_null())
        .sort("quantity", descending=True, maintain_order=True)
        .unique(["order", "line"], keep="first", maintain_order=True)
        .select("order", "line", chosen="location")
    )
    return (
        orders.join(first, on=["order", "line"], how="left", maintain_order="left")
        .with_columns(location=pl.coalesce("chosen", "location"))
        .drop("chosen")
    )


def source_open(workspace: Workspace, *, at: datetime) -> Outcome:
    """Return where every open order line is served from as things stand: a wave before release.

    Lines that wait stand with what is not reserved yet; imported open orders whole. Nothing
    is written.
    """
    dataset = workspace.dataset(as_of=at.date())
    waiting = waiting_rows(workspace, dataset)
    taken = {row["order"] for row in waiting} | _taken_here(workspace)
    imported = dataset["orders"].filter(
        pl.col("status").is_in(["pending", "open"]) & ~pl.col("order").is_in(list(taken))
    )
    rows = [*imported.select(schema("orders").names).to_dicts(), *waiting]
    return source_orders(
        dataset.with_tables(orders=schema("orders").frame(rows), **planned(workspace)),
        SourcingParams(wave_rounds=WAVE_ROUNDS),
        as_of=at.date(),
    )


def _taken_here(workspace: Workspace) -> set[str]:
    return {fact.subject for fact in workspace.recorded(ORDER_TAKEN)}


def pack_items(
    workspace: Workspace, quantities: Mapping[str, int], boxes: Sequence[Box], *, at: datetime
) -> tuple[list[Packed], list[str]]:
    """Return the boxes units go into, with the place of each, and what fits in none.

    Raises
    ------
    NotFoundError
        If an item is not known, or its sides are not.
    """
    items = workspace.dataset(as_of=at.date())["items"]
    things = []
    for item, units in sorted(quantities.items()):
        row = items.filter(pl.col("item") == item)
        if row.height == 0:
            raise NotFoundError(f"there is no item {item!r}")
        found = row.row(0, named=True)
        sides = tuple(found[name] for name in ("length_cm", "width_cm", "height_cm"))
        if any(side is None for side in sides):
            raise NotFoundError(f"the sides of {item!r} are not known; import them with the items")
        things.append(
            Thing(
                name=item,
                sides_cm=sides,
                weight_kg=found["weight_kg"] or 0.0,
                quantity=units,
                fragile=bool(found["fragile"]),
            )
        )
    return choose_boxes(things, boxes)
