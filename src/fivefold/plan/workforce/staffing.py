"""Who works in a parcel network week by week, when to hire them, and what lateness costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.workforce.hiring import Labour, Payroll, plan_payroll
from fivefold.plan.workforce.volumes import PLACE_OF, SKILLS, Volumes, weekly_volumes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkforceParams:
    """How the workforce is planned.

    Parameters
    ----------
    weeks : int
        Most weeks looked ahead.
    surge_share : float
        How much more third parties send at the end of the surge; 0 for none.
    surge_weeks : int
        Weeks over which it grows, evenly.
    delays : tuple of int
        Weeks that hiring could begin later, each priced.
    """

    weeks: int = 26
    surge_share: float = 0.0
    surge_weeks: int = 43
    delays: tuple[int, ...] = field(default=(1, 2, 4, 6, 8, 12))

    def __post_init__(self) -> None:
        """Check what was asked."""
        if self.weeks < 2 or self.surge_weeks < 1:
            raise ValueError(f"weeks must be 2 or more and surge_weeks 1 or more, got {self}")
        if self.surge_share < 0 or any(delay < 1 for delay in self.delays):
            raise ValueError(f"surge_share and delays must not be negative, got {self}")


def plan_workforce(
    dataset: Dataset, params: WorkforceParams | None = None, *, as_of: date
) -> Outcome:
    """Plan the people of every region and skill week by week, and of every building and shift.

    Parameters
    ----------
    dataset : Dataset
        buildings, forecast_means, network_flows, linehaul_trips, network_figures; workforce, who
        is there now; where absent as many as the first four weeks take.
    params : WorkforceParams
    as_of : date
        Day of the plan; nobody can start earlier than `hiring_weeks` after it.

    Returns
    -------
    Outcome
        workforce_plan, workforce_heads, hiring_delays. `objective` is the cost of the horizon
        with whole hires, `bound` the linear programs' together. `notes`: hires, heads at start
        and end, the latest start that costs no more than a thousandth.
    """
    params = params or WorkforceParams()
    known = dict(dataset["network_figures"].select("figure", "value").iter_rows())
    week = np.arange(params.weeks)
    share = known.get("third_party_share", 0.0) * params.surge_share
    growth = 1.0 + share * np.minimum((week + 1) / params.surge_weeks, 1.0)
    volumes = weekly_volumes(dataset, weeks=params.weeks, growth=growth)
    if volumes is None or len(volumes.weeks) < 2:
        why = Reason(
            subject="workforce",
            reason_code="infeasible",
            text="There is no forecast of the regions, or no plan of a day to take shares from: "
            "`fivefold network plan` makes both.",
        )
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([why]))
    labour = Labour.of(known)
    rate = np.array([known[f"parcels_per_hour_{skill}"] for skill in SKILLS])
    regions = sorted(volumes.buildings["region"].drop_nulls().unique().to_list())
    given = {
        (region, skill): float(heads)
        for region, skill, heads in dataset["workforce"]
        .select("region", "skill", "heads")
        .iter_rows()
    }
    demand = {r: np.stack([volumes.of_region(r, skill) for skill in SKILLS]) for r in regions}
    start = {r: _start(r, demand[r], rate, labour, given) for r in regions}

    def payrolls(delay: int) -> dict[str, Payroll]:
        first = labour.lead_weeks + delay
        return {
            r: plan_payroll(demand[r], rate, start[r], labour, first_week=first) for r in regions
        }

    found = payrolls(0)
    delays = [(0, found), *((d, payrolls(d)) for d in params.delays)]
    plan = _plan_table(volumes, demand, found, start, labour, as_of)
    late = _delay_table(delays, as_of)
    objective = float(sum(p.cost.sum() for p in found.values()))
    bound = float(sum(p.bound for p in found.values()))
    bearable = [d for d, extra in late.select("delay_weeks", "extra_cost").iter_rows()
                if extra <= 1e-3 * objective]  # fmt: skip
    return Outcome(
        tables={
            "workforce_plan": plan,
            "workforce_heads": _heads_table(volumes, found, known),
            "hiring_delays": late,
        },
        status="feasible",
        objective=objective,
        bound=min(bound, objective),
        explanations=explanations_frame(_reasons(plan, found, volumes, labour)),
        notes={
            "weeks": len(volumes.weeks),
            "hires": int(plan["hires"].sum()),
            "heads_first_week": float(sum(p.heads[:, 0].sum() for p in found.values())),
            "heads_last_week": float(sum(p.heads[:, -1].sum() for p in found.values())),
            "agency_weeks": float(sum(p.agency.sum() for p in found.values())),
            "late_parcel_weeks": float(plan["late_parcels"].sum()),
            "surge_share": params.surge_share,
            "told_hires_ten_months": known.get("hires_ten_months"),
            "bearable_delay_weeks": max(bearable),
        },
    )


def _start(
    region: str,
    demand: Floats,
    rate: Floats,
    labour: Labour,
    given: dict[tuple[str, str], float],
) -> Floats:
    """Return practised heads at the start: those told, else as many as four weeks take."""
    a_head = rate * labour.productive * labour.hours
    sized = demand[:, :4].mean(axis=1) / a_head
    return np.array([given.get((region, s), sized[k]) for k, s in enumerate(SKILLS)], dtype=float)


def _plan_table(
    volumes: Volumes,
    demand: dict[str, Floats],
    found: dict[str, Payroll],
    start: dict[str, Floats],
    labour: Labour,
    as_of: date,
) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for region, payroll in found.items():
        for k, skill in enumerate(SKILLS):
            before = start[region][k]
            for t, week in enumerate(volumes.weeks):
                hires, heads = payroll.hires[k, t], payroll.heads[k, t]
                rows.append(
                    {
                        "decision": f"{region} {skill} {week}",
                        "region": region,
                        "skill": skill,
                        "period_start": week,
                        "parcels": demand[region][k, t],
                        "hires": round(hires),
                        "recruiting_starts": max(as_of, week - timedelta(weeks=labour.lead_weeks))
                        if hires > 0
                        else None,
                        "leavers": max(0.0, before + hires - heads),
                        "heads": heads,
                        "practised_heads": payroll.practised[k, t],
                        "overtime_hours": payroll.overtime_hours[k, t],
                        "agency_heads": payroll.agency[k, t],
                        "capacity_parcels": payroll.capacity[k, t],
                        "late_parcels": payroll.late[k, t],
                        "cost": payroll.cost[k, t],
                        "price_per_parcel": max(0.0, payroll.parcel_price[k, t]),
                    }
                )
                before = heads
    return schema("workforce_plan").frame(rows).sort("decision")


def _delay_table(delays: list[tuple[int, dict[str, Payroll]]], as_of: date) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    at_once = sum(float(p.cost.sum()) for p in delays[0][1].values())
    for delay, payrolls in delays:
        cost = sum(float(p.cost.sum()) for p in payrolls.values())
        rows.append(
            {
                "delay_weeks": delay,
                "starts": as_of + timedelta(weeks=delay),
                "hires": sum(float(p.hires.sum()) for p in payrolls.values()),
                "agency_weeks": sum(float(p.agency.sum()) for p in payrolls.values()),
                "late_parcel_weeks": sum(float(p.late.sum()) for p in payrolls.values()),
                "cost": cost,
                "extra_cost": cost - at_once,
            }
        )
    return schema("hiring_delays").frame(rows)


def _heads_table(
    volumes: Volumes, found: dict[str, Payroll], known: dict[str, float]
) -> pl.DataFrame:
    """Share a region's people out over its buildings and shifts, in whole people."""
    kinds = volumes.buildings["building_type"].to_numpy().astype(str)
    regions = volumes.buildings["region"].to_numpy()
    names = volumes.buildings["location"].to_list()
    waves = np.array([known[f"ready_{hour}_share"] for hour in (12, 18, 22)])
    frames = []
    for region, payroll in found.items():
        for k, skill in enumerate(SKILLS):
            mine = np.flatnonzero((regions == region) & np.char.startswith(kinds, PLACE_OF[skill]))
            weight = volumes.parcels[skill][mine].sum(axis=1)
            if not weight.sum() > 0:
                continue
            shifts = ("day", "evening", "night") if skill in ("stow", "pick_pack") else ("night",)
            parts = waves / waves.sum() if len(shifts) == 3 else np.ones(1)
            share = (weight[:, None] / weight.sum() * parts).ravel()
            told = [(names[i], shift) for i in mine.tolist() for shift in shifts]
            for t, week in enumerate(volumes.weeks):
                frames.append(
                    pl.DataFrame(
                        {
                            "location": [place for place, _ in told],
                            "shift": [shift for _, shift in told],
                            "heads": _whole(payroll.heads[k, t] * share),
                            "agency_heads": _whole(payroll.agency[k, t] * share),
                        }
                    ).with_columns(skill=pl.lit(skill), period_start=pl.lit(week))
                )
    shape = schema("workforce_heads").polars_schema()
    return (
        pl.concat(frames)
        .with_columns(
            decision=pl.format("{} {} {} {}", "location", "skill", "shift", "period_start")
        )
        .select(pl.col(name).cast(kind) for name, kind in shape.items())
        .sort("decision")
    )


