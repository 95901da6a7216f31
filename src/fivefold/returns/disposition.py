"""What to do with each unit that came back: the value of every way, and the best allowed one.

Knows the rules of each way and what it brings. Fees come from the table fee_cards; a fee no
card knows leaves the value empty, and such a way is never chosen.

References
----------
.. [1] Ghose, Smith & Telang (2006), "Internet exchanges for used books: an empirical analysis
   of product cannibalization and welfare impact", Information Systems Research 17(1), 3-19.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.returns.bench import BenchJob, choose
from fivefold.returns.stock_value import StockValue, stock_values
from fivefold.units import INCH_CM, POUND_KG

OPTIONS = (
    "restock",
    "refurbish",
    "repackage",
    "sell_used",
    "liquidate",
    "return_to_vendor",
    "donate",
    "recycle",
    "dispose",
    "returnless_refund",
)
#: Words in the column status that leave a unit to be decided on.
WAITING = frozenset({"", "pending", "received", "waiting", "open", "requested", "announced"})
NOT_BACK = frozenset({"requested", "announced"})
MENDABLE = frozenset({"DEFECTIVE", "CUSTOMER_DAMAGED", "CARRIER_DAMAGED", "DAMAGED"})
NETWORKS = frozenset({"fulfilment_network", "fulfilment_centre", "returns_centre"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionParams:
    """What the ways cost and bring where no table tells. All are assumptions.

    Parameters
    ----------
    handling_cost : float
        Looking at a unit and putting it away.
    refurbish_cost, refurbish_success_share : float
        Cost of mending one, and share that comes out as new.
    repackage_cost, repackage_success_share : float
    used_price_share, used_success_share, selling_cost_share : float
        Price of a used unit as a share of new, chance of selling it, and fees of the price.
    used_carriage_cost : float
        Sending a used unit to its buyer.
    vendor_credit_share : float or None
        Share of unit cost the supplier credits; None is not known.
    return_carriage_cost : float
        Carriage of a return not yet sent back.
    disposal_cost, recycling_cost, donation_cost : float
        At a place of our own.
    used_displaces_share : float
        Share of those who buy used that would else have bought new; 16 % was measured for
        used books beside new ones [1]_.
    carrying_share_per_year : float
        Cost of holding stock as a share of its cost, where the setting
        cost_of_capital_share_per_year does not tell.
    refurbish_minutes, repackage_minutes : float
        Time of the bench a unit.
    bench_minutes : float or None
        Time of the bench for all that waits; None takes the setting
        refurbishing_bench_hours_per_week, and no limit without it.
    """

    handling_cost: float = 0.75
    refurbish_cost: float = 5.0
    refurbish_success_share: float = 0.6
    repackage_cost: float = 1.5
    repackage_success_share: float = 0.8
    used_price_share: float = 0.5
    used_success_share: float = 0.7
    selling_cost_share: float = 0.15
    used_carriage_cost: float = 6.0
    vendor_credit_share: float | None = None
    return_carriage_cost: float = 6.0
    disposal_cost: float = 0.5
    recycling_cost: float = 0.6
    donation_cost: float = 0.4
    used_displaces_share: float = 0.16
    carrying_share_per_year: float = 0.25
    refurbish_minutes: float = 20.0
    repackage_minutes: float = 6.0
    bench_minutes: float | None = None

    def __post_init__(self) -> None:
        for name in (
            "refurbish_success_share",
            "repackage_success_share",
            "used_price_share",
            "used_success_share",
            "selling_cost_share",
            "used_displaces_share",
        ):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0 to 1, found {getattr(self, name)}")
        for name in ("refurbish_minutes", "repackage_minutes", "carrying_share_per_year"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")

    def minutes(self, option: str) -> float:
        """Return the time of the bench a unit takes on a way."""
        return {"refurbish": self.refurbish_minutes, "repackage": self.repackage_minutes}.get(
            option, 0.0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    option: str
    value: float | None
    allowed: bool
    because: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """One return with all that its value depends on; money a unit."""

    return_id: str
    item: str
    quantity: int
    state: str
    is_back: bool
    in_network: bool
    hazmat: bool
    unit_cost: float | None
    as_new: StockValue
    selling_price: float | None
    group: str
    weight_lb: float | None


def value_options(
    dataset: Dataset, params: DispositionParams | None = None, *, as_of: date
) -> Outcome:
    """Return the expected value of every way to treat each return, and the best allowed one.

    Parameters
    ----------
    dataset : Dataset
        returns (those whose status is empty, pending, received, waiting, open, requested or
        announced), items, orders, locations, fee_cards, channel_choices, channel_fees.
    params : DispositionParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `dispositions`: a row a return and option, money for all its units; `value` is empty
        where a figure is not known. Objective: value of the chosen ways.

    Notes
    -----
    A unit back in stock is worth what `stock_value.stock_values` finds: the purchase it saves
    where the plan buys the item again, a lost sale where it is short, else a sale when its turn
    comes. A used sale takes some sales from new units; one of a unit as good as new takes one
    for one. Ways that need the bench share its time; the pool is chosen as a whole then.
    Recovery by liquidation is 5 to 10 % of the mean selling price: the middle counts.
    """
    params = params or DispositionParams()
    cards = _Cards(dataset["fee_cards"], as_of)
    units = _units(dataset, as_of, params)
    options = [_options(unit, cards, params) for unit in units]
    bench = _on_bench(units, options, params, _bench_minutes(dataset, params))
    rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    total = 0.0
    for unit, ways, chosen in zip(units, options, bench.ways, strict=True):
        for option in ways:
            rows.append(
                {
                    "return_id": unit.return_id,
                    "option": option.option,
                    "value": None if option.value is None else option.value * unit.quantity,
                    "allowed": option.allowed,
                    "chosen": option is chosen,
                    "because": option.because,
                    "bench_minutes": params.minutes(option.option) * unit.quantity,
                }
            )
        reasons += _reasons(unit, ways, chosen)
        reasons += _bench_reasons(unit, ways, chosen, params, bench)
        total += (chosen.value or 0.0) * unit.quantity if chosen else 0.0
    return Outcome(
        tables={"dispositions": schema("dispositions").frame(rows)},
        status="optimal",
        objective=total,
        explanations=explanations_frame(reasons),
        notes={
            "bench_minutes": bench.capacity,
            "bench_minutes_used": bench.used,
            "bench_price_per_hour": bench.price * 60.0,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The way of each return, and what a minute of the bench is worth."""

    ways: list[_Value | None]
    capacity: float | None
    used: float
    price: float


