"""Two years of the example seller's stock, day by day, with every movement kept.

Knows what happens to goods: sales from what is there, receipts, returns, loss, transfers
between Amazon's centres. What to buy, make and send is decided in `habits`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fivefold.twin.companies.catalogue import Catalogue, Floats, Ints
from fivefold.twin.companies.demand import SAME_DAY_HOUR, Bools, Demand
from fivefold.twin.companies.network import CENTRE_SHARES, CENTRES

EVENT_TYPES = (
    "Receipts",
    "Shipments",
    "CustomerReturns",
    "Adjustments",
    "WhseTransfers",
    "VendorReturns",
)
RECEIPTS, SHIPMENTS, RETURNS, ADJUSTMENTS, TRANSFERS, REMOVALS = range(6)
DISPOSITIONS = (
    "SELLABLE",
    "CUSTOMER_DAMAGED",
    "DEFECTIVE",
    "CARRIER_DAMAGED",
    "WAREHOUSE_DAMAGED",
)
#: Share of returned units found in each state of `DISPOSITIONS`.
RETURN_STATES = np.array([0.56, 0.25, 0.16, 0.03, 0.0])
#: Adjustment codes: lost, found, damaged in the centre.
LOST, FOUND, DAMAGED = "M", "F", "E"
LOSS_PER_UNIT_DAY = 1.6e-4
DAMAGE_PER_UNIT_DAY = 1.0e-4
FOUND_SHARE = 0.4
#: Unsellable units are taken back so often, the first time after a month.
REMOVAL_EVERY_DAYS, FIRST_REMOVAL_DAY = 91, 30


@dataclass(slots=True)
class EventLog:
    """Movements of the ledger as growing columns; `columns` joins them."""

    parts: list[tuple[Ints, ...]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=lambda: ["", LOST, FOUND, DAMAGED])

    def add(
        self,
        day: int,
        kind: int,
        item: Ints,
        centre: Ints | int,
        disposition: Ints | int,
        quantity: Ints,
        *,
        reason: str = "",
        reference: Ints | int = -1,
    ) -> None:
        """Append one movement an entry of `item`; entries of zero units are left out."""
        some = np.flatnonzero(quantity)
        if len(some) == 0:
            return
        columns = (
            day,
            kind,
            item,
            centre,
            disposition,
            quantity,
            self.reasons.index(reason),
            reference,
        )
        self.parts.append(
            tuple(
                column[some]
                if isinstance(column, np.ndarray)
                else np.full(len(some), column, np.int64)
                for column in columns
            )
        )

    def columns(self) -> dict[str, Ints]:
        """Return day, kind, item, centre, disposition, quantity, reason, reference."""
        names = (
            "day",
            "kind",
            "item",
            "centre",
            "disposition",
            "quantity",
            "reason",
            "reference",
        )
        if not self.parts:
            return {name: np.zeros(0, np.int64) for name in names}
        joined = [np.concatenate(parts) for parts in zip(*self.parts, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        return {name: column[order] for name, column in zip(names, joined, strict=True)}


@dataclass(slots=True, kw_only=True)
class Shipment:
    """One item of one shipment to FBA: receipts are (day, centre, units)."""

    number: int
    item: int
    quantity: int
    created: int
    shipped: int
    receipts: list[tuple[int, int, int]]


@dataclass(slots=True, kw_only=True)
class SupplyOrder:
    """A line of a purchase order, or a work order of the plant (supplier empty)."""

    number: str
    line: int
    supplier: str
    item: int
    quantity: int
    ordered: int
    shipped: int
    expected: int
    arrives: int
    destination: str
    unit_price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Stock at the end of a day: units by item, by centre and state where it says so."""

    day: int
    fulfillable: Ints
    reserved: Ints
    transit: Ints
    unsellable: Ints
    working: Ints
    shipped: Ints
    receiving: Ints
    warehouse: Ints
    plant: Ints


