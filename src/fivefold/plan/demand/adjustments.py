"""What is known ahead: planned prices and promotions, ends of life, people's overrides."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import Periods
from fivefold.model import Dataset, Reason
from fivefold.plan.demand import judgement
from fivefold.plan.demand.cleaning import Cleaned
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.history import KEY
from fivefold.plan.demand.results import State


def planned(
    inputs: pl.DataFrame,
    cleaned: Cleaned,
    grown: NDArray[np.int64],
    *,
    as_of: date,
    days: int,
    past: int,
    ahead: int,
) -> Floats:
    """Return promotion share and logarithm of relative price of each series and block.

    Without rows in `forecast_inputs` nothing is known ahead and there are no features: what
    promotions did in the past then stays part of usual demand.

    Returns
    -------
    ndarray, shape (n_series, past + ahead, 2 or 0)
    """
    coming = inputs.filter(
        (pl.col("date") >= as_of) & (pl.col("date") < as_of + timedelta(days=days * ahead))
    )
    if coming.height == 0:
        return np.zeros((len(grown), past + ahead, 0))
    price = _carried(cleaned.price[grown])
    last = price[:, -1]
    shape = (len(grown), days * ahead)
    price_ahead = np.repeat(last[:, None], shape[1], axis=1)
    promotion_ahead = np.zeros(shape)
    rows = cleaned.keys[grown].with_row_index("row")
    located = coming.join(rows, on=KEY, how="inner").with_columns(
        (pl.col("date") - as_of).dt.total_days().alias("day")
    )
    row, day = located["row"].to_numpy(), located["day"].to_numpy()
    told = located["price"].fill_null(np.nan).to_numpy()
    price_ahead[row, day] = np.where(np.isfinite(told), told, price_ahead[row, day])
    promotion_ahead[row, day] = located["is_promotion"].to_numpy().astype(float)
    history = days * past
    whole_price = np.concatenate([_last_days(price, history, np.nan), price_ahead], axis=1)
    whole_promotion = np.concatenate(
        [_last_days(cleaned.promotion[grown].astype(float), history, 0.0), promotion_ahead], axis=1
    )
    count = past + ahead
    promoted = whole_promotion.reshape(len(grown), count, days).mean(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        typical = np.ones(len(grown))
        priced = (whole_price > 0).any(axis=1)
        some = np.where(whole_price[priced] > 0, whole_price[priced], np.nan)
        typical[priced] = np.nanmedian(some, axis=1)
        relative = np.log(whole_price / typical[:, None])
    relative = np.nan_to_num(relative).reshape(len(grown), count, days).mean(axis=2)
    # Scaled up, a few promotions speak louder than the ridge that holds effects near zero.
    return np.stack([promoted * 4.0, relative * 8.0], axis=2)


def _carried(price: Floats) -> Floats:
    """The last price paid, carried over days without a sale; NaN before the first."""
    known = np.isfinite(price)
    at = np.maximum.accumulate(np.where(known, np.arange(price.shape[1]), -1), axis=1)
    found = np.take_along_axis(price, np.maximum(at, 0), axis=1)
    carried: Floats = np.where(at >= 0, found, np.nan)
    return carried


def _last_days(values: Floats, days: int, empty: float) -> Floats:
    if values.shape[1] >= days:
        return values[:, -days:]
    short = days - values.shape[1]
    return np.pad(values, ((0, 0), (short, 0)), constant_values=empty)


def unsold_offers(dataset: Dataset, known: pl.DataFrame) -> pl.DataFrame:
    """Return item and place of active offers that have no history, for items still sold."""
    items = dataset["items"].filter(
        (pl.col("status") != "ended") & pl.col("item_kind").is_in(["finished", "kit"])
    )
    return (
        dataset["offers"]
        .filter(pl.col("active"))
        .join(items.select("item"), on="item", how="semi")
        .join(dataset["channels"].select("channel", "location"), on="channel", how="inner")
        .select(KEY)
        .unique()
        .join(known, on=KEY, how="anti")
        .sort(KEY)
    )


def end_of_life(state: State, items: pl.DataFrame, periods: Periods) -> State:
    """Cut forecasts before the first and after the last day on sale."""
    lives = items.filter(
        (pl.col("ends_on").is_not_null() & (pl.col("ends_on") < periods.end))
        | (pl.col("launched_on").is_not_null() & (pl.col("launched_on") > periods.start))
    ).select("item", "launched_on", "ends_on")
    if lives.height == 0:
        return state
    spans = {item: (launched, ends) for item, launched, ends in lives.iter_rows()}
    factors = np.ones(state.mean.shape)
    notes = []
    for i, (item, location) in enumerate(state.keys.iter_rows()):
        if item not in spans:
            continue
        launched, ends = spans[item]
        first = (launched - periods.start).days if launched else 0
        last = (ends - periods.start).days + 1 if ends else periods.days * periods.count
        begin = np.arange(periods.count) * periods.days
        on_sale = np.minimum(begin + periods.days, last) - np.maximum(begin, first)
        factors[i] = np.clip(on_sale / periods.days, 0.0, 1.0)
        if (factors[i] < 1).any():
            life = f"from {launched} " if launched and launched > periods.start else ""
            life += f"until {ends}" if ends else ""
            notes.append(
                Reason(
                    subject=f"forecast:{item}@{location}",
                    reason_code="rule",
                    reference="life cycle",
                    quantity=float((state.mean[i] * (factors[i] - 1)).sum()),
                    text=f"{item} is on sale {life.strip()}; demand outside is zero.",
                )
            )
    return state.scaled(factors, notes)


def overridden(state: State, overrides: pl.DataFrame, periods: Periods, *, as_of: date) -> State:
    """Apply people's overrides; quantiles keep their shape around the changed mean."""
    if overrides.height == 0:
        return state
    starts = pl.DataFrame({"period_start": periods.starts()})
    means = state.keys.join(starts, how="cross").with_columns(
        pl.Series("units_mean", state.mean.ravel())
    )
    changed = judgement.override_factors(means, overrides, as_of=as_of, period_days=periods.days)
    rows = {key: i for i, key in enumerate(state.keys.iter_rows())}
    columns = {day: i for i, day in enumerate(periods.starts())}
    factors = np.ones(state.mean.shape)
    added = np.zeros(state.mean.shape)
    told: dict[tuple[str, str, str], list[float]] = {}
    for row in changed.iter_rows(named=True):
        i, t = rows[(row["item"], row["location"])], columns[row["period_start"]]
        if row["factor"] is None:
            added[i, t] = row["units_after"]
        else:
            factors[i, t] = row["factor"]
        key = (f"forecast:{row['item']}@{row['location']}", row["override"], row["author"])
        told.setdefault(key, [0.0]).append(row["units_after"] - row["units_before"])
    said = dict(overrides.select("override", "reason").iter_rows())
    notes = [
        Reason(
            subject=subject,
            reason_code="change",
            reference=override,
            quantity=float(sum(units)),
            text=f"{author} changed it by {sum(units):+.0f} units: {said[override]}",
        )
        for (subject, override, author), units in sorted(told.items())
    ]
    return state.scaled(factors, notes).from_nothing(added)
