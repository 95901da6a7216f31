"""How demand answers prices: item by item, drawn to families, substitutes counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.price.panel import Panel, centred, family_index, weekly_panel
from fivefold.plan.price.poisson_fit import fit_poisson
from fivefold.plan.price.shrinkage import Shrunk, shrink

FloatArray = NDArray[np.float64]
#: Standard normal at 95 %: ends of a 90 % interval.
_Z90 = 1.6448536269514722
#: Price must have moved at least this much (sd of its logarithm) to be heard alone.
_LEAST_MOVE = 0.005
_OWN, _CROSS, _PROMOTION = 1, 2, 3
METHOD = "Poisson regression by item, shrunk to family and all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticityParams:
    """How elasticities are estimated.

    Parameters
    ----------
    weeks : int
        Weeks of record looked at, 26 to 520.
    lags : int
        Weeks over which errors may run on.
    harmonics : int
        Pairs of waves a year that tell the season, 0 to 6.
    prior_elasticity, prior_elasticity_sd : float
        What is believed before any data: the mean of 1,851 published elasticities [1]_, with
        a spread that leaves room for any of them. [sd assumed]
    trend_sd, season_sd : float
        How far a trend (share a year) and a wave are believed to go. [assumed]
    pairs : int
        Substitutes told an item at most, strongest first.

    References
    ----------
    .. [1] Bijmolt, van Heerde, Pieters (2005), New empirical generalizations on the
       determinants of price elasticity, Journal of Marketing Research 42(2): mean -2.62.
    """

    weeks: int = 104
    lags: int = 8
    harmonics: int = 2
    prior_elasticity: float = -2.62
    prior_elasticity_sd: float = 1.5
    trend_sd: float = 0.5
    season_sd: float = 1.0
    pairs: int = 5

    def __post_init__(self) -> None:
        if not 26 <= self.weeks <= 520:
            raise ValueError(f"weeks must be from 26 to 520, found {self.weeks}")
        if not 0 <= self.harmonics <= 6:
            raise ValueError(f"harmonics must be from 0 to 6, found {self.harmonics}")
        for name in ("prior_elasticity_sd", "trend_sd", "season_sd"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, found {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticities:
    """Own and cross elasticities of the items of a panel.

    Parameters
    ----------
    own, cross : Shrunk
        Of the item's own price, and of the index of its substitutes' prices.
    own_alone, own_alone_sd : ndarray, shape (n_items,)
        What each record says alone; infinite error where its price never moved.
    family, drawn_to : ndarray of int, shape (n_items,)
        Number of each item's family, and of what its estimate is drawn to.
    sold : ndarray, shape (n_items,)
        Weight of each item among its family's substitutes.
    promotion : ndarray, shape (n_items,)
        Logarithm of the lift of a full week of promotion, price aside.
    """

    own: Shrunk
    cross: Shrunk
    own_alone: FloatArray
    own_alone_sd: FloatArray
    family: NDArray[np.int64]
    drawn_to: NDArray[np.int64]
    sold: FloatArray
    promotion: FloatArray


def estimate_elasticities(
    dataset: Dataset, params: ElasticityParams | None = None, *, as_of: date
) -> Outcome:
    """Return own and cross elasticities of every item with a record.

    Parameters
    ----------
    dataset : Dataset
        items, sales_history (price and promotion by day, where known).
    params : ElasticityParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `price_elasticities`, a row an item for its own price and one for each of its strongest
        substitutes. Status infeasible, and why, where there is no record at all.
    """
    params = params or ElasticityParams()
    panel = weekly_panel(dataset, as_of=as_of, weeks=params.weeks)
    if not panel.items:
        text = "No item has sold in the weeks looked at, so nothing can be learnt of prices."
        reason = Reason(subject="price", reason_code="unknown_figure", text=text)
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))
    found = fit_elasticities(panel, params)
    rows = _rows(panel, found, params)
    return Outcome(
        tables={"price_elasticities": schema("price_elasticities").frame(rows)},
        status="optimal",
        explanations=explanations_frame(_reasons(panel, found)),
        notes={
            "all_mean": found.own.all_mean,
            "all_sd": found.own.all_sd,
            "spread_within": found.own.spread_within,
            "spread_between": found.own.spread_between,
            "items_heard_alone": int(np.isfinite(found.own_alone_sd).sum()),
        },
    )


def fit_elasticities(
    panel: Panel, params: ElasticityParams, *, drawn_to: Sequence[str] | None = None
) -> Elasticities:
    """Return elasticities of a panel: regressions by item, then shrinkage.

    Parameters
    ----------
    panel : Panel
        Items of one family are each other's substitutes.
    params : ElasticityParams
    drawn_to : sequence of str, optional
        What each item's estimate is drawn to where that is not its family: the brand of an
        item in one store, say, while its substitutes stand in the same store.

    Notes
    -----
    log E[units] = a + b log(price) + g log(price of substitutes) + c promotion + trend +
    season + log(share in stock). Trend and waves have weak priors; a, b and g have none, so
    that what is drawn to the family is drawn there by its standard error only.
    """
    index, families, sold = family_index(panel)
    own_price = centred(panel.price, panel.counts)
    columns, precision = _columns(panel, own_price, index, params)
    fit = fit_poisson(
        panel.units,
        columns,
        counts=panel.counts,
        precision=precision,
        offset=panel.offset,
        lags=params.lags,
    )
    substitutes = families
    if drawn_to is not None:
        code = {name: number for number, name in enumerate(dict.fromkeys(drawn_to))}
        families = np.array([code[name] for name in drawn_to], dtype=np.int64)
    alone, error = _heard(fit.coefficients, fit.covariance, _OWN, own_price, panel)
    own = shrink(
        alone,
        error,
        families,
        prior_mean=params.prior_elasticity,
        prior_sd=params.prior_elasticity_sd,
    )
    crossed, cross_error = _heard(fit.coefficients, fit.covariance, _CROSS, index, panel)
    # Substitutes are expected to gain a little of what a dearer item loses. [assumed]
    cross = shrink(crossed, cross_error, families, prior_mean=0.3, prior_sd=0.5)
    return Elasticities(
        own=own,
        cross=cross,
        own_alone=alone,
        own_alone_sd=error,
        family=substitutes,
        drawn_to=families,
        sold=sold,
        promotion=fit.coefficients[:, _PROMOTION],
    )


def _columns(
    panel: Panel, own_price: FloatArray, index: FloatArray, params: ElasticityParams
) -> tuple[FloatArray, FloatArray]:
    """Return the columns of the regressions and the precision of their priors."""
    n, weeks = panel.units.shape
    number = np.arange(weeks)
    day = (panel.weeks - panel.weeks.astype("datetime64[Y]")).astype(np.int64) + 3.5
    shared = [(number - weeks / 2.0) / 52.0]
    for wave in range(1, params.harmonics + 1):
        shared += [np.sin(2 * np.pi * wave * day / 365.25), np.cos(2 * np.pi * wave * day / 365.25)]
    each = [np.ones((n, weeks)), own_price, index, panel.promotion]
    each += [np.broadcast_to(column, (n, weeks)) for column in shared]
    precision = np.array(
        [0.0, 0.0, 0.0, 1.0 / 2.0**2, 1.0 / params.trend_sd**2]
        + [1.0 / params.season_sd**2] * (2 * params.harmonics)
    )
    return np.stack(each, axis=2), precision


def _heard(
    coefficients: FloatArray, covariance: FloatArray, column: int, moved: FloatArray, panel: Panel
) -> tuple[FloatArray, FloatArray]:
    """Return a coefficient and its error; an infinite error where the price never moved."""
    used = np.maximum(panel.counts.sum(axis=1), 1.0)
    spread = np.sqrt((moved**2 * panel.counts).sum(axis=1) / used)
    error = np.sqrt(np.maximum(covariance[:, column, column], 1e-12))
    heard = (spread > _LEAST_MOVE) & (used >= coefficients.shape[1] + 4) & (error < 50.0)
    return np.where(heard, coefficients[:, column], 0.0), np.where(heard, error, np.inf)


def _rows(panel: Panel, found: Elasticities, params: ElasticityParams) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    changes, used = panel.price_changes(), panel.counts.sum(axis=1).astype(int)
    members: dict[int, list[int]] = {}
    for i, number in enumerate(found.family.tolist()):
        members.setdefault(number, []).append(i)
    for i, item in enumerate(panel.items):
        alone = np.isfinite(found.own_alone_sd[i])
        rows.append(
            {
                **_estimate(item, "", panel.families[i], found.own.mean[i], found.own.sd[i]),
                "own_estimate": float(found.own_alone[i]) if alone else None,
                "own_sd": float(found.own_alone_sd[i]) if alone else None,
                "own_share": float(found.own.own_share[i]),
                "family_mean": float(found.own.family_mean[found.drawn_to[i]]),
                "periods": int(used[i]),
                "price_changes": int(changes[i]),
                "method": METHOD,
            }
        )
        for j, share in _substitutes(found, i, members[found.family[i]])[: params.pairs]:
            row = _estimate(
                item,
                panel.items[j],
                panel.families[i],
                found.cross.mean[i] * share,
                found.cross.sd[i] * share,
            )
            rows.append({**row, "periods": int(used[i]), "method": "share of the family's index"})
    return rows


def _substitutes(found: Elasticities, i: int, members: list[int]) -> list[tuple[int, float]]:
    """Return the other items of the family with their weights, the heaviest first."""
    others = [j for j in members if j != i and found.sold[j] > 0]
    total = sum(found.sold[j] for j in others)
    return sorted(((j, float(found.sold[j] / total)) for j in others), key=lambda p: (-p[1], p[0]))


def _estimate(item: str, other: str, family: str, mean: float, sd: float) -> dict[str, object]:
    return {
        "item": item,
        "with_item": other,
        "family": family,
        "elasticity": float(mean),
        "elasticity_sd": float(sd),
        "elasticity_low": float(mean - _Z90 * sd),
        "elasticity_high": float(mean + _Z90 * sd),
    }


def _reasons(panel: Panel, found: Elasticities) -> list[Reason]:
    reasons = []
    changes = panel.price_changes()
    for i, item in enumerate(panel.items):
        mean, sd = float(found.own.mean[i]), float(found.own.sd[i])
        if np.isfinite(found.own_alone_sd[i]):
            text = (
                f"Demand changes {mean:+.2f} % for a price 1 % higher (± {_Z90 * sd:.2f} at 90 %): "
                f"its own record says {found.own_alone[i]:+.2f} ± "
                f"{_Z90 * found.own_alone_sd[i]:.2f} from {int(changes[i])} changes of price and "
                f"weighs {found.own.own_share[i]:.0%}, its family the rest."
            )
        else:
            text = (
                f"Its price never moved, so its family's answer is taken: {mean:+.2f} % for a "
                f"price 1 % higher (± {_Z90 * sd:.2f} at 90 %)."
            )
        reasons.append(
            Reason(
                subject=f"elasticity:{item}",
                reason_code="forecast_method",
                reference=panel.families[i],
                quantity=mean,
                price=sd,
                text=text,
            )
        )
    return reasons
