"""Items ordered together: a common rhythm, and a container filled rather than a case.

Knows items that share a supplier, a truck or a container. Never reads a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPlan:
    """How often an order is placed, and every how many orders each item is in it."""

    cycle_years: float
    multiples: tuple[int, ...]
    cost_per_year: float


def joint_replenishment(
    *,
    major_cost: float,
    minor_costs: Sequence[float],
    demand_units_per_year: Sequence[float],
    holding_cost_per_unit_year: Sequence[float],
) -> JointPlan:
    """Return the best common cycle and multiples under powers and non-powers of the cycle.

    Minimises (K + Σ k_i / m_i) / T + T/2 Σ m_i h_i λ_i with whole m_i, one of which is 1. For
    a given T the best m_i are known: m_i (m_i − 1) ≤ 2 k_i / (h_i λ_i T²) ≤ m_i (m_i + 1). The
    cost between two T at which some m_i changes is convex, so trying every such stretch down
    to the shortest cycle that can pay is exact [1]_.

    Parameters
    ----------
    major_cost : float
        Cost of an order, whatever is in it. [K]
    minor_costs : sequence of float
        Added by each item in it. [k_i]
    demand_units_per_year, holding_cost_per_unit_year : sequence of float
        [λ_i, h_i], above 0.

    References
    ----------
    .. [1] Goyal (1974), "Determination of optimum packaging frequency of items jointly
       replenished", Management Science 21(4); Silver, Pyke, Thomas (2017), *Inventory and
       Production Management in Supply Chains*, 4th ed., §10.4.

    Examples
    --------
    >>> plan = joint_replenishment(
    ...     major_cost=40,
    ...     minor_costs=[15, 15, 15, 15],
    ...     demand_units_per_year=[86_000, 12_500, 1_400, 3_000],
    ...     holding_cost_per_unit_year=[0.24] * 4,
    ... )
    >>> plan.multiples
    (1, 1, 4, 3)
    """
    rates = [h * d for h, d in zip(holding_cost_per_unit_year, demand_units_per_year, strict=True)]
    if len(minor_costs) != len(rates) or not rates:
        raise ValueError(f"minor_costs must have {len(rates)} values above 0 items")
    if min(rates) <= 0 or major_cost < 0 or min(minor_costs) < 0:
        raise ValueError("demand and holding cost must be above 0 and costs not negative")
    longest = math.sqrt(2 * (major_cost + sum(minor_costs)) / min(rates))
    best = _at(longest, major_cost, minor_costs, rates)
    # No cycle shorter than this can cost less: its major cost alone is more.
    shortest = major_cost / best.cost_per_year if major_cost > 0 else longest / 1000
    cycle = longest
    while cycle > shortest:
        found = _at(cycle, major_cost, minor_costs, rates)
        if found.cost_per_year < best.cost_per_year - 1e-12:
            best = found
            shortest = max(shortest, major_cost / best.cost_per_year)
        # The next shorter cycle at which one item's multiple grows.
        cycle = max(
            math.sqrt(2 * k / (rate * m * (m + 1))) if k > 0 else 0.0
            for k, rate, m in zip(
                minor_costs, rates, _multiples(cycle, minor_costs, rates), strict=True
            )
        ) * (1 - 1e-12)
    return best


def _multiples(cycle: float, minor_costs: Sequence[float], rates: Sequence[float]) -> list[int]:
    """Return the best whole multiple of each item for a cycle."""
    found = []
    for cost, rate in zip(minor_costs, rates, strict=True):
        ratio = 2 * cost / (rate * cycle * cycle)
        found.append(max(1, math.ceil((-1 + math.sqrt(1 + 4 * ratio)) / 2 - 1e-12)))
    return found


def _at(
    cycle: float, major_cost: float, minor_costs: Sequence[float], rates: Sequence[float]
) -> JointPlan:
    """Return the best plan with the multiples of a cycle."""
    multiples = _multiples(cycle, minor_costs, rates)
    fixed = major_cost + sum(k / m for k, m in zip(minor_costs, multiples, strict=True))
    held = sum(rate * m for rate, m in zip(rates, multiples, strict=True))
    return JointPlan(
        cycle_years=math.sqrt(2 * fixed / held),
        multiples=tuple(multiples),
        cost_per_year=math.sqrt(2 * fixed * held),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loadable:
    """An item that may top up a load: what a lot of it takes, and how long its stock lasts.

    `cover_days` is what is there and coming, over daily demand; `units_per_day` above 0.
    """

    item: str
    lot_units: int
    lot_m3: float
    lot_kg: float
    cover_days: float
    units_per_day: float
    unit_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Units by item in a container or truck, how full it is, and the limit that ended it."""

    units: dict[str, int]
    volume_m3: float
    weight_kg: float
    fill_share: float
    bound_by: str
    days_ahead: float


def fill_load(
    items: Sequence[Loadable],
    wanted_units: dict[str, int],
    *,
    load_m3: float,
    load_kg: float,
    most_days_ahead: float = 60.0,
) -> Load:
    """Return an order topped up to a full container: lots of whatever runs out first.

    What is wanted goes in whole. Then, lot by lot, the item whose cover is shortest gets one
    more, so that all last equally long [1]_, until cube or weight is full or nothing is
    needed within `most_days_ahead`.

    Parameters
    ----------
    items : sequence of Loadable
    wanted_units : dict of str to int
        What is needed now, in whole lots.
    load_m3, load_kg : float
        Usable cube and payload of one load; several are filled where one does not hold what
        is wanted.
    most_days_ahead : float
        No item is bought to last longer than this because of the container.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., §10.6: equal time supply of a group that shares a shipment.
    """
    if load_m3 <= 0 or load_kg <= 0:
        raise ValueError(f"load_m3 and load_kg must be above 0, found {load_m3} and {load_kg}")
    lots = {x.item: -(-wanted_units.get(x.item, 0) // x.lot_units) for x in items}
    cube = sum(lots[x.item] * x.lot_m3 for x in items)
    mass = sum(lots[x.item] * x.lot_kg for x in items)
    loads = max(1, math.ceil(cube / load_m3 - 1e-9), math.ceil(mass / load_kg - 1e-9))
    room, payload = loads * load_m3, loads * load_kg
    bound = ""
    open_items = {x.item: x for x in items}
    while open_items:
        least = min(open_items.values(), key=lambda x: (_cover(x, lots[x.item]), x.item))
        if _cover(least, lots[least.item]) + least.lot_units / least.units_per_day > (
            most_days_ahead + least.cover_days
        ):
            open_items.pop(least.item)
            bound = bound or "time"
        elif cube + least.lot_m3 > room + 1e-9 or mass + least.lot_kg > payload + 1e-9:
            bound = "cube" if cube + least.lot_m3 > room + 1e-9 else "weight"
            open_items.pop(least.item)
        else:
            lots[least.item] += 1
            cube, mass = cube + least.lot_m3, mass + least.lot_kg
    covers = [lots[x.item] * x.lot_units / x.units_per_day for x in items if lots[x.item]]
    return Load(
        units={x.item: lots[x.item] * x.lot_units for x in items if lots[x.item]},
        volume_m3=cube,
        weight_kg=mass,
        fill_share=max(cube / room, mass / payload),
        bound_by=bound or "time",
        days_ahead=max(covers, default=0.0),
    )


def _cover(item: Loadable, lots: int) -> float:
    """Return how long an item lasts with so many lots more."""
    return item.cover_days + lots * item.lot_units / item.units_per_day
