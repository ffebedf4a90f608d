"""Tables as text: delimiters, headers, captions, encodings; one trap each."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from rag.documents.building import Parsed, TextBuilder
from rag.documents.office import parse_csv
from rag.documents.tables import Row, add_table
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

SETTINGS = DocumentSettings()


def parse(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return lines(parse_csv(data, "figures.csv", SETTINGS))


def lines(parsed: Parsed) -> list[str]:
    assert parsed.media_type == "text/csv"
    return parsed.text.split("\n\n")


def table(*rows: tuple[str, ...] | Row) -> list[str]:
    builder = TextBuilder()
    made = [row if isinstance(row, Row) else Row(row) for row in rows]
    add_table(builder, made, SETTINGS.max_characters, "figures.csv")
    return builder.text.split("\n\n")


TRANSFERS = ["Date; People", "Date: 2025-02-27; People: 29", "Date: 2026-01-20; People: 37"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "\n".join(
        delimiter.join(row) for row in (("Date", "People"), ("2025-02-27", "29"), ("2026-01-20", "37"))
    )
    assert parse(text) == TRANSFERS


def test_a_row_can_be_read_without_its_table() -> None:
    assert parse("Flight,People\nFirst,29\nThird,37\n")[2] == "Flight: Third; People: 37"


def test_decimal_commas_do_not_part_cells() -> None:
    assert parse("País;Tasa\nMéxico;12,5\nPerú;7,1\n") == [
        "País; Tasa",
        "País: México; Tasa: 12,5",
        "País: Perú; Tasa: 7,1",
    ]


def test_excels_own_line_that_names_the_delimiter() -> None:
    assert parse("sep=;\r\nDate;People\r\n2025-02-27;29\r\n2026-01-20;37\r\n") == TRANSFERS


def test_quoted_cells_with_delimiters_quotes_and_line_ends() -> None:
    text = 'Name,Note\n"Pérez, Ana","said ""no""\nand left"\n'
    assert parse(text)[1] == 'Name: Pérez, Ana; Note: said "no" and left'


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_rest() -> None:
    text = 'Name,Size\n"6 inch,5\nB,6\nC,7\n'
    assert parse(text)[1:] == ['Name: "6 inch; Size: 5', "Name: B; Size: 6", "Name: C; Size: 7"]


def test_numbers_in_the_first_row_are_no_header() -> None:
    assert parse("1,2,3\n4,5,6\n") == ["1; 2; 3", "4; 5; 6"]


def test_years_are_a_header_above_numbers() -> None:
    assert parse("Country,2024,2025\nMexico,5,9\n")[1] == "Country: Mexico; 2024: 5; 2025: 9"


def test_a_first_row_that_is_found_again_below_is_no_header() -> None:
    assert parse("Mexico,open\nPeru,open\nChile,closed\n")[0] == "Mexico; open"


def test_words_above_words_are_a_header() -> None:
    assert parse("Name,Country\nAna,Peru\nLuis,Chile\n")[1] == "Name: Ana; Country: Peru"


def test_lines_above_the_header_are_kept_as_the_caption() -> None:
    text = "Transfers by date,,\nSource: ministry,,\nDate,People,Planes\n2025-02-27,29,3\n2026-01-20,37,7\n"
    assert parse(text) == [
        "Transfers by date",
        "Source: ministry",
        "Date; People; Planes",
        "Date: 2025-02-27; People: 29; Planes: 3",
        "Date: 2026-01-20; People: 37; Planes: 7",
    ]


def test_a_note_below_the_table_is_a_line_of_its_own() -> None:
    text = "Date,People,Planes\n2025-02-27,29,3\n2026-01-20,37,7\nFigures as of 21 January,,\n"
    assert parse(text)[-1] == "Figures as of 21 January"


def test_empty_cells_are_left_out_and_the_name_of_an_empty_column_is_kept() -> None:
    assert parse("Date,People,Note\n2025-02-27,29,\n2026-01-20,,\n") == [
        "Date; People; Note",
        "Date: 2025-02-27; People: 29",
        "Date: 2026-01-20",
    ]


def test_rows_longer_and_shorter_than_the_header() -> None:
    assert parse("Date,People\n2025-02-27\n2026-01-20,37,extra\n2026-02-20,12\n")[1:] == [
        "Date: 2025-02-27",
        "Date: 2026-01-20; People: 37; extra",
        "Date: 2026-02-20; People: 12",
    ]


def test_two_tables_below_each_other_have_a_header_each() -> None:
    text = "Date,People\n2025-02-27,29\n,\nState,Cases\nJalisco,4\n"
    assert parse(text) == [
        "Date; People",
        "Date: 2025-02-27; People: 29",
        "State; Cases",
        "State: Jalisco; Cases: 4",
    ]


def test_a_blank_row_inside_a_table_does_not_end_its_header() -> None:
    text = "Name,Country\nAna,Peru\n,\nLuis,Chile\nEva,Mexico\n"
    assert parse(text)[-2:] == ["Name: Luis; Country: Chile", "Name: Eva; Country: Mexico"]


def test_a_group_header_over_several_columns() -> None:
    group = Row(("", "2025", "2025"), spans=True)
    assert table(group, ("State", "Men", "Women"), ("Jalisco", "4", "5")) == [
        "2025",
        "State; Men; Women",
        "State: Jalisco; 2025 / Men: 4; 2025 / Women: 5",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_encodings(encoding: str) -> None:
    text = (
        "Año;Población penal\n2024;12\n2025;15 – más que nunca\n"
        if encoding != "latin-1"
        else "Año;Población\n2024;12\n"
    )
    assert parse(text.encode(encoding))[1].startswith("Año: 2024; Población")


def test_a_single_column() -> None:
    assert parse("People\n29\n37\n") == ["People", "People: 29", "People: 37"]


def test_no_sentence_runs_over_two_rows() -> None:
    parsed = parse_csv(b"Date,People\n2025-02-27,29\n2026-01-20,37\n", "figures.csv", SETTINGS)
    assert "29\n\nDate" in parsed.text


@pytest.mark.parametrize("data", [b"", b" \n \n", b",,\n,,\n"])
def test_nothing_in_it(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        parse_csv(data, "figures.csv", SETTINGS)


def test_too_much_text_names_the_limit() -> None:
    with pytest.raises(UnreadableFile, match="100 characters"):
        parse_csv(
            b"Date,People\n" + b"2025-02-27,29\n" * 50, "figures.csv", DocumentSettings(max_characters=100)
        )


def test_the_readers_own_limit_of_the_csv_module_is_left_as_it_was() -> None:
    before = csv.field_size_limit()
    long = "x" * (before + 10)
    assert parse(f"Name,Note\nA,{long}\n")[1].endswith(long)
    assert csv.field_size_limit() == before


def test_fifty_thousand_rows_take_seconds() -> None:
    data = b"Date,People,Place\n" + b"2025-02-27,29,the base in the capital\n" * 50_000
    started = time.monotonic()
    assert len(parse(data)) == 50_001
    assert time.monotonic() - started < 10


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("csv-inconsistent-header.csv", "1; 2; 3"),
        ("csv-inconsistent-header.csv", "a; b; c; d"),
        ("csv-semicolon.csv", "Last Name: Olsen; Company: Dominguez;Mcmillan and Donovan; City: Bensonview"),
    ],
)
def test_shared_tables(shared_folder: Path, name: str, line: str) -> None:
    path = shared_folder / "data" / "documents" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the development data")
    assert line in parse_csv(path.read_bytes(), name, SETTINGS).text
