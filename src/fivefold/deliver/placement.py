"""Placement: which fulfilment centres hold which item, how much, and whom each serves.

Weighs nearer customers (carriage by zone, days on the way) against what every further centre
costs: its inbound shipments, more safety stock, and orders that split because their items lie
apart. Lives beside carriage and zones; reads demand and targets as tables. Where Amazon runs the
centres it places units itself; what a seller chooses there are the placement options of
inbound shipments (`inbound_options`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import combinations
from math import ceil, comb

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.zones import (
    carriage,
    great_circle_miles,
    ground_days,
    zip_coordinates,
    zones_of,
)
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LB_PER_KG = 2.2046226218
DIM_DIVISOR_CM3_PER_LB = 139.0 * 2.54**3
DAYS_PER_WEEK, WEEKS_PER_YEAR = 7.0, 52.0
#: Sets of centres tried at most; beyond, centres are added, dropped and swapped one at a time.
MOST_SETS = 1_200
ZONES = range(2, 9)
#: Cost of capital a year where the company's settings do not tell it.
ASSUMED_CAPITAL_SHARE = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementParams:
    """How items are placed.

    Parameters
    ----------
    most_centres : int
        Centres that may hold one item, at least 1.
    region_digits : int
        Leading digits of the ZIP code that make a region, 1 to 3.
    weeks_back : int
        Weeks of orders that tell where demand comes from.
    review_weeks : float
        Weeks between two inbound shipments of an item to a centre.
    inbound_cost_per_shipment : float
        Fixed cost of an item's line in an inbound shipment where no lane tells it.
    cost_per_day_late : float
        Worth of a day less on the way, a unit; 0 leaves transit time out of the cost.
    split_rounds : int
        Rounds in which items look at where the others of their orders lie; 0 leaves splits out.
    safety_factor : float
        Standard deviations of demand over the lead time held as safety stock without targets.
    """

    most_centres: int = 4
    region_digits: int = 3
    weeks_back: int = 52
    review_weeks: float = 1.0
    inbound_cost_per_shipment: float = 0.0
    cost_per_day_late: float = 0.0
    split_rounds: int = 3
    safety_factor: float = 1.28

    def __post_init__(self) -> None:
        if self.most_centres < 1 or self.weeks_back < 1:
            raise ValueError("most_centres and weeks_back must be at least 1")
        if not 1 <= self.region_digits <= 3:
            raise ValueError(f"region_digits must be from 1 to 3, found {self.region_digits}")
        if self.review_weeks <= 0:
            raise ValueError(f"review_weeks must be above 0, found {self.review_weeks}")
        for name in ("inbound_cost_per_shipment", "cost_per_day_late", "safety_factor"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.split_rounds < 0:
            raise ValueError(f"split_rounds must not be negative, found {self.split_rounds}")


_DEFAULTS = PlacementParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best set of centres of one item, the centre of each region, and the next best set."""

    centres: tuple[int, ...]
    serves: Ints
    cost: float
    next_best: tuple[int, ...]
    next_cost: float
    exact: bool


