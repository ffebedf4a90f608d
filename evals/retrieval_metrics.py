"""Retrieval: gold spans inside the passages shown (a suite), and documents by trec_eval's own code (BEIR folders)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evals.suite import Gold, Item
from rag.documents.building import merge_spans
from rag.types import Span

# A gold quote may hold a leftover that is in no passage (furniture), so not every character is asked for.
COVERED = 0.9
DEPTH = 10


def rank_found(gold: Gold, hits: Sequence[Mapping[str, Any]]) -> int | None:
    """Rank (from 1) at which the hits so far, together, cover nine tenths of one place of the gold; None if never.

    Together: a fact that lies across two passages is found when both are. The place found first counts.
    """
    best: int | None = None
    for place in gold.places:
        spans: list[Span] = []
        for rank, hit in enumerate(hits, start=1):
            span = Span(hit["start"], hit["end"])
            if hit["document_id"] != gold.document_id or not span.overlaps(place):
                continue
            spans.append(span)
            covered = sum(
                min(piece.end, place.end) - max(piece.start, place.start) for piece in merge_spans(spans)
            )
            if covered >= COVERED * len(place):
                best = rank if best is None else min(best, rank)
                break
    return best


def span_scores(
    item: Item, gold: Sequence[Gold], hits: Sequence[Mapping[str, Any]]
) -> tuple[float | None, float | None, float | None]:
    """recall@10, all@10 and mrr@10 by gold span, over the first ten hits in their order; None without evidence.

    recall@10 = pieces of evidence found / pieces in the set, of the evidence set where it is greatest; all@10 = 1
    where a whole set is found; mrr@10 = 1 / rank at which the first piece (of any set) is found, else 0. Chunk
    sizes do not matter, so different splitters compare. Hits@10 is left out: it hides evidence found by half.
    """
    if not gold:
        return None, None, None
    ranks = [rank_found(piece, hits[:DEPTH]) for piece in gold]
    recall = max(
        sum(ranks[index] is not None for index in chosen) / len(chosen) for chosen in item.evidence_sets
    )
    wanted = {index for chosen in item.evidence_sets for index in chosen}
    first = min(
        (rank for index, rank in enumerate(ranks) if index in wanted and rank is not None), default=None
    )
    return recall, float(recall == 1), 0.0 if first is None else 1 / first


Qrels = Mapping[str, Mapping[str, int]]
Rankings = Mapping[str, Sequence[str]]


def document_scores(qrels: Qrels, rankings: Rankings) -> dict[str, float]:
    """nDCG@10, recall@10 and mrr@10 over the queries that have judgements, by ir-measures (trec_eval's code).

    `rankings` lists document ids best first. The score handed over is minus the rank, so that trec_eval, which
    breaks ties by document id, keeps our order. A judged query without a ranking counts 0. nDCG: linear gain,
    log2(rank + 1); recall: relevant found / relevant. Raises ValueError where a value leaves [0, 1]
    (pytrec_eval issue 57 reports such values).
    """
    import ir_measures
    from ir_measures import RR, R, nDCG

    measures = {"ndcg@10": nDCG @ 10, "recall@10": R @ 10, "mrr@10": RR @ 10}
    run = {
        query: {document: float(-rank) for rank, document in enumerate(ranking)}
        for query, ranking in rankings.items()
        if ranking
    }
    judged = {query: dict(documents) for query, documents in qrels.items() if documents}
    totals = dict.fromkeys(measures, 0.0)
    names = {measure: name for name, measure in measures.items()}
    for found in ir_measures.iter_calc(list(measures.values()), judged, run):
        if not 0 <= found.value <= 1 + 1e-9 or math.isnan(found.value):
            raise ValueError(f"{found.measure} of query {found.query_id} is {found.value}, outside [0, 1]")
        totals[names[found.measure]] += found.value
    return {name: total / len(judged) for name, total in totals.items()}
