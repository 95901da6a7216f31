"""Which place serves which order line, and by when: the promise to the customer.

Reads open orders and what is free; picks the place by cost within the window; never gives a
unit twice. It reserves nothing: that is the ledger's, which may still say no.

References
----------
.. [1] Acimovic, Farias (2019), "The fulfillment-optimization problem", INFORMS TutORials:
   the myopic rule with a value of stock is the base case here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.deliver.channel_costs import parcel_weight_lb
from fivefold.deliver.evidence import location_point
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.promise import BASES, available_to_promise, release_day, work_calendar
from fivefold.deliver.zones import (
    ASSUMED_ZONE,
    carriage,
    great_circle_miles,
    ground_days,
    zip_coordinates,
    zones_of,
)
from fivefold.model import Dataset, Outcome, schema

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

HEAVIEST_LB = 150
ZONES = 9
#: Channels whose orders only their own place serves.
CLOSED_CHANNELS = frozenset({"fba", "fba_onsite", "awd", "mcf"})
SERVING_KINDS = ("warehouse", "store", "plant", "partner_depot", "fulfilment_centre")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingParams:
    """How places are chosen.

    Parameters
    ----------
    confidence_share : float
        Chance with which goods are to be there by the day promised.
    split_cost : float
        Cost of one parcel more to the same customer, beyond its carriage.
    late_cost_per_unit_day : float
        Cost of a unit a day after the day promised to the customer.
    wait_cost_per_unit_day : float
        Cost of a unit a day later than the fastest place, where no day was promised.
    stock_value_share : float
        Share of the unit cost that a unit below safety stock is worth to its place.
    picking_cost : float
        A unit, where the place names none. [assumed]
    transit_sd_days : float
        Standard deviation of carriage where fewer than 30 deliveries tell. [assumed]
    network_days : int
        Working days from a marketplace's fulfilment network to any customer. [assumed]
    horizon_days : int
        Supply later than this is not promised on.
    most_legs : int
        Parts a line may be split into.
    """

    confidence_share: float = 0.95
    split_cost: float = 2.0
    late_cost_per_unit_day: float = 5.0
    wait_cost_per_unit_day: float = 0.5
    stock_value_share: float = 0.1
    picking_cost: float = 1.5
    transit_sd_days: float = 0.5
    network_days: int = 2
    horizon_days: int = 180
    most_legs: int = 4

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence_share < 1.0:
            raise ValueError(
                f"confidence_share must lie in 0.5 to below 1, found {self.confidence_share}"
            )
        for name in ("split_cost", "late_cost_per_unit_day", "wait_cost_per_unit_day"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.most_legs < 1 or self.horizon_days < 1:
            raise ValueError("most_legs and horizon_days must be at least 1")


def source_orders(
    dataset: Dataset, params: SourcingParams | None = None, *, as_of: date
) -> Outcome:
    """Return a promise for every open order line: place, day, cost, what it stands on.

    Parameters
    ----------
    dataset : Dataset
        orders (pending and open), inventory, supply_orders, supply_plan, items, locations,
        channels, calendars, lanes, stock_targets, fee_cards.
    params : SourcingParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `promises`: one or more legs a line whose quantities add up to the line; basis `none`
        and no place for units nothing can serve. Status is feasible: orders are sourced one
        after the other. Objective: cost to serve.

    Notes
    -----
    Orders are served by priority, then age. FBA orders are served by their network; others by
    any own place. The day promised holds with `confidence_share`: mean arrival plus the
    normal quantile of the spread of supply and carriage, to the next full day.
    """
    params = params or SourcingParams()
    lines = _open_lines(dataset)
    if lines.height == 0:
        return _nothing()
    world = _World(dataset, params, as_of, lines)
    legs = world.solve()
    promises = _promises(lines, legs, world, as_of, params)
    unmet = promises.filter(pl.col("basis") == "none")
    return Outcome(
        tables={"promises": promises.select(schema("promises").names)},
        status="feasible",
        objective=float(promises["cost"].sum()),
        explanations=_explanations(promises),
        notes={
            "lines": lines.height,
            "legs": promises.height - unmet.height,
            "lines_split": promises.filter(pl.col("leg") == 2).height,
            "units_unmet": int(unmet["quantity"].sum()),
        },
    )


def _nothing() -> Outcome:
    return Outcome(
        tables={"promises": schema("promises").empty()},
        status="optimal",
        objective=0.0,
        explanations=schema("explanations").empty(),
        notes={"lines": 0, "legs": 0, "lines_split": 0, "units_unmet": 0},
    )


def _open_lines(dataset: Dataset) -> pl.DataFrame:
    """Return open order lines in the order in which they are served, orders kept together."""
    lines = dataset["orders"].filter(
        pl.col("status").is_in(["pending", "open"]) & (pl.col("quantity") > 0)
    )
    urgency = pl.col("priority").fill_null(1_000_000).min().over("order")
    return lines.with_columns(
        urgency.alias("_urgency"), pl.col("ordered_at").min().over("order").alias("_first")
    ).sort("_urgency", "_first", "order", "line")


class _World:
    """Names turned into codes once, and the arrays the kernel works on."""

    def __init__(
        self, dataset: Dataset, params: SourcingParams, as_of: date, lines: pl.DataFrame
    ) -> None:
        self.params = params
        self.book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
        self.lines = lines
        self.channels = {row["channel"]: row for row in dataset["channels"].to_dicts()}
        self.buckets = available_to_promise(dataset, as_of=as_of, horizon_days=params.horizon_days)
        self._places(dataset)
        self._items(dataset)
        self._customers()
        self._days(dataset, as_of)

    def _places(self, dataset: Dataset) -> None:
        """Choose the places that can serve and read their costs."""
        channel_places = {row["location"] for row in self.channels.values()}
        rows = [
            row
            for row in dataset["locations"].sort("location").to_dicts()
            if row["location"] in channel_places
            or (row["kind"] in SERVING_KINDS and row["operated_by"] != "amazon")
        ]
        self.places = [row["location"] for row in rows]
        self.place_rows = rows
        self.place_code = {place: code for code, place in enumerate(self.places)}
        self.is_network = np.array([row["kind"] == "fulfilment_network" for row in rows])
        self.pick = np.array(
            [
                self.params.picking_cost
                if row["picking_cost_per_unit"] is None
                else row["picking_cost_per_unit"]
                for row in rows
            ],
            dtype=np.float64,
        )
        names = sorted(self.channels)
        self.channel_code = {name: code for code, name in enumerate(names)}
        self.allowed = np.zeros((len(names) + 1, len(rows)), dtype=np.bool_)
        for name, code in self.channel_code.items():
            channel = self.channels[name]
            if channel["kind"] not in CLOSED_CHANNELS:
                self.allowed[code] = [
                    row["kind"] in SERVING_KINDS and row["operated_by"] != "amazon" for row in rows
                ]
            own = self.place_code.get(channel["location"])
            if own is not None:
                self.allowed[code, own] = True

    def _items(self, dataset: Dataset) -> None:
        """Number the items ordered and lay their buckets out by item and place."""
        self.items = sorted(set(self.lines["item"].to_list()))
        code = {item: number for number, item in enumerate(self.items)}
        rows = {
            row["item"]: row
            for row in dataset["items"]
            .filter(pl.col("item").is_in(self.items))
            .iter_rows(named=True)
        }
        self.weight = np.array([_weight(rows.get(item)) for item in self.items])
        self.opportunity = np.array(
            [
                ((rows.get(item) or {}).get("unit_cost") or 0.0) * self.params.stock_value_share
                for item in self.items
            ]
        )
        kept = self.buckets.filter(
            pl.col("item").is_in(self.items) & pl.col("location").is_in(self.places)
        ).with_columns(
            pl.col("item").replace_strict(code, return_dtype=pl.Int64).alias("i"),
            pl.col("location").replace_strict(self.place_code, return_dtype=pl.Int64).alias("p"),
        )
        kept = kept.sort("i", "p", "day", "basis")
        key = kept["i"].to_numpy() * len(self.places) + kept["p"].to_numpy()
        pools, starts = np.unique(key, return_index=True)
        numbers = np.full(len(self.items) * len(self.places), -1, dtype=np.int64)
        numbers[pools] = np.arange(len(pools))
        self.pool = numbers.reshape(len(self.items), len(self.places))
        self.first = starts.astype(np.int64)
        self.last = np.append(starts[1:], kept.height).astype(np.int64)
        self.kept = kept
        self.safety = np.zeros(self.pool.shape)
        targets = (
            dataset["stock_targets"]
            .sort("period_start")
            .unique(subset=["item", "location"], keep="first", maintain_order=True)
        )
        for item, place, units in targets.select("item", "location", "safety_stock").iter_rows():
            if item in code and place in self.place_code:
                self.safety[code[item], self.place_code[place]] = units

    def _customers(self) -> None:
        """Place the customers and find the carrier zone from every place."""
        codes = self.lines["ship_postal_code"].fill_null("").str.slice(0, 5)
        unique = codes.unique().sort().to_list()
        number = {code: position for position, code in enumerate(unique)}
        self.destination = codes.replace_strict(number, return_dtype=pl.Int64).to_numpy()
        points = np.array([zip_coordinates(code) or (np.nan, np.nan) for code in unique])
        self.zone_of = np.full((len(unique), len(self.places)), ASSUMED_ZONE, dtype=np.int64)
        for position, row in enumerate(self.place_rows):
            # A marketplace's network ships from the building nearest to the customer: zone 2.
            if self.is_network[position]:
                self.zone_of[:, position] = 0
                continue
            place = location_point(row)
            if place is not None:
                miles = great_circle_miles(place[0], place[1], points[:, 0], points[:, 1])
                self.zone_of[:, position] = zones_of(miles)

    def _days(self, dataset: Dataset, as_of: date) -> None:
        """Lay out shipping days by place, arrival days by working days, releases by line."""
        params = self.params
        span = params.horizon_days + 60
        carrier, _cut_off = work_calendar(dataset, None, as_of=as_of)
        longest = max(10, params.network_days + 1)
        opening = np.array(
            [carrier.is_open(as_of + timedelta(days=day)) for day in range(span + 3 * longest)]
        )
        open_after = np.flatnonzero(opening)
        self.arrive = np.empty((span, longest), dtype=np.int64)
        for day in range(span):
            at = int(np.searchsorted(open_after, day, side="right"))
            self.arrive[day, 0] = day
            self.arrive[day, 1:] = open_after[at : at + longest - 1]
        self.ship_from = np.empty((len(self.places), span), dtype=np.int64)
        self.release = np.zeros((self.lines.height, len(self.places)), dtype=np.int64)
        recent = (self.lines["ordered_at"].dt.date() >= as_of - timedelta(days=1)).to_numpy()
        ordered = self.lines["ordered_at"].to_list()
        for position, row in enumerate(self.place_rows):
            calendar, cut_off = work_calendar(dataset, row["calendar"], as_of=as_of)
            days = round(row["processing_time_days"] or 0.0)
            for day in range(span):
                ready = calendar.next_open(as_of + timedelta(days=day))
                if days:
                    ready = calendar.add(ready, days)
                self.ship_from[position, day] = min((ready - as_of).days, span - 1)
            for line in np.flatnonzero(recent):
                self.release[line, position] = release_day(
                    ordered[line], as_of=as_of, cut_off_time=cut_off, timezone=row["timezone"]
                )
        self.transit_days = np.array(
            [params.network_days, 0, *(ground_days(self.book, zone) for zone in range(2, ZONES))],
            dtype=np.int64,
        )
        self.transit_sd = _transit_sd(dataset, self, params, as_of)
        promised = self.lines.select((pl.col("promised_on") - pl.lit(as_of)).dt.total_days())
        # A day promised that has passed is late whatever is done: as soon as possible, today.
        days_left = promised.to_series().clip(lower_bound=0).fill_null(-1)
        self.deadline = days_left.to_numpy().astype(np.int64)

    def solve(self) -> tuple[npt.NDArray[Any], ...]:
        """Run the kernel over all orders."""
        from fivefold.deliver import sourcing_kernel

        lines = self.lines
        changes = (lines["order"] != lines["order"].shift(1)).fill_null(True).to_numpy()
        order_first = np.flatnonzero(changes)
        code = {item: number for number, item in enumerate(self.items)}
        group = lines["channel"].replace_strict(
            self.channel_code, default=len(self.channel_code), return_dtype=pl.Int64
        )
        item = lines["item"].replace_strict(code, return_dtype=pl.Int64).to_numpy()
        normal = NormalDist().inv_cdf(self.params.confidence_share)
        legs: tuple[npt.NDArray[Any], ...] = sourcing_kernel.source(
            np.append(order_first, lines.height).astype(np.int64),
            item,
            lines["quantity"].to_numpy().astype(np.int64),
            self.destination,
            group.to_numpy(),
            self.deadline,
            self.release,
            self.weight[item],
            self.allowed,
            self.pool,
            self.first,
            self.last,
            self.kept["day"].to_numpy().astype(np.int64),
            self.kept["quantity"].to_numpy().astype(np.int64).copy(),
            self.kept["basis"].to_numpy().astype(np.int64),
            self.kept["sd_days"].to_numpy().astype(np.float64),
            self.zone_of,
            carriage_rates(self.book),
            self.ship_from,
            self.arrive,
            self.transit_days,
            self.transit_sd,
            self.pick,
            self.safety,
            self.opportunity,
            normal,
            self.params.late_cost_per_unit_day,
            self.params.wait_cost_per_unit_day,
            self.params.split_cost,
            self.params.most_legs,
        )
        return legs


def _weight(item: Mapping[str, Any] | None) -> float:
    """Return the billable weight of a unit in pounds; one pound where it is not known."""
    weight = None if item is None else parcel_weight_lb(item)
    return 1.0 if weight is None else weight


def carriage_rates(book: FeeBook) -> FloatArray:
    """Return carriage by zone and half pound, zones 2 to 8, 0 in the rest.

    Zone 0 is a marketplace's own network, whose carriage is in its fulfilment fee.
    """
    rates = np.zeros((ZONES, 2 * HEAVIEST_LB + 1))
    for zone in range(2, ZONES):
        for step in range(1, 2 * HEAVIEST_LB + 1):
            rates[zone, step] = carriage(book, zone=zone, weight_lb=step / 2.0).amount or 0.0
    return rates


def _transit_sd(dataset: Dataset, world: _World, params: SourcingParams, as_of: date) -> FloatArray:
    """Return the spread of carriage around the card's days by zone, learnt from deliveries."""
    done = dataset["orders"].filter(
        pl.col("delivered_on").is_not_null()
        & pl.col("shipped_on").is_not_null()
        & (pl.col("delivered_on") <= as_of)
        & (pl.col("delivered_on") >= pl.col("shipped_on"))
        & pl.col("location").is_in(world.places)
    )
    assumed = np.full(ZONES, params.transit_sd_days)
    if done.height < 30:
        return assumed
    taken = (done["delivered_on"] - done["shipped_on"]).dt.total_days().to_numpy()
    # Days of carriage differ by zone and weekend; what is left around each mean is spread.
    zones = _zones_of_past(done, world)
    for zone in np.unique(zones):
        own = taken[zones == zone]
        if len(own) >= 30:
            assumed[zone] = float(own.std(ddof=1))
    return assumed


