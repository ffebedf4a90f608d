import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from evals.risk import aurc, brier, e_aurc, reliability, risk_coverage, selective_accuracy


def test_aurc_by_hand():
    # right, wrong, right by confidence: risks 0, 1/2, 1/3 -> mean 5/18; ideal order: 0, 0, 1/3 -> 1/9
    pairs = [(0.2, 1), (0.9, 1), (0.5, 0)]
    assert [point.risk for point in risk_coverage(pairs)] == pytest.approx([0, 1 / 2, 1 / 3])
    assert aurc(pairs) == pytest.approx(5 / 18)
    assert e_aurc(pairs) == pytest.approx(5 / 18 - 1 / 9)


def test_ties_are_averaged_so_that_a_constant_confidence_shows_no_skill():
    pairs = [(0.5, 1), (0.5, 0), (0.5, 1), (0.5, 0)]
    assert [point.risk for point in risk_coverage(pairs)] == pytest.approx([0.5] * 4)
    assert aurc(pairs) == aurc(pairs[::-1]) == pytest.approx(0.5)
    # a tie after one right answer: 0, then (0 + 1/2)/2, then (0 + 1)/3
    assert aurc([(0.9, 1), (0.5, 1), (0.5, 0)]) == pytest.approx((0 + 1 / 4 + 1 / 3) / 3)


def test_ends():
    assert aurc([]) is None
    assert e_aurc([]) is None
    assert brier([]) is None
    assert selective_accuracy([], 0.5) is None
    assert aurc([(0.1, 1), (0.2, 1)]) == 0
    assert e_aurc([(0.9, 1), (0.1, 0)]) == 0


def test_brier_is_that_of_scikit_learn():
    random = np.random.default_rng(1)
    confidence, right = random.random(50), random.integers(0, 2, 50)
    assert brier(list(zip(confidence, right, strict=True))) == pytest.approx(
        brier_score_loss(right, confidence)
    )


def test_reliability_bins_have_equal_size():
    pairs = [(index / 25, float(index % 2)) for index in range(25)]
    bins = reliability(pairs, 10)
    assert sum(each.n for each in bins) == 25
    assert {each.n for each in bins} == {2, 3}
    assert bins[0].confidence == pytest.approx(0.02)
    assert bins[0].correct == pytest.approx(0.5)
    assert reliability([], 10) == []
    assert len(reliability(pairs[:3], 10)) == 3


def test_selective_accuracy():
    pairs = [(0.9, 1), (0.8, 1), (0.7, 0), (0.6, 0)]
    assert selective_accuracy(pairs, 0.5) == 1
    assert selective_accuracy(pairs, 1) == 0.5
