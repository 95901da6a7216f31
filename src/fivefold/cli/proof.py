"""Commands that prove and tell: prove, measures, verify, report, forecast, demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
    usage_error,
)
from fivefold.cli.output import BAD_DATA
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.twin.experiment import Proof

_UNITS = {"share": "%", "currency": "", "units": "", "days": ""}


def prove_command(
    plan_name: PlanOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="Plan to compare with. [default: the accepted one, else days of cover]",
        ),
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    days: Annotated[int, typer.Option(help="Days played.", min=7, max=364)] = 91,
    replications: Annotated[int, typer.Option(help="Replications.", min=2, max=1000)] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the luck both plans share.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Play a plan in the digital twin against the plan before it, on the same luck."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.experiment import prove

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
        before = store.plans.load(against) if against else store.current_plan()
        if before is not None and before.plan == made.plan:
            before = None
        dataset = store.dataset(as_of=made.as_of)
        with shown_progress(quiet=as_json) as progress:
            proof = prove(
                made,
                dataset,
                store.journal,
                old=before,
                days=days,
                replications=replications,
                seed=seed,
                progress=progress,
            )
        store.plans.save(made.with_tables(proof=proof.table()), keep_place=True)
    emit(proof.record(), as_json=as_json, show=lambda out: show_proof(out, proof))


def show_proof(out: Console, proof: Proof) -> None:
    """Print the scorecard."""
    from rich.table import Table

    drawn = Table(
        title=f"Scorecard: {proof.new} against {proof.old}\n"
        f"{proof.days} days, {proof.replications} replications on the same luck",
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in ("measure", "before", "this plan", "difference", "95 % interval", ""):
        drawn.add_column(name, justify="left" if name in ("measure", "") else "right", no_wrap=True)
    for figure in proof.figures:
        drawn.add_row(
            figure.measure.replace("_", " "),
            _shown(figure.old, figure.unit),
            _shown(figure.new, figure.unit),
            _shown(figure.difference, figure.unit, signed=True),
            f"{_shown(figure.low, figure.unit, signed=True)} … "
            f"{_shown(figure.high, figure.unit, signed=True)}",
            _VERDICTS[figure.verdict],
        )
    out.print(drawn)
    out.print(
        f"[dim]○ luck: the interval holds zero, so it cannot be told from luck. "
        f"{proof.commands:,} commands on forked books; seed {proof.seed}.[/dim]"
    )


#: How each verdict is shown: a sign that needs no colour, and a word.
_VERDICTS = {
    "better": "[green]▲ better[/green]",
    "worse": "[red]▼ worse[/red]",
    "not told from luck": "[dim]○ luck[/dim]",
}


def _shown(value: float, unit: str, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if unit == "share":
        return f"{value * 100:{sign}.1f} %"
    return f"{value:{sign},.0f}"


def measures_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    days: Annotated[int, typer.Option(help="Days looked back.", min=7)] = 91,
    as_json: JsonOption = False,
) -> None:
    """Measure the loop: service, stock, cash, contribution, returns, forecast."""
    from fivefold.cli.output import cell, emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.measures import measure
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        latest = store.latest_plan()
        found = measure(store.dataset(as_of=day), store.journal, latest, as_of=day, days=days)

    def show(out: Console) -> None:
        from rich.table import Table

        drawn = Table(title=f"Measures of the {days} days to {day}", title_justify="left", box=None)
        for name in ("measure", "value", "unit", "SCOR name", "definition"):
            drawn.add_column(name, justify="right" if name == "value" else "left")
        for row in found.iter_rows(named=True):
            drawn.add_row(
                row["measure"], cell(row["value"]), row["unit"], row["scor_name"], row["definition"]
            )
        out.print(drawn)

    emit({"as_of": day, "days": days, "measures": found.to_dicts()}, as_json=as_json, show=show)


def verify_command(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """Fold the books anew: goods and money sum to zero, chain whole, nothing below zero."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.ledger.verify import verify

    path = workspace / "books.db"
    if not path.is_file():
        raise usage_error(f"there are no books at {path}")
    report = verify(path)

    def show(out: Console) -> None:
        verdict = "[green]whole[/green]" if report.ok else "[red]not whole[/red]"
        out.print(
            f"Books {verdict}: {report.commands:,} commands, {report.events:,} movements; "
            f"goods sum to {report.goods_sum}, money to {report.money_sum}; "
            f"chain {'whole' if report.chain_ok else 'broken'}."
        )
        for problem in report.problems[:20]:
            out.print(f"[red]✗[/red] {problem}")

    emit(
        {**asdict(report), "problems": [str(p) for p in report.problems]},
        as_json=as_json,
        show=show,
    )
    if not report.ok:
        raise typer.Exit(BAD_DATA)


