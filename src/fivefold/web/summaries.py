"""What a report, a workbook or a page reads off a plan: rows ranked and summed, nothing decided.

Each function takes the plan and the dataset it was made from and returns a polars table.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import selling_places
from fivefold.model import Dataset

#: Orders that start within this many days of the plan are to be placed now.
RELEASE_DAYS = 7
#: Weeks looked ahead for a stock-out, and weeks of cover above which stock is called excess.
SOON_WEEKS = 8
EXCESS_WEEKS = 26

_KEYS = ["item", "location"]
#: Group of fee lines, by parts of Amazon's own names; the first that matches counts.
_GROUPS = (
    ("Goods", ("UNIT_COST",)),
    ("Referral fees", ("REFERRAL",)),
    ("Returns", ("REFUND", "RETURN")),
    ("Inbound", ("INBOUND",)),
    ("Storage and capital", ("STORAGE", "AGED", "CAPITAL", "LOW_INVENTORY")),
    (
        "Fulfilment",
        ("FULFIL", "FUEL", "PICK_PACK", "PACKAGING", "PARCEL", "ONSITE", "SHIP", "CARRIAGE"),
    ),
)


def fee_group(line: str) -> str:
    """Return the group a fee or cost line belongs to.

    >>> fee_group("BASE_FBA_FULFILLMENT_FEE"), fee_group("RETURN_CARRIAGE"), fee_group("NEW")
    ('Fulfilment', 'Returns', 'Other fees')
    """
    for group, parts in _GROUPS:
        if any(part in line.upper() for part in parts):
            return group
    return "Other fees"


def orders_now(plan: Plan) -> pl.DataFrame:
    """Return purchase orders to place within the release window, dearest first."""
    last = plan.as_of + timedelta(days=RELEASE_DAYS)
    return (
        plan["purchase_orders"]
        .filter(pl.col("ordered_on") <= last)
        .sort(["landed_value", "order"], descending=[True, False], nulls_last=True)
    )


def streams(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return what is sold where: units forecast over the plan, price, contribution a unit.

    Returns
    -------
    polars.DataFrame
        item, location, channel, units, price, contribution, revenue; dearest revenue first.
    """
    places = selling_places(dataset)
    units = plan["forecast_means"].group_by(_KEYS).agg(units=pl.col("units_mean").sum())
    channel = pl.col("location").replace_strict(places, default=None, return_dtype=pl.String)
    prices = plan["channel_choices"].select("item", "channel", "price", "contribution")
    listed = dataset["items"].select("item", list_price="price")
    return (
        units.with_columns(channel=channel)
        .join(prices, on=["item", "channel"], how="left")
        .join(listed, on="item", how="left")
        .with_columns(price=pl.coalesce("price", "list_price"))
        .with_columns(revenue=pl.col("units") * pl.col("price"))
        .drop("list_price")
        .sort(["revenue", "item", "location"], descending=[True, False, False], nulls_last=True)
    )


