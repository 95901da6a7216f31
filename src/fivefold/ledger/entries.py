"""What is written into the books: places, moves, postings, facts and the command around them.

Each is checked when it is made, so the journal only ever sees well-formed ones. Knows no
balance and no clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fivefold.ledger.accounts import ACCOUNTS, INVENTORY_ACCOUNTS, PLACE_KINDS

#: Largest quantity of one move and largest amount of one posting.
LARGEST = 10**15
#: Longest key, name or reference, in characters.
LONGEST = 500
#: Longest body of a fact, in characters of JSON.
LONGEST_BODY = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """Return an instant as microseconds since 1970 in UTC.

    >>> to_microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the instant that many microseconds after 1970 in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _check_text(what: str, value: object, *, empty: bool) -> None:
    if value.__class__ is not str:
        raise TypeError(f"{what} must be text, found {value!r}")
    if not value and not empty:
        raise ValueError(f"{what} must not be empty")
    if len(value) > LONGEST:
        raise ValueError(f"{what} must have at most {LONGEST} characters, found {len(value)}")
    # An isascii test is quick; only other text can hold what UTF-8 cannot write.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{what} holds half a character: {value!r}") from None
    if "\0" in value:
        raise ValueError(f"{what} holds a NUL character: {value!r}")


def _check_amount(what: str, value: object) -> None:
    if value.__class__ is not int:
        raise TypeError(f"{what} must be a whole number, found {value!r}")
    if not 0 < value <= LARGEST:
        raise ValueError(f"{what} must be from 1 to {LARGEST}, found {value}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where goods are: a kind of the closed list, and a location.

    Goods on their way stand at `in_transit` of the location they are going to.

    >>> Place("available", "WH1")
    Place(kind='available', location='WH1')
    """

    kind: str
    location: str

    def __post_init__(self) -> None:
        if self.kind not in PLACE_KINDS:
            raise ValueError(f"kind of place {self.kind!r} is not known: {sorted(PLACE_KINDS)}")
        _check_text("location", self.location, empty=False)


@dataclass(frozen=True, slots=True)
class Move:
    """Units of one item and lot that go from one place to another."""

    item: str
    lot: str
    src: Place
    dst: Place
    quantity: int

    def __post_init__(self) -> None:
        _check_text("item", self.item, empty=False)
        _check_text("lot", self.lot, empty=True)
        _check_amount("quantity", self.quantity)
        if self.src.__class__ is not Place or self.dst.__class__ is not Place:
            raise TypeError(f"src and dst must be places, found {self.src!r} and {self.dst!r}")
        if self.src == self.dst:
            raise ValueError(f"a move needs two places, found {self.src} twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """An amount that one account receives and another gives, in minor units.

    Parameters
    ----------
    debit, credit : str
        Accounts of the chart.
    amount_minor : int
        Positive, in the smallest unit of the currency.
    currency : str
        Three letters.
    fee_type : str
        The marketplace's own name of the fee.
    item, order, channel, location : str
        What the amount is for. An inventory account needs item and location: its balance
        by both is the value of the goods there.
    """

    debit: str
    credit: str
    amount_minor: int
    currency: str
    fee_type: str = ""
    item: str = ""
    order: str = ""
    channel: str = ""
    location: str = ""

    def __post_init__(self) -> None:
        for account in (self.debit, self.credit):
            if account not in ACCOUNTS:
                raise ValueError(f"account {account!r} is not in the chart: {sorted(ACCOUNTS)}")
        if self.debit == self.credit:
            raise ValueError(f"a posting needs two accounts, found {self.debit} twice")
        _check_amount("amount_minor", self.amount_minor)
        _check_text("currency", self.currency, empty=False)
        if len(self.currency) != 3 or not self.currency.isupper() or not self.currency.isascii():
            raise ValueError(f"currency must be three capital letters, found {self.currency!r}")
        for name in ("fee_type", "item", "order", "channel", "location"):
            _check_text(name, getattr(self, name), empty=True)
        valued = self.debit in INVENTORY_ACCOUNTS or self.credit in INVENTORY_ACCOUNTS
        if valued and not (self.item and self.location):
            raise ValueError("a posting to an inventory account names item and location")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a document, with a JSON object that describes it.

    `text` is the body as it is written: canonical JSON with sorted keys.
    """

    kind: str
    subject: str
    body: Mapping[str, object] = field(hash=False, compare=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_text("kind", self.kind, empty=False)
        _check_text("subject", self.subject, empty=False)
        if not isinstance(self.body, Mapping):
            raise TypeError(f"body of a fact must be a mapping, found {self.body!r}")
        text = json.dumps(dict(self.body), sort_keys=True, separators=(",", ":"), allow_nan=False)
        if len(text) > LONGEST_BODY:
            raise ValueError(f"body of a fact has {len(text)} characters, at most {LONGEST_BODY}")
        object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing to write, all of it or nothing.

    Parameters
    ----------
    key : str
        Unique name: the same key with the same content changes nothing a second time,
        with other content it is a conflict.
    kind : str
        Business verb, such as receive_purchase.
    actor : str
        Who asked for it.
    effective_at : datetime
        When it happened, with a time zone.
    moves, postings, facts : tuple
        What it does. Moves are applied in order and see each other.
    ref : str
        Document it belongs to, such as an order: the costs it causes are booked to it and
        what it reserves is reserved for it.
    channel : str
        Sales channel its costs are booked to.
    reverses : str or None
        Key of the command it takes back.
    """

    key: str
    kind: str
    actor: str
    effective_at: datetime
    moves: tuple[Move, ...] = ()
    postings: tuple[Posting, ...] = ()
    facts: tuple[Fact, ...] = ()
    ref: str = ""
    channel: str = ""
    reverses: str | None = None

    def __post_init__(self) -> None:
        _check_text("key", self.key, empty=False)
        _check_text("kind", self.kind, empty=False)
        _check_text("actor", self.actor, empty=False)
        _check_text("ref", self.ref, empty=True)
        _check_text("channel", self.channel, empty=True)
        if self.reverses is not None:
            _check_text("reverses", self.reverses, empty=False)
        if not isinstance(self.effective_at, datetime) or self.effective_at.tzinfo is None:
            raise ValueError(
                f"effective_at must be an instant with a zone, found {self.effective_at!r}"
            )
        for name, kind in (("moves", Move), ("postings", Posting), ("facts", Fact)):
            parts = getattr(self, name)
            if parts.__class__ is not tuple:
                parts = tuple(parts)
                object.__setattr__(self, name, parts)
            for part in parts:
                if part.__class__ is not kind:
                    raise TypeError(f"{name} must hold {kind.__name__} only, found {part!r}")
        if not (self.moves or self.postings or self.facts):
            raise ValueError(f"command {self.key!r} does nothing")


def fingerprint(command: Command) -> bytes:
    """Return the SHA-256 of what a command does; who asked is left out.

    The text under the hash is `ascii` of nested tuples of text and whole numbers, which
    reads the same in every version of Python.
    """
    body = (
        command.kind,
        to_microseconds(command.effective_at),
        command.ref,
        command.channel,
        command.reverses,
        [
            (m.item, m.lot, m.src.kind, m.src.location, m.dst.kind, m.dst.location, m.quantity)
            for m in command.moves
        ],
        [
            (
                p.debit,
                p.credit,
                p.amount_minor,
                p.currency,
                p.fee_type,
                p.item,
                p.order,
                p.channel,
                p.location,
            )
            for p in command.postings
        ],
        [(f.kind, f.subject, f.text) for f in command.facts],
    )
    return hashlib.sha256(ascii(body).encode()).digest()
