"""The built-in answerer: it chooses the sentences that answer, and declines where none seems to. No network, no key.

The passages are read by a small trained network (`rag.answer.network`) that says where in each the answer stands and
whether it stands there at all. Its scores and what `rag.answer.features` knows about words and forms are combined by
a logistic model over the sentences; a second, smaller one over the best sentence says whether to answer at all. Both are
plain numbers in `rag/models/chooser/weights.json`, fitted by `rag.training.chooser`; figures are in the model cards.

The reader points at spans; `rag.answer.verify` makes the quotes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from rag.answer.network import ReaderNetwork, heading_of, shipped_network
from rag.sentences import sentences
from rag.settings import AnswerSettings
from rag.types import Document, Draft, DraftStatement, Evidence, Hit, Question, Span
from rag.words import fold, in_spanish, words

WEIGHTS = Path(__file__).parents[1] / "models" / "chooser" / "weights.json"

MAX_PASSAGES = 12  # read per question: the default number of hits and a little more
MAX_GAP = 3  # characters of white space between neighbouring sentences, a paragraph's end included
MAX_QUOTE_CHARACTERS = 600  # a quote is not widened beyond this
SAID_WORDS_BONUS = 2.0  # on the score, for each of the words that the question quotes and the sentence holds
NO_SPAN = -20.0  # score of a sentence in which the network sees no token
UNKNOWN_SPAN, UNKNOWN_RELEVANCE = -3.0, -0.2  # for a question that the network does not understand
SURE_SPAN = -2.0  # least span score at which the network's span is the short answer
SURE_ENOUGH = 0.6  # least score of `short.best_span`, which is asked where the network is not sure
RIVAL_SHARE = (
    0.35  # a different short answer of another document is given from this share of the best one's odds
)


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
    """Every candidate sentence with its score, in the order of `candidates`; used here and by the training.

    `spans` are the network's best spans inside them, as places in the document (None: it sees no token there).
    """

    asked: Asked
    candidates: tuple[Candidate, ...]
    spans: tuple[Span | None, ...]
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

    def span_score(self, index: int) -> float:
        """The network's score of the best span in a candidate."""
        return float(self.rows[index, SENTENCE_FEATURES.index("span")])


class OfflineReader:
    """Implements `Answerer`. `threshold` is the least confidence at which it answers."""

    name = "offline"

    def __init__(
        self, settings: AnswerSettings, weights: Weights | None = None, network: ReaderNetwork | None = None
    ) -> None:
        self._settings = settings
        self._weights = shipped_weights() if weights is None else weights
        self._network = shipped_network() if network is None else network
        self.threshold = self._weights.threshold if settings.threshold is None else settings.threshold

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
        return Draft(statements, short_answers(ranked), confidence)

    def read(self, question: str, text: str) -> tuple[Span | None, float]:
        """The best short span of one text and the confidence that it answers.

        None where the text has no words. The confidence is the same as for a draft: compare it with `threshold`.
        """
        found = _sentences_of(text, None)
        candidates = [
            Candidate("", span, span.of(text), 1, Span(0, len(text)), text, opens=index == 0)
            for index, span in enumerate(found)
        ]
        ranked = self.rank(question, _with_neighbours(candidates))
        if ranked is None:
            return None, 0.0
        best = max(range(len(ranked.candidates)), key=lambda index: (ranked.span_score(index), -index))
        span = ranked.spans[best]
        trimmed = ranked.candidates[best].span if span is None else _trimmed(span, text)
        return trimmed, self.confidence(ranked)

    def rank(self, question: str, candidates: Sequence[Candidate]) -> Ranked | None:
        """Scores for the candidates of the `MAX_PASSAGES` best passages; None where there are none."""
        passages = list(dict.fromkeys((one.document_id, one.passage) for one in candidates))[:MAX_PASSAGES]
        place = {passage: number for number, passage in enumerate(passages)}
        kept = tuple(one for one in candidates if (one.document_id, one.passage) in place)
        if not kept:
            return None
        texts = {(one.document_id, one.passage): (one.heading, one.shown) for one in kept}
        readings = self._network.read(question, [texts[passage] for passage in passages])
        spans: list[Span | None] = []
        scores = np.full(len(kept), NO_SPAN)
        relevance = np.empty(len(kept))
        for index, one in enumerate(kept):
            reading = readings[place[one.document_id, one.passage]]
            found = reading.best(one.span.shifted(-one.passage.start))
            spans.append(None if found is None else found[0].shifted(one.passage.start))
            if found is not None:
                scores[index] = max(NO_SPAN, found[1])
            relevance[index] = reading.relevance
        if in_spanish(question):  # the network knows English only: then words and forms have to do
            scores[:], relevance[:] = UNKNOWN_SPAN, UNKNOWN_RELEVANCE
        asked = take_apart(question, kept)
        rows = sentence_features(asked, kept, scores, relevance)
        values = rows @ self._weights.sentence
        for index, one in enumerate(kept):
            held = [len(phrase.split()) for phrase in asked.phrases if phrase in fold(one.text)]
            values[index] += SAID_WORDS_BONUS * min(6, max(held, default=0))
        return Ranked(asked, kept, tuple(spans), rows, values)

    def confidence(self, ranked: Ranked) -> float:
        """Probability, calibrated on development questions, that one of the three best sentences answers."""
        row = draft_features(ranked.asked, ranked.candidates, ranked.rows, ranked.scores)
        logit = float(row @ self._weights.draft) + self._weights.draft_bias
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def short_answers(ranked: Ranked, limit: int = 3) -> tuple[Evidence, ...]:
    """Short answers, best first: the one of the best sentence, and different ones of other documents that come close.

    The network's span, or where it is not sure (Spanish questions, mostly) the expression that the rules of
    `rag.answer.short` find, if they are. None for a question that is answered by yes or no.
    """
    if ranked.asked.kind == "yes_no":
        return ()
    order = ranked.order
    first = ranked.candidates[order[0]]
    span = ranked.spans[order[0]]
    best = ranked.span_score(order[0])
    if span is None or best < SURE_SPAN:
        answer = short.best_span(ranked.asked.text, first.text)
        if answer is None or answer[1] < SURE_ENOUGH:
            return ()
        return (Evidence(first.document_id, span=answer[0].shifted(first.span.start)),)
    found = [(first.document_id, _trimmed(span, first.text, first.span.start))]
    told = [_keys(found[0][1], first)]
    for index in order[1:]:
        one, span = ranked.candidates[index], ranked.spans[index]
        if len(found) == limit or ranked.span_score(index) < best + math.log(RIVAL_SHARE):
            continue
        if span is None or one.document_id in {document_id for document_id, _ in found}:
            continue
        trimmed = _trimmed(span, one.text, one.span.start)
        keys = _keys(trimmed, one)
        if any(keys <= other or other <= keys for other in told):
            continue  # the same answer, said longer or shorter
        found.append((one.document_id, trimmed))
        told.append(keys)
    return tuple(Evidence(document_id, span=span) for document_id, span in found)


