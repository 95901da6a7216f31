"""The log folded again from nothing, by other code than the one that wrote it.

Checks that no bounded place is ever below zero, leg by leg, that nobody ships what was
reserved for another, that goods leave at their moving average cost, and that no value is
left without units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from fivefold.errors import Problem
from fivefold.ledger.accounts import BOUNDED, OWNED

_HALF = Fraction(1, 2)

Pool = tuple[str, str, str]


#: Problems listed; more are counted.
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` found.

    goods_sum and money_sum are what the balances as they are kept are away from zero, over
    items and lots, and over currencies. head is the hash of the last batch: who keeps it
    elsewhere can tell a file that was rolled back. A problem's row is the number of the row
    in its table; its key names batch and command.
    """

    ok: bool
    batches: int
    commands: int
    events: int
    postings: int
    facts: int
    goods_sum: int
    money_sum: int
    chain_ok: bool
    head: str
    problems: tuple[Problem, ...]


class Fold:
    """Balances that follow from the rows of the log given so far.

    Parameters
    ----------
    places : mapping of int to (item, lot, kind, location)
    money : mapping of int to (account, currency, fee_type, item, channel, location)
    currency : str
        In which goods are valued.
    """

    def __init__(
        self,
        places: Mapping[int, tuple[str, str, str, str]],
        money: Mapping[int, tuple[str, str, str, str, str, str]],
        currency: str,
    ) -> None:
        self.places = places
        self.accounts = money
        self.units: defaultdict[int, int] = defaultdict(int)
        self.money: defaultdict[int, int] = defaultdict(int)
        self.reserved: defaultdict[tuple[int, str], int] = defaultdict(int)
        self.pool_units: defaultdict[Pool, int] = defaultdict(int)
        self.last_cost: dict[Pool, tuple[int, int]] = {}
        self._account_of: dict[Pool, int] = {
            (key[0], key[3], key[5]): number
            for number, key in money.items()
            if key[0] in ("inventory", "inventory_in_transit") and key[1] == currency
        }

    def take(
        self,
        command: int,
        ref: str,
        events: Sequence[tuple[int, int, int, int]],
        postings: Sequence[tuple[int, int, int, int, int]],
        *,
        reversing: bool,
    ) -> Iterator[Problem]:
        """Fold the rows of one command and yield what is wrong with them.

        Parameters
        ----------
        command : int
            Its number.
        ref : str
            Document it is for.
        events : sequence of (seq, src, dst, quantity)
        postings : sequence of (seq, debit, credit, amount, move)
        reversing : bool
            It takes another command back, at the cost that one had.
        """
        known = []
        for event in events:
            if event[1] in self.places and event[2] in self.places:
                known.append(event)
            else:
                yield _problem("event", command, event[0], "unknown_place", "names no place")
        yield from self._move(command, ref, known)
        expected = {} if reversing else self._costs(known)
        if reversing:
            for _, src, dst, quantity in known:
                self._shift(self._pool(src), self._pool(dst), quantity)
        found: dict[int, int] = {}
        touched = {pool for _, src, dst, _ in known for pool in (self._pool(src), self._pool(dst))}
        for seq, debit, credit, amount, move in postings:
            if debit not in self.accounts or credit not in self.accounts:
                yield _problem("posting", command, seq, "unknown_account", "names no account")
                continue
            self.money[debit] += amount
            self.money[credit] -= amount
            touched |= {self._pool_of_account(debit), self._pool_of_account(credit)}
            if move >= 0:
                found[move] = found.get(move, 0) + amount
        if not reversing and found != expected:
            yield _problem(
                "posting",
                command,
                postings[0][0] if postings else 0,
                "wrong_cost",
                f"cost by movement is {found}, moving average gives {expected}",
            )
        for pool in touched - {None}:
            assert pool is not None
            yield from self._check_pool(command, pool)

    def _move(
        self, command: int, ref: str, events: Sequence[tuple[int, int, int, int]]
    ) -> Iterator[Problem]:
        for seq, src, dst, quantity in events:
            self.units[src] -= quantity
            self.units[dst] += quantity
            kind = self.places[src][2]
            if kind in BOUNDED and self.units[src] < 0:
                message = f"{self.places[src]} falls to {self.units[src]}"
                yield _problem("event", command, seq, "below_zero", message)
            if kind == "reserved":
                self.reserved[src, ref] -= quantity
                if self.reserved[src, ref] < 0:
                    message = f"takes {quantity} of {self.places[src]} that {ref!r} did not reserve"
                    yield _problem("event", command, seq, "not_reserved", message)
            if self.places[dst][2] == "reserved":
                self.reserved[dst, ref] += quantity

    def _costs(self, events: Sequence[tuple[int, int, int, int]]) -> dict[int, int]:
        """Return what each movement across pools costs, by its number within the command."""
        values: dict[Pool, int] = {}
        costs: dict[int, int] = {}
        for number, (_, src, dst, quantity) in enumerate(events):
            out, into = self._pool(src), self._pool(dst)
            if out == into:
                continue
            cost = 0
            item = self.places[src][0]
            if out is not None:
                held = values.setdefault(out, self._value(out))
                units = self.pool_units[out]
                cost = _share(held, quantity, units) if units else 0
                values[out] = held - cost
                self.last_cost[out] = self.last_cost["item", item, ""] = (cost, quantity)
            elif self.places[src][2] not in ("production", "supplier", "opening"):
                assert into is not None
                held = values.setdefault(into, self._value(into))
                units = self.pool_units[into]
                if not units:
                    held, units = self.last_cost.get(into, (0, 0))
                if not units:
                    held, units = self.last_cost.get(("item", item, ""), (0, 0))
                cost = _share(held, quantity, units) if units else 0
            if into is not None:
                values[into] = values.setdefault(into, self._value(into)) + cost
            self._shift(out, into, quantity)
            if cost:
                costs[number] = cost
        return costs

    def _shift(self, out: Pool | None, into: Pool | None, quantity: int) -> None:
        if out is not None:
            self.pool_units[out] -= quantity
        if into is not None:
            self.pool_units[into] += quantity

    def _pool(self, place: int) -> Pool | None:
        item, _lot, kind, location = self.places[place]
        if kind not in OWNED:
            return None
        return ("inventory_in_transit" if kind == "in_transit" else "inventory", item, location)

    def _pool_of_account(self, account: int) -> Pool | None:
        key = self.accounts[account]
        pool = (key[0], key[3], key[5])
        return pool if pool in self._account_of else None

    def _value(self, pool: Pool) -> int:
        account = self._account_of.get(pool)
        return 0 if account is None else self.money[account]

    def _check_pool(self, command: int, pool: Pool) -> Iterator[Problem]:
        units, value = self.pool_units[pool], self._value(pool)
        if units < 0 or value < 0 or (value and not units):
            yield _problem(
                "command",
                command,
                command,
                "value_without_units",
                f"leaves {units} units worth {value} at {pool}",
            )


def _share(value: int, quantity: int, units: int) -> int:
    return floor(Fraction(value * quantity, units) + _HALF)


def _problem(table: str, command: int, row: int, code: str, message: str) -> Problem:
    return Problem(table=table, key=f"command {command}", row=row, code=code, message=message)
