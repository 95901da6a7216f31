"""Every fee and cost of one unit in one channel, line by line.

Knows which lines each kind of channel has. What a line takes comes from what was charged,
then from a quote, then from a card, then from an assumption, and the line says which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from fivefold.deliver import fees
from fivefold.deliver.cartons import CartonLimits
from fivefold.deliver.distribution_fees import distribution_lines, units_in_a_carton
from fivefold.deliver.evidence import FULFILMENT_FEES, Evidence
from fivefold.deliver.fee_cards import FeeBook
from fivefold.deliver.fees import FeeLine
from fivefold.deliver.size_tiers import SizeTier, pounds
from fivefold.deliver.zones import ASSUMED_ZONE, carriage

#: Most units of one fulfilment label that FBA Onsite takes.
ONSITE_UNITS_PER_LABEL = 50_000
#: Kinds of channel whose orders leave from the fulfilment network with the marketplace's fees.
NETWORK_KINDS = frozenset({"fba", "awd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParams:
    """What is assumed where the tables are silent, and how channels are compared.

    Parameters
    ----------
    placement : {'minimal', 'partial', 'amazon_optimized'}
        Inbound placement counted for FBA.
    days_held : float
        Time a unit waits in stock where neither stock nor forecast tells. [assumed]
    return_share, sellable_share : float
        Share of units that come back, and of those sold again, where history is silent.
    return_prior_units : float
        Units of the mean of all items that an item's own return share is drawn to.
    picking_cost, packaging_cost, return_carriage_cost, return_handling_cost : float
        Currency a unit where no table tells. [assumed]
    inbound_cost_per_kg : float
        Carriage to the fulfilment network where no lane tells. [assumed]
    assumed_spread_share : float
        How far an assumed figure may be off to each side.
    network_days : float
        Time a unit waits in the fulfilment network when it is fed from upstream storage; the
        rest of its time it waits there. [assumed, cover above the low inventory band]
    onsite_discount_low, onsite_discount_high : float
        Ends of the unknown discount on fulfilment fees for FBA Onsite. The expected
        contribution counts the low end.
    cost_of_capital_share_per_year : float
        Used where the setting of that name is absent.
    least_settled_units : int
        Settled units from which on a settled fee goes before a card.
    """

    placement: Literal["minimal", "partial", "amazon_optimized"] = "minimal"
    days_held: float = 45.0
    return_share: float = 0.06
    sellable_share: float = 0.5
    return_prior_units: float = 100.0
    picking_cost: float = 1.5
    packaging_cost: float = 0.6
    return_carriage_cost: float = 6.0
    return_handling_cost: float = 1.5
    inbound_cost_per_kg: float = 0.8
    assumed_spread_share: float = 0.25
    network_days: float = 30.0
    onsite_discount_low: float = 0.0
    onsite_discount_high: float = 0.5
    cost_of_capital_share_per_year: float = 0.12
    least_settled_units: int = 10

    def __post_init__(self) -> None:
        for name in ("return_share", "sellable_share", "assumed_spread_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must lie in 0 to 1, found {value}")
        if not 0.0 <= self.onsite_discount_low <= self.onsite_discount_high <= 1.0:
            raise ValueError(
                "onsite_discount_low and onsite_discount_high must rise within 0 to 1, found "
                f"{self.onsite_discount_low} and {self.onsite_discount_high}"
            )
        for name in ("days_held", "return_prior_units", "inbound_cost_per_kg", "network_days"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all items share: the cards of the day, the evidence, the places.

    `older` is the card of fulfilment before this one, `before_returns` the last known one of
    returns processing, `upstream_before` the last one of upstream storage known in full.
    """

    params: ChannelParams
    as_of: date
    book: FeeBook
    older: FeeBook
    before_returns: FeeBook
    upstream_before: FeeBook
    evidence: Evidence
    actual: Mapping[tuple[str, str, str], tuple[float, str, str]]
    locations: Mapping[str, Mapping[str, Any]]
    inbound_lanes: Mapping[str, Mapping[str, Any]]
    capital_share_per_year: float
    capital_is_given: bool


