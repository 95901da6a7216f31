from __future__ import annotations

import itertools
import re
from dataclasses import asdict, replace
from datetime import date
from html.parser import HTMLParser

import polars as pl
import pytest

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset, schema
from fivefold.twin.experiment import Proof
from fivefold.web.report import html_report

_VOID = {"meta", "br", "img", "link", "input", "hr"}


class _Reader(HTMLParser):
    """Collects tags and text; fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).replace("\N{NO-BREAK SPACE}", " ").split())


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(plan: Plan, dataset: Dataset, proof: Proof) -> str:
    return html_report(plan, dataset, proof)


@pytest.fixture(scope="module")
def reader(page: str) -> _Reader:
    return _read(page)


def test_the_report_tells_orders_to_place_now_with_their_sums(reader: _Reader) -> None:
    # PO-1 (450 landed) and PO-2 (1,284) fall within a week, PO-3 does not.
    assert "Place 2 purchase orders worth $1,734 landed within 7 days" in reader.words
    assert reader.words.index("PO-2") < reader.words.index("PO-1")
    assert "1 more orders, those for later weeks among them, worth $130" in reader.words


def test_the_report_tells_the_proof_with_intervals_and_verdicts(reader: _Reader) -> None:
    words = reader.words
    assert "it makes $250 more profit and 2.0 points less of demand served" in words
    assert "not told from luck" in words
    assert "+$100 to +$400" in words
    assert "−5.0 pt to +1.0 pt" in words
    assert words.index("Better") < words.index("Worse")


def test_without_a_proof_the_report_says_so_and_claims_nothing(
    plan: Plan, dataset: Dataset
) -> None:
    words = _read(html_report(plan, dataset)).words
    assert "has not been proved in the twin yet" in words
    assert "more profit" not in words


def test_the_report_tells_what_a_binding_limit_is_worth(reader: _Reader) -> None:
    said = "Space at Amazon: binds in 1 week; one m³ more of space in the week of 30 Nov 2026"
    assert f"{said} would be worth $12.50." in reader.words


def test_the_report_tells_risk_of_stock_out_and_excess(reader: _Reader) -> None:
    # LAMP: 50 on hand over 15 a week is 3.3 weeks; MUG: 500 - 26 x 5 = 370 units at $2.
    assert "1 run out within 8 weeks" in reader.words
    assert "What lies beyond cost $740" in reader.words
    assert "3.3" in reader.words


def test_the_waterfall_of_money_sums_to_contribution(reader: _Reader) -> None:
    # 180 lamps x $20 = 3,600; less 180 x (4 + 3 + 0.5) and $33 of unserved margin = 2,217.
    assert "$3,600 of sales at forecast leave $2,217 of contribution" in reader.words


def test_accuracy_is_weighted_by_forecast_units(reader: _Reader) -> None:
    # 180 lamps at 20 % and 60 mugs at 40 % are 25 %.
    assert "25.0 %" in reader.words
    assert "off by 50.0 % less than it" in reader.words


def test_what_is_unknown_is_shown_as_unknown_with_its_range(reader: _Reader) -> None:
    assert "unknown" in reader.words
    assert "$0.20 to $0.80" in reader.words


def test_the_report_loads_nothing_and_runs_nothing(page: str, reader: _Reader) -> None:
    bare = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", bare)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in reader.tags)
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]


def test_hostile_names_stay_text(page: str, reader: _Reader) -> None:
    assert "<script" not in page
    assert '<script>alert("x")</script>' in reader.words


def test_headings_go_down_one_level_at_a_time(reader: _Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_table_has_a_caption_and_scoped_headers(reader: _Reader) -> None:
    tables = [tag for tag, _ in reader.tags if tag == "table"]
    assert len(tables) > 8
    assert len([tag for tag, _ in reader.tags if tag == "caption"]) == len(tables)
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in reader.tags if tag == "th")


def test_every_chart_has_words_for_those_who_do_not_see_it(reader: _Reader) -> None:
    charts = [attrs for tag, attrs in reader.tags if tag == "svg"]
    assert len(charts) > 10
    assert all(c.get("role") == "img" and len(c.get("aria-label") or "") > 15 for c in charts)


def test_names_of_links_within_the_page_exist(reader: _Reader) -> None:
    names = {attrs["id"] for _, attrs in reader.tags if "id" in attrs}
    links = {attrs["href"] for tag, attrs in reader.tags if tag == "a"}
    assert {str(link).removeprefix("#") for link in links} <= names


def test_a_plan_that_breaks_rules_is_said_not_to_be_releasable(
    plan: Plan, dataset: Dataset
) -> None:
    broken = schema("violations").frame(
        [
            {
                "table": "supply_plan",
                "key": "k",
                "rule": "minimum_quantity",
                "found": "1",
                "expected": "2",
                "text": "Too few.",
            }
        ]
    )
    words = _read(html_report(plan.with_tables(violations=broken), dataset)).words
    assert "Must not be released: the independent checker found 1 broken rule." in words
    assert "May be released." in _read(html_report(plan, dataset)).words


def test_an_empty_plan_gives_a_whole_page_with_dashes_and_no_figures() -> None:
    empty = Plan(
        plan="P1",
        as_of=date(2026, 1, 5),
        status="feasible",
        tables={},
        dataset_fingerprint="0",
        params={},
    )
    words = _read(html_report(empty, Dataset())).words
    assert "Nothing is to be bought within 7 days" in words
    assert "$0" not in words
    assert "nan" not in words.lower().split()


def test_an_infeasible_plan_says_why(plan: Plan, dataset: Dataset) -> None:
    reasons = schema("explanations").frame(
        [
            {
                "subject": "plan",
                "sequence": 1,
                "reason_code": "infeasible",
                "text": "Nothing can supply LAMP.",
            }
        ]
    )
    failed = replace(plan, status="infeasible").with_tables(explanations=reasons)
    words = _read(html_report(failed, dataset)).words
    assert "There is no plan that keeps every rule" in words
    assert "Nothing can supply LAMP." in words


def test_measures_and_changes_are_told_where_given(plan: Plan, dataset: Dataset) -> None:
    measures = schema("measures").frame(
        [
            {
                "measure": "fill_rate",
                "value": 0.934,
                "unit": "share",
                "scor_name": "RL.2.1",
                "definition": "served / wanted",
            },
            {"measure": "cash_to_cash", "unit": "days", "definition": "not told"},
        ]
    )
    changes = pl.DataFrame(
        {
            "decision": ["buy:LAMP:1"],
            "change": ["changed"],
            "item": ["LAMP"],
            "kind": ["buy"],
            "from_quantity": [60],
            "to_quantity": [100],
            "from_due": [None],
            "to_due": [None],
        },
        schema_overrides={"from_due": pl.Date, "to_due": pl.Date},
    )
    words = _read(html_report(plan, dataset, measures=measures, changes=changes)).words
    assert "93.4 %" in words
    assert "RL.2.1" in words
    assert "1 cannot be told from this data" in words
    assert "60 → 100" in words


def test_the_same_plan_gives_the_same_page(plan: Plan, dataset: Dataset, page: str) -> None:
    assert html_report(plan, dataset) == html_report(plan, dataset)
    assert html_report(plan, dataset) != page


def test_a_proof_kept_as_a_table_tells_the_same(
    plan: Plan, dataset: Dataset, proof: Proof, page: str
) -> None:
    run = {"old_name": proof.old, "new_name": proof.new, "replications": 8, "days": 91, "seed": 7}
    rows = [{**asdict(f), "verdict": f.verdict, **run} for f in proof.figures]
    table = pl.DataFrame(rows)
    assert html_report(plan, dataset, table) == page
    assert html_report(plan.with_tables(proof=table), dataset).count("Not told from luck") == 1
    assert "not been proved" in html_report(plan, dataset, table.clear())
