"""Which channel sells an item month by month: fees have seasons, and changing has a price.

For each item the best path through the months is found exactly; the state is the channel.

References
----------
.. [1] Bellman (1957), *Dynamic Programming*; the recursion is that of the shortest path through
   a layered graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from fivefold.deliver.channel_setting import read_setting, size_of, units_by_place
from fivefold.deliver.channel_terms import ChannelParams, Setting
from fivefold.deliver.channels import choice_in, listed_price
from fivefold.deliver.fee_cards import fulfilment_season
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class MixParams:
    """How far ahead channels are chosen and what a change costs.

    Parameters
    ----------
    months : int
    change_cost : float
        Listing, labels and a person's time for one item's change, currency. [assumed]
    channel : ChannelParams
    """

    months: int = 12
    change_cost: float = 40.0
    channel: ChannelParams = field(default_factory=ChannelParams)

    def __post_init__(self) -> None:
        if not 1 <= self.months <= 60:
            raise ValueError(f"months must be from 1 to 60, found {self.months}")
        if self.change_cost < 0:
            raise ValueError(f"change_cost must not be negative, found {self.change_cost}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What an item brings: contribution (month, channel), units (month), changes (from, to)."""

    item: str
    channels: tuple[str, ...]
    today: int
    contribution: Sequence[Sequence[float]]
    units: Sequence[float]
    change: Sequence[Sequence[float]]


def choose_mix(dataset: Dataset, params: MixParams | None = None, *, as_of: date) -> Outcome:
    """Return for every item the channel of each month that earns most, changes paid for.

    Parameters
    ----------
    dataset : Dataset
        As for `choose_channels`.
    params : MixParams, optional
    as_of : date
        The first month is the one it lies in; its fees are those of the first day to come.

    Returns
    -------
    Outcome
        `channel_plan`; the objective is the gain over staying in the channels of today.
        Reasons say which month changes, what it costs and what it brings.

    Notes
    -----
    Leaving the fulfilment network costs `change_cost` and the removal of stock that a month's
    demand would not sell. Only channels that are allowed and whose fees are known take part.
    """
    params = params or MixParams()
    months = _months(as_of, params.months)
    setting = read_setting(dataset, params.channel, as_of=as_of)
    settings = [_on(setting, max(month, as_of)) for month in months]
    units = _units_a_month(dataset, setting, months)
    rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    gain = 0.0
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"])).sort("item")
    for item in sold.iter_rows(named=True):
        options = _options(
            dataset, params, settings, item, units.get(item["item"], [0.0] * len(months))
        )
        if options is None:
            continue
        path = best_path(options.contribution, options.units, options.change, options.today)
        found = _rows(options, months, path)
        rows += found
        gained = _gain(options, path)
        gain += gained
        reasons += _reasons(options, months, path, gained)
    if not rows:
        text = "No item has a price and a channel whose fees are known."
        reasons.append(Reason(subject="channel_plan", reason_code="rule", text=text))
    return Outcome(
        tables={"channel_plan": schema("channel_plan").frame(rows)},
        status="optimal",
        objective=gain,
        explanations=explanations_frame(reasons),
    )


def best_path(
    contribution: Sequence[Sequence[float]],
    units: Sequence[float],
    change: Sequence[Sequence[float]],
    today: int,
) -> list[int]:
    """Return the channel of each month that earns most in all.

    Parameters
    ----------
    contribution : (months, channels)
        Currency a unit.
    units : (months,)
    change : (channels, channels)
        Currency, from row to column; nothing on the diagonal.
    today : int
        Channel before the first month. Ties stay.

    >>> best_path([[1, 3], [1, 3]], [1, 1], [[0, 3], [3, 0]], 0)
    [1, 1]
    >>> best_path([[1, 3], [4, 1]], [1, 1], [[0, 3], [3, 0]], 0)
    [0, 0]
    """
    count = len(change)
    best = [0.0 if channel == today else float("-inf") for channel in range(count)]
    came: list[list[int]] = []
    for month, row in enumerate(contribution):
        steps = [_into(to, best, change) for to in range(count)]
        best = [
            best[steps[to]] - change[steps[to]][to] + units[month] * row[to] for to in range(count)
        ]
        came.append(steps)
    last = max(range(count), key=lambda c: (best[c], c == today))
    path = [last]
    for steps in reversed(came[1:]):
        path.append(steps[path[-1]])
    return path[::-1]


def _into(to: int, best: Sequence[float], change: Sequence[Sequence[float]]) -> int:
    """Return the channel from which one comes into `to` with most left; ties stay."""
    return max(range(len(best)), key=lambda c: (best[c] - change[c][to], c == to))


def _gain(options: _Options, path: Sequence[int]) -> float:
    """Return what a path brings more than staying."""
    changes = sum(
        options.change[before][now]
        for before, now in zip([options.today, *path[:-1]], path, strict=True)
    )
    more = sum(
        units * (row[now] - row[options.today])
        for units, row, now in zip(options.units, options.contribution, path, strict=True)
    )
    return more - changes


