"""From tables to the supply network: nodes, ways, limits, pieces of demand, free units.

Reads the dataset once and codes every name as an integer; decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.calendars import Periods, next_monday
from fivefold.model import Dataset
from fivefold.plan.supply.commit import starting_room
from fivefold.plan.supply.limits import LimitBook
from fivefold.plan.supply.network import Floats, Pieces, Receipts, SupplyNetwork, topological_nodes
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.ways import Way, WayFinder

Node = tuple[str, str]

COMMITMENT, ORDER, FORECAST, TARGET = range(4)
#: Lines of a channel's contribution that the plan counts itself.
_PLANNED_LINES = ("CAPITAL", "STORAGE", "INBOUND_FREIGHT")
OPEN_SUPPLY = ("planned", "approved", "sent", "confirmed", "in_transit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyOrderLine:
    """An order that already exists and still brings goods."""

    order: str
    line: int
    kind: str
    item: str
    source: str
    destination: str
    quantity: float
    ordered_on: date | None
    expected_on: date
    status: str
    unit_price: float | None
    departed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyModel:
    """The network with the names behind its codes.

    Attributes
    ----------
    nodes : list of (item, location)
    ways : list of Way
    starts : dict of (class, period) to date
        Day on which a way of that class due in that period starts.
    piece_reference, receipt_reference : list of str
    room : float array, shape (slots,)
        Limits less what stock and existing orders use.
    missing : dict of node to str
        Why a node has no way of supply.
    """

    as_of: date
    periods: Periods
    nodes: list[Node]
    ways: list[Way]
    starts: list[list[date | None]]
    network: SupplyNetwork
    pieces: Pieces
    piece_reference: list[str]
    receipts: Receipts
    receipt_reference: list[str]
    limits: LimitBook
    room: np.ndarray
    booked: np.ndarray
    orders: list[SupplyOrderLine]
    unit_cost: np.ndarray
    worth: np.ndarray
    missing: dict[Node, str]
    targets: np.ndarray
    ending: np.ndarray

    @property
    def room_for_new(self) -> Floats:
        """Limits less what existing orders use; stock counts by itself in the answer to prices."""
        free: Floats = self.network.capacity - self.booked
        return free


@dataclass(slots=True)
class _Wanted:
    """Pieces as they are collected, one list a field."""

    rows: list[tuple[Node, int, int, float, float, int, float, bool, int, str]] = field(
        default_factory=list
    )


def read_supply(dataset: Dataset, params: SupplyParams, as_of: date) -> SupplyModel:
    """Return the network a dataset describes, seen on `as_of`."""
    return _Reader(dataset, params, as_of).read()


def read_lines(orders: pl.DataFrame, place: Callable[[str], str]) -> list[SupplyOrderLine]:
    """Return the lines of supply orders that still bring goods, by number and line."""
    lines: list[SupplyOrderLine] = []
    table = orders.filter(pl.col("status").is_in(list(OPEN_SUPPLY)))
    for row in table.sort("order", "line").iter_rows(named=True):
        left = row["quantity"] - (row["quantity_received"] or 0)
        if left <= 0:
            continue
        lines.append(
            SupplyOrderLine(
                order=row["order"],
                line=row["line"],
                kind=row["kind"],
                item=row["item"],
                source=place(row["source"] or ""),
                destination=place(row["destination"]),
                quantity=float(left),
                ordered_on=row["ordered_on"],
                expected_on=row["expected_on"],
                status=row["status"],
                unit_price=row["unit_price"],
                departed=row["shipped_on"] is not None or row["status"] == "in_transit",
            )
        )
    return lines


def rows_by(frame: pl.DataFrame, key: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by one column."""
    return {row[key]: row for row in frame.iter_rows(named=True)}


