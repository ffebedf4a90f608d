"""Searching the ready documents of a library: filters, vectors, words.

Filters are resolved here to documents before anything is ranked, so that none can cost a match.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.errors import UnknownDocument
from rag.index import rows
from rag.index.catalogue import Catalogue
from rag.index.vectors import Vectors
from rag.index.words import Words
from rag.types import Filters
from rag.wording import Way

_TRIES = 10  # a writer changes the set every second or two at most, a search takes milliseconds


@dataclass(frozen=True, slots=True)
class Facts:
    """What filters look at, of one ready document."""

    number: int
    passages: int
    source: str | None
    day: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Vectors of passages: `passages[i]` and `documents[i]` are the numbers of row i."""

    passages: NDArray[np.int64]
    documents: NDArray[np.int64]
    vectors: NDArray[np.float32]


class View:
    """The ready documents of one generation, and what was loaded of them so far."""

    def __init__(self, generation: int, facts: dict[str, Facts]) -> None:
        self.generation = generation
        self.facts = facts
        self.passages = sum(fact.passages for fact in facts.values())
        self.languages = {fact.language for fact in facts.values()}
        self.matrix: _Matrix | None = None
        # The vectors of the filter that was used last: a person asks several questions under one.
        self.filtered: tuple[list[int], _Matrix] | None = None


