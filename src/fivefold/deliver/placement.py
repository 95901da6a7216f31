"""Placement: which fulfilment centres hold which item, how much, and whom each serves.

Weighs nearer customers (carriage by zone, days on the way) against what every further centre
costs: its inbound shipments, more safety stock, and orders that split because their items lie
apart. Centres store and receive no more than they can; what room is worth there is a price.
Lives beside carriage and zones; reads demand and targets as tables. Where Amazon runs the
centres it places units itself; what a seller chooses there are the placement options of
inbound shipments (`inbound_options`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from fivefold.deliver.placement_kernel import best_set
from fivefold.deliver.placement_prices import Floats, Ints, Placed, next_best, place_within
from fivefold.deliver.placement_reasons import (
    limit_rows,
    none_placed,
    placed_reasons,
    placed_rows,
    room_reasons,
)
from fivefold.deliver.placement_world import PlacementWorld, order_lines, read_network
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


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
    price_rounds : int
        Times prices of room are changed at most.
    most_nodes : int
        Sets of centres looked at for one item; with more its best set is not proven.
    """

    most_centres: int = 4
    region_digits: int = 3
    weeks_back: int = 52
    review_weeks: float = 1.0
    inbound_cost_per_shipment: float = 0.0
    cost_per_day_late: float = 0.0
    split_rounds: int = 3
    safety_factor: float = 1.28
    price_rounds: int = 60
    most_nodes: int = 20_000

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
        for name in ("split_rounds", "price_rounds", "most_nodes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


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


def place_item(
    serve: Floats, opening: Floats, pooling: float, most: int, most_nodes: int = 20_000
) -> Choice:
    """Return the set of centres that costs an item least, room being free.

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
    most_nodes : int
        Sets looked at; with more the answer is that of adding, dropping and exchanging.

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
    chosen, second = np.zeros(most, np.int64), np.zeros(most, np.int64)
    size, cost, next_size, next_cost, lower = best_set(
        np.ascontiguousarray(serve, np.float64), np.ascontiguousarray(opening, np.float64),
        float(pooling), np.zeros(count), np.ones(most + 1), np.ones(count, np.bool_), most,
        chosen, 0, second, most_nodes,
    )  # fmt: skip
    centres = tuple(sorted(int(c) for c in chosen[:size]))
    return Choice(
        centres=centres,
        serves=np.array(centres)[serve[:, centres].argmin(axis=1)],
        cost=float(cost),
        next_best=tuple(sorted(int(c) for c in second[:next_size])),
        next_cost=float(next_cost - cost) if next_size else 0.0,
        exact=bool(lower >= cost),
    )


def place_items(dataset: Dataset, params: PlacementParams = _DEFAULTS, *, as_of: date) -> Outcome:
    """Return which centres are to hold each item, how much, and which regions each serves.

    Parameters
    ----------
    dataset : Dataset
        items, locations (own centres and the network they belong to, with what they store and
        receive), orders with the customers' ZIP codes, channels, lanes, calendars, limits_rules,
        fee_cards; forecast_means where there are.
    params : PlacementParams
    as_of : date

    Returns
    -------
    Outcome
        Tables placement and placement_limits; `objective` is the cost a week of all items and
        `bound` what no placement costs less than. Empty, with the reason, where no network has
        centres of its own or no order says where it went. Demand without room is left out and
        told.
    """
    networks, told = _networks(dataset)
    reasons = list(told)
    rows: list[dict[str, object]] = []
    limits: list[dict[str, object]] = []
    total, bound, unplaced, proven = 0.0, 0.0, 0.0, True
    for network, centres in networks.items():
        lines = order_lines(dataset, network, params, as_of)
        if lines.height == 0:
            reasons.append(none_placed(network, "no order of it says which ZIP code it went to"))
            continue
        world = read_network(dataset, network, centres, lines, params, as_of)
        placed = place_network(world, params)
        second = next_best(world, placed, params.most_nodes)
        rows += placed_rows(world, placed, second)
        limits += limit_rows(world, placed)
        reasons += room_reasons(world, placed)
        reasons += placed_reasons(world, placed, second)
        total += total_cost(world, placed, splits=params.split_rounds > 0)
        bound += placed.bound
        unplaced += float(placed.unserved.sum())
        proven &= placed.proven
    if not networks and not reasons:
        reasons = [none_placed("all", "no network has fulfilment centres with a ZIP code")]
    is_best = bool(rows) and proven and unplaced == 0 and total <= bound + 1e-9 * abs(bound)
    return Outcome(
        tables={
            "placement": _table("placement", rows, ["item", "location"]),
            "placement_limits": _table("placement_limits", limits, ["location", "kind"]),
        },
        status="optimal" if is_best or not rows else "feasible",
        objective=total if rows else None,
        bound=bound if rows and unplaced == 0 else None,
        explanations=explanations_frame(reasons),
        notes={
            "networks": len(networks),
            "items": len({row["item"] for row in rows}),
            "unplaced_units_per_week": unplaced,
        },
    )


def _table(name: str, rows: list[dict[str, object]], key: list[str]) -> pl.DataFrame:
    return (schema(name).frame(rows) if rows else schema(name).empty()).sort(key)


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
            reasons.append(
                none_placed(str(network), "its centres have neither ZIP code nor position")
            )
    return dict(sorted(networks.items())), reasons


def place_network(world: PlacementWorld, params: PlacementParams = _DEFAULTS) -> Placed:
    """Return where the items of one network lie, within the room of its centres.

    Items look at where the others of their orders lie for `split_rounds` rounds; the round that
    costs least, further parcels included, is kept.
    """
    none = np.zeros((0, 0))
    first = place_within(
        world, none, most=params.most_centres, rounds=params.price_rounds,
        most_nodes=params.most_nodes,
    )  # fmt: skip
    best, least = first, _told_cost(world, first, params)
    here = first
    for _ in range(params.split_rounds):
        penalty = split_cost(world, here)
        if not penalty.any():
            break
        here = place_within(
            world, penalty, most=params.most_centres, rounds=0, most_nodes=params.most_nodes,
            begin=first,
        )  # fmt: skip
        cost = _told_cost(world, here, params)
        if cost >= least - 1e-9:
            break
        best, least = here, cost
    return replace(best, bound=first.bound)


def _told_cost(world: PlacementWorld, placed: Placed, params: PlacementParams) -> float:
    """Return the cost by which rounds are compared: unserved demand costs more than any other."""
    cost = total_cost(world, placed, splits=params.split_rounds > 0)
    return cost + float(placed.unserved.sum()) * world.dearest_unit


def total_cost(world: PlacementWorld, placed: Placed, *, splits: bool) -> float:
    """Return the cost a week of all items; with `splits` further parcels of orders too."""
    held, arrays = placed.is_held, world.arrays
    at = placed.sets[world.item_of_pair]
    serve = np.take_along_axis(world.pair_serve(), at, axis=1)
    total = float((serve * placed.share).sum())
    total += float(np.take_along_axis(arrays.opening, placed.sets, axis=1)[held].sum())
    total += float((arrays.pooled * np.sqrt(placed.sizes)).sum())
    if splits:
        places = placed.serves(world)[world.line_pair]
        parcels = len(np.unique(world.line_order * len(world.centres) + places))
        orders = len(np.unique(world.line_order))
        total += (parcels - orders) * world.parcel_start / world.weeks
    return total


def split_cost(world: PlacementWorld, placed: Placed) -> Floats:
    """Return the cost a week of a further parcel, by pair of item and region and centre.

    An order's item served from where none of its other items comes makes a parcel of its own.
    """
    places = placed.serves(world)[world.line_pair]
    count = len(world.centres)
    lines_of = np.bincount(world.line_order)
    shared = np.flatnonzero(lines_of[world.line_order] > 1)
    order, places = world.line_order[shared], places[shared]
    _, order = np.unique(order, return_inverse=True)
    at = np.zeros((int(order.max()) + 1 if len(order) else 0, count), np.float32)
    np.add.at(at, (order, places), 1.0)
    penalty = np.zeros((len(world.item_of_pair), count))
    each = world.parcel_start / world.weeks
    for c in range(count):
        others = at[order, c] - (places == c)
        alone = shared[others < 0.5]
        penalty[:, c] += np.bincount(world.line_pair[alone], minlength=len(penalty)) * each
    return penalty
