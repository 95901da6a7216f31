from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fivefold.maths import distributions as d

CASES = [(3, 3), (3, 9), (40, 200), (0.2, 0.5), (100, 400), (1000, 90000), (4, 1)]


def _peer(mean: float, variance: float) -> stats.rv_frozen:
    if mean > d.WHOLE_UNITS_UP_TO or variance < mean:
        return stats.gamma(mean**2 / variance, scale=variance / mean)
    if variance == mean:
        return stats.poisson(mean)
    return stats.nbinom(mean**2 / (variance - mean), mean / variance)


@pytest.mark.parametrize(("mean", "variance"), CASES)
def test_share_quantile_and_loss_agree_with_the_distribution_of_scipy(
    mean: float, variance: float
) -> None:
    peer = _peer(mean, variance)
    levels = np.array([0.05, 0.5, 0.9, 0.999])
    assert d.demand_quantile(levels, mean=mean, variance=variance) == pytest.approx(
        peer.ppf(levels)
    )
    for x in (0.0, 1.0, 3.0, 0.5, mean):
        assert d.demand_cdf(x, mean=mean, variance=variance) == pytest.approx(peer.cdf(x))
        if hasattr(peer.dist, "pmf"):
            units = np.arange(4000)
            short = (np.maximum(units - x, 0) * peer.pmf(units)).sum()
        else:
            short = peer.expect(lambda u, x=x: u - x, lb=x)
        assert d.demand_loss(x, mean=mean, variance=variance) == pytest.approx(short, rel=1e-5)


def test_demand_without_variance_is_certain() -> None:
    assert float(d.demand_quantile(0.3, mean=7.0, variance=0.0)) == 7.0
    assert float(d.demand_loss(5.0, mean=7.0, variance=0.0)) == 2.0
    assert float(d.demand_loss(0.0, mean=0.0, variance=0.0)) == 0.0


def test_below_zero_every_unit_short_is_counted() -> None:
    assert float(d.demand_loss(-2.0, mean=3.0, variance=5.0)) == pytest.approx(5.0)


def test_moments_come_back_from_the_quantiles_of_a_skewed_demand() -> None:
    levels = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
    demand = stats.gamma(2.0, scale=10.0)
    mean, sd = d.moments_of_quantiles(levels, demand.ppf(levels))
    assert mean == pytest.approx(20.0, rel=0.03)
    assert sd == pytest.approx(demand.std(), rel=0.05)


def test_quantile_levels_that_do_not_ascend_are_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="ascend"):
        d.moments_of_quantiles([0.5, 0.5], [1.0, 2.0])
