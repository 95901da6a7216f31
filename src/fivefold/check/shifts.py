"""Shifts of a building: do people exist, work when they are there, and get the work done?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset

_HOUR = ["location", "day", "hour", "task"]


def check_shifts(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield shifts and hours of work that break a rule."""
    plan = dataset["shift_plan"]
    if plan.height == 0 and dataset["staff_hours"].height == 0:
        return
    yield from _people(dataset, plan)
    yield from _work(dataset, plan)


def _people(dataset: Dataset, plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    key = ["location", "day", "pattern"]
    known = dataset["shift_patterns"].select(
        "location", "pattern", "people_most", "cost_per_hour", long="hours"
    )
    found = plan.join(known, on=["location", "pattern"], how="left")
    yield violations(
        found.filter(pl.col("long").is_null()),
        table="shift_plan",
        key=key,
        rule="pattern_exists",
        found="pattern",
        expected="a shift of the building",
    )
    yield violations(
        found.filter(pl.col("people") > pl.col("people_most")),
        table="shift_plan",
        key=key,
        rule="people_there",
        found="people",
        expected="people_most",
    )
    cost = pl.col("people") * pl.col("long") * pl.col("cost_per_hour")
    yield violations(
        found.filter((pl.col("cost") - cost).abs() > EPS),
        table="shift_plan",
        key=key,
        rule="cost_recomputed",
        found="cost",
        expected=cost,
    )


def _there(dataset: Dataset, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the people there by hour, one row an hour and shift, with the tasks they can do."""
    starts = pl.col("starts_time").str.slice(0, 2).cast(pl.Int64)
    patterns = dataset["shift_patterns"].select(
        "location",
        "pattern",
        "tasks",
        "break_after_hours",
        starts=starts,
        step=pl.int_ranges(0, pl.col("hours")),
    )
    return (
        plan.select("location", "day", "pattern", "people")
        .join(patterns, on=["location", "pattern"])
        .explode("step")
        .filter(pl.col("step") != pl.col("break_after_hours").fill_null(-1))
        .with_columns(hour=pl.col("starts") + pl.col("step"))
    )


def _work(dataset: Dataset, plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    hours = dataset["staff_hours"]
    if hours.height == 0:
        return
    there = _there(dataset, plan)
    able = (
        there.with_columns(task=pl.col("tasks").str.split(","))
        .explode("task")
        .with_columns(pl.col("task").str.strip_chars())
        .group_by(_HOUR)
        .agg(able=pl.col("people").sum())
    )
    by_task = hours.join(able, on=_HOUR, how="left")
    yield violations(
        by_task.filter(pl.col("done_hours") > pl.col("able").fill_null(0) + EPS),
        table="staff_hours",
        key=_HOUR,
        rule="people_on_shift",
        found="done_hours",
        expected=pl.col("able").fill_null(0),
    )
    all_there = there.group_by("location", "day", "hour").agg(people=pl.col("people").sum())
    busy = hours.group_by("location", "day", "hour").agg(
        done=pl.col("done_hours").sum(), task=pl.lit("all")
    )
    yield violations(
        busy.join(all_there, on=["location", "day", "hour"], how="left").filter(
            pl.col("done") > pl.col("people").fill_null(0) + EPS
        ),
        table="staff_hours",
        key=_HOUR,
        rule="people_on_shift",
        found="done",
        expected=pl.col("people").fill_null(0),
    )
    run = hours.sort("location", "day", "task", "hour").with_columns(
        came=pl.col("arrives_hours").cum_sum().over("location", "day", "task"),
        did=pl.col("done_hours").cum_sum().over("location", "day", "task"),
        owed=pl.col("due_hours").cum_sum().over("location", "day", "task"),
    )
    yield violations(
        run.filter(pl.col("did") > pl.col("came") + EPS),
        table="staff_hours",
        key=_HOUR,
        rule="done_after_it_came",
        found="did",
        expected="came",
    )
    told = (
        dataset["explanations"]
        .filter(pl.col("subject").str.starts_with("short:"))
        .select(pl.col("subject").str.split(":").alias("_parts"), short="quantity")
        .with_columns(
            location=pl.col("_parts").list.get(1),
            day=pl.col("_parts").list.get(2).str.to_date(),
            task=pl.col("_parts").list.get(3),
        )
        .drop("_parts")
    )
    late = run.join(told, on=["location", "day", "task"], how="left")
    yield violations(
        late.filter(pl.col("did") + pl.col("short").fill_null(0.0) < pl.col("owed") - EPS),
        table="staff_hours",
        key=_HOUR,
        rule="done_in_time",
        found=phrase("{} h", "did"),
        expected=phrase("{} h", "owed"),
    )
