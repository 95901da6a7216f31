from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import polars as pl
import pytest
from tests.unit.deliver.test_break_even import TWO
from tests.unit.deliver.test_channels import AS_OF, company

from fivefold.deliver.channel_mix import MixParams, best_path, choose_mix


def test_the_path_is_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        months, channels = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        contribution = rng.normal(2, 3, (months, channels)).tolist()
        units = rng.integers(0, 20, months).tolist()
        change = rng.uniform(0, 30, (channels, channels))
        np.fill_diagonal(change, 0.0)
        today = int(rng.integers(channels))

        def worth(path: tuple[int, ...], today: int = today) -> float:
            total, before = 0.0, today
            for month, now in enumerate(path):
                total += units[month] * contribution[month][now] - change[before][now]  # noqa: B023
                before = now
            return total

        found = best_path(contribution, units, change.tolist(), today)
        assert worth(tuple(found)) == pytest.approx(
            max(worth(path) for path in product(range(channels), repeat=months))
        )


def test_the_peak_fee_sends_an_item_home_and_back_only_where_that_pays() -> None:
    dataset = company(**TWO)
    plan = choose_mix(dataset, MixParams(change_cost=0.0), as_of=AS_OF)
    free = plan["channel_plan"].filter(item="LAMP")
    assert free["month"].to_list()[0] == date(2026, 6, 1)
    assert free["value"].sum() >= free["stay_value"].sum()
    assert plan.objective == pytest.approx(free["value"].sum() - free["stay_value"].sum())
    dear = choose_mix(dataset, MixParams(change_cost=1e9), as_of=AS_OF)["channel_plan"]
    assert dear.filter(item="LAMP")["channel"].unique().to_list() == ["FBA"]
    assert dear["switch_value"].sum() == 0.0


def test_every_item_has_one_row_a_month_and_a_reason() -> None:
    outcome = choose_mix(company(), MixParams(months=4), as_of=AS_OF)
    counts = outcome["channel_plan"].group_by("item").len()
    assert counts["len"].unique().to_list() == [4]
    assert outcome.explanations is not None
    assert set(outcome["channel_plan"]["decision"]) == set(outcome.explanations["subject"])
    with pytest.raises(ValueError, match="months must be"):
        MixParams(months=0)
    assert outcome["channel_plan"].filter(pl.col("units") < 0).height == 0
