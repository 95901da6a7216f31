"""Whether a return is authorised: its window, its quantity, its serial number, signs of fraud.

Knows the rules and what is known of one request. Values of goods come from `disposition`.
The figures of the rules are assumptions of a house that sells on a marketplace whose window
is a month, longer for what is bought for the holidays; each is a parameter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from fivefold.model import Reason

Verdict = Literal["authorised", "returnless", "review", "refused"]
#: Reasons that are ours to pay: the customer is not asked for carriage.
OUR_FAULT = frozenset({"seller", "carrier", "marketplace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRules:
    """What is taken back and what is looked at twice.

    Parameters
    ----------
    window_days : int
        Days from delivery.
    holiday_from, holiday_until : (month, day)
        What is bought from the one to the year's end may come back until the other.
    ship_back_days : int
        Days the customer has to send it.
    most_returns, most_returns_days : int
        More returns of one customer than this in so many days are looked at.
    dear_price : float
        A unit price from which a return without a serial number is looked at.
    returnless_most : float
        Refunds above this always want the goods back.
    label_cost, drop_off_cost, pick_up_cost : float
        Carriage of one parcel: a label sent, handed in at a counter, fetched on a delivery route.
    """

    window_days: int = 30
    holiday_from: tuple[int, int] = (11, 1)
    holiday_until: tuple[int, int] = (1, 31)
    ship_back_days: int = 14
    most_returns: int = 3
    most_returns_days: int = 90
    dear_price: float = 200.0
    returnless_most: float = 40.0
    label_cost: float = 6.0
    drop_off_cost: float = 4.5
    pick_up_cost: float = 3.0

    def last_day(self, bought_on: date, delivered_on: date) -> date:
        """Return the last day a return may be asked for.

        >>> ReturnRules().last_day(date(2026, 11, 5), date(2026, 11, 8)).isoformat()
        '2027-01-31'
        >>> ReturnRules().last_day(date(2026, 6, 5), date(2026, 6, 8)).isoformat()
        '2026-07-08'
        """
        last = delivered_on + timedelta(days=self.window_days)
        if bought_on >= date(bought_on.year, *self.holiday_from):
            last = max(last, date(bought_on.year + 1, *self.holiday_until))
        return last


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRequest:
    """What a customer asks for, beside what is known of his purchase.

    `units_sold` is 0 where the order does not stand in the books; `earlier` are the days on
    which the same customer asked for returns before; `serial_sold` is empty where not known.
    """

    order: str
    item: str
    quantity: int
    reason: str
    fault: str
    asked_on: date
    bought_on: date | None
    delivered_on: date | None
    units_sold: int
    units_back: int
    unit_price: float
    serial: str = ""
    serial_sold: str = ""
    earlier: Sequence[date] = ()
    can_be_fetched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The answer: verdict, way back, who pays it, until when, and why."""

    rma: str
    verdict: Verdict
    way_back: str
    carriage_cost: float
    customer_pays: bool
    send_by: date | None
    signs: tuple[str, ...]
    reasons: tuple[Reason, ...]


def rma_number(*, order: str, item: str, quantity: int, asked_on: date) -> str:
    """Return the number of an authorisation: the same request always has the same one.

    >>> rma_number(order="1", item="A", quantity=1, asked_on=date(2026, 1, 5))
    'RMA-20260105-5b9c5226'
    """
    content = f"{order}|{item}|{quantity}|{asked_on.isoformat()}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return f"RMA-{asked_on:%Y%m%d}-{digest}"