def _bench_minutes(dataset: Dataset, params: DispositionParams) -> float | None:
    if params.bench_minutes is not None:
        return params.bench_minutes
    hours = dataset.setting_number("refurbishing_bench_hours_per_week", -1.0)
    return None if hours < 0 else hours * 60.0


def _on_bench(
    units: list[_Unit],
    options: list[list[_Value]],
    params: DispositionParams,
    capacity: float | None,
) -> _Bench:
    """Return the way of each return that is worth most for all within the time of the bench."""
    usable = [[o for o in ways if o.allowed and o.value is not None] for ways in options]
    jobs = [
        BenchJob(
            values=tuple((o.value or 0.0) * unit.quantity for o in ways),
            minutes=tuple(params.minutes(o.option) * unit.quantity for o in ways),
        )
        for unit, ways in zip(units, usable, strict=True)
    ]
    # Work that must not wait for the bench always has another way: disposal takes no time.
    known = [n for n, ways in enumerate(usable) if ways]
    picked = choose([jobs[n] for n in known], capacity)
    ways: list[_Value | None] = [None] * len(units)
    for n, way in zip(known, picked.ways, strict=True):
        ways[n] = None if way is None else usable[n][way]
    return _Bench(ways=ways, capacity=capacity, used=picked.minutes, price=picked.price)


