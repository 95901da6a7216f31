"""What to do: orders to place, shipments to prepare, work to start, orders to change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import Task, gantt
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.schedule_drawing import step_tasks
from fivefold.web.story import Story
from fivefold.web.summaries import RELEASE_DAYS, orders_now

#: Reasons in the order in which they say most about a decision.
_TELLING = (
    "infeasible",
    "unmet",
    "constraint_price",
    "constraint_bound",
    "demand_served",
    "lot_rule",
    "lead_time",
    "safety_stock",
    "unit_cost",
    "fee_card",
    "next_best",
)
_SHOWN = 10
_WEEKS_DRAWN = 3


def chapter(story: Story) -> Markup:
    """Return every decision of the plan, dearest first."""
    parts = [_orders(story), _shipments(story), _work(story), _changes(story), _since(story)]
    return markup.section(
        "decisions",
        "Decisions",
        "What the plan asks for, ranked by money. Each line opens to its reasons.",
        *parts,
    )


def because(reasons: Sequence[tuple[str, str]]) -> str:
    """Return the one reason that says most; a dash where there is none."""
    ranked = sorted(reasons, key=_rank)
    return ranked[0][1] if ranked else words.DASH


def _rank(reason: tuple[str, str]) -> int:
    return _TELLING.index(reason[0]) if reason[0] in _TELLING else len(_TELLING)


def _why(story: Story, subject: str, *, first: str = "", most: int = 8) -> Markup:
    """Return the telling reason, the others folded under it: one of each kind, then more."""
    ranked = sorted(story.reasons(subject), key=_rank)
    told = first or because(ranked)
    rest = [reason for reason in ranked if reason[1] != told]
    if not rest:
        return Markup("{}").format(told)
    kinds: dict[str, int] = {}
    turns = []
    for reason in rest:
        kinds[reason[0]] = kinds.get(reason[0], 0) + 1
        turns.append(kinds[reason[0]])
    order = sorted(range(len(rest)), key=lambda i: (turns[i], i))[:most]
    shown: list[object] = [rest[i][1] for i in sorted(order)]
    if len(rest) > most:
        shown.append(
            Markup("{} more: {}").format(len(rest) - most, markup.code(f"fivefold why {subject}"))
        )
    return Markup("{}{}").format(
        told, markup.folded(words.many(len(rest), "more reason"), markup.bullets(shown))
    )


def _mostly(story: Story, order: str) -> str:
    """Return what an order is mostly for: its dearest line, and the demand that line serves."""
    line = (
        story.plan["purchase_order_lines"]
        .filter(pl.col("order") == order)
        .sort([pl.col("quantity") * pl.col("unit_price"), pl.col("line")], descending=[True, False])
        .head(1)
    )
    if line.height == 0:
        return ""
    row = line.row(0, named=True)
    served = [
        text for code, text in story.reasons(row["decision"] or "") if code == "demand_served"
    ]
    called = story.title(row["item"]) or row["item"]
    return f"Mostly {row['quantity']:,} {called}. {served[0] if served else ''}".strip()


def _carries(story: Story, shipment: str) -> str:
    """Return what a shipment mostly carries."""
    items = (
        story.plan["inbound_cartons"]
        .filter(pl.col("shipment") == shipment)
        .group_by("item")
        .agg(pl.col("quantity").sum())
        .sort(["quantity", "item"], descending=[True, False])
    )
    if items.height == 0:
        return ""
    top = [f"{units:,} {story.title(item) or item}" for item, units in items.head(2).iter_rows()]
    return f"{words.many(items.height, 'item')}, mostly {words.listed(top)}."


def _orders(story: Story) -> Markup:
    now = orders_now(story.plan)
    last = story.plan.as_of + timedelta(days=RELEASE_DAYS)
    title = "Purchase orders to place now"
    if now.height == 0:
        return markup.card(title, note=f"None is to be placed by {words.day(last)}.")
    lines = story.plan["purchase_order_lines"]
    rows = [
        [
            Markup('{}<span class="aside code">{}</span>').format(
                story.place(row["supplier"]), row["order"]
            ),
            words.short_day(row["ordered_on"]),
            Markup("{} <span class=aside>{}</span>").format(
                words.short_day(row["expected_on"]), _via(story, row)
            ),
            f"{lines.filter(pl.col('order') == row['order']).height:,}",
            story.money(row["goods_value"]),
            story.money(row["landed_value"]),
            _why(story, row["order"], first=_mostly(story, row["order"])),
        ]
        for row in now.head(_SHOWN).iter_rows(named=True)
    ]
    columns = [
        Column("Supplier"),
        Column("Place by"),
        Column("Expected"),
        Column("Lines", numeric=True),
        Column("Goods", numeric=True),
        Column("Landed", numeric=True),
        Column("Because"),
    ]
    hidden = story.plan["purchase_orders"].join(now.head(_SHOWN), on="order", how="anti")
    more = markup.where(
        hidden.height,
        "orders, those for later weeks among them",
        "purchase_orders",
        worth=f"worth {story.total(hidden, 'landed_value')}",
    )
    note = (
        f"{words.many(now.height, 'order')} by {words.day(last)}, "
        f"{story.total(now, 'landed_value')} landed. Landed is goods, freight, duty and "
        "the rest."
    )
    return markup.card(
        title,
        markup.table(columns, rows, caption=title, stacked=True, more=more),
        note=note,
    )


def _via(story: Story, row: dict[str, object]) -> str:
    mode = row["mode"]
    told = f"to {story.place(str(row['destination']))}"
    return (
        f"{told}, {str(mode).upper() if mode in ('fcl', 'lcl', 'ltl', 'ftl') else mode}"
        if mode
        else told
    )


def _shipments(story: Story) -> Markup:
    table = story.plan["inbound_shipments"].sort("ship_on", "shipment")
    title = "Shipments to fulfilment centres"
    if table.height == 0:
        return markup.card(title, note="None is to be prepared.")
    rows = []
    for row in table.head(_SHOWN).iter_rows(named=True):
        fee = story.money(row["placement_fee"])
        rows.append(
            [
                Markup('{} → {}<span class="aside code">{}</span>').format(
                    story.place(row["origin"]), story.place(row["destination"]), row["shipment"]
                ),
                words.short_day(row["ship_on"]),
                words.short_day(row["expected_on"]),
                f"{words.number(row['units'])} in {words.number(row['cartons'])}",
                f"{words.number(row['volume_m3'], 1)} m³",
                story.money(row["freight_value"]),
                fee if row["placement_fee"] is not None else "unknown",
                _why(story, row["shipment"], first=_carries(story, row["shipment"])),
            ]
        )
    columns = [
        Column("Shipment"),
        Column("Ship by"),
        Column("Expected"),
        Column("Units, cartons", numeric=True),
        Column("Cube", numeric=True),
        Column("Freight", numeric=True),
        Column("Placement fee", numeric=True),
        Column("Because"),
    ]
    hidden = table.height - len(rows)
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption=title,
            stacked=True,
            more=markup.where(hidden, "shipments", "inbound_shipments"),
        ),
    )


def _work(story: Story) -> Markup:
    table = (
        story.plan["work_orders"].filter(pl.col("start_at").is_not_null()).sort("start_at", "order")
    )
    title = "Work orders"
    if table.height == 0:
        return markup.card(title, note="Nothing is to be made.")
    horizon = table["start_at"].min() + timedelta(weeks=_WEEKS_DRAWN)  # type: ignore[operator]
    soon = table.filter(pl.col("start_at") < horizon)
    tasks = [
        Task(
            name=row["product"],
            resource=row["resource"],
            start=row["start_at"],
            finish=row["finish_at"],
            late_days=row["late_days"] or 0.0,
            tip=f"{row['order']}: {row['quantity']:,} "
            f"{story.title(row['product']) or row['product']}, due {words.day(row['due_on'])}",
        )
        for row in soon.filter(pl.col("finish_at").is_not_null()).iter_rows(named=True)
    ]
    steps = story.plan["work_operations"]
    if steps.height:
        tasks = step_tasks(steps, table, weeks=_WEEKS_DRAWN)
    names = {task.resource: story.resource(task.resource) for task in tasks}

    def drawn(width: int) -> Figure:
        return gantt(title="Work orders by resource", tasks=tasks, names=names, width=width)

    late = table.filter(pl.col("late_days") > 0)
    note = (
        f"{words.many(table.height, 'order')} to {words.day(table['finish_at'].max().date())}, "  # type: ignore[union-attr]
        f"{words.many(late.height, 'order')} late. Drawn are the first {_WEEKS_DRAWN} weeks."
    )
    return markup.card(
        title,
        markup.chart(drawn, wide=markup.FULL),
        _late(story, late),
        Markup('<p class="more">{}</p>').format(
            markup.where(table.height - soon.height, "orders start later", "work_orders")
        ),
        note=note,
    )


def _late(story: Story, late: pl.DataFrame) -> Markup:
    if late.height == 0:
        return Markup("")
    ranked = late.sort(["late_days", "order"], descending=[True, False])
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(
                row["product"], story.title(row["product"])
            ),
            words.number(row["quantity"]),
            words.short_day(row["due_on"]),
            markup.verdict(f"{words.number(row['late_days'])} days late", "bad", "▲"),
            _why(story, row["order"]),
        ]
        for row in ranked.head(6).iter_rows(named=True)
    ]
    columns = [
        Column("Product"),
        Column("Quantity", numeric=True),
        Column("Due"),
        Column("Late"),
        Column("Because"),
    ]
    return markup.table(
        columns,
        rows,
        caption="Late work orders",
        stacked=True,
        more=markup.where(late.height - len(rows), "late orders", "work_orders"),
    )


def _changes(story: Story) -> Markup:
    table = story.plan["supply_changes"].filter(pl.col("change") != "keep")
    title = "Changes proposed to orders already placed"
    if table.height == 0:
        return markup.card(title, note="Every open order may stay as it is.")
    ranked = table.sort(
        [pl.col("value").abs(), pl.col("order"), pl.col("line")],
        descending=[True, False, False],
        nulls_last=True,
    )
    rows = [
        [
            Markup('{}<span class="aside code">line {}</span>').format(row["order"], row["line"]),
            Markup('{}<span class="aside">{}</span>').format(row["item"], story.title(row["item"])),
            words.plain_name(row["change"]),
            _moved(words.short_day(row["from_date"]), words.short_day(row["to_date"])),
            _moved(words.number(row["from_quantity"]), words.number(row["to_quantity"])),
            _saved(story, row["value"]),
        ]
        for row in ranked.head(_SHOWN).iter_rows(named=True)
    ]
    columns = [
        Column("Order"),
        Column("Item"),
        Column("Change"),
        Column("Date"),
        Column("Quantity", numeric=True),
        Column("Worth", numeric=True),
    ]
    by_kind = table.group_by("change").agg(pl.len(), pl.col("value").sum()).sort("change")
    note = words.listed(
        [
            f"{words.plain_name(c).lower()} {n:,} ({_saved(story, v)})"
            for c, n, v in by_kind.iter_rows()
        ]
    )
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption=title,
            stacked=True,
            more=markup.where(table.height - len(rows), "changes", "supply_changes"),
        ),
        note=note[:1].upper() + note[1:] + ".",
    )


def _moved(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _saved(story: Story, value: float | None) -> str:
    if value is None:
        return words.DASH
    return f"{'saves' if value >= 0 else 'costs'} {story.money(abs(value))}"


def _since(story: Story) -> Markup:
    """Return what changed since the plan before, where there is one."""
    changes = story.changes
    title = "What changed since the last plan"
    if changes is None:
        return Markup("")
    if changes.height == 0:
        return markup.card(title, note="No decision changed.")
    counts = changes.group_by("change", "kind").len().sort("len", "change", "kind", descending=True)
    note = words.listed([f"{n:,} to {kind} {change}" for change, kind, n in counts.iter_rows()])
    moved = (pl.col("to_quantity").fill_null(0) - pl.col("from_quantity").fill_null(0)).abs()
    ranked = changes.sort([moved, pl.col("decision")], descending=[True, False])
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(row["item"], story.title(row["item"])),
            words.plain_name(row["kind"]),
            words.plain_name(row["change"]),
            _moved(words.number(row["from_quantity"]), words.number(row["to_quantity"])),
            _moved(words.short_day(row["from_due"]), words.short_day(row["to_due"])),
        ]
        for row in ranked.head(8).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("Kind"),
        Column("Change"),
        Column("Quantity", numeric=True),
        Column("Due"),
    ]
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption=title,
            stacked=True,
            more=markup.where(changes.height - len(rows), "changes", "changes"),
        ),
        note=f"Decisions: {note}.",
    )
