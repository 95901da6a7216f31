"""What a change does to a plan: units, money, service, the decisions that differ and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.planning import BREAKS_FIRST
from fivefold.cycle.plans import Plan
from fivefold.cycle.review import changed_since
from fivefold.cycle.versions import Version, differences, version_of
from fivefold.model import Dataset

#: Reasons that say why a decision differs, the most telling first.
_TELLING = (
    "change",
    "constraint_bound",
    "constraint_price",
    "unmet",
    "safety_stock",
    "lot_rule",
    "demand_served",
    "lead_time",
)
#: Rows of changes, orders and options told at most.
MOST_TOLD = 40
#: More of a limit than the plan has, as its price is asked for.
MORE_SHARE = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What differs between two plans, in figures and decisions.

    Parameters
    ----------
    before, after : Version
    figures : tuple of dict
        measure, unit, before, after, difference, verdict.
    decisions : polars.DataFrame
        decision, change, item, kind, quantities, days, value, why; dearest first.
    orders : polars.DataFrame
        order, supplier, change, ordered_on, value_before, value_after, why; soonest first.
    changed_decisions : int
        How many decisions differ in all.
    breaks_first : tuple of str
        The first limit to bind and the first demand not served.
    options : polars.DataFrame
        option, kind, worth, why; what would close the gap, the most worth first.
    """

    before: Version
    after: Version
    figures: tuple[dict[str, Any], ...]
    decisions: pl.DataFrame
    orders: pl.DataFrame
    changed_decisions: int
    breaks_first: tuple[str, ...]
    options: pl.DataFrame

    def figure(self, measure: str) -> float | None:
        """Return by how much a figure differs."""
        for row in self.figures:
            if row["measure"] == measure:
                value: float | None = row["difference"]
                return value
        raise KeyError(f"{measure!r} was not measured")

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        return {
            "plan": self.after.plan,
            "before_plan": self.before.plan,
            "figures": list(self.figures),
            "by_month": self.after.by_month.to_dicts(),
            "breaks_first": list(self.breaks_first),
            "options": self.options.to_dicts(),
            "orders": self.orders.to_dicts(),
            "decisions": self.decisions.to_dicts(),
            "decisions_changed": self.changed_decisions,
        }


def effect_of(
    new: Plan,
    old: Plan,
    *,
    world: Dataset,
    known: Dataset,
    released: frozenset[str] = frozenset(),
) -> Effect:
    """Return what differs between a plan for a world and the plan for the data as known."""
    after = version_of(new, world)
    before = version_of(old, known, name=old.scenario)
    changes = changed_since(new, old, released=released)
    return Effect(
        before=before,
        after=after,
        figures=tuple(differences(after, before)),
        decisions=_ranked(changes, new, old, world),
        orders=changed_orders(new, old, world),
        changed_decisions=changes.height,
        breaks_first=tuple(told_of(new, BREAKS_FIRST)),
        options=gap_options(new, world),
    )


def told_of(plan: Plan, subject: str) -> list[str]:
    """Return the sentences said of a subject."""
    return [str(text) for text in plan.why(subject)["text"].to_list()]


def lost_suppliers(dataset: Dataset) -> dict[str, list[date]]:
    """Return suppliers that take no order, with the first days of those weeks."""
    closed = dataset["limits"].filter(
        (pl.col("kind") == "supplier_units") & (pl.col("amount") <= 0)
    )
    found: dict[str, list[date]] = {}
    for supplier, day in closed.select("subject", "period_start").sort("period_start").iter_rows():
        found.setdefault(supplier, []).append(day)
    return found


def _ranked(changes: pl.DataFrame, new: Plan, old: Plan, world: Dataset) -> pl.DataFrame:
    """Return changed decisions with the value by which they differ and why, dearest first."""
    told = pl.concat(
        [
            plan["supply_plan"].select("decision", "unit_cost", "source", "start_on")
            for plan in (new, old)
        ]
    ).unique("decision", keep="first", maintain_order=True)
    units = pl.col("to_quantity").fill_null(0) - pl.col("from_quantity").fill_null(0)
    rows = (
        changes.join(told, on="decision", how="left")
        .with_columns(value=units * pl.col("unit_cost"))
        .sort(pl.col("value").abs(), "decision", descending=[True, False], nulls_last=True)
        .head(MOST_TOLD)
    )
    lost = lost_suppliers(world)
    reasons = new["explanations"].filter(pl.col("subject").is_in(rows["decision"].implode()))
    why = [_why(row, reasons, lost, new) for row in rows.iter_rows(named=True)]
    return rows.drop("unit_cost", "source", "start_on").with_columns(
        why=pl.Series(why, dtype=pl.String)
    )


