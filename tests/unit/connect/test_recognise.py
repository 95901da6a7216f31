"""A file is recognised by its header, whatever it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fivefold.connect import recognise, write_csv, write_parquet, write_workbook
from fivefold.connect.amazon.report import report_kinds
from fivefold.model.schema import schema, table_names

SHARED = Path(__file__).parents[3] / ".." / "shared"
HEADERS = SHARED / "facts" / "amazon" / "reports" / "headers.json"


@pytest.mark.parametrize("table", table_names())
def test_every_table_of_the_schema_is_recognised_by_its_name(table: str) -> None:
    seen = recognise(f"exports/{table}.csv", write_csv(schema(table).empty()))
    assert seen.kind == f"table:{table}"
    assert seen.confidence == 1


@pytest.mark.parametrize("table", table_names(role="input"))
def test_every_input_table_is_recognised_by_its_full_header_alone(table: str) -> None:
    seen = recognise("unnamed.csv", write_csv(schema(table).empty()))
    assert seen.kind == f"table:{table}"
    assert seen.alternatives == ()


@pytest.mark.parametrize("kind", report_kinds())
def test_every_report_is_recognised_by_its_columns_alone(kind: str) -> None:
    names = [column.name.replace("_", "-") for column in report_kinds()[kind].columns]
    seen = recognise("download.txt", ("\t".join(names) + "\n").encode())
    assert seen.kind == f"amazon:{kind}"


@pytest.mark.parametrize("kind", report_kinds())
def test_every_report_is_recognised_in_reverse_order_and_capitals(kind: str) -> None:
    names = [c.name.replace("_", " ").upper() for c in report_kinds()[kind].columns][::-1]
    seen = recognise("download.csv", (",".join(f'"{name}"' for name in names)).encode())
    assert seen.kind == f"amazon:{kind}"


def test_every_report_of_the_collected_headers_is_recognised() -> None:
    if not HEADERS.exists():
        pytest.skip(f"{HEADERS} is not there")
    reports = json.loads(HEADERS.read_text())["reports"]
    known = {name: kind for kind, k in report_kinds().items() for name in k.report_types}
    seen = {}
    for name in known:
        header = "\t".join(reports[name]["columns"]) + "\n"
        seen[name] = recognise("x.txt", header.encode()).kind
    assert seen == {name: f"amazon:{kind}" for name, kind in known.items()}


def test_a_report_called_like_a_table_is_still_a_report() -> None:
    header = b"amazon-order-id\tpurchase-date\tsku\tquantity\torder-status\n"
    assert recognise("orders.txt", header).kind == "amazon:all_orders"


def test_a_longer_report_name_wins_over_the_one_it_begins_with() -> None:
    header = b"settlement-id\ttotal-amount\tamount-type\tamount-description\tamount\n"
    name = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2_1.txt"
    assert recognise(name, header).kind == "amazon:settlement"


def test_containers_are_recognised_by_their_first_bytes() -> None:
    frame = schema("items").frame([{"item": "A"}])
    assert recognise("items.bin", write_parquet(frame)).kind == "table:items"
    assert recognise("whatever", write_workbook({"items": frame})).kind == "workbook"


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"PAR1", b"\n\n", b"hello", b"PK\x05\x06"])
def test_what_is_nothing_known_has_no_kind(content: bytes) -> None:
    assert recognise("x", content).kind == ""
