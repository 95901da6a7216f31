"""Which buildings to open, grow and close in which quarter, with a proven bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from fivefold.deliver.network.facility import Facilities
from fivefold.deliver.network.figures import figures
from fivefold.deliver.network.flows import sites
from fivefold.deliver.network.phase_search import Prices
from fivefold.deliver.network.phases import Schedule, plan_phases
from fivefold.deliver.network.phasing import Floats, Ints, Phased
from fivefold.deliver.network.places import road_km
from fivefold.deliver.network.siting import (
    OVERFLOW,
    Shares,
    SitingParams,
    service_days,
    siting_problem,
)
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

DAYS_A_QUARTER = 365.0 / 4.0
THOUSAND = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseParams:
    """How buildings are phased over quarters.

    Parameters
    ----------
    quarters : int
        Quarters decided, from the next one on.
    growth_share_per_year : float, optional
        How fast demand grows; the figure `growth_share` where none is given.
    nearest : int
        Sites from which a zone may be served: its cheapest so many.
    steps : int
        Steps of the prices that make the bound.
    tries : int
        Changes of the schedule that are solved exactly.
    """

    quarters: int = 8
    growth_share_per_year: float | None = None
    nearest: int = 40
    steps: int = 250
    tries: int = 300

    def __post_init__(self) -> None:
        """Check what was asked."""
        if not 1 <= self.quarters <= 40:
            raise ValueError(f"quarters must lie in [1, 40], got {self.quarters}")
        if self.nearest < 1 or self.steps < 1 or self.tries < 0:
            raise ValueError(f"nearest, steps and tries must be positive, got {self}")


def phase_sites(dataset: Dataset, params: PhaseParams | None = None, *, as_of: date) -> Outcome:
    """Choose when to open, grow and close buildings over the quarters to come.

    Parameters
    ----------
    dataset : Dataset
        As for `siting.choose_sites`; of buildings also opening_cost, closing_cost and modules.
    params : PhaseParams
    as_of : date
        Day of the plan; the first quarter is the next one.

    Returns
    -------
    Outcome
        site_choices (one row a change) and zone_service (by quarter). `objective` is the cost of
        all quarters, `bound` what no schedule costs less than; notes have a row a quarter.

    Notes
    -----
    A building opens once, grows by modules that stay, and closes once. What opening costs is
    spread over `write_off_years` and counts for the quarters it is open. Demand of a quarter is
    that of its middle.
    """
    params = params or PhaseParams()
    known = figures(dataset)
    standing = sites(dataset, "fulfilment")
    new = sites(dataset, "fulfilment", state_of_use="candidate")
    places = pl.concat([standing, new])
    if places.height == 0:
        why = Reason(subject="sites", reason_code="infeasible", text="There is no building.")
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([why]))
    zones = dataset["demand_zones"].sort("zone").with_columns(pl.col("zone").alias("name"))
    km = road_km(places, zones)
    rule = SitingParams(nearest=params.nearest)
    days = service_days(km, known, evening_hour=rule.evening_hour)
    growth = params.growth_share_per_year
    growth = known["growth_share"] if growth is None else growth
    factor = (1.0 + growth) ** ((np.arange(params.quarters) + 0.5) / 4.0)
    flat = siting_problem(places, zones, km, days, known, 1.0, dataset, rule)
    busy = known["busy_day_over_mean"] * THOUSAND
    is_standing = np.arange(places.height) < standing.height
    once = places["opening_cost"].fill_null(0.0).to_numpy() / known["write_off_years"] / 4.0
    problem = Phased(
        sites=flat,
        demand=flat.demand[:, None] * factor[None, :],
        module=places["module_parcels_per_day"].fill_null(0.0).to_numpy() / busy,
        module_cost=places["module_cost_per_day"].fill_null(0.0).to_numpy().astype(float),
        modules_most=places["modules_most"].fill_null(0).to_numpy().astype(np.int64),
        opening=np.where(is_standing, 0.0, once),
        closing=places["closing_cost"].fill_null(0.0).to_numpy().astype(float),
        standing=is_standing,
        days=DAYS_A_QUARTER,
    )
    found = plan_phases(problem, steps=params.steps, tries=params.tries)
    starts = _starts(as_of, params.quarters)
    by_quarter = _quarters(problem, found, days, zones["population"].to_numpy(), starts)
    choices = _choices(problem, found, places, starts, by_quarter)
    service = _service(problem, found, places, zones, km, days, starts)
    return Outcome(
        tables={"site_choices": choices, "zone_service": service},
        status="feasible",
        objective=found.cost,
        bound=found.bound,
        explanations=explanations_frame(_reasons(choices)),
        notes={
            "quarters": by_quarter,
            "growth_share_per_year": growth,
            "sites": places.height,
            "zones": zones.height,
            "one_day_share_before": by_quarter[0]["one_day_share"],
            "two_day_share_before": by_quarter[0]["two_day_share"],
            "one_day_share_after": by_quarter[-1]["one_day_share"],
            "two_day_share_after": by_quarter[-1]["two_day_share"],
        },
    )


def _starts(as_of: date, quarters: int) -> list[date]:
    """Return the first days of the quarters after the one of `as_of`."""
    first = as_of.year * 4 + (as_of.month - 1) // 3 + 1
    return [date(n // 4, 3 * (n % 4) + 1, 1) for n in range(first, first + quarters)]


def _quarters(
    problem: Phased, found: Schedule, days: Ints, people: Floats, starts: list[date]
) -> list[dict[str, object]]:
    """Return what each quarter has: sites, modules, room, parcels, people reached, cost."""
    rows: list[dict[str, object]] = []
    flat = problem.sites
    for q, start in enumerate(starts):
        modules = found.modules[:, q]
        is_open = modules >= 0
        many = np.maximum(modules, 0)
        day = _one_day(problem, q)
        one, two = Shares(problem=day, days=days, people=people).of(found.units[:, q])
        served = float(found.units[:, q].sum())
        wanted = float(problem.demand[:, q].sum())
        room = (flat.capacity + many * problem.module)[is_open].sum()
        standing_cost = (flat.fixed_cost + many * problem.module_cost)[is_open].sum()
        carriage = found.units[:, q] @ flat.unit_cost + (wanted - served) * flat.outside
        rows.append(
            {
                "period_start": start.isoformat(),
                "sites_open": int(is_open.sum()),
                "modules": int(many[is_open].sum()),
                "room_parcels_per_day": THOUSAND * float(room),
                "parcels_per_day": THOUSAND * wanted,
                "overflow_share": max(0.0, 1.0 - served / wanted),
                "one_day_share": min(1.0, one),
                "two_day_share": min(1.0, two),
                "cost_per_day": float(carriage + standing_cost),
            }
        )
    return rows


def _one_day(problem: Phased, quarter: int) -> Facilities:
    """Return the problem of one quarter's day."""
    return replace(problem.sites, demand=problem.demand[:, quarter])


