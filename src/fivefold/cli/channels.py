"""Commands on channels: which is best for each item, why, where they draw level, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    from rich.console import Console

    from fivefold.cycle.channel_advice import Advice
    from fivefold.deliver.break_even import BreakEven
    from fivefold.model import Dataset

AlsoOption = Annotated[
    list[str] | None,
    typer.Option("--also", help="Compare a channel not in use: awd or mcf. May be repeated."),
]
ItemArgument = Annotated[str, typer.Argument(help="Code of the item.")]


@contextmanager
def planned(workspace: Path, as_of: str | None, *, as_json: bool) -> Iterator[tuple[Dataset, date]]:
    """Yield the data with the tables of the plan made last, if there is one, and the day."""
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.channel_advice import planned_dataset
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = parsed_day(as_of) if as_of else None
        yield planned_dataset(store, day, otherwise=plan_day(store, as_of))


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    also: AlsoOption = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Compare the channels of every item: contribution, its ends, what changing would gain."""
    from fivefold.cli.output import emit
    from fivefold.cycle.channel_advice import advise, item_records

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        found = advise(dataset, as_of=day, also=also or [])
    emit(
        {
            "as_of": day,
            "gain_per_year": found.gain_per_year,
            "sure_gain_per_year": found.sure_gain_per_year,
            "changes": found.changes.to_dicts(),
            "items": item_records(found),
        },
        as_json=as_json,
        show=lambda out: _show(out, found, most),
    )


def _show(out: Console, found: Advice, most: int) -> None:
    from fivefold.cli.output import table

    table(out, "Contribution a unit, by channel", _matrix(found.choices), most=most)
    table(out, "Better elsewhere", found.changes.to_dicts(), most=most)
    unknown = found.fees.filter(found.fees["amount"].is_null())
    told = (
        unknown.group_by("channel", "line")
        .len("items")
        .sort("items", "line", descending=[True, False])
    )
    table(out, "Figures no card tells (their ends are counted)", told.to_dicts(), most=8)
    out.print(
        f"Changing every one of them gains [bold]{found.gain_per_year:,.0f}[/bold] a year; "
        f"{found.sure_gain_per_year:,.0f} of it holds with every unknown figure at its worst."
    )
    out.print("[dim]`fivefold channels why ITEM` shows the lines and the cards.[/dim]")


