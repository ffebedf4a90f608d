"""Retrieval over a small in-memory library (a real implementation of `Searchable`) and over the real one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import SettingsError, UnknownDocument
from rag.index.library import Library
from rag.search.retrieve import Retriever
from rag.settings import SearchSettings, Settings
from rag.types import Document, Filters, Passage, Question, Span
from rag.words import words

VOCABULARY = ("flight", "prisoner", "tariff", "cattle", "governor", "visa", "border", "speech")


class CountingEncoder:
    """A text's vector counts the words of `VOCABULARY` in it, scaled to unit length: cosines can be read by eye."""

    english_only: bool = True

    def encode_query(self, text: str) -> NDArray[np.float32]:
        row = np.array([text.lower().count(word) for word in VOCABULARY], dtype=np.float32)
        return np.asarray(row / max(float(np.linalg.norm(row)), 1e-9), dtype=np.float32)


class MemoryLibrary:
    """Documents as lists of passages; the source of a document is the part of its id before the dash."""

    def __init__(self, documents: dict[str, list[str]]) -> None:
        self.embedder = CountingEncoder()
        self._passages = {}
        for document_id, texts in documents.items():
            start = 0
            for ordinal, text in enumerate(texts):
                passage = Passage(document_id, ordinal, Span(start, start + len(text)), text)
                self._passages[passage.id] = passage
                start += len(text) + 1

    def matching(self, filters: Filters) -> frozenset[str] | None:
        documents = {passage.document_id for passage in self._passages.values()}
        if filters.documents:
            documents &= set(filters.documents)
        if filters.sources:
            documents = {name for name in documents if name.split("-")[0] in filters.sources}
        return frozenset(documents)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        return [self._passages[name] for name in ids]

    def document(self, document_id: str) -> Document:
        texts = [passage.text for passage in self._passages.values() if passage.document_id == document_id]
        if not texts:
            raise UnknownDocument(f"there is no document {document_id!r}", next_step="look again")
        return Document(document_id, "\n".join(texts), "0" * 64, "text/plain", document_id)

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        encode = self.embedder.encode_query
        return self._best({p.id: float(encode(p.text) @ vector) for p in self._kept(documents)}, k)

    def lexical(self, text: str, k: int, documents: frozenset[str] | None = None) -> list[tuple[str, float]]:
        asked = {word.key for word in words(text)}
        counts = {
            passage.id: float(sum(word.key in asked for word in words(passage.text)))
            for passage in self._kept(documents)
        }
        return self._best({name: count for name, count in counts.items() if count}, k)

    def _kept(self, documents: frozenset[str] | None) -> list[Passage]:
        return [p for p in self._passages.values() if documents is None or p.document_id in documents]

    @staticmethod
    def _best(scores: dict[str, float], k: int) -> list[tuple[str, float]]:
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def retriever(documents: dict[str, list[str]], **settings: Any) -> Retriever:
    """Without reranking: see test_rerank.py for that."""
    return Retriever(MemoryLibrary(documents), SearchSettings(**{"rerank": 0, **settings}))


def ids(hits: Sequence[object]) -> list[str]:
    return [hit.passage.id for hit in hits]  # type: ignore[attr-defined]


