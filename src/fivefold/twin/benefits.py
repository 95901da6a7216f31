"""The nine benefits of a supply chain run as one, each a number against a naive policy.

Both policies play on the same luck. The naive one keeps days of cover as a spreadsheet does and
takes deliveries in as they come; the other carries out the plan and samples deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.ledger.journal import Journal
from fivefold.model import Dataset
from fivefold.source.sampling import sampling_plan
from fivefold.twin.experiment import Measures, Played, Proof, prove
from fivefold.twin.stages import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """One promised benefit: its measure, which way is better, and how it is found."""

    benefit: str
    measure: str
    unit: str
    better: str
    definition: str


BENEFITS: tuple[Benefit, ...] = (
    Benefit(
        benefit="cooperation",
        measure="order_swing",
        unit="ratio",
        better="lower",
        definition="standard deviation over mean of the value ordered from a supplier a week, "
        "averaged over suppliers by value: what suppliers have to follow",
    ),
    Benefit(
        benefit="quality control",
        measure="defects_taken_in",
        unit="ppm",
        better="lower",
        definition="defective units among a million taken into stock; a lot's defect share is "
        "drawn around its supplier's, the plan samples by ISO 2859-1 at AQL 1.0 and sorts what "
        "fails, the naive policy takes all in",
    ),
    Benefit(
        benefit="efficiency",
        measure="documents_a_thousand",
        unit="documents",
        better="lower",
        definition="orders, shipments and work orders placed for 1,000 units served",
    ),
    Benefit(
        benefit="keeping up with demand",
        measure="fill_rate",
        unit="share",
        better="higher",
        definition="units served from stock / units wanted",
    ),
    Benefit(
        benefit="delivery optimisation",
        measure="delivery_cost",
        unit="currency/unit",
        better="lower",
        definition="fees of the marketplace, carriage and storage for a unit served",
    ),
    Benefit(
        benefit="risk reduction",
        measure="worst_week",
        unit="share",
        better="higher",
        definition="fill rate of the worst week",
    ),
    Benefit(
        benefit="cost reduction",
        measure="cost_a_unit",
        unit="currency/unit",
        better="lower",
        definition="all expense and the cost of capital for a unit served",
    ),
    Benefit(
        benefit="income",
        measure="profit",
        unit="currency",
        better="higher",
        definition="contribution in the books less the cost of capital on stock",
    ),
    Benefit(
        benefit="use of assets",
        measure="return_on_stock",
        unit="ratio",
        better="higher",
        definition="contribution a year for each unit of money in stock",
    ),
)

MEASURED: Measures = tuple((one.measure, one.unit, one.better) for one in BENEFITS)
#: Units of evidence a lot's defect share is spread by around its supplier's mean. [assumed]
LOT_EVIDENCE = 20.0
AQL_PERCENT = 1.0
_INCOME = frozenset(
    {
        "revenue",
        "shipping_revenue",
        "promotions",
        "refunds",
        "reimbursements",
        "liquidation_revenue",
        "other_income",
    }
)
_DELIVERY = ("marketplace_fees", "carriage", "storage_fees")


def prove_benefits(
    plan: Plan,
    dataset: Dataset,
    journal: Journal,
    *,
    days: int = 91,
    replications: int = 8,
    seed: int = 7,
    progress: Progress = silent,
) -> Proof:
    """Return the nine benefits of a plan against days of cover, with 95 % intervals.

    Parameters
    ----------
    plan, dataset, journal
        As for `prove`.
    days, replications, seed : int

    Returns
    -------
    Proof
        Its figures are those of `BENEFITS`, in that order. A benefit that the data cannot tell,
        such as quality where no supplier's defect share is known, is not a number.
    """
    shares = {
        supplier: share
        for supplier, share in dataset["suppliers"].select("supplier", "defect_share").iter_rows()
        if share is not None
    }
    return prove(
        plan,
        dataset,
        journal,
        days=days,
        replications=replications,
        seed=seed,
        measures=MEASURED,
        measured=lambda played: _measured(played, shares),
        progress=progress,
    )


def _measured(played: Played, defect_shares: dict[str, float]) -> dict[str, float]:
    result = played.result
    served = float(result.served.sum())
    days = result.wanted.shape[1]
    capital = played.capital_per_day * float(result.stock_value.sum())
    costs = -sum(amount for account, amount in result.flows.items() if account not in _INCOME)
    delivery = -sum(result.flows.get(account, 0.0) for account in _DELIVERY)
    stock = float(result.stock_value.mean())
    return {
        "order_swing": _order_swing(played),
        "defects_taken_in": _defects(played, defect_shares),
        "documents_a_thousand": 1000.0 * _ratio(result.documents, served),
        "fill_rate": _ratio(served, float(result.wanted.sum())),
        "delivery_cost": _ratio(delivery, served),
        "worst_week": _worst_week(result.wanted, result.served),
        "cost_a_unit": _ratio(costs + capital, served),
        "profit": result.contribution - capital,
        "return_on_stock": _ratio(result.contribution * 365.0 / days, stock),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _worst_week(wanted: Integers, served: Integers) -> float:
    """Return the least share served of what a week wanted, over weeks that wanted something."""
    weeks = range(0, wanted.shape[1], 7)
    asked = np.array([wanted[:, day : day + 7].sum() for day in weeks])
    given = np.array([served[:, day : day + 7].sum() for day in weeks])
    return float((given[asked > 0] / asked[asked > 0]).min()) if (asked > 0).any() else 1.0


def _order_swing(played: Played) -> float:
    """Return the coefficient of variation of weekly purchases, by supplier, averaged by value."""
    weekly: dict[str, Floats] = {}
    for stage, row in enumerate(played.stages.rows):
        if row.kind == "buy":
            value = played.result.ordered[stage] * row.unit_price
            weekly[row.source] = weekly.get(row.source, np.zeros(len(value))) + value
    bought = {name: value for name, value in sorted(weekly.items()) if value.sum() > 0}
    total = sum(float(value.sum()) for value in bought.values())
    if not bought:
        return float("nan")
    return sum(
        float(value.std() / value.mean()) * float(value.sum()) / total for value in bought.values()
    )


def _defects(played: Played, shares: dict[str, float]) -> float:
    """Return defective units among a million taken in from suppliers whose share is known.

    The luck of a delivery hangs on its stage and number, so that it is the same for both.
    """
    rows = played.stages.rows
    luck = played.luck.uniform(1e-9, 1 - 1e-9, size=(len(rows), 3, 64))
    taken = bad = 0.0
    seen: dict[int, int] = {}
    for stage, units in played.result.received:
        share = shares.get(rows[stage].source) if rows[stage].kind == "buy" else None
        if share is None or units <= 0:
            continue
        number = seen.get(stage, 0) % 64
        seen[stage] = seen.get(stage, 0) + 1
        defective = _binomial(
            luck[stage, 1, number], units, _lot_share(luck[stage, 0, number], share)
        )
        taken += units
        bad += defective
        if played.is_new:
            bad -= _found(luck[stage, 2, number], units, defective)
    return 1e6 * _ratio(bad, taken)


def _lot_share(luck: float, share: float) -> float:
    from scipy.stats import beta

    if not 0.0 < share < 1.0:
        return share
    return float(beta.ppf(luck, LOT_EVIDENCE * share, LOT_EVIDENCE * (1.0 - share)))


def _binomial(luck: float, count: int, share: float) -> int:
    from scipy.stats import binom

    return int(binom.ppf(luck, count, share)) if 0.0 < share < 1.0 else round(count * share)


def _found(luck: float, units: int, defective: int) -> int:
    """Return defective units that sampling takes out: those drawn, or all of a lot that fails."""
    from scipy.stats import hypergeom

    plan = sampling_plan(lot_size=units, aql_percent=AQL_PERCENT)
    drawn = int(hypergeom.ppf(luck, units, defective, plan.sample_size)) if defective else 0
    return defective if drawn > plan.accept_number else drawn
