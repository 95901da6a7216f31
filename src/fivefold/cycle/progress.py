"""Telling how far long work is, and stopping it on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from fivefold.errors import FivefoldError


class CancelledError(FivefoldError):
    """The work was stopped on request; nothing of it was kept."""


#: Called at every step of long work with its name and the share (0-1) of the work that is
#: done; may raise `CancelledError`.
Progress: TypeAlias = Callable[[str, float], None]


def silent(step: str, share: float) -> None:
    """Tell nobody."""


def part_of(progress: Progress, start: float, share: float) -> Progress:
    """Return a progress for one part of the work, which begins at `start` and is `share` of it.

    >>> told = []
    >>> part_of(lambda step, share: told.append(share), 0.5, 0.25)("play", 0.5)
    >>> told
    [0.625]
    """
    return lambda step, done: progress(step, start + share * done)


@dataclass(slots=True)
class Steps:
    """Counts named steps of known weights and tells a `Progress`.

    Parameters
    ----------
    tell : Progress
    weights : dict of str to float
        Steps in order, with the share of the whole each is expected to take.
    clock : callable
        Returns CPU seconds; fills `seconds`.
    """

    tell: Progress
    weights: dict[str, float]
    clock: Callable[[], float]
    done: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    _running: tuple[str, float] | None = None

    def begin(self, step: str) -> None:
        """Begin a step; the one before it ends."""
        self.end()
        self.tell(step, self.done / sum(self.weights.values()))
        self._running = (step, self.clock())

    def end(self) -> None:
        """End the running step."""
        if self._running is None:
            return
        step, started = self._running
        self.seconds[step] = self.seconds.get(step, 0.0) + self.clock() - started
        self.done += self.weights.get(step, 0.0)
        self._running = None
