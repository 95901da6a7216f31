"""Commands on prices: which to ask, why, and what a test says."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    usage_error,
)
from fivefold.cli.channels import planned

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from fivefold.cycle.pricing import PriceAdvice, PriceTest

ItemArgument = Annotated[str, typer.Argument(help="Code of the item.")]
DaysOption = Annotated[int, typer.Option(help="Days a price is judged over.", min=7, max=364)]
StepOption = Annotated[
    float, typer.Option("--max-step", help="Largest change at once, share.", min=0, max=1)
]
SureOption = Annotated[
    float, typer.Option("--confidence", help="Least chance that a change gains.", min=0, max=1)
]


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    days: DaysOption = 91,
    max_step: StepOption = 0.1,
    confidence: SureOption = 0.8,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Propose prices: the change, its expected gain with ends, and the rule that held it."""
    from fivefold.cli.output import emit
    from fivefold.cycle.pricing import advise_prices
    from fivefold.plan.price import PriceParams

    params = PriceParams(days=days, max_step_share=max_step, confidence=confidence)
    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        advice = advise_prices(dataset, params, as_of=day)
    emit(
        {
            "as_of": day,
            "status": advice.status,
            "days": days,
            "gain": advice.gain,
            "violations": advice.violations.to_dicts(),
            "proposals": advice.proposals.to_dicts(),
            "markdown_paths": advice.paths.to_dicts(),
            "elasticities": advice.elasticities.filter(with_item="").to_dicts(),
        },
        as_json=as_json,
        show=lambda out: _show(out, advice, days, most),
    )


def _show(out: Console, advice: PriceAdvice, days: int, most: int) -> None:
    from fivefold.cli.output import table

    if advice.proposals.height == 0:
        for text in advice.reasons["text"].to_list():
            out.print(text)
        return
    changed = advice.proposals.filter(advice.proposals["action"] != "keep").sort(
        "gain", "decision", descending=[True, False]
    )
    columns = (
        "item",
        "channel",
        "action",
        "price_now",
        "price",
        "gain",
        "gain_low",
        "gain_high",
        "chance_of_gain",
        "bound_by",
    )
    table(
        out, f"Prices to change, gain in {days} days", changed.select(columns).to_dicts(), most=most
    )
    if advice.paths.height:
        table(out, "Markdown, week by week", advice.paths.to_dicts(), most=most)
    out.print(
        f"{changed.height:,} of {advice.proposals.height:,} prices change; "
        f"{advice.gain:,.0f} expected in {days} days."
    )
    out.print(
        "[dim]`fivefold price why ITEM` shows the elasticity, the rules and the next best.[/dim]"
    )


def why_command(
    item: ItemArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an item is priced so: elasticity, stock, rules, next best, markdown."""
    from fivefold.cli.output import emit
    from fivefold.cycle.pricing import advise_prices, price_reasons

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        advice = advise_prices(dataset, as_of=day, items=[item])
    reasons = price_reasons(advice, item)
    emit(
        {
            "as_of": day,
            "item": item,
            "proposals": advice.proposals.to_dicts(),
            "elasticities": advice.elasticities.to_dicts(),
            "price_points": advice.points.to_dicts(),
            "markdown_path": advice.paths.to_dicts(),
            "reasons": reasons,
        },
        as_json=as_json,
        show=lambda out: _why(out, advice, reasons),
    )


def _why(out: Console, advice: PriceAdvice, reasons: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    from fivefold.cli.output import table

    table(out, "Proposals", advice.proposals.drop("item", "decision").to_dicts())
    shown = ("with_item", "elasticity", "elasticity_low", "elasticity_high", "own_share")
    table(out, "Elasticities (own first)", advice.elasticities.select(shown).to_dicts())
    table(out, "What a unit leaves along the price", advice.points.drop("item").to_dicts(), most=30)
    if advice.paths.height:
        table(out, "Markdown, week by week", advice.paths.drop("item").to_dicts(), most=30)
    for row in reasons:
        out.print(f"[dim]{row['reason_code']:<16}[/dim] {escape(row['text'])}", soft_wrap=True)


def read_command(
    item: Annotated[
        str | None, typer.Argument(help="Item whose days to compare; all tests where left out.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(help="Days of the price kept: FROM..TO, YYYY-MM-DD.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Days of the price tried: FROM..TO, YYYY-MM-DD.")
    ] = None,
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read price tests: the difference a day, its interval, and one that holds at every look."""
    from fivefold.cli.output import emit
    from fivefold.cycle.pricing import compare_days, read_tests

    if item is not None and (control is None or variant is None):
        raise usage_error(
            "comparing an item's days needs --control FROM..TO and --variant FROM..TO"
        )
    spans = [_span(text) for text in (control, variant) if text is not None]
    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        if item is not None:
            tests = [compare_days(dataset, item, *spans, channel=channel, as_of=day)]
        else:
            tests = read_tests(dataset, as_of=day)
    emit(
        {"as_of": day, "tests": [_record(test) for test in tests]},
        as_json=as_json,
        show=lambda out: _tests(out, tests),
    )


def _span(text: str) -> tuple[date, date]:
    from fivefold.cli.when import parsed_day

    first, dots, last = text.partition("..")
    if not dots:
        raise usage_error(f"{text!r} is no stretch of days; write FROM..TO")
    return parsed_day(first), parsed_day(last)


def _record(test: PriceTest) -> dict[str, Any]:
    return {
        "test": test.test,
        "item": test.item,
        "channel": test.channel,
        "units_a_day": {**asdict(test.units), "verdict": test.units.verdict},
        "money_a_day": {**asdict(test.money), "verdict": test.money.verdict},
    }


def _tests(out: Console, tests: list[PriceTest]) -> None:
    from fivefold.cli.output import table

    if not tests:
        out.print("There is no price test with two whole days in each arm (table price_tests).")
        return
    for test in tests:
        rows = [
            {
                "a day": name,
                "control": reading.control_mean,
                "variant": reading.variant_mean,
                "difference": reading.difference,
                "95 %": f"{reading.low:,.2f} … {reading.high:,.2f}",
                "at every look": f"{reading.always_low:,.2f} … {reading.always_high:,.2f}",
                "better": reading.verdict,
            }
            for name, reading in (("units", test.units), ("money", test.money))
        ]
        table(out, f"{test.test}: {test.item} {test.channel}", rows)


GROUP = (
    "price",
    "Which price to ask for each item, how sure that is, markdowns, and price tests.",
    (("show", show_command), ("why", why_command), ("test", read_command)),
)
