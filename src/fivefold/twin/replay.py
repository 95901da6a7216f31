"""Item by item, day by day: the verbs of the cycle on a forked journal, against a made-up world.

Exact books for small worlds: every unit and cent of a replication stands in a journal that
can be verified like the live one. The live journal is never handed in, only a fork of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from fivefold.cycle.customer_commands import (
    SoldLine,
    return_commands,
    shipping_commands,
    taking_command,
)
from fivefold.cycle.fulfilment import Operations, SupplyLine, SupplyOrder
from fivefold.ledger import events
from fivefold.ledger.accounts import ACCOUNTS
from fivefold.ledger.events import Command, Line
from fivefold.ledger.journal import Journal
from fivefold.twin.draws import RATE_DAYS, Draws, Stream
from fivefold.twin.policies import Policy, in_lots
from fivefold.twin.stages import Floats, Integers, Stage, Stages
from fivefold.twin.world import lead_time_days
from fivefold.units import from_minor

#: Days from sale to the return of a unit, the same for every policy.
RETURN_LAG_DAYS = 18
#: Weeks beyond the last day in which bills may fall due.
_WEEKS_OF_CREDIT = 80
#: Income and expense accounts: what contribution is made of.
_FLOWS = frozenset(a for a, (side, _) in ACCOUNTS.items() if side in ("income", "expense"))


@dataclass
class Replay:
    """One replication of one policy, with its books.

    Parameters
    ----------
    journal : Journal
        A fork, or one made for the purpose.
    stages, streams, policy, draws
        The network, what is sold, who decides, what happens.
    as_of : date
        First day.
    currency : str
    """

    journal: Journal
    stages: Stages
    streams: tuple[Stream, ...]
    policy: Policy
    draws: Draws
    as_of: date
    currency: str = "USD"
    refused: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        count = len(self.stages.rows)
        days = self.draws.demand.shape[1]
        self.operations = Operations(self.journal, actor="twin", currency=self.currency)
        self.on_hand = self.stages.on_hand.copy()
        self.on_order = np.zeros(count, dtype=np.int64)
        self.committed = np.zeros(count, dtype=np.int64)
        self.asked = np.zeros((count, RATE_DAYS + days), dtype=np.int64)
        self.due: dict[int, list[tuple[SupplyOrder, int, int]]] = {}
        self.back: dict[int, list[tuple[int, int]]] = {}
        self.served = np.zeros_like(self.draws.demand)
        self.stock_value = np.zeros(days)
        self.ordered_value = 0.0
        self.ordered = np.zeros((count, days // 7 + 1), dtype=np.int64)
        self.received: list[tuple[int, int]] = []
        self.documents = 0
        self.payable = np.zeros(days // 7 + _WEEKS_OF_CREDIT)
        self.sold = np.zeros((count, RATE_DAYS + days), dtype=np.int64)
        self._papers: set[tuple[int, str, str, str]] = set()
        self._sold_at = [self.stages.index[s.item, s.location] for s in self.streams]
        self._seed_existing()

    def run(self, history_rate: Floats) -> ReplayResult:
        """Play every day and return what came of it.

        Parameters
        ----------
        history_rate : ndarray, shape (n_stages,)
            Units a day asked of each stage before the first day.
        """
        self.asked[:, :RATE_DAYS] = np.rint(history_rate[:, None]).astype(np.int64)
        self._fraction = history_rate
        before = self._flows()
        days = self.draws.demand.shape[1]
        cost = np.array([stage.unit_cost for stage in self.stages.rows])
        for day in range(days):
            self._receive(day)
            if day % 7 == 0:
                self._order(day)
            self._serve(day)
            self._take_back(day)
            if day % 7 == 6:
                self._store(day)
            self.stock_value[day] = float((self.on_hand + self._in_transit_owned()) @ cost)
        self._agree_with_books()
        after = self._flows()
        flows = {
            account: float(from_minor(before.get(account, 0) - amount, self.currency))
            for account, amount in after.items()
        }
        return ReplayResult(
            wanted=self.draws.demand,
            served=self.served,
            contribution=sum(flows.values()),
            flows=flows,
            stock_value=self.stock_value,
            ordered_value=self.ordered_value,
            refused=self.refused,
            ordered=self.ordered,
            received=tuple(self.received),
            documents=self.documents,
        )

    def _at(self, day: int, hour: int = 12) -> datetime:
        return datetime.combine(self.as_of + timedelta(days=day), time(hour), tzinfo=UTC)

    def _flows(self) -> dict[str, int]:
        """Return the balance of each income and expense account: income is negative."""
        flows: dict[str, int] = {}
        with self.journal.reading() as books:
            for key, amount in zip(books.money_keys, books.money, strict=True):
                if key[0] in _FLOWS:
                    flows[key[0]] = flows.get(key[0], 0) + int(amount)
        return flows

    def _submit(self, commands: list[Command]) -> None:
        for receipt in self.operations.submit(commands):
            self.refused += not receipt.written

    def _seed_existing(self) -> None:
        """Put what was ordered before on its way, late or early by its own luck."""
        lucks = self.draws.existing
        for number, (stage, units, expected, order, line) in enumerate(self.stages.existing):
            row = self.stages.rows[stage]
            ahead = max(1, (expected - self.as_of).days)
            spread = min(row.lead_time_days_sd, 0.5 * ahead)
            arrives = int(
                lead_time_days(lucks[number : number + 1], mean=float(ahead), sd=spread)[0]
            )
            supply = SupplyOrder(
                order=order,
                kind=row.kind if row.kind in ("buy", "move") else "buy",
                source=row.source or "outside",
                destination=row.location,
                ordered_on=self.as_of,
                expected_on=expected,
                lines=(
                    SupplyLine(line=line, item=row.item, quantity=units, unit_price=row.unit_price),
                ),
            )
            self.on_order[stage] += units
            if row.kind == "buy":
                bill = (1.0 - row.deposit_share) * row.landed_unit_cost * units
                self._owe(ahead + row.payment_days, bill)
            self.due.setdefault(arrives, []).append((supply, stage, units))

    def _owe(self, day: int, amount: float) -> None:
        self.payable[min(day // 7, len(self.payable) - 1)] += amount

    def _receive(self, day: int) -> None:
        """Take in what arrives; what the books refuse is tried again the next day."""
        arrivals = self.due.pop(day, [])
        for supply, stage, units in arrivals:
            row = self.stages.rows[stage]
            if supply.kind == "move" and not self._shipped_here(supply):
                self._open_transit(supply, stage, units, day)
            good = units
            if supply.kind == "make":
                good = self._good_units(supply, stage, units)
            line = supply.lines[0].line
            command = self.operations.receive_supply(
                supply, {line: good}, at=self._at(day, 6), key=f"twin:{supply.order}:{line}"
            )
            receipt = self.operations.submit([command])[0]
            if not receipt.written:
                self.refused += 1
                self.due.setdefault(day + 1, []).append((supply, stage, units))
                continue
            self.on_hand[stage] += good
            self.on_order[stage] -= units
            self.received.append((stage, good))
            if supply.kind == "make":
                self._consume(row.components, supply)

    def _shipped_here(self, supply: SupplyOrder) -> bool:
        return supply.order.startswith("twin-")

    def _open_transit(self, supply: SupplyOrder, stage: int, units: int, day: int) -> None:
        """Goods on their way when the books opened may not be in a made-up journal's transit."""
        row = self.stages.rows[stage]
        with self.journal.reading() as books:
            place = books.place_ids.get((row.item, "", "in_transit", row.location))
            there = books.units[place] if place is not None else 0
        if there >= units:
            return
        missing = units - there
        source = self.stages.index.get((row.item, supply.source))
        if source is not None and self.on_hand[source] >= missing:
            self.on_hand[source] -= missing
            self._submit([self._ship(supply, row.item, missing, day, row.location)])
            return
        self._submit(
            [
                events.opening_stock(
                    key=f"twin-transit:{supply.order}:{supply.lines[0].line}",
                    actor="twin",
                    effective_at=self._at(day, 1),
                    location=row.location,
                    lines=[
                        Line(
                            item=row.item,
                            quantity=missing,
                            value_minor=self.operations.cents(row.unit_cost * missing),
                        )
                    ],
                    kind="in_transit",
                    currency=self.currency,
                )
            ]
        )

    def _ship(self, supply: SupplyOrder, item: str, units: int, day: int, place: str) -> Command:
        return events.transfer_ship(
            key=f"twin-ship:{supply.order}:{item}",
            actor="twin",
            effective_at=self._at(day, 2),
            order=supply.order,
            source=supply.source,
            destination=place,
            lines=[Line(item=item, quantity=units)],
            currency=self.currency,
        )

    def _good_units(self, supply: SupplyOrder, stage: int, units: int) -> int:
        """Return how many of the units started come out good: binomial, by its normal form."""
        share = self.stages.rows[stage].yield_share
        started = -(-units // max(share, 1e-9))
        week = min((supply.ordered_on - self.as_of).days // 7, self.draws.yields.shape[1] - 1)
        spread = np.sqrt(started * share * (1 - share))
        good = started * share + spread * self.draws.yields[stage, max(0, week)]
        return int(np.clip(np.rint(good), 0, started))

    def _consume(self, components: tuple[tuple[int, float], ...], supply: SupplyOrder) -> None:
        for component, per_unit in components:
            used = _whole(per_unit * supply.lines[0].quantity)
            self.on_hand[component] -= used
            self.committed[component] -= used

    def _order(self, day: int) -> None:
        """Let the policy decide, and place what can be placed: moves, then makes, then buys."""
        week = day // 7
        recent = self.asked[:, day : day + RATE_DAYS].mean(axis=1)
        rate = np.where(day < RATE_DAYS, np.maximum(recent, 0) + self._sub_unit(day), recent)
        position = self.on_hand + self.on_order - self.committed
        sold = self.sold[:, day : day + RATE_DAYS].sum(axis=1)
        other = self.policy.ways(week)
        rows = [other.get(stage, row) for stage, row in enumerate(self.stages.rows)]
        units = in_lots(self.policy.wanted(week, position, rate, sold), rows)
        hours = dict(self.stages.weekly_hours)
        room = self._room(day)
        cover = position / np.maximum(rate, 1e-9)
        for kind in ("move", "make", "buy"):
            # What would run out first comes first, where hours, room or cash are short.
            for stage in sorted(np.flatnonzero(units), key=lambda n: (cover[n], n)):
                if rows[stage].kind == kind:
                    self._place(rows[stage], int(stage), int(units[stage]), day, hours, room)

    def _room(self, day: int) -> dict[str, float]:
        """Return the cube left at each place with a limit.

        A marketplace counts a shipment from the day it leaves; at a place of our own goods
        take up room when they come, so what comes within a week is counted.
        """
        coming = np.zeros(len(self.stages.rows))
        for ahead in range(7):
            for _supply, stage, units in self.due.get(day + ahead, ()):
                coming[stage] += units
        room = dict(self.stages.storage_m3)
        for stage, row in enumerate(self.stages.rows):
            if row.location in room:
                on_way = self.on_order if row.location in self.stages.networks else coming
                room[row.location] -= row.volume_m3 * float(self.on_hand[stage] + on_way[stage])
        return room

    def _can_pay(self, row: Stage, units: int, day: int) -> int:
        """Return what of the units wanted each week's cash pays for, in whole lots.

        Cash is a limit of each week, as the plan and its checker count it: what a week leaves
        over is not there the next. The deposit falls due now, the rest with the bill.
        """
        limit, value = self.stages.cash_per_week, row.landed_unit_cost
        if not np.isfinite(limit) or value <= 0:
            return units
        week, bill = day // 7, self._bill_week(row, day)
        due = {week: row.deposit_share} if bill > week else {week: 1.0}
        if bill > week:
            due[bill] = 1.0 - row.deposit_share
        payable = min(
            max(0.0, limit - self.payable[at]) / (value * share)
            for at, share in due.items()
            if share > 0
        )
        if units <= payable + 1e-9:
            return units
        lots = int(payable) // row.order_multiple * row.order_multiple
        return lots if lots >= row.minimum_quantity else 0

    def _bill_week(self, row: Stage, day: int) -> int:
        """Return the week in which what is bought today is to be paid."""
        billed = day + round(row.lead_time_days_mean) + row.payment_days
        return min(max(billed, day) // 7, len(self.payable) - 1)

    def _sub_unit(self, day: int) -> Floats:
        """Return the part of a slow stage's rate that whole units of history round away."""
        left = max(0, RATE_DAYS - day) / RATE_DAYS
        return np.asarray((self._fraction - np.rint(self._fraction)) * left)

    def _place(
        self,
        row: Stage,
        stage: int,
        units: int,
        day: int,
        hours: dict[str, float],
        room: dict[str, float],
    ) -> None:
        kind = row.kind
        if kind == "move":
            units = self._can_move(row.item, row.source, units, row.order_multiple)
            units = self._fits(row, units, room)
        elif kind == "make":
            units = self._can_make(stage, units, hours)
        elif kind == "buy":
            units = 0 if self._is_closed(row.source, day) else self._can_pay(row, units, day)
        if units <= 0:
            return
        week = min(day // 7, self.draws.lead_time.shape[1] - 1)
        lead = int(
            lead_time_days(
                self.draws.lead_time[stage, week : week + 1],
                mean=row.lead_time_days_mean,
                sd=row.lead_time_days_sd,
            )[0]
        )
        arrives = day + max(1, lead)
        supply = self._supply_order(row, units, day, arrives)
        self._submit([self.operations.place_supply(supply, at=self._at(day))])
        if kind == "move":
            source = self.stages.index[row.item, row.source]
            self.on_hand[source] -= units
            self.asked[source, RATE_DAYS + day] += units
            self._submit([self.operations.ship_move(supply, at=self._at(day))])
        elif kind == "make":
            for component, per_unit in row.components:
                used = _whole(per_unit * units)
                self.committed[component] += used
                self.asked[component, RATE_DAYS + day] += used
        else:
            self.ordered_value += row.unit_price * units
            value = row.landed_unit_cost * units
            self._owe(day, row.deposit_share * value)
            self._owe(7 * self._bill_week(row, day), (1.0 - row.deposit_share) * value)
        self.on_order[stage] += units
        self.ordered[stage, day // 7] += units
        # Lines to one place on one day share a paper; each run of a product has its own.
        paper = (day, kind, row.source, row.item if kind == "make" else row.location)
        self.documents += paper not in self._papers
        self._papers.add(paper)
        self.due.setdefault(arrives, []).append((supply, stage, units))

    def _is_closed(self, supplier: str, day: int) -> bool:
        closed = self.stages.closed.get(supplier)
        return closed is not None and self.as_of + timedelta(days=day) in closed

    def _can_move(self, item: str, source: str, units: int, multiple: int) -> int:
        """Return what of the units wanted the source can give, in whole lots."""
        stage = self.stages.index.get((item, source))
        if stage is None:
            return 0
        free = max(0, int(self.on_hand[stage] - self.committed[stage]))
        return units if units <= free else free // multiple * multiple

    @staticmethod
    def _fits(row: Stage, units: int, room: dict[str, float]) -> int:
        """Return what of the units wanted has room where it goes, and take that room."""
        if row.location not in room or row.volume_m3 <= 0:
            return units
        lots = int(max(0.0, room[row.location]) / row.volume_m3) // row.order_multiple
        fitting = min(units, lots * row.order_multiple)
        room[row.location] -= fitting * row.volume_m3
        return fitting

    def _can_make(self, stage: int, units: int, hours: dict[str, float]) -> int:
        """Return what of the units wanted components and hours allow this week."""
        row = self.stages.rows[stage]
        for component, per_unit in row.components:
            free = max(0, int(self.on_hand[component] - self.committed[component]))
            units = min(units, int(free / per_unit) if per_unit > 0 else units)
        if row.resource in hours and row.hours_per_unit > 0:
            left = hours[row.resource] - row.setup_hours
            units = max(0, min(units, int(left / row.hours_per_unit)))
            if units:
                hours[row.resource] = left - units * row.hours_per_unit
        return units

    def _supply_order(self, row: Stage, units: int, day: int, arrives: int) -> SupplyOrder:
        return SupplyOrder(
            order=f"twin-{row.kind}-{day}-{row.item}-{row.location}",
            kind=row.kind,
            source=row.source,
            destination=row.location,
            ordered_on=self.as_of + timedelta(days=day),
            expected_on=self.as_of + timedelta(days=arrives),
            lines=(
                SupplyLine(
                    line=1,
                    item=row.item,
                    quantity=units,
                    unit_price=row.unit_price if row.kind == "buy" else 0.0,
                    freight=max(0.0, row.landed_unit_cost - row.unit_price)
                    if row.kind == "buy"
                    else 0.0,
                ),
            ),
            freight=row.moving_cost * units,
            components={
                self.stages.rows[component].item: per_unit for component, per_unit in row.components
            },
        )

    def _serve(self, day: int) -> None:
        """Sell what is there; what is not is lost. One command a channel and place each day."""
        wanted = self.draws.demand[:, day]
        sold: dict[tuple[str, str], list[SoldLine]] = {}
        for stream in np.flatnonzero(wanted):
            stage = self._sold_at[stream]
            self.asked[stage, RATE_DAYS + day] += wanted[stream]
            self.sold[stage, RATE_DAYS + day] += wanted[stream]
            free = int(self.on_hand[stage] - self.committed[stage])
            units = min(int(wanted[stream]), max(0, free))
            if units == 0:
                continue
            row = self.streams[stream]
            self.on_hand[stage] -= units
            self.served[stream, day] = units
            lines = sold.setdefault((row.channel, row.location), [])
            lines.append(
                SoldLine(
                    line=len(lines) + 1,
                    item=row.item,
                    quantity=units,
                    location=row.location,
                    unit_price=row.price,
                    fees=row.fees,
                    carriage=row.carriage,
                )
            )
            self._plan_return(int(stream), day, units)
        for (channel, location), lines in sorted(sold.items()):
            self._sell(f"twin-{day}-{channel}-{location}", channel, location, lines, day)

    def _sell(
        self, order: str, channel: str, location: str, lines: list[SoldLine], day: int
    ) -> None:
        taken = taking_command(
            self.operations,
            order,
            [
                {
                    "line": line.line,
                    "item": line.item,
                    "channel": channel,
                    "quantity": line.quantity,
                    "unit_price": line.unit_price,
                    "legs": [(location, line.quantity)],
                }
                for line in lines
            ],
            at=self._at(day, 14),
        )
        shipped = shipping_commands(self.operations, order, channel, lines, at=self._at(day, 16))
        self._submit([taken, *shipped])

    def _plan_return(self, stream: int, day: int, units: int) -> None:
        """Decide now, by this day's draw, how many of the units sold will come back."""
        expected = units * self.streams[stream].return_share
        whole = int(expected)
        units_back = whole + int(self.draws.returns[stream, day] < expected - whole)
        if units_back:
            self.back.setdefault(day + RETURN_LAG_DAYS, []).append((stream, units_back))

    def _take_back(self, day: int) -> None:
        for stream, units in self.back.pop(day, []):
            row = self.streams[stream]
            stage = self._sold_at[stream]
            name = f"twin-return-{day}-{row.item}-{row.channel}"
            commands = return_commands(
                self.operations,
                name,
                {
                    "item": row.item,
                    "channel": row.channel,
                    "quantity": units,
                    "location": row.location,
                },
                location=row.location,
                at=self._at(day, 18),
                refund=row.price * units,
                fees_given_back={},
            )
            restocked = int(np.rint(units * row.sellable_share))
            for option, quantity in (("restock", restocked), ("scrap", units - restocked)):
                if quantity:
                    commands.append(
                        events.dispose(
                            key=f"{name}:{option}",
                            actor="twin",
                            effective_at=self._at(day, 19),
                            location=row.location,
                            lines=[Line(item=row.item, quantity=quantity)],
                            option=option,  # type: ignore[arg-type]
                            channel=row.channel,
                            currency=self.currency,
                        )
                    )
            self._submit(commands)
            self.on_hand[stage] += restocked

    def _store(self, day: int) -> None:
        """Charge a week's storage of every place that has a rate."""
        season = (self.as_of + timedelta(days=day)).month >= 10
        charged: dict[str, float] = {}
        for stage, row in enumerate(self.stages.rows):
            cost = row.storage_per_day[season] * float(self.on_hand[stage]) * 7
            if cost:
                charged[row.location] = charged.get(row.location, 0.0) + cost
        self._submit(
            [
                events.storage_charge(
                    key=f"twin-storage-{day}-{location}",
                    actor="twin",
                    effective_at=self._at(day, 23),
                    item="",
                    amount_minor=cents,
                    settled_through="cash",
                    currency=self.currency,
                )
                for location, amount in sorted(charged.items())
                if (cents := self.operations.cents(amount)) > 0
            ]
        )

    def _in_transit_owned(self) -> Integers:
        """Return units on the way between our own places, by stage."""
        owned = np.array([stage.kind == "move" for stage in self.stages.rows])
        return np.where(owned, self.on_order, 0)

    def _agree_with_books(self) -> None:
        """The units counted here are those the journal holds, item by item and place by place."""
        with self.journal.reading() as books:
            for stage, row in enumerate(self.stages.rows):
                place = books.place_ids.get((row.item, "", "available", row.location))
                units = books.units[place] if place is not None else 0
                assert units == self.on_hand[stage], (
                    f"{row.item} at {row.location}: the books hold {units}, "
                    f"the replay counts {self.on_hand[stage]}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """What came of one replication: units by stream and day, money over the whole time.

    Parameters
    ----------
    wanted, served : ndarray, shape (n_streams, n_days)
    contribution : float
        The sum of `flows`.
    flows : mapping of account to currency
        Income positive, expense negative.
    stock_value : ndarray, shape (n_days,)
    ordered_value : float
        Bought, before freight.
    refused : int
        Commands the books refused.
    ordered : ndarray, shape (n_stages, n_weeks)
        Units ordered of each stage in each week.
    received : tuple of (stage, units)
        What arrived, delivery by delivery.
    documents : int
        Orders, shipments and work orders placed.
    """

    wanted: Integers
    served: Integers
    contribution: float
    flows: Mapping[str, float]
    stock_value: Floats
    ordered_value: float
    refused: int
    ordered: Integers
    received: tuple[tuple[int, int], ...]
    documents: int


def _whole(units: float) -> int:
    """Return units rounded up, a hair above a whole number counting as that number."""
    return int(-(-(units - 1e-9) // 1))
