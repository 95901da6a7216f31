"""A workbook goes out, is edited, and comes back: what changed is shown first, then only that."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.connect import write_csv, write_workbook
from fivefold.connect.mapping import ColumnMapping
from fivefold.cycle.importing import import_files, tables_for_export, undo_last_import
from fivefold.cycle.mapping import forget_mapping, mappings, remember_mapping, suggested
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError

AS_OF = date(2026, 11, 22)


def exported(store: Workspace) -> dict[str, pl.DataFrame]:
    return tables_for_export(store.dataset(as_of=AS_OF))


def look(store: Workspace, name: str, content: bytes, **more: Any) -> Any:
    return import_files(
        store, [(name, content)], actor="test", as_of=AS_OF, changes_only=True, **more
    )


def test_an_exported_workbook_brought_back_as_it_is_changes_nothing(store: Any) -> None:
    before = store.dataset(as_of=AS_OF).fingerprint()
    content = write_workbook(exported(store), notes={"made": "for a test"})
    report = look(store, "back.xlsx", content)
    assert [file.status for file in report.files] == ["unchanged"]
    assert report.preview.changes.height == 0
    assert sum(report.preview.unchanged_rows.values()) > 0
    assert store.dataset(as_of=AS_OF).fingerprint() == before


def test_only_cells_that_were_edited_are_shown_and_then_applied(store: Any) -> None:
    tables = exported(store)
    items = tables["items"]
    edited = items.with_columns(
        unit_cost=pl.when(pl.int_range(pl.len()) == 0).then(99.5).otherwise("unit_cost")
    ).select("item", "unit_cost")
    name = items["item"][0]
    old = items["unit_cost"][0]
    content = write_csv(edited)

    shown = look(store, "items.csv", content, dry_run=True)
    assert shown.preview.changes.select("table", "key", "change", "column", "new").rows() == [
        ("items", name, "changed", "unit_cost", "99.5")
    ]
    assert store.imported()["items"]["unit_cost"][0] == old

    done = look(store, "items.csv", content)
    assert done.files[0].rows_kept == {"items": 1}
    after = store.imported()["items"]
    assert after["unit_cost"][0] == 99.5
    # What the file did not have stands as it stood.
    assert after.drop("unit_cost").equals(items.select(after.columns).drop("unit_cost"))

    assert undo_last_import(store, actor="test", as_of=AS_OF) == ["items.csv"]
    assert store.imported()["items"]["unit_cost"][0] == old


def test_undo_takes_back_all_files_of_the_last_import_and_then_those_before(
    tmp_path: Path,
) -> None:
    with Workspace(tmp_path / "w") as store:
        import_files(store, [("items.csv", b"item\nA\nB\n")], actor="t", as_of=AS_OF)
        import_files(
            store,
            [("locations.csv", b"location,kind\nWH1,warehouse\n"), ("items.csv", b"item\nC\n")],
            actor="t",
            as_of=AS_OF,
        )
        assert sorted(undo_last_import(store, actor="t", as_of=AS_OF)) == [
            "items.csv",
            "locations.csv",
        ]
        assert store.imported()["items"]["item"].to_list() == ["A", "B"]
        assert undo_last_import(store, actor="t", as_of=AS_OF) == ["items.csv"]
        with pytest.raises(NotFoundError, match="nothing to take back"):
            undo_last_import(store, actor="t", as_of=AS_OF)


def test_what_a_header_means_is_asked_once(tmp_path: Path) -> None:
    content = b"Article,Cost\nA,2\n"
    with Workspace(tmp_path / "w") as store:
        refused = import_files(store, [("ware.csv", content)], actor="t", as_of=AS_OF)
        assert refused.files[0].status == "refused"
        ((header, found),) = suggested("ware.csv", content, table="items")
        assert found.columns == {"Article": "item", "Cost": "unit_cost"}
        kept = ColumnMapping(header=header, table=found.table, columns=found.columns)
        remember_mapping(store, kept, actor="t", as_of=AS_OF)
    with Workspace(tmp_path / "w") as store:
        done = import_files(store, [("ware.csv", content)], actor="t", as_of=AS_OF)
        assert done.files[0].status == "loaded"
        assert store.imported()["items"]["unit_cost"].to_list() == [2.0]
        forget_mapping(store, kept.mark, actor="t", as_of=AS_OF)
        assert mappings(store) == ()


def test_a_workbook_with_two_sheets_keeps_the_columns_of_each_apart(store: Any) -> None:
    tables = exported(store)
    book = {
        "items": tables["items"].select("item"),
        "locations": tables["locations"].select("location", "kind"),
    }
    buffer = io.BytesIO(write_workbook(book))
    report = look(store, "two.xlsx", buffer.getvalue(), dry_run=True)
    assert report.preview.changes.height == 0
