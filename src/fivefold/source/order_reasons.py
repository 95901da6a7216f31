"""Why a purchase order is as it is.

Knows how an order is told. Never changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fivefold.model import Reason
from fivefold.source.drafts import Draft
from fivefold.source.landed_cost import DAYS_PER_YEAR
from fivefold.source.order_pricing import Priced, Terms
from fivefold.source.price_breaks import PriceList


def order_reasons(name: str, draft: Draft, priced: Priced, terms: Terms) -> Iterator[Reason]:
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
        yield from _break_reasons(name, draft, item, quantity, terms)
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
    name: str, draft: Draft, priced: Priced, terms: Terms
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
    asked = goods + draft.value_beside
    if goods < minimum <= asked:
        yield Reason(
            subject=name,
            reason_code="lot_rule",
            reference=f"minimum_order_value:{draft.supplier}",
            quantity=minimum,
            text=(
                f"{draft.supplier} accepts orders from {minimum:,.2f}; with what else is ordered "
                f"from it that day it is asked for {asked:,.2f}."
            ),
        )
    if asked < minimum:
        yield Reason(
            subject=name,
            reason_code="constraint_bound",
            reference=f"minimum_order_value:{draft.supplier}",
            quantity=minimum - asked,
            text=(
                f"The order is {minimum - asked:,.2f} below the {minimum:,.2f} that "
                f"{draft.supplier} accepts and no later buy can be taken in; add goods or ask."
            ),
        )


def _break_reasons(
    name: str, draft: Draft, item: str, quantity: int, terms: Terms
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
        holding_share_per_year=terms.holding_share_per_year,
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


def _rate(terms: Terms, item: str, destination: str) -> float:
    rate = terms.rates.get((item, destination))
    return rate.units_per_day if rate else 0.0


def _next_best(name: str, draft: Draft, item: str, terms: Terms) -> Iterator[Reason]:
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


def _cost_reason(name: str, priced: Priced) -> Reason:
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
