"""How suppliers did: on time and in full, defects a million, drift of their lead time.

Knows receipts and inspections. Never buys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.learning import delivered_lines
from fivefold.source.sampling import (
    Level,
    Severity,
    limits,
    next_severity,
    sampling_plan,
    switching_points,
)

#: Two-sided 90 % of the standard normal.
_Z90 = 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is scored.

    Parameters
    ----------
    window_days : int
        Receipts and inspections of so many days count.
    grace_days : int
        So many days after the promise are still on time.
    full_share : float
        A line is in full from this share of its units on.
    """

    window_days: int = 365
    grace_days: int = 0
    full_share: float = 1.0

    def __post_init__(self) -> None:
        if self.window_days < 1:
            raise ValueError(f"window_days must be at least 1, found {self.window_days}")
        if self.grace_days < 0:
            raise ValueError(f"grace_days must not be negative, found {self.grace_days}")
        if not 0 < self.full_share <= 1:
            raise ValueError(f"full_share must be in (0, 1], found {self.full_share}")


def wilson_interval(hits: int, count: int, *, z: float = _Z90) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    >>> low, high = wilson_interval(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.5408, 0.9314)
    """
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = (
        z
        / (1 + z * z / count)
        * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    )
    return max(0.0, centre - half), min(1.0, centre + half)


def drift(days: Iterable[float], values: Iterable[float]) -> tuple[float, bool] | None:
    """Return growth a year and whether it is told from chance; None below 5 points.

    Theil–Sen slope; chance by Kendall's tau with ties, normal, two-sided 5 % [1]_.

    References
    ----------
    .. [1] Sen (1968), "Estimates of the regression coefficient based on Kendall's tau",
       Journal of the American Statistical Association 63(324).

    Examples
    --------
    >>> slope, sure = drift(range(0, 300, 30), [20 + month for month in range(10)])
    >>> round(slope, 2), sure
    (12.17, True)
    """
    x, y = np.asarray(list(days), dtype=float), np.asarray(list(values), dtype=float)
    count = len(x)
    if count < 5:
        return None
    first, second = np.triu_indices(count, 1)
    run, rise = x[second] - x[first], y[second] - y[first]
    apart = run != 0
    if not apart.any():
        return None
    slope = float(np.median(rise[apart] / run[apart])) * 365.0
    score = float(np.sign(run * rise).sum())
    ties = sum(
        int(n) * (int(n) - 1) * (2 * int(n) + 5) for n in np.unique(y, return_counts=True)[1]
    )
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    if variance <= 0:
        return slope, False
    z = (abs(score) - 1) / math.sqrt(variance) if score else 0.0
    return slope, z > 1.959963984540054


def score_suppliers(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return how each supplier did over the window.

    Parameters
    ----------
    dataset : Dataset
        Reads goods_receipts and inspections.
    params : Params, optional
    as_of : date

    Returns
    -------
    Outcome
        Table `supplier_scores`; explanations with subject ``supplier:SUPPLIER``.
    """
    params = params or Params()
    first = as_of - timedelta(days=params.window_days)
    known = dataset["goods_receipts"].filter(pl.col("received_on").is_between(first, as_of))
    lines = delivered_lines(known, complete_share=params.full_share)
    checked = dataset["inspections"].filter(pl.col("inspected_on").is_between(first, as_of))
    rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    for supplier in sorted({*lines["supplier"], *checked["supplier"]}):
        row = _score(
            supplier,
            lines.filter(pl.col("supplier") == supplier),
            checked.filter(pl.col("supplier") == supplier),
            params,
        )
        rows.append(row)
        reasons.extend(_reasons(row))
    return Outcome(
        tables={"supplier_scores": schema("supplier_scores").frame(rows)},
        status="feasible",
        explanations=explanations_frame(reasons),
        notes={"suppliers": len(rows)},
    )


