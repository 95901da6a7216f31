"""Which ways there are to buy an item for a place, what each costs landed, and their order.

Knows offers, routes, duties and risk. Never decides when or how much to buy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.demand_rates import daily_rates, places_fed
from fivefold.source.landed_cost import (
    DutyTable,
    duty_table,
    financing_unit_cost,
    unit_volume_m3,
    unit_weight_kg,
)
from fivefold.source.learning import Learnt, learnt_by_item
from fivefold.source.options import Option, option_row, ranking_reasons
from fivefold.source.price_breaks import price_lists
from fivefold.source.risk import with_risk
from fivefold.source.routes import Route, supplier_routes
from fivefold.source.shipment_shares import with_shipment_shares
from fivefold.source.terms import (
    cell_text,
    exchange_rates,
    integer,
    item_values,
    number,
    usual_quantity,
)


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
        forecast_means, bills_of_material, operations, goods_receipts, settings.
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
    ways = valued_options(dataset, params, as_of=as_of)
    reasons: list[Reason] = []
    rows: list[dict[str, object]] = []
    for ranked in ways.ranked.values():
        rows.extend(option_row(option, rank) for rank, option in enumerate(ranked, start=1))
        reasons.extend(ranking_reasons(ranked, review_days=params.review_days))
    reasons.extend(ways.left_out)
    reasons.extend(ways.learnt)
    return Outcome(
        tables={"sourcing_options": schema("sourcing_options").frame(rows)},
        status="feasible",
        explanations=explanations_frame(reasons),
        notes={"options": len(rows), "left_out": len(ways.left_out)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Every way to buy, by item and destination and best first; and what was told on the way."""

    ranked: Mapping[tuple[str, str], list[Option]]
    left_out: list[Reason]
    learnt: list[Reason]


def valued_options(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Ways:
    """Return every way to buy each item for each place with its cost and risk, best first."""
    params = params or Params()
    capital = dataset.setting_number(
        "cost_of_capital_share_per_year", params.cost_of_capital_share_per_year
    )
    params = replace(params, cost_of_capital_share_per_year=capital)
    world = _World(dataset, params, as_of)

    def ranked_groups(found: list[Option]) -> dict[tuple[str, str], list[Option]]:
        groups: dict[tuple[str, str], list[Option]] = {}
        for option in found:
            groups.setdefault((option.item, option.destination), []).append(option)
        return {
            key: sorted(
                (
                    with_risk(
                        option,
                        groups[key],
                        capital_share_per_year=capital,
                        recovery_days=params.recovery_days,
                    )
                    for option in groups[key]
                ),
                key=lambda option: option.order_key,
            )
            for key in sorted(groups)
        }

    options = with_shipment_shares(
        [option for pair in world.offers() for option in world.options(pair)],
        fed=places_fed(dataset),
        onward=world.onward,
        review_days=params.review_days,
        ranked=lambda found: [group[0] for group in ranked_groups(found).values()],
    )
    ranked = ranked_groups(options)
    return Ways(ranked=ranked, left_out=world.left_out, learnt=world.learnt_reasons())


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
        self.values = item_values(dataset)
        self.learnt = learnt_by_item(dataset, as_of=as_of)
        self._told: dict[tuple[str, str], Reason] = {}
        self._onward: dict[tuple[str, str], list[dict[str, object]]] = {}
        for lane in dataset["lanes"].iter_rows(named=True):
            self._onward.setdefault((lane["origin"], lane["destination"]), []).append(lane)

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

    def onward(self, option: Option, place: str) -> float:
        """Return carriage of a unit from an option's place on to another, the cheapest lane."""
        return min(
            (
                number(lane, "cost_per_unit")
                + number(lane, "cost_per_kg") * (option.weight_kg or 0.0)
                + number(lane, "cost_per_m3") * (option.volume_m3 or 0.0)
                for lane in self._onward.get((option.destination, place), [])
            ),
            default=0.0,
        )

    def learnt_reasons(self) -> list[Reason]:
        """Return where receipts moved a lead time, one reason an item and place."""
        return [self._told[key] for key in sorted(self._told)]

    def _tell_learnt(
        self, item: str, place: str, supplier: str, stated: float, found: Learnt
    ) -> None:
        self._told[f"{item}@{place}", supplier] = Reason(
            subject=f"source:{item}@{place}",
            reason_code="lead_time",
            reference=supplier,
            quantity=found.mean,
            text=(
                f"{found.receipts} receipts from {supplier} show {found.mean:.1f} ± "
                f"{found.sd:.1f} days; {stated:.1f} are stated."
            ),
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
        minimum, multiple = integer(offer, "minimum_quantity"), integer(offer, "order_multiple")
        quantity = usual_quantity(
            units_per_day=rate.units_per_day if rate else 0.0,
            review_days=self.params.review_days,
            minimum_quantity=minimum,
            order_multiple=multiple,
        )
        price = self.prices[supplier, item].price_at(quantity)
        stated = number(offer, "lead_time_days_mean") + route.transit_days_mean
        learnt = self.learnt.get((supplier, item))
        lead, lead_sd = stated, self._lead_sd(offer, route, terms)
        if learnt is not None:
            # Nobody is held to be quicker than he states; how much he varies is as it was seen.
            lead, lead_sd = max(stated, learnt.mean), learnt.sd
            self._tell_learnt(item, route.destination, supplier, stated, learnt)
        lead += number(place, "processing_time_days")
        weight, volume = unit_weight_kg(product), unit_volume_m3(product)
        duty_share = self.duties.share(
            cell_text(product, "hs_code"),
            origin=cell_text(self.places.get(supplier, {}), "country"),
            destination=cell_text(place, "country"),
            on=self.as_of + timedelta(days=math.ceil(lead)),
        )
        capacity = offer.get("capacity_units_per_week")
        return Option(
            item=item,
            destination=route.destination,
            supplier=supplier,
            route=route,
            priority=integer(offer, "priority"),
            quantity=quantity,
            minimum_quantity=minimum,
            order_multiple=multiple,
            capacity_units_per_week=None if capacity is None else float(str(capacity)),
            unit_price=price,
            weight_kg=weight,
            volume_m3=volume,
            lead_days_mean=lead,
            lead_days_sd=lead_sd,
            rate=rate,
            margin=self.values.margin(item, price),
            carriage=route.variable_unit_cost(weight_kg=weight, volume_m3=volume),
            shipment=0.0,
            duty=None if duty_share is None else duty_share * price,
            financing=financing_unit_cost(
                unit_price=price,
                deposit_share=number(terms, "deposit_share"),
                lead_time_days=lead,
                payment_days=number(terms, "payment_days"),
                cost_of_capital_share_per_year=self.params.cost_of_capital_share_per_year,
            ),
            defect_share=number(terms, "defect_share"),
            failure_probability=number(terms, "failure_probability_per_year"),
        )

    def _lead_sd(
        self, offer: Mapping[str, object], route: Route, terms: Mapping[str, object]
    ) -> float:
        """Return the standard deviation of the lead time.

        Where an offer states none but the supplier's on-time share s is known, being late
        by m days with chance 1 − s has standard deviation m √(s (1 − s)).
        """
        offered = number(offer, "lead_time_days_sd")
        on_time = terms.get("on_time_share")
        if offered == 0 and on_time is not None:
            share = float(str(on_time))
            offered = self.params.late_days_when_late * math.sqrt(share * (1 - share))
        return math.hypot(offered, route.transit_days_sd)
