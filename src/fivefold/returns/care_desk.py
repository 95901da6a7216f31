"""The desk of care: who takes a case, what to answer, when it goes up, what it cost, how it went.

Knows skills, prepared answers, steps of escalation and measures of satisfaction.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from fivefold.returns.care import reasons

#: The skill that answers for each owner of a reason.
SKILLS = {
    "inspection": "quality",
    "packing": "delivery",
    "pick": "delivery",
    "promise": "delivery",
    "carrier": "delivery",
    "listing": "sales",
    "pricing": "sales",
}
#: Words that make any case one of safety.
DANGER = ("fire", "smoke", "burn", "shock", "injur", "hurt", "explod", "allerg", "chok")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParams:
    """What cases take and when they go up; assumptions of the house.

    Parameters
    ----------
    handle_minutes : mapping of str to float
        By skill; `""` is for the others.
    cost_per_hour : float
        Of one person at the desk.
    manager_hours : float
        Hours overdue after which a case goes from the lead to the manager.
    """

    handle_minutes: Mapping[str, float]
    cost_per_hour: float = 24.0
    manager_hours: float = 8.0


DESK = DeskParams(handle_minutes={"quality": 10.0, "delivery": 7.0, "sales": 6.0, "returns": 5.0})


def owner_of(reason: str | None) -> str:
    """Return which part of the chain a reason points to; none where it is not on the list.

    >>> owner_of("DEFECTIVE"), owner_of("not as described"), owner_of(None)
    ('inspection', 'listing', 'none')
    """
    code = (reason or "").strip().upper().replace("-", "_").replace(" ", "_")
    entry = reasons().get(code)
    return entry.owner if entry else "none"


def skill_of(kind: str, reason: str | None) -> str:
    """Return the skill that takes a case.

    >>> skill_of("complaint", "DEFECTIVE"), skill_of("return", "UNWANTED_ITEM")
    ('quality', 'returns')
    """
    found = SKILLS.get(owner_of(reason))
    if found:
        return found
    return "returns" if kind == "return" else "sales"


@cache
def macros() -> tuple[dict[str, str], ...]:
    """Return the prepared answers: macro, kind, owner, title, text with places to fill."""
    text = (files("fivefold.returns") / "macros.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def macro_for(kind: str, reason: str | None, known: Mapping[str, str]) -> tuple[str, str]:
    """Return name and text of the answer that fits best, its places filled as far as known.

    The one of the reason's owner goes before the one of the kind, and that before the plain one.
    """
    owner = owner_of(reason)

    def fit(row: Mapping[str, str]) -> int:
        if row["kind"] not in ("", kind) or row["owner"] not in ("", owner):
            return -1
        return 2 * (row["owner"] == owner) + (row["kind"] == kind)

    best = max(macros(), key=fit)
    filled = best["text"]
    for name in ("order", "item", "refund", "due"):
        filled = filled.replace("{" + name + "}", known.get(name) or f"({name})")
    return best["macro"], filled


def escalation(
    case: Mapping[str, Any], *, now: datetime, params: DeskParams = DESK
) -> tuple[str, str]:
    """Return who has a case now, desk, lead, manager or safety, and why.

    Parameters
    ----------
    case : mapping
        A row of cases.
    now : datetime
        With a time zone.
    """
    words = (case.get("note") or "").lower()
    if case.get("closed_at") is not None:
        return "desk", "closed"
    if any(word in words for word in DANGER):
        return "safety", "its words tell of danger to a person"
    due = case.get("answer_due_at")
    if due is None or now <= due:
        return "desk", "within its time"
    hours = (now - due).total_seconds() / 3600.0
    if hours > params.manager_hours:
        return "manager", f"{hours:.0f} hours past its time"
    return "lead", f"{hours:.0f} hours past its time"


def cost_of(case: Mapping[str, Any], params: DeskParams = DESK) -> float:
    """Return what the desk's time for a case costs."""
    skill = skill_of(str(case["kind"]), case.get("reason"))
    minutes = params.handle_minutes.get(skill, params.handle_minutes.get("", 8.0))
    return minutes / 60.0 * params.cost_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """Satisfaction of those who answered: shares with the ends of their 95 % intervals."""

    answers: int
    csat: float | None
    csat_low: float | None
    csat_high: float | None
    nps: float | None
    mean: float | None


def satisfaction(stars: Sequence[int]) -> Satisfaction:
    """Return CSAT and NPS of ratings of 1 to 5 stars.

    Parameters
    ----------
    stars : sequence of int

    Notes
    -----
    CSAT is the share of 4 and 5, with Wilson's interval (Wilson 1927, JASA 22). NPS needs the
    question of recommendation on 0 to 10 (Reichheld 2003); from stars it is read as fives less
    ones to threes, which is a stand-in and no answer to that question.

    Raises
    ------
    ValueError
        If a rating is not 1 to 5.

    Examples
    --------
    >>> found = satisfaction([5, 5, 4, 1])
    >>> found.csat, found.nps
    (0.75, 25.0)
    """
    if any(not 1 <= star <= 5 for star in stars):
        raise ValueError("ratings must be 1 to 5")
    n = len(stars)
    if n == 0:
        return Satisfaction(
            answers=0, csat=None, csat_low=None, csat_high=None, nps=None, mean=None
        )
    good = sum(star >= 4 for star in stars) / n
    z = 1.959963984540054
    middle = (good + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(good * (1 - good) / n + z * z / (4 * n * n))
    promote, detract = sum(s == 5 for s in stars), sum(s <= 3 for s in stars)
    return Satisfaction(
        answers=n,
        csat=good,
        csat_low=max(middle - half, 0.0),
        csat_high=min(middle + half, 1.0),
        nps=100.0 * (promote - detract) / n,
        mean=sum(stars) / n,
    )
