"""What may be set about the routes of a day."""

from __future__ import annotations

from dataclasses import dataclass

#: Road distance over great-circle distance in the United States, mean of 299 pairs.
#: Ballou, Rahardja, Sakai (2002), Transportation Research A 36(9), 843-848, Table 1.
CIRCUITY_UNITED_STATES = 1.20


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How the routes of a day are made.

    Parameters
    ----------
    seconds : float
        Wall clock given to the solver in all, over stations and rounds.
    iterations : int or None
        Steps of the solver for each part, instead of `seconds`: the answer then depends on
        the seed alone.
    part_stops : int
        Stops solved together; a station with more is split into parts of about this size.
    rounds : int
        Times the parts are drawn anew across their borders and solved again.
    circuity : float
        Road distance over great-circle distance.
    stop_minutes, parcel_minutes : float
        Time at a door, and for each parcel, where a visit states none.
    miss_cost : float
        What a visit not made costs, where the visit states none, in currency.
    workers : int or None
        Processes; default one a processor.
    seed : int
        Seed of the search.
    """

    seconds: float = 30.0
    iterations: int | None = None
    part_stops: int = 400
    rounds: int = 3
    circuity: float = CIRCUITY_UNITED_STATES
    stop_minutes: float = 1.5
    parcel_minutes: float = 0.3
    miss_cost: float = 200.0
    workers: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("seconds", "stop_minutes", "parcel_minutes", "miss_cost"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.circuity < 1:
            raise ValueError(f"circuity must be at least 1, found {self.circuity}")
        if self.part_stops < 2:
            raise ValueError(f"part_stops must be at least 2, found {self.part_stops}")
        if self.rounds < 0:
            raise ValueError(f"rounds must not be negative, found {self.rounds}")
        if self.iterations is not None and self.iterations < 1:
            raise ValueError(f"iterations must be positive, found {self.iterations}")
