"""Prices and the range in the portfolio room: what to ask, what to offer, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.cycle.portfolio import RangeAdvice, advise_range
from fivefold.cycle.pricing import PriceAdvice, advise_prices, contribution_band, price_reasons
from fivefold.model import Dataset
from fivefold.web.charts import curves
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.state import State


def _planned(state: State) -> Dataset:
    return state.made.over(state.dataset)


def _range(state: State) -> RangeAdvice:
    return state.once("range", lambda: advise_range(_planned(state), as_of=state.made.as_of))


def _prices(state: State) -> PriceAdvice:
    return state.once("prices", lambda: advise_prices(_planned(state), as_of=state.made.as_of))


def of_item(state: State, item: str) -> dict[str, Any]:
    """Return an item's price with the band of its elasticity, its markdown, and its range."""
    known = state.dataset["items"].filter(pl.col("item") == item).height > 0
    if not known:
        return {"price_curve": None, "price_reasons": [], "markdown": [], "range_reasons": []}
    advice = state.once(
        f"prices {item}",
        lambda: advise_prices(_planned(state), as_of=state.made.as_of, items=[item]),
    )
    band = contribution_band(advice, item)
    judged = _range(state)
    there = judged.choices.filter(pl.col("item") == item)
    return {
        "price_curve": None
        if band is None
        else lambda width: curves(
            title=f"Contribution in {band['days']} days along the price, {band['channel']}",
            values=band["prices"],
            series=band["series"],
            today=band["today"],
            unit=state.sign,
            width=width,
        ),
        "price_reasons": price_reasons(advice, item),
        "markdown": advice.paths.filter(pl.col("item") == item).to_dicts(),
        "range_action": there["action"][0] if there.height else "",
        "range_reasons": judged.why(item) if there.height else [],
    }


def proposals(state: State, query: Mapping[str, str]) -> Grid:
    """Return prices to ask, the largest gain first."""
    frame = _prices(state).proposals.with_columns(title=pl.col("item").replace(state.titles))
    return Grid(
        name="price_proposals",
        frame=frame,
        key="decision",
        sign=state.sign,
        sort="-gain",
        columns=(
            column("item", width=112, why=True),
            column("title", width=230),
            column("channel", width=84),
            column("action", "", "choice", width=96),
            column("price_now", "Today", "cents", width=90),
            column("price", "To ask", "cents", width=90),
            column("gain", "Gain", "money", width=104),
            column("gain_low", "At worst", "money", width=104),
            column("gain_high", "At best", "money", width=104),
            column("chance_of_gain", "Chance", "share"),
            column("bound_by", "Held by", "choice", width=190),
        ),
    )


def choices(state: State, query: Mapping[str, str]) -> Grid:
    """Return the choice for every item, the dearest to leave undone first."""
    frame = _range(state).choices.with_columns(title=pl.col("item").replace(state.titles))
    return Grid(
        name="range",
        frame=frame,
        key="item",
        sign=state.sign,
        sort="-next_best_cost",
        columns=(
            column("item", width=112, why=True),
            column("title", width=230),
            column("action", "", "choice", width=96),
            column("channel", width=84),
            column("effective_on", "From", "day"),
            column("units_per_year", "Units a year", "count", width=110),
            column("contribution", "A unit leaves", "cents", width=112),
            column("value_per_year", "Worth a year", "money", width=116),
            column("next_best", "Next best", "choice", width=150),
            column("next_best_cost", "Costs a year", "money", width=116),
            column("abc_class", "ABC", width=60),
            column("xyz_class", "XYZ", width=60),
        ),
    )
