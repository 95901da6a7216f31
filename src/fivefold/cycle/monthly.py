"""A plan by month: what is wanted, served and comes in where goods are sold, and capacity used.

A week counts in the month of its Monday; the first and the last month are parts of one.
"""

from __future__ import annotations

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import selling_places, weekly_sales
from fivefold.model import Dataset

_MONTH = pl.col("period_start").dt.truncate("1mo").alias("month")


def balance_by_month(plan: Plan, dataset: Dataset, *, family: str = "") -> pl.DataFrame:
    """Return demand and supply of each month where goods are sold, in units.

    Parameters
    ----------
    family : str
        One planning family; empty for the whole company.

    Returns
    -------
    polars.DataFrame
        month, weeks, demand, served, unmet, comes_in (from elsewhere: what one selling place
        sends another is not counted), closing (stock at the end of the month), revenue, margin.
    """
    rows = plan["projected_stock"].filter(pl.col("location").is_in(list(selling_places(dataset))))
    money = weekly_sales(plan, dataset).select(
        "item", "location", "period_start", "revenue", "margin"
    )
    rows = rows.join(money, on=["item", "location", "period_start"], how="left")
    if family:
        own = dataset["items"].filter(pl.col("family") == family)["item"]
        rows = rows.filter(pl.col("item").is_in(own.implode()))
    week = pl.col("period_start")
    return (
        rows.with_columns(
            _MONTH,
            first=week == week.min().over(_MONTH),
            last=week == week.max().over(_MONTH),
        )
        .group_by("month")
        .agg(
            weeks=pl.col("period_start").n_unique(),
            demand=pl.col("demand").sum(),
            served=(pl.col("demand") - pl.col("unmet")).sum(),
            unmet=pl.col("unmet").sum(),
            opening=pl.col("opening").filter("first").sum(),
            closing=pl.col("closing").filter("last").sum(),
            revenue=pl.col("revenue").sum(),
            margin=pl.col("margin").sum(),
        )
        .with_columns(comes_in=pl.col("closing") - pl.col("opening") + pl.col("served"))
        .sort("month")
    )


def capacity_by_month(plan: Plan) -> pl.DataFrame:
    """Return how much of each limit a plan uses by month.

    Returns
    -------
    polars.DataFrame
        limit, kind, subject, month, use (mean share), most (of one week), weeks_bound (weeks in
        which more of it would pay), price (the most one more would have saved); limits that
        nothing is used of are left out.
    """
    use = pl.col("used") / pl.col("amount")
    rows = (
        plan["limit_prices"]
        .filter(pl.col("amount") > 0)
        .with_columns(_MONTH)
        .group_by("limit", "kind", "subject", "month")
        .agg(
            use=use.mean(),
            most=use.max(),
            weeks_bound=(pl.col("price") > 1e-6).sum(),
            price=pl.col("price").max(),
        )
    )
    used = rows.group_by("limit").agg(all=pl.col("use").max()).filter(pl.col("all") > 0.005)
    return rows.join(used, on="limit", how="semi").sort("kind", "limit", "month")
