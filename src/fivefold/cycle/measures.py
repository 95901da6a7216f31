"""Figures of the loop, each defined once, with its name in the SCOR model where it has one.

Read from order lines, the books and the plan; none is estimated where a fact is missing.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.ledger.balances import inventory_value
from fivefold.ledger.journal import Journal
from fivefold.ledger.money import contribution
from fivefold.model import Dataset, schema
from fivefold.units import from_minor

#: Measure, unit, SCOR name, definition.
DEFINITIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "fill_rate",
        "share",
        "RL.2.1 % of Orders Delivered In Full",
        "demand served from stock / (demand served + demand estimated lost to stock-outs)",
    ),
    (
        "perfect_order",
        "share",
        "RL.1.1 Perfect Order Fulfillment",
        "order lines shipped, not cancelled, on time where a day was promised, not returned / all",
    ),
    (
        "order_cycle_time",
        "days",
        "RS.1.1 Order Fulfillment Cycle Time",
        "mean days from order to delivery, to shipment where no delivery is told",
    ),
    (
        "inventory_days",
        "days",
        "AM.2.2 Inventory Days of Supply",
        "stock at cost / cost of goods sold a day",
    ),
    (
        "cash_to_cash",
        "days",
        "AM.1.1 Cash-to-Cash Cycle Time",
        "inventory days + days sales outstanding - days payable outstanding",
    ),
    (
        "contribution",
        "currency",
        "",
        "revenue less refunds, fees, cost of goods, carriage and storage in the books",
    ),
    ("return_rate", "share", "", "units returned / units shipped in the days"),
    (
        "forecast_bias",
        "share",
        "RL.3.37 Forecast Accuracy",
        "sum of errors / sum of demand in held-out weeks; positive is too high",
    ),
    (
        "forecast_wape",
        "share",
        "RL.3.37 Forecast Accuracy",
        "sum of absolute errors / sum of demand in held-out weeks",
    ),
    (
        "plan_nervousness",
        "share",
        "",
        "units by which decisions differ from the accepted plan / units of both plans",
    ),
)


def measure(
    dataset: Dataset, journal: Journal, plan: Plan | None, *, as_of: date, days: int = 91
) -> pl.DataFrame:
    """Return the measures table; a value that facts do not give is empty.

    Parameters
    ----------
    dataset : Dataset
    journal : Journal
    plan : Plan or None
        For history cleaned of stock-outs and the back-test of the forecast.
    as_of : date
        The last day looked at is the one before.
    days : int
        How far is looked back.
    """
    since = as_of - timedelta(days=days)
    lines = dataset["orders"].filter(
        pl.col("ordered_at").dt.date().is_between(since, as_of, closed="left")
    )
    inventory_days = _inventory_days(dataset, journal, lines, days)
    values: dict[str, float | None] = {
        "fill_rate": _fill_rate(plan, since, as_of),
        "perfect_order": _perfect_order(lines, dataset),
        "order_cycle_time": _cycle_time(lines),
        "inventory_days": inventory_days,
        "cash_to_cash": _cash_to_cash(dataset, inventory_days),
        "contribution": _contribution(journal),
        "return_rate": _return_rate(dataset, lines, since, as_of),
        "forecast_bias": _accuracy(plan, "bias"),
        "forecast_wape": _accuracy(plan, "wape"),
        "plan_nervousness": _nervousness(plan),
    }
    return schema("measures").frame(
        [
            {
                "measure": name,
                "value": values[name],
                "unit": unit,
                "scor_name": scor,
                "definition": definition,
            }
            for name, unit, scor, definition in DEFINITIONS
        ]
    )


def _fill_rate(plan: Plan | None, since: date, as_of: date) -> float | None:
    """Served demand over all demand: what an item sells in stock is what it loses out of stock."""
    if plan is None:
        return None
    history = plan["sales_history"]
    window = history.filter(pl.col("date").is_between(since, as_of, closed="left"))
    in_stock = pl.col("in_stock_share").fill_null(1.0)
    rates = (
        history.filter(pl.col("date") >= since - timedelta(days=91))
        .group_by("item", "location")
        .agg(rate=pl.col("units").filter(in_stock > 0.5).mean())
    )
    joined = window.join(rates, on=["item", "location"], how="left")
    lost = (joined["rate"].fill_null(0.0) * (1.0 - joined["in_stock_share"].fill_null(1.0))).sum()
    served = float(window["units"].sum())
    return served / (served + float(lost)) if served > 0 else None


def _perfect_order(lines: pl.DataFrame, dataset: Dataset) -> float | None:
    closed = lines.filter(~pl.col("status").is_in(["pending", "open"]))
    if closed.height == 0:
        return None
    returned = dataset["returns"].select("order", "item").drop_nulls().unique()
    arrived = pl.coalesce("delivered_on", "shipped_on")
    on_time = pl.col("promised_on").is_null() | (arrived <= pl.col("promised_on"))
    good = closed.filter(pl.col("status").is_in(["shipped", "delivered"]) & on_time).join(
        returned, on=["order", "item"], how="anti"
    )
    return good.height / closed.height


def _cycle_time(lines: pl.DataFrame) -> float | None:
    done = lines.select(
        days=(
            pl.coalesce("delivered_on", "shipped_on") - pl.col("ordered_at").dt.date()
        ).dt.total_days()
    ).drop_nulls()
    return _number(done["days"].mean()) if done.height else None


def _inventory_days(
    dataset: Dataset, journal: Journal, lines: pl.DataFrame, days: int
) -> float | None:
    value = float(from_minor(int(inventory_value(journal)["value_minor"].sum()), journal.currency))
    sold = (
        lines.filter(pl.col("status").is_in(["shipped", "delivered"]))
        .join(dataset["items"].select("item", "unit_cost"), on="item", how="inner")
        .select((pl.col("quantity") * pl.col("unit_cost")).sum())
        .item()
    )
    return value / (sold / days) if sold else None


def _cash_to_cash(dataset: Dataset, inventory_days: float | None) -> float | None:
    """Return inventory days plus days the marketplace holds money less days suppliers wait.

    Sales are outstanding from their posting to the end of their settlement; a deposit is paid
    when ordering, so only the rest of an order waits for its payment days.
    """
    if inventory_days is None:
        return None
    paid = (
        dataset["suppliers"]
        .select(
            (
                pl.col("payment_days").fill_null(0) * (1 - pl.col("deposit_share").fill_null(0.0))
            ).mean()
        )
        .item()
    )
    return inventory_days + (days_outstanding(dataset) or 0.0) - float(paid or 0.0)


def days_outstanding(dataset: Dataset) -> float | None:
    """Return the mean days from a sale's posting to the end of its settlement, None if not told."""
    posted = dataset["settlements"].filter(pl.col("posted_at").is_not_null())
    waited = pl.col("posted_at").max().over("settlement") - pl.col("posted_at")
    return _number(posted.select((waited.dt.total_hours() / 24.0).mean()).item())


