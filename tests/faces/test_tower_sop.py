"""The room of S&OP: scenarios side by side, the cycle, months, flows, the gap; news on Home."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fivefold.api.access import OWN
from fivefold.cycle import watching
from fivefold.cycle.comparisons import keep_comparison


@pytest.fixture(scope="module")
def tower(serve: Any) -> Any:
    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 8}))
    assert made["state"] == "done", made
    return served


def page(tower: Any, path: str, role: str = "admin") -> str:
    headers = {"Authorization": f"Bearer {tower.tokens[OWN, role]}", "Accept": "text/html"}
    answer = tower.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def row(text: str, label: str) -> list[str]:
    """Return the cells of a row as words."""
    found = re.search(rf'<th scope="row"[^>]*>{label}</th>(.*?)</tr>', text, re.S)
    assert found, label
    cells = re.findall(r"<td[^>]*>(.*?)</td>", found.group(1), re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def test_a_scenario_stands_beside_the_plan_with_its_change_and_how_it_was_played(
    tower: Any,
) -> None:
    body = {"name": "fair", "changes": "demand=+50%", "reason": "a <fair>"}
    assert tower.ask("POST", "/scenarios", json=body).status_code == 200
    before = page(tower, "/sop")
    assert "not planned yet" in before
    assert "a &lt;fair&gt;" in before
    done = tower.wait(tower.ask("POST", "/scenarios/fair/plan"))
    assert done["state"] == "done", done
    text = page(tower, "/sop")
    base, other = row(text, "Units wanted")
    assert int(other.split()[0].replace(",", "")) > 1.4 * int(base.replace(",", ""))
    assert "+" in other, "the change from the first plan is told"
    company = tower.app.state.context.companies.company(OWN)
    world = {
        "world": "fair",
        "plan": done["result"]["plan"],
        "base": done["result"]["before_plan"],
        "days": 28,
        "replications": 3,
        "seed": 7,
        "risk": [
            {
                "policy": policy,
                "mean": mean,
                "low": mean - 50,
                "high": mean + 50,
                "value_at_risk": 30.0,
                "var_low": 20.0,
                "var_high": 90.0,
                "worst": mean - 40,
            }
            for policy, mean in (("kept", 1000.0), ("replanned", 1234.0))
        ],
        "measures": [
            {"policy": "kept", "measure": "fill_rate", "mean": 0.8, "low": 0.7, "high": 0.9}
        ],
        "figures": [{"measure": "profit", "verdict": "better"}],
    }
    keep_comparison(company, {"risk": [world]}, actor="test")
    text = page(tower, "/sop")
    assert row(text, "fair, planned for it")[:2] == ["$1,234", "$1,184 to $1,284"]
    assert row(text, "fair, planned for it")[-1] == "better"
    assert row(text, "fair, plan kept")[4:6] == ["80.0 %", "70.0 % to 90.0 %"]
    assert "Plan<span" not in page(tower, "/sop", role="viewer"), "who only reads starts nothing"


def test_the_cycle_shows_its_step_what_was_decided_and_who_closed_it(tower: Any) -> None:
    text = page(tower, "/sop?tab=cycle&step=product")
    assert "Product review: What is launched, kept and ended, and where?" in text
    body = {"topic": "LAMP-01", "outcome": "keep <it>", "why": "it pays", "who": "Ada"}
    assert tower.ask("POST", "/sop/steps/product/decisions", json=body).status_code == 200
    assert tower.ask("POST", "/sop/steps/product/closing", json={"who": "Ada"}).status_code == 200
    text = page(tower, "/sop?tab=cycle&step=product")
    assert "keep &lt;it&gt;" in text
    assert "Ada: it pays" in text
    assert "closed by Ada" in text
    assert "1 of 5 steps are closed" in text
    assert "Demand review:" in page(tower, "/sop?tab=cycle"), "the first open step is shown"
    assert "Record</button>" not in page(tower, "/sop?tab=cycle", role="viewer")


def test_months_add_up_to_the_plan_and_what_is_left_follows_from_what_comes_in(
    tower: Any,
) -> None:
    text = page(tower, "/sop?tab=months")
    names = ("Wanted", "Served", "Not served", "Comes in", "Left at the end")
    wanted, served, missing, came, left = (
        [int(cell.replace(",", "")) for cell in row(text, name)] for name in names
    )
    for month in range(len(wanted)):
        assert abs(wanted[month] - served[month] - missing[month]) <= 1
        if month:
            assert abs(left[month - 1] + came[month] - served[month] - left[month]) <= 2
    first = int(row(page(tower, "/sop"), "Units wanted")[0].replace(",", ""))
    assert abs(sum(wanted) - first) <= len(wanted)


def test_the_three_flows_stand_on_one_page_and_the_gap_has_its_options(tower: Any) -> None:
    text = page(tower, "/sop?tab=flows")
    assert "Three flows of the plan" in text
    for stage in ("Suppliers", "Own stock", "Customers"):
        assert stage in text
    gap = page(tower, "/sop?tab=gap")
    assert "no budget was imported" in gap
    budget = b"month,units,revenue,margin\n2026-12-01,100,2000,300\n"
    job = tower.wait(
        tower.ask("POST", "/imports", files=[("files", ("budget.csv", budget, "text/csv"))])
    )
    assert job["state"] == "done", job
    told = row(page(tower, "/sop?tab=gap"), "December 2026")
    assert (told[0], told[4], told[8]) == ("100", "$2,000", "$300")
    units, planned = (int(told[n].replace(",", "").replace("−", "-")) for n in (3, 1))
    assert units == planned - 100


def test_news_of_facts_stand_on_home_until_a_plan_is_accepted(tower: Any) -> None:
    company = tower.app.state.context.companies.company(OWN)
    plan = company.plan_named(None)
    body = {
        "base": plan.plan,
        "causes": ["2 items at <WH1>"],
        "touched": 2,
        "money": {"margin": -120.0, "revenue": 0.0, "cash_flow": 50.0, "working_capital": 0.0},
        "units": -3.0,
        "service": -0.1,
        "decisions": 4,
        "breaks_first": ["Nothing breaks."],
        "legal": True,
    }
    assert "New facts since" not in page(tower, "/")
    watching.tell(company, plan, body, actor="test")
    text = page(tower, "/")
    assert "2 items at &lt;WH1&gt;" in text
    assert "−$120" in text
    assert "4 decisions would change, cash +$50" in text
    accepted = tower.ask("POST", f"/plans/{plan.plan}/acceptance", json={})
    assert accepted.status_code == 200, accepted.text
    assert "New facts since" not in page(tower, "/")
