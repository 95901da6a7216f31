"""A plan in the figures it is judged by: units, money by month, capital, capacity, service, CO2e.

Everything is worked out from the plan's tables and the data; what a fact is missing for is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.measures import days_outstanding
from fivefold.cycle.plans import Plan
from fivefold.model import Dataset

#: Measure, unit, which way is better (or neither), definition.
FIGURES: tuple[tuple[str, str, str, str], ...] = (
    ("units_demanded", "units", "", "expected demand at the places that sell, all weeks"),
    ("units_served", "units", "higher", "demand less what the plan leaves unserved"),
    ("service", "share", "higher", "units served / units demanded"),
    ("units_uneconomic", "units", "", "unserved because serving would not pay"),
    ("revenue", "currency", "higher", "units served times price, where a price is known"),
    (
        "margin",
        "currency",
        "higher",
        "units served times contribution a unit: price less fees, carriage, returns, goods",
    ),
    ("purchases", "currency", "", "value of buys planned, landed"),
    (
        "cash_flow",
        "currency",
        "higher",
        "sales paid out after fees less payments for goods, carriage and work, within the weeks",
    ),
    ("least_cash", "currency", "higher", "opening cash plus cash flow in its lowest week"),
    (
        "working_capital",
        "currency",
        "lower",
        "mean over weeks of stock at cost, paid ahead less owed to suppliers, and unpaid sales",
    ),
    ("inventory", "currency", "lower", "mean over weeks of stock at cost"),
    ("inventory_days", "days", "lower", "mean stock at cost / cost of goods served a day"),
    ("capacity_use", "share", "", "used over amount of the limit used most, mean over weeks"),
    ("co2e_kg", "kg", "lower", "weight times distance times factor of every lane planned"),
)
UNITS = {name: unit for name, unit, _, _ in FIGURES}
BETTER = {name: better for name, _, better, _ in FIGURES}
#: Lines of a unit's costs that are paid when goods are bought, made or moved, or never.
_NOT_PAID_AT_SALE = ("UNIT_COST", "CAPITAL", "INBOUND_FREIGHT", "RETURNED_GOODS")
_KEYS = ["item", "location"]
_WEEK = ["period_start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A plan in figures.

    Parameters
    ----------
    name : str
        What people call it.
    plan, scenario : str
    figures : dict of str to float or None
        By the names of `FIGURES`.
    by_month : polars.DataFrame
        month, units, revenue, margin, cash_in, purchases_paid, carriage_and_work, cash_flow,
        cash; cash is empty where opening cash is not known.
    capacity : polars.DataFrame
        limit, kind, subject, mean_use, most_use, most_week.
    co2e_unknown_share : float
        Share of the tonne-kilometres planned that no factor is known for.
    notes : tuple of str
        What is not known and what was left out for it.
    """

    name: str
    plan: str
    scenario: str
    figures: dict[str, float | None]
    by_month: pl.DataFrame
    capacity: pl.DataFrame
    co2e_unknown_share: float
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        return {
            "name": self.name,
            "plan": self.plan,
            "scenario": self.scenario,
            "figures": self.figures,
            "by_month": self.by_month.to_dicts(),
            "capacity": self.capacity.to_dicts(),
            "co2e_unknown_share": self.co2e_unknown_share,
            "notes": list(self.notes),
        }


