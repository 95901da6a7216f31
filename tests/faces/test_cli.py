"""The command line: every answer as JSON, every ending with its code, no traceback at people."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from fivefold.cli.app import app

RUNNER = CliRunner()
DONE, INFEASIBLE, USAGE, BAD_DATA = 0, 1, 2, 3


def run(*arguments: object, code: int = DONE) -> Any:
    """Return the result of a command that ends with this code and without a traceback."""
    result = RUNNER.invoke(app, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, (result.exit_code, result.output)
    return result


def answer(*arguments: object, code: int = DONE) -> dict[str, Any]:
    """Return the JSON a command prints: one object, strict, with its schema version."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    told = json.loads(run(*arguments, "--json", code=code).stdout, parse_constant=refuse)
    assert told["schema_version"] == 1
    return dict(told)


@pytest.fixture
def files(company: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in company.files():
        (folder / name).write_bytes(content)
    return folder


def test_import_tells_every_file_and_the_second_time_adds_nothing(
    files: Path, tmp_path: Path
) -> None:
    w = tmp_path / "w"
    first = answer("import", files, "-w", w, "--as-of", "2026-11-22")
    assert first["status"] == "done"
    assert {f["status"] for f in first["files"]} == {"loaded"}
    assert first["commands_written"] > 0
    second = answer("import", files, "-w", w)
    assert {f["status"] for f in second["files"]} == {"already_loaded"}
    assert second["commands_written"] == 0
    listed = answer("files", "-w", w)["files"]
    assert len(listed) == 14
    assert "MUG" not in run("files", "-w", w).stdout


def test_a_bad_quantity_ends_with_three_and_names_file_row_and_column(
    files: Path, tmp_path: Path
) -> None:
    orders = files / "orders.csv"
    text = orders.read_text().replace(",delivered,", ",lost in space,", 1)
    assert "lost in space" in text
    orders.write_text(text)
    told = answer("import", files, "-w", tmp_path / "w", code=BAD_DATA)
    (bad,) = [f for f in told["files"] if f["status"] == "refused"]
    assert bad["name"] == "orders.csv"
    assert bad["problems"][0]["row"] == 2
    assert bad["problems"][0]["column"] == "status"
    shown = run("import", orders, "-w", tmp_path / "w2", code=BAD_DATA).stdout
    assert "orders.csv row 2" in shown.replace("\n", " ")


def test_a_name_in_brackets_is_printed_and_not_taken_for_mark_up(tmp_path: Path) -> None:
    path = tmp_path / "offers.csv"
    path.write_text("item,channel,price\n[/red]KEY,NOPE,5\n")
    odd = tmp_path / "what[bold].csv"
    odd.write_text("a,b\n1,2\n")
    shown = run("import", path, odd, "-w", tmp_path / "w", code=BAD_DATA).stdout
    assert "what[bold].csv" in shown
    assert "[[/red]KEY→NOPE]" in shown


def test_undo_import_takes_a_file_back(books: Path) -> None:
    (offers,) = [f for f in answer("files", "-w", books)["files"] if f["name"] == "offers.csv"]
    assert answer("undo-import", offers["hash"], "-w", books)["undone"] == ["offers.csv"]
    again = answer("undo-import", offers["hash"], "-w", books, code=USAGE)
    assert "0 imported files" in again["error"]


def test_a_plan_is_told_shown_and_explained(books: Path) -> None:
    made = answer("plan", "-w", books)
    assert made["status"] in ("optimal", "feasible")
    assert made["decisions"]["buy"]["count"] > 0
    assert made["plan"] == answer("show", "-w", books)["plan"]
    orders = answer("show", "purchase_orders", "-w", books)
    assert orders["count"] == len(orders["rows"]) > 0
    only = answer("show", "supply_plan", "--item", "GIFT", "-w", books)
    assert {row["item"] for row in only["rows"]} == {"GIFT"}
    told = answer("why", orders["rows"][0]["order"], "-w", books)
    codes = {row["reason_code"] for row in told["reasons"] + told["because"]}
    assert {"demand_served", "next_best"} <= codes
    for arguments in (("plan",), ("show",), ("show", "purchase_orders"), ("why", "GIFT")):
        assert run(*arguments, "-w", books).stdout.strip()


def test_what_if_names_what_breaks_first(books: Path) -> None:
    told = answer("plan", "--what-if", "demand=+60%", "-w", books)
    assert told["scenario"] == "demand=+60%"
    assert told["breaks_first"]


def test_a_budget_too_small_ends_well_and_says_what_is_not_met(books: Path) -> None:
    told = answer("plan", "--budget", 20, "-w", books)
    assert told["status"] in ("optimal", "feasible", "time_limit")
    assert sum(row["units"] for row in told["unmet"]) > 0
    assert all(row["reason_code"] for row in told["unmet"])


def test_a_circle_in_the_bill_of_material_ends_with_one_and_names_it(
    books: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bills_of_material.csv"
    path.write_text("product,component,quantity_per\nMUG,GIFT,1\n")
    answer("import", path, "-w", books)
    told = answer("plan", "-w", books, code=INFEASIBLE)
    assert told["status"] == "infeasible"
    assert any("GIFT" in r and "MUG" in r and "→" in r for r in told["reasons"])
    assert "→" in run("plan", "-w", books, code=INFEASIBLE).stdout
    assert "no answer" in answer("accept", "-w", books, code=USAGE)["error"]


def test_check_accept_and_the_days_work(books: Path) -> None:
    checked = RUNNER.invoke(app, ["check", "-w", str(books), "--json"])
    told = json.loads(checked.stdout)
    assert checked.exit_code == (DONE if told["legal"] else INFEASIBLE)
    if not told["legal"]:
        assert "breaks" in answer("accept", "-w", books, code=USAGE)["error"]
    taken = answer("order", "GIFT=2", "--number", "G1", "--zip", "10001", "-w", books)
    assert sum(leg["quantity"] for leg in taken["legs"]) == 2
    assert answer("order", "GIFT=2", "--number", "G1", "-w", books)["status"] == "duplicate"
    assert (
        "other lines"
        in answer("order", "GIFT=3", "--number", "G1", "-w", books, code=USAGE)["error"]
    )
    assert answer("ship", "G1", "-w", books)["revenue"] == 120.0
    assert answer("ship", "G1", "-w", books)["status"] == "duplicate"
    back = answer("return", "R1", "--item", "GIFT", "--order", "G1", "-w", books)
    assert (back["status"], back["refund"]) == ("ok", 60.0)
    assert answer("return", "R1", "--item", "GIFT", "-w", books)["status"] == "duplicate"
    measures = {m["measure"]: m["value"] for m in answer("measures", "-w", books)["measures"]}
    assert len(measures) == 10
    assert answer("verify", "-w", books)["ok"] is True


def test_an_accepted_plan_is_received_into_stock(company: Any, tmp_path: Path) -> None:
    from fivefold.cycle.workspace import Workspace

    target = tmp_path / "w"
    with company.make(target):
        pass
    answer("plan", "-w", target)
    with Workspace(target) as store:
        made = store.latest_plan()
        store.plans.save(made.with_tables(violations=made["violations"].clear()))
    done = answer("accept", "-w", target)
    assert done["placed"]
    assert answer("accept", "-w", target)["placed"] == []
    order = next(name for name in done["placed"] if name.startswith("PO"))
    got = answer("receive", order, "--note", "N1", "-w", target)
    assert (got["status"], got["open_units"]) == ("ok", 0)
    assert answer("receive", order, "--note", "N1", "-w", target)["status"] == "duplicate"
    item = got["lines"][0]["item"]
    over = answer("receive", order, f"{item}=100000", "-w", target, code=USAGE)
    assert "at most" in over["error"]


def test_a_proof_is_told_with_intervals(books: Path) -> None:
    told = answer("prove", "--replications", 2, "--days", 28, "-w", books)
    measures = {figure["measure"]: figure for figure in told["figures"]}
    assert {"profit", "fill_rate", "inventory_value"} <= set(measures)
    assert all(f["low"] <= f["difference"] <= f["high"] for f in told["figures"])
    assert run("prove", "--replications", 2, "--days", 28, "-w", books).stdout


def test_verify_says_where_a_changed_byte_is(books: Path) -> None:
    assert answer("verify", "-w", books)["ok"] is True
    path = books / "books.db"
    with sqlite3.connect(path) as change:
        change.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (name,) = change.execute(
            "SELECT name FROM sqlite_master WHERE type='table' AND sql LIKE '%quantity%'"
        ).fetchone()
        change.execute(f"SELECT * FROM {name} LIMIT 1").fetchone()
    change.close()
    whole = path.read_bytes()
    at = whole.find(b"stock.counted")
    assert at > 0
    path.write_bytes(whole[:at] + b"S" + whole[at + 1 :])

    told = answer("verify", "-w", books, code=BAD_DATA)
    assert told["ok"] is False
    assert told["problems"], "it says where"
    assert "not whole" in run("verify", "-w", books, code=BAD_DATA).stdout


def test_export_and_import_again_give_the_same_tables(books: Path, tmp_path: Path) -> None:
    from fivefold.cycle.workspace import Workspace

    out = tmp_path / "out"
    answer("export", out, "-w", books)
    answer("export", tmp_path / "all.xlsx", "-w", books)
    answer("import", out, "-w", tmp_path / "again", "--as-of", "2026-11-22")
    with Workspace(books) as first, Workspace(tmp_path / "again") as second:
        for table in ("items", "orders", "lanes", "supplier_offers", "bills_of_material"):
            keys = [
                c
                for c in first.imported()[table].columns
                if first.imported()[table][c].dtype != pl.Null
            ]
            assert (
                first.imported()[table].select(keys).sort(keys[:3]).to_dicts()
                == second.imported()[table].select(keys).sort(keys[:3]).to_dicts()
            ), table


def test_template_forecast_and_report_write_their_files(books: Path, tmp_path: Path) -> None:
    answer("template", tmp_path / "t.xlsx")
    assert (tmp_path / "t.xlsx").stat().st_size > 1000
    told = answer("report", tmp_path / "report", "-w", books)
    assert all(Path(path).stat().st_size > 1000 for path in told["files"])
    series = tmp_path / "series.csv"
    rows = [f"a,2024-{m:02d}-01,{10 + m % 3}" for m in range(1, 13)]
    rows += [f"a,2025-{m:02d}-01,{10 + m % 3}" for m in range(1, 13)]
    series.write_text("series,time,value\n" + "\n".join(rows) + "\n")
    out = tmp_path / "f.csv"
    made = answer("forecast", series, "--out", out, "--horizon", 3)
    assert made["rows"] > 0
    assert pl.read_csv(out).height == made["rows"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "-w", "{nowhere}"),
        ("import", "{nowhere}/x.csv"),
        ("plan", "--what-if", "weather=bad", "-w", "{books}"),
        ("plan", "--what-if", "demand=lots", "-w", "{books}"),
        ("plan", "--what-if", "demand=-100%", "-w", "{books}"),
        ("plan", "--as-of", "tomorrow", "-w", "{books}"),
        ("show", "nothing", "-w", "{books}"),
        ("why", "nobody", "-w", "{books}"),
        ("order", "GIFT", "-w", "{books}"),
        ("order", "GIFT=0", "-w", "{books}"),
        ("order", "NOPE=1", "-w", "{books}"),
        ("ship", "NOPE", "-w", "{books}"),
        ("receive", "NOPE", "-w", "{books}"),
        ("return", "R9", "--item", "NOPE", "-w", "{books}"),
        ("export", "{nowhere}", "--format", "pdf", "-w", "{books}"),
        ("export", "{nowhere}", "--table", "lots", "-w", "{books}"),
        ("verify", "-w", "{nowhere}"),
        ("demo", "nobody"),
        ("forecast", "{nowhere}.csv", "--out", "{nowhere}.out"),
        ("prove", "--plan", "P1", "-w", "{books}"),
        ("accept", "P1", "-w", "{books}"),
        ("nonsense",),
    ],
)
def test_a_wrong_call_ends_with_two_and_one_line_of_help(
    arguments: tuple[str, ...], books: Path, tmp_path: Path
) -> None:
    filled = [a.format(books=books, nowhere=tmp_path / "nowhere") for a in arguments]
    result = run(*filled, code=USAGE)
    assert result.stderr.strip()
    assert "Traceback" not in result.output
    assert not (tmp_path / "nowhere").exists()


