"""Material balance, derived anew from the decisions: nothing from nowhere, nothing below zero.

A plan in weeks may count what arrives within a week in that week or in the next one, so sums
from the first week on are held between the most and the least they can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import bill_lines, orders_as_changed
from fivefold.model import Dataset

_NODE = ["item", "location"]
_KEY = ["item", "location", "period_start"]
_FLOW = ["item", "location", "early", "late", "units", "least"]


def check_balance(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield rows of projected stock that do not follow from what comes in and goes out."""
    projected = dataset["projected_stock"].sort(_KEY)
    if projected.height == 0:
        return
    start = projected["period_start"].min()
    assert isinstance(start, date)
    yield from _arithmetic(projected)
    yield from _never_negative(projected)
    yield from _opening(projected, dataset, start, as_of)
    coming = _coming(dataset, start)
    yield from _follows(projected, coming, "receipts", slack=EPS)
    leaving = _leaving(dataset, start, projected)
    yield from _follows(projected, leaving, "issues", slack=EPS)
    yield from _flow_without_row(projected, coming, leaving)
    yield from _demand(projected, dataset, start)
    yield from _unmet_is_told(projected, dataset)


def _arithmetic(projected: pl.DataFrame) -> Iterator[pl.DataFrame]:
    closing = (
        pl.col("opening")
        + pl.col("receipts")
        - pl.col("issues")
        - (pl.col("demand") - pl.col("unmet"))
    )
    yield violations(
        projected.filter((pl.col("closing") - closing).abs() > EPS),
        table="projected_stock",
        key=_KEY,
        rule="opening_plus_in_minus_out",
        found="closing",
        expected=closing,
    )
    same = (pl.col("item") == pl.col("item").shift(1)) & (
        pl.col("location") == pl.col("location").shift(1)
    )
    ordered = projected.with_columns(before=pl.when(same).then(pl.col("closing").shift(1)))
    yield violations(
        ordered.filter((pl.col("opening") - pl.col("before")).abs() > EPS),
        table="projected_stock",
        key=_KEY,
        rule="opening_is_last_closing",
        found="opening",
        expected="before",
    )


def _never_negative(projected: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for column in ("opening", "receipts", "issues", "demand", "unmet", "closing"):
        yield violations(
            projected.filter(pl.col(column) < -EPS),
            table="projected_stock",
            key=_KEY,
            rule=f"{column}_not_negative",
            found=column,
            expected="≥ 0",
        )
    yield violations(
        projected.filter(pl.col("unmet") > pl.col("demand") + EPS),
        table="projected_stock",
        key=_KEY,
        rule="unmet_within_demand",
        found="unmet",
        expected=phrase("≤ {}", pl.col("demand").round(3)),
    )


def _opening(
    projected: pl.DataFrame, dataset: Dataset, start: date, as_of: date
) -> Iterator[pl.DataFrame]:
    """The first opening is the free, sellable, unexpired count, carried to the first period.

    Days between the plan's day and the first period may add what is due in them and take
    what is expected to be sold in them.
    """
    gap = (start - as_of).days
    counted = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .with_columns(free=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).clip(0))
        .group_by(_NODE)
        .agg(
            counted=pl.col("free").sum(),
            spoilt=pl.col("free").filter(pl.col("expires_on") < start).sum(),
        )
    )
    due = orders_as_changed(dataset).filter(pl.col("expected_on") < start)
    due = due.group_by("item", location="destination").agg(due=pl.col("left").sum())
    sold = (
        dataset["forecast_means"]
        .filter(pl.col("period_start") <= start)
        .group_by(_NODE)
        .agg(sold=pl.col("units_mean").max() * gap / 7)
    )
    joined = projected.filter(pl.col("period_start") == start)
    for part in (counted, due, sold):
        joined = joined.join(part, on=_NODE, how="left")
    joined = joined.with_columns(
        pl.col("counted", "spoilt", "due", "sold").fill_null(0.0)
    ).with_columns(
        most=pl.col("counted") + pl.col("due"),
        least=(pl.col("counted") - pl.col("spoilt") - pl.col("sold").ceil()).clip(0.0),
    )
    yield violations(
        joined.filter(
            (pl.col("opening") > pl.col("most") + EPS) | (pl.col("opening") < pl.col("least") - EPS)
        ),
        table="projected_stock",
        key=_KEY,
        rule="opening_is_the_count",
        found="opening",
        expected=phrase("{} to {}", pl.col("least").round(2), pl.col("most").round(2)),
    )
    lost = counted.filter(pl.col("counted") > 0).join(joined, on=_NODE, how="anti")
    yield violations(
        lost,
        table="inventory",
        key=_NODE,
        rule="all_stock_is_planned",
        found=pl.lit("no row in projected_stock"),
        expected="counted",
    )


