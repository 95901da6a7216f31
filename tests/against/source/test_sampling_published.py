"""Acceptance sampling against rows and curve points of the published tables."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from fivefold.source.sampling import next_severity, sampling_plan, switching_points

#: Lot, AQL, letter, sample, Ac: rows often printed of table 2-A, general level II.
NORMAL = [
    (1000, 1.0, "J", 80, 2),
    (1000, 2.5, "J", 80, 5),
    (500, 4.0, "H", 50, 5),
    (3000, 0.65, "K", 125, 2),
    (8000, 1.5, "L", 200, 7),
    (20000, 2.5, "M", 315, 14),
    (90, 6.5, "E", 13, 2),
    (20, 2.5, "C", 5, 0),
    (40000, 0.10, "N", 500, 1),
]


@pytest.mark.parametrize(("lot", "aql", "letter", "size", "accept"), NORMAL)
def test_normal_inspection_draws_what_the_table_says(
    lot: int, aql: float, letter: str, size: int, accept: int
) -> None:
    plan = sampling_plan(lot_size=lot, aql_percent=aql)
    assert (plan.letter, plan.sample_size, plan.accept_number) == (letter, size, accept)
    assert plan.reject_number == accept + 1


def test_tightened_inspection_asks_for_less_and_reduced_draws_less() -> None:
    tight = sampling_plan(lot_size=1000, aql_percent=1.0, severity="tightened")
    assert (tight.sample_size, tight.accept_number) == (80, 1)
    loose = sampling_plan(lot_size=1000, aql_percent=1.0, severity="reduced")
    assert loose.sample_size == 32


def test_an_arrow_leads_to_the_plan_it_points_at() -> None:
    # Letter C at AQL 1.0 lies above the first plan of its column: E, 13, Ac 0.
    down = sampling_plan(lot_size=20, aql_percent=1.0)
    assert (down.letter, down.sample_size, down.accept_number) == ("E", 13, 0)
    # Letter F at AQL 1.0 points up to it.
    up = sampling_plan(lot_size=150, aql_percent=1.0)
    assert (up.letter, up.sample_size, up.accept_number) == ("E", 13, 0)


def test_a_sample_as_large_as_the_lot_is_the_lot() -> None:
    plan = sampling_plan(lot_size=10, aql_percent=0.65)
    assert (plan.sample_size, plan.is_complete) == (10, True)


@pytest.mark.parametrize(
    ("lot", "aql", "quality", "accepted"),
    # Tabulated quality of submitted lots (percent) at 95 % and 10 % acceptance, table 10-J.
    [(1000, 1.0, 1.03, 0.95), (1000, 1.0, 6.52, 0.10), (1000, 0.65, 0.446, 0.95)],
)
def test_the_operating_characteristic_passes_through_tabulated_points(
    lot: int, aql: float, quality: float, accepted: float
) -> None:
    plan = sampling_plan(lot_size=lot, aql_percent=aql)
    assert plan.acceptance_probability(quality / 100) == pytest.approx(accepted, abs=0.004)


@pytest.mark.parametrize("severity", ["normal", "tightened", "reduced"])
def test_the_curve_is_the_binomial_one(severity: str) -> None:
    for lot in (30, 400, 5000, 60000):
        plan = sampling_plan(lot_size=lot, aql_percent=1.5, severity=severity)  # type: ignore[arg-type]
        for share in (0.001, 0.015, 0.05, 0.2):
            expected = binom.cdf(plan.accept_number, plan.sample_size, share)
            assert plan.acceptance_probability(share) == pytest.approx(expected, rel=1e-9)


def test_tightened_inspection_is_never_kinder_to_the_supplier() -> None:
    for lot in (30, 200, 1000, 5000, 60000):
        for aql in (0.25, 0.65, 1.0, 2.5, 6.5):
            normal = sampling_plan(lot_size=lot, aql_percent=aql)
            tight = sampling_plan(lot_size=lot, aql_percent=aql, severity="tightened")
            loose = sampling_plan(lot_size=lot, aql_percent=aql, severity="reduced")
            for share in (aql / 100, 3 * aql / 100):
                there = normal.acceptance_probability(share)
                assert tight.acceptance_probability(share) <= there + 1e-12
                assert loose.sample_size <= normal.sample_size


def test_two_of_five_tighten_five_good_relax_and_five_bad_stop() -> None:
    good, bad = ("accepted", 3), ("rejected", 0)
    assert next_severity([bad, good, good, good, good, bad]) == "normal"
    assert next_severity([bad, good, good, good, bad]) == "tightened"
    assert next_severity([bad, bad, *[good] * 4]) == "tightened"
    assert next_severity([bad, bad, *[good] * 5]) == "normal"
    assert next_severity([bad, bad, *[bad] * 5]) == "discontinued"
    assert next_severity([good] * 10) == "reduced"
    assert next_severity([*[good] * 10, bad]) == "normal"
    assert next_severity([("accepted", 2)] * 14) == "normal"
    assert next_severity([("accepted", 2)] * 15) == "reduced"


def test_a_lot_scores_when_it_would_pass_one_step_tighter() -> None:
    plan = sampling_plan(lot_size=1000, aql_percent=1.0)
    scores = [
        switching_points(plan, lot_size=1000, level="II", defects=found) for found in range(4)
    ]
    # One step tighter, AQL 0.65 at letter J, accepts 1.
    assert scores == [3, 3, 0, 0]
