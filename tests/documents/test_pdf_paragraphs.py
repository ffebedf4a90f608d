"""PDF files whose lines become paragraphs and headings, and what on their pages is furniture."""

from __future__ import annotations

import pypdfium2 as pdfium
import pytest

from rag.documents.layout import Line, Word, fragments_of
from rag.documents.paragraphs import stitch, vocabulary
from rag.documents.pdf import parse_pdf
from tests.documents.pdfs import (
    LEFT,
    RIGHT,
    SETTINGS,
    blank,
    checked,
    numbered,
    page_text,
    parse,
    pieces,
    write,
)

# Lines and paragraphs


def test_a_paragraph_over_several_lines_is_one_line_of_text() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate([*LEFT, "", *RIGHT]):
        write(pdf, 50, 100 + 14 * number, line)
    assert parse(pdf).text.split("\n\n") == [" ".join(LEFT), " ".join(RIGHT)]


def test_an_indented_first_line_begins_a_paragraph() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    for number, line in enumerate(RIGHT):
        write(pdf, 50 + (15 if number == 0 else 0), 100 + 14 * (number + len(LEFT)), line)
    assert parse(pdf).text.split("\n\n") == [" ".join(LEFT), " ".join(RIGHT)]


WORDS = vocabulary([])


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ("the informa-", "tion was", "the information was"),
        ("the informa\u00ad", "tion was", "the information was"),
        ("in 2019-", "2020 it", "in 2019-2020 it"),
        ("the Franco-", "German plan", "the Franco-German plan"),
        ("a self-", "contained unit", "a self-contained unit"),
        ("a state-of-the-", "art base", "a state-of-the-art base"),
        ("he left —", "in haste", "he left — in haste"),
        ("he left—", "in haste", "he left—in haste"),
        ("see https://example.org/", "report.html now", "see https://example.org/report.html now"),
        ("two", "lines", "two lines"),
        ("the PRISON-", "ERS left", "the PRISONERS left"),
        ("hyphen -", "minus", "hyphen - minus"),
    ],
)
def test_how_two_lines_are_joined(left: str, right: str, joined: str) -> None:
    assert stitch(left, right, WORDS) == joined


def test_a_hyphen_that_the_document_writes_elsewhere_is_kept() -> None:
    words = fragments_of([Word("prisoner-exchange", 0, 0, 90, 10, 10)])
    known = vocabulary([Line([piece]) for piece in words])
    assert stitch("the prisoner-", "exchange began", known) == "the prisoner-exchange began"
    assert stitch("the prisoner-", "exchange began", WORDS) == "the prisonerexchange began"


def test_a_hyphenated_word_is_whole_in_the_text() -> None:
    pdf = blank()
    pdf.add_page()
    write(pdf, 50, 100, "The agency did not publish any infor-")
    write(pdf, 50, 114, "mation about the seven aircraft today.")
    assert parse(pdf).text == "The agency did not publish any information about the seven aircraft today."


def test_bold_and_large_lines_are_headings_and_a_bold_word_is_not() -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 11)
    write(pdf, 50, 80, "What the ministry said")
    pdf.set_font("helvetica", size=11)
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    pdf.set_font("helvetica", "B", 11)
    write(pdf, 50, 220, "Notable")
    width = pdf.get_string_width("Notable ")
    pdf.set_font("helvetica", size=11)
    write(pdf, 50 + width, 220, "is that no court was asked before the flights left the country.")
    parsed = parse(pdf)
    assert pieces(parsed, "headings") == ["What the ministry said"]
    assert "Notable is that no court" in parsed.text


def test_a_bold_line_close_above_its_text_is_a_heading() -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 12)
    write(pdf, 50, 86, "3. What the ministry said on Tuesday morning")
    pdf.set_font("helvetica", size=11)
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    parsed = parse(pdf)
    assert pieces(parsed, "headings") == ["3. What the ministry said on Tuesday morning"]
    assert parsed.text == "3. What the ministry said on Tuesday morning\n\n" + " ".join(LEFT)


def test_a_list_item_goes_on_below_its_first_line() -> None:
    pdf = blank()
    pdf.add_page()
    for y, x, line in (
        (100, 50, "- The first item names the base, the date and what the law calls"),
        (114, 62, '"handing over", and ends here.'),
        (128, 50, "- The second item is short."),
    ):
        write(pdf, x, y, line)
    assert parse(pdf).text.split("\n\n") == [
        '- The first item names the base, the date and what the law calls "handing over", and ends here.',
        "- The second item is short.",
    ]


def test_a_table_of_contents_with_dots_is_furniture() -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 11)
    write(pdf, 50, 150, "1 Introduction ........................ 1")
    write(pdf, 50, 170, "2 The flights . . . . . . . . . . . . . 4")
    pdf.set_font("helvetica", size=11)
    for number, line in enumerate(LEFT):
        write(pdf, 50, 300 + 14 * number, line)
    parsed = parse(pdf)
    assert len(pieces(parsed, "furniture")) == 2
    assert pieces(parsed, "headings") == []


