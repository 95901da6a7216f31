"""The server's commands."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from fivefold.api.access import Access
from fivefold.cli.serve import COMMANDS


def test_a_token_is_made_for_a_company_and_works(tmp_path: Path) -> None:
    own = typer.Typer()
    for name, command in COMMANDS:
        own.command(name)(command)
    runner = CliRunner()
    place = ["-w", str(tmp_path)]
    made = runner.invoke(own, ["token", "planner", "--company", "acme", "--json", *place])
    assert made.exit_code == 0, made.output
    caller = Access(tmp_path / "access.db").caller(json.loads(made.output)["secret"])
    assert caller is not None
    assert (caller.tenant, caller.role) == ("acme", "planner")
    wrong = runner.invoke(own, ["token", "king", *place])
    assert wrong.exit_code == 2
