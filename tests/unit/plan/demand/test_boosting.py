"""The global model: it learns across series, sees no future and costs nothing where it is small."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.demand import boosting, combination
from fivefold.plan.demand.panel import forecast_panel

HORIZON, SEASON = 7, 7
LEVELS = np.array([0.05, 0.5, 0.95])


def _weekly_shape(count: int = 40, days: int = 200, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Series of different size, all with the same jagged week."""
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 0.4, 1.6, 0.7, 1.3, 2.0, 0.2])
    size = rng.uniform(5, 500, count)[:, None]
    noise = rng.normal(1.0, 0.1, (count, days))
    rows = np.maximum(size * week[np.arange(days) % 7] * noise, 0.0)
    return rows.ravel(), np.arange(count + 1) * days


def _fitted(values: np.ndarray, starts: np.ndarray) -> tuple[boosting.Booster, np.ndarray]:
    cuts = combination.origins(np.diff(starts), horizon=HORIZON, count=3, stride=7, least=20)
    fitted = boosting.fit(
        values, starts, cuts, season=SEASON, horizon=HORIZON, loss="squared", drivers=None
    )
    assert fitted is not None
    return fitted, cuts


def test_trees_learn_the_week_that_all_series_share() -> None:
    values, starts = _weekly_shape()
    fitted, cuts = _fitted(values, starts)
    actual = combination.held_out(values, starts, cuts, HORIZON)
    said = fitted.predict(values, starts, cuts, None)[:, 1:]
    assert np.abs(said - actual).sum() / actual.sum() < 0.15


def test_a_forecast_from_a_past_origin_does_not_change_with_what_came_later() -> None:
    values, starts = _weekly_shape()
    fitted, cuts = _fitted(values, starts)
    changed = values.copy()
    for i in range(len(starts) - 1):
        changed[starts[i] + cuts[i].min() : starts[i + 1]] *= 9.0
    again, _ = _fitted(changed, starts)
    before = fitted.predict(values, starts, cuts, None)[:, -1]
    after = again.predict(changed, starts, cuts, None)[:, -1]
    np.testing.assert_allclose(before, after, rtol=1e-9)


def test_the_number_of_threads_changes_nothing() -> None:
    values, starts = _weekly_shape(20, 120)
    cuts = combination.origins(np.diff(starts), horizon=HORIZON, count=2, stride=7, least=20)
    said = []
    for threads in (1, 2):
        fitted = boosting.fit(
            values,
            starts,
            cuts,
            season=SEASON,
            horizon=HORIZON,
            loss="absolute",
            drivers=None,
            threads=threads,
        )
        assert fitted is not None
        said.append(fitted.predict(values, starts, cuts, None))
    np.testing.assert_array_equal(*said)


@pytest.mark.parametrize(
    ("boosting_wanted", "lengths", "expected"),
    [
        ("auto", [400] * 200, True),
        ("auto", [110] * 200, False),
        ("auto", [30] * 4000, False),
        ("always", [20, 20], True),
        ("never", [400] * 200, False),
    ],
)
def test_trees_are_tried_where_the_panel_is_large_and_long(
    boosting_wanted: boosting.Boosting, lengths: list[int], expected: bool
) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    assert boosting.worthwhile(starts, boosting_wanted) is expected


def test_the_combination_takes_the_trees_where_asked_and_never_where_not() -> None:
    values, starts = _weekly_shape(20, 120)
    common = {"season": SEASON, "horizon": HORIZON, "levels": LEVELS, "loss": "squared"}
    with_trees = forecast_panel(values, starts, boosting="always", **common)
    without = forecast_panel(values, starts, boosting="never", **common)
    assert "boosted" in with_trees.methods
    assert "boosted" not in without.methods
