"""Names turned into codes once: the places, stock, days and terms the kernel works on.

Knows how tables become arrays. A world is used up by serving lines: what is promised from it
is gone from it. It reserves nothing in the books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.deliver.channel_costs import parcel_weight_lb
from fivefold.deliver.evidence import location_point
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.promise import available_to_promise, cut_off_minute, work_calendar
from fivefold.deliver.promise_days import (
    ENOUGH,
    PromiseDays,
    card_transit,
    learnt_transit,
    openings,
    promise_days,
    ship_days,
    spread_classes,
    working_days_taken,
)
from fivefold.deliver.sourcing_kernel import source
from fivefold.deliver.sourcing_tables import (
    BUCKET,
    HOLDER,
    LINE,
    SITE,
    Legs,
    Lines,
    Places,
    Terms,
    Times,
    lay_out,
    records,
)
from fivefold.deliver.waves import serve_wave
from fivefold.deliver.zones import (
    ASSUMED_ZONE,
    carriage,
    great_circle_miles,
    ground_days,
    zip_coordinates,
    zones_of,
)
from fivefold.model import Dataset

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

HEAVIEST_LB = 150
ZONES = 9
#: Working days of carriage told apart.
LONGEST_TRANSIT = 16
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
    on_average : bool
        Hold the chance over all promises rather than for each: days are sooner where others
        are surer than asked.
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
    capable : bool
        Promise on what could be bought or made where nothing there or coming suffices.
    wave_rounds : int
        Rounds in which all orders are looked at together (`waves`); 0 serves one after the other.
    """

    confidence_share: float = 0.95
    on_average: bool = False
    split_cost: float = 2.0
    late_cost_per_unit_day: float = 5.0
    wait_cost_per_unit_day: float = 0.5
    stock_value_share: float = 0.1
    picking_cost: float = 1.5
    transit_sd_days: float = 0.5
    network_days: int = 2
    horizon_days: int = 180
    most_legs: int = 4
    capable: bool = True
    wave_rounds: int = 0

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


_ONE_ORDER = np.array([0, 1], dtype=np.int64)


