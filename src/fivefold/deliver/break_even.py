"""Where two channels draw level: contribution along one lever, and the points at which they cross.

Every point is priced anew from all fee lines, so bands of the cards show as steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import polars as pl

from fivefold.deliver.channel_setting import read_setting, size_of, units_by_place
from fivefold.deliver.channel_terms import ChannelParams, Setting
from fivefold.deliver.channels import choice_in, listed_price
from fivefold.deliver.size_tiers import SizeTier
from fivefold.errors import NotFoundError
from fivefold.model import Dataset

Lever = Literal["price", "days_held", "return_share"]
LEVERS: tuple[Lever, ...] = ("price", "days_held", "return_share")
#: Halvings of an interval in which two channels change order; a step of a card lies in it too.
_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A value of the lever from which on another channel is the better of two."""

    value: float
    better_below: str
    better_above: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Contribution of an item along a lever.

    Parameters
    ----------
    item : str
    lever : str
    today : float
        Where the lever stands now, in the channel that sells most of the item.
    curves : polars.DataFrame
        channel, value, contribution; currency a unit.
    crossings : tuple of Crossing
        Where a channel that is best on one side gives way to another.
    """

    item: str
    lever: Lever
    today: float
    curves: pl.DataFrame
    crossings: tuple[Crossing, ...]


def break_even(
    dataset: Dataset,
    item: str,
    lever: Lever = "days_held",
    params: ChannelParams | None = None,
    *,
    as_of: date,
    points: int = 49,
) -> BreakEven:
    """Return contribution of one item in every eligible channel along one lever.

    Parameters
    ----------
    dataset : Dataset
        As for `choose_channels`.
    item : str
    lever : {'price', 'days_held', 'return_share'}
        Price from half to one and a half of today's, stock from 5 to 365 days, returns from
        none to 40 %.
    points : int
        Points of each curve, at least 2.

    Raises
    ------
    NotFoundError
        If no such item is sold.
    ValueError
        If the lever is not known or `points` is below 2.
    """
    if lever not in LEVERS:
        raise ValueError(f"lever must be one of {', '.join(LEVERS)}, found {lever!r}")
    if points < 2:
        raise ValueError(f"points must be at least 2, found {points}")
    setting = read_setting(dataset, params or ChannelParams(), as_of=as_of)
    rows = dataset["items"].filter(pl.col("item") == item).to_dicts()
    if not rows:
        raise NotFoundError(f"no item {item!r}")
    contributions = _contributions(dataset, setting, rows[0], lever)
    if not contributions:
        raise NotFoundError(f"{item!r} has no price or no channel whose fees are known")
    low, high, today = _range(dataset, setting, rows[0], lever)
    values = [low + (high - low) * step / (points - 1) for step in range(points)]
    curves = pl.DataFrame(
        [
            {"channel": channel, "value": value, "contribution": at(value)}
            for channel, at in contributions.items()
            for value in values
        ],
        schema={"channel": pl.String, "value": pl.Float64, "contribution": pl.Float64},
    )
    return BreakEven(
        item=item,
        lever=lever,
        today=today,
        curves=curves,
        crossings=_crossings(contributions, values),
    )


def _contributions(
    dataset: Dataset, setting: Setting, item: Mapping[str, Any], lever: Lever
) -> dict[str, Callable[[float], float]]:
    """Return contribution as a function of the lever, by channel, where it is known."""
    prices = {
        (row["item"], row["channel"]): row["price"]
        for row in dataset["offers"].iter_rows(named=True)
    }
    size = size_of(item, as_of=setting.as_of)
    units = units_by_place(dataset)
    found: dict[str, Callable[[float], float]] = {}
    for channel in dataset["channels"].sort("channel").iter_rows(named=True):
        price = listed_price(item, channel, prices)
        now = choice_in(setting, item, channel, price, size, units)
        if now is None or not now.eligible or now.contribution is None or price is None:
            continue

        found[channel["channel"]] = _curve(
            setting, item, channel, lever, (float(price), size, units)
        )
    return found


def _curve(
    setting: Setting,
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    lever: Lever,
    now: tuple[float, SizeTier | None, Mapping[tuple[str, str], int]],
) -> Callable[[float], float]:
    """Return the contribution in one channel as a function of the lever, each value asked once."""
    price, size, units = now

    @cache
    def at(value: float) -> float:
        changed = _with_lever(setting, item["item"], channel["location"], lever, value)
        asked = value if lever == "price" else price
        choice = choice_in(changed, item, channel, asked, size, units)
        assert choice is not None
        assert choice.contribution is not None
        return choice.contribution

    return at


def _with_lever(setting: Setting, item: str, place: str, lever: Lever, value: float) -> Setting:
    evidence = setting.evidence
    if lever == "days_held":
        held = {**evidence.days_held, (item, place): value}
        return replace(setting, evidence=replace(evidence, days_held=held))
    if lever == "return_share":
        shares = {**evidence.return_share, item: value}
        return replace(setting, evidence=replace(evidence, return_share=shares))
    return setting


def _range(
    dataset: Dataset, setting: Setting, item: Mapping[str, Any], lever: Lever
) -> tuple[float, float, float]:
    """Return the ends of the lever and where it stands today."""
    code = item["item"]
    if lever == "price":
        price = float(item["price"] or dataset["offers"].filter(item=code)["price"].max() or 0.0)  # type: ignore[arg-type]
        return 0.5 * price, 1.5 * price, price
    if lever == "return_share":
        share = setting.evidence.return_share.get(code, setting.params.return_share)
        return 0.0, max(0.4, share), share
    channel = setting.evidence.today.get(code)
    places = dict(dataset["channels"].select("channel", "location").iter_rows())
    held = setting.evidence.days_held.get((code, places.get(channel, "")))
    days = setting.params.days_held if held is None else held
    return 5.0, max(365.0, days), days


def _crossings(
    contributions: Mapping[str, Callable[[float], float]], values: list[float]
) -> tuple[Crossing, ...]:
    """Return where the best channel changes, each change searched by halving."""

    def best_at(value: float) -> str:
        return max(sorted(contributions), key=lambda channel: contributions[channel](value))

    found: list[Crossing] = []
    for low, high in pairwise(values):
        while (below := best_at(low)) != best_at(high):
            low, above = _change(best_at, low, high)
            found.append(Crossing(value=low, better_below=below, better_above=above))
    return tuple(found)


def _change(best_at: Callable[[float], str], low: float, high: float) -> tuple[float, str]:
    """Return the first point found at which another is best than at `low`, and which."""
    first = best_at(low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if best_at(middle) == first:
            low = middle
        else:
            high = middle
    return high, best_at(high)
