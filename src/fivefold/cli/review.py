"""The review of a plan: versions, scenarios, risk, decisions; as figures, HTML and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.twin.review import Review


def review_command(
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for review.html and review.pdf.")
    ] = None,
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            help="Changes of a scenario, parted by commas, such as demand=+20%,cash=-10%; again "
            "for more. [default: demand +60 %, main supplier lost for six weeks, cash -30 %]",
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="Days played in the twin.", min=14, max=364)] = 91,
    replications: Annotated[
        int, typer.Option(help="Replications of each world; 0 plays nothing.", min=0, max=200)
    ] = 4,
    seed: Annotated[int, typer.Option(help="Seed of the luck all worlds share.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Review a plan: last and new beside scenarios, in units, money, service and risk."""
    from fivefold.cli.output import emit, finite, shown_progress
    from fivefold.cycle.changes import parsed
    from fivefold.cycle.comparisons import keep_review
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.review import review

    if replications == 1:
        raise usage_error("an interval wants two replications at least; 0 plays nothing")
    asked = None
    if what_if:
        try:
            asked = {one: tuple(map(str, parsed(one.split(",")))) for one in what_if}
        except ValueError as error:
            raise usage_error(str(error)) from None
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        with shown_progress(quiet=as_json) as progress:
            made = review(
                store,
                plan,
                scenarios=asked,
                days=days,
                replications=replications,
                seed=seed,
                progress=progress,
            )
        record = finite(made.record())
        assert isinstance(record, dict)
        keep_review(store, plan, record)
    files = write_pack(record, out_folder) if out_folder else []
    emit(
        {**record, "files": files}, as_json=as_json, show=lambda out: show_review(out, made, files)
    )


def write_pack(record: dict[str, Any], folder: Path) -> list[str]:
    """Write the pack as HTML and, where Chromium is installed, as PDF; return their paths."""
    from fivefold.web.pack import html_pack

    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "review.html"
    page.write_text(html_pack(record), encoding="utf-8")
    printed = printed_page(page, folder / "review.pdf")
    return [str(page), *([str(printed)] if printed else [])]


def printed_page(page: Path, target: Path) -> Path | None:
    """Print a page as PDF with the Chromium of this machine; None where there is none."""
    import shutil
    import subprocess
    import tempfile

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as profile:
        told = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={profile}",
                "--no-pdf-header-footer",
                f"--print-to-pdf={target.resolve()}",
                page.resolve().as_uri(),
            ],
            capture_output=True,
            check=False,
            timeout=120,
        )
    return target if told.returncode == 0 and target.is_file() else None


def show_review(out: Console, made: Review, files: list[str]) -> None:
    """Print the review: versions, risk, decisions, options."""
    from fivefold.cli.output import table

    names = [version.name for version in made.versions]
    units = {row[0]: row[1] for row in _definitions()}
    rows = [
        {"figure": f"{name} ({units[name]})", **{v.name: v.figures[name] for v in made.versions}}
        for name in units
    ]
    table(out, f"Review of plan {made.new.plan}", rows, columns=("figure", *names))
    risks = [
        {
            "world": played.world,
            "policy": played.proof.old if risk.policy == "kept" else played.proof.new,
            "profit": risk.mean,
            "low": risk.low,
            "high": risk.high,
            "at_risk_5%": risk.value_at_risk,
            "worst": risk.worst,
        }
        for played in (made.played, *(world.played for world in made.worlds))
        if played is not None
        for risk in played.risks
    ]
    table(out, "Profit in the twin, 95 % intervals, the same luck everywhere", risks)
    table(
        out,
        "Decisions of the week, the most money first",
        [{**row, "why": row["why"][0] if row["why"] else ""} for row in made.decisions],
        columns=("rank", "decision", "words", "by", "value", "why"),
    )
    table(out, "What closes the gap", made.options, columns=("option", "worth", "why"), most=8)
    table(
        out,
        "Assumptions",
        made.assumptions,
        columns=("name", "value", "source", "tracked"),
        most=20,
    )
    table(out, "Budget, plan, actual", made.budget, most=12)
    for title, own, shown in (
        (
            "Prices to ask, the largest gain first",
            made.offer["prices"]["proposals"],
            ("item", "action", "price_now", "price", "gain", "chance_of_gain"),
        ),
        (
            "Range, the dearest to leave undone first",
            made.offer["range"]["choices"],
            ("item", "action", "channel", "effective_on", "value_per_year", "next_best_cost"),
        ),
    ):
        table(out, title, own, columns=shown, most=6)
    for path in files:
        out.print(f"Wrote {path}.")


def _definitions() -> tuple[tuple[str, str, str, str], ...]:
    from fivefold.cycle.versions import FIGURES

    return FIGURES


COMMANDS = (("review", review_command),)