def channel_lines(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    *,
    price: float,
    size: SizeTier | None,
) -> list[FeeLine]:
    """Return every line of an item in a channel, costs positive and credits negative."""
    kind = channel["kind"]
    lines = [_unit_cost(item)]
    referral_line: FeeLine | None = None
    if channel["referral_applies"]:
        referral_line = fees.referral(setting.book, category=item["category"], price=price)
        lines.append(referral_line)
        closing = fees.closing(setting.book, category=item["category"])
        if closing is not None:
            lines.append(closing)
    if kind in NETWORK_KINDS or kind in ("fba_onsite", "mcf"):
        lines += _network_lines(setting, item, channel, price=price, size=size)
    else:
        lines += _own_parcel_lines(setting, item, channel)
    if kind == "fba_onsite":
        lines += [_picking(setting, channel)]
    lines += _stock_lines(setting, item, channel, size=size)
    lines = [_as_charged(setting, line, item["item"], channel["channel"]) for line in lines]
    lines = _follow_fulfilment(setting, lines, option="mcf" if kind == "mcf" else "fba")
    if kind == "fba_onsite":
        lines.append(_onsite_discount(setting, lines))
    referral_line = next((line for line in lines if line.line == "REFERRAL_FEES"), None)
    return lines + _return_lines(
        setting, item, channel, price=price, size=size, referral_line=referral_line
    )


def _unit_cost(item: Mapping[str, Any]) -> FeeLine:
    cost = item["unit_cost"]
    if cost is None:
        return FeeLine(line="UNIT_COST", amount=None, grade="unknown", note="Item has no cost.")
    return _given("UNIT_COST", float(cost), "Standard cost of the item.")


def _given(line: str, amount: float, note: str) -> FeeLine:
    return FeeLine(
        line=line, amount=amount, low=amount, high=amount, card="tables", grade="data", note=note
    )


def _assumed(setting: Setting, line: str, amount: float, note: str) -> FeeLine:
    off = setting.params.assumed_spread_share * abs(amount)
    return FeeLine(
        line=line,
        amount=amount,
        low=amount - off,
        high=amount + off,
        card="assumption",
        grade="assumed",
        note=note,
    )


def _as_charged(setting: Setting, line: FeeLine, item: str, channel: str) -> FeeLine:
    """Return the line with what was charged or stated in place of the card, where there is."""
    held = setting.actual.get((item, "", line.line)) if channel_pays_settled(line) else None
    held = held or setting.actual.get((item, channel, line.line))
    if held is None:
        return line
    amount, source, grade = held
    was = "" if line.amount is None else f" The card {line.card} says {line.amount:.2f}."
    return replace(
        line,
        amount=amount,
        low=amount,
        high=amount,
        card=source,
        effective_from=None,
        grade=grade,
        note=f"As charged or stated.{was}",
    )


def channel_pays_settled(line: FeeLine) -> bool:
    """Tell whether a settled fee, which names no channel, can stand for the line."""
    return line.line in FULFILMENT_FEES or line.line in ("REFERRAL_FEES", "CLOSING_FEES")


def _network_lines(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    *,
    price: float,
    size: SizeTier | None,
) -> list[FeeLine]:
    if channel["kind"] == "mcf":
        figure = setting.book.find("MCF_FULFILLMENT_FEE")
        note = "" if figure is None else figure.note
        return [FeeLine(line="MCF_FULFILLMENT_FEE", amount=None, grade="unknown", note=note)]
    if size is None:
        note = "Sides or weight of the item are missing."
        return [FeeLine(line="BASE_FBA_FULFILLMENT_FEE", amount=None, grade="unknown", note=note)]
    kind = fees.product_class(apparel=bool(item["apparel"]), hazmat=bool(item["hazmat"]))
    found = [
        fees.fulfilment(
            setting.book, size=size, product_class=kind, price=price, older=setting.older
        )
    ]
    handling = fees.overmax(setting.book, size=size)
    return found if handling is None else [*found, handling]


def _follow_fulfilment(setting: Setting, lines: list[FeeLine], *, option: str) -> list[FeeLine]:
    """Return the lines with the fuel surcharge after the fulfilment fee it is a share of."""
    found: list[FeeLine] = []
    for line in lines:
        found.append(line)
        if line.line in FULFILMENT_FEES:
            found.append(fees.fuel_surcharge(setting.book, line, option=option))
    return found


def _onsite_discount(setting: Setting, lines: list[FeeLine]) -> FeeLine:
    figure = setting.book.find("FBA_ONSITE_DISCOUNT")
    fee = next(line for line in lines if line.line == "BASE_FBA_FULFILLMENT_FEE")
    largest = fee.high if fee.high is not None else fee.expected
    params = setting.params
    low = None if largest is None else -largest * params.onsite_discount_high
    counted = None if fee.expected is None else -fee.expected * params.onsite_discount_low
    if figure is not None and figure.amount is not None and fee.expected is not None:
        return replace(
            fee.times(figure.amount),
            line="FBA_ONSITE_DISCOUNT",
            amount=-fee.expected * figure.amount,
            low=-fee.expected * figure.amount,
            high=-fee.expected * figure.amount,
            card=figure.card,
            grade=figure.grade,
            note=figure.note,
        )
    return FeeLine(
        line="FBA_ONSITE_DISCOUNT",
        amount=None,
        low=low,
        high=counted,
        card="" if figure is None else figure.card,
        grade="unknown",
        note=(
            f"Not known; ends assume {params.onsite_discount_low:.0%} to "
            f"{params.onsite_discount_high:.0%} of the fulfilment fee, the first is counted."
        ),
        counted=counted,
    )


