"""Opinions on demand from a file to the plan, by command and by API: who counts, what it added."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from fivefold.api.access import OWN
from fivefold.cli.app import app
from fivefold.cycle.workspace import Workspace

OPINIONS = """source,item,location,starts_on,ends_on,units,author,reason,made_on,expires_on
sales,LAMP-01,,2026-11-23,2026-12-20,{units},Ann,Christmas fair,2026-11-20,
sales,LAMP-01,,2026-10-05,2026-11-01,60,Ann,monthly round,2026-10-01,
"""


def answer(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*(str(a) for a in arguments), "--json"])
    assert result.exit_code == code, (result.exit_code, result.output, result.exception)
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="module")
def books(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("consensus") / "books"
    shutil.copytree(tiny_folder, folder)
    answer("plan", "-w", folder)
    return folder


def test_an_opinion_from_a_file_moves_the_plan_and_says_who_counts(books: Path) -> None:
    before = answer("demand", "consensus", "-w", books)
    assert before["sources"] == []
    with Workspace(books, create=False) as store:
        means = store.plan_named(None)["forecast_means"].filter(pl.col("item") == "LAMP-01")
    statistics = means.sort("period_start")["units_mean"].head(4).sum()
    file = books.parent / "forecast_opinions.csv"
    file.write_text(OPINIONS.format(units=round(3 * statistics)))
    answer("import", file, "-w", books)
    plan = answer("plan", "-w", books)
    assert plan["violations"] in (0, [])
    told = answer("demand", "consensus", "-w", books)
    assert {row["source"] for row in told["sources"]} == {"sales", "statistics"}
    assert sum(row["weight"] for row in told["sources"]) == pytest.approx(1.0)
    weeks = [row for row in told["steps"] if row["item"] == "LAMP-01"]
    assert sum(row["units_consensus"] for row in weeks) > 1.2 * statistics
    why = answer("why", "forecast:LAMP-01@" + weeks[0]["location"], "-w", books)
    assert "Christmas fair" in json.dumps(why)
    shown = CliRunner().invoke(app, ["demand", "consensus", "-w", str(books)])
    assert "sales" in shown.output
    assert max(len(line) for line in shown.output.splitlines()) <= 80


def test_a_wrong_row_is_named_and_nothing_changes(books: Path) -> None:
    file = books.parent / "forecast_opinions-bad.csv"
    file.write_text(OPINIONS.format(units=-5))
    told = answer("import", file, "-w", books, code=3)
    assert "units" in json.dumps(told)


def test_steps_are_judged_by_what_came(books: Path) -> None:
    kept = answer("demand", "value-added", "-w", books)
    assert kept["status"] == "infeasible"
    again = answer("demand", "value-added", "--again", 1, "--lead-days", 28, "-w", books)
    steps = {row["step"]: row for row in again["rows"] if row["category"] == ""}
    assert list(steps) == ["naive", "statistical", "consensus", "overridden"]
    assert steps["statistical"]["value_added"] == pytest.approx(
        steps["naive"]["wape"] - steps["statistical"]["wape"]
    )
    shown = CliRunner().invoke(app, ["demand", "value-added", "-w", str(books)])
    assert "--again" in shown.output


def test_the_api_tells_the_same(serve: Any) -> None:
    served = serve()
    made = served.wait(served.ask("POST", "/plans", json={"periods": 8}))
    assert made["state"] == "done", made
    told = served.ask("GET", "/demand/consensus").json()
    company = served.app.state.context.companies.company(OWN)
    assert told["plan"] == company.plan_named(None).plan
    assert told["sources"] == []
    added = served.ask("GET", "/demand/value-added?lead_days=28").json()
    assert added["status"] == "infeasible"
    assert added["rows"] == []
    assert served.ask("GET", "/demand/value-added?lead_days=1").status_code == 422