def _whole(heads: Floats) -> NDArray[np.int64]:
    """Round by largest remainder, so that the sum stays what it was, rounded up."""
    whole = np.floor(heads + 1e-9).astype(np.int64)
    left = int(np.ceil(heads.sum() - 1e-6)) - int(whole.sum())
    if left > 0:
        whole[np.argsort(whole - heads, kind="stable")[:left]] += 1
    return whole


def _reasons(
    plan: pl.DataFrame, found: dict[str, Payroll], volumes: Volumes, labour: Labour
) -> Iterator[Reason]:
    """Say of each week with newcomers, agency people or lateness what it serves and what binds."""
    a_agency_hour = labour.wage * (1 + labour.agency_markup) / labour.agency_rate
    week_of = {week: t for t, week in enumerate(volumes.weeks)}
    for row in plan.filter(
        (pl.col("hires") > 0) | (pl.col("agency_heads") > 0.5) | (pl.col("late_parcels") > 0.5)
    ).iter_rows(named=True):
        yield Reason(
            subject=row["decision"],
            reason_code="demand_served",
            quantity=row["parcels"],
            price=row["price_per_parcel"],
            text=f"{row['parcels']:,.0f} parcels by {row['heads']:,.0f} heads worth "
            f"{row['practised_heads']:,.0f} practised ones, {row['overtime_hours']:,.0f} hours "
            f"over and {row['agency_heads']:,.0f} of agencies; one more costs "
            f"{row['price_per_parcel']:.3f}.",
        )
        held = found[row["region"]].hire_price[week_of[row["period_start"]]]
        if row["hires"] > 0 and held > 1e-6:
            yield Reason(
                subject=row["decision"],
                reason_code="constraint_price",
                reference="newcomers a week",
                price=held,
                text="No more newcomers can be found and trained this week; one more would save "
                f"{held:,.0f}.",
            )
        if row["agency_heads"] > 0.5:
            yield Reason(
                subject=row["decision"],
                reason_code="next_best",
                reference="overtime",
                price=labour.wage * (1 + labour.overtime_premium),
                text=f"A practised hour costs {a_agency_hour:.2f} by an agency and "
                f"{labour.wage * (1 + labour.overtime_premium):.2f} as overtime, which is "
                "used up first.",
            )
        if row["late_parcels"] > 0.5:
            yield Reason(
                subject=row["decision"],
                reason_code="unmet",
                quantity=row["late_parcels"],
                price=labour.late_cost,
                text=f"{row['late_parcels']:,.0f} parcels wait for the next week: hiring takes "
                f"{labour.lead_weeks} weeks, and overtime and agencies are used up.",
            )
