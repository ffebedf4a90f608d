"""Searching the library: exactness, ties, filters, and readers beside a writer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rag.errors import (
    LibraryLocked,
    UnknownDocument,
)
from rag.index.library import Library
from rag.types import Filters

from .conftest import HashEmbedder, OpenLibrary, report_text, settings_for, write_reports
from .looking import by_meaning, by_word

# Searching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact_limit", [20_000, 10])
def test_dense_is_exact_under_any_filter(
    open_library: OpenLibrary, files: Path, vectors: str, exact_limit: int
) -> None:
    """With a limit of 10 everything but the smallest filters goes through Chroma; the result must not differ."""
    write_reports(files, 60)
    with open_library(settings=settings_for(vectors, exact_limit)) as library:
        library.add([files])
        passages = [p for record in library.documents() for p in library.passages_of(record.document_id)]
        matrix = library.embedder.encode([passage.text for passage in passages])
        ids = [record.document_id for record in library.documents()]
        query = library.embedder.encode(["Report r7x says that the museum was sold"])[0]
        for documents in (None, frozenset(ids[::2]), frozenset(ids[40:]), frozenset(ids[:1]), frozenset()):
            expected = sorted(
                (
                    (passage.id, round(float(row @ query), 6))
                    for passage, row in zip(passages, matrix, strict=True)
                    if documents is None or passage.document_id in documents
                ),
                key=lambda hit: (-hit[1], hit[0]),
            )[:12]
            found = library.dense(query, 12, documents)
            assert [passage_id for passage_id, _ in found] == [passage_id for passage_id, _ in expected]
            assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=2e-6)


def test_ties_are_broken_by_passage_id(open_library: OpenLibrary, files: Path) -> None:
    for n in (3, 1, 2, 5, 4):
        (files / f"{n}.txt").write_text(f"The same words in the same order.{' ' * n}")
    with open_library() as library:
        library.add([files])
        vector = library.embedder.encode(["The same words in the same order."])[0]
        dense, lexical = library.dense(vector, 3), library.lexical("same words", 3)
        every = sorted(
            p.id for record in library.documents() for p in library.passages_of(record.document_id)
        )
        assert [passage_id for passage_id, _ in dense] == every[:3]
        assert [passage_id for passage_id, _ in lexical] == every[:3]


def test_newer_passages_are_found_before_the_vector_index_has_them(
    open_library: OpenLibrary, files: Path
) -> None:
    write_reports(files, 30)
    with open_library(settings=settings_for(exact_limit=10)) as library:
        library.add([files])
        high = library.vectors.high
        assert high is not None
        state = json.loads(library.catalogue.get("vectors") or "")
        library.catalogue.set("vectors", json.dumps({**state, "high": high - 9}))
        assert {by_meaning(library, report_text(n)) for n in range(30)} == {
            r.document_id for r in library.documents()
        }


def test_a_large_library_without_its_vector_index_is_searched_exactly(
    open_library: OpenLibrary, files: Path, tmp_path: Path
) -> None:
    write_reports(files, 30)
    with open_library(settings=settings_for(exact_limit=10)) as library:
        library.add([files])
        with_index = library.dense(library.embedder.encode([report_text(3)])[0], 5)
    shutil.rmtree(next((tmp_path / "library").glob("vectors-*/")))
    with open_library(settings=settings_for(exact_limit=10), write=False) as library:
        assert library.dense(library.embedder.encode([report_text(3)])[0], 5) == with_index


def test_a_small_library_is_read_without_chroma_torch_or_llama_index(
    open_library: OpenLibrary, files: Path, tmp_path: Path
) -> None:
    write_reports(files, 3)
    with open_library() as library:
        library.add([files])
    script = """
import sys
from pathlib import Path
from rag.index.library import Library
from rag.settings import Settings
from tests.index.conftest import HashEmbedder
embedder = HashEmbedder()
with Library.open(Path(sys.argv[1]), Settings(), embedder=embedder) as library:
    assert library.dense(embedder.encode(["harbour"])[0], 3) and library.lexical("harbour", 3) and library.documents()
heavy = {"chromadb", "torch", "llama_index", "trafilatura", "sentence_transformers", "openvino"} & set(sys.modules)
assert not heavy, heavy
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script, str(tmp_path / "library")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")


