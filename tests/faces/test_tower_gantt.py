"""Journey: move an operation on the Gantt, see what follows, keep it, freeze it, take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN
from fivefold.cycle import adjusting
from fivefold.cycle.review import supply_orders
from fivefold.cycle.workspace import Workspace

pytestmark = pytest.mark.browser


def standing(tower: Any) -> dict[str, datetime]:
    """Return the starts of work as the company has them."""
    company: Workspace = tower.app.state.context.companies.company(OWN)
    rows = adjusting.work_orders(company, company.plan_named(None))
    return dict(rows.select("order", "start_at").iter_rows())


def frozen(tower: Any) -> set[str]:
    return set(adjusting.frozen_work(tower.app.state.context.companies.company(OWN)))


def test_work_is_dragged_and_what_follows_is_shown_kept_and_frozen(seller_tower: Any) -> None:
    tower, before = seller_tower, standing(seller_tower)
    page = tower.go("/make")
    bar = page.locator("svg.board:visible .op").nth(4)
    order = bar.get_attribute("data-order")
    at = bar.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + 8)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] / 2 + 90, at["y"] + 8, steps=4)
    assert page.locator("svg.board:visible .op.clash").count() > 1, "clashes show while it is held"
    page.mouse.up()
    told = page.wait_for_selector(".consequence")
    assert "give" in told.inner_text()
    assert standing(tower) == before, "looking writes nothing"
    tower.shoot("gantt-consequence")
    page.click("text=Keep and freeze")
    page.wait_for_selector(".op.frozen >> visible=true")
    after = standing(tower)
    assert after[order] > before[order]
    assert order in frozen(tower)
    moved = {name for name in after if after[name] != before[name]}
    assert len(moved) > 1, "others gave way"
    tower.shoot("gantt-frozen")
    page.locator(f".op[data-order='{order}'] >> visible=true").focus()
    page.keyboard.press("f")
    page.wait_for_function("() => !document.querySelector('.op.frozen')")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#toast:has-text('back where it was')")
    assert standing(tower) == before
    assert frozen(tower) == set()


def test_work_is_moved_by_keyboard_alone_and_released_where_it_was_put(seller_tower: Any) -> None:
    tower, before = seller_tower, standing(seller_tower)
    page = tower.go("/make")
    page.locator("svg.board:visible .op[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    order = page.evaluate("document.activeElement.dataset.order")
    page.keyboard.press("PageDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".consequence")
    page.wait_for_function("() => document.activeElement?.dataset.act === 'keep'")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast:has-text('moved')")
    after = standing(tower)
    assert after[order] > before[order]
    company = tower.app.state.context.companies.company(OWN)
    plan = adjusting.adjusted_plan(company, company.plan_named(None))
    until = plan["work_orders"]["start_at"].dt.date().max()
    placed = supply_orders(plan, company.dataset(as_of=plan.as_of), until=until)
    (own,) = [each for each in placed if each.order == order]
    assert own.ordered_on == after[order].date(), "what is released starts where it was put"
    page.keyboard.press("Control+z")
    page.wait_for_selector("#toast:has-text('back where it was')")
    assert standing(tower) == before


def test_frozen_work_does_not_move(seller_tower: Any) -> None:
    tower = seller_tower
    company = tower.app.state.context.companies.company(OWN)
    plan = company.plan_named(None)
    first = plan["work_orders"].sort("start_at", "order")["order"][0]
    adjusting.freeze(company, plan, [first], frozen=True, actor="test")
    dataset = company.dataset(as_of=plan.as_of)
    with pytest.raises(adjusting.NotMovableError, match="frozen"):
        adjusting.look_at_move(
            company, plan, {first: plan["work_orders"]["start_at"].max()}, dataset=dataset
        )
    page = tower.go("/make")
    page.locator(f".op[data-order='{first}'] >> visible=true").focus()
    page.keyboard.press("PageDown")
    page.wait_for_selector("#toast.bad")
    adjusting.freeze(company, plan, [first], frozen=False, actor="test")
    assert plan["work_orders"].filter(pl.col("order") == first).height == 1
