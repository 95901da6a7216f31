"""Make: work on its machines, moved by hand with what follows shown first, and frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import adjusting
from fivefold.make.capacity import Resource, resources
from fivefold.web import words
from fivefold.web.drawing import Figure
from fivefold.web.tower.board import Bar, board, shown_days, span_names
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State

SPANS = (1, 2, 4, 8)
COLOURS = (("late", "Late and at risk"), ("setup", "Set-up family"), ("frozen", "Frozen"))
#: Moved orders that are sent to the page.
MOST_TOLD = 400
#: Slack in days under which an order is at risk.
_TIGHT_DAYS = 2
#: Levels below an order that its tree shows, and rows of it.
_DEEPEST = 4
_MOST_PEGGED = 60
_TONES = ("good", "violet", "accent", "warn")


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the board, the order that is looked at, and its chain."""
    orders = standing(state)
    weeks = int(query["weeks"]) if query.get("weeks", "").isdigit() else 2
    weeks = max(1, min(26, weeks))
    late = orders.filter(pl.col("late_days") > 0)
    name = query.get("order", "")
    chosen = orders.filter(pl.col("order") == name).to_dicts()
    return {
        "orders": orders.height,
        "weeks": weeks,
        "spans": SPANS,
        "late": late.height,
        "late_days": max(late["late_days"].to_list(), default=0.0),
        "frozen": len(frozen(state)),
        "moves": sum(
            fact.subject == state.made.plan for fact in state.workspace.recorded(adjusting.MOVED)
        ),
        "colours": COLOURS,
        "colour": query.get("colour") or "late",
        "first": _first(state, query).date(),
        "earlier": (_first(state, query) - timedelta(weeks=weeks)).date(),
        "later": (_first(state, query) + timedelta(weeks=weeks)).date(),
        "draw": lambda width: drawn(state, query, weeks=weeks, width=width),
        "chosen": _told(state, chosen[0]) if chosen else None,
    }


def standing(state: State) -> pl.DataFrame:
    """Return the work orders of the plan where people have put them."""
    return state.once("standing_work", lambda: adjusting.work_orders(state.workspace, state.made))


def frozen(state: State) -> set[str]:
    """Return orders of this plan that stand fast."""
    known = set(standing(state)["order"].to_list())
    return set(adjusting.frozen_work(state.workspace)) & known


def _machines(state: State) -> dict[str, Resource]:
    return state.once("machines", lambda: resources(state.dataset, as_of=state.today, years=2))


def _first(state: State, query: Mapping[str, str]) -> datetime:
    try:
        day = datetime.fromisoformat(query.get("from", "")).date()
    except ValueError:
        day = state.today
    return datetime.combine(day, time(), UTC)


def _days(state: State, query: Mapping[str, str], weeks: int) -> list[tuple[datetime, datetime]]:
    """Return the working days of all machines together, first opening to last close."""
    first = _first(state, query)
    spans: dict[Any, tuple[datetime, datetime]] = {}
    for machine in _machines(state).values():
        laid = machine.work_time(first=first.date(), days=weeks * 7, shift_start_hour=8.0)
        for day, opens in zip(laid.days, laid.opens_at, strict=True):
            ends = opens + timedelta(hours=laid.hours_per_day)
            a, b = spans.get(day, (opens, ends))
            spans[day] = (min(a, opens), max(b, ends))
    return shown_days([spans[day] for day in sorted(spans)], first, weeks)


def drawn(state: State, query: Mapping[str, str], *, weeks: int, width: int) -> Figure:
    """Return the board with the chain of the chosen order marked."""
    days = _days(state, query, weeks)
    if not days:
        return Figure("")
    orders = standing(state).filter(
        (pl.col("finish_at") > days[0][0]) & (pl.col("start_at") < days[-1][1])
    )
    fast, chain = frozen(state), chain_of(state, query.get("order", ""))
    before = dict(state.made["work_orders"].select("order", "start_at").iter_rows())
    families = state.once("setup_families", lambda: _setup_families(state))
    kinds = sorted({families.get(product, product) for product in standing(state)["product"]})
    mode = query.get("colour") or "late"
    bars = []
    for row in orders.iter_rows(named=True):
        slack = _slack(row)
        family = families.get(row["product"], row["product"])
        tone = _tone(mode, row, slack, kinds.index(family), fast)
        state_words = f"{row['late_days']:.0f} days late" if slack < 0 else f"{slack} days of slack"
        bars.append(
            Bar(
                order=row["order"],
                label=f"{row['product']} × {row['quantity']:,}",
                resource=row["resource"] or row["location"],
                start=row["start_at"],
                finish=row["finish_at"],
                tone=tone,
                tip=f"{state.title(row['product'])}, {row['quantity']:,} units, "
                f"{row['start_at']:%a %d %b %H:%M} to {row['finish_at']:%a %d %b %H:%M} UTC, "
                f"due {row['due_on']:%d %b}, {state_words}"
                + (f", set-up {family}" if family != row["product"] else "")
                + (", frozen" if row["order"] in fast else "")
                + (", moved by hand" if row["start_at"] != before.get(row["order"]) else ""),
                frozen=row["order"] in fast,
                moved=row["start_at"] != before.get(row["order"]),
                chained=row["order"] in chain,
            )
        )
    named = dict(
        state.dataset["resources"].select("resource", pl.coalesce("name", "resource")).iter_rows()
    )
    used = sorted({bar.resource for bar in bars}) or sorted(_machines(state))
    return board(
        bars,
        days,
        names={name: named.get(name, name) for name in used},
        loads=_loads(state, days),
        links=_links(state, chain),
        width=width,
        day_names=span_names(days),
    )