def test_bad_data_behind_a_plan_is_listed_and_ends_with_three(company: Any, tmp_path: Path) -> None:
    tables = company.tables(cost_of_capital_share_per_year="a lot")
    with company.make(tmp_path / "w", tables):
        pass
    told = answer("plan", "-w", tmp_path / "w", code=BAD_DATA)
    assert told["problems"][0]["table"] == "settings"


def test_the_demo_never_touches_books_it_did_not_make(books: Path) -> None:
    result = run("demo", "-w", books, code=USAGE)
    assert "did not make" in result.stderr
    assert (books / "books.db").is_file()


CODE = """
import resource, runpy, sys
sys.argv = ["fivefold", "--help"]
try:
    from fivefold.cli import main
    main()
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
print("CPU", used.ru_utime + used.ru_stime, file=sys.stderr)
"""


def test_help_takes_less_than_a_second_of_processor() -> None:
    best = 9.0
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
        )
        assert "closed loop" in done.stdout
        best = min(best, float(done.stderr.split("CPU")[1]))
    assert best < 1.0


def test_importing_the_package_loads_neither_polars_nor_numpy() -> None:
    heavy = "{'polars', 'numpy', 'scipy', 'numba'}"
    code = f"import sys, fivefold; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_channels_and_shipments_are_told_by_command(books: Path) -> None:
    shown = answer("channels", "show", "-w", books)
    item = shown["items"][0]
    why = answer("channels", "why", item["item"], "-w", books)
    assert [c["channel"] for c in why["item"]["channels"]] == [
        c["channel"] for c in item["channels"]
    ]
    assert why["reasons"]
    run("channels", "why", "GONE", "-w", books, code=USAGE)
    run("channels", "break-even", item["item"], "weight", "-w", books, code=USAGE)
    level = answer("channels", "break-even", item["item"], "price", "-w", books)
    assert {row["channel"] for row in level["curves"]} <= {c["channel"] for c in item["channels"]}
    mix = answer("channels", "mix", "--months", 3, "-w", books)
    assert {row["month"] for row in mix["rows"]} == {"2026-11-01", "2026-12-01", "2027-01-01"}
    packed = answer("inbound", "plan", "--weeks", 8, "-w", books)
    assert packed["violations"] == []
    for shipment in packed["shipments"]:
        assert sum(row["quantity"] for row in shipment["carton_rows"]) == shipment["units"]
        assert sum(option["chosen"] for option in shipment["options"]) == 1
    assert answer("inbound", "reconcile", "-w", books)["lines"] == []
    run("inbound", "claim", "GONE", "-w", books, code=USAGE)


def test_prices_and_the_range_are_told_by_command(books: Path) -> None:
    shown = answer("price", "show", "-w", books)
    assert shown["violations"] == []
    item = shown["proposals"][0]["item"]
    why = answer("price", "why", item, "-w", books)
    assert {row["item"] for row in why["proposals"]} == {item}
    assert why["reasons"]
    run("price", "why", "GONE", "-w", books, code=USAGE)
    assert answer("price", "test", "-w", books)["tests"] == []
    run("price", "test", item, "-w", books, code=USAGE)
    chosen = answer("portfolio", "show", "-w", books)
    assert chosen["violations"] == []
    assert chosen["value_per_year"] >= chosen["today_per_year"] - 1e-6
    one = answer("portfolio", "why", chosen["choices"][0]["item"], "-w", books)
    assert one["reasons"]
    run("portfolio", "why", "GONE", "-w", books, code=USAGE)
