"""Work orders: precedence, overlap, working hours, components, and the makes they carry out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.check.network import bill_lines, closed_days, make_hours
from fivefold.model import Dataset

#: Hours by which rounding of instants to whole seconds may shorten an order.
HOURS = 0.01


def check_work(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield work orders that cannot run as planned or do not make what was decided."""
    work = _local(dataset)
    if work.height == 0:
        return
    yield from _order_of_days(work, as_of)
    yield from _lateness(work)
    # Orders with steps are checked step by step.
    whole = work.join(dataset["work_operations"], on="order", how="anti")
    yield from _overlap(whole, dataset)
    yield from _hours(whole, dataset)
    yield from _decisions(work, dataset)
    yield from _components(dataset)


def _broken_orders(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken, table="work_orders", key=["order"], rule=rule, found=found, expected=expected
    )


def _local(dataset: Dataset) -> pl.DataFrame:
    """Return work orders with their first and last day as the plant's clock shows them."""
    zones = dataset["locations"].select("location", zone=pl.col("timezone").fill_null("UTC"))
    work = dataset["work_orders"].join(zones, on="location", how="left")
    parts = [
        work.filter(pl.col("zone").fill_null("UTC") == zone).with_columns(
            start_day=pl.col("start_at").dt.convert_time_zone(zone).dt.date(),
            # The last moment of a shift that ends at midnight is of the day before.
            finish_day=(pl.col("finish_at") - pl.duration(seconds=1))
            .dt.convert_time_zone(zone)
            .dt.date(),
        )
        for zone in work["zone"].fill_null("UTC").unique().sort()
    ]
    return pl.concat(parts) if parts else work


def _order_of_days(work: pl.DataFrame, as_of: date) -> Iterator[pl.DataFrame]:
    yield _broken_orders(
        work.filter(pl.col("finish_at") <= pl.col("start_at")),
        "ends_after_it_starts",
        "finish_at",
        phrase("after {}", pl.col("start_at")),
    )
    yield _broken_orders(
        work.filter(pl.col("start_day") < as_of),
        "not_in_the_past",
        "start_day",
        f"{as_of} or later",
    )
    yield _broken_orders(
        work.filter(
            (pl.col("released_on") > pl.col("start_day"))
            | (pl.col("available_on") < pl.col("finish_day"))
        ),
        "steps_in_sequence",
        phrase(
            "{} → {} → {} → {}",
            pl.col("released_on").cast(pl.String).fill_null("-"),
            "start_day",
            "finish_day",
            pl.col("available_on").cast(pl.String).fill_null("-"),
        ),
        "released, started, finished, available in this order",
    )


def _lateness(work: pl.DataFrame) -> Iterator[pl.DataFrame]:
    ready = pl.coalesce("available_on", "finish_day")
    late = (ready - pl.col("due_on")).dt.total_days()
    yield _broken_orders(
        work.filter((late > 0) & (pl.col("late_days") + 1 < late)),
        "lateness_is_told",
        "late_days",
        late,
    )


