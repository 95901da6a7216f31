from __future__ import annotations

import polars as pl
import pytest
from tests.unit.deliver.test_channels import AS_OF, company

from fivefold.deliver.break_even import break_even
from fivefold.deliver.channel_terms import ChannelParams
from fivefold.deliver.channels import choose_channels
from fivefold.errors import NotFoundError

#: Without FBA Onsite, and with dear picking: FBA is better for what sells fast.
TWO = {
    "locations": company()["locations"].with_columns(
        picking_cost_per_unit=pl.when(pl.col("location") == "WH1").then(2.25)
    ),
    "channels": pl.DataFrame(
        {"channel": ["FBA", "FBM"], "kind": ["fba", "fbm"], "location": ["FBA-US", "WH1"]}
    ),
}


def test_a_curve_goes_through_the_contribution_of_today() -> None:
    dataset = company()
    chosen = choose_channels(dataset, as_of=AS_OF)["channel_choices"].filter(item="LAMP")
    for lever, at in (("price", 30.0), ("return_share", 0.06), ("days_held", 45.0)):
        found = break_even(dataset, "LAMP", lever, as_of=AS_OF, points=3)  # type: ignore[arg-type]
        assert found.today == pytest.approx(at)
    curves = break_even(dataset, "LAMP", "price", as_of=AS_OF, points=3).curves
    at_today = curves.filter(pl.col("value") == 30.0).sort("channel")["contribution"].to_list()
    assert at_today == pytest.approx(chosen.sort("channel")["contribution"].to_list())


def test_a_crossing_is_where_the_best_channel_changes() -> None:
    found = break_even(company(**TWO), "LAMP", "days_held", as_of=AS_OF)
    assert found.crossings
    for crossing in found.crossings:
        below = _best(crossing.value - 1e-6)
        above = _best(crossing.value + 1e-6)
        assert (below, above) == (crossing.better_below, crossing.better_above)


def _best(days: float) -> str:
    chosen = choose_channels(company(**TWO), ChannelParams(days_held=days), as_of=AS_OF)
    row = chosen["channel_choices"].filter(pl.col("is_best") & (pl.col("item") == "LAMP"))
    return str(row["channel"][0])


def test_an_item_nobody_sells_is_told() -> None:
    with pytest.raises(NotFoundError, match="no item 'GONE'"):
        break_even(company(), "GONE", as_of=AS_OF)
    with pytest.raises(ValueError, match="lever must be one of"):
        break_even(company(), "LAMP", "weight", as_of=AS_OF)  # type: ignore[arg-type]