def place_item(serve: Floats, opening: Floats, pooling: float, most: int) -> Choice:
    """Return the set of centres that costs an item least.

    Parameters
    ----------
    serve : float array, shape (regions, centres)
        Cost a week of serving a region from a centre.
    opening : float array, shape (centres,)
        Cost a week of holding the item at a centre at all.
    pooling : float
        Cost a week of safety stock kept at one place; k places need sqrt(k) times as much.
    most : int
        Centres at most.

    Notes
    -----
    All sets are tried where there are at most `MOST_SETS`. Else sets grow by the best centre,
    and centres are swapped and dropped while that saves: a local optimum.

    References
    ----------
    .. [1] Eppen (1979), "Effects of centralization on expected costs in a multi-location
       newsboy problem", Manage. Sci. 25(5): the square-root law.

    Examples
    --------
    >>> import numpy as np
    >>> near = np.array([[1.0, 9.0], [9.0, 1.0]])
    >>> place_item(near, np.array([2.0, 2.0]), 0.0, 2).centres
    (0, 1)
    >>> place_item(near, np.array([9.0, 9.5]), 0.0, 2).centres
    (0,)
    """
    count = serve.shape[1]
    most = min(most, count)

    def cost_of(chosen: tuple[int, ...]) -> float:
        near = float(serve[:, chosen].min(axis=1).sum())
        return near + float(opening[list(chosen)].sum()) + pooling * float(np.sqrt(len(chosen)))

    exact = sum(comb(count, k) for k in range(1, most + 1)) <= MOST_SETS
    if exact:
        sets = [c for k in range(1, most + 1) for c in combinations(range(count), k)]
        costs = {chosen: cost_of(chosen) for chosen in sets}
    else:
        costs = {(c,): cost_of((c,)) for c in range(count)}
        here = min(costs, key=lambda chosen: (costs[chosen], chosen))
        while True:
            near_sets = {chosen: cost_of(chosen) for chosen in _neighbours(here, count, most)}
            costs.update(near_sets)
            best = min(near_sets, key=lambda chosen: (near_sets[chosen], chosen))
            if near_sets[best] >= costs[here] - 1e-9:
                break
            here = best
    ranked = sorted(costs, key=lambda chosen: (costs[chosen], len(chosen), chosen))
    chosen = ranked[0]
    after = ranked[1] if len(ranked) > 1 else ()
    return Choice(
        centres=chosen,
        serves=np.array(chosen)[serve[:, chosen].argmin(axis=1)],
        cost=costs[chosen],
        next_best=after,
        next_cost=costs.get(after, costs[chosen]) - costs[chosen],
        exact=exact,
    )


def _neighbours(here: tuple[int, ...], count: int, most: int) -> Iterator[tuple[int, ...]]:
    """Yield sets with one centre more, one less or one exchanged."""
    others = [c for c in range(count) if c not in here]
    for out in here:
        rest = tuple(c for c in here if c != out)
        if rest:
            yield rest
        for other in others:
            yield tuple(sorted((*rest, other)))
    if len(here) < most:
        for other in others:
            yield tuple(sorted((*here, other)))


def place_items(dataset: Dataset, params: PlacementParams = _DEFAULTS, *, as_of: date) -> Outcome:
    """Return which centres are to hold each item, how much, and which regions each serves.

    Parameters
    ----------
    dataset : Dataset
        items, locations (own centres and the network they belong to), orders with the customers'
        ZIP codes, channels, lanes, fee_cards; forecast_means and stock_targets where there are.
    params : PlacementParams
    as_of : date

    Returns
    -------
    Outcome
        Table placement; `objective` is the cost a week of all items. Empty, with the reason, where
        no network has centres of its own or no order says where it went.
    """
    networks, told = _networks(dataset)
    reasons = list(told)
    rows: list[dict[str, object]] = []
    total, exact = 0.0, True
    for network, centres in networks.items():
        lines = _lines(dataset, network, params, as_of)
        if lines.height == 0:
            reasons.append(_none(network, "no order of it says which ZIP code it went to"))
            continue
        world = _World.of(dataset, network, centres, lines, params, as_of)
        choices = world.choose(params)
        for k, choice in enumerate(choices):
            rows += world.rows(k, choice, params)
            reasons += world.reasons(k, choice)
            total += choice.cost
            exact &= choice.exact
    if not networks and not reasons:
        reasons = [_none("all", "no network has fulfilment centres with a ZIP code")]
    # With splits the items depend on each other; each is best for where the others lie.
    status = "optimal" if exact and params.split_rounds == 0 else "feasible"
    table = schema("placement").frame(rows) if rows else schema("placement").empty()
    return Outcome(
        tables={"placement": table.sort("item", "location")},
        status=status,  # type: ignore[arg-type]
        objective=total if rows else None,
        explanations=explanations_frame(reasons),
        notes={"networks": len(networks), "items": table["item"].n_unique()},
    )


def _none(network: str, why: str) -> Reason:
    return Reason(
        subject=f"placement:{network}",
        reason_code="unknown_figure",
        text=f"Nothing is placed in {network}: {why}.",
    )


