"""The one form of all benchmarks: same arguments, same object, same exit codes.

    python -m benchmarks.NAME [--suite S] [--data PATH] [--seconds N] [--seed N] [--quick] [--json]

A benchmark is a module with one function that measures and one line that runs it::

    from benchmarks._form import Measured, Options, cpu_timer, run

    def measure(options: Options) -> Measured:
        folder = options.folder("online_retail")       # exit 3 where it is missing
        with cpu_timer() as timer:
            answer = engine(...)                       # ours
        rows = [{"case": "uci", "cpu_s": timer.cpu_s, "wape": ...}]
        return Measured(rows=rows, summary={"wape": ...}, peer=None)

    if __name__ == "__main__":
        run("real_retail", measure)

`run` prints one JSON object with --json (a short list of figures without it) and exits:
`{"name", "suite", "seed", "quick", "machine", "rows", "summary", "peer", "cpu_s", "peak_mb"}`.
A peer is `{"name", "version", "summary"}`, measured in the same run (`peer_of` makes one), or
None. Figures that are NaN or infinite come out as null. Numbers are rounded to 6 digits that
count. Exit codes: 0 measured, 2 wrong arguments, 3 the data is missing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

#: Real data lives beside the project and is read in place.
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
#: A quick run ends within 50 s; this leaves room for imports and reading.
QUICK_SECONDS = 30.0
EXIT_DATA_MISSING = 3


class DataMissingError(Exception):
    """The data a benchmark reads is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the caller asked for.

    `suite` is one of the benchmark's suites, `data` the folder or file given with --data or
    None, `seconds` the time limit to give to whatever is limited by time (at most 30 when
    quick), `quick` whether the run must end within 50 s.
    """

    name: str
    suite: str
    data: Path | None
    seconds: float
    seed: int
    quick: bool

    def folder(self, default: str) -> Path:
        """Return --data, or the folder `default` of the shared data.

        Raises
        ------
        DataMissingError
            If it does not exist; `run` then exits 3 with one line.
        """
        chosen = self.data if self.data is not None else SHARED_DATA / default
        if not chosen.exists():
            raise DataMissingError(f"{self.name}: data folder {chosen} is missing; give --data")
        return chosen

    def file(self, default: str, pattern: str) -> Path:
        """Return the first file (by name) under `folder(default)` that matches `pattern`.

        --data may also name the file itself.

        Raises
        ------
        DataMissingError
            If there is none.
        """
        folder = self.folder(default)
        if folder.is_file():
            return folder
        found = sorted(folder.rglob(pattern))
        if not found:
            raise DataMissingError(f"{self.name}: no {pattern} in data folder {folder}")
        return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a benchmark found: a row a case, the figures over all, the peer's figures."""

    rows: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any]
    peer: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Timer:
    """CPU-seconds (this process, its threads and its finished children) and wall-clock seconds."""

    cpu_s: float = field(default=math.nan)
    wall_s: float = field(default=math.nan)


@contextmanager
def cpu_timer() -> Iterator[Timer]:
    """Time a block; the figures are there when it ends."""
    timer, cpu, wall = Timer(), cpu_seconds(), time.perf_counter()
    try:
        yield timer
    finally:
        timer.cpu_s = cpu_seconds() - cpu
        timer.wall_s = time.perf_counter() - wall


def cpu_seconds() -> float:
    """Return the CPU-seconds used so far, by finished children too."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def peak_megabytes() -> float:
    """Return the most memory this process or one of its finished children ever held."""
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return (
        max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / scale
    )


def machine() -> dict[str, object]:
    """Return the processors this process may use, the load when asked and the Python."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpus": cpus, "load": load, "python": platform.python_version()}


def peer_of(package: str, summary: Mapping[str, Any], *, name: str = "") -> dict[str, Any]:
    """Return a peer entry with the version of an installed package ("" where not installed)."""
    try:
        found = version(package)
    except PackageNotFoundError:
        found = ""
    return {"name": name or package, "version": found, "summary": dict(summary)}


def parse(
    name: str,
    argv: Sequence[str] | None = None,
    *,
    suites: Sequence[str] = ("all",),
    seconds: float = 60.0,
) -> tuple[Options, bool]:
    """Return the options and whether JSON was asked for; the first suite is the default."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--suite", choices=list(suites), default=suites[0])
    parser.add_argument("--data", type=Path, help="folder or file in the form of the default data")
    parser.add_argument("--seconds", type=float, default=seconds, help="limit a case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="end within 50 s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(argv)
    limit = min(given.seconds, QUICK_SECONDS) if given.quick else given.seconds
    options = Options(
        name=name,
        suite=given.suite,
        data=given.data,
        seconds=limit,
        seed=given.seed,
        quick=given.quick,
    )
    return options, given.json


def report(options: Options, measured: Measured, load: Mapping[str, object]) -> dict[str, Any]:
    """Return the one object a benchmark prints."""
    found: dict[str, Any] = _plain(
        {
            "name": options.name,
            "suite": options.suite,
            "seed": options.seed,
            "quick": options.quick,
            "machine": load,
            "rows": list(measured.rows),
            "summary": measured.summary,
            "peer": measured.peer,
            "cpu_s": cpu_seconds(),
            "peak_mb": peak_megabytes(),
        }
    )
    return found


def run(
    name: str,
    measure: Callable[[Options], Measured],
    *,
    suites: Sequence[str] = ("all",),
    seconds: float = 60.0,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Measure, print and exit.

    Parameters
    ----------
    name : str
        Name of the module under `benchmarks`.
    measure : callable
        Takes `Options`, returns `Measured`.
    suites : sequence of str
        What --suite may be; the first is the default.
    seconds : float
        Default of --seconds, a limit per case.
    argv : sequence of str, optional
        Arguments, default those of the process.
    """
    options, as_json = parse(name, argv, suites=suites, seconds=seconds)
    load = machine()  # before the run, or the load would be our own
    try:
        measured = measure(options)
    except DataMissingError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_DATA_MISSING)
    found = report(options, measured, load)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
    else:
        _print_figures(found)
    sys.exit(0)


def _print_figures(found: Mapping[str, Any]) -> None:
    quick = ", quick" if found["quick"] else ""
    print(f"{found['name']} ({found['suite']}, seed {found['seed']}{quick})")
    for key, value in found["summary"].items():
        print(f"  {key:<32} {value}")
    if found["peer"]:
        print(f"  peer {found['peer']['name']} {found['peer']['version']}")
        for key, value in found["peer"]["summary"].items():
            print(f"    {key:<30} {value}")
    print(f"  {len(found['rows'])} rows, {found['cpu_s']} CPU-s, peak {found['peak_mb']} MB")


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it: numpy scalars plain, floats rounded, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return _plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
