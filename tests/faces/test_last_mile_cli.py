"""The last mile from the command line: import, route, mend, track, partners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.deliver.last_mile.conftest import station_dataset
from typer.testing import CliRunner

from fivefold.cli.app import app

RUN = CliRunner()


def asked(*words: str) -> tuple[int, Any]:
    result = RUN.invoke(app, [*words, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout.strip() else None


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> str:
    import polars as pl

    folder = tmp_path_factory.mktemp("last_mile")
    dataset = station_dataset(60, vans=3, seed=2)
    visits = dataset["deliveries"].with_columns(
        postal_code=pl.format("787{}", (pl.int_range(pl.len()) % 12) + 10)
    )
    (folder / "files").mkdir()
    visits.write_csv(folder / "files" / "deliveries.csv")
    dataset["vehicles"].write_csv(folder / "files" / "vehicles.csv")
    dataset["locations"].write_csv(folder / "files" / "locations.csv")
    workspace = str(folder / "w")
    assert RUN.invoke(app, ["import", "-w", workspace, str(folder / "files")]).exit_code == 0
    code, made = asked("routes", "make", "-w", workspace, "--seconds", "1")
    assert code == 0
    assert made["violations"] == []
    return workspace


def test_routes_kept_are_shown_and_drawn(books: str, tmp_path: Path) -> None:
    drawing = tmp_path / "map.svg"
    code, shown = asked("routes", "show", "-w", books, "--out", str(drawing))
    assert code == 0
    assert shown["cost"] == pytest.approx(sum(row["cost"] for row in shown["routes"]))
    assert drawing.read_text(encoding="utf-8").count("<path") >= len(shown["routes"])
    code, one = asked("routes", "show", "-w", books, "--route", shown["routes"][0]["route"])
    assert code == 0
    assert one["because"]


def test_events_told_twice_are_written_once_and_move_arrivals(books: str, tmp_path: Path) -> None:
    code, before = asked("track", "show", "-w", books)
    assert code == 0
    first = min(before["arrivals"], key=lambda row: row["planned_minute"])
    minute = int(first["planned_minute"]) + 45
    told = tmp_path / "events.csv"
    told.write_text(
        "delivery,kind,occurred_at\n"
        f"{first['delivery']},delivered,2026-11-23T{minute // 60:02d}:{minute % 60:02d}:00\n",
        encoding="utf-8",
    )
    assert asked("track", "tell", str(told), "-w", books) == (
        0,
        {"schema_version": 1, "read": 1, "new": 1},
    )
    assert asked("track", "tell", str(told), "-w", books)[1]["new"] == 0
    after = {row["delivery"]: row for row in asked("track", "show", "-w", books)[1]["arrivals"]}
    assert after[first["delivery"]]["state"] == "delivered"
    later = [
        row
        for row in before["arrivals"]
        if row["route"] == first["route"]
        and row["planned_minute"] > first["planned_minute"]
        and row["window_end_minute"] is None
    ]
    assert after[later[0]["delivery"]]["expected_minute"] > later[0]["expected_minute"] + 30


def test_an_event_of_an_unknown_kind_is_refused_whole(books: str, tmp_path: Path) -> None:
    told = tmp_path / "events.csv"
    told.write_text("delivery,kind,occurred_at\nP1,vanished,2026-11-23T10:00:00\n", "utf-8")
    code, answer = asked("track", "tell", str(told), "-w", books)
    assert code == 3
    assert "vanished" in answer["problems"][0]["message"]


def test_partners_show_ranges_break_even_and_territories(books: str) -> None:
    code, shown = asked("partners", "show", "-w", books, "--territories", "3", "--partners", "A,B")
    assert code == 0
    figures = {row["figure"]: row for row in shown["economics"]}
    assert (figures["vans"]["low"], figures["vans"]["high"]) == (20, 40)
    assert figures["vans"]["grade"] == "2"
    assert 0 < figures["break_even_routes_per_day"]["low"] < figures["vans"]["high"]
    assert {row["partner"] for row in shown["territories"]} == {"A", "B"}
    assert shown["largest_work_share"] < 1.25


def test_partners_show_works_without_a_workspace(tmp_path: Path) -> None:
    code, shown = asked("partners", "show", "-w", str(tmp_path / "none"))
    assert code == 0
    assert shown["territories"] == []


def test_a_route_that_fails_is_mended_and_kept(books: str) -> None:
    _code, shown = asked("routes", "show", "-w", books)
    route = max(shown["routes"], key=lambda row: row["stops"])
    middle = int((route["starts_minute"] + route["ends_minute"]) / 2)
    at = f"{middle // 60:02d}:{middle % 60:02d}"
    code, mended = asked("routes", "mend", "-w", books, "--at", at, "--failed", route["route"])
    assert code == 0
    assert mended["violations"] == []
    assert mended["consequences"]["moved_visits"] + mended["consequences"]["lost_visits"] > 0


def test_a_wrong_time_is_a_wrong_call(books: str) -> None:
    result = RUN.invoke(app, ["routes", "mend", "-w", books, "--at", "noon", "--failed", "X"])
    assert result.exit_code == 2
