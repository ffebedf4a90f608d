"""What texts and pages say about themselves; above all, what must not be guessed."""

from __future__ import annotations

import pytest

from rag.documents.dates import date_in_line
from rag.documents.language import language_of
from rag.documents.metadata import author_in_line, is_byline, read_metadata, top_of
from rag.documents.text import find_headings


@pytest.mark.parametrize(
    ("line", "date", "label"),
    [
        ("Wednesday, May 28, 2025", "2025-05-28", ""),
        ("28 May 2025", "2025-05-28", ""),
        ("2025-05-28", "2025-05-28", ""),
        ("2025-05-28T10:15:00Z", "2025-05-28", ""),
        ("Published: May 28, 2025 at 10:15 a.m. EST", "2025-05-28", "published"),
        ("Publicado el 3 de febrero de 2026", "2026-02-03", "published"),
        ("martes, 3 de febrero de 2026", "2026-02-03", ""),
        ("Last updated on 4 Feb. 2026", "2026-02-04", "modified"),
        ("Actualizado: 4 de febrero de 2026, 18:37", "2026-02-04", "modified"),
        ("31/12/2025", "2025-12-31", ""),
        ("05/05/2025", "2025-05-05", ""),
        ("19 FEB 2020 - 18:37 CET", "2020-02-19", ""),
    ],
)
def test_date_lines(line: str, date: str, label: str) -> None:
    assert date_in_line(line) == (date, label)


@pytest.mark.parametrize(
    "line",
    ["03/02/2026", "May 2025", "On May 28, 2025 the court ruled", "31 February 2025", "3 days ago", "28 May", "", "2025",
     "The deadline is 28 May 2025"],
)  # fmt: skip
def test_what_is_no_date_line_or_could_be_two_days(line: str) -> None:
    assert date_in_line(line) is None


@pytest.mark.parametrize(
    ("line", "author", "outlet"),
    [
        ("By Ana Ruiz", "Ana Ruiz", None),
        ("by Gerónimo Ñúñez.", "Gerónimo Ñúñez", None),
        ("BY ANA RUIZ", "Ana Ruiz", None),
        ("Por Ana de la Torre", "Ana de la Torre", None),
        ("By Ana Ruiz and Luis Mora", "Ana Ruiz and Luis Mora", None),
        ("By Ana Ruiz, Harbour Correspondent", "Ana Ruiz", None),
        ("Original article by Ana Ruiz in Mexico City", "Ana Ruiz", None),
        ("Original article by Ana Ruiz in The Harbour Times", "Ana Ruiz", "The Harbour Times"),
        ("Author: J. K. Smith", "J. K. Smith", None),
        ("By The Associated Press", None, None),
    ],
)
def test_bylines(line: str, author: str | None, outlet: str | None) -> None:
    assert author_in_line(line) == (author, outlet)


@pytest.mark.parametrize(
    "line",
    ["By Monday", "By then it was over", "By the river", "by car and by train", "Stand by me", "Por favor"],
)
def test_what_is_no_byline(line: str) -> None:
    assert not is_byline(line)


BODY = "The council met on 3 March 2021 and voted for the bridge. By Tuesday, the mayor had signed, Ana Ruiz said."


def _read(text: str) -> tuple[str | None, ...]:
    found = read_metadata(text, find_headings(text, ()), ())
    return found.title, found.source, found.author, found.published, found.modified


def test_head_of_a_page() -> None:
    text = f"Bridge wins - Harbour Post\n\nBridge wins\n\nBy Ana Ruiz\n28 May 2025\nUpdated: 29 May 2025\n\n{BODY}"
    assert _read(text) == ("Bridge wins", "Harbour Post", "Ana Ruiz", "2025-05-28", "2025-05-29")


def test_a_credit_line_gives_outlet_and_date() -> None:
    assert _read(f"Bridge wins\n\nHarbour Report, May 28, 2025\n\n{BODY}")[1:4] == (
        "Harbour Report",
        None,
        "2025-05-28",
    )


def test_the_date_below_the_headline_wins_over_the_day_of_the_visit() -> None:
    assert _read(f"Friday, May 30, 2025\n\nBridge wins again\n\nMay 28, 2025\n\n{BODY}")[3] == "2025-05-28"


def test_two_dates_that_contradict_are_no_date() -> None:
    assert _read(f"May 30, 2025\n\nMay 28, 2025\n\n{BODY}")[3] is None


def test_nothing_is_taken_from_running_text() -> None:
    assert _read(f"{BODY}\n\n{BODY}") == (None, None, None, None, None)


def test_the_byline_of_a_second_article_is_not_the_author_of_the_page() -> None:
    assert _read(f"Bridge wins\n\n{BODY}\n\nWill the ferry close?\nby Ana Ruiz\n\n{BODY}")[2] is None


