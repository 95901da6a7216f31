"""Where the next buildings go: which candidates to open, in order of what each saves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.driving import elapsed_hours
from fivefold.deliver.network.facility import Facilities, Located, Opening, open_greedily
from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import sites
from fivefold.deliver.network.places import road_km
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Floats = NDArray[np.float64]
OVERFLOW = "OVERFLOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitingParams:
    """How sites are chosen.

    Parameters
    ----------
    most : int
        Buildings to open.
    demand_factor : float, optional
        Demand for which they are built over today's; a year's growth where none is given.
    nearest : int
        Sites from which a zone may be served: its nearest so many.
    fill_share : float
        How full trucks run, for the cost a parcel and kilometre.
    evening_hour : int
        Hour by which orders of the day are packed.
    tries : int
        Candidates solved exactly at each step.
    """

    most: int = 50
    demand_factor: float | None = None
    nearest: int = 60
    fill_share: float = 0.55
    evening_hour: int = 18
    tries: int = 3

    def __post_init__(self) -> None:
        """Check what was asked."""
        if self.most < 1 or self.nearest < 1:
            raise ValueError(f"most and nearest must be positive, got {self}")


def service_days(km: Floats, known: dict[str, float], *, evening_hour: int) -> NDArray[np.int64]:
    """Return days from order to door over a road distance by a lone driver.

    What is packed in the evening is sorted once on its way, must be at the station by the
    morning hour, and takes the driver's rests.
    """
    hours = elapsed_hours(
        km / known["truck_kmh"],
        spell_hours=known["driving_hours_a_spell"],
        rest_hours=known["rest_hours"],
    )
    arrives = evening_hour + hours + 1.5 + known["sort_dwell_hours"]
    days = np.ceil((arrives - known["station_due_hour"]) / 24 - 1e-9)
    return np.maximum(1, days).astype(np.int64)


def choose_sites(dataset: Dataset, params: SitingParams | None = None, *, as_of: date) -> Outcome:
    """Choose which candidate buildings to open, one after the other by what each saves.

    Parameters
    ----------
    dataset : Dataset
        buildings (open and candidate), locations, demand_zones, network_figures, mode_cards.
    params : SitingParams
    as_of : date
        Day of the plan; the buildings stand a year later.

    Returns
    -------
    Outcome
        site_choices in order and zone_service with all of them open. `objective` is the cost of
        a day, `bound` what no choice of as many candidates can beat.

    Notes
    -----
    A greedy choice whose every step carries a bound from linear duality, see
    `facility.worth_at_prices`; the bound over all choices is Lagrangian. Buildings are sized for
    a busy day, so capacity counts divided by `busy_day_over_mean`. Service beyond one day costs
    the worth of a day, beyond two the loss of a broken promise.
    """
    params = params or SitingParams()
    known = figures(dataset)
    standing, new = (
        sites(dataset, "fulfilment"),
        sites(dataset, "fulfilment", state_of_use="candidate"),
    )
    if new.height == 0:
        why = Reason(
            subject="sites", reason_code="infeasible", text="There is no candidate building."
        )
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([why]))
    places = pl.concat([standing, new])
    zones = dataset["demand_zones"].sort("zone").with_columns(pl.col("zone").alias("name"))
    factor = params.demand_factor or 1.0 + known["growth_share"]
    km = road_km(places, zones)
    days = service_days(km, known, evening_hour=params.evening_hour)
    problem = siting_problem(places, zones, km, days, known, factor, dataset, params)
    is_standing = np.arange(places.height) < standing.height
    steps, found, before = open_greedily(
        problem, standing=is_standing, most=min(params.most, new.height), tries=params.tries
    )
    shares = Shares(problem=problem, days=days, people=zones["population"].to_numpy())
    table = _choices(places, problem, steps, shares, as_of)
    service = _service(places, zones, problem, found, km, days, as_of)
    one, two = shares.of(before)
    return Outcome(
        tables={"site_choices": table, "zone_service": service},
        status="feasible",
        objective=found.cost,
        bound=found.bound,
        explanations=explanations_frame(_reasons(table)),
        notes={
            "one_day_share_before": one,
            "two_day_share_before": two,
            "one_day_share_after": shares.of(found.units)[0],
            "two_day_share_after": shares.of(found.units)[1],
            "sites": places.height,
            "zones": zones.height,
            "demand_factor": factor,
            "overflow_share_before": 1.0 - float(before.sum() / problem.demand.sum()),
            "overflow_share_after": 1.0 - float(found.units.sum() / problem.demand.sum()),
        },
    )


def siting_problem(
    places: pl.DataFrame,
    zones: pl.DataFrame,
    km: Floats,
    days: NDArray[np.int64],
    known: dict[str, float],
    factor: float,
    dataset: Dataset,
    params: SitingParams,
) -> Facilities:
    """Return the choice of a day as facility location; units are thousands of parcels."""
    truck = cards(dataset, leg="line").filter(
        (pl.col("mode") == "truck") & (pl.col("owner") == "own")
    )
    a_km = float(truck["cost_per_km"][0]) / float(truck["capacity_parcels"][0]) / params.fill_share
    late = (
        np.minimum(days - 1, 1) * known["one_day_worth_per_parcel"]
        + np.maximum(days - 2, 0) * known["third_day_loss_per_parcel"]
    )
    unit = places["variable_cost_per_parcel"].to_numpy()[:, None] + km * a_km + late
    near = np.argsort(unit, axis=0, kind="stable")[: params.nearest]
    zone = np.broadcast_to(np.arange(zones.height), near.shape)
    site, customer = near.ravel(), zone.ravel()
    # Thousands of parcels keep the solver's figures small.
    return Facilities(
        site=site.astype(np.int64),
        customer=customer.astype(np.int64),
        unit_cost=unit[site, customer] * 1000,
        demand=zones["parcels_per_day"].to_numpy() * factor / 1000,
        capacity=places["capacity_parcels_per_day"].to_numpy() / known["busy_day_over_mean"] / 1000,
        fixed_cost=places["fixed_cost_per_day"].to_numpy().astype(float),
        outside=known["overflow_cost_per_parcel"] * 1000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Counts people by the days in which a flow serves them."""

    problem: Facilities
    days: NDArray[np.int64]
    people: Floats

    def of(self, units: Floats) -> tuple[float, float]:
        """Return the shares of people served within one and two days."""
        share = units / self.problem.demand[self.problem.customer]
        heads = share * self.people[self.problem.customer]
        took = self.days[self.problem.site, self.problem.customer]
        total = float(self.people.sum())
        return float(heads[took <= 1].sum() / total), float(heads[took <= 2].sum() / total)


