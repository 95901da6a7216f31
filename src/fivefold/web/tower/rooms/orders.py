"""The room of orders: promise versus outlook, one order whole, the calculator, who gets what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.order_desk import CLOSED, compare_rules, kept, open_lines, order_whole
from fivefold.cycle.serving import quote
from fivefold.deliver.retail import RETAIL, score_retailers
from fivefold.deliver.zones import zip_place
from fivefold.errors import FivefoldError
from fivefold.web import words
from fivefold.web.charts import bars
from fivefold.web.drawing import Figure
from fivefold.web.promise_drawing import Journey, promise_line
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State

#: State of a line as the shape and colour of a status, and as words.
MARKS = {
    "late": ("stock-out", "late"),
    "waiting": ("at risk", "waits"),
    "asked": ("excess", "not promised"),
    "ready": ("healthy", "ready"),
}
#: State of an order the same way.
ORDER_MARKS = {
    "ready": ("healthy", "ready to ship"),
    "part_ready": ("at risk", "part of it waits"),
    "waiting": ("at risk", "waits for goods"),
    "part_shipped": ("at risk", "part of it has left"),
    "shipped": ("healthy", "shipped"),
    "delivered": ("healthy", "delivered"),
    "cancelled": ("excess", "cancelled"),
    "open": ("excess", "not promised"),
    "pending": ("excess", "not promised"),
}
SHOWN = 9
#: Rules of a routing guide whose code does not read as words.
RULES = {"no_asn": "No ship notice", "late_asn": "Late ship notice"}
TABS = (("", "Open orders"), ("ask", "Promise calculator"), ("share", "Shortage"))
MORE_TABS = (("retail", "Retailers"), ("all", "All"))
SURE = ("0.90", "0.95", "0.99")


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the room shows of the tab that is open."""
    tab = query.get("tab", "")
    retailers = state.dataset["channels"].filter(pl.col("kind") == RETAIL).height
    tabs = (*TABS, *(MORE_TABS if retailers else MORE_TABS[1:]))
    tab = tab if tab in dict(tabs) else ""
    lines = _open(state)
    own = state.dataset["channels"].filter(~pl.col("kind").is_in(CLOSED))
    told: dict[str, Any] = {
        "tab": tab,
        "tabs": tabs,
        "counts": dict(lines.group_by("state").len().iter_rows()),
        "open_value": float(lines["value"].sum()),
        "open_orders": lines["order"].n_unique(),
        "kept": state.once("kept", lambda: kept(state.dataset)),
        "today": state.today,
        "channels": own["channel"].sort().to_list() or state.dataset["channels"]["channel"],
        "asked": query,
        "answer": None,
        "chosen": None,
        "rows": [],
        "shares": None,
        "retailers": [],
        "guides": {},
        "chargebacks": [],
        "sure": SURE,
        "lines": state.dataset["orders"].height,
        "marks": MARKS,
    }
    told["kept_days"] = _kept_drawing(told["kept"])
    if tab == "":
        told |= _desk(state, lines, query)
    elif tab == "ask" and query.get("ask_item"):
        told["answer"] = promise(state, query)
    elif tab == "share":
        told["shares"] = _shares(state)
    elif tab == "retail":
        scored = score_retailers(state.dataset, as_of=state.today)["retail_scores"]
        told["retailers"] = scored.to_dicts()
        told["guides"] = {row["channel"]: row for row in state.dataset["routing_guides"].to_dicts()}
        booked = state.dataset["chargebacks"].sort("on", descending=True)
        told["chargebacks"] = [_ruled(row) for row in booked.to_dicts()]
        told["retailers"] = [
            {**row, "most": _ruled({"kind": row["most_kind"] or ""})["label"]}
            for row in told["retailers"]
        ]
    return told


def _open(state: State) -> pl.DataFrame:
    return state.once(
        "open_lines", lambda: open_lines(state.workspace, state.dataset, as_of=state.today)
    )


def _kept_drawing(told: Mapping[str, Any]) -> Any:
    """Return the chart of days early and late, None where nothing was delivered yet."""
    if not told["delivered"]:
        return None

    def name(days: int) -> str:
        if days == 0:
            return "On the day"
        return f"{words.many(abs(days), 'day')} {'late' if days > 0 else 'early'}"

    rows = [(name(int(days)), float(count)) for days, count in sorted(told["days"].items())]
    return lambda width: bars(title="Delivered lines by day against the promise", rows=rows,
                              width=width)  # fmt: skip


