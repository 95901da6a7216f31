"""By what means each flow of parcels goes: the cheapest that arrives in time, and the next best.

Between buildings: air, team truck, truck, rail, own or a carrier's. To the door: van, bicycle,
robot, drone, own, a partner's or a carrier's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import nearest, sites, zone_demand
from fivefold.deliver.network.places import circuity_of, great_circle_km
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Floats = NDArray[np.float64]

#: Length of a tour a stop is this many square roots of the area a stop has: Beardwood, Halton,
#: Hammersley (1959) constant 0.7124, times 1.2 for streets; Daganzo (1984) builds tours on it.
TOUR_CONSTANT = 0.7124 * 1.2
#: Minutes at the door by means: assumed.
STOP_MINUTES = {"van": 1.6, "bicycle": 2.0, "robot": 6.0, "drone": 4.0}
#: Means that fly straight.
FLYING = frozenset({"air", "drone"})
VERDICTS = ("", "farther than it goes", "nearer than it is used for", "too heavy", "too late")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeParams:
    """How means are chosen.

    Parameters
    ----------
    on_time_share : float
        Chance with which a means must arrive in time, bad weather apart.
    last_hours : float
        Hours from the dock of the station to the door.
    """

    on_time_share: float = 0.95
    last_hours: float = 12.0

    def __post_init__(self) -> None:
        """Check what was asked."""
        if not 0.0 < self.on_time_share < 1.0:
            raise ValueError(f"on_time_share must lie in (0, 1), got {self.on_time_share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Flows to choose means for, one entry each.

    `hours_allowed` from ready to due, `area_km2` over which the stops of a last leg lie (0
    between buildings), `heaviest_kg` of its parcels.
    """

    origin: list[str]
    destination: list[str]
    parcels: Floats
    road_km: Floats
    air_km: Floats
    hours_allowed: Floats
    area_km2: Floats
    heaviest_kg: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Every card on every flow: arrays of shape (flows, cards), and the choice."""

    cost: Floats
    hours_mean: Floats
    hours_sd: Floats
    on_time: Floats
    co2e_kg: Floats
    verdict: NDArray[np.int8]
    best: NDArray[np.int64]
    second: NDArray[np.int64]
    blocked: NDArray[np.int64]


def choose_modes(dataset: Dataset, params: ModeParams | None = None, *, as_of: date) -> Outcome:
    """Choose the means of every flow of the day.

    Parameters
    ----------
    dataset : Dataset
        network_flows of the middle mile (their origin, destination, parcels and hours), else
        nothing between buildings; demand_zones, buildings, locations; mode_cards.
    params : ModeParams
    as_of : date
        Day of the plan.

    Returns
    -------
    Outcome
        Table mode_choices; `objective` is the cost of the last leg. A flow no means brings in
        time has an empty mode and a reason.

    Notes
    -----
    Between buildings each flow stands alone here: what it would cost without sharing a truck.
    What it shares is the middle mile's table. Hours are taken as normal about their mean.
    """
    params = params or ModeParams()
    known = figures(dataset)
    parts = []
    reasons: list[Reason] = []
    for leg, flows in (("line", line_flows(dataset)), ("last", last_flows(dataset, params))):
        if not flows.origin:
            continue
        means = cards(dataset, leg=leg)
        tried = try_all(flows, means, known["parcel_kg"], params)
        parts.append(_table(leg, flows, means, tried))
        reasons.extend(_reasons(parts[-1]))
    table = pl.concat(parts).sort("decision") if parts else schema("mode_choices").empty()
    last = table.filter(pl.col("leg") == "last")
    return Outcome(
        tables={"mode_choices": table},
        objective=float(last["cost"].sum()),
        explanations=explanations_frame(reasons),
        notes={"without_means": table["mode"].null_count(), "flows": table.height},
    )


def line_flows(dataset: Dataset) -> Flows:
    """Return the flows between buildings, those of one pair and promise together."""
    table = (
        dataset["network_flows"]
        .group_by("origin", "destination", "service_days")
        .agg(
            pl.col("parcels").sum(),
            (pl.col("due_hour") - pl.col("ready_hour")).min().alias("hours"),
        )
        .sort("origin", "destination", "service_days")
    )
    places = dataset["locations"].select("location", "latitude", "longitude", "state")
    ends = table.join(places, left_on="origin", right_on="location").join(
        places, left_on="destination", right_on="location", suffix="_to"
    )
    straight = great_circle_km(
        ends["latitude"].to_numpy(),
        ends["longitude"].to_numpy(),
        ends["latitude_to"].to_numpy(),
        ends["longitude_to"].to_numpy(),
    )
    longer = (circuity_of(ends["state"]) + circuity_of(ends["state_to"])) / 2
    count = ends.height
    return Flows(
        origin=ends["origin"].to_list(),
        destination=[
            f"{d} {n}d"
            for d, n in zip(ends["destination"].to_list(), ends["service_days"], strict=True)
        ],
        parcels=ends["parcels"].to_numpy().astype(float),
        road_km=straight * longer,
        air_km=straight,
        hours_allowed=ends["hours"].to_numpy().astype(float),
        area_km2=np.zeros(count),
        heaviest_kg=np.full(count, 5.0),
    )


def last_flows(dataset: Dataset, params: ModeParams) -> Flows:
    """Return the flows from stations to doors: by zone, what a drone could lift apart."""
    stations, zones = sites(dataset, "delivery_station"), zone_demand(dataset)
    if stations.height == 0 or zones.height == 0:
        empty = np.zeros(0)
        return Flows(
            origin=[], destination=[], parcels=empty, road_km=empty, air_km=empty,
            hours_allowed=empty, area_km2=empty, heaviest_kg=empty,
        )  # fmt: skip
    owner, km = nearest(zones, stations)
    light = figures(dataset)["under_drone_payload_share"]
    wanted = zones["parcels_per_day"].to_numpy()
    names = [str(stations["location"][int(k)]) for k in owner]
    air = great_circle_km(
        zones["latitude"].to_numpy(),
        zones["longitude"].to_numpy(),
        stations["latitude"].to_numpy()[owner],
        stations["longitude"].to_numpy()[owner],
    )
    twice = np.concatenate
    area = zones["area_km2"].fill_null(500.0).to_numpy()
    # Customers of a disc are two thirds of its radius from its middle on average.
    spread = np.sqrt(area / np.pi) * 2 / 3
    km, air = np.maximum(km, 1.2 * spread), np.maximum(air, spread)
    return Flows(
        origin=[*names, *names],
        destination=[
            *[f"{z} light" for z in zones["zone"]],
            *[f"{z} heavy" for z in zones["zone"]],
        ],
        parcels=twice([wanted * light, wanted * (1 - light)]),
        road_km=twice([km, km]),
        air_km=twice([air, air]),
        hours_allowed=np.full(2 * len(wanted), params.last_hours),
        area_km2=twice([area, area]),
        heaviest_kg=np.repeat([2.2, 12.0], len(wanted)),
    )


def try_all(flows: Flows, means: pl.DataFrame, parcel_kg: float, params: ModeParams) -> Tried:
    """Try every card on every flow and pick."""
    from fivefold.deliver.network import mode_kernels as kernels

    shape = (len(flows.parcels), means.height)
    minutes = np.array([STOP_MINUTES.get(m, 0.0) for m in means["mode"]])
    apart = TOUR_CONSTANT * np.sqrt(flows.area_km2 / np.maximum(flows.parcels, 1.0))
    # One parcel at a time is no tour: the whole way is out and back.
    tour_km = np.where(flows.area_km2[:, None] > 0, np.maximum(apart[:, None], 1e-6), 0.0)
    tour_km = np.where(means["capacity_parcels"].to_numpy()[None, :] > 1, tour_km, tour_km * 1e-3)
    tour_hours = np.where(flows.area_km2[:, None] > 0, minutes[None, :] / 60.0, 0.0)
    found = [np.empty(shape) for _ in range(5)]
    verdict = np.empty(shape, np.int8)
    best, second, blocked = (np.empty(shape[0], np.int64) for _ in range(3))

    def column(name: str) -> Floats:
        return means[name].fill_null(0.0).to_numpy().astype(float)

    kernels.try_cards(  # type: ignore[call-arg]
        flows.parcels, flows.road_km, flows.air_km, flows.hours_allowed, flows.heaviest_kg,
        np.broadcast_to(tour_km, shape).copy(), np.broadcast_to(tour_hours, shape).copy(),
        np.array([m in FLYING for m in means["mode"]]), column("capacity_parcels"),
        column("payload_kg"), column("radius_km"), column("least_km"), column("speed_kmh"),
        column("hours_fixed"), column("hours_sd_share"), column("usable_share"),
        column("driving_hours_a_spell"), column("rest_hours"), column("cost_per_km"),
        column("cost_per_trip"), column("cost_per_parcel"), column("co2e_kg_per_km"),
        column("co2e_kg_per_tonne_km"), parcel_kg, params.on_time_share, *found, verdict,
    )  # fmt: skip
    kernels.pick(found[0], verdict, best, second, blocked)
    return Tried(
        cost=found[0],
        hours_mean=found[1],
        hours_sd=found[2],
        on_time=found[3],
        co2e_kg=found[4],
        verdict=verdict,
        best=best,
        second=second,
        blocked=blocked,
    )


def _table(leg: str, flows: Flows, means: pl.DataFrame, tried: Tried) -> pl.DataFrame:
    row = np.arange(len(flows.parcels))
    best, done = tried.best, tried.best >= 0
    name = np.array([f"{m} ({o})" for m, o in means.select("mode", "owner").iter_rows()])
    mode, owner = means["mode"].to_numpy().astype(str), means["owner"].to_numpy().astype(str)

    def told(values: Floats) -> pl.Series:
        return pl.Series(np.where(done, values[row, best], np.nan)).fill_nan(None)

    extra = np.where(
        tried.second >= 0, tried.cost[row, tried.second] - tried.cost[row, best], np.nan
    )
    blocked = [
        f"{name[c]} {tried.cost[k, c]:,.2f}: {VERDICTS[tried.verdict[k, c]]}" if c >= 0 else None
        for k, c in enumerate(tried.blocked.tolist())
    ]
    frame = pl.DataFrame(
        {
            "decision": [
                f"{o}>{d} {leg}" for o, d in zip(flows.origin, flows.destination, strict=True)
            ],
            "origin": flows.origin,
            "destination": flows.destination,
            "leg": [leg] * len(row),
            "parcels": flows.parcels,
            "distance_km": flows.road_km,
            "hours_allowed": flows.hours_allowed,
            "mode": pl.Series(np.where(done, mode[best], "")).replace({"": None}),
            "owner": pl.Series(np.where(done, owner[best], "")).replace({"": None}),
            "cost": told(tried.cost),
            "hours_mean": told(tried.hours_mean),
            "hours_p95": told(tried.hours_mean + 1.6449 * tried.hours_sd),
            "on_time_share": told(tried.on_time),
            "co2e_kg": told(tried.co2e_kg),
            "next_best": pl.Series(np.where(tried.second >= 0, name[tried.second], "")).replace(
                {"": None}
            ),
            "next_best_extra_cost": pl.Series(extra).fill_nan(None),
            "why_not_cheaper": pl.Series(blocked, dtype=pl.String),
        }
    )
    shape = schema("mode_choices").polars_schema()
    return frame.select(pl.col(n).cast(kind) for n, kind in shape.items())


def _reasons(table: pl.DataFrame, *, most: int = 1000) -> Iterator[Reason]:
    """Say why, of the flows that cost most and of all without a means."""
    lost = table.filter(pl.col("mode").is_null())
    for row in lost.head(most).iter_rows(named=True):
        yield Reason(
            subject=row["decision"],
            reason_code="infeasible",
            quantity=row["parcels"],
            text=f"No means brings {row['parcels']:,.0f} parcels {row['distance_km']:,.0f} km in "
            f"{row['hours_allowed']:.0f} hours; cheapest refused: {row['why_not_cheaper']}.",
        )
    chosen = table.filter(pl.col("mode").is_not_null())
    for row in (
        chosen.sort("cost", "decision", descending=[True, False]).head(most).iter_rows(named=True)
    ):
        yield from why(row)


def why(row: dict[str, object]) -> Iterator[Reason]:
    """Say why a flow goes by the means it goes by."""
    subject = str(row["decision"])
    yield Reason(
        subject=subject,
        reason_code="unit_cost",
        quantity=float(row["parcels"]),  # type: ignore[arg-type]
        price=float(row["cost"]) / max(1e-9, float(row["parcels"])),  # type: ignore[arg-type]
        text=f"{row['mode']} ({row['owner']}) for {row['cost']:,.2f} a day; "
        f"{row['hours_mean']:.1f} hours on average of {row['hours_allowed']:.0f}, in time "
        f"{row['on_time_share']:.1%}.",
    )
    if row["next_best"] is not None:
        yield Reason(
            subject=subject,
            reason_code="next_best",
            reference=str(row["next_best"]),
            price=float(row["next_best_extra_cost"]),  # type: ignore[arg-type]
            text=f"Next best is {row['next_best']}, {row['next_best_extra_cost']:,.2f} more.",
        )
    if row["why_not_cheaper"] is not None:
        yield Reason(
            subject=subject,
            reason_code="eligibility",
            text=f"Cheaper, but out of the question: {row['why_not_cheaper']}.",
        )