class _Reader:
    """Holds the tables while they are coded; used once."""

    def __init__(self, dataset: Dataset, params: SupplyParams, as_of: date) -> None:
        self.dataset = dataset
        self.params = params
        self.as_of = as_of
        self.periods = Periods(start=next_monday(as_of), days=7, count=params.periods)
        self.items = rows_by(dataset["items"], "item")
        self.locations = rows_by(dataset["locations"], "location")
        self.finder = WayFinder(dataset, params, as_of, self.periods, self.items, self.locations)
        self.place = self.finder.place

    def read(self) -> SupplyModel:
        demand = self._forecast()
        order_rows = self._orders()
        targets = self._targets()
        stock = self._stock()
        lines = self._supply_orders()
        returns = self._returns()
        seeds: set[Node] = set(demand) | set(targets) | {row[0] for row in order_rows}
        seeds |= {row[0] for row in stock} | {(line.item, line.destination) for line in lines}
        seeds |= {row[0] for row in returns}
        seeds |= {(line.item, line.source) for line in lines if self._leaves_stock(line)}
        stocked = {row[0] for row in stock} | {(line.item, line.destination) for line in lines}
        nodes, ways, missing = self.finder.find(sorted(seeds), stocked | {r[0] for r in returns})
        code = {node: n for n, node in enumerate(nodes)}
        worth, unit_cost = self._worth(nodes, ways)
        wanted = self._pieces(code, demand, order_rows, targets, lines, worth, unit_cost)
        receipts, receipt_reference = self._receipts(code, stock, lines, returns)
        limits = LimitBook.read(self.dataset, self.params, self.periods, self.finder)
        network, starts = self._network(nodes, code, ways, receipts, limits, unit_cost)
        target_matrix = np.zeros((len(nodes), self.periods.count))
        for node, series in targets.items():
            target_matrix[code[node]] = series
        pieces, reference = wanted
        booked = booked_by(limits, lines, ways, self.periods, self.as_of)
        room = starting_room(network, receipts) - booked
        return SupplyModel(
            as_of=self.as_of,
            periods=self.periods,
            nodes=nodes,
            ways=ways,
            starts=starts,
            network=network,
            pieces=pieces,
            piece_reference=reference,
            receipts=receipts,
            receipt_reference=receipt_reference,
            limits=limits,
            room=room,
            booked=booked,
            orders=lines,
            unit_cost=unit_cost,
            worth=worth,
            missing=missing,
            targets=target_matrix,
            ending=np.array([self.finder.ending(item) for item, _place in nodes], bool),
        )

    def _forecast(self) -> dict[Node, np.ndarray]:
        """Expected demand by node, whole units a period that add up to the forecast."""
        found: dict[Node, np.ndarray] = {}
        for row in self.dataset["forecast_means"].iter_rows(named=True):
            period = self.periods.index(row["period_start"])
            if not 0 <= period < self.periods.count or not self._sold(row["item"], period):
                continue
            node = (row["item"], self.place(row["location"]))
            series = found.setdefault(node, np.zeros(self.periods.count))
            series[period] += row["units_mean"]
        return {node: _whole(series) for node, series in found.items() if series.sum() > 0}

    def _sold(self, item: str, period: int) -> bool:
        """Whether the item is still sold in a period."""
        row = self.items.get(item, {})
        ends = row.get("ends_on")
        start = self.periods.start + timedelta(days=7 * period)
        return ends is None or start <= ends

    def _orders(self) -> list[tuple[Node, int, float, str]]:
        """Open customer orders as (node, period, units, name), less what is set aside for them."""
        channels = rows_by(self.dataset["channels"], "channel")
        held = self._allocated()
        rows: list[tuple[Node, int, float, str]] = []
        table = self.dataset["orders"].filter(pl.col("status").is_in(["pending", "open"]))
        for row in table.sort("promised_on", "order", "line", nulls_last=True).iter_rows(
            named=True
        ):
            location = row["location"] or channels.get(row["channel"], {}).get("location")
            if location is None:
                continue
            node = (row["item"], self.place(location))
            due = row["promised_on"] or row["ordered_at"].date()
            period = min(max(0, self.periods.index(due)), self.periods.count - 1)
            set_aside = min(held[node], row["quantity"])
            held[node] -= set_aside
            if row["quantity"] > set_aside:
                wanted = float(row["quantity"] - set_aside)
                rows.append((node, period, wanted, f"{row['order']}/{row['line']}"))
        return rows

    def _targets(self) -> dict[Node, np.ndarray]:
        """Safety stock by node and period, the last known one carried on."""
        found: dict[Node, np.ndarray] = {}
        table = self.dataset["stock_targets"].sort("item", "location", "period_start")
        for row in table.iter_rows(named=True):
            period = max(0, self.periods.index(row["period_start"]))
            if period < self.periods.count:
                node = (row["item"], self.place(row["location"]))
                series = found.setdefault(node, np.zeros(self.periods.count))
                series[period:] = np.ceil(row["safety_stock"] - 1e-9)
        for (item, _place), series in found.items():
            for period in range(self.periods.count):
                if not self._sold(item, period + 1) or self.finder.ending(item):
                    series[period] = 0.0
        return found

    def _stock(self) -> list[tuple[Node, float, date | None]]:
        """Sellable units at hand that nobody was promised."""
        rows: list[tuple[Node, float, date | None]] = []
        table = self.dataset["inventory"].filter(pl.col("condition") == "sellable")
        for row in table.sort("item", "location", "lot").iter_rows(named=True):
            free = row["on_hand"] - (row["allocated"] or 0)
            if free > 0:
                place = self.place(row["location"])
                rows.append(((row["item"], place), float(free), row["expires_on"]))
        return rows

    def _allocated(self) -> dict[Node, float]:
        """Units set aside for open orders, by node."""
        held: dict[Node, float] = defaultdict(float)
        table = self.dataset["inventory"].filter(pl.col("condition") == "sellable")
        for row in table.iter_rows(named=True):
            held[row["item"], self.place(row["location"])] += row["allocated"] or 0
        return held

    def _supply_orders(self) -> list[SupplyOrderLine]:
        """Orders that still bring goods, by number and line."""
        return read_lines(self.dataset["supply_orders"], self.place)

    def _leaves_stock(self, line: SupplyOrderLine) -> bool:
        """Whether a move has yet to take its units from where it starts."""
        return line.kind == "move" and not line.departed and bool(line.source)

    def _returns(self) -> list[tuple[Node, int, float]]:
        """Sellable returns expected, whole units a period."""
        found: dict[Node, np.ndarray] = {}
        for row in self.dataset["returns_forecast"].iter_rows(named=True):
            period = self.periods.index(row["period_start"])
            sellable = row["sellable_units_mean"]
            if 0 <= period < self.periods.count and sellable:
                node = (row["item"], self.place(row["location"]))
                series = found.setdefault(node, np.zeros(self.periods.count))
                series[period] += sellable
        return [
            (node, period, units)
            for node, series in sorted(found.items())
            # A return counts once it is whole, so that it is never counted early.
            for period, units in enumerate(np.diff(np.floor(series.cumsum() + 1e-9), prepend=0.0))
            if units > 0
        ]

    def _worth(self, nodes: list[Node], ways: list[Way]) -> tuple[np.ndarray, np.ndarray]:
        """What serving a unit is worth and what a unit costs, by node."""
        offers: dict[Node, float] = {}
        channels = rows_by(self.dataset["channels"], "channel")
        planned = self._planned_costs(channels)
        contribution = {
            (row["item"], row["channel"]): row["contribution"]
            + planned.get((row["item"], row["channel"]), 0.0)
            for row in self.dataset["channel_choices"].iter_rows(named=True)
            if row["contribution"] is not None
        }
        gains: dict[Node, float] = {}
        for row in self.dataset["offers"].iter_rows(named=True):
            channel = channels.get(row["channel"])
            if channel is None:
                continue
            node = (row["item"], self.place(channel["location"]))
            if row["price"] is not None:
                offers[node] = max(offers.get(node, 0.0), row["price"])
            if (row["item"], row["channel"]) in contribution:
                gain = contribution[row["item"], row["channel"]]
                gains[node] = max(gains.get(node, -np.inf), gain)
        cheapest: dict[Node, float] = {}
        for way in ways:
            if way.kind == "buy":
                node = way.node
                cheapest[node] = min(cheapest.get(node, np.inf), way.unit_cost)
        by_item: dict[str, float] = {}
        for (item, _place), landed in cheapest.items():
            by_item[item] = min(by_item.get(item, np.inf), landed)
        worth, costs = np.zeros(len(nodes)), np.zeros(len(nodes))
        for n, node in enumerate(nodes):
            row = self.items.get(node[0], {})
            cost: float | None = row.get("unit_cost")
            if cost is None:
                cost = by_item.get(node[0], self.params.unknown_unit_cost)
            price: float | None = offers.get(node, row.get("price"))
            if price is None:
                price = cost * (1.0 + self.params.unknown_margin_share)
            gain = gains.get(node, price * (1.0 - self.params.fees_share) - cost)
            costs[n] = cost
            worth[n] = max(0.0, cost + gain) + (row.get("lost_sale_cost") or 0.0)
        return worth, costs

    def _planned_costs(self, channels: dict[str, dict[str, Any]]) -> dict[tuple[str, str], float]:
        """Return, by item and channel, what a contribution counts that the plan counts itself.

        Capital and freight in are costs of holding and of moves; storage is where the place has
        a cost of its own. Counted twice they would make what pays look as if it did not.
        """
        found: dict[tuple[str, str], float] = defaultdict(float)
        lines = self.dataset["channel_fees"].filter(pl.col("line").is_in(list(_PLANNED_LINES)))
        columns = ("item", "channel", "line", "counted")
        for item, channel, line, counted in lines.select(columns).iter_rows():
            place = self.place((channels.get(channel) or {}).get("location") or "")
            has_way = self.finder.is_moved_to(place) if line == "INBOUND_FREIGHT" else True
            stored = self.locations.get(place, {}).get("storage_cost_per_m3_month")
            if counted and has_way and (line != "STORAGE" or stored):
                found[item, channel] += counted
        return found

    def _pieces(
        self,
        code: dict[Node, int],
        demand: dict[Node, np.ndarray],
        orders: list[tuple[Node, int, float, str]],
        targets: dict[Node, np.ndarray],
        lines: list[SupplyOrderLine],
        worth: np.ndarray,
        unit_cost: np.ndarray,
    ) -> tuple[Pieces, list[str]]:
        """Every piece of demand, and the name of each."""
        horizon = self.periods.count
        rows: list[tuple[int, int, int, float, float, int, float, int, str]] = []
        for line in lines:
            for node, period, units in self._commitments(line):
                if node in code:
                    name = f"{line.order}/{line.line}"
                    row = (code[node], period, max(period, 0), units, 1e9, 0, 0.0, COMMITMENT, name)
                    rows.append(row)
        for node, period, units, name in orders:
            n = code[node]
            late = self.params.late_cost_share_per_week * worth[n]
            value = worth[n] * (1.0 + self.params.order_priority_share)
            rows.append((n, period, period, units, value, horizon, late, ORDER, name))
        for node in sorted(set(demand) | set(targets)):
            n = code[node]
            wanted = demand.get(node, np.zeros(horizon))
            level = targets.get(node, np.zeros(horizon))
            for period, until, units, kind in split_requirement(wanted, level):
                value, late, most = worth[n], 0.0, until - period
                if kind == TARGET:
                    value = unit_cost[n] + self.params.target_worth_share * (
                        worth[n] - unit_cost[n]
                    )
                    late, most = 1e-4 * worth[n], horizon
                elif most > 0:
                    late = 1e-4 * worth[n]
                rows.append((n, period, until, units, value, most, late, kind, ""))
        columns = list(zip(*rows, strict=True)) if rows else [()] * 9
        pieces = Pieces(
            node=np.array(columns[0], np.int64),
            period=np.array(columns[1], np.int64),
            until=np.array(columns[2], np.int64),
            quantity=np.array(columns[3], np.float64),
            worth=np.array(columns[4], np.float64),
            late_periods=np.array(columns[5], np.int64),
            late_cost=np.array(columns[6], np.float64),
            whole=np.zeros(len(rows), bool),
            kind=np.array(columns[7], np.int64),
        )
        return pieces, list(columns[8])

    def _commitments(self, line: SupplyOrderLine) -> list[tuple[Node, int, float]]:
        """What an existing order will still take from stock: its units, or its components."""
        if self._leaves_stock(line):
            transit = self.finder.transit_days(line.source, line.destination)
            leaves = max(self.as_of, line.expected_on - timedelta(days=transit))
            if line.ordered_on is not None and line.ordered_on >= self.as_of:
                leaves = line.ordered_on
            return [((line.item, line.source), self._period(leaves), line.quantity)]
        started = line.departed or (line.ordered_on is not None and line.ordered_on <= self.as_of)
        if line.kind != "make" or (started and line.status not in ("planned", "approved")):
            return []
        starts = max(self.as_of, line.ordered_on or line.expected_on)
        return [
            ((component, line.destination), self._period(starts), line.quantity * per)
            for component, per in self.finder.components(line.item, starts)
        ]

    def _period(self, day: date) -> int:
        return min(max(-1, self.periods.index(day)), self.periods.count - 1)

    def _receipts(
        self,
        code: dict[Node, int],
        stock: list[tuple[Node, float, date | None]],
        lines: list[SupplyOrderLine],
        returns: list[tuple[Node, int, float]],
    ) -> tuple[Receipts, list[str]]:
        """Free units and where each comes from."""
        horizon = self.periods.count
        rows: list[tuple[int, int, int, int, float, str]] = []
        for node, units, expires in stock:
            gone = horizon + 1
            if expires is not None:
                gone = min(gone, max(0, self.periods.index(expires)))
            rows.append((code[node], -1, -1, gone, units, "stock"))
        for line in lines:
            node = (line.item, line.destination)
            due = max(0, self.periods.index(max(line.expected_on, self.as_of)))
            offset = (line.expected_on - self.periods.start).days - 7 * due
            # A week is one slot: what comes in its first half serves its demand, what comes
            # on its first day can also be sent on in it.
            due += offset > 3
            ship = due + (1 if 0 < offset <= 3 else 0)
            if due < horizon:
                gone = due + self.finder.shelf_periods(line.item)
                name = f"{line.order}/{line.line}"
                rows.append((code[node], due, ship, gone, line.quantity, name))
        for node, period, units in returns:
            rows.append((code[node], period, period + 1, horizon + 1, units, "returns"))
        columns = list(zip(*rows, strict=True)) if rows else [()] * 6
        receipts = Receipts(
            node=np.array(columns[0], np.int64),
            due=np.array(columns[1], np.int64),
            ship=np.array(columns[2], np.int64),
            expire=np.array(columns[3], np.int64),
            quantity=np.array(columns[4], np.float64),
        )
        return receipts, list(columns[5])

    def _network(
        self,
        nodes: list[Node],
        code: dict[Node, int],
        ways: list[Way],
        receipts: Receipts,
        limits: LimitBook,
        unit_cost: np.ndarray,
    ) -> tuple[SupplyNetwork, list[list[date | None]]]:
        """The arrays of the network; ways come sorted by the node they supply."""
        counts = np.zeros(len(nodes) + 1, np.int64)
        for way in ways:
            counts[code[way.node] + 1] += 1
        inputs = [[(code[node], per) for node, per in way.inputs] for way in ways]
        uses = [limits.uses(way) for way in ways]
        classes, way_class = _distinct([way.dating for way in ways])
        starts = [self.finder.start_days(dating) for dating in classes]
        start_of = np.full((max(1, len(classes)), self.periods.count), -2, np.int64)
        for c, days in enumerate(starts):
            for s, day in enumerate(days):
                if day is not None:
                    start_of[c, s] = max(-1, self.periods.index(day))
        supply = np.zeros((len(nodes), self.periods.count))
        np.add.at(supply, (receipts.node, np.maximum(receipts.due, 0)), receipts.quantity)
        flat_in = [pair for row in inputs for pair in row]
        flat_use = [use for row in uses for use in row]
        way_from, in_from = counts.cumsum(), _pointers([len(row) for row in inputs])
        in_node = np.array([pair[0] for pair in flat_in], np.int64)
        network = SupplyNetwork(
            way_from=way_from,
            way_class=np.array(way_class, np.int64),
            start_of=start_of,
            base_cost=np.array([way.unit_cost for way in ways], np.float64),
            minimum=np.array([way.minimum for way in ways], np.float64),
            multiple=np.array([way.multiple for way in ways], np.float64),
            economic=np.zeros(len(ways)),
            in_from=in_from,
            in_node=in_node,
            in_quantity=np.array([pair[1] for pair in flat_in], np.float64),
            use_from=_pointers([len(row) for row in uses]),
            use_group=np.array([use[0] for use in flat_use], np.int64),
            use_amount=np.array([use[1] for use in flat_use], np.float64),
            use_at_due=np.array([use[2] for use in flat_use], bool),
            use_lag=np.array([use[3] for use in flat_use], np.int64),
            slot_of=limits.slot_of,
            capacity=limits.capacity,
            hold=np.array(
                [self.finder.holding(node, unit_cost[n]) for n, node in enumerate(nodes)],
                np.float64,
            ),
            node_store=np.array([limits.store_of(node[1]) for node in nodes], np.int64),
            node_cube=np.array([self.finder.cube(node[0]) for node in nodes], np.float64),
            node_shelf=np.array([self.finder.shelf_periods(node[0]) for node in nodes], np.int64),
            topology=topological_nodes(len(nodes), way_from, in_from, in_node),
            supply=supply,
        )
        return network, starts


