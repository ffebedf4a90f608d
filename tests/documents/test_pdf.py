"""PDF files: made here with fpdf2, one trap each, and the shared ones, asserted on what the page shows."""

from __future__ import annotations

import datetime as dt
import re
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF

from rag.documents.building import Parsed, canonical
from rag.documents.columns import reading_order
from rag.documents.layout import Line, Word, fragments_of
from rag.documents.paragraphs import stitch, vocabulary
from rag.documents.pdf import parse_pdf, pdf_date
from rag.documents.properties import is_plausible_title
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

SETTINGS = DocumentSettings()
NO_OCR = DocumentSettings(ocr=False)

LEFT = [
    "The ministry confirmed on Tuesday that the",
    "transfer had taken place before dawn and that",
    "all of the prisoners were flown out on seven",
    "aircraft of the air force, each of them under",
    "guard, while the families of the prisoners had",
    "been told nothing at all about the flights.",
]
RIGHT = [
    "Lawyers for two of the men said that they had",
    "asked a judge to stop the transfer a week ago",
    "and that no answer had been given. A court in",
    "the capital will hear the case next month, when",
    "the government must explain which law allowed",
    "it to hand over people without a hearing.",
]


def blank(**options: object) -> FPDF:
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_creation_date(dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC))
    pdf.set_font("helvetica", size=11)
    return pdf


def write(pdf: FPDF, x: float, y: float, text: str) -> None:
    pdf.text(x, y, text)


def parse(pdf: FPDF, settings: DocumentSettings = SETTINGS) -> Parsed:
    return checked(parse_pdf(bytes(pdf.output()), "report.pdf", settings))


def checked(parsed: Parsed) -> Parsed:
    """What holds for every PDF: canonical text, pages in order that cover it, spans inside it and ascending."""
    assert parsed.text == canonical(parsed.text)
    assert parsed.media_type == "application/pdf"
    assert [page.number for page in parsed.pages] == list(range(1, len(parsed.pages) + 1))
    edges = [0, *(page.span.end for page in parsed.pages)]
    assert [page.span.start for page in parsed.pages] == edges[:-1]
    assert edges[-1] == len(parsed.text)
    for spans in (parsed.headings, parsed.furniture):
        for one, other in pairwise(spans):
            assert one.end <= other.start
        for span in spans:
            assert span.of(parsed.text).strip()
    return parsed


def pieces(parsed: Parsed, kind: str) -> list[str]:
    return [span.of(parsed.text) for span in getattr(parsed, kind)]


def page_text(parsed: Parsed, number: int) -> str:
    return parsed.pages[number - 1].span.of(parsed.text)


# Reading order


def test_two_columns_drawn_one_after_the_other() -> None:
    pdf = blank()
    pdf.add_page()
    for x, lines in ((50, LEFT), (320, RIGHT)):
        for number, line in enumerate(lines):
            write(pdf, x, 100 + 14 * number, line)
    text = parse(pdf).text
    assert text == " ".join(LEFT) + "\n\n" + " ".join(RIGHT)


def test_two_columns_drawn_row_by_row_across_the_gutter() -> None:
    pdf = blank()
    pdf.add_page()
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        write(pdf, 50, 100 + 14 * number, left)
        write(pdf, 320, 100 + 14 * number, right)
    assert parse(pdf).text == " ".join(LEFT) + "\n\n" + " ".join(RIGHT)


def test_a_headline_across_both_columns_stays_above_them() -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 20)
    write(pdf, 50, 80, "Seven aircraft left the base before dawn on Tuesday")
    pdf.set_font("helvetica", size=11)
    for x, lines in ((320, RIGHT), (50, LEFT)):
        for number, line in enumerate(lines):
            write(pdf, x, 110 + 14 * number, line)
    parsed = parse(pdf)
    assert pieces(parsed, "headings") == ["Seven aircraft left the base before dawn on Tuesday"]
    assert parsed.title == "Seven aircraft left the base before dawn on Tuesday"
    assert parsed.text.index("all of the prisoners") < parsed.text.index("Lawyers for two")


