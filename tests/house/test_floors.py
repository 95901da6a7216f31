"""The floors of the house: imports run down, neighbours never import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "fivefold"

#: Floors from the ground up; a room may import what stands on a lower floor.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("maths", "units", "calendars", "errors", "compute"),
    ("model",),
    ("plan", "source", "make", "deliver", "returns", "ledger", "connect", "check"),
    ("cycle",),
    ("twin",),
    ("web",),
    ("api",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: Same input, same output: no clock, no files, no logging.
PURE = (
    "maths",
    "units",
    "calendars",
    "errors",
    "model",
    "plan",
    "source",
    "make",
    "deliver",
    "returns",
    "check",
)
IMPURE_MODULES = {
    "logging",
    "time",
    "random",
    "socket",
    "subprocess",
    "sqlite3",
    "urllib",
    "httpx",
    "requests",
}
IMPURE_CALLS = {"now", "today", "utcnow", "open", "print", "input"}
FORBIDDEN_NAMES = {"utils", "common", "helpers", "base", "core", "manager"}


def _imports(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
            elif node.module == "fivefold":
                for alias in node.names:
                    yield node.lineno, f"fivefold.{alias.name}"
            elif node.module:
                yield node.lineno, node.module


def floor_breaks(room: str, source: str) -> list[str]:
    """Return every import of `source`, which stands in `room`, that the floors forbid."""
    found = []
    for line, name in _imports(source):
        if name.startswith("."):
            found.append(f"line {line}: relative import of {name}")
            continue
        parts = name.split(".")
        if parts[0] != "fivefold" or len(parts) == 1 or parts[1] == room:
            continue
        target = parts[1]
        if target not in LEVEL:
            if target != "__version__":
                found.append(f"line {line}: {target} is on no floor")
        elif room in FLOORS[0] and target in FLOORS[0]:
            continue
        elif LEVEL[target] >= LEVEL[room]:
            found.append(f"line {line}: {room} may not import {target}")
    return found


def impurities(source: str) -> list[str]:
    """Return every clock, file, log or print in `source`."""
    found = [
        f"line {line}: imports {name}"
        for line, name in _imports(source)
        if name.split(".")[0] in IMPURE_MODULES
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            # `files(...)` reads data of the package itself, which never changes.
            if name in IMPURE_CALLS:
                found.append(f"line {node.lineno}: calls {name}()")
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or getattr(node.type, "id", "") in (
                "Exception",
                "BaseException",
            )
            if broad or all(isinstance(step, ast.Pass) for step in node.body):
                found.append(f"line {node.lineno}: swallows an error")
    return found


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_check_of_floors_can_fail() -> None:
    assert floor_breaks("plan", "from fivefold.source import purchasing")
    assert floor_breaks("model", "def f():\n    import fivefold.plan.demand")
    assert floor_breaks("cycle", "from fivefold import twin")
    assert floor_breaks("plan", "from . import demand")
    assert not floor_breaks(
        "plan", "from fivefold.model import Dataset\nimport fivefold.plan.stock"
    )
    assert impurities("from datetime import date\nday = date.today()")
    assert impurities("import logging")
    assert impurities("try:\n    f()\nexcept Exception:\n    g()")
    assert impurities("try:\n    f()\nexcept KeyError:\n    pass")
    assert not impurities("try:\n    f()\nexcept KeyError:\n    g()")


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_down_the_floors(path: Path) -> None:
    room = _room(path)
    if room == "__init__":
        return
    assert room in LEVEL, f"{room} stands on no floor; give it one in FLOORS"
    assert floor_breaks(room, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "path", [p for p in _modules() if _room(p) in PURE], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_pure_rooms_touch_no_clock_no_files_no_log(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


def test_modules_are_named_for_what_they_know() -> None:
    bad = [p for p in _modules() if p.stem in FORBIDDEN_NAMES or p.parent.name in FORBIDDEN_NAMES]
    assert bad == []
