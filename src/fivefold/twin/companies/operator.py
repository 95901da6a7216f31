"""An invented operator of a parcel network over the real United States, sized from told figures.

People, ZIP codes and airports are real; every building is invented. What it is sized with
stands in `deliver/network/figures.csv`, each figure with its source and grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import figures, package_table
from fivefold.deliver.network.places import airport, great_circle_km, state_rows, zip_people, zones
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
PARCEL = "PARCEL"
#: Twenty airports, the hub first. That the hub is CVG is told; the rest is assumed.
AIRPORTS = (
    "CVG", "AFW", "ONT", "OAK", "SEA", "PDX", "PHX", "DEN", "MSP", "RFD",
    "STL", "IAH", "SAT", "ATL", "LAL", "MIA", "CLT", "BWI", "ABE", "BDL",
)  # fmt: skip
#: Volume by day of the week, Monday first, and at its height before Christmas: assumed.
WEEKDAYS = np.array([1.12, 1.08, 1.04, 1.02, 1.00, 0.86, 0.88])
PEAK_SHARE, PEAK_DAY_OF_YEAR, PEAK_DAYS = 0.45, 345, 16.0
SYNTHETIC = "invented place; sized from network_figures"

Floats = NDArray[np.float64]


def write_company(
    directory: Path, *, seed: int = 2026, days: int = 728, as_of: date = AS_OF, scale: float = 1.0
) -> list[Path]:
    """Write the tables of an invented operator as CSV files and return their paths.

    Parameters
    ----------
    directory : Path
        Made where it does not exist; files of the same name are replaced.
    seed : int
        Seed of all chance; the same arguments give the same bytes.
    days : int
        Days of volume recorded, ending the day before `as_of`.
    as_of : date
        Day the plan is made for.
    scale : float
        Share of the buildings and the volume, so that small networks can be tried.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in make_tables(seed=seed, days=days, as_of=as_of, scale=scale).items():
        path = directory / f"{name}.csv"
        frame.write_csv(path)
        written.append(path)
    return written


def make_tables(
    *, seed: int = 2026, days: int = 728, as_of: date = AS_OF, scale: float = 1.0
) -> dict[str, pl.DataFrame]:
    """Return the tables of the operator by name; see `write_company`.

    Raises
    ------
    ValueError
        If `scale` is not above 0 and at most 1.
    """
    if not 0.0 < scale <= 1.0:
        raise ValueError(f"scale must be above 0 and at most 1, got {scale}")
    rng = np.random.default_rng(seed)
    known = figures(Dataset({}))
    demand = _zones(known, scale)
    sites = _sites(known, demand, rng, scale)
    history = _history(demand, days, as_of, rng)
    regions = [_region_row(region, part) for (region,), part in demand.group_by("region")]
    places = sites.select(n for n in schema("locations").names if n in sites.columns)
    locations = pl.concat(
        [places, pl.DataFrame(sorted(regions, key=lambda row: row["location"]))],
        how="diagonal_relaxed",
    )
    keep = [name for name in schema("buildings").names if name in sites.columns]
    return {
        "settings": pl.DataFrame(
            {"name": ["plan_date", "currency"], "value": [as_of.isoformat(), "USD"]}
        ),
        "items": pl.DataFrame(
            {"item": [PARCEL], "name": ["Any parcel"], "weight_kg": [known["parcel_kg"]]}
        ),
        "locations": locations,
        "buildings": sites.select(keep),
        "demand_zones": demand.select(schema("demand_zones").names),
        "mode_cards": package_table("mode_cards"),
        "network_figures": package_table("network_figures"),
        "sales_history": history,
    }


def region_place(region: str) -> str:
    """Return the location that stands for the customers of a region."""
    return "CUSTOMERS-" + region.upper().replace(" ", "-")


def _region_row(region: object, part: pl.DataFrame) -> dict[str, object]:
    weight = part["population"].to_numpy()
    return {
        "location": region_place(str(region)),
        "name": f"Customers in the region {region}",
        "kind": "customer_zone",
        "operated_by": "partner",
        "country": "US",
        "latitude": round(float(np.average(part["latitude"].to_numpy(), weights=weight)), 4),
        "longitude": round(float(np.average(part["longitude"].to_numpy(), weights=weight)), 4),
    }


