"""Is every buy, make and move one that could be done? Lots, lead times, dates, places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import (
    bill_lines,
    closed_days,
    item_sizes,
    lane_days,
    make_hours,
    plan_weeks,
    shortest_days,
)
from fivefold.model import Dataset


def check_decisions(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield every row of the supply plan that could not be carried out."""
    plan = dataset["supply_plan"]
    if plan.height == 0:
        return
    yield from _dates(plan, dataset, as_of)
    yield from _values(plan)
    yield from _life_cycle(plan, dataset)
    buys, moves, makes = (plan.filter(pl.col("kind") == kind) for kind in ("buy", "move", "make"))
    yield from _offers(buys, dataset)
    yield from _buy_times(buys, dataset)
    yield from _moves(moves, dataset)
    yield from _plants(makes, dataset)
    yield from _batches(makes, dataset)
    yield from _make_times(makes, dataset)
    yield from _open_days(plan, dataset)


def broken_plan_rows(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    """Return violations named by decision."""
    return violations(
        broken, table="supply_plan", key=["decision"], rule=rule, found=found, expected=expected
    )


def _dates(plan: pl.DataFrame, dataset: Dataset, as_of: date) -> Iterator[pl.DataFrame]:
    yield broken_plan_rows(
        plan.filter(pl.col("start_on") < as_of), "not_in_the_past", "start_on", f"{as_of} or later"
    )
    frozen = int(dataset.setting_number("frozen_days", 0.0))
    first = as_of + timedelta(days=frozen)
    yield broken_plan_rows(
        plan.filter((pl.col("start_on") >= as_of) & (pl.col("start_on") < first)),
        "frozen",
        "start_on",
        f"{first} or later",
    )
    yield broken_plan_rows(
        plan.filter(pl.col("due_on") < pl.col("start_on")),
        "ends_after_it_starts",
        "due_on",
        phrase("{} or later", pl.col("start_on")),
    )


def _values(plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    wanted = pl.col("quantity") * pl.col("unit_cost")
    yield broken_plan_rows(
        plan.filter((pl.col("value") - wanted).abs() > 0.01 + 1e-6 * wanted.abs()),
        "value_is_quantity_times_cost",
        "value",
        wanted,
    )


def _life_cycle(plan: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    items = dataset["items"].select("item", item_status="status", ends_on="ends_on")
    known = plan.join(items, on="item", how="inner")
    # What is left of an ended item may still be moved to where it is sold off.
    ended = (pl.col("item_status") == "ended") & (pl.col("kind") != "move")
    yield broken_plan_rows(
        known.filter(ended | (pl.col("start_on") > pl.col("ends_on"))),
        "item_still_sold",
        "start_on",
        phrase("on or before {}", pl.col("ends_on").cast(pl.String).fill_null("its end")),
    )


def _offers(buys: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    offers = dataset["supplier_offers"].select(
        "item",
        "minimum_quantity",
        "order_multiple",
        "valid_from",
        "valid_to",
        source="supplier",
        offered=pl.lit(True),
    )
    priced = buys.join(offers, on=["source", "item"], how="left")
    yield broken_plan_rows(
        priced.filter(pl.col("offered").is_null()),
        "supplier_offers_item",
        "source",
        "a supplier with an offer for the item",
    )
    yield broken_plan_rows(
        priced.filter(pl.col("quantity") < pl.col("minimum_quantity")),
        "minimum_quantity",
        "quantity",
        phrase("≥ {}", pl.col("minimum_quantity")),
    )
    yield broken_plan_rows(
        priced.filter(pl.col("quantity") % pl.col("order_multiple") != 0),
        "order_multiple",
        "quantity",
        phrase("a multiple of {}", pl.col("order_multiple")),
    )
    yield broken_plan_rows(
        priced.filter(
            (pl.col("start_on") < pl.col("valid_from")) | (pl.col("start_on") > pl.col("valid_to"))
        ),
        "offer_in_force",
        "start_on",
        phrase(
            "{} to {}",
            pl.col("valid_from").cast(pl.String).fill_null("any day"),
            pl.col("valid_to").cast(pl.String).fill_null("any day"),
        ),
    )
    landed = dataset["sourcing_options"].select(
        "item", "destination", "mode", "landed_unit_cost", source="supplier"
    )
    told = buys.join(landed, on=["source", "item", "destination", "mode"], how="inner")
    yield broken_plan_rows(
        told.filter((pl.col("unit_cost") - pl.col("landed_unit_cost")).abs() > EPS),
        "cost_is_that_of_the_way",
        "unit_cost",
        "landed_unit_cost",
    )


def _buy_times(buys: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    lead = dataset["supplier_offers"].select("item", "lead_time_days_mean", source="supplier")
    lanes = lane_days(dataset)
    timed = (
        buys.join(lead, on=["source", "item"], how="inner")
        .join(
            lanes.select("source", "destination", "mode", "lane_days", "active_from", "active_to"),
            on=["source", "destination", "mode"],
            how="left",
        )
        .join(shortest_days(dataset), on=["source", "destination"], how="left")
        .with_columns(travel=pl.coalesce("lane_days", "path_days"))
    )
    needed = pl.col("lead_time_days_mean") + pl.col("travel").fill_null(0.0)
    yield from _too_fast(timed, needed)
    # A supplier no lane speaks of delivers by itself; one with lanes uses them.
    has_lanes = pl.col("source").is_in(lanes["source"].unique().implode())
    yield from _lane_missing(timed.filter(has_lanes & pl.col("travel").is_null()))
    yield from _lane_active(
        timed.with_columns(
            leaves=pl.col("due_on") - pl.duration(days=pl.col("lane_days").fill_null(0.0).ceil())
        )
    )


def _too_fast(timed: pl.DataFrame, needed: pl.Expr) -> Iterator[pl.DataFrame]:
    taken = (pl.col("due_on") - pl.col("start_on")).dt.total_days()
    yield broken_plan_rows(
        timed.filter(taken < needed - 1e-6),
        "lead_time",
        taken,
        phrase("≥ {} days", needed.round(1)),
    )


def _lane_missing(lost: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield broken_plan_rows(
        lost,
        "lane_exists",
        phrase(
            "{}→{} {}",
            pl.col("source").fill_null("nowhere"),
            "destination",
            pl.col("mode").fill_null("no mode"),
        ),
        "a lane of that mode",
    )


def _lane_active(timed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield broken_plan_rows(
        timed.filter(
            (pl.col("leaves") > pl.col("active_to")) | (pl.col("leaves") < pl.col("active_from"))
        ),
        "lane_active",
        "leaves",
        phrase(
            "{} to {}",
            pl.col("active_from").cast(pl.String).fill_null("any day"),
            pl.col("active_to").cast(pl.String).fill_null("any day"),
        ),
    )


def _moves(moves: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    timed = moves.join(
        lane_days(dataset), on=["source", "destination", "mode"], how="left"
    ).with_columns(leaves="start_on")
    yield from _too_fast(timed, pl.col("lane_days"))
    yield from _lane_missing(timed.filter(pl.col("lane_days").is_null()))
    yield from _lane_active(timed)
    costed = timed.join(item_sizes(dataset), on="item", how="inner").with_columns(
        cost=pl.col("standard_cost")
        + pl.col("receiving")
        + pl.col("per_unit")
        + pl.col("per_kg") * pl.col("kg")
        + pl.col("per_m3") * pl.col("m3")
    )
    yield broken_plan_rows(
        costed.filter((pl.col("unit_cost") - pl.col("cost")).abs() > EPS),
        "cost_is_that_of_the_way",
        "unit_cost",
        "cost",
    )


def _plants(makes: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    steps = dataset["operations"].select("product", "location").unique()
    plants = dataset["locations"].filter(pl.col("kind") == "plant")["location"]
    can = makes.join(
        steps.with_columns(can=pl.lit(True)),
        left_on=["item", "destination"],
        right_on=["product", "location"],
        how="left",
    )
    # A product without steps anywhere is put together by hand at any plant.
    by_hand = ~pl.col("item").is_in(steps["product"].unique().implode()) & pl.col(
        "destination"
    ).is_in(plants.implode())
    yield broken_plan_rows(
        can.filter(pl.col("can").is_null() & ~by_hand),
        "plant_makes_item",
        "destination",
        "a plant with operations for the item",
    )
    used = bill_lines(
        makes.select("decision", "item", "destination", "start_on", "quantity"), dataset
    )
    yield broken_plan_rows(
        makes.join(used, on="decision", how="anti"),
        "bill_in_force",
        "item",
        phrase("a bill of material in force on {}", pl.col("start_on")),
    )


def _batches(makes: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    rules = dataset["items"].select("item", "make_minimum_quantity", "make_multiple")
    known = makes.join(rules, on="item", how="inner")
    yield broken_plan_rows(
        known.filter(pl.col("quantity") < pl.col("make_minimum_quantity")),
        "smallest_batch",
        "quantity",
        phrase("≥ {}", pl.col("make_minimum_quantity")),
    )
    yield broken_plan_rows(
        known.filter(pl.col("quantity") % pl.col("make_multiple") != 0),
        "batch_multiple",
        "quantity",
        phrase("a multiple of {}", pl.col("make_multiple")),
    )


def _make_times(makes: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """A make takes its stated time, and at least the working days its hours fill."""
    places = dataset["locations"].select(
        destination="location", processing=pl.col("processing_time_days").fill_null(0.0)
    )
    machines = dataset["resources"].select(
        "resource",
        per_day=pl.col("count").fill_null(1) * pl.col("hours_per_day").fill_null(8.0),
        # A week's overtime may fall on one day, but it is there once a week.
        extra=pl.col("overtime_hours_per_week").fill_null(0.0),
    )
    worked = (
        makes.join(
            make_hours(dataset),
            left_on=["item", "destination"],
            right_on=["product", "location"],
            how="inner",
        )
        .join(machines, on="resource", how="inner")
        .with_columns(
            asked=pl.col("quantity") * pl.col("hours") + pl.col("setup"),
            weeks=((pl.col("due_on") - pl.col("start_on")).dt.total_days() / 7).ceil().clip(1),
        )
        .group_by("decision")
        .agg(
            worked=pl.when(pl.col("per_day") > 0)
            .then((pl.col("asked") - pl.col("extra") * pl.col("weeks")).clip(0) / pl.col("per_day"))
            .max()
        )
    )
    stated = dataset["items"].select("item", "make_lead_time_days")
    timed = (
        makes.join(places, on="destination", how="left")
        .join(worked, on="decision", how="left")
        .join(stated, on="item", how="left")
    )
    # The day it starts on is worked too, hence one day less than the days it fills.
    filled = (pl.col("worked") - 1.0).clip(lower_bound=0.0).fill_null(0.0)
    needed = pl.coalesce("make_lead_time_days", filled) + pl.col("processing").fill_null(0.0)
    yield from _too_fast(timed, needed)


def _open_days(plan: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Decisions start on a working day of who starts them and arrive when the place works."""
    places = dataset["locations"].select("location", "calendar")
    lanes = lane_days(dataset).select("source", "destination", "mode", lane_calendar="calendar")
    starter = pl.when(pl.col("kind") == "make").then("destination").otherwise("source")
    timed = (
        plan.with_columns(starter=starter)
        .join(places, left_on="starter", right_on="location", how="left")
        .join(lanes, on=["source", "destination", "mode"], how="left")
        .with_columns(
            calendar=pl.when(pl.col("kind") == "move")
            .then(pl.coalesce("lane_calendar", "calendar"))
            .otherwise("calendar")
        )
    )
    first, last = plan["start_on"].min(), plan["due_on"].max()
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        return
    shut = closed_days(dataset, first, last + timedelta(days=7))
    yield broken_plan_rows(
        timed.join(
            shut, left_on=["calendar", "start_on"], right_on=["calendar", "day"], how="semi"
        ),
        "starts_on_open_day",
        "start_on",
        phrase("a working day of calendar {}", pl.col("calendar")),
    )
    yield from _arrivals(plan, dataset, shut)


def _arrivals(plan: pl.DataFrame, dataset: Dataset, shut: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Due days; the first day of a period stands for its week, any other day for itself."""
    weeks = plan_weeks(dataset)["period_start"]
    places = dataset["locations"].select("calendar", destination="location")
    due = plan.select("decision", "due_on", "destination").join(places, on="destination")
    weekly = (pl.col("due_on").is_in(weeks.implode())) | (pl.col("due_on").dt.weekday() == 1)
    closed = (
        due.select(
            "decision",
            "calendar",
            "due_on",
            weekly=weekly,
            day=pl.date_ranges(
                "due_on",
                pl.col("due_on")
                + pl.when(weekly).then(pl.duration(days=6)).otherwise(pl.duration(days=0)),
            ),
        )
        .explode("day")
        .join(shut.with_columns(shut=pl.lit(1)), on=["calendar", "day"], how="left")
        .group_by("decision", "due_on", "calendar")
        .agg(all_shut=pl.col("shut").is_not_null().all())
        .filter("all_shut")
    )
    yield broken_plan_rows(
        closed,
        "arrives_on_open_day",
        "due_on",
        phrase("a working day of calendar {}", pl.col("calendar")),
    )
