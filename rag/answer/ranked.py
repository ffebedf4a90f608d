"""Every sentence that may answer a question, with its score: what the choice of quotes and short answers works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import SENTENCE_FEATURES, Asked, Candidate
from rag.answer.network import Reading
from rag.types import Span


@dataclass(frozen=True)
class Ranked:
    """Candidate sentences with their scores, in the order of `candidates`; used by the reader and by its training.

    `spans` are the network's best spans inside them, as places in the document (None: it sees no token there);
    `readings` are those of their passages, empty where the network does not understand the question.
    """

    asked: Asked
    candidates: tuple[Candidate, ...]
    spans: tuple[Span | None, ...]
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]
    readings: tuple[Reading, ...] = ()

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

    def best_in(self, index: int, within: Span) -> tuple[Span, float] | None:
        """The network's best span inside `within`, a place in the candidate's document, and its score; None: none."""
        if not self.readings:
            return None
        base = self.candidates[index].passage.start
        if within.start < base:
            return None
        found = self.readings[index].best(within.shifted(-base))
        return None if found is None else (found[0].shifted(base), found[1])

    def before(self, index: int, gap: int) -> int | None:
        """The sentence that ends at most `gap` characters before this one begins, in the same document; None: none."""
        one = self.candidates[index]
        for other, candidate in enumerate(self.candidates):
            if (
                candidate.document_id == one.document_id
                and 0 <= one.span.start - candidate.span.end <= gap
                and other != index
            ):
                return other
        return None
