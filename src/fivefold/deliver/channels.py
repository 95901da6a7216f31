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

from fivefold.deliver.channel_costs import channel_lines
from fivefold.deliver.channel_setting import read_setting, size_of, units_by_place
from fivefold.deliver.channel_terms import ChannelParams, Setting
from fivefold.deliver.eligibility import forbidden_by
from fivefold.deliver.fee_lines import FeeLine
from fivefold.deliver.size_tiers import SizeTier
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Lines without which a contribution says nothing.
ESSENTIAL = frozenset(
    {"UNIT_COST", "BASE_FBA_FULFILLMENT_FEE", "MCF_FULFILLMENT_FEE", "PARCEL_CARRIAGE"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One item in one channel: every line of a unit, what is left of the price, its ends.

    `contribution` is None where an essential line is not known, `low` and `high` where an end
    is not.
    """

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
    setting = read_setting(dataset, params, as_of=as_of)
    channels = dataset["channels"].sort("channel").to_dicts()
    prices = {
        (row["item"], row["channel"]): row["price"]
        for row in dataset["offers"].iter_rows(named=True)
    }
    units = units_by_place(dataset)
    fee_rows: list[dict[str, object]] = []
    choice_rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"])).sort("item")
    for item in sold.iter_rows(named=True):
        size = size_of(item, as_of=as_of)
        choices = [
            choice
            for channel in channels
            if (
                choice := choice_in(
                    setting, item, channel, listed_price(item, channel, prices), size, units
                )
            )
            is not None
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


def listed_price(
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    prices: Mapping[tuple[str, str], float | None],
) -> float | None:
    """Return the offer's price in the channel, else the item's own."""
    price = prices.get((item["item"], channel["channel"]))
    return item["price"] if price is None else price


def choice_in(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    price: float | None,
    size: SizeTier | None,
    units: Mapping[tuple[str, str], int],
) -> Choice | None:
    """Return what one unit at `price` brings in a channel, None where nobody would sell it.

    Units on hand by item and place decide whether a rule forbids the channel.
    """
    if price is None or price <= 0:
        return None
    lines = channel_lines(setting, item, channel, price=price, size=size)
    because = forbidden_by(item, channel, size, units)
    missing = [line for line in lines if line.line in ESSENTIAL and line.expected is None]
    contribution = None if missing else price - sum(line.expected or 0.0 for line in lines)
    return Choice(
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


def _best(choices: list[Choice], today: str | None) -> Choice | None:
    open_ones = [c for c in choices if c.eligible and c.contribution is not None]
    if not open_ones:
        return None
    return min(
        open_ones,
        key=lambda c: (-round(c.contribution or 0.0, 6), c.channel != today, c.channel),
    )


def _fee_row(item: str, choice: Choice, line: FeeLine) -> dict[str, object]:
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
    setting: Setting, item: str, choices: list[Choice], best: Choice | None, today: str | None
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
    setting: Setting, item: str, choices: list[Choice], best: Choice | None, today: str | None
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


def _why_not(choice: Choice) -> str:
    if not choice.eligible:
        return f"{choice.channel}: {choice.because.rstrip('.')}"
    missing = [x.line for x in choice.lines if x.line in ESSENTIAL and x.expected is None]
    return f"{choice.channel}: {', '.join(missing)} not known"


def _made_of(best: Choice, today: str | None) -> str:
    largest = sorted(best.lines, key=lambda line: -abs(line.expected or 0.0))[:4]
    parts = ", ".join(f"{line.line} {line.expected or 0.0:.2f}" for line in largest)
    now = "the channel of today" if best.channel == today else f"today it is {today or 'none'}"
    return (
        f"{best.channel} brings {best.contribution:.2f} a unit at {best.price:.2f}, after {parts} "
        f"and the rest; {now}."
    )


def _comparison(subject: str, choices: list[Choice], best: Choice) -> list[Reason]:
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


def _break_even(second: Choice, difference: float) -> str:
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


def _card_reasons(subject: str, best: Choice) -> list[Reason]:
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


def _unknown_reasons(subject: str, choice: Choice) -> list[Reason]:
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