def _choices(
    places: pl.DataFrame, problem: Facilities, steps: list[Opening], shares: Shares, as_of: date
) -> pl.DataFrame:
    names = places["location"].to_list()
    start = date(as_of.year + 1, 3 * ((as_of.month - 1) // 3) + 1, 1)
    rows: list[dict[str, object]] = []
    for rank, step in enumerate(steps, start=1):
        one, two = shares.of(step.units)
        carried = step.units[problem.site == step.site].sum() * 1000
        rows.append(
            {
                "decision": f"open {names[step.site]} {start}",
                "site": names[step.site],
                "action": "open",
                "period_start": start,
                "rank": rank,
                "modules": 0,
                "capacity_parcels_per_day": float(places["capacity_parcels_per_day"][step.site]),
                "parcels_per_day": float(carried),
                "fixed_cost_per_day": float(problem.fixed_cost[step.site]),
                "marginal_gain_per_day": step.gain,
                "gain_bound_per_day": max(step.gain, step.gain_bound),
                "next_best": names[step.next_best] if step.next_best >= 0 else None,
                "next_best_gain_per_day": step.next_best_gain_bound
                if step.next_best >= 0
                else None,
                "one_day_share": min(1.0, one),
                "two_day_share": min(1.0, two),
            }
        )
    return schema("site_choices").frame(rows)


def _service(
    places: pl.DataFrame,
    zones: pl.DataFrame,
    problem: Facilities,
    found: Located,
    km: Floats,
    days: NDArray[np.int64],
    as_of: date,
) -> pl.DataFrame:
    start = date(as_of.year + 1, 3 * ((as_of.month - 1) // 3) + 1, 1)
    used = np.flatnonzero(found.units > 1e-6)
    site, zone = problem.site[used], problem.customer[used]
    names, codes = places["location"].to_list(), zones["zone"].to_list()
    rows: list[dict[str, object]] = [
        {
            "zone": codes[j],
            "site": names[i],
            "period_start": start,
            "parcels_per_day": 1000 * float(found.units[k]),
            "distance_km": float(km[i, j]),
            "days": int(days[i, j]),
            "cost_per_day": float(found.units[k] * problem.unit_cost[k]),
        }
        for k, i, j in zip(used.tolist(), site.tolist(), zone.tolist(), strict=True)
    ]
    served = np.bincount(problem.customer, weights=found.units, minlength=zones.height)
    for j in np.flatnonzero(problem.demand - served > 1e-6).tolist():
        left = float(problem.demand[j] - served[j])
        rows.append(
            {
                "zone": codes[j],
                "site": OVERFLOW,
                "period_start": start,
                "parcels_per_day": 1000 * left,
                "cost_per_day": left * problem.outside,
            }
        )
    return schema("zone_service").frame(rows).sort("zone", "site")


def _reasons(table: pl.DataFrame) -> Iterator[Reason]:
    for row in table.iter_rows(named=True):
        yield Reason(
            subject=row["decision"],
            reason_code="demand_served",
            quantity=row["parcels_per_day"],
            price=row["marginal_gain_per_day"],
            text=f"Ships {row['parcels_per_day']:,.0f} parcels a day and saves "
            f"{row['marginal_gain_per_day']:,.0f} a day after its own "
            f"{row['fixed_cost_per_day']:,.0f}; no candidate could have saved "
            f"more than {row['gain_bound_per_day']:,.0f} here.",
        )
        if row["next_best"]:
            yield Reason(
                subject=row["decision"],
                reason_code="next_best",
                reference=row["next_best"],
                quantity=row["next_best_gain_per_day"],
                text=f"{row['next_best']} instead would save at most "
                f"{row['next_best_gain_per_day']:,.0f} a day.",
            )
