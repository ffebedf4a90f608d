"""The invariants that the types' constructors guard."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import (
    Answer,
    Citation,
    Document,
    Evidence,
    Filters,
    Hit,
    Page,
    Passage,
    Question,
    Quote,
    Span,
    Statement,
)

TEXT = "The gate was shut. Rain fell."
DOCUMENT = Document("d", TEXT, "0" * 64, "text/plain", "d.txt")
PASSAGE = Passage("d", 3, Span(0, 18), TEXT[:18])
HIT = Hit(PASSAGE, 0.5, 1, "fused")
CITATION = Citation(1, Quote("d", Span(0, 8), "The gate"), "d.txt")
ANSWER = Answer(
    Question("What was shut?"),
    "The gate [1]",
    (Statement("The gate", (1,)),),
    (CITATION,),
    (),
    (HIT,),
    "offline",
)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (-2, -1)])
def test_a_span_runs_forward_from_zero(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a span"):
        Span(start, end)


@given(st.text(), st.integers(0, 50), st.integers(0, 50))
def test_a_span_slices_or_refuses(text: str, one: int, other: int) -> None:
    span = Span(min(one, other), max(one, other))
    if span.end <= len(text):
        assert span.of(text) == text[span.start : span.end]
        assert len(span.of(text)) == len(span)
    else:
        with pytest.raises(ValueError, match="outside"):
            span.of(text)


def test_spans_compare_by_their_half_open_ends() -> None:
    assert not Span(0, 3).overlaps(Span(3, 5))
    assert Span(0, 4).overlaps(Span(3, 5))
    assert not Span(2, 2).overlaps(Span(0, 5))  # an empty span shares no character
    assert Span(0, 5).contains(Span(5, 5))
    assert not Span(0, 5).contains(Span(4, 6))
    assert Span(2, 4).shifted(3) == Span(5, 7)
    assert sorted([Span(2, 3), Span(0, 9), Span(0, 1)]) == [Span(0, 1), Span(0, 9), Span(2, 3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, "needs an id"),
        ({"text": "a\x00b"}, "no NUL"),
        ({"text": "a\r\nb"}, "carriage return"),
        ({"text": "e\u0301"}, "NFC"),
        ({"furniture": (Span(0, 5), Span(4, 6))}, "furniture must ascend"),
        ({"furniture": (Span(4, 6), Span(0, 2))}, "furniture must ascend"),
        ({"headings": (Span(20, 30),)}, "headings: .* outside"),
        ({"pages": (Page(1, Span(0, 40)),)}, "pages: .* outside"),
        ({"published": "last Tuesday"}, "published is not an ISO 8601 date"),
        ({"modified": ""}, "modified is not an ISO 8601 date"),
    ],
)
def test_a_document_is_canonical_and_its_spans_lie_in_it(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(DOCUMENT, **change)  # type: ignore[arg-type]


def test_curly_quotes_and_no_break_spaces_are_canonical() -> None:
    assert replace(DOCUMENT, text="“a”\u00a0b").text == "“a”\u00a0b"


def test_pages_and_furniture_are_found_by_place() -> None:
    document = replace(
        DOCUMENT, pages=(Page(1, Span(0, 18)), Page(2, Span(19, 29))), furniture=(Span(19, 23),)
    )

    assert [document.page_at(at) for at in (0, 17, 18, 19, 28, 29)] == [1, 1, None, 2, 2, None]
    assert document.is_furniture(Span(22, 25))
    assert not document.is_furniture(Span(23, 25))
    with pytest.raises(ValueError, match="count from 1"):
        Page(0, Span(0, 1))


def test_a_passage_has_as_many_characters_as_its_span_and_an_id_that_sorts() -> None:
    assert PASSAGE.id == "d:00003"
    with pytest.raises(ValueError, match="18 characters of text for a span of 17"):
        Passage("d", 3, Span(0, 17), TEXT[:18])


def test_filters_are_false_only_when_empty() -> None:
    assert not Filters()
    assert all(
        [
            Filters(sources=("a",)),
            Filters(documents=("a",)),
            Filters(languages=("en",)),
            Filters(date_to="2031-01-01"),
        ]
    )
    with pytest.raises(ValueError, match="from is not an ISO 8601 date"):
        Filters(date_from="01/02/2031")


def test_a_quote_is_never_empty_and_never_another_length() -> None:
    for text in ("", "The gat"):
        with pytest.raises(ValueError, match="non-empty slice"):
            Quote("d", Span(0, len(text) + 1 if text else 0), text)


def test_evidence_is_a_place_or_words_and_not_both() -> None:
    for both in ({}, {"span": Span(0, 1), "words": "T"}):
        with pytest.raises(ValueError, match="either a span or words"):
            Evidence("d", **both)  # type: ignore[arg-type]


def test_a_statement_has_a_citation() -> None:
    with pytest.raises(ValueError, match="withhold it"):
        Statement("The gate", ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"citations": ()}, "at least one citation"),
        ({"citations": (replace(CITATION, marker=2),)}, "numbered 1..n"),
        ({"statements": (Statement("The gate", (2,)),)}, "some do not exist"),
        ({"hits": ()}, "not inside a passage that was shown"),
        (
            {"citations": (replace(CITATION, quote=Quote("d", Span(15, 20), TEXT[15:20])),)},
            "not inside a passage",
        ),
        (
            {"citations": (replace(CITATION, quote=Quote("e", Span(0, 8), "The gate")),)},
            "not inside a passage",
        ),
    ],
)
def test_an_answer_shows_only_numbered_quotes_of_shown_passages(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ANSWER, **change)  # type: ignore[arg-type]


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        CITATION.marker = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        DOCUMENT.text = ""  # type: ignore[misc]