class World:
    """Everything lines are served from, as of a day.

    Parameters
    ----------
    dataset : Dataset
    params : SourcingParams
    as_of : date
    items : list of str, optional
        Items that may be asked for; default is all of the dataset.
    buckets : polars.DataFrame, optional
        What there is to promise; default is `available_to_promise`.
    """

    def __init__(
        self,
        dataset: Dataset,
        params: SourcingParams,
        as_of: date,
        *,
        items: list[str] | None = None,
        buckets: pl.DataFrame | None = None,
    ) -> None:
        self.params = params
        self.as_of = as_of
        self.book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
        self.channels = {row["channel"]: row for row in dataset["channels"].to_dicts()}
        known = dataset["items"]
        self.items = sorted(known["item"].to_list() if items is None else items)
        self.item_code = {item: code for code, item in enumerate(self.items)}
        self._choose_places(dataset)
        if buckets is None:
            buckets = available_to_promise(dataset, as_of=as_of, horizon_days=params.horizon_days)
        self._lay_out_stock(dataset, buckets)
        self._lay_out_days(dataset)
        self.terms = Terms(
            carriage_rates(self.book),
            params.late_cost_per_unit_day,
            params.wait_cost_per_unit_day,
            params.split_cost,
            params.most_legs,
        )
        self._zone_rows: dict[str, npt.NDArray[np.int8]] = {}

    def _choose_places(self, dataset: Dataset) -> None:
        """Choose the places that can serve, and who may be served from where."""
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
        self.points = np.array([location_point(row) or (np.nan, np.nan) for row in rows]).reshape(
            len(rows), 2
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

    def _lay_out_stock(self, dataset: Dataset, buckets: pl.DataFrame) -> None:
        """Lay the buckets out by item and place, with what a unit is worth where it stands."""
        coded = _coded(buckets, "item", self.items, "i")
        coded = _coded(coded, "location", self.places, "p").sort("i", "p", "day", "basis")
        item = coded["i"].to_numpy().astype(np.int64)
        place = coded["p"].to_numpy().astype(np.int64)
        self._buckets = coded
        key = item * max(1, len(self.places)) + place
        pools, starts = np.unique(key, return_index=True)
        own = pools // max(1, len(self.places))
        self.spreads, spread = spread_classes(coded["sd_days"].to_numpy())
        safety, price = self._worth(dataset, pools)
        costs = _coded(dataset["items"].select("item", "unit_cost"), "item", self.items, "i")
        cost = np.zeros(len(self.items))
        cost[costs["i"].to_numpy()] = costs["unit_cost"].fill_null(0.0).to_numpy()
        ending = np.append(starts, len(key))
        self.stock = lay_out(
            holder_first=np.searchsorted(own, np.arange(len(self.items) + 1)).astype(np.int64),
            holders=records(
                HOLDER,
                bucket=ending,
                place=np.append(pools % max(1, len(self.places)), 0),
                safety=np.append(safety, 0.0),
                short_price=np.append(cost[own] * self.params.stock_value_share, 0.0),
                unit_price=np.append(price, 0.0),
            ),
            buckets=records(
                BUCKET,
                day=coded["day"].to_numpy(),
                units=coded["quantity"].to_numpy(),
                basis=coded["basis"].to_numpy(),
                spread=spread,
            ),
        )
        weights = _coded(_with_weights(dataset["items"]), "item", self.items, "i")
        self.weight = np.ones(len(self.items))
        self.weight[weights["i"].to_numpy()] = weights["weight_lb"].to_numpy()

    def _worth(
        self, dataset: Dataset, pools: IntArray
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return safety stock and opportunity price of each holder."""
        targets = (
            dataset["stock_targets"]
            .sort("period_start")
            .unique(subset=["item", "location"], keep="first", maintain_order=True)
        )
        return (
            self._by_holder(targets, "safety_stock", pools),
            self._by_holder(dataset["stock_prices"], "price", pools),
        )

    def _by_holder(
        self, frame: pl.DataFrame, column: str, pools: IntArray
    ) -> npt.NDArray[np.float32]:
        found = np.zeros(len(pools), dtype=np.float32)
        coded = _coded(frame.select("item", "location", column), "item", self.items, "i")
        coded = _coded(coded, "location", self.places, "p")
        if coded.height == 0 or len(pools) == 0:
            return found
        keys = coded["i"].to_numpy().astype(np.int64) * len(self.places) + coded["p"].to_numpy()
        at = np.minimum(np.searchsorted(pools, keys), len(pools) - 1)
        hit = pools[at] == keys
        found[at[hit]] = coded[column].fill_null(0.0).to_numpy()[hit]
        return found

    def _lay_out_days(self, dataset: Dataset) -> None:
        """Lay out days of shipping and arrival, cut-offs and room of each place."""
        params, as_of = self.params, self.as_of
        self.span = params.horizon_days + 60
        self.carrier, _none = work_calendar(dataset, None, as_of=as_of)
        kinds: dict[tuple[str | None, int], int] = {}
        ships: list[IntArray] = []
        count = len(self.places)
        calendars, cut_offs = np.zeros(count, np.int32), np.zeros(count, np.int64)
        for position, row in enumerate(self.place_rows):
            calendar, cut_off = work_calendar(dataset, row["calendar"], as_of=as_of)
            days = round(row["processing_time_days"] or 0.0)
            kind = (row["calendar"], days)
            if kind not in kinds:
                kinds[kind] = len(ships)
                ships.append(ship_days(calendar, days, as_of, self.span))
            calendars[position] = kinds[kind]
            cut_offs[position] = cut_off_minute(
                as_of=as_of, cut_off_time=cut_off, timezone=row["timezone"]
            )
        ship = np.array(ships, dtype=np.int64).reshape(len(ships), self.span)
        self.transit = self._transit_chances(dataset)
        self.days: PromiseDays = promise_days(
            ship=ship,
            carrier=self.carrier,
            as_of=as_of,
            spreads_sd_days=self.spreads,
            transit=self.transit,
            confidence_share=params.confidence_share,
        )
        self.times = Times(ship=ship, arrive=self.days.day)
        daily = np.array(
            [int(row["shipping_capacity_units_per_day"] or 0) for row in self.place_rows],
            dtype=np.int64,
        )
        pick = [
            params.picking_cost
            if row["picking_cost_per_unit"] is None
            else row["picking_cost_per_unit"]
            for row in self.place_rows
        ]
        self.sites = Places(
            sites=records(SITE, pick=pick, calendar=calendars, cut_off=cut_offs, daily=daily),
            allowed=self.allowed,
            zone=np.zeros((1, count), dtype=np.int8),
            room=np.repeat(daily[:, None], self.span, axis=1),
        )

    def _transit_chances(self, dataset: Dataset) -> FloatArray:
        """Return the chance of each number of working days by zone: learnt, else the card's."""
        params = self.params
        days = [params.network_days, 0, *(ground_days(self.book, z) for z in range(2, ZONES))]
        chances = np.array([card_transit(d, params.transit_sd_days, LONGEST_TRANSIT) for d in days])
        done = dataset["orders"].filter(
            pl.col("delivered_on").is_not_null()
            & pl.col("shipped_on").is_not_null()
            & (pl.col("delivered_on") <= self.as_of)
            & (pl.col("delivered_on") >= pl.col("shipped_on"))
            & pl.col("location").is_in(self.places)
        )
        if done.height < ENOUGH:
            return chances
        shipped, delivered = done["shipped_on"].to_list(), done["delivered_on"].to_list()
        start = min(shipped)
        opening = openings(self.carrier, start, (max(delivered) - start).days + 1)
        taken = working_days_taken(opening, start, shipped, delivered)
        zones = self._zones_of_past(done)
        for zone in np.unique(zones):
            own = taken[zones == zone]
            if len(own) >= ENOUGH:
                chances[zone] = learnt_transit(own, LONGEST_TRANSIT)
        return chances

    def _zones_of_past(self, done: pl.DataFrame) -> IntArray:
        codes = done["ship_postal_code"].fill_null("").str.slice(0, 5)
        unique = codes.unique().to_list()
        points = {code: zip_coordinates(code) or (np.nan, np.nan) for code in unique}
        where = np.array([points[code] for code in codes])
        places = np.array([self.place_code[place] for place in done["location"]])
        here = self.points[places]
        miles = great_circle_miles(here[:, 0], here[:, 1], where[:, 0], where[:, 1])
        return np.where(self.is_network[places], 0, zones_of(miles)).astype(np.int64)

    def left(self) -> pl.DataFrame:
        """Return the buckets with what is left in them, as `available_to_promise` does."""
        columns = ["item", "location", "day", "quantity", "basis", "sd_days"]
        units = pl.Series("quantity", self.stock.buckets["units"]).cast(pl.Int64())
        return self._buckets.with_columns(units).select(columns).filter(pl.col("quantity") > 0)

    def zones_to(self, postal_code: str) -> npt.NDArray[np.int8]:
        """Return the carrier zone from every place to a ZIP code; kept for the next time."""
        found = self._zone_rows.get(postal_code)
        if found is None:
            point = zip_coordinates(postal_code) or (np.nan, np.nan)
            miles = great_circle_miles(self.points[:, 0], self.points[:, 1], point[0], point[1])
            zones = np.where(np.isnan(miles), ASSUMED_ZONE, zones_of(miles))
            # A marketplace's network ships from the building nearest to the customer: zone 0.
            found = np.where(self.is_network, 0, zones).astype(np.int8)
            self._zone_rows[postal_code] = found
        return found

    def lines_of(self, frame: pl.DataFrame) -> tuple[Lines, Places]:
        """Return order lines as arrays, and the places with the zones to their customers.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows of the table orders, lines of an order together.
        """
        changes = (frame["order"] != frame["order"].shift(1)).fill_null(True).to_numpy()
        codes = frame["ship_postal_code"].fill_null("").str.slice(0, 5)
        unique = codes.unique().sort().to_list()
        number = {code: position for position, code in enumerate(unique)}
        zone = np.array([self.zones_to(code) for code in unique], dtype=np.int8)
        item = frame["item"].replace_strict(self.item_code, return_dtype=pl.Int64).to_numpy()
        group = frame["channel"].replace_strict(
            self.channel_code, default=len(self.channel_code), return_dtype=pl.Int64
        )
        promised = frame.select((pl.col("promised_on") - pl.lit(self.as_of)).dt.total_days())
        # A day promised that has passed is late whatever is done: as soon as possible, today.
        days_left = promised.to_series().clip(lower_bound=0).fill_null(-1)
        midnight = datetime(self.as_of.year, self.as_of.month, self.as_of.day, tzinfo=UTC)
        minutes = (frame["ordered_at"] - midnight).dt.total_minutes().fill_null(-10_000)
        lines = Lines(
            order_first=np.append(np.flatnonzero(changes), frame.height).astype(np.int64),
            rows=records(
                LINE,
                item=item,
                units=frame["quantity"].to_numpy(),
                destination=codes.replace_strict(number, return_dtype=pl.Int64).to_numpy(),
                group=group.to_numpy(),
                deadline=days_left.to_numpy(),
                ordered_minute=minutes.to_numpy(),
                weight_lb=self.weight[item],
            ),
        )
        return lines, self.sites._replace(zone=zone)

    def ask(
        self, item: str, units: int, *, postal_code: str, channel: str, ordered_minute: int = 0
    ) -> tuple[Legs, Lines, Places]:
        """Return the legs of one line; what they take is gone, so a promise is a reservation.

        `ordered_minute` counts from the first minute of the world's day in UTC.
        """
        code = self.item_code[item]
        row = np.zeros(1, dtype=LINE)
        group = self.channel_code.get(channel, len(self.channel_code))
        row[0] = (code, units, 0, group, -1, ordered_minute, self.weight[code])
        lines = Lines(order_first=_ONE_ORDER, rows=row)
        places = self.sites._replace(zone=self.zones_to(postal_code[:5])[None, :])
        return self.serve(lines, places), lines, places

    def serve(self, lines: Lines, places: Places) -> Legs:
        """Return legs for lines; what they take is gone from this world."""
        if self.params.wave_rounds:
            return serve_wave(
                lines, self.stock, places, self.times, self.terms, rounds=self.params.wave_rounds
            )
        return source(lines, self.stock, places, self.times, self.terms)

    def chances(self, legs: Legs, lines: Lines, places: Places) -> tuple[FloatArray, ...]:
        """Return the chance of each leg's day, the last day before it and the chance of that."""
        served = legs.place >= 0
        chance, earlier = np.zeros(len(legs.line)), np.zeros(len(legs.line))
        day = legs.arrive.copy()
        at = (
            places.sites["calendar"][legs.place[served]],
            legs.spread[served],
            legs.ready[served],
            places.zone[lines.rows["destination"][legs.line[served]], legs.place[served]],
        )
        chance[served] = self.days.chance[at]
        day[served] = self.days.sooner_day[at]
        earlier[served] = self.days.sooner_chance[at]
        return chance, day.astype(np.float64), earlier

    def day_of(self, days: int) -> date:
        """Return the date so many days after the world's own."""
        return self.as_of + timedelta(days=days)


def _coded(frame: pl.DataFrame, column: str, names: list[str], into: str) -> pl.DataFrame:
    """Return the rows whose name is known, with its code beside them."""
    codes = pl.DataFrame(
        {column: names, into: np.arange(len(names))}, schema={column: pl.String(), into: pl.Int64()}
    )
    return frame.join(codes, on=column, how="inner")


def _with_weights(items: pl.DataFrame) -> pl.DataFrame:
    """Return the billable weight of a unit in pounds; one pound where it is not known."""
    weights = [_weight(row) for row in items.iter_rows(named=True)]
    return items.select("item", pl.Series("weight_lb", weights, dtype=pl.Float64()))


def _weight(item: Mapping[str, Any] | None) -> float:
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
