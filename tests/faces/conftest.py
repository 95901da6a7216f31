"""A tiny company behind the app, and callers of every role."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi import FastAPI

from fivefold.api.access import OWN
from fivefold.api.app import create_app
from fivefold.api.roles import ROLES
from fivefold.connect import write_csv
from fivefold.cycle.importing import import_files
from fivefold.cycle.workspace import Workspace
from fivefold.model import schema

with warnings.catch_warnings():
    # It asks for another HTTP library of the same make.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

AS_OF = date(2026, 11, 22)
OTHER = "other"


def tiny_tables() -> dict[str, list[dict[str, Any]]]:
    """Return two items, one own warehouse, one supplier, five months of sales."""
    noon = datetime(2026, 11, 22, 6, tzinfo=UTC)
    orders = [
        {
            "order": f"O-{day}-{item}",
            "line": 1,
            "item": item,
            "channel": "FBM",
            "quantity": 1 + (day + len(item)) % 3,
            "unit_price": 20.0,
            "ordered_at": noon - timedelta(days=day),
            "shipped_on": (noon - timedelta(days=day - 1)).date(),
            "status": "shipped",
            "location": "WH1",
        }
        for day in range(2, 150)
        for item in ("LAMP-01", "DESK-7")
    ]
    return {
        "settings": [
            {"name": "plan_date", "value": AS_OF.isoformat()},
            {"name": "currency", "value": "USD"},
        ],
        "items": [
            {"item": "LAMP-01", "title": "Lamp", "unit_cost": 6.0, "price": 20.0, "weight_kg": 1.0},
            {"item": "DESK-7", "title": "Desk", "unit_cost": 9.0, "price": 30.0, "weight_kg": 2.0},
        ],
        "locations": [
            {"location": "WH1", "kind": "warehouse", "country": "US", "postal_code": "89101"},
            {"location": "SUP", "kind": "supplier", "country": "US"},
        ],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "WH1"}],
        "offers": [{"item": item, "channel": "FBM"} for item in ("LAMP-01", "DESK-7")],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {"supplier": "SUP", "item": item, "unit_price": 6.0, "lead_time_days_mean": 14.0}
            for item in ("LAMP-01", "DESK-7")
        ],
        "lanes": [
            {"origin": "SUP", "destination": "WH1", "mode": "ltl", "transit_time_days_mean": 5.0}
        ],
        "inventory": [
            {"item": item, "location": "WH1", "lot": "", "on_hand": 500, "as_of": noon}
            for item in ("LAMP-01", "DESK-7")
        ],
        "orders": orders,
        "supply_orders": [
            {
                "order": "PO-1",
                "line": 1,
                "kind": "buy",
                "item": "LAMP-01",
                "source": "SUP",
                "destination": "WH1",
                "quantity": 100,
                "quantity_received": 0,
                "ordered_on": date(2026, 11, 1),
                "expected_on": date(2026, 12, 1),
                "status": "sent",
                "unit_price": 6.0,
            }
        ],
    }


def tiny_files() -> list[tuple[str, bytes]]:
    """Return the tiny company as files."""
    return [
        (f"{name}.csv", write_csv(_written(name, rows))) for name, rows in tiny_tables().items()
    ]


def _written(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns = [c for c in schema(name).names if any(c in row for row in rows)]
    return schema(name).frame(rows).select(columns)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny company's workspace, imported; copy it before it is changed."""
    folder = tmp_path_factory.mktemp("tiny")
    with Workspace(folder) as store:
        report = import_files(store, tiny_files(), actor="test", as_of=AS_OF)
        assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
    return folder


