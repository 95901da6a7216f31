"""Causes that stand out from chance, and the trail from a complaint to the action."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.returns.care import open_case
from fivefold.returns.causes import find_causes, trail

AS_OF = date(2026, 11, 22)
BACK = datetime(2026, 11, 1, tzinfo=UTC)


def company(defects_of_a: int, *, seed: int = 1) -> Dataset:
    """Return 20 items with 40 returns each, 10 % defective by chance; A has more."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(20):
        item = "A" if n == 0 else f"I{n}"
        defects = defects_of_a if n == 0 else int(rng.binomial(40, 0.1))
        rows += [
            {"return_id": f"{item}-{k}", "order": f"O-{item}-{k}", "item": item, "quantity": 1,
             "returned_at": BACK, "reason": "DEFECTIVE" if k < defects else "UNWANTED_ITEM",
             "disposition": "DEFECTIVE" if k < defects else "SELLABLE"}
            for k in range(40)
        ]  # fmt: skip
    orders = pl.DataFrame(
        [{"order": row["order"], "line": 1, "item": row["item"], "channel": "FBM", "quantity": 10,
          "ordered_at": datetime(2026, 10, 1, tzinfo=UTC), "status": "shipped", "location": "WH1"}
         for row in rows]
    )  # fmt: skip
    receipts = pl.DataFrame(
        [{"receipt": "GR1", "order": "PO1", "line": 1, "supplier": "SUP1", "item": "A",
          "received_on": date(2026, 9, 1), "quantity_ordered": 100, "quantity_received": 100}]
    )  # fmt: skip
    inspections = pl.DataFrame(
        [{"inspection": "Q1", "order": "PO1", "supplier": "SUP1", "item": "A", "location": "WH1",
          "inspected_on": date(2026, 9, 2), "lot_size": 100, "sample_size": 20,
          "accept_number": 1, "reject_number": 2, "defects_found": 0, "verdict": "accepted"}]
    )  # fmt: skip
    return Dataset(
        {
            "items": pl.DataFrame({"item": sorted({row["item"] for row in rows})}),
            "returns": pl.DataFrame(rows),
            "orders": orders,
            "goods_receipts": receipts,
            "inspections": inspections,
        }
    )


def test_a_defect_that_stands_out_asks_for_inspection_of_its_supplier() -> None:
    (row,) = find_causes(company(20), as_of=AS_OF)["care_actions"].to_dicts()
    assert (row["owner"], row["item"], row["supplier"]) == ("inspection", "A", "SUP1")
    assert (row["units"], row["units_back"], row["share"]) == (20, 40, 0.5)
    assert row["field_defects_ppm"] == pytest.approx(1e6 * 20 / 400)
    assert "SUP1" in row["text"]
    again = find_causes(company(20), as_of=AS_OF)["care_actions"].to_dicts()
    assert again == [row]


def test_chance_alone_raises_few_alarms() -> None:
    alarms = sum(
        find_causes(company(4, seed=seed), as_of=AS_OF)["care_actions"].height for seed in range(20)
    )
    assert alarms <= 3


def test_no_returns_ask_nobody_for_anything() -> None:
    dataset = Dataset({"items": pl.DataFrame({"item": ["A"]})})
    assert find_causes(dataset, as_of=AS_OF)["care_actions"].height == 0


def test_the_trail_leads_from_the_complaint_to_the_lot_and_the_action() -> None:
    case = open_case(kind="complaint", opened_at=BACK, order="O-A-0", item="A", reason="DEFECTIVE")
    steps = trail(company(20), case, as_of=AS_OF)
    assert [step.step for step in steps] == [
        "complaint", "order", "return", "cause", "receipt", "inspection", "supplier", "action",
    ]  # fmt: skip
    by = {step.step: step for step in steps}
    assert by["receipt"].name == "GR1"
    assert "0 defects in 20 of 100" in by["inspection"].text
    assert "20 units of the item, 50%" in by["cause"].text
    assert by["action"].name.startswith("care:inspection:")
    plain = open_case(kind="question", opened_at=BACK, item="A")
    assert [step.step for step in trail(company(4), plain, as_of=AS_OF)] == [
        "complaint", "cause", "action",
    ]  # fmt: skip
