"""Journeys on the seller: morning exceptions to an accepted plan, a wrong file to a loaded one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fivefold.api.access import OWN
from fivefold.cycle.decisions import placed_orders
from fivefold.ledger.verify import verify

pytestmark = pytest.mark.browser
WRONG = "item,title,unit_cost,price\n{item},Pot,1O,25\n"


def company(tower: Any) -> Any:
    return tower.app.state.context.companies.company(OWN)


def orders_in_the_books(tower: Any) -> set[str]:
    return set(placed_orders(company(tower)))


def test_the_morning_goes_from_exceptions_to_orders_in_the_books_by_mouse(
    seller_tower: Any,
) -> None:
    tower = seller_tower
    page = tower.go("/?kind=order")
    first = page.locator(".decisions > li").first
    name = first.locator("[name=name]").get_attribute("value")
    first.get_by_role("button", name="Why").last.click()
    page.wait_for_selector("#drawer:not([hidden]) .reasons")
    tower.shoot("morning-why")
    page.click("[data-close]")
    page.locator("#drawer").wait_for(state="hidden")
    first.get_by_role("link", name="Edit").click()
    page.wait_for_selector(".grid .cell.editable")
    assert name in page.inner_text("h1")
    page.click("text=Place this order")
    page.wait_for_selector("#toast:has-text('is placed')")
    assert name in orders_in_the_books(tower)
    assert tower.ask("GET", f"/supply-orders/{name}").json()["lines"], "the API has it"
    page = tower.go("/supply")
    page.click("text=Accept this week’s orders")
    page.wait_for_selector("#toast:has-text('accepted')")
    placed = orders_in_the_books(tower)
    assert len(placed) > 5, "what starts within a week became orders"
    tower.shoot("morning-accepted")
    accepted = company(tower).current_plan()
    assert accepted is not None
    assert verify(company(tower).journal).ok, "the books are whole"
    page = tower.go("/sop")
    assert accepted.plan in page.inner_text(".notice.good")


def test_a_decision_is_put_off_and_another_accepted_by_keyboard_alone(seller_tower: Any) -> None:
    tower = seller_tower
    page = tower.go("/?kind=shortage")
    what = page.locator(".decisions .what").first.inner_text()
    page.locator(".decisions > li").first.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator(".decisions details[open]").count() == 0
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "4 weeks"
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast:has-text('Put off until 20 Dec')")
    page.wait_for_function(
        "what => document.querySelector('.decisions .what').innerText !== what", arg=what
    )
    page = tower.go("/supply?tab=orders")
    page.locator(".grid .lines .cell").first.wait_for()
    page.locator(".grid").focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector("#drawer:not([hidden]) a.btn")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.tagName") != "A":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Place this order")
    name = page.inner_text("h1")
    assert name not in orders_in_the_books(tower)
    page.locator("#main").focus()
    while page.evaluate("document.activeElement.value") != "accept":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast:has-text('is placed')")
    assert name in orders_in_the_books(tower)
    assert verify(company(tower).journal).ok


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_file_with_an_error_is_mended_in_place_and_loaded(
    seller_tower: Any, tmp_path: Path, way: str
) -> None:
    tower, item = seller_tower, f"POT-{way}"
    path = tmp_path / f"items-{way}.csv"
    path.write_text(WRONG.format(item=item))
    page = tower.go("/data")
    with page.expect_file_chooser() as chooser:
        if way == "mouse":
            page.click(".drop .btn")
        else:
            page.locator("input[type=file]").focus()
            page.keyboard.press("Enter")
    chooser.value.set_files(str(path))
    page.wait_for_selector("#review .problem")
    assert "1O" in page.inner_text("#review")
    tower.shoot(f"import-error-{way}")
    field = page.locator("#review input[name=value]")
    if way == "mouse":
        field.fill("10")
        page.click("text=Mend here")
        page.click("text=Load 1 file")
    else:
        field.focus()
        page.keyboard.type("10")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Load 1 file")
        page.locator("#review").focus()
        while page.evaluate("document.activeElement.innerText") != "Load 1 file":
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    page.wait_for_selector("#review", state="detached")
    rows = company(tower).imported()["items"]
    assert item in rows["item"]
    costs = dict(rows.select("item", "unit_cost").iter_rows())
    assert costs[item] == 10.0
    tower.shoot(f"import-loaded-{way}")


def test_a_view_is_kept_a_plan_commented_and_agreed_to(seller_tower: Any) -> None:
    tower = seller_tower
    page = tower.go("/inventory?f.status=excess")
    page.click(".views summary")
    page.fill(".views [name=name]", "Too much")
    page.click(".views button")
    page.wait_for_selector("#toast:has-text('Kept as Too much')")
    page = tower.go("/sop")
    page.click(".views summary")
    page.click(".views a:has-text('Too much')")
    page.wait_for_url("**/inventory?f.status=excess")
    page = tower.go("/sop")
    page.fill("textarea", "Agreed with the bank <b>")
    page.click("text=Write")
    page.wait_for_selector("#signing:has-text('Agreed with the bank <b>')")
    page.locator("#signing").get_by_role("button", name="Agree for finance").click()
    page.wait_for_selector("#signing:has-text('1 of 3 agree')")


def test_the_map_goes_weeks_ahead_and_the_policy_answers_at_once(seller_tower: Any) -> None:
    page = seller_tower.go("/")
    page.locator("input[name=weeks]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#map-body:has-text('In 4 weeks')")
    assert "weeks=4" in page.url
    page = seller_tower.go("/inventory?tab=service")
    before = page.locator("#whole-policy .value").first.inner_text()
    page.locator("input[name=service]").focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "was => document.querySelector('#whole-policy .value')?.innerText !== was", arg=before
    )
