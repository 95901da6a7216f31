"""Items that could be offered, read from the tables: demand, options, room, substitutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset
from fivefold.plan.portfolio.states import Candidate, Option

FloatArray = NDArray[np.float64]
WEEKS_A_YEAR = 52
#: Ends of demand that one in ten falls below, or above.
_Z80 = 1.2815515655446004
#: Spread of a year's demand around its forecast, where a plan gives none. [assumed]
_YEAR_SD_SHARE = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is known of one item.

    Parameters
    ----------
    item, family, status : str
    demand, low, high : float
        Units a year were everything offered, and its ends.
    weekly : ndarray
        Forecast by week, for steadiness.
    offered : bool
        Whether it is offered today.
    today : str
        Its channel today, "" where it is not offered.
    options : tuple of Option
        Ways to offer it, today's first.
    contribution_ends : mapping of channel to (low, high)
    cash, volume : float
        Mean money and room its planned stock takes.
    stock : float
        Units there today.
    lead_days : float
    minimum : int
        Least units an order may have.
    analogues : int
        Items its demand was read off; 0 where its own record told it.
    """

    item: str
    family: str
    status: str
    demand: float
    low: float
    high: float
    weekly: FloatArray
    offered: bool
    today: str
    options: tuple[Option, ...]
    contribution_ends: Mapping[str, tuple[float | None, float | None]]
    cash: float
    volume: float
    stock: float
    lead_days: float
    minimum: int
    analogues: int

    def candidate(self, demand: float) -> Candidate:
        """Return the item as the solver sees it, at a demand a year."""
        return Candidate(item=self.item, demand=demand, options=self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All items and the limits they share."""

    items: tuple[Item, ...]
    limits: tuple[tuple[str, float], ...]

    @property
    def amounts(self) -> FloatArray:
        """Amount of each limit, shape (n_limits,)."""
        return np.array([amount for _, amount in self.limits], dtype=np.float64)


def read_items(
    dataset: Dataset,
    *,
    as_of: date,
    fixed_cost: float,
    move_cost: float,
    cash_limit: float | None,
    unsold_share: float,
) -> Known:
    """Return every finished item or kit with a known contribution, and the shared limits.

    Parameters
    ----------
    dataset : Dataset
        items, channels, channel_choices, forecast_means; and where there: offers,
        sales_history, projected_stock, inventory, stock_targets, supplier_offers, limits_rules.
    fixed_cost, move_cost : float
        Cost a year of carrying an item, and of changing its channel.
    cash_limit : float or None
        Most money in stock on average.
    unsold_share : float
        Share of its cost lost on a unit of a minimum order that a year does not sell.
    """
    places = dict(dataset["channels"].select("channel", "location").iter_rows())
    limits = _limits(dataset, cash_limit)
    forecast, weekly = _forecast(dataset)
    past = _past_year(dataset, as_of, weeks=WEEKS_A_YEAR)
    horizon = max((len(w) for w in weekly.values()), default=0)
    rest = _past_year(dataset, as_of, weeks=max(0, WEEKS_A_YEAR - horizon))
    stock = _mean_stock(dataset)
    on_hand = _on_hand(dataset)
    minimum = _minimum_orders(dataset)
    leads = _leads(dataset)
    choices: dict[str, list[dict[str, Any]]] = {}
    for row in dataset["channel_choices"].sort("item", "channel").iter_rows(named=True):
        if row["contribution"] is not None:
            choices.setdefault(row["item"], []).append(row)
    offered = _offered(dataset)
    rows = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"])).sort("item")
    found = []
    for row in rows.iter_rows(named=True):
        code = row["item"]
        ways = [way for way in choices.get(code, []) if way["eligible"] or way["is_today"]]
        if not ways:
            continue
        selling = code in offered and row["status"] != "ended"
        demand = forecast.get(code, 0.0) + rest.get(code, 0.0)
        demand = demand if selling else max(past.get(code, 0.0), forecast.get(code, 0.0))
        held = stock.get(code, {})
        sold = max(demand, 1.0)
        today = next((way["channel"] for way in ways if way["is_today"]), "") if selling else ""
        per_unit = (row["unit_cost"] or 0.0) * sum(held.values()) / sold
        volume = _volume(row)
        wasted = _wasted(row, minimum.get(code, 0), demand, on_hand.get(code, 0.0), unsold_share)
        options = _options(ways, today, places, held, limits, (per_unit, volume, sold))
        found.append(
            Item(
                item=code,
                family=row["family"] or row["category"] or code,
                status=row["status"],
                demand=demand,
                low=max(0.0, demand * (1 - _Z80 * _YEAR_SD_SHARE)),
                high=demand * (1 + _Z80 * _YEAR_SD_SHARE),
                weekly=weekly.get(code, np.zeros(1)),
                offered=selling,
                today=today,
                options=tuple(
                    Option(
                        channel=channel,
                        contribution=left,
                        fixed=fixed_cost
                        + wasted
                        + (move_cost if today and channel != today else 0.0),
                        per_unit=takes,
                    )
                    for channel, left, takes in options
                ),
                contribution_ends={
                    way["channel"]: (way["contribution_low"], way["contribution_high"])
                    for way in ways
                },
                cash=(row["unit_cost"] or 0.0) * sum(held.values()),
                volume=volume * sum(held.values()),
                stock=on_hand.get(code, 0.0),
                lead_days=leads.get(code, 60.0),
                minimum=minimum.get(code, 0),
                analogues=0,
            )
        )
    return Known(items=tuple(_with_analogues(found)), limits=tuple(limits))


def groups_of(items: tuple[Item, ...], *, most: int) -> list[list[int]]:
    """Return the numbers of items that stand in for each other: families, cut by demand.

    A family larger than `most` is cut into runs of near size, since states multiply; between
    the runs no demand goes over.
    """
    families: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        families.setdefault(item.family, []).append(number)
    found = []
    for members in families.values():
        ordered = sorted(members, key=lambda i: (-items[i].demand, items[i].item))
        parts = -(-len(ordered) // most)
        size = -(-len(ordered) // parts)
        found += [ordered[start : start + size] for start in range(0, len(ordered), size)]
    return found


def _with_analogues(items: list[Item]) -> list[Item]:
    """Return items with demand read off their family where they have no record of their own.

    A newcomer is taken to sell the geometric mean of its family's items that sell, with their
    spread: one family's best and worst lie between the ends.
    """
    from dataclasses import replace

    families: dict[str, list[float]] = {}
    for item in items:
        if item.demand >= 1.0:
            families.setdefault(item.family, []).append(item.demand)
    every = [demand for some in families.values() for demand in some]
    answer = []
    for item in items:
        peers = families.get(item.family) or every
        if item.demand >= 1.0 or item.offered or item.status == "ended" or not peers:
            answer.append(item)
            continue
        logs = np.log(peers)
        middle, spread = float(logs.mean()), float(max(logs.std(), 0.5))
        answer.append(
            replace(
                item,
                demand=float(np.exp(middle)),
                low=float(np.exp(middle - _Z80 * spread)),
                high=float(np.exp(middle + _Z80 * spread)),
                analogues=len(peers),
            )
        )
    return answer


def _limits(dataset: Dataset, cash_limit: float | None) -> list[tuple[str, float]]:
    """Return cash in stock and room at each place, where limited."""
    found = [] if cash_limit is None else [("cash", cash_limit)]
    room = dataset["limits_rules"].filter(pl.col("kind") == "storage_m3")
    least: dict[str, float] = {}
    for subject, amount in room.select("subject", "amount_per_week").iter_rows():
        least[subject] = min(amount, least.get(subject, np.inf))
    dated = dataset["limits"].filter(pl.col("kind") == "storage_m3")
    for subject, amount in (
        dated.group_by("subject").agg(pl.col("amount").mean()).sort("subject").rows()
    ):
        least[subject] = min(float(amount), least.get(subject, np.inf))
    return found + sorted(least.items())


def _options(
    ways: list[dict[str, Any]],
    today: str,
    places: Mapping[str, str],
    held: Mapping[str, float],
    limits: list[tuple[str, float]],
    figures: tuple[float, float, float],
) -> list[tuple[str, float, FloatArray]]:
    """Return today's channel and the best other one, with what a unit takes of each limit."""
    cash, volume, sold = figures
    ranked = sorted(
        (way for way in ways if way["eligible"]), key=lambda w: (-w["contribution"], w["channel"])
    )
    chosen = [way for way in ways if way["channel"] == today]
    chosen += [way for way in ranked if way["channel"] != today][:1]
    total = sum(held.values())
    found = []
    for way in chosen:
        place = places.get(way["channel"], "")
        here = dict(held) if held.get(place, 0.0) > 0 else {place: total}
        takes = np.array(
            [cash if name == "cash" else volume * here.get(name, 0.0) / sold for name, _ in limits]
        )
        found.append((way["channel"], float(way["contribution"]), takes))
    return found


def _wasted(
    row: Mapping[str, Any], minimum: int, demand: float, stock: float, unsold_share: float
) -> float:
    """Return what the part of a minimum order that a year does not sell costs."""
    if minimum <= 0 or stock >= demand:
        return 0.0
    left = max(0.0, minimum - (demand - stock))
    lost = max(0.0, (row["unit_cost"] or 0.0) - (row["salvage_value"] or 0.0))
    return left * lost * unsold_share


def _forecast(dataset: Dataset) -> tuple[dict[str, float], dict[str, FloatArray]]:
    by_week = (
        dataset["forecast_means"]
        .group_by("item", "period_start")
        .agg(pl.col("units_mean").sum())
        .sort("item", "period_start")
    )
    weekly = {
        str(key[0]): rows["units_mean"].to_numpy().astype(np.float64)
        for key, rows in by_week.group_by("item", maintain_order=True)
    }
    return {item: float(units.sum()) for item, units in weekly.items()}, weekly


def _past_year(dataset: Dataset, as_of: date, *, weeks: int) -> dict[str, float]:
    """Return units wanted in the weeks of last year that follow the plan's horizon's season."""
    rows = dataset["sales_history"].filter(
        (pl.col("date") >= as_of - timedelta(weeks=weeks)) & (pl.col("date") < as_of)
    )
    sums = rows.group_by("item").agg(pl.col("units").sum())
    return {item: float(units) for item, units in sums.iter_rows()}


def _mean_stock(dataset: Dataset) -> dict[str, dict[str, float]]:
    means = (
        dataset["projected_stock"]
        .group_by("item", "location")
        .agg(pl.col("closing").clip(lower_bound=0.0).mean())
    )
    found: dict[str, dict[str, float]] = {}
    for item, place, units in means.sort("item", "location").iter_rows():
        found.setdefault(item, {})[place] = float(units)
    return found


def _on_hand(dataset: Dataset) -> dict[str, float]:
    held = dataset["inventory"].filter(pl.col("condition") == "sellable")
    sums = held.group_by("item").agg(pl.col("on_hand").sum())
    return {item: float(units) for item, units in sums.iter_rows()}


def _minimum_orders(dataset: Dataset) -> dict[str, int]:
    table = dataset["supplier_offers"]
    if "minimum_quantity" not in table.columns:
        return {}
    sums = table.group_by("item").agg(pl.col("minimum_quantity").min())
    return {item: int(units or 0) for item, units in sums.iter_rows()}


def _leads(dataset: Dataset) -> dict[str, float]:
    rows = dataset["stock_targets"].filter(pl.col("lead_time_days_mean").is_not_null())
    most = rows.group_by("item").agg(pl.col("lead_time_days_mean").max())
    return {item: float(days) for item, days in most.iter_rows()}


def _offered(dataset: Dataset) -> set[str]:
    offers = dataset["offers"].filter(pl.col("active").fill_null(value=True))
    if offers.height:
        return set(offers["item"].to_list())
    today = dataset["channel_choices"].filter(pl.col("is_today").fill_null(value=False))
    return set(today["item"].to_list())


def _volume(row: Mapping[str, Any]) -> float:
    sides = [row[side] for side in ("length_cm", "width_cm", "height_cm")]
    return float(np.prod(sides)) / 1e6 if all(sides) else 0.0
