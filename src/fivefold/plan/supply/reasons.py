"""Why each decision was taken, in sentences with the figures in them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl

from fivefold.model.schema import schema
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.network import Committed, SupplyNetwork
from fivefold.plan.supply.prices import Prices
from fivefold.plan.supply.reading import TARGET, SupplyModel

Row = tuple[str, int, str, str, float | None, float | None, str]


def explain(
    model: SupplyModel,
    network: SupplyNetwork,
    prices: Prices,
    committed: Committed,
    names: list[str],
    tables: dict[str, pl.DataFrame],
    held: dict[int, tuple[str, str, float]],
) -> pl.DataFrame:
    """Return the explanations of new orders, of unmet demand and of changes."""
    teller = _Teller(model, network, prices, committed, names)
    rows: list[Row] = []
    for o in range(len(names)):
        rows.extend(teller.order(o))
    rows.extend(teller.unmet(held))
    for change in tables["supply_changes"].iter_rows(named=True):
        rows.append(_change(change))
    columns = list(schema("explanations").names)
    frame = pl.DataFrame(rows, schema=schema("explanations").polars_schema(), orient="row")
    return frame.select(columns)


class _Teller:
    """Looks up once what many decisions speak of."""

    def __init__(
        self,
        model: SupplyModel,
        network: SupplyNetwork,
        prices: Prices,
        committed: Committed,
        names: list[str],
    ) -> None:
        self.model = model
        self.network = network
        self.prices = prices
        self.committed = committed
        self.names = names
        self.starts = model.periods.starts()
        self.stock = np.zeros(network.nodes)
        self.on_order = np.zeros(network.nodes)
        receipts = model.receipts
        at_hand = receipts.due < 0
        np.add.at(self.stock, receipts.node[at_hand], receipts.quantity[at_hand])
        np.add.at(self.on_order, receipts.node[~at_hand], receipts.quantity[~at_hand])
        self.consumers = self._consumers()
        self.way_node = network.way_node
        self._places_of: dict[str, list[int]] = defaultdict(list)
        for node, (item, _) in enumerate(model.nodes):
            self._places_of[item].append(node)

    def _consumers(self) -> dict[int, dict[int, float]]:
        """Units of each new order by who takes them."""
        found: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        c = self.committed
        for consumer, origin, units in zip(
            c.peg_consumer.tolist(), c.peg_origin.tolist(), c.peg_quantity.tolist(), strict=True
        ):
            if origin >= 0 and units > EPS:
                found[origin][consumer] += units
        return found

    def order(self, o: int) -> list[Row]:
        """Return the reasons for a new order."""
        w, s = int(self.committed.order_way[o]), int(self.committed.order_due[o])
        if self.committed.order_quantity[o] < 0.5:
            return []
        n = int(self.way_node[w])
        rows = [
            self._demand(o, n),
            self._at_hand(o, n),
            self._safety(n, s),
            self._lead(w, s),
            self._lot(o, w),
            self._limit(w, s),
            self._next_best(o, n, w, s),
        ]
        told = [row for row in rows if row is not None]
        return [(self.names[o], i + 1, *row) for i, row in enumerate(told)]

    def _demand(self, o: int, n: int) -> tuple[str, str, float | None, float | None, str]:
        pieces = self.model.pieces
        sales = held = onward = 0.0
        first, last = 10**6, -1
        for consumer, units in self.consumers[o].items():
            if consumer < 0:
                onward += units
            elif pieces.kind[consumer] == TARGET:
                held += units
            else:
                sales += units
                first = min(first, int(pieces.until[consumer]))
                last = max(last, int(pieces.until[consumer]))
        parts = []
        if sales:
            days = self.starts[max(first, 0)], self.starts[min(last, len(self.starts) - 1)]
            span = f"week of {days[0]:%d %b}"
            if days[0] != days[1]:
                span = f"weeks of {days[0]:%d %b} to {days[1]:%d %b}"
            parts.append(f"{sales:,.0f} units of demand in the {span}")
        if onward:
            parts.append(f"{onward:,.0f} units that other places or products draw on")
        if held:
            parts.append(f"{held:,.0f} units of safety stock")
        rest = float(self.committed.order_quantity[o]) - sales - held - onward
        if rest > 0.5:
            parts.append(f"{rest:,.0f} units of later demand, because of the lot")
        text = "Serves " + ", ".join(parts) + "." if parts else "Serves later demand."
        item, place = self.model.nodes[n]
        return "demand_served", f"{item}:{place}", sales + onward, None, text

    def _at_hand(self, o: int, n: int) -> tuple[str, str, float | None, float | None, str]:
        stock, coming = self.stock[n], self.on_order[n]
        text = f"{stock:,.0f} units are at hand and {coming:,.0f} already on order there."
        return "stock_on_hand", "", float(stock), None, text

    def _safety(self, n: int, s: int) -> tuple[str, str, float | None, float | None, str] | None:
        level = float(self.model.targets[n, s])
        if level <= 0:
            return None
        return "safety_stock", "", level, None, f"{level:,.0f} units are held against uncertainty."

    def _lead(self, w: int, s: int) -> tuple[str, str, float | None, float | None, str]:
        way = self.model.ways[w]
        start = self.model.starts[int(self.network.way_class[w])][s]
        verb = {"buy": "order", "make": "start", "move": "send"}[way.kind]
        text = f"It takes {way.lead_days} days: {verb} on {start} to have it on {self.starts[s]}."
        return "lead_time", way.source, float(way.lead_days), None, text

    def _lot(self, o: int, w: int) -> tuple[str, str, float | None, float | None, str] | None:
        quantity = float(self.committed.order_quantity[o])
        asked = sum(self.consumers[o].values())
        minimum, multiple = self.network.minimum[w], self.network.multiple[w]
        economic = self.network.economic[w]
        if minimum <= 1 and multiple <= 1 and quantity - asked < 0.5:
            return None
        rules = []
        if minimum > 1:
            rules.append(f"at least {minimum:,.0f}")
        if multiple > 1:
            rules.append(f"multiples of {multiple:,.0f}")
        if economic > minimum and quantity >= economic > 1:
            rules.append(f"{economic:,.0f} or more to be worth an order")
        text = (
            f"Lots are {' in '.join(rules[:1] + rules[1:2])}" if rules else "Lots are whole units"
        )
        if len(rules) > 2:
            text += f", {rules[2]}"
        text += f"; {quantity:,.0f} ordered, {asked:,.0f} of them asked for in this plan."
        return "lot_rule", "", quantity - asked, None, text

    def _limit(self, w: int, s: int) -> tuple[str, str, float | None, float | None, str] | None:
        """The dearest limit this order draws on, or the one that moved it from its best week."""
        network, best, slot_best = self.network, 0.0, -1
        k = int(network.start_of[network.way_class[w], s])
        for u in range(int(network.use_from[w]), int(network.use_from[w + 1])):
            at = (s if network.use_at_due[u] else max(k, 0)) + int(network.use_lag[u])
            if at < network.periods:
                slot = int(network.slot_of[network.use_group[u], at])
                if slot >= 0:
                    cost = float(self.prices.price[slot] * network.use_amount[u])
                    if cost > best:
                        best, slot_best = cost, slot
        if slot_best < 0:
            return None
        limit = self.model.limits.slots[slot_best]
        price = float(self.prices.price[slot_best])
        text = (
            f"The limit {limit.limit} binds in the week of {self.starts[limit.period]:%d %b}: one "
            f"more of it is worth {price:,.2f}, which is {best:,.2f} a unit here."
        )
        amount = float(self.model.network.capacity[slot_best])
        return "constraint_bound", limit.limit, amount, price, text

    def _next_best(
        self, o: int, n: int, w: int, s: int
    ) -> tuple[str, str, float | None, float | None, str] | None:
        """The cheapest other way for the same week, and what it would cost more."""
        network = self.network
        costs = self.prices.answer.way_cost
        best, other = np.inf, -1
        for v in range(int(network.way_from[n]), int(network.way_from[n + 1])):
            if v != w and costs[v, s] < best:
                best, other = float(costs[v, s]), v
        if other < 0:
            item, place = self.model.nodes[n]
            text = f"There is no other way to have {item} at {place} in that week."
            elsewhere = self._bought_elsewhere(o, n, w, s)
            return elsewhere or ("next_best", "", None, None, text)
        extra = best - float(costs[w, s])
        way = self.model.ways[other]
        name = f"{way.kind} from {way.source}" + (f" by {way.mode}" if way.mode else "")
        name += f" {way.variant}" if way.variant else ""
        quantity = float(self.committed.order_quantity[o])
        if extra >= 0:
            text = (
                f"Next best is to {name}, {extra:,.2f} dearer a unit, "
                f"{extra * quantity:,.2f} in all."
            )
        else:
            text = f"To {name} would be {-extra:,.2f} cheaper a unit but has no room or stock left."
        return "next_best", name, quantity, extra, text

    def _bought_elsewhere(
        self, o: int, n: int, w: int, s: int
    ) -> tuple[str, str, float | None, float | None, str] | None:
        """Buying what is made here straight for a place it is moved to, against making it."""
        costs, network = self.prices.answer.way_cost, self.network
        item, place = self.model.nodes[n]
        if self.model.ways[w].kind != "make":
            return None
        best: tuple[float, int, int, int] | None = None
        for other in self._places_of.get(item, []):
            ways = range(int(network.way_from[other]), int(network.way_from[other + 1]))
            moves = [v for v in ways if self.model.ways[v].kind == "move"
                     and self.model.ways[v].source == place]  # fmt: skip
            for v in ways:
                if not moves or self.model.ways[v].kind != "buy":
                    continue
                open_from = np.flatnonzero(np.isfinite(costs[v]))
                if len(open_from) == 0:
                    continue
                slot = max(s, int(open_from[0]))
                by_move = min(float(costs[move, slot]) for move in moves)
                extra = float(costs[v, slot]) - by_move
                if np.isfinite(extra) and (best is None or extra < best[0]):
                    best = (extra, other, v, slot)
        if best is None:
            return None
        extra, other, v, slot = best
        way, there = self.model.ways[v], self.model.nodes[other][1]
        quantity = float(self.committed.order_quantity[o])
        name = f"buy from {way.source} for {there}" + (f" by {way.mode}" if way.mode else "")
        said = f"Made at {place} or bought: to {name} would be "
        said += f"{abs(extra):,.2f} a unit {'dearer' if extra >= 0 else 'cheaper'} there than to "
        said += f"make it and move it, {abs(extra) * quantity:,.2f} in all"
        if slot > s:
            said += f", but nothing bought now is there before {self.starts[slot]:%d %b}"
        elif extra < 0:
            said += ", but it has no room, comes in lots too large or is not needed there"
        return "next_best", name, quantity, extra, said + "."

    def unmet(self, held: dict[int, tuple[str, str, float]]) -> list[Row]:
        """Return why demand is not served, one subject an item, place and week."""
        pieces = self.model.pieces
        found: dict[str, Row] = {}
        for c, (code, text, price) in sorted(held.items()):
            if pieces.kind[c] in (0, TARGET):
                continue
            n, t = int(pieces.node[c]), min(max(int(pieces.until[c]), 0), len(self.starts) - 1)
            item, place = self.model.nodes[n]
            short = float(pieces.quantity[c] - self.committed.served[c])
            subject = f"unmet:{item}:{place}:{self.starts[t].isoformat()}"
            if short > 0.5 and subject not in found:
                told = f"{short:,.0f} units of {item} at {place} are not served. {text}"
                found[subject] = (subject, 1, "unmet", code, short, price or None, told)
        return list(found.values())


def _change(row: dict[str, Any]) -> Row:
    subject = f"change:{row['order']}/{row['line']}"
    says = {
        "expedite": f"Bringing it forward from {row['from_date']} to {row['to_date']} would save "
        f"sales worth {row['value']:,.2f}.",
        "defer": f"It is first needed on {row['to_date']}, not on {row['from_date']}; waiting "
        f"saves {row['value']:,.2f} of holding.",
        "cancel": f"Nothing in this plan needs it; cancelling frees {row['value']:,.2f}.",
    }[row["change"]]
    reference = f"{row['order']}/{row['line']}"
    return (subject, 1, "change", reference, float(row["from_quantity"]), row["value"], says)
