"""Intervals and tests. Questions of one cluster stand or fall together, so whole clusters are resampled or flipped.

Everything random has a fixed seed: the same scores give the same digits. The Wilson interval and the bootstrap are
written out here, and tested against statsmodels and scipy, because importing those takes a second and a run of a
small suite is to cost no more than its questions; comparisons, where nobody waits for a system, use the libraries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054  # standard normal quantile at 0.975
Z80 = 0.8416212335729143  # at 0.80: the power for which the detectable difference is stated
SEED = 20260301
RESAMPLES = 2000
PERMUTATIONS = 9999


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def wilson(successes: float, n: float) -> Interval | None:
    """Wilson score interval at 95 % for a rate; None for n = 0. Source: Wilson 1927.

    (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Unlike the normal interval it is right for few questions
    and does not shrink to nothing at 0 or 1. Both may be fractions: an effective number of questions.
    """
    if n <= 0:
        return None
    rate = successes / n
    centre = rate + Z95**2 / (2 * n)
    spread = Z95 * math.sqrt(max(0.0, rate * (1 - rate)) / n + Z95**2 / (4 * n**2))
    scale = 1 + Z95**2 / n
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def clusters_of(names: Sequence[Hashable | None]) -> NDArray[np.intp]:
    """A cluster number for each question, counted in order of first sight; a question without a name is its own."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [
            numbers.setdefault(("", index) if name is None else ("named", name), len(numbers))
            for index, name in enumerate(names)
        ],
        dtype=np.intp,
    )


def standard_error(values: Sequence[float], clusters: NDArray[np.intp]) -> float | None:
    """Standard error of the mean, clustered: sqrt(C/(C-1) · Σ_c (Σ_{i in c} (x_i - mean))²) / n; None for C < 2.

    With one question a cluster this is the usual one. Source: Miller 2024 (arXiv 2411.00640), appendix A.
    """
    x = np.asarray(values, dtype=float)
    sums = np.bincount(clusters, weights=x - x.mean()) if len(x) else np.empty(0)
    if len(sums) < 2:
        return None
    return float(math.sqrt(len(sums) / (len(sums) - 1) * float(np.sum(sums**2))) / len(x))


def rate_interval(values: Sequence[float], clusters: NDArray[np.intp]) -> Interval | None:
    """Wilson interval of a rate with the number of questions that clustering leaves: n / design effect.

    Design effect = clustered variance / p(1-p)/n, at least 1; where p is 0 or 1, questions / clusters. With one
    question a cluster it is the plain Wilson interval of the counts. Source: Korn and Graubard 1998.
    """
    n = len(values)
    if not n:
        return None
    rate, count = float(np.mean(values)), int(clusters.max()) + 1
    effective = float(n)
    if count < n:
        error = standard_error(values, clusters)
        plain = rate * (1 - rate) / n
        effective = n / max(1.0, error**2 / plain) if error is not None and plain > 0 else float(count)
    return wilson(rate * effective, effective)


def mean_interval(values: Sequence[float], clusters: NDArray[np.intp]) -> Interval | None:
    """Percentile bootstrap interval of the mean at 95 %, whole clusters resampled; None below two clusters."""
    return ratio_interval(values, [1.0] * len(values), clusters)


def ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float], clusters: NDArray[np.intp]
) -> Interval | None:
    """As `mean_interval`, for Σ numerators / Σ denominators; resamples with a denominator of 0 are left out."""
    if not len(numerators) or int(clusters.max()) < 1:
        return None
    tops = np.bincount(clusters, weights=np.asarray(numerators, dtype=float))
    bottoms = np.bincount(clusters, weights=np.asarray(denominators, dtype=float))
    random = np.random.default_rng(SEED)
    drawn: list[NDArray[Any]] = []
    step = max(1, 2_000_000 // len(tops))
    for start in range(0, RESAMPLES, step):
        chosen = random.integers(0, len(tops), size=(min(step, RESAMPLES - start), len(tops)))
        below = bottoms[chosen].sum(axis=1)
        drawn.append(tops[chosen].sum(axis=1)[below > 0] / below[below > 0])
    return _percentiles(np.concatenate(drawn))


def curve_interval(
    statistic: Callable[[NDArray[np.intp]], float | None], clusters: NDArray[np.intp], resamples: int = 300
) -> Interval | None:
    """Cluster bootstrap of any statistic of rows (given by their indexes, repeats included); None below 2 clusters."""
    if not len(clusters) or int(clusters.max()) < 1:
        return None
    members = [np.flatnonzero(clusters == cluster) for cluster in range(int(clusters.max()) + 1)]
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(resamples):
        chosen = random.integers(0, len(members), size=len(members))
        value = statistic(np.concatenate([members[cluster] for cluster in chosen]))
        if value is not None:
            drawn.append(value)
    return _percentiles(np.array(drawn)) if drawn else None


def _percentiles(drawn: NDArray[Any]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(low), float(high))


def sign_flip(differences: Sequence[float], clusters: NDArray[np.intp]) -> float:
    """Two-sided p of "the differences are as likely positive as negative", the signs of whole clusters flipped.

    All sign patterns are counted where there are few clusters, else 9,999 random ones with the +1 correction
    (scipy's `permutation_test`); 1 where no cluster differs.
    """
    from scipy.stats import permutation_test

    sums = (
        np.bincount(clusters, weights=np.asarray(differences, dtype=float))
        if len(differences)
        else np.empty(0)
    )
    sums = sums[np.abs(sums) > 1e-12]  # a cluster without a difference is the same under either sign
    if not len(sums):
        return 1.0
    if len(sums) == 1:
        return 1.0  # one cluster: both sign patterns are equally extreme
    found = permutation_test(
        (sums,),
        lambda x, axis: np.sum(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=max(1, 2_000_000 // len(sums)),
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)


def mcnemar(first: Sequence[float], second: Sequence[float]) -> tuple[float, int, int]:
    """(exact two-sided p, questions only the first got, questions only the second got). Source: McNemar 1947.

    At least six questions, all one way, are needed for p < .05.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact

    lost = sum(a > b for a, b in zip(first, second, strict=True))
    won = sum(b > a for a, b in zip(first, second, strict=True))
    if not lost + won:
        return 1.0, 0, 0
    return float(exact([[0, lost], [won, 0]], exact=True).pvalue), lost, won


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: the chance of any false alarm among them stays below alpha."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []


def detectable(differences: Sequence[float], clusters: NDArray[np.intp]) -> float | None:
    """The least true difference that a test at 5 % finds in 80 % of runs: (z_.975 + z_.80) · clustered SE.

    None where no question differs or there are fewer than two clusters: nothing then tells how much they vary.
    """
    error = standard_error(differences, clusters)
    return None if not error else (Z95 + Z80) * error