@dataclass(slots=True)
class Stock:
    """The state of all goods, and the log of what moved.

    Attributes
    ----------
    fulfillable : ndarray, shape (n_finished, n_centres)
        Units at FBA that a customer can buy.
    unsellable : ndarray, shape (n_finished, n_centres, n_dispositions)
    warehouse, plant : ndarray, shape (n_items,)
    sold_fba, sold_fbm : ndarray, shape (n_days, n_finished)
    in_stock : ndarray of bool, shape (n_days, n_finished)
        Whether any unit was fulfillable at FBA when the day ended.
    """

    catalogue: Catalogue
    demand: Demand
    days: int
    rng: np.random.Generator
    log: EventLog = field(default_factory=EventLog)
    shipments: list[Shipment] = field(default_factory=list)
    orders: list[SupplyOrder] = field(default_factory=list)
    fulfillable: Ints = field(init=False)
    unsellable: Ints = field(init=False)
    warehouse: Ints = field(init=False)
    plant: Ints = field(init=False)
    transit: Ints = field(init=False)
    reserved: Ints = field(init=False)
    inbound: Ints = field(init=False)
    on_order: Ints = field(init=False)
    sold_fba: Ints = field(init=False)
    sold_fbm: Ints = field(init=False)
    used: Ints = field(init=False)
    in_stock: Bools = field(init=False)
    served: Bools = field(init=False)
    listed: Bools = field(init=False)
    return_day: Ints = field(init=False)
    return_rows: list[tuple[Ints, Ints, Ints, int]] = field(default_factory=list)
    _due_returns: Ints = field(init=False)
    _receipts_due: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    _found_due: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    _transfers_due: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    _orders_due: dict[int, list[SupplyOrder]] = field(default_factory=dict)
    _cumulative: Ints = field(init=False)
    _late: tuple[Ints, NDArray[np.int64]] | None = None

    def __post_init__(self) -> None:
        n, every, centres = self.catalogue.finished, len(self.catalogue), len(CENTRES)
        self.fulfillable = np.zeros((n, centres), np.int64)
        self.unsellable = np.zeros((n, centres, len(DISPOSITIONS)), np.int64)
        self.warehouse, self.plant = np.zeros(every, np.int64), np.zeros(every, np.int64)
        self.transit, self.reserved = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.inbound, self.on_order = np.zeros(n, np.int64), np.zeros(every, np.int64)
        self.sold_fba = np.zeros((self.days, n), np.int64)
        self.sold_fbm = np.zeros((self.days, n), np.int64)
        self.used = np.zeros((self.days, every), np.int64)
        self.in_stock = np.zeros((self.days, n), np.bool_)
        lines = self.demand
        self.served = np.zeros(len(lines.day), np.bool_)
        self.listed = np.zeros(len(lines.day), np.bool_)
        self._cumulative = _cumulative_units(lines)
        self.return_day = self._draw_returns()
        self._due_returns = np.argsort(self.return_day, kind="stable")

    def run_day(self, day: int) -> None:
        """Play one day: what arrives, what comes back, what sells, what goes amiss."""
        self._ship_late_orders(day)
        self._receive(day)
        self._take_back(day)
        self._sell(day)
        self._lose_and_find(day)
        self._move_between_centres(day)
        if day % REMOVAL_EVERY_DAYS == FIRST_REMOVAL_DAY:
            self._remove_unsellable(day)
        self.in_stock[day] = self.fulfillable.sum(axis=1) > 0

    def send(self, shipment: Shipment) -> None:
        """Take a shipment's units from the warehouse and let them arrive at FBA in time."""
        self.shipments.append(shipment)
        self.warehouse[shipment.item] -= shipment.quantity
        self.inbound[shipment.item] += shipment.quantity
        row = len(self.shipments) - 1
        for day, centre, units in shipment.receipts:
            self._receipts_due.setdefault(day, []).append((shipment.item, centre, units, row))
        short = shipment.quantity - sum(units for _, _, units in shipment.receipts)
        if short:
            last = shipment.receipts[-1][0] if shipment.receipts else shipment.shipped
            # Units that never arrive stop being expected a month after the last receipt.
            self._receipts_due.setdefault(last + 30, []).append((shipment.item, -1, short, row))

    def place(self, order: SupplyOrder) -> None:
        """Keep an order and let its goods arrive in time."""
        self.orders.append(order)
        self.on_order[order.item] += order.quantity
        self._orders_due.setdefault(order.arrives, []).append(order)

    def position(self, day: int) -> Position:
        """Return the stock at the end of `day`, which must be the last day played."""
        working, shipped, receiving = (np.zeros(self.catalogue.finished, np.int64) for _ in "abc")
        for shipment in self.shipments:
            left = shipment.quantity - sum(q for d, _, q in shipment.receipts if d <= day)
            if not shipment.receipts or left <= 0 or shipment.receipts[-1][0] <= day:
                continue
            if shipment.shipped > day:
                working[shipment.item] += left
            elif shipment.receipts[0][0] <= day:
                receiving[shipment.item] += left
            else:
                shipped[shipment.item] += left
        return Position(
            day=day,
            fulfillable=self.fulfillable.copy(),
            reserved=self.reserved.copy(),
            transit=self.transit.copy(),
            unsellable=self.unsellable.sum(axis=1),
            working=working,
            shipped=shipped,
            receiving=receiving,
            warehouse=self.warehouse.copy(),
            plant=self.plant.copy(),
        )

    def _draw_returns(self) -> Ints:
        """Return the day each line would come back; past the end where it never does."""
        lines = self.demand
        share = self.catalogue.return_share[lines.item]
        back = (self.rng.random(len(lines.day)) < share) & ~lines.fbm & ~lines.cancelled
        delay = 6 + self.rng.gamma(2.2, 7.0, size=len(lines.day)).astype(np.int64)
        return np.where(back, lines.day + delay, 10**6)

    def _ship_late_orders(self, day: int) -> None:
        """Ship what was ordered too late the day before."""
        if self._late is None:
            return
        item, taken = self._late
        for centre in range(len(CENTRES)):
            self.log.add(day, SHIPMENTS, item, centre, 0, -taken[:, centre])
        self.reserved[:] = 0
        self._late = None

    def _receive(self, day: int) -> None:
        for item, centre, units, row in self._receipts_due.pop(day, []):
            self.inbound[item] -= units
            if centre < 0:
                continue
            self.fulfillable[item, centre] += units
            self.log.add(day, RECEIPTS, _one(item), centre, 0, _one(units), reference=row)
        for item, centre, units in self._transfers_due.pop(day, []):
            self.fulfillable[item, centre] += units
            self.transit[item] -= units
            self.log.add(day, TRANSFERS, _one(item), centre, 0, _one(units))
        for order in self._orders_due.pop(day, []):
            self.on_order[order.item] -= order.quantity
            # What the plant makes goes to the warehouse; what it is made from stays.
            kept_at_plant = self.catalogue.kind[order.item] in ("component", "packaging")
            place = self.plant if kept_at_plant else self.warehouse
            place[order.item] += order.quantity

    def _take_back(self, day: int) -> None:
        order, days = self._due_returns, self.return_day
        low, high = np.searchsorted(days, [day, day + 1], sorter=order)
        rows = order[low:high]
        rows = np.sort(rows[self.served[rows]])
        if len(rows) == 0:
            return
        centre = self.rng.choice(len(CENTRES), size=len(rows), p=CENTRE_SHARES)
        state = self.rng.choice(len(DISPOSITIONS), size=len(rows), p=RETURN_STATES)
        item = self.demand.item[rows]
        good = state == 0
        np.add.at(self.fulfillable, (item[good], centre[good]), 1)
        np.add.at(self.unsellable, (item[~good], centre[~good], state[~good]), 1)
        self.log.add(day, RETURNS, item, centre, state, np.ones(len(rows), np.int64))
        self.return_rows.append((rows, centre, state, day))

    def _sell(self, day: int) -> None:
        lines = self.demand
        low, high = np.searchsorted(lines.day, [day, day + 1])
        today = slice(int(low), int(high))
        item, units, fbm = lines.item[today], lines.quantity[today], lines.fbm[today]
        n = self.catalogue.finished
        available = np.where(fbm, self.warehouse[item], self.fulfillable.sum(axis=1)[item])
        wanted = ~lines.cancelled[today]
        self.listed[today] = (available > 0) & (self._cumulative[today] <= available)
        served = wanted & self.listed[today]
        self.served[today] = served
        own = np.bincount(item[served & fbm], units[served & fbm], n).astype(np.int64)
        self.warehouse[:n] -= own
        self.sold_fbm[day] = own
        early = lines.second[today] < SAME_DAY_HOUR * 3600
        for at_once in (True, False):
            chosen = served & ~fbm & (early == at_once)
            sold = np.bincount(item[chosen], units[chosen], n).astype(np.int64)
            self.sold_fba[day] += sold
            who, taken = self._pick(sold)
            if at_once:
                for centre in range(len(CENTRES)):
                    self.log.add(day, SHIPMENTS, who, centre, 0, -taken[:, centre])
            else:
                self._late = (who, taken)
                self.reserved[who] = taken.sum(axis=1)

    def _pick(self, sold: Ints) -> tuple[Ints, Ints]:
        """Take sold units from centres in random order; return items and units by centre."""
        who = np.flatnonzero(sold).astype(np.int64)
        left = sold[who].copy()
        order = np.argsort(self.rng.random((len(who), len(CENTRES))), axis=1)
        taken = np.zeros((len(who), len(CENTRES)), np.int64)
        rows = np.arange(len(who))
        for turn in range(len(CENTRES)):
            centre = order[:, turn]
            take = np.minimum(left, self.fulfillable[who, centre])
            taken[rows, centre] = take
            left -= take
        self.fulfillable[who] -= taken
        return who, taken

    def _lose_and_find(self, day: int) -> None:
        lost = self.rng.binomial(self.fulfillable, LOSS_PER_UNIT_DAY)
        item, centre = np.nonzero(lost)
        if len(item):
            units = lost[item, centre]
            self.fulfillable[item, centre] -= units
            self.log.add(day, ADJUSTMENTS, item, centre, 0, -units, reason=LOST)
            for i, c, q in zip(item.tolist(), centre.tolist(), units.tolist(), strict=True):
                if self.rng.random() < FOUND_SHARE:
                    later = day + int(self.rng.integers(5, 29))
                    self._found_due.setdefault(later, []).append((i, c, q))
        damaged = self.rng.binomial(self.fulfillable, DAMAGE_PER_UNIT_DAY)
        item, centre = np.nonzero(damaged)
        if len(item):
            units = damaged[item, centre]
            broken = len(DISPOSITIONS) - 1
            self.fulfillable[item, centre] -= units
            self.unsellable[item, centre, broken] += units
            self.log.add(day, ADJUSTMENTS, item, centre, 0, -units, reason=DAMAGED)
            self.log.add(day, ADJUSTMENTS, item, centre, broken, units, reason=DAMAGED)
        for i, c, q in self._found_due.pop(day, []):
            self.fulfillable[i, c] += q
            self.log.add(day, ADJUSTMENTS, _one(i), c, 0, _one(q), reason=FOUND)

    def _move_between_centres(self, day: int) -> None:
        n = self.catalogue.finished
        for item in self.rng.integers(0, n, size=self.rng.poisson(0.05 * n)).tolist():
            origin = int(self.fulfillable[item].argmax())
            units = int(self.fulfillable[item, origin] * self.rng.uniform(0.2, 0.45))
            target = int(self.rng.choice(len(CENTRES), p=CENTRE_SHARES))
            if units < 5 or target == origin:
                continue
            self.fulfillable[item, origin] -= units
            self.transit[item] += units
            self.log.add(day, TRANSFERS, _one(item), origin, 0, _one(-units))
            arrival = day + int(self.rng.integers(2, 6))
            self._transfers_due.setdefault(arrival, []).append((item, target, units))

    def _remove_unsellable(self, day: int) -> None:
        item, centre, state = np.nonzero(self.unsellable)
        units = self.unsellable[item, centre, state]
        self.log.add(day, REMOVALS, item, centre, state, -units)
        self.unsellable[:] = 0


def _one(value: int) -> Ints:
    return np.array([value], dtype=np.int64)


def _cumulative_units(lines: Demand) -> Ints:
    """Return units wanted up to and with each line, within its day, channel and item."""
    units = np.where(lines.cancelled, 0, lines.quantity)
    total = np.cumsum(units)
    if len(units) == 0:
        return total
    first = np.ones(len(units), np.bool_)
    first[1:] = (
        (lines.day[1:] != lines.day[:-1])
        | (lines.fbm[1:] != lines.fbm[:-1])
        | (lines.item[1:] != lines.item[:-1])
    )
    before = np.where(first, total - units, 0)
    cumulative: Ints = total - np.maximum.accumulate(before)
    return cumulative


def mean_units_per_day(demand: Demand, finished: int) -> Floats:
    """Return units wanted a day by item over the last 180 days, shape (n_finished,)."""
    last = int(demand.rate.shape[1])
    recent = demand.day >= last - 180
    units = np.bincount(demand.item[recent], demand.quantity[recent], finished)
    return units / min(180, last)
