"""Rules of a workforce plan, counted again cohort by cohort from hires and figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from fivefold.check.findings import none, violations
from fivefold.check.references import check_reasons, check_schema
from fivefold.model import Dataset

#: Differences that count as equal, as a share of the figure and in heads, hours or parcels.
_SHARE, _UNITS = 1e-4, 1.0


def check_workforce(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return the rules a workforce plan breaks, as the violations table.

    Parameters
    ----------
    dataset : Dataset
        network_figures, workforce_plan, workforce_heads, explanations.
    as_of : date
        Day of the plan.
    """
    found = [*check_schema(dataset), *check_reasons(dataset), *check_people(dataset, as_of=as_of)]
    full = [frame for frame in found if frame.height]
    return pl.concat(full) if full else none()


def check_people(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Check lead time, the count of heads, what they can do, what is late, and the buildings."""
    plan = dataset["workforce_plan"].sort("region", "skill", "period_start")
    if plan.height == 0:
        return
    known = dict(dataset["network_figures"].select("figure", "value").iter_rows())
    soonest = as_of + timedelta(weeks=int(known["hiring_weeks"]))
    yield _found(
        plan.filter((pl.col("hires") > 0) & (pl.col("period_start") < soonest)),
        "hiring_lead",
        "period_start",
        pl.lit(str(soonest)),
    )
    rows: list[dict[str, object]] = []
    for _, part in plan.group_by("region", "skill", maintain_order=True):
        rows.extend(_counted(part, known))
    counted = pl.DataFrame(rows)
    for column, rule in (
        ("heads", "heads"),
        ("practised_heads", "practised_heads"),
        ("capacity_parcels", "people_capacity"),
        ("late_parcels", "late_parcels"),
        ("cost", "people_cost"),
    ):
        off = (pl.col(column) - pl.col(f"{column}_counted")).abs()
        yield _found(
            counted.filter(off > _UNITS + _SHARE * pl.col(f"{column}_counted").abs()),
            rule,
            column,
            pl.col(f"{column}_counted").cast(pl.String),
        )
    limit = pl.col("heads") * known["hours_per_week"] * known["overtime_most_share"]
    yield _found(
        plan.filter(pl.col("overtime_hours") > limit + _UNITS),
        "overtime",
        "overtime_hours",
        limit.cast(pl.String),
    )
    yield from _in_buildings(dataset, plan)


def _counted(part: pl.DataFrame, known: dict[str, float]) -> list[dict[str, object]]:
    """Follow every cohort of newcomers week by week."""
    first = part.row(0, named=True)
    cohorts = [(float(first["heads"] - first["hires"]), -10_000)]
    late = 0.0
    found: list[dict[str, object]] = []
    rate = known[f"parcels_per_hour_{first['skill']}"] * known["productive_share"]
    wage, hours = known["wage_per_hour"], known["hours_per_week"]
    for week, row in enumerate(part.iter_rows(named=True)):
        if week:
            cohorts = [(size * (1 - known["attrition_per_week"]), age) for size, age in cohorts]
        cohorts.append((float(row["hires"]), week))
        heads = sum(size for size, _ in cohorts)
        practised = 0.0
        for size, begun in cohorts:
            learnt = min(1.0, (week - begun) / known["learning_weeks"])
            practised += size * (
                known["learning_first_week"] + (1 - known["learning_first_week"]) * learnt
            )
        practised -= row["hires"] * known["trainer_share_first_week"]
        worked = hours * (practised + known["agency_rate_share"] * row["agency_heads"])
        capacity = rate * (worked + row["overtime_hours"])
        late = max(0.0, late + row["parcels"] - capacity)
        cost = (
            wage * hours * (heads + (1 + known["agency_markup"]) * row["agency_heads"])
            + wage * (1 + known["overtime_premium"]) * row["overtime_hours"]
            + known["hire_cost"] * row["hires"]
            + known["late_cost_per_parcel"] * late
        )
        found.append(
            {
                **row,
                "heads_counted": heads,
                "practised_heads_counted": practised,
                "capacity_parcels_counted": capacity,
                "late_parcels_counted": late,
                "cost_counted": cost,
            }
        )
    return found


def _in_buildings(dataset: Dataset, plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The people of a region's buildings are those of the region, rounded up once a skill."""
    told = dataset["workforce_heads"]
    if told.height == 0:
        return
    regions = dataset["buildings"].select("location", "region")
    placed = (
        told.join(regions, on="location", how="left")
        .group_by("region", "skill", "period_start")
        .agg(pl.col("heads", "agency_heads").sum())
    )
    both = plan.join(placed, on=["region", "skill", "period_start"], how="inner", suffix="_placed")
    for column in ("heads", "agency_heads"):
        yield _found(
            both.filter((pl.col(f"{column}_placed") - pl.col(column).ceil()).abs() > _UNITS),
            "people_in_buildings",
            f"{column}_placed",
            pl.col(column).cast(pl.String),
        )


def _found(rows: pl.DataFrame, rule: str, found: str, expected: pl.Expr) -> pl.DataFrame:
    return violations(
        rows,
        table="workforce_plan",
        key=("decision",),
        rule=rule,
        found=pl.col(found).cast(pl.String),
        expected=expected,
    )
