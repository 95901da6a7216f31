"""What may be set about the order of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How makes are put in order.

    Parameters
    ----------
    early_days : int
        How many days before its planned start an order may start.
    shift_start_hour : float
        Local hour at which a shift begins, where its hours fit into the day.
    late_cost_share_per_day : float
        Cost of a unit being a day late, as a share of its value (price, else cost, else 1).
    reach : int
        How many places a job is moved to improve the order.
    steps_at_most : int
        Effort of the improvement: jobs dispatched in trials, per resource.
    nodes_at_most : int
        Effort of the proof: partial sequences looked at, per resource.
    method : str
        pacing orders work on the resource that paces each product; steps lays out every
        step on machines, tools and shifts; auto takes steps where the data has
        alternatives, tools, change-overs, shifts or stops.
    buffer_days : int
        Days before its due day by which an order is to be ready; steps only.
    trials : int
        Effort of steps: lists of tasks laid out, half of them to anneal, half for critical moves.
    change_cost_per_step : float
        Steps, when rescheduling: cost of one step that starts at another time; every hour
        it moves costs a tenth, another machine twice as much.
    solver_seconds : float
        Steps: effort after the search, critical moves first and then the constraint solver;
        0 leaves both out and the schedule then depends on the seed alone.
    seed : int
        Seed of the search; one seed gives one schedule.
    """

    early_days: int = 7
    shift_start_hour: float = 8.0
    late_cost_share_per_day: float = 0.01
    reach: int = 12
    steps_at_most: int = 20_000_000
    nodes_at_most: int = 300_000
    method: Literal["auto", "pacing", "steps"] = "auto"
    buffer_days: int = 0
    trials: int = 20_000
    change_cost_per_step: float = 1.0
    solver_seconds: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in (
            "early_days",
            "late_cost_share_per_day",
            "reach",
            "steps_at_most",
            "nodes_at_most",
            "buffer_days",
            "trials",
            "change_cost_per_step",
            "solver_seconds",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.method not in ("auto", "pacing", "steps"):
            raise ValueError(f"method must be auto, pacing or steps, found {self.method!r}")
        if not 0 <= self.shift_start_hour < 24:
            raise ValueError(f"shift_start_hour must lie in [0, 24), found {self.shift_start_hour}")
