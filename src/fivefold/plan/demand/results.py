"""The forecast as tables of the schema, and why it is what it is.

Knows the state of a forecast on its way: rows of item and place, paths over periods.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import Periods
from fivefold.model import Reason, schema
from fivefold.plan.demand import accuracy
from fivefold.plan.demand.cleaning import Cleaned
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.newcomers import Belief
from fivefold.plan.demand.panel import PanelForecast


@dataclass(frozen=True, slots=True)
class State:
    """Forecasts of all items and places before they become tables.

    `mean` and `sd` have shape (n_series, horizon), `quantiles` (n_series, horizon, n_levels);
    `methods` one text a row; `notes` further reasons.
    """

    keys: pl.DataFrame
    mean: Floats
    sd: Floats
    quantiles: Floats
    levels: Floats
    methods: tuple[str, ...]
    notes: tuple[Reason, ...] = field(default=())

    @classmethod
    def of_panel(cls, keys: pl.DataFrame, made: PanelForecast) -> State:
        """Return the state that a panel's forecast begins."""
        return cls(
            keys, made.mean, made.sd, made.quantiles, made.levels, tuple(made.method_names())
        )

    def with_newcomer(
        self,
        item: str,
        location: str,
        belief: Belief,
        quantiles: Floats,
        blocks: int,
        *,
        season: Floats,
    ) -> State:
        """Return the state with one more row: one rate, times the season of each period."""
        sd = float(np.sqrt(belief.mean + belief.rate_variance))
        like = ", ".join(belief.analogues) or "nothing"
        text = (
            f"{item} has {blocks} periods of history; {belief.mean:.1f} units a period are "
            f"expected from {belief.circle}, most alike {like}."
        )
        subject = f"forecast:{item}@{location}"
        note = Reason(
            subject=subject,
            reason_code="forecast_method",
            reference=like,
            quantity=float(belief.mean * season.sum()),
            text=text,
        )
        row = pl.DataFrame({"item": [item], "location": [location]})
        return replace(
            self,
            keys=pl.concat([self.keys, row]),
            mean=np.vstack([self.mean, belief.mean * season]),
            sd=np.vstack([self.sd, sd * season]),
            quantiles=np.concatenate(
                [self.quantiles, (season[:, None] * quantiles[None, :])[None]]
            ),
            methods=(*self.methods, "analogue"),
            notes=(*self.notes, note),
        )

    def shifted(self, *, gap: int, days: int, count: int) -> State:
        """Return forecasts by period that starts `gap` days after the history ends."""
        return replace(
            self,
            mean=shift(self.mean, gap=gap, days=days, count=count),
            sd=shift(self.sd, gap=gap, days=days, count=count),
            quantiles=shift(self.quantiles, gap=gap, days=days, count=count),
        )

    def scaled(self, factors: Floats, notes: list[Reason]) -> State:
        """Return forecasts times a factor per row and period, with the reasons for it."""
        return replace(
            self,
            mean=self.mean * factors,
            sd=self.sd * factors,
            quantiles=self.quantiles * factors[:, :, None],
            notes=(*self.notes, *notes),
        )

    def from_nothing(self, added: Floats) -> State:
        """Return forecasts with units said where nothing was expected.

        From nothing there is no shape to keep: Poisson-like spread around what was said.
        """
        if not added.any():
            return self
        return replace(
            self,
            mean=self.mean + added,
            sd=self.sd + np.sqrt(added),
            quantiles=self.quantiles + _spread(added, self.levels),
        )


def _spread(mean: Floats, levels: Floats) -> Floats:
    from scipy.special import ndtri

    found: Floats = np.maximum(0.0, mean[:, :, None] + np.sqrt(mean)[:, :, None] * ndtri(levels))
    return np.where(mean[:, :, None] > 0, found, 0.0)


def shift(paths: Floats, *, gap: int, days: int, count: int) -> Floats:
    """Return forecasts by block after the history as forecasts by period `gap` days later.

    A period that lies across two blocks takes its share of each. Axis 1 is the horizon.

    >>> shift(np.array([[7.0, 14.0]]), gap=1, days=7, count=1).round(6).tolist()
    [[8.0]]
    """
    whole, part = divmod(gap, days)
    share = part / days
    first = paths[:, whole : whole + count]
    if part == 0:
        return first
    found: Floats = (1 - share) * first + share * paths[:, whole + 1 : whole + 1 + count]
    return found