def _score(
    supplier: str, lines: pl.DataFrame, checked: pl.DataFrame, params: Params
) -> dict[str, object]:
    promised = lines.filter(pl.col("late_days").is_not_null())
    on_time = pl.col("is_complete") & (pl.col("late_days") <= params.grace_days)
    hits = promised.filter(on_time).height
    low, high = wilson_interval(hits, promised.height)
    received = int(lines["quantity_received"].sum())
    failed = checked.filter(pl.col("verdict") == "rejected")
    passed = checked.filter(pl.col("verdict") == "accepted")
    # A lot that failed counts with the defects its sample leads to expect.
    expected = failed.select(
        (pl.col("lot_size") * pl.col("defects_found") / pl.col("sample_size").clip(1)).sum()
    ).item()
    bad = round(
        int(lines["quantity_damaged"].sum()) + expected + int(passed["defects_found"].sum())
    )
    leads = lines.filter(pl.col("lead_days").is_not_null()).sort("ordered_on")
    start = leads["ordered_on"].min()
    moved = (
        drift(
            [(day - start).days for day in leads["ordered_on"].to_list()],
            leads["lead_days"].to_list(),
        )
        if isinstance(start, date)
        else None
    )
    row: dict[str, object] = {
        "supplier": supplier,
        "lines": lines.height,
        # A line is on time only when all of it is there: one figure, not two.
        "on_time_share": float((promised["late_days"] <= params.grace_days).mean())  # type: ignore[arg-type]
        if promised.height
        else None,
        "in_full_share": float(lines["is_complete"].mean()) if lines.height else None,  # type: ignore[arg-type]
        "otif_share": hits / promised.height if promised.height else None,
        "otif_low_share": low if promised.height else None,
        "otif_high_share": high if promised.height else None,
        "units_received": received,
        "units_defective": bad,
        "defects_ppm": bad / received * 1e6 if received else None,
        "lots_inspected": checked.height,
        "lots_rejected": failed.height,
        "lead_time_days_mean": float(leads["lead_days"].mean()) if leads.height else None,  # type: ignore[arg-type]
        "lead_time_drift_days": moved[0] if moved else None,
        "drift_is_sure": moved[1] if moved else None,
    }
    return {**row, "severity": severity_after(checked), "next_step": _next_step(row)}


def severity_after(inspections: pl.DataFrame, *, level: Level = "II") -> Severity:
    """Return how strictly a supplier's next lot is inspected, after these inspections of its lots.

    Parameters
    ----------
    inspections : polars.DataFrame
        The inspections table, one supplier's rows.
    """
    known = limits()
    lots = []
    own = inspections.filter(pl.col("sample_size") > 0)
    for row in own.sort("inspected_on", maintain_order=True).iter_rows(named=True):
        points = 0
        if row["verdict"] == "accepted" and row["aql_percent"] in known:
            plan = sampling_plan(
                lot_size=row["lot_size"],
                aql_percent=row["aql_percent"],
                level=level,
                severity=row["severity"] or "normal",
            )
            points = switching_points(
                plan, lot_size=row["lot_size"], level=level, defects=row["defects_found"]
            )
        lots.append((row["verdict"], points))
    return next_severity(lots)


def _next_step(row: dict[str, object]) -> str:
    """Return what to do next about a supplier."""
    if row["drift_is_sure"] and float(str(row["lead_time_drift_days"])) > 0:
        return "talk about lead time"
    if row["lots_rejected"]:
        return "ask for corrective action"
    high = row["otif_high_share"]
    if high is not None and float(str(high)) < 0.9:
        return "talk about delivery"
    return ""


def _reasons(row: dict[str, object]) -> Iterable[Reason]:
    subject = f"supplier:{row['supplier']}"
    if row["otif_share"] is not None:
        share, low, high = (
            float(str(row[n])) for n in ("otif_share", "otif_low_share", "otif_high_share")
        )
        yield Reason(
            subject=subject,
            reason_code="lead_time",
            reference=str(row["supplier"]),
            quantity=share,
            text=(
                f"{share:.0%} of {row['lines']} lines came on time and in full "
                f"(90 % interval {low:.0%} to {high:.0%})."
            ),
        )
    if row["defects_ppm"] is not None:
        yield Reason(
            subject=subject,
            reason_code="quality",
            reference=str(row["supplier"]),
            quantity=float(str(row["defects_ppm"])),
            text=(
                f"{row['units_defective']} of {row['units_received']} units were defective, "
                f"{row['lots_rejected']} of {row['lots_inspected']} lots rejected."
            ),
        )
    if row["lead_time_drift_days"] is not None:
        sure = "told from chance" if row["drift_is_sure"] else "not told from chance"
        yield Reason(
            subject=subject,
            reason_code="change",
            reference=str(row["supplier"]),
            quantity=float(str(row["lead_time_drift_days"])),
            text=f"Lead time grows by {row['lead_time_drift_days']:+.1f} days a year, {sure}.",
        )
