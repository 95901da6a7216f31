"""What stands at the order desk: open orders with promise and outlook, and one order whole.

Reads what was promised, what is set aside, what could be done instead. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import Filled, company_rule, fill_backorders
from fivefold.cycle.order_records import (
    OrderRecord,
    order_record,
    order_records,
    waiting_rows,
)
from fivefold.cycle.ordering import OrderTaken, planned, take_order
from fivefold.cycle.resourcing import offers_of, options_of
from fivefold.cycle.retailing import retail_findings
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.allocation import ShareParams, share_out
from fivefold.deliver.alternatives import CompareParams, compare_places
from fivefold.deliver.order_sourcing import source_orders
from fivefold.errors import ConflictError, NotFoundError
from fivefold.model import Dataset, Outcome, schema

#: Channels whose orders a marketplace's own buildings serve: nothing of them is done here.
CLOSED = ("fba", "fba_onsite", "awd", "mcf")
OPEN = ("pending", "open")
_COLUMNS = {
    "order": pl.String(),
    "line": pl.Int64(),
    "state": pl.String(),
    "item": pl.String(),
    "quantity": pl.Int64(),
    "waiting": pl.Int64(),
    "value": pl.Float64(),
    "channel": pl.String(),
    "location": pl.String(),
    "ship_postal_code": pl.String(),
    "ordered_on": pl.Date(),
    "promised_on": pl.Date(),
    "expected_on": pl.Date(),
    "days_late": pl.Int64(),
    "on_time_share": pl.Float64(),
    "instead_of": pl.String(),
}


def open_lines(workspace: Workspace, dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return the open lines of own channels, those most late first: promise beside outlook.

    `state` is ready (set aside), waiting (promised on what comes), late (it will not be there by
    the day promised) or asked (imported and not promised yet). `expected_on` is the day it will
    be there as things stand.
    """
    closed = dataset["channels"].filter(pl.col("kind").is_in(CLOSED))["channel"]
    rows = dataset["orders"].filter(
        pl.col("status").is_in(OPEN)
        & ~pl.col("channel").is_in(closed.to_list())
        & (pl.col("quantity") > 0)
    )
    if rows.height == 0:
        return pl.DataFrame(schema=_COLUMNS)
    records = order_records(workspace)
    parts = _parts(workspace, dataset, rows, records, as_of)
    found = [
        _line(row, records.get(row["order"]), parts[row["order"], row["line"]])
        for row in rows.iter_rows(named=True)
    ]
    return pl.DataFrame(found, schema=_COLUMNS, orient="row").sort(
        "days_late", "promised_on", "order", "line", descending=[True, False, False, False],
        nulls_last=True,
    )  # fmt: skip


