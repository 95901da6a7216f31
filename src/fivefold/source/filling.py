"""A purchase order topped up to a full container or truck.

Knows an order, what else its supplier offers for that place, and how long each lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.demand_rates import daily_rates
from fivefold.source.joint_lots import Loadable, fill_load
from fivefold.source.landed_cost import unit_volume_m3, unit_weight_kg
from fivefold.source.price_breaks import price_lists
from fivefold.source.terms import exchange_rates, integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How loads are filled.

    Parameters
    ----------
    load_m3, load_kg : dict of str to float
        Usable cube and payload of one load, by mode: a 40-foot high cube and a 53-foot
        trailer, as carriers commonly load them.
    most_days_ahead : float
        No item is bought for longer than so many days because there is room.
    """

    load_m3: Mapping[str, float] = field(default_factory=lambda: {"fcl": 67.0, "ftl": 80.0})
    load_kg: Mapping[str, float] = field(default_factory=lambda: {"fcl": 26_000.0, "ftl": 20_000.0})
    most_days_ahead: float = 60.0

    def __post_init__(self) -> None:
        if min(*self.load_m3.values(), *self.load_kg.values()) <= 0:
            raise ValueError("load_m3 and load_kg must be above 0")
        if self.most_days_ahead <= 0:
            raise ValueError(f"most_days_ahead must be above 0, found {self.most_days_ahead}")


def fill_order(
    dataset: Dataset, order: str, params: Params | None = None, *, as_of: date
) -> Outcome:
    """Return the lines of a purchase order topped up so that its container is full.

    Parameters
    ----------
    dataset : Dataset
        Reads purchase_orders, purchase_order_lines, supplier_offers, price_breaks, items,
        inventory, supply_orders, forecast_means, lanes, locations, suppliers, settings.
    order : str
    params : Params, optional
    as_of : date

    Returns
    -------
    Outcome
        Table `purchase_order_lines` of the order; infeasible where it does not travel in loads
        of a known size, or an item on it has no size. Explanations with the order as subject.
    """
    params = params or Params()
    head = dataset["purchase_orders"].filter(pl.col("order") == order)
    if head.height == 0:
        return _no(order, f"There is no purchase order {order}.")
    supplier, place, mode = head.select("supplier", "destination", "mode").row(0)
    sized = next((m for m in str(mode or "").split("+") if m in params.load_m3), None)
    if sized is None or sized not in params.load_kg:
        return _no(order, f"{order} goes by {mode or 'no known mode'}, which has no load to fill.")
    lines = dataset["purchase_order_lines"].filter(pl.col("order") == order)
    wanted = {
        str(item): int(units)
        for item, units in lines.group_by("item").agg(pl.col("quantity").sum()).iter_rows()
    }
    loadables = _loadables(dataset, str(supplier), str(place), as_of, wanted)
    missing = sorted(set(wanted) - {x.item for x in loadables})
    if missing:
        text = f"The size, weight or demand of {', '.join(missing)} is not known."
        return _no(order, text)
    load = fill_load(
        loadables,
        wanted,
        load_m3=params.load_m3[sized],
        load_kg=params.load_kg[sized],
        most_days_ahead=params.most_days_ahead,
    )
    prices = price_lists(
        dataset["supplier_offers"],
        dataset["price_breaks"],
        exchange_rates=exchange_rates(dataset).known,
    )
    rows = [
        {
            "order": order,
            "line": number,
            "item": item,
            "quantity": units,
            "unit_price": prices[str(supplier), item].price_at(units),
        }
        for number, (item, units) in enumerate(sorted(load.units.items()), start=1)
    ]
    more = {item: units - wanted.get(item, 0) for item, units in load.units.items()}
    reasons = [
        Reason(
            subject=order,
            reason_code="lot_rule",
            reference=item,
            quantity=float(units),
            text=f"{units:,} more of {item} fill the {sized.upper()}.",
        )
        for item, units in sorted(more.items())
        if units > 0
    ]
    told = {"cube": "no more fits in", "weight": "it is as heavy as it may be"}
    end = told.get(load.bound_by, f"more would last beyond {params.most_days_ahead:.0f} days")
    text = f"{load.volume_m3:.1f} m3 and {load.weight_kg:,.0f} kg, {load.fill_share:.0%}: {end}."
    reasons.append(
        Reason(
            subject=order,
            reason_code="constraint_bound",
            reference=sized,
            quantity=load.fill_share,
            text=text,
        )
    )
    table = schema("purchase_order_lines").frame(rows)
    return Outcome(
        tables={"purchase_order_lines": table},
        status="feasible",
        objective=float((table["quantity"] * table["unit_price"]).sum()),
        explanations=explanations_frame(reasons),
        notes={"fill_share": load.fill_share, "bound_by": load.bound_by},
    )


def _no(order: str, text: str) -> Outcome:
    reason = Reason(subject=order, reason_code="infeasible", text=text)
    return Outcome(
        tables={"purchase_order_lines": schema("purchase_order_lines").empty()},
        status="infeasible",
        explanations=explanations_frame([reason]),
    )


def _loadables(
    dataset: Dataset, supplier: str, place: str, as_of: date, wanted: Mapping[str, int]
) -> list[Loadable]:
    """Return what the supplier offers in force and the place uses, with its cover."""
    rates = daily_rates(dataset, days=91)
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    position = _position(dataset, place)
    offers = dataset["supplier_offers"].filter(
        (pl.col("supplier") == supplier)
        & (pl.col("valid_from").is_null() | (pl.col("valid_from") <= as_of))
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= as_of))
    )
    found = []
    for offer in offers.sort("item").iter_rows(named=True):
        item = offer["item"]
        product = items.get(item, {})
        volume, weight = unit_volume_m3(product), unit_weight_kg(product)
        rate = rates.get((item, place))
        if volume is None or weight is None or rate is None or rate.units_per_day <= 0:
            continue
        # A line that is opened only to fill must reach the minimum; one there is raised by lots.
        lot = integer(offer, "order_multiple")
        if item not in wanted:
            lot = max(lot, -(-integer(offer, "minimum_quantity") // lot) * lot)
        found.append(
            Loadable(
                item=item,
                lot_units=lot,
                lot_m3=lot * volume,
                lot_kg=lot * weight,
                cover_days=max(0.0, position.get(item, 0.0)) / rate.units_per_day,
                units_per_day=rate.units_per_day,
                unit_cost=offer["unit_price"],
            )
        )
    return found


def _position(dataset: Dataset, place: str) -> dict[str, float]:
    """Return units there that can be used, and units on order to it."""
    here = dataset["inventory"].filter(
        (pl.col("location") == place) & (pl.col("condition") == "sellable")
    )
    there = here.group_by("item").agg((pl.col("on_hand") - pl.col("allocated")).sum())
    coming = dataset["supply_orders"].filter(
        (pl.col("destination") == place)
        & ~pl.col("status").is_in(["received", "closed", "cancelled"])
    )
    open_units = (pl.col("quantity") - pl.col("quantity_received")).clip(0)
    on_order = coming.group_by("item").agg(open_units.sum())
    found: dict[str, float] = {}
    for item, units in [*there.iter_rows(), *on_order.iter_rows()]:
        found[item] = found.get(item, 0.0) + float(units)
    return found