def _why(row: dict[str, Any], reasons: pl.DataFrame, lost: dict[str, list[date]], new: Plan) -> str:
    weeks = lost.get(row["source"], [])
    if row["change"] == "dropped":
        first = row["start_on"]
        if any(week <= first < week + timedelta(days=7) for week in weeks):
            return f"{row['source']} takes no order in the week of {first:%d %b}."
        instead = new["supply_plan"].filter(
            (pl.col("item") == row["item"]) & (pl.col("kind") == row["kind"])
        )
        if instead.height:
            units = int(instead["quantity"].sum())
            return (
                f"Replaced: the new plan has {instead.height} {row['kind']} decisions of "
                f"{row['item']}, {units:,} units in all."
            )
        short = new["unmet_demand"].filter(pl.col("item") == row["item"])
        if short.height:
            code = short.sort("value", descending=True)["reason_code"][0]
            return f"No longer pays or no longer possible: {str(code).replace('_', ' ')}."
        return "No demand is left that draws on it."
    own = reasons.filter(pl.col("subject") == row["decision"])
    for code in _TELLING:
        texts = own.filter(pl.col("reason_code") == code)["text"]
        if texts.len():
            return str(texts[0])
    return ""


def changed_orders(new: Plan, old: Plan, world: Dataset) -> pl.DataFrame:
    """Return purchase orders that are added, dropped or worth another sum, soonest first."""
    columns = ["order", "supplier", "ordered_on", "landed_value"]
    both = (
        new["purchase_orders"]
        .select(columns)
        .join(
            old["purchase_orders"].select(columns),
            on="order",
            how="full",
            coalesce=True,
            suffix="_before",
        )
        .with_columns(
            supplier=pl.coalesce("supplier", "supplier_before"),
            ordered_on=pl.coalesce("ordered_on", "ordered_on_before"),
        )
    )
    change = (
        pl.when(pl.col("landed_value_before").is_null())
        .then(pl.lit("added"))
        .when(pl.col("landed_value").is_null())
        .then(pl.lit("dropped"))
        .when((pl.col("landed_value") - pl.col("landed_value_before")).abs() > 0.005)
        .then(pl.lit("changed"))
        .otherwise(pl.lit("same"))
    )
    lost = lost_suppliers(world)
    rows = (
        both.with_columns(change=change)
        .filter(pl.col("change") != "same")
        .sort("ordered_on", "order")
        .select(
            "order",
            "supplier",
            "change",
            "ordered_on",
            value_before="landed_value_before",
            value_after="landed_value",
        )
    )
    why = []
    for row in rows.iter_rows(named=True):
        weeks = lost.get(row["supplier"], [])
        closed = any(week <= row["ordered_on"] < week + timedelta(days=7) for week in weeks)
        if closed and row["change"] == "dropped":
            why.append(f"{row['supplier']} takes no order until {_reopened(weeks):%d %b}.")
        else:
            told = new.why(row["order"])["text"]
            why.append(str(told[0]) if told.len() else "Its lines are in other orders now.")
    return rows.with_columns(why=pl.Series(why, dtype=pl.String))


def _reopened(weeks: Sequence[date]) -> date:
    return weeks[-1] + timedelta(days=7)


