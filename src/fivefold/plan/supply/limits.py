"""Limits that items share, as groups of slots: one slot is one amount over its periods.

Knows where each limit comes from and who draws on it; decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fivefold.calendars import ALWAYS, Periods
from fivefold.model import Dataset
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.ways import Way, WayFinder

if TYPE_CHECKING:
    from fivefold.plan.supply.reading import SupplyOrderLine

#: (group, amount a unit, taken when due rather than when started, periods after that)
Use = tuple[int, float, bool, int]

#: Weeks from one set-up of a product on a resource to its next.
SETUP_WEEKS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One amount of one limit: its name, kind, subject and first period."""

    limit: str
    kind: str
    subject: str
    period: int
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitBook:
    """All limits of a plan and who draws on them.

    Attributes
    ----------
    slots : list of Slot
    slot_of : int array, shape (groups, periods)
    capacity : float array, shape (slots,)
    groups : dict of (kind, subject) to list of int
        Groups that limit a subject; several where several limits name it.
    """

    slots: list[Slot]
    slot_of: np.ndarray
    capacity: np.ndarray
    groups: dict[tuple[str, str], list[int]]
    finder: WayFinder

    @classmethod
    def read(
        cls, dataset: Dataset, params: SupplyParams, periods: Periods, finder: WayFinder
    ) -> LimitBook:
        """Return the limits of a dataset."""
        amounts: dict[tuple[str, str, str], dict[int, tuple[int, float]]] = defaultdict(dict)
        for name, kind, subject, amount in _standing(dataset, finder, periods):
            for period in range(periods.count):
                weekly = amount(period) if callable(amount) else amount
                amounts[name, kind, subject][period] = (period, float(weekly))
        budget = dataset.setting_number("budget", -1.0)
        if budget >= 0:
            for period in range(periods.count):
                amounts["budget", "cash", ""][period] = (0, budget)
        for row in dataset["limits"].sort("limit", "subject", "period_start").iter_rows(named=True):
            first = periods.index(row["period_start"])
            last = periods.index(row["period_start"] + timedelta(days=row["period_days"] - 1))
            subject = _subject(row["kind"], row["subject"], finder)
            for period in range(max(0, first), min(last, periods.count - 1) + 1):
                amounts[row["limit"], row["kind"], subject][period] = (first, row["amount"])
        return cls._numbered(amounts, periods, finder, _setup_hours_per_week(dataset))

    @classmethod
    def _numbered(
        cls,
        amounts: dict[tuple[str, str, str], dict[int, tuple[int, float]]],
        periods: Periods,
        finder: WayFinder,
        setup_hours: dict[str, float],
    ) -> LimitBook:
        slots: list[Slot] = []
        capacity: list[float] = []
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        slot_of = np.full((len(amounts), periods.count), -1, np.int64)
        for group, ((name, kind, subject), by_period) in enumerate(sorted(amounts.items())):
            groups[kind, subject].append(group)
            numbered: dict[int, int] = {}
            for period, (first, amount) in sorted(by_period.items()):
                # Stock is counted at the end of each period, so its limit is never pooled.
                key = period if kind == "storage_m3" else first
                if key not in numbered:
                    numbered[key] = len(slots)
                    slots.append(
                        Slot(limit=name, kind=kind, subject=subject, period=period, amount=amount)
                    )
                    setups = setup_hours.get(subject, 0.0) if kind == "resource_hours" else 0.0
                    capacity.append(max(0.2 * amount, amount - setups))
                slot_of[group, period] = numbered[key]
        return cls(
            slots=slots,
            slot_of=slot_of,
            capacity=np.array(capacity, np.float64),
            groups=dict(groups),
            finder=finder,
        )

    def store_of(self, location: str) -> int:
        """Return the group that the stock of a place fills; −1 where it is not limited."""
        found = self.groups.get(("storage_m3", location), [])
        return found[0] if found else -1

    def store_slots(self) -> list[int]:
        """Return the slots of storage limits."""
        return [number for number, slot in enumerate(self.slots) if slot.kind == "storage_m3"]

    def uses(self, way: Way) -> list[Use]:
        """Return what one unit of a way takes from each limit, and when."""
        item, place = way.node
        found: list[Use] = []
        for group in self.groups.get(("receipts_units", place), []):
            found.append((group, 1.0, True, 0))
        if way.kind == "buy":
            for subject in (way.source, f"{way.source}|{item}"):
                for group in self.groups.get(("supplier_units", subject), []):
                    found.append((group, 1.0, False, 0))
        for resource, hours in way.hours:
            for group in self.groups.get(("resource_hours", resource), []):
                found.append((group, hours, False, 0))
        if way.kind in ("buy", "move") and self.finder.cube(item) > 0:
            for group in self._lane_groups(way.source, place, way.mode):
                found.append((group, self.finder.cube(item), False, 0))
        for group in self.groups.get(("cash", ""), []):
            if way.cash_unit * way.deposit_share > 0:
                found.append((group, way.cash_unit * way.deposit_share, False, 0))
            if way.cash_unit * (1.0 - way.deposit_share) > 0:
                lag = (
                    way.payment_days // 7
                    if self.slots[self._first_slot(group)].limit != "budget"
                    else 0
                )
                found.append((group, way.cash_unit * (1.0 - way.deposit_share), True, lag))
        return found

    def uses_of_order(
        self, line: SupplyOrderLine, ways: list[Way], periods: Periods, as_of: date
    ) -> list[tuple[int, float]]:
        """Return what an existing order will still take, by slot, as its way takes it.

        What was taken before `as_of`, a deposit or a supplier's week, is not taken again.
        """
        due = max(0, periods.index(line.expected_on))
        fresh = line.ordered_on is not None and line.ordered_on >= as_of and not line.departed
        start = max(0, periods.index(line.ordered_on)) if line.ordered_on else 0
        way = self._way_of(line, ways)
        uses: list[Use] = (
            self.uses(way)
            if way is not None
            else [
                (g, 1.0, True, 0) for g in self.groups.get(("receipts_units", line.destination), [])
            ]
        )
        found: list[tuple[int, float]] = []
        cash = set(self.groups.get(("cash", ""), []))
        for group, amount, at_due, lag in uses:
            period = (due if at_due else start) + lag
            if at_due and group in cash and way is not None:
                # An order that exists arrives on a day, not at the start of a week.
                paid_on = line.expected_on + timedelta(days=way.payment_days)
                period = max(0, periods.index(paid_on))
            if (at_due or fresh) and period < periods.count:
                slot = int(self.slot_of[group, period])
                if slot >= 0:
                    found.append((slot, amount * line.quantity))
        return found

    def _way_of(self, line: SupplyOrderLine, ways: list[Way]) -> Way | None:
        """Return the way an existing order comes: of those of its source the one as long as it.

        Orders do not say by which mode they travel. A price agreed above today's is what is paid;
        so is that of a supplier who offers the item no more.
        """
        own = [way for way in ways if way.kind == line.kind and way.source == line.source]
        agreed = line.unit_price or 0.0
        if not own:
            if line.kind != "buy" or agreed <= 0:
                return None
            terms = self.finder.suppliers.get(line.source, {})
            return Way(
                kind="buy",
                node=(line.item, line.destination),
                source=line.source,
                mode="",
                unit_cost=agreed,
                minimum=0.0,
                multiple=0.0,
                fixed_cost=0.0,
                dating=(0, "", None, None),
                cash_unit=agreed,
                deposit_share=terms.get("deposit_share") or 0.0,
                payment_days=int(terms.get("payment_days") or 0),
            )
        if line.ordered_on is None:
            found = own[0]
        else:
            days = (line.expected_on - line.ordered_on).days
            found = min(own, key=lambda way: abs(way.lead_days - days))
        if line.kind != "buy" or agreed <= found.cash_unit:
            return found
        return replace(found, cash_unit=agreed)

    def _lane_groups(self, origin: str, destination: str, mode: str) -> list[int]:
        lane = f"{origin}→{destination}"
        names = (lane, f"{lane}/{mode}")
        return [group for name in names for group in self.groups.get(("lane_m3", name), [])]

    def _first_slot(self, group: int) -> int:
        slots = self.slot_of[group]
        return int(slots[slots >= 0][0])


