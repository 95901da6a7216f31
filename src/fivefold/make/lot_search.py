"""Lots under capacity found by relax-and-fix and improved by fix-and-optimise.

Small programs are handed to the solver; everything else is decided here. Effort is counted in
seconds of the clock that is handed in: with CPU-seconds a busy machine changes no answer's worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.make.lot_model import LotModel, build_model, violated
from fivefold.make.lot_problem import FloatArray, LotPlan, LotProblem

#: Seconds of effort spent so far, such as `time.process_time`: rooms look at no clock themselves.
Clock = Callable[[], float]
#: Share of the effort for the whole program at once, before parts of it are looked at.
_WHOLE_SHARE = 0.15
#: Share of the effort for inequalities at the root.
_TIGHTEN_SHARE = 0.1
#: Share of the effort for the first plan.
_FIRST_SHARE = 0.35
#: Share of the effort for a sequence, where lots fill periods.
_SEQUENCE_SHARE = 0.5
#: Effort of one part, as a share of all.
_PART_SHARE = 0.08
#: Set-ups that are free in the first part looked at.
_FIRST_SIZE = 50
_SMALLEST = 16
#: Relative gap at which a part counts as solved at first, and parts without gain until it narrows.
_FIRST_GAP = 2e-3
_PATIENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Values of all columns, their cost, a bound of the part solved, and whether it is proved."""

    values: FloatArray
    cost: float
    bound: float
    proved: bool


class Solver:
    """One program in the solver's memory, of which parts are freed and solved."""

    def __init__(self, model: LotModel, clock: Clock) -> None:
        import highspy

        self.model, self.clock = model, clock
        self.highs: Any = highspy.Highs()
        for name, value in {
            "output_flag": False,
            "threads": 1,
            "random_seed": 1,
        }.items():
            self.highs.setOptionValue(name, value)
        self.highs.passModel(model.passed())
        self.binary = np.array(model.binary, np.int32)
        self._until = 0.0
        self.highs.cbMipInterrupt += self._stop
        self.highs.cbSimplexInterrupt += self._stop
        self._kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)

    def _stop(self, event: Any) -> None:
        # The flag outlives a run: it must be taken back as well as set.
        event.interrupt(self.clock() > self._until)

    def tighten(self, *, seconds: float) -> float:
        """Add (l, S) inequalities while the relaxation breaks any; return the bound it gives.

        Rows that do not hold it in the end are taken out again. Minus infinity where the
        relaxation has no answer.
        """
        count, rows = len(self.binary), self.highs.getNumRow()
        zeros, ones, none = np.zeros(count), np.ones(count), np.zeros(count, bool)
        until = self.clock() + seconds
        relaxed = self.solve(zeros, ones, none, seconds=max(1.0, seconds))
        if relaxed is None:
            return -np.inf
        while self.clock() < until:
            found = violated(self.model, relaxed.values)
            if not found:
                break
            for columns, factors, least in found:
                self.highs.addRow(
                    least, 1e30, len(columns), np.array(columns, np.int32), np.array(factors)
                )
            self._until = self.clock() + max(1.0, seconds)
            self.highs.run()
            info = self.highs.getInfo()
            if self.highs.modelStatusToString(self.highs.getModelStatus()) != "Optimal":
                break
            values = np.array(self.highs.getSolution().col_value)
            relaxed = Answer(
                values=values, cost=info.objective_function_value, bound=-np.inf, proved=True
            )
        duals = np.array(self.highs.getSolution().row_dual)
        if len(duals) == self.highs.getNumRow():
            slack = np.flatnonzero(np.abs(duals[rows:]) < 1e-9) + rows
            if len(slack):
                self.highs.deleteRows(len(slack), slack.astype(np.int32))
        return relaxed.cost if relaxed.proved else -np.inf

    def solve(
        self,
        lower: FloatArray,
        upper: FloatArray,
        whole: NDArray[np.bool_],
        *,
        seconds: float,
        start: FloatArray | None = None,
        gap: float = 1e-6,
    ) -> Answer | None:
        """Return the best answer within bounds of the set-ups, `whole` of which are 0 or 1."""
        highs, count = self.highs, len(self.binary)
        highs.clearSolver()
        highs.setOptionValue("mip_rel_gap", gap)
        highs.changeColsBounds(count, self.binary, lower, upper)
        kinds = np.array([kind.value for kind in self._kinds], np.uint8)
        highs.changeColsIntegrality(count, self.binary, kinds[whole.astype(np.int64)])
        if start is not None:
            import highspy

            known = highspy.HighsSolution()
            known.col_value = start.tolist()
            highs.setSolution(known)
        self._until = self.clock() + seconds
        highs.run()
        info = highs.getInfo()
        # 2 is a feasible point, of a linear or of a mixed-integer program.
        if info.primal_solution_status != 2:
            return None
        status = highs.modelStatusToString(highs.getModelStatus())
        values = np.array(highs.getSolution().col_value)
        cost = float(info.objective_function_value)
        bound = float(info.mip_dual_bound) if whole.any() else cost
        return Answer(values=values, cost=cost, bound=bound, proved=status == "Optimal")


