"""Plain text and Markdown: encodings, headings, and what the core must hold for any text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.building import TextBuilder, canonical, merge_spans
from rag.documents.lines import sentences_in, units_of
from rag.documents.text import decode, find_headings, parse_markdown, parse_text
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Document, Span

CURLY = "“No comment,” the mayor’s office said — it cost €1,200… ¿Por qué? Señor Muñoz calló."


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"],
)
def test_curly_quotes_survive_every_encoding(encoding: str) -> None:
    assert canonical(decode(CURLY.encode(encoding))) == CURLY


def test_latin_1_is_read() -> None:
    assert decode("El año pasado, según el señor Núñez, no pasó nada.".encode("latin-1")) == (
        "El año pasado, según el señor Núñez, no pasó nada."
    )


def test_a_few_broken_bytes_do_not_spoil_utf_8() -> None:
    # One CP1252 quotation mark pasted into a UTF-8 file.
    data = "“Uno” y “dos” y ".encode() + b"\x93tres\x94"
    assert decode(data) == "“Uno” y “dos” y “tres”"


def test_utf_8_cut_in_the_middle_of_a_character() -> None:
    assert decode("Señor Muñoz".encode() + "ñ".encode()[:1]).startswith("Señor Muñoz")


def test_cyrillic_is_not_taken_for_western_text() -> None:
    text = "Президент подписал указ о помиловании, сообщили в пресс-службе правительства в понедельник. " * 4
    assert decode(text.encode("cp1251")) == text


def test_declared_latin_1_means_cp1252_as_in_browsers() -> None:
    assert decode("“quoted” año".encode("cp1252"), "iso-8859-1") == "“quoted” año"


def test_an_unknown_declared_encoding_is_ignored() -> None:
    assert decode("año".encode("cp1252"), "x-no-such-encoding") == "año"


@given(st.binary(max_size=300))
def test_decoding_never_fails_and_canonical_text_is_canonical(data: bytes) -> None:
    text = canonical(decode(data))
    Document("d", text, "0" * 64, "text/plain", "p")  # its constructor checks NFC, NUL and carriage returns
    assert canonical(text) == text


@given(st.text(max_size=300))
def test_utf_8_comes_back_exactly(text: str) -> None:
    data = text.encode("utf-8", "replace")
    if b"\x00" not in data:
        assert decode(data) == data.decode("utf-8").removeprefix("\ufeff")


@given(
    st.lists(st.tuples(st.text(max_size=40), st.sampled_from(["body", "heading", "furniture"])), max_size=8)
)
def test_builder_spans_are_the_blocks(blocks: list[tuple[str, str]]) -> None:
    builder = TextBuilder()
    spans = [builder.add(text, kind) for text, kind in blocks]  # type: ignore[arg-type]
    text = builder.text
    assert unicodedata.is_normalized("NFC", text)
    for span, (block, _) in zip(spans, blocks, strict=True):
        assert span.of(text).endswith(canonical(block).strip("\n") if canonical(block).strip() else "")
    merge_spans(spans)


@given(st.text(alphabet="Aa b.\n“”?!:;-|*1é", max_size=400))
def test_units_and_sentences_lie_in_the_text_and_ascend(text: str) -> None:
    end = 0
    for unit in units_of(text):
        assert unit.span.start >= end
        assert unit.span.of(text) == unit.text
        assert unit.text == unit.text.strip()
        inner = unit.span.start
        for sentence in sentences_in(unit):
            assert inner <= sentence.start <= sentence.end <= unit.span.end
            inner = sentence.end
        end = unit.span.end
    kept = "".join(unit.text for unit in units_of(text))
    assert "".join(kept.split()) == "".join(text.split())  # no line is lost


def _headings(text: str) -> list[str]:
    return [span.of(text) for span in find_headings(text, ())]


LONG = "The council met on Tuesday and voted seven to two for the new bridge, which is to open in the spring."


def test_two_articles_on_one_page_have_two_headings() -> None:
    text = f"Council backs the bridge\n{LONG}\n{LONG}\nWill the ferry close?\nby Ana Ruiz.\n{LONG}"
    assert _headings(text) == ["Council backs the bridge", "Will the ferry close?"]


def test_what_is_no_heading() -> None:
    lines = ["Wednesday, May 28, 2025", "By Ana Ruiz", "- first item", "https://example.org/x", "Cost: 4 million",
             "It rained.",
             "“We will appeal,” she said", "and so on", "12,400", "Harbour Report, May 28, 2025"]  # fmt: skip
    for line in lines:
        assert _headings(f"{LONG}\n\n{line}\n\n{LONG}") == [], line


def test_a_list_of_short_lines_has_no_headings() -> None:
    assert _headings("Milk\nBread\nEggs\nFlour\nSugar\nSalt") == []


def test_hard_wrapped_paragraphs_are_one_unit() -> None:
    wrapped = (
        "The council met on Tuesday and voted seven to two for the new bridge,\n"
        "which is to open in the spring of next year if the money comes in\n"
        "time. The mayor, who had opposed it for years, did not take part in\n"
        "the vote, and left before it ended without speaking to reporters or\n"
        "Comments\n"
    )
    assert len(units_of(wrapped)) == 1
    assert parse_text(wrapped.encode(), "w.txt", DocumentSettings()).furniture == ()


def test_empty_and_blank_files_are_named(settings: DocumentSettings) -> None:
    with pytest.raises(UnreadableFile, match="white space"):
        parse_text(b" \n\t\r\n \x0c ", "blank.txt", settings)


def test_too_many_characters(settings: DocumentSettings) -> None:
    with pytest.raises(UnreadableFile, match="limit of 100"):
        parse_text(b"word " * 50, "long.txt", DocumentSettings(max_characters=100))


MARKDOWN = b"""---
title: "The bridge"
author: Ana Ruiz
date: 2026-02-03
---
# Not the front matter's title

Text of the first part.

Second part
-----------

```
# a comment in code
Share
```
"""


def test_markdown_headings_front_matter_and_code(settings: DocumentSettings) -> None:
    parsed = parse_markdown(MARKDOWN, "b.md", settings)
    assert [span.of(parsed.text) for span in parsed.headings] == [
        "Not the front matter's title",
        "Second part",
    ]
    assert (parsed.title, parsed.author, parsed.published) == ("The bridge", "Ana Ruiz", "2026-02-03")
    assert parsed.furniture[0] == Span(0, parsed.text.index("# Not"))
    assert not any(
        span.overlaps(Span(parsed.text.index("Share"), len(parsed.text))) for span in parsed.furniture[1:]
    )


def test_the_first_heading_of_markdown_is_its_title(settings: DocumentSettings) -> None:
    assert parse_markdown(b"Some words first.\n\n# Minutes #\n\nText.", "m.md", settings).title == "Minutes"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "needle"),
    [("fake-text-utf-16-le.txt", ""), ("eng_spa_mult.txt", "ó"), ("umlauts-non-utf8.md", "ä")],
)
def test_real_files_in_awkward_encodings(
    shared: Path, document: Callable[..., Document], name: str, needle: str
) -> None:
    text = document((shared / "data" / "documents" / name).read_bytes(), name).text
    assert needle in text
    assert "\ufffd" not in text
    assert "Ã" not in text