@pytest.mark.parametrize("end", [255, 270, 285, 300, 316])
def test_a_subtitle_that_ends_in_the_gutter_leaves_the_columns(end: int) -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", size=20)
    write(pdf, 50, 60, "Seven aircraft left the base before dawn on Tuesday")
    pdf.set_font("helvetica", size=11)
    subtitle = "What the ministry did not say about the flights"
    pdf.set_font("helvetica", size=11 * (end - 50) / pdf.get_string_width(subtitle))
    write(pdf, 50, 84, subtitle)
    pdf.set_font("helvetica", size=11)
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        write(pdf, 50, 110 + 14 * number, left)
        write(pdf, 320, 110 + 14 * number, right)
    text = parse(pdf).text
    assert text.endswith(" ".join(LEFT) + "\n\n" + " ".join(RIGHT))
    assert subtitle in text


def test_a_headline_of_two_lines_over_columns_is_one() -> None:
    pdf = blank()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 20)
    write(pdf, 50, 60, "Seven aircraft left the base before dawn on Tuesday")
    write(pdf, 50, 84, "and nobody was told")
    pdf.set_font("helvetica", size=11)
    for x, lines in ((50, LEFT), (320, RIGHT)):
        for number, line in enumerate(lines):
            write(pdf, x, 110 + 14 * number, line)
    parsed = parse(pdf)
    assert parsed.title == "Seven aircraft left the base before dawn on Tuesday and nobody was told"
    assert pieces(parsed, "headings") == [parsed.title]


@pytest.mark.parametrize(
    "rest", ["37 people were on board, the ministry said.", "Ana Ruiz was on board, it said."]
)
def test_a_paragraph_whose_first_line_ends_the_page_goes_on(rest: str) -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    write(pdf, 50, 198, "On the last flight that left the base in May")
    pdf.add_page()
    write(pdf, 50, 100, rest)
    assert f"that left the base in May {rest}" in parse(pdf).text


def test_a_short_line_at_the_end_of_a_page_stays_alone() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    write(pdf, 50, 198, "Ana Ruiz, minister")
    pdf.add_page()
    write(pdf, 50, 100, "The last flight left the base in May.")
    assert "minister\n\nThe last flight" in parse(pdf).text


def test_two_bands_of_columns_with_a_line_across_between_them() -> None:
    pdf = blank()
    pdf.add_page()
    for band, y in ((0, 100), (1, 260)):
        for x, lines in ((50, LEFT), (320, RIGHT)):
            for number, line in enumerate(lines):
                write(pdf, x, y + 14 * number, line if band == 0 else line.upper().lower())
    write(
        pdf,
        50,
        230,
        "A note that runs across the whole page and so ends the first pair of the columns above it.",
    )
    text = parse(pdf).text
    order = [text.index("Lawyers for two"), text.index("A note that"), text.index("lawyers for two")]
    assert order == sorted(order)


def test_a_sentence_goes_on_in_the_next_column() -> None:
    pdf = blank()
    pdf.add_page()
    cut = LEFT[:5]
    for x, lines in ((50, cut), (320, ["been told nothing at all about the seven", *RIGHT])):
        for number, line in enumerate(lines):
            write(pdf, x, 100 + 14 * number, line)
    assert "while the families of the prisoners had been told nothing at all" in parse(pdf).text


def test_a_name_parted_by_a_column_end_is_whole() -> None:
    pdf = blank()
    pdf.add_page()
    left = [*LEFT[:4], "the talks with the President, Ana Claudia"]
    for x, lines in ((50, left), (320, ["Perez, who had said nothing about them.", *RIGHT])):
        for number, line in enumerate(lines):
            write(pdf, x, 100 + 14 * number, line)
    assert "the President, Ana Claudia Perez, who had said nothing" in parse(pdf).text


def test_an_indented_paragraph_in_the_next_column_is_a_new_one() -> None:
    pdf = blank()
    pdf.add_page()
    for number, line in enumerate([*LEFT[:5], "told nothing at all about the two flights"]):
        write(pdf, 50, 100 + 14 * number, line)
    for number, line in enumerate(RIGHT):
        write(pdf, 335 if number == 0 else 320, 100 + 14 * number, line)
    assert "the two flights\n\nLawyers for two" in parse(pdf).text


