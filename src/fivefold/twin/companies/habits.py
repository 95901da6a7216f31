"""How the example seller used to decide: days of trailing sales, and nothing else.

The habits ignore season, stock-outs in the sales they look back on, and how long lead times
vary. They leave what a better plan can mend: shortages before peaks, glut after them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from fivefold.twin.companies.catalogue import Floats, Ints
from fivefold.twin.companies.demand import Bools, Lives
from fivefold.twin.companies.network import (
    CENTRE_SHARES,
    CENTRES,
    PLANT,
    SUPPLIER_BY_CODE,
    WAREHOUSE,
    Supplier,
)
from fivefold.twin.companies.stock import Shipment, Stock, SupplyOrder
from fivefold.twin.companies.terms import LINE_HOURS_PER_DAY, PRICE_BREAKS, SETUP_HOURS, Terms

FBA_REORDER_DAYS, FBA_FILL_DAYS = 26, 52
#: Reorder below and fill up to so many days of trailing sales, by country of the supplier.
BUY_DAYS = {"CN": (98, 165), "VN": (105, 170), "US": (42, 80)}
MAKE_DAYS = (44, 75)
STOP_BUYING_BEFORE_END_DAYS = 80
SHORT_RECEIPT_SHARE = 0.04


@dataclass(slots=True)
class Habits:
    """Weekly decisions on a stock, with an eye only on what sold lately."""

    stock: Stock
    terms: Terms
    lives: Lives
    start: date
    rng: np.random.Generator
    _next_shipment: int = 4_101_000
    _sold: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._sold = np.zeros((self.stock.days + 1, self.stock.catalogue.finished), np.int64)

    def open_books(self) -> None:
        """Put on the shelves what the years before left, and launch new items in time."""
        stock, n = self.stock, self.stock.catalogue.finished
        rate = self._expected_rate()
        cover = self.rng.uniform(20, 70, size=n)
        old = self.lives.launch == 0
        at_fba = np.where(old & self._sells_at_fba(), np.ceil(rate * cover), 0).astype(np.int64)
        for item in np.flatnonzero(at_fba).tolist():
            stock.fulfillable[item] = self.rng.multinomial(at_fba[item], CENTRE_SHARES)
        stock.warehouse[:n] = np.where(old, np.ceil(rate * self.rng.uniform(25, 80, size=n)), 0)
        need = self._component_rate(rate)
        stock.plant[n:] = np.ceil(need * self.rng.uniform(40, 90, size=len(need)))[n:]
        for item in np.flatnonzero(self.terms.unit_price > 0).tolist():
            supplier = SUPPLIER_BY_CODE[stock.catalogue.supplier[item]]
            daily = float(rate[item] if item < n else need[item])
            if supplier.country == "US" or daily == 0 or (item < n and not old[item]):
                continue
            # Three orders were on the water when the record begins.
            for arrives in (12, 34, 58):
                units = int(np.ceil(daily * 24))
                self._place(supplier, item, units, day=arrives - 65, arrives=arrives)
        for item in np.flatnonzero(self.lives.launch > 0).tolist():
            units = int(np.ceil(self._launch_rate(item) * 90 + 12))
            self._launch(item, units)

    def decide(self, day: int) -> None:
        """Send, make and buy; every Monday, overseas suppliers every other."""
        today = self.start + timedelta(days=day)
        self._sold[day + 1] = self._sold[day] + self.stock.sold_fba[day] + self.stock.sold_fbm[day]
        if today.weekday() != 0:
            return
        self._send_to_fba(day)
        self._make(day)
        week = today.isocalendar().week
        for supplier in SUPPLIER_BY_CODE.values():
            if supplier.country == "US" or week % 2 == (supplier.country == "CN"):
                self._buy(supplier, day)

    def _trailing(self, day: int, window: int) -> Floats:
        """Return units sold a day over the last `window` days on sale, shape (n_finished,)."""
        first = max(0, day + 1 - window)
        sold = self._sold[day + 1] - self._sold[first]
        on_sale = np.clip(day + 1 - np.maximum(first, self.lives.launch), 1, window)
        trailing: Floats = sold / on_sale
        return trailing

    def _buying_stops(self, day: int) -> Bools:
        stops: Bools = day > self.lives.end - STOP_BUYING_BEFORE_END_DAYS
        return stops

    def _sells_at_fba(self) -> Bools:
        """Return which items have any line for FBA at all."""
        lines, n = self.stock.demand, self.stock.catalogue.finished
        counts: Bools = np.bincount(lines.item[~lines.fbm], minlength=n) > 0
        return counts

    def _send_to_fba(self, day: int) -> None:
        stock, n = self.stock, self.stock.catalogue.finished
        rate = np.maximum(self._trailing(day, 30), 0.01)
        have = stock.fulfillable.sum(axis=1) + stock.transit + stock.inbound
        case = stock.catalogue.case_quantity[:n]
        due = (have < FBA_REORDER_DAYS * rate) & self._sells_at_fba()
        due &= (day >= self.lives.launch - 14) & (day <= self.lives.end) & (stock.warehouse[:n] > 0)
        wanted = np.ceil((FBA_FILL_DAYS * rate - have) / case) * case
        units = np.minimum(np.maximum(wanted, np.minimum(case, 6)), stock.warehouse[:n])
        for item in np.flatnonzero(due).tolist():
            stock.send(self._shipment(item, int(units[item]), day))

    def _shipment(self, item: int, units: int, day: int) -> Shipment:
        """Return a shipment of one item, received over some days at one or two centres."""
        rng = self.rng
        self._next_shipment += int(rng.integers(1, 40))
        shipped = day + int(rng.integers(1, 4))
        first = shipped + 4 + int(rng.gamma(3.0, 2.0))
        arriving = units
        if rng.random() < SHORT_RECEIPT_SHARE and units > 20:
            arriving -= int(rng.integers(1, 1 + units // 12))
        parts = [arriving] if arriving < 24 else [arriving - arriving // 3, arriving // 3]
        centres = rng.choice(len(CENTRES), size=len(parts), replace=False, p=CENTRE_SHARES)
        receipts = []
        for part, centre in zip(parts, centres.tolist(), strict=True):
            receipts.append((first, int(centre), part))
            first += int(rng.integers(0, 4))
        return Shipment(
            number=self._next_shipment,
            item=item,
            quantity=units,
            created=day,
            shipped=shipped,
            receipts=receipts,
        )

    def _make(self, day: int) -> None:
        """Fill the line's week with the kits that have least cover, as parts allow."""
        stock, catalogue = self.stock, self.stock.catalogue
        n = catalogue.finished
        low, high = MAKE_DAYS
        rate = np.maximum(self._trailing(day, 45), 0.01)
        have = stock.fulfillable.sum(axis=1) + stock.transit + stock.inbound
        have = have + stock.warehouse[:n] + stock.on_order[:n]
        cover = have / rate
        made = catalogue.made[:n] & (cover < low) & ~self._buying_stops(day)
        made &= day >= self.lives.launch
        hours = LINE_HOURS_PER_DAY * 5
        for item in np.flatnonzero(made)[np.argsort(cover[made], kind="stable")].tolist():
            if hours <= SETUP_HOURS:
                break
            lines = np.flatnonzero(catalogue.bom_product == item)
            parts, per = catalogue.bom_component[lines], catalogue.bom_quantity[lines]
            units = min(
                int(np.ceil(high * rate[item] - have[item])),
                int((stock.plant[parts] // per).min()),
                int((hours - SETUP_HOURS) / self.terms.line_hours[item]),
            )
            if units < 1:
                continue
            hours -= SETUP_HOURS + units * float(self.terms.line_hours[item])
            stock.plant[parts] -= per * units
            stock.used[day, parts] += per * units
            done = day + 1 + int(self.rng.integers(1, 5))
            stock.place(
                SupplyOrder(
                    number=f"WO-{self._iso(day)}-{catalogue.item[item]}",
                    line=1,
                    supplier="",
                    item=item,
                    quantity=units,
                    ordered=day,
                    shipped=done,
                    expected=day + 4,
                    arrives=done + 1,
                    destination=PLANT,
                    unit_price=0.0,
                )
            )

    def _buy(self, supplier: Supplier, day: int) -> None:
        stock, catalogue = self.stock, self.stock.catalogue
        n = catalogue.finished
        low, high = BUY_DAYS[supplier.country]
        rate = np.zeros(len(catalogue))
        rate[:n] = np.where(self._buying_stops(day), 0.0, self._trailing(day, 60))
        window = min(day + 1, 60)
        rate += stock.used[max(0, day - 59) : day + 1].sum(axis=0) / window
        have = stock.warehouse + stock.plant + stock.on_order
        have[:n] += stock.fulfillable.sum(axis=1) + stock.transit + stock.inbound
        mine = np.array([code == supplier.code for code in catalogue.supplier])
        due = mine & (rate > 0) & (have < low * rate)
        for item in np.flatnonzero(due).tolist():
            wanted = max(
                int(high * rate[item] - have[item]), int(self.terms.minimum_quantity[item])
            )
            multiple = int(self.terms.order_multiple[item])
            self._place(supplier, item, -(-wanted // multiple) * multiple, day=day)

    def _place(
        self, supplier: Supplier, item: int, units: int, *, day: int, arrives: int | None = None
    ) -> None:
        """Order units; the days they take are drawn, longer over the lunar new year."""
        usual = supplier.lead_time_days_mean + supplier.transit_time_days_mean
        ready = _gamma(self.rng, supplier.lead_time_days_mean, supplier.lead_time_days_sd)
        under_way = _gamma(self.rng, supplier.transit_time_days_mean, supplier.transit_time_days_sd)
        month = (self.start + timedelta(days=day)).month
        if supplier.country in ("CN", "VN") and month in (1, 2):
            ready += 12
        kept_at_plant = self.stock.catalogue.kind[item] in ("component", "packaging")
        number = f"PO-{self._iso(day)}-{supplier.country}"
        price = float(self.terms.unit_price[item])
        for times, share in PRICE_BREAKS:
            if units >= times * int(self.terms.minimum_quantity[item]):
                price = float(self.terms.unit_price[item]) * (1 - share)
        self.stock.place(
            SupplyOrder(
                number=number,
                line=1 + sum(order.number == number for order in self.stock.orders[-400:]),
                supplier=supplier.code,
                item=item,
                quantity=units,
                ordered=day,
                shipped=day + round(ready) if arrives is None else arrives - 30,
                expected=day + round(usual),
                arrives=day + round(ready + under_way) if arrives is None else arrives,
                destination=PLANT if kept_at_plant else WAREHOUSE,
                unit_price=round(price, 2),
            )
        )

    def _launch(self, item: int, units: int) -> None:
        """Let the first units of a new item arrive three weeks before it goes on sale."""
        self.stock.place(
            SupplyOrder(
                number=f"LAUNCH-{self.stock.catalogue.item[item]}",
                line=1,
                supplier=self.stock.catalogue.supplier[item],
                item=item,
                quantity=units,
                ordered=int(self.lives.launch[item]) - 90,
                shipped=int(self.lives.launch[item]) - 50,
                expected=int(self.lives.launch[item]) - 21,
                arrives=max(0, int(self.lives.launch[item]) - 21),
                destination=WAREHOUSE if self.terms.unit_price[item] > 0 else PLANT,
                unit_price=float(self.terms.unit_price[item]),
            )
        )

    def _expected_rate(self) -> Floats:
        """Return units a day over the first 60 days, as the seller knew its old items."""
        lines, n = self.stock.demand, self.stock.catalogue.finished
        early = lines.day < 60
        units = np.bincount(lines.item[early], lines.quantity[early], n)
        return units / min(60, self.stock.days)

    def _launch_rate(self, item: int) -> float:
        lines, day = self.stock.demand, int(self.lives.launch[item])
        first = (lines.item == item) & (lines.day < day + 60)
        return float(lines.quantity[first].sum()) / 60

    def _component_rate(self, rate: Floats) -> Floats:
        catalogue = self.stock.catalogue
        need = np.zeros(len(catalogue))
        made = rate[catalogue.bom_product] * catalogue.bom_quantity
        np.add.at(need, catalogue.bom_component, made)
        return need

    def _iso(self, day: int) -> str:
        return (self.start + timedelta(days=day)).strftime("%Y%m%d")


def _gamma(rng: np.random.Generator, mean: float, sd: float) -> float:
    """Draw from a gamma law with this mean and deviation: positive, with a tail to the right."""
    return float(rng.gamma((mean / sd) ** 2, sd * sd / mean))
