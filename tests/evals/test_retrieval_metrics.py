import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG

from evals.retrieval_metrics import document_scores, rank_found, span_scores
from evals.suite import Gold
from evals.suite_fields import Item
from rag.types import Span


def gold(start, end, document="d", more=()):
    return Gold(document, (Span(start, end), *more), "")


def hit(start, end, document="d"):
    return {"document_id": document, "start": start, "end": end}


def item(*sets):
    return Item("q", "?", True, 1, evidence_sets=sets)


def test_a_fact_across_two_passages_is_found_when_both_are():
    hits = [hit(0, 50), hit(0, 99, "e"), hit(50, 100)]
    assert rank_found(gold(40, 60), hits) == 3
    assert rank_found(gold(10, 50), hits) == 1
    assert rank_found(gold(50, 160), hits) is None
    assert rank_found(gold(41, 51), hits) == 1  # nine tenths
    assert rank_found(gold(200, 210, more=(Span(10, 20),)), hits) == 1  # another place of the same quote


def test_recall_all_and_reciprocal_rank_by_hand():
    pieces = [gold(0, 10), gold(0, 10, "e"), gold(0, 10, "f")]
    hits = [hit(0, 10, "x"), hit(0, 10, "e")]
    assert span_scores(item((0, 1, 2)), pieces, hits) == (pytest.approx(1 / 3), 0, 0.5)
    assert span_scores(item((0, 2), (1,)), pieces, hits) == (1, 1, 0.5)
    assert span_scores(item((0,)), pieces, hits) == (0, 0, 0)
    assert span_scores(item(), [], hits) == (None, None, None)
    assert span_scores(item((0,)), pieces, []) == (0, 0, 0)


def test_only_the_first_ten_hits_count():
    hits = [hit(0, 10, f"x{number}") for number in range(10)] + [hit(0, 10)]
    assert span_scores(item((0,)), [gold(0, 10)], hits) == (0, 0, 0)
    assert span_scores(item((0,)), [gold(0, 10)], hits[1:]) == (1, 1, 0.1)


def test_where_a_hit_is_a_piece_the_figures_are_those_of_trec_eval():
    random = np.random.default_rng(5)
    for _ in range(20):
        order = random.permutation(15)
        wanted = sorted(random.choice(15, size=3, replace=False))
        hits = [hit(0, 10, f"d{number}") for number in order]
        pieces = [gold(0, 10, f"d{number}") for number in wanted]
        recall, _, mrr = span_scores(item((0, 1, 2)), pieces, hits)
        run = {"q": {f"d{number}": -float(rank) for rank, number in enumerate(order)}}
        oracle = ir_measures.calc_aggregate([R @ 10, RR @ 10], {"q": {f"d{n}": 1 for n in wanted}}, run)
        assert (recall, mrr) == (pytest.approx(oracle[R @ 10]), pytest.approx(oracle[RR @ 10]))


def test_documents_by_hand():
    qrels = {"one": {"a": 1, "b": 1}, "two": {"c": 2, "d": 1}, "three": {"e": 1}}
    rankings = {"one": ["x", "a", "b"], "two": ["d", "c"], "unjudged": ["a"]}
    found = document_scores(qrels, rankings)
    log = np.log2
    one = (1 / log(3) + 1 / log(4)) / (1 + 1 / log(3))
    two = (1 + 2 / log(3)) / (2 + 1 / log(3))
    assert found["ndcg@10"] == pytest.approx((one + two + 0) / 3)
    assert found["recall@10"] == pytest.approx((1 + 1 + 0) / 3)
    assert found["mrr@10"] == pytest.approx((0.5 + 1 + 0) / 3)


def test_documents_equal_trec_eval_on_random_runs():
    random = np.random.default_rng(7)
    qrels = {
        f"q{q}": {f"d{d}": int(random.integers(0, 3)) for d in random.choice(60, 8, replace=False)}
        for q in range(30)
    }
    rankings = {f"q{q}": [f"d{d}" for d in random.permutation(60)[:25]] for q in range(30)}
    run = {q: {d: 100.0 - rank for rank, d in enumerate(ranking)} for q, ranking in rankings.items()}
    oracle = ir_measures.calc_aggregate([nDCG @ 10, R @ 10, RR @ 10], qrels, run)
    found = document_scores(qrels, rankings)
    assert found["ndcg@10"] == pytest.approx(oracle[nDCG @ 10], abs=1e-9)
    assert found["recall@10"] == pytest.approx(oracle[R @ 10], abs=1e-9)
    assert found["mrr@10"] == pytest.approx(oracle[RR @ 10], abs=1e-9)
