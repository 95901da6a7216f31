"""Commands on the range: which items to keep, move, end, launch or bring back, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption
from fivefold.cli.channels import planned

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.portfolio import RangeAdvice

CashOption = Annotated[
    float | None, typer.Option("--cash", help="Most money in stock on average.", min=0)
]
FixedOption = Annotated[
    float, typer.Option("--fixed-cost", help="Cost a year of carrying an item.", min=0)
]
TransferOption = Annotated[
    float,
    typer.Option("--transfer", help="Share of lost demand that tries a substitute.", min=0, max=1),
]


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    cash: CashOption = None,
    fixed_cost: FixedOption = 120.0,
    transfer: TransferOption = 0.3,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Choose the range: what changes, what it gains a year, and what shared limits are worth."""
    from fivefold.cli.output import emit
    from fivefold.cycle.portfolio import advise_range
    from fivefold.plan.portfolio import RangeParams

    params = RangeParams(cash_limit=cash, fixed_cost=fixed_cost, transfer_share=transfer)
    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        advice = advise_range(dataset, params, as_of=day)
    emit(
        {
            "as_of": day,
            "status": advice.status,
            "value_per_year": advice.value,
            "bound_per_year": advice.bound,
            "today_per_year": advice.today,
            "gain_per_year": advice.gain_per_year,
            "violations": advice.violations.to_dicts(),
            "limits": list(advice.limits),
            "choices": advice.choices.to_dicts(),
        },
        as_json=as_json,
        show=lambda out: _show(out, advice, most),
    )


def _show(out: Console, advice: RangeAdvice, most: int) -> None:
    from fivefold.cli.output import table

    if advice.choices.height == 0:
        for text in advice.reasons["text"].to_list():
            out.print(text)
        return
    columns = (
        "item",
        "action",
        "channel",
        "effective_on",
        "units_per_year",
        "contribution",
        "value_per_year",
        "next_best_cost",
        "confident",
        "abc_class",
        "xyz_class",
    )
    changed = advice.choices.filter(~advice.choices["action"].is_in(["keep", "leave_out"])).sort(
        "next_best_cost", "item", descending=[True, False]
    )
    table(out, "What changes in the range", changed.select(columns).to_dicts(), most=most)
    counts = advice.choices.group_by("action").len("items").sort("action").to_dicts()
    table(out, "In all", counts)
    table(out, "Shared limits", list(advice.limits))
    out.print(
        f"The range earns [bold]{advice.value or 0:,.0f}[/bold] a year, at most "
        f"{advice.bound or 0:,.0f}; today's earns {advice.today or 0:,.0f}."
    )
    out.print("[dim]`fivefold portfolio why ITEM` shows demand, limits and the next best.[/dim]")


def why_command(
    item: Annotated[str, typer.Argument(help="Code of the item.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    cash: CashOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an item is kept, moved, ended, launched or brought back."""
    from fivefold.cli.app import told_errors
    from fivefold.cli.output import emit
    from fivefold.cycle.portfolio import advise_range
    from fivefold.plan.portfolio import RangeParams

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        advice = advise_range(dataset, RangeParams(cash_limit=cash), as_of=day)
    with told_errors(as_json=as_json):
        reasons = advice.why(item)
    chosen = advice.choices.filter(item=item).row(0, named=True)
    emit(
        {"as_of": day, "choice": chosen, "reasons": reasons},
        as_json=as_json,
        show=lambda out: _why(out, chosen, reasons),
    )


def _why(out: Console, chosen: dict[str, Any], reasons: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    out.print(f"[bold]{chosen['item']}[/bold]: {chosen['action'].replace('_', ' ')}")
    for row in reasons:
        out.print(f"[dim]{row['reason_code']:<16}[/dim] {escape(row['text'])}", soft_wrap=True)


GROUP = (
    "portfolio",
    "Which items to keep, move, end, launch or bring back, where and from when.",
    (("show", show_command), ("why", why_command)),
)
