"""The loop on the example maker: import, plan and schedule, accept, work, learn, report."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fivefold.cli.app import told_errors
from fivefold.cli.data import ACTOR
from fivefold.cli.output import BAD_DATA, INFEASIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from fivefold.cycle.plans import Plan
    from fivefold.cycle.workspace import Workspace


def run_maker(workspace: Path, out: Path, *, days: int, as_json: bool) -> None:
    """Run the loop once and print what it did."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.companies.maker import write_company

    with told_errors(as_json=as_json):
        files = [(path.name, path.read_bytes()) for path in write_company(workspace / "files")]
        with Workspace(workspace) as store, shown_progress(quiet=as_json) as progress:
            (workspace / "made-by-demo").touch()
            record, made = _loop(store, files, days, out, progress)
    emit(record, as_json=as_json, show=lambda console: _show(console, record, made))
    if not record["books_whole"]:
        raise typer.Exit(BAD_DATA)
    if made.status == "infeasible" or not made.is_legal:
        raise typer.Exit(INFEASIBLE)


def _loop(
    store: Workspace,
    files: list[tuple[str, bytes]],
    days: int,
    out: Path,
    progress: Callable[[str, float], None],
) -> tuple[dict[str, Any], Plan]:
    from fivefold.cli.proof import write_report
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.planning import plan
    from fivefold.cycle.records import plan_record
    from fivefold.cycle.review import accept
    from fivefold.ledger.verify import verify
    from fivefold.make.quality import learn_yields
    from fivefold.twin.companies.maker import AS_OF

    def within(first: float, last: float) -> Callable[[str, float], None]:
        return lambda step, share: progress(step, first + share * (last - first))

    report = import_files(store, files, actor=ACTOR, as_of=AS_OF, progress=within(0.02, 0.1))
    day = store.imported().plan_date() or AS_OF
    dataset = store.dataset(as_of=day)
    made = plan(dataset, as_of=day, progress=within(0.1, 0.6))
    store.plans.save(made)
    accepted = (
        accept(store, made, actor=ACTOR) if made.is_legal and made.status != "infeasible" else None
    )
    progress("work some days", 0.7)
    done = work_days(store, made, first=day, days=days)
    progress("learn from reports", 0.8)
    learnt = learn_yields(
        store.dataset(as_of=day + timedelta(days=days)), as_of=day + timedelta(days=days)
    )
    made = made.with_tables(**learnt.tables)
    store.plans.save(made)
    progress("write the report", 0.85)
    written = write_report(store, made.plan, out)
    gantt = out / "gantt.svg"
    _draw(made, dataset, gantt)
    progress("verify the books", 0.95)
    return {
        "imported_files": len(report.files),
        "plan": plan_record(made),
        "schedule": made.notes.get("work orders"),
        "placed": len(accepted.placed) if accepted else 0,
        "days_worked": days,
        "deeds": done,
        "learnt_yields": learnt["learnt_yields"].to_dicts(),
        "books_whole": verify(store.journal).ok,
        "files": [*written, str(gantt)],
    }, made


def work_days(store: Workspace, made: Plan, *, first: date, days: int) -> dict[str, int]:
    """Book what the people of the example do in some days; return how often what was done."""
    import numpy as np

    from fivefold.cycle import working
    from fivefold.cycle.fulfilment import RefusedError
    from fivefold.twin.companies.maker_days import deeds

    dataset = store.dataset(as_of=first)
    placed = {one.order for one in working.work_orders(store)}
    done: Counter[str] = Counter()
    for deed in deeds(
        made["work_operations"],
        made["work_orders"],
        dataset["operations"],
        first=first,
        days=days,
        rng=np.random.default_rng(2026),
    ):
        if deed.order not in placed:
            continue
        if deed.kind == "start":
            working.release(store, deed.order, actor=ACTOR, on=deed.day)
            try:
                working.issue(store, deed.order, actor=ACTOR, on=deed.day)
            except RefusedError:
                done["waits for components"] += 1
                continue
        elif deed.kind == "report":
            try:
                found = working.report(
                    store, deed.order, good=deed.good, scrap=deed.scrap, rework=deed.rework,
                    actor=ACTOR, on=deed.day,
                )  # fmt: skip
            except working.NotWorkableError:
                done["not reported"] += 1
                continue
            if not found.rework:
                working.finish(store, deed.order, actor=ACTOR, on=deed.day)
        elif working.work_order(store, deed.order).rework >= deed.good:
            working.rework(store, deed.order, good=deed.good, actor=ACTOR, on=deed.day)
            working.finish(store, deed.order, actor=ACTOR, on=deed.day)
        done[deed.kind] += 1
    return dict(done)


def _draw(made: Plan, dataset: Any, path: Path) -> None:
    from fivefold.web.schedule_drawing import schedule_figure, standalone_svg

    named = dataset["resources"].select("resource", "name").iter_rows()
    names = {resource: f"{resource} {name or ''}".strip() for resource, name in named}
    figure = schedule_figure(made["work_operations"], made["work_orders"], names=names)
    path.write_text(standalone_svg(figure), encoding="utf-8")


def _show(out: Console, record: dict[str, Any], made: Plan) -> None:
    from fivefold.cli.output import table
    from fivefold.cli.planning import show_plan

    show_plan(out, made)
    schedule = record["schedule"] or {}
    out.print(
        f"Schedule: {schedule.get('steps', 0)} steps of {schedule.get('orders', 0)} orders, "
        f"{schedule.get('late_orders', 0)} late."
    )
    told = ", ".join(f"{count} {what}" for what, count in record["deeds"].items()) or "nothing"
    out.print(f"{record['placed']} orders placed; in {record['days_worked']} days: {told}.")
    table(out, "Yields learnt from reports", record["learnt_yields"], most=6)
    whole = "[green]whole[/green]" if record["books_whole"] else "[red]not whole[/red]"
    out.print(f"Books {whole}. Wrote {' and '.join(record['files'])}.")
    out.print(
        "Next: `fivefold what-if machine=M3 down=2d`, `fivefold schedule show`, "
        "`fivefold work list`, `fivefold why ORDER`."
    )