def authorise(
    request: ReturnRequest, rules: ReturnRules | None = None, *, worth_back: float | None
) -> Authorisation:
    """Return whether units may come back, how, and who pays.

    Parameters
    ----------
    request : ReturnRequest
    rules : ReturnRules, optional
    worth_back : float or None
        What the best way brings for all units once they are back, handling paid, carriage not;
        None is not known, and the goods are asked back then.

    Raises
    ------
    ValueError
        If no unit is asked for.
    """
    if request.quantity < 1:
        raise ValueError(f"quantity must be at least 1, found {request.quantity}")
    rules = rules or ReturnRules()
    rma = rma_number(
        order=request.order,
        item=request.item,
        quantity=request.quantity,
        asked_on=request.asked_on,
    )
    refused = _refusals(request, rules)
    signs = () if refused else _signs(request, rules)
    way, cost = _way_back(request, rules)
    verdict: Verdict = "refused" if refused else "review" if signs else "authorised"
    reasons = [_reason(rma, "eligibility", text) for text in refused + signs]
    refund = request.unit_price * request.quantity
    if verdict == "authorised" and worth_back is not None:
        gain = worth_back - cost
        keeps = gain < 0.0 and refund <= rules.returnless_most
        verdict = "returnless" if keeps else verdict
        reasons.append(_worth(rma, worth_back, cost, way, keeps=keeps))
    if not reasons:
        reasons.append(_reason(rma, "eligibility", "Within the window, bought and not yet back."))
    goes = verdict in ("authorised", "review")
    return Authorisation(
        rma=rma,
        verdict=verdict,
        way_back=way if goes else "",
        carriage_cost=cost if goes else 0.0,
        customer_pays=goes and request.fault not in OUR_FAULT,
        send_by=request.asked_on + timedelta(days=rules.ship_back_days) if goes else None,
        signs=signs,
        reasons=tuple(reasons),
    )


def _refusals(request: ReturnRequest, rules: ReturnRules) -> tuple[str, ...]:
    found = []
    if request.units_sold == 0:
        found.append(f"Order {request.order or '(none)'} has no {request.item} that was shipped.")
    elif request.units_back + request.quantity > request.units_sold:
        found.append(
            f"{request.units_sold} were bought and {request.units_back} asked back before; "
            f"{request.quantity} more are too many."
        )
    if request.bought_on is not None:
        last = rules.last_day(request.bought_on, request.delivered_on or request.bought_on)
        # A fault is answered for after the window too, but a person looks at it.
        if request.asked_on > last and request.fault not in OUR_FAULT:
            found.append(f"The window ended on {last}.")
    if request.serial and request.serial_sold and request.serial != request.serial_sold:
        found.append(f"Serial {request.serial} is not the one sold, {request.serial_sold}.")
    return tuple(found)


def _signs(request: ReturnRequest, rules: ReturnRules) -> tuple[str, ...]:
    found = []
    since = request.asked_on - timedelta(days=rules.most_returns_days)
    recent = sum(day > since for day in request.earlier)
    if recent >= rules.most_returns:
        found.append(f"{recent} returns of this customer in {rules.most_returns_days} days.")
    if request.unit_price >= rules.dear_price and not request.serial:
        found.append(f"A unit of {request.unit_price:.2f} without a serial number.")
    if request.reason == "NEVER_ARRIVED" and request.delivered_on is not None:
        found.append(f"Said never to have arrived; it was delivered on {request.delivered_on}.")
    if request.bought_on is not None:
        last = rules.last_day(request.bought_on, request.delivered_on or request.bought_on)
        if request.asked_on > last:
            found.append(f"The window ended on {last}; a fault is looked at all the same.")
    return tuple(found)


def _way_back(request: ReturnRequest, rules: ReturnRules) -> tuple[str, float]:
    """Return the cheapest way back there is and its carriage."""
    ways = {"drop_off": rules.drop_off_cost, "label": rules.label_cost}
    if request.can_be_fetched:
        ways["pick_up"] = rules.pick_up_cost
    way = min(ways, key=lambda name: (ways[name], name))
    return way, ways[way]


def _reason(rma: str, code: str, text: str) -> Reason:
    return Reason(subject=f"return:{rma}", reason_code=code, text=text)


def _worth(rma: str, worth: float, cost: float, way: str, *, keeps: bool) -> Reason:
    text = f"Back it brings {worth:.2f}; its {way.replace('_', ' ')} costs {cost:.2f}."
    text += " The customer keeps it." if keeps else " It is asked back."
    return Reason(subject=f"return:{rma}", reason_code="disposition", price=worth - cost, text=text)
