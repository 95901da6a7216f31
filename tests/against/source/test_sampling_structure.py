"""The master tables of sampling, built a second time from the rules they were made by.

The tables were written down from memory; here every cell is derived without them: sample sizes
from preferred numbers, the place of a plan from the product of sample and limit, the number
accepted from the producer's risk (Hald 1981, *Statistical Theory of Sampling Inspection by
Attributes*, §§2-3). What this proves is that no number is slipped or mistyped. What it cannot
prove is that the standard prints the same: only its text can.
"""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import gamma, poisson

#: Five steps a decade, as ISO 3 rounds them.
SAMPLES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
LETTERS = "ABCDEFGHJKLMNPQRS"
LIMITS = (
    0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5,
)  # fmt: skip
#: Numbers accepted beyond 0, by severity, ascending along a row.
ACCEPTED = {
    "normal": (1, 2, 3, 5, 7, 10, 14, 21),
    "tightened": (1, 2, 3, 5, 8, 12, 18),
    "reduced": (1, 2, 3, 5, 6, 8, 10),
}
#: Steps from letter A and the least limit to the plan that accepts nothing.
FIRST = {"normal": 14, "tightened": 15, "reduced": 14}


def _table() -> dict[tuple[str, str, float], dict[str, str]]:
    path = files("fivefold.source") / "standards" / "single_sampling.csv"
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return {(row["severity"], row["code_letter"], float(row["aql_percent"])): row for row in rows}


def _derived(severity: str, letter: int, limit: int) -> str:
    """Return what stands at a letter and a limit: a number, or where to go."""
    if severity == "tightened" and LETTERS[letter] == "S":
        # One plan, for the arrow of letter R at 0.025.
        return "1" if LIMITS[limit] == 0.025 else "up"
    step = letter + limit - FIRST[severity]
    if step < 0:
        return "down"
    if step == 0:
        return "0"
    if step <= 2:
        # Between the plans that accept nothing and one: back where that is nearer, else on;
        # tightened inspection goes on, but for its last letter.
        is_last = LETTERS[letter] == "R"
        back = step == 1 and (severity != "tightened" or is_last)
        return "up" if back or (is_last and severity != "tightened") else "down"
    place, accepted = step - 3, ACCEPTED[severity]
    return str(accepted[place]) if place < len(accepted) else "up"


@pytest.mark.parametrize("severity", ["normal", "tightened", "reduced"])
def test_every_cell_stands_where_sample_times_limit_puts_it(severity: str) -> None:
    table = _table()
    letters = LETTERS if severity == "tightened" else LETTERS[:-1]
    assert sum(key[0] == severity for key in table) == len(letters) * len(LIMITS)
    for letter, name in enumerate(letters):
        for limit, percent in enumerate(LIMITS):
            row = table[severity, name, percent]
            found = row["accept_number"] or row["arrow"]
            assert found == _derived(severity, letter, limit), (severity, name, percent)


def test_samples_are_preferred_numbers_and_reduced_ones_two_steps_smaller() -> None:
    for one, other in pairwise(SAMPLES[3:]):
        assert other / one == pytest.approx(10**0.2, rel=0.03)
    for (severity, letter, _), row in _table().items():
        place = LETTERS.index(letter) - (2 if severity == "reduced" else 0)
        assert int(row["sample_size"]) == SAMPLES[max(0, place)]


def test_normal_plans_accept_the_least_number_that_keeps_the_producers_risk() -> None:
    # Defects expected at the limit are alike along a diagonal; their mean decides its number.
    expected: dict[int, list[float]] = {}
    for (severity, _, percent), row in _table().items():
        if severity == "normal" and row["accept_number"]:
            known = int(row["accept_number"])
            expected.setdefault(known, []).append(int(row["sample_size"]) * percent / 100)
    assert set(expected) == {0, *ACCEPTED["normal"]}
    for number, defects in expected.items():
        assert max(defects) / min(defects) < 1.2
        mean = float(np.exp(np.log(defects).mean()))
        chosen = next(one for one in (0, *ACCEPTED["normal"]) if poisson.cdf(one, mean) > 0.905)
        if number:
            assert chosen == number
        else:
            # Nothing accepts less than 0: there the risk is what the diagonal makes it.
            assert 0.87 < poisson.cdf(0, mean) < 0.89


def test_tightened_plans_refuse_more_and_reduced_plans_less_of_a_lot_at_the_limit() -> None:
    table = _table()
    for (severity, letter, percent), row in table.items():
        if severity != "normal" or not row["accept_number"]:
            continue
        normal = poisson.cdf(int(row["accept_number"]), int(row["sample_size"]) * percent / 100)
        for other, sign in (("tightened", -1), ("reduced", 1)):
            its = table[other, letter, percent]
            if its["accept_number"]:
                defects = int(its["sample_size"]) * percent / 100
                there = poisson.cdf(int(its["accept_number"]), defects)
                assert sign * (there - normal) > -1e-9, (other, letter, percent)


def test_a_larger_lot_is_judged_more_surely() -> None:
    # Along a limit the curve falls more steeply with each plan: quality at 10 % acceptance.
    table = _table()
    for percent in LIMITS:
        bad = [
            _quality(int(row["sample_size"]), int(row["accept_number"]))
            for letter in LETTERS[:-1]
            if (row := table["normal", letter, percent])["accept_number"]
        ]
        assert all(other < one for one, other in pairwise(bad))


def _quality(sample: int, accepted: int) -> float:
    """Return the share of defects of a lot that is accepted one time in ten."""
    return float(gamma.ppf(0.9, accepted + 1)) / sample
