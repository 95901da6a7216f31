"""Drawings of the S&OP room say what they show, and are as thick as what they show."""

from __future__ import annotations

import re

import pytest

from fivefold.web.sop_drawing import Flows, Month, month_balance, three_flows

FLOWS = Flows(
    goods={
        (0, 1): (300.0, 1000.0),
        (0, 2): (100.0, 3000.0),
        (1, 1): (90.0, 2000.0),
        (1, 2): (90.0, 2000.0),
        (2, 4): (150.0, 4000.0),
    },
    money={
        "revenue": 9000.0,
        "fees": 2000.0,
        "not_yet_paid": 500.0,
        "carriage_and_work": 500.0,
        "purchases_paid": 4000.0,
        "cash_flow": 2000.0,
    },
    facts=[(4, "order lines read", 12_000), (0, "purchase orders", 7)],
)


def bars(svg: str) -> dict[str, float]:
    """Return the height of each bar by its tip."""
    found = re.findall(r'<rect [^>]*height="([\d.]+)"[^>]*><title>([^<]*)</title>', svg)
    return {tip: float(height) for height, tip in found}


def test_the_three_flows_are_told_in_words_and_drawn_to_scale() -> None:
    svg = three_flows(FLOWS, width=1200).svg
    assert "100 units from suppliers to own stock" in svg
    assert "12,000 order lines read" in svg
    heights = bars(svg)
    goods = {tip: high for tip, high in heights.items() if tip.endswith("at cost")}
    assert goods["Suppliers: 4,000 at cost"] == pytest.approx(
        goods["Plants: 2,000 at cost"] * 2, rel=0.01
    )
    assert heights["goods paid: 4,000"] == pytest.approx(2 * heights["fees: 2,000"], rel=0.01)
    assert heights["Left over: 2,000"] == pytest.approx(heights["fees: 2,000"], rel=0.01)


def test_money_that_is_lost_is_drawn_from_cash() -> None:
    lost = {**FLOWS.money, "purchases_paid": 7000.0, "cash_flow": -1000.0}
    svg = three_flows(Flows(goods=FLOWS.goods, money=lost, facts=()), width=1200).svg
    assert "from cash" in svg
    none = dict.fromkeys(lost, 0.0)
    assert "No price is known" in three_flows(Flows(goods={}, money=none, facts=())).svg


def test_a_month_shows_the_share_served_and_its_columns_to_scale() -> None:
    months = [
        Month(name="Dec 2026", demand=200.0, served=150.0, comes_in=180.0, closing=90.0),
        Month(name="Jan 2027", demand=100.0, served=100.0, comes_in=0.0, closing=0.0),
    ]
    svg = month_balance(title="Balance", months=months).svg
    assert ">75 %</text>" in svg
    columns = re.findall(r'<rect [^>]*height="([\d.]+)"[^>]*><title>Dec 2026', svg)
    wanted, served = map(float, columns)
    assert served / wanted == pytest.approx(0.75, rel=0.02)
    assert "Nothing to draw" in month_balance(title="Balance", months=[]).svg
