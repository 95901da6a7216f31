"""Jobs of one resource as arrays, and what a sequence of them costs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Figures(NamedTuple):
    """Jobs of one resource as arrays, shape (n,); times in working hours.

    Attributes
    ----------
    run, setup, release, after : float64 arrays
        Hours it takes, hours to set it up, first hour, hours of later steps.
    family : int64 array
        Jobs of one family in a row share a set-up.
    due_day, shift_days : int64 arrays
        Day number by which a job must be done; day number of each working day.
    weight : float64 array
        Cost of a late day.
    """

    run: np.ndarray
    setup: np.ndarray
    family: np.ndarray
    release: np.ndarray
    after: np.ndarray
    due_day: np.ndarray
    weight: np.ndarray
    shift_days: np.ndarray
    hours_per_day: float
    machines: int
    setup_cost_per_hour: float

    def cost(self, order: np.ndarray) -> float:
        """Return late days × weight + set-up hours × cost of an order of jobs."""
        from fivefold.make.sequence_kernels import cost_of

        return float(cost_of(order, self))

    def late_days(self, finish: np.ndarray) -> np.ndarray:
        """Return the days by which jobs that end at these hours are late."""
        from fivefold.make.sequence_kernels import late_days

        found: np.ndarray = late_days(finish, self)
        return found

    def least_cost(self) -> float:
        """Return what even a line for each order alone would cost, one set-up a product."""
        late = self.late_days(self.release + self.run)
        setups = math.fsum(
            float(self.setup[self.family == family].min()) for family in np.unique(self.family)
        )
        return float((late * self.weight).sum()) + self.setup_cost_per_hour * setups
