"""How many people answer: a queue whose callers give up, hour by hour and skill by skill.

References
----------
.. [1] Mandelbaum & Zeltyn (2007), "Service engineering in action: the Palm/Erlang-A queue",
   in Advances in Services Innovations, eqs. 2.3-2.9: the density of the wait that would be
   offered, lambda p(n-1) exp(lambda H(x) - n mu x) with H(x) the integral of the chance to be
   still patient; without patience it is Erlang C.
.. [2] Gans, Koole & Mandelbaum (2003), "Telephone call centers: tutorial, review, and research
   prospects", Manufacturing & Service Operations Management 5(2), table 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Points of the numerical integral over the wait.
POINTS = 20_001


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How a queue does: shares of all who come, waits in minutes.

    `answered_within_share` is answered within the asked time; `wait_minutes` the mean over all,
    those who gave up included; `queue` how many wait in the mean.
    """

    wait_share: float
    abandon_share: float
    answered_within_share: float
    wait_minutes: float
    queue: float
    utilisation: float


def queue_figures(
    *,
    per_hour: float,
    handle_minutes: float,
    agents: int,
    patience_minutes: float = math.inf,
    within_minutes: float = 1.0,
) -> QueueFigures:
    """Return how a queue does in its steady state: Erlang A, or Erlang C without end of patience.

    Parameters
    ----------
    per_hour : float
        Contacts that come, Poisson.
    handle_minutes, patience_minutes : float
        Means of exponential times; an infinite patience never gives up.
    agents : int
    within_minutes : float

    Raises
    ------
    ValueError
        If a figure is below what it can be, or nobody gives up and the work never ends.

    Examples
    --------
    Table 1 of Gans, Koole & Mandelbaum (2003): 48 calls a minute of one minute, 50 agents.

    >>> c = queue_figures(per_hour=2880, handle_minutes=1, agents=50)
    >>> a = queue_figures(per_hour=2880, handle_minutes=1, agents=50, patience_minutes=2)
    >>> round(c.wait_minutes * 60, 1), round(a.wait_minutes * 60, 1), round(a.abandon_share, 3)
    (20.8, 3.7, 0.031)
    """
    if per_hour < 0 or handle_minutes <= 0 or agents < 1 or patience_minutes <= 0:
        raise ValueError(
            "contacts must not be negative, times above 0 and agents at least 1; found "
            f"{per_hour}, {handle_minutes}, {patience_minutes}, {agents}"
        )
    rate, served = per_hour / 60.0, agents / handle_minutes
    forever = math.isinf(patience_minutes)
    if forever and rate >= served:
        raise ValueError(f"{agents} agents never get through {per_hour} contacts an hour")
    if rate == 0:
        return QueueFigures(
            wait_share=0.0, abandon_share=0.0, answered_within_share=1.0,
            wait_minutes=0.0, queue=0.0, utilisation=0.0,
        )  # fmt: skip
    grid = np.linspace(0.0, _longest(rate, served, patience_minutes), POINTS)
    patient = np.ones_like(grid) if forever else np.exp(-grid / patience_minutes)
    kept = grid if forever else patience_minutes * (1.0 - patient)
    density = np.exp(rate * kept - served * grid)
    ahead = _inverse_loss(rate * handle_minutes, agents)
    last = 1.0 / (ahead + rate * float(np.trapezoid(density, grid)))
    offered = rate * last * density
    wait = float(np.trapezoid(offered, grid))
    gone = float(np.trapezoid(offered * (1.0 - patient), grid))
    in_time = np.where(grid <= within_minutes, offered * patient, 0.0)
    waited = float(np.trapezoid(offered * kept, grid))
    return QueueFigures(
        wait_share=wait,
        abandon_share=gone,
        answered_within_share=min(1.0 - wait + float(np.trapezoid(in_time, grid)), 1.0),
        wait_minutes=waited,
        queue=rate * waited,
        utilisation=rate * (1.0 - gone) * handle_minutes / agents,
    )


