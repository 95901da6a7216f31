"""Lots and the schedule asked for at the command line, where there is nothing to answer with."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fivefold.cli.app import app


@pytest.mark.parametrize(
    "words",
    [
        ("schedule", "show"),
        ("schedule", "lots"),
        ("schedule", "make"),
        ("what-if", "machine=M3", "down=2d"),
        ("work", "list"),
    ],
)
def test_a_workspace_that_is_not_there_is_told_and_not_made(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    books = tmp_path / "none"
    told = CliRunner().invoke(app, [*words, "-w", str(books), "--json"])
    assert told.exit_code != 0
    assert not books.exists()


@pytest.mark.parametrize("change", ["machine=M3", "machine=M3 down=two", "order=WO down=2d x=1"])
def test_an_event_that_makes_no_sense_is_a_wrong_call(tmp_path: Path, change: str) -> None:
    told = CliRunner().invoke(app, ["what-if", *change.split(), "-w", str(tmp_path)])
    assert told.exit_code == 2


def test_lots_take_no_effort_below_half_a_second(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["schedule", "lots", "--seconds", "0", "-w", str(tmp_path)])
    assert told.exit_code == 2
