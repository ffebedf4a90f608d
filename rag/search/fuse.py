"""Several rankings of the same passages become one.

Scores of different rankers live on different scales (a cosine, a BM25 sum), so either only ranks are used, or the
scores are first brought to one scale per query. Both are here, pure, because which one wins was measured and may be
measured again (see `rag.search.retrieve` for the figures and the choice).
"""

from __future__ import annotations

from collections.abc import Sequence

Ranking = Sequence[tuple[str, float]]
"""(passage id, score), best first."""


def reciprocal_rank(
    rankings: Sequence[Ranking], *, k: int = 60, weights: Sequence[float] | None = None
) -> list[tuple[str, float]]:
    """Sum of weight / (k + rank) over the rankings that hold the passage; rank counts from 1.

    Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods",
    SIGIR 2009 (k = 60, all weights 1). Best first, ties by passage id. A passage that stands twice in one ranking counts
    once, at its better rank.
    """
    shares = _weights(rankings, weights)
    fused: dict[str, float] = {}
    for ranking, weight in zip(rankings, shares, strict=True):
        seen: set[str] = set()
        for rank, (passage_id, _) in enumerate(ranking, start=1):
            if passage_id not in seen:
                seen.add(passage_id)
                fused[passage_id] = fused.get(passage_id, 0.0) + weight / (k + rank)
    return _ordered(fused)


def score_average(
    rankings: Sequence[Ranking], *, weights: Sequence[float] | None = None
) -> list[tuple[str, float]]:
    """Weighted mean of the scores after min-max scaling per ranking; a passage that a ranking lacks gets 0 from it.

    "CombSUM" with min-max normalisation (Lee 1997); Pyserini calls it interpolation. In a ranking whose scores are
    all equal every passage gets 1. Best first, ties by passage id.
    """
    shares = _weights(rankings, weights)
    total = sum(shares)
    fused: dict[str, float] = {}
    for ranking, weight in zip(rankings, shares, strict=True):
        if not ranking:
            continue
        scores = [score for _, score in ranking]
        low, high = min(scores), max(scores)
        scaled: dict[str, float] = {}
        for passage_id, score in ranking:
            value = 1.0 if high == low else (score - low) / (high - low)
            scaled[passage_id] = max(value, scaled.get(passage_id, 0.0))
        for passage_id, value in scaled.items():
            fused[passage_id] = fused.get(passage_id, 0.0) + value * weight / total
    return _ordered(fused)


def spread(ordered: Ranking, limit: int, per_document: int) -> list[tuple[str, float]]:
    """The best `limit` of `ordered`, at most `per_document` of one document unless the others run out.

    Order and scores are kept: what was set aside comes back, best first, only for places that nobody else can fill.
    """
    taken: list[int] = []
    aside: list[int] = []
    counts: dict[str, int] = {}
    for place, (passage_id, _) in enumerate(ordered):
        if len(taken) == limit:
            break
        document_id = document_of(passage_id)
        if counts.get(document_id, 0) < per_document:
            counts[document_id] = counts.get(document_id, 0) + 1
            taken.append(place)
        else:
            aside.append(place)
    taken += aside[: limit - len(taken)]
    return [ordered[place] for place in sorted(taken)]


def document_of(passage_id: str) -> str:
    """The document's id inside a passage's id (`Passage.id`)."""
    return passage_id.rpartition(":")[0]


def _weights(rankings: Sequence[Ranking], weights: Sequence[float] | None) -> Sequence[float]:
    if weights is None:
        return [1.0] * len(rankings)
    if len(weights) != len(rankings) or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(
            f"{len(rankings)} rankings need as many weights, not negative and not all 0: {weights}"
        )
    return weights


def _ordered(fused: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))
