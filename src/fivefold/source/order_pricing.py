"""What an order costs, line by line, with lot rules and price breaks kept.

Knows a supplier's terms. Never decides what to order or when.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from fivefold.model import Dataset
from fivefold.source.demand_rates import daily_rates
from fivefold.source.drafts import Buy, Draft
from fivefold.source.landed_cost import (
    Line,
    allocate,
    allocation_weights,
    duty_table,
    unit_volume_m3,
    unit_weight_kg,
)
from fivefold.source.price_breaks import PriceList, price_lists
from fivefold.source.routes import Route, supplier_routes
from fivefold.source.terms import exchange_rates


class Terms:
    """Look-ups made once for one run.

    Parameters
    ----------
    dataset : Dataset
    load_m3 : mapping of str to float
        Usable cube of one shipment by mode.
    holding_share_per_year : float
        Cost of holding one unit of money in goods for a year.
    """

    def __init__(
        self, dataset: Dataset, *, load_m3: Mapping[str, float], holding_share_per_year: float
    ) -> None:
        self.dataset, self.load_m3 = dataset, load_m3
        self.holding_share_per_year = holding_share_per_year
        self.suppliers = {
            row["supplier"]: row for row in dataset["suppliers"].iter_rows(named=True)
        }
        self.offers = {
            (row["supplier"], row["item"]): row
            for row in dataset["supplier_offers"].iter_rows(named=True)
        }
        self.exchange = exchange_rates(dataset)
        self.prices = price_lists(
            dataset["supplier_offers"],
            dataset["price_breaks"],
            exchange_rates=self.exchange.known,
        )
        self.items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
        countries = dataset["locations"].select("location", "country")
        self.countries: dict[str, str | None] = dict(countries.iter_rows())
        self.duties = duty_table(dataset["duties"])
        self.currency = dataset.setting("currency", "USD") or "USD"
        self.insurance_share = dataset.setting_number("insurance_share_of_goods", 0.0)
        self.fixed_per_order = sum(
            dataset.setting_number(name, 0.0)
            for name in ("brokerage_per_order", "inspection_cost_per_order")
        )
        self.rates = daily_rates(dataset, days=91)
        lanes = dataset["lanes"]
        self._lanes_change = not (
            lanes["active_from"].is_null().all() and lanes["active_to"].is_null().all()
        )
        self._routes: dict[date | None, dict[str, list[Route]]] = {}
        self.options: dict[tuple[str, str], list[dict[str, object]]] = {}
        for row in dataset["sourcing_options"].sort("rank").iter_rows(named=True):
            self.options.setdefault((row["item"], row["destination"]), []).append(row)
        self.demand: dict[str, list[str]] = {}
        served = dataset["explanations"].filter(pl.col("reason_code") == "demand_served")
        for subject, text in served.sort("subject", "sequence").select("subject", "text").rows():
            self.demand.setdefault(subject, []).append(text)

    def route(self, draft: Draft) -> Route | None:
        """Return the route of an order: its mode, else the first there is."""
        day = draft.order_on if self._lanes_change else None
        if day not in self._routes:
            self._routes[day] = supplier_routes(
                self.dataset, as_of=draft.order_on, load_m3=self.load_m3
            )
        ways = [
            route
            for route in self._routes[day].get(draft.supplier, [])
            if route.destination == draft.destination
        ]
        named = [route for route in ways if route.mode == draft.mode]
        if named or draft.mode:
            return named[0] if named else None
        return ways[0] if ways else None

    def price_list(self, supplier: str, item: str) -> PriceList | None:
        """Return the prices of an item; None where there is no offer or no exchange rate."""
        return None if supplier in self.exchange.missing else self.prices.get((supplier, item))

    def legal_quantity(self, supplier: str, item: str, quantity: int) -> int:
        """Return the quantity raised to the offer's minimum and multiple."""
        offer = self.offers.get((supplier, item), {})
        minimum = offer.get("minimum_quantity") or 1
        multiple = offer.get("order_multiple") or 1
        return math.ceil(max(quantity, minimum) / multiple) * multiple

    def goods_value(self, draft: Draft) -> float:
        """Return what the goods of a draft cost, as far as prices are known."""
        value = 0.0
        for item, quantity in units_by_item(draft.all_buys).items():
            listed = self.price_list(draft.supplier, item)
            if listed:
                value += listed.total(self.legal_quantity(draft.supplier, item, quantity))
        return value

    def minimum_value(self, supplier: str) -> float:
        """Return the supplier's smallest order in main currency."""
        terms = self.suppliers.get(supplier, {})
        rate = self.exchange.known.get(supplier, 1.0)
        return float(terms.get("minimum_order_value") or 0.0) * rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """An order with its rows, and what was found while pricing it."""

    order: dict[str, object]
    lines: list[dict[str, object]]
    raised: dict[str, tuple[int, int]]
    quantities: dict[str, int]
    shared_by: str
    unknown: list[tuple[str, str]]


def units_by_item(buys: Iterable[Buy]) -> dict[str, int]:
    """Return units wanted of each item."""
    wanted: dict[str, int] = {}
    for buy in buys:
        wanted[buy.item] = wanted.get(buy.item, 0) + buy.quantity
    return wanted


