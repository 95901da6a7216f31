"""Steps of work orders on their machines: overlap, sequence, hours, stops, tools."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

#: Seconds by which rounding may shorten a step.
_SLACK = timedelta(seconds=2)


def check_steps(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield steps that cannot run where and when the schedule puts them."""
    steps = dataset["work_operations"]
    if steps.height == 0:
        return
    yield from _machines(steps, dataset)
    yield from _one_at_a_time(steps)
    yield from _sequence(steps, dataset)
    yield from _hours(steps, dataset)
    yield from _tools(steps, dataset)
    yield from _complete(steps, dataset)


def _broken(rows: pl.DataFrame, rule: str, found: object, expected: object) -> pl.DataFrame:
    return violations(
        rows,
        table="work_operations",
        key=["order", "operation"],
        rule=rule,
        found=found,  # type: ignore[arg-type]
        expected=expected,  # type: ignore[arg-type]
    )


def _ways(dataset: Dataset) -> pl.DataFrame:
    """Return run hours a unit of every step on every resource that can do it."""
    own = dataset["operations"].select(
        "product", "operation", "resource", rate="run_time_hours_per_unit"
    )
    others = (
        dataset["operation_alternatives"]
        .join(own.select("product", "operation", "rate"), on=["product", "operation"])
        .select(
            "product",
            "operation",
            "resource",
            rate=pl.coalesce("run_time_hours_per_unit", "rate"),
        )
    )
    return pl.concat([own, others]).unique(["product", "operation", "resource"], keep="first")


def _machines(steps: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    units = dataset["resources"].select("resource", units=pl.col("count").fill_null(1))
    yield _broken(
        steps.join(_ways(dataset), on=["product", "operation", "resource"], how="anti"),
        "machine_can_do_it",
        "resource",
        "the resource of the step or an alternative to it",
    )
    yield _broken(
        steps.join(units, on="resource").filter(pl.col("unit") > pl.col("units")),
        "unit_exists",
        "unit",
        phrase("≤ {}", "units"),
    )


def _one_at_a_time(steps: pl.DataFrame) -> Iterator[pl.DataFrame]:
    ordered = steps.filter(pl.col("finish_at") > pl.col("start_at")).sort(
        "resource", "unit", "start_at", "finish_at"
    )
    before = ordered.with_columns(
        until=pl.col("finish_at").cum_max().shift(1).over("resource", "unit")
    )
    yield _broken(
        before.filter(pl.col("until") > pl.col("start_at") + _SLACK),
        "no_overlap",
        "start_at",
        phrase("≥ {}, when the step before on {} ends", "until", "resource"),
    )


def _sequence(steps: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    waits = dataset["operations"].select(
        "product", "operation", wait=pl.col("wait_hours").fill_null(0.0)
    )
    ready = pl.col("finish_at") + pl.duration(seconds=pl.col("wait").fill_null(0.0) * 3600)
    ordered = (
        steps.join(waits, on=["product", "operation"], how="left")
        .sort("order", "operation")
        .with_columns(ready=ready.shift(1).over("order"))
    )
    yield _broken(
        ordered.filter(pl.col("ready") > pl.col("start_at") + _SLACK),
        "steps_in_sequence",
        "start_at",
        phrase("≥ {}, when the step before is over", "ready"),
    )


def _hours(steps: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """A step lasts at least its set-up and run, which are those of its units on its machine."""
    lasted = (pl.col("finish_at") - pl.col("start_at")).dt.total_seconds() / 3600
    timed = steps.with_columns(lasted=lasted, asked=pl.col("setup_hours") + pl.col("run_hours"))
    stops = dataset["resource_stops"].filter(pl.col("units").is_null())
    if stops.height:
        lost = (
            timed.join(stops.select("resource", "starts_at", "ends_at"), on="resource")
            .with_columns(
                lost=(
                    pl.min_horizontal("finish_at", "ends_at")
                    - pl.max_horizontal("start_at", "starts_at")
                )
                .dt.total_seconds()
                .clip(0)
                / 3600
            )
            .group_by("order", "operation")
            .agg(pl.col("lost").sum())
        )
        timed = timed.join(lost, on=["order", "operation"], how="left").with_columns(
            lasted=pl.col("lasted") - pl.col("lost").fill_null(0.0)
        )
    yield _broken(
        timed.filter(pl.col("lasted") < pl.col("asked") - 0.01),
        "takes_its_hours",
        "lasted",
        phrase("≥ {} hours in which its machine can work", pl.col("asked").round(3)),
    )
    known = steps.join(_ways(dataset), on=["product", "operation", "resource"])
    needed = pl.col("quantity") * pl.col("rate")
    yield _broken(
        known.filter(pl.col("run_hours") < needed - 0.01),
        "runs_all_its_units",
        "run_hours",
        phrase("≥ {}", needed.round(3)),
    )


def _tools(steps: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    needs = dataset["operation_needs"].select(
        "product", "operation", tool="resource", held=pl.col("count").fill_null(1)
    )
    if needs.height == 0:
        return
    uses = steps.join(needs, on=["product", "operation"])
    moments = pl.concat(
        [
            uses.select("tool", "order", "operation", at="start_at", step="held"),
            uses.select("tool", "order", "operation", at="finish_at", step=-pl.col("held")),
        ]
    ).sort("tool", "at", "step")
    there = dataset["resources"].select(tool="resource", units=pl.col("count").fill_null(1))
    over = (
        moments.with_columns(held=pl.col("step").cum_sum().over("tool"))
        .join(there, on="tool")
        .filter((pl.col("step") > 0) & (pl.col("held") > pl.col("units")))
    )
    yield _broken(
        over, "tools_are_there", phrase("{} of {} held", "held", "tool"), phrase("≤ {}", "units")
    )


def _complete(steps: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """An order that has steps has all of them, and is available when the last one is done."""
    orders = dataset["work_orders"].select("order", "product", "available_on")
    known = dataset["resources"].select("resource")
    asked = dataset["operations"].join(known, on="resource", how="semi")
    wanted = asked.group_by("product").agg(wanted=pl.len().cast(pl.Int64))
    had = steps.group_by("order", "product").agg(
        had=pl.len().cast(pl.Int64), operation=pl.col("operation").max()
    )
    yield _broken(
        had.join(wanted, on="product").filter(pl.col("had") != pl.col("wanted")),
        "all_steps_are_there",
        phrase("{} steps", "had"),
        phrase("{} steps", "wanted"),
    )
    ends = steps.group_by("order").agg(
        ends=(pl.col("finish_at").max() - timedelta(days=1)).dt.date(),
        operation=pl.col("operation").max(),
    )
    yield _broken(
        ends.join(orders, on="order").filter(pl.col("available_on") < pl.col("ends")),
        "available_after_last_step",
        "available_on",
        phrase("{} or later", "ends"),
    )
