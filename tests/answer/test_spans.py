"""The short answer of one sentence has the form that the question asks for."""

from __future__ import annotations

import pytest

from rag.answer.candidates import with_neighbours
from rag.answer.features import Candidate
from rag.answer.reader import OfflineReader
from rag.answer.scope import scope_of
from rag.answer.spans import found_in
from rag.settings import AnswerSettings
from rag.types import Span


def short_answer(question: str, text: str) -> str | None:
    whole = Span(0, len(text))
    ranked = OfflineReader(AnswerSettings()).rank(
        question, with_neighbours([Candidate("d", whole, text, 1, whole, text)])
    )
    assert ranked is not None
    found = found_in(ranked, 0, scope_of(question))
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "How much of the country's territory do the gangs control?",
            "The gangs control 30% to 40% of the country's territory, the general said.",
            "30% to 40%",
        ),
        (
            "How much funding did the council approve for the bridge?",
            "The council approved $2.5 million in funding for the bridge at its third meeting.",
            "$2.5 million",
        ),
        (
            "How much of the harvest was lost to the frost?",
            "Two thirds of the harvest was lost to the frost, the growers said on Monday.",
            "Two thirds",
        ),
        # A share is no number of people.
        ("How many people voted?", "Turnout was 61 per cent on Sunday.", None),
    ],
)
def test_amounts(question: str, text: str, answer: str | None) -> None:
    assert short_answer(question, text) == answer
