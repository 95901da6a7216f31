"""A service level that is tried: set beside the whole plan, and ordered as levels are."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist

import polars as pl
import pytest

from fivefold.cycle.importing import import_files
from fivefold.cycle.plans import Plan
from fivefold.cycle.service_policy import clear_levels, level_file, look_at_service
from fivefold.cycle.workspace import Workspace
from fivefold.model import Dataset, schema

AS_OF = date(2026, 1, 4)
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999)
MEAN, SPREAD = 100.0, 20.0


def world() -> tuple[Dataset, Plan]:
    """Return two items whose weekly demand is normal and independent, and their forecast."""
    weeks = [AS_OF + timedelta(days=1 + 7 * n) for n in range(20)]
    items = ("A", "B")
    normal = NormalDist(MEAN, SPREAD)
    tables = {
        "items": [{"item": i, "unit_cost": 5.0, "price": 15.0} for i in items],
        "locations": [
            {"location": "W", "kind": "warehouse"},
            {"location": "S", "kind": "supplier"},
        ],
        "suppliers": [{"supplier": "S"}],
        "supplier_offers": [
            {"supplier": "S", "item": i, "unit_price": 5.0, "lead_time_days_mean": 14.0}
            for i in items
        ],
        "lanes": [
            {"origin": "S", "destination": "W", "mode": "ltl", "transit_time_days_mean": 7.0}
        ],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "W"}],
        "offers": [{"item": i, "channel": "FBM"} for i in items],
    }
    dataset = Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})
    means = [
        {"item": i, "location": "W", "period_start": w, "units_mean": MEAN, "method": "test"}
        for i in items
        for w in weeks
    ]
    quantiles = [
        {
            "item": i,
            "location": "W",
            "period_start": w,
            "quantile": q,
            "units": normal.inv_cdf(q),
        }
        for i in items
        for w in weeks
        for q in LEVELS
    ]
    plan = Plan(
        plan="P",
        as_of=AS_OF,
        status="feasible",
        tables={
            "forecast_means": schema("forecast_means").frame(means),
            "forecasts": schema("forecasts").frame(quantiles),
        },
        dataset_fingerprint="",
        params={},
    )
    return dataset, plan


def test_only_the_items_that_are_asked_change_and_more_service_holds_more() -> None:
    dataset, plan = world()
    look = look_at_service(dataset, plan, ["A"], 0.99, as_of=AS_OF)
    assert look.places["item"].to_list() == ["A"]
    row = look.places.row(0, named=True)
    assert row["cycle_service_level_then"] == pytest.approx(0.99, abs=0.01)
    by_level = look.curve.drop_nulls("level").sort("level")
    for column in ("fill_rate", "stock_value"):
        values = by_level[column].to_list()
        assert values == sorted(values), column


def test_the_safety_stock_is_the_one_of_the_textbook_for_normal_demand() -> None:
    # Silver, Pyke, Thomas (2017), eq. 6.2: safety stock = k sigma_L, P(no stock-out) = Phi(k).
    dataset, plan = world()
    look = look_at_service(dataset, plan, ["A"], 0.95, as_of=AS_OF)
    low, high = (
        look_at_service(dataset, plan, ["A"], level, as_of=AS_OF).places["safety_stock_then"][0]
        for level in (0.9, 0.99)
    )
    z = {level: NormalDist().inv_cdf(level) for level in (0.9, 0.95, 0.99)}
    middle = look.places["safety_stock_then"][0]
    # The ratio of two safety stocks is that of their factors, whatever the lead time is.
    assert high / low == pytest.approx(z[0.99] / z[0.9], rel=0.06)
    assert middle / low == pytest.approx(z[0.95] / z[0.9], rel=0.06)


def test_a_level_outside_is_refused_and_a_table_says_the_level() -> None:
    dataset, plan = world()
    with pytest.raises(ValueError, match=r"between 0\.5 and 0\.9999"):
        look_at_service(dataset, plan, ["A"], 0.2, as_of=AS_OF)
    with pytest.raises(ValueError, match="1 to 400 items"):
        look_at_service(dataset, plan, [], 0.9, as_of=AS_OF)
    name, content = level_file(["A", "B"], 0.975)
    assert name == "items-service-0.975.csv"
    assert pl.read_csv(content).rows() == [("A", 0.975), ("B", 0.975)]


def test_a_cleared_level_leaves_the_others_and_peoples_own_as_they_were(tmp_path: Path) -> None:
    own = b"item,title,unit_cost,service_level_share\nA,Lamp,5,\nB,Desk,5,\nC,Mug,5,0.9\n"
    with Workspace(tmp_path) as store:

        def bring(name: str, content: bytes) -> None:
            report = import_files(store, [(name, content)], actor="test", as_of=AS_OF)
            assert [each.status for each in report.files] == ["loaded"]

        def levels() -> dict[str, float | None]:
            table = store.dataset(as_of=AS_OF)["items"]
            return dict(table.select("item", "service_level_share").sort("item").iter_rows())

        bring("items.csv", own)
        bring(*level_file(["A", "B", "C"], 0.95))
        bring(*level_file(["B"], 0.99))
        assert levels() == {"A": 0.95, "B": 0.99, "C": 0.95}
        assert clear_levels(store, ["A"], actor="test", as_of=AS_OF) == ()
        assert levels() == {"A": None, "B": 0.99, "C": 0.95}
        assert clear_levels(store, ["B", "C"], actor="test", as_of=AS_OF) == ("C",)
        assert levels() == {"A": None, "B": None, "C": 0.9}
