"""What a family of lot-sizing cases is to `benchmarks.lots`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks._form import Measured, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Cases of one kind: the name given to --suite, and what measures them."""

    name: str
    measure: Callable[[Options], Measured]