def solve_lots(
    problem: LotProblem,
    *,
    clock: Clock,
    seconds: float = 10.0,
    seed: int = 1,
    tell: Callable[[float, float], bool] | None = None,
) -> LotPlan:
    """Return a plan of lots of low cost and a bound no plan can beat.

    The program, tightened by (l, S) inequalities, comes first as a whole: what is small is
    proved there. Else set-ups are decided period by period (relax-and-fix; an annealed sequence
    where lots fill periods), and then parts of them, of a few products, a few periods or a
    resource, are decided anew while all others stand (fix-and-optimise); parts grow where they
    are proved quickly and shrink where they are not.

    Parameters
    ----------
    problem : LotProblem
    clock : callable
        Tells the seconds spent so far, such as `time.process_time`.
    seconds : float
        Effort by that clock, above 0.
    seed : int
        Of the order in which parts are looked at.
    tell : callable, optional
        Told cost and bound of each better plan; returning False ends the search.

    Returns
    -------
    LotPlan
        Status optimal where proved, else feasible; infeasible (infinite cost) where the demand
        cannot be met in time.

    References
    ----------
    .. [1] Pochet, Wolsey (2006), *Production Planning by Mixed Integer Programming*, §3.6.
    .. [2] Helber, Sahling (2010), A fix-and-optimize approach for the multi-level capacitated
       lot sizing problem, *Int. J. Production Economics* 123, 247–256.
    """
    if seconds <= 0:
        raise ValueError(f"seconds must be above 0, found {seconds}")
    model = build_model(problem)
    search = _Search(model, clock, seconds, seed, tell)
    return search.run()


def solve_plainly(problem: LotProblem, *, seconds: float, clock: Clock) -> LotPlan:
    """Return what the solver alone finds in so many CPU-seconds with the plain program.

    A second road to the cost of small problems, and the peer of large ones.
    """
    started = clock()
    model = build_model(problem)
    solver = Solver(model, clock)
    count = len(model.binary)
    left = max(0.1, seconds - (clock() - started))
    found = solver.solve(np.zeros(count), np.ones(count), np.ones(count, bool), seconds=left)
    if found is None:
        return _nothing(model)
    status = "optimal" if found.proved else "feasible"
    return model.plan(found.values, bound=found.bound, status=status)


def _nothing(model: LotModel) -> LotPlan:
    empty = np.zeros((model.problem.products, model.problem.periods))
    flags = np.zeros(empty.shape, np.bool_)
    return LotPlan(
        starts=empty,
        setups=flags,
        carried=flags,
        cost=np.inf,
        bound=np.inf,
        status="infeasible",
    )


def fills_periods(problem: LotProblem) -> bool:
    """Return whether one machine makes at most one unit a period, of products of one level."""
    fills = problem.hours_per_unit == problem.hours.max(initial=0.0)
    return bool(
        problem.changeover_cost is not None
        and problem.resources == 1
        and not problem.needs
        and not problem.lead_periods.any()
        and not problem.overtime_hours.any()
        and problem.can_make.all()
        and fills.all()
        and np.all(problem.hours == problem.hours[0, 0])
        and np.all(problem.demand >= 0)
        and np.all(problem.demand == np.round(problem.demand))
        and not np.isfinite(problem.late_cost).any()
    )


