"""What others change shows without reload; two browsers on one order lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN
from fivefold.cycle.amending import supply_document
from fivefold.cycle.decisions import snooze

pytestmark = pytest.mark.browser


def company(tower: Any) -> Any:
    return tower.app.state.context.companies.company(OWN)


def open_order(tower: Any) -> str:
    """Return an imported purchase order that is still open."""
    rows = company(tower).dataset(as_of=company(tower).today())["supply_orders"]
    kept = rows.filter((pl.col("status") == "sent") | (pl.col("status") == "confirmed"))
    return str(kept.filter(pl.col("kind") == "buy").sort("order")["order"][0])


def test_the_second_save_of_two_is_told_what_changed_and_nothing_is_lost(
    new_tower: Callable[..., Any],
) -> None:
    one, two = new_tower(), new_tower()
    order = open_order(one)
    first, second = one.go(f"/order?name={order}"), two.go(f"/order?name={order}")
    quantity = first.locator("[data-field=quantity]").first
    before = int(quantity.input_value())
    day = second.locator("[data-field=expected_on]").first
    day.fill("2027-03-01")
    quantity.fill(str(before + 60))
    first.get_by_role("button", name="Save").click()
    first.wait_for_selector("#toast:has-text('Saved')")
    second.get_by_role("button", name="Save").click()
    told = second.wait_for_selector("[data-conflict] .notice").inner_text()
    assert f"{before} became {before + 60}" in told
    assert day.input_value() == "2027-03-01", "what was typed stands"
    assert second.locator("[data-field=quantity]").first.input_value() == str(before + 60)
    two.shoot("order-conflict")
    second.keyboard.press("Enter")
    second.wait_for_selector("#toast:has-text('Saved')")
    line = supply_document(company(one), order).lines[0]
    assert line["quantity"] == before + 60
    assert str(line["expected_on"]) == "2027-03-01"
    first.wait_for_function(
        "() => document.querySelector('[data-field=expected_on]').value === '2027-03-01'"
    )


def test_a_change_by_another_program_shows_without_reload(seller_tower: Any) -> None:
    tower = seller_tower
    page = tower.go("/")
    what = page.locator(".decisions .what").first.inner_text()
    name = page.locator(".decisions [name=name]").first.get_attribute("value")
    page.evaluate("window.kept = true")
    books = company(tower)
    plan = books.plan_named(None)
    page.wait_for_timeout(1500)
    until = plan.as_of.replace(year=plan.as_of.year + 1)
    snooze(books, plan, name, until=until, actor="another program", today=plan.as_of)
    page.wait_for_function(
        "what => document.querySelector('.decisions .what').innerText !== what", arg=what
    )
    assert page.evaluate("window.kept"), "the page was not loaded anew"


def test_rows_of_a_list_come_in_without_losing_the_place(seller_tower: Any) -> None:
    tower = seller_tower
    page = tower.go("/supply?tab=placed")
    page.locator(".grid .lines .cell").first.wait_for()
    order = open_order(tower)
    version = tower.ask("GET", f"/supply-orders/{order}")
    lines = version.json()["lines"]
    page.wait_for_timeout(1500)
    page.locator(".grid").focus()
    page.keyboard.press("ArrowDown")
    changed = tower.ask(
        "PATCH",
        f"/supply-orders/{order}",
        headers={"If-Match": version.headers["etag"]},
        json={"lines": [{"line": lines[0]["line"], "expected_on": "2027-04-05"}]},
    )
    assert changed.status_code == 200, changed.text
    page.goto(tower.address + f"/supply?tab=placed&f.order={order}")
    page.locator(".grid .lines .cell").first.wait_for()
    assert "5 Apr 2027" in page.inner_text(".grid")