def _zones(known: dict[str, float], scale: float) -> pl.DataFrame:
    people = pl.col("population") / pl.col("population").sum()
    daily = known["members"] * known["parcels_per_member_week"] / 7 * scale
    return zones().with_columns(
        pl.col("latitude").round(4),
        pl.col("longitude").round(4),
        pl.col("area_km2").clip(upper_bound=60_000.0).round(1),
        (people * known["members"]).round(0).alias("members"),
        (people * daily).round(1).alias("parcels_per_day"),
    )


def _sites(
    known: dict[str, float], demand: pl.DataFrame, rng: np.random.Generator, scale: float
) -> pl.DataFrame:
    daily = float(demand["parcels_per_day"].sum())

    def count(figure: str) -> int:
        return max(2, round(known[figure] * scale))

    centres = _fulfilment(known, count("fulfilment_centres"), daily, rng, scale)
    parts = [
        centres,
        _candidates(known, demand, centres, count("candidate_sites"), daily),
        _spread(known, demand, "sort_centre", count("sort_centres"), rng),
        _spread(known, demand, "delivery_station", count("delivery_stations"), rng),
        _spread(known, demand, "cross_dock", count("cross_docks"), rng),
        _spread(known, demand, "returns_centre", count("returns_centres"), rng),
        _airports(max(3, round(len(AIRPORTS) * scale))),
    ]
    rent = known["rent_per_sqft_year"] + known["equipment_per_sqft_year"]
    area = pl.col("area_sqft")
    working = {
        "sort_centre": known["sort_cost_per_parcel"],
        "delivery_station": known["station_cost_per_parcel"],
    }
    return pl.concat(parts, how="diagonal_relaxed").with_columns(
        (area * rent / 365).round(0).alias("fixed_cost_per_day"),
        (area * known["opening_cost_per_sqft"]).round(0).alias("opening_cost"),
        (area * known["closing_cost_per_sqft"]).round(0).alias("closing_cost"),
        pl.col("building_type")
        .replace_strict(working, default=known["pick_pack_cost_per_parcel"])
        .alias("variable_cost_per_parcel"),
        pl.lit("own").alias("operated_by"),
        pl.lit("US").alias("country"),
        pl.lit(True).alias("is_synthetic"),
        pl.lit(SYNTHETIC).alias("source"),
        pl.lit("A").alias("grade"),
        (pl.col("capacity_parcels_per_day") * 0.25).round(0).alias("module_parcels_per_day"),
        (area * 0.25 * 0.8 * rent / 365).round(0).alias("module_cost_per_day"),
        pl.when(pl.col("building_type").str.starts_with("fulfilment"))
        .then(2)
        .otherwise(0)
        .alias("modules_most"),
        pl.when(pl.col("building_type") == "sort_centre").then(60).alias("chutes"),
    )


def by_state(known: dict[str, float], centres: int) -> dict[str, int]:
    """Return how many fulfilment centres each state has: those told, the rest by people.

    Largest remainders decide what is left over.
    """
    people = {s: row.population for s, row in state_rows().items() if s not in ("AK", "HI")}
    told = {"CA": known["fulfilment_centres_CA"], "TX": known["fulfilment_centres_TX"]}
    share = centres / known["fulfilment_centres"]
    found = {state: round(n * share) for state, n in told.items()}
    rest = {s: p for s, p in people.items() if s not in told}
    left = centres - sum(found.values())
    exact = {s: p / sum(rest.values()) * left for s, p in rest.items()}
    found |= {s: int(x) for s, x in exact.items()}
    by_remainder = sorted(exact, key=lambda s: (int(exact[s]) - exact[s], s))
    for state in by_remainder[: centres - sum(found.values())]:
        found[state] += 1
    return dict(sorted(found.items()))


