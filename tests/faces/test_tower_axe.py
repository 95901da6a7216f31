"""No page of the tower has a serious fault of accessibility, in both themes, at three widths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fivefold.web.tower.rooms import registry

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[2] / ".venv" / "axe" / "axe_playwright_python" / "axe.min.js"
WIDTHS = (1440, 900, 390)
#: Pages beside the rooms: tabs, and views that need something chosen.
FURTHER = (
    "/supply?tab=baskets",
    "/supply?tab=orders",
    "/supply?tab=lines",
    "/supply?tab=placed",
    "/supply?tab=cash",
    "/inventory?tab=fba",
    "/orders?tab=ask",
    "/orders?tab=share",
    "/orders?tab=all",
    "/inventory?tab=advice",
    "/inventory?tab=channels",
    "/inventory?tab=policy&level=95",
    "/inventory?tab=service",
    "/portfolio?tab=prices",
    "/sop?tab=cycle",
    "/sop?tab=months",
    "/sop?tab=flows",
    "/sop?tab=gap",
    "/books?tab=unit",
    "/books?tab=verify",
    "/data?table=items",
    "/jobs",
    "/login",
    "/?why=figure:served",
)


def pages(tower: Any) -> list[str]:
    """Return the address of every page of the tower."""
    from fivefold.api.access import OWN

    company = tower.app.state.context.companies.company(OWN)
    plan = company.plan_named(None)
    order = plan["purchase_orders"]["order"][0]
    work = plan["work_orders"].sort("start_at")["order"][3]
    line = company.dataset(as_of=plan.as_of)["orders"].row(0, named=True)
    back = f"r_order={line['order']}&r_item={line['item']}&r_units=1&r_condition=DEFECTIVE"
    rooms = [room.path for room in registry.ROOMS if room.path != "/order"]
    placed = company.dataset(as_of=plan.as_of)["supply_orders"]["order"][0]
    chosen = [
        f"/order?name={order}",
        f"/order?name={placed}",
        f"/make?order={work}",
        f"/returns?{back}",
    ]
    return [*rooms, *FURTHER, *chosen]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(new_tower: Callable[..., Any], width: int, theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe is not installed; `make test-browser` brings it")
    script = AXE.read_text(encoding="utf-8")
    tower = new_tower(viewport={"width": width, "height": 900}, color_scheme=theme)
    found: list[str] = []
    for path in pages(tower):
        page = tower.go(path)
        name = path.strip("/").replace("?", "-").replace("=", "-").replace("&", "-")[:48]
        tower.shoot(f"{name or 'home'}-{width}-{theme}")
        page.evaluate(script)
        told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [
            f"{path}: {v['id']} ({v['impact']}) {v['nodes'][0]['html'][:140]}"
            for v in told["violations"]
            if v["impact"] in ("serious", "critical")
        ]
    assert found == []