class _Cards:
    """The figures of fee_cards a return needs."""

    def __init__(self, cards: pl.DataFrame, day: date) -> None:
        self._rows = cards.filter(
            (pl.col("effective_from") <= day)
            & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= day))
        ).to_dicts()

    def by_weight(self, fee_type: str, group: str, weight_lb: float) -> float | None:
        """Return a fee a unit by weight, steps added; None where no card knows it."""
        for row in self._rows:
            if row["fee_type"] != fee_type or row["size_tier"] != group or row["amount"] is None:
                continue
            low = row["from_value"] or 0.0
            high = math.inf if row["to_value"] is None else row["to_value"]
            if (weight_lb > low + 1e-9 or low == 0.0) and weight_lb <= high + 1e-9:
                steps = 0
                if row["amount_per_step"]:
                    steps = math.ceil((weight_lb - low) / (row["step"] or 1.0) - 1e-9)
                return float(row["amount"] + steps * (row["amount_per_step"] or 0.0))
        return None

    def share(self, fee_type: str) -> tuple[float | None, float | None]:
        """Return the ends of a share; equal where it is one figure."""
        for row in self._rows:
            if row["fee_type"] == fee_type:
                if row["amount"] is not None:
                    return row["amount"], row["amount"]
                return row["amount_low"], row["amount_high"]
        return None, None


def charged_weight_lb(weight_lb: float, group: str) -> float:
    """Return the weight removal is charged by: tenths below 1 lb standard, else whole pounds.

    >>> charged_weight_lb(0.41, "standard"), charged_weight_lb(1.2, "standard")
    (0.5, 2.0)
    """
    if group == "standard" and weight_lb < 1.0:
        return math.ceil(weight_lb * 10.0 - 1e-9) / 10.0
    return float(max(math.ceil(weight_lb - 1e-9), 1))


def _units(dataset: Dataset, as_of: date, params: DispositionParams) -> list[_Unit]:
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
    prices = _mean_prices(dataset, as_of)
    share = dataset.setting_number("cost_of_capital_share_per_year", params.carrying_share_per_year)
    worth = stock_values(
        dataset,
        as_of=as_of,
        carrying_share_per_year=share,
        selling_cost_share=params.selling_cost_share,
        carriage_cost=params.used_carriage_cost,
    )
    networks = {
        channel
        for channel, kind in dataset["channels"].select("channel", "kind").iter_rows()
        if kind in ("fba", "mcf")
    }
    found: list[_Unit] = []
    waiting = dataset["returns"].filter(
        pl.col("status").fill_null("").str.strip_chars().str.to_lowercase().is_in(list(WAITING))
        & (pl.col("returned_at").dt.date() <= as_of)
    )
    for row in waiting.sort("return_id").iter_rows(named=True):
        item = items.get(row["item"], {})
        kind = kinds.get(row["location"])
        found.append(
            _Unit(
                return_id=row["return_id"],
                item=row["item"],
                quantity=row["quantity"],
                state=(row["disposition"] or "").strip().upper(),
                is_back=(row["status"] or "").strip().lower() not in NOT_BACK,
                in_network=kind in NETWORKS if kind else row["channel"] in networks,
                hazmat=bool(item.get("hazmat")),
                unit_cost=item.get("unit_cost"),
                as_new=worth.get(row["item"], StockValue(value=None, kind="unknown")),
                selling_price=prices.get(row["item"], item.get("price")),
                group=_group(item),
                weight_lb=_pounds(item.get("weight_kg")),
            )
        )
    return found


