"""The library from outside: opening, adding, replacing, copies, removing."""

from __future__ import annotations

import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from rag.errors import (
    LibraryMismatch,
    LibraryMissing,
    UnknownDocument,
    UsageError,
)
from rag.index.library import Library
from rag.settings import IndexSettings, Settings

from .conftest import HashEmbedder, OpenLibrary, report_text, settings_for, write_reports
from .looking import by_meaning, by_word, counts, paths

# Opening -----------------------------------------------------------------------------------------------------------


def test_a_library_that_is_not_there(open_library: OpenLibrary, tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match="onrecord add"):
        open_library(write=False)
    assert not (tmp_path / "library").exists()


def test_a_folder_with_other_files_is_not_taken_over(open_library: OpenLibrary, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        open_library()
    assert [path.name for path in (tmp_path / "library").iterdir()] == ["letter.txt"]


def test_a_file_is_no_library(open_library: OpenLibrary, tmp_path: Path) -> None:
    (tmp_path / "library").write_text("mine")
    with pytest.raises(UsageError, match="a file"):
        open_library()


def test_another_embedder_is_refused_early(open_library: OpenLibrary) -> None:
    open_library().close()
    for change in ({"name": "other"}, {"dimension": 8}):
        for write in (True, False):
            with pytest.raises(LibraryMismatch, match=r"built with the embedder hash \(16 .*new library"):
                open_library(write=write, **change)


def test_another_splitting_is_refused_for_writing_only(open_library: OpenLibrary) -> None:
    open_library().close()
    other = Settings(index=IndexSettings(passage_tokens=100))
    with pytest.raises(LibraryMismatch, match="sizes of passages"):
        open_library(settings=other)
    open_library(settings=other, write=False).close()


def test_writing_needs_a_library_opened_for_it(open_library: OpenLibrary, files: Path) -> None:
    open_library().close()
    with open_library(write=False) as library, pytest.raises(ValueError, match="write=True"):
        library.add([files])


def test_a_failed_opening_keeps_no_lock(open_library: OpenLibrary) -> None:
    open_library().close()
    with pytest.raises(LibraryMismatch):
        open_library(name="other")
    open_library().close()


# Adding ------------------------------------------------------------------------------------------------------------


def test_what_is_added_is_found_by_words_and_by_meaning(
    open_library: OpenLibrary, files: Path, vectors: str
) -> None:
    write_reports(files, 20)
    with open_library(settings=settings_for(vectors)) as library:
        report = library.add([files])
        assert counts(report) == {"added": 20}
        assert report.passages == sum(record.passages for record in library.documents()) > 20
        for record in report.added:
            number = int(Path(record.path).stem.removeprefix("report-"))
            assert by_word(library, f"r{number}x") == {record.document_id}
            assert by_meaning(library, report_text(number)) == record.document_id
            text = library.document(record.document_id).text
            assert text == report_text(number).rstrip("\n") or text == report_text(number)
            assert library.original(record.document_id).decode() == report_text(number)
        assert library.check().problems == []


def test_adding_again_changes_nothing(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        generation, state = library.catalogue.generation, library.vectors.state()
        report = library.add([files])
        assert counts(report) == {"unchanged": 3}
        assert {seen.path for seen in report.unchanged} == {str(path) for path in files.iterdir()}
        assert (library.catalogue.generation, library.vectors.state()) == (generation, state)


def test_a_path_is_the_same_however_it_is_written(
    open_library: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = write_reports(files, 1)
    monkeypatch.chdir(files)
    with open_library() as library:
        assert counts(library.add([Path(path.name)])) == {"added": 1}
        assert counts(library.add([files / ".." / "files" / path.name])) == {"unchanged": 1}
        assert library.documents()[0].path == str(path)


def test_changed_bytes_replace_the_old_version(open_library: OpenLibrary, files: Path) -> None:
    reports = write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        (old,) = by_word(library, "r1x")
        old_sha256 = library.record(old).sha256
        reports[1].write_text("An entirely new version about zebras.")
        report = library.add([files])
        assert counts(report) == {"updated": 1, "unchanged": 2}
        assert report.updated[0].path == str(reports[1])
        assert by_word(library, "r1x") == set()
        assert by_word(library, "zebras") == {report.updated[0].document_id}
        with pytest.raises(UnknownDocument):
            library.document(old)
        assert not library.originals.path(old_sha256).exists()
        assert library.check().problems == []


def test_the_same_content_elsewhere_is_a_copy(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 1)
    with open_library() as library:
        library.add([files])
        shutil.copy(files / "report-000.txt", files / "another-name.txt")
        report = library.add([files])
        assert counts(report) == {"unchanged": 1, "copies": 1}
        (record,) = library.documents()
        assert report.copies[0].document_id == record.document_id
        assert {Path(path).name for path in record.copies} == {"report-000.txt", "another-name.txt"}
        assert Path(record.path).name == "report-000.txt"


def test_copies_within_one_add_become_one_document(open_library: OpenLibrary, files: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (files / name).write_text(report_text(1))
    with open_library() as library:
        assert counts(library.add([files])) == {"added": 1, "copies": 2}
        assert list(paths(library).values()) == [{"a.txt", "b.txt", "c.txt"}]


def test_a_document_stays_while_one_of_its_paths_holds_it(open_library: OpenLibrary, files: Path) -> None:
    (files / "a.txt").write_text(report_text(1))
    (files / "b.txt").write_text(report_text(1))
    with open_library() as library:
        library.add([files])
        (files / "a.txt").write_text(report_text(2))
        assert counts(library.add([files])) == {"updated": 1, "unchanged": 1}
        assert sorted(map(sorted, paths(library).values())) == [["a.txt"], ["b.txt"]]
        (files / "b.txt").write_text(report_text(3))
        library.add([files])
        assert by_word(library, "r1x") == set()
        assert library.check().problems == []


def test_two_files_that_exchange_their_contents(open_library: OpenLibrary, files: Path) -> None:
    """Each new version is the old one of the other path, which is replaced at the same moment."""
    (files / "a.txt").write_text(report_text(1))
    (files / "z.txt").write_text(report_text(2))
    write_reports(files, 300, sentences=4)  # so that the two are not committed together
    with open_library() as library:
        library.add([files])
        (files / "a.txt").write_text(report_text(2))
        (files / "z.txt").write_text(report_text(1))
        for path in files.glob("report-*"):
            path.write_text(path.read_text() + " Changed.")
        report = library.add([files])
        assert counts(report)["updated"] >= 300
        found = {name: identity for identity, names in paths(library).items() for name in names}
        assert library.original(found["a.txt"]).decode() == report_text(2)
        assert library.original(found["z.txt"]).decode() == report_text(1)
        assert library.check().problems == []
        assert counts(library.add([files])) == {"unchanged": 302}


def test_a_failure_stops_nothing_and_keeps_the_old_version(open_library: OpenLibrary, files: Path) -> None:
    reports = write_reports(files, 3)
    with open_library() as library:
        library.add([files])
        reports[1].write_bytes(b"%PDF-1.7 broken \x00\xff\xfe")
        report = library.add([files])
        assert counts(report) == {"unchanged": 2, "failed": 1}
        assert report.failed[0].path == str(reports[1])
        assert report.failed[0].error
        assert report.failed[0].next_step
        assert len(by_word(library, "r1x")) == 1
        assert counts(library.add([files])) == {"unchanged": 2, "failed": 1}


def _zip(path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def test_an_archive_follows_its_members(open_library: OpenLibrary, files: Path) -> None:
    box = files / "box.zip"
    _zip(box, {"a.txt": report_text(1), "b.txt": report_text(2), "c.txt": report_text(3)})
    with open_library() as library:
        assert counts(library.add([files])) == {"added": 3}
        assert counts(library.add([files])) == {"unchanged": 3}
        assert {Path(record.path).name for record in library.documents()} == {"a.txt", "b.txt", "c.txt"}
        assert all(record.path.startswith(f"{box}!/") for record in library.documents())
        _zip(box, {"a.txt": report_text(1), "b.txt": report_text(4), "d.txt": report_text(5)})
        report = library.add([files])
        assert counts(report) == {"added": 1, "updated": 1, "unchanged": 1, "removed": 1}
        assert report.removed[0].path == f"{box}!/c.txt"
        assert [bool(by_word(library, f"r{n}x")) for n in (1, 2, 3, 4, 5)] == [True, False, False, True, True]
        assert library.check().problems == []


def test_a_copied_archive_is_copies_of_its_members(open_library: OpenLibrary, files: Path) -> None:
    _zip(files / "box.zip", {"a.txt": report_text(1), "b.txt": report_text(2)})
    with open_library() as library:
        library.add([files])
        shutil.copy(files / "box.zip", files / "same.zip")
        report = library.add([files])
        assert counts(report) == {"unchanged": 2, "copies": 2}
        assert {seen.path for seen in report.copies} == {f"{files / 'same.zip'}!/{name}.txt" for name in "ab"}


def test_the_library_inside_the_folder_that_is_added_is_passed_over(
    tmp_path: Path, embedder: HashEmbedder
) -> None:
    (tmp_path / "a.txt").write_text(report_text(1))
    with Library.open(
        tmp_path / "inside", settings_for(), write=True, create=True, embedder=embedder
    ) as library:
        assert counts(library.add([tmp_path])) == {"added": 1}
        assert counts(library.add([tmp_path])) == {"unchanged": 1}


def test_progress_ends_with_every_file_done(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 5)
    told: list[tuple[int, int, str]] = []
    with open_library() as library:
        library.add([files], lambda done, total, label: told.append((done, total, label)))
    assert told[-1][:2] == (5, 5)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_a_long_document_is_committed_whole(open_library: OpenLibrary, files: Path) -> None:
    (files / "long.txt").write_text("\n\n".join(report_text(n) for n in range(400)))
    with open_library() as library:
        report = library.add([files])
        assert report.passages > 512
        assert library.check().problems == []


def test_interrupting_keeps_what_was_acknowledged(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 300)

    def interrupt(done: int, total: int, label: str) -> None:
        if done > 50:
            raise KeyboardInterrupt

    with open_library() as library:
        with pytest.raises(KeyboardInterrupt):
            library.add([files], interrupt)
        finished = len(library.documents())
        assert 50 < finished < 300
        assert threading.active_count() < 10
    with open_library() as library:
        assert len(library.documents()) == finished
        assert counts(library.add([files])) == {"added": 300 - finished, "unchanged": finished}
        assert library.check().problems == []


# Removing ----------------------------------------------------------------------------------------------------------


def _bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_remove_leaves_no_trace(open_library: OpenLibrary, files: Path, tmp_path: Path, vectors: str) -> None:
    write_reports(files, 5)
    (files / "secret.txt").write_text("The informant Quxquux met the editor at the harbour.")
    with open_library(settings=settings_for(vectors)) as library:
        library.add([files])
        (identity,) = by_word(library, "Quxquux")
        vector = library.embedder.encode(["The informant Quxquux met the editor at the harbour."])[0]
        assert b"uxquux" in _bytes_on_disk(tmp_path / "library")
        library.remove([identity])
        assert by_word(library, "Quxquux harbour informant") == by_word(library, "harbour informant")
        assert identity not in {passage_id.rpartition(":")[0] for passage_id, _ in library.dense(vector, 50)}
        assert identity not in {record.document_id for record in library.documents()}
        for call in (library.document, library.record, library.original, library.passages_of):
            with pytest.raises(UnknownDocument):
                call(identity)
        assert library.passages([f"{identity}:00000"]) == []
        assert library.check().problems == []
    left = _bytes_on_disk(tmp_path / "library").lower()
    assert b"quxquux" not in left
    assert b"secret" not in left  # nor the name of the file


def test_remove_of_an_unknown_document_changes_nothing(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 2)
    with open_library() as library:
        library.add([files])
        ids = [record.document_id for record in library.documents()]
        with pytest.raises(UnknownDocument, match="'nobody'"):
            library.remove([ids[0], "nobody"])
        assert [record.document_id for record in library.documents()] == ids


def test_what_was_removed_can_be_added_again(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 2)
    with open_library() as library:
        library.add([files])
        library.remove([record.document_id for record in library.documents()])
        assert library.documents() == []
        assert library.lexical("harbour", 5) == []
        assert counts(library.add([files])) == {"added": 2}


def test_a_removed_member_of_an_archive_comes_back_only_when_it_is_added(
    open_library: OpenLibrary, files: Path
) -> None:
    _zip(files / "box.zip", {"a.txt": report_text(1), "b.txt": report_text(2)})
    with open_library() as library:
        library.add([files])
        (identity,) = by_word(library, "r1x")
        library.remove([identity])
        assert counts(library.add([files])) == {"added": 1, "unchanged": 1}
