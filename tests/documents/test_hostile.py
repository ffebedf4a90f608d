"""Files made to take long: the time limit holds for every kind of text, and the patterns stay linear."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from rag.documents import blocks, isolate
from rag.documents.kinds import kind_of
from rag.documents.load import Failure, Loaded, load
from rag.documents.text import parse_markdown, parse_text
from rag.sentences import sentences
from rag.settings import DocumentSettings
from rag.types import Document

Loads = Callable[..., list[Loaded | Failure]]
Fails = Callable[..., Failure]

HEAD = b"From: a@example.org\nSubject: Bridge\nDate: Mon, 3 Feb 2026 10:00:00 +0000\n\n"
TO_START = 5.0  # seconds beside the limit: to start a worker on a busy machine, to guess the language


@pytest.mark.parametrize("name", ["line.txt", "line.md", "line.csv", "line.eml"])
@pytest.mark.parametrize("unit", ["a", ".", "a b ", "A. ", "1 |", "<", "é", "“"])
def test_two_megabytes_on_one_line_are_read_or_refused_in_time(name: str, unit: str) -> None:
    data = unit.encode() * (2_000_000 // len(unit.encode()))
    limits = DocumentSettings(max_seconds=0.5)
    started = time.monotonic()
    (found,) = load(HEAD + data if name.endswith(".eml") else data, name, limits)
    assert time.monotonic() - started < limits.max_seconds + TO_START
    if isinstance(found, Failure):
        assert "0.5 seconds" in found.error


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " a" * 99 + " ",
        ".",
        "-",
        "1",
        "<",
        "é",
        "(",
        "a | ",
        "Aa said. ",
        "AP Photo/",
        "img1-",
        "Jr. Aa ",
    ],
)
def test_one_long_line_takes_linear_time(unit: str, settings: DocumentSettings) -> None:
    """Quadratic patterns took minutes on the first of these; linear ones take well under a second."""
    text = unit * (200_000 // len(unit)) + "!"
    started = time.monotonic()
    parse_text(text.encode(), "line.txt", settings)
    parse_markdown(b"# " + text.encode(), "line.md", settings)
    sentences(text)
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "line",
    ["Comments", "Related", "A view of the harbour", "```x", "# a   # b", "Ana is a reporter for the Post"],
)
def test_many_lines_of_one_kind_take_linear_time(line: str, settings: DocumentSettings) -> None:
    text = f"{line}\n" * (120_000 // (len(line) + 1))
    started = time.monotonic()
    parse_text(text.encode(), "lines.txt", settings)
    parse_markdown(text.encode(), "lines.md", settings)
    assert time.monotonic() - started < 12


def test_comments_before_a_page_do_not_take_exponential_time() -> None:
    started = time.monotonic()
    assert kind_of(b"<!-- x --> " * 5_000 + b"words", "page.txt").family == "text"
    assert kind_of(b"<!-- x --> " * 5_000 + b"<html><p>Words.</p></html>", "page.txt").family == "html"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "css", ["/*" * 90_000, "@" * 180_000, "a" * 180_000, "@a{" * 60_000, "display" * 25_000]
)
def test_a_style_sheet_takes_linear_time(css: str) -> None:
    from lxml.html import document_fromstring

    root = document_fromstring(
        f"<html><style>.x{{display:none}}{css}</style><p class=x>No</p><p>Yes, it is.</p></html>"
    )
    started = time.monotonic()
    blocks.drop_hidden(root)
    assert time.monotonic() - started < 3
    assert [block.text for block in blocks.blocks_of(root)] == ["Yes, it is."]


def test_a_style_sheet_hides_what_it_says() -> None:
    from lxml.html import document_fromstring

    root = document_fromstring(
        "<html><style>/* .seen {display:none} */ @media print {.seen {display:none} p {color: red}}"
        "@import 'x'; .a, #b {display: none} .seen {color: red}</style>"
        "<p class=a>One</p><p id=b>Two</p><p class=seen>Three</p></html>"
    )
    blocks.drop_hidden(root)
    assert [block.text for block in blocks.blocks_of(root)] == ["Three"]


def test_ordinary_text_needs_no_worker_and_unusual_text_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    parse = isolate.parse

    def counted(family: str, data: bytes, name: str, settings: DocumentSettings) -> isolate.Parsed:
        asked.append(name)
        return parse(family, data, name, settings)

    monkeypatch.setattr(isolate, "parse", counted)
    prose = "The bridge was closed on Monday. Nobody was hurt, the mayor said.\n\n" * 400
    ordinary = {
        "prose.txt": prose.encode(),
        "prose.md": prose.encode(),
        "costs.csv": b"Part,Cost\n" + b"Pillars,12\n" * 900,
        "mail.eml": HEAD + prose.encode(),
        "short.txt": "Señal débil.".encode("cp1252"),
    }
    unusual = {
        "line.txt": prose.replace("\n", " ").encode(),
        "wide.txt": prose.encode("utf-16"),
        "large.txt": prose.encode() * 12,
        "many.txt": b"a\n" * 6_000,
        "part.eml": b"Content-Transfer-Encoding: base64\n" + HEAD + b"YSBi",
        "head.eml": b"To: " + b"(" * 3_000 + b"\n" + HEAD + prose.encode(),
    }
    for name, data in (ordinary | unusual).items():
        found = list(load(data, name, DocumentSettings()))
        assert isinstance(found[0], Loaded), found
    assert asked == list(unusual)


def test_a_mail_whose_header_exhausts_the_stack_is_read_all_the_same(
    document: Callable[..., Document],
) -> None:
    data = (
        b"From: a@example.org\nTo: "
        + b"(" * 1_500
        + b"\nSubject: Bridge\n\nThe bridge was closed on Monday.\n"
    )
    assert "The bridge was closed" in document(data, "deep.eml").text


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a"])
@pytest.mark.parametrize("text", [" ", "\n\n\t\r\n ", "\u00a0\u2003", "\ufeff\u200b\u200b", "\u200e \u00ad"])
def test_what_cannot_be_seen_is_no_text(fails: Fails, name: str, text: str) -> None:
    assert "holds no text" in fails(text.encode(), name).error


@pytest.mark.parametrize("name", ["menu.txt", "menu.md"])
def test_a_text_of_nothing_but_menus_is_kept_whole(document: Callable[..., Document], name: str) -> None:
    found = document(b"Subscribe to our newsletter\n\nShare\n\nFacebook\n\nAll rights reserved\n", name)
    assert found.furniture == ()
    assert "newsletter" in found.text


def test_a_page_of_nothing_but_menus_is_named(fails: Fails) -> None:
    found = fails(
        b"<html><body><p>Subscribe to our newsletter</p><p>Log in</p><p>All rights reserved</p></body></html>",
        "wall.html",
    )
    assert "nothing but menus" in found.error
    assert "save it" in found.next_step


@pytest.mark.parametrize(("ending", "program"), [("docx", "Word"), ("xlsx", "Excel"), ("pptx", "PowerPoint")])
def test_a_broken_office_file_is_no_zip(
    fails: Fails, zipped: Callable[[dict[str, bytes]], bytes], ending: str, program: str
) -> None:
    whole = zipped({"[Content_Types].xml": os.urandom(500), "docProps/core.xml": os.urandom(5_000)})
    for data in (whole, whole[:2_000], whole[:-30], b"PK\x03\x04" + b"\x00" * 200):
        found = fails(data, f"Report.{ending.upper()}")
        assert found.error == f"damaged or incomplete {program} file"
        assert program in found.next_step
        assert "zip -FF" not in found.next_step


def test_a_broken_zip_is_one(fails: Fails, zipped: Callable[[dict[str, bytes]], bytes]) -> None:
    assert "ZIP archive" in fails(zipped({"a.txt": os.urandom(5_000)})[:2_000], "a.zip").error
