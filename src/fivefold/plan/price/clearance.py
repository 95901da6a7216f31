"""Which stock is too old or too much, what it costs to keep, and what the ways out bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset
from fivefold.plan.price.situations import Sold
from fivefold.plan.stock.cover_fees import ItemFees, item_fees

FloatArray = NDArray[np.float64]
DAYS_PER_MONTH = 365.0 / 12.0
POUNDS = 2.20462262
#: Standard size ends here, as in the cards of removal and liquidation.
STANDARD_SIDES_IN = (18.0, 14.0, 8.0)
STANDARD_POUNDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """The best way to be rid of a unit: `liquidate`, `remove` or `none`, its worth and why."""

    way: str
    value: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """A stock to be marked down.

    Parameters
    ----------
    units, aged_units : int
        Units there, and units older than the days that count as old.
    weeks_of_cover : float
    leaving : bool
        The item is not bought again.
    holding : ndarray, shape (n_weeks,)
        Cost of holding a unit through each week.
    way_out : WayOut
    because : str
    """

    units: int
    aged_units: int
    weeks_of_cover: float
    leaving: bool
    holding: FloatArray
    way_out: WayOut
    because: str


class Clearances:
    """Reads once what clearing stock needs to know."""

    def __init__(
        self, dataset: Dataset, *, as_of: date, aged_days: int, cover_weeks: float
    ) -> None:
        self._dataset, self._as_of = dataset, as_of
        self._aged_days, self._cover_weeks = aged_days, cover_weeks
        self._items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
        self._kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
        old = dataset["inventory_ages"].filter(pl.col("age_from_days") >= aged_days)
        self._old = {
            (item, place): int(units)
            for item, place, units in old.group_by("item", "location")
            .agg(pl.col("quantity").sum())
            .iter_rows()
        }
        self._capital = dataset.setting_number("cost_of_capital_share_per_year", 0.12)
        cards = dataset["fee_cards"].filter(
            (pl.col("effective_from") <= as_of)
            & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= as_of))
        )
        self._cards: dict[str, list[dict[str, Any]]] = {}
        for row in cards.iter_rows(named=True):
            self._cards.setdefault(row["fee_type"], []).append(row)

    def of(self, sold: Sold, *, weeks: int) -> Clearance | None:
        """Return what there is to clear of an item where it is sold; None where nothing is."""
        item = self._items[sold.item]
        units = round(sold.stock)
        old = min(units, self._old.get((sold.item, sold.location), 0))
        weekly = float(sold.weekly.mean()) if len(sold.weekly) else 0.0
        cover = units / weekly if weekly > 0 else float("inf")
        leaving = item["status"] in ("phase_out", "ended")
        if units == 0 or not (old > 0 or leaving or cover > self._cover_weeks):
            return None
        if leaving:
            because = (
                f"The item is {item['status'].replace('_', ' ')} and {units:,} units are left."
            )
        elif cover > self._cover_weeks:
            told = f"{cover:,.0f} weeks" if np.isfinite(cover) else "more weeks than can be told"
            because = f"{units:,} units last {told} at today's price."
        else:
            because = f"{old:,} of {units:,} units are older than {self._aged_days} days."
        return Clearance(
            units=units,
            aged_units=old,
            weeks_of_cover=cover,
            leaving=leaving,
            holding=self._holding(sold, item, units, old, weeks),
            way_out=self._way_out(sold, item),
            because=because,
        )

    def _holding(
        self, sold: Sold, item: Mapping[str, Any], units: int, old: int, weeks: int
    ) -> FloatArray:
        """Return the cost of holding a unit each week: capital, storage, surcharge for age."""
        capital = (item["unit_cost"] or 0.0) * self._capital * 7.0 / 365.0
        fees: ItemFees | None = item_fees(
            self._dataset, [(sold.item, sold.location)], as_of=self._as_of
        )[0]
        cost = np.full(weeks, capital)
        if fees is None:
            return cost
        for week in range(weeks):
            month = (self._as_of + timedelta(weeks=week)).month
            cost[week] += fees.storage[1 if month >= 10 else 0] * 7.0 / DAYS_PER_MONTH
        # The share that is old pays for its age; the rest grows into it.
        share = old / units if units else 0.0
        grown = np.minimum(1.0, share + np.arange(weeks) * 7.0 / self._aged_days)
        return np.asarray(cost + fees.aged * grown * 7.0 / DAYS_PER_MONTH)

    def _way_out(self, sold: Sold, item: Mapping[str, Any]) -> WayOut:
        """Return the best of liquidation, removal and salvage whose figures are known."""
        network = self._kinds.get(sold.location) in ("fulfilment_network", "fulfilment_centre")
        salvage = item["salvage_value"]
        if not network:
            value = float(salvage or 0.0)
            return WayOut(way="remove", value=value, text=f"a unit brings {value:.2f} as salvage")
        pounds = (item["weight_kg"] or 0.0) * POUNDS
        group = _group(item, pounds)
        ways = []
        low, high = self._recovery()
        referral = self._share("LIQUIDATION_REFERRAL_FEE")
        fee = self._fee("LIQUIDATION_PROCESSING_FEE", group, pounds)
        if None not in (low, high, referral, fee) and not item["hazmat"]:
            assert low is not None
            assert high is not None
            assert referral is not None
            assert fee is not None
            value = sold.price * (low + high) / 2.0 * (1.0 - referral) - fee
            told = f"liquidation brings {value:.2f} a unit ({low:.0%} to {high:.0%} of the price)"
            ways.append(WayOut(way="liquidate", value=value, text=told))
        removal = self._fee("REMOVAL_FEE", group, pounds)
        if removal is not None:
            value = float(salvage or 0.0) - removal
            told = f"removal costs {removal:.2f} a unit, salvage {float(salvage or 0.0):.2f}"
            ways.append(WayOut(way="remove", value=value, text=told))
        if not ways:
            return WayOut(way="none", value=0.0, text="no fee of a way out is known; 0 is counted")
        return max(ways, key=lambda way: way.value)

    def _recovery(self) -> tuple[float | None, float | None]:
        for row in self._cards.get("LIQUIDATION_RECOVERY", []):
            amount = row["amount"]
            low = amount if row["amount_low"] is None else row["amount_low"]
            high = amount if row["amount_high"] is None else row["amount_high"]
            return low, high
        return None, None

    def _share(self, fee_type: str) -> float | None:
        return next((row["amount"] for row in self._cards.get(fee_type, [])), None)

    def _fee(self, fee_type: str, group: str, pounds: float) -> float | None:
        """Return a fee by weight; None where no line fits or its figure is unknown."""
        if pounds <= 0:
            return None
        for row in self._cards.get(fee_type, []):
            start, end = row["from_value"] or 0.0, row["to_value"]
            if row["size_tier"] not in ("", None, group):
                continue
            if pounds > start and (end is None or pounds <= end):
                if row["amount"] is None:
                    return None
                steps = 0.0
                if row["amount_per_step"] and row["step"]:
                    steps = np.ceil((pounds - start) / row["step"]) * row["amount_per_step"]
                return float(row["amount"] + steps)
        return None


def _group(item: Mapping[str, Any], pounds: float) -> str:
    sides = sorted(
        ((item[side] or 0.0) / 2.54 for side in ("length_cm", "width_cm", "height_cm")),
        reverse=True,
    )
    fits = all(side <= most for side, most in zip(sides, STANDARD_SIDES_IN, strict=True))
    return "standard" if fits and pounds <= STANDARD_POUNDS else "oversize"