def _picking(setting: Setting, channel: Mapping[str, Any]) -> FeeLine:
    place = setting.locations.get(channel["location"], {})
    cost = place.get("picking_cost_per_unit")
    if cost is not None:
        return _given("PICK_PACK", float(cost), f"Picking at {channel['location']}.")
    return _assumed(setting, "PICK_PACK", setting.params.picking_cost, "No picking cost is given.")


def parcel_weight_lb(item: Mapping[str, Any]) -> float | None:
    """Return the billable weight of one unit as a parcel: real or dimensional, the greater."""
    if item["weight_kg"] is None:
        return None
    weight = pounds(float(item["weight_kg"]))
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    if any(side is None for side in sides):
        return weight
    volume = math.prod(float(side) / 2.54 for side in sides)
    return max(weight, volume / 139.0)


def _own_parcel_lines(
    setting: Setting, item: Mapping[str, Any], channel: Mapping[str, Any]
) -> list[FeeLine]:
    """Return picking, packaging and carriage of a unit sent from our own place."""
    lines = [
        _picking(setting, channel),
        _assumed(setting, "PACKAGING", setting.params.packaging_cost, "Carton and filling."),
    ]
    weight = parcel_weight_lb(item)
    if weight is None:
        note = "Weight of the item is missing."
        return [*lines, FeeLine(line="PARCEL_CARRIAGE", amount=None, grade="unknown", note=note)]
    mix = setting.evidence.zone_mix.get(channel["location"])
    shares = mix or {ASSUMED_ZONE: 1.0}
    parts = [
        (
            share,
            carriage(
                setting.book,
                zone=zone,
                weight_lb=weight,
                spread_share=setting.params.assumed_spread_share,
            ),
        )
        for zone, share in shares.items()
    ]
    if any(part.amount is None for _share, part in parts):
        return [*lines, parts[0][1]]
    zones = sum(zone * share for zone, share in shares.items())
    where = "of last year's orders" if mix else "assumed, no order names a ZIP code"
    return [
        *lines,
        replace(
            parts[0][1],
            amount=sum(share * (part.amount or 0.0) for share, part in parts),
            low=sum(share * (part.low or 0.0) for share, part in parts),
            high=sum(share * (part.high or 0.0) for share, part in parts),
            note=f"{weight:.2f} lb to mean zone {zones:.1f} ({where}).",
        ),
    ]


def _stock_lines(
    setting: Setting, item: Mapping[str, Any], channel: Mapping[str, Any], *, size: SizeTier | None
) -> list[FeeLine]:
    place = channel["location"]
    held = setting.evidence.days_held.get((item["item"], place))
    days = setting.params.days_held if held is None else held
    lines = []
    if channel["kind"] in NETWORK_KINDS or channel["kind"] == "mcf":
        if size is not None and channel["kind"] == "awd":
            lines += _fed_stock_lines(setting, item, size, days)
        elif size is not None:
            lines += _fba_stock_lines(setting, item, size, days)
        lines.append(_inbound_freight(setting, item, place))
    else:
        lines.append(_own_storage(setting, item, place, days))
    cost = float(item["unit_cost"] or 0.0)
    amount = cost * setting.capital_share_per_year * days / 365.0
    note = f"{setting.capital_share_per_year:.0%} a year on {cost:.2f} for {days:.0f} days."
    if setting.capital_is_given and held is not None:
        lines.append(_given("CAPITAL", amount, note))
    else:
        lines.append(_assumed(setting, "CAPITAL", amount, note))
    return lines


def _fba_stock_lines(
    setting: Setting, item: Mapping[str, Any], size: SizeTier, days: float
) -> list[FeeLine]:
    book = setting.book
    kind = fees.product_class(apparel=bool(item["apparel"]), hazmat=bool(item["hazmat"]))
    a_week = setting.evidence.units_per_year.get(item["item"], 0.0) / 52.0
    return [
        fees.storage(book, size=size, product_class=kind, days_held=days),
        fees.utilisation_surcharge(book, size=size, days_held=days),
        fees.aged_inventory(
            book,
            size=size,
            item_class=fees.aged_class(
                apparel=bool(item["apparel"]), category=item["category"] or ""
            ),
            cover_days=days,
        ),
        fees.placement(book, size=size, option=setting.params.placement),
        fees.low_inventory(book, size=size, cover_days=days, units_per_week=a_week),
    ]


