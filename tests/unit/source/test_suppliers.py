from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.source.suppliers import Params, rank_options

AS_OF = date(2026, 11, 22)


def _option(frame: pl.DataFrame, item: str, supplier: str, mode: str) -> dict[str, object]:
    found = frame.filter(
        (pl.col("item") == item) & (pl.col("supplier") == supplier) & (pl.col("mode") == mode)
    )
    assert found.height == 1
    return found.row(0, named=True)


def test_every_offer_meets_every_way_to_the_place(importer: Dataset) -> None:
    table = rank_options(importer, as_of=AS_OF)["sourcing_options"]

    found = table.select("item", "supplier", "mode", "destination").sort("item", "supplier", "mode")
    assert found.rows() == [
        ("BOX", "FAR", "air", "WH1"),
        ("BOX", "FAR", "fcl+ftl", "WH1"),
        ("BOX", "NEAR", "ltl", "WH1"),
        ("CUP", "FAR", "air", "WH1"),
        ("CUP", "FAR", "fcl+ftl", "WH1"),
    ]
    assert table.columns == list(schema("sourcing_options").names)


def test_landed_cost_is_price_carriage_duty_and_money_bound(importer: Dataset) -> None:
    table = rank_options(importer, as_of=AS_OF)["sourcing_options"]

    air = _option(table, "BOX", "FAR", "air")
    # 140 a week: 560 in four weeks, so the break at 500 holds. 0.5 kg × 6.00 a kilogram.
    # Deposit 30 % out for 20 + 4 + 2 days at 10 % a year.
    financing = 0.9 * 0.10 / 365 * 0.3 * 26
    assert air["usual_quantity"] == 560
    assert air["unit_price"] == pytest.approx(0.9)
    assert air["freight_unit_cost"] == pytest.approx(3.0)
    assert air["duty_unit_cost"] == pytest.approx(0.09)
    assert air["financing_unit_cost"] == pytest.approx(financing)
    assert air["landed_unit_cost"] == pytest.approx(0.9 + 3.0 + 0.09 + financing)
    assert air["lead_time_days_mean"] == pytest.approx(26)
    assert air["lead_time_days_sd"] == pytest.approx((4**2 + 1**2) ** 0.5)


def test_lanes_through_a_port_add_up(importer: Dataset) -> None:
    table = rank_options(importer, as_of=AS_OF)["sourcing_options"]

    sea = _option(table, "CUP", "FAR", "fcl+ftl")
    assert sea["via"] == "PORT"
    assert sea["lead_time_days_mean"] == pytest.approx(20 + 28 + 2 + 2)
    assert sea["lead_time_days_sd"] == pytest.approx(5.0)


def test_a_shipments_fixed_cost_is_shared_by_cube_with_what_travels_along(
    importer: Dataset,
) -> None:
    # Without the near supplier and without air both items come by sea together.
    alone = importer.with_tables(
        supplier_offers=importer["supplier_offers"].filter(pl.col("supplier") == "FAR"),
        lanes=importer["lanes"].filter(pl.col("mode") != "air"),
    )
    table = rank_options(alone, as_of=AS_OF)["sourcing_options"]

    box, cup = _option(table, "BOX", "FAR", "fcl+ftl"), _option(table, "CUP", "FAR", "fcl+ftl")
    # Its own usual order of 288 is raised to cases; 280 a cycle is what it adds to others'.
    cube_box = 560 * 0.02
    assert cup["usual_quantity"] == 288
    assert box["freight_unit_cost"] == pytest.approx(0.02 * (1800 / (cube_box + 0.56) + 10))
    assert cup["freight_unit_cost"] == pytest.approx(0.002 * (1800 / (cube_box + 0.576) + 10))


def test_small_loads_go_by_the_mode_without_a_container(importer: Dataset) -> None:
    lcl = importer["lanes"].filter((pl.col("origin") == "FAR") & (pl.col("mode") == "air"))
    lcl = lcl.with_columns(
        mode=pl.lit("lcl"),
        transit_time_days_mean=pl.lit(34.0),
        cost_per_shipment=pl.lit(100.0),
        cost_per_kg=pl.lit(0.0),
        cost_per_m3=pl.lit(90.0),
    )
    alone = importer.with_tables(
        supplier_offers=importer["supplier_offers"].filter(pl.col("supplier") == "FAR"),
        lanes=pl.concat([importer["lanes"].filter(pl.col("mode") != "air"), lcl]),
    )

    def first(factor: float) -> set[str]:
        means = alone["forecast_means"].with_columns(pl.col("units_mean") * factor)
        table = rank_options(alone.with_tables(forecast_means=means), as_of=AS_OF)
        ranked = table["sourcing_options"].filter(pl.col("rank") == 1)
        return set(ranked["mode"].to_list())

    # 11.8 m3 a cycle: 1,800 and 10 a m3 by sea in a container, 100 and 90 a m3 in a shared one.
    # They cost the same at 1700 / 80 = 21.25 m3.
    assert first(1.0) == {"lcl"}
    assert first(3.0) == {"fcl+ftl"}


