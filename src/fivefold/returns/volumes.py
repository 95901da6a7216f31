"""How much comes back, when, and how much of it can be sold again.

Knows the share of each item that is returned, drawn to its category and all items by how
little is known of it, and the time from sale to return, learnt from orders and their returns.

References
----------
.. [1] Robbins (1956), empirical Bayes; the beta-binomial variant with moments of the shares
   weighted by size is Kleinman (1973), "Proportions with extraneous variance", JASA 68,
   eqs. 2.1-2.4.
.. [2] Lawless (1994), "Adjustments for reporting delays", Canad. J. Statist. 22: returns of a
   sale are divided by the share of the delay that has passed, so that young sales do not
   pull the share down; the delay itself by the reverse-time product limit there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.calendars import Periods, next_monday
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

FloatArray = npt.NDArray[np.float64]
#: The delay is learnt over so many days at least, however short the record.
SHORTEST_LAG_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeParams:
    """How returns are forecast.

    Parameters
    ----------
    periods : int
        Weeks ahead.
    history_days : int
        Sales this old still count.
    longest_lag_days : int
        A return later than this after the sale is not expected; nor is one later than half of
        the record is long, since too few sales are old enough to tell.
    assumed_return_share, assumed_sellable_share : float
        Used where nothing ever came back, or nothing was graded.
    assumed_lag_days : float
        Mean of the delay where no return can be joined to its order.
    category_weight_units : float
        Weight of the share of all items in that of a category, in units.
    """

    periods: int = 26
    history_days: int = 365
    longest_lag_days: int = 90
    assumed_return_share: float = 0.06
    assumed_sellable_share: float = 0.5
    assumed_lag_days: float = 14.0
    category_weight_units: float = 50.0

    def __post_init__(self) -> None:
        for name in ("periods", "history_days", "longest_lag_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in ("assumed_return_share", "assumed_sellable_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0 to 1, found {getattr(self, name)}")


def forecast_returns(
    dataset: Dataset, params: VolumeParams | None = None, *, as_of: date
) -> Outcome:
    """Return the units expected back per item, place and week, and how many are sellable.

    Parameters
    ----------
    dataset : Dataset
        orders, returns, items, channels, forecast_means.
    params : VolumeParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `returns_forecast`, from the first Monday on or after `as_of`. Both units already sold
        and units forecast come back after the delay. `notes` carry the return share of each
        item and the delay distribution.
    """
    params = params or VolumeParams()
    sales = _sales(dataset, params, as_of)
    lag, lag_source = _lag(dataset, params, as_of)
    returned = _returned(dataset, params, lag, as_of)
    exposure = _exposure(sales, lag, as_of)
    counts = _counts(dataset, exposure, returned)
    shares = return_shares(counts, params)
    sellable = _sellable_shares(dataset, params, as_of)
    weeks = Periods(start=next_monday(as_of), count=params.periods)
    frame = _expected(dataset, sales, shares, sellable, lag, weeks, as_of)
    reasons = _reasons(shares, lag, lag_source, len(returned))
    return Outcome(
        tables={"returns_forecast": frame},
        status="feasible",
        objective=float(frame["units_mean"].sum()),
        explanations=explanations_frame(reasons),
        notes={
            "return_share": {row["item"]: row["share"] for row in shares.iter_rows(named=True)},
            "lag_share_by_day": lag.tolist(),
            "lag_source": lag_source,
        },
    )


def _places(dataset: Dataset) -> pl.DataFrame:
    return dataset["channels"].select("channel", pl.col("location").alias("place"))


def _sales(dataset: Dataset, params: VolumeParams, as_of: date) -> pl.DataFrame:
    """Return units sold by item, place and day within the history."""
    return (
        dataset["orders"]
        .filter(~pl.col("status").is_in(["cancelled", "pending", "open"]))
        .with_columns(_sale_day().alias("day"))
        .filter(pl.col("day") > as_of - timedelta(days=params.history_days))
        .filter(pl.col("day") <= as_of)
        .join(_places(dataset), on="channel", how="left")
        .group_by("item", pl.coalesce("place", "location").alias("location"), "day")
        .agg(pl.col("quantity").sum().alias("units"))
        .filter(pl.col("location").is_not_null())
        .sort("item", "location", "day")
    )


def _returned(
    dataset: Dataset, params: VolumeParams, lag: FloatArray, as_of: date
) -> dict[str, float]:
    """Return units that came back within the history, without those sold before it.

    A return that is not joined to its order counts by the chance that its delay is not longer
    than the history was old when it came: a share of those that come early were sold before.
    """
    since = as_of - timedelta(days=params.history_days)
    day = pl.col("returned_at").dt.date()
    sold = dataset["orders"].group_by("order", "item").agg(_sale_day().min().alias("sold_on"))
    first = sold["sold_on"].min()
    begin = max(since, first) if isinstance(first, date) else since
    passed = pl.DataFrame({"age": np.arange(len(lag)), "passed": np.cumsum(lag)}).cast(
        {"age": pl.Int64}
    )
    back = (
        dataset["returns"]
        .filter((day > since) & (day <= as_of))
        .join(sold, on=["order", "item"], how="left")
        .filter(pl.col("sold_on").is_null() | (pl.col("sold_on") > since))
        .with_columns((day - pl.lit(begin)).dt.total_days().clip(0, len(lag) - 1).alias("age"))
        .join(passed, on="age", how="left")
    )
    weight = pl.when(pl.col("sold_on").is_null()).then(pl.col("passed")).otherwise(1.0)
    return {
        item: float(units)
        for item, units in back.group_by("item")
        .agg((pl.col("quantity") * weight).sum())
        .iter_rows()
    }


def _sale_day() -> pl.Expr:
    return pl.coalesce(pl.col("shipped_on"), pl.col("ordered_at").dt.date())


def _lag(dataset: Dataset, params: VolumeParams, as_of: date) -> tuple[FloatArray, str]:
    """Return the share of returns by days since the sale, and where it comes from."""
    sold = (
        dataset["orders"]
        .with_columns(_sale_day().alias("day"))
        .group_by("order", "item")
        .agg(pl.col("day").min())
    )
    first = sold["day"].min()
    known_days = (as_of - first).days if isinstance(first, date) else 0
    longest = max(SHORTEST_LAG_DAYS, min(params.longest_lag_days, known_days // 2))
    longest = min(longest, params.longest_lag_days)
    joined = (
        dataset["returns"]
        .filter(pl.col("returned_at").dt.date() <= as_of)
        .join(sold, on=["order", "item"], how="inner")
        .select(
            (pl.col("returned_at").dt.date() - pl.col("day")).dt.total_days().alias("lag"),
            (pl.lit(as_of) - pl.col("day")).dt.total_days().alias("seen"),
        )
        .filter((pl.col("lag") >= 0) & (pl.col("lag") <= longest))
    )
    # Each return counts once, however many units: one large one must not set the delay of all.
    if joined.height >= 20:
        return (
            lag_distribution(
                joined["lag"].to_numpy(),
                joined["seen"].to_numpy(),
                np.ones(joined.height),
                longest_days=longest,
            ),
            f"{joined.height} returns joined to their orders",
        )
    days = np.arange(params.longest_lag_days + 1)
    rate = 1.0 / (1.0 + params.assumed_lag_days)
    geometric = rate * (1.0 - rate) ** days
    return geometric / geometric.sum(), f"assumed, mean {params.assumed_lag_days:.0f} days"


def lag_distribution(
    lag_days: npt.ArrayLike,
    seen_days: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    longest_days: int,
) -> FloatArray:
    """Return the share of returns by days since the sale, corrected for sales still young.

    Parameters
    ----------
    lag_days : array_like of int, shape (n,)
        Days from sale to return, 0 to `longest_days`.
    seen_days : array_like of int, shape (n,)
        Days from that sale to today, at least the lag: a longer lag could not be seen.
    units : array_like, shape (n,)
        Units returned.
    longest_days : int

    Returns
    -------
    ndarray, shape (longest_days + 1,)
        Sums to 1.

    Notes
    -----
    A return is seen only if its lag is not longer than its sale is old: right truncation.
    With F the distribution of lags, F(x - 1) / F(x) is one less the returns at x over the
    returns with lag at most x of sales at least x old; F falls out backwards from F(longest)
    = 1 (Lawless 1994, eq. 4).

    Examples
    --------
    >>> lag_distribution([0, 1, 1, 2], [9, 9, 9, 9], [1, 1, 1, 1], longest_days=2).tolist()
    [0.25, 0.5, 0.25]
    """
    lag = np.asarray(lag_days, dtype=np.int64)
    seen = np.minimum(np.asarray(seen_days, dtype=np.int64), longest_days)
    weight = np.asarray(units, dtype=np.float64)
    at = np.bincount(lag, weights=weight, minlength=longest_days + 1)
    # Units at risk at x: lag <= x and sale at least x old.
    grid = np.zeros(longest_days + 2)
    np.add.at(grid, lag, weight)
    np.add.at(grid, seen + 1, -weight)
    at_risk = np.cumsum(grid)[: longest_days + 1]
    cumulative = np.ones(longest_days + 1)
    for x in range(longest_days, 0, -1):
        hazard = at[x] / at_risk[x] if at_risk[x] > 0 else 0.0
        cumulative[x - 1] = cumulative[x] * (1.0 - hazard)
    return np.diff(np.concatenate(([0.0], cumulative)))


def _exposure(sales: pl.DataFrame, lag: FloatArray, as_of: date) -> dict[str, float]:
    """Return units sold by item, each counted by the share of its delay that has passed."""
    passed = np.cumsum(lag)
    age = (pl.lit(as_of) - pl.col("day")).dt.total_days()
    aged = sales.with_columns(age.clip(0, len(lag) - 1).alias("age"))
    weights = pl.DataFrame({"age": np.arange(len(lag)), "passed": passed}).cast({"age": pl.Int64})
    totals = (
        aged.join(weights, on="age")
        .group_by("item")
        .agg((pl.col("units") * pl.col("passed")).sum().alias("units"))
    )
    return {item: float(units) for item, units in totals.iter_rows()}


def _counts(
    dataset: Dataset, exposure: Mapping[str, float], returned: Mapping[str, float]
) -> pl.DataFrame:
    categories = dict(dataset["items"].select("item", "category").iter_rows())
    items: Iterable[str] = sorted(set(categories) | set(exposure))
    return pl.DataFrame(
        [
            {
                "item": item,
                "category": categories.get(item) or "",
                "sold": exposure.get(item, 0.0),
                "returned": min(returned.get(item, 0.0), exposure.get(item, 0.0)),
            }
            for item in items
        ],
        schema={
            "item": pl.String(),
            "category": pl.String(),
            "sold": pl.Float64(),
            "returned": pl.Float64(),
        },
    )


def return_shares(counts: pl.DataFrame, params: VolumeParams) -> pl.DataFrame:
    """Return the share of units returned by item, drawn to its category.

    Parameters
    ----------
    counts : polars.DataFrame
        item, category, sold (units, may be fractions), returned.
    params : VolumeParams

    Returns
    -------
    polars.DataFrame
        item, category, sold, returned, share, prior_share, prior_units: the mean of the
        category's beta distribution and its weight in units.
    """
    total = counts.select(pl.col("sold").sum(), pl.col("returned").sum()).row(0)
    overall = total[1] / total[0] if total[0] > 0 and total[1] > 0 else params.assumed_return_share
    priors: dict[str, tuple[float, float]] = {}
    for (category,), group in counts.group_by("category"):
        sold, back = group["sold"].to_numpy(), group["returned"].to_numpy()
        weight = params.category_weight_units
        mean = (back.sum() + weight * overall) / (sold.sum() + weight)
        priors[str(category)] = (float(mean), prior_weight(sold, back, mean=float(mean)))
    frame = pl.DataFrame(
        {
            "category": list(priors),
            "prior_share": [mean for mean, _ in priors.values()],
            "prior_units": [units for _, units in priors.values()],
        },
        schema={"category": pl.String(), "prior_share": pl.Float64(), "prior_units": pl.Float64()},
    )
    drawn = (pl.col("returned") + pl.col("prior_units") * pl.col("prior_share")) / (
        pl.col("sold") + pl.col("prior_units")
    )
    return (
        counts.join(frame, on="category", how="left")
        .with_columns(drawn.alias("share"))
        .sort("item")
    )


def prior_weight(
    sold: npt.ArrayLike,
    returned: npt.ArrayLike,
    *,
    mean: float,
    least: float = 5.0,
    most: float = 5000.0,
) -> float:
    """Return how many units of its category's mean an item's own share is worth.

    The sum of the two parameters of the beta distribution whose mean is `mean` and whose
    variance makes up for what binomial chance leaves unexplained of the shares' spread.

    Parameters
    ----------
    sold, returned : array_like, shape (n_items,)
    mean : float
    least, most : float
        Ends. With fewer than three items that sold, nothing can be learnt and the answer is
        100 units.

    Examples
    --------
    >>> prior_weight([1000] * 4, [50, 50, 50, 50], mean=0.05)
    5000.0
    """
    n = np.asarray(sold, dtype=np.float64)
    x = np.asarray(returned, dtype=np.float64)
    n, x = n[n > 0], x[n > 0]
    if len(n) < 3 or not 0.0 < mean < 1.0:
        return 100.0
    chance = mean * (1.0 - mean)
    spread = float((n * (x / n - mean) ** 2).sum())
    # Kleinman (1973): E[spread] = chance * [(k) + (1 / (1 + weight)) * (sum n - k)].
    excess = (spread / chance - len(n)) / (float(n.sum()) - len(n)) if n.sum() > len(n) else 0.0
    if excess <= 0.0:
        return most
    return float(np.clip(1.0 / excess - 1.0, least, most))


def _sellable_shares(dataset: Dataset, params: VolumeParams, as_of: date) -> dict[str, float]:
    """Return the share of returned units found sellable, drawn to that of all items."""
    graded = dataset["returns"].filter(
        pl.col("disposition").is_not_null() & (pl.col("returned_at").dt.date() <= as_of)
    )
    good = pl.col("quantity").filter(pl.col("disposition").str.to_uppercase() == "SELLABLE").sum()
    counts = graded.group_by("item").agg(pl.col("quantity").sum().alias("all"), good.alias("good"))
    total = float(counts["all"].sum())
    overall = float(counts["good"].sum()) / total if total else params.assumed_sellable_share
    weight = 20.0
    shares: dict[str, float] = {
        item: (sellable + weight * overall) / (units + weight)
        for item, units, sellable in counts.iter_rows()
    }
    return {"": overall, **shares}


def _expected(
    dataset: Dataset,
    sales: pl.DataFrame,
    shares: pl.DataFrame,
    sellable: Mapping[str, float],
    lag: FloatArray,
    weeks: Periods,
    as_of: date,
) -> pl.DataFrame:
    """Return the convolution of sold and forecast units with the delay, by week."""
    share_of = dict(shares.select("item", "share").iter_rows())
    horizon = (weeks.end - as_of).days
    first = as_of - timedelta(days=len(lag) - 1)
    daily: dict[tuple[str, str], FloatArray] = {}
    length = len(lag) + horizon
    recent = sales.filter(pl.col("day") >= first)
    for item, location, day, units in recent.iter_rows():
        series = daily.setdefault((item, location), np.zeros(length))
        series[(day - first).days] += units
    means = dataset["forecast_means"].filter(pl.col("period_start") >= as_of)
    for item, location, start, units in means.select(
        "item", "location", "period_start", "units_mean"
    ).iter_rows():
        series = daily.setdefault((item, location), np.zeros(length))
        at = (start - first).days
        stop = min(at + 7, length)
        if at < length:
            series[at:stop] += units / 7.0
    starts = [(start - first).days for start in weeks.starts()]
    rows: list[dict[str, object]] = []
    for (item, location), series in sorted(daily.items()):
        back = np.convolve(series, lag)[:length] * share_of.get(item, 0.0)
        good = sellable.get(item, sellable[""])
        cumulative = np.concatenate(([0.0], np.cumsum(back)))
        for start, at in zip(weeks.starts(), starts, strict=True):
            units = float(max(cumulative[min(at + 7, length)] - cumulative[at], 0.0))
            rows.append(
                {
                    "item": item,
                    "location": location,
                    "period_start": start,
                    "units_mean": units,
                    "sellable_units_mean": units * good,
                }
            )
    return schema("returns_forecast").frame(rows)


def _reasons(
    shares: pl.DataFrame, lag: FloatArray, lag_source: str, items_returned: int
) -> list[Reason]:
    mean_lag = float((np.arange(len(lag)) * lag).sum())
    found = [
        Reason(
            subject="returns",
            reason_code="forecast_method",
            reference="lag",
            quantity=mean_lag,
            text=f"A return comes {mean_lag:.0f} days after its sale in the mean ({lag_source}).",
        )
    ]
    for row in shares.filter(pl.col("sold") > 0).iter_rows(named=True):
        own = row["returned"] / row["sold"]
        found.append(
            Reason(
                subject=f"returns:{row['item']}",
                reason_code="forecast_method",
                reference=row["category"],
                quantity=row["share"],
                text=(
                    f"{row['returned']:.0f} of {row['sold']:.0f} units came back ({own:.1%}); "
                    f"drawn to {row['prior_share']:.1%} of its category with the weight of "
                    f"{row['prior_units']:.0f} units it is {row['share']:.1%}."
                ),
            )
        )
    return found