def best_sequence(
    problem: LotProblem, *, trials: int, seed: int
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """Return cost, products and periods of an annealed sequence of lots of one period.

    Raises
    ------
    ValueError
        If lots do not fill periods.
    """
    if problem.changeover_cost is None or not fills_periods(problem):
        raise ValueError("a sequence needs one machine, one level and lots of one period")
    from fivefold.make.lot_sequence import anneal

    units = problem.demand.astype(np.int64)
    due = [np.repeat(np.arange(problem.periods), row) for row in units]
    first = np.concatenate([[0], np.cumsum([len(one) for one in due])]).astype(np.int64)
    flat = np.concatenate(due).astype(np.int64)
    owner = np.repeat(np.arange(problem.products), np.diff(first))
    # By due period a sequence is feasible if any is.
    sequence = owner[np.argsort(flat, kind="stable")].astype(np.int64)
    table = problem.changeover_cost.astype(np.float64)
    warm = float(table.mean()) if table.size else 1.0
    cost, best, at = anneal(
        sequence,
        flat,
        first,
        table,
        problem.hold_cost.astype(np.float64),
        problem.periods,
        trials,
        max(1e-9, 0.5 * warm),
        max(1e-10, 0.01 * warm),
        seed,
    )
    return float(cost), best, at


class _Search:
    """The search: what is known, what is left of the effort."""

    def __init__(
        self,
        model: LotModel,
        clock: Clock,
        seconds: float,
        seed: int,
        tell: Callable[[float, float], bool] | None,
    ) -> None:
        self.model, self.clock, self.seconds = model, clock, seconds
        self.until = clock() + seconds
        self.solver = Solver(model, clock)
        self.tell = tell
        self.rng = np.random.default_rng(seed)
        self.count = len(model.binary)
        places = np.array(model.place, np.int64).reshape(-1, 2)
        self.product, self.period = places[:, 0], places[:, 1]
        self.best: Answer | None = None
        self.bound = -np.inf
        self.stopped = False

    def left(self) -> float:
        return self.until - self.clock()

    def run(self) -> LotPlan:
        every = np.ones(self.count, bool)
        zeros, ones = np.zeros(self.count), np.ones(self.count)
        self.bound = self.solver.tighten(seconds=self._share(_TIGHTEN_SHARE))
        whole = self.solver.solve(zeros, ones, every, seconds=self._share(_WHOLE_SHARE))
        proved = self._take(whole, whole=True)
        if not proved:
            lots = self._sequenced()
            self._take(lots or (None if self.best else self._relax_and_fix()))
            self._fix_and_optimise()
        if self.best is None:
            self._take(
                self.solver.solve(zeros, ones, every, seconds=max(1.0, self.left())), whole=True
            )
        if self.best is None:
            return _nothing(self.model)
        is_optimal = self.best.cost <= self.bound + 1e-6 * (1.0 + abs(self.bound))
        return self.model.plan(
            self.best.values,
            bound=min(self.bound, self.best.cost),
            status="optimal" if is_optimal else "feasible",
        )

    def _share(self, share: float) -> float:
        return max(0.05, min(self.left(), share * self.seconds))

    def _take(self, answer: Answer | None, *, whole: bool = False) -> bool:
        """Keep a better answer; return whether it is proved to be the best of all."""
        if answer is None:
            return False
        if whole and np.isfinite(answer.bound):
            self.bound = max(self.bound, answer.bound)
        if self.best is None or answer.cost < self.best.cost - 1e-9 * (1 + abs(self.best.cost)):
            self.best = answer
            if self.tell is not None and not self.tell(answer.cost, self.bound):
                self.stopped = True
        return whole and answer.proved

    def _relax_and_fix(self) -> Answer | None:
        """Decide set-ups of a few periods, the later ones relaxed; then fix the earlier of them."""
        periods = self.model.problem.periods
        each = max(1, self.count // max(1, periods))
        width = int(np.clip(np.ceil(2 * _FIRST_SIZE / each), 1, periods))
        step = max(1, width // 2)
        lower, upper = np.zeros(self.count), np.ones(self.count)
        rounds = -(-periods // step)
        answer: Answer | None = None
        for first in range(0, periods, step):
            free = (self.period >= first) & (self.period < first + width)
            whole = self.period < first + width
            seconds = self._share(_FIRST_SHARE / rounds)
            answer = self.solver.solve(lower, upper, whole, seconds=seconds)
            if answer is None:
                # A stopped part may have found nothing yet; its relaxation rounded up stands in.
                answer = self._rounded_up(lower, upper, free)
            if answer is None:
                return None
            decided = self.period < first + step
            chosen = np.round(answer.values[self.solver.binary])
            lower, upper = np.where(decided, chosen, lower), np.where(decided, chosen, upper)
            if first + width >= periods:
                break
        return answer

    def _rounded_up(
        self, lower: FloatArray, upper: FloatArray, free: NDArray[np.bool_]
    ) -> Answer | None:
        none = np.zeros(self.count, bool)
        relaxed = self.solver.solve(lower, upper, none, seconds=max(1.0, self.left()))
        if relaxed is None:
            return None
        values = relaxed.values[self.solver.binary]
        ones = np.where(free & (values > 1e-6), 1.0, values)
        at_least = np.where(free & (values > 0.5), 1.0, lower)
        answer = self.solver.solve(at_least, upper, free, seconds=self._share(_PART_SHARE))
        if answer is not None or self.model.problem.changeover_cost is not None:
            return answer
        return self.solver.solve(
            np.where(free, np.ceil(ones - 1e-9), lower), upper, none, seconds=max(1.0, self.left())
        )

    def _sequenced(self) -> Answer | None:
        """Return the plan of an annealed sequence, where every lot fills a period of a machine."""
        problem = self.model.problem
        if not fills_periods(problem):
            return None
        until = self.clock() + _SEQUENCE_SHARE * self.seconds
        best = (np.inf, np.empty(0, np.int64), np.empty(0, np.int64))
        trials, seed = 20_000, 1
        while self.clock() < until and not self.stopped:
            begun = self.clock()
            found = best_sequence(problem, trials=trials, seed=seed)
            best = min(best, found, key=lambda one: one[0])
            spent = max(1e-3, self.clock() - begun)
            # Few long coolings beat many short ones.
            rest = until - self.clock()
            trials, seed = int(np.clip(trials * rest / spent / 2, 20_000, 20_000_000)), seed + 1
            if rest < 0.02 * self.seconds:
                break
        if not np.isfinite(best[0]):
            return None
        state = np.zeros((problem.products, problem.periods))
        state[best[1], best[2]] = 1.0
        standing = best[1][0] if len(best[1]) else 0
        for period in range(problem.periods):
            # Between two lots the machine stays as it was.
            if state[:, period].any():
                standing = int(state[:, period].argmax())
            state[standing, period] = 1.0
        fixed = state[self.product, self.period]
        none = np.zeros(self.count, bool)
        return self.solver.solve(fixed, fixed, none, seconds=max(1.0, self.left()))

    def _fix_and_optimise(self) -> None:
        """Decide parts anew while there is effort left."""
        size, gap = float(_FIRST_SIZE), _FIRST_GAP
        since = 0
        while self.left() > 0.02 * self.seconds and not self.stopped and self.best is not None:
            free = self._part(int(size))
            now = np.round(self.best.values[self.solver.binary])
            lower, upper = np.where(free, 0.0, now), np.where(free, 1.0, now)
            before = self.best.cost
            answer = self.solver.solve(
                lower,
                upper,
                np.ones(self.count, bool),
                seconds=self._share(_PART_SHARE),
                start=self.best.values,
                gap=gap,
            )
            everything = bool(free.all())
            if self._take(answer, whole=everything and gap <= 1e-6):
                return
            improved = self.best.cost < before - 1e-9 * (1 + abs(before))
            since = 0 if improved else since + 1
            if since > _PATIENCE:
                gap = max(1e-6, gap / 3)
            if answer is None or not answer.proved:
                size = max(float(_SMALLEST), size * 0.8)
            elif since > _PATIENCE:
                size = min(float(self.count), size * 1.15)

    def _part(self, size: int) -> NDArray[np.bool_]:
        """Return the set-ups of a part of about so many: products, periods, or a resource."""
        problem, rng = self.model.problem, self.rng
        # Whole products gain most, so every second part is one of them.
        kind = rng.integers(4) if problem.changeover_cost is None else 1
        if kind == 1:
            return self._window(np.ones(self.count, bool), size)
        if kind == 2 and problem.resources:
            pacing = problem.pacing()
            here = pacing[self.product] == rng.integers(problem.resources)
            if here.any():
                return self._window(here, size)
        order = self._related(int(rng.choice(np.unique(self.product))))
        free = np.zeros(self.count, bool)
        for product in order:
            free |= self.product == product
            if free.sum() >= size:
                break
        return free

    def _window(self, among: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
        """Return decisions of neighbouring periods."""
        periods = self.model.problem.periods
        per_period = max(1.0, among.sum() / periods)
        width = int(np.clip(round(size / per_period), 2, periods))
        first = int(self.rng.integers(-(width // 2), periods - width // 2))
        return among & (self.period >= first) & (self.period < first + width)

    def _related(self, product: int) -> list[int]:
        """Return a product, then what it is made of or goes into, then others at random."""
        near = [product]
        for component, user, _ in self.model.problem.needs:
            if component == product:
                near.append(user)
            if user == product:
                near.append(component)
        others = self.rng.permutation(np.unique(self.product)).tolist()
        head, tail = near[:1], near[1:]
        self.rng.shuffle(tail)
        return list(dict.fromkeys([*head, *tail, *others]))
