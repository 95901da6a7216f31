"""Prices advised on what a plan says: contribution along price, elasticities, proposals, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.check.prices import check_prices
from fivefold.deliver.channel_setting import read_setting, size_of, units_by_place
from fivefold.deliver.channel_terms import ChannelParams
from fivefold.deliver.channels import choice_in, listed_price
from fivefold.deliver.fees import fee_cards
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema
from fivefold.plan.price import (
    ElasticityParams,
    PriceParams,
    Reading,
    estimate_elasticities,
    propose_prices,
    read_difference,
)

#: Prices at which contribution is asked beside today's, as shares of it.
POINTS = (0.5, 0.65, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceAdvice:
    """What prices to ask.

    Parameters
    ----------
    elasticities, points, proposals, paths, reasons : polars.DataFrame
        Tables `price_elasticities`, `price_points`, `price_proposals`, `markdown_paths`,
        `explanations`.
    status : str
    gain : float
        Expected gain of all proposals over their days.
    violations : polars.DataFrame
        Rules the independent checker finds broken.
    """

    elasticities: pl.DataFrame
    points: pl.DataFrame
    proposals: pl.DataFrame
    paths: pl.DataFrame
    reasons: pl.DataFrame
    status: str
    gain: float
    violations: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the result tables by name, without the explanations."""
        return {
            "price_elasticities": self.elasticities,
            "price_points": self.points,
            "price_proposals": self.proposals,
            "markdown_paths": self.paths,
        }


def advise_prices(
    dataset: Dataset,
    params: PriceParams | None = None,
    *,
    as_of: date,
    items: Sequence[str] | None = None,
) -> PriceAdvice:
    """Return which prices to ask, from the record of sales and the tables of the latest plan.

    Parameters
    ----------
    dataset : Dataset
        Input tables with those of a plan (`cycle.channel_advice.planned_dataset`).
    params : PriceParams, optional
    as_of : date
    items : sequence of str, optional
        Only these are priced; elasticities are learnt from all.

    Raises
    ------
    NotFoundError
        If one of `items` is not known.
    """
    if "fee_cards" not in dataset:
        dataset = dataset.with_tables(fee_cards=fee_cards())
    learnt = estimate_elasticities(dataset, ElasticityParams(), as_of=as_of)
    if items is not None:
        known = set(dataset["items"]["item"].to_list())
        for item in items:
            if item not in known:
                raise NotFoundError(f"no item {item!r}")
    # Substitutes of a single item are valued by today's fee lines; its own price by every band.
    points = price_points(dataset, as_of=as_of, items=items)
    ready = dataset.with_tables(
        price_elasticities=learnt["price_elasticities"], price_points=points
    )
    if items is not None:
        ready = ready.with_tables(offers=_of_families(dataset, items))
    found = propose_prices(ready, params, as_of=as_of)
    broken = check_prices(ready.with_tables(**found.tables))
    told = [o.explanations for o in (learnt, found) if o.explanations is not None]
    proposals, paths = found["price_proposals"], found["markdown_paths"]
    elasticities = learnt["price_elasticities"]
    if items is not None:
        kept = pl.col("item").is_in(list(items))
        proposals, paths, points = proposals.filter(kept), paths.filter(kept), points.filter(kept)
        elasticities = elasticities.filter(kept)
    return PriceAdvice(
        elasticities=elasticities,
        points=points,
        proposals=proposals,
        paths=paths,
        reasons=pl.concat(told),
        status=found.status,
        gain=float(proposals["gain"].fill_null(0.0).sum()),
        violations=pl.concat([schema("violations").empty(), *broken]),
    )


def _of_families(dataset: Dataset, items: Sequence[str]) -> pl.DataFrame:
    """Return the offers of items and of all that could stand in for them."""
    family = pl.coalesce("family", "category", "item")
    named = dataset["items"].select("item", family=family)
    wanted = named.filter(pl.col("item").is_in(list(items)))["family"]
    kept = named.filter(pl.col("family").is_in(wanted.implode()))["item"]
    return dataset["offers"].filter(pl.col("item").is_in(kept.implode()))


def contribution_band(advice: PriceAdvice, item: str) -> dict[str, Any] | None:
    """Return contribution along the price of an item's first offer, with its elasticity's ends.

    None where the item has no proposal, no elasticity or no contribution along the price.
    """
    proposals = advice.proposals.filter(item=item)
    own = advice.elasticities.filter((pl.col("item") == item) & (pl.col("with_item") == ""))
    if proposals.height == 0 or own.height == 0:
        return None
    row, ends = proposals.row(0, named=True), own.row(0, named=True)
    points = advice.points.filter((pl.col("item") == item) & (pl.col("channel") == row["channel"]))
    if points.height < 2:
        return None
    prices = points.sort("price")
    ratio = pl.col("price") / row["price_now"]
    names = {"expected": "elasticity", "less sure: loses more": "elasticity_low",
             "less sure: loses less": "elasticity_high"}  # fmt: skip
    drawn = prices.select(
        (pl.col("contribution") * row["units_now"] * ratio.pow(min(0.0, ends[column]))).alias(name)
        for name, column in names.items()
    )
    return {
        "prices": prices["price"].to_list(),
        "series": {name: drawn[name].to_list() for name in names},
        "today": row["price_now"],
        "days": row["days"],
        "channel": row["channel"],
    }


