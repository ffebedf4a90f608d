"""One answer, several answers, or sources that contradict: over a real library of short reports written for this test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.answer.reader import OfflineReader
from rag.index.library import Library
from rag.pipeline import Pipeline
from rag.search.retrieve import Retriever
from rag.settings import Settings
from rag.types import Answer, Question

FILES = {
    "fire-herald.txt": "Warehouse fire in Dunmore\n\nThe fire in the Dunmore warehouse injured 14 workers. It broke out "
    "on 3 June 2024. The mayor visited the site.\n",
    "fire-post.txt": "Night fire at the docks\n\nDoctors say the Dunmore warehouse fire injured 19 workers. The roof "
    "fell in before midnight.\n",
    "storm-a.txt": "Storm over Calder Bay\n\nThe storm in Calder Bay destroyed thirty-one boats on 9 May 2023. Repairs "
    "will last until autumn.\n",
    "storm-b.txt": "What the wind left\n\nFishermen counted their losses: the storm in Calder Bay destroyed 31 boats "
    "that morning. Nobody was hurt.\n",
    "lottery-1.txt": "First lottery of the museum\n\nThe first museum lottery sold 400 tickets. A clock was the prize.\n",
    "lottery-2.txt": "Second lottery of the museum\n\nThe second museum lottery sold 650 tickets. A painting was the "
    "prize.\n",
    "dam.txt": "Who opened the dam gates\n\nThe ministry announced that the power company opened the gates of the Orlen "
    "dam. The director Paula Reyes denied that the power company opened the gates of the Orlen dam.\n",
    "census.txt": "Census of herons\n\nWardens counted 212 herons at Lake Moss in 2022. In 2023 they counted 240 herons "
    "at Lake Moss.\n",
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("agreement") / "reports"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = Settings()
    with Library.open(folder.parent / "library", settings, write=True, create=True) as library:
        assert not library.add([folder]).failed
        yield Pipeline(
            library, settings, OfflineReader(settings.answer), retriever=Retriever(library, settings.search)
        )


def ask(pipeline: Pipeline, question: str) -> Answer:
    answer = pipeline.ask(Question(question))
    assert isinstance(answer, Answer), "declined"
    return answer


def values(answer: Answer) -> set[str]:
    assert answer.disagreement is not None
    quotes = {citation.marker: citation.quote.text for citation in answer.citations}
    for value in answer.disagreement.values:
        assert value.citations
        assert all(value.value in quotes[marker] for marker in value.citations)
    return {value.value for value in answer.disagreement.values}


def names(answer: Answer) -> set[str]:
    return {Path(citation.path).name for citation in answer.citations}


def test_two_figures_for_one_thing_are_a_real_disagreement(pipeline: Pipeline) -> None:
    answer = ask(pipeline, "How many workers did the Dunmore warehouse fire injure?")
    assert set(answer.short_answers) == {"14", "19"}
    assert answer.disagreement is not None
    assert answer.disagreement.kind == "real"
    assert values(answer) == {"14", "19"}
    assert names(answer) >= {"fire-herald.txt", "fire-post.txt"}


def test_one_figure_in_two_spellings_is_one_answer_with_both_sources(pipeline: Pipeline) -> None:
    answer = ask(pipeline, "How many boats did the storm in Calder Bay destroy?")
    assert len(answer.short_answers) == 1
    assert answer.disagreement is None
    assert names(answer) == {"storm-a.txt", "storm-b.txt"}
    assert "[1][2]" in answer.text


def test_figures_of_two_events_are_an_apparent_disagreement(pipeline: Pipeline) -> None:
    answer = ask(pipeline, "How many tickets did the museum lottery sell?")
    assert answer.disagreement is not None
    assert answer.disagreement.kind == "apparent"
    assert values(answer) == {"400", "650"}


@pytest.mark.parametrize(("which", "figure"), [("first", "400"), ("second", "650")])
def test_a_question_that_names_the_event_has_one_answer(pipeline: Pipeline, which: str, figure: str) -> None:
    answer = ask(pipeline, f"How many tickets did the {which} museum lottery sell?")
    assert answer.short_answers == (figure,)
    assert answer.disagreement is None


def test_a_year_in_the_question_decides_between_two_counts(pipeline: Pipeline) -> None:
    answer = ask(pipeline, "How many herons did wardens count at Lake Moss in 2023?")
    assert answer.short_answers == ("240",)
    assert answer.disagreement is None


@pytest.mark.parametrize(
    "question",
    ["Did the power company open the gates of the Orlen dam?", "Who opened the gates of the Orlen dam?"],
)
def test_a_claim_and_its_denial_are_a_real_disagreement(pipeline: Pipeline, question: str) -> None:
    answer = ask(pipeline, question)
    assert answer.disagreement is not None
    assert answer.disagreement.kind == "real"
    assert any("denied" in value for value in values(answer))


@pytest.mark.parametrize(
    "question",
    ["Who denied that the company opened the gates?", "When did the Dunmore warehouse fire break out?"],
)
def test_no_disagreement_where_nothing_asked_is_disputed(pipeline: Pipeline, question: str) -> None:
    assert ask(pipeline, question).disagreement is None
