"""Every fee and cost of one unit in one channel, line by line.

Knows which lines each kind of channel has. What a line takes comes from what was charged,
then from a quote, then from a card, then from an assumption, and the line says which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fivefold.deliver import fees
from fivefold.deliver.channel_stock_costs import stock_lines
from fivefold.deliver.channel_terms import NETWORK_KINDS, Setting, assumed, given
from fivefold.deliver.evidence import FULFILMENT_FEES
from fivefold.deliver.fee_lines import FeeLine
from fivefold.deliver.retail_costs import retail_lines
from fivefold.deliver.size_tiers import SizeTier, pounds
from fivefold.deliver.zones import ASSUMED_ZONE, carriage


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
    elif channel["channel"] in setting.guides:
        lines += [_picking(setting, channel), *retail_lines(setting, item, channel, price=price)]
    else:
        lines += _own_parcel_lines(setting, item, channel)
    if kind == "fba_onsite":
        lines += [_picking(setting, channel)]
    lines += stock_lines(setting, item, channel, size=size)
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
    return given("UNIT_COST", float(cost), "Standard cost of the item.")


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
        return given("PICK_PACK", float(cost), f"Picking at {channel['location']}.")
    return assumed(setting, "PICK_PACK", setting.params.picking_cost, "No picking cost is given.")


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
        assumed(setting, "PACKAGING", setting.params.packaging_cost, "Carton and filling."),
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
    make = assumed if known is None else (lambda _setting, *rest: given(*rest))
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
        lines.append(assumed(setting, "RETURN_HANDLING", share * cost, "Taking back and looking."))
    if kind not in NETWORK_KINDS and kind not in ("fba_onsite", "mcf"):
        cost = params.return_carriage_cost
        lines.append(assumed(setting, "RETURN_CARRIAGE", share * cost, "Carriage of returns."))
    return lines
