"""Journey: goods come back, are graded, each way is valued, one chosen, the refund booked."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN

pytestmark = pytest.mark.browser


def sold(tower: Any, place: int) -> dict[str, Any]:
    """Return an order line of one item that was shipped from our own warehouse."""
    company = tower.app.state.context.companies.company(OWN)
    rows = company.dataset(as_of=company.today())["orders"]
    single = rows.filter((pl.len().over("order") == 1) & (pl.col("status") == "shipped"))
    own = single.filter(pl.col("channel") == "FBM").sort("ordered_at", "order", descending=True)
    return own.row(place, named=True)


def test_a_return_is_graded_valued_and_refunded_by_mouse(seller_tower: Any) -> None:
    tower, line = seller_tower, sold(seller_tower, 0)
    page = tower.go("/returns")
    page.fill("[name=r_order]", line["order"])
    page.fill("[name=r_item]", line["item"])
    page.select_option("[name=r_condition]", "CUSTOMER_DAMAGED")
    page.click("text=Value it")
    page.wait_for_selector(".ways")
    values = page.locator(".ways li:not(.off) .n").all_inner_texts()
    assert len(values) > 2, "each way has its value"
    assert page.locator(".ways .pill.good").count() == 1
    tower.shoot("return-valued")
    page.click("text=Take it in and refund")
    page.wait_for_selector("#toast:has-text('refunded')")
    assert f"{line['unit_price']:,.2f}" in page.inner_text("#toast")
    assert line["order"] in page.inner_text("#desk")
    tower.shoot("return-refunded")
    company = tower.app.state.context.companies.company(OWN)
    back = company.dataset(as_of=company.today())["returns"].filter(
        pl.col("order") == line["order"]
    )
    assert back.height == 1
    told = tower.ask("GET", "/ledger/trace/money", params={"order": line["order"]}).json()
    assert "refund" in str(told).lower(), "the refund stands in the books"


def test_a_return_is_taken_in_by_keyboard_alone_another_way_than_the_best(
    seller_tower: Any,
) -> None:
    tower, line = seller_tower, sold(seller_tower, 1)
    page = tower.go("/returns")
    page.locator("[name=r_order]").focus()
    page.keyboard.type(line["order"])
    page.keyboard.press("Tab")
    page.keyboard.type(line["item"])
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ways")
    best = page.locator(".ways input:checked").get_attribute("value")
    page.locator(".ways input:checked").focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator(".ways input:checked").get_attribute("value")
    assert chosen != best
    while page.evaluate("document.activeElement.tagName") != "BUTTON":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast:has-text('refunded')")
    company = tower.app.state.context.companies.company(OWN)
    opened = company.recorded("case.opened")[-1].body
    assert opened["chosen"] == chosen
    assert opened["refund"] == pytest.approx(line["unit_price"])


def test_an_order_nobody_knows_is_told(seller_tower: Any) -> None:
    page = seller_tower.go("/returns?r_order=NOBODY&r_item=X&r_units=1&r_condition=SELLABLE")
    assert "no order" in page.inner_text("[role=alert]")
