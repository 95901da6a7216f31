"""What it would take to be on time: for every late order and unserved week, the cheapest change.

Reads the plan's own tables and proposes changes to what it takes as given: an existing order
expedited, a faster way, stock of another place, more of the limit that binds, a part delivered
first. Each is costed apart from the others; taking one may use up what another counts on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

WEEK = timedelta(days=7)
#: Orders that can still be changed before they leave.
_OPEN = ("planned", "approved", "sent", "confirmed")
Option = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxParams:
    """How many options are kept for a demand, and how many demands are looked at.

    Parameters
    ----------
    options : int
        Options kept for each late demand, the best first, at least 1.
    demands : int
        Late demands looked at, those worth most first, at least 1.
    """

    options: int = 4
    demands: int = 5_000

    def __post_init__(self) -> None:
        for name in ("options", "demands"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")


_DEFAULTS = RelaxParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    """A demand that is not there in time; `by` is the last day on which it would be."""

    name: str
    kind: str
    item: str
    location: str
    by: date
    planned: date | None
    units: float
    there: float
    held_by: str
    worth: float | None


def relax_orders(dataset: Dataset, params: RelaxParams = _DEFAULTS, *, as_of: date) -> Outcome:
    """Return what each late order or unserved week of forecast would need to be on time.

    Parameters
    ----------
    dataset : Dataset
        With pegging, unmet_demand, projected_stock and limit_prices of a supply plan; and
        orders, supply_orders, sourcing_options or supplier_offers, lanes, items.
    params : RelaxParams
    as_of : date
        Day of the plan; nothing can start before it.

    Returns
    -------
    Outcome
        Table order_relaxations, and one reason a demand: the best option and the next.

    Notes
    -----
    Options are ranked: in time before late, known cost before unknown, cheap before dear, then
    the earlier. A cost is what the change costs beyond the cheapest way of the same units. The
    price of a limit is its worth in the plan, the least one would have to pay for more of it.
    """
    late = sorted(_late_demands(dataset), key=lambda d: (-(d.worth or 0.0), d.name))[
        : params.demands
    ]
    world = _World(dataset, as_of)
    rows: list[Option] = []
    reasons: list[Reason] = []
    for demand in late:
        options = sorted(world.options(demand), key=_order)[: params.options]
        if not options:
            options = [_nothing(demand)]
        shared = {
            "demand": demand.name,
            "demand_kind": demand.kind,
            "item": demand.item,
            "location": demand.location,
            "wanted_on": demand.by,
            "planned_on": demand.planned,
            "units_late": demand.units,
            "held_by": demand.held_by,
            "worth": demand.worth,
        }
        rows += [{**shared, "rank": k, **option} for k, option in enumerate(options, 1)]
        reasons.append(_because(demand, options))
    typed = schema("order_relaxations").polars_schema()
    table = pl.DataFrame(rows, schema=typed, orient="row") if rows else None
    if table is None:
        table = schema("order_relaxations").empty()
    return Outcome(
        tables={"order_relaxations": table.sort("demand", "rank")},
        status="feasible",
        explanations=explanations_frame(reasons),
        notes={
            "late": len(late),
            "can_be_on_time": sum(r["rank"] == 1 and r["on_time"] for r in rows),
        },
    )


def _order(option: Option) -> tuple[bool, bool, float, date, str]:
    cost = option["cost"]
    when = option["available_on"] or date.max
    return not option["on_time"], cost is None, cost or 0.0, when, str(option["reference"])


def _nothing(demand: _Late) -> Option:
    return {
        "option": "none",
        "reference": "",
        "available_on": None,
        "on_time": False,
        "units": 0.0,
        "cost": None,
        "text": f"Nothing known brings {demand.item} to {demand.location} sooner.",
    }


def _because(demand: _Late, options: list[Option]) -> Reason:
    best = options[0]
    then = f" Next: {options[1]['text']}" if len(options) > 1 else ""
    return Reason(
        subject=f"late:{demand.name}",
        reason_code="next_best",
        reference=best["reference"],
        quantity=best["units"],
        price=None if best["cost"] is None else best["cost"] / max(best["units"], 1.0),
        text=f"{demand.units:,.0f} units of {demand.item} are not at {demand.location} by "
        f"{demand.by}. {best['text']}{then}",
    )


def _late_demands(dataset: Dataset) -> Iterator[_Late]:
    """Yield customer orders that come late or in part, then weeks of forecast not served."""
    pegs = dataset["pegging"].filter(pl.col("consumer_kind") == "order")
    unmet = dataset["unmet_demand"]
    why = {(r["item"], r["location"], r["period_start"]): r for r in unmet.iter_rows(named=True)}
    orders = dataset["orders"].filter(pl.col("status").is_in(["open", "pending"]))
    line = pl.concat_str("order", pl.lit("/"), "line")
    wanted = orders.select(consumer=line, asked="quantity", price="unit_price")
    by_order = (
        pegs.with_columns(by=pl.col("wanted_on").dt.offset_by("6d"))
        .with_columns(in_time=pl.col("available_on") <= pl.col("by"))
        .group_by("consumer", "item", "location")
        .agg(
            pl.col("by").min(),
            planned=pl.col("available_on").max(),
            got=pl.col("units").sum(),
            there=(pl.col("units") * pl.col("in_time")).sum(),
        )
        .join(wanted, on="consumer", how="left")
        .with_columns(asked=pl.max_horizontal(pl.col("asked").fill_null(0), "got"))
        .filter(pl.col("there") < pl.col("asked") - 0.5)
        .sort("consumer")
    )
    counted: dict[tuple[str, str, date], float] = defaultdict(float)
    for r in by_order.iter_rows(named=True):
        start = r["by"] - timedelta(days=6)
        units = r["asked"] - r["there"]
        counted[r["item"], r["location"], start] += units
        held = why.get((r["item"], r["location"], start))
        yield _Late(
            name=r["consumer"],
            kind="order",
            item=r["item"],
            location=r["location"],
            by=r["by"],
            planned=r["planned"] if r["got"] >= r["asked"] - 0.5 else None,
            units=units,
            there=r["there"],
            held_by=held["reason_code"] if held else "",
            worth=None if r["price"] is None else r["price"] * units,
        )
    for key, row in sorted(why.items()):
        item, place, start = key
        units = row["units"] - counted[key]
        if units >= 0.5:
            worth = row["value"]
            yield _Late(
                name=f"forecast:{item}:{place}:{start.isoformat()}",
                kind="forecast",
                item=item,
                location=place,
                by=start + timedelta(days=6),
                planned=None,
                units=units,
                there=0.0,
                held_by=row["reason_code"],
                worth=None if worth is None else worth * units / max(row["units"], 1e-9),
            )


class _World:
    """What may be changed, looked up by item and place."""

    def __init__(self, dataset: Dataset, as_of: date) -> None:
        self.as_of = as_of
        self.items = {r["item"]: r for r in dataset["items"].iter_rows(named=True)}
        self.lanes: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for r in dataset["lanes"].sort("origin", "destination", "mode").iter_rows(named=True):
            self.lanes[r["destination"]].append(r)
        self.buys: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for r in dataset["sourcing_options"].sort("rank").iter_rows(named=True):
            self.buys[r["item"], r["destination"]].append(r)
        self.orders: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for r in dataset["supply_orders"].sort("order", "line").iter_rows(named=True):
            self.orders[r["item"], r["destination"]].append(r)
        stock = (
            dataset["projected_stock"]
            .group_by("item", "location")
            .agg(spare=pl.col("closing").min())
            .filter(pl.col("spare") >= 1.0)
        )
        self.spare = {(r["item"], r["location"]): r["spare"] for r in stock.iter_rows(named=True)}
        self.limits: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for r in dataset["limit_prices"].filter(pl.col("price") > 0).iter_rows(named=True):
            self.limits[r["kind"], r["subject"]].append(r)
        self.hours: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for r in (
            dataset["operations"].sort("product", "operation", "resource").iter_rows(named=True)
        ):
            each = float(r["run_time_hours_per_unit"] or 0.0)
            self.hours[r["product"]].append((r["resource"], each))

    def options(self, demand: _Late) -> Iterator[Option]:
        """Yield every known way to have a demand sooner."""
        yield from self._expedite(demand)
        yield from self._buy_faster(demand)
        yield from self._from_elsewhere(demand)
        yield from self._more_of_a_limit(demand)
        if demand.kind == "order" and demand.there >= 1.0:
            text = f"Send the {demand.there:,.0f} units that are there in time now, the rest later."
            yield self._option(demand, "split", "", demand.by, demand.there, None, text)

    def _option(
        self, demand: _Late, kind: str, reference: str, when: date, units: float,
        cost: float | None, text: str,
    ) -> Option:  # fmt: skip
        # A part in time leaves the order late; so does what covers only some of its units.
        enough = kind != "split" and units >= demand.units - 0.5
        return {
            "option": kind,
            "reference": reference,
            "available_on": when,
            "on_time": bool(when <= demand.by and enough),
            "units": min(units, demand.units) if kind != "split" else units,
            "cost": cost,
            "text": text if kind == "split" or when <= demand.by else f"{text} Still late.",
        }

    def _carriage(self, lane: dict[str, Any], item: str) -> float | None:
        """Return what a unit costs on a lane; None where its weight or size is not known."""
        known = self.items.get(item, {})
        cost = float(lane["cost_per_unit"] or 0.0)
        if lane["cost_per_kg"]:
            if known.get("weight_kg") is None:
                return None
            cost += float(lane["cost_per_kg"]) * float(known["weight_kg"])
        if lane["cost_per_m3"]:
            sides = [known.get(side) for side in ("length_cm", "width_cm", "height_cm")]
            if any(side is None for side in sides):
                return None
            cost += float(lane["cost_per_m3"]) * sides[0] * sides[1] * sides[2] / 1e6  # type: ignore[operator]
        return cost

    def _lane_between(self, origin: str, target: str) -> list[dict[str, Any]]:
        return [lane for lane in self.lanes[target] if lane["origin"] == origin]

    def _expedite(self, demand: _Late) -> Iterator[Option]:
        """Yield existing orders that have not left, by the quickest lane of their way."""
        for order in self.orders[demand.item, demand.location]:
            if order["shipped_on"] is not None or order["status"] not in _OPEN:
                continue
            lanes = self._lane_between(order["source"] or "", demand.location)
            if not lanes or order["expected_on"] <= demand.by:
                continue
            quickest = min(lanes, key=lambda lane: (lane["transit_time_days_mean"], lane["mode"]))
            slowest = max(lane["transit_time_days_mean"] for lane in lanes)
            ready = max(order["expected_on"] - timedelta(days=ceil(slowest)), self.as_of)
            when = ready + timedelta(days=ceil(quickest["transit_time_days_mean"]))
            if when >= order["expected_on"]:
                continue
            units = min(demand.units, order["quantity"] - order["quantity_received"])
            dear = self._carriage(quickest, demand.item)
            usual = [self._carriage(lane, demand.item) for lane in lanes]
            cheap = min((c for c in usual if c is not None), default=None)
            cost = None if dear is None or cheap is None else max(0.0, dear - cheap) * units
            yield self._option(
                demand, "expedite", f"{order['order']}/{order['line']}", when, units, cost,
                f"Expedite order {order['order']} by {quickest['mode']}: {units:,.0f} units on "
                f"{when} instead of {order['expected_on']}{_for(cost)}.",
            )  # fmt: skip

    def _buy_faster(self, demand: _Late) -> Iterator[Option]:
        """Yield suppliers and modes straight to the place, and through a place before it."""
        for place, days, carriage, via in self._places_before(demand):
            ways = self.buys[demand.item, place]
            cheapest = min((w["landed_unit_cost"] for w in ways), default=0.0)
            for way in ways:
                when = self.as_of + timedelta(days=ceil(way["lead_time_days_mean"]) + days)
                if demand.planned is not None and when >= demand.planned:
                    continue
                lot = max(way["minimum_quantity"] or 1, 1)
                multiple = max(way["order_multiple"] or 1, 1)
                bought = max(lot, ceil(demand.units / multiple) * multiple)
                if demand.held_by == "uneconomic" and way["landed_unit_cost"] <= cheapest:
                    continue
                cost = None
                if carriage is not None:
                    cost = (way["landed_unit_cost"] - cheapest) * bought + carriage * demand.units
                    if demand.held_by == "capacity":
                        # Money is what holds the plan back from this buy, at the price of money.
                        cost += self._price("cash", "", demand.by) * way["unit_price"] * bought
                surplus = bought - demand.units
                more = f" ({surplus:,.0f} more than needed, by the lot)" if surplus >= 1 else ""
                yield self._option(
                    demand, "faster_way", f"{way['supplier']} by {way['mode']}{via}", when,
                    demand.units, cost,
                    f"Buy {bought:,.0f} units of {way['supplier']} by {way['mode']}{via}{more}: "
                    f"there on {when}{_for(cost)}.",
                )  # fmt: skip

    def _places_before(self, demand: _Late) -> Iterator[tuple[str, int, float | None, str]]:
        """Yield places a buy can go to: the place itself, then one lane before it by each mode."""
        yield demand.location, 0, 0.0, ""
        lanes = self.lanes[demand.location]
        cheapest: dict[str, float] = {}
        for lane in lanes:
            cost = self._carriage(lane, demand.item)
            if cost is not None:
                cheapest[lane["origin"]] = min(cost, cheapest.get(lane["origin"], cost))
        for lane in lanes:
            cost = self._carriage(lane, demand.item)
            extra = None if cost is None else cost - cheapest[lane["origin"]]
            days = ceil(lane["transit_time_days_mean"])
            yield lane["origin"], days, extra, f" via {lane['origin']} ({lane['mode']})"

    def _from_elsewhere(self, demand: _Late) -> Iterator[Option]:
        """Yield stock of places that the plan never needs, by every lane."""
        for lane in self.lanes[demand.location]:
            spare = self.spare.get((demand.item, lane["origin"]), 0.0)
            if spare < 1.0:
                continue
            when = self.as_of + timedelta(days=ceil(lane["transit_time_days_mean"]))
            units = min(spare, demand.units)
            each = self._carriage(lane, demand.item)
            cost = None if each is None else each * units
            yield self._option(
                demand, "other_place", lane["origin"], when, units, cost,
                f"Send {units:,.0f} units that {lane['origin']} does not need by {lane['mode']}: "
                f"there on {when}{_for(cost)}.",
            )  # fmt: skip

    def _price(self, kind: str, subject: str, by: date) -> float:
        """Return the highest price of a limit in a week no later than the demand."""
        slots = [s["price"] for s in self.limits[kind, subject] if s["period_start"] <= by]
        return max(slots, default=0.0)

    def _more_of_a_limit(self, demand: _Late) -> Iterator[Option]:
        """Yield more of the limits that bind no later than the demand, at their price."""
        if demand.held_by != "capacity":
            return
        known = self.items.get(demand.item, {})
        cost_of_unit = known.get("unit_cost")
        sides = [known.get(side) for side in ("length_cm", "width_cm", "height_cm")]
        cube = None if any(s is None for s in sides) else sides[0] * sides[1] * sides[2] / 1e6  # type: ignore[operator]
        per_unit = [
            ("cash", "", cost_of_unit),
            ("storage_m3", demand.location, cube),
            ("receipts_units", demand.location, 1.0),
            *(("resource_hours", name, hours) for name, hours in self.hours[demand.item]),
        ]
        for kind, subject, amount in per_unit:
            slots = [s for s in self.limits[kind, subject] if s["period_start"] <= demand.by]
            if not slots or amount is None:
                continue
            slot = max(slots, key=lambda s: (s["price"], s["period_start"]))
            needed = float(amount) * demand.units
            yield self._option(
                demand, "more_of_limit", slot["limit"], demand.by, demand.units,
                needed * slot["price"],
                f"{needed:,.6g} more of limit {slot['limit']} in the week of {slot['period_start']}"
                f" (overtime, space, credit), worth {slot['price']:,.4g} each"
                f"{_for(needed * slot['price'])}.",
            )  # fmt: skip


def _for(cost: float | None) -> str:
    return ", at a cost that is not known" if cost is None else f", for {cost:,.2f}"
