"""The sample dossier: each file loads as what it is, its leftovers are furniture, and its sentences are our own."""

from __future__ import annotations

import importlib.util
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from rag.documents.load import Failure, Loaded, load
from rag.settings import DocumentSettings
from rag.types import Document, Span

CORPUS = Path(__file__).parents[1] / "corpus"
DOSSIER = CORPUS / "dossier"
MAIL_TABLE = "11-figures-mail.eml!/transfers.csv"

# title, outlet, author, published, modified (days), language; None: the file does not say
EXPECTED: dict[str, tuple[str | None, str | None, str | None, str | None, str | None, str | None]] = {
    "01-first-flight.html": (
        "Mexico hands 29 jailed cartel figures to the United States",
        "Quillmark Bulletin",
        "Ines Carrow",
        "2025-03-01",
        "2025-03-03",
        "en",
    ),
    "02-second-flight.txt": (
        "Second prison flight carries 26 more across the border",
        "Tallow Lane Wire",
        "Renata Oyle",
        "2025-08-19",
        None,
        "en",
    ),
    "03-fennel-street-page.txt": ("Two groups and one favourite word", None, "P. Marrow", None, None, "en"),
    "04-two-articles.html": (
        "North and South: two pieces on Mexico and Washington",
        "Larkspur Review",
        "Odile Brandt, Marek Sollis",
        "2025-05-19",
        None,
        "en",
    ),
    "05-third-flight.html": (
        "Third flight north: 37 prisoners leave Mexico",
        "Quillmark Bulletin",
        "Tomas Belling",
        "2026-01-22",
        None,
        "en",
    ),
    "06-second-flight-reprint.txt": (
        'Another 26 prisoners flown out under Sheinbaum\'s "sovereign" policy',
        "Copper Quay Courier",
        "Renata Oyle",
        "2025-08-20",
        None,
        "en",
    ),
    "07-first-flight-reworded.txt": (
        "Mexican Authorities Deliver 29 Imprisoned Syndicate Chiefs Northward",
        "Zinnia News Stream",
        None,
        "2025-03-04",
        None,
        "en",
    ),
    "08-tercer-vuelo.html": (
        "Un tercer avión lleva a 37 presos al norte",
        "Hoja del Mezquite",
        "Lucía Arbe",
        "2026-01-23",
        None,
        "es",
    ),
    "14-labs-claim.html": (
        "US agency says its unit led raid on Sinaloa drug labs",
        "Quillmark Bulletin",
        "Ines Carrow",
        "2025-05-27",
        None,
        "en",
    ),
    "15-labs-denial.txt": (
        "Sheinbaum rejects American account of the Sinaloa raid",
        "Larkspur Review",
        "Odile Brandt",
        "2025-05-29",
        None,
        "en",
    ),
    "16-rubio-visit.txt": (
        "Rubio praises Mexico and promises respect for its borders",
        "Tallow Lane Wire",
        "Renata Oyle",
        "2025-09-05",
        None,
        "en",
    ),
    "17-numbers-explained.html": (
        "26, 29 or 37? Why the numbers differ",
        "Harrow Hill Explainers",
        None,
        None,
        None,
        "en",
    ),
    "18-opinion-truce.txt": (
        "A truce without an end date",
        "Larkspur Review",
        "Marek Sollis",
        "2025-03-12",
        None,
        "en",
    ),
    "13-timeline.md": (
        "Timeline: prisoners, laboratories and visits",
        "Dunlin Desk",
        "Figures desk",
        "2026-02-02",
        None,
        "en",
    ),
}

# What surrounds the articles: every occurrence has to be furniture, or be left out of the text.
LEFTOVERS = {
    "01-first-flight.html": [
        "We use cookies",
        "Sign in",
        "seaside flat at Gannet Point",
        "Share on X",
        "Email this story",
        "Ferry timetable changes",
        "after 500 days",
        "3.50 dollars",
        "Contact us",
    ],
    "03-fennel-street-page.txt": [
        "Top Ad",
        "Loading...",
        "Please wait",
        "Share on Facebook",
        "tomatoes failed",
        "37 kilometres",
        "Post a Comment",
        "Contact Form",
        "Email *",
        "Powered by",
    ],
    "04-two-articles.html": ["Archive", "WhatsApp", "Imprint"],
    "05-third-flight.html": ["Manage choices", "Copy link", "92 boats", "4.20 dollars"],
    "08-tercer-vuelo.html": [
        "Usamos cookies",
        "Horóscopo",
        "Compartir en X",
        "colchones",
        "Aviso de privacidad",
    ],
    "09-flights-briefing.pdf": ["Ashgrove Briefing Service - Prisoner transfers", "Briefing 14/2026"],
    "14-labs-claim.html": ["Chemistry set", "three sheds"],
    "17-numbers-explained.html": ["Quiz of the week", "Post a comment"],
}

# Words of public officials, names of offices, and the leftovers that pages on the web share.
ALLOWED = [
    "The decision is for our country's security",
    "an intelligent lady he could do business with",
    "so afraid of the cartels she can't walk",
    "represented a real threat to the country's security",
    "Three large-scale synthetic drug production labs in Sinaloa were dismantled",
    "This photograph does not correspond to what appears in that publication",
    "What kind of message does that send",
    "the Cartel Jalisco Nueva Generación and",
    "the presidency of Andrés Manuel López Obrador",
    "US Immigration and Customs Enforcement ICE",
    "No comments: Post a Comment Contact Form Name Email * Message *",
]


