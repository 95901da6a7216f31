from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from fivefold.deliver.partners.scorecard import partner_scores, wilson_low
from fivefold.model import schema


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    routes = pl.DataFrame({"route": ["R1"], "partner": ["NORTH"], "cost": [80.0], "parcels": [8]})
    stops = pl.DataFrame(
        {
            "route": ["R1"] * 8,
            "delivery": [f"P{n}" for n in range(8)],
            "window_end_minute": [None] * 6 + [600.0, 600.0],
        }
    )
    return routes, stops


def events(*told: tuple[str, str, int]) -> pl.DataFrame:
    rows = [
        {
            "event": f"{delivery} {kind} {hour}",
            "delivery": delivery,
            "kind": kind,
            "occurred_at": datetime(2026, 11, 23, hour, tzinfo=UTC),
        }
        for delivery, kind, hour in told
    ]
    return schema("tracking_events").frame(rows)


def test_a_visit_of_which_nothing_final_is_told_is_open_and_no_exception() -> None:
    told = events(
        ("P0", "delivered", 9),
        ("P1", "delivered", 9),
        ("P2", "lost", 11),
        ("P3", "out_for_delivery", 8),
        ("P4", "attempted", 10),
        ("P5", "attempted", 10),
        ("P5", "delivered", 13),
        ("P6", "delivered", 9),
        ("P7", "delivered", 12),
    )
    row = partner_scores(*tables(), told).row(0, named=True)
    # Told: all but P3. Made: P0, P1, P5, P6, P7. P2 is lost, P4 was tried in vain.
    assert row["open_visits"] == 1
    assert row["delivered_share"] == pytest.approx(5 / 7)
    assert row["exceptions_per_thousand"] == pytest.approx(2000 / 7)
    assert row["on_time_share"] == pytest.approx(4 / 5)
    assert row["score"] == pytest.approx(wilson_low(5, 7) * wilson_low(4, 5))


def test_a_day_of_which_nothing_is_told_has_no_score() -> None:
    row = partner_scores(*tables(), events()).row(0, named=True)
    assert row["open_visits"] == 8
    assert row["delivered_share"] is None
    assert row["exceptions_per_thousand"] is None
    assert row["score"] is None
