"""The catalogue: transactions, what it refuses to open, and that removed text leaves the file."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from rag.errors import LibraryDamaged, LibraryMissing, UsageError
from rag.index import rows
from rag.index.catalogue import FILE, SCHEMA_VERSION, Catalogue
from rag.types import Document, Page, Passage, Span


def _document(text: str = "A first line.\n\nA second line.", identity: str = "a-1") -> Document:
    return Document(
        id=identity,
        text=text,
        sha256=identity * 8,
        media_type="text/plain",
        path="/files/a.txt",
        title="Café “A”",
        source="The Outlet",
        author=None,
        published="2026-02-03T23:30:00-05:00",
        modified="2026-02-04",
        language="en-GB",
        pages=(Page(1, Span(0, 13)), Page(2, Span(15, 29))),
        headings=(Span(0, 7),),
        furniture=(Span(13, 15),),
    )


def _insert(catalogue: Catalogue, document: Document) -> int:
    passage = Passage(document.id, 0, Span(2, 7), document.text[2:7], "A heading", 3)
    with catalogue.transaction():
        number, _ = rows.insert_document(catalogue, document, [passage], np.ones((1, 4), np.float32) / 2)
        catalogue.run("UPDATE documents SET state = 'ready' WHERE number = ?", (number,))
        catalogue.run(
            "INSERT INTO places (path, file, document) VALUES (?, ?, ?)",
            (document.path, document.path, number),
        )
        catalogue.next_generation()
    return number


def test_a_document_comes_back_as_it_went_in(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    document = _document()
    _insert(catalogue, document)
    assert rows.ready_document(catalogue, "a-1") == document
    assert rows.passages_of(catalogue, document) == [Passage("a-1", 0, Span(2, 7), "first", "A heading", 3)]
    catalogue.close()


def test_a_passage_that_is_not_a_slice_is_refused(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    wrong = Passage("a-1", 0, Span(2, 7), "fjrst", None, 3)
    with pytest.raises(ValueError, match="not the slice"), catalogue.transaction():
        rows.insert_document(catalogue, _document(), [wrong], np.ones((1, 4), np.float32))
    assert catalogue.rows("SELECT * FROM documents") == []
    catalogue.close()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-02-03", "2026-02-03"),
        ("2026-02-03T23:30:00-05:00", "2026-02-03"),
        ("20260203", "2026-02-03"),
        (None, None),
    ],
)
def test_the_day_is_the_one_that_is_written(moment: str | None, day: str | None) -> None:
    assert rows.day_of(moment) == day


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)

    def fails_late() -> None:
        with catalogue.transaction():
            catalogue.set("a", "1")
            with catalogue.transaction():
                catalogue.set("b", "2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_late()
    assert (catalogue.get("a"), catalogue.get("b")) == (None, None)
    with catalogue.transaction():
        catalogue.set("a", "1")
    assert catalogue.get("a") == "1"
    catalogue.close()


def test_readers_see_whole_transactions_and_do_not_wait(tmp_path: Path) -> None:
    writer = Catalogue(tmp_path, create=True)
    reader = Catalogue(tmp_path)
    with writer.transaction():
        writer.set("a", "1")
        assert reader.get("a") is None
    assert reader.get("a") == "1"
    with reader.snapshot():
        assert reader.generation == 0
        with writer.transaction():
            writer.next_generation()
        assert reader.generation == 0
    assert reader.generation == 1
    reader.close()
    writer.close()


def test_a_transaction_of_one_thread_is_not_seen_half_by_another(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    seen: list[str | None] = []
    with catalogue.transaction():
        catalogue.set("a", "1")
        other = threading.Thread(target=lambda: seen.append(catalogue.get("b")))
        other.start()
        catalogue.set("b", "2")
    other.join()
    assert seen == ["2"]
    catalogue.close()


def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    first = _insert(catalogue, _document())
    catalogue.run("DELETE FROM documents")
    assert catalogue.rows("SELECT * FROM passages") == catalogue.rows("SELECT * FROM vectors") == []
    assert _insert(catalogue, _document()) > first
    catalogue.close()


def test_removed_text_leaves_the_files(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    _insert(catalogue, _document("The secret source is Quxquux. " * 2_000))
    catalogue.tidy()
    assert b"Quxquux" in (tmp_path / FILE).read_bytes()
    with catalogue.transaction():
        catalogue.run("DELETE FROM documents")
    catalogue.tidy()
    for path in tmp_path.iterdir():
        assert b"Quxquux" not in path.read_bytes()
    assert (tmp_path / FILE).stat().st_size < 100_000  # pages were given back
    catalogue.close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    Catalogue(tmp_path, create=True).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(UsageError, match="newer version"):
        Catalogue(tmp_path)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(UsageError, match="not a library"):
        Catalogue(tmp_path, create=True)


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(LibraryDamaged, match="cannot be read"):
        Catalogue(tmp_path)


def test_an_empty_file_of_an_interrupted_first_add_is_no_library_yet(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(LibraryMissing):
        Catalogue(tmp_path)
    Catalogue(tmp_path, create=True).close()
    Catalogue(tmp_path).close()


def test_any_number_of_keys(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, create=True)
    _insert(catalogue, _document())
    keys = [*range(50_000)]
    assert catalogue.rows_for("SELECT ordinal FROM passages WHERE number IN (?)", keys) == [(0,)]
    assert catalogue.rows_for("SELECT ordinal FROM passages WHERE number IN (?)", []) == []
    catalogue.close()
