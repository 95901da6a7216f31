"""Siting over quarters against the integer program, solved by HiGHS."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from fivefold.check.network_plan import check_network
from fivefold.deliver.network.facility import Facilities
from fivefold.deliver.network.phases import plan_phases
from fivefold.deliver.network.phasing import Phased
from fivefold.deliver.network.site_phases import PhaseParams, phase_sites
from fivefold.model import Dataset
from fivefold.twin.companies.operator import AS_OF, make_tables


def drawn(seed: int, sites: int = 6, zones: int = 9, quarters: int = 3) -> Phased:
    rng = np.random.default_rng(seed)
    site, zone = np.divmod(np.arange(sites * zones), zones)
    base = rng.uniform(2, 6, zones)
    return Phased(
        sites=Facilities(
            site=site,
            customer=zone,
            unit_cost=rng.uniform(1, 10, sites * zones),
            demand=base,
            capacity=rng.uniform(8, 16, sites),
            fixed_cost=rng.uniform(5, 25, sites),
            outside=30.0,
        ),
        demand=base[:, None] * np.array([1.0, 1.2, 1.5])[None, :quarters],
        module=np.full(sites, 4.0),
        module_cost=rng.uniform(3, 8, sites),
        modules_most=np.full(sites, 2),
        opening=np.where(np.arange(sites) < 2, 0.0, rng.uniform(50, 400, sites)),
        closing=rng.uniform(50, 300, sites),
        standing=np.arange(sites) < 2,
        days=90.0,
    )


def least_cost(problem: Phased) -> float:
    """Return the optimum with open, closing and module variables by site and quarter."""
    flat, (zones, quarters) = problem.sites, problem.demand.shape
    sites, arcs = len(flat.capacity), len(flat.site)
    each = sites * quarters
    x0, out0 = 3 * each, 3 * each + arcs * quarters
    columns = out0 + zones * quarters
    cost, upper = np.zeros(columns), np.full(columns, np.inf)
    rows, low, high = [], [], []

    def add(terms: dict[int, float], least: float, most: float) -> None:
        row = np.zeros(columns)
        for column, value in terms.items():
            row[column] += value
        rows.append(row)
        low.append(least)
        high.append(most)

    for i in range(sites):
        for t in range(quarters):
            y, m, gone = i * quarters + t, each + i * quarters + t, 2 * each + i * quarters + t
            upper[y], upper[m], upper[gone] = 1, problem.modules_most[i], 1
            cost[y] = problem.days * flat.fixed_cost[i] + problem.opening[i]
            cost[m], cost[gone] = problem.days * problem.module_cost[i], problem.closing[i]
            add({m: 1.0, y: -float(problem.modules_most[i])}, -np.inf, 0.0)
            before = float(problem.standing[i]) if t == 0 else None
            # What was open and is not any more has been closed; the closed stay closed.
            if before is None:
                add({y - 1: 1.0, y: -1.0, gone: -1.0}, -np.inf, 0.0)
                add({m - 1: 1.0, m: -1.0, gone: -float(problem.modules_most[i])}, -np.inf, 0.0)
            else:
                add({y: -1.0, gone: -1.0}, -np.inf, -before)
            for later in range(t, quarters):
                add({gone: 1.0, i * quarters + later: 1.0}, -np.inf, 1.0)
            mine = np.flatnonzero(flat.site == i)
            terms = {x0 + int(a) * quarters + t: 1.0 for a in mine}
            add({**terms, y: -flat.capacity[i], m: -problem.module[i]}, -np.inf, 0.0)
    for a in range(arcs):
        for t in range(quarters):
            cost[x0 + a * quarters + t] = problem.days * flat.unit_cost[a]
    for j in range(zones):
        for t in range(quarters):
            cost[out0 + j * quarters + t] = problem.days * flat.outside
            terms = {x0 + int(a) * quarters + t: 1.0 for a in np.flatnonzero(flat.customer == j)}
            add({**terms, out0 + j * quarters + t: 1.0}, problem.demand[j, t], problem.demand[j, t])
    whole = np.concatenate([np.ones(3 * each), np.zeros(columns - 3 * each)])
    found = milp(
        cost,
        constraints=LinearConstraint(np.array(rows), low, high),
        integrality=whole,
        bounds=Bounds(0.0, upper),
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_lies_below_and_the_schedule_above_the_integer_program(seed: int) -> None:
    problem = drawn(seed)
    exact = least_cost(problem)
    found = plan_phases(problem, steps=200)
    assert found.bound <= exact * (1 + 1e-6)
    assert found.cost >= exact * (1 - 1e-6)
    assert found.bound >= 0.97 * exact
    assert found.cost <= 1.03 * exact


@pytest.fixture(scope="module")
def phased() -> Dataset:
    dataset = Dataset(make_tables(scale=0.05, days=14))
    outcome = phase_sites(dataset, PhaseParams(quarters=4, steps=80, tries=20), as_of=AS_OF)
    assert outcome.bound is not None
    assert outcome.objective is not None
    assert 0.9 * outcome.objective <= outcome.bound <= outcome.objective
    return dataset.with_tables(**outcome.tables, explanations=outcome.explanations)


def broken(dataset: Dataset) -> set[str]:
    return set(check_network(dataset, as_of=AS_OF)["rule"])


def test_a_phased_choice_keeps_every_rule_and_says_why(phased: Dataset) -> None:
    assert broken(phased) == set()
    choices = phased["site_choices"]
    assert choices.height > 0
    assert {"open", "grow"} <= set(choices["action"])
    assert set(choices["decision"]) == set(phased["explanations"]["subject"])


def altered(dataset: Dataset, first_of: str, **columns: pl.Expr) -> Dataset:
    """Return the dataset with the first change of a kind altered."""
    choices = dataset["site_choices"]
    first = choices.filter(pl.col("action") == first_of)["decision"][0]
    return dataset.with_tables(
        site_choices=choices.with_columns(
            **{
                name: pl.when(pl.col("decision") == first).then(value).otherwise(pl.col(name))
                for name, value in columns.items()
            }
        )
    )


FAULTS = {
    "site_open": lambda d: d.with_tables(
        site_choices=d["site_choices"].filter(pl.col("action") != "open")
    ),
    "opens_once": lambda d: altered(d, "grow", action=pl.lit("open")),
    "modules_fit": lambda d: altered(d, "grow", modules=pl.lit(9)),
    "site_capacity": lambda d: d.with_tables(
        buildings=d["buildings"].with_columns(pl.col("capacity_parcels_per_day") / 10)
    ),
    "zone_served": lambda d: d.with_tables(zone_service=d["zone_service"].slice(1)),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_checker_names_each_fault_of_a_phased_choice(phased: Dataset, rule: str) -> None:
    assert rule in broken(FAULTS[rule](phased))


@pytest.mark.parametrize("seed", range(4))
def test_flows_are_those_of_the_schedule_kept_and_cost_what_is_said(seed: int) -> None:
    problem = drawn(seed)
    found = plan_phases(problem, steps=60)
    flat = problem.sites
    shipped = np.zeros(found.modules.shape)
    np.add.at(shipped, flat.site, found.units)
    room = np.where(
        found.modules >= 0,
        flat.capacity[:, None] + np.maximum(found.modules, 0) * problem.module[:, None],
        0.0,
    )
    assert (shipped <= room + 1e-6).all()
    served = np.zeros(problem.demand.shape)
    np.add.at(served, flat.customer, found.units)
    short = problem.demand - served
    assert short.min() > -1e-6
    is_open = found.modules >= 0
    was_open = np.column_stack([problem.standing, is_open])
    closes = (was_open[:, :-1] & ~was_open[:, 1:]).any(axis=1)
    a_day = (flat.unit_cost[:, None] * found.units).sum() + flat.outside * short.sum()
    a_day += (
        (flat.fixed_cost[:, None] + np.maximum(found.modules, 0) * problem.module_cost[:, None])
        * is_open
    ).sum()
    whole = problem.days * a_day + (problem.opening[:, None] * is_open).sum()
    assert found.cost == pytest.approx(whole + problem.closing[closes].sum())
