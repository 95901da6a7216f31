"""What needs a decision, by the money that is at risk where nothing is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.adjusting import edited_quantities
from fivefold.cycle.decisions import placed_orders, snoozed
from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import selling_places
from fivefold.model import Dataset
from fivefold.web import summaries, words
from fivefold.web.tower.state import State

_CHANGES = {
    "expedite": "Bring forward",
    "defer": "Put back",
    "cancel": "Cancel",
    "increase": "Increase",
    "decrease": "Reduce",
    "reduce": "Reduce",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing to decide.

    Parameters
    ----------
    name : str
        Subject of its reasons.
    kind : str
        order, shipment, work, change or shortage.
    what, do, when : str
        The matter, the fix, and its date in words.
    risk : float
        Contribution that is lost where nothing is done.
    item, location : str
        What the page shows beside it.
    can_accept : bool
        Whether it can be placed from here.
    """

    name: str
    kind: str
    what: str
    do: str
    when: str
    risk: float
    item: str
    location: str
    can_accept: bool = False
    edited: bool = False
    until: date | None = None


def decisions(state: State) -> list[Decision]:
    """Return what needs a decision, dearest first; what is put off and what is placed left out."""
    return [d for d in all_decisions(state) if d.until is None]


def all_decisions(state: State) -> list[Decision]:
    """Return all, with what is put off among them."""
    placed = placed_orders(state.workspace)
    later = snoozed(state.workspace, today=state.today)
    worth = state.once("worth", lambda: worth_at_risk(state.made, state.dataset))
    edits = edited_quantities(state.workspace, state.made)
    found = [
        *_orders(state, worth, edits),
        *_shipments(state, worth),
        *_works(state, worth),
        *_changes(state),
        *_shortages(state),
    ]
    named = {d.name: d for d in found if d.name not in placed}
    ranked = sorted(named.values(), key=lambda d: (-d.risk, d.name))
    return [_put_off(d, later.get(d.name)) for d in ranked]


def _put_off(decision: Decision, until: date | None) -> Decision:
    from dataclasses import replace

    return replace(decision, until=until) if until else decision


def worth_at_risk(plan: Plan, dataset: Dataset) -> dict[str, float]:
    """Return for each supply decision the contribution of the demand it serves, in money.

    Follows the pegging from demand back: units of forecast and orders at their contribution;
    what a component or a warehouse passes on is worth what it ends in, shared by units.
    """
    margin = margins(plan, dataset)
    quantity = dict(plan["supply_plan"].select("decision", "quantity").iter_rows())
    own: dict[str, float] = defaultdict(float)
    feeds: dict[str, list[tuple[str, float]]] = defaultdict(list)
    taken: dict[tuple[str, str], float] = defaultdict(float)
    rows = plan["pegging"].select(
        "consumer", "consumer_kind", "item", "location", "origin_kind", "origin", "units"
    )
    for consumer, kind, item, location, origin_kind, origin, units in rows.iter_rows():
        if kind == "supply":
            taken[consumer, item] += units
        if origin_kind != "decision":
            continue
        if kind == "supply":
            feeds[origin].append((consumer, units))
        elif kind in ("forecast", "order", "commitment"):
            own[origin] += units * margin.get((item, location), margin.get((item, ""), 0.0))
    item_of = dict(plan["supply_plan"].select("decision", "item").iter_rows())
    known: dict[str, float] = {}

    def worth(name: str, depth: int) -> float:
        if name in known:
            return known[name]
        total = own.get(name, 0.0)
        if depth < 8:
            for consumer, units in feeds.get(name, ()):
                whole = taken[consumer, item_of.get(name, "")]
                total += worth(consumer, depth + 1) * (units / whole if whole else 0.0)
        known[name] = total
        return total

    return {name: worth(name, 0) for name in quantity}


def margins(plan: Plan, dataset: Dataset) -> dict[tuple[str, str], float]:
    """Return contribution a unit by item and place, by item alone where a place is not known."""
    places = {channel: place for place, channel in selling_places(dataset).items()}
    found: dict[tuple[str, str], float] = {}
    for item, channel, value in (
        plan["channel_choices"].select("item", "channel", "contribution").drop_nulls().iter_rows()
    ):
        if channel in places:
            found[item, places[channel]] = max(0.0, value)
            found[item, ""] = max(found.get((item, ""), 0.0), value)
    return found


def _way(row: dict[str, Any]) -> str:
    """Return how goods travel, in words."""
    return words.plain_name(row["mode"] or "any way")


