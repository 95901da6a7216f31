"""Journey: an imported open order is promised, shipped, its label printed, in a browser."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN

pytestmark = pytest.mark.browser


def open_order(tower: Any, place: int) -> str:
    """Return an imported open order of our own channel."""
    company = tower.app.state.context.companies.company(OWN)
    rows = company.dataset(as_of=company.today())["orders"].filter(
        (pl.col("status") == "open") & (pl.col("channel") == "FBM")
    )
    return str(rows["order"].unique().sort()[place])


def test_an_open_order_is_promised_shipped_and_labelled_by_mouse(seller_tower: Any) -> None:
    tower, order = seller_tower, open_order(seller_tower, 0)
    page = tower.go(f"/orders?order={order}")
    assert "not promised" in page.inner_text("#chosen")
    page.click("text=Promise and set aside")
    page.wait_for_selector("#chosen >> text=ready to ship")
    assert page.locator("#chosen svg.chart:visible").count() == 1
    page.click("text=Ship what is ready")
    page.wait_for_selector("#chosen >> text=Print label")
    company = tower.app.state.context.companies.company(OWN)
    parcels = company.dataset(as_of=company.today())["parcels"].filter(pl.col("order") == order)
    assert parcels.height >= 1
    with page.context.expect_page() as opened:
        page.click("text=Print label")
    label = opened.value
    label.wait_for_load_state()
    assert parcels["parcel"][0] in label.content()
    label.close()
    tower.shoot("order-shipped")


def test_an_order_is_promised_and_cancelled_by_keyboard_alone(seller_tower: Any) -> None:
    tower, order = seller_tower, open_order(seller_tower, 1)
    page = tower.go(f"/orders?order={order}")
    page.locator("#chosen .acts button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#chosen >> text=ready to ship")
    page.locator("#chosen .acts summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toast:has-text('Cancelled')")
    told = tower.ask("GET", f"/orders/{order}").json()
    assert told["state"] == "cancelled"
    assert [step["step"] for step in told["trail"]] == ["taken", "cancelled"]


def test_the_calculator_names_the_day_and_reserves_nothing(seller_tower: Any) -> None:
    tower = seller_tower
    company = tower.app.state.context.companies.company(OWN)
    stock = company.dataset(as_of=company.today())["inventory"].filter(
        (pl.col("location") == "WH1") & (pl.col("on_hand") > 20)
    )
    seq = company.journal.seq
    page = tower.go("/orders?tab=ask")
    page.fill("[name=ask_item]", stock["item"][0])
    page.fill("[name=ask_units]", "3")
    page.fill("[name=ask_zip]", "60601")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .told")
    assert "Chicago, IL" in page.inner_text("#answer .told")
    assert page.locator("#answer tbody tr").count() >= 1
    assert company.journal.seq == seq


def test_what_is_short_shows_three_rules_side_by_side(seller_tower: Any) -> None:
    tower = seller_tower
    company = tower.app.state.context.companies.company(OWN)
    stock = company.dataset(as_of=company.today())["inventory"].filter(
        (pl.col("location") == "WH1") & (pl.col("on_hand") > 20)
    )
    item, there = stock["item"][1], int(stock["on_hand"][1])
    for number, units in enumerate((there + 4, 6)):
        body = {"order": f"SHORT-{number}", "lines": [{"item": item, "quantity": units}]}
        assert tower.ask("POST", "/orders", json=body).status_code == 200
    page = tower.go("/orders?tab=share")
    cards = page.locator(".card.rule")
    assert cards.count() == 3
    assert "Customers late" in cards.first.inner_text()
    assert page.locator("tbody tr").count() == 2
