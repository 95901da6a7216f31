"""Shared limits, added up anew: cash, cube, receipts, machine hours, lanes, suppliers' capacity.

A limit is a slot: an amount for a subject from a period on; what draws on it is summed from
decisions and existing orders. Orders of before the plan may pass a limit; the plan may not
add to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import (
    item_sizes,
    lane_days,
    make_hours,
    open_days_per_week,
    orders_as_changed,
    plan_weeks,
)
from fivefold.model import Dataset

#: Share by which a sum of floats may pass a limit.
SLACK = 1e-6
#: Share of a limit that must be used for it to have a price; lots leave some of it unused.
BINDING_SHARE = 0.5
_SLOT = ["limit", "kind", "subject", "period_start"]
_USE = ["kind", "subject", "week", "used", "new"]
_RULES = {
    "cash": "cash_limit",
    "supplier_units": "supplier_limit",
    "resource_hours": "resource_limit",
    "lane_m3": "lane_limit",
    "receipts_units": "receipts_limit",
}


def check_limits(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield every limit that the decisions break."""
    yield from _stated(dataset)
    weeks = plan_weeks(dataset)
    if weeks.height == 0 or dataset["supply_plan"].height == 0:
        return
    limits = given_limits(dataset, weeks)
    uses = pl.concat(
        frame.with_columns(pl.col("used", "new").cast(pl.Float64)).select(_USE)
        for frame in (
            *_supplier_uses(dataset, weeks, as_of),
            _receipt_uses(dataset, weeks, as_of),
            _lane_uses(dataset, weeks),
            _cash_uses(dataset, weeks, as_of),
            _machine_uses(dataset, weeks, as_of),
        )
    )
    filled = _filled(limits, uses)
    yield from _held(filled)
    # What orders of before cost landed no table tells; they may be as dear as their dearest way.
    dearest = _filled(
        limits,
        pl.concat(
            [
                uses.filter(pl.col("kind") != "cash"),
                _cash_uses(dataset, weeks, as_of, landed=True).select(_USE),
            ]
        ),
    )
    yield from _told_is_held(dataset, dearest)
    yield from _with_set_ups(dataset, limits, weeks)
    yield from _budget(dataset, weeks)
    cube = _cube(dataset, limits)
    yield from _storage(cube)
    yield from _amounts_are_given(dataset, limits)
    yield from _use_is_told(dataset, filled, cube, dearest)


def _stated(dataset: Dataset) -> Iterator[pl.DataFrame]:
    prices = dataset["limit_prices"]
    key = ["limit", "subject", "period_start"]
    yield violations(
        prices.filter(
            (pl.col("price") > 1e-6)
            & (pl.col("used") < pl.col("amount") * BINDING_SHARE)
            # A limit smaller than one lot stays unused and yet stops it.
            & (pl.col("found_by").fill_null("") != "blocked lot")
        ),
        table="limit_prices",
        key=key,
        rule="slack_limit_has_no_price",
        found="price",
        expected="0 where half of the limit is unused and no lot waits for it",
    )