# Furniture and pages


def test_running_heads_and_page_numbers_are_furniture_on_every_page() -> None:
    parsed = parse(numbered(3))
    expected = [text for page in (1, 2, 3) for text in ("Annual report of the agency", f"Page {page} of 3")]
    assert pieces(parsed, "furniture") == expected
    for page in (1, 2, 3):
        assert f"Page {page} of 3" in page_text(parsed, page)
        assert f"flown out on {page + 3} aircraft" in page_text(parsed, page)


def test_a_total_at_the_foot_of_each_page_is_not_a_page_number() -> None:
    pdf = blank()
    for people in (29, 26, 37):
        pdf.add_page()
        for number, line in enumerate(LEFT):
            write(pdf, 50, 100 + 14 * number, line)
        write(pdf, 50, 800, f"Total: {people} people")
    parsed = parse(pdf)
    assert "Total: 26 people" in parsed.text
    assert pieces(parsed, "furniture") == []


def test_pages_that_begin_with_the_same_words_keep_them() -> None:
    parsed = parse(numbered(3))
    assert parsed.text.count("The ministry confirmed on Tuesday that the transfer") == 3


def test_the_page_number_of_a_single_page() -> None:
    parsed = parse(numbered(1))
    assert pieces(parsed, "furniture") == ["Page 1 of 1"]


def test_roman_page_numbers_count_with_the_pages() -> None:
    pdf = blank()
    for numeral in ("iv", "v", "vi"):
        pdf.add_page()
        for number, line in enumerate(LEFT):
            write(pdf, 50, 100 + 14 * number, line)
        write(pdf, 290, 815, numeral)
    assert pieces(parse(pdf), "furniture") == ["iv", "v", "vi"]


def test_a_sentence_over_a_page_end_is_in_one_piece() -> None:
    pdf = blank()
    halves = ["The last flight of the year left the base", "with 37 people on board, the ministry said."]
    for page, half in enumerate(halves, start=1):
        pdf.add_page()
        write(pdf, 50, 40, "Annual report of the agency")
        if page == 1:
            for number, line in enumerate(LEFT):
                write(pdf, 50, 100 + 14 * number, line)
        write(pdf, 50, 200 if page == 1 else 100, half)
        if page == 2:
            write(pdf, 50, 140, "A second paragraph follows after it.")
        write(pdf, 280, 810, f"- {page} -")
    parsed = parse(pdf)
    assert " ".join(halves) in parsed.text
    assert page_text(parsed, 1).endswith(halves[0])
    assert page_text(parsed, 2).lstrip().startswith(halves[1])
    assert pieces(parsed, "furniture") == [
        "Annual report of the agency",
        "- 1 -",
        "Annual report of the agency",
        "- 2 -",
    ]


def test_line_numbers_of_a_transcript_are_furniture() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate([*LEFT, *RIGHT], start=1):
        write(pdf, 50, 100 + 20 * number, str(number))
        write(pdf, 90, 100 + 20 * number, line)
    parsed = parse(pdf)
    assert "confirmed on Tuesday that the transfer had taken place" in parsed.text
    assert pieces(parsed, "furniture") == ["1 2 3 4 5 6 7 8 9 10 11 12"]


def test_a_watermark_across_the_page_is_furniture() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    with pdf.rotation(45, 300, 400):
        write(pdf, 200, 400, "CONFIDENTIAL")
    parsed = parse(pdf)
    assert pieces(parsed, "furniture") == ["CONFIDENTIAL"]
    assert " ".join(LEFT) in parsed.text


def test_an_empty_page_keeps_its_number() -> None:
    pdf = blank()
    for text in ("First page here.", "", "Third page here."):
        pdf.add_page()
        if text:
            write(pdf, 50, 300, text)
    parsed = parse(pdf)
    assert [page_text(parsed, number).strip() for number in (1, 2, 3)] == [
        "First page here.",
        "",
        "Third page here.",
    ]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_page_is_read_upright(turn: int) -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    document = pdfium.PdfDocument(bytes(pdf.output()))
    document[0].set_rotation(turn)
    assert checked(parse_pdf(saved(document), "turned.pdf", SETTINGS)).text == " ".join(LEFT)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_writing_is_read_in_its_own_direction(angle: int) -> None:
    pdf = blank()
    pdf.add_page()
    with pdf.rotation(angle, 300, 400):
        for number, line in enumerate(LEFT):
            write(pdf, 180, 380 + 14 * number, line)
    assert parse(pdf).text == " ".join(LEFT)


def saved(document: pdfium.PdfDocument) -> bytes:
    import io

    stream = io.BytesIO()
    document.save(stream)
    document.close()
    return stream.getvalue()