def stock_health(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return the state of stock of each item at each place where it sells, worst first.

    Returns
    -------
    polars.DataFrame
        item, location, status, on_hand, weekly, cover_weeks, short_week, short_units, at_risk.
        stock-out: demand goes unserved within `SOON_WEEKS`. at risk: stock falls below its
        safety stock within them. excess: opening stock covers more than `EXCESS_WEEKS` of mean
        demand. healthy: the rest.
    """
    selling = streams(plan, dataset).filter(pl.col("channel").is_not_null() & (pl.col("units") > 0))
    projected = (
        plan["projected_stock"].join(selling, on=_KEYS, how="semi").sort(*_KEYS, "period_start")
    )
    soon = projected.filter(pl.col("period_start") < plan.as_of + timedelta(weeks=SOON_WEEKS))
    whole = projected.group_by(_KEYS, maintain_order=True).agg(
        on_hand=pl.col("opening").first(), weekly=pl.col("demand").mean()
    )
    short = soon.group_by(_KEYS).agg(
        short_units=pl.col("unmet").sum(),
        short_week=pl.col("period_start").filter(pl.col("unmet") > 0).min(),
        thin_week=pl.col("period_start").filter(pl.col("closing") < pl.col("target")).min(),
    )
    lost = plan["unmet_demand"].group_by(_KEYS).agg(at_risk=pl.col("value").sum())
    cover = pl.when(pl.col("weekly") > 0).then(pl.col("on_hand") / pl.col("weekly"))
    status = (
        pl.when(pl.col("short_units") > 0)
        .then(pl.lit("stock-out"))
        .when(pl.col("thin_week").is_not_null())
        .then(pl.lit("at risk"))
        .when(pl.col("cover_weeks") > EXCESS_WEEKS)
        .then(pl.lit("excess"))
        .otherwise(pl.lit("healthy"))
    )
    return (
        whole.join(short, on=_KEYS, how="left")
        .join(lost, on=_KEYS, how="left")
        .with_columns(cover_weeks=cover)
        .with_columns(status=status)
        .sort(
            ["at_risk", "short_units", *_KEYS],
            descending=[True, True, False, False],
            nulls_last=True,
        )
    )


def excess(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return items of which all places together hold more than `EXCESS_WEEKS` of demand.

    Only what is sold as it is counts; parts are held for what is made of them.

    Returns
    -------
    polars.DataFrame
        item, on_hand, weekly, cover_weeks, value; value is the cost of what lies beyond, empty
        where the item's cost is not known. Most money first.
    """
    held = (
        plan["projected_stock"]
        .sort("item", "location", "period_start")
        .group_by(_KEYS)
        .agg(on_hand=pl.col("opening").first())
        .group_by("item")
        .agg(pl.col("on_hand").sum())
    )
    weeks = max(1, plan["forecast_means"]["period_start"].n_unique())
    asked = plan["forecast_means"].group_by("item").agg(weekly=pl.col("units_mean").sum() / weeks)
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"]))
    over = pl.col("on_hand") - EXCESS_WEEKS * pl.col("weekly")
    return (
        held.join(sold.select("item", "unit_cost"), on="item", how="inner")
        .join(asked, on="item", how="left")
        .with_columns(pl.col("weekly").fill_null(0.0))
        .filter(over > 0)
        .with_columns(
            cover_weeks=pl.when(pl.col("weekly") > 0).then(pl.col("on_hand") / pl.col("weekly")),
            value=over * pl.col("unit_cost"),
        )
        .sort(["value", "item"], descending=[True, False], nulls_last=True)
        .select("item", "on_hand", "weekly", "cover_weeks", "value")
    )


def weekly_history(plan: Plan, item: str, location: str, weeks: int = 78) -> pl.DataFrame:
    """Return units wanted by whole week from Monday, and whether each was partly out of stock.

    Returns
    -------
    polars.DataFrame
        week, units, censored.
    """
    days = plan["sales_history"].filter((pl.col("item") == item) & (pl.col("location") == location))
    return (
        days.group_by(week=pl.col("date").dt.truncate("1w"))
        .agg(
            days=pl.len(),
            units=pl.col("units").sum(),
            censored=(pl.col("in_stock_share") < 1).any().fill_null(False),
        )
        .filter(pl.col("days") == 7)
        .sort("week")
        .select("week", "units", "censored")
        .tail(weeks)
    )


def accuracy(plan: Plan) -> pl.DataFrame:
    """Return the accuracy of the method used and of the seasonal naive, by stream, with demand.

    Returns
    -------
    polars.DataFrame
        item, location, units, wape, bias, coverage_90, wape_naive, bias_naive. The naive is
        empty where a stream has too little history for it.
    """
    table = plan["forecast_accuracy"]
    used = (
        table.filter(pl.col("chosen"))
        .sort([pl.col("method") != "combination", pl.col("wape")])
        .group_by(_KEYS, maintain_order=True)
        .first()
        .select(*_KEYS, "wape", "bias", "coverage_90")
    )
    naive = table.filter(pl.col("method") == "seasonal_naive").select(
        *_KEYS, wape_naive="wape", bias_naive="bias"
    )
    units = plan["forecast_means"].group_by(_KEYS).agg(units=pl.col("units_mean").sum())
    return (
        used.join(naive, on=_KEYS, how="left")
        .join(units, on=_KEYS, how="left")
        .filter(pl.col("wape").is_finite())
        .sort(*_KEYS)
    )


def contribution_steps(plan: Plan, dataset: Dataset) -> list[tuple[str, float]]:
    """Return the steps from sales to contribution over the plan, for streams whose costs are known.

    Sales and costs are a unit's, as `channel_fees` counts them, times forecast units; the margin
    of demand the plan does not serve is taken off at the end.
    """
    sold = streams(plan, dataset).filter(
        pl.col("contribution").is_not_null() & pl.col("price").is_not_null()
    )
    if sold.height == 0:
        return []
    fees = plan["channel_fees"].join(
        sold.select("item", "channel", "units"), on=["item", "channel"], how="inner"
    )
    grouped: dict[str, float] = {}
    for line, counted, units in fees.select("line", "counted", "units").iter_rows():
        group = fee_group(line)
        grouped[group] = grouped.get(group, 0.0) - (counted or 0.0) * units
    lost = plan["unmet_demand"].join(sold.select(_KEYS), on=_KEYS, how="semi")["value"].sum()
    steps = [("Sales at forecast", float(sold["revenue"].sum()))]
    steps += [
        (name, grouped[name])
        for name in (*(g for g, _ in _GROUPS), "Other fees")
        if name in grouped
    ]
    if lost:
        steps.append(("Demand not served", -float(lost)))
    return [*steps, ("Contribution", sum(value for _, value in steps))]


def flows(plan: Plan) -> pl.DataFrame:
    """Return goods the plan moves from place to place: orders, units and value, dearest first."""
    return (
        plan["supply_plan"]
        .group_by("kind", "source", "destination")
        .agg(
            decisions=pl.len(),
            items=pl.col("item").n_unique(),
            units=pl.col("quantity").sum(),
            value=pl.col("value").sum(),
        )
        .sort(["value", "kind", "source", "destination"], descending=[True, False, False, False])
    )


def binding_limits(plan: Plan) -> pl.DataFrame:
    """Return the limits whose price is above zero in some week, dearest first.

    Returns
    -------
    polars.DataFrame
        limit, kind, subject, weeks, first_week, price, price_week, amount.
    """
    tight = plan["limit_prices"].filter(pl.col("price") > 0).sort("period_start")
    top = pl.col("price").arg_max()
    return (
        tight.group_by("limit", "kind", "subject")
        .agg(
            weeks=pl.len(),
            first_week=pl.col("period_start").min(),
            price=pl.col("price").max(),
            price_week=pl.col("period_start").get(top),
            amount=pl.col("amount").get(top),
        )
        .sort(["price", "limit"], descending=[True, False])
    )
