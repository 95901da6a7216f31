"""Random legal plans, made forwards from chance and arithmetic without the package's engines.

Receipts are drawn first, then what leaves within what is there, then demand and what of it
is served; every other table is told from these. Knows the schema only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
FIRST = date(2026, 11, 23)
#: Closed days of the made-up company besides weekends.
CLOSED = (date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1))
SIDE_CM, UNIT_KG, BOX_UNITS = 10.0, 0.2, 40
Rows = dict[str, list[dict[str, Any]]]


def legal_plan(seed: int, *, items: int = 4, weeks: int = 10) -> Dataset:
    """Return a plan that breaks no rule.

    Parameters
    ----------
    seed : int
    items : int
        Bought items; one in two also goes into a product that is made.
    weeks : int
    """
    tables = _Maker(np.random.default_rng(seed), items, weeks).make()
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items() if rows})


class _Maker:
    def __init__(self, rng: np.random.Generator, items: int, weeks: int) -> None:
        self.rng, self.weeks = rng, weeks
        self.bought = [f"I{n:04d}" for n in range(items)]
        self.made = [f"P{n:04d}" for n in range(items // 2)]
        self.starts = [FIRST + timedelta(days=7 * t) for t in range(weeks)]
        self.rows: Rows = defaultdict(list)
        self.lead = {"SUP": int(rng.integers(3, 12)), "SHIP": int(rng.integers(2, 9))}
        self.net_days = int(rng.integers(3, 9))
        self.flows: dict[tuple[str, str], dict[str, np.ndarray]] = {}
        self.supply: dict[tuple[str, str], list[tuple[int, str, str, float]]] = defaultdict(list)
        self.use: dict[tuple[str, str], list[tuple[int, str, str, float, date | None]]] = (
            defaultdict(list)
        )
        self.used: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(weeks))

    def make(self) -> Rows:
        self.company()
        for item in self.bought:
            for place in ("WH", "PLANT"):
                self.stock(item, place)
                self.buys(item, place)
            self.stock(item, "NET")
        for item in self.made:
            self.stock(item, "PLANT")
            self.makes(item)
        for item in self.bought:
            self.moves(item)
        for item, place in sorted(self.flows):
            self.demand(item, place)
        for item, place in sorted(self.flows):
            self.pegs(item, place)
        self.orders()
        self.work()
        self.shipments()
        self.limits()
        self.selling()
        for table, column in (
            ("supply_plan", "decision"),
            ("purchase_orders", "order"),
            ("work_orders", "order"),
            ("inbound_shipments", "shipment"),
        ):
            for row in self.rows[table]:
                self.rows["explanations"].append(
                    {
                        "subject": row[column],
                        "sequence": 1,
                        "reason_code": "demand_served",
                        "text": "It serves demand.",
                    }
                )
        return self.rows

    def company(self) -> None:
        add = self.rows
        add["settings"] = [{"name": "currency", "value": "USD"}]
        add["calendars"] = [
            {"calendar": "WORK"},
            {"calendar": "DAILY", "saturday": True, "sunday": True},
        ]
        add["calendar_closures"] = [{"calendar": "WORK", "date": day} for day in CLOSED]
        kinds = {
            "SUP": "supplier",
            "WH": "warehouse",
            "PLANT": "plant",
            "NET": "fulfilment_network",
        }
        add["locations"] = [
            {"location": name, "kind": kind, "calendar": "DAILY" if name == "NET" else "WORK"}
            for name, kind in kinds.items()
        ] + [{"location": "ABC1", "kind": "fulfilment_centre", "parent_location": "NET"}]
        add["suppliers"] = [
            {"supplier": "SUP", "currency": "USD", "deposit_share": 0.3, "payment_days": 14}
        ]
        for place in ("WH", "PLANT"):
            add["lanes"].append(
                {
                    "origin": "SUP",
                    "destination": place,
                    "mode": "ltl",
                    "transit_time_days_mean": float(self.lead["SHIP"]),
                    "calendar": "WORK",
                }
            )
        add["lanes"].append(
            {
                "origin": "WH",
                "destination": "NET",
                "mode": "parcel",
                "transit_time_days_mean": float(self.net_days),
                "calendar": "WORK",
                "cost_per_unit": 0.25,
            }
        )
        add["channels"] = [
            {"channel": "FBA", "kind": "fba", "location": "NET"},
            {"channel": "FBM", "kind": "fbm", "location": "WH"},
        ]
        for item in (*self.bought, *self.made):
            add["items"].append(
                {
                    "item": item,
                    "unit_cost": 4.0,
                    "price": 20.0,
                    "length_cm": SIDE_CM,
                    "width_cm": SIDE_CM,
                    "height_cm": SIDE_CM,
                    "weight_kg": UNIT_KG,
                }
            )
        for item in self.bought:
            lot = int(self.rng.integers(1, 7))
            add["supplier_offers"].append(
                {
                    "supplier": "SUP",
                    "item": item,
                    "unit_price": round(float(self.rng.uniform(1, 9)), 2),
                    "minimum_quantity": lot * int(self.rng.integers(1, 5)),
                    "order_multiple": lot,
                    "lead_time_days_mean": float(self.lead["SUP"]),
                }
            )
            if self.rng.random() < 0.5:
                price = add["supplier_offers"][-1]["unit_price"]
                kind = "all_units" if self.rng.random() < 0.5 else "incremental"
                for step, share in ((20, 0.9), (60, 0.8)):
                    add["price_breaks"].append(
                        {
                            "supplier": "SUP",
                            "item": item,
                            "from_quantity": step,
                            "unit_price": round(price * share, 2),
                            "kind": kind,
                        }
                    )
        add["resources"] = [
            {"resource": "LINE", "location": "PLANT", "count": 1, "calendar": "WORK"}
        ]
        for n, product in enumerate(self.made):
            for component, per in ((self.bought[n], 1.0), (self.bought[-1 - n], 2.0)):
                add["bills_of_material"].append(
                    {
                        "product": product,
                        "component": component,
                        "quantity_per": per,
                        "scrap_share": 0.0,
                    }
                )
            add["operations"].append(
                {
                    "product": product,
                    "operation": 1,
                    "location": "PLANT",
                    "resource": "LINE",
                    "setup_time_hours": 0.1,
                    "run_time_hours_per_unit": 0.05,
                }
            )

    def node(self, item: str, place: str) -> dict[str, np.ndarray]:
        zero = {name: np.zeros(self.weeks) for name in ("in", "out", "demand", "served")}
        return self.flows.setdefault((item, place), zero)

    def stock(self, item: str, place: str) -> None:
        units = int(self.rng.integers(0, 60))
        node = self.node(item, place)
        node["stock"] = np.array([float(units)])
        if units == 0:
            return
        # The network's stock is counted at one of its centres.
        self.rows["inventory"].append(
            {"item": item, "location": "ABC1" if place == "NET" else place, "on_hand": units}
        )
        self.supply[item, place].append((-1, "stock", "", float(units)))

    def buys(self, item: str, place: str) -> None:
        offer = next(o for o in self.rows["supplier_offers"] if o["item"] == item)
        days = self.lead["SUP"] + self.lead["SHIP"]
        for t in sorted(self.rng.choice(self.weeks, 3, replace=False).tolist()):
            start = _open_before(self.starts[t] - timedelta(days=days))
            if start < AS_OF:
                self.placed(item, place, t)
                continue
            lot = offer["order_multiple"]
            least = max(offer["minimum_quantity"], 1)
            quantity = math.ceil((least + int(self.rng.integers(0, 80))) / lot) * lot
            cost = round(offer["unit_price"] + 0.5, 4)
            self.decide("buy", item, "SUP", place, quantity, start, t, cost, "ltl")
            self.used["supplier_units", "SUP"][self.week(start)] += quantity
            self.used["cash", ""][self.week(start)] += 0.3 * quantity * cost
            if t + 2 < self.weeks:
                self.used["cash", ""][t + 2] += 0.7 * quantity * cost

    def placed(self, item: str, place: str, t: int) -> None:
        """An order of before the plan; what comes late in a week counts in the next one."""
        offset = int(self.rng.integers(0, 7))
        if offset > 3 and t + 1 >= self.weeks:
            offset = 0
        quantity, price = int(self.rng.integers(1, 40)), 3.0
        number = f"OLD-{item}-{place}-{t}"
        day = self.starts[t] + timedelta(days=offset)
        at = t + (offset > 3)
        self.rows["supply_orders"].append(
            {
                "order": number,
                "line": 1,
                "kind": "buy",
                "item": item,
                "source": "SUP",
                "destination": place,
                "quantity": quantity,
                "expected_on": day,
                "ordered_on": date(2026, 10, 1),
                "status": "in_transit",
                "unit_price": price,
            }
        )
        self.node(item, place)["in"][at] += quantity
        self.supply[item, place].append((at, "supply_order", f"{number}/1", float(quantity)))
        self.used["receipts_units", place][t] += quantity
        paid = self.week(day + timedelta(days=14))
        if paid < self.weeks:
            self.used["cash", ""][paid] += 0.7 * quantity * price

    def makes(self, product: str) -> None:
        bill = [r for r in self.rows["bills_of_material"] if r["product"] == product]
        number = self.made.index(product)
        for t in range(self.weeks - 1):
            if self.rng.random() < 0.5:
                continue
            most = min(
                self.free(row["component"], "PLANT", t) / row["quantity_per"] for row in bill
            )
            quantity = int(min(most, self.rng.integers(1, 10)))
            # Each product has a day of the week of its own, so that no two overlap.
            start = self.starts[t] + timedelta(days=number % 2)
            if quantity < 1 or start in CLOSED:
                continue
            name = self.decide("make", product, "PLANT", "PLANT", quantity, start, t + 1, 5.0, None)
            for row in bill:
                units = quantity * row["quantity_per"]
                self.take(row["component"], "PLANT", t, units, name, "supply", None)
            self.used["resource_hours", "LINE"][t] += 0.05 * quantity

    def moves(self, item: str) -> None:
        for t in range(self.weeks):
            start = _open_before(self.starts[t] - timedelta(days=self.net_days))
            at = (start - FIRST).days // 7
            if self.rng.random() < 0.5 or at < 0:
                continue
            quantity = int(min(self.free(item, "WH", at), self.rng.integers(1, 90)))
            if quantity < 1:
                continue
            name = self.decide("move", item, "WH", "NET", quantity, start, t, 4.25, "parcel")
            self.take(item, "WH", at, quantity, name, "supply", None)
            self.used["cash", ""][t] += 0.25 * quantity

    def decide(
        self,
        kind: str,
        item: str,
        source: str,
        place: str,
        quantity: int,
        start: date,
        t: int,
        cost: float,
        mode: str | None,
    ) -> str:
        name = f"{kind}:{item}:{place}:{self.starts[t]}"
        self.rows["supply_plan"].append(
            {
                "decision": name,
                "kind": kind,
                "item": item,
                "source": source,
                "destination": place,
                "quantity": quantity,
                "start_on": start,
                "due_on": self.starts[t],
                "mode": mode,
                "unit_cost": cost,
                "value": cost * quantity,
            }
        )
        self.node(item, place)["in"][t] += quantity
        self.supply[item, place].append((t, "decision", name, float(quantity)))
        self.used["receipts_units", place][t] += quantity
        return name

    def week(self, day: date) -> int:
        return max(0, (day - FIRST).days // 7)

    def free(self, item: str, place: str, t: int) -> float:
        """Units that can leave in week t without ever leaving too few."""
        node = self.node(item, place)
        level = node["stock"][0] + (node["in"] - node["out"] - node["served"]).cumsum()
        return float(level[t:].min())

    def take(
        self, item: str, place: str, t: int, units: float, who: str, kind: str, wanted: date | None
    ) -> None:
        self.node(item, place)["served" if kind == "forecast" else "out"][t] += units
        self.use[item, place].append((t, who, kind, units, wanted))

    def demand(self, item: str, place: str) -> None:
        node = self.node(item, place)
        for t, start in enumerate(self.starts):
            wanted = int(self.rng.integers(0, 12))
            key = {"item": item, "location": place, "period_start": start}
            if wanted:
                self.rows["forecast_means"].append({**key, "units_mean": float(wanted)})
                for level, factor in ((0.1, 0.5), (0.5, 1.0), (0.9, 1.6)):
                    units = wanted * factor
                    self.rows["forecasts"].append({**key, "quantile": level, "units": units})
            served = min(float(wanted), self.free(item, place, t))
            if served > 0:
                who = f"forecast:{item}:{place}:{start}"
                self.take(item, place, t, served, who, "forecast", start)
            if served < wanted:
                self.rows["unmet_demand"].append(
                    {**key, "units": wanted - served, "reason_code": "capacity"}
                )
            node["demand"][t] = wanted
            safety = float(self.rng.uniform(0, 9))
            self.rows["stock_targets"].append(
                {
                    **key,
                    "safety_stock": safety,
                    "reorder_point": safety + 5,
                    "order_up_to": safety + 9,
                }
            )
        level = node["stock"][0]
        for t, start in enumerate(self.starts):
            row = {"item": item, "location": place, "period_start": start, "opening": level}
            row |= {"receipts": node["in"][t], "issues": node["out"][t]}
            row |= {"demand": node["demand"][t], "unmet": node["demand"][t] - node["served"][t]}
            level = level + node["in"][t] - node["out"][t] - node["served"][t]
            self.rows["projected_stock"].append({**row, "closing": level})
            self.used["storage_m3", place][t] += level * SIDE_CM**3 / 1e6

    def pegs(self, item: str, place: str) -> None:
        """First in, first out."""
        waiting = [list(row) for row in sorted(self.supply[item, place], key=lambda row: row[0])]
        for t, who, kind, units, wanted in sorted(self.use[item, place], key=lambda row: row[0]):
            while units > 1e-9:
                origin = waiting[0]
                part = min(units, origin[3])
                self.rows["pegging"].append(
                    {
                        "consumer": who,
                        "consumer_kind": kind,
                        "item": item,
                        "location": place,
                        "origin_kind": origin[1],
                        "origin": origin[2],
                        "wanted_on": wanted,
                        "available_on": self.starts[t],
                        "units": part,
                    }
                )
                units -= part
                origin[3] -= part
                if origin[3] <= 1e-9:
                    waiting.pop(0)

    def orders(self) -> None:
        """One purchase order a buy, goods at the price list, freight shared by units."""
        for buy in [row for row in self.rows["supply_plan"] if row["kind"] == "buy"]:
            price = self.price(buy["item"], buy["quantity"])
            goods = round(price * buy["quantity"], 4)
            freight = round(float(self.rng.uniform(5, 50)), 2)
            duty = round(0.05 * goods, 2)
            name = f"PO-{buy['decision']}"
            self.rows["purchase_orders"].append(
                {
                    "order": name,
                    "supplier": "SUP",
                    "destination": buy["destination"],
                    "ordered_on": buy["start_on"],
                    "expected_on": buy["due_on"],
                    "mode": "ltl",
                    "currency": "USD",
                    "goods_value": goods,
                    "freight_value": freight,
                    "duty_value": duty,
                    "landed_value": goods + freight + duty,
                }
            )
            self.rows["purchase_order_lines"].append(
                {
                    "order": name,
                    "line": 1,
                    "item": buy["item"],
                    "quantity": buy["quantity"],
                    "unit_price": price,
                    "landed_unit_cost": (goods + freight + duty) / buy["quantity"],
                    "decision": buy["decision"],
                }
            )
        values = [row["goods_value"] for row in self.rows["purchase_orders"]]
        self.rows["suppliers"][0]["minimum_order_value"] = 0.99 * min(values, default=0.0)

    def price(self, item: str, quantity: int) -> float:
        """Mean price a unit, walked unit by unit."""
        offer = next(o for o in self.rows["supplier_offers"] if o["item"] == item)
        breaks = [b for b in self.rows["price_breaks"] if b["item"] == item]

        def at(unit: int) -> float:
            reached = [b for b in breaks if b["from_quantity"] <= unit]
            return float(reached[-1]["unit_price"] if reached else offer["unit_price"])

        if breaks and breaks[0]["kind"] == "incremental":
            return sum(at(unit) for unit in range(1, quantity + 1)) / quantity
        return at(quantity)

    def work(self) -> None:
        for make in [row for row in self.rows["supply_plan"] if row["kind"] == "make"]:
            begin = datetime.combine(make["start_on"], datetime.min.time(), UTC)
            # Several products share a day; each has an hour of its own.
            begin += timedelta(hours=8 + self.made.index(make["item"]) // 2 * 0.6)
            end = begin + timedelta(hours=0.1 + 0.05 * make["quantity"])
            name = f"WO-{make['decision']}"
            self.rows["work_orders"].append(
                {
                    "order": name,
                    "product": make["item"],
                    "location": "PLANT",
                    "resource": "LINE",
                    "quantity": make["quantity"],
                    "start_quantity": make["quantity"],
                    "start_at": begin,
                    "finish_at": end,
                    "due_on": make["due_on"],
                    "decision": make["decision"],
                    "released_on": make["start_on"],
                    "available_on": make["start_on"],
                }
            )
            for line in self.rows["bills_of_material"]:
                if line["product"] == make["item"]:
                    self.rows["work_order_components"].append(
                        {
                            "order": name,
                            "component": line["component"],
                            "quantity": int(make["quantity"] * line["quantity_per"]),
                        }
                    )

    def shipments(self) -> None:
        by_week: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for move in [row for row in self.rows["supply_plan"] if row["kind"] == "move"]:
            week = self.starts[self.week(move["start_on"])]
            if week in self.starts[:3]:
                by_week[week].append(move)
        for week, moves in sorted(by_week.items()):
            name, boxes = f"INB-{week}", 0
            for move in moves:
                left = move["quantity"]
                while left > 0:
                    units, boxes = min(left, BOX_UNITS), boxes + 1
                    left -= units
                    self.rows["inbound_cartons"].append(
                        {
                            "shipment": name,
                            "carton": boxes,
                            "item": move["item"],
                            "quantity": units,
                            "weight_kg": 0.5 + units * UNIT_KG,
                            "length_cm": 50.0,
                            "width_cm": 40.0,
                            "height_cm": 30.0,
                            "decision": move["decision"],
                        }
                    )
            units = sum(move["quantity"] for move in moves)
            ship_on = min(move["start_on"] for move in moves)
            self.rows["inbound_shipments"].append(
                {
                    "shipment": name,
                    "origin": "WH",
                    "destination": "NET",
                    "ship_on": ship_on,
                    "expected_on": ship_on + timedelta(days=self.net_days),
                    "mode": "parcel",
                    "cartons": boxes,
                    "units": units,
                    "weight_kg": 0.5 * boxes + units * UNIT_KG,
                    "volume_m3": 0.06 * boxes,
                }
            )

    def limits(self) -> None:
        """Limits that the plan just keeps, so that a little more breaks them."""
        for (kind, subject), used in sorted(self.used.items()):
            setups = 0.1 * len(self.made) if kind == "resource_hours" else 0.0
            amount = float(used.max()) * 1.001 + 0.02 + setups
            name = f"{kind} {subject}"
            self.rows["limits_rules"].append(
                {"limit": name, "kind": kind, "subject": subject, "amount_per_week": amount}
            )
            for t, start in enumerate(self.starts):
                self.rows["limit_prices"].append(
                    {
                        "limit": name,
                        "kind": kind,
                        "subject": subject,
                        "period_start": start,
                        "amount": amount,
                        "used": float(used[t]),
                        "price": 1.5 if used[t] > 0.9 * amount else 0.0,
                    }
                )

    def selling(self) -> None:
        for number, item in enumerate(self.bought):
            best: tuple[float, str] = max(
                (self.channel(item, channel), channel) for channel in ("FBA", "FBM")
            )
            for row in self.rows["channel_choices"]:
                if row["item"] == item:
                    row["is_best"] = row["channel"] == best[1]
            values = [round(float(value), 2) for value in self.rng.uniform(-5, 9, 3)]
            ways = ("restock", "liquidate", "donate")
            best_way = ways[values.index(max(values))]
            for option, value in zip(ways, values, strict=True):
                self.rows["dispositions"].append(
                    {
                        "return_id": f"R{number}",
                        "option": option,
                        "value": value,
                        "allowed": True,
                        "chosen": option == best_way,
                    }
                )
            self.promise(number, item)

    def channel(self, item: str, channel: str) -> float:
        fees = [round(float(fee), 2) for fee in self.rng.uniform(0.5, 5, 3)]
        for number, fee in enumerate(fees):
            self.rows["channel_fees"].append(
                {"item": item, "channel": channel, "line": f"fee {number}", "amount": fee,
                 "amount_low": fee, "amount_high": fee, "counted": fee}
            )  # fmt: skip
        gain = round(20.0 - sum(fees), 4)
        self.rows["channel_choices"].append(
            {"item": item, "channel": channel, "price": 20.0, "contribution": gain,
             "contribution_low": gain - 1, "contribution_high": gain + 1}
        )  # fmt: skip
        return gain

    def promise(self, number: int, item: str) -> None:
        """An order shipped today from what is free; it has left the plan's demand."""
        free = int(self.node(item, "WH")["stock"][0])
        wanted = int(self.rng.integers(1, 6))
        if free < wanted:
            return
        key = {"order": f"O{number}", "line": 1, "item": item, "quantity": wanted}
        self.rows["orders"].append(
            {
                **key,
                "channel": "FBM",
                "status": "shipped",
                "ordered_at": datetime(2026, 11, 21, tzinfo=UTC),
            }
        )
        days = {"ship_on": FIRST, "deliver_on": FIRST + timedelta(days=2)}
        self.rows["promises"].append(
            {**key, "leg": 1, "location": "WH", "basis": "on_hand", **days}
        )


def _open_before(day: date) -> date:
    while day.weekday() > 4 or day in CLOSED:
        day -= timedelta(days=1)
    return day