def _networks(dataset: Dataset) -> tuple[dict[str, pl.DataFrame], list[Reason]]:
    """Return the own centres of each network, and what to say of networks others place in."""
    places = dataset["locations"].filter(
        (pl.col("kind") == "fulfilment_centre") & pl.col("parent_location").is_not_null()
    )
    networks: dict[str, pl.DataFrame] = {}
    reasons = []
    for (network,), centres in (
        places.sort("location").partition_by("parent_location", as_dict=True).items()
    ):
        own = centres.filter(pl.col("operated_by") != "amazon")
        known = own.filter(pl.col("postal_code").is_not_null() | pl.col("latitude").is_not_null())
        if known.height:
            networks[str(network)] = known
        elif own.height == 0:
            reasons.append(
                Reason(
                    subject=f"placement:{network}",
                    reason_code="rule",
                    reference="inbound_options",
                    quantity=float(centres.height),
                    text=f"Amazon places units within {network} itself; its centres cannot be "
                    "chosen. What can be is the placement option of each inbound shipment: see "
                    "inbound_options, with the fee and days of each.",
                )
            )
        else:
            reasons.append(_none(str(network), "its centres have neither ZIP code nor position"))
    return dict(sorted(networks.items())), reasons


def _lines(dataset: Dataset, network: str, params: PlacementParams, as_of: date) -> pl.DataFrame:
    """Return lines of orders a network served: order, item, region, units; late ones first cut."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """One network as arrays: items × regions of demand, regions × centres of zones and days."""

    network: str
    items: list[str]
    regions: list[str]
    centres: list[str]
    demand: Floats
    sd: Floats
    zone: Ints
    days: Floats
    parcel: Floats
    each: Floats
    opening: Floats
    holding: Floats
    line_order: Ints
    line_item: Ints
    line_region: Ints
    weeks: float

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        network: str,
        centres: pl.DataFrame,
        lines: pl.DataFrame,
        params: PlacementParams,
        as_of: date,
    ) -> _World:
        names = centres["location"].to_list()
        items = lines["item"].unique().sort().to_list()
        regions = lines["region"].unique().sort().to_list()
        item_of = {name: k for k, name in enumerate(items)}
        region_of = {name: k for k, name in enumerate(regions)}
        line_item = np.array([item_of[i] for i in lines["item"]], np.int64)
        line_region = np.array([region_of[r] for r in lines["region"]], np.int64)
        demand = np.zeros((len(items), len(regions)))
        np.add.at(demand, (line_item, line_region), lines["units"].to_numpy())
        weeks = float(params.weeks_back)
        mean, sd = _weekly(dataset, network, names, items, demand.sum(axis=1) / weeks)
        demand *= (mean / np.maximum(demand.sum(axis=1), 1e-9))[:, None]
        miles = _miles(regions, centres)
        zone = zones_of(miles)
        book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
        by_zone: Floats = np.array([float(ground_days(book, z)) for z in ZONES])
        frame = dataset["items"]
        known = {r["item"]: r for r in frame.iter_rows(named=True)}
        parcel: Floats = np.array(
            [[_rate(book, z, known.get(i, {})) for z in ZONES] for i in items]
        )
        each, fixed = _inbound(dataset, network, names, items, known, params)
        share = dataset.setting_number("cost_of_capital_share_per_year", ASSUMED_CAPITAL_SHARE)
        worth = np.array([float(known.get(i, {}).get("unit_cost") or 0.0) for i in items])
        return cls(
            network=network,
            items=items,
            regions=regions,
            centres=names,
            demand=demand,
            sd=sd,
            zone=zone,
            days=np.asarray(by_zone[zone - 2], np.float64),
            parcel=parcel,
            each=each,
            opening=fixed,
            holding=worth * share / WEEKS_PER_YEAR,
            line_order=lines["order"].rank("dense").to_numpy().astype(np.int64) - 1,
            line_item=line_item,
            line_region=line_region,
            weeks=weeks,
        )

    def serve_cost(self, k: int, params: PlacementParams) -> Floats:
        """Return the cost a week of serving item k's regions from each centre."""
        unit = self.parcel[k][self.zone - 2] + params.cost_per_day_late * self.days
        return np.asarray(self.demand[k][:, None] * (unit + self.each[k][None, :]))

    def pooled(self, k: int, params: PlacementParams) -> float:
        """Return the holding cost a week of item k's safety stock kept at one centre."""
        return float(self.holding[k] * params.safety_factor * self.sd[k])

    def choose(self, params: PlacementParams) -> list[Choice]:
        """Return the choice of each item; items look at each other for `split_rounds` rounds."""
        penalty = np.zeros((0, 0, 0))
        choices: list[Choice] = []
        best: tuple[float, list[Choice]] | None = None
        for _ in range(params.split_rounds + 1):
            choices = []
            for k in range(len(self.items)):
                serve = self.serve_cost(k, params)
                if penalty.size:
                    serve = serve + penalty[k]
                choices.append(
                    place_item(serve, self.opening[k], self.pooled(k, params), params.most_centres)
                )
            total = self.cost(choices, params)
            if best is None or total < best[0] - 1e-9:
                best = (total, choices)
            elif penalty.size:
                break
            if params.split_rounds:
                penalty = self.split_cost(choices)
        assert best is not None
        return best[1]

    def cost(self, choices: list[Choice], params: PlacementParams) -> float:
        """Return the cost a week of all items, parcels of split orders included."""
        total = 0.0
        for k, choice in enumerate(choices):
            serve = self.serve_cost(k, params)
            total += float(serve[np.arange(len(self.regions)), choice.serves].sum())
            total += float(self.opening[k][list(choice.centres)].sum())
            total += self.pooled(k, params) * float(np.sqrt(len(choice.centres)))
        if params.split_rounds:
            places = np.array([c.serves for c in choices])[self.line_item, self.line_region]
            pairs = np.unique(self.line_order * len(self.centres) + places)
            parcels, orders = len(pairs), len(np.unique(self.line_order))
            total += (parcels - orders) * self._parcel_start() / self.weeks
        return total

    def _parcel_start(self) -> float:
        """Return what a further parcel costs beside its weight: the lightest at the mean zone."""
        return float(self.parcel.min(axis=0).mean())

    def split_cost(self, choices: list[Choice]) -> Floats:
        """Return the cost a week of a further parcel, by item, region and centre.

        An order's item served from where none of its other items comes makes a parcel of its own.
        """
        serves = np.array([c.serves for c in choices])
        places = serves[self.line_item, self.line_region]
        count = len(self.centres)
        at = np.zeros((int(self.line_order.max()) + 1, count))
        np.add.at(at, (self.line_order, places), 1.0)
        others = at[self.line_order]
        others[np.arange(len(places)), places] -= 1.0
        alone = (others < 0.5) & (others.sum(axis=1) > 0.5)[:, None]
        penalty = np.zeros((len(self.items), len(self.regions), count))
        each = self._parcel_start() / self.weeks
        np.add.at(penalty, (self.line_item, self.line_region), alone * each)
        return penalty

    def rows(self, k: int, choice: Choice, params: PlacementParams) -> Iterator[dict[str, object]]:
        """Yield the rows of an item, one a centre."""
        whole = max(float(self.demand[k].sum()), 1e-12)
        serve = self.serve_cost(k, params)
        safety = params.safety_factor * float(self.sd[k]) / np.sqrt(len(choice.centres))
        for c in choice.centres:
            mine = np.flatnonzero(choice.serves == c)
            weekly = float(self.demand[k][mine].sum())
            largest = mine[np.argsort(-self.demand[k][mine], kind="stable")]
            days = float((self.days[mine, c] * self.demand[k][mine]).sum()) / max(weekly, 1e-12)
            cost = float(serve[mine, c].sum()) + float(self.opening[k][c])
            cost += self.pooled(k, params) / float(np.sqrt(len(choice.centres)))
            yield {
                "item": self.items[k],
                "location": self.centres[c],
                "network": self.network,
                "demand_share": min(1.0, weekly / whole),
                "units_per_week": weekly,
                "units": ceil(weekly * params.review_weeks + safety - 1e-9),
                "regions": " ".join(self.regions[r] for r in largest),
                "transit_days": days,
                "cost_per_week": cost,
                "next_best": " ".join(self.centres[j] for j in choice.next_best),
                "next_best_cost": choice.next_cost,
            }

    def reasons(self, k: int, choice: Choice) -> Iterator[Reason]:
        """Yield why an item lies where it does: demand, near centres, the next best set."""
        subject = f"placement:{self.items[k]}@{self.network}"
        names = ", ".join(self.centres[c] for c in choice.centres)
        weekly = float(self.demand[k].sum())
        top = np.argsort(-self.demand[k], kind="stable")[:3]
        yield Reason(
            subject=subject,
            reason_code="demand_served",
            quantity=weekly,
            text=f"{weekly:,.1f} units a week, most from ZIP "
            f"{', '.join(self.regions[r] for r in top)}: held at {names}.",
        )
        if choice.next_best:
            other = ", ".join(self.centres[c] for c in choice.next_best)
            yield Reason(
                subject=subject,
                reason_code="next_best",
                reference=other,
                price=choice.next_cost,
                text=f"Next best {other}: {choice.next_cost:,.2f} more a week in carriage, inbound "
                "and stock.",
            )


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


