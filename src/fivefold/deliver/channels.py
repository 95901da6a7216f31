"""Which channel serves each item best: contribution with every fee and cost, and how sure.

Reads the tables, asks `channel_costs` for the lines, adds them up, compares, and says why.
It changes no offer. The same demand is taken in every channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from fivefold.deliver import evidence as evidence_of
from fivefold.deliver.channel_costs import (
    ONSITE_UNITS_PER_LABEL,
    ChannelParams,
    Setting,
    channel_lines,
)
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.fees import FeeLine
from fivefold.deliver.size_tiers import SizeTier, size_tier
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Day before the 2026 fulfilment card began, outside the peak: the last card with apparel.
LAST_CARD_WITH_APPAREL = date(2025, 6, 30)
#: Last day of the returns processing card that is known.
LAST_KNOWN_RETURNS_CARD = date(2024, 5, 31)
#: Lines without which a contribution says nothing.
ESSENTIAL = frozenset(
    {"UNIT_COST", "BASE_FBA_FULFILLMENT_FEE", "MCF_FULFILLMENT_FEE", "PARCEL_CARRIAGE"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    channel: str
    price: float
    eligible: bool
    because: str
    lines: tuple[FeeLine, ...]
    contribution: float | None
    low: float | None
    high: float | None


def choose_channels(
    dataset: Dataset, params: ChannelParams | None = None, *, as_of: date
) -> Outcome:
    """Return what every item would pay and bring in every channel, and the best one.

    Parameters
    ----------
    dataset : Dataset
        items, channels, offers, locations; and where there: lanes, inventory, orders,
        returns, forecast_means, stock_targets, projected_stock, returns_forecast,
        listed_fees, settlements, fee_cards.
    params : ChannelParams, optional
    as_of : date
        Day whose cards hold.

    Returns
    -------
    Outcome
        `channel_fees` (a line each), `channel_choices`. Contribution is price less all lines,
        a unit: unknown figures count at the middle of their range where one is known, an
        unknown Onsite discount as its low end; with every one at its worst and best in
        `contribution_low` and `contribution_high`, which are empty where an end is not known.

    Notes
    -----
    Items of kind finished and kit with a price are compared; `is_best` goes to the highest
    expected contribution among the eligible, ties to today's channel, then by code.
    """
    params = params or ChannelParams()
    setting = _setting(dataset, params, as_of)
    channels = dataset["channels"].sort("channel").to_dicts()
    prices = {
        (row["item"], row["channel"]): row["price"]
        for row in dataset["offers"].iter_rows(named=True)
    }
    units = _units_by_place(dataset)
    fee_rows: list[dict[str, object]] = []
    choice_rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"])).sort("item")
    for item in sold.iter_rows(named=True):
        size = _size(item, as_of)
        choices = [
            choice
            for channel in channels
            if (choice := _choice(setting, item, channel, prices, size, units)) is not None
        ]
        if not choices:
            continue
        today = setting.evidence.today.get(item["item"])
        best = _best(choices, today)
        fee_rows += [
            _fee_row(item["item"], choice, line) for choice in choices for line in choice.lines
        ]
        choice_rows += _choice_rows(setting, item["item"], choices, best, today)
        reasons += _reasons(setting, item["item"], choices, best, today)
    if not choice_rows:
        text = "No finished item with a price and no channel to compare it in."
        reasons.append(Reason(subject="channels", reason_code="rule", text=text))
    chosen = schema("channel_choices").frame(choice_rows)
    return Outcome(
        tables={
            "channel_fees": schema("channel_fees").frame(fee_rows),
            "channel_choices": chosen,
        },
        status="optimal",
        objective=float(chosen.filter(pl.col("is_best"))["gain_per_year"].sum()),
        explanations=explanations_frame(reasons),
    )


def _setting(dataset: Dataset, params: ChannelParams, as_of: date) -> Setting:
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
        evidence=found,
        actual=evidence_of.actual_fees(
            dataset, as_of=as_of, since=since, least_units=params.least_settled_units
        ),
        locations={row["location"]: row for row in dataset["locations"].iter_rows(named=True)},
        inbound_lanes=_inbound_lanes(dataset),
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


def _units_by_place(dataset: Dataset) -> dict[tuple[str, str], int]:
    totals = dataset["inventory"].group_by("item", "location").agg(pl.col("on_hand").sum())
    return {(item, place): units for item, place, units in totals.iter_rows()}


def _size(item: Mapping[str, Any], as_of: date) -> SizeTier | None:
    sides = [item["length_cm"], item["width_cm"], item["height_cm"], item["weight_kg"]]
    if any(side is None or side <= 0 for side in sides):
        return None
    return size_tier(
        length_cm=sides[0], width_cm=sides[1], height_cm=sides[2], weight_kg=sides[3], day=as_of
    )


def _choice(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    prices: Mapping[tuple[str, str], float | None],
    size: SizeTier | None,
    units: Mapping[tuple[str, str], int],
) -> _Choice | None:
    price = prices.get((item["item"], channel["channel"]))
    price = item["price"] if price is None else price
    if price is None or price <= 0 or channel["kind"] == "awd":
        return None
    lines = channel_lines(setting, item, channel, price=price, size=size)
    because = _forbidden_by(item, channel, size, units)
    missing = [line for line in lines if line.line in ESSENTIAL and line.expected is None]
    contribution = None if missing else price - sum(line.expected or 0.0 for line in lines)
    return _Choice(
        channel=channel["channel"],
        price=float(price),
        eligible=because == "",
        because=because,
        lines=tuple(lines),
        contribution=contribution,
        low=_end(price, [line.high for line in lines]),
        high=_end(price, [line.low for line in lines]),
    )


def _end(price: float, ends: list[float | None]) -> float | None:
    total = 0.0
    for end in ends:
        if end is None:
            return None
        total += end
    return price - total


def _forbidden_by(
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    size: SizeTier | None,
    units: Mapping[tuple[str, str], int],
) -> str:
    """Return the rule that forbids a channel for an item, empty where none does."""
    if channel["kind"] != "fba_onsite":
        return ""
    if item["hazmat"]:
        return "FBA Onsite takes no dangerous goods."
    if size is None:
        return "FBA Onsite needs sides and weight of the item."
    if size.tier == "xl_150_plus":
        return "FBA Onsite takes no special oversize."
    held = units.get((item["item"], channel["location"]), 0)
    if held > ONSITE_UNITS_PER_LABEL:
        return f"FBA Onsite takes at most 50,000 units of a label; {held:,} are held."
    return ""


def _best(choices: list[_Choice], today: str | None) -> _Choice | None:
    open_ones = [c for c in choices if c.eligible and c.contribution is not None]
    if not open_ones:
        return None
    return min(
        open_ones,
        key=lambda c: (-round(c.contribution or 0.0, 6), c.channel != today, c.channel),
    )


def _fee_row(item: str, choice: _Choice, line: FeeLine) -> dict[str, object]:
    return {
        "item": item,
        "channel": choice.channel,
        "line": line.line,
        "amount": line.amount,
        "amount_low": line.low,
        "amount_high": line.high,
        "counted": line.expected,
        "card": line.card,
        "effective_from": line.effective_from,
        "grade": line.grade,
        "note": line.note,
    }


def _choice_rows(
    setting: Setting, item: str, choices: list[_Choice], best: _Choice | None, today: str | None
) -> list[dict[str, object]]:
    now = next((choice for choice in choices if choice.channel == today), None)
    yearly = setting.evidence.units_per_year.get(item)
    rows: list[dict[str, object]] = []
    for choice in choices:
        gain = None
        if now is not None and None not in (now.contribution, choice.contribution, yearly):
            gain = ((choice.contribution or 0.0) - (now.contribution or 0.0)) * (yearly or 0.0)
        rows.append(
            {
                "item": item,
                "channel": choice.channel,
                "eligible": choice.eligible,
                "ineligible_because": choice.because or None,
                "price": choice.price,
                "contribution": choice.contribution,
                "contribution_low": choice.low,
                "contribution_high": choice.high,
                "is_best": choice is best,
                "is_today": choice is now,
                "gain_per_year": gain,
                "decision": decision_name(item),
            }
        )
    return rows


def decision_name(item: str) -> str:
    """Return the stable name of the choice of channel for an item.

    >>> decision_name("LAMP-1")
    'channel:LAMP-1'
    """
    return f"channel:{item}"


def _reasons(
    setting: Setting, item: str, choices: list[_Choice], best: _Choice | None, today: str | None
) -> list[Reason]:
    subject = decision_name(item)
    if best is None:
        return [
            Reason(
                subject=subject,
                reason_code="infeasible",
                text="No channel is both allowed and known well enough: "
                + "; ".join(_why_not(choice) for choice in choices)
                + ".",
            )
        ]
    assert best.contribution is not None
    found = [
        Reason(
            subject=subject,
            reason_code="unit_cost",
            reference=best.channel,
            quantity=setting.evidence.units_per_year.get(item),
            price=best.contribution,
            text=_made_of(best, today),
        )
    ]
    found += _comparison(subject, choices, best)
    found += _card_reasons(subject, best)
    for choice in choices:
        found += _unknown_reasons(subject, choice)
        if not choice.eligible:
            found.append(
                Reason(
                    subject=subject,
                    reason_code="eligibility",
                    reference=choice.channel,
                    text=f"{choice.channel}: {choice.because}",
                )
            )
    return found


def _why_not(choice: _Choice) -> str:
    if not choice.eligible:
        return f"{choice.channel}: {choice.because.rstrip('.')}"
    missing = [x.line for x in choice.lines if x.line in ESSENTIAL and x.expected is None]
    return f"{choice.channel}: {', '.join(missing)} not known"


def _made_of(best: _Choice, today: str | None) -> str:
    largest = sorted(best.lines, key=lambda line: -abs(line.expected or 0.0))[:4]
    parts = ", ".join(f"{line.line} {line.expected or 0.0:.2f}" for line in largest)
    now = "the channel of today" if best.channel == today else f"today it is {today or 'none'}"
    return (
        f"{best.channel} brings {best.contribution:.2f} a unit at {best.price:.2f}, after {parts} "
        f"and the rest; {now}."
    )


def _comparison(subject: str, choices: list[_Choice], best: _Choice) -> list[Reason]:
    others = [c for c in choices if c is not best and c.eligible and c.contribution is not None]
    if not others:
        return []
    assert best.contribution is not None
    second = max(others, key=lambda c: (c.contribution or 0.0, c.channel))
    difference = best.contribution - (second.contribution or 0.0)
    sure = best.low is not None and second.high is not None and best.low > second.high
    text = (
        f"Next best is {second.channel}, {difference:.2f} a unit less; "
        + (
            "that holds even with every unknown at its worst."
            if sure
            else "the ranges overlap, so unknown figures could turn it."
        )
        + f" They break even where {best.channel} cost {difference:.2f} more a unit"
    )
    text += _break_even(second, difference) + "."
    return [
        Reason(
            subject=subject,
            reason_code="next_best",
            reference=second.channel,
            quantity=difference,
            price=second.contribution,
            text=text,
        )
    ]


def _break_even(second: _Choice, difference: float) -> str:
    """Return at which discount or carriage the second would draw level, where it could."""
    by_name = {line.line: line for line in second.lines}
    if "FBA_ONSITE_DISCOUNT" in by_name:
        fee = by_name["BASE_FBA_FULFILLMENT_FEE"].expected
        if fee and difference < fee:
            return f", or at an Onsite discount of {difference / fee:.0%}"
    carriage = by_name.get("PARCEL_CARRIAGE")
    if carriage is not None and carriage.expected and difference < carriage.expected:
        level = carriage.expected - difference
        return f", or at a carriage of {level:.2f} in place of {carriage.expected:.2f}"
    return ""


def _card_reasons(subject: str, best: _Choice) -> list[Reason]:
    return [
        Reason(
            subject=subject,
            reason_code="fee_card",
            reference=line.card,
            price=line.expected,
            text=(
                f"{line.line} {line.expected:.2f} from {line.card}"
                + (f", in force since {line.effective_from}" if line.effective_from else "")
                + f", grade {line.grade}."
            ),
        )
        for line in best.lines
        if line.expected is not None
        and (line.line in ESSENTIAL or line.line in ("REFERRAL_FEES", "FUEL_LOGISTICS_SURCHARGE"))
        and line.line != "UNIT_COST"
    ]


def _unknown_reasons(subject: str, choice: _Choice) -> list[Reason]:
    return [
        Reason(
            subject=subject,
            reason_code="unknown_figure",
            reference=f"{choice.channel}/{line.line}",
            quantity=None if line.low is None or line.high is None else line.high - line.low,
            price=line.expected,
            text=f"{choice.channel}: {line.line} is not known" + _effect(line) + ".",
        )
        for line in choice.lines
        if line.amount is None
    ]


def _effect(line: FeeLine) -> str:
    if line.low is None and line.high is None:
        if line.line in ESSENTIAL:
            return "; without it nothing can be said of the channel"
        return " and is left out of the contribution"
    low = "?" if line.low is None else f"{line.low + 0.0:.2f}"
    high = "?" if line.high is None else f"{line.high + 0.0:.2f}"
    counted = "left out" if line.expected is None else f"{line.expected + 0.0:.2f} counted"
    return f"; from {low} to {high} a unit, {counted}"
