"""The confidential flag: kept with the library, seen at once by those who read, changed by the one writer only."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import ConfidentialLibrary
from rag.index.library import Library

from .conftest import OpenLibrary, settings_for, write_reports


def test_a_new_library_is_not_confidential(open_library: OpenLibrary) -> None:
    with open_library() as library:
        assert library.confidential is False


def test_the_flag_stays_after_closing_and_can_be_taken_back(open_library: OpenLibrary) -> None:
    for wanted in (True, False, True):
        with open_library() as library:
            library.set_confidential(wanted)
            assert library.confidential is wanted
        with open_library(write=False) as library:
            assert library.confidential is wanted


def test_an_open_reader_sees_a_change_by_another_at_once(open_library: OpenLibrary) -> None:
    with open_library() as writer, open_library(write=False) as reader:
        assert reader.confidential is False
        writer.set_confidential(True)
        assert reader.confidential is True


def test_a_reader_cannot_change_it(open_library: OpenLibrary) -> None:
    open_library().close()
    with open_library(write=False) as library:
        with pytest.raises(ValueError, match="opened for reading"):
            library.set_confidential(True)
        assert library.confidential is False


def test_adding_removing_and_repairing_leave_it(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 2)
    with open_library() as library:
        library.set_confidential(True)
        added = library.add([files]).added
        library.remove([added[0].document_id])
        library.repair()
        assert library.confidential is True


def test_a_copy_of_the_folder_is_confidential_too(open_library: OpenLibrary, tmp_path: Path) -> None:
    with open_library() as library:
        library.set_confidential(True)
        settings, embedder = library.settings, library.embedder
    (tmp_path / "library").rename(tmp_path / "moved")
    with Library.open(tmp_path / "moved", settings, embedder=embedder) as moved:
        assert moved.confidential is True


def test_the_summary_counts_what_can_be_searched(open_library: OpenLibrary, files: Path) -> None:
    write_reports(files, 3)
    with open_library() as library:
        added = library.add([files]).added
        library.remove([added[0].document_id])
        library.set_confidential(True)
        left = library.documents()
        assert library.summary().as_json() == {
            "folder": str(library.folder),
            "documents": 2,
            "passages": sum(record.passages for record in left),
            "embedder": "hash",
            "confidential": True,
        }


ELSEWHERE = "http://vectors.invalid:8000"


def test_vectors_on_another_machine_and_confidential_exclude_each_other(open_library: OpenLibrary) -> None:
    with open_library() as library:
        library.set_confidential(True)
    for write in (True, False):
        with pytest.raises(ConfidentialLibrary, match=r"vectors\.invalid.*index\.vectors"):
            open_library(settings=settings_for(ELSEWHERE), write=write)


def test_a_library_with_vectors_elsewhere_does_not_become_confidential(open_library: OpenLibrary) -> None:
    open_library().close()
    # Opened without its server, which is reached for when writing begins: only the rule is looked at here.
    with open_library() as library:
        library.settings = settings_for(ELSEWHERE)
        with pytest.raises(ConfidentialLibrary, match="another machine"):
            library.set_confidential(True)
        assert library.confidential is False


def test_vectors_in_a_server_on_this_machine_are_allowed(
    open_library: OpenLibrary, chroma_server: str
) -> None:
    with open_library(settings=settings_for(chroma_server)) as library:
        library.set_confidential(True)
    with open_library(settings=settings_for(chroma_server), write=False) as library:
        assert library.confidential is True
