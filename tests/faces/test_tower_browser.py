"""Journeys of the tower in a real browser: decide, edit, mend a file, by mouse and keyboard."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
WIDTHS = (1440, 900, 390)


@dataclass
class Open:
    """A page of a browser that is let in, and what went wrong in it."""

    page: Any
    address: str
    wrong: list[str]

    def go(self, path: str) -> Any:
        """Open a page and wait until it is still."""
        self.page.goto(self.address + path)
        # The page listens for changes as long as it is open, so the network is never idle.
        self.page.wait_for_function(
            "() => !document.documentElement.hasAttribute('aria-busy')"
            " && [...document.querySelectorAll('[data-grid]')].every(g => g.children.length)"
        )
        return self.page


@pytest.fixture(scope="module")
def server(serve: Any) -> Iterator[tuple[str, str]]:
    import uvicorn

    from fivefold.api.access import OWN

    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 12, "demand_factor": 8.0}))
    assert made["state"] == "done", made
    access = served.app.state.context.access
    session = access.new_session(access.caller(served.tokens[OWN, "admin"]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = uvicorn.Server(
        uvicorn.Config(served.app, port=port, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}", session
    running.should_exit = True
    thread.join(5)


@pytest.fixture
def tower(server: tuple[str, str], chromium: Any) -> Iterator[Open]:
    address, session = server
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "fivefold_session", "value": session, "url": address}])
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda told: wrong.append(told.text) if "Content Security" in told.text else None,
    )
    yield Open(page, address, wrong)
    context.close()
    assert wrong == []


def test_a_figure_opens_and_back_closes_it(tower: Open) -> None:
    page = tower.go("/")
    page.click(".figure >> nth=0")
    page.wait_for_selector("#drawer:not([hidden]) h2")
    assert "why=figure" in page.url
    page.go_back()
    page.wait_for_selector("#drawer", state="hidden")
    page.locator(".figure").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#drawer:not([hidden]) h2")
    page.keyboard.press("Escape")
    page.wait_for_selector("#drawer", state="hidden")


def test_a_quantity_is_changed_and_taken_back_by_keyboard(tower: Open) -> None:
    page = tower.go("/supply")
    page.wait_for_selector(".grid .lines .cell")
    page.locator(".grid").focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    planned = int(page.inner_text(".cell.at").replace(",", ""))
    page.keyboard.type(str(planned + 1))
    page.keyboard.press("Enter")
    changed = f"{planned + 1:,}"
    page.wait_for_selector(f".grid .cell.editable:text-is('{changed}')")
    page.keyboard.press("Control+z")
    page.wait_for_selector(f".grid .cell.editable:text-is('{changed}')", state="detached")


def test_a_file_with_an_error_is_mended_in_place(tower: Open, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item,title,unit_cost,price\nPOT-1,Pot,1O,25\n")
    page = tower.go("/data")
    page.set_input_files("input[type=file]", str(path))
    page.wait_for_selector("#review .problem")
    page.fill("#review input[name=value]", "10")
    page.click("text=Mend here")
    page.click("text=Load 1 file")
    page.wait_for_selector("#review", state="detached")
    assert "items.csv" in page.inner_text("#files-list")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(tower: Open, width: int, theme: str) -> None:
    from fivefold.web.tower.rendering import ROOMS

    tower.page.set_viewport_size({"width": width, "height": 900})
    tower.page.emulate_media(color_scheme=theme)
    for path, _, _ in ROOMS:
        page = tower.go(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
