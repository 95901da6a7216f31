"""Demand expected per item, place and period, as quantiles, with the reasons.

The order of calls; each step stands in its own module: history, cleaning, drivers, panel,
newcomers, life cycle and overrides in `adjustments`, tables and reasons in `results`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import Periods, next_monday
from fivefold.model import Dataset, Outcome, Reason, explanations_frame
from fivefold.plan.demand import (
    adjustments,
    known_ahead,
    newcomers,
    opinions,
    reconcile,
    results,
    seasonality,
    steps,
)
from fivefold.plan.demand.boosting import Boosting
from fivefold.plan.demand.cleaning import Cleaned, clean, inherit
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.drivers import Drivers, calendar_features, named_holidays
from fivefold.plan.demand.history import daily_demand
from fivefold.plan.demand.panel import PanelForecast, forecast_panel

#: 0.05 to 0.95 and the tails that stock for costly shortages needs.
LEVELS = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandParams:
    """What a forecast is to cover.

    Parameters
    ----------
    start : date, optional
        First day of the first period; the first Monday on or after `as_of` by default.
    period_days : int
        Length of a period: 1, 7, 28 or 30 as a rule. [days]
    periods : int
        How many periods ahead.
    levels : tuple of float
        Quantile levels, rising, each between 0 and 1.
    origins : int
        Past origins of the back-test.
    history_days : int
        How much history is read at most. [days]
    reconcile : bool
        Forecast items sold from several places also as a whole, and make both agree.
    country : str, optional
        Whose public holidays move demand; the first location's country, else US.
    boosting : {'auto', 'always', 'never'}
        Whether one model of boosted trees over all series is among the methods: by default
        where there is enough history to learn from (`boosting.worthwhile`).
    """

    start: date | None = None
    period_days: int = 7
    periods: int = 26
    levels: tuple[float, ...] = LEVELS
    origins: int = 3
    history_days: int = 1100
    reconcile: bool = True
    country: str | None = None
    boosting: Boosting = "auto"

    def __post_init__(self) -> None:
        if self.period_days < 1:
            raise ValueError(f"period_days must be at least 1, found {self.period_days}")
        if self.periods < 1:
            raise ValueError(f"periods must be at least 1, found {self.periods}")
        if self.origins < 1:
            raise ValueError(f"origins must be at least 1, found {self.origins}")
        if self.history_days < 28:
            raise ValueError(f"history_days must be at least 28, found {self.history_days}")
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if not self.levels or not rising or self.levels[0] <= 0 or self.levels[-1] >= 1:
            raise ValueError(f"levels must rise between 0 and 1, found {self.levels}")

    def horizon(self, as_of: date) -> Periods:
        """Return the periods to forecast."""
        start = self.start or next_monday(as_of)
        return Periods(start=start, days=self.period_days, count=self.periods)


DEFAULT = DemandParams()


def season_of(period_days: int) -> int:
    """Return how many periods make a season: a week of days, a year of longer periods.

    >>> season_of(1), season_of(7), season_of(30)
    (7, 52, 12)
    """
    return 7 if period_days < 7 else max(1, round(365.25 / period_days))


def forecast(
    dataset: Dataset,
    params: DemandParams = DEFAULT,
    *,
    as_of: date,
    rng: np.random.Generator | None = None,
) -> Outcome:
    """Return demand forecasts per item, place and period.

    Parameters
    ----------
    dataset : Dataset
        Reads what `daily_demand` reads, and items, offers, forecast_inputs,
        forecast_opinions and forecast_overrides.
    params : DemandParams
    as_of : date
        First day that is not history.
    rng : numpy.random.Generator, optional
        Not needed: nothing here is random. Taken so that all engines are called alike.

    Returns
    -------
    Outcome
        Tables forecasts, forecast_means, forecast_accuracy, forecast_steps and, where others
        gave their opinion, forecast_sources; explanations with subjects
        `forecast:ITEM@LOCATION`. Infeasible where there is no demand to learn from.

    Notes
    -----
    Components and materials that are not sold have no forecast of their own: what they are
    needed for decides (dependent demand).
    """
    del rng
    periods = params.horizon(as_of)
    if periods.start < as_of:
        return _no_answer(f"The first period starts {periods.start}, before the day {as_of}.")
    items = dataset["items"]
    daily = daily_demand(dataset, as_of=as_of).filter(
        pl.col("date") >= as_of - timedelta(days=params.history_days)
    )
    before, daily = daily, inherit(daily, items)
    ended = items.filter(pl.col("status") == "ended")["item"]
    daily = daily.filter(~pl.col("item").is_in(ended.implode()))
    if daily.height == 0:
        return _no_answer("There is no sale to learn from: neither orders nor sales_history.")
    cleaned = clean(daily, as_of=as_of)
    gap = (periods.start - as_of).days
    horizon = periods.count + -(-gap // periods.days)
    wanted = blocks(cleaned.wanted, days=params.period_days)
    lengths = np.isfinite(wanted).sum(axis=1)
    grown = np.flatnonzero(lengths >= newcomers.GROWN_BLOCKS)
    if len(grown) == 0:
        grown = np.flatnonzero(lengths == lengths.max())
    drivers = _drivers(dataset, cleaned, grown, wanted, params, as_of, horizon)
    uncut = blocks(cleaned.uncut(), days=params.period_days)[grown]
    made, season = _seasonal_panel(wanted[grown], uncut, drivers, params, horizon)
    state = results.State.of_panel(cleaned.keys[grown], made)
    if params.reconcile:
        state = _agreed(state, wanted[grown], params, drivers)
    state = _with_newcomers(state, dataset, cleaned, wanted, grown, np.exp(season))
    state = state.shifted(gap=gap, days=periods.days, count=periods.count)
    state = adjustments.end_of_life(state, items, periods)
    said = {
        "units_naive": _naive(state, wanted[grown], params, gap),
        "units_statistical": state.mean,
    }
    told = dataset["forecast_opinions"]
    agreed = opinions.agreed(
        state,
        told,
        periods,
        cleaned=cleaned,
        made=made,
        tested=cleaned.keys[grown],
        as_of=as_of,
    )
    said["units_consensus"] = agreed.state.mean
    state = adjustments.overridden(
        agreed.state, dataset["forecast_overrides"], periods, as_of=as_of
    )
    said["units_overridden"] = state.mean
    reasons = results.reasons(state, made, grown, cleaned)
    reasons += results.season_reasons(cleaned.keys[grown], season, said["units_statistical"])
    reasons += known_ahead.inherited(before, daily, items)
    reasons += known_ahead.planned(dataset["forecast_inputs"], cleaned, periods)
    named = named_holidays(
        _country(dataset, params), range(periods.start.year, periods.end.year + 1)
    )
    reasons += known_ahead.holidays_heard(cleaned.keys[grown], made, named, periods)
    return Outcome(
        tables={
            **results.tables(state, periods, made, cleaned.keys[grown]),
            "forecast_sources": agreed.sources,
            "forecast_steps": steps.steps_table(state.keys, said, periods, as_of=as_of),
        },
        explanations=explanations_frame(
            [*reasons, *opinions.unheard(told, state.keys, as_of=as_of)]
        ),
        notes={"series": state.keys.height, "newcomers": state.keys.height - len(grown)},
    )


def _country(dataset: Dataset, params: DemandParams) -> str:
    """Whose public holidays move demand."""
    places = dataset["locations"]["country"].drop_nulls()
    return params.country or (str(places[0]) if len(places) else "US")


def _seasonal_panel(
    wanted: Floats, uncut: Floats, drivers: Drivers, params: DemandParams, horizon: int
) -> tuple[PanelForecast, Floats]:
    """Forecast without the yearly profile that two years agree on, and put it back.

    Returns the forecast and the logarithm of the profile ahead. What was said at past origins
    gets a profile that did not see the periods it is tested on.
    """
    year = 365.25 / params.period_days
    past = drivers.shared.shape[0] - horizon
    wanted, uncut, yearly = wanted[:, -past:], uncut[:, -past:], drivers.yearly
    season = seasonality.profiles(wanted, yearly, drivers.groups, year=year)
    calm = np.exp(-season[:, :past])
    values, starts = _end_to_end(wanted * calm)
    made = forecast_panel(
        values,
        starts,
        season=season_of(params.period_days),
        horizon=horizon,
        levels=np.array(params.levels),
        loss="squared",
        origins=params.origins,
        drivers=drivers,
        truth=_end_to_end(uncut * calm)[0],
        boosting=params.boosting,
    )
    if not season.any():
        return made, season[:, past:]
    told = np.ones(made.tested.shape)
    actual = made.actual.copy()
    lengths = np.diff(starts)
    for back in np.unique((lengths[:, None] - made.cuts)[made.cuts > 0]):
        hidden = np.zeros(past, dtype=bool)
        window = np.arange(past - back, min(past, past - back + horizon))
        hidden[window] = True
        blind = seasonality.profiles(wanted, yearly, drivers.groups, year=year, hidden=hidden)
        for k in range(made.cuts.shape[1]):
            rows = np.flatnonzero((made.cuts[:, k] > 0) & (lengths - made.cuts[:, k] == back))
            told[rows, k, : len(window)] = np.exp(blind[np.ix_(rows, window)])
            actual[rows, k, : len(window)] *= np.exp(season[np.ix_(rows, window)])
    return replace(made.times(np.exp(season[:, past:]), told), actual=actual), season[:, past:]


def _naive(state: results.State, wanted: Floats, params: DemandParams, gap: int) -> Floats:
    """What came a season before; unknown for items with little history."""
    days = params.period_days
    # A year is 52 weeks and a day: 52 weeks before is the same weekday.
    horizon = params.periods + -(-gap // days)
    paths = steps.naive_paths(wanted, season=season_of(days), horizon=horizon)
    shifted = results.shift(paths, gap=gap, days=days, count=params.periods)
    young = np.full((state.keys.height - len(wanted), params.periods), np.nan)
    return np.concatenate([shifted, young])


def _no_answer(text: str) -> Outcome:
    reason = Reason(subject="forecast", reason_code="infeasible", text=text)
    return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))


def blocks(wanted: Floats, *, days: int) -> Floats:
    """Return demand summed over blocks of `days` days that end with the last day.

    A block that begins before its series does is unknown, unless it is the only one: then it
    is scaled up to a whole one.

    >>> blocks(np.array([[np.nan, 1.0, 2.0, 3.0, 4.0]]), days=2).tolist()
    [[3.0, 7.0]]
    """
    count = max(1, wanted.shape[1] // days)
    tail = wanted[:, -count * days :]
    if tail.shape[1] < days:
        scaled: Floats = np.nanmean(tail, axis=1, keepdims=True) * days
        return scaled
    found = tail.reshape(len(wanted), count, days).sum(axis=2)
    alone = ~np.isfinite(found).any(axis=1)
    if alone.any():
        last = wanted[alone, -days:]
        known = np.isfinite(last)
        mean = np.nansum(last, axis=1) / np.maximum(known.sum(axis=1), 1)
        found[alone, -1] = mean * days
    begun = np.isfinite(found)
    rows = begun.any(axis=0)
    kept: Floats = found[:, int(rows.argmax()) :]
    return kept


def _end_to_end(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    known = np.isfinite(rows)
    starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int64)
    return rows[known], starts


def _drivers(
    dataset: Dataset,
    cleaned: Cleaned,
    grown: NDArray[np.int64],
    wanted: Floats,
    params: DemandParams,
    as_of: date,
    horizon: int,
) -> Drivers:
    """Calendar, planned prices and promotions of every block, groups by category."""
    days = params.period_days
    past = int(np.isfinite(wanted[grown]).sum(axis=1).max())
    first = as_of - timedelta(days=days * past)
    begins = [first + timedelta(days=days * i) for i in range(past + horizon)]
    country = _country(dataset, params)
    holidays = named_holidays(country, range(first.year, begins[-1].year + 2))
    shared, yearly = calendar_features(begins, days, holidays)
    category = (
        cleaned.keys[grown]
        .join(dataset["items"].select("item", "category"), on="item", how="left")["category"]
        .fill_null("")
    )
    groups = category.rank("dense").to_numpy().astype(np.int64)
    sizes = np.bincount(groups)
    groups = np.where(sizes[groups] >= 5, groups, 0)
    own = adjustments.planned(
        dataset["forecast_inputs"], cleaned, grown, as_of=as_of, days=days, past=past, ahead=horizon
    )
    current = np.ones(len(grown), dtype=bool)
    return Drivers(shared, own, yearly, groups, current, 29 if days == 1 else 13)


def _agreed(
    state: results.State, wanted: Floats, params: DemandParams, drivers: Drivers
) -> results.State:
    """Let the forecast of an item as a whole and those of its places agree."""
    codes = state.keys["item"].rank("dense").to_numpy().astype(np.int64) - 1
    several = np.bincount(codes)[codes] > 1
    if not several.any():
        return state
    _, sums = np.unique(codes[several], return_inverse=True)
    level = np.full(len(codes), -1, dtype=np.int64)
    level[several] = sums
    count = int(sums.max()) + 1
    totals = np.zeros((count, wanted.shape[1]))
    begun = np.zeros((count, wanted.shape[1]))
    np.add.at(totals, sums, np.nan_to_num(wanted[several]))
    np.add.at(begun, sums, np.isfinite(wanted[several]).astype(float))
    of_first = np.unique(sums, return_index=True)[1]
    features = replace(
        drivers,
        own=np.zeros((count, drivers.shared.shape[0], 0)),
        groups=drivers.groups[several][of_first],
        current=np.ones(count, dtype=bool),
    )
    known = np.where(begun > 0, totals, np.nan)
    few = replace(params, levels=(0.05, 0.5, 0.95))
    whole, _ = _seasonal_panel(known, known, features, few, state.mean.shape[1])
    matrix = reconcile.summing_matrix([level], len(codes))
    base = np.concatenate([whole.mean, state.mean])
    variances = np.concatenate([whole.sd, state.sd]).mean(axis=1) ** 2 + 1e-6
    agreed = reconcile.reconcile(base, matrix, variances)
    factors = np.divide(agreed, state.mean, out=np.ones_like(agreed), where=state.mean > 1e-9)
    # A forecast is mended, not replaced, by what its sum says.
    return state.scaled(np.clip(factors, 0.5, 2.0), [])


def _with_newcomers(
    state: results.State,
    dataset: Dataset,
    cleaned: Cleaned,
    wanted: Floats,
    grown: NDArray[np.int64],
    season: Floats,
) -> results.State:
    """Add items with little history, and offers that never sold, by their analogues.

    They are taken to sell at one rate, moved by the time of the year as their category is.
    """
    items = dataset["items"]
    levels = state.levels
    recent = (state.mean / season)[:, :13].mean(axis=1)
    named = dict(items.select("item", "category").iter_rows())
    profile = {named.get(item): season[i] for i, item in enumerate(state.keys["item"])}
    flat = np.ones(season.shape[1])
    known = state.keys.with_columns(pl.Series("units_mean", recent))
    young = np.setdiff1d(np.arange(cleaned.keys.height), grown)
    asked: list[tuple[str, str, Floats]] = []
    for row in young:
        item, location = cleaned.keys.row(int(row))
        own = wanted[row][np.isfinite(wanted[row])]
        asked.append((item, location, own))
    offered = adjustments.unsold_offers(dataset, cleaned.keys)
    asked += [(item, location, np.zeros(0)) for item, location in offered.iter_rows()]
    for item, location, own in asked:
        belief = newcomers.believe(item=item, own=own, location=location, grown=known, items=items)
        if belief is not None:
            state = state.with_newcomer(
                item,
                location,
                belief,
                newcomers.newcomer_quantiles(belief, levels),
                len(own),
                season=profile.get(named.get(item), flat),
            )
    return state
