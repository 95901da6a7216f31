from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from fivefold.model import Dataset
from fivefold.plan.demand import cancelled_and_returned, daily_demand, in_stock_shares

AS_OF = date(2026, 1, 11)


def _orders(rows: list[tuple[str, str, int, datetime, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "order": order,
                "line": 1,
                "item": "A",
                "channel": channel,
                "quantity": quantity,
                "ordered_at": at,
                "status": status,
            }
            for order, channel, quantity, at, status in rows
        ]
    )


def _day(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


CHANNELS = pl.DataFrame(
    {
        "channel": ["FBA", "FBM", "ONSITE"],
        "kind": ["fba", "fbm", "fba_onsite"],
        "location": ["FBA-US", "WH1", "WH1"],
    }
)


def test_cancelled_orders_are_no_demand_and_stand_apart() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "orders": _orders(
                [("1", "FBA", 3, _day(8), "shipped"), ("2", "FBA", 5, _day(9), "cancelled")]
            ),
        }
    )
    assert daily_demand(bag, as_of=AS_OF)["units"].to_list() == [3, 0, 0]
    apart = cancelled_and_returned(bag, as_of=AS_OF)
    assert apart["units_cancelled"].to_list() == [5]


def test_channels_that_share_a_place_share_a_stream() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "orders": _orders(
                [("1", "FBM", 3, _day(10), "open"), ("2", "ONSITE", 5, _day(10), "open")]
            ),
        }
    )
    found = daily_demand(bag, as_of=AS_OF)
    assert found.select("location", "units").rows() == [("WH1", 8)]


def test_the_day_of_an_order_is_the_day_of_the_place() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "locations": pl.DataFrame(
                {
                    "location": ["FBA-US"],
                    "kind": ["fulfilment_network"],
                    "calendar": ["c"],
                    "timezone": ["America/Los_Angeles"],
                }
            ),
            "orders": _orders([("1", "FBA", 1, _day(10, hour=3), "open")]),
        }
    )
    assert daily_demand(bag, as_of=AS_OF)["date"].to_list()[0] == date(2026, 1, 9)


def test_history_given_is_kept_and_orders_only_add_later_days() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "sales_history": pl.DataFrame(
                {
                    "item": ["A"],
                    "location": ["FBA-US"],
                    "date": [date(2026, 1, 8)],
                    "units": [7],
                }
            ),
            "orders": _orders(
                [("1", "FBA", 3, _day(8), "shipped"), ("2", "FBA", 2, _day(10), "open")]
            ),
        }
    )
    assert daily_demand(bag, as_of=AS_OF)["units"].to_list() == [7, 0, 2]


def test_the_day_of_the_plan_is_not_history() -> None:
    bag = Dataset({"channels": CHANNELS, "orders": _orders([("1", "FBA", 3, _day(11), "open")])})
    assert daily_demand(bag, as_of=AS_OF).height == 0


def test_daily_balances_of_single_centres_tell_when_the_network_was_empty() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "locations": pl.DataFrame(
                {
                    "location": ["FBA-US", "ONT8"],
                    "kind": ["fulfilment_network", "fulfilment_centre"],
                    "calendar": ["c", "c"],
                    "parent_location": [None, "FBA-US"],
                }
            ),
            "stock_daily": pl.DataFrame(
                {
                    "item": ["A"] * 4,
                    "location": ["ONT8", "ONT8", "ONT8", "US"],
                    "date": [date(2026, 1, d) for d in (7, 8, 9, 9)],
                    "opening": [4, 2, 0, 0],
                    "closing": [2, 0, 0, 0],
                }
            ),
        }
    )
    found = in_stock_shares(bag, as_of=AS_OF).sort("date")
    assert found["location"].unique().to_list() == ["FBA-US"]
    assert found["in_stock_share"].to_list() == [1.0, 0.5, 0.0]


def test_movements_carried_back_from_the_count_tell_empty_days() -> None:
    bag = Dataset(
        {
            "channels": CHANNELS,
            "inventory": pl.DataFrame({"item": ["A"], "location": ["FBA-US"], "on_hand": [5]}),
            "stock_events": pl.DataFrame(
                {
                    "event": ["1", "2"],
                    "item": ["A", "A"],
                    "location": ["ONT8", "ONT8"],
                    "date": [date(2026, 1, 6), date(2026, 1, 9)],
                    "event_type": ["Shipments", "Receipts"],
                    "quantity": [-3, 5],
                }
            ),
        }
    )
    found = in_stock_shares(bag, as_of=AS_OF).sort("date")
    assert found["in_stock_share"].to_list() == [0.5, 0.0, 0.0, 0.5, 1.0]
