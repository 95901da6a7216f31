"""The range advised on what a plan says: items to keep, move, end, launch or bring back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

import polars as pl

from fivefold.check.prices import check_range
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema
from fivefold.plan.portfolio import RangeParams, choose_range


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAdvice:
    """Which items to offer.

    Parameters
    ----------
    choices, reasons : polars.DataFrame
        Tables `portfolio_choices`, `explanations`.
    status : str
    value, bound, today : float
        Contribution a year less fixed costs: of the choice, at most, and of today's range.
    limits : tuple of dict
        limit, amount, used and price of one unit more a year, for each shared limit.
    violations : polars.DataFrame
        Rules the independent checker finds broken.
    """

    choices: pl.DataFrame
    reasons: pl.DataFrame
    status: str
    value: float | None
    bound: float | None
    today: float | None
    limits: tuple[dict[str, Any], ...]
    violations: pl.DataFrame

    @property
    def gain_per_year(self) -> float | None:
        """What the choice earns a year beyond today's range."""
        if self.value is None or self.today is None:
            return None
        return self.value - self.today

    def why(self, item: str) -> list[dict[str, Any]]:
        """Return the reasons for one item, in reading order.

        Raises
        ------
        NotFoundError
            If the item was not judged; near ones are named.
        """
        known = self.choices["item"].to_list()
        if item not in known:
            near = get_close_matches(item, known, n=3)
            told = f"; near: {', '.join(near)}" if near else ""
            raise NotFoundError(f"item {item!r} was not judged{told}")
        return self.reasons.filter(subject=f"range:{item}").sort("sequence").to_dicts()


def advise_range(
    dataset: Dataset, params: RangeParams | None = None, *, as_of: date
) -> RangeAdvice:
    """Return which items to offer, from the data and the tables of the latest plan."""
    found = choose_range(dataset, params, as_of=as_of)
    assert found.explanations is not None
    broken = check_range(dataset.with_tables(**found.tables), as_of=as_of)
    notes: dict[str, Any] = dict(found.notes)
    limits = tuple(
        {
            "limit": name,
            "amount": amount,
            "used": notes["usage"][name],
            "price": notes["prices"][name],
        }
        for name, amount in notes.get("limits", {}).items()
    )
    return RangeAdvice(
        choices=found["portfolio_choices"],
        reasons=found.explanations,
        status=found.status,
        value=found.objective,
        bound=found.bound,
        today=notes.get("today"),
        limits=limits,
        violations=pl.concat([schema("violations").empty(), *broken]),
    )
