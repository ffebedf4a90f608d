"""Reranking: what it may change and what not, with a small reader that counts and with the shipped network."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from rag.answer.network import ReaderNetwork, Reading, Window
from rag.answer.ranked import LOOKED_AT
from rag.answer.reader import OfflineReader
from rag.errors import SettingsError
from rag.index.library import Library
from rag.search.rerank import (
    MIX,
    Mix,
    best_of,
    evidence_for,
    evidence_of,
    parts_of,
    readable,
    reranked,
    within_reach,
)
from rag.search.retrieve import Retriever
from rag.settings import AnswerSettings, SearchSettings, Settings
from rag.types import Document, Filters, Passage, Question, Span
from tests.search.test_retrieve import MemoryLibrary

QUESTION = "Which prisoner took the flight?"


class WordReader:
    """Finds a passage relevant that holds `answer`, and tells what it was asked to read."""

    def __init__(self, answer: str = "ANSWER") -> None:
        self.answer = answer
        self.read_for: list[tuple[str, str, str]] = []

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        self.read_for += [(question, title, text) for title, text in passages]
        return [reading(6.0 if self.answer in text else -6.0) for _, text in passages]


def reading(logit: float) -> Reading:
    """One token of which each end and the relevance have this log-odds."""
    ends = np.array([logit], np.float32)
    return Reading((Window(np.array([[0, 1]]), ends, ends, logit),))


def library_of(count: int, answer_at: int | None = None) -> MemoryLibrary:
    """Documents that fit the question less and less; one of them holds the answer."""
    return MemoryLibrary(
        {
            f"d{number:03}": [
                "prisoner flight "
                + "speech " * number
                + ("ANSWER" if number == answer_at else f"nothing {number}")
            ]
            for number in range(count)
        }
    )


def retriever(library: MemoryLibrary, reader: WordReader, **settings: Any) -> Retriever:
    return Retriever(library, SearchSettings(**settings), reader)


def ids(hits: Sequence[Any]) -> list[str]:
    return [hit.passage.id for hit in hits]


def test_the_passage_that_answers_comes_first() -> None:
    reader = WordReader()
    hits = retriever(library_of(40, answer_at=20), reader).retrieve(Question(QUESTION))
    assert hits[0].passage.document_id == "d020"
    assert {hit.by for hit in hits} == {"reranked"}
    assert [hit.rank for hit in hits] == list(range(1, 11))
    assert 20 < len(reader.read_for) == len(set(reader.read_for)) <= 30


def test_what_is_far_behind_the_tenth_is_not_read() -> None:
    fused = [(f"p{number:02}", 1.0 - number / 25) for number in range(25)]
    tenth = fused[9][1]
    read = within_reach(fused, 30)
    assert read == [name for name, score in fused if score >= tenth / 2]
    assert 10 < len(read) < 25
    assert within_reach(fused, 7) == [name for name, _ in fused[:7]]
    assert within_reach(fused[:4], 30) == [name for name, _ in fused[:4]]
    assert within_reach([], 30) == []
    assert len(within_reach([("a", 0.0), ("b", 0.0)], 30)) == 2


@pytest.mark.parametrize("count", [1, 5, 30, 40])
@pytest.mark.parametrize("rerank", [1, 7, 30])
def test_it_permutes_the_first_and_leaves_the_others(count: int, rerank: int) -> None:
    search = retriever(library_of(count, answer_at=count // 2), WordReader(), rerank=rerank)
    stages = search.stages(Question(QUESTION), 100)
    fused, found = ids(stages["fused"]), ids(stages["reranked"])
    assert sorted(found[:rerank]) == sorted(fused[:rerank])
    assert found[rerank:] == fused[rerank:]
    scores = [hit.score for hit in stages["reranked"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_passage_that_is_not_read_cannot_come_first() -> None:
    assert retriever(library_of(40, answer_at=20), WordReader(), rerank=15).retrieve(Question(QUESTION))[
        0
    ].passage.document_id == ("d000")


def test_zero_switches_it_off_and_nothing_is_read() -> None:
    reader = WordReader()
    off = retriever(library_of(40, answer_at=20), reader, rerank=0)
    hits = off.retrieve(Question(QUESTION))
    assert {hit.by for hit in hits} == {"fused"}
    assert set(off.stages(Question(QUESTION), 10)) == {"dense", "lexical", "fused"}
    assert ids(hits) == ids(off.stages(Question(QUESTION), 10)["fused"])
    assert reader.read_for == []
    with pytest.raises(SettingsError, match="no number of passages"):
        retriever(library_of(3), reader, rerank=-1)


def test_equal_passages_stand_in_the_order_of_their_ids() -> None:
    library = MemoryLibrary({name: ["The flight left."] for name in ("c", "a", "b")})
    hits = retriever(library, WordReader()).retrieve(Question("Which flight?"))
    assert ids(hits) == ["a:00000", "b:00000", "c:00000"]


def test_a_spanish_question_is_reranked_too() -> None:
    reader = WordReader()
    search = retriever(library_of(40, answer_at=20), reader)
    stages = search.stages(Question("¿Qué prisoner tomó el flight de la noche?"), 40)
    assert {hit.by for hit in stages["reranked"]} == {"reranked"}
    assert ids(stages["reranked"])[0] != ids(stages["fused"])[0]


def test_documents_in_another_language_are_not_read_and_stand_in_the_middle() -> None:
    english = Document("a", "text", "0" * 64, "text/plain", "a", language="en-GB")
    spanish = Document("d", "texto", "0" * 64, "text/plain", "d", language="es")
    german = Document("b", "Text", "0" * 64, "text/plain", "b", language="de")
    unknown = Document("c", "text", "0" * 64, "text/plain", "c")
    assert [readable(one) for one in (english, spanish, german, unknown)] == [True, True, False, True]
    reader = WordReader()
    shown = [(Passage(one.id, 0, Span(0, 4), one.text[:4]), one) for one in (english, german, unknown)]
    evidence = evidence_for(reader, QUESTION, shown)
    assert len(reader.read_for) == 2
    assert evidence["b:00000"] is None
    fused = [("a:00000", 1.0), ("b:00000", 0.9), ("c:00000", 0.5)]
    # Before a passage that does not answer and behind one that does, whatever the fused scores say.
    assert [name for name, _ in reranked(fused, evidence)] == ["b:00000", "a:00000", "c:00000"]
    answered = {**evidence, "c:00000": 6.0}
    assert [name for name, _ in reranked(fused, answered)] == ["c:00000", "b:00000", "a:00000"]


def test_filters_hold() -> None:
    library = MemoryLibrary(
        {
            **{f"x-{number:03}": ["prisoner flight ANSWER"] for number in range(60)},
            **{f"y-{number:03}": ["prisoner speech"] for number in range(3)},
        }
    )
    reader = WordReader()
    hits = retriever(library, reader).retrieve(Question(QUESTION, Filters(sources=("y",))))
    assert sorted(hit.passage.document_id for hit in hits) == ["y-000", "y-001", "y-002"]
    assert not any("ANSWER" in text for _, _, text in reader.read_for)
    nothing = Question(QUESTION, Filters(sources=("nobody",)))
    assert retriever(library, reader).retrieve(nothing) == []
    assert retriever(library, reader).stages(nothing, 5)["reranked"] == []


def test_one_document_still_cannot_crowd_out_the_others() -> None:
    library = MemoryLibrary(
        {"crowd": ["prisoner flight ANSWER"] * 20, **{f"other{n}": ["A flight."] for n in range(6)}}
    )
    found = ids(retriever(library, WordReader()).retrieve(Question(QUESTION)))
    assert sum(name.startswith("crowd") for name in found) == 4
    assert sum(name.startswith("other") for name in found) == 6


class Leaking(MemoryLibrary):
    """Another process removes a document between the search and the reading."""

    def document(self, document_id: str) -> Document:
        return super().document("nothing" if document_id == "d000" else document_id)


def test_a_document_that_is_removed_meanwhile_is_left_out() -> None:
    library = Leaking({f"d{number:03}": ["prisoner flight"] for number in range(3)})
    assert ids(retriever(library, WordReader()).retrieve(Question(QUESTION))) == ["d001:00000", "d002:00000"]


def test_the_mean_of_fused_score_and_reading() -> None:
    mix = Mix(whole=0.5, simple=0.4, long=0.8, centre=2.0, width=2.0)
    assert mix.score(0.5, 2.0, parts=False) == pytest.approx(0.4 * 0.5 + 0.6 * 0.5)
    assert mix.score(0.5, 4.0, parts=True) == pytest.approx(0.8 * 0.5 + 0.2 / (1 + math.exp(-1)))
    assert mix.score(0.5, -math.inf, parts=False) == pytest.approx(0.2)
    assert mix.score(1.0, 1e9, parts=False) == pytest.approx(1.0)
    assert mix.base(0.8, 0.4) == pytest.approx(0.6)
    assert evidence_of(reading(3.0)) == pytest.approx(3.0)
    assert evidence_of(Reading(())) == -math.inf


@pytest.mark.parametrize("seed", range(20))
def test_more_evidence_never_lowers_a_passage(seed: int) -> None:
    draw = random.Random(seed)
    fused = sorted(((f"p{n}:00000", draw.random()) for n in range(20)), key=lambda each: -each[1])
    evidence: dict[str, float | None] = {name: draw.gauss(0, 4) for name, _ in fused[:15]}
    parts = {name: draw.random() for name, _ in draw.sample(fused, 10)} if seed % 2 else None
    chosen = draw.choice(fused[:15])[0]
    before = [name for name, _ in reranked(fused, evidence, parts)].index(chosen)
    raised = {**evidence, chosen: (evidence[chosen] or 0.0) + 2.0}
    assert [name for name, _ in reranked(fused, raised, parts)].index(chosen) <= before
    scores = [score for _, score in reranked(fused, evidence, parts)]
    assert scores == sorted(scores, reverse=True)


def test_a_long_question_is_searched_for_by_its_parts() -> None:
    whole = (
        "Which paper reported on the tariff on cattle, while another wrote about the long speech of the governor"
        " of the state?"
    )
    assert parts_of(whole) == [
        "paper reported on the tariff on cattle",
        "another wrote about the long speech of the governor of the state",
    ]
    assert parts_of("Who gave the speech about cattle, and who listened to it at the border?") == []
    assert parts_of("speech " * 30) == []
    assert parts_of("When did the ferry to the island stop?") == []
    assert len(parts_of(", ".join(f"the speech number {n} was long" for n in range(30)))) == 8
    assert best_of([[("a", 0.2), ("b", 0.9)], [("a", 0.5)]]) == {"a": 0.5, "b": 0.9}
    # Each fits one part; the one in the middle has a word of everything and is the answer to nothing.
    library = MemoryLibrary(
        {
            "cattle": ["The tariff on cattle was reported."],
            "governor": ["The governor gave a speech, wrote the paper."],
            "mixture": ["tariff speech governor border visa flight prisoner prisoner border"],
        }
    )
    reader = WordReader()
    search = retriever(library, reader)
    question = Question(whole)
    parts = search.parts(question)
    assert parts is not None
    assert parts["cattle:00000"] > parts["mixture:00000"]
    assert parts["governor:00000"] > parts["mixture:00000"]
    assert search.parts(Question("tariff?")) is None
    hits = search.retrieve(question)
    assert {hit.passage.document_id for hit in hits[:2]} == {"cattle", "governor"}


REPORTS = {
    "ferry.txt": "Ferry news\n\nThe ferry to Almora Island stops on 14 November. It carried 48,000 passengers last year.",
    "pier.txt": "Pier\n\nThe ferry company says that when the ferry stops is not for the island of Almora to decide.",
    "puente.txt": "El puente de Torre Point reabrió en mayo después de once semanas de obras en la isla de Almora.",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("reports")
    for name, text in REPORTS.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    with Library.open(folder.parent / "rerank-library", Settings(), write=True, create=True) as library:
        library.add([folder])
        yield library


class CountingNetwork(ReaderNetwork):
    """The shipped network; tells what it really reads."""

    def __init__(self) -> None:
        super().__init__()
        self.really: list[tuple[str, str, str]] = []

    def _read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        self.really += [(question, title, text) for title, text in passages]
        return super()._read(question, passages)


def test_the_offline_reader_reads_nothing_that_was_read_for_the_order(library: Library) -> None:
    network = CountingNetwork()
    question = Question("When does the ferry to Almora Island stop?")
    hits = Retriever(library, SearchSettings(), network).retrieve(question)
    documents = {hit.passage.document_id: library.document(hit.passage.document_id) for hit in hits}
    assert documents[hits[0].passage.document_id].path.endswith("ferry.txt")
    assert len(network.really) == len(hits)
    draft = OfflineReader(AnswerSettings(), network=network).draft(question, hits, documents)
    assert draft.statements
    assert len(network.really) == len(set(network.really))
    # What the reader reads besides is a few sentences of the best passages, for a second look.
    assert len(hits) < len(network.really) <= len(hits) + 4 * LOOKED_AT


def test_the_order_does_not_depend_on_what_else_is_read(library: Library) -> None:
    question = Question("How many passengers did the ferry carry last year?")
    alone = Retriever(library, SearchSettings(), ReaderNetwork()).retrieve(question)
    network = ReaderNetwork(keep=1)
    network.read(question.text, [("", "Something else altogether.")])
    again = Retriever(library, SearchSettings(), network)
    assert again.retrieve(question) == alone
    assert again.retrieve(question) == alone


def test_the_shipped_constants_are_shares() -> None:
    assert all(0 <= share <= 1 for share in (MIX.whole, MIX.simple, MIX.long))
    assert MIX.width > 0