def _choices(
    problem: Phased,
    found: Schedule,
    places: pl.DataFrame,
    starts: list[date],
    by_quarter: list[dict[str, object]],
) -> pl.DataFrame:
    """Return a row for every change, those of a quarter in the order of what they save."""
    names = places["location"].to_list()
    flat, relaxed = problem.sites, Prices(problem)
    relaxed.bound(np.clip(found.flow_prices, 0.0, flat.outside))
    rows: list[dict[str, object]] = []
    for site, modules in enumerate(found.modules):
        for q, action, without in changes(modules, is_standing=bool(problem.standing[site])):
            gain = relaxed.worth(site, modules) - relaxed.worth(site, without)
            touched = int((modules != without).sum())
            # What it opens with beyond the building itself stands in a row of its own.
            many = 0 if action == "open" else max(0, int(modules[q]))
            is_open = modules[q] >= 0
            room = (flat.capacity[site] + many * problem.module[site]) * is_open
            carried = found.units[flat.site == site, q].sum()
            rows.append(
                {
                    "decision": f"{action} {names[site]} {starts[q]}",
                    "site": names[site],
                    "action": action,
                    "period_start": starts[q],
                    "modules": many,
                    "capacity_parcels_per_day": THOUSAND * float(room),
                    "parcels_per_day": THOUSAND * float(carried),
                    "fixed_cost_per_day": float(
                        (flat.fixed_cost[site] + many * problem.module_cost[site]) * is_open
                    ),
                    # A bound from below: where it is not positive it tells nothing.
                    "marginal_gain_per_day": gain / (problem.days * max(1, touched))
                    if gain > 0
                    else None,
                    "one_day_share": by_quarter[q]["one_day_share"],
                    "two_day_share": by_quarter[q]["two_day_share"],
                }
            )
    rows.sort(
        key=lambda row: (
            str(row["period_start"]),
            -float(str(row["marginal_gain_per_day"] or 0.0)),
            str(row["decision"]),
        )
    )
    for rank, row in enumerate(rows, start=1):
        row["rank"] = rank
    return schema("site_choices").frame(rows)