def _zones_of_past(done: pl.DataFrame, world: _World) -> IntArray:
    codes = done["ship_postal_code"].fill_null("").str.slice(0, 5)
    unique = codes.unique().to_list()
    points = {code: zip_coordinates(code) or (np.nan, np.nan) for code in unique}
    where = np.array([points[code] for code in codes])
    places = np.array([world.place_code[place] for place in done["location"]])
    zones = np.full(done.height, ASSUMED_ZONE, dtype=np.int64)
    for position, row in enumerate(world.place_rows):
        mine = places == position
        point = location_point(row)
        if world.is_network[position]:
            zones[mine] = 0
        elif point is not None and mine.any():
            miles = great_circle_miles(point[0], point[1], where[mine, 0], where[mine, 1])
            zones[mine] = zones_of(miles)
    return zones


def _promises(
    lines: pl.DataFrame,
    legs: tuple[npt.NDArray[Any], ...],
    world: _World,
    as_of: date,
    params: SourcingParams,
) -> pl.DataFrame:
    """Return legs with names in place of codes and the reason as a sentence."""
    line, place, units, ship, arrive, basis, _spread, cost, more, other = legs
    names = pl.Series("place", [*world.places, None], dtype=pl.String())
    bases = pl.Series("basis", BASES)
    keys = lines.select("order", "line", "item", "channel", "promised_on")[line]
    first = pl.lit(as_of)
    found = keys.with_columns(
        pl.Series("quantity", units),
        names[np.where(place < 0, len(world.places), place)].alias("location"),
        (first + pl.duration(days=pl.lit(pl.Series("ship", ship)))).alias("ship_on"),
        (first + pl.duration(days=pl.lit(pl.Series("arrive", arrive)))).alias("deliver_on"),
        bases[basis].alias("basis"),
        pl.Series("cost", cost),
        pl.Series("more", more),
        names[np.where(other < 0, len(world.places), other)].alias("other"),
    )
    served = pl.col("basis") != "none"
    found = found.with_columns(
        pl.int_range(1, pl.len() + 1).over("order", "line").alias("leg"),
        pl.when(served).then(pl.col("ship_on")).alias("ship_on"),
        pl.when(served).then(pl.col("deliver_on")).alias("deliver_on"),
        pl.when(served).then(pl.lit(params.confidence_share)).alias("confidence_share"),
        pl.when(served).then(pl.col("cost")).otherwise(0.0).alias("cost"),
    )
    return found.with_columns(_sentence(params).alias("because")).sort("order", "line", "leg")