@dataclass
class Served:
    """An app that is served, with a token of every role of two companies."""

    app: FastAPI
    client: TestClient
    tokens: dict[tuple[str, str], str]

    def ask(
        self, method: str, path: str, *, role: str = "admin", tenant: str = OWN, **more: Any
    ) -> Any:
        """Send a request as a role."""
        headers = {"Authorization": f"Bearer {self.tokens[tenant, role]}"}
        headers |= more.pop("headers", {})
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def wait(self, answer: Any, **who: Any) -> dict[str, Any]:
        """Return a job when it has ended."""
        assert answer.status_code == 202, answer.text
        job = answer.json()["job"]
        with self.client.stream(
            "GET",
            f"/api/v1/jobs/{job}/events",
            headers={"Authorization": f"Bearer {self.tokens[who.get('tenant', OWN), 'admin']}"},
        ) as told:
            assert any(line.startswith("event: ended") for line in told.iter_lines())
        record = self.ask("GET", f"/jobs/{job}", **who).json()
        return dict(record)


Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def serve(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Return what serves the tiny company and another one with equal data."""
    opened: list[TestClient] = []

    def start(**options: Any) -> Served:
        folder = tmp_path_factory.mktemp("served")
        for place in (folder, folder / "tenants" / OTHER):
            shutil.copytree(tiny_folder, place, dirs_exist_ok=True)
        app = create_app(folder, **{"with_pages": False, **options})
        access = app.state.context.access
        tokens = {
            (tenant, role): access.new_token(tenant, role, label=f"{role} of {tenant}")[0]
            for tenant in (OWN, OTHER)
            for role in ROLES
        }
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return Served(app=app, client=client, tokens=tokens)

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def api(serve: Serve) -> Served:
    """Return the served tiny company, one for all tests of a module."""
    return serve()


@pytest.fixture(scope="session")
def tiny_company_files() -> list[tuple[str, bytes]]:
    """Return the files of the tiny company."""
    return tiny_files()


SCREENS = Path(__file__).parents[2] / "build" / "screens"
#: What Chromium needs in a container.
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)


@dataclass
class Tower:
    """A page of a browser that is let into the tower, and what went wrong in it."""

    page: Any
    address: str
    app: FastAPI
    folder: Path
    wrong: list[str]
    token: str

    def go(self, path: str) -> Any:
        """Open a page and wait until its rows are there."""
        self.page.goto(self.address + path)
        self.still()
        return self.page

    def still(self) -> None:
        """Wait until no page and no rows are on their way."""
        self.page.wait_for_function(
            "() => !document.documentElement.hasAttribute('aria-busy')"
            " && [...document.querySelectorAll('[data-grid]')].every(g => g.children.length)"
        )

    def shoot(self, name: str) -> None:
        """Keep a picture of what is shown."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png")

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Send a request to the API as another program would."""
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        url = f"{self.address}/api/v1{path}"
        return httpx.request(method, url, headers=headers, timeout=60, **more)


@pytest.fixture(scope="session")
def seller_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example seller, imported and planned; copy it before it is changed.

    It takes a minute; FIVEFOLD_SELLER names a workspace that has it already.
    """
    ready = os.environ.get("FIVEFOLD_SELLER")
    if ready:
        return Path(ready)
    from fivefold.cycle.planning import plan
    from fivefold.twin.companies.seller import AS_OF as SELLER_DAY
    from fivefold.twin.companies.seller import write_company

    folder = tmp_path_factory.mktemp("seller")
    files = [(path.name, path.read_bytes()) for path in write_company(folder / "files")]
    with Workspace(folder) as store:
        import_files(store, files, actor="test", as_of=SELLER_DAY)
        store.plans.save(plan(store.dataset(as_of=SELLER_DAY), as_of=SELLER_DAY))
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a headless browser: the system's Chromium, else that of Playwright."""
    from playwright.sync_api import Error, sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as play:
        try:
            opened = play.chromium.launch(executable_path=found, args=list(BROWSER_ARGUMENTS))
        except Error as error:
            pytest.skip(f"Chromium is not installed: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def seller_server(
    seller_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, FastAPI, Path, str]]:
    """Return the address of a server over a copy of the seller, its app, folder and a token."""
    import socket
    import threading
    import time

    import uvicorn

    folder = tmp_path_factory.mktemp("tower") / "w"
    shutil.copytree(seller_folder, folder)
    app = create_app(folder)
    token = app.state.context.access.new_token(OWN, "admin", label="browser")[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}", app, folder, token
    running.should_exit = True
    running.force_exit = True
    thread.join(10)


@pytest.fixture
def new_tower(
    seller_server: tuple[str, FastAPI, Path, str], chromium: Any
) -> Iterator[Callable[..., Tower]]:
    """Return what opens a browser of its own on the seller; errors in a page fail the test."""
    address, app, folder, token = seller_server
    opened: list[tuple[Any, Tower]] = []

    def open_(**options: Any) -> Tower:
        access = app.state.context.access
        session = access.new_session(access.caller(token))
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.add_cookies([{"name": "fivefold_session", "value": session, "url": address}])
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda told: wrong.append(told.text) if "Content Security" in told.text else None,
        )
        tower = Tower(page, address, app, folder, wrong, token)
        opened.append((context, tower))
        return tower

    yield open_
    for context, tower in opened:
        context.close()
        assert tower.wrong == []


@pytest.fixture
def seller_tower(new_tower: Callable[..., Tower]) -> Tower:
    """Return a browser on the seller, 1440 pixels wide."""
    return new_tower()