def test_what_lands_cheaper_further_down_fills_no_load_on_the_way_to_another_place(
    importer: Dataset,
) -> None:
    far = importer["lanes"].filter(pl.col("origin") == "PORT")
    lanes = importer["lanes"].filter(pl.col("mode") != "air")
    hub = far.with_columns(destination=pl.lit("HUB"))
    on = far.with_columns(origin=pl.lit("HUB"), cost_per_m3=pl.lit(5.0), mode=pl.lit("internal"))
    place = importer["locations"].filter(pl.col("location") == "WH1")
    with_hub = importer.with_tables(
        supplier_offers=importer["supplier_offers"].filter(pl.col("supplier") == "FAR"),
        locations=pl.concat([importer["locations"], place.with_columns(location=pl.lit("HUB"))]),
        lanes=pl.concat([lanes, hub, on]),
    )
    table = rank_options(with_hub, as_of=AS_OF)["sourcing_options"]

    by_place = {
        row["destination"]: row["freight_unit_cost"]
        for row in table.filter(pl.col("item") == "BOX").iter_rows(named=True)
    }
    # At the hub a box would travel alone, for the cups go straight to the warehouse.
    assert by_place["WH1"] == pytest.approx(0.02 * (1800 / (11.2 + 0.56) + 10))
    assert by_place["HUB"] == pytest.approx(0.02 * (1800 / 11.2 + 10))


def test_a_second_container_is_paid_for_when_the_first_is_full(importer: Dataset) -> None:
    one = rank_options(importer, Params(load_m3={"fcl": 1000}), as_of=AS_OF)["sourcing_options"]
    many = rank_options(importer, Params(load_m3={"fcl": 6}), as_of=AS_OF)["sourcing_options"]

    difference = (
        _option(many, "BOX", "FAR", "fcl+ftl")["freight_unit_cost"]
        - _option(one, "BOX", "FAR", "fcl+ftl")["freight_unit_cost"]  # type: ignore[operator]
    )
    # 11.2 m³ of boxes and what comes along fill two loads of 6 m³, one of 1000 m³.
    assert difference > 1.0


def test_options_are_ranked_by_landed_cost_and_risk(importer: Dataset) -> None:
    table = rank_options(importer, as_of=AS_OF)["sourcing_options"].filter(pl.col("item") == "BOX")

    total = table["landed_unit_cost"] + table["risk_cost_per_unit"]
    assert table["rank"].to_list() == [1, 2, 3]
    assert total.is_sorted()
    assert table["supplier"][0] == "NEAR"


def test_a_longer_less_certain_lead_time_carries_more_risk(importer: Dataset) -> None:
    calm = rank_options(importer, as_of=AS_OF)["sourcing_options"]
    wild = rank_options(
        importer.with_tables(
            supplier_offers=importer["supplier_offers"].with_columns(
                pl.lit(30.0).alias("lead_time_days_sd")
            )
        ),
        as_of=AS_OF,
    )["sourcing_options"]

    for supplier, mode in (("FAR", "air"), ("NEAR", "ltl")):
        before = _option(calm, "BOX", supplier, mode)["risk_cost_per_unit"]
        after = _option(wild, "BOX", supplier, mode)["risk_cost_per_unit"]
        assert after > before  # type: ignore[operator]


def test_losing_a_single_source_costs_more_than_losing_one_of_two(importer: Dataset) -> None:
    both = rank_options(importer, as_of=AS_OF)["sourcing_options"]
    single = rank_options(
        importer.with_tables(
            supplier_offers=importer["supplier_offers"].filter(pl.col("supplier") == "FAR")
        ),
        as_of=AS_OF,
    )["sourcing_options"]

    before = _option(both, "BOX", "FAR", "air")["risk_cost_per_unit"]
    after = _option(single, "BOX", "FAR", "air")["risk_cost_per_unit"]
    # 10 % a year × (60 days without a second source, 7 with it) / 365 × margin 4.10.
    assert after - before == pytest.approx(0.10 * (60 - 7) / 365 * 4.1)  # type: ignore[operator]


def test_an_unknown_duty_is_left_out_named_and_told(importer: Dataset) -> None:
    outcome = rank_options(importer.with_tables(duties=schema("duties").empty()), as_of=AS_OF)

    air = _option(outcome["sourcing_options"], "CUP", "FAR", "air")
    assert air["duty_unit_cost"] is None
    assert air["unknown_parts"] == "duty"
    told = outcome.why("source:CUP@WH1").filter(pl.col("reason_code") == "unknown_figure")
    assert "Duty of FAR by air is not known" in " ".join(told["text"])