def _rate(book: FeeBook, zone: int, item: dict[str, object]) -> float:
    """Return what one unit's parcel costs to a zone; that of a pound where it is not known."""
    kg, sides = item.get("weight_kg"), [item.get(s) for s in ("length_cm", "width_cm", "height_cm")]
    weight = float(kg) * LB_PER_KG if isinstance(kg, (int, float)) else 1.0
    if all(isinstance(side, (int, float)) for side in sides):
        cube = float(np.prod([float(side) for side in sides]))  # type: ignore[arg-type]
        weight = max(weight, cube / DIM_DIVISOR_CM3_PER_LB)
    line = carriage(book, zone=zone, weight_lb=weight)
    return float(line.amount) if line.amount is not None else 0.0


def _inbound(
    dataset: Dataset,
    network: str,
    centres: list[str],
    items: list[str],
    known: dict[str, dict[str, object]],
    params: PlacementParams,
) -> tuple[Floats, Floats]:
    """Return what a unit costs to bring to each centre, and a centre's fixed cost a week."""
    lanes = dataset["lanes"].filter(pl.col("destination").is_in(centres))
    receiving = {
        r["location"]: float(r["receiving_cost_per_unit"] or 0.0)
        + float(r["picking_cost_per_unit"] or 0.0)
        for r in dataset["locations"].iter_rows(named=True)
    }
    kg = np.array([float(known.get(i, {}).get("weight_kg") or 0.0) for i in items])  # type: ignore[arg-type]
    m3 = np.array(
        [
            float(np.prod([float(known.get(i, {}).get(s) or 0.0) for s in  # type: ignore[arg-type]
                           ("length_cm", "width_cm", "height_cm")])) / 1e6
            for i in items
        ]
    )  # fmt: skip
    each, fixed = np.zeros((len(items), len(centres))), np.zeros((len(items), len(centres)))
    for c, centre in enumerate(centres):
        best = np.full(len(items), np.inf)
        start = params.inbound_cost_per_shipment
        for r in lanes.filter(pl.col("destination") == centre).iter_rows(named=True):
            cost = float(r["cost_per_unit"] or 0.0) + float(r["cost_per_kg"] or 0.0) * kg
            cost = cost + float(r["cost_per_m3"] or 0.0) * m3
            best = np.minimum(best, cost)
            start = max(start, float(r["cost_per_shipment"] or 0.0))
        each[:, c] = np.where(np.isfinite(best), best, 0.0) + receiving.get(centre, 0.0)
        fixed[:, c] = start / params.review_weeks
    return each, fixed