def _fed_stock_lines(
    setting: Setting, item: Mapping[str, Any], size: SizeTier, days: float
) -> list[FeeLine]:
    """Return what stock costs that waits upstream and is sent on as the network sells it."""
    there = min(days, setting.params.network_days)
    exempt = {
        "STORAGE_UTILIZATION_SURCHARGE": "Let off: 70 % or more comes by automatic replenishment.",
        "LOW_INVENTORY_LEVEL_FEE": "Exempt: automatic replenishment from upstream storage.",
    }
    lines = [
        replace(line, amount=0.0, low=0.0, high=0.0, grade="official", note=exempt[line.line])
        if line.line in exempt
        else _maybe_let_off(line)
        if line.line == "FBA_INBOUND_PLACEMENT_SERVICE_FEE"
        else line
        for line in _fba_stock_lines(setting, item, size, there)
    ]
    return lines + distribution_lines(
        setting.book,
        setting.upstream_before,
        size=size,
        units_a_carton=units_in_a_carton(item, size, CartonLimits()),
        days_upstream=max(days - there, 0.0),
    )


def _maybe_let_off(line: FeeLine) -> FeeLine:
    note = "Whether stock fed from upstream storage pays it is not known."
    return replace(line, amount=None, low=0.0, counted=line.expected, grade="unknown", note=note)


def _inbound_freight(setting: Setting, item: Mapping[str, Any], place: str) -> FeeLine:
    name = "INBOUND_FREIGHT"
    weight = item["weight_kg"]
    if weight is None:
        return FeeLine(line=name, amount=None, low=0.0, grade="unknown", note="No weight is given.")
    lane = setting.inbound_lanes.get(place)
    if lane is None:
        amount = float(weight) * setting.params.inbound_cost_per_kg
        return _assumed(setting, name, amount, f"No lane leads to {place}.")
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    volume = 0.0 if None in sides else math.prod(float(side) for side in sides) / 1e6
    amount = (
        float(lane["cost_per_unit"])
        + float(lane["cost_per_kg"]) * float(weight)
        + float(lane["cost_per_m3"]) * volume
    )
    note = f"Lane {lane['origin']} to {place} by {lane['mode']}, fixed cost not in it."
    return _given(name, amount, note)


def _own_storage(setting: Setting, item: Mapping[str, Any], place: str, days: float) -> FeeLine:
    rate = setting.locations.get(place, {}).get("storage_cost_per_m3_month")
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    if rate is None or None in sides:
        return _given("STORAGE", 0.0, f"No storage cost is given for {place}.")
    volume = math.prod(float(side) for side in sides) / 1e6
    amount = float(rate) * volume * days / fees.DAYS_PER_MONTH
    return _given("STORAGE", amount, f"{volume:.5f} m3 held {days:.0f} days.")


def _return_lines(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    *,
    price: float,
    size: SizeTier | None,
    referral_line: FeeLine | None,
) -> list[FeeLine]:
    """Return what returns cost a unit sold: money back, fees, carriage, less goods regained."""
    params, code = setting.params, item["item"]
    known = setting.evidence.return_share.get(code)
    share = params.return_share if known is None else known
    good = setting.evidence.sellable_share.get(code, params.sellable_share)
    make = _assumed if known is None else (lambda _setting, *rest: _given(*rest))
    referral_fee = 0.0 if referral_line is None else referral_line.expected or 0.0
    lines = [
        make(
            setting,
            "REFUNDS",
            share * (price - referral_fee),
            f"{share:.1%} of units come back; price less the referral fee given back.",
        ),
        make(
            setting,
            "RETURNED_GOODS",
            -share * good * float(item["unit_cost"] or 0.0),
            f"{good:.0%} of them can be sold again.",
        ),
    ]
    if referral_line is not None:
        lines.append(fees.refund_administration(setting.book, referral_fee).times(share))
    kind = channel["kind"]
    if (kind in NETWORK_KINDS or kind == "fba_onsite") and size is not None:
        processing = fees.return_processing(
            setting.book,
            size=size,
            product_class="apparel" if item["apparel"] else "non_apparel",
            before=setting.before_returns,
        )
        lines.append(processing.times(share))
    if kind not in NETWORK_KINDS and kind != "mcf":
        cost = params.return_handling_cost
        lines.append(_assumed(setting, "RETURN_HANDLING", share * cost, "Taking back and looking."))
    if kind not in NETWORK_KINDS and kind not in ("fba_onsite", "mcf"):
        cost = params.return_carriage_cost
        lines.append(_assumed(setting, "RETURN_CARRIAGE", share * cost, "Carriage of returns."))
    return lines