def _contribution(journal: Journal) -> float | None:
    table = contribution(journal, by="channel")
    if table.height == 0:
        return None
    own = table.filter(pl.col("currency") == journal.currency)["contribution_minor"].sum()
    return float(from_minor(int(own), journal.currency))


def _return_rate(dataset: Dataset, lines: pl.DataFrame, since: date, as_of: date) -> float | None:
    shipped = lines.filter(pl.col("status").is_in(["shipped", "delivered", "returned"]))
    back = dataset["returns"].filter(
        pl.col("returned_at").dt.date().is_between(since, as_of, closed="left")
    )
    units = float(shipped["quantity"].sum())
    return float(back["quantity"].sum()) / units if units > 0 else None


def _accuracy(plan: Plan | None, column: str) -> float | None:
    """Held-out figure of the methods in use, weighted by what each series sells."""
    if plan is None:
        return None
    chosen = plan["forecast_accuracy"].filter(pl.col("chosen") & pl.col(column).is_not_null())
    weight = (
        plan["forecast_means"].group_by("item", "location").agg(weight=pl.col("units_mean").sum())
    )
    joined = chosen.join(weight, on=["item", "location"], how="inner")
    total = float(joined["weight"].sum())
    if total <= 0:
        return None
    return float((joined[column] * joined["weight"]).sum()) / total


def _nervousness(plan: Plan | None) -> float | None:
    told = plan.notes.get("replanning") if plan is not None else None
    return _number(told.get("share")) if isinstance(told, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
