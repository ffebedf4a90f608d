"""PDF files made with fpdf2 for the tests of each trap, and what holds for every one of them."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from fpdf import FPDF

from rag.documents.building import Parsed, canonical
from rag.documents.pdf import parse_pdf
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


def numbered(pages: int, header: str = "Annual report of the agency") -> FPDF:
    pdf = blank()
    for page in range(1, pages + 1):
        pdf.add_page()
        write(pdf, 50, 40, header)
        for number, line in enumerate(LEFT):
            write(pdf, 50, 100 + 14 * number, line.replace("seven", f"{page + 3}"))
        write(pdf, 280, 810, f"Page {page} of {pages}")
    return pdf
