"""Material balance, derived anew from the decisions: nothing from nowhere, nothing below zero."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset

_KEY = ["item", "location", "period_start"]


def check_balance(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield rows of projected stock that do not follow from what comes in and goes out."""
    projected = dataset["projected_stock"]
    if projected.height == 0:
        return
    yield from _arithmetic(projected)
    yield from _chained(projected)
    yield from _never_negative(projected)
    yield from _opening(projected, dataset)
    grid = _grid(projected)
    yield from _receipts(projected, dataset, grid, as_of)
    yield from _issues(projected, dataset, grid)
    yield from _demand(projected, dataset, grid)
    yield from _unmet_is_told(projected, dataset)


def _arithmetic(projected: pl.DataFrame) -> Iterator[pl.DataFrame]:
    closing = (
        pl.col("opening")
        + pl.col("receipts")
        - pl.col("issues")
        - (pl.col("demand") - pl.col("unmet"))
    )
    yield violations(
        projected.filter((pl.col("closing") - closing).abs() > 0.01),
        table="projected_stock",
        key=_KEY,
        rule="opening_plus_in_minus_out",
        found="closing",
        expected=closing,
        text="closing is opening plus receipts less issues less demand served",
    )


def _chained(projected: pl.DataFrame) -> Iterator[pl.DataFrame]:
    ordered = projected.sort(_KEY).with_columns(
        before=pl.col("closing").shift(1).over("item", "location")
    )
    yield violations(
        ordered.filter((pl.col("opening") - pl.col("before")).abs() > 0.01),
        table="projected_stock",
        key=_KEY,
        rule="opening_is_last_closing",
        found="opening",
        expected="before",
        text="a period opens with what the one before closed with",
    )


def _never_negative(projected: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for column in ("opening", "receipts", "issues", "demand", "unmet", "closing"):
        yield violations(
            projected.filter(pl.col(column) < -0.01),
            table="projected_stock",
            key=_KEY,
            rule=f"{column}_not_negative",
            found=column,
            expected="≥ 0",
            text=f"{column} is never below zero",
        )
    yield violations(
        projected.filter(pl.col("unmet") > pl.col("demand") + 0.01),
        table="projected_stock",
        key=_KEY,
        rule="unmet_within_demand",
        found="unmet",
        expected=pl.format("≤ {}", pl.col("demand").round(3)),
        text="no more is unmet than was wanted",
    )


def _opening(projected: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """The first opening is what was counted, sellable and not allocated, of units not expired."""
    start = projected["period_start"].min()
    first = projected.filter(pl.col("period_start") == start)
    counted = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg(counted=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).sum())
    )
    joined = first.join(counted, on=["item", "location"], how="left").with_columns(
        pl.col("counted").fill_null(0)
    )
    # Demand and receipts between the day of the plan and the first Monday may lower or raise
    # the opening; it can never exceed what is counted plus what is due before it.
    due = (
        dataset["supply_orders"]
        .filter((pl.col("expected_on") < start) & ~pl.col("status").is_in(["closed", "cancelled"]))
        .group_by("item", location="destination")
        .agg(due=(pl.col("quantity") - pl.col("quantity_received").fill_null(0)).sum())
    )
    joined = joined.join(due, on=["item", "location"], how="left").with_columns(
        pl.col("due").fill_null(0)
    )
    most = pl.col("counted") + pl.col("due")
    yield violations(
        joined.filter(pl.col("opening") > most + 0.01),
        table="projected_stock",
        key=_KEY,
        rule="opening_within_count",
        found="opening",
        expected=pl.format("≤ {}", most),
        text="the plan opens with no more than was counted and is due before it",
    )


def _grid(projected: pl.DataFrame) -> pl.DataFrame:
    """Return the periods of the plan, with the first day after each."""
    starts = projected["period_start"].unique().sort()
    step = (starts[1] - starts[0]).days if len(starts) > 1 else 7
    return pl.DataFrame({"period_start": starts}).with_columns(
        period_end=pl.col("period_start") + pl.duration(days=step)
    )


