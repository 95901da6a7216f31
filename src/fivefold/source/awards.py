"""How a year's demand is awarded to suppliers: one source, or several where that is worth it.

Knows what can be bought from whom, what it costs landed and what losing a supplier would cost.
The split itself is worked out in `tenders`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.options import Option
from fivefold.source.price_breaks import PriceList, price_lists
from fivefold.source.suppliers import Params as OptionParams
from fivefold.source.suppliers import valued_options
from fivefold.source.tenders import Bid, Split, Tender, best_split
from fivefold.source.terms import exchange_rates, number

#: Bids up to which the exact programme is asked; more go to the fast method.
EXACT_BIDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How demand is awarded.

    Parameters
    ----------
    without : tuple of str
        Suppliers that are lost: the scenario.
    items : tuple of str
        Items to award; default all that can be bought.
    most_sources : int
        Suppliers of one item at most.
    flex_share : float
        Share by which the other suppliers of an item can raise theirs when one is lost.
    seconds : float
        Time limit of the exact programme.
    options : fivefold.source.suppliers.Params
        How ways to buy are valued.
    """

    without: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    most_sources: int = 3
    flex_share: float = 0.25
    seconds: float = 20.0
    options: OptionParams = field(default_factory=OptionParams)

    def __post_init__(self) -> None:
        if self.most_sources < 1:
            raise ValueError(f"most_sources must be at least 1, found {self.most_sources}")
        if not 0 <= self.flex_share <= 1:
            raise ValueError(f"flex_share must be from 0 to 1, found {self.flex_share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A tender with the names behind its positions."""

    tender: Tender
    items: list[str]
    suppliers: list[str]
    ways: dict[tuple[int, int], Option]


def award_suppliers(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return how much of each item goes to which supplier over a year.

    Minimises goods at price breaks, carriage, duty and money bound, expected lateness and
    defects, what each supplier used costs, and the price of exposure: chance of losing a
    supplier × days to recover × margin of the units the others cannot make up for. Capacity
    by offer and by supplier and a supplier's minimum spend hold.

    Parameters
    ----------
    dataset : Dataset
        Reads what ranking options reads; goods_receipts and supply_orders for what was bought.
    params : Params, optional
    as_of : date

    Returns
    -------
    Outcome
        Table `supplier_awards`; explanations with subject ``award:ITEM@SUPPLIER`` and, for
        the loss of each supplier, ``award:without:SUPPLIER``. Objective is the cost a year;
        status is 'optimal' where the exact programme proved it. Infeasible where nothing that
        is demanded can be bought.
    """
    params = params or Params()
    case = _case(dataset, params, as_of)
    if case is None:
        text = "Nothing that is demanded can be bought from a supplier that is left."
        reason = Reason(subject="award", reason_code="infeasible", text=text)
        return Outcome(
            tables={"supplier_awards": schema("supplier_awards").empty()},
            status="infeasible",
            explanations=explanations_frame([reason]),
        )
    split, proved = _solve(case.tender, params)
    before = _bought_before(dataset, as_of)
    carbon = _carbon(dataset)
    reasons = [*_award_reasons(case, split), *_losses(case, split)]
    rows = [
        _row(case, split, item, supplier, before, carbon)
        for item, supplier in sorted(split.quantities)
    ]
    return Outcome(
        tables={"supplier_awards": schema("supplier_awards").frame(rows)},
        status="optimal" if proved else "feasible",
        objective=split.cost,
        explanations=explanations_frame(reasons),
        notes={
            "items": len(case.items),
            "suppliers_used": len(split.used),
            "risk_cost": _risk(case, split),
            "short_units": float(split.short.sum()),
        },
    )


def _solve(tender: Tender, params: Params) -> tuple[Split, bool]:
    fast = best_split(tender)
    if len(tender.bids) > EXACT_BIDS:
        return fast, False
    from fivefold.source.tenders_exact import exact_split

    exact = exact_split(tender, seconds=params.seconds)
    if exact.split.problems or exact.split.cost > fast.cost:
        return fast, exact.is_optimal and fast.cost <= exact.bound + 1e-6 * abs(exact.bound)
    return exact.split, exact.is_optimal


def _case(dataset: Dataset, params: Params, as_of: date) -> _Case | None:
    """Return the tender of a year; None where nothing can be awarded."""
    ways = valued_options(dataset, params.options, as_of=as_of).ranked
    best: dict[tuple[str, str], Option] = {}
    demand: dict[str, float] = {}
    for (item, _), options in ways.items():
        if params.items and item not in params.items:
            continue
        for option in options:
            if option.supplier in params.without or option.rate is None:
                continue
            demand[item] = max(demand.get(item, 0.0), option.rate.units_per_day * 365)
            key = (item, option.supplier)
            if key not in best or option.order_key < best[key].order_key:
                best[key] = option
    items = sorted(item for item, units in demand.items() if units > 0)
    suppliers = sorted({supplier for item, supplier in best if item in set(items)})
    if not items:
        return None
    places = {item: n for n, item in enumerate(items)}
    sellers = {supplier: n for n, supplier in enumerate(suppliers)}
    chosen = {
        (places[item], sellers[supplier]): option
        for (item, supplier), option in sorted(best.items())
        if item in places
    }
    return _Case(
        tender=_tender(dataset, params, items, suppliers, demand, chosen),
        items=items,
        suppliers=suppliers,
        ways=chosen,
    )


def _tender(
    dataset: Dataset,
    params: Params,
    items: list[str],
    suppliers: list[str],
    demand: Mapping[str, float],
    ways: Mapping[tuple[int, int], Option],
) -> Tender:
    orders_a_year = 365 / params.options.review_days
    lists = price_lists(
        dataset["supplier_offers"],
        dataset["price_breaks"],
        exchange_rates=exchange_rates(dataset).known,
    )
    terms = {row["supplier"]: row for row in dataset["suppliers"].iter_rows(named=True)}
    own = [terms.get(supplier, {}) for supplier in suppliers]
    loss = np.zeros((len(items), len(suppliers)))
    bids = {}
    for (item, supplier), option in ways.items():
        bids[item, supplier] = _bid(option, lists[option.supplier, option.item], orders_a_year)
        loss[item, supplier] = (
            option.failure_probability * params.options.recovery_days / 365 * (option.margin or 0.0)
        )
    dearest = [max(ways[k].landed for k in ways if k[0] == item) for item in range(len(items))]
    margins = [max(ways[k].margin or 0.0 for k in ways if k[0] == i) for i in range(len(items))]
    return Tender(
        demand=np.array([demand[item] for item in items]),
        bids=bids,
        suppliers=len(suppliers),
        fixed_cost=np.array([number(row, "ordering_cost") * orders_a_year for row in own]),
        minimum_spend=np.array([number(row, "minimum_spend_per_year") for row in own]),
        capacity=np.array([_weekly(row.get("capacity_units_per_week")) for row in own]),
        loss_cost=loss,
        # Dearer than any way to buy, so that only what cannot be bought is left.
        short_cost=np.array([10 * d + m for d, m in zip(dearest, margins, strict=True)]),
        flex_share=params.flex_share,
        most_sources=params.most_sources,
    )


def _weekly(units: object) -> float:
    return math.inf if units is None else float(str(units)) * 365 / 7


def _bid(option: Option, listed: PriceList, orders_a_year: float) -> Bid:
    """Return what a supplier asks over a year; a break of an order holds from its multiple on."""
    steps = [(0.0, listed.unit_price, 0.0)]
    for start, price in listed.breaks:
        first = start * orders_a_year
        fixed = 0.0
        if listed.kind == "incremental":
            last = steps[-1]
            fixed = last[2] + (last[1] - price) * (start - 1) * orders_a_year
        steps.append((first, price, fixed))
    others = (option.carriage, option.shipment, option.duty, option.financing)
    risks = (option.late_risk, option.defect_risk)
    return Bid(
        steps=tuple(steps),
        unit_cost=math.fsum(part for part in (*others, *risks) if part is not None),
        capacity=_weekly(option.capacity_units_per_week),
    )


def _risk(case: _Case, split: Split) -> float:
    """Return lateness, defects and exposure of a split, money a year."""
    return math.fsum(_risk_of(case, i, s, q) for (i, s), q in split.quantities.items())


def _risk_of(case: _Case, item: int, supplier: int, quantity: float) -> float:
    option = case.ways[item, supplier]
    unit = option.defect_risk + (option.late_risk or 0.0)
    lost = float(case.tender.loss_cost[item, supplier]) * case.tender.exposure(item, quantity)
    return unit * quantity + lost


def _row(
    case: _Case,
    split: Split,
    item: int,
    supplier: int,
    before: Mapping[tuple[str, str], float],
    carbon: Mapping[tuple[str, str, str], float],
) -> dict[str, object]:
    option, quantity = case.ways[item, supplier], split.quantities[item, supplier]
    bid = case.tender.bids[item, supplier]
    risk = _risk_of(case, item, supplier, quantity)
    per_kg = carbon.get((option.supplier, option.destination, option.route.mode))
    emitted = (
        None if per_kg is None or option.weight_kg is None else per_kg * option.weight_kg * quantity
    )
    return {
        "award": f"{option.item}@{option.supplier}",
        "item": option.item,
        "supplier": option.supplier,
        "destination": option.destination,
        "quantity": quantity,
        "share": min(1.0, quantity / float(case.tender.demand[item])),
        "unit_price": bid.goods(quantity) / quantity,
        "cost": case.tender.bid_cost(item, supplier, quantity) - risk,
        "risk_cost": risk,
        "lead_time_days_mean": option.lead_days_mean,
        "co2e_kg": emitted,
        "quantity_before": before.get((option.item, option.supplier)),
    }


def _bought_before(dataset: Dataset, as_of: date) -> dict[tuple[str, str], float]:
    """Return units bought in the last year by item and supplier, from receipts."""
    first = as_of - timedelta(days=365)
    rows = dataset["goods_receipts"].filter(pl.col("received_on").is_between(first, as_of))
    summed = rows.group_by("item", "supplier").agg(pl.col("quantity_received").sum())
    return {(item, supplier): float(units) for item, supplier, units in summed.iter_rows()}


def _carbon(dataset: Dataset) -> dict[tuple[str, str, str], float]:
    """Return kilograms of CO2e that a kilogram causes on each direct lane where it is known."""
    lanes = dataset["lanes"].filter(
        pl.col("distance_km").is_not_null() & pl.col("co2e_kg_per_tonne_km").is_not_null()
    )
    columns = ("origin", "destination", "mode", "distance_km", "co2e_kg_per_tonne_km")
    return {(o, d, m): km * factor / 1000 for o, d, m, km, factor in lanes.select(columns).rows()}


def _award_reasons(case: _Case, split: Split) -> Iterable[Reason]:
    for (item, supplier), quantity in sorted(split.quantities.items()):
        option = case.ways[item, supplier]
        subject = f"award:{option.item}@{option.supplier}"
        demand = float(case.tender.demand[item])
        yield Reason(
            subject=subject,
            reason_code="demand_served",
            reference=option.item,
            quantity=quantity,
            text=f"{quantity:,.0f} of {demand:,.0f} units a year, {quantity / demand:.0%}.",
        )
        lost = case.tender.exposure(item, quantity)
        price = float(case.tender.loss_cost[item, supplier]) * lost
        if price > 0:
            yield Reason(
                subject=subject,
                reason_code="constraint_price",
                reference=option.supplier,
                quantity=lost,
                price=price,
                text=(
                    f"Were {option.supplier} lost, {lost:,.0f} units a year could not be made up "
                    f"for; at its chance of {option.failure_probability:.1%} that costs "
                    f"{price:,.2f} a year."
                ),
            )
        yield from _next_best(case, split, item, supplier, subject)
    for item, units in enumerate(split.short):
        if units > 1e-6:
            name = case.items[item]
            text = f"{units:,.0f} units a year of {name} fit into nobody's capacity."
            yield Reason(
                subject=f"award:{name}", reason_code="unmet", quantity=float(units), text=text
            )


def _next_best(
    case: _Case, split: Split, item: int, supplier: int, subject: str
) -> Iterable[Reason]:
    """Tell what this award would cost with the best supplier that has none of the item."""
    quantity = split.quantities[item, supplier]
    here = case.tender.bid_cost(item, supplier, quantity)
    others = [
        (case.tender.bid_cost(item, other, quantity) - here, case.suppliers[other])
        for (i, other) in case.ways
        if i == item
        and (item, other) not in split.quantities
        and case.tender.bids[item, other].capacity >= quantity
    ]
    if not others:
        text = "No other supplier could take this award whole."
        yield Reason(subject=subject, reason_code="next_best", text=text)
        return
    more, name = min(others)
    yield Reason(
        subject=subject,
        reason_code="next_best",
        reference=name,
        price=more,
        text=f"With {name} it would cost {more:+,.2f} a year.",
    )


def _losses(case: _Case, split: Split) -> Iterable[Reason]:
    """Tell for each supplier used what its loss would cost a year, awarded anew."""
    for supplier in sorted(split.used):
        bids = {key: bid for key, bid in case.tender.bids.items() if key[1] != supplier}
        again = best_split(replace(case.tender, bids=bids), rounds=3)
        short = float(again.short.sum() - split.short.sum())
        name = case.suppliers[supplier]
        served = again.cost - float(again.short @ case.tender.short_cost)
        before = split.cost - float(split.short @ case.tender.short_cost)
        gone = f" and {short:,.0f} units a year nobody could supply" if short > 0.5 else ""
        yield Reason(
            subject=f"award:without:{name}",
            reason_code="next_best",
            reference=name,
            quantity=max(0.0, short),
            price=served - before,
            text=f"Without {name}, awarded anew: {served - before:+,.2f} a year{gone}.",
        )
