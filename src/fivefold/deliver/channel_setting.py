"""What the tables say that all items share when channels are compared.

Reads cards, evidence, places and lanes of a dataset into one `Setting`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.deliver import evidence as evidence_of
from fivefold.deliver.channel_terms import ChannelParams, Setting
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.size_tiers import SizeTier, size_tier
from fivefold.model import Dataset

#: Day before the 2026 fulfilment card began, outside the peak: the last card with apparel.
LAST_CARD_WITH_APPAREL = date(2025, 6, 30)
#: Last day of the returns processing card that is known.
LAST_KNOWN_RETURNS_CARD = date(2024, 5, 31)
#: Last day of the card of upstream storage that is known in full.
LAST_KNOWN_UPSTREAM_CARD = date(2026, 1, 14)


def read_setting(dataset: Dataset, params: ChannelParams, *, as_of: date) -> Setting:
    """Return the cards in force on `as_of`, the evidence and the places of a dataset."""
    cards = cards_with(dataset["fee_cards"])
    book = FeeBook(cards, day=as_of)
    since = _card_began(book, as_of)
    capital = dataset.setting("cost_of_capital_share_per_year")
    found = evidence_of.Evidence(
        units_per_year=evidence_of.units_per_year(dataset, as_of=as_of),
        days_held=evidence_of.days_held(dataset, as_of=as_of),
        return_share=evidence_of.return_shares(
            dataset,
            as_of=as_of,
            prior_units=params.return_prior_units,
        ),
        sellable_share=evidence_of.sellable_shares(dataset, as_of=as_of),
        zone_mix=evidence_of.zone_mix(dataset, as_of=as_of),
        today=evidence_of.channels_today(dataset, as_of=as_of),
    )
    return Setting(
        params=params,
        as_of=as_of,
        book=book,
        older=FeeBook(cards, day=LAST_CARD_WITH_APPAREL),
        before_returns=FeeBook(cards, day=LAST_KNOWN_RETURNS_CARD),
        upstream_before=FeeBook(cards, day=LAST_KNOWN_UPSTREAM_CARD),
        evidence=found,
        actual=evidence_of.actual_fees(
            dataset, as_of=as_of, since=since, least_units=params.least_settled_units
        ),
        locations={row["location"]: row for row in dataset["locations"].iter_rows(named=True)},
        inbound_lanes=_inbound_lanes(dataset),
        guides={row["channel"]: row for row in dataset["routing_guides"].iter_rows(named=True)},
        chargeback_shares=_chargeback_shares(dataset, as_of=as_of),
        capital_share_per_year=dataset.setting_number(
            "cost_of_capital_share_per_year", params.cost_of_capital_share_per_year
        ),
        capital_is_given=capital is not None,
    )


def _card_began(book: FeeBook, as_of: date) -> date:
    """Return the day from which on a charged fulfilment fee is of the card and season in force."""
    figure = book.find(
        "BASE_FBA_FULFILLMENT_FEE",
        size_tier="large_standard",
        value=1.0,
        price=20.0,
        product_class="non_apparel",
    )
    card = date(as_of.year - 1, 1, 1) if figure is None else figure.effective_from
    year = as_of.year
    turns = [date(year - 1, 10, 15), date(year, 1, 15), date(year, 10, 15)]
    return max(card, *(turn for turn in turns if turn <= as_of))


def _chargeback_shares(dataset: Dataset, *, as_of: date) -> dict[str, float | None]:
    """Return what each retailer took off of what was sold to it within a year."""
    since = as_of - timedelta(days=365)
    shares: dict[str, float | None] = {}
    for channel in dataset["routing_guides"]["channel"]:
        here = pl.col("channel") == channel
        sold = dataset["orders"].filter(here & (pl.col("shipped_on") > since))
        revenue = float((sold["unit_price"].fill_null(0.0) * sold["quantity"]).sum())
        taken = dataset["chargebacks"].filter(here & (pl.col("on") > since))
        shares[channel] = float(taken["booked"].sum()) / revenue if revenue else None
    return shares


def _inbound_lanes(dataset: Dataset) -> dict[str, Mapping[str, Any]]:
    """Return the cheapest lane by weight to each place from one of our own."""
    own = dataset["locations"].filter(pl.col("kind").is_in(["warehouse", "plant"]))["location"]
    lanes = (
        dataset["lanes"]
        .filter(pl.col("origin").is_in(own.implode()))
        .sort(
            "destination", "cost_per_kg", "cost_per_unit", "origin", "mode", descending=[False] * 5
        )
    )
    found: dict[str, Mapping[str, Any]] = {}
    for row in lanes.iter_rows(named=True):
        found.setdefault(row["destination"], row)
    return found


def units_by_place(dataset: Dataset) -> dict[tuple[str, str], int]:
    """Return units on hand of each item at each place."""
    totals = dataset["inventory"].group_by("item", "location").agg(pl.col("on_hand").sum())
    return {(item, place): units for item, place, units in totals.iter_rows()}


def size_of(item: Mapping[str, Any], *, as_of: date) -> SizeTier | None:
    """Return the size tier of an item, None where sides or weight are not known."""
    sides = [item["length_cm"], item["width_cm"], item["height_cm"], item["weight_kg"]]
    if any(side is None or side <= 0 for side in sides):
        return None
    return size_tier(
        length_cm=sides[0], width_cm=sides[1], height_cm=sides[2], weight_kg=sides[3], day=as_of
    )
