"""Excel files: made with openpyxl, or by hand where it cannot make the trap."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from rag.documents.building import Parsed
from rag.documents.office import parse_xlsx
from tests.documents.office_files import (
    SETTINGS,
    blocks,
    changed,
    checked,
    headings,
    refused,
    saved,
    shared,
    sheet,
)


def book(*rows: tuple[object, ...], **options: object) -> Any:
    made = openpyxl.Workbook()
    made.active.title = "Transfers"
    for row in rows:
        made.active.append(row)
    return made


def parse_book(made: Any) -> Parsed:
    parsed = checked(parse_xlsx(saved(made), "figures.xlsx", SETTINGS))
    assert parsed.media_type.endswith("spreadsheetml.sheet")
    return parsed


def test_each_sheet_is_a_heading_and_each_row_a_line() -> None:
    made = book(("Date", "People"), (dt.date(2026, 1, 20), 37))
    made.create_sheet("Costs").append(("only a note",))
    made.create_sheet("Empty")
    parsed = parse_book(made)
    assert blocks(parsed) == [
        "Transfers",
        "Date; People",
        "Date: 2026-01-20; People: 37",
        "Costs",
        "only a note",
    ]
    assert headings(parsed) == ["Transfers", "Costs"]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (37, "General", "37"),
        (37.0, "General", "37"),
        (0.1 + 0.2, "General", "0.3"),
        (1234567.5, "#,##0.00", "1234567.5"),
        (1e15, "General", "1000000000000000"),
        (0.125, "0.0%", "12.5%"),
        (0.37, "0%", "37%"),
        (1500, '"$"#,##0', "$1500"),
        (1500, "[$$-409]#,##0.00", "$1500"),
        (1500, '#,##0 "€"', "1500 €"),
        (True, "General", "TRUE"),
        (dt.datetime(2026, 1, 20, 14, 30), "General", "2026-01-20 14:30:00"),
        (dt.datetime(2026, 1, 20), "dd/mm/yy", "2026-01-20"),
        (dt.time(14, 30), "h:mm", "14:30:00"),
        (dt.timedelta(hours=26, minutes=5), "[h]:mm:ss", "26:05:00"),
        ("two\nlines", "General", "two lines"),
    ],
)
def test_values_as_they_are_shown(value: object, number_format: str, shown: str) -> None:
    made = book(("Name", "Value"), ("A", value))
    made.active["B2"].number_format = number_format
    if isinstance(value, dt.datetime | dt.time | dt.timedelta) and number_format == "General":
        made.active["B2"].number_format = "yyyy-mm-dd hh:mm:ss"
    assert blocks(parse_book(made))[-1] == f"Name: A; Value: {shown}"


def test_a_caption_above_the_header() -> None:
    made = book(("Transfers by date",), (), ("Date", "People"), ("2025-02-27", 29), ("2026-01-20", 37))
    made.active.merge_cells("A1:B1")
    assert blocks(parse_book(made)) == [
        "Transfers",
        "Transfers by date",
        "Date; People",
        "Date: 2025-02-27; People: 29",
        "Date: 2026-01-20; People: 37",
    ]


def test_merged_cells_count_for_each_row_and_group_headers_for_each_column() -> None:
    made = book(("", "2025", ""), ("State", "Men", "Women"), ("Jalisco", 4, 5), ("", 6, 7))
    made.active.merge_cells("B1:C1")
    made.active.merge_cells("A3:A4")
    assert blocks(parse_book(made))[-2:] == [
        "State: Jalisco; 2025 / Men: 4; 2025 / Women: 5",
        "State: Jalisco; 2025 / Men: 6; 2025 / Women: 7",
    ]


def test_a_formula_without_a_stored_value_is_given_as_the_formula() -> None:
    made = book(("Date", "People"), ("2025-02-27", 29), ("2026-01-20", 37), ("Total", "=SUM(B2:B3)"))
    assert blocks(parse_book(made))[-1] == "Date: Total; People: =SUM(B2:B3)"


def test_a_formula_with_a_stored_value_is_given_as_the_value() -> None:
    made = book(("Date", "People"), ("2025-02-27", 29), ("2026-01-20", 37), ("Total", "=SUM(B2:B3)"))
    data = changed(
        saved(made),
        lambda name, part: (
            re.sub(
                rb"<f>SUM\(B2:B3\)</f><v\s*/>|<f>SUM\(B2:B3\)</f><v></v>", b"<f>SUM(B2:B3)</f><v>66</v>", part
            )
            if name.endswith("sheet1.xml")
            else part
        ),
    )
    assert blocks(parse_xlsx(data, "figures.xlsx", SETTINGS))[-1] == "Date: Total; People: 66"


def test_hidden_sheets_and_rows_are_kept_and_a_hidden_sheet_says_so() -> None:
    made = book(("Date", "People"), ("2025-02-27", 29), ("2026-01-20", 37))
    made.active.row_dimensions[2].hidden = True
    made.create_sheet("Names").append(("not for release",))
    made["Names"].sheet_state = "hidden"
    parsed = parse_book(made)
    assert "Date: 2025-02-27; People: 29" in blocks(parsed)
    assert headings(parsed) == ["Transfers", "Names (hidden sheet)"]


def test_cell_comments_are_kept() -> None:
    made = book(("Date", "People"), ("2026-01-20", 37))
    made.active["B2"].comment = openpyxl.comments.Comment("Count differs from the press release", "Ana")
    assert blocks(parse_book(made))[-1] == "Comment on B2 by Ana: Count differs from the press release"


def test_a_cell_far_away_costs_no_memory() -> None:
    made = book(("Date", "People"), ("2026-01-20", 37))
    made.active["A1048576"] = "the last row"
    assert blocks(parse_book(made))[-1].endswith("the last row")


def test_a_sheet_that_claims_to_be_huge() -> None:
    data = changed(
        sheet(),
        lambda name, part: (
            re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', part)
            if name.endswith("sheet1.xml")
            else part
        ),
    )
    assert blocks(parse_xlsx(data, "figures.xlsx", SETTINGS))[-1] == "Date: 2026-01-20; People: 37"


def test_a_workbook_without_cells() -> None:
    assert "no filled cells" in refused(parse_xlsx, saved(openpyxl.Workbook())).what


# The shared files


@pytest.mark.shared
def test_a_shared_workbook_of_edge_cases(shared_folder: Path) -> None:
    parsed = checked(parse_xlsx(shared(shared_folder, "xlsx_06_edge_cases_.xlsx"), "edge.xlsx", SETTINGS))
    assert headings(parsed) == ["missing_header_head", "Attached_left", "Diagonal"]
    assert "G1: Overview 1; H1: Purpose 1; I3: Extra 1" in blocks(parsed)
