"""The second reading of a candidate: it with its neighbours alone, and its answer as a claim."""

from __future__ import annotations

import numpy as np
import pytest

from rag.answer.candidates import sentences_of, with_neighbours
from rag.answer.features import DRAFT_FEATURES, Candidate
from rag.answer.network import Reading, Window, agreed, put, shipped_network
from rag.answer.ranked import Ranked
from rag.answer.reader import OfflineReader
from rag.settings import AnswerSettings
from rag.types import Span

TEXT = (
    "The ferry to Lindo was cancelled on Friday. Captain Ana Ruiz blamed a broken rudder. "
    "Forty passengers waited at the pier. The bakery beside it sold out of bread by noon. "
    "A second boat came at five."
)


def ranked_for(question: str) -> Ranked:
    whole = Span(0, len(TEXT))
    ranked = OfflineReader(AnswerSettings()).rank(
        question,
        with_neighbours(
            [Candidate("d", span, span.of(TEXT), 1, whole, TEXT) for span in sentences_of(TEXT, "en")]
        ),
    )
    assert ranked is not None
    return ranked


def test_a_look_reads_the_sentence_between_its_neighbours() -> None:
    question = "Who blamed a broken rudder?"
    ranked = ranked_for(question)
    at = ranked.order[0]
    one = ranked.candidates[at]
    assert one.text == "Captain Ana Ruiz blamed a broken rudder."
    around = f"{one.before} {one.text} {one.after}"
    assert "bakery" not in around
    network = shipped_network()
    (reading,) = network.read(question, [("", around)])
    look = ranked.look(at)
    assert look.relevance == pytest.approx(reading.relevance)
    found = reading.best(Span(len(one.before) + 1, len(one.before) + 1 + len(one.text)))
    assert found is not None
    assert look.span == pytest.approx(found[1], abs=1e-4)
    span = ranked.spans[at]
    assert span is not None
    assert look.verified == pytest.approx(network.support([(put(question, span.of(TEXT)), around)])[0])
    assert ranked.look(at) is look  # read once


def test_a_look_tells_the_answer_from_another_sentence() -> None:
    ranked = ranked_for("Who blamed a broken rudder?")
    best, boat = ranked.order[0], 4
    assert "second boat" in ranked.candidates[boat].text
    assert ranked.look(best).span > ranked.look(boat).span + 2
    assert ranked.look(best).relevance > ranked.look(boat).relevance + 2


def test_a_spanish_question_is_looked_at_too() -> None:
    ranked = ranked_for("¿Quién culpó al timón roto?")
    best = ranked.order[0]
    assert "rudder" in ranked.candidates[best].text
    one = ranked.candidates[best]
    (reading,) = shipped_network().read(
        "¿Quién culpó al timón roto?", [("", f"{one.before} {one.text} {one.after}")]
    )
    assert ranked.look(best).relevance == pytest.approx(reading.relevance)


def test_the_draft_row_is_about_the_best_sentence() -> None:
    ranked = ranked_for("Who blamed a broken rudder?")
    other = np.where(np.arange(len(ranked.candidates)) == 3, 1.0, 0.0)
    row = dict(zip(DRAFT_FEATURES, ranked.draft_row(other), strict=True))
    assert row["look_relevance"] == ranked.look(3).relevance


@pytest.mark.parametrize(
    ("question", "strange"),
    [
        ("Who blamed a broken rudder?", False),
        ("Which volcano erupted near Sumatra during the monsoon?", True),
        (
            "¿A quién culpó la capitana Ana Ruiz?",
            False,
        ),  # in another language than the text, which has the names
        ("¿Qué volcán hizo erupción cerca de Sumatra?", True),
    ],
)
def test_a_question_about_something_else_is_strange(question: str, strange: bool) -> None:
    ranked = ranked_for(question)
    row = dict(zip(DRAFT_FEATURES, ranked.draft_row(ranked.scores), strict=True))
    assert bool(row["strange"] > 0) is strange


def test_a_look_reads_with_the_title_and_without() -> None:
    whole = Span(0, len(TEXT))
    ranked = OfflineReader(AnswerSettings()).rank(
        "Who blamed a broken rudder?",
        with_neighbours([Candidate("d", whole, TEXT, 1, whole, TEXT, heading="Ferries")]),
    )
    assert ranked is not None
    both = shipped_network().read("Who blamed a broken rudder?", [("Ferries", TEXT), ("", TEXT)])
    assert ranked.look(0).relevance == pytest.approx(sum(reading.relevance for reading in both) / 2)


def test_the_answer_is_where_the_readings_agree() -> None:
    ranked = ranked_for("Who blamed a broken rudder?")
    best = ranked.order[0]
    for index in ranked.order:
        one = ranked.candidates[index]
        found = ranked.closely(index, one.span)
        assert found is not None
        assert one.span.contains(found[0])
    found = ranked.closely(best, ranked.candidates[best].span)
    assert found is not None
    assert "Ana Ruiz" in found[0].of(TEXT)
    assert found == ranked.best_in(best, ranked.candidates[best].span)
    half = Span(ranked.candidates[best].span.start + 17, ranked.candidates[best].span.end)
    inside = ranked.closely(best, half)
    assert inside is not None
    assert half.contains(inside[0])
    assert ranked.closely(best, Span(half.start, half.start)) is None


def test_the_mean_of_readings_is_taken_over_the_tokens_that_all_have() -> None:
    def reading(shift: int, start: list[float], end: list[float]) -> Reading:
        tokens = np.array([[4 * place + shift, 4 * place + shift + 3] for place in range(len(start))])
        return Reading((Window(tokens, np.array(start, np.float32), np.array(end, np.float32), 0.0),))

    one = reading(0, [0, 3, 0, 0], [0, 3, 0, 0])  # for the second word
    two = reading(0, [0, 9, 0], [0, 0, 9])  # begins a word later: for the third and fourth
    assert agreed([(one, 0)], Span(0, 16)) == (Span(4, 7), 6.0)
    assert agreed([(two, 4)], Span(0, 16)) == (Span(8, 15), 18.0)
    assert agreed([(one, 0), (two, 4)], Span(0, 16)) == (Span(8, 15), 9.0)
    assert agreed([(one, 0), (two, 4)], Span(0, 8)) == (Span(4, 7), 3.0)  # the words of both inside
    assert agreed([(one, 0), (two, 16)], Span(0, 16)) == (Span(4, 7), 6.0)  # the other has no word there
    assert agreed([], Span(0, 16)) is None
    assert agreed([(one, 0)], Span(20, 30)) is None


def test_an_answer_is_put_to_its_question() -> None:
    assert put("who sold the boat", "Ana Ruiz") == "who sold the boat? Ana Ruiz"
    assert put("Who sold the boat? ", "Ana Ruiz") == "Who sold the boat? Ana Ruiz"
