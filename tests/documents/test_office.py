"""Word and Excel files: made with python-docx and openpyxl, or by hand where those cannot make the trap."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from rag.documents.building import Parsed, canonical
from rag.documents.office import parse_docx, parse_xlsx
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings

SETTINGS = DocumentSettings()
W = nsdecls("w")


def saved(document: Any) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def checked(parsed: Parsed) -> Parsed:
    assert parsed.text == canonical(parsed.text)
    assert parsed.published is None
    for span in (*parsed.headings, *parsed.furniture):
        assert span.of(parsed.text).strip()
    return parsed


def parse(document: Any) -> Parsed:
    return checked(parse_docx(saved(document), "report.docx", SETTINGS))


def blocks(parsed: Parsed) -> list[str]:
    return parsed.text.split("\n\n")


def headings(parsed: Parsed) -> list[str]:
    return [span.of(parsed.text) for span in parsed.headings]


def furniture(parsed: Parsed) -> list[str]:
    return [span.of(parsed.text) for span in parsed.furniture]


def append(document: Any, xml: str) -> None:
    document.element.body.insert(-1, parse_xml(xml))


def changed(data: bytes, change: Callable[[str, bytes], bytes | None], **more: bytes) -> bytes:
    """The package with each part replaced by `change(name, bytes)` (None: left out), and `more` parts added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
        for name, part in more.items():
            new.writestr(name, part)
    return stream.getvalue()


# Word


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


# Hostile and broken packages, both formats


def word() -> bytes:
    document = docx.Document()
    document.add_paragraph("All 37 people left.")
    return saved(document)


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows or [("Date", "People"), ("2026-01-20", 37)]:
        book.active.append(row)
    return saved(book)


BOTH = [(parse_docx, word, "word/document.xml"), (parse_xlsx, sheet, "xl/worksheets/sheet1.xml")]
each_format = pytest.mark.parametrize(("read", "make", "main"), BOTH, ids=["docx", "xlsx"])


def refused(read: Any, data: bytes, settings: DocumentSettings = SETTINGS) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read(data, "file.office", settings)
    assert caught.value.where == "file.office"
    assert caught.value.next_step
    return caught.value


@each_format
def test_an_external_entity_is_not_fetched(read: Any, make: Any, main: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def change(name: str, part: bytes) -> bytes:
        if name != main:
            return part
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", part)
        return entity + body.replace(b"All 37", b"&e;").replace(b"<v>37</v>", b"<v>&e;</v>")

    error = refused(read, changed(make(), change))
    assert "the secret" not in str(error)
    assert "document type" in error.what


@each_format
def test_a_billion_laughs(read: Any, make: Any, main: str) -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]>'.encode()

    def change(name: str, part: bytes) -> bytes:
        if name != main:
            return part
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", part)
        return bomb + body.replace(b"All 37", b"&l9;").replace(b"<v>37</v>", b"<v>&l9;</v>")

    refused(read, changed(make(), change))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "docProps/core.xml"]
)
def test_entities_in_any_part_of_a_workbook_are_harmless(part: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def change(name: str, data: bytes) -> bytes:
        if name != part:
            return data
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data)
        return entity + body.replace(b"People", b"&e;").replace(b"Sheet", b"&e;")

    try:
        text = parse_xlsx(changed(sheet(), change), "file.office", SETTINGS).text
    except UnreadableFile as error:
        text = str(error)
    assert "the secret" not in text


@each_format
def test_a_part_that_expands_to_gigabytes_is_refused_unread(read: Any, make: Any, main: str) -> None:
    big = b" " * (64 * MIB)
    data = changed(make(), lambda name, part: part + big if name == main else part)
    assert len(data) < MIB
    assert "expands" in refused(read, data).what


@each_format
def test_a_limit_on_all_parts_together(read: Any, make: Any, main: str) -> None:
    assert "expands" in refused(read, make(), DocumentSettings(max_archive_bytes=1000)).what


@each_format
@pytest.mark.parametrize("part", [0.1, 0.6, 0.95])
def test_a_truncated_package(read: Any, make: Any, main: str, part: float) -> None:
    data = make()
    assert "damaged" in refused(read, data[: int(len(data) * part)]).what


@each_format
def test_a_damaged_main_part(read: Any, make: Any, main: str) -> None:
    assert (
        "damaged"
        in refused(
            read, changed(make(), lambda name, part: part[: len(part) // 2] if name == main else part)
        ).what
    )


@each_format
def test_a_missing_main_part(read: Any, make: Any, main: str) -> None:
    refused(read, changed(make(), lambda name, part: None if name == main else part))


@each_format
def test_a_password_protected_or_old_file(read: Any, make: Any, main: str) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert "password" in refused(read, ole + "EncryptedPackage".encode("utf-16-le")).what
    assert "2007" in refused(read, ole).what


@each_format
@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_give_a_document_or_a_plain_failure(read: Any, make: Any, main: str, seed: int) -> None:
    random = Random(seed)
    data = bytearray(make())
    for _ in range(random.choice([1, 5, 40])):
        data[random.randrange(len(data))] = random.randrange(256)
    # Anything but UnreadableFile goes through and fails the test.
    with contextlib.suppress(UnreadableFile):
        checked(read(bytes(data), "file.office", SETTINGS))


def test_a_word_file_without_text() -> None:
    document = docx.Document()
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    assert "no text" in refused(parse_docx, saved(document)).what


# Excel


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


def shared(folder: Path, name: str) -> bytes:
    path = folder / "data" / "documents" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the development data")
    return path.read_bytes()


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


@pytest.mark.shared
def test_a_shared_workbook_of_edge_cases(shared_folder: Path) -> None:
    parsed = checked(parse_xlsx(shared(shared_folder, "xlsx_06_edge_cases_.xlsx"), "edge.xlsx", SETTINGS))
    assert headings(parsed) == ["missing_header_head", "Attached_left", "Diagonal"]
    assert "G1: Overview 1; H1: Purpose 1; I3: Extra 1" in blocks(parsed)
