"""Fivefold: plan, source, make, deliver and return as one closed loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fivefold.errors import DataError, Problem
    from fivefold.model.dataset import Dataset
    from fivefold.model.outcome import Outcome

__version__ = "0.1.0"

__all__ = ["DataError", "Dataset", "Outcome", "Problem", "__version__"]

_HOMES = {
    "DataError": "fivefold.errors",
    "Problem": "fivefold.errors",
    "Dataset": "fivefold.model.dataset",
    "Outcome": "fivefold.model.outcome",
}


def __getattr__(name: str) -> object:
    # Tables need polars; a bare `import fivefold` or `fivefold --help` does not.
    if name not in _HOMES:
        raise AttributeError(f"module 'fivefold' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
