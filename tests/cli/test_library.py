"""`onrecord library`: what a library holds and who may read it; a confidential one sends nothing elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run


@pytest.fixture
def own(onrecord: Run, dossier: Path, tmp_path: Path) -> Path:
    library = tmp_path / "library"
    assert onrecord("add", dossier, library=library).code == 0
    return library


def test_a_library_is_shown(onrecord: Run, own: Path) -> None:
    shown = onrecord("library", "--json", library=own)
    assert shown.code == 0
    assert shown.err == ""
    about = shown.json()
    listed = onrecord("documents", "--json", library=own).json()["documents"]
    assert about["folder"] == str(own)
    assert about["documents"] == len(listed) == 2
    assert about["passages"] == sum(document["passages"] for document in listed)
    assert "MiniLM" in about["embedder"]
    assert about["confidential"] is False
    text = onrecord("library", library=own).out
    assert str(own) in text
    assert "2 documents" in text
    assert "confidential: no" in text


def test_the_flag_is_set_shown_and_taken_back(onrecord: Run, own: Path) -> None:
    assert onrecord("library", "--confidential", "--json", library=own).json()["confidential"] is True
    assert onrecord("library", "--json", library=own).json()["confidential"] is True
    assert "confidential: yes" in onrecord("library", library=own).out
    assert onrecord("library", "--not-confidential", "--json", library=own).json()["confidential"] is False
    assert onrecord("library", "--json", library=own).json()["confidential"] is False


def test_both_at_once_are_refused(onrecord: Run, own: Path) -> None:
    done = onrecord("library", "--confidential", "--not-confidential", library=own)
    assert done.code == 2
    assert onrecord("library", "--json", library=own).json()["confidential"] is False


def test_no_library_is_one_line_and_makes_none(onrecord: Run, tmp_path: Path) -> None:
    for flags in ([], ["--confidential"]):
        done = onrecord("library", *flags, library=tmp_path / "none")
        assert done.code == 2
        assert done.out == ""
        assert done.err.startswith("onrecord: there is no library")
        assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_it_is_not_changed_while_another_writes(onrecord: Run, own: Path) -> None:
    from rag.index.lock import WriterLock

    with WriterLock(own):
        done = onrecord("library", "--confidential", library=own)
        assert done.code == 2
        assert "another process is writing" in done.err
        assert onrecord("library", "--json", library=own).json()["confidential"] is False


def test_the_help_has_an_example(onrecord: Run) -> None:
    done = onrecord("library", "--help")
    assert done.code == 0
    assert "onrecord library --confidential" in done.out


def test_the_offline_answerer_still_answers(onrecord: Run, own: Path) -> None:
    onrecord("library", "--confidential", library=own)
    done = onrecord("ask", "How many containers were in the third shipment?", "--json", library=own)
    assert json.loads(done.out)["status"] == "answered"
