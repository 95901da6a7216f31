"""The places an item passes through: where each is refilled from, how, and how fast.

Read from a plan and the tables it was made from; the same stages serve every policy, so that
two policies differ in what they order and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.deliver.fees import fee_cards
from fivefold.deliver.size_tiers import size_tier
from fivefold.model import Dataset
from fivefold.units import CUBIC_FOOT_M3

#: Fee lines of a channel that fall due when a unit is sent to its place.
SENDING_LINES = ("INBOUND_FREIGHT", "FBA_INBOUND_PLACEMENT_SERVICE_FEE")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One item at one place and the way it is refilled.

    `kind` is buy, move, make, or none where nothing can refill it. `components` are stages
    (by number) and units of each in one unit made. `moving_cost` is freight and placement of a
    unit that is sent there; `storage_per_day` what a unit costs there from January to September
    and from October to December. A supplier is paid `deposit_share` with the order and the rest
    `payment_days` after the goods have come; a run of a product takes `setup_hours` first.
    """

    item: str
    location: str
    kind: str
    source: str
    mode: str
    lead_time_days_mean: float
    lead_time_days_sd: float
    minimum_quantity: int
    order_multiple: int
    unit_price: float
    landed_unit_cost: float
    unit_cost: float
    components: tuple[tuple[int, float], ...]
    hours_per_unit: float
    resource: str
    yield_share: float
    volume_m3: float
    moving_cost: float
    storage_per_day: tuple[float, float]
    setup_hours: float = 0.0
    deposit_share: float = 1.0
    payment_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """All stages, and what is shared between them.

    Parameters
    ----------
    rows : tuple of Stage
    index : mapping of (item, location) to number
    on_hand : ndarray, shape (n_stages,)
        Free units on the first day.
    existing : tuple of (stage, units, day, order, line)
        What was ordered before and will still arrive, with the day it is expected.
    weekly_hours : mapping of resource to hours
    storage_m3 : mapping of location to cube
        Room of a place; nothing is sent there beyond it.
    cash_per_week : float
        Money for purchases a week, none of it carried over; infinite where nothing limits it.
    closed : mapping of supplier to days
        Days on which a supplier takes no order at all.
    networks : frozenset of locations
        Places of a marketplace, whose room shipments take up from the day they leave.
    ways : mapping of (stage, source, mode) to Stage
        The stage as it is refilled by each way a plan may choose.
    """

    rows: tuple[Stage, ...]
    index: Mapping[tuple[str, str], int]
    on_hand: Integers
    existing: tuple[tuple[int, int, date, str, int], ...]
    weekly_hours: Mapping[str, float]
    storage_m3: Mapping[str, float]
    cash_per_week: float
    closed: Mapping[str, frozenset[date]] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    ways: Mapping[tuple[int, str, str], Stage] = field(default_factory=dict)


def stages_of(plan: Plan, dataset: Dataset) -> Stages:
    """Return the stages of a plan."""
    keys = (
        plan["projected_stock"].select("item", "location").unique().sort("item", "location").rows()
    )
    index = {(item, location): number for number, (item, location) in enumerate(keys)}
    ways = _ways(plan, dataset)
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    makes = _makes(dataset)
    costs = _PlaceCosts.of(plan, dataset)
    terms = _terms(dataset)

    def refilled(key: tuple[str, str], way: Mapping[str, object] | None) -> Stage:
        stage = _stage(key[0], key[1], way, items.get(key[0], {}), makes, index, costs)
        if stage.kind != "buy" or stage.source not in terms:
            return stage
        deposit, days = terms[stage.source]
        return replace(stage, deposit_share=deposit, payment_days=days)

    rows = tuple(refilled(key, ways.get(key)) for key in keys)
    return Stages(
        rows=rows,
        index=index,
        on_hand=_free_units(dataset, keys),
        existing=_existing(dataset, index),
        weekly_hours=_weekly_hours(dataset),
        storage_m3=_storage_limits(dataset),
        cash_per_week=_cash_per_week(dataset),
        closed=_closed_days(dataset),
        networks=costs.networks,
        ways={
            (index[key], str(way["source"]), str(way["mode"] or "")): refilled(key, way)
            for key, way in _other_ways(plan, dataset)
            if key in index and rows[index[key]].kind == way["kind"]
        },
    )


def _terms(dataset: Dataset) -> dict[str, tuple[float, int]]:
    """Return what part of an order each supplier wants with it, and when it wants the rest."""
    rows = dataset["suppliers"].select("supplier", "deposit_share", "payment_days").iter_rows()
    return {name: (deposit or 0.0, int(days or 0)) for name, deposit, days in rows}