def _sentence(params: SourcingParams) -> pl.Expr:
    stands = pl.col("basis").replace_strict(
        {
            "on_hand": "stock on hand",
            "in_transit": "goods on their way",
            "planned": "planned supply",
            "none": "",
        }
    )
    late = (
        pl.when(pl.col("deliver_on") > pl.col("promised_on"))
        .then(pl.format(", after the {} promised", pl.col("promised_on")))
        .otherwise(pl.lit(""))
    )
    next_best = (
        pl.when(pl.col("other").is_not_null() & pl.col("more").is_finite())
        .then(pl.format("; next best {}, {} more", "other", pl.col("more").round(2)))
        .otherwise(pl.lit(""))
    )
    served = pl.format(
        "{} of it from {}, standing on {}, there by {} ({} sure){}; cost {}{}.",
        "quantity",
        "location",
        stands,
        "deliver_on",
        pl.lit(f"{params.confidence_share:.0%}"),
        late,
        pl.col("cost").round(2),
        next_best,
    )
    unmet = pl.format(
        "No place that may serve {} has or expects {} more units within {} days.",
        "channel",
        "quantity",
        pl.lit(params.horizon_days),
    )
    return pl.when(pl.col("basis") == "none").then(unmet).otherwise(served)


def _explanations(promises: pl.DataFrame) -> pl.DataFrame:
    """Return one reason a leg, and one more where another place came next."""
    subject = pl.format("promise:{}:{}", "order", "line")
    unmet = pl.col("basis") == "none"
    first = promises.select(
        subject.alias("subject"),
        pl.when(unmet).then(pl.lit("unmet")).otherwise(pl.lit("promise")).alias("reason_code"),
        pl.col("location").fill_null("").alias("reference"),
        pl.col("quantity").cast(pl.Float64).alias("quantity"),
        pl.when(unmet).then(None).otherwise(pl.col("cost")).alias("price"),
        pl.col("because").alias("text"),
    )
    second = promises.filter(pl.col("other").is_not_null() & pl.col("more").is_finite()).select(
        subject.alias("subject"),
        pl.lit("next_best").alias("reason_code"),
        pl.col("other").alias("reference"),
        pl.col("quantity").cast(pl.Float64).alias("quantity"),
        pl.col("more").alias("price"),
        pl.format("{} would cost {} more.", "other", pl.col("more").round(2)).alias("text"),
    )
    return (
        pl.concat([first, second])
        .sort("subject", maintain_order=True)
        .with_columns(pl.int_range(1, pl.len() + 1).over("subject").alias("sequence"))
        .select(schema("explanations").names)
    )