def _slack(row: Mapping[str, Any]) -> int:
    there = row["available_on"] or row["finish_at"].date()
    return int((row["due_on"] - there).days)


def _setup_families(state: State) -> dict[str, str]:
    """Return the set-up family of each product: work of one family needs no change-over."""
    rows = state.dataset["operations"].filter(pl.col("setup_family").is_not_null())
    return dict(rows.sort("product", "operation").select("product", "setup_family").iter_rows())


def _tone(mode: str, row: Mapping[str, Any], slack: int, kind: int, fast: set[str]) -> str:
    if mode == "frozen":
        return "violet" if row["order"] in fast else "good"
    if mode == "setup":
        return _TONES[kind % len(_TONES)]
    return "bad" if slack < 0 else "warn" if slack < _TIGHT_DAYS else "good"


def _loads(state: State, days: list[tuple[datetime, datetime]]) -> dict[tuple[str, int], float]:
    """Return the share of each machine's hours that work takes, by day shown."""
    machines = _machines(state)
    found: dict[tuple[str, int], float] = defaultdict(float)
    for name, start, finish in (
        standing(state).select("resource", "start_at", "finish_at").iter_rows()
    ):
        if name not in machines:
            continue
        room = machines[name].hours_per_day * machines[name].count
        for number, (opens, closes) in enumerate(days):
            hours = (min(finish, closes) - max(start, opens)).total_seconds() / 3600
            if hours > 0:
                found[name, number] += hours / room
    return dict(found)


def chain_of(state: State, order: str) -> set[str]:
    """Return work orders that feed this one or are fed by it, itself among them."""
    return set(_chain(state, order)) if order else set()


def _chain(state: State, order: str) -> list[str]:
    orders = standing(state)
    decision_of = dict(orders.select("order", "decision").iter_rows())
    order_of = {d: o for o, d in decision_of.items() if d}
    if order not in decision_of:
        return []
    fed = state.once("fed", lambda: _pegged(state))
    seen, queue = {decision_of[order]}, [decision_of[order]]
    while queue:
        name = queue.pop()
        for near in fed.get(name or "", ()):
            if near not in seen and len(seen) < 400:
                seen.add(near)
                queue.append(near)
    return [order_of[d] for d in seen if d in order_of]


def _pegged(state: State) -> dict[str, set[str]]:
    """Return for each make what it feeds, and what feeds it, among decisions."""
    found: dict[str, set[str]] = defaultdict(set)
    rows = state.made["pegging"].filter(
        (pl.col("consumer_kind") == "supply") & (pl.col("origin_kind") == "decision")
    )
    for consumer, origin in rows.select("consumer", "origin").iter_rows():
        # Over a purchase or a move everything hangs together; a chain is of work alone.
        if consumer.startswith("make:") and origin.startswith("make:"):
            found[consumer].add(origin)
            found[origin].add(consumer)
    return found


def _links(state: State, chain: set[str]) -> list[tuple[str, str]]:
    if len(chain) < 2:
        return []
    orders = standing(state).filter(pl.col("order").is_in(list(chain)))
    order_of = {d: o for o, d in orders.select("order", "decision").iter_rows() if d}
    rows = state.made["pegging"].filter(
        pl.col("origin").is_in(list(order_of)) & pl.col("consumer").is_in(list(order_of))
    )
    return [(order_of[o], order_of[c]) for o, c in rows.select("origin", "consumer").iter_rows()]


