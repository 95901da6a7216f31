"""A network as placement reads it: demand by item and region, costs, and the room of centres."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.placement_kernel import FAR, HAIR
from fivefold.deliver.zones import (
    carriage,
    great_circle_miles,
    ground_days,
    zip_coordinates,
    zones_of,
)
from fivefold.model import Dataset

if TYPE_CHECKING:
    from fivefold.deliver.placement import PlacementParams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LB_PER_KG = 2.2046226218
DIM_DIVISOR_CM3_PER_LB = 139.0 * 2.54**3
DAYS_PER_WEEK, WEEKS_PER_YEAR = 7, 52.0
ZONES = range(2, 9)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Cost of capital a year where the company's settings do not tell it.
ASSUMED_CAPITAL_SHARE = 0.12


class Arrays(NamedTuple):
    """A network as the compiled functions take it.

    Pairs are regions an item is wanted in: those of item i are `pair_from[i]` to
    `pair_from[i + 1]`. `late` is the worth of the days to a region (regions, centres); `pooled`
    the holding cost a week of an item's safety stock kept at one place, `safety` its units. A
    place of k holds whole units: no fewer than `base[i, k]` and `slope[i]` of what it serves
    between two reviews (`_whole_units`).
    """

    pair_from: Ints
    pair_region: Ints
    pair_units: Floats
    zone: Ints
    late: Floats
    parcel: Floats
    each: Floats
    opening: Floats
    pooled: Floats
    safety: Floats
    m3: Floats
    base: Floats
    slope: Floats
    review_weeks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementWorld:
    """One network: names, arrays, the room of its centres, and lines of orders.

    Attributes
    ----------
    days : float array, shape (regions, centres)
    room_m3, room_units : float arrays, shape (centres,)
        Cube that can be stored, units that can be received a week; `FAR` where no limit is known.
    line_order, line_pair : int arrays, shape (lines,)
    weeks : float
        Weeks the lines are of.
    """

    network: str
    items: list[str]
    regions: list[str]
    centres: list[str]
    arrays: Arrays
    days: Floats
    room_m3: Floats
    room_units: Floats
    line_order: Ints
    line_pair: Ints
    weeks: float

    @property
    def item_of_pair(self) -> Ints:
        """Item of each pair."""
        return np.repeat(np.arange(len(self.items)), np.diff(self.arrays.pair_from))

    @property
    def demand(self) -> Floats:
        """Units a week of each item."""
        return np.bincount(
            self.item_of_pair, self.arrays.pair_units, minlength=len(self.items)
        ).astype(np.float64)

    @property
    def parcel_start(self) -> float:
        """What a further parcel costs beside its weight: the lightest at the mean zone."""
        return float(self.arrays.parcel.min(axis=0).mean())

    @property
    def dearest_unit(self) -> float:
        """More than serving a unit can cost anywhere, so that no demand is left for its cost."""
        a = self.arrays
        unit = a.parcel.max() + a.late.max() + a.each.max() + a.opening.max() + a.pooled.max()
        return 2.0 * float(unit) + 1.0

    def has_room(self, m3: Floats, units: Floats) -> bool:
        """Return whether a use of all centres is within their room."""
        return bool((m3 <= self.room_m3 * (1 + 1e-9)).all() and
                    (units <= self.room_units * (1 + 1e-9)).all())  # fmt: skip

    def pair_serve(self) -> Floats:
        """Return the cost a week of serving each pair from each centre, shape (pairs, centres)."""
        a, item = self.arrays, self.item_of_pair
        zone = a.zone[a.pair_region]
        unit = np.take_along_axis(a.parcel[item], zone - 2, axis=1)
        unit = unit + a.late[a.pair_region] + a.each[item]
        return np.asarray(unit * a.pair_units[:, None])


def read_network(
    dataset: Dataset,
    network: str,
    centres: pl.DataFrame,
    lines: pl.DataFrame,
    params: PlacementParams,
    as_of: date,
) -> PlacementWorld:
    """Return one network as arrays.

    Parameters
    ----------
    centres : polars.DataFrame
        Rows of locations that may be chosen.
    lines : polars.DataFrame
        Lines of past orders: order, item, region, units.
    """
    names = centres["location"].to_list()
    pairs = lines.group_by("item", "region").agg(pl.col("units").sum()).sort("item", "region")
    items = pairs["item"].unique().sort().to_list()
    regions = pairs["region"].unique().sort().to_list()
    pairs = pairs.with_columns(
        i=pl.col("item").rank("dense").cast(pl.Int64) - 1,
        r=pl.col("region").rank("dense").cast(pl.Int64) - 1,
    ).with_row_index("pair")
    placed_lines = lines.join(pairs.select("item", "region", "pair"), on=["item", "region"])
    item_of_pair = pairs["i"].to_numpy()
    counts = np.bincount(item_of_pair, minlength=len(items))
    sold = np.bincount(item_of_pair, pairs["units"].to_numpy(), minlength=len(items))
    mean, sd = _weekly(dataset, network, names, items, sold / params.weeks_back)
    units = pairs["units"].to_numpy() * (mean / np.maximum(sold, 1e-9))[item_of_pair]
    known = {r["item"]: r for r in dataset["items"].iter_rows(named=True)}
    rows = [known.get(i, {}) for i in items]
    zone = zones_of(_miles(regions, centres))
    book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
    by_zone: Floats = np.array([float(ground_days(book, z)) for z in ZONES])
    days = np.asarray(by_zone[zone - 2], np.float64)
    m3 = np.array([_cube_m3(row) for row in rows])
    each, opening = _inbound(dataset, names, rows, m3, params)
    share = dataset.setting_number("cost_of_capital_share_per_year", ASSUMED_CAPITAL_SHARE)
    worth = np.array([float(row.get("unit_cost") or 0.0) for row in rows])
    safety = params.safety_factor * sd
    base, slope = _whole_units(
        mean * params.review_weeks, safety, min(params.most_centres, len(names))
    )
    room_m3, room_units = _rooms(dataset, centres)
    return PlacementWorld(
        network=network,
        items=items,
        regions=regions,
        centres=names,
        arrays=Arrays(
            pair_from=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            pair_region=pairs["r"].to_numpy().copy(),
            pair_units=units.astype(np.float64),
            zone=zone,
            late=params.cost_per_day_late * days,
            parcel=_rates(book, rows),
            each=each,
            opening=opening,
            pooled=worth * share / WEEKS_PER_YEAR * safety,
            safety=safety,
            m3=m3,
            base=base,
            slope=slope,
            review_weeks=float(params.review_weeks),
        ),
        days=days,
        room_m3=room_m3,
        room_units=room_units,
        line_order=placed_lines["order"].rank("dense").to_numpy().astype(np.int64) - 1,
        line_pair=placed_lines["pair"].to_numpy().astype(np.int64),
        weeks=float(params.weeks_back),
    )


def order_lines(
    dataset: Dataset, network: str, params: PlacementParams, as_of: date
) -> pl.DataFrame:
    """Return lines of past orders a network served: order, item, region, units."""
    members = dataset["locations"].filter(pl.col("parent_location") == network)["location"]
    served = [network, *members]
    channels = dataset["channels"].filter(pl.col("location").is_in(served))["channel"]
    since = as_of - timedelta(weeks=params.weeks_back)
    return (
        dataset["orders"]
        .filter(
            pl.col("channel").is_in(channels.implode()),
            pl.col("status") != "cancelled",
            pl.col("ship_postal_code").is_not_null(),
            pl.col("ordered_at").dt.date() >= since,
            pl.col("ordered_at").dt.date() < as_of,
        )
        .select(
            "order",
            "item",
            region=pl.col("ship_postal_code").str.slice(0, params.region_digits),
            units=pl.col("quantity").cast(pl.Float64),
        )
    )


def _rooms(dataset: Dataset, centres: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return cube and units a week of each centre; a weekly limit written down goes first."""
    written = {
        (r["kind"], r["subject"]): float(r["amount_per_week"])
        for r in dataset["limits_rules"].iter_rows(named=True)
    }
    open_days = {
        r["calendar"]: sum(bool(r[day]) for day in WEEKDAYS)
        for r in dataset["calendars"].iter_rows(named=True)
    }
    m3, units = np.full(centres.height, FAR), np.full(centres.height, FAR)
    for c, row in enumerate(centres.iter_rows(named=True)):
        if row["storage_capacity_m3"] is not None:
            m3[c] = float(row["storage_capacity_m3"])
        daily = row["receipts_capacity_units_per_day"]
        if daily is not None:
            units[c] = float(daily) * open_days.get(row["calendar"], DAYS_PER_WEEK)
        m3[c] = written.get(("storage_m3", row["location"]), m3[c])
        units[c] = written.get(("receipts_units", row["location"]), units[c])
    return m3, units


