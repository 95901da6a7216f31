"""Volume in families: items summed by family and month, and a family's volume put back on them."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.connect.tables import write_parquet
from fivefold.cycle.importing import import_files
from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import selling_places
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema

#: Family of items that name none.
NO_FAMILY = "(no family)"


def item_weeks(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return expected units of each selling stream by week, with its family and month.

    A week counts in the month of its Monday.
    """
    families = dataset["items"].select("item", pl.col("family").fill_null(NO_FAMILY))
    return (
        plan["forecast_means"]
        .filter(pl.col("location").is_in(list(selling_places(dataset))))
        .join(families, on="item", how="left")
        .select(
            pl.col("family").fill_null(NO_FAMILY),
            "item",
            "location",
            "period_start",
            month=pl.col("period_start").dt.truncate("1mo"),
            units=pl.col("units_mean"),
        )
    )


def family_volumes(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return expected units by family and month: family, month, items, units."""
    return (
        item_weeks(plan, dataset)
        .group_by("family", "month")
        .agg(items=pl.col("item").n_unique(), units=pl.col("units").sum())
        .sort("family", "month")
    )


def disaggregated(rows: pl.DataFrame, units: float) -> pl.DataFrame:
    """Return rows with their units scaled to a total, their mix kept; they add up to it.

    Parameters
    ----------
    rows : polars.DataFrame
        With a column units.
    units : float
        What they are to add up to.

    Raises
    ------
    ValueError
        If there is nothing to scale.

    >>> rows = pl.DataFrame({"item": ["A", "B"], "units": [30.0, 10.0]})
    >>> disaggregated(rows, 60.0)["units"].to_list()
    [45.0, 15.0]
    """
    total = float(rows["units"].sum())
    if units <= 0 or total <= 0:
        raise ValueError("only a volume above 0 can be put on items that are expected to sell")
    return rows.with_columns(pl.col("units") * (units / total))


def set_volume(
    workspace: Workspace,
    plan: Plan,
    family: str,
    month: date,
    units: float,
    *,
    author: str,
    reason: str,
) -> pl.DataFrame:
    """Write what a family is to sell in a month as overrides of its items, and return them.

    Each item keeps its share of the family and each week its share of the month, so that they
    add up to the volume. The next forecast carries it, with author and reason.

    Raises
    ------
    NotFoundError
        If the plan expects nothing of the family in that month.
    ValueError
        If the volume is not above 0 or there is no reason.
    """
    if not reason.strip():
        raise ValueError("say why the volume of a family is set")
    dataset = workspace.dataset(as_of=plan.as_of)
    own = item_weeks(plan, dataset).filter(
        (pl.col("family") == family) & (pl.col("month") == month.replace(day=1))
    )
    if not own.height:
        known = ", ".join(sorted(set(dataset["items"]["family"].drop_nulls()))[:8])
        raise NotFoundError(
            f"plan {plan.plan} expects nothing of {family!r} in {month:%Y-%m}; families are {known}"
        )
    made = disaggregated(own, units)
    factor = units / float(own["units"].sum())
    number = dataset["forecast_overrides"].height
    last = own["period_start"].max()
    assert isinstance(last, date)
    rows = schema("forecast_overrides").frame(
        [
            {
                # Later names act later, after what was said of single items.
                "override": f"~~sop-{month:%Y-%m}-{number:05d}-{item}",
                "item": item,
                "starts_on": own["period_start"].min(),
                "ends_on": last + timedelta(days=6),
                "action": "multiply",
                "value": factor,
                "author": author,
                "reason": f"{family} to sell {units:,.0f} in {month:%B %Y}: {reason.strip()}",
                "made_on": plan.as_of,
            }
            for item in own["item"].unique().sort().to_list()
        ]
    )
    import_files(
        workspace,
        [("forecast_overrides.parquet", write_parquet(rows))],
        actor=author,
        as_of=plan.as_of,
    )
    return made
