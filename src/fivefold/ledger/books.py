"""Balances of goods and money in memory, and the one place where a command changes them.

The live journal, a journal in memory and a fork run this same code. Knows no file, no
thread and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from fivefold.ledger.accounts import (
    ACCOUNTS,
    BOUNDED,
    CONTRA,
    INVENTORY_ACCOUNTS,
    OWNED,
    inventory_account,
)
from fivefold.ledger.entries import Command, Posting, to_microseconds

#: (item, lot, kind, location)
PlaceKey: TypeAlias = tuple[str, str, str, str]
#: (account, currency, fee_type, item, channel, location)
MoneyKey: TypeAlias = tuple[str, str, str, str, str, str]
#: (account, item, location); the account `item` holds an item's last cost anywhere.
PoolKey: TypeAlias = tuple[str, str, str]

#: A balance may not pass this, so that it fits 64 bits wherever it is kept.
LARGEST_BALANCE = 2**61

#: What a posting row says of itself besides the number of the move it values.
EXPLICIT, MADE, VARIANCE = -1, -2, -3

_FLOWS = frozenset(
    account for account, (side, _) in ACCOUNTS.items() if side in ("income", "expense")
)


@dataclass(slots=True)
class Rows:
    """Rows of the log in the order they were written.

    commands: (seq, key, mark, kind, actor, effective_us, ref, channel, reverses,
    event_to, posting_to, fact_to), the last three the last row of each that is its own;
    events: (seq, command, src, dst, quantity);
    postings: (seq, command, debit, credit, amount, order, move);
    facts: (seq, command, kind, subject, body).
    """

    commands: list[tuple[object, ...]] = field(default_factory=list)
    events: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    postings: list[tuple[int, int, int, int, int, str, int]] = field(default_factory=list)
    facts: list[tuple[int, int, str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a command that is to be reversed wrote, by account numbers."""

    events: Sequence[tuple[int, int, int]]
    postings: Sequence[tuple[int, int, int, str, int]]