_LOOSE_BEFORE = re.compile(r"[\s,;:.!?)\]–—]+")
_LOOSE_AFTER = re.compile(r"(?:[\s,;:!?(\[–—]|(?<!\.\w)\.)+$")  # the point of "U.S." stays
_PAIRS = (("“", "”"), ("(", ")"), ("[", "]"), ("«", "»"), ('"', '"'))


def _trimmed(span: Span, text: str, offset: int = 0) -> Span:
    """The span without loose punctuation at its ends and without half of a pair of brackets or quotation marks.

    `span` counts from `offset`, where `text` begins.
    """
    start, end = span.start - offset, span.end - offset
    while True:
        opening = _LOOSE_BEFORE.match(text, start, end)
        new_start = opening.end() if opening else start
        closing = _LOOSE_AFTER.search(text[new_start:end])
        new_end = end - (len(closing[0]) if closing else 0)
        inner = text[new_start:new_end]
        for left, right in _PAIRS:
            if inner.startswith(left) and right not in inner[1:]:
                new_start += 1
            elif inner.endswith(right) and left not in inner[:-1]:
                new_end -= 1
            else:
                continue
            break
        if new_start >= new_end:
            return span
        if (new_start, new_end) == (start, end):
            return Span(start + offset, end + offset)
        start, end = new_start, new_end


def _keys(span: Span, candidate: Candidate) -> frozenset[str]:
    """The content words of a short answer."""
    told = words(span.shifted(-candidate.span.start).of(candidate.text))
    return frozenset(word.key for word in told if not word.stop) or frozenset(word.key for word in told)


def candidates_of(hits: Sequence[Hit], documents: Mapping[str, Document]) -> list[Candidate]:
    """The sentences of the hits, each once, in the order of the hits and then of the text.

    A sentence that stands in several overlapping passages belongs to the best-ranked one that holds all of it.
    Furniture is left out.
    """
    found: dict[str, list[Candidate]] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        passage = hit.passage
        document = documents[passage.document_id]
        heading = heading_of(document, passage)
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
                    passage.text,
                    heading=heading,
                    opens=opens,
                )
            )
    everything = [candidate for group in found.values() for candidate in _with_neighbours(group)]
    return sorted(everything, key=lambda candidate: (candidate.rank, candidate.document_id, candidate.span))


def choose(ranked: Ranked, hits: Sequence[Hit], limit: int) -> list[tuple[str, Span]]:
    """At most `limit` places, best first, each a sentence inside one shown passage.

    A sentence that needs the one before is widened by it. The same words are quoted once; nearly the same words from
    elsewhere come last.
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
        if len(chosen) == limit:
            break
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
        widened = _widened(candidate, ranked, shown)
        inside = [
            place
            for place, (document_id, span) in enumerate(chosen)
            if candidate.document_id == document_id and widened.contains(span)
        ]
        if (
            inside
        ):  # "Councillor Nwosu rejected the plan." is quoted already, this one goes on "He called it …"
            chosen[inside[0]] = candidate.document_id, widened
            continue
        keys.append(candidate.keys)
        chosen.append((candidate.document_id, widened))
    for index in later[: limit - len(chosen)]:
        chosen.append((ranked.candidates[index].document_id, ranked.candidates[index].span))
    return chosen


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
