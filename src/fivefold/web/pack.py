"""The pack of the executive meeting as one HTML file: read offline, printed, projected.

It draws the record that `fivefold review --json` prints, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import interval, lines
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.pack_care import care_section
from fivefold.web.pack_offer import prices_section, range_section
from fivefold.web.report import page_style

Record = Mapping[str, Any]
_LABELS = {
    "units_demanded": "Units wanted",
    "units_served": "Units served",
    "service": "Service",
    "units_uneconomic": "Not served because it would not pay",
    "revenue": "Revenue",
    "margin": "Margin",
    "purchases": "Purchases",
    "cash_flow": "Cash flow",
    "least_cash": "Lowest cash",
    "working_capital": "Working capital",
    "inventory": "Stock at cost",
    "inventory_days": "Inventory days",
    "capacity_use": "Use of the tightest limit",
    "co2e_kg": "CO2e of carriage, kg",
}
_SHARES = frozenset({"service", "capacity_use"})
_MONEY = frozenset(
    {"revenue", "margin", "purchases", "cash_flow", "least_cash", "working_capital", "inventory"}
)
_CONTENTS = (
    ("decide", "To decide"),
    ("versions", "Versions"),
    ("risk", "Risk"),
    ("scenarios", "Scenarios"),
    ("gap", "Closing the gap"),
    ("prices", "Prices"),
    ("range", "Range"),
    ("care", "Customers"),
    ("cash", "Cash by month"),
    ("budget", "Budget"),
    ("flows", "Three flows"),
    ("assumptions", "Assumptions"),
    ("definitions", "Definitions"),
)


def html_pack(record: Record) -> str:
    """Return the pack of a review as a self-contained page.

    Parameters
    ----------
    record : mapping
        As `fivefold.twin.review.Review.record` returns it.
    """
    sign = words.symbol(record["currency"])
    parts = (
        _headline(record, sign),
        _decide(record, sign),
        _versions(record, sign),
        _risk(record, sign),
        _scenarios(record, sign),
        _gap(record, sign),
        prices_section(record, sign),
        range_section(record, sign),
        # A review kept before cases and reviews were part of it has no page on them.
        care_section(record["care"], sign) if record.get("care") else Markup(""),
        _cash(record, sign),
        _budget(record, sign),
        _flows(record, sign),
        _assumptions(record),
        _definitions(record),
    )
    contents = markup.join(
        Markup('<li><a href="#{}">{}</a></li>').format(name, title) for name, title in _CONTENTS
    )
    company = record["company"]
    title = f"{company + ': ' if company else ''}review of {_day(record['as_of'])}"
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>{}</title><style>{}</style></head>'
        '<body><a class="skip" href="#main">Skip to the review</a>{}'
        '<div class="page"><nav aria-label="Contents"><ol>{}</ol></nav>'
        '<main id="main" tabindex="-1">{}</main></div>'
        "<footer>Made by Fivefold from plan {}. Figures not known are shown as –.</footer>"
        "</body></html>\n"
    )
    body = markup.join(parts)
    return str(
        page.format(
            title, Markup(page_style()), _head(record, sign), contents, body, record["plan"]
        )
    )


def _day(value: object) -> str:
    return words.day(value if isinstance(value, date) else date.fromisoformat(str(value)))


def _begun(name: object) -> str:
    """Return a name with a capital at its beginning, the rest as it is."""
    told = str(name)
    return told[:1].upper() + told[1:]


def _new(record: Record) -> Record:
    return next(v for v in record["versions"] if v["plan"] == record["plan"])


def shown(measure: str, value: float | None, sign: str) -> str:
    """Return a figure of a version as people read it."""
    if measure in _SHARES:
        return words.share(value)
    if measure in _MONEY:
        return words.money(value, sign, cents=False)
    return words.number(value, 1 if measure == "inventory_days" else 0)


def _head(record: Record, sign: str) -> Markup:
    figures = _new(record)["figures"]
    facts = (
        ("Plan", record["plan"]),
        ("Accepted last", record["last_plan"] or "none"),
        ("Rules", "all kept" if record["legal"] else "broken"),
        ("Scenarios", str(len(record["scenarios"]))),
    )
    told = markup.join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in facts
    )
    sentence = (
        f"The new plan serves {words.share(figures['service'])} of demand and earns a margin of "
        f"{words.money(figures['margin'], sign, cents=False)} on "
        f"{words.money(figures['revenue'], sign, cents=False)} of revenue, with "
        f"{words.money(figures['working_capital'], sign, cents=False)} of working capital."
    )
    return Markup(
        '<header class="head"><p class="brand">Five<span>fold</span></p><h1>{}</h1>'
        '<p class="sub">{}</p><dl class="facts">{}</dl></header>'
    ).format(f"{record['company']} S&OP review, {_day(record['as_of'])}".strip(), sentence, told)


def _headline(record: Record, sign: str) -> Markup:
    """Return the five figures a meeting begins with, each against the last plan."""
    old = {row["measure"]: row for row in record["against_last"] or ()}
    boxes = []
    for name in ("service", "margin", "cash_flow", "working_capital", "inventory_days"):
        value = _new(record)["figures"][name]
        row = old.get(name)
        beside = "no plan was accepted before"
        if row is not None and row["difference"] is not None:
            change = words.signed(shown(name, row["difference"], sign))
            beside = f"{change} on the last plan"
        boxes.append(
            Markup(
                '<div class="figure"><p class="k">{}</p><p class="v">{}</p>'
                '<p class="d">{}</p></div>'
            ).format(_LABELS[name], shown(name, value, sign), beside)
        )
    return Markup('<div class="figures">{}</div>').format(markup.join(boxes))


def _decide(record: Record, sign: str) -> Markup:
    rows = [
        [
            row["words"],
            words.short_day(_as_day(row["by"])),
            words.money(row["value"], sign, cents=False),
            markup.join(
                [
                    row["why"][0] if row["why"] else "–",
                    markup.folded("More", markup.bullets(row["why"][1:]))
                    if len(row["why"]) > 1
                    else "",
                    Markup('<span class="aside code">{}</span>').format(row["decision"]),
                ]
            ),
        ]
        for row in record["decisions"]
    ]
    columns = [
        Column("Decision"),
        Column("By"),
        Column("Money", numeric=True),
        Column("Because"),
    ]
    total = sum(row["value"] or 0.0 for row in record["decisions"])
    lead = (
        f"{words.many(len(rows), 'decision')} to take within the week, "
        f"{words.money(total, sign, cents=False)} in all, the most money first."
        if rows
        else "Nothing has to be decided within the week."
    )
    body = markup.card("Decisions of the week", _table(columns, rows, "Decisions of the week"))
    return markup.section("decide", "To decide", lead, body)


def _as_day(value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])


def _table(columns: Sequence[Column], rows: Sequence[Sequence[object]], title: str) -> Markup:
    if not rows:
        return Markup('<p class="note">None.</p>')
    return markup.table(columns, rows, caption=title)


def _versions(record: Record, sign: str) -> Markup:
    versions = record["versions"]
    rows = [
        [label, *(shown(name, version["figures"][name], sign) for version in versions)]
        for name, label in _LABELS.items()
    ]
    columns = [
        Column("Figure"),
        *(Column(_begun(v["name"]), numeric=True) for v in versions),
    ]
    unknown = [note for version in versions for note in version["notes"]]
    notes = markup.bullets(dict.fromkeys(unknown))
    card = markup.card("Plans side by side", _table(columns, rows, "Plans side by side"), notes)
    return markup.section(
        "versions", "Versions", "The same figures of every plan, each for its own world.", card
    )


def _played(record: Record) -> list[Record]:
    own = [record["risk"]] if record["risk"] else []
    return [*own, *(s["risk"] for s in record["scenarios"] if s["risk"])]


def _risk(record: Record, sign: str) -> Markup:
    played = _played(record)
    if not played:
        return markup.section("risk", "Risk", "Nothing was played in the twin.")
    rows = []
    for world in played:
        for risk in world["risk"]:
            name = "replanned" if risk["policy"] == "replanned" else "kept"
            rows.append(
                [
                    f"{_begun(world['world'])}, {name}",
                    words.money(risk["mean"], sign, cents=False),
                    f"{words.money(risk['low'], sign, cents=False)} to "
                    f"{words.money(risk['high'], sign, cents=False)}",
                    words.money(risk["value_at_risk"], sign, cents=False),
                    f"{words.money(risk['var_low'], sign, cents=False)} to "
                    f"{words.money(risk['var_high'], sign, cents=False)}",
                    words.money(risk["worst"], sign, cents=False),
                ]
            )
    columns = [
        Column("World and plan"),
        Column("Profit", numeric=True),
        Column("95 % interval"),
        Column("At risk", numeric=True),
        Column("Between"),
        Column("Worst seen", numeric=True),
    ]
    first = played[0]
    note = (
        f"{first['replications']} replications of {first['days']} days in the digital twin, the "
        "same luck in every world. At risk is by how much profit falls short of its mean in the "
        "worst 5 % of a normal law with the spread seen."
    )
    gains = [_gain(world, sign) for world in played]
    return markup.section(
        "risk",
        "Risk",
        "What each plan earns in each world, and how much less it may be.",
        markup.card("Profit and value at risk", _table(columns, rows, "Risk"), note=note),
        markup.card(
            "Planning again against keeping the plan",
            _table(
                [
                    Column("World"),
                    Column("Difference", numeric=True),
                    Column("95 % interval"),
                    Column("Verdict"),
                ],
                gains,
                "Gain of replanning",
            ),
            note="Profit of the plan made for the world less that of the plan kept.",
        ),
    )


def _gain(world: Record, sign: str) -> list[object]:
    row = next(f for f in world["figures"] if f["measure"] == "profit")
    low, high = row["low"], row["high"]

    def drawn(width: int) -> Figure:
        return interval(
            title=f"Profit, {world['world']}",
            mean=row["difference"],
            low=low,
            high=high,
            better="higher",
        )

    said = row["verdict"]
    if world.get("advice"):
        said = f"{said}: {world['advice']}"
    return [
        f"{_begun(world['world'])} ({world['replanned']} against {world['kept']})",
        words.signed(words.money(row["difference"], sign, cents=False)),
        markup.join(
            [
                f"{words.money(low, sign, cents=False)} to {words.money(high, sign, cents=False)} ",
                Markup(drawn(150).svg),
            ]
        ),
        said,
    ]


def _scenarios(record: Record, sign: str) -> Markup:
    cards = []
    for one in record["scenarios"]:
        effect = one["effect"]
        rows = [
            [
                _LABELS[row["measure"]],
                shown(row["measure"], row["before"], sign),
                shown(row["measure"], row["after"], sign),
                "–"
                if row["difference"] is None
                else words.signed(shown(row["measure"], row["difference"], sign)),
                row["verdict"],
            ]
            for row in effect["figures"]
            if row["measure"]
            in ("service", "revenue", "margin", "cash_flow", "least_cash", "working_capital")
        ]
        columns = [
            Column("Figure"),
            Column("New plan", numeric=True),
            Column("In this world", numeric=True),
            Column("Difference", numeric=True),
            Column("Verdict"),
        ]
        todo = [f"{o['option']}: {o['why']}" for o in effect["options"][:4]]
        cards.append(
            markup.card(
                _begun(one["name"]),
                _table(columns, rows, str(one["name"])),
                Markup("<h4>What breaks first</h4>"),
                markup.bullets(effect["breaks_first"]) or Markup('<p class="note">Nothing.</p>'),
                Markup("<h4>What to do</h4>"),
                markup.bullets(todo) or Markup('<p class="note">Nothing pays.</p>'),
                note=f"{', '.join(one['changes'])}; {effect['decisions_changed']:,} decisions "
                f"differ{'' if one['legal'] else '; this plan breaks rules'}.",
            )
        )
    lead = "What would happen, what gives way first, and what to do about it."
    return markup.section("scenarios", "Scenarios", lead, *cards)


def _gap(record: Record, sign: str) -> Markup:
    figures = _new(record)["figures"]
    gap = figures["units_demanded"] - figures["units_served"]
    rows = [
        [row["option"], words.money(row["worth"], sign, cents=False),
         words.money(row["cost"], sign, cents=False), row["why"]]
        for row in record["options"][:12]
    ]  # fmt: skip
    columns = [
        Column("Option"),
        Column("Worth", numeric=True),
        Column("Cost", numeric=True),
        Column("Because"),
    ]
    lead = (
        f"{words.number(gap)} units wanted are not served, "
        f"{words.number(figures['units_uneconomic'])} of them because serving would not pay."
    )
    return markup.section(
        "gap",
        "Closing the gap",
        lead,
        markup.card(
            "Options, the most worth first",
            _table(columns, rows, "Options"),
            note="A limit's worth is at its price, the most a little more of it can bring. "
            "A cost that is not known is a dash.",
        ),
    )


def _cash(record: Record, sign: str) -> Markup:
    months = [_as_day(row["month"]) for row in _new(record)["by_month"]]
    series: dict[str, list[float]] = {}
    for version in record["versions"]:
        by = {_as_day(row["month"]): row["cash_flow"] for row in version["by_month"]}
        series[str(version["name"])] = [by.get(month) or 0.0 for month in months]

    def drawn(width: int) -> Figure:
        return lines(
            title="Cash flow by month",
            days=[month for month in months if month],
            series=series,
            unit=sign if len(sign) == 1 else "",
            width=width,
        )

    rows = [
        [
            f"{month:%B %Y}" if month else "–",
            words.number(row["units"]),
            *(
                words.money(row[name], sign, cents=False)
                for name in (
                    "revenue",
                    "margin",
                    "cash_in",
                    "purchases_paid",
                    "carriage_and_work",
                    "cash_flow",
                    "cash",
                )
            ),
        ]
        for month, row in zip(months, _new(record)["by_month"], strict=True)
    ]
    names = (
        "Units",
        "Revenue",
        "Margin",
        "Cash in",
        "Goods paid",
        "Carriage and work",
        "Flow",
        "Cash",
    )
    columns = [Column("Month"), *(Column(name, numeric=True) for name in names)]
    return markup.section(
        "cash",
        "Cash by month",
        "When money comes and goes: the first and the last month are parts of one.",
        markup.card("Cash flow of every version", markup.chart(drawn, wide=760)),
        markup.card("The new plan by month", _table(columns, rows, "The new plan by month")),
    )


def _budget(record: Record, sign: str) -> Markup:
    rows = [
        [
            f"{_as_day(row['month']):%B %Y}",
            *(
                shown(measure, row[f"{kind}_{measure}"], sign)
                for measure in ("units", "revenue", "margin")
                for kind in ("budget", "plan", "actual", "gap")
            ),
        ]
        for row in record["budget"]
    ]
    known = any(
        row[f"budget_{m}"] is not None for row in record["budget"] for m in ("units", "revenue")
    )
    lead = (
        "Plan and actual beside what was agreed."
        if known
        else "No budget was imported (table budget), so there is nothing to hold the plan against."
    )
    columns = [
        Column("Month"),
        *(
            Column(f"{measure.capitalize()}, {kind}", numeric=True)
            for measure in ("units", "revenue", "margin")
            for kind in ("budget", "plan", "actual", "gap")
        ),
    ]
    card = markup.card("Budget, plan, actual", _table(columns, rows, "Budget, plan, actual"))
    return markup.section("budget", "Budget", lead, card)


def _flows(record: Record, sign: str) -> Markup:
    flows = record["flows"]
    goods = [
        [
            f"{row['kind'].capitalize()}: {row['source']}"
            + (f" → {row['destination']}" if row["source"] != row["destination"] else ""),
            words.number(row["units"]),
            words.money(row["value"], sign, cents=False),
        ]
        for row in flows["materials"][:8]
    ]
    facts = [[row["what"].capitalize(), words.number(row["count"])] for row in flows["information"]]
    money = [
        [
            name,
            words.money(sum(row[column] or 0.0 for row in flows["money"]), sign, cents=False),
        ]
        for name, column in (
            ("Sales paid out", "cash_in"),
            ("Goods paid", "purchases_paid"),
            ("Carriage and work", "carriage_and_work"),
            ("Left over", "cash_flow"),
        )
    ]
    columns = [Column("Way"), Column("Units", numeric=True), Column("Value", numeric=True)]
    one = [Column("What"), Column("In all", numeric=True)]
    return markup.section(
        "flows",
        "Three flows",
        "Materials, information and money of the new plan, over all its weeks.",
        markup.card("Materials", _table(columns, goods, "Materials")),
        markup.pair(
            markup.card("Information", _table(one, facts, "Information")),
            markup.card("Money", _table(one, money, "Money")),
        ),
    )


def _assumptions(record: Record) -> Markup:
    rows = [
        [row["name"], words.text(row["value"]), row["source"], row["tracked"] or "–"]
        for row in record["assumptions"]
    ]
    columns = [Column("Assumption"), Column("Taken"), Column("From"), Column("How it holds")]
    return markup.section(
        "assumptions",
        "Assumptions",
        "What the plan takes for granted, who says so, and what facts say of it by now.",
        markup.card("Assumptions", _table(columns, rows, "Assumptions")),
    )


def _definitions(record: Record) -> Markup:
    rows = markup.join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(_LABELS[name], text)
        for name, text in record["definitions"].items()
    )
    card = Markup('<div class="card"><dl class="definitions">{}</dl></div>').format(rows)
    return markup.section("definitions", "Definitions", "", card)