def _spread(
    rows: pl.DataFrame, grid: pl.DataFrame, *, early: str, late: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return units by period if each row counts as early, and as late, as it may.

    A row may count in the period its `early` day falls in, and at the latest in the first
    period that begins on or after its `late` day: a plan in periods may round either way.
    """
    first = grid["period_start"].min()
    starts = grid.select("period_start").sort("period_start")
    at = pl.col("day")
    soonest = (
        rows.with_columns(day=pl.max_horizontal(pl.col(early), pl.lit(first)))
        .sort("day")
        .join_asof(starts, left_on="day", right_on="period_start", strategy="backward")
    )
    latest = (
        rows.with_columns(day=pl.max_horizontal(pl.col(late), pl.lit(first)))
        .sort("day")
        .join_asof(starts, left_on="day", right_on="period_start", strategy="forward")
        .filter(at.is_not_null() & pl.col("period_start").is_not_null())
    )
    return tuple(  # type: ignore[return-value]
        found.group_by(_KEY).agg(derived=pl.col("units").sum()) for found in (soonest, latest)
    )


def _compare(
    projected: pl.DataFrame,
    bounds: tuple[pl.DataFrame, pl.DataFrame],
    column: str,
    text: str,
    *,
    slack: float,
) -> pl.DataFrame:
    """Compare running sums with the most and the least they can be."""
    most, least = bounds
    key = ["item", "location"]
    joined = (
        projected.join(most.rename({"derived": "most"}), on=_KEY, how="left")
        .join(least.rename({"derived": "least"}), on=_KEY, how="left")
        .sort(_KEY)
        .with_columns(
            told=pl.col(column).cum_sum().over(key),
            most=pl.col("most").fill_null(0.0).cum_sum().over(key),
            least=pl.col("least").fill_null(0.0).cum_sum().over(key),
        )
    )
    room = slack + 1e-6 * pl.col("most").abs()
    off = (pl.col("told") > pl.col("most") + room) | (pl.col("told") < pl.col("least") - room)
    return violations(
        joined.filter(off),
        table="projected_stock",
        key=_KEY,
        rule=f"{column}_follow_from_decisions",
        found="told",
        expected=pl.format("{} to {}", pl.col("least").round(2), pl.col("most").round(2)),
        text=f"{text}, summed from the first period",
    )


def _receipts(
    projected: pl.DataFrame, dataset: Dataset, grid: pl.DataFrame, as_of: date
) -> Iterator[pl.DataFrame]:
    columns = ["item", "location", "day", "units"]
    arriving = pl.concat(
        [
            dataset["supply_plan"]
            .select(
                "item",
                location="destination",
                day="due_on",
                units=pl.col("quantity").cast(pl.Float64),
            )
            .select(columns),
            _kept_orders(dataset, grid["period_start"].min()).select(columns),
            _expected_returns(dataset).select(columns),
        ]
    )
    yield _compare(
        projected,
        _spread(arriving, grid, early="day", late="day"),
        "receipts",
        "receipts are the decisions and orders that arrive",
        slack=1.01,
    )


def _kept_orders(dataset: Dataset, start: date, *, not_shipped: bool = False) -> pl.DataFrame:
    """Return what existing orders will still bring, after the changes the plan proposes.

    With `not_shipped` it is what existing moves and makes will still take from where they
    come from, some day between the first period and the day they are expected.
    """
    orders = dataset["supply_orders"].filter(
        ~pl.col("status").is_in(["closed", "cancelled", "received"])
    )
    changes = dataset["supply_changes"].select("order", "line", "change", "to_date", "to_quantity")
    changed = (
        orders.join(changes, on=["order", "line"], how="left")
        .filter(pl.col("change").fill_null("keep") != "cancel")
        .with_columns(
            day=pl.coalesce("to_date", "expected_on"),
            units=(
                pl.coalesce("to_quantity", "quantity") - pl.col("quantity_received").fill_null(0)
            ).cast(pl.Float64),
        )
    )
    if not not_shipped:
        return changed.select("item", "day", "units", location="destination")
    waiting = changed.filter(
        (pl.col("kind") == "move")
        & pl.col("shipped_on").is_null()
        & (pl.col("status") != "in_transit")
    )
    return waiting.select("item", "units", location="source", early=pl.lit(start), late="day")


def _expected_returns(dataset: Dataset) -> pl.DataFrame:
    return dataset["returns_forecast"].select(
        "item",
        "location",
        day="period_start",
        units=pl.coalesce("sellable_units_mean", "units_mean"),
    )


def _issues(
    projected: pl.DataFrame, dataset: Dataset, grid: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    plan = dataset["supply_plan"]
    columns = ["item", "location", "early", "late", "units"]
    moved = plan.filter(pl.col("kind") == "move").select(
        "item",
        location="source",
        early="start_on",
        late="start_on",
        units=pl.col("quantity").cast(pl.Float64),
    )
    used = _components(plan.filter(pl.col("kind") == "make"), dataset).with_columns(
        early=pl.col("day"), late=pl.col("day")
    )
    waiting = _kept_orders(dataset, grid["period_start"].min(), not_shipped=True)
    yield _compare(
        projected,
        _spread(
            pl.concat([frame.select(columns) for frame in (moved, used, waiting)]),
            grid,
            early="early",
            late="late",
        ),
        "issues",
        "issues are the moves and makes that start",
        slack=1.01,
    )


def _components(makes: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Return the components each make takes, yield and scrap allowed for."""
    bill = dataset["bills_of_material"].filter(~pl.col("is_by_product").fill_null(False))
    preferred = bill.with_columns(
        group=pl.coalesce("alternate_group", "component"),
    ).filter(pl.col("priority") == pl.col("priority").min().over("product", "group"))
    yields = (
        dataset["operations"]
        .group_by("product")
        .agg(yield_share=pl.col("yield_share").fill_null(1.0).product())
    )
    return (
        makes.join(preferred, left_on="item", right_on="product", how="inner")
        .join(yields, left_on="item", right_on="product", how="left")
        .filter(
            pl.col("effective_from").is_null() | (pl.col("effective_from") <= pl.col("start_on"))
        )
        .filter(pl.col("effective_to").is_null() | (pl.col("effective_to") >= pl.col("start_on")))
        .select(
            item="component",
            location="destination",
            day="start_on",
            units=pl.col("quantity")
            / pl.col("yield_share").fill_null(1.0)
            * pl.col("quantity_per")
            / (1.0 - pl.col("scrap_share").fill_null(0.0)),
        )
    )


def _demand(
    projected: pl.DataFrame, dataset: Dataset, grid: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    wanted = dataset["forecast_means"].select(
        "item", "location", day="period_start", units="units_mean"
    )
    forecast = _spread(wanted, grid, early="day", late="day")[1]
    lost = forecast.join(projected, on=_KEY, how="anti").filter(pl.col("derived") > 0.01)
    yield violations(
        lost,
        table="forecast_means",
        key=_KEY,
        rule="all_demand_is_planned",
        found=pl.lit("no row in projected_stock"),
        expected="derived",
        text="every forecast stands in the plan, served or unmet",
    )
    ordered = _open_orders(dataset, grid["period_start"].min())
    columns = ["item", "location", "day", "units"]
    with_orders = _spread(
        pl.concat([wanted.select(columns), ordered.select(columns)]), grid, early="day", late="day"
    )[0]
    yield _compare(
        projected.join(forecast.select("item", "location").unique(), on=["item", "location"]),
        (with_orders, forecast),
        "demand",
        "the plan serves or owns up to all demand that is forecast or ordered",
        slack=1.01,
    )


def _open_orders(dataset: Dataset, start: date) -> pl.DataFrame:
    places = dataset["channels"].select("channel", channel_location="location")
    return (
        dataset["orders"]
        .filter(pl.col("status").is_in(["open", "pending"]))
        .join(places, on="channel", how="left")
        .select(
            "item",
            location=pl.coalesce("location", "channel_location"),
            day=pl.lit(start),
            units=pl.col("quantity").cast(pl.Float64),
        )
    )


def _unmet_is_told(projected: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    told = dataset["unmet_demand"].group_by("item", "location").agg(told=pl.col("units").sum())
    short = (
        projected.group_by("item", "location")
        .agg(unmet=pl.col("unmet").sum())
        .filter(pl.col("unmet") > 0.01)
        .join(told, on=["item", "location"], how="left")
        .with_columns(pl.col("told").fill_null(0.0))
    )
    yield violations(
        short.filter((pl.col("unmet") - pl.col("told")).abs() > 0.51),
        table="unmet_demand",
        key=["item", "location"],
        rule="unmet_has_reason",
        found="told",
        expected="unmet",
        text="all demand that is not served stands in unmet_demand with its reason",
    )
