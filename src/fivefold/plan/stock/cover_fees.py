"""Marketplace fees on too little and too much stock, as costs of a level of stock.

Reads the fee cards the dataset brings; where it brings none, or a figure is unknown, the
fee is left out. Bands and exemptions as Amazon's US pages state them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.maths.distributions import demand_loss
from fivefold.model.dataset import Dataset

FloatArray: TypeAlias = NDArray[np.float64]

CUBIC_FEET_PER_M3 = 35.3146667
DAYS_PER_MONTH = 365.0 / 12.0
#: The low-inventory fee spares items that sold fewer units than this in the last seven days.
LOW_INVENTORY_WEEKLY_UNITS = 20.0
#: The utilisation surcharge spares sellers with less stored volume in a size group.
UTILISATION_CUBIC_FEET = 25.0
#: Age from which stock pays the aged-inventory surcharge.
AGED_FROM_DAYS = 180.0
LARGE_STANDARD_SIDES_IN = (18.0, 14.0, 8.0)
SMALL_STANDARD_SIDES_IN = (15.0, 12.0, 0.75)


@dataclass(frozen=True, slots=True)
class Band:
    """A rate that holds from one measure on to another."""

    start: float
    end: float
    amount: float
    card: str
    grade: str


@dataclass(frozen=True, slots=True)
class ItemFees:
    """What one item pays at one place.

    storage, utilisation : by season (jan_sep, oct_dec); storage per unit and month,
        utilisation bands by weeks of supply, per unit and month.
    low : bands by days of cover, per unit shipped.
    aged : per unit and month beyond 180 days.
    """

    storage: tuple[float, float]
    low: tuple[Band, ...]
    utilisation: tuple[tuple[Band, ...], tuple[Band, ...]]
    aged: float
    aged_card: str


def item_fees(
    dataset: Dataset, keys: list[tuple[str, str]], *, as_of: date
) -> list[ItemFees | None]:
    """Return the fees of every (item, location); None where none apply.

    They apply in fulfilment networks and centres of the marketplace, to items with known
    size and weight.
    """
    cards = dataset["fee_cards"].filter(
        (pl.col("effective_from") <= as_of)
        & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= as_of))
        & pl.col("amount").is_not_null()
    )
    if cards.height == 0:
        return [None] * len(keys)
    lines = _Lines(cards)
    charged = {
        row["location"]
        for row in dataset["locations"].iter_rows(named=True)
        if row["kind"] in ("fulfilment_network", "fulfilment_centre")
    }
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    found: dict[str, ItemFees | None] = {}
    answer: list[ItemFees | None] = []
    for item, location in keys:
        if location not in charged or item not in items:
            answer.append(None)
            continue
        if item not in found:
            found[item] = lines.of_item(items[item])
        answer.append(found[item])
    return answer


class _Lines:
    """Lines of the cards in force, by type of fee."""

    def __init__(self, cards: pl.DataFrame) -> None:
        self._by_type: dict[str, list[dict[str, Any]]] = {}
        for row in cards.iter_rows(named=True):
            self._by_type.setdefault(row["fee_type"], []).append(row)

    def of_item(self, row: dict[str, Any]) -> ItemFees | None:
        sides = sorted(
            (row.get(side) or 0.0 for side in ("length_cm", "width_cm", "height_cm")), reverse=True
        )
        weight = (row.get("weight_kg") or 0.0) * 2.20462262
        if min(sides) <= 0 or weight <= 0:
            return None
        inches = [side / 2.54 for side in sides]
        volume = float(np.prod(sides)) / 1e6 * CUBIC_FEET_PER_M3
        charged = max(weight, float(np.prod(inches)) / 139.0)
        small = weight <= 1.0 and _fits(inches, SMALL_STANDARD_SIDES_IN)
        large = charged <= 20.0 and _fits(inches, LARGE_STANDARD_SIDES_IN)
        tier = "small_standard" if small else "large_standard" if large else "oversize"
        group = "oversize" if tier == "oversize" else "standard"
        kind = "dangerous_goods" if row.get("hazmat") else ""
        seasons = ("jan_sep", "oct_dec")
        storage = tuple(
            volume * sum(band.amount for band in self._bands(
                "BASE_MONTHLY_STORAGE_FEE", group, season, kind, charged)[:1])
            for season in seasons
        )  # fmt: skip
        utilisation = tuple(
            tuple(
                Band(band.start, band.end, band.amount * volume, band.card, band.grade)
                for band in self._bands("STORAGE_UTILIZATION_SURCHARGE", group, season, "", charged)
            )
            for season in seasons
        )
        aged = [
            band
            for band in self._bands("AGED_INVENTORY_SURCHARGE", group, "all", "", charged)
            if band.start >= AGED_FROM_DAYS
        ]
        return ItemFees(
            storage=(storage[0], storage[1]),
            low=tuple(self._bands("LOW_INVENTORY_LEVEL_FEE", tier, "all", "", charged)),
            utilisation=(utilisation[0], utilisation[1]),
            aged=aged[0].amount * volume if aged else 0.0,
            aged_card=aged[0].card if aged else "",
        )

    def _bands(
        self, fee_type: str, tier: str, season: str, kind: str, weight_lb: float
    ) -> list[Band]:
        """Return the bands of a fee that hold for a size, season, class and weight."""
        found = []
        for line in self._by_type.get(fee_type, []):
            fits = (
                line["size_tier"] in ("", tier)
                and line["season"] in ("all", season)
                and line["product_class"] == kind
                and (line.get("weight_from_lb") or 0.0) < weight_lb
                and weight_lb <= (line.get("weight_to_lb") or float("inf"))
            )
            if fits:
                end = line["to_value"]
                found.append(
                    Band(
                        start=line["from_value"] or 0.0,
                        end=float("inf") if end is None else end,
                        amount=line["amount"],
                        card=line["card"],
                        grade=line["grade"],
                    )
                )
        return sorted(found, key=lambda band: (band.start, band.amount))


def _fits(sides: list[float], box: tuple[float, ...]) -> bool:
    return all(side <= limit + 1e-9 for side, limit in zip(sides, box, strict=True))


@dataclass(frozen=True, slots=True)
class CoverChoice:
    """Safety stock of one place with fees in its cost; arrays of shape (n_periods,).

    `saved` is what the choice saves a week against ignoring the fees; `why` names the fee
    that moved it and `card` its card, both "" where none did.
    """

    safety: FloatArray
    saved: FloatArray
    why: str
    card: str


def choose_cover(
    fees: ItemFees,
    *,
    safety: FloatArray,
    months: list[int],
    per_day: FloatArray,
    cycle_units: FloatArray,
    lead_mean: FloatArray,
    lead_variance: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    short_cost: float,
    held_per_day: float,
    review_days: float,
    utilisation_applies: bool,
) -> CoverChoice:
    """Return the safety stock that costs least when the fees on cover and age are counted.

    Besides the level margin asks for, the edges of the fees' bands are tried: between two
    edges the cost is convex, so a better level than all of these lies only inside a band
    in which the rate of holding itself changed.

    Parameters
    ----------
    fees : ItemFees
    safety : ndarray, shape (n_periods,)
        Safety stock without fees, units.
    months : list of int
        Calendar month of each period, for the season of storage rates.
    per_day, cycle_units, lead_mean, lead_variance, mean, variance : ndarray, (n_periods,)
        Demand a day; units of a usual receipt; moments over the lead time and over lead
        time and review.
    short_cost, held_per_day, review_days : float
        Cost of a unit short; of a unit held a day, storage included; days of review.
    utilisation_applies : bool
        Whether the seller stores enough for the utilisation surcharge.
    """
    rate = np.maximum(per_day, 1e-9)
    edges = [band.end for band in fees.low if np.isfinite(band.end)]
    candidates = [safety]
    charged = 7.0 * rate >= LOW_INVENTORY_WEEKLY_UNITS
    candidates += [
        np.where(charged, np.maximum(days * rate - 0.5 * cycle_units, safety), safety)
        for days in edges
    ]
    if utilisation_applies:
        weeks = sorted({band.start for season in fees.utilisation for band in season})
        candidates += [
            np.clip(7.0 * edge * rate - 0.5 * cycle_units, 0.0, safety) for edge in weeks if edge
        ]
    # What half a year does not sell of the largest stock, right after a receipt, grows old.
    half_year = AGED_FROM_DAYS * rate
    half_year_variance = variance * half_year / np.maximum(mean, 1e-9)
    candidates.append(np.clip(half_year - cycle_units, 0.0, safety))
    tried = np.stack(candidates)
    season = np.array([int(month >= 10) for month in months])
    on_hand = tried + 0.5 * cycle_units
    cover_days = on_hand / rate
    missed = demand_loss(mean + tried, mean=mean, variance=variance) - demand_loss(
        mean + tried, mean=lead_mean, variance=lead_variance
    )
    cost = 7.0 * held_per_day * on_hand
    cost = cost + short_cost * np.maximum(missed, 0.0) * 7.0 / review_days
    low = np.where(charged, _rate(fees.low, cover_days), 0.0)
    low_cost = low * 7.0 * rate
    over_cost = np.zeros_like(cost)
    if utilisation_applies:
        for index, bands in enumerate(fees.utilisation):
            here = season == index
            monthly = _rate(bands, cover_days / 7.0) * on_hand
            over_cost = np.where(here, monthly * 7.0 / DAYS_PER_MONTH, over_cost)
    top = tried + cycle_units
    old = top - half_year + demand_loss(top, mean=half_year, variance=half_year_variance)
    aged_cost = fees.aged * np.maximum(old, 0.0) * 7.0 / DAYS_PER_MONTH
    total = cost + low_cost + over_cost + aged_cost
    best = np.argmin(total - 1e-9 * np.eye(tried.shape[0])[0][:, None], axis=0)
    columns = np.arange(safety.size)
    chosen, saved = tried[best, columns], total[0] - total[best, columns]
    if not np.any(np.abs(chosen - safety) > 1e-6):
        return CoverChoice(safety, np.zeros_like(safety), "", "")
    drop = {
        "LOW_INVENTORY_LEVEL_FEE": (low_cost[0] - low_cost[best, columns]).sum(),
        "STORAGE_UTILIZATION_SURCHARGE": (over_cost[0] - over_cost[best, columns]).sum(),
        "AGED_INVENTORY_SURCHARGE": (aged_cost[0] - aged_cost[best, columns]).sum(),
    }
    why = max(drop, key=lambda name: drop[name])
    card = {
        "LOW_INVENTORY_LEVEL_FEE": fees.low[0].card if fees.low else "",
        "STORAGE_UTILIZATION_SURCHARGE": next(
            (band.card for bands in fees.utilisation for band in bands), ""
        ),
        "AGED_INVENTORY_SURCHARGE": fees.aged_card,
    }[why]
    return CoverChoice(chosen, saved, why, card)


def _rate(bands: tuple[Band, ...], measure: FloatArray) -> FloatArray:
    """Return the amount of the band each measure falls in; 0 where none does."""
    found = np.zeros_like(measure)
    for band in bands:
        inside = (measure >= band.start - 1e-9) & (measure < band.end - 1e-9)
        found = np.where(inside, band.amount, found)
    return found
