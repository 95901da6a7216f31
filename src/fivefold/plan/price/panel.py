"""The record of sales as weeks of each item: units, price, promotion, stock, substitutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset

FloatArray = NDArray[np.float64]
#: Weeks with less stock than this say too little of what was wanted.
LEAST_IN_STOCK = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Weeks of each item; arrays have shape (n_items, n_weeks).

    Parameters
    ----------
    items : tuple of str
    families : tuple of str
        Family of each item; its category, else itself, where it has none.
    weeks : ndarray of days, shape (n_weeks,)
    units : ndarray
        Units wanted.
    price : ndarray
        Price asked, carried forward over weeks without a sale; NaN before the first.
    promotion : ndarray
        Share of the week's days with a promotion.
    counts : ndarray
        1 where the week counts: the item was on sale, priced and in stock.
    offset : ndarray
        Logarithm of the share of the week in stock.
    """

    items: tuple[str, ...]
    families: tuple[str, ...]
    weeks: NDArray[np.datetime64]
    units: FloatArray
    price: FloatArray
    promotion: FloatArray
    counts: FloatArray
    offset: FloatArray

    def price_changes(self) -> NDArray[np.int64]:
        """Return in how many weeks the price differs from the week before by over 1 %."""
        with np.errstate(invalid="ignore"):
            moved = np.abs(np.diff(np.log(self.price), axis=1)) > 0.01
        both = (self.counts[:, 1:] * self.counts[:, :-1]) > 0
        return np.asarray((moved & both).sum(axis=1), dtype=np.int64)


def weekly_panel(dataset: Dataset, *, as_of: date, weeks: int) -> Panel:
    """Return whole weeks of the record before `as_of`, items in order of their code.

    Parameters
    ----------
    dataset : Dataset
        items, sales_history. Items without a sale in the weeks are left out.
    as_of : date
    weeks : int
        Weeks to look back at most.
    """
    last = as_of - timedelta(days=as_of.weekday())
    first = last - timedelta(weeks=weeks)
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"]))
    days = dataset["sales_history"].filter(
        (pl.col("date") >= first)
        & (pl.col("date") < last)
        & pl.col("item").is_in(sold["item"].implode())
    )
    paid = pl.col("units").filter(pl.col("price").is_not_null())
    worth = (pl.col("units") * pl.col("price")).filter(pl.col("price").is_not_null()).sum()
    rows = (
        days.with_columns(week=((pl.col("date") - first).dt.total_days() // 7))
        .group_by("item", "week")
        .agg(
            units=pl.col("units").sum(),
            price=pl.when(paid.sum() > 0)
            .then(worth / paid.sum())
            .otherwise(pl.col("price").mean()),
            promotion=pl.col("date").filter(pl.col("is_promotion")).n_unique() / 7.0,
            in_stock=pl.col("in_stock_share").fill_null(1.0).mean(),
        )
    )
    selling = rows.group_by("item").agg(pl.col("units").sum()).filter(pl.col("units") > 0)
    items = sorted(selling["item"].to_list())
    code = {item: number for number, item in enumerate(items)}
    rows = rows.filter(pl.col("item").is_in(items))
    at = (
        np.array([code[item] for item in rows["item"].to_list()], dtype=np.int64),
        rows["week"].to_numpy().astype(np.int64),
    )
    shape = (len(items), weeks)
    grids = {}
    for name, empty in (("units", 0.0), ("price", np.nan), ("promotion", 0.0), ("in_stock", 0.0)):
        grids[name] = np.full(shape, empty)
        grids[name][at] = rows[name].fill_null(float("nan")).to_numpy()
    price = _carried(grids["price"])
    stocked = np.clip(grids["in_stock"], 0.0, 1.0)
    counts = ((stocked >= LEAST_IN_STOCK) & np.isfinite(price)).astype(np.float64)
    known = {
        row["item"]: row["family"] or row["category"] or row["item"]
        for row in sold.iter_rows(named=True)
    }
    return Panel(
        items=tuple(items),
        families=tuple(known[item] for item in items),
        weeks=np.array([first + timedelta(weeks=w) for w in range(weeks)], dtype="datetime64[D]"),
        units=grids["units"],
        price=price,
        promotion=grids["promotion"],
        counts=counts,
        offset=np.log(np.clip(stocked, LEAST_IN_STOCK, 1.0)),
    )


def _carried(price: FloatArray) -> FloatArray:
    """Return prices carried forward over weeks without one, then back to the first."""
    answer = price.copy()
    for week in range(1, price.shape[1]):
        gap = ~np.isfinite(answer[:, week])
        answer[gap, week] = answer[gap, week - 1]
    return answer


def family_index(panel: Panel) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Return the price of each item's substitutes, its family's number and what it sold.

    Returns
    -------
    index : ndarray, shape (n_items, n_weeks)
        Mean of the logarithm of the price of the other items of the family, weighted by
        units, less its own mean; 0 where there are none.
    family : ndarray of int, shape (n_items,)
        Number of the family, from 0, in order of appearance.
    sold : ndarray, shape (n_items,)
        Units in the weeks that count: the weight of an item in the index of the others.
    """
    sold = (panel.units * panel.counts).sum(axis=1)
    code = {family: number for number, family in enumerate(dict.fromkeys(panel.families))}
    family = np.array([code[name] for name in panel.families], dtype=np.int64)
    weighted = sold[:, None] * centred(panel.price, panel.counts)
    in_family = np.zeros((len(code), weighted.shape[1]))
    np.add.at(in_family, family, weighted)
    others = np.bincount(family, sold, len(code))[family] - sold
    index = np.divide(
        in_family[family] - weighted,
        others[:, None],
        out=np.zeros_like(weighted),
        where=others[:, None] > 0,
    )
    return centred_plain(index, panel.counts), family, sold


def centred(price: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the logarithm of prices less its mean over the weeks that count; 0 elsewhere."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(counts > 0, np.log(price), 0.0)
    return centred_plain(logs, counts)


def centred_plain(values: FloatArray, counts: FloatArray) -> FloatArray:
    """Return values less their mean over the weeks that count; 0 elsewhere."""
    mean = (values * counts).sum(axis=1, keepdims=True) / np.maximum(
        counts.sum(axis=1, keepdims=True), 1.0
    )
    return np.where(counts > 0, values - mean, 0.0)