def _orders(state: State, worth: dict[str, float], edits: dict[str, int]) -> Iterator[Decision]:
    lines = state.made["purchase_order_lines"].partition_by("order", as_dict=True)
    for row in summaries.orders_now(state.made).iter_rows(named=True):
        own = lines[row["order"],]
        ranked = sorted(
            own.iter_rows(named=True), key=lambda x: -worth.get(x["decision"] or "", 0.0)
        )
        yield Decision(
            name=row["order"],
            kind="order",
            what=f"Order from {state.place(row['supplier'])}",
            do=f"{words.many(own.height, 'line')} by {_way(row)} to {row['destination']}, "
            f"{words.money(row['landed_value'], state.sign)} landed",
            when=f"order by {words.short_day(row['ordered_on'])}, "
            f"here {words.short_day(row['expected_on'])}",
            risk=sum(worth.get(x or "", 0.0) for x in own["decision"]),
            item=ranked[0]["item"],
            location=row["destination"],
            can_accept=True,
            edited=any(x in edits for x in own["decision"].to_list()),
        )


def _shipments(state: State, worth: dict[str, float]) -> Iterator[Decision]:
    last = state.today + timedelta(days=summaries.RELEASE_DAYS)
    cartons = state.made["inbound_cartons"].partition_by("shipment", as_dict=True)
    for row in (
        state.made["inbound_shipments"].filter(pl.col("ship_on") <= last).iter_rows(named=True)
    ):
        own = cartons.get((row["shipment"],))
        if own is None:
            continue
        names = own["decision"].drop_nulls().unique().to_list()
        dearest = max(names, key=lambda n: worth.get(n, 0.0), default="")
        yield Decision(
            name=row["shipment"],
            kind="shipment",
            what=f"Ship to {state.place(row['destination'])}",
            do=f"{words.many(row['cartons'], 'carton')}, {row['units']:,} units by {_way(row)}, "
            f"freight {words.money(row['freight_value'], state.sign)}",
            when=f"ship {words.short_day(row['ship_on'])}, "
            f"there {words.short_day(row['expected_on'])}",
            risk=sum(worth.get(n, 0.0) for n in names),
            item=dearest.split(":")[1] if dearest.count(":") > 1 else "",
            location=row["destination"],
            can_accept=True,
        )


def _works(state: State, worth: dict[str, float]) -> Iterator[Decision]:
    last = state.today + timedelta(days=summaries.RELEASE_DAYS)
    soon = state.made["work_orders"].filter(pl.col("start_at").dt.date() <= last)
    for row in soon.iter_rows(named=True):
        late = f", {row['late_days']:.0f} days late" if (row["late_days"] or 0) > 0 else ""
        yield Decision(
            name=row["order"],
            kind="work",
            what=f"Make {state.title(row['product'])}",
            do=f"{row['quantity']:,} units on {row['resource']} at {state.place(row['location'])}",
            when=f"start {words.short_day(row['start_at'].date())}{late}",
            risk=worth.get(row["decision"] or "", 0.0),
            item=row["product"],
            location=row["location"],
            can_accept=True,
        )


def _changes(state: State) -> Iterator[Decision]:
    changed = state.made["supply_changes"].filter(pl.col("change") != "keep")
    for row in changed.iter_rows(named=True):
        verb = _CHANGES.get(row["change"], words.plain_name(row["change"]))
        moved = (
            f"from {words.short_day(row['from_date'])} to {words.short_day(row['to_date'])}"
            if row["from_date"] != row["to_date"]
            else f"from {row['from_quantity'] or 0:,} to {row['to_quantity'] or 0:,} units"
        )
        yield Decision(
            name=row["order"],
            kind="change",
            what=f"{verb} {row['order']}, {state.title(row['item'])}",
            do=f"{row['from_quantity'] or 0:,} units {moved}",
            when=f"due {words.short_day(row['from_date'])}",
            risk=abs(row["value"] or 0.0),
            item=row["item"],
            location="",
        )


def _shortages(state: State) -> Iterator[Decision]:
    """Demand within the next weeks that no proposal can serve, by item and place."""
    last = state.today + timedelta(weeks=summaries.SOON_WEEKS)
    soon = (
        state.made["unmet_demand"]
        .filter(pl.col("period_start") < last)
        .group_by("item", "location")
        .agg(
            pl.col("units").sum(),
            pl.col("value").sum(),
            pl.col("reason_code").first(),
            first=pl.col("period_start").min(),
        )
        .sort("value", "item", "location", descending=[True, False, False])
        .head(60)
    )
    next_in = _next_supply(state)
    for row in soon.iter_rows(named=True):
        coming = next_in.get((row["item"], row["location"]))
        relief = (
            f"next supply {words.short_day(coming)}" if coming else "no supply is planned for it"
        )
        yield Decision(
            name=f"{row['item']}@{row['location']}",
            kind="shortage",
            what=f"{state.title(row['item'])} runs short at {row['location']}",
            do=f"{words.number(row['units'])} units not served in {summaries.SOON_WEEKS} weeks, "
            f"{words.plain_name(row['reason_code']).lower()}; {relief}",
            when=f"from {words.short_day(row['first'])}",
            risk=row["value"] or 0.0,
            item=row["item"],
            location=row["location"],
        )


def _next_supply(state: State) -> dict[tuple[str, str], date]:
    coming = (
        state.made["supply_plan"]
        .group_by("item", "destination")
        .agg(pl.col("due_on").min())
        .iter_rows()
    )
    return {(item, place): day for item, place, day in coming}
