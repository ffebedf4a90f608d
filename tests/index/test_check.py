"""Damage is named in one line each, and what the catalogue can replace is repaired."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from rag.errors import (
    LibraryDamaged,
)

from .conftest import OpenLibrary, report_text, write_reports
from .looking import by_meaning, by_word


def _run_sql(folder: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "catalogue.sqlite")
    with connection:
        connection.execute(sql, values)
    connection.close()


def _delete_vectors_folder(folder: Path) -> None:
    shutil.rmtree(next(folder.glob("vectors-*/")))


def _damage_vectors_folder(folder: Path) -> None:
    next(folder.glob("vectors-*/chroma.sqlite3")).write_bytes(b"\0" * 9_999)


def _mark_dirty(folder: Path) -> None:
    _run_sql(folder, "INSERT INTO state VALUES ('vectors_dirty', '1')")


def _truncate_words(folder: Path) -> None:
    for path in folder.glob("words-*/*.idx"):
        os.truncate(path, path.stat().st_size // 2)


def _delete_words(folder: Path) -> None:
    shutil.rmtree(next(folder.glob("words-*/")))


def _flip_a_bit_of_a_vector(folder: Path) -> None:
    connection = sqlite3.connect(folder / "catalogue.sqlite")
    ((blob,),) = connection.execute("SELECT vector FROM vectors WHERE passage = 3")
    with connection:
        connection.execute(
            "UPDATE vectors SET vector = ? WHERE passage = 3", (bytes([blob[0] ^ 1]) + blob[1:],)
        )
    connection.close()


def _delete_a_vector(folder: Path) -> None:
    _run_sql(folder, "DELETE FROM vectors WHERE passage = 3")


def _shorten_a_vector(folder: Path) -> None:
    _run_sql(folder, "UPDATE vectors SET vector = ? WHERE passage = 3", b"\0\0\0\0")


def _delete_a_passage(folder: Path) -> None:
    _run_sql(folder, "DELETE FROM passages WHERE number = 3")


def _move_a_passage(folder: Path) -> None:
    _run_sql(folder, 'UPDATE passages SET start = start + 1, "end" = "end" + 1 WHERE number = 3')


def _delete_an_original(folder: Path) -> None:
    next(path for path in (folder / "originals").rglob("*") if path.is_file()).unlink()


def _change_an_original(folder: Path) -> None:
    path = next(path for path in (folder / "originals").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes() + b".")


def _leave_a_document_pending(folder: Path) -> None:
    _run_sql(
        folder,
        "INSERT INTO documents (id, state, sha256, text, text_sha256, characters, about, added_at)"
        " VALUES ('half', 'pending', 'x', 'x', 'x', 1, '{}', '2026-01-01')",
    )


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_delete_vectors_folder, "vector index is missing"),
        (_damage_vectors_folder, "vector index cannot be read"),
        (_mark_dirty, "vector index is missing"),
        (_truncate_words, "word index is missing"),
        (_delete_words, "word index is missing"),
        (_flip_a_bit_of_a_vector, "vector was changed"),
        (_delete_a_vector, "vector is missing"),
        (_shorten_a_vector, "vector has 1 numbers instead of 16"),
        (_delete_a_passage, "passage"),
        (_move_a_passage, "its text is not the one that was indexed"),
        (_delete_an_original, "original is missing"),
        (_change_an_original, "original was changed"),
        (_leave_a_document_pending, "half: adding it was interrupted"),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_"),
)
def test_damage_is_named_and_repaired(
    open_library: OpenLibrary, files: Path, tmp_path: Path, damage: object, named: str
) -> None:
    write_reports(files, 5)
    with open_library() as library:
        library.add([files])
    assert callable(damage)
    damage(tmp_path / "library")
    with open_library(write=False) as library:
        problems = library.check().problems
        assert any(named in problem for problem in problems), problems
        # What is left of it goes on being searched.
        assert len(by_word(library, "harbour")) == 5
    with open_library() as library:
        assert library.repair().problems == []
        assert len(library.documents()) == 5
        for number in range(5):
            assert len(by_word(library, f"r{number}x")) == 1
            assert library.record(by_meaning(library, report_text(number))).path.endswith(f"{number}.txt")


def test_a_changed_text_is_named_and_cannot_be_repaired(
    open_library: OpenLibrary, files: Path, tmp_path: Path
) -> None:
    write_reports(files, 1)
    with open_library() as library:
        library.add([files])
    _run_sql(tmp_path / "library", "UPDATE documents SET text = replace(text, 'r0x', 'r9x')")
    with open_library() as library:
        problems = library.check().problems
        assert any("its text is not the one that was stored" in problem for problem in problems)
        assert any(
            "its text is not the one that was stored" in problem for problem in library.repair().problems
        )


def test_an_original_that_is_nowhere_stays_a_problem(
    open_library: OpenLibrary, files: Path, tmp_path: Path
) -> None:
    write_reports(files, 1)
    with open_library() as library:
        library.add([files])
        shutil.rmtree(files)
        _delete_an_original(tmp_path / "library")
        (problem,) = library.repair().problems
        assert "original is missing" in problem
        with pytest.raises(LibraryDamaged, match="original"):
            library.original(library.documents()[0].document_id)


def test_words_of_another_text_are_noticed(open_library: OpenLibrary, files: Path) -> None:
    """The right entries with the wrong words: only a comparison word by word can tell."""
    write_reports(files, 2)
    with open_library() as library:
        library.add([files])
        words = library.words.writer()
        held = words.entries()
        words.delete([1])
        from rag.index.lexical import Entry

        words.add([Entry(d, p, "other words", "", "en") for p, d in held.items() if d == 1])
        words.commit()
        (problem,) = library.check().problems
        assert "word index differs" in problem
        assert library.repair().problems == []


def test_reports_are_the_json_of_the_contract(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 1)
    with open_library() as library:
        report = library.add([files]).as_json()
        (added,) = report["added"]
        assert {"added", "updated", "unchanged", "copies", "failed", "passages", "seconds"} <= report.keys()
        assert {
            "document_id", "path", "title", "source", "author", "published", "language", "media_type", "pages",
            "characters", "passages",
        } <= added.keys()  # fmt: skip
        assert added["pages"] is None
        assert added["characters"] == len(library.document(added["document_id"]).text)
        assert report["passages"] == added["passages"]
        assert library.check().as_json() == {"documents": 1, "passages": added["passages"], "problems": []}
        listed = library.documents()[0].as_json()
        assert listed["copies"] == [added["path"]]
        assert listed["added_at"].startswith("20")
        json.dumps([report, listed])