def test_an_unconfirmed_half_of_a_title_is_no_outlet() -> None:
    assert _read(f"Bridge wins - ferry loses\n\n{BODY}")[:2] == ("Bridge wins - ferry loses", None)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "The council met on Tuesday and voted seven to two for the new bridge, which is to open in the spring.",
            "en",
        ),
        (
            "El consejo se reunió el martes y votó a favor del nuevo puente, que se abrirá en la primavera.",
            "es",
        ),
        (
            "O conselho reuniu-se na terça-feira e votou a favor da nova ponte, que não será aberta este ano.",
            "pt",
        ),
        (
            "Der Rat trat am Dienstag zusammen und stimmte für die neue Brücke, die im Frühjahr eröffnet wird.",
            "de",
        ),
        ("Sheinbaum", None),
        ("12,400 / 33 / 1.5 % -- 7", None),
        ("", None),
    ],
)
def test_language(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("head", "title", "source", "author", "published"),
    [
        (
            "Bridge wins the vote\nTallow Lane Wire\n3 February 2026\nBy Ana Ruiz",
            "Bridge wins the vote", "Tallow Lane Wire", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Bridge wins the vote\nCopper Quay\n3 February 2026\nBy Ana Ruiz",
            "Bridge wins the vote", "Copper Quay", "Ana Ruiz", "2026-02-03",
        ),
        (
            "The Harbour Post\nBridge wins the vote\nBy Ana Ruiz\n3 February 2026",
            "Bridge wins the vote", "The Harbour Post", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Bridge wins the vote\nharbourpost.com\n3 February 2026",
            "Bridge wins the vote", "harbourpost.com", None, "2026-02-03",
        ),
        (
            "Bridge wins the vote\nBy Ana Ruiz, Tallow Lane Wire\n3 February 2026",
            "Bridge wins the vote", "Tallow Lane Wire", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Bridge wins the vote\nCopper Quay Courier | 3 February 2026\nBy Ana Ruiz / Tallow Lane Wire",
            "Bridge wins the vote", "Copper Quay Courier", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Bridge wins the long vote - Harbour Post\nBy Ana Ruiz",
            "Bridge wins the long vote", "Harbour Post", "Ana Ruiz", None,
        ),
        (
            "Bridge wins the long vote | Quay\nBy Ana Ruiz",
            "Bridge wins the long vote", "Quay", "Ana Ruiz", None,
        ),
        (
            "Opinion: The bridge will not hold\nLarkspur Review, 12 March 2025",
            "Opinion: The bridge will not hold", "Larkspur Review", None, "2025-03-12",
        ),
        (
            "Title: Bridge wins the vote\nSource: Copper Quay\nPublished: 3 February 2026\nAuthor: Ana Ruiz",
            "Bridge wins the vote", "Copper Quay", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Título: Gana el puente\nFuente: Hoja del Muelle\nFecha: 3 de febrero de 2026\nAutor: Ana Ruiz",
            "Gana el puente", "Hoja del Muelle", "Ana Ruiz", "2026-02-03",
        ),
        (
            "Headline: Bridge wins the vote\nOutlet: Copper Quay\nDate: 2026-02-03",
            "Bridge wins the vote", "Copper Quay", None, "2026-02-03",
        ),
    ],
)  # fmt: skip
def test_the_head_of_a_clipping(head: str, title: str, source: str, author: str, published: str) -> None:
    assert _read(f"{head}\n\n{BODY}")[:4] == (title, source, author, published)


@pytest.mark.parametrize(
    "head",
    [
        "Bridge wins the vote\nMEXICO\n3 February 2026\nBy Ana Ruiz",  # a section
        "Bridge wins the vote\nMexico City\n3 February 2026\nBy Ana Ruiz",  # a place
        "Bridge wins the vote\nHarbour Correspondent\n3 February 2026\nBy Ana Ruiz",  # an office
        "Bridge wins the vote\nAna Ruiz\n3 February 2026",  # a person
        "Bridge wins the vote\nWhat the ferry crews fear now\nBy Ana Ruiz",  # a subtitle
        "Bridge wins the vote\nBy Ana Ruiz, Harbour Correspondent",
        "Bridge wins the vote - Ferry Loses Again\nBy Ana Ruiz",
        "Bridge wins the vote\nWashington, 3 February 2026\nBy Ana Ruiz",
        "Source: the police report of Monday\nBridge wins the vote",
        "Subject: Harbour Post",
    ],
)
def test_what_is_no_outlet(head: str) -> None:
    found = _read(f"{head}\n\n{BODY}")
    assert found[1] is None or head.startswith("Source"), found


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (
            "Three flights\n\nAshgrove Briefing Service, 3 February 2026",
            ("Ashgrove Briefing Service", "2026-02-03"),
        ),
        ("Ashgrove Institute   3 February 2026   Page 1 of 4", ("Ashgrove Institute", "2026-02-03")),
        ("Memo\n\nDate: 3 February 2026", (None, "2026-02-03")),
        (
            "Ashgrove Briefing Service, briefing of 3 February 2026",
            ("Ashgrove Briefing Service", "2026-02-03"),
        ),
        ("2026-02-03   29\n2026-03-04   31", (None, None)),
        ("2026-02-03   29", (None, None)),
        ("Minutes\n\n3 February 2026", (None, "2026-02-03")),
        ("Minutes\n\nUpdated: 3 February 2026", (None, None)),
        ("Minutes\n\nMexico City, 3 February 2026", (None, "2026-02-03")),
        ("The Ashgrove Institute met on 3 February 2026.", (None, None)),
        (f"{BODY}\n\nAshgrove Institute, 3 February 2026", (None, None)),
    ],
)
def test_outlet_and_date_at_the_top_of_a_document(top: str, expected: tuple[str | None, str | None]) -> None:
    assert top_of(f"{top}\n\n{BODY}") == expected
