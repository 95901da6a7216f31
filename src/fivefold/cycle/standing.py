"""The accepted plan as the next plan finds it: what of it is ordered, what still stands.

Reads and keeps; decides nothing about supply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.model import Dataset, schema
from fivefold.plan.supply import SupplyParams, planning_facts

#: Tables a plan is made from that are results of the engines before supply.
_BEFORE_SUPPLY = (
    "forecasts",
    "forecast_means",
    "stock_targets",
    "sourcing_options",
    "channel_choices",
    "channel_fees",
    "returns_forecast",
    "limit_prices",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The plan accepted last.

    Parameters
    ----------
    plan : Plan
    released : frozenset of str
        Its decisions that are orders now.
    placed : frozenset of str
        Orders, shipments and work orders that were placed.
    """

    plan: Plan
    released: frozenset[str]
    placed: frozenset[str]

    @property
    def decisions(self) -> pl.DataFrame:
        """Decisions that are not orders yet, in the shape of supply_plan."""
        supply = self.plan["supply_plan"]
        return supply.filter(~pl.col("decision").is_in(list(self.released)))

    @property
    def fingerprint(self) -> str:
        """What of the plan a new plan depends on."""
        return f"{self.plan.plan} less {len(self.released)}"

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return what the supply plan reads of it."""
        accepted = schema("accepted_plan")
        return {
            "accepted_plan": self.decisions.with_columns(firm=pl.lit(False)).select(accepted.names),
            "accepted_facts": self.plan["accepted_facts"],
        }


def standing_plan(workspace: Workspace) -> Standing | None:
    """Return the plan accepted last as it stands; None where there is none to refer to."""
    accepted = workspace.recorded(documents.PLAN_ACCEPTED)
    if not accepted:
        return None
    plan = workspace.plans.load(accepted[-1].subject)
    if plan["accepted_facts"].is_empty():
        return None
    before = [fact.seq for fact in accepted if fact.subject != plan.plan]
    since = max(before, default=0)
    own = [fact for fact in workspace.recorded(documents.SUPPLY_PLACED) if fact.seq > since]
    return Standing(
        plan=plan,
        released=frozenset(name for fact in own for name in fact.body.get("decisions", ())),
        placed=frozenset(fact.subject for fact in own),
    )


def keep_facts(workspace: Workspace, plan: Plan) -> None:
    """Keep beside an accepted plan what it was told, its own orders placed already."""
    facts = told_to(plan, workspace.dataset(as_of=plan.as_of))
    known = plan.plan in workspace.plans.names()
    stored = workspace.plans.load(plan.plan) if known else plan
    workspace.plans.save(stored.with_tables(accepted_facts=facts), keep_place=True)


def told_to(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return what a plan is told where it is asked about in a dataset, as accepted_facts."""
    before = {name: plan[name] for name in _BEFORE_SUPPLY}
    params = SupplyParams(periods=int(str(plan.params.get("periods", SupplyParams().periods))))
    return planning_facts(dataset.with_tables(**before), params, as_of=plan.as_of)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Documents of one kind: their tables, number, day of release and who shares them."""

    heads: str
    lines: str
    number: str
    day: str
    shared_by: str | None = None


_KINDS: Mapping[str, _Kind] = {
    "buy": _Kind("purchase_orders", "purchase_order_lines", "order", "ordered_on", "supplier"),
    "make": _Kind("work_orders", "work_order_components", "order", "start_at"),
    "move": _Kind("inbound_shipments", "inbound_cartons", "shipment", "ship_on"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Documents left as the accepted plan drew them, and the decisions still to be drawn."""

    tables: dict[str, pl.DataFrame]
    explanations: pl.DataFrame
    left: pl.DataFrame


