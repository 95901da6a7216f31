"""Purchase orders that carry out the buys of a plan.

Knows suppliers' terms. Never changes what the plan needs, only how it is ordered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.demand_rates import daily_rates
from fivefold.source.landed_cost import (
    DAYS_PER_YEAR,
    Line,
    allocate,
    allocation_weights,
    duty_table,
    unit_volume_m3,
    unit_weight_kg,
)
from fivefold.source.price_breaks import PriceList, price_lists
from fivefold.source.routes import Route, supplier_routes
from fivefold.source.suppliers import exchange_rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How buys become orders.

    Parameters
    ----------
    consolidate_days : int
        Buys whose order days lie this close may share one order, placed on the first of
        these days, where every line still arrives by its due day.
    top_up_days : int
        To reach a supplier's minimum order value, buys planned up to so many days later
        may be ordered now.
    horizon_days : int or None
        Only buys to be ordered within so many days become orders; None takes all.
    cost_of_capital_share_per_year : float
        Used where the setting of that name is absent; prices what is bought ahead.
    storage_share_per_year : float
        Further cost of holding a unit for a year, as a share of its cost.
    load_m3 : dict of str to float
        Usable cube of one shipment by mode.
    """

    consolidate_days: int = 3
    top_up_days: int = 28
    horizon_days: int | None = None
    cost_of_capital_share_per_year: float = 0.12
    storage_share_per_year: float = 0.08
    load_m3: Mapping[str, float] = field(default_factory=lambda: {"fcl": 67.0, "ftl": 80.0})

    def __post_init__(self) -> None:
        for name in ("consolidate_days", "top_up_days", "horizon_days"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, found {value}")
        for name in ("cost_of_capital_share_per_year", "storage_share_per_year"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy:
    """One buy of the plan: ordered no later than `order_on`, wanted on `due_on`."""

    decision: str
    item: str
    quantity: int
    order_on: date
    due_on: date

    @property
    def lead_days(self) -> int:
        """Days from order to available, as planned."""
        return (self.due_on - self.order_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Buys that share one order."""

    supplier: str
    destination: str
    mode: str
    order_on: date
    buys: tuple[Buy, ...]
    pulled: tuple[Buy, ...] = ()

    @property
    def all_buys(self) -> tuple[Buy, ...]:
        """Lines of the order, those ordered ahead last."""
        return self.buys + self.pulled

    @property
    def expected_on(self) -> date:
        """Day on which the slowest line arrives."""
        return self.order_on + timedelta(days=max(buy.lead_days for buy in self.all_buys))

    def fits(self, buy: Buy, *, within_days: int) -> bool:
        """Tell whether a buy can join with every line still arriving by its due day."""
        if abs((buy.order_on - self.order_on).days) > within_days:
            return False
        together = replace(self, buys=(*self.buys, buy))
        expected = together.expected_on
        return all(expected <= line.due_on for line in together.all_buys)


def propose_orders(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return purchase orders that carry out the buys of the supply plan.

    Buys of one supplier, destination and mode are joined where their order days are near
    and no line comes later for it. Quantities of an item in one order are raised to the
    minimum and multiple of its offer. Orders below the supplier's minimum value take in
    later buys, where there are any within `top_up_days`. Shipment costs are shared by
    cube (else weight, else value) to the cent.

    Parameters
    ----------
    dataset : Dataset
        Reads supply_plan (kind buy, status proposed or approved), suppliers,
        supplier_offers, price_breaks, lanes, duties, items, locations, sourcing_options,
        forecast_means, explanations, settings.
    params : Params, optional
    as_of : date
        No order is dated before it.

    Returns
    -------
    Outcome
        Tables `purchase_orders` and `purchase_order_lines`; objective is their landed
        value. Explanations have the order number as subject. Figures not known are left
        empty and told.
    """
    params = params or Params()
    terms = _Terms(dataset, params)
    drafts = [
        draft
        for group in _groups(dataset["supply_plan"], params, as_of)
        for draft in _drafts(*group, terms=terms, params=params)
    ]
    names = _names(drafts)
    orders: list[dict[str, object]] = []
    lines: list[dict[str, object]] = []
    reasons: list[Reason] = []
    for name, draft in sorted(zip(names, drafts, strict=True), key=lambda pair: pair[0]):
        priced = _price(name, draft, terms)
        orders.append(priced.order)
        lines.extend(priced.lines)
        reasons.extend(_reasons(name, draft, priced, terms, params))
    table = schema("purchase_orders").frame(orders)
    return Outcome(
        tables={
            "purchase_orders": table,
            "purchase_order_lines": schema("purchase_order_lines").frame(lines),
        },
        status="feasible",
        objective=float(table["landed_value"].fill_null(0.0).sum()),
        explanations=explanations_frame(reasons),
        notes={"buys": sum(len(draft.all_buys) for draft in drafts), "orders": len(drafts)},
    )


class _Terms:
    """Look-ups made once for one run."""

    def __init__(self, dataset: Dataset, params: Params) -> None:
        self.dataset, self.params = dataset, params
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
        self.rates = daily_rates(dataset, days=91)
        self.capital = dataset.setting_number(
            "cost_of_capital_share_per_year", params.cost_of_capital_share_per_year
        )
        self._routes: dict[date, dict[str, list[Route]]] = {}
        self.options: dict[tuple[str, str], list[dict[str, object]]] = {}
        for row in dataset["sourcing_options"].sort("rank").iter_rows(named=True):
            self.options.setdefault((row["item"], row["destination"]), []).append(row)
        self.demand: dict[str, list[str]] = {}
        served = dataset["explanations"].filter(pl.col("reason_code") == "demand_served")
        for subject, text in served.sort("subject", "sequence").select("subject", "text").rows():
            self.demand.setdefault(subject, []).append(text)

    def route(self, draft: Draft) -> Route | None:
        """Return the route of an order: its mode, else the first there is."""
        if draft.order_on not in self._routes:
            self._routes[draft.order_on] = supplier_routes(
                self.dataset, as_of=draft.order_on, load_m3=self.params.load_m3
            )
        ways = [
            route
            for route in self._routes[draft.order_on].get(draft.supplier, [])
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
        for item, quantity in _quantities(draft.all_buys).items():
            listed = self.price_list(draft.supplier, item)
            if listed:
                value += listed.total(self.legal_quantity(draft.supplier, item, quantity))
        return value

    def minimum_value(self, supplier: str) -> float:
        """Return the supplier's smallest order in main currency."""
        terms = self.suppliers.get(supplier, {})
        rate = self.exchange.known.get(supplier, 1.0)
        return float(terms.get("minimum_order_value") or 0.0) * rate


def _groups(
    plan: pl.DataFrame, params: Params, as_of: date
) -> Iterator[tuple[str, str, str, list[Buy]]]:
    """Yield buys of each supplier, destination and mode in order of their order day."""
    wanted = plan.filter(
        (pl.col("kind") == "buy")
        & pl.col("status").is_in(["proposed", "approved"])
        & pl.col("source").is_not_null()
    ).with_columns(pl.col("mode").fill_null(""))
    if params.horizon_days is not None:
        last = as_of + timedelta(days=params.horizon_days)
        wanted = wanted.filter(pl.col("start_on") <= last)
    ordered = wanted.sort("source", "destination", "mode", "start_on", "due_on", "decision")
    for key, part in ordered.group_by("source", "destination", "mode", maintain_order=True):
        buys = [
            Buy(
                decision=row["decision"],
                item=row["item"],
                quantity=row["quantity"],
                order_on=max(as_of, row["start_on"]),
                due_on=max(row["due_on"], max(as_of, row["start_on"])),
            )
            for row in part.iter_rows(named=True)
        ]
        yield str(key[0]), str(key[1]), str(key[2]), buys


def _drafts(
    supplier: str,
    destination: str,
    mode: str,
    buys: list[Buy],
    *,
    terms: _Terms,
    params: Params,
) -> list[Draft]:
    """Return buys joined into orders, each raised to the minimum value where later buys allow."""
    drafts: list[Draft] = []
    for buy in buys:
        near = (
            number
            for number, draft in enumerate(drafts)
            if draft.fits(buy, within_days=params.consolidate_days)
        )
        found = next(near, None)
        if found is None:
            drafts.append(
                Draft(
                    supplier=supplier,
                    destination=destination,
                    mode=mode,
                    order_on=buy.order_on,
                    buys=(buy,),
                )
            )
        else:
            drafts[found] = replace(drafts[found], buys=(*drafts[found].buys, buy))
    minimum = terms.minimum_value(supplier)
    return _topped_up(drafts, minimum, terms, params) if minimum > 0 else drafts


def _topped_up(drafts: list[Draft], minimum: float, terms: _Terms, params: Params) -> list[Draft]:
    """Return drafts in which those below the minimum value have taken in later buys."""
    waiting = list(drafts)
    done: list[Draft] = []
    while waiting:
        draft = waiting.pop(0)
        while terms.goods_value(draft) < minimum:
            position = _next_need(draft, waiting, params.top_up_days)
            if position is None:
                break
            donor = waiting[position]
            taken = donor.buys[0]
            draft = replace(draft, pulled=(*draft.pulled, taken))
            rest = donor.buys[1:]
            if rest:
                waiting[position] = replace(
                    donor, buys=rest, order_on=min(buy.order_on for buy in rest)
                )
            else:
                waiting.pop(position)
        done.append(draft)
    return done


def _next_need(draft: Draft, waiting: list[Draft], top_up_days: int) -> int | None:
    """Return the later draft whose first buy can be ordered now without delaying a line."""
    latest = draft.order_on + timedelta(days=top_up_days)
    for position, other in enumerate(waiting):
        buy = other.buys[0]
        together = replace(draft, pulled=(*draft.pulled, buy))
        in_time = all(together.expected_on <= line.due_on for line in together.all_buys)
        if draft.order_on <= buy.order_on <= latest and in_time:
            return position
    return None


def _names(drafts: Iterable[Draft]) -> list[str]:
    """Return a number for each order, made of what it is.

    Two orders of one supplier, destination, day and mode exist only where their arrival
    days differ; the later ones then carry theirs.
    """
    names: list[str] = []
    for draft in drafts:
        parts = ["PO", draft.supplier, draft.destination, f"{draft.order_on:%Y%m%d}"]
        name = "-".join([*parts, draft.mode] if draft.mode else parts)
        if name in names:
            name += f"-{draft.expected_on:%Y%m%d}"
        if name in names:
            name += f"-{draft.all_buys[0].decision}"
        names.append(name)
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Priced:
    """An order with its rows, and what was found while pricing it."""

    order: dict[str, object]
    lines: list[dict[str, object]]
    raised: dict[str, tuple[int, int]]
    quantities: dict[str, int]
    shared_by: str
    unknown: list[tuple[str, str]]


def _quantities(buys: Iterable[Buy]) -> dict[str, int]:
    """Return units wanted of each item."""
    wanted: dict[str, int] = {}
    for buy in buys:
        wanted[buy.item] = wanted.get(buy.item, 0) + buy.quantity
    return wanted


def _legal_lines(draft: Draft, terms: _Terms) -> tuple[list[Buy], dict[str, tuple[int, int]]]:
    """Return the lines with lot rules kept over the order, and what was raised from and to."""
    wanted = _quantities(draft.all_buys)
    raised: dict[str, tuple[int, int]] = {}
    for item, quantity in wanted.items():
        legal = terms.legal_quantity(draft.supplier, item, quantity)
        if legal != quantity:
            raised[item] = (quantity, legal)
    lines = list(draft.all_buys)
    for item, (before, after) in raised.items():
        last = max(number for number, buy in enumerate(lines) if buy.item == item)
        lines[last] = replace(lines[last], quantity=lines[last].quantity + after - before)
    return lines, raised


def _price(name: str, draft: Draft, terms: _Terms) -> _Priced:
    """Return the rows of an order, its costs spread over its lines to the cent."""
    buys, raised = _legal_lines(draft, terms)
    quantities = _quantities(buys)
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
    totals = {"goods": 0.0, "freight": 0.0, "duty": 0.0}
    complete = {"goods": True, "freight": route is not None, "duty": True}
    for number, (buy, measure, share) in enumerate(zip(buys, measures, shares, strict=True), 1):
        costs = _line_costs(buy, measure, share, draft, route, terms)
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
        "landed_value": round(math.fsum(totals.values()), 4),
    }
    return _Priced(
        order=order,
        lines=lines,
        raised=raised,
        quantities=quantities,
        shared_by=shared_by,
        unknown=sorted(set(unknown)),
    )


def _unit_price(draft: Draft, item: str, quantity: int, terms: _Terms) -> float | None:
    """Return the average price a unit at the order's quantity of an item."""
    listed = terms.price_list(draft.supplier, item)
    return None if listed is None else listed.price_at(quantity)


def _measure(buy: Buy, price: float | None, terms: _Terms) -> Line:
    """Return value, weight and cube of a line."""
    item = terms.items.get(buy.item, {})
    weight, volume = unit_weight_kg(item), unit_volume_m3(item)
    return Line(
        value=buy.quantity * (price or 0.0),
        weight_kg=None if weight is None else weight * buy.quantity,
        volume_m3=None if volume is None else volume * buy.quantity,
    )


def _line_costs(
    buy: Buy, measure: Line, share: float, draft: Draft, route: Route | None, terms: _Terms
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


def _reasons(
    name: str, draft: Draft, priced: _Priced, terms: _Terms, params: Params
) -> Iterator[Reason]:
    """Yield why an order is as it is."""
    for buy in draft.all_buys:
        served = terms.demand.get(buy.decision)
        ahead = f", ordered {(buy.order_on - draft.order_on).days} days ahead of its own day"
        yield Reason(
            subject=name,
            reason_code="demand_served",
            reference=buy.decision,
            quantity=float(buy.quantity),
            text=(
                f"{buy.quantity} {buy.item} due {buy.due_on}"
                f"{ahead if buy.order_on > draft.order_on else ''}"
                f"{': ' + ' '.join(served) if served else '.'}"
            ),
        )
    lead = (draft.expected_on - draft.order_on).days
    yield Reason(
        subject=name,
        reason_code="lead_time",
        reference=draft.supplier,
        quantity=float(lead),
        text=f"Ordered {draft.order_on}, the slowest line needs {lead} days: {draft.expected_on}.",
    )
    for item, (before, after) in sorted(priced.raised.items()):
        yield Reason(
            subject=name,
            reason_code="lot_rule",
            reference=item,
            quantity=float(after - before),
            text=f"{item}: {before} wanted, {after} ordered to keep minimum and multiple.",
        )
    yield from _minimum_value_reasons(name, draft, priced, terms)
    for item, quantity in sorted(priced.quantities.items()):
        yield from _break_reasons(name, draft, item, quantity, terms, params)
        yield from _next_best(name, draft, item, terms)
    yield _cost_reason(name, priced)
    for item, part in priced.unknown:
        yield Reason(
            subject=name,
            reason_code="unknown_figure",
            reference=f"{item}:{part}",
            text=f"The {part} of {item} is not known and not in the landed value.",
        )


def _minimum_value_reasons(
    name: str, draft: Draft, priced: _Priced, terms: _Terms
) -> Iterator[Reason]:
    """Yield what the supplier's minimum order value did."""
    minimum = terms.minimum_value(draft.supplier)
    goods = float(str(priced.order["goods_value"]))
    if draft.pulled:
        yield Reason(
            subject=name,
            reason_code="constraint_bound",
            reference=f"minimum_order_value:{draft.supplier}",
            quantity=minimum,
            text=(
                f"{draft.supplier} accepts orders from {minimum:,.2f}; {len(draft.pulled)} later "
                f"buys were ordered now to reach {goods:,.2f}."
            ),
        )
    if goods < minimum:
        yield Reason(
            subject=name,
            reason_code="constraint_bound",
            reference=f"minimum_order_value:{draft.supplier}",
            quantity=minimum - goods,
            text=(
                f"The order is {minimum - goods:,.2f} below the {minimum:,.2f} that "
                f"{draft.supplier} accepts and no later buy can be taken in; add goods or ask."
            ),
        )


def _break_reasons(
    name: str, draft: Draft, item: str, quantity: int, terms: _Terms, params: Params
) -> Iterator[Reason]:
    """Yield the price break taken, and whether the next one would be worth its stock."""
    listed = terms.price_list(draft.supplier, item)
    if listed is None or not listed.breaks:
        return
    taken = listed.taken_break(quantity)
    if taken:
        yield Reason(
            subject=name,
            reason_code="lot_rule",
            reference=f"price_break:{item}",
            quantity=float(taken[0]),
            price=taken[1],
            text=f"{item}: {quantity} units reach the price of {taken[1]:.4f} from {taken[0]} on.",
        )
    following = listed.next_break(quantity)
    if following is None:
        return
    target = terms.legal_quantity(draft.supplier, item, following[0])
    saving, held_days = break_gain(
        listed,
        quantity=quantity,
        target=target,
        units_per_day=_rate(terms, item, draft.destination),
        holding_share_per_year=terms.capital + params.storage_share_per_year,
    )
    lower = 1 - listed.price_at(target) / listed.price_at(quantity)
    if saving is None:
        verdict = "without a forecast its stock cannot be weighed"
    else:
        verdict = (
            f"{'worth it' if saving > 0 else 'not worth it'}: {saving:+,.2f} after holding the "
            f"extra units {held_days:.0f} days on average"
        )
    yield Reason(
        subject=name,
        reason_code="next_best",
        reference=f"price_break:{item}",
        quantity=float(target - quantity),
        price=saving,
        text=f"+{target - quantity} units of {item} would lower its price {lower:.1%}: {verdict}.",
    )


def break_gain(
    price_list: PriceList,
    *,
    quantity: int,
    target: int,
    units_per_day: float,
    holding_share_per_year: float,
) -> tuple[float | None, float]:
    """Return what raising an order to a break gains, and days the extra units wait.

    The extra E units would be bought later at the price paid now; bought ahead they wait
    Q/d days for the order to be used and E/(2d) more on average. Gain = E p(Q) + C(Q) −
    C(Q + E) − i p(Q + E) E (Q + E/2) / (365 d). None where nothing is used.

    Examples
    --------
    >>> listed = PriceList(unit_price=10.0, breaks=((120, 9.0),))
    >>> gain, days = break_gain(
    ...     listed, quantity=100, target=120, units_per_day=5, holding_share_per_year=0.2
    ... )
    >>> round(gain, 2), days
    (117.83, 22.0)
    """
    if units_per_day <= 0:
        return None, 0.0
    extra = target - quantity
    waits = (quantity + extra / 2) / units_per_day
    saved = extra * price_list.price_at(quantity) + price_list.total(quantity)
    saved -= price_list.total(target)
    held = holding_share_per_year * price_list.price_at(target) * extra * waits / DAYS_PER_YEAR
    return saved - held, waits


def _rate(terms: _Terms, item: str, destination: str) -> float:
    rate = terms.rates.get((item, destination))
    return rate.units_per_day if rate else 0.0


def _next_best(name: str, draft: Draft, item: str, terms: _Terms) -> Iterator[Reason]:
    """Yield the best other supplier of an item and what it would cost more."""
    options = terms.options.get((item, draft.destination), [])
    mine = [option for option in options if option["supplier"] == draft.supplier]
    own = next((option for option in mine if option["mode"] == draft.mode), None)
    own = own or next(iter(mine), None)
    other = next((option for option in options if option["supplier"] != draft.supplier), None)
    if other is None:
        if options:
            text = f"No other supplier offers {item} for {draft.destination}."
            yield Reason(subject=name, reason_code="next_best", reference=item, text=text)
        return
    cost = _cost_with_risk(other)
    extra = None if own is None else cost - _cost_with_risk(own)
    compared = "" if extra is None else f", {extra:+.4f} a unit against this order's supplier"
    yield Reason(
        subject=name,
        reason_code="next_best",
        reference=f"{item}:{other['supplier']}",
        price=extra,
        text=f"Next best for {item} is {other['supplier']} by {other['mode']}{compared}.",
    )


def _cost_with_risk(option: Mapping[str, object]) -> float:
    return float(str(option["landed_unit_cost"])) + float(str(option["risk_cost_per_unit"] or 0))


def _cost_reason(name: str, priced: _Priced) -> Reason:
    """Return what the order costs and how its shipment was shared."""
    order = priced.order
    parts = [
        f"{label} {'not known' if order[column] is None else f'{order[column]:,.2f}'}"
        for label, column in (
            ("goods", "goods_value"),
            ("freight", "freight_value"),
            ("duty", "duty_value"),
        )
    ]
    return Reason(
        subject=name,
        reason_code="unit_cost",
        reference=priced.shared_by,
        price=float(str(order["landed_value"])),
        text=(
            f"Landed value {order['landed_value']:,.2f}: {', '.join(parts)}; the cost of the "
            f"shipment is shared by {priced.shared_by}."
        ),
    )