def version_of(plan: Plan, dataset: Dataset, *, name: str | None = None) -> Version:
    """Return a plan in figures.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
        What the plan was made from.
    name : str, optional
        What people call it; default its scenario.
    """
    sold = weekly_sales(plan, dataset)
    cash, opening, cash_notes = _cash_weeks(plan, dataset, sold)
    stock = _stock_weeks(plan, dataset)
    emitted, unknown = _co2e(plan, dataset)
    capacity = _capacity(plan)
    asked, served = float(sold["demand"].sum()), float(sold["served"].sum())
    uneconomic = plan["unmet_demand"].filter(pl.col("reason_code") == "uneconomic")["units"].sum()
    days = 7.0 * max(1, stock.height)
    mean_stock = _mean(stock["stock"])
    sold_cost = float(sold["cost"].sum())
    least = None if opening is None else opening + float(cash["cash_flow"].cum_sum().min() or 0.0)  # type: ignore[arg-type]
    figures: dict[str, float | None] = {
        "units_demanded": asked,
        "units_served": served,
        "service": served / asked if asked else None,
        "units_uneconomic": float(uneconomic),
        "revenue": float(sold["revenue"].sum()),
        "margin": float(sold["margin"].sum()),
        "purchases": float(plan["supply_plan"].filter(pl.col("kind") == "buy")["value"].sum()),
        "cash_flow": float(cash["cash_flow"].sum()),
        "least_cash": least,
        "working_capital": _mean(_working_capital(cash, stock)),
        "inventory": mean_stock,
        "inventory_days": mean_stock / (sold_cost / days) if mean_stock and sold_cost else None,
        "capacity_use": _number(capacity["mean_use"].max()) if capacity.height else None,
        "co2e_kg": emitted,
    }
    notes = [*cash_notes]
    unpriced = sold.filter(pl.col("price").is_null())
    if unpriced.height:
        notes.append(
            f"{unpriced.select(_KEYS).unique().height} streams have no price: no money is told."
        )
    if unknown > 0:
        notes.append(f"{unknown:.0%} of tonne-kilometres have no emission factor or weight.")
    return Version(
        name=name or plan.scenario,
        plan=plan.plan,
        scenario=plan.scenario,
        figures=figures,
        by_month=_by_month(sold, cash, opening),
        capacity=capacity,
        co2e_unknown_share=unknown,
        notes=tuple(notes),
    )


def selling_places(dataset: Dataset) -> dict[str, str]:
    """Return the channel whose demand each place serves."""
    table = dataset["channels"].filter(pl.col("kind") != "fba_onsite").sort("channel")
    return {
        place: channel
        for channel, place in table.select("channel", "location").drop_nulls().reverse().iter_rows()
    }


