"""Acceptance sampling of incoming lots: which sample, how many defects, how strictly.

Knows single sampling plans by attributes and the switching rules. The plans are data with
their source beside this module; nothing here looks at a lot's history in a table.

References
----------
.. [1] ISO 2859-1:1999 (= ANSI/ASQ Z1.4-2003), tables 1, 2-A, 2-B, 2-C and clause 9.3.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Severity = Literal["normal", "tightened", "reduced", "discontinued"]
Verdict = Literal["accepted", "rejected"]
Level = Literal["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]
LEVELS: tuple[Level, ...] = get_args(Level)

#: Not accepted among so many consecutive lots of normal inspection: tightened begins (9.3.1).
_TIGHTEN_WITHIN = 5
#: Accepted in a row under tightened inspection: normal again (9.3.2).
_RELAX_AFTER = 5
#: Not accepted under tightened inspection in all: inspection is discontinued (9.4).
_STOP_AFTER = 5
#: Switching score from which reduced inspection may begin (9.3.3).
_REDUCED_SCORE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """A single sampling plan: draw `sample_size`, accept up to `accept_number` defects.

    `letter` is the code letter in use, after an arrow of the table has been followed.
    `is_complete` tells that the sample would be as large as the lot, so all is inspected.
    """

    letter: str
    sample_size: int
    accept_number: int
    reject_number: int
    aql_percent: float
    severity: Severity
    is_complete: bool = False

    def verdict(self, defects: int) -> Verdict:
        """Return what becomes of a lot whose sample has so many defective units."""
        return "accepted" if defects <= self.accept_number else "rejected"

    def acceptance_probability(self, defect_share: float) -> float:
        """Return the chance that a lot of this quality is accepted, binomial.

        Examples
        --------
        >>> plan = sampling_plan(lot_size=1000, aql_percent=1.0)
        >>> (plan.letter, plan.sample_size, plan.accept_number)
        ('J', 80, 2)
        >>> round(plan.acceptance_probability(0.0103), 3)
        0.95
        """
        if not 0 <= defect_share <= 1:
            raise ValueError(f"defect_share must be from 0 to 1, found {defect_share}")
        good = 1 - defect_share
        return math.fsum(
            math.comb(self.sample_size, found)
            * defect_share**found
            * good ** (self.sample_size - found)
            for found in range(self.accept_number + 1)
        )


def sampling_plan(
    *,
    lot_size: int,
    aql_percent: float,
    level: Level = "II",
    severity: Severity = "normal",
) -> SamplingPlan:
    """Return the single sampling plan of the standard for a lot.

    Parameters
    ----------
    lot_size : int
        Units of the lot, at least 1.
    aql_percent : float
        Acceptance quality limit in percent nonconforming, one of the standard's series from
        0.010 to 10.
    level : {'S-1', 'S-2', 'S-3', 'S-4', 'I', 'II', 'III'}
        II unless something speaks for another.
    severity : {'normal', 'tightened', 'reduced', 'discontinued'}
        Discontinued inspection draws as tightened does, once the supplier has improved.

    Raises
    ------
    ValueError
        If a limit is not one of the series, or the lot has no unit.
    """
    if lot_size < 1:
        raise ValueError(f"lot_size must be at least 1, found {lot_size}")
    series = limits()
    if aql_percent not in series:
        raise ValueError(f"aql_percent must be one of {series}, found {aql_percent}")
    letter = code_letter(lot_size, level)
    table: Severity = "tightened" if severity == "discontinued" else severity
    letter, size, accept, reject = _row(table, letter, aql_percent)
    if size >= lot_size:
        size = lot_size
    return SamplingPlan(
        letter=letter,
        sample_size=size,
        accept_number=accept,
        reject_number=reject,
        aql_percent=aql_percent,
        severity=severity,
        is_complete=size == lot_size,
    )


def code_letter(lot_size: int, level: Level = "II") -> str:
    """Return the sample size code letter of table 1.

    >>> code_letter(500), code_letter(501), code_letter(25, "S-1")
    ('H', 'J', 'A')
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {LEVELS}, found {level}")
    for row in _rows("code_letters.csv"):
        if lot_size <= int(row["last_lot_size"]):
            return row[level]
    raise ValueError(f"lot_size must be at most 1,000,000,000, found {lot_size}")


