"""One metropolitan area's visits and vehicles on a day, drawn from the people of its ZIP codes.

For planning a last mile before there are orders: how many vehicles of which kind, at what cost a
parcel. Doors are made up; who lives where, how many parcels come and what vehicles can do is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import nearest, sites, zone_demand
from fivefold.deliver.network.modes import STOP_MINUTES, TOUR_CONSTANT
from fivefold.deliver.network.places import CIRCUITY, great_circle_km, zip_people
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Floats = NDArray[np.float64]
#: Hours at which two-hour windows of the same day open: assumed.
WINDOW_HOURS = (10, 12, 14, 16, 18)
WINDOW_MINUTES = 120.0
#: Doors of a ZIP code lie within this share of the way to the next one, and no farther than this.
SPREAD_SHARE, SPREAD_MOST_KM, SPREAD_LEAST_KM = 0.6, 12.0, 0.5
#: Kilograms of one parcel: log-normal with this deviation of the logarithm, assumed.
WEIGHT_LOG_SD = 0.8
#: Of a driver's day, not on the road.
BREAK_HOURS = 0.5
#: Minutes a parcel takes at the door besides the stop itself: assumed.
PARCEL_MINUTES = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class MetroParams:
    """Which metropolitan area, and how far around it.

    Parameters
    ----------
    city, state : str
        City and two letters of its state.
    radius_km : float
        ZIP codes no farther than this from the middle of the city's people belong to the area.
    spare_share : float
        Vehicles beyond what a mean day asks.
    seed : int
        Seed of the doors drawn.
    """

    city: str = "Omaha"
    state: str = "NE"
    radius_km: float = 40.0
    spare_share: float = 0.25
    seed: int = 1

    def __post_init__(self) -> None:
        """Check what was asked."""
        if self.radius_km <= 0:
            raise ValueError(f"radius_km must be positive, got {self.radius_km}")
        if self.spare_share < 0:
            raise ValueError(f"spare_share must not be negative, got {self.spare_share}")


def middle_of(city: str, state: str) -> tuple[float, float] | None:
    """Return where the people of a city live on average; None where it is unknown."""
    codes = zip_people().filter(
        (pl.col("city").str.to_lowercase() == city.lower())
        & (pl.col("state") == state.upper())
        & (pl.col("population") > 0)
    )
    if codes.height == 0:
        return None
    weight = codes["population"].to_numpy()
    return (
        float(np.average(codes["latitude"].to_numpy(), weights=weight)),
        float(np.average(codes["longitude"].to_numpy(), weights=weight)),
    )


def metro_day(
    dataset: Dataset,
    params: MetroParams | None = None,
    *,
    as_of: date,
    rng: np.random.Generator | None = None,
) -> Outcome:
    """Return the visits of a day and the vehicles of a metropolitan area's stations.

    Parameters
    ----------
    dataset : Dataset
        demand_zones (by the first three digits of ZIP), buildings, locations; mode_cards,
        network_figures; forecast_means where the volume is to be the one expected.
    params : MetroParams
    as_of : date
        The day.
    rng : numpy.random.Generator, optional
        Draws the doors; default from `params.seed`.

    Returns
    -------
    Outcome
        Tables deliveries and vehicles; `infeasible` where the city is unknown, or nobody near
        it is served by a delivery station. Notes: zips, stations, people, parcels, visits.

    Notes
    -----
    A zone's parcels are shared out over its ZIP codes by people, each ZIP code's number drawn
    from a Poisson distribution, and grouped into visits whose sizes are geometric with the mean
    `parcels_per_visit`. Doors lie evenly in a disc around the ZIP code's middle.
    """
    params = params or MetroParams()
    rng = rng or np.random.default_rng(params.seed)
    known = figures(dataset)
    middle = middle_of(params.city, params.state)
    if middle is None:
        return _nothing(f"There is no city {params.city}, {params.state} among the ZIP codes.")
    stations = sites(dataset, "delivery_station")
    codes = _codes(dataset, middle, params.radius_km)
    if stations.height == 0 or codes.height == 0:
        return _nothing(
            f"No delivery station or no demand lies within {params.radius_km:g} km of "
            f"{params.city}, {params.state}."
        )
    owner, _km = nearest(codes.with_columns(name=pl.col("zip")), stations)
    codes = codes.with_columns(
        station=pl.Series([stations["location"][int(k)] for k in owner], dtype=pl.String)
    )
    visits = _visits(codes, known, as_of, rng)
    vehicles = _vehicles(visits, codes, dataset, known, params.spare_share)
    return Outcome(
        tables={"deliveries": visits, "vehicles": vehicles},
        status="feasible",
        notes={
            "city": f"{params.city}, {params.state}",
            "zips": codes.height,
            "people": float(codes["population"].sum()),
            "stations": codes["station"].n_unique(),
            "parcels": int(visits["parcels"].sum()),
            "visits": visits.height,
        },
    )


def _nothing(why: str) -> Outcome:
    reason = Reason(subject="metro", reason_code="infeasible", text=why)
    return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))


def _codes(dataset: Dataset, middle: tuple[float, float], radius_km: float) -> pl.DataFrame:
    """Return ZIP codes of the area with their mean parcels and how far their doors lie apart."""
    zones = zone_demand(dataset).select("zone", wanted="parcels_per_day")
    codes = (
        zip_people()
        .with_columns(zone=pl.col("zip").str.head(3))
        .join(zones, on="zone", how="inner")
        .with_columns(
            parcels=pl.col("wanted")
            * pl.col("population")
            / pl.col("population").sum().over("zone")
        )
    )
    away = great_circle_km(
        codes["latitude"].to_numpy(), codes["longitude"].to_numpy(), middle[0], middle[1]
    )
    near = codes.filter(pl.Series(away <= radius_km) & (pl.col("parcels") > 0)).sort("zip")
    apart = great_circle_km(
        near["latitude"].to_numpy()[:, None],
        near["longitude"].to_numpy()[:, None],
        codes["latitude"].to_numpy()[None, :],
        codes["longitude"].to_numpy()[None, :],
    )
    # ZIP codes of one building share its coordinates; the next one elsewhere counts.
    gap = np.where(apart > 0.05, apart, np.inf).min(axis=1, initial=np.inf)
    spread = np.clip(SPREAD_SHARE * gap, SPREAD_LEAST_KM, SPREAD_MOST_KM)
    return near.with_columns(spread_km=pl.Series(spread))


def _visits(
    codes: pl.DataFrame, known: dict[str, float], as_of: date, rng: np.random.Generator
) -> pl.DataFrame:
    """Draw the visits of every ZIP code: how many parcels, where, when, delivery or return."""
    parcels = rng.poisson(codes["parcels"].to_numpy())
    code = np.repeat(np.arange(codes.height), parcels)
    to_locker = rng.random(len(code)) < known["pickup_point_share"]
    at_door, sizes = _grouped(code[~to_locker], known["parcels_per_visit"], rng)
    place = np.concatenate([at_door, code[to_locker]])
    size = np.concatenate([sizes, np.ones(int(to_locker.sum()), dtype=np.int64)])
    locker = np.arange(len(place)) >= len(at_door)
    latitude, longitude = _doors(codes, place, locker, rng)
    chance = rng.random(len(place))
    is_return = ~locker & (chance < known["return_pickup_share"])
    opens = 60.0 * rng.choice(WINDOW_HOURS, len(place))
    timed = ~locker & (rng.random(len(place)) < known["two_hour_window_share"])
    weight = _weights(size, known["parcel_kg"], rng)
    postal = codes["zip"].to_numpy()[place]
    frame = pl.DataFrame(
        {
            "delivery": [f"V{number:06d}" for number in range(1, len(place) + 1)],
            "station": codes["station"].to_numpy()[place],
            "deliver_on": [as_of] * len(place),
            "kind": np.where(is_return, "return", "delivery"),
            "latitude": latitude,
            "longitude": longitude,
            "postal_code": postal,
            "pickup_point": pl.Series(np.where(locker, postal, "")).replace({"": None}),
            "parcels": size,
            "weight_kg": weight.round(2),
            "volume_m3": (size * known["parcel_m3"]).round(4),
            "window_start_minute": pl.Series(np.where(timed, opens, np.nan)).fill_nan(None),
            "window_end_minute": pl.Series(
                np.where(timed, opens + WINDOW_MINUTES, np.nan)
            ).fill_nan(None),
        }
    ).with_columns(pickup_point=pl.lit("LOCKER-") + pl.col("pickup_point"))
    return schema("deliveries").frame(frame.to_dicts())


def _grouped(
    code: NDArray[np.int64], mean: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ZIP code and the parcels of each visit; sizes are geometric until used up."""
    # A parcel begins a new visit with chance 1/mean, and where its ZIP code begins.
    first = rng.random(len(code)) < 1.0 / mean
    first |= np.concatenate([[True], code[1:] != code[:-1]]) if len(code) else False
    start = np.flatnonzero(first)
    return code[start], np.diff(np.append(start, len(code)))


