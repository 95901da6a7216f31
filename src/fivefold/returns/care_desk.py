"""The desk of care: who takes a case, what to answer, when it goes up, what it cost, how it went.

Knows skills, prepared answers, steps of escalation and measures of satisfaction.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from fivefold.model import Dataset
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
    """What cases take and when they go up.

    Parameters
    ----------
    handle_minutes : mapping of str to float
        By skill; `""` is for the others. Assumed where the company tells none.
    cost_per_hour : float, optional
        Of one person at the desk; None where the company has not told it.
    manager_hours : float
        Hours overdue after which a case goes from the lead to the manager.
    """

    handle_minutes: Mapping[str, float]
    cost_per_hour: float | None = None
    manager_hours: float = 8.0


DESK = DeskParams(handle_minutes={"quality": 10.0, "delivery": 7.0, "sales": 6.0, "returns": 5.0})


def desk_params(dataset: Dataset) -> DeskParams:
    """Return the desk with the company's own rates.

    Settings care_cost_per_hour, care_minutes_quality (delivery, sales, returns) and
    care_manager_hours; an hour nobody priced stays unknown, minutes nobody told are assumed.

    Raises
    ------
    DataError
        If a setting is no number.
    """
    hour = dataset.setting_number("care_cost_per_hour", -1.0)
    return DeskParams(
        handle_minutes={
            skill: dataset.setting_number(f"care_minutes_{skill}", minutes)
            for skill, minutes in DESK.handle_minutes.items()
        },
        cost_per_hour=None if hour < 0 else hour,
        manager_hours=dataset.setting_number("care_manager_hours", DESK.manager_hours),
    )


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


def minutes_of(case: Mapping[str, Any], params: DeskParams = DESK) -> float:
    """Return the minutes a case took: those noted with it, else those of its skill."""
    if case.get("minutes") is not None:
        return float(case["minutes"])
    skill = skill_of(str(case["kind"]), case.get("reason"))
    return params.handle_minutes.get(skill, params.handle_minutes.get("", 8.0))


def time_cost_of(case: Mapping[str, Any], params: DeskParams = DESK) -> float | None:
    """Return what people's time for a case cost; None where an hour has no price."""
    if params.cost_per_hour is None:
        return None
    return minutes_of(case, params) / 60.0 * params.cost_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """Satisfaction of those who answered: shares with the ends of their 95 % intervals."""

    answers: int
    csat: float | None
    csat_low: float | None
    csat_high: float | None
    nps: float | None
    nps_low: float | None
    nps_high: float | None
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
        return _SILENCE
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
        mean=sum(stars) / n,
        **_net(promote, detract, n),
    )


def recommended(answers: Sequence[int]) -> Satisfaction:
    """Return NPS of answers of 0 to 10: nines and tens less those up to six (Reichheld 2003).

    Raises
    ------
    ValueError
        If an answer is not 0 to 10.

    Examples
    --------
    >>> recommended([10, 9, 8, 3]).nps
    25.0
    """
    if any(not 0 <= answer <= 10 for answer in answers):
        raise ValueError("answers must be 0 to 10")
    n = len(answers)
    if n == 0:
        return _SILENCE
    promote, detract = sum(a >= 9 for a in answers), sum(a <= 6 for a in answers)
    return replace(_SILENCE, answers=n, **_net(promote, detract, n))


def _net(promote: int, detract: int, n: int) -> dict[str, float]:
    """Return a net score with its 95 % interval, that of a difference of two shares."""
    net = (promote - detract) / n
    spread = math.sqrt(max((promote + detract) / n - net * net, 0.0) / n)
    half = 1.959963984540054 * spread
    return {
        "nps": 100.0 * net,
        "nps_low": 100.0 * max(net - half, -1.0),
        "nps_high": 100.0 * min(net + half, 1.0),
    }


_SILENCE = Satisfaction(
    answers=0,
    csat=None,
    csat_low=None,
    csat_high=None,
    nps=None,
    nps_low=None,
    nps_high=None,
    mean=None,
)