def tables(
    state: State, periods: Periods, made: PanelForecast, tested: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Return forecasts, forecast_means and forecast_accuracy; `tested` names the panel's rows."""
    order = state.keys.with_row_index("row").sort(["item", "location"])["row"].to_numpy()
    keys, mean, sd = state.keys[order], state.mean[order], state.sd[order]
    count = periods.count
    starts = pl.DataFrame({"period_start": periods.starts()})
    long = keys.join(starts, how="cross")
    means = long.with_columns(
        pl.Series("units_mean", mean.ravel()),
        pl.Series("units_sd", sd.ravel()),
        pl.Series("method", np.repeat(np.array(state.methods)[order], count)),
    )
    levels = state.levels
    forecasts = long.select(pl.all().repeat_by(levels.size).explode()).with_columns(
        pl.Series("quantile", np.tile(levels, mean.size)),
        pl.Series("units", state.quantiles[order].ravel()),
    )
    return {
        "forecasts": forecasts.select(schema("forecasts").names),
        "forecast_means": means.select(schema("forecast_means").names),
        "forecast_accuracy": accuracy_table(tested, made),
    }


def accuracy_table(keys: pl.DataFrame, made: PanelForecast) -> pl.DataFrame:
    """Return how each method did at past origins, per item and place.

    The row `combination` is what was used, combined at each origin by weights from the other
    ones; the others are its parts and, for comparison, the seasonal naive method.
    """
    rows: list[dict[str, object]] = []
    for i, (item, location) in enumerate(keys.iter_rows()):
        actual = made.actual[i]
        known = np.isfinite(actual)
        if not known.any():
            continue
        total = float(np.abs(actual[known]).sum())
        scale = max(float(made.scales[i]), 1e-9)
        paths = {"combination": made.tested[i]}
        for m in np.flatnonzero(made.weights[i] > 0.05).tolist():
            paths[made.methods[m]] = made.method_tested[i, :, m]
        if "seasonal_naive" in made.methods:
            m = made.methods.index("seasonal_naive")
            paths.setdefault("seasonal_naive", made.method_tested[i, :, m])
        for name, path in paths.items():
            error = (path - actual)[known]
            if not np.isfinite(error).all():
                continue
            weight = 1.0
            if name != "combination":
                weight = float(made.weights[i, made.methods.index(name)])
            whole = name == "combination"
            rows.append(
                {
                    "item": item,
                    "location": location,
                    "method": name,
                    "chosen": weight > 0.05,
                    "wape": float(np.abs(error).sum() / total) if total > 0 else None,
                    "bias": float(error.sum() / total) if total > 0 else None,
                    "mase": float(np.abs(error).mean() / scale),
                    "pinball": float(made.pinball[i]) if whole else None,
                    "coverage_90": float(made.coverage_90[i]) if whole else None,
                }
            )
    return schema("forecast_accuracy").frame(rows)


def reasons(
    state: State, made: PanelForecast, grown: NDArray[np.int64], cleaned: Cleaned
) -> list[Reason]:
    """Return why each forecast is what it is: method and record, cleaning, life cycle, people."""
    found = []
    for i, row in enumerate(grown):
        item, location = state.keys.row(i)
        subject = f"forecast:{item}@{location}"
        known = np.isfinite(made.actual[i])
        told = ""
        if known.any() and np.abs(made.actual[i][known]).sum() > 0:
            error = accuracy.wape(made.actual[i][known], made.tested[i][known])
            told = f", off by {error:.0%} of demand at past origins"
        found.append(
            Reason(
                subject=subject,
                reason_code="forecast_method",
                reference=state.methods[i],
                quantity=float(state.mean[i].sum()),
                text=f"Demand is {made.kind[i]}; forecast by {state.methods[i]}{told}.",
            )
        )
        found += _next_best(subject, made, i)
        found += _cleaned(subject, cleaned, int(row))
    return [*found, *state.notes]


def season_reasons(keys: pl.DataFrame, season: Floats, mean: Floats) -> list[Reason]:
    """Return what the time of the year does to each forecast that has a profile."""
    found = []
    ahead = np.exp(season[:, : mean.shape[1]])
    for i in np.flatnonzero(np.abs(season).max(axis=1) > 0.02):
        item, location = keys.row(int(i))
        found.append(
            Reason(
                subject=f"forecast:{item}@{location}",
                reason_code="forecast_method",
                reference="season",
                quantity=float((mean[i] * (1 - 1 / ahead[i])).sum()),
                text=f"Two years agree on a time of the year: from {ahead[i].min():.0%} to "
                f"{ahead[i].max():.0%} of the usual in the weeks ahead.",
            )
        )
    return found


def _next_best(subject: str, made: PanelForecast, i: int) -> list[Reason]:
    """The best method that was not used, and how much worse it did."""
    known = np.isfinite(made.actual[i])
    if not known.any():
        return []
    errors = np.abs(made.method_tested[i].transpose(1, 0, 2) - made.actual[i])[:, known]
    score = np.where(made.weights[i] > 0.05, np.nan, errors.mean(axis=1))
    if not np.isfinite(score).any():
        return []
    best = int(np.nanargmin(score))
    own = float(np.abs(made.tested[i] - made.actual[i])[known].mean())
    text = (
        f"Best method not used: {made.methods[best]}, off by {score[best]:.2f} units a period "
        f"against {own:.2f}."
    )
    return [
        Reason(
            subject=subject,
            reason_code="next_best",
            reference=made.methods[best],
            quantity=float(score[best]),
            text=text,
        )
    ]


def _cleaned(subject: str, cleaned: Cleaned, row: int) -> list[Reason]:
    """What cleaning changed in the history."""
    found = []
    short = int(cleaned.censored[row].sum())
    change = cleaned.wanted[row] - cleaned.units[row]
    if short:
        units = float(np.nansum(np.where(cleaned.censored[row], change, 0.0)))
        found.append(
            Reason(
                subject=subject,
                reason_code="change",
                reference="stock-outs",
                quantity=units,
                text=f"Out of stock on {short} days; {units:.0f} units are added as lost.",
            )
        )
    freaks = int(cleaned.freak[row].sum())
    if freaks:
        units = float(np.nansum(np.where(cleaned.freak[row], change, 0.0)))
        found.append(
            Reason(
                subject=subject,
                reason_code="change",
                reference="outliers",
                quantity=units,
                text=f"{freaks} freak days were cut by {-units:.0f} units.",
            )
        )
    return found