def _mean_prices(dataset: Dataset, as_of: date) -> dict[str, float]:
    """Return the mean selling price by item over the last year."""
    day = pl.col("ordered_at").dt.date()
    sold = dataset["orders"].filter(
        (day > as_of - timedelta(days=365))
        & (day <= as_of)
        & pl.col("unit_price").is_not_null()
        & (pl.col("status") != "cancelled")
        & (pl.col("quantity") > 0)
    )
    mean = (pl.col("unit_price") * pl.col("quantity")).sum() / pl.col("quantity").sum()
    return dict(sold.group_by("item").agg(mean.alias("price")).iter_rows())


def _pounds(weight_kg: float | None) -> float | None:
    return None if weight_kg is None else round(weight_kg / float(POUND_KG), 6)


def _group(item: Mapping[str, Any]) -> str:
    """Return the size group of removal cards; standard is 18 x 14 x 8 in and 20 lb at most."""
    sides = sorted(
        round((item.get(side) or 0.0) / float(INCH_CM), 6)
        for side in ("length_cm", "width_cm", "height_cm")
    )
    weight = _pounds(item.get("weight_kg")) or 0.0
    standard = sides[2] <= 18.0 and sides[1] <= 14.0 and sides[0] <= 8.0 and weight <= 20.0
    return "standard" if standard else "oversize"


def _options(unit: _Unit, cards: _Cards, params: DispositionParams) -> list[_Value]:
    dispose = _dispose(unit, cards, params, "dispose", params.disposal_cost)
    fallback = dispose.value
    found = [
        _restock(unit, params),
        _mend(unit, params, "refurbish", fallback),
        _mend(unit, params, "repackage", fallback),
        _sell_used(unit, params, fallback),
        _liquidate(unit, cards),
        _to_vendor(unit, cards, params),
        _dispose(unit, cards, params, "donate", params.donation_cost),
        _dispose(unit, cards, params, "recycle", params.recycling_cost),
        dispose,
    ]
    if not unit.is_back:
        found = [_after_carriage(option, params) for option in found]
    return [*found, _returnless(unit)]


def _after_carriage(option: _Value, params: DispositionParams) -> _Value:
    if option.value is None:
        return option
    cost = params.return_carriage_cost
    return _Value(
        option=option.option,
        value=option.value - cost,
        allowed=option.allowed,
        because=f"{option.because} Its way back costs {cost:.2f}.",
    )


def _restock(unit: _Unit, params: DispositionParams) -> _Value:
    allowed = unit.state == "SELLABLE"
    handling = 0.0 if unit.in_network else params.handling_cost
    value = None if unit.as_new.value is None else unit.as_new.value - handling
    why = f"Worth {unit.as_new.kind}, less {handling:.2f} handling."
    if not allowed:
        why = f"Found {unit.state.lower() or 'ungraded'}; only sellable units go back."
    return _Value(option="restock", value=value, allowed=allowed, because=why)


def _mend(unit: _Unit, params: DispositionParams, option: str, fallback: float | None) -> _Value:
    share: float = getattr(params, f"{option}_success_share")
    cost: float = getattr(params, f"{option}_cost")
    states = MENDABLE if option == "refurbish" else MENDABLE - {"DEFECTIVE"}
    allowed = unit.state in states and not unit.in_network
    value = None
    if unit.as_new.value is not None and fallback is not None:
        value = share * unit.as_new.value + (1.0 - share) * fallback - cost - params.handling_cost
    why = f"{share:.0%} come out as new; costs {cost:.2f}; the rest is disposed of."
    if unit.in_network:
        why = "Can only be done at a place of our own."
    elif not allowed:
        why = f"Found {unit.state.lower() or 'ungraded'}; nothing to {option}."
    return _Value(option=option, value=value, allowed=allowed, because=why)