def _overlap(work: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    count = dataset["resources"].select("resource", units=pl.col("count").fill_null(1))
    yield _broken_orders(
        _running(work)
        .join(count, on="resource", how="left")
        .filter(pl.col("running") > pl.col("units").fill_null(1)),
        "no_overlap",
        phrase("{} at once on {}", "running", "resource"),
        phrase("≤ {}", pl.col("units").fill_null(1)),
    )


def _running(work: pl.DataFrame) -> pl.DataFrame:
    """Return, at each start, how many orders run on the resource."""
    starts = work.select("resource", "order", at="start_at", step=pl.lit(1))
    ends = work.select("resource", "order", at="finish_at", step=pl.lit(-1))
    # An end sorts before a start at the same instant: one order may follow another at once.
    return (
        pl.concat([starts, ends])
        .sort("resource", "at", "step")
        .with_columns(running=pl.col("step").cum_sum().over("resource"))
        .filter(pl.col("step") == 1)
    )


def _hours(work: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Work starts and ends on working days and lasts as long as its units take."""
    machines = dataset["resources"].select(
        "resource", "calendar", per_day=pl.col("hours_per_day").fill_null(8.0)
    )
    timed = work.join(machines, on="resource", how="inner")
    first, last = timed["start_day"].min(), timed["finish_day"].max()
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        return
    shut = closed_days(dataset, first, last + timedelta(days=1))
    for day in ("start_day", "finish_day"):
        yield _broken_orders(
            timed.join(shut, left_on=["calendar", day], right_on=["calendar", "day"], how="semi"),
            "runs_on_open_day",
            day,
            phrase("a working day of calendar {}", pl.col("calendar")),
        )
    closed = (
        timed.filter(pl.col("finish_day") > pl.col("start_day"))
        .join(shut, on="calendar")
        .filter(pl.col("day").is_between("start_day", "finish_day"))
        .group_by("order")
        .agg(shut=pl.len().cast(pl.Int64))
    )
    days = (pl.col("finish_day") - pl.col("start_day")).dt.total_days() + 1
    between = (pl.col("finish_at") - pl.col("start_at")).dt.total_seconds() / 3600
    hours = (
        timed.join(closed, on="order", how="left")
        .join(
            make_hours(dataset).drop("setup"),
            on=["product", "location", "resource"],
            how="inner",
        )
        .with_columns(
            needed=pl.col("quantity") * pl.col("hours"),
            there=pl.min_horizontal(
                between, (days - pl.col("shut").fill_null(0)) * pl.col("per_day")
            ),
        )
    )
    yield _broken_orders(
        hours.filter(pl.col("there") < pl.col("needed") - HOURS),
        "takes_its_hours",
        "there",
        phrase("≥ {} hours", pl.col("needed").round(3)),
    )


def _decisions(work: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    makes = dataset["supply_plan"].filter(pl.col("kind") == "make")
    made = work.group_by("decision").agg(
        made=pl.col("quantity").sum(),
        product=pl.col("product").first(),
        place=pl.col("location").first(),
        same=(pl.col("product").n_unique() == 1) & (pl.col("location").n_unique() == 1),
    )
    joined = makes.join(made, on="decision", how="inner")
    yield violations(
        joined.filter(
            (pl.col("made") != pl.col("quantity"))
            | (pl.col("product") != pl.col("item"))
            | (pl.col("place") != pl.col("destination"))
            | ~pl.col("same")
        ),
        table="work_orders",
        key=["decision"],
        rule="work_is_of_its_decision",
        found=phrase("{} of {} at {}", "made", "product", "place"),
        expected=phrase("{} of {} at {}", "quantity", "item", "destination"),
    )
    # A make no work order carries out says so among the reasons.
    told = dataset["explanations"].filter(pl.col("reason_code") == "unmet")["subject"].unique()
    yield violations(
        makes.join(made, on="decision", how="anti").filter(
            ~pl.col("decision").is_in(told.implode())
        ),
        table="supply_plan",
        key=["decision"],
        rule="make_has_work_order",
        found=pl.lit("no work order"),
        expected="a work order or a reason why not",
    )
    yields = (
        dataset["operations"]
        .group_by("product", "location")
        .agg(share=pl.col("yield_share").fill_null(1.0).product())
    )
    needed = pl.col("quantity") / pl.col("share").fill_null(1.0)
    yield _broken_orders(
        work.join(yields, on=["product", "location"], how="left").filter(
            pl.col("start_quantity") < needed - 1e-6
        ),
        "start_covers_yield",
        "start_quantity",
        phrase("≥ {}", needed.round(2)),
    )


def _components(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Each line of the bill is taken once, in full units; nothing besides the bill is taken."""
    work = dataset["work_orders"]
    starts = dataset["supply_plan"].select("decision", planned="start_on")
    orders = work.join(starts, on="decision", how="left").select(
        "order",
        item="product",
        destination="location",
        start_on=pl.coalesce("planned", pl.col("start_at").dt.date()),
        quantity="start_quantity",
    )
    bill = bill_lines(orders, dataset).with_columns(
        # Units started already allow for yield; undo it.
        needed=pl.col("needed") * pl.col("yield_share").fill_null(1.0)
    )
    taken = dataset["work_order_components"].select("order", "component", taken="quantity")
    lines = (
        bill.join(taken, on=["order", "component"], how="left")
        .with_columns(
            taken=pl.col("taken").fill_null(0),
            share=pl.col("taken").fill_null(0) / pl.col("needed"),
        )
        .group_by("order", "line")
        .agg(
            component=pl.col("component").first(),
            needed=pl.col("needed").first(),
            taken=pl.col("taken").sum(),
            share=pl.col("share").sum(),
            # One more unit of each, for units are whole.
            most=((pl.col("needed") + 1.0) / pl.col("needed")).max(),
        )
    )
    yield violations(
        lines.filter((pl.col("share") < 1.0 - 1e-6) | (pl.col("share") >= pl.col("most") - 1e-9)),
        table="work_order_components",
        key=["order", "component"],
        rule="bill_is_followed",
        found="taken",
        expected=phrase("{}, rounded up", pl.col("needed").round(3)),
    )
    yield violations(
        taken.filter(pl.col("taken") > 0).join(bill, on=["order", "component"], how="anti"),
        table="work_order_components",
        key=["order", "component"],
        rule="component_is_in_the_bill",
        found="component",
        expected="a component of the bill in force",
    )
