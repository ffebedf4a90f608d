"""Passages: what holds for any document, then one trap per test."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.documents.building import TextBuilder, canonical, merge_spans
from rag.errors import SettingsError
from rag.index.embed import Embedder, PackagedEmbedder, Vectors
from rag.index.split import embedding_text, split
from rag.settings import IndexSettings
from rag.types import Document, Passage, Span

PACKAGED = PackagedEmbedder()


class CountingEmbedder:
    """Tokens of three characters that reach across white space, so that joined sentences count more than their sum."""

    name, dimension, window, english_only = "counting", 2, 64, True

    def token_spans(self, text: str) -> list[Span]:
        return [Span(at, min(at + 3, len(text))) for at in range(0, len(text), 3)]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) for text in texts]

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([1, 0], np.float32), (len(texts), 1))

    def encode_query(self, text: str) -> Vectors:
        return self.encode([text])[0]


def document(text: str, **known: object) -> Document:
    return Document(
        **{"id": "d", "text": text, "sha256": "0", "media_type": "text/plain", "path": "d.txt", **known}
    )  # type: ignore[arg-type]


def check(doc: Document, passages: Sequence[Passage], embedder: Embedder, chosen: IndexSettings) -> None:
    """The invariants of the design."""
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    for before, after in pairwise(passages):
        assert before.span.start < after.span.start
        assert before.span.end < after.span.end
        shared = doc.text[after.span.start : before.span.end]
        assert embedder.count_tokens([shared])[0] <= chosen.overlap_tokens
    covered = merge_spans([passage.span for passage in passages] + list(doc.furniture))
    at = 0
    for span in covered:
        assert not doc.text[at : span.start].strip()
        at = span.end
    assert not doc.text[at:].strip()
    for passage in passages:
        assert passage.text == passage.span.of(doc.text)
        assert passage.text.strip() == passage.text != ""
        assert len(passage.text.split()[0]) <= 16 * chosen.passage_tokens + 15
        assert not doc.is_furniture(passage.span)
        embedded = embedding_text(doc.title, passage)
        assert embedded.endswith(passage.text)
        assert passage.tokens == embedder.count_tokens([embedded])[0] <= embedder.window - 2
        # A heading is only ever at the beginning, alone or after other headings.
        for heading in doc.headings:
            if heading.of(doc.text).strip() and heading.overlaps(passage.span):
                before = Span(min(passage.span.start, heading.start), heading.start)
                between = "".join(
                    doc.text[i]
                    for i in range(before.start, before.end)
                    if not any(h.start <= i < h.end for h in doc.headings)
                )
                assert not between.strip()


_ODD = [
    "🙂",
    "👩‍👩‍👧",
    "e\u0301\u0323",
    "北京大学",
    "ﷺ",
    "각",
    "\u200b",
    "\u00a0",
    "\u3000",
    "\t",
    "ß",
    "İ",
    "x" * 130,
    "a-" * 90,
]
_WORDS = st.sampled_from(
    [*"aIv.!?,;\n ", "prison", "extradition", "U.S.", "Mr.", "\n\n", ". ", "Sheinbaum said ", *_ODD]
)
_TEXT = st.one_of(
    st.text(max_size=200),
    st.lists(_WORDS, max_size=150).map(" ".join),
    st.lists(_WORDS, max_size=80).map("".join),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = canonical(draw(_TEXT))

    def spans() -> tuple[Span, ...]:
        ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
        return tuple(Span(a, b) for a, b in list(pairwise(ends))[::2])

    title = draw(
        st.none()
        | st.sampled_from(["", "A title", "Ein sehr langer Titel " * 12, "題" * 90, "x" * 300, "\n a \t"])
    )
    kind = draw(st.sampled_from(["text/plain", "text/csv"]))
    return document(text, headings=spans(), furniture=spans(), title=title, media_type=kind)


@given(documents(), st.sampled_from([(200, 32), (40, 10), (16, 0), (254, 100)]))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_with_the_packaged_tokenizer(doc: Document, sizes: tuple[int, int]) -> None:
    chosen = IndexSettings(passage_tokens=sizes[0], overlap_tokens=sizes[1])
    check(doc, split(doc, PACKAGED, chosen), PACKAGED, chosen)


@given(documents(), st.sampled_from([(60, 20), (20, 5)]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_with_tokens_that_reach_across_white_space(
    doc: Document, sizes: tuple[int, int]
) -> None:
    doc = document(doc.text, headings=doc.headings, furniture=doc.furniture)
    chosen = IndexSettings(passage_tokens=sizes[0], overlap_tokens=sizes[1])
    embedder = CountingEmbedder()
    try:
        passages = split(doc, embedder, chosen)
    except SettingsError:  # a heading of the random text leaves a window of 64 no room
        assert any(len(heading) > 30 for heading in doc.headings)
        return
    check(doc, passages, embedder, chosen)


def test_a_short_document_is_one_passage() -> None:
    (passage,) = split(document("  One sentence. Another one.\n"), PACKAGED, IndexSettings())
    assert (passage.text, passage.span, passage.heading) == ("One sentence. Another one.", Span(2, 28), None)
    assert passage.tokens == 6  # one, sentence, ., another, one, .


@pytest.mark.parametrize("text", ["", " \n\n \t"])
def test_nothing_to_say_gives_no_passage(text: str) -> None:
    assert split(document(text), PACKAGED, IndexSettings()) == ()


SENTENCES = [f"Witness number {n} told the court about the shipment." for n in range(40)]  # ten tokens each


def test_passages_are_of_even_size_and_share_whole_sentences() -> None:
    doc = document(" ".join(SENTENCES))
    chosen = IndexSettings(passage_tokens=100, overlap_tokens=25)
    passages = split(doc, PACKAGED, chosen)
    check(doc, passages, PACKAGED, chosen)
    assert max(p.tokens for p in passages) <= 100
    assert min(p.tokens for p in passages) >= 60
    for before, after in pairwise(passages):
        shared = doc.text[after.span.start : before.span.end]
        assert shared == " ".join(s for s in SENTENCES if s in shared)
        assert shared.count("Witness") == 2
    for passage in passages:
        assert re.fullmatch(r"Witness .* shipment\.", passage.text)


def test_repeated_text_keeps_its_own_places() -> None:
    # LlamaIndex's splitter finds offsets by searching and points at the first occurrence of these.
    doc = document("The same sentence again. " * 60)
    chosen = IndexSettings(passage_tokens=50, overlap_tokens=0)
    passages = split(doc, PACKAGED, chosen)
    check(doc, passages, PACKAGED, chosen)
    assert [p.span.start for p in passages] == sorted({p.span.start for p in passages})
    assert passages[-1].span.end == len(doc.text) - 1


def test_a_heading_opens_a_passage_and_names_the_next_ones() -> None:
    builder = TextBuilder()
    builder.add("Report on flights", "heading")
    builder.add("A summary", "heading")
    builder.add("The first paragraph.")
    builder.add("Numbers", "heading")
    builder.add(" ".join(SENTENCES[:15]))
    doc = document(builder.text, headings=tuple(builder.headings), title="Report on flights")
    chosen = IndexSettings(passage_tokens=100, overlap_tokens=0)
    passages = split(doc, PACKAGED, chosen)
    check(doc, passages, PACKAGED, chosen)
    assert [(p.heading, p.text[:30]) for p in passages] == [
        ("A summary", "Report on flights\n\nA summary\n\n"),
        ("Numbers", "Numbers\n\nWitness number 0 told"),
        ("Numbers", passages[2].text[:30]),
    ]
    assert embedding_text(doc.title, passages[0]).startswith("A summary\nReport on flights")
    assert embedding_text(doc.title, passages[1]).startswith("Report on flights\nNumbers\n\nWitness")
    assert embedding_text(doc.title, passages[2]).startswith("Report on flights\nNumbers\nWitness")


def test_furniture_divides_and_is_in_no_passage() -> None:
    builder = TextBuilder()
    builder.add("Share this page", "furniture")
    builder.add("The first half of")
    menu = builder.add("Home | News | Sport", "furniture")
    builder.add("a sentence.")
    doc = document(builder.text, furniture=tuple(builder.furniture))
    passages = split(doc, PACKAGED, IndexSettings())
    assert [p.text for p in passages] == ["The first half of", "a sentence."]
    assert not any(p.span.overlaps(menu) for p in passages)


def test_a_long_sentence_is_cut_after_a_clause_else_after_a_word() -> None:
    clauses = ", ".join(f"the {n} men who were flown north on the third plane" for n in range(30))
    words = " ".join(["extradition"] * 300)
    chosen = IndexSettings(passage_tokens=60, overlap_tokens=0)
    for text, ending in ((clauses, r".*(,|plane)"), (words, r".*extradition")):
        doc = document(text)
        passages = split(doc, PACKAGED, chosen)
        check(doc, passages, PACKAGED, chosen)
        assert len(passages) > 3
        for passage in passages:
            assert re.fullmatch(ending, passage.text)


def test_a_word_without_end_is_cut_between_characters() -> None:
    chosen = IndexSettings(passage_tokens=40, overlap_tokens=8)
    for text in (
        "x" * 5000,
        "x-" * 3000,
        "北京" * 1000,
        "👩\u200d👩\u200d👧" * 300,
        "e\u0323\u0301" * 900,
        "ab1" * 2000,
        "#" * 999,
    ):
        doc = document(canonical(text))
        passages = split(doc, PACKAGED, chosen)
        check(doc, passages, PACKAGED, chosen)
        for passage in passages:
            # No mark is parted from its letter, no joined emoji from its parts.
            assert passage.text[0] not in "\u0323\u0301\u200d"
            assert passage.text[-1] != "\u200d"


@pytest.mark.parametrize(
    "kind", ["text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]
)
def test_rows_are_never_divided(kind: str) -> None:
    rows = [
        f"Date: 2026-01-{n:02d}. Flight: {n}. Prisoners: {n * 3}. Note: U.S. Marshals. Done."
        for n in range(1, 29)
    ]
    doc = document("\n".join(rows), media_type=kind)
    chosen = IndexSettings(passage_tokens=120, overlap_tokens=40)
    passages = split(doc, PACKAGED, chosen)
    check(doc, passages, PACKAGED, chosen)
    assert len(passages) > 3
    for passage in passages:
        assert set(passage.text.split("\n")) <= set(rows)


def test_a_long_title_is_shortened_and_never_the_passage() -> None:
    title = "Government of the Republic announces the transfer of a further group of prisoners " * 5
    doc = document(" ".join(SENTENCES), title=title)
    chosen = IndexSettings()
    passages = split(doc, PACKAGED, chosen)
    check(doc, passages, PACKAGED, chosen)
    assert max(len(p.text) for p in passages) > 700  # about 150 tokens: the title took its share and no more
    first = embedding_text(title, passages[0]).split("\n")[0]
    assert title.startswith(first)
    assert 40 < len(first) < 250


def test_a_title_that_the_text_begins_with_is_not_repeated() -> None:
    (passage,) = split(document("A title\n\nThe text.", title="A title"), PACKAGED, IndexSettings())
    assert embedding_text("A title", passage) == "A title\n\nThe text."


def test_a_window_without_room_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="at least 16 tokens"):
        split(document("A sentence."), PACKAGED, IndexSettings(passage_tokens=8))


def test_the_same_document_gives_the_same_passages() -> None:
    doc = document("\n\n".join(SENTENCES), title="T")
    assert split(doc, PACKAGED, IndexSettings()) == split(doc, PACKAGED, IndexSettings())


def test_large_and_hostile_documents_take_linear_time() -> None:
    half = "A sentence of a report. " * 20_000
    many = document(half, furniture=tuple(Span(at, at + 3) for at in range(0, 400_000, 50)),
                    headings=tuple(Span(at, at + 3) for at in range(10, 400_000, 50)))  # fmt: skip
    for doc in (
        document(half),
        many,
        document("x" * 200_000),
        document("a " * 100_000),
        document("\n".join("ab" * 50_000)),
    ):
        began = time.perf_counter()
        split(doc, PACKAGED, IndexSettings())
        assert time.perf_counter() - began < 30