def _sell_used(unit: _Unit, params: DispositionParams, fallback: float | None) -> _Value:
    allowed = not unit.hazmat and not unit.in_network and unit.state not in ("EXPIRED", "")
    value = None
    if unit.selling_price is not None and fallback is not None:
        net = unit.selling_price * params.used_price_share * (1.0 - params.selling_cost_share)
        net -= params.used_carriage_cost
        sold = params.used_success_share
        net -= _displaced(unit, params)
        value = sold * net + (1.0 - sold) * fallback - params.handling_cost
    why = f"At {params.used_price_share:.0%} of the price, sold in {params.used_success_share:.0%}."
    if lost := _displaced(unit, params):
        why += f" Takes sales worth {lost:.2f} from new units."
    if unit.hazmat:
        why = "Dangerous goods are not sold used."
    elif unit.in_network:
        why = "Can only be done at a place of our own."
    elif not allowed:
        why = f"Found {unit.state.lower() or 'ungraded'}."
    return _Value(option="sell_used", value=value, allowed=allowed, because=why)


def _displaced(unit: _Unit, params: DispositionParams) -> float:
    """Return what a used sale takes from sales of new units, whose unit then stays in stock."""
    sale, stays = unit.as_new.sale, unit.as_new.value
    if sale is None or stays is None:
        return 0.0
    # A unit as good as new, cheaper, beside new ones: whoever buys it would have bought new.
    share = 1.0 if unit.state == "SELLABLE" else params.used_displaces_share
    return share * max(sale - stays, 0.0)


def _liquidate(unit: _Unit, cards: _Cards) -> _Value:
    allowed = unit.in_network and unit.is_back and not unit.hazmat
    low, high = cards.share("LIQUIDATION_RECOVERY")
    referral, _same = cards.share("LIQUIDATION_REFERRAL_FEE")
    fee = None
    if unit.weight_lb is not None:
        weight = charged_weight_lb(unit.weight_lb, unit.group)
        fee = cards.by_weight("LIQUIDATION_PROCESSING_FEE", unit.group, weight)
    figures = (low, high, referral, fee, unit.selling_price)
    if any(figure is None for figure in figures):
        why = "A figure of the liquidation card, the price or the weight is not known."
        return _Value(option="liquidate", value=None, allowed=allowed, because=why)
    assert low is not None
    assert high is not None
    assert referral is not None
    assert fee is not None
    assert unit.selling_price is not None
    ends = [unit.selling_price * share * (1.0 - referral) - fee for share in (low, high)]
    why = (
        f"{low:.0%} to {high:.0%} of {unit.selling_price:.2f} less {referral:.0%} and {fee:.2f}: "
        f"from {ends[0]:.2f} to {ends[1]:.2f}, the middle counted."
    )
    if not unit.in_network:
        why = "The marketplace liquidates only what lies in its network."
    elif unit.hazmat:
        why = "Dangerous goods are not liquidated."
    return _Value(
        option="liquidate",
        value=(ends[0] + ends[1]) / 2.0,
        allowed=allowed,
        because=why,
        low=ends[0],
        high=ends[1],
    )


def _to_vendor(unit: _Unit, cards: _Cards, params: DispositionParams) -> _Value:
    option = "return_to_vendor"
    if params.vendor_credit_share is None:
        why = "What the supplier credits is not known."
        return _Value(option=option, value=None, allowed=False, because=why)
    fee: float | None = params.return_carriage_cost
    if unit.in_network:
        fee = _card_fee(unit, cards, "REMOVAL_FEE")
    allowed = unit.state == "DEFECTIVE"
    value = None
    if unit.unit_cost is not None and fee is not None:
        value = params.vendor_credit_share * unit.unit_cost - fee - params.handling_cost
    why = f"{params.vendor_credit_share:.0%} of the unit cost is credited."
    if not allowed:
        why = "The supplier takes back defective units only."
    return _Value(option=option, value=value, allowed=allowed, because=why)


def _card_fee(unit: _Unit, cards: _Cards, fee_type: str) -> float | None:
    if unit.weight_lb is None or unit.hazmat:
        # Dangerous goods are handled specially and the card for it is not known.
        return None
    return cards.by_weight(fee_type, unit.group, charged_weight_lb(unit.weight_lb, unit.group))


