import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from evals.statistics import (
    clusters_of,
    curve_interval,
    detectable,
    holm,
    mcnemar,
    mean_interval,
    rate_interval,
    sign_flip,
    standard_error,
    wilson,
)


def singles(n):
    return clusters_of([None] * n)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (17, 20), (850, 1000), (3, 3), (1, 7)])
def test_wilson_is_that_of_statsmodels_and_scipy(successes, n):
    found = wilson(successes, n)
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(successes, n, method="wilson"), abs=1e-12
    )
    oracle = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_wilson_by_hand():
    # 5 of 10: centre 1/2; z² = 3.8415; half width z·sqrt(0.025 + z²/400) / (1 + z²/10)
    z2 = 1.959963984540054**2
    half = math.sqrt(z2 * (0.025 + z2 / 400)) / (1 + z2 / 10)
    assert wilson(5, 10).low == pytest.approx(0.5 - half)
    assert wilson(0, 0) is None


def test_a_question_without_a_cluster_is_its_own():
    assert clusters_of(["a", None, "a", None, "b"]).tolist() == [0, 1, 0, 2, 3]


def test_clustered_standard_error_by_hand():
    # values 1 1 0 0, clusters {1,1} {0,0}: sums of deviations +1 and -1, C = 2: sqrt(2/1 · 2) / 4 = 0.5
    assert standard_error([1, 1, 0, 0], clusters_of(["a", "a", "b", "b"])) == pytest.approx(0.5)
    # unclustered: the usual s / sqrt(n)
    values = [0.2, 0.9, 0.4, 0.4, 1.0]
    assert standard_error(values, singles(5)) == pytest.approx(np.std(values, ddof=1) / math.sqrt(5))
    assert standard_error([1, 0], clusters_of(["a", "a"])) is None


def test_rates_are_plain_wilson_without_clusters_and_wider_with_them():
    values = [1, 1, 1, 1, 0, 0, 1, 1]
    plain, counts = rate_interval(values, singles(8)), wilson(6, 8)
    assert plain.low == pytest.approx(counts.low)
    clustered = rate_interval(values, clusters_of(list("aabbccdd")))
    assert clustered.high - clustered.low > plain.high - plain.low
    perfect = rate_interval([1] * 8, clusters_of(list("aabbccdd")))
    assert (perfect.low, perfect.high) == pytest.approx((wilson(4, 4).low, 1.0))


def test_the_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(3).beta(2, 1, size=150)
    ours = mean_interval(list(values), singles(150))
    oracle = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(4))
    assert ours.low == pytest.approx(oracle.confidence_interval.low, abs=0.005)
    assert ours.high == pytest.approx(oracle.confidence_interval.high, abs=0.005)
    assert ours == mean_interval(list(values), singles(150))
    assert mean_interval([0.5], singles(1)) is None


def test_whole_clusters_are_resampled():
    # Ten copies of each of ten values know no more than the ten values.
    ten = list(np.linspace(0, 1, 10))
    hundred = [value for value in ten for _ in range(10)]
    alone, clustered = (
        mean_interval(ten, singles(10)),
        mean_interval(hundred, clusters_of([index for index in range(10) for _ in range(10)])),
    )
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high))


def test_sign_flip_is_exact_for_few_questions():
    # Six differences, all one way: 2 of the 64 sign patterns are as extreme.
    assert sign_flip([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], singles(6)) == pytest.approx(2 / 64)
    # The same in three clusters: 2 of 8.
    assert sign_flip([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], clusters_of(list("aabbcc"))) == pytest.approx(2 / 8)
    assert sign_flip([0.0, 0.0], singles(2)) == 1.0
    assert sign_flip([0.5, 0.5], clusters_of(["a", "a"])) == 1.0


def test_sign_flip_is_never_zero():
    assert sign_flip([0.5] * 200, singles(200)) == pytest.approx(2 / 10_000, abs=2e-4)
    assert sign_flip([0.5] * 200, singles(200)) > 0


def test_mcnemar_by_hand():
    # Six discordant questions, all one way: 2 · 0.5^6
    p, lost, won = mcnemar([0] * 6 + [1, 1], [1] * 6 + [1, 1])
    assert (p, lost, won) == (pytest.approx(0.03125), 0, 6)
    assert mcnemar([1, 0], [1, 0]) == (1.0, 0, 0)


def test_holm_by_hand():
    # sorted .01 .03 .04 times 3 2 1 -> .03 .06 .06
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_the_detectable_difference_is_that_of_the_reading_notes():
    # Miller's case: variance of the differences 1/9, n = 969 -> 3 points
    values = np.random.default_rng(0).normal(size=969)
    values = (values - values.mean()) / values.std(ddof=1) / 3
    assert detectable(list(values), singles(969)) == pytest.approx(0.03, abs=1e-4)
    assert detectable([0.0, 0.0, 0.0], singles(3)) is None


def test_any_statistic_can_be_bootstrapped():
    values = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    found = curve_interval(lambda chosen: float(np.mean([values[index] for index in chosen])), singles(8))
    assert 0.1 < found.low < 0.625 < found.high <= 1