def _coming(dataset: Dataset, start: date) -> pl.DataFrame:
    """Return what may arrive: decisions, existing orders, sellable returns."""
    whole = pl.col("quantity").cast(pl.Float64)
    decided = dataset["supply_plan"].select(
        "item", location="destination", early="due_on", late="due_on", units=whole, least=whole
    )
    ordered = orders_as_changed(dataset).select(
        "item",
        location="destination",
        early=pl.max_horizontal("expected_on", pl.lit(start)),
        late=pl.max_horizontal("expected_on", pl.lit(start)),
        units=pl.col("left").cast(pl.Float64),
        least=pl.col("left").cast(pl.Float64),
    )
    return pl.concat(frame.select(_FLOW) for frame in (decided, ordered, _returns(dataset)))


def _returns(dataset: Dataset) -> pl.DataFrame:
    """Return sellable returns; a share of a unit may be carried until it makes a whole one."""
    by_period = (
        dataset["returns_forecast"]
        .with_columns(units=pl.col("sellable_units_mean").fill_null(0.0))
        .group_by(_KEY)
        .agg(pl.col("units").sum())
        .sort(_KEY)
    )
    whole = (pl.col("units").cum_sum() + 1e-9).floor()
    return by_period.with_columns(
        least=whole.diff().fill_null(whole.first()).over(_NODE),
        early=pl.col("period_start"),
        late=pl.col("period_start"),
    )


def _leaving(dataset: Dataset, start: date, projected: pl.DataFrame) -> pl.DataFrame:
    """Return what may leave stock other than for demand of its week.

    Moves and components when their decision starts, what existing orders still take, and
    demand of earlier weeks that is served late.
    """
    plan = dataset["supply_plan"]
    whole = pl.col("quantity").cast(pl.Float64)
    moved = plan.filter(pl.col("kind") == "move").select(
        "item", location="source", early="start_on", late="start_on", units=whole, least=whole
    )
    makes = plan.filter(pl.col("kind") == "make")
    used = bill_lines(makes.select("item", "destination", "start_on", "quantity"), dataset).select(
        item="component",
        location="destination",
        early="start_on",
        late="start_on",
        units="needed",
        # Which of several alternatives is taken stands in the pegs, see `pegging`.
        least=pl.when(pl.col("alternatives") > 1).then(0.0).otherwise("needed"),
    )
    frames = (moved, used, *_still_taken(dataset, start), _served_late(dataset, projected))
    return pl.concat(frame.select(_FLOW) for frame in frames)


