"""The files of the invented seller, written by another hand, are read without a question."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from fivefold.connect import ImportSettings, check_tables, merge, read_file
from fivefold.twin.companies.seller import AS_OF, write_company


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=7, items=25, days=150)
    return {
        path.name: path.read_bytes()
        for path in sorted(directory.iterdir())
        if not path.name.startswith("README")
    }


def test_every_file_is_accepted_and_together_they_hold(company: dict[str, bytes]) -> None:
    settings = ImportSettings(as_of=AS_OF)
    loads = [read_file(name, content, settings=settings) for name, content in company.items()]
    refused = {load.name: load.problems for load in loads if not load.accepted}
    assert refused == {}
    tables, problems = merge(loads)
    assert not [problem for problem in problems if problem.severity == "error"]
    _, found = check_tables(tables)
    assert found == ()


def test_every_order_line_is_there_once(company: dict[str, bytes]) -> None:
    files = {name: body for name, body in company.items() if "ALL_ORDERS" in name}
    assert len(files) > 1
    lines = {}
    for body in files.values():
        encoding = "cp1252" if b"\xef\xbb\xbf" not in body[:3] else "utf-8-sig"
        text = body.decode(encoding, errors="replace")
        for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
            key = (row["amazon-order-id"], row["sku"])
            known = lines.get(key)
            if known is None or row["last-updated-date"] >= known["last-updated-date"]:
                lines[key] = row
    loads = [read_file(name, body) for name, body in files.items()]
    orders = merge(loads)[0]["orders"]
    assert orders.height == len(lines)
    assert orders["quantity"].sum() == sum(int(row["quantity"] or 0) for row in lines.values())


def test_stock_of_the_older_snapshot_is_not_added(company: dict[str, bytes]) -> None:
    files = {name: body for name, body in company.items() if "MYI" in name}
    assert len(files) == 2
    settings = ImportSettings(as_of=AS_OF)
    loads = [read_file(name, body, settings=settings) for name, body in files.items()]
    stock = merge(loads)[0]["inventory"]
    assert (stock["as_of"].dt.date() > AS_OF - timedelta(days=2)).all()
