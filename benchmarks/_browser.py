"""What a page costs a browser: kilobytes of the first load, CPU until it is still, CPU a frame.

Headless Chromium driven over its debugging protocol; CPU is the main thread's own count
(`TaskDuration` of the Performance domain), so a busy machine changes little.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

FRAMES = 120
_PIXELS_A_FRAME = 40
_SCROLL = """async ([frames, pixels]) => {
  const grid = document.querySelector("[data-grid]");
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let number = 0; number < frames; number++) {
    grid.scrollTop += pixels;
    await frame();
  }
}"""


def _chromium() -> str | None:
    given = os.environ.get("CHROMIUM")
    return given or shutil.which("chromium") or shutil.which("chromium-browser")


def measure(
    url: str, token: str, *, first: str = "/", grid: str = "/orders", rounds: int = 3
) -> dict[str, float]:
    """Return the figures of the first page and of scrolling a grid; empty without a browser.

    Parameters
    ----------
    url : str
        Of a server that runs.
    token : str
        Typed into its door.
    first, grid : str
        Page that is loaded first, and a page with a grid.
    rounds : int
        Times each is measured; the median counts.

    Returns
    -------
    dict
        first_load_kb (as sent, headers included), load_cpu_ms and script_cpu_ms until the page
        is still, scroll_cpu_ms_per_frame, grid_page_cpu_ms until the page with the grid is
        still, and grid_page_rows, the rows it lets one scroll through.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        return {}
    where = _chromium()
    if where is None:
        return {}
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=where,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            loads = [_load(browser, url, token, first) for _ in range(rounds)]
            scrolls = [_scroll(browser, url, token, grid) for _ in range(rounds)]
        finally:
            browser.close()
    middle = sorted(loads, key=lambda found: found["load_cpu_ms"])[rounds // 2]
    scrolled = sorted(scrolls, key=lambda found: found["scroll_cpu_ms_per_frame"])[rounds // 2]
    return {**middle, **scrolled}


def _entered(browser: Any, url: str, token: str) -> Any:
    """Return a context that is let in, whose browser has seen no page of the tower yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    answer = context.request.post(f"{url}/login", form={"token": token, "next": "/login"})
    if answer.status >= 400:
        raise RuntimeError(f"the door answered {answer.status}")
    return context


def _metrics(session: Any) -> dict[str, float]:
    told = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in told}


def _load(browser: Any, url: str, token: str, path: str) -> dict[str, float]:
    context = _entered(browser, url, token)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Performance.enable")
    sent: list[float] = []
    session.on("Network.loadingFinished", lambda told: sent.append(told["encodedDataLength"]))
    before = _metrics(session)
    page.goto(url + path)
    page.wait_for_load_state("networkidle")
    after = _metrics(session)
    context.close()
    return {
        "first_load_kb": sum(sent) / 1024,
        "load_cpu_ms": (after["TaskDuration"] - before["TaskDuration"]) * 1000,
        "script_cpu_ms": (after["ScriptDuration"] - before["ScriptDuration"]) * 1000,
    }


def _scroll(browser: Any, url: str, token: str, path: str) -> dict[str, float]:
    context = _entered(browser, url, token)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    opened = _metrics(session)["TaskDuration"]
    page.goto(url + path)
    page.wait_for_selector("[data-grid] [role=row]")
    page.wait_for_load_state("networkidle")
    before = _metrics(session)
    rows = page.locator("[data-grid]").first.get_attribute("aria-rowcount")
    page.evaluate(_SCROLL, [FRAMES, _PIXELS_A_FRAME])
    page.wait_for_load_state("networkidle")
    used = _metrics(session)["TaskDuration"] - before["TaskDuration"]
    context.close()
    return {
        "scroll_cpu_ms_per_frame": used * 1000 / FRAMES,
        "grid_page_cpu_ms": (before["TaskDuration"] - opened) * 1000,
        # The head and the filters are rows of the grid too.
        "grid_page_rows": float(rows or 2) - 2,
    }
