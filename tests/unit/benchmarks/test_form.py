"""The form of the benchmarks keeps its word."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def form() -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / "_form.py"
    spec = importlib.util.spec_from_file_location("benchmark_form", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_form"] = module
    spec.loader.exec_module(module)
    return module


def test_one_json_object_with_every_key_is_printed(
    form: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(options):  # type: ignore[no-untyped-def]
        return form.Measured(
            rows=[{"case": "a", "value": math.nan}],
            summary={"gap": 0.123456789},
            peer=form.peer_of("polars", {"gap": 0.2}),
        )

    with pytest.raises(SystemExit) as ended:
        form.run("sample", measure, suites=("x", "y"), argv=["--suite", "y", "--json", "--quick"])
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "name",
        "suite",
        "seed",
        "quick",
        "machine",
        "rows",
        "summary",
        "peer",
        "cpu_s",
        "peak_mb",
    }
    assert set(found["machine"]) == {"cpus", "load", "python"}
    assert found["suite"] == "y"
    assert found["quick"] is True
    assert found["rows"] == [{"case": "a", "value": None}]
    assert found["summary"] == {"gap": 0.123457}
    assert found["peer"]["version"]
    assert found["cpu_s"] > 0
    assert found["peak_mb"] > 1


def test_missing_data_ends_with_three_and_one_line_that_names_the_folder(
    form: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(options):  # type: ignore[no-untyped-def]
        return options.folder("somewhere")

    gone = tmp_path / "gone"
    with pytest.raises(SystemExit) as ended:
        form.run("sample", measure, argv=["--json", "--data", str(gone)])
    assert ended.value.code == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert str(gone) in said.err
    assert said.err.count("\n") == 1


def test_a_quick_run_caps_the_seconds(form: ModuleType) -> None:
    assert form.parse("sample", ["--seconds", "500"])[0].seconds == 500
    assert form.parse("sample", ["--seconds", "500", "--quick"])[0].seconds == form.QUICK_SECONDS


def test_cpu_time_of_a_block_is_counted(form: ModuleType) -> None:
    with form.cpu_timer() as timer:
        sum(i * i for i in range(2_000_000))
    assert timer.cpu_s > 0.01
    assert timer.wall_s > 0.01