def _fulfilment(
    known: dict[str, float], centres: int, daily: float, rng: np.random.Generator, scale: float
) -> pl.DataFrame:
    codes = zip_people()
    rows: list[dict[str, object]] = []
    for state, many in by_state(known, centres).items():
        mine = codes.filter((pl.col("state") == state) & (pl.col("population") > 0))
        weight = mine["population"].to_numpy()
        picked = rng.choice(
            mine.height, size=min(many, mine.height), replace=False, p=weight / weight.sum()
        )
        for k, row in enumerate(sorted(picked.tolist()), start=1):
            rows.append(_place(mine.row(row, named=True), f"FC-{state}{k:02d}", "Fulfilment"))
    sortable = rng.random(len(rows)) < known["sortable_share"]
    kinds = np.where(sortable, "fulfilment_sortable", "fulfilment_non_sortable")
    medians = np.array([known[f"median_sqft_{kind}"] for kind in kinds])
    area = medians * np.exp(rng.normal(0.0, known["area_spread"], len(rows)))
    area *= known["area_sqft_all"] * scale / area.sum()
    return pl.DataFrame(rows).with_columns(
        pl.lit("fulfilment_centre").alias("kind"),
        pl.Series("building_type", kinds),
        pl.Series("area_sqft", area.round(0)),
        pl.Series(
            "capacity_parcels_per_day",
            (area / area.sum() * daily * known["capacity_over_demand"]).round(0),
        ),
        pl.lit("open").alias("state_of_use"),
    )


def _candidates(
    known: dict[str, float], demand: pl.DataFrame, centres: pl.DataFrame, many: int, daily: float
) -> pl.DataFrame:
    """The largest ZIP prefixes stand in line for a building each."""
    top = demand.sort("population", "zone", descending=[True, False]).head(many).sort("zone")
    area = known["median_sqft_fulfilment_sortable"]
    per_sqft = daily * known["capacity_over_demand"] / float(centres["area_sqft"].sum())
    rows = [
        _place(row, f"NEW-{row['zone']}", "Site for fulfilment")
        for row in top.iter_rows(named=True)
    ]
    return pl.DataFrame(rows).with_columns(
        pl.lit("fulfilment_centre").alias("kind"),
        pl.lit("fulfilment_sortable").alias("building_type"),
        pl.lit(area).alias("area_sqft"),
        pl.lit(round(area * per_sqft)).cast(pl.Float64).alias("capacity_parcels_per_day"),
        pl.lit("candidate").alias("state_of_use"),
    )


