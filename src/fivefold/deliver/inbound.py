"""Moves of the supply plan into shipments to the fulfilment network: cartons, mode, placement.

Reads supply_plan; groups what leaves one place for another in one week; packs it, compares
modes by cost and placement options by money and days. It moves nothing and books nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.calendars import monday_of
from fivefold.deliver import stock_fees
from fivefold.deliver.cartons import Carton, CartonLimits, pack
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.inbound_rows import (
    Group,
    Mode,
    Placement,
    carton_rows,
    option_row,
    pallet_rows,
    reasons_of,
    shipment_row,
)
from fivefold.deliver.pallets import PalletLimits
from fivefold.deliver.size_tiers import size_tier
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Options of placement, by how many places the goods go to.
PLACEMENTS = ("minimal", "partial", "amazon_optimized")
#: Identical cartons of an item from which on placement by Amazon is free.
CARTONS_FOR_FREE_PLACEMENT = 5
PARCEL_MODES = frozenset({"parcel", "courier", "van"})
#: Least weight of a freight shipment, 150 lb (secondary: flexport.com on Amazon's rule).
FREIGHT_LEAST_KG = 68.0388555
#: Most boxes of one parcel shipment (secondary: as above).
PARCEL_MOST_BOXES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundParams:
    """What is shipped and what is assumed where the tables are silent.

    Parameters
    ----------
    weeks : int
        Moves that start within so many weeks of `as_of`.
    limits : CartonLimits
    pallets : PalletLimits
        Freight travels on pallets; parcels do not.
    parcel_cost_per_carton, parcel_cost_per_kg : float
        Small parcel where no lane of that mode tells. [assumed]
    ltl_cost_per_shipment, ltl_cost_per_kg : float
        Less than a truckload where no lane tells. [assumed]
    transit_days : float
        Where no lane tells. [assumed]
    placement_places : mapping of str to int
        Places each placement option sends to. [official: 1, 2 to 3, 5 and more]
    placement_extra_days : mapping of str to float
        Days later that goods are available, by option. [assumed]
    day_value_share_per_year : float
        What a day later costs, as a share of the goods' value a year.
    """

    weeks: int = 2
    limits: CartonLimits = field(default_factory=CartonLimits)
    pallets: PalletLimits = field(default_factory=PalletLimits)
    parcel_cost_per_carton: float = 4.0
    parcel_cost_per_kg: float = 0.55
    ltl_cost_per_shipment: float = 180.0
    ltl_cost_per_kg: float = 0.25
    transit_days: float = 5.0
    placement_places: Mapping[str, int] = field(
        default_factory=lambda: {"minimal": 1, "partial": 3, "amazon_optimized": 5}
    )
    placement_extra_days: Mapping[str, float] = field(
        default_factory=lambda: {"minimal": 4.0, "partial": 2.0, "amazon_optimized": 0.0}
    )
    day_value_share_per_year: float = 0.25

    def __post_init__(self) -> None:
        if self.weeks < 1:
            raise ValueError(f"weeks must be at least 1, found {self.weeks}")
        for name in ("placement_places", "placement_extra_days"):
            missing = set(PLACEMENTS) - set(getattr(self, name))
            if missing:
                raise ValueError(f"{name} lacks {sorted(missing)}")


def plan_shipments(
    dataset: Dataset, params: InboundParams | None = None, *, as_of: date
) -> Outcome:
    """Return shipments to fulfilment networks for the moves that start soon.

    Parameters
    ----------
    dataset : Dataset
        supply_plan (kind move), items, locations, lanes, fee_cards.
    params : InboundParams, optional
    as_of : date
        Moves that start within `weeks` weeks of it are shipped, all moves of one origin,
        destination and week together.

    Returns
    -------
    Outcome
        `inbound_shipments`, named by origin, destination and week; `inbound_cartons`, which
        hold every unit of the moves once; `inbound_options`, every placement in money and days;
        `inbound_pallets` of what goes by freight. `placement_fee` is empty where the fee of the day
        is not known; its range stands in the explanations.
    """
    params = params or InboundParams()
    book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    shipments: list[dict[str, object]] = []
    cartons_made: list[dict[str, object]] = []
    options_made: list[dict[str, object]] = []
    pallets_made: list[dict[str, object]] = []
    reasons: list[Reason] = []
    total = 0.0
    for group in _groups(dataset, params, as_of):
        cartons = pack(
            [(move["decision"], move["item"], move["quantity"]) for move in group.moves],
            items,
            params.limits,
        )
        options = _placements(dataset, params, book, group, cartons, items)
        chosen = min((o for o in options if o.allowed), key=lambda o: (o.counted, o.days, o.option))
        shipments.append(shipment_row(group, cartons, chosen))
        cartons_made += carton_rows(group, cartons)
        options_made += [
            option_row(params.placement_places[one.option], group, one, chosen) for one in options
        ]
        if chosen.freight.mode not in PARCEL_MODES:
            pallets_made += pallet_rows(group, cartons, params.pallets)
        reasons += reasons_of(group, cartons, options, chosen)
        total += chosen.counted
    if not shipments:
        text = f"No move to a fulfilment network starts within {params.weeks} weeks of {as_of}."
        reasons.append(Reason(subject="inbound", reason_code="rule", text=text))
    return Outcome(
        tables={
            "inbound_shipments": schema("inbound_shipments").frame(shipments),
            "inbound_cartons": schema("inbound_cartons").frame(cartons_made),
            "inbound_options": schema("inbound_options").frame(options_made),
            "inbound_pallets": schema("inbound_pallets").frame(pallets_made),
        },
        status="feasible",
        objective=total,
        explanations=explanations_frame(reasons),
    )


def _groups(dataset: Dataset, params: InboundParams, as_of: date) -> list[Group]:
    networks = dataset["locations"].filter(
        pl.col("kind").is_in(["fulfilment_network", "fulfilment_centre"])
        & (pl.col("operated_by") != "own")
        | (pl.col("kind") == "fulfilment_network")
    )["location"]
    moves = dataset["supply_plan"].filter(
        (pl.col("kind") == "move")
        & pl.col("destination").is_in(networks.implode())
        & pl.col("source").is_not_null()
        & (pl.col("start_on") >= as_of)
        & (pl.col("start_on") < as_of + timedelta(days=7 * params.weeks))
    )
    found: dict[tuple[str, str, date], list[Mapping[str, Any]]] = defaultdict(list)
    for move in moves.sort("start_on", "item", "decision").iter_rows(named=True):
        key = (move["source"], move["destination"], monday_of(move["start_on"]))
        found[key].append(move)
    return [
        Group(origin=origin, destination=destination, week=week, moves=tuple(rows))
        for (origin, destination, week), rows in sorted(found.items())
    ]


def _modes(
    dataset: Dataset, params: InboundParams, group: Group, cartons: list[Carton], places: int
) -> list[Mode]:
    """Return every way to send the cartons to so many places, with its cost and days."""
    weight = sum(carton.weight_kg for carton in cartons)
    volume = sum(carton.volume_m3 for carton in cartons)
    units = sum(move["quantity"] for move in group.moves)
    lanes = dataset["lanes"].filter(
        (pl.col("origin") == group.origin) & (pl.col("destination") == group.destination)
    )
    found = [
        Mode(
            mode=lane["mode"],
            cost=places * lane["cost_per_shipment"]
            + units * lane["cost_per_unit"]
            + weight * lane["cost_per_kg"]
            + volume * lane["cost_per_m3"],
            days=lane["transit_time_days_mean"],
            allowed=_mode_rule(lane["mode"], weight, len(cartons), places) == "",
            note=_mode_rule(lane["mode"], weight, len(cartons), places) or "lane",
        )
        for lane in lanes.sort("mode").iter_rows(named=True)
    ]
    known = {mode.mode for mode in found}
    if not known & PARCEL_MODES:
        cost = len(cartons) * params.parcel_cost_per_carton + weight * params.parcel_cost_per_kg
        rule = _mode_rule("parcel", weight, len(cartons), places)
        found.append(_assumed_mode("parcel", cost, params, rule))
    if not known & {"ltl", "ftl"}:
        cost = places * params.ltl_cost_per_shipment + weight * params.ltl_cost_per_kg
        rule = _mode_rule("ltl", weight, len(cartons), places)
        found.append(_assumed_mode("ltl", cost, params, rule))
    return found


def _assumed_mode(mode: str, cost: float, params: InboundParams, rule: str) -> Mode:
    return Mode(
        mode=mode,
        cost=cost,
        days=params.transit_days,
        allowed=rule == "",
        note=rule or "assumed rates, no lane of this mode",
    )


def _mode_rule(mode: str, weight_kg: float, cartons: int, places: int) -> str:
    """Return the rule that forbids a mode, empty where none does."""
    if mode in ("ltl", "ftl") and weight_kg / places < FREIGHT_LEAST_KG:
        return f"freight needs at least {FREIGHT_LEAST_KG:.0f} kg a place"
    if mode in PARCEL_MODES and cartons / places > PARCEL_MOST_BOXES:
        return f"parcel takes at most {PARCEL_MOST_BOXES} boxes a shipment"
    return ""


def _placements(
    dataset: Dataset,
    params: InboundParams,
    book: FeeBook,
    group: Group,
    cartons: list[Carton],
    items: Mapping[str, Mapping[str, Any]],
) -> list[Placement]:
    value = sum(
        move["quantity"] * (items[move["item"]]["unit_cost"] or 0.0) for move in group.moves
    )
    found: list[Placement] = []
    for option in PLACEMENTS:
        modes = _modes(dataset, params, group, cartons, params.placement_places[option])
        usable = [mode for mode in modes if mode.allowed] or modes
        freight = min(usable, key=lambda mode: (mode.cost, mode.days, mode.mode))
        fee, low, high, note = _placement_fee(book, group, items, option)
        extra = params.placement_extra_days[option]
        rule = _placement_rule(option, cartons)
        found.append(
            Placement(
                option=option,
                fee=fee,
                low=low,
                high=high,
                freight=freight,
                days=freight.days + extra + _processing_days(dataset, group.destination),
                delay_cost=value * params.day_value_share_per_year * extra / 365.0,
                allowed=rule == "",
                note=rule or note,
            )
        )
    return found


def _placement_rule(option: str, cartons: list[Carton]) -> str:
    """Return why placement by Amazon is not free for these cartons, empty where it is."""
    if option != "amazon_optimized":
        return ""
    counts: dict[tuple[tuple[str, int], ...], int] = defaultdict(int)
    for carton in cartons:
        counts[tuple(sorted((item, units) for _decision, item, units in carton.contents))] += 1
    short = [contents for contents, count in counts.items() if count < CARTONS_FOR_FREE_PLACEMENT]
    if short:
        return "needs five identical cartons of every item"
    return ""


def _placement_fee(
    book: FeeBook, group: Group, items: Mapping[str, Mapping[str, Any]], option: str
) -> tuple[float | None, float | None, float | None, str]:
    """Return fee, its ends and a note for all units of the moves."""
    fee: float | None = 0.0
    low: float | None = 0.0
    high: float | None = 0.0
    note = ""
    for move in group.moves:
        item = items[move["item"]]
        sides = [item["length_cm"], item["width_cm"], item["height_cm"], item["weight_kg"]]
        if any(side is None or side <= 0 for side in sides):
            if option != "amazon_optimized":
                fee, high, note = None, None, f"size of {item['item']} is not known"
            continue
        size = size_tier(
            length_cm=sides[0],
            width_cm=sides[1],
            height_cm=sides[2],
            weight_kg=sides[3],
            day=book.day,
        )
        line = stock_fees.placement(book, size=size, option=option)
        units = move["quantity"]
        fee = None if fee is None or line.amount is None else fee + units * line.amount
        low = None if low is None or line.low is None else low + units * line.low
        high = None if high is None or line.high is None else high + units * line.high
        note = note or line.note
    return fee, low, high, note


def _processing_days(dataset: Dataset, location: str) -> float:
    """Return days from the dock of a place until units are available there."""
    row = dataset["locations"].filter(pl.col("location") == location)
    return float(row["processing_time_days"][0] or 0.0) if row.height else 0.0
