"""Estimates drawn to their family and families drawn to all, as far as their errors ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: Grid on which the two spreads are searched, in units of the estimates.
_GRID = np.concatenate([[1e-3], np.geomspace(0.02, 4.0, 30)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """Estimates after shrinkage.

    Parameters
    ----------
    mean, sd : ndarray, shape (n_items,)
        Posterior mean and standard deviation.
    own_share : ndarray, shape (n_items,)
        Weight of an item's own estimate against its family's mean.
    family_mean, family_sd : ndarray, shape (n_families,)
    all_mean, all_sd : float
    spread_within, spread_between : float
        Standard deviation of items around their family, of families around all.
    """

    mean: FloatArray
    sd: FloatArray
    own_share: FloatArray
    family_mean: FloatArray
    family_sd: FloatArray
    all_mean: float
    all_sd: float
    spread_within: float
    spread_between: float


def shrink(
    estimates: FloatArray,
    errors: FloatArray,
    families: IntArray,
    *,
    prior_mean: float,
    prior_sd: float,
) -> Shrunk:
    """Return estimates shrunk to their family, and families to the mean of all.

    Parameters
    ----------
    estimates, errors : ndarray, shape (n_items,)
        Estimate of each item and its standard error; an infinite error says there is none.
    families : ndarray of int, shape (n_items,)
        Number of each item's family, from 0 without gaps.
    prior_mean, prior_sd : float
        What is believed of the mean of all before any data.

    Returns
    -------
    Shrunk
        b_i | m_f ~ N(m_f, within^2), m_f | m ~ N(m, between^2), m ~ N(prior). The two spreads
        maximise the likelihood with m integrated out.

    Raises
    ------
    ValueError
        If shapes differ or an error is not above zero.

    References
    ----------
    .. [1] Gelman et al. (2013), *Bayesian Data Analysis*, 3rd ed., section 5.4, eq. 5.17-5.21
       for one level; the second level is the same step on family means.

    Examples
    --------
    >>> import numpy as np
    >>> got = shrink(np.array([-1.0, -3.0, 0.0]), np.array([0.2, 0.2, np.inf]),
    ...              np.array([0, 0, 0]), prior_mean=-2.0, prior_sd=2.0)
    >>> bool(got.sd[2] > got.sd[0]), round(float(got.own_share[2]), 3)
    (True, 0.0)
    """
    if not estimates.shape == errors.shape == families.shape:
        raise ValueError("estimates, errors and families must have one entry an item")
    if (errors <= 0).any():
        raise ValueError("errors must be above 0; infinite where there is no estimate")
    known = np.isfinite(errors)
    count = int(families.max(initial=-1)) + 1
    value = np.where(known, estimates, 0.0)
    variance = np.where(known, errors, 1.0) ** 2
    best = max(
        ((within, between) for within in _GRID for between in _GRID),
        key=lambda pair: _likelihood(
            value, variance, known, families, count, pair, (prior_mean, prior_sd)
        ),
    )
    within, between = best
    precision = np.where(known, 1.0 / (variance + within**2), 0.0)
    weight, total = _by_family(precision, value, families, count)
    of_family = _family_precision(weight, between)
    all_precision = of_family.sum() + 1.0 / prior_sd**2
    centre = np.divide(total, weight, out=np.zeros(count), where=weight > 0)
    all_mean = ((of_family * centre).sum() + prior_mean / prior_sd**2) / all_precision
    all_variance = 1.0 / all_precision
    family_precision = weight + 1.0 / between**2
    family_mean = (total + all_mean / between**2) / family_precision
    pull = (1.0 / between**2) / family_precision
    family_variance = 1.0 / family_precision + pull**2 * all_variance
    own = np.where(known, within**2 / (within**2 + variance), 0.0)
    mean = own * value + (1.0 - own) * family_mean[families]
    spread = np.where(known, own * variance, within**2)
    return Shrunk(
        mean=mean,
        sd=np.sqrt(spread + (1.0 - own) ** 2 * family_variance[families]),
        own_share=own,
        family_mean=family_mean,
        family_sd=np.sqrt(family_variance),
        all_mean=float(all_mean),
        all_sd=float(np.sqrt(all_variance)),
        spread_within=float(within),
        spread_between=float(between),
    )


def _by_family(
    precision: FloatArray, value: FloatArray, families: IntArray, count: int
) -> tuple[FloatArray, FloatArray]:
    return (
        np.bincount(families, precision, count).astype(np.float64),
        np.bincount(families, precision * value, count).astype(np.float64),
    )


def _family_precision(weight: FloatArray, between: float) -> FloatArray:
    """Return the precision with which each family speaks of the mean of all."""
    return np.divide(1.0, between**2 + 1.0 / np.where(weight > 0, weight, 1.0)) * (weight > 0)


def _likelihood(
    value: FloatArray,
    variance: FloatArray,
    known: NDArray[np.bool_],
    families: IntArray,
    count: int,
    spreads: tuple[float, float],
    prior: tuple[float, float],
) -> float:
    """Return the logarithm of the likelihood of two spreads, all means integrated out."""
    within, between = spreads
    precision = np.where(known, 1.0 / (variance + within**2), 0.0)
    weight, total = _by_family(precision, value, families, count)
    square = np.bincount(families, precision * value**2, count)
    seen = weight > 0
    centre = np.divide(total, weight, out=np.zeros(count), where=seen)
    # Within families: residuals around each family's own centre.
    answer = 0.5 * np.log(precision[known]).sum() - 0.5 * float((square - weight * centre**2).sum())
    answer -= 0.5 * np.log(weight[seen]).sum()
    # Between families: centres around the mean of all, which itself has a prior.
    spoken = _family_precision(weight, between)[seen]
    prior_precision = 1.0 / prior[1] ** 2
    top = spoken.sum() + prior_precision
    middle = ((spoken * centre[seen]).sum() + prior[0] * prior_precision) / top
    answer += 0.5 * np.log(spoken).sum() - 0.5 * np.log(top)
    answer -= 0.5 * float((spoken * (centre[seen] - middle) ** 2).sum())
    answer -= 0.5 * (prior[0] - middle) ** 2 * prior_precision
    return float(answer)
