"""Word files: made with python-docx, or by hand where it cannot make the trap."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml

from rag.documents.building import Parsed
from rag.documents.office import parse_docx
from tests.documents.office_files import (
    SETTINGS,
    W,
    blocks,
    changed,
    checked,
    furniture,
    headings,
    refused,
    saved,
    shared,
)


def parse(document: Any) -> Parsed:
    return checked(parse_docx(saved(document), "report.docx", SETTINGS))


def append(document: Any, xml: str) -> None:
    document.element.body.insert(-1, parse_xml(xml))


def test_paragraphs_headings_and_tables_in_their_order() -> None:
    document = docx.Document()
    document.add_heading("Transfers", level=1)
    document.add_paragraph("The ministry confirmed the flights.")
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(
        table.rows, [("Date", "People"), ("2025-02-27", "29"), ("2026-01-20", "37")], strict=True
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("No further flights are planned.")
    parsed = parse(document)
    assert blocks(parsed) == [
        "Transfers",
        "The ministry confirmed the flights.",
        "Date; People",
        "Date: 2025-02-27; People: 29",
        "Date: 2026-01-20; People: 37",
        "No further flights are planned.",
    ]
    assert headings(parsed) == ["Transfers"]


def test_a_heading_style_in_another_language_is_known_by_its_outline_level() -> None:
    document = docx.Document()
    style = document.styles.add_style("Rubrik dritter Ordnung", 1)
    style.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="2"/>'))
    document.add_paragraph("Was geschah", style="Rubrik dritter Ordnung")
    document.add_paragraph("Am Dienstag flogen sieben Flugzeuge ab.")
    assert headings(parse(document)) == ["Was geschah"]


def test_a_short_bold_paragraph_is_a_heading_and_a_bold_sentence_is_not() -> None:
    document = docx.Document()
    document.add_paragraph().add_run("What happened next").bold = True
    document.add_paragraph().add_run("Nobody was told.").bold = True
    document.add_paragraph("It was dawn.")
    assert headings(parse(document)) == ["What happened next"]


def test_headers_footers_and_the_table_of_contents_are_furniture() -> None:
    document = docx.Document()
    section = document.sections[0]
    section.header.paragraphs[0].text = "Draft, not for publication"
    section.footer.paragraphs[0].text = "Page 1"
    document.styles.add_style("toc 1", 1)
    document.add_paragraph("Transfers\t3", style="toc 1")
    document.add_paragraph("The ministry confirmed the flights.")
    parsed = parse(document)
    assert furniture(parsed) == ["Draft, not for publication", "Transfers\t3", "Page 1"]


def test_a_nested_table_follows_its_table() -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["Base", "Flights", "North", "see below"], strict=True):
        cell.text = text
    inner = table.cell(1, 1).add_table(rows=2, cols=2)
    for cell, text in zip(inner._cells, ["Day", "People", "Monday", "12"], strict=True):
        cell.text = text
    parsed = parse(document)
    assert blocks(parsed) == [
        "Base; Flights",
        "Base: North; Flights: see below",
        "Day; People",
        "Day: Monday; People: 12",
    ]


def test_merged_cells_count_for_each_row() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for cell, text in zip(table._cells, ["Base", "People", "North", "12", "", "15"], strict=True):
        cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert blocks(parse(document))[1:] == ["Base: North; People: 12", "Base: North; People: 15"]


def test_a_table_that_lays_out_a_page_is_text() -> None:
    document = docx.Document()
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text = "To the editor"
    table.cell(0, 1).text = "The flights were known to us."
    assert blocks(parse(document)) == ["To the editor", "The flights were known to us."]


def test_inserted_text_is_in_and_deleted_text_is_out() -> None:
    document = docx.Document()
    append(
        document,
        f'<w:p {W}><w:r><w:t xml:space="preserve">All </w:t></w:r>'
        '<w:del w:id="1"><w:r><w:delText>26</w:delText></w:r></w:del>'
        '<w:ins w:id="2"><w:r><w:t>37</w:t></w:r></w:ins>'
        '<w:moveFrom w:id="3"><w:r><w:t>never</w:t></w:r></w:moveFrom>'
        '<w:r><w:t xml:space="preserve"> people left.</w:t></w:r></w:p>',
    )
    assert parse(document).text == "All 37 people left."


def test_hidden_text_and_field_codes_are_out() -> None:
    document = docx.Document()
    append(
        document,
        f"<w:p {W}><w:r><w:t>Seen.</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden.</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t xml:space="preserve"> Shown.</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "x"</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve"> A link.</w:t></w:r></w:p>',
    )
    assert parse(document).text == "Seen. Shown. A link."


def test_text_boxes_are_read_once_after_their_paragraph() -> None:
    document = docx.Document()
    box = "<w:txbxContent><w:p><w:r><w:t>In the box.</w:t></w:r></w:p></w:txbxContent>"
    append(
        document,
        f'<w:p {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
        ' xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:t>Around it.</w:t></w:r><w:r><mc:AlternateContent>'
        f'<mc:Choice Requires="wps"><w:drawing>{box}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    )
    assert blocks(parse(document)) == ["Around it.", "In the box."]


def test_content_controls_and_links_are_read() -> None:
    document = docx.Document()
    append(
        document,
        f'<w:sdt {W}><w:sdtContent><w:p><w:r><w:t xml:space="preserve">Signed by </w:t></w:r>'
        "<w:hyperlink><w:r><w:t>the judge</w:t></w:r></w:hyperlink></w:p></w:sdtContent></w:sdt>",
    )
    assert parse(document).text == "Signed by the judge"


def test_line_breaks_tabs_and_hyphens_that_do_not_break() -> None:
    document = docx.Document()
    append(
        document,
        f"<w:p {W}><w:r><w:t>Name:</w:t><w:tab/><w:t>T</w:t><w:noBreakHyphen/><w:t>34</w:t><w:br/><w:t>next</w:t>"
        "</w:r></w:p>",
    )
    assert parse(document).text == "Name:\tT-34\nnext"


def test_comments_follow_their_paragraph_under_their_author() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("All 37 people left.")
    document.add_comment(paragraph.runs, text="Check this figure.", author="Ana", initials="A")
    document.add_paragraph("It was dawn.")
    assert blocks(parse(document)) == [
        "All 37 people left.",
        "Comment by Ana: Check this figure.",
        "It was dawn.",
    ]


FOOTNOTES = f"""<w:footnotes {W}><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>-</w:t></w:r></w:p></w:footnote>
<w:footnote w:id="1"><w:p><w:r><w:t>According to the ministry.</w:t></w:r></w:p></w:footnote></w:footnotes>"""


def with_footnote() -> bytes:
    document = docx.Document()
    append(
        document,
        f'<w:p {W}><w:r><w:t>All 37 people left.</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r></w:p>',
    )
    document.add_paragraph("It was dawn.")
    relation = b'<Relationship Id="rId99" Type="http://x/footnotes" Target="footnotes.xml"/></Relationships>'
    return changed(
        saved(document),
        lambda name, part: (
            part.replace(b"</Relationships>", relation) if name.endswith("document.xml.rels") else part
        ),
        **{"word/footnotes.xml": FOOTNOTES.encode()},
    )


def test_footnotes_follow_their_paragraph() -> None:
    parsed = checked(parse_docx(with_footnote(), "report.docx", SETTINGS))
    assert blocks(parsed) == ["All 37 people left.", "According to the ministry.", "It was dawn."]


def test_damaged_footnotes_do_not_cost_the_text() -> None:
    data = changed(with_footnote(), lambda name, part: part[:40] if "footnotes" in name else part)
    assert blocks(parse_docx(data, "report.docx", SETTINGS)) == ["All 37 people left.", "It was dawn."]


def test_the_strict_form_of_the_format_is_read() -> None:
    document = docx.Document()
    document.add_heading("Transfers", level=1)
    document.add_paragraph("All 37 people left.")
    data = changed(
        saved(document),
        lambda name, part: part.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        ).replace(
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        ),
    )
    parsed = checked(parse_docx(data, "report.docx", SETTINGS))
    assert blocks(parsed) == ["Transfers", "All 37 people left."]
    assert headings(parsed) == ["Transfers"]


def test_properties_and_what_they_must_not_say() -> None:
    document = docx.Document()
    document.add_paragraph("All 37 people left.")
    core = document.core_properties
    core.title, core.author = "Transfers of prisoners", "Ana Pérez"
    core.created = dt.datetime(2020, 1, 1)
    core.modified = dt.datetime(2026, 2, 3, 4, 5)
    parsed = parse(document)
    assert (parsed.title, parsed.author, parsed.published) == ("Transfers of prisoners", "Ana Pérez", None)
    assert parsed.modified == "2026-02-03T04:05:00Z"


def test_a_title_left_by_the_program_gives_way_to_the_one_in_the_text() -> None:
    document = docx.Document()
    document.core_properties.title = "Document1"
    document.core_properties.author = "python-docx"
    document.add_paragraph("Seven flights", style="Title")
    document.add_paragraph("All 37 people left.")
    parsed = parse(document)
    assert (parsed.title, parsed.author) == ("Seven flights", None)


def test_a_file_inside_the_file_is_an_attachment() -> None:
    inner = saved(openpyxl.Workbook())
    document = docx.Document()
    document.add_paragraph("See the sheet.")
    relation = (
        b'<Relationship Id="rId98" Type="http://x/package" Target="embeddings/sheet.xlsx"/></Relationships>'
    )
    data = changed(
        saved(document),
        lambda name, part: (
            part.replace(b"</Relationships>", relation) if name.endswith("document.xml.rels") else part
        ),
        **{"word/embeddings/sheet.xlsx": inner},
    )
    parsed = parse_docx(data, "report.docx", SETTINGS)
    assert [(file.name, file.data) for file in parsed.attachments] == [("sheet.xlsx", inner)]


def test_a_word_file_without_text() -> None:
    document = docx.Document()
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    assert "no text" in refused(parse_docx, saved(document)).what


# The shared files


@pytest.mark.shared
def test_a_shared_file_with_nested_and_merged_tables(shared_folder: Path) -> None:
    parsed = checked(parse_docx(shared(shared_folder, "docx-tables.docx"), "docx-tables.docx", SETTINGS))
    assert "Header Col 1: Lorem ipsum; Header Col 2: A link example" in blocks(parsed)
    assert "a: j; >b<: k; c: l" in blocks(parsed)
    assert "e: g&t; f: h" in blocks(parsed)


@pytest.mark.shared
def test_a_shared_handbook(shared_folder: Path) -> None:
    parsed = checked(parse_docx(shared(shared_folder, "handbook-1p.docx"), "handbook-1p.docx", SETTINGS))
    assert headings(parsed)[:2] == ["CHAPTER 1", "INTRODUCTION"]
    assert "US Trustee Handbook" in furniture(parsed)


@pytest.mark.shared
def test_a_shared_file_in_two_languages(shared_folder: Path) -> None:
    parsed = checked(parse_docx(shared(shared_folder, "eng_spa_mult.docx"), "eng_spa_mult.docx", SETTINGS))
    assert "Todos los seres humanos nacen libres e iguales" in parsed.text
