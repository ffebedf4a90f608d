"""Fusion: expected values are worked out by hand in the comments."""

from __future__ import annotations

import pytest

from rag.search.fuse import document_of, reciprocal_rank, score_average, spread


def test_reciprocal_rank_adds_one_over_k_plus_rank() -> None:
    fused = reciprocal_rank([[("a", 9.0), ("b", 1.0)], [("b", 0.5), ("c", 0.4)]], k=60)
    # b: 1/62 + 1/61; a: 1/61; c: 1/62
    assert fused == [
        ("b", pytest.approx(1 / 62 + 1 / 61)),
        ("a", pytest.approx(1 / 61)),
        ("c", pytest.approx(1 / 62)),
    ]


def test_reciprocal_rank_ignores_scores() -> None:
    assert reciprocal_rank([[("a", 0.9), ("b", 0.1)]]) == reciprocal_rank([[("a", 900.0), ("b", -5.0)]])


def test_reciprocal_rank_breaks_ties_by_id() -> None:
    # Both stand first in one ranking and nowhere in the other.
    assert [name for name, _ in reciprocal_rank([[("z", 1.0)], [("a", 1.0)]])] == ["a", "z"]


def test_reciprocal_rank_counts_a_repeated_passage_once() -> None:
    assert reciprocal_rank([[("a", 1.0), ("a", 0.5)]], k=1) == [("a", pytest.approx(1 / 2))]


def test_weights_shift_the_balance() -> None:
    rankings = [[("a", 1.0)], [("b", 1.0)]]
    assert reciprocal_rank(rankings, weights=(1.0, 2.0))[0][0] == "b"
    assert score_average(rankings, weights=(2.0, 1.0))[0][0] == "a"


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 0.0)])
def test_unusable_weights_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="weights"):
        reciprocal_rank([[("a", 1.0)], [("b", 1.0)]], weights=weights)


def test_score_average_scales_each_ranking_to_one() -> None:
    fused = dict(score_average([[("a", 30.0), ("b", 20.0), ("c", 10.0)], [("c", 0.9), ("a", 0.1)]]))
    # a: (1 + 0)/2, b: (0.5 + nothing)/2, c: (0 + 1)/2
    assert fused == {"a": pytest.approx(0.5), "b": pytest.approx(0.25), "c": pytest.approx(0.5)}


def test_score_average_of_equal_scores_is_one_not_a_division_by_zero() -> None:
    assert score_average([[("b", 3.0), ("a", 3.0)]]) == [("a", 1.0), ("b", 1.0)]


def test_nothing_in_nothing_out() -> None:
    assert reciprocal_rank([[], []]) == []
    assert score_average([[], []]) == []
    assert spread([], 10, 4) == []


def test_spread_limits_one_document_in_favour_of_the_others() -> None:
    ordered = [("big:0", 0.9), ("big:1", 0.8), ("big:2", 0.7), ("small:0", 0.6), ("other:0", 0.5)]
    assert [name for name, _ in spread(ordered, 4, 2)] == ["big:0", "big:1", "small:0", "other:0"]


def test_spread_lets_one_document_fill_places_that_nobody_else_can() -> None:
    ordered = [("big:0", 0.9), ("big:1", 0.8), ("big:2", 0.7), ("small:0", 0.6)]
    # Three places after the limit of one each, given back in the order of the ranking.
    assert spread(ordered, 4, 1) == ordered
    assert [name for name, _ in spread(ordered, 3, 1)] == ["big:0", "big:1", "small:0"]


def test_a_document_id_may_hold_colons() -> None:
    assert document_of("a:b:00003") == "a:b"