def _doors(
    codes: pl.DataFrame, place: NDArray[np.int64], locker: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return doors spread evenly over a disc; a locker stands in the middle."""
    away = codes["spread_km"].to_numpy()[place] * np.sqrt(rng.random(len(place)))
    angle = rng.random(len(place)) * 2 * np.pi
    away = np.where(locker, 0.0, away)
    middle = codes["latitude"].to_numpy()[place]
    latitude = middle + away * np.sin(angle) / 111.2
    across = away * np.cos(angle) / (111.2 * np.cos(np.radians(middle)))
    return latitude.round(5), (codes["longitude"].to_numpy()[place] + across).round(5)


def _weights(size: NDArray[np.int64], mean: float, rng: np.random.Generator) -> Floats:
    """Return the kilograms of each visit: the sum of log-normal parcels."""
    each = np.exp(rng.normal(-(WEIGHT_LOG_SD**2) / 2, WEIGHT_LOG_SD, int(size.sum()))) * mean
    begin = np.concatenate([[0], np.cumsum(size)[:-1]])
    return np.asarray(np.add.reduceat(each, begin)) if len(size) else np.zeros(0)


def _vehicles(
    visits: pl.DataFrame,
    codes: pl.DataFrame,
    dataset: Dataset,
    known: dict[str, float],
    spare: float,
) -> pl.DataFrame:
    """Return vehicles for every station: half its vans a partner's, and what flies or rolls."""
    hours = _van_hours(visits, codes, dataset, known)
    last = {
        (row["mode"], row["owner"]): row for row in cards(dataset, leg="last").iter_rows(named=True)
    }
    own_km = float(last["van", "own"]["cost_per_km"]) if ("van", "own") in last else 0.35
    rows: list[dict[str, object]] = []
    for (station,), part in sorted(visits.group_by("station")):
        doors = part.select("latitude", "longitude").n_unique()
        a_day = known["driver_hours_a_day"] - BREAK_HOURS
        routes = max(doors / known["stops_per_route"], hours[str(station)] / a_day)
        routes = np.ceil(routes * (1.0 + spare))
        vans = {"own": int(routes // 2) + 1, "partner": int(routes - routes // 2) + 1}
        for (mode, owner), card in sorted(last.items()):
            if owner == "carrier":
                continue
            many = vans[owner] if mode == "van" else int(known["other_vehicles_a_station"])
            rows.append(_vehicle(str(station), card, many, known, own_km))
    return schema("vehicles").frame(rows)


def _van_hours(
    visits: pl.DataFrame, codes: pl.DataFrame, dataset: Dataset, known: dict[str, float]
) -> dict[str, float]:
    """Return the hours vans are out a day by station: doors, ways between them, the way there.

    The way between doors is that of a tour over an area (`modes.TOUR_CONSTANT`).
    """
    stations = sites(dataset, "delivery_station")
    place = stations.select("location", at="latitude", lo="longitude")
    van = cards(dataset, leg="last").filter(pl.col("mode") == "van").row(0, named=True)
    area = codes.select("zip", "station", "latitude", "longitude", "spread_km").join(
        place, left_on="station", right_on="location"
    )
    away = great_circle_km(
        area["latitude"].to_numpy(), area["longitude"].to_numpy(),
        area["at"].to_numpy(), area["lo"].to_numpy(),
    )  # fmt: skip
    count = visits.group_by(zip="postal_code").agg(visits=pl.len(), parcels=pl.col("parcels").sum())
    found = area.with_columns(away_km=pl.Series(away) * CIRCUITY).join(count, on="zip")
    apart = TOUR_CONSTANT * np.pi**0.5 * pl.col("spread_km") / pl.col("visits").sqrt()
    door = STOP_MINUTES["van"] + PARCEL_MINUTES * pl.col("parcels") / pl.col("visits")
    work = pl.col("visits") * (apart / van["speed_kmh"] + door / 60.0)
    stem = 2.0 * pl.col("away_km") / known["stem_speed_kmh"] * pl.col("visits")
    return {
        str(station): float(hours)
        for station, hours in found.group_by("station")
        .agg((work + stem / known["stops_per_route"]).sum())
        .iter_rows()
    }


def _vehicle(
    station: str,
    card: dict[str, float | str | None],
    many: int,
    known: dict[str, float],
    van_km_cost: float,
) -> dict[str, object]:
    """Return a row of vehicles from a card: the card's figures, and what they leave out."""
    mode, owner = str(card["mode"]), str(card["owner"])
    room = float(card["capacity_parcels"] or 0)
    alone = room <= 1
    speed = float(card["speed_kmh"] or 0)
    row: dict[str, object] = {
        "vehicle_type": f"{mode}-{owner}".upper(),
        "station": station,
        "kind": mode,
        "partner": "PARTNER" if owner == "partner" else None,
        "number_available": many,
        "speed_kmh": speed,
        "cost_per_km": card["cost_per_km"],
        "co2e_kg_per_km": card["co2e_kg_per_km"],
        "shift_start_minute": 60.0 * known["station_opens_hour"],
        "shift_end_minute": 60.0 * known["station_closes_hour"],
        "hours_at_most": known["driver_hours_a_day"],
        "capacity_m3": room * known["parcel_m3"],
        "reload_minutes": 60.0 * float(card["hours_fixed"] or 0),
    }
    if alone:
        # The card's radius is one way; the trip is there and back.
        return row | {
            "capacity_kg": card["payload_kg"],
            "range_km": 2.0 * float(card["radius_km"] or 0),
            "cost_per_trip": float(card["cost_per_trip"] or 0)
            + float(card["cost_per_parcel"] or 0),
            "cost_per_hour": 0.0,
            "trips_at_most": 100,
            "capacity_m3": None,
            "reload_minutes": known["sortie_reload_minutes"],
            "hours_at_most": known["station_closes_hour"] - known["station_opens_hour"],
        }
    a_day = float(card["cost_per_trip"] or 0)
    # What a day costs holds the wages of its driver for a full one; a partner's pay also the way.
    hourly = known["wage_per_hour"]
    if mode == "van" and owner == "partner":
        row["cost_per_km"] = van_km_cost
        a_day = known["partner_pay_per_route"] - van_km_cost * known["paid_km_in_route"]
    a_day = max(0.0, a_day - hourly * known["paid_hours_in_card"])
    return row | {
        "capacity_kg": room * known["parcel_kg"] * 2.0,
        "stops_at_most": round(room),
        "stem_speed_kmh": known["stem_speed_kmh"] if mode == "van" else speed,
        "cost_per_day": a_day,
        "cost_per_hour": hourly,
        "trips_at_most": 1 if mode == "van" else 3,
        "range_km": known["van_range_km"] if mode == "van" else known["bicycle_range_km"],
    }