def test_a_table_is_read_row_by_row() -> None:
    pdf = blank()
    pdf.add_page()
    rows = [
        ("Date", "People"),
        ("2025-02-27", "29"),
        ("2025-08-12", "26"),
        ("2026-01-20", "37"),
        ("Total", "92"),
    ]
    for number, (date, people) in enumerate(rows):
        write(pdf, 60, 100 + 16 * number, date)
        write(pdf, 300, 100 + 16 * number, people)
    assert parse(pdf).text == "Date   People\n2025-02-27   29\n2025-08-12   26\n2026-01-20   37\nTotal   92"


def test_a_cell_of_several_lines_stays_in_its_row() -> None:
    pdf = blank()
    pdf.add_page()
    for row, (flight, note, people) in enumerate(
        [
            ("First", ["Left before dawn, with no", "word to the families."], "29"),
            ("Second", ["Left at noon, under guard,", "from the northern base."], "26"),
            ("Third", ["Left in the evening; the", "largest group so far."], "37"),
        ]
    ):
        for x, lines in ((50, [flight]), (130, note), (330, [people])):
            for number, line in enumerate(lines):
                write(pdf, x, 100 + 40 * row + 13 * number, line)
    assert parse(pdf).text.split("\n\n") == [
        "First   Left before dawn, with no word to the families.   29",
        "Second   Left at noon, under guard, from the northern base.   26",
        "Third   Left in the evening; the largest group so far.   37",
    ]


def test_no_word_is_lost_wherever_it_stands() -> None:
    random = Random(7)
    pdf = blank()
    words = [f"word{number}x" for number in range(120)]
    for page in range(3):
        pdf.add_page()
        for word in words[40 * page : 40 * page + 40]:
            pdf.set_font("helvetica", random.choice(["", "B"]), random.choice([7, 9, 11, 20]))
            write(pdf, random.uniform(30, 500), random.uniform(30, 810), word)
    text = parse(pdf).text
    assert [word for word in words if text.count(word) != 1] == []


def test_words_drawn_out_of_order_are_read_from_left_to_right() -> None:
    pdf = blank()
    pdf.add_page()
    write(pdf, 100, 100, "prisoners were flown out.")
    write(pdf, 50, 100, "All of the")
    assert parse(pdf).text == "All of the prisoners were flown out."


def test_a_raised_number_stays_on_its_line() -> None:
    words = [
        Word("Shen", 50, 100, 80, 112, 10),
        Word("1", 80.6, 98, 84, 105, 6, spaced=False),
        Word("and", 88, 100, 104, 112, 10),
    ]
    (region,) = reading_order(fragments_of(words))
    assert [line.text for line in region.lines] == ["Shen1 and"]


def test_every_fragment_is_read_once() -> None:
    words = [
        Word(f"w{row}x{column}", 50 + 90 * column, 100 + 14 * row, 110 + 90 * column, 111 + 14 * row, 10)
        for row in range(30)
        for column in range(5)
        if (row * column) % 7 != 3
    ]
    fragments = fragments_of(words)
    read = [
        piece.text for region in reading_order(fragments) for line in region.lines for piece in line.fragments
    ]
    assert sorted(read) == sorted(piece.text for piece in fragments)


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


def numbered(pages: int, header: str = "Annual report of the agency") -> FPDF:
    pdf = blank()
    for page in range(1, pages + 1):
        pdf.add_page()
        write(pdf, 50, 40, header)
        for number, line in enumerate(LEFT):
            write(pdf, 50, 100 + 14 * number, line.replace("seven", f"{page + 3}"))
        write(pdf, 280, 810, f"Page {page} of {pages}")
    return pdf


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


# Metadata


def test_a_line_at_the_top_names_outlet_and_date() -> None:
    pdf = blank()
    pdf.add_page()
    write(pdf, 50, 60, "Ashgrove Briefing Service, 4 February 2026")
    for number, line in enumerate(LEFT):
        write(pdf, 50, 100 + 14 * number, line)
    parsed = parse(pdf)
    assert (parsed.source, parsed.published) == ("Ashgrove Briefing Service", "2026-02-04")


