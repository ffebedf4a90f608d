"""One question on one text: the best short span, and the probability that the text answers at all.

What `onrecord eval reading` measures, and the task that the network itself was trained for; the confidence of an answer
over a whole library is another one (`rag.answer.reader`: that one of three quotes answers) and would be a wrong measure
here, because retrieval has already chosen what to read there. Both are logistic models over the same features
(`rag.answer.features.DRAFT_FEATURES`); this one's are fitted by `rag.training.passage` on human-written unanswerable
questions of articles that the network was not trained on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answer.candidates import sentences_of, with_neighbours
from rag.answer.features import DRAFT_FEATURES, Candidate
from rag.answer.reader import OfflineReader
from rag.answer.spans import trimmed
from rag.settings import AnswerSettings
from rag.types import Span

WEIGHTS = Path(__file__).parents[1] / "models" / "chooser" / "passage.json"


@dataclass(frozen=True)
class PassageWeights:
    """A logistic model in the order of `DRAFT_FEATURES`, and the least probability at which to answer."""

    weights: NDArray[np.float64]
    bias: float
    threshold: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PassageWeights:
        """Raises ValueError where the file's features are not those of the code."""
        if tuple(values["weights"]) != DRAFT_FEATURES:
            raise ValueError("the passage weights are for other features than the code has: train them again")
        numbers = np.array(list(values["weights"].values()), dtype=np.float64)
        return cls(numbers, float(values["bias"]), float(values["threshold"]))


@cache
def shipped_weights() -> PassageWeights:
    return PassageWeights.from_json(json.loads(WEIGHTS.read_text(encoding="utf-8")))


class PassageReader:
    """`threshold` is the least probability at which the text counts as answering."""

    def __init__(
        self,
        settings: AnswerSettings,
        weights: PassageWeights | None = None,
        reader: OfflineReader | None = None,
    ) -> None:
        self._weights = shipped_weights() if weights is None else weights
        self._reader = OfflineReader(settings) if reader is None else reader
        self.threshold = self._weights.threshold if settings.threshold is None else settings.threshold

    def read(self, question: str, text: str, title: str = "") -> tuple[Span | None, float]:
        """The best short span whatever the confidence, and that; (None, 0.0) where the text has no words."""
        found = self.features(question, text, title)
        if found is None:
            return None, 0.0
        span, row = found
        logit = float(row @ self._weights.weights) + self._weights.bias
        return span, 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    def features(self, question: str, text: str, title: str = "") -> tuple[Span, NDArray[np.float64]] | None:
        """The best short span and its row of `DRAFT_FEATURES`; None where the text has no words."""
        whole = Span(0, len(text))
        candidates = [
            Candidate("", span, span.of(text), 1, whole, text, heading=title, opens=index == 0)
            for index, span in enumerate(sentences_of(text, None))
        ]
        ranked = self._reader.rank(question, with_neighbours(candidates))
        if ranked is None:
            return None
        best = max(range(len(ranked.candidates)), key=lambda index: (ranked.span_score(index), -index))
        sentence = ranked.candidates[best].span
        found = ranked.closely(best, sentence)
        span = ranked.spans[best] if found is None else found[0]
        return (sentence if span is None else trimmed(span, text)), ranked.draft_row(ranked.scores)