def _setup_hours_per_week(dataset: Dataset) -> dict[str, float]:
    """Return hours a resource spends on set-ups in a week: each product once in four weeks.

    What the hours of a limit leave after them can be run.
    """
    spent: dict[str, float] = defaultdict(float)
    for (_product, resource), hours in set_up_hours(dataset).items():
        spent[resource] += hours / SETUP_WEEKS
    return dict(spent)


def set_up_hours(dataset: Dataset) -> dict[tuple[str, str], float]:
    """Return hours of a set-up by product and resource, tools and crews of the steps too."""
    steps = dataset["operations"].select(
        "product", "operation", "resource", hours=pl.col("setup_time_hours").fill_null(0.0)
    )
    held = (
        dataset["operation_needs"]
        .select("product", "operation", "resource", count=pl.col("count").fill_null(1))
        .join(steps.drop("resource"), on=["product", "operation"], how="inner")
        .select("product", "operation", "resource", hours=pl.col("hours") * pl.col("count"))
    )
    rows = pl.concat([steps, held]).group_by("product", "resource").agg(pl.col("hours").sum())
    return {
        (product, resource): hours
        for product, resource, hours in rows.sort("product", "resource").iter_rows()
    }


def _subject(kind: str, subject: str, finder: WayFinder) -> str:
    """Return a subject as the book writes it: places mapped, lanes as origin→destination."""
    if kind in ("storage_m3", "receipts_units"):
        return finder.place(subject)
    if kind == "lane_m3":
        for mark in (" → ", "->", ">", " - "):
            subject = subject.replace(mark, "→")
    return subject or ""


