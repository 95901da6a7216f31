"""A plan in a world that may come: as it is kept, and planned again, on the same luck; its risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.scoped import Question
from fivefold.ledger.journal import Journal
from fivefold.twin.experiment import Proof, prove

#: Chance of doing worse than the value at risk tells.
RISK_SHARE = 0.05
_MONEY = "profit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What a plan earns in a world, and how much less it may be.

    Parameters
    ----------
    policy : {'kept', 'replanned'}
    mean, low, high : float
        Mean profit of the days played, and its 95 % interval.
    value_at_risk, var_low, var_high : float
        By how much profit falls short of its mean in the worst 5 %, and its 95 % interval.
    worst : float
        Least profit of any replication.
    """

    policy: str
    mean: float
    low: float
    high: float
    value_at_risk: float
    var_low: float
    var_high: float
    worst: float
    replications: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A world played: both policies, their difference, and the risk of each."""

    world: str
    proof: Proof
    risks: tuple[Risk, ...]

    @property
    def advice(self) -> str:
        """What this world says to do: plan again, keep the plan, or either."""
        verdict = self.proof.figure(_MONEY).verdict
        return {"better": "plan again", "worse": "keep the plan"}.get(verdict, "either")

    def record(self) -> dict[str, Any]:
        """Return it as a record."""
        names = ("policy", "mean", "low", "high", "value_at_risk", "var_low", "var_high", "worst")
        return {
            "world": self.world,
            "days": self.proof.days,
            "replications": self.proof.replications,
            "seed": self.proof.seed,
            "kept": self.proof.old,
            "replanned": self.proof.new,
            "risk": [{name: getattr(risk, name) for name in names} for risk in self.risks],
            "advice": self.advice,
            "measures": measures_of(self.proof),
            "figures": self.proof.record()["figures"],
        }


def play_world(
    question: Question,
    new: Plan,
    journal: Journal,
    *,
    world: str,
    old: Plan | None,
    days: int = 91,
    replications: int = 6,
    seed: int = 7,
    progress: Progress = silent,
) -> Played:
    """Return how the plan kept and the plan made anew do in a world, on the same luck.

    Parameters
    ----------
    question : Question
        Its changes are the world: demand times its factors, suppliers closed, cash cut.
    new : Plan
        Planned for the world.
    old : Plan or None
        The plan kept; None plays days of cover.
    seed : int
        The same in every world, so that worlds share their luck too.
    """
    proof = prove(
        new,
        question.world,
        journal,
        old=old,
        days=days,
        replications=replications,
        seed=seed,
        demand_times=question.demand_times,
        progress=progress,
    )
    kept, made = _by_policy(proof, _MONEY)
    return Played(
        world=world,
        proof=proof,
        risks=(risk_of("kept", kept), risk_of("replanned", made)),
    )


def measures_of(proof: Proof) -> list[dict[str, Any]]:
    """Return what each of the two policies did: the mean of every measure with its 95 % interval.

    Returns
    -------
    list of dict
        policy (kept, replanned), measure, unit, better, mean, low, high; the interval is
        Student's t over replications.
    """
    from scipy.stats import t as student

    rows = []
    for figure in proof.figures:
        for policy, values in zip(
            ("kept", "replanned"), _by_policy(proof, figure.measure), strict=True
        ):
            came = np.asarray(values, dtype=np.float64)
            factor = float(student.ppf(0.975, max(1, len(came) - 1)))
            half = factor * float(came.std(ddof=1)) / len(came) ** 0.5 if len(came) > 1 else 0.0
            mean = float(came.mean())
            rows.append(
                {
                    "policy": policy,
                    "measure": figure.measure,
                    "unit": figure.unit,
                    "better": figure.better,
                    "mean": mean,
                    "low": mean - half,
                    "high": mean + half,
                }
            )
    return rows


def _by_policy(proof: Proof, measure: str) -> tuple[list[float], list[float]]:
    """Return a measure of each replication, of the plan kept and of the plan made anew."""
    rows = proof.by_replication.filter(proof.by_replication["measure"] == measure)
    if proof.old == proof.new:
        # One name for both: they were played in turns, the plan kept first.
        values = rows["value"].to_list()
        return values[0::2], values[1::2]
    kept = rows.filter(rows["policy"] == proof.old)["value"].to_list()
    made = rows.filter(rows["policy"] == proof.new)["value"].to_list()
    return kept, made


def risk_of(policy: str, values: Sequence[float]) -> Risk:
    """Return mean and value at risk of what replications earned.

    Notes
    -----
    With few replications the worst 5 % are not seen, so the value at risk is that of a normal
    law with their spread: 1.645 standard deviations below the mean [1]_. Its interval is that of
    the standard deviation, by chi-square. The mean's is Student's t.

    References
    ----------
    .. [1] Jorion (2007), Value at Risk, 3rd ed., eq. 5.4 (parametric VaR, relative to the mean).

    Raises
    ------
    ValueError
        If there are fewer than two values.

    >>> risk = risk_of("kept", [90.0, 110.0])
    >>> round(risk.mean), round(risk.value_at_risk, 1)
    (100, 23.3)
    """
    from scipy.stats import chi2, norm
    from scipy.stats import t as student

    if len(values) < 2:
        raise ValueError(f"risk wants at least two replications, found {len(values)}")
    came = np.asarray(values, dtype=np.float64)
    free = len(came) - 1
    spread = float(came.std(ddof=1))
    half = float(student.ppf(0.975, free)) * spread / np.sqrt(len(came))
    below = -float(norm.ppf(RISK_SHARE))
    least = spread * np.sqrt(free / float(chi2.ppf(0.975, free)))
    most = spread * np.sqrt(free / float(chi2.ppf(0.025, free)))
    mean = float(came.mean())
    return Risk(
        policy=policy,
        mean=mean,
        low=mean - float(half),
        high=mean + float(half),
        value_at_risk=below * spread,
        var_low=below * float(least),
        var_high=below * float(most),
        worst=float(came.min()),
        replications=len(came),
    )
