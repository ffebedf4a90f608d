"""The built-in answerer: it chooses the sentences that answer, and declines where none seems to. No network, no key.

First version, without a trained reader: the sentences of the hits are scored by what `rag.answer.features` knows about
them (embedding and lexical evidence, and whether they hold the kind of thing that is asked for), with weights fitted by
`rag.training.chooser`. Whether to answer at all is a second, smaller model over the best sentence. Both are plain
numbers in `rag/models/chooser/weights.json`; figures are in the model card beside it.

The reader points at spans; `rag.answer.verify` makes the quotes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.answer import short
from rag.answer.features import (
    DRAFT_FEATURES,
    SENTENCE_FEATURES,
    Asked,
    Candidate,
    draft_features,
    is_label,
    needs_company,
    sentence_features,
    take_apart,
)
from rag.sentences import sentences
from rag.settings import AnswerSettings
from rag.types import Document, Draft, DraftStatement, Evidence, Hit, Question, Span
from rag.words import fold, words

WEIGHTS = Path(__file__).parents[1] / "models" / "chooser" / "weights.json"

MAX_CANDIDATES = 80  # sentences embedded per question; ten passages of 200 tokens hold about 70
MAX_GAP = 3  # characters of white space between neighbouring sentences, a paragraph's end included
MAX_QUOTE_CHARACTERS = 600  # a quote is not widened beyond this
SAID_WORDS_BONUS = 2.0  # on the score, for each of the words that the question quotes and the sentence holds
SURE_ENOUGH = (
    0.6  # least score of `short.best_span` for a short answer; from there on 9 in 10 were right (card)
)


class SentenceEncoder(Protocol):
    """What the reader needs of `rag.index.embed.Embedder`."""

    @property
    def window(self) -> int: ...

    def token_spans(self, text: str) -> list[Span]: ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def encode_query(self, text: str) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Weights:
    """Two logistic models and the threshold on the second. The arrays follow the order of the feature names."""

    sentence: NDArray[np.float64]
    draft: NDArray[np.float64]
    draft_bias: float
    threshold: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Weights:
        """Raises ValueError where the file's features are not those of the code."""
        for part, names in (("sentence", SENTENCE_FEATURES), ("draft", DRAFT_FEATURES)):
            if tuple(values[part]["weights"]) != names:
                raise ValueError(
                    f"the {part} weights are for other features than the code has: train them again"
                )
        return cls(
            np.array(list(values["sentence"]["weights"].values()), dtype=np.float64),
            np.array(list(values["draft"]["weights"].values()), dtype=np.float64),
            float(values["draft"]["bias"]),
            float(values["threshold"]),
        )