def _still_taken(dataset: Dataset, start: date) -> Iterator[pl.DataFrame]:
    """Yield what existing moves and makes that have not left or begun will take from stock."""
    first_or_due = pl.max_horizontal("expected_on", pl.lit(start))
    waiting = orders_as_changed(dataset).filter(
        pl.col("shipped_on").is_null() & (pl.col("status") != "in_transit")
    )
    yield waiting.filter((pl.col("kind") == "move") & pl.col("source").is_not_null()).select(
        "item",
        location="source",
        early=pl.lit(start),
        late=first_or_due,
        units=pl.col("left").cast(pl.Float64),
        least=pl.col("left").cast(pl.Float64),
    )
    makes = waiting.filter(pl.col("kind") == "make").select(
        "item",
        "destination",
        "status",
        start_on=pl.max_horizontal(pl.coalesce("ordered_on", "expected_on"), pl.lit(start)),
        due=first_or_due,
        quantity=pl.col("left").cast(pl.Float64),
    )
    begun = ~pl.col("status").is_in(["planned", "approved"])
    yield bill_lines(makes, dataset).select(
        item="component",
        location="destination",
        early=pl.lit(start),
        late="due",
        units="needed",
        # Work that was sent or confirmed may have been given its components already, and
        # its units left may be good ones or started ones.
        least=pl.when(begun | (pl.col("alternatives") > 1))
        .then(0.0)
        .otherwise(pl.col("needed") * pl.col("yield_share").fill_null(1.0)),
    )


def _served_late(dataset: Dataset, projected: pl.DataFrame) -> pl.DataFrame:
    """Return demand that is served after the week it was wanted in.

    The pegs tell when; without pegs any unmet demand may be served from its week on.
    """
    pegs = dataset["pegging"]
    if pegs.height == 0:
        return projected.filter(pl.col("unmet") > 0).select(
            "item",
            "location",
            early="period_start",
            late="period_start",
            units="unmet",
            least=pl.lit(0.0),
        )
    return pegs.filter(
        pl.col("consumer_kind").is_in(["order", "forecast"])
        & (pl.col("available_on").dt.truncate("1w") > pl.col("wanted_on").dt.truncate("1w"))
    ).select(
        "item",
        "location",
        early="available_on",
        late="available_on",
        units="units",
        least="units",
    )


