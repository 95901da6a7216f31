"""The rules of the checker as data: one line a rule, read once.

Documentation, `--json` and the sentences of violations all come from `rules.csv`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing the checker asks of one table; table `*` is every table of a plan."""

    table: str
    rule: str
    asks: str


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule of the checker, by table, in the order of the catalogue.

    >>> len({(rule.table, rule.rule) for rule in rules()}) == len(rules())
    True
    """
    text = (files("fivefold.check") / "rules.csv").read_text(encoding="utf-8")
    return tuple(
        Rule(table=row["table"], rule=row["rule"], asks=row["asks"])
        for row in csv.DictReader(text.splitlines())
    )


@cache
def _asked() -> dict[tuple[str, str], str]:
    return {(rule.table, rule.rule): rule.asks for rule in rules()}


def asks(table: str, rule: str) -> str:
    """Return what a rule asks, in a few words.

    Raises
    ------
    KeyError
        If the catalogue has no such rule.
    """
    known = _asked()
    return known[table, rule] if (table, rule) in known else known["*", rule]