class Finder:
    def __init__(
        self, catalogue: Catalogue, vectors: Vectors, words: Words, dimension: int, exact_limit: int
    ) -> None:
        """`dimension`: numbers in a vector. `exact_limit`: see `SearchSettings`."""
        self._catalogue = catalogue
        self._vectors = vectors
        self._words = words
        self._dimension = dimension
        self._exact_limit = exact_limit
        self._mutex = threading.RLock()
        self._view: View | None = None

    def matching(self, filters: Filters) -> frozenset[str] | None:
        """Ids of the documents that pass; None where there is no filter, so all do.

        Raises UnknownDocument for a document that is not here.
        """
        if not filters:
            return None
        facts = self._current().facts
        for document_id in filters.documents:
            if document_id not in facts:
                raise UnknownDocument(f"there is no document {document_id!r}", next_step=Way.SEE_DOCUMENTS)
        sources = {source.casefold() for source in filters.sources}
        languages = {_primary(language) for language in filters.languages}
        first, last = rows.day_of(filters.date_from), rows.day_of(filters.date_to)

        def passes(document_id: str, fact: Facts) -> bool:
            return (
                (not filters.documents or document_id in filters.documents)
                and (not sources or (fact.source or "").casefold() in sources)
                and (not languages or (fact.language is not None and _primary(fact.language) in languages))
                and (first is None or (fact.day is not None and fact.day >= first))
                and (last is None or (fact.day is not None and fact.day <= last))
            )

        return frozenset(document_id for document_id, fact in facts.items() if passes(document_id, fact))

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """The nearest `k` passages as (passage id, cosine), best first, ties by id.

        `vector` is (dimension,) and of unit length. Up to `settings.search.exact_limit` candidates are compared one by
        one; more go through the vector index, which is approximate, but no filter ever costs a match: as many are
        fetched as it takes. Cosines are rounded to 6 places, so that equal texts tie.
        """
        return self._steady(lambda view: self._dense(view, vector, k, documents))

    def _dense(
        self, view: View, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None
    ) -> list[tuple[str, float]]:
        numbers = _numbers(view, documents)
        candidates = (
            view.passages
            if documents is None
            else sum(
                view.facts[document_id].passages for document_id in documents if document_id in view.facts
            )
        )
        if not candidates or k < 1:
            return []
        if candidates > self._exact_limit:
            found = self._approximate(view, vector, k, numbers)
            if found is not None:
                return found
        return self._ranked(self._exact_matrix(view, numbers), vector, k)

    def lexical(self, text: str, k: int, documents: frozenset[str] | None = None) -> list[tuple[str, float]]:
        """The best `k` passages by their words as (passage id, BM25), best first, ties by id; exact under any filter.

        Words are stemmed; a part of `text` in double quotation marks counts as a phrase too.
        """
        return self._steady(lambda view: self._lexical(view, text, k, documents))

    def _lexical(
        self, view: View, text: str, k: int, documents: frozenset[str] | None
    ) -> list[tuple[str, float]]:
        numbers = _numbers(view, documents)
        limit = k
        while limit and view.facts:
            hits = self._words.search(text, limit, view.languages, numbers)
            ids = rows.ready_ids(self._catalogue, [number for number, _ in hits])
            found = [(ids[number][0], score) for number, score in hits if number in ids]
            # Entries of documents that are being added or removed may have taken places of others.
            if len(found) >= min(k, len(hits)) or len(hits) < limit:
                return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]
            limit *= 4
        return []

    def _steady(self, search: Callable[[View], list[tuple[str, float]]]) -> list[tuple[str, float]]:
        """Search again where the set of ready documents changed meanwhile: an index and the catalogue were then asked
        at two moments, and of a document that was being replaced neither version may have been found.
        """
        for _ in range(_TRIES):
            view = self._current()
            found = search(view)
            if self._catalogue.generation == view.generation:
                break
        return found

    def _current(self) -> View:
        """The view of the catalogue's present generation."""
        with self._mutex:
            generation = self._catalogue.generation
            if self._view is None or self._view.generation != generation:
                with self._catalogue.snapshot():
                    generation = self._catalogue.generation
                    found = self._catalogue.rows(
                        "SELECT id, documents.number, (SELECT count(*) FROM passages WHERE document = documents.number),"
                        " source, published, language FROM documents WHERE state = 'ready'"
                    )
                self._view = View(generation, {row[0]: Facts(*row[1:]) for row in found})
            return self._view

    def _exact_matrix(self, view: View, numbers: list[int] | None) -> _Matrix:
        """The vectors of these documents (None: of all), from memory where they are all loaded."""
        with self._mutex:
            if numbers is None:
                if view.matrix is None:
                    view.matrix = self._load(None)
                return view.matrix
            if view.matrix is None and view.passages <= self._exact_limit:
                view.matrix = self._load(None)
            if view.matrix is None:
                if view.filtered is None or view.filtered[0] != numbers:
                    view.filtered = (numbers, self._load(numbers))
                return view.filtered[1]
            keep = np.isin(view.matrix.documents, np.asarray(numbers, np.int64))
            return _Matrix(view.matrix.passages[keep], view.matrix.documents[keep], view.matrix.vectors[keep])

    def _load(self, numbers: list[int] | None, passages: Sequence[int] | None = None) -> _Matrix:
        select = (
            "SELECT passage, document, vector FROM vectors JOIN passages ON passages.number = passage"
            " JOIN documents ON documents.number = document WHERE state = 'ready'"
        )
        if passages is not None:
            found = self._catalogue.rows_for(f"{select} AND passage IN (?)", passages)
        elif numbers is not None:
            found = self._catalogue.rows_for(f"{select} AND document IN (?)", numbers)
        else:
            found = self._catalogue.rows(select)
        length = self._dimension * 4
        # A vector of another length is damage, which `check` names; searching goes on without it.
        found = [row for row in found if len(row[2]) == length]
        vectors = np.frombuffer(b"".join(row[2] for row in found), np.float32)
        return _Matrix(
            np.array([row[0] for row in found], np.int64),
            np.array([row[1] for row in found], np.int64),
            vectors.reshape(len(found), self._dimension),
        )

    def _ranked(self, matrix: _Matrix, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        scores = np.round((matrix.vectors @ np.asarray(vector, np.float32)).astype(np.float64), 6)
        keep = np.arange(len(scores))
        if len(scores) > k:
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
            keep = np.flatnonzero(scores >= least)
        ids = rows.ready_ids(self._catalogue, [int(number) for number in matrix.passages[keep]])
        found = [
            (ids[int(matrix.passages[row])][0], float(scores[row]))
            for row in keep
            if int(matrix.passages[row]) in ids
        ]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _approximate(
        self, view: View, vector: NDArray[np.float32], k: int, numbers: list[int] | None
    ) -> list[tuple[str, float]] | None:
        """Through the vector index, and one by one over what it does not hold yet; None where it cannot be used."""
        high = self._vectors.high
        if high is None:
            return None
        allowed = None if numbers is None else set(numbers)
        newer = [n for (n,) in self._catalogue.rows("SELECT number FROM passages WHERE number > ?", (high,))]
        fetch = max(4 * k, 64)
        while fetch <= max(self._exact_limit, 64):
            nearest = self._vectors.query(vector, fetch)
            if nearest is None or len(newer) > self._exact_limit:
                return None
            matrix = self._load(None, [*nearest, *newer])
            if allowed is not None:
                keep = np.isin(matrix.documents, np.array(sorted(allowed), np.int64))
                matrix = _Matrix(matrix.passages[keep], matrix.documents[keep], matrix.vectors[keep])
            held = int(np.count_nonzero(matrix.passages <= high))
            if held >= k or len(nearest) < fetch:
                return self._ranked(matrix, vector, k)
            fetch *= 4
        return None


def _numbers(view: View, documents: frozenset[str] | None) -> list[int] | None:
    if documents is None:
        return None
    return sorted(view.facts[document_id].number for document_id in documents if document_id in view.facts)


def _primary(language: str) -> str:
    """`en` of `en-GB`."""
    return language.partition("-")[0].lower()
