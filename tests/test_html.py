"""The one renderer of HTML: nothing lost, nothing repeated, nothing active."""

from __future__ import annotations

import html as standard_html
import re

from hypothesis import given
from hypothesis import strategies as st

from rag.html import Mark, context, highlighted
from rag.types import Span

texts = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("<>&\"' ")), max_size=60
)


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, list[Mark]]:
    text = draw(texts)
    ends = st.integers(0, len(text))
    marks = [
        Mark(Span(min(a, b), max(a, b)), css="quote")
        for a, b in draw(st.lists(st.tuples(ends, ends), max_size=5))
    ]
    return text, marks


@given(marked_texts())
def test_without_its_tags_the_html_is_the_text(case: tuple[str, list[Mark]]) -> None:
    text, marks = case
    rendered = highlighted(text, marks)
    assert standard_html.unescape(re.sub(r"</?mark[^>]*>", "", rendered)) == standard_html.unescape(
        standard_html.escape(text)
    )


@given(marked_texts())
def test_only_mark_elements_come_out(case: tuple[str, list[Mark]]) -> None:
    text, marks = case
    tags = re.findall(r"<[^>]*>", highlighted(text, marks))
    assert all(re.fullmatch(r'<mark class="quote">|</mark>', tag) for tag in tags)


def test_a_marked_part_is_the_slice() -> None:
    assert highlighted("a <b> c", [Mark(Span(2, 5), label="1", anchor="q")]) == (
        'a <mark class="quote" id="q"><sup>1</sup>&lt;b&gt;</mark> c'
    )


def test_overlapping_marks_keep_every_character_once() -> None:
    rendered = highlighted("abcdef", [Mark(Span(1, 4)), Mark(Span(3, 6))])
    assert rendered == 'a<mark class="quote">bcd</mark><mark class="quote">ef</mark>'


def test_the_window_limits_text_and_marks() -> None:
    assert highlighted("abcdef", [Mark(Span(0, 3))], Span(2, 5)) == '<mark class="quote">c</mark>de'


@given(texts, st.data())
def test_the_context_holds_the_span(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    around = context(text, span, 10)
    assert around.contains(span)
    assert around.end <= len(text)
