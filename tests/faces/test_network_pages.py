"""A parcel network by API and in the tower: planned and sited in jobs, shown, asked why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fivefold.api.access import OWN
from fivefold.api.app import create_app
from fivefold.cycle.importing import import_files
from fivefold.cycle.plans import PlanStore
from fivefold.cycle.workforce import FOLDER
from fivefold.cycle.workspace import Workspace
from fivefold.twin.companies.operator import AS_OF, make_tables

ENDED = {"done", "failed", "cancelled"}


class Served:
    """The API and the pages of a network of few buildings, asked as a planner."""

    def __init__(self, client: TestClient, token: str, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return self.client.request(method, f"/api/v1{path}", headers=self.headers, **options)

    def page(self, path: str) -> str:
        answer = self.client.get(path, headers={**self.headers, "Accept": "text/html"})
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def done(self, answer: Any) -> dict[str, Any]:
        """Return what a job answers once it has ended."""
        assert answer.status_code == 202, answer.text
        job = answer.headers["Location"]
        for _ in range(900):
            told = self.client.get(job, headers=self.headers).json()
            if told["state"] in ENDED:
                assert told["state"] == "done", told["problem"]
                return dict(told["result"])
            time.sleep(0.1)
        raise AssertionError("the job did not end in 90 seconds")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("network")
    tables = make_tables(scale=0.03)
    files = [(f"{name}.csv", frame.write_csv().encode()) for name, frame in tables.items()]
    with Workspace(folder) as store:
        assert not import_files(store, files, actor="test", as_of=AS_OF).has_errors
    app = create_app(folder)
    token, _ = app.state.context.access.new_token(OWN, "planner", label="planner")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Served(client, token, folder)


def test_before_a_plan_there_is_a_door_to_one_and_no_error(network: Served) -> None:
    assert network.ask("GET", "/network").status_code == 404
    assert network.ask("GET", "/network/sites").status_code == 404
    assert "Plan the day" in network.page("/network")
    assert "Where do the next buildings go?" in network.page("/network?tab=sites")


def test_a_day_is_planned_in_a_job_and_told_by_api_and_page(network: Served) -> None:
    told = network.done(network.ask("POST", "/network/plans", json={}))
    assert told["violations"] == 0
    assert network.ask("GET", "/network").json() == told
    rows = network.ask("GET", "/network/tables/network_flows/rows?limit=1").json()["rows"]
    flow = rows[0]
    why = network.ask(
        "GET", f"/network/why?origin={flow['origin']}&destination={flow['destination']}"
    ).json()
    assert flow["decision"] in {row["decision"] for row in why["flows"]}
    page = network.page("/network")
    assert f"{told['one_day_share']:.1%}".replace("%", " %") in page
    assert f"{told['trucks']:,}" in page
    assert "The network on a day" in page
    assert "By means" in network.page("/network?tab=means")
    for grid in ("network_flows", "linehaul_trips", "mode_choices"):
        assert network.client.get(f"/grid/{grid}", headers=network.headers).json()["total"] > 0


def test_sort_centres_and_people_are_told_by_api_and_page(network: Served) -> None:
    sorting = network.ask("GET", "/network/sort").json()
    place = sorting["crews"][0]["location"]
    one = network.ask("GET", f"/network/sort?place={place}").json()
    assert {row["location"] for row in one["departures"]} == {place}
    assert "makes its truck" in network.page("/network?tab=sort")
    assert "Whom to hire, when?" in network.page("/network?tab=people")

    body = {"surge": 0.3, "months": 4, "weeks": 12}
    told = network.done(network.ask("POST", "/workforce/plans", json=body))
    assert told["violations"] == 0
    assert told["surge_share"] == 0.3
    assert network.ask("GET", "/workforce").json() == told
    people = network.client.get("/grid/workforce_plan", headers=network.headers).json()
    assert people["total"] > 0
    kept = PlanStore(network.folder / FOLDER)
    made = kept.load(kept.names()[-1])
    region, skill = made["workforce_plan"].select("region", "skill").row(0)
    why = network.ask("GET", f"/workforce/why?region={region}&skill={skill}").json()
    assert {(row["region"], row["skill"]) for row in why["weeks"]} == {(region, skill)}
    assert network.ask("GET", "/workforce/why?region=nowhere").status_code == 404
    page = network.page("/network?tab=people")
    assert f"{told['hires']:,}" in page
    assert "Begin to hire later" in page


def test_the_next_buildings_are_chosen_in_a_job_and_stand_in_order(network: Served) -> None:
    told = network.done(network.ask("POST", "/network/sites", json={"open": 2}))
    assert [row["rank"] for row in told["sites"]] == [1, 2]
    assert told["one_day_share_after"] >= told["one_day_share_before"]
    assert network.ask("GET", "/network/sites").json() == told
    page = network.page("/network?tab=sites")
    assert told["sites"][0]["site"] in page
    assert "Where the next buildings go" in page


def test_buildings_are_phased_over_quarters_in_a_job_and_told_by_quarter(network: Served) -> None:
    told = network.done(network.ask("POST", "/network/sites", json={"quarters": 3}))
    assert told["violations"] == 0
    assert [row["period_start"] for row in told["quarters"]] == [
        "2027-01-01",
        "2027-04-01",
        "2027-07-01",
    ]
    assert told["bound"] <= told["objective"]
    assert network.ask("GET", "/network/sites").json() == told
    page = network.page("/network?tab=sites")
    assert "By quarter" in page
    assert all(row["site"] in page for row in told["sites"])
    assert network.ask("POST", "/network/sites", json={"quarters": 0}).status_code == 422


def test_an_areas_last_mile_is_planned_in_a_job_and_told_by_api_and_page(
    network: Served,
) -> None:
    assert network.ask("GET", "/network/lastmile").status_code == 404
    assert "Who brings what to which door?" in network.page("/network?tab=streets")
    with Workspace(network.folder, create=False) as store:
        places = store.dataset(as_of=AS_OF)["locations"]
    home = places.filter(places["kind"] == "delivery_station").row(0, named=True)
    area = {"city": home["city"], "state": home["state"]}
    body = {**area, "radius_km": 10, "seconds": 2}
    told = network.done(network.ask("POST", "/network/lastmile", json=body))
    assert told["violations"] == 0
    assert told["parcels"] > 0
    assert network.ask("GET", "/network/lastmile").json() == told
    page = network.page("/network?tab=streets")
    assert f"{area['city']}, {area['state']}" in page
    assert f"{told['parcels']:,}" in page
    assert "Map of the day" in network.page("/routes")
    assert network.ask("POST", "/network/lastmile", json={"state": "Nebraska"}).status_code == 422


def test_what_is_not_there_is_told_by_name(network: Served) -> None:
    missing = network.ask("GET", "/network/tables/nothing/rows")
    assert missing.status_code == 404
    assert "network_flows" in missing.json()["detail"]
    nowhere = network.ask("GET", "/network/why?origin=FC-XX&destination=DS-XX")
    assert nowhere.status_code == 404
    assert network.ask("POST", "/network/sites", json={"open": 0}).status_code == 422
