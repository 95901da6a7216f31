"""The last mile by API and in the tower."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.deliver.last_mile.conftest import station_dataset

from fivefold.api.access import OWN
from fivefold.cycle.last_mile import make_routes
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.last_mile.params import Params


@pytest.fixture(scope="module")
def routed(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from fivefold.cycle.importing import import_files

    folder: Path = tmp_path_factory.mktemp("routed")
    dataset = station_dataset(40, vans=2)
    files = [
        (f"{name}.csv", dataset[name].write_csv().encode())
        for name in ("deliveries", "vehicles", "locations")
    ]
    with Workspace(folder) as store:
        import_files(store, files, actor="test", as_of=date(2026, 11, 23))
        make_routes(store, Params(iterations=40))
    served = serve(with_pages=True)
    company = Path(served.app.state.context.companies.folder)
    shutil.copytree(folder / "routes", company / "routes")
    return served


def test_routes_and_their_stops_are_resources(routed: Any) -> None:
    made = routed.ask("GET", "/routes").json()
    assert made["violations"] == []
    route = made["routes"][0]["route"]
    one = routed.ask("GET", f"/routes/stops?route={route}").json()
    assert one["stops"][0]["kind"] == "depart"
    assert one["because"]


def test_arrivals_and_partners_are_resources(routed: Any) -> None:
    assert len(routed.ask("GET", "/arrivals").json()["arrivals"]) == 40
    figures = {row["figure"] for row in routed.ask("GET", "/partners").json()["economics"]}
    assert {"vans", "break_even_routes_per_day"} <= figures


def test_the_tower_draws_the_routes(routed: Any) -> None:
    headers = {"Authorization": f"Bearer {routed.tokens[OWN, 'admin']}", "Accept": "text/html"}
    page = routed.client.request("GET", "/routes", headers=headers)
    assert page.status_code == 200
    assert "Map of the day" in page.text
    assert "Routes through the day" in page.text