def test_passages_keep_the_order_asked(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        ids = [p.id for record in library.documents() for p in library.passages_of(record.document_id)]
        for order in (ids, ids[::-1], [ids[2], ids[0], ids[2]]):
            assert [passage.id for passage in library.passages(order)] == order


def test_filters(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        ids = [record.document_id for record in library.documents()]
        # The readers' metadata is their own tests' business: here only what filters make of it.
        facts = [("The Outlet", "2026-02-03", "en"), ("OTHER", None, "es-MX"), (None, "2026-03-01", None)]
        for identity, (source, day, language) in zip(ids, facts, strict=True):
            library.catalogue.run(
                "UPDATE documents SET source = ?, published = ?, language = ? WHERE id = ?",
                (source, day, language, identity),
            )
        library.catalogue.next_generation()

        def passing(**parts: object) -> list[int]:
            found = library.matching(Filters(**parts))  # type: ignore[arg-type]
            assert found is not None
            return sorted(ids.index(identity) for identity in found)

        assert library.matching(Filters()) is None
        assert passing(sources=("the outlet",)) == [0]
        assert passing(sources=("the OUTLET", "other")) == [0, 1]
        assert passing(sources=("nobody",)) == []
        assert passing(languages=("ES",)) == [1]
        assert passing(date_from="2026-02-03") == [0, 2]
        assert passing(date_to="2026-02-03") == [0]
        assert passing(date_from="2026-02-04", date_to="2026-03-01") == [2]
        assert passing(documents=(ids[1], ids[2])) == [1, 2]
        assert passing(documents=(ids[1], ids[2]), sources=("other",)) == [1]
        with pytest.raises(UnknownDocument):
            library.matching(Filters(documents=("nobody",)))


def test_an_empty_library_finds_nothing(open_library: OpenLibrary, embedder: HashEmbedder) -> None:
    with open_library() as library:
        vector = embedder.encode(["anything"])[0]
        assert library.dense(vector, 5) == library.lexical("anything", 5) == library.documents() == []
        assert library.check().problems == []


# Several processes and threads -----------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_readers_are_not(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 2)
    with open_library() as library:
        library.add([files])
        with pytest.raises(LibraryLocked):
            open_library()
        with open_library(write=False) as reader:
            assert len(reader.documents()) == 2
            with pytest.raises(LibraryLocked):
                reader.check()
    with open_library(write=False) as reader:
        assert reader.check().problems == []


@pytest.mark.parametrize("exact_limit", [20_000, 10])
def test_a_reader_sees_what_a_writer_finishes(
    open_library: OpenLibrary, files: Path, exact_limit: int
) -> None:
    settings = settings_for(exact_limit=exact_limit)
    write_reports(files, 30)
    with open_library(settings=settings) as writer:
        writer.add([files])
        with open_library(write=False, settings=settings) as reader:
            assert len(by_word(reader, "r29x")) == 1
            (files / "new.txt").write_text(report_text(777))
            (files / "report-029.txt").write_text(report_text(888))
            writer.add([files])
            assert len(by_word(reader, "r777x")) == len(by_word(reader, "r888x")) == 1
            assert by_word(reader, "r29x") == set()
            assert reader.record(by_meaning(reader, report_text(777))).path.endswith("new.txt")
            writer.remove([by_meaning(reader, report_text(777))])
            assert by_word(reader, "r777x") == set()
            assert not reader.record(by_meaning(reader, report_text(777))).path.endswith("new.txt")


def test_readers_in_threads_while_a_writer_works(open_library: OpenLibrary, files: Path) -> None:
    """Every answer is one that was right at some moment: the old version of a report or the new one, never neither."""
    settings = settings_for(exact_limit=10)
    write_reports(files, 40)
    with open_library(settings=settings) as writer:
        writer.add([files])
        failures: list[str] = []
        done = threading.Event()

        def read(reader: Library) -> None:
            vector = reader.embedder.encode([report_text(5)])[0]
            while not done.is_set():
                if len(by_word(reader, "r5x")) != 1:
                    failures.append("by words")
                found = reader.dense(vector, 3)
                if len(found) != 3 or len(reader.passages([passage_id for passage_id, _ in found])) > 3:
                    failures.append("by meaning")

        with open_library(write=False, settings=settings) as reader:
            threads = [threading.Thread(target=read, args=(reader,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for version in range(4):
                    (files / "report-005.txt").write_text(f"{report_text(5)} Version {version}.")
                    (files / "other.txt").write_text(f"Other words, version {version}.")
                    writer.add([files])
            finally:
                done.set()
                for thread in threads:
                    thread.join()
        assert failures == []
        assert writer.check().problems == []


def test_a_library_on_a_medium_that_cannot_be_written_to(
    open_library: OpenLibrary, files: Path, tmp_path: Path
) -> None:
    write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        (wanted,) = by_word(library, "r1x")
    medium = tmp_path / "medium"
    medium.mkdir()
    library_there = shutil.copytree(tmp_path / "library", medium / "library")
    bound = ["mount", "--bind", str(medium), str(medium)], ["mount", "-o", "remount,bind,ro", str(medium)]
    try:
        if any(subprocess.run(command, capture_output=True, check=False).returncode for command in bound):
            pytest.skip("this user may not mount a folder read-only")
        with Library.open(library_there, settings_for(exact_limit=1), embedder=HashEmbedder()) as library:
            assert by_word(library, "r1x") == {wanted}
            assert by_meaning(library, report_text(1)) == wanted
    finally:
        subprocess.run(["umount", "-l", str(medium)], capture_output=True, check=False)
