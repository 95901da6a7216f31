"""What selling a unit through a retailer costs beside picking: freight, chargebacks, credit.

Knows a retailer by its routing guide. What was never taken off and has no rate is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivefold.deliver.channel_terms import Setting, assumed, given
from fivefold.deliver.fee_lines import FeeLine


def retail_lines(
    setting: Setting, item: Mapping[str, Any], channel: Mapping[str, Any], *, price: float
) -> list[FeeLine]:
    """Return freight on pallets, chargebacks as history has them, and the days until it pays."""
    name = channel["channel"]
    weight = item["weight_kg"]
    if weight is None:
        note = "Weight of the item is missing."
        freight = FeeLine(line="RETAIL_FREIGHT", amount=None, grade="unknown", note=note)
    else:
        each = setting.params.inbound_cost_per_kg
        note = f"{weight:.2f} kg on pallets at {each:.2f} a kg."
        freight = assumed(setting, "RETAIL_FREIGHT", each * float(weight), note)
    return [freight, _chargebacks(setting, name, price), *_credit(setting, name, price)]


def _chargebacks(setting: Setting, channel: str, price: float) -> FeeLine:
    share = setting.chargeback_shares.get(channel)
    if share is None:
        note = "No order of this retailer has shipped within a year; counted as nothing."
        return FeeLine(
            line="CHARGEBACKS", amount=None, low=0.0, counted=0.0, grade="unknown", note=note
        )
    return given("CHARGEBACKS", share * price, f"{share:.1%} of what was sold to it within a year.")


def _credit(setting: Setting, channel: str, price: float) -> list[FeeLine]:
    days = setting.guides[channel]["payment_days"]
    if days is None:
        note = "When it pays is not known."
        return [FeeLine(line="PAYMENT_TERMS", amount=None, low=0.0, counted=0.0,
                        grade="unknown", note=note)]  # fmt: skip
    amount = price * setting.capital_share_per_year * days / 365.0
    return [given("PAYMENT_TERMS", amount, f"Paid after {days} days.")]