@cache
def shipped_weights() -> Weights:
    return Weights.from_json(json.loads(WEIGHTS.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Ranked:
    """Every candidate sentence with its score, in the order of `candidates`; used here and by the training."""

    asked: Asked
    candidates: tuple[Candidate, ...]
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def order(self) -> list[int]:
        """Indexes, best first; ties by document and place."""
        return sorted(
            range(len(self.candidates)),
            key=lambda index: (
                -self.scores[index],
                self.candidates[index].document_id,
                self.candidates[index].span,
            ),
        )


class OfflineReader:
    """Implements `Answerer`. `threshold` is the least confidence at which it answers."""

    name = "offline"

    def __init__(
        self, embedder: SentenceEncoder, settings: AnswerSettings, weights: Weights | None = None
    ) -> None:
        self._embedder = embedder
        self._settings = settings
        self._weights = shipped_weights() if weights is None else weights
        self.threshold = self._weights.threshold if settings.threshold is None else settings.threshold
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def draft(self, question: Question, hits: Sequence[Hit], documents: Mapping[str, Document]) -> Draft:
        """The best sentences, as spans, at most `max_quotes`; empty below the threshold.

        The confidence is the calibrated probability that one of three quotes answers; it is given when declining too.
        """
        ranked = self.rank(question.text, candidates_of(hits, documents))
        if ranked is None:
            return Draft(confidence=0.0, note="the passages hold no sentence")
        confidence = self.confidence(ranked)
        if confidence < self.threshold:
            return Draft(
                confidence=confidence,
                note=f"confidence {confidence:.2f} is below the threshold {self.threshold:.2f}",
            )
        chosen = choose(ranked, hits, self._settings.max_quotes)
        statements = tuple(
            DraftStatement(None, (Evidence(document_id, span=span),)) for document_id, span in chosen
        )
        return Draft(statements, self._short_answers(ranked), confidence)

    def read(self, question: str, text: str) -> tuple[Span | None, float]:
        """The best short span of one text and the confidence that it answers.

        A span of the kind asked for, else the whole best sentence; None where the text has no words. The confidence
        is the same as for a draft: compare it with `threshold`.
        """
        found = _sentences_of(text, None)
        candidates = [
            Candidate("", span, span.of(text), 1, Span(0, len(text)), opens=index == 0)
            for index, span in enumerate(found)
        ]
        ranked = self.rank(question, _with_neighbours(candidates))
        if ranked is None:
            return None, 0.0
        best = ranked.candidates[ranked.order[0]]
        answer = short.best_span(question, best.text)
        span = best.span if answer is None else answer[0].shifted(best.span.start)
        return span, self.confidence(ranked)

    def rank(self, question: str, candidates: Sequence[Candidate]) -> Ranked | None:
        """Scores for `candidates` (the `MAX_CANDIDATES` most promising of them); None where there are none."""
        asked = take_apart(question, candidates)
        kept = tuple(_most_promising(asked, candidates))
        if not kept:
            return None
        vectors = self._encode([candidate.text for candidate in kept])
        rows = sentence_features(asked, kept, self._embedder.encode_query(question), vectors)
        scores = rows @ self._weights.sentence
        for index, candidate in enumerate(kept):
            held = [len(phrase.split()) for phrase in asked.phrases if phrase in fold(candidate.text)]
            scores[index] += SAID_WORDS_BONUS * min(6, max(held, default=0))
        return Ranked(asked, kept, rows, scores)

    def confidence(self, ranked: Ranked) -> float:
        """Probability, calibrated on development questions, that one of the three best sentences answers."""
        row = draft_features(ranked.asked, ranked.candidates, ranked.rows, ranked.scores)
        logit = float(row @ self._weights.draft) + self._weights.draft_bias
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors; texts longer than the embedder's window are cut at its end, for the choice only."""
        if len(self._vectors) > 20_000:
            self._vectors.clear()
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            encoded = self._embedder.encode([self._fitting(text) for text in missing])
            self._vectors.update(zip(missing, encoded, strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def _fitting(self, text: str) -> str:
        room = self._embedder.window - 2
        if len(text) <= room:  # a token has at least one character
            return text
        tokens = self._embedder.token_spans(text)
        return text if len(tokens) <= room else text[: tokens[room - 1].end]

    def _short_answers(self, ranked: Ranked) -> tuple[Evidence, ...]:
        """One short answer, from the best sentence, where the question asks for one and the choice is clear."""
        best = ranked.candidates[ranked.order[0]]
        answer = short.best_span(ranked.asked.text, best.text)
        if answer is None or answer[1] < SURE_ENOUGH:
            return ()
        return (Evidence(best.document_id, span=answer[0].shifted(best.span.start)),)


def candidates_of(hits: Sequence[Hit], documents: Mapping[str, Document]) -> list[Candidate]:
    """The sentences of the hits, each once, in the order of the hits and then of the text.

    A sentence that stands in several overlapping passages belongs to the best-ranked one that holds all of it.
    Furniture is left out.
    """
    found: dict[str, list[Candidate]] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        passage = hit.passage
        document = documents[passage.document_id]
        heading = " ".join(part for part in (document.title, passage.heading) if part)
        seen = found.setdefault(passage.document_id, [])
        for local in _sentences_of(passage.text, document.language):
            span = local.shifted(passage.span.start)
            if document.is_furniture(span) or any(other.span.contains(span) for other in seen):
                continue
            seen[:] = [other for other in seen if not span.contains(other.span)]
            opens = not document.text[: span.start].strip() or (
                document.title is not None and document.text[: span.start].strip() == document.title
            )
            seen.append(
                Candidate(
                    document.id,
                    span,
                    span.of(document.text),
                    hit.rank,
                    passage.span,
                    heading=heading,
                    opens=opens,
                )
            )
    everything = [candidate for group in found.values() for candidate in _with_neighbours(group)]
    return sorted(everything, key=lambda candidate: (candidate.rank, candidate.document_id, candidate.span))


def choose(ranked: Ranked, hits: Sequence[Hit], limit: int) -> list[tuple[str, Span]]:
    """At most `limit` places, best first, each inside one shown passage.

    Sentences that need the one before are widened; a chosen sentence next to an earlier choice widens that one rather
    than taking a place of its own. The same words are quoted once; nearly the same words from elsewhere come last.
    """
    shown: dict[str, list[Span]] = {}
    for hit in hits:
        shown.setdefault(hit.passage.document_id, []).append(hit.passage.span)
    chosen: list[tuple[str, Span]] = []
    keys: list[frozenset[str]] = []
    told: set[str] = set()
    later: list[int] = []
    for index in ranked.order:
        candidate = ranked.candidates[index]
        if chosen and is_label(candidate):
            continue  # a heading adds nothing to a sentence
        same = " ".join(word.key for word in candidate.words)
        if same in told or any(
            candidate.document_id == document_id and span.contains(candidate.span)
            for document_id, span in chosen
        ):
            continue
        if any(_overlap(candidate.keys, other) >= 0.8 for other in keys):
            later.append(index)
            continue
        told.add(same)
        if _joined(chosen, candidate, shown):
            continue
        if len(chosen) == limit:
            break
        keys.append(candidate.keys)
        chosen.append((candidate.document_id, _widened(candidate, ranked, shown)))
    for index in later[: limit - len(chosen)]:
        chosen.append((ranked.candidates[index].document_id, ranked.candidates[index].span))
    return chosen


def _joined(
    chosen: list[tuple[str, Span]], candidate: Candidate, shown: Mapping[str, Sequence[Span]]
) -> bool:
    """Widen an earlier choice by the sentence beside it, where both fit into one shown passage."""
    for place, (document_id, span) in enumerate(chosen):
        if document_id != candidate.document_id:
            continue
        union = Span(min(span.start, candidate.span.start), max(span.end, candidate.span.end))
        if len(union) - len(span) - len(candidate.span) <= MAX_GAP and _fits(union, shown[document_id]):
            chosen[place] = (document_id, union)
            return True
    return False


def _widened(candidate: Candidate, ranked: Ranked, shown: Mapping[str, Sequence[Span]]) -> Span:
    """The sentence, with the one before where its opening points back at it."""
    if not (candidate.before and needs_company(candidate.text)):
        return candidate.span
    for other in ranked.candidates:
        if (
            other.document_id == candidate.document_id
            and 0 <= candidate.span.start - other.span.end <= MAX_GAP
        ):
            union = Span(other.span.start, candidate.span.end)
            if _fits(union, shown[candidate.document_id]):
                return union
    return candidate.span


def _fits(span: Span, passages: Sequence[Span]) -> bool:
    return len(span) <= MAX_QUOTE_CHARACTERS and any(passage.contains(span) for passage in passages)


def _overlap(one: frozenset[str], two: frozenset[str]) -> float:
    """Jaccard: shared over all."""
    union = len(one | two)
    return len(one & two) / union if union else 0.0


def _sentences_of(text: str, language: str | None) -> list[Span]:
    return [span for span in sentences(text, language) if words(span.of(text))]


def _with_neighbours(candidates: Sequence[Candidate]) -> list[Candidate]:
    """In the order of the text, each with the text of the two sentences right before and the one right after it."""
    ordered = sorted(candidates, key=lambda candidate: candidate.span)
    joined = [
        later.span.start - earlier.span.end <= MAX_GAP for earlier, later in pairwise(ordered)
    ]  # whether a sentence and the next belong to one piece of text
    result = []
    for index, candidate in enumerate(ordered):
        before = ordered[index - 1].text if index and joined[index - 1] else ""
        if index > 1 and before and joined[index - 2]:
            before = f"{ordered[index - 2].text} {before}"
        after = ordered[index + 1].text if index < len(joined) and joined[index] else ""
        result.append(replace(candidate, before=before, after=after))
    return result


def _most_promising(asked: Asked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """All candidates up to `MAX_CANDIDATES`; beyond, those with the most words of the question in the best hits."""
    if len(candidates) <= MAX_CANDIDATES:
        return list(candidates)
    promise = [
        sum(weight for key, weight in zip(asked.keys, asked.weights, strict=True) if key in candidate.keys)
        + 3.0 / candidate.rank
        for candidate in candidates
    ]
    best = sorted(range(len(candidates)), key=lambda index: (-promise[index], index))[:MAX_CANDIDATES]
    return [candidates[index] for index in sorted(best)]
