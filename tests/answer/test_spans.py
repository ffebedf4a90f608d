"""The short answer of one sentence has the form that the question asks for."""

from __future__ import annotations

import pytest

from rag.answer.candidates import with_neighbours
from rag.answer.features import Candidate
from rag.answer.reader import OfflineReader
from rag.answer.scope import scope_of
from rag.answer.spans import first_figure, found_in, spoken
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
        # Nor is a count a length.
        ("How long is the border?", "Encounters along the border fell to 12,035 in April.", None),
        ("How long is the border?", "The two share 3,000 kilometres of border.", "3,000 kilometres"),
        ("How long is the report?", "The report, 212 pages in all, was kept back.", "212 pages"),
    ],
)
def test_amounts(question: str, text: str, answer: str | None) -> None:
    assert short_answer(question, text) == answer


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("“[What does that say?” he asked in a video], a day later.", "What does that say?"),
        ('"[We paid," she said, "for nothing]", and left.', "We paid,"),
        ("Mara said: “[We paid for nothing]”, and left.", "We paid for nothing"),
        ("The “[Blue Door” and the Red Room] closed.", "Blue Door” and the Red Room"),
        ("“[Dark Waters” and “Silent Rain”, which won] it.", "Dark Waters” and “Silent Rain”, which won"),
        ("“[Blue Note” records and warning signs].", "Blue Note” records and warning signs"),
        ("[Mara asked “why”] twice.", "Mara asked “why”"),
    ],
)
def test_spoken_words_end_with_their_quotation(text: str, cut: str) -> None:
    span, text = marked(text)
    assert spoken(span, text).of(text) == cut


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("[12,035 encounters in April, against 179,737] a year ago.", "12,035 encounters in April"),
        ("[61 per cent (up from 58)] voted.", "61 per cent"),
        ("[those compared with 40] others.", "those compared with 40"),
        ("[12 % frente al 10 %] de 2023.", "12 %"),
        ("[212 in favour and 218 against].", "212 in favour and 218 against"),
        ("[2 suits against the city] and 3 more.", "2 suits against the city"),
        ("[the 2024 total, compared with 40].", "the 2024 total, compared with 40"),
        ("[between 30 and 40] people.", "between 30 and 40"),
    ],
)
def test_a_figure_ends_before_what_it_is_compared_with(text: str, cut: str) -> None:
    span, text = marked(text)
    assert first_figure(span, text).of(text) == cut


def marked(text: str) -> tuple[Span, str]:
    """The place between the brackets, and the text without them."""
    return Span(text.index("["), text.index("]") - 1), text.replace("[", "").replace("]", "")