def _spread(rows: pl.DataFrame, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the most and the least units by period.

    A row may count in the period its `early` day falls in, and must count in the first
    period that begins on or after its `late` day.
    """
    first, last = weeks["period_start"].min(), weeks["period_start"].max()
    soonest = (
        rows.with_columns(day=pl.max_horizontal("early", pl.lit(first)))
        .filter(pl.col("day") < pl.lit(last) + pl.duration(days=7))
        .sort("day")
        .join_asof(weeks, left_on="day", right_on="period_start", strategy="backward")
        .select(*_NODE, "period_start", most="units", least=pl.lit(0.0))
    )
    latest = (
        rows.with_columns(day=pl.max_horizontal("late", pl.lit(first)))
        .sort("day")
        .join_asof(weeks, left_on="day", right_on="period_start", strategy="forward")
        .filter(pl.col("period_start").is_not_null())
        .select(*_NODE, "period_start", pl.lit(0.0).alias("most"), "least")
    )
    return pl.concat([soonest, latest]).group_by(_KEY).agg(pl.col("most", "least").sum())


def _follows(
    projected: pl.DataFrame,
    flows: pl.DataFrame,
    column: str,
    *,
    slack: float,
    set_aside: pl.DataFrame | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield rows whose sum from the first period on is not between the least and the most."""
    weeks = projected.select("period_start").unique().sort("period_start")
    told = projected.select(*_KEY, told=column)
    if set_aside is not None:
        told = told.join(set_aside, on=_NODE, how="left")
    joined = (
        told.with_columns(pl.lit(0.0).alias("held") if set_aside is None else pl.col("held"))
        .join(_spread(flows, weeks), on=_KEY, how="left", maintain_order="left")
        .with_columns(pl.col("most", "least", "held").fill_null(0.0))
        .with_columns(pl.col("told", "most", "least").cum_sum().over(_NODE))
        .with_columns(least=(pl.col("least") - pl.col("held")).clip(lower_bound=0.0))
    )
    room = slack + 1e-6 * pl.col("most").abs()
    off = (pl.col("told") > pl.col("most") + room) | (pl.col("told") < pl.col("least") - room)
    yield violations(
        joined.filter(off),
        table="projected_stock",
        key=_KEY,
        rule=f"{column}_follow_from_decisions" if column != "demand" else "demand_is_the_forecast",
        found="told",
        expected=phrase("{} to {}", pl.col("least").round(2), pl.col("most").round(2)),
    )


def _flow_without_row(
    projected: pl.DataFrame, coming: pl.DataFrame, leaving: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    last = projected["period_start"].max()
    known = projected.select(_NODE).unique()
    lost = (
        pl.concat([coming, leaving])
        .filter((pl.col("least") > EPS) & (pl.col("late") <= last))
        .group_by(_NODE)
        .agg(pl.col("units").sum())
        .join(known, on=_NODE, how="anti")
    )
    yield violations(
        lost,
        table="projected_stock",
        key=_NODE,
        rule="every_flow_has_a_row",
        found=pl.lit("no row"),
        expected=phrase("rows with {} units", pl.col("units").round(2)),
    )


def _demand(projected: pl.DataFrame, dataset: Dataset, start: date) -> Iterator[pl.DataFrame]:
    last = projected["period_start"].max()
    ends = dataset["items"].select("item", "ends_on")
    wanted = (
        dataset["forecast_means"]
        .filter(pl.col("period_start").is_between(start, last))
        .group_by(_KEY)
        .agg(units=pl.col("units_mean").sum())
        .join(ends, on="item", how="left")
        .filter(pl.col("ends_on").is_null() | (pl.col("period_start") <= pl.col("ends_on")))
        .select(*_NODE, early="period_start", late="period_start", units="units", least="units")
    )
    ordered, held = _open_orders(dataset, start, last)
    flows = pl.concat(frame.select(_FLOW) for frame in (wanted, ordered))
    lost = (
        flows.group_by(_NODE)
        .agg(pl.col("least").sum())
        .join(held, on=_NODE, how="left")
        .filter(pl.col("least") - pl.col("held").fill_null(0.0) > 0.51)
        .join(projected, on=_NODE, how="anti")
    )
    yield violations(
        lost,
        table="projected_stock",
        key=_NODE,
        rule="all_demand_is_planned",
        found=pl.lit("no row"),
        expected=phrase("{} units served or unmet", pl.col("least").round(2)),
    )
    # Forecasts are rounded to whole units with the rest carried on: half a unit at most.
    yield from _follows(projected, flows, "demand", slack=0.51, set_aside=held)


def _open_orders(dataset: Dataset, start: date, last: object) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return open customer orders as flows, and units of stock set aside for such orders."""
    places = dataset["channels"].select("channel", channel_location="location")
    day = pl.coalesce("promised_on", pl.col("ordered_at").dt.date())
    orders = (
        dataset["orders"]
        .filter(pl.col("status").is_in(["open", "pending"]))
        .join(places, on="channel", how="left")
        .select(
            "item",
            location=pl.coalesce("location", "channel_location"),
            early=pl.lit(start),
            late=day.clip(pl.lit(start), pl.lit(last)),
            units=pl.col("quantity").cast(pl.Float64),
            least=pl.col("quantity").cast(pl.Float64),
        )
        .filter(pl.col("location").is_not_null())
    )
    held = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by(_NODE)
        .agg(held=pl.col("allocated").fill_null(0).sum().cast(pl.Float64))
    )
    return orders, held


def _unmet_is_told(projected: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    told = dataset["unmet_demand"].group_by(_KEY).agg(told=pl.col("units").sum())
    short = (
        projected.filter(pl.col("unmet") > EPS)
        .select(*_KEY, "unmet")
        .join(told, on=_KEY, how="full", coalesce=True)
        .with_columns(pl.col("told", "unmet").fill_null(0.0))
    )
    yield violations(
        short.filter((pl.col("unmet") - pl.col("told")).abs() > EPS),
        table="unmet_demand",
        key=_KEY,
        rule="unmet_has_reason",
        found="told",
        expected="unmet",
    )
