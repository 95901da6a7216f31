"""Schedules of sites over quarters: served exactly, judged at prices, improved site by site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fivefold.deliver.network.facility import Transport
from fivefold.deliver.network.phasing import Floats, Ints, Phased

#: Gains below this share of the whole cost are none.
LEAST_SHARE = 1e-7
#: Sites that may leave when another comes, those worth least.
LEAVERS = 4


class Prices:
    """What every site would best do alone at prices of zones and quarters, and the bound."""

    def __init__(self, problem: Phased) -> None:
        flat = problem.sites
        many, quarters = len(flat.capacity), problem.demand.shape[1]
        order = np.argsort(flat.site, kind="stable")
        start = np.searchsorted(flat.site[order], np.arange(many + 1)).astype(np.int64)
        self.problem = problem
        self._arcs = (start, flat.customer[order], flat.unit_cost[order])
        self.served = np.zeros(problem.demand.shape)
        self.value = np.zeros(many)
        self.schedule = np.zeros((many, quarters), np.int64)
        self.gains = np.zeros((many, quarters, int(problem.modules_most.max(initial=0)) + 1))

    def bound(self, price: Floats) -> float:
        """Return what no schedule can cost less than; keep what each site would do."""
        from fivefold.deliver.network import phase_kernels as kernels

        problem, flat = self.problem, self.problem.sites
        kernels.best_schedules(
            price, problem.demand, *self._arcs, flat.capacity, problem.module,
            problem.modules_most, flat.fixed_cost, problem.module_cost, problem.opening,
            problem.closing, problem.standing, problem.days, self.served, self.schedule,
            self.value, self.gains,
        )  # fmt: skip
        return float(problem.days * (price * problem.demand).sum() - self.value.sum())

    def worth(self, site: int, modules: Ints) -> float:
        """Return what a site saves with a schedule at the prices bounded last."""
        problem = self.problem
        used = np.flatnonzero(modules >= 0)
        worth = float(self.gains[site, used, modules[used]].sum())
        return worth - float(problem.closing[site]) * _closes(problem, site, modules)


def _closes(problem: Phased, site: int, modules: Ints) -> bool:
    was = np.concatenate([[bool(problem.standing[site])], modules >= 0])
    return bool((was[:-1] & ~was[1:]).any())


class PhaseFlows:
    """Flows at least cost of every quarter under a schedule that can change site by site."""

    def __init__(self, problem: Phased, modules: Ints) -> None:
        self.problem = problem
        self.modules = modules.copy()
        flat = problem.sites
        self._quarters = []
        for quarter in range(problem.demand.shape[1]):
            rooms = self._rooms(modules)[:, quarter]
            data = replace(flat, demand=problem.demand[:, quarter], capacity=rooms)
            self._quarters.append(Transport(data, np.ones(len(rooms), dtype=bool)))
        self._costs = np.array([t.cost for t in self._quarters])
        self.units = np.column_stack([t.units for t in self._quarters])
        self.prices = np.column_stack([t.prices for t in self._quarters])
        self.cost = self._total(self.modules, self._costs)

    def _rooms(self, modules: Ints) -> Floats:
        problem = self.problem
        grown = problem.sites.capacity[:, None] + (np.maximum(modules, 0) * problem.module[:, None])
        return np.where(modules >= 0, grown, 0.0)

    def _keep(self, modules: Ints, changed: dict[int, list[int]]) -> None:
        """Take what was solved; other quarters may hold a schedule that was tried in vain."""
        for quarter in changed:
            self.units[:, quarter] = self._quarters[quarter].units
            self.prices[:, quarter] = self._quarters[quarter].prices
        self.modules = modules.copy()
        self.cost = self._total(self.modules, self._costs)

    def _total(self, modules: Ints, flows: Floats) -> float:
        """Return cost of flows, of standing there, of opening and of closing."""
        problem, is_open = self.problem, modules >= 0
        a_day = np.where(
            is_open,
            problem.sites.fixed_cost[:, None]
            + np.maximum(modules, 0) * problem.module_cost[:, None],
            0.0,
        ).sum(axis=0)
        total = float(problem.days * (flows + a_day).sum())
        total += float((problem.opening[:, None] * is_open).sum())
        was_open = np.column_stack([problem.standing, is_open])
        closes = (was_open[:, :-1] & ~was_open[:, 1:]).any(axis=1)
        return total + float(problem.closing[closes].sum())

    def become(self, modules: Ints) -> None:
        """Take another schedule whatever it costs."""
        changed = self._changed(modules)
        self._solve(changed, modules)
        self._keep(modules, changed)

    def take_if_better(self, modules: Ints, *, least: float) -> bool:
        """Take another schedule if it costs less by at least `least`; else stay as it was."""
        old_costs = self._costs.copy()
        changed = self._changed(modules)
        self._solve(changed, modules)
        if self._total(modules, self._costs) < self.cost - least:
            self._keep(modules, changed)
            return True
        for quarter, sites in changed.items():
            rooms = self._rooms(self.modules)[:, quarter]
            for site in sites:
                self._quarters[quarter].set_room(site, float(rooms[site]))
        self._costs = old_costs
        return False

    def _changed(self, modules: Ints) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for site, quarter in np.argwhere(modules != self.modules).tolist():
            found.setdefault(quarter, []).append(site)
        return found

    def _solve(self, changed: dict[int, list[int]], modules: Ints) -> None:
        rooms = self._rooms(modules)
        for quarter, sites in changed.items():
            transport = self._quarters[quarter]
            for site in sites:
                transport.set_room(site, float(rooms[site, quarter]))
            self._costs[quarter] = transport.solve()


def improved(problem: Phased, flows: PhaseFlows, relaxed: Prices, *, tries: int) -> None:
    """Change schedules of single sites, or of one that comes and one that leaves, while it saves.

    Notes
    -----
    At the prices of the flows no change of one site saves more than what that site would save
    alone by its best schedule less what it saves by the one it has (weak duality, as in
    `facility.worth_at_prices`). Sites are tried in that order; where none could save anything
    no single change does.
    """
    least = LEAST_SHARE * max(1.0, abs(flows.cost))
    left = tries
    while left > 0:
        relaxed.bound(np.clip(flows.prices, 0.0, problem.sites.outside))
        now = np.array([relaxed.worth(s, m) for s, m in enumerate(flows.modules)])
        hope = relaxed.value - now
        best = relaxed.schedule.copy()
        gains = relaxed.gains.copy()
        moved = False
        for modules in _moves(problem, flows.modules, best, gains, now, hope, least):
            left -= 1
            if flows.take_if_better(modules, least=least):
                moved = True
                break
            if left <= 0:
                break
        if not moved:
            return


def _moves(
    problem: Phased, modules: Ints, best: Ints, gains: Floats, now: Floats, hope: Floats,
    least: float,
) -> Iterator[Ints]:  # fmt: skip
    """Yield schedules one step away, those that promise most first."""
    order = [int(s) for s in np.argsort(-hope, kind="stable") if hope[s] > least]
    for site in order:
        yield _with(modules, site, best[site])
        for other in _near(problem, site, modules[site]):
            yield _with(modules, site, other)
    stay = np.flatnonzero((modules >= 0).any(axis=1))
    leavers = stay[np.argsort(now[stay], kind="stable")][:LEAVERS].tolist()
    for site in order[: 3 * LEAVERS]:
        for leaver in leavers:
            if leaver == site:
                continue
            first = int(np.argmax(best[site] >= 0))
            gone = modules[leaver].copy()
            gone[first:] = -1
            yield _with(_with(modules, site, best[site]), leaver, gone)


def _near(problem: Phased, site: int, now: Ints) -> Iterator[Ints]:
    """Yield schedules of a site that begin, end or grow a quarter earlier or later."""
    quarters, most = len(now), int(problem.modules_most[site])
    is_open = now >= 0
    seen = {tuple(now.tolist())}
    first = int(np.argmax(is_open)) if is_open.any() else quarters
    last = quarters - int(np.argmax(is_open[::-1])) if is_open.any() else quarters
    found: list[Ints] = [np.full(quarters, -1, np.int64)]
    for begin in (first - 1, first + 1):
        if problem.standing[site] or not 0 <= begin < quarters:
            continue
        other = now.copy()
        other[:begin] = -1
        other[begin:last] = np.maximum(other[begin:last], 0)
        found.append(other)
    for end in (last - 1, last + 1):
        if first < end <= quarters:
            other = now.copy()
            other[end:] = -1
            other[first:end] = np.maximum.accumulate(np.maximum(other[first:end], 0))
            found.append(other)
    for quarter in range(first, last):
        for step in (-1, 1):
            other = now.copy()
            other[quarter:last] = np.clip(other[quarter:last] + step, 0, most)
            found.append(other)
    for other in found:
        whole = other >= 0
        kept = other[whole]
        grows = bool((np.diff(kept) >= 0).all()) if kept.size else True
        if tuple(other.tolist()) not in seen and grows:
            seen.add(tuple(other.tolist()))
            yield other


def _with(modules: Ints, site: int, own: Ints) -> Ints:
    changed = modules.copy()
    changed[site] = own
    return changed


def agreed(kept: list[Ints]) -> list[Ints]:
    """Return for several shares of agreement the schedule most steps chose for each site."""
    if not kept:
        return []
    stack = np.stack(kept)
    is_open = (stack >= 0).any(axis=2).mean(axis=0)
    found: list[Ints] = []
    for share in (0.25, 0.4, 0.5, 0.65):
        tried = np.full(stack.shape[1:], -1, np.int64)
        for site in np.flatnonzero(is_open >= share).tolist():
            told, count = np.unique(stack[:, site], axis=0, return_counts=True)
            opens = (told >= 0).any(axis=1)
            tried[site] = told[opens][count[opens].argmax()]
        if not any(np.array_equal(tried, other) for other in found):
            found.append(tried)
    return found
