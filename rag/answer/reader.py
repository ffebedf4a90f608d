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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answer import speakers
from rag.answer.answers import answers_of
from rag.answer.candidates import candidates_of
from rag.answer.features import (
    DRAFT_FEATURES,
    NO_SPAN,
    SENTENCE_FEATURES,
    Candidate,
    sentence_features,
    take_apart,
)
from rag.answer.mismatch import mismatched
from rag.answer.network import ReaderNetwork, shipped_network
from rag.answer.ranked import Ranked
from rag.answer.scope import fit, same_ordinal, scope_of
from rag.answer.spans import has_form
from rag.settings import AnswerSettings
from rag.types import Document, Draft, DraftStatement, Evidence, Hit, Question, Span
from rag.words import fold, in_spanish

WEIGHTS = Path(__file__).parents[1] / "models" / "chooser" / "weights.json"

MAX_PASSAGES = 12  # read per question: the default number of hits and a little more
SAID_WORDS_BONUS = 2.0  # on the score, for each of the words that the question quotes and the sentence holds
SCOPE_WEIGHT = 1.5  # on the score, for how well a sentence speaks of the event that the question names
NO_DATE = -4.0  # on the score of a dateline, where the question is when something happened
NO_FORM = -1.5  # on the score of a sentence without a figure, where the question asks for one
# On the log-odds of answering, where one person's words are asked for and another's were found. On 189 of our news texts
# that was so for 19 of 148 near misses about speech and for one of 109 answerable questions, whose sentence was wrong.
OTHERS_WORDS = -4.0
# The same where the best sentence tells it of another time, or has no day or no figure where one is asked for
# (`rag.answer.mismatch`). On all our news texts it is so for 16 of the 15,780 sentences with the answer, and for 426 of
# the 16,262 with the wrong one of a near miss.
MISMATCHED = -4.0
# The same, for an answer, where it tells of the very one that the question counts ("the third shipment"): the network has
# learnt from near misses to distrust ordinals. On the suites and the news pages that was so for eleven answerable
# questions and two others, which were answered without it.
SAME_ORDINAL = 0.7
# Against an answer where a Spanish sentence is the best for an English question: the network has seen little of that and
# takes any name or figure for the answer. On the development sets of `rag.training.chooser` eight of ten such were not
# answers, of a confidence up to .53.
SPANISH_FOR_ENGLISH = -1.2

__all__ = ["OfflineReader", "Ranked", "Weights", "candidates_of", "shipped_weights"]


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


def signs(ranked: Ranked, documents: Mapping[str, Document]) -> float:
    """Log-odds for what the features do not know of the best sentence."""
    one = ranked.candidates[ranked.order[0]]
    found = (
        (OTHERS_WORDS, speakers.by_another(ranked, documents)),
        (MISMATCHED, mismatched(ranked)),
        (SAME_ORDINAL, same_ordinal(scope_of(ranked.asked.text), one)),
        (SPANISH_FOR_ENGLISH, in_spanish(one.text) and not in_spanish(ranked.asked.text)),
    )
    return sum(value for value, present in found if present)


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
        ranked = replace(ranked, scores=ranked.scores + speakers.preference(ranked, documents))
        confidence = self.confidence(ranked, signs(ranked, documents))
        if confidence < self.threshold:
            return Draft(
                confidence=confidence,
                note=f"confidence {confidence:.2f} is below the threshold {self.threshold:.2f}",
            )
        chosen = answers_of(ranked, hits, documents, self._settings.max_quotes)
        return Draft(
            tuple(
                DraftStatement(None, (Evidence(document_id, span=span),))
                for document_id, span in chosen.quotes
            ),
            chosen.short_answers,
            confidence,
            repeats=chosen.repeats,
            disagreement=chosen.disagreement,
        )

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
        known = tuple(readings[place[one.document_id, one.passage]] for one in kept)
        asked = take_apart(question, kept)
        rows = sentence_features(asked, kept, scores, relevance)
        values = rows @ self._weights.sentence
        for index, one in enumerate(kept):
            held = [len(phrase.split()) for phrase in asked.phrases if phrase in fold(one.text)]
            values[index] += SAID_WORDS_BONUS * min(6, max(held, default=0))
        ranked = Ranked(asked, kept, tuple(spans), rows, values, known, self._network)
        event = scope_of(question)
        for index, one in enumerate(kept):
            values[index] += SCOPE_WEIGHT * fit(event, one, dated=asked.kind != "date")
            if not has_form(ranked, index):
                values[index] += NO_DATE if asked.kind == "date" else NO_FORM
        return replace(ranked, settled=True)

    def confidence(self, ranked: Ranked, added: float = 0.0) -> float:
        """Probability, calibrated on development questions, that one of the three best sentences answers.

        `added` is in log-odds, for what the features do not know.
        """
        logit = (
            float(ranked.draft_row(ranked.scores) @ self._weights.draft) + self._weights.draft_bias + added
        )
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