def _whole_units(reviewed: Floats, safety: Floats, most: int) -> tuple[Floats, Floats]:
    """Return what a place holds at least, as a line: by number of places, and by what it serves.

    Whole units at a place of k that serves x between two reviews are at least both x + safety /
    sqrt(k) and the whole units of safety / sqrt(k) alone, one at least: so is every mean of the
    two. A line of what is served keeps regions apart. The first counts where an item spread
    evenly holds more than the second, else the second: it is exact where a unit is enough.
    """
    places = np.arange(most + 1)
    places[0] = 1
    part = safety[:, None] / np.sqrt(places)
    whole = np.maximum(1.0, np.ceil(part - HAIR))
    spread = reviewed / most + part[:, -1]
    slope = np.where((spread > whole[:, -1]) & (reviewed + safety > 1.0), 1.0, 0.0)
    return np.where(slope[:, None] > 0, part, whole), slope


@cache
def _middle(region: str) -> tuple[float, float] | None:
    """Return the middle of the ZIP codes that begin with some digits."""
    if len(region) == 3:
        return zip_coordinates(region + "01") or zip_coordinates(region + "00")
    found = [
        at
        for rest in range(10 ** (3 - len(region)))
        if (at := zip_coordinates(f"{region}{rest:0{3 - len(region)}d}01")) is not None
    ]
    if not found:
        return None
    return sum(a for a, _ in found) / len(found), sum(b for _, b in found) / len(found)


