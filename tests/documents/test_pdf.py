"""PDF files: what they say of themselves, files that cannot be read, and shared ones, asserted on what a page shows."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from rag.documents.building import Parsed
from rag.documents.pdf import parse_pdf, pdf_date
from rag.documents.properties import is_plausible_title
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from tests.documents.pdfs import (
    LEFT,
    NO_OCR,
    SETTINGS,
    blank,
    checked,
    numbered,
    page_text,
    parse,
    pieces,
    write,
)

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
