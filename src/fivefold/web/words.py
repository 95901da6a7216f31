"""Figures as people read them: money, shares, dates; what is absent is a dash, never a zero."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

DASH = "–"
_ISO_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CAD": "C$", "JPY": "¥"}
_UPPER = {"fba", "fbm", "usd", "gbp", "eur", "id", "awd", "moq", "fcl", "lcl", "ltl", "ftl", "fc"}


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def symbol(currency: str) -> str:
    """Return the sign of a currency, its code and a space where it has none."""
    return _SYMBOLS.get(currency, f"{currency} " if currency else "")


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands apart.

    >>> number(1234.5), number(None), number(-3, 1), number(float("nan"))
    ('1,234', '–', '−3.0', '–')
    """
    if value is None or _absent(value):
        return DASH
    text = f"{abs(value):,.{digits}f}"
    return f"−{text}" if value < 0 and any(c in "123456789" for c in text) else text


def money(value: float | None, sign: str = "$", *, cents: bool | None = None) -> str:
    """Return an amount of money; with cents where it is below 100 and nothing else is asked.

    >>> money(12345.6), money(-4.456), money(None), money(0.0004)
    ('$12,346', '−$4.46', '–', 'under $0.01')
    """
    if value is None or _absent(value):
        return DASH
    if 0 < abs(value) < 0.005:
        return f"under {sign}0.01"
    exact = abs(value) < 100 if cents is None else cents
    text = f"{sign}{abs(value):,.{2 if exact else 0}f}"
    return f"−{text}" if value < 0 else text


def total(table: pl.DataFrame, column: str, digits: int = 0) -> str:
    """Return the sum of a column as a number."""
    return number(float(table[column].sum()), digits)


def signed(words: str) -> str:
    """Return a formatted figure with a plus where it is not negative, absent or zero.

    >>> signed("$5"), signed("−$5"), signed("–")
    ('+$5', '−$5', '–')
    """
    nothing = words == DASH or not any(c in "123456789" for c in words)
    return words if nothing or words.startswith("−") else f"+{words}"


def share(value: float | None, digits: int = 1) -> str:
    """Return a share from 0 to 1 as per cent.

    >>> share(0.8421), share(None), share(-0.05)
    ('84.2 %', '–', '−5.0 %')
    """
    return DASH if value is None or _absent(value) else f"{number(value * 100, digits)} %"


def day(value: date | None) -> str:
    """Return a date with its year.

    >>> day(date(2026, 11, 3)), day(None)
    ('3 Nov 2026', '–')
    """
    return DASH if value is None else f"{value.day} {value:%b %Y}"


def short_day(value: date | None) -> str:
    """Return a date without its year, on one line."""
    return DASH if value is None else f"{value.day}\N{NO-BREAK SPACE}{value:%b}"


def said(text: str) -> str:
    """Return a sentence as one: a capital first, its dates as people write them.

    >>> said("send on 2027-01-04 to have it on 2027-01-18.")
    'Send on 4 Jan 2027 to have it on 18 Jan 2027.'
    """
    told = _ISO_DAY.sub(_spelt, text)
    return told[:1].upper() + told[1:]


def _spelt(found: re.Match[str]) -> str:
    try:
        return day(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def moment(value: datetime | None) -> str:
    """Return an instant to the minute, in UTC."""
    return DASH if value is None else f"{value.day} {value:%b %Y %H:%M} UTC"


def text(value: object) -> str:
    """Return text, a dash where there is none."""
    return DASH if value is None or value == "" else str(value)


def many(count: int, one: str, more: str | None = None) -> str:
    """Return a count with its noun.

    >>> many(1, "order"), many(1200, "order"), many(0, "branch", "branches")
    ('1 order', '1,200 orders', 'no branches')
    """
    noun = one if count == 1 else more or f"{one}s"
    return f"{count:,} {noun}" if count else f"no {noun}"


def slack(days: int) -> str:
    """Return days to spare, or days too late.

    >>> slack(3), slack(0), slack(-1)
    ('3 days to spare', 'just in time', '1 day late')
    """
    if days == 0:
        return "just in time"
    return f"{many(days, 'day')} to spare" if days > 0 else f"{many(-days, 'day')} late"


def pegged(decision: str) -> str:
    """Return what a decision does, from its name.

    >>> pegged("buy:CMP-1@WH1:2026-12-01"), pegged("PO-7/3")
    ('buy, 1 Dec 2026', 'PO-7/3')
    """
    kind, _, rest = decision.partition(":")
    found = _ISO_DAY.search(rest)
    return f"{kind}, {_spelt(found)}" if found else decision


def listed(parts: Sequence[str]) -> str:
    """Return parts joined as in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def plain_name(code: str) -> str:
    """Return a code as words a person reads.

    >>> plain_name("BASE_FBA_FULFILLMENT_FEE"), plain_name("lead_time")
    ('Base FBA fulfillment fee', 'Lead time')
    """
    parts = [p.upper() if p in _UPPER else p for p in code.lower().replace("_", " ").split()]
    joined = " ".join(parts)
    return joined[:1].upper() + joined[1:]
