from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.deliver.channel_terms import ChannelParams
from fivefold.deliver.channels import choose_channels
from fivefold.model import Dataset

AS_OF = date(2026, 6, 1)


def company(**changes: pl.DataFrame) -> Dataset:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    return Dataset(
        {
            "items": pl.DataFrame(
                {
                    "item": ["LAMP", "ACID"],
                    "category": ["Kitchen", "Kitchen"],
                    "price": [30.0, 20.0],
                    "unit_cost": [8.0, 4.0],
                    # 10 x 8 x 5 in, 2 lb: volume weight 2.878 lb.
                    "length_cm": [25.4, 25.4],
                    "width_cm": [20.32, 20.32],
                    "height_cm": [12.7, 12.7],
                    "weight_kg": [0.90718474, 0.90718474],
                    "hazmat": [False, True],
                }
            ),
            "locations": pl.DataFrame(
                {
                    "location": ["WH1", "FBA-US"],
                    "kind": ["warehouse", "fulfilment_network"],
                    "calendar": ["c", "c"],
                    "postal_code": ["60601", None],
                    "picking_cost_per_unit": [1.25, None],
                }
            ),
            "channels": pl.DataFrame(
                {
                    "channel": ["FBA", "FBM", "ONSITE"],
                    "kind": ["fba", "fbm", "fba_onsite"],
                    "location": ["FBA-US", "WH1", "WH1"],
                }
            ),
            "offers": pl.DataFrame({"item": ["LAMP", "ACID"], "channel": ["FBA", "FBM"]}),
            "orders": pl.DataFrame(
                {
                    "order": ["1"],
                    "line": [1],
                    "item": ["LAMP"],
                    "channel": ["FBA"],
                    "quantity": [520],
                    "ordered_at": [at],
                    "status": ["delivered"],
                    "ship_postal_code": ["60601"],
                }
            ),
            **changes,
        }
    )


def line(dataset: Dataset, channel: str, name: str, item: str = "LAMP") -> dict[str, object]:
    fees = choose_channels(dataset, as_of=AS_OF)["channel_fees"]
    return fees.filter(
        (pl.col("item") == item) & (pl.col("channel") == channel) & (pl.col("line") == name)
    ).to_dicts()[0]


def test_contribution_is_price_less_every_line_and_the_ends_enclose_it() -> None:
    outcome = choose_channels(company(), as_of=AS_OF)
    for row in outcome["channel_choices"].filter(pl.col("item") == "LAMP").iter_rows(named=True):
        lines = outcome["channel_fees"].filter(
            (pl.col("item") == "LAMP") & (pl.col("channel") == row["channel"])
        )
        assert row["contribution_low"] == pytest.approx(row["price"] - lines["amount_high"].sum())
        assert row["contribution_high"] == pytest.approx(row["price"] - lines["amount_low"].sum())
        assert row["contribution_low"] <= row["contribution"] <= row["contribution_high"]


def test_the_lines_of_fba_are_those_of_the_card_by_hand() -> None:
    dataset = company()
    # Large standard at 400 / 139 = 2.878 lb, 10 to 50 USD, off peak: 6.67; surcharge 3.5 %.
    assert line(dataset, "FBA", "BASE_FBA_FULFILLMENT_FEE")["amount"] == 6.67
    assert line(dataset, "FBA", "FUEL_LOGISTICS_SURCHARGE")["amount"] == pytest.approx(0.23345)
    assert line(dataset, "FBA", "REFERRAL_FEES")["amount"] == pytest.approx(4.5)
    # 0.2315 cu ft for 45 days at 0.78 a month.
    stored = line(dataset, "FBA", "BASE_MONTHLY_STORAGE_FEE")["amount"]
    assert stored == pytest.approx(400 / 1728 * 0.78 * 45 / (365 / 12), abs=1e-4)
    assert line(dataset, "FBA", "FBA_INBOUND_PLACEMENT_SERVICE_FEE")["amount"] is None


def test_carriage_of_fbm_is_the_assumed_rate_and_says_so() -> None:
    row = line(company(), "FBM", "PARCEL_CARRIAGE")
    # Zone 2, 2.878 lb: 4.80 and two started pounds above the first at 0.35.
    assert row["amount"] == pytest.approx(5.50)
    assert (row["grade"], row["card"]) == ("assumed", "assumed_parcel_rates")
    assert row["amount_low"] == pytest.approx(5.50 * 0.75)


