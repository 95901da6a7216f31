"""How satisfied customers are and what their cases cost, by item and by cause.

Knows what reviews, cases, returns and orders say together. Asks nobody and invents no rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from fivefold.errors import DataError, Problem
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.returns.care_desk import desk_params, minutes_of, owner_of, recommended, satisfaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CareFigureParams:
    """What counts.

    Parameters
    ----------
    days : int
        Reviews and cases of so many days.
    """

    days: int = 365

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days must be at least 1, found {self.days}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one customer said: stars, the answer to the question of recommendation, and of what."""

    item: str | None
    cause: str
    stars: int
    recommend: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCost:
    """What a case cost; a part nobody told is None."""

    case: str
    item: str | None
    cause: str
    time: float | None
    refund: float | None
    goods: float | None

    @property
    def total(self) -> float | None:
        """Return the sum of all parts, None where one is not known."""
        if self.time is None or self.refund is None or self.goods is None:
            return None
        return self.time + self.refund + self.goods


def care_figures(
    dataset: Dataset, params: CareFigureParams | None = None, *, as_of: date
) -> Outcome:
    """Return satisfaction and cost per case: in all, by item, by cause, and by both.

    Parameters
    ----------
    dataset : Dataset
        reviews, cases, returns, orders, settlements, and the company's rates among settings:
        care_cost_per_hour, and care_minutes_quality and the like for each skill.
    params : CareFigureParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `care_figures`, the whole first; explanations say what is not known.

    Notes
    -----
    The cause of a review is that of its own reason; else of the return of the same order and
    item; else `promise` where the order came after the day promised, or had not come by then;
    else `none`. Means of cost are over the cases whose parts are all known, which are counted.
    """
    params = params or CareFigureParams()
    voices = heard(dataset, as_of=as_of, days=params.days)
    costs = case_costs(dataset, as_of=as_of, days=params.days)
    keys: dict[tuple[str | None, str | None], tuple[list[Voice], list[CaseCost]]] = {}
    for voice in voices:
        for key in _levels(voice.item, voice.cause):
            keys.setdefault(key, ([], []))[0].append(voice)
    for cost in costs:
        for key in _levels(cost.item, cost.cause):
            keys.setdefault(key, ([], []))[1].append(cost)
    rows = [_row(item, cause, *found) for (item, cause), found in keys.items()]
    rows.sort(
        key=lambda r: (
            (r["item"] is not None) + 2 * (r["cause"] is not None) if r["subject"] != "all" else -1,
            -int(r["answers"]) - int(r["cases"]),
            r["subject"],
        )
    )
    return Outcome(
        tables={"care_figures": schema("care_figures").frame(rows)},
        status="feasible",
        explanations=explanations_frame(_told(dataset, costs)),
        notes={"voices": len(voices), "cases": len(costs)},
    )


def _levels(item: str | None, cause: str) -> list[tuple[str | None, str | None]]:
    found: list[tuple[str | None, str | None]] = [(None, None), (None, cause)]
    return found + ([(item, None), (item, cause)] if item else [])


def _row(
    item: str | None, cause: str | None, voices: Sequence[Voice], costs: Sequence[CaseCost]
) -> dict[str, Any]:
    told = satisfaction([voice.stars for voice in voices])
    asked = recommended([v.recommend for v in voices if v.recommend is not None])
    nps = told if asked.nps is None else asked
    known = [cost for cost in costs if cost.total is not None]

    def mean(part: str) -> float | None:
        values = [getattr(cost, part) for cost in known]
        return sum(values) / len(values) if values else None

    names = [f"item:{item}" if item else "", f"cause:{cause}" if cause else ""]
    return {
        "subject": " ".join(name for name in names if name) or "all",
        "item": item,
        "cause": cause,
        "answers": told.answers,
        "csat_share": told.csat,
        "csat_low_share": told.csat_low,
        "csat_high_share": told.csat_high,
        "stars_mean": told.mean,
        "nps": nps.nps,
        "nps_low": nps.nps_low,
        "nps_high": nps.nps_high,
        "nps_from": None if nps.nps is None else "stars" if asked.nps is None else "question",
        "cases": len(costs),
        "cases_costed": len(known),
        "time_cost": mean("time"),
        "refund": mean("refund"),
        "goods_cost": mean("goods"),
        "cost_per_case": mean("total"),
    }


def heard(dataset: Dataset, *, as_of: date, days: int) -> list[Voice]:
    """Return every voice of the last days: reviews, and stars given to closed cases.

    Raises
    ------
    DataError
        If stars are not 1 to 5, or recommendations not 0 to 10.
    """
    first, last = _window(as_of, days)
    reviews = dataset["reviews"].filter(pl.col("reviewed_at").is_between(first, last))
    _refuse_wrong(reviews)
    orders = _by_order(dataset["orders"], reviews)
    returned = _by_order(dataset["returns"], reviews)
    voices = []
    for row in reviews.sort("reviewed_at", "review").iter_rows(named=True):
        lines = [
            line
            for line in orders.get(row["order"] or "", ())
            if row["item"] is None or line["item"] == row["item"]
        ]
        items = {line["item"] for line in lines}
        item = row["item"] or (next(iter(items)) if len(items) == 1 else None)
        back = [
            line["reason"]
            for line in returned.get(row["order"] or "", ())
            if item is None or line["item"] == item
        ]
        cause = cause_of_review(row, lines, back)
        voices.append(Voice(item=item, cause=cause, stars=row["stars"], recommend=row["recommend"]))
    cases = dataset["cases"].filter(
        pl.col("closed_at").is_between(first, last) & pl.col("satisfaction").is_not_null()
    )
    for row in cases.iter_rows(named=True):
        voices.append(
            Voice(
                item=row["item"],
                cause=owner_of(row["reason"]),
                stars=row["satisfaction"],
                recommend=None,
            )
        )
    return voices