def _desk(state: State, lines: pl.DataFrame, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the orders that need a hand first, and the one that is chosen."""
    rank = pl.col("state").replace_strict(
        {"late": 0, "waiting": 1, "asked": 2, "ready": 3}, default=4
    )
    firsts = (
        lines.with_columns(rank=rank)
        .sort("rank", "days_late", "promised_on", "order", descending=[False, True, False, False],
              nulls_last=True)
        .group_by("order", maintain_order=True)
        .agg(
            pl.col("state").first(),
            pl.col("item").first(),
            pl.col("promised_on").max(),
            pl.col("expected_on").max(),
            pl.col("days_late").max(),
            pl.col("value").sum(),
            pl.col("ship_postal_code").first(),
            units=pl.col("quantity").sum(),
            lines=pl.len(),
        )
    )  # fmt: skip
    rows = [
        {
            **row,
            "title": state.title(row["item"]),
            "to": zip_place(row["ship_postal_code"]) if row["ship_postal_code"] else "",
        }
        for row in firsts.head(SHOWN).iter_rows(named=True)
    ]
    name = query.get("order", "") or (rows[0]["order"] if rows else "")
    chosen = one_order(state, name) if name else None
    return {"rows": rows, "more": max(0, firsts.height - SHOWN), "chosen": chosen}


def one_order(state: State, name: str) -> dict[str, Any]:
    """Return an order as the panel shows it, or the problem with it."""
    try:
        found = order_whole(state.workspace, name, at=at_noon(state.today))
    except FivefoldError as error:
        return {"problem": str(error), "order": name}
    lines = [
        {**row, "title": state.title(row["item"]), "late": (row["days_late"] or 0) > 0}
        for row in found["lines"]
    ]
    status, said = ORDER_MARKS.get(found["state"], ("at risk", words.plain_name(found["state"])))
    if any(row["late"] for row in lines):
        status, said = "stock-out", "late against its promise"
    promised = [row["promised_on"] for row in lines if row["promised_on"]]
    to = found["ship_postal_code"]
    return {
        **found,
        "problem": "",
        "lines": lines,
        "status": status,
        "said": said,
        "to": " ".join(part for part in (zip_place(to), to) if part) if to else "",
        "value": sum((row["unit_price"] or 0.0) * row["quantity"] for row in lines),
        "reasons": [_reason(leg) for leg in found["promised"]],
        "routing": [_ruled(row) for row in found["routing"]],
        "routing_cost": sum(row["chargeback"] or 0.0 for row in found["routing"]),
        "routing_broken": sum(not row["passes"] for row in found["routing"]),
        "draw": _drawn(found, lines, state.today, max(promised, default=None)),
    }


def _ruled(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row about a rule with the rule in words."""
    todo = str(row.get("to_do") or "").replace("`", "")
    return {**row, "label": RULES.get(row["kind"], words.plain_name(row["kind"])), "to_do": todo}


def _reason(leg: Mapping[str, Any]) -> dict[str, str]:
    return {"kind": f"Line {leg['line']}", "text": str(leg.get("because") or "")}


def _drawn(
    found: Mapping[str, Any], lines: list[dict[str, Any]], today: date, promised: date | None
) -> Any:
    """Return the drawing of an order's days, None where nothing is to come."""
    journeys = [
        Journey(
            label=f"{part['units']} {'to come' if part['waits'] else 'from ' + part['location']}",
            ship_on=part["ship_on"],
            deliver_on=part["deliver_on"],
            waits=part["waits"],
        )
        for row in lines
        for part in row["parts"]
    ]
    if not journeys:
        return None
    ordered = found["ordered_at"].date()

    def draw(width: int) -> Figure:
        return promise_line(
            journeys[:6], ordered_on=ordered, today=today, promised_on=promised, width=width
        )

    return draw


def promise(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return when and from where units could be promised; nothing is reserved."""
    item, units = query.get("ask_item", "").strip(), query.get("ask_units", "1")
    if not units.isdigit() or int(units) == 0:
        return {"problem": f"{units!r} is not a whole number above 0."}
    sure = query.get("ask_sure", "0.95")
    try:
        found = quote(
            state.workspace,
            [{"item": item, "quantity": int(units)}],
            at=at_noon(state.today),
            channel=query.get("ask_channel", ""),
            postal_code=query.get("ask_zip", "").strip(),
            confidence_share=float(sure) if sure in SURE else 0.95,
        )
    except FivefoldError as error:
        return {"problem": f"{error}; search finds its number."}
    legs = found["promises"].sort("leg").to_dicts()
    journeys = [
        Journey(
            label=f"{leg['quantity']} from {leg['location']}" if leg["location"]
            else f"{leg['quantity']} of it",
            ship_on=leg["ship_on"],
            deliver_on=leg["deliver_on"],
            waits=leg["basis"] not in ("on_hand", "components"),
        )
        for leg in legs
    ]  # fmt: skip
    days = [leg["deliver_on"] for leg in legs]
    to = query.get("ask_zip", "").strip()
    return {
        "problem": "",
        "legs": legs,
        "title": state.title(item),
        "units": int(units),
        "last": max(days) if days and all(days) else None,
        "to": " ".join(part for part in (zip_place(to), to) if part) if to else "",
        "options": found["promise_options"].to_dicts() if "promise_options" in found.tables else [],
        "offers": found["substitution_offers"].to_dicts()
        if "substitution_offers" in found.tables
        else [],
        "draw": lambda width: promise_line(
            journeys, ordered_on=state.today, today=state.today, width=width
        ),
    }


def _shares(state: State) -> dict[str, Any]:
    """Return who would get what by each rule, one row an order line."""
    found = compare_rules(state.workspace, at=at_noon(state.today))
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for row in found["allocation_choices"].iter_rows(named=True):
        line = rows.setdefault(
            (row["order"], row["line"]), {**row, "title": state.title(row["item"])}
        )
        line[row["rule"]] = row["given"]
    rules: list[dict[str, Any]] = found.notes["rules"]  # type: ignore[assignment]
    margins = [one["margin"] for one in rules]
    most = max(margins) if margins and max(margins) > min(margins) + 0.005 else float("inf")
    free: dict[str, int] = found.notes["free"]  # type: ignore[assignment]
    items = {row["item"] for row in rows.values()}
    return {
        "rule": found.notes["rule"],
        "rules": [{**one, "best": one["margin"] >= most - 0.005} for one in rules],
        "rows": list(rows.values()),
        "free": [(state.title(item), int(free.get(item, 0))) for item in sorted(items)],
    }


def open_grid(state: State, query: Mapping[str, str]) -> Grid:
    """Return open order lines with promise and outlook, those most late first."""
    frame = _open(state).with_columns(
        title=pl.col("item").replace(state.titles),
        key_=pl.concat_str("order", "line", separator="/"),
    )
    return Grid(
        name="open_orders",
        frame=frame,
        key="key_",
        sign=state.sign,
        columns=(
            column("order", width=190),
            column("state", width=96),
            column("title", "Item", width=230),
            column("quantity", "Units", "count", width=76),
            column("waiting", "Wait", "count", width=76),
            column("location", "From", width=120),
            column("promised_on", "Promised", "day"),
            column("expected_on", "Expected", "day"),
            column("days_late", "Days late", "number", width=96),
            column("on_time_share", "Sure", "share"),
            column("value", "Value", "money"),
            column("ordered_on", "Ordered", "day"),
            column("ship_postal_code", "ZIP", width=90),
            column("channel", width=90),
            column("instead_of", "Instead of", width=120),
        ),
    )


def lines_grid(state: State, query: Mapping[str, str]) -> Grid:
    """Return order lines, the newest first."""
    frame = state.once(
        "orders",
        lambda: (
            state.dataset["orders"]
            .with_columns(title=pl.col("item").replace(state.titles))
            .sort("ordered_at", descending=True)
        ),
    )
    first = (
        column("order", width=190),
        column("title", "Item", width=230),
        column("ordered_at", "Ordered", "moment"),
        column("status", width=96),
    )
    return Grid(
        name="orders",
        frame=frame,
        key="order",
        sign=state.sign,
        columns=schema_columns("orders", frame, first=first),
    )