def _spread(
    known: dict[str, float], demand: pl.DataFrame, kind: str, many: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Buildings of a kind in the middle of equal shares of people: weighted k-means."""
    code = {
        "sort_centre": ("SC", "Sort centre"),
        "delivery_station": ("DS", "Delivery station"),
        "cross_dock": ("XD", "Cross-dock"),
        "returns_centre": ("RC", "Returns centre"),
    }[kind]
    middle, load = _middles(demand, min(many, demand.height), rng)
    rows = []
    order = np.lexsort((middle[:, 1], middle[:, 0]))
    daily = float(demand["parcels_per_day"].sum())
    over = known["sort_capacity_over_demand"] if kind == "sort_centre" else 1.5
    for k, j in enumerate(order.tolist(), start=1):
        near = great_circle_km(
            middle[j, 0],
            middle[j, 1],
            demand["latitude"].to_numpy(),
            demand["longitude"].to_numpy(),
        )
        zone = demand.row(int(near.argmin()), named=True)
        row = _place(zone, f"{code[0]}-{k:03d}", code[1])
        # Sorted twice where it crosses the country, hence room for both.
        twice = 2.0 if kind == "sort_centre" else 1.0
        capacity = max(load[j], 0.3 / len(load)) * daily * over * twice
        rows.append(row | {"capacity_parcels_per_day": float(round(capacity))})
    area = known[f"median_sqft_{kind}"]
    return pl.DataFrame(rows).with_columns(
        pl.lit(kind).alias("kind"),
        pl.lit(kind).alias("building_type"),
        pl.lit(area).alias("area_sqft"),
        pl.lit("open").alias("state_of_use"),
    )


def _middles(demand: pl.DataFrame, many: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the middles and shares of people of `many` clusters: Lloyd's algorithm."""
    weight = demand["population"].to_numpy()
    spots = demand.select("latitude", "longitude").to_numpy()
    middle = spots[rng.choice(len(spots), size=many, replace=False, p=weight / weight.sum())]
    owner = np.zeros(len(spots), dtype=int)
    for _ in range(12):
        away = great_circle_km(
            spots[:, 0][:, None], spots[:, 1][:, None], middle[:, 0][None, :], middle[:, 1][None, :]
        )
        owner = away.argmin(axis=1)
        heavy = np.bincount(owner, weights=weight, minlength=many)
        held = heavy > 0
        for axis in (0, 1):
            total = np.bincount(owner, weights=weight * spots[:, axis], minlength=many)
            middle[held, axis] = total[held] / heavy[held]
    heavy = np.bincount(owner, weights=weight, minlength=many)
    return middle, heavy / heavy.sum()


def _airports(many: int) -> pl.DataFrame:
    states = {row.state: row.region for row in state_rows().values()}
    codes = zip_people()
    rows = []
    for code in AIRPORTS[:many]:
        name, latitude, longitude, _ = airport(code)
        near = great_circle_km(
            latitude, longitude, codes["latitude"].to_numpy(), codes["longitude"].to_numpy()
        )
        state = codes["state"][int(near.argmin())]
        rows.append(
            {
                "location": f"AIR-{code}",
                "name": name,
                "city": codes["city"][int(near.argmin())],
                "state": state,
                "region": states[state],
                "timezone": codes["timezone"][int(near.argmin())],
                "latitude": latitude,
                "longitude": longitude,
                "kind": "airport",
                "building_type": "airport",
                "capacity_parcels_per_day": 0.0,
                "area_sqft": 0.0,
                "state_of_use": "open",
            }
        )
    return pl.DataFrame(rows)


def _place(row: dict[str, object], location: str, what: str) -> dict[str, object]:
    state = str(row["state"])
    return {
        "location": location,
        "name": f"{what}, {row['city']}",
        "city": row["city"],
        "state": state,
        "region": state_rows()[state].region,
        "timezone": row["timezone"],
        "latitude": row["latitude"],
        "longitude": row["longitude"],
    }


def _history(
    demand: pl.DataFrame, days: int, as_of: date, rng: np.random.Generator
) -> pl.DataFrame:
    """Parcels wanted a day by region: growth, week, Christmas, chance."""
    growth = float(figures(Dataset({}))["growth_share"])
    regions: Sequence[tuple[str, float]] = list(
        demand.group_by("region").agg(pl.col("parcels_per_day").sum()).sort("region").iter_rows()
    )
    dates = [as_of - timedelta(days=days - k) for k in range(days)]
    back = np.arange(days, 0, -1) / 365.0
    season = np.array([_season(day) for day in dates])
    rows: list[pl.DataFrame] = []
    for region, mean in regions:
        noise = np.exp(_smooth_noise(rng, days, sd=0.02) + rng.normal(0.0, 0.02, days))
        units = mean * (1.0 + growth) ** -back * season * noise
        rows.append(
            pl.DataFrame(
                {
                    "item": [PARCEL] * days,
                    "location": [region_place(region)] * days,
                    "date": dates,
                    "units": units.round(0).astype(np.int64),
                    "in_stock_share": [1.0] * days,
                }
            )
        )
    return pl.concat(rows)


def _season(day: date) -> float:
    away = (day.timetuple().tm_yday - PEAK_DAY_OF_YEAR) / PEAK_DAYS
    return float(WEEKDAYS[day.weekday()] * (1.0 + PEAK_SHARE * np.exp(-(away**2) / 2)))


def _smooth_noise(rng: np.random.Generator, days: int, *, sd: float) -> Floats:
    """Chance that remembers: AR(1) with 0.9 a day and the deviation given."""
    found = np.zeros(days)
    for k in range(1, days):
        found[k] = 0.9 * found[k - 1] + rng.normal(0.0, sd * np.sqrt(1 - 0.81))
    return found