def split_requirement(demand: np.ndarray, level: np.ndarray) -> list[tuple[int, int, float, int]]:
    """Return a node's requirement as (needed, leaves, units, kind).

    Cumulative requirement is demand so far plus the level to hold, never falling: when the
    level falls, what was held for it serves the demand that follows.

    Parameters
    ----------
    demand, level : float arrays, shape (periods,)
        Units wanted and units to hold at the end of each period.

    Examples
    --------
    >>> import numpy as np
    >>> split_requirement(np.array([5.0, 5.0]), np.array([4.0, 0.0]))
    [(0, 0, 5.0, 2), (0, 1, 4.0, 2), (1, 1, 1.0, 2)]
    """
    periods = len(demand)
    held: list[list[float]] = []
    pieces: list[tuple[int, int, float, int]] = []
    standing = 0.0
    for period in range(periods):
        wanted = float(demand[period])
        free = max(0.0, standing - float(level[period]))
        while wanted > 0 and free > 0 and held:
            part = min(wanted, free, held[0][1])
            pieces.append((int(held[0][0]), period, part, FORECAST))
            held[0][1] -= part
            wanted, free, standing = wanted - part, free - part, standing - part
            if held[0][1] <= 0:
                held.pop(0)
        if wanted > 0:
            pieces.append((period, period, wanted, FORECAST))
        more = float(level[period]) - standing
        if more > 0:
            held.append([period, more])
            standing += more
    pieces.extend((int(start), periods, units, TARGET) for start, units in held if units > 0)
    return sorted(pieces)


def _whole(series: np.ndarray) -> np.ndarray:
    """Round a series to whole units so that its running sum is never off by more than a half."""
    return np.diff(np.floor(series.cumsum() + 0.5), prepend=0.0)


def _pointers(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _distinct(keys: list[Any]) -> tuple[list[Any], list[int]]:
    """Return the distinct keys in order of appearance and the code of each key."""
    codes: dict[Any, int] = {}
    return_codes = [codes.setdefault(key, len(codes)) for key in keys]
    return list(codes), return_codes


def booked_by(
    limits: LimitBook,
    lines: list[SupplyOrderLine],
    ways: list[Way],
    periods: Periods,
    as_of: date,
) -> np.ndarray:
    """Return what existing orders will still take from each slot."""
    booked = np.zeros(len(limits.capacity))
    at: dict[Node, list[Way]] = defaultdict(list)
    for way in ways:
        at[way.node].append(way)
    for line in lines:
        found = at[line.item, line.destination]
        for slot, amount in limits.uses_of_order(line, found, periods, as_of):
            booked[slot] += amount
    return booked