def gap_options(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return what would close the gap between demand and plan, the most worth first.

    Returns
    -------
    polars.DataFrame
        option, kind, worth, cost, net, why, change. Worth is at the price of the limit or the
        margin at stake, an upper end where marginal; None where a figure is not known. `change`
        is what a scenario would try it with, empty where none can.

    Notes
    -----
    A limit's price holds for a little more of it, so what is told for 10 % more is the most it
    can be worth; `fivefold what-if limit:NAME=+10%` plans it.
    """
    rows = [*_limit_options(plan, dataset), *_order_options(plan), *_demand_options(plan)]
    frame = pl.DataFrame(
        rows,
        schema={
            "option": pl.String,
            "kind": pl.String,
            "worth": pl.Float64,
            "cost": pl.Float64,
            "net": pl.Float64,
            "why": pl.String,
        },
        orient="row",
    )
    known = {*dataset["limits_rules"]["limit"].to_list(), *dataset["limits"]["limit"].to_list()}
    limit = pl.col("why").str.extract(r"^(.+) binds in \d+ weeks from ", 1)
    tried = pl.format("limit:{}=+{}%", limit, pl.lit(round(100 * MORE_SHARE)))
    frame = frame.with_columns(
        change=pl.when(limit.is_in(list(known))).then(tried).otherwise(pl.lit(""))
    )
    return frame.sort("net", "option", descending=[True, False], nulls_last=True).head(MOST_TOLD)


Row = tuple[str, str, float | None, float | None, float | None, str]


def _limit_options(plan: Plan, dataset: Dataset) -> list[Row]:
    """Return a tenth more of each limit that binds, at its price and, for hours, its cost."""
    tight = plan["limit_prices"].filter((pl.col("price") > 1e-6) & (pl.col("amount") > 0))
    grouped = (
        tight.group_by("limit", "kind", "subject")
        .agg(
            weeks=pl.len(),
            first=pl.col("period_start").min(),
            more=(pl.col("amount") * MORE_SHARE).sum(),
            worth=(pl.col("amount") * MORE_SHARE * pl.col("price")).sum(),
        )
        .sort("limit")
    )
    overtime = dict(
        dataset["resources"].select("resource", "overtime_cost_per_hour").drop_nulls().iter_rows()
    )
    rows: list[Row] = []
    for row in grouped.iter_rows(named=True):
        rate = overtime.get(row["subject"]) if row["kind"] == "resource_hours" else None
        cost = None if rate is None else rate * row["more"]
        words = {
            "cash": f"Release {MORE_SHARE:.0%} more cash for purchases",
            "resource_hours": f"Open {row['more']:,.0f} more hours at {row['subject']}",
            "storage_m3": f"Rent {MORE_SHARE:.0%} more room at {row['subject']}",
            "supplier_units": f"Win {MORE_SHARE:.0%} more units from {row['subject']}",
        }.get(row["kind"], f"{MORE_SHARE:.0%} more of {row['limit']}")
        rows.append(
            (
                words,
                row["kind"],
                row["worth"],
                cost,
                row["worth"] - cost if cost is not None else row["worth"],
                f"{row['limit']} binds in {row['weeks']} weeks from {row['first']:%d %b}; at its "
                f"price {MORE_SHARE:.0%} more saves at most {row['worth']:,.0f}"
                + ("." if cost is None else f", overtime for it costs {cost:,.0f}."),
            )
        )
    return rows


def _order_options(plan: Plan) -> list[Row]:
    """Return the changes to existing orders the plan proposes, each with what it saves."""
    verbs = {"expedite": "Speed up", "defer": "Put off", "cancel": "Cancel", "increase": "Raise"}
    rows: list[Row] = []
    for row in (
        plan["supply_changes"]
        .filter((pl.col("change") != "keep") & (pl.col("value") > 0))
        .iter_rows(named=True)
    ):
        when = f" to {row['to_date']:%d %b}" if row["to_date"] and row["change"] != "cancel" else ""
        rows.append(
            (
                f"{verbs.get(row['change'], str(row['change']).capitalize())} {row['order']} "
                f"line {row['line']} of {row['item']}{when}",
                "change_order",
                row["value"],
                None,
                row["value"],
                "The plan counts on it; the supplier has to agree.",
            )
        )
    return rows


def _demand_options(plan: Plan) -> list[Row]:
    """Return margin at stake where lead times hold demand back: a faster way or another source."""
    held = (
        plan["unmet_demand"]
        .filter((pl.col("reason_code") == "lead_time") & (pl.col("value") > 0))
        .group_by("item")
        .agg(pl.col("units").sum(), pl.col("value").sum(), first=pl.col("period_start").min())
        .sort("value", "item", descending=[True, False])
        .head(10)
    )
    return [
        (
            f"Find a faster way for {row['item']}",
            "faster_supply",
            row["value"],
            None,
            row["value"],
            f"{row['units']:,.0f} units from {row['first']:%d %b} come too late by every lane and "
            f"source known: pays where it costs less than {row['value'] / row['units']:,.2f} a "
            "unit more.",
        )
        for row in held.iter_rows(named=True)
    ]