def _loaded() -> dict[str, Document]:
    found = {}
    for path in sorted(DOSSIER.iterdir()):
        for entry in load(path.read_bytes(), path.name, DocumentSettings()):
            assert isinstance(entry, Loaded), entry
            found[entry.document.path] = entry.document
    return found


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return _loaded()


def places(text: str, words: str) -> Iterator[Span]:
    for match in re.finditer(re.escape(words), text):
        yield Span(*match.span())


def test_the_dossier_is_complete_and_small(documents: dict[str, Document]) -> None:
    files = sorted(path.name for path in DOSSIER.iterdir())
    assert len(files) == 18
    assert [name[:2] for name in files] == [f"{number:02d}" for number in range(1, 19)]
    assert set(documents) == {*files, MAIL_TABLE}
    assert sum(path.stat().st_size for path in DOSSIER.iterdir()) < 150_000
    readme = (CORPUS / "README.md").read_text("utf-8")
    assert [name for name in files if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_metadata_is_what_the_file_says(documents: dict[str, Document], name: str) -> None:
    document = documents[name]
    found = (
        document.title,
        document.source,
        document.author,
        document.published and document.published[:10],
        document.modified and document.modified[:10],
        document.language,
    )
    title, source, author, published, modified, language = EXPECTED[name]
    assert (found[0], *found[2:]) == (title, author, published, modified, language)
    # A page saved as text may or may not reveal its site; the others name their outlet.
    assert found[1] == source or (name == "03-fennel-street-page.txt" and found[1] == "Fennel Street Notes")


def test_metadata_of_the_binary_files(documents: dict[str, Document]) -> None:
    briefing = documents["09-flights-briefing.pdf"]
    assert briefing.title == "Three flights, ninety-two people"
    assert [page.number for page in briefing.pages] == [1, 2, 3]
    memo = documents["10-labs-memo.docx"]
    assert memo.title == "Standards memo: the Sinaloa laboratories and the Guzmán relatives"
    assert memo.author == "Greta Holmsund"
    mail = documents["11-figures-mail.eml"]
    assert mail.title == "Transfer figures, checked"
    assert (mail.published or "")[:10] == "2026-01-26"
    for table in (documents["12-flights.xlsx"], documents[MAIL_TABLE]):
        assert "Servando Gómez Martínez" in table.text
        assert "55" in table.text


@pytest.mark.parametrize("name", sorted(LEFTOVERS))
def test_leftovers_of_the_page_are_furniture(documents: dict[str, Document], name: str) -> None:
    document = documents[name]
    quotable = [
        words
        for words in LEFTOVERS[name]
        for span in places(document.text, words)
        if not any(piece.contains(span) for piece in document.furniture)
    ]
    assert quotable == []


def test_the_sentences_of_the_article_are_not_furniture(documents: dict[str, Document]) -> None:
    for name, words in [
        ("01-first-flight.html", "Of the 29 passengers, this report names only one."),
        ("03-fennel-street-page.txt", "Mexico was not told to do it, she insists; Mexico chose to."),
        ("05-third-flight.html", "With this group, 92 people have been sent on three flights."),
        ("08-tercer-vuelo.html", "Con ellos ya son 92 las personas enviadas."),
        ("17-numbers-explained.html", "Added together that makes 92."),
    ]:
        spans = list(places(documents[name].text, words))
        assert len(spans) == 1, name
        assert not documents[name].is_furniture(spans[0]), name


def test_the_reprint_has_the_text_of_the_original() -> None:
    original = (DOSSIER / "02-second-flight.txt").read_text("utf-8")
    reprint = (DOSSIER / "06-second-flight-reprint.txt").read_text("utf-8")
    assert original.partition("\n\n")[2] == reprint.partition("\n\n")[2]
    assert original.partition("\n\n")[0] != reprint.partition("\n\n")[0]


def _build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_build", CORPUS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_binary_files_are_those_that_the_script_makes(tmp_path: Path) -> None:
    build = _build()
    build.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(build.FILES)
    for made in tmp_path.iterdir():
        kept = DOSSIER / made.name
        if made.suffix in {
            ".docx",
            ".xlsx",
        }:  # the compressed bytes depend on the version of zlib, the members do not
            with zipfile.ZipFile(made) as new, zipfile.ZipFile(kept) as old:
                assert new.namelist() == old.namelist()
                assert all(new.read(name) == old.read(name) for name in new.namelist())
        else:
            assert made.read_bytes() == kept.read_bytes(), made.name


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:'\w+)?", text.lower().replace("’", "'"))


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


@pytest.mark.shared
def test_no_sentence_is_taken_from_the_reports_we_learned_the_facts_from(
    documents: dict[str, Document], shared_folder: Path
) -> None:
    """No six words in a row are shared with a seed page, except quotations of officials and names."""
    length = 6
    seeds = sorted((shared_folder / "seeds").glob("*.txt"))
    assert seeds
    theirs = set().union(*(_runs(path.read_text("utf-8"), length) for path in seeds))
    theirs -= set().union(*(_runs(words, length) for words in ALLOWED))
    for name, document in documents.items():
        shared = _runs(document.text, length) & theirs
        assert shared == set(), name


def test_every_failure_would_be_seen() -> None:
    """The checks above rest on `load` telling a failure from a document."""
    entries = list(load(b"%PDF-1.7\n" + bytes(range(256)), "broken.pdf", DocumentSettings()))
    assert [type(entry) for entry in entries] == [Failure]