def test_the_passage_about_it_comes_first_with_ranks_from_one() -> None:
    library = {
        "a": ["The cattle crossed the border.", "A speech on tariff rules."],
        "b": ["The governor and her visa."],
    }
    hits = retriever(library).retrieve(Question("Which governor lost a visa?"))
    assert hits[0].passage.id == "b:00000"
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert {hit.by for hit in hits} == {"fused"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_equal_passages_stand_in_the_order_of_their_ids() -> None:
    library = {name: ["The flight left."] for name in ("c", "a", "b")}
    assert ids(retriever(library).retrieve(Question("flight"))) == ["a:00000", "b:00000", "c:00000"]


def test_the_same_question_gives_the_same_hits() -> None:
    library = {name: [f"The {word} and the border." for word in VOCABULARY] for name in "abc"}
    search = retriever(library)
    assert search.retrieve(Question("border speech")) == search.retrieve(Question("border speech"))


def test_at_least_ten_where_there_are_ten() -> None:
    library = {"only": [f"Flight number {number} left." for number in range(14)]}
    assert len(retriever(library).retrieve(Question("Which flight left?"))) == 10


def test_a_library_of_one_passage_and_an_empty_one() -> None:
    assert ids(retriever({"a": ["A flight."]}).retrieve(Question("tariff"))) == ["a:00000"]
    assert retriever({}).retrieve(Question("tariff")) == []


def test_one_document_cannot_crowd_out_the_others() -> None:
    library = {
        "crowd": ["flight prisoner flight prisoner"] * 30,
        **{f"other{number}": ["A flight with a speech about the border."] for number in range(6)},
    }
    found = ids(retriever(library).retrieve(Question("flight prisoner")))
    assert sum(name.startswith("crowd") for name in found) == 4
    assert sum(name.startswith("other") for name in found) == 6


def test_others_are_found_even_where_one_document_fills_every_candidate() -> None:
    # 120 passages of one document stand before the others in both legs, and there are only 50 candidates from each.
    library = {
        "crowd": ["flight prisoner flight prisoner"] * 120,
        **{f"other{number}": ["A flight with a speech about the border."] for number in range(6)},
    }
    found = ids(retriever(library, candidates=50).retrieve(Question("flight prisoner")))
    assert sum(name.startswith("other") for name in found) == 6


def test_filters_are_exact_however_low_the_passages_rank() -> None:
    library = {
        **{f"x-{number:03}": ["flight flight flight"] for number in range(200)},
        **{f"y-{number:03}": ["cattle border speech flight"] for number in range(12)},
    }
    filters = Filters(sources=("y",))
    hits = retriever(library, candidates=20).retrieve(Question("flight", filters), k=12)
    assert sorted(hit.passage.document_id for hit in hits) == [f"y-{number:03}" for number in range(12)]


def test_a_filter_that_nothing_passes_gives_nothing() -> None:
    search = retriever({"a-1": ["A flight."]})
    assert search.retrieve(Question("flight", Filters(sources=("nobody",)))) == []
    assert search.stages(Question("flight", Filters(sources=("nobody",))), 5) == {
        "dense": [],
        "lexical": [],
        "fused": [],
    }


def test_stages_say_which_leg_found_what() -> None:
    library = {"a": ["The tariff on cattle."], "b": ["An envoy arrived by flight."], "c": ["The envoy."]}
    stages = retriever(library).stages(Question("envoy"), 10)
    # "envoy" is outside the encoder's vocabulary: only the words find it.
    assert ids(stages["lexical"]) == ["b:00000", "c:00000"]
    assert len(stages["dense"]) == 3
    assert {name: {hit.by for hit in hits} for name, hits in stages.items()} == {
        "dense": {"dense"},
        "lexical": {"lexical"},
        "fused": {"fused"},
    }


def test_both_ways_of_fusing_and_no_other() -> None:
    library = {"a": ["The tariff on cattle."], "b": ["The cattle crossed the border."], "c": ["A speech."]}
    by_scores = retriever(library).retrieve(Question("cattle border"))
    by_ranks = retriever(library, fusion="ranks", rrf_k=9).retrieve(Question("cattle border"))
    assert ids(by_scores)[0] == ids(by_ranks)[0] == "b:00000"
    # First in both legs: the mean of 1 and 1, and the sum of 1/(9+1) and 1/(9+1) over the greatest there is.
    assert by_scores[0].score == pytest.approx(1.0)
    assert by_ranks[0].score == pytest.approx(1.0)
    assert by_ranks[1].score == pytest.approx((1 / 11 + 1 / 11) / 0.2)
    with pytest.raises(SettingsError, match="unknown fusion"):
        retriever(library, fusion="votes")


@pytest.mark.parametrize("fusion", ["scores", "ranks"])
def test_words_weigh_more_where_the_embedder_does_not_know_the_language(fusion: str) -> None:
    library = MemoryLibrary({"a": ["flight flight"], "b": ["El piloto salió.", "prisoner visa"]})
    search = Retriever(library, SearchSettings(rerank=0, fusion=fusion))
    asked = Question("¿Cuándo salió el piloto del flight?")
    assert ids(search.stages(asked, 3)["dense"])[0] == "a:00000"
    assert ids(search.retrieve(asked))[0] == "b:00000"
    weighed = search.stages(asked, 3)["fused"][0].score
    library.embedder.english_only = False
    assert search.stages(asked, 3)["fused"][0].score < weighed


def test_no_hits_is_not_a_number_of_hits() -> None:
    with pytest.raises(ValueError, match="at least one"):
        retriever({"a": ["A flight."]}).retrieve(Question("flight"), k=0)


def test_the_real_library_serves_it(tmp_path: Path) -> None:
    reports = {
        "ferry.txt": "The ferry to Almora Island stops in November.\n\nThe harbour master wants a new pier.\n",
        "bridge.txt": "A bridge to Almora Island opened at Torre Point.\n\nIt is closed to lorries.\n",
        "puente.txt": "El puente de Torre Point reabrió en mayo después de once semanas de obras.\n",
    }
    folder = tmp_path / "reports"
    folder.mkdir()
    for name, text in reports.items():
        (folder / name).write_text(text, encoding="utf-8")
    with Library.open(tmp_path / "library", Settings(), write=True, create=True) as library:
        library.add([folder])
        by_name = {Path(record.path).name: record.document_id for record in library.documents()}
        search = Retriever(library, SearchSettings())
        everything = search.retrieve(Question("When does the ferry to Almora Island stop?"))
        assert everything[0].passage.document_id == by_name["ferry.txt"]
        assert {hit.passage.document_id for hit in everything} == set(by_name.values())
        one = Filters(documents=(by_name["puente.txt"],))
        only = search.retrieve(Question("When does the ferry to Almora Island stop?", one))
        assert {hit.passage.document_id for hit in only} == {by_name["puente.txt"]}
        stages = search.stages(Question("Torre Point"), 2)
        assert {hit.passage.document_id for hit in stages["lexical"]} == {
            by_name["bridge.txt"],
            by_name["puente.txt"],
        }
        assert [hit.rank for hit in stages["dense"]] == [1, 2]
