"""Where the words of a quote are found: with other typesetting, in any text, and at what cost."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rag.answer.finding import find_quote
from rag.answer.folding import fold
from rag.answer.verify import verify
from rag.documents.building import canonical
from rag.types import Draft, DraftStatement, Evidence, Span
from tests.answer.verifying import QUESTION, check, document, hits_of, says

# --- folding -------------------------------------------------------------------------------------------------------


FOLDED = {
    "straight for curly": ("He called it “a gift”.", 'called it "a gift"', "called it “a gift”"),
    "single for double": ("He called it “a gift”.", "called it 'a gift'", "called it “a gift”"),
    "angle for curly": ("Lo llamó “un regalo” ayer.", "llamó «un regalo» ayer", "llamó “un regalo” ayer"),
    "apostrophe": ("The ship’s bell", "ship's bell", "ship’s bell"),
    "dash": ("The bell – old — rang", "bell - old – rang", "bell – old — rang"),
    "double hyphen": ("It rang—twice", "rang--twice", "rang—twice"),
    "white space": ("The\u00a0 ship\n sank", "The ship sank", "The\u00a0 ship\n sank"),
    "soft hyphens": ("The har\u00adbour\u00ad master", "harbour master", "har\u00adbour\u00ad master"),
    "zero width": ("The ship\u200b sank\ufeff fast", "ship sank fast", "ship\u200b sank\ufeff fast"),
    "ligatures": ("The ﬁrst ofﬁcer", "first officer", "ﬁrst ofﬁcer"),
    "ellipsis": ("He paused… then left", "paused... then", "paused… then"),
    "ellipsis, other way": ("He paused... then left", "paused… then", "paused... then"),
    "broken word": ("The nar-\nco boats", "narco boats", "nar-\nco boats"),
    "broken compound": ("A well-\nknown boat", "well-known boat", "well-\nknown boat"),
    "both kinds of break": (
        "A well-\nknown nar-\nco boat",
        "well-known narco boat",
        "well-\nknown nar-\nco boat",
    ),
    "broken, with a space": ("The nar-\n  co boats", "nar- co boats", "nar-\n  co boats"),
    "soft hyphen at a break": ("The nar\u00ad\nco boats", "narco boats", "nar\u00ad\nco boats"),
    "a figure broken at its dash": ("In 2018-\n2024 it sank", "2018-2024 it sank", "2018-\n2024 it sank"),
    "full width": ("Berth Ａ３ is free", "Berth A3 is free", "Berth Ａ３ is free"),
    "decomposed": ("Peña spoke", "Pen\u0303a spoke", "Peña spoke"),
    "wrapped in quotation marks": ("The ship sank.", '"The ship sank."', "The ship sank."),
    "emoji with a joiner": ("Our 👩\u200d✈️ flew the plane", "👩✈ flew", "👩\u200d✈️ flew"),
    "after İ": ("İİİİİ The mayor’s plan", "The mayor's plan", "The mayor’s plan"),
    "after ß": ("Straße ßßß “ja” sagte", '"ja" sagte', "“ja” sagte"),
    "after combining marks": ("x\u0302y\u0302 “ja” she said", '"ja" she', "“ja” she"),
    "regex signs": ("Costs (a+b)* [x] “so” .*", 'Costs (a+b)* [x] "so" .*', "Costs (a+b)* [x] “so” .*"),
}


@pytest.mark.parametrize(("text", "words", "slice_"), FOLDED.values(), ids=FOLDED)
def test_folded_words_are_found_and_the_original_is_printed(text: str, words: str, slice_: str) -> None:
    source = document(canonical(text))
    verified = check(says(words), source)

    assert verified.citations[0].quote.text == canonical(slice_)
    found = find_quote(words, source, [Span(0, len(source.text))])
    assert found is not None
    assert found.state == ("exact" if canonical(words) in source.text else "folded")


NOT_FOLDED = {
    "accents": ("Peña spoke", "Pena spoke"),
    "case": ("The Ship sank", "the ship sank"),
    "superscript": ("It has 10² berths", "102 berths"),
    "fraction": ("It took 3½ hours", "31/2 hours"),
    "a hyphen that no line break made": ("They re-sign it", "They resign it"),
    "a missing hyphen": ("They resign it", "They re-sign it"),
    "a missing space": ("It is now here", "It is nowhere"),
    "feet and inches": ("It is 5' long", 'It is 5" long'),
    "sharp s": ("Straße", "Strasse"),
    "a broken word before a capital": ("The Lind-\nHolm ferry", "LindHolm ferry"),
    "a circled digit": ("Berth ① is free", "Berth 1 is free"),
}


@pytest.mark.parametrize(("text", "words"), NOT_FOLDED.values(), ids=NOT_FOLDED)
def test_what_is_not_typesetting_is_not_folded(text: str, words: str) -> None:
    source = document(text)

    assert find_quote(words, source, [Span(0, len(text))]) is None


@pytest.mark.parametrize(
    "words", ["(", "a) the first", "[", "\\", "(?P<x>", "a{9999999}", "*", "nar-\nco(", "\ufdd0"]
)
def test_words_are_never_a_pattern(words: str) -> None:
    source = document("The nar-\nco boats, a) the first item.")

    found = find_quote(words, source, [Span(0, len(source.text))])
    assert found is None or found.span.of(source.text) == words


# --- properties ----------------------------------------------------------------------------------------------------


_TRICKY = "abİıßéñ 1.5,7 \n\t-–—“”\"'’«»…ﬁﬂ\u00ad\u200b\u200d\ufe0f\u0301\u0302👩✈①²½Ａ\ufdd0\u00a0"
_texts = st.text(alphabet=st.sampled_from(_TRICKY), max_size=60).map(canonical) | st.text(max_size=60).map(
    canonical
)


@given(_texts, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_for_any_text_and_any_span_what_is_printed_is_the_slice(text: str, one: int, other: int) -> None:
    source = document(text)
    span = Span(min(one, other), max(one, other))
    shown = Span(0, len(text))
    verified = verify(
        Draft((DraftStatement(None, (Evidence("council", span=span),)),)),
        QUESTION,
        hits_of((source, shown)),
        {source.id: source},
    )

    for citation in verified.citations:
        quote = citation.quote
        assert quote.text == text[quote.span.start : quote.span.end] == span.of(text).strip()
    assert len(verified.citations) + len(verified.withheld) == 1


@given(_texts, _texts, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_for_any_words_what_is_found_folds_to_them_and_lies_where_it_may(
    text: str, words: str, one: int, other: int
) -> None:
    within = Span(min(one, other, len(text)), min(max(one, other), len(text)))
    source = document(text)
    for wanted in (words, within.of(text)):
        found = find_quote(wanted, source, [within])
        if found is None:
            continue
        assert within.contains(found.span)
        piece = found.span.of(text)
        if found.state == "exact":
            assert piece == unicodedata.normalize("NFC", wanted).strip()
        else:
            assert _bare(piece) == _bare(wanted)


def _bare(text: str) -> str:
    """The letters and figures alone: no folding may ever change these."""
    folded = fold(unicodedata.normalize("NFC", text)).text
    return "".join(char for char in folded if char.isalnum())


@given(st.text(alphabet=st.sampled_from(_TRICKY), min_size=1, max_size=80).map(canonical))
@settings(max_examples=300, deadline=None)
def test_folding_maps_every_folded_stretch_back_to_what_folds_to_it(text: str) -> None:
    folded = fold(text)
    for start in range(len(folded.text)):
        for end in range(start + 1, min(start + 6, len(folded.text)) + 1):
            span = folded.original(start, end)
            if span is not None:
                assert 0 <= span.start < span.end <= len(text)
                # Context (a digit before a quotation mark, a letter before a line break) may fold marks differently.
                assert _bare(span.of(text)) == "".join(
                    char for char in folded.text[start:end] if char.isalnum()
                )


_words = st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=5), min_size=4, max_size=12)


@given(_words, st.integers(1, 998), st.data())
@settings(max_examples=200, deadline=None)
def test_a_change_of_one_word_or_figure_is_never_accepted(
    words: list[str], figure: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(words) - 1))
    true = [*words[:at], str(figure), "not", *words[at:]]
    source = document(f"Zulu {' '.join(true)} Zulu.")
    spans = [Span(0, len(source.text))]
    lies = [
        [*words[:at], str(figure + 1), "not", *words[at:]],
        [*words[:at], str(figure), *words[at:]],
        [*words[:at], str(figure), "not", "quite", *words[at:]],
        [*words[:at], "not", str(figure), *words[at:]],
    ]

    assert find_quote(" ".join(true), source, spans) is not None
    for lie in lies:
        assume(" ".join(lie) not in source.text)
        assert find_quote(" ".join(lie), source, spans) is None


# --- cost ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 1_000_000, "a" * 1_000),
        ("a " * 500_000, "a " * 400 + "b"),
        ("nar-\nco " * 120_000, "narco " * 100 + "nar"),
        ("-" * 1_000_000 + "x", "- - x"),
        ("\u200b" * 1_000_000 + "x", "x y"),
        (" " * 1_000_000 + "x", "x y"),
        ("“a” " * 250_000, '"a" ' * 200 + "b"),
        ("7" * 1_000_000, "7" * 500),
    ],
    ids=[
        "one letter",
        "one word",
        "broken words",
        "dashes",
        "invisible",
        "blank",
        "quotation marks",
        "one figure",
    ],
)
def test_a_megabyte_of_anything_costs_seconds_at_most(text: str, words: str) -> None:
    source = document(text)
    start = time.process_time()
    verified = check(says(words), source)

    assert not verified.citations
    assert time.process_time() - start < 12
