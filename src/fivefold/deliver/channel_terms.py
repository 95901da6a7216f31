"""What every channel's costs are worked out from: assumptions, cards, evidence, places.

Knows how a figure is told that is given, and one that is assumed. Works nothing out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from fivefold.deliver.evidence import Evidence
from fivefold.deliver.fee_cards import FeeBook
from fivefold.deliver.fee_lines import FeeLine

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
    #: By retailer: its routing guide, and the share of its revenue it took off in a year.
    guides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chargeback_shares: Mapping[str, float | None] = field(default_factory=dict)


def given(line: str, amount: float, note: str) -> FeeLine:
    """Return a line whose amount the company's own tables state."""
    return FeeLine(
        line=line, amount=amount, low=amount, high=amount, card="tables", grade="data", note=note
    )


def assumed(setting: Setting, line: str, amount: float, note: str) -> FeeLine:
    """Return a line that is assumed, with how far it may be off to each side."""
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
