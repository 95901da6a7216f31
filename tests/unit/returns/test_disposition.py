"""Worked examples by hand from the removal and liquidation cards."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.returns.disposition import DispositionParams, value_options

AS_OF = date(2026, 11, 22)
SOURCE = "test"


def cards() -> pl.DataFrame:
    """Return the lines of the 2026 removal and liquidation cards used below."""
    base = {"effective_from": date(2026, 1, 15), "basis": "unit", "grade": "secondary",
            "source": SOURCE, "band_unit": "lb"}  # fmt: skip
    lines = [
        {"fee_type": "DISPOSAL_FEE", "size_tier": "standard", "from_value": 0.0, "to_value": 0.5,
         "amount": 0.84},
        {"fee_type": "DISPOSAL_FEE", "size_tier": "standard", "from_value": 2.0, "amount": 2.89,
         "amount_per_step": 1.06, "step": 1.0},
        {"fee_type": "LIQUIDATION_PROCESSING_FEE", "size_tier": "standard", "from_value": 0.0,
         "to_value": 0.5, "amount": 0.25},
        {"fee_type": "LIQUIDATION_RECOVERY", "amount_low": 0.05, "amount_high": 0.10},
        {"fee_type": "LIQUIDATION_REFERRAL_FEE", "amount": 0.15},
    ]  # fmt: skip
    rows = [{"card": "c", "line": n, **base, **line} for n, line in enumerate(lines, start=1)]
    return pl.DataFrame(rows, infer_schema_length=None)


def company(state: str, *, place: str = "FBA-US", kg: float = 0.2, status: str | None = None,
            item: dict[str, object] | None = None) -> Dataset:  # fmt: skip
    row = {"item": "A", "unit_cost": 6.0, "price": 40.0, "weight_kg": kg, "length_cm": 20.0,
           "width_cm": 10.0, "height_cm": 5.0, **(item or {})}  # fmt: skip
    return Dataset(
        {
            "items": pl.DataFrame([row]),
            "locations": pl.DataFrame(
                {
                    "location": ["FBA-US", "WH1"],
                    "kind": ["fulfilment_network", "warehouse"],
                    "calendar": ["c", "c"],
                }
            ),
            "fee_cards": cards(),
            "returns": pl.DataFrame(
                {
                    "return_id": ["R"],
                    "item": ["A"],
                    "location": [place],
                    "quantity": [2],
                    "returned_at": [datetime(2026, 11, 1, tzinfo=UTC)],
                    "disposition": [state],
                    "status": [status],
                },
                schema_overrides={"status": pl.String()},
            ),
        }
    )


def values(dataset: Dataset, params: DispositionParams | None = None) -> dict[str, float | None]:
    found = value_options(dataset, params, as_of=AS_OF)["dispositions"]
    return dict(found.select("option", "value").iter_rows())


def chosen(dataset: Dataset, params: DispositionParams | None = None) -> list[str]:
    found = value_options(dataset, params, as_of=AS_OF)["dispositions"]
    return found.filter(pl.col("chosen"))["option"].to_list()


def test_a_sellable_unit_goes_back_and_saves_a_purchase() -> None:
    assert chosen(company("SELLABLE")) == ["restock"]
    assert values(company("SELLABLE"))["restock"] == pytest.approx(12.0)


def test_a_defective_unit_in_the_network_is_liquidated_by_the_card() -> None:
    # 0.2 kg is 0.441 lb, charged as 0.5: 40 x (5 + 10) / 2 % x 0.85 - 0.25 = 2.30 a unit.
    dataset = company("DEFECTIVE")
    assert values(dataset)["liquidate"] == pytest.approx(2 * 2.30)
    assert values(dataset)["dispose"] == pytest.approx(2 * -0.84)
    assert chosen(dataset) == ["liquidate"]


def test_a_cheap_heavy_unit_is_disposed_of_at_its_started_pounds() -> None:
    # 1.5 kg is 3.307 lb, charged as 4: 2.89 + 2 x 1.06 = 5.01; liquidation of it is unknown here.
    found = values(company("DEFECTIVE", kg=1.5))
    assert found["dispose"] == pytest.approx(2 * -5.01)
    assert found["liquidate"] is None


def test_dangerous_goods_have_an_unknown_fee_and_no_way_is_chosen() -> None:
    dataset = company("DEFECTIVE", item={"hazmat": True})
    outcome = value_options(dataset, as_of=AS_OF)
    assert values(dataset)["dispose"] is None
    assert not outcome["dispositions"]["chosen"].any()
    assert outcome.explanations is not None
    assert "infeasible" in set(outcome.explanations["reason_code"])


def test_a_unit_not_yet_back_may_stay_with_the_customer() -> None:
    dataset = company("DEFECTIVE", place="WH1", status="requested", item={"price": 10.0})
    assert chosen(dataset) == ["returnless_refund"]
    assert values(company("DEFECTIVE", place="WH1"))["returnless_refund"] is None


def test_mending_at_home_weighs_success_against_disposal() -> None:
    # 60 % x 6.00 - 40 % x 1.25 - 5.00 - 0.75.
    found = values(company("DEFECTIVE", place="WH1"))
    assert found["refurbish"] == pytest.approx(2 * (0.6 * 6.0 - 0.4 * 1.25 - 5.75))
    # 16 % of used sales take a new one that leaves 40 x 0.85 - 6 = 28, its unit of 6.00 kept:
    # 70 % x (20 x 0.85 - 6 - 16 % x 22) - 30 % x 1.25 - 0.75.
    net = 11.0 - 0.16 * 22.0
    assert found["sell_used"] == pytest.approx(2 * (0.7 * net - 0.3 * 1.25 - 0.75))
    assert chosen(company("DEFECTIVE", place="WH1")) == ["sell_used"]


def test_what_a_supplier_credits_is_unknown_until_told() -> None:
    assert values(company("DEFECTIVE", place="WH1"))["return_to_vendor"] is None
    told = DispositionParams(vendor_credit_share=1.0, return_carriage_cost=1.0)
    assert values(company("DEFECTIVE", place="WH1"), told)["return_to_vendor"] == pytest.approx(8.5)


def test_one_way_is_chosen_a_return_and_it_is_allowed_and_the_best() -> None:
    for state in ("SELLABLE", "DEFECTIVE", "CUSTOMER_DAMAGED", "EXPIRED", ""):
        for place in ("FBA-US", "WH1"):
            found = value_options(company(state, place=place), as_of=AS_OF)["dispositions"]
            picked = found.filter(pl.col("chosen")).to_dicts()
            assert len(picked) == 1
            assert picked[0]["allowed"]
            assert picked[0]["value"] == found.filter(pl.col("allowed"))["value"].max()


def test_what_is_already_disposed_of_is_left_alone() -> None:
    done = company("DEFECTIVE", status="Reimbursed")
    assert value_options(done, as_of=AS_OF)["dispositions"].height == 0


def test_a_dear_sellable_unit_goes_back_to_stock_and_is_not_sold_used() -> None:
    dear = {"price": 300.0, "unit_cost": 60.0}
    dataset = company("SELLABLE", place="WH1", item=dear)
    assert chosen(dataset) == ["restock"]
    assert values(dataset)["restock"] == pytest.approx(2 * (60.0 - 0.75))
    # A used sale leaves 150 x 0.85 - 6 = 121.5, and takes one of a new unit that leaves 249
    # and keeps a unit worth 60: less than nothing.
    used = 0.7 * (121.5 - (249.0 - 60.0)) - 0.3 * 1.25 - 0.75
    assert values(dataset)["sell_used"] == pytest.approx(2 * used)


def plan_tables(*, closing: float, demand: float, bought: bool, short: bool) -> dict[str, object]:
    tables: dict[str, object] = {
        "projected_stock": pl.DataFrame(
            [
                {"item": "A", "location": "WH1", "period_start": date(2026, 11, 23 + 7 * week),
                 "opening": 0.0, "receipts": 0.0, "issues": 0.0, "demand": demand, "unmet": 0.0,
                 "closing": closing}
                for week in range(1)
            ]
        ),
    }  # fmt: skip
    if bought:
        tables["supply_plan"] = pl.DataFrame(
            [{"decision": "B", "kind": "buy", "item": "A", "source": "S", "destination": "WH1",
              "quantity": 10, "start_on": date(2027, 1, 3), "due_on": date(2027, 2, 1),
              "unit_cost": 7.0}]
        )  # fmt: skip
    if short:
        tables["unmet_demand"] = pl.DataFrame(
            [{"item": "A", "location": "WH1", "period_start": date(2026, 11, 23), "units": 3.0,
              "reason_code": "lead_time"}]
        )  # fmt: skip
    return tables


@pytest.mark.parametrize(
    ("closing", "bought", "short", "worth"),
    [
        # Six weeks of carrying 6.00 at 25 % a year until the purchase it saves.
        (10.0, True, False, 7.0 - 6.0 * 0.25 / 52 * 6),
        # Never bought again: its turn comes after 1 + 100 / 10 weeks; a sale leaves 28.
        (100.0, False, False, 28.0 - 6.0 * 0.25 / 52 * 11),
        # Short and not bought: the sale itself.
        (0.0, False, True, 28.0),
    ],
)
def test_a_unit_back_in_stock_is_worth_what_the_plan_makes_of_it(
    closing: float, bought: bool, short: bool, worth: float
) -> None:
    tables = plan_tables(closing=closing, demand=10.0, bought=bought, short=short)
    dataset = company("SELLABLE", place="WH1").with_tables(**tables)  # type: ignore[arg-type]
    assert values(dataset)["restock"] == pytest.approx(2 * (worth - 0.75))
    assert chosen(dataset) == ["restock"]


def test_stock_that_never_sells_is_worth_its_salvage_only() -> None:
    tables = plan_tables(closing=50.0, demand=0.0, bought=False, short=False)
    dataset = company("SELLABLE", place="WH1", item={"salvage_value": 1.0}).with_tables(**tables)  # type: ignore[arg-type]
    assert values(dataset)["restock"] == pytest.approx(2 * (1.0 - 0.75))


def test_a_full_bench_mends_what_gains_most_by_the_minute() -> None:
    base = company("CUSTOMER_DAMAGED", place="WH1")
    items = [
        {"item": name, "unit_cost": cost, "price": 10.0, "weight_kg": 0.2, "length_cm": 20.0,
         "width_cm": 10.0, "height_cm": 5.0}
        for name, cost in (("A", 40.0), ("B", 80.0))
    ]  # fmt: skip
    rows = [
        {"return_id": f"R{name}", "item": name, "location": "WH1", "quantity": 1,
         "returned_at": datetime(2026, 11, 1, tzinfo=UTC), "disposition": "CUSTOMER_DAMAGED"}
        for name in ("A", "B")
    ]  # fmt: skip
    dataset = base.with_tables(items=pl.DataFrame(items), returns=pl.DataFrame(rows))
    free = value_options(dataset, as_of=AS_OF)["dispositions"].filter(pl.col("chosen"))
    assert set(free["option"]) == {"repackage"}
    tight = value_options(dataset, DispositionParams(bench_minutes=7.0), as_of=AS_OF)
    picked = dict(
        tight["dispositions"].filter(pl.col("chosen")).select("return_id", "option").iter_rows()
    )
    assert picked["RB"] == "repackage"
    assert picked["RA"] != "repackage"
    assert tight.explanations is not None
    bound = tight.explanations.filter(pl.col("reason_code") == "constraint_bound")
    assert bound["subject"].to_list() == ["return:RA"]
    assert tight.notes["bench_minutes_used"] == 6.0