def _told(state: State, row: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says of the chosen order: its times, what feeds it, what it feeds."""
    return {
        **row,
        "title": state.title(row["product"]),
        "slack": _slack(row),
        "is_frozen": row["order"] in frozen(state),
        "before": next(
            iter(
                state.made["work_orders"]
                .filter(pl.col("order") == row["order"])["start_at"]
                .to_list()
            ),
            None,
        ),
        "feeds": _feeding(state, row),
        "takers": _takers(state, row),
    }


def _feeding(state: State, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what feeds an order, what feeds that, and so on: a tree read from top to bottom."""
    begins = dict(state.made["supply_plan"].select("decision", "start_on").iter_rows())
    begins[row["decision"]] = row["start_at"].date()
    fed = state.once(
        "fed_by",
        lambda: (
            state.made["pegging"]
            .sort("available_on", descending=True)
            .partition_by("consumer", as_dict=True)
        ),
    )
    found: list[dict[str, Any]] = []
    seen = {row["decision"]}

    def walk(consumer: str, level: int) -> None:
        own = fed.get((consumer,))
        for each in () if own is None else own.head(12).iter_rows(named=True):
            if len(found) >= _MOST_PEGGED:
                return
            decided, start = each["origin_kind"] == "decision", begins.get(consumer)
            found.append(
                {
                    "level": level,
                    "title": state.title(each["item"]),
                    "from": each["origin"] or each["origin_kind"],
                    "name": each["origin"] if decided else "",
                    "on": each["available_on"],
                    "units": each["units"],
                    "slack": (start - each["available_on"]).days if start else 0,
                }
            )
            if decided and each["origin"] not in seen and level < _DEEPEST:
                seen.add(each["origin"])
                walk(each["origin"], level + 1)

    walk(row["decision"], 0)
    return found


def _takers(state: State, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = state.made["pegging"].filter(pl.col("origin") == row["decision"])
    planned = state.made["work_orders"].filter(pl.col("order") == row["order"])
    late = 0
    if planned.height:
        late = (row["finish_at"].date() - planned["finish_at"][0].date()).days
    begins = dict(state.made["supply_plan"].select("decision", "start_on").iter_rows())
    found = []
    for each in rows.sort("available_on").head(12).iter_rows(named=True):
        wanted = each["wanted_on"] or begins.get(each["consumer"]) or each["available_on"]
        found.append(
            {
                "kind": each["consumer_kind"],
                "to": each["consumer"],
                "name": each["consumer"] if each["consumer_kind"] == "supply" else "",
                "on": wanted,
                "units": each["units"],
                "slack": (wanted - each["available_on"]).days - late,
            }
        )
    return found


def consequence(
    state: State, told: adjusting.Moved, starts: Mapping[str, datetime]
) -> dict[str, Any]:
    """Return what a move would do, in words and numbers, for the page to show."""
    worse = [row for row in told.moved if row["late_after"] > row["late_before"]]
    better = [row for row in told.moved if row["late_after"] < row["late_before"]]
    value = sum(row["value"] for row in told.late)
    pushed = [row for row in told.moved if row["order"] not in starts]
    return {
        "moved": [
            {
                "order": row["order"],
                "product": row["product"],
                "title": state.title(row["product"]),
                "from": f"{row['from']:%a %d %b %H:%M}",
                "to": f"{row['to']:%a %d %b %H:%M}",
                "start": row["to"].isoformat(),
                "late_before": row["late_before"],
                "late_after": row["late_after"],
                "own": row["order"] in starts,
            }
            for row in sorted(
                told.moved,
                key=lambda r: (r["order"] not in starts, -r["late_after"] + r["late_before"]),
            )[:MOST_TOLD]
        ],
        "count": len(told.moved),
        "pushed": len(pushed),
        "worse": len(worse),
        "better": len(better),
        "late_days": sum(row["late_after"] - row["late_before"] for row in told.moved),
        "late": [
            {
                **row,
                "title": state.title(row["item"]),
                "value": words.money(row["value"], state.sign),
            }
            for row in told.late[:8]
        ],
        "late_count": len(told.late),
        "value": value,
        "money": words.money(value, state.sign),
        "clashes": list(told.clashes),
        "undo": {order: at.isoformat() for order, at in told.undo.items()},
    }


def work_orders(state: State, query: Mapping[str, str]) -> Grid:
    """Return work orders as they stand."""
    fast = frozen(state)
    frame = standing(state).with_columns(
        title=pl.col("product").replace(state.titles),
        frozen=pl.col("order").is_in(list(fast)),
    )
    first = (
        column("order", width=250, why=True),
        column("title", "Title", width=240),
        column("frozen", "Frozen", "truth", width=80),
    )
    return Grid(
        name="work_orders",
        frame=frame,
        key="order",
        sign=state.sign,
        sort="start_at",
        columns=schema_columns("work_orders", frame, first=first, hidden=("decision",)),
    )
