"""Lead times as suppliers' receipts show them, from few receipts and from many.

Knows receipts. Never plans: the ranking of options reads what is learnt here, and through it
the plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How receipts teach.

    Parameters
    ----------
    window_days : int
        Receipts older than so many days teach nothing any more.
    prior_receipts : float
        What is stated, or known of the wider group, counts as so many receipts.
    complete_share : float
        A line counts as delivered on the day this share of it was there.
    """

    window_days: int = 1095
    prior_receipts: float = 4.0
    complete_share: float = 0.95

    def __post_init__(self) -> None:
        if self.window_days < 1:
            raise ValueError(f"window_days must be at least 1, found {self.window_days}")
        if self.prior_receipts <= 0:
            raise ValueError(f"prior_receipts must be above 0, found {self.prior_receipts}")
        if not 0 < self.complete_share <= 1:
            raise ValueError(f"complete_share must be in (0, 1], found {self.complete_share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A lead time as a distribution, days from order to receipt.

    `weight_share` is how far the own receipts count against what was held before; quantiles
    are those of a gamma distribution with this mean and deviation.
    """

    receipts: int
    mean: float
    sd: float
    weight_share: float
    on_time_share: float | None = None
    lateness: float | None = None

    def quantile(self, share: float) -> float:
        """Return the days within which a receipt comes with this chance."""
        return gamma_quantile(self.mean, self.sd, share)


def gamma_quantile(mean: float, sd: float, share: float) -> float:
    """Return a quantile of the gamma distribution of this mean and deviation.

    Lead times are above 0 and lean to the right; a gamma has both and two parameters [1]_.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., §6.10.

    Examples
    --------
    >>> round(gamma_quantile(10.0, 10.0, 0.9), 3), gamma_quantile(5.0, 0.0, 0.9)
    (23.026, 5.0)
    """
    from scipy.special import gammaincinv

    if mean <= 0 or sd <= 0:
        return max(0.0, mean)
    shape = (mean / sd) ** 2
    return float(gammaincinv(shape, share) * mean / shape)


def blend(
    values: Sequence[float], *, prior_mean: float, prior_sd: float, prior_receipts: float
) -> tuple[float, float, float]:
    """Return mean, standard deviation and own weight of values, drawn towards a prior.

    The mean is that of the values and `prior_receipts` more of the prior's mean; the variance
    pools both and adds that they may differ: the normal model with known ratio of variances [1]_.

    References
    ----------
    .. [1] Gelman et al. (2013), *Bayesian Data Analysis*, 3rd ed., §2.5 and §3.3 (normal data
       with a conjugate prior: ν_n σ_n² = ν_0 σ_0² + (n − 1) s² + κ_0 n / (κ_0 + n) (x̄ − μ_0)²).

    Examples
    --------
    >>> mean, sd, weight = blend(
    ...     [30, 34], prior_mean=26, prior_sd=2, prior_receipts=2
    ... )
    >>> mean, round(sd, 4), weight
    (29.0, 3.6056, 0.5)
    """
    count = len(values)
    if not count:
        return prior_mean, prior_sd, 0.0
    own = float(np.mean(values))
    weight = count / (count + prior_receipts)
    spread = float(np.sum((np.asarray(values) - own) ** 2))
    apart = prior_receipts * count / (prior_receipts + count) * (own - prior_mean) ** 2
    variance = (prior_receipts * prior_sd**2 + spread + apart) / (prior_receipts + count)
    return weight * own + (1 - weight) * prior_mean, math.sqrt(variance), weight


def delivered_lines(receipts: pl.DataFrame, *, complete_share: float = 0.95) -> pl.DataFrame:
    """Return order lines as delivered: when complete, in full, and with how many defects.

    Parameters
    ----------
    receipts : polars.DataFrame
        The goods_receipts table.
    complete_share : float

    Returns
    -------
    DataFrame, columns supplier, item, mode, order, line, ordered_on, promised_on,
        completed_on (the last receipt where it never was), quantity_ordered,
        quantity_received, quantity_damaged, is_complete, lead_days, late_days.
    """
    ordered = receipts.sort("received_on", "receipt")
    running = pl.col("quantity_received").cum_sum().over("order", "line", "supplier")
    wanted = pl.col("quantity_ordered").fill_null(pl.col("quantity_received"))
    reached = ordered.with_columns(is_there=running >= complete_share * wanted - 1e-9)
    first = pl.col("received_on").filter(pl.col("is_there")).min()
    lines = reached.group_by("order", "line", "supplier", maintain_order=True).agg(
        pl.col("item", "mode", "ordered_on", "promised_on").first(),
        first.alias("complete_on"),
        pl.col("received_on").max().alias("last_on"),
        pl.col("quantity_ordered").max(),
        pl.col("quantity_received").sum(),
        pl.col("quantity_damaged").fill_null(0).sum(),
    )
    done = pl.coalesce("complete_on", "last_on")
    return lines.with_columns(
        completed_on=done,
        is_complete=pl.col("complete_on").is_not_null(),
        lead_days=(done - pl.col("ordered_on")).dt.total_days().cast(pl.Float64),
        late_days=(done - pl.col("promised_on")).dt.total_days().cast(pl.Float64),
    ).drop("complete_on", "last_on")


def learn_lead_times(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return lead times learnt from receipts, for each supplier and each of its items.

    What an offer states is where learning begins; how late the supplier is in all moves it;
    the item's own receipts move it further, the more there are.

    Parameters
    ----------
    dataset : Dataset
        Reads goods_receipts, supplier_offers, lanes.
    params : Params, optional
    as_of : date
        Later receipts are not known yet.

    Returns
    -------
    Outcome
        Table `learnt_lead_times`; explanations with subject ``supplier:SUPPLIER``.
    """
    params = params or Params()
    learnt = learnt_by_item(dataset, params, as_of=as_of)
    stated = stated_days(dataset)
    rows = []
    reasons = []
    for (supplier, item), found in sorted(learnt.items()):
        rows.append(
            {
                "supplier": supplier,
                "item": item,
                "mode": "",
                "receipts": found.receipts,
                "weight_share": found.weight_share,
                "lead_time_days_mean": found.mean,
                "lead_time_days_sd": found.sd,
                "lead_time_days_p10": found.quantile(0.1),
                "lead_time_days_p50": found.quantile(0.5),
                "lead_time_days_p90": found.quantile(0.9),
                "lateness_days_mean": found.lateness,
                "on_time_share": found.on_time_share,
                "stated_days_mean": stated.get((supplier, item), (None, 0.0))[0],
            }
        )
        if not item:
            reasons.append(_told(supplier, found))
    return Outcome(
        tables={"learnt_lead_times": schema("learnt_lead_times").frame(rows)},
        status="feasible",
        explanations=explanations_frame(reasons),
        notes={"suppliers": len(reasons), "items": len(rows) - len(reasons)},
    )


def _told(supplier: str, found: Learnt) -> Reason:
    late = "" if found.lateness is None else f", {found.lateness:+.1f} days from the day promised"
    on_time = (
        "" if found.on_time_share is None else f"; {found.on_time_share:.0%} on the day or before"
    )
    return Reason(
        subject=f"supplier:{supplier}",
        reason_code="lead_time",
        reference=supplier,
        quantity=found.mean,
        text=(
            f"{found.receipts} lines of {supplier} took {found.mean:.1f} ± {found.sd:.1f} days"
            f"{late}{on_time}."
        ),
    )


def stated_days(dataset: Dataset) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the lead time offers state with the way to their quickest destination added."""
    ways: dict[str, tuple[float, float]] = {}
    for origin, mean, sd in (
        dataset["lanes"]
        .select("origin", "transit_time_days_mean", "transit_time_days_sd")
        .sort("origin", "transit_time_days_mean")
        .iter_rows()
    ):
        ways.setdefault(origin, (mean, sd or 0.0))
    found = {}
    columns = ("supplier", "item", "lead_time_days_mean", "lead_time_days_sd")
    for supplier, item, mean, sd in dataset["supplier_offers"].select(columns).iter_rows():
        way, spread = ways.get(supplier, (0.0, 0.0))
        found[supplier, item] = (mean + way, math.hypot(sd or 0.0, spread))
    return found


def learnt_by_item(
    dataset: Dataset, params: Params | None = None, *, as_of: date
) -> dict[tuple[str, str], Learnt]:
    """Return what is learnt by (supplier, item), and by (supplier, "") for all its items."""
    params = params or Params()
    first = as_of - timedelta(days=params.window_days)
    lines = delivered_lines(
        dataset["goods_receipts"].filter(pl.col("received_on").is_between(first, as_of)),
        complete_share=params.complete_share,
    ).filter(pl.col("lead_days").is_not_null() & (pl.col("lead_days") >= 0))
    stated = stated_days(dataset)
    found: dict[tuple[str, str], Learnt] = {}
    for (name,), own in (
        lines.sort("supplier").partition_by("supplier", as_dict=True, maintain_order=True).items()
    ):
        supplier = str(name)
        wide = _of_supplier(own)
        found[supplier, ""] = wide
        for (item,), part in (
            own.sort("item").partition_by("item", as_dict=True, maintain_order=True).items()
        ):
            key = (supplier, str(item))
            found[key] = _of_item(part, wide, stated.get(key), params)
    return found


def _of_supplier(lines: pl.DataFrame) -> Learnt:
    days = lines["lead_days"].to_numpy()
    late = lines["late_days"].drop_nulls()
    return Learnt(
        receipts=lines.height,
        mean=float(days.mean()),
        sd=float(days.std()),
        weight_share=1.0,
        on_time_share=float((late <= 0).mean()) if len(late) else None,  # type: ignore[arg-type]
        lateness=float(late.mean()) if len(late) else None,  # type: ignore[arg-type]
    )


def _of_item(
    lines: pl.DataFrame,
    wide: Learnt,
    stated: tuple[float, float] | None,
    params: Params,
) -> Learnt:
    """Return an item's lead time: stated, moved by the supplier's lateness, then by its own."""
    if stated is None:
        before, spread = wide.mean, wide.sd
    else:
        trust = wide.receipts / (wide.receipts + params.prior_receipts)
        before = max(0.0, stated[0] + trust * (wide.lateness or 0.0))
        spread = math.sqrt((1 - trust) * stated[1] ** 2 + trust * wide.sd**2)
    mean, sd, weight = blend(
        lines["lead_days"].to_list(),
        prior_mean=before,
        prior_sd=spread,
        prior_receipts=params.prior_receipts,
    )
    late = lines["late_days"].drop_nulls()
    prior_share = wide.on_time_share
    on_time = None
    if prior_share is not None:
        hits = float((late <= 0).sum())
        on_time = (hits + params.prior_receipts * prior_share) / (len(late) + params.prior_receipts)
    return Learnt(
        receipts=lines.height,
        mean=mean,
        sd=sd,
        weight_share=weight,
        on_time_share=on_time,
        lateness=float(late.mean()) if len(late) else None,  # type: ignore[arg-type]
    )
