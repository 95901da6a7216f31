"""One seam for work that splits: the same function over many partitions.

Runs in this process, on a pool of processes, or on the distributed engine of the
`cluster` extra. Results come back in the order of the partitions and are equal bit
for bit for the same inputs, wherever they ran.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

Partition = TypeVar("Partition")
Result = TypeVar("Result")

Engine = Literal["serial", "processes", "ray"]


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def map_partitions(
    function: Callable[[Partition], Result],
    partitions: Sequence[Partition],
    *,
    engine: Engine | None = None,
    workers: int | None = None,
) -> Iterator[Result]:
    """Yield `function(partition)` for each partition, in order.

    Parameters
    ----------
    function : callable
        Importable, free of side effects; it and its results must pickle unless serial.
    partitions : sequence
        Each worth at least a tenth of a second of work: a task costs 0.3 ms on a pool of
        processes and 1.5 ms on the distributed engine.
    engine : {'serial', 'processes', 'ray'}, optional
        Default: $FIVEFOLD_ENGINE, else processes where there is more than one partition
        and more than one processor.
    workers : int, optional
        Processes to use; default one a processor.

    Raises
    ------
    ValueError
        If the engine is not known.
    """
    count = min(workers or processors(), len(partitions))
    chosen = engine or os.environ.get("FIVEFOLD_ENGINE") or ("processes" if count > 1 else "serial")
    if chosen == "serial" or not partitions:
        yield from map(function, partitions)
    elif chosen == "processes":
        yield from _on_processes(function, partitions, count)
    elif chosen == "ray":
        yield from _on_ray(function, partitions)
    else:
        raise ValueError(f"engine {chosen!r} is not known; use serial, processes or ray")


def _on_processes(
    function: Callable[[Partition], Result], partitions: Sequence[Partition], count: int
) -> Iterator[Result]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # A forked child inherits locked mutexes of polars' and numba's thread pools and can
    # hang on them; a fresh interpreter cannot.
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    with ProcessPoolExecutor(max_workers=count, mp_context=context) as pool:
        yield from pool.map(function, partitions)


def _on_ray(
    function: Callable[[Partition], Result], partitions: Sequence[Partition]
) -> Iterator[Result]:
    import ray

    if not ray.is_initialized():
        ray.init(logging_level="ERROR", include_dashboard=False)
    remote = ray.remote(function)
    yield from ray.get([remote.remote(partition) for partition in partitions])
