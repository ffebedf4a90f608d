"""A question becomes the passages that the answerer is shown.

Two legs, each exact under the question's filters: cosine with the question's vector, and BM25 over its words. The
library resolves filters to documents first, so nothing that passes the filter is lost to a cut-off before filtering.

Fusion is the plain mean of the scores, each leg scaled to [0, 1] (`score_average`), rather than reciprocal rank fusion,
because it was better on every set measured here. nDCG@10 / recall@10, 50 candidates from each leg:

    set (queries / passages)                     dense          lexical        ranks, k=60    scores
    NQ dev (2,655 / 9,434)                       .885 / .987    .761 / .887    .846 / .962    .862 / .985
    MultiHop-RAG evidence, titled (429 / 438)    .674 / .775    .776 / .820    .783 / .865    .807 / .867
    the same without titles                      .723 / .823    .737 / .782    .782 / .845    .802 / .866
    XQuAD English paragraphs (1,190 / 240)       .944 / .990    .967 / .992    .969 / .996    .978 / .999

On Natural Questions the dense leg alone stays ahead: the packaged MiniLM was trained on them. A weight of 0.8 for it
gives .886 / .989 there and costs .032 to .063 of nDCG on the news set, and no user's documents are in its training.

The first of the fused are then ordered anew (`rag.search.rerank`). nDCG@10 with the shipped network, on the half of the
queries that the constants were chosen on, and on the other half with the 95 % interval of the gain over fused:

    set (queries chosen on / others)             dense          lexical        fused          reranked       gain
    MultiHop-RAG evidence, titled (150 / 150)    .707 / .629    .801 / .716    .830 / .751    .854 / .777    .012 to .041
    the same without titles                      .761 / .679    .761 / .677    .826 / .755    .844 / .779    .012 to .036
    the sample dossier (73 / 87)                 .655 / .567    .806 / .763    .798 / .761    .851 / .796    .008 to .062

`python -m evals.bench.reranking --data DIR --queries 3000` prints all of these, the fusion by ranks too. It cuts passages
as the library does; the first table was measured on whole paragraphs, cut off at 254 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from rag.answer.network import shipped_network
from rag.errors import SettingsError, UnknownDocument
from rag.search.fuse import Ranking, document_of, reciprocal_rank, score_average, spread
from rag.search.rerank import Reads, best_of, evidence_for, parts_of, reranked, within_reach
from rag.settings import SearchSettings
from rag.types import Document, Filters, Hit, Passage, Question, Ranker
from rag.words import in_spanish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FUSIONS = ("scores", "ranks")
MAX_CANDIDATES = 3_200  # where one large document fills both legs, they are searched deeper, up to here


# Share of the dense leg for a question in Spanish, where the embedder knows English only. nDCG@10 of the fused on our own
# Spanish texts (179 questions of texts held out, among some 180 texts): .831 without the leg, .825 with this, .733 with
# one half; on XQuAD Spanish (150 questions, nothing was chosen there) .943, .945, .911. Some weight finds English texts
# too. (Measured by a script outside the repository.)
SPANISH_DENSE = 0.2


class QueryEncoder(Protocol):
    @property
    def english_only(self) -> bool: ...

    def encode_query(self, text: str) -> NDArray[np.float32]: ...


class Searchable(Protocol):
    """What retrieval needs of `rag.index.library.Library`."""

    @property
    def embedder(self) -> QueryEncoder: ...

    def matching(self, filters: Filters) -> frozenset[str] | None: ...

    def passages(self, ids: Sequence[str]) -> list[Passage]: ...

    def document(self, document_id: str) -> Document: ...

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]: ...

    def lexical(
        self, text: str, k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]: ...


class Retriever:
    """Finds the passages for a question: dense, lexical, fused, reranked. Stateless apart from library and network."""

    def __init__(self, library: Searchable, settings: SearchSettings, network: Reads | None = None) -> None:
        """`network` reads for the reranking; by default the shipped one, which the offline reader uses too.

        Raises SettingsError for a way of fusing that does not exist, or a negative number to rerank.
        """
        if settings.fusion not in FUSIONS:
            raise SettingsError(
                f"unknown fusion {settings.fusion!r}",
                where="search.fusion",
                next_step=f"use one of {', '.join(FUSIONS)}",
            )
        if settings.rerank < 0:
            raise SettingsError(
                f"{settings.rerank} is no number of passages",
                where="search.rerank",
                next_step="use 0 to switch reranking off",
            )
        self._library = library
        self._settings = settings
        self._network = shipped_network() if network is None else network

    def retrieve(self, question: Question, k: int | None = None) -> list[Hit]:
        """The best `k` passages (default: `top_k`), best first, ties by passage id.

        At most `per_document` of them come from one document, unless no other document has anything left.
        """
        limit = self._settings.top_k if k is None else k
        if limit < 1:
            raise ValueError(f"retrieve at least one passage, not {limit}")
        ranking, by = self._reranked(question, self._fused(question, self._legs(question, limit)))
        return self._hits(spread(ranking, limit, self._settings.per_document), by)

    def stages(self, question: Question, k: int) -> dict[str, list[Hit]]:
        """`dense`, `lexical`, `fused`, `reranked` (unless it is off): the best `k`, without the limit per document.

        For measuring: the last of them and `retrieve` differ only in that limit.
        """
        dense, lexical = self._search(question, max(k, self._settings.candidates))
        fused = self._fused(question, (dense, lexical))
        stages = {
            "dense": self._hits(dense[:k], "dense"),
            "lexical": self._hits(lexical[:k], "lexical"),
            "fused": self._hits(fused[:k], "fused"),
        }
        if self._settings.rerank:
            ranking, by = self._reranked(question, fused)
            stages["reranked"] = self._hits(ranking[:k], by)
        return stages

    def _fused(self, question: Question, legs: tuple[Ranking, Ranking]) -> list[tuple[str, float]]:
        """Scores in [0, 1]; 1 is the first of both legs."""
        foreign = in_spanish(question.text) and self._library.embedder.english_only
        weights = (SPANISH_DENSE, 1 - SPANISH_DENSE) if foreign else (0.5, 0.5)
        if self._settings.fusion == "ranks":
            k = self._settings.rrf_k
            best = sum(weights) / (k + 1)
            fused = reciprocal_rank(legs, k=k, weights=weights)
            return [(passage_id, score / best) for passage_id, score in fused]
        return score_average(legs, weights=weights)

    def _reranked(self, question: Question, fused: Ranking) -> tuple[Ranking, Ranker]:
        """The ranking with its first `search.rerank` passages in the order of what was read in them, and its name."""
        if not self._settings.rerank:
            return fused, "fused"
        first = within_reach(fused, self._settings.rerank)
        read = []
        for passage in self._library.passages(first):
            try:
                read.append((passage, self._library.document(passage.document_id)))
            except UnknownDocument:  # removed by another process since the search
                continue
        evidence = evidence_for(self._network, question.text, read)
        gone = set(first) - set(evidence)
        left = [each for each in fused if each[0] not in gone]
        return reranked(left, evidence, self.parts(question)), "reranked"

    def parts(self, question: Question) -> dict[str, float] | None:
        """Passage id → fused score for the part of the question that it fits best; None where there are no parts."""
        parts = parts_of(question.text)
        if not parts:
            return None
        candidates = self._settings.candidates
        found = [self._search(replace(question, text=part), candidates) for part in parts]
        return best_of([self._fused(question, legs) for legs in found])

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
