"""Which event a sentence speaks of, by ordinals, dates and sums."""

from __future__ import annotations

import pytest

from rag.answer.features import Candidate
from rag.answer.scope import apart, clause, fit, same_ordinal, scope_of
from rag.types import Span


def sentence(text: str, heading: str = "", before: str = "") -> Candidate:
    return Candidate(
        "d", Span(0, len(text)), text, 1, Span(0, len(text)), text, before=before, heading=heading
    )


THIRD = "How many people were on the third flight?"


@pytest.mark.parametrize(
    ("question", "better", "worse"),
    [
        (THIRD, "The third flight carried 37 prisoners.", "The second flight carried 26 prisoners."),
        (THIRD, "The third flight carried 37 prisoners.", "92 people have been sent on three flights."),
        (THIRD, "Flight: 3; People: 37; Total: 92", "Flight: 2; People: 26; Total: 55"),
        (THIRD, "It carried 37 prisoners.", "In total they carried 92 prisoners."),
        ("¿Cuántas personas iban en el tercer vuelo?", "En el tercer vuelo iban 37.", "Con ellos ya son 92."),
        ("How many were sent in all?", "92 people have been sent so far.", "Prisoners sent: 29."),
        ("How many were sent altogether?", "They sent 92 people.", "Another 26 were sent."),
        ("How many were counted in March 2025?", "In March 2025 it was 12.", "In April 2025 it was 14."),
    ],
)
def test_the_sentence_about_the_event_fits_better(question: str, better: str, worse: str) -> None:
    asked = scope_of(question)
    assert fit(asked, sentence(better)) > fit(asked, sentence(worse))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("The third flight carried 37 prisoners.", True),
        ("37 prisoners left on Tuesday, the third such flight in a year.", True),
        ("Flight: 3; People: 37; Total: 92", True),
        ("The second flight carried 26 prisoners.", False),
        ("The third lawyer spoke of 37 prisoners.", False),
        ("It carried 37 prisoners.", False),
    ],
)
def test_the_very_one_that_the_question_counts(text: str, same: bool) -> None:
    assert same_ordinal(scope_of(THIRD), sentence(text)) is same
    assert not same_ordinal(scope_of("How many people were on the flight?"), sentence(text))


def test_the_heading_decides_what_the_sentence_leaves_open() -> None:
    asked = scope_of(THIRD)
    text = "Another 37 people were flown out."
    third, second = sentence(text, "Third flight north"), sentence(text, "The second flight")
    assert fit(asked, third) > 0 > fit(asked, second)
    # A sentence of its own wins over the heading.
    assert fit(asked, sentence("The second flight had 26.", "Third flight north")) < 0


@pytest.mark.parametrize(
    "question", ["How many people were flown out?", "Is there a study behind a third of it?"]
)
def test_a_question_that_names_no_event_prefers_none(question: str) -> None:
    asked = scope_of(question)
    assert fit(asked, sentence("The second flight carried 26 prisoners.")) == 0.0


def test_the_part_of_a_sentence_about_the_event() -> None:
    text = "The first trip took 29 people, the second, a day late, took 26 and the third took 37."
    parts = {
        number: clause(scope_of(f"How many on the {number} trip?"), text)
        for number in ("first", "second", "third")
    }
    assert {number: part and part.of(text).rstrip(" ,") for number, part in parts.items()} == {
        "first": "The first trip took 29 people",
        "second": "the second, a day late, took 26",
        "third": "the third took 37.",
    }
    assert clause(scope_of("How many on the fourth trip?"), text) is None
    assert clause(scope_of("How many people?"), text) is None


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("The first flight took 29.", "The second flight took 26.", "they count different events"),
        ("So far 55 people were sent.", "The plane took 26 people.", "one is a total"),
        ("Another 37 were sent.", "They sent 29.", "one is a part of a larger number"),
        ("In May 2024 it was 5.", "In May 2025 it was 7.", "they are of different dates"),
        ("They sent 29 people.", "They sent 31 people.", None),
    ],
)
def test_why_two_figures_may_both_be_right(one: str, other: str, reason: str | None) -> None:
    assert apart(sentence(one), sentence(other)) == reason
