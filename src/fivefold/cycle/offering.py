"""What to offer at which price, as the product review reads it: the changes worth most first."""

from __future__ import annotations

from typing import Any

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.portfolio import advise_range
from fivefold.cycle.pricing import advise_prices
from fivefold.model import Dataset

#: Changes told of prices, markdowns and the range each.
MOST_TOLD = 10


def offering(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """Return the prices to ask and the range to keep on a plan, as a record.

    Returns
    -------
    dict
        prices: gain over `days`, counts by action, proposals (largest gain first) and
        markdowns, how many rules are broken; range: counts by action, choices other than keep
        (dearest to leave undone first), how many of them are not sure.
    """
    planned = plan.over(dataset)
    prices = advise_prices(planned, as_of=plan.as_of)
    judged = advise_range(planned, as_of=plan.as_of)
    titles = dataset["items"].select("item", "title")
    changes = prices.proposals.filter(pl.col("action") != "keep").sort(
        "gain", "decision", descending=[True, False], nulls_last=True
    )
    others = judged.choices.filter(pl.col("action") != "keep").sort(
        "next_best_cost", "decision", descending=[True, False], nulls_last=True
    )
    return {
        "prices": {
            "gain": prices.gain,
            "days": prices.proposals["days"].max() if prices.proposals.height else None,
            "counts": _counts(prices.proposals),
            "proposals": _told(changes, titles),
            "markdowns": _told(prices.paths, titles),
            "rules_broken": prices.violations.height,
        },
        "range": {
            "counts": _counts(judged.choices),
            "unsure": others.filter(~pl.col("confident")).height,
            "choices": [
                {**row, "why": [told["text"] for told in judged.why(row["item"])[:2]]}
                for row in _told(others, titles)
            ],
        },
    }


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("action").len().sort("action").iter_rows())


def _told(rows: pl.DataFrame, titles: pl.DataFrame) -> list[dict[str, Any]]:
    return (
        rows.head(MOST_TOLD).join(titles, on="item", how="left", maintain_order="left").to_dicts()
    )