def cause_of_review(
    review: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], returned: Sequence[str | None]
) -> str:
    """Return which part of the chain a review is about; none where nothing tells.

    Parameters
    ----------
    review : mapping
        A row of reviews.
    lines : sequence of mapping
        Order lines it is about.
    returned : sequence of str or None
        Reasons of what came back of them.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> line = {"promised_on": date(2026, 5, 4), "delivered_on": date(2026, 5, 9)}
    >>> cause_of_review(
    ...     {"reason": None, "reviewed_at": datetime(2026, 5, 10, tzinfo=UTC)}, [line], []
    ... )
    'promise'
    """
    for reason in (review["reason"], *returned):
        owner = owner_of(reason)
        if owner != "none":
            return owner
    said = review["reviewed_at"].date()
    for line in lines:
        promised, came = line.get("promised_on"), line.get("delivered_on")
        known_late = came is not None and promised is not None and came > promised
        # Where deliveries are not told at all, an order without one is not a late one.
        still_out = (
            came is None
            and promised is not None
            and said > promised
            and line.get("status") in ("pending", "open")
        )
        if known_late or still_out:
            return "promise"
    return "none"


def case_costs(dataset: Dataset, *, as_of: date, days: int) -> list[CaseCost]:
    """Return what each case of the last days cost: time, refund, goods; None is not known.

    A refund of an order and item counts with its first case. A case about goods that did not
    come back and were not refunded has cost neither; where something came back whose refund or
    worth nobody told, that part stays unknown.
    """
    first, last = _window(as_of, days)
    cases = dataset["cases"].filter(pl.col("opened_at").is_between(first, last))
    params = desk_params(dataset)
    refunds = _refunds(dataset, cases)
    came_back: dict[tuple[str, str], list[str]] = {}
    for row in dataset["returns"].iter_rows(named=True):
        key = (row["order"] or "", row["item"])
        came_back.setdefault(key, []).append((row["disposition"] or "").upper())
    counted: set[tuple[str, str]] = set()
    found = []
    for row in cases.sort("opened_at", "case").iter_rows(named=True):
        key = (row["order"] or "", row["item"] or "")
        again = key[0] != "" and key in counted
        counted.add(key)
        states = came_back.get(key, [])
        touched = row["kind"] == "return" or bool(states)
        refund, goods = row["refund"], row["goods_cost"]
        if refund is None:
            refund = 0.0 if again else refunds.get(key, None if touched else 0.0)
        if goods is None:
            intact = bool(states) and all(state == "SELLABLE" for state in states)
            goods = 0.0 if again or intact or not touched else None
        hour = params.cost_per_hour
        found.append(
            CaseCost(
                case=row["case"],
                item=row["item"],
                cause=owner_of(row["reason"]),
                time=None if hour is None else minutes_of(row, params) / 60.0 * hour,
                refund=refund,
                goods=goods,
            )
        )
    return found


def _window(as_of: date, days: int) -> tuple[datetime, datetime]:
    last = datetime.combine(as_of, time(23, 59, 59, 999999), UTC)
    return last - timedelta(days=days), last


def _by_order(table: pl.DataFrame, reviews: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the orders that reviews name, by order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.join(reviews.select("order").unique(), on="order").iter_rows(named=True):
        found.setdefault(row["order"], []).append(row)
    return found


def _refunds(dataset: Dataset, cases: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Return what settlements say was given back of an order and item."""
    lines = dataset["settlements"].join(cases.select("order").unique(), on="order")
    refunds = lines.filter(
        (pl.col("transaction_type").str.to_lowercase() == "refund")
        & (pl.col("amount_type") == "ItemPrice")
    )
    by = refunds.group_by("order", "item").agg(pl.col("amount").sum())
    return {(order, item or ""): -amount for order, item, amount in by.iter_rows()}


def _refuse_wrong(reviews: pl.DataFrame) -> None:
    bad = reviews.filter(
        ~pl.col("stars").is_between(1, 5) | ~pl.col("recommend").is_between(0, 10).fill_null(True)
    )
    if bad.height:
        raise DataError(
            [
                Problem(
                    table="reviews",
                    key=row["review"],
                    column="recommend" if 1 <= row["stars"] <= 5 else "stars",
                    message=(
                        f"found stars {row['stars']}, recommend {row['recommend']}; expected "
                        "1 to 5 and 0 to 10; correct the row"
                    ),
                )
                for row in bad.iter_rows(named=True)
            ]
        )


def _told(dataset: Dataset, costs: Sequence[CaseCost]) -> list[Reason]:
    told = []
    if desk_params(dataset).cost_per_hour is None and costs:
        text = "What an hour at the desk costs is not told: setting care_cost_per_hour."
        told.append(
            Reason(subject="all", reason_code="unknown_figure", reference="time", text=text)
        )
    for part in ("refund", "goods"):
        missing = sum(getattr(cost, part) is None for cost in costs)
        if missing:
            text = f"The {part} of {missing} of {len(costs)} cases is not known."
            told.append(
                Reason(
                    subject="all",
                    reason_code="unknown_figure",
                    reference=part,
                    quantity=float(missing),
                    text=text,
                )
            )
    return told