def _weekly(
    dataset: Dataset, network: str, centres: list[str], items: list[str], sold: Floats
) -> tuple[Floats, Floats]:
    """Return mean weekly demand and its standard deviation, of the forecast where there is one."""
    means = (
        dataset["forecast_means"]
        .filter(pl.col("location").is_in([network, *centres]))
        .group_by("item", "period_start")
        .agg(pl.col("units_mean").sum(), var=(pl.col("units_sd").fill_null(0.0) ** 2).sum())
        .group_by("item")
        .agg(mean=pl.col("units_mean").mean(), sd=pl.col("var").mean().sqrt())
    )
    known = {r["item"]: r for r in means.iter_rows(named=True)}
    mean = np.array([known[i]["mean"] if i in known else sold[k] for k, i in enumerate(items)])
    sd = np.array(
        [known[i]["sd"] if i in known and known[i]["sd"] > 0 else np.sqrt(mean[k])
         for k, i in enumerate(items)]
    )  # fmt: skip
    return mean.astype(np.float64), sd.astype(np.float64)


def _miles(regions: list[str], centres: pl.DataFrame) -> Floats:
    """Return miles from each region to each centre; nan where a position is not known."""
    nowhere = (float("nan"), float("nan"))
    start = np.array([_middle(region) or nowhere for region in regions])
    end = np.array(
        [
            (r["latitude"], r["longitude"])
            if r["latitude"] is not None and r["longitude"] is not None
            else zip_coordinates(r["postal_code"]) or nowhere
            for r in centres.iter_rows(named=True)
        ]
    )
    return great_circle_miles(start[:, :1], start[:, 1:], end[None, :, 0], end[None, :, 1])


def _rates(book: FeeBook, rows: list[dict[str, object]]) -> Floats:
    """Return what one unit's parcel costs by item and zone; items of a weight share a rate."""
    rate_of: dict[float, list[float]] = {}
    rates = []
    for row in rows:
        weight = _parcel_lb(row)
        if weight not in rate_of:
            amounts = (carriage(book, zone=z, weight_lb=weight).amount for z in ZONES)
            rate_of[weight] = [0.0 if amount is None else float(amount) for amount in amounts]
        rates.append(rate_of[weight])
    return np.array(rates)


def _parcel_lb(item: dict[str, object]) -> float:
    """Return the weight a parcel of one unit is paid for; a pound where it is not known."""
    kg = item.get("weight_kg")
    weight = float(kg) * LB_PER_KG if isinstance(kg, (int, float)) else 1.0
    return max(weight, _cube_m3(item) * 1e6 / DIM_DIVISOR_CM3_PER_LB)


def _cube_m3(item: dict[str, object]) -> float:
    """Return the cube of a unit, 0 where a side is not known."""
    sides = [item.get(s) for s in ("length_cm", "width_cm", "height_cm")]
    return float(np.prod([float(side or 0.0) for side in sides])) / 1e6  # type: ignore[arg-type]


def _inbound(
    dataset: Dataset,
    centres: list[str],
    rows: list[dict[str, object]],
    m3: Floats,
    params: PlacementParams,
) -> tuple[Floats, Floats]:
    """Return what a unit costs to bring to each centre, and a centre's fixed cost a week."""
    lanes = dataset["lanes"].filter(pl.col("destination").is_in(centres))
    receiving = {
        r["location"]: float(r["receiving_cost_per_unit"] or 0.0)
        + float(r["picking_cost_per_unit"] or 0.0)
        for r in dataset["locations"].iter_rows(named=True)
    }
    kg = np.array([float(row.get("weight_kg") or 0.0) for row in rows])  # type: ignore[arg-type]
    each, fixed = np.zeros((len(rows), len(centres))), np.zeros((len(rows), len(centres)))
    for c, centre in enumerate(centres):
        best = np.full(len(rows), np.inf)
        start = params.inbound_cost_per_shipment
        for r in lanes.filter(pl.col("destination") == centre).iter_rows(named=True):
            cost = float(r["cost_per_unit"] or 0.0) + float(r["cost_per_kg"] or 0.0) * kg
            cost = cost + float(r["cost_per_m3"] or 0.0) * m3
            best = np.minimum(best, cost)
            start = max(start, float(r["cost_per_shipment"] or 0.0))
        each[:, c] = np.where(np.isfinite(best), best, 0.0) + receiving.get(centre, 0.0)
        fixed[:, c] = start / params.review_weeks
    return each, fixed