def _parts(
    workspace: Workspace,
    dataset: Dataset,
    rows: pl.DataFrame,
    records: Mapping[str, OrderRecord],
    as_of: date,
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return the parts of each line as they stand."""
    told = {
        (record.order, leg["line"], leg["location"]): leg
        for record in records.values()
        for leg in record.promised
    }
    later = _outlook(workspace, dataset, rows, records, as_of)
    return {
        (row["order"], row["line"]): outlook_legs(
            row, records.get(row["order"]), told, later, as_of
        )
        for row in rows.iter_rows(named=True)
    }


def _outlook(
    workspace: Workspace,
    dataset: Dataset,
    rows: pl.DataFrame,
    records: Mapping[str, OrderRecord],
    as_of: date,
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return where and when what waits, or was never promised, would be served, by line."""
    waiting = waiting_rows(workspace, dataset)
    names = schema("orders").names
    asked = rows.filter(~pl.col("order").is_in(list(records))).select(names).to_dicts()
    if not waiting and not asked:
        return {}
    known = dataset.with_tables(
        orders=schema("orders").frame([*waiting, *asked]), **planned(workspace)
    )
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for leg in source_orders(known, as_of=as_of)["promises"].iter_rows(named=True):
        found.setdefault((leg["order"], leg["line"]), []).append(leg)
    return found


def outlook_legs(
    row: Mapping[str, Any],
    record: OrderRecord | None,
    told: Mapping[tuple[str, int, str], Mapping[str, Any]],
    later: Mapping[tuple[str, int], list[dict[str, Any]]],
    as_of: date,
) -> list[dict[str, Any]]:
    """Return the parts of a line as they stand: place, units, when they leave and are there."""
    found = []
    left = {} if record is None else record.unshipped()
    for (line, place, _), units in left.items():
        if line != row["line"]:
            continue
        leg = told.get((row["order"], line, place))
        ship = _day(leg, "ship_on") or as_of
        there = _day(leg, "deliver_on") or row["promised_on"]
        wait = max(as_of - ship, timedelta(0))
        found.append(
            {
                "location": place,
                "units": units,
                "ship_on": ship + wait,
                "deliver_on": None if there is None else there + wait,
                "on_time_share": leg.get("on_time_share") if leg else None,
                "waits": False,
            }
        )
    for leg in later.get((row["order"], row["line"]), []):
        found.append(
            {
                "location": leg["location"],
                "units": leg["quantity"],
                "ship_on": leg["ship_on"],
                "deliver_on": leg["deliver_on"],
                "on_time_share": leg["on_time_share"],
                "waits": True,
            }
        )
    return found


def _day(leg: Mapping[str, Any] | None, name: str) -> date | None:
    """Return a day as a fact has it."""
    return date.fromisoformat(str(leg[name])) if leg and leg.get(name) else None


def _line(
    row: Mapping[str, Any], record: OrderRecord | None, legs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    never = not legs or any(leg["deliver_on"] is None for leg in legs)
    expected = None if never else max(leg["deliver_on"] for leg in legs)
    chances = [leg["on_time_share"] for leg in legs if leg["on_time_share"] is not None]
    waiting = sum(leg["units"] for leg in legs if leg["waits"])
    promised, price = row["promised_on"], row["unit_price"]
    late = (expected - promised).days if expected and promised else None
    state = "asked" if record is None else "waiting" if waiting else "ready"
    if record is not None and (late or 0) > 0:
        state = "late"
    return {
        **{name: row[name] for name in ("order", "line", "item", "quantity", "channel")},
        "state": state,
        "waiting": waiting,
        "value": None if price is None else price * row["quantity"],
        "location": " + ".join(dict.fromkeys(leg["location"] for leg in legs if leg["location"]))
        or None,
        "ship_postal_code": row["ship_postal_code"],
        "ordered_on": row["ordered_at"].date(),
        "promised_on": promised,
        "expected_on": expected,
        "days_late": late,
        "on_time_share": min(chances, default=None),
        "instead_of": row["instead_of"],
    }


def kept(dataset: Dataset) -> dict[str, Any]:
    """Return how promises to customers of own channels were kept: days late, stated and kept.

    A line without a day of delivery counts by the day it left, and is told apart.
    """
    closed = dataset["channels"].filter(pl.col("kind").is_in(CLOSED))["channel"]
    lines = dataset["orders"].filter(
        pl.col("promised_on").is_not_null()
        & pl.col("shipped_on").is_not_null()
        & ~pl.col("channel").is_in(closed.to_list())
    )
    delivered = lines.filter(pl.col("delivered_on").is_not_null())
    late = (pl.col("delivered_on") - pl.col("promised_on")).dt.total_days()
    days = delivered.group_by(late.alias("days")).len("lines").sort("days")
    return {
        "delivered": delivered.height,
        "on_the_way": lines.height - delivered.height,
        "kept": delivered.filter(pl.col("delivered_on") <= pl.col("promised_on")).height,
        "days": dict(days.iter_rows()),
    }


def order_whole(workspace: Workspace, order: str, *, at: datetime) -> dict[str, Any]:
    """Return one order: lines, what is set aside, promise and outlook, places, substitutes, trail.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    """
    dataset = workspace.dataset(as_of=at.date())
    rows = dataset["orders"].filter(pl.col("order") == order).sort("line")
    if rows.height == 0:
        raise NotFoundError(f"there is no order {order!r}")
    record = order_records(workspace).get(order)
    closed = dataset["channels"].filter(pl.col("kind").is_in(CLOSED))["channel"].to_list()
    first = rows.row(0, named=True)
    own = first["channel"] not in closed
    live = rows.filter(pl.col("status").is_in(OPEN) & (pl.col("quantity") > 0) & pl.lit(own))
    records = {} if record is None else {order: record}
    parts = _parts(workspace, dataset, live, records, at.date()) if live.height else {}
    outlook = pl.DataFrame(
        [_line(row, record, parts[order, row["line"]]) for row in live.iter_rows(named=True)],
        schema=_COLUMNS,
        orient="row",
    )
    offers = schema("substitution_offers").empty()
    if record is None:
        options = _options_of_asked(workspace, dataset, outlook, at.date())
    else:
        options = options_of(workspace, dataset, record, at.date())
        offers = offers_of(workspace, dataset, order, at.date())
    return {
        "order": order,
        "state": _state(record, rows),
        "channel": first["channel"],
        "ordered_at": first["ordered_at"],
        "ship_postal_code": first["ship_postal_code"],
        "requested_by": first["requested_by"],
        "lines": [
            {
                **_whole_line(row, record, outlook),
                "parts": parts.get((order, row["line"]), []),
            }
            for row in rows.iter_rows(named=True)
        ],
        "promised": [] if record is None else record.promised,
        "options": options.to_dicts(),
        "offers": offers.to_dicts(),
        "parcels": dataset["parcels"].filter(pl.col("order") == order).to_dicts(),
        "routing": _routing(workspace, dataset, record, at),
        "trail": _trail(workspace, order),
        "may": _may(record, rows, own=own),
    }


def _options_of_asked(
    workspace: Workspace, dataset: Dataset, outlook: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Return the places that could serve an order nobody promised yet."""
    if outlook.height == 0:
        return schema("promise_options").empty()
    place = outlook.select("order", "line", "location")
    rows = dataset["orders"].drop("location").join(place, on=["order", "line"], how="inner")
    names = schema("orders").names
    wanted = [*waiting_rows(workspace, dataset), *rows.select(names).to_dicts()]
    known = dataset.with_tables(orders=schema("orders").frame(wanted), **planned(workspace))
    params = CompareParams(order=str(outlook["order"][0]))
    return compare_places(known, params, as_of=as_of)["promise_options"]


def _state(record: OrderRecord | None, rows: pl.DataFrame) -> str:
    if record is not None:
        return record.state
    states = rows["status"].unique().to_list()
    return str(states[0]) if len(states) == 1 else "mixed"


def _whole_line(
    row: Mapping[str, Any], record: OrderRecord | None, outlook: pl.DataFrame
) -> dict[str, Any]:
    own = outlook.filter(pl.col("line") == row["line"])
    seen = own.row(0, named=True) if own.height else {}
    held: dict[str, int] = {}
    kits = gone = 0
    if record is not None and row["line"] in record.lines:
        gone = record.shipped_units(row["line"])
        for (line, place, _), units in record.unshipped().items():
            if line == row["line"]:
                held[place] = held.get(place, 0) + units
                kits = kits + record.kit_units(line, place)
    return {
        **{
            name: row[name]
            for name in ("line", "item", "quantity", "unit_price", "promised_on", "status")
        },
        "instead_of": row["instead_of"],
        "shipped_on": row["shipped_on"],
        "delivered_on": row["delivered_on"],
        "held": held,
        "kits": kits,
        "shipped": gone,
        "waiting": seen.get("waiting", 0),
        "expected_on": seen.get("expected_on"),
        "days_late": seen.get("days_late"),
        "on_time_share": seen.get("on_time_share"),
    }


def _may(record: OrderRecord | None, rows: pl.DataFrame, *, own: bool) -> dict[str, bool]:
    """Return what can be done with an order now."""
    if not own:
        return dict.fromkeys(("reserve", "ship", "cancel", "move"), False)
    if record is None:
        asks = bool(rows["status"].is_in(OPEN).any())
        return {"reserve": asks, "ship": False, "cancel": False, "move": False}
    ready = bool(record.unshipped())
    waits = not record.cancelled and any(record.waiting(line) > 0 for line in record.lines)
    live = record.state not in ("cancelled", "shipped")
    return {"reserve": waits, "ship": ready, "cancel": live, "move": ready}


def _routing(
    workspace: Workspace, dataset: Dataset, record: OrderRecord | None, at: datetime
) -> list[dict[str, Any]]:
    """Return an order of a retailer against its routing guide, nothing for any other."""
    found = None if record is None else retail_findings(workspace, dataset, record, at=at)
    return [] if found is None else found["routing_findings"].to_dicts()


def _trail(workspace: Workspace, order: str) -> list[dict[str, Any]]:
    """Return what happened to an order, in the order in which it was written."""
    words = {
        documents.ORDER_TAKEN: "taken",
        documents.ORDER_RESERVED: "set aside later",
        documents.ORDER_MOVED: "served from another place",
        documents.ORDER_SUBSTITUTED: "another item in its place",
        documents.ORDER_ASSEMBLED: "kits put together",
        documents.ORDER_LABELLED: "labelled",
        documents.ORDER_ANNOUNCED: "announced",
        documents.ORDER_SHIPPED: "shipped",
        documents.ORDER_CUT: "rest not sent",
        documents.CHARGEBACK_TOLD: "chargeback booked",
        documents.ORDER_CANCELLED: "cancelled",
    }
    return [
        {"step": words[fact.kind], "seq": fact.seq, "on": fact.body.get("on")}
        for fact in workspace.recorded(*words)
        if fact.subject == order
    ]


def reserve_order(
    workspace: Workspace, order: str, *, actor: str, at: datetime
) -> OrderTaken | list[Filled]:
    """Return what was set aside for an order now.

    An imported order that nobody promised yet is taken, with one answer; of one that waits, what
    is free is set aside, those before it first.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it asks for nothing any more, or a marketplace serves it.
    """
    dataset = workspace.dataset(as_of=at.date())
    rows = dataset["orders"].filter(pl.col("order") == order).sort("line")
    if rows.height == 0:
        raise NotFoundError(f"there is no order {order!r}")
    kinds = dict(dataset["channels"].select("channel", "kind").iter_rows())
    channel = rows["channel"][0]
    if kinds.get(channel) in CLOSED:
        raise ConflictError(f"order {order!r} is served by the marketplace through {channel}")
    try:
        order_record(workspace, order)
    except NotFoundError:
        asked = rows.filter(pl.col("status").is_in(OPEN) & (pl.col("quantity") > 0))
        if asked.height == 0:
            raise ConflictError(f"order {order!r} asks for nothing any more") from None
        names = ("line", "item", "quantity", "unit_price", "priority")
        return take_order(
            workspace,
            asked.select(names).to_dicts(),
            actor=actor,
            at=at,
            order=order,
            channel=channel,
            postal_code=rows["ship_postal_code"][0] or "",
        )
    filled = fill_backorders(workspace, actor=actor, at=at)
    return [one for one in filled if one.order == order]


def compare_rules(
    workspace: Workspace, *, at: datetime, params: ShareParams | None = None
) -> Outcome:
    """Return who would get what of items that are short, by each rule; nothing is set aside."""
    dataset = workspace.dataset(as_of=at.date())
    rows = waiting_rows(workspace, dataset)
    found = share_out(
        dataset.with_tables(orders=schema("orders").frame(rows)), params, as_of=at.date()
    )
    return Outcome(
        tables=found.tables,
        status=found.status,
        objective=found.objective,
        explanations=found.explanations,
        notes={**found.notes, "rule": company_rule(dataset)},
    )


def told_of(done: OrderTaken | list[Filled]) -> dict[str, Any]:
    """Return what became of reserving an order, plainly."""
    if isinstance(done, OrderTaken):
        return {"status": done.status, "legs": list(done.legs), "offers": list(done.offers)}
    status = "ok" if done else "nothing_free"
    return {"status": status, "reserved": [asdict(one) for one in done]}
