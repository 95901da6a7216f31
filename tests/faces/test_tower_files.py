"""Files in the tower: changes shown first, strange columns named, errors marked."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

from fivefold.api.access import OWN


@pytest.fixture(scope="module")
def tower(serve: Any) -> Any:
    return serve(with_pages=True)


def ask(tower: Any, method: str, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {tower.tokens[OWN, 'admin']}", "Accept": "text/html"}
    return tower.client.request(method, path, headers=headers, **more)


def looked_at(tower: Any, name: str, text: str) -> str:
    files = {"files": (name, text.encode(), "text/csv")}
    return str(ask(tower, "POST", "/data/look", files=files).json()["go"])


def items(tower: Any) -> dict[str, tuple[Any, ...]]:
    company = tower.app.state.context.companies.company(OWN)
    rows = company.dataset(as_of=company.today())["items"].select("item", "title", "unit_cost")
    return {row[0]: row[1:] for row in rows.iter_rows()}


def test_what_would_change_is_shown_and_only_that_is_loaded(tower: Any) -> None:
    text = "item,title,unit_cost\nLAMP-01,Lamp,6.5\nDESK-7,Desk,9\nCHAIR,Chair,4\n"
    go = looked_at(tower, "costs.csv", text)
    page = ask(tower, "GET", go).text
    assert "1 new row, 1 changed cell, 1 row as before" in page
    assert items(tower)["LAMP-01"] == ("Lamp", 6.0), "nothing is loaded yet"
    stage = go.rpartition("=")[2]
    answer = ask(tower, "POST", f"/data/load/{stage}", json={"changes_only": "1"})
    assert answer.status_code == 200, answer.text
    assert items(tower) == {
        "LAMP-01": ("Lamp", 6.5),
        "DESK-7": ("Desk", 9.0),
        "CHAIR": ("Chair", 4.0),
    }
    files = ask(tower, "GET", "/data").text
    assert "costs.csv" in files


def test_the_columns_of_a_strange_file_are_named_once(tower: Any) -> None:
    text = "Artikelnummer,Bezeichnung,Einkauf\nBENCH-1,Bench,12.5\n"
    go = looked_at(tower, "lager.csv", text)
    page = ask(tower, "GET", f"{go}&as=items").text
    assert "What are the columns of lager.csv?" in page
    stage = go.rpartition("=")[2]
    body = {
        "table": "items",
        "col:Artikelnummer": "item",
        "col:Bezeichnung": "title",
        "col:Einkauf": "unit_cost",
    }
    answer = ask(tower, "POST", f"/data/map/{stage}", json=body)
    assert answer.status_code == 200, answer.text
    assert "Load 1 file" in ask(tower, "GET", answer.json()["go"]).text
    assert ask(tower, "POST", f"/data/load/{stage}", json={}).status_code == 200
    assert items(tower)["BENCH-1"] == ("Bench", 12.5)
    wrong = ask(tower, "POST", f"/data/map/{stage}", json={**body, "table": "nothing"})
    assert wrong.status_code in (410, 422)


def test_the_marked_file_names_each_problem_beside_its_row(tower: Any) -> None:
    text = "item,title,unit_cost\nPOT-1,Pot,1O\nPOT-2,Pot,2\nPOT-3,Pot,abc\n"
    go = looked_at(tower, "pots.csv", text)
    assert "Download the marked file" in ask(tower, "GET", go).text
    stage = go.rpartition("=")[2]
    answer = ask(tower, "GET", f"/data/marked/{stage}.xlsx")
    assert answer.status_code == 200
    book = pl.read_excel(io.BytesIO(answer.content), sheet_id=0)
    told = book["pots"]["problem"].to_list()
    assert "1O" in str(told[0])
    assert not told[1]
    assert "abc" in str(told[2])
    assert book["problems"]["row"].to_list() == [2, 4]
    assert ask(tower, "GET", "/data/marked/never.xlsx").status_code == 410
