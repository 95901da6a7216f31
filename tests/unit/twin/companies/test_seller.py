"""The invented seller's files are the same each time, agree with each other and read like real."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fivefold import Dataset
from fivefold.connect import check_tables, merge, read_file
from fivefold.twin.companies import fees
from fivefold.twin.companies.catalogue import make_catalogue
from fivefold.twin.companies.company_tables import make_company_tables
from fivefold.twin.companies.demand import event_days
from fivefold.twin.companies.history import History, make_history
from fivefold.twin.companies.inventory_reports import listed_at_fba, stock_ages
from fivefold.twin.companies.ledger_reports import make_balances
from fivefold.twin.companies.report_files import report_columns, write_report
from fivefold.twin.companies.seller import write_company

AS_OF = date(2026, 11, 22)


@pytest.fixture(scope="module")
def history() -> History:
    return make_history(seed=7, items=40, days=240, as_of=AS_OF)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("seller")
    return write_company(folder, seed=7, items=40, days=240, as_of=AS_OF)


def _read(files: list[Path], start: str, encoding: str = "utf-8") -> pl.DataFrame:
    path = max(p for p in files if p.name.startswith(start))
    text = path.read_bytes().decode(encoding)
    return pl.read_csv(text.encode(), separator="\t", quote_char=None, infer_schema_length=None)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    files: list[Path], tmp_path: Path
) -> None:
    again = write_company(tmp_path / "again", seed=7, items=40, days=240, as_of=AS_OF)
    other = write_company(tmp_path / "other", seed=8, items=40, days=240, as_of=AS_OF)
    assert [p.name for p in again] == [p.name for p in files]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(files, again, strict=True))
    assert files[0].read_bytes() != other[0].read_bytes()


def test_ledger_detail_replays_to_the_summary_of_every_day(files: list[Path]) -> None:
    detail = _read(files, "GET_LEDGER_DETAIL")
    summary = _read(files, "GET_LEDGER_SUMMARY")
    keys = ["Date", "MSKU", "Disposition"]
    moved = detail.group_by(keys).agg(pl.col("Quantity").sum())
    days = set(detail["Date"])
    change = summary.filter(pl.col("Date").is_in(days)).select(
        *keys,
        (pl.col("Ending Warehouse Balance") - pl.col("Starting Warehouse Balance")).alias("change"),
    )
    both = change.join(moved, on=keys, how="full", coalesce=True).fill_null(0)
    assert both.height > 1000
    assert both.filter(pl.col("change") != pl.col("Quantity")).height == 0


def test_each_summary_row_adds_up_and_carries_on_from_the_day_before(files: list[Path]) -> None:
    summary = _read(files, "GET_LEDGER_SUMMARY")
    events = [
        "Receipts",
        "Customer Shipments",
        "Customer Returns",
        "Vendor Returns",
        "Warehouse Transfer In/Out",
        "Found",
        "Lost",
        "Damaged",
        "Disposed",
        "Other Events",
    ]
    total = pl.sum_horizontal("Starting Warehouse Balance", *events)
    assert summary.filter(total != pl.col("Ending Warehouse Balance")).height == 0
    assert summary["Ending Warehouse Balance"].min() >= 0
    sellable = summary.filter(pl.col("Disposition") == "SELLABLE").with_columns(
        pl.col("Date").str.to_date("%m/%d/%Y")
    )
    joined = sellable.sort("MSKU", "Date").with_columns(
        pl.col("Ending Warehouse Balance").shift(1).over("MSKU").alias("before"),
        pl.col("Date").diff().over("MSKU").dt.total_days().alias("gap"),
    )
    joined = joined.filter(pl.col("before").is_not_null())
    assert (joined["gap"] == 1).all()
    assert (joined["before"] == joined["Starting Warehouse Balance"]).all()


def test_closing_balances_are_those_of_the_inventory_report(files: list[Path]) -> None:
    summary = _read(files, "GET_LEDGER_SUMMARY")
    inventory = _read(files, "GET_FBA_MYI")
    last = summary.filter(pl.col("Date") == "11/21/2026")
    held = last.group_by(pl.col("MSKU").alias("sku")).agg(
        pl.col("Ending Warehouse Balance").sum().alias("closing"),
        pl.col("In Transit Between Warehouses").sum().alias("transit"),
    )
    both = inventory.join(held, on="sku", how="left").fill_null(0)
    # What is between two centres is in no warehouse, yet it is the seller's reserved stock.
    assert (both["closing"] + both["transit"] == both["afn-warehouse-quantity"]).all()
    parts = pl.sum_horizontal(
        "afn-fulfillable-quantity", "afn-unsellable-quantity", "afn-reserved-quantity"
    )
    assert both.filter(parts != pl.col("afn-warehouse-quantity")).height == 0


def test_shipments_in_the_ledger_are_the_orders_that_shipped(history: History) -> None:
    shipped = -make_balances(history).moved[1, :, :, 0].sum(axis=0)
    unshipped = history.closing.reserved
    assert (shipped + unshipped == history.stock.sold_fba.sum(axis=0)).all()


def test_no_place_ever_holds_less_than_nothing(history: History) -> None:
    balances = make_balances(history)
    assert balances.closing.min() >= 0
    assert balances.transit.min() >= 0
    assert history.closing.warehouse.min() >= 0
    assert history.closing.plant.min() >= 0
    assert history.stock.inbound.min() >= 0


def test_goods_of_the_warehouse_add_up_over_all_days(history: History) -> None:
    n, stock = history.catalogue.finished, history.stock
    received = np.zeros(len(history.catalogue), np.int64)
    for order in stock.orders:
        if order.arrives < history.days:
            received[order.item] += order.quantity
    sent = np.zeros(n, np.int64)
    for shipment in stock.shipments:
        sent[shipment.item] += shipment.quantity
    fresh = make_history(seed=7, items=40, days=240, as_of=AS_OF)
    assert (fresh.closing.warehouse == history.closing.warehouse).all()
    left = received[:n] - sent - stock.sold_fbm.sum(axis=0)
    opening = history.closing.warehouse[:n] - left
    assert opening.min() >= 0


def test_stock_outs_hide_demand(history: History) -> None:
    lines = history.demand
    assert 0.80 < history.stock.served.sum() / (~lines.cancelled).sum() < 0.99
    alive = np.bincount(lines.item[~lines.fbm], minlength=40) > 0
    assert (~history.stock.in_stock[60:, alive]).mean() > 0.01


def test_settlements_add_up_to_their_first_row(files: list[Path]) -> None:
    found = [p for p in files if "SETTLEMENT" in p.name]
    assert found
    for path in found:
        rows = _read([path], "GET_V2", "cp1252")
        assert rows["total-amount"][0] == pytest.approx(rows["amount"].sum(), abs=0.005)
        assert rows["amount"].null_count() == 1


def test_ages_add_up_to_what_is_available(history: History) -> None:
    items = listed_at_fba(history, day=history.days)
    ages = stock_ages(history, items)
    assert ages.min() >= 0
    assert (ages.sum(axis=1) == history.closing.fulfillable.sum(axis=1)[items]).all()


def test_the_workbook_makes_sense_by_itself(history: History) -> None:
    tables = make_company_tables(history)
    assert Dataset(tables).problems() == []
    assert {"buy", "move"} <= set(tables["supply_orders"]["kind"])
    made = tables["items"].filter(pl.col("item_kind") == "kit")["item"]
    assert set(made) == set(tables["operations"]["product"])
    assert set(made) == set(tables["bills_of_material"]["product"])


def test_all_files_together_are_read_without_an_error_and_make_sense(
    files: list[Path], history: History
) -> None:
    loads = [read_file(path.name, path.read_bytes()) for path in files]
    assert [load.name for load in loads if not load.tables] == []
    tables, problems = merge(loads)
    assert [str(p) for p in problems if p.severity == "error"] == []
    dataset, more = check_tables(tables)
    assert more == ()
    assert dataset["orders"].height == history.stock.listed.sum()
    assert dataset["stock_daily"].height > 5_000


def test_headers_are_those_of_the_reports(files: list[Path]) -> None:
    path = Path(__file__).parents[4] / ".." / "shared/facts/amazon/reports/headers.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    known = json.loads(path.read_text(encoding="utf-8"))["reports"]
    reports = [p for p in files if p.suffix == ".txt"]
    kinds = {max((k for k in known if p.name.startswith(k)), key=len) for p in reports}
    assert len(kinds) == 13
    for kind in kinds:
        assert list(report_columns(kind)) == known[kind]["columns"]
        assert (
            list(report_columns(kind, later=True))[len(known[kind]["columns"]) :]
            == known[kind]["seen_later"]
        )


def test_order_files_come_in_three_encodings_and_several_layouts(files: list[Path]) -> None:
    orders = [p for p in files if "ALL_ORDERS" in p.name]
    assert b"Caf\xe9" in orders[0].read_bytes() or b"\xc9t\xe9" in orders[0].read_bytes()
    with pytest.raises(UnicodeDecodeError):
        orders[0].read_bytes().decode("utf-8")


def test_a_column_the_report_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no columns"):
        write_report(tmp_path, "GET_RESERVED_INVENTORY_DATA", pl.DataFrame({"nonsense": [1]}))


def test_too_small_a_company_is_refused() -> None:
    with pytest.raises(ValueError, match="days must be at least 120"):
        make_history(seed=1, items=5, days=30, as_of=AS_OF)
    with pytest.raises(ValueError, match="items must be at least 1"):
        make_history(seed=1, items=0, days=200, as_of=AS_OF)


def test_black_friday_and_the_july_sale_fall_on_their_days() -> None:
    start = date(2024, 11, 22)
    marked = np.flatnonzero(event_days(start, 730))
    days = {date.fromordinal(start.toordinal() + int(d)) for d in marked}
    assert {date(2024, 11, 29), date(2025, 11, 28), date(2025, 12, 1)} <= days
    assert {date(2025, 7, 8), date(2025, 7, 11), date(2026, 7, 14)} <= days


@pytest.mark.parametrize(
    ("sides", "kg", "price", "peak", "fee"),
    [
        ((20.0, 15.0, 1.5), 0.15, 19.99, False, 3.45),  # small standard, 5.3 oz
        ((20.0, 15.0, 1.5), 0.15, 9.99, True, 2.76),  # the same, cheap, in peak
        ((25.0, 20.0, 10.0), 0.40, 19.99, False, 5.92),  # dimensional weight 35.1 oz, band up to 36
        ((40.0, 30.0, 10.0), 2.0, 60.0, True, 7.77 + 0.08 * 10),  # dimensional 84.3 oz
        ((90.0, 40.0, 20.0), 9.0, 60.0, False, 7.55 + 0.38 * 31),  # 31.6 lb dimensional
    ],
)
def test_fulfilment_fees_are_those_of_the_card(
    sides: tuple[float, float, float], kg: float, price: float, peak: bool, fee: float
) -> None:
    # Before 17 April no fuel surcharge came on top; peak days are those of the next winter.
    day = date(2027, 1, 10) if peak else date(2026, 2, 1)
    tiers = fees.size_tiers(np.array([sides]), np.array([kg]))
    found = fees.fulfilment_fees(tiers, np.array([price]), day) / (1.035 if peak else 1.0)
    assert found[0] == pytest.approx(fee, abs=0.006)


def test_a_third_of_the_range_is_made_and_every_size_occurs() -> None:
    catalogue = make_catalogue(np.random.default_rng(1), items=300)
    assert 0.28 < catalogue.made[:300].mean() < 0.38
    tiers = fees.size_tiers(catalogue.sides_cm[:300], catalogue.weight_kg[:300])
    found = {tier.tier for tier in tiers}
    assert {"small_standard", "large_standard", "small_bulky", "large_bulky"} < found
    assert catalogue.price[:300].min() >= 7
    assert catalogue.price[:300].max() <= 180


@pytest.mark.slow
def test_the_whole_company_has_the_volumes_promised(tmp_path: Path) -> None:
    history = make_history(seed=2026, items=300, days=730, as_of=AS_OF)
    assert 120_000 <= history.stock.listed.sum() <= 160_000
    write_company(tmp_path)
    assert Dataset(make_company_tables(history)).problems() == []
