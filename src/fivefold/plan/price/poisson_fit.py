"""Many penalised Poisson regressions at once, with standard errors robust to spread and runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_STEPS = 40
#: Largest step of a coefficient in one iteration; keeps exp() where it can be computed.
_LONGEST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Coefficients of each series and what is known of their error.

    Parameters
    ----------
    coefficients : ndarray, shape (n_series, n_columns)
    covariance : ndarray, shape (n_series, n_columns, n_columns)
        The larger, coefficient by coefficient, of the robust and the quasi-Poisson variance.
    dispersion : ndarray, shape (n_series,)
        Pearson chi-square a degree of freedom; 1 is Poisson.
    fitted : ndarray, shape (n_series, n_periods)
        Expected units.
    """

    coefficients: FloatArray
    covariance: FloatArray
    dispersion: FloatArray
    fitted: FloatArray


def fit_poisson(
    units: FloatArray,
    columns: FloatArray,
    *,
    counts: FloatArray,
    precision: FloatArray,
    offset: FloatArray | None = None,
    lags: int = 8,
) -> Fit:
    """Return the Poisson regression of every series on its own columns.

    Parameters
    ----------
    units : ndarray, shape (n_series, n_periods)
        Units wanted; zeros are as good as any other count. [y]
    columns : ndarray, shape (n_series, n_periods, n_columns)
        What demand is explained by, the constant included. [x]
    counts : ndarray, shape (n_series, n_periods)
        1 where a period counts, 0 where it does not.
    precision : ndarray, shape (n_columns,)
        One over the variance of the prior of each coefficient around zero; 0 is none.
    offset : ndarray, shape (n_series, n_periods), optional
        Known part of the logarithm of demand.
    lags : int
        Periods over which errors may run on, with Bartlett weights.

    Returns
    -------
    Fit

    Notes
    -----
    Pseudo-maximum likelihood: consistent for E[y|x] = exp(x b) whatever the spread of y, and
    without the bias of taking logarithms of small counts [1]_. Standard errors are those of
    Newey and West [2]_ times n / (n - k), or those of the quasi-Poisson model where larger.

    References
    ----------
    .. [1] Santos Silva, Tenreyro (2006), The log of gravity, Review of Economics and
       Statistics 88(4), eq. 9.
    .. [2] Newey, West (1987), Econometrica 55(3), 703-708.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-0.2, 0.2, 40)
    >>> columns = np.stack([np.ones(40), x], axis=1)[None]
    >>> fit = fit_poisson(100 * np.exp(-2 * x)[None], columns, counts=np.ones((1, 40)),
    ...                   precision=np.zeros(2))
    >>> fit.coefficients.round(3)
    array([[ 4.605, -2.   ]])
    """
    n, periods, k = columns.shape
    known = np.zeros((n, periods)) if offset is None else offset
    beta = np.zeros((n, k))
    used = counts.sum(axis=1)
    mean = (units * counts).sum(axis=1) / np.maximum(1.0, (np.exp(known) * counts).sum(axis=1))
    beta[:, 0] = np.log(np.maximum(mean, 1e-3))
    # A trace of ridge keeps columns that never move from making the system singular.
    ridge = np.diag(precision + 1e-8)
    fitted = np.zeros((n, periods))
    bread = np.zeros((n, k, k))
    for _ in range(_STEPS):
        fitted = np.exp(np.clip(np.einsum("ntk,nk->nt", columns, beta) + known, -30, 30))
        weight = fitted * counts
        bread = np.einsum("ntk,nt,ntl->nkl", columns, weight, columns, optimize=True) + ridge
        score = np.einsum("ntk,nt->nk", columns, (units - fitted) * counts) - beta * np.diag(ridge)
        step = np.linalg.solve(bread, score[..., None])[..., 0]
        beta = beta + np.clip(step, -_LONGEST, _LONGEST)
        if float(np.abs(step).max(initial=0.0)) < 1e-8:
            break
    fitted = np.exp(np.clip(np.einsum("ntk,nk->nt", columns, beta) + known, -30, 30))
    freedom = np.maximum(1.0, used - k)
    pearson = ((units - fitted) ** 2 / np.maximum(fitted, 1e-9) * counts).sum(axis=1)
    dispersion = np.maximum(1.0, pearson / freedom)
    inverse = np.linalg.inv(bread)
    meat = _running(columns * ((units - fitted) * counts)[..., None], lags)
    robust = inverse @ meat @ inverse * (used / freedom)[:, None, None]
    model = inverse * dispersion[:, None, None]
    return Fit(
        coefficients=beta,
        covariance=_larger(robust, model),
        dispersion=dispersion,
        fitted=fitted,
    )


def _running(scores: FloatArray, lags: int) -> FloatArray:
    """Return the long-run covariance of scores, summed over periods, Bartlett weights."""
    total = np.einsum("ntk,ntl->nkl", scores, scores)
    for lag in range(1, min(lags, scores.shape[1] - 1) + 1):
        part = np.einsum("ntk,ntl->nkl", scores[:, lag:], scores[:, :-lag])
        total = total + (1.0 - lag / (lags + 1.0)) * (part + part.transpose(0, 2, 1))
    return np.asarray(total, dtype=np.float64)


def _larger(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the first covariance, widened where the second has the larger variance."""
    one = np.einsum("nkk->nk", first)
    two = np.einsum("nkk->nk", second)
    heard = one > 1e-12
    ratio = np.divide(two, one, out=np.ones_like(one), where=heard)
    scale = np.sqrt(np.maximum(1.0, ratio))
    widened = first * scale[:, :, None] * scale[:, None, :]
    # A column that never moves has no robust variance at all; the model's stands in.
    diagonal = np.arange(first.shape[1])
    widened[:, diagonal, diagonal] = np.where(heard, widened[:, diagonal, diagonal], two)
    return np.asarray(widened, dtype=np.float64)
