"""A question becomes the passages that the answerer is shown.

Two legs, each exact under the question's filters: cosine with the question's vector, and BM25 over its words. The
library resolves filters to documents first, so nothing that passes the filter is lost to a cut-off before filtering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rag.search.fuse import Ranking, document_of, reciprocal_rank, spread
from rag.settings import SearchSettings
from rag.types import Filters, Hit, Passage, Question, Ranker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CANDIDATES = 3_200  # where one large document fills both legs, they are searched deeper, up to here


class QueryEncoder(Protocol):
    def encode_query(self, text: str) -> NDArray[np.float32]: ...


class Searchable(Protocol):
    """What retrieval needs of `rag.index.library.Library`."""

    @property
    def embedder(self) -> QueryEncoder: ...

    def matching(self, filters: Filters) -> frozenset[str] | None: ...

    def passages(self, ids: Sequence[str]) -> list[Passage]: ...

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]: ...

    def lexical(
        self, text: str, k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]: ...


class Retriever:
    """Finds the passages for a question: dense, lexical, fused. Stateless apart from the library."""

    def __init__(self, library: Searchable, settings: SearchSettings) -> None:
        self._library = library
        self._settings = settings

    def retrieve(self, question: Question, k: int | None = None) -> list[Hit]:
        """The best `k` passages (default: `top_k`), best first, ties by passage id.

        At most `per_document` of them come from one document, unless no other document has anything left.
        """
        limit = self._settings.top_k if k is None else k
        if limit < 1:
            raise ValueError(f"retrieve at least one passage, not {limit}")
        legs = self._legs(question, limit)
        return self._hits(spread(self._fused(legs), limit, self._settings.per_document), "fused")

    def stages(self, question: Question, k: int) -> dict[str, list[Hit]]:
        """`dense`, `lexical` and `fused`, each the best `k` passages without the limit per document.

        For measuring: `fused` here and `retrieve` differ only in that limit.
        """
        dense, lexical = self._search(question, max(k, self._settings.candidates))
        return {
            "dense": self._hits(dense[:k], "dense"),
            "lexical": self._hits(lexical[:k], "lexical"),
            "fused": self._hits(self._fused((dense, lexical))[:k], "fused"),
        }

    def _fused(self, legs: Sequence[Ranking]) -> list[tuple[str, float]]:
        return reciprocal_rank(legs, k=self._settings.rrf_k)

    def _legs(self, question: Question, limit: int) -> tuple[Ranking, Ranking]:
        """Both legs, searched deeper while one document crowds the others out of a full list of candidates."""
        candidates = max(limit, self._settings.candidates)
        while True:
            dense, lexical = self._search(question, candidates)
            full = len(dense) == candidates or len(lexical) == candidates
            if not full or candidates >= MAX_CANDIDATES or self._enough((dense, lexical), limit):
                return dense, lexical
            candidates = min(4 * candidates, MAX_CANDIDATES)

    def _enough(self, legs: Sequence[Ranking], limit: int) -> bool:
        counts: dict[str, int] = {}
        for passage_id in {passage_id for leg in legs for passage_id, _ in leg}:
            counts[document_of(passage_id)] = counts.get(document_of(passage_id), 0) + 1
        return sum(min(count, self._settings.per_document) for count in counts.values()) >= limit

    def _search(self, question: Question, candidates: int) -> tuple[Ranking, Ranking]:
        documents = self._library.matching(question.filters) if question.filters else None
        if documents is not None and not documents:
            return [], []
        vector = self._library.embedder.encode_query(question.text)
        dense = self._library.dense(vector, candidates, documents)
        lexical = self._library.lexical(question.text, candidates, documents)
        return dense, lexical

    def _hits(self, ranking: Ranking, by: Ranker) -> list[Hit]:
        found = self._library.passages([passage_id for passage_id, _ in ranking])
        passages = {passage.id: passage for passage in found}
        # Another process may have removed a document since the search: its passages are left out.
        left = [(passages[passage_id], score) for passage_id, score in ranking if passage_id in passages]
        return [Hit(passage, score, rank, by) for rank, (passage, score) in enumerate(left, start=1)]
