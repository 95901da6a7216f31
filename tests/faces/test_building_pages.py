"""A building by command, by API and in the tower."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.deliver.warehouse_company import tables
from typer.testing import CliRunner

from fivefold.api.access import OWN
from fivefold.cli.app import app
from fivefold.connect import write_csv
from fivefold.cycle.importing import import_files
from fivefold.cycle.workspace import Workspace
from fivefold.model import schema

SENT = ("promises", "forecast_means")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("building")
    rows = tables()
    rows["settings"] = [{"name": "plan_date", "value": "2026-11-23"}]
    files = [
        (f"{name}.csv", write_csv(schema(name).frame(part)))
        for name, part in rows.items()
        if name not in SENT
    ]
    with Workspace(folder) as store:
        import_files(store, files, actor="test", as_of=date(2026, 11, 23))
    return folder


def run(workspace: Path, *words: str) -> Any:
    answer = CliRunner().invoke(app, ["warehouse", *words, "-w", str(workspace), "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def made(workspace: Path) -> dict[str, Any]:
    return {
        "slot": run(workspace, "slot"),
        "waves": run(workspace, "waves"),
        "manifest": run(workspace, "manifest"),
        "shifts": run(workspace, "shifts", "--days", "5"),
    }


def test_commands_slot_pick_pack_and_staff_a_building(made: dict[str, Any]) -> None:
    assert len(made["slot"]["slotting"]) == 16
    assert made["waves"]["status"] == "feasible"
    assert sum(row["orders"] for row in made["waves"]["pick_waves"]) == 20
    parcels = made["manifest"]["parcels"]
    assert {row["order"] for row in parcels} == {f"O{n:03d}" for n in range(20)}
    assert sum(row["parcels"] for row in made["manifest"]["departures"]) == len(parcels)
    assert made["shifts"]["shift_plan"]
    assert all(not part.get("violations") for part in made.values())


def test_a_building_nobody_knows_is_named(workspace: Path) -> None:
    answer = CliRunner().invoke(app, ["warehouse", "slot", "-b", "WH9", "-w", str(workspace)])
    assert answer.exit_code == 2
    assert "no building 'WH9'; there is WH1" in answer.output


@pytest.fixture(scope="module")
def served(serve: Any, workspace: Path, made: dict[str, Any]) -> Any:
    found = serve(with_pages=True)
    company = Path(found.app.state.context.companies.folder)
    shutil.copytree(workspace / "building", company / "building")
    files = [
        (f"{name}.csv", write_csv(schema(name).frame(part)))
        for name, part in tables().items()
        if name not in (*SENT, "orders", "inventory", "locations", "channels")
    ]
    headers = {"Authorization": f"Bearer {found.tokens[OWN, 'admin']}"}
    uploads = [("files", (name, data, "text/csv")) for name, data in files]
    answer = found.client.post("/api/v1/imports", files=uploads, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    if answer.status_code == 202:
        found.wait(answer)
    return found


def test_a_building_is_a_resource(served: Any) -> None:
    seen = served.ask("GET", "/buildings/WH1/waves", role="viewer").json()
    assert sum(row["orders"] for row in seen["pick_waves"]) == 20
    assert served.ask("POST", "/buildings/WH1/slots", role="viewer").status_code == 403
    anew = served.ask("POST", "/buildings/WH1/slots?policy=velocity", role="planner")
    assert anew.status_code == 200, anew.text
    assert anew.json()["violations"] == []
    assert served.ask("GET", "/buildings/WH9/shifts").status_code == 404


def test_the_tower_draws_the_floor_and_the_hours(served: Any) -> None:
    headers = {"Authorization": f"Bearer {served.tokens[OWN, 'admin']}", "Accept": "text/html"}
    page = served.client.request("GET", "/building", headers=headers)
    assert page.status_code == 200
    for words in ("Floor of the building", "Work and people by hour", "NOON"):
        assert words in page.text
