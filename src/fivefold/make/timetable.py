"""Times of every step on the floor: found, written as tables, and explained.

Knows one floor at a time. Never reads a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fivefold.make.floor import Floor
from fivefold.make.jobs import shortages
from fivefold.make.schedule_params import Params
from fivefold.make.shop import ANY_MODE, FOREVER, Shop, ranks
from fivefold.model import Reason


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """A list of tasks laid out in time; arrays have shape (tasks,).

    Parameters
    ----------
    shop : Shop
    sequence, chosen, not_before : int64 arrays
        What `shop_kernels.lay_out` takes.
    start, finish, mode, setup : int64 arrays
        What it gives back.
    cost : float
        Late days, set-ups and makespan at their cost.
    """

    shop: Shop
    sequence: np.ndarray
    chosen: np.ndarray
    not_before: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    mode: np.ndarray
    setup: np.ndarray
    cost: float

    @classmethod
    def of(
        cls, shop: Shop, sequence: np.ndarray, chosen: np.ndarray, not_before: np.ndarray
    ) -> Timetable:
        """Return a list laid out."""
        from fivefold.make.shop_kernels import cost_of, lay_out

        start, finish, mode, setup = lay_out(shop, sequence, chosen, not_before)
        return cls(
            shop=shop,
            sequence=sequence,
            chosen=chosen,
            not_before=not_before,
            start=start,
            finish=finish,
            mode=mode,
            setup=setup,
            cost=float(cost_of(shop, finish, mode, setup)),
        )

    @property
    def machine(self) -> np.ndarray:
        """Machine of each task, -1 for none."""
        found: np.ndarray = self.shop.mode_machine[self.mode]
        return found

    @property
    def fits(self) -> bool:
        """Whether all work ends within the hours that were laid out."""
        return bool((self.finish < FOREVER).all())

    def as_list(self) -> tuple[np.ndarray, np.ndarray]:
        """Return tasks by start, and the mode of each, so that the same times come out."""
        order = np.lexsort((self.sequence.argsort(), self.finish, self.start))
        chosen = self.mode - self.shop.mode_first[:-1]
        return order.astype(np.int64), chosen.astype(np.int64)

    @cached_property
    def previous(self) -> np.ndarray:
        """Task ahead of each on its machine, -1 for none."""
        found = np.full(self.start.size, -1, np.int64)
        last: dict[int, int] = {}
        for task in np.lexsort((self.finish, self.start)):
            machine = int(self.machine[task])
            if machine >= 0:
                found[task] = last.get(machine, -1)
                last[machine] = int(task)
        return found


def find(shop: Shop, params: Params, *, first_lists: Sequence[np.ndarray] = ()) -> Timetable:
    """Return the best timetable found from several first lists.

    Notes
    -----
    First lists follow the due day, the latest start that keeps it, and the release;
    `first_lists` are further ones. The best is improved by annealing over lists and modes.
    """
    from fivefold.make.shop_kernels import improve

    count = shop.tasks
    none, anywhere = np.zeros(count, np.int64), np.full(count, ANY_MODE, np.int64)
    if count == 0:
        return Timetable.of(shop, none, anywhere, none)
    tail = ranks(shop)
    due = shop.due[shop.order]
    firsts = [
        np.lexsort((tail * -1, due)),
        np.lexsort((due, due - tail)),
        np.lexsort((due, shop.release)),
        np.argsort(-tail, kind="stable"),
        *first_lists,
    ]
    tables = [Timetable.of(shop, first.astype(np.int64), anywhere, none) for first in firsts]
    best = min(tables, key=lambda table: table.cost)
    if params.trials == 0 or best.cost <= 0:
        return best
    rng = np.random.default_rng(params.seed)
    draws = rng.random((params.trials, 4))
    order, _ = best.as_list()
    empty = np.zeros(0)
    sequence, chosen, floor, _ = improve(
        shop, order, anywhere, none, np.arange(count), none - 1, none, empty, draws,
        0.05 * best.cost, max(6, min(60, count // 4)),
    )  # fmt: skip
    found = Timetable.of(shop, sequence, chosen, floor)
    return min(found, best, key=lambda table: table.cost)


@dataclass(frozen=True, kw_only=True)
class FloorPlan:
    """A floor with its timetable, as rows and reasons."""

    floor: Floor
    times: Timetable

    @cached_property
    def tasks_of(self) -> dict[int, list[int]]:
        """Tasks of each order."""
        return self.floor.tasks_of()

    @cached_property
    def done(self) -> dict[int, int]:
        """Second at which each order ends."""
        return {
            job: int(max(self.times.finish[task] for task in tasks))
            for job, tasks in self.tasks_of.items()
        }

    def pacing(self, job: int) -> int:
        """Return the task of an order that stands for it: on its pacing resource, the longest."""
        tasks = self.tasks_of[job]
        own = self.floor.jobs[job].resource
        on_it = [task for task in tasks if self.floor.steps[task].step.resource == own]
        return max(on_it or tasks, key=lambda task: (self._run(task), -task))

    def _run(self, task: int) -> int:
        return int(self.times.shop.mode_run[self.times.mode[task]])

    def resource(self, task: int) -> str:
        """Return the resource a task runs on."""
        return self.floor.machines[int(self.times.machine[task])].resource

    def late_days(self, job: int) -> int:
        """Return the days an order is late."""
        return self.floor.late_days(job, self.done[job])

    def order_rows(self) -> Iterator[dict[str, object]]:
        """Yield work orders by start of their pacing step."""
        pacing = {job: self.pacing(job) for job in self.tasks_of}
        for job in sorted(pacing, key=lambda one: (self.times.start[pacing[one]], one)):
            made, task = self.floor.jobs[job], pacing[job]
            first = min(int(self.times.start[one]) for one in self.tasks_of[job])
            yield {
                "order": made.order,
                "product": made.product,
                "location": made.place,
                "resource": self.resource(task),
                "quantity": made.quantity,
                "start_quantity": made.start_quantity,
                "start_at": self.floor.instant(int(self.times.start[task])),
                "finish_at": self.floor.instant(int(self.times.finish[task])),
                "due_on": made.due_on,
                "late_days": float(self.late_days(job)),
                "decision": made.decision,
                "released_on": self.floor.instant(first).astimezone(self.floor.zone(job)).date(),
                "available_on": self.floor.available_on(job, self.done[job]),
            }

    def step_rows(self) -> Iterator[dict[str, object]]:
        """Yield every step by order and sequence."""
        for job, tasks in sorted(self.tasks_of.items()):
            made = self.floor.jobs[job]
            for task in tasks:
                step = self.floor.steps[task]
                machine = self.floor.machines[int(self.times.machine[task])]
                yield {
                    "order": made.order,
                    "operation": step.step.operation,
                    "product": made.product,
                    "location": made.place,
                    "resource": machine.resource,
                    "unit": machine.unit,
                    "quantity": step.units,
                    "setup_hours": float(self.times.setup[task]) / 3600,
                    "run_hours": self._run(task) / 3600,
                    "start_at": self.floor.instant(int(self.times.start[task])),
                    "finish_at": self.floor.instant(int(self.times.finish[task])),
                }

    def component_rows(self) -> Iterator[dict[str, object]]:
        """Yield what each order takes."""
        for job in sorted(self.tasks_of):
            made = self.floor.jobs[job]
            for need in made.needs:
                yield {"order": made.order, "component": need.component, "quantity": need.quantity}

    def reasons(self, demand: dict[str, list[str]]) -> Iterator[Reason]:
        """Yield why each order runs where and when it does."""
        for job in sorted(self.tasks_of):
            made, task = self.floor.jobs[job], self.pacing(job)
            served = demand.get(made.decision)
            yield Reason(
                subject=made.order,
                reason_code="demand_served",
                reference=made.decision,
                quantity=float(made.quantity),
                text=f"{made.quantity} {made.product} due {made.due_on}"
                + (": " + " ".join(served) if served else "."),
            )
            yield self._capacity(made.order, task)
            yield self._held(made.order, task)
            if self.late_days(job) > 0:
                yield self._price(job, task)
            other = self._next_best(job, task)
            if other is not None:
                yield other
            if made.start_quantity > made.quantity:
                yield Reason(
                    subject=made.order,
                    reason_code="quality",
                    reference=made.product,
                    quantity=float(made.start_quantity - made.quantity),
                    text=f"{made.start_quantity} units are started for {made.quantity} good "
                    "ones, as the yield of its steps asks.",
                )
            yield from shortages(made)

    def _capacity(self, order: str, task: int) -> Reason:
        step, name = self.floor.steps[task].step, self.resource(task)
        setup, run = float(self.times.setup[task]) / 3600, self._run(task) / 3600
        instead = f" instead of {step.resource}" if name != step.resource else ""
        return Reason(
            subject=order,
            reason_code="capacity",
            reference=name,
            quantity=setup + run,
            price=self.floor.resources[name].cost_per_hour,
            text=f"Step {step.operation} takes {setup + run:.2f} hours on {name}{instead} "
            f"(set-up {setup:.2f}), the step that paces it.",
        )

    def holder(self, task: int) -> tuple[str, str]:
        """Return what keeps a task from starting earlier: a name, and a sentence."""
        shop, start = self.times.shop, int(self.times.start[task])
        job = self.floor.steps[task].job
        ahead = int(self.times.previous[task])
        name = self.resource(task)
        if ahead >= 0 and self.times.finish[ahead] >= start - 1:
            other = self.floor.jobs[self.floor.steps[ahead].job].order
            return other, f"{name} is busy with {other} until then."
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            before = int(shop.before_task[link])
            if self.times.finish[before] + shop.before_wait[link] >= start - 1:
                other_job = self.floor.steps[before].job
                if other_job != job:
                    other = self.floor.jobs[other_job].order
                    return other, f"It takes the units of {other}, which come in then."
                operation = self.floor.steps[before].step.operation
                return f"step {operation}", f"Step {operation} before it ends then."
        component = self.floor.jobs[job].held_by
        if component is not None and component.ready_on and start >= shop.release[task]:
            return (
                component.component,
                f"{component.quantity} {component.component} are there from {component.ready_on}.",
            )
        if start <= max(int(shop.release[task]), int(self.times.not_before[task])):
            early = self.floor.jobs[job].earliest_on
            return "earliest_start", f"It may start from {early} on."
        return name, f"It starts when {name} next works, or when its tools are free."

    def _held(self, order: str, task: int) -> Reason:
        reference, text = self.holder(task)
        return Reason(subject=order, reason_code="constraint_bound", reference=reference, text=text)

    def _price(self, job: int, task: int) -> Reason:
        """Return what an hour more on the machine of its pacing step would be worth."""
        run = self.times.shop.mode_run.copy()
        taken = min(3600, int(run[self.times.mode[task]]))
        run[self.times.mode[task]] -= taken
        sequence, chosen = self.times.as_list()
        quicker = Timetable.of(
            self.times.shop._replace(mode_run=run), sequence, chosen, self.times.not_before
        )
        saved = max(0.0, self.times.cost - quicker.cost) * 3600 / max(taken, 1)
        name = self.resource(task)
        text = (
            f"{self.late_days(job)} days late. An hour more on {name} for it would save "
            f"{saved:,.2f} over all orders."
        )
        resource = self.floor.resources[name]
        overtime = resource.overtime_cost_per_hour
        if overtime is not None and resource.overtime_hours_per_week > 0:
            verdict = "worth it" if saved > overtime else "not worth it"
            text += (
                f" Overtime costs {overtime:,.2f} an hour, up to "
                f"{resource.overtime_hours_per_week:g} hours a week: {verdict}."
            )
        return Reason(
            subject=self.floor.jobs[job].order,
            reason_code="constraint_price",
            reference=name,
            quantity=1.0,
            price=saved,
            text=text,
        )

    def _next_best(self, job: int, task: int) -> Reason | None:
        """Return another machine, or the place before the order ahead, and what it would cost."""
        shop, order = self.times.shop, self.floor.jobs[job].order
        sequence, chosen = self.times.as_list()
        others = [
            mode
            for mode in range(shop.mode_first[task], shop.mode_first[task + 1])
            if self.floor.machines[int(shop.mode_machine[mode])].resource != self.resource(task)
        ]
        if others:
            mode = others[0]
            chosen[task] = mode - shop.mode_first[task]
            name = self.floor.machines[int(shop.mode_machine[mode])].resource
            what = f"Running it on {name}"
        elif self.times.previous[task] >= 0 and (
            self.floor.steps[int(self.times.previous[task])].job != job
        ):
            ahead = int(self.times.previous[task])
            name = self.floor.jobs[self.floor.steps[ahead].job].order
            one, other = int(np.flatnonzero(sequence == task)[0]), int(
                np.flatnonzero(sequence == ahead)[0]
            )  # fmt: skip
            sequence[one], sequence[other] = ahead, task
            what = f"Running it before {name}"
        else:
            return None
        trial = Timetable.of(shop, sequence, chosen, self.times.not_before)
        if not trial.fits:
            return None
        extra = trial.cost - self.times.cost
        return Reason(
            subject=order,
            reason_code="next_best",
            reference=name,
            price=extra,
            text=f"{what} would cost {extra:+,.2f}.",
        )
