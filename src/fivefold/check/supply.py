"""Is every buy, make and move one that could be done? Lots, lead times, dates, places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset

#: Days by which a date may fall short of a mean that is not a whole number of days.
DAY = 1.0


def check_decisions(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield every row of the supply plan that could not be carried out."""
    plan = dataset["supply_plan"]
    if plan.height == 0:
        return
    yield from _dates(plan, as_of)
    yield from _values(plan)
    yield from _life_cycle(plan, dataset)
    yield from _buys(plan.filter(pl.col("kind") == "buy"), dataset)
    yield from _moves(plan.filter(pl.col("kind") == "move"), dataset)
    yield from _makes(plan.filter(pl.col("kind") == "make"), dataset)


def _dates(plan: pl.DataFrame, as_of: date) -> Iterator[pl.DataFrame]:
    yield violations(
        plan.filter(pl.col("start_on") < as_of),
        table="supply_plan",
        key=["decision"],
        rule="not_in_the_past",
        found="start_on",
        expected=f"{as_of} or later",
        text="nothing starts before the day of the plan",
    )
    yield violations(
        plan.filter(pl.col("due_on") < pl.col("start_on")),
        table="supply_plan",
        key=["decision"],
        rule="ends_after_it_starts",
        found="due_on",
        expected=pl.format("{} or later", pl.col("start_on")),
        text="nothing arrives before it starts",
    )


def _values(plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    wanted = pl.col("quantity") * pl.col("unit_cost")
    yield violations(
        plan.filter(
            pl.col("value").is_not_null()
            & pl.col("unit_cost").is_not_null()
            & ((pl.col("value") - wanted).abs() > 0.01 + 1e-6 * wanted.abs())
        ),
        table="supply_plan",
        key=["decision"],
        rule="value_is_quantity_times_cost",
        found="value",
        expected=wanted,
        text="the value of a decision is its quantity times its unit cost",
    )


def _life_cycle(plan: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    items = dataset["items"].select("item", "status", "ends_on")
    ended = plan.join(items, on="item", how="inner").filter(
        (pl.col("status") == "ended") | (pl.col("due_on") > pl.col("ends_on"))
    )
    yield violations(
        ended,
        table="supply_plan",
        key=["decision"],
        rule="item_still_sold",
        found="due_on",
        expected=pl.format("on or before {}", pl.col("ends_on").cast(pl.String).fill_null("never")),
        text="nothing is supplied of an item that has ended",
    )


def _lane_days(dataset: Dataset) -> pl.DataFrame:
    """Return the days from dispatch to available, for every lane."""
    processing = dataset["locations"].select(
        destination="location", processing=pl.col("processing_time_days").fill_null(0.0)
    )
    return (
        dataset["lanes"]
        .join(processing, on="destination", how="left")
        .select(
            source="origin",
            destination="destination",
            mode="mode",
            lane_days=pl.col("transit_time_days_mean") + pl.col("processing").fill_null(0.0),
            active_from="active_from",
            active_to="active_to",
        )
    )


def _buys(buys: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    offers = dataset["supplier_offers"].select(
        "item",
        "minimum_quantity",
        "order_multiple",
        "lead_time_days_mean",
        "valid_from",
        "valid_to",
        pl.col("capacity_units_per_week").alias("offer_capacity"),
        source="supplier",
        offered=pl.lit(True),
    )
    priced = buys.join(offers, on=["source", "item"], how="left")
    yield violations(
        priced.filter(pl.col("offered").is_null()),
        table="supply_plan",
        key=["decision"],
        rule="supplier_offers_item",
        found="source",
        expected="a supplier with an offer for the item",
        text="a buy needs an offer",
    )
    yield from _lots(priced)
    yield violations(
        priced.filter(
            (pl.col("start_on") < pl.col("valid_from")) | (pl.col("start_on") > pl.col("valid_to"))
        ),
        table="supply_plan",
        key=["decision"],
        rule="offer_in_force",
        found="start_on",
        expected=pl.format(
            "{} to {}",
            pl.col("valid_from").cast(pl.String).fill_null("any day"),
            pl.col("valid_to").cast(pl.String).fill_null("any day"),
        ),
        text="an offer is used while it holds",
    )
    timed = priced.join(_lane_days(dataset), on=["source", "destination", "mode"], how="left")
    needed = pl.col("lead_time_days_mean") + pl.col("lane_days").fill_null(0.0)
    yield from _too_fast(timed, needed, "a buy takes the supplier's lead time and the lane's")
    yield from _lane_missing(timed, dataset)


def _lots(priced: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield violations(
        priced.filter(pl.col("quantity") < pl.col("minimum_quantity")),
        table="supply_plan",
        key=["decision"],
        rule="minimum_quantity",
        found="quantity",
        expected=pl.format("≥ {}", pl.col("minimum_quantity")),
        text="a buy is at least the supplier's minimum",
    )
    yield violations(
        priced.filter(pl.col("quantity") % pl.col("order_multiple") != 0),
        table="supply_plan",
        key=["decision"],
        rule="order_multiple",
        found="quantity",
        expected=pl.format("a multiple of {}", pl.col("order_multiple")),
        text="a buy is a multiple of the supplier's lot",
    )


def _too_fast(timed: pl.DataFrame, needed: pl.Expr, text: str) -> Iterator[pl.DataFrame]:
    taken = (pl.col("due_on") - pl.col("start_on")).dt.total_days()
    yield violations(
        timed.filter(taken + DAY <= needed),
        table="supply_plan",
        key=["decision"],
        rule="lead_time",
        found=taken,
        expected=pl.format("≥ {} days", needed.round(1)),
        text=text,
    )


def _lane_missing(timed: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    if dataset["lanes"].height == 0:
        return
    yield violations(
        timed.filter(pl.col("lane_days").is_null()),
        table="supply_plan",
        key=["decision"],
        rule="lane_exists",
        found=pl.format("{}→{} {}", "source", "destination", pl.col("mode").fill_null("no mode")),
        expected="a lane of that mode",
        text="goods travel on a lane that exists",
    )
    yield violations(
        timed.filter(
            (pl.col("start_on") > pl.col("active_to")) | (pl.col("due_on") < pl.col("active_from"))
        ),
        table="supply_plan",
        key=["decision"],
        rule="lane_active",
        found="start_on",
        expected="a day on which the lane runs",
        text="goods travel while the lane is active",
    )


def _moves(moves: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    timed = moves.join(_lane_days(dataset), on=["source", "destination", "mode"], how="left")
    yield from _too_fast(timed, pl.col("lane_days"), "a move takes the lane's time")
    yield from _lane_missing(timed, dataset)


def _makes(makes: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    steps = dataset["operations"].group_by("product").agg(plants=pl.col("location").unique())
    known = makes.join(steps, left_on="item", right_on="product", how="left")
    yield violations(
        known.filter(
            pl.col("plants").is_null() | ~pl.col("plants").list.contains(pl.col("destination"))
        ),
        table="supply_plan",
        key=["decision"],
        rule="plant_makes_item",
        found="destination",
        expected="a plant with operations for the item",
        text="a make needs a plant that can do it",
    )
    made = dataset["bills_of_material"]["product"].unique().implode()
    yield violations(
        makes.filter(~pl.col("item").is_in(made)),
        table="supply_plan",
        key=["decision"],
        rule="bill_exists",
        found="item",
        expected="a bill of material",
        text="a make needs to know its components",
    )