def _longest(rate: float, served: float, patience: float) -> float:
    """Return a wait beyond which nothing counts: the density has fallen by 1e-16 or more."""
    if math.isinf(patience):
        return 40.0 / (served - rate)
    # rate * H(x) - served * x falls for good once exp(-x / patience) is below served / rate.
    peak = max(patience * math.log(rate / served), 0.0)
    return peak + 40.0 * max(1.0 / served, math.sqrt(patience / served)) + 10.0 / served


def _inverse_loss(load: float, agents: int) -> float:
    """Return the sum of p(j) / p(n - 1) over the states in which nobody waits, j below n."""
    total, term = 0.0, 1.0
    for state in range(agents - 1, -1, -1):
        total += term
        term *= state / load
    return total


def agents_needed(
    *,
    per_hour: float,
    handle_minutes: float,
    patience_minutes: float,
    within_minutes: float = 1.0,
    answered_share: float = 0.8,
    most_abandon_share: float = 0.05,
) -> tuple[int, QueueFigures]:
    """Return the fewest agents that answer in time, and how they do.

    Raises
    ------
    ValueError
        If the share wanted is not below 1, so that no number is ever enough.
    """
    if not 0.0 <= answered_share < 1.0 or most_abandon_share <= 0.0:
        raise ValueError("the share answered must be below 1 and some must be let give up")
    agents = max(1, math.floor(per_hour / 60.0 * handle_minutes * 0.5))
    while True:
        try:
            found = queue_figures(
                per_hour=per_hour, handle_minutes=handle_minutes, agents=agents,
                patience_minutes=patience_minutes, within_minutes=within_minutes,
            )  # fmt: skip
        except ValueError:
            if per_hour < 0:
                raise
            agents += 1
            continue
        enough = (
            found.answered_within_share >= answered_share
            and found.abandon_share <= most_abandon_share
        )
        if enough:
            return agents, found
        agents += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffParams:
    """How contacts are answered; assumptions of the house.

    Parameters
    ----------
    handle_minutes : mapping of str to float
        By skill; `""` is for the others.
    patience_minutes, within_minutes, answered_share, most_abandon_share : float
        The service wanted: so many answered within so long, no more giving up than that.
    cost_per_hour : float, optional
        Of one person; None where nobody told it.
    """

    handle_minutes: Mapping[str, float]
    patience_minutes: float = 4.0
    within_minutes: float = 1.0
    answered_share: float = 0.8
    most_abandon_share: float = 0.05
    cost_per_hour: float | None = None


def staff_plan(
    contacts: Mapping[str, float], profile: Sequence[float], params: StaffParams
) -> list[dict[str, object]]:
    """Return people by skill and hour of a day.

    Parameters
    ----------
    contacts : mapping of str to float
        Contacts a working day by skill.
    profile : sequence of float
        Share of a day's contacts by opening hour; sums to 1.
    params : StaffParams
    """
    rows: list[dict[str, object]] = []
    for skill, per_day in sorted(contacts.items()):
        minutes = params.handle_minutes.get(skill, params.handle_minutes.get("", 8.0))
        for hour, share in enumerate(profile):
            agents, found = agents_needed(
                per_hour=per_day * share,
                handle_minutes=minutes,
                patience_minutes=params.patience_minutes,
                within_minutes=params.within_minutes,
                answered_share=params.answered_share,
                most_abandon_share=params.most_abandon_share,
            )
            rows.append(
                {
                    "skill": skill,
                    "hour": hour,
                    "contacts": per_day * share,
                    "agents": agents,
                    "answered_within_share": found.answered_within_share,
                    "abandon_share": found.abandon_share,
                    "wait_minutes": found.wait_minutes,
                    "utilisation": found.utilisation,
                    "cost": None if params.cost_per_hour is None else agents * params.cost_per_hour,
                }
            )
    return rows
