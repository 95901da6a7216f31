"""What-ifs, scenarios, reviews, the S&OP cycle and new facts, by command and by API."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fivefold.cli.app import app
from fivefold.cycle.workspace import Workspace

AS_OF = date(2026, 11, 22)


def answer(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*(str(a) for a in arguments), "--json"])
    assert result.exit_code == code, (result.exit_code, result.output, result.exception)
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="module")
def planned(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny company with a plan."""
    folder = tmp_path_factory.mktemp("sop") / "books"
    shutil.copytree(tiny_folder, folder)
    answer("plan", "-w", folder)
    return folder


@pytest.fixture
def books(planned: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    shutil.copytree(planned, folder)
    return folder


def difference(told: dict[str, Any], measure: str) -> float:
    return float(next(r["difference"] for r in told["figures"] if r["measure"] == measure))


def test_a_lost_supplier_closes_his_weeks_and_names_the_orders_that_go(books: Path) -> None:
    told = answer("what-if", "supplier=SUP", "lost=6w", "-w", books)
    assert told["asked"] == ["supplier:SUP=lost 42d"]
    assert told["kept_as"] is None
    dropped = [row for row in told["orders"] if row["change"] == "dropped"]
    assert all(
        "takes no order" in row["why"] for row in dropped if row["ordered_on"] < "2027-01-04"
    )
    assert difference(told, "units_demanded") == pytest.approx(0)
    assert difference(told, "units_served") <= 0


def test_more_demand_is_wanted_in_full_and_changes_decisions(books: Path) -> None:
    told = answer("what-if", "demand=+50%", "-w", books, "--keep")
    by = {row["measure"]: row for row in told["figures"]}
    wanted = by["units_demanded"]
    assert wanted["after"] == pytest.approx(1.5 * wanted["before"], rel=0.02)
    assert told["decisions_changed"] > 0
    assert [row for row in told["decisions"] if not row["why"]] == []
    with Workspace(books, create=False) as store:
        kept = store.plans.load(told["kept_as"])
        assert store.latest_plan() is not None
        assert store.latest_plan().plan != kept.plan  # type: ignore[union-attr]


@pytest.mark.parametrize("words", [("supplier=SUP",), ("weather=bad",), ("cash=+",)])
def test_what_is_not_understood_ends_with_two(books: Path, words: tuple[str, ...]) -> None:
    answer_code = CliRunner().invoke(app, ["what-if", *words, "-w", str(books)])
    assert answer_code.exit_code == 2


def test_a_change_of_what_is_not_there_is_told(books: Path) -> None:
    told = answer("what-if", "supplier=NOBODY", "lost=2w", "-w", books, code=2)
    assert "no supplier 'NOBODY'" in told["error"]


def test_a_scenario_is_made_branched_planned_merged_and_dropped(books: Path) -> None:
    made = answer("scenario", "new", "busy", "demand=+50%", "-w", books, "--reason", "a fair")
    assert made["changes"] == ["demand=+50%"]
    child = answer("scenario", "new", "busier", "price=-10%", "--on", "busy", "-w", books)
    assert child["changes"] == ["demand=+50%", "price=-10%"]
    assert child["parent"] == "busy"
    assert child["base"] == made["base"]
    twice = CliRunner().invoke(app, ["scenario", "new", "busy", "demand=+10%", "-w", str(books)])
    assert twice.exit_code == 2
    ran = answer("scenario", "run", "busy", "-w", books)
    shown = answer("scenario", "show", "busy", "-w", books)
    assert shown["plan"] == ran["plan"]
    assert shown["figures"]["units_demanded"] > 0
    merged = answer("scenario", "merge", "busy", "--reason", "the fair is on", "-w", books)
    assert merged["rows"] == {"forecast_overrides": 2}
    with Workspace(books, create=False) as store:
        rows = store.imported()["forecast_overrides"]
        assert set(rows["author"]) == {merged["author"]}
        assert all("the fair is on" in text for text in rows["reason"])
    told = answer("scenario", "list", "-w", books)["scenarios"]
    assert {row["name"]: row["status"] for row in told} == {"busy": "merged", "busier": "open"}
    answer("scenario", "drop", "busier", "-w", books)
    assert len(answer("scenario", "list", "-w", books)["scenarios"]) == 1


def test_scenarios_are_compared_on_the_same_luck(books: Path) -> None:
    for name, change in (("a", "demand=+30%"), ("b", "demand=+30%")):
        answer("scenario", "new", name, change, "-w", books)
    told = answer("scenario", "compare", "a", "b", "-w", books, "--replications", 2, "--days", 28)
    first, second = told["risk"]
    # Equal worlds with the same luck earn the same to the cent.
    assert first["risk"] == second["risk"]
    assert [version["name"] for version in told["versions"]][1:] == ["a", "b"]


def test_a_review_tells_versions_risk_decisions_and_writes_the_pack(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    told = answer(
        "review", "-w", books, "--out", tmp_path / "pack", "--replications", 2, "--days", 28
    )
    names = [v["name"] for v in told["versions"]]
    assert names[:2] == ["new plan", "demand +60 %"]
    assert set(names[2:]) <= {"SUP lost for 6 weeks"}
    assert [row["policy"] for row in told["risk"]["risk"]] == ["kept", "replanned"]
    for scenario in told["scenarios"]:
        for risk in scenario["risk"]["risk"]:
            assert risk["low"] <= risk["mean"] <= risk["high"]
            assert risk["var_low"] <= risk["value_at_risk"] <= risk["var_high"]
    assert [row for row in told["decisions"] if not row["why"]] == []
    assert any(row["name"] == "lead time of SUP" for row in told["assumptions"])
    assert all(row["budget_revenue"] is None for row in told["budget"])
    # The plan of this small company buys nothing: its goods are told, and none move.
    assert told["flows"]["materials"] == []
    assert told["flows"]["money"]
    page = (tmp_path / "pack" / "review.html").read_text(encoding="utf-8")
    assert told["prices"]["counts"]
    assert {row["item"] for row in told["range"]["choices"]} <= {"LAMP-01", "DESK-7"}
    for chapter in ("prices", "range"):
        assert f'<section id="{chapter}"' in page
    assert page.startswith("<!doctype html>")
    for words in ("To decide", "Value at risk".lower(), "Three flows", "No budget was imported"):
        assert words.lower() in page.lower()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_steps_are_closed_in_their_order_and_decisions_stand(books: Path) -> None:
    told = answer("sop", "status", "-w", books)
    assert told["cycle"] == "2026-12"
    assert [row["step"] for row in told["steps"]] == [
        "product", "demand", "supply", "money", "executive",
    ]  # fmt: skip
    early = answer("sop", "close", "supply", "-w", books, code=2)
    assert "product, demand" in early["error"]
    for step in ("product", "demand", "supply"):
        answer("sop", "close", step, "--who", "Ada", "-w", books)
    answer(
        "sop", "decide", "supply", "overtime", "two Saturdays", "--who", "Ada", "--why", "cheaper",
        "-w", books,
    )  # fmt: skip
    told = answer("sop", "status", "-w", books)
    assert [row["done"] for row in told["steps"]] == [True, True, True, False, False]
    assert told["steps"][2]["decisions"][0]["why"] == "cheaper"
    topics = answer("sop", "agenda", "executive", "-w", books)["agenda"]
    assert any("overtime: two Saturdays" in row["topic"] for row in topics)
    money = answer("sop", "agenda", "money", "-w", books)["agenda"]
    assert any(row["topic"] == "No budget is known" for row in money)


def test_the_volume_of_a_family_is_put_on_its_items_and_adds_up(books: Path) -> None:
    rows = answer("sop", "families", "-w", books)["families"]
    month = next(row for row in rows if row["month"] == "2026-12-01")
    assert month["family"] == "(no family)"
    told = answer(
        "sop", "volume", "(no family)", "2026-12", 2 * month["units"], "--why", "gifts", "-w", books
    )
    assert sum(row["units"] for row in told["items"]) == pytest.approx(2 * month["units"])
    answer("plan", "-w", books)
    again = answer("sop", "families", "-w", books)["families"]
    after = {row["month"]: row["units"] for row in again}
    before = {row["month"]: row["units"] for row in rows}
    assert after["2026-12-01"] == pytest.approx(2 * before["2026-12-01"])
    assert after["2027-01-01"] == pytest.approx(before["2027-01-01"])


def test_a_new_fact_is_held_against_the_accepted_plan_before_anyone_asks(
    books: Path, tmp_path: Path
) -> None:
    assert answer("watch", "-w", books)["proposal"] is None
    answer("accept", "-w", books)
    assert answer("watch", "-w", books)["proposal"] is None
    spike = tmp_path / "orders.csv"
    spike.write_text(
        "order,line,item,channel,quantity,unit_price,ordered_at,status,location\n"
        "O-BIG,1,LAMP-01,FBM,450,20.0,2026-11-22T07:00:00Z,open,WH1\n",
        encoding="utf-8",
    )
    told = answer("import", spike, "-w", books)
    proposal = told["proposal"]
    assert any("WH1" in cause for cause in proposal["causes"])
    assert {row["measure"] for row in proposal["effect"]["figures"]} >= {"margin", "cash_flow"}
    # The same facts again propose the same plan.
    assert answer("watch", "-w", books)["proposal"]["plan"] == proposal["plan"]
