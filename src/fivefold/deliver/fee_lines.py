"""One line of what a unit pays: its amount or its ends, the card, the grade.

Knows how a line is told that a card gives, that nobody knows, and that does not fall due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from fivefold.deliver.fee_cards import Figure

DAYS_PER_MONTH = 365.0 / 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """One fee or cost of one unit.

    Parameters
    ----------
    line : str
        Name; Amazon's own where it is a fee.
    amount : float or None
        Expected, currency a unit; negative is a credit; None is not known.
    low, high : float or None
        Ends. Both equal `amount` where that is sure.
    card : str
        Card, statement or assumption it comes from.
    effective_from : date or None
    grade : str
        actual, listed, quote, data, official, secondary, single, assumed or unknown.
    note : str
        How it was computed.
    counted : float or None
        What a total takes for it where `amount` is not known; None leaves it out.
    """

    line: str
    amount: float | None
    low: float | None = None
    high: float | None = None
    card: str = ""
    effective_from: date | None = None
    grade: str = "data"
    note: str = ""
    counted: float | None = None

    @property
    def expected(self) -> float | None:
        """Amount if known, else what is counted for it, else the middle of a known range."""
        if self.amount is not None:
            return self.amount
        if self.counted is not None:
            return self.counted
        if self.low is not None and self.high is not None:
            return (self.low + self.high) / 2.0
        return None

    def times(self, factor: float, *, note: str = "") -> FeeLine:
        """Return the line for `factor` units; a factor is not negative."""

        def scaled(value: float | None) -> float | None:
            return None if value is None else value * factor

        return replace(
            self,
            amount=scaled(self.amount),
            low=scaled(self.low),
            high=scaled(self.high),
            counted=scaled(self.counted),
            note=note or self.note,
        )


def sure(line: str, amount: float, figure: Figure, note: str) -> FeeLine:
    """Return a line whose amount the card gives."""
    return FeeLine(
        line=line,
        amount=amount,
        low=amount,
        high=amount,
        card=figure.card,
        effective_from=figure.effective_from,
        grade=figure.grade,
        note=" ".join(part for part in (note, figure.note) if part),
    )


def unknown(
    line: str,
    figure: Figure | None,
    note: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> FeeLine:
    """Return a line without an amount, with the ends that are known."""
    said = "" if figure is None else figure.note
    return FeeLine(
        line=line,
        amount=None,
        low=low,
        high=high,
        card="" if figure is None else figure.card,
        effective_from=None if figure is None else figure.effective_from,
        grade="unknown" if figure is None or figure.amount_low is None else figure.grade,
        note=" ".join(part for part in (note, said) if part),
    )


def nothing(line: str, note: str) -> FeeLine:
    """Return a line that does not fall due, and why."""
    return FeeLine(line=line, amount=0.0, low=0.0, high=0.0, grade="data", note=note)
