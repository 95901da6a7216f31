"""The payroll of a region against trying every number of hires, and its rules against faults."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest

from fivefold.check.workforce import check_workforce
from fivefold.deliver.network.figures import package_table, with_figures
from fivefold.model import Dataset
from fivefold.plan.workforce.hiring import Labour, plan_payroll
from fivefold.plan.workforce.staffing import WorkforceParams, plan_workforce

KNOWN = dict(package_table("network_figures").select("figure", "value").iter_rows())
LABOUR = replace(Labour.of(KNOWN), hire_cost=300.0, lead_weeks=1)
AS_OF = date(2026, 11, 22)


def cost_of(hires: list[int], volume: list[float], start: float, rate: float) -> float:
    """Return the least cost with these hires: overtime first, then agencies, then lateness."""
    a, h = LABOUR.attrition, LABOUR.hours
    cohorts, late, cost = [[start, 1.0]], 0.0, 0.0
    for week, new in enumerate(hires):
        if week:
            cohorts = [
                [n * (1 - a), min(1.0, r + (1 - LABOUR.first_rate) / LABOUR.learning_weeks)]
                for n, r in cohorts
            ]
        cohorts.append([new, LABOUR.first_rate])
        heads = sum(n for n, _ in cohorts)
        hours = h * (sum(n * r for n, r in cohorts) - LABOUR.trainer * new)
        short = max(0.0, (late + volume[week]) / (rate * LABOUR.productive) - hours)
        over = min(short, LABOUR.overtime_most * h * heads)
        agency = min((short - over) / (h * LABOUR.agency_rate), LABOUR.agency_most * start)
        late = (short - over - agency * h * LABOUR.agency_rate) * rate * LABOUR.productive
        late = 0.0 if late < 1e-6 else late
        cost += LABOUR.wage * (h * heads + 1.5 * over + h * (1 + LABOUR.agency_markup) * agency)
        cost += LABOUR.hire_cost * new + LABOUR.late_cost * late
    return cost


@pytest.mark.parametrize("growth", [1.0, 1.3, 1.8])
def test_no_number_of_hires_costs_less_than_the_plan(growth: float) -> None:
    start, rate = 50.0, 25.0
    base = start * rate * LABOUR.productive * LABOUR.hours
    volume = [base, base * (1 + growth) / 2, base * growth, base * growth]
    most = int(LABOUR.hire_most * start)
    best = min(
        cost_of([0, *tried], volume, start, rate) for tried in product(range(most + 1), repeat=3)
    )
    found = plan_payroll(
        np.array([volume]), np.array([rate]), np.array([start]), LABOUR, first_week=1
    )
    assert found.bound <= best + 1e-6
    assert found.cost.sum() >= best - 1e-6
    # Whole hires are rounded up: at most one too many in each of three weeks.
    assert found.cost.sum() <= best + 3 * (LABOUR.hire_cost + 3 * LABOUR.wage * LABOUR.hours)


def test_nobody_is_hired_where_nothing_grows_and_nobody_leaves() -> None:
    calm = replace(LABOUR, attrition=0.0)
    volume = np.full((1, 8), 100 * 25 * calm.productive * calm.hours)
    found = plan_payroll(volume, np.array([25.0]), np.array([100.0]), calm, first_week=0)
    assert found.hires.sum() == 0
    assert found.cost.sum() == pytest.approx(8 * 100 * calm.hours * calm.wage)


def made_up(weeks: int = 12) -> Dataset:
    """Two regions, each with a centre and a station, parcels growing by a third."""
    starts = [AS_OF + timedelta(days=1 + 7 * k) for k in range(weeks)]
    rows = [
        {
            "item": "P",
            "location": place,
            "period_start": start,
            "units_mean": 7 * size * (1 + k / 33),
        }
        for place, size in (("CUSTOMERS-EAST", 60_000.0), ("CUSTOMERS-WEST", 40_000.0))
        for k, start in enumerate(starts)
    ]
    buildings = [
        ("FC-E", "fulfilment_sortable", "East"),
        ("DS-E", "delivery_station", "East"),
        ("FC-W", "fulfilment_sortable", "West"),
        ("DS-W", "delivery_station", "West"),
    ]
    flows = [("FC-E", "DS-E", 50_000.0), ("FC-W", "DS-E", 10_000.0), ("FC-W", "DS-W", 40_000.0)]
    return with_figures(
        Dataset(
            {
                "forecast_means": pl.DataFrame(rows),
                "buildings": pl.DataFrame(
                    buildings, schema=["location", "building_type", "region"], orient="row"
                ).with_columns(state_of_use=pl.lit("open"), capacity_parcels_per_day=pl.lit(1e6)),
                "network_flows": pl.DataFrame(
                    flows, schema=["origin", "destination", "parcels"], orient="row"
                ),
            }
        )
    )


def test_a_workforce_plan_breaks_no_rule_and_faults_are_found() -> None:
    dataset = made_up()
    outcome = plan_workforce(dataset, WorkforceParams(weeks=12, delays=(2, 6)), as_of=AS_OF)
    told = dataset.with_tables(**outcome.tables)
    found = check_workforce(told, as_of=AS_OF)
    assert found.filter(pl.col("table").str.starts_with("workforce")).height == 0
    plan = outcome["workforce_plan"]
    for column, rule in (
        ("heads", "heads"),
        ("capacity_parcels", "people_capacity"),
        ("cost", "people_cost"),
        ("overtime_hours", "overtime"),
    ):
        wrong = plan.with_columns((pl.col(column) * 3 + 1e6).alias(column))
        rules = set(check_workforce(told.with_tables(workforce_plan=wrong), as_of=AS_OF)["rule"])
        assert rule in rules
    early = plan.with_columns(hires=pl.lit(5))
    rules = set(check_workforce(told.with_tables(workforce_plan=early), as_of=AS_OF)["rule"])
    assert "hiring_lead" in rules


def test_hiring_later_never_costs_less() -> None:
    table = plan_workforce(made_up(), WorkforceParams(weeks=12, delays=(1, 3, 6)), as_of=AS_OF)[
        "hiring_delays"
    ]
    assert table["delay_weeks"].to_list() == [0, 1, 3, 6]
    assert table["cost"].is_sorted()
    assert table["extra_cost"][-1] > 0


def test_without_a_forecast_there_is_no_plan_but_a_reason() -> None:
    bare = made_up().with_tables(forecast_means=made_up()["forecast_means"].head(0))
    outcome = plan_workforce(bare, as_of=AS_OF)
    assert outcome.status == "infeasible"
    assert "no forecast" in outcome.explanations["text"][0]


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="delays must not be negative"):
        WorkforceParams(delays=(0,))