def test_missing_weight_makes_freight_by_the_kilogram_unknown(importer: Dataset) -> None:
    items = importer["items"].with_columns(pl.lit(None, dtype=pl.Float64).alias("weight_kg"))
    table = rank_options(importer.with_tables(items=items), as_of=AS_OF)["sourcing_options"]

    assert _option(table, "BOX", "FAR", "air")["freight_unit_cost"] is None
    assert _option(table, "BOX", "NEAR", "ltl")["freight_unit_cost"] is not None


def test_prices_in_a_currency_without_a_rate_are_left_out_and_told(importer: Dataset) -> None:
    suppliers = importer["suppliers"].with_columns(pl.Series("currency", ["CNY", "USD"]))
    dataset = importer.with_tables(suppliers=suppliers)

    outcome = rank_options(dataset, as_of=AS_OF)
    assert set(outcome["sourcing_options"]["supplier"]) == {"NEAR"}
    assert "exchange_rate_CNY" in " ".join(outcome.why("source:BOX@FAR")["text"])

    settings = pl.concat(
        [
            importer["settings"],
            schema("settings").frame([{"name": "exchange_rate_CNY", "value": "0.14"}]),
        ]
    )
    table = rank_options(dataset.with_tables(settings=settings), as_of=AS_OF)["sourcing_options"]
    assert _option(table, "BOX", "FAR", "air")["unit_price"] == pytest.approx(0.9 * 0.14)


def test_an_offer_out_of_force_is_not_an_option(importer: Dataset) -> None:
    offers = importer["supplier_offers"].with_columns(
        pl.when(pl.col("supplier") == "NEAR")
        .then(pl.lit(date(2026, 1, 31)))
        .otherwise(None)
        .alias("valid_to")
    )
    outcome = rank_options(importer.with_tables(supplier_offers=offers), as_of=AS_OF)

    assert set(outcome["sourcing_options"]["supplier"]) == {"FAR"}
    assert outcome.why("source:BOX@NEAR")["reason_code"].to_list() == ["eligibility"]


def test_why_tells_the_cost_the_next_best_and_the_lead_time(importer: Dataset) -> None:
    why = rank_options(importer, as_of=AS_OF).why("source:BOX@WH1")

    assert why["reason_code"].to_list()[:3] == ["unit_cost", "next_best", "lead_time"]
    assert why["price"][1] > 0


def test_a_component_feels_the_demand_of_its_product_and_is_worth_its_margin(
    importer: Dataset,
) -> None:
    items = pl.concat(
        [
            importer["items"].with_columns(
                pl.when(pl.col("item") == "BOX")
                .then(None)
                .otherwise(pl.col("price"))
                .alias("price")
            ),
            schema("items").frame([{"item": "KIT", "price": 30.0, "unit_cost": 12.0}]),
        ]
    )
    places = pl.concat(
        [
            importer["locations"].with_columns(
                pl.when(pl.col("location") == "WH1")
                .then(pl.lit("plant"))
                .otherwise(pl.col("kind"))
                .alias("kind")
            )
        ]
    )
    means = importer["forecast_means"].with_columns(
        pl.col("item").replace({"BOX": "KIT"}).alias("item")
    )
    bom = schema("bills_of_material").frame(
        [{"product": "KIT", "component": "BOX", "quantity_per": 3.0, "scrap_share": 0.25}]
    )
    table = rank_options(
        importer.with_tables(
            items=items, locations=places, forecast_means=means, bills_of_material=bom
        ),
        as_of=AS_OF,
    )["sourcing_options"]

    near = _option(table, "BOX", "NEAR", "ltl")
    # 140 kits a week × 3 boxes / 0.75 × 4 weeks.
    assert near["usual_quantity"] == 2240
    assert near["unknown_parts"] == ""
    assert near["risk_cost_per_unit"] > 0  # type: ignore[operator]


def test_no_offers_give_no_options_and_no_error() -> None:
    outcome = rank_options(Dataset(), as_of=AS_OF)

    assert outcome["sourcing_options"].is_empty()
    assert outcome.status == "feasible"


@pytest.mark.parametrize(
    "bad", [{"review_days": 0}, {"recovery_days": -1}, {"load_m3": {"fcl": 0}}]
)
def test_params_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Params(**bad)  # type: ignore[arg-type]


def test_ranking_does_not_depend_on_the_order_of_rows(importer: Dataset) -> None:
    shuffled = Dataset({name: table.reverse() for name, table in importer.tables.items()})

    one, other = rank_options(importer, as_of=AS_OF), rank_options(shuffled, as_of=AS_OF)
    assert one["sourcing_options"].equals(other["sourcing_options"])
    assert one.explanations is not None
    assert one.explanations.equals(other.explanations)
