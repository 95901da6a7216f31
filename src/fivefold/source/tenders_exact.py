"""The same splitting of demand as a mixed-integer programme, solved by HiGHS.

====================  ==============================================  ======
symbol                column                                          unit
====================  ==============================================  ======
q_isk ≥ 0             units of item i from s at price step k          units
y_isk ∈ {0, 1}        the award of i to s lies in step k
x_is ≥ 0              units lost with s that nobody makes up for      units
v_i ≥ 0               units of i that nobody supplies                 units
z_s ∈ {0, 1}          supplier s is used
====================  ==============================================  ======
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fivefold.source.tenders import Split, Tender, evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """The best split found, a bound below every split's cost, and whether they meet."""

    split: Split
    bound: float
    is_optimal: bool


def exact_split(tender: Tender, *, seconds: float = 60.0, gap: float = 1e-6) -> Exact:
    """Return the best split within a time limit, and the bound on any.

    Raises
    ------
    RuntimeError
        If the solver finds no split at all; buying nothing is always one.
    """
    import highspy

    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    model.setOptionValue("time_limit", seconds)
    model.setOptionValue("mip_rel_gap", gap)
    builder = _Builder(model, tender)
    builder.build()
    model.run()
    solution = model.getSolution()
    if not solution.value_valid:
        raise RuntimeError(f"no split found: {model.getModelStatus()}")
    values = np.asarray(solution.col_value)
    units: dict[tuple[int, int], float] = {}
    for (item, supplier, _), column in builder.units.items():
        if values[column] > 1e-6:
            key = (item, supplier)
            units[key] = units.get(key, 0.0) + float(values[column])
    info = model.getInfo()
    return Exact(
        split=evaluate(tender, units),
        bound=float(info.mip_dual_bound),
        is_optimal=model.getModelStatus() == highspy.HighsModelStatus.kOptimal,
    )


class _Builder:
    """Adds columns and rows; remembers where each column stands."""

    def __init__(self, model: object, tender: Tender) -> None:
        import highspy

        self.model: highspy.Highs = model
        self.integer = highspy.HighsVarType.kInteger
        self.tender = tender
        self.columns = 0
        self.units: dict[tuple[int, int, int], int] = {}
        self.goods: dict[int, list[tuple[int, float]]] = {}

    def _column(self, *, cost: float, upper: float, integer: bool = False) -> int:
        self.model.addCol(cost, 0.0, upper, 0, [], [])
        if integer:
            self.model.changeColIntegrality(self.columns, self.integer)
        self.columns += 1
        return self.columns - 1

    def _row(self, low: float, high: float, entries: list[tuple[int, float]]) -> None:
        places = [place for place, _ in entries]
        self.model.addRow(low, high, len(entries), places, [value for _, value in entries])

    def build(self) -> None:
        """Build the whole programme."""
        tender = self.tender
        used = [
            self._column(cost=float(tender.fixed_cost[s]), upper=1.0, integer=True)
            for s in range(tender.suppliers)
        ]
        loads: dict[int, list[tuple[int, float]]] = {}
        for item, demand in enumerate(tender.demand):
            served = [(self._column(cost=float(tender.short_cost[item]), upper=math.inf), 1.0)]
            chosen: list[tuple[int, float]] = []
            for supplier in range(tender.suppliers):
                if (item, supplier) in tender.bids:
                    own, picks = self._award(item, supplier, float(demand), used[supplier])
                    served += own
                    chosen += picks
                    loads.setdefault(supplier, []).extend(own)
            self._row(float(demand), float(demand), served)
            if chosen:
                self._row(0.0, float(tender.most_sources), chosen)
        for supplier, entries in loads.items():
            if math.isfinite(tender.capacity[supplier]):
                self._row(-math.inf, float(tender.capacity[supplier]), entries)
            if tender.minimum_spend[supplier] > 0:
                least = (used[supplier], -float(tender.minimum_spend[supplier]))
                self._row(0.0, math.inf, [*self.goods[supplier], least])

    def _award(
        self, item: int, supplier: int, demand: float, used: int
    ) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Add the award of an item to a supplier: one step of its prices, and its exposure."""
        tender, bid = self.tender, self.tender.bids[item, supplier]
        most = min(demand, bid.capacity)
        own: list[tuple[int, float]] = []
        picks: list[tuple[int, float]] = []
        goods = self.goods.setdefault(supplier, [])
        for number, (start, price, fixed) in enumerate(bid.steps):
            low = max(start, bid.minimum)
            follows = number + 1 < len(bid.steps)
            # The next step begins where this one ends; at the point itself it is the next.
            high = min(most, bid.steps[number + 1][0] - 1e-6) if follows else most
            if low > high + 1e-9:
                continue
            units = self._column(cost=price + bid.unit_cost, upper=high)
            pick = self._column(cost=fixed, upper=1.0, integer=True)
            self._row(0.0, math.inf, [(units, 1.0), (pick, -low)])
            self._row(-math.inf, 0.0, [(units, 1.0), (pick, -high)])
            self.units[item, supplier, number] = units
            own.append((units, 1.0))
            picks.append((pick, 1.0))
            goods += [(units, price), (pick, fixed)]
        self._row(-math.inf, 0.0, [*picks, (used, -1.0)])
        risk = float(tender.loss_cost[item, supplier])
        if risk > 0 and own:
            lost = self._column(cost=risk, upper=math.inf)
            share = 1 + tender.flex_share
            entries = [(lost, 1.0), *((place, -share) for place, _ in own)]
            # Only an award exposes: x ≥ (1 + φ) q − φ D.
            self._row(-tender.flex_share * demand, math.inf, entries)
        return own, picks
