"""PDF files whose words are to be read in another order than they are drawn: columns, tables, raised numbers."""

from __future__ import annotations

from random import Random

import pytest

from rag.documents.columns import reading_order
from rag.documents.layout import Word, fragments_of
from tests.documents.pdfs import LEFT, RIGHT, blank, parse, pieces, write


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
