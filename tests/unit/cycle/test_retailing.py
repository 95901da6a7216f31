"""Retailers: guides kept or broken, chargebacks as money, what is short cut, scores that add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.check.findings import none
from fivefold.check.retail import check_retail
from fivefold.connect import write_csv
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.importing import import_files
from fivefold.cycle.order_records import order_record
from fivefold.cycle.ordering import take_order
from fivefold.cycle.retailing import announce, charge, check, label, scores
from fivefold.cycle.shipping import ship
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.channels import choose_channels
from fivefold.deliver.retail import chargeback, sscc
from fivefold.errors import ConflictError
from fivefold.ledger.money import account_balance
from fivefold.ledger.verify import verify
from fivefold.model import schema
from fivefold.twin.companies.retailer import AS_OF, company_rows

NOON = at_noon(AS_OF)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    files = []
    for name, rows in company_rows().items():
        used = list(dict.fromkeys(column for row in rows for column in row))
        frame = schema(name).frame(rows).select(used)
        files.append((f"{name}.csv", write_csv(frame)))
    with Workspace(tmp_path / "w") as store:
        report = import_files(store, files, actor="t", as_of=AS_OF)
        assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
        yield store


def ask(store: Any, order: str, item: str, units: int, days: int, channel: str = "BIGMART") -> Any:
    wanted = [{"item": item, "quantity": units, "requested_by": AS_OF + timedelta(days=days)}]
    return take_order(
        store, wanted, actor="t", at=NOON, order=order, channel=channel, postal_code="72712"
    )


def money(store: Any, account: str) -> int:
    return account_balance(store.journal, account)


def broken(store: Any, order: str) -> dict[str, float | None]:
    found = check(store, order, at=NOON)["routing_findings"].filter(~pl.col("passes"))
    return dict(found.select("kind", "chargeback").iter_rows())


def test_an_order_is_held_against_every_rule_and_mended_before_it_ships(shop: Any) -> None:
    ask(shop, "PO", "MUG", 120, days=9)
    assert broken(shop, "PO") == {"no_asn": 150.0, "wrong_label": 100.0}
    with pytest.raises(ConflictError, match="breaks the routing guide of BIGMART"):
        ship(shop, "PO", actor="t", at=NOON)
    done = label(shop, "PO", actor="t", at=NOON)
    assert (done.status, done.cartons["carton"].n_unique(), done.unlabelled) == ("ok", 5, 0)
    assert label(shop, "PO", actor="t", at=NOON).status == "duplicate"
    assert announce(shop, "PO", actor="t", at=NOON).status == "ok"
    assert broken(shop, "PO") == {}
    shipped = ship(shop, "PO", actor="t", at=NOON)
    assert (shipped.status, shipped.chargebacks) == ("ok", ())
    assert shipped.revenue == pytest.approx(120 * 7.0)
    assert money(shop, "receivable") == 84_000, "the retailer owes it, no marketplace does"
    assert verify(shop.journal).ok


def test_a_broken_guide_is_money_until_the_retailer_says_another_figure(shop: Any) -> None:
    ask(shop, "PO", "MUG", 120, days=2)
    label(shop, "PO", actor="t", at=NOON)
    announce(shop, "PO", actor="t", at=NOON)
    assert broken(shop, "PO") == {"late": pytest.approx(0.03 * 840.0)}
    done = ship(shop, "PO", actor="t", at=NOON, anyway=True)
    assert done.chargebacks == ("late",)
    assert money(shop, "chargebacks") == 2_520
    told = charge(shop, "PO", "late", 40.0, actor="t", at=NOON)
    assert (told.status, told.expected, told.difference) == ("ok", pytest.approx(25.2), 14.8)
    assert charge(shop, "PO", "late", 40.0, actor="t", at=NOON).status == "duplicate"
    assert money(shop, "chargebacks") == 4_000
    row = shop.dataset(as_of=AS_OF)["chargebacks"].row(0, named=True)
    assert (row["expected"], row["charged"], row["state"]) == (25.2, 40.0, "charged")
    charge(shop, "PO", "late", 0.0, actor="t", at=NOON)
    assert money(shop, "chargebacks") == 0, "waived"
    assert money(shop, "receivable") == 84_000
    assert verify(shop.journal).ok


def test_what_is_short_is_cut_where_the_guide_cancels_it(shop: Any) -> None:
    ask(shop, "PO", "BOWL", 120, days=9)
    assert broken(shop, "PO")["short"] == pytest.approx(0.03 * 12 * 9.0, abs=0.01)
    done = ship(shop, "PO", actor="t", at=NOON, anyway=True)
    assert done.waiting_units == 0
    rows = shop.dataset(as_of=AS_OF)["orders"].filter(pl.col("order") == "PO").sort("line")
    assert rows.select("quantity", "status").rows() == [(108, "shipped"), (12, "cancelled")]
    assert order_record(shop, "PO").state == "shipped"


def test_what_is_short_waits_where_the_guide_lets_it_follow(shop: Any) -> None:
    ask(shop, "PO", "PLATE", 780, days=5, channel="HOMELY")
    announce(shop, "PO", actor="t", at=NOON)
    assert broken(shop, "PO") == {}, "760 of 780 are above the 90 % it asks"
    assert ship(shop, "PO", actor="t", at=NOON).waiting_units == 20


def test_a_rate_nobody_gave_has_no_amount(shop: Any) -> None:
    ask(shop, "PO", "PLATE", 100, days=5, channel="HOMELY")
    assert broken(shop, "PO") == {"no_asn": None}
    found = check(shop, "PO", at=NOON)
    assert (found.objective, found.notes["unknown"]) == (0.0, 1)


def test_units_that_make_no_full_case_break_the_guide(shop: Any) -> None:
    ask(shop, "PO", "MUG", 30, days=9)
    assert broken(shop, "PO")["wrong_multiple"] == 100.0


def test_a_window_binds_the_day_the_guide_says(shop: Any) -> None:
    ask(shop, "EARLY", "MUG", 24, days=30)
    assert "early" in broken(shop, "EARLY")
    ask(shop, "SHIPS", "PLATE", 20, days=0, channel="HOMELY")
    assert "late" not in broken(shop, "SHIPS"), "it ships in its window, whenever it arrives"


def test_scores_are_what_the_orders_say(shop: Any) -> None:
    row = scores(shop, as_of=AS_OF)["retail_scores"].row(0, named=True)
    own = shop.dataset(as_of=AS_OF)["orders"].filter(pl.col("channel") == "BIGMART")
    late = own.filter(pl.col("delivered_on") > pl.col("requested_by")).height
    assert late == 2
    assert row["on_time_share"] == pytest.approx(1 - late / own.height)
    assert (row["fill_share"], row["chargebacks"]) == (1.0, 0.0)
    assert row["revenue"] == pytest.approx(float((own["unit_price"] * own["quantity"]).sum()))


def test_a_retailer_is_a_channel_with_its_own_costs(shop: Any) -> None:
    fees = choose_channels(shop.dataset(as_of=AS_OF), as_of=AS_OF)["channel_fees"]
    mine = fees.filter((pl.col("item") == "MUG") & (pl.col("channel") == "BIGMART"))
    lines = dict(mine.select("line", "counted").iter_rows())
    assert "PARCEL_CARRIAGE" not in lines
    assert lines["PAYMENT_TERMS"] == pytest.approx(7.0 * 0.12 * 60 / 365)
    assert lines["CHARGEBACKS"] == 0.0


def test_the_checker_finds_false_cartons_and_money_without_a_rate(shop: Any) -> None:
    ask(shop, "PO", "MUG", 48, days=9)
    dataset = shop.dataset(as_of=AS_OF)
    found = check(shop, "PO", at=NOON)

    def rules(**tables: pl.DataFrame) -> set[str]:
        seen = dataset.with_tables(**{**found.tables, **tables})
        return set(pl.concat([none(), *check_retail(seen)])["rule"])

    assert rules() == set()
    cartons, findings = found["retail_cartons"], found["routing_findings"]
    assert rules(retail_cartons=cartons.with_columns(quantity=pl.lit(25))) == {
        "cartons_hold_the_order"
    }
    assert rules(retail_cartons=cartons.with_columns(sscc=pl.lit("006141410000000011"))) == {
        "carton_code_is_its_own"
    }
    assert rules(routing_findings=findings.with_columns(chargeback=pl.lit(1.0))) == {
        "chargeback_by_rate"
    }


@pytest.mark.parametrize(
    ("basis", "amount", "least", "money_"),
    [
        ("share_of_value", 0.03, None, 60.0),
        ("unit", 1.5, None, 120.0),
        ("carton", 2.5, 100.0, 100.0),
        ("pallet", 40.0, None, 80.0),
        ("order", 150.0, None, 150.0),
        ("order", None, 10.0, None),
    ],
)
def test_a_chargeback_is_the_rate_times_what_it_is_of(
    basis: str, amount: float | None, least: float | None, money_: float | None
) -> None:
    rate = {"basis": basis, "amount": amount, "minimum_amount": least}
    assert chargeback(rate, value=2_000.0, units=80, cartons=8, pallets=2) == money_


def test_a_carton_code_needs_a_prefix_that_leaves_room() -> None:
    # By hand: 3 (6 + 4 + 4 + 1) + 1 + 1 + 1 = 48, and 2 to the next ten.
    assert sscc("0614141", 1) == "006141410000000012"
    with pytest.raises(ValueError, match="7 to 12 digits"):
        sscc("12", 1)
    with pytest.raises(ValueError, match="does not fit"):
        sscc("061414112345", 10_000)