def _standing(
    dataset: Dataset, finder: WayFinder, periods: Periods
) -> list[tuple[str, str, str, Any]]:
    """Return limits that hold every week, from the tables of what they limit."""
    found: list[tuple[str, str, str, Any]] = []
    for row in dataset["limits_rules"].iter_rows(named=True):
        subject = _subject(row["kind"], row["subject"], finder)
        found.append((row["limit"], row["kind"], subject, row["amount_per_week"]))
    named = {(kind, subject) for _name, kind, subject, _amount in found}
    named |= {
        (row["kind"], _subject(row["kind"], row["subject"], finder))
        for row in dataset["limits"].iter_rows(named=True)
    }

    def add(name: str, kind: str, subject: str, amount: Any) -> None:
        # A limit someone wrote down takes the place of the one a place or machine implies.
        if amount is not None and (kind, subject) not in named:
            found.append((name, kind, subject, amount))

    for code, row in sorted(finder.locations.items()):
        if finder.place(code) != code:
            continue
        add(f"storage {code}", "storage_m3", code, row["storage_capacity_m3"])
        daily = row["receipts_capacity_units_per_day"]
        if daily is not None:
            open_days = _open_days(finder, row["calendar"], periods)
            amounts = [daily * days for days in open_days]
            add(f"receipts {code}", "receipts_units", code, amounts.__getitem__)
    for code, row in sorted(finder.suppliers.items()):
        add(f"supplier {code}", "supplier_units", code, row["capacity_units_per_week"])
    for row in dataset["supplier_offers"].iter_rows(named=True):
        subject = f"{row['supplier']}|{row['item']}"
        add(f"offer {subject}", "supplier_units", subject, row["capacity_units_per_week"])
    for code, row in sorted(finder.resources.items()):
        count = (row["count"] or 1) * (row["hours_per_day"] or 0.0)
        overtime = row["overtime_hours_per_week"] or 0.0
        open_days = _open_days(finder, row["calendar"], periods)
        amounts = [count * days + overtime for days in open_days]
        add(f"hours {code}", "resource_hours", code, amounts.__getitem__)
    for rows in finder.lanes_to.values():
        for row in rows:
            lane = f"{finder.place(row['origin'])}→{finder.place(row['destination'])}/{row['mode']}"
            add(f"lane {lane}", "lane_m3", lane, row["capacity_m3_per_week"])
    return found


def _open_days(finder: WayFinder, calendar: str | None, periods: Periods) -> list[int]:
    """Return the open days of each period."""
    worked = finder.calendars.get(calendar or "", ALWAYS)
    return [
        worked.open_days(start, start + timedelta(days=periods.days)) for start in periods.starts()
    ]
