# mypy: allow-untyped-defs, allow-untyped-calls
"""What base stocks in a supply tree really give, by compiled simulation.

The stochastic-service model: a stage ships what it has and owes the rest, so that delays
upstream reach customers. Every stage has one supplier; customers wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ServiceFound:
    """Means over the periods counted, arrays of shape (n_stages,).

    on_hand, backordered : units at the end of a period; backorders owed to customers of the
        stage itself and to stages it supplies.
    fill_rate : share of the demand of a stage's own customers met in its period; NaN where
        it has none.
    """

    on_hand: FloatArray
    backordered: FloatArray
    fill_rate: FloatArray


def simulate_base_stock(
    *,
    supplier: ArrayLike,
    lead_time: ArrayLike,
    base_stock: ArrayLike,
    demand: ArrayLike,
    warm_up: int = 100,
) -> ServiceFound:
    """Return service and stock of a tree of stages under local base-stock policies.

    In each period shipments arrive, demand occurs, every stage orders what it was asked
    for, and what there is is shipped, supplier before customer; own customers come first,
    then stages in order of number.

    Parameters
    ----------
    supplier : array_like of int, shape (n_stages,)
        Number of the supplying stage, lower than the stage's own; -1 is outside, which
        always has enough.
    lead_time : array_like of int, shape (n_stages,)
        Whole periods from shipment to availability; what is left at the end of a period is
        the base stock less the demand of that many periods.
    base_stock : array_like, shape (n_stages,)
        Units.
    demand : array_like, shape (n_periods, n_stages)
        Units wanted by a stage's own customers.
    warm_up : int
        Periods left out of the means.

    Raises
    ------
    ValueError
        If a supplier does not come before its customer, or shapes disagree.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.4 and
       §6.2: sequence of events and stochastic-service model.

    Examples
    --------
    >>> found = simulate_base_stock(supplier=[-1], lead_time=[1], base_stock=[6],
    ...                             demand=np.full((20, 1), 2.0), warm_up=10)
    >>> found.on_hand.tolist(), found.fill_rate.tolist()
    ([4.0], [1.0])
    """
    source, lead = np.asarray(supplier, np.int64), np.asarray(lead_time, np.int64)
    levels, wanted = np.asarray(base_stock, np.float64), np.asarray(demand, np.float64)
    n = source.size
    if lead.shape != (n,) or levels.shape != (n,) or wanted.ndim != 2 or wanted.shape[1] != n:
        raise ValueError("supplier, lead_time, base_stock and demand must have one stage each")
    if np.any(source >= np.arange(n)) or np.any(lead < 0):
        raise ValueError("suppliers must have lower numbers than their customers, lead times >= 0")
    if not 0 <= warm_up < wanted.shape[0]:
        raise ValueError(f"warm_up must leave some periods, found {warm_up}")
    on_hand, owed, met, asked = _run(source, lead, levels, wanted, warm_up)
    counted = wanted.shape[0] - warm_up
    share = np.where(asked > 0, met / np.where(asked > 0, asked, 1.0), np.nan)
    return ServiceFound(on_hand / counted, owed / counted, share)


@njit(cache=True)
def _run(supplier, lead, levels, demand, warm_up):
    """Return sums of stock on hand, units owed, demand met at once and demand."""
    periods, n = demand.shape
    ring = lead.max() + 1
    coming = np.zeros((ring, n))
    stock = levels.copy()
    owed_out = np.zeros(n)  # to own customers
    owed_to = np.zeros(n)  # to this stage by its supplier
    ordered = np.zeros(n)
    on_hand, owed, met, asked = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for t in range(periods):
        slot = t % ring
        for i in range(n):
            ordered[i] = demand[t, i]
        for i in range(n - 1, -1, -1):
            if supplier[i] >= 0:
                ordered[supplier[i]] += ordered[i]
            owed_to[i] += ordered[i]
        for i in range(n):
            # Suppliers come first, so a shipment without lead time is there in time.
            if supplier[i] < 0:
                coming[(t + lead[i]) % ring, i] += owed_to[i]
                owed_to[i] = 0.0
            else:
                sent = min(stock[supplier[i]], owed_to[i])
                stock[supplier[i]] -= sent
                owed_to[i] -= sent
                coming[(t + lead[i]) % ring, i] += sent
            stock[i] += coming[slot, i]
            coming[slot, i] = 0.0
            earlier = min(stock[i], owed_out[i])
            stock[i] -= earlier
            owed_out[i] -= earlier
            now = min(stock[i], demand[t, i])
            stock[i] -= now
            owed_out[i] += demand[t, i] - now
            if t >= warm_up:
                met[i] += now
                asked[i] += demand[t, i]
        if t >= warm_up:
            for i in range(n):
                on_hand[i] += stock[i]
                owed[i] += owed_out[i]
                if supplier[i] >= 0:
                    owed[supplier[i]] += owed_to[i]
    return on_hand, owed, met, asked
