"""What a unit costs while it waits to be sold: storage, placement, inbound freight, capital.

Knows the lines of stock of each kind of channel. What an order costs is not here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fivefold.deliver import fees, stock_fees
from fivefold.deliver.cartons import CartonLimits
from fivefold.deliver.channel_terms import NETWORK_KINDS, Setting, assumed, given
from fivefold.deliver.distribution_fees import distribution_lines, units_in_a_carton
from fivefold.deliver.fee_lines import DAYS_PER_MONTH, FeeLine
from fivefold.deliver.size_tiers import SizeTier


def stock_lines(
    setting: Setting, item: Mapping[str, Any], channel: Mapping[str, Any], *, size: SizeTier | None
) -> list[FeeLine]:
    """Return what a unit of an item costs in a channel while it waits to be sold."""
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
        lines.append(given("CAPITAL", amount, note))
    else:
        lines.append(assumed(setting, "CAPITAL", amount, note))
    return lines


def _fba_stock_lines(
    setting: Setting, item: Mapping[str, Any], size: SizeTier, days: float
) -> list[FeeLine]:
    book = setting.book
    kind = fees.product_class(apparel=bool(item["apparel"]), hazmat=bool(item["hazmat"]))
    a_week = setting.evidence.units_per_year.get(item["item"], 0.0) / 52.0
    return [
        stock_fees.storage(book, size=size, product_class=kind, days_held=days),
        stock_fees.utilisation_surcharge(book, size=size, days_held=days),
        stock_fees.aged_inventory(
            book,
            size=size,
            item_class=fees.aged_class(
                apparel=bool(item["apparel"]), category=item["category"] or ""
            ),
            cover_days=days,
        ),
        stock_fees.placement(book, size=size, option=setting.params.placement),
        stock_fees.low_inventory(book, size=size, cover_days=days, units_per_week=a_week),
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
        return assumed(setting, name, amount, f"No lane leads to {place}.")
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    volume = 0.0 if None in sides else math.prod(float(side) for side in sides) / 1e6
    amount = (
        float(lane["cost_per_unit"])
        + float(lane["cost_per_kg"]) * float(weight)
        + float(lane["cost_per_m3"]) * volume
    )
    note = f"Lane {lane['origin']} to {place} by {lane['mode']}, fixed cost not in it."
    return given(name, amount, note)


def _own_storage(setting: Setting, item: Mapping[str, Any], place: str, days: float) -> FeeLine:
    rate = setting.locations.get(place, {}).get("storage_cost_per_m3_month")
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    if rate is None or None in sides:
        return given("STORAGE", 0.0, f"No storage cost is given for {place}.")
    volume = math.prod(float(side) for side in sides) / 1e6
    amount = float(rate) * volume * days / DAYS_PER_MONTH
    return given("STORAGE", amount, f"{volume:.5f} m3 held {days:.0f} days.")