def _matrix(choices: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a row an item with the contribution of each channel and the best one."""
    import polars as pl

    wide = choices.pivot(on="channel", index="item", values="contribution", sort_columns=True)
    marks = choices.group_by("item").agg(
        today=pl.col("channel").filter("is_today").first(),
        best=pl.col("channel").filter("is_best").first(),
        low=pl.col("contribution_low").filter("is_best").first(),
        high=pl.col("contribution_high").filter("is_best").first(),
    )
    return wide.join(marks, on="item").sort("item").to_dicts()


def why_command(
    item: ItemArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    also: AlsoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a channel is best for an item: every line with its card, grade and ends."""
    from fivefold.cli.output import emit
    from fivefold.cycle.channel_advice import advise, item_records, only

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        found = advise(only(dataset, item), as_of=day, also=also or [])
    records = item_records(found)
    reasons = found.reasons.to_dicts()
    emit(
        {"as_of": day, "item": records[0] if records else None, "reasons": reasons},
        as_json=as_json,
        show=lambda out: _why(out, item, found),
    )


def _why(out: Console, item: str, found: Advice) -> None:
    import polars as pl
    from rich.markup import escape

    from fivefold.cli.output import table

    wide = found.fees.pivot(
        on="channel", index="line", values="counted", sort_columns=True, maintain_order=True
    )
    table(out, f"{item}: what a unit pays, by channel", wide.to_dicts(), most=40)
    shown = found.choices.select(
        "channel",
        "price",
        "contribution",
        "contribution_low",
        "contribution_high",
        "is_best",
        "is_today",
    )
    table(out, "What is left", shown.to_dicts())
    best = found.choices.filter("is_best")["channel"].to_list()
    cards = found.fees.filter(pl.col("channel").is_in(best)).select(
        "line", "amount", "amount_low", "amount_high", "card", "effective_from", "grade"
    )
    table(out, f"Cards used for {', '.join(best) or 'none'}", cards.to_dicts(), most=40)
    for row in found.reasons.iter_rows(named=True):
        out.print(f"[dim]{row['reason_code']:<16}[/dim] {escape(row['text'])}", soft_wrap=True)


def break_even_command(
    item: ItemArgument,
    lever: Annotated[str, typer.Argument(help="price, days_held or return_share.")] = "days_held",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    also: AlsoOption = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Draw the curves into this SVG file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where channels draw level along a lever, and how far today is from there."""
    from fivefold.cli.output import emit
    from fivefold.cycle.channel_advice import with_thinkable
    from fivefold.deliver.break_even import LEVERS, break_even

    if lever not in LEVERS:
        raise usage_error(f"{lever!r} is no lever; known: {', '.join(LEVERS)}")
    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        found = break_even(with_thinkable(dataset, also or []), item, lever, as_of=day)
    if out_file is not None:
        from fivefold.web.break_even import break_even_chart

        out_file.write_text(str(break_even_chart(found)), encoding="utf-8")
    emit(
        {
            "item": item,
            "lever": lever,
            "today": found.today,
            "crossings": [
                {"value": c.value, "below": c.better_below, "above": c.better_above}
                for c in found.crossings
            ],
            "curves": found.curves.to_dicts(),
        },
        as_json=as_json,
        show=lambda out: _show_break_even(out, found),
    )


def _show_break_even(out: Console, found: BreakEven) -> None:
    from fivefold.cli.output import table

    points = found.curves.filter(found.curves["value"].is_in(_every_sixth(found)))
    wide = points.pivot(on="channel", index="value", values="contribution", sort_columns=True)
    table(out, f"{found.item}: contribution along {found.lever}", wide.to_dicts(), most=60)
    out.print(f"Today {found.lever} is {found.today:,.3g}.")
    if not found.crossings:
        out.print("One channel is best all along.")
    for crossing in found.crossings:
        out.print(
            f"Below {crossing.value:,.4g} {crossing.better_below} is best, above it "
            f"{crossing.better_above}."
        )


def _every_sixth(found: BreakEven) -> list[float]:
    return found.curves["value"].unique().sort().to_list()[::6]


def mix_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    months: Annotated[int, typer.Option(help="Months ahead.", min=1, max=60)] = 12,
    change_cost: Annotated[
        float, typer.Option(help="What one item's change costs, currency.", min=0)
    ] = 40.0,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Choose channels month by month: seasons of the fees against what a change costs."""
    from fivefold.cli.output import emit, table
    from fivefold.deliver.channel_mix import MixParams, choose_mix

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        outcome = choose_mix(dataset, MixParams(months=months, change_cost=change_cost), as_of=day)
    assert outcome.explanations is not None
    changes = outcome.explanations.filter(outcome.explanations["reason_code"] == "change").sort(
        "price", descending=True
    )

    def show(out: Console) -> None:
        records = [
            {"item": row["subject"].partition(":")[2], "gain": row["price"], "because": row["text"]}
            for row in changes.iter_rows(named=True)
        ]
        table(out, "Changes that pay", records, most=most)
        out.print(
            f"{changes.height:,} items change; {outcome.objective or 0.0:,.0f} gained in "
            f"{months} months, changes paid for."
        )

    emit(
        {
            "as_of": day,
            "gain": outcome.objective,
            "changes": changes.to_dicts(),
            "rows": outcome["channel_plan"].to_dicts(),
        },
        as_json=as_json,
        show=show,
    )


GROUP = (
    "channels",
    "Which channel serves each item best: FBA, FBM, FBA Onsite, AWD feeding FBA.",
    (
        ("show", show_command),
        ("why", why_command),
        ("break-even", break_even_command),
        ("mix", mix_command),
    ),
)
