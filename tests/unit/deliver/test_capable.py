"""What nobody has ordered yet can still be promised, after all that is there."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.model import Dataset

TODAY = date(2026, 11, 23)


def shop(*, on_hand: int, wanted: int) -> Dataset:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return Dataset(
        {
            "items": pl.DataFrame({"item": ["A"], "weight_kg": [0.4]}),
            "locations": pl.DataFrame(
                {
                    "location": ["WH1"],
                    "kind": ["warehouse"],
                    "postal_code": ["60601"],
                    "calendar": ["all"],
                }
            ),
            "calendars": pl.DataFrame({"calendar": ["all"]}),
            "channels": pl.DataFrame({"channel": ["FBM"], "kind": ["fbm"], "location": ["WH1"]}),
            "suppliers": pl.DataFrame({"supplier": ["S"]}),
            "supplier_offers": pl.DataFrame(
                {
                    "supplier": ["S"],
                    "item": ["A"],
                    "unit_price": [1.0],
                    "lead_time_days_mean": [7.0],
                }
            ),
            "inventory": pl.DataFrame({"item": ["A"], "location": ["WH1"], "on_hand": [on_hand]}),
            "orders": pl.DataFrame(
                {
                    "order": ["O"],
                    "line": [1],
                    "item": ["A"],
                    "channel": ["FBM"],
                    "quantity": [wanted],
                    "ordered_at": [at],
                    "status": ["open"],
                    "ship_postal_code": ["60601"],
                }
            ),
        }
    )


def test_three_wanted_two_there_none_coming_gives_two_and_a_day_for_the_third() -> None:
    found = source_orders(
        shop(on_hand=2, wanted=3), SourcingParams(confidence_share=0.5), as_of=TODAY
    )["promises"]
    assert found.select("leg", "quantity", "basis").rows() == [(1, 2, "on_hand"), (2, 1, "capable")]
    # Bought on Monday, there in a week, two working days of carriage in zone 2.
    assert found["deliver_on"].to_list() == [date(2026, 11, 25), date(2026, 12, 2)]


def test_what_is_there_goes_before_what_could_be_bought() -> None:
    found = source_orders(shop(on_hand=3, wanted=3), as_of=TODAY)["promises"]
    assert found["basis"].to_list() == ["on_hand"]
    no_more = source_orders(shop(on_hand=2, wanted=3), SourcingParams(capable=False), as_of=TODAY)[
        "promises"
    ]
    assert no_more["basis"].to_list() == ["on_hand", "none"]