def _ways(plan: Plan, dataset: Dataset) -> dict[tuple[str, str], dict[str, object]]:
    """Return how each item and place is usually refilled.

    What is bought comes by the option that ranks first; all else as the plan does it most, or as
    the tables allow.
    """
    ways: dict[tuple[str, str], dict[str, object]] = {}
    lanes = _lane_days(dataset)
    for row in _possible_moves(plan, dataset).iter_rows(named=True):
        ways[row["item"], row["destination"]] = {**row, "kind": "move"}
    for row in (
        dataset["operations"]
        .sort("product", "operation")
        .unique(subset=["product"], keep="first", maintain_order=True)
        .iter_rows(named=True)
    ):
        ways[row["product"], row["location"]] = {"kind": "make", "source": row["location"]}
    options = plan["sourcing_options"].filter(pl.col("rank") == 1)
    for row in options.iter_rows(named=True):
        ways[row["item"], row["destination"]] = {**row, "kind": "buy", "source": row["supplier"]}
    most = (
        plan["supply_plan"]
        .group_by("item", "destination", "kind", "source", "mode")
        .agg(pl.col("quantity").sum())
        .sort("quantity", "kind", "source", "mode", descending=[True, False, False, False])
        .unique(subset=["item", "destination"], keep="first", maintain_order=True)
    )
    priced = most.join(
        plan["sourcing_options"].rename({"supplier": "source"}),
        on=["item", "source", "destination", "mode"],
        how="left",
    )
    for row in priced.iter_rows(named=True):
        key = row["item"], row["destination"]
        if row["kind"] == "buy" and ways.get(key, {}).get("kind") == "buy":
            continue
        ways[key] = _timed(row, lanes)
    return ways


def _other_ways(plan: Plan, dataset: Dataset) -> list[tuple[tuple[str, str], dict[str, object]]]:
    """Return every way a plan may bring an item to a place: options to buy, moves it makes."""
    lanes = _lane_days(dataset)
    bought = [
        ((row["item"], row["destination"]), {**row, "kind": "buy", "source": row["supplier"]})
        for row in plan["sourcing_options"].iter_rows(named=True)
    ]
    moved = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "move")
        .group_by("item", "destination", "kind", "source", "mode")
        .agg(pl.col("unit_cost").mean(), pl.col("quantity").sum())
        .sort("item", "destination", "quantity", "source", "mode")
    )
    usual = moved.group_by("item", "destination").agg(usual_cost=pl.col("unit_cost").last())
    return bought + [
        (
            (row["item"], row["destination"]),
            {**_timed(row, lanes), "dearer": row["unit_cost"] - row["usual_cost"]},
        )
        for row in moved.join(usual, on=["item", "destination"]).iter_rows(named=True)
    ]


def _timed(
    way: dict[str, object], lanes: Mapping[tuple[str, str, str], tuple[float, float]]
) -> dict[str, object]:
    """Return a way with the days of its lane, where it is a move."""
    if way["kind"] != "move":
        return way
    lane = str(way["source"]), str(way["destination"]), str(way["mode"])
    mean, deviation = lanes.get(lane, (7.0, 0.0))
    return {**way, "lead_time_days_mean": mean, "lead_time_days_sd": deviation}