def price_points(
    dataset: Dataset, *, as_of: date, items: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return what a unit leaves along the price of active offers, fee bands included."""
    setting = read_setting(dataset, ChannelParams(), as_of=as_of)
    channels = {row["channel"]: row for row in dataset["channels"].iter_rows(named=True)}
    rows_of = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    offers = dataset["offers"].filter(pl.col("active").fill_null(value=True))
    if items is not None:
        offers = offers.filter(pl.col("item").is_in(list(items)))
    prices = {(r["item"], r["channel"]): r["price"] for r in offers.iter_rows(named=True)}
    units = units_by_place(dataset)
    rows: list[dict[str, object]] = []
    for code, name in sorted(prices):
        item, channel = rows_of[code], channels[name]
        price = listed_price(item, channel, prices)
        if not price:
            continue
        size = size_of(item, as_of=as_of)
        for asked in sorted({round(price * share, 2) for share in POINTS} - {0.0}):
            choice = choice_in(setting, item, channel, asked, size, units)
            if choice is not None and choice.contribution is not None:
                rows.append(
                    {
                        "item": code,
                        "channel": name,
                        "price": asked,
                        "contribution": choice.contribution,
                    }
                )
    return schema("price_points").frame(rows)


def price_reasons(advice: PriceAdvice, item: str) -> list[dict[str, Any]]:
    """Return why an item is priced so: its elasticity, then each channel's decision."""
    subjects = [f"elasticity:{item}", *advice.proposals.filter(item=item)["decision"].to_list()]
    found = advice.reasons.filter(pl.col("subject").is_in(subjects))
    order = {subject: number for number, subject in enumerate(subjects)}
    return sorted(found.to_dicts(), key=lambda r: (order[r["subject"]], r["sequence"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTest:
    """A test and what it says, in units a day and in money a day.

    Money is the contribution or the price stated for each arm, else what customers paid.
    """

    test: str
    item: str
    channel: str
    units: Reading
    money: Reading


def read_tests(dataset: Dataset, *, as_of: date) -> list[PriceTest]:
    """Return the reading of every test in `price_tests` with two whole days in each arm.

    Orders of the stretches of each arm are counted by day, a day without an order as none;
    the day of the reading is left out, being under way.
    """
    found = []
    for name, rows in (
        dataset["price_tests"].sort("test", "starts_on").group_by("test", maintain_order=True)
    ):
        days: dict[str, list[tuple[float, float]]] = {"control": [], "variant": []}
        first = rows.row(0, named=True)
        for row in rows.iter_rows(named=True):
            days[row["arm"]] += _days_of(dataset, row, as_of)
        if min(len(days["control"]), len(days["variant"])) < 2:
            continue
        found.append(_test(str(name[0]), first["item"], first["channel"] or "", days))
    return found


def compare_days(
    dataset: Dataset,
    item: str,
    control: tuple[date, date],
    variant: tuple[date, date],
    *,
    channel: str = "",
    as_of: date,
) -> PriceTest:
    """Return the reading of two stretches of days of one item, as if they had been a test.

    Raises
    ------
    NotFoundError
        If there is no such item, or a stretch has fewer than two whole days.
    """
    if dataset["items"].filter(item=item).height == 0:
        raise NotFoundError(f"no item {item!r}")
    days = {}
    for arm, (first, last) in (("control", control), ("variant", variant)):
        row = {"item": item, "channel": channel, "starts_on": first, "ends_on": last}
        days[arm] = _days_of(dataset, {**row, "price": None, "contribution": None}, as_of)
        if len(days[arm]) < 2:
            raise NotFoundError(f"the {arm} days hold fewer than two whole days before {as_of}")
    return _test("days compared", item, channel, days)


def _test(
    name: str, item: str, channel: str, days: dict[str, list[tuple[float, float]]]
) -> PriceTest:
    units, money = (
        read_difference([d[k] for d in days["control"]], [d[k] for d in days["variant"]])
        for k in (0, 1)
    )
    return PriceTest(test=name, item=item, channel=channel, units=units, money=money)


def _days_of(dataset: Dataset, row: dict[str, Any], as_of: date) -> list[tuple[float, float]]:
    """Return units and money of each whole day of a stretch."""
    last = min(row["ends_on"], as_of - timedelta(days=1))
    sold = dataset["orders"].filter(
        (pl.col("item") == row["item"])
        & pl.col("ordered_at").dt.date().is_between(row["starts_on"], last)
        & (pl.col("status").fill_null("") != "cancelled")
    )
    if row["channel"]:
        sold = sold.filter(pl.col("channel") == row["channel"])
    money = _money_of(dataset, row)
    by_day = {
        day: (float(units), float(units) * money if money is not None else float(revenue))
        for day, units, revenue in sold.group_by(pl.col("ordered_at").dt.date())
        .agg(
            units=pl.col("quantity").sum(),
            revenue=(pl.col("quantity") * pl.col("unit_price").fill_null(0.0)).sum()
            - pl.col("promotion_discount").fill_null(0.0).sum(),
        )
        .iter_rows()
    }
    count = (last - row["starts_on"]).days + 1
    return [
        by_day.get(row["starts_on"] + timedelta(days=number), (0.0, 0.0))
        for number in range(max(0, count))
    ]


def _money_of(dataset: Dataset, row: dict[str, Any]) -> float | None:
    """Return what a unit of the stretch brings: as stated, else its price; None is as paid."""
    stated = row["contribution"] if row["contribution"] is not None else row["price"]
    return None if stated is None else float(stated)