def test_onsite_takes_no_dangerous_goods_and_no_more_than_50000_units() -> None:
    held = pl.DataFrame({"item": ["LAMP"], "location": ["WH1"], "on_hand": [50_001]})
    choices = choose_channels(company(inventory=held), as_of=AS_OF)["channel_choices"]
    onsite = choices.filter(pl.col("channel") == "ONSITE").sort("item")
    assert onsite["eligible"].to_list() == [False, False]
    assert "dangerous goods" in onsite["ineligible_because"][0]
    assert "50,001" in onsite["ineligible_because"][1]
    assert not onsite["is_best"].any()


def test_the_unknown_onsite_discount_is_a_range_counted_at_its_low_end() -> None:
    row = line(company(), "ONSITE", "FBA_ONSITE_DISCOUNT")
    assert (row["amount"], row["grade"]) == (None, "unknown")
    assert row["amount_low"] == pytest.approx(-0.5 * 6.67)
    assert row["amount_high"] == pytest.approx(0.0)


def test_what_was_charged_goes_before_what_is_listed_and_both_before_the_card() -> None:
    listed = pl.DataFrame(
        {
            "item": ["LAMP"],
            "channel": ["FBA"],
            "fee_type": ["expected-fulfillment-fee-per-unit"],
            "amount": [6.11],
            "as_of": [date(2026, 5, 20)],
            "source": ["fee preview"],
        }
    )
    found = line(company(listed_fees=listed), "FBA", "BASE_FBA_FULFILLMENT_FEE")
    assert (found["amount"], found["grade"]) == (6.11, "listed")
    at = datetime(2026, 5, 2, tzinfo=UTC)
    settled = pl.DataFrame(
        {
            "settlement": ["S", "S"],
            "line": [1, 2],
            "transaction_type": ["Order", "Order"],
            "item": ["LAMP", "LAMP"],
            "amount_type": ["ItemPrice", "ItemFees"],
            "amount_description": ["Principal", "FBAPerUnitFulfillmentFee"],
            "amount": [600.0, -126.0],
            "quantity": [20, None],
            "posted_at": [at, at],
        }
    )
    both = company(listed_fees=listed, settlements=settled)
    found = line(both, "FBA", "BASE_FBA_FULFILLMENT_FEE")
    assert (found["amount"], found["grade"]) == (pytest.approx(6.3), "actual")


def test_a_fee_stated_under_another_card_is_not_used() -> None:
    stale = pl.DataFrame(
        {
            "item": ["LAMP"],
            "channel": ["FBA"],
            "fee_type": ["FBA_FULFILLMENT_FEES"],
            "amount": [1.0],
            "as_of": [date(2025, 12, 1)],
        }
    )
    found = line(company(listed_fees=stale), "FBA", "BASE_FBA_FULFILLMENT_FEE")
    assert found["amount"] == 6.67


def test_gain_is_measured_against_today_at_the_demand_of_a_year() -> None:
    choices = choose_channels(company(), as_of=AS_OF)["channel_choices"]
    lamp = {row["channel"]: row for row in choices.iter_rows(named=True) if row["item"] == "LAMP"}
    assert lamp["FBA"]["is_today"]
    assert lamp["FBA"]["gain_per_year"] == 0.0
    difference = lamp["FBM"]["contribution"] - lamp["FBA"]["contribution"]
    assert lamp["FBM"]["gain_per_year"] == pytest.approx(520 * difference)
    best = max(lamp.values(), key=lambda row: row["contribution"])
    assert [row["channel"] for row in lamp.values() if row["is_best"]] == [best["channel"]]


def test_reasons_give_the_next_best_the_card_and_what_is_unknown() -> None:
    outcome = choose_channels(company(), as_of=AS_OF)
    assert outcome.explanations is not None
    mine = outcome.explanations.filter(pl.col("subject") == "channel:LAMP")
    assert {"next_best", "fee_card", "unknown_figure", "unit_cost"} <= set(mine["reason_code"])
    assert "break even" in mine.filter(pl.col("reason_code") == "next_best")["text"][0]


def test_without_channels_there_is_nothing_to_choose_and_no_error() -> None:
    outcome = choose_channels(Dataset(), as_of=AS_OF)
    assert outcome["channel_choices"].height == 0
    assert outcome.has_answer


def test_params_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="onsite_discount_low"):
        ChannelParams(onsite_discount_low=0.6)