class Books:
    """All balances. One writer at a time.

    Places and money accounts are numbered from 0 in the order they first appear; `units`
    and `money` hold their balances. A pool is the goods of one item at one location that
    share a moving average cost; its value is the balance of its money account.
    """

    def __init__(self, currency: str = "USD") -> None:
        self.currency = currency
        self.place_ids: dict[PlaceKey, int] = {}
        self.place_keys: list[PlaceKey] = []
        self.units: list[int] = []
        self.pool_of: list[int] = []
        self.kept: list[int] = []
        self.money_ids: dict[MoneyKey, int] = {}
        self.money_keys: list[MoneyKey] = []
        self.money: list[int] = []
        self.pool_ids: dict[PoolKey, int] = {}
        self.pool_keys: list[PoolKey] = []
        self.pool_units: list[int] = []
        self.pool_money: list[int] = []
        self.last_cost: list[tuple[int, int]] = []
        self.reservations: dict[tuple[int, str], int] = {}
        self.command_seq = self.event_seq = self.posting_seq = self.fact_seq = 0
        self.latest_us = 0
        self.changed_places: set[int] = set()
        self.changed_money: set[int] = set()
        self.changed_pools: set[int] = set()
        self.changed_reservations: set[tuple[int, str]] = set()

    def copy(self) -> Books:
        """Return books with the same balances that share nothing with these."""
        twin = Books(self.currency)
        for name, value in vars(self).items():
            copied = value.copy() if isinstance(value, list | dict | set) else value
            setattr(twin, name, copied)
        return twin

    def forget_changes(self) -> None:
        """Forget which balances changed, once a store has them."""
        self.changed_places.clear()
        self.changed_money.clear()
        self.changed_pools.clear()
        self.changed_reservations.clear()

    def place_id(self, key: PlaceKey) -> int:
        """Return the number of a place of an item and lot, given one if it is new."""
        found = self.place_ids.get(key)
        if found is None:
            found = self.place_ids[key] = len(self.place_keys)
            item, _lot, kind, location = key
            self.place_keys.append(key)
            self.units.append(0)
            # 0 may be negative, 1 may not, 2 may not and is kept by document.
            self.kept.append(2 if kind == "reserved" else 1 if kind in BOUNDED else 0)
            owned = kind in OWNED
            pool = self.pool_id((inventory_account(kind), item, location)) if owned else -1
            self.pool_of.append(pool)
            self.changed_places.add(found)
        return found

    def money_id(self, key: MoneyKey) -> int:
        """Return the number of a money account, given one if it is new."""
        found = self.money_ids.get(key)
        if found is None:
            found = self.money_ids[key] = len(self.money_keys)
            self.money_keys.append(key)
            self.money.append(0)
            self.changed_money.add(found)
        return found

    def pool_id(self, key: PoolKey) -> int:
        """Return the number of a pool, given one if it is new."""
        found = self.pool_ids.get(key)
        if found is None:
            account, item, location = key
            found = self.pool_ids[key] = len(self.pool_keys)
            valued = account in INVENTORY_ACCOUNTS
            money = (account, self.currency, "", item, "", location)
            self.pool_keys.append(key)
            self.pool_units.append(0)
            self.pool_money.append(self.money_id(money) if valued else -1)
            self.last_cost.append((0, 0))
            self.changed_pools.add(found)
        return found

    def renumber_pools(self) -> None:
        """Tie places and money to the pools after their numbers were read from a file."""
        for place, (item, _lot, kind, location) in enumerate(self.place_keys):
            if kind in OWNED:
                self.pool_of[place] = self.pool_ids[inventory_account(kind), item, location]
        self.pool_money = [
            self.money_ids[account, self.currency, "", item, "", location]
            if account in INVENTORY_ACCOUNTS
            else -1
            for account, item, location in self.pool_keys
        ]

    def leg_key(self, account: str, posting: Posting) -> MoneyKey:
        """Return the money account of one leg of a posting.

        Income and expense are kept by fee type, item and channel, inventory by item and
        location; other accounts are one balance a currency.
        """
        if account in INVENTORY_ACCOUNTS:
            return (account, posting.currency, "", posting.item, "", posting.location)
        if account in _FLOWS:
            return (
                account,
                posting.currency,
                posting.fee_type,
                posting.item,
                posting.channel,
                "",
            )
        return (account, posting.currency, "", "", "", "")

    def apply(
        self,
        command: Command,
        mark: bytes | Command,
        rows: Rows,
        original: Original | None = None,
    ) -> tuple[str, str]:
        """Write a command into the balances and its rows into `rows`, or change nothing.

        Parameters
        ----------
        command : Command
        mark : bytes or Command
            What the log tells its content by: its hash, or in memory itself.
        rows : Rows
            Takes the rows.
        original : Original or None
            What the command that this one reverses wrote.

        Returns
        -------
        (status, reason) : tuple of str
            ok; short with the place that lacks units; rejected with what is wrong.
        """
        explicit: list[tuple[int, int, int, str, int]] = []
        for posting in command.postings:
            debit = self.money_id(self.leg_key(posting.debit, posting))
            credit = self.money_id(self.leg_key(posting.credit, posting))
            wrong = self._posting_fault(posting, debit, credit)
            if wrong:
                return "rejected", wrong
            explicit.append((debit, credit, posting.amount_minor, posting.order, EXPLICIT))
        legs: list[tuple[int, int, int]] = []
        status, reason = self._move(command, legs)
        if status == "ok" and original is not None:
            reason = _reversal_fault(legs, explicit, original)
            if reason:
                self._move_back(legs, command.ref)
                status = "rejected"
        if status != "ok":
            return status, reason
        self._write(command, mark, rows, legs, explicit, original)
        return "ok", ""

    def _posting_fault(self, posting: Posting, debit: int, credit: int) -> str:
        """Return why a posting cannot be taken; empty where it can."""
        for account in (posting.debit, posting.credit):
            if account in INVENTORY_ACCOUNTS and posting.currency != self.currency:
                return (
                    f"goods are valued in {self.currency}, found {posting.currency}; "
                    f"convert at the edge"
                )
        amount = posting.amount_minor
        if self.money[debit] + amount > LARGEST_BALANCE:
            return f"balance of {self.money_keys[debit]} would pass {LARGEST_BALANCE}"
        if self.money[credit] - amount < -LARGEST_BALANCE:
            return f"balance of {self.money_keys[credit]} would pass -{LARGEST_BALANCE}"
        return ""

    def _move(self, command: Command, legs: list[tuple[int, int, int]]) -> tuple[str, str]:
        """Move the units of every leg, in order; put all back where one lacks them."""
        units, ids, kept, ref = self.units, self.place_ids, self.kept, command.ref
        for move in command.moves:
            item, lot, quantity = move.item, move.lot, move.quantity
            place = move.src
            key = (item, lot, place.kind, place.location)
            src = ids.get(key)
            if src is None:
                src = self.place_id(key)
            place = move.dst
            key = (item, lot, place.kind, place.location)
            dst = ids.get(key)
            if dst is None:
                dst = self.place_id(key)
            left = units[src] - quantity
            if left < 0 and kept[src]:
                self._move_back(legs, ref)
                return "short", self._shortage(src, quantity, units[src])
            if left < -LARGEST_BALANCE or units[dst] + quantity > LARGEST_BALANCE:
                self._move_back(legs, ref)
                return "rejected", f"units would pass {LARGEST_BALANCE}"
            if kept[src] == 2:
                held = self.reservations.get((src, ref), 0)
                if held < quantity:
                    self._move_back(legs, ref)
                    return "short", self._shortage(src, quantity, held, ref)
                self._hold(src, ref, held - quantity)
            if kept[dst] == 2:
                self._hold(dst, ref, self.reservations.get((dst, ref), 0) + quantity)
            units[src] = left
            units[dst] += quantity
            legs.append((src, dst, quantity))
        return "ok", ""

    def _move_back(self, legs: list[tuple[int, int, int]], ref: str) -> None:
        """Undo moves in the opposite order."""
        for src, dst, quantity in reversed(legs):
            self.units[src] += quantity
            self.units[dst] -= quantity
            if self.kept[src] == 2:
                self._hold(src, ref, self.reservations.get((src, ref), 0) + quantity)
            if self.kept[dst] == 2:
                self._hold(dst, ref, self.reservations[dst, ref] - quantity)

    def _hold(self, place: int, ref: str, units: int) -> None:
        """Set what a document holds at a reserved place."""
        key = (place, ref)
        if units:
            self.reservations[key] = units
        else:
            self.reservations.pop(key, None)
        self.changed_reservations.add(key)

    def _shortage(self, place: int, wanted: int, found: int, ref: str | None = None) -> str:
        item, lot, kind, location = self.place_keys[place]
        lot_text = f" lot {lot}" if lot else ""
        whose = f" for {ref!r}" if ref is not None else ""
        return f"{kind} at {location} of {item}{lot_text}{whose}: found {found}, wanted {wanted}"

    def _write(
        self,
        command: Command,
        mark: bytes | Command,
        rows: Rows,
        legs: list[tuple[int, int, int]],
        explicit: list[tuple[int, int, int, str, int]],
        original: Original | None,
    ) -> None:
        """Value the moves, post the money and append the rows; nothing here can fail."""
        self.command_seq = seq = self.command_seq + 1
        event, changed, pool_of = self.event_seq, self.changed_places, self.pool_of
        append = rows.events.append
        crossing = False
        for src, dst, quantity in legs:
            event += 1
            append((event, seq, src, dst, quantity))
            changed.add(src)
            changed.add(dst)
            if pool_of[src] != pool_of[dst]:
                crossing = True
        self.event_seq = event
        if crossing or explicit:
            self._value(command, seq, rows, legs, explicit, original)
        if command.facts:
            for fact in command.facts:
                self.fact_seq += 1
                rows.facts.append((self.fact_seq, seq, fact.kind, fact.subject, fact.text))
        effective_us = to_microseconds(command.effective_at)
        if effective_us > self.latest_us:
            self.latest_us = effective_us
        rows.commands.append(
            (
                seq,
                command.key,
                mark,
                command.kind,
                command.actor,
                effective_us,
                command.ref,
                command.channel,
                command.reverses,
                event,
                self.posting_seq,
                self.fact_seq,
            )
        )

    def _value(
        self,
        command: Command,
        seq: int,
        rows: Rows,
        legs: list[tuple[int, int, int]],
        explicit: list[tuple[int, int, int, str, int]],
        original: Original | None,
    ) -> None:
        """Post what the moves cost, then what the command says, then what is left over."""
        touched: list[int] = []
        if original is not None:
            for src, dst, quantity in legs:
                self._shift_units(src, dst, quantity, touched)
            postings = [
                (credit, debit, amount, order, move)
                for debit, credit, amount, order, move in original.postings
            ]
        else:
            postings = []
            made: list[tuple[int, int]] = []
            consumed = self._cost_of_moves(command, legs, postings, made, touched)
            postings += explicit
            self._cost_of_making(command, consumed, made, explicit, postings)
        for debit, credit, amount, order, move in postings:
            self._post(seq, rows, debit, credit, amount, order, move)
        for debit, credit, *_ in explicit:
            touched += self._pools_of(debit, credit)
        for pool in touched:
            self._sweep(command, seq, rows, pool)

    def _shift_units(self, src: int, dst: int, quantity: int, touched: list[int]) -> None:
        """Carry units from pool to pool without their value."""
        out, into = self.pool_of[src], self.pool_of[dst]
        if out == into:
            return
        if out >= 0:
            self.pool_units[out] -= quantity
            self.changed_pools.add(out)
            touched.append(out)
        if into >= 0:
            self.pool_units[into] += quantity
            self.changed_pools.add(into)
            touched.append(into)

    def _cost_of_moves(
        self,
        command: Command,
        legs: list[tuple[int, int, int]],
        postings: list[tuple[int, int, int, str, int]],
        made: list[tuple[int, int]],
        touched: list[int],
    ) -> int:
        """Cost each move that leaves or enters a pool; return what production consumed.

        The postings are listed, and posted here at once in the pools' values so that the
        next leg sees them; `_post` is told the net later. A pool's value while this runs
        is its account less what is drawn so far.
        """
        drawn: dict[int, int] = {}
        consumed = 0
        for number, (src, dst, quantity) in enumerate(legs):
            out, into = self.pool_of[src], self.pool_of[dst]
            if out == into:
                continue
            if out >= 0:
                units, account = self.pool_units[out], self.pool_money[out]
                value = self.money[account] + drawn.get(account, 0)
                cost = value if quantity == units else (2 * value * quantity + units) // (2 * units)
                self._remember_cost(out, cost, quantity)
            elif (cost := self._entry_cost(src, into, quantity, drawn)) < 0:
                made.append((into, quantity))
                cost = 0
            self._shift_units(src, dst, quantity, touched)
            if not cost:
                continue
            credit = self.pool_money[out] if out >= 0 else self._contra(src, command)
            debit = self.pool_money[into] if into >= 0 else self._contra(dst, command)
            if out >= 0 and into < 0 and self.place_keys[dst][2] == "production":
                consumed += cost
            drawn[debit] = drawn.get(debit, 0) + cost
            drawn[credit] = drawn.get(credit, 0) - cost
            postings.append((debit, credit, cost, command.ref, number))
        return consumed

    def _remember_cost(self, pool: int, cost: int, quantity: int) -> None:
        """Keep what units last cost when they left a pool, for those that come back."""
        item_pool = self.pool_id(("item", self.pool_keys[pool][1], ""))
        self.last_cost[pool] = self.last_cost[item_pool] = (cost, quantity)
        self.changed_pools.add(pool)
        self.changed_pools.add(item_pool)

    def _entry_cost(self, src: int, into: int, quantity: int, drawn: dict[int, int]) -> int:
        """Return the cost of units that enter a pool from a place not owned; -1 is by production.

        What a supplier sends and what the books open with is valued by the command's own
        postings. What comes back or is found costs the average of the goods there, else
        what units last cost there, else what they last cost anywhere.
        """
        item, _lot, kind, _location = self.place_keys[src]
        if kind == "production":
            return -1
        if kind in ("supplier", "opening"):
            return 0
        units = self.pool_units[into]
        value = self.money[self.pool_money[into]] + drawn.get(self.pool_money[into], 0)
        if units <= 0:
            value, units = self.last_cost[into]
        if units <= 0:
            value, units = self.last_cost[self.pool_id(("item", item, ""))]
        return (2 * value * quantity + units) // (2 * units) if units > 0 else 0

    def _contra(self, place: int, command: Command) -> int:
        """Return the account on the other side when owned goods go to or come from `place`."""
        item, _lot, kind, _location = self.place_keys[place]
        account = CONTRA[kind]
        if account in _FLOWS:
            return self.money_id((account, self.currency, "", item, command.channel, ""))
        return self.money_id((account, self.currency, "", "", "", ""))

    def _cost_of_making(
        self,
        command: Command,
        consumed: int,
        made: list[tuple[int, int]],
        explicit: list[tuple[int, int, int, str, int]],
        postings: list[tuple[int, int, int, str, int]],
    ) -> None:
        """Give what production consumed, with labour and other costs put in, to what was made.

        Units of several products share it by quantity, the remainder to the first. Where
        nothing was made it is a loss.
        """
        production = self.money_ids.get(("production", self.currency, "", "", "", ""))
        if production is None:
            return
        total = consumed
        for debit, credit, amount, _order, _move in explicit:
            total += amount * ((debit == production) - (credit == production))
        if total <= 0:
            return
        if not made:
            item = command.moves[0].item if command.moves else ""
            loss = ("scrap_loss", self.currency, "", item, command.channel, "")
            postings.append((self.money_id(loss), production, total, command.ref, MADE))
            return
        quantity = sum(units for _, units in made)
        shares = [total * units // quantity for _, units in made]
        shares[0] += total - sum(shares)
        for (pool, _), share in zip(made, shares, strict=True):
            if share:
                postings.append((self.pool_money[pool], production, share, command.ref, MADE))

    def _pools_of(self, *accounts: int) -> list[int]:
        """Return the pools whose value the given money accounts are."""
        found = []
        for account in accounts:
            key = self.money_keys[account]
            if key[0] in INVENTORY_ACCOUNTS:
                found.append(self.pool_id((key[0], key[3], key[5])))
        return found

    def _post(
        self, seq: int, rows: Rows, debit: int, credit: int, amount: int, order: str, move: int
    ) -> None:
        """Write one posting into the balances and the rows."""
        self.money[debit] += amount
        self.money[credit] -= amount
        self.changed_money.add(debit)
        self.changed_money.add(credit)
        self.posting_seq += 1
        rows.postings.append((self.posting_seq, seq, debit, credit, amount, order, move))

    def _sweep(self, command: Command, seq: int, rows: Rows, pool: int) -> None:
        """Take out value that no unit carries, and fill up a value below zero."""
        account = self.pool_money[pool]
        value = self.money[account]
        if not value or (value > 0 and self.pool_units[pool]):
            return
        item = self.pool_keys[pool][1]
        variance = self.money_id(
            ("inventory_variance", self.currency, "", item, command.channel, "")
        )
        if value > 0:
            self._post(seq, rows, variance, account, value, command.ref, VARIANCE)
        else:
            self._post(seq, rows, account, variance, -value, command.ref, VARIANCE)


def _reversal_fault(
    legs: Sequence[tuple[int, int, int]],
    explicit: Sequence[tuple[int, int, int, str, int]],
    original: Original,
) -> str:
    """Return how a reversing command differs from the opposite of what it names."""
    wanted = [(dst, src, quantity) for src, dst, quantity in reversed(original.events)]
    if list(legs) != wanted:
        return "its moves are not the original's, turned round and in the opposite order"
    stated = [
        (credit, debit, amount, order)
        for debit, credit, amount, order, move in original.postings
        if move == EXPLICIT
    ]
    if [posting[:4] for posting in explicit] != stated:
        return "its postings are not the original's, turned round"
    return ""
