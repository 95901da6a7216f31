"""Files become tables and bookings exactly once, whole or not at all."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle import documents
from fivefold.cycle.importing import import_files, undo_import
from fivefold.cycle.workspace import Workspace
from fivefold.errors import DataError, NotFoundError
from fivefold.ledger.balances import goods_frame, on_hand
from fivefold.ledger.money import balances
from fivefold.ledger.verify import verify

AS_OF = date(2026, 11, 22)


def snapshot(store: Workspace) -> dict[str, Any]:
    """Return everything a workspace holds: facts, files on disk, tables, goods, money."""
    dataset = store.dataset(as_of=AS_OF)
    return {
        "seq": store.journal.seq,
        "files": sorted(
            (str(path.relative_to(store.folder)), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in store.imports_folder.rglob("*.parquet")
        ),
        "tables": dataset.fingerprint(),
        "goods": goods_frame(store.journal).rows(),
        "money": balances(store.journal).rows(),
    }


def statuses(report: Any) -> dict[str, str]:
    return {file.name: file.status for file in report.files}


def test_importing_the_same_files_twice_changes_nothing_at_all(store: Any, company: Any) -> None:
    before = snapshot(store)

    report = import_files(store, company.files(), actor="test", as_of=AS_OF + timedelta(days=3))

    assert set(statuses(report).values()) == {"already_loaded"}
    assert report.commands_written == 0
    assert snapshot(store) == before


def test_the_same_bytes_under_another_name_and_twice_in_one_call_count_once(
    company: Any, tmp_path: Path
) -> None:
    (name, content), *_ = [f for f in company.files() if f[0] == "items.csv"]
    with Workspace(tmp_path / "w") as store:
        report = import_files(
            store, [(name, content), ("items again.csv", content)], actor="test", as_of=AS_OF
        )
        assert statuses(report) == {"items.csv": "loaded", "items again.csv": "already_loaded"}
        assert len(store.imports()) == 1
        assert store.imported()["items"].height == 3


def test_a_file_with_a_bad_quantity_is_refused_whole_and_named_and_the_others_load(
    company: Any, tmp_path: Path
) -> None:
    files = dict(company.files())
    lines = files["orders.csv"].decode().splitlines()
    header = lines[0].split(",")
    cells = lines[4].split(",")
    cells[header.index("quantity")] = "three"
    lines[4] = ",".join(cells)
    files["orders.csv"] = "\n".join(lines).encode()

    with Workspace(tmp_path / "w") as store:
        report = import_files(store, files.items(), actor="test", as_of=AS_OF)
        refused = [file for file in report.files if file.status == "refused"]
        assert [file.name for file in refused] == ["orders.csv"]
        (problem,) = refused[0].problems
        assert (problem.file, problem.row, problem.column) == ("orders.csv", 5, "quantity")
        assert "three" in problem.message
        assert store.imported()["orders"].height == 0
        assert store.imported()["items"].height == 3
        assert goods_frame(store.journal).filter(pl.col("units") > 0).height > 0

        again = import_files(
            store,
            [("orders.csv", files["orders.csv"])],
            actor="test",
            as_of=AS_OF,
            skip_bad_rows=True,
        )
        assert statuses(again) == {"orders.csv": "loaded"}
        assert store.imported()["orders"].height == 599


def test_a_column_nobody_knows_is_kept(company: Any, tmp_path: Path) -> None:
    content = dict(company.files())["items.csv"].decode().splitlines()
    lines = [content[0] + ",Shelf Colour", *(line + ",green" for line in content[1:])]
    with Workspace(tmp_path / "w") as store:
        report = import_files(
            store, [("items.csv", "\n".join(lines).encode())], actor="test", as_of=AS_OF
        )
        assert statuses(report) == {"items.csv": "loaded"}
        (kept,) = report.files[0].columns_kept
        assert kept.lower().replace(" ", "_") == "shelf_colour"
        items = store.imported()["items"]
        (column,) = [c for c in items.columns if c.lower().replace(" ", "_") == "shelf_colour"]
        assert items[column].to_list() == ["green"] * 3


def test_a_missing_column_is_tolerated_and_told(tmp_path: Path) -> None:
    with Workspace(tmp_path / "w") as store:
        report = import_files(store, [("items.csv", b"item\nMUG\n")], actor="test", as_of=AS_OF)
        assert statuses(report) == {"items.csv": "loaded"}
        assert store.imported()["items"]["price"].to_list() == [None]


def test_windows_text_is_read_as_what_it_says(tmp_path: Path) -> None:
    content = "item,title\nMUG,Café £5 – blue\n".encode("cp1252")
    with Workspace(tmp_path / "w") as store:
        report = import_files(store, [("items.csv", content)], actor="test", as_of=AS_OF)
        assert statuses(report) == {"items.csv": "loaded"}
        assert "1252" in report.files[0].encoding
        assert store.imported()["items"]["title"].to_list() == ["Café £5 – blue"]


def test_an_import_can_be_undone_and_done_again(store: Any, company: Any) -> None:
    files = dict(company.files())
    digest = hashlib.sha256(files["offers.csv"]).hexdigest()
    before = store.imported().fingerprint()

    assert undo_import(store, digest[:10], actor="test", as_of=AS_OF) == "offers.csv"
    assert store.imported()["offers"].height == 0
    with pytest.raises(NotFoundError, match="0 imported files"):
        undo_import(store, digest, actor="test", as_of=AS_OF)
    report = import_files(store, [("offers.csv", files["offers.csv"])], actor="t", as_of=AS_OF)
    assert statuses(report) == {"offers.csv": "loaded"}
    assert store.imported().fingerprint() == before


def test_undo_needs_a_beginning_that_names_one_file(store: Any) -> None:
    with pytest.raises(NotFoundError, match="14 imported files"):
        undo_import(store, "", actor="test", as_of=AS_OF)


def test_a_kill_between_the_tables_and_their_fact_leaves_no_trace(
    company: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace(tmp_path / "w") as store:
        submit = store.journal.submit

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(store.journal, "submit", killed)
        with pytest.raises(KeyboardInterrupt):
            import_files(store, company.files(), actor="test", as_of=AS_OF)
        assert list(store.imports_folder.rglob("*.parquet")), "the tables were saved before"
        monkeypatch.setattr(store.journal, "submit", submit)
    with Workspace(tmp_path / "w") as store:
        assert store.imports() == []
        assert store.imported().fingerprint() == store.dataset(as_of=AS_OF).fingerprint()
        assert store.imported()["items"].height == 0
        report = import_files(store, company.files(), actor="test", as_of=AS_OF)
        assert set(statuses(report).values()) == {"loaded"}


def test_a_kill_between_the_fact_and_its_booking_is_made_good_by_the_same_import(
    company: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fivefold.cycle import importing

    whole = company.make(tmp_path / "whole")
    with whole:
        expected = goods_frame(whole.journal).rows(), balances(whole.journal).rows()

    with Workspace(tmp_path / "w") as store:
        with monkeypatch.context() as patch:

            def killed(*_: object, **__: object) -> None:
                raise KeyboardInterrupt

            patch.setattr(importing, "stock_commands", killed)
            with pytest.raises(KeyboardInterrupt):
                import_files(store, company.files(), actor="test", as_of=AS_OF)
        assert goods_frame(store.journal).height == 0
        report = import_files(store, company.files(), actor="test", as_of=AS_OF)
        assert set(statuses(report).values()) == {"already_loaded"}
        assert (goods_frame(store.journal).rows(), balances(store.journal).rows()) == expected
        assert verify(store.journal).ok


def test_a_dry_run_says_what_would_happen_and_changes_nothing(company: Any, tmp_path: Path) -> None:
    with Workspace(tmp_path / "w") as store:
        report = import_files(store, company.files(), actor="t", as_of=AS_OF, dry_run=True)
        assert set(statuses(report).values()) == {"loaded"}
        assert store.journal.seq == 0
        assert not store.imports_folder.exists()


def test_a_row_that_refers_to_what_no_file_brings_refuses_its_file(
    company: Any, tmp_path: Path
) -> None:
    files = [f for f in company.files() if f[0] in ("items.csv", "offers.csv")]
    with Workspace(tmp_path / "w") as store:
        report = import_files(store, files, actor="test", as_of=AS_OF)
        assert statuses(report) == {"items.csv": "loaded", "offers.csv": "refused"}
        assert {p.column for p in report.files[1].problems} == {"channel"}


def test_books_are_kept_in_the_currency_of_the_company(company: Any, tmp_path: Path) -> None:
    with company.make(tmp_path / "w", company.tables(currency="JPY")) as store:
        assert store.journal.currency == "JPY"
        stock = balances(store.journal).filter(pl.col("account") == "inventory")
        # 380 mugs at 5, 20 gifts at 12, 40 boxes at 1; a yen has no cents.
        assert stock["amount_minor"].sum() == 380 * 5 + 20 * 12 + 40
        with pytest.raises(DataError, match="kept in JPY"):
            import_files(
                store,
                [("settings.csv", b"name,value\ncurrency,EUR\n")],
                actor="test",
                as_of=AS_OF,
            )
        assert not any(f.body["name"] == "settings.csv" for f in store.imports()[1:])


def test_opening_stock_stands_in_the_books_at_unit_cost(store: Any) -> None:
    held = {
        (item, place): units
        for item, place, units in on_hand(store.journal)
        .select("item", "location", "on_hand")
        .iter_rows()
    }
    assert held == {
        ("MUG", "WH1"): 200,
        ("MUG", "FBA-US"): 120,
        ("MUG", "PLANT1"): 60,
        ("BOX", "PLANT1"): 40,
        ("GIFT", "WH1"): 20,
    }
    money = dict(
        balances(store.journal).group_by("account").agg(pl.col("amount_minor").sum()).iter_rows()
    )
    value = 100 * (380 * 5 + 40 * 1 + 20 * 12)
    assert money["inventory"] == value
    assert money["opening_equity"] == -value
    assert verify(store.journal).ok


def test_imported_files_are_listed_by_name_and_kind(store: Any) -> None:
    listed = {fact.body["name"]: fact.body["kind"] for fact in store.imports()}
    assert len(listed) == 14
    assert listed["orders.csv"] == "table:orders"
    assert [f.kind for f in store.recorded(documents.FILE_LOADED)] == ["import.loaded"] * 14