def _dispose(
    unit: _Unit, cards: _Cards, params: DispositionParams, option: str, own_cost: float
) -> _Value:
    """Return getting rid of a unit; a fulfilment network takes its disposal fee for any way."""
    if not unit.in_network:
        cost: float | None = own_cost + params.handling_cost
        why = f"Costs {cost:.2f} at our own place."
    else:
        cost = _card_fee(unit, cards, "DISPOSAL_FEE")
        why = "The disposal fee is not known." if cost is None else f"Disposal fee {cost:.2f}."
    allowed = option == "dispose" or not unit.hazmat
    if option == "donate" and unit.state in ("EXPIRED", "DEFECTIVE", "DAMAGED"):
        allowed, why = False, f"Found {unit.state.lower()}; not fit to give away."
    elif not allowed:
        why = "Dangerous goods go by disposal only."
    return _Value(
        option=option, value=None if cost is None else -cost, allowed=allowed, because=why
    )


def _returnless(unit: _Unit) -> _Value:
    if unit.is_back:
        why = "The unit is already back."
        return _Value(option="returnless_refund", value=None, allowed=False, because=why)
    why = "The customer keeps it; nothing is carried or handled."
    return _Value(option="returnless_refund", value=0.0, allowed=True, because=why)


def _bench_reasons(
    unit: _Unit,
    options: list[_Value],
    chosen: _Value | None,
    params: DispositionParams,
    bench: _Bench,
) -> list[Reason]:
    """Return why a return does not go the way worth most to itself: others need the bench more."""
    usable = [o for o in options if o.allowed and o.value is not None]
    if not usable or bench.capacity is None:
        return []
    best = max(usable, key=lambda o: (o.value, -OPTIONS.index(o.option)))
    if chosen is best or chosen is None:
        return []
    assert best.value is not None
    assert chosen.value is not None
    lost = (best.value - chosen.value) * unit.quantity
    return [
        Reason(
            subject=f"return:{unit.return_id}",
            reason_code="constraint_bound",
            reference="refurbishing_bench",
            quantity=params.minutes(best.option) * unit.quantity,
            price=bench.price,
            text=(
                f"To {best.option} would bring {lost:.2f} more, but takes "
                f"{params.minutes(best.option) * unit.quantity:.0f} minutes of a bench that is "
                f"full; an hour of it is worth {bench.price * 60.0:.2f} elsewhere."
            ),
        )
    ]


def _reasons(unit: _Unit, options: list[_Value], chosen: _Value | None) -> list[Reason]:
    subject = f"return:{unit.return_id}"
    if chosen is None:
        text = "No allowed way has a known value; see the figures that are missing."
        found = [Reason(subject=subject, reason_code="infeasible", text=text)]
    else:
        assert chosen.value is not None
        found = [
            Reason(
                subject=subject,
                reason_code="disposition",
                reference=chosen.option,
                quantity=float(unit.quantity),
                price=chosen.value,
                text=f"{chosen.option} brings {chosen.value:.2f} a unit. {chosen.because}",
            )
        ]
        others = [o for o in options if o.allowed and o.value is not None and o is not chosen]
        if others:
            second = max(others, key=lambda o: (o.value, -OPTIONS.index(o.option)))
            assert second.value is not None
            less = chosen.value - second.value
            found.append(
                Reason(
                    subject=subject,
                    reason_code="next_best",
                    reference=second.option,
                    quantity=float(unit.quantity),
                    price=less,
                    text=f"Next best is {second.option}, {less:.2f} a unit less.",
                )
            )
    found += [
        Reason(
            subject=subject,
            reason_code="unknown_figure",
            reference=option.option,
            text=f"{option.option}: {option.because}",
        )
        for option in options
        if option.value is None and option.allowed
    ]
    return found