def _possible_moves(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return, for each item and place, the fastest lane from another place that holds it."""
    held = plan["projected_stock"].select("item", origin="location").unique()
    processing = dataset["locations"].select(
        destination="location", processing=pl.col("processing_time_days").fill_null(0.0)
    )
    return (
        held.join(dataset["lanes"], on="origin", how="inner")
        .join(held.rename({"origin": "destination"}), on=["item", "destination"], how="inner")
        .join(processing, on="destination", how="left")
        .sort("transit_time_days_mean", "origin", "mode")
        .unique(subset=["item", "destination"], keep="first", maintain_order=True)
        .select(
            "item",
            "destination",
            "mode",
            source="origin",
            lead_time_days_mean=pl.col("transit_time_days_mean")
            + pl.col("processing").fill_null(0.0),
            lead_time_days_sd="transit_time_days_sd",
        )
    )


def _lane_days(dataset: Dataset) -> dict[tuple[str, str, str], tuple[float, float]]:
    processing = dict(
        dataset["locations"]
        .select("location", pl.col("processing_time_days").fill_null(0.0))
        .iter_rows()
    )
    return {
        (row["origin"], row["destination"], row["mode"]): (
            row["transit_time_days_mean"] + processing.get(row["destination"], 0.0),
            row["transit_time_days_sd"] or 0.0,
        )
        for row in dataset["lanes"].iter_rows(named=True)
    }


def _makes(dataset: Dataset) -> dict[str, dict[str, object]]:
    """Return, by product, its components with units of each, its hours, resource and yield."""
    steps = (
        dataset["operations"]
        .group_by("product")
        .agg(
            hours=pl.col("run_time_hours_per_unit").max(),
            setup=pl.col("setup_time_hours")
            .fill_null(0.0)
            .sort_by("run_time_hours_per_unit")
            .last(),
            resource=pl.col("resource").sort_by("run_time_hours_per_unit").last(),
            share=pl.col("yield_share").fill_null(1.0).product(),
        )
    )
    found: dict[str, dict[str, object]] = {
        row["product"]: {**row, "components": []} for row in steps.iter_rows(named=True)
    }
    bill = dataset["bills_of_material"].with_columns(
        group=pl.coalesce("alternate_group", "component")
    )
    for row in bill.filter(
        pl.col("priority") == pl.col("priority").min().over("product", "group")
    ).iter_rows(named=True):
        made = found.get(row["product"])
        if made is not None and not row["is_by_product"]:
            per = row["quantity_per"] / (1 - (row["scrap_share"] or 0.0)) / float(made["share"])  # type: ignore[arg-type]
            made["components"].append((row["component"], per))  # type: ignore[attr-defined]
    return found


def _stage(
    item: str,
    location: str,
    way: Mapping[str, object] | None,
    noun: Mapping[str, object],
    makes: Mapping[str, Mapping[str, object]],
    index: Mapping[tuple[str, str], int],
    costs: _PlaceCosts,
) -> Stage:
    found = way or {"kind": "none"}
    kind = str(found["kind"])
    made = makes.get(item, {}) if kind == "make" else {}
    cost = float(noun.get("unit_cost") or 0.0)  # type: ignore[arg-type]
    volume = 1.0
    for side in ("length_cm", "width_cm", "height_cm"):
        volume *= float(noun.get(side) or 0.0)  # type: ignore[arg-type]
    return Stage(
        item=item,
        location=location,
        kind=kind,
        source=str(found.get("source") or ""),
        mode=str(found.get("mode") or ""),
        lead_time_days_mean=float(found.get("lead_time_days_mean") or 7.0),  # type: ignore[arg-type]
        lead_time_days_sd=float(found.get("lead_time_days_sd") or 0.0),  # type: ignore[arg-type]
        minimum_quantity=int(found.get("minimum_quantity") or 1),  # type: ignore[call-overload]
        order_multiple=int(found.get("order_multiple") or 1),  # type: ignore[call-overload]
        unit_price=float(found.get("unit_price") or cost),  # type: ignore[arg-type]
        landed_unit_cost=float(found.get("landed_unit_cost") or cost),  # type: ignore[arg-type]
        unit_cost=cost,
        components=tuple(
            (index[component, location], units)
            for component, units in made.get("components", ())  # type: ignore[attr-defined]
            if (component, location) in index
        ),
        hours_per_unit=float(made.get("hours") or 0.0),  # type: ignore[arg-type]
        resource=str(made.get("resource") or ""),
        setup_hours=float(made.get("setup") or 0.0),  # type: ignore[arg-type]
        yield_share=float(made.get("share") or 1.0),  # type: ignore[arg-type]
        volume_m3=volume / 1e6,
        moving_cost=_moving_cost(found, costs.moving.get((item, location), 0.0)),
        storage_per_day=costs.storage(noun, location, volume / 1e6),
    )


def _moving_cost(way: Mapping[str, object], usual: float) -> float:
    """Return freight and placement of a unit moved this way, 0 where it is not moved."""
    if way["kind"] != "move":
        return 0.0
    return max(0.0, usual + float(way.get("dearer") or 0.0))  # type: ignore[arg-type]


def _free_units(dataset: Dataset, keys: list[tuple[str, str]]) -> Integers:
    free = {
        (item, location): units
        for item, location, units in dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg((pl.col("on_hand") - pl.col("allocated").fill_null(0)).sum())
        .iter_rows()
    }
    return np.array([max(0, free.get(key, 0)) for key in keys], dtype=np.int64)


def _existing(
    dataset: Dataset, index: Mapping[tuple[str, str], int]
) -> tuple[tuple[int, int, date, str, int], ...]:
    waiting = dataset["supply_orders"].filter(
        ~pl.col("status").is_in(["received", "closed", "cancelled"])
    )
    return tuple(
        (
            index[row["item"], row["destination"]],
            row["quantity"] - (row["quantity_received"] or 0),
            row["expected_on"],
            row["order"],
            row["line"],
        )
        for row in waiting.sort("order", "line").iter_rows(named=True)
        if (row["item"], row["destination"]) in index
        and row["quantity"] > (row["quantity_received"] or 0)
    )


def _weekly_hours(dataset: Dataset) -> dict[str, float]:
    """Return hours by resource; a rule somebody wrote goes before what its shifts imply."""
    implied = {
        row["resource"]: (row["hours_per_day"] or 0.0) * 5 * (row["count"] or 1)
        for row in dataset["resources"].iter_rows(named=True)
    }
    rules = dataset["limits_rules"].filter(pl.col("kind") == "resource_hours")
    stated = rules.group_by("subject").agg(pl.col("amount_per_week").min())
    return implied | dict(stated.iter_rows())


@dataclass(frozen=True, slots=True)
class _PlaceCosts:
    """What it costs to send a unit to a place, and to keep it there."""

    moving: Mapping[tuple[str, str], float]
    own: Mapping[str, float]
    networks: frozenset[str]
    card: Mapping[tuple[bool, str], float]
    as_of: date

    @classmethod
    def of(cls, plan: Plan, dataset: Dataset) -> _PlaceCosts:
        """Read freight, placement and storage from the plan's fee lines and the fee card."""
        places = dict(dataset["channels"].select("channel", "location").iter_rows())
        moving: dict[tuple[str, str], float] = {}
        sent = plan["channel_fees"].filter(pl.col("line").is_in(SENDING_LINES))
        for item, channel, counted in sent.select("item", "channel", "counted").iter_rows():
            key = (item, places.get(channel, ""))
            moving[key] = moving.get(key, 0.0) + (counted or 0.0)
        cards = dataset["fee_cards"] if "fee_cards" in dataset else fee_cards()
        rows = cards.filter(
            (pl.col("fee_type") == "BASE_MONTHLY_STORAGE_FEE")
            & (pl.col("product_class").fill_null("") == "")
            & (pl.col("effective_from") <= plan.as_of)
        )
        card = {
            (tier == "standard", season): float(amount or 0.0) / float(CUBIC_FOOT_M3) / 30.4
            for tier, season, amount in rows.select("size_tier", "season", "amount").iter_rows()
        }
        kinds = dataset["locations"].filter(pl.col("kind") == "fulfilment_network")["location"]
        own = {
            row["location"]: (row["storage_cost_per_m3_month"] or 0.0) / 30.4
            for row in dataset["locations"].iter_rows(named=True)
        }
        return cls(moving, own, frozenset(kinds.to_list()), card, plan.as_of)

    def storage(
        self, noun: Mapping[str, object], location: str, volume_m3: float
    ) -> tuple[float, float]:
        """Return cost a unit and day from January to September, and from October on."""
        if location not in self.networks:
            rate = self.own.get(location, 0.0) * volume_m3
            return rate, rate
        if not volume_m3 or not noun.get("weight_kg"):
            return 0.0, 0.0
        tier = size_tier(
            length_cm=float(noun["length_cm"]),  # type: ignore[arg-type]
            width_cm=float(noun["width_cm"]),  # type: ignore[arg-type]
            height_cm=float(noun["height_cm"]),  # type: ignore[arg-type]
            weight_kg=float(noun["weight_kg"]),  # type: ignore[arg-type]
            day=self.as_of,
        )
        low, high = (
            self.card.get((tier.group == "standard", season), 0.0)
            for season in ("jan_sep", "oct_dec")
        )
        return low * volume_m3, high * volume_m3


def _storage_limits(dataset: Dataset) -> dict[str, float]:
    rules = dataset["limits_rules"].filter(pl.col("kind") == "storage_m3")
    stated = dict(rules.select("subject", "amount_per_week").iter_rows())
    own = dataset["locations"].select("location", "storage_capacity_m3").drop_nulls()
    for location, cube in own.iter_rows():
        stated[location] = min(cube, stated.get(location, cube))
    return stated


def _cash_per_week(dataset: Dataset) -> float:
    rules = dataset["limits_rules"].filter(pl.col("kind") == "cash")
    return float(rules["amount_per_week"].min()) if rules.height else float("inf")  # type: ignore[arg-type]


def _closed_days(dataset: Dataset) -> dict[str, frozenset[date]]:
    """Return the days in which a supplier's limit is nothing."""
    days: dict[str, set[date]] = {}
    shut = dataset["limits"].filter((pl.col("kind") == "supplier_units") & (pl.col("amount") <= 0))
    for supplier, first, length in shut.select(
        "subject", "period_start", "period_days"
    ).iter_rows():
        days.setdefault(supplier, set()).update(
            first + timedelta(days=offset) for offset in range(length)
        )
    return {supplier: frozenset(found) for supplier, found in days.items()}


def week_of(day: date, start: date) -> int:
    """Return the number of the week of `day`, counted from `start`."""
    return (day - start) // timedelta(days=7)
