"""Journey: a person overrides demand, with a reason, and sees the orders change at once."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN

pytestmark = pytest.mark.browser


def bought(tower: Any) -> tuple[str, str]:
    """Return an item that is sold and bought often in the plan, and where it is sold."""
    company = tower.app.state.context.companies.company(OWN)
    plan = company.plan_named(None)
    buys = plan["supply_plan"].filter(pl.col("kind") == "buy").group_by("item").len()
    sold = plan["forecast_means"].group_by("item", "location").agg(pl.col("units_mean").sum())
    row = sold.join(buys, on="item").sort("units_mean", "item", descending=True).row(0, named=True)
    return row["item"], row["location"]


def overrides(tower: Any, item: str) -> pl.DataFrame:
    company = tower.app.state.context.companies.company(OWN)
    table = company.dataset(as_of=company.today())["forecast_overrides"]
    return table.filter(pl.col("item") == item)


def test_weeks_are_overridden_by_keyboard_and_the_orders_change(seller_tower: Any) -> None:
    tower, (item, place) = seller_tower, bought(seller_tower)
    page = tower.go(f"/demand?item={item}&place={place}")
    grid = page.locator("[aria-label='Weeks ahead'][role=grid]")
    grid.locator(".lines .cell").first.wait_for()
    grid.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("9000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast.bad:has-text('Say why')")
    page.locator("[data-reason]").focus()
    page.keyboard.type("Television campaign")
    grid.focus()
    page.keyboard.press("Control+Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("9000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#orders-change table")
    assert "No order" not in page.inner_text("#orders-change")
    assert page.locator("#orders-change tbody tr").count() >= 1
    tower.shoot("demand-orders-change")
    kept = overrides(tower, item)
    assert kept.filter(
        (pl.col("value") == 9000) & (pl.col("reason") == "Television campaign")
    ).height
    grid.focus()
    page.keyboard.press("Control+z")
    page.wait_for_selector(".cell.editable:text-is('9,000')", state="detached")
    standing = overrides(tower, item).filter(pl.col("expires_on").is_null())
    assert standing.filter(pl.col("value") == 9000).height == 0


def test_a_stretch_of_demand_is_overridden_by_mouse_and_the_plan_takes_it_up(
    seller_tower: Any,
) -> None:
    tower, (item, place) = seller_tower, bought(seller_tower)
    page = tower.go(f"/demand?item={item}&place={place}")
    page.fill("form[action='/demand/override'] [name=value]", "3")
    page.fill("form[action='/demand/override'] [name=reason]", "New listing abroad")
    page.click("form[action='/demand/override'] button")
    page.wait_for_selector("#orders-change table")
    page.click("text=Run plan")
    page.wait_for_selector("#toast:has-text('The plan is ready')", timeout=400_000)
    page.wait_for_selector("#orders-change:has-text('since the plan before')")
    plans = tower.ask("GET", "/plans").json()
    assert len(plans) == 2
    tower.shoot("demand-plan-changed")
