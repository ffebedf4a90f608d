"""Every sentence that may answer a question, with its score: what the choice of quotes and short answers works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import NO_SPAN, SENTENCE_FEATURES, Asked, Candidate, Look, draft_features
from rag.answer.network import ReaderNetwork, Reading, agreed, put
from rag.types import Span
from rag.words import in_spanish

LOOKED_AT = 3  # best candidates whose short answer comes from a second reading too


@dataclass(frozen=True)
class Ranked:
    """Candidate sentences with their scores, in the order of `candidates`; used by the reader and by its training.

    `spans` are the network's best spans inside them, as places in the document (None: it sees no token there);
    `readings` are those of their passages. `settled`: the scores are a reader's, and the first few are read twice.
    """

    asked: Asked
    candidates: tuple[Candidate, ...]
    spans: tuple[Span | None, ...]
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]
    readings: tuple[Reading, ...]
    network: ReaderNetwork
    settled: bool = False
    _looks: dict[int, Look] = field(
        default_factory=dict, compare=False
    )  # shared with copies that have other scores

    @cached_property  # asked for at every place in which a short answer is looked for
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

    def look(self, index: int) -> Look:
        """What a second reading says of a candidate: of it and its neighbours alone, and of its answer as a claim."""
        if index not in self._looks:
            one = self.candidates[index]
            base, text = self._around(index)
            readings = self._closely(index)
            found = agreed([(reading, base) for reading in readings], one.span)
            relevance = [reading.relevance for reading in readings]
            span = self.spans[index]
            answer = one.text if span is None else span.shifted(-one.span.start).of(one.text)
            (verified,) = self.network.support([(put(self.asked.text, answer), text)])
            score = NO_SPAN if found is None else max(NO_SPAN, found[1])
            self._looks[index] = Look(score, sum(relevance) / len(relevance), verified)
        return self._looks[index]

    def _around(self, index: int) -> tuple[int, str]:
        """The candidate between its neighbours, and where in the document that text would begin for it."""
        one = self.candidates[index]
        before = f"{one.before} " if one.before else ""
        return one.span.start - len(before), f"{before}{one.text} {one.after}".rstrip()

    def _closely(self, index: int) -> list[Reading]:
        """Read with the title and without: the mean of both and of the passage's reading points at the answer's words a
        little better than any one of them (figures in the model card)."""
        _, text = self._around(index)
        titles = dict.fromkeys((self.candidates[index].heading, ""))
        return self.network.read(self.asked.text, [(title, text) for title in titles])

    def draft_row(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """`DRAFT_FEATURES` of the question, were these the scores of the candidates."""
        best = int(scores.argmax())
        foreign = in_spanish(self.asked.text) != in_spanish(self.candidates[best].text)
        return draft_features(self.asked, self.rows, scores, self.look(best), foreign=foreign)

    def best_in(self, index: int, within: Span) -> tuple[Span, float] | None:
        """The network's best span inside `within`, a place in the candidate, and its score; None: none.

        The first few candidates are looked at twice for it.
        """
        if within.start < self.candidates[index].passage.start:
            return None
        if self.settled and index in self.order[:LOOKED_AT]:
            return self.closely(index, within)
        base = self.candidates[index].passage.start
        found = self.readings[index].best(within.shifted(-base))
        return None if found is None else (found[0].shifted(base), found[1])

    def closely(self, index: int, within: Span) -> tuple[Span, float] | None:
        """The best span inside `within` by the passage's reading and by the second ones together."""
        base, _ = self._around(index)
        parts = [(self.readings[index], self.candidates[index].passage.start)]
        return agreed([*parts, *((reading, base) for reading in self._closely(index))], within)

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
