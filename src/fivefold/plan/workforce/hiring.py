"""When to hire how many: the cheapest payroll of a region over the weeks, a linear program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labour:
    """What people cost and do; see `network_figures` for each."""

    hours: float
    wage: float
    overtime_premium: float
    overtime_most: float
    productive: float
    attrition: float
    lead_weeks: int
    first_rate: float
    learning_weeks: float
    trainer: float
    hire_cost: float
    hire_most: float
    agency_markup: float
    agency_rate: float
    agency_most: float
    late_cost: float

    @classmethod
    def of(cls, known: Mapping[str, float]) -> Labour:
        """Return the labour of these figures."""
        return cls(
            hours=known["hours_per_week"],
            wage=known["wage_per_hour"],
            overtime_premium=known["overtime_premium"],
            overtime_most=known["overtime_most_share"],
            productive=known["productive_share"],
            attrition=known["attrition_per_week"],
            lead_weeks=int(known["hiring_weeks"]),
            first_rate=known["learning_first_week"],
            learning_weeks=known["learning_weeks"],
            trainer=known["trainer_share_first_week"],
            hire_cost=known["hire_cost"],
            hire_most=known["hiring_most_share_per_week"],
            agency_markup=known["agency_markup"],
            agency_rate=known["agency_rate_share"],
            agency_most=known["agency_most_share"],
            late_cost=known["late_cost_per_parcel"],
        )

    def stays(self, weeks: int) -> Floats:
        """Return the share of people still there after 0, 1, 2… weeks."""
        return np.asarray((1.0 - self.attrition) ** np.arange(weeks))

    def worth(self, weeks: int) -> Floats:
        """Return what a newcomer who stayed is worth after 0, 1, 2… weeks, in practised heads."""
        age = np.arange(weeks)
        rate = self.first_rate + (1.0 - self.first_rate) * age / max(self.learning_weeks, 1e-9)
        rate = np.minimum(rate, 1.0)
        rate[0] -= self.trainer
        return np.asarray(rate * self.stays(weeks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Payroll:
    """One region's people by skill and week, and what they cost.

    Arrays have shape (n_skills, n_weeks). `bound` is the linear program's cost, which no whole
    number of hires can beat; `parcel_price` what one parcel more costs, `hire_price` what one
    more newcomer allowed in a week would save.
    """

    hires: Floats
    heads: Floats
    practised: Floats
    overtime_hours: Floats
    agency: Floats
    capacity: Floats
    late: Floats
    cost: Floats
    bound: float
    parcel_price: Floats
    hire_price: Floats


def plan_payroll(
    volume: Floats, rate: Floats, start: Floats, labour: Labour, *, first_week: int
) -> Payroll:
    """Return the cheapest payroll that handles a region's parcels, what is late having its cost.

    Parameters
    ----------
    volume : ndarray, shape (n_skills, n_weeks)
        Parcels to handle.
    rate : ndarray, shape (n_skills,)
        Parcels an hour of a practised head.
    start : ndarray, shape (n_skills,)
        Practised heads at the start.
    labour : Labour
    first_week : int
        No newcomer's first day lies before it.

    Notes
    -----
    ========  ==================================================  ==================
    symbol    column                                              unit
    ========  ==================================================  ==================
    h_kt      newcomers of skill k in week t                      people
    o_kt      overtime                                            hours
    g_kt      agency people                                       people
    b_kt      parcels left over at the end of the week            parcels
    ========  ==================================================  ==================

    b_kt ≥ b_k,t-1 + V_kt − rate (H E_kt + o_kt + H φ g_kt) with the practised heads
    E_kt = S_k (1−a)^t + Σ_τ h_kτ w(t−τ), overtime at most a share of what heads work, agency at
    most a share of heads at the start, newcomers of all skills at most a share of them a week:
    workforce planning with learning and turnover (Holt, Modigliani, Muth, Simon 1960, in linear
    form after Ebert 1976). Newcomers are then rounded up, and all else counted again.
    """
    skills, weeks = volume.shape
    each = skills * weeks
    worth, stays = labour.worth(weeks), labour.stays(weeks)
    an_hour = rate * labour.productive
    cell = np.arange(each).reshape(skills, weeks)
    k, t = np.divmod(np.arange(each), weeks)
    # Newcomers of week s count in every week t from then on.
    later, earlier = np.tril_indices(weeks)
    grown_row = (cell[:, later]).ravel()
    grown_column = (cell[:, earlier]).ravel()
    effect = np.tile(worth[later - earlier], skills) * np.repeat(an_hour, len(later)) * labour.hours
    there = np.tile(stays[later - earlier], skills)
    step = an_hour[k]
    back = np.flatnonzero(t > 0)
    carries = _rows(
        (each, 4 * each),
        (grown_row, grown_column, -effect),
        (np.arange(each), each + np.arange(each), -step),
        (np.arange(each), 2 * each + np.arange(each), -step * labour.hours * labour.agency_rate),
        (np.arange(each), 3 * each + np.arange(each), -np.ones(each)),
        (back, 3 * each + back - 1, np.ones(len(back))),
    )
    standing = start[:, None] * stays[None, :]
    need = (an_hour[:, None] * labour.hours * standing - volume).ravel()
    over = _rows(
        (each, 4 * each),
        (grown_row, grown_column, -there * labour.overtime_most * labour.hours),
        (np.arange(each), each + np.arange(each), np.ones(each)),
    )
    spare = (labour.overtime_most * labour.hours * standing).ravel()
    market = _rows((weeks, 4 * each), (t, np.arange(each), np.ones(each)))
    most_hires = np.full(weeks, labour.hire_most * float(start.sum()))
    paid_for = np.cumsum(stays)[weeks - 1 - t]
    cost = np.concatenate(
        [
            labour.hire_cost + labour.wage * labour.hours * paid_for,
            np.full(each, labour.wage * (1 + labour.overtime_premium)),
            np.full(each, labour.wage * labour.hours * (1 + labour.agency_markup)),
            np.full(each, labour.late_cost),
        ]
    )
    most = np.concatenate(
        [
            np.where(t >= first_week, np.inf, 0.0),
            np.full(each, np.inf),
            labour.agency_most * start[k],
            np.full(each, np.inf),
        ]
    )
    found = linprog(
        cost,
        A_ub=vstack([carries, over, market]).tocsr(),
        b_ub=np.concatenate([need, spare, most_hires]),
        bounds=np.column_stack([np.zeros(4 * each), most]),
        method="highs",
    )
    assert found.status == 0, found.message
    duals = -found.ineqlin.marginals
    standing_cost = float(labour.wage * labour.hours * standing.sum())
    hires, overtime, agency = (
        found.x[i * each : (i + 1) * each].reshape(skills, weeks) for i in range(3)
    )
    return _counted(
        volume, rate, start, labour, np.ceil(hires - 1e-6), overtime, agency,
        bound=float(found.fun) + standing_cost,
        parcel_price=duals[:each].reshape(skills, weeks),
        hire_price=duals[2 * each :],
    )  # fmt: skip


def _rows(shape: tuple[int, int], *parts: tuple[Ints, Ints, Floats]) -> coo_array:
    row = np.concatenate([part[0] for part in parts])
    column = np.concatenate([part[1] for part in parts])
    value = np.concatenate([part[2] for part in parts])
    return coo_array((value, (row, column)), shape)


def _counted(
    volume: Floats, rate: Floats, start: Floats, labour: Labour, hires: Floats, overtime: Floats,
    agency: Floats, *, bound: float, parcel_price: Floats, hire_price: Floats,
) -> Payroll:  # fmt: skip
    """Count heads, what they can do and what is late, week by week, from whole hires."""
    skills, weeks = volume.shape
    worth, stays = labour.worth(weeks), labour.stays(weeks)
    heads, practised = start[:, None] * stays, start[:, None] * stays
    for week in range(weeks):
        heads[:, week:] += hires[:, week, None] * stays[: weeks - week]
        practised[:, week:] += hires[:, week, None] * worth[: weeks - week]
    hours = labour.hours * (practised + labour.agency_rate * agency) + overtime
    capacity = hours * labour.productive * rate[:, None]
    late = np.zeros((skills, weeks))
    left = np.zeros(skills)
    for week in range(weeks):
        left = np.maximum(left + volume[:, week] - capacity[:, week], 0.0)
        late[:, week] = np.where(left < 1e-6 * (1 + volume[:, week]), 0.0, left)
    cost = (
        labour.wage * labour.hours * heads
        + labour.wage * (1 + labour.overtime_premium) * overtime
        + labour.wage * (1 + labour.agency_markup) * labour.hours * agency
        + labour.hire_cost * hires
        + labour.late_cost * late
    )
    return Payroll(
        hires=hires, heads=heads, practised=practised, overtime_hours=overtime, agency=agency,
        capacity=capacity, late=late, cost=cost, bound=bound, parcel_price=parcel_price,
        hire_price=hire_price,
    )  # fmt: skip
