"""How much comes back and when, where the record is short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.returns.volumes import VolumeParams, forecast_returns


def test_the_delay_is_learnt_only_as_far_as_the_record_can_tell() -> None:
    """A record of 60 days cannot tell how many come after 40; half of it is trusted."""
    day = datetime(2026, 11, 22, tzinfo=UTC)
    sold = [(f"O{n}", day - timedelta(days=60 - n)) for n in range(60)]
    dataset = Dataset(
        {
            "items": pl.DataFrame({"item": ["A"]}),
            "channels": pl.DataFrame({"channel": ["WEB"], "kind": ["web"], "location": ["WH"]}),
            "orders": pl.DataFrame(
                {
                    "order": [name for name, _ in sold],
                    "line": [1] * 60,
                    "item": ["A"] * 60,
                    "channel": ["WEB"] * 60,
                    "quantity": [10] * 60,
                    "ordered_at": [at for _, at in sold],
                    "status": ["shipped"] * 60,
                }
            ),
            "returns": pl.DataFrame(
                {
                    "return_id": [f"R{n}" for n in range(50)],
                    "order": [f"O{n}" for n in range(50)],
                    "item": ["A"] * 50,
                    "quantity": [1] * 50,
                    "returned_at": [
                        sold[n][1] + timedelta(days=45 if n < 3 else 5) for n in range(50)
                    ],
                }
            ),
        }
    )
    found = forecast_returns(
        dataset, VolumeParams(periods=4, longest_lag_days=90), as_of=day.date()
    )
    lag = found.notes["lag_share_by_day"]
    assert len(lag) == 31
    assert lag[5] == pytest.approx(1.0)
    back = found.notes["return_share"]["A"]
    assert back > 47 / 600, "those that came later than that still count in the share"