def test_dates_in_the_file_are_never_a_date_of_publication() -> None:
    pdf = numbered(1)
    pdf.set_title("Transfers of prisoners")
    pdf.set_author("Ana Pérez")
    parsed = parse(pdf)
    assert (parsed.title, parsed.author, parsed.published) == ("Transfers of prisoners", "Ana Pérez", None)
    assert parsed.modified == "2026-02-03T04:05:06+00:00"


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        ("D:20230525051224Z00'00'", "2023-05-25T05:12:24+00:00"),
        ("D:20241008114040+02'00", "2024-10-08T11:40:40+02:00"),
        ("D:20241008114040-05'30'", "2024-10-08T11:40:40-05:30"),
        ("D:20190109", "2019-01-09"),
        ("D:20191309", None),
        ("yesterday", None),
        ("D:00010101000000", None),
    ],
)
def test_pdf_dates(value: str, iso: str | None) -> None:
    assert pdf_date(value) == iso


@pytest.mark.parametrize(
    ("title", "plausible"),
    [
        ("Transfers of prisoners", True),
        ("Informe anual 2025", True),
        ("Microsoft Word - draft_v3.doc", False),
        ("draft_v3.docx", False),
        ("untitled", False),
        ("Document1", False),
        ("scan 004", False),
        ("report", False),  # the file is report.pdf
        ("2026-01", False),
        ("", False),
    ],
)
def test_titles_worth_printing(title: str, plausible: bool) -> None:
    assert is_plausible_title(title, "folder/report.pdf") is plausible


def test_files_inside_the_pdf_are_attachments() -> None:
    pdf = numbered(1)
    pdf.embed_file(basename="figures.csv", bytes=b"a,b\n1,2\n")
    parsed = parse(pdf)
    assert [(file.name, file.data) for file in parsed.attachments] == [("figures.csv", b"a,b\n1,2\n")]


def test_comments_stand_at_the_end_of_their_page_under_their_author() -> None:
    pdf = numbered(1)
    pdf.text_annotation(50, 400, "Is this the same flight?", title="Ana")
    pdf.free_text_annotation("Checked by the desk on Monday", x=50, y=400, w=300, h=30)
    text = parse(pdf).text
    assert "\n\nComment by Ana: Is this the same flight?\n\n" in text
    assert "\n\nComment: Checked by the desk on Monday" in text


def test_what_was_filled_into_a_form_is_read() -> None:
    # A hand-made file: one text field that holds "37 people", with the picture of it that a viewer would draw.
    stream = b"/Tx BMC BT /F1 11 Tf 2 4 Td (37 people) Tj ET EMC"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    content = b"BT /F1 11 Tf 50 700 Td (On board:) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DR << /Font << /F1 4 0 R >> >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [6 0 R] /Resources << /Font << /F1 4 0 R >> >> >>",
        font,
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /V (37 people) /F 4 /P 3 0 R /Rect [120 695 300 712]"
        b" /DA (/F1 11 Tf) /AP << /N 7 0 R >> >>",
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 180 17] /Resources << /Font << /F1 4 0 R >> >> /Length %d >>"
        b" stream\n%s\nendstream" % (len(stream), stream),
    ]
    data = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 8\n0000000000 65535 f \n%strailer << /Size 8 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(data),
    )
    assert re.search(r"On board:\s+37 people", checked(parse_pdf(data, "form.pdf", SETTINGS)).text)


# Files that cannot be read


def refused(data: bytes, settings: DocumentSettings = NO_OCR) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        parse_pdf(data, "report.pdf", settings)
    assert caught.value.where == "report.pdf"
    assert caught.value.next_step
    return caught.value


def test_a_password() -> None:
    pdf = numbered(2)
    pdf.set_encryption(owner_password="owner", user_password="user")
    assert refused(bytes(pdf.output())).what == "password-protected PDF"


