"""The five figures of the first page: each with its change and with what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import selling_places
from fivefold.model import Dataset
from fivefold.web import summaries, words
from fivefold.web.tower.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """A figure, its change in words, and whether the change is good."""

    name: str
    label: str
    value: str
    change: str
    good: bool | None
    meaning: str


_MEANINGS = {
    "served": "Demand the plan serves over demand expected, over all weeks of the plan, at the "
    "places that sell.",
    "short": f"Items at places whose demand goes unserved within {summaries.SOON_WEEKS} weeks, and "
    "those that fall below their safety stock in them.",
    "excess": "Items at places whose stock covers more than "
    f"{summaries.EXCESS_WEEKS} weeks of mean demand.",
    "value": "Units on hand at what they cost, at all places, at the start of the plan.",
    "orders": f"Purchase orders to place within {summaries.RELEASE_DAYS} days, landed: goods, "
    "freight and duty.",
}


def meaning(name: str) -> str:
    """Return what a figure is, in a sentence."""
    return _MEANINGS[name]


def measured(plan: Plan, dataset: Dataset) -> dict[str, float]:
    """Return the five figures of a plan."""
    places = list(selling_places(dataset))
    selling = plan["projected_stock"].filter(pl.col("location").is_in(places))
    asked = float(selling["demand"].sum())
    health = summaries.stock_health(plan, dataset)
    status = dict(health.group_by("status").len().iter_rows())
    cost = dataset["items"].select("item", "unit_cost")
    first = plan["projected_stock"].sort("period_start").group_by("item", "location").first()
    priced = first.join(cost, on="item")
    value = float(priced.select((pl.col("opening") * pl.col("unit_cost")).sum()).item() or 0.0)
    weeks = max(1, plan["projected_stock"]["period_start"].n_unique())
    used = float(
        selling.join(cost, on="item").select((pl.col("demand") * pl.col("unit_cost")).sum()).item()
        or 0.0
    )
    return {
        "served": 1.0 - float(selling["unmet"].sum()) / asked if asked else 1.0,
        "short": float(status.get("stock-out", 0) + status.get("at risk", 0)),
        "stock_out": float(status.get("stock-out", 0)),
        "excess": float(status.get("excess", 0)),
        "value": value,
        "days": 7 * weeks * value / used if used else 0.0,
        "unmet": float(selling["unmet"].sum()),
        "all": float(health.height),
        "orders": float(summaries.orders_now(plan)["landed_value"].sum()),
        "order_count": float(summaries.orders_now(plan).height),
    }


def key_figures(state: State) -> list[KeyFigure]:
    """Return the five figures of the first page."""
    now = state.once("figures", lambda: measured(state.made, state.dataset))
    before = state.before
    old = state.once("figures_before", lambda: measured(before, state.dataset)) if before else None
    since = "on the last plan" if before is None else f"on {_named(state, before)}"

    beside = _beside(state, now)

    def told(name: str, kind: str, *, higher: bool | None) -> tuple[str, bool | None]:
        if old is None:
            return beside[name], None
        change = now[name] - old[name]
        text = {
            "share": f"{words.signed(words.number(change * 100, 1))} pt",
            "count": words.signed(words.number(change)),
            "money": words.signed(words.money(change, state.sign, cents=False)),
        }[kind]
        if not any(c in "123456789" for c in text):
            return f"unchanged {since}", None
        return f"{text} {since}", None if higher is None else (change > 0) == higher

    rows: list[tuple[str, str, str, str, bool | None]] = [
        ("served", "Demand served", words.share(now["served"]), "share", True),
        ("short", "Short or at risk", words.number(now["short"]), "count", False),
        ("excess", "Excess", words.number(now["excess"]), "count", False),
        ("value", "Stock at cost", words.money(now["value"], state.sign), "money", None),
        ("orders", "To order this week", words.money(now["orders"], state.sign), "money", None),
    ]
    found = []
    for name, label, value, kind, higher in rows:
        change, good = told(name, kind, higher=higher)
        found.append(
            KeyFigure(
                name=name,
                label=label,
                value=value,
                change=change,
                good=good,
                meaning=_MEANINGS[name],
            )
        )
    return found


def _beside(state: State, now: dict[str, float]) -> dict[str, str]:
    """Return what stands beside each figure where there is no plan to compare it with."""
    unmet = now["unmet"]
    return {
        "served": f"{words.number(unmet)} units not served" if unmet else "all of it",
        "short": f"{words.number(now['stock_out'])} out, "
        f"{words.number(now['short'] - now['stock_out'])} at risk, of {words.number(now['all'])}",
        "excess": f"of {words.number(now['all'])} items at places",
        "value": f"{words.number(now['days'])} days of cover" if now["days"] else "all places",
        "orders": words.many(int(now["order_count"]), "order"),
    }


def _named(state: State, plan: Plan) -> str:
    accepted = state.workspace.current_plan()
    if accepted is not None and accepted.plan == plan.plan:
        return "the accepted plan"
    return "last plan" if plan.scenario == state.made.scenario else plan.scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Why the value of planned supply differs between two plans."""

    rows: list[tuple[str, float]]
    title: str
    note: str


def change_by_cause(state: State) -> Change:
    """Return the change of planned receipts by cause; with one plan, how stock comes to its end.

    At every place receipts less issues = closing − opening + demand − unmet, so the change
    between two plans divides into those four without a rest. Values are at unit cost.
    """
    cost = state.dataset["items"].select("item", "unit_cost")
    now = _flows(state.made, cost)
    if state.before is None:
        return Change(
            title="From stock today to stock at the end",
            note="All places, at unit cost. The next plan shows here what changed and why.",
            rows=[
                ("Stock today", now["opening"]),
                ("Comes in", now["supply"]),
                ("Demand served", -(now["demand"] - now["unmet"])),
                ("Stock at the end", now["closing"]),
            ],
        )
    old = _flows(state.before, cost)
    delta = {name: now[name] - old[name] for name in now}
    return Change(
        title="Why planned supply changed",
        note=f"What comes in over the plan, at unit cost, against {_named(state, state.before)}.",
        rows=[
            ("Before", old["supply"]),
            ("Demand", delta["demand"]),
            ("Stock on hand", -delta["opening"]),
            ("Demand left unserved", -delta["unmet"]),
            ("Stock wanted at the end", delta["closing"]),
            ("Now", now["supply"]),
        ],
    )


def _flows(plan: Plan, cost: pl.DataFrame) -> dict[str, float]:
    rows = plan["projected_stock"].join(cost, on="item").sort("period_start")
    priced = pl.col("unit_cost").fill_null(0.0)
    each = rows.group_by("item", "location", maintain_order=True).agg(
        opening=pl.col("opening").first() * priced.first(),
        closing=pl.col("closing").last() * priced.first(),
        demand=(pl.col("demand") * priced).sum(),
        unmet=(pl.col("unmet") * priced).sum(),
    )
    found = {name: float(each[name].sum()) for name in ("opening", "closing", "demand", "unmet")}
    found["supply"] = found["closing"] - found["opening"] + found["demand"] - found["unmet"]
    return found


def horizon(plan: Plan) -> str:
    """Return the weeks of a plan in words."""
    starts = plan["projected_stock"]["period_start"]
    if starts.len() == 0:
        return words.day(plan.as_of)
    first, last = starts.min(), starts.max()
    assert isinstance(first, type(plan.as_of))
    assert isinstance(last, type(plan.as_of))
    weeks = (last - first).days // 7 + 1
    return f"{weeks} weeks from {words.short_day(first)} to {words.day(last + timedelta(days=6))}"
