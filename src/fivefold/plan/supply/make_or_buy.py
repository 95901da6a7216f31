"""Make or buy: what a unit costs each way where both are open, shared limits at their price.

Reads a finished plan and its network; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fivefold.model.schema import schema
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.network import Committed, Floats, Ints, SupplyNetwork
from fivefold.plan.supply.reading import SupplyModel

#: Ways to make or buy, and for each the moves from there to the place, nearest it first.
Roads = dict[int, tuple[int, ...]]
#: Kinds of resource that are people.
_LABOUR = ("crew",)
_PARTS = (
    "price",
    "material",
    "machine",
    "labour",
    "setup",
    "freight",
    "duty",
    "risk",
    "other",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost:
    """What one more unit costs when due in each period: limits apart, and for limits.

    Both are NaN in periods in which it cannot be there.
    """

    plain: Floats
    limit: Floats

    def plus(self, other: UnitCost, *, times: float, at: Ints) -> UnitCost:
        """Return the cost with so many units of another, each due in period `at`."""
        return UnitCost(
            plain=self.plain + times * other.plain[at], limit=self.limit + times * other.limit[at]
        )


def compare_ways(
    model: SupplyModel,
    network: SupplyNetwork,
    price: Floats,
    committed: Committed,
    names: list[str],
) -> pl.DataFrame:
    """Return `make_or_buy`: every way to make or buy an item where both are open, costed.

    Parameters
    ----------
    price : float array, shape (slots,)
        What one more of each limit is worth to the plan.
    names : list of str
        Of the ways.

    Notes
    -----
    A place is compared where one of the two ends at it and the other ends at it too or is moved
    there. Components count at the cheapest way to have one more of them, so stock is not free.
    Hours count at their running cost and, where they bind, at the price of the limit in the week
    in which the way starts; weeks are weighed by the units planned to be due in them.

    References
    ----------
    .. [1] Williams (2013), *Model Building in Mathematical Programming*, 5th ed., §6.2: an
       opportunity costs its inputs at their shadow prices.
    """
    return _Comparison(model, network, price, committed, names).table()


class _Comparison:
    """Looks up once what many ways share."""

    def __init__(
        self,
        model: SupplyModel,
        network: SupplyNetwork,
        price: Floats,
        committed: Committed,
        names: list[str],
    ) -> None:
        self.model, self.network, self.price = model, network, price
        self.committed, self.names = committed, names
        self.finder = model.limits.finder
        self.starts = model.periods.starts()
        self.start_of = np.where(network.start_of >= -1, np.maximum(network.start_of, 0), -1)
        self.ordered = np.bincount(committed.order_way, committed.order_quantity, network.ways)
        self.orders = np.bincount(committed.order_way, minlength=network.ways)
        self.by_week = np.zeros((network.ways, network.periods))
        np.add.at(
            self.by_week, (committed.order_way, committed.order_due), committed.order_quantity
        )
        self._units: dict[int, UnitCost] = {}
        self._ways: dict[int, UnitCost] = {}
        self._roads: dict[int, Roads] = {}
        self._taken = self._units_taken()

    def table(self) -> pl.DataFrame:
        """Return the comparison of every place where there is one to make."""
        kinds: dict[str, set[str]] = {}
        for way in self.model.ways:
            kinds.setdefault(way.node[0], set()).add(way.kind)
        both = {item for item, found in kinds.items() if {"make", "buy"} <= found}
        rows: list[dict[str, Any]] = []
        for n, (item, _) in enumerate(self.model.nodes):
            if item in both and self._is_compared(n):
                rows.extend(self._rows(n))
        return schema("make_or_buy").frame(rows)

    def _ways_to(self, n: int) -> range:
        return range(int(self.network.way_from[n]), int(self.network.way_from[n + 1]))

    def _is_compared(self, n: int) -> bool:
        own = {self.model.ways[w].kind for w in self._ways_to(n)} & {"make", "buy"}
        kinds = {self.model.ways[w].kind for w in self._roads_to(n)}
        return bool(own) and {"make", "buy"} <= kinds

    def _roads_to(self, n: int) -> Roads:
        """Return every way to make or buy that leads to a node, by the cheapest moves."""
        if n not in self._roads:
            found: Roads = {}
            for w in self._ways_to(n):
                if self.model.ways[w].kind != "move":
                    found[w] = ()
                    continue
                for root, moves in self._roads_to(self._origin(w)).items():
                    road = (w, *moves)
                    if root not in found or self._carriage(road) < self._carriage(found[root]):
                        found[root] = road
            self._roads[n] = found
        return self._roads[n]

    def _origin(self, move: int) -> int:
        return int(self.network.in_node[self.network.in_from[move]])

    def _carriage(self, moves: tuple[int, ...]) -> float:
        return sum(self.model.ways[w].unit_cost for w in moves)

    def _units_taken(self) -> dict[int, dict[int, float]]:
        """Return what each new order takes of other new orders, by order."""
        plan = self.committed
        inner = (plan.peg_consumer < 0) & (plan.peg_origin >= 0) & (plan.peg_quantity > EPS)
        found: dict[int, dict[int, float]] = {}
        for consumer, origin, units in zip(
            (-1 - plan.peg_consumer[inner]).tolist(),
            plan.peg_origin[inner].tolist(),
            plan.peg_quantity[inner].tolist(),
            strict=True,
        ):
            taken = found.setdefault(consumer, {})
            taken[origin] = taken.get(origin, 0.0) + units
        return found

    def _planned(self, n: int) -> dict[int, float]:
        """Return units planned to come to a node, by the way that makes or buys them."""
        found: dict[int, float] = {}
        ways = self._ways_to(n)
        own = np.flatnonzero(
            (self.committed.order_way >= ways.start) & (self.committed.order_way < ways.stop)
        )
        waiting = [(o, float(self.committed.order_quantity[o])) for o in own.tolist()]
        while waiting:
            o, units = waiting.pop()
            w = int(self.committed.order_way[o])
            if self.model.ways[w].kind != "move":
                found[w] = found.get(w, 0.0) + units
                continue
            share = min(1.0, units / max(EPS, float(self.committed.order_quantity[o])))
            waiting += [(k, share * took) for k, took in self._taken.get(o, {}).items()]
        return found

    def _lot(self, w: int) -> float:
        """Return the lot that shares a set-up."""
        if self.orders[w]:
            return max(1.0, float(self.ordered[w] / self.orders[w]))
        sensible = max(float(self.network.minimum[w]), float(self.network.economic[w]), 1.0)
        multiple = max(1.0, float(self.network.multiple[w]))
        return float(np.ceil(sensible / multiple - 1e-9) * multiple)

    def _limits(self, w: int) -> Floats:
        """Return what one unit of a way takes of priced limits when due in each period."""
        network, periods = self.network, np.arange(self.network.periods)
        begun = self.start_of[network.way_class[w]]
        taken = np.zeros(network.periods)
        lot, steps = self._lot(w), self._set_up_hours(w)
        for u in range(int(network.use_from[w]), int(network.use_from[w + 1])):
            group = int(network.use_group[u])
            amount = float(network.use_amount[u])
            when = (periods if network.use_at_due[u] else begun) + int(network.use_lag[u])
            inside = (when >= 0) & (when < network.periods)
            slots = np.where(inside, network.slot_of[group, np.clip(when, 0, network.periods - 1)],
                             -1)  # fmt: skip
            if (slots >= 0).any():
                known = self.model.limits.slots[int(slots[slots >= 0][0])]
                if known.kind == "resource_hours":
                    amount += steps.get(known.subject, 0.0) / lot
            taken += np.where(slots >= 0, amount * self.price[np.maximum(slots, 0)], 0.0)
        return taken

    def _set_up_hours(self, w: int) -> dict[str, float]:
        """Return hours of one set-up of a make, by resource."""
        way = self.model.ways[w]
        found: dict[str, float] = {}
        if way.kind == "make":
            for row in self.finder.operations.get(way.node[0], []):
                if row["location"] == way.node[1]:
                    hours = row["setup_time_hours"] or 0.0
                    for name, count in self.finder.held_by(row):
                        found[name] = found.get(name, 0.0) + count * hours
        return found

    def _way(self, w: int) -> UnitCost:
        """Return what a unit of a way costs by the period in which it is due."""
        if w not in self._ways:
            network, way = self.network, self.model.ways[w]
            begun = self.start_of[network.way_class[w]]
            never = np.where(begun >= 0, 0.0, np.nan)
            own = way.unit_cost + way.fixed_cost / self._lot(w)
            found = UnitCost(plain=own + never, limit=self._limits(w) + never)
            for i in range(int(network.in_from[w]), int(network.in_from[w + 1])):
                found = found.plus(
                    self._unit(int(network.in_node[i])),
                    times=float(network.in_quantity[i]),
                    at=np.maximum(begun, 0),
                )
            self._ways[w] = found
        return self._ways[w]

    def _unit(self, n: int) -> UnitCost:
        """Return what one more unit of a node costs the cheapest way, by period.

        Before the first period in which one more can be there it counts as in that one.
        """
        if n not in self._units:
            ways = [self._way(w) for w in self._ways_to(n)]
            totals = np.array([way.plain + way.limit for way in ways])
            if not ways or np.isnan(totals).all():
                known = float(self.model.unit_cost[n])
                blank = np.zeros(self.network.periods)
                self._units[n] = UnitCost(plain=blank + known, limit=blank)
            else:
                best = np.where(np.isnan(totals), np.inf, totals).argmin(axis=0)
                at = np.arange(self.network.periods)
                plain = np.array([way.plain for way in ways])[best, at]
                limit = np.array([way.limit for way in ways])[best, at]
                first = int(np.flatnonzero(~np.isnan(plain))[0])
                known_at = np.where(np.isnan(plain), first, at)
                self._units[n] = UnitCost(plain=plain[known_at], limit=limit[known_at])
        return self._units[n]

    def _weights(self, n: int) -> Floats:
        """Return units planned to come to a node by week; its demand, else all weeks alike."""
        ways = self._ways_to(n)
        units: Floats = self.by_week[ways.start : ways.stop].sum(axis=0)
        if units.sum() <= EPS:
            pieces = self.model.pieces
            own = pieces.node == n
            when = np.clip(pieces.until[own], 0, self.network.periods - 1)
            units = np.zeros(self.network.periods)
            np.add.at(units, when, pieces.quantity[own])
        return units if units.sum() > EPS else np.ones(self.network.periods)

    def _rows(self, n: int) -> list[dict[str, Any]]:
        planned, weights = self._planned(n), self._weights(n)
        item, place = self.model.nodes[n]
        rows = []
        for root, moves in self._roads_to(n).items():
            row = self._costed(root, moves, weights)
            row |= {"item": item, "location": place, "planned_units": planned.get(root, 0.0)}
            rows.append(row)
        rows.sort(key=lambda row: (row["total_unit_cost"], row["way"]))
        most = max(row["planned_units"] for row in rows)
        for rank, row in enumerate(rows):
            row["rank"] = rank + 1
            row["is_chosen"] = False
        if most > EPS:
            next(row for row in rows if row["planned_units"] >= most - EPS)["is_chosen"] = True
        return rows

    def _costed(self, root: int, moves: tuple[int, ...], weights: Floats) -> dict[str, Any]:
        """Return one way with the parts of its cost, means over the weeks it is wanted in."""
        network, way = self.network, self.model.ways[root]
        # Periods in which each leg is due when the last one is due in period t; -1 is never.
        due = np.arange(network.periods)
        limit = np.zeros(network.periods)
        for move in moves:
            limit = limit + self._limits(move)[np.maximum(due, 0)]
            begun = self.start_of[network.way_class[move]]
            due = np.where(due >= 0, begun[np.maximum(due, 0)], -1)
        cost = self._way(root)
        limit = limit + cost.limit[np.maximum(due, 0)]
        open_in = (due >= 0) & ~np.isnan(limit)
        weight = np.where(open_in, weights, 0.0)
        if weight.sum() <= 0:
            # Not there when it is wanted: the weeks in which it could be, else the last.
            weight = open_in.astype(np.float64)
            weight[-1] += 0.0 if open_in.any() else 1.0
        share = weight / weight.sum()
        parts = self._parts(root, np.maximum(due, 0), share)
        for move in moves:
            step = self.model.ways[move]
            parts["freight"] += step.cash_unit
            parts["other"] += step.unit_cost - step.cash_unit
            parts["setup"] += step.fixed_cost / self._lot(move)
        plain = sum(value for value in parts.values() if value is not None)
        priced = float(np.where(open_in, limit, 0.0) @ share)
        people = {name: hours for name, hours in way.hours if self._is_labour(name)}
        return {
            "way": self.names[root],
            "kind": way.kind,
            "source": way.source,
            "mode": way.mode or None,
            "via": " ".join(
                self.model.ways[move].source
                for move in reversed(moves)
                if self.model.ways[move].source != way.source
            ),
            "total_unit_cost": plain + priced,
            "unit_cost": plain,
            "limit_unit_cost": priced,
            **{f"{name}_unit_cost": parts[name] for name in _PARTS},
            "machine_hours": sum(hours for name, hours in way.hours if name not in people),
            "labour_hours": sum(people.values()),
            "lot_units": self._lot(root),
            "lead_time_days": way.lead_days + sum(self.model.ways[m].lead_days for m in moves),
            "first_on": self.starts[int(np.flatnonzero(open_in)[0])] if open_in.any() else None,
            "unknown_parts": self._option(root).get("unknown_parts") or "",
        }

    def _is_labour(self, resource: str) -> bool:
        return self.finder.resources.get(resource, {}).get("kind") in _LABOUR

    def _option(self, w: int) -> dict[str, Any]:
        way = self.model.ways[w]
        for row in self.finder.options.get(way.node[0], []) if way.kind == "buy" else []:
            here = self.finder.place(row["destination"]) == way.node[1]
            if here and row["supplier"] == way.source and row["mode"] == way.mode:
                return row
        return {}

    def _parts(self, root: int, due: Ints, share: Floats) -> dict[str, Any]:
        """Return the parts of the cost of a way to make or buy, moves apart."""
        way, network = self.model.ways[root], self.network
        parts: dict[str, Any] = dict.fromkeys(_PARTS, 0.0)
        parts["setup"] = way.fixed_cost / self._lot(root)
        parts["risk"] = way.risk_cost
        left = way.unit_cost - way.risk_cost
        if way.kind == "make":
            for name, hours in way.hours:
                cost = hours * float(self.finder.resources.get(name, {}).get("cost_per_hour") or 0)
                parts["labour" if self._is_labour(name) else "machine"] += cost
            begun = np.maximum(self.start_of[network.way_class[root]][due], 0)
            for i in range(int(network.in_from[root]), int(network.in_from[root + 1])):
                unit = self._unit(int(network.in_node[i])).plain
                parts["material"] += float(network.in_quantity[i] * (unit[begun] @ share))
            parts["other"] = left - parts["machine"] - parts["labour"]
            return parts
        option = self._option(root)
        if option:
            parts["price"] = option["unit_price"]
            parts["freight"] = option["freight_unit_cost"] or 0.0
            parts["duty"] = option["duty_unit_cost"]
        else:
            parts["price"] = self.finder.offer_of(way.source, way.node[0]).get("unit_price", 0.0)
            parts["freight"] = way.cash_unit - parts["price"]
        known = parts["price"] + parts["freight"] + (parts["duty"] or 0.0)
        parts["other"] = left - known
        return parts
