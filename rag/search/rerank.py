"""The last stage of retrieval: the best of the fused ranking in a new order, by two things that fusion does not know.

What the trained network reads. It (`rag.answer.network`) reads question and passage together, which no vector or word
count does: it tells the passage that answers from one that is about the same thing. Its readings are kept there, and
the offline reader finds its answers in the same ones.

The parts of a long question. "Which company, reported by one paper for its lawsuits and by another for its adverts, ..."
is answered by passages that each fit one part of it well and the whole badly, so each part is searched for on its own.

Alone the network is worse than the fused score on questions of that kind (nDCG@10 .52 against .83 on the news set of
`evals.bench.reranking`, while on the dossier it is better, .84 against .80), so a passage's score is a mean: a share of
the fused score, and the rest a probability made of the reading. A passage that was not looked at counts as one that
fits no part and does not answer, so it stays behind all others, and all scores are on one scale.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.answer.network import Reading, heading_of
from rag.search.fuse import Ranking
from rag.types import Document, Passage

LONG_QUESTION = 20  # words, from which a question is taken apart; shorter ones lose by it
PART_WORDS = 4  # the least in a part of a question
MAX_PARTS = 8
_BORDERS = re.compile(r"[,;:?]|\b(?:and|while|but|whereas|which|who|that)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mix:
    """How the scores of a passage become one. Shares and scores are in [0, 1].

    `whole`: of the fused score against that of the part that fits best, where the question has parts. `simple` and
    `long`: of the two together against the reading, for a question without parts and with. `centre` is the evidence,
    in log-odds, that counts half; at `centre + width` it counts 0.73.
    """

    whole: float
    simple: float
    long: float
    centre: float
    width: float

    def base(self, fused: float, part: float) -> float:
        return self.whole * fused + (1.0 - self.whole) * part

    def score(self, base: float, evidence: float, *, parts: bool) -> float:
        share = self.long if parts else self.simple
        logit = max(-40.0, min(40.0, (evidence - self.centre) / self.width))
        answers = 0.0 if evidence == -math.inf else 1.0 / (1.0 + math.exp(-logit))
        return share * base + (1.0 - share) * answers


# Evidence for a passage that the network cannot read, so that it stands behind what answers and before what does not.
CANNOT_READ = -1.0
# Read are passages with at least this share of the tenth one's fused score: reading those below as well changed no
# nDCG@10 by more than .001, and on news a quarter of the passages are below.
REACH = 0.5
# Chosen by `python -m evals.bench.reranking --data DIR`, which prints what other values would give: run it again for
# another network.
MIX = Mix(whole=0.5, simple=0.6, long=0.8, centre=1.0, width=2.0)


class Reads(Protocol):
    """What reranking needs of `rag.answer.network.ReaderNetwork`."""

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]: ...


def parts_of(question: str) -> list[str]:
    """The clauses of a long English question, those of at least `PART_WORDS` words; none where there are not two."""
    if len(question.split()) < LONG_QUESTION:
        return []
    parts = [part.strip() for part in _BORDERS.split(question)]
    long = [part for part in dict.fromkeys(parts) if len(part.split()) >= PART_WORDS][:MAX_PARTS]
    return long if len(long) > 1 else []


def best_of(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Passage id → its best score in the rankings of the parts."""
    best: dict[str, float] = {}
    for ranking in rankings:
        for passage_id, score in ranking:
            best[passage_id] = max(score, best.get(passage_id, 0.0))
    return best


def evidence_of(reading: Reading) -> float:
    """Log-odds that the passage answers: mean of the relevance and of the mean over the two ends of the best span."""
    best = reading.best()
    return -math.inf if best is None else (reading.relevance + best[1] / 2) / 2


def within_reach(fused: Ranking, limit: int) -> list[str]:
    """The ids of those of the first `limit` passages that are worth reading, best first."""
    if not fused:
        return []
    least = REACH * fused[min(10, len(fused)) - 1][1]
    return [passage_id for passage_id, score in fused[:limit] if score >= least]


def readable(document: Document) -> bool:
    """False where the document is known to be in a language that the network was not trained on."""
    return document.language is None or document.language.partition("-")[0].lower() in ("en", "es")


def evidence_for(
    network: Reads, question: str, passages: Sequence[tuple[Passage, Document]]
) -> dict[str, float | None]:
    """Passage id → evidence, each passage with its document; None for one that the network cannot read."""
    found: dict[str, float | None] = {passage.id: None for passage, _ in passages}
    read = [(passage, document) for passage, document in passages if readable(document)]
    pairs = [(heading_of(document, passage), passage.text) for passage, document in read]
    for (passage, _), reading in zip(read, network.read(question, pairs), strict=True):
        found[passage.id] = evidence_of(reading)
    return found


def reranked(
    fused: Ranking,
    evidence: Mapping[str, float | None],
    parts: Mapping[str, float] | None = None,
    mix: Mix = MIX,
) -> list[tuple[str, float]]:
    """`fused` (scores in [0, 1], best first) in the order of the mixed scores, ties by passage id.

    `parts`: passage id → score for the part of the question that it fits best, 0 where missing; None where the
    question has no parts. Passages without an entry in `evidence` were not read: they stay behind the others, in their
    order. None in `evidence`: the passage cannot be read.
    """
    several = parts is not None
    head, rest = [], []
    for passage_id, score in fused:
        if passage_id not in evidence:
            base = mix.base(score, 0.0) if several else score
            rest.append((passage_id, mix.score(base, -math.inf, parts=several)))
            continue
        base = score if parts is None else mix.base(score, parts.get(passage_id, 0.0))
        found = evidence[passage_id]
        head.append((passage_id, mix.score(base, CANNOT_READ if found is None else found, parts=several)))
    return sorted(head, key=lambda each: (-each[1], each[0])) + rest
