"""Budget against plan against actual, month by month; what nobody set or recorded is unknown."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import weekly_sales
from fivefold.model import Dataset

MEASURES = ("units", "revenue", "margin")


def against_budget(plan: Plan, dataset: Dataset, *, family: str = "") -> pl.DataFrame:
    """Return budget, plan and actual of each month that any of them knows.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
    family : str
        One planning family; empty for the whole company.

    Returns
    -------
    polars.DataFrame
        month, then units, revenue and margin as `budget_`, `plan_`, `actual_` and, where all of
        the month is known, `gap_` (plan and actual less budget). A month that lasts has both plan
        and actual: what is sold and what is still to come. Actual margin is not told by order
        lines and stays unknown; so does the gap of a month that goes on after the plan's weeks.
    """
    budget = dataset["budget"].filter(pl.col("family").fill_null("") == family)
    first = pl.col("month").dt.truncate("1mo")
    rows = (
        budget.with_columns(month=first)
        .group_by("month")
        .agg(_sum(name).alias(f"budget_{name}") for name in MEASURES)
    )
    months = budget["month"].to_list()
    since = min([*months, plan.as_of.replace(day=1)])
    for other in (_planned(plan, dataset, family), _actual(dataset, family, since, plan.as_of)):
        rows = rows.join(other, on="month", how="full", coalesce=True)
    last = plan["projected_stock"]["period_start"].max()
    ends = last + timedelta(days=7) if isinstance(last, date) else plan.as_of
    month = pl.col("month")
    gone = month < pl.lit(plan.as_of)
    to_come = month.dt.offset_by("1mo") > pl.lit(plan.as_of)
    for name in MEASURES:
        planned, sold = pl.col(f"plan_{name}"), pl.col(f"actual_{name}")
        # Each part of the month that there is has to be known.
        whole = (
            (planned.is_not_null() | ~to_come)
            & (sold.is_not_null() | ~gone)
            & (month.dt.offset_by("1mo") <= pl.lit(ends))
        )
        known = planned.fill_null(0.0) + sold.fill_null(0.0)
        rows = rows.with_columns(
            pl.when(whole).then(known - pl.col(f"budget_{name}")).alias(f"gap_{name}")
        )
    names = [f"{kind}_{name}" for name in MEASURES for kind in ("budget", "plan", "actual", "gap")]
    return rows.sort("month").select("month", *names)


def _sum(name: str) -> pl.Expr:
    """Return a sum that stays unknown where no part is known."""
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum())


def _of_family(rows: pl.DataFrame, dataset: Dataset, family: str) -> pl.DataFrame:
    if not family:
        return rows
    own = dataset["items"].filter(pl.col("family") == family)["item"]
    return rows.filter(pl.col("item").is_in(own.implode()))


def _planned(plan: Plan, dataset: Dataset, family: str) -> pl.DataFrame:
    sold = _of_family(weekly_sales(plan, dataset), dataset, family)
    return sold.group_by(month=pl.col("period_start").dt.truncate("1mo")).agg(
        plan_units=pl.col("served").sum(),
        plan_revenue=_sum("revenue"),
        plan_margin=_sum("margin"),
    )


def _actual(dataset: Dataset, family: str, since: date, until: date) -> pl.DataFrame:
    lines = _of_family(dataset["orders"], dataset, family).filter(
        pl.col("ordered_at").dt.date().is_between(since, until, closed="left")
        & (pl.col("status") != "cancelled")
    )
    money = pl.col("quantity") * pl.col("unit_price")
    return (
        lines.with_columns(money=money)
        .group_by(month=pl.col("ordered_at").dt.date().dt.truncate("1mo"))
        .agg(actual_units=pl.col("quantity").sum().cast(pl.Float64), actual_revenue=_sum("money"))
        .with_columns(actual_margin=pl.lit(None, dtype=pl.Float64))
    )
