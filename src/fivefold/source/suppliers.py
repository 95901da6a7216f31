"""Which ways there are to buy an item for a place, what each costs landed, and their order.

Knows offers, routes, duties and risk. Never decides when or how much to buy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from statistics import NormalDist

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.demand_rates import Rate, daily_rates
from fivefold.source.landed_cost import (
    DAYS_PER_YEAR,
    DutyTable,
    defect_unit_cost,
    duty_table,
    financing_unit_cost,
    unit_volume_m3,
    unit_weight_kg,
)
from fivefold.source.price_breaks import price_lists
from fivefold.source.routes import Route, supplier_routes

STANDARD_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How options are valued.

    Parameters
    ----------
    review_days : int
        A usual order covers the demand of so many days.
    rate_days : int
        Days of forecast the daily rate is taken over.
    cost_of_capital_share_per_year : float
        Used where the setting of that name is absent.
    recovery_days : int
        Days to have another source running after a supplier is lost.
    late_days_when_late : float
        Days late of an order that is late, for suppliers of which only the share of
        on-time orders is known.
    load_m3 : dict of str to float
        Usable cube of one shipment by mode; a fixed cost is paid for each started one.
    """

    review_days: int = 28
    rate_days: int = 91
    cost_of_capital_share_per_year: float = 0.12
    recovery_days: int = 60
    late_days_when_late: float = 7.0
    load_m3: Mapping[str, float] = field(default_factory=lambda: {"fcl": 67.0, "ftl": 80.0})

    def __post_init__(self) -> None:
        for name in ("review_days", "rate_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in ("cost_of_capital_share_per_year", "recovery_days", "late_days_when_late"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if any(cube <= 0 for cube in self.load_m3.values()):
            raise ValueError(f"load_m3 must be above 0, found {dict(self.load_m3)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to buy an item for a place. Money a unit, main currency unit; None is unknown."""

    item: str
    destination: str
    supplier: str
    route: Route
    priority: int
    quantity: int
    minimum_quantity: int
    order_multiple: int
    capacity_units_per_week: float | None
    unit_price: float
    weight_kg: float | None
    volume_m3: float | None
    lead_days_mean: float
    lead_days_sd: float
    rate: Rate | None
    margin: float | None
    carriage: float | None
    shipment: float
    duty: float | None
    financing: float
    late_risk: float | None = None
    defect_risk: float = 0.0
    loss_risk: float | None = None

    @property
    def landed(self) -> float:
        """All parts that are known, added up."""
        known = (self.unit_price, self.carriage, self.shipment, self.duty, self.financing)
        return math.fsum(part for part in known if part is not None)

    @property
    def risk(self) -> float:
        """Risk a unit, the parts that are known."""
        parts = (self.late_risk, self.defect_risk, self.loss_risk)
        return math.fsum(part for part in parts if part is not None)

    @property
    def unknown_parts(self) -> list[str]:
        """Names of the parts that are not known."""
        parts = {"freight": self.carriage, "duty": self.duty, "risk": self.late_risk}
        return [name for name, value in parts.items() if value is None]

    @property
    def order_key(self) -> tuple[float, int, str, str]:
        """What options are ranked by: known cost with risk, then priority and name."""
        return (round(self.landed + self.risk, 6), self.priority, self.supplier, self.route.mode)


def rank_options(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return every way to buy each item at each place, landed, with risk, ranked.

    For each offer in force and each route from its supplier: price at the usual quantity
    (demand of `review_days`, raised to minimum and multiple), carriage, its share of the
    fixed cost of a shipment, duty, money bound in deposits. Risk is the cost of the
    uncertainty of demand over the lead time, of defects, and of losing the supplier.

    Parameters
    ----------
    dataset : Dataset
        Reads suppliers, supplier_offers, price_breaks, duties, lanes, items, locations,
        forecast_means, bills_of_material, operations, settings.
    params : Params, optional
    as_of : date
        Offers, lanes and duties must be in force; duty is that of the day of arrival.

    Returns
    -------
    Outcome
        Table `sourcing_options`; explanations with subject ``source:ITEM@DESTINATION``.
        What is not known is left out of the cost, named in `unknown_parts` and told.
        Objective is None: nothing is bought here.
    """
    params = params or Params()
    capital = dataset.setting_number(
        "cost_of_capital_share_per_year", params.cost_of_capital_share_per_year
    )
    params = replace(params, cost_of_capital_share_per_year=capital)
    world = _World(dataset, params, as_of)
    options = [option for pair in world.offers() for option in world.options(pair)]
    options = _with_shipment_shares(options)
    groups: dict[tuple[str, str], list[Option]] = {}
    for option in options:
        groups.setdefault((option.item, option.destination), []).append(option)
    reasons: list[Reason] = []
    rows: list[dict[str, object]] = []
    for key in sorted(groups):
        ranked = sorted(
            (_with_risk(option, groups[key], params) for option in groups[key]),
            key=lambda option: option.order_key,
        )
        rows.extend(_row(option, rank) for rank, option in enumerate(ranked, start=1))
        reasons.extend(_reasons(ranked, params))
    reasons.extend(world.left_out)
    return Outcome(
        tables={"sourcing_options": schema("sourcing_options").frame(rows)},
        status="feasible",
        explanations=explanations_frame(reasons),
        notes={"options": len(rows), "left_out": len(world.left_out)},
    )


class _World:
    """Look-ups made once for one ranking."""

    def __init__(self, dataset: Dataset, params: Params, as_of: date) -> None:
        self.params, self.as_of = params, as_of
        self.left_out: list[Reason] = []
        self.table = dataset["supplier_offers"].sort("item", "supplier")
        self.suppliers = {
            row["supplier"]: row for row in dataset["suppliers"].iter_rows(named=True)
        }
        self.items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
        self.places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
        self.exchange = exchange_rates(dataset)
        self.prices = price_lists(
            self.table, dataset["price_breaks"], exchange_rates=self.exchange.known
        )
        self.routes = supplier_routes(dataset, as_of=as_of, load_m3=params.load_m3)
        self.rates = daily_rates(dataset, days=params.rate_days)
        self.duties: DutyTable = duty_table(dataset["duties"])
        self.selling = selling_prices(dataset)

    def offers(self) -> Iterator[dict[str, object]]:
        """Yield offers that can be used; others are told."""
        for offer in self.table.iter_rows(named=True):
            supplier, item = offer["supplier"], offer["item"]
            subject = f"source:{item}@{supplier}"
            starts, ends = offer["valid_from"], offer["valid_to"]
            if (starts and starts > self.as_of) or (ends and ends < self.as_of):
                text = f"The offer of {supplier} for {item} holds from {starts} to {ends}."
                self._leave_out(subject, "eligibility", supplier, text)
            elif supplier in self.exchange.missing:
                currency = self.exchange.missing[supplier]
                text = (
                    f"{supplier} asks for {currency} and no exchange rate is known; add the "
                    f"setting exchange_rate_{currency} to compare its offer for {item}."
                )
                self._leave_out(subject, "unknown_figure", supplier, text)
            elif not self.routes.get(supplier):
                text = f"No lane leads from {supplier} to a place that needs {item}."
                self._leave_out(subject, "eligibility", supplier, text)
            else:
                yield offer

    def _leave_out(self, subject: str, code: str, reference: str, text: str) -> None:
        self.left_out.append(
            Reason(subject=subject, reason_code=code, reference=reference, text=text)
        )

    def options(self, offer: Mapping[str, object]) -> Iterator[Option]:
        """Yield one option for each route of an offer."""
        for route in self.routes[str(offer["supplier"])]:
            yield self._option(offer, route)

    def _option(self, offer: Mapping[str, object], route: Route) -> Option:
        """Return an option without its share of a shipment's fixed cost and without risk."""
        supplier, item = str(offer["supplier"]), str(offer["item"])
        terms = self.suppliers.get(supplier, {})
        product = self.items.get(item, {})
        place = self.places.get(route.destination, {})
        rate = self.rates.get((item, route.destination))
        minimum, multiple = _integer(offer, "minimum_quantity"), _integer(offer, "order_multiple")
        quantity = usual_quantity(
            units_per_day=rate.units_per_day if rate else 0.0,
            review_days=self.params.review_days,
            minimum_quantity=minimum,
            order_multiple=multiple,
        )
        price = self.prices[supplier, item].price_at(quantity)
        lead = (
            _number(offer, "lead_time_days_mean")
            + route.transit_days_mean
            + _number(place, "processing_time_days")
        )
        weight, volume = unit_weight_kg(product), unit_volume_m3(product)
        duty_share = self.duties.share(
            _text(product, "hs_code"),
            origin=_text(self.places.get(supplier, {}), "country"),
            destination=_text(place, "country"),
            on=self.as_of + timedelta(days=math.ceil(lead)),
        )
        selling_price = self.selling.get(item)
        capacity = offer.get("capacity_units_per_week")
        return Option(
            item=item,
            destination=route.destination,
            supplier=supplier,
            route=route,
            priority=_integer(offer, "priority"),
            quantity=quantity,
            minimum_quantity=minimum,
            order_multiple=multiple,
            capacity_units_per_week=None if capacity is None else float(str(capacity)),
            unit_price=price,
            weight_kg=weight,
            volume_m3=volume,
            lead_days_mean=lead,
            lead_days_sd=self._lead_sd(offer, route, terms),
            rate=rate,
            margin=None if selling_price is None else max(0.0, selling_price - price),
            carriage=route.variable_unit_cost(weight_kg=weight, volume_m3=volume),
            shipment=0.0,
            duty=None if duty_share is None else duty_share * price,
            financing=financing_unit_cost(
                unit_price=price,
                deposit_share=_number(terms, "deposit_share"),
                lead_time_days=lead,
                payment_days=_number(terms, "payment_days"),
                cost_of_capital_share_per_year=self.params.cost_of_capital_share_per_year,
            ),
            defect_risk=_number(terms, "defect_share"),
            loss_risk=_number(terms, "failure_probability_per_year"),
        )

    def _lead_sd(
        self, offer: Mapping[str, object], route: Route, terms: Mapping[str, object]
    ) -> float:
        """Return the standard deviation of the lead time.

        Where an offer states none but the supplier's on-time share s is known, being late
        by m days with chance 1 − s has standard deviation m √(s (1 − s)).
        """
        offered = _number(offer, "lead_time_days_sd")
        on_time = terms.get("on_time_share")
        if offered == 0 and on_time is not None:
            share = float(str(on_time))
            offered = self.params.late_days_when_late * math.sqrt(share * (1 - share))
        return math.hypot(offered, route.transit_days_sd)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRates:
    """Main currency per unit of a supplier's currency, and currencies without a rate."""

    known: dict[str, float]
    missing: dict[str, str]


def exchange_rates(dataset: Dataset) -> ExchangeRates:
    """Return exchange rates by supplier from the settings `exchange_rate_<CURRENCY>`."""
    main = dataset.setting("currency", "USD")
    known: dict[str, float] = {}
    missing: dict[str, str] = {}
    for supplier, currency in dataset["suppliers"].select("supplier", "currency").iter_rows():
        if currency in (None, "", main):
            continue
        if dataset.setting(f"exchange_rate_{currency}") is None:
            missing[supplier] = currency
        else:
            known[supplier] = dataset.setting_number(f"exchange_rate_{currency}", 1.0)
    return ExchangeRates(known=known, missing=missing)


def selling_prices(dataset: Dataset) -> dict[str, float]:
    """Return the price each item brings: the mean of its active offers, else its list price."""
    prices = {
        item: price
        for item, price in dataset["items"].select("item", "price").iter_rows()
        if price is not None
    }
    offered = (
        dataset["offers"]
        .filter(pl.col("price").is_not_null() & pl.col("active"))
        .group_by("item")
        .agg(pl.col("price").mean())
    )
    prices.update(offered.select("item", "price").iter_rows())
    return prices


def usual_quantity(
    *, units_per_day: float, review_days: int, minimum_quantity: int, order_multiple: int
) -> int:
    """Return the demand of a review period, raised to the minimum and to the multiple.

    >>> usual_quantity(
    ...     units_per_day=3.2, review_days=28, minimum_quantity=50, order_multiple=12
    ... )
    96
    """
    wanted = max(units_per_day * review_days, minimum_quantity, 1)
    return math.ceil(wanted / order_multiple - 1e-9) * order_multiple


def _with_shipment_shares(options: list[Option]) -> list[Option]:
    """Return options with their share of the fixed cost of a shipment.

    What travels together is what would be bought from this supplier: the items for which
    it is the cheapest before fixed costs. An option pays for its cube (else its value) in
    a shipment of those items and itself.
    """
    winners: dict[tuple[str, str], Option] = {}
    for option in options:
        key = (option.item, option.destination)
        if option.rate and (key not in winners or option.order_key < winners[key].order_key):
            winners[key] = option
    together: dict[tuple[str, str, str], list[Option]] = {}
    for option in winners.values():
        together.setdefault(_shipment(option), []).append(option)
    return [
        replace(option, shipment=_shipment_share(option, together.get(_shipment(option), [])))
        if option.route.cost_per_shipment > 0
        else option
        for option in options
    ]


def _shipment(option: Option) -> tuple[str, str, str]:
    return (option.supplier, option.destination, option.route.mode)


def _shipment_share(option: Option, winners: list[Option]) -> float:
    """Return the fixed cost of carriage of one unit."""
    fellows = [other for other in winners if other.item != option.item]
    everyone = [*fellows, option]
    volumes = [other.volume_m3 * other.quantity for other in everyone if other.volume_m3]
    if len(volumes) == len(everyone):
        share, cube = volumes[-1] / math.fsum(volumes), math.fsum(volumes)
        cost = option.route.shipment_cost(cube)
    else:
        values = [other.unit_price * other.quantity for other in everyone]
        total = math.fsum(values)
        share = values[-1] / total if total > 0 else 1 / len(values)
        cost = option.route.shipment_cost(None)
    return cost * share / option.quantity


def _with_risk(option: Option, rivals: list[Option], params: Params) -> Option:
    """Return an option with its three risks a unit.

    Notes
    -----
    Lateness: the best mix of buffer and lost sales against the spread of demand over the
    lead time costs (p + h) φ(z) σ a cycle, Φ(z) = p / (p + h) (Snyder & Shen 2019,
    eq. 4.32 at the optimum), with p the margin, h a cycle's holding and
    σ² = L σ_d² + d² σ_L² (eq. 4.52); divided by the units of a cycle.

    Loss of the supplier: chance a year × the days without goods / 365 × the margin of a
    unit. Without goods until recovery, or until the quickest other supplier delivers.
    """
    others = [rival.lead_days_mean for rival in rivals if rival.supplier != option.supplier]
    dry_days = min([float(params.recovery_days), *others])
    chance = option.loss_risk or 0.0
    loss = None if option.margin is None else chance * dry_days / DAYS_PER_YEAR * option.margin
    defects = defect_unit_cost(
        landed_unit_cost=option.landed, defect_share=min(option.defect_risk, 0.99)
    )
    return replace(
        option,
        late_risk=_late_risk(option, params),
        defect_risk=defects,
        loss_risk=loss if chance else 0.0,
    )


def _late_risk(option: Option, params: Params) -> float | None:
    """Return the cost a unit of uncertain demand over an uncertain lead time."""
    if option.rate is None or option.rate.units_per_day <= 0:
        return 0.0
    if option.margin is None:
        return None
    sd = math.sqrt(
        option.lead_days_mean * option.rate.variance_per_day
        + (option.rate.units_per_day * option.lead_days_sd) ** 2
    )
    cycle_days = option.quantity / option.rate.units_per_day
    held = option.landed * params.cost_of_capital_share_per_year * cycle_days / DAYS_PER_YEAR
    if sd == 0 or option.margin == 0 or held <= 0:
        return 0.0
    z = STANDARD_NORMAL.inv_cdf(option.margin / (option.margin + held))
    return (option.margin + held) * STANDARD_NORMAL.pdf(z) * sd / option.quantity


def _row(option: Option, rank: int) -> dict[str, object]:
    """Return an option as a row of the table."""
    freight = None if option.carriage is None else option.carriage + option.shipment
    return {
        "item": option.item,
        "supplier": option.supplier,
        "destination": option.destination,
        "mode": option.route.mode,
        "unit_price": option.unit_price,
        "usual_quantity": option.quantity,
        "landed_unit_cost": option.landed,
        "minimum_quantity": option.minimum_quantity,
        "order_multiple": option.order_multiple,
        "lead_time_days_mean": option.lead_days_mean,
        "lead_time_days_sd": option.lead_days_sd,
        "capacity_units_per_week": option.capacity_units_per_week,
        "risk_cost_per_unit": option.risk,
        "rank": rank,
        "freight_unit_cost": freight,
        "duty_unit_cost": option.duty,
        "financing_unit_cost": option.financing,
        "via": option.route.via,
        "unknown_parts": ", ".join(option.unknown_parts),
    }


def _reasons(ranked: list[Option], params: Params) -> Iterator[Reason]:
    """Yield why the first option is first, what is next, and what is not known."""
    best = ranked[0]
    subject = f"source:{best.item}@{best.destination}"
    name = f"{best.supplier} by {best.route.mode}"
    total = best.landed + best.risk
    yield Reason(
        subject=subject,
        reason_code="unit_cost",
        reference=best.supplier,
        quantity=float(best.quantity),
        price=best.landed,
        text=(
            f"{name} lands at {best.landed:.4f} a unit for {best.quantity} units: price "
            f"{best.unit_price:.4f}, carriage {(best.carriage or 0) + best.shipment:.4f}, duty "
            f"{best.duty or 0:.4f}, money bound {best.financing:.4f}; risk adds {best.risk:.4f}."
        ),
    )
    if len(ranked) > 1:
        second = ranked[1]
        extra = second.landed + second.risk - total
        yield Reason(
            subject=subject,
            reason_code="next_best",
            reference=second.supplier,
            quantity=float(second.quantity),
            price=extra,
            text=(
                f"Next best is {second.supplier} by {second.route.mode}, {extra:.4f} a unit "
                f"dearer with risk ({second.landed:.4f} landed, {second.lead_days_mean:.0f} days)."
            ),
        )
    else:
        yield Reason(
            subject=subject,
            reason_code="next_best",
            text=f"There is no other way to buy {best.item} for {best.destination}.",
        )
    yield Reason(
        subject=subject,
        reason_code="lead_time",
        reference=best.supplier,
        quantity=best.lead_days_mean,
        text=(
            f"From order to available {best.lead_days_mean:.1f} days, standard deviation "
            f"{best.lead_days_sd:.1f}{', through ' + best.route.via if best.route.via else ''}."
        ),
    )
    if best.rate is None:
        text = f"No forecast reaches {best.destination}; the quantity is the smallest order."
        yield Reason(subject=subject, reason_code="unknown_figure", reference="demand", text=text)
    elif best.quantity > best.rate.units_per_day * params.review_days + best.order_multiple:
        wanted = best.rate.units_per_day * params.review_days
        yield Reason(
            subject=subject,
            reason_code="lot_rule",
            reference="minimum_quantity",
            quantity=float(best.minimum_quantity),
            text=(
                f"{params.review_days} days need {wanted:.0f} units; the minimum of "
                f"{best.minimum_quantity} makes it {best.quantity}."
            ),
        )
    for option in ranked:
        for part in option.unknown_parts:
            yield _unknown(subject, option, part)


def _unknown(subject: str, option: Option, part: str) -> Reason:
    """Return what is not known about an option and what it may hide."""
    why = {
        "duty": "its tariff code, the countries or a rate in the table duties are missing; "
        f"each percent of duty would add {option.unit_price / 100:.4f} a unit",
        "freight": "the item's weight or dimensions are missing and the lane charges by them",
        "risk": "the item has no selling price, so a lost sale has no value",
    }[part]
    return Reason(
        subject=subject,
        reason_code="unknown_figure",
        reference=f"{option.supplier}:{part}",
        text=(
            f"{part.capitalize()} of {option.supplier} by {option.route.mode} is not known: {why}."
        ),
    )


def _number(row: Mapping[str, object], name: str) -> float:
    """Return a number of a row, 0 where the cell is empty."""
    value = row.get(name)
    return 0.0 if value is None else float(str(value))


def _integer(row: Mapping[str, object], name: str) -> int:
    """Return a whole number of a row that is at least 1."""
    return max(1, int(_number(row, name)))


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value)
