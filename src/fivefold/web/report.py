"""The plan as one HTML file: read offline, by a manager, on paper, on a telephone.

It loads nothing from anywhere: style and charts stand within it, and no script is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
from markupsafe import Markup

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset
from fivefold.twin.experiment import Figure, Proof
from fivefold.web.chapters import (
    channels,
    closing,
    decisions,
    demand,
    headline,
    limits,
    money,
    stock,
)
from fivefold.web.pack_care import care_section
from fivefold.web.pack_offer import prices_section, range_section
from fivefold.web.story import Story

_CONTENTS = (
    ("proof", "Proof"),
    ("decisions", "Decisions"),
    ("limits", "What binds"),
    ("stock", "Stock"),
    ("demand", "Demand"),
    ("channels", "Channels and fees"),
    ("prices", "Prices"),
    ("range", "Range"),
    ("money", "Money and flows"),
    ("care", "Customers"),
    ("measures", "Measures"),
    ("definitions", "Definitions"),
    ("appendix", "Appendix"),
)


def html_report(
    plan: Plan,
    dataset: Dataset,
    proof: Proof | pl.DataFrame | None = None,
    measures: pl.DataFrame | None = None,
    changes: pl.DataFrame | None = None,
    offer: Mapping[str, Any] | None = None,
    care: Mapping[str, Any] | None = None,
) -> str:
    """Return a plan as a self-contained HTML page.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
        What the plan was made from; gives names, prices and places.
    proof : Proof or polars.DataFrame, optional
        What the twin says of the plan, or the table of it that is kept with a plan; the plan's
        own where none is given. Without any the report says that there is none.
    measures : polars.DataFrame, optional
        The measures of the loop; the plan's own table where none is given.
    changes : polars.DataFrame, optional
        What differs from the plan before, as `fivefold.cycle.review.changed_since` returns it.
    offer : mapping, optional
        Prices to ask and the range to keep, as `fivefold.cycle.offering.offering` returns them;
        without it the chapters are left out.
    care : mapping, optional
        Satisfaction and cost of cases, as `fivefold.cycle.caring.care_record` returns them.
    """
    if proof is None:
        proof = plan.tables.get("proof")
    story = Story(
        plan=plan,
        dataset=dataset,
        proof=kept_proof(plan, proof) if isinstance(proof, pl.DataFrame) else proof,
        measures=measures,
        changes=changes,
    )
    title = f"{story.company + ': ' if story.company else ''}plan of {plan.as_of:%d %b %Y}"
    body = Markup("").join(
        [
            headline.verdict(story),
            headline.figures(story),
            headline.scorecard(story),
            decisions.chapter(story),
            limits.chapter(story),
            stock.chapter(story),
            demand.chapter(story),
            channels.chapter(story),
            *_offered(story, offer),
            money.chapter(story),
            *([care_section(care, story.currency)] if care is not None else []),
            closing.measures(story),
            closing.definitions(),
            closing.appendix(story),
        ]
    )
    left_out = {*(() if offer else ("prices", "range")), *(() if care else ("care",))}
    contents = Markup("").join(
        Markup('<li><a href="#{}">{}</a></li>').format(name, words)
        for name, words in _CONTENTS
        if name not in left_out
    )
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>{}</title>'
        "<style>{}</style></head><body>"
        '<a class="skip" href="#main">Skip to the plan</a>{}'
        '<div class="page"><nav aria-label="Contents"><ol>{}</ol></nav>'
        '<main id="main" tabindex="-1">{}</main></div>'
        "<footer>Made by Fivefold from plan {}. Figures not known are shown as –.</footer>"
        "</body></html>\n"
    )
    return str(
        page.format(title, Markup(page_style()), headline.head(story), contents, body, plan.plan)
    )


def _offered(story: Story, offer: Mapping[str, Any] | None) -> list[Markup]:
    """Return the chapters of prices and range, none where they were not judged."""
    if offer is None:
        return []
    return [prices_section(offer, story.currency), range_section(offer, story.currency)]


def kept_proof(plan: Plan, table: pl.DataFrame) -> Proof | None:
    """Return a proof from its table, a row a measure; None where it is empty."""
    if table.height == 0:
        return None
    names = [field.name for field in fields(Figure)]
    first = table.row(0, named=True)
    return Proof(
        plan=plan.plan,
        old=first["old_name"],
        new=first["new_name"],
        figures=tuple(Figure(**row) for row in table.select(names).iter_rows(named=True)),
        replications=first["replications"],
        days=first["days"],
        seed=first["seed"],
        by_replication=pl.DataFrame(),
        commands=0,
    )


@cache
def page_style() -> str:
    """Return the style of a page that loads nothing."""
    folder = files("fivefold.web")
    return "".join(
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("tokens.css", "report.css")
    )