def _legal_lines(draft: Draft, terms: Terms) -> tuple[list[Buy], dict[str, tuple[int, int]]]:
    """Return one line an item with lot rules kept, and what was raised from and to.

    A supplier's minimum and multiple hold for a line, so buys of one item share it; the
    line's `decision` is the one with the earliest order day, its `decisions` are all.
    """
    lines: dict[str, Buy] = {}
    for buy in draft.all_buys:
        first = lines.get(buy.item)
        lines[buy.item] = (
            buy if first is None else replace(first, quantity=first.quantity + buy.quantity)
        )
    raised: dict[str, tuple[int, int]] = {}
    for item, line in lines.items():
        legal = terms.legal_quantity(draft.supplier, item, line.quantity)
        if legal != line.quantity:
            raised[item] = (line.quantity, legal)
            lines[item] = replace(line, quantity=legal)
    return list(lines.values()), raised


def price_order(name: str, draft: Draft, terms: Terms) -> Priced:
    """Return the rows of an order, its costs spread over its lines to the cent."""
    buys, raised = _legal_lines(draft, terms)
    quantities = units_by_item(buys)
    route = terms.route(draft)
    unknown: list[tuple[str, str]] = []
    prices = {item: _unit_price(draft, item, quantities[item], terms) for item in quantities}
    unknown.extend((item, "price") for item, price in prices.items() if price is None)
    measures = [_measure(buy, prices[buy.item], terms) for buy in buys]
    shared_by, weights = allocation_weights(measures)
    cube = math.fsum(m.volume_m3 or 0.0 for m in measures)
    fixed = route.shipment_cost(cube if shared_by == "volume" else None) if route else 0.0
    shares = allocate(fixed, weights, currency=terms.currency)
    if route is None:
        unknown.append((draft.destination, "freight"))
    lines: list[dict[str, object]] = []
    # Brokerage and inspection are shared as the shipment is.
    others = allocate(terms.fixed_per_order, weights, currency=terms.currency)
    totals = {"goods": 0.0, "freight": 0.0, "duty": 0.0, "other": 0.0}
    complete = {"goods": True, "freight": route is not None, "duty": True, "other": True}
    for number, (buy, measure, share, other) in enumerate(
        zip(buys, measures, shares, others, strict=True), 1
    ):
        costs = _line_costs(buy, measure, share, draft, route, terms)
        costs["other"] = round(measure.value * terms.insurance_share, 2) + other
        for part, value in costs.items():
            if value is None:
                complete[part] = False
                unknown.append((buy.item, part))
            else:
                totals[part] += value
        known = math.fsum(value for value in costs.values() if value is not None)
        price = prices[buy.item]
        lines.append(
            {
                "order": name,
                "line": number,
                "item": buy.item,
                "quantity": buy.quantity,
                "unit_price": 0.0 if price is None else price,
                "landed_unit_cost": known / buy.quantity if price is not None else None,
                "decision": buy.decision,
                "decisions": " ".join(
                    sorted(own.decision for own in draft.all_buys if own.item == buy.item)
                ),
                "freight_value": costs["freight"],
                "duty_value": costs["duty"],
                "other_value": costs["other"],
            }
        )
    order = {
        "order": name,
        "supplier": draft.supplier,
        "destination": draft.destination,
        "ordered_on": draft.order_on,
        "expected_on": draft.expected_on,
        "mode": route.mode if route else draft.mode or None,
        "currency": terms.currency,
        "goods_value": round(totals["goods"], 4),
        "freight_value": round(totals["freight"], 4) if complete["freight"] else None,
        "duty_value": round(totals["duty"], 4) if complete["duty"] else None,
        "other_value": round(totals["other"], 4),
        "landed_value": round(math.fsum(totals.values()), 4),
    }
    return Priced(
        order=order,
        lines=lines,
        raised=raised,
        quantities=quantities,
        shared_by=shared_by,
        unknown=sorted(set(unknown)),
    )


def _unit_price(draft: Draft, item: str, quantity: int, terms: Terms) -> float | None:
    """Return the average price a unit at the order's quantity of an item."""
    listed = terms.price_list(draft.supplier, item)
    return None if listed is None else listed.price_at(quantity)


def _measure(buy: Buy, price: float | None, terms: Terms) -> Line:
    """Return value, weight and cube of a line."""
    item = terms.items.get(buy.item, {})
    weight, volume = unit_weight_kg(item), unit_volume_m3(item)
    return Line(
        value=buy.quantity * (price or 0.0),
        weight_kg=None if weight is None else weight * buy.quantity,
        volume_m3=None if volume is None else volume * buy.quantity,
    )


def _line_costs(
    buy: Buy, measure: Line, share: float, draft: Draft, route: Route | None, terms: Terms
) -> dict[str, float | None]:
    """Return goods, freight and duty of a line, rounded to the cent; None is unknown."""
    freight: float | None = None
    if route is not None:
        carried = route.variable_unit_cost(
            weight_kg=None if measure.weight_kg is None else measure.weight_kg / buy.quantity,
            volume_m3=None if measure.volume_m3 is None else measure.volume_m3 / buy.quantity,
        )
        freight = None if carried is None else round(carried * buy.quantity, 2) + share
    duty_share = terms.duties.share(
        terms.items.get(buy.item, {}).get("hs_code"),
        origin=terms.countries.get(draft.supplier),
        destination=terms.countries.get(draft.destination),
        on=draft.expected_on,
    )
    return {
        "goods": round(measure.value, 2),
        "freight": freight,
        "duty": None if duty_share is None else round(duty_share * measure.value, 2),
    }
