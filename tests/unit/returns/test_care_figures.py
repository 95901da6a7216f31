"""Satisfaction and cost per case: by item and cause, known only as far as somebody told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.errors import DataError
from fivefold.model import Dataset, schema
from fivefold.returns.care_figures import CareFigureParams, care_figures, case_costs

AS_OF = date(2026, 11, 22)
OLIST = Path(__file__).parents[4] / "shared/data/olist"


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


def dataset(**tables: list[dict[str, Any]]) -> Dataset:
    base: dict[str, list[dict[str, Any]]] = {
        "items": [{"item": "A", "unit_cost": 10.0}, {"item": "B", "unit_cost": 20.0}],
        "orders": [
            {"order": "1", "line": 1, "item": "A", "channel": "FBM", "quantity": 1,
             "ordered_at": at(1), "promised_on": date(2026, 11, 4),
             "delivered_on": date(2026, 11, 3), "status": "delivered"},
            {"order": "2", "line": 1, "item": "A", "channel": "FBM", "quantity": 1,
             "ordered_at": at(1), "promised_on": date(2026, 11, 4),
             "delivered_on": date(2026, 11, 9), "status": "delivered"},
            {"order": "3", "line": 1, "item": "B", "channel": "FBM", "quantity": 1,
             "ordered_at": at(1), "status": "delivered"},
        ],
        "reviews": [
            {"review": "r1", "order": "1", "stars": 5, "reviewed_at": at(10)},
            {"review": "r2", "order": "2", "stars": 1, "reviewed_at": at(10)},
            {"review": "r3", "order": "3", "stars": 2, "reviewed_at": at(11)},
        ],
        "returns": [
            {"return_id": "b", "order": "3", "item": "B", "returned_at": at(9),
             "reason": "DEFECTIVE", "disposition": "DEFECTIVE"},
        ],
    }  # fmt: skip
    return Dataset({name: schema(name).frame(rows) for name, rows in {**base, **tables}.items()})


def figures(given: Dataset, **more: Any) -> dict[str, dict[str, Any]]:
    table = care_figures(given, CareFigureParams(**more), as_of=AS_OF)["care_figures"]
    return {row["subject"]: row for row in table.to_dicts()}


def test_a_review_is_about_what_was_said_sent_back_or_late() -> None:
    found = figures(dataset())
    assert next(iter(found)) == "all"
    assert found["all"]["answers"] == 3
    assert found["cause:none"]["csat_share"] == 1.0
    assert found["cause:promise"]["csat_share"] == 0.0
    assert found["item:B cause:inspection"]["stars_mean"] == 2.0
    # Counted by hand: one promoter, two detractors of three.
    assert found["all"]["nps"] == pytest.approx(-100 / 3)
    assert found["all"]["nps_from"] == "stars"
    own = dataset(
        reviews=[{"review": "r", "order": "1", "stars": 1, "reviewed_at": at(10),
                  "reason": "NOT_AS_DESCRIBED"}]
    )  # fmt: skip
    assert "item:A cause:listing" in figures(own)


def test_every_level_of_the_cube_adds_up() -> None:
    found = figures(dataset())
    causes = [row for name, row in found.items() if name.startswith("cause:")]
    items = [row for row in found.values() if row["item"] and not row["cause"]]
    assert sum(row["answers"] for row in causes) == found["all"]["answers"]
    assert sum(row["answers"] for row in items) == found["all"]["answers"]


def test_who_was_asked_to_recommend_is_read_from_that_question() -> None:
    rows = [
        {"review": f"r{k}", "stars": 3, "recommend": said, "reviewed_at": at(10)}
        for k, said in enumerate([10, 9, 8, 0])
    ]
    row = figures(dataset(reviews=rows))["all"]
    assert (row["nps"], row["nps_from"]) == (25.0, "question")
    # p = 1/2, d = 1/4: variance 3/4 - 1/16 over 4, so 1.96 x 0.4146 = 0.8126.
    assert row["nps_high"] == pytest.approx(100.0)
    assert row["nps_low"] == pytest.approx(25 - 81.26, abs=0.01)


def test_stars_out_of_range_name_the_review() -> None:
    rows = [{"review": "bad", "stars": 6, "reviewed_at": at(10)}]
    with pytest.raises(DataError, match=r"bad.*found stars 6"):
        figures(dataset(reviews=rows))


def case(name: str, **more: Any) -> dict[str, Any]:
    return {"case": name, "kind": "complaint", "item": "A", "order": "1", "opened_at": at(12),
            "reason": "DEFECTIVE", **more}  # fmt: skip


def test_a_case_costs_time_refund_and_goods_and_one_refund_counts_once() -> None:
    given = dataset(
        cases=[
            case("c1", kind="return", refund=30.0, goods_cost=8.0, minutes=15.0),
            case("c2", order="2", opened_at=at(13)),
            case("c3", order="2", opened_at=at(14)),
        ],
        settings=[{"name": "care_cost_per_hour", "value": "24"}],
        settlements=[
            {"settlement": "s", "line": 1, "transaction_type": "Refund", "order": "2",
             "item": "A", "amount_type": "ItemPrice", "amount": -19.0},
        ],
    )  # fmt: skip
    found = {cost.case: cost for cost in case_costs(given, as_of=AS_OF, days=30)}
    assert found["c1"].total == pytest.approx(15 / 60 * 24 + 30 + 8)
    # Ten minutes of the skill quality, what the settlement gave back, nothing lost.
    assert found["c2"].total == pytest.approx(4 + 19 + 0)
    assert found["c3"].total == pytest.approx(4)
    row = figures(given)["item:A"]
    assert (row["cases"], row["cases_costed"]) == (3, 3)
    assert row["cost_per_case"] == pytest.approx((44 + 23 + 4) / 3)


def test_what_nobody_told_stays_unknown_and_is_said() -> None:
    given = dataset(cases=[case("c1", order="3", item="B", kind="return")])
    outcome = care_figures(given, as_of=AS_OF)
    row = outcome["care_figures"].filter(pl.col("subject") == "item:B").row(0, named=True)
    assert (row["cases"], row["cases_costed"], row["cost_per_case"]) == (1, 0, None)
    told = outcome.explanations
    assert told is not None
    assert {r["reference"] for r in told.to_dicts()} == {"time", "refund", "goods"}


@pytest.mark.skipif(not OLIST.exists(), reason="needs ../shared/data/olist")
def test_real_reviews_of_late_orders_are_as_bad_as_counted_on_the_raw_files() -> None:
    said = pl.read_parquet(OLIST / "sample8135_order_reviews.parquet").unique("review_id")
    orders = pl.read_parquet(OLIST / "sample8135_orders.parquet")
    lines = pl.read_parquet(OLIST / "order_items_to_2018-04.parquet").join(
        orders, on="order_id", how="semi"
    )
    moment = pl.col("review_answer_timestamp").str.to_datetime().dt.replace_time_zone("UTC")
    day = {name: pl.col(f"order_{name}").str.slice(0, 10).str.to_date(strict=False)
           for name in ("delivered_customer_date", "estimated_delivery_date")}  # fmt: skip
    told = orders.with_columns(came=day["delivered_customer_date"],
                               due=day["estimated_delivery_date"])  # fmt: skip
    late = told.filter(pl.col("came") > pl.col("due"))["order_id"].to_list()
    tables = {
        "items": pl.DataFrame({"item": lines["product_id"].unique()}),
        "channels": pl.DataFrame({"channel": ["OLIST"], "kind": ["fbm"], "name": ["Olist"]}),
        "orders": lines.join(told, on="order_id").select(
            order="order_id", line=pl.col("order_item_id").cast(pl.Int64), item="product_id",
            channel=pl.lit("OLIST"), quantity=pl.lit(1, pl.Int64),
            ordered_at=pl.col("order_purchase_timestamp").str.to_datetime()
            .dt.replace_time_zone("UTC"),
            status=pl.lit("delivered"), promised_on="due", delivered_on="came",
        ),
        "reviews": said.select(
            review="review_id", order="order_id", stars=pl.col("review_score"), reviewed_at=moment
        ),
    }  # fmt: skip
    found = {
        row["subject"]: row
        for row in care_figures(
            Dataset(tables), CareFigureParams(days=2_000), as_of=date(2018, 12, 31)
        )["care_figures"].to_dicts()
    }
    known = said.join(lines, on="order_id", how="semi")
    by_hand = known.filter(pl.col("order_id").is_in(late))
    assert by_hand.height > 100
    assert found["all"]["answers"] == said.height
    assert found["cause:promise"]["answers"] == by_hand.height
    assert found["cause:promise"]["csat_share"] == pytest.approx(
        (by_hand["review_score"] >= 4).mean()
    )
    assert found["cause:promise"]["csat_high_share"] < found["cause:none"]["csat_low_share"]