def weekly_sales(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return what each selling stream is asked for and serves, week by week, in units and money.

    Returns
    -------
    polars.DataFrame
        item, location, channel, period_start, demand, served, price, revenue, margin, paid_in
        (what its sales pay out after fees), cost (of goods served).
    """
    places = selling_places(dataset)
    channel = pl.col("location").replace_strict(places, default=None, return_dtype=pl.String)
    choices = plan["channel_choices"].select("item", "channel", "price", "contribution")
    fees = (
        plan["channel_fees"]
        .filter(~pl.col("line").is_in(_NOT_PAID_AT_SALE))
        .group_by("item", "channel")
        .agg(fees=pl.col("counted").sum())
    )
    listed = dataset["items"].select("item", "unit_cost", list_price="price")
    rows = (
        plan["projected_stock"]
        .filter(pl.col("location").is_in(list(places)))
        .select(*_KEYS, "period_start", "demand", served=pl.col("demand") - pl.col("unmet"))
        .with_columns(channel=channel)
        .join(choices, on=["item", "channel"], how="left")
        .join(fees, on=["item", "channel"], how="left")
        .join(listed, on="item", how="left")
        .with_columns(price=pl.coalesce("price", "list_price"))
    )
    served = pl.col("served")
    return rows.select(
        *_KEYS,
        "channel",
        "period_start",
        "demand",
        "served",
        "price",
        revenue=served * pl.col("price"),
        margin=served * pl.col("contribution"),
        paid_in=served * (pl.col("price") - pl.col("fees").fill_null(0.0)),
        cost=served * pl.col("unit_cost"),
    )


def _stock_weeks(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    cost = dataset["items"].select("item", "unit_cost")
    return (
        plan["projected_stock"]
        .join(cost, on="item", how="left")
        .group_by(_WEEK)
        .agg(stock=(pl.col("closing") * pl.col("unit_cost")).sum())
        .sort("period_start")
    )


def _cash_weeks(
    plan: Plan, dataset: Dataset, sold: pl.DataFrame
) -> tuple[pl.DataFrame, float | None, list[str]]:
    """Return cash in and out by week, what was received and sold, opening cash, what is unknown."""
    starts = plan["projected_stock"]["period_start"].unique().sort()
    weeks = pl.DataFrame({"period_start": starts})
    lag = days_outstanding(dataset)
    notes = [] if lag is not None else ["Days to payout are not known; sales count when sold."]
    came = _weekly(
        sold.select(day=pl.col("period_start") + timedelta(days=round(lag or 0.0)), v="paid_in"),
        "cash_in",
        starts,
    )
    bought = _payments(plan, dataset)
    carried = _carriage(plan, dataset)
    parts = [
        came,
        _weekly(sold.select(day="period_start", v="paid_in"), "earned", starts),
        _weekly(bought.select(day="paid_on", v="amount"), "purchases_paid", starts),
        _weekly(bought.select(day="received_on", v="received"), "received", starts),
        _weekly(carried, "carriage_and_work", starts),
    ]
    for part in parts:
        weeks = weeks.join(part, on="period_start", how="left")
    weeks = weeks.fill_null(0.0).with_columns(
        cash_flow=pl.col("cash_in") - pl.col("purchases_paid") - pl.col("carriage_and_work")
    )
    opening = dataset.setting_number("opening_cash", float("nan"))
    if opening != opening:
        return weeks, None, [*notes, "Opening cash is not known (setting opening_cash)."]
    return weeks, opening, notes


def _weekly(rows: pl.DataFrame, name: str, starts: pl.Series) -> pl.DataFrame:
    """Return amounts by the week they fall in; earlier ones count in the first, later ones not."""
    if starts.is_empty():
        return pl.DataFrame(schema={"period_start": pl.Date, name: pl.Float64})
    first, last = starts[0], starts[-1] + timedelta(days=7)
    return (
        rows.filter(pl.col("day") < last)
        .select(
            period_start=pl.max_horizontal(pl.col("day"), pl.lit(first)).dt.truncate("1w"),
            v=pl.col("v"),
        )
        .group_by(_WEEK)
        .agg(pl.col("v").sum().alias(name))
    )


def _payments(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return payments for buys planned and on order: paid_on, amount, received_on, received."""
    terms = dataset["suppliers"].select(
        source="supplier",
        deposit=pl.col("deposit_share").fill_null(0.0),
        wait=pl.col("payment_days").fill_null(0),
    )
    planned = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "buy")
        .select("source", ordered="start_on", due="due_on", value="value", open=pl.lit(value=False))
    )
    changed = plan["supply_changes"].filter(pl.col("change") != "keep")
    on_order = (
        dataset["supply_orders"]
        .filter(
            (pl.col("kind") == "buy") & ~pl.col("status").is_in(["received", "closed", "cancelled"])
        )
        .join(
            changed.select("order", "line", "to_date", "to_quantity"),
            on=["order", "line"],
            how="left",
        )
        .select(
            "source",
            ordered="ordered_on",
            due=pl.coalesce("to_date", "expected_on"),
            value=(
                pl.coalesce("to_quantity", "quantity") - pl.col("quantity_received").fill_null(0)
            ).clip(0)
            * pl.col("unit_price").fill_null(0.0),
            open=pl.lit(value=True),
        )
    )
    rows = pl.concat([planned, on_order], how="vertical_relaxed").join(
        terms, on="source", how="left"
    )
    rows = rows.with_columns(pl.col("deposit").fill_null(0.0), pl.col("wait").fill_null(0))
    paid = pl.col("due") + pl.duration(days=pl.col("wait"))
    none = pl.lit(0.0)
    deposits = rows.filter(~pl.col("open") & (pl.col("deposit") > 0)).select(
        paid_on="ordered",
        amount=pl.col("value") * pl.col("deposit"),
        received_on="ordered",
        received=none,
    )
    rest = rows.select(
        paid_on=paid,
        amount=pl.col("value") * (1.0 - pl.col("deposit")),
        received_on="due",
        received=pl.col("value") * (1.0 - pl.when("open").then(pl.col("deposit")).otherwise(0.0)),
    )
    return pl.concat([deposits, rest], how="vertical_relaxed")