def changes(modules: Ints, *, is_standing: bool) -> Iterator[tuple[int, str, Ints]]:
    """Yield quarter, action and what the schedule would be without it, of every change.

    Examples
    --------
    >>> [(q, a) for q, a, _ in changes(np.array([-1, 0, 1, -1]), is_standing=False)]
    [(1, 'open'), (2, 'grow'), (3, 'close')]
    """
    was = 0 if is_standing else -1
    for q, now in enumerate(modules.tolist()):
        if now == was:
            continue
        without = modules.copy()
        if was < 0:
            without[:] = -1
            yield q, "open", without
            if now > 0:
                without = modules.copy()
                without[q:] = np.where(modules[q:] >= 0, 0, -1)
                yield q, "grow", without
        elif now < 0:
            without[q:] = was
            yield q, "close", without
        else:
            without[q:] = np.where(modules[q:] >= 0, was, -1)
            yield q, "grow", without
        was = now


def _service(
    problem: Phased,
    found: Schedule,
    places: pl.DataFrame,
    zones: pl.DataFrame,
    km: Floats,
    days: Ints,
    starts: list[date],
) -> pl.DataFrame:
    """Return who serves whom in every quarter."""
    flat = problem.sites
    names, codes = places["location"].to_numpy(), zones["zone"].to_numpy()
    parts = []
    for q, start in enumerate(starts):
        units = found.units[:, q]
        used = np.flatnonzero(units > 1e-6)
        site, zone = flat.site[used], flat.customer[used]
        served = np.bincount(flat.customer, weights=units, minlength=zones.height)
        left = problem.demand[:, q] - served
        short = np.flatnonzero(left > 1e-6)
        parts.append(
            pl.DataFrame(
                {
                    "zone": np.concatenate([codes[zone], codes[short]]),
                    "site": np.concatenate([names[site], np.full(len(short), OVERFLOW)]),
                    "period_start": [start] * (len(used) + len(short)),
                    "parcels_per_day": THOUSAND * np.concatenate([units[used], left[short]]),
                    "distance_km": pl.Series(
                        np.concatenate([km[site, zone], np.full(len(short), np.nan)])
                    ).fill_nan(None),
                    "days": pl.Series(
                        [*days[site, zone].tolist(), *[None] * len(short)], dtype=pl.Int64
                    ),
                    "cost_per_day": np.concatenate(
                        [units[used] * flat.unit_cost[used], left[short] * flat.outside]
                    ),
                }
            )
        )
    shape = schema("zone_service").polars_schema()
    table = pl.concat(parts).sort("period_start", "zone", "site")
    return table.select(pl.col(name).cast(kind) for name, kind in shape.items())


def _reasons(choices: pl.DataFrame) -> Iterator[Reason]:
    words = {
        "open": "Ships {parcels:,.0f} parcels a day from {start:%b %Y}",
        "grow": "{modules} module(s) from {start:%b %Y}, room for {room:,.0f} parcels a day",
        "close": "Stands no longer from {start:%b %Y}",
    }
    for row in choices.iter_rows(named=True):
        said = words[row["action"]].format(
            parcels=row["parcels_per_day"], start=row["period_start"], modules=row["modules"],
            room=row["capacity_parcels_per_day"],
        )  # fmt: skip
        gain = row["marginal_gain_per_day"]
        worth = (
            "prices alone do not tell what it saves, but nothing cheaper was found"
            if gain is None
            else f"without it a day would cost at least {gain:,.0f} more"
        )
        yield Reason(
            subject=row["decision"],
            reason_code="demand_served" if row["action"] != "close" else "unit_cost",
            quantity=row["parcels_per_day"],
            price=gain,
            text=f"{said}; {worth}.",
        )