def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder for report.html and plan.xlsx.")] = Path(
        "report"
    ),
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write report.html, readable offline, and plan.xlsx with live formulas."""
    from fivefold.cli.output import emit
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        files = write_report(store, plan_name, folder)
    emit(
        {"files": files},
        as_json=as_json,
        show=lambda out: out.print(f"Wrote {' and '.join(files)}."),
    )


def write_report(store: Any, plan_name: str | None, folder: Path) -> list[str]:
    """Write the report and the workbook of a plan; return their paths."""
    from fivefold.cycle.caring import care_record
    from fivefold.cycle.measures import measure
    from fivefold.cycle.offering import offering
    from fivefold.cycle.review import changed_since
    from fivefold.web.report import html_report
    from fivefold.web.workbook import plan_workbook

    made = store.plan_named(plan_name)
    dataset = store.dataset(as_of=made.as_of)
    before = store.current_plan()
    if before is not None and before.plan == made.plan:
        before = None
    folder.mkdir(parents=True, exist_ok=True)
    html = html_report(
        made,
        dataset,
        proof=made.tables.get("proof"),
        measures=measure(dataset, store.journal, made, as_of=made.as_of),
        changes=changed_since(made, before) if before is not None else None,
        offer=offering(made, dataset),
        care=care_record(store, as_of=made.as_of),
    )
    (folder / "report.html").write_text(html, encoding="utf-8")
    (folder / "plan.xlsx").write_bytes(plan_workbook(made, dataset))
    return [str(folder / "report.html"), str(folder / "plan.xlsx")]


def forecast_command(
    series: Annotated[
        Path, typer.Argument(help="Long table (CSV or Parquet): series, time or period, value.")
    ],
    out_file: Annotated[Path, typer.Option("--out", help="File to write, CSV or Parquet.")],
    horizon: Annotated[
        int | None, typer.Option(help="Periods ahead. [default: from the series' frequency]")
    ] = None,
    season: Annotated[
        int | None, typer.Option(help="Periods in a season. [default: from the frequency]")
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="Whose public holidays move demand, such as US or GB.")
    ] = None,
    also: Annotated[
        str,
        typer.Option(
            help="Sums to forecast too, such as 7,28 for days; all are made to add up.",
            metavar="N,N",
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Forecast any long table of series with quantiles; methods are chosen by back-test."""
    import polars as pl

    from fivefold.cli.output import emit
    from fivefold.plan.demand import SeriesParams, forecast_series

    if not series.is_file():
        raise usage_error(f"there is no file {series}")
    if out_file.suffix not in (".csv", ".parquet"):
        raise usage_error(f"--out {out_file} must end in .csv or .parquet")
    try:
        sums = tuple(int(part) for part in also.split(",") if part.strip())
        params = SeriesParams(horizon=horizon, season=season, country=country, also=sums)
    except ValueError as error:
        raise usage_error(f"--also {also}: {error}" if also else str(error)) from None
    read = pl.read_parquet if series.suffix == ".parquet" else pl.read_csv
    with told_errors(as_json=as_json):
        frame = read(series)
        made = forecast_series(frame, params)
    if out_file.suffix == ".parquet":
        made.write_parquet(out_file)
    else:
        made.write_csv(out_file)
    keys = made.columns[: made.columns.index("periods" if sums else "step")]
    count = made.select(keys).n_unique()
    silent = frame.select(keys).n_unique() - count
    lines = [f"Wrote {made.height:,} rows for {count:,} series to {out_file}."]
    if silent:
        lines.append(f"{silent:,} series have no value and are not forecast.")
    emit(
        {"file": str(out_file), "series": count, "rows": made.height, "without_value": silent},
        as_json=as_json,
        show=lambda out: out.print("\n".join(lines)),
    )


COMMANDS = (
    ("prove", prove_command),
    ("measures", measures_command),
    ("verify", verify_command),
    ("report", report_command),
    ("forecast", forecast_command),
)