def _carriage(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return what moves and work cost beyond the goods themselves: day, v."""
    cost = dataset["items"].select("item", goods=pl.col("unit_cost").fill_null(0.0))
    moves = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "move")
        .join(cost, on="item", how="left")
        .select(day="start_on", v=(pl.col("value") - pl.col("quantity") * pl.col("goods")).clip(0))
    )
    hours = (
        dataset["operations"]
        .join(dataset["resources"].select("resource", "cost_per_hour"), on="resource", how="left")
        .group_by(item="product")
        .agg(
            labour=(pl.col("run_time_hours_per_unit") * pl.col("cost_per_hour").fill_null(0)).sum()
        )
    )
    work = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "make")
        .join(hours, on="item", how="left")
        .select(day="start_on", v=pl.col("quantity") * pl.col("labour").fill_null(0.0))
    )
    return pl.concat([moves, work], how="vertical_relaxed")


def _working_capital(cash: pl.DataFrame, stock: pl.DataFrame) -> pl.Series:
    joined = stock.join(cash, on="period_start", how="left").sort("period_start")
    advance = (pl.col("purchases_paid") - pl.col("received")).cum_sum()
    unpaid = (pl.col("earned") - pl.col("cash_in")).cum_sum()
    return joined.select(pl.col("stock") + advance + unpaid).to_series()


def _capacity(plan: Plan) -> pl.DataFrame:
    """Return how much of each limit the plan uses; an amount of nothing is no capacity."""
    use = pl.col("used") / pl.col("amount")
    return (
        plan["limit_prices"]
        .filter(pl.col("amount") > 0)
        .sort("period_start")
        .group_by("limit", "kind", "subject")
        .agg(
            mean_use=use.mean(),
            most_use=use.max(),
            most_week=pl.col("period_start").get(use.arg_max()),
        )
        .sort("mean_use", "limit", descending=[True, False])
    )


def _co2e(plan: Plan, dataset: Dataset) -> tuple[float | None, float]:
    """Return kilograms of the lanes that are known, and the share of tonne-km that is not."""
    lanes = dataset["lanes"].select(
        "mode",
        "distance_km",
        source="origin",
        destination="destination",
        factor="co2e_kg_per_tonne_km",
    )
    moved = (
        plan["supply_plan"]
        .filter(pl.col("source") != pl.col("destination"))
        .join(dataset["items"].select("item", "weight_kg"), on="item", how="left")
        .join(
            lanes.unique(["source", "destination", "mode"], keep="first"),
            on=["source", "destination", "mode"],
            how="left",
        )
        .with_columns(work=pl.col("quantity") * pl.col("weight_kg") / 1000 * pl.col("distance_km"))
    )
    known = moved.filter(pl.col("work").is_not_null() & pl.col("factor").is_not_null())
    if not known.height:
        return None, 1.0 if moved.height else 0.0
    kilograms = known.select((pl.col("work") * pl.col("factor")).sum()).item()
    # Where neither weight nor distance is known a decision counts as the mean of the others.
    every = moved["work"].fill_null(_mean(moved["work"]) or 0.0).sum()
    unknown = 1.0 - float(known["work"].sum()) / float(every) if every else 0.0
    return float(kilograms), max(0.0, unknown)


def _by_month(sold: pl.DataFrame, cash: pl.DataFrame, opening: float | None) -> pl.DataFrame:
    month = pl.col("period_start").dt.truncate("1mo").alias("month")
    money = ("cash_in", "purchases_paid", "carriage_and_work", "cash_flow")
    sales = sold.group_by(month).agg(
        units=pl.col("served").sum(), revenue=pl.col("revenue").sum(), margin=pl.col("margin").sum()
    )
    flows = cash.group_by(month).agg(pl.col(name).sum() for name in money)
    balance = (
        pl.lit(None, dtype=pl.Float64)
        if opening is None
        else pl.col("cash_flow").cum_sum() + opening
    )
    return (
        sales.join(flows, on="month", how="full", coalesce=True)
        .sort("month")
        .with_columns(cash=balance)
    )


def differences(new: Version, old: Version) -> list[dict[str, Any]]:
    """Return figure by figure what differs between two versions, with which way is better."""
    rows = []
    for name, unit, better, _ in FIGURES:
        before, after = old.figures[name], new.figures[name]
        change = None if before is None or after is None else after - before
        verdict = ""
        if change and better:
            verdict = "better" if (change > 0) == (better == "higher") else "worse"
        rows.append(
            {
                "measure": name,
                "unit": unit,
                "before": before,
                "after": after,
                "difference": change,
                "verdict": verdict,
            }
        )
    return rows


def months_of(plan: Plan) -> Sequence[date]:
    """Return the first days of the months a plan covers."""
    starts = plan["projected_stock"]["period_start"]
    return starts.dt.truncate("1mo").unique().sort().to_list()


def _mean(values: pl.Series) -> float | None:
    return _number(values.mean())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
