"""Scans: pictures of pages made here, read by Tesseract where it is installed."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF
from PIL import Image

from rag.documents import allowance
from rag.documents.building import canonical
from rag.documents.ocr import find_tesseract, parse_image, pgm_of
from rag.documents.pdf import parse_pdf
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

SETTINGS = DocumentSettings()
NO_OCR = DocumentSettings(ocr=False)
LINES = [
    "The ministry confirmed on Tuesday that the",
    "transfer had taken place before dawn and that",
    "37 prisoners were flown out on seven aircraft.",
]
SENTENCE = "transfer had taken place before dawn and that 37 prisoners were flown out on seven aircraft."

with_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def page_with(*lines: str) -> FPDF:
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_auto_page_break(False)
    add_page(pdf, *lines)
    return pdf


def add_page(pdf: FPDF, *lines: str) -> None:
    pdf.add_page()
    pdf.set_font("helvetica", size=13)
    for number, line in enumerate(lines):
        pdf.text(60, 100 + 18 * number, line)


def picture_of(pdf: FPDF) -> Image.Image:
    """The first page as a scanner would see it, at 150 dpi."""
    document = pdfium.PdfDocument(bytes(pdf.output()))
    picture = document[0].render(scale=150 / 72, grayscale=True).to_pil()
    document.close()
    return picture


def add_scan(pdf: FPDF, picture: Image.Image) -> None:
    pdf.add_page()
    pdf.image(picture, x=0, y=0, w=pdf.w, h=pdf.h)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@with_tesseract
def test_a_scanned_page_is_read() -> None:
    pdf = FPDF(unit="pt", format="A4")
    add_scan(pdf, picture_of(page_with(*LINES)))
    parsed = parse_pdf(bytes(pdf.output()), "scan.pdf", SETTINGS)
    assert SENTENCE in parsed.text
    assert parsed.pages[0].span.of(parsed.text) == parsed.text == canonical(parsed.text)


@with_tesseract
def test_a_scan_between_pages_with_text_keeps_its_place() -> None:
    pdf = page_with("This page has letters of its own and comes first.")
    add_scan(pdf, picture_of(page_with(*LINES)))
    add_page(pdf, "This page has letters of its own and comes last.")
    parsed = parse_pdf(bytes(pdf.output()), "mixed.pdf", SETTINGS)
    first, second, third = (page.span.of(parsed.text) for page in parsed.pages)
    assert "comes first" in first
    assert SENTENCE in second
    assert "comes last" in third


def test_a_scan_without_ocr_says_no_text_layer_and_what_to_do() -> None:
    pdf = FPDF(unit="pt", format="A4")
    add_scan(pdf, picture_of(page_with(*LINES)))
    with pytest.raises(UnreadableFile) as caught:
        parse_pdf(bytes(pdf.output()), "scan.pdf", NO_OCR)
    assert caught.value.what == "no text layer"
    assert "documents.ocr" in caught.value.next_step


def test_a_scan_where_tesseract_is_missing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    pdf = FPDF(unit="pt", format="A4")
    add_scan(pdf, picture_of(page_with(*LINES)))
    with pytest.raises(UnreadableFile) as caught:
        parse_pdf(bytes(pdf.output()), "scan.pdf", SETTINGS)
    assert caught.value.what == "no text layer"
    assert "apt install tesseract-ocr" in caught.value.next_step


def test_an_unread_scan_among_pages_with_text_is_named_on_its_page() -> None:
    pdf = page_with("This page has letters of its own and comes first.")
    add_scan(pdf, picture_of(page_with(*LINES)))
    parsed = parse_pdf(bytes(pdf.output()), "mixed.pdf", NO_OCR)
    (note,) = parsed.furniture
    assert note.of(parsed.text).startswith("[Page 2 is a scan that was not read")
    assert parsed.pages[1].span.contains(note)
    assert "comes first" in parsed.text


def test_no_time_left_is_named_on_the_page() -> None:
    pdf = page_with("This page has letters of its own and comes first.")
    add_scan(pdf, picture_of(page_with(*LINES)))
    if find_tesseract(SETTINGS) is None:
        pytest.skip("Tesseract is not installed")
    parsed = parse_pdf(
        bytes(pdf.output()), "mixed.pdf", DocumentSettings(max_seconds=1.0, ocr_page_seconds=0.0)
    )
    (note,) = parsed.furniture
    assert "ocr_page_seconds" in note.of(parsed.text)


def test_the_time_grows_with_the_number_of_scanned_pages() -> None:
    asked: list[float] = []
    allowance.listen(asked.append)
    try:
        left = allowance.for_scans(300, DocumentSettings(max_seconds=120.0, ocr_page_seconds=6.0))
    finally:
        allowance.listen(None)
    assert asked == [1920.0]
    assert 1800.0 < left < 1920.0


@with_tesseract
def test_a_stamp_on_a_scan_does_not_hide_what_the_scan_says() -> None:
    pdf = FPDF(unit="pt", format="A4")
    add_scan(pdf, picture_of(page_with(*LINES)))
    pdf.set_font("helvetica", size=9)
    pdf.text(400, 820, "EXHIBIT 000123")
    assert SENTENCE in parse_pdf(bytes(pdf.output()), "scan.pdf", SETTINGS).text


@with_tesseract
def test_a_small_picture_on_a_page_with_text_is_not_read() -> None:
    pdf = page_with("The report is here as text.")
    pdf.image(picture_of(page_with(*LINES)), x=60, y=300, w=80)
    parsed = parse_pdf(bytes(pdf.output()), "report.pdf", SETTINGS)
    assert parsed.text == "The report is here as text."


@with_tesseract
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_pictures_of_documents(kind: str) -> None:
    data = encoded(picture_of(page_with(*LINES)), kind)
    parsed = parse_image(data, "photo", SETTINGS)
    assert SENTENCE in parsed.text
    assert parsed.media_type == f"image/{kind.lower()}"
    assert [page.number for page in parsed.pages] == [1]


@with_tesseract
def test_every_page_of_a_tiff_is_read() -> None:
    first = picture_of(page_with(*LINES))
    second = picture_of(page_with("The second sheet of the fax names the base."))
    parsed = parse_image(encoded(first, "TIFF", save_all=True, append_images=[second]), "fax.tif", SETTINGS)
    assert SENTENCE in parsed.pages[0].span.of(parsed.text)
    assert "names the base" in parsed.pages[1].span.of(parsed.text)


@with_tesseract
def test_a_photo_is_turned_as_its_exif_data_say() -> None:
    picture = picture_of(page_with(*LINES)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise to see it
    assert SENTENCE in parse_image(encoded(picture, "JPEG", exif=exif), "photo.jpg", SETTINGS).text


@with_tesseract
def test_a_picture_without_writing() -> None:
    with pytest.raises(UnreadableFile, match="no text was recognised"):
        parse_image(encoded(Image.new("L", (1500, 1000), 200), "PNG"), "sky.png", SETTINGS)


@with_tesseract
def test_a_damaged_picture() -> None:
    data = encoded(picture_of(page_with(*LINES)), "PNG")
    with pytest.raises(UnreadableFile, match="damaged"):
        parse_image(data[: len(data) // 2], "photo.png", SETTINGS)


@with_tesseract
def test_a_picture_with_too_many_pixels() -> None:
    with pytest.raises(UnreadableFile, match="too large"):
        parse_image(encoded(Image.new("1", (20_000, 20_000)), "PNG"), "bomb.png", SETTINGS)


def test_a_picture_without_ocr_is_unreadable() -> None:
    with pytest.raises(UnreadableFile) as caught:
        parse_image(encoded(Image.new("L", (100, 100)), "PNG"), "photo.png", NO_OCR)
    assert "text layer" in caught.value.what


@with_tesseract
def test_languages_that_are_not_installed_are_left_out() -> None:
    found = find_tesseract(DocumentSettings(ocr_languages="eng+klingon"))
    assert found is not None
    assert found.languages == "eng"


def test_a_pgm_needs_all_its_pixels() -> None:
    assert pgm_of(2, 1, b"\x00\xff") == b"P5 2 1 255\n\x00\xff"
    with pytest.raises(ValueError, match="pixels"):
        pgm_of(2, 2, b"\x00\xff")


@pytest.mark.shared
@with_tesseract
@pytest.mark.parametrize(
    ("name", "needle"),
    [
        ("ocr_test.pdf", "JSON and Markdown in an easy self contained"),
        ("loremipsum-flat.pdf", "Sed posuere sit amet lacus sed pharetra."),
        ("table-multi-row-column-cells.pdf", "95.4%, n=3"),
    ],
)
def test_shared_scans(shared_folder: Path, name: str, needle: str) -> None:
    path = shared_folder / "data" / "documents" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the development data")
    assert needle in parse_pdf(path.read_bytes(), name, SETTINGS).text