def test_a_file_that_only_forbids_copying_is_read() -> None:
    from fpdf.enums import AccessPermission

    pdf = numbered(2)
    pdf.set_encryption(owner_password="owner", permissions=AccessPermission.none())
    assert "flown out on 5 aircraft" in parse(pdf).text


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_file_cut_short(part: float) -> None:
    data = bytes(numbered(5).output())
    assert "cut short" in refused(data[: int(len(data) * part)]).what


def test_bytes_that_only_look_like_a_pdf() -> None:
    assert "damaged" in refused(b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\nstartxref\n0\n%%EOF").what


def test_too_many_pages_names_the_limit() -> None:
    error = refused(bytes(numbered(4).output()), DocumentSettings(max_pages=3))
    assert "4 pages" in error.what
    assert "3" in error.what
    assert "max_pages" in error.next_step


def test_only_empty_pages() -> None:
    pdf = blank()
    pdf.add_page()
    assert "empty" in refused(bytes(pdf.output())).what


def test_a_thousand_pages_take_seconds() -> None:
    data = bytes(numbered(300).output())
    started = time.monotonic()
    parsed = checked(parse_pdf(data, "report.pdf", SETTINGS))
    assert len(parsed.pages) == 300
    assert len(parsed.furniture) == 600
    assert time.monotonic() - started < 20


# The shared files; what is asserted was read from the pages as drawn


def shared(folder: Path, name: str) -> Parsed:
    path = folder / "data" / "documents" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the development data")
    return checked(parse_pdf(path.read_bytes(), name, SETTINGS))


@pytest.mark.shared
def test_a_journal_page_in_two_columns(shared_folder: Path) -> None:
    text = shared(shared_folder, "a1977-backus-p21.pdf").text
    assert text.startswith("position is that it permits the definition of new functional forms")
    assert "recursive functions without a definition." in text
    assert text.index("works as follows:") < text.index("13.3.3 Summary of the properties")
    assert "so that the algebraic laws for those forms could be employed" in text


@pytest.mark.shared
@pytest.mark.parametrize("name", ["layout-parser-paper-fast.pdf", "copy-protected.pdf"])
def test_a_paper_with_a_stamp_in_its_margin(shared_folder: Path, name: str) -> None:
    parsed = shared(shared_folder, name)
    assert parsed.title == "LayoutParser: A Unified Toolkit for Deep Learning Based Document Image Analysis"
    assert "1 Introduction" in pieces(parsed, "headings")
    assert "arXiv:2103.15348v2 [cs.CV] 21 Jun 2021" in pieces(parsed, "furniture")
    assert "complicate the easy reuse of important innovations" in parsed.text
    assert "a specific" not in page_text(parsed, 1)
    assert page_text(parsed, 2).lstrip().startswith("37], layout detection [38, 22]")
    assert re.search(r"classification \[11 ?, 37\], layout", parsed.text)


@pytest.mark.shared
def test_a_book_page_with_block_quotes(shared_folder: Path) -> None:
    parsed = shared(shared_folder, "DA-1p.pdf")
    assert pieces(parsed, "headings") == ["MAIN GAME", "CREATURES", "Abomination", "Arcane Horror"]
    assert pieces(parsed, "furniture") == ["6"]
    assert "I realized; the mage had made this pact" in parsed.text


@pytest.mark.shared
def test_a_page_turned_by_a_quarter(shared_folder: Path) -> None:
    assert "Second line of text here" in shared(shared_folder, "rotated-page-90.pdf").text


@pytest.mark.shared
def test_a_repaired_file_with_writing_along_its_side(shared_folder: Path) -> None:
    text = shared(shared_folder, "zen_of_python_corrupted.pdf").text
    assert text.index("Beautiful is better than ugly.") < text.index("Errors should never pass silently.")


@pytest.mark.shared
def test_a_scan_with_a_hidden_text_layer(shared_folder: Path) -> None:
    text = shared(shared_folder, "pdf-with-ocr-text.pdf").text
    assert re.search(r"progress of the Foundation you", text)


@pytest.mark.shared
def test_a_shared_file_with_a_password(shared_folder: Path) -> None:
    data = (shared_folder / "data" / "documents" / "password.pdf").read_bytes()
    assert refused(data).what == "password-protected PDF"