@cache
def limits() -> tuple[float, ...]:
    """Return the acceptance quality limits of the series that are known here, in percent."""
    return tuple(sorted({float(row["aql_percent"]) for row in _rows("single_sampling.csv")}))


def _row(severity: Severity, letter: str, aql_percent: float) -> tuple[str, int, int, int]:
    """Return letter, sample and numbers of the plan at a letter, arrows followed."""
    cells = _table(severity, aql_percent)
    order = list(cells)
    place = order.index(letter)
    while cells[order[place]].accept_number is None:
        place += 1 if cells[order[place]].arrow == "down" else -1
    found = cells[order[place]]
    assert found.accept_number is not None
    return order[place], found.sample_size, found.accept_number, found.accept_number + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A cell of a master table: a plan, or an arrow to the next one."""

    sample_size: int
    accept_number: int | None
    arrow: str


@cache
def _table(severity: Severity, aql_percent: float) -> dict[str, _Cell]:
    """Return one column of a master table by code letter, smallest sample first."""
    return {
        row["code_letter"]: _Cell(
            sample_size=int(row["sample_size"]),
            accept_number=int(row["accept_number"]) if row["accept_number"] else None,
            arrow=row["arrow"],
        )
        for row in _rows("single_sampling.csv")
        if row["severity"] == severity and float(row["aql_percent"]) == aql_percent
    }


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    text = (files("fivefold.source") / "standards" / name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text)))


def next_severity(lots: Iterable[tuple[Verdict, int]]) -> Severity:
    """Return how strictly the next lot is inspected, after the lots so far.

    Parameters
    ----------
    lots : iterable of (verdict, points)
        Every lot in the order of inspection: what became of it, and what it adds to the
        switching score (`switching_points`).

    Notes
    -----
    The rules of clauses 9.3 and 9.4: normal to tightened when 2 of 5 or fewer consecutive
    lots are not accepted; tightened to normal after 5 accepted in a row; discontinued after
    5 lots not accepted under tightened inspection, and tightened again with the next lot
    that is let through; normal to reduced at a switching score of 30, steady production and
    the consent of who is responsible taken for granted; reduced to normal at once when a lot
    is not accepted.

    Examples
    --------
    >>> bad, good = ("rejected", 0), ("accepted", 3)
    >>> next_severity([good, bad, good, bad]), next_severity([good] * 9), next_severity([good] * 10)
    ('tightened', 'normal', 'reduced')
    """
    state: Severity = "normal"
    recent: list[bool] = []
    score = failed = streak = 0
    for verdict, points in lots:
        accepted = verdict == "accepted"
        if state == "normal":
            recent = [*recent, accepted][-_TIGHTEN_WITHIN:]
            score = score + points if points else 0
            if recent.count(False) >= 2:
                state, streak, failed = "tightened", 0, 0
            elif score >= _REDUCED_SCORE:
                state = "reduced"
        elif state == "reduced":
            if not accepted:
                state, recent, score = "normal", [False], 0
        elif state == "tightened":
            streak = streak + 1 if accepted else 0
            failed += not accepted
            if failed >= _STOP_AFTER:
                state = "discontinued"
            elif streak >= _RELAX_AFTER:
                state, recent, score = "normal", [], 0
        elif accepted:
            state, streak, failed = "tightened", 1, 0
    return state


def switching_points(plan: SamplingPlan, *, lot_size: int, level: Level, defects: int) -> int:
    """Return what a lot adds to the switching score (9.3.3.2); 0 sets the score back.

    3 where the plan has Ac 2 or more and the lot also passes one step of the limit tighter, 2
    where it has Ac 0 or 1 and the lot is accepted.
    """
    if plan.verdict(defects) != "accepted":
        return 0
    if plan.accept_number <= 1:
        return 2
    series = limits()
    step = series.index(plan.aql_percent) - 1
    if step < 0:
        return 3 if defects == 0 else 0
    tighter = sampling_plan(lot_size=lot_size, aql_percent=series[step], level=level)
    return 3 if defects <= tighter.accept_number else 0