def _months(as_of: date, count: int) -> list[date]:
    first = as_of.year * 12 + as_of.month - 1
    return [date((first + k) // 12, (first + k) % 12 + 1, 1) for k in range(count)]


def _on(setting: Setting, day: date) -> Setting:
    """Return the setting with the card of another day; what was charged holds in its own season."""
    same = fulfilment_season(day) == fulfilment_season(setting.as_of)
    actual = setting.actual if same else {}
    return replace(setting, as_of=day, book=setting.book.on(day), actual=actual)


def _units_a_month(
    dataset: Dataset, setting: Setting, months: Sequence[date]
) -> dict[str, list[float]]:
    """Return units expected by item and month: the forecast, beyond it a twelfth of the year."""
    means = (
        dataset["forecast_means"]
        .with_columns(month=pl.col("period_start").dt.truncate("1mo"))
        .group_by("item", "month")
        .agg(units=pl.col("units_mean").sum(), weeks=pl.col("period_start").n_unique())
    )
    known = {
        (item, month): units * (365.0 / 12.0 / 7.0) / weeks
        for item, month, units, weeks in means.iter_rows()
    }
    return {
        item: [float(known.get((item, month), yearly / 12.0)) for month in months]
        for item, yearly in setting.evidence.units_per_year.items()
    }


def _options(
    dataset: Dataset,
    params: MixParams,
    settings: Sequence[Setting],
    item: Mapping[str, Any],
    units: Sequence[float],
) -> _Options | None:
    """Return the channels an item can use all along, None where there is none."""
    prices = {
        (row["item"], row["channel"]): row["price"]
        for row in dataset["offers"].filter(item=item["item"]).iter_rows(named=True)
    }
    held = units_by_place(dataset)
    found: dict[str, list[float]] = {}
    places: dict[str, Mapping[str, Any]] = {}
    for channel in dataset["channels"].sort("channel").iter_rows(named=True):
        price = listed_price(item, channel, prices)
        choices = [
            choice_in(setting, item, channel, price, size_of(item, as_of=setting.as_of), held)
            for setting in settings
        ]
        usable = [c.contribution for c in choices if c is not None and c.eligible]
        if len(usable) == len(settings) and None not in usable:
            found[channel["channel"]] = [float(value or 0.0) for value in usable]
            places[channel["channel"]] = channel
    today = settings[0].evidence.today.get(item["item"])
    if today not in found:
        return None
    names = tuple(sorted(found))
    return _Options(
        item=item["item"],
        channels=names,
        today=names.index(today),
        contribution=[[found[name][month] for name in names] for month in range(len(settings))],
        units=units,
        change=[
            [
                0.0
                if one == other
                else params.change_cost
                + _removal(settings[0], item, places[one], places[other], held, units[0])
                for other in names
            ]
            for one in names
        ],
    )


def _removal(
    setting: Setting,
    item: Mapping[str, Any],
    left: Mapping[str, Any],
    entered: Mapping[str, Any],
    held: Mapping[tuple[str, str], int],
    month: float,
) -> float:
    """Return what taking back stock costs that a month's demand would not have sold."""
    if left["location"] == entered["location"] or left["kind"] not in ("fba", "mcf"):
        return 0.0
    over = max(held.get((item["item"], left["location"]), 0) - month, 0.0)
    size = size_of(item, as_of=setting.as_of)
    if size is None or over == 0.0:
        return 0.0
    figure = setting.book.find("REMOVAL_FEE", size_tier=size.group, value=size.shipping_weight_lb)
    fee = None if figure is None else figure.at(size.shipping_weight_lb)
    return 0.0 if fee is None else over * fee


def _rows(
    options: _Options, months: Sequence[date], path: Sequence[int]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    before = options.today
    for month, start in enumerate(months):
        now = path[month]
        switch = options.change[before][now]
        units = options.units[month]
        rows.append(
            {
                "item": options.item,
                "month": start,
                "channel": options.channels[now],
                "units": units,
                "contribution": options.contribution[month][now],
                "switch_value": switch,
                "value": units * options.contribution[month][now] - switch,
                "stay_value": units * options.contribution[month][options.today],
                "decision": f"channel-mix:{options.item}",
            }
        )
        before = now
    return rows


def _reasons(
    options: _Options, months: Sequence[date], path: Sequence[int], gained: float
) -> list[Reason]:
    subject = f"channel-mix:{options.item}"
    changes = [
        (months[month], before, now)
        for month, (before, now) in enumerate(zip([options.today, *path[:-1]], path, strict=True))
        if before != now
    ]
    if not changes:
        return [
            Reason(
                subject=subject,
                reason_code="unit_cost",
                reference=options.channels[options.today],
                text=f"{options.channels[options.today]} earns most in every month once a change "
                "is paid for.",
            )
        ]
    said = "; ".join(
        f"from {month:%B %Y} {options.channels[now]} in place of {options.channels[before]}, "
        f"which costs {options.change[before][now]:.2f}"
        for month, before, now in changes
    )
    return [
        Reason(
            subject=subject,
            reason_code="change",
            reference=options.channels[changes[-1][2]],
            quantity=sum(options.units),
            price=gained,
            text=f"{said[0].upper()}{said[1:]}; {gained:,.2f} more in {len(months)} months than "
            f"staying in {options.channels[options.today]}.",
        )
    ]