def given_limits(dataset: Dataset, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return every limit by week: limit, kind, subject, week, amount, period_start of its slot.

    A limit somebody wrote down takes the place of the one a place, lane, supplier or machine
    implies; one for named periods takes the place of the weekly rule of the same name.
    """
    rules = dataset["limits_rules"].select("limit", "kind", "subject", amount="amount_per_week")
    dated = _dated_limits(dataset["limits"], weeks)
    weekly = rules.join(weeks.select(week="period_start"), how="cross").join(
        dated, on=["limit", "kind", "subject", "week"], how="anti"
    )
    named = pl.concat(
        [rules.select("kind", "subject"), dataset["limits"].select("kind", "subject")]
    )
    implied = _implied_limits(dataset, weeks).join(named, on=["kind", "subject"], how="anti")
    columns = ["limit", "kind", "subject", "week", "period_start", "amount"]
    by_week = pl.concat([weekly, implied], how="diagonal").with_columns(period_start=pl.col("week"))
    return pl.concat([by_week.select(columns), dated.select(columns)])


def _dated_limits(limits: pl.DataFrame, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return limits for named periods by week; a week counts in the period it starts in."""
    ends = pl.col("period_start") + pl.duration(days=pl.col("period_days"))
    return (
        limits.with_columns(ends=ends, slot="period_start")
        .join(weeks.select(week="period_start"), how="cross")
        .filter(
            (pl.col("week") + pl.duration(days=6) >= pl.col("slot"))
            & (pl.col("week") < pl.col("ends"))
        )
        # Of two periods that share a week the later one holds.
        .sort("slot")
        .unique(subset=["limit", "kind", "subject", "week"], keep="last", maintain_order=True)
        .select(
            "limit",
            "kind",
            "subject",
            "week",
            "amount",
            period_start=pl.col("week").min().over("limit", "kind", "subject", "slot"),
        )
    )


def _implied_limits(dataset: Dataset, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the limits that suppliers, offers, lanes, places and machines have by themselves."""
    open_days = open_days_per_week(dataset, weeks["period_start"])
    all_weeks = weeks.select(week="period_start")
    suppliers = dataset["suppliers"].select(
        subject="supplier", amount="capacity_units_per_week", kind=pl.lit("supplier_units")
    )
    offers = dataset["supplier_offers"].select(
        subject=phrase("{}|{}", "supplier", "item"),
        amount="capacity_units_per_week",
        kind=pl.lit("supplier_units"),
    )
    lanes = dataset["lanes"].select(
        subject=phrase("{}→{}/{}", "origin", "destination", "mode"),
        amount="capacity_m3_per_week",
        kind=pl.lit("lane_m3"),
    )
    cubes = dataset["locations"].select(
        subject="location", amount="storage_capacity_m3", kind=pl.lit("storage_m3")
    )
    every_week = (
        pl.concat([suppliers, offers, lanes, cubes])
        .drop_nulls("amount")
        .join(all_weeks, how="cross")
    )
    docks = dataset["locations"].select(
        "calendar",
        subject="location",
        kind=pl.lit("receipts_units"),
        daily="receipts_capacity_units_per_day",
        extra=pl.lit(0.0),
    )
    machines = dataset["resources"].select(
        "calendar",
        subject="resource",
        kind=pl.lit("resource_hours"),
        daily=pl.col("count").fill_null(1) * pl.col("hours_per_day").fill_null(0.0),
        extra=pl.col("overtime_hours_per_week").fill_null(0.0),
    )
    by_days = (
        pl.concat([docks, machines])
        .drop_nulls("daily")
        .join(all_weeks, how="cross")
        .join(open_days, on=["calendar", "week"], how="left")
        # A place without a calendar works every day.
        .with_columns(amount=pl.col("daily") * pl.col("open_days").fill_null(7) + pl.col("extra"))
    )
    columns = ["kind", "subject", "week", "amount"]
    return pl.concat([every_week.select(columns), by_days.select(columns)]).with_columns(
        limit=phrase("{} {}", "kind", "subject")
    )


def _week(day: str | pl.Expr, weeks: pl.DataFrame) -> pl.Expr:
    """Return the plan week of a day; days before the first week count in it."""
    first = weeks["period_start"].min()
    column = pl.col(day) if isinstance(day, str) else day
    return pl.max_horizontal(column.dt.truncate("1w"), pl.lit(first))


def _buys(dataset: Dataset) -> pl.DataFrame:
    return dataset["supply_plan"].filter(pl.col("kind") == "buy")


def _open_orders(dataset: Dataset, as_of: date) -> pl.DataFrame:
    """Return orders of before the plan; `fresh` ones draw on what is used at their start."""
    return orders_as_changed(dataset).with_columns(
        fresh=pl.col("ordered_on") >= as_of,
        expected_on=pl.max_horizontal("expected_on", pl.lit(as_of)),
    )


def _supplier_uses(dataset: Dataset, weeks: pl.DataFrame, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield units asked of suppliers, in all and by item, in the week of ordering."""
    bought = _buys(dataset).select(
        "source", "item", week=_week("start_on", weeks), used="quantity", new="quantity"
    )
    placed = (
        _open_orders(dataset, as_of)
        .filter((pl.col("kind") == "buy") & pl.col("fresh"))
        .select(
            "source",
            "item",
            week=_week("ordered_on", weeks),
            used="left",
            new=pl.lit(0).cast(pl.Int64),
        )
    )
    asked = pl.concat([bought, placed]).with_columns(kind=pl.lit("supplier_units"))
    yield asked.with_columns(subject="source")
    yield asked.with_columns(subject=phrase("{}|{}", "source", "item"))


def _receipt_uses(dataset: Dataset, weeks: pl.DataFrame, as_of: date) -> pl.DataFrame:
    decided = dataset["supply_plan"].select(
        subject="destination", week=_week("due_on", weeks), used="quantity", new="quantity"
    )
    placed = _open_orders(dataset, as_of).select(
        subject="destination",
        week=_week("expected_on", weeks),
        used="left",
        new=pl.lit(0).cast(pl.Int64),
    )
    return pl.concat([decided, placed]).with_columns(kind=pl.lit("receipts_units"))


def _lane_uses(dataset: Dataset, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return cube on lanes in the week of departure.

    A buy departs between the day it is ready at the supplier and the last day from which it
    still arrives by its due day; it counts where both days lie in one week.
    """
    lead = dataset["supplier_offers"].select("item", "lead_time_days_mean", source="supplier")
    travelling = (
        dataset["supply_plan"]
        .filter(pl.col("kind").is_in(["buy", "move"]))
        .join(
            lane_days(dataset).select("source", "destination", "mode", "lane_days"),
            on=["source", "destination", "mode"],
            how="inner",
        )
        .join(item_sizes(dataset), on="item", how="left")
        .join(lead, on=["source", "item"], how="left")
        .with_columns(
            ready=pl.col("start_on")
            + pl.duration(days=pl.col("lead_time_days_mean").fill_null(0.0).floor()),
            latest=pl.when(pl.col("kind") == "move")
            .then("start_on")
            .otherwise(pl.col("due_on") - pl.duration(days=pl.col("lane_days").ceil())),
            cube=pl.col("quantity") * pl.col("m3"),
        )
        .filter(_week("ready", weeks) == _week("latest", weeks))
        .with_columns(week=_week("ready", weeks), used="cube", new="cube", kind=pl.lit("lane_m3"))
    )
    lane = phrase("{}→{}", "source", "destination")
    return pl.concat(
        [
            travelling.with_columns(subject=lane).select(_USE),
            travelling.with_columns(subject=phrase("{}/{}", lane, "mode")).select(_USE),
        ]
    )


def _cash_uses(
    dataset: Dataset, weeks: pl.DataFrame, as_of: date, *, landed: bool = False
) -> pl.DataFrame:
    """Return money paid by week: deposits when ordering, the rest after the payment days.

    Existing orders are counted at their own price, or, with `landed`, at what the item costs
    landed by its dearest option where that is more, and shipments on the way at the dearest
    freight of their lane; which of these holds no table tells.
    """
    terms = dataset["suppliers"].select(
        source="supplier",
        deposit=pl.col("deposit_share").fill_null(0.0),
        days=pl.col("payment_days").fill_null(0),
    )
    options = (
        dataset["sourcing_options"]
        .group_by("item", "destination", source="supplier")
        .agg(landed=pl.col("landed_unit_cost").max())
    )
    # Receiving is the company's own work; a landed cost by an option holds none.
    own_work = dataset["locations"].select(
        destination="location", receiving=pl.col("receiving_cost_per_unit").fill_null(0.0)
    )
    bought = (
        _buys(dataset)
        .join(options, on=["source", "item", "destination"], how="left")
        .join(own_work, on="destination", how="left")
        .select(
            "source",
            "start_on",
            "due_on",
            value=pl.when(pl.col("landed").is_null())
            .then(pl.col("value") - pl.col("quantity") * pl.col("receiving").fill_null(0.0))
            .otherwise("value"),
        )
    )
    price = pl.col("unit_price").fill_null(0.0)
    placed = (
        _open_orders(dataset, as_of)
        .filter(pl.col("kind") == "buy")
        .join(options, on=["source", "item", "destination"], how="left")
        .select(
            "source",
            "fresh",
            start_on="ordered_on",
            due_on="expected_on",
            value=pl.col("left") * (pl.max_horizontal(price, "landed") if landed else price),
        )
    )
    owed = (
        pl.concat(
            [
                bought.with_columns(new=pl.lit(1.0), fresh=pl.lit(True)),
                placed.with_columns(new=pl.lit(0.0)).select(
                    "source", "start_on", "due_on", "value", "new", "fresh"
                ),
            ]
        )
        .join(terms, on="source", how="left")
        .with_columns(pl.col("deposit").fill_null(0.0), pl.col("days").fill_null(0))
    )
    deposits = owed.filter(pl.col("fresh")).select(
        week=_week("start_on", weeks), used=pl.col("value") * pl.col("deposit"), new="new"
    )
    rest = owed.select(
        week=_week(pl.col("due_on") + pl.duration(days=pl.col("days")), weeks),
        used=pl.col("value") * (1.0 - pl.col("deposit")),
        new="new",
    )
    paid = pl.concat([deposits, rest, _freight_of_moves(dataset, weeks)])
    if landed:
        paid = pl.concat([paid, _freight_of_shipments(dataset, weeks, as_of)])
    return paid.select(
        "week",
        "used",
        kind=pl.lit("cash"),
        subject=pl.lit(""),
        new=pl.col("used") * pl.col("new"),
    )


def _freight_of_moves(dataset: Dataset, weeks: pl.DataFrame) -> pl.DataFrame:
    each = pl.col("per_unit") + pl.col("per_kg") * pl.col("kg") + pl.col("per_m3") * pl.col("m3")
    return (
        dataset["supply_plan"]
        .filter(pl.col("kind") == "move")
        .join(lane_days(dataset), on=["source", "destination", "mode"], how="inner")
        .join(item_sizes(dataset), on="item", how="left")
        .select(
            week=_week("due_on", weeks),
            used=pl.col("quantity") * each.fill_null(0.0),
            new=pl.lit(1.0),
        )
    )


def _freight_of_shipments(dataset: Dataset, weeks: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return what moves of before the plan may still cost, in the week they arrive."""
    each = pl.col("per_unit") + pl.col("per_kg") * pl.col("kg") + pl.col("per_m3") * pl.col("m3")
    lanes = lane_days(dataset).drop("mode")
    return (
        _open_orders(dataset, as_of)
        .filter(pl.col("kind") == "move")
        .join(lanes, on=["source", "destination"], how="inner")
        .join(item_sizes(dataset), on="item", how="left")
        .group_by("order", "line", week=_week("expected_on", weeks))
        .agg(used=(pl.col("left") * each.fill_null(0.0)).max())
        .select("week", "used", new=pl.lit(0.0))
    )


def _machine_uses(dataset: Dataset, weeks: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return run hours on machines in the week a make starts."""
    decided = _makes(dataset).select(
        "item", "destination", "quantity", day="start_on", is_new=pl.lit(1.0)
    )
    placed = (
        _open_orders(dataset, as_of)
        .filter((pl.col("kind") == "make") & pl.col("fresh"))
        .select("item", "destination", quantity="left", day="ordered_on", is_new=pl.lit(0.0))
    )
    run = pl.col("quantity") * pl.col("hours")
    return (
        pl.concat([decided, placed])
        .join(
            make_hours(dataset),
            left_on=["item", "destination"],
            right_on=["product", "location"],
            how="inner",
        )
        .select(
            kind=pl.lit("resource_hours"),
            subject="resource",
            week=_week("day", weeks),
            used=run,
            new=run * pl.col("is_new"),
        )
    )


def _makes(dataset: Dataset) -> pl.DataFrame:
    return dataset["supply_plan"].filter(pl.col("kind") == "make")


def _filled(limits: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    """Return each slot with its amount, what is used of it and what of that is new."""
    summed = uses.group_by("kind", "subject", "week").agg(pl.col("used", "new").sum())
    return (
        limits.filter(pl.col("kind") != "storage_m3")
        .join(summed, on=["kind", "subject", "week"], how="left")
        .group_by(_SLOT)
        .agg(
            pl.col("amount").first(),
            pl.col("used").fill_null(0.0).sum(),
            pl.col("new").fill_null(0.0).sum(),
        )
    )


def _held(filled: pl.DataFrame) -> Iterator[pl.DataFrame]:
    room = (pl.col("amount") - (pl.col("used") - pl.col("new"))).clip(lower_bound=0.0)
    over = filled.filter(pl.col("new") > room * (1 + SLACK) + EPS)
    for kind, rule in _RULES.items():
        yield violations(
            over.filter(pl.col("kind") == kind),
            table="supply_plan",
            key=["limit", "subject", "period_start"],
            rule=rule,
            found="used",
            expected=phrase("≤ {}", pl.col("amount").round(2)),
        )


def _told_is_held(dataset: Dataset, filled: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Use as the plan tells it is within the limit, unless orders of before it pass it alone.

    Goods that were there before may pass a cube as well; `storage_cube` looks at that.
    """
    before = filled.select("kind", "subject", "period_start", before=pl.col("used") - pl.col("new"))
    told = (
        dataset["limit_prices"]
        .filter(pl.col("kind") != "storage_m3")
        .join(
            before.group_by("kind", "subject", "period_start").agg(pl.col("before").max()),
            on=["kind", "subject", "period_start"],
            how="left",
        )
    )
    most = pl.max_horizontal("amount", pl.col("before").fill_null(0.0))
    yield violations(
        told.filter(pl.col("used") > most * (1 + SLACK) + EPS),
        table="limit_prices",
        key=["limit", "subject", "period_start"],
        rule="limit_held",
        found="used",
        expected=phrase("≤ {}", pl.col("amount").round(2)),
    )


def _with_set_ups(
    dataset: Dataset, limits: pl.DataFrame, weeks: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Hours with set-ups: one a product, machine and week, but the first of a week.

    The machine may still be set up for that one from the week before.
    """
    by_product = (
        _makes(dataset)
        .join(
            make_hours(dataset),
            left_on=["item", "destination"],
            right_on=["product", "location"],
            how="inner",
        )
        .group_by("resource", "item", week=_week("start_on", weeks))
        .agg(run=(pl.col("quantity") * pl.col("hours")).sum(), setup=pl.col("setup").first())
        .group_by("resource", "week")
        .agg(
            run=pl.col("run").sum(),
            setups=pl.col("setup").sum() - pl.col("setup").max(),
        )
    )
    filled = (
        limits.filter(pl.col("kind") == "resource_hours")
        .join(by_product, left_on=["subject", "week"], right_on=["resource", "week"], how="inner")
        .group_by(_SLOT)
        .agg(pl.col("amount").first(), pl.col("run").sum(), pl.col("setups").sum())
    )
    most = pl.col("amount") * (1 + SLACK) + EPS
    yield violations(
        filled.filter((pl.col("run") <= most) & (pl.col("run") + pl.col("setups") > most)),
        table="supply_plan",
        key=["limit", "subject", "period_start"],
        rule="resource_limit_with_set_ups",
        found=pl.col("run") + pl.col("setups"),
        expected=phrase("≤ {}", pl.col("amount").round(2)),
    )


def _budget(dataset: Dataset, weeks: pl.DataFrame) -> Iterator[pl.DataFrame]:
    budget = dataset.setting_number("budget", -1.0)
    if budget < 0:
        return
    ends = weeks["period_start"].max() + timedelta(days=7)  # type: ignore[operator]
    spent = _buys(dataset).filter(pl.col("due_on") < ends)["value"].sum()
    yield violations(
        pl.DataFrame({"name": ["budget"], "spent": [float(spent)]}).filter(
            pl.col("spent") > budget * (1 + SLACK) + EPS
        ),
        table="supply_plan",
        key=["name"],
        rule="budget",
        found="spent",
        expected=f"≤ {budget}",
    )


def _cube(dataset: Dataset, limits: pl.DataFrame) -> pl.DataFrame:
    """Return cube at the end of each period where a place has a limit, and what of it is new.

    New is what would not be there had nothing been decided: with what was there before used
    first, stock of before is the running sum of what comes without decisions less what goes
    out, never below zero.
    """
    key = ["item", "location"]
    limited = limits.filter(pl.col("kind") == "storage_m3").select(
        "limit", "week", "amount", location="subject"
    )
    decided = (
        dataset["supply_plan"]
        .group_by("item", location="destination", period_start=pl.col("due_on").dt.truncate("1w"))
        .agg(decided=pl.col("quantity").sum().cast(pl.Float64))
    )
    outside = (pl.col("receipts") - pl.col("decided").fill_null(0.0)).clip(lower_bound=0.0)
    out = pl.col("issues") + pl.col("demand") - pl.col("unmet")
    stock = (
        dataset["projected_stock"]
        .filter(pl.col("location").is_in(limited["location"].unique().implode()))
        .join(decided, on=[*key, "period_start"], how="left")
        .sort([*key, "period_start"])
        .with_columns(
            level=(outside - out).cum_sum().over(key) + pl.col("opening").first().over(key)
        )
        .with_columns(
            before=pl.col("level")
            - pl.min_horizontal(pl.col("level").cum_min().over(key), pl.lit(0.0))
        )
        .join(item_sizes(dataset), on="item", how="left")
    )
    m3 = pl.col("m3").fill_null(0.0)
    return (
        stock.group_by("location", week="period_start")
        .agg(
            cube=(pl.col("closing") * m3).sum(),
            added=((pl.col("closing") - pl.col("before")).clip(lower_bound=0.0) * m3).sum(),
        )
        .join(limited, on=["location", "week"], how="inner")
    )


def _storage(cube: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield violations(
        cube.filter(
            (pl.col("cube") > pl.col("amount") * (1 + SLACK) + EPS) & (pl.col("added") > EPS)
        ),
        table="projected_stock",
        key=["location", "week"],
        rule="storage_cube",
        found="cube",
        expected=phrase("≤ {} m3", pl.col("amount").round(2)),
    )


def _amounts_are_given(dataset: Dataset, limits: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The amounts a plan states are those of the tables, priced overtime bought or not."""
    overtime = dataset["resources"].select(
        kind=pl.lit("resource_hours"),
        subject="resource",
        may_miss=pl.when(pl.col("overtime_cost_per_hour").is_not_null())
        .then("overtime_hours_per_week")
        .otherwise(0.0)
        .fill_null(0.0),
    )
    given = (
        limits.select("kind", "subject", "week", "amount")
        .group_by("kind", "subject", period_start="week")
        .agg(given="amount")
    )
    joined = (
        dataset["limit_prices"]
        .join(given, on=["kind", "subject", "period_start"], how="inner")
        .join(overtime, on=["kind", "subject"], how="left")
    )
    near = pl.col("given").list.min() - pl.col("may_miss").fill_null(0.0)
    far = pl.col("given").list.max()
    yield violations(
        joined.filter(
            (pl.col("limit") != "budget")
            & ((pl.col("amount") < near - EPS) | (pl.col("amount") > far + EPS))
        ),
        table="limit_prices",
        key=["limit", "subject", "period_start"],
        rule="amount_is_given",
        found="amount",
        expected=near,
    )


def _use_is_told(
    dataset: Dataset, filled: pl.DataFrame, cube: pl.DataFrame, dearest: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """What a plan says it uses of a limit is what its decisions use.

    Lanes are left out: when within its weeks a buy departs is the supplier's choice.
    """
    key = ["kind", "subject", "period_start"]
    derived = pl.concat(
        [
            filled.filter(pl.col("kind") != "lane_m3").select(*key, least="used"),
            cube.select(
                kind=pl.lit("storage_m3"), subject="location", period_start="week", least="cube"
            ),
        ]
    ).unique(subset=key, maintain_order=True)
    most = dearest.filter(pl.col("kind") == "cash").select(*key, most="used").unique(subset=key)
    joined = (
        dataset["limit_prices"]
        .filter(pl.col("limit") != "budget")
        .join(derived, on=key, how="inner")
        .join(most, on=key, how="left")
        .with_columns(pl.max_horizontal("least", "most").alias("most"))
    )
    room = 0.02 + 1e-3 * pl.max_horizontal(pl.col("used").abs(), "most")
    yield violations(
        joined.filter(
            (pl.col("used") < pl.col("least") - room) | (pl.col("used") > pl.col("most") + room)
        ),
        table="limit_prices",
        key=["limit", "subject", "period_start"],
        rule="use_follows_from_decisions",
        found="used",
        expected=phrase("{} to {}", pl.col("least").round(2), pl.col("most").round(2)),
    )
