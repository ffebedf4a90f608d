"""What a sentence tells of another time than the question asks of, or less exactly."""

from __future__ import annotations

import pytest

from rag.answer.candidates import sentences_of, with_neighbours
from rag.answer.features import Candidate
from rag.answer.mismatch import mismatched
from rag.answer.reader import OfflineReader
from rag.settings import AnswerSettings
from rag.types import Span


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How many ferries sank in 2021?", "Three ferries sank in 2019.", True),
        ("How many ferries sank in 2021?", "Three ferries sank in March 2021.", False),
        ("How many ferries sank in March 2021?", "Three ferries sank in April 2021.", True),
        ("How many ferries sank in March 2021?", "Three ferries sank in 2021.", False),
        ("How many ferries sank in 2021?", "Three ferries sank off Arden.", False),
        (
            "¿Cuántos transbordadores se hundieron en 2021?",
            "En 2019 se hundieron tres transbordadores.",
            True,
        ),
        # A limit is no date of its own.
        ("How many ferries had sunk by May 2021?", "Three ferries sank in April 2021.", False),
        ("How many ferries sank since 2018?", "Three ferries sank in 2019.", False),
        ("On which day did the ferry sink?", "The ferry sank in April 2021.", True),
        ("On which day did the ferry sink?", "The ferry sank on 4 April 2021.", False),
        ("On which day did the ferry sink?", "The ferry sank on a Friday in April.", False),
        ("On which day of the week did the ferry sink?", "The ferry sank in April 2021.", False),
        ("When did the ferry sink?", "The ferry sank in April 2021.", False),
        ("On which day did the ferry sink?", "No source names the day on which the ferry sank.", False),
        ("How many tonnes were on board?", "The ferry carried fewer tonnes in March 2021 than ever.", True),
        ("How many tonnes were on board?", "In March 2021 the ferry carried 40 tonnes.", False),
        ("How many tonnes were on board?", "The ferry carried several tonnes.", False),
        ("How many were saved?", "Half of the passengers were saved.", False),
        ("How high is the fine?", "The fine can reach a tenth of the turnover.", False),
        ("How high is the fine?", "The fine is not yet in force.", True),
        ("How old is the captain?", "The captain, by now an old man, blamed the wind on 4 May 2021.", True),
        ("How old is the captain?", "The captain, 61, blamed the wind.", False),
        ("How old is the captain?", "The captain was born in Arden in 1960.", False),
        ("¿Qué edad tiene la capitana?", "La capitana, ya mayor, culpó al viento.", True),
    ],
)
def test_what_a_sentence_tells_of_something_else(question: str, sentence: str, expected: bool) -> None:
    whole = Span(0, len(sentence))
    found = [
        Candidate("d", span, span.of(sentence), 1, whole, sentence) for span in sentences_of(sentence, None)
    ]
    ranked = OfflineReader(AnswerSettings()).rank(question, with_neighbours(found))
    assert ranked is not None
    assert mismatched(ranked) is expected
