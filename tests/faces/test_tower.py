"""The pages of the tower over the tiny company: each opens, acts, and keeps what a person said."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from fivefold.web.tower.rendering import ROOMS, STATIC, static_file, version

PATHS = [path for path, _, _ in ROOMS]
_VOID = {"meta", "link", "img", "input", "br", "hr"}


@pytest.fixture(scope="module")
def tower(serve: Any) -> Any:
    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 12, "demand_factor": 8.0}))
    assert made["state"] == "done", made
    return served


def ask(tower: Any, method: str, path: str, role: str = "admin", **more: Any) -> Any:
    from fivefold.api.access import OWN

    headers = {"Authorization": f"Bearer {tower.tokens[OWN, role]}", "Accept": "text/html"}
    return tower.client.request(method, path, headers=headers | more.pop("headers", {}), **more)


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(str(told["id"]))
        self.inline += [name for name in told if name.startswith("on") or name == "style"]
        if tag == "script" and "src" not in told:
            self.inline.append("script")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("path", PATHS)
def test_every_room_opens_with_sound_markup_and_nothing_inline(tower: Any, path: str) -> None:
    answer = ask(tower, "GET", path)
    assert answer.status_code == 200, answer.text[:400]
    page = _Balance()
    page.feed(answer.text)
    assert (page.wrong, page.open, page.inline) == ([], [], [])
    assert len(page.ids) == len(set(page.ids))
    assert answer.text.count('aria-current="page"') >= 1


@pytest.mark.parametrize(
    ("path", "tabs"),
    [
        ("/supply", ("orders", "shipments", "changes", "placed", "cash")),
        ("/inventory", ("fba", "advice", "channels", "service")),
        ("/books", ("unit", "cent", "verify")),
    ],
)
def test_every_tab_of_a_room_opens(tower: Any, path: str, tabs: tuple[str, ...]) -> None:
    for tab in tabs:
        assert ask(tower, "GET", f"{path}?tab={tab}").status_code == 200, tab


@pytest.mark.parametrize("path", PATHS)
def test_a_fragment_leaves_out_what_the_browser_has(tower: Any, path: str) -> None:
    part = ask(tower, "GET", path, headers={"X-Fragment": "1"}).text
    assert "<html" not in part
    assert '<main id="main"' in part


def test_nothing_on_a_page_comes_from_another_server(tower: Any) -> None:
    text = ask(tower, "GET", "/").text + "".join(static_file(n).decode() for n in STATIC)
    found = set(re.findall(r"https?://[^\s\"')]+", text))
    assert found <= {"http://www.w3.org/2000/svg"}


def test_the_first_page_weighs_less_than_it_may(tower: Any) -> None:
    from fivefold.web.tower.rendering import packed_file

    page = ask(tower, "GET", "/", headers={"Accept-Encoding": "gzip"})
    whole = int(page.headers["content-length"]) + sum(len(packed_file(n)) for n in STATIC)
    assert whole < 350_000


def test_a_file_of_the_browser_is_kept_for_ever_under_its_version(tower: Any) -> None:
    answer = tower.client.get(f"/static/tower/{version()}/tower.css")
    assert "immutable" in answer.headers["cache-control"]
    assert tower.client.get("/static/tower/x/passwords.txt").status_code == 404


def test_a_stranger_sees_no_page(tower: Any) -> None:
    answer = tower.client.get("/supply", headers={"Accept": "text/html"}, follow_redirects=False)
    assert answer.status_code in (303, 401)


def test_a_plan_that_is_not_there_is_told_as_a_page(tower: Any) -> None:
    answer = ask(tower, "GET", "/supply?plan=P-none")
    assert answer.status_code == 404
    assert "no plan" in answer.text


def _rows(tower: Any, query: str = "") -> Any:
    return ask(tower, "GET", f"/grid/supply?{query}").json()


def test_every_list_gives_rows_that_its_export_gives_too(tower: Any) -> None:
    from fivefold.web.tower.rooms.registry import GRIDS

    for name in GRIDS:
        query = "?table=items" if name == "table" else ""
        told = ask(tower, "GET", f"/grid/{name}{query}")
        assert told.status_code == 200, (name, told.text[:300])
        text = ask(tower, "GET", f"/export/{name}.csv{query}").content
        assert text.count(b"\n") >= told.json()["total"], name


def test_a_filter_of_a_list_is_a_filter_of_its_export(tower: Any) -> None:
    total = _rows(tower, "f.item=LAMP")["total"]
    text = ask(tower, "GET", "/export/supply.csv?f.item=LAMP").content
    assert text.count(b"\n") == total + 1
    assert ask(tower, "GET", "/grid/supply?f.quantity=many").status_code == 422


def _edit(tower: Any, edits: list[dict[str, Any]], **who: Any) -> Any:
    return ask(tower, "POST", "/grid/supply", json={"edits": edits}, **who)


def test_a_quantity_is_changed_all_or_none_and_nobody_is_overwritten(tower: Any) -> None:
    told = _rows(tower)
    names = [c["name"] for c in told["columns"]]
    at = names.index("quantity")
    assert told["total"] > 0
    key, planned = told["keys"][0], told["raw"][at][0]
    good = {"key": key, "column": "quantity", "from": str(planned), "to": str(planned + 1)}
    bad = {"key": "buy:nothing", "column": "quantity", "from": "1", "to": "2"}
    assert _edit(tower, [good, bad]).status_code == 422
    assert _rows(tower)["raw"][at][0] == planned
    assert _edit(tower, [good]).status_code == 200
    after = _rows(tower)
    assert after["raw"][at][after["keys"].index(key)] == planned + 1
    stale = _edit(tower, [{**good, "to": str(planned + 9)}])
    assert stale.status_code == 422
    assert "somebody else" in stale.json()["detail"]
    assert _edit(tower, [{**good, "from": str(planned + 1), "to": "-4"}]).status_code == 422
    assert _edit(tower, [good], role="viewer").status_code == 403


def test_a_decision_that_is_put_off_leaves_the_list_and_is_told_below(tower: Any) -> None:
    before = ask(tower, "GET", "/").text
    names = re.findall(r'name="name" value="([^"]+)"', before)
    if not names:
        pytest.skip("this plan has nothing that needs a decision")
    body = {"name": names[0], "do": "snooze"}
    assert ask(tower, "POST", "/decisions", json=body).status_code == 200
    after = ask(tower, "GET", "/").text
    assert f'value="{names[0]}"' not in after
    assert "1 put off" in after


@pytest.mark.parametrize("name", ["served", "short", "excess", "value", "orders"])
def test_every_figure_of_the_first_page_opens(tower: Any, name: str) -> None:
    told = ask(tower, "GET", f"/why?name=figure:{name}").text
    assert "<h2" in told
    assert "Nothing is known" not in told


def test_a_decision_and_an_item_at_a_place_say_why(tower: Any) -> None:
    key = _rows(tower)["keys"][0]
    assert 'class="reasons"' in ask(tower, "GET", f"/why?name={key}").text
    assert 'class="chart"' in ask(tower, "GET", "/why?name=LAMP-01@WH1").text
    assert "Nothing is known" in ask(tower, "GET", "/why?name=nobody").text


def test_search_finds_rooms_items_and_orders(tower: Any) -> None:
    assert "/inventory" in ask(tower, "GET", "/search?q=inven").text
    assert "LAMP-01" in ask(tower, "GET", "/search?q=lamp").text
    assert "Nothing of that name" in ask(tower, "GET", "/search?q=zzzz").text


def test_a_file_with_an_error_is_shown_in_place_mended_and_loaded(tower: Any) -> None:
    content = b"item,title,unit_cost,price\nVASE-1,Vase,1O,25\n"
    looked = ask(tower, "POST", "/data/look", files={"files": ("items.csv", content)})
    where = looked.json()["go"]
    stage = where.rpartition("=")[2]
    seen = ask(tower, "GET", where).text
    assert "1 problem to mend" in seen
    assert "row 2" in seen
    assert "Load 1 file" not in seen
    fix = {"file": "items.csv", "row": 2, "column": "unit_cost", "value": "10"}
    assert ask(tower, "POST", f"/data/fix/{stage}", json=fix).status_code == 200
    assert "Load 1 file" in ask(tower, "GET", where).text
    assert ask(tower, "POST", f"/data/load/{stage}").status_code == 200
    assert "VASE-1" in ask(tower, "GET", "/export/table.csv?table=items").text
    assert ask(tower, "POST", f"/data/load/{stage}").status_code == 410
    files = ask(tower, "GET", "/data").text
    sha = re.findall(r"/data/undo/([0-9a-f]{64})", files)[0]
    assert ask(tower, "POST", f"/data/undo/{sha}").status_code == 200
    assert "VASE-1" not in ask(tower, "GET", "/export/table.csv?table=items").text


def test_a_change_of_the_forecast_is_kept_with_author_and_reason(tower: Any) -> None:
    body = {
        "item": "LAMP-01",
        "location": "WH1",
        "action": "multiply",
        "value": 1.5,
        "starts_on": "2026-12-01",
        "ends_on": "2026-12-31",
        "reason": "Fair",
    }
    assert ask(tower, "POST", "/demand/override", json=body).status_code == 200
    assert "Fair" in ask(tower, "GET", "/demand?item=LAMP-01").text
    assert ask(tower, "POST", "/demand/override", json={**body, "item": "NO"}).status_code == 422


def test_a_question_to_the_promise_calculator_is_answered_and_reserves_nothing(tower: Any) -> None:
    query = "tab=ask&ask_item=LAMP-01&ask_units=2&ask_zip=10001&ask_channel=FBM"
    before = ask(tower, "GET", "/orders").text
    told = ask(tower, "GET", f"/orders?{query}").text
    assert "2 × " in told
    assert "The chain" in told
    assert ask(tower, "GET", "/orders").text == before
    assert "no item" in ask(tower, "GET", "/orders?tab=ask&ask_item=NO").text


def test_the_books_are_verified_from_the_page(tower: Any) -> None:
    assert "The books are whole" in ask(tower, "GET", "/books?tab=verify&now=1").text


def test_a_workspace_without_data_says_which_files_bring_it(tmp_path: Any) -> None:
    from fastapi.testclient import TestClient

    from fivefold.api.access import OWN
    from fivefold.api.app import create_app

    app = create_app(tmp_path)
    token = app.state.context.access.new_token(OWN, "admin", label="x")[0]
    with TestClient(app) as client:
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
        for path in PATHS:
            answer = client.get(path, headers=headers)
            assert answer.status_code == 200, (path, answer.text[:300])
        assert "Three files give a first plan" in client.get("/", headers=headers).text