def carried_documents(
    standing: Standing | None, dataset: Dataset, kind: str, *, as_of: date
) -> Carried:
    """Return the documents of a kind that stand as the accepted plan drew them.

    Orders to a supplier stand where none of its buys is another than in the accepted plan;
    work orders and shipments stand together. What should have been placed before `as_of` is
    drawn anew.
    """
    own = _KINDS[kind]
    supply = dataset["supply_plan"].filter(pl.col("kind") == kind)
    none = {name: schema(name).empty() for name in (own.heads, own.lines)}
    nothing = Carried(tables=none, explanations=schema("explanations").empty(), left=supply)
    if standing is None:
        return nothing
    columns = ["decision", "quantity", "start_on", "due_on"]
    before = standing.decisions.filter(pl.col("kind") == kind)
    changed = pl.concat(
        [
            supply.join(before, on=columns, how="anti").select("source"),
            before.join(supply, on=columns, how="anti").select("source"),
        ]
    )["source"]
    heads = standing.plan[own.heads].filter(~pl.col(own.number).is_in(list(standing.placed)))
    late = heads.filter(pl.col(own.day).cast(pl.Date) < as_of)
    if own.shared_by is None:
        if changed.len() or late.height:
            return nothing
        left = supply.clear()
    else:
        again = {*changed.to_list(), *late[own.shared_by].to_list()}
        heads = heads.filter(~pl.col(own.shared_by).is_in(list(again)))
        left = supply.filter(pl.col("source").is_in(list(again)))
    kept = heads[own.number].to_list()
    lines = standing.plan[own.lines].filter(pl.col(own.number).is_in(kept))
    reasons = standing.plan["explanations"].filter(pl.col("subject").is_in(kept))
    return Carried(tables={own.heads: heads, own.lines: lines}, explanations=reasons, left=left)


def nervousness(supply: pl.DataFrame, standing: Standing) -> dict[str, float | int | str]:
    """Return how much of the accepted plan another one changes, within the weeks both plan.

    What became an order is no change. Units changed are the sum of differences, decision by
    decision; the share is of the units of both plans, so that 1 is nothing in common.

    References
    ----------
    .. [1] Sridharan, Berry, Udayabhanu (1988), "Measuring master production schedule stability
       under rolling planning horizons", Decision Sciences 19(1): changes in quantity over the
       weeks that follow one another's plans, weighted alike here.
    """
    before = standing.decisions.select("decision", "due_on", before="quantity")
    last = standing.plan["supply_plan"]["due_on"].max()
    both = (
        supply.select("decision", "due_on", now="quantity")
        .join(before, on=["decision", "due_on"], how="full", coalesce=True)
        .filter(pl.lit(last is None) | (pl.col("due_on") <= pl.lit(last, dtype=pl.Date)))
        .with_columns(pl.col("now", "before").fill_null(0))
    )
    changed = both.filter(pl.col("now") != pl.col("before"))
    units = sum(abs(now - then) for now, then in changed.select("now", "before").iter_rows())
    total = sum(now + then for now, then in both.select("now", "before").iter_rows())
    return {
        "accepted_plan": standing.plan.plan,
        "decisions": both.height,
        "decisions_changed": changed.height,
        "units_changed": units,
        "share": units / total if total else 0.0,
    }


def orders_of(purchase_orders: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return purchase orders as supply_orders will have them once they are placed."""
    joined = lines.join(purchase_orders, on="order", how="inner")
    return schema("supply_orders").frame(
        joined.select(
            "order",
            "line",
            "item",
            "destination",
            "quantity",
            "ordered_on",
            "expected_on",
            "unit_price",
            kind=pl.lit("buy"),
            source=pl.col("supplier"),
            quantity_received=pl.lit(0),
            status=pl.lit("sent"),
        ).to_dicts()
    )


def decisions_of(rows: pl.DataFrame, column: str = "decision") -> tuple[str, ...]:
    """Return the decisions rows carry out; a row of several names them with spaces between."""
    told = rows[column].fill_null(rows["decision"]) if column in rows.columns else rows["decision"]
    names = told.drop_nulls().str.split(" ").explode().unique().sort()
    return tuple(name for name in names.to_list() if name)
